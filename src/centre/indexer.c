/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/indexer.h"

#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/msg.h"
#include "centre/indexer_shelf.h"
#include "centre/room.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* It looks at the checkpoint four times a second; at what is waited for, at a problem, and for
 * archives once in a while. */
enum { LOOK_MS = 250, RETRY_MS = 1000, SHELF_MS = 5000, RETRY_MOST = 500 };

struct indexer {
    const struct vt_indexer_opts *opts;
    struct vt_facts *facts;
    struct vt_shelf shelf;
    int fd;
    char checkpoint[VT_PATH_MAX];
    struct stat seen;   /* the checkpoint's file as it was taken in */
    bool trouble;       /* it could not be taken in, so it is looked at again */
    struct vt_why said; /* the problem that was logged last */
    int64_t event;      /* the newest that was sent */
    bool gone;          /* http takes no more */
    int64_t retry_ms;
    int64_t shelf_ms;
};

static enum vt_err
begin(struct indexer *x, struct vt_why *why)
{
    enum vt_err err = vt_home_path(x->opts->home, x->checkpoint, why, "public/checkpoint");

    if (err == VT_OK)
        err = vt_facts_open(x->opts->home, x->opts->policy, &x->facts, why);
    if (err == VT_OK)
        err = vt_shelf_init(&x->shelf, x->opts->home, x->facts, why);
    if (err == VT_OK)
        err = vt_facts_last_event(x->facts, &x->event, why);
    return err;
}

static void
end(struct indexer *x)
{
    vt_shelf_release(&x->shelf);
    vt_facts_close(x->facts);
}

/* A problem is logged once, not each time that it is met. */
static void
say_problem(struct indexer *x, const struct vt_why *problem)
{
    if (strcmp(x->said.text, problem->text) == 0)
        return;
    x->said = *problem;
    if (problem->text[0] != '\0')
        vt_log(VT_LOG_WARN, "the log cannot be followed: %s", problem->text);
    else
        vt_log(VT_LOG_INFO, "the log is followed again");
}

static enum vt_err
follow(struct indexer *x, struct vt_why *why)
{
    struct vt_why problem = {0};
    enum vt_err err = vt_facts_follow(x->facts, &problem, why);

    x->trouble = problem.text[0] != '\0';
    if (err == VT_OK)
        say_problem(x, &problem);
    return err;
}

/* Whether the checkpoint's file is another than the one taken in. */
static bool
is_new(struct indexer *x)
{
    struct stat st = {0};

    if (stat(x->checkpoint, &st) != 0)
        memset(&st, 0, sizeof st);
    if (st.st_ino == x->seen.st_ino && st.st_size == x->seen.st_size &&
        st.st_mtim.tv_sec == x->seen.st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == x->seen.st_mtim.tv_nsec)
        return false;
    x->seen = st;
    return true;
}

static enum vt_err
send_event(void *ctx, const struct vt_facts_event *e, struct vt_why *why)
{
    struct indexer *x = ctx;
    struct vt_buf b = VT_BUF(VT_ROOM_EVENT_MAX);
    enum vt_err err;

    vt_buf_putf(&b, "event: %s\ndata: %s\n\n", e->name, e->data);
    err = vt_buf_check(&b, "an event", why);
    if (err == VT_OK)
        err = vt_msg_send(x->fd, VT_ROOM_EVENT, b.data, b.len, why);
    x->gone = err != VT_OK;
    vt_buf_release(&b);
    return err;
}

/* One look at everything. */
static enum vt_err
look(struct indexer *x, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();
    bool any, fresh = is_new(x);
    enum vt_err err = VT_OK;

    if (fresh || (x->trouble && now - x->retry_ms >= RETRY_MS))
        err = follow(x, why);
    if (err == VT_OK && now - x->retry_ms >= RETRY_MS) {
        err = vt_facts_retry(x->facts, RETRY_MOST, why);
        x->retry_ms = now;
    }
    if (err == VT_OK && x->shelf.pid == 0 && (fresh || now - x->shelf_ms >= SHELF_MS)) {
        err = vt_shelf_begin(&x->shelf, &any, why);
        x->shelf_ms = now;
    }
    return err;
}

/* Waits a little. *ret_closed: fd has closed; what http may not say ends it too. */
static enum vt_err
pause_or_hear(struct indexer *x, bool *ret_closed, struct vt_why *why)
{
    struct pollfd p[] = {
        {.fd = x->fd, .events = POLLIN}, {.fd = x->shelf.fd, .events = POLLIN}};
    int n = poll(p, x->shelf.fd >= 0 ? 2 : 1, LOOK_MS);
    enum vt_err err;

    if (n < 0)
        return errno == EINTR ? VT_OK : vt_fail_errno(why, "indexer: cannot wait");
    *ret_closed = p[0].revents != 0;
    if (x->shelf.fd < 0 || p[1].revents == 0)
        return VT_OK;
    err = vt_shelf_end(&x->shelf, why);
    x->shelf_ms = 0; /* the next one at once */
    return err;
}

/* From now on this process writes below HOME/centre alone, reads what is public or sealed, and
 * runs what the system has: ctags, with its libraries. */
static enum vt_err
confine(const struct vt_home *home, struct vt_why *why)
{
    char centre[VT_PATH_MAX], sealed[VT_PATH_MAX], public_dir[VT_PATH_MAX];
    const struct vt_confine_folder all[] = {{centre, VT_CONFINE_WRITE},
        {sealed, VT_CONFINE_READ}, {public_dir, VT_CONFINE_READ}, {"/usr", VT_CONFINE_RUN},
        {"/bin", VT_CONFINE_RUN}, {"/lib", VT_CONFINE_RUN}, {"/lib64", VT_CONFINE_RUN},
        {"/etc", VT_CONFINE_READ}, {"/dev/null", VT_CONFINE_WRITE}};
    struct vt_confine_folder there[sizeof all / sizeof all[0]];
    struct vt_why unconfined = {0};
    size_t n = 0;
    enum vt_err err = vt_home_path(home, centre, why, "centre");

    if (err == VT_OK)
        err = vt_home_path(home, sealed, why, "sealed/objects");
    if (err == VT_OK)
        err = vt_home_path(home, public_dir, why, "public");
    if (err == VT_OK)
        err = vt_dir_make(centre, 0700, why);
    if (err == VT_OK)
        err = vt_dir_make(sealed, 0700, why);
    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (vt_file_exists(all[i].path))
            there[n++] = all[i];
    (void)setenv("SQLITE_TMPDIR", centre, 1); /* where it puts what it cannot hold */
    if (vt_confine(there, n, &unconfined) != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read and write more than it needs: %s",
            unconfined.text);
    return VT_OK;
}

enum vt_err
vt_indexer_run(int fd, const struct vt_indexer_opts *opts, struct vt_why *why)
{
    struct indexer x = {.opts = opts, .fd = fd, .shelf.fd = -1};
    bool closed = false;
    enum vt_err err = confine(opts->home, why);

    if (err == VT_OK)
        err = begin(&x, why);
    x.retry_ms = vt_clock_monotonic_ms() - RETRY_MS;
    x.shelf_ms = vt_clock_monotonic_ms() - SHELF_MS;
    if (err == VT_OK)
        err = follow(&x, why); /* also when there is no checkpoint: that is known then */
    while (err == VT_OK && !closed) {
        err = look(&x, why);
        if (err == VT_OK && vt_facts_events(x.facts, &x.event, send_event, &x, why) == VT_E_IO)
            break; /* http is gone */
        if (err == VT_OK)
            err = pause_or_hear(&x, &closed, why);
    }
    end(&x);
    return err;
}

enum vt_err
vt_indexer_once(const struct vt_indexer_opts *opts, struct vt_why *why)
{
    struct indexer x = {.opts = opts, .fd = -1, .shelf.fd = -1};
    bool any = true;
    enum vt_err err = begin(&x, why);

    if (err == VT_OK)
        err = follow(&x, why);
    if (err == VT_OK)
        err = vt_facts_retry(x.facts, SIZE_MAX, why);
    while (err == VT_OK && any) {
        err = vt_shelf_begin(&x.shelf, &any, why);
        if (err == VT_OK && any)
            err = vt_shelf_end(&x.shelf, why);
    }
    end(&x);
    return err;
}
