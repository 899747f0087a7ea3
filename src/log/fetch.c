/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a log by their path, one by one or several ahead.
 *
 * What is fetched ahead has a slot each, and the slots share one bound: a file that is too
 * large for its slot halves their number, and is fetched as any single file is. So are files
 * that failed, since it is there that failures are tried again.
 */
#include "log/fetch.h"

#include "base/file.h"
#include "http/client.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A site that restarts answers again within seconds. */
enum { RETRIES = 6, TOTAL_MS = 120000 };
enum { SLOTS = 16, SLOTS_LEAST = 2, POLL_MS = 1000, COPY_CHUNK = 65536 };

struct vt_fetch {
    struct vt_http *http; /* NULL: a folder */
    char where[VT_PATH_MAX];
};

struct vt_fetch_ahead {
    struct vt_fetch *fetch;
    bool (*next)(void *ctx, char ret[VT_FETCH_PATH_MAX]);
    void *ctx;
    struct vt_http_batch *batch; /* NULL: none is begun */
    struct vt_http_call call[SLOTS];
    char path[SLOTS][VT_FETCH_PATH_MAX];
    unsigned order[SLOTS]; /* a ring of slots: those under way or done, the oldest at head */
    unsigned head;
    unsigned count;
    unsigned free_slot[SLOTS]; /* of the batch that is begun */
    unsigned free_count;
    unsigned slots; /* of the next batch */
    bool shrink;    /* no more into this batch: the next one has fewer slots */
};

enum vt_err
vt_fetch_new(const char *where, struct vt_fetch **ret, struct vt_why *why)
{
    struct vt_http_limits limits = {.total_ms = TOTAL_MS, .retries = RETRIES, .gzip = true};
    struct vt_fetch *f = calloc(1, sizeof(*f));
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", where);
    err = vt_path(f->where, why, "%s", where);
    if (err == VT_OK &&
        (strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0))
        err = vt_http_new(&limits, &f->http, why);
    if (err != VT_OK) {
        vt_fetch_free(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_fetch_free(struct vt_fetch *f)
{
    if (f == NULL)
        return;
    vt_http_free(f->http);
    free(f);
}

bool
vt_fetch_is_remote(const struct vt_fetch *f)
{
    return f->http != NULL;
}

enum vt_err
vt_fetch_get(struct vt_fetch *f, const char *path, struct vt_buf *b, struct vt_why *why)
{
    char file[VT_PATH_MAX];
    enum vt_err err;

    if (f->http != NULL)
        return vt_http_get(f->http, f->where, path, b, why);
    err = vt_path(file, why, "%s/%s", f->where, path);
    if (err == VT_OK)
        err = vt_file_read(file, b, why);
    return err;
}

static enum vt_err
read_range(
    int fd, const char *file, uint64_t offset, size_t len, struct vt_buf *b, struct vt_why *why)
{
    uint8_t *to = vt_buf_reserve(b, len);
    size_t got = 0;

    if (to == NULL)
        return vt_buf_check(b, file, why);
    if (offset > INT64_MAX || lseek(fd, (off_t)offset, SEEK_SET) < 0)
        return vt_fail_errno(why, "%s: cannot seek", file);
    enum vt_err err = vt_fd_read(fd, to, len, &got, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", file);
    if (got != len)
        return vt_fail(why, VT_E_IO, "%s: it ends before byte %llu", file,
            (unsigned long long)(offset + len));
    vt_buf_commit(b, len);
    return VT_OK;
}

enum vt_err
vt_fetch_get_range(struct vt_fetch *f, const char *path, uint64_t offset, size_t len,
    struct vt_buf *b, struct vt_why *why)
{
    char file[VT_PATH_MAX];
    int fd;

    if (f->http != NULL)
        return vt_http_get_range(f->http, f->where, path, offset, len, b, why);
    enum vt_err err = vt_path(file, why, "%s/%s", f->where, path);
    if (err != VT_OK)
        return err;
    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", file);
    err = read_range(fd, file, offset, len, b, why);
    (void)close(fd);
    return err;
}

static enum vt_err
copy_file(const char *path, int to, uint64_t len_max, struct vt_why *why)
{
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    uint8_t chunk[COPY_CHUNK];
    enum vt_err err = VT_OK;
    size_t got = sizeof(chunk);

    if (from < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    while (err == VT_OK && got == sizeof(chunk)) {
        err = vt_fd_read(from, chunk, sizeof(chunk), &got, why);
        if (err == VT_OK && got > len_max)
            err = vt_fail(why, VT_E_LIMIT, "%s: longer than it may be", path);
        if (err == VT_OK)
            err = vt_fd_write(to, chunk, got, why);
        len_max -= got;
    }
    (void)close(from);
    return err;
}

enum vt_err
vt_fetch_to_fd(
    struct vt_fetch *f, const char *path, int fd, uint64_t len_max, struct vt_why *why)
{
    struct vt_digest digest;
    char file[VT_PATH_MAX];
    uint64_t len;
    enum vt_err err;

    if (f->http != NULL)
        return vt_http_get_fd(
            f->http, f->where, path, fd, len_max, NULL, NULL, &digest, &len, why);
    err = vt_path(file, why, "%s/%s", f->where, path);
    return err == VT_OK ? copy_file(file, fd, len_max, why) : err;
}

enum vt_err
vt_fetch_ahead_new(struct vt_fetch *f, bool (*next)(void *ctx, char ret[VT_FETCH_PATH_MAX]),
    void *ctx, struct vt_fetch_ahead **ret, struct vt_why *why)
{
    struct vt_fetch_ahead *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "log reader: out of memory");
    a->fetch = f;
    a->next = next;
    a->ctx = ctx;
    a->slots = SLOTS;
    *ret = a;
    return VT_OK;
}

static void
end_batch(struct vt_fetch_ahead *a)
{
    vt_http_batch_free(a->batch);
    a->batch = NULL;
    for (size_t i = 0; i < SLOTS; i++)
        vt_buf_release(&a->call[i].answer);
    a->head = 0;
    a->count = 0;
    a->free_count = 0;
}

void
vt_fetch_ahead_free(struct vt_fetch_ahead *a)
{
    if (a == NULL)
        return;
    end_batch(a);
    free(a);
}

/* Gives a slot the next file, if there is one. */
static bool
name_next(struct vt_fetch_ahead *a, unsigned slot)
{
    struct vt_http_call *c = &a->call[slot];

    if (!a->next(a->ctx, a->path[slot]))
        return false;
    c->base = a->fetch->where;
    c->path = a->path[slot];
    c->get = true;
    a->order[(a->head + a->count++) % SLOTS] = slot;
    return true;
}

/* Begins a batch of as many slots as there are files for. */
static enum vt_err
begin_batch(struct vt_fetch_ahead *a, struct vt_why *why)
{
    unsigned n = 0;
    enum vt_err err;

    end_batch(a);
    if (a->shrink && a->slots > SLOTS_LEAST)
        a->slots /= 2;
    a->shrink = false;
    while (n < a->slots && name_next(a, n)) {
        vt_buf_init(&a->call[n].answer, VT_FETCH_AHEAD_BYTES / a->slots);
        n++;
    }
    if (n == 0)
        return VT_OK;
    err = vt_http_batch_new(a->fetch->http, a->call, n, &a->batch, why);
    if (err != VT_OK)
        a->count = 0;
    return err;
}

static enum vt_err
refill(struct vt_fetch_ahead *a, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (a->count == 0)
        return begin_batch(a, why);
    while (err == VT_OK && !a->shrink && a->free_count > 0) {
        unsigned slot = a->free_slot[a->free_count - 1];

        if (!name_next(a, slot))
            break;
        a->free_count--;
        err = vt_http_batch_again(a->batch, slot, why);
    }
    return err;
}

/* Waits for the oldest, and takes it out of the order. */
static enum vt_err
take_oldest(struct vt_fetch_ahead *a, struct vt_buf *b, bool *ret_got, struct vt_why *why)
{
    struct vt_http_call *c = &a->call[a->order[a->head]];
    enum vt_err err = VT_OK;
    size_t left;

    while (!c->done && err == VT_OK)
        err = vt_http_batch_poll(a->batch, -1, POLL_MS, &left, why);
    if (err != VT_OK)
        return err;
    a->free_slot[a->free_count++] = a->order[a->head];
    a->head = (a->head + 1) % SLOTS;
    a->count--;
    if (c->err == VT_E_LIMIT)
        a->shrink = true;
    *ret_got = c->err == VT_OK && c->status == 200;
    if (!*ret_got)
        return VT_OK;
    if (c->answer.len > b->max - b->len)
        return vt_fail(why, VT_E_LIMIT, "%s/%s: longer than the limit of %zu bytes", c->base,
            c->path, b->max);
    vt_buf_put(b, c->answer.data, c->answer.len);
    return vt_buf_check(b, c->path, why);
}

enum vt_err
vt_fetch_ahead_take(
    struct vt_fetch_ahead *a, const char *path, struct vt_buf *b, struct vt_why *why)
{
    bool got = false;
    enum vt_err err;

    if (a->fetch->http == NULL)
        return vt_fetch_get(a->fetch, path, b, why);
    err = refill(a, why);
    if (err == VT_OK && a->count > 0 && strcmp(a->path[a->order[a->head]], path) == 0)
        err = take_oldest(a, b, &got, why);
    if (err != VT_OK || got)
        return err;
    return vt_fetch_get(a->fetch, path, b, why);
}
