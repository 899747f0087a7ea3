/* SPDX-License-Identifier: Apache-2.0 */
#include "report/feed.h"

#include "base/clock.h"
#include "report/batch.h"
#include "report/field.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line of the greatest length, its newline, and as much again to read into. */
#define ROOM (2U * (VT_RECORD_MAX + 1U))
enum { FULL_STEP_MS = 200 };

struct feed {
    struct vt_reporter *r;
    const struct vt_feed_opts *o;
    struct vt_feed_report *report;
    uint8_t *room;
    size_t len;     /* bytes in room that are no whole line yet */
    bool skipping;  /* inside a line that is too long */
    uint64_t line;  /* number of the one that comes next */
    uint64_t bytes; /* read */
};

static void
refuse(struct feed *f, const struct vt_why *why)
{
    f->report->refused++;
    if (f->report->first_refused == 0) {
        f->report->first_refused = f->line;
        f->report->first_why = *why;
    }
}

/* false: stop_fd is readable. */
static bool
wait_for_room(const struct feed *f)
{
    struct pollfd p = {.fd = f->o->stop_fd, .events = POLLIN};

    return poll(&p, 1, FULL_STEP_MS) <= 0;
}

/* Adds a record, waiting for room. A record refused is no error. */
static enum vt_err
add(struct feed *f, const char *subject, const uint8_t *p, size_t len, struct vt_why *why)
{
    int64_t began = vt_clock_monotonic_ms();
    enum vt_err err;

    for (;;) {
        vt_why_clear(why);
        err = vt_reporter_add(f->r, subject, p, len, why);
        if (err != VT_E_NOSPC)
            break;
        if (f->o->give_up_ms >= 0 && vt_clock_monotonic_ms() - began >= f->o->give_up_ms)
            return err;
        if (!wait_for_room(f)) {
            f->report->stopped = true;
            return err;
        }
    }
    if (err == VT_OK)
        f->report->records++;
    else if (err == VT_E_SYNTAX || err == VT_E_USAGE)
        refuse(f, why);
    else
        return err;
    return VT_OK;
}

static enum vt_err
take_line(struct feed *f, const uint8_t *p, size_t len, struct vt_why *why)
{
    char name[VT_SUBJECT_NAME_MAX + 1];
    const char *subject = f->o->subject;
    struct vt_why no = {{0}};

    f->line++;
    if (len == 0)
        return VT_OK;
    f->report->lines++;
    if (f->o->field != NULL && vt_field_of_json(p, len, f->o->field, name))
        subject = name;
    if (subject != NULL)
        return add(f, subject, p, len, why);
    (void)vt_fail(&no, VT_E_SYNTAX, "no subject: there is no `%s` in it", f->o->field);
    refuse(f, &no);
    return VT_OK;
}

static void
too_long(struct feed *f)
{
    struct vt_why no = {{0}};

    f->line++;
    f->report->lines++;
    (void)vt_fail(&no, VT_E_SYNTAX, "a line of more than %u bytes", VT_RECORD_MAX);
    refuse(f, &no);
}

/* Takes all whole lines out of the room. */
static enum vt_err
take_lines(struct feed *f, bool end, struct vt_why *why)
{
    uint8_t *p = f->room;
    size_t left = f->len;
    uint8_t *nl;
    enum vt_err err = VT_OK;

    while (err == VT_OK && (nl = memchr(p, '\n', left)) != NULL) {
        size_t n = (size_t)(nl - p);

        if (f->skipping)
            f->skipping = false;
        else if (n > VT_RECORD_MAX)
            too_long(f);
        else
            err = take_line(f, p, n, why);
        p += n + 1;
        left -= n + 1;
    }
    if (err == VT_OK && !f->skipping && left > VT_RECORD_MAX) {
        too_long(f);
        f->skipping = true;
    }
    if (err == VT_OK && end && !f->skipping && left > 0) {
        err = take_line(f, p, left, why);
        left = 0;
    }
    if (f->skipping)
        left = 0;
    memmove(f->room, p, left);
    f->len = left;
    return err;
}

/* Reads what is there. *ret_end: nothing more will come, or it is to stop. */
static enum vt_err
read_some(struct feed *f, bool *ret_end, struct vt_why *why)
{
    struct pollfd p[2] = {
        {.fd = f->o->fd, .events = POLLIN}, {.fd = f->o->stop_fd, .events = POLLIN}};
    ssize_t n;

    *ret_end = false;
    if (poll(p, 2, -1) < 0)
        return errno == EINTR ? VT_OK : vt_fail_errno(why, "cannot wait for input");
    if (p[1].revents != 0) {
        f->report->stopped = true;
        *ret_end = true;
        return VT_OK;
    }
    n = read(f->o->fd, f->room + f->len, ROOM - f->len);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? VT_OK
                                                 : vt_fail_errno(why, "cannot read input");
    *ret_end = n == 0;
    f->len += (size_t)n;
    f->bytes += (uint64_t)n;
    if (f->o->tick != NULL)
        f->o->tick(f->o->tick_ctx, f->bytes);
    return VT_OK;
}

enum vt_err
vt_feed_run(struct vt_reporter *r, const struct vt_feed_opts *opts, struct vt_feed_report *ret,
    struct vt_why *why)
{
    struct feed f = {.r = r, .o = opts, .report = ret};
    bool end = false;
    enum vt_err err = VT_OK;
    enum vt_err sealed;

    *ret = (struct vt_feed_report){0};
    if (opts->subject == NULL && opts->field == NULL)
        return vt_fail(why, VT_E_USAGE, "whose data is it? Name a subject or a field");
    f.room = malloc(ROOM);
    if (f.room == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to read lines");
    while (err == VT_OK && !end) {
        err = read_some(&f, &end, why);
        /* What was cut off by a stop is no whole line. */
        if (err == VT_OK)
            err = take_lines(&f, end && !ret->stopped, why);
    }
    sealed = vt_reporter_seal(r, err == VT_OK ? why : NULL);
    /* No room for the last ones yet: flushing makes some. */
    if (err == VT_OK && sealed != VT_E_NOSPC)
        err = sealed;
    vt_wipe(f.room, ROOM);
    free(f.room);
    return err;
}
