/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress on long work: a bar on a terminal, a line at begin and end
 * elsewhere, nothing when quiet. Writes to standard error only. For commands;
 * libraries take a struct vt_progress that may be NULL and only tick it.
 */
#ifndef VT_BASE_PROGRESS_H
#define VT_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct vt_progress {
    bool tty;
    bool quiet;
    char label[80];
    int64_t began_ms;
    int64_t drawn_ms;
    uint64_t done;
    uint64_t total;
    const char *unit; /* what is counted, for a rate beside the time; NULL: no rate */
};

/* A progress that draws when standard error is a terminal. */
void vt_progress_init(struct vt_progress *p, bool quiet);
/* Begins one piece of work; total 0: unknown (a spinner with the time). */
void vt_progress_begin(struct vt_progress *p, const char *label, uint64_t total);
/* Has the work that was begun last tell how many it does a second: "entries". The string stays
 * the caller's. */
void vt_progress_rate(struct vt_progress *p, const char *unit);
/* Tells how far it is; redraws at most ten times a second. */
void vt_progress_set(struct vt_progress *p, uint64_t done);
/* Ends it: the bar gives way to one line with the time it took. */
void vt_progress_end(struct vt_progress *p);

#endif
