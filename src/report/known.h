/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint knows of its region: the vault policy in force, the site that
 * keeps the region, and the region's public key. It comes from evidence files alone
 * (ledger/evidence.h), checked offline by the endpoint's trust policy; where they were
 * fetched from does not matter. The last ones accepted lie beside the spool and are
 * the memory by which nothing goes back. docs/formats/spool.md has the rules.
 *
 * One thread at a time.
 */
#ifndef VT_REPORT_KNOWN_H
#define VT_REPORT_KNOWN_H

#include "ledger/policy.h"
#include "note/policy.h"

struct vt_http;
struct vt_known;

struct vt_known_opts {
    const struct vt_policy *trust; /* must outlive it */
    const char *dir;               /* where evidence is kept; exists */
    const char *region;
    const char *class_name;
};
/* Reads what is kept; evidence that does not hold (any more) counts as not there.
 * VT_E_USAGE: no such region or class can be. VT_E_IO, VT_E_NOMEM. */
VT_MUST enum vt_err vt_known_new(
    const struct vt_known_opts *opts, struct vt_known **ret, struct vt_why *why);
void vt_known_free(struct vt_known *k);

/* What batches are made by. */
struct vt_known_facts {
    uint64_t serial; /* of the policy */
    struct vt_digest policy;
    char site[VT_KEY_NAME_MAX + 1];
    struct vt_box_public key;
};
/* false: policy or key are not known (yet), or the policy places neither region nor class. */
bool vt_known_get(const struct vt_known *k, struct vt_known_facts *ret);

/* Takes evidence of the policy, and of the key (NULL: the known one stays; there must be one).
 * Both count, or neither. VT_E_ROLLBACK, VT_E_PROOF (forked), VT_E_QUORUM, VT_E_REFUSED (the
 * policy does not place the region or the class; the key is not its site's), VT_E_STATE (no
 * key), and the errors of vt_evidence_parse, vt_fact_check, vt_vault_policy_parse. Durable when
 * it returns. */
VT_MUST enum vt_err vt_known_take(struct vt_known *k, const void *policy, size_t policy_len,
    const void *key, size_t key_len, struct vt_why *why);
/* Fetches both from a vault and takes them. A vault that does not have the region (any more)
 * need not have its key when that is known. VT_E_NET, VT_E_TIMEOUT, VT_E_NOENT besides. */
VT_MUST enum vt_err vt_known_fetch(
    struct vt_known *k, struct vt_http *http, const char *url, struct vt_why *why);

#endif
