/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for a pattern in many texts with several threads, and gives out those that have it in
 * the order in which they were put in, whoever was first to be done. The thread that made a
 * scan puts texts in, takes results out, and looks into texts itself meanwhile; the others are
 * begun when there is enough to look into, run a little ahead of what is taken out, and end
 * with the scan. They touch nothing but the texts. For src/search/library*.c alone.
 */
#ifndef VT_SEARCH_LIBRARY_SCAN_H
#define VT_SEARCH_LIBRARY_SCAN_H

#include "search/library.h"

#define VT_SCAN_THREADS_MAX 4U
#define VT_SCAN_MORE_MAX 100U /* matches counted beyond those that are given */

struct vt_scan_text {
    int64_t blob;
    struct vt_digest digest;
    const uint8_t *data; /* stays until the scan is freed */
    size_t len;
};

struct vt_scan_found {
    struct vt_scan_text text;
    struct vt_match match[VT_LIBRARY_MATCHES_MAX]; /* in order */
    size_t match_count;                            /* at least 1 */
    uint64_t more;                                 /* beyond those, up to VT_SCAN_MORE_MAX */
};

struct vt_scan;
/* threads: with the caller's, 1 to VT_SCAN_THREADS_MAX; 0: as many as there are processors for
 * it. The pattern stays the caller's. From until_ms (of the monotonic clock) on it is late. */
VT_MUST enum vt_err vt_scan_new(const struct vt_pattern *p, unsigned threads, int64_t until_ms,
    struct vt_scan **ret, struct vt_why *why);
/* Ends the threads, whatever they are at. Takes NULL. */
void vt_scan_free(struct vt_scan *s);
/* Texts to look into, after those that were put in before. VT_E_NOMEM. */
VT_MUST enum vt_err vt_scan_put(
    struct vt_scan *s, const struct vt_scan_text *text, struct vt_why *why);
/* The next text with the pattern, which stays until the next call. NULL: it is late, or there
 * is none, or (unless `all`) it is time to put in more texts, so that nobody has to wait. */
VT_MUST enum vt_err vt_scan_take(
    struct vt_scan *s, bool all, const struct vt_scan_found **ret, struct vt_why *why);
/* Whether the time was over before all texts were looked into. */
bool vt_scan_late(const struct vt_scan *s);
/* Whether the pattern took too many steps in a text of those looked into so far. */
bool vt_scan_gave_up(const struct vt_scan *s);

#endif
