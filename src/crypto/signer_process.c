/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer process: the side that has the key. It takes requests in the order in which they
 * come and answers in that order. Answers are sent when no request is left to read, or some
 * have gathered, so that many small requests cost few system calls.
 *
 * A signer that could not load its key answers the first request by FAILED with the reason, so
 * that whoever started it can say it.
 */
#include "base/msg_line.h"
#include "base/proc.h"
#include "crypto/secret.h"
#include "crypto/signer_priv.h"

#include <string.h>
#include <sys/mman.h>

#define QUEUE_MAX (256U * 1024U)
#define GATHER_MAX 32U /* answers */

static const struct vt_msg_rule requests[] = {
    {VT_SIGNER_GET_PUBLIC, 0},
    {VT_SIGNER_SIGN, VT_SIGNER_MESSAGE_MAX + 2},
    {0, 0},
};

struct server {
    struct vt_msg_line *line;
    unsigned gathered; /* answers that were not sent yet */
    unsigned kinds;
    struct vt_key *key;
    enum vt_err load_err;
    struct vt_why load_why;
};

static enum vt_err
load_key(const char *path, struct vt_key **ret, struct vt_why *why)
{
    struct vt_buf pass = {.max = VT_PASSPHRASE_MAX, .secret = true};
    bool encrypted = false;
    enum vt_err err = vt_key_file_encrypted(path, &encrypted, why);

    if (err == VT_OK && encrypted)
        err = vt_passphrase_get(path, &pass, why);
    if (err == VT_OK)
        err = vt_key_load(path, encrypted ? vt_buf_str(&pass) : NULL, ret, why);
    vt_buf_release(&pass);
    return err;
}

/* Sends all answers; the other side reads whenever something is there for it. */
static enum vt_err
send_out(struct server *s)
{
    enum vt_err err = vt_msg_line_flush(s->line, NULL);

    while (err == VT_OK && vt_msg_line_waits(s->line)) {
        err = vt_msg_line_wait(s->line, NULL);
        if (err == VT_OK)
            err = vt_msg_line_flush(s->line, NULL);
    }
    s->gathered = 0;
    return err;
}

static enum vt_err
reply(struct server *s, uint16_t type, const struct vt_msg_piece *v, size_t n)
{
    enum vt_err err = vt_msg_line_add(s->line, type, v, n, NULL);

    if (err == VT_OK && ++s->gathered >= GATHER_MAX)
        err = send_out(s);
    return err;
}

static enum vt_err
answer_failed(struct server *s, enum vt_err err, const struct vt_why *why)
{
    const uint32_t code = (uint32_t) - (int)err;
    const uint8_t be[] = {
        (uint8_t)(code >> 24), (uint8_t)(code >> 16), (uint8_t)(code >> 8), (uint8_t)code};
    const struct vt_msg_piece v[] = {
        {be, sizeof be}, {why->text, strnlen(why->text, VT_SIGNER_TEXT_MAX)}};

    return reply(s, VT_SIGNER_FAILED, v, 2);
}

static enum vt_err
answer_public(struct server *s)
{
    const struct vt_mldsa_public *mldsa = vt_key_mldsa(s->key);
    const char *name = vt_key_name(s->key);
    struct vt_pubkey pub;

    vt_key_public(s->key, &pub);
    const struct vt_msg_piece v[] = {
        mldsa != NULL ? (struct vt_msg_piece){mldsa->b, sizeof mldsa->b}
                      : (struct vt_msg_piece){pub.b, sizeof pub.b},
        {name, strlen(name)},
    };
    return reply(s, mldsa != NULL ? VT_SIGNER_PUBLIC_LONG : VT_SIGNER_PUBLIC, v, 2);
}

static enum vt_err
sign_request(
    const struct server *s, const struct vt_buf *body, struct vt_buf *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    const char *name = vt_key_name(s->key);
    uint16_t kind;
    enum vt_err err;

    if (!vt_reader_u16(&r, &kind))
        return vt_fail(why, VT_E_SYNTAX, "%s: a request to sign without a kind", name);
    if (kind == 0 || kind > VT_SIGN_LOG_INDEX || (s->kinds & VT_SIGN_BIT(kind)) == 0)
        return vt_fail(
            why, VT_E_REFUSED, "%s: may not sign messages of kind %u", name, (unsigned)kind);
    err = vt_sign_permitted(s->key, (enum vt_sign_kind)kind, r.p, r.left, why);
    return err == VT_OK ? vt_key_sign_long(s->key, r.p, r.left, ret, why) : err;
}

static enum vt_err
answer_sign(struct server *s, const struct vt_buf *body)
{
    bool long_key = vt_key_mldsa(s->key) != NULL;
    struct vt_buf sig = VT_BUF(VT_MLDSA_SIG_SIZE);
    struct vt_why why = {0};
    enum vt_err err = sign_request(s, body, &sig, &why);

    if (err != VT_OK)
        err = answer_failed(s, err, &why);
    else
        err = reply(s, long_key ? VT_SIGNER_SIGNATURE_LONG : VT_SIGNER_SIGNATURE,
            &(struct vt_msg_piece){sig.data, sig.len}, 1);
    vt_buf_release(&sig);
    return err;
}

static enum vt_err
answer(struct server *s, uint16_t type, const struct vt_buf *body)
{
    if (s->key == NULL)
        return answer_failed(s, s->load_err, &s->load_why);
    return type == VT_SIGNER_GET_PUBLIC ? answer_public(s) : answer_sign(s, body);
}

/* Until the other side ends the conversation (VT_E_NOENT), or the key's failure was told. */
static enum vt_err
serve(struct server *s)
{
    struct vt_buf body = VT_BUF(VT_SIGNER_MESSAGE_MAX + 2);
    bool got = true;
    uint16_t type = 0;
    enum vt_err err;

    do {
        err = vt_msg_line_take(s->line, &got, &type, &body, NULL);
        if (err == VT_OK && got) {
            err = answer(s, type, &body);
        } else if (err == VT_OK) {
            err = send_out(s);
            if (err == VT_OK)
                err = vt_msg_line_wait(s->line, NULL);
        }
    } while (err == VT_OK && (s->key != NULL || !got));
    if (s->gathered > 0 && (err == VT_OK || err == VT_E_NOENT))
        (void)send_out(s);
    vt_buf_release(&body);
    return err;
}

int
vt_signer_serve(int fd, const char *key_path, unsigned kinds)
{
    struct server s = {.kinds = kinds};
    enum vt_err err;

    vt_proc_alone(fd);
    s.load_err = load_key(key_path, &s.key, &s.load_why);
    (void)mlockall(MCL_CURRENT | MCL_ONFAULT); /* where the system allows it */
    err = vt_msg_line_new(fd, requests, QUEUE_MAX, &s.line, NULL);
    if (err == VT_OK) {
        vt_msg_line_read_ahead(s.line);
        err = serve(&s);
    }
    if (s.key == NULL)
        err = s.load_err;
    else if (err == VT_E_NOENT)
        err = VT_OK;
    vt_msg_line_free(s.line);
    vt_key_free(s.key);
    return vt_err_exit_code(err);
}
