/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key in a run: checking the pages that a range proof speaks of, and finding which pages they
 * are in a run's file. docs/formats/log-index.md, Asking. Private to src/log.
 */
#ifndef VT_LOG_FIND_RUN_H
#define VT_LOG_FIND_RUN_H

#include "log/fetch.h"
#include "log/log_index_note.h"
#include "log/log_index_range.h"

/* Indexes of entries that were found, in rising order. */
struct vt_find_hits {
    uint64_t *index;
    size_t count, cap;
};
void vt_find_hits_release(struct vt_find_hits *h);
VT_MUST enum vt_err vt_find_hits_add(
    struct vt_find_hits *h, uint64_t index, struct vt_why *why);

/*
 * Checking pages [a, b) of a run, given one after the other. No I/O.
 */
struct vt_find_pages {
    const struct vt_index_run *run;
    const struct vt_digest *key;
    uint64_t first; /* the first page */
    uint64_t next;  /* the next one */
    struct vt_frontier tree;
    struct vt_index_record last; /* of the pages so far */
    bool below;                  /* the first record's key is below the key */
};
/* left: vt_range_left(first) hashes. */
void vt_find_pages_begin(struct vt_find_pages *p, const struct vt_index_run *run,
    const struct vt_digest *key, uint64_t first, const struct vt_digest *left);
/* How many records page `page` of the run has. */
size_t vt_find_page_records(const struct vt_index_run *run, uint64_t page);
/* The next page: its records' bytes. Adds the entries that it names for the key. VT_E_PROOF: it
 * is out of order, or names entries that are not the run's. */
VT_MUST enum vt_err vt_find_pages_add(struct vt_find_pages *p, const uint8_t *page,
    struct vt_find_hits *hits, struct vt_why *why);
/* Whether the last page reaches beyond the key. */
bool vt_find_pages_reach(const struct vt_find_pages *p);
/* right: vt_range_right(pages so far, all pages) hashes. VT_E_PROOF: not the run's pages, or
 * not enough of them to know that there is no more of the key. Only then do the hits count. */
VT_MUST enum vt_err vt_find_pages_end(
    struct vt_find_pages *p, const struct vt_digest *right, struct vt_why *why);

/* Finds all of the key in a run's file below the folder or URL of f, and checks it. `save`,
 * when not NULL, gets the run's part of a file of an answer. VT_E_PROOF, errors of fetching. */
VT_MUST enum vt_err vt_find_in_run(struct vt_fetch *f, const struct vt_index_run *run,
    const struct vt_digest *key, struct vt_find_hits *hits, struct vt_buf *save,
    struct vt_why *why);

#endif
