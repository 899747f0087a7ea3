/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed bundles: FILE.gz beside a full entry bundle, for clients that take gzip.
 * docs/formats/log-mirror.md. They are a convenience: nothing depends on one being there.
 */
#ifndef VT_LOG_GZIP_H
#define VT_LOG_GZIP_H

#include "base/buf.h"

/* Compresses the next full bundles of a log of `published_size` entries, `budget` of them at
 * the most; those where it does not pay get none. What is made is whole and durable when it
 * gets its name. *ret_tried: how many bundles were looked at, 0 when none is left. One caller
 * at a time; for idle moments: some 2 ms a bundle of 64 KiB, one syncfs a call. After an error
 * it is tried again from the same bundle. VT_E_NOENT: a bundle is missing. VT_E_NOSPC, VT_E_IO.
 */
VT_MUST enum vt_err vt_log_gzip_step(const char *public_dir, uint64_t published_size,
    unsigned budget, unsigned *ret_tried, struct vt_why *why);

/* Whether the compressed form of full bundle `index` unpacks to these bytes. VT_E_NOENT: there
 * is none. VT_E_PROOF: it does not. */
VT_MUST enum vt_err vt_log_gzip_check(
    const char *public_dir, uint64_t index, const void *data, size_t len, struct vt_why *why);

#endif
