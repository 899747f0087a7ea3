/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a service listens: what log, witness, site and vault have in common
 * (docs/formats/listeners.md). The commands fill it from their options; who serves gives it to
 * http/server.h by pointer.
 */
#ifndef VT_HTTP_LISTEN_H
#define VT_HTTP_LISTEN_H

#include "base/err.h"

#include <stdbool.h>

#define VT_HTTP_URL_SIZE 128
#define VT_HTTP_PASS_SIZE 65 /* 64 hex digits and NUL */

/* Files by their paths. All NULL and false: plain HTTP, and no line for a request. */
struct vt_listen_opts {
    const char *tls_cert; /* a chain in PEM, the listener's own certificate first */
    const char *tls_key;  /* its private key, which the TLS signer alone reads */
    const char
        *client_ca;     /* PEM: who signs the certificates of clients; NULL: none are asked */
    bool access_log;    /* a line for each request */
    bool log_addresses; /* it has the client's address, not only the word for it */
    /* What the service's own processes show in the header Vitrine-Pass (struct vt_http_limits),
     * for which they are let in where clients need a certificate; NULL: they have none. */
    const char *pass;
};

/* Whether it speaks TLS. how may be NULL. */
bool vt_listen_has_tls(const struct vt_listen_opts *how);

/* Makes a pass that nobody can guess. */
VT_MUST enum vt_err vt_listen_pass(char ret[VT_HTTP_PASS_SIZE], struct vt_why *why);

/* Opens the listening socket as vt_http_listen does; *ret_url begins with https:// where TLS
 * is. For the parent process, which keeps the port across restarts of the http process.
 * VT_E_USAGE: one of certificate and key without the other, or a CA without them. */
VT_MUST enum vt_err vt_listen_open(const char *address, const struct vt_listen_opts *how,
    int *ret_fd, char ret_url[VT_HTTP_URL_SIZE], struct vt_why *why);

/* Whether a service of this machine answers at url/path with 200 within ms: for who has started
 * it. Its certificate is not looked at, since it is made for another name than the URL's; so
 * nothing may be believed of what it answers, and nothing is. */
bool vt_listen_answers(const char *url, const char *path, int ms);

#endif
