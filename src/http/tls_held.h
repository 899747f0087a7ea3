/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tls.c and tls_sign.c share. Private to them.
 */
#ifndef VT_HTTP_TLS_HELD_H
#define VT_HTTP_TLS_HELD_H

#include "http/tls.h"

#define VT_TLS_CHAIN_LENGTH 16U

struct vt_tls_cert {
    unsigned refs;
    uint64_t serial;
    struct vt_tls_signer *signer; /* the server's */
    gnutls_pcert_st chain[VT_TLS_CHAIN_LENGTH];
    unsigned chain_len;
    int algorithm; /* of its key: a gnutls_pk_algorithm_t */
    unsigned bits;
    gnutls_x509_trust_list_t clients; /* NULL: none are asked for */
};

/* Keeps what is said in the handshake until it is signed. */
void vt_tls_listen_in(struct vt_tls_conn *c, gnutls_session_t session);
/* Makes c->key stand for the key of c->cert. false: no memory. */
VT_MUST bool vt_tls_make_key(struct vt_tls_conn *c);
void vt_tls_drop_key(struct vt_tls_conn *c);

#endif
