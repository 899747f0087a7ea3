/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/records.h"

#include "base/file.h"
#include "merkle/tree.h"

#include <stdlib.h>
#include <string.h>

enum { EVIDENCE_MAX = 1000 };

struct vt_witness_records {
    char dir[VT_PATH_MAX];
    struct vt_lock lock;
    bool locked;
    size_t count;
    struct vt_witness_log log[VT_WITNESS_LOGS_MAX];
};

static enum vt_err
record_path(
    const struct vt_witness_records *r, size_t i, char ret[VT_PATH_MAX], struct vt_why *why)
{
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_of(r->log[i].key.name, strlen(r->log[i].key.name), &d);
    vt_digest_hex(&d, hex);
    return vt_path(ret, why, "%s/%s", r->dir, hex);
}

static enum vt_err
load_record(struct vt_witness_records *r, size_t i, struct vt_why *why)
{
    struct vt_witness_log *log = &r->log[i];
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    char path[VT_PATH_MAX];
    struct vt_checkpoint c;
    struct vt_note note;
    enum vt_err err = record_path(r, i, path, why);

    if (err != VT_OK)
        return err;
    vt_merkle_empty(&log->root);
    if (!vt_file_exists(path))
        return VT_OK;
    err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_checkpoint_open(b.data, b.len, &log->key, &note, &c, why);
    if (err == VT_OK) {
        log->size = c.size;
        log->root = c.root;
    }
    vt_buf_release(&b);
    if (err != VT_OK)
        return vt_fail_in(
            why, err, "%s (put back a sound copy, or name the log's key of then)", path);
    return VT_OK;
}

static enum vt_err
take_keys(
    struct vt_witness_records *r, const struct vt_vkey *keys, size_t count, struct vt_why *why)
{
    if (count > VT_WITNESS_LOGS_MAX)
        return vt_fail(
            why, VT_E_CONFIG, "a witness follows at most %u logs", VT_WITNESS_LOGS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].alg != VT_NOTE_ED25519)
            return vt_fail(
                why, VT_E_CONFIG, "the key of the log %s is not of type 01", keys[i].name);
        for (size_t k = 0; k < i; k++)
            if (strcmp(keys[i].name, keys[k].name) == 0)
                return vt_fail(why, VT_E_CONFIG, "the log %s is named twice", keys[i].name);
        r->log[i].key = keys[i];
    }
    r->count = count;
    return VT_OK;
}

static enum vt_err
open_records(struct vt_witness_records *r, const char *dir, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(r->dir, why, "%s", dir);

    if (err == VT_OK)
        err = vt_path(path, why, "%s/evidence", dir);
    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/lock", dir);
    if (err == VT_OK)
        err = vt_lock_take(&r->lock, path, "the witness's records", why);
    if (err != VT_OK)
        return err;
    r->locked = true;
    for (size_t i = 0; i < r->count && err == VT_OK; i++)
        err = load_record(r, i, why);
    return err;
}

enum vt_err
vt_witness_records_open(const char *dir, const struct vt_vkey *keys, size_t count,
    struct vt_witness_records **ret, struct vt_why *why)
{
    struct vt_witness_records *r = calloc(1, sizeof(*r));
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    err = take_keys(r, keys, count, why);
    if (err == VT_OK)
        err = open_records(r, dir, why);
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
    if (r->locked)
        vt_lock_release(&r->lock);
    free(r);
}

size_t
vt_witness_records_logs(const struct vt_witness_records *r, const struct vt_witness_log **ret)
{
    *ret = r->log;
    return r->count;
}

/* The checkpoint with the log's signature alone: what else was signed onto it
 * is none of ours, and would let a stranger fill the disk. */
static enum vt_err
put_note(const struct vt_witness_log *log, const struct vt_witness_verdict *v, struct vt_buf *b,
    struct vt_why *why)
{
    struct vt_note note;
    uint8_t sig[VT_SIG_SIZE];
    size_t n;
    enum vt_err err = vt_note_parse(v->note, v->note_len, &note, why);

    if (err != VT_OK)
        return err;
    vt_buf_put(b, note.text, note.text_len);
    vt_buf_puts(b, "\n");
    for (size_t i = 0; i < note.sig_count && err == VT_OK; i++) {
        const struct vt_note_sig *s = &note.sig[i];

        if (s->id != log->key.id || s->name_len != strlen(log->key.name) ||
            memcmp(s->name, log->key.name, s->name_len) != 0)
            continue;
        err = vt_note_sig_bytes(s, sig, sizeof(sig), &n, why);
        if (err == VT_OK)
            vt_note_put_sig(b, log->key.name, log->key.id, sig, n);
        break;
    }
    return err == VT_OK ? vt_buf_check(b, "checkpoint", why) : err;
}

enum vt_err
vt_witness_records_keep(
    struct vt_witness_records *r, const struct vt_witness_verdict *v, struct vt_why *why)
{
    struct vt_witness_log *log = &r->log[v->log];
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = record_path(r, v->log, path, why);

    if (err == VT_OK && v->checkpoint.size == log->size && vt_file_exists(path))
        return VT_OK; /* cosigned again, with a new time: nothing new to record */
    if (err == VT_OK)
        err = put_note(log, v, &b, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    if (err == VT_OK) {
        log->size = v->checkpoint.size;
        log->root = v->checkpoint.root;
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
count_name(void *ctx, const char *name, struct vt_why *why)
{
    size_t *n = ctx;

    (void)name;
    (void)why;
    (*n)++;
    return VT_OK;
}

/* Named by origin, size and root, so that the same one is kept once. */
static enum vt_err
evidence_path(const struct vt_witness_records *r, const struct vt_witness_verdict *v,
    char ret[VT_PATH_MAX], struct vt_why *why)
{
    struct vt_digest origin;
    char a[VT_DIGEST_HEX_SIZE];
    char b[VT_DIGEST_HEX_SIZE];

    vt_digest_of(v->checkpoint.origin, strlen(v->checkpoint.origin), &origin);
    vt_digest_hex(&origin, a);
    vt_digest_hex(&v->checkpoint.root, b);
    return vt_path(ret, why, "%s/evidence/%s-%llu-%s", r->dir, a,
        (unsigned long long)v->checkpoint.size, b);
}

enum vt_err
vt_witness_records_evidence(
    struct vt_witness_records *r, const struct vt_witness_verdict *v, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    char path[VT_PATH_MAX];
    size_t count = 0;
    enum vt_err err = vt_path(path, why, "%s/evidence", r->dir);

    if (err == VT_OK)
        err = vt_dir_each(path, count_name, &count, why);
    if (err == VT_OK && count >= EVIDENCE_MAX)
        return VT_OK;
    if (err == VT_OK)
        err = evidence_path(r, v, path, why);
    if (err == VT_OK)
        err = put_note(&r->log[v->log], v, &b, why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err == VT_E_EXIST ? VT_OK : err;
}
