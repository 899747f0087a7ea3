/* SPDX-License-Identifier: Apache-2.0 */
#include "search/library_hits.h"

#include "base/clock.h"
#include "search/library_held.h"

#include <stdlib.h>
#include <string.h>

static enum vt_err
take_open(struct vt_library_hits *h, struct vt_why *why)
{
    const struct vt_library_search *q = h->q;
    const struct vt_library_snapshot *s = NULL;
    enum vt_err err = VT_OK;

    if (q->source != NULL)
        err = vt_library_seek(h->l, q->source, &s, why);
    for (size_t i = 0; err == VT_OK && i < h->l->snap_count; i++) {
        if ((s == NULL || s == &h->l->snap[i]) &&
            (q->hidden == NULL || !q->hidden(q->hidden_ctx, &h->l->snap[i].source)))
            h->open[i / 64] |= 1ULL << (i % 64);
    }
    if (err != VT_OK || s == NULL)
        return err;
    h->only = (size_t)(s - h->l->snap);
    if (!VT_LIBRARY_HAS(h->open, h->only))
        return vt_fail(why, VT_E_NOENT, "this source is not open to be searched");
    return VT_OK;
}

enum vt_err
vt_library_hits_begin(struct vt_library_hits *h, struct vt_library *l,
    const struct vt_library_search *q, struct vt_why *why)
{
    size_t words = l->snap_count / 64 + 1;

    *h = (struct vt_library_hits){.l = l,
        .q = q,
        .only = SIZE_MAX,
        .until_ms = vt_clock_monotonic_ms() + q->most_ms,
        .open = calloc(words, sizeof(uint64_t)),
        .set = calloc(words, sizeof(uint64_t)),
        .source = calloc(l->snap_count + 1, sizeof(struct vt_digest))};
    if (h->open == NULL || h->set == NULL || h->source == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to search");
    return take_open(h, why);
}

void
vt_library_hits_end(struct vt_library_hits *h)
{
    free(h->open);
    free(h->set);
    free(h->source);
}

bool
vt_library_hits_late(struct vt_library_hits *h)
{
    if (vt_clock_monotonic_ms() < h->until_ms)
        return false;
    h->truncated = true;
    h->ended = true;
    return true;
}

enum vt_err
vt_library_hits_give(struct vt_library_hits *h, struct vt_library_hit *hit,
    vt_library_hit_fn *fn, void *ctx, struct vt_why *why)
{
    if (h->given == h->q->limit) {
        h->truncated = true;
        h->ended = true;
        return VT_OK;
    }
    h->given++;
    hit->sources = h->source;
    hit->source_count = 0;
    for (size_t i = h->l->snap_count; i-- > 0;) {
        if (VT_LIBRARY_HAS(h->set, i))
            h->source[hit->source_count++] = h->l->snap[i].source;
    }
    return fn(ctx, hit, why);
}

/* The first path of a blob in a snapshot that holds the word, if one is asked for. */
struct place {
    struct vt_library_hits *h;
    const char *word;
    bool found;
    unsigned looked;
    char path[VT_LIBRARY_PATH_MAX + 1];
    char language[64];
};

static bool
take_place(void *ctx, const char *path, const struct vt_folder_entry *e)
{
    struct place *p = ctx;

    if (++p->looked % 256 == 0 && vt_library_hits_late(p->h))
        return false;
    if (p->word != NULL && strstr(path, p->word) == NULL)
        return true;
    p->found = true;
    (void)memccpy(p->path, path, '\0', sizeof p->path);
    (void)memccpy(p->language, e->language, '\0', sizeof p->language);
    p->path[sizeof p->path - 1] = '\0';
    p->language[sizeof p->language - 1] = '\0';
    return false;
}

/* Looks in the newest snapshot for the place that is told; where a word is asked for, in all of
 * them, and leaves out those that have the blob only under other paths. */
static enum vt_err
find_place(struct vt_library_hits *h, int64_t blob, struct place *ret, struct vt_why *why)
{
    struct place other = *ret;
    enum vt_err err = VT_OK;

    for (size_t i = h->l->snap_count; err == VT_OK && !h->ended && i-- > 0;) {
        struct place *p = ret->found ? &other : ret;

        if (!VT_LIBRARY_HAS(h->set, i) || (ret->found && ret->word == NULL))
            continue;
        p->found = false;
        err = vt_library_paths(h->l, blob, i, take_place, p, why);
        if (!p->found)
            h->set[i / 64] &= ~(1ULL << (i % 64));
    }
    return err;
}

enum vt_err
vt_library_hits_blob(struct vt_library_hits *h, int64_t blob, struct vt_library_hit *hit,
    vt_library_hit_fn *fn, void *ctx, struct vt_why *why)
{
    struct place place = {.h = h, .word = h->q->path};
    const uint64_t *set;
    uint64_t any = 0;
    enum vt_err err = vt_library_where(h->l, blob, &set, why);

    for (size_t i = 0; err == VT_OK && i < h->l->snap_count / 64 + 1; i++)
        any |= h->set[i] = set[i] & h->open[i];
    if (err == VT_OK && any != 0)
        err = find_place(h, blob, &place, why);
    if (err != VT_OK || any == 0 || !place.found)
        return err;
    hit->path = place.path;
    hit->language = place.language;
    return vt_library_hits_give(h, hit, fn, ctx, why);
}
