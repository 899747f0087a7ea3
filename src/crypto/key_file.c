/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key files: a line `name: NAME`, then PKCS#8 in PEM (RFC 5958, RFC 7468,
 * RFC 8410 for Ed25519), encrypted under a passphrase by PBES2 with scrypt
 * (RFC 7914) and AES-256-CBC when one is given; or the place of a key in a token.
 */
#include "crypto/key_priv.h"

#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/key_token.h"
#include "crypto/mldsa_priv.h"
#include "crypto/pkcs11_priv.h"
#include "crypto/secret.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>

#define KEY_FILE_MAX 16384U
#define NAME_PREFIX "name: "
#define TOKEN_PREFIX "token: "
#define PUBLIC_PREFIX "public: "

/* 16 MiB and some tenths of a second, the most that any reader of PKCS#8
 * takes without being told to. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 1
#define SALT_SIZE 16

/* Takes ownership of info. NULL when libcrypto fails. */
static X509_SIG *
encrypt(PKCS8_PRIV_KEY_INFO *info, const char *passphrase)
{
    uint8_t salt[SALT_SIZE];
    X509_SIG *sealed = NULL;
    X509_ALGOR *pbe = NULL;

    if (vt_random(salt, sizeof salt, NULL) == VT_OK)
        pbe = PKCS5_pbe2_set_scrypt(
            EVP_aes_256_cbc(), salt, SALT_SIZE, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    if (pbe != NULL)
        sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, pbe);
    if (sealed == NULL)
        X509_ALGOR_free(pbe);
    return sealed;
}

static bool
put_pem(const struct vt_key *k, const char *passphrase, BIO *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->pkey);
    X509_SIG *sealed = NULL;
    bool ok = false;

    if (info == NULL)
        return false;
    if (passphrase == NULL) {
        ok = PEM_write_bio_PKCS8_PRIV_KEY_INFO(out, info) == 1;
    } else {
        sealed = encrypt(info, passphrase);
        ok = sealed != NULL && PEM_write_bio_PKCS8(out, sealed) == 1;
    }
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(info);
    return ok;
}

static enum vt_err
put_private(const struct vt_key *k, const char *passphrase, struct vt_buf *b)
{
    BIO *out = BIO_new(BIO_s_secmem());
    char *data = NULL;
    long len = 0;
    bool ok =
        out != NULL && put_pem(k, passphrase, out) && (len = BIO_get_mem_data(out, &data)) > 0;

    if (ok)
        vt_buf_put(b, data, (size_t)len);
    else
        ERR_clear_error();
    BIO_free(out);
    return ok ? VT_OK : VT_E_CRYPTO;
}

/* Where a key is that is in a token. */
static enum vt_err
put_place(const struct vt_key *k, struct vt_buf *b)
{
    vt_buf_puts(b, TOKEN_PREFIX);
    vt_key_token_put_uri(k->token, b);
    vt_buf_puts(b, "\n" PUBLIC_PREFIX);
    vt_buf_put_b64(b, k->pub.b, sizeof k->pub.b);
    vt_buf_puts(b, "\n");
    return VT_OK;
}

enum vt_err
vt_key_save(
    const struct vt_key *k, const char *path, const char *passphrase, struct vt_why *why)
{
    struct vt_buf b = {.max = KEY_FILE_MAX, .secret = true};
    enum vt_err err;

    if (passphrase != NULL && k->token != NULL)
        return vt_fail(
            why, VT_E_USAGE, "a key in a token has no passphrase: the token's PIN guards it");
    if (passphrase != NULL && (passphrase[0] == '\0' || strlen(passphrase) > VT_PASSPHRASE_MAX))
        return vt_fail(why, VT_E_USAGE, "a passphrase has 1 to %d bytes", VT_PASSPHRASE_MAX);
    vt_buf_putf(&b, NAME_PREFIX "%s\n", k->name);
    err = k->token != NULL ? put_place(k, &b) : put_private(k, passphrase, &b);
    if (err != VT_OK)
        err = vt_fail(why, err, "%s: libcrypto cannot encode the key", path);
    else
        err = vt_buf_check(&b, path, why);
    if (err == VT_OK)
        err = vt_file_create(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* A key file taken apart; der is in libcrypto's memory. */
struct parsed {
    char name[VT_KEY_NAME_MAX + 1];
    bool encrypted;
    uint8_t *der;
    long der_len;
    char token[VT_TOKEN_URI_MAX]; /* the URI of a key in a token; else "" */
    struct vt_pubkey pub;         /* of that key */
};

static void
parsed_release(struct parsed *p)
{
    if (p->der != NULL)
        OPENSSL_clear_free(p->der, (size_t)p->der_len);
    p->der = NULL;
}

static enum vt_err
parse_pem(struct vt_reader *r, struct parsed *p, struct vt_why *why)
{
    BIO *in = BIO_new_mem_buf(r->p, (int)r->left);
    char *label = NULL;
    char *header = NULL;
    bool ok = in != NULL && PEM_read_bio(in, &label, &header, &p->der, &p->der_len) == 1 &&
              header[0] == '\0' && BIO_eof(in);

    if (ok && strcmp(label, PEM_STRING_PKCS8) == 0)
        p->encrypted = true;
    else if (ok)
        ok = strcmp(label, PEM_STRING_PKCS8INF) == 0;
    OPENSSL_free(label);
    OPENSSL_free(header);
    BIO_free(in);
    ERR_clear_error();
    if (ok)
        return VT_OK;
    return vt_fail(
        why, VT_E_CONFIG, "not a key file: no PKCS#8 private key in PEM after the name");
}

static bool
printable(const struct vt_reader *r)
{
    for (size_t i = 0; i < r->left; i++) {
        if (r->p[i] <= ' ' || r->p[i] > '~')
            return false;
    }
    return r->left > 0;
}

/* The rest of a file that names a key in a token. */
static enum vt_err
parse_place(struct vt_reader *r, struct parsed *p, struct vt_why *why)
{
    struct vt_reader line;
    size_t len = 0;

    if (!vt_reader_line(r, &line) || !printable(&line) ||
        !vt_reader_cstr(&line, p->token, sizeof p->token))
        return vt_fail(why, VT_E_CONFIG,
            "not a key file: after `token:` stands a PKCS#11 URI of at most %u bytes",
            VT_TOKEN_URI_MAX - 1);
    if (!vt_reader_skip(r, PUBLIC_PREFIX) || !vt_reader_line(r, &line) || r->left > 0 ||
        !vt_b64_decode((const char *)line.p, line.left, p->pub.b, sizeof p->pub.b, &len) ||
        len != sizeof p->pub.b)
        return vt_fail(why, VT_E_CONFIG,
            "not a key file: after the token's line stands `public: ` and the base64 of 32 "
            "bytes, "
            "and nothing more");
    return VT_OK;
}

static enum vt_err
parse_file(const struct vt_buf *b, struct parsed *p, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader line;

    if (!vt_reader_line(&r, &line) || !vt_reader_skip(&line, NAME_PREFIX) ||
        !vt_reader_cstr(&line, p->name, sizeof p->name) || !vt_key_name_valid(p->name))
        return vt_fail(why, VT_E_CONFIG,
            "not a key file: the first line must be `name: NAME`, the name as in its vkey");
    return vt_reader_skip(&r, TOKEN_PREFIX) ? parse_place(&r, p, why) : parse_pem(&r, p, why);
}

static enum vt_err
open_file(const char *path, struct parsed *p, struct vt_why *why)
{
    struct vt_buf b = {.max = KEY_FILE_MAX, .secret = true};
    enum vt_err err = vt_secret_read(path, &b, why);

    if (err == VT_OK) {
        err = parse_file(&b, p, why);
        if (err != VT_OK) {
            parsed_release(p);
            err = vt_fail_in(why, err, "%s", path);
        }
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_key_file_encrypted(const char *path, bool *ret, struct vt_why *why)
{
    struct parsed p = {.der = NULL};
    enum vt_err err = open_file(path, &p, why);

    if (err == VT_OK)
        *ret = p.encrypted;
    parsed_release(&p);
    return err;
}

/* The PKCS#8 structure that the file holds. */
static enum vt_err
decode(const struct parsed *p, const char *passphrase, PKCS8_PRIV_KEY_INFO **ret,
    struct vt_why *why)
{
    const unsigned char *der = p->der;
    X509_SIG *sealed;

    if (!p->encrypted) {
        *ret = d2i_PKCS8_PRIV_KEY_INFO(NULL, &der, p->der_len);
        if (*ret == NULL)
            return vt_fail(why, VT_E_CONFIG, "not a key file: no PKCS#8 structure");
        return VT_OK;
    }
    if (passphrase == NULL)
        return vt_fail(why, VT_E_CONFIG, "encrypted; it needs its passphrase");
    sealed = d2i_X509_SIG(NULL, &der, p->der_len);
    if (sealed == NULL)
        return vt_fail(why, VT_E_CONFIG, "not a key file: no encrypted PKCS#8 structure");
    *ret = PKCS8_decrypt(sealed, passphrase, (int)strlen(passphrase));
    X509_SIG_free(sealed);
    if (*ret == NULL)
        return vt_fail(why, VT_E_REFUSED, "the passphrase is not that of this key file");
    return VT_OK;
}

/* Whether the structure is one of ML-DSA-44, which libcrypto need not know. */
static bool
is_mldsa(const PKCS8_PRIV_KEY_INFO *info)
{
    const ASN1_OBJECT *type = NULL;
    char oid[64] = "";

    return PKCS8_pkey_get0(&type, NULL, NULL, NULL, info) == 1 &&
           OBJ_obj2txt(oid, sizeof oid, type, 1) > 0 && strcmp(oid, VT_MLDSA_OID) == 0;
}

static enum vt_err
make_key(
    const struct parsed *p, const char *passphrase, struct vt_key **ret, struct vt_why *why)
{
    PKCS8_PRIV_KEY_INFO *info = NULL;
    EVP_PKEY *pkey;
    enum vt_err err;

    if (p->token[0] != '\0')
        return vt_key_load_token(p->name, p->token, &p->pub, ret, why);
    err = decode(p, passphrase, &info, why);
    if (err != VT_OK)
        return err;
    pkey = EVP_PKCS82PKEY(info);
    if (pkey == NULL && is_mldsa(info))
        err = vt_mldsa_available(why);
    if (pkey == NULL && err == VT_OK)
        err = vt_fail(why, VT_E_CONFIG, "holds a key of another type than Ed25519");
    PKCS8_PRIV_KEY_INFO_free(info);
    return err == VT_OK ? vt_key_wrap(p->name, pkey, ret, why) : err;
}

enum vt_err
vt_key_load(const char *path, const char *passphrase, struct vt_key **ret, struct vt_why *why)
{
    struct parsed p = {.der = NULL};
    enum vt_err err = open_file(path, &p, why);

    if (err != VT_OK)
        return err;
    err = make_key(&p, passphrase, ret, why);
    if (err != VT_OK)
        err = vt_fail_in(why, err, "%s", path);
    parsed_release(&p);
    ERR_clear_error();
    return err;
}
