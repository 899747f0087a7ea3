/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/records_held.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Opening. */

enum vt_err
vt_witness_table_load(struct vt_witness_table *t, uint64_t time, const uint8_t *note,
    size_t note_len, struct vt_why *why)
{
    struct vt_witness_log *log = NULL;
    struct vt_checkpoint c;
    struct vt_note n;
    uint8_t *copy;
    enum vt_err err = vt_note_parse(note, note_len, &n, why);

    if (err == VT_OK)
        err = vt_checkpoint_parse(n.text, n.text_len, &c, why);
    if (err != VT_OK)
        return vt_fail_in(why, VT_E_DIGEST, "a record is no checkpoint");
    err = vt_witness_table_add(t, c.origin, &log, why);
    if (err != VT_OK)
        return err;
    if (c.size < log->size || time < log->time ||
        (c.size == log->size && log->note != NULL && !vt_digest_eq(&c.root, &log->root)))
        return vt_fail(why, VT_E_DIGEST, "the records of %s contradict each other", c.origin);
    copy = malloc(note_len);
    if (copy == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    memcpy(copy, note, note_len);
    free(log->note);
    log->note = copy;
    log->note_len = (uint32_t)note_len;
    log->size = c.size;
    log->root = c.root;
    log->time = time;
    return VT_OK;
}

static enum vt_err
load_record(void *ctx, const struct vt_witness_record *rec, struct vt_why *why)
{
    return vt_witness_table_load(ctx, rec->time, rec->note, rec->note_len, why);
}

/* The records of the older form must be those logs' own. */
static enum vt_err
check_files(const struct vt_witness_table *t, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < vt_witness_table_count(t) && err == VT_OK; i++) {
        const struct vt_witness_log *log = vt_witness_table_at(t, i);
        struct vt_note note;

        if (log->note == NULL || log->keys.count == 0)
            continue;
        err = vt_note_parse(log->note, log->note_len, &note, why);
        if (err == VT_OK)
            err = vt_witness_check_note(log, &note, why);
        if (err != VT_OK)
            return vt_fail_in(why, err,
                "the record of %s (put back a sound copy, or name the log's key of then)",
                log->origin);
    }
    return VT_OK;
}

/* A witness that took this for its first start would cosign any tree of a log whose record is
 * gone. */
static enum vt_err
missing(const char *dir, struct vt_why *why)
{
    return vt_fail(why, VT_E_ROLLBACK,
        "%s/journal is missing: put it back as it last was, or make a new witness with a new "
        "key; without it this one does not know what it has cosigned",
        dir);
}

/* What is there when no journal is. */
static enum vt_err
load_older(const char *dir, struct vt_witness_table *t, struct vt_why *why)
{
    enum vt_err err = vt_witness_files_load(dir, t, why);

    return err == VT_OK && vt_witness_table_count(t) == 0 ? missing(dir, why) : err;
}

/* The first start of this version. */
static enum vt_err
begin_journal(struct vt_witness_records *r, const char *path, const struct vt_witness_follow *v,
    size_t n, struct vt_why *why)
{
    struct vt_witness_walk w = {.table = r->table};
    struct vt_witness_base base;
    enum vt_err err = load_older(r->dir, r->table, why);

    if (err == VT_OK)
        err = vt_witness_table_follow(r->table, v, n, why);
    if (err == VT_OK)
        err = check_files(r->table, why);
    if (err != VT_OK)
        return err;
    base = vt_witness_walk_base(&w);
    return vt_witness_journal_new(path, &base, &r->journal, why);
}

static enum vt_err
open_journal(struct vt_witness_records *r, const char *path, const struct vt_witness_follow *v,
    size_t n, struct vt_why *why)
{
    uint64_t cut = 0;
    enum vt_err err =
        vt_witness_journal_open(path, load_record, r->table, &r->journal, &cut, why);

    if (err == VT_OK && cut > 0)
        vt_log(VT_LOG_WARN, "%s: cut off %llu bytes that were never answered for", path,
            (unsigned long long)cut);
    return err == VT_OK ? vt_witness_table_follow(r->table, v, n, why) : err;
}

enum vt_err
vt_witness_records_make(const char *dir, struct vt_why *why)
{
    const struct vt_witness_base nothing = {0};
    struct vt_witness_journal *j = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    if (vt_file_exists(dir))
        err = vt_fail(why, VT_E_EXIST, "%s: a witness's records are there already", dir);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/evidence", dir);
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/journal", dir);
    if (err == VT_OK)
        err = vt_witness_journal_new(path, &nothing, &j, why);
    vt_witness_journal_free(j);
    return err;
}

static enum vt_err
take_folder(struct vt_witness_records *r, const char *dir, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(r->dir, why, "%s", dir);

    if (err == VT_OK && !vt_file_exists(dir))
        err = missing(dir, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/evidence", dir);
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", dir);
    if (err == VT_OK)
        err = vt_lock_take(&r->lock, path, "the witness's records", why);
    r->locked = err == VT_OK;
    return err;
}

static enum vt_err
load_folder(struct vt_witness_records *r, const struct vt_witness_follow *v, size_t n,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/journal", r->dir);

    if (err == VT_OK)
        err = vt_file_exists(path) ? open_journal(r, path, v, n, why)
                                   : begin_journal(r, path, v, n, why);
    /* What the journal has taken over; also when a crash came between. */
    if (err == VT_OK)
        err = vt_witness_files_remove(r->dir, why);
    if (err == VT_OK)
        err = vt_witness_evidence_count(r->dir, r->table, why);
    return err;
}

enum vt_err
vt_witness_records_open(const char *dir, const struct vt_witness_follow *v, size_t n,
    struct vt_witness_records **ret, struct vt_why *why)
{
    struct vt_witness_records *r = calloc(1, sizeof(*r));
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    vt_buf_init(&r->batch, 2U * VT_WITNESS_BATCH_MAX);
    err = vt_witness_table_new(&r->table, why);
    if (err == VT_OK)
        err = take_folder(r, dir, why);
    if (err == VT_OK)
        err = load_folder(r, v, n, why);
    if (err != VT_OK) {
        vt_witness_records_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

void
vt_witness_records_free(struct vt_witness_records *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->undos; i++)
        free(r->undo[i].note);
    free(r->undo);
    vt_buf_release(&r->batch);
    vt_witness_journal_free(r->journal);
    vt_witness_table_free(r->table);
    if (r->locked)
        vt_lock_release(&r->lock);
    free(r);
}

struct vt_witness_table *
vt_witness_records_table(const struct vt_witness_records *r)
{
    return r->table;
}

enum vt_err
vt_witness_records_read(const char *dir, struct vt_witness_table *t, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/journal", dir);

    if (err != VT_OK)
        return err;
    if (vt_file_exists(path))
        err = vt_witness_journal_read(path, load_record, t, why);
    else
        err = vt_file_exists(dir) ? load_older(dir, t, why) : missing(dir, why);
    if (err == VT_OK)
        err = vt_witness_evidence_count(dir, t, why);
    return err;
}
