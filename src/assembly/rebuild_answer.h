/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answering one assembly: fetch, rebuild, compare, say. Private to rebuild.c and
 * rebuild_answer.c.
 */
#ifndef VT_ASSEMBLY_REBUILD_ANSWER_H
#define VT_ASSEMBLY_REBUILD_ANSWER_H

#include "assembly/fetch.h"
#include "assembly/rebuild.h"

struct vt_rebuild_state {
    const struct vt_rebuild *r;
    struct vt_vkey me;
    struct vt_log_reader *log;
    struct vt_history history;
    struct vt_store *store;
    char store_dir[VT_PATH_MAX];
    char work_dir[VT_PATH_MAX];
    bool said; /* this run has logged an entry, the last of them at: */
    uint64_t said_index;
};

/* Where and how this rebuilder fetches. */
struct vt_fetch vt_rebuild_fetch(const struct vt_rebuild_state *s);

/* Fetches, verifies and reads the statement of an assembly, which must say what
 * its entry says. */
VT_MUST enum vt_err vt_rebuild_statement(struct vt_fetch *f, const struct vt_history_item *it,
    struct vt_statement_assembly *ret, struct vt_why *why);

/* Answers one assembly and tells the outcome, whatever it is. The text of a first
 * mismatch is put into *mismatch while that is empty. */
VT_MUST enum vt_err vt_rebuild_answer(struct vt_rebuild_state *s, struct vt_history_item *it,
    struct vt_why *mismatch, struct vt_why *why);

#endif
