/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer of a log: an append-only Merkle tree in two folders.
 *
 *     DIR/lock      held while the log is open: a second writer is refused
 *     DIR/wal       all entries (log/wal.h)
 *     DIR/signed    the newest checkpoint that was signed, published or not
 *     PUBLIC/tile/  tiles and entry bundles (C2SP tlog-tiles)
 *     PUBLIC/checkpoint  the newest published checkpoint with its cosignatures
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
 * One thread. The writer does not know what entries mean: log/gate.h decides
 * which may enter.
 */
#ifndef VT_LOG_WRITER_H
#define VT_LOG_WRITER_H

#include "note/checkpoint.h"

struct vt_log_writer;
struct vt_proof;
struct vt_signer;

/* Opens the log, or makes it. Recovers from a crash: cuts a torn tail, derives
 * missing tiles anew. `origin` is the log's key name. VT_E_BUSY: it is open
 * elsewhere. VT_E_DIGEST, VT_E_ROLLBACK: the folder is damaged or older than
 * what was signed; nothing is changed. Cost: reads and hashes all entries. */
VT_MUST enum vt_err vt_log_writer_open(const char *dir, const char *public_dir,
    const char *origin, struct vt_log_writer **ret, struct vt_why *why);
void vt_log_writer_free(struct vt_log_writer *w);

/* How many entries are durable. */
uint64_t vt_log_writer_size(const struct vt_log_writer *w);
/* Bytes of a torn tail that opening cut off; nobody was told of them. */
uint64_t vt_log_writer_cut(const struct vt_log_writer *w);

/* Whether an entry of that name is in the log or queued. */
VT_MUST bool vt_log_writer_find(
    const struct vt_log_writer *w, const struct vt_digest *name, uint64_t *ret_index);

/* Queues an entry (copied) of at most 65,535 bytes. An entry of that name that
 * is there already gives its index. The index holds once vt_log_writer_commit
 * succeeds. VT_E_BUSY: the queue is full, commit first. */
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

/* Writes the tiles and bundles of all durable entries, durably. */
VT_MUST enum vt_err vt_log_writer_derive(struct vt_log_writer *w, struct vt_why *why);

/* The checkpoint signed last: its body's content, and the signed note (the
 * log's signature alone). NULL when none was signed. */
const struct vt_checkpoint *vt_log_writer_signed(const struct vt_log_writer *w);
const void *vt_log_writer_signed_note(const struct vt_log_writer *w, size_t *ret_len);
/* Derives, signs a checkpoint of all durable entries and makes it durable.
 * Does nothing when the one signed last has that size. */
VT_MUST enum vt_err vt_log_writer_sign(
    struct vt_log_writer *w, struct vt_signer *s, struct vt_why *why);
/* Replaces PUBLIC/checkpoint. `note` is the signed note with cosignatures. */
VT_MUST enum vt_err vt_log_writer_publish(
    struct vt_log_writer *w, const void *note, size_t len, struct vt_why *why);
/* Appends what PUBLIC/checkpoint holds. VT_E_NOENT when there is none. */
VT_MUST enum vt_err vt_log_writer_read_published(
    const struct vt_log_writer *w, struct vt_buf *b, struct vt_why *why);

#endif
