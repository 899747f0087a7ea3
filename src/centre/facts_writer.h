/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the facts (centre/facts.h): follows the public folder of a site. Only the indexer has
 * one. docs/formats/centre-facts.md says what each row means.
 *
 * Nothing that stands in the log can make it fail: what cannot be read, or says other than its
 * entry, keeps its row in `entry` with a line about that in `problem`. What is not published
 * yet is looked for again. The functions fail only for the machine's own reasons (disk, memory,
 * tables); then the facts are as they were.
 */
#ifndef VT_CENTRE_FACTS_WRITER_H
#define VT_CENTRE_FACTS_WRITER_H

#include "store/home.h"

struct vt_policy;
struct vt_facts;

/* Opens HOME/centre/facts.db, or makes it. Facts of another version are thrown away; those made
 * by another policy are made anew, but for the times at which checkpoints were seen. One at a
 * time: VT_E_BUSY. home and policy must outlive it. */
VT_MUST enum vt_err vt_facts_open(const struct vt_home *home, const struct vt_policy *policy,
    struct vt_facts **ret, struct vt_why *why);
void vt_facts_close(struct vt_facts *f);

/* Takes in what is new, in transactions of up to 1,000 entries; *ret_problem (at least one
 * line) says why there is nothing newer, "" when all is well. A checkpoint that the policy does
 * not accept, or that does not extend the one before, changes nothing but state.problem. */
VT_MUST enum vt_err vt_facts_follow(
    struct vt_facts *f, struct vt_why *ret_problem, struct vt_why *why);
/* Looks again for what was not published; at most `most` pieces of it, in turns. */
VT_MUST enum vt_err vt_facts_retry(struct vt_facts *f, size_t most, struct vt_why *why);

/* Calls fn for each event after *seq, in order, and sets *seq to the last. */
struct vt_facts_event {
    int64_t seq;
    const char *name; /* "checkpoint" or "entry" */
    const char *data; /* JSON, one line */
};
VT_MUST enum vt_err vt_facts_events(struct vt_facts *f, int64_t *seq,
    enum vt_err (*fn)(void *ctx, const struct vt_facts_event *e, struct vt_why *why), void *ctx,
    struct vt_why *why);
/* The newest event's number, 0 when there was none. */
VT_MUST enum vt_err vt_facts_last_event(struct vt_facts *f, int64_t *ret, struct vt_why *why);

/* For the library, outside of any transaction: the newest source that is not on the shelf, is
 * not one of those that failed within `again_s`, and whose archive is in the home. *ret_path
 * gets the archive. VT_E_NOENT: none. */
VT_MUST enum vt_err vt_facts_next_source(struct vt_facts *f, int64_t again_s,
    struct vt_digest *ret, char ret_path[VT_PATH_MAX], struct vt_why *why);
/* Notes what came of it; problem NULL: it is on the shelf. again: it may be better later. */
VT_MUST enum vt_err vt_facts_shelved(struct vt_facts *f, const struct vt_digest *source,
    const char *problem, bool again, struct vt_why *why);
/* Calls fn for each source that is on the shelf; those for which it gives false are taken off.
 */
VT_MUST enum vt_err vt_facts_check_shelf(struct vt_facts *f,
    bool (*fn)(void *ctx, const struct vt_digest *source), void *ctx, struct vt_why *why);

#endif
