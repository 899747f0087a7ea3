/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log in its files, by itself: what is durable is given out again, in order,
 * from either thread; damage and missing files are refused and left as they are. And the window
 * of names.
 */
#include "base/file.h"
#include "log/wal.h"
#include "log/window.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"
enum { FILE_MAX = 4096 };

/* The next fdatasync fails. */
static bool fail_sync;

int __wrap_fdatasync(int fd);
int __real_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
    if (fail_sync) {
        fail_sync = false;
        errno = EIO;
        return -1;
    }
    return __real_fdatasync(fd);
}

struct fixture {
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-wal", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->dir, NULL, "%s/wal", f->root), VT_OK);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    free(f);
    return 0;
}

static enum vt_err
try_open(const struct fixture *f, uint64_t least, struct vt_wal **ret, uint64_t *ret_cut,
    struct vt_why *why)
{
    struct vt_wal_opts opts = {.origin = ORIGIN, .least = least, .file_max = FILE_MAX};

    return vt_wal_open(f->dir, &opts, ret, ret_cut, why);
}

static struct vt_wal *
open_wal(const struct fixture *f)
{
    struct vt_wal *w = NULL;
    struct vt_why why = {0};
    uint64_t cut = 0;

    if (try_open(f, 0, &w, &cut, &why) != VT_OK)
        fail_msg("%s", why.text);
    return w;
}

/* Record i's bytes: its number, and then more of the letter that comes with it. */
static uint16_t
record(uint64_t i, uint8_t ret[400], struct vt_digest *ret_name)
{
    int n = snprintf((char *)ret, 400, "record %llu ", (unsigned long long)i);
    uint16_t len = (uint16_t)((unsigned)n + i * 7 % 300);

    memset(ret + n, 'a' + (int)(i % 26), len - (unsigned)n);
    vt_digest_of(ret, len, ret_name);
    return len;
}

static void
put(struct vt_wal *w, uint64_t i)
{
    uint8_t data[400];
    struct vt_digest name;
    uint16_t len = record(i, data, &name);

    assert_int_equal(vt_wal_put(w, data, len, &name, NULL), VT_OK);
}

/* Appends records up to `to` in batches of 1, 2, ... 7, 1, ... */
static void
append(struct vt_wal *w, uint64_t to)
{
    uint64_t i = vt_wal_count(w);

    for (unsigned batch = 1; i < to; batch = batch % 7 + 1) {
        for (unsigned k = 0; k < batch && i < to; k++)
            put(w, i++);
        assert_int_equal(vt_wal_commit(w, NULL), VT_OK);
        assert_int_equal(vt_wal_count(w), i);
        assert_int_equal(vt_wal_queued(w), 0);
    }
}

static void
expect_record(struct vt_wal_follow *f, uint64_t i)
{
    uint8_t data[400];
    struct vt_digest name;
    struct vt_wal_record rec = {0};
    struct vt_why why = {0};
    uint16_t len = record(i, data, &name);

    assert_int_equal(vt_wal_follow_index(f), i);
    if (vt_wal_follow_get(f, &rec, &why) != VT_OK)
        fail_msg("record %d: %s", (int)i, why.text);
    assert_int_equal(rec.len, len);
    assert_memory_equal(rec.data, data, len);
    assert_true(vt_digest_eq(&rec.name, &name));
    vt_wal_follow_step(f);
}

static void
expect_from(const struct vt_wal *w, uint64_t from)
{
    struct vt_wal_follow *f = NULL;
    struct vt_wal_record rec;

    assert_int_equal(vt_wal_follow_new(w, from, &f, NULL), VT_OK);
    for (uint64_t i = from; i < vt_wal_count(w); i++)
        expect_record(f, i);
    assert_int_equal(vt_wal_follow_get(f, &rec, NULL), VT_E_NOENT);
    vt_wal_follow_step(f); /* nothing to step over */
    assert_int_equal(vt_wal_follow_index(f), vt_wal_count(w));
    vt_wal_follow_free(f);
}

/* The names of the folder's files, in order. */
struct names {
    size_t n;
    char name[200][32];
};

static enum vt_err
take_name(void *ctx, const char *name, struct vt_why *why)
{
    struct names *v = ctx;

    (void)why;
    assert_true(v->n < 200 && strlen(name) < 32);
    memcpy(v->name[v->n++], name, strlen(name) + 1);
    return VT_OK;
}

static void
list(const struct fixture *f, struct names *ret)
{
    ret->n = 0;
    assert_int_equal(vt_dir_each(f->dir, take_name, ret, NULL), VT_OK);
}

static void
file_path(const struct fixture *f, const char *name, char ret[VT_PATH_MAX])
{
    assert_int_equal(vt_path(ret, NULL, "%s/%s", f->dir, name), VT_OK);
}

static off_t
size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void
flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 1);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void
test_files(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct names names;

    expect_from(w, 0);
    append(w, 300);
    list(f, &names);
    assert_true(names.n > 5);
    assert_string_equal(names.name[0], "00000000000000000000");
    for (uint64_t from = 0; from <= 300; from += 13)
        expect_from(w, from);
    vt_wal_free(w);
    w = open_wal(f);
    assert_int_equal(vt_wal_count(w), 300);
    assert_int_equal(vt_wal_first(w), 0);
    append(w, 320);
    expect_from(w, 299);
    expect_from(w, 0);
    vt_wal_free(w);
}

/* A follower that has read all goes on when there is more, in the file and in the next. */
static void
test_follower_waits(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct vt_wal_follow *follow = NULL;
    struct vt_wal_follow *none = NULL;
    struct vt_wal_record rec;
    uint64_t seen = 0;

    assert_int_equal(vt_wal_follow_new(w, 1, &none, NULL), VT_E_NOENT);
    assert_int_equal(vt_wal_follow_new(w, 0, &follow, NULL), VT_OK);
    for (uint64_t to = 1; to < 200; to += 3) {
        assert_int_equal(vt_wal_follow_get(follow, &rec, NULL), VT_E_NOENT);
        put(w, vt_wal_count(w));
        assert_int_equal(vt_wal_follow_get(follow, &rec, NULL), VT_E_NOENT);
        assert_int_equal(vt_wal_commit(w, NULL), VT_OK);
        append(w, to);
        while (seen < vt_wal_count(w))
            expect_record(follow, seen++);
    }
    vt_wal_follow_free(follow);
    vt_wal_free(w);
}

struct follower {
    const struct vt_wal *wal;
    uint64_t to;
    atomic_bool bad;
};

static void *
follow_main(void *arg)
{
    struct follower *f = arg;
    struct vt_wal_follow *follow = NULL;
    uint8_t data[400];
    struct vt_digest name;

    if (vt_wal_follow_new(f->wal, 0, &follow, NULL) != VT_OK) {
        f->bad = true;
        return NULL;
    }
    while (vt_wal_follow_index(follow) < f->to && !f->bad) {
        struct vt_wal_record rec;
        uint16_t len = record(vt_wal_follow_index(follow), data, &name);
        enum vt_err err = vt_wal_follow_get(follow, &rec, NULL);

        if (err == VT_E_NOENT) {
            usleep(100);
            continue;
        }
        f->bad = err != VT_OK || rec.len != len || memcmp(rec.data, data, len) != 0;
        vt_wal_follow_step(follow);
    }
    vt_wal_follow_free(follow);
    return NULL;
}

static void
test_follower_in_a_thread(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct follower fo = {.wal = w, .to = 1500};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, follow_main, &fo), 0);
    append(w, fo.to);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(fo.bad);
    vt_wal_free(w);
}

/* A batch has limits in bytes and in records; what is abandoned leaves nothing. */
static void
test_queue_limits(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    uint8_t *big = calloc(1, VT_WAL_RECORD_MAX);
    struct vt_digest name = {{0}};
    unsigned n = 0;

    assert_non_null(big);
    while (vt_wal_put(w, big, VT_WAL_RECORD_MAX, &name, NULL) == VT_OK)
        n++;
    assert_int_equal(n, VT_WAL_BATCH_MAX / (VT_WAL_RECORD_MAX + 34U));
    assert_int_equal(vt_wal_put(w, big, VT_WAL_RECORD_MAX, &name, NULL), VT_E_BUSY);
    vt_wal_abandon(w);
    assert_int_equal(vt_wal_queued(w), 0);
    assert_int_equal(vt_wal_commit(w, NULL), VT_OK);
    assert_int_equal(vt_wal_count(w), 0);
    for (n = 0; vt_wal_put(w, big, 1, &name, NULL) == VT_OK; n++)
        ;
    assert_int_equal(n, VT_WAL_QUEUE_MAX);
    assert_int_equal(vt_wal_commit(w, NULL), VT_OK);
    assert_int_equal(vt_wal_count(w), VT_WAL_QUEUE_MAX);
    for (n = 0; n < 255; n++)
        assert_int_equal(vt_wal_put(w, big, VT_WAL_RECORD_MAX, &name, NULL), VT_OK);
    assert_int_equal(vt_wal_commit(w, NULL), VT_OK);
    vt_wal_free(w);
    w = open_wal(f);
    assert_int_equal(vt_wal_count(w), VT_WAL_QUEUE_MAX + 255);
    vt_wal_free(w);
    free(big);
}

static void
expect_refused(const struct fixture *f, uint64_t least, enum vt_err want, const char *says)
{
    struct vt_wal *w = NULL;
    struct vt_why why = {0};
    uint64_t cut = 77;

    assert_int_equal(try_open(f, least, &w, &cut, &why), want);
    assert_null(w);
    assert_int_equal(cut, 77);
    if (strstr(why.text, says) == NULL)
        fail_msg("`%s` does not say `%s`", why.text, says);
}

/* Any changed byte of the newest file's batches but the last is damage; of older files the
 * length and the head are looked at, and the rest when it is read. */
static void
test_damage(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct vt_wal_follow *follow = NULL;
    struct vt_wal_record rec;
    struct names names;
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    append(w, 250);
    vt_wal_free(w);
    list(f, &names);
    file_path(f, names.name[1], path);
    for (off_t at = 0; at < 80; at++) { /* its head */
        flip(path, at);
        expect_refused(f, 0, at >= 15 && at < 34 ? VT_E_CONFIG : VT_E_DIGEST, names.name[1]);
        flip(path, at);
    }
    flip(path, 700);
    w = open_wal(f);
    assert_int_equal(vt_wal_follow_new(w, 0, &follow, NULL), VT_OK);
    while (err == VT_OK) {
        err = vt_wal_follow_get(follow, &rec, NULL);
        vt_wal_follow_step(follow);
    }
    assert_int_equal(err, VT_E_DIGEST);
    assert_true(vt_wal_follow_index(follow) < 250);
    vt_wal_follow_free(follow);
    vt_wal_free(w);
    flip(path, 700);
    assert_int_equal(truncate(path, size_of(path) - 1), 0);
    expect_refused(f, 0, VT_E_DIGEST, "bytes");
}

static void
test_missing_files(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct names names;
    struct names left;
    char path[VT_PATH_MAX];
    char away[VT_PATH_MAX];

    append(w, 250);
    vt_wal_free(w);
    list(f, &names);
    assert_int_equal(vt_path(away, NULL, "%s/away", f->root), VT_OK);
    for (size_t i = 0; i + 1 < names.n; i++) {
        file_path(f, names.name[i], path);
        assert_int_equal(rename(path, away), 0);
        expect_refused(f, 0, VT_E_DIGEST, i == 0 ? "first file" : "missing");
        assert_int_equal(rename(away, path), 0);
    }
    /* The newest: nobody but the signed checkpoint can know. */
    file_path(f, names.name[names.n - 1], path);
    assert_int_equal(rename(path, away), 0);
    expect_refused(f, 250, VT_E_ROLLBACK, "250");
    assert_int_equal(rename(away, path), 0);
    /* A file under another's name; a name that is no file's is left alone. */
    file_path(f, "00000000000000009999", away);
    assert_int_equal(rename(path, away), 0);
    expect_refused(f, 0, VT_E_DIGEST, "own name");
    assert_int_equal(rename(away, path), 0);
    file_path(f, "notes", away);
    assert_int_equal(vt_file_create(away, 0600, "x", 1, NULL), VT_OK);
    w = open_wal(f);
    vt_wal_free(w);
    list(f, &left);
    assert_int_equal(left.n, names.n + 1);
}

static void
test_least(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = NULL;
    struct names names;
    uint64_t cut = 0;
    char path[VT_PATH_MAX];
    off_t size;

    expect_refused(f, 1, VT_E_ROLLBACK, "1 entries");
    assert_false(vt_file_exists(f->dir));
    w = open_wal(f);
    append(w, 20);
    vt_wal_free(w);
    assert_int_equal(try_open(f, 20, &w, &cut, NULL), VT_OK);
    vt_wal_free(w);
    w = NULL;
    expect_refused(f, 21, VT_E_ROLLBACK, "21");
    /* The torn tail of a log that is refused is not cut. */
    list(f, &names);
    file_path(f, names.name[names.n - 1], path);
    size = size_of(path) - 3;
    assert_int_equal(truncate(path, size), 0);
    expect_refused(f, 20, VT_E_ROLLBACK, "20");
    assert_int_equal(size_of(path), size);
}

static void
test_drop(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct vt_wal_follow *follow = NULL;
    struct names names;
    unsigned dropped = 99;
    uint64_t third;
    uint64_t first;
    uint64_t cut;

    append(w, 250);
    list(f, &names);
    third = strtoull(names.name[2], NULL, 10);
    assert_int_equal(vt_wal_drop(w, third - 1, &dropped, NULL), VT_OK);
    assert_int_equal(dropped, 1);
    assert_int_equal(vt_wal_drop(w, third, &dropped, NULL), VT_OK);
    assert_int_equal(dropped, 1);
    assert_int_equal(vt_wal_first(w), third);
    assert_int_equal(vt_wal_follow_new(w, third - 1, &follow, NULL), VT_E_NOENT);
    expect_from(w, third);
    vt_wal_free(w);
    expect_refused(f, third - 1, VT_E_DIGEST, "first file");
    assert_int_equal(try_open(f, third, &w, &cut, NULL), VT_OK);
    assert_int_equal(vt_wal_count(w), 250);
    /* The newest file stays whatever is asked. */
    assert_int_equal(vt_wal_drop(w, UINT64_MAX, &dropped, NULL), VT_OK);
    assert_int_equal(dropped, names.n - 3);
    list(f, &names);
    assert_int_equal(names.n, 1);
    first = vt_wal_first(w);
    append(w, 300);
    expect_from(w, first);
    vt_wal_free(w);
}

/* A failed write is cut off again; one that cannot be made durable ends it. */
static void
test_failures(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct vt_why why = {0};
    struct rlimit before;
    struct rlimit tight;
    struct names names;
    char path[VT_PATH_MAX];
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    append(w, 10);
    list(f, &names);
    file_path(f, names.name[0], path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)size_of(path) + 25;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    put(w, 10);
    assert_int_equal(vt_wal_commit(w, &why), VT_E_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(size_of(path), (off_t)tight.rlim_cur - 25);
    assert_int_equal(vt_wal_count(w), 10);
    append(w, 12);
    fail_sync = true;
    put(w, 12);
    assert_int_equal(vt_wal_commit(w, &why), VT_E_STATE);
    put(w, 12);
    assert_int_equal(vt_wal_commit(w, &why), VT_E_STATE);
    assert_non_null(strstr(why.text, "start the log again"));
    assert_int_equal(vt_wal_count(w), 12);
    vt_wal_free(w);
    w = open_wal(f); /* the batch was written after all */
    assert_int_equal(vt_wal_count(w), 13);
    expect_from(w, 0);
    vt_wal_free(w);
}

/* A new file that cannot be made refuses the batch, and the log goes on. */
static void
test_failing_new_file(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = open_wal(f);
    struct names names;
    struct rlimit before;
    struct rlimit none;
    uint64_t n;

    do {
        append(w, vt_wal_count(w) + 1);
        list(f, &names);
    } while (names.n < 2);
    n = vt_wal_count(w);
    while (names.n < 3) { /* until the next batch would begin the third file */
        char path[VT_PATH_MAX];

        file_path(f, names.name[1], path);
        if (size_of(path) >= FILE_MAX)
            break;
        append(w, ++n);
        list(f, &names);
    }
    assert_int_equal(names.n, 2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    put(w, n);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_not_equal(vt_wal_commit(w, NULL), VT_OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(vt_wal_count(w), n);
    append(w, n + 5);
    list(f, &names);
    assert_int_equal(names.n, 3);
    expect_from(w, 0);
    vt_wal_free(w);
}

/* What looks like the begin of a batch in an entry is none: no mark is another file's. */
static void
test_mark_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct vt_buf one = VT_BUF(4096);
    struct vt_buf two = VT_BUF(4096);
    struct vt_wal *w = open_wal(f);
    char path[VT_PATH_MAX];

    vt_wal_free(w);
    file_path(f, "00000000000000000000", path);
    assert_int_equal(vt_file_read(path, &one, NULL), VT_OK);
    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    w = open_wal(f);
    append(w, 3);
    vt_wal_free(w);
    assert_int_equal(vt_file_read(path, &two, NULL), VT_OK);
    assert_non_null(strstr(vt_buf_str(&one), "\nmark "));
    assert_int_not_equal(
        memcmp(strstr(vt_buf_str(&one), "\nmark "), strstr(vt_buf_str(&two), "\nmark "), 14),
        0);
    /* The batches of one behind the head of the other. */
    vt_buf_put(&one, two.data + one.len, two.len - one.len);
    assert_int_equal(vt_file_replace(path, 0600, one.data, one.len, NULL), VT_OK);
    w = open_wal(f);
    assert_int_equal(vt_wal_count(w), 0);
    vt_wal_free(w);
    vt_buf_release(&one);
    vt_buf_release(&two);
}

/* Batches as older versions wrote them: the same behind a mark that was one for all. */
static void
put_old_batches(struct vt_buf *b, const uint8_t *data, size_t len)
{
    struct vt_reader r = VT_READER(data, len);

    while (r.left > 0) {
        struct vt_digest sum;
        const uint8_t *p;
        const uint8_t *sizes = r.p + 4;
        size_t from = b->len;
        uint32_t n;

        assert_true(vt_reader_u32(&r, &n) && vt_reader_u32(&r, &n));
        assert_true(vt_reader_take(&r, 12 + (size_t)n + VT_DIGEST_SIZE, &p));
        vt_buf_puts(b, "VTB1");
        vt_buf_put(b, sizes, 16 + (size_t)n);
        vt_digest_of(b->data + from, b->len - from, &sum);
        vt_buf_put(b, sum.b, sizeof sum.b);
    }
}

/* The single file of older versions. */
static void
make_old(const struct fixture *f, const char *path)
{
    struct vt_buf all = VT_BUF(1U << 20);
    struct vt_buf old = VT_BUF(1U << 20);
    struct vt_wal_opts opts = {.origin = ORIGIN};
    struct vt_wal *w = NULL;
    const uint8_t *batches;
    char made[VT_PATH_MAX];
    uint64_t cut;

    assert_int_equal(vt_wal_open(f->dir, &opts, &w, &cut, NULL), VT_OK);
    append(w, 100);
    vt_wal_free(w);
    file_path(f, "00000000000000000000", made);
    assert_int_equal(vt_file_read(made, &all, NULL), VT_OK);
    vt_buf_puts(&old, "vitrine/wal/v1\n" ORIGIN "\n");
    batches = (const uint8_t *)strstr((char *)all.data, "\nsum ") + 14;
    put_old_batches(&old, batches, all.len - (size_t)(batches - all.data));
    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    assert_int_equal(vt_file_create(path, 0600, old.data, old.len, NULL), VT_OK);
    vt_buf_release(&all);
    vt_buf_release(&old);
}

static void
test_old_file_is_taken_over(void **state)
{
    struct fixture *f = *state;
    struct vt_wal *w = NULL;
    struct vt_wal_opts other = {.origin = "other.example/log"};
    struct vt_why why = {0};
    struct names names;
    char fresh[VT_PATH_MAX];
    char inside[VT_PATH_MAX];
    uint64_t cut = 0;

    assert_int_equal(vt_path(fresh, NULL, "%s.new", f->dir), VT_OK);
    assert_int_equal(vt_path(inside, NULL, "%s/00000000000000000000", fresh), VT_OK);
    /* A crash at each step, and none. */
    for (int step = 0; step < 4; step++) {
        assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
        make_old(f, f->dir);
        assert_int_equal(vt_wal_open(f->dir, &other, &w, &cut, &why), VT_E_CONFIG);
        assert_int_equal(size_of(f->dir) > 100, 1);
        assert_false(vt_file_exists(fresh));
        if (step >= 1)
            assert_int_equal(vt_dir_make(fresh, 0700, NULL), VT_OK);
        if (step >= 2)
            assert_int_equal(rename(f->dir, inside), 0);
        if (step >= 3)
            assert_int_equal(rename(fresh, f->dir), 0);
        w = open_wal(f);
        assert_int_equal(vt_wal_count(w), 100);
        assert_false(vt_file_exists(fresh));
        append(w, 200); /* the old file is full: the next follows it */
        expect_from(w, 0);
        vt_wal_free(w);
        w = open_wal(f);
        expect_from(w, 0);
        vt_wal_free(w);
        w = NULL;
        list(f, &names);
        assert_true(names.n > 2);
        assert_string_equal(names.name[1], "00000000000000000100");
    }
}

static struct vt_digest
name_of(uint64_t i)
{
    struct vt_digest d;

    vt_digest_of(&i, sizeof i, &d);
    return d;
}

static void
test_window(void **state)
{
    struct vt_window *t = NULL;
    uint64_t index = 0;

    (void)state;
    assert_int_equal(vt_window_new(1000, 5000, &t, NULL), VT_OK);
    assert_int_equal(vt_window_end(t), 5000);
    for (uint64_t i = 5000; i < 12000; i++) {
        struct vt_digest name = name_of(i);

        assert_false(vt_window_find(t, &name, &index));
        vt_window_put(t, &name);
        if (i % 97 != 0)
            continue;
        /* What it holds is found, what it forgot is not. */
        for (uint64_t k = i < 6500 ? 5000 : i - 1500; k <= i; k += 7) {
            name = name_of(k);
            assert_int_equal(vt_window_find(t, &name, &index), k + 1000 > i && k >= 5000);
            if (k + 1000 > i)
                assert_int_equal(index, k);
        }
    }
    /* Cutting off takes the newest away, and the oldest do not come back. */
    vt_window_cut(t, 11700);
    assert_int_equal(vt_window_end(t), 11700);
    for (uint64_t k = 10800; k < 12000; k++) {
        struct vt_digest name = name_of(k);

        assert_int_equal(vt_window_find(t, &name, &index), k >= 11000 && k < 11700);
    }
    for (uint64_t i = 0; i < 3000; i++) {
        struct vt_digest name = name_of(100000 + i);

        vt_window_put(t, &name);
        assert_true(vt_window_find(t, &name, &index));
        assert_int_equal(index, 11700 + i);
    }
    vt_window_cut(t, 0);
    assert_int_equal(vt_window_end(t), 13700);
    vt_window_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_follower_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_follower_in_a_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_queue_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_least, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_drop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_new_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_file_is_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mark_of_its_own, set_up, tear_down),
        cmocka_unit_test(test_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
