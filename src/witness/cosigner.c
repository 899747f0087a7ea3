/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/cosigner.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"

#include <stdlib.h>

#define MESSAGES_MAX (64U * 1024U * 1024U)

enum { AGAIN_MS = 1000 };

struct vt_witness_cosigner {
    char key_path[VT_PATH_MAX];
    enum vt_sign_kind kind;
    struct vt_signer *signer; /* NULL: it has died and could not be started again */
    struct vt_vkey key;
    uint64_t restarts;
    int64_t try_ms; /* before that it is not started again */
};

static enum vt_err
spawn(struct vt_witness_cosigner *c, struct vt_why *why)
{
    return vt_signer_spawn(c->key_path, VT_SIGN_BIT(c->kind), &c->signer, why);
}

enum vt_err
vt_witness_cosigner_new(const char *key_path, enum vt_note_alg alg,
    struct vt_witness_cosigner **ret, struct vt_why *why)
{
    struct vt_witness_cosigner *c = calloc(1, sizeof(*c));
    enum vt_err err;

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    c->kind = alg == VT_NOTE_COSIG_MLDSA44 ? VT_SIGN_SUBTREE : VT_SIGN_COSIGNATURE;
    err = vt_path(c->key_path, why, "%s", key_path);
    if (err == VT_OK)
        err = spawn(c, why);
    if (err == VT_OK)
        err = vt_vkey_make_signer(c->signer, true, &c->key, why);
    if (err == VT_OK && c->key.alg != alg)
        err =
            vt_fail(why, VT_E_CONFIG, "%s: a key of another type than 0%d", key_path, (int)alg);
    if (err != VT_OK) {
        vt_witness_cosigner_free(c);
        return err;
    }
    *ret = c;
    return VT_OK;
}

void
vt_witness_cosigner_free(struct vt_witness_cosigner *c)
{
    if (c == NULL)
        return;
    vt_signer_free(c->signer);
    free(c);
}

const struct vt_vkey *
vt_witness_cosigner_key(const struct vt_witness_cosigner *c)
{
    return &c->key;
}

uint64_t
vt_witness_cosigner_restarts(const struct vt_witness_cosigner *c)
{
    return c->restarts;
}

/* Starts another process in place of one that has died. */
static enum vt_err
restart(struct vt_witness_cosigner *c, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();

    vt_signer_free(c->signer);
    c->signer = NULL;
    if (now < c->try_ms)
        return vt_fail(why, VT_E_IO, "the signer of %s does not run", c->key.name);
    c->try_ms = now + AGAIN_MS;
    c->restarts++;
    vt_log(VT_LOG_WARN, "the signer of %s is gone: starting it again", c->key.name);
    return spawn(c, why);
}

/* The Ed25519 messages of all that have not failed, behind each other in b. */
static size_t
put_messages(const struct vt_witness_cosign *v, size_t n, struct vt_buf *b,
    struct vt_slice *slice, size_t *which)
{
    size_t m = 0;

    for (size_t i = 0; i < n; i++) {
        size_t at = b->len;

        if (v[i].failed)
            continue;
        vt_cosig_message(b, v[i].time, v[i].text, v[i].text_len);
        which[m] = i;
        slice[m++].len = b->len - at;
    }
    for (size_t i = 0, at = 0; i < m; at += slice[i++].len)
        slice[i].data = b->data + at;
    return m;
}

/* All at once: all are signed, or none. */
static enum vt_err
sign_all(
    struct vt_witness_cosigner *c, struct vt_witness_cosign *v, size_t n, struct vt_why *why)
{
    struct vt_slice *slice = calloc(n, sizeof(*slice));
    struct vt_sig *sig = calloc(n, sizeof(*sig));
    size_t *which = calloc(n, sizeof(*which));
    struct vt_buf b = VT_BUF(MESSAGES_MAX);
    enum vt_err err = VT_E_NOMEM;
    size_t m = 0;

    if (slice != NULL && sig != NULL && which != NULL) {
        m = put_messages(v, n, &b, slice, which);
        err = vt_buf_check(&b, "messages to sign", why);
    }
    if (err == VT_OK && m > 0)
        err = c->signer == NULL
                  ? VT_E_IO
                  : vt_signer_sign_all(c->signer, VT_SIGN_COSIGNATURE, slice, m, sig, why);
    for (size_t i = 0; err == VT_OK && i < m; i++)
        vt_cosig_put(v[which[i]].lines, &c->key, v[which[i]].time, &sig[i]);
    vt_buf_release(&b);
    free(slice);
    free(sig);
    free(which);
    return err;
}

static enum vt_err
sign_one(struct vt_witness_cosigner *c, struct vt_witness_cosign *v, struct vt_why *why)
{
    if (c->signer == NULL)
        return vt_fail(why, VT_E_IO, "the signer of %s does not run", c->key.name);
    return vt_cosig_sign(
        c->signer, &c->key, v->time, v->checkpoint, v->text, v->text_len, v->lines, why);
}

/* One after the other, so that one that is refused spoils no other. */
static void
sign_each(struct vt_witness_cosigner *c, struct vt_witness_cosign *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct vt_why why = {0};
        enum vt_err err = VT_OK;

        if (v[i].failed)
            continue;
        err = sign_one(c, &v[i], &why);
        if (err == VT_E_IO && restart(c, &why) == VT_OK)
            err = sign_one(c, &v[i], &why);
        v[i].failed = err != VT_OK;
        if (v[i].failed)
            vt_log(
                VT_LOG_ERROR, "no cosignature for %s: %s", v[i].checkpoint->origin, why.text);
    }
}

void
vt_witness_cosigner_sign(struct vt_witness_cosigner *c, struct vt_witness_cosign *v, size_t n)
{
    struct vt_why why = {0};
    enum vt_err err = VT_E_USAGE;

    if (c->key.alg == VT_NOTE_COSIG_ED25519) {
        err = sign_all(c, v, n, &why);
        if (err == VT_E_IO && restart(c, &why) == VT_OK)
            err = sign_all(c, v, n, &why);
    }
    if (err != VT_OK)
        sign_each(c, v, n);
}
