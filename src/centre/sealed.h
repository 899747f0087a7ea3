/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed sources: snapshots whose archive lies in HOME/sealed/objects and not in
 * HOME/public/objects, where whoever likes can fetch it. Their statement and entry are public
 * as any other's. They are shown to those reviewers alone to whom they were opened, one by one
 * or all at once; the http process cannot read them. docs/formats/desk.md.
 */
#ifndef VT_CENTRE_SEALED_H
#define VT_CENTRE_SEALED_H

#include "sql/sql.h"
#include "store/home.h"
#include "store/store.h"

/* Whether a source is sealed at this site. */
VT_MUST enum vt_err vt_sealed_is(
    const struct vt_home *home, const struct vt_digest *source, bool *ret, struct vt_why *why);

/* Opens a source (NULL: all, also those to come) to an account's name, and closes it again;
 * both are fine when it is so already. VT_E_NOENT: there is no account of that name. */
VT_MUST enum vt_err vt_sealed_open(struct vt_sql *db, const struct vt_digest *source,
    const char *name, int64_t now, struct vt_why *why);
VT_MUST enum vt_err vt_sealed_close(
    struct vt_sql *db, const struct vt_digest *source, const char *name, struct vt_why *why);
/* Whether it is open to that name. */
VT_MUST enum vt_err vt_sealed_may(struct vt_sql *db, const struct vt_digest *source,
    const char *name, bool *ret, struct vt_why *why);
/* Appends the sealed sources open to that name, as hex digests with a space between two; those
 * for which b has no room are left out. */
VT_MUST enum vt_err vt_sealed_list(const struct vt_home *home, struct vt_sql *db,
    const char *name, struct vt_buf *b, struct vt_why *why);
/* Calls fn for each permission; source is NULL for all. */
VT_MUST enum vt_err vt_sealed_each(struct vt_sql *db,
    enum vt_err (*fn)(void *ctx, const struct vt_digest *source, const char *name, int64_t at,
        struct vt_why *why),
    void *ctx, struct vt_why *why);

#endif
