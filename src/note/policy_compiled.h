/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as it is held after parsing. For policy.c and policy_keys.c, which make it, and
 * policy_check.c and policy_say.c, which read it.
 */
#ifndef VT_NOTE_POLICY_COMPILED_H
#define VT_NOTE_POLICY_COMPILED_H

#include "note/policy.h"
#include "note/quorum.h"

struct vt_policy {
    char *text; /* the file, cut into words; all names point into it */
    struct vt_digest digest;
    struct vt_quorum names;
    size_t log_count;
    struct vt_policy_party log[VT_POLICY_LOGS_MAX];
    size_t witness_count;
    struct vt_policy_party witness[VT_POLICY_PARTIES_MAX];
    size_t signer_count;
    struct vt_policy_party signer[VT_POLICY_PARTIES_MAX];
    bool quorum_given;
    int quorum; /* a node, or VT_QUORUM_NODE_NONE: `quorum none` */
    struct {
        enum vt_policy_demand demand;
        int node; /* for VT_POLICY_QUORUM */
    } require[VT_ENTRY_KIND_COUNT];
};

/* Makes a party's key ready to verify with (policy_keys.c). Where there is no ML-DSA, such a
 * key counts for nobody. */
VT_MUST enum vt_err vt_policy_party_ready(struct vt_policy_party *p, struct vt_why *why);
/* When all lines are read: two keys of one witness count once, and the quorum can be met with
 * the keys that can be verified here. VT_E_CONFIG. */
VT_MUST enum vt_err vt_policy_check_keys(const struct vt_policy *p, struct vt_why *why);

#endif
