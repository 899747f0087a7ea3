/* SPDX-License-Identifier: Apache-2.0 */
#include "release/stage.h"

#include "release/claim.h"
#include "release/document.h"
#include "update/mirror.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>

struct job {
    struct vt_repository *r;
    const struct vt_stage_opts *o;
    const struct vt_home *home;
    const struct vt_tuf_role *role;
    char path[VT_PATH_MAX]; /* public/staged/CHANNEL.json */
    uint64_t published;
    struct vt_tuf *staged; /* what is staged now, when newer than what is published */
    struct vt_tuf *former; /* what is published, or NULL */
};

static enum vt_err
read_staged(struct job *j, struct vt_why *why)
{
    char half[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    enum vt_err err = vt_file_read(j->path, &b, why);
    if (err == VT_OK)
        err = vt_tuf_parse(b.data, b.len, VT_TUF_TARGETS, j->path, &j->staged, why);
    vt_buf_release(&b);
    if (err == VT_E_NOENT)
        return VT_OK;
    if (err != VT_OK)
        return err;
    if (vt_tuf_version(j->staged) <= j->published) {
        vt_tuf_free(j->staged);
        j->staged = NULL;
        return VT_OK;
    }
    err = vt_claim_file(j->home, j->o->channel, vt_tuf_version(j->staged), "json", half, why);
    if (err == VT_OK && vt_file_exists(half))
        err = vt_fail(why, VT_E_STATE,
            "version %llu of %s is half published: finish it with `vitrine release publish %s`",
            (unsigned long long)vt_tuf_version(j->staged), j->o->channel, j->o->channel);
    return err;
}

static enum vt_err
check_signer(const struct job *j, struct vt_why *why)
{
    const struct vt_pubkey *pub = vt_signer_public(j->o->assembler);
    for (size_t i = 0; i < j->role->key_count; i++)
        if (j->role->key[i]->scheme == VT_TUF_ED25519 &&
            vt_pubkey_eq(&j->role->key[i]->ed25519, pub))
            return VT_OK;
    return vt_fail(why, VT_E_UNKNOWN,
        "%s is none of those who sign channel %s: see `require assembly` in the policy",
        vt_signer_name(j->o->assembler), j->o->channel);
}

static bool
has_product(const struct vt_tuf *m, const char *product)
{
    size_t len = strlen(product);
    const struct vt_tuf_body *b = vt_tuf_body(m);
    for (size_t i = 0; i < b->target_count; i++)
        if (strncmp(b->target[i].path, product, len) == 0 && b->target[i].path[len] == '/')
            return true;
    return false;
}

/* A product belongs to one channel, or clients that search all channels for a
 * path would find what they did not mean. */
static enum vt_err
check_other_channels(const struct job *j, const struct vt_offer *o, struct vt_why *why)
{
    const struct vt_tuf_body *b = vt_tuf_body(vt_repository_targets(j->r));
    enum vt_err err = VT_OK;
    for (size_t i = 0; i < b->role_count && err == VT_OK; i++) {
        struct vt_tuf *m = NULL;
        if (strcmp(b->role[i].name, j->o->channel) == 0)
            continue;
        err = vt_repository_published(j->r, b->role[i].name, &m, why);
        if (err == VT_OK && m != NULL && has_product(m, o->product))
            err = vt_fail(why, VT_E_REFUSED, "%s is a product of channel %s, not of %s",
                o->product, b->role[i].name, j->o->channel);
        vt_tuf_free(m);
    }
    return err;
}

static enum vt_err
check_item(const struct job *j, size_t n, struct vt_why *why)
{
    char path[4 * VT_OFFER_NAME_SIZE];
    struct vt_offer form;
    const struct vt_offer *o = &j->o->item[n].offer;
    (void)snprintf(path, sizeof path, "%s/%s/%s", o->product, o->version, o->file);
    enum vt_err err = vt_offer_parse_path(path, &form, why);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        if (strcmp(j->o->item[i].offer.product, o->product) == 0)
            err = vt_fail(why, VT_E_USAGE,
                "two artifacts are of %s: a channel has one a product", o->product);
    if (err == VT_OK)
        err = check_other_channels(j, o, why);
    if (err == VT_OK)
        err = vt_claim_check(j->home, o, why);
    return err;
}

/* public/tuf/targets/PRODUCT/VERSION/HASH.FILE, verified while it is copied. */
static enum vt_err
copy_target(const struct job *j, const struct vt_stage_item *item, struct vt_why *why)
{
    char dir[VT_PATH_MAX], to[VT_PATH_MAX], hex[VT_DIGEST_HEX_SIZE];
    char from_dir[VT_PATH_MAX], from_name[VT_PATH_MAX];
    const struct vt_offer *o = &item->offer;
    struct vt_file_new f = {0};
    struct vt_mirror m = {0};
    struct vt_digest d;
    uint64_t len = 0;
    vt_digest_hex(&o->digest, hex);
    memcpy(from_dir, item->path, sizeof from_dir);
    memcpy(from_name, item->path, sizeof from_name);
    enum vt_err err =
        vt_home_path(j->home, dir, why, "public/tuf/targets/%s/%s", o->product, o->version);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0755, why);
    if (err == VT_OK)
        err = vt_path(to, why, "%s/%s.%s", dir, hex, o->file);
    if (err == VT_OK)
        err = vt_mirror_open(dirname(from_dir), &m, why);
    if (err == VT_OK)
        err = vt_file_new_begin(&f, to, 0644, why);
    if (err == VT_OK)
        err = m.get_fd(m.ctx, basename(from_name), f.fd, o->length, NULL, NULL, &d, &len, why);
    if (err == VT_OK && (len != o->length || !vt_digest_eq(&d, &o->digest)))
        err = vt_fail(why, VT_E_DIGEST, "%s does not have the digest of its name", item->path);
    if (err == VT_OK)
        err = vt_file_new_commit(&f, why);
    vt_file_new_abort(&f);
    vt_mirror_close(&m);
    return err;
}

/* Leaves out the former target of a product. */
static void
drop_product(json_t *targets, const char *product)
{
    size_t len = strlen(product);
    const char *path;
    json_t *value;
    void *next;
    json_object_foreach_safe(targets, next, path, value)
    {
        if (strncmp(path, product, len) == 0 && path[len] == '/')
            (void)json_object_del(targets, path);
    }
}

static enum vt_err
put_target(json_t *targets, const struct vt_offer *o, struct vt_why *why)
{
    char path[4 * VT_OFFER_NAME_SIZE];
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(&o->digest, hex);
    (void)snprintf(path, sizeof path, "%s/%s/%s", o->product, o->version, o->file);
    drop_product(targets, o->product);
    json_t *t = json_pack("{s:I, s:{s:s}, s:{s:s, s:s}}", "length", (json_int_t)o->length,
        "hashes", "sha256", hex, "custom", "product", o->product, "version", o->version);
    return json_object_set_new(targets, path, t) != 0
               ? vt_fail(why, VT_E_NOMEM, "no memory for a target")
               : VT_OK;
}

static json_t *
targets_of(const struct vt_tuf *m)
{
    return json_object_get(json_object_get(vt_tuf_document(m), "signed"), "targets");
}

/* What was staged or else published, with the items in their products' places. */
static enum vt_err
make_targets(const struct job *j, json_t **ret, struct vt_why *why)
{
    const struct vt_tuf *base = j->staged != NULL ? j->staged : j->former;
    json_t *targets = base == NULL ? json_object() : json_deep_copy(targets_of(base));
    enum vt_err err =
        targets == NULL ? vt_fail(why, VT_E_NOMEM, "no memory for targets") : VT_OK;
    for (size_t i = 0; i < j->o->count && err == VT_OK; i++)
        err = put_target(targets, &j->o->item[i].offer, why);
    if (err == VT_OK && json_object_size(targets) == 0)
        err = vt_fail(
            why, VT_E_NOENT, "channel %s would be empty: give an --artifact", j->o->channel);
    if (err != VT_OK) {
        json_decref(targets);
        return err;
    }
    *ret = targets;
    return VT_OK;
}

static bool
is_good(const struct vt_tuf *m, const json_t *targets, int64_t now, int64_t life_s)
{
    return m != NULL && json_equal(targets_of(m), targets) &&
           vt_tuf_expires(m) - now > life_s / 2;
}

/* Whether just this is staged, or published with nothing else staged; and with
 * at least half of its life before it. */
static bool
is_done(const struct job *j, const json_t *targets, int64_t life_s)
{
    if (j->staged != NULL)
        return is_good(j->staged, targets, j->o->now, life_s);
    return j->o->count > 0 && is_good(j->former, targets, j->o->now, life_s);
}

static enum vt_err
write_staged(const struct job *j, const json_t *targets, uint64_t version, int64_t life_s,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    json_t *doc = NULL;
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(j->home, dir, why, "public/staged");
    if (err == VT_OK)
        err = vt_dir_make(dir, 0755, why);
    if (err == VT_OK)
        err = vt_document_new(VT_TUF_TARGETS, version, j->o->now + life_s, &doc, why);
    if (err == VT_OK && json_object_set_new(doc, "targets", json_deep_copy(targets)) != 0)
        err = vt_fail(why, VT_E_NOMEM, "no memory for targets");
    if (err == VT_OK)
        err = vt_document_sign(doc, &j->o->assembler, 1, &b, why);
    if (err == VT_OK)
        err = vt_file_replace(j->path, 0644, b.data, b.len, why);
    json_decref(doc);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
begin(struct job *j, struct vt_why *why)
{
    const struct vt_stage_opts *o = j->o;
    if (o->count > VT_STAGE_ARTIFACTS_MAX)
        return vt_fail(why, VT_E_LIMIT, "%zu artifacts; a release has at most %u", o->count,
            VT_STAGE_ARTIFACTS_MAX);
    enum vt_err err = vt_repository_channel(j->r, o->channel, &j->role, why);
    if (err == VT_OK)
        err = check_signer(j, why);
    if (err == VT_OK)
        err = vt_home_path(j->home, j->path, why, "public/staged/%s.json", o->channel);
    if (err == VT_OK)
        err = vt_repository_published(j->r, o->channel, &j->former, why);
    if (err == VT_OK)
        err = read_staged(j, why);
    for (size_t i = 0; i < o->count && err == VT_OK; i++)
        err = check_item(j, i, why);
    return err;
}

enum vt_err
vt_stage_run(struct vt_repository *r, const struct vt_stage_opts *opts, uint64_t *ret_version,
    bool *ret_new, struct vt_why *why)
{
    struct job j = {.r = r,
        .o = opts,
        .home = vt_repository_home(r),
        .published = vt_repository_version(r, opts->channel)};
    json_t *targets = NULL;
    int64_t life_s = vt_lifetimes_or_default(&opts->lifetimes).channel_s;
    enum vt_err err = begin(&j, why);
    uint64_t version = (j.staged != NULL ? vt_tuf_version(j.staged) : j.published) + 1;
    if (err == VT_OK)
        err = make_targets(&j, &targets, why);
    for (size_t i = 0; i < opts->count && err == VT_OK; i++)
        err = copy_target(&j, &opts->item[i], why);
    if (err != VT_OK)
        goto out;
    *ret_new = !is_done(&j, targets, life_s);
    if (*ret_new)
        err = write_staged(&j, targets, version, life_s, why);
    if (err == VT_OK)
        *ret_version = *ret_new ? version : version - 1;
out:
    json_decref(targets);
    vt_tuf_free(j.staged);
    vt_tuf_free(j.former);
    return err;
}
