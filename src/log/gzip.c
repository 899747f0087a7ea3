/* SPDX-License-Identifier: Apache-2.0 */
#include "log/gzip.h"

#include "log/disk.h"
#include "log/tiles_bundle.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define ENTRIES "tile/entries"
#define POSITION ENTRIES "/.compressed"
enum { LEVEL = 6, GZIP_WINDOW = 15 + 16, MEMORY = 8, CHUNK = 65536, BATCH_MAX = 256 };
/* What a bundle of the budget stands for. */
#define BUDGET_BYTES 65536U

/* The bundles [done, done + count) are a batch: those of them that were made have temporary
 * names still. */
struct vt_log_gzip {
    struct vt_disk disk; /* of the public folder */
    uint64_t done;
    unsigned count;
    bool made[BATCH_MAX];
    unsigned made_count;
    size_t bytes; /* that the batch was made of */
    struct vt_buf in;
    struct vt_buf out;
};

static enum vt_err
bundle_path(
    const char *dir, uint64_t n, const char *ending, char ret[VT_PATH_MAX], struct vt_why *why)
{
    const struct vt_tile t = {.level = VT_TILE_ENTRIES, .index = n, .width = VT_TILE_WIDTH};
    char rel[VT_TILE_PATH_MAX];

    vt_tile_path(&t, rel);
    return vt_path(ret, why, "%s/%s%s", dir, rel, ending);
}

/* How many bundles have been tried. What cannot be read as that means none. */
static enum vt_err
load_position(const char *dir, uint64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(32);
    struct vt_reader r;
    struct vt_reader line;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/" POSITION, dir);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT || err == VT_E_LIMIT)
        err = VT_OK;
    if (err == VT_OK && (!vt_reader_line(&r, &line) || r.left > 0 ||
                            !vt_reader_decimal(&line, INT64_MAX / VT_TILE_WIDTH, ret)))
        *ret = 0;
    vt_buf_release(&b);
    return err;
}

static enum vt_err
keep_position(const char *dir, uint64_t n, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char text[32];
    int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)n);
    enum vt_err err = vt_path(path, why, "%s/" POSITION, dir);

    return err == VT_OK ? vt_file_replace(path, 0644, text, (size_t)len, why) : err;
}

/* Appends the compressed form; nothing when it does not pay. */
static enum vt_err
deflate_all(const struct vt_buf *in, struct vt_buf *out, struct vt_why *why)
{
    z_stream z = {0};
    size_t most = in->len - in->len / 20;
    uint8_t *room;
    int rc;

    if (in->len == 0)
        return VT_OK;
    room = vt_buf_reserve(out, most);
    if (room == NULL ||
        deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        return vt_fail(why, VT_E_NOMEM, "compressing bundles: out of memory");
    z.next_in = in->data;
    z.avail_in = (uInt)in->len;
    z.next_out = room;
    z.avail_out = (uInt)most;
    rc = deflate(&z, Z_FINISH);
    if (rc == Z_STREAM_END)
        vt_buf_commit(out, most - z.avail_out);
    (void)deflateEnd(&z);
    return VT_OK;
}

static enum vt_err
temp_path(const struct vt_log_gzip *g, unsigned i, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/" ENTRIES "/.tmp-gz-%u", g->disk.dir, i);
}

static enum vt_err
write_temp(const struct vt_log_gzip *g, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = temp_path(g, g->count, path, why);
    int fd;

    if (err != VT_OK)
        return err;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_fd_write(fd, g->out.data, g->out.len, why);
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "cannot close");
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}

/* The next bundle of the batch. */
static enum vt_err
make_one(struct vt_log_gzip *g, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = bundle_path(g->disk.dir, g->done + g->count, "", path, why);

    vt_buf_clear(&g->in);
    vt_buf_clear(&g->out);
    if (err == VT_OK)
        err = vt_file_read(path, &g->in, why);
    if (err == VT_OK)
        err = deflate_all(&g->in, &g->out, why);
    if (err == VT_OK && g->out.len > 0)
        err = write_temp(g, why);
    if (err != VT_OK)
        return err;
    g->bytes += g->in.len;
    g->made[g->count] = g->out.len > 0;
    g->made_count += g->out.len > 0;
    g->count++;
    return VT_OK;
}

/* Whether no other of the batch goes to the same folder after this one. */
static bool
is_last_in_folder(const struct vt_log_gzip *g, unsigned i)
{
    for (unsigned j = i + 1; j < g->count; j++)
        if (g->made[j])
            return (g->done + i) / 1000 != (g->done + j) / 1000;
    return true;
}

/* Gives one its name; with the last in its folder the folder is made durable. */
static enum vt_err
name_one(const struct vt_log_gzip *g, unsigned i, struct vt_why *why)
{
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = temp_path(g, i, from, why);

    if (err == VT_OK)
        err = bundle_path(g->disk.dir, g->done + i, ".gz", to, why);
    if (err != VT_OK)
        return err;
    if (rename(from, to) != 0)
        return vt_fail_errno(why, "%s: cannot put the new file in place", to);
    if (!is_last_in_folder(g, i))
        return VT_OK;
    *strrchr(to, '/') = '\0';
    return vt_dir_sync(to, why);
}

/* Ends the batch, one way or the other. */
static void
end_batch(struct vt_log_gzip *g)
{
    g->count = 0;
    g->made_count = 0;
    g->bytes = 0;
    vt_buf_release(&g->in);
    vt_buf_release(&g->out);
}

static enum vt_err
name_all(struct vt_log_gzip *g, struct vt_why *why)
{
    enum vt_err err = g->made_count > 0 ? vt_disk_sync(&g->disk, why) : VT_OK;

    for (unsigned i = 0; i < g->count && err == VT_OK; i++)
        if (g->made[i])
            err = name_one(g, i, why);
    if (err == VT_OK)
        err = keep_position(g->disk.dir, g->done + g->count, why);
    if (err == VT_OK)
        g->done += g->count;
    return err;
}

enum vt_err
vt_log_gzip_new(const char *public_dir, struct vt_log_gzip **ret, struct vt_why *why)
{
    struct vt_log_gzip *g = calloc(1, sizeof(*g));
    enum vt_err err;

    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "compressing bundles: out of memory");
    vt_buf_init(&g->in, VT_BUNDLE_MAX);
    vt_buf_init(&g->out, VT_BUNDLE_MAX);
    err = vt_disk_open(&g->disk, public_dir, why);
    if (err == VT_OK)
        err = vt_disk_check(&g->disk, "tile", why);
    if (err == VT_OK)
        err = vt_disk_check(&g->disk, ENTRIES, why);
    if (err == VT_OK)
        err = load_position(public_dir, &g->done, why);
    if (err != VT_OK) {
        vt_log_gzip_free(g);
        return err;
    }
    *ret = g;
    return VT_OK;
}

void
vt_log_gzip_free(struct vt_log_gzip *g)
{
    if (g == NULL)
        return;
    end_batch(g);
    vt_disk_close(&g->disk);
    free(g);
}

uint64_t
vt_log_gzip_done(const struct vt_log_gzip *g)
{
    return g->done;
}

static bool
is_readable(int fd)
{
    struct pollfd pf = {.fd = fd, .events = POLLIN};

    return fd >= 0 && poll(&pf, 1, 0) > 0;
}

/* Whether the batch is as large as it may be: then it is named. */
static bool
is_full(const struct vt_log_gzip *g, uint64_t bundles, unsigned budget)
{
    return g->done + g->count >= bundles || g->count >= BATCH_MAX || g->count >= budget ||
           g->bytes >= (size_t)budget * BUDGET_BYTES;
}

enum vt_err
vt_log_gzip_step(struct vt_log_gzip *g, uint64_t published_size, unsigned budget, int fd,
    bool *ret_more, struct vt_why *why)
{
    const uint64_t bundles = published_size / VT_TILE_WIDTH;
    enum vt_err err = VT_OK;

    if (bundles <= g->done) {
        *ret_more = false;
        return VT_OK;
    }
    while (err == VT_OK && !is_full(g, bundles, budget) && !is_readable(fd))
        err = make_one(g, why);
    if (err == VT_OK && (!is_full(g, bundles, budget) || is_readable(fd))) {
        *ret_more = true;
        return VT_OK;
    }
    if (err == VT_OK)
        err = name_all(g, why);
    end_batch(g);
    if (err != VT_OK)
        return vt_fail_in(why, err, "compressing bundles");
    *ret_more = g->done < bundles;
    return VT_OK;
}

/* Whether the stream gives exactly the bytes, and nothing follows it. */
static bool
unpacks_to(z_stream *z, const uint8_t *data, size_t len)
{
    uint8_t chunk[CHUNK] = {0};
    int rc = Z_OK;

    while (rc == Z_OK) {
        size_t got;

        z->next_out = chunk;
        z->avail_out = sizeof(chunk);
        rc = inflate(z, Z_NO_FLUSH);
        got = sizeof(chunk) - z->avail_out;
        if (got > len || memcmp(chunk, data, got) != 0)
            return false;
        data += got;
        len -= got;
    }
    return rc == Z_STREAM_END && len == 0 && z->avail_in == 0;
}

enum vt_err
vt_log_gzip_check(
    const char *public_dir, uint64_t index, const void *data, size_t len, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(len);
    z_stream z = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = bundle_path(public_dir, index, ".gz", path, why);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK && inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        err = vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    if (err == VT_OK) {
        z.next_in = b.data;
        z.avail_in = (uInt)b.len;
        if (!unpacks_to(&z, data, len))
            err = vt_fail(why, VT_E_PROOF, "%s is not the compressed form of its bundle", path);
        (void)inflateEnd(&z);
    }
    if (err == VT_E_LIMIT)
        err = vt_fail(why, VT_E_PROOF, "%s is longer than its bundle", path);
    vt_buf_release(&b);
    return err;
}
