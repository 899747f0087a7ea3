/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for secrets: never written to swap (mlock), left out of core dumps
 * (MADV_DONTDUMP), between two pages that cannot be touched, and wiped when
 * freed. What is 1 KiB or less shares such pages with others, so that some
 * hundred keys fit into the 64 KiB that an ordinary user may lock at the least.
 *
 * A forked child is not given it (MADV_DONTFORK): a child that touches what its
 * parent has there dies of it, rather than going on with zeros for a key. It may
 * free its parent's pointers, which does nothing, and make memory of its own. A
 * process that forks parts of itself lets each load the keys that it uses.
 */
#ifndef VT_CRYPTO_LOCKED_H
#define VT_CRYPTO_LOCKED_H

#include "base/err.h"

#include <stdbool.h>

/* Zeroed, aligned to 16 bytes, at most 64 MiB; locked whole, also where it is not
 * touched yet. VT_E_NOMEM, also when the limit on locked memory is met: the
 * message says how to raise it. (The soft limit is raised to the hard one first.)
 * Threads may call it at the same time. */
VT_MUST enum vt_err vt_locked_new(size_t len, void **ret, struct vt_why *why);
/* Takes NULL. */
void vt_locked_free(void *p);

/* A process that does nothing but hold secrets: vt_proc_harden, and all its
 * memory, present and future, stays out of swap (mlockall), as it is touched.
 * false: there is a limit on locked memory. Then nothing more is locked than what
 * vt_locked_new gives, for whose sake the limit is left alone; a service says so
 * in its log. */
bool vt_locked_process(void);

#endif
