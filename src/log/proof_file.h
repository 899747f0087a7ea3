/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /proof/INDEX: a C2SP tlog-proof of an entry to the newest published checkpoint, made from
 * the public files by whoever serves them. No key is needed, and nothing of the log but what
 * anybody may read; what is read is checked as any reader would, so a proof that is given out
 * is right. Some ten small files are read for one at most.
 */
#ifndef VT_LOG_PROOF_FILE_H
#define VT_LOG_PROOF_FILE_H

#include "http/server.h"

struct vt_policy;
struct vt_proof_file;

/* The policy must outlive it. VT_E_NOMEM, VT_E_LIMIT. */
VT_MUST enum vt_err vt_proof_file_new(const char *public_dir, const struct vt_policy *policy,
    struct vt_proof_file **ret, struct vt_why *why);
void vt_proof_file_free(struct vt_proof_file *f);

/* Fills the answer to a request below /proof/: 404 with Retry-After when the index is not
 * covered yet, 503 when the files are damaged. */
void vt_proof_file_get(
    struct vt_proof_file *f, const struct vt_http_request *rq, struct vt_http_response *rs);

/* Appends the proof of entry `index`, and its ETag in quotes. VT_E_NOENT: the published
 * checkpoint does not cover it. Others: of vt_log_reader_open. */
#define VT_PROOF_ETAG_SIZE 48U
VT_MUST enum vt_err vt_proof_file_put(struct vt_proof_file *f, uint64_t index, struct vt_buf *b,
    char ret_etag[VT_PROOF_ETAG_SIZE], struct vt_why *why);

#endif
