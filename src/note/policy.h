/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies: which logs, witnesses and signers count, and what quorum of each.
 * The C2SP tlog-policy grammar with two directives of our own:
 *
 *     signer NAME VKEY [URL]      a party that signs entries (key type 01, or a passkey's)
 *     require KIND NAME|none      who must have signed the entries of that kind
 *
 * A group may hold witnesses or signers, never both. docs/formats/policy.md.
 * A policy is compiled once, its keys made ready to verify with; checking allocates nothing.
 * Several threads may check by one policy. No I/O.
 */
#ifndef VT_NOTE_POLICY_H
#define VT_NOTE_POLICY_H

#include "note/checkpoint.h"
#include "note/entry.h"

#define VT_POLICY_MAX (256U * 1024U) /* bytes of a policy file */
#define VT_POLICY_LOGS_MAX 32U
#define VT_POLICY_PARTIES_MAX 64U /* witnesses and signers together */
#define VT_POLICY_GROUPS_MAX 64U
#define VT_POLICY_URL_MAX 1024U
#define VT_POLICY_NAME_MAX 256U /* bytes of a name in the policy */

struct vt_policy;

/* A log, witness or signer as the policy names it. Owned by the policy. */
struct vt_policy_party {
    const char *name; /* the name in the policy; for a log its origin */
    const char *url;  /* or NULL */
    struct vt_vkey key;
    /* Of the key. NULL of a passkey, and of an ML-DSA key where there is no ML-DSA. */
    struct vt_verifier *verifier;
};

/* VT_E_CONFIG with the line number and what is wrong. Without a require line
 * for a kind, the policy demands nothing there: see vt_policy_demand_of. VT_E_NOMEM. */
VT_MUST enum vt_err vt_policy_parse(
    const void *data, size_t len, struct vt_policy **ret, struct vt_why *why);
void vt_policy_free(struct vt_policy *p);

size_t vt_policy_logs(const struct vt_policy *p, const struct vt_policy_party **ret);
size_t vt_policy_witnesses(const struct vt_policy *p, const struct vt_policy_party **ret);
size_t vt_policy_signers(const struct vt_policy *p, const struct vt_policy_party **ret);

/* The log with that origin, or NULL. */
const struct vt_policy_party *vt_policy_log(const struct vt_policy *p, const char *origin);
/* The signer whose key's name and id stand in the note's (only) signature line,
 * or NULL. Says nothing yet of the signature: vt_note_verify with its key. */
const struct vt_policy_party *vt_policy_signer_of(
    const struct vt_policy *p, const struct vt_note *n);

/* The name of the group that has this signer as a direct member, or NULL. */
const char *vt_policy_group_of(const struct vt_policy *p, const struct vt_policy_party *signer);
/* SHA-256 over the policy's file, all of it. */
const struct vt_digest *vt_policy_digest(const struct vt_policy *p);

/* Opens a signed checkpoint: a known log signed it and the witness quorum is
 * reached. A known witness whose cosignature fails is VT_E_SIG. *ret_time: the
 * least time that the quorum vouches for, i.e. such that the cosignatures not
 * older than it still meet the quorum (0 with `quorum none`). VT_E_SYNTAX,
 * VT_E_UNKNOWN, VT_E_SIG, VT_E_QUORUM naming the missing. */
VT_MUST enum vt_err vt_policy_check_checkpoint(const struct vt_policy *p, const void *data,
    size_t len, struct vt_checkpoint *ret, uint64_t *ret_time, struct vt_why *why);

/* A log's signature only, no witnesses: for those who will ask for them. */
VT_MUST enum vt_err vt_policy_check_log(const struct vt_policy *p, const void *data, size_t len,
    struct vt_note *ret_note, struct vt_checkpoint *ret, struct vt_why *why);

struct vt_frozen;
/* Opens a log's final statement (note/frozen.h): one of the keys that the policy gives for that
 * origin must have signed it. VT_E_SYNTAX, VT_E_LIMIT, VT_E_UNKNOWN, VT_E_SIG. */
VT_MUST enum vt_err vt_policy_check_frozen(const struct vt_policy *p, const char *origin,
    const void *data, size_t len, struct vt_frozen *ret, struct vt_why *why);

/* Whether enough cosignatures for the quorum are among `n`'s lines. */
VT_MUST enum vt_err vt_policy_check_quorum(
    const struct vt_policy *p, const struct vt_note *n, uint64_t *ret_time, struct vt_why *why);

/* What the policy says about a kind of entry. */
enum vt_policy_demand {
    VT_POLICY_SILENT, /* no require line */
    VT_POLICY_NONE,   /* require KIND none */
    VT_POLICY_QUORUM, /* a name */
};
enum vt_policy_demand vt_policy_demand_of(const struct vt_policy *p, enum vt_entry_kind kind);

/* A set of signers who signed: fill by index into vt_policy_signers. */
struct vt_signer_set {
    bool has[VT_POLICY_PARTIES_MAX];
};
/* Whether the set satisfies `require KIND`. VT_E_QUORUM: which were asked for,
 * which are there, which are missing. VT_E_CONFIG when the policy is silent. */
VT_MUST enum vt_err vt_policy_check_signers(const struct vt_policy *p, enum vt_entry_kind kind,
    const struct vt_signer_set *set, struct vt_why *why);
/* The signers that `require KIND` speaks of, and the least number of them that
 * can satisfy it (0 for none and silent). For TUF's keys and thresholds. */
void vt_policy_members(const struct vt_policy *p, enum vt_entry_kind kind,
    struct vt_signer_set *ret, unsigned *ret_least);

/* What is demanded, for people. kind 0: of witnesses, by the line `quorum`. The name that the
 * line gives, NULL when nobody is demanded; the least number of parties that can be enough, 0
 * then; and in words, such as "all of alpha, beta" or "2 of north (any of alice, bob), carol",
 * appended to b. */
const char *vt_policy_demand_name(const struct vt_policy *p, enum vt_entry_kind kind);
unsigned vt_policy_demand_least(const struct vt_policy *p, enum vt_entry_kind kind);
void vt_policy_put_demand(struct vt_buf *b, const struct vt_policy *p, enum vt_entry_kind kind);

#endif
