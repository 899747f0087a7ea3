/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets in a table of fixed size. A client's bucket stands in one of WAYS places that
 * its word names; when all are taken the fullest goes, for who has it back lost least. So a
 * flood of addresses costs others nothing but a full bucket, and no memory.
 */
#include "http/serving.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 1024, WAYS = 8 };

struct bucket {
    uint64_t client;
    unsigned which;
    bool used;
    int64_t filled_us; /* when it will be, or was, full */
};

struct vt_http_rates {
    struct bucket bucket[SETS][WAYS];
};

enum vt_err
vt_http_rates_new(struct vt_http_rates **ret, struct vt_why *why)
{
    struct vt_http_rates *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    *ret = r;
    return VT_OK;
}

void
vt_http_rates_free(struct vt_http_rates *r)
{
    free(r);
}

static uint64_t
number_of(const char *client)
{
    uint64_t n = 1469598103934665603ULL; /* FNV-1a: the word is already a keyed digest */

    for (; *client != '\0'; client++)
        n = (n ^ (uint8_t)*client) * 1099511628211ULL;
    return n;
}

static struct bucket *
find_bucket(struct vt_http_rates *r, uint64_t client, unsigned which, int64_t now_us)
{
    struct bucket *set = r->bucket[(client ^ which) % SETS];
    struct bucket *best = &set[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].used && set[i].client == client && set[i].which == which)
            return &set[i];
        if (best->used && (!set[i].used || set[i].filled_us < best->filled_us))
            best = &set[i];
    }
    *best =
        (struct bucket){.client = client, .which = which, .used = true, .filled_us = now_us};
    return best;
}

/* A bucket is known by the time at which it will be full: each token that is taken moves that
 * by what a token takes to come back, and no more than `burst` of them may be out. */
bool
vt_http_rates_take(struct vt_http_rates *r, const char *client, unsigned which,
    const struct vt_http_rate *rate, int64_t now_ms, unsigned *ret_wait_s)
{
    int64_t now_us = 1000 * now_ms;
    struct bucket *b = find_bucket(r, number_of(client), which, now_us);
    int64_t token_us = 60000000 / (rate->per_minute > 0 ? rate->per_minute : 1);
    int64_t over_us;

    if (token_us < 1)
        token_us = 1;
    if (b->filled_us < now_us)
        b->filled_us = now_us;
    over_us = b->filled_us + token_us - now_us - token_us * (int64_t)rate->burst;
    if (over_us > 0) {
        *ret_wait_s = (unsigned)((over_us + 999999) / 1000000);
        return false;
    }
    b->filled_us += token_us;
    return true;
}
