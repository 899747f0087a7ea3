/* SPDX-License-Identifier: Apache-2.0 */
#include "log/writer.h"

#include "base/file.h"
#include "crypto/signer.h"
#include "log/derive.h"
#include "log/names.h"
#include "log/wal.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUE_MAX = 1024 };
#define QUEUE_BYTES_MAX (8U * 1024U * 1024U)

struct place {
    uint64_t offset;
    uint16_t len;
};

struct vt_log_writer {
    char dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    char origin[VT_KEY_NAME_MAX + 1];
    struct vt_lock lock;
    bool locked;
    struct vt_wal *wal;
    uint64_t cut;
    struct vt_levels levels;
    struct vt_names names;
    struct place *places;
    uint64_t places_cap;
    uint64_t derived; /* entries whose tiles are public */
    struct vt_buf signed_note;
    bool has_signed;
    struct vt_checkpoint signed_cp;
    /* Queued entries: their bytes one after the other. */
    struct vt_wal_record queue[QUEUE_MAX];
    size_t queue_at[QUEUE_MAX];
    uint32_t queued;
    struct vt_buf queue_bytes;
};

static enum vt_err
place_put(
    struct vt_log_writer *w, uint64_t index, uint64_t offset, uint16_t len, struct vt_why *why)
{
    if (index >= w->places_cap) {
        uint64_t cap = w->places_cap == 0 ? 1024 : w->places_cap * 2;
        struct place *p = NULL;

        if (cap <= SIZE_MAX / sizeof(*p))
            p = realloc(w->places, (size_t)cap * sizeof(*p));
        if (p == NULL)
            return vt_fail(why, VT_E_NOMEM, "the log's places do not fit in memory");
        w->places = p;
        w->places_cap = cap;
    }
    w->places[index] = (struct place){.offset = offset, .len = len};
    return VT_OK;
}

/* Takes a durable entry into the tables. */
static enum vt_err
take_entry(void *ctx, const struct vt_wal_record *r, uint64_t offset, struct vt_why *why)
{
    struct vt_log_writer *w = ctx;
    uint64_t index = vt_levels_size(&w->levels);
    struct vt_digest leaf;
    enum vt_err err = place_put(w, index, offset, r->len, why);

    if (err == VT_OK)
        err = vt_names_put(&w->names, &r->name, index, why);
    if (err != VT_OK)
        return err;
    vt_merkle_leaf(r->data, r->len, &leaf);
    return vt_levels_append(&w->levels, &leaf, why);
}

static enum vt_err
entry_bytes(void *ctx, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    struct vt_log_writer *w = ctx;
    struct place p = w->places[index];
    uint8_t *to = vt_buf_reserve(b, p.len);
    enum vt_err err;

    if (to == NULL)
        return vt_buf_check(b, "entry", why);
    err = vt_wal_read(w->wal, p.offset, to, p.len, why);
    if (err == VT_OK)
        vt_buf_commit(b, p.len);
    return err;
}

enum vt_err
vt_log_writer_entry(
    struct vt_log_writer *w, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    if (index >= vt_log_writer_size(w))
        return vt_fail(why, VT_E_NOENT, "the log has no entry %llu", (unsigned long long)index);
    return entry_bytes(w, index, b, why);
}

static enum vt_err
derive_to(struct vt_log_writer *w, uint64_t size, struct vt_why *why)
{
    struct vt_derive d = {
        .dir = w->public_dir, .levels = &w->levels, .entry = entry_bytes, .ctx = w};
    enum vt_err err = vt_derive_tiles(&d, w->derived, size, why);

    if (err == VT_OK)
        w->derived = size;
    return err;
}

/* Reads DIR/signed and holds it against the entries that are there. */
static enum vt_err
load_signed(struct vt_log_writer *w, struct vt_why *why)
{
    struct vt_note note;
    struct vt_digest root;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/signed", w->dir);

    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path))
        return VT_OK;
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
    if (w->signed_cp.size > vt_log_writer_size(w))
        return vt_fail(why, VT_E_ROLLBACK,
            "%s: a checkpoint of %llu entries was signed but %s/wal holds %llu: put back the "
            "newest copy of the folder",
            path, (unsigned long long)w->signed_cp.size, w->dir,
            (unsigned long long)vt_log_writer_size(w));
    err = vt_log_writer_root(w, w->signed_cp.size, &root, why);
    if (err == VT_OK && !vt_digest_eq(&root, &w->signed_cp.root))
        err = vt_fail(why, VT_E_DIGEST,
            "%s: the signed root is not that of the entries in %s/wal: put back a sound copy "
            "of "
            "the folder",
            path, w->dir);
    w->has_signed = err == VT_OK;
    return err;
}

static enum vt_err
open_wal(struct vt_log_writer *w, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char what[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/lock", w->dir);

    if (err == VT_OK)
        err = vt_path(what, why, "the log %s in %s", w->origin, w->dir);
    if (err == VT_OK)
        err = vt_lock_take(&w->lock, path, what, why);
    if (err != VT_OK)
        return err;
    w->locked = true;
    err = vt_path(path, why, "%s/wal", w->dir);
    if (err == VT_OK)
        err = vt_wal_open(path, w->origin, take_entry, w, &w->wal, &w->cut, why);
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
    vt_buf_init(&w->signed_note, VT_NOTE_MAX);
    vt_buf_init(&w->queue_bytes, QUEUE_BYTES_MAX);
    memcpy(w->origin, origin, strlen(origin) + 1);
    err = vt_path(w->dir, why, "%s", dir);
    if (err == VT_OK)
        err = vt_path(w->public_dir, why, "%s", public_dir);
    if (err == VT_OK)
        err = vt_dir_make(w->dir, 0700, why);
    if (err == VT_OK)
        err = vt_dir_make(w->public_dir, 0755, why);
    if (err == VT_OK)
        err = open_wal(w, why);
    if (err == VT_OK)
        err = load_signed(w, why);
    if (err == VT_OK)
        err = derive_to(w, w->has_signed ? w->signed_cp.size : 0, why);
    if (err != VT_OK) {
        vt_log_writer_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}

void
vt_log_writer_free(struct vt_log_writer *w)
{
    if (w == NULL)
        return;
    vt_wal_free(w->wal);
    vt_levels_release(&w->levels);
    vt_names_release(&w->names);
    free(w->places);
    vt_buf_release(&w->signed_note);
    vt_buf_release(&w->queue_bytes);
    if (w->locked)
        vt_lock_release(&w->lock);
    free(w);
}

uint64_t
vt_log_writer_size(const struct vt_log_writer *w)
{
    return vt_levels_size(&w->levels);
}

uint64_t
vt_log_writer_cut(const struct vt_log_writer *w)
{
    return w->cut;
}

bool
vt_log_writer_find(
    const struct vt_log_writer *w, const struct vt_digest *name, uint64_t *ret_index)
{
    if (vt_names_find(&w->names, name, ret_index))
        return true;
    for (uint32_t i = 0; i < w->queued; i++) {
        if (memcmp(w->queue[i].name.b, name->b, VT_DIGEST_SIZE) != 0)
            continue;
        *ret_index = vt_log_writer_size(w) + i;
        return true;
    }
    return false;
}

enum vt_err
vt_log_writer_add(struct vt_log_writer *w, const void *entry, size_t len,
    const struct vt_digest *name, uint64_t *ret_index, struct vt_why *why)
{
    if (len > VT_WAL_RECORD_MAX)
        return vt_fail(why, VT_E_LIMIT, "an entry has at most %u bytes", VT_WAL_RECORD_MAX);
    if (vt_log_writer_find(w, name, ret_index))
        return VT_OK;
    if (w->queued == QUEUE_MAX || len > QUEUE_BYTES_MAX - w->queue_bytes.len)
        return vt_fail(why, VT_E_BUSY, "the log's queue is full: try again");
    w->queue_at[w->queued] = w->queue_bytes.len;
    vt_buf_put(&w->queue_bytes, entry, len);
    if (w->queue_bytes.err != VT_OK) {
        w->queue_bytes.err = VT_OK;
        return vt_fail(why, VT_E_NOMEM, "the log's queue: out of memory");
    }
    w->queue[w->queued] = (struct vt_wal_record){.len = (uint16_t)len, .name = *name};
    *ret_index = vt_log_writer_size(w) + w->queued;
    w->queued++;
    return VT_OK;
}

enum vt_err
vt_log_writer_commit(struct vt_log_writer *w, struct vt_why *why)
{
    uint64_t offsets[QUEUE_MAX];
    uint32_t n = w->queued;
    enum vt_err err;

    if (n == 0)
        return VT_OK;
    for (uint32_t i = 0; i < n; i++)
        w->queue[i].data = w->queue_bytes.data + w->queue_at[i];
    err = vt_wal_append(w->wal, w->queue, n, offsets, why);
    for (uint32_t i = 0; i < n && err == VT_OK; i++) {
        /* Durable but not in the tables (no memory): only opening anew helps. */
        if (take_entry(w, &w->queue[i], offsets[i], why) != VT_OK)
            err = VT_E_STATE;
    }
    w->queued = 0;
    vt_buf_clear(&w->queue_bytes);
    return err;
}

enum vt_err
vt_log_writer_root(
    struct vt_log_writer *w, uint64_t size, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_levels_source(&w->levels);

    return vt_merkle_root(&src, size, ret, why);
}

enum vt_err
vt_log_writer_prove(struct vt_log_writer *w, uint64_t old_size, uint64_t size,
    struct vt_proof *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_levels_source(&w->levels);

    return vt_merkle_prove_consistency(&src, old_size, size, ret, why);
}

enum vt_err
vt_log_writer_derive(struct vt_log_writer *w, struct vt_why *why)
{
    return derive_to(w, vt_log_writer_size(w), why);
}

const struct vt_checkpoint *
vt_log_writer_signed(const struct vt_log_writer *w)
{
    return w->has_signed ? &w->signed_cp : NULL;
}

const void *
vt_log_writer_signed_note(const struct vt_log_writer *w, size_t *ret_len)
{
    *ret_len = w->has_signed ? w->signed_note.len : 0;
    return w->has_signed ? w->signed_note.data : NULL;
}

/* The signed note of a checkpoint. */
static enum vt_err
sign_note(
    const struct vt_checkpoint *c, struct vt_signer *s, struct vt_buf *b, struct vt_why *why)
{
    struct vt_sig sig;
    enum vt_err err;

    vt_checkpoint_put(b, c);
    err = vt_buf_check(b, "checkpoint", why);
    if (err == VT_OK)
        err = vt_signer_sign(s, VT_SIGN_CHECKPOINT, b->data, b->len, &sig, why);
    if (err != VT_OK)
        return err;
    vt_buf_puts(b, "\n");
    vt_note_put_sig(b, c->origin, vt_vkey_id(c->origin, VT_NOTE_ED25519, vt_signer_public(s)),
        sig.b, sizeof(sig.b));
    return vt_buf_check(b, "checkpoint", why);
}

enum vt_err
vt_log_writer_sign(struct vt_log_writer *w, struct vt_signer *s, struct vt_why *why)
{
    struct vt_checkpoint c = {.size = vt_log_writer_size(w)};
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (strcmp(vt_signer_name(s), w->origin) != 0)
        return vt_fail(why, VT_E_CONFIG, "the key %s cannot sign for the log %s",
            vt_signer_name(s), w->origin);
    if (w->has_signed && w->signed_cp.size == c.size)
        return VT_OK;
    memcpy(c.origin, w->origin, sizeof(c.origin));
    err = vt_log_writer_derive(w, why);
    if (err == VT_OK)
        err = vt_log_writer_root(w, c.size, &c.root, why);
    if (err == VT_OK)
        err = sign_note(&c, s, &b, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/signed", w->dir);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    if (err == VT_OK) {
        vt_buf_release(&w->signed_note);
        w->signed_note = b;
        b = VT_BUF(0); /* moved */
        w->signed_cp = c;
        w->has_signed = true;
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_log_writer_publish(struct vt_log_writer *w, const void *note, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/checkpoint", w->public_dir);

    if (err == VT_OK)
        err = vt_file_replace(path, 0644, note, len, why);
    return err;
}

enum vt_err
vt_log_writer_read_published(
    const struct vt_log_writer *w, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/checkpoint", w->public_dir);

    if (err == VT_OK)
        err = vt_file_read(path, b, why);
    return err;
}
