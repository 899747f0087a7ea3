/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable files. The test program is linked with --wrap for the system calls
 * of the durable recipe, so that each can be made to fail in its turn, and a
 * child is killed at each in its turn: what is left must always be the old
 * content or the new.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The call (counted from 1) that fails with fault_errno, or kills; 0: none. */
static int fault_at;
static int fault_errno;
static bool fault_kills;
static int calls;

static bool
faulty(void)
{
    calls++;
    if (fault_at == 0 || calls != fault_at)
        return false;
    if (fault_kills)
        _exit(99);
    errno = fault_errno;
    return true;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
    /* half of what was asked for arrives, so that a torn file would show */
    if (faulty()) {
        int e = errno;
        (void)!__real_write(fd, p, n / 2);
        errno = e;
        return -1;
    }
    return __real_write(fd, p, n > 1000 ? n / 3 : n);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
    return faulty() ? -1 : __real_fsync(fd);
}

int __real_rename(const char *a, const char *b);
int __wrap_rename(const char *a, const char *b);
int
__wrap_rename(const char *a, const char *b)
{
    return faulty() ? -1 : __real_rename(a, b);
}

int __real_renameat2(int ad, const char *a, int bd, const char *b, unsigned flags);
int __wrap_renameat2(int ad, const char *a, int bd, const char *b, unsigned flags);
int
__wrap_renameat2(int ad, const char *a, int bd, const char *b, unsigned flags)
{
    return faulty() ? -1 : __real_renameat2(ad, a, bd, b, flags);
}

int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int
__wrap_fchmod(int fd, mode_t mode)
{
    return faulty() ? -1 : __real_fchmod(fd, mode);
}

static char dir[] = "/tmp/vt-file-XXXXXX";

static int
set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/vt-file-XXXXXX");
    fault_at = 0;
    calls = 0;
    fault_kills = false;
    return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    fault_at = 0;
    return vt_tree_remove(dir, NULL) != VT_OK || vt_file_exists(dir);
}

static const char *
in_dir(const char *name)
{
    static char paths[4][VT_PATH_MAX];
    static unsigned next;
    char *p = paths[next++ % 4];

    assert_int_equal(vt_path(p, NULL, "%s/%s", dir, name), VT_OK);
    return p;
}

static void
assert_content(const char *path, const char *want)
{
    struct vt_buf b = VT_BUF(1U << 20);

    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), want);
    vt_buf_release(&b);
}

static unsigned
count_temporary(void)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    unsigned n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, ".tmp-", 5) == 0;
    (void)closedir(d);
    return n;
}

static void
test_path(void **state)
{
    char p[VT_PATH_MAX] = "before";
    char longer[VT_PATH_MAX + 1];
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_path(p, &why, "%s/%d", "a", 5), VT_OK);
    assert_string_equal(p, "a/5");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(vt_path(p, &why, "%s", longer), VT_E_LIMIT);
    assert_string_equal(p, "a/5");
    longer[VT_PATH_MAX - 1] = '\0';
    assert_int_equal(vt_path(p, &why, "%s", longer), VT_OK);
}

static void
test_path_is_safe(void **state)
{
    static const char *const good[] = {
        "a", "a/b", ".hidden", "a..b", "...", "caf\xc3\xa9", "a b", "-x", "~"};
    static const char *const bad[] = {"", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..",
        "../a", "./a", "a/../b", "a\\b", "a\nb", "a\x7f", "a\x01", "\xff", "\xc0\xaf",
        "a/\xc2\x85"};
    char longer[1100];
    (void)state;

    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(vt_path_is_safe(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(vt_path_is_safe(bad[i]));
    memset(longer, 'x', sizeof longer);
    longer[1024] = '\0';
    assert_true(vt_path_is_safe(longer));
    memset(longer, 'x', sizeof longer);
    longer[1025] = '\0';
    assert_false(vt_path_is_safe(longer));
}

static void
test_read_is_bounded(void **state)
{
    struct vt_buf b = VT_BUF(10);
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_file_replace(in_dir("f"), 0644, "12345", 5, NULL), VT_OK);
    vt_buf_puts(&b, "abcde");
    assert_int_equal(vt_file_read(in_dir("f"), &b, &why), VT_OK);
    assert_string_equal(vt_buf_str(&b), "abcde12345");
    assert_int_equal(vt_file_read(in_dir("f"), &b, &why), VT_E_LIMIT);
    assert_non_null(strstr(why.text, "/f: longer than the limit of 10 bytes"));
    assert_string_equal(vt_buf_str(&b), "abcde12345");
    assert_int_equal(vt_file_replace(in_dir("f"), 0644, "", 0, NULL), VT_OK);
    assert_int_equal(vt_file_read(in_dir("f"), &b, &why), VT_OK);
    assert_int_equal(b.len, 10);
    assert_int_equal(vt_file_read(in_dir("gone"), &b, &why), VT_E_NOENT);
    assert_int_equal(vt_file_read(dir, &b, &why), VT_E_IO);
    assert_int_equal(vt_file_read("/dev/zero", &b, &why), VT_E_LIMIT);
    assert_string_equal(vt_buf_str(&b), "abcde12345");
    vt_buf_put_u8(&b, 1);
    assert_int_equal(vt_file_read(in_dir("f"), &b, &why), VT_E_LIMIT);
    vt_buf_release(&b);
}

/* A file of /proc says that it is empty and is not. */
static void
test_read_does_not_trust_the_size(void **state)
{
    struct vt_buf b = VT_BUF(1U << 20);
    char big[200001];
    (void)state;

    assert_int_equal(vt_file_read("/proc/self/status", &b, NULL), VT_OK);
    assert_true(b.len > 10);
    vt_buf_clear(&b);
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(vt_file_replace(in_dir("big"), 0600, big, sizeof big - 1, NULL), VT_OK);
    assert_content(in_dir("big"), big);
    vt_buf_release(&b);
}

static void
test_replace_sets_the_mode(void **state)
{
    static const mode_t modes[] = {0600, 0644, 0666, 0755, 0400};
    struct stat st;
    mode_t old = umask(077);
    (void)state;

    for (size_t i = 0; i < COUNT(modes); i++) {
        assert_int_equal(vt_file_replace(in_dir("f"), modes[i], "x", 1, NULL), VT_OK);
        assert_int_equal(stat(in_dir("f"), &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i]);
    }
    (void)umask(old);
    assert_int_equal(count_temporary(), 0);
}

static void
test_replace_takes_the_link_not_its_target(void **state)
{
    (void)state;
    assert_int_equal(vt_file_replace(in_dir("target"), 0644, "old", 3, NULL), VT_OK);
    assert_int_equal(symlink("target", in_dir("link")), 0);
    assert_int_equal(vt_file_replace(in_dir("link"), 0644, "new", 3, NULL), VT_OK);
    assert_content(in_dir("target"), "old");
    assert_content(in_dir("link"), "new");
}

static void
test_create_refuses_what_is_there(void **state)
{
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_file_create(in_dir("f"), 0644, "one", 3, &why), VT_OK);
    assert_int_equal(vt_file_create(in_dir("f"), 0644, "two", 3, &why), VT_E_EXIST);
    assert_content(in_dir("f"), "one");
    assert_int_equal(symlink("nowhere", in_dir("dangling")), 0);
    assert_int_equal(vt_file_create(in_dir("dangling"), 0644, "x", 1, &why), VT_E_EXIST);
    assert_int_equal(vt_file_create(in_dir("no/f"), 0644, "x", 1, &why), VT_E_NOENT);
    assert_int_equal(count_temporary(), 0);
}

/* Of many processes that create one name, exactly one succeeds. */
static void
test_create_is_exclusive_among_processes(void **state)
{
    const char *path = in_dir("once");
    int won = 0;
    (void)state;

    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(vt_file_create(path, 0644, "x", 1, NULL) == VT_OK ? 0 : 1);
    }
    for (int i = 0; i < 8; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    assert_int_equal(won, 1);
    assert_int_equal(count_temporary(), 0);
}

/* A file system without RENAME_NOREPLACE gets link and unlink. */
static void
test_create_without_renameat2(void **state)
{
    static const int errors[] = {EINVAL, ENOSYS};
    (void)state;

    for (size_t i = 0; i < COUNT(errors); i++) {
        /* fchmod, write, fsync, renameat2 */
        calls = 0;
        fault_at = 4;
        fault_errno = errors[i];
        assert_int_equal(vt_file_create(in_dir(i == 0 ? "a" : "b"), 0644, "x", 1, NULL), VT_OK);
        fault_at = 0;
        assert_content(in_dir(i == 0 ? "a" : "b"), "x");
    }
    assert_int_equal(count_temporary(), 0);
}

typedef enum vt_err (*writer_fn)(const char *path, const char *text);

static enum vt_err
do_replace(const char *path, const char *text)
{
    return vt_file_replace(path, 0644, text, strlen(text), NULL);
}

static enum vt_err
do_stream(const char *path, const char *text)
{
    struct vt_file_new f = {0};
    enum vt_err err = vt_file_new_begin(&f, path, 0644, NULL);

    if (err == VT_OK)
        err = vt_fd_write(f.fd, text, strlen(text), NULL);
    if (err == VT_OK)
        err = vt_file_new_commit(&f, NULL);
    vt_file_new_abort(&f);
    return err;
}

/* Every call of the recipe fails in its turn. */
static void
sweep_faults(writer_fn fn)
{
    static const int errors[] = {EIO, ENOSPC};

    for (size_t e = 0; e < COUNT(errors); e++) {
        for (int at = 1;; at++) {
            struct vt_buf b = VT_BUF(4096);
            enum vt_err err;
            fault_at = 0;
            assert_int_equal(do_replace(in_dir("f"), "old content"), VT_OK);
            calls = 0;
            fault_at = at;
            fault_errno = errors[e];
            err = fn(in_dir("f"), "new content");
            fault_at = 0;
            assert_int_equal(count_temporary(), 0);
            assert_int_equal(vt_file_read(in_dir("f"), &b, NULL), VT_OK);
            if (calls < at) { /* nothing was left to fail */
                assert_int_equal(err, VT_OK);
                assert_true(at >= 5);
                vt_buf_release(&b);
                break;
            }
            assert_int_equal(err, errors[e] == EIO ? VT_E_IO : VT_E_NOSPC);
            /* the last call is the folder's fsync: the new name stands already */
            assert_true(strcmp(vt_buf_str(&b), "old content") == 0 ||
                        (at == 5 && strcmp(vt_buf_str(&b), "new content") == 0));
            vt_buf_release(&b);
        }
    }
}

static void
test_faults_leave_the_old_or_the_new(void **state)
{
    (void)state;
    sweep_faults(do_replace);
    sweep_faults(do_stream);
}

/* The process dies at each call in its turn. */
static void
test_death_leaves_the_old_or_the_new(void **state)
{
    bool saw_new = false;
    (void)state;

    for (int at = 1; !saw_new; at++) {
        struct vt_buf b = VT_BUF(4096);
        int status = 0;
        pid_t pid;
        assert_int_equal(do_replace(in_dir("f"), "old content"), VT_OK);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            calls = 0;
            fault_at = at;
            fault_kills = true;
            _exit(do_replace(in_dir("f"), "new content") == VT_OK ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(vt_file_read(in_dir("f"), &b, NULL), VT_OK);
        saw_new = strcmp(vt_buf_str(&b), "new content") == 0;
        assert_true(saw_new || strcmp(vt_buf_str(&b), "old content") == 0);
        assert_int_equal(WEXITSTATUS(status) == 0 && !saw_new, 0);
        vt_buf_release(&b);
        assert_true(at < 10);
    }
}

static void
test_new_file_streams(void **state)
{
    struct vt_file_new f = {0};
    struct vt_why why;
    (void)state;

    vt_file_new_abort(&f);
    assert_int_equal(vt_file_new_begin(&f, in_dir("f"), 0644, &why), VT_OK);
    assert_int_equal(vt_fd_write(f.fd, "half", 4, &why), VT_OK);
    assert_false(vt_file_exists(in_dir("f")));
    vt_file_new_abort(&f);
    vt_file_new_abort(&f);
    assert_false(vt_file_exists(in_dir("f")));
    assert_int_equal(count_temporary(), 0);
    assert_int_equal(vt_file_new_begin(&f, in_dir("none/f"), 0644, &why), VT_E_NOENT);
    assert_int_equal(vt_file_new_begin(&f, in_dir("f"), 0644, &why), VT_OK);
    assert_int_equal(vt_fd_write(f.fd, "whole", 5, &why), VT_OK);
    assert_int_equal(vt_file_new_commit(&f, &why), VT_OK);
    vt_file_new_abort(&f);
    assert_content(in_dir("f"), "whole");
}

static void
test_names_without_a_folder(void **state)
{
    char before[VT_PATH_MAX];
    (void)state;

    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(vt_file_replace("plain", 0644, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_link_switch("link", "plain", NULL), VT_OK);
    assert_int_equal(vt_dir_make("one", 0755, NULL), VT_OK);
    assert_int_equal(vt_dir_make("two/three/", 0755, NULL), VT_OK);
    assert_true(vt_file_exists("two/three"));
    assert_int_equal(chdir(before), 0);
    assert_content(in_dir("link"), "x");
}

static void
test_fd_errors(void **state)
{
    struct vt_why why;
    char c;
    size_t n = 7;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;

    if (full >= 0) {
        assert_int_equal(vt_fd_write(full, "x", 1, &why), VT_E_NOSPC);
        (void)close(full);
    }
    assert_int_equal(vt_fd_write(-1, "x", 1, &why), VT_E_IO);
    assert_int_equal(vt_fd_read(-1, &c, 1, &n, &why), VT_E_IO);
    assert_int_equal(n, 7);
}

static void
test_dir_make(void **state)
{
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_dir_make(in_dir("a/b/c"), 0755, &why), VT_OK);
    assert_int_equal(vt_dir_make(in_dir("a/b/c"), 0755, &why), VT_OK);
    assert_int_equal(vt_dir_make(in_dir("a//b///d//"), 0755, &why), VT_OK);
    assert_true(vt_file_exists(in_dir("a/b/d")));
    assert_int_equal(vt_dir_make("/", 0755, &why), VT_OK);
    assert_int_equal(vt_dir_make("", 0755, &why), VT_E_USAGE);
    assert_int_equal(vt_file_replace(in_dir("f"), 0644, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_dir_make(in_dir("f"), 0755, &why), VT_E_IO);
    assert_int_equal(vt_dir_make(in_dir("f/g"), 0755, &why), VT_E_IO);
    assert_int_equal(vt_dir_sync(in_dir("gone"), &why), VT_E_NOENT);
}

struct seen {
    char text[256];
    unsigned count;
    unsigned stop_at;
};

static enum vt_err
see(void *ctx, const char *name, struct vt_why *why)
{
    struct seen *s = ctx;

    if (++s->count == s->stop_at)
        return vt_fail(why, VT_E_STATE, "stop");
    strcat(s->text, name);
    strcat(s->text, " ");
    return VT_OK;
}

static void
test_dir_each(void **state)
{
    static const char *const names[] = {"b", "a", "Z", ".hidden", "a.b", "\xc3\xa9", ".tmp-1"};
    struct seen s = {.stop_at = 0};
    struct vt_why why;
    (void)state;

    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(vt_file_replace(in_dir(names[i]), 0644, "", 0, NULL), VT_OK);
    assert_int_equal(vt_dir_each(dir, see, &s, &why), VT_OK);
    assert_string_equal(s.text, ".hidden Z a a.b b \xc3\xa9 ");
    s = (struct seen){.stop_at = 3};
    assert_int_equal(vt_dir_each(dir, see, &s, &why), VT_E_STATE);
    assert_string_equal(s.text, ".hidden Z ");
    assert_int_equal(vt_dir_each(in_dir("gone"), see, &s, &why), VT_E_NOENT);
    assert_int_equal(vt_dir_each(in_dir("a"), see, &s, &why), VT_E_IO);
}

static void
test_dir_temp(void **state)
{
    char a[VT_PATH_MAX];
    char b[VT_PATH_MAX];
    struct stat st;
    (void)state;

    assert_int_equal(vt_dir_temp(dir, "run", a, NULL), VT_OK);
    assert_int_equal(vt_dir_temp(dir, "run", b, NULL), VT_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(stat(a, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(vt_dir_temp(in_dir("gone"), "run", a, NULL), VT_E_NOENT);
}

static void
test_tree_remove_never_follows_links(void **state)
{
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_dir_make(in_dir("outside"), 0755, NULL), VT_OK);
    assert_int_equal(vt_file_replace(in_dir("outside/f"), 0644, "x", 1, NULL), VT_OK);
    assert_int_equal(vt_dir_make(in_dir("tree/sub"), 0755, NULL), VT_OK);
    assert_int_equal(symlink("../outside", in_dir("tree/link")), 0);
    assert_int_equal(symlink("../../outside/f", in_dir("tree/sub/link")), 0);
    assert_int_equal(mkfifo(in_dir("tree/fifo"), 0600), 0);
    assert_int_equal(vt_tree_remove(in_dir("tree"), &why), VT_OK);
    assert_false(vt_file_exists(in_dir("tree")));
    assert_content(in_dir("outside/f"), "x");
    assert_int_equal(vt_tree_remove(in_dir("tree"), &why), VT_OK);
    assert_int_equal(symlink("outside", in_dir("link")), 0);
    assert_int_not_equal(vt_tree_remove(in_dir("link"), &why), VT_OK);
    assert_content(in_dir("outside/f"), "x");
    assert_int_not_equal(vt_tree_remove(in_dir("outside/f"), &why), VT_OK);
}

static void
test_tree_remove_locked_folders(void **state)
{
    struct vt_why why = {0};
    (void)state;

    assert_int_equal(vt_dir_make(in_dir("tree/a/b"), 0755, NULL), VT_OK);
    assert_int_equal(vt_file_replace(in_dir("tree/a/b/f"), 0400, "x", 1, NULL), VT_OK);
    assert_int_equal(chmod(in_dir("tree/a/b"), 0000), 0);
    assert_int_equal(chmod(in_dir("tree/a"), 0500), 0);
    assert_int_equal(chmod(in_dir("tree"), 0100), 0);
    assert_int_equal(vt_tree_remove(in_dir("tree"), &why), VT_OK);
    assert_false(vt_file_exists(in_dir("tree")));
}

/* Deeper than any path may be long, with locked folders among them. */
static void
test_tree_remove_any_depth(void **state)
{
    struct vt_why why = {0};
    int fd;
    (void)state;

    assert_int_equal(vt_dir_make(in_dir("tree"), 0755, NULL), VT_OK);
    fd = open(in_dir("tree"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 3000; i++) {
        int next;
        assert_int_equal(mkdirat(fd, "deep", 0755), 0);
        next = openat(fd, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        if (i % 100 == 50) {
            int f = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            assert_true(f >= 0);
            (void)close(f);
            assert_int_equal(fchmod(fd, 0500), 0);
        }
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);
    assert_int_equal(vt_tree_remove(in_dir("tree"), &why), VT_OK);
    assert_false(vt_file_exists(in_dir("tree")));
}

static void
test_link_switch(void **state)
{
    char target[64] = {0};
    struct vt_why why;
    (void)state;

    assert_int_equal(vt_link_switch(in_dir("current"), "1.0.0", &why), VT_OK);
    assert_int_equal(vt_link_switch(in_dir("current"), "1.1.0", &why), VT_OK);
    assert_true(readlink(in_dir("current"), target, sizeof target - 1) > 0);
    assert_string_equal(target, "1.1.0");
    calls = 0;
    fault_at = 1; /* rename */
    fault_errno = EIO;
    assert_int_equal(vt_link_switch(in_dir("current"), "2", &why), VT_E_IO);
    fault_at = 0;
    memset(target, 0, sizeof target);
    assert_true(readlink(in_dir("current"), target, sizeof target - 1) > 0);
    assert_string_equal(target, "1.1.0");
    assert_int_equal(count_temporary(), 0);
    assert_int_equal(vt_link_switch(in_dir("no/current"), "2", &why), VT_E_NOENT);
    assert_int_equal(vt_dir_make(in_dir("folder"), 0755, NULL), VT_OK);
    assert_int_not_equal(vt_link_switch(in_dir("folder"), "2", &why), VT_OK);
    assert_int_equal(count_temporary(), 0);
}

static void
test_lock_keeps_other_processes_out(void **state)
{
    const char *path = in_dir("lock");
    struct vt_lock l = {0};
    struct vt_lock second = {0};
    struct vt_why why;
    int status = 0;
    pid_t pid;
    (void)state;

    vt_lock_release(&l);
    assert_int_equal(vt_lock_take(&l, path, "the log", &why), VT_OK);
    assert_true(l.fd > 2);
    assert_int_equal(vt_lock_take(&second, path, "the log", &why), VT_E_BUSY);
    assert_non_null(strstr(why.text, "the log: in use by another process"));
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(vt_lock_take(&second, path, "the log", NULL) == VT_E_BUSY ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    vt_lock_release(&l);
    assert_int_equal(vt_lock_take(&second, path, "the log", &why), VT_OK);
    vt_lock_release(&second);
    vt_lock_release(&second);
    assert_int_equal(vt_lock_take(&l, in_dir("no/lock"), "x", &why), VT_E_NOENT);
}

/* A process that takes the lock, says so, and ends once it is told to. */
static pid_t
hold_lock(const char *path, int told[2])
{
    struct vt_lock l = {0};
    int says[2];
    char c;

    assert_int_equal(pipe(says), 0);
    assert_int_equal(pipe(told), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(told[1]);
        if (vt_lock_take(&l, path, "the log", NULL) != VT_OK || write(says[1], "x", 1) != 1)
            _exit(1);
        _exit(read(told[0], &c, 1) < 0); /* until the other end closes */
    }
    close(told[0]);
    close(says[1]);
    assert_int_equal(read(says[0], &c, 1), 1);
    close(says[0]);
    return pid;
}

static void
test_lock_wait(void **state)
{
    const char *path = in_dir("lock");
    struct vt_lock l = {0};
    struct vt_why why;
    int told[2], status = 0;
    (void)state;

    pid_t pid = hold_lock(path, told);
    assert_int_equal(vt_lock_wait(&l, path, "the log", 250, NULL, &why), VT_E_BUSY);
    close(told[1]);
    assert_int_equal(vt_lock_wait(&l, path, "the log", 60000, NULL, &why), VT_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    vt_lock_release(&l);
    assert_int_equal(vt_lock_wait(&l, in_dir("no/lock"), "x", 60000, NULL, &why), VT_E_NOENT);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_path),
        T(test_path_is_safe),
        T(test_read_is_bounded),
        T(test_read_does_not_trust_the_size),
        T(test_replace_sets_the_mode),
        T(test_replace_takes_the_link_not_its_target),
        T(test_create_refuses_what_is_there),
        T(test_create_is_exclusive_among_processes),
        T(test_create_without_renameat2),
        T(test_faults_leave_the_old_or_the_new),
        T(test_death_leaves_the_old_or_the_new),
        T(test_new_file_streams),
        T(test_names_without_a_folder),
        T(test_fd_errors),
        T(test_dir_make),
        T(test_dir_each),
        T(test_dir_temp),
        T(test_tree_remove_never_follows_links),
        T(test_tree_remove_locked_folders),
        T(test_tree_remove_any_depth),
        T(test_link_switch),
        T(test_lock_keeps_other_processes_out),
        T(test_lock_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
