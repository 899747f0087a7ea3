/* SPDX-License-Identifier: Apache-2.0 */
/* The tree's side: deriving, roots and proofs, checkpoints. */
#include "crypto/signer.h"
#include "log/writer_held.h"

#include <string.h>

enum vt_err
vt_log_writer_follow(struct vt_log_writer *w, uint64_t max, struct vt_why *why)
{
    for (uint64_t i = 0; i < max; i++) {
        struct vt_wal_record rec = {0};
        enum vt_err err = vt_wal_follow_get(w->follow, &rec, why);

        if (err == VT_E_NOENT)
            return VT_OK;
        if (err == VT_OK)
            err = vt_derive_add(w->derive, rec.data, rec.len, why);
        if (err != VT_OK)
            return vt_fail_in(why, err, "deriving the log's tiles");
        vt_wal_follow_step(w->follow);
        atomic_fetch_add_explicit(&w->derived_bytes, rec.len, memory_order_relaxed);
    }
    return VT_OK;
}

enum vt_err
vt_log_writer_derive(struct vt_log_writer *w, struct vt_why *why)
{
    return vt_log_writer_follow(w, VT_LOG_DERIVE_MAX, why);
}

static enum vt_err
derive_to(struct vt_log_writer *w, uint64_t size, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (size > vt_log_writer_size(w))
        return vt_fail(
            why, VT_E_NOENT, "the log has no %llu entries yet", (unsigned long long)size);
    while (err == VT_OK && vt_log_writer_derived(w) < size)
        err = vt_log_writer_follow(w, size - vt_log_writer_derived(w), why);
    return err;
}

enum vt_err
vt_log_writer_root(
    struct vt_log_writer *w, uint64_t size, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_derive_source(w->derive);
    enum vt_err err = derive_to(w, size, why);

    return err == VT_OK ? vt_merkle_root(&src, size, ret, why) : err;
}

enum vt_err
vt_log_writer_prove(struct vt_log_writer *w, uint64_t old_size, uint64_t size,
    struct vt_proof *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_derive_source(w->derive);
    enum vt_err err = derive_to(w, size, why);

    return err == VT_OK ? vt_merkle_prove_consistency(&src, old_size, size, ret, why) : err;
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

/* Everything that the tree of c consists of is durable, then c itself. */
static enum vt_err
sign_durably(struct vt_log_writer *w, struct vt_checkpoint *c, struct vt_signer *s,
    struct vt_buf *b, struct vt_why *why)
{
    uint64_t old_size = w->has_signed ? w->signed_cp.size : 0;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_derive_partials(w->derive, old_size, why);

    if (err == VT_OK)
        err = vt_derive_sync(w->derive, why);
    if (err == VT_OK)
        err = vt_log_writer_root(w, c->size, &c->root, why);
    if (err == VT_OK)
        err = sign_note(c, s, b, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/signed", w->dir);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b->data, b->len, why);
    return err;
}

enum vt_err
vt_log_writer_sign(struct vt_log_writer *w, struct vt_signer *s, struct vt_why *why)
{
    uint64_t old_size = w->has_signed ? w->signed_cp.size : 0;
    struct vt_checkpoint c = {0};
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    enum vt_err err;

    if (strcmp(vt_signer_name(s), w->origin) != 0)
        return vt_fail(why, VT_E_CONFIG, "the key %s cannot sign for the log %s",
            vt_signer_name(s), w->origin);
    err = derive_to(w, vt_log_writer_size(w), why);
    if (err != VT_OK)
        return err;
    c.size = vt_log_writer_derived(w);
    if (w->has_signed && w->signed_cp.size == c.size)
        return VT_OK;
    memcpy(c.origin, w->origin, sizeof(c.origin));
    err = sign_durably(w, &c, s, &b, why);
    if (err == VT_OK) {
        vt_buf_release(&w->signed_note);
        w->signed_note = b;
        b = VT_BUF(0); /* moved */
        w->signed_cp = c;
        w->has_signed = true;
        err = vt_derive_drop_partials(w->derive, old_size, why);
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
    if (err == VT_OK && w->frozen_note.len > 0)
        err = vt_log_writer_publish_frozen(w, note, len, why);
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
