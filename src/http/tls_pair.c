/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tls_pair.h"

#include "base/file.h"
#include "crypto/secret.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define KEY_MAX 32768U
enum { CHAIN_LENGTH_MAX = 16, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

struct vt_tls_pair {
    EVP_PKEY *key;
    X509 *own;
    struct vt_buf chain;
    struct vt_buf clients;
};

void
vt_tls_pair_free(struct vt_tls_pair *p)
{
    if (p == NULL)
        return;
    EVP_PKEY_free(p->key);
    X509_free(p->own);
    vt_buf_release(&p->chain);
    vt_buf_release(&p->clients);
    free(p);
}

const struct vt_buf *
vt_tls_pair_chain(const struct vt_tls_pair *p)
{
    return &p->chain;
}

const struct vt_buf *
vt_tls_pair_clients(const struct vt_tls_pair *p)
{
    return &p->clients;
}

int
vt_tls_pair_days_left(const struct vt_tls_pair *p)
{
    int days = -1;
    int seconds = 0;

    if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(p->own)) != 1)
        return -1;
    return days > 0 || seconds > 0 ? days : days - 1;
}

/* Who would ask at the terminal is told that there is none. */
static int
no_passphrase(char *buf, int size, int writing, void *ctx)
{
    bool *asked = ctx;

    (void)writing;
    if (size > 0)
        buf[0] = '\0';
    *asked = true;
    return 0;
}

/* Reads the certificates of a PEM text; *ret_first, when not NULL, gets the first. */
static enum vt_err
read_certificates(
    const struct vt_buf *text, const char *path, int most, X509 **ret_first, struct vt_why *why)
{
    BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
    X509 *first = NULL;
    X509 *next;
    int n = 0;

    while (
        in != NULL && n <= most && (next = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        if (n++ == 0)
            first = next;
        else
            X509_free(next);
    }
    BIO_free(in);
    ERR_clear_error();
    if (n == 0 || n > most) {
        X509_free(first);
        return vt_fail(why, VT_E_CONFIG, "%s: holds %s", path,
            n == 0 ? "no certificate in PEM" : "more certificates than are taken");
    }
    if (ret_first != NULL)
        *ret_first = first;
    else
        X509_free(first);
    return VT_OK;
}

/* A key that TLS 1.3 can sign with. */
static bool
is_usable(const EVP_PKEY *key)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN && EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_bits(key) == 256 || EVP_PKEY_get_bits(key) == 384;
    case EVP_PKEY_ED25519:
        return true;
    default:
        return false;
    }
}

static enum vt_err
parse_key(const struct vt_buf *text, const char *path, EVP_PKEY **ret, struct vt_why *why)
{
    BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
    bool asked = false;
    EVP_PKEY *key =
        in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked);

    BIO_free(in);
    ERR_clear_error();
    if (key == NULL)
        return vt_fail(why, VT_E_CONFIG, "%s: %s", path,
            asked ? "the key is encrypted, and a listener has nobody to ask for its passphrase"
                  : "holds no private key in PEM");
    if (!is_usable(key)) {
        EVP_PKEY_free(key);
        return vt_fail(why, VT_E_CONFIG,
            "%s: a listener's key is RSA of 2,048 to 8,192 bits, P-256, P-384 or Ed25519",
            path);
    }
    *ret = key;
    return VT_OK;
}

/* The file itself is checked, not the link: those who renew certificates keep links to them. */
static enum vt_err
load_key(const char *path, EVP_PKEY **ret, struct vt_why *why)
{
    struct vt_buf b = {.max = KEY_MAX, .secret = true};
    char *real = realpath(path, NULL);
    enum vt_err err;

    if (real == NULL)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_secret_read(real, &b, why);
    if (err == VT_OK)
        err = parse_key(&b, path, ret, why);
    vt_buf_release(&b);
    free(real);
    return err;
}

static enum vt_err
load_chain(struct vt_tls_pair *p, const struct vt_listen_opts *how, struct vt_why *why)
{
    enum vt_err err;

    p->chain = VT_BUF(VT_TLS_CHAIN_MAX);
    p->clients = VT_BUF(VT_TLS_CLIENTS_MAX);
    err = vt_file_read(how->tls_cert, &p->chain, why);
    if (err == VT_OK)
        err = read_certificates(&p->chain, how->tls_cert, CHAIN_LENGTH_MAX, &p->own, why);
    if (err == VT_OK && how->client_ca != NULL)
        err = vt_file_read(how->client_ca, &p->clients, why);
    if (err == VT_OK && how->client_ca != NULL)
        err = read_certificates(&p->clients, how->client_ca, INT_MAX - 1, NULL, why);
    return err;
}

enum vt_err
vt_tls_pair_load(const struct vt_listen_opts *how, struct vt_tls_pair **ret, struct vt_why *why)
{
    struct vt_tls_pair *p = calloc(1, sizeof(*p));
    enum vt_err err;

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "TLS: out of memory");
    err = load_chain(p, how, why);
    if (err == VT_OK)
        err = load_key(how->tls_key, &p->key, why);
    if (err == VT_OK && X509_check_private_key(p->own, p->key) != 1)
        err = vt_fail(why, VT_E_CONFIG, "%s is not the key of the first certificate in %s",
            how->tls_key, how->tls_cert);
    ERR_clear_error();
    if (err != VT_OK) {
        vt_tls_pair_free(p);
        return err;
    }
    *ret = p;
    return VT_OK;
}

/* Which key a scheme is for, and with which hash. */
static const struct scheme {
    enum vt_tls_scheme scheme;
    int kind;
    int bits; /* 0: any */
    const EVP_MD *(*hash)(void);
} schemes[] = {
    {VT_TLS_ECDSA_P256, EVP_PKEY_EC, 256, EVP_sha256},
    {VT_TLS_ECDSA_P384, EVP_PKEY_EC, 384, EVP_sha384},
    {VT_TLS_RSA_PSS_SHA256, EVP_PKEY_RSA, 0, EVP_sha256},
    {VT_TLS_RSA_PSS_SHA384, EVP_PKEY_RSA, 0, EVP_sha384},
    {VT_TLS_RSA_PSS_SHA512, EVP_PKEY_RSA, 0, EVP_sha512},
    {VT_TLS_ED25519, EVP_PKEY_ED25519, 0, NULL},
};

static const struct scheme *
find_scheme(const EVP_PKEY *key, enum vt_tls_scheme scheme)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (schemes[i].scheme == scheme && schemes[i].kind == EVP_PKEY_get_base_id(key) &&
            (schemes[i].bits == 0 || schemes[i].bits == EVP_PKEY_get_bits(key)))
            return &schemes[i];
    return NULL;
}

static bool
sign(EVP_MD_CTX *ctx, EVP_PKEY *key, const struct scheme *s, const void *content, size_t len,
    struct vt_buf *ret)
{
    EVP_PKEY_CTX *params = NULL;
    size_t sig_len = VT_TLS_SIG_MAX;
    uint8_t sig[VT_TLS_SIG_MAX];

    if (EVP_DigestSignInit(ctx, &params, s->hash == NULL ? NULL : s->hash(), NULL, key) != 1)
        return false;
    if (s->kind == EVP_PKEY_RSA &&
        (EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) != 1 ||
            EVP_PKEY_CTX_set_rsa_pss_saltlen(params, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    if (EVP_DigestSign(ctx, sig, &sig_len, content, len) != 1)
        return false;
    vt_buf_put(ret, sig, sig_len);
    return ret->err == VT_OK;
}

enum vt_err
vt_tls_pair_sign(const struct vt_tls_pair *p, enum vt_tls_scheme scheme, const void *content,
    size_t len, struct vt_buf *ret, struct vt_why *why)
{
    const struct scheme *s = find_scheme(p->key, scheme);
    EVP_MD_CTX *ctx;
    bool ok;

    if (s == NULL)
        return vt_fail(
            why, VT_E_REFUSED, "TLS: the key does not sign by scheme %04x", (unsigned)scheme);
    ctx = EVP_MD_CTX_new();
    ok = ctx != NULL && sign(ctx, p->key, s, content, len, ret);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok ? VT_OK : vt_fail(why, VT_E_CRYPTO, "TLS: libcrypto cannot sign");
}
