/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/scan_tally.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 4096U

struct vt_tally {
    uint64_t key[4];
    uint64_t *slot; /* fingerprints; 0: free */
    size_t slot_count;
    size_t count;
    bool any; /* `last` was added */
    uint8_t last[VT_SUBJECT_SIZE];
};

enum vt_err
vt_tally_new(struct vt_tally **ret, struct vt_why *why)
{
    struct vt_tally *t = calloc(1, sizeof *t);
    if (t == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to count subjects");
    enum vt_err err = vt_random(t->key, sizeof t->key, why);
    t->slot_count = SLOTS_MIN;
    t->slot = calloc(t->slot_count, sizeof *t->slot);
    if (err == VT_OK && t->slot == NULL)
        err = vt_fail(why, VT_E_NOMEM, "no memory to count subjects");
    if (err != VT_OK) {
        vt_tally_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

void
vt_tally_free(struct vt_tally *t)
{
    if (t == NULL)
        return;
    free(t->slot);
    vt_wipe(t, sizeof *t);
    free(t);
}

static uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64U);
}

/* Never 0. */
static uint64_t
fingerprint(const struct vt_tally *t, const uint8_t tag[VT_SUBJECT_SIZE])
{
    uint64_t w[2];
    memcpy(w, tag, sizeof w);
    uint64_t f = mix(mix(w[0] ^ t->key[0], w[1] ^ t->key[1]) ^ t->key[2], t->key[3] | 1);
    return f != 0 ? f : 1;
}

static uint64_t *
find(const struct vt_tally *t, uint64_t f)
{
    size_t i = f & (t->slot_count - 1);

    while (t->slot[i] != 0 && t->slot[i] != f)
        i = (i + 1) & (t->slot_count - 1);
    return &t->slot[i];
}

static enum vt_err
grow(struct vt_tally *t, struct vt_why *why)
{
    uint64_t *had = t->slot;
    size_t n = t->slot_count;
    uint64_t *slot = calloc(n * 2, sizeof *slot);

    if (slot == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to count subjects");
    t->slot = slot;
    t->slot_count = n * 2;
    for (size_t i = 0; i < n; i++)
        if (had[i] != 0)
            *find(t, had[i]) = had[i];
    free(had);
    return VT_OK;
}

/* Blocks come sorted by subject, so that the same tag often comes in a row. */
enum vt_err
vt_tally_add(struct vt_tally *t, const uint8_t tag[VT_SUBJECT_SIZE], struct vt_why *why)
{
    if (t->any && memcmp(t->last, tag, VT_SUBJECT_SIZE) == 0)
        return VT_OK;
    uint64_t f = fingerprint(t, tag);
    uint64_t *slot = find(t, f);
    if (*slot == 0) {
        if (t->count == VT_TALLY_MAX)
            return vt_fail(why, VT_E_LIMIT,
                "more than %u data subjects: ask for fewer days or classes", VT_TALLY_MAX);
        if (t->count >= t->slot_count / 4 * 3) {
            enum vt_err err = grow(t, why);
            if (err != VT_OK)
                return err;
            slot = find(t, f);
        }
        *slot = f;
        t->count++;
    }
    memcpy(t->last, tag, VT_SUBJECT_SIZE);
    t->any = true;
    return VT_OK;
}

uint64_t
vt_tally_count(const struct vt_tally *t)
{
    return t->count;
}
