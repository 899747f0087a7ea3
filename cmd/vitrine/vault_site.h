/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of a vault's operator open: the site's home, its trust policy, its keeper
 * (the running one, or one for this command), its signing key in a process of its own, and
 * the ledger that the vault writes to.
 */
#ifndef VT_CMD_VAULT_SITE_H
#define VT_CMD_VAULT_SITE_H

#include "vault/desk.h"
#include "vault/keeper.h"

enum vt_vault_part {
    VT_VAULT_KEEPER = 1,
    VT_VAULT_LEDGER = 2, /* desk and signer; the desk was refreshed */
};

struct vt_vault_site {
    struct vt_home home;
    struct vt_policy *trust;
    struct vt_keeper *keeper; /* NULL unless asked for; so the next two */
    struct vt_signer *signer;
    struct vt_desk *desk;
};

/* Opens the home and the parts that are asked for (joined by or). On failure too, release *s,
 * which must be zeroed before. VT_E_STATE: no vault here. */
VT_MUST enum vt_err vt_vault_site_open(
    struct vt_vault_site *s, const char *dir, unsigned parts, struct vt_why *why);
void vt_vault_site_release(struct vt_vault_site *s);

#endif
