/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: a bounded queue of sealed batches on disk, between the endpoint that
 * makes them and the vault that acknowledges them. docs/formats/spool.md.
 *
 *     DIR/lock                    held while it is open
 *     DIR/0000000000000001.batch  the first that was put, then its successors
 *     DIR/0000000000000001.refused   one that the vault will never take
 *
 * A batch is durable when vt_spool_put returns, and leaves the disk when it was
 * acknowledged; a crash between the two sends it once more, and the vault knows it
 * by its id. What lies refused counts against the bound and stays until its owner
 * removes it: nothing is lost silently.
 *
 * One thread may put while another takes: the functions lock what they share.
 */
#ifndef VT_REPORT_SPOOL_H
#define VT_REPORT_SPOOL_H

#include "base/file.h"

#define VT_SPOOL_COUNT_MAX 500000U /* batches in one spool */

struct vt_spool;

struct vt_spool_status {
    uint64_t batches; /* that wait */
    uint64_t bytes;   /* of those */
    uint64_t refused; /* batches that lie aside */
    uint64_t refused_bytes;
    uint64_t size_max;
};

/* Opens the folder, made (mode 0700) when missing, and takes its lock: VT_E_BUSY when
 * another process has it. Clears away what a crash left half written. More than
 * size_max may be there already: then nothing is taken until it is less. VT_E_IO,
 * VT_E_NOMEM, VT_E_LIMIT (more than VT_SPOOL_COUNT_MAX batches). Cost: one look at each file.
 */
VT_MUST enum vt_err vt_spool_open(
    const char *dir, uint64_t size_max, struct vt_spool **ret, struct vt_why *why);
/* Takes NULL. What waits stays on disk. */
void vt_spool_close(struct vt_spool *s);

/* Whether that many bytes more would fit. */
bool vt_spool_has_room(struct vt_spool *s, uint64_t len);
/* Appends a batch; durable when it returns. VT_E_NOSPC: the bound, or the disk, is
 * full, and nothing was kept. VT_E_IO. */
VT_MUST enum vt_err vt_spool_put(
    struct vt_spool *s, const void *batch, size_t len, struct vt_why *why);

/* The oldest batch that waits: its number, and its bytes in b (replaced). VT_E_NOENT:
 * none waits. VT_E_LIMIT, VT_E_IO: it cannot be read; *ret_seq is set then too, for
 * vt_spool_refuse. */
VT_MUST enum vt_err vt_spool_first(
    struct vt_spool *s, uint64_t *ret_seq, struct vt_buf *b, struct vt_why *why);
/* The first, which is number seq, was acknowledged: it is removed. */
VT_MUST enum vt_err vt_spool_drop(struct vt_spool *s, uint64_t seq, struct vt_why *why);
/* The first, which is number seq, will never be taken: it is laid aside. */
VT_MUST enum vt_err vt_spool_refuse(struct vt_spool *s, uint64_t seq, struct vt_why *why);

void vt_spool_status(struct vt_spool *s, struct vt_spool_status *ret);
/* DIR/NAME, for those who keep something beside the batches. */
VT_MUST enum vt_err vt_spool_path(
    const struct vt_spool *s, const char *name, char ret[VT_PATH_MAX], struct vt_why *why);

#endif
