/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk's tables, HOME/centre/desk.db: who may log in, what reviewers said, who opened what.
 * docs/formats/desk.md is their page. The desk process writes them, and `vitrine centre` while
 * it runs or not; nobody else has to read them, so the file is its owner's alone.
 *
 * Times are seconds since 1970 UTC. No secret is kept: of tokens their SHA-256, of passkeys the
 * public half.
 */
#ifndef VT_CENTRE_DESK_DB_H
#define VT_CENTRE_DESK_DB_H

#include "sql/sql.h"
#include "store/home.h"

#define VT_DESK_VERSION 1

/* Opens HOME/centre/desk.db for writing; makes it, and the folder, when missing. VT_E_STATE: it
 * is of another version. VT_E_IO. Close with vt_sql_close. */
VT_MUST enum vt_err vt_desk_db_open(
    const struct vt_home *home, struct vt_sql **ret, struct vt_why *why);

/* A number that the operator may set: "sealed-per-minute", "sealed-per-day". */
VT_MUST enum vt_err vt_desk_db_setting(
    struct vt_sql *db, const char *name, int64_t otherwise, int64_t *ret, struct vt_why *why);
VT_MUST enum vt_err vt_desk_db_set(
    struct vt_sql *db, const char *name, int64_t value, struct vt_why *why);
/* What the page's address was for browsers when the desk last began, for links to it.
 * VT_E_NOENT: it never did. */
VT_MUST enum vt_err vt_desk_db_set_origin(
    struct vt_sql *db, const char *origin, struct vt_why *why);
VT_MUST enum vt_err vt_desk_db_origin(
    struct vt_sql *db, char *ret, size_t size, struct vt_why *why);

#endif
