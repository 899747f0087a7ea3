/* SPDX-License-Identifier: Apache-2.0 */
#include "log/find_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
vt_find_hits_release(struct vt_find_hits *h)
{
    free(h->index);
    *h = (struct vt_find_hits){0};
}

enum vt_err
vt_find_hits_add(struct vt_find_hits *h, uint64_t index, struct vt_why *why)
{
    if (h->count == h->cap) {
        const size_t cap = h->cap > 0 ? 2 * h->cap : 64;
        uint64_t *p = reallocarray(h->index, cap, sizeof *p);

        if (p == NULL)
            return vt_fail(why, VT_E_NOMEM, "searching the log: out of memory");
        h->index = p;
        h->cap = cap;
    }
    h->index[h->count++] = index;
    return VT_OK;
}

static enum vt_err
fail_run(const struct vt_find_pages *p, const char *what, struct vt_why *why)
{
    return vt_fail(why, VT_E_PROOF, "the log's index, run %u %llu: %s", p->run->k,
        (unsigned long long)p->run->j, what);
}

size_t
vt_find_page_records(const struct vt_index_run *run, uint64_t page)
{
    const uint64_t before = page * VT_INDEX_PAGE;

    assert(before < run->count);
    return run->count - before < VT_INDEX_PAGE ? (size_t)(run->count - before) : VT_INDEX_PAGE;
}

void
vt_find_pages_begin(struct vt_find_pages *p, const struct vt_index_run *run,
    const struct vt_digest *key, uint64_t first, const struct vt_digest *left)
{
    *p = (struct vt_find_pages){.run = run, .key = key, .first = first, .next = first};
    vt_range_begin(&p->tree, first, left);
}

/* One record: after the one before, and about an entry of the run. */
static enum vt_err
take_record(struct vt_find_pages *p, const struct vt_index_record *r, bool is_first,
    struct vt_find_hits *hits, struct vt_why *why)
{
    const uint64_t index = vt_index_record_index(r), from = vt_index_run_first(p->run);

    if (!is_first && memcmp(&p->last, r, sizeof *r) >= 0)
        return fail_run(p, "its records are not in order", why);
    if (index < from || index - from >= vt_index_run_length(p->run->k))
        return fail_run(p, "a record names an entry of another run", why);
    if (is_first)
        p->below = memcmp(r->b, p->key->b, VT_DIGEST_SIZE) < 0;
    p->last = *r;
    return memcmp(r->b, p->key->b, VT_DIGEST_SIZE) == 0 ? vt_find_hits_add(hits, index, why)
                                                        : VT_OK;
}

enum vt_err
vt_find_pages_add(
    struct vt_find_pages *p, const uint8_t *page, struct vt_find_hits *hits, struct vt_why *why)
{
    const size_t n = vt_find_page_records(p->run, p->next);
    struct vt_index_record r;
    struct vt_digest h;
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++) {
        memcpy(r.b, page + i * VT_INDEX_RECORD, VT_INDEX_RECORD);
        err = take_record(p, &r, p->next == p->first && i == 0, hits, why);
    }
    vt_merkle_leaf(page, n * VT_INDEX_RECORD, &h);
    vt_frontier_append(&p->tree, &h);
    p->next++;
    return err;
}

bool
vt_find_pages_reach(const struct vt_find_pages *p)
{
    return p->next > p->first && memcmp(p->last.b, p->key->b, VT_DIGEST_SIZE) > 0;
}

enum vt_err
vt_find_pages_end(struct vt_find_pages *p, const struct vt_digest *right, struct vt_why *why)
{
    const uint64_t pages = vt_index_pages(p->run->count);
    struct vt_digest root;

    if (p->next == p->first)
        return fail_run(p, "no page of it", why);
    if (p->first > 0 && !p->below)
        return fail_run(p, "nothing shows that there is no more before the first page", why);
    if (p->next < pages && !vt_find_pages_reach(p))
        return fail_run(p, "nothing shows that there is no more after the last page", why);
    vt_range_end(&p->tree, pages, right, &root);
    return vt_digest_eq(&root, &p->run->root)
               ? VT_OK
               : fail_run(p, "its pages do not lead to the root that the log signed", why);
}
