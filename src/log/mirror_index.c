/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirroring the index: the runs that the newest index roots name, each made sure of by its
 * root.
 */
#include "log/log_index_note.h"
#include "log/log_index_run.h"
#include "log/mirror_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LATEST "index/latest"
#define LATEST_MAX 1024U
enum { ROOTS_MAX = 16, RUNS_MAX = ROOTS_MAX * VT_INDEX_RUNS_MAX };

/* The roots that a file `latest` names, as far as the checkpoint covers them. */
struct latest {
    size_t count;
    uint64_t index[ROOTS_MAX];
    size_t run_count;
    struct vt_index_run run[RUNS_MAX];
};

struct index {
    struct vt_log_mirror *m;
    struct vt_tiles *tiles;
    char dir[VT_PATH_MAX]; /* DIR/index */
    struct latest own;
    struct latest its;
    unsigned level; /* of the folder that is being cleared */
};

static bool
is_same_run(const struct vt_index_run *a, const struct vt_index_run *b)
{
    return a->k == b->k && a->j == b->j && a->count == b->count &&
           vt_digest_eq(&a->root, &b->root);
}

static bool
has_run(const struct latest *l, const struct vt_index_run *r)
{
    for (size_t i = 0; i < l->run_count; i++)
        if (is_same_run(&l->run[i], r))
            return true;
    return false;
}

/* Takes the runs of the index root that entry `index` is. */
static enum vt_err
add_root(struct index *x, struct latest *l, uint64_t index, struct vt_why *why)
{
    const struct vt_log_mirror *m = x->m;
    const char *origin = m->had.checkpoint.origin;
    struct vt_index_note note;
    const uint8_t *entry = NULL;
    size_t len = 0;
    enum vt_err err;

    if (index >= m->had.checkpoint.size)
        return VT_OK; /* not yet */
    err = vt_tiles_entry(x->tiles, index, &entry, &len, why);
    if (err == VT_OK)
        err = vt_index_note_open(m->policy, origin, index, entry, len, &note, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, LATEST " names entry %llu", (unsigned long long)index);
    l->index[l->count++] = index;
    for (size_t i = 0; i < note.run_count; i++)
        if (!has_run(l, &note.run[i]))
            l->run[l->run_count++] = note.run[i];
    return VT_OK;
}

static enum vt_err
read_latest(struct index *x, struct vt_fetch *from, struct latest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(LATEST_MAX);
    enum vt_err err = vt_fetch_get(from, LATEST, &b, why);
    struct vt_reader r = VT_READER(b.data, b.len);
    struct vt_reader line;
    size_t lines = 0;
    uint64_t index;

    while (err == VT_OK && r.left > 0) {
        if (lines++ == ROOTS_MAX || !vt_reader_line(&r, &line) ||
            !vt_reader_decimal(&line, INT64_MAX, &index))
            err =
                vt_fail(why, VT_E_SYNTAX, LATEST ": no list of at most %d numbers", ROOTS_MAX);
        else
            err = add_root(x, ret, index, why);
    }
    vt_buf_release(&b);
    return err == VT_E_NOENT ? VT_OK : err;
}

/* A run's file that is being checked. */
struct check {
    int fd;
    const struct vt_index_run *run;
    struct vt_edge edge;
};

static enum vt_err
read_at(int fd, void *ret, size_t len, uint64_t at, struct vt_why *why)
{
    ssize_t n = pread(fd, ret, len, (off_t)at);

    if (n < 0)
        return vt_fail_errno(why, "cannot read");
    return (size_t)n == len ? VT_OK : vt_fail(why, VT_E_PROOF, "cut short");
}

/* The hashes that the file has in the place of a tile are the tile's. */
static enum vt_err
compare_hashes(
    void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why)
{
    const struct check *c = ctx;
    struct vt_digest file[VT_TILE_WIDTH];
    size_t len = t->width * sizeof(file[0]);
    uint64_t at = vt_index_run_hashes(c->run->count, t->level) +
                  t->index * VT_TILE_WIDTH * sizeof(file[0]);
    enum vt_err err = read_at(c->fd, file, len, at, why);

    if (err == VT_OK && memcmp(file, hashes, len) != 0)
        err = vt_fail(why, VT_E_PROOF, "its hashes are not those of its pages");
    return err;
}

static enum vt_err
check_pages(struct check *c, struct vt_why *why)
{
    uint8_t page[VT_INDEX_PAGE * VT_INDEX_RECORD];
    uint64_t left = c->run->count * VT_INDEX_RECORD;
    uint64_t at = 0;
    enum vt_err err = VT_OK;

    while (left > 0 && err == VT_OK) {
        size_t len = left < sizeof(page) ? (size_t)left : sizeof(page);
        struct vt_digest leaf;

        err = read_at(c->fd, page, len, at, why);
        if (err != VT_OK)
            break;
        vt_merkle_leaf(page, len, &leaf);
        err = vt_edge_put(&c->edge, 0, &leaf, compare_hashes, c, why);
        at += len;
        left -= len;
    }
    return err;
}

/* Whether an open file is the run, all of it. */
static enum vt_err
check_run(int fd, const struct vt_index_run *run, struct vt_why *why)
{
    struct check *c = calloc(1, sizeof(*c));
    struct vt_digest root;
    struct stat st;
    enum vt_err err = VT_OK;

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "mirror: out of memory");
    c->fd = fd;
    c->run = run;
    if (fstat(fd, &st) != 0 ||
        (uint64_t)st.st_size != vt_index_run_hashes(run->count, VT_TILE_LEVEL_MAX + 1))
        err = vt_fail(why, VT_E_PROOF, "it has another length");
    if (err == VT_OK)
        err = check_pages(c, why);
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX && err == VT_OK; l++) {
        struct vt_tile t = vt_edge_tile(&c->edge, l);

        if (t.width > 0)
            err = compare_hashes(c, &t, c->edge.hash[l], why);
    }
    if (err == VT_OK)
        err = vt_edge_root(&c->edge, &root, why);
    if (err == VT_OK && !vt_digest_eq(&root, &run->root))
        err = vt_fail(why, VT_E_PROOF, "it has not the root that the log signed");
    free(c);
    return err;
}

/* Whether DIR has the run, from a copy that was broken off. */
static bool
has_sound(const struct index *x, const struct vt_index_run *run)
{
    char path[VT_PATH_MAX];
    bool sound;
    int fd;

    if (vt_index_run_path(x->dir, run->k, run->j, path, NULL) != VT_OK)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        vt_disk_forget(fd);
    sound = fd >= 0 && check_run(fd, run, NULL) == VT_OK;
    if (fd >= 0)
        (void)close(fd);
    return sound;
}

static enum vt_err
fetch_run(struct index *x, const struct vt_index_run *run, struct vt_why *why)
{
    char rel[VT_FETCH_PATH_MAX];
    char temp[VT_PATH_MAX];
    uint64_t len = vt_index_run_hashes(run->count, VT_TILE_LEVEL_MAX + 1);
    enum vt_err err = vt_log_mirror_temp(x->m, temp, why);
    int fd;

    if (err != VT_OK)
        return err;
    (void)snprintf(rel, sizeof(rel), "index/%u/%llu", run->k, (unsigned long long)run->j);
    fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", temp);
    err = vt_fetch_to_fd(x->m->fetch, rel, fd, len, why);
    if (err == VT_OK) {
        err = check_run(fd, run, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", rel);
    }
    if (close(fd) != 0 && err == VT_OK)
        err = vt_fail_errno(why, "%s: cannot close", temp);
    return err == VT_OK ? vt_log_mirror_name(x->m, rel, why) : err;
}

/* One name of the folder of a level: removed when nobody names the run. */
static enum vt_err
clear_run(void *ctx, const char *name, struct vt_why *why)
{
    const struct index *x = ctx;
    struct vt_reader r = VT_READER(name, strlen(name));
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/%u/%s", x->dir, x->level, name);
    uint64_t j;

    if (err != VT_OK || !vt_reader_decimal(&r, UINT64_MAX, &j))
        return err;
    for (size_t i = 0; i < x->its.run_count; i++)
        if (x->its.run[i].k == x->level && x->its.run[i].j == j)
            return VT_OK;
    for (size_t i = 0; i < x->own.run_count; i++)
        if (x->own.run[i].k == x->level && x->own.run[i].j == j)
            return VT_OK;
    return unlink(path) == 0 ? VT_OK : vt_fail_errno(why, "%s: cannot remove", path);
}

static enum vt_err
clear_runs(struct index *x, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (x->level = 0; x->level <= VT_INDEX_LEVEL_MAX && err == VT_OK; x->level++) {
        err = vt_path(path, why, "%s/%u", x->dir, x->level);
        if (err == VT_OK && vt_file_exists(path))
            err = vt_dir_each(path, clear_run, x, why);
    }
    return err;
}

static enum vt_err
write_latest(const struct index *x, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(LATEST_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/latest", x->dir);

    for (size_t i = 0; i < x->its.count; i++)
        vt_buf_putf(&b, "%llu\n", (unsigned long long)x->its.index[i]);
    if (err == VT_OK)
        err = vt_buf_check(&b, LATEST, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static bool
is_same_latest(const struct latest *a, const struct latest *b)
{
    return a->count == b->count &&
           memcmp(a->index, b->index, a->count * sizeof(a->index[0])) == 0;
}

static enum vt_err
copy_index(struct index *x, struct vt_why *why)
{
    enum vt_err err = vt_path(x->dir, why, "%s/index", x->m->dir);

    if (err == VT_OK)
        err = read_latest(x, x->m->own, &x->own, why);
    if (err == VT_OK)
        err = read_latest(x, x->m->fetch, &x->its, why);
    if (err != VT_OK || x->its.count == 0 || is_same_latest(&x->own, &x->its))
        return err;
    for (size_t i = 0; i < x->its.run_count && err == VT_OK; i++) {
        const struct vt_index_run *run = &x->its.run[i];

        if (!has_run(&x->own, run) && !has_sound(x, run))
            err = fetch_run(x, run, why);
    }
    if (err == VT_OK)
        err = vt_disk_sync(&x->m->disk, why);
    if (err == VT_OK)
        err = write_latest(x, why);
    return err == VT_OK ? clear_runs(x, why) : err;
}

enum vt_err
vt_log_mirror_index(struct vt_log_mirror *m, struct vt_tiles *tiles, struct vt_why *why)
{
    struct index *x = calloc(1, sizeof(*x));
    enum vt_err err;

    if (x == NULL)
        return vt_fail(why, VT_E_NOMEM, "mirror: out of memory");
    x->m = m;
    x->tiles = tiles;
    err = copy_index(x, why);
    free(x);
    return err;
}
