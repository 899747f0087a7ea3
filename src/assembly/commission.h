/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An assembly as a site does it: from a source, a recipe and an environment to
 * artifacts in its store and an entry in its log.
 *
 * Killed at any point and given again, it goes on: inputs that were assembled
 * and signed before are not assembled again, and have one entry in the log.
 */
#ifndef VT_ASSEMBLY_COMMISSION_H
#define VT_ASSEMBLY_COMMISSION_H

#include "assembly/assembly.h"
#include "assembly/record.h"

struct vt_policy;
struct vt_store;

struct vt_commission {
    struct vt_record record; /* home: the site's; signer: its assembler */
    const struct vt_policy *policy;
    const void *recipe;
    size_t recipe_len;
    struct vt_digest source;
    const struct vt_digest *environment; /* NULL: made from the recipe's packages */
    const char *cache_dir;
    struct vt_progress *progress; /* or NULL */
};

struct vt_commission_result {
    bool fresh;     /* assembled now; false: the log had it already */
    uint64_t index; /* of the assembly's entry */
    struct vt_digest statement;
    struct vt_statement_assembly assembly;   /* as signed; `packages` is NULL */
    uint64_t size[VT_STATEMENT_OUTPUTS_MAX]; /* bytes of the outputs, in that order */
    char isolation[192];                     /* "" when not fresh */
};

/* VT_E_CONFIG (recipe), VT_E_NOENT (source or environment not in the store),
 * VT_E_BUSY (the same is being assembled), errors of vt_environment_resolve,
 * vt_environment_root, vt_assembly_run and vt_record_say. */
VT_MUST enum vt_err vt_commission_run(
    const struct vt_commission *c, struct vt_commission_result *ret, struct vt_why *why);

/* Makes (or finds) an environment's root folder and logs the environment:
 * statement and entry are functions of the environment, so that the log has them
 * once. Any of the ret_ may be NULL but ret_root. */
VT_MUST enum vt_err vt_commission_environment(const struct vt_record *r, struct vt_store *store,
    const struct vt_digest *environment, const char *cache_dir, struct vt_progress *progress,
    char ret_root[VT_PATH_MAX], uint64_t *ret_index, struct vt_why *why);

#endif
