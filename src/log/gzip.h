/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressed bundles: FILE.gz beside a full entry bundle, for clients that take gzip.
 * docs/formats/log-mirror.md. They are a convenience: nothing depends on one being there.
 *
 * Bundles are compressed a few at a time under temporary names, made durable together with one
 * syncfs, and get their names then.
 */
#ifndef VT_LOG_GZIP_H
#define VT_LOG_GZIP_H

#include "base/buf.h"

struct vt_log_gzip;

/* Goes on in a log's public folder where it was left. One at a time for a folder.
 * VT_E_CONFIG: the bundles are on another file system than the folder. */
VT_MUST enum vt_err vt_log_gzip_new(
    const char *public_dir, struct vt_log_gzip **ret, struct vt_why *why);
void vt_log_gzip_free(struct vt_log_gzip *g);

/* Compresses the next full bundles of a log of `published_size` entries, `budget` of them (at
 * least 1) or 64 KiB for each of these at the most; those where it does not pay get none. For
 * idle moments: some 2 ms a bundle of 64 KiB, up to 0.5 s one of 16 MiB, and the syncfs; stops
 * before the next bundle when fd (or -1) is readable, and goes on there with the next call.
 * *ret_more: there is more to do at once. After an error the same bundles are tried again.
 * VT_E_NOENT: a bundle is missing. VT_E_NOSPC, VT_E_IO, VT_E_NOMEM. */
VT_MUST enum vt_err vt_log_gzip_step(struct vt_log_gzip *g, uint64_t published_size,
    unsigned budget, int fd, bool *ret_more, struct vt_why *why);
/* How many bundles have been tried, durably. */
uint64_t vt_log_gzip_done(const struct vt_log_gzip *g);

/* Whether the compressed form of full bundle `index` unpacks to these bytes. VT_E_NOENT: there
 * is none. VT_E_PROOF: it does not. */
VT_MUST enum vt_err vt_log_gzip_check(
    const char *public_dir, uint64_t index, const void *data, size_t len, struct vt_why *why);

#endif
