/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault's processes: signer (key `vault`), keeper, clerk, store and http, each in an address
 * space of its own (base/crew.h).
 *
 *     who     has                         is joined to
 *     signer  the vault's signing key     clerk
 *     keeper  the ring                    store; HOME/vault/run/keeper.sock
 *     clerk   nothing secret              signer; the ledger and the keeper as they are needed
 *     store   nothing secret              keeper, http; no listening socket
 *     http    the listening socket        store; may read HOME/vault/pub only
 *     tls-signer  the listener's key, where there is one   http
 */
#ifndef VT_VAULT_GROUP_H
#define VT_VAULT_GROUP_H

#include "http/listen.h"
#include "store/home.h"

struct vt_vault_run {
    const char *listen;               /* HOST:PORT */
    const struct vt_listen_opts *how; /* TLS and lines for requests; or NULL */
    uint64_t pack_after_s;            /* these three as in vault/service.h */
    uint64_t pack_size;
    uint64_t wal_max;
};

/* Runs the vault of that home until SIGTERM or SIGINT (VT_OK). HOME/vault/run/url says where it
 * answers. VT_E_STATE: no vault here; VT_E_BUSY: it runs already; VT_E_CONFIG. */
VT_MUST enum vt_err vt_vault_run(
    const struct vt_home *home, const struct vt_vault_run *opts, struct vt_why *why);

#endif
