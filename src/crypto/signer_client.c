/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side of a signer process that asks. Requests are written without waiting for answers, and
 * answers are read whenever they are there: neither side waits for one that waits for it, since
 * the signer process too goes on when its answers are read.
 */
#include "base/msg_line.h"
#include "base/proc.h"
#include "crypto/signer_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest request, and room to add to it. */
#define QUEUE_MAX (VT_SIGNER_MESSAGE_MAX + 64U * 1024U)
/* Requests that are not answered yet: enough to keep the signer busy. */
#define AHEAD_MAX 256U

#define PUBLIC_MAX (VT_MLDSA_PUBLIC_SIZE + VT_KEY_NAME_MAX)
#define ANSWER_MAX VT_MLDSA_SIG_SIZE /* the largest of the answers */

static const struct vt_msg_rule answers[] = {
    {VT_SIGNER_PUBLIC, VT_PUBKEY_SIZE + VT_KEY_NAME_MAX},
    {VT_SIGNER_SIGNATURE, VT_SIG_SIZE},
    {VT_SIGNER_FAILED, 4 + VT_SIGNER_TEXT_MAX},
    {VT_SIGNER_PUBLIC_LONG, PUBLIC_MAX},
    {VT_SIGNER_SIGNATURE_LONG, VT_MLDSA_SIG_SIZE},
    {0, 0},
};

struct client {
    pthread_mutex_t lock; /* one conversation at a time */
    struct vt_msg_line *line;
    int fd;
    pid_t pid; /* -1 when somebody else started the process */
};

static void
client_free(void *impl)
{
    struct client *c = impl;

    vt_msg_line_free(c->line);
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
    char text[VT_SIGNER_TEXT_MAX + 1];
    uint32_t code;

    if (!vt_reader_u32(&r, &code) || code == 0 || code > 99 ||
        !vt_reader_cstr(&r, text, sizeof text))
        return vt_fail(why, VT_E_SYNTAX, "the signer's answer is malformed");
    return vt_fail(why, (enum vt_err) - (int)code, "%s", text);
}

/* Questions of one type, and what is done with the answers. */
struct questions {
    uint16_t type;
    size_t n;
    /* The body of question i. */
    size_t (*body)(void *ctx, size_t i, struct vt_msg_piece ret[2]);
    /* What is made of answer i; an error is kept, and the answers after it are only read. */
    enum vt_err (*answer)(
        void *ctx, size_t i, uint16_t type, const struct vt_buf *b, struct vt_why *why);
    void *ctx;
    size_t asked;
    size_t answered;
    enum vt_err err; /* the first that an answer was */
};

/* Adds questions as far as they fit. After a failure no more are asked. */
static enum vt_err
put_questions(struct client *c, struct questions *q, struct vt_why *why)
{
    struct vt_msg_piece v[2];
    enum vt_err err = VT_OK;

    if (q->err != VT_OK)
        q->n = q->asked;
    while (err == VT_OK && q->asked < q->n && q->asked - q->answered < AHEAD_MAX) {
        size_t n = q->body(q->ctx, q->asked, v);
        err = vt_msg_line_add(c->line, q->type, v, n, why);
        if (err == VT_OK)
            q->asked++;
    }
    if (err == VT_E_BUSY && q->asked > q->answered)
        err = VT_OK; /* what waits goes first */
    return err == VT_OK ? vt_msg_line_flush(c->line, why) : err;
}

/* Takes the answers that are there. */
static enum vt_err
take_answers(struct client *c, struct questions *q, struct vt_buf *b, struct vt_why *why)
{
    uint16_t type = 0;
    bool got = true;
    enum vt_err err = VT_OK;

    while (err == VT_OK && got && q->answered < q->asked) {
        err = vt_msg_line_take(c->line, &got, &type, b, why);
        if (err != VT_OK || !got)
            break;
        if (q->err == VT_OK && type == VT_SIGNER_FAILED)
            q->err = take_failure(b, why);
        else if (q->err == VT_OK)
            q->err = q->answer(q->ctx, q->answered, type, b, why);
        q->answered++;
    }
    return err;
}

/* An error of the channel itself comes first: nothing more can be asked then. */
static enum vt_err
converse(struct client *c, struct questions *q, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(ANSWER_MAX);
    enum vt_err err = VT_OK;

    while (err == VT_OK && q->answered < q->n) {
        size_t before = q->answered;

        err = put_questions(c, q, why);
        if (err == VT_OK)
            err = take_answers(c, q, &b, why);
        if (err == VT_OK && q->answered == before && q->answered < q->n)
            err = vt_msg_line_wait(c->line, why);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
ask(struct client *c, struct questions *q, struct vt_why *why)
{
    enum vt_err err;

    (void)pthread_mutex_lock(&c->lock);
    err = converse(c, q, why);
    (void)pthread_mutex_unlock(&c->lock);
    if (err == VT_E_NOENT)
        return vt_fail(why, VT_E_IO, "the signer process has ended");
    if (err != VT_OK)
        return vt_fail_in(why, err, "signer");
    return q->err;
}

static enum vt_err
another_question(struct vt_why *why)
{
    return vt_fail(why, VT_E_SYNTAX, "the signer answered another question");
}

/* Signing. */

struct signing {
    uint8_t kind[2];
    const struct vt_slice *msg;
    const struct vt_sign_batch *batch; /* where the signatures go, and who checks them */
    struct vt_buf *ret_long;           /* else where the one of an ML-DSA key goes */
};

static size_t
request(void *ctx, size_t i, struct vt_msg_piece ret[2])
{
    const struct signing *s = ctx;

    ret[0] = (struct vt_msg_piece){s->kind, sizeof s->kind};
    ret[1] = (struct vt_msg_piece){s->msg[i].data, s->msg[i].len};
    return 2;
}

static enum vt_err
take_signature(void *ctx, size_t i, uint16_t type, const struct vt_buf *b, struct vt_why *why)
{
    const struct signing *s = ctx;

    if (type != VT_SIGNER_SIGNATURE)
        return another_question(why);
    if (b->len != VT_SIG_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "the signer's signature is cut short");
    memcpy(s->batch->ret[i].b, b->data, VT_SIG_SIZE);
    if (s->batch->good != NULL && !s->batch->good(s->batch->ctx, i))
        return vt_fail(why, VT_E_CRYPTO, "the signature made does not verify");
    return VT_OK;
}

static enum vt_err
take_long(void *ctx, size_t i, uint16_t type, const struct vt_buf *b, struct vt_why *why)
{
    const struct signing *s = ctx;

    (void)i;
    if (type != VT_SIGNER_SIGNATURE_LONG)
        return another_question(why);
    if (b->len != VT_MLDSA_SIG_SIZE)
        return vt_fail(why, VT_E_SYNTAX, "the signer's signature is cut short");
    vt_buf_put(s->ret_long, b->data, b->len);
    return vt_buf_check(s->ret_long, "a signature", why);
}

static struct signing
signing(enum vt_sign_kind kind, const struct vt_slice *msg)
{
    return (struct signing){
        .kind = {(uint8_t)((unsigned)kind >> 8), (uint8_t)kind}, .msg = msg};
}

static enum vt_err
client_sign_all(void *impl, const struct vt_sign_batch *batch, struct vt_why *why)
{
    struct signing s = signing(batch->kind, batch->msg);
    struct questions q = {.type = VT_SIGNER_SIGN,
        .n = batch->n,
        .body = request,
        .answer = take_signature,
        .ctx = &s};

    s.batch = batch;
    return ask(impl, &q, why);
}

static enum vt_err
client_sign(void *impl, enum vt_sign_kind kind, const void *msg, size_t len, struct vt_sig *ret,
    struct vt_why *why)
{
    const struct vt_slice one = {msg, len};
    const struct vt_sign_batch batch = {.kind = kind, .msg = &one, .n = 1, .ret = ret};

    return client_sign_all(impl, &batch, why);
}

static enum vt_err
client_sign_long(void *impl, enum vt_sign_kind kind, const void *msg, size_t len,
    struct vt_buf *b, struct vt_why *why)
{
    const struct vt_slice one = {msg, len};
    struct signing s = signing(kind, &one);
    struct questions q = {
        .type = VT_SIGNER_SIGN, .n = 1, .body = request, .answer = take_long, .ctx = &s};

    s.ret_long = b;
    return ask(impl, &q, why);
}

static const struct vt_signer_ops client_ops = {.sign = client_sign,
    .sign_all = client_sign_all,
    .sign_long = client_sign_long,
    .free = client_free};

/* Beginning. */

/* Whose key it is. */
struct identity {
    char name[VT_KEY_NAME_MAX + 1];
    struct vt_pubkey pub;
    const struct vt_mldsa_public *mldsa; /* NULL of an Ed25519 key */
};

static size_t
no_body(void *ctx, size_t i, struct vt_msg_piece ret[2])
{
    (void)ctx;
    (void)i;
    (void)ret;
    return 0;
}

static enum vt_err
take_public(void *ctx, size_t i, uint16_t type, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    size_t size = type == VT_SIGNER_PUBLIC_LONG ? VT_MLDSA_PUBLIC_SIZE : VT_PUBKEY_SIZE;
    struct identity *id = ctx;
    const uint8_t *p;

    (void)i;
    if (type != VT_SIGNER_PUBLIC && type != VT_SIGNER_PUBLIC_LONG)
        return another_question(why);
    if (!vt_reader_take(&r, size, &p) || !vt_reader_cstr(&r, id->name, sizeof id->name))
        return vt_fail(why, VT_E_SYNTAX, "the signer's answer is malformed");
    if (type == VT_SIGNER_PUBLIC_LONG)
        return vt_mldsa_hold(p, &id->mldsa, why);
    memcpy(id->pub.b, p, sizeof id->pub.b);
    return VT_OK;
}

/* Asks whose key it is. Takes ownership of c in every case. */
static enum vt_err
introduce(struct client *c, struct vt_signer **ret, struct vt_why *why)
{
    struct identity id = {.mldsa = NULL};
    struct questions q = {.type = VT_SIGNER_GET_PUBLIC,
        .n = 1,
        .body = no_body,
        .answer = take_public,
        .ctx = &id};
    enum vt_err err = ask(c, &q, why);

    if (err != VT_OK) {
        client_free(c);
        return err;
    }
    if (id.mldsa != NULL)
        return vt_signer_make_mldsa(&client_ops, c, id.name, id.mldsa, ret, why);
    return vt_signer_make(&client_ops, c, id.name, &id.pub, ret, why);
}

static struct client *
client_new(int fd, pid_t pid)
{
    struct client *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    if (vt_msg_line_new(fd, answers, QUEUE_MAX, &c->line, NULL) != VT_OK ||
        pthread_mutex_init(&c->lock, NULL) != 0) {
        vt_msg_line_free(c->line);
        free(c);
        return NULL;
    }
    vt_msg_line_read_ahead(c->line);
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
