/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: order, bound, what a crash or a full disk leaves, and one user at a time;
 * and the small parsers that feed it.
 */
#include "report/field.h"
#include "report/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The write calls that go well before one fails with ENOSPC; negative: all do. */
static int writes_left = -1;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
    if (writes_left == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (writes_left > 0)
        writes_left--;
    return __real_write(fd, data, len);
}

static void
must(enum vt_err err, const struct vt_why *why)
{
    if (err != VT_OK)
        fail_msg("%s", why->text);
}

static int
setup(void **state)
{
    char *dir = malloc(VT_PATH_MAX);
    struct vt_why why = {{0}};

    if (dir == NULL)
        return -1;
    must(vt_dir_temp("/tmp", "vt-spool", dir, &why), &why);
    *state = dir;
    writes_left = -1;
    return 0;
}

static int
teardown(void **state)
{
    writes_left = -1;
    must(vt_tree_remove(*state, NULL), &(struct vt_why){"cannot remove"});
    free(*state);
    return 0;
}

static struct vt_spool *
open_spool(const char *dir, uint64_t size_max)
{
    struct vt_spool *s = NULL;
    struct vt_why why = {{0}};

    must(vt_spool_open(dir, size_max, &s, &why), &why);
    return s;
}

static void
put(struct vt_spool *s, const char *text)
{
    struct vt_why why = {{0}};

    must(vt_spool_put(s, text, strlen(text), &why), &why);
}

/* The first is that text; its number. */
static uint64_t
first_is(struct vt_spool *s, const char *text)
{
    struct vt_buf b = VT_BUF(100);
    struct vt_why why = {{0}};
    uint64_t seq = 0;

    must(vt_spool_first(s, &seq, &b, &why), &why);
    assert_string_equal(vt_buf_str(&b), text);
    vt_buf_release(&b);
    return seq;
}

static void
is_empty(struct vt_spool *s)
{
    struct vt_buf b = VT_BUF(100);
    uint64_t seq = 77;

    assert_int_equal(vt_spool_first(s, &seq, &b, NULL), VT_E_NOENT);
    assert_int_equal(seq, 77);
}

static void
drop(struct vt_spool *s, uint64_t seq)
{
    struct vt_why why = {{0}};

    must(vt_spool_drop(s, seq, &why), &why);
}

static void
touch(const char *dir, const char *name, const char *text)
{
    char path[VT_PATH_MAX];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static bool
is_there(const char *dir, const char *name)
{
    char path[VT_PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return vt_file_exists(path);
}

static void
test_order(void **state)
{
    struct vt_spool *s = open_spool(*state, 1000);
    struct vt_spool_status st;

    is_empty(s);
    put(s, "one");
    put(s, "two");
    put(s, "three");
    drop(s, first_is(s, "one"));
    put(s, "four");
    vt_spool_close(s);
    s = open_spool(*state, 1000);
    vt_spool_status(s, &st);
    assert_int_equal(st.batches, 3);
    assert_int_equal(st.bytes, 12);
    drop(s, first_is(s, "two"));
    drop(s, first_is(s, "three"));
    drop(s, first_is(s, "four"));
    is_empty(s);
    vt_spool_status(s, &st);
    assert_int_equal(st.batches, 0);
    assert_int_equal(st.bytes, 0);
    vt_spool_close(s);
}

/* Many come and go: the queue stays in order and does not grow without end. */
static void
test_queue(void **state)
{
    struct vt_spool *s = open_spool(*state, 100000);
    char text[16];
    int next = 0;

    for (int i = 0; i < 300; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        put(s, text);
        if (i % 3 != 0) {
            (void)snprintf(text, sizeof text, "%d", next++);
            drop(s, first_is(s, text));
        }
    }
    while (next < 300) {
        (void)snprintf(text, sizeof text, "%d", next++);
        drop(s, first_is(s, text));
    }
    is_empty(s);
    vt_spool_close(s);
}

static void
test_bound(void **state)
{
    struct vt_spool *s = open_spool(*state, 10);
    struct vt_why why = {{0}};

    put(s, "12345");
    assert_true(vt_spool_has_room(s, 5));
    assert_false(vt_spool_has_room(s, 6));
    assert_int_equal(vt_spool_put(s, "123456", 6, &why), VT_E_NOSPC);
    put(s, "54321");
    assert_int_equal(vt_spool_put(s, "1", 1, &why), VT_E_NOSPC);
    assert_non_null(strstr(why.text, "full"));
    drop(s, first_is(s, "12345"));
    put(s, "abcde");
    first_is(s, "54321");
    vt_spool_close(s);
    /* A smaller bound than what is there: nothing is lost, nothing is taken. */
    s = open_spool(*state, 3);
    assert_false(vt_spool_has_room(s, 0));
    assert_int_equal(vt_spool_put(s, "1", 1, &why), VT_E_NOSPC);
    first_is(s, "54321");
    vt_spool_close(s);
}

static void
test_refused(void **state)
{
    struct vt_spool *s = open_spool(*state, 10);
    struct vt_spool_status st;
    struct vt_why why = {{0}};
    uint64_t seq;

    put(s, "bad");
    put(s, "good");
    seq = first_is(s, "bad");
    must(vt_spool_refuse(s, seq, &why), &why);
    drop(s, first_is(s, "good"));
    vt_spool_status(s, &st);
    assert_int_equal(st.refused, 1);
    assert_int_equal(st.refused_bytes, 3);
    /* It counts against the bound until its owner removes it. */
    assert_int_equal(vt_spool_put(s, "12345678", 8, &why), VT_E_NOSPC);
    vt_spool_close(s);
    s = open_spool(*state, 10);
    vt_spool_status(s, &st);
    assert_int_equal(st.refused, 1);
    put(s, "next"); /* not under the number of the one that was refused */
    assert_true(is_there(*state, "0000000000000001.refused"));
    assert_true(first_is(s, "next") > seq);
    vt_spool_close(s);
}

static void
test_one_user(void **state)
{
    struct vt_spool *s = open_spool(*state, 10);
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        struct vt_spool *second = NULL;

        _exit(vt_spool_open(*state, 10, &second, NULL) == VT_E_BUSY ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    vt_spool_close(s);
    vt_spool_close(open_spool(*state, 10));
}

/* What a crash leaves half written goes; what is not ours stays. */
static void
test_leftovers(void **state)
{
    static const char *const others[] = {"notes.txt", "0000000000000001.bat",
        "000000000000000g.batch", "0000000000000000.batch", "1.batch"};
    struct vt_spool *s;
    struct vt_spool_status st;

    vt_spool_close(open_spool(*state, 1000));
    touch(*state, ".tmp-abc", "half");
    touch(*state, "00000000000000ff.batch", "whole");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        touch(*state, others[i], "x");
    s = open_spool(*state, 1000);
    vt_spool_status(s, &st);
    assert_int_equal(st.batches, 1);
    assert_false(is_there(*state, ".tmp-abc"));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_true(is_there(*state, others[i]));
    put(s, "after");
    assert_true(is_there(*state, "0000000000000100.batch"));
    first_is(s, "whole");
    vt_spool_close(s);
}

static void
test_removed_by_hand(void **state)
{
    struct vt_spool *s = open_spool(*state, 1000);
    char path[VT_PATH_MAX];

    put(s, "one");
    put(s, "two");
    put(s, "three");
    must(vt_spool_path(s, "0000000000000001.batch", path, NULL), &(struct vt_why){"path"});
    assert_int_equal(unlink(path), 0);
    drop(s, first_is(s, "two"));
    must(vt_spool_path(s, "0000000000000003.batch", path, NULL), &(struct vt_why){"path"});
    assert_int_equal(unlink(path), 0);
    is_empty(s);
    vt_spool_close(s);
}

/* One that cannot be read is named, so that it can be laid aside. */
static void
test_unreadable(void **state)
{
    struct vt_spool *s = open_spool(*state, 1000);
    struct vt_buf b = VT_BUF(3);
    struct vt_why why = {{0}};
    uint64_t seq = 0;

    put(s, "more than three");
    assert_int_equal(vt_spool_first(s, &seq, &b, &why), VT_E_LIMIT);
    assert_int_equal(seq, 1);
    must(vt_spool_refuse(s, seq, &why), &why);
    is_empty(s);
    vt_buf_release(&b);
    vt_spool_close(s);
}

static void
test_full_disk(void **state)
{
    struct vt_spool *s = open_spool(*state, 1000);
    struct vt_spool_status st;
    struct vt_why why = {{0}};

    put(s, "one");
    writes_left = 0;
    assert_int_equal(vt_spool_put(s, "two", 3, &why), VT_E_NOSPC);
    writes_left = -1;
    vt_spool_status(s, &st);
    assert_int_equal(st.batches, 1);
    assert_int_equal(st.bytes, 3);
    put(s, "three");
    drop(s, first_is(s, "one"));
    drop(s, first_is(s, "three"));
    vt_spool_close(s);
}

/* ---- Subjects in events. ---- */

static void
test_field(void **state)
{
    static const struct {
        const char *event;
        const char *path;
        const char *want; /* NULL: none */
    } rows[] = {
        {"{\"user\":\"dora\"}", "user", "dora"},
        {" { \"a\" : 1 , \"user\" : \"dora\" } ", "user", "dora"},
        {"{\"user\":{\"name\":\"dora\"}}", "user.name", "dora"},
        {"{\"user.name\":\"dora\"}", "user.name", "dora"},
        {"{\"a\":{\"b.c\":\"x\"}}", "a.b.c", "x"},
        {"{\"a.b\":{\"c\":\"x\"}}", "a.b.c", "x"},
        {"{\"a\":{\"b\":{\"c\":\"x\"}}}", "a.b.c", "x"},
        {"{\"user\":{\"name\":\"inner\"},\"user.name\":\"literal\"}", "user.name", "literal"},
        {"{\"user\":42}", "user", "42"},
        {"{\"user\":-42}", "user", "-42"},
        {"{\"user\":\"first\",\"user\":\"second\"}", "user", "first"},
        {"{\"x\":\"\\\"user\\\":\\\"mallory\\\"\",\"user\":\"dora\"}", "user", "dora"},
        {"{\"x\":{\"user\":\"mallory\"},\"user\":\"dora\"}", "user", "dora"},
        {"{\"x\":[{\"user\":\"mallory\"},\"}\"],\"user\":\"dora\"}", "user", "dora"},
        {"{\"us\\u0065r\":\"d\\u00f6ra\"}", "user", "d\xc3\xb6ra"},
        {"{\"user\":\"a\\\\b\\nc\"}", "user", "a\\b\nc"},
        {"{\"user\":\"\"}", "user", NULL},
        {"{\"user\":null}", "user", NULL},
        {"{\"user\":true}", "user", NULL},
        {"{\"user\":1.5}", "user", NULL},
        {"{\"user\":1e3}", "user", NULL},
        {"{\"user\":-}", "user", NULL},
        {"{\"user\":{}}", "user", NULL},
        {"{\"user\":[\"dora\"]}", "user", NULL},
        {"{\"user\":\"a\\u0000b\"}", "user", NULL},
        {"{\"user\":\"\xff\"}", "user", NULL},
        {"{\"user\":\"dora", "user", NULL},
        {"{\"user\" \"dora\"}", "user", NULL},
        {"{\"a\":{\"user\":\"x\"}", "user", NULL},
        {"{\"a\":}}}}", "user", NULL},
        {"[\"user\"]", "user", NULL},
        {"user=dora", "user", NULL},
        {"", "user", NULL},
        {"{", "user", NULL},
        {"{\"user\":\"dora\"}", "", NULL},
        {"{\"user\":\"dora\"}", "user.", NULL},
        {"{\"user\":\"dora\"}", ".user", NULL},
        {"{\"user\":\"dora\"}", "user.name", NULL},
    };
    char name[VT_SUBJECT_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* Exactly as long as it is: nothing may be read beyond it. */
        size_t len = strlen(rows[i].event);
        char *event = malloc(len + 1);
        bool found;

        assert_non_null(event);
        memcpy(event, rows[i].event, len);
        found = vt_field_of_json(event, len, rows[i].path, name);
        if (found != (rows[i].want != NULL) || (found && strcmp(name, rows[i].want) != 0))
            fail_msg("%s at %s: %s", rows[i].event, rows[i].path, found ? name : "none");
        free(event);
    }
}

static void
test_field_limits(void **state)
{
    struct vt_buf b = VT_BUF(100000);
    char name[VT_SUBJECT_NAME_MAX + 1];

    (void)state;
    for (int more = 0; more < 2; more++) {
        vt_buf_clear(&b);
        vt_buf_puts(&b, "{\"user\":\"");
        for (size_t i = 0; i < VT_SUBJECT_NAME_MAX + (size_t)more; i++)
            vt_buf_puts(&b, "x");
        vt_buf_puts(&b, "\"}");
        assert_int_equal(vt_field_of_json(b.data, b.len, "user", name), more == 0);
    }
    vt_buf_clear(&b);
    vt_buf_puts(&b, "{\"a\":");
    for (int i = 0; i < 1000; i++)
        vt_buf_puts(&b, "[");
    for (int i = 0; i < 1000; i++)
        vt_buf_puts(&b, "]");
    vt_buf_puts(&b, ",\"user\":\"x\"}");
    assert_false(vt_field_of_json(b.data, b.len, "user", name));
    vt_buf_release(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),
        TEST(test_queue),
        TEST(test_bound),
        TEST(test_refused),
        TEST(test_one_user),
        TEST(test_leftovers),
        TEST(test_removed_by_hand),
        TEST(test_unreadable),
        TEST(test_full_disk),
        cmocka_unit_test(test_field),
        cmocka_unit_test(test_field_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
