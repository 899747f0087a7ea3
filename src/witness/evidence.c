/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What logs signed against their own records: files for people.
 */
#include "witness/records_held.h"

#include <inttypes.h>
#include <string.h>

enum { SPLIT_MAX = 16, UNPROVEN_MAX = 8 };

#define RECORD_SUFFIX ".record"

/* Named by origin, size and root, so that the same one is kept once. */
static enum vt_err
evidence_path(const struct vt_witness_records *r, const struct vt_witness_verdict *v,
    const char *suffix, char ret[VT_PATH_MAX], struct vt_why *why)
{
    char origin[VT_DIGEST_HEX_SIZE];
    char root[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(&v->log->id, origin);
    vt_digest_hex(&v->checkpoint.root, root);
    return vt_path(ret, why, "%s/evidence/%s-%" PRIu64 "-%s%s", r->dir, origin,
        v->checkpoint.size, root, suffix);
}

static enum vt_err
keep_record(
    const struct vt_witness_records *r, const struct vt_witness_verdict *v, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = evidence_path(r, v, RECORD_SUFFIX, path, why);

    if (err == VT_OK && v->log->note != NULL)
        err = vt_file_create(path, 0600, v->log->note, v->log->note_len, why);
    return err == VT_E_EXIST ? VT_OK : err;
}

enum vt_err
vt_witness_records_evidence(struct vt_witness_records *r, const struct vt_witness_verdict *v,
    bool *ret_kept, struct vt_why *why)
{
    unsigned most = v->doubt == VT_WITNESS_SPLIT ? SPLIT_MAX : UNPROVEN_MAX;
    struct vt_buf b = VT_BUF(VT_WITNESS_NOTE_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = evidence_path(r, v, "", path, why);

    *ret_kept = false;
    if (err != VT_OK || v->log->evidence >= most || vt_file_exists(path))
        return err;
    vt_witness_note_put(&b, &v->note);
    err = vt_buf_check(&b, "checkpoint", why);
    /* The record first: who finds the other finds it. */
    if (err == VT_OK)
        err = keep_record(r, v, why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    if (err != VT_OK)
        return err;
    v->log->evidence++;
    *ret_kept = true;
    return VT_OK;
}

static bool
ends_in(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t end = strlen(suffix);

    return len >= end && strcmp(name + len - end, suffix) == 0;
}

static enum vt_err
count_file(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_witness_log *log;
    struct vt_digest id;

    (void)why;
    if (strlen(name) < VT_DIGEST_HEX_SIZE || ends_in(name, RECORD_SUFFIX) ||
        !vt_digest_from_hex(name, VT_DIGEST_HEX_SIZE - 1, &id))
        return VT_OK;
    log = vt_witness_table_find_id(ctx, &id);
    if (log != NULL)
        log->evidence++;
    return VT_OK;
}

enum vt_err
vt_witness_evidence_count(const char *dir, struct vt_witness_table *t, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/evidence", dir);

    if (err == VT_OK && vt_file_exists(path))
        err = vt_dir_each(path, count_file, t, why);
    return err;
}
