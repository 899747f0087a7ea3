/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS signer: a process that has the private key of a listener's certificate, so that the
 * one which parses the network has not. It signs nothing but what TLS 1.3 has a server sign
 * (RFC 8446, section 4.4.3): 64 spaces, "TLS 1.3, server CertificateVerify", a NUL and a hash.
 * Whoever takes over the asking process can be the server as long as it is there, and has
 * neither the key nor a signature of anything else.
 *
 * It also reads the certificate chain and the CA of clients, and reads all three files again
 * when they have changed and then stayed the same for a moment: the asking process may see no
 * files at all. Messages: docs/formats/listeners.md.
 */
#ifndef VT_HTTP_TLS_SIGNER_H
#define VT_HTTP_TLS_SIGNER_H

#include "base/buf.h"
#include "http/listen.h"

#define VT_TLS_CHAIN_MAX (64U * 1024U)
#define VT_TLS_CLIENTS_MAX (256U * 1024U)
#define VT_TLS_SIG_MAX 1024U    /* RSA of 8,192 bits */
#define VT_TLS_CONTENT_MAX 146U /* 64 + 34 + a hash of 48 bytes */

/* Signature schemes by their numbers in TLS 1.3. */
enum vt_tls_scheme {
    VT_TLS_ECDSA_P256 = 0x0403,
    VT_TLS_ECDSA_P384 = 0x0503,
    VT_TLS_RSA_PSS_SHA256 = 0x0804,
    VT_TLS_RSA_PSS_SHA384 = 0x0805,
    VT_TLS_RSA_PSS_SHA512 = 0x0806,
    VT_TLS_ED25519 = 0x0807,
};

/* The body of the process: serves fd until it closes. The result is an exit code. */
int vt_tls_signer_serve(int fd, const struct vt_listen_opts *how);

/* Whether bytes have the form that is signed. Pure. */
bool vt_tls_content_ok(const void *content, size_t len);

/* The side that asks. One thread. */
struct vt_tls_signer;

/* Over an open channel to a signer that the caller's parent started; takes ownership of fd. */
VT_MUST enum vt_err vt_tls_signer_attach(
    int fd, struct vt_tls_signer **ret, struct vt_why *why);
/* Starts one, and later another when it dies: for processes without other threads, since what
 * is forked while they hold a lock of libcrypto would wait for it for ever. how must stay
 * valid. */
VT_MUST enum vt_err vt_tls_signer_spawn(
    const struct vt_listen_opts *how, struct vt_tls_signer **ret, struct vt_why *why);
void vt_tls_signer_free(struct vt_tls_signer *s);

/* What is to be presented: the chain and the clients' CA in PEM (empty: none). A number other
 * than `serial` means that it is another one; *ret_serial gets it, and the buffers, of the
 * maxima above, what they hold is replaced. Otherwise they are left alone. VT_E_CONFIG and
 * others: what is wrong with the files. VT_E_IO: the signer is gone, and could not be started
 * again. */
VT_MUST enum vt_err vt_tls_signer_chain(struct vt_tls_signer *s, uint64_t serial,
    uint64_t *ret_serial, struct vt_buf *chain, struct vt_buf *clients, struct vt_why *why);

/* Signs with the key of that serial, the newest or the one before. VT_E_REFUSED: another key,
 * a scheme that is not the key's, or content of another form. */
VT_MUST enum vt_err vt_tls_signer_sign(struct vt_tls_signer *s, uint64_t serial,
    enum vt_tls_scheme scheme, const void *content, size_t len, struct vt_buf *ret,
    struct vt_why *why);

#endif
