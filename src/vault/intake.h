/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vault takes in: batches for regions that the policy in force keeps at this site,
 * sealed to the region's key. It reads what the vault's folder says (policy, keys, moves) and
 * reads it again when that has changed. It can open nothing.
 */
#ifndef VT_VAULT_INTAKE_H
#define VT_VAULT_INTAKE_H

#include "report/batch.h"
#include "store/home.h"
#include "vault/metrics.h"

struct vt_intake;

/* A vault without a policy yet is fine: it takes nothing. `home` must outlive it. */
VT_MUST enum vt_err vt_intake_new(
    const struct vt_home *home, struct vt_intake **ret, struct vt_why *why);
void vt_intake_free(struct vt_intake *in);
/* Looks whether something has changed, and reads it then. *ret_changed: another policy is in
 * force. When something cannot be read, what was known stays, and the error says what. */
VT_MUST enum vt_err vt_intake_refresh(
    struct vt_intake *in, bool *ret_changed, struct vt_why *why);

/* The digest of the policy in force; NULL: none yet. */
const struct vt_digest *vt_intake_policy(const struct vt_intake *in);
/* The policy itself; valid until the next refresh. */
const struct vt_vault_policy *vt_intake_vault_policy(const struct vt_intake *in);

/* Whether a batch may come in: VT_REFUSED_NONE, or the reason with a line for the sender. */
enum vt_refused vt_intake_check(
    const struct vt_intake *in, const struct vt_batch_header *h, struct vt_why *why);
/* Whether that is the key of a region that is kept here. */
bool vt_intake_has_key(
    const struct vt_intake *in, const char *region, const struct vt_digest *key_id);

#endif
