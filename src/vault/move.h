/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relocation: a region's segments and keys go from the site that kept it to the one that the
 * policy in force names. docs/formats/relocation.md is the page. Nothing is opened on the way:
 * segments move as they are, keys are sealed by one keeper for the other.
 *
 * How far a move is stands in files of HOME/vault/moves/REGION, each written durably before the
 * step after it begins, so that whatever was killed is simply done again:
 *
 *     side       "out SITE" or "in SITE": which way, and the other site; the first file made
 *   at the site that hands over (vt_move_send, in the command):
 *     relocation, sealed, received, shred, inventory
 *   at the site that takes (vt_move_take in the store process, vt_move_clerk in the clerk):
 *     evidence, rows, retired, parts/, segments, sealed, keys, end, checked, merged, receipt,
 * said
 *
 * A move that is over lies in HOME/vault/moves/done/REGION-HEX, where HEX begins the digest of
 * its relocation document.
 *
 * The store process of a vault calls vt_move_pending before it packs batches of a region into
 * segments (it takes and acknowledges them meanwhile), and hands each POST below
 * /vault/v1/moves/ to vt_move_take. The clerk, which may write to the ledger, calls
 * vt_move_clerk in its round.
 */
#ifndef VT_VAULT_MOVE_H
#define VT_VAULT_MOVE_H

#include "vault/desk.h"
#include "vault/inventory.h"
#include "vault/keeper.h"

struct vt_progress;

#define VT_MOVE_PIECE_MAX (4U * 1024U * 1024U) /* bytes of one POST */
#define VT_MOVE_PATH "/vault/v1/moves/"        /* REGION/begin, REGION/rows/0, ... */

enum vt_move_side { VT_MOVE_NONE = 0, VT_MOVE_OUT, VT_MOVE_IN };

struct vt_move_state {
    enum vt_move_side side;
    char other[VT_KEY_NAME_MAX + 1]; /* the other site */
};

/* Whether a region is being relocated, from its first step until `shred` is said: both sites'
 * status says `relocating`. side VT_MOVE_NONE: it is not. */
VT_MUST enum vt_err vt_move_state(
    const struct vt_home *h, const char *region, struct vt_move_state *ret, struct vt_why *why);
/* Whether segments of the region may not be added to its inventory here yet, because the rows
 * that come from the other site must stand before them. */
bool vt_move_pending(const struct vt_home *h, const char *region);

/* At the site that takes, BEFORE a new policy is put in force here (`vault policy take`): marks
 * every region that it places here and that another site kept until now, by the ledger, so that
 * nothing is packed before its rows are there. Fine to do again. `desk` was refreshed. */
VT_MUST enum vt_err vt_move_expect(const struct vt_home *h, struct vt_desk *desk,
    const struct vt_vault_policy *next, struct vt_why *why);

/* At the site that takes, in the store process. */
struct vt_move_taker {
    const struct vt_home *home;
    const struct vt_policy *trust;        /* HOME/policy */
    const struct vt_vault_policy *policy; /* in force */
    struct vt_keeper *keeper;
    /* The region's inventory as the store process holds it open; owned by it. */
    enum vt_err (*inventory)(
        void *ctx, const char *region, struct vt_inventory **ret, struct vt_why *why);
    /* Called once the rows are in the inventory and before the site says that it has all: the
     * batches of the region's segments are now this site's, to be known when sent again. Must
     * be fine to call again. */
    enum vt_err (*arrived)(void *ctx, const char *region, struct vt_why *why);
    void *ctx;
};

/* Answers one POST: `path` is what follows VT_MOVE_PATH. Fills the HTTP status and appends one
 * line or more of text to `answer`, whatever came of it; the result is VT_OK unless the
 * store process cannot go on at all (no memory, a broken disk). At most a segment is read. */
VT_MUST enum vt_err vt_move_take(const struct vt_move_taker *t, const char *path,
    const void *body, size_t len, int *ret_status, struct vt_buf *answer, struct vt_why *why);

/* At the site that takes, in the clerk: reads all segments of moves that are complete once more
 * from disk, says receipts, and closes moves whose `shred` the ledger has. The desk has the
 * vault's signer, which also signs the documents. Moves that wait are not an error. */
VT_MUST enum vt_err vt_move_clerk(const struct vt_home *h, struct vt_desk *desk,
    struct vt_signer *signer, struct vt_why *why);

/* Whether a move waits for the clerk now, so that the other site waits too: look every second,
 * it costs a look into HOME/vault/moves. Only the end of a move (`shred`) is looked for less
 * often. */
bool vt_move_clerk_due(const struct vt_home *h);

/* At the site that hands over: does all that is left to do of a region's relocation. */
struct vt_move_send {
    const struct vt_home *home;
    const struct vt_policy *trust;
    struct vt_keeper *keeper;
    struct vt_desk *desk;
    struct vt_signer *signer;
    const char *region;
    const char *to_url; /* of the other site's vault */
    int64_t timeout_ms; /* for cosignatures, and for the other site to check all of it */
    struct vt_progress *progress; /* or NULL */
};
struct vt_move_sent {
    char to[VT_KEY_NAME_MAX + 1];
    uint64_t segments; /* as the relocation says */
    uint64_t records;
    uint64_t bytes;
    struct vt_digest root;
    uint64_t relocation; /* indexes of the entries */
    uint64_t receipt;
    uint64_t shred;
};
/* VT_E_STATE: the policy in force leaves the region here, or batches wait to be packed.
 * VT_E_REFUSED and others: the other site's answer is in the message. Whatever fails, given
 * again it goes on where it was. */
VT_MUST enum vt_err vt_move_send(
    const struct vt_move_send *m, struct vt_move_sent *ret, struct vt_why *why);

#endif
