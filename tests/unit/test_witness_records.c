/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness keeps: the journal under torn tails, damage, failing calls and kills; records
 * of the older form; the lists of logs.
 */
#include "witness_world.h"

#include "base/log.h"
#include "base/proc.h"
#include "witness/journal.h"
#include "witness/list.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls that are made to fail: the n-th from now of those below. */
static int fail_after = -1; /* -1: none */
static int fail_errno = EIO;
static int calls;

static bool
fails(void)
{
    calls++;
    if (fail_after < 0 || fail_after-- > 0)
        return false;
    errno = fail_errno;
    return true;
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
    if (fd <= STDERR_FILENO)
        return __real_write(fd, data, len);
    if (!fails())
        return __real_write(fd, data, len);
    /* As a full disk does: some of it. */
    (void)!__real_write(fd, data, len / 2);
    return -1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
    return fails() ? -1 : __real_fsync(fd);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int
__wrap_fdatasync(int fd)
{
    return fails() ? -1 : __real_fdatasync(fd);
}

int __real_ftruncate(int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size);
int
__wrap_ftruncate(int fd, off_t size)
{
    return fails() ? -1 : __real_ftruncate(fd, size);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int
__wrap_rename(const char *from, const char *to)
{
    return fails() ? -1 : __real_rename(from, to);
}

struct world {
    char dir[VT_PATH_MAX];
    char records[VT_PATH_MAX];
    char journal[VT_PATH_MAX];
    struct vt_witness_records *r;
};

static int
set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    fail_after = -1;
    fail_errno = EIO;
    assert_int_equal(vt_dir_temp("/tmp", "vt-witness", w->dir, NULL), VT_OK);
    assert_int_equal(vt_path(w->records, NULL, "%s/records", w->dir), VT_OK);
    assert_int_equal(vt_path(w->journal, NULL, "%s/journal", w->records), VT_OK);
    *state = w;
    return 0;
}

/* The same as `witness init` leaves it. */
static int
set_up_made(void **state)
{
    (void)set_up(state);
    return vt_witness_records_make(((struct world *)*state)->records, NULL) == VT_OK ? 0 : 1;
}

static int
tear_down(void **state)
{
    struct world *w = *state;

    fail_after = -1;
    vt_witness_records_free(w->r);
    assert_int_equal(vt_tree_remove(w->dir, NULL), VT_OK);
    free(w);
    return 0;
}

static struct vt_witness_follow followed;

static enum vt_err
open_records(struct world *w, struct vt_why *why)
{
    return vt_witness_records_open(w->records, &followed, 1, &w->r, why);
}

static void
close_records(struct world *w)
{
    vt_witness_records_free(w->r);
    w->r = NULL;
}

static void
reopen(struct world *w)
{
    struct vt_why why = {0};

    close_records(w);
    if (open_records(w, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static struct vt_witness_log *
the_log(const struct world *w)
{
    return vt_witness_table_find(vt_witness_records_table(w->r), ORIGIN);
}

/* A verdict of 200: the records do not look at signatures. `pad` bytes of extension lines. */
struct made {
    struct vt_buf body;
    struct vt_witness_verdict v;
};

static void
make_verdict(struct world *w, const char *origin, uint64_t size, size_t pad, struct made *ret)
{
    struct tree t = {UINT64_MAX};
    struct vt_checkpoint *c = &ret->v.checkpoint;

    memset(ret, 0, sizeof(*ret));
    ret->body = VT_BUF(65536);
    ret->v.status = 200;
    (void)snprintf(c->origin, sizeof(c->origin), "%s", origin);
    c->size = size;
    if (size <= 64)
        tree_root(&t, size, &c->root);
    else
        vt_digest_of(&size, sizeof(size), &c->root);
    vt_checkpoint_put(&ret->body, c);
    for (size_t i = 0; i < pad; i++)
        vt_buf_puts(&ret->body, i % 64 == 63 || i + 1 == pad ? "x\n" : "x");
    vt_buf_puts(&ret->body, "\n\xe2\x80\x94 someone AAAAAAECAwQF\n");
    assert_int_equal(vt_note_parse(ret->body.data, ret->body.len, &ret->v.note, NULL), VT_OK);
    if (w->r != NULL)
        assert_int_equal(
            vt_witness_table_add(vt_witness_records_table(w->r), origin, &ret->v.log, NULL),
            VT_OK);
}

static enum vt_err
stage(struct world *w, const char *origin, uint64_t size, uint64_t now)
{
    struct made m;
    uint64_t time = 0;
    enum vt_err err;

    make_verdict(w, origin, size, 0, &m);
    err = vt_witness_records_stage(w->r, &m.v, now, &time, NULL);
    vt_buf_release(&m.body);
    return err;
}

static enum vt_err
keep(struct world *w, uint64_t size, uint64_t now)
{
    enum vt_err err = stage(w, ORIGIN, size, now);

    return err == VT_OK ? vt_witness_records_commit(w->r, NULL) : err;
}

static void
load(const char *path, struct vt_buf *b)
{
    vt_buf_clear(b);
    assert_int_equal(vt_file_read(path, b, NULL), VT_OK);
}

static void
save(const char *path, const void *data, size_t len)
{
    assert_int_equal(vt_file_replace(path, 0600, data, len, NULL), VT_OK);
}

static void
test_remembers(void **state)
{
    struct world *w = *state;
    struct vt_witness_records *other = NULL;
    struct vt_why why = {0};
    struct tree t = {UINT64_MAX};
    struct vt_digest root;

    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(the_log(w)->size, 0);
    assert_null(the_log(w)->note);
    assert_int_equal(keep(w, 5, 100), VT_OK);
    assert_int_equal(keep(w, 7, 101), VT_OK);
    /* Not durable, not remembered. */
    assert_int_equal(stage(w, ORIGIN, 9, 102), VT_OK);
    assert_int_equal(the_log(w)->size, 9);
    assert_int_equal(
        vt_witness_records_open(w->records, &followed, 1, &other, &why), VT_E_BUSY);
    reopen(w);
    tree_root(&t, 7, &root);
    assert_int_equal(the_log(w)->size, 7);
    assert_int_equal(the_log(w)->time, 101);
    assert_true(vt_digest_eq(&the_log(w)->root, &root));
    assert_non_null(the_log(w)->note);
}

static void
test_times_never_go_back(void **state)
{
    struct world *w = *state;
    uint64_t time = 0;

    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(keep(w, 5, 1000), VT_OK);
    assert_int_equal(keep(w, 6, 900), VT_OK);
    assert_int_equal(the_log(w)->time, 1000);
    reopen(w);
    assert_int_equal(vt_witness_records_stage_again(w->r, the_log(w), 800, &time, NULL), VT_OK);
    assert_int_equal(time, 1000);
    assert_int_equal(
        vt_witness_records_stage_again(w->r, the_log(w), 1234, &time, NULL), VT_OK);
    assert_int_equal(time, 1234);
    assert_int_equal(vt_witness_records_commit(w->r, NULL), VT_OK);
    reopen(w);
    assert_int_equal(the_log(w)->time, 1234);
    assert_int_equal(the_log(w)->size, 6);
}

/* A tail torn at any byte leaves what was before the batch, and no less. */
static void
test_torn_tails_are_cut(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    struct stat st;
    off_t before;

    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(keep(w, 5, 100), VT_OK);
    assert_int_equal(stat(w->journal, &st), 0);
    before = st.st_size;
    assert_int_equal(keep(w, 7, 101), VT_OK);
    close_records(w);
    load(w->journal, &b);
    for (size_t len = (size_t)before; len < b.len; len++) {
        save(w->journal, b.data, len);
        assert_int_equal(open_records(w, NULL), VT_OK);
        assert_int_equal(the_log(w)->size, 5);
        assert_int_equal(keep(w, 6, 200), VT_OK);
        reopen(w);
        assert_int_equal(the_log(w)->size, 6);
        close_records(w);
    }
    vt_buf_release(&b);
}

static void
test_damage_is_refused(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    struct stat st;
    size_t last;

    assert_int_equal(open_records(w, NULL), VT_OK);
    for (uint64_t size = 1; size < 5; size++)
        assert_int_equal(keep(w, size, 100), VT_OK);
    assert_int_equal(stat(w->journal, &st), 0);
    last = (size_t)st.st_size;
    assert_int_equal(keep(w, 5, 100), VT_OK);
    close_records(w);
    load(w->journal, &b);
    /* Every byte before the last batch. */
    for (size_t i = 0; i < last; i++) {
        b.data[i] ^= 0x10;
        save(w->journal, b.data, b.len);
        assert_int_equal(open_records(w, &why), VT_E_DIGEST);
        assert_non_null(strstr(why.text, "journal"));
        b.data[i] ^= 0x10;
    }
    /* A base that is cut. */
    for (size_t i = 0; i < 30; i++) {
        save(w->journal, b.data, i);
        assert_int_equal(open_records(w, &why), VT_E_DIGEST);
    }
    save(w->journal, b.data, b.len);
    assert_int_equal(open_records(w, &why), VT_OK);
    assert_int_equal(the_log(w)->size, 5);
    vt_buf_release(&b);
}

/* Records that are whole and contradict each other: somebody put the file together. */
static void
test_contradictions_are_refused(void **state)
{
    static const struct {
        uint64_t size, time;
        bool twisted;
    } second[] = {{4, 100, false}, {5, 99, false}, {5, 100, true}};
    struct world *w = *state;
    struct vt_witness_table *t = NULL;
    struct made m;

    for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
        struct tree twisted = {0};
        struct vt_buf b = VT_BUF(4096);

        assert_int_equal(vt_witness_table_new(&t, NULL), VT_OK);
        make_verdict(w, ORIGIN, 5, 0, &m);
        assert_int_equal(vt_witness_table_load(t, 100, m.body.data, m.body.len, NULL), VT_OK);
        vt_buf_release(&m.body);
        make_verdict(w, ORIGIN, second[i].size, 0, &m);
        if (second[i].twisted)
            tree_root(&twisted, 5, &m.v.checkpoint.root);
        vt_checkpoint_put(&b, &m.v.checkpoint);
        vt_buf_puts(&b, "\n\xe2\x80\x94 someone AAAAAAECAwQF\n");
        assert_int_equal(
            vt_witness_table_load(t, second[i].time, b.data, b.len, NULL), VT_E_DIGEST);
        vt_buf_release(&m.body);
        vt_buf_release(&b);
        vt_witness_table_free(t);
    }
}

/* One call after the other fails: what was committed is there, what was not is gone or there,
 * and the witness goes on by itself. */
static void
test_every_failing_call(void **state)
{
    static const int errnos[] = {EIO, ENOSPC};
    struct world *w = *state;
    uint64_t size = 1;
    bool failed;

    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(keep(w, size, 100), VT_OK);
    for (size_t e = 0; e < 2; e++) {
        fail_errno = errnos[e];
        for (int n = 0; n < 12; n++) {
            uint64_t kept;

            fail_after = n;
            failed = keep(w, size + 1, 100) != VT_OK;
            kept = failed ? size : size + 1;
            assert_int_equal(the_log(w)->size, kept);
            /* The next one fails too while the file is in doubt. */
            if (failed && !vt_witness_records_are_sound(w->r)) {
                int64_t until = vt_clock_monotonic_ms() + 20000;

                fail_after = -1;
                while (!vt_witness_records_are_sound(w->r) && vt_clock_monotonic_ms() < until) {
                    usleep(50000);
                    vt_witness_records_tick(w->r);
                }
                assert_true(vt_witness_records_are_sound(w->r));
            }
            fail_after = -1;
            assert_int_equal(keep(w, kept + 1, 100), VT_OK);
            size = kept + 1;
            reopen(w);
            assert_int_equal(the_log(w)->size, size);
        }
    }
}

/* While the file is in doubt a commit writes all of it anew, or fails. */
static void
test_doubt_ends_with_a_new_file(void **state)
{
    struct world *w = *state;
    struct stat before;
    struct stat after;

    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(keep(w, 5, 100), VT_OK);
    assert_int_equal(stat(w->journal, &before), 0);
    fail_after = 1; /* the write is good, fdatasync is not */
    assert_int_equal(keep(w, 6, 100), VT_E_IO);
    assert_false(vt_witness_records_are_sound(w->r));
    assert_int_equal(the_log(w)->size, 5);
    /* The new file fails too; for a second it is not tried. */
    fail_after = 0;
    assert_true(keep(w, 6, 100) != VT_OK);
    fail_after = -1;
    assert_int_equal(keep(w, 6, 100), VT_E_STATE);
    assert_int_equal(the_log(w)->size, 5);
    for (int i = 0; i < 200 && keep(w, 6, 100) != VT_OK; i++)
        usleep(20000);
    assert_int_equal(the_log(w)->size, 6);
    assert_true(vt_witness_records_are_sound(w->r));
    assert_int_equal(stat(w->journal, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    reopen(w);
    assert_int_equal(the_log(w)->size, 6);
}

/* A base of one record; the counting of what a file holds. */
static void
next_of_one(void *ctx, struct vt_witness_record *ret)
{
    *ret = *(const struct vt_witness_record *)ctx;
}

static enum vt_err
count_record(void *ctx, const struct vt_witness_record *r, struct vt_why *why)
{
    (void)r;
    (void)why;
    ++*(int *)ctx;
    return VT_OK;
}

/* Each call of the making of a new file fails in its turn: the old file or the new one is
 * there, whole; and what is not the file of that name takes no more. */
static void
test_failing_renewal(void **state)
{
    static const uint8_t note[] = "note";
    struct world *w = *state;
    struct vt_witness_record rec = {.note = note, .note_len = 4};
    const struct vt_witness_base base = {1, VT_WITNESS_RECORD_HEAD + 4, next_of_one, &rec};
    struct vt_witness_journal *j = NULL;
    bool renewed = false;

    assert_int_equal(vt_dir_make(w->records, 0700, NULL), VT_OK);
    for (int n = 0; !renewed; n++) {
        struct vt_buf batch = VT_BUF(4096);
        enum vt_err err;
        int count = 0;

        assert_true(n < 20);
        assert_int_equal(vt_witness_journal_new(w->journal, &base, &j, NULL), VT_OK);
        vt_witness_record_put(&batch, &rec);
        assert_int_equal(vt_witness_journal_append(j, &batch, 1, NULL), VT_OK);
        fail_after = n;
        err = vt_witness_journal_renew(&j, &base, NULL);
        fail_after = -1;
        renewed = err == VT_OK;
        vt_buf_clear(&batch);
        vt_witness_record_put(&batch, &rec);
        if (vt_witness_journal_unsure(j))
            assert_int_equal(vt_witness_journal_append(j, &batch, 1, NULL), VT_E_STATE);
        else
            assert_int_equal(vt_witness_journal_append(j, &batch, 1, NULL), VT_OK);
        assert_int_equal(
            vt_witness_journal_read(w->journal, count_record, &count, NULL), VT_OK);
        assert_int_equal(count, renewed ? 2 : vt_witness_journal_unsure(j) ? 1 : 3);
        vt_witness_journal_free(j);
        j = NULL;
        vt_buf_release(&batch);
    }
}

static void
origin_of(size_t i, char ret[32])
{
    (void)snprintf(ret, 32, "log-%zu.example", i);
}

/* `logs` logs, each with `size`, in one commit; big notes. */
static enum vt_err
keep_many(struct world *w, size_t logs, uint64_t size)
{
    for (size_t i = 0; i < logs; i++) {
        struct made m;
        char origin[32];
        uint64_t time;
        enum vt_err err;

        origin_of(i, origin);
        make_verdict(w, origin, size, 3800, &m);
        err = vt_witness_records_stage(w->r, &m.v, 100 + size, &time, NULL);
        vt_buf_release(&m.body);
        if (err != VT_OK)
            return err;
    }
    return vt_witness_records_commit(w->r, NULL);
}

static void
check_many(struct world *w, size_t logs, uint64_t size)
{
    for (size_t i = 0; i < logs; i++) {
        char origin[32];

        origin_of(i, origin);
        assert_int_equal(
            vt_witness_table_find(vt_witness_records_table(w->r), origin)->size, size);
    }
}

/* The journal stays within its bound, by new files in its place. */
static void
test_compaction(void **state)
{
    struct world *w = *state;
    struct stat first;
    struct stat st;
    bool replaced = false;

    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(stat(w->journal, &first), 0);
    for (uint64_t size = 1; size <= 40; size++) {
        assert_int_equal(keep_many(w, 200, size), VT_OK);
        assert_int_equal(stat(w->journal, &st), 0);
        assert_true(st.st_size < (off_t)(VT_WITNESS_BATCHES_MAX + (4U << 20)));
        replaced = replaced || st.st_ino != first.st_ino;
    }
    assert_true(replaced);
    reopen(w);
    check_many(w, 200, 40);
    /* When no new file can be written the old one goes on. */
    for (uint64_t size = 41; size <= 70; size++) {
        fail_after = 2;
        fail_errno = ENOSPC;
        assert_int_equal(keep_many(w, 200, size), VT_OK);
        fail_after = -1;
        assert_true(vt_witness_records_are_sound(w->r));
    }
    reopen(w);
    check_many(w, 200, 70);
}

/* A child commits and says so; it is killed at some moment, often in the midst of a new file.
 */
static int
commit_for_ever(int fd, void *ctx)
{
    struct world *w = ctx;
    uint64_t size;

    if (open_records(w, NULL) != VT_OK)
        return 3;
    size = the_log(w)->size;
    for (;;) {
        size++;
        if (keep(w, size, 100 + size) != VT_OK ||
            __real_write(fd, &size, sizeof(size)) != (ssize_t)sizeof(size))
            return 3;
        if (size % 4 == 0 && keep_many(w, 150, size) != VT_OK)
            return 3;
    }
}

static void
test_kills(void **state)
{
    struct world *w = *state;
    uint64_t said = 0;
    unsigned seed = 20261122;

    for (int round = 0; round < 60; round++) {
        uint64_t size = 0;
        pid_t pid = -1;
        int fd = -1;

        assert_int_equal(
            vt_proc_fork("committer", commit_for_ever, w, NULL, &pid, &fd, NULL), VT_OK);
        seed = seed * 1103515245U + 12345U;
        usleep(1000 + (seed >> 12) % 40000);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fd, &size, sizeof(size)) == (ssize_t)sizeof(size))
            said = size;
        close(fd);
        /* All that was said is there; at most one more, which nobody was told of. */
        assert_int_equal(open_records(w, NULL), VT_OK);
        size = the_log(w)->size;
        assert_true(size == said || size == said + 1);
        said = size;
        close_records(w);
    }
    assert_true(said > 0);
}

/* Records as they were written before there was a journal. */
static void
put_old_record(
    struct world *w, const char *name_of, struct vt_key *key, uint64_t size, bool damaged)
{
    struct tree t = {LEAVES};
    struct vt_checkpoint c = {.size = size};
    struct vt_buf b = VT_BUF(4096);
    struct vt_digest id;
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_PATH_MAX];

    (void)snprintf(c.origin, sizeof(c.origin), "%s", vt_key_name(key));
    tree_root(&t, size, &c.root);
    put_signed(&b, &c, key);
    if (damaged)
        b.data[strlen(c.origin) + 1] = '3';
    vt_digest_of(name_of, strlen(name_of), &id);
    vt_digest_hex(&id, hex);
    assert_int_equal(vt_dir_make(w->records, 0700, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/%s", w->records, hex), VT_OK);
    save(path, b.data, b.len);
    vt_buf_release(&b);
}

static enum vt_err
count_hex(void *ctx, const char *name, struct vt_why *why)
{
    (void)why;
    *(int *)ctx += strlen(name) == 64;
    return VT_OK;
}

static int
old_records(const struct world *w)
{
    int n = 0;

    assert_int_equal(vt_dir_each(w->records, count_hex, &n, NULL), VT_OK);
    return n;
}

static void
test_older_records_are_taken_over(void **state)
{
    struct world *w = *state;
    struct vt_witness_log *other;
    struct vt_key *key = NULL;
    struct vt_vkey vkey;
    struct vt_why why = {0};

    assert_int_equal(make_log("elsewhere.example", 9, &key, &vkey), 0);
    put_old_record(w, ORIGIN, log_key, 9, true);
    assert_int_equal(open_records(w, &why), VT_E_SIG);
    assert_non_null(strstr(why.text, ORIGIN));
    put_old_record(w, "another.example", log_key, 9, false);
    assert_int_equal(open_records(w, &why), VT_E_DIGEST);
    assert_int_equal(vt_tree_remove(w->records, NULL), VT_OK);
    put_old_record(w, ORIGIN, log_key, 9, false);
    put_old_record(w, "elsewhere.example", key, 4, false); /* not followed */
    assert_int_equal(open_records(w, &why), VT_OK);
    assert_int_equal(the_log(w)->size, 9);
    assert_int_equal(old_records(w), 0);
    reopen(w);
    assert_int_equal(the_log(w)->size, 9);
    other = vt_witness_table_find(vt_witness_records_table(w->r), "elsewhere.example");
    assert_non_null(other);
    assert_int_equal(other->size, 4);
    assert_int_equal(other->keys.count, 0);
    /* A crash had come before the files were removed: they are old, and go. */
    assert_int_equal(keep(w, 11, 100), VT_OK);
    close_records(w);
    put_old_record(w, ORIGIN, log_key, 9, false);
    assert_int_equal(open_records(w, &why), VT_OK);
    assert_int_equal(the_log(w)->size, 11);
    assert_int_equal(old_records(w), 0);
    vt_key_free(key);
}

static void
is_refused(struct world *w)
{
    struct vt_witness_table *t = NULL;
    struct vt_why why = {0};

    assert_int_equal(open_records(w, &why), VT_E_ROLLBACK);
    assert_null(w->r);
    assert_non_null(strstr(why.text, w->journal));
    assert_non_null(strstr(why.text, "put it back"));
    assert_int_equal(vt_witness_table_new(&t, NULL), VT_OK);
    assert_int_equal(vt_witness_records_read(w->records, t, &why), VT_E_ROLLBACK);
    vt_witness_table_free(t);
    assert_false(vt_file_exists(w->journal));
}

/* Whatever else is there: the folder alone, its lock, evidence, nothing. */
static void
test_a_missing_journal_is_no_start(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    char path[VT_PATH_MAX];

    is_refused(w);
    assert_false(vt_file_exists(w->records)); /* so that a copy can be put there */
    assert_int_equal(vt_witness_records_make(w->records, NULL), VT_OK);
    assert_int_equal(vt_witness_records_make(w->records, NULL), VT_E_EXIST);
    assert_int_equal(open_records(w, NULL), VT_OK);
    assert_int_equal(keep(w, 7, 100), VT_OK);
    close_records(w);
    load(w->journal, &b);
    assert_int_equal(unlink(w->journal), 0);
    is_refused(w);
    is_refused(w);
    /* What a crash in the midst of a new file left, and a link that leads nowhere. */
    assert_int_equal(vt_path(path, NULL, "%s/journal.tmp", w->records), VT_OK);
    save(path, b.data, b.len);
    is_refused(w);
    assert_int_equal(symlink("elsewhere", w->journal), 0);
    is_refused(w);
    assert_int_equal(unlink(w->journal), 0);
    /* Nor is it made over what is there. */
    assert_int_equal(vt_witness_records_make(w->records, NULL), VT_E_EXIST);
    is_refused(w);
    save(w->journal, b.data, b.len);
    reopen(w);
    assert_int_equal(the_log(w)->size, 7);
    vt_buf_release(&b);
}

/* Each call of the making fails in its turn: what is left is no witness's folder. */
static void
test_failing_making(void **state)
{
    struct world *w = *state;
    bool made = false;

    for (int n = 0; !made; n++) {
        assert_true(n < 20);
        fail_after = n;
        made = vt_witness_records_make(w->records, NULL) == VT_OK;
        fail_after = -1;
        if (made || !vt_file_exists(w->records))
            continue;
        /* The file may be in its place already, and only its name not be durable. */
        if (!vt_file_exists(w->journal))
            is_refused(w);
        assert_int_equal(vt_tree_remove(w->records, NULL), VT_OK);
    }
    reopen(w);
    assert_int_equal(the_log(w)->size, 0);
}

static void
test_following(void **state)
{
    struct vt_witness_follow *v = calloc(VT_WITNESS_LOGS_MAX + 1, sizeof(*v));
    struct vt_witness_table *t = NULL;
    struct vt_witness_follow two[2] = {followed, followed};
    struct vt_why why = {0};

    (void)state;
    assert_non_null(v);
    for (size_t i = 0; i <= VT_WITNESS_LOGS_MAX; i++) {
        (void)snprintf(v[i].origin, sizeof(v[i].origin), "log-%zu.example", i);
        v[i].key = log_vkey;
    }
    assert_int_equal(vt_witness_table_new(&t, NULL), VT_OK);
    assert_int_equal(vt_witness_table_follow(t, v, VT_WITNESS_LOGS_MAX, NULL), VT_OK);
    assert_int_equal(vt_witness_table_followed(t), VT_WITNESS_LOGS_MAX);
    for (size_t i = 0; i < VT_WITNESS_LOGS_MAX; i += 77)
        assert_string_equal(vt_witness_table_find(t, v[i].origin)->origin, v[i].origin);
    assert_null(vt_witness_table_find(t, "log-65536.example"));
    /* One too many: all stays as it is. */
    assert_int_equal(vt_witness_table_follow(t, v, VT_WITNESS_LOGS_MAX + 1, &why), VT_E_CONFIG);
    assert_int_equal(vt_witness_table_followed(t), VT_WITNESS_LOGS_MAX);
    assert_int_equal(vt_witness_table_find(t, v[0].origin)->keys.count, 1);
    /* Others take their place; their records stay. */
    vt_witness_table_find(t, v[0].origin)->size = 5;
    assert_int_equal(vt_witness_table_follow(t, two, 2, NULL), VT_OK);
    assert_int_equal(vt_witness_table_followed(t), 1);
    assert_int_equal(vt_witness_table_find(t, ORIGIN)->keys.count, 1);
    assert_int_equal(vt_witness_table_find(t, v[0].origin)->keys.count, 0);
    assert_int_equal(vt_witness_table_find(t, v[0].origin)->size, 5);
    vt_witness_table_free(t);
    free(v);
}

static void
test_keys_of_one_log(void **state)
{
    struct vt_witness_follow v[VT_WITNESS_KEYS_MAX + 1];
    struct vt_witness_table *t = NULL;
    struct vt_why why = {0};

    (void)state;
    for (size_t i = 0; i <= VT_WITNESS_KEYS_MAX; i++) {
        struct vt_key *k = NULL;

        memset(&v[i], 0, sizeof(v[i]));
        assert_int_equal(make_log(ORIGIN, (uint8_t)(40 + i), &k, &v[i].key), 0);
        memcpy(v[i].origin, ORIGIN, sizeof(ORIGIN));
        vt_key_free(k);
    }
    assert_int_equal(vt_witness_table_new(&t, NULL), VT_OK);
    assert_int_equal(vt_witness_table_follow(t, v, VT_WITNESS_KEYS_MAX, NULL), VT_OK);
    assert_int_equal(vt_witness_table_find(t, ORIGIN)->keys.count, VT_WITNESS_KEYS_MAX);
    assert_int_equal(vt_witness_table_follow(t, v, VT_WITNESS_KEYS_MAX + 1, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, ORIGIN));
    v[0].key.alg = VT_NOTE_PASSKEY;
    assert_int_equal(vt_witness_table_follow(t, v, 1, &why), VT_E_CONFIG);
    assert_int_equal(vt_witness_table_find(t, ORIGIN)->keys.count, VT_WITNESS_KEYS_MAX);
    vt_witness_table_free(t);
}

static enum vt_err
parse(const char *text, struct vt_witness_list *ret, struct vt_why *why)
{
    return vt_witness_list_parse(ret, text, strlen(text), why);
}

static void
test_lists(void **state)
{
    struct vt_witness_list l = {0};
    struct vt_why why = {0};
    char vkey[VT_VKEY_TEXT_MAX];
    struct vt_buf b = VT_BUF(65536);

    (void)state;
    vt_vkey_format(&log_vkey, vkey);
    vt_buf_putf(&b, "# ours\n\n%s\n%s\n", vkey, vkey);
    assert_int_equal(parse(vt_buf_str(&b), &l, NULL), VT_OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.item[0].origin, ORIGIN);
    vt_witness_list_release(&l);
    vt_buf_clear(&b);
    vt_buf_putf(&b,
        "# a list\nlogs/v0\n\n vkey %s\t\n\tqpd 86400\ncontact who knows\n# next\n"
        "vkey %s\norigin some other origin\nqpd 1\ncontact x\n",
        vkey, vkey);
    assert_int_equal(parse(vt_buf_str(&b), &l, &why), VT_OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.item[0].origin, ORIGIN);
    assert_string_equal(l.item[1].origin, "some other origin");
    /* What fails adds nothing. */
    vt_buf_putf(&b, "vkey %s\nqpd 0\ncontact x\n", vkey);
    assert_int_equal(parse(vt_buf_str(&b), &l, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "line 13"));
    assert_int_equal(l.count, 2);
    vt_witness_list_release(&l);
    assert_int_equal(parse("", &l, NULL), VT_OK);
    assert_int_equal(parse("# nothing\n", &l, NULL), VT_OK);
    assert_int_equal(parse("logs/v0\n", &l, NULL), VT_OK);
    assert_int_equal(l.count, 0);
    vt_buf_release(&b);
}

static void
test_lists_are_strict(void **state)
{
    struct vt_witness_list l = {0};
    struct vt_why why = {0};
    char vkey[VT_VKEY_TEXT_MAX];
    struct vt_buf b = VT_BUF(65536);
    static const char *const bad[] = {"%s", "%s \\\n", "x%s\n", "vkey %s\n", "log %s\n",
        "logs/v0\n%s\n", "logs/v0\nvkey %s\n", "logs/v0\nvkey %s\nqpd 5\n",
        "logs/v0\nvkey %s\nqpd 05\ncontact x\n", "logs/v0\nvkey %s\ncontact x\nqpd 5\n",
        "logs/v0\nvkey %s\nqpd 2147483648\ncontact x\n", "logs/v0\nvkey x\nqpd 5\ncontact %s\n",
        "logs/v0\nvkey %s\norigin\nqpd 5\ncontact x\n", "logs/v1\n%s\n", "%s\nlogs/v0\n",
        "logs/v0\nvkey %s\norigin a\001b\nqpd 5\ncontact x\n", "\xff%s\n"};

    (void)state;
    vt_vkey_format(&log_vkey, vkey);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *at = strstr(bad[i], "%s");

        vt_buf_clear(&b);
        vt_buf_put(&b, bad[i], (size_t)(at - bad[i]));
        vt_buf_puts(&b, vkey);
        vt_buf_puts(&b, at + 2);
        if (parse(vt_buf_str(&b), &l, &why) != VT_E_CONFIG)
            fail_msg("taken: %s", vt_buf_str(&b));
        assert_int_equal(l.count, 0);
    }
    vt_buf_clear(&b);
    for (unsigned i = 0; i <= VT_WITNESS_LINE_MAX; i++)
        vt_buf_puts(&b, "#");
    vt_buf_puts(&b, "\n");
    assert_int_equal(parse(vt_buf_str(&b), &l, &why), VT_E_CONFIG);
    vt_buf_release(&b);
    vt_witness_list_release(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_remembers, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_times_never_go_back, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_tails_are_cut, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_is_refused, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_contradictions_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_failing_call, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(
            test_doubt_ends_with_a_new_file, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_renewal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compaction, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_kills, set_up_made, tear_down),
        cmocka_unit_test_setup_teardown(test_older_records_are_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_missing_journal_is_no_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_making, set_up, tear_down),
        cmocka_unit_test(test_following),
        cmocka_unit_test(test_keys_of_one_log),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lists_are_strict),
    };
    int failed;

    if (make_log(ORIGIN, 7, &log_key, &log_vkey) != 0)
        return 1;
    memcpy(followed.origin, ORIGIN, sizeof(ORIGIN));
    followed.key = log_vkey;
    vt_log_init("test", VT_LOG_ERROR);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    vt_key_free(log_key);
    return failed;
}
