/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as the server has it: GnuTLS below libmicrohttpd, with a certificate whose key is
 * elsewhere (http/tls_signer.h). TLS 1.3 and nothing older. Private to src/http.
 */
#ifndef VT_HTTP_TLS_H
#define VT_HTTP_TLS_H

#include "http/tls_signer.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

/* TLS 1.3, and of its groups those that all have. */
#define VT_TLS_PRIORITIES                                                                      \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"
#define VT_TLS_CLIENT_NAME_SIZE 128

struct vt_tls;      /* of a server */
struct vt_tls_cert; /* a chain that is, or was, presented */

/* What a connection knows of TLS. Zeroed at first. */
struct vt_tls_conn {
    struct vt_tls *tls;
    gnutls_session_t session;
    struct vt_tls_cert *cert; /* presented on it: referenced */
    gnutls_privkey_t key;     /* stands for the one that the signer has */
    struct vt_buf said;       /* the handshake so far, until it is signed */
    uint64_t checked;         /* the serial under which the client was looked at; 0: never */
    bool has_client;
    char client[VT_TLS_CLIENT_NAME_SIZE]; /* "": none, or one without a name */
};

/* Takes ownership of the signer, also on failure. VT_E_CONFIG and others: what is wrong with
 * the certificate. */
VT_MUST enum vt_err vt_tls_new(
    struct vt_tls_signer *signer, struct vt_tls **ret, struct vt_why *why);
void vt_tls_free(struct vt_tls *t);

/* Looks whether there is another certificate, every two seconds. VT_E_IO: the signer is gone
 * for good. */
VT_MUST enum vt_err vt_tls_tick(struct vt_tls *t, int64_t now_ms, struct vt_why *why);

/* A connection begins, and ends. c stays in place in between. */
void vt_tls_begin(struct vt_tls *t, struct vt_tls_conn *c, gnutls_session_t session);
void vt_tls_end(struct vt_tls_conn *c);

/* libmicrohttpd's callback for the certificate of a session that has begun. */
int vt_tls_on_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
    const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length, gnutls_pcert_st **pcert,
    unsigned *pcert_length, gnutls_privkey_t *privkey);

/* Whether certificates of clients are asked for. */
bool vt_tls_asks_clients(const struct vt_tls *t);
/* Whether the client has shown a certificate that the clients' CA signed and that is valid now;
 * c->client is its name then: its first alternative name, or its common name, cleaned. Of an
 * established session. */
bool vt_tls_has_client(struct vt_tls_conn *c);

#endif
