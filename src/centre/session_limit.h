/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often somebody may do something: counts in windows of time, in memory, for a bounded
 * number of names. When there are more names than places, the one whose window began longest
 * ago gives way, so that a crowd can make a limit laxer but never shut somebody out.
 */
#ifndef VT_CENTRE_SESSION_LIMIT_H
#define VT_CENTRE_SESSION_LIMIT_H

#include "crypto/digest.h"

#define VT_LIMIT_PLACES 4096U

struct vt_limit {
    const char *what; /* names it; part of the key */
    uint32_t most;    /* in one window */
    uint32_t window_s;
};

struct vt_limits {
    struct {
        struct vt_digest name;
        int64_t began;
        uint32_t count; /* 0: the place is free */
    } place[VT_LIMIT_PLACES];
};

/* Whether `who` may do it (once more, as it has `limit->most` left); counts nothing. When not,
 * *ret_wait_s says when to come again, 1 to window_s. */
VT_MUST bool vt_limit_ok(const struct vt_limits *all, const struct vt_limit *limit,
    const char *who, int64_t now, uint32_t *ret_wait_s);
/* Counts one. */
void vt_limit_count(
    struct vt_limits *all, const struct vt_limit *limit, const char *who, int64_t now);
/* Forgets what was counted. */
void vt_limit_forget(struct vt_limits *all, const struct vt_limit *limit, const char *who);

#endif
