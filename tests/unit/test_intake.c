/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vault takes in: batches of its own regions, sealed to their keys, under the policy in
 * force or the one before; what it says to others; that it sees what changes. And its
 * write-ahead files: nothing acknowledged is lost, a torn end is, damage is refused.
 */
#include "base/metric.h"
#include "vault/bwal.h"
#include "vault/intake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault_home.h"

static int
setup(void **state)
{
    struct vault_home *v = calloc(1, sizeof *v);

    assert_non_null(v);
    vh_init(v);
    *state = v;
    return 0;
}

static int
teardown(void **state)
{
    vh_release(*state);
    free(*state);
    return 0;
}

static struct vt_intake *
open_intake(const struct vault_home *v)
{
    struct vt_intake *in = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_intake_new(&v->home, &in, &why), &why);
    return in;
}

/* What comes of a batch made with those options; `word` must be in what is said. */
static enum vt_refused
try(const struct vt_intake *in, const struct vt_batch_opts *o, const char *word)
{
    struct vt_buf b = VT_BUF(VT_BATCH_MAX);
    struct vt_batch_header h;
    struct vt_why why = {{0}};
    const uint8_t *blocks;
    enum vt_refused r;

    batch_put(&b, o, 3, 2);
    assert_int_equal(vt_batch_parse(b.data, b.len, &h, &blocks, NULL), VT_OK);
    r = vt_intake_check(in, &h, &why);
    if (word != NULL && strstr(why.text, word) == NULL)
        fail_msg("\"%s\" does not say %s", why.text, word);
    if (r == VT_REFUSED_NONE)
        assert_string_equal(why.text, "");
    vt_buf_release(&b);
    return r;
}

static void
test_ours(void **state)
{
    struct vault_home *v = *state;
    struct vt_intake *in = open_intake(v);
    struct vt_batch_opts o = vh_opts(v, "EU", "detection");

    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    o = vh_opts(v, "EU", "url");
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    o = vh_opts(v, "CA", "detection");
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    assert_memory_equal(vt_intake_policy(in)->b, v->world.item[0].digest.b, VT_DIGEST_SIZE);
    vt_intake_free(in);
    vt_intake_free(NULL);
}

static void
test_others(void **state)
{
    struct vault_home *v = *state;
    struct vt_intake *in = open_intake(v);
    struct vt_batch_opts o = vh_opts(v, "US", "detection");

    assert_int_equal(try(in, &o, "US is kept at frankfurt.example"), VT_REFUSED_REGION);
    o = vh_opts(v, "XX", "detection");
    assert_int_equal(try(in, &o, "no region XX"), VT_REFUSED_REGION);
    o = vh_opts(v, "EU", "detection");
    o.site = "frankfurt.example";
    assert_int_equal(try(in, &o, "sealed for frankfurt.example"), VT_REFUSED_SITE);
    o = vh_opts(v, "EU", "detection");
    vt_box_public(v->ca, &o.key);
    assert_int_equal(try(in, &o, "key of EU"), VT_REFUSED_KEY);
    o = vh_opts(v, "EU", "telemetry");
    assert_int_equal(try(in, &o, "no class telemetry"), VT_REFUSED_CLASS);
    o = vh_opts(v, "EU", "detection");
    o.policy.b[0] ^= 1;
    assert_int_equal(try(in, &o, "newest policy"), VT_REFUSED_POLICY);
    vt_intake_free(in);
}

static void
test_not_ready(void **state)
{
    struct vault_home *v = *state;
    struct vault_home bare;
    struct vt_batch_opts o = vh_opts(v, "EU", "detection");
    struct vt_intake *in;
    bool changed = false;

    vh_init_bare(&bare);
    in = open_intake(&bare);
    assert_null(vt_intake_policy(in));
    assert_int_equal(try(in, &o, "zurich.example"), VT_REFUSED_READY);
    vh_put_policy(&bare, 0);
    assert_int_equal(vt_intake_refresh(in, &changed, NULL), VT_OK);
    assert_true(changed);
    o.policy = *vt_vault_policy_digest(bare.world.policy);
    assert_int_equal(try(in, &o, "key"), VT_REFUSED_KEY); /* no ceremony yet */
    vh_put_key(&bare, "EU", v->eu);
    assert_int_equal(vt_intake_refresh(in, &changed, NULL), VT_OK);
    assert_false(changed);
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    assert_true(vt_intake_has_key(in, "EU", &(struct vt_digest){{0}}) == false);
    vt_intake_free(in);
    vh_release(&bare);
}

static void
test_next_policy(void **state)
{
    struct vault_home *v = *state;
    struct vt_intake *in = open_intake(v);
    struct vt_batch_opts o = vh_opts(v, "EU", "detection");
    const struct vt_digest first = v->world.item[0].digest;
    size_t second = lw_say(&v->world, lw_policy_doc(2, &first), LW_AUTHORITY);
    size_t third;
    bool changed = false;

    vh_put_policy(v, second);
    assert_int_equal(vt_intake_refresh(in, &changed, NULL), VT_OK);
    assert_true(changed);
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE); /* the one before */
    o.policy = v->world.item[second].digest;
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    third = lw_say(&v->world, lw_policy_doc(3, &v->world.item[second].digest), LW_AUTHORITY);
    vh_put_policy(v, third);
    assert_int_equal(vt_intake_refresh(in, &changed, NULL), VT_OK);
    assert_true(changed);
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    o.policy = first;
    assert_int_equal(try(in, &o, "neither"), VT_REFUSED_POLICY);
    assert_int_equal(vt_intake_refresh(in, &changed, NULL), VT_OK);
    assert_false(changed);
    vt_intake_free(in);
}

/* What cannot be read is not taken over. */
static void
test_bad_files(void **state)
{
    struct vault_home *v = *state;
    struct vt_intake *in = open_intake(v);
    struct vt_intake *none = NULL;
    struct vt_batch_opts o = vh_opts(v, "EU", "detection");
    struct vt_why why = {{0}};
    bool changed = true;

    vh_write(v, "policy", "nonsense\n", 9);
    assert_int_not_equal(vt_intake_refresh(in, &changed, &why), VT_OK);
    assert_non_null(strstr(why.text, "policy"));
    assert_false(changed);
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    assert_int_not_equal(vt_intake_new(&v->home, &none, NULL), VT_OK);
    assert_null(none);
    vh_put_policy(v, 0);
    vh_write(v, "keys/EU.evidence", "VTE1", 4);
    assert_int_not_equal(vt_intake_refresh(in, &changed, &why), VT_OK);
    assert_non_null(strstr(why.text, "EU.evidence"));
    vt_intake_free(in);
}

static void
put_side(const struct vault_home *v, const char *folder, const char *side)
{
    char path[VT_PATH_MAX];
    char name[256];
    struct vt_why why = {{0}};

    lw_must(vt_vault_path(&v->home, path, &why, "moves/%s", folder), &why);
    lw_must(vt_dir_make(path, 0700, &why), &why);
    (void)snprintf(name, sizeof name, "moves/%s/side", folder);
    vh_write(v, name, side, strlen(side));
}

/* A region that came from another site brings batches that were sealed for that one. */
static void
test_came_from(void **state)
{
    struct vault_home *v = *state;
    struct vt_batch_opts o = vh_opts(v, "EU", "detection");
    struct vt_intake *in;

    put_side(v, "EU", "in frankfurt.example\n");
    put_side(v, "done/EU-0123456789abcdef", "in geneva.example");
    put_side(v, "done/CA-0123456789abcdef", "in lyon.example\n");
    put_side(v, "done/EU-fedcba9876543210", "out oslo.example\n");
    in = open_intake(v);
    o.site = "frankfurt.example";
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    o.site = "geneva.example";
    assert_int_equal(try(in, &o, NULL), VT_REFUSED_NONE);
    o.site = "lyon.example";
    assert_int_equal(try(in, &o, "lyon.example"), VT_REFUSED_SITE);
    o.site = "oslo.example";
    assert_int_equal(try(in, &o, "oslo.example"), VT_REFUSED_SITE);
    vt_intake_free(in);
}

static void
test_reasons(void **state)
{
    (void)state;
    for (unsigned r = 0; r < VT_REFUSED_COUNT; r++) {
        assert_non_null(vt_refused_name((enum vt_refused)r));
        assert_in_range(vt_refused_status((enum vt_refused)r), 200, 503);
    }
    assert_int_equal(vt_refused_status(VT_REFUSED_REGION), 421);
    assert_int_equal(vt_refused_status(VT_REFUSED_FULL), 503);
    assert_true(vt_metric_resident() > 0);
}

/* --- Write-ahead files. --- */

struct wal {
    struct vault_home *v;
    char path[VT_PATH_MAX];
    struct vt_bwal *w;
};

static const struct vt_digest wal_policy = {{0x42}};

static void
wal_begin(struct wal *w, struct vault_home *v)
{
    struct vt_why why = {{0}};

    w->v = v;
    lw_must(vt_vault_path(&v->home, w->path, &why, "wal/test"), &why);
    (void)unlink(w->path);
    lw_must(vt_bwal_create(w->path, &wal_policy, &w->w, &why), &why);
}

static void
wal_put(struct wal *w, const char *text)
{
    struct vt_bwal_record r = {
        .arrived = 1795000000, .batch = (const uint8_t *)text, .len = strlen(text)};
    struct vt_why why = {{0}};

    lw_must(vt_bwal_append(w->w, &r, &why), &why);
}

static void
wal_commit(struct wal *w)
{
    struct vt_why why = {{0}};

    lw_must(vt_bwal_commit(w->w, &why), &why);
}

/* The batches of the file, joined; fails unless it opens. */
static void
wal_is(const struct wal *w, const char *want, bool torn)
{
    struct vt_bwal_file *f = NULL;
    struct vt_buf b = VT_BUF(4096);
    struct vt_why why = {{0}};
    uint64_t rest;

    lw_must(vt_bwal_open(w->path, &f, &why), &why);
    for (size_t i = 0; i < vt_bwal_records(f); i++) {
        const struct vt_bwal_record *r = vt_bwal_record(f, i);

        assert_int_equal(r->arrived, 1795000000);
        vt_buf_put(&b, r->batch, r->len);
    }
    assert_string_equal(vt_buf_str(&b), want);
    assert_true(vt_digest_eq(vt_bwal_policy(f), &wal_policy));
    (void)vt_bwal_bytes(f, &rest);
    assert_int_equal(rest > 0, torn);
    assert_null(vt_bwal_record(f, vt_bwal_records(f)));
    vt_buf_release(&b);
    vt_bwal_close(f);
}

static void
test_wal(void **state)
{
    struct wal w;
    struct vt_bwal *again = NULL;

    wal_begin(&w, *state);
    wal_is(&w, "", false);
    wal_commit(&w);
    wal_put(&w, "one ");
    wal_put(&w, "two ");
    wal_commit(&w);
    wal_put(&w, "three ");
    wal_commit(&w);
    wal_is(&w, "one two three ", false);
    assert_int_equal(vt_bwal_count(w.w), 3);
    wal_put(&w, "not committed");
    wal_is(&w, "one two three ", true);
    assert_int_equal(vt_bwal_create(w.path, &wal_policy, &again, NULL), VT_E_EXIST);
    vt_bwal_free(w.w);
    vt_bwal_free(NULL);
}

static void
test_wal_limits(void **state)
{
    struct wal w;
    struct vt_bwal_record r = {.batch = (const uint8_t *)"", .len = 0};

    wal_begin(&w, *state);
    assert_int_equal(vt_bwal_append(w.w, &r, NULL), VT_E_LIMIT);
    r.len = VT_BWAL_BATCH_MAX + 1;
    assert_int_equal(vt_bwal_append(w.w, &r, NULL), VT_E_LIMIT);
    wal_put(&w, "fine");
    wal_commit(&w);
    wal_is(&w, "fine", false);
    vt_bwal_free(w.w);
}

/* Cut anywhere, what is left is a beginning. */
static void
test_wal_torn(void **state)
{
    struct wal w;
    struct vt_bwal_file *f = NULL;
    uint64_t size[3];

    wal_begin(&w, *state);
    size[0] = vt_bwal_size(w.w);
    wal_put(&w, "one ");
    wal_put(&w, "two ");
    wal_commit(&w);
    size[1] = vt_bwal_size(w.w);
    wal_put(&w, "three ");
    wal_commit(&w);
    size[2] = vt_bwal_size(w.w);
    vt_bwal_free(w.w);
    for (uint64_t len = size[2]; len-- > size[0];) {
        assert_int_equal(truncate(w.path, (off_t)len), 0);
        wal_is(&w, len >= size[1] ? "one two " : "", len != size[1] && len != size[0]);
    }
    assert_int_equal(truncate(w.path, (off_t)size[0] - 1), 0);
    assert_int_equal(vt_bwal_open(w.path, &f, NULL), VT_E_DIGEST);
}

static void
change(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 1);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

/* Damage before a good group is refused, in the last one it is a torn end. */
static void
test_wal_damaged(void **state)
{
    struct wal w;
    struct vt_bwal_file *f = NULL;
    uint64_t size[3];

    wal_begin(&w, *state);
    size[0] = vt_bwal_size(w.w);
    wal_put(&w, "one ");
    wal_commit(&w);
    size[1] = vt_bwal_size(w.w);
    wal_put(&w, "two ");
    wal_commit(&w);
    size[2] = vt_bwal_size(w.w);
    vt_bwal_free(w.w);
    for (uint64_t at = 0; at < size[1]; at++) {
        change(w.path, (off_t)at);
        assert_int_equal(vt_bwal_open(w.path, &f, NULL), VT_E_DIGEST);
        change(w.path, (off_t)at);
    }
    for (uint64_t at = size[1]; at < size[2]; at++) {
        change(w.path, (off_t)at);
        wal_is(&w, "one ", true);
        change(w.path, (off_t)at);
    }
    wal_is(&w, "one two ", false);
}

/* Nobody who sends a batch can make the end of a file look like damage: it does not know
 * what groups begin with. */
static void
test_wal_forged(void **state)
{
    struct vt_buf b = VT_BUF(4096);
    struct wal w;
    uint64_t size;

    wal_begin(&w, *state);
    wal_put(&w, "inner");
    wal_commit(&w);
    vt_bwal_free(w.w);
    assert_int_equal(vt_file_read(w.path, &b, NULL), VT_OK);
    wal_begin(&w, *state);
    wal_put(&w, "one ");
    wal_commit(&w);
    {
        struct vt_bwal_record r = {.arrived = 1, .batch = b.data + 101, .len = b.len - 101};

        assert_int_equal(vt_bwal_append(w.w, &r, NULL), VT_OK);
        wal_commit(&w);
    }
    size = vt_bwal_size(w.w);
    vt_bwal_free(w.w);
    assert_int_equal(truncate(w.path, (off_t)size - 1), 0);
    wal_is(&w, "one ", true);
    vt_buf_release(&b);
}

/* A disk that is full takes nothing half: the group is gone, the file goes on. */
static void
test_wal_no_space(void **state)
{
    static const uint8_t big[65536] = {1};
    const struct vt_bwal_record r = {.arrived = 1795000000, .batch = big, .len = sizeof big};
    struct rlimit before, small;
    struct wal w;

    wal_begin(&w, *state);
    wal_put(&w, "one ");
    wal_commit(&w);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    wal_put(&w, "two ");
    small = before;
    small.rlim_cur = vt_bwal_size(w.w) + 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_not_equal(vt_bwal_append(w.w, &r, NULL), VT_OK);
    small.rlim_cur = vt_bwal_size(w.w) + 10;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_not_equal(vt_bwal_commit(w.w, NULL), VT_OK);
    assert_int_equal(vt_bwal_count(w.w), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    wal_put(&w, "three ");
    wal_commit(&w);
    wal_is(&w, "one three ", false);
    vt_bwal_free(w.w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next_policy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_came_from, setup, teardown),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test_setup_teardown(test_wal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wal_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wal_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wal_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wal_forged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wal_no_space, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
