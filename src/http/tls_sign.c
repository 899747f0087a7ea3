/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a handshake is signed by a process that signs no hash.
 *
 * Of Ed25519 GnuTLS gives what is to be signed; of other keys it gives the hash of that alone.
 * The signer would have to sign it blindly, and could be had to sign anything. So the handshake
 * is kept here as it goes by; from it what is to be signed is made again (RFC 8446, sections
 * 4.4.1 and 4.4.3), and compared with the hash. It goes to the signer, which sees its form and
 * hashes it by itself.
 */
#include "http/tls_held.h"

#include "base/log.h"

#include <gnutls/crypto.h>
#include <string.h>

#define SAID_MAX (160U * 1024U)   /* two ClientHellos and our chain */
#define MESSAGE_MAX (32U * 1024U) /* the largest that a client may send */
enum { SERVER_HELLO = 2, MESSAGE_HASH = 254 };

/* Which of GnuTLS' algorithms is which of TLS's schemes. */
static const struct scheme {
    gnutls_sign_algorithm_t algorithm;
    enum vt_tls_scheme scheme;
    int kind;
    unsigned bits; /* 0: any */
    gnutls_digest_algorithm_t hash;
} schemes[] = {
    {GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, VT_TLS_ECDSA_P256, GNUTLS_PK_ECDSA, 256,
        GNUTLS_DIG_SHA256},
    {GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, VT_TLS_ECDSA_P384, GNUTLS_PK_ECDSA, 384,
        GNUTLS_DIG_SHA384},
    {GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, VT_TLS_RSA_PSS_SHA256, GNUTLS_PK_RSA, 0,
        GNUTLS_DIG_SHA256},
    {GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, VT_TLS_RSA_PSS_SHA384, GNUTLS_PK_RSA, 0,
        GNUTLS_DIG_SHA384},
    {GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, VT_TLS_RSA_PSS_SHA512, GNUTLS_PK_RSA, 0,
        GNUTLS_DIG_SHA512},
    {GNUTLS_SIGN_EDDSA_ED25519, VT_TLS_ED25519, GNUTLS_PK_EDDSA_ED25519, 0, GNUTLS_DIG_NULL},
};

/* NULL: the certificate's key has not that algorithm. */
static const struct scheme *
scheme_of(const struct vt_tls_cert *c, gnutls_sign_algorithm_t algorithm)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (schemes[i].algorithm == algorithm && schemes[i].kind == c->algorithm &&
            (schemes[i].bits == 0 || schemes[i].bits == c->bits))
            return &schemes[i];
    return NULL;
}

/* What GnuTLS asks about the key. */
static int
on_key_info(gnutls_privkey_t key, unsigned flags, void *ctx)
{
    const struct vt_tls_conn *c = ctx;

    (void)key;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
        return c->cert->algorithm;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
        return (int)c->cert->bits;
    if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0)
        return scheme_of(c->cert, GNUTLS_FLAGS_TO_SIGN_ALGO(flags)) != NULL ? 1 : 0;
    return (flags & GNUTLS_PRIVKEY_INFO_SIGN_ALGO) != 0 ? 0 : -1;
}

/* The hash of the handshake's cipher suite; 0 bytes: it cannot be had. */
static size_t
hash_said(const struct vt_tls_conn *c, gnutls_session_t session, uint8_t ret[64])
{
    gnutls_digest_algorithm_t hash = gnutls_prf_hash_get(session);

    if (c->said.err != VT_OK || (hash != GNUTLS_DIG_SHA256 && hash != GNUTLS_DIG_SHA384) ||
        gnutls_hash_fast(hash, c->said.data, c->said.len, ret) < 0)
        return 0;
    return gnutls_hash_get_len(hash);
}

static void
put_head(struct vt_buf *b, unsigned type, size_t len)
{
    vt_buf_put_u32(b, (uint32_t)(type << 24 | len));
}

/* A HelloRetryRequest: the first ClientHello stands as its hash from now on. */
static void
shorten(struct vt_tls_conn *c, gnutls_session_t session)
{
    uint8_t hash[64];
    size_t len = hash_said(c, session, hash);

    vt_buf_clear(&c->said);
    put_head(&c->said, MESSAGE_HASH, len);
    vt_buf_put(&c->said, hash, len);
}

/* A message of the handshake, without its head: GnuTLS has us see each. */
static int
on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
    const gnutls_datum_t *msg)
{
    struct vt_tls_conn *c = gnutls_session_get_ptr(session);

    (void)when;
    (void)incoming;
    if (c == NULL || c->said.max == 0)
        return 0;
    if (type == GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST) {
        shorten(c, session);
        type = SERVER_HELLO;
    }
    put_head(&c->said, type, msg->size);
    vt_buf_put(&c->said, msg->data, msg->size);
    return 0;
}

void
vt_tls_listen_in(struct vt_tls_conn *c, gnutls_session_t session)
{
    c->said = VT_BUF(SAID_MAX);
    c->session = session;
    gnutls_handshake_set_max_packet_length(session, MESSAGE_MAX);
    gnutls_handshake_set_hook_function(
        session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_PRE, on_message);
}

static int
sign(struct vt_tls_conn *c, const struct scheme *s, const void *content, size_t len,
    gnutls_datum_t *ret)
{
    struct vt_buf b = VT_BUF(VT_TLS_SIG_MAX);
    struct vt_why why = {0};
    int rc = 0;

    if (vt_tls_signer_sign(
            c->cert->signer, c->cert->serial, s->scheme, content, len, &b, &why) != VT_OK) {
        vt_log(VT_LOG_WARN, "a handshake fails: %s", why.text);
        rc = GNUTLS_E_PK_SIGN_FAILED;
    } else if ((ret->data = gnutls_malloc(b.len)) == NULL) {
        rc = GNUTLS_E_MEMORY_ERROR;
    } else {
        memcpy(ret->data, b.data, b.len);
        ret->size = (unsigned)b.len;
    }
    vt_buf_release(&b);
    vt_buf_release(&c->said);
    c->said.max = 0; /* nothing more is kept */
    return rc;
}

/* Of Ed25519. */
static int
on_sign_data(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *ctx, unsigned flags,
    const gnutls_datum_t *data, gnutls_datum_t *signature)
{
    struct vt_tls_conn *c = ctx;
    const struct scheme *s = scheme_of(c->cert, algorithm);

    (void)key;
    (void)flags;
    return s == NULL ? GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM
                     : sign(c, s, data->data, data->size, signature);
}

/* What a server signs; 0: it cannot be told. */
static size_t
make_content(const struct vt_tls_conn *c, uint8_t ret[VT_TLS_CONTENT_MAX])
{
    static const char context[] = "TLS 1.3, server CertificateVerify"; /* and its NUL */
    uint8_t hash[64];
    size_t len = hash_said(c, c->session, hash);

    memset(ret, ' ', 64);
    memcpy(ret + 64, context, sizeof(context));
    memcpy(ret + 64 + sizeof(context), hash, len);
    return len == 0 ? 0 : 64 + sizeof(context) + len;
}

/* Of the others. */
static int
on_sign_hash(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm, void *ctx, unsigned flags,
    const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    struct vt_tls_conn *c = ctx;
    const struct scheme *s = scheme_of(c->cert, algorithm);
    uint8_t content[VT_TLS_CONTENT_MAX];
    uint8_t own[64];
    size_t len;

    (void)key;
    (void)flags;
    if (s == NULL || s->hash == GNUTLS_DIG_NULL)
        return GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM;
    len = make_content(c, content);
    if (len == 0 || gnutls_hash_fast(s->hash, content, len, own) < 0 ||
        hash->size != gnutls_hash_get_len(s->hash) ||
        memcmp(own, hash->data, hash->size) != 0) {
        vt_log(VT_LOG_ERROR, "a handshake fails: it is not what was signed");
        return GNUTLS_E_PK_SIGN_FAILED;
    }
    return sign(c, s, content, len, signature);
}

bool
vt_tls_make_key(struct vt_tls_conn *c)
{
    if (gnutls_privkey_init(&c->key) < 0) {
        c->key = NULL;
        return false;
    }
    if (gnutls_privkey_import_ext4(
            c->key, c, on_sign_data, on_sign_hash, NULL, NULL, on_key_info, 0) >= 0)
        return true;
    vt_tls_drop_key(c);
    return false;
}

void
vt_tls_drop_key(struct vt_tls_conn *c)
{
    if (c->key != NULL)
        gnutls_privkey_deinit(c->key);
    c->key = NULL;
    vt_buf_release(&c->said);
}
