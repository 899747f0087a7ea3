/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate chain and its private key as their files hold them, and the CA of clients that
 * goes with them. For the TLS signer process alone. Private to src/http.
 */
#ifndef VT_HTTP_TLS_PAIR_H
#define VT_HTTP_TLS_PAIR_H

#include "http/tls_signer.h"

struct vt_tls_pair;

/* Reads the files. The key's must be private as other key files are (crypto/secret.h), and is
 * found through symbolic links. VT_E_CONFIG: no chain, no key, an encrypted key, one of another
 * certificate, or of a kind that TLS 1.3 has no use for (RSA from 2,048 bits, P-256, P-384 and
 * Ed25519 are taken). */
VT_MUST enum vt_err vt_tls_pair_load(
    const struct vt_listen_opts *how, struct vt_tls_pair **ret, struct vt_why *why);
void vt_tls_pair_free(struct vt_tls_pair *p);

/* The files' text, in PEM. */
const struct vt_buf *vt_tls_pair_chain(const struct vt_tls_pair *p);
const struct vt_buf *vt_tls_pair_clients(const struct vt_tls_pair *p);
/* Days until the certificate ends; negative: it has ended. */
int vt_tls_pair_days_left(const struct vt_tls_pair *p);

/* Appends the signature. VT_E_REFUSED: the scheme is not the key's. */
VT_MUST enum vt_err vt_tls_pair_sign(const struct vt_tls_pair *p, enum vt_tls_scheme scheme,
    const void *content, size_t len, struct vt_buf *ret, struct vt_why *why);

#endif
