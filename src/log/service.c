/* SPDX-License-Identifier: Apache-2.0 */
#include "log/service.h"

#include "attest/dsse.h"
#include "base/file.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "log/gate.h"
#include "log/publisher.h"
#include "store/store.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_MS = 1000, RECV_MS = 10000, FAILURES_MAX = 5 };
#define STAGED_MAX (8U * 1024U * 1024U)

/* An entry that is queued and whose sender waits for the commit. */
struct waiting {
    uint64_t number;
    uint64_t index;
};

struct service {
    int fd;
    const struct vt_service_opts *opts;
    struct vt_store *store;
    struct vt_log_writer *writer;
    struct vt_publisher *publisher;
    struct vt_gate_sources *sources;
    struct waiting waiting[VT_SERVICE_OPEN_MAX];
    size_t waiting_count;
    unsigned failures; /* of publication, in a row */
};

static const struct vt_msg_rule rules[] = {{VT_SERVICE_ADD, VT_ENTRY_MAX + 8},
    {VT_SERVICE_OBJECT, VT_DSSE_MAX + 8}, {VT_SERVICE_STAGED, 8192},
    {VT_SERVICE_REVIEW, VT_GATE_REVIEW_MAX + 8}, {0, 0}};

static int
status_of(enum vt_err err)
{
    switch (err) {
    case VT_OK:
        return 200;
    case VT_E_SYNTAX:
    case VT_E_USAGE:
        return 400;
    case VT_E_UNKNOWN:
        return 403;
    case VT_E_NOENT:
    case VT_E_STATE:
        return 409;
    case VT_E_LIMIT:
        return 413;
    case VT_E_SIG:
    case VT_E_PROOF:
    case VT_E_DIGEST:
        return 422;
    default:
        return 503;
    }
}

static enum vt_err
answer(struct service *s, uint64_t number, int status, const char *text, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(2048);
    enum vt_err err;

    vt_buf_put_u64(&b, number);
    vt_buf_put_u16(&b, (uint16_t)status);
    vt_buf_put_u16(&b, status == 503 ? 1 : 0);
    vt_buf_putf(&b, "%.*s\n", VT_SERVICE_TEXT_MAX, text);
    err = vt_buf_check(&b, "answer", why);
    if (err == VT_OK)
        err = vt_msg_send(s->fd, VT_SERVICE_DONE, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
refuse(struct service *s, uint64_t number, enum vt_err reason, const struct vt_why *text,
    struct vt_why *why)
{
    vt_log(VT_LOG_INFO, "refused (%s): %s", vt_err_name(reason), text->text);
    return answer(s, number, status_of(reason), text->text, why);
}

static enum vt_err
take_entry(struct service *s, uint64_t number, const struct vt_reader *body, struct vt_why *why)
{
    struct vt_why text = {0};
    struct vt_digest name;
    uint64_t index;
    enum vt_err err =
        vt_gate_entry(s->opts->policy, s->store, body->p, body->left, &name, &text);

    if (err == VT_OK)
        err = vt_gate_sources_check(s->sources, body->p, body->left, &text);
    if (err == VT_OK)
        err = vt_log_writer_add(s->writer, body->p, body->left, &name, &index, &text);
    if (err != VT_OK)
        return refuse(s, number, err, &text, why);
    s->waiting[s->waiting_count++] = (struct waiting){.number = number, .index = index};
    return VT_OK;
}

/* The document is durable in the store before its entry is queued. */
static enum vt_err
take_review(
    struct service *s, uint64_t number, const struct vt_reader *body, struct vt_why *why)
{
    struct vt_gate_review g = {.entry = {NULL, 0}};
    struct vt_why text = {0};
    struct vt_digest d;
    uint64_t index;
    enum vt_err err = vt_gate_review(s->opts->policy, body->p, body->left, &g, &text);

    if (err == VT_OK)
        err = vt_gate_sources_check(s->sources, g.entry.data, g.entry.len, &text);
    if (err == VT_OK)
        err = vt_store_put(s->store, g.document.data, g.document.len, &d, &text);
    if (err == VT_OK)
        err = vt_log_writer_add(s->writer, g.entry.data, g.entry.len, &g.name, &index, &text);
    if (err != VT_OK)
        return refuse(s, number, err, &text, why);
    s->waiting[s->waiting_count++] = (struct waiting){.number = number, .index = index};
    return VT_OK;
}

static enum vt_err
take_object(
    struct service *s, uint64_t number, const struct vt_reader *body, struct vt_why *why)
{
    struct vt_why text = {0};
    char line[8 + VT_DIGEST_HEX_SIZE] = "sha256:";
    struct vt_digest d;
    enum vt_err err = vt_gate_object(s->opts->policy, body->p, body->left, &text);

    if (err == VT_OK)
        err = vt_store_put(s->store, body->p, body->left, &d, &text);
    if (err != VT_OK)
        return refuse(s, number, err, &text, why);
    vt_digest_hex(&d, line + 7);
    return answer(s, number, 200, line, why);
}

/* staged/ROLE/VERSION/KEYID.sig, as a TUF signature object. */
static enum vt_err
store_signature(
    struct service *s, const char *role, const struct vt_staged_sig *sig, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(1024);
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err =
        vt_path(dir, why, "%s/%s/%lld", s->opts->staged_dir, role, (long long)sig->version);

    if (err == VT_OK)
        err = vt_path(path, why, "%s/%s.sig", dir, sig->keyid);
    vt_buf_putf(&b, "{\"keyid\":\"%s\",\"sig\":\"%s\"}\n", sig->keyid, sig->sig);
    if (err == VT_OK)
        err = vt_buf_check(&b, "signature", why);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
gate_and_store_signature(
    struct service *s, const char *role, const struct vt_reader *body, struct vt_why *why)
{
    struct vt_buf staged = VT_BUF(STAGED_MAX);
    struct vt_staged_sig sig;
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (!vt_gate_role_valid(role))
        return vt_fail(why, VT_E_SYNTAX, "that is no role's name");
    err = vt_path(path, why, "%s/staged/%s.json", s->opts->public_dir, role);
    if (err == VT_OK)
        err = vt_file_read(path, &staged, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_STATE, "nothing is staged for %s", role);
    if (err == VT_OK)
        err = vt_gate_staged(
            s->opts->policy, staged.data, staged.len, body->p, body->left, &sig, why);
    if (err == VT_OK)
        err = store_signature(s, role, &sig, why);
    vt_buf_release(&staged);
    return err;
}

static enum vt_err
take_signature(struct service *s, uint64_t number, struct vt_reader *body, struct vt_why *why)
{
    struct vt_why text = {0};
    struct vt_reader name = {0};
    char role[128];
    uint8_t len;
    enum vt_err err = VT_E_SYNTAX;

    if (vt_reader_u8(body, &len) && vt_reader_take(body, len, &name.p)) {
        name.left = len;
        if (vt_reader_cstr(&name, role, sizeof(role)))
            err = gate_and_store_signature(s, role, body, &text);
        else
            (void)vt_fail(&text, err, "that is no role's name");
    } else {
        (void)vt_fail(&text, err, "the message is cut short");
    }
    if (err != VT_OK)
        return refuse(s, number, err, &text, why);
    return answer(s, number, 200, "stored", why);
}

static enum vt_err
take_message(struct service *s, uint16_t type, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    uint64_t number;

    if (!vt_reader_u64(&r, &number))
        return vt_fail(why, VT_E_SYNTAX, "a message without a number");
    switch (type) {
    case VT_SERVICE_ADD:
        return take_entry(s, number, &r, why);
    case VT_SERVICE_OBJECT:
        return take_object(s, number, &r, why);
    case VT_SERVICE_REVIEW:
        return take_review(s, number, &r, why);
    default:
        return take_signature(s, number, &r, why);
    }
}

static bool
is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* Takes what has arrived, up to a batch. */
static enum vt_err
take_messages(struct service *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_SERVICE_BODY_MAX);
    enum vt_err err = VT_OK;
    uint16_t type;

    while (err == VT_OK && s->waiting_count < VT_SERVICE_OPEN_MAX && is_readable(s->fd)) {
        err = vt_msg_recv(s->fd, rules, RECV_MS, &type, &b, why);
        if (err == VT_OK)
            err = take_message(s, type, &b, why);
    }
    vt_buf_release(&b);
    return err;
}

/* One fdatasync for all that are queued, then everybody is told. */
static enum vt_err
commit(struct service *s, struct vt_why *why)
{
    struct vt_why text = {0};
    enum vt_err committed = vt_log_writer_commit(s->writer, &text);
    enum vt_err err = VT_OK;
    char line[32];

    for (size_t i = 0; i < s->waiting_count && err == VT_OK; i++) {
        const struct waiting *w = &s->waiting[i];

        (void)snprintf(line, sizeof(line), "%llu", (unsigned long long)w->index);
        err = committed == VT_OK ? answer(s, w->number, 200, line, why)
                                 : answer(s, w->number, 503, text.text, why);
    }
    s->waiting_count = 0;
    if (committed != VT_OK)
        vt_log(VT_LOG_ERROR, "entries not taken: %s", text.text);
    if (committed == VT_E_STATE || committed == VT_E_IO)
        return vt_fail(why, committed, "%s", text.text);
    return err;
}

/* Publishes; failures of our own end the process when they go on. */
static enum vt_err
publish(struct service *s, struct vt_why *why)
{
    uint64_t before = vt_publisher_size(s->publisher);
    enum vt_err err = vt_publisher_step(s->publisher, s->fd, STEP_MS, why);

    if (err == VT_OK) {
        s->failures = 0;
        if (vt_publisher_size(s->publisher) != before)
            vt_log(VT_LOG_INFO, "published a checkpoint of %llu entries",
                (unsigned long long)vt_publisher_size(s->publisher));
        return VT_OK;
    }
    vt_log(VT_LOG_ERROR, "no checkpoint: %s", why == NULL ? "" : why->text);
    return ++s->failures >= FAILURES_MAX ? err : VT_OK;
}

static enum vt_err
open_all(struct service *s, struct vt_why *why)
{
    char objects[VT_PATH_MAX];
    enum vt_err err = vt_path(objects, why, "%s/objects", s->opts->public_dir);

    if (err == VT_OK)
        err = vt_store_open_dir(objects, &s->store, why);
    if (err == VT_OK)
        err = vt_log_writer_open(s->opts->log_dir, s->opts->public_dir,
            vt_signer_name(s->opts->signer), &s->writer, why);
    if (err == VT_OK)
        err = vt_gate_sources_new(s->writer, &s->sources, why);
    if (err == VT_OK && vt_log_writer_cut(s->writer) > 0)
        vt_log(VT_LOG_WARN, "cut off %llu bytes of entries that nobody was told of",
            (unsigned long long)vt_log_writer_cut(s->writer));
    if (err == VT_OK)
        err = vt_publisher_new(
            s->writer, s->opts->policy, s->opts->signer, NULL, &s->publisher, why);
    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "the log %s has %llu entries", vt_signer_name(s->opts->signer),
            (unsigned long long)vt_log_writer_size(s->writer));
    return err;
}

enum vt_err
vt_service_run(int fd, const struct vt_service_opts *opts, struct vt_why *why)
{
    struct service s = {.fd = fd, .opts = opts};
    struct vt_why local = {0};
    enum vt_err received = VT_OK;
    enum vt_err err;

    if (why == NULL)
        why = &local;
    err = open_all(&s, why);
    while (err == VT_OK && received == VT_OK) {
        err = publish(&s, why);
        if (err == VT_OK)
            received = take_messages(&s, why);
        if (err == VT_OK && s.waiting_count > 0)
            err = commit(&s, received == VT_OK ? why : NULL);
    }
    vt_gate_sources_free(s.sources);
    vt_publisher_free(s.publisher);
    vt_log_writer_free(s.writer);
    vt_store_free(s.store);
    if (received != VT_OK)
        err = received == VT_E_NOENT ? VT_OK : received; /* NOENT: the channel's clean end */
    return err;
}
