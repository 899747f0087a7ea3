/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key ring: every key of a vault that is not in shares, and what the keeper must not
 * forget. docs/formats/ring.md.
 *
 * Keys belong to a domain: the site where a segment was made, and its region. A domain has
 * epoch keys (by class and day) and subject keys (by tag). That an epoch key was destroyed is
 * remembered, so that it is never made anew; a subject whose key was destroyed gets a
 * new one when it is heard of again, and then the ring remembers in which segments that one
 * is used, since to all older ones the subject stays erased.
 *
 * On disk: a snapshot, sealed under a key of its generation, and what was added since,
 * appended. Whatever destroys keys writes the next generation without them under another root
 * key (vault/root.h) and then destroys the former root key. A crash leaves one or the other.
 *
 * Changes are prepared as items in a buffer (vt_ring_put_...) and then added at once, durable
 * before they are seen. One process (a lock), one thread.
 */
#ifndef VT_VAULT_RING_H
#define VT_VAULT_RING_H

#include "ledger/evidence.h"
#include "vault/keeper.h"

#define VT_RING_ITEMS_MAX (16U * 1024U * 1024U) /* bytes of items added at once */
#define VT_RING_DOMAINS_MAX 4096U
#define VT_RING_ANSWERS_MAX 100000U
#define VT_RING_LISTED_MAX 65536U /* commitments in an answer */

struct vt_ring;

/* Makes the folder DIR (0700) with an empty ring of generation 1; `name`: the home's.
 * VT_E_EXIST when there is a ring. */
VT_MUST enum vt_err vt_ring_create(const char *dir, const char *name, enum vt_root_kind kind,
    const char *uri, const char *passphrase, struct vt_box_public *ret, struct vt_why *why);
/* Opens it and keeps it locked: waits up to wait_ms for another process to end (VT_E_BUSY).
 * Asks for passphrase or PIN. Destroys root keys that a killed run left. VT_E_STATE: there is
 * none. VT_E_REFUSED: its root key is gone. VT_E_SIG, VT_E_SYNTAX: damaged. Cost: reads all of
 * it. */
VT_MUST enum vt_err vt_ring_open(const char *dir, const char *name, int64_t wait_ms,
    struct vt_ring **ret, struct vt_why *why);
/* Takes NULL; wipes. */
void vt_ring_free(struct vt_ring *r);

uint64_t vt_ring_generation(const struct vt_ring *r);
enum vt_root_kind vt_ring_root_kind(const struct vt_ring *r);
const struct vt_box *vt_ring_box(const struct vt_ring *r);
/* The tree seen last; the bytes of the policy in force (NULL: none), owned by the ring. */
const struct vt_ledger_view *vt_ring_view(const struct vt_ring *r);
const void *vt_ring_policy(const struct vt_ring *r, size_t *ret_len);
uint64_t vt_ring_uses(const struct vt_ring *r, const struct vt_digest *grant);
/* Thousandths of epsilon spent on the region on days from `from` on. */
uint64_t vt_ring_spent(const struct vt_ring *r, const char *region, uint32_t from);
/* What was answered to that; NULL: nothing yet. Valid until the ring changes. */
const void *vt_ring_answer(
    const struct vt_ring *r, const struct vt_digest *to, size_t *ret_len);
bool vt_ring_locked(const struct vt_ring *r); /* all keys are in locked memory */

/* A domain's number, or -1. */
int vt_ring_domain(const struct vt_ring *r, const char *site, const char *region);
/* What became of a domain; `away`: its keys were given to another site. */
bool vt_ring_domain_away(const struct vt_ring *r, int domain);
/* NULL: there is none (the next two say whether there was one). Valid until the ring changes.
 */
const uint8_t *vt_ring_epoch(
    const struct vt_ring *r, int domain, const char *class_name, uint32_t day);
bool vt_ring_epoch_gone(
    const struct vt_ring *r, int domain, const char *class_name, uint32_t day);
/* The key of a subject as it is used in that segment; NULL: none, or destroyed. */
const uint8_t *vt_ring_subject(const struct vt_ring *r, int domain,
    const uint8_t tag[VT_SUBJECT_SIZE], const uint8_t segment[VT_SEGMENT_ID_SIZE]);
/* The key for new segments; *ret_reborn: each segment must be remembered (put_used). */
const uint8_t *vt_ring_subject_now(
    const struct vt_ring *r, int domain, const uint8_t tag[VT_SUBJECT_SIZE], bool *ret_reborn);
/* Whether any domain of the region has a key of that subject. */
bool vt_ring_has_subject(
    const struct vt_ring *r, const char *region, const uint8_t tag[VT_SUBJECT_SIZE]);

/* Items, appended to b, which is marked secret. Those from epoch to away are of the domain that
 * was put last in the same buffer; it need not be in the ring before. */
void vt_ring_put_domain(struct vt_buf *b, const char *site, const char *region);
void vt_ring_put_epoch(
    struct vt_buf *b, const char *class_name, uint32_t day, const uint8_t key[32]);
void vt_ring_put_subject(
    struct vt_buf *b, const uint8_t tag[VT_SUBJECT_SIZE], const uint8_t key[32]);
void vt_ring_put_used(struct vt_buf *b, const uint8_t tag[VT_SUBJECT_SIZE],
    const uint8_t segment[VT_SEGMENT_ID_SIZE]);
void vt_ring_put_away(struct vt_buf *b, bool away);
void vt_ring_put_box(struct vt_buf *b, const struct vt_box *box);
void vt_ring_put_view(struct vt_buf *b, const struct vt_ledger_view *view);
void vt_ring_put_policy(struct vt_buf *b, const void *doc, size_t len);
void vt_ring_put_uses(
    struct vt_buf *b, const struct vt_digest *grant, uint64_t uses, int64_t expires);
void vt_ring_put_spent(struct vt_buf *b, const char *region, uint32_t day, uint64_t epsilon);
void vt_ring_put_answer(
    struct vt_buf *b, const struct vt_digest *to, const void *data, size_t len);
/* Forgets that answer. */
void vt_ring_put_forget(struct vt_buf *b, const struct vt_digest *to);

/* Adds items: durable when it returns; on failure nothing was added. A key that is there with
 * another value is VT_E_EXIST. VT_E_IO, VT_E_NOSPC, VT_E_LIMIT. */
VT_MUST enum vt_err vt_ring_add(
    struct vt_ring *r, const struct vt_buf *items, struct vt_why *why);

/* A key as others see it. */
struct vt_ring_key {
    bool epoch; /* or a subject's */
    int domain;
    const char *site;
    const char *region;
    const char *class_name; /* of an epoch */
    uint32_t day;
    const uint8_t *tag; /* of a subject */
    const uint8_t *key;
};
/* Calls fn for each key, epochs first. fn's error ends it. The ring may not change meanwhile.
 */
VT_MUST enum vt_err vt_ring_each(const struct vt_ring *r,
    enum vt_err (*fn)(void *ctx, const struct vt_ring_key *k, struct vt_why *why), void *ctx,
    struct vt_why *why);
void vt_ring_counts(const struct vt_ring *r, uint64_t *ret_epochs, uint64_t *ret_subjects);
/* SHA-256("vitrine/ring/v1" ‖ 0 ‖ key). */
void vt_ring_commitment(const uint8_t key[32], struct vt_digest *ret);
/* The Merkle root (RFC 6962) over the sorted commitments of all keys but those that `without`
 * (may be NULL) names. Cost: some 2 us a key. */
typedef bool (*vt_ring_choose)(void *ctx, const struct vt_ring_key *k);
VT_MUST enum vt_err vt_ring_root(const struct vt_ring *r, vt_ring_choose without, void *ctx,
    struct vt_digest *ret, struct vt_why *why);

/* Writes the next generation without the chosen keys and with `items` (may be NULL) besides,
 * under a new root key, and destroys the former. `forget`: also forgets that the chosen keys
 * ever were (a region that went away). When it fails before the new generation is durable,
 * nothing has changed; when the old root key cannot be destroyed the error says so, and
 * vt_ring_settle tries again. */
VT_MUST enum vt_err vt_ring_destroy(struct vt_ring *r, vt_ring_choose choose, void *ctx,
    bool forget, const struct vt_buf *items, struct vt_why *why);
/* Destroys root keys of former generations that are still there. */
VT_MUST enum vt_err vt_ring_settle(struct vt_ring *r, struct vt_why *why);

/* A domain's items as the other site's ring takes them, a piece at a time: appends up to about
 * `max` bytes to b, beginning at *at (0 at first), which moves on. *ret_more: there are others.
 * Meanwhile vt_ring_changes must stay the same, or the whole begins anew. */
VT_MUST enum vt_err vt_ring_pack(const struct vt_ring *r, const char *region, uint64_t *at,
    size_t max, struct vt_buf *b, bool *ret_more, struct vt_why *why);
uint64_t vt_ring_changes(const struct vt_ring *r);
/* Whether the bytes are items of keys of that region and nothing else: what a keeper may take
 * from another one. VT_E_SYNTAX, VT_E_REFUSED. */
VT_MUST enum vt_err vt_ring_check_pack(
    const void *data, size_t len, const char *region, struct vt_why *why);
/* Appends to b the items of such a piece, with the keys left out that were destroyed here: of
 * subjects put as gone in the domain VT_RING_ANY_SITE of the region, and of epochs that are
 * gone. In their place stands that they are gone. */
#define VT_RING_ANY_SITE "*"
VT_MUST enum vt_err vt_ring_unpack(const struct vt_ring *r, const void *data, size_t len,
    const char *region, struct vt_buf *b, struct vt_why *why);

/* A copy of the files as they are. */
struct vt_ring_copy {
    uint64_t generation;
    uint64_t snapshot_len;
    uint64_t append_len;
};
void vt_ring_copy_sizes(const struct vt_ring *r, struct vt_ring_copy *ret);
/* Appends bytes from `at` on of snapshot ‖ append file; at most max. */
VT_MUST enum vt_err vt_ring_copy_read(
    const struct vt_ring *r, uint64_t at, size_t max, struct vt_buf *b, struct vt_why *why);
/* docs/formats/ring.md, "Copies". The head that stands before those bytes, and putting a copy
 * in its place. VT_OK also when the ring that is here holds all of the copy already.
 * VT_E_REFUSED: its root key is gone. VT_E_SYNTAX, VT_E_BUSY. */
void vt_ring_copy_head(const struct vt_ring_copy *c, struct vt_buf *b);
VT_MUST enum vt_err vt_ring_restore(
    const char *dir, const char *name, const void *copy, size_t len, struct vt_why *why);

#endif
