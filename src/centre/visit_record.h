/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of a day: the tree over that day's lines of the book of openings, the document
 * that gives its root and totals, and its entry. docs/formats/visits.md.
 *
 * A day may have several records; each covers the day from its first line on, so that an
 * earlier one's tree is the beginning of a later one's, and the newest counts.
 */
#ifndef VT_CENTRE_VISIT_RECORD_H
#define VT_CENTRE_VISIT_RECORD_H

#include "merkle/tree.h"
#include "sql/sql.h"

struct vt_signer;

struct vt_visit_record {
    int64_t no;
    int64_t day;
    uint64_t leaves;
    uint64_t reviewers;
    uint64_t anonymous;
    struct vt_digest root;
    struct vt_digest document; /* its SHA-256 */
    int64_t made;
    int64_t index; /* of its entry; -1: not in the log yet */
};

/* A day's newest record; `logged`: among those in the log. VT_E_NOENT. */
VT_MUST enum vt_err vt_visit_record_of(struct vt_sql *db, int64_t day, bool logged,
    struct vt_visit_record *ret, struct vt_why *why);

/* Makes and keeps the record of a day as it is now, signed as an entry by the site's centre
 * key. VT_E_EXIST: the newest record has all lines. Cost: hashes the day's lines. */
VT_MUST enum vt_err vt_visit_record_make(struct vt_sql *db, const char *site,
    struct vt_signer *signer, int64_t day, int64_t now, struct vt_why *why);

/* Proofs of many leaves of one day and size, leaf by leaf in ascending order at the cheapest.
 */
struct vt_visit_prover {
    struct vt_sql *db;
    int64_t day;
    uint64_t leaves;
    uint64_t block; /* whose leaves are at hand, plus 1 */
    struct vt_digest hash[256];
};
/* p: zeroed but for db, day and leaves. */
VT_MUST enum vt_err vt_visit_prove(
    struct vt_visit_prover *p, uint64_t leaf, struct vt_proof *ret, struct vt_why *why);

#endif
