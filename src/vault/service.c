/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/customers.h"
#include "vault/move.h"
#include "vault/place.h"
#include "vault/service_parts.h"
#include "vault/settle.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEP_MS = 500, RECV_MS = 30000, STOP_MS = 6000, FULL_RETRY_S = 5 };
#define PACK_AFTER_S 60U
#define PACK_SIZE (12U * 1024U * 1024U)
#define WAL_MAX (1024ULL * 1024U * 1024U)
#define HEAD_MAX (8U + 2U + VT_VAULT_PATH_MAX) /* of a message */
#define KEEP_BUFFER (1024U * 1024U)            /* a larger one is given back */

static const struct vt_msg_rule rules[] = {{VT_VAULT_BATCH, VT_BATCH_MAX + HEAD_MAX},
    {VT_VAULT_SHARES, VT_VAULT_SHARES_MAX + HEAD_MAX},
    {VT_VAULT_MOVE, VT_MOVE_PIECE_MAX + HEAD_MAX}, {VT_VAULT_ACCESS, HEAD_MAX},
    {VT_VAULT_METRICS, HEAD_MAX}, {VT_VAULT_STATUS, HEAD_MAX}, {0, 0}};

static enum vt_err
answer(struct vt_store_process *s, uint64_t number, const struct vt_store_answer *a,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_VAULT_ANSWER_MAX + 64);
    enum vt_err err;

    vt_buf_put_u64(&b, number);
    vt_buf_put_u16(&b, (uint16_t)a->status);
    vt_buf_put_u16(&b, (uint16_t)a->retry_s);
    vt_buf_put_u8(&b, (uint8_t)a->type);
    vt_buf_put(&b, a->body.data, a->body.len);
    err = vt_buf_check(&b, "answer", why);
    if (err == VT_OK)
        err = vt_msg_send(s->fd, VT_VAULT_DONE, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
answer_line(struct vt_store_process *s, uint64_t number, int status, const char *text,
    struct vt_why *why)
{
    struct vt_store_answer a = {.status = status,
        .retry_s = status == 503 ? FULL_RETRY_S : 0,
        .type = VT_VAULT_TEXT,
        .body = VT_BUF(2048)};
    enum vt_err err;

    vt_buf_putf(&a.body, "%s\n", text);
    err = answer(s, number, &a, why);
    vt_buf_release(&a.body);
    return err;
}

static enum vt_err
refuse(struct vt_store_process *s, uint64_t number, enum vt_refused reason,
    const struct vt_why *text, struct vt_why *why)
{
    s->metrics.refused[reason]++;
    return answer_line(s, number, vt_refused_status(reason), text->text, why);
}

/* Why there is no room for another batch now. */
static enum vt_refused
no_room(struct vt_store_process *s, struct vt_why *text)
{
    if (vt_pack_queue_bytes(s->queue) < s->opts->wal_max)
        return VT_REFUSED_NONE;
    (void)vt_fail(text, VT_E_BUSY, "too much waits to be packed: try again later");
    return VT_REFUSED_FULL;
}

static enum vt_err
open_wal(struct vt_store_process *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (s->wal != NULL)
        return VT_OK;
    err = vt_pack_queue_next(s->queue, path, why);
    if (err == VT_OK)
        err = vt_bwal_create(path, vt_intake_policy(s->intake), &s->wal, why);
    s->wal_weight = 0;
    s->wal_blocks = 0;
    s->wal_since_ms = vt_clock_monotonic_ms();
    return err;
}

/* Puts the batch into the open group. */
static enum vt_err
put_batch(struct vt_store_process *s, const struct vt_batch_header *h,
    const struct vt_reader *body, struct vt_why *why)
{
    struct vt_bwal_record r = {.arrived = (uint64_t)vt_clock_now(&vt_clock_system),
        .batch = body->p,
        .len = body->left};
    enum vt_err err = open_wal(s, why);

    if (err == VT_OK)
        err = vt_taken_add(s->taken, h->id, why);
    if (err != VT_OK)
        return err;
    err = vt_bwal_append(s->wal, &r, why);
    if (err != VT_OK) {
        vt_taken_drop(s->taken, h->id);
        return err;
    }
    s->wal_weight += vt_segment_weight(h);
    s->wal_blocks += h->block_count;
    return VT_OK;
}

static uint32_t
records_of(const struct vt_batch_header *h)
{
    uint32_t n = 0;

    for (size_t i = 0; i < h->block_count; i++) {
        struct vt_block_row row;

        vt_batch_row(h, i, &row);
        n += row.records;
    }
    return n;
}

static enum vt_err
take_batch(struct vt_store_process *s, uint64_t number, const struct vt_reader *body,
    struct vt_why *why)
{
    struct vt_service_waiting w = {.number = number, .bytes = body->left};
    struct vt_why text = {{0}};
    struct vt_batch_header h;
    const uint8_t *blocks;
    enum vt_refused refused = VT_REFUSED_NONE;
    enum vt_err err = vt_batch_parse(body->p, body->left, &h, &blocks, &text);

    if (err != VT_OK)
        return refuse(
            s, number, err == VT_E_LIMIT ? VT_REFUSED_SIZE : VT_REFUSED_FORM, &text, why);
    memcpy(w.id, h.id, sizeof w.id);
    err = vt_taken_has(s->taken, h.id, &w.duplicate, why);
    if (err != VT_OK)
        return err;
    if (!w.duplicate)
        refused = vt_intake_check(s->intake, &h, &text);
    if (!w.duplicate && refused == VT_REFUSED_NONE)
        refused = no_room(s, &text);
    if (refused == VT_REFUSED_NONE && !w.duplicate && put_batch(s, &h, body, &text) != VT_OK) {
        vt_log(VT_LOG_ERROR, "a batch is not taken: %s", text.text);
        vt_why_clear(&text);
        (void)vt_fail(&text, VT_E_IO, "it cannot be made durable now: try again later");
        refused = VT_REFUSED_DISK;
    }
    if (refused != VT_REFUSED_NONE)
        return refuse(s, number, refused, &text, why);
    w.records = records_of(&h);
    s->waiting[s->waiting_count++] = w;
    return VT_OK;
}

static enum vt_err
take_message(
    struct vt_store_process *s, uint16_t type, const struct vt_buf *b, struct vt_why *why)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_store_answer a = {
        .status = 200, .type = VT_VAULT_TEXT, .body = VT_BUF(VT_VAULT_ANSWER_MAX)};
    struct vt_reader name = {0};
    char path[VT_VAULT_PATH_MAX + 1];
    uint64_t number;
    uint16_t len;
    enum vt_err err;

    if (!vt_reader_u64(&r, &number) || !vt_reader_u16(&r, &len) ||
        !vt_reader_take(&r, len, &name.p))
        return vt_fail(why, VT_E_SYNTAX, "a message without number and path");
    name.left = len;
    if (!vt_reader_cstr(&name, path, sizeof path))
        return vt_fail(why, VT_E_SYNTAX, "a message with a path that cannot be");
    if (type == VT_VAULT_BATCH)
        return take_batch(s, number, &r, why);
    err = vt_store_ask(s, (enum vt_vault_msg)type, path, r.p, r.left, &a, why);
    if (err == VT_OK)
        err = answer(s, number, &a, why);
    vt_buf_release(&a.body);
    return err;
}

static bool
is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static bool
wal_is_full(const struct vt_store_process *s)
{
    return s->wal != NULL &&
           (s->wal_weight >= s->opts->pack_size || s->wal_blocks >= VT_SEGMENT_FILL_BLOCKS);
}

/* Takes what has arrived, up to a group. */
static enum vt_err
take_messages(struct vt_store_process *s, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    uint16_t type;

    while (err == VT_OK && s->waiting_count < VT_VAULT_OPEN_MAX && !wal_is_full(s) &&
           is_readable(s->fd)) {
        err = vt_msg_recv(s->fd, rules, RECV_MS, &type, b, why);
        s->ended = err == VT_E_NOENT;
        if (err == VT_OK)
            err = take_message(s, type, b, why);
        if (b->cap > KEEP_BUFFER)
            vt_buf_release(b);
    }
    return err;
}

static enum vt_err
tell_waiting(struct vt_store_process *s, bool durable, const char *text, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    char line[64];
    char hex[2 * VT_TAKEN_ID + 1];

    for (size_t i = 0; i < s->waiting_count && err == VT_OK; i++) {
        const struct vt_service_waiting *w = &s->waiting[i];

        vt_hex_encode(w->id, sizeof w->id, hex);
        (void)snprintf(
            line, sizeof line, "%s %s", w->duplicate ? "duplicate" : "accepted", hex);
        err = answer_line(s, w->number, durable ? 200 : 503, durable ? line : text, why);
        if (!durable) {
            s->metrics.refused[VT_REFUSED_DISK]++;
        } else if (w->duplicate) {
            s->metrics.duplicates++;
        } else {
            s->metrics.batches++;
            s->metrics.records += w->records;
            s->metrics.bytes += w->bytes;
        }
    }
    s->waiting_count = 0;
    return err;
}

static int64_t
now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* One fdatasync for all that wait, then everybody is told. */
static enum vt_err
commit(struct vt_store_process *s, struct vt_why *why)
{
    struct vt_why text = {{0}};
    int64_t began = now_us();
    enum vt_err committed = s->wal == NULL ? VT_OK : vt_bwal_commit(s->wal, &text);
    enum vt_err err;

    s->metrics.syncs++;
    s->metrics.sync_us += (uint64_t)(now_us() - began);
    if (committed != VT_OK) {
        vt_log(VT_LOG_ERROR, "batches not taken: %s", text.text);
        for (size_t i = 0; i < s->waiting_count; i++)
            if (!s->waiting[i].duplicate)
                vt_taken_drop(s->taken, s->waiting[i].id);
    }
    err = tell_waiting(
        s, committed == VT_OK, "it cannot be made durable now: try again later", why);
    if (committed == VT_E_STATE || committed == VT_E_IO)
        return vt_fail(why, committed, "%s", text.text);
    return err;
}

/* Closes the write-ahead file and lets it be packed. */
static enum vt_err
roll(struct vt_store_process *s, struct vt_why *why)
{
    uint64_t bytes;
    uint32_t batches;

    if (s->wal == NULL)
        return VT_OK;
    bytes = vt_bwal_size(s->wal);
    batches = vt_bwal_count(s->wal);
    vt_bwal_free(s->wal);
    s->wal = NULL;
    return vt_pack_queue_put(s->queue, bytes, batches, why);
}

static enum vt_err
roll_when_due(struct vt_store_process *s, struct vt_why *why)
{
    int64_t age = vt_clock_monotonic_ms() - s->wal_since_ms;

    if (wal_is_full(s) || (s->wal != NULL && age >= 1000 * (int64_t)s->opts->pack_after_s))
        return roll(s, why);
    return VT_OK;
}

enum vt_err
vt_store_refresh(struct vt_store_process *s, struct vt_why *why)
{
    struct vt_why text = {{0}};
    bool changed = false;
    enum vt_err err = vt_intake_refresh(s->intake, &changed, &text);

    if (err == VT_OK)
        err = vt_store_show(s->opts->home, &text);
    if (err == VT_E_NOMEM)
        return vt_fail(why, err, "%s", text.text);
    if (err != VT_OK)
        vt_log(VT_LOG_WARN, "what was known stays: %s", text.text);
    if (changed) {
        vt_log(VT_LOG_INFO, "another vault policy is in force");
        return roll(s, why);
    }
    return vt_settle_asked(s->opts->home) ? roll(s, why) : VT_OK;
}

static enum vt_err
turn(struct vt_store_process *s, struct vt_buf *b, int64_t *refreshed_ms, struct vt_why *why)
{
    struct pollfd p[2] = {
        {.fd = s->fd, .events = POLLIN}, {.fd = vt_pack_queue_fd(s->queue), .events = POLLIN}};
    enum vt_err received = VT_OK;
    enum vt_err err = VT_OK;

    (void)poll(p, 2, STEP_MS);
    if (vt_clock_monotonic_ms() - *refreshed_ms >= STEP_MS) {
        *refreshed_ms = vt_clock_monotonic_ms();
        err = vt_store_refresh(s, why);
    }
    if (err == VT_OK && p[0].revents != 0)
        received = take_messages(s, b, why);
    if (err == VT_OK && s->waiting_count > 0)
        err = commit(s, received == VT_OK ? why : NULL);
    if (err == VT_OK)
        err = roll_when_due(s, received == VT_OK ? why : NULL);
    if (err == VT_OK)
        err = vt_pack_queue_turn(s->queue, received == VT_OK ? why : NULL);
    return received != VT_OK ? received : err;
}

/* At a clean end: packs what can be packed within a few seconds. */
static enum vt_err
pack_rest(struct vt_store_process *s, struct vt_why *why)
{
    int64_t end = vt_clock_monotonic_ms() + STOP_MS;
    enum vt_err err = roll(s, why);

    while (err == VT_OK && !vt_pack_queue_idle(s->queue) && vt_clock_monotonic_ms() < end) {
        struct pollfd p = {.fd = vt_pack_queue_fd(s->queue), .events = POLLIN};

        (void)poll(&p, 1, STEP_MS);
        err = vt_pack_queue_turn(s->queue, why);
    }
    return err;
}

enum vt_err
vt_vault_service_folders(const struct vt_home *home, struct vt_why *why)
{
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {{"wal", 0700}, {"segments", 0755}, {"inventory", 0755}, {"moves", 0700},
        {"keys", 0755}, {"shares-in", 0700}, {"accesses", 0700}, {"pub/keys", 0755},
        {"run", 0700}};
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && err == VT_OK; i++) {
        err = vt_vault_path(home, path, why, "%s", folders[i].name);
        if (err == VT_OK)
            err = vt_dir_make(path, folders[i].mode, why);
    }
    return err;
}

static enum vt_err
open_all(struct vt_store_process *s, struct vt_why *why)
{
    struct vt_pack_queue_opts q = {.home = s->opts->home,
        .keeper = s->opts->keeper,
        .keeper_lock = &s->keeper_lock,
        .metrics = &s->metrics};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_service_folders(s->opts->home, why);

    if (err == VT_OK)
        err = vt_vault_path(s->opts->home, path, why, "ids");
    if (err == VT_OK)
        err = vt_taken_open(path, &s->taken, why);
    if (err == VT_OK)
        err = vt_store_learn_all(s, why);
    q.taken = s->taken;
    if (err == VT_OK)
        err = vt_pack_queue_new(&q, &s->queue, why);
    if (err == VT_OK)
        err = vt_intake_new(s->opts->home, &s->intake, why);
    if (err == VT_OK)
        err = vt_store_show(s->opts->home, why);
    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "%llu batches in segments, %llu wait to be packed",
            (unsigned long long)vt_taken_count(s->taken),
            (unsigned long long)vt_pack_queue_batches(s->queue));
    return err;
}

static void
close_all(struct vt_store_process *s)
{
    vt_bwal_free(s->wal);
    vt_pack_queue_free(s->queue);
    vt_intake_free(s->intake);
    vt_taken_free(s->taken);
    vt_customers_free(s->customers);
    for (size_t i = 0; i < s->inventory_count; i++)
        vt_inventory_free(s->inventory[i].inventory);
    (void)pthread_mutex_destroy(&s->keeper_lock);
    free(s);
}

enum vt_err
vt_vault_service_run(int fd, const struct vt_vault_service *opts, struct vt_why *why)
{
    struct vt_vault_service o = *opts;
    struct vt_store_process *s = calloc(1, sizeof *s);
    struct vt_buf b = VT_BUF(VT_BATCH_MAX + HEAD_MAX);
    struct vt_why local = {{0}};
    int64_t refreshed_ms = vt_clock_monotonic_ms();
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    if (why == NULL)
        why = &local;
    o.pack_after_s = o.pack_after_s == 0 ? PACK_AFTER_S : o.pack_after_s;
    o.pack_size = o.pack_size == 0 ? PACK_SIZE : o.pack_size;
    o.pack_size = o.pack_size > VT_SEGMENT_FILL ? VT_SEGMENT_FILL : o.pack_size;
    o.wal_max = o.wal_max == 0 ? WAL_MAX : o.wal_max;
    s->fd = fd;
    s->opts = &o;
    (void)pthread_mutex_init(&s->keeper_lock, NULL);
    err = open_all(s, why);
    while (err == VT_OK)
        err = turn(s, &b, &refreshed_ms, why);
    if (s->ended && err == VT_E_NOENT)
        err = pack_rest(s, why);
    vt_buf_release(&b);
    close_all(s);
    return err;
}
