/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing the record of openings: each day that is over gets its record, and the record its
 * entry in the log. What did not get there is tried again with the same bytes.
 * docs/formats/visits.md.
 */
#ifndef VT_CENTRE_VISIT_PUBLISH_H
#define VT_CENTRE_VISIT_PUBLISH_H

#include "sql/sql.h"

struct vt_http;
struct vt_signer;

#define VT_VISIT_GRACE_S 5        /* after midnight, for lines that wait in memory */
#define VT_VISIT_DAYS_AT_ONCE 400 /* records made in one call */

/* All borrowed. */
struct vt_visit_publisher {
    const char *site; /* its name */
    struct vt_signer *signer;
    struct vt_http *http;
    const char *url; /* of the site */
};

/* Notes the day from which on each day gets a record, unless that is noted already. */
VT_MUST enum vt_err vt_visit_since(struct vt_sql *db, int64_t now, struct vt_why *why);

/* Makes the records of days that are over at `now`, also of those on which nothing was opened;
 * so_far: that of today too, when something was opened since the last. Then submits all that
 * are not in the log. *ret_count: how many it put there. Errors of vt_visit_record_make and of
 * submitting; what was made stays. */
VT_MUST enum vt_err vt_visit_publish(struct vt_sql *db, const struct vt_visit_publisher *p,
    int64_t now, bool so_far, size_t *ret_count, struct vt_why *why);

#endif
