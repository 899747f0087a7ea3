/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds for the facts of a statement, whether it is being written or was
 * read; and the words that both sides use. For statement_put.c and
 * statement_get.c only.
 */
#ifndef VT_ATTEST_STATEMENT_RULES_H
#define VT_ATTEST_STATEMENT_RULES_H

#include "attest/statement.h"

#define VT_STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define VT_STATEMENT_ARCHIVE "source.tar.zst"
#define VT_STATEMENT_MANIFEST "environment.manifest"
#define VT_STATEMENT_METADATA "targets.json"
#define VT_STATEMENT_IDENTICAL "identical"
#define VT_STATEMENT_DIFFERENT "different"
#define VT_SITE_URN "urn:vitrine:site:"
#define VT_SITE_QUERY "?=jurisdiction="
#define VT_STATEMENT_COUNT_MAX INT64_MAX /* what a JSON integer holds */

/* "directory", "git", "debian"; NULL outside the table. */
const char *vt_origin_name(enum vt_origin origin);

/* VT_E_SYNTAX with what is wrong. */
VT_MUST enum vt_err vt_statement_check_source(
    const struct vt_statement_source *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_check_environment(
    const struct vt_statement_environment *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_check_assembly(
    const struct vt_statement_assembly *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_check_rebuild(
    const struct vt_statement_rebuild *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_check_mismatch(
    const struct vt_statement_mismatch *s, struct vt_why *why);
VT_MUST enum vt_err vt_statement_check_release(
    const struct vt_statement_release *s, struct vt_why *why);

#endif
