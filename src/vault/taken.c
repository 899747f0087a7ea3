/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/taken.h"

#include "base/file.h"
#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CELL VT_TAKEN_ID
#define CELLS_MAX 0xfffffff0U
#define SLOTS_MIN 4096U
#define READ_CELLS 16384U /* at once */

/* The file is an array of cells of 16 bytes: segment ids, counts and batch ids. */
struct vt_taken {
    char path[VT_PATH_MAX];
    int fd;
    uint64_t key[3]; /* of the hash: whoever chooses ids must not choose their places */
    uint32_t cells;
    uint32_t *slot; /* number of the cell plus 1, or 0 */
    size_t slots;   /* a power of two */
    size_t used;
    uint64_t batches;
    /* Batches in write-ahead files. */
    struct fresh {
        uint8_t id[CELL];
        bool there;
    } * fresh;
    size_t fresh_slots; /* a power of two */
    size_t fresh_used;
};

/* Batches and segments have places apart, so that a batch which calls itself what a segment is
 * called is not taken for that segment. */
enum kind { BATCH, SEGMENT };

static uint64_t
hash(const struct vt_taken *k, enum kind kind, const uint8_t id[CELL])
{
    uint64_t a, b;
    unsigned __int128 m;

    memcpy(&a, id, 8);
    memcpy(&b, id + 8, 8);
    m = (unsigned __int128)(a ^ k->key[0] ^ (kind == SEGMENT ? k->key[2] : 0)) *
        (b ^ k->key[1]);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static enum vt_err
read_cells(const struct vt_taken *k, uint32_t at, void *ret, size_t n, struct vt_why *why)
{
    size_t have = 0;

    while (have < n * CELL) {
        ssize_t got = pread(k->fd, (uint8_t *)ret + have, n * CELL - have,
            (off_t)at * (off_t)CELL + (off_t)have);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return vt_fail_errno(why, "%s", k->path);
        if (got == 0)
            return vt_fail(why, VT_E_IO, "%s: shorter than it was", k->path);
        have += (size_t)got;
    }
    return VT_OK;
}

/* Puts a cell into the table without asking whether its id is there already. */
static void
place(struct vt_taken *k, enum kind kind, const uint8_t id[CELL], uint32_t cell)
{
    uint64_t at = hash(k, kind, id);

    while (k->slot[at & (k->slots - 1)] != 0)
        at++;
    k->slot[at & (k->slots - 1)] = cell + 1;
    k->used++;
}

/* One group of the file: its segment's id, its count and check, where its ids begin. */
struct group {
    uint8_t head[2 * CELL];
    uint32_t n;
    uint32_t first;
};

/* false: no whole group begins there. */
static bool
take_group_head(const struct vt_taken *k, uint32_t at, struct group *ret)
{
    struct vt_reader r = VT_READER(ret->head + CELL, 4);

    if (k->cells - at < 2 || read_cells(k, at, ret->head, 2, NULL) != VT_OK ||
        !vt_reader_u32(&r, &ret->n) || ret->n > k->cells - at - 2)
        return false;
    ret->first = at + 2;
    return true;
}

typedef void (*each_fn)(struct vt_taken *k, const uint8_t id[CELL], uint32_t cell);

/* Walks over a group's ids. *ret_sound: its check is right. */
static enum vt_err
walk_group(struct vt_taken *k, const struct group *g, struct vt_hasher *hasher, uint8_t *room,
    each_fn fn, bool *ret_sound, struct vt_why *why)
{
    struct vt_digest d;
    enum vt_err err = VT_OK;

    vt_hasher_put(hasher, g->head, CELL + 4);
    for (uint32_t done = 0; done < g->n && err == VT_OK;) {
        uint32_t n = g->n - done < READ_CELLS ? g->n - done : READ_CELLS;

        err = read_cells(k, g->first + done, room, n, why);
        vt_hasher_put(hasher, room, (size_t)n * CELL);
        for (uint32_t i = 0; i < n && err == VT_OK && fn != NULL; i++)
            fn(k, room + (size_t)i * CELL, g->first + done + i);
        done += n;
    }
    vt_hasher_end(hasher, &d);
    *ret_sound = memcmp(d.b, g->head + CELL + 4, CELL - 4) == 0;
    return err;
}

static void
place_batch(struct vt_taken *k, const uint8_t id[CELL], uint32_t cell)
{
    place(k, BATCH, id, cell);
}

/* Makes the table anew, of `slots` places, from what the file holds. */
static enum vt_err
rebuild(struct vt_taken *k, size_t slots, struct vt_why *why)
{
    uint32_t *slot = calloc(slots, sizeof *slot);
    uint32_t *old = k->slot;
    struct vt_hasher *hasher = NULL;
    uint8_t *room = malloc((size_t)READ_CELLS * CELL);
    struct group g = {0};
    bool sound = true;
    enum vt_err err = vt_hasher_new(&hasher, why);

    if (err == VT_OK && (slot == NULL || room == NULL))
        err = vt_fail(why, VT_E_NOMEM, "%s: out of memory", k->path);
    if (err == VT_OK) {
        k->slot = slot;
        k->slots = slots;
        k->used = 0;
        slot = NULL; /* moved */
        free(old);
    }
    for (uint32_t at = 0; err == VT_OK && at < k->cells; at = g.first + g.n) {
        if (!take_group_head(k, at, &g))
            err = vt_fail(why, VT_E_DIGEST, "%s: damaged", k->path);
        if (err == VT_OK)
            place(k, SEGMENT, g.head, at);
        if (err == VT_OK)
            err = walk_group(k, &g, hasher, room, place_batch, &sound, why);
    }
    vt_hasher_free(hasher);
    free(slot);
    free(room);
    return err;
}

static enum vt_err
want_slots(struct vt_taken *k, uint64_t cells, struct vt_why *why)
{
    size_t slots = k->slots < SLOTS_MIN ? SLOTS_MIN : k->slots;

    while (cells * 10 >= (uint64_t)slots * 7)
        slots *= 2;
    return slots == k->slots ? VT_OK : rebuild(k, slots, why);
}

/* Finds how many sound groups the file has; cuts off a torn last one. */
static enum vt_err
measure(struct vt_taken *k, struct vt_why *why)
{
    struct vt_hasher *hasher = NULL;
    uint8_t *room = malloc((size_t)READ_CELLS * CELL);
    uint32_t at = 0;
    struct group g;
    enum vt_err err = vt_hasher_new(&hasher, why);

    if (err == VT_OK && room == NULL)
        err = vt_fail(why, VT_E_NOMEM, "%s: out of memory", k->path);
    while (err == VT_OK && at < k->cells) {
        bool sound = false;
        bool whole = take_group_head(k, at, &g);

        if (whole)
            err = walk_group(k, &g, hasher, room, NULL, &sound, why);
        if (err == VT_OK && whole && !sound && g.first + g.n < k->cells)
            err = vt_fail(why, VT_E_DIGEST,
                "%s: damaged: move it away, it is made again from the segments", k->path);
        if (err != VT_OK || !sound)
            break;
        at = g.first + g.n;
        k->batches += g.n;
    }
    if (err == VT_OK && ftruncate(k->fd, (off_t)at * (off_t)CELL) != 0)
        err = vt_fail_errno(why, "%s: cannot cut off its torn end", k->path);
    k->cells = at;
    vt_hasher_free(hasher);
    free(room);
    return err;
}

static enum vt_err
open_file(struct vt_taken *k, struct vt_why *why)
{
    struct stat st;
    enum vt_err err;

    if (!vt_file_exists(k->path)) {
        err = vt_file_create(k->path, 0600, "", 0, why);
        if (err != VT_OK)
            return err;
    }
    k->fd = open(k->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (k->fd < 0 || fstat(k->fd, &st) != 0)
        return vt_fail_errno(why, "%s", k->path);
    if (st.st_size / (off_t)CELL > (off_t)CELLS_MAX)
        return vt_fail(why, VT_E_LIMIT, "%s: too large", k->path);
    k->cells = (uint32_t)(st.st_size / (off_t)CELL);
    return VT_OK;
}

enum vt_err
vt_taken_open(const char *path, struct vt_taken **ret, struct vt_why *why)
{
    struct vt_taken *k = calloc(1, sizeof *k);
    enum vt_err err;

    if (k == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    k->fd = -1;
    err = vt_path(k->path, why, "%s", path);
    if (err == VT_OK)
        err = vt_random(k->key, sizeof k->key, why);
    if (err == VT_OK)
        err = open_file(k, why);
    if (err == VT_OK)
        err = measure(k, why);
    if (err == VT_OK)
        err = want_slots(k, k->cells, why);
    if (err != VT_OK) {
        vt_taken_free(k);
        return err;
    }
    *ret = k;
    return VT_OK;
}

void
vt_taken_free(struct vt_taken *k)
{
    if (k == NULL)
        return;
    if (k->fd >= 0)
        close(k->fd);
    free(k->slot);
    free(k->fresh);
    free(k);
}

uint64_t
vt_taken_count(const struct vt_taken *k)
{
    return k->batches;
}

/* The place of a fresh id, or the free one where it belongs. */
static struct fresh *
fresh_at(const struct vt_taken *k, const uint8_t id[CELL])
{
    uint64_t at = hash(k, BATCH, id);

    for (;; at++) {
        struct fresh *f = &k->fresh[at & (k->fresh_slots - 1)];

        if (!f->there || memcmp(f->id, id, CELL) == 0)
            return f;
    }
}

static enum vt_err
fresh_grow(struct vt_taken *k, struct vt_why *why)
{
    struct fresh *old = k->fresh;
    size_t old_slots = k->fresh_slots;
    size_t slots = old_slots == 0 ? SLOTS_MIN : 2 * old_slots;
    struct fresh *v = calloc(slots, sizeof *v);

    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", k->path);
    k->fresh = v;
    k->fresh_slots = slots;
    for (size_t i = 0; i < old_slots; i++)
        if (old[i].there)
            *fresh_at(k, old[i].id) = old[i];
    free(old);
    return VT_OK;
}

enum vt_err
vt_taken_add(struct vt_taken *k, const uint8_t id[CELL], struct vt_why *why)
{
    enum vt_err err = VT_OK;
    struct fresh *f;

    if (2 * (k->fresh_used + 1) > k->fresh_slots)
        err = fresh_grow(k, why);
    if (err != VT_OK)
        return err;
    f = fresh_at(k, id);
    if (f->there)
        return VT_OK;
    memcpy(f->id, id, CELL);
    f->there = true;
    k->fresh_used++;
    return VT_OK;
}

/* Linear probing: those behind a freed place that could stand in it move up. */
void
vt_taken_drop(struct vt_taken *k, const uint8_t id[CELL])
{
    size_t mask = k->fresh_slots - 1;
    struct fresh *f = k->fresh_slots == 0 ? NULL : fresh_at(k, id);
    size_t hole;

    if (f == NULL || !f->there)
        return;
    hole = (size_t)(f - k->fresh);
    for (size_t i = (hole + 1) & mask; k->fresh[i].there; i = (i + 1) & mask) {
        size_t home = (size_t)hash(k, BATCH, k->fresh[i].id) & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            k->fresh[hole] = k->fresh[i];
            hole = i;
        }
    }
    k->fresh[hole].there = false;
    k->fresh_used--;
}

/* Looks an id up in the file. */
static enum vt_err
find(const struct vt_taken *k, enum kind kind, const uint8_t id[CELL], bool *ret,
    struct vt_why *why)
{
    uint64_t at = hash(k, kind, id);
    uint8_t there[CELL];

    *ret = false;
    for (; k->slot[at & (k->slots - 1)] != 0; at++) {
        enum vt_err err = read_cells(k, k->slot[at & (k->slots - 1)] - 1, there, 1, why);

        if (err != VT_OK)
            return err;
        if (memcmp(there, id, CELL) == 0) {
            *ret = true;
            break;
        }
    }
    return VT_OK;
}

enum vt_err
vt_taken_has(struct vt_taken *k, const uint8_t id[CELL], bool *ret, struct vt_why *why)
{
    if (k->fresh_slots > 0 && fresh_at(k, id)->there) {
        *ret = true;
        return VT_OK;
    }
    return find(k, BATCH, id, ret, why);
}

enum vt_err
vt_taken_has_segment(struct vt_taken *k, const uint8_t id[CELL], bool *ret, struct vt_why *why)
{
    return find(k, SEGMENT, id, ret, why);
}

static enum vt_err
write_group(struct vt_taken *k, const struct vt_buf *b, struct vt_why *why)
{
    off_t end = (off_t)k->cells * (off_t)CELL;
    enum vt_err err;

    if (ftruncate(k->fd, end) != 0 || lseek(k->fd, end, SEEK_SET) < 0)
        return vt_fail_errno(why, "%s", k->path);
    err = vt_fd_write(k->fd, b->data, b->len, why);
    if (err == VT_OK && fdatasync(k->fd) != 0)
        err = vt_fail_errno(why, "cannot make it durable");
    if (err == VT_OK)
        return VT_OK;
    (void)!ftruncate(k->fd, end);
    return vt_fail_in(why, err, "%s", k->path);
}

static enum vt_err
put_group(struct vt_buf *b, const uint8_t segment[CELL], const uint8_t (*id)[CELL], uint32_t n,
    struct vt_why *why)
{
    struct vt_digest d;
    struct vt_slice v[2];

    vt_buf_put(b, segment, CELL);
    vt_buf_put_u32(b, n);
    if (b->err == VT_OK) {
        v[0] = (struct vt_slice){b->data, b->len};
        v[1] = (struct vt_slice){id, (size_t)n * CELL};
        vt_digest_of_slices(v, 2, &d);
        vt_buf_put(b, d.b, CELL - 4);
    }
    vt_buf_put(b, id, (size_t)n * CELL);
    return vt_buf_check(b, "the ids of a segment's batches", why);
}

enum vt_err
vt_taken_add_segment(struct vt_taken *k, const uint8_t segment[CELL], const uint8_t (*id)[CELL],
    uint32_t n, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(((size_t)n + 2) * CELL);
    bool there;
    enum vt_err err = vt_taken_has_segment(k, segment, &there, why);

    if (err == VT_OK && !there && (uint64_t)k->cells + n + 2 > CELLS_MAX)
        err = vt_fail(why, VT_E_LIMIT, "%s: full", k->path);
    if (err == VT_OK && !there)
        err = want_slots(k, (uint64_t)k->cells + n + 2, why);
    if (err == VT_OK && !there)
        err = put_group(&b, segment, id, n, why);
    if (err == VT_OK && !there)
        err = write_group(k, &b, why);
    if (err == VT_OK && !there) {
        place(k, SEGMENT, segment, k->cells);
        for (uint32_t i = 0; i < n; i++)
            place(k, BATCH, id[i], k->cells + 2 + i);
        k->cells += n + 2;
        k->batches += n;
    }
    for (uint32_t i = 0; err == VT_OK && i < n; i++)
        vt_taken_drop(k, id[i]);
    vt_buf_release(&b);
    return err;
}
