/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system call filter of the sandbox: what no compiler or build tool needs
 * and what reaches past namespaces or past the limits is refused.
 */
#ifndef VT_ASSEMBLY_SANDBOX_FILTER_H
#define VT_ASSEMBLY_SANDBOX_FILTER_H

#include "base/err.h"

/* The filter as a BPF program in an anonymous file, at its beginning. The caller
 * closes *ret_fd. VT_E_IO. */
VT_MUST enum vt_err vt_sandbox_filter_new(int *ret_fd, struct vt_why *why);

#endif
