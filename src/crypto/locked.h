/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for secrets: never written to swap (mlock), left out of core dumps
 * (MADV_DONTDUMP), not given to forked children (MADV_WIPEONFORK where asked),
 * between two pages that cannot be touched, and wiped when freed.
 */
#ifndef VT_CRYPTO_LOCKED_H
#define VT_CRYPTO_LOCKED_H

#include "base/err.h"

#include <stdbool.h>

/* Zeroed. At most 64 MiB. VT_E_NOMEM, also when the limit on locked memory is
 * met: the message says how to raise it. */
VT_MUST enum vt_err vt_locked_new(size_t len, void **ret, struct vt_why *why);
/* Takes NULL. */
void vt_locked_free(void *p);

/* A process that does nothing but hold secrets: vt_proc_harden, and all its
 * memory, present and future, stays out of swap (mlockall) as far as the
 * limit allows. false: some of it could not be locked (the limit), which a
 * service says in its log. */
bool vt_locked_process(void);

#endif
