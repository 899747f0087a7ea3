/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer process and the seam's implementation that speaks with it.
 *
 * Requests: GET_PUBLIC (empty), SIGN (u16 kind, message). Answers: PUBLIC (32
 * bytes, name), SIGNATURE (64 bytes), FAILED (u32 code, 0 less the enum vt_err;
 * text). A signer that could not load its key answers every request by FAILED
 * with the reason, so that whoever started it can say it.
 */
#include "base/msg.h"
#include "base/proc.h"
#include "crypto/secret.h"
#include "crypto/signer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MESSAGE_MAX (8U << 20)
#define TEXT_MAX 1024U

enum {
    MSG_GET_PUBLIC = 1,
    MSG_SIGN = 2,
    MSG_PUBLIC = 3,
    MSG_SIGNATURE = 4,
    MSG_FAILED = 5,
};

static const struct vt_msg_rule requests[] = {
    {MSG_GET_PUBLIC, 0},
    {MSG_SIGN, MESSAGE_MAX + 2},
    {0, 0},
};

static const struct vt_msg_rule answers[] = {
    {MSG_PUBLIC, VT_PUBKEY_SIZE + VT_KEY_NAME_MAX},
    {MSG_SIGNATURE, VT_SIG_SIZE},
    {MSG_FAILED, 4 + TEXT_MAX},
    {0, 0},
};

/* The side that has the key. */

struct server {
    int fd;
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

static enum vt_err
answer_failed(int fd, enum vt_err err, const struct vt_why *why)
{
    struct vt_buf b = VT_BUF(4 + TEXT_MAX);
    enum vt_err sent;

    vt_buf_put_u32(&b, (uint32_t) - (int)err);
    vt_buf_puts(&b, why->text);
    sent = vt_buf_check(&b, "answer", NULL);
    if (sent == VT_OK)
        sent = vt_msg_send(fd, MSG_FAILED, b.data, b.len, NULL);
    vt_buf_release(&b);
    return sent;
}

static enum vt_err
answer_public(const struct server *s)
{
    struct vt_buf b = VT_BUF(VT_PUBKEY_SIZE + VT_KEY_NAME_MAX);
    struct vt_pubkey pub;
    enum vt_err err;

    vt_key_public(s->key, &pub);
    vt_buf_put(&b, pub.b, sizeof pub.b);
    vt_buf_puts(&b, vt_key_name(s->key));
    err = vt_buf_check(&b, "answer", NULL);
    if (err == VT_OK)
        err = vt_msg_send(s->fd, MSG_PUBLIC, b.data, b.len, NULL);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
sign_request(
    const struct server *s, const struct vt_buf *body, struct vt_sig *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body->data, body->len);
    const char *name = vt_key_name(s->key);
    uint16_t kind;

    if (!vt_reader_u16(&r, &kind))
        return vt_fail(why, VT_E_SYNTAX, "%s: a request to sign without a kind", name);
    if (kind == 0 || kind > VT_SIGN_LOG_INDEX || (s->kinds & VT_SIGN_BIT(kind)) == 0)
        return vt_fail(
            why, VT_E_REFUSED, "%s: may not sign messages of kind %u", name, (unsigned)kind);
    if (!vt_sign_form_ok((enum vt_sign_kind)kind, name, r.p, r.left))
        return vt_fail(why, VT_E_REFUSED, "%s: the message has not the form of its kind (%u)",
            name, (unsigned)kind);
    return vt_key_sign(s->key, r.p, r.left, ret, why);
}

static enum vt_err
answer(const struct server *s, uint16_t type, const struct vt_buf *body)
{
    struct vt_why why = {0};
    struct vt_sig sig;
    enum vt_err err;

    if (s->key == NULL)
        return answer_failed(s->fd, s->load_err, &s->load_why);
    if (type == MSG_GET_PUBLIC)
        return answer_public(s);
    err = sign_request(s, body, &sig, &why);
    if (err != VT_OK)
        return answer_failed(s->fd, err, &why);
    return vt_msg_send(s->fd, MSG_SIGNATURE, sig.b, sizeof sig.b, NULL);
}

int
vt_signer_serve(int fd, const char *key_path, unsigned kinds)
{
    struct server s = {.fd = fd, .kinds = kinds};
    struct vt_buf body = VT_BUF(MESSAGE_MAX + 2);
    uint16_t type = 0;
    enum vt_err err;
    int code;

    vt_proc_alone(fd);
    s.load_err = load_key(key_path, &s.key, &s.load_why);
    (void)mlockall(MCL_CURRENT | MCL_ONFAULT); /* where the system allows it */
    do {
        err = vt_msg_recv(fd, requests, -1, &type, &body, NULL);
        if (err == VT_OK)
            err = answer(&s, type, &body);
    } while (err == VT_OK && s.key != NULL);
    code = vt_err_exit_code(s.key == NULL ? s.load_err : err == VT_E_NOENT ? VT_OK : err);
    vt_key_free(s.key);
    vt_buf_release(&body);
    return code;
}

/* The side that asks. */

struct client {
    pthread_mutex_t lock; /* one request at a time */
    int fd;
    pid_t pid; /* -1 when somebody else started the process */
};

static void
client_free(void *impl)
{
    struct client *c = impl;

    if (c->pid > 0)
        vt_proc_stop(c->pid, c->fd, 1000);
    else
        (void)close(c->fd);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static enum vt_err
take_failure(const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    char text[TEXT_MAX + 1];
    uint32_t code;

    if (!vt_reader_u32(&r, &code) || code == 0 || code > 99 ||
        !vt_reader_cstr(&r, text, sizeof text))
        return vt_fail(why, VT_E_SYNTAX, "the signer's answer is malformed");
    return vt_fail(why, (enum vt_err) - (int)code, "%s", text);
}

/* Sends a request and takes the answer, which must be of type `want`. */
static enum vt_err
ask(struct client *c, uint16_t type, const void *body, size_t len, uint16_t want,
    struct vt_buf *ret, struct vt_why *why)
{
    uint16_t got = 0;
    enum vt_err err;

    (void)pthread_mutex_lock(&c->lock);
    err = vt_msg_send(c->fd, type, body, len, why);
    if (err == VT_OK)
        err = vt_msg_recv(c->fd, answers, -1, &got, ret, why);
    (void)pthread_mutex_unlock(&c->lock);
    if (err == VT_E_NOENT)
        return vt_fail(why, VT_E_IO, "the signer process has ended");
    if (err != VT_OK)
        return vt_fail_in(why, err, "signer");
    if (got == MSG_FAILED)
        return take_failure(ret, why);
    if (got != want)
        return vt_fail(why, VT_E_SYNTAX, "the signer answered another question");
    return VT_OK;
}

static enum vt_err
client_sign(void *impl, enum vt_sign_kind kind, const void *msg, size_t len, struct vt_sig *ret,
    struct vt_why *why)
{
    struct vt_buf body = VT_BUF(MESSAGE_MAX + 2);
    struct vt_buf b = VT_BUF(4 + TEXT_MAX);
    enum vt_err err;

    vt_buf_put_u16(&body, (uint16_t)kind);
    vt_buf_put(&body, msg, len);
    err = vt_buf_check(&body, "message to sign", why);
    if (err == VT_OK)
        err = ask(impl, MSG_SIGN, body.data, body.len, MSG_SIGNATURE, &b, why);
    if (err == VT_OK && b.len != VT_SIG_SIZE)
        err = vt_fail(why, VT_E_SYNTAX, "the signer's signature is cut short");
    if (err == VT_OK)
        memcpy(ret->b, b.data, VT_SIG_SIZE);
    vt_buf_release(&body);
    vt_buf_release(&b);
    return err;
}

static const struct vt_signer_ops client_ops = {.sign = client_sign, .free = client_free};

/* Asks whose key it is. Takes ownership of c in every case. */
static enum vt_err
introduce(struct client *c, struct vt_signer **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(4 + TEXT_MAX);
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_pubkey pub;
    const uint8_t *p;
    struct vt_reader r;
    enum vt_err err = ask(c, MSG_GET_PUBLIC, NULL, 0, MSG_PUBLIC, &b, why);

    if (err == VT_OK) {
        r = VT_READER(b.data, b.len);
        if (vt_reader_take(&r, sizeof pub.b, &p) && vt_reader_cstr(&r, name, sizeof name))
            memcpy(pub.b, p, sizeof pub.b);
        else
            err = vt_fail(why, VT_E_SYNTAX, "the signer's answer is malformed");
    }
    vt_buf_release(&b);
    if (err != VT_OK) {
        client_free(c);
        return err;
    }
    return vt_signer_make(&client_ops, c, name, &pub, ret, why);
}

static struct client *
client_new(int fd, pid_t pid)
{
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    if (pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->pid = pid;
    return c;
}

enum vt_err
vt_signer_attach(int fd, struct vt_signer **ret, struct vt_why *why)
{
    struct client *c = client_new(fd, -1);

    if (c == NULL) {
        (void)close(fd);
        return vt_fail(why, VT_E_NOMEM, "signer: out of memory");
    }
    return introduce(c, ret, why);
}

struct spawn {
    const char *key_path;
    unsigned kinds;
};

static int
spawn_body(int fd, void *ctx)
{
    const struct spawn *s = ctx;

    return vt_signer_serve(fd, s->key_path, s->kinds);
}

enum vt_err
vt_signer_spawn(
    const char *key_path, unsigned kinds, struct vt_signer **ret, struct vt_why *why)
{
    struct spawn s = {.key_path = key_path, .kinds = kinds};
    struct client *c;
    pid_t pid = -1;
    int fd = -1;
    enum vt_err err = vt_proc_fork("signer", spawn_body, &s, NULL, &pid, &fd, why);

    if (err != VT_OK)
        return err;
    c = client_new(fd, pid);
    if (c == NULL) {
        vt_proc_stop(pid, fd, 0);
        return vt_fail(why, VT_E_NOMEM, "signer: out of memory");
    }
    return introduce(c, ret, why);
}
