/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock seam (system, fixed for tests) and RFC 3339 times in UTC.
 */
#ifndef VT_BASE_CLOCK_H
#define VT_BASE_CLOCK_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct vt_clock {
    /* Seconds since 1970-01-01T00:00:00Z. */
    int64_t (*now)(const struct vt_clock *clock);
    int64_t fixed;
};

/* The system's clock. */
extern const struct vt_clock vt_clock_system;
/* A clock that always says `now`. */
struct vt_clock vt_clock_fixed(int64_t now);

static inline int64_t
vt_clock_now(const struct vt_clock *clock)
{
    return clock->now(clock);
}

/* Milliseconds of a clock that only goes forward, for durations. */
int64_t vt_clock_monotonic_ms(void);
uint64_t vt_clock_monotonic_us(void);

#define VT_TIME_SIZE 21 /* "2026-01-02T03:04:05Z" and NUL */

/* Years 0000 to 9999; outside them the nearest of the two. */
void vt_time_format(int64_t t, char ret[VT_TIME_SIZE]);
/* Takes exactly the form above. */
VT_MUST bool vt_time_parse(const char *s, int64_t *ret);

#endif
