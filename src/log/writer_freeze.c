/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing. From the moment that DIR/frozen is durable the log is frozen; before that a crash
 * leaves it open, with one signed checkpoint more. PUBLIC/frozen is a copy, put there when a
 * checkpoint of the last size is published.
 */
#include "crypto/signer.h"
#include "log/writer_held.h"
#include "note/policy.h"

#include <inttypes.h>
#include <string.h>

/* Whether a published checkpoint is of the size that the statement names. */
static bool
is_last(const struct vt_log_writer *w, const void *data, size_t len)
{
    struct vt_checkpoint c;
    struct vt_note note;

    return vt_note_parse(data, len, &note, NULL) == VT_OK &&
           vt_checkpoint_parse(note.text, note.text_len, &c, NULL) == VT_OK &&
           c.size == w->frozen_size;
}

enum vt_err
vt_log_writer_publish_frozen(
    struct vt_log_writer *w, const void *note, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/frozen", w->public_dir);

    if (err != VT_OK || !w->frozen_checked || vt_file_exists(path) || !is_last(w, note, len))
        return err;
    return vt_file_replace(path, 0644, w->frozen_note.data, w->frozen_note.len, why);
}

/* What DIR/frozen says must be what is signed, and all that there is. */
static enum vt_err
check_frozen(const struct vt_log_writer *w, const struct vt_frozen *f, struct vt_why *why)
{
    uint64_t count = vt_wal_count(w->wal);

    if (strcmp(f->origin, w->origin) != 0)
        return vt_fail(
            why, VT_E_CONFIG, "it is of the log %s, not of %s", f->origin, w->origin);
    if (!w->has_signed || w->signed_cp.size < f->size)
        return vt_fail(why, VT_E_ROLLBACK,
            "the log ended with %" PRIu64 " entries and no such checkpoint was signed: put "
            "back the newest copy of the folder",
            f->size);
    if (w->signed_cp.size != f->size || !vt_digest_eq(&w->signed_cp.root, &f->root) ||
        count != f->size)
        return vt_fail(why, VT_E_DIGEST,
            "the log ended with %" PRIu64 " entries but there are %" PRIu64
            ", or others: put back a sound copy of the folder",
            f->size, count);
    return VT_OK;
}

/* A crash may have come between publishing and the copy. */
static enum vt_err
complete_copy(struct vt_log_writer *w, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    enum vt_err err = vt_log_writer_read_published(w, &b, why);

    if (err == VT_OK)
        err = vt_log_writer_publish_frozen(w, b.data, b.len, why);
    vt_buf_release(&b);
    return err == VT_E_NOENT ? VT_OK : err;
}

/* There is no DIR/frozen; if what is public says that the log has ended, there was one. */
static enum vt_err
check_never_frozen(const struct vt_log_writer *w, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/frozen", w->public_dir);

    if (err != VT_OK || !vt_file_exists(path))
        return err;
    return vt_fail(why, VT_E_ROLLBACK,
        "%s says that the log has ended, and %s/frozen is missing: put back the newest copy of "
        "the folder",
        path, w->dir);
}

enum vt_err
vt_log_writer_load_frozen(struct vt_log_writer *w, struct vt_why *why)
{
    struct vt_frozen f;
    struct vt_note note;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/frozen", w->dir);

    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path))
        return check_never_frozen(w, why);
    err = vt_file_read(path, &w->frozen_note, why);
    if (err == VT_OK)
        err = vt_note_parse(w->frozen_note.data, w->frozen_note.len, &note, why);
    if (err == VT_OK)
        err = vt_frozen_parse(note.text, note.text_len, &f, why);
    if (err == VT_OK)
        err = check_frozen(w, &f, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", path);
    w->frozen_size = f.size;
    atomic_store(&w->gate, VT_LOG_FROZEN);
    return VT_OK;
}

enum vt_err
vt_log_writer_check_frozen(
    struct vt_log_writer *w, const struct vt_policy *policy, struct vt_why *why)
{
    struct vt_frozen f;
    enum vt_err err;

    if (w->frozen_note.len == 0)
        return VT_OK;
    err = vt_policy_check_frozen(
        policy, w->origin, w->frozen_note.data, w->frozen_note.len, &f, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s/frozen: put back a sound copy of it", w->dir);
    w->frozen_checked = true;
    return complete_copy(w, why);
}

/* No commit is under way when this returns, and none will be. */
static enum vt_err
close_gate(struct vt_log_writer *w, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    (void)pthread_mutex_lock(&w->gate_mutex);
    if (atomic_load(&w->gate) != VT_LOG_OPEN)
        err = vt_fail(why, VT_E_STATE, "the log %s is frozen already", w->origin);
    else if (vt_wal_queued(w->wal) > 0)
        err = vt_fail(why, VT_E_BUSY, "entries are queued: commit them first");
    else
        atomic_store(&w->gate, VT_LOG_CLOSING);
    (void)pthread_mutex_unlock(&w->gate_mutex);
    return err;
}

static enum vt_err
sign_frozen(
    const struct vt_frozen *f, struct vt_signer *s, struct vt_buf *b, struct vt_why *why)
{
    struct vt_sig sig;
    enum vt_err err;

    vt_frozen_put(b, f);
    err = vt_buf_check(b, "final statement", why);
    if (err == VT_OK)
        err = vt_signer_sign(s, VT_SIGN_LOG_FROZEN, b->data, b->len, &sig, why);
    if (err != VT_OK)
        return err;
    vt_buf_puts(b, "\n");
    vt_note_put_sig(b, f->origin, vt_vkey_id(f->origin, VT_NOTE_ED25519, vt_signer_public(s)),
        sig.b, sizeof(sig.b));
    return vt_buf_check(b, "final statement", why);
}

/* The gate is closed: signs the last checkpoint and the statement, then DIR/frozen. */
static enum vt_err
freeze(struct vt_log_writer *w, struct vt_signer *s, struct vt_frozen *f, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_log_writer_sign(w, s, why);

    if (err == VT_OK) {
        f->size = w->signed_cp.size;
        f->root = w->signed_cp.root;
        err = sign_frozen(f, s, &b, why);
    }
    if (err == VT_OK)
        err = vt_path(path, why, "%s/frozen", w->dir);
    if (err == VT_OK) {
        err = vt_file_replace(path, 0600, b.data, b.len, why);
        if (err != VT_OK && vt_file_exists(path))
            err = vt_fail_in(why, VT_E_STATE, "open the log again to see whether it is frozen");
    }
    if (err == VT_OK) {
        w->frozen_note = b;
        b = VT_BUF(0); /* moved */
        w->frozen_size = f->size;
        w->frozen_checked = true;
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_log_writer_freeze(struct vt_log_writer *w, struct vt_signer *s, int64_t now,
    const char *reason, const struct vt_vkey *successor, struct vt_why *why)
{
    struct vt_frozen f = {.time = now};
    enum vt_err err;

    if (!vt_frozen_reason_valid(reason))
        return vt_fail(
            why, VT_E_USAGE, "a reason is one line of at most %u bytes", VT_FROZEN_REASON_MAX);
    memcpy(f.origin, w->origin, sizeof f.origin);
    memcpy(f.reason, reason, strlen(reason) + 1);
    f.has_successor = successor != NULL;
    if (successor != NULL)
        f.successor = *successor;
    err = close_gate(w, why);
    if (err != VT_OK)
        return err;
    err = freeze(w, s, &f, why);
    if (err == VT_OK)
        atomic_store(&w->gate, VT_LOG_FROZEN);
    else if (err != VT_E_STATE)
        atomic_store(&w->gate, VT_LOG_OPEN);
    return err == VT_OK ? complete_copy(w, why) : err;
}
