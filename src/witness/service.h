/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness as a service: add-checkpoint over HTTP, one request after the
 * other, its key in a signer process of its own.
 */
#ifndef VT_WITNESS_SERVICE_H
#define VT_WITNESS_SERVICE_H

#include "base/clock.h"
#include "witness/records.h"

struct vt_witness;

/* Opens the records in `dir` and starts the signer process for key_path (a key
 * whose vkey is of the cosigner's type). */
VT_MUST enum vt_err vt_witness_new(const char *dir, const char *key_path,
    const struct vt_vkey *logs, size_t log_count, const struct vt_clock *clock,
    struct vt_witness **ret, struct vt_why *why);
void vt_witness_free(struct vt_witness *w);

/* The witness's own key. */
const struct vt_vkey *vt_witness_key(const struct vt_witness *w);

/* Answers one add-checkpoint request: the HTTP status, its content type
 * (static), and the answer appended to b. 500 when disk or signer fail. */
int vt_witness_answer(struct vt_witness *w, const void *body, size_t len,
    const char **ret_content_type, struct vt_buf *b);

/* Serves on the socket until stop_fd is readable or closed. */
VT_MUST enum vt_err vt_witness_serve(
    struct vt_witness *w, int listen_fd, int stop_fd, struct vt_why *why);

#endif
