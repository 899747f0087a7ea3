/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a log. What was signed last (DIR/signed) is the measure: the write-ahead log must
 * reach to it, the public files up to it must give its root. What is behind it is derived anew
 * from the write-ahead log.
 */
#include "log/mend.h"
#include "log/writer_held.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What may have to be forgotten again when a commit fails comes on top of the window. */
#define NAMES_MAX (VT_LOG_WINDOW + VT_WAL_QUEUE_MAX)

/* Reads DIR/signed, if there is one. */
static enum vt_err
load_signed(struct vt_log_writer *w, struct vt_why *why)
{
    struct vt_note note;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/signed", w->dir);

    if (err != VT_OK || !vt_file_exists(path))
        return err;
    err = vt_file_read(path, &w->signed_note, why);
    if (err == VT_OK)
        err = vt_note_parse(w->signed_note.data, w->signed_note.len, &note, why);
    if (err == VT_OK)
        err = vt_checkpoint_parse(note.text, note.text_len, &w->signed_cp, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", path);
    if (strcmp(w->signed_cp.origin, w->origin) != 0)
        return vt_fail(why, VT_E_CONFIG, "%s: it is of the log %s, not of %s", path,
            w->signed_cp.origin, w->origin);
    w->has_signed = true;
    return VT_OK;
}

static enum vt_err
take_lock(struct vt_log_writer *w, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char what[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/lock", w->dir);

    if (err == VT_OK)
        err = vt_path(what, why, "the log %s in %s", w->origin, w->dir);
    if (err == VT_OK)
        err = vt_lock_take(&w->lock, path, what, why);
    w->locked = err == VT_OK;
    return err;
}

static enum vt_err
open_wal(struct vt_log_writer *w, struct vt_why *why)
{
    struct vt_wal_opts opts = {
        .origin = w->origin, .least = w->has_signed ? w->signed_cp.size : 0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/wal", w->dir);

    if (err == VT_OK)
        err = vt_wal_open(path, &opts, &w->wal, &w->cut, why);
    return err;
}

/* The entries of the last tile before the signed size must be the same in the write-ahead log:
 * one that was put back from another log's history is noticed before anything follows it. */
static enum vt_err
check_wal(struct vt_log_writer *w, struct vt_why *why)
{
    struct vt_hash_source src = vt_derive_source(w->derive);
    uint64_t size = w->signed_cp.size;
    uint64_t from = size == 0 ? 0 : (size - 1) / VT_TILE_WIDTH * VT_TILE_WIDTH;
    struct vt_wal_follow *f = NULL;
    enum vt_err err;

    if (from < vt_wal_first(w->wal))
        from = vt_wal_first(w->wal);
    err = vt_wal_follow_new(w->wal, from, &f, why);
    for (uint64_t i = from; i < size && err == VT_OK; i++) {
        struct vt_wal_record rec = {0};
        struct vt_digest want = {{0}};
        struct vt_digest leaf;

        err = vt_wal_follow_get(f, &rec, why);
        if (err == VT_OK)
            err = src.get(src.ctx, 0, i, &want, why);
        if (err != VT_OK)
            break;
        vt_merkle_leaf(rec.data, rec.len, &leaf);
        if (!vt_digest_eq(&leaf, &want))
            err = vt_fail(why, VT_E_DIGEST,
                "%s/wal: entry %" PRIu64
                " is not the one that was signed: put back a sound copy of the folder",
                w->dir, i);
        vt_wal_follow_step(f);
    }
    vt_wal_follow_free(f);
    return err;
}

/* The tree of the signed size, from its public files. */
static enum vt_err
load_tree(struct vt_log_writer *w, struct vt_why *why)
{
    uint64_t mended = 0;
    enum vt_err err;

    if (!w->has_signed)
        return VT_OK;
    err = vt_mend_tiles(w->public_dir, w->wal, w->signed_cp.size, &mended, why);
    if (err == VT_OK)
        err = vt_derive_load(w->derive, w->signed_cp.size, &w->signed_cp.root, why);
    if (err != VT_OK)
        return vt_fail_in(why, err,
            vt_wal_first(w->wal) == 0 ? "%s (all of %s/tile is made again when it is removed)"
                                      : "%s: put back a sound copy of %s/tile",
            w->dir, w->public_dir);
    return check_wal(w, why);
}

/* The names of the newest entries. */
static enum vt_err
load_names(struct vt_log_writer *w, struct vt_why *why)
{
    uint64_t count = vt_wal_count(w->wal);
    uint64_t first = count > VT_LOG_WINDOW ? count - VT_LOG_WINDOW : 0;
    struct vt_wal_follow *f = NULL;
    enum vt_err err;

    if (first < vt_wal_first(w->wal))
        first = vt_wal_first(w->wal);
    err = vt_window_new(NAMES_MAX, first, &w->names, why);
    if (err == VT_OK)
        err = vt_wal_follow_new(w->wal, first, &f, why);
    for (uint64_t i = first; i < count && err == VT_OK; i++) {
        struct vt_wal_record rec = {0};

        err = vt_wal_follow_get(f, &rec, why);
        if (err == VT_OK)
            vt_window_put(w->names, &rec.name);
        vt_wal_follow_step(f);
    }
    vt_wal_follow_free(f);
    return err;
}

/* Everything that is durable is public, once this is done. */
static enum vt_err
catch_up(struct vt_log_writer *w, struct vt_why *why)
{
    enum vt_err err = vt_wal_follow_new(w->wal, vt_derive_size(w->derive), &w->follow, why);

    if (err == VT_OK)
        err = vt_log_writer_follow(w, UINT64_MAX, why);
    atomic_store(&w->derived_bytes, 0);
    return err;
}

static enum vt_err
open_folders(
    struct vt_log_writer *w, const char *dir, const char *public_dir, struct vt_why *why)
{
    enum vt_err err = vt_path(w->dir, why, "%s", dir);

    if (err == VT_OK)
        err = vt_path(w->public_dir, why, "%s", public_dir);
    if (err == VT_OK)
        err = vt_dir_make(w->dir, 0700, why);
    if (err == VT_OK)
        err = vt_dir_make(w->public_dir, 0755, why);
    return err == VT_OK ? take_lock(w, why) : err;
}

static enum vt_err
recover(struct vt_log_writer *w, struct vt_why *why)
{
    enum vt_err err = load_signed(w, why);

    if (err == VT_OK)
        err = open_wal(w, why);
    if (err == VT_OK)
        err = vt_derive_new(w->public_dir, &w->derive, why);
    if (err == VT_OK)
        err = load_tree(w, why);
    if (err == VT_OK)
        err = load_names(w, why);
    if (err == VT_OK)
        err = vt_log_writer_load_frozen(w, why);
    if (err == VT_OK)
        err = catch_up(w, why);
    if (err == VT_OK)
        err = vt_entries_new(w->public_dir, w->wal, w->derive, &w->entries, why);
    return err;
}

enum vt_err
vt_log_writer_open(const char *dir, const char *public_dir, const char *origin,
    struct vt_log_writer **ret, struct vt_why *why)
{
    struct vt_log_writer *w;
    enum vt_err err;

    if (!vt_key_name_valid(origin))
        return vt_fail(why, VT_E_USAGE, "%s: not a name that a log can have", origin);
    w = calloc(1, sizeof(*w));
    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "log: out of memory");
    (void)pthread_mutex_init(&w->gate_mutex, NULL);
    atomic_init(&w->gate, VT_LOG_OPEN);
    atomic_init(&w->derived_bytes, 0);
    vt_buf_init(&w->signed_note, VT_NOTE_MAX);
    vt_buf_init(&w->frozen_note, VT_NOTE_MAX);
    memcpy(w->origin, origin, strlen(origin) + 1);
    err = open_folders(w, dir, public_dir, why);
    if (err == VT_OK)
        err = recover(w, why);
    if (err != VT_OK) {
        vt_log_writer_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}
