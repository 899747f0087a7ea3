/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pkcs11.c (the token), pkcs11_key.c and pkcs11_sign.c (the keys in it) and key_token.c
 * share.
 */
#ifndef VT_CRYPTO_PKCS11_PRIV_H
#define VT_CRYPTO_PKCS11_PRIV_H

#include "crypto/key.h"
#include "crypto/pkcs11.h"

#define CRYPTOKI_GNU 1
#include <p11-kit/p11-kit.h>

#define VT_TOKEN_LABEL_MAX 64U
#define VT_TOKEN_SAME_MAX 16U
#define VT_TOKEN_URI_MAX 4096U /* with the NUL */

struct vt_token {
    struct ck_function_list *own;  /* a module that the URI named; or NULL */
    struct ck_function_list **all; /* else the system's */
    struct ck_function_list *f;    /* that of the token */
    ck_slot_id_t slot;
    ck_session_handle_t session;
    bool in_session;
    char name[33];                       /* its label, for messages */
    char *uri;                           /* as it was given */
    char object[VT_TOKEN_LABEL_MAX + 1]; /* the URI's; "" for none */
};

/* "token `NAME` cannot WHAT: ..."; VT_E_IO. */
enum vt_err vt_token_fail(
    const struct vt_token *t, ck_rv_t rv, const char *what, struct vt_why *why);

/* A label: 1 to VT_TOKEN_LABEL_MAX printable ASCII characters without space. VT_E_USAGE. */
VT_MUST enum vt_err vt_token_check_label(const char *label, struct vt_why *why);
/* The handles of the objects that have those attributes, at most VT_TOKEN_SAME_MAX. */
VT_MUST enum vt_err vt_token_find(struct vt_token *t, struct ck_attribute *want,
    unsigned long want_n, ck_object_handle_t ret[VT_TOKEN_SAME_MAX], unsigned long *ret_n,
    struct vt_why *why);

/* Ed25519 keys (pkcs11_sign.c). VT_E_CONFIG when the token has none. */
VT_MUST enum vt_err vt_token_has_ed25519(struct vt_token *t, struct vt_why *why);
/* Makes one. VT_E_EXIST. */
VT_MUST enum vt_err vt_token_signing_new(struct vt_token *t, const char *label,
    ck_object_handle_t *ret, struct vt_pubkey *ret_pub, struct vt_why *why);
/* VT_E_NOENT, VT_E_STATE: several, VT_E_REFUSED: not one to be used. */
VT_MUST enum vt_err vt_token_signing_find(
    struct vt_token *t, const char *label, ck_object_handle_t *ret, struct vt_why *why);
/* The public key that stands beside it. VT_E_NOENT. */
VT_MUST enum vt_err vt_token_signing_public(
    struct vt_token *t, const char *label, struct vt_pubkey *ret, struct vt_why *why);
/* Takes both halves away; fine when they are not there. */
void vt_token_signing_destroy(struct vt_token *t, const char *label);
/* *ret_lost: the session is of no more use, and the token is to be opened again. */
VT_MUST enum vt_err vt_token_sign(struct vt_token *t, ck_object_handle_t key, const void *msg,
    size_t len, struct vt_sig *ret, bool *ret_lost, struct vt_why *why);

/* PKCS#11 has no const for what it only reads. */
static inline void *
vt_token_unconst(const void *p)
{
    return (void *)(uintptr_t)p;
}

#endif
