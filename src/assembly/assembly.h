/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One assembly: a recipe run hermetically over a source snapshot in an
 * environment, in an assembler process that ends with it.
 *
 * The assembler process unpacks the source, runs the steps, packs the outputs
 * and puts them into the store. This process only hears, in small typed
 * messages, how far it is and which digests came out: it never touches a tree
 * that untrusted code has written.
 */
#ifndef VT_ASSEMBLY_ASSEMBLY_H
#define VT_ASSEMBLY_ASSEMBLY_H

#include "assembly/variation.h"
#include "base/progress.h"
#include "crypto/digest.h"

struct vt_assembly_job {
    const char *store_dir; /* holds the source; gets the artifacts and the log */
    const char
        *source_dir; /* another store, which is looked in for the source first; or NULL */
    struct vt_digest source; /* archive, see store/pack.h */
    const struct vt_recipe *recipe;
    const char *root;     /* the environment's root folder */
    const char *work_dir; /* made when missing; one folder below it for each run */
    enum vt_variation vary;
    struct vt_progress *progress; /* or NULL */
};

struct vt_assembly_output {
    char name[VT_RECIPE_NAME_MAX + 1];
    struct vt_digest digest;
    uint64_t size; /* bytes */
};

struct vt_assembly_result {
    size_t output_count; /* in the recipe's order */
    struct vt_assembly_output output[VT_RECIPE_OUTPUTS_MAX];
    struct vt_digest log; /* the run's log, in the store */
    int64_t started;      /* seconds since 1970, UTC */
    int64_t finished;
    struct vt_statement_varied varied; /* what the variation made different */
    char isolation[192];               /* what was in force, words with spaces between */
};

/* Runs it; leaves nothing behind but what is in the store. VT_E_CHILD: a step
 * failed (the message has its number, its text, its status and its last lines,
 * and says where the log is: work_dir/failed.log). VT_E_LIMIT: a limit was met,
 * named as in the recipe. VT_E_NOENT: an output is not there, or the source. VT_E_DIGEST,
 * VT_E_REFUSED, VT_E_SYNTAX: the source's archive; VT_E_STATE: no sandbox can be
 * made here; VT_E_IO. */
VT_MUST enum vt_err vt_assembly_run(
    const struct vt_assembly_job *job, struct vt_assembly_result *ret, struct vt_why *why);

#endif
