/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attack: somebody gets hold of a process's core file, or of its memory after
 * the key was given back (threats: what a stolen disk or a crash gives away).
 *
 * A child holds a secret that this process knows only as its complement, so
 * that what searches cannot be what is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/hpke.h"
#include "crypto/kdf.h"
#include "crypto/locked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN true
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN false
#endif

#define SECRET_SIZE 32

/* ---- searching ---- */

/* How often the secret is in these bytes. */
static unsigned
count_in(const uint8_t *data, size_t len, const uint8_t complement[SECRET_SIZE])
{
    const uint8_t first = (uint8_t)~complement[0];
    unsigned n = 0;

    for (size_t at = 0; at + SECRET_SIZE <= len; at++) {
        const uint8_t *hit = memchr(data + at, first, len - SECRET_SIZE + 1 - at);
        size_t k = 1;
        if (hit == NULL)
            break;
        at = (size_t)(hit - data);
        while (k < SECRET_SIZE && (hit[k] ^ complement[k]) == 0xff)
            k++;
        n += k == SECRET_SIZE;
    }
    return n;
}

/* All that another process can read of a child's memory. */
static unsigned
count_in_process(pid_t pid, const uint8_t complement[SECRET_SIZE])
{
    const size_t chunk = 1U << 20;
    char path[64], line[512];
    uint8_t *buf = malloc(chunk + SECRET_SIZE);
    unsigned n = 0;
    FILE *maps;
    int mem;

    assert_non_null(buf);
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "re");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    mem = open(path, O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(mem >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        uint64_t from, to;
        char may[8];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, may) != 3 || may[0] != 'r')
            continue;
        for (uint64_t at = from; at < to; at += chunk) {
            size_t want =
                to - at < chunk + SECRET_SIZE - 1 ? (size_t)(to - at) : chunk + SECRET_SIZE - 1;
            ssize_t got = pread(mem, buf, want, (off_t)at);
            if (got > 0)
                n += count_in(buf, (size_t)got, complement);
        }
    }
    (void)fclose(maps);
    (void)close(mem);
    free(buf);
    return n;
}

/* ---- a child that holds a secret ---- */

struct holder {
    pid_t pid;
    int fd;
};

/* Tells the parent what it shall look for, and waits until it did. */
static void
show(int fd, const uint8_t secret[SECRET_SIZE])
{
    uint8_t complement[SECRET_SIZE];
    uint8_t go;

    for (size_t i = 0; i < SECRET_SIZE; i++)
        complement[i] = (uint8_t)~secret[i];
    if (write(fd, complement, sizeof complement) != (ssize_t)sizeof complement ||
        read(fd, &go, 1) != 1)
        _exit(90);
}

static void
pause_for(int fd)
{
    uint8_t b = 0;

    if (write(fd, &b, 1) != 1 || read(fd, &b, 1) != 1)
        _exit(91);
}

static struct holder
hold(void (*body)(int fd))
{
    struct holder h;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    (void)fflush(stdout);
    h.pid = fork();
    assert_true(h.pid >= 0);
    if (h.pid == 0) {
        (void)close(fds[0]);
        body(fds[1]);
        _exit(0);
    }
    (void)close(fds[1]);
    h.fd = fds[0];
    return h;
}

static void
take(const struct holder *h, void *ret, size_t len)
{
    size_t got = 0;

    assert_int_equal(vt_fd_read(h->fd, ret, len, &got, NULL), VT_OK);
    assert_int_equal(got, len);
}

static void
go_on(const struct holder *h)
{
    assert_int_equal(write(h->fd, "", 1), 1);
}

static void
end(struct holder *h)
{
    int status;

    (void)close(h->fd);
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool
may_search(void)
{
    if (!UNDER_ASAN)
        return true;
    print_message("skipped: the sanitizer's own memory takes too long to search\n");
    return false;
}

/* Shown while it is held, then once it was given back. */
static void
check_holder(void (*body)(int fd), unsigned held, unsigned held_max)
{
    uint8_t complement[SECRET_SIZE], b;
    struct holder h;
    unsigned n;

    if (!may_search())
        return;
    h = hold(body);
    take(&h, complement, sizeof complement);
    n = count_in_process(h.pid, complement);
    assert_in_range(n, held, held_max);
    go_on(&h);
    take(&h, &b, 1);
    assert_int_equal(count_in_process(h.pid, complement), 0);
    go_on(&h);
    end(&h);
}

/* The search finds what is there: memory that was freed without care. */
static void
careless(int fd)
{
    uint8_t *p;

    (void)mallopt(M_PERTURB, 0); /* a test runner may ask for freed memory to be overwritten */
    p = malloc(4096);
    if (p == NULL || vt_random(p + 1000, SECRET_SIZE, NULL) != VT_OK)
        _exit(80);
    show(fd, p + 1000);
    free(p);
    pause_for(fd);
}

static void
test_search(void **state)
{
    uint8_t complement[SECRET_SIZE], b;
    struct holder h;
    (void)state;

    if (!may_search())
        return;
    h = hold(careless);
    take(&h, complement, sizeof complement);
    assert_int_equal(count_in_process(h.pid, complement), 1);
    go_on(&h);
    take(&h, &b, 1);
    assert_int_equal(count_in_process(h.pid, complement), 1);
    go_on(&h);
    end(&h);
}

static void
hold_locked(int fd)
{
    void *small, *large;

    if (vt_locked_new(SECRET_SIZE, &small, NULL) != VT_OK ||
        vt_locked_new(70000, &large, NULL) != VT_OK ||
        vt_random(small, SECRET_SIZE, NULL) != VT_OK)
        _exit(80);
    memcpy((uint8_t *)large + 60000, small, SECRET_SIZE);
    show(fd, small);
    vt_locked_free(small);
    vt_locked_free(large);
    pause_for(fd);
}

static void
test_locked(void **state)
{
    (void)state;
    check_holder(hold_locked, 2, 2);
}

/* A private key that has been used is in one place, and then in none. */
static void
hold_box(int fd)
{
    struct vt_hpke_secret s;
    struct vt_box_public pub;
    struct vt_box *k;
    uint8_t enc[VT_HPKE_ENC_SIZE];

    if (vt_box_new(&k, NULL) != VT_OK)
        _exit(80);
    vt_box_public(k, &pub);
    if (vt_hpke_send(&pub, "info", 4, enc, &s, NULL) != VT_OK ||
        vt_hpke_receive(k, enc, "info", 4, &s, NULL) != VT_OK)
        _exit(81);
    vt_wipe(&s, sizeof s);
    show(fd, vt_box_private(k));
    vt_box_free(k);
    pause_for(fd);
}

static void
test_box(void **state)
{
    (void)state;
    check_holder(hold_box, 1, 1);
}

/* What is derived is where the caller wanted it and nowhere else; so is the key
 * that something was sealed with. */
static void
hold_derived(int fd)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE] = {0}, msg[100 + VT_AEAD_TAG_SIZE] = {0};
    void *from, *key;

    if (vt_locked_new(SECRET_SIZE, &from, NULL) != VT_OK ||
        vt_locked_new(SECRET_SIZE, &key, NULL) != VT_OK ||
        vt_random(from, SECRET_SIZE, NULL) != VT_OK)
        _exit(80);
    vt_hkdf("salt", 4, from, SECRET_SIZE, "info", 4, key, SECRET_SIZE);
    if (vt_aead_seal(key, nonce, NULL, 0, msg, 100, msg, NULL) != VT_OK ||
        vt_aead_open(key, nonce, NULL, 0, msg, sizeof msg, msg, NULL) != VT_OK)
        _exit(81);
    show(fd, key);
    vt_locked_free(from);
    vt_locked_free(key);
    pause_for(fd);
}

static void
test_derived(void **state)
{
    (void)state;
    check_holder(hold_derived, 1, 1);
}

/* A secret that was hashed, whole or in pieces, and a digest that is one, are where they were
 * put and nowhere else. */
static void
hold_hashed(int fd)
{
    const uint8_t head[100] = {0};
    struct vt_digest *digest, scratch;
    struct vt_hasher *h;
    void *from;

    if (vt_locked_new(SECRET_SIZE, &from, NULL) != VT_OK ||
        vt_locked_new(sizeof *digest, (void **)&digest, NULL) != VT_OK ||
        vt_random(from, SECRET_SIZE, NULL) != VT_OK || vt_hasher_new(&h, NULL) != VT_OK)
        _exit(80);
    for (size_t len = 0; len <= sizeof head; len += 10) {
        const struct vt_slice v[] = {{head, len}, {from, SECRET_SIZE}};
        vt_digest_of_slices(v, 2, &scratch);
        vt_hasher_put(h, head, len);
        vt_hasher_put(h, from, SECRET_SIZE);
        vt_hasher_end(h, digest);
    }
    vt_hasher_put(h, from, SECRET_SIZE);
    vt_hasher_free(h);
    vt_digest_of(from, SECRET_SIZE, digest);
    show(fd, from);
    vt_locked_free(from);
    pause_for(fd);
    show(fd, digest->b);
    vt_locked_free(digest);
    pause_for(fd);
}

static void
test_hashed(void **state)
{
    uint8_t complement[SECRET_SIZE], b;
    struct holder h;
    (void)state;

    if (!may_search())
        return;
    h = hold(hold_hashed);
    for (unsigned i = 0; i < 2; i++) {
        take(&h, complement, sizeof complement);
        assert_int_equal(count_in_process(h.pid, complement), 1);
        go_on(&h);
        take(&h, &b, 1);
        assert_int_equal(count_in_process(h.pid, complement), 0);
        go_on(&h);
    }
    end(&h);
}

/* A key that was saved and loaded has gone through buffers and text. */
static char dir[64];

static void
hold_loaded(int fd)
{
    char path[VT_PATH_MAX];
    struct vt_box *k;

    if (vt_path(path, NULL, "%s/key", dir) != VT_OK || vt_box_new(&k, NULL) != VT_OK ||
        vt_box_save(k, path, NULL) != VT_OK)
        _exit(80);
    vt_box_free(k);
    if (vt_box_load(path, &k, NULL) != VT_OK)
        _exit(81);
    show(fd, vt_box_private(k));
    vt_box_free(k);
    pause_for(fd);
}

static void
test_loaded(void **state)
{
    (void)state;
    check_holder(hold_loaded, 1, 1);
}

/* ---- core files ---- */

/* Dies with a core that has what is not locked, and must not have what is. */
static void
die_with_core(int fd)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    void *p;
    uint8_t *plain = malloc(SECRET_SIZE);

    if (plain == NULL || chdir(dir) != 0 || setrlimit(RLIMIT_CORE, &all) != 0 ||
        prctl(PR_SET_DUMPABLE, 1) != 0 || vt_locked_new(SECRET_SIZE, &p, NULL) != VT_OK ||
        vt_random(p, SECRET_SIZE, NULL) != VT_OK ||
        vt_random(plain, SECRET_SIZE, NULL) != VT_OK)
        _exit(80);
    show(fd, p);
    show(fd, plain);
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static unsigned
count_in_file(const char *path, const uint8_t complement[SECRET_SIZE])
{
    struct vt_buf b = VT_BUF(512U << 20);
    unsigned n;

    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    n = count_in(b.data, b.len, complement);
    vt_buf_release(&b);
    return n;
}

/* The kernel writes core files beside the process, and not to a program. */
static bool
cores_are_files(void)
{
    struct vt_buf b = VT_BUF(4096);
    bool ok = vt_file_read("/proc/sys/kernel/core_pattern", &b, NULL) == VT_OK && b.len > 1 &&
              b.data[0] != '|' && memchr(b.data, '/', b.len) == NULL;

    vt_buf_release(&b);
    if (!ok)
        print_message("skipped: the kernel gives core files to something else here\n");
    return ok;
}

static enum vt_err
find_core(void *ctx, const char *name, struct vt_why *why)
{
    if (strstr(name, "core") != NULL)
        return vt_path(ctx, why, "%s/%s", dir, name);
    return VT_OK;
}

static void
test_core(void **state)
{
    uint8_t locked[SECRET_SIZE], plain[SECRET_SIZE];
    char core[VT_PATH_MAX] = "";
    struct holder h;
    int status;
    (void)state;

    if (!may_search() || !cores_are_files())
        return;
    h = hold(die_with_core);
    take(&h, locked, sizeof locked);
    go_on(&h);
    take(&h, plain, sizeof plain);
    go_on(&h);
    (void)close(h.fd);
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(vt_dir_each(dir, find_core, core, NULL), VT_OK);
    if (!WCOREDUMP(status) || core[0] == '\0') {
        print_message("skipped: no core file was written\n");
        return;
    }
    assert_int_equal(count_in_file(core, plain), 1);
    assert_int_equal(count_in_file(core, locked), 0);
}

static void
harden(int fd)
{
    (void)vt_locked_process();
    if (chdir(dir) != 0)
        _exit(80);
    pause_for(fd);
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

/* A process that only holds secrets leaves no core at all. */
static void
test_no_core(void **state)
{
    struct holder h = hold(harden);
    uint8_t b;
    int status;
    (void)state;

    take(&h, &b, 1);
    go_on(&h);
    (void)close(h.fd);
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_true(WIFSIGNALED(status));
    assert_false(WCOREDUMP(status));
}

static int
set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/vt-leak-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(dir, NULL) != VT_OK;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_box),
        cmocka_unit_test(test_derived),
        cmocka_unit_test(test_hashed),
        cmocka_unit_test(test_loaded),
        cmocka_unit_test(test_core),
        cmocka_unit_test(test_no_core),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
