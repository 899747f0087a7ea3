/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saying once: what a site did that cannot be undone (keys destroyed, a region handed over) is
 * said in the ledger by a document that was signed and stored first, so that a command which
 * was killed says the very same when it is given again, and the ledger has one entry of it.
 */
#ifndef VT_VAULT_SAY_H
#define VT_VAULT_SAY_H

#include "vault/desk.h"
#include "vault/keeper.h"

enum { VT_SAY_WAIT_MS = 120000 }; /* for a cosigned checkpoint */

/* Where the document of that name is kept: HOME/vault/said/NAME. */
VT_MUST enum vt_err vt_say_path(const struct vt_home *h, char ret[VT_PATH_MAX],
    struct vt_why *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Signs `doc` and stores it at `path`, unless one is there already: then that one counts (and
 * `doc` may be NULL). Says it and waits until witnesses have cosigned it. ret_doc may be NULL:
 * the digest of what was said. Errors of vt_desk_say and vt_desk_wait. */
VT_MUST enum vt_err vt_say_once(struct vt_desk *desk, struct vt_signer *signer,
    const char *path, const struct vt_doc *doc, struct vt_digest *ret_doc, uint64_t *ret_index,
    struct vt_why *why);

/* Evidence of entries for this keeper: from the newest checkpoint, with the proof that it
 * extends the tree that the keeper has seen. Refreshes the desk; replaces what is in b. */
VT_MUST enum vt_err vt_say_evidence(struct vt_desk *desk, struct vt_keeper *keeper,
    const uint64_t *index, size_t count, struct vt_buf *b, struct vt_why *why);

/* Says the grant of a request when its approvals are there, waits until it is cosigned, and
 * gives the evidence for the keeper; replaces what is in b. Errors of vt_desk_grant. */
VT_MUST enum vt_err vt_say_grant(struct vt_desk *desk, struct vt_keeper *keeper,
    const struct vt_digest *request, struct vt_buf *b, struct vt_why *why);

#endif
