/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's documents as the facts have them, held against the vault policy under which they
 * were made: a document counts only when the party that it speaks for signed its entry. Private
 * to the reading room.
 */
#ifndef VT_CENTRE_API_VAULT_H
#define VT_CENTRE_API_VAULT_H

#include "base/json.h"
#include "crypto/digest.h"

struct vt_api_call;
struct vt_rule_party;
struct vt_sql_rows;
struct vt_vault_policy;

/* A vault policy by its digest; it stays until the next call. NULL: it is not published, or
 * none. */
VT_MUST enum vt_err vt_api_vault(struct vt_api_call *c, const struct vt_digest *digest,
    const struct vt_vault_policy **ret, struct vt_why *why);
/* The newest that is in force; *ret NULL when there is none. index: of its newest entry. */
VT_MUST enum vt_err vt_api_vault_now(struct vt_api_call *c, const struct vt_vault_policy **ret,
    int64_t *ret_index, struct vt_why *why);
/* Whether the trust policy's signer of that name has the party's key. party may be NULL. */
bool vt_api_vault_is(
    const struct vt_api_call *c, const struct vt_rule_party *party, const char *signer);

/* A column of fields as an array; NULL when memory is out or it is none. */
json_t *vt_api_fields(struct vt_sql_rows *r, int column);
/* The first field of that name, "" when there is none. */
const char *vt_api_field(const json_t *fields, const char *name);
json_t *vt_api_field_text(const json_t *fields, const char *name); /* or null */
json_t *vt_api_field_count(const json_t *fields, const char *name);
bool vt_api_field_digest(const json_t *fields, const char *name, struct vt_digest *ret);

#endif
