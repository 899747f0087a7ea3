/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of fixed-size ids, each with a key of 32 bytes or with nothing (a set). For the key
 * ring. Records lie in locked memory (crypto/locked.h), a slab at a time, so that it grows
 * without copying; where the limit on locked memory is met they lie in memory that is left
 * out of core dumps at least, and vt_key_table_locked says so.
 *
 * Ids may be chosen by an enemy (tags of data subjects are): the hash has a random seed. One
 * thread. No I/O.
 */
#ifndef VT_VAULT_KEY_TABLE_H
#define VT_VAULT_KEY_TABLE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define VT_KEY_TABLE_KEY 32U
#define VT_KEY_TABLE_MAX 50000000U /* records */

struct vt_key_table;

/* `id_size`: 1 to 128 bytes; `keyed`: each has a key. */
VT_MUST enum vt_err vt_key_table_new(
    size_t id_size, bool keyed, struct vt_key_table **ret, struct vt_why *why);
/* Wipes; takes NULL. */
void vt_key_table_free(struct vt_key_table *t);

/* Adds a record; fine when it is there with that key, VT_E_EXIST when with another.
 * VT_E_NOMEM, VT_E_LIMIT. `key` is NULL in a set. */
VT_MUST enum vt_err vt_key_table_put(
    struct vt_key_table *t, const uint8_t *id, const uint8_t *key, struct vt_why *why);
bool vt_key_table_has(const struct vt_key_table *t, const uint8_t *id);
/* The key of that id, or NULL. Valid until the table is changed. */
const uint8_t *vt_key_table_get(const struct vt_key_table *t, const uint8_t *id);

size_t vt_key_table_count(const struct vt_key_table *t);
/* Record i's id; *ret_key (may be NULL) its key. Valid until the table is changed. */
const uint8_t *vt_key_table_at(const struct vt_key_table *t, size_t i, const uint8_t **ret_key);
/* Removes and wipes all records that fn says; the order of the others changes. Cost: reads all
 * of them. */
void vt_key_table_drop(struct vt_key_table *t,
    bool (*fn)(void *ctx, const uint8_t *id, const uint8_t *key), void *ctx);

/* Whether all of it is in locked memory. */
bool vt_key_table_locked(const struct vt_key_table *t);

#endif
