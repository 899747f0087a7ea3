/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/signer.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (8U << 20)

struct vt_signer {
    const struct vt_signer_ops *ops;
    void *impl;
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_pubkey pub;
};

enum vt_err
vt_signer_make(const struct vt_signer_ops *ops, void *impl, const char *name,
    const struct vt_pubkey *pub, struct vt_signer **ret, struct vt_why *why)
{
    struct vt_signer *s;

    if (!vt_key_name_valid(name)) {
        ops->free(impl);
        return vt_fail(why, VT_E_USAGE, "signer: \"%.140s\" is not the name of a key", name);
    }
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        ops->free(impl);
        return vt_fail(why, VT_E_NOMEM, "signer: out of memory");
    }
    s->ops = ops;
    s->impl = impl;
    s->pub = *pub;
    memcpy(s->name, name, strlen(name) + 1);
    *ret = s;
    return VT_OK;
}

void
vt_signer_free(struct vt_signer *s)
{
    if (s == NULL)
        return;
    s->ops->free(s->impl);
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

/* Checks what comes back: a signature that a fault spoiled could give the
 * private key away, and one of another process is of no use. */
enum vt_err
vt_signer_sign(struct vt_signer *s, enum vt_sign_kind kind, const void *msg, size_t len,
    struct vt_sig *ret, struct vt_why *why)
{
    struct vt_sig sig;
    enum vt_err err;

    if (len > MESSAGE_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s: %zu bytes to sign, at most %u may be", s->name,
            len, MESSAGE_MAX);
    err = s->ops->sign(s->impl, kind, msg, len, &sig, why);
    if (err != VT_OK)
        return err;
    if (!vt_pubkey_verify(&s->pub, msg, len, &sig))
        return vt_fail(why, VT_E_CRYPTO, "%s: the signature made does not verify", s->name);
    *ret = sig;
    return VT_OK;
}

/* The implementation with the key in this process. */

static enum vt_err
key_sign(void *impl, enum vt_sign_kind kind, const void *msg, size_t len, struct vt_sig *ret,
    struct vt_why *why)
{
    const struct vt_key *k = impl;

    if (!vt_sign_form_ok(kind, vt_key_name(k), msg, len))
        return vt_fail(why, VT_E_REFUSED, "%s: the message has not the form of its kind (%d)",
            vt_key_name(k), (int)kind);
    return vt_key_sign(k, msg, len, ret, why);
}

static void
key_free(void *impl)
{
    vt_key_free(impl);
}

enum vt_err
vt_signer_from_key(struct vt_key *k, struct vt_signer **ret, struct vt_why *why)
{
    static const struct vt_signer_ops ops = {.sign = key_sign, .free = key_free};
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_pubkey pub;

    memcpy(name, vt_key_name(k), strlen(vt_key_name(k)) + 1);
    vt_key_public(k, &pub);
    return vt_signer_make(&ops, k, name, &pub, ret, why);
}

enum vt_err
vt_signer_sign_all(struct vt_signer *s, enum vt_sign_kind kind, const struct vt_slice *msg,
    size_t n, struct vt_sig *ret, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = vt_signer_sign(s, kind, msg[i].data, msg[i].len, &ret[i], why);
    return err;
}
