/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorities and certificates for tests, made by libcrypto and written as the files that an
 * operator would have. Include after <cmocka.h>.
 */
#ifndef VT_TEST_TLS_WORLD_H
#define VT_TEST_TLS_WORLD_H

#include "base/file.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct tls_party {
    X509 *crt;
    EVP_PKEY *key;
};

struct tls_wish {
    const char *name;  /* the common name */
    const char *alt;   /* subjectAltName, or NULL */
    const char *usage; /* extendedKeyUsage; NULL: an authority */
    const char *kind;  /* "P-256", "P-384", "RSA", "ED25519"; NULL: P-256 */
    long from_s;       /* seconds from now */
    long until_s;      /* 0: a day */
};

static EVP_PKEY *
tls_make_key(const char *kind)
{
    if (kind != NULL && strcmp(kind, "RSA") == 0)
        return EVP_RSA_gen(2048);
    if (kind != NULL && strcmp(kind, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(kind == NULL ? "P-256" : kind);
}

static void
tls_extend(X509 *crt, int nid, const char *value)
{
    X509_EXTENSION *e;

    if (value == NULL)
        return;
    e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(crt, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* Made by `ca`, or by itself when that is NULL. */
static struct tls_party
tls_make(const struct tls_party *ca, const struct tls_wish *wish)
{
    static long serial = 1;
    struct tls_party p = {.crt = X509_new(), .key = tls_make_key(wish->kind)};
    const struct tls_party *by = ca != NULL ? ca : &p;
    X509_NAME *name = X509_NAME_new();

    assert_non_null(p.crt);
    assert_non_null(p.key);
    assert_int_equal(X509_NAME_add_entry_by_txt(
                         name, "CN", MBSTRING_ASC, (const uint8_t *)wish->name, -1, -1, 0),
        1);
    assert_int_equal(X509_set_version(p.crt, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(p.crt), serial++), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(p.crt), wish->from_s - 60));
    assert_non_null(X509_gmtime_adj(
        X509_getm_notAfter(p.crt), wish->until_s != 0 ? wish->until_s : 86400L));
    assert_int_equal(X509_set_subject_name(p.crt, name), 1);
    assert_int_equal(X509_set_pubkey(p.crt, p.key), 1);
    assert_int_equal(
        X509_set_issuer_name(p.crt, ca != NULL ? X509_get_subject_name(ca->crt) : name), 1);
    tls_extend(p.crt, NID_basic_constraints,
        wish->usage == NULL ? "critical,CA:TRUE" : "critical,CA:FALSE");
    tls_extend(p.crt, NID_key_usage,
        wish->usage == NULL ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
    tls_extend(p.crt, NID_ext_key_usage, wish->usage);
    tls_extend(p.crt, NID_subject_alt_name, wish->alt);
    assert_true(
        X509_sign(p.crt, by->key,
            EVP_PKEY_get_base_id(by->key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0);
    X509_NAME_free(name);
    return p;
}

static void
tls_release(struct tls_party *p)
{
    X509_free(p->crt);
    EVP_PKEY_free(p->key);
    *p = (struct tls_party){0};
}

/* Replaces path by what a BIO holds, as those do that renew certificates. */
static void
tls_write_bio(BIO *out, const char *path, mode_t mode)
{
    char *data = NULL;
    long len = BIO_get_mem_data(out, &data);

    assert_true(len > 0);
    assert_int_equal(vt_file_replace(path, mode, data, (size_t)len, NULL), VT_OK);
    BIO_free(out);
}

static void
tls_write_cert(const struct tls_party *p, const char *path)
{
    BIO *out = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_X509(out, p->crt), 1);
    tls_write_bio(out, path, 0644);
}

static void
tls_write_key(const struct tls_party *p, const char *path, const char *passphrase, mode_t mode)
{
    BIO *out = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, p->key,
                         passphrase != NULL ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
                         (void *)(uintptr_t)passphrase),
        1);
    tls_write_bio(out, path, mode);
}

#endif
