/* SPDX-License-Identifier: Apache-2.0 */
#include "report/spool.h"

#include "report/batch.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEQ_DIGITS 16U
#define SUFFIX_BATCH ".batch"
#define SUFFIX_REFUSED ".refused"

struct item {
    uint64_t seq;
    uint64_t size;
};

struct vt_spool {
    char dir[VT_PATH_MAX];
    struct vt_lock lock;
    pthread_mutex_t mutex; /* over all below */
    struct vt_spool_status status;
    uint64_t next;
    struct item *item; /* a queue: from `head` on, ascending */
    size_t head;
    size_t count;
    size_t cap;
};

enum vt_err
vt_spool_path(
    const struct vt_spool *s, const char *name, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/%s", s->dir, name);
}

static enum vt_err
seq_path(const struct vt_spool *s, uint64_t seq, const char *suffix, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    return vt_path(ret, why, "%s/%016llx%s", s->dir, (unsigned long long)seq, suffix);
}

/* Makes room for one item more behind the last. */
static bool
grow(struct vt_spool *s)
{
    size_t cap = s->cap == 0 ? 64 : s->cap * 2;
    struct item *p;

    if (s->head + s->count < s->cap)
        return true;
    if (s->head > s->count) {
        memmove(s->item, s->item + s->head, s->count * sizeof *s->item);
        s->head = 0;
        return true;
    }
    p = reallocarray(s->item, cap, sizeof *p);
    if (p == NULL)
        return false;
    s->item = p;
    s->cap = cap;
    return true;
}

static void
push(struct vt_spool *s, uint64_t seq, uint64_t size)
{
    s->item[s->head + s->count++] = (struct item){seq, size};
    s->status.batches++;
    s->status.bytes += size;
    if (seq >= s->next)
        s->next = seq + 1;
}

static void
pop(struct vt_spool *s)
{
    s->status.batches--;
    s->status.bytes -= s->item[s->head].size;
    s->head++;
    s->count--;
}

static bool
parse_seq(const char *name, uint64_t *ret)
{
    uint8_t b[SEQ_DIGITS / 2];
    size_t len;
    uint64_t v = 0;

    if (strnlen(name, SEQ_DIGITS) < SEQ_DIGITS ||
        !vt_hex_decode(name, SEQ_DIGITS, b, sizeof b, &len))
        return false;
    for (size_t i = 0; i < len; i++)
        v = v << 8 | b[i];
    *ret = v;
    return v != 0 && v != UINT64_MAX;
}

/* One name in the folder, in order; what is no batch is not ours. */
static enum vt_err
take_name(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_spool *s = ctx;
    char path[VT_PATH_MAX];
    struct stat st;
    uint64_t seq;
    bool batch;
    enum vt_err err;

    if (!parse_seq(name, &seq))
        return VT_OK;
    batch = strcmp(name + SEQ_DIGITS, SUFFIX_BATCH) == 0;
    if (!batch && strcmp(name + SEQ_DIGITS, SUFFIX_REFUSED) != 0)
        return VT_OK;
    err = vt_spool_path(s, name, path, why);
    if (err != VT_OK)
        return err;
    if (lstat(path, &st) != 0)
        return vt_fail_errno(why, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode))
        return VT_OK;
    if (!batch) {
        s->status.refused++;
        s->status.refused_bytes += (uint64_t)st.st_size;
        if (seq >= s->next)
            s->next = seq + 1;
        return VT_OK;
    }
    if (s->count == VT_SPOOL_COUNT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "%s holds more than %u batches", s->dir, VT_SPOOL_COUNT_MAX);
    if (!grow(s))
        return vt_fail(why, VT_E_NOMEM, "no memory for the spool's list");
    push(s, seq, (uint64_t)st.st_size);
    return VT_OK;
}

/* Removes temporary files that a crash left: the lock is ours, so they are nobody's. */
static enum vt_err
sweep(const struct vt_spool *s, struct vt_why *why)
{
    DIR *d = opendir(s->dir);
    struct dirent *e;
    enum vt_err err = VT_OK;

    if (d == NULL)
        return vt_fail_errno(why, "cannot read %s", s->dir);
    while ((e = readdir(d)) != NULL && err == VT_OK)
        if (strncmp(e->d_name, ".tmp-", 5) == 0 && unlinkat(dirfd(d), e->d_name, 0) != 0 &&
            errno != ENOENT && errno != EISDIR)
            err = vt_fail_errno(why, "cannot remove %s/%s", s->dir, e->d_name);
    (void)closedir(d);
    return err;
}

static enum vt_err
read_folder(struct vt_spool *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_dir_make(s->dir, 0700, why);

    if (err == VT_OK)
        err = vt_spool_path(s, "lock", path, why);
    if (err == VT_OK)
        err = vt_lock_take(&s->lock, path, s->dir, why);
    if (err == VT_OK)
        err = sweep(s, why);
    if (err == VT_OK)
        err = vt_dir_each(s->dir, take_name, s, why);
    return err;
}

enum vt_err
vt_spool_open(const char *dir, uint64_t size_max, struct vt_spool **ret, struct vt_why *why)
{
    struct vt_spool *s = calloc(1, sizeof *s);
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a spool");
    s->lock.fd = -1;
    s->next = 1;
    s->status.size_max = size_max;
    (void)pthread_mutex_init(&s->mutex, NULL);
    err = vt_path(s->dir, why, "%s", dir);
    if (err == VT_OK)
        err = read_folder(s, why);
    if (err != VT_OK) {
        vt_spool_close(s);
        return err;
    }
    *ret = s;
    return VT_OK;
}

void
vt_spool_close(struct vt_spool *s)
{
    if (s == NULL)
        return;
    vt_lock_release(&s->lock);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s->item);
    free(s);
}

/* The mutex is held. */
static bool
fits(const struct vt_spool *s, uint64_t len)
{
    uint64_t used = s->status.bytes + s->status.refused_bytes;

    return s->count < VT_SPOOL_COUNT_MAX && used <= s->status.size_max &&
           len <= s->status.size_max - used;
}

bool
vt_spool_has_room(struct vt_spool *s, uint64_t len)
{
    bool room;

    (void)pthread_mutex_lock(&s->mutex);
    room = fits(s, len);
    (void)pthread_mutex_unlock(&s->mutex);
    return room;
}

enum vt_err
vt_spool_put(struct vt_spool *s, const void *batch, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    uint64_t seq;
    bool room;
    enum vt_err err;

    (void)pthread_mutex_lock(&s->mutex);
    room = fits(s, len);
    seq = s->next;
    err = grow(s) ? VT_OK : vt_fail(why, VT_E_NOMEM, "no memory for the spool's list");
    (void)pthread_mutex_unlock(&s->mutex);
    if (err == VT_OK && !room)
        err = vt_fail(why, VT_E_NOSPC,
            "the spool %s is full (%llu bytes): the vault must take what is in it", s->dir,
            (unsigned long long)s->status.size_max);
    if (err == VT_OK)
        err = seq_path(s, seq, SUFFIX_BATCH, path, why);
    /* Without the mutex: the sender need not wait for the disk. There is one that
     * puts, so the number and the room stay ours. */
    if (err == VT_OK)
        err = vt_file_create(path, 0600, batch, len, why);
    if (err != VT_OK)
        return err;
    (void)pthread_mutex_lock(&s->mutex);
    push(s, seq, len);
    (void)pthread_mutex_unlock(&s->mutex);
    return VT_OK;
}

/* Number of the first; 0: none waits. */
static uint64_t
first_seq(struct vt_spool *s)
{
    uint64_t seq;

    (void)pthread_mutex_lock(&s->mutex);
    seq = s->count > 0 ? s->item[s->head].seq : 0;
    (void)pthread_mutex_unlock(&s->mutex);
    return seq;
}

static void
pop_seq(struct vt_spool *s, uint64_t seq)
{
    (void)pthread_mutex_lock(&s->mutex);
    if (s->count > 0 && s->item[s->head].seq == seq)
        pop(s);
    (void)pthread_mutex_unlock(&s->mutex);
}

enum vt_err
vt_spool_first(struct vt_spool *s, uint64_t *ret_seq, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    uint64_t seq;
    enum vt_err err;

    while ((seq = first_seq(s)) != 0) {
        vt_why_clear(why);
        vt_buf_clear(b);
        err = seq_path(s, seq, SUFFIX_BATCH, path, why);
        if (err == VT_OK)
            err = vt_file_read(path, b, why);
        if (err != VT_E_NOENT) {
            *ret_seq = seq;
            return err;
        }
        pop_seq(s, seq); /* its owner removed it */
    }
    return vt_fail(why, VT_E_NOENT, "nothing waits in the spool %s", s->dir);
}

enum vt_err
vt_spool_drop(struct vt_spool *s, uint64_t seq, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = seq_path(s, seq, SUFFIX_BATCH, path, why);

    /* Not synced: if it comes back after a power failure it is sent again. */
    if (err == VT_OK && unlink(path) != 0 && errno != ENOENT)
        err = vt_fail_errno(why, "cannot remove %s", path);
    if (err == VT_OK)
        pop_seq(s, seq);
    return err;
}

enum vt_err
vt_spool_refuse(struct vt_spool *s, uint64_t seq, struct vt_why *why)
{
    char from[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    bool gone = false;
    enum vt_err err = seq_path(s, seq, SUFFIX_BATCH, from, why);

    if (err == VT_OK)
        err = seq_path(s, seq, SUFFIX_REFUSED, to, why);
    if (err == VT_OK && rename(from, to) != 0) {
        gone = errno == ENOENT; /* somebody took it away: there is nothing to keep */
        if (!gone)
            err = vt_fail_errno(why, "cannot lay %s aside", from);
    }
    if (err != VT_OK)
        return err;
    (void)pthread_mutex_lock(&s->mutex);
    if (s->count > 0 && s->item[s->head].seq == seq) {
        s->status.refused += !gone;
        s->status.refused_bytes += gone ? 0 : s->item[s->head].size;
        pop(s);
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return VT_OK;
}

void
vt_spool_status(struct vt_spool *s, struct vt_spool_status *ret)
{
    (void)pthread_mutex_lock(&s->mutex);
    *ret = s->status;
    (void)pthread_mutex_unlock(&s->mutex);
}
