/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: the one process that holds a vault's keys. It listens on no
 * network and writes no log; it reads its own folder (HOME/vault/ring) and the
 * trust policy, and answers small typed messages on local channels. What it
 * releases rests on proofs that it checks itself, offline, by ledger/grant.h.
 * docs/formats/keeper.md is the page.
 *
 * It knows: the ring (epoch keys by region, class and day; subject keys by region
 * and tag; each destroyed in its time), its box key, to which approvers seal their
 * shares, the newest tree of the ledger that it has seen, the policy in force, and how
 * often each grant has been used. It does not know any region's private key: that
 * is joined from shares for the life of one session.
 *
 * A channel is a socket to the keeper of a vault that runs (run/keeper.sock, same
 * user only), or to one that is started for this command and ends with it. All
 * calls block. One thread.
 */
#ifndef VT_VAULT_KEEPER_H
#define VT_VAULT_KEEPER_H

#include "store/home.h"
#include "vault/segment.h"

#define VT_KEEPER_SUBJECTS_MAX 4096U /* keys asked for in one call */

struct vt_keeper; /* a channel */

/* The running keeper of that vault, or one of our own (asks for the passphrase or
 * PIN as vt_signer_spawn does). VT_E_STATE: no vault here. */
VT_MUST enum vt_err vt_keeper_open(
    const struct vt_home *h, struct vt_keeper **ret, struct vt_why *why);
/* Over a descriptor that leads to a keeper; takes ownership. */
VT_MUST enum vt_err vt_keeper_attach(int fd, struct vt_keeper **ret, struct vt_why *why);
void vt_keeper_close(struct vt_keeper *k);
/* The channel's descriptor, for who hands the channel to a process that it forks: one process
 * at a time may call, and only the one that opened it closes it. */
int vt_keeper_fd(const struct vt_keeper *k);

/* The keeper's process body: serves fd (when not -1) and the listening unix
 * socket (when not -1) until fd closes. The result is an exit code. */
int vt_keeper_serve(int fd, int listen_fd, const struct vt_home *h);

/* Where the ring's root key is kept. */
enum vt_root_kind { VT_ROOT_FILE = 1, VT_ROOT_TOKEN };
/* Makes HOME/vault/ring with a new box key and an empty ring: by a root file
 * (encrypted when passphrase is not NULL) or by the token that `uri` names. Gives the
 * box key's public half. VT_E_EXIST. */
VT_MUST enum vt_err vt_keeper_init(const struct vt_home *h, enum vt_root_kind kind,
    const char *uri, const char *passphrase, struct vt_box_public *ret, struct vt_why *why);

struct vt_keeper_status {
    uint64_t generation; /* of the ring: grows with every erasure, retention and shredding */
    uint64_t epochs;
    uint64_t subjects;
    struct vt_digest ring_root; /* Merkle root over the sorted commitments of its keys */
    uint64_t ledger_size;       /* of the newest tree that it has seen */
    struct vt_digest policy;    /* in force; zero: none yet */
    uint64_t sessions;          /* open now */
    bool locked_memory;         /* all of its memory stays out of swap */
    enum vt_root_kind root;     /* where its root key is */
    struct vt_box_public box;   /* to which approvers seal shares */
};
VT_MUST enum vt_err vt_keeper_status(
    struct vt_keeper *k, struct vt_keeper_status *ret, struct vt_why *why);

/* Takes a vault policy: evidence of the `vault-policy` entries (one by each signer) that
 * together meet `require vault-policy` of HOME/policy, all of one document, with a higher
 * serial, whose `previous` is the one in force. Fine when it is the one in force. */
VT_MUST enum vt_err vt_keeper_set_policy(
    struct vt_keeper *k, const void *evidence, size_t len, struct vt_why *why);

/* Makes a region's key pair, splits the private half (ledger/policy.h: for each
 * of the modes access, break-glass and export, for each of its groups), seals
 * each share to its approver, forgets the private half, and appends: the region's
 * key document fields (unsigned, see docs/formats/region-key.md) to ret_doc as
 * text, and the shares file of all approvers to ret_shares (vault/shares.h). */
VT_MUST enum vt_err vt_keeper_region_new(struct vt_keeper *k, const char *region,
    struct vt_box_public *ret_public, struct vt_buf *ret_shares, struct vt_why *why);

/* For ingest: keys to seal `n` blocks of a new segment with, for block i of data subject
 * subject[i]. Makes the epoch's and the subjects' keys when they are missing, durable before
 * it answers. VT_E_REFUSED: the region is not this site's, or the epoch is over
 * its retention. Wipe ret. */
VT_MUST enum vt_err vt_keeper_seal_keys(struct vt_keeper *k,
    const uint8_t segment[VT_SEGMENT_ID_SIZE], const char *region, const char *class_name,
    uint32_t day, uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n,
    uint8_t (*ret)[32], struct vt_why *why);

/* Opens a session under a grant: evidence (request, approvals, grant), the passport of the job
 * (NULL for export), the sealed shares as approvers sent them (vault/shares.h), and
 * for one data subject its salt ‖ tag (32 bytes, or NULL). On VT_E_REFUSED and the other
 * refusals *ret_refusal has the code for the ledger. */
struct vt_keeper_open {
    const void *evidence;
    size_t evidence_len;
    const void *passport;
    size_t passport_len;
    const void *shares;
    size_t shares_len;
    const uint8_t *subject; /* salt ‖ tag, 32 bytes, or NULL */
    uint64_t epsilon_spent; /* of the region's budget within its days, as the caller
                               counted it in the ledger; the keeper counts too */
};
VT_MUST enum vt_err vt_keeper_session(struct vt_keeper *k, const struct vt_keeper_open *o,
    uint64_t *ret_session, struct vt_granted *ret, enum vt_refusal *ret_refusal,
    struct vt_why *why);
/* Keys for one segment, given its head's bytes: for block i its outer key and whether it is
 * in the grant's scope and not erased, and for each batch with such a block its HPKE
 * secret. Blocks outside of the scope get nothing. `open` has room for block_count
 * elements, `batch` for batch_count. Wipe both. */
struct vt_block_key {
    bool open;
    bool erased; /* in scope, but its key was destroyed */
    uint8_t key[32];
};
struct vt_batch_key {
    bool open;
    struct vt_hpke_secret secret;
};
VT_MUST enum vt_err vt_keeper_open_keys(struct vt_keeper *k, uint64_t session, const void *head,
    size_t head_len, struct vt_block_key *block, size_t block_count, struct vt_batch_key *batch,
    size_t batch_count, struct vt_why *why);
/* Ends it: the region's private key is wiped. Also when the channel closes. */
VT_MUST enum vt_err vt_keeper_end(struct vt_keeper *k, uint64_t session, struct vt_why *why);

/* Destroys keys, then changes the ring's root key so that no copy of the ring made before
 * can be opened. What was destroyed is told by commitments: SHA-256("vitrine/ring/v1" ‖
 * 0 ‖ key). */
struct vt_keeper_destroyed {
    uint64_t generation_before;
    uint64_t generation_after;
    struct vt_digest ring_before; /* roots as in the status */
    struct vt_digest ring_after;
    size_t count;
    struct vt_digest *commitment; /* sorted (retention: not), or NULL: too many; freed by the
                                     caller with free() */
    struct vt_epoch {
        char region[VT_REGION_MAX + 1];
        char class_name[VT_WORD_MAX + 1];
        uint32_t day;
    } * epoch; /* retention: of commitment i; else NULL; freed by the caller */
};
/* A data subject, under a grant of mode erasure with its salt ‖ tag. VT_E_NOENT: no key
 * of that subject. Doing it again for the same grant gives the same answer. */
VT_MUST enum vt_err vt_keeper_erase(struct vt_keeper *k, const struct vt_keeper_open *o,
    struct vt_keeper_destroyed *ret, struct vt_granted *ret_granted,
    enum vt_refusal *ret_refusal, struct vt_why *why);
/* All epochs whose retention by the policy in force was over before `today`. count 0: none.
 * What was destroyed and not yet acknowledged by vt_keeper_retired is told again, with what is
 * new (generation and ring before: of the first), so that it reaches the ledger though a
 * process was killed meanwhile. */
VT_MUST enum vt_err vt_keeper_retire(
    struct vt_keeper *k, uint32_t today, struct vt_keeper_destroyed *ret, struct vt_why *why);
/* What was destroyed up to that generation (generation_after) stands in the ledger: it is not
 * told again. Fine when there is nothing. */
VT_MUST enum vt_err vt_keeper_retired(
    struct vt_keeper *k, uint64_t generation, struct vt_why *why);

/* Relocation. give: evidence of the relocation entry of this site (docs/formats/relocation.md)
 * under a policy in force that places the region at the other site; gives the region's epoch
 * and subject keys sealed to that site's keeper (its box key in the policy). take: at the other
 * site, once it keeps the region; *ret_root: the Merkle root over the commitments of the keys
 * taken, *ret_keys: how many they are. shred: evidence of the other site's receipt; destroys
 * the region's keys here (ret->commitment is NULL, they are too many). All may be done again.
 * Once keys were given, no more blocks of the region are sealed here: give the last batches to
 * segments before. */
VT_MUST enum vt_err vt_keeper_give(struct vt_keeper *k, const void *evidence, size_t len,
    struct vt_buf *ret, struct vt_why *why);
VT_MUST enum vt_err vt_keeper_take(struct vt_keeper *k, const void *evidence, size_t len,
    const void *sealed, size_t sealed_len, struct vt_digest *ret_root, uint64_t *ret_keys,
    struct vt_why *why);
VT_MUST enum vt_err vt_keeper_shred(struct vt_keeper *k, const void *evidence, size_t len,
    struct vt_keeper_destroyed *ret, struct vt_why *why);

/* For backups: appends a copy of the ring as it is on disk (sealed under the root key
 * of this generation). restore: makes HOME/vault/ring of that copy; it opens only with the root
 * key of the same generation: VT_E_REFUSED says that the copy is older than an erasure. */
VT_MUST enum vt_err vt_keeper_copy(struct vt_keeper *k, struct vt_buf *ret, struct vt_why *why);
VT_MUST enum vt_err vt_keeper_restore(
    const struct vt_home *h, const void *copy, size_t len, struct vt_why *why);

#endif
