/* SPDX-License-Identifier: Apache-2.0 */
#include "search/library.h"

#include "search/library_held.h"
#include "search/library_tables.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A writer that was killed may have left a ctags that lives a moment longer, with the lock. */
#define LOCK_MS 2000

#define CACHE_READ "PRAGMA cache_size=-16384"
#define CACHE_WRITE "PRAGMA cache_size=-98304"

static enum vt_err
open_tables(struct vt_library *l, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/" VT_LIBRARY_TABLES, l->dir);

    if (err == VT_OK)
        err = vt_sql_open(path, l->writable ? VT_SQL_WRITE : VT_SQL_READ, VT_LIBRARY_SCHEMA,
            VT_LIBRARY_VERSION, &l->db, why);
    if (err == VT_OK && stat(path, &st) != 0)
        err = vt_fail_errno(why, "%s", path);
    if (err == VT_OK) {
        l->dev = st.st_dev;
        l->ino = st.st_ino;
        err = vt_sql_do(l->db, why, l->writable ? CACHE_WRITE : CACHE_READ, "");
    }
    return err;
}

/* Removes a shard's file that the tables do not know. */
static enum vt_err
sweep_shard(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_library *l = ctx;
    char path[VT_PATH_MAX];
    char known[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/" VT_LIBRARY_SHARDS "/%s", l->dir, name);

    for (size_t i = 0; err == VT_OK && i < l->shard_count; i++) {
        err = vt_library_shard_path(
            l, VT_LIBRARY_SHARDS, l->shard[i].id, l->shard[i].generation, known, why);
        if (err == VT_OK && strcmp(known, path) == 0)
            return VT_OK;
    }
    if (err == VT_OK && unlink(path) != 0)
        err = vt_fail_errno(why, "cannot remove %s", path);
    return err;
}

enum vt_err
vt_library_sweep(struct vt_library *l, struct vt_why *why)
{
    char work[VT_PATH_MAX];
    char shards[VT_PATH_MAX];
    enum vt_err err = vt_path(work, why, "%s/" VT_LIBRARY_WORK, l->dir);

    if (err == VT_OK)
        err = vt_path(shards, why, "%s/" VT_LIBRARY_SHARDS, l->dir);
    if (err == VT_OK)
        err = vt_tree_remove(work, why);
    if (err == VT_OK)
        err = vt_dir_make(work, 0755, why);
    if (err == VT_OK)
        err = vt_dir_make(shards, 0755, why);
    return err == VT_OK ? vt_dir_each(shards, sweep_shard, l, why) : err;
}

static enum vt_err
open_writable(struct vt_library *l, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_dir_make(l->dir, 0755, why);

    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", l->dir);
    if (err == VT_OK)
        err = vt_lock_wait(&l->lock, path, "the source library", LOCK_MS, NULL, why);
    return err;
}

enum vt_err
vt_library_open(const char *dir, bool writable, struct vt_library **ret, struct vt_why *why)
{
    struct vt_library *l = calloc(1, sizeof(*l));
    enum vt_err err;

    if (l == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", dir);
    l->lock.fd = -1;
    l->writable = writable;
    err = vt_path(l->dir, why, "%s", dir);
    if (err == VT_OK && writable)
        err = open_writable(l, why);
    if (err == VT_OK)
        err = open_tables(l, why);
    if (err == VT_OK)
        err = vt_library_reload(l, why);
    if (err == VT_OK && writable)
        err = vt_library_sweep(l, why);
    if (err != VT_OK) {
        vt_library_close(l);
        return err;
    }
    *ret = l;
    return VT_OK;
}

static void
forget(struct vt_library *l)
{
    for (size_t i = 0; i < l->shard_count; i++)
        vt_shard_close(l->shard[i].open);
    free(l->shard);
    free(l->snap);
    free(l->within);
    vt_library_where_free(l->where);
    l->within = NULL;
    l->within_count = 0;
    l->within_snap = 0;
    l->shard = NULL;
    l->shard_count = 0;
    l->snap = NULL;
    l->snap_count = 0;
    l->where = NULL;
}

void
vt_library_close(struct vt_library *l)
{
    if (l == NULL)
        return;
    forget(l);
    vt_library_diff_end(l);
    vt_sql_close(l->db);
    vt_lock_release(&l->lock);
    free(l);
}

static enum vt_err
read_snapshots(struct vt_library *l, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    int64_t count = 0;
    enum vt_err err = vt_sql_count(l->db, 0, &count, why, "SELECT count(*) FROM snapshot", "");

    if (err == VT_OK && (l->snap = calloc((size_t)count + 1, sizeof(*l->snap))) == NULL)
        err = vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
    if (err == VT_OK)
        err = vt_sql_query(l->db, &r, why,
            "SELECT seq, source, folder, files, lines, bytes FROM snapshot ORDER BY seq", "");
    while (err == VT_OK && l->snap_count < (size_t)count &&
           (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        struct vt_library_snapshot *s = &l->snap[l->snap_count++];

        s->seq = vt_sql_int(r, 0);
        s->folder = vt_sql_int(r, 2);
        s->total.files = (uint64_t)vt_sql_int(r, 3);
        s->total.lines = (uint64_t)vt_sql_int(r, 4);
        s->total.bytes = (uint64_t)vt_sql_int(r, 5);
        if (!vt_sql_digest(r, 1, &s->source))
            err = vt_fail(why, VT_E_SYNTAX, "%s: a snapshot has no digest", l->dir);
    }
    vt_sql_end(r);
    return err;
}

static enum vt_err
read_shards(struct vt_library *l, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    int64_t count = 0;
    enum vt_err err = vt_sql_count(l->db, 0, &count, why, "SELECT count(*) FROM shard", "");

    if (err == VT_OK && (l->shard = calloc((size_t)count + 1, sizeof(*l->shard))) == NULL)
        err = vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->dir);
    if (err == VT_OK)
        err = vt_sql_query(l->db, &r, why, "SELECT id, generation FROM shard ORDER BY id", "");
    while (err == VT_OK && l->shard_count < (size_t)count &&
           (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        l->shard[l->shard_count].id = (uint32_t)vt_sql_int(r, 0);
        l->shard[l->shard_count++].generation = (uint32_t)vt_sql_int(r, 1);
    }
    vt_sql_end(r);
    return err;
}

/* Takes over the shards that were open and are the same still. */
static void
keep_open(struct vt_library *l, struct vt_library *old)
{
    size_t o = 0;

    for (size_t i = 0; i < l->shard_count; i++) {
        while (o < old->shard_count && old->shard[o].id < l->shard[i].id)
            o++;
        if (o < old->shard_count && old->shard[o].id == l->shard[i].id &&
            old->shard[o].generation == l->shard[i].generation) {
            l->shard[i].open = old->shard[o].open;
            old->shard[o].open = NULL; /* moved */
        }
    }
}

enum vt_err
vt_library_reload(struct vt_library *l, struct vt_why *why)
{
    struct vt_library fresh = *l;
    int64_t version = 0;
    enum vt_err err;

    fresh.snap = NULL;
    fresh.snap_count = 0;
    fresh.shard = NULL;
    fresh.shard_count = 0;
    fresh.where = NULL;
    fresh.within = NULL;
    fresh.within_count = 0;
    fresh.within_snap = 0;
    err = vt_sql_count(l->db, 0, &version, why, "PRAGMA data_version", "");
    if (err == VT_OK)
        err = read_snapshots(&fresh, why);
    if (err == VT_OK)
        err = read_shards(&fresh, why);
    if (err != VT_OK) {
        forget(&fresh);
        return err;
    }
    keep_open(&fresh, l);
    forget(l);
    *l = fresh;
    l->version = version;
    return VT_OK;
}

/* Whether the tables' file is another one than that which is open. */
static bool
was_made_anew(const struct vt_library *l)
{
    char path[VT_PATH_MAX];
    struct stat st;

    return vt_path(path, NULL, "%s/" VT_LIBRARY_TABLES, l->dir) == VT_OK &&
           stat(path, &st) == 0 && (st.st_dev != l->dev || st.st_ino != l->ino);
}

static enum vt_err
reopen(struct vt_library *l, struct vt_why *why)
{
    struct vt_library *fresh = NULL;
    struct vt_library old = *l;
    enum vt_err err = vt_library_open(l->dir, false, &fresh, why);

    if (err != VT_OK)
        return err;
    *l = *fresh;
    *fresh = old;
    vt_library_close(fresh);
    return VT_OK;
}

enum vt_err
vt_library_refresh(struct vt_library *l, struct vt_why *why)
{
    int64_t version = 0;
    enum vt_err err;

    if (!l->writable && was_made_anew(l))
        return reopen(l, why);
    err = vt_sql_count(l->db, 0, &version, why, "PRAGMA data_version", "");
    if (err != VT_OK || version == l->version)
        return err;
    return vt_library_reload(l, why);
}

enum vt_err
vt_library_seek(const struct vt_library *l, const struct vt_digest *source,
    const struct vt_library_snapshot **ret, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    for (size_t i = l->snap_count; i-- > 0;) {
        if (memcmp(&l->snap[i].source, source, sizeof *source) == 0) {
            *ret = &l->snap[i];
            return VT_OK;
        }
    }
    vt_digest_hex(source, hex);
    return vt_fail(why, VT_E_NOENT, "the library has no source %s", hex);
}

enum vt_err
vt_library_source(struct vt_library *l, const struct vt_digest *source,
    struct vt_library_source *ret, struct vt_why *why)
{
    const struct vt_library_snapshot *s;
    enum vt_err err = vt_library_seek(l, source, &s, why);

    if (err == VT_OK)
        *ret = s->total;
    return err;
}
