/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mirrors: nothing unproven gets in, killed anywhere they stay what they were, and a log that
 * shows two histories is caught with both in hand (threats 6, 7 and 8).
 */
#include "log/audit.h"
#include "log/log_index.h"
#include "log/mirror.h"
#include "log_folder.h"

#include "index_log.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define ORIGIN "mirrored.example/log"

/* The call, of those that change files, at which this process dies; 0: never. */
static unsigned die_at;
static unsigned calls;

static bool
is_last_call(void)
{
    return die_at > 0 && ++calls == die_at;
}

static void
die(void)
{
    (void)kill(getpid(), SIGKILL);
}

#define WRAPPED(type, name, params, args)                                                      \
    type __real_##name params;                                                                 \
    type __wrap_##name params;                                                                 \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        if (is_last_call())                                                                    \
            die();                                                                             \
        return __real_##name args;                                                             \
    }

WRAPPED(int, rename, (const char *from, const char *to), (from, to))
WRAPPED(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAPPED(int, fsync, (int fd), (fd))
WRAPPED(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))

/* The next syncfs fails. */
static bool fail_sync;

int __real_syncfs(int fd);
int __wrap_syncfs(int fd);

int
__wrap_syncfs(int fd)
{
    if (is_last_call())
        die();
    if (fail_sync) {
        fail_sync = false;
        errno = EIO;
        return -1;
    }
    return __real_syncfs(fd);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

/* Half of it is written still. */
ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
    if (is_last_call()) {
        (void)!__real_write(fd, data, len / 2);
        die();
    }
    return __real_write(fd, data, len);
}

struct fixture {
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX]; /* the mirror */
    struct folder log;
    struct vt_policy *policy;
    struct vt_why why;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp(folder_parent(), "vt-mirror", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->dir, NULL, "%s/mirror", f->root), VT_OK);
    assert_int_equal(vt_path(f->log.dir, NULL, "%s/log", f->root), VT_OK);
    f->log.signer = folder_signer(ORIGIN, 1);
    f->policy = folder_policy(f->log.signer, "");
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    vt_signer_free(f->log.signer);
    vt_policy_free(f->policy);
    free(f);
    return 0;
}

static enum vt_err
look_at(struct fixture *f, const char *where, struct vt_log_mirror_seen *seen)
{
    struct vt_log_mirror *m = NULL;
    enum vt_err err;

    vt_why_clear(&f->why);
    err = vt_log_mirror_open(where, f->dir, f->policy, NULL, &m, &f->why);
    if (err == VT_OK)
        err = vt_log_mirror_look(m, seen, &f->why);
    vt_log_mirror_free(m);
    return err;
}

static void
look_ok(struct fixture *f, uint64_t size)
{
    struct vt_log_mirror_seen seen;

    if (look_at(f, f->log.dir, &seen) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(seen.checkpoint.size, size);
}

/* The mirror is whole for its checkpoint; which size that is. */
static uint64_t
sound(struct fixture *f)
{
    struct vt_log_audit sum;

    if (vt_log_audit(f->dir, f->policy, NULL, &sum, &f->why) != VT_OK)
        fail_msg("%s", f->why.text);
    return sum.checkpoint.size;
}

static bool
has(const struct fixture *f, const char *rel)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/%s", f->dir, rel), VT_OK);
    return vt_file_exists(path);
}

static void
read_file(const char *dir, const char *rel, struct vt_buf *b)
{
    char path[VT_PATH_MAX];

    vt_buf_clear(b);
    assert_int_equal(vt_path(path, NULL, "%s/%s", dir, rel), VT_OK);
    assert_int_equal(vt_file_read(path, b, NULL), VT_OK);
}

static enum vt_err
count_name(void *ctx, const char *name, struct vt_why *why)
{
    int *n = ctx;

    (void)name;
    (void)why;
    (*n)++;
    return VT_OK;
}

static int
count_names(const char *dir)
{
    int n = 0;

    assert_int_equal(vt_dir_each(dir, count_name, &n, NULL), VT_OK);
    return n;
}

static void
test_it_follows_a_log(void **state)
{
    static const uint64_t sizes[] = {0, 1, 200, 256, 257, 1000, 1024, 66000, 66000, 66048};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        folder_write(&f->log, sizes[i], NULL);
        look_ok(f, sizes[i]);
        assert_int_equal(sound(f), sizes[i]);
    }
    /* The partial tiles of old edges are gone, full ones stand for them. */
    assert_false(has(f, "tile/0/000.p"));
    assert_false(has(f, "tile/0/003.p"));
    assert_false(has(f, "tile/entries/003.p"));
    assert_false(has(f, "tile/entries/257.p"));
    assert_true(has(f, "tile/1/001.p/2"));
    assert_false(has(f, ".tmp-mirror"));
}

/* Only what is missing is fetched. */
static void
test_it_fetches_what_is_missing(void **state)
{
    struct vt_buf b = VT_BUF(VT_BUNDLE_MAX);
    struct fixture *f = *state;
    struct vt_log_mirror_seen seen;

    folder_write(&f->log, 700, NULL);
    look_ok(f, 700);
    folder_write(&f->log, 1300, NULL);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_OK);
    assert_int_equal(seen.new_entries, 600);
    read_file(f->log.dir, "tile/entries/002", &b);
    assert_true(seen.bytes > 3 * b.len && seen.bytes < 4 * b.len);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_OK);
    assert_int_equal(seen.bytes, 0);
    assert_int_equal(seen.new_entries, 0);
    vt_buf_release(&b);
}

static void
test_one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct vt_log_mirror *a = NULL;
    struct vt_log_mirror *b = NULL;

    assert_int_equal(
        vt_log_mirror_open(f->log.dir, f->dir, f->policy, NULL, &a, &f->why), VT_OK);
    assert_int_equal(
        vt_log_mirror_open(f->log.dir, f->dir, f->policy, NULL, &b, &f->why), VT_E_BUSY);
    vt_log_mirror_free(a);
    assert_int_equal(
        vt_log_mirror_open(f->log.dir, f->dir, f->policy, NULL, &b, &f->why), VT_OK);
    vt_log_mirror_free(b);
}

/* Looks in a child that dies at its n-th call. true: it came to its end. */
static bool
look_and_die(struct fixture *f, unsigned n)
{
    struct vt_log_mirror_seen seen;
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        die_at = n;
        _exit(look_at(f, f->log.dir, &seen) == VT_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return false;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

/* Killed at each call that changes files, from nothing and from an older checkpoint. */
static void
killed_everywhere(struct fixture *f, uint64_t from, uint64_t to)
{
    bool ended = false;
    unsigned n;

    for (n = 1; !ended; n++) {
        assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
        assert_int_equal(vt_tree_remove(f->log.dir, NULL), VT_OK);
        if (from > 0) {
            folder_write(&f->log, from, NULL);
            look_ok(f, from);
        }
        folder_write(&f->log, to, NULL);
        ended = look_and_die(f, n);
        if (has(f, "checkpoint")) {
            uint64_t size = sound(f);

            assert_true(size == to || (size == from && !ended));
        } else {
            assert_true(from == 0 && !ended);
        }
        /* It goes on, in the end with everything. */
        look_ok(f, to);
        assert_int_equal(sound(f), to);
        assert_false(has(f, "tile/entries/000.p"));
    }
    assert_true(n > 12); /* it was killed at some places */
}

static void
test_killed_anywhere(void **state)
{
    killed_everywhere(*state, 0, 600);
    killed_everywhere(*state, 300, 1100);
}

/* What a machine's crash may leave of files that nothing has made durable. */
static void
test_torn_files_are_fetched_again(void **state)
{
    static const char *const files[] = {"tile/entries/002", "tile/0/001", "tile/1/000",
        "tile/entries/000", "tile/entries/001", "tile/0/004.p/6", "tile/entries/004.p/6"};
    struct fixture *f = *state;

    folder_write(&f->log, 200, NULL);
    look_ok(f, 200);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct folder torn = f->log;

        assert_int_equal(vt_path(torn.dir, NULL, "%s", f->dir), VT_OK);
        torn.bundle = (struct vt_buf){0};
        folder_write(&f->log, 1030, NULL);
        folder_put(&torn, files[i], i % 2 == 0 ? "\0\0\0\0" : "", i % 2 == 0 ? 4 : 0);
        look_ok(f, 1030);
        assert_int_equal(sound(f), 1030);
        assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
        folder_write(&f->log, 200, NULL);
        look_ok(f, 200);
    }
}

/* Every kind of file of the log, changed, cut and missing: the mirror stays as it was. */
static void
test_wrong_files_do_not_get_in(void **state)
{
    static const struct {
        const char *file;
        bool needed; /* for copying: of level 0 and above tiles are made of bundles */
    } files[] = {{"tile/entries/003", true}, {"tile/entries/259.p/16", true},
        {"tile/0/259.p/16", true}, {"tile/1/001.p/3", true}, {"tile/1/000", true},
        {"tile/2/000.p/1", true}, {"tile/0/003", false}};
    struct fixture *f = *state;

    folder_write(&f->log, 500, NULL);
    look_ok(f, 500);
    folder_write(&f->log, 66320, NULL);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct vt_log_mirror_seen seen;
        char path[VT_PATH_MAX];

        folder_flip(&f->log, files[i].file, folder_size(&f->log, files[i].file) / 2);
        assert_int_equal(look_at(f, f->log.dir, &seen), files[i].needed ? VT_E_PROOF : VT_OK);
        if (files[i].needed)
            assert_int_equal(sound(f), 500);
        folder_flip(&f->log, files[i].file, folder_size(&f->log, files[i].file) / 2);
        if (!files[i].needed)
            continue;
        assert_int_equal(vt_path(path, NULL, "%s/%s", f->log.dir, files[i].file), VT_OK);
        assert_int_equal(truncate(path, folder_size(&f->log, files[i].file) - 1), 0);
        assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_PROOF);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_NOENT);
        assert_int_equal(sound(f), 500);
        folder_write(&f->log, 66320, NULL);
    }
    assert_int_equal(sound(f), 66320);
    assert_false(has(f, "evidence"));
}

/* What the evidence shows, read as a third party would. */
static void
assert_evidence(struct fixture *f, uint64_t had_size, uint64_t got_size, const char *dir)
{
    struct vt_buf had = VT_BUF(VT_NOTE_MAX);
    struct vt_buf got = VT_BUF(VT_NOTE_MAX);
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_checkpoint c[2];
    uint64_t time;

    read_file(dir, "had", &had);
    read_file(dir, "got", &got);
    assert_int_equal(
        vt_policy_check_checkpoint(f->policy, had.data, had.len, &c[0], &time, NULL), VT_OK);
    assert_int_equal(
        vt_policy_check_checkpoint(f->policy, got.data, got.len, &c[1], &time, NULL), VT_OK);
    assert_int_equal(c[0].size, had_size);
    assert_int_equal(c[1].size, got_size);
    if (had_size != got_size) {
        const struct vt_checkpoint *small = &c[had_size < got_size ? 0 : 1];
        const struct vt_checkpoint *large = &c[had_size < got_size ? 1 : 0];
        struct vt_proof proof = {0};
        struct vt_digest root;
        struct vt_reader r;
        struct vt_reader line;
        uint64_t old = 0;
        size_t len;

        read_file(dir, "proof", &b);
        r = VT_READER(b.data, b.len);
        assert_true(vt_reader_line(&r, &line) && vt_reader_skip(&line, "old ") &&
                    vt_reader_decimal(&line, UINT64_MAX, &old));
        assert_int_equal(old, small->size);
        assert_true(vt_reader_line(&r, &line) && vt_reader_skip(&line, "root ") &&
                    vt_b64_decode((const char *)line.p, line.left, root.b, 32, &len));
        while (vt_reader_line(&r, &line))
            assert_true(vt_b64_decode(
                (const char *)line.p, line.left, proof.hash[proof.len++].b, 32, &len));
        assert_int_equal(vt_merkle_check_consistency(
                             small->size, large->size, &root, &large->root, &proof, NULL),
            VT_OK);
        assert_false(vt_digest_eq(&root, &small->root));
    }
    vt_buf_release(&had);
    vt_buf_release(&got);
    vt_buf_release(&b);
}

static void
fork_is_caught(struct fixture *f, uint64_t had, uint64_t got)
{
    struct vt_log_mirror_seen seen;
    struct vt_log_mirror *m = NULL;

    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    f->log.tag = "one";
    folder_write(&f->log, had, NULL);
    look_ok(f, had);
    f->log.tag = "two";
    folder_write(&f->log, got, NULL);
    assert_int_equal(
        vt_log_mirror_open(f->log.dir, f->dir, f->policy, NULL, &m, &f->why), VT_OK);
    assert_int_equal(vt_log_mirror_look(m, &seen, &f->why), VT_E_PROOF);
    assert_non_null(strstr(f->why.text, "FORK"));
    assert_non_null(vt_log_mirror_evidence(m));
    assert_evidence(f, had, got, vt_log_mirror_evidence(m));
    vt_log_mirror_free(m);
    assert_int_equal(sound(f), had); /* it keeps what it had */
}

static void
test_a_fork_is_caught(void **state)
{
    fork_is_caught(*state, 300, 300);
    fork_is_caught(*state, 300, 900);
    fork_is_caught(*state, 256, 900); /* whose own root is no part of a proof */
    fork_is_caught(*state, 900, 300);
    fork_is_caught(*state, 900, 512);
    fork_is_caught(*state, 1, 2);
}

/* Who signs something else each time fills no disk. */
static void
test_evidence_has_a_bound(void **state)
{
    struct fixture *f = *state;
    struct vt_log_mirror_seen seen;
    char path[VT_PATH_MAX];
    char tag[16];

    folder_write(&f->log, 300, NULL);
    look_ok(f, 300);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(tag, sizeof(tag), "tag %d", i);
        f->log.tag = tag;
        folder_write(&f->log, 301, NULL);
        assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_PROOF);
        assert_non_null(strstr(f->why.text, "FORK"));
        assert_int_equal(strstr(f->why.text, "not kept") != NULL, i >= 16);
    }
    /* What is kept already is said again. */
    f->log.tag = "tag 3";
    folder_write(&f->log, 301, NULL);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_PROOF);
    assert_non_null(strstr(f->why.text, "both are in"));
    assert_int_equal(vt_path(path, NULL, "%s/evidence", f->dir), VT_OK);
    assert_int_equal(count_names(path), 16);
    assert_int_equal(sound(f), 300);
}

/* Nobody knows what became of the files: the checkpoint stays, and what the disk has lost is
 * fetched again. */
static void
test_a_failed_sync(void **state)
{
    static const char *const lost[] = {
        "tile/entries/002", "tile/0/001", "tile/entries/003.p/132", "tile/1/000.p/3"};
    struct fixture *f = *state;
    struct folder mirror = f->log;
    struct vt_log_mirror_seen seen;
    struct vt_log_mirror *m = NULL;

    folder_write(&f->log, 200, NULL);
    look_ok(f, 200);
    folder_write(&f->log, 900, NULL);
    assert_int_equal(
        vt_log_mirror_open(f->log.dir, f->dir, f->policy, NULL, &m, &f->why), VT_OK);
    fail_sync = true;
    assert_int_equal(vt_log_mirror_look(m, &seen, &f->why), VT_E_IO);
    assert_int_equal(sound(f), 200);
    assert_int_equal(vt_path(mirror.dir, NULL, "%s", f->dir), VT_OK);
    mirror.bundle = (struct vt_buf){0};
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
        folder_put(&mirror, lost[i], "\0\0\0\0", 4);
    assert_int_equal(vt_log_mirror_look(m, &seen, &f->why), VT_OK);
    vt_log_mirror_free(m);
    assert_int_equal(seen.checkpoint.size, 900);
    assert_int_equal(sound(f), 900);
}

/* One sync does not reach what is elsewhere. */
static void
test_folders_that_are_links(void **state)
{
    static const char *const below[] = {"tile", "index"};
    struct fixture *f = *state;
    struct vt_log_mirror_seen seen;
    char path[VT_PATH_MAX];

    folder_write(&f->log, 300, NULL);
    assert_int_equal(vt_dir_make(f->dir, 0755, NULL), VT_OK);
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        assert_int_equal(vt_path(path, NULL, "%s/%s", f->dir, below[i]), VT_OK);
        assert_int_equal(symlink(f->root, path), 0);
        assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_CONFIG);
        assert_non_null(strstr(f->why.text, "is a link"));
        assert_int_equal(unlink(path), 0);
    }
    look_ok(f, 300);
}

static void
test_an_older_server_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct vt_log_mirror_seen seen;

    folder_write(&f->log, 900, NULL);
    look_ok(f, 900);
    assert_int_equal(vt_tree_remove(f->log.dir, NULL), VT_OK);
    folder_write(&f->log, 700, NULL);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_ROLLBACK);
    assert_int_equal(sound(f), 900);
    assert_false(has(f, "evidence"));
    folder_write(&f->log, 901, NULL);
    look_ok(f, 901);
}

static void
test_another_log_is_refused(void **state)
{
    struct fixture *f = *state;
    struct vt_signer *other = folder_signer("other.example/log", 2);
    struct vt_vkey v;
    char vkey[VT_VKEY_TEXT_MAX];
    char line[VT_VKEY_TEXT_MAX + 8];
    struct vt_log_mirror_seen seen;

    folder_write(&f->log, 10, NULL);
    look_ok(f, 10);
    vt_signer_free(f->log.signer);
    f->log.signer = other;
    folder_write(&f->log, 20, NULL);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_UNKNOWN);
    /* Also when the policy has both. */
    vt_policy_free(f->policy);
    f->log.signer = folder_signer(ORIGIN, 1);
    assert_int_equal(
        vt_vkey_make("other.example/log", VT_NOTE_ED25519, vt_signer_public(other), &v, NULL),
        VT_OK);
    vt_vkey_format(&v, vkey);
    (void)snprintf(line, sizeof(line), "log %s\n", vkey);
    f->policy = folder_policy(f->log.signer, line);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_CONFIG);
    vt_signer_free(other);
    assert_int_equal(sound(f), 10);
}

static void
test_a_frozen_log(void **state)
{
    struct fixture *f = *state;
    struct vt_log_mirror_seen seen;
    struct vt_digest root;
    char path[VT_PATH_MAX];

    folder_write(&f->log, 300, &root);
    folder_freeze(&f->log, 300, &root);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_OK);
    assert_true(seen.is_frozen);
    assert_true(has(f, "frozen"));
    assert_int_equal(sound(f), 300);
    /* It thaws, with its statement taken away and without. */
    folder_write(&f->log, 301, NULL);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_PROOF);
    assert_non_null(strstr(f->why.text, "MISBEHAVIOUR"));
    assert_int_equal(vt_path(path, NULL, "%s/frozen", f->log.dir), VT_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_PROOF);
    assert_non_null(strstr(f->why.text, "MISBEHAVIOUR"));
    assert_true(has(f, "evidence"));
    assert_int_equal(sound(f), 300);
}

/* A log that changed its key: the policy names both, and either may have signed. */
static void
test_a_statement_by_the_second_key(void **state)
{
    struct fixture *f = *state;
    struct vt_signer *old = folder_signer(ORIGIN, 3);
    struct vt_signer *unknown = folder_signer(ORIGIN, 4);
    struct vt_signer *own = f->log.signer;
    struct vt_log_mirror_seen seen;
    struct vt_digest root;
    struct vt_vkey v;
    char vkey[VT_VKEY_TEXT_MAX];
    char line[VT_VKEY_TEXT_MAX + 8];

    assert_int_equal(
        vt_vkey_make(ORIGIN, VT_NOTE_ED25519, vt_signer_public(own), &v, NULL), VT_OK);
    vt_vkey_format(&v, vkey);
    (void)snprintf(line, sizeof(line), "log %s\n", vkey);
    vt_policy_free(f->policy);
    f->policy = folder_policy(old, line);
    folder_write(&f->log, 300, &root);
    f->log.signer = unknown;
    folder_freeze(&f->log, 300, &root);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_UNKNOWN);
    assert_false(has(f, "frozen"));
    f->log.signer = own;
    folder_freeze(&f->log, 300, &root);
    if (look_at(f, f->log.dir, &seen) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_true(seen.is_frozen);
    assert_int_equal(sound(f), 300); /* which looks at the statement too */
    vt_signer_free(old);
    vt_signer_free(unknown);
}

/* A mirror that begins after the log thawed sees it too. */
static void
test_a_thawed_log_is_not_begun(void **state)
{
    struct fixture *f = *state;
    struct vt_log_mirror_seen seen;
    struct vt_digest root;

    folder_write(&f->log, 300, &root);
    folder_freeze(&f->log, 300, &root);
    folder_write(&f->log, 400, NULL);
    assert_int_equal(look_at(f, f->log.dir, &seen), VT_E_PROOF);
    assert_non_null(strstr(f->why.text, "MISBEHAVIOUR"));
    assert_false(has(f, "checkpoint"));
    /* Not by the log's key: no statement, and no mirror either. */
    folder_write(&f->log, 300, &root);
    folder_flip(&f->log, "frozen", folder_size(&f->log, "frozen") - 4);
    assert_int_not_equal(look_at(f, f->log.dir, &seen), VT_OK);
    assert_non_null(strstr(f->why.text, "final statement"));
    assert_false(has(f, "checkpoint"));
}

/* A mirror whose own checkpoint was changed is not gone on with. */
static void
test_a_damaged_mirror_is_refused(void **state)
{
    struct fixture *f = *state;
    struct folder own = f->log;
    struct vt_log_mirror_seen seen;

    folder_write(&f->log, 300, NULL);
    look_ok(f, 300);
    assert_int_equal(vt_path(own.dir, NULL, "%s", f->dir), VT_OK);
    folder_flip(&own, "checkpoint", folder_size(&own, "checkpoint") - 4);
    assert_int_not_equal(look_at(f, f->log.dir, &seen), VT_OK);
    assert_non_null(strstr(f->why.text, "mirror/checkpoint"));
}

/* Logs an index root of what there is, and publishes all of it. */
static void
publish_with_root(struct index_log *l, struct vt_log_index *ix, size_t count, int64_t now)
{
    struct vt_buf b = VT_BUF(65535);
    struct vt_why why = {0};
    struct vt_digest root;
    bool more = false;

    while (l->count < count) {
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %zu", l->count);

        index_log_add(l, text, (size_t)n);
    }
    index_log_put_bundles(l);
    assert_int_equal(vt_log_index_advance(ix, l->count, now, 0, &more, NULL), VT_OK);
    assert_true(vt_log_index_due(ix));
    root = index_log_root(l, vt_log_index_size(ix));
    if (vt_log_index_note(ix, &root, l->signer, &b, &why) != VT_OK)
        fail_msg("%s", why.text);
    index_log_add(l, b.data, b.len);
    assert_int_equal(vt_log_index_logged(ix, l->count - 1, now, NULL), VT_OK);
    index_log_publish(l);
    assert_int_equal(vt_log_index_published(ix, l->count, now, NULL), VT_OK);
    vt_buf_release(&b);
}

static uint64_t
index_roots(struct fixture *f, struct index_log *l)
{
    const struct vt_log_audit_opts opts = {.index_tmp = f->root};
    struct vt_log_audit sum;

    if (vt_log_audit(f->dir, l->policy, &opts, &sum, &f->why) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(sum.checkpoint.size, l->count);
    return sum.index_roots;
}

static void
test_the_index_is_mirrored(void **state)
{
    static const struct vt_log_index_opts opts = {.root_entries = 1, .pause_ms = -1};
    struct fixture *f = *state;
    struct vt_policy *own = f->policy;
    struct vt_log_index *ix = NULL;
    struct vt_log_mirror_seen seen;
    struct index_log l;

    index_log_set_up(&l);
    f->policy = l.policy;
    assert_int_equal(vt_log_index_open(l.pub, l.state, INDEX_ORIGIN, &opts, &ix, NULL), VT_OK);
    publish_with_root(&l, ix, 700, 1000);
    if (look_at(f, l.pub, &seen) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_true(has(f, "index/latest") && has(f, "index/0/0") && has(f, "index/0/1"));
    assert_int_equal(index_roots(f, &l), 1);
    /* Runs are merged; the mirror follows, and keeps what the root before needs. */
    publish_with_root(&l, ix, 5000, 2000);
    if (look_at(f, l.pub, &seen) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_true(has(f, "index/2/0") && has(f, "index/0/18"));
    assert_int_equal(index_roots(f, &l), 2);
    publish_with_root(&l, ix, 6000, 700000);
    assert_int_equal(look_at(f, l.pub, &seen), VT_OK);
    publish_with_root(&l, ix, 7000, 1400000);
    assert_int_equal(look_at(f, l.pub, &seen), VT_OK);
    assert_false(has(f, "index/0/0"));
    /* A false run, and a false list: the copy of the log goes on, that of the index not. */
    publish_with_root(&l, ix, 7500, 2100000);
    {
        struct folder source = {.signer = NULL};

        assert_int_equal(vt_path(source.dir, NULL, "%s", l.pub), VT_OK);
        for (unsigned at = 0; at < 3; at++) {
            off_t size = folder_size(&source, "index/0/28");

            folder_flip(&source, "index/0/28", at == 0 ? 7 : at == 1 ? size - 1 : size / 2);
            assert_int_equal(look_at(f, l.pub, &seen), VT_E_PROOF);
            assert_non_null(strstr(f->why.text, "index/0/28"));
            folder_flip(&source, "index/0/28", at == 0 ? 7 : at == 1 ? size - 1 : size / 2);
        }
        assert_int_equal(index_roots(f, &l), 5);
        assert_false(has(f, "index/0/28"));
        assert_int_equal(look_at(f, l.pub, &seen), VT_OK);
        assert_true(has(f, "index/0/28"));
        folder_put(&source, "index/latest", "5\n", 2);
        assert_int_equal(look_at(f, l.pub, &seen), VT_E_UNKNOWN);
        folder_put(&source, "index/latest", "5\nno number\n", 12);
        assert_int_not_equal(look_at(f, l.pub, &seen), VT_OK);
    }
    vt_log_index_free(ix);
    f->policy = own;
    index_log_tear_down(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_follows_a_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_fetches_what_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_files_are_fetched_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_files_do_not_get_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_fork_is_caught, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_an_older_server_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_log_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_evidence_has_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_sync, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folders_that_are_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_statement_by_the_second_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_frozen_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_thawed_log_is_not_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_damaged_mirror_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_index_is_mirrored, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
