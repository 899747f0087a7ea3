/* SPDX-License-Identifier: Apache-2.0 */
#include "release/repository_held.h"

#include "release/document.h"

#include <stdio.h>
#include <string.h>

typedef unsigned long long ull;

/*
 * Writing. The snapshot lists what it listed before, with one file replaced;
 * the timestamp lists the snapshot.
 */

/* A changed file of the snapshot, or one listed for the first time. */
struct change {
    const char *file; /* "targets.json"; NULL: none */
    uint64_t version;
    const void *data;
    size_t len;
};

struct writer {
    const struct vt_home *home;
    struct vt_signer *signer;
    struct vt_lifetimes lifetimes;
    int64_t now;
};

/* What the old snapshot says of all files but the one that changes. */
static enum vt_err
keep_listed(json_t *doc, const struct vt_tuf *old, const char *but, struct vt_why *why)
{
    const json_t *meta =
        json_object_get(json_object_get(vt_tuf_document(old), "signed"), "meta");
    json_t *copy = json_deep_copy(meta);
    if (copy == NULL || json_object_set_new(doc, "meta", copy) != 0)
        return vt_fail(why, VT_E_NOMEM, "no memory for a snapshot");
    if (but != NULL)
        (void)json_object_del(copy, but);
    return VT_OK;
}

static enum vt_err
write_snapshot(const struct writer *w, const struct vt_tuf *old, const struct change *c,
    struct vt_buf *b, uint64_t *ret_version, struct vt_why *why)
{
    json_t *doc = NULL;
    uint64_t version = old == NULL ? 1 : vt_tuf_version(old) + 1;
    enum vt_err err =
        vt_document_new(VT_TUF_SNAPSHOT, version, w->now + w->lifetimes.snapshot_s, &doc, why);
    if (err == VT_OK && old != NULL)
        err = keep_listed(doc, old, c->file, why);
    if (err == VT_OK && c->file != NULL)
        err = vt_document_meta(doc, c->file, c->version, c->data, c->len, why);
    if (err == VT_OK)
        err = vt_document_sign(doc, &w->signer, 1, b, why);
    if (err == VT_OK)
        err = vt_repository_write_numbered(w->home, version, "snapshot", b, why);
    if (err == VT_OK)
        *ret_version = version;
    json_decref(doc);
    return err;
}

static enum vt_err
write_timestamp(const struct writer *w, uint64_t version, uint64_t snapshot_version,
    const struct vt_buf *snapshot, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_TIMESTAMP_MAX);
    json_t *doc = NULL;
    enum vt_err err = vt_document_new(
        VT_TUF_TIMESTAMP, version, w->now + w->lifetimes.timestamp_s, &doc, why);
    if (err == VT_OK)
        err = vt_document_meta(
            doc, "snapshot.json", snapshot_version, snapshot->data, snapshot->len, why);
    if (err == VT_OK)
        err = vt_document_sign(doc, &w->signer, 1, &b, why);
    if (err == VT_OK)
        err = vt_repository_write(w->home, "timestamp.json", &b, why);
    json_decref(doc);
    vt_buf_release(&b);
    return err;
}

/* Snapshot and timestamp; without a change and with a snapshot that is still in
 * the first half of its life, the timestamp only. */
static enum vt_err
write_state(const struct writer *w, const struct vt_repository *r, const struct change *c,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    char name[64];
    uint64_t version = vt_tuf_version(r->snapshot);
    enum vt_err err = VT_OK;
    if (c->file == NULL && vt_tuf_expires(r->snapshot) - w->now > w->lifetimes.snapshot_s / 2) {
        (void)snprintf(name, sizeof name, "%llu.snapshot.json", (ull)version);
        err = vt_repository_read(w->home, name, &b, why);
    } else {
        err = write_snapshot(w, r->snapshot, c, &b, &version, why);
    }
    if (err == VT_OK)
        err = write_timestamp(w, vt_tuf_version(r->timestamp) + 1, version, &b, why);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_repository_publish(
    struct vt_repository *r, const struct vt_repository_news *news, struct vt_why *why)
{
    char file[80];
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    struct change c = {NULL, news->version, news->data, news->len};
    struct writer w = {
        &r->home, news->release, vt_lifetimes_or_default(&news->lifetimes), news->now};
    enum vt_err err = VT_OK;
    if (news->channel != NULL) {
        if (vt_repository_version(r, news->channel) >= news->version)
            return VT_OK;
        (void)snprintf(file, sizeof file, "%.64s.json", news->channel);
        c.file = file;
        vt_buf_put(&b, news->data, news->len);
        err = vt_buf_check(&b, file, why);
        if (err == VT_OK)
            err = vt_repository_write_numbered(&r->home, news->version, news->channel, &b, why);
    }
    if (err == VT_OK)
        err = write_state(&w, r, &c, why);
    if (err == VT_OK)
        err = vt_repository_reload(r, why);
    vt_buf_release(&b);
    return err;
}

/*
 * Root and targets.
 */

/* The keys and threshold that the policy gives to channels: all whom it
 * requires for assembly and rebuild, and as many as can satisfy both. */
static enum vt_err
channel_keys(const struct vt_repository_plan *plan, struct vt_pubkey key[VT_POLICY_PARTIES_MAX],
    size_t *ret_count, uint64_t *ret_threshold, struct vt_why *why)
{
    struct vt_signer_set assembly, rebuild;
    unsigned least_assembly = 0;
    unsigned least_rebuild = 0;
    const struct vt_policy_party *party = NULL;
    size_t n = vt_policy_signers(plan->policy, &party);
    size_t count = 0;
    vt_policy_members(plan->policy, VT_ENTRY_ASSEMBLY, &assembly, &least_assembly);
    vt_policy_members(plan->policy, VT_ENTRY_REBUILD, &rebuild, &least_rebuild);
    for (size_t i = 0; i < n; i++)
        if ((assembly.has[i] || rebuild.has[i]) && party[i].key.alg == VT_NOTE_ED25519)
            key[count++] = party[i].key.pub;
    uint64_t threshold =
        plan->threshold > 0 ? plan->threshold : (uint64_t)least_assembly + least_rebuild;
    if (count == 0 || threshold == 0)
        return vt_fail(why, VT_E_CONFIG,
            "the policy requires nobody for assembly and rebuild, so nobody could sign a "
            "channel: add `require assembly` and `require rebuild` lines");
    if (threshold > count)
        return vt_fail(why, VT_E_CONFIG,
            "a threshold of %llu cannot be: assembly and rebuild have %zu signers together",
            (ull)threshold, count);
    *ret_count = count;
    *ret_threshold = threshold;
    return VT_OK;
}

static enum vt_err
write_root(const struct vt_home *h, const struct vt_repository_plan *plan, uint64_t version,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_ROOT_MAX);
    json_t *doc = NULL;
    const struct vt_pubkey *root = vt_signer_public(plan->root);
    const struct vt_pubkey *release = vt_signer_public(plan->release);
    const struct vt_document_role roles[] = {
        {"root", root, 1, 1},
        {"targets", root, 1, 1},
        {"snapshot", release, 1, 1},
        {"timestamp", release, 1, 1},
    };
    struct vt_lifetimes l = vt_lifetimes_or_default(&plan->lifetimes);
    enum vt_err err = vt_document_new(VT_TUF_ROOT, version, plan->now + l.root_s, &doc, why);
    if (err == VT_OK)
        err = vt_document_root(doc, roles, 4, why);
    if (err == VT_OK)
        err = vt_document_sign(doc, &plan->root, 1, &b, why);
    if (err == VT_OK)
        err = vt_repository_write_numbered(h, version, "root", &b, why);
    json_decref(doc);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
write_targets(const struct vt_home *h, const struct vt_repository_plan *plan, uint64_t version,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_pubkey key[VT_POLICY_PARTIES_MAX];
    struct vt_document_role roles[VT_CHANNELS_MAX];
    size_t count = 0;
    uint64_t threshold = 0;
    json_t *doc = NULL;
    struct vt_lifetimes l = vt_lifetimes_or_default(&plan->lifetimes);
    enum vt_err err = channel_keys(plan, key, &count, &threshold, why);
    for (size_t i = 0; i < plan->channel_count; i++)
        roles[i] = (struct vt_document_role){plan->channels[i], key, count, threshold};
    if (err == VT_OK)
        err = vt_document_new(VT_TUF_TARGETS, version, plan->now + l.root_s, &doc, why);
    if (err == VT_OK && json_object_set_new(doc, "targets", json_object()) != 0)
        err = vt_fail(why, VT_E_NOMEM, "no memory for targets");
    if (err == VT_OK)
        err = vt_document_delegations(doc, roles, plan->channel_count, VT_CHANNEL_PATHS, why);
    if (err == VT_OK)
        err = vt_document_sign(doc, &plan->root, 1, b, why);
    if (err == VT_OK)
        err = vt_repository_write_numbered(h, version, "targets", b, why);
    json_decref(doc);
    return err;
}

static enum vt_err
check_channels(const struct vt_repository_plan *plan, struct vt_why *why)
{
    if (plan->channel_count < 1 || plan->channel_count > VT_CHANNELS_MAX)
        return vt_fail(why, VT_E_USAGE, "%zu channels: there can be 1 to %u",
            plan->channel_count, VT_CHANNELS_MAX);
    for (size_t i = 0; i < plan->channel_count; i++) {
        if (!vt_tuf_channel_valid(plan->channels[i]))
            return vt_fail(why, VT_E_USAGE,
                "\"%.64s\" cannot be a channel's name: lower-case letters, digits and '-'",
                plan->channels[i]);
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->channels[i], plan->channels[j]) == 0)
                return vt_fail(why, VT_E_USAGE, "channel %s is given twice", plan->channels[i]);
    }
    return VT_OK;
}

static enum vt_err
init_locked(
    const struct vt_home *home, const struct vt_repository_plan *plan, struct vt_why *why)
{
    struct vt_buf targets = VT_BUF(VT_TUF_METADATA_MAX);
    struct vt_buf snapshot = VT_BUF(VT_TUF_METADATA_MAX);
    char path[VT_PATH_MAX];
    uint64_t version = 0;
    struct writer w = {
        home, plan->release, vt_lifetimes_or_default(&plan->lifetimes), plan->now};
    enum vt_err err = vt_home_path(home, path, why, "public/tuf/metadata");
    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = write_targets(home, plan, 1, &targets, why);
    if (err == VT_OK)
        err = write_root(home, plan, 1, why);
    struct change c = {"targets.json", 1, targets.data, targets.len};
    if (err == VT_OK)
        err = write_snapshot(&w, NULL, &c, &snapshot, &version, why);
    if (err == VT_OK)
        err = write_timestamp(&w, 1, version, &snapshot, why);
    vt_buf_release(&snapshot);
    vt_buf_release(&targets);
    return err;
}

enum vt_err
vt_repository_init(
    const struct vt_home *home, const struct vt_repository_plan *plan, struct vt_why *why)
{
    struct vt_lock lock = {.fd = -1};
    enum vt_err err = check_channels(plan, why);
    if (err == VT_OK)
        err = vt_repository_lock(home, &lock, why);
    if (err != VT_OK)
        return err;
    if (vt_repository_exists(home))
        err = vt_fail(why, VT_E_EXIST, "%s has a repository already", home->dir);
    else
        err = init_locked(home, plan, why);
    vt_lock_release(&lock);
    return err;
}

enum vt_err
vt_repository_renew(
    struct vt_repository *r, const struct vt_repository_plan *plan, struct vt_why *why)
{
    const char *names[VT_CHANNELS_MAX];
    struct vt_repository_plan p = *plan;
    struct vt_buf targets = VT_BUF(VT_TUF_METADATA_MAX);
    const struct vt_tuf_body *b = vt_tuf_body(r->targets);
    uint64_t version = vt_tuf_version(r->targets) + 1;
    struct writer w = {
        &r->home, plan->release, vt_lifetimes_or_default(&plan->lifetimes), plan->now};
    if (p.channels == NULL && b->role_count <= VT_CHANNELS_MAX) {
        for (size_t i = 0; i < b->role_count; i++)
            names[i] = b->role[i].name;
        p.channels = names;
        p.channel_count = b->role_count;
    }
    enum vt_err err = check_channels(&p, why);
    if (err == VT_OK)
        err = write_targets(&r->home, &p, version, &targets, why);
    if (err == VT_OK)
        err = write_root(&r->home, &p, vt_tuf_version(r->root) + 1, why);
    struct change c = {"targets.json", version, targets.data, targets.len};
    if (err == VT_OK)
        err = write_state(&w, r, &c, why);
    if (err == VT_OK)
        err = vt_repository_reload(r, why);
    vt_buf_release(&targets);
    return err;
}
