/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A customer's own check: which runs of jobs read records of it. The ledger has every run,
 * without saying whose data it touched; the vault gives each customer a receipt
 * (ledger/customers.h), which is checked against what the run's document has said in public.
 */
#ifndef VT_VAULT_ACCESSES_H
#define VT_VAULT_ACCESSES_H

#include "ledger/customers.h"
#include "ledger/record.h"
#include "vault/desk.h"

enum vt_access_verdict {
    VT_ACCESS_TOUCHED = 1, /* proven: the run read records of this customer */
    VT_ACCESS_UNTOUCHED,   /* proven: it did not */
    VT_ACCESS_NO_RECEIPT,  /* the vault gives none */
    VT_ACCESS_FALSE,       /* what it gave proves nothing, or is of something else */
};
const char *vt_access_verdict_name(enum vt_access_verdict v);

struct vt_access {
    uint64_t index; /* of the run's entry, which is proven to be in the log */
    struct vt_digest doc;
    struct vt_run run;
    bool has_request; /* the request is there to be read */
    struct vt_request request;
    enum vt_access_verdict verdict;
    uint64_t records;  /* TOUCHED: of this customer */
    struct vt_why why; /* NO_RECEIPT, FALSE: in words */
    /* What the vault gave, good or not; NULL when it gave nothing. Valid during the call. */
    const uint8_t *receipt;
    size_t receipt_len;
};

/* Fetches and checks a receipt for each run that the keeper of its region said, and calls fn
 * for each in the log's order. `vault`: addresses of vaults, each asked in turn. fn may return
 * VT_E_EXIST to end the walk as success. Errors: the log cannot be read. */
VT_MUST enum vt_err vt_desk_accesses(struct vt_desk *d, const char *const *vault,
    size_t vault_count, const uint8_t tag[VT_CUSTOMER_TAG_SIZE],
    enum vt_err (*fn)(void *ctx, const struct vt_access *a, struct vt_why *why), void *ctx,
    struct vt_why *why);

#endif
