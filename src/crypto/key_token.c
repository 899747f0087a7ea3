/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key_token.h"

#include "crypto/digest.h"
#include "crypto/key_priv.h"
#include "crypto/pkcs11_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define OBJECT "object="

struct vt_key_token {
    pthread_mutex_t lock; /* a session signs one message at a time */
    struct vt_token *token;
    bool owned;    /* the token is ours, and is opened again when its session is lost */
    bool given_up; /* its PIN was refused: trying on would lock the token */
    char label[VT_TOKEN_LABEL_MAX + 1];
    ck_object_handle_t key;
};

static struct vt_key_token *
new_of(struct vt_token *t, bool owned, const char *label)
{
    struct vt_key_token *k = calloc(1, sizeof *k);

    if (k == NULL || pthread_mutex_init(&k->lock, NULL) != 0) {
        free(k);
        return NULL;
    }
    k->token = t;
    k->owned = owned;
    memcpy(k->label, label, strlen(label) + 1);
    return k;
}

void
vt_key_token_free(struct vt_key_token *k)
{
    if (k == NULL)
        return;
    if (k->owned)
        vt_token_free(k->token);
    (void)pthread_mutex_destroy(&k->lock);
    free(k);
}

void
vt_key_token_destroy(struct vt_key_token *k)
{
    if (k->token != NULL)
        vt_token_signing_destroy(k->token, k->label);
}

/* Signs what nobody takes for anything, to see whose key it is. */
static enum vt_err
check_is(struct vt_key_token *k, const struct vt_pubkey *pub, struct vt_why *why)
{
    uint8_t msg[sizeof VT_KEY_CHECK - 1 + 32];
    struct vt_sig sig;
    bool lost;
    enum vt_err err;

    memcpy(msg, VT_KEY_CHECK, sizeof VT_KEY_CHECK - 1);
    err = vt_random(msg + sizeof VT_KEY_CHECK - 1, 32, why);
    if (err == VT_OK)
        err = vt_token_sign(k->token, k->key, msg, sizeof msg, &sig, &lost, why);
    if (err == VT_OK && !vt_pubkey_verify(pub, msg, sizeof msg, &sig))
        err = vt_fail(why, VT_E_CONFIG,
            "key `%s` of token `%s` is not the one whose public half is here", k->label,
            k->token->name);
    return err;
}

static enum vt_err
load(
    const char *uri, const struct vt_pubkey *pub, struct vt_key_token **ret, struct vt_why *why)
{
    struct vt_key_token *k = NULL;
    struct vt_token *t = NULL;
    enum vt_err err = vt_token_open_signing(uri, &t, why);

    if (err != VT_OK)
        return err;
    if (vt_token_object(t)[0] == '\0')
        err = vt_fail(why, VT_E_CONFIG, "the token's URI names no key: add object=LABEL");
    else if ((k = new_of(t, true, vt_token_object(t))) == NULL)
        err = vt_fail(why, VT_E_NOMEM, "a key in a token: out of memory");
    if (k == NULL) {
        vt_token_free(t);
        return err;
    }
    err = vt_token_signing_find(t, k->label, &k->key, why);
    if (err == VT_OK)
        err = check_is(k, pub, why);
    if (err != VT_OK) {
        vt_key_token_free(k);
        return err;
    }
    *ret = k;
    return VT_OK;
}

/* After a session was lost. The public half was checked when the key was loaded; whoever asks
 * for the signature verifies it (vt_signer_sign). */
static enum vt_err
open_again(struct vt_key_token *k, struct vt_why *why)
{
    struct vt_token *t = NULL;
    char *uri = strdup(k->token->uri);
    enum vt_err err;

    if (uri == NULL)
        return vt_fail(why, VT_E_NOMEM, "a key in a token: out of memory");
    err = vt_token_open_signing(uri, &t, why);
    free(uri);
    if (err == VT_E_REFUSED)
        k->given_up = true;
    if (err != VT_OK)
        return err;
    vt_token_free(k->token);
    k->token = t;
    return vt_token_signing_find(t, k->label, &k->key, why);
}

static enum vt_err
sign_locked(
    struct vt_key_token *k, const void *msg, size_t len, struct vt_sig *ret, struct vt_why *why)
{
    bool lost = false;
    enum vt_err err;

    if (k->given_up)
        return vt_fail(why, VT_E_REFUSED,
            "token `%s` refused its PIN when it was opened again; start anew with the right "
            "one",
            k->token->name);
    err = vt_token_sign(k->token, k->key, msg, len, ret, &lost, why);
    if (err == VT_OK || !lost || !k->owned)
        return err;
    err = open_again(k, why);
    if (err == VT_OK)
        err = vt_token_sign(k->token, k->key, msg, len, ret, &lost, why);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "the token was lost");
}

enum vt_err
vt_key_token_sign(
    struct vt_key_token *k, const void *msg, size_t len, struct vt_sig *ret, struct vt_why *why)
{
    enum vt_err err;

    (void)pthread_mutex_lock(&k->lock);
    err = sign_locked(k, msg, len, ret, why);
    (void)pthread_mutex_unlock(&k->lock);
    return err;
}

/* The URI. Its form was checked when the token was opened with it. */

static void
put_escaped(struct vt_buf *b, const char *s)
{
    for (; *s != '\0'; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                     (*s >= '0' && *s <= '9') || strchr("-._~", *s) != NULL;
        if (plain)
            vt_buf_put_u8(b, (uint8_t)*s);
        else
            vt_buf_putf(b, "%%%02X", (unsigned)(unsigned char)*s);
    }
}

void
vt_key_token_put_uri(const struct vt_key_token *k, struct vt_buf *b)
{
    const char *uri = k->token->uri;
    size_t path = strcspn(uri, "?");
    const char *at = uri + strcspn(uri, ":") + 1;
    const char *sep = "";

    vt_buf_put(b, uri, (size_t)(at - uri));
    while (at < uri + path) {
        size_t len = strcspn(at, ";?");
        if (len > 0 && strncmp(at, OBJECT, strlen(OBJECT)) != 0) {
            vt_buf_puts(b, sep);
            vt_buf_put(b, at, len);
            sep = ";";
        }
        at += at[len] == ';' ? len + 1 : len;
    }
    vt_buf_puts(b, sep);
    vt_buf_puts(b, OBJECT);
    put_escaped(b, k->label);
    vt_buf_puts(b, uri + path);
}

/* As a struct vt_key. */

static enum vt_err
wrap(const char *name, struct vt_key_token *kt, const struct vt_pubkey *pub,
    struct vt_key **ret, struct vt_why *why)
{
    struct vt_key *k = calloc(1, sizeof *k);

    if (k == NULL)
        return vt_fail(why, VT_E_NOMEM, "key: out of memory");
    memcpy(k->name, name, strlen(name) + 1);
    k->type = VT_KEY_ED25519;
    k->pub = *pub;
    k->token = kt;
    *ret = k;
    return VT_OK;
}

enum vt_err
vt_key_load_token(const char *name, const char *uri, const struct vt_pubkey *pub,
    struct vt_key **ret, struct vt_why *why)
{
    struct vt_key_token *kt = NULL;
    enum vt_err err = load(uri, pub, &kt, why);

    if (err != VT_OK)
        return err;
    err = wrap(name, kt, pub, ret, why);
    if (err != VT_OK)
        vt_key_token_free(kt);
    return err;
}

static enum vt_err
begin(const char *name, struct vt_token *t, struct vt_key_token **ret, struct vt_why *why)
{
    const char *label = vt_token_object(t)[0] != '\0' ? vt_token_object(t) : name;
    enum vt_err err;

    if (!vt_key_name_valid(name))
        return vt_fail(why, VT_E_USAGE, VT_KEY_NAME_BAD, name, VT_KEY_NAME_MAX);
    err = vt_token_check_label(label, why);
    if (err != VT_OK)
        return vt_fail_in(
            why, err, "\"%s\" is to be the label of a key in token `%s`", label, t->name);
    *ret = new_of(t, false, label);
    return *ret != NULL ? VT_OK : vt_fail(why, VT_E_NOMEM, "key: out of memory");
}

enum vt_err
vt_key_new_in_token(
    const char *name, struct vt_token *t, struct vt_key **ret, struct vt_why *why)
{
    struct vt_key_token *kt = NULL;
    struct vt_pubkey pub;
    enum vt_err err = begin(name, t, &kt, why);

    if (err != VT_OK)
        return err;
    err = vt_token_signing_new(t, kt->label, &kt->key, &pub, why);
    if (err == VT_OK) {
        err = check_is(kt, &pub, why);
        if (err == VT_OK)
            err = wrap(name, kt, &pub, ret, why);
        if (err != VT_OK)
            vt_key_token_destroy(kt);
    }
    if (err != VT_OK)
        vt_key_token_free(kt);
    return err;
}

enum vt_err
vt_key_in_token(const char *name, struct vt_token *t, struct vt_key **ret, struct vt_why *why)
{
    struct vt_key_token *kt = NULL;
    struct vt_pubkey pub;
    enum vt_err err = begin(name, t, &kt, why);

    if (err != VT_OK)
        return err;
    err = vt_token_signing_find(t, kt->label, &kt->key, why);
    if (err == VT_OK)
        err = vt_token_signing_public(t, kt->label, &pub, why);
    if (err == VT_OK)
        err = check_is(kt, &pub, why);
    if (err == VT_OK)
        err = wrap(name, kt, &pub, ret, why);
    if (err != VT_OK)
        vt_key_token_free(kt);
    return err;
}
