/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rebuilding what a site has assembled: the same inputs, fetched and checked by
 * digest, in an environment made here, under varied surroundings; the outcome is
 * signed and logged, whatever it is.
 *
 * Killed at any point and given again, it does what is missing: an assembly that
 * this rebuilder has answered in the log is not rebuilt again.
 */
#ifndef VT_ASSEMBLY_REBUILD_H
#define VT_ASSEMBLY_REBUILD_H

#include "assembly/assembly.h"
#include "assembly/compare.h"
#include "assembly/history.h"
#include "assembly/record.h"

struct vt_rebuild_outcome;

struct vt_rebuild {
    struct vt_record record; /* home: the rebuilder's; url: the site's */
    const struct vt_policy *policy;
    const char *cache_dir;
    const char *source_dir; /* a store with sources that the site does not give; or NULL */
    enum vt_variation vary;
    struct vt_progress *progress; /* or NULL */
    /* Only assemblies with one of these artifacts; none: all. */
    const struct vt_digest *artifact;
    size_t artifact_count;
    /* Told of each outcome, when it is durable in the log. */
    void (*outcome)(void *ctx, const struct vt_rebuild_outcome *o);
    void *outcome_ctx;
};

/* One output whose bytes differ. */
struct vt_rebuild_difference {
    char name[VT_STATEMENT_NAME_SIZE];
    struct vt_digest assembled;
    struct vt_digest rebuilt;
    bool compared; /* false: the site does not give the assembled bytes */
    struct vt_compare compare;
};

/* What came of one assembly. */
struct vt_rebuild_outcome {
    uint64_t assembly; /* index of the assembly's entry */
    uint64_t index;    /* of this rebuilder's (last) entry about it */
    const struct vt_statement_assembly *statement; /* the assembly's; valid in the call */
    enum vt_err err;  /* not VT_OK: it could not be rebuilt, and nothing was logged */
    const char *text; /* why; else "" */
    struct vt_statement_varied varied; /* empty when the answer was signed before */
    size_t difference_count;           /* 0 with VT_OK: the same bytes */
    const struct vt_rebuild_difference *difference;
};

/* What this rebuilder has confirmed in the log, before and now. */
struct vt_rebuild_state;

/* Answers what is unanswered, in the log's order. An assembly that cannot be
 * rebuilt does not keep the others from being answered, unless this machine, the
 * site or the way to it is the reason. VT_E_REFUSED after all that when there was
 * a mismatch, with the first one in the message; else the first failure. VT_E_NOENT:
 * one of the artifacts asked for is in no assembly. Errors of the log, of fetching,
 * of vt_environment_root and of vt_assembly_run. *ret_state is set whenever the log
 * could be read, also with an error, and NULL otherwise; free it. */
VT_MUST enum vt_err vt_rebuild_run(
    const struct vt_rebuild *r, struct vt_rebuild_state **ret_state, struct vt_why *why);
void vt_rebuild_state_free(struct vt_rebuild_state *s);

/* Whether this rebuilder has confirmed these bytes as that file of that version of
 * the product, and they have that length. */
VT_MUST enum vt_err vt_rebuild_confirmed(const struct vt_rebuild_state *s,
    const struct vt_digest *artifact, const char *product, const char *version,
    const char *name, uint64_t length, struct vt_why *why);

#endif
