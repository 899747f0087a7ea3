/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper's process: its channels, one thread and one poll. A channel that is slow, silent
 * or wrong costs the others nothing; it is closed.
 */
#include "vault/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "crypto/locked.h"
#include "vault/keeper_channel.h"
#include "vault/keeper_confine.h"
#include "vault/keeper_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNELS (VT_KEEPER_CHANNELS_MAX + 1U) /* number 0: the one it was started with */
#define TICK_MS 1000

struct serving {
    struct vt_keeper_state state;
    bool ready; /* the ring is open */
    enum vt_err load_err;
    struct vt_why load_why;
    int listen_fd;
    struct vt_channel channel[CHANNELS];
    bool ended; /* the channel that it was started with has closed */
};

static void
drop(struct serving *s, struct vt_channel *c)
{
    if (c->number == 0)
        s->ended = true;
    if (s->ready)
        vt_keeper_forget(&s->state, c->number);
    vt_channel_release(c);
}

/* Says no, with the reason. */
static enum vt_err
answer_failure(struct vt_channel *c, enum vt_err reason, enum vt_refusal refusal,
    const char *text, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(6 + VT_KEEPER_TEXT_MAX);
    enum vt_err err;

    vt_keeper_put_failure(&b, reason, refusal, text);
    err = vt_buf_check(&b, "answer", why);
    if (err == VT_OK)
        err = vt_channel_answer(c, VT_KEEPER_FAILED, &b, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
answer(struct serving *s, struct vt_channel *c, struct vt_why *why)
{
    struct vt_buf b = {.max = VT_KEEPER_ANSWER_MAX, .secret = true};
    enum vt_refusal refusal = VT_REFUSAL_NONE;
    struct vt_why reason = {0};
    uint16_t type = c->type;
    enum vt_err err;

    if (!s->ready)
        return answer_failure(c, s->load_err, VT_REFUSAL_NONE, s->load_why.text, why);
    err = vt_keeper_answer(&s->state, c->number, type, &c->body, &b, &refusal, &reason);
    if (err == VT_OK) {
        err = vt_channel_answer(c, VT_KEEPER_OK, &b, why);
    } else {
        vt_log(VT_LOG_INFO, "%s refused (%s): %s", vt_keeper_type_name(type),
            refusal != VT_REFUSAL_NONE ? vt_refusal_name(refusal) : vt_err_name(err),
            reason.text);
        err = answer_failure(c, err, refusal, reason.text, why);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
serve_events(struct serving *s, struct vt_channel *c, short events, struct vt_why *why)
{
    bool whole = false;
    enum vt_err err = VT_OK;

    if ((events & POLLOUT) != 0)
        return vt_channel_write(c, why);
    err = vt_channel_read(c, &whole, why);
    if (err == VT_OK && whole) {
        err = answer(s, c, why);
        if (err == VT_OK)
            err = vt_channel_write(c, why);
    }
    return err;
}

static void
serve_channel(struct serving *s, struct vt_channel *c, short events)
{
    struct vt_why why = {0};
    int64_t deadline = vt_channel_deadline(c);
    enum vt_err err = VT_OK;

    if (events != 0)
        err = serve_events(s, c, events, &why);
    else if (deadline >= 0 && vt_clock_monotonic_ms() > deadline)
        err = vt_fail(&why, VT_E_TIMEOUT, "it stopped in the middle of a message");
    if (err == VT_OK)
        return;
    if (err != VT_E_NOENT)
        vt_log(VT_LOG_WARN, "closed a channel: %s", why.text);
    drop(s, c);
}

/* Only this user, or root, may speak with a keeper. */
static bool
is_ours(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static void
take_connection(struct serving *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (!is_ours(fd)) {
        vt_log(VT_LOG_WARN, "refused a connection of another user");
        (void)close(fd);
        return;
    }
    for (unsigned i = 1; i < CHANNELS; i++)
        if (s->channel[i].fd < 0) {
            vt_channel_init(&s->channel[i], fd, (int)i);
            return;
        }
    (void)close(fd); /* poll asks for connections only while there is room: not reached */
}

static bool
has_room(const struct serving *s)
{
    for (unsigned i = 1; i < CHANNELS; i++)
        if (s->channel[i].fd < 0)
            return true;
    return false;
}

static bool
turn_free(const struct serving *s)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        if (vt_channel_large(&s->channel[i]))
            return false;
    return true;
}

/* One round: waits for something to happen, at most a second. */
static enum vt_err
serve_once(struct serving *s, struct vt_why *why)
{
    struct pollfd p[CHANNELS + 1];
    bool listening = s->listen_fd >= 0 && has_room(s);
    bool free_turn = turn_free(s);

    for (unsigned i = 0; i < CHANNELS; i++) {
        struct vt_channel *c = &s->channel[i];
        p[i] = (struct pollfd){.fd = c->fd};
        if (c->fd >= 0)
            p[i].events = vt_channel_events(c, free_turn);
        if (p[i].events != 0)
            continue;
        p[i].fd = -1;
        c->since = vt_clock_monotonic_ms(); /* it is we who keep it waiting */
    }
    p[CHANNELS] = (struct pollfd){.fd = listening ? s->listen_fd : -1, .events = POLLIN};
    if (poll(p, CHANNELS + 1, TICK_MS) < 0 && errno != EINTR)
        return vt_fail_errno(why, "keeper: cannot wait");
    if ((p[CHANNELS].revents & POLLIN) != 0)
        take_connection(s);
    for (unsigned i = 0; i < CHANNELS; i++) {
        short events = p[i].revents;
        /* The turn may have been taken within this round. */
        if (events != 0 && vt_channel_events(&s->channel[i], turn_free(s)) == 0)
            events = 0;
        if (s->channel[i].fd >= 0 && p[i].fd >= 0)
            serve_channel(s, &s->channel[i], (events & POLLOUT) != 0 ? POLLOUT : events);
    }
    if (s->ready)
        vt_keeper_expire(&s->state);
    return VT_OK;
}

/* Nothing is left open but the channels and standard error. */
static void
close_others(int fd, int listen_fd)
{
    const int one[] = {fd >= 0 ? fd : listen_fd, -1};
    const int both[] = {fd, listen_fd, -1};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
    }
    vt_proc_close_others(fd >= 0 && listen_fd >= 0 ? both : one);
}

/* Opens the ring and shuts the process in; a failure is told to whoever asks. */
static void
load(struct serving *s, const struct vt_home *h)
{
    enum vt_err err;

    s->state.locked = vt_locked_process();
    err = vt_keeper_state_init(&s->state, h, &s->load_why);
    if (err == VT_OK)
        err =
            vt_keeper_confine(vt_ring_root_kind(s->state.ring) == VT_ROOT_TOKEN, &s->load_why);
    s->load_err = err;
    s->ready = err == VT_OK;
    if (s->ready && s->listen_fd >= 0 && !(s->state.locked && vt_ring_locked(s->state.ring)))
        vt_log(VT_LOG_WARN,
            "not all memory can be locked: keys may be written to swap. Raise `ulimit -l` "
            "(LimitMEMLOCK= of the service)");
}

static enum vt_err
serve(struct serving *s, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    while (err == VT_OK && !s->ended) {
        err = serve_once(s, why);
        /* Whoever started it has heard why it cannot go on. */
        if (!s->ready && s->channel[0].fd < 0 && s->listen_fd >= 0)
            return s->load_err;
    }
    return err;
}

int
vt_keeper_serve(int fd, int listen_fd, const struct vt_home *h)
{
    struct serving *s = calloc(1, sizeof *s);
    struct vt_why why = {0};
    enum vt_err err;

    if (s == NULL)
        return vt_err_exit_code(VT_E_NOMEM);
    vt_log_init("keeper", listen_fd >= 0 ? VT_LOG_INFO : VT_LOG_WARN);
    for (unsigned i = 0; i < CHANNELS; i++)
        s->channel[i].fd = -1;
    s->listen_fd = listen_fd;
    close_others(fd, listen_fd);
    if (fd >= 0)
        vt_channel_init(&s->channel[0], fd, 0);
    load(s, h);
    if (!s->ready && fd < 0)
        vt_log(VT_LOG_ERROR, "%s", s->load_why.text);
    err = serve(s, &why);
    if (err != VT_OK && s->ready)
        vt_log(VT_LOG_ERROR, "%s", why.text);
    if (err == VT_OK)
        err = s->load_err;
    for (unsigned i = 0; i < CHANNELS; i++)
        vt_channel_release(&s->channel[i]);
    vt_keeper_state_release(&s->state);
    free(s);
    return vt_err_exit_code(err);
}
