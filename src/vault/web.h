/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http process of a vault: docs/formats/vault-http.md. It parses requests, serves what lies
 * in HOME/vault/pub, and hands the rest to the store process (vault/service.h).
 */
#ifndef VT_VAULT_WEB_H
#define VT_VAULT_WEB_H

#include "http/listen.h"
#include "store/home.h"

struct vt_vault_web {
    const struct vt_home *home;
    const struct vt_listen_opts *how; /* or NULL */
    int tls_fd;                       /* the channel to the TLS signer, where `how` has TLS */
    int listen_fd;
    int stop_fd;  /* readable or closed: stop */
    int store_fd; /* the channel to the store process */
};

/* Serves until told to stop (VT_OK). An error when the store process is gone. */
VT_MUST enum vt_err vt_vault_web_run(const struct vt_vault_web *opts, struct vt_why *why);

#endif
