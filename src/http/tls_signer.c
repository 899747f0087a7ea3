/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS signer process, and the side that asks it.
 *
 * Requests: CHAIN (u64 serial that is known), SIGN (u64 serial, u16 scheme, content). Answers:
 * SAME (empty), CHAIN (u64 serial, u32 length, chain, clients' CA), SIGNATURE, FAILED (u32
 * code, 0 less the enum vt_err; text). A signer without a pair answers by FAILED.
 */
#include "http/tls_signer.h"

#include "base/log.h"
#include "base/msg.h"
#include "base/proc.h"
#include "http/tls_pair.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 1024U
enum { ASK_MS = 10000, SOON_DAYS = 14 };

enum {
    MSG_CHAIN = 1,
    MSG_SIGN = 2,
    MSG_SAME = 3,
    MSG_CHAIN_IS = 4,
    MSG_SIGNATURE = 5,
    MSG_FAILED = 6,
};

static const struct vt_msg_rule requests[] = {
    {MSG_CHAIN, 8},
    {MSG_SIGN, 8 + 2 + VT_TLS_CONTENT_MAX},
    {0, 0},
};

static const struct vt_msg_rule answers[] = {
    {MSG_SAME, 0},
    {MSG_CHAIN_IS, 8 + 4 + VT_TLS_CHAIN_MAX + VT_TLS_CLIENTS_MAX},
    {MSG_SIGNATURE, VT_TLS_SIG_MAX},
    {MSG_FAILED, 4 + TEXT_MAX},
    {0, 0},
};

bool
vt_tls_content_ok(const void *content, size_t len)
{
    static const char context[] = "TLS 1.3, server CertificateVerify"; /* and its NUL */
    const uint8_t *p = content;

    if (len != 64 + sizeof(context) + 32 && len != 64 + sizeof(context) + 48)
        return false;
    for (size_t i = 0; i < 64; i++)
        if (p[i] != ' ')
            return false;
    return memcmp(p + 64, context, sizeof(context)) == 0;
}

/* The side that has the key. */

/* How the files looked: other bytes, or another file, have another look. */
struct look {
    struct stat file[3];
};

struct server {
    int fd;
    const struct vt_listen_opts *how;
    uint64_t serial;             /* of pair[0]; 0: there is none yet */
    struct vt_tls_pair *pair[2]; /* the newest, and the one before */
    struct look tried;           /* when they were read last, whatever came of it */
    struct look seen;            /* when they were last looked at */
};

static void
look_at(const struct vt_listen_opts *how, struct look *ret)
{
    const char *const path[3] = {how->tls_cert, how->tls_key, how->client_ca};

    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < 3; i++)
        if (path[i] != NULL && stat(path[i], &ret->file[i]) != 0)
            memset(&ret->file[i], 0, sizeof(ret->file[i]));
}

static bool
is_same(const struct look *a, const struct look *b)
{
    for (size_t i = 0; i < 3; i++) {
        const struct stat *x = &a->file[i];
        const struct stat *y = &b->file[i];

        if (x->st_dev != y->st_dev || x->st_ino != y->st_ino || x->st_size != y->st_size ||
            x->st_mode != y->st_mode || x->st_mtim.tv_sec != y->st_mtim.tv_sec ||
            x->st_mtim.tv_nsec != y->st_mtim.tv_nsec ||
            x->st_ctim.tv_sec != y->st_ctim.tv_sec || x->st_ctim.tv_nsec != y->st_ctim.tv_nsec)
            return false;
    }
    return true;
}

static void
say_how_long(const struct server *s, const struct vt_tls_pair *p)
{
    int days = vt_tls_pair_days_left(p);

    if (days < 0)
        vt_log(VT_LOG_WARN, "%s: the certificate has expired: clients will refuse it",
            s->how->tls_cert);
    else if (days < SOON_DAYS)
        vt_log(VT_LOG_WARN, "%s: the certificate expires within %d days", s->how->tls_cert,
            days + 1);
}

/* Reads the files. A pair that has expired does not take the place of one that has not. */
static enum vt_err
load(struct server *s, struct vt_why *why)
{
    struct vt_tls_pair *p = NULL;
    enum vt_err err = vt_tls_pair_load(s->how, &p, why);

    s->tried = s->seen;
    if (err == VT_OK && s->pair[0] != NULL && vt_tls_pair_days_left(p) < 0 &&
        vt_tls_pair_days_left(s->pair[0]) >= 0)
        err = vt_fail(why, VT_E_EXPIRED, "%s: the certificate has expired", s->how->tls_cert);
    if (err != VT_OK) {
        vt_tls_pair_free(p);
        return err;
    }
    say_how_long(s, p);
    vt_tls_pair_free(s->pair[1]);
    s->pair[1] = s->pair[0];
    s->pair[0] = p;
    s->serial++;
    return VT_OK;
}

/* Reads the files again when they are others, and were the same the last two times that they
 * were looked at: a certificate and its key are not replaced in one moment. */
static void
follow(struct server *s)
{
    struct vt_why why = {0};
    struct look now;
    bool settled;

    look_at(s->how, &now);
    settled = is_same(&now, &s->seen);
    s->seen = now;
    if (!settled || is_same(&now, &s->tried))
        return;
    if (load(s, &why) == VT_OK)
        vt_log(VT_LOG_INFO, "%s is in force", s->how->tls_cert);
    else
        vt_log(VT_LOG_ERROR, "the certificate stays as it is: %s", why.text);
}

static enum vt_err
answer_failed(const struct server *s, enum vt_err err, const struct vt_why *why)
{
    struct vt_buf b = VT_BUF(4 + TEXT_MAX);
    enum vt_err sent;

    vt_buf_put_u32(&b, (uint32_t) - (int)err);
    vt_buf_puts(&b, why->text);
    sent = vt_buf_check(&b, "answer", NULL);
    if (sent == VT_OK)
        sent = vt_msg_send(s->fd, MSG_FAILED, b.data, b.len, NULL);
    vt_buf_release(&b);
    return sent;
}

static enum vt_err
answer_chain(struct server *s, struct vt_reader r)
{
    struct vt_buf b = VT_BUF(8 + 4 + VT_TLS_CHAIN_MAX + VT_TLS_CLIENTS_MAX);
    const struct vt_buf *chain;
    const struct vt_buf *clients;
    uint64_t known;
    enum vt_err err;

    if (!vt_reader_u64(&r, &known))
        return VT_E_SYNTAX;
    follow(s);
    if (known == s->serial)
        return vt_msg_send(s->fd, MSG_SAME, NULL, 0, NULL);
    chain = vt_tls_pair_chain(s->pair[0]);
    clients = vt_tls_pair_clients(s->pair[0]);
    vt_buf_put_u64(&b, s->serial);
    vt_buf_put_u32(&b, (uint32_t)chain->len);
    vt_buf_put(&b, chain->data, chain->len);
    vt_buf_put(&b, clients->data, clients->len);
    err = vt_buf_check(&b, "chain", NULL);
    if (err == VT_OK)
        err = vt_msg_send(s->fd, MSG_CHAIN_IS, b.data, b.len, NULL);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
sign_request(const struct server *s, struct vt_reader r, struct vt_buf *ret, struct vt_why *why)
{
    const struct vt_tls_pair *pair = NULL;
    uint64_t serial;
    uint16_t scheme;

    if (!vt_reader_u64(&r, &serial) || !vt_reader_u16(&r, &scheme))
        return vt_fail(why, VT_E_SYNTAX, "TLS: a request to sign that is cut short");
    if (serial == s->serial)
        pair = s->pair[0];
    else if (serial + 1 == s->serial)
        pair = s->pair[1];
    if (pair == NULL)
        return vt_fail(why, VT_E_REFUSED, "TLS: that certificate is no longer in force");
    if (!vt_tls_content_ok(r.p, r.left))
        return vt_fail(why, VT_E_REFUSED, "TLS: that is nothing that a server signs");
    return vt_tls_pair_sign(pair, (enum vt_tls_scheme)scheme, r.p, r.left, ret, why);
}

static enum vt_err
answer_sign(const struct server *s, struct vt_reader r)
{
    struct vt_buf b = VT_BUF(VT_TLS_SIG_MAX);
    struct vt_why why = {0};
    enum vt_err err = sign_request(s, r, &b, &why);

    if (err == VT_OK)
        err = vt_msg_send(s->fd, MSG_SIGNATURE, b.data, b.len, NULL);
    else
        err = answer_failed(s, err, &why);
    vt_buf_release(&b);
    return err;
}

int
vt_tls_signer_serve(int fd, const struct vt_listen_opts *how)
{
    struct server s = {.fd = fd, .how = how};
    struct vt_buf body = VT_BUF(8 + 2 + VT_TLS_CONTENT_MAX);
    struct vt_why load_why = {0};
    uint16_t type = 0;
    enum vt_err load_err;
    enum vt_err err;
    int code;

    vt_proc_alone(fd);
    look_at(how, &s.seen);
    load_err = load(&s, &load_why);
    (void)mlockall(MCL_CURRENT | MCL_ONFAULT); /* where the system allows it */
    do {
        err = vt_msg_recv(fd, requests, -1, &type, &body, NULL);
        if (err != VT_OK)
            break;
        if (load_err != VT_OK)
            err = answer_failed(&s, load_err, &load_why);
        else if (type == MSG_CHAIN)
            err = answer_chain(&s, VT_READER(body.data, body.len));
        else
            err = answer_sign(&s, VT_READER(body.data, body.len));
    } while (err == VT_OK && load_err == VT_OK);
    code = vt_err_exit_code(load_err != VT_OK ? load_err : err == VT_E_NOENT ? VT_OK : err);
    vt_tls_pair_free(s.pair[0]);
    vt_tls_pair_free(s.pair[1]);
    vt_buf_release(&body);
    return code;
}

/* The side that asks. */

struct vt_tls_signer {
    int fd;
    pid_t pid; /* -1: somebody else started it */
    const struct vt_listen_opts *how;
    uint64_t base; /* what is added to the serials of the process: another one begins anew */
    uint64_t serial;
};

static int
spawn_body(int fd, void *ctx)
{
    vt_log_init("tls-signer", VT_LOG_INFO);
    return vt_tls_signer_serve(fd, ctx);
}

static enum vt_err
start(struct vt_tls_signer *s, struct vt_why *why)
{
    struct vt_listen_opts how = *s->how;
    enum vt_err err = vt_proc_fork("tls-signer", spawn_body, &how, NULL, &s->pid, &s->fd, why);

    if (err != VT_OK)
        s->fd = -1;
    return err;
}

static void
stop(struct vt_tls_signer *s)
{
    if (s->pid > 0)
        vt_proc_stop(s->pid, s->fd, 1000);
    else if (s->fd >= 0)
        (void)close(s->fd);
    s->pid = s->pid > 0 ? 0 : s->pid;
    s->fd = -1;
}

enum vt_err
vt_tls_signer_attach(int fd, struct vt_tls_signer **ret, struct vt_why *why)
{
    struct vt_tls_signer *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)close(fd);
        return vt_fail(why, VT_E_NOMEM, "TLS: out of memory");
    }
    s->fd = fd;
    s->pid = -1;
    *ret = s;
    return VT_OK;
}

enum vt_err
vt_tls_signer_spawn(
    const struct vt_listen_opts *how, struct vt_tls_signer **ret, struct vt_why *why)
{
    struct vt_tls_signer *s = calloc(1, sizeof(*s));
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "TLS: out of memory");
    s->how = how;
    err = start(s, why);
    if (err != VT_OK) {
        free(s);
        return err;
    }
    *ret = s;
    return VT_OK;
}

void
vt_tls_signer_free(struct vt_tls_signer *s)
{
    if (s == NULL)
        return;
    stop(s);
    free(s);
}

static enum vt_err
take_failure(const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    char text[TEXT_MAX + 1];
    uint32_t code;

    if (!vt_reader_u32(&r, &code) || code == 0 || code > 99 ||
        !vt_reader_cstr(&r, text, sizeof(text)))
        return vt_fail(why, VT_E_SYNTAX, "the TLS signer's answer is malformed");
    return vt_fail(why, (enum vt_err) - (int)code, "%s", text);
}

/* Sends a request and takes the answer. VT_E_IO: the signer is gone, or of no more use. */
static enum vt_err
ask(struct vt_tls_signer *s, uint16_t type, const struct vt_buf *body, uint16_t *ret_type,
    struct vt_buf *ret, struct vt_why *why)
{
    enum vt_err err = VT_E_IO;

    if (s->fd >= 0)
        err = vt_msg_send(s->fd, type, body->data, body->len, NULL);
    if (err == VT_OK)
        err = vt_msg_recv(s->fd, answers, ASK_MS, ret_type, ret, NULL);
    if (err != VT_OK) {
        stop(s);
        return vt_fail(why, VT_E_IO, "the TLS signer process has ended");
    }
    return *ret_type == MSG_FAILED ? take_failure(ret, why) : VT_OK;
}

/* One that we started ourselves is started again. */
static enum vt_err
revive(struct vt_tls_signer *s, struct vt_why *why)
{
    enum vt_err err;

    if (s->fd >= 0 || s->pid < 0)
        return VT_OK;
    if (s->serial > 0)
        vt_log(VT_LOG_WARN, "the TLS signer is gone: starting it again");
    err = start(s, why);
    if (err == VT_OK)
        s->base = s->serial + 1;
    return err;
}

static enum vt_err
take_chain(const struct vt_tls_signer *s, const struct vt_buf *answer, uint64_t *ret_serial,
    struct vt_buf *chain, struct vt_buf *clients, struct vt_why *why)
{
    struct vt_reader r = VT_READER(answer->data, answer->len);
    const uint8_t *p;
    uint64_t serial;
    uint32_t len;

    if (!vt_reader_u64(&r, &serial) || !vt_reader_u32(&r, &len) || !vt_reader_take(&r, len, &p))
        return vt_fail(why, VT_E_SYNTAX, "the TLS signer's answer is malformed");
    vt_buf_clear(chain);
    vt_buf_clear(clients);
    vt_buf_put(chain, p, len);
    vt_buf_put(clients, r.p, r.left);
    *ret_serial = s->base + serial;
    return vt_buf_check(clients, "clients' CA", why);
}

static enum vt_err
ask_chain(struct vt_tls_signer *s, uint64_t serial, uint16_t *ret_type, struct vt_buf *answer,
    struct vt_why *why)
{
    struct vt_buf body = VT_BUF(8);
    enum vt_err err = revive(s, why);

    vt_buf_put_u64(&body, serial > s->base ? serial - s->base : 0);
    if (err == VT_OK)
        err = ask(s, MSG_CHAIN, &body, ret_type, answer, why);
    vt_buf_release(&body);
    return err;
}

enum vt_err
vt_tls_signer_chain(struct vt_tls_signer *s, uint64_t serial, uint64_t *ret_serial,
    struct vt_buf *chain, struct vt_buf *clients, struct vt_why *why)
{
    struct vt_buf answer = VT_BUF(8 + 4 + VT_TLS_CHAIN_MAX + VT_TLS_CLIENTS_MAX);
    uint16_t type = 0;
    enum vt_err err = ask_chain(s, serial, &type, &answer, why);

    if (err == VT_E_IO && s->pid >= 0)
        err = ask_chain(s, serial, &type, &answer, why);
    if (err == VT_OK && type == MSG_CHAIN_IS)
        err = take_chain(s, &answer, ret_serial, chain, clients, why);
    else if (err == VT_OK && type == MSG_SAME)
        *ret_serial = serial;
    else if (err == VT_OK)
        err = vt_fail(why, VT_E_SYNTAX, "the TLS signer answered another question");
    if (err == VT_OK)
        s->serial = *ret_serial;
    vt_buf_release(&answer);
    return err;
}

enum vt_err
vt_tls_signer_sign(struct vt_tls_signer *s, uint64_t serial, enum vt_tls_scheme scheme,
    const void *content, size_t len, struct vt_buf *ret, struct vt_why *why)
{
    struct vt_buf body = VT_BUF(8 + 2 + VT_TLS_CONTENT_MAX);
    struct vt_buf answer = VT_BUF(8 + 4 + VT_TLS_CHAIN_MAX + VT_TLS_CLIENTS_MAX);
    uint16_t type = 0;
    enum vt_err err;

    if (serial <= s->base)
        return vt_fail(why, VT_E_REFUSED, "TLS: that certificate is no longer in force");
    vt_buf_put_u64(&body, serial - s->base);
    vt_buf_put_u16(&body, (uint16_t)scheme);
    vt_buf_put(&body, content, len);
    err = vt_buf_check(&body, "what TLS signs", why);
    if (err == VT_OK)
        err = ask(s, MSG_SIGN, &body, &type, &answer, why);
    if (err == VT_OK && type != MSG_SIGNATURE)
        err = vt_fail(why, VT_E_SYNTAX, "the TLS signer answered another question");
    if (err == VT_OK) {
        vt_buf_put(ret, answer.data, answer.len);
        err = vt_buf_check(ret, "signature", why);
    }
    vt_buf_release(&body);
    vt_buf_release(&answer);
    return err;
}
