/* SPDX-License-Identifier: Apache-2.0 */
#include "note/checkpoint.h"

#include "crypto/signer.h"
#include "note/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COSIG_TIME_MAX INT64_MAX
#define TIME_SIZE 8U
#define COSIG_MAX (TIME_SIZE + VT_MLDSA_SIG_SIZE)
#define COSIG_HEAD "cosignature/v1\ntime %" PRIu64 "\n"
#define COSIG_HEAD_MAX 48
#define SUBTREE_LABEL "subtree/v1\n" /* and its NUL */
#define SUBTREE_LABEL_SIZE sizeof SUBTREE_LABEL
#define SUBTREE_MAX (SUBTREE_LABEL_SIZE + 2 * (1 + VT_KEY_NAME_MAX) + 3 * 8 + VT_DIGEST_SIZE)

static bool
origin_valid(const struct vt_reader *line)
{
    for (size_t i = 0; i < line->left; i++) {
        if (line->p[i] < 0x20)
            return false;
    }
    return line->left > 0 && vt_utf8_valid(line->p, line->left);
}

enum vt_err
vt_checkpoint_parse(const void *text, size_t len, struct vt_checkpoint *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(text, len), line;
    struct vt_checkpoint c = {0};

    if (len > VT_CHECKPOINT_TEXT_MAX)
        return vt_fail(why, VT_E_LIMIT, "a checkpoint's text has more than %u bytes",
            VT_CHECKPOINT_TEXT_MAX);
    if (!vt_reader_line(&r, &line) || !origin_valid(&line) ||
        !vt_reader_cstr(&line, c.origin, sizeof c.origin))
        return vt_fail(why, VT_E_SYNTAX,
            "line 1 of a checkpoint is not an origin of 1 to %d bytes", VT_KEY_NAME_MAX);
    if (!vt_reader_line(&r, &line) || !vt_reader_decimal(&line, INT64_MAX, &c.size))
        return vt_fail(why, VT_E_SYNTAX, "line 2 of a checkpoint is not the tree's size");
    if (!vt_reader_line(&r, &line) || !vt_field_b64(&line, c.root.b, VT_DIGEST_SIZE))
        return vt_fail(why, VT_E_SYNTAX, "line 3 of a checkpoint is not the tree's root");
    while (r.left > 0) {
        if (!vt_reader_line(&r, &line) || line.left == 0)
            return vt_fail(why, VT_E_SYNTAX, "an extension line of a checkpoint is empty");
    }
    *ret = c;
    return VT_OK;
}

void
vt_checkpoint_put(struct vt_buf *b, const struct vt_checkpoint *c)
{
    vt_buf_putf(b, "%s\n%" PRIu64 "\n", c->origin, c->size);
    vt_buf_put_b64(b, c->root.b, VT_DIGEST_SIZE);
    vt_buf_put_u8(b, '\n');
}

enum vt_err
vt_checkpoint_open(const void *data, size_t len, const struct vt_vkey *log,
    struct vt_note *ret_note, struct vt_checkpoint *ret, struct vt_why *why)
{
    struct vt_checkpoint c;
    struct vt_note n;

    enum vt_err err = vt_note_parse(data, len, &n, why);
    if (err == VT_OK)
        err = vt_checkpoint_parse(n.text, n.text_len, &c, why);
    if (err != VT_OK)
        return err;
    if (strcmp(c.origin, log->name) != 0)
        return vt_fail(why, VT_E_UNKNOWN, "the checkpoint is of the log `%s`, not of `%s`",
            c.origin, log->name);
    err = vt_note_verify(&n, log, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "checkpoint of `%s`", c.origin);
    *ret_note = n;
    *ret = c;
    return VT_OK;
}

void
vt_cosig_message(struct vt_buf *b, uint64_t time, const void *text, size_t text_len)
{
    vt_buf_putf(b, COSIG_HEAD, time);
    vt_buf_put(b, text, text_len);
}

static uint8_t *
put_u64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
    return p + 8;
}

/* A name or an origin, of at most VT_KEY_NAME_MAX bytes. */
static uint8_t *
put_text(uint8_t *p, const char *s)
{
    size_t len = strnlen(s, VT_KEY_NAME_MAX);

    *p = (uint8_t)len;
    memcpy(p + 1, s, len);
    return p + 1 + len;
}

/* What type 06 signs; returns its length. */
static size_t
put_subtree(
    uint8_t ret[SUBTREE_MAX], const char *name, uint64_t time, const struct vt_checkpoint *c)
{
    uint8_t *p = ret;

    memcpy(p, SUBTREE_LABEL, SUBTREE_LABEL_SIZE);
    p = put_text(p + SUBTREE_LABEL_SIZE, name);
    p = put_u64(p, time);
    p = put_text(p, c->origin);
    p = put_u64(p, 0);
    p = put_u64(p, c->size);
    memcpy(p, c->root.b, VT_DIGEST_SIZE);
    return (size_t)(p - ret) + VT_DIGEST_SIZE;
}

void
vt_cosig_subtree_message(
    struct vt_buf *b, const char *name, uint64_t time, const struct vt_checkpoint *c)
{
    uint8_t msg[SUBTREE_MAX];

    if (strlen(name) <= VT_KEY_NAME_MAX)
        vt_buf_put(b, msg, put_subtree(msg, name, time, c));
    else if (b->err == VT_OK)
        b->err = VT_E_LIMIT;
}

/* Appends a line of type 04 or 06. */
static void
put_line(struct vt_buf *b, const struct vt_vkey *k, uint64_t time, const void *sig, size_t len)
{
    uint8_t raw[COSIG_MAX];

    memcpy(put_u64(raw, time), sig, len);
    vt_note_put_sig(b, k->name, k->id, raw, TIME_SIZE + len);
}

void
vt_cosig_put(struct vt_buf *b, const struct vt_vkey *k, uint64_t time, const struct vt_sig *sig)
{
    put_line(b, k, time, sig->b, sizeof sig->b);
}

/* Whether the signer's key is k. */
static enum vt_err
check_signer(const struct vt_signer *s, const struct vt_vkey *k, struct vt_why *why)
{
    bool long_key = vt_signer_mldsa(s) != NULL;

    if ((k->alg != VT_NOTE_COSIG_ED25519 && k->alg != VT_NOTE_COSIG_MLDSA44) ||
        long_key != (k->alg == VT_NOTE_COSIG_MLDSA44) ||
        !vt_pubkey_eq(vt_signer_public(s), &k->pub))
        return vt_fail(
            why, VT_E_USAGE, "the key `%s` is not the cosigner's that is to sign", k->name);
    return VT_OK;
}

enum vt_err
vt_cosig_sign(struct vt_signer *s, const struct vt_vkey *k, uint64_t time,
    const struct vt_checkpoint *c, const void *text, size_t text_len, struct vt_buf *b,
    struct vt_why *why)
{
    struct vt_buf msg = VT_BUF(COSIG_HEAD_MAX + VT_CHECKPOINT_TEXT_MAX);
    struct vt_buf sig = VT_BUF(VT_MLDSA_SIG_SIZE);
    enum vt_sign_kind kind = VT_SIGN_COSIGNATURE;
    enum vt_err err = check_signer(s, k, why);

    if (err != VT_OK)
        return err;
    if (k->alg == VT_NOTE_COSIG_MLDSA44) {
        kind = VT_SIGN_SUBTREE;
        vt_cosig_subtree_message(&msg, k->name, time, c);
    } else {
        vt_cosig_message(&msg, time, text, text_len);
    }
    err = vt_buf_check(&msg, "a cosignature", why);
    if (err == VT_OK)
        err = vt_signer_sign_long(s, kind, msg.data, msg.len, &sig, why);
    if (err == VT_OK) {
        put_line(b, k, time, sig.data, sig.len);
        err = vt_buf_check(b, "a cosignature", why);
    }
    vt_buf_release(&msg);
    vt_buf_release(&sig);
    return err;
}

/* One line taken apart. */
struct cosig {
    uint64_t time;
    const uint8_t *sig;
    size_t sig_len;
};

static bool
ed25519_ok(const struct vt_note *n, const struct vt_vkey *k, struct vt_verifier *v,
    const struct cosig *c)
{
    char msg[COSIG_HEAD_MAX + VT_CHECKPOINT_TEXT_MAX];
    struct vt_sig sig;
    size_t head;

    if (n->text_len > VT_CHECKPOINT_TEXT_MAX || c->sig_len != sizeof sig.b)
        return false;
    head = (size_t)snprintf(msg, COSIG_HEAD_MAX, COSIG_HEAD, c->time);
    memcpy(msg + head, n->text, n->text_len);
    if (v != NULL)
        return vt_verifier_check(v, msg, head + n->text_len, c->sig, c->sig_len);
    memcpy(sig.b, c->sig, sizeof sig.b);
    return vt_pubkey_verify(&k->pub, msg, head + n->text_len, &sig);
}

static bool
mldsa_ok(const struct vt_note *n, const struct vt_vkey *k, struct vt_verifier *v,
    const struct cosig *c)
{
    uint8_t msg[SUBTREE_MAX];
    struct vt_checkpoint tree;
    size_t len;

    if (vt_checkpoint_parse(n->text, n->text_len, &tree, NULL) != VT_OK)
        return false;
    len = put_subtree(msg, k->name, c->time, &tree);
    return v != NULL ? vt_verifier_check(v, msg, len, c->sig, c->sig_len)
                     : vt_mldsa_verify(k->mldsa, msg, len, c->sig, c->sig_len);
}

/* Verifies one line without the heap, which bounds the text. */
static bool
line_ok(const struct vt_note *n, const struct vt_note_sig *line, const struct vt_vkey *k,
    struct vt_verifier *v, uint64_t *ret_time)
{
    uint8_t raw[COSIG_MAX];
    struct cosig c;
    struct vt_reader r;
    size_t len;
    bool ok;

    if (vt_note_sig_bytes(line, raw, sizeof raw, &len, NULL) != VT_OK)
        return false;
    r = VT_READER(raw, len);
    if (!vt_reader_u64(&r, &c.time) || c.time > COSIG_TIME_MAX)
        return false;
    c.sig = r.p;
    c.sig_len = r.left;
    ok = k->alg == VT_NOTE_COSIG_MLDSA44 ? mldsa_ok(n, k, v, &c) : ed25519_ok(n, k, v, &c);
    if (ok)
        *ret_time = c.time;
    return ok;
}

/* A line of type 06 says nothing where it cannot be verified. */
static enum vt_err
line_failed(const struct vt_vkey *k, struct vt_why *why)
{
    if (k->alg == VT_NOTE_COSIG_MLDSA44 && vt_mldsa_available(why) != VT_OK)
        return vt_fail_in(why, VT_E_CRYPTO, "the cosignature of `%s`", k->name);
    return vt_fail(why, VT_E_SIG, "the cosignature of `%s` does not verify", k->name);
}

enum vt_err
vt_cosig_verify_with(const struct vt_note *n, const struct vt_vkey *k, struct vt_verifier *v,
    uint64_t *ret_time, struct vt_why *why)
{
    bool found = false;
    uint64_t time, last = 0;

    if (k->alg != VT_NOTE_COSIG_ED25519 && k->alg != VT_NOTE_COSIG_MLDSA44)
        return vt_fail(why, VT_E_USAGE, "the key `%s` is not a cosigner's", k->name);
    for (size_t i = 0; i < n->sig_count; i++) {
        if (!vt_note_sig_is(&n->sig[i], k))
            continue;
        if (!line_ok(n, &n->sig[i], k, v, &time))
            return line_failed(k, why);
        if (!found || time > last)
            last = time;
        found = true;
    }
    if (!found)
        return vt_fail(
            why, VT_E_UNKNOWN, "not cosigned by `%s` (key id %08" PRIx32 ")", k->name, k->id);
    *ret_time = last;
    return VT_OK;
}

enum vt_err
vt_cosig_verify(
    const struct vt_note *n, const struct vt_vkey *k, uint64_t *ret_time, struct vt_why *why)
{
    return vt_cosig_verify_with(n, k, NULL, ret_time, why);
}
