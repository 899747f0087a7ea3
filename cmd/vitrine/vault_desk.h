/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vault's commands of people open: the trust policy, the ledger, perhaps a
 * key, and the vault policy in force; and the words in which they show a request.
 */
#ifndef VT_CMD_VAULT_DESK_H
#define VT_CMD_VAULT_DESK_H

#include "base/json.h"
#include "crypto/signer.h"
#include "vault/desk.h"

enum { VT_VAULT_WAIT_MS = 120000 }; /* for a checkpoint with what was said */

struct vt_vault_desk {
    struct vt_policy *trust;
    struct vt_signer *signer; /* NULL: reads only */
    struct vt_desk *desk;
    struct vt_vault_policy *policy; /* in force; NULL until vt_vault_desk_policy */
};

/* Opens the ledger at `url` by the trust policy in a file, with the key in a file (NULL: to
 * read), and looks at its newest checkpoint. On failure too, release *d, which must be
 * zeroed before. */
VT_MUST enum vt_err vt_vault_desk_open(struct vt_vault_desk *d, const char *url,
    const char *policy_path, const char *key_path, struct vt_why *why);
void vt_vault_desk_release(struct vt_vault_desk *d);

/* Finds the vault policy in force. VT_E_NOENT. */
VT_MUST enum vt_err vt_vault_desk_policy(struct vt_vault_desk *d, struct vt_why *why);
/* The party of that policy whose key the signer has; owned by the policy. VT_E_REFUSED. */
VT_MUST enum vt_err vt_vault_desk_me(
    struct vt_vault_desk *d, const struct vt_rule_party **ret, struct vt_why *why);
/* Signs the document, says it with those subjects, and waits until a cosigned checkpoint
 * covers its entry. The document has its digest then. */
VT_MUST enum vt_err vt_vault_desk_say(struct vt_vault_desk *d, enum vt_entry_kind kind,
    const struct vt_subject *subject, size_t count, struct vt_doc *doc, uint64_t *ret_index,
    struct vt_why *why);

/* Appends what a request asks for, a line for each part, for a person. */
void vt_vault_put_request(
    struct vt_buf *b, const struct vt_digest *digest, const struct vt_request *r);
/* The same for --json; the caller owns it. NULL without memory. */
json_t *vt_vault_request_json(const struct vt_digest *digest, const struct vt_request *r);
/* "sha256:HEX" and its size. */
#define VT_VAULT_DIGEST_TEXT (7 + VT_DIGEST_HEX_SIZE)
void vt_vault_digest_text(const struct vt_digest *d, char ret[VT_VAULT_DIGEST_TEXT]);

#endif
