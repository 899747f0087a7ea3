/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's writer when power fails, when it is killed, with its two sides in two threads, and
 * with more entries than fit its window: nothing acknowledged is lost, every root is the one of
 * the entries, memory does not grow.
 */
#include "base/metric.h"
#include "base/proc.h"
#include "merkle/tile.h"
#include "writer_world.h"

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* A power failure: of the public files, those that no signed checkpoint covers are in any
 * state. */
static struct {
    size_t prefix;   /* of the folder in paths */
    uint64_t size;   /* that was signed */
    unsigned random; /* what becomes of the next file */
} power;

static int
lose_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    struct vt_tile t;

    (void)ftw;
    if (type != FTW_F || !vt_tile_parse(path + power.prefix, &t))
        return 0;
    if (vt_tile_width(t.level, t.index, power.size) == t.width)
        return 0;
    power.random = power.random * 1103515245U + 12345U;
    switch (power.random >> 16 & 3) {
    case 0:
        return unlink(path);
    case 1:
        return truncate(path, 0);
    case 2:
        return truncate(path, st->st_size / 2);
    default:
        return 0;
    }
}

static uint64_t
signed_size(const struct fixture *f)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_checkpoint c = {.size = 0};
    struct vt_note note;
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/signed", f->dir), VT_OK);
    if (vt_file_exists(path)) {
        assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
        assert_int_equal(vt_note_parse(b.data, b.len, &note, NULL), VT_OK);
        assert_int_equal(vt_checkpoint_parse(note.text, note.text_len, &c, NULL), VT_OK);
    }
    vt_buf_release(&b);
    return c.size;
}

static void
fail_power(const struct fixture *f, unsigned random)
{
    power.prefix = strlen(f->pub) + 1;
    power.size = signed_size(f);
    power.random = random;
    assert_int_equal(nftw(f->pub, lose_file, 16, FTW_PHYS), 0);
}

/* The log opens, has `size` entries or more and the right root, and can be signed for, read
 * and reopened. */
static void
expect_sound(struct fixture *f, uint64_t size, bool readable)
{
    uint64_t was_signed = signed_size(f);
    struct vt_log_writer *w = open_log(f);
    struct vt_digest want;
    uint64_t have = vt_log_writer_size(w);

    assert_true(have >= size);
    assert_int_equal(vt_log_writer_derived(w), have);
    if (was_signed > 0) {
        assert_int_equal(vt_log_writer_signed(w)->size, was_signed);
        expected_root(was_signed, &want);
        assert_true(vt_digest_eq(&want, &vt_log_writer_signed(w)->root));
    }
    assert_root(w, have);
    publish_plain(f, w);
    vt_log_writer_free(w);
    w = open_log(f);
    assert_root(w, have);
    vt_log_writer_free(w);
    if (readable)
        assert_readable(f, f->pub, have);
}

/* A copy of the folders as they are now, after a power failure. */
static void
try_copy(struct fixture *f, uint64_t size)
{
    static unsigned number;
    struct fixture copy = *f;
    char to[VT_PATH_MAX];
    const char *const argv[] = {"cp", "-a", f->dir, f->pub, to, NULL};
    struct vt_proc_opts opts = {0};

    number++;
    assert_int_equal(vt_path(to, NULL, "%s/copy", f->root), VT_OK);
    assert_int_equal(vt_dir_make(to, 0700, NULL), VT_OK);
    assert_int_equal(vt_proc_run(argv, &opts, NULL), VT_OK);
    assert_int_equal(vt_path(copy.dir, NULL, "%s/log", to), VT_OK);
    assert_int_equal(vt_path(copy.pub, NULL, "%s/public", to), VT_OK);
    fail_power(&copy, number);
    expect_sound(&copy, size, true);
    assert_int_equal(vt_tree_remove(to, NULL), VT_OK);
}

/* After each step of a log's life. */
static void
test_power_failures(void **state)
{
    static const uint64_t sizes[] = {1, 3, 255, 256, 257, 400, 511, 512, 513, 800, 1100};
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    uint64_t have = 0;

    policy_without_witnesses(f);
    try_copy(f, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        add_entries(w, have, sizes[i], "");
        have = sizes[i];
        try_copy(f, have);
        assert_int_equal(vt_log_writer_derive(w, NULL), VT_OK);
        try_copy(f, have);
        if (i % 3 == 1)
            continue; /* several derivations before a checkpoint */
        assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
        try_copy(f, have);
        publish_plain(f, w);
        try_copy(f, have);
    }
    vt_log_writer_free(w);
}

struct tree_side {
    struct vt_log_writer *w;
    struct vt_signer *signer;
    atomic_bool stop;
    atomic_int failed;
    atomic_int signs;
};

static void *
tree_main(void *arg)
{
    struct tree_side *t = arg;
    struct vt_buf b = VT_BUF(100);

    while (!t->stop) {
        uint64_t size = vt_log_writer_size(t->w);
        const struct vt_checkpoint *c;
        struct vt_proof proof;
        enum vt_err err = vt_log_writer_derive(t->w, NULL);

        if (err == VT_OK)
            err = vt_log_writer_sign(t->w, t->signer, NULL);
        c = vt_log_writer_signed(t->w);
        if (err == VT_OK && c != NULL && c->size > 1)
            err = vt_log_writer_prove(t->w, c->size / 2, c->size, &proof, NULL);
        vt_buf_clear(&b);
        if (err == VT_OK && size > 0)
            err = vt_log_writer_entry(t->w, size - 1, &b, NULL);
        if (err != VT_OK)
            t->failed = err;
        t->signs++;
        usleep(500);
    }
    vt_buf_release(&b);
    return NULL;
}

static void
test_two_threads(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct tree_side t = {.w = w, .signer = f->signer};
    struct vt_buf b = VT_BUF(100);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, tree_main, &t), 0);
    for (uint64_t n = 0; n < 20000 || t.signs < 5; n += 700) {
        add_entries(w, n, n + 700, "");
        vt_buf_clear(&b);
        assert_int_equal(vt_log_writer_entry(w, n + 1, &b, NULL), VT_OK);
        vt_buf_clear(&b);
        assert_int_equal(vt_log_writer_entry(w, n / 2, &b, NULL), VT_OK);
        assert_false(vt_log_writer_frozen(w));
        assert_true(vt_log_writer_derived(w) <= vt_log_writer_size(w));
    }
    t.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(t.failed, VT_OK);
    vt_buf_release(&b);
    vt_log_writer_free(w);
    expect_sound(f, 20000, false);
}

/* Freezing from the tree's side while entries come: all that were acknowledged are in the final
 * statement, and none after. */
static void *
freeze_main(void *arg)
{
    struct tree_side *t = arg;
    enum vt_err err;

    do {
        usleep(2000);
        err = vt_log_writer_freeze(t->w, t->signer, 1760000000, "it was enough", NULL, NULL);
    } while (err == VT_E_BUSY);
    t->failed = err;
    return NULL;
}

static void
test_freezing_while_entries_come(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    struct tree_side t = {.w = w, .signer = f->signer};
    uint64_t acknowledged = 0;
    pthread_t thread;
    enum vt_err err = VT_OK;

    assert_int_equal(pthread_create(&thread, NULL, freeze_main, &t), 0);
    for (uint64_t i = 0; err == VT_OK; i++) {
        struct vt_digest name;
        uint64_t index;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        vt_digest_of(text, (size_t)n, &name);
        err = vt_log_writer_add(w, text, (size_t)n, &name, &index, NULL);
        if (err == VT_OK)
            err = vt_log_writer_commit(w, NULL);
        if (err == VT_OK)
            acknowledged = i + 1;
        if (i % 64 == 0)
            usleep(100); /* nothing is queued: there is a moment to freeze in */
    }
    assert_int_equal(err, VT_E_STATE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(t.failed, VT_OK);
    assert_true(vt_log_writer_frozen(w));
    assert_int_equal(vt_log_writer_size(w), acknowledged);
    assert_int_equal(vt_log_writer_signed(w)->size, acknowledged);
    assert_root(w, acknowledged);
    vt_log_writer_free(w);
    w = open_log(f);
    assert_true(vt_log_writer_frozen(w));
    vt_log_writer_free(w);
}

/* The log's life until somebody kills it; after each commit its size is told. */
static int
live(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_log_writer *w = NULL;
    struct tree_side t = {.signer = f->signer};
    pthread_t thread;
    unsigned batch = (unsigned)getpid();

    if (vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, NULL) != VT_OK)
        return 1;
    t.w = w;
    if (pthread_create(&thread, NULL, tree_main, &t) != 0)
        return 1;
    for (uint64_t i = vt_log_writer_size(w); t.failed == VT_OK;) {
        uint64_t size;

        batch = batch * 1103515245U + 12345U;
        for (unsigned k = 0; k <= (batch >> 16) % 300; k++, i++) {
            struct vt_digest name;
            uint64_t index;
            char text[64];
            int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

            vt_digest_of(text, (size_t)n, &name);
            if (vt_log_writer_add(w, text, (size_t)n, &name, &index, NULL) != VT_OK)
                return 1;
        }
        if (vt_log_writer_commit(w, NULL) != VT_OK)
            return 1;
        size = vt_log_writer_size(w);
        if (write(fd, &size, sizeof size) != (ssize_t)sizeof size)
            return 1;
    }
    return 1;
}

static void
test_kill(void **state)
{
    struct fixture *f = *state;
    unsigned random = 17;
    uint64_t acknowledged = 0;

    policy_without_witnesses(f);
    for (int round = 0; round < 15; round++) {
        unsigned commits;
        pid_t pid;
        int fd = -1;

        random = random * 1103515245U + 12345U;
        commits = (random >> 16) % 12;
        assert_int_equal(vt_proc_fork("log", live, f, NULL, &pid, &fd, NULL), VT_OK);
        while (read(fd, &acknowledged, sizeof acknowledged) == (ssize_t)sizeof acknowledged &&
               commits-- > 0)
            ;
        usleep((random >> 8) % 3000);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (read(fd, &acknowledged, sizeof acknowledged) == (ssize_t)sizeof acknowledged)
            ; /* what it told before it died */
        vt_proc_stop(pid, fd, 1000);
        fail_power(f, random);
        expect_sound(f, acknowledged, round == 14);
    }
    assert_true(acknowledged > 0);
}

/* Entry i in 8 bytes, and a name that no other has. */
static enum vt_err
add_small(struct vt_log_writer *w, uint64_t i, uint64_t *ret_index)
{
    uint64_t spread = i * UINT64_C(0x9E3779B97F4A7C15);
    struct vt_digest name = {{0}};

    memcpy(name.b, &spread, sizeof spread);
    return vt_log_writer_add(w, &i, sizeof i, &name, ret_index, NULL);
}

static void
add_many_small(struct vt_log_writer *w, uint64_t from, uint64_t to)
{
    uint64_t index = 0;

    for (uint64_t i = from; i < to; i++) {
        enum vt_err err = add_small(w, i, &index);

        if (err == VT_E_BUSY) {
            assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
            err = add_small(w, i, &index);
        }
        assert_int_equal(err, VT_OK);
        assert_int_equal(index, i);
    }
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
}

/* Memory does not grow with the log. */
static void
test_memory_is_flat(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    uint64_t before = 0;
    uint64_t after;

    for (uint64_t n = 0; n < 1200000; n += 100000) {
        add_many_small(w, n, n + 100000);
        assert_int_equal(vt_log_writer_derive(w, NULL), VT_OK);
        assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
        if (n == 400000)
            before = vt_metric_resident();
    }
    after = vt_metric_resident();
    vt_log_writer_free(w);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true(before > 0);
    /* 32 bytes an entry would be 22 million more. */
    assert_true(after < before + 8000000);
#else
    (void)before;
    (void)after;
#endif
}

/* When the tiles are too far behind, entries are refused until they are not. Duplicates are
 * known within the window only. */
static void
test_lag(void **state)
{
    struct fixture *f = *state;
    struct vt_log_writer *w = open_log(f);
    uint64_t index = 0;

    add_many_small(w, 0, VT_LOG_LAG_MAX);
    assert_int_equal(add_small(w, VT_LOG_LAG_MAX, &index), VT_E_BUSY);
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(add_small(w, VT_LOG_LAG_MAX, &index), VT_E_BUSY);
    /* A duplicate is none of the tree's business. */
    assert_int_equal(add_small(w, VT_LOG_LAG_MAX - VT_LOG_WINDOW, &index), VT_OK);
    assert_int_equal(index, VT_LOG_LAG_MAX - VT_LOG_WINDOW);
    assert_int_equal(add_small(w, 0, &index), VT_E_BUSY); /* not known any more */
    assert_int_equal(vt_log_writer_derive(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_derived(w), VT_LOG_DERIVE_MAX);
    assert_int_equal(add_small(w, VT_LOG_LAG_MAX, &index), VT_OK);
    assert_int_equal(index, VT_LOG_LAG_MAX);
    vt_log_writer_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_power_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_freezing_while_entries_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_is_flat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lag, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
