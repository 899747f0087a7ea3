/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root keys in a PKCS#11 token: wrapping and unwrapping happen inside it.
 */
#include "crypto/pkcs11.h"
#include "vault/root.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX (VT_KEY_NAME_MAX + 40)

struct token_root {
    struct vt_token *token;
    char name[VT_KEY_NAME_MAX + 1];
};

static void
label_of(const struct token_root *t, uint64_t generation, char ret[LABEL_MAX])
{
    (void)snprintf(ret, LABEL_MAX, "vitrine-%s-%" PRIu64, t->name, generation);
}

static enum vt_err
make(void *impl, uint64_t generation, struct vt_why *why)
{
    struct token_root *t = impl;
    char label[LABEL_MAX];
    enum vt_err err;

    label_of(t, generation, label);
    err = vt_token_key_destroy(t->token, label, why);
    return err == VT_OK ? vt_token_key_new(t->token, label, why) : err;
}

static enum vt_err
wrap(void *impl, uint64_t generation, const void *aad, size_t aad_len, const uint8_t *key,
    struct vt_buf *b, struct vt_why *why)
{
    struct token_root *t = impl;
    char label[LABEL_MAX];

    label_of(t, generation, label);
    return vt_token_wrap(t->token, label, aad, aad_len, key, VT_ROOT_KEY_SIZE, b, why);
}

static enum vt_err
unwrap(void *impl, uint64_t generation, const void *aad, size_t aad_len, const void *wrapped,
    size_t len, uint8_t *ret, struct vt_why *why)
{
    struct vt_buf plain = {.max = VT_ROOT_WRAPPED_MAX, .secret = true};
    struct token_root *t = impl;
    char label[LABEL_MAX];
    enum vt_err err;

    label_of(t, generation, label);
    err = vt_token_unwrap(t->token, label, aad, aad_len, wrapped, len, &plain, why);
    if (err == VT_OK && plain.len != VT_ROOT_KEY_SIZE)
        err = vt_fail(why, VT_E_SYNTAX, "the token gave %zu bytes for a ring's key", plain.len);
    if (err == VT_OK)
        memcpy(ret, plain.data, VT_ROOT_KEY_SIZE);
    vt_buf_release(&plain);
    return err;
}

/* A generation is over before the one after the next begins, and whatever a killed run
 * left is swept at the next start: only its neighbours can be there. */
static enum vt_err
sweep(void *impl, uint64_t keep, struct vt_why *why)
{
    struct token_root *t = impl;
    char label[LABEL_MAX];
    enum vt_err err = VT_OK;

    label_of(t, keep + 1, label);
    err = vt_token_key_destroy(t->token, label, why);
    if (err == VT_OK && keep > 1) {
        label_of(t, keep - 1, label);
        err = vt_token_key_destroy(t->token, label, why);
    }
    return err;
}

static void
release(void *impl)
{
    struct token_root *t = impl;

    vt_token_free(t->token);
    free(t);
}

static const struct vt_root_ops ops = {
    .make = make, .wrap = wrap, .unwrap = unwrap, .sweep = sweep, .free = release};

enum vt_err
vt_root_token_open(const char *uri, const char *name, struct vt_root **ret, struct vt_why *why)
{
    struct token_root *t = calloc(1, sizeof *t);
    enum vt_err err;

    if (t == NULL)
        return vt_fail(why, VT_E_NOMEM, "root key: out of memory");
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    err = vt_token_open(uri, &t->token, why);
    if (err != VT_OK) {
        free(t);
        return err;
    }
    return vt_root_make_seam(&ops, t, ret, why);
}
