/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an artifact is, by the log: the product, version and file name that the
 * statement of its assembly gives it.
 */
#ifndef VT_RELEASE_LOOKUP_H
#define VT_RELEASE_LOOKUP_H

#include "log/reader.h"
#include "release/stage.h"
#include "store/store.h"

/* Finds out what an artifact is: the newest assembly of it in the log, whose
 * statement (in the store, signed by the entry's signer) tells product, version
 * and file name. VT_E_NOENT: no assembly of it in the log, or its bytes or its
 * statement are not in the store. VT_E_SIG, VT_E_SYNTAX, VT_E_DIGEST (the
 * statement has no such output). */
VT_MUST enum vt_err vt_lookup(struct vt_log_reader *log, struct vt_store *store,
    const struct vt_policy *policy, const struct vt_digest *artifact, struct vt_stage_item *ret,
    struct vt_why *why);

#endif
