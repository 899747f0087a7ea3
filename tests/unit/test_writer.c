/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of a log: durable before acknowledged, one writer, never two roots for one size,
 * everything public made again after a crash.
 */
#include "base/file.h"
#include "base/proc.h"
#include "crypto/signer.h"
#include "log/reader.h"
#include "log/writer.h"
#include "note/frozen.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"

struct fixture {
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char pub[VT_PATH_MAX];
    struct vt_signer *signer;
    char log_vkey[VT_VKEY_TEXT_MAX];
    struct vt_policy *policy;
};

static void
vkey_text(const char *name, enum vt_note_alg alg, const struct vt_pubkey *pub,
    char ret[VT_VKEY_TEXT_MAX])
{
    struct vt_vkey v;

    assert_int_equal(vt_vkey_make(name, alg, pub, &v, NULL), VT_OK);
    vt_vkey_format(&v, ret);
}

/* A signer in this process from a fixed seed. */
static struct vt_signer *
signer_of(const char *name, uint8_t seed_byte)
{
    uint8_t seed[32] = {seed_byte};
    struct vt_key *k = NULL;
    struct vt_signer *s = NULL;

    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    return s;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-writer", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->dir, NULL, "%s/log", f->root), VT_OK);
    assert_int_equal(vt_path(f->pub, NULL, "%s/public", f->root), VT_OK);
    f->signer = signer_of(ORIGIN, 1);
    vkey_text(ORIGIN, VT_NOTE_ED25519, vt_signer_public(f->signer), f->log_vkey);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    vt_policy_free(f->policy);
    vt_signer_free(f->signer);
    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    free(f);
    return 0;
}

static struct vt_log_writer *
open_log(struct fixture *f)
{
    struct vt_log_writer *w = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why);

    if (err != VT_OK)
        fail_msg("%s", why.text);
    return w;
}

/* Adds "entry FROM" to "entry TO-1" in batches of 100. */
static void
add_entries(struct vt_log_writer *w, uint64_t from, uint64_t to, const char *tag)
{
    for (uint64_t i = from; i < to; i++) {
        struct vt_digest name;
        uint64_t index = 0;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu%s\n", (unsigned long long)i, tag);

        vt_digest_of(text, (size_t)n, &name);
        assert_int_equal(vt_log_writer_add(w, text, (size_t)n, &name, &index, NULL), VT_OK);
        assert_int_equal(index, i);
        if (i % 100 == 99)
            assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    }
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(w), to);
}

static void
expected_root(uint64_t size, struct vt_digest *ret)
{
    struct vt_frontier fr;

    vt_frontier_init(&fr);
    for (uint64_t i = 0; i < size; i++) {
        struct vt_digest leaf;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        vt_merkle_leaf(text, (size_t)n, &leaf);
        vt_frontier_append(&fr, &leaf);
    }
    vt_frontier_root(&fr, ret);
}

static void
assert_root(struct vt_log_writer *w, uint64_t size)
{
    struct vt_digest want;
    struct vt_digest got;

    expected_root(size, &want);
    assert_int_equal(vt_log_writer_root(w, size, &got, NULL), VT_OK);
    assert_true(vt_digest_eq(&want, &got));
}

/* Signs and publishes with no witnesses asked. */
static void
publish_plain(struct fixture *f, struct vt_log_writer *w)
{
    size_t len;
    const void *note;

    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    note = vt_log_writer_signed_note(w, &len);
    assert_int_equal(vt_log_writer_publish(w, note, len, NULL), VT_OK);
}

static void
wal_path(const struct fixture *f, char ret[VT_PATH_MAX])
{
    assert_int_equal(vt_path(ret, NULL, "%s/wal/00000000000000000000", f->dir), VT_OK);
}

static off_t
size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Flips one bit of a file. */
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

/* A policy that trusts the log without witnesses. */
static void
policy_without_witnesses(struct fixture *f)
{
    char text[2048];

    (void)snprintf(text, sizeof(text), "log %s\nquorum none\n", f->log_vkey);
    assert_int_equal(vt_policy_parse(text, strlen(text), &f->policy, NULL), VT_OK);
}

static void
assert_readable(struct fixture *f, const char *where, uint64_t size)
{
    struct vt_log_reader *r = NULL;
    struct vt_buf b = VT_BUF(65535);
    struct vt_proof proof;
    struct vt_why why = {0};
    const struct vt_checkpoint *cp;

    if (vt_log_reader_open(where, f->policy, &r, &why) != VT_OK)
        fail_msg("%s", why.text);
    cp = vt_log_reader_checkpoint(r);
    assert_int_equal(cp->size, size);
    for (uint64_t i = 0; i < size; i += size < 600 ? 1 : 17) {
        struct vt_digest leaf;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        if (vt_log_reader_entry(r, i, &b, &why) != VT_OK)
            fail_msg("entry %d: %s", (int)i, why.text);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, text, b.len);
        assert_int_equal(vt_log_reader_inclusion(r, i, &proof, NULL), VT_OK);
        vt_merkle_leaf(text, (size_t)n, &leaf);
        assert_int_equal(
            vt_merkle_check_inclusion(i, size, &leaf, &proof, &cp->root, NULL), VT_OK);
    }
    for (uint64_t old = 0; old <= size; old += size / 13 + 1) {
        struct vt_digest root;

        expected_root(old, &root);
        assert_int_equal(vt_log_reader_consistency(r, old, &proof, NULL), VT_OK);
        assert_int_equal(
            vt_merkle_check_consistency(old, size, &root, &cp->root, &proof, NULL), VT_OK);
    }
    assert_int_equal(vt_log_reader_entry(r, size, &b, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_inclusion(r, size, &proof, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_consistency(r, size + 1, &proof, &why), VT_E_NOENT);
    vt_log_reader_free(r);
    vt_buf_release(&b);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
