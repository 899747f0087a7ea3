/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/bwal_parts.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct vt_bwal_file {
    char path[VT_PATH_MAX];
    uint8_t *map;
    size_t size;
    size_t pos; /* behind the last good group */
    uint8_t salt[VT_BWAL_SALT];
    struct vt_digest policy;
    uint64_t groups;
    struct vt_bwal_record *record;
    size_t count;
    size_t room;
};

static enum vt_err
map_file(struct vt_bwal_file *f, struct vt_why *why)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    enum vt_err err = VT_OK;
    void *map;

    if (fd < 0)
        return vt_fail_errno(why, "%s", f->path);
    if (fstat(fd, &st) != 0)
        err = vt_fail_errno(why, "%s", f->path);
    else if (!S_ISREG(st.st_mode) || st.st_size < (off_t)VT_BWAL_HEAD)
        err = vt_fail(why, VT_E_DIGEST, "%s: not a vault's write-ahead file", f->path);
    else if (st.st_size > (off_t)VT_BWAL_FILE_MAX)
        err = vt_fail(why, VT_E_LIMIT, "%s: larger than such a file can be", f->path);
    if (err == VT_OK) {
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            err = vt_fail_errno(why, "%s: cannot map", f->path);
        } else {
            f->map = map;
            f->size = (size_t)st.st_size;
        }
    }
    close(fd);
    return err;
}

static enum vt_err
read_head(struct vt_bwal_file *f, struct vt_why *why)
{
    struct vt_reader r = VT_READER(f->map, f->size);
    const uint8_t *salt;
    const uint8_t *policy;
    const uint8_t *sum;
    struct vt_digest d;

    vt_digest_of(f->map, VT_BWAL_HEAD - VT_DIGEST_SIZE, &d);
    if (!vt_reader_skip(&r, VT_BWAL_MAGIC) || !vt_reader_take(&r, VT_BWAL_SALT, &salt) ||
        !vt_reader_take(&r, VT_DIGEST_SIZE, &policy) ||
        !vt_reader_take(&r, VT_DIGEST_SIZE, &sum) || memcmp(sum, d.b, VT_DIGEST_SIZE) != 0)
        return vt_fail(
            why, VT_E_DIGEST, "%s: not a vault's write-ahead file, or damaged", f->path);
    memcpy(f->salt, salt, VT_BWAL_SALT);
    memcpy(f->policy.b, policy, VT_DIGEST_SIZE);
    f->pos = VT_BWAL_HEAD;
    return VT_OK;
}

/* The next batch of a group, or its end (len 0). */
static bool
take_record(struct vt_reader *r, struct vt_bwal_record *ret, uint32_t *ret_count)
{
    uint32_t len;

    if (vt_reader_skip(r, VT_BWAL_END)) {
        ret->len = 0;
        return vt_reader_u32(r, ret_count);
    }
    if (!vt_reader_skip(r, VT_BWAL_BATCH) || !vt_reader_u64(r, &ret->arrived) ||
        !vt_reader_u32(r, &len) || len == 0 || len > VT_BWAL_BATCH_MAX ||
        !vt_reader_take(r, len, &ret->batch))
        return false;
    ret->len = len;
    return true;
}

/* Whether a whole and sound group stands at `pos`; *ret_count its batches, *ret_end behind it.
 */
static bool
group_at(const struct vt_bwal_file *f, size_t pos, uint64_t *ret_number, uint32_t *ret_count,
    size_t *ret_end)
{
    struct vt_reader r = VT_READER(f->map + pos, f->size - pos);
    struct vt_bwal_record rec = {0};
    struct vt_digest d;
    const uint8_t *salt;
    const uint8_t *sum;
    uint32_t said = 0;
    uint32_t count = 0;

    if (!vt_reader_skip(&r, VT_BWAL_GROUP) || !vt_reader_take(&r, VT_BWAL_SALT, &salt) ||
        memcmp(salt, f->salt, VT_BWAL_SALT) != 0 || !vt_reader_u64(&r, ret_number))
        return false;
    for (;;) {
        if (!take_record(&r, &rec, &said))
            return false;
        if (rec.len == 0)
            break;
        count++;
    }
    vt_digest_of(f->map + pos, f->size - pos - r.left, &d);
    if (!vt_reader_take(&r, VT_DIGEST_SIZE, &sum) || memcmp(sum, d.b, VT_DIGEST_SIZE) != 0 ||
        count != said)
        return false;
    *ret_count = count;
    *ret_end = f->size - r.left;
    return true;
}

static enum vt_err
make_room(struct vt_bwal_file *f, uint32_t count, struct vt_why *why)
{
    struct vt_bwal_record *v;
    size_t room = f->room == 0 ? 64 : f->room;

    if (count > VT_BWAL_RECORDS_MAX - f->count)
        return vt_fail(why, VT_E_LIMIT, "%s: too many batches", f->path);
    while (room < f->count + count)
        room *= 2;
    if (room == f->room)
        return VT_OK;
    v = realloc(f->record, room * sizeof *v);
    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", f->path);
    f->record = v;
    f->room = room;
    return VT_OK;
}

/* Remembers the batches of a group that group_at found sound. */
static enum vt_err
take_group(struct vt_bwal_file *f, uint32_t count, size_t end, struct vt_why *why)
{
    struct vt_reader r = VT_READER(f->map + f->pos, end - f->pos);
    const uint8_t *head;
    uint32_t said;
    enum vt_err err = make_room(f, count, why);

    if (err != VT_OK)
        return err;
    if (vt_reader_take(&r, VT_BWAL_GROUP_HEAD, &head))
        for (uint32_t i = 0; i < count && take_record(&r, &f->record[f->count], &said); i++)
            f->count++;
    f->pos = end;
    f->groups++;
    return VT_OK;
}

/* Whether a later sound group stands anywhere behind pos. */
static bool
group_follows(const struct vt_bwal_file *f, size_t pos)
{
    uint8_t mark[sizeof VT_BWAL_GROUP - 1 + VT_BWAL_SALT] = VT_BWAL_GROUP;

    memcpy(mark + sizeof VT_BWAL_GROUP - 1, f->salt, VT_BWAL_SALT);
    while (pos < f->size) {
        const uint8_t *hit = memmem(f->map + pos, f->size - pos, mark, sizeof mark);
        uint64_t number;
        uint32_t count;
        size_t end;

        if (hit == NULL)
            return false;
        pos = (size_t)(hit - f->map);
        if (group_at(f, pos, &number, &count, &end) && number >= f->groups)
            return true;
        pos++;
    }
    return false;
}

static enum vt_err
read_groups(struct vt_bwal_file *f, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    while (err == VT_OK && f->pos < f->size) {
        uint64_t number = 0;
        uint32_t count = 0;
        size_t end = 0;

        if (!group_at(f, f->pos, &number, &count, &end) || number != f->groups) {
            if (group_follows(f, f->pos + 1))
                err = vt_fail(why, VT_E_DIGEST,
                    "%s: damaged at byte %zu, and good batches follow: put back a sound copy "
                    "of "
                    "the file",
                    f->path, f->pos);
            break; /* a torn tail that nobody was told of */
        }
        err = take_group(f, count, end, why);
    }
    return err;
}

enum vt_err
vt_bwal_open(const char *path, struct vt_bwal_file **ret, struct vt_why *why)
{
    struct vt_bwal_file *f = calloc(1, sizeof *f);
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    err = vt_path(f->path, why, "%s", path);
    if (err == VT_OK)
        err = map_file(f, why);
    if (err == VT_OK)
        err = read_head(f, why);
    if (err == VT_OK)
        err = read_groups(f, why);
    if (err != VT_OK) {
        vt_bwal_close(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_bwal_close(struct vt_bwal_file *f)
{
    if (f == NULL)
        return;
    if (f->map != NULL)
        (void)munmap(f->map, f->size);
    free(f->record);
    free(f);
}

size_t
vt_bwal_records(const struct vt_bwal_file *f)
{
    return f->count;
}

const struct vt_bwal_record *
vt_bwal_record(const struct vt_bwal_file *f, size_t i)
{
    return i < f->count ? &f->record[i] : NULL;
}

const struct vt_digest *
vt_bwal_policy(const struct vt_bwal_file *f)
{
    return &f->policy;
}

uint64_t
vt_bwal_bytes(const struct vt_bwal_file *f, uint64_t *ret_torn)
{
    *ret_torn = f->size - f->pos;
    return f->size;
}
