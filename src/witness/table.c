/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/table.h"

#include "merkle/tree.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64 };

struct vt_witness_table {
    struct vt_witness_log **log; /* in the order of adding */
    size_t count;
    size_t room;
    struct vt_witness_log **slot; /* by id, open addressing; at most half full */
    size_t slots;                 /* a power of two */
    size_t followed;
};

enum vt_err
vt_witness_table_new(struct vt_witness_table **ret, struct vt_why *why)
{
    struct vt_witness_table *t = calloc(1, sizeof(*t));

    if (t != NULL) {
        t->slots = SLOTS_FIRST;
        t->slot = calloc(t->slots, sizeof(struct vt_witness_log *));
    }
    if (t == NULL || t->slot == NULL) {
        free(t);
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    }
    *ret = t;
    return VT_OK;
}

static void
free_keys(struct vt_witness_keys *k)
{
    for (size_t i = 0; i < k->count; i++)
        vt_verifier_free(k->verifier[i]);
    free(k->verifier);
    free(k->key);
    *k = (struct vt_witness_keys){0};
}

void
vt_witness_table_free(struct vt_witness_table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->count; i++) {
        free_keys(&t->log[i]->keys);
        free(t->log[i]->note);
        free(t->log[i]->lines);
        free(t->log[i]);
    }
    free(t->log);
    free(t->slot);
    free(t);
}

/* Where a log of that id stands, or would. Ids are hashes: any bytes of them will do. */
static size_t
slot_of(struct vt_witness_log *const *slot, size_t slots, const struct vt_digest *id)
{
    size_t at;

    memcpy(&at, id->b, sizeof(at));
    for (at &= slots - 1; slot[at] != NULL; at = (at + 1) & (slots - 1))
        if (memcmp(slot[at]->id.b, id->b, VT_DIGEST_SIZE) == 0)
            break;
    return at;
}

struct vt_witness_log *
vt_witness_table_find_id(const struct vt_witness_table *t, const struct vt_digest *id)
{
    return t->slot[slot_of(t->slot, t->slots, id)];
}

struct vt_witness_log *
vt_witness_table_find(const struct vt_witness_table *t, const char *origin)
{
    struct vt_digest id;

    vt_digest_of(origin, strlen(origin), &id);
    return vt_witness_table_find_id(t, &id);
}

/* Room for one more in both arrays. */
static bool
grow(struct vt_witness_table *t)
{
    size_t room = t->room == 0 ? SLOTS_FIRST / 2 : 2 * t->room;
    struct vt_witness_log **log;
    struct vt_witness_log **slot;

    if (t->count < t->room)
        return true;
    log = reallocarray(t->log, room, sizeof(struct vt_witness_log *));
    if (log == NULL)
        return false;
    t->log = log;
    slot = calloc(2 * room, sizeof(struct vt_witness_log *));
    if (slot == NULL)
        return false;
    for (size_t i = 0; i < t->count; i++)
        slot[slot_of(slot, 2 * room, &log[i]->id)] = log[i];
    free(t->slot);
    t->slot = slot;
    t->slots = 2 * room;
    t->room = room;
    return true;
}

enum vt_err
vt_witness_table_add(struct vt_witness_table *t, const char *origin,
    struct vt_witness_log **ret, struct vt_why *why)
{
    struct vt_witness_log *log = vt_witness_table_find(t, origin);

    if (log != NULL) {
        *ret = log;
        return VT_OK;
    }
    if (t->count == VT_WITNESS_RECORDS_MAX)
        return vt_fail(why, VT_E_LIMIT,
            "a witness knows at most %u logs, with those that it has followed before",
            VT_WITNESS_RECORDS_MAX);
    log = grow(t) ? calloc(1, sizeof(*log)) : NULL;
    if (log == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    (void)!memccpy(log->origin, origin, '\0', sizeof(log->origin) - 1);
    vt_digest_of(origin, strlen(origin), &log->id);
    vt_merkle_empty(&log->root);
    t->log[t->count++] = log;
    t->slot[slot_of(t->slot, t->slots, &log->id)] = log;
    *ret = log;
    return VT_OK;
}

size_t
vt_witness_table_count(const struct vt_witness_table *t)
{
    return t->count;
}

struct vt_witness_log *
vt_witness_table_at(const struct vt_witness_table *t, size_t i)
{
    return t->log[i];
}

size_t
vt_witness_table_followed(const struct vt_witness_table *t)
{
    return t->followed;
}

static bool
signs_checkpoints(const struct vt_vkey *k)
{
    return k->alg == VT_NOTE_ED25519 || k->alg == VT_NOTE_COSIG_ED25519 ||
           k->alg == VT_NOTE_COSIG_MLDSA44;
}

/* Room for one key more. */
static bool
grow_keys(struct vt_witness_keys *k)
{
    struct vt_vkey *key = reallocarray(k->key, k->count + 1, sizeof(*key));
    struct vt_verifier **verifier;

    if (key == NULL)
        return false;
    k->key = key;
    verifier = reallocarray(k->verifier, k->count + 1, sizeof(struct vt_verifier *));
    if (verifier == NULL)
        return false;
    k->verifier = verifier;
    return true;
}

/* Adds the key to those that its log is to have. *logs counts such logs. */
static enum vt_err
gather(struct vt_witness_log *log, const struct vt_vkey *key, size_t *logs, struct vt_why *why)
{
    struct vt_witness_keys *next = &log->next;
    struct vt_verifier *verifier = NULL;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < next->count; i++)
        if (next->key[i].id == key->id && strcmp(next->key[i].name, key->name) == 0)
            return VT_OK;
    if (next->count == VT_WITNESS_KEYS_MAX)
        return vt_fail(why, VT_E_CONFIG, "the log %s has more than %u keys", log->origin,
            VT_WITNESS_KEYS_MAX);
    if (next->count == 0 && *logs == VT_WITNESS_LOGS_MAX)
        return vt_fail(
            why, VT_E_CONFIG, "a witness follows at most %u logs", VT_WITNESS_LOGS_MAX);
    if (!grow_keys(next))
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    if (key->alg == VT_NOTE_ED25519)
        err = vt_verifier_new(&key->pub, &verifier, why);
    if (err != VT_OK)
        return err;
    next->key[next->count] = *key;
    next->verifier[next->count] = verifier;
    *logs += next->count++ == 0;
    return VT_OK;
}

/* Ends the gathering: the keys are those gathered, or stay what they were. */
static void
settle(struct vt_witness_table *t, bool good)
{
    for (size_t i = 0; i < t->count; i++) {
        struct vt_witness_log *log = t->log[i];
        struct vt_witness_keys away = good ? log->keys : log->next;

        if (good)
            log->keys = log->next;
        log->next = (struct vt_witness_keys){0};
        free_keys(&away);
    }
}

enum vt_err
vt_witness_table_follow(
    struct vt_witness_table *t, const struct vt_witness_follow *v, size_t n, struct vt_why *why)
{
    struct vt_witness_log *log = NULL;
    enum vt_err err = VT_OK;
    size_t logs = 0;

    for (size_t i = 0; i < n && err == VT_OK; i++) {
        if (!signs_checkpoints(&v[i].key))
            err = vt_fail(why, VT_E_CONFIG,
                "the key `%s` of the log %s is not of type 01, 04 or 06", v[i].key.name,
                v[i].origin);
        if (err == VT_OK)
            err = vt_witness_table_add(t, v[i].origin, &log, why);
        if (err == VT_OK)
            err = gather(log, &v[i].key, &logs, why);
    }
    settle(t, err == VT_OK);
    if (err == VT_OK)
        t->followed = logs;
    return err;
}
