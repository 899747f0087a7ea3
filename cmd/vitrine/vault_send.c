/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault send: reports the events on standard input.
 */
#include "vault.h"
#include "vault_endpoint.h"

#include "report/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLLOW_LINGER_MS = 1000 };

struct sending {
    struct vt_cmd *c;
    struct vt_reporter *r;
    uint64_t first_waiting; /* batches in the spool when flushing began */
};

static void
on_read(void *ctx, uint64_t bytes)
{
    struct sending *s = ctx;

    vt_progress_set(&s->c->progress, bytes);
}

static void
on_flush(void *ctx)
{
    struct sending *s = ctx;
    struct vt_reporter_status st;

    vt_reporter_status(s->r, &st);
    if (st.spool.batches <= s->first_waiting)
        vt_progress_set(&s->c->progress, s->first_waiting - st.spool.batches);
}

static uint64_t
input_size(void)
{
    struct stat st;

    return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0
               ? (uint64_t)st.st_size
               : 0;
}

static enum vt_err
read_all(struct sending *s, struct vt_feed_opts *o, struct vt_feed_report *report,
    struct vt_why *why)
{
    enum vt_err err;

    o->fd = STDIN_FILENO;
    o->tick = on_read;
    o->tick_ctx = s;
    vt_progress_begin(&s->c->progress, "sealing events", input_size());
    err = vt_feed_run(s->r, o, report, why);
    vt_progress_end(&s->c->progress);
    return err;
}

/* Until the vault has acknowledged all. */
static enum vt_err
send_all(struct sending *s, int64_t give_up_ms, int stop_fd, struct vt_why *why)
{
    struct vt_reporter_status st;
    enum vt_err err;

    vt_reporter_status(s->r, &st);
    s->first_waiting = st.spool.batches;
    vt_progress_begin(&s->c->progress, "sending batches", s->first_waiting);
    err = vt_reporter_flush(s->r, give_up_ms, stop_fd, on_flush, s, why);
    vt_progress_end(&s->c->progress);
    return err;
}

static int
finish(const struct sending *s, const struct vt_feed_report *f)
{
    struct vt_reporter_status st;
    int code;

    vt_reporter_status(s->r, &st);
    if (f->refused > 0 && !s->c->quiet)
        (void)fprintf(stderr,
            "vitrine vault send: %" PRIu64 " lines were refused; the first is line %" PRIu64
            ": %s\n",
            f->refused, f->first_refused, f->first_why.text);
    code = vt_cmd_done(s->c,
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "records", (json_int_t)f->records,
            "refused_lines", (json_int_t)f->refused, "batches", (json_int_t)st.sender.batches,
            "acknowledged_records", (json_int_t)st.sender.records, "bytes",
            (json_int_t)st.sender.bytes, "waiting", (json_int_t)st.spool.batches,
            "refused_batches", (json_int_t)st.spool.refused, "site", st.known.site),
        "%" PRIu64 " events; %s acknowledged %" PRIu64 " in %" PRIu64 " batches of %" PRIu64
        " bytes; %" PRIu64 " batches wait",
        f->records, st.known.site, st.sender.records, st.sender.batches, st.sender.bytes,
        st.spool.batches);
    return code == 0 && f->refused > 0 ? 1 : code;
}

static int
send_events(
    struct vt_cmd *c, const struct vt_vault_endpoint *e, bool follow, int64_t give_up_ms)
{
    struct vt_feed_opts o = {
        .subject = e->subject, .field = e->subject_field, .give_up_ms = give_up_ms};
    struct sending s = {.c = c};
    struct vt_feed_report report = {0};
    struct vt_why why = {{0}};
    int stop_fd = -1;
    int code;
    enum vt_err err =
        vt_vault_endpoint_open(e, follow ? FOLLOW_LINGER_MS : 0, &s.r, &stop_fd, &why);

    if (err == VT_OK) {
        o.stop_fd = stop_fd;
        err = read_all(&s, &o, &report, &why);
    }
    /* One that follows is meant to be stopped: what it has read is sealed. */
    if (err == VT_OK && !(follow && report.stopped))
        err = send_all(&s, give_up_ms, stop_fd, &why);
    code = err == VT_OK ? finish(&s, &report) : vt_cmd_fail(c, err, &why);
    vt_reporter_free(s.r);
    if (stop_fd >= 0)
        close(stop_fd);
    return code;
}

static int
new_secret(const struct vt_cmd *c, const char *path)
{
    struct vt_why why = {{0}};
    enum vt_err err = vt_customer_secret_new(path, &why);

    if (err != VT_OK)
        return vt_cmd_fail(c, err, &why);
    return vt_cmd_done(c, json_pack("{s:s}", "secret", path),
        "made a customer's secret in %s; its endpoints need it, and whoever asks for a "
        "subject's "
        "data: keep a copy",
        path);
}

int
vt_cmd_vault_send(int argc, char **argv)
{
    struct vt_vault_endpoint e = {0};
    const char *secret_path = NULL;
    uint64_t give_up = UINT64_MAX;
    bool follow = false;
    const struct vt_opt opts[] = {
        VT_VAULT_ENDPOINT_OPTS(e),
        {"follow", 0, VT_OPT_FLAG, NULL, "seal what was read after a second", &follow, false},
        {"give-up", 0, VT_OPT_U64, "SECONDS", "stop waiting for the vault then", &give_up,
            false},
        {"new-secret", 0, VT_OPT_STR, "FILE", "make a customer's secret, and nothing else",
            &secret_path, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault send",
        .args = "--spool DIR --from URL --policy FILE ... < events",
        .summary = "Seals events to a region's key and sends them to its vault.",
        .details = "One event a line. FIELD is a path in a JSON event, such as user.name; "
                   "only its tag leaves this machine. Ends when the vault has acknowledged "
                   "all, with exit code 3 when it gave up, 1 when lines were refused. "
                   "The spool keeps what was not acknowledged for the next run.",
        .opts = opts};
    int code = vt_cmd_parse(&c, argc, argv);

    if (code >= 0)
        return code;
    if (secret_path != NULL)
        return new_secret(&c, secret_path);
    return send_events(
        &c, &e, follow, give_up > INT64_MAX / 1000 ? -1 : (int64_t)give_up * 1000);
}
