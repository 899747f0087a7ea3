/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/signer_priv.h"
#include "crypto/verifier.h"

#include <stdlib.h>
#include <string.h>

struct vt_signer {
    const struct vt_signer_ops *ops;
    void *impl;
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_pubkey pub;
    const struct vt_mldsa_public *mldsa; /* NULL of an Ed25519 key */
    struct vt_verifier *verifier;
};

/* Fills all but the public key; takes ownership of verifier and impl. */
static enum vt_err
make(const struct vt_signer_ops *ops, void *impl, const char *name,
    struct vt_verifier *verifier, struct vt_signer **ret, struct vt_why *why)
{
    struct vt_signer *s = vt_key_name_valid(name) ? calloc(1, sizeof *s) : NULL;

    if (s == NULL) {
        ops->free(impl);
        vt_verifier_free(verifier);
        if (vt_key_name_valid(name))
            return vt_fail(why, VT_E_NOMEM, "signer: out of memory");
        return vt_fail(why, VT_E_USAGE, "signer: \"%.140s\" is not the name of a key", name);
    }
    s->ops = ops;
    s->impl = impl;
    s->verifier = verifier;
    memcpy(s->name, name, strlen(name) + 1);
    *ret = s;
    return VT_OK;
}

enum vt_err
vt_signer_make(const struct vt_signer_ops *ops, void *impl, const char *name,
    const struct vt_pubkey *pub, struct vt_signer **ret, struct vt_why *why)
{
    struct vt_verifier *verifier = NULL;
    enum vt_err err = vt_verifier_new(pub, &verifier, why);

    if (err != VT_OK) {
        ops->free(impl);
        return err;
    }
    err = make(ops, impl, name, verifier, ret, why);
    if (err == VT_OK)
        (*ret)->pub = *pub;
    return err;
}

enum vt_err
vt_signer_make_mldsa(const struct vt_signer_ops *ops, void *impl, const char *name,
    const struct vt_mldsa_public *pub, struct vt_signer **ret, struct vt_why *why)
{
    struct vt_verifier *verifier = NULL;
    struct vt_digest d;
    enum vt_err err = vt_verifier_new_mldsa(pub, &verifier, why);

    if (err != VT_OK) {
        ops->free(impl);
        return err;
    }
    err = make(ops, impl, name, verifier, ret, why);
    if (err != VT_OK)
        return err;
    vt_digest_of(pub->b, sizeof pub->b, &d);
    memcpy((*ret)->pub.b, d.b, sizeof d.b);
    (*ret)->mldsa = pub;
    return VT_OK;
}

void
vt_signer_free(struct vt_signer *s)
{
    if (s == NULL)
        return;
    s->ops->free(s->impl);
    vt_verifier_free(s->verifier);
    free(s);
}

const char *
vt_signer_name(const struct vt_signer *s)
{
    return s->name;
}

const struct vt_pubkey *
vt_signer_public(const struct vt_signer *s)
{
    return &s->pub;
}

const struct vt_mldsa_public *
vt_signer_mldsa(const struct vt_signer *s)
{
    return s->mldsa;
}

static enum vt_err
check_len(const struct vt_signer *s, size_t len, struct vt_why *why)
{
    if (len > VT_SIGNER_MESSAGE_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s: %zu bytes to sign, at most %u may be", s->name,
            len, VT_SIGNER_MESSAGE_MAX);
    return VT_OK;
}

static enum vt_err
check_short(const struct vt_signer *s, struct vt_why *why)
{
    if (s->mldsa != NULL)
        return vt_fail(why, VT_E_REFUSED,
            "%s: is an ML-DSA-44 key, which makes cosignatures of trees alone", s->name);
    return VT_OK;
}

static enum vt_err
not_good(const struct vt_signer *s, struct vt_why *why)
{
    return vt_fail(why, VT_E_CRYPTO, "%s: the signature made does not verify", s->name);
}

/* Checks what comes back: a signature that a fault spoiled could give the
 * private key away, and one of another process is of no use. */
enum vt_err
vt_signer_sign(struct vt_signer *s, enum vt_sign_kind kind, const void *msg, size_t len,
    struct vt_sig *ret, struct vt_why *why)
{
    struct vt_sig sig;
    enum vt_err err = check_short(s, why);

    if (err == VT_OK)
        err = check_len(s, len, why);
    if (err == VT_OK)
        err = s->ops->sign(s->impl, kind, msg, len, &sig, why);
    if (err != VT_OK)
        return err;
    if (!vt_verifier_check(s->verifier, msg, len, sig.b, sizeof sig.b))
        return not_good(s, why);
    *ret = sig;
    return VT_OK;
}

enum vt_err
vt_signer_sign_long(struct vt_signer *s, enum vt_sign_kind kind, const void *msg, size_t len,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_sig sig;
    size_t before = b->len;
    enum vt_err err;

    if (s->mldsa == NULL) {
        err = vt_signer_sign(s, kind, msg, len, &sig, why);
        if (err == VT_OK)
            vt_buf_put(b, sig.b, sizeof sig.b);
        return err == VT_OK ? vt_buf_check(b, "a signature", why) : err;
    }
    err = check_len(s, len, why);
    if (err == VT_OK)
        err = s->ops->sign_long(s->impl, kind, msg, len, b, why);
    if (err != VT_OK)
        return err;
    if (!vt_verifier_check(s->verifier, msg, len, b->data + before, b->len - before)) {
        b->len = before;
        return not_good(s, why);
    }
    return VT_OK;
}

struct all {
    struct vt_signer *s;
    const struct vt_sign_batch *batch;
};

static bool
is_good(void *ctx, size_t i)
{
    const struct all *a = ctx;
    const struct vt_slice *msg = &a->batch->msg[i];

    return vt_verifier_check(
        a->s->verifier, msg->data, msg->len, a->batch->ret[i].b, sizeof a->batch->ret[i].b);
}

enum vt_err
vt_signer_sign_all(struct vt_signer *s, enum vt_sign_kind kind, const struct vt_slice *msg,
    size_t n, struct vt_sig *ret, struct vt_why *why)
{
    struct vt_sign_batch batch = {.kind = kind, .msg = msg, .n = n, .ret = ret};
    struct all a = {.s = s, .batch = &batch};
    enum vt_err err = check_short(s, why);

    batch.good = is_good;
    batch.ctx = &a;
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = check_len(s, msg[i].len, why);
    if (err == VT_OK && s->ops->sign_all != NULL)
        return s->ops->sign_all(s->impl, &batch, why);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = vt_signer_sign(s, kind, msg[i].data, msg[i].len, &ret[i], why);
    return err;
}

/* The implementation with the key in this process. */

enum vt_err
vt_sign_permitted(const struct vt_key *k, enum vt_sign_kind kind, const void *msg, size_t len,
    struct vt_why *why)
{
    bool of_tree = kind == VT_SIGN_SUBTREE;

    if (of_tree != (vt_key_type(k) == VT_KEY_MLDSA44))
        return vt_fail(why, VT_E_REFUSED, "%s: %s", vt_key_name(k),
            of_tree ? "only an ML-DSA-44 key makes cosignatures of this kind"
                    : "is an ML-DSA-44 key, which makes cosignatures of trees alone");
    if (!vt_sign_form_ok(kind, vt_key_name(k), msg, len))
        return vt_fail(why, VT_E_REFUSED, "%s: the message has not the form of its kind (%d)",
            vt_key_name(k), (int)kind);
    return VT_OK;
}

static enum vt_err
key_sign(void *impl, enum vt_sign_kind kind, const void *msg, size_t len, struct vt_sig *ret,
    struct vt_why *why)
{
    enum vt_err err = vt_sign_permitted(impl, kind, msg, len, why);

    return err == VT_OK ? vt_key_sign(impl, msg, len, ret, why) : err;
}

static enum vt_err
key_sign_long(void *impl, enum vt_sign_kind kind, const void *msg, size_t len, struct vt_buf *b,
    struct vt_why *why)
{
    enum vt_err err = vt_sign_permitted(impl, kind, msg, len, why);

    return err == VT_OK ? vt_key_sign_long(impl, msg, len, b, why) : err;
}

static void
key_free(void *impl)
{
    vt_key_free(impl);
}

enum vt_err
vt_signer_from_key(struct vt_key *k, struct vt_signer **ret, struct vt_why *why)
{
    static const struct vt_signer_ops ops = {
        .sign = key_sign, .sign_long = key_sign_long, .free = key_free};
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_pubkey pub;

    memcpy(name, vt_key_name(k), strlen(vt_key_name(k)) + 1);
    vt_key_public(k, &pub);
    if (vt_key_mldsa(k) != NULL)
        return vt_signer_make_mldsa(&ops, k, name, vt_key_mldsa(k), ret, why);
    return vt_signer_make(&ops, k, name, &pub, ret, why);
}
