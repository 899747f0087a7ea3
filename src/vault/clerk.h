/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk: the process of a vault that says things in the ledger by itself. It has no key
 * (the signer process has), reads no records and listens nowhere.
 *
 * - an `inventory` entry for each region whose inventory grew: at least ten minutes after the
 *   one before, and when the vault stops;
 * - retention (vault/retain.h): when it starts, and every hour;
 * - receipts of relocations (vault/move.h): every minute while there is one.
 *
 * A ledger that does not answer is asked again later; nothing is lost by it.
 */
#ifndef VT_VAULT_CLERK_H
#define VT_VAULT_CLERK_H

#include "store/home.h"

struct vt_policy;
struct vt_signer;

struct vt_vault_clerk {
    const struct vt_home *home;
    const struct vt_policy *trust; /* HOME/policy */
    const char *ledger;            /* URL */
    struct vt_signer *signer;      /* the key `vault` */
};

/* Works until fd closes: VT_OK. */
VT_MUST enum vt_err vt_vault_clerk_run(
    int fd, const struct vt_vault_clerk *opts, struct vt_why *why);

#endif
