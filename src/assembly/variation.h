/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Varied surroundings for rebuilds: what must not have any influence on an
 * artifact is made different on purpose, and what was made different is recorded.
 *
 * There are two sets, so that two rebuilders differ from the assembly and from
 * each other. docs/formats/sandbox.md lists their values.
 */
#ifndef VT_ASSEMBLY_VARIATION_H
#define VT_ASSEMBLY_VARIATION_H

#include "assembly/sandbox.h"
#include "attest/statement.h"

enum vt_variation { VT_VARY_NONE = 0, VT_VARY_A, VT_VARY_B };

/* "none", "a", "b". */
const char *vt_variation_name(enum vt_variation v);
VT_MUST bool vt_variation_parse(const char *s, enum vt_variation *ret);
/* The set of a rebuilder that names none: A or B by its name's digest. */
enum vt_variation vt_variation_of(const char *rebuilder);

/* Wraps a sandbox: each run over it gets the set's surroundings. *record, which
 * must outlive the sandbox, is filled by vt_sandbox_prepare with what really
 * differs here (a clock needs libfaketime in the environment, processors more
 * than one of them). Takes ownership of inner, also on failure. */
VT_MUST enum vt_err vt_sandbox_vary(struct vt_sandbox *inner, enum vt_variation set,
    struct vt_statement_varied *record, struct vt_sandbox **ret, struct vt_why *why);

/* Makes each folder below `dir` list its entries in another order, where the
 * file system lists them by age, as tmpfs does: reversed, or rotated by half. */
VT_MUST enum vt_err vt_variation_reorder(const char *dir, bool rotate, struct vt_why *why);

#endif
