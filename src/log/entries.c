/* SPDX-License-Identifier: Apache-2.0 */
#include "log/entries.h"

#include "log/tile_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* A follower is led on to an entry not further ahead than this; else a new one looks for it. */
enum { SKIP_MAX = 4096 };

struct vt_entries {
    const char *dir;
    const struct vt_wal *wal;
    struct vt_derive *derive;
    pthread_mutex_t mutex; /* for all below */
    struct vt_wal_follow *follow;
    int fd; /* of the bundle that was read last, or -1 */
    uint64_t bundle;
    uint32_t at[VT_TILE_WIDTH + 1]; /* where its entries' lengths stand, and its end */
};

enum vt_err
vt_entries_new(const char *public_dir, const struct vt_wal *wal, struct vt_derive *derive,
    struct vt_entries **ret, struct vt_why *why)
{
    struct vt_entries *e = calloc(1, sizeof *e);

    if (e == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's entries: out of memory");
    *e = (struct vt_entries){.dir = public_dir, .wal = wal, .derive = derive, .fd = -1};
    (void)pthread_mutex_init(&e->mutex, NULL);
    *ret = e;
    return VT_OK;
}

static void
close_bundle(struct vt_entries *e)
{
    if (e->fd >= 0)
        (void)close(e->fd);
    e->fd = -1;
}

void
vt_entries_free(struct vt_entries *e)
{
    if (e == NULL)
        return;
    close_bundle(e);
    vt_wal_follow_free(e->follow);
    (void)pthread_mutex_destroy(&e->mutex);
    free(e);
}

static enum vt_err
read_exactly(int fd, uint64_t pos, void *ret, size_t len, struct vt_why *why)
{
    uint8_t *to = ret;

    while (len > 0) {
        ssize_t n = pread(fd, to, len, (off_t)pos);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vt_fail_errno(why, "cannot read");
        if (n == 0)
            return vt_fail(why, VT_E_DIGEST, "cut short: remove it and start the log again");
        to += n;
        pos += (uint64_t)n;
        len -= (size_t)n;
    }
    return VT_OK;
}

/* Finds out where the bundle's entries are. */
static enum vt_err
measure(struct vt_entries *e, struct vt_why *why)
{
    uint32_t pos = 0;

    for (unsigned i = 0; i < VT_TILE_WIDTH; i++) {
        uint8_t len[2] = {0, 0};
        enum vt_err err = read_exactly(e->fd, pos, len, sizeof len, why);

        if (err != VT_OK)
            return err;
        e->at[i] = pos;
        pos += 2U + (uint32_t)len[0] * 256U + len[1];
    }
    e->at[VT_TILE_WIDTH] = pos;
    return VT_OK;
}

static enum vt_err
open_bundle(struct vt_entries *e, const char *path, uint64_t n, struct vt_why *why)
{
    enum vt_err err;

    if (e->fd >= 0 && e->bundle == n)
        return VT_OK;
    close_bundle(e);
    e->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (e->fd < 0)
        return vt_fail_errno(why, "cannot open");
    e->bundle = n;
    err = measure(e, why);
    if (err != VT_OK)
        close_bundle(e);
    return err;
}

static enum vt_err
from_bundle(struct vt_entries *e, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    struct vt_tile t = {
        .level = VT_TILE_ENTRIES, .index = index / VT_TILE_WIDTH, .width = VT_TILE_WIDTH};
    unsigned i = (unsigned)(index % VT_TILE_WIDTH);
    char path[VT_PATH_MAX];
    uint8_t *to;
    size_t len;
    enum vt_err err = vt_tile_file_path(path, e->dir, &t, why);

    if (err == VT_OK)
        err = open_bundle(e, path, t.index, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", path);
    len = e->at[i + 1] - e->at[i] - 2;
    to = vt_buf_reserve(b, len);
    if (to == NULL)
        return vt_buf_check(b, "entry", why);
    err = read_exactly(e->fd, e->at[i] + 2U, to, len, why);
    if (err == VT_OK)
        vt_buf_commit(b, len);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}

static enum vt_err
from_wal(struct vt_entries *e, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    struct vt_wal_record rec = {0};
    enum vt_err err = VT_OK;

    if (e->follow == NULL || vt_wal_follow_index(e->follow) > index ||
        index - vt_wal_follow_index(e->follow) > SKIP_MAX) {
        vt_wal_follow_free(e->follow);
        e->follow = NULL;
        err = vt_wal_follow_new(e->wal, index, &e->follow, why);
    }
    while (err == VT_OK) {
        err = vt_wal_follow_get(e->follow, &rec, why);
        if (err != VT_OK || vt_wal_follow_index(e->follow) == index)
            break;
        vt_wal_follow_step(e->follow);
    }
    if (err != VT_OK)
        return err;
    vt_buf_put(b, rec.data, rec.len);
    return vt_buf_check(b, "entry", why);
}

enum vt_err
vt_entries_get(struct vt_entries *e, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    uint64_t full = vt_derive_size(e->derive) / VT_TILE_WIDTH;
    enum vt_err err;

    (void)pthread_mutex_lock(&e->mutex);
    if (index / VT_TILE_WIDTH < full) {
        err = from_bundle(e, index, b, why);
    } else {
        err = vt_derive_entry(e->derive, index, b, why);
        if (err == VT_E_NOENT) /* not there yet, or gone into its file meanwhile */
            err = from_wal(e, index, b, why);
    }
    (void)pthread_mutex_unlock(&e->mutex);
    return err;
}
