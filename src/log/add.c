/* SPDX-License-Identifier: Apache-2.0 */
#include "log/add.h"

#include "base/log.h"
#include "base/metric.h"
#include "base/msg_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may wait for a log that is busy: two of the largest and many small ones. */
#define QUEUE_MAX (2U * VT_SERVICE_BODY_MAX + 16U * 1024U * 1024U)
#define SLOT_BITS 12U
/* How many may ask for numbers at once: for so many the log's line of answers has room. */
#define NUMBERS_OPEN_MAX 8U
_Static_assert(1U << SLOT_BITS == VT_SERVICE_OPEN_MAX, "a slot's number fits its bits");

static const struct vt_msg_rule rules[] = {{VT_SERVICE_DONE, VT_SERVICE_DONE_MAX},
    {VT_SERVICE_NUMBERS, VT_SERVICE_NUMBERS_MAX}, {0, 0}};

/* A request that the log process has not answered yet. */
struct slot {
    struct vt_http_exchange *x; /* NULL: free */
    uint64_t number;            /* its lowest bits are the slot's place */
    bool located;               /* answered with an index, whose proof has a place */
    bool preferred;
    bool numbers;  /* asks for metrics */
    uint16_t next; /* of the free ones */
};

struct vt_add {
    struct vt_msg_line *line;
    struct vt_http_watch *watch;
    struct vt_buf message;
    uint64_t count; /* of requests handed over, ever */
    unsigned open;
    unsigned numbers_open; /* of these, those that ask for metrics */
    uint16_t free;         /* the first free one, when not all are open */
    bool flushed;          /* nothing has gathered */
    struct slot slots[VT_SERVICE_OPEN_MAX];
};

/* `prefer`'s wait=N, in seconds. */
static bool
preferred_wait(const char *prefer, uint64_t *ret)
{
    struct vt_reader r = VT_READER(prefer, strlen(prefer));
    struct vt_reader item;
    uint64_t s;

    while (vt_reader_word(&r, ',', &item)) {
        while (vt_reader_skip(&item, " ") || vt_reader_skip(&item, "\t"))
            continue;
        while (item.left > 0 && (item.p[item.left - 1] == ' ' || item.p[item.left - 1] == '\t'))
            item.left--;
        if (vt_reader_skip(&item, "wait=") && vt_reader_decimal(&item, UINT32_MAX, &s)) {
            *ret = s < VT_SERVICE_AWAIT_MS / 1000 ? s : VT_SERVICE_AWAIT_MS / 1000;
            return true;
        }
    }
    return false;
}

bool
vt_add_wait_parse(const char *query, const char *prefer, struct vt_add_wait *ret)
{
    struct vt_reader r = VT_READER(query, strlen(query));
    struct vt_add_wait wait = {.ms = 0};
    struct vt_reader item;
    uint64_t s;

    while (vt_reader_word(&r, '&', &item)) {
        if (!vt_reader_is(&item, "wait=witnessed"))
            return false;
        wait.ms = VT_ADD_WAIT_MS;
    }
    if (preferred_wait(prefer, &s) && wait.ms == 0 && s > 0)
        wait = (struct vt_add_wait){.ms = (uint32_t)s * 1000, .preferred = true};
    *ret = wait;
    return true;
}

static bool
answer_now(struct vt_http_response *rs, int status, const char *text)
{
    rs->status = status;
    if (status == 503)
        rs->retry_after_s = 1;
    vt_buf_putf(&rs->body, "%s\n", text);
    return false;
}

static void
flush(struct vt_add *a)
{
    struct vt_why why = {.text = ""};

    if (vt_msg_line_flush(a->line, &why) != VT_OK)
        vt_log(VT_LOG_ERROR, "the log does not take requests: %s", why.text);
    a->flushed = true;
    a->watch->write = vt_msg_line_waits(a->line);
}

/* Hands over a message of pieces, of which the first is for the number. */
static bool
hand_over(struct vt_add *a, enum vt_service_msg type, struct vt_msg_piece *v, size_t n,
    struct vt_http_exchange *x, struct vt_http_response *rs, struct slot **ret)
{
    struct slot *s = &a->slots[a->free];
    struct vt_why why = {.text = ""};
    uint8_t number[8];
    enum vt_err err;

    if (a->open == VT_SERVICE_OPEN_MAX)
        return answer_now(rs, 503, "too much is under way: try again");
    s->number = (a->count << SLOT_BITS) | a->free;
    for (unsigned i = 0; i < 8; i++)
        number[i] = (uint8_t)(s->number >> (8 * (7 - i)));
    v[0] = (struct vt_msg_piece){number, sizeof number};
    err = vt_msg_line_add(a->line, (uint16_t)type, v, n, &why);
    if (err == VT_E_BUSY)
        return answer_now(rs, 503, "too much is under way: try again");
    if (err != VT_OK) {
        vt_log(VT_LOG_ERROR, "the log does not take requests: %s", why.text);
        return answer_now(rs, 503, "the log is starting: try again");
    }
    a->free = s->next;
    a->count++;
    a->open++;
    a->flushed = false;
    s->x = x;
    s->located = false;
    s->preferred = false;
    s->numbers = false;
    *ret = s;
    return true;
}

bool
vt_add_entry(struct vt_add *a, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_msg_piece v[3] = {{NULL, 0}, {NULL, 0}, {rq->body, rq->body_len}};
    struct vt_add_wait wait;
    uint8_t ms[4];
    struct slot *s = NULL;

    if (!vt_add_wait_parse(rq->query, rq->prefer, &wait))
        return answer_now(rs, 400, "the query may be wait=witnessed, or nothing");
    for (unsigned i = 0; i < 4; i++)
        ms[i] = (uint8_t)(wait.ms >> (8 * (3 - i)));
    if (wait.ms > 0)
        v[1] = (struct vt_msg_piece){ms, sizeof ms};
    if (!hand_over(a, wait.ms > 0 ? VT_SERVICE_AWAIT : VT_SERVICE_ADD, v, 3, x, rs, &s))
        return false;
    s->located = true;
    s->preferred = wait.preferred;
    return true;
}

bool
vt_add_post(struct vt_add *a, enum vt_service_msg type, const char *role,
    const struct vt_http_request *rq, struct vt_http_exchange *x, struct vt_http_response *rs)
{
    uint8_t name[65];
    struct vt_msg_piece v[3] = {{NULL, 0}, {NULL, 0}, {rq->body, rq->body_len}};
    struct slot *s = NULL;

    if (role != NULL) {
        size_t len = strnlen(role, 65);

        if (len == 0 || len > 64)
            return answer_now(rs, 400, "that is no role's name");
        name[0] = (uint8_t)len;
        memcpy(name + 1, role, len);
        v[1] = (struct vt_msg_piece){name, len + 1};
    }
    if (!hand_over(a, type, v, 3, x, rs, &s))
        return false;
    s->located = type == VT_SERVICE_REVIEW;
    return true;
}

bool
vt_add_metrics(struct vt_add *a, struct vt_http_exchange *x, struct vt_http_response *rs)
{
    struct vt_msg_piece v[1] = {{NULL, 0}};
    struct slot *s = NULL;

    if (a->numbers_open == NUMBERS_OPEN_MAX)
        return answer_now(rs, 503, "too many ask for these: try again");
    if (!hand_over(a, VT_SERVICE_METRICS, v, 1, x, rs, &s))
        return false;
    s->numbers = true;
    a->numbers_open++;
    return true;
}

void
vt_add_turned(struct vt_add *a)
{
    if (!a->flushed)
        flush(a);
}

/* The request of a number, whose slot is free from then on. NULL: nobody waits for it. */
static struct vt_http_exchange *
close_slot(struct vt_add *a, uint64_t number, struct slot *ret)
{
    uint16_t place = (uint16_t)(number & (VT_SERVICE_OPEN_MAX - 1));
    struct slot *s = &a->slots[place];

    if (s->x == NULL || s->number != number)
        return NULL;
    *ret = *s;
    s->x = NULL;
    s->next = a->free;
    a->free = place;
    a->open--;
    a->numbers_open -= ret->numbers ? 1 : 0;
    return ret->x;
}

/* Where the proof of an entry will be: the answer's line is its index. */
static void
locate(struct vt_reader line, char *ret, size_t size)
{
    uint64_t index;

    ret[0] = '\0';
    if (line.left > 0 && line.p[line.left - 1] == '\n')
        line.left--;
    if (vt_reader_decimal(&line, INT64_MAX, &index))
        (void)snprintf(ret, size, "/proof/%llu", (unsigned long long)index);
}

static enum vt_err
deliver(struct vt_add *a, struct vt_reader r, struct vt_why *why)
{
    struct vt_http_response rs;
    struct slot s = {.x = NULL};
    char location[40];
    uint64_t number;
    uint16_t status;
    uint16_t retry_s;

    if (!vt_reader_u64(&r, &number) || !vt_reader_u16(&r, &status) ||
        !vt_reader_u16(&r, &retry_s))
        return vt_fail(why, VT_E_SYNTAX, "the log's answer is cut short");
    if (close_slot(a, number, &s) == NULL)
        return VT_OK;
    vt_http_response_init(&rs);
    rs.status = status == 504 && s.preferred ? 202 : status;
    rs.retry_after_s = retry_s;
    if (s.located && (status == 200 || status == 504)) {
        locate(r, location, sizeof location);
        rs.location = location;
    }
    vt_buf_put(&rs.body, r.p, r.left);
    vt_http_reply(s.x, &rs);
    return VT_OK;
}

/* The log's numbers, and after them this process's line of their last family. */
static enum vt_err
deliver_numbers(struct vt_add *a, struct vt_reader r, struct vt_why *why)
{
    struct vt_http_response rs;
    struct slot s = {.x = NULL};
    const uint8_t *label;
    uint64_t number;
    uint16_t len;

    if (!vt_reader_u64(&r, &number) || !vt_reader_u16(&r, &len) ||
        !vt_reader_take(&r, len, &label))
        return vt_fail(why, VT_E_SYNTAX, "the log's numbers are cut short");
    if (close_slot(a, number, &s) == NULL)
        return VT_OK;
    vt_http_response_init(&rs);
    rs.content_type = VT_METRIC_TYPE;
    vt_buf_put(&rs.body, r.p, r.left);
    vt_buf_putf(&rs.body, "%s{%.*s,process=\"http\"} %llu\n", VT_SERVICE_RESIDENT, (int)len,
        (const char *)label, (unsigned long long)vt_metric_resident());
    vt_http_reply(s.x, &rs);
    return VT_OK;
}

static enum vt_err
on_ready(void *ctx, struct vt_why *why)
{
    struct vt_add *a = ctx;
    enum vt_err err = vt_msg_line_flush(a->line, why);
    uint16_t type;
    bool got = true;

    while (err == VT_OK && got) {
        err = vt_msg_line_take(a->line, &got, &type, &a->message, why);
        if (err == VT_OK && got) {
            struct vt_reader r = VT_READER(a->message.data, a->message.len);

            err = type == VT_SERVICE_DONE ? deliver(a, r, why) : deliver_numbers(a, r, why);
        }
    }
    a->watch->write = vt_msg_line_waits(a->line);
    /* It died in the midst of a message: that is no reason not to start both again. */
    return err == VT_E_SYNTAX ? vt_fail_in(why, VT_E_IO, "the log process") : err;
}

enum vt_err
vt_add_new(int fd, struct vt_http_watch *watch, struct vt_add **ret, struct vt_why *why)
{
    struct vt_add *a = calloc(1, sizeof *a);
    enum vt_err err;

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "http: out of memory");
    vt_buf_init(&a->message, VT_SERVICE_NUMBERS_MAX);
    a->watch = watch;
    a->flushed = true;
    for (size_t i = 0; i < VT_SERVICE_OPEN_MAX; i++)
        a->slots[i].next = (uint16_t)(i + 1);
    err = vt_msg_line_new(fd, rules, QUEUE_MAX, &a->line, why);
    if (err != VT_OK) {
        vt_add_free(a);
        return err;
    }
    vt_msg_line_read_ahead(a->line);
    *watch = (struct vt_http_watch){.fd = fd, .ready = on_ready, .ctx = a};
    *ret = a;
    return VT_OK;
}

void
vt_add_free(struct vt_add *a)
{
    if (a == NULL)
        return;
    vt_msg_line_free(a->line);
    vt_buf_release(&a->message);
    free(a);
}
