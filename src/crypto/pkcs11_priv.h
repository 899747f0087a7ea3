/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pkcs11.c (the token) and pkcs11_key.c (the keys in it) share.
 */
#ifndef VT_CRYPTO_PKCS11_PRIV_H
#define VT_CRYPTO_PKCS11_PRIV_H

#include "crypto/pkcs11.h"

#define CRYPTOKI_GNU 1
#include <p11-kit/p11-kit.h>

struct vt_token {
    struct ck_function_list *own;  /* a module that the URI named; or NULL */
    struct ck_function_list **all; /* else the system's */
    struct ck_function_list *f;    /* that of the token */
    ck_session_handle_t session;
    bool in_session;
    char name[33]; /* its label, for messages */
};

/* "token `NAME` cannot WHAT: ..."; VT_E_IO. */
enum vt_err vt_token_fail(
    const struct vt_token *t, ck_rv_t rv, const char *what, struct vt_why *why);

/* PKCS#11 has no const for what it only reads. */
static inline void *
vt_token_unconst(const void *p)
{
    return (void *)(uintptr_t)p;
}

#endif
