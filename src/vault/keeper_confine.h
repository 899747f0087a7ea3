/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keeper's confinement: no network, no other programs, no looking into other processes.
 */
#ifndef VT_VAULT_KEEPER_CONFINE_H
#define VT_VAULT_KEEPER_CONFINE_H

#include "base/err.h"

#include <stdbool.h>

/* Installs the system call filter for good. Refused as not permitted: sockets but of the unix
 * family, running programs, tracing, io_uring; connecting to anything, unless `may_connect` (a
 * token that is reached through a local socket). VT_E_IO, VT_E_NOMEM. */
VT_MUST enum vt_err vt_keeper_confine(bool may_connect, struct vt_why *why);

#endif
