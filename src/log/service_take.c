/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message asks for, and whether it may be.
 */
#include "log/service_parts.h"

#include "attest/dsse.h"
#include "base/file.h"
#include "base/log.h"
#include "store/store.h"

#include <string.h>
#include <time.h>

#define STAGED_MAX (8U * 1024U * 1024U)

const struct vt_msg_rule vt_service_rules[] = {{VT_SERVICE_ADD, VT_ENTRY_MAX + 8},
    {VT_SERVICE_AWAIT, VT_ENTRY_MAX + 12}, {VT_SERVICE_OBJECT, VT_DSSE_MAX + 8},
    {VT_SERVICE_STAGED, 8192}, {VT_SERVICE_REVIEW, VT_GATE_REVIEW_MAX + 8},
    {VT_SERVICE_METRICS, 8}, {0, 0}};

static int
status_of(const struct vt_service *s, enum vt_err err)
{
    switch (err) {
    case VT_OK:
        return 200;
    case VT_E_SYNTAX:
    case VT_E_USAGE:
        return 400;
    case VT_E_UNKNOWN:
        return 403;
    case VT_E_STATE:
        return vt_log_writer_frozen(s->writer) ? 410 : 409;
    case VT_E_NOENT:
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

static enum vt_add_result
result_of(int status)
{
    if (status == 410)
        return VT_ADD_FROZEN;
    return status == 503 ? VT_ADD_BUSY : VT_ADD_REFUSED;
}

static enum vt_err
refuse(struct vt_service *s, uint64_t number, enum vt_err reason, const struct vt_why *text,
    struct vt_why *why)
{
    vt_log(VT_LOG_DEBUG, "refused (%s): %s", vt_err_name(reason), text->text);
    return vt_service_answer(s, number, status_of(s, reason), text->text, why);
}

/* An entry. */
struct taken {
    uint64_t number;
    uint32_t wait_ms;
    struct vt_slice entry;
    struct vt_digest name;
};

/* Queues an entry that may enter. A full queue becomes durable first. */
static enum vt_err
queue_entry(
    struct vt_service *s, const struct taken *t, struct vt_why *text, struct vt_why *why)
{
    struct vt_waiting *w;
    uint64_t index = 0;
    uint64_t next = s->numbers.entries + s->numbers.queue;
    enum vt_err err =
        vt_log_writer_add(s->writer, t->entry.data, t->entry.len, &t->name, &index, text);

    if (err == VT_E_BUSY && s->waits.queued_count > 0) {
        enum vt_err committed = vt_service_commit(s, why);

        if (committed != VT_OK)
            return committed;
        next = s->numbers.entries;
        err = vt_log_writer_add(s->writer, t->entry.data, t->entry.len, &t->name, &index, text);
    }
    if (err != VT_OK) {
        s->numbers.adds[result_of(status_of(s, err))]++;
        return refuse(s, t->number, err, text, why);
    }
    w = &s->waits.queued[s->waits.queued_count++];
    *w = (struct vt_waiting){
        .number = t->number, .index = index, .wait_ms = t->wait_ms, .duplicate = index < next};
    s->numbers.queue += w->duplicate ? 0 : 1;
    s->waits.asked += t->wait_ms > 0 ? 1 : 0;
    return VT_OK;
}

/* The log of its own takes anything. */
static enum vt_err
gate_open(const struct vt_slice *entry, struct vt_digest *ret, struct vt_why *why)
{
    if (entry->len == 0)
        return vt_fail(why, VT_E_SYNTAX, "an entry has one byte at least");
    if (entry->len > VT_ENTRY_MAX)
        return vt_fail(why, VT_E_LIMIT, "an entry has at most %u bytes", VT_ENTRY_MAX);
    vt_digest_of(entry->data, entry->len, ret);
    return VT_OK;
}

static enum vt_err
take_entry(struct vt_service *s, struct taken *t, struct vt_why *why)
{
    struct vt_why text = {.text = ""};
    enum vt_err err;

    if (t->wait_ms > 0 && s->waits.asked + s->waits.awaiting_count >= VT_SERVICE_AWAIT_MAX) {
        s->numbers.adds[VT_ADD_BUSY]++;
        return vt_service_answer(
            s, t->number, 503, "too many await a checkpoint: try again", why);
    }
    if (s->opts->open) {
        err = gate_open(&t->entry, &t->name, &text);
    } else {
        err = vt_gate_entry(
            s->opts->policy, s->store, t->entry.data, t->entry.len, &t->name, &text);
        if (err == VT_OK)
            err = vt_gate_sources_check(s->sources, t->entry.data, t->entry.len, &text);
    }
    if (err == VT_OK)
        return queue_entry(s, t, &text, why);
    s->numbers.adds[VT_ADD_REFUSED]++;
    return refuse(s, t->number, err, &text, why);
}

static enum vt_err
take_awaiting(struct vt_service *s, uint64_t number, struct vt_reader *r, struct vt_why *why)
{
    struct taken t = {.number = number};

    if (!vt_reader_u32(r, &t.wait_ms))
        return vt_fail(why, VT_E_SYNTAX, "a message that is cut short");
    if (t.wait_ms == 0 || t.wait_ms > VT_SERVICE_AWAIT_MS)
        t.wait_ms = VT_SERVICE_AWAIT_MS;
    t.entry = (struct vt_slice){r->p, r->left};
    return take_entry(s, &t, why);
}

/* The document is durable in the store before its entry is queued. */
static enum vt_err
take_review(
    struct vt_service *s, uint64_t number, const struct vt_reader *body, struct vt_why *why)
{
    struct vt_gate_review g = {.entry = {NULL, 0}};
    struct vt_why text = {.text = ""};
    struct taken t = {.number = number};
    struct vt_digest d;
    enum vt_err err = vt_gate_review(s->opts->policy, body->p, body->left, &g, &text);

    if (err == VT_OK)
        err = vt_gate_sources_check(s->sources, g.entry.data, g.entry.len, &text);
    if (err == VT_OK)
        err = vt_store_put(s->store, g.document.data, g.document.len, &d, &text);
    if (err != VT_OK) {
        s->numbers.adds[VT_ADD_REFUSED]++;
        return refuse(s, number, err, &text, why);
    }
    t.entry = g.entry;
    t.name = g.name;
    return queue_entry(s, &t, &text, why);
}

static enum vt_err
take_object(
    struct vt_service *s, uint64_t number, const struct vt_reader *body, struct vt_why *why)
{
    struct vt_why text = {.text = ""};
    char line[8 + VT_DIGEST_HEX_SIZE] = "sha256:";
    struct vt_digest d;
    enum vt_err err = vt_gate_object(s->opts->policy, body->p, body->left, &text);

    if (err == VT_OK)
        err = vt_store_put(s->store, body->p, body->left, &d, &text);
    if (err != VT_OK)
        return refuse(s, number, err, &text, why);
    vt_digest_hex(&d, line + 7);
    return vt_service_answer(s, number, 200, line, why);
}

/* staged/ROLE/VERSION/KEYID.sig, as a TUF signature object. */
static enum vt_err
store_signature(
    struct vt_service *s, const char *role, const struct vt_staged_sig *sig, struct vt_why *why)
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
    struct vt_service *s, const char *role, const struct vt_reader *body, struct vt_why *why)
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
take_signature(
    struct vt_service *s, uint64_t number, struct vt_reader *body, struct vt_why *why)
{
    struct vt_why text = {.text = ""};
    struct vt_reader name = {.p = NULL};
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
    return vt_service_answer(s, number, 200, "stored", why);
}

static enum vt_err
take_metrics(struct vt_service *s, uint64_t number, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(1024);
    struct vt_buf text = VT_BUF(VT_SERVICE_NUMBERS_MAX - 1024);
    enum vt_err err;

    s->numbers.entries = vt_log_writer_size(s->writer);
    s->numbers.derived = vt_log_writer_derived(s->writer);
    s->numbers.frozen = vt_log_writer_frozen(s->writer);
    s->numbers.awaiting = s->waits.awaiting_count;
    vt_buf_put_u64(&head, number);
    vt_buf_put_u16(&head, (uint16_t)strlen(s->label));
    vt_buf_puts(&head, s->label);
    vt_log_numbers_put(&s->numbers, &s->published, s->label, (int64_t)time(NULL), &text);
    err = vt_buf_check(&head, "metrics", why);
    if (err == VT_OK)
        err = vt_buf_check(&text, "metrics", why);
    if (err == VT_OK) {
        const struct vt_msg_piece v[2] = {{head.data, head.len}, {text.data, text.len}};

        err = vt_msg_line_add(s->line, VT_SERVICE_NUMBERS, v, 2, why);
    }
    vt_buf_release(&head);
    vt_buf_release(&text);
    return err;
}

/* What only a site takes. */
static enum vt_err
take_for_site(struct vt_service *s, uint16_t type, uint64_t number, struct vt_reader *r,
    struct vt_why *why)
{
    if (s->opts->open)
        return vt_service_answer(s, number, 404, "this log takes nothing but entries", why);
    if (type == VT_SERVICE_OBJECT)
        return take_object(s, number, r, why);
    if (type == VT_SERVICE_REVIEW)
        return take_review(s, number, r, why);
    return take_signature(s, number, r, why);
}

enum vt_err
vt_service_take(struct vt_service *s, uint16_t type, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    uint64_t number;

    if (!vt_reader_u64(&r, &number))
        return vt_fail(why, VT_E_SYNTAX, "a message without a number");
    switch (type) {
    case VT_SERVICE_ADD:
        return take_entry(s, &(struct taken){.number = number, .entry = {r.p, r.left}}, why);
    case VT_SERVICE_AWAIT:
        return take_awaiting(s, number, &r, why);
    case VT_SERVICE_METRICS:
        return take_metrics(s, number, why);
    default:
        return take_for_site(s, type, number, &r, why);
    }
}
