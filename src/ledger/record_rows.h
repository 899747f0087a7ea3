/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between structs and documents: a table for each kind says which member is which
 * field. For record.c, which has the tables, and record_rows.c, which walks over
 * them. No I/O.
 */
#ifndef VT_LEDGER_RECORD_ROWS_H
#define VT_LEDGER_RECORD_ROWS_H

#include "ledger/record.h"

/* What a member is. */
enum vt_member {
    VT_MEMBER_DIGEST = 1, /* struct vt_digest */
    VT_MEMBER_COUNT,      /* uint64_t */
    VT_MEMBER_SOME,       /* uint64_t; 0 is written as no field */
    VT_MEMBER_TIME,       /* int64_t */
    VT_MEMBER_TEXT,       /* char[size] */
    VT_MEMBER_ID,         /* uint8_t[16] */
    VT_MEMBER_BOX,        /* struct vt_box_public */
    VT_MEMBER_MODE,       /* enum vt_mode */
    VT_MEMBER_CODE,       /* enum vt_refusal */
    VT_MEMBER_OUTCOME,    /* enum vt_outcome */
    VT_MEMBER_DIGESTS,    /* struct vt_digest[size], the size_t at `other` used */
    VT_MEMBER_SHARES,     /* struct vt_key_share[size], the same */
    VT_MEMBER_EPOCHS,     /* struct vt_retired *, the same; made with malloc */
};

struct vt_row {
    const char *field;
    enum vt_member member;
    size_t at;    /* offset of the member */
    size_t size;  /* bytes of a text, elements of an array at the most */
    size_t other; /* offset of the array's count, or of the `has_` member of a digest */
    bool has;     /* there is such a `has_` member */
};

/* Adds the record's fields to d. VT_E_USAGE. */
VT_MUST enum vt_err vt_rows_put(const struct vt_row *row, size_t n, const void *record,
    struct vt_doc *d, struct vt_why *why);
/* Sets the members; VT_E_SYNTAX, VT_E_NOMEM, and then vt_rows_release what is there. */
VT_MUST enum vt_err vt_rows_get(const struct vt_row *row, size_t n, const struct vt_doc *d,
    void *record, struct vt_why *why);
/* Frees what was made, if there is any. */
void vt_rows_release(const struct vt_row *row, size_t n, void *record);

#endif
