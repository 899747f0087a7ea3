/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says of waiting, and what comes over the channel between the http process and
 * the log: read in large pieces or small ones it is the same, and answers that nobody asked for
 * harm nobody. A line of query, a line of Prefer, and the rest for the channel.
 */
#include "log/add.h"

#include "base/msg_line.h"
#include "must.h"

#include <sys/socket.h>
#include <unistd.h>

static const struct vt_msg_rule rules[] = {
    {VT_SERVICE_ADD, 300}, {VT_SERVICE_AWAIT, 40000}, {VT_SERVICE_METRICS, 8}, {0, 0}};

static void
split(struct vt_reader *all, char *ret, size_t size)
{
    struct vt_reader line;

    ret[0] = '\0';
    if (vt_reader_line(all, &line) && !vt_reader_cstr(&line, ret, size))
        ret[0] = '\0';
}

static void
try_wait(const char *query, const char *prefer)
{
    struct vt_add_wait wait = {.ms = 77};

    if (!vt_add_wait_parse(query, prefer, &wait)) {
        must(wait.ms == 77 && query[0] != '\0');
        return;
    }
    must(wait.ms <= VT_SERVICE_AWAIT_MS && (!wait.preferred || wait.ms > 0));
    must(query[0] == '\0' || wait.ms == VT_ADD_WAIT_MS);
}

/* A socket from which the bytes can be had, and then its end. -1: they do not fit one. */
static int
channel(const uint8_t *data, size_t len)
{
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    if (len > 0 && send(fds[0], data, len, MSG_DONTWAIT) != (ssize_t)len) {
        close(fds[1]);
        fds[1] = -1;
    }
    close(fds[0]);
    return fds[1];
}

/* All messages that are there, one after the other, and what ended them. */
static enum vt_err
take_all(const uint8_t *data, size_t len, bool ahead, struct vt_buf *ret)
{
    struct vt_msg_line *l = NULL;
    struct vt_buf b = VT_BUF(40000);
    int fd = channel(data, len);
    enum vt_err err = VT_OK;
    uint16_t type = 0;
    bool got = true;

    if (fd < 0)
        return VT_OK;
    must(vt_msg_line_new(fd, rules, 100, &l, NULL) == VT_OK);
    if (ahead)
        vt_msg_line_read_ahead(l);
    while (err == VT_OK && got) {
        err = vt_msg_line_take(l, &got, &type, &b, NULL);
        if (err != VT_OK || !got)
            continue;
        vt_buf_put_u16(ret, type);
        vt_buf_put_u32(ret, (uint32_t)b.len);
        vt_buf_put(ret, vt_buf_str(&b), b.len);
    }
    must(err != VT_OK); /* the other end is closed */
    vt_msg_line_free(l);
    vt_buf_release(&b);
    close(fd);
    return err;
}

static void
try_answers(const uint8_t *data, size_t len)
{
    struct vt_http_watch watch;
    struct vt_add *a = NULL;
    int fd = channel(data, len);

    if (fd < 0)
        return;
    must(vt_add_new(fd, &watch, &a, NULL) == VT_OK);
    must(watch.fd == fd && watch.ready(watch.ctx, NULL) != VT_OK);
    vt_add_free(a);
    close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_reader all = VT_READER(data, size);
    struct vt_buf plain = VT_BUF(1U << 20);
    struct vt_buf ahead = VT_BUF(1U << 20);
    char query[256];
    char prefer[256];
    enum vt_err err;

    split(&all, query, sizeof query);
    split(&all, prefer, sizeof prefer);
    try_wait(query, prefer);
    err = take_all(all.p, all.left, false, &plain);
    must(err == take_all(all.p, all.left, true, &ahead));
    must_be(&ahead, vt_buf_str(&plain), plain.len);
    vt_buf_release(&plain);
    try_answers(all.p, all.left);
    return 0;
}
