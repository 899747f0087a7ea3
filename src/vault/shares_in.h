/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shares that approvers sent for a request: files that the vault's store process keeps in
 * HOME/vault/shares-in/REQUEST, and files that somebody brought.
 */
#ifndef VT_VAULT_SHARES_IN_H
#define VT_VAULT_SHARES_IN_H

#include "store/home.h"
#include "vault/shares.h"

/* Appends them as vt_shares_join takes them (u32 length ‖ bytes each), in order of their names,
 * those of `file` last, each once; what is no file of shares for that request is left out, but
 * a `file` that is none is VT_E_SYNTAX. None at all is VT_OK: the keeper says what it lacks.
 * VT_E_LIMIT beyond VT_SHARES_JOIN_MAX. b should be of that size and is marked secret. */
VT_MUST enum vt_err vt_shares_in_load(const struct vt_home *h, const struct vt_digest *request,
    const char *const *file, size_t file_count, struct vt_buf *b, struct vt_why *why);

#endif
