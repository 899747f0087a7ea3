/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer of a log: an append-only Merkle tree in two folders.
 *
 *     DIR/lock      held while the log is open: a second writer is refused
 *     DIR/wal/      all entries, in files of some 64 MiB (log/wal.h)
 *     DIR/signed    the newest checkpoint that was signed, published or not
 *     DIR/frozen    once the log takes no more entries: the signed final statement
 *     PUBLIC/tile/  tiles and entry bundles (C2SP tlog-tiles)
 *     PUBLIC/checkpoint  the newest published checkpoint with its cosignatures
 *     PUBLIC/frozen      a copy of DIR/frozen, once what it says is published
 *
 * An entry goes through four states: queued (vt_log_writer_add), durable
 * (vt_log_writer_commit), public (vt_log_writer_derive writes its tiles), and
 * covered by a signed checkpoint (vt_log_writer_sign, then
 * vt_log_writer_publish). All that is public can be derived again from the WAL.
 *
 * Never are two roots signed for one size: a checkpoint is made of durable
 * entries only, is itself durable in DIR/signed before anybody sees it, and a
 * WAL that is shorter than it, or gives another root, is refused.
 *
 * Two sides, each for one thread, which may be two threads or the same:
 *
 *     the taking side   find, add, commit, cut: nothing but the write-ahead log and the window
 *                       of names; no hashing of the tree, no waiting for tiles
 *     the tree's side   derive, root, prove, sign, publish, signed, read_published: follows the
 *                       write-ahead log
 *
 * size, derived and entry may be called from either. Memory does not grow with the log.
 * The writer does not know what entries mean: log/gate.h decides which may enter.
 */
#ifndef VT_LOG_WRITER_H
#define VT_LOG_WRITER_H

#include "note/checkpoint.h"

struct vt_log_writer;
struct vt_policy;
struct vt_proof;
struct vt_signer;

/* Opens the log, or makes it. Recovers from a crash: cuts a torn tail, derives
 * missing tiles anew. `origin` is the log's key name. VT_E_BUSY: it is open
 * elsewhere. VT_E_DIGEST, VT_E_ROLLBACK: the folder is damaged or older than
 * what was signed; nothing is changed. Cost: reads what was appended since the last signed
 * checkpoint, the names of the last VT_LOG_WINDOW entries, and asks for each tile whether it is
 * there; one that is not is made from the WAL, where that still has its entries. */
VT_MUST enum vt_err vt_log_writer_open(const char *dir, const char *public_dir,
    const char *origin, struct vt_log_writer **ret, struct vt_why *why);
void vt_log_writer_free(struct vt_log_writer *w);

/* How many entries are durable, and of how many the tiles are written. Either side. */
uint64_t vt_log_writer_size(const struct vt_log_writer *w);
uint64_t vt_log_writer_derived(const struct vt_log_writer *w);
/* Bytes of a torn tail that opening cut off; nobody was told of them. */
uint64_t vt_log_writer_cut(const struct vt_log_writer *w);

/* The window in which a duplicate is known: so many of the newest entries, at least. */
#define VT_LOG_WINDOW 262144U
/* How far the tree's side may be behind before no more is taken: entries, and their bytes. */
#define VT_LOG_LAG_MAX 4194304U
#define VT_LOG_LAG_BYTES_MAX (1024U * 1024U * 1024U)

/* Whether an entry of that name is among the newest VT_LOG_WINDOW, or queued. */
VT_MUST bool vt_log_writer_find(
    const struct vt_log_writer *w, const struct vt_digest *name, uint64_t *ret_index);

/* Queues an entry (copied) of at most 65,535 bytes. An entry of that name that
 * is there already gives its index. The index holds once vt_log_writer_commit
 * succeeds. VT_E_BUSY: the queue is full, commit first; or the tree's side is too far behind:
 * try again later. VT_E_STATE: the log is frozen. */
VT_MUST enum vt_err vt_log_writer_add(struct vt_log_writer *w, const void *entry, size_t len,
    const struct vt_digest *name, uint64_t *ret_index, struct vt_why *why);
/* Makes all queued entries durable with one fdatasync. When it fails none of
 * them is in the log, and the queue is empty; after VT_E_STATE the log must
 * be opened again. */
VT_MUST enum vt_err vt_log_writer_commit(struct vt_log_writer *w, struct vt_why *why);

/* Appends the bytes of a durable entry. VT_E_NOENT. */
VT_MUST enum vt_err vt_log_writer_entry(
    struct vt_log_writer *w, uint64_t index, struct vt_buf *b, struct vt_why *why);

/* Root and proofs of any size up to vt_log_writer_size. */
VT_MUST enum vt_err vt_log_writer_root(
    struct vt_log_writer *w, uint64_t size, struct vt_digest *ret, struct vt_why *why);
VT_MUST enum vt_err vt_log_writer_prove(struct vt_log_writer *w, uint64_t old_size,
    uint64_t size, struct vt_proof *ret, struct vt_why *why);

/* Writes the tiles and bundles of durable entries, of all of them or, when there are more, of
 * VT_LOG_DERIVE_MAX. They need not be durable yet: vt_log_writer_sign sees to that with one
 * syncfs, so nothing but a signed checkpoint says what is. */
#define VT_LOG_DERIVE_MAX 262144U
VT_MUST enum vt_err vt_log_writer_derive(struct vt_log_writer *w, struct vt_why *why);

/* The checkpoint signed last: its body's content, and the signed note (the
 * log's signature alone). NULL when none was signed. */
const struct vt_checkpoint *vt_log_writer_signed(const struct vt_log_writer *w);
const void *vt_log_writer_signed_note(const struct vt_log_writer *w, size_t *ret_len);
/* Derives all, makes the tiles durable, signs a checkpoint of what is derived then and makes it
 * durable. Does nothing when the one signed last has that size. */
VT_MUST enum vt_err vt_log_writer_sign(
    struct vt_log_writer *w, struct vt_signer *s, struct vt_why *why);
/* Replaces PUBLIC/checkpoint. `note` is the signed note with cosignatures. */
VT_MUST enum vt_err vt_log_writer_publish(
    struct vt_log_writer *w, const void *note, size_t len, struct vt_why *why);
/* Appends what PUBLIC/checkpoint holds. VT_E_NOENT when there is none. */
VT_MUST enum vt_err vt_log_writer_read_published(
    const struct vt_log_writer *w, struct vt_buf *b, struct vt_why *why);

/*
 * Freezing: docs/formats/log.md. A signed final statement (VT_SIGN_LOG_FROZEN) says the last
 * size and root; from when it is durable no entry is taken, for ever. The checkpoint of that
 * size may still be cosigned anew.
 */
/* Of a log that was frozen before it was opened: DIR/frozen must be signed by a key that the
 * policy gives for the log; then PUBLIC/frozen is made, if it is missing and what it says is
 * published. Nothing when it is not frozen. VT_E_SIG, VT_E_UNKNOWN. */
VT_MUST enum vt_err vt_log_writer_check_frozen(
    struct vt_log_writer *w, const struct vt_policy *policy, struct vt_why *why);
/* Whether the log is frozen. Either side. */
bool vt_log_writer_frozen(const struct vt_log_writer *w);
/* Signs the checkpoint of all durable entries and then the statement; `reason` is one line of
 * text, `successor` the vkey of a log that goes on, or NULL. Nothing may be queued. VT_E_STATE:
 * frozen already. */
VT_MUST enum vt_err vt_log_writer_freeze(struct vt_log_writer *w, struct vt_signer *s,
    int64_t now, const char *reason, const struct vt_vkey *successor, struct vt_why *why);

#endif
