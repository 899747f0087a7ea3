/* SPDX-License-Identifier: Apache-2.0 */
#include "log/gzip.h"

#include "base/file.h"
#include "log/tiles_bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define ENTRIES "tile/entries"
#define POSITION ENTRIES "/.compressed"
enum { LEVEL = 6, GZIP_WINDOW = 15 + 16, MEMORY = 8, CHUNK = 65536, STEP_MAX = 256 };

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

/* The compressed bundles of one step, still under temporary names. */
struct step {
    const char *dir;
    uint64_t first;
    unsigned count;
    bool made[STEP_MAX];
    unsigned made_count;
};

static enum vt_err
temp_path(const struct step *s, unsigned i, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/" ENTRIES "/.tmp-gz-%u", s->dir, i);
}

static enum vt_err
write_temp(const struct step *s, unsigned i, const struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = temp_path(s, i, path, why);
    int fd;

    if (err != VT_OK)
        return err;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_fd_write(fd, b->data, b->len, why);
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "cannot close");
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", path);
}

static enum vt_err
make_one(struct step *s, unsigned i, struct vt_buf *in, struct vt_buf *out, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = bundle_path(s->dir, s->first + i, "", path, why);

    vt_buf_clear(in);
    vt_buf_clear(out);
    if (err == VT_OK)
        err = vt_file_read(path, in, why);
    if (err == VT_OK)
        err = deflate_all(in, out, why);
    if (err == VT_OK && out->len > 0) {
        err = write_temp(s, i, out, why);
        s->made[i] = err == VT_OK;
        s->made_count += err == VT_OK;
    }
    return err;
}

/* Whether no other of the step goes to the same folder after this one. */
static bool
is_last_in_folder(const struct step *s, unsigned i)
{
    for (unsigned j = i + 1; j < s->count; j++)
        if (s->made[j])
            return (s->first + i) / 1000 != (s->first + j) / 1000;
    return true;
}

/* Gives one its name; with the last in its folder the folder is made durable. */
static enum vt_err
name_one(const struct step *s, unsigned i, struct vt_why *why)
{
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    enum vt_err err = temp_path(s, i, from, why);

    if (err == VT_OK)
        err = bundle_path(s->dir, s->first + i, ".gz", to, why);
    if (err != VT_OK)
        return err;
    if (rename(from, to) != 0)
        return vt_fail_errno(why, "%s: cannot put the new file in place", to);
    if (!is_last_in_folder(s, i))
        return VT_OK;
    *strrchr(to, '/') = '\0';
    return vt_dir_sync(to, why);
}

static enum vt_err
name_all(const struct step *s, struct vt_why *why)
{
    enum vt_err err = s->made_count > 0 ? vt_dir_sync_all(s->dir, why) : VT_OK;

    for (unsigned i = 0; i < s->count && err == VT_OK; i++)
        if (s->made[i])
            err = name_one(s, i, why);
    return err;
}

enum vt_err
vt_log_gzip_step(const char *public_dir, uint64_t published_size, unsigned budget,
    unsigned *ret_tried, struct vt_why *why)
{
    struct vt_buf in = VT_BUF(VT_BUNDLE_MAX);
    struct vt_buf out = VT_BUF(VT_BUNDLE_MAX);
    struct step s = {.dir = public_dir};
    uint64_t full = published_size / VT_TILE_WIDTH;
    enum vt_err err = load_position(public_dir, &s.first, why);

    if (err == VT_OK && s.first < full)
        s.count = full - s.first < STEP_MAX ? (unsigned)(full - s.first) : STEP_MAX;
    if (s.count > budget)
        s.count = budget;
    for (unsigned i = 0; i < s.count && err == VT_OK; i++)
        err = make_one(&s, i, &in, &out, why);
    if (err == VT_OK && s.count > 0)
        err = name_all(&s, why);
    if (err == VT_OK && s.count > 0)
        err = keep_position(public_dir, s.first + s.count, why);
    vt_buf_release(&in);
    vt_buf_release(&out);
    if (err != VT_OK)
        return vt_fail_in(why, err, "compressing bundles");
    *ret_tried = s.count;
    return VT_OK;
}

/* Whether the stream gives exactly the bytes, and nothing follows it. */
static bool
unpacks_to(z_stream *z, const uint8_t *data, size_t len)
{
    uint8_t chunk[CHUNK];
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
