/* SPDX-License-Identifier: Apache-2.0 */
#include "search/shard.h"

#include "search/shard_form.h"
#include "search/shard_held.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether `count` rows of `size` bytes from `at` end where `end` says. */
static bool
table_fits(uint64_t at, uint64_t count, uint64_t size, uint64_t end)
{
    return at <= end && (end - at) / size == count && (end - at) % size == 0;
}

static enum vt_err
read_foot(struct vt_shard *s, struct vt_why *why)
{
    struct vt_reader head = VT_READER(s->data, s->len);
    struct vt_reader foot;
    uint64_t lists, trigrams, blobs, names;
    uint32_t magic, magic_again, trigram_count, blob_count;
    bool ok = s->len >= VT_SHARD_HEAD + VT_SHARD_FOOT && vt_reader_u32(&head, &magic) &&
              magic == VT_SHARD_MAGIC;

    foot = VT_READER(s->data + s->len - (ok ? VT_SHARD_FOOT : 0), ok ? VT_SHARD_FOOT : 0);
    ok = ok && vt_reader_u64(&foot, &lists) && vt_reader_u64(&foot, &trigrams) &&
         vt_reader_u64(&foot, &blobs) && vt_reader_u64(&foot, &names) &&
         vt_reader_u32(&foot, &trigram_count) && vt_reader_u32(&foot, &blob_count) &&
         vt_reader_u32(&foot, &magic_again) && magic_again == VT_SHARD_MAGIC &&
         lists >= VT_SHARD_HEAD && lists <= trigrams && trigrams <= blobs && blobs <= names &&
         trigram_count <= VT_SHARD_TRIGRAMS_MAX && blob_count <= VT_SHARD_BLOBS_MAX &&
         table_fits(trigrams, trigram_count, VT_SHARD_TRIGRAM, blobs) &&
         table_fits(blobs, blob_count, VT_SHARD_BLOB, names) &&
         table_fits(names, blob_count, VT_SHARD_NAME, s->len - VT_SHARD_FOOT);
    if (!ok)
        return vt_fail(
            why, VT_E_SYNTAX, "%s is no whole shard: remove it to have it made again", s->path);
    s->lists = lists;
    s->trigrams = s->data + trigrams;
    s->trigrams_at = trigrams;
    s->blobs = s->data + blobs;
    s->names = s->data + names;
    s->trigram_count = trigram_count;
    s->blob_count = blob_count;
    return VT_OK;
}

static enum vt_err
map(struct vt_shard *s, struct vt_why *why)
{
    struct stat st;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum vt_err err = VT_OK;

    if (fd < 0)
        return vt_fail_errno(why, "%s", s->path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        err = vt_fail(why, VT_E_SYNTAX, "%s is no shard", s->path);
    } else if (st.st_size > 0) {
        s->len = (size_t)st.st_size;
        s->data = mmap(NULL, s->len, PROT_READ, MAP_SHARED, fd, 0);
        if (s->data == MAP_FAILED) {
            s->data = NULL;
            err = vt_fail_errno(why, "%s", s->path);
        }
    }
    close(fd);
    return err;
}

enum vt_err
vt_shard_open(const char *path, struct vt_shard **ret, struct vt_why *why)
{
    struct vt_shard *s = calloc(1, sizeof(*s));
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    err = vt_path(s->path, why, "%s", path);
    if (err == VT_OK)
        err = map(s, why);
    if (err == VT_OK && s->data == NULL)
        err = vt_fail(why, VT_E_SYNTAX, "%s is empty: remove it to have it made again", path);
    if (err == VT_OK)
        err = read_foot(s, why);
    if (err != VT_OK) {
        vt_shard_close(s);
        return err;
    }
    *ret = s;
    return VT_OK;
}

void
vt_shard_close(struct vt_shard *s)
{
    if (s == NULL)
        return;
    if (s->data != NULL)
        munmap(s->data, s->len);
    free(s);
}

uint32_t
vt_shard_count(const struct vt_shard *s)
{
    return s->blob_count;
}

bool
vt_shard_blob(const struct vt_shard *s, uint32_t number, struct vt_digest *ret,
    const uint8_t **ret_data, size_t *ret_len)
{
    struct vt_reader r;
    const uint8_t *digest;
    uint64_t offset, len;

    if (number >= s->blob_count)
        return false;
    r = VT_READER(s->blobs + (size_t)number * VT_SHARD_BLOB, VT_SHARD_BLOB);
    if (!vt_reader_take(&r, VT_DIGEST_SIZE, &digest) || !vt_reader_u64(&r, &offset) ||
        !vt_reader_u64(&r, &len) || offset < VT_SHARD_HEAD || offset > s->lists ||
        len > s->lists - offset)
        return false;
    memcpy(ret->b, digest, VT_DIGEST_SIZE);
    *ret_data = s->data + offset;
    *ret_len = (size_t)len;
    return true;
}

/* The number at a place of the table by name; over the count when it is damaged. */
static uint32_t
number_at(const struct vt_shard *s, size_t place)
{
    struct vt_reader r = VT_READER(s->names + place * VT_SHARD_NAME, VT_SHARD_NAME);
    uint32_t number;

    return vt_reader_u32(&r, &number) ? number : UINT32_MAX;
}

bool
vt_shard_find(const struct vt_shard *s, const struct vt_digest *blob, uint32_t *ret_number)
{
    size_t low = 0;
    size_t high = s->blob_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        uint32_t number = number_at(s, mid);
        int c;

        if (number >= s->blob_count)
            return false;
        c = memcmp(s->blobs + (size_t)number * VT_SHARD_BLOB, blob->b, VT_DIGEST_SIZE);
        if (c == 0) {
            *ret_number = number;
            return true;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}
