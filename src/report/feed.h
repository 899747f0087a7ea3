/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeding a reporter from a descriptor: one record a line.
 */
#ifndef VT_REPORT_FEED_H
#define VT_REPORT_FEED_H

#include "report/reporter.h"

struct vt_feed_opts {
    int fd;
    int stop_fd;         /* reading ends when it is readable; -1: none */
    const char *subject; /* of all records, or of those without the field; may be NULL */
    const char *field;   /* path in a JSON event (report/field.h); may be NULL */
    int64_t give_up_ms;  /* how long to wait for room in the spool; -1: for ever */
    void (*tick)(void *ctx, uint64_t bytes); /* told how much was read; may be NULL */
    void *tick_ctx;
};

struct vt_feed_report {
    uint64_t lines;         /* that were not empty */
    uint64_t records;       /* of those, taken */
    uint64_t refused;       /* of those, not */
    uint64_t first_refused; /* the number of the line, counted from 1; 0: none */
    struct vt_why first_why;
    bool stopped; /* by stop_fd, not by the end of the input */
};

/* Reads until the end and seals. Lines that are refused (over 1 MiB, without subject) are
 * counted and passed over; empty ones are passed over. While the spool is full nothing is
 * read. VT_E_NOSPC after give_up_ms of that, VT_E_IO; *ret is filled on failure too. */
VT_MUST enum vt_err vt_feed_run(struct vt_reporter *r, const struct vt_feed_opts *opts,
    struct vt_feed_report *ret, struct vt_why *why);

#endif
