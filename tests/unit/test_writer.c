/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of a log: durable before acknowledged, one writer, never two roots for one size,
 * everything public made again after a crash.
 */
#include "base/proc.h"
#include "log/disk.h"
#include "log/publisher.h"
#include "log/tile_file.h"
#include "log/wal.h"
#include "note/frozen.h"
#include "writer_world.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

/* The second writer, in another process, as it would be. */
static int
second_writer(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_log_writer *w = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why);
    char verdict = err == VT_E_BUSY && strstr(why.text, ORIGIN) != NULL ? 'y' : 'n';

    vt_log_writer_free(w);
    return write(fd, &verdict, 1) == 1 ? 0 : 1;
}

static void
test_second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_log_writer *again = NULL;
    char verdict = 0;
    pid_t pid;
    int fd;

    assert_int_equal(vt_proc_fork("second", second_writer, f, NULL, &pid, &fd, NULL), VT_OK);
    assert_int_equal(read(fd, &verdict, 1), 1);
    assert_int_equal(verdict, 'y');
    vt_proc_stop(pid, fd, 5000);
    assert_int_equal(vt_log_writer_open(f->dir, f->pub, ORIGIN, &again, NULL), VT_E_BUSY);
    vt_log_writer_free(w);
    w = open_log(f);
    vt_log_writer_free(w);
}

static void
test_append_and_reopen(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_digest name;
    uint64_t index = 0;

    assert_root(w, 0);
    add_entries(w, 0, 700, "");
    for (uint64_t n = 0; n <= 700; n += 35)
        assert_root(w, n);
    vt_log_writer_free(w);
    w = open_log(f);
    assert_int_equal(vt_log_writer_size(w), 700);
    assert_int_equal(vt_log_writer_cut(w), 0);
    assert_root(w, 700);
    /* A duplicate gives the old index: durable, and queued. */
    vt_digest_of("entry 17\n", 9, &name);
    assert_int_equal(vt_log_writer_add(w, "entry 17\n", 9, &name, &index, NULL), VT_OK);
    assert_int_equal(index, 17);
    vt_digest_of("new", 3, &name);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vt_log_writer_add(w, "new", 3, &name, &index, NULL), VT_OK);
        assert_int_equal(index, 700);
    }
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(w), 701);
    vt_log_writer_free(w);
}

/* Whatever a crash leaves of the last batch is cut; all before it stays. */
static void
test_torn_tail_is_cut(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    char path[VT_PATH_MAX];
    struct vt_buf whole = VT_BUF(1U << 20);
    off_t before;
    off_t after;

    wal_path(f, path);
    add_entries(w, 0, 5, "");
    before = size_of(path);
    add_entries(w, 5, 8, "");
    after = size_of(path);
    vt_log_writer_free(w);
    assert_int_equal(vt_file_read(path, &whole, NULL), VT_OK);
    for (off_t cut = before + 1; cut < after; cut += 7) {
        assert_int_equal(vt_file_replace(path, 0600, whole.data, (size_t)cut, NULL), VT_OK);
        w = open_log(f);
        assert_int_equal(vt_log_writer_size(w), 5);
        assert_int_equal(vt_log_writer_cut(w), cut - before);
        assert_root(w, 5);
        add_entries(w, 5, 6, "");
        vt_log_writer_free(w);
        w = open_log(f);
        assert_int_equal(vt_log_writer_size(w), 6);
        vt_log_writer_free(w);
    }
    /* Whole in length, but pages of it never reached the disk. */
    memset(whole.data + before + 24, 0, (size_t)(after - before) - 24);
    assert_int_equal(vt_file_replace(path, 0600, whole.data, (size_t)after, NULL), VT_OK);
    w = open_log(f);
    assert_int_equal(vt_log_writer_size(w), 5);
    vt_log_writer_free(w);
    vt_buf_release(&whole);
}

/* Damage to acknowledged entries is never mended by cutting. */
static void
test_damage_in_the_middle_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    off_t first;
    off_t size;

    wal_path(f, path);
    first = size_of(path);
    for (uint64_t i = 0; i < 4; i++)
        add_entries(w, i, i + 1, "");
    size = size_of(path);
    vt_log_writer_free(w);
    for (off_t at = first; at < first + (size - first) * 3 / 4; at += 11) {
        flip(path, at);
        w = NULL;
        assert_int_equal(vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why), VT_E_DIGEST);
        assert_non_null(strstr(why.text, "wal"));
        assert_int_equal(size_of(path), size);
        flip(path, at);
    }
    w = open_log(f);
    assert_int_equal(vt_log_writer_size(w), 4);
    vt_log_writer_free(w);
    /* Another log's file, and no such file at all. */
    assert_int_equal(
        vt_log_writer_open(f->dir, f->pub, "other.example/log", &w, &why), VT_E_CONFIG);
    flip(path, 3);
    assert_int_equal(vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why), VT_E_DIGEST);
}

/* A log that is shorter than, or other than, what was signed does not go on. */
static void
test_rollback_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_buf old = VT_BUF(1U << 20);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    wal_path(f, path);
    add_entries(w, 0, 5, "");
    assert_int_equal(vt_file_read(path, &old, NULL), VT_OK);
    add_entries(w, 5, 9, "");
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    vt_log_writer_free(w);
    /* An old copy of the WAL is put back. */
    assert_int_equal(vt_file_replace(path, 0600, old.data, old.len, NULL), VT_OK);
    assert_int_equal(vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why), VT_E_ROLLBACK);
    assert_non_null(strstr(why.text, "9 entries"));
    /* A WAL with other entries of that number. */
    assert_int_equal(vt_path(path, NULL, "%s/signed", f->dir), VT_OK);
    vt_buf_clear(&old);
    assert_int_equal(vt_file_read(path, &old, NULL), VT_OK);
    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    w = open_log(f);
    add_entries(w, 0, 9, " changed");
    vt_log_writer_free(w);
    assert_int_equal(vt_file_replace(path, 0600, old.data, old.len, NULL), VT_OK);
    assert_int_equal(vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why), VT_E_DIGEST);
    vt_buf_release(&old);
}

/* A failed write leaves nothing of the batch, and the log goes on. */
static void
test_full_disk(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct rlimit before;
    struct rlimit tight;
    struct vt_digest name;
    uint64_t index = 0;
    char path[VT_PATH_MAX];
    off_t size;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    wal_path(f, path);
    add_entries(w, 0, 3, "");
    size = size_of(path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)size + 30;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    vt_digest_of("entry 3\n", 8, &name);
    assert_int_equal(vt_log_writer_add(w, "entry 3\n", 8, &name, &index, NULL), VT_OK);
    assert_int_not_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(vt_log_writer_size(w), 3);
    assert_int_equal(size_of(path), size);
    assert_false(vt_log_writer_find(w, &name, &index));
    add_entries(w, 3, 6, "");
    vt_log_writer_free(w);
    w = open_log(f);
    assert_int_equal(vt_log_writer_size(w), 6);
    assert_root(w, 6);
    vt_log_writer_free(w);
}

/* Tiles that are missing after a crash are made again from the WAL. */
static void
test_tiles_are_derived_again(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    char path[VT_PATH_MAX];

    policy_without_witnesses(f);
    add_entries(w, 0, 300, "");
    /* A crash after the WAL and before the tiles. */
    vt_log_writer_free(w);
    w = open_log(f);
    publish_plain(f, w);
    vt_log_writer_free(w);
    assert_readable(f, f->pub, 300);
    assert_int_equal(vt_path(path, NULL, "%s/tile", f->pub), VT_OK);
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    w = open_log(f);
    assert_readable(f, f->pub, 300);
    /* Signed but not published: the same bytes come again. */
    add_entries(w, 300, 310, "");
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    vt_log_writer_free(w);
    w = open_log(f);
    assert_non_null(vt_log_writer_signed(w));
    assert_int_equal(vt_log_writer_signed(w)->size, 310);
    publish_plain(f, w);
    vt_log_writer_free(w);
    assert_readable(f, f->pub, 310);
}

/* The next syncfs fails. */
static bool fail_sync;

int __wrap_syncfs(int fd);
int __real_syncfs(int fd);

int
__wrap_syncfs(int fd)
{
    if (fail_sync) {
        fail_sync = false;
        errno = EIO;
        return -1;
    }
    return __real_syncfs(fd);
}

static void
public_path(const struct fixture *f, const char *rel, char ret[VT_PATH_MAX])
{
    assert_int_equal(vt_path(ret, NULL, "%s/%s", f->pub, rel), VT_OK);
}

/* Opening fails so, and says so; nothing is left open. */
static void
expect_refused(struct fixture *f, enum vt_err want, const char *says)
{
    struct vt_log_writer *w = NULL;
    struct vt_why why = {0};

    assert_int_equal(vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why), want);
    assert_null(w);
    if (strstr(why.text, says) == NULL)
        fail_msg("`%s` does not say `%s`", why.text, says);
}

/* What a signed checkpoint covers is mended whatever of it is missing or has a wrong length,
 * with the bytes it had. */
static void
test_covered_files_are_mended(void **state)
{
    static const char *const files[] = {"tile/0/000", "tile/0/255", "tile/0/256", "tile/1/000",
        "tile/0/257.p/208", "tile/1/001.p/1", "tile/2/000.p/1", "tile/entries/000",
        "tile/entries/200", "tile/entries/257.p/208"};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_buf before = VT_BUF(1U << 20);
    struct vt_buf after = VT_BUF(1U << 20);
    char path[VT_PATH_MAX];

    policy_without_witnesses(f);
    add_entries(w, 0, 66000, "");
    publish_plain(f, w);
    vt_log_writer_free(w);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        public_path(f, files[i], path);
        vt_buf_clear(&before);
        vt_buf_clear(&after);
        assert_int_equal(vt_file_read(path, &before, NULL), VT_OK);
        if (i % 2 == 0)
            assert_int_equal(unlink(path), 0);
        else
            assert_int_equal(truncate(path, 1), 0);
        w = open_log(f);
        assert_int_equal(vt_file_read(path, &after, NULL), VT_OK);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.data, after.data, after.len);
        vt_log_writer_free(w);
    }
    /* Whole levels at once. */
    public_path(f, "tile/0", path);
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    public_path(f, "tile/1", path);
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    w = open_log(f);
    vt_log_writer_free(w);
    assert_readable(f, f->pub, 66000);
    vt_buf_release(&before);
    vt_buf_release(&after);
}

/* What is damaged, but not by its length, is not taken for good. */
static void
test_damaged_tiles_are_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_proof proof;
    struct vt_digest root;
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    add_entries(w, 0, 600, "");
    publish_plain(f, w);
    vt_log_writer_free(w);
    public_path(f, "tile/0/002.p/88", path);
    flip(path, 100);
    expect_refused(f, VT_E_DIGEST, "do not give the root");
    flip(path, 100);
    public_path(f, "tile/entries/002.p/88", path);
    flip(path, 100);
    expect_refused(f, VT_E_DIGEST, "entries/002.p/88");
    flip(path, 100);
    /* A full tile is looked at when it is used: the log opens, the proof is refused. */
    public_path(f, "tile/0/001", path);
    flip(path, 100);
    w = open_log(f);
    assert_int_equal(vt_log_writer_root(w, 600, &root, &why), VT_OK);
    assert_int_equal(vt_log_writer_prove(w, 300, 600, &proof, &why), VT_E_DIGEST);
    assert_non_null(strstr(why.text, "tile/0/001"));
    assert_int_equal(vt_log_writer_root(w, 300, &root, &why), VT_E_DIGEST);
    vt_log_writer_free(w);
    /* As it says, removing it helps. */
    assert_int_equal(unlink(path), 0);
    w = open_log(f);
    assert_root(w, 300);
    vt_log_writer_free(w);
    /* A bundle that is not the one in the tree cannot bring back a lost tile. */
    assert_int_equal(unlink(path), 0);
    public_path(f, "tile/entries/001", path);
    flip(path, 100);
    expect_refused(f, VT_E_DIGEST, "tile/0/001");
}

/* Proofs of any two sizes, with the tree on disk and the edge in memory. */
static void
test_proofs(void **state)
{
    static const uint64_t sizes[] = {
        0, 1, 2, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537, 66100};
    enum { N = sizeof sizes / sizeof sizes[0] };
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_digest root[N];
    struct vt_proof proof;

    for (size_t i = 0; i < N; i++) {
        uint64_t have = vt_log_writer_size(w);

        add_entries(w, have, sizes[i], "");
        assert_int_equal(vt_log_writer_root(w, sizes[i], &root[i], NULL), VT_OK);
    }
    expected_root(66100, &root[0]);
    assert_true(vt_digest_eq(&root[0], &root[N - 1]));
    for (int again = 0; again < 2; again++) {
        for (size_t i = 1; i < N; i++) {
            for (size_t k = i; k < N; k++) {
                assert_int_equal(
                    vt_log_writer_prove(w, sizes[i], sizes[k], &proof, NULL), VT_OK);
                assert_int_equal(vt_merkle_check_consistency(
                                     sizes[i], sizes[k], &root[i], &root[k], &proof, NULL),
                    VT_OK);
            }
        }
        assert_int_equal(vt_log_writer_root(w, 66101, &root[0], NULL), VT_E_NOENT);
        assert_int_equal(vt_log_writer_prove(w, 1, 66101, &proof, NULL), VT_E_NOENT);
        vt_log_writer_free(w);
        w = open_log(f);
    }
    vt_log_writer_free(w);
}

static void
expect_entry(struct vt_log_writer *w, uint64_t i)
{
    struct vt_buf b = VT_BUF(100);
    struct vt_why why = {0};
    char text[64];
    int n = snprintf(text, sizeof text, "entry %llu\n", (unsigned long long)i);

    if (vt_log_writer_entry(w, i, &b, &why) != VT_OK)
        fail_msg("entry %d: %s", (int)i, why.text);
    assert_int_equal(b.len, n);
    assert_memory_equal(b.data, text, b.len);
    vt_buf_release(&b);
}

/* From the write-ahead log, from memory, and from bundles. */
static void
test_entries_are_read_back(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_buf b = VT_BUF(100);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    add_entries(w, 0, 1000, "");
    assert_int_equal(vt_log_writer_derived(w), 0);
    for (int pass = 0; pass < 3; pass++) {
        for (uint64_t i = 0; i < 1000; i++)
            expect_entry(w, i);
        for (uint64_t i = 1000; i-- > 0;)
            expect_entry(w, i * 7919 % 1000);
        assert_int_equal(vt_log_writer_entry(w, 1000, &b, &why), VT_E_NOENT);
        if (pass == 0)
            assert_int_equal(vt_log_writer_derive(w, NULL), VT_OK);
        if (pass == 1) {
            publish_plain(f, w);
            vt_log_writer_free(w);
            w = open_log(f);
        }
    }
    add_entries(w, 1000, 1030, "");
    for (uint64_t i = 990; i < 1030; i++)
        expect_entry(w, i);
    /* A bundle that is cut short gives no entry that it lacks. */
    public_path(f, "tile/entries/001", path);
    expect_entry(w, 700);
    assert_int_equal(truncate(path, 40), 0);
    assert_int_equal(vt_log_writer_entry(w, 300, &b, &why), VT_E_DIGEST);
    assert_non_null(strstr(why.text, "entries/001"));
    assert_int_equal(b.len, 0);
    expect_entry(w, 700);
    vt_buf_release(&b);
    vt_log_writer_free(w);
}

/* A tile that cannot be written is written later; the entry is in the log already. */
static void
test_tiles_that_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    policy_without_witnesses(f);
    public_path(f, "tile/0/001", path);
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    add_entries(w, 0, 700, "");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(vt_log_writer_derive(w, &why), VT_E_IO);
        assert_non_null(strstr(why.text, "tile/0/001"));
        assert_int_equal(vt_log_writer_derived(w), 511);
        assert_int_equal(vt_log_writer_sign(w, f->signer, &why), VT_E_IO);
        expect_entry(w, 511);
        expect_entry(w, 600);
    }
    assert_int_equal(rmdir(path), 0);
    publish_plain(f, w);
    assert_root(w, 700);
    vt_log_writer_free(w);
    assert_readable(f, f->pub, 700);
}

/* Tiles that may not be durable are never signed for. */
static void
test_failed_sync(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    policy_without_witnesses(f);
    add_entries(w, 0, 300, "");
    fail_sync = true;
    assert_int_equal(vt_log_writer_sign(w, f->signer, &why), VT_E_IO);
    assert_null(vt_log_writer_signed(w));
    assert_int_equal(vt_log_writer_sign(w, f->signer, &why), VT_E_STATE);
    add_entries(w, 300, 400, "");
    assert_int_equal(vt_log_writer_derive(w, &why), VT_E_STATE);
    assert_int_equal(vt_path(path, NULL, "%s/signed", f->dir), VT_OK);
    assert_false(vt_file_exists(path));
    vt_log_writer_free(w);
    w = open_log(f);
    publish_plain(f, w);
    vt_log_writer_free(w);
    assert_readable(f, f->pub, 400);
}

static void
test_partial_tiles_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    char path[VT_PATH_MAX];

    add_entries(w, 0, 100, "");
    assert_int_equal(vt_log_writer_derive(w, NULL), VT_OK);
    public_path(f, "tile/0/000.p/100", path);
    assert_false(vt_file_exists(path)); /* only what is signed has partial tiles */
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    assert_true(vt_file_exists(path));
    /* Full by now, but readers of the checkpoint of 100 may be under way. */
    add_entries(w, 100, 300, "");
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    assert_true(vt_file_exists(path));
    add_entries(w, 300, 511, "");
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    assert_true(vt_file_exists(path));
    add_entries(w, 511, 513, "");
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    assert_false(vt_file_exists(path));
    public_path(f, "tile/entries/000.p", path);
    assert_false(vt_file_exists(path));
    public_path(f, "tile/entries/001.p/44", path);
    assert_true(vt_file_exists(path));
    vt_log_writer_free(w);
}

/* Files of the write-ahead log that were dropped on purpose. */
static void
test_dropped_wal(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_wal_opts opts = {.origin = ORIGIN};
    struct vt_wal *wal = NULL;
    uint8_t *big = malloc(VT_WAL_RECORD_MAX);
    struct vt_digest name;
    struct vt_buf b = VT_BUF(VT_WAL_RECORD_MAX);
    uint64_t index = 0;
    uint64_t cut;
    unsigned dropped = 0;
    char path[VT_PATH_MAX];

    assert_non_null(big);
    for (uint64_t i = 0; i < 1300; i++) {
        enum vt_err err;

        memset(big, (int)i, VT_WAL_RECORD_MAX);
        memcpy(big, &i, sizeof i);
        vt_digest_of(big, VT_WAL_RECORD_MAX, &name);
        err = vt_log_writer_add(w, big, VT_WAL_RECORD_MAX, &name, &index, NULL);
        if (err == VT_E_BUSY) {
            assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
            err = vt_log_writer_add(w, big, VT_WAL_RECORD_MAX, &name, &index, NULL);
        }
        assert_int_equal(err, VT_OK);
        assert_int_equal(index, i);
    }
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    vt_log_writer_free(w);
    assert_int_equal(vt_path(path, NULL, "%s/wal", f->dir), VT_OK);
    assert_int_equal(vt_wal_open(path, &opts, &wal, &cut, NULL), VT_OK);
    assert_int_equal(vt_wal_drop(wal, 1300, &dropped, NULL), VT_OK);
    assert_int_equal(dropped, 1);
    vt_wal_free(wal);
    w = open_log(f);
    assert_int_equal(vt_log_writer_size(w), 1300);
    assert_int_equal(vt_log_writer_entry(w, 17, &b, NULL), VT_OK);
    assert_int_equal(b.data[0], 17);
    memset(big, 3, VT_WAL_RECORD_MAX);
    vt_digest_of(big, 100, &name);
    assert_int_equal(vt_log_writer_add(w, big, 100, &name, &index, NULL), VT_OK);
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    vt_log_writer_free(w);
    /* A tile comes back from its bundle; the bundle itself cannot. */
    public_path(f, "tile/0/000", path);
    assert_int_equal(unlink(path), 0);
    w = open_log(f);
    vt_log_writer_free(w);
    assert_true(vt_file_exists(path));
    public_path(f, "tile/entries/000", path);
    assert_int_equal(unlink(path), 0);
    expect_refused(f, VT_E_DIGEST, "put it back");
    free(big);
    vt_buf_release(&b);
}

static void
read_frozen(struct fixture *f, const char *path, struct vt_frozen *ret)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_vkey log;
    struct vt_why why = {0};

    assert_int_equal(vt_vkey_parse(f->log_vkey, strlen(f->log_vkey), &log, NULL), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    if (vt_frozen_open(b.data, b.len, &log, ret, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&b);
}

static void
test_freeze(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_digest name = {{9}};
    struct vt_digest root;
    struct vt_frozen said = {.size = 0};
    struct vt_vkey next;
    struct vt_why why = {0};
    uint64_t index = 0;
    char dir_path[VT_PATH_MAX];
    char public_copy[VT_PATH_MAX];
    char away[VT_PATH_MAX];

    assert_int_equal(vt_path(dir_path, NULL, "%s/frozen", f->dir), VT_OK);
    assert_int_equal(vt_path(away, NULL, "%s/away", f->dir), VT_OK);
    public_path(f, "frozen", public_copy);
    assert_int_equal(vt_vkey_make("next.example/log", VT_NOTE_ED25519,
                         vt_signer_public(f->signer), &next, NULL),
        VT_OK);
    policy_without_witnesses(f);
    add_entries(w, 0, 300, "");
    publish_plain(f, w);
    add_entries(w, 300, 310, "");
    /* What cannot be. */
    assert_int_equal(
        vt_log_writer_freeze(w, f->signer, 1, "two\nlines", NULL, NULL), VT_E_USAGE);
    assert_int_equal(vt_log_writer_freeze(w, f->signer, 1, "", NULL, NULL), VT_E_USAGE);
    assert_int_equal(vt_log_writer_add(w, "x", 1, &name, &index, NULL), VT_OK);
    assert_int_equal(vt_log_writer_freeze(w, f->signer, 1, "over", NULL, &why), VT_E_BUSY);
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    fail_sync = true;
    assert_int_equal(vt_log_writer_freeze(w, f->signer, 1, "over", NULL, &why), VT_E_IO);
    assert_false(vt_log_writer_frozen(w));
    assert_false(vt_file_exists(dir_path));
    vt_log_writer_free(w);
    w = open_log(f);
    assert_int_equal(vt_log_writer_size(w), 311);
    /* And what can. */
    if (vt_log_writer_freeze(w, f->signer, 1760000000, "the year is over", &next, &why) !=
        VT_OK)
        fail_msg("%s", why.text);
    assert_true(vt_log_writer_frozen(w));
    assert_int_equal(vt_log_writer_add(w, "y", 1, &name, &index, NULL), VT_E_STATE);
    assert_int_equal(vt_log_writer_freeze(w, f->signer, 2, "again", NULL, NULL), VT_E_STATE);
    read_frozen(f, dir_path, &said);
    assert_int_equal(said.size, 311);
    assert_int_equal(vt_log_writer_root(w, 311, &root, NULL), VT_OK);
    assert_true(vt_digest_eq(&root, &said.root));
    assert_int_equal(said.time, 1760000000);
    assert_string_equal(said.reason, "the year is over");
    assert_true(said.has_successor);
    assert_string_equal(said.successor.name, "next.example/log");
    /* The copy comes when the last checkpoint is published: here, or at the next start. */
    assert_false(vt_file_exists(public_copy));
    vt_log_writer_free(w);
    w = open_log(f);
    assert_true(vt_log_writer_frozen(w));
    assert_int_equal(vt_log_writer_check_frozen(w, f->policy, NULL), VT_OK);
    assert_false(vt_file_exists(public_copy));
    publish_plain(f, w);
    read_frozen(f, public_copy, &said);
    vt_log_writer_free(w);
    assert_int_equal(unlink(public_copy), 0);
    w = open_log(f);
    assert_false(vt_file_exists(public_copy));
    assert_int_equal(vt_log_writer_check_frozen(w, f->policy, NULL), VT_OK);
    read_frozen(f, public_copy, &said);
    assert_int_equal(vt_log_writer_add(w, "y", 1, &name, &index, NULL), VT_E_STATE);
    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    assert_int_equal(vt_log_writer_signed(w)->size, 311);
    vt_log_writer_free(w);
    /* A statement that is damaged, or not of this log's end. */
    flip(dir_path, 3);
    expect_refused(f, VT_E_SYNTAX, "frozen");
    flip(dir_path, 3);
    assert_int_equal(rename(dir_path, away), 0);
    expect_refused(f, VT_E_ROLLBACK, "put back the newest copy");
    assert_int_equal(unlink(public_copy), 0);
    w = open_log(f);
    assert_int_equal(vt_log_writer_add(w, "y", 1, &name, &index, NULL), VT_OK);
    name.b[0]++;
    assert_int_equal(vt_log_writer_add(w, "z", 1, &name, &index, NULL), VT_OK);
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    vt_log_writer_free(w);
    assert_int_equal(rename(away, dir_path), 0);
    expect_refused(f, VT_E_DIGEST, "ended with 311");
}

/* A final statement that the log's key has not signed, though all in it is true but for its
 * reason: it is refused where the key is known, and nothing is made of it before. */
static void
test_false_statement(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct vt_publisher *p = NULL;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    char public_copy[VT_PATH_MAX];

    policy_without_witnesses(f);
    add_entries(w, 0, 10, "");
    assert_int_equal(vt_log_writer_check_frozen(w, f->policy, NULL), VT_OK);
    assert_int_equal(vt_log_writer_freeze(w, f->signer, 1, "moved", NULL, NULL), VT_OK);
    publish_plain(f, w);
    vt_log_writer_free(w);
    public_path(f, "frozen", public_copy);
    assert_int_equal(unlink(public_copy), 0);
    assert_int_equal(vt_path(path, NULL, "%s/frozen", f->dir), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    memcpy(strstr(vt_buf_str(&b), "moved"), "mowed", 5);
    assert_int_equal(vt_file_replace(path, 0600, b.data, b.len, NULL), VT_OK);
    w = open_log(f);
    publish_plain(f, w);
    assert_false(vt_file_exists(public_copy));
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, NULL, &p, &why), VT_E_SIG);
    assert_null(p);
    assert_non_null(strstr(why.text, "put back a sound copy"));
    assert_false(vt_file_exists(public_copy));
    vt_log_writer_free(w);
    memcpy(strstr(vt_buf_str(&b), "mowed"), "moved", 5);
    assert_int_equal(vt_file_replace(path, 0600, b.data, b.len, NULL), VT_OK);
    w = open_log(f);
    assert_int_equal(vt_publisher_new(w, f->policy, f->signer, NULL, &p, NULL), VT_OK);
    assert_true(vt_file_exists(public_copy));
    vt_publisher_free(p);
    vt_log_writer_free(w);
    vt_buf_release(&b);
}

/* Tiles that the log's syncfs may not reach: behind a link, or on another file system. */
static void
test_tiles_elsewhere(void **state)
{
    static const char *const below[] = {"tile", "tile/entries", "tile/0"};
    struct fixture *f = *state;
    char path[VT_PATH_MAX];

    assert_int_equal(vt_dir_make(f->pub, 0755, NULL), VT_OK);
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        public_path(f, below[i], path);
        assert_int_equal(symlink(f->root, path), 0);
        expect_refused(f, VT_E_CONFIG, "is a link");
        assert_int_equal(unlink(path), 0);
        if (i == 0)
            assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    }
    vt_log_writer_free(open_log(f));
}

/* /proc has folders of other file systems below it on most machines. */
static void
test_another_file_system(void **state)
{
    struct stat root;
    struct stat st;
    struct vt_disk d;
    struct vt_why why = {0};

    (void)state;
    if (stat("/", &root) != 0 || stat("/proc", &st) != 0 || root.st_dev == st.st_dev) {
        print_message("no /proc here: skipped\n");
        skip();
    }
    assert_int_equal(vt_disk_open(&d, "/", NULL), VT_OK);
    assert_int_equal(vt_disk_check(&d, "proc", &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "another file system"));
    assert_int_equal(vt_disk_check(&d, "no such folder of ours", NULL), VT_OK);
    assert_int_equal(vt_disk_check(&d, "proc/self", NULL), VT_E_CONFIG);
    vt_disk_close(&d);
    vt_disk_close(&d);
    assert_int_not_equal(vt_disk_open(&d, "/no such folder of ours", NULL), VT_OK);
    vt_disk_close(&d);
}

/* What stands between the commit and its caller: an entry that is queued when the gate closes
 * is not in the log. */
static void
test_queue_is_dropped_when_commit_fails(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct rlimit before;
    struct rlimit tight;
    struct vt_digest name;
    uint64_t index = 0;
    char path[VT_PATH_MAX];
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);

    add_entries(w, 0, 50, "");
    wal_path(f, path);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)size_of(path) + 30;
    for (int round = 0; round < 3; round++) {
        for (uint8_t i = 0; i < 20; i++) {
            vt_digest_of(&i, 1, &name);
            assert_int_equal(vt_log_writer_add(w, &i, 1, &name, &index, NULL), VT_OK);
            assert_int_equal(index, 50 + i);
        }
        if (round == 2)
            break;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        assert_int_not_equal(vt_log_writer_commit(w, NULL), VT_OK);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_false(vt_log_writer_find(w, &name, &index));
        assert_int_equal(vt_log_writer_size(w), 50);
    }
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(w), 70);
    assert_true(vt_log_writer_find(w, &name, &index));
    assert_int_equal(index, 69);
    vt_log_writer_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_writer_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_append_and_reopen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_tail_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_damage_in_the_middle_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rollback_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tiles_are_derived_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_covered_files_are_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_tiles_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_proofs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_entries_are_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tiles_that_cannot_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partial_tiles_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_wal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_freeze, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_false_statement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tiles_elsewhere, set_up, tear_down),
        cmocka_unit_test(test_another_file_system),
        cmocka_unit_test_setup_teardown(
            test_queue_is_dropped_when_commit_fails, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
