/* SPDX-License-Identifier: Apache-2.0 */
#include "update/client.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_ 96 /* "18446744073709551615." and a channel's file name */

struct run {
    const struct vt_tuf_client_opts *o;
    struct vt_trust *trust;
};

static enum vt_err
state_path(const struct run *r, const char *name, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/%s", r->o->dir, name);
}

static enum vt_err
keep(const struct run *r, const char *name, const struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = state_path(r, name, path, why);
    return err != VT_OK ? err : vt_file_replace(path, 0644, b->data, b->len, why);
}

static enum vt_err
kept(const struct run *r, const char *name, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = state_path(r, name, path, why);
    return err != VT_OK ? err : vt_file_read(path, b, why);
}

static enum vt_err
forget(const struct run *r, const char *name, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = state_path(r, name, path, why);
    if (err != VT_OK)
        return err;
    if (unlink(path) != 0 && errno != ENOENT)
        return vt_fail_errno(why, "removing %s", path);
    return vt_dir_sync(r->o->dir, why);
}

static enum vt_err
keep_root(const struct run *r, uint64_t version, const struct vt_buf *b, struct vt_why *why)
{
    char name[NAME_MAX_];
    (void)snprintf(
        name, sizeof name, "root_history/%llu.root.json", (unsigned long long)version);
    enum vt_err err = keep(r, name, b, why);
    return err != VT_OK ? err : keep(r, "root.json", b, why);
}

/* Fetches a metadata file of at most `max` bytes. */
static enum vt_err
fetch(const struct run *r, const char *name, size_t max, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    vt_buf_release(b);
    vt_buf_init(b, max);
    enum vt_err err = vt_path(path, why, "tuf/metadata/%s", name);
    if (err != VT_OK)
        return err;
    err = r->o->mirror->get(r->o->mirror->ctx, path, b, why);
    if (err == VT_E_LIMIT)
        return vt_fail(
            why, err, "%s is longer than the %zu bytes it may have: endless data", name, max);
    return err;
}

/* Whether the given root belongs to the line of roots that the folder holds. */
static enum vt_err
check_line(const struct run *r, uint64_t version, struct vt_why *why)
{
    char name[NAME_MAX_];
    struct vt_buf b = VT_BUF(VT_TUF_ROOT_MAX);
    (void)snprintf(
        name, sizeof name, "root_history/%llu.root.json", (unsigned long long)version);
    enum vt_err err = kept(r, name, &b, why);
    if (err == VT_E_NOENT) {
        err = VT_OK;
    } else if (err == VT_OK &&
               (b.len != r->o->root_len || memcmp(b.data, r->o->root, b.len) != 0)) {
        err = vt_fail(why, VT_E_CONFIG,
            "the root given (version %llu) is another than the one that %s was begun with: "
            "give "
            "that one, or begin with a new folder",
            (unsigned long long)version, r->o->dir);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
version_of(const void *data, size_t len, uint64_t *ret, struct vt_why *why)
{
    struct vt_tuf *m = NULL;
    enum vt_err err = vt_tuf_parse(data, len, VT_TUF_ROOT, "the root given", &m, why);
    if (err == VT_OK)
        *ret = vt_tuf_version(m);
    vt_tuf_free(m);
    return err;
}

/* Begins with the newer of the root that was kept and the one that is given. */
static enum vt_err
begin(struct run *r, struct vt_why *why)
{
    const struct vt_tuf_client_opts *o = r->o;
    struct vt_buf b = VT_BUF(VT_TUF_ROOT_MAX);
    uint64_t given = 0;
    bool have = false;
    enum vt_err err = kept(r, "root.json", &b, why);
    if (err == VT_E_NOENT && o->root == NULL)
        err = vt_fail(why, VT_E_CONFIG, "%s has no trusted root yet: give one", o->dir);
    else if (err == VT_E_NOENT)
        err = VT_OK;
    else if (err == VT_OK)
        have = true;
    if (err == VT_OK && have)
        err = vt_trust_new(b.data, b.len, o->now, o->names, &r->trust, why);
    if (err == VT_OK && o->root != NULL)
        err = version_of(o->root, o->root_len, &given, why);
    if (err == VT_OK && o->root != NULL && have)
        err = check_line(r, given, why);
    if (err != VT_OK || (have && given <= vt_tuf_version(vt_trust_root(r->trust))))
        goto out;
    vt_trust_free(r->trust);
    r->trust = NULL;
    err = vt_trust_new(o->root, o->root_len, o->now, o->names, &r->trust, why);
    if (err == VT_OK) {
        vt_buf_release(&b);
        vt_buf_init(&b, VT_TUF_ROOT_MAX);
        vt_buf_put(&b, o->root, o->root_len);
        err = vt_buf_check(&b, "the root given", why);
    }
    if (err == VT_OK)
        err = keep_root(r, given, &b, why);
out:
    vt_buf_release(&b);
    return err;
}

/* One newer root, if there is one. What the new keys revoke is deleted before
 * the root is kept: a crash between the two repeats this step. */
static enum vt_err
one_root(struct run *r, struct vt_buf *b, bool *ret_more, struct vt_why *why)
{
    char name[NAME_MAX_];
    bool rotated = false;
    uint64_t next = vt_tuf_version(vt_trust_root(r->trust)) + 1;
    (void)snprintf(name, sizeof name, "%llu.root.json", (unsigned long long)next);
    enum vt_err err = fetch(r, name, VT_TUF_ROOT_MAX, b, why);
    if (err == VT_E_NOENT) {
        *ret_more = false;
        return VT_OK;
    }
    if (err == VT_OK)
        err = vt_trust_next_root(r->trust, b->data, b->len, &rotated, why);
    if (err == VT_OK && rotated)
        err = forget(r, "timestamp.json", why);
    if (err == VT_OK && rotated)
        err = forget(r, "snapshot.json", why);
    return err != VT_OK ? err : keep_root(r, next, b, why);
}

static enum vt_err
update_root(struct run *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_ROOT_MAX);
    bool more = true;
    enum vt_err err = VT_OK;
    for (unsigned i = 0; i < VT_TUF_ROTATIONS_MAX && err == VT_OK && more; i++)
        err = one_root(r, &b, &more, why);
    if (err == VT_OK)
        err = vt_trust_seal_root(r->trust, why);
    vt_buf_release(&b);
    return err;
}

/* A kept file that cannot be read or no longer counts is passed over, as the
 * specification wants: then there is no earlier version to compare with. */
static void
recall(const struct run *r)
{
    struct vt_buf b = VT_BUF(VT_TUF_TIMESTAMP_MAX);
    if (kept(r, "timestamp.json", &b, NULL) == VT_OK)
        (void)vt_trust_recall_timestamp(r->trust, b.data, b.len);
    vt_buf_release(&b);
    vt_buf_init(&b, VT_TUF_METADATA_MAX);
    if (kept(r, "snapshot.json", &b, NULL) == VT_OK)
        (void)vt_trust_recall_snapshot(r->trust, b.data, b.len);
    vt_buf_release(&b);
}

static enum vt_err
update_timestamp(struct run *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_TIMESTAMP_MAX);
    bool newer = false;
    enum vt_err err = fetch(r, "timestamp.json", VT_TUF_TIMESTAMP_MAX, &b, why);
    if (err == VT_OK)
        err = vt_trust_timestamp(r->trust, b.data, b.len, &newer, why);
    if (err == VT_OK && newer)
        err = keep(r, "timestamp.json", &b, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
take(struct run *r, const char *role, const struct vt_buf *b, struct vt_why *why)
{
    if (strcmp(role, "snapshot") == 0)
        return vt_trust_snapshot(r->trust, b->data, b->len, why);
    if (strcmp(role, "targets") == 0)
        return vt_trust_targets(r->trust, b->data, b->len, why);
    return vt_trust_channel(r->trust, role, b->data, b->len, why);
}

/* The file that was kept if it is the one listed; else fetches it. */
static enum vt_err
update_listed(struct run *r, const char *role, struct vt_why *why)
{
    char name[NAME_MAX_];
    char remote[NAME_MAX_ + 24];
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    (void)snprintf(name, sizeof name, "%s.json", role);
    const struct vt_tuf_file *f = vt_trust_wants(r->trust, name);
    enum vt_err err = VT_OK;
    if (f == NULL)
        return take(r, role, &b, why); /* says why it cannot be */
    if (kept(r, name, &b, NULL) == VT_OK && take(r, role, &b, NULL) == VT_OK)
        goto out;
    if (f->has_length && f->length > VT_TUF_METADATA_MAX) {
        err = vt_fail(why, VT_E_LIMIT, "%s is said to have %llu bytes; at most %u are read",
            name, (unsigned long long)f->length, VT_TUF_METADATA_MAX);
        goto out;
    }
    if (vt_tuf_body(vt_trust_root(r->trust))->consistent_snapshot)
        (void)snprintf(remote, sizeof remote, "%llu.%s", (unsigned long long)f->version, name);
    else
        (void)snprintf(remote, sizeof remote, "%s", name);
    err = fetch(r, remote, f->has_length ? f->length : VT_TUF_METADATA_MAX, &b, why);
    if (err == VT_OK)
        err = take(r, role, &b, why);
    if (err == VT_OK)
        err = keep(r, name, &b, why);
out:
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_tuf_client_update(const struct vt_tuf_client_opts *opts, const char *channel,
    struct vt_trust **ret, struct vt_why *why)
{
    char history[VT_PATH_MAX];
    struct run r = {.o = opts};
    if (!vt_tuf_channel_valid(channel))
        return vt_fail(why, VT_E_USAGE, "\"%.64s\" cannot be a channel's name", channel);
    enum vt_err err = vt_path(history, why, "%s/root_history", opts->dir);
    if (err == VT_OK)
        err = vt_dir_make(history, 0755, why);
    if (err == VT_OK)
        err = begin(&r, why);
    if (err == VT_OK)
        err = update_root(&r, why);
    if (err == VT_OK) {
        recall(&r);
        err = update_timestamp(&r, why);
    }
    if (err == VT_OK)
        err = update_listed(&r, "snapshot", why);
    if (err == VT_OK)
        err = update_listed(&r, "targets", why);
    if (err == VT_OK)
        err = update_listed(&r, channel, why);
    if (err != VT_OK) {
        vt_trust_free(r.trust);
        return err;
    }
    *ret = r.trust;
    return VT_OK;
}
