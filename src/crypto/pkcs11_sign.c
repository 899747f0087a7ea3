/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 keys in a token, and signatures by them. docs/formats/pkcs11.md. What the token
 * answers is taken for no more than bytes: its lengths are checked.
 */
#include "crypto/pkcs11_priv.h"

#include "crypto/digest.h"

#include <string.h>

#define ID_SIZE 20U
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static ck_object_class_t private_key = CKO_PRIVATE_KEY;
static ck_object_class_t public_key = CKO_PUBLIC_KEY;
static ck_key_type_t edwards = CKK_EC_EDWARDS;
static unsigned char yes = 1;
static unsigned char no = 0;

enum vt_err
vt_token_has_ed25519(struct vt_token *t, struct vt_why *why)
{
    struct ck_mechanism_info info;

    if (t->f->C_GetMechanismInfo(t->slot, CKM_EDDSA, &info) == CKR_OK &&
        (info.flags & CKF_SIGN) != 0)
        return VT_OK;
    return vt_fail(why, VT_E_CONFIG,
        "token `%s` cannot sign by Ed25519 (it has no CKM_EDDSA); use another", t->name);
}

static enum vt_err
find_half(struct vt_token *t, ck_object_class_t *class, const char *label,
    ck_object_handle_t ret[VT_TOKEN_SAME_MAX], unsigned long *ret_n, struct vt_why *why)
{
    struct ck_attribute want[] = {
        {CKA_CLASS, class, sizeof *class},
        {CKA_KEY_TYPE, &edwards, sizeof edwards},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
    };
    enum vt_err err = vt_token_check_label(label, why);

    return err == VT_OK ? vt_token_find(t, want, COUNT(want), ret, ret_n, why) : err;
}

/* A key that could be taken out of the token, or may not sign, is not used. */
static enum vt_err
check_private(
    const struct vt_token *t, const char *label, ck_object_handle_t key, struct vt_why *why)
{
    unsigned char sensitive = 0, extractable = 1, sign = 0;
    struct ck_attribute is[] = {
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_SIGN, &sign, sizeof sign},
    };
    ck_rv_t rv = t->f->C_GetAttributeValue(t->session, key, is, COUNT(is));

    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "tell what its key is", why);
    if (sensitive != 1 || extractable != 0 || sign != 1)
        return vt_fail(why, VT_E_REFUSED,
            "key `%s` of token `%s` is not one that signs and stays in the token (sensitive, "
            "not extractable, may sign); make one anew",
            label, t->name);
    return VT_OK;
}

enum vt_err
vt_token_signing_find(
    struct vt_token *t, const char *label, ck_object_handle_t *ret, struct vt_why *why)
{
    ck_object_handle_t found[VT_TOKEN_SAME_MAX];
    unsigned long n = 0;
    enum vt_err err = find_half(t, &private_key, label, found, &n, why);

    if (err != VT_OK)
        return err;
    if (n == 0)
        return vt_fail(
            why, VT_E_NOENT, "token `%s` has no Ed25519 key `%s` for us", t->name, label);
    if (n > 1)
        return vt_fail(why, VT_E_STATE, "token `%s` has %lu keys `%s`; destroy all but one",
            t->name, n, label);
    err = check_private(t, label, found[0], why);
    if (err == VT_OK)
        *ret = found[0];
    return err;
}

/* The public key of CKA_EC_POINT: 32 bytes, or those in a DER OCTET STRING. */
static enum vt_err
read_point(
    const struct vt_token *t, ck_object_handle_t key, struct vt_pubkey *ret, struct vt_why *why)
{
    uint8_t b[2 + VT_PUBKEY_SIZE];
    struct ck_attribute point = {CKA_EC_POINT, b, sizeof b};
    ck_rv_t rv = t->f->C_GetAttributeValue(t->session, key, &point, 1);

    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "tell its public key", why);
    if (point.value_len == VT_PUBKEY_SIZE) {
        memcpy(ret->b, b, VT_PUBKEY_SIZE);
        return VT_OK;
    }
    if (point.value_len != sizeof b || b[0] != 0x04 || b[1] != VT_PUBKEY_SIZE)
        return vt_fail(
            why, VT_E_IO, "token `%s` tells a public key that is not one of Ed25519", t->name);
    memcpy(ret->b, b + 2, VT_PUBKEY_SIZE);
    return VT_OK;
}

enum vt_err
vt_token_signing_public(
    struct vt_token *t, const char *label, struct vt_pubkey *ret, struct vt_why *why)
{
    ck_object_handle_t found[VT_TOKEN_SAME_MAX];
    unsigned long n = 0;
    enum vt_err err = find_half(t, &public_key, label, found, &n, why);

    if (err != VT_OK)
        return err;
    if (n != 1)
        return vt_fail(why, VT_E_NOENT, "token `%s` has %s public key `%s`", t->name,
            n == 0 ? "no" : "more than one", label);
    return read_point(t, found[0], ret, why);
}

void
vt_token_signing_destroy(struct vt_token *t, const char *label)
{
    ck_object_class_t *const halves[] = {&private_key, &public_key};
    ck_object_handle_t found[VT_TOKEN_SAME_MAX];

    for (size_t h = 0; h < COUNT(halves); h++) {
        unsigned long n = 0;
        if (find_half(t, halves[h], label, found, &n, NULL) != VT_OK)
            continue;
        for (unsigned long i = 0; i < n; i++)
            (void)t->f->C_DestroyObject(t->session, found[i]);
    }
}

/* Generates with one way to name the curve. */
static ck_rv_t
generate(struct vt_token *t, const char *label, const void *curve, size_t curve_len,
    uint8_t id[ID_SIZE], ck_object_handle_t *ret_private, ck_object_handle_t *ret_public)
{
    struct ck_mechanism make = {CKM_EC_EDWARDS_KEY_PAIR_GEN, NULL, 0};
    struct ck_attribute public[] = {
        {CKA_EC_PARAMS, vt_token_unconst(curve), curve_len},
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
        {CKA_ID, id, ID_SIZE},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_ENCRYPT, &no, sizeof no},
        {CKA_WRAP, &no, sizeof no},
    };
    struct ck_attribute private[] = {
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
        {CKA_ID, id, ID_SIZE},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
    };

    return t->f->C_GenerateKeyPair(t->session, &make, public, COUNT(public), private,
        COUNT(private), ret_public, ret_private);
}

static enum vt_err
generate_either_way(struct vt_token *t, const char *label, ck_object_handle_t *ret_private,
    ck_object_handle_t *ret_public, struct vt_why *why)
{
    static const uint8_t oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70}; /* 1.3.101.112 */
    static const uint8_t name[] = "\x13\x0c"
                                  "edwards25519"; /* a PrintableString */
    uint8_t id[ID_SIZE];
    enum vt_err err = vt_random(id, sizeof id, why);
    ck_rv_t rv;

    if (err != VT_OK)
        return err;
    rv = generate(t, label, oid, sizeof oid, id, ret_private, ret_public);
    if (rv != CKR_OK)
        rv = generate(t, label, name, sizeof name - 1, id, ret_private, ret_public);
    return rv == CKR_OK ? VT_OK : vt_token_fail(t, rv, "make an Ed25519 key", why);
}

enum vt_err
vt_token_signing_new(struct vt_token *t, const char *label, ck_object_handle_t *ret,
    struct vt_pubkey *ret_pub, struct vt_why *why)
{
    ck_object_handle_t found[VT_TOKEN_SAME_MAX], private = 0, public = 0;
    unsigned long n = 0, n_public = 0;
    enum vt_err err = find_half(t, &private_key, label, found, &n, why);

    if (err == VT_OK)
        err = find_half(t, &public_key, label, found, &n_public, why);
    if (err != VT_OK)
        return err;
    if (n + n_public > 0)
        return vt_fail(why, VT_E_EXIST, "token `%s` has a key `%s` already", t->name, label);
    err = generate_either_way(t, label, &private, &public, why);
    if (err != VT_OK)
        return err;
    err = check_private(t, label, private, why);
    if (err == VT_OK)
        err = read_point(t, public, ret_pub, why);
    if (err != VT_OK)
        vt_token_signing_destroy(t, label);
    else
        *ret = private;
    return err;
}

/* What tokens answer when the session they knew is no more. */
static bool
means_lost(ck_rv_t rv)
{
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
           rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_DEVICE_REMOVED || rv == CKR_DEVICE_ERROR ||
           rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_KEY_HANDLE_INVALID ||
           rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_CRYPTOKI_NOT_INITIALIZED;
}

enum vt_err
vt_token_sign(struct vt_token *t, ck_object_handle_t key, const void *msg, size_t len,
    struct vt_sig *ret, bool *ret_lost, struct vt_why *why)
{
    struct ck_mechanism eddsa = {CKM_EDDSA, NULL, 0};
    struct vt_sig sig;
    unsigned long got = sizeof sig.b;
    uint8_t none = 0;
    ck_rv_t rv = t->f->C_SignInit(t->session, &eddsa, key);

    if (rv == CKR_OK)
        rv =
            t->f->C_Sign(t->session, len > 0 ? vt_token_unconst(msg) : &none, len, sig.b, &got);
    *ret_lost = means_lost(rv);
    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "sign", why);
    if (got != sizeof sig.b)
        return vt_fail(why, VT_E_IO, "token `%s` made a signature of %lu bytes", t->name, got);
    *ret = sig;
    return VT_OK;
}
