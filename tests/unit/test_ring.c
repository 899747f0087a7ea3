/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key ring: what is added is there after a restart, what is destroyed is nowhere, and no
 * damage or old copy passes.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "vault/ring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "zurich.example"
#define OTHER "oslo.example"

/* Of the calls below, the one that is to fail, and all after it where the process is to be as
 * if it were killed there; 0: none. */
static unsigned fail_at;
static bool fail_on;
static unsigned calls;

static bool
faulty(void)
{
    calls++;
    if (fail_at == 0 || calls < fail_at || (calls > fail_at && !fail_on))
        return false;
    errno = ENOSPC;
    return true;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
    if (fd <= STDERR_FILENO)
        return __real_write(fd, p, n);
    if (!faulty())
        return __real_write(fd, p, n);
    if (calls == fail_at) /* half of it went to disk */
        (void)!__real_write(fd, p, n / 2);
    errno = ENOSPC;
    return -1;
}

#define WRAP(name, params, ...)                                                                \
    int __real_##name params;                                                                  \
    int __wrap_##name params;                                                                  \
    int __wrap_##name params                                                                   \
    {                                                                                          \
        return faulty() ? -1 : __real_##name(__VA_ARGS__);                                     \
    }
WRAP(fsync, (int fd), fd)
WRAP(fdatasync, (int fd), fd)
WRAP(ftruncate, (int fd, off_t len), fd, len)
WRAP(rename, (const char *a, const char *b), a, b)
WRAP(unlink, (const char *a), a)
WRAP(renameat2, (int ad, const char *a, int bd, const char *b, unsigned flags), ad, a, bd, b,
    flags)

static char dir[VT_PATH_MAX];  /* of one test */
static char ring[VT_PATH_MAX]; /* the ring in it */

static int
set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    vt_log_init("test", VT_LOG_ERROR);
    if (vt_dir_temp(tmp != NULL ? tmp : "/tmp", "vt-ring", dir, NULL) != VT_OK)
        return -1;
    return vt_path(ring, NULL, "%s/ring", dir) == VT_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(dir, NULL) == VT_OK ? 0 : -1;
}

static void
create(const char *passphrase)
{
    struct vt_box_public pub;
    struct vt_why why = {0};

    assert_int_equal(
        vt_ring_create(ring, NAME, VT_ROOT_FILE, NULL, passphrase, &pub, &why), VT_OK);
}

static struct vt_ring *
open_ring(void)
{
    struct vt_ring *r = NULL;
    struct vt_why why = {0};

    if (vt_ring_open(ring, NAME, 0, &r, &why) != VT_OK)
        fail_msg("%s", why.text);
    return r;
}

static enum vt_err
open_err(void)
{
    struct vt_ring *r = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_ring_open(ring, NAME, 0, &r, &why);

    vt_ring_free(r);
    return err;
}

static void
fill(uint8_t *p, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(seed * 31 + i * 7 + (seed >> 8));
}

static struct vt_buf
new_items(void)
{
    return (struct vt_buf){.max = VT_RING_ITEMS_MAX, .secret = true};
}

static void
put_subject(struct vt_buf *b, unsigned n, unsigned key_seed)
{
    uint8_t tag[16], key[32];

    fill(tag, sizeof tag, n);
    fill(key, sizeof key, key_seed);
    vt_ring_put_subject(b, tag, key);
}

/* Adds subject n of the site's region with a key of that seed. */
static enum vt_err
add_subject(struct vt_ring *r, const char *region, unsigned n, unsigned key_seed)
{
    struct vt_buf b = new_items();
    enum vt_err err;

    vt_ring_put_domain(&b, NAME, region);
    put_subject(&b, n, key_seed);
    err = vt_ring_add(r, &b, NULL);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
add_epoch(struct vt_ring *r, const char *region, uint32_t day, unsigned key_seed)
{
    struct vt_buf b = new_items();
    uint8_t key[32];
    enum vt_err err;

    fill(key, sizeof key, key_seed);
    vt_ring_put_domain(&b, NAME, region);
    vt_ring_put_epoch(&b, "detection", day, key);
    err = vt_ring_add(r, &b, NULL);
    vt_buf_release(&b);
    return err;
}

static bool
has_subject(const struct vt_ring *r, const char *region, unsigned n, unsigned key_seed)
{
    uint8_t tag[16], key[32];
    bool reborn;
    const uint8_t *there;

    fill(tag, sizeof tag, n);
    fill(key, sizeof key, key_seed);
    there = vt_ring_subject_now(r, vt_ring_domain(r, NAME, region), tag, &reborn);
    return there != NULL && memcmp(there, key, 32) == 0;
}

struct choice {
    const char *region; /* NULL: any */
    unsigned subject;   /* 0: all */
};

static bool
choose(void *ctx, const struct vt_ring_key *k)
{
    const struct choice *c = ctx;
    uint8_t tag[16];

    if (c->region != NULL && strcmp(k->region, c->region) != 0)
        return false;
    if (c->subject == 0)
        return true;
    fill(tag, sizeof tag, c->subject);
    return !k->epoch && memcmp(k->tag, tag, 16) == 0;
}

static void
destroy_subject(struct vt_ring *r, unsigned n)
{
    struct choice c = {.subject = n};
    struct vt_why why = {0};

    if (vt_ring_destroy(r, choose, &c, false, NULL, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static void
test_stays(void **state)
{
    struct vt_digest grant = {{1}}, to = {{2}}, before, after;
    struct vt_ledger_view view = {.size = 77, .root = {{9}}};
    struct vt_buf b = new_items();
    struct vt_box_public pub, again;
    struct vt_ring *r;
    size_t len = 0;

    (void)state;
    assert_int_equal(vt_ring_create(ring, NAME, VT_ROOT_FILE, NULL, NULL, &pub, NULL), VT_OK);
    assert_int_equal(
        vt_ring_create(ring, NAME, VT_ROOT_FILE, NULL, NULL, &again, NULL), VT_E_EXIST);
    r = open_ring();
    vt_box_public(vt_ring_box(r), &again);
    assert_memory_equal(&pub, &again, sizeof pub);
    assert_int_equal(vt_ring_generation(r), 1);
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    assert_int_equal(add_epoch(r, "EU", 20000, 101), VT_OK);
    vt_ring_put_view(&b, &view);
    vt_ring_put_policy(&b, "policy", 6);
    vt_ring_put_uses(&b, &grant, 3, INT64_MAX);
    vt_ring_put_spent(&b, "EU", 20000, 500);
    vt_ring_put_spent(&b, "EU", 20001, 70);
    vt_ring_put_answer(&b, &to, "answer", 6);
    assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
    assert_int_equal(vt_ring_root(r, NULL, NULL, &before, NULL), VT_OK);
    /* Once from the append file, once from a snapshot of the next generation. */
    for (int round = 0; round < 2; round++) {
        vt_ring_free(r);
        r = open_ring();
        assert_true(has_subject(r, "EU", 5, 100));
        assert_non_null(vt_ring_epoch(r, vt_ring_domain(r, NAME, "EU"), "detection", 20000));
        assert_null(vt_ring_epoch(r, vt_ring_domain(r, NAME, "EU"), "detection", 20001));
        assert_int_equal(vt_ring_view(r)->size, 77);
        assert_memory_equal(vt_ring_policy(r, &len), "policy", 6);
        assert_int_equal(vt_ring_uses(r, &grant), 3);
        assert_int_equal(vt_ring_spent(r, "EU", 20000), 570);
        assert_int_equal(vt_ring_spent(r, "EU", 20001), 70);
        assert_int_equal(vt_ring_spent(r, "US", 0), 0);
        assert_memory_equal(vt_ring_answer(r, &to, &len), "answer", 6);
        assert_int_equal(vt_ring_root(r, NULL, NULL, &after, NULL), VT_OK);
        assert_true(vt_digest_eq(&before, &after));
        if (round == 0)
            destroy_subject(r, 999);
        assert_int_equal(vt_ring_generation(r), round == 0 ? 2 : 2);
    }
    vt_buf_clear(&b);
    vt_ring_put_forget(&b, &to);
    assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
    assert_null(vt_ring_answer(r, &to, &len));
    vt_ring_free(r);
    vt_buf_release(&b);
}

static void
test_refuses_another_key(void **state)
{
    struct vt_ring *r;

    (void)state;
    create(NULL);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    assert_int_equal(add_subject(r, "EU", 5, 101), VT_E_EXIST);
    assert_int_equal(add_subject(r, "US", 5, 101), VT_OK);
    assert_int_equal(add_epoch(r, "EU", 1, 7), VT_OK);
    assert_int_equal(add_epoch(r, "EU", 1, 8), VT_E_EXIST);
    vt_ring_free(r);
    r = open_ring();
    assert_true(has_subject(r, "EU", 5, 100));
    assert_true(has_subject(r, "US", 5, 101));
    vt_ring_free(r);
}

static size_t
read_path(const char *name, struct vt_buf *b)
{
    char path[VT_PATH_MAX];

    vt_buf_clear(b);
    assert_int_equal(vt_path(path, NULL, "%s/%s", ring, name), VT_OK);
    assert_int_equal(vt_file_read(path, b, NULL), VT_OK);
    return b->len;
}

static void
write_path(const char *name, const void *data, size_t len)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/%s", ring, name), VT_OK);
    assert_int_equal(vt_file_replace(path, 0600, data, len, NULL), VT_OK);
}

static bool
is_there(const char *name)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/%s", ring, name), VT_OK);
    return vt_file_exists(path);
}

/* After an erasure no file that was there before opens the key, alone or together. */
static void
test_destroyed_is_gone(void **state)
{
    struct vt_buf snapshot = VT_BUF(1U << 24), append = VT_BUF(1U << 24);
    struct vt_digest before, after, without;
    struct choice c = {.subject = 5};
    struct vt_ring *r;

    (void)state;
    create(NULL);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    assert_int_equal(add_subject(r, "EU", 6, 101), VT_OK);
    (void)read_path("snapshot", &snapshot);
    (void)read_path("append-1", &append);
    assert_true(is_there("root-1"));
    assert_int_equal(vt_ring_root(r, NULL, NULL, &before, NULL), VT_OK);
    assert_int_equal(vt_ring_root(r, choose, &c, &without, NULL), VT_OK);
    destroy_subject(r, 5);
    assert_int_equal(vt_ring_root(r, NULL, NULL, &after, NULL), VT_OK);
    assert_false(vt_digest_eq(&before, &after));
    assert_true(vt_digest_eq(&without, &after));
    assert_false(has_subject(r, "EU", 5, 100));
    assert_true(has_subject(r, "EU", 6, 101));
    assert_int_equal(vt_ring_generation(r), 2);
    assert_false(is_there("root-1"));
    assert_false(is_there("append-1"));
    vt_ring_free(r);
    r = open_ring();
    assert_false(has_subject(r, "EU", 5, 100));
    assert_true(has_subject(r, "EU", 6, 101));
    vt_ring_free(r);
    /* The old files, put back: nothing opens them. */
    write_path("snapshot", snapshot.data, snapshot.len);
    write_path("append-1", append.data, append.len);
    assert_int_equal(open_err(), VT_E_REFUSED);
    vt_buf_release(&snapshot);
    vt_buf_release(&append);
}

/* A subject that is heard of again has another key, and old segments stay closed. */
static void
test_reborn(void **state)
{
    const uint8_t old[16] = {1}, new[16] = {2};
    struct vt_buf b = new_items();
    uint8_t tag[16];
    bool reborn = true;
    struct vt_ring *r;
    int d;

    (void)state;
    create(NULL);
    fill(tag, sizeof tag, 5);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    d = vt_ring_domain(r, NAME, "EU");
    assert_non_null(vt_ring_subject_now(r, d, tag, &reborn));
    assert_false(reborn);
    assert_non_null(vt_ring_subject(r, d, tag, old));
    for (unsigned round = 0; round < 2; round++) {
        destroy_subject(r, 5);
        assert_false(vt_ring_has_subject(r, "EU", tag));
        assert_int_equal(add_subject(r, "EU", 5, 200 + round), VT_OK);
        assert_non_null(vt_ring_subject_now(r, d, tag, &reborn));
        assert_true(reborn);
        assert_null(vt_ring_subject(r, d, tag, old));
        assert_null(vt_ring_subject(r, d, tag, new));
        vt_buf_clear(&b);
        vt_ring_put_domain(&b, NAME, "EU");
        vt_ring_put_used(&b, tag, new);
        assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
        assert_non_null(vt_ring_subject(r, d, tag, new));
        vt_ring_free(r);
        r = open_ring();
        assert_null(vt_ring_subject(r, d, tag, old));
        assert_non_null(vt_ring_subject(r, d, tag, new));
    }
    vt_ring_free(r);
    vt_buf_release(&b);
}

static void
test_epoch_is_not_made_again(void **state)
{
    struct choice eu = {.region = "EU"};
    struct vt_ring *r;
    int d;

    (void)state;
    create(NULL);
    r = open_ring();
    assert_int_equal(add_epoch(r, "EU", 100, 1), VT_OK);
    assert_int_equal(add_epoch(r, "US", 100, 2), VT_OK);
    d = vt_ring_domain(r, NAME, "EU");
    assert_false(vt_ring_epoch_gone(r, d, "detection", 100));
    assert_int_equal(vt_ring_destroy(r, choose, &eu, false, NULL, NULL), VT_OK);
    vt_ring_free(r);
    r = open_ring();
    d = vt_ring_domain(r, NAME, "EU");
    assert_true(vt_ring_epoch_gone(r, d, "detection", 100));
    assert_null(vt_ring_epoch(r, d, "detection", 100));
    assert_non_null(vt_ring_epoch(r, vt_ring_domain(r, NAME, "US"), "detection", 100));
    /* A region that went away as a whole leaves nothing behind. */
    assert_int_equal(vt_ring_destroy(r, choose, &eu, true, NULL, NULL), VT_OK);
    assert_false(vt_ring_epoch_gone(r, d, "detection", 100));
    vt_ring_free(r);
    r = open_ring();
    assert_false(vt_ring_epoch_gone(r, vt_ring_domain(r, NAME, "EU"), "detection", 100));
    assert_int_equal(vt_ring_generation(r), 3);
    vt_ring_free(r);
}

static void
test_passphrase(void **state)
{
    char path[VT_PATH_MAX];
    struct vt_ring *r;

    (void)state;
    create("correct horse");
    assert_int_equal(vt_path(path, NULL, "%s/pass", dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0600, "wrong\n", 6, NULL), VT_OK);
    assert_int_equal(setenv("VITRINE_PASSPHRASE_FILE", path, 1), 0);
    assert_int_equal(open_err(), VT_E_REFUSED);
    assert_int_equal(vt_file_replace(path, 0600, "correct horse\n", 14, NULL), VT_OK);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    destroy_subject(r, 6); /* the next generation is under the same passphrase */
    vt_ring_free(r);
    r = open_ring();
    assert_true(has_subject(r, "EU", 5, 100));
    vt_ring_free(r);
    assert_int_equal(unsetenv("VITRINE_PASSPHRASE_FILE"), 0);
}

/* Every byte of the append file cut off: what was whole stays, and it goes on from there. */
static void
test_torn_tail(void **state)
{
    struct vt_buf all = VT_BUF(1U << 20);
    struct vt_ring *r;
    size_t one, two;

    (void)state;
    create(NULL);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 1, 1), VT_OK);
    one = read_path("append-1", &all);
    assert_int_equal(add_subject(r, "EU", 2, 2), VT_OK);
    vt_ring_free(r);
    two = read_path("append-1", &all);
    for (size_t cut = one; cut < two; cut++) {
        write_path("append-1", all.data, cut);
        r = open_ring();
        assert_true(has_subject(r, "EU", 1, 1));
        assert_false(has_subject(r, "EU", 2, 2));
        if (cut % 16 == 0)
            assert_int_equal(add_subject(r, "EU", 3, 3), VT_OK);
        vt_ring_free(r);
        r = open_ring();
        assert_int_equal(has_subject(r, "EU", 3, 3), cut % 16 == 0);
        vt_ring_free(r);
    }
    vt_buf_release(&all);
}

/* Sectors that were never written are zeros: before or after any sector's begin within the last
 * record, wherever its head lies. */
static void
test_torn_sectors(void **state)
{
    struct vt_buf all = VT_BUF(1U << 20), b = new_items();
    const struct vt_digest to = {{1}};
    uint8_t filler[2048] = {0};
    struct vt_ring *r;

    (void)state;
    for (size_t shift = 0; shift < 10; shift++) {
        size_t one, two;
        create(NULL);
        r = open_ring();
        assert_int_equal(add_subject(r, "EU", 1, 1), VT_OK);
        one = read_path("append-1", &all);
        vt_buf_clear(&b);
        /* So long that the next record's head begins just before a sector's end. */
        vt_ring_put_answer(&b, &to, filler, 1536 - one - (8 + 28 + 37) - shift);
        assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
        one = read_path("append-1", &all);
        assert_int_equal(one, 1536 - shift);
        vt_buf_clear(&b);
        vt_ring_put_domain(&b, NAME, "EU");
        for (unsigned i = 2; i < 40; i++)
            put_subject(&b, i, i);
        assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
        vt_ring_free(r);
        two = read_path("append-1", &all);
        for (size_t at = 1536; at < two; at += 512) {
            memset(all.data + at, 0, two - at);
            write_path("append-1", all.data, two);
            r = open_ring();
            assert_true(has_subject(r, "EU", 1, 1));
            assert_false(has_subject(r, "EU", 2, 2));
            vt_ring_free(r);
            write_path("append-1", all.data, one);
            r = open_ring();
            assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
            vt_ring_free(r);
            assert_int_equal(read_path("append-1", &all), two);
            memset(all.data + one, 0, at - one);
            if (at - one > 2) { /* the first two are zeros anyway */
                write_path("append-1", all.data, two);
                r = open_ring();
                assert_true(has_subject(r, "EU", 1, 1));
                assert_false(has_subject(r, "EU", 2, 2));
                assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
                vt_ring_free(r);
                assert_int_equal(read_path("append-1", &all), two);
            }
        }
        assert_int_equal(vt_tree_remove(ring, NULL), VT_OK);
    }
    vt_buf_release(&all);
    vt_buf_release(&b);
}

/* Any changed byte before the last record, a record taken out, doubled or put elsewhere. */
static void
test_damage(void **state)
{
    struct vt_buf all = VT_BUF(1U << 20), b = VT_BUF(1U << 20);
    struct vt_ring *r;
    size_t begin, one, two, len;

    (void)state;
    create(NULL);
    r = open_ring();
    begin = read_path("append-1", &all);
    assert_int_equal(add_subject(r, "EU", 1, 1), VT_OK);
    one = read_path("append-1", &all);
    assert_int_equal(add_subject(r, "EU", 2, 2), VT_OK);
    two = read_path("append-1", &all);
    assert_int_equal(add_subject(r, "EU", 3, 3), VT_OK);
    vt_ring_free(r);
    len = read_path("append-1", &all);
    for (size_t at = 0; at < two; at++) {
        all.data[at] ^= 0x10;
        write_path("append-1", all.data, len);
        all.data[at] ^= 0x10;
        assert_int_not_equal(open_err(), VT_OK);
    }
    vt_buf_put(&b, all.data, begin);
    vt_buf_put(&b, all.data + one, len - one); /* without the first */
    write_path("append-1", b.data, b.len);
    assert_int_not_equal(open_err(), VT_OK);
    vt_buf_clear(&b);
    vt_buf_put(&b, all.data, one);
    vt_buf_put(&b, all.data + begin, len - begin); /* the first twice */
    write_path("append-1", b.data, b.len);
    assert_int_not_equal(open_err(), VT_OK);
    vt_buf_clear(&b);
    vt_buf_put(&b, all.data, begin);
    vt_buf_put(&b, all.data + one, two - one); /* the first two exchanged */
    vt_buf_put(&b, all.data + begin, one - begin);
    vt_buf_put(&b, all.data + two, len - two);
    write_path("append-1", b.data, b.len);
    assert_int_not_equal(open_err(), VT_OK);
    write_path("append-1", all.data, len);
    assert_int_equal(open_err(), VT_OK);
    len = read_path("snapshot", &all);
    for (size_t at = 0; at < len; at++) {
        all.data[at] ^= 1;
        write_path("snapshot", all.data, len);
        all.data[at] ^= 1;
        assert_int_not_equal(open_err(), VT_OK);
    }
    for (size_t cut = 0; cut < len; cut++) {
        write_path("snapshot", all.data, cut);
        assert_int_not_equal(open_err(), VT_OK);
    }
    vt_buf_release(&all);
    vt_buf_release(&b);
}

/* A process that is killed after each of its file operations leaves one generation or the next:
 * the steps of a destruction, gone through by what they leave behind. */
static void
test_crash_between_steps(void **state)
{
    struct vt_buf old_root = VT_BUF(4096), old_snapshot = VT_BUF(1U << 20),
                  old_append = VT_BUF(1U << 20), next_root = VT_BUF(4096);
    struct vt_ring *r;

    (void)state;
    create(NULL);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    (void)read_path("root-1", &old_root);
    (void)read_path("snapshot", &old_snapshot);
    (void)read_path("append-1", &old_append);
    destroy_subject(r, 5);
    vt_ring_free(r);
    (void)read_path("root-2", &next_root);
    /* Killed before the old root key was destroyed: the start does it. */
    write_path("root-1", old_root.data, old_root.len);
    write_path("append-1", old_append.data, old_append.len);
    r = open_ring();
    assert_int_equal(vt_ring_generation(r), 2);
    assert_false(has_subject(r, "EU", 5, 100));
    vt_ring_free(r);
    assert_false(is_there("root-1"));
    assert_false(is_there("append-1"));
    /* Killed before the new snapshot was in its place: the old one is whole, the new root key
     * is swept, and the destruction done again. */
    write_path("root-1", old_root.data, old_root.len);
    write_path("snapshot", old_snapshot.data, old_snapshot.len);
    write_path("append-1", old_append.data, old_append.len);
    write_path("root-2", next_root.data, next_root.len);
    write_path("append-2", "torn", 4);
    r = open_ring();
    assert_int_equal(vt_ring_generation(r), 1);
    assert_true(has_subject(r, "EU", 5, 100));
    assert_false(is_there("root-2"));
    destroy_subject(r, 5);
    assert_int_equal(vt_ring_generation(r), 2);
    assert_false(is_there("root-1"));
    vt_ring_free(r);
    r = open_ring();
    assert_false(has_subject(r, "EU", 5, 100));
    vt_ring_free(r);
    vt_buf_release(&old_root);
    vt_buf_release(&old_snapshot);
    vt_buf_release(&old_append);
    vt_buf_release(&next_root);
}

/* Each call of an erasure fails in its turn, alone or with all that follow (a process killed
 * there): after a restart the ring is of one generation or the next, whole, and the erasure can
 * be done again; and when it is done the former root key is gone. */
static void
test_failing_calls(void **state)
{
    struct choice c = {.subject = 5};
    unsigned last = 0;

    (void)state;
    /* The first round counts the calls of one that succeeds. */
    for (unsigned n = 0; n <= last; n++) {
        for (int killed = 0; killed < 2; killed++) {
            struct vt_ring *r;
            enum vt_err err;
            create(NULL);
            r = open_ring();
            assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
            assert_int_equal(add_subject(r, "EU", 6, 101), VT_OK);
            calls = 0;
            fail_at = n;
            fail_on = killed == 1;
            err = vt_ring_destroy(r, choose, &c, false, NULL, NULL);
            fail_at = 0;
            if (n == 0)
                last = calls;
            assert_int_equal(err == VT_OK, n == 0);
            vt_ring_free(r);
            r = open_ring();
            assert_true(has_subject(r, "EU", 6, 101));
            assert_int_equal(has_subject(r, "EU", 5, 100), vt_ring_generation(r) == 1);
            if (vt_ring_generation(r) == 1)
                destroy_subject(r, 5);
            assert_int_equal(vt_ring_generation(r), 2);
            assert_false(is_there("root-1"));
            assert_true(is_there("root-2"));
            vt_ring_free(r);
            r = open_ring();
            assert_false(has_subject(r, "EU", 5, 100));
            assert_true(has_subject(r, "EU", 6, 101));
            vt_ring_free(r);
            assert_int_equal(vt_tree_remove(ring, NULL), VT_OK);
        }
    }
    assert_true(last > 10);
}

/* So of an addition: it is there or it is not, and nothing that was added before is lost. */
static void
test_failing_addition(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        for (int killed = 0; killed < 2; killed++) {
            struct vt_ring *r;
            enum vt_err err;
            create(NULL);
            r = open_ring();
            assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
            calls = 0;
            fail_at = n;
            fail_on = killed == 1;
            err = add_subject(r, "EU", 6, 101);
            fail_at = 0;
            assert_int_equal(has_subject(r, "EU", 6, 101), err == VT_OK);
            assert_true(err == VT_OK || n <= 3);
            /* Either it takes more, or it says that it has to be started anew. */
            err = add_subject(r, "EU", 7, 102);
            assert_true(err == VT_OK || err == VT_E_IO);
            assert_int_equal(has_subject(r, "EU", 7, 102), err == VT_OK);
            vt_ring_free(r);
            r = open_ring();
            assert_true(has_subject(r, "EU", 5, 100));
            assert_int_equal(has_subject(r, "EU", 7, 102), err == VT_OK);
            assert_int_equal(add_subject(r, "EU", 8, 103), VT_OK);
            vt_ring_free(r);
            r = open_ring();
            assert_true(has_subject(r, "EU", 8, 103));
            vt_ring_free(r);
            assert_int_equal(vt_tree_remove(ring, NULL), VT_OK);
        }
    }
}

static void
take_copy(const struct vt_ring *r, struct vt_buf *b)
{
    struct vt_ring_copy c;
    uint64_t at = 0;

    vt_ring_copy_sizes(r, &c);
    vt_ring_copy_head(&c, b);
    while (at < c.snapshot_len + c.append_len) {
        size_t had = b->len;
        assert_int_equal(vt_ring_copy_read(r, at, 100, b, NULL), VT_OK);
        assert_true(b->len > had);
        at += b->len - had;
    }
}

static void
test_copy(void **state)
{
    struct vt_buf early = VT_BUF(1U << 20), late = VT_BUF(1U << 20);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    struct vt_ring *r;

    (void)state;
    create(NULL);
    r = open_ring();
    assert_int_equal(add_subject(r, "EU", 1, 1), VT_OK);
    take_copy(r, &early);
    assert_int_equal(add_subject(r, "EU", 2, 2), VT_OK);
    take_copy(r, &late);
    assert_int_equal(vt_ring_restore(ring, NAME, late.data, late.len, &why), VT_E_BUSY);
    vt_ring_free(r);
    /* An earlier copy of this generation changes nothing. */
    assert_int_equal(vt_ring_restore(ring, NAME, early.data, early.len, &why), VT_OK);
    r = open_ring();
    assert_true(has_subject(r, "EU", 2, 2));
    vt_ring_free(r);
    /* Lost files come back, as long as the root key is there. */
    assert_int_equal(vt_path(path, NULL, "%s/snapshot", ring), VT_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vt_path(path, NULL, "%s/append-1", ring), VT_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vt_ring_restore(ring, NAME, late.data, late.len, &why), VT_OK);
    r = open_ring();
    assert_true(has_subject(r, "EU", 1, 1));
    assert_true(has_subject(r, "EU", 2, 2));
    /* After an erasure it is refused, with both generations. */
    destroy_subject(r, 1);
    vt_ring_free(r);
    assert_int_equal(vt_ring_restore(ring, NAME, late.data, late.len, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "generation 1"));
    assert_non_null(strstr(why.text, "generation 2"));
    r = open_ring();
    assert_false(has_subject(r, "EU", 1, 1));
    vt_ring_free(r);
    assert_int_equal(vt_path(path, NULL, "%s/snapshot", ring), VT_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(vt_ring_restore(ring, NAME, late.data, late.len, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "root key"));
    for (size_t cut = 0; cut < late.len; cut += 7)
        assert_int_not_equal(vt_ring_restore(ring, NAME, late.data, cut, &why), VT_OK);
    vt_buf_release(&early);
    vt_buf_release(&late);
}

static void
test_pack(void **state)
{
    struct vt_buf b = new_items();
    struct vt_why why = {0};
    uint64_t at = 0;
    bool more = true;
    unsigned pieces = 0;
    struct vt_ring *from, *to = NULL;
    struct vt_box_public pub;
    char other[VT_PATH_MAX];

    (void)state;
    create(NULL);
    from = open_ring();
    for (unsigned i = 1; i <= 50; i++)
        assert_int_equal(add_subject(from, i % 2 ? "EU" : "US", i, i), VT_OK);
    assert_int_equal(add_epoch(from, "EU", 9, 9), VT_OK);
    destroy_subject(from, 1);
    assert_int_equal(vt_path(other, NULL, "%s/other", dir), VT_OK);
    assert_int_equal(vt_ring_create(other, OTHER, VT_ROOT_FILE, NULL, NULL, &pub, NULL), VT_OK);
    assert_int_equal(vt_ring_open(other, OTHER, 0, &to, NULL), VT_OK);
    while (more) {
        vt_buf_clear(&b);
        assert_int_equal(vt_ring_pack(from, "EU", &at, 200, &b, &more, NULL), VT_OK);
        assert_int_equal(vt_ring_check_pack(b.data, b.len, "EU", &why), VT_OK);
        if (b.len > 0)
            assert_int_equal(vt_ring_check_pack(b.data, b.len, "US", &why), VT_E_REFUSED);
        assert_int_equal(vt_ring_add(to, &b, NULL), VT_OK);
        pieces++;
    }
    assert_true(pieces > 5);
    for (unsigned i = 3; i <= 50; i++)
        assert_int_equal(has_subject(to, "EU", i, i), i % 2 == 1);
    assert_false(has_subject(to, "EU", 1, 1));
    assert_non_null(vt_ring_epoch(to, vt_ring_domain(to, NAME, "EU"), "detection", 9));
    assert_int_equal(vt_ring_domain(to, NAME, "US"), -1);
    vt_buf_clear(&b);
    vt_ring_put_policy(&b, "x", 1);
    assert_int_equal(vt_ring_check_pack(b.data, b.len, "EU", &why), VT_E_REFUSED);
    vt_ring_free(from);
    vt_ring_free(to);
    vt_buf_release(&b);
}

/* ---- the root key in a token ---- */

static const char *
find_module(void)
{
    static const char *const paths[] = {"/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so"};

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    return NULL;
}

/* A token of this test's own; false: there is no SoftHSM2 here. */
static bool
make_token(char uri[VT_PATH_MAX])
{
    const char *const argv[] = {"softhsm2-util", "--init-token", "--free", "--label", "vault",
        "--so-pin", "87654321", "--pin", "123456", NULL};
    struct vt_buf b = VT_BUF(VT_PATH_MAX);
    char path[VT_PATH_MAX];
    const char *module = find_module();

    if (module == NULL)
        return false;
    assert_int_equal(vt_path(path, NULL, "%s/tokens", dir), VT_OK);
    assert_int_equal(vt_dir_make(path, 0700, NULL), VT_OK);
    vt_buf_putf(&b, "directories.tokendir = %s\nobjectstore.backend = file\n", path);
    assert_int_equal(vt_path(path, NULL, "%s/softhsm2.conf", dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0600, b.data, b.len, NULL), VT_OK);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
    assert_int_equal(vt_path(path, NULL, "%s/pin", dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0600, "123456\n", 7, NULL), VT_OK);
    assert_int_equal(setenv("VITRINE_PIN_FILE", path, 1), 0);
    vt_buf_release(&b);
    if (vt_proc_run(argv, NULL, NULL) != VT_OK)
        return false;
    return vt_path(uri, NULL, "pkcs11:token=vault?module-path=%s", module) == VT_OK;
}

static void
test_token(void **state)
{
    struct vt_buf copy = VT_BUF(1U << 20);
    char uri[VT_PATH_MAX], path[VT_PATH_MAX];
    struct vt_box_public pub;
    struct vt_why why = {0};
    struct vt_ring *r;

    (void)state;
    if (!make_token(uri)) {
        print_message("skipped: SoftHSM2 is not installed (scripts/setup test installs it)\n");
        return;
    }
    if (vt_ring_create(ring, NAME, VT_ROOT_TOKEN, uri, NULL, &pub, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_false(is_there("root-1"));
    r = open_ring();
    assert_int_equal(vt_ring_root_kind(r), VT_ROOT_TOKEN);
    assert_int_equal(add_subject(r, "EU", 5, 100), VT_OK);
    assert_int_equal(add_subject(r, "EU", 6, 101), VT_OK);
    take_copy(r, &copy);
    vt_ring_free(r);
    /* The machine is lost: the token and a copy are enough. */
    assert_int_equal(vt_tree_remove(ring, NULL), VT_OK);
    if (vt_ring_restore(ring, NAME, copy.data, copy.len, &why) != VT_OK)
        fail_msg("%s", why.text);
    r = open_ring();
    assert_true(has_subject(r, "EU", 5, 100));
    destroy_subject(r, 5);
    vt_ring_free(r);
    r = open_ring();
    assert_false(has_subject(r, "EU", 5, 100));
    assert_true(has_subject(r, "EU", 6, 101));
    vt_ring_free(r);
    /* After an erasure the copy opens nothing, wherever it is restored. */
    assert_int_equal(vt_path(path, NULL, "%s/elsewhere", dir), VT_OK);
    assert_int_equal(vt_ring_restore(path, NAME, copy.data, copy.len, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "generation 1"));
    vt_buf_release(&copy);
}

static void
test_other_process(void **state)
{
    struct vt_ring *r;
    pid_t pid;
    int status = 0;

    (void)state;
    create(NULL);
    r = open_ring();
    pid = fork();
    if (pid == 0)
        _exit(open_err() == VT_E_BUSY ? 0 : 1);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    vt_ring_free(r);
    assert_int_equal(vt_path(ring, NULL, "%s/none", dir), VT_OK);
    assert_int_equal(open_err(), VT_E_STATE);
}

struct gathered {
    struct vt_digest *d;
    size_t n;
};

static enum vt_err
gather(void *ctx, const struct vt_ring_key *key, struct vt_why *why)
{
    struct gathered *g = ctx;

    (void)why;
    vt_ring_commitment(key->key, &g->d[g->n++]);
    return VT_OK;
}

static int
by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, VT_DIGEST_SIZE);
}

/* The root as its page has it, step by step. */
static void
check_root(const struct vt_ring *r, size_t most)
{
    struct gathered g = {.d = calloc(most, sizeof *g.d)};
    struct vt_digest root, leaf;
    struct vt_frontier f;

    assert_non_null(g.d);
    assert_int_equal(vt_ring_each(r, gather, &g, NULL), VT_OK);
    qsort(g.d, g.n, sizeof *g.d, by_bytes);
    vt_frontier_init(&f);
    for (size_t i = 0; i < g.n; i++) {
        vt_merkle_leaf(g.d[i].b, VT_DIGEST_SIZE, &leaf);
        vt_frontier_append(&f, &leaf);
    }
    vt_frontier_root(&f, &leaf);
    assert_int_equal(vt_ring_root(r, NULL, NULL, &root, NULL), VT_OK);
    assert_true(vt_digest_eq(&root, &leaf));
    free(g.d);
}

/* Many subjects, over several slabs and pieces of a snapshot. */
static void
test_many(void **state)
{
    enum { N = 20000 };
    struct vt_buf b = new_items();
    uint64_t epochs, subjects;
    struct vt_ring *r;

    (void)state;
    create(NULL);
    r = open_ring();
    vt_ring_put_domain(&b, NAME, "EU");
    for (unsigned i = 1; i <= N; i++) {
        uint8_t tag[16] = {0}, key[32] = {0};
        memcpy(tag, &i, sizeof i);
        memcpy(key, &i, sizeof i);
        vt_ring_put_subject(&b, tag, key);
    }
    assert_int_equal(vt_ring_add(r, &b, NULL), VT_OK);
    for (int round = 0; round < 2; round++) {
        vt_ring_free(r);
        r = open_ring();
        vt_ring_counts(r, &epochs, &subjects);
        assert_int_equal(subjects, N);
        check_root(r, N);
        for (unsigned i = 1; i <= N; i += 17) {
            uint8_t tag[16] = {0};
            bool reborn;
            const uint8_t *key;
            memcpy(tag, &i, sizeof i);
            key = vt_ring_subject_now(r, vt_ring_domain(r, NAME, "EU"), tag, &reborn);
            assert_non_null(key);
            assert_memory_equal(key, &i, sizeof i);
        }
        if (round == 0)
            destroy_subject(r, 7);
    }
    vt_ring_free(r);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_another_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_destroyed_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reborn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_epoch_is_not_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_passphrase, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_tail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn_sectors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crash_between_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failing_addition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
