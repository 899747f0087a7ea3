/* SPDX-License-Identifier: Apache-2.0 */
#include "update/tufkey.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <limits.h>
#include <string.h>

#define KEY_OBJECT_MAX 16384U /* bytes of a key object's canonical JSON */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

static enum vt_err
object_id(const json_t *obj, char ret[VT_DIGEST_HEX_SIZE], struct vt_why *why)
{
    struct vt_buf b = VT_BUF(KEY_OBJECT_MAX);
    enum vt_err err = vt_json_canonical(obj, &b, why);
    if (err == VT_OK)
        err = vt_buf_check(&b, "a key object", why);
    if (err == VT_OK) {
        struct vt_digest d;
        vt_digest_of(b.data, b.len, &d);
        vt_digest_hex(&d, ret);
    }
    vt_buf_release(&b);
    return err;
}

/* Which of our schemes a pair of keytype and scheme means. */
static enum vt_tuf_scheme
scheme_of(const char *type, const char *scheme)
{
    if (strcmp(type, "ed25519") == 0 && strcmp(scheme, "ed25519") == 0)
        return VT_TUF_ED25519;
    if ((strcmp(type, "ecdsa") == 0 || strcmp(type, "ecdsa-sha2-nistp256") == 0) &&
        strcmp(scheme, "ecdsa-sha2-nistp256") == 0)
        return VT_TUF_ECDSA_P256;
    if (strcmp(type, "rsa") == 0 && strcmp(scheme, "rsassa-pss-sha256") == 0)
        return VT_TUF_RSA_PSS;
    return VT_TUF_UNKNOWN;
}

static bool
is_p256(EVP_PKEY *pkey)
{
    char group[64];
    size_t len = 0;
    return EVP_PKEY_is_a(pkey, "EC") &&
           EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static bool
is_rsa(EVP_PKEY *pkey)
{
    int bits = EVP_PKEY_get_bits(pkey);
    return EVP_PKEY_is_a(pkey, "RSA") && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
}

/* The digest of the key's one DER form, whatever PEM it came in. */
static bool
value_of(EVP_PKEY *pkey, struct vt_digest *ret)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    if (len <= 0)
        return false;
    vt_digest_of(der, (size_t)len, ret);
    OPENSSL_free(der);
    return true;
}

/* A public key is never encrypted: without this, hostile PEM headers could make
 * libcrypto ask for a passphrase on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *u)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)u;
    return -1;
}

static enum vt_err
read_pem(const char *pem, struct vt_tuf_key *k, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    size_t len = strlen(pem);
    EVP_PKEY *pkey = NULL;
    BIO *bio = len <= KEY_OBJECT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    if (bio != NULL)
        pkey = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
    if (pkey == NULL) {
        err = vt_fail(why, VT_E_SYNTAX, "key %s: not a PEM public key", k->id);
        goto out;
    }
    if (k->scheme == VT_TUF_ECDSA_P256 ? !is_p256(pkey) : !is_rsa(pkey)) {
        err = vt_fail(why, VT_E_SYNTAX,
            "key %s: not a key of its type (P-256, or RSA of %d to %d bits)", k->id,
            RSA_BITS_MIN, RSA_BITS_MAX);
        goto out;
    }
    if (!value_of(pkey, &k->value)) {
        err = vt_fail(why, VT_E_CRYPTO, "key %s: cannot be encoded", k->id);
        goto out;
    }
    k->pkey = pkey;
    pkey = NULL; /* moved */
out:
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return err;
}

static enum vt_err
read_ed25519(const char *hex, struct vt_tuf_key *k, struct vt_why *why)
{
    size_t len = 0;
    if (!vt_hex_decode(hex, strlen(hex), k->ed25519.b, sizeof k->ed25519.b, &len) ||
        len != sizeof k->ed25519.b)
        return vt_fail(
            why, VT_E_SYNTAX, "key %s: an Ed25519 key is 64 lower-case hex digits", k->id);
    vt_digest_of(k->ed25519.b, sizeof k->ed25519.b, &k->value);
    return VT_OK;
}

static enum vt_err
check_id(const char *id, const json_t *obj, struct vt_tuf_key *k, struct vt_why *why)
{
    struct vt_digest d;
    if (!vt_digest_from_hex(id, strlen(id), &d))
        return vt_fail(
            why, VT_E_SYNTAX, "a keyid is 64 lower-case hex digits, not \"%.80s\"", id);
    enum vt_err err = object_id(obj, k->id, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "key %s", id);
    if (strcmp(id, k->id) != 0)
        return vt_fail(
            why, VT_E_DIGEST, "keyid %s is not that of its key, which is %s", id, k->id);
    return VT_OK;
}

enum vt_err
vt_tuf_key_parse(const char *id, const json_t *obj, struct vt_tuf_key *ret, struct vt_why *why)
{
    struct vt_tuf_key k = {.scheme = VT_TUF_UNKNOWN};
    const char *type = NULL;
    const char *scheme = NULL;
    const char *value = NULL;
    json_t *keyval = NULL;
    if (!json_is_object(obj))
        return vt_fail(why, VT_E_SYNTAX, "key %.80s is not an object", id);
    enum vt_err err = check_id(id, obj, &k, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "keytype", &type, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "scheme", &scheme, why);
    if (err == VT_OK)
        err = vt_json_obj(obj, "keyval", &keyval, why);
    if (err != VT_OK)
        return err;

    k.scheme = scheme_of(type, scheme);
    vt_digest_of(k.id, strlen(k.id), &k.value);
    if (k.scheme != VT_TUF_UNKNOWN)
        err = vt_json_str(keyval, "public", &value, why);
    if (err == VT_OK && k.scheme == VT_TUF_ED25519)
        err = read_ed25519(value, &k, why);
    else if (err == VT_OK && k.scheme != VT_TUF_UNKNOWN)
        err = read_pem(value, &k, why);
    if (err != VT_OK)
        return err;
    *ret = k;
    return VT_OK;
}

void
vt_tuf_key_release(struct vt_tuf_key *k)
{
    EVP_PKEY_free(k->pkey);
    *k = (struct vt_tuf_key){0};
}

static bool
verify_evp(
    const struct vt_tuf_key *k, const void *msg, size_t len, const uint8_t *sig, size_t sig_len)
{
    bool good = false;
    EVP_PKEY_CTX *pctx = NULL; /* owned by ctx */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL ||
        EVP_DigestVerifyInit_ex(ctx, &pctx, "SHA256", NULL, NULL, k->pkey, NULL) != 1)
        goto out;
    if (k->scheme == VT_TUF_RSA_PSS &&
        (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
            EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_AUTO) != 1))
        goto out;
    good = EVP_DigestVerify(ctx, sig, sig_len, msg, len) == 1;
out:
    EVP_MD_CTX_free(ctx);
    return good;
}

bool
vt_tuf_key_verify(
    const struct vt_tuf_key *k, const void *msg, size_t len, const uint8_t *sig, size_t sig_len)
{
    struct vt_sig s;
    switch (k->scheme) {
    case VT_TUF_ED25519:
        if (sig_len != sizeof s.b)
            return false;
        memcpy(s.b, sig, sizeof s.b);
        return vt_pubkey_verify(&k->ed25519, msg, len, &s);
    case VT_TUF_ECDSA_P256:
    case VT_TUF_RSA_PSS:
        return verify_evp(k, msg, len, sig, sig_len);
    case VT_TUF_UNKNOWN:
        break;
    }
    return false;
}

json_t *
vt_tuf_key_object(const struct vt_pubkey *pub)
{
    char hex[2 * VT_PUBKEY_SIZE + 1];
    vt_hex_encode(pub->b, sizeof pub->b, hex);
    return json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval",
        "public", hex);
}

enum vt_err
vt_tuf_key_id(const struct vt_pubkey *pub, char ret[VT_DIGEST_HEX_SIZE], struct vt_why *why)
{
    json_t *obj = vt_tuf_key_object(pub);
    if (obj == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a key");
    enum vt_err err = object_id(obj, ret, why);
    json_decref(obj);
    return err;
}
