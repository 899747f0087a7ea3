/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coverage: which lines of a blob which organisations have read, by the rules of
 * docs/formats/review.md. Pure; made for the facts' readers, the command line and an auditor
 * alike.
 */
#ifndef VT_REVIEW_COVERAGE_H
#define VT_REVIEW_COVERAGE_H

#include "review/doc.h"

/* One line of a reading, in the order of the log. Strings are borrowed. */
struct vt_coverage_reading {
    uint64_t index; /* of the entry */
    const char *signer;
    const char *organisation;
    enum vt_verdict verdict;
    uint32_t from; /* 0: all */
    uint32_t to;
};

#define VT_COVERAGE_ORGANISATIONS_MAX 64U
struct vt_coverage_blob {
    size_t count; /* organisations that have read any of it, in order of name */
    struct {
        const char *organisation;
        uint64_t lines; /* read with verdict ok and without a concern that stands */
        bool whole;     /* all of them */
        bool concern;   /* one of its signers has a concern that stands */
    } of[VT_COVERAGE_ORGANISATIONS_MAX];
    uint64_t lines; /* read by any organisation */
};
/* Readings of one blob of `lines` lines, in the order of their index. VT_E_LIMIT, VT_E_NOMEM.
 */
VT_MUST enum vt_err vt_coverage_of(const struct vt_coverage_reading *reading, size_t count,
    uint64_t lines, struct vt_coverage_blob *ret, struct vt_why *why);

/* The root that a review document gives: over the digests of the covered blobs. They are
 * sorted, and those that stand twice left out, in place; *ret_count how many stay. */
void vt_coverage_root(
    struct vt_digest *blob, size_t count, struct vt_digest *ret, size_t *ret_count);

#endif
