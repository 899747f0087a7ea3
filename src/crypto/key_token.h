/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private half of a struct vt_key that is in a PKCS#11 token. For key.c and key_file.c.
 */
#ifndef VT_CRYPTO_KEY_TOKEN_H
#define VT_CRYPTO_KEY_TOKEN_H

#include "crypto/key.h"

struct vt_key_token;

/* Takes NULL. */
void vt_key_token_free(struct vt_key_token *k);
/* Destroys the key in the token. */
void vt_key_token_destroy(struct vt_key_token *k);

VT_MUST enum vt_err vt_key_token_sign(struct vt_key_token *k, const void *msg, size_t len,
    struct vt_sig *ret, struct vt_why *why);
/* Appends the URI that a key file holds: the token's, with the key as its object. */
void vt_key_token_put_uri(const struct vt_key_token *k, struct vt_buf *b);

#endif
