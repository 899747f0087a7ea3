/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a desk keeps of the ledger between calls: for each entry of a vault kind by a
 * signer of the policy one row, in the log's order. For the desk's own files only.
 */
#ifndef VT_VAULT_DESK_ROWS_H
#define VT_VAULT_DESK_ROWS_H

#include "http/client.h"
#include "vault/desk.h"

#define VT_DESK_URL_MAX 1024U
#define VT_DESK_ROWS_MAX 4000000U

struct vt_desk_row {
    uint64_t index;
    enum vt_entry_kind kind;
    uint32_t subject_count;
    size_t subject_at; /* in the desk's array of subjects */
    struct vt_digest statement;
    const struct vt_policy_party *signer;
};

struct vt_desk {
    char url[VT_DESK_URL_MAX];
    const struct vt_policy *policy;
    struct vt_signer *signer; /* NULL: it only reads */
    struct vt_http *http;     /* NULL until something is said */
    struct vt_log_reader *reader;
    uint64_t scanned; /* entries of the log that are in rows, or are none of the ledger */
    size_t row_count;
    size_t row_cap;
    struct vt_desk_row *row;
    size_t subject_count;
    size_t subject_cap;
    struct vt_subject *subject;
};

/* The reader at the newest checkpoint that vt_desk_refresh saw, with all rows up to it.
 * VT_E_STATE before the first. */
VT_MUST enum vt_err vt_desk_scan(struct vt_desk *d, struct vt_why *why);
/* Whether the row has that subject. */
bool vt_desk_row_has(const struct vt_desk *d, const struct vt_desk_row *r,
    enum vt_subject_role role, const struct vt_digest *digest);
/* The row as callers get it. */
void vt_desk_row_entry(
    const struct vt_desk *d, const struct vt_desk_row *r, struct vt_desk_entry *ret);
/* The document of a row. NULL *ret with VT_OK: it does not hold together, so its entry says
 * nothing, whoever logged it; why is in `nothing` (may be NULL). One that cannot be had might
 * say something: that is an error. */
VT_MUST enum vt_err vt_desk_row_doc(struct vt_desk *d, const struct vt_desk_row *r,
    struct vt_doc **ret, struct vt_why *nothing, struct vt_why *why);

#endif
