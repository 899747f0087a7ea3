/* SPDX-License-Identifier: Apache-2.0 */
#include "release/claim.h"
#include "release/document.h"
#include "release/passports.h"
#include "release/publish.h"
#include "update/names.h"

#include <string.h>

#define SIG_FILE_MAX 4096U

struct job {
    struct vt_repository *r;
    const struct vt_publish_opts *o;
    const struct vt_home *home;
    const struct vt_tuf_role *role;
    json_t *doc;           /* staged, then with the signatures that came later */
    struct vt_tuf *staged; /* parsed doc */
};

static enum vt_err
read_staged(struct job *j, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    enum vt_err err = vt_home_path(j->home, path, why, "public/staged/%s.json", j->o->channel);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_NOENT,
            "nothing is staged for channel %s: `vitrine release stage %s` does that",
            j->o->channel, j->o->channel);
    if (err == VT_OK)
        err = vt_tuf_parse(b.data, b.len, VT_TUF_TARGETS, path, &j->staged, why);
    if (err == VT_OK)
        j->doc = json_deep_copy(vt_tuf_document(j->staged));
    if (err == VT_OK && j->doc == NULL)
        err = vt_fail(why, VT_E_NOMEM, "no memory for %s", path);
    vt_buf_release(&b);
    return err;
}

static bool
has_signature(const json_t *sigs, const char *keyid)
{
    for (size_t i = 0; i < json_array_size(sigs); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(sigs, i), "keyid"));
        if (id != NULL && strcmp(id, keyid) == 0)
            return true;
    }
    return false;
}

/* One file of HOME/staged/CHANNEL/VERSION: {"keyid", "sig"} and whatever else
 * was posted with them. */
static enum vt_err
add_file(const char *path, json_t *sigs, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(SIG_FILE_MAX);
    json_t *obj = NULL;
    const char *keyid = NULL;
    const char *sig = NULL;
    enum vt_err err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_json_parse(b.data, b.len, path, &obj, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "keyid", &keyid, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "sig", &sig, why);
    if (err == VT_OK && !has_signature(sigs, keyid) &&
        json_array_append_new(sigs, json_pack("{s:s, s:s}", "keyid", keyid, "sig", sig)) != 0)
        err = vt_fail(why, VT_E_NOMEM, "no memory for signatures");
    json_decref(obj);
    vt_buf_release(&b);
    return err;
}

/* Only files that a key of the role could have sent are looked at. */
static enum vt_err
add_files(struct job *j, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    json_t *sigs = json_object_get(j->doc, "signatures");
    enum vt_err err = VT_OK;
    for (size_t i = 0; i < j->role->key_count && err == VT_OK; i++) {
        err = vt_home_path(j->home, path, why, "staged/%s/%llu/%s.sig", j->o->channel,
            (unsigned long long)vt_tuf_version(j->staged), j->role->key[i]->id);
        if (err == VT_OK && vt_file_exists(path))
            err = add_file(path, sigs, why);
    }
    return err;
}

/* Takes out the signatures that are nobody's of the role, or wrong. */
static void
drop_bad(const struct job *j, const struct vt_tuf *all)
{
    bool by[VT_TUF_ROLE_KEYS_MAX] = {false};
    json_t *sigs = json_object_get(j->doc, "signatures");
    json_t *good = json_array();
    (void)vt_tuf_signers(all, j->role, by);
    for (size_t k = 0; k < j->role->key_count; k++)
        for (size_t i = 0; i < json_array_size(sigs) && by[k]; i++) {
            json_t *s = json_array_get(sigs, i);
            if (strcmp(json_string_value(json_object_get(s, "keyid")), j->role->key[k]->id) ==
                0)
                (void)json_array_append(good, s);
        }
    (void)json_object_set_new(j->doc, "signatures", good);
}

static enum vt_err
reparse(const struct job *j, struct vt_buf *b, struct vt_tuf **ret, struct vt_why *why)
{
    vt_buf_clear(b);
    enum vt_err err = vt_document_text(j->doc, b, why);
    return err != VT_OK
               ? err
               : vt_tuf_parse(b->data, b->len, VT_TUF_TARGETS, "staged metadata", ret, why);
}

/* The staged document with all good signatures; b gets its bytes. */
static enum vt_err
join(struct job *j, struct vt_buf *b, struct vt_why *why)
{
    struct vt_tuf *all = NULL;
    struct vt_tuf *final = NULL;
    struct vt_tuf_names names = vt_tuf_names_of(j->o->policy);
    enum vt_err err = add_files(j, why);
    if (err == VT_OK)
        err = reparse(j, b, &all, why);
    if (err == VT_OK) {
        err = vt_tuf_check_role(all, j->role, &names, why);
        drop_bad(j, all);
    }
    if (err == VT_OK)
        err = reparse(j, b, &final, why);
    if (err == VT_OK)
        err = vt_tuf_check_role(final, j->role, &names, why);
    vt_tuf_free(all);
    vt_tuf_free(final);
    return err;
}

/* Whether the target was published before, as it is now. */
static bool
is_former(const struct vt_tuf *former, const struct vt_tuf_target *t)
{
    const struct vt_tuf_target *was = former == NULL ? NULL : vt_tuf_target(former, t->path);

    return was != NULL && vt_digest_eq(&was->hash, &t->hash);
}

/* Who demands reviews neither fixes a release nor announces it in the log before they are
 * there: a source to which somebody objects is given up, and another staged. */
static enum vt_err
check_reviews(const struct job *j, struct vt_why *why)
{
    const struct vt_tuf_body *b = vt_tuf_body(j->staged);
    struct vt_log_reader *log = NULL;
    struct vt_tuf *former = NULL;
    if (vt_policy_demand_of(j->o->policy, VT_ENTRY_REVIEW) != VT_POLICY_QUORUM)
        return VT_OK;
    if (j->o->step != NULL)
        j->o->step(j->o->step_ctx, "looking for reviews");
    enum vt_err err = vt_repository_published(j->r, j->o->channel, &former, why);
    if (err == VT_OK)
        err = vt_log_reader_open(j->o->url, j->o->policy, &log, why);
    for (size_t i = 0; i < b->target_count && err == VT_OK; i++) {
        if (is_former(former, &b->target[i]))
            continue;
        err = vt_passports_check_unreleased(log, &b->target[i].hash, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", b->target[i].path);
    }
    vt_log_reader_free(log);
    vt_tuf_free(former);
    return err;
}

/* Claims the versions and writes what is to be published. */
static enum vt_err
fix(const struct job *j, const char *path, const struct vt_buf *b, struct vt_why *why)
{
    const struct vt_tuf_body *body = vt_tuf_body(j->staged);
    enum vt_err err = VT_OK;
    for (size_t i = 0; i < body->target_count && err == VT_OK; i++) {
        struct vt_offer o;
        err = vt_offer_parse_path(body->target[i].path, &o, why);
        o.digest = body->target[i].hash;
        if (err == VT_OK)
            err = vt_claim_take(j->home, &o, j->o->channel, vt_tuf_version(j->staged), why);
    }
    return err != VT_OK ? err : vt_file_create(path, 0600, b->data, b->len, why);
}

static enum vt_err
collect(struct job *j, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = read_staged(j, why);
    if (err == VT_OK)
        err =
            vt_claim_file(j->home, j->o->channel, vt_tuf_version(j->staged), "json", path, why);
    if (err != VT_OK)
        return err;
    if (vt_file_exists(path))
        return vt_file_read(path, b, why);
    if (vt_tuf_expires(j->staged) <= j->o->now)
        return vt_fail(why, VT_E_EXPIRED,
            "version %llu of %s, staged long ago, has expired: stage it again",
            (unsigned long long)vt_tuf_version(j->staged), j->o->channel);
    err = join(j, b, why);
    if (err == VT_OK)
        err = check_reviews(j, why);
    return err != VT_OK ? err : fix(j, path, b, why);
}

enum vt_err
vt_publish_collect(struct vt_repository *r, const struct vt_publish_opts *opts,
    struct vt_buf *b, uint64_t *ret_version, struct vt_why *why)
{
    struct job j = {.r = r, .o = opts, .home = vt_repository_home(r)};
    enum vt_err err = vt_repository_channel(r, opts->channel, &j.role, why);
    if (err == VT_OK)
        err = collect(&j, b, why);
    if (err == VT_OK)
        *ret_version = vt_tuf_version(j.staged);
    json_decref(j.doc);
    vt_tuf_free(j.staged);
    return err;
}
