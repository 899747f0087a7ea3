/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search in names: the pattern goes over all paths that any snapshot ever had; then what was
 * found is looked for in the snapshots, the newest first.
 */
#include "search/library_held.h"
#include "search/library_hits.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AT_CLOCK 256U
#define PATHS_MAX 20000U /* found, and not looked for yet */

struct names {
    struct vt_library_hits hits;
    struct vt_buf text; /* paths, each ended by a NUL */
    struct vt_match *match;
    size_t *path; /* places in text */
    size_t count;
    bool *given;
    vt_library_hit_fn *fn;
    void *ctx;
};

static bool
is_wanted(struct names *n, const char *path, struct vt_match *ret)
{
    bool gave_up = false;
    const struct vt_library_search *q = n->hits.q;

    if (q->path != NULL && strstr(path, q->path) == NULL)
        return false;
    return vt_pattern_find(q->pattern, (const uint8_t *)path, strlen(path), 0, ret, &gave_up);
}

static enum vt_err
find_paths(struct names *n, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    unsigned looked = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(n->hits.l->db, &r, why, "SELECT path FROM path", "");

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        const char *path = vt_sql_text(r, 0);

        if (++looked % LOOK_AT_CLOCK == 0 && vt_library_hits_late(&n->hits))
            break;
        if (!is_wanted(n, path, &n->match[n->count]))
            continue;
        n->path[n->count++] = n->text.len;
        vt_buf_put(&n->text, path, strlen(path) + 1);
        if (n->count == PATHS_MAX) {
            n->hits.truncated = true;
            break;
        }
    }
    vt_sql_end(r);
    /* What was found in time is given all the same. */
    n->hits.ended = false;
    return err == VT_OK ? vt_buf_check(&n->text, "paths", why) : err;
}

/* Gives one path, when snap[at] is the newest snapshot that has it. */
static enum vt_err
give_path(struct names *n, size_t which, size_t at, struct vt_why *why)
{
    struct vt_library *l = n->hits.l;
    struct vt_library_hit hit = {.match = &n->match[which], .match_count = 1};
    struct vt_library_trail t;
    struct vt_digest blob;
    char language[64] = "";
    enum vt_err err = VT_OK;

    memset(n->hits.set, 0, (l->snap_count / 64 + 1) * sizeof(uint64_t));
    hit.path = (const char *)n->text.data + n->path[which];
    vt_library_trail_init(&t, hit.path);
    for (size_t i = at + 1; err == VT_OK && i-- > 0;) {
        if (!VT_LIBRARY_HAS(n->hits.open, i))
            continue;
        err = vt_library_trail_next(l, &t, &l->snap[i], why);
        if (err != VT_OK || !t.has || t.found.kind != VT_LIBRARY_FILE) {
            if (i == at)
                break;
            continue;
        }
        if (hit.blob == NULL) {
            blob = t.found.blob;
            hit.blob = &blob;
            (void)memccpy(language, t.found.language, '\0', sizeof language - 1);
        }
        n->hits.set[i / 64] |= 1ULL << (i % 64);
    }
    vt_library_trail_release(&t);
    if (err != VT_OK || hit.blob == NULL)
        return err;
    n->given[which] = true;
    hit.language = language;
    return vt_library_hits_give(&n->hits, &hit, n->fn, n->ctx, why);
}

static enum vt_err
give_all(struct names *n, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t at = n->hits.l->snap_count; err == VT_OK && at-- > 0;) {
        if (!VT_LIBRARY_HAS(n->hits.open, at))
            continue;
        for (size_t i = 0; err == VT_OK && !n->hits.ended && i < n->count; i++) {
            if (!n->given[i] && (i == 0 || !vt_library_hits_late(&n->hits)))
                err = give_path(n, i, at, why);
        }
    }
    return err;
}

enum vt_err
vt_library_search_names(struct vt_library *l, const struct vt_library_search *q,
    enum vt_err (*fn)(void *ctx, const struct vt_library_hit *h, struct vt_why *why), void *ctx,
    bool *ret_truncated, struct vt_why *why)
{
    struct names n = {
        .text = VT_BUF((size_t)PATHS_MAX * (VT_LIBRARY_PATH_MAX + 1)), .fn = fn, .ctx = ctx};
    enum vt_err err = vt_library_hits_begin(&n.hits, l, q, why);

    n.match = calloc(PATHS_MAX + 1, sizeof(*n.match));
    n.path = calloc(PATHS_MAX + 1, sizeof(*n.path));
    n.given = calloc(PATHS_MAX + 1, sizeof(*n.given));
    if (err == VT_OK && (n.match == NULL || n.path == NULL || n.given == NULL))
        err = vt_fail(why, VT_E_NOMEM, "no memory to search");
    if (err == VT_OK)
        err = find_paths(&n, why);
    if (err == VT_OK)
        err = give_all(&n, why);
    if (err == VT_OK)
        *ret_truncated = n.hits.truncated;
    vt_buf_release(&n.text);
    free(n.match);
    free(n.path);
    free(n.given);
    vt_library_hits_end(&n.hits);
    return err;
}
