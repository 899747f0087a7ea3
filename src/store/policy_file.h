/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies from files.
 */
#ifndef VT_STORE_POLICY_FILE_H
#define VT_STORE_POLICY_FILE_H

#include "note/policy.h"

/* Reads and compiles a policy file; the message names the file. The caller owns
 * *ret (vt_policy_free). Errors of vt_file_read (VT_E_CONFIG in place of
 * VT_E_LIMIT) and vt_policy_parse. */
VT_MUST enum vt_err vt_policy_load(
    const char *path, struct vt_policy **ret, struct vt_why *why);

#endif
