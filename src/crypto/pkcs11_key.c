/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys in a token, and AES-256-GCM with them inside it. What the token answers
 * is taken for no more than bytes: its lengths are checked.
 */
#include "crypto/pkcs11_priv.h"

#include "crypto/aead.h"
#include "crypto/digest.h"

#include <string.h>

#define DATA_MAX (64U * 1024U)

static ck_object_class_t secret_key = CKO_SECRET_KEY;
static ck_key_type_t aes = CKK_AES;
static unsigned char yes = 1;
static unsigned char no = 0;
static unsigned long key_size = VT_AEAD_KEY_SIZE;

enum vt_err
vt_token_check_label(const char *label, struct vt_why *why)
{
    size_t len = strnlen(label, VT_TOKEN_LABEL_MAX + 1);

    for (size_t i = 0; i < len; i++) {
        if (label[i] <= ' ' || label[i] > '~')
            len = 0;
    }
    if (len == 0 || len > VT_TOKEN_LABEL_MAX)
        return vt_fail(why, VT_E_USAGE,
            "a key's label has 1 to %u printable characters and no space", VT_TOKEN_LABEL_MAX);
    return VT_OK;
}

enum vt_err
vt_token_find(struct vt_token *t, struct ck_attribute *want, unsigned long want_n,
    ck_object_handle_t ret[VT_TOKEN_SAME_MAX], unsigned long *ret_n, struct vt_why *why)
{
    ck_rv_t rv = t->f->C_FindObjectsInit(t->session, want, want_n);

    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "be searched", why);
    rv = t->f->C_FindObjects(t->session, ret, VT_TOKEN_SAME_MAX, ret_n);
    (void)t->f->C_FindObjectsFinal(t->session);
    if (rv != CKR_OK || *ret_n > VT_TOKEN_SAME_MAX)
        return vt_token_fail(t, rv, "be searched", why);
    return VT_OK;
}

/* The handles of all AES keys with that label. */
static enum vt_err
find_keys(struct vt_token *t, const char *label, ck_object_handle_t ret[VT_TOKEN_SAME_MAX],
    unsigned long *ret_n, struct vt_why *why)
{
    struct ck_attribute want[] = {
        {CKA_CLASS, &secret_key, sizeof secret_key},
        {CKA_KEY_TYPE, &aes, sizeof aes},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, vt_token_unconst(label), strlen(label)},
    };
    enum vt_err err = vt_token_check_label(label, why);

    return err == VT_OK ? vt_token_find(t, want, sizeof want / sizeof want[0], ret, ret_n, why)
                        : err;
}

/* A key that could be taken out of the token is not used. */
static enum vt_err
check_key(
    const struct vt_token *t, const char *label, ck_object_handle_t key, struct vt_why *why)
{
    unsigned char sensitive = 0, extractable = 1;
    unsigned long size = 0;
    struct ck_attribute is[] = {
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_VALUE_LEN, &size, sizeof size},
    };
    ck_rv_t rv = t->f->C_GetAttributeValue(t->session, key, is, sizeof is / sizeof is[0]);

    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "tell what its key is", why);
    if (sensitive != 1 || extractable != 0 || size != VT_AEAD_KEY_SIZE)
        return vt_fail(why, VT_E_REFUSED,
            "key `%s` of token `%s` is not an AES-256 key that stays in the token; make one "
            "anew",
            label, t->name);
    return VT_OK;
}

static enum vt_err
the_key(struct vt_token *t, const char *label, ck_object_handle_t *ret, struct vt_why *why)
{
    ck_object_handle_t found[VT_TOKEN_SAME_MAX];
    unsigned long n = 0;
    enum vt_err err = find_keys(t, label, found, &n, why);

    if (err != VT_OK)
        return err;
    if (n == 0)
        return vt_fail(why, VT_E_NOENT, "token `%s` has no key `%s`", t->name, label);
    if (n > 1)
        return vt_fail(why, VT_E_STATE, "token `%s` has %lu keys `%s`; destroy all but one",
            t->name, n, label);
    err = check_key(t, label, found[0], why);
    if (err == VT_OK)
        *ret = found[0];
    return err;
}

enum vt_err
vt_token_key_new(struct vt_token *t, const char *label, struct vt_why *why)
{
    struct ck_mechanism make = {CKM_AES_KEY_GEN, NULL, 0};
    struct ck_attribute is[] = {
        {CKA_CLASS, &secret_key, sizeof secret_key},
        {CKA_KEY_TYPE, &aes, sizeof aes},
        {CKA_VALUE_LEN, &key_size, sizeof key_size},
        {CKA_LABEL, vt_token_unconst(label), strnlen(label, VT_TOKEN_LABEL_MAX)},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},
        {CKA_DECRYPT, &yes, sizeof yes},
        {CKA_WRAP, &no, sizeof no},
        {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
        {CKA_SIGN, &no, sizeof no},
        {CKA_VERIFY, &no, sizeof no},
    };
    ck_object_handle_t found[VT_TOKEN_SAME_MAX];
    unsigned long n = 0;
    enum vt_err err = find_keys(t, label, found, &n, why);
    ck_rv_t rv;

    if (err != VT_OK)
        return err;
    if (n > 0)
        return vt_fail(why, VT_E_EXIST, "token `%s` has a key `%s` already", t->name, label);
    rv = t->f->C_GenerateKey(t->session, &make, is, sizeof is / sizeof is[0], &found[0]);
    if (rv != CKR_OK)
        return vt_token_fail(t, rv, "make an AES-256 key", why);
    return check_key(t, label, found[0], why);
}

enum vt_err
vt_token_key_find(struct vt_token *t, const char *label, struct vt_why *why)
{
    ck_object_handle_t key;

    return the_key(t, label, &key, why);
}

enum vt_err
vt_token_key_destroy(struct vt_token *t, const char *label, struct vt_why *why)
{
    ck_object_handle_t found[VT_TOKEN_SAME_MAX];
    unsigned long n = 0;
    enum vt_err err = find_keys(t, label, found, &n, why);

    while (err == VT_OK && n > 0) {
        for (unsigned long i = 0; i < n; i++) {
            ck_rv_t rv = t->f->C_DestroyObject(t->session, found[i]);
            if (rv != CKR_OK)
                return vt_token_fail(t, rv, "destroy a key", why);
        }
        err = find_keys(t, label, found, &n, why);
    }
    return err;
}

/* Wrapping. */

static enum vt_err
check_len(size_t len, size_t aad_len, struct vt_why *why)
{
    if (len > DATA_MAX || aad_len > DATA_MAX)
        return vt_fail(why, VT_E_LIMIT, "a token wraps %u bytes at most", DATA_MAX);
    return VT_OK;
}

static struct ck_gcm_params
gcm_params(uint8_t nonce[VT_AEAD_NONCE_SIZE], const void *aad, size_t aad_len)
{
    return (struct ck_gcm_params){
        .iv_ptr = nonce,
        .iv_len = VT_AEAD_NONCE_SIZE,
        .iv_bits = VT_AEAD_NONCE_SIZE * 8,
        .aad_ptr = aad_len > 0 ? vt_token_unconst(aad) : NULL,
        .aad_len = aad_len,
        .tag_bits = VT_AEAD_TAG_SIZE * 8,
    };
}

static enum vt_err
cannot_gcm(const struct vt_token *t, ck_rv_t rv, struct vt_why *why)
{
    if (rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID)
        return vt_fail(why, VT_E_CONFIG,
            "token `%s` has no AES-GCM (CKM_AES_GCM) with a nonce of ours; use another",
            t->name);
    return vt_token_fail(t, rv, "use its key", why);
}

enum vt_err
vt_token_wrap(struct vt_token *t, const char *label, const void *aad, size_t aad_len,
    const void *data, size_t len, struct vt_buf *b, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE], none = 0;
    struct ck_gcm_params params = gcm_params(nonce, aad, aad_len);
    struct ck_mechanism gcm = {CKM_AES_GCM, &params, sizeof params};
    unsigned long got = len + VT_AEAD_TAG_SIZE;
    ck_object_handle_t key;
    uint8_t *p;
    ck_rv_t rv;
    enum vt_err err = check_len(len, aad_len, why);

    if (err == VT_OK)
        err = the_key(t, label, &key, why);
    if (err == VT_OK)
        err = vt_random(nonce, sizeof nonce, why);
    if (err != VT_OK)
        return err;
    p = vt_buf_reserve(b, sizeof nonce + len + VT_AEAD_TAG_SIZE);
    if (p == NULL)
        return vt_buf_check(b, "a wrapped key", why);
    rv = t->f->C_EncryptInit(t->session, &gcm, key);
    if (rv != CKR_OK)
        return cannot_gcm(t, rv, why);
    rv = t->f->C_Encrypt(
        t->session, len > 0 ? vt_token_unconst(data) : &none, len, p + sizeof nonce, &got);
    if (rv != CKR_OK || got != len + VT_AEAD_TAG_SIZE)
        return vt_token_fail(t, rv, "encrypt", why);
    memcpy(p, nonce, sizeof nonce);
    vt_buf_commit(b, sizeof nonce + len + VT_AEAD_TAG_SIZE);
    return VT_OK;
}

/* What tokens answer when a tag is wrong; SoftHSM2 says no more than the third. */
static bool
means_not_authentic(ck_rv_t rv)
{
    return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE ||
           rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED;
}

/* *ret_len: room for the ciphertext at the least, then what was written. */
static enum vt_err
decrypt(struct vt_token *t, ck_object_handle_t key, struct ck_gcm_params *params,
    struct vt_reader sealed, uint8_t *ret, unsigned long *ret_len, struct vt_why *why)
{
    struct ck_mechanism gcm = {CKM_AES_GCM, params, sizeof *params};
    size_t want = sealed.left - VT_AEAD_TAG_SIZE;
    ck_rv_t rv = t->f->C_DecryptInit(t->session, &gcm, key);

    if (rv != CKR_OK)
        return cannot_gcm(t, rv, why);
    rv = t->f->C_Decrypt(t->session, vt_token_unconst(sealed.p), sealed.left, ret, ret_len);
    if (means_not_authentic(rv))
        return vt_fail(why, VT_E_SIG,
            "what was to be unwrapped is not authentic for this key of token `%s`", t->name);
    if (rv != CKR_OK || *ret_len != want)
        return vt_token_fail(t, rv, "decrypt", why);
    return VT_OK;
}

enum vt_err
vt_token_unwrap(struct vt_token *t, const char *label, const void *aad, size_t aad_len,
    const void *data, size_t len, struct vt_buf *b, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    struct ck_gcm_params params = gcm_params(nonce, aad, aad_len);
    struct vt_reader r = VT_READER(data, len);
    ck_object_handle_t key;
    const uint8_t *first;
    unsigned long got;
    uint8_t *p;
    enum vt_err err = VT_OK;

    b->secret = true;
    if (!vt_reader_take(&r, sizeof nonce, &first) || r.left < VT_AEAD_TAG_SIZE)
        return vt_fail(why, VT_E_SIG, "what was to be unwrapped is too short");
    memcpy(nonce, first, sizeof nonce);
    err = check_len(r.left - VT_AEAD_TAG_SIZE, aad_len, why);
    if (err == VT_OK)
        err = the_key(t, label, &key, why);
    if (err != VT_OK)
        return err;
    got = r.left; /* some tokens want room for the tag too */
    p = vt_buf_reserve(b, got);
    if (p == NULL)
        return vt_buf_check(b, "an unwrapped key", why);
    err = decrypt(t, key, &params, r, p, &got, why);
    if (err == VT_OK)
        vt_buf_commit(b, got);
    return err;
}
