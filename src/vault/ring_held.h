/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key ring in memory, and what the files ring*.c share and nobody else sees.
 */
#ifndef VT_VAULT_RING_HELD_H
#define VT_VAULT_RING_HELD_H

#include "vault/key_table.h"
#include "vault/ring.h"
#include "vault/root.h"

#define VT_RING_CLASS_SIZE (VT_WORD_MAX + 1U) /* padded with zeros */
#define VT_RING_EPOCH_ID (2U + 4U + VT_RING_CLASS_SIZE)
#define VT_RING_SUBJECT_ID (2U + VT_SUBJECT_SIZE)
#define VT_RING_USED_ID (VT_RING_SUBJECT_ID + VT_SEGMENT_ID_SIZE)

#define VT_RING_NONCE_SNAPSHOT 1U

/* The kinds of items; what follows each type's byte is in docs/formats/ring.md. */
enum vt_ring_type {
    VT_RING_BOX = 1,
    VT_RING_DOMAIN,
    VT_RING_EPOCH,
    VT_RING_SUBJECT,
    VT_RING_USED,
    VT_RING_EPOCH_GONE,
    VT_RING_SUBJECT_GONE,
    VT_RING_AWAY,
    VT_RING_VIEW,
    VT_RING_POLICY,
    VT_RING_USES,
    VT_RING_SPENT,
    VT_RING_ANSWER,
    VT_RING_FORGET,
    VT_RING_TYPE_COUNT
};

/* An item taken apart; pointers go into the bytes. What its type has not is zero. */
struct vt_ring_item {
    enum vt_ring_type type;
    char site[VT_KEY_NAME_MAX + 1]; /* the domain put last; "" before the first */
    char region[VT_REGION_MAX + 1];
    char class_name[VT_RING_CLASS_SIZE];
    uint32_t day;
    uint64_t n; /* size, uses, epsilon; away */
    uint64_t expires;
    const uint8_t *id;  /* tag, or a digest */
    const uint8_t *key; /* 32 bytes: a key, or the view's root */
    const uint8_t *segment;
    const uint8_t *data;
    size_t len;
};
typedef enum vt_err (*vt_ring_item_fn)(
    void *ctx, const struct vt_ring_item *item, struct vt_why *why);
/* Takes all items apart. VT_E_SYNTAX, or fn's error. */
VT_MUST enum vt_err vt_ring_items_each(
    const void *data, size_t len, vt_ring_item_fn fn, void *ctx, struct vt_why *why);

struct vt_ring_domain {
    char site[VT_KEY_NAME_MAX + 1];
    char region[VT_REGION_MAX + 1];
    bool away;
};
struct vt_ring_uses {
    struct vt_digest grant;
    uint64_t uses;
    uint64_t expires;
};
struct vt_ring_spent {
    char region[VT_REGION_MAX + 1];
    uint32_t day;
    uint64_t epsilon;
};
struct vt_ring_answer {
    struct vt_digest to;
    uint8_t *data;
    size_t len;
};

struct vt_ring {
    /* What it holds. */
    struct vt_box *box;
    struct vt_ledger_view view;
    uint8_t *policy;
    size_t policy_len;
    struct vt_key_table *epochs;
    struct vt_key_table *epochs_gone;
    struct vt_key_table *subjects;
    struct vt_key_table *subjects_gone;
    struct vt_key_table *used;
    size_t domain_count;
    struct vt_ring_domain *domain;
    size_t uses_count;
    struct vt_ring_uses *uses;
    size_t spent_count;
    struct vt_ring_spent *spent;
    size_t answer_count;
    struct vt_ring_answer *answer;
    uint64_t changes;

    /* Where it is kept. */
    char dir[VT_PATH_MAX];
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_lock lock;
    enum vt_root_kind kind;
    char uri[VT_ROOT_URI_MAX + 1];
    struct vt_root *root;
    uint64_t generation;
    int64_t created;
    struct vt_digest head; /* SHA-256 of the snapshot's head */
    uint8_t *key;          /* of the generation, 32 bytes, locked */
    uint64_t snapshot_len;
    int append_fd;
    uint64_t append_len;
    uint64_t append_count;
    uint8_t chain[16];
    bool broken; /* memory and disk may differ: nothing more is added */
};

/* An empty ring that is kept nowhere. */
VT_MUST enum vt_err vt_ring_new(
    const char *dir, const char *name, struct vt_ring **ret, struct vt_why *why);
/* Whether an item may be added (VT_E_EXIST), and adding it in memory. ctx: the ring. */
VT_MUST enum vt_err vt_ring_item_check(
    void *ring, const struct vt_ring_item *item, struct vt_why *why);
VT_MUST enum vt_err vt_ring_item_apply(
    void *ring, const struct vt_ring_item *item, struct vt_why *why);

void vt_ring_epoch_id(
    int domain, const char *class_name, uint32_t day, uint8_t ret[VT_RING_EPOCH_ID]);
struct vt_ring_uses *vt_ring_find_uses(const struct vt_ring *r, const uint8_t *grant);
struct vt_ring_answer *vt_ring_find_answer(const struct vt_ring *r, const uint8_t *to);
/* Wipes and frees; takes NULL. */
void vt_ring_free_data(void *data, size_t len);
void vt_ring_used_id(
    int domain, const uint8_t *tag, const uint8_t *segment, uint8_t ret[VT_RING_USED_ID]);
void vt_ring_subject_id(int domain, const uint8_t *tag, uint8_t ret[VT_RING_SUBJECT_ID]);
/* A record of a table of epochs or of subjects (or one that begins like these) as a key. */
void vt_ring_key_of(const struct vt_ring *r, bool epoch, const uint8_t *id, const uint8_t *key,
    struct vt_ring_key *ret);

/* Everything in it as items, in pieces of some VT_RING_PIECE bytes, without the chosen keys. */
#define VT_RING_PIECE (256U * 1024U)
struct vt_ring_choice {
    vt_ring_choose choose; /* NULL: none */
    void *ctx;
    bool forget;
};
typedef enum vt_err (*vt_ring_piece_fn)(
    void *ctx, const struct vt_buf *items, bool last, struct vt_why *why);
VT_MUST enum vt_err vt_ring_dump(const struct vt_ring *r, const struct vt_ring_choice *c,
    const struct vt_buf *more, vt_ring_piece_fn fn, void *ctx, struct vt_why *why);
/* Removes the chosen keys from memory. */
VT_MUST enum vt_err vt_ring_drop(
    struct vt_ring *r, const struct vt_ring_choice *c, struct vt_why *why);

/* The snapshot's head. */
struct vt_ring_head {
    uint64_t generation;
    int64_t created;
    enum vt_root_kind kind;
    char uri[VT_ROOT_URI_MAX + 1];
    const uint8_t *wrapped;
    size_t wrapped_len;
    const uint8_t *bound; /* what the wrapping is bound to */
    size_t bound_len;
    size_t len;              /* all of the head */
    struct vt_digest digest; /* of all of the head */
};
#define VT_RING_HEAD_MAX 8192U
/* VT_E_SYNTAX. *ret points into data. */
VT_MUST enum vt_err vt_ring_head_parse(
    const void *data, size_t len, struct vt_ring_head *ret, struct vt_why *why);
/* Reads the head of DIR/snapshot into b. VT_E_NOENT. */
VT_MUST enum vt_err vt_ring_head_read(
    const char *path, struct vt_buf *b, struct vt_ring_head *ret, struct vt_why *why);
/* Opens where the root keys of that ring are. VT_E_NOENT: this generation's is gone. */
VT_MUST enum vt_err vt_ring_root_open(const char *dir, const char *name,
    const struct vt_ring_head *h, struct vt_root **ret, struct vt_why *why);

/* Snapshots: reading one into an empty ring, whose key is filled in; writing the next. */
VT_MUST enum vt_err vt_ring_snapshot_read(struct vt_ring *r, struct vt_why *why);
VT_MUST enum vt_err vt_ring_snapshot_write(struct vt_ring *r, uint64_t generation,
    const struct vt_ring_choice *c, const struct vt_buf *items, struct vt_why *why);
/* The append file: reading it (a torn tail is cut), and adding one record. */
VT_MUST enum vt_err vt_ring_append_read(struct vt_ring *r, struct vt_why *why);
VT_MUST enum vt_err vt_ring_append_add(
    struct vt_ring *r, const struct vt_buf *items, struct vt_why *why);
/* Reads records from bytes: for vt_ring_append_read and the fuzz target. *ret_len: how many
 * bytes are whole; what follows them is a torn tail. */
VT_MUST enum vt_err vt_ring_records_read(struct vt_ring *r, const uint8_t *data, size_t len,
    bool at_end, size_t *ret_len, struct vt_why *why);

#endif
