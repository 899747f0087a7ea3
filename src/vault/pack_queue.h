/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead files that wait to be packed, and the thread that packs them, one at a time,
 * while the store process takes more. For the store process; its functions are called by that
 * process's first thread only.
 */
#ifndef VT_VAULT_PACK_QUEUE_H
#define VT_VAULT_PACK_QUEUE_H

#include "vault/metrics.h"
#include "vault/packer.h"

#include <pthread.h>

struct vt_keeper;
struct vt_pack_queue;

struct vt_pack_queue_opts {
    const struct vt_home *home;
    struct vt_keeper *keeper;
    pthread_mutex_t *keeper_lock; /* held while the keeper is asked */
    struct vt_taken *taken;
    struct vt_metrics *metrics;
};

/* Reads the files that an earlier run left; their batches are taken (vt_taken_add).
 * VT_E_DIGEST: one is damaged. *opts is copied, what it points at must outlive the queue. */
VT_MUST enum vt_err vt_pack_queue_new(
    const struct vt_pack_queue_opts *opts, struct vt_pack_queue **ret, struct vt_why *why);
/* Waits for the file that is being packed. */
void vt_pack_queue_free(struct vt_pack_queue *q);

/* Readable when a file was packed, or could not be: call vt_pack_queue_turn. */
int vt_pack_queue_fd(const struct vt_pack_queue *q);
/* Takes over what the thread has done and gives it the next file. An error is one of this
 * process's own disk or memory; when packing fails the file is tried again later. */
VT_MUST enum vt_err vt_pack_queue_turn(struct vt_pack_queue *q, struct vt_why *why);

/* The path of the next file, for vt_bwal_create. */
VT_MUST enum vt_err vt_pack_queue_next(
    struct vt_pack_queue *q, char ret[VT_PATH_MAX], struct vt_why *why);
/* That file is closed: pack it. `bytes` and `batches` of it; with no batches it is removed. */
VT_MUST enum vt_err vt_pack_queue_put(
    struct vt_pack_queue *q, uint64_t bytes, uint32_t batches, struct vt_why *why);

/* Nothing is being packed, and nothing could be packed now. */
bool vt_pack_queue_idle(const struct vt_pack_queue *q);
/* Bytes of all files that wait. */
uint64_t vt_pack_queue_bytes(const struct vt_pack_queue *q);
size_t vt_pack_queue_files(const struct vt_pack_queue *q);
uint64_t vt_pack_queue_batches(const struct vt_pack_queue *q);

#endif
