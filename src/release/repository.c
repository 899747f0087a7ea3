/* SPDX-License-Identifier: Apache-2.0 */
#include "release/repository_held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those who hold the lock are done in a moment, or wait for witnesses. */
#define LOCK_TIMEOUT_MS 5000
#define DAY INT64_C(86400)

typedef unsigned long long ull;

struct vt_lifetimes
vt_lifetimes_or_default(const struct vt_lifetimes *l)
{
    return (struct vt_lifetimes){
        .root_s = l->root_s > 0 ? l->root_s : 365 * DAY,
        .channel_s = l->channel_s > 0 ? l->channel_s : 90 * DAY,
        .snapshot_s = l->snapshot_s > 0 ? l->snapshot_s : 14 * DAY,
        .timestamp_s = l->timestamp_s > 0 ? l->timestamp_s : 2 * DAY,
    };
}

static enum vt_err
metadata_path(
    const struct vt_home *h, const char *name, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_home_path(h, ret, why, "public/tuf/metadata/%s", name);
}

enum vt_err
vt_repository_read(
    const struct vt_home *h, const char *name, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = metadata_path(h, name, path, why);
    return err != VT_OK ? err : vt_file_read(path, b, why);
}

enum vt_err
vt_repository_write(
    const struct vt_home *h, const char *name, const struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = metadata_path(h, name, path, why);
    return err != VT_OK ? err : vt_file_replace(path, 0644, b->data, b->len, why);
}

enum vt_err
vt_repository_write_numbered(const struct vt_home *h, uint64_t version, const char *role,
    const struct vt_buf *b, struct vt_why *why)
{
    char name[128];
    (void)snprintf(name, sizeof name, "%llu.%s.json", (ull)version, role);
    return vt_repository_write(h, name, b, why);
}

/* Reads and parses a file, and checks that `role` signed it (when not NULL). */
static enum vt_err
load(const struct vt_home *h, const char *name, enum vt_tuf_type type,
    const struct vt_tuf_role *role, struct vt_tuf **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    struct vt_tuf *m = NULL;
    enum vt_err err = vt_repository_read(h, name, &b, why);
    if (err == VT_OK)
        err = vt_tuf_parse(b.data, b.len, type, name, &m, why);
    if (err == VT_OK && role != NULL)
        err = vt_tuf_check_role(m, role, NULL, why);
    vt_buf_release(&b);
    if (err != VT_OK) {
        vt_tuf_free(m);
        return vt_fail_in(why, err, "%s/public/tuf/metadata", h->dir);
    }
    *ret = m;
    return VT_OK;
}

static enum vt_err
load_numbered(const struct vt_home *h, const struct vt_tuf *by, const char *file,
    enum vt_tuf_type type, const struct vt_tuf_role *role, struct vt_tuf **ret,
    struct vt_why *why)
{
    char name[128];
    const struct vt_tuf_file *f = vt_tuf_file(by, file);
    if (f == NULL)
        return vt_fail(why, VT_E_NOENT, "%s is not listed", file);
    (void)snprintf(name, sizeof name, "%llu.%.100s", (ull)f->version, file);
    return load(h, name, type, role, ret, why);
}

/* The newest root: the versions have no gaps. */
static enum vt_err
load_root(const struct vt_home *h, struct vt_tuf **ret, struct vt_why *why)
{
    struct vt_tuf *newest = NULL;
    char name[64];
    enum vt_err err = VT_OK;
    for (uint64_t n = 1; err == VT_OK; n++) {
        struct vt_tuf *m = NULL;
        (void)snprintf(name, sizeof name, "%llu.root.json", (ull)n);
        err = load(h, name, VT_TUF_ROOT, NULL, &m, why);
        if (err == VT_OK) {
            vt_tuf_free(newest);
            newest = m;
        }
    }
    if (err != VT_E_NOENT || newest == NULL) {
        vt_tuf_free(newest);
        return err;
    }
    *ret = newest;
    return VT_OK;
}

static enum vt_err
load_all(struct vt_repository *r, struct vt_why *why)
{
    const struct vt_home *h = &r->home;
    enum vt_err err = load_root(h, &r->root, why);
    if (err == VT_OK)
        err = vt_tuf_check_role(r->root, vt_tuf_role(r->root, "root"), NULL, why);
    if (err == VT_OK)
        err = load(h, "timestamp.json", VT_TUF_TIMESTAMP, vt_tuf_role(r->root, "timestamp"),
            &r->timestamp, why);
    if (err == VT_OK)
        err = load_numbered(h, r->timestamp, "snapshot.json", VT_TUF_SNAPSHOT,
            vt_tuf_role(r->root, "snapshot"), &r->snapshot, why);
    if (err == VT_OK)
        err = load_numbered(h, r->snapshot, "targets.json", VT_TUF_TARGETS,
            vt_tuf_role(r->root, "targets"), &r->targets, why);
    return err;
}

static void
unload(struct vt_repository *r)
{
    vt_tuf_free(r->root);
    vt_tuf_free(r->targets);
    vt_tuf_free(r->snapshot);
    vt_tuf_free(r->timestamp);
    r->root = r->targets = r->snapshot = r->timestamp = NULL;
}

enum vt_err
vt_repository_reload(struct vt_repository *r, struct vt_why *why)
{
    unload(r);
    return load_all(r, why);
}

enum vt_err
vt_repository_lock(const struct vt_home *h, struct vt_lock *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(h, path, why, "releases");
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_home_path(h, path, why, "releases/lock");
    return err != VT_OK
               ? err
               : vt_lock_wait(ret, path, "the site's repository", LOCK_TIMEOUT_MS, NULL, why);
}

bool
vt_repository_exists(const struct vt_home *h)
{
    char path[VT_PATH_MAX];
    return metadata_path(h, "timestamp.json", path, NULL) == VT_OK && vt_file_exists(path);
}

enum vt_err
vt_repository_open(const struct vt_home *home, struct vt_repository **ret, struct vt_why *why)
{
    if (!vt_repository_exists(home))
        return vt_fail(why, VT_E_NOENT,
            "%s has no repository yet: `vitrine release init` makes one", home->dir);
    struct vt_repository *r = calloc(1, sizeof *r);
    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the repository");
    r->home = *home;
    r->lock.fd = -1;
    enum vt_err err = vt_repository_lock(home, &r->lock, why);
    if (err == VT_OK)
        err = load_all(r, why);
    if (err != VT_OK) {
        vt_repository_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

void
vt_repository_free(struct vt_repository *r)
{
    if (r == NULL)
        return;
    unload(r);
    if (r->lock.fd >= 0)
        vt_lock_release(&r->lock);
    free(r);
}

const struct vt_home *
vt_repository_home(const struct vt_repository *r)
{
    return &r->home;
}

const struct vt_tuf *
vt_repository_root(const struct vt_repository *r)
{
    return r->root;
}

const struct vt_tuf *
vt_repository_targets(const struct vt_repository *r)
{
    return r->targets;
}

const struct vt_tuf *
vt_repository_snapshot(const struct vt_repository *r)
{
    return r->snapshot;
}

uint64_t
vt_repository_timestamp_version(const struct vt_repository *r)
{
    return vt_tuf_version(r->timestamp);
}

enum vt_err
vt_repository_channel(const struct vt_repository *r, const char *channel,
    const struct vt_tuf_role **ret, struct vt_why *why)
{
    const struct vt_tuf_role *role = vt_tuf_role(r->targets, channel);
    if (role == NULL)
        return vt_fail(why, VT_E_NOENT,
            "the repository has no channel %s: see `vitrine release init --channel`", channel);
    *ret = role;
    return VT_OK;
}

uint64_t
vt_repository_version(const struct vt_repository *r, const char *channel)
{
    char file[80];
    (void)snprintf(file, sizeof file, "%.64s.json", channel);
    const struct vt_tuf_file *f = vt_tuf_file(r->snapshot, file);
    return f == NULL ? 0 : f->version;
}

enum vt_err
vt_repository_published(
    const struct vt_repository *r, const char *channel, struct vt_tuf **ret, struct vt_why *why)
{
    char file[80];
    const struct vt_tuf_role *role = NULL;
    enum vt_err err = vt_repository_channel(r, channel, &role, why);
    if (err != VT_OK)
        return err;
    (void)snprintf(file, sizeof file, "%.64s.json", channel);
    if (vt_tuf_file(r->snapshot, file) == NULL) {
        *ret = NULL;
        return VT_OK;
    }
    /* The threshold may have been raised since: what is published stays readable. */
    return load_numbered(&r->home, r->snapshot, file, VT_TUF_TARGETS, NULL, ret, why);
}
