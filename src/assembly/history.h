/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a log says of assemblies: those by signers whom the policy requires for
 * them, and which of them one rebuilder has answered.
 */
#ifndef VT_ASSEMBLY_HISTORY_H
#define VT_ASSEMBLY_HISTORY_H

#include "log/reader.h"

#define VT_HISTORY_MAX 16384U /* assemblies of one log */

struct vt_history_item {
    uint64_t index;
    struct vt_entry entry;
    const struct vt_policy_party *signer; /* owned by the policy */
    bool confirmed;                       /* the rebuilder logged the same bytes */
    bool contradicted;                    /* the rebuilder logged a mismatch */
};

struct vt_history {
    size_t count;
    struct vt_history_item *item; /* in the log's order */
};

/* Reads all of the log, every entry proven to be in it. `me` is the rebuilder's
 * key, or NULL. VT_E_CONFIG (the policy names no assembler), VT_E_LIMIT, errors
 * of vt_log_reader_each. Release *ret with vt_history_release. */
VT_MUST enum vt_err vt_history_read(struct vt_log_reader *log, const struct vt_policy *policy,
    const struct vt_vkey *me, struct vt_history *ret, struct vt_why *why);
void vt_history_release(struct vt_history *h);

/* The newest assembly with these three inputs, or NULL. */
const struct vt_history_item *vt_history_find(const struct vt_history *h,
    const struct vt_digest *source, const struct vt_digest *environment,
    const struct vt_digest *recipe);
/* The newest confirmed assembly with that artifact, or NULL. */
const struct vt_history_item *vt_history_confirmed(
    const struct vt_history *h, const struct vt_digest *artifact);

#endif
