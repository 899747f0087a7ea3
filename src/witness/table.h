/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logs that a witness knows, by origin: their keys, and the newest
 * checkpoint of each that was cosigned. In memory alone; records.h keeps it on
 * disk. A log without keys is one that is not followed now and whose record is
 * kept. Logs are never taken out, and pointers to them stay valid.
 */
#ifndef VT_WITNESS_TABLE_H
#define VT_WITNESS_TABLE_H

#include "crypto/verifier.h"
#include "note/checkpoint.h"

#define VT_WITNESS_LOGS_MAX 65536U     /* that are followed */
#define VT_WITNESS_RECORDS_MAX 131072U /* that are known at all */
#define VT_WITNESS_KEYS_MAX 8U         /* of one log */

/* Keys of which any may sign. */
struct vt_witness_keys {
    size_t count;
    struct vt_vkey *key;
    struct vt_verifier **verifier; /* of each key of type 01, made ready; NULL of others */
};

struct vt_witness_log {
    char origin[VT_KEY_NAME_MAX + 1];
    struct vt_digest id;         /* SHA-256 of the origin */
    struct vt_witness_keys keys; /* none: not followed */
    struct vt_witness_keys next; /* while vt_witness_table_follow gathers them */
    uint64_t size;               /* 0 at first */
    struct vt_digest root;       /* the empty tree's at first */
    uint64_t time; /* of the newest cosignature, seconds since 1970; 0: none, or not known */
    uint8_t *note; /* that checkpoint with the log's signatures; NULL: none was cosigned */
    uint32_t note_len;
    char *lines;       /* the newest cosignatures, when they are at hand: of `time`; or NULL */
    unsigned evidence; /* files that are kept about it */
};

struct vt_witness_table;

VT_MUST enum vt_err vt_witness_table_new(struct vt_witness_table **ret, struct vt_why *why);
void vt_witness_table_free(struct vt_witness_table *t);

/* The log of an origin, or NULL. */
struct vt_witness_log *vt_witness_table_find(
    const struct vt_witness_table *t, const char *origin);
/* The same by the SHA-256 of the origin. */
struct vt_witness_log *vt_witness_table_find_id(
    const struct vt_witness_table *t, const struct vt_digest *id);
/* The same, added when it was not there (without keys, of size 0). VT_E_LIMIT: too many;
 * VT_E_NOMEM. origin: at most VT_KEY_NAME_MAX bytes. */
VT_MUST enum vt_err vt_witness_table_add(struct vt_witness_table *t, const char *origin,
    struct vt_witness_log **ret, struct vt_why *why);

/* All logs, in the order in which they were added. */
size_t vt_witness_table_count(const struct vt_witness_table *t);
struct vt_witness_log *vt_witness_table_at(const struct vt_witness_table *t, size_t i);

/* A log with its key. */
struct vt_witness_follow {
    char origin[VT_KEY_NAME_MAX + 1];
    struct vt_vkey key;
};

/* Makes these the logs that are followed, in place of those before: several keys of one origin
 * are keys of one log, the same twice counts once. VT_E_CONFIG: a key that signs no
 * checkpoints, too many keys of a log or too many logs; VT_E_LIMIT: too many with those whose
 * records are kept. Then it is followed what was. */
VT_MUST enum vt_err vt_witness_table_follow(struct vt_witness_table *t,
    const struct vt_witness_follow *v, size_t n, struct vt_why *why);
/* How many are followed. */
size_t vt_witness_table_followed(const struct vt_witness_table *t);

#endif
