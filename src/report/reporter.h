/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reporter: all that an endpoint needs to report to its region's vault. Records go
 * in; they are sealed in batches to the region's key, kept in the spool, and sent by
 * a thread of the reporter's own until the vault has acknowledged them.
 *
 * A record is in memory until its batch is sealed: at 1,000 records or 512 KiB, when
 * the oldest has waited linger_ms, or by vt_reporter_seal. Then it is on disk, and stays
 * there until it is acknowledged, across any number of runs. Nothing is dropped to make
 * room.
 *
 * The functions may be called by several threads.
 */
#ifndef VT_REPORT_REPORTER_H
#define VT_REPORT_REPORTER_H

#include "report/sender.h"
#include "report/subject_file.h"

#define VT_REPORTER_SPOOL_MAX (256ULL * 1024 * 1024) /* when no other bound is given */

struct vt_reporter;

struct vt_reporter_opts {
    const char *spool;
    uint64_t spool_max; /* bytes; 0: VT_REPORTER_SPOOL_MAX */
    const char *policy; /* trust policy file */
    const char *const *url;
    size_t url_count;
    const char *region;
    const char *class_name;
    const char *customer;
    const uint8_t *secret; /* VT_CUSTOMER_SECRET_SIZE bytes; copied */
    int64_t linger_ms;     /* 0: a record waits until its batch is full */
};

/* Opens the spool, reads what is known of the region, and asks a vault when that is nothing
 * yet (up to 20 s for each URL); then starts the thread. All of opts is copied. VT_E_USAGE,
 * VT_E_CONFIG (the trust policy), VT_E_BUSY (another has the spool), VT_E_NET, VT_E_TIMEOUT,
 * VT_E_REFUSED and the other refusals of vt_known_take, VT_E_IO, VT_E_NOMEM. */
VT_MUST enum vt_err vt_reporter_new(
    const struct vt_reporter_opts *opts, struct vt_reporter **ret, struct vt_why *why);
/* Stops the thread (up to 20 s when a vault does not answer) and frees. Records that were not
 * sealed are lost: vt_reporter_seal first. Takes NULL. */
void vt_reporter_free(struct vt_reporter *r);

/* Adds a record of that subject, which is copied. VT_E_SYNTAX: empty, over 1 MiB, or with a
 * newline. VT_E_USAGE: a subject's name is 1 to 1,024 bytes. VT_E_NOSPC: the spool is full;
 * VT_E_IO: it cannot be written. Then the record was not taken, and those before it are still
 * there. */
VT_MUST enum vt_err vt_reporter_add(struct vt_reporter *r, const char *subject,
    const void *record, size_t len, struct vt_why *why);
/* Seals what is in memory: all records that were added are on disk when it returns VT_OK.
 * VT_E_NOSPC, VT_E_IO: some are in memory still, and are tried again by the next call. */
VT_MUST enum vt_err vt_reporter_seal(struct vt_reporter *r, struct vt_why *why);
/* Seals, and waits until the spool is empty. VT_E_TIMEOUT after timeout_ms (-1: never) with
 * what hinders; the records stay in the spool. VT_E_REFUSED: the vault laid batches aside
 * meanwhile. VT_E_BUSY: stop_fd (or -1) was readable. Calls tick (or NULL) some times a second.
 */
VT_MUST enum vt_err vt_reporter_flush(struct vt_reporter *r, int64_t timeout_ms, int stop_fd,
    void (*tick)(void *ctx), void *tick_ctx, struct vt_why *why);
/* Whether the spool would take len bytes of records more. */
bool vt_reporter_has_room(struct vt_reporter *r, size_t len);

struct vt_reporter_status {
    uint64_t records;  /* added */
    uint64_t bytes;    /* of those */
    uint64_t unsealed; /* of those, in memory */
    struct vt_spool_status spool;
    struct vt_sender_status sender;
    struct vt_known_facts known;
};
void vt_reporter_status(struct vt_reporter *r, struct vt_reporter_status *ret);

#endif
