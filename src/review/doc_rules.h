/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand in a review document, as its writer and its reader both hold it. For this
 * module only. No I/O.
 */
#ifndef VT_REVIEW_DOC_RULES_H
#define VT_REVIEW_DOC_RULES_H

#include "review/doc.h"

/* Whether a reviewer may have that name: a key's name, and not the `-` of nobody. */
bool vt_review_name_ok(const char *name);
/* Checks all values and their order. VT_E_SYNTAX, VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_review_check(const struct vt_review *r, struct vt_why *why);
/* By path, then by the first line. */
int vt_review_file_cmp(const void *a, const void *b);
int vt_review_visits_cmp(const void *a, const void *b);

#endif
