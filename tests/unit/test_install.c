/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole update into a folder: proof before installation, refusals, repairs,
 * the clock that witnesses bound, and dying at each system call that writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proof_world.h"

#include "store/pack.h"
#include "update/record.h"
#include "update/sweep.h"
#include "update/treesum.h"
#include "update/update.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/*
 * The calls that change the disk: the process dies before the n-th of them.
 */

static int die_at = -1;

static void
maybe_die(void)
{
    if (die_at > 0 && --die_at == 0)
        _exit(77);
}

#define WRAP(type, name, params, args)                                                         \
    type __real_##name params;                                                                 \
    type __wrap_##name params;                                                                 \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        maybe_die();                                                                           \
        return __real_##name args;                                                             \
    }

WRAP(int, fsync, (int fd), (fd))
WRAP(int, rename, (const char *a, const char *b), (a, b))
WRAP(int, renameat2, (int a, const char *b, int c, const char *d, unsigned e), (a, b, c, d, e))
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(int, symlink, (const char *a, const char *b), (a, b))
WRAP(int, mkdir, (const char *a, mode_t m), (a, m))

struct fixture {
    struct world *w;
    struct test_log log;
    struct vt_policy *policy;
    struct vt_clock clock;
    char into[VT_PATH_MAX];
};

#define ONE "one: the bytes of lantern 1.0.0"
#define TWO "two: the bytes of lantern 1.0.1"

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    f->w = world_new();
    f->log.time = (uint64_t)NOW - 100;
    f->policy = world_policy();
    f->clock = vt_clock_fixed(NOW);
    assert_int_equal(vt_path(f->into, NULL, "%s/customer", f->w->dir), VT_OK);
    WORLD_BY(f->w, ROOT);
    world_root(f->w, 1, ROOT, RELEASE);
    world_targets(f->w, 1);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    log_free(&f->log);
    vt_policy_free(f->policy);
    world_free(f->w);
    free(f);
    return 0;
}

/* Channel version n with that content, proven. */
static void
release(struct fixture *f, uint64_t n, const char *version, const void *data, size_t len,
    const char *file)
{
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    world_channel(f->w, n, version, data, len, file);
    log_free(&f->log);
    log_release(&f->log, f->w, data, len, true);
    log_passport(&f->log, f->w, data, len);
    world_publish(f->w, n, 1, n);
}

static void
release_one(struct fixture *f)
{
    release(f, 1, "1.0.0", ONE, sizeof ONE - 1, "lantern.bin");
}

static void
release_two(struct fixture *f)
{
    release(f, 2, "1.0.1", TWO, sizeof TWO - 1, "lantern.bin");
}

static enum vt_err
update(struct fixture *f, struct vt_update_report *ret, struct vt_why *why)
{
    const struct world_file *root = world_file(f->w, "tuf/metadata/1.root.json");
    struct vt_update_opts o = {
        .mirror = &f->w->mirror,
        .channel = "products",
        .into = f->into,
        .root = root->data,
        .root_len = root->len,
        .policy = f->policy,
        .clock = &f->clock,
    };
    return vt_update_run(&o, ret, why);
}

static void
expect(struct fixture *f, enum vt_install_outcome outcome, const char *version)
{
    struct vt_update_report r;
    struct vt_why why = {{0}};
    if (update(f, &r, &why) != VT_OK)
        fail_msg("refused: %s", why.text);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.item[0].result.outcome, outcome);
    assert_string_equal(r.item[0].offer.version, version);
    vt_update_report_release(&r);
}

static void
refuse(struct fixture *f, enum vt_err want, const char *says)
{
    struct vt_update_report r;
    struct vt_why why = {{0}};
    enum vt_err err = update(f, &r, &why);
    vt_update_report_release(&r);
    if (err != want || strstr(why.text, says) == NULL)
        fail_msg(
            "%s (wanted %s, \"%s\"): %s", vt_err_name(err), vt_err_name(want), says, why.text);
}

static void
path_in(struct fixture *f, char ret[VT_PATH_MAX], const char *rest)
{
    assert_int_equal(vt_path(ret, NULL, "%s/%s", f->into, rest), VT_OK);
}

/* What a customer would run: what `current` leads to. */
static void
expect_current(struct fixture *f, const char *want)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(4096);
    path_in(f, path, "products/lantern/current/lantern.bin");
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), want);
    vt_buf_release(&b);
}

static bool
is_there(struct fixture *f, const char *rest)
{
    char path[VT_PATH_MAX];
    struct stat st;
    path_in(f, path, rest);
    return lstat(path, &st) == 0;
}

static void
test_installs(void **state)
{
    struct fixture *f = *state;
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    expect_current(f, ONE);
    expect(f, VT_INSTALL_CURRENT, "1.0.0");
    release_two(f);
    expect(f, VT_INSTALL_NEW, "1.0.1");
    expect_current(f, TWO);
    assert_true(is_there(f, "products/lantern/1.0.0/lantern.bin"));
    assert_false(is_there(f, "products/lantern/1.0.1/.tmp-x"));
}

/* The kept artifact and passport pass the offline check as they lie there. */
static void
test_keeps_the_proof(void **state)
{
    struct fixture *f = *state;
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE], rest[400];
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    vt_digest_of(ONE, sizeof ONE - 1, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(rest, sizeof rest, ".vitrine/artifacts/%s.lantern.bin", hex);
    assert_true(is_there(f, rest));
    (void)snprintf(rest, sizeof rest, ".vitrine/artifacts/%s.lantern.bin.passport", hex);
    assert_true(is_there(f, rest));
}

static void
test_unpacks_archives(void **state)
{
    struct fixture *f = *state;
    char dir[VT_PATH_MAX], sub[VT_PATH_MAX], archive[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(1U << 20);
    struct stat st;
    assert_int_equal(vt_path(dir, NULL, "%s/tree", f->w->dir), VT_OK);
    assert_int_equal(vt_path(sub, NULL, "%s/tree/bin", f->w->dir), VT_OK);
    assert_int_equal(vt_path(archive, NULL, "%s/a.tar.zst", f->w->dir), VT_OK);
    assert_int_equal(vt_dir_make(sub, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(sub, NULL, "%s/tree/bin/lantern", f->w->dir), VT_OK);
    assert_int_equal(vt_file_replace(sub, 0755, "#!/bin/sh\n", 10, NULL), VT_OK);
    assert_int_equal(vt_pack_folder(dir, archive, 0, NULL, NULL, NULL), VT_OK);
    assert_int_equal(vt_file_read(archive, &b, NULL), VT_OK);
    release(f, 1, "1.0.0", b.data, b.len, "lantern-1.0.0.tar.zst");
    expect(f, VT_INSTALL_NEW, "1.0.0");
    path_in(f, sub, "products/lantern/current/bin/lantern");
    assert_int_equal(stat(sub, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    expect(f, VT_INSTALL_CURRENT, "1.0.0");
    vt_buf_release(&b);
}

/* Bytes that are proven and yet no archive: nothing is switched. */
static void
test_broken_archive(void **state)
{
    struct fixture *f = *state;
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    release(f, 2, "1.0.1", "no archive", 10, "lantern-1.0.1.tar.zst");
    refuse(f, VT_E_SYNTAX, "installing lantern 1.0.1");
    expect_current(f, ONE);
    assert_false(is_there(f, "products/lantern/1.0.1"));
}

/*
 * Refusals.
 */

static void
test_no_passport(void **state)
{
    struct fixture *f = *state;
    char path[300], hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    release_one(f);
    vt_digest_of(ONE, sizeof ONE - 1, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(path, sizeof path, "passports/%s.passport", hex);
    world_remove(f->w, path);
    refuse(f, VT_E_REFUSED, "lantern 1.0.0 (sha256:");
    refuse(f, VT_E_REFUSED, "has no passport");
    assert_false(is_there(f, "products/lantern/current"));
}

static void
test_passport_of_another(void **state)
{
    struct fixture *f = *state;
    char from[300], to[300], hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    release_one(f);
    release_two(f);
    vt_digest_of(ONE, sizeof ONE - 1, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(from, sizeof from, "passports/%s.passport", hex);
    vt_digest_of(TWO, sizeof TWO - 1, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(to, sizeof to, "passports/%s.passport", hex);
    const struct world_file *one = world_file(f->w, from);
    world_store(f->w, to, one->data, one->len);
    refuse(f, VT_E_DIGEST, "the passport of lantern 1.0.1");
    assert_false(is_there(f, "products/lantern/current"));
}

static void
test_one_rebuilder_only(void **state)
{
    struct fixture *f = *state;
    release_one(f);
    log_free(&f->log);
    log_release(&f->log, f->w, ONE, sizeof ONE - 1, false);
    log_passport(&f->log, f->w, ONE, sizeof ONE - 1);
    refuse(f, VT_E_QUORUM, "beta");
}

/* Other bytes under the hashed name, as many and more. */
static void
test_artifact_bytes(void **state)
{
    struct fixture *f = *state;
    char path[300], hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    release_one(f);
    vt_digest_of(ONE, sizeof ONE - 1, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(path, sizeof path, "tuf/targets/lantern/1.0.0/%s.lantern.bin", hex);
    struct world_file *file = world_file(f->w, path);
    file->data[4] ^= 1;
    refuse(f, VT_E_DIGEST, "does not have the digest that the metadata says");
    file->len--;
    refuse(f, VT_E_DIGEST, "bytes; the metadata says");
    world_store(f->w, path, ONE "x", sizeof ONE);
    refuse(f, VT_E_LIMIT, "endless data");
    assert_false(is_there(f, "products/lantern/current"));
    world_store(f->w, path, ONE, sizeof ONE - 1);
    expect(f, VT_INSTALL_NEW, "1.0.0");
}

/* The version that is installed comes again with other bytes, all signed. */
static void
test_same_version_other_bytes(void **state)
{
    struct fixture *f = *state;
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    release(f, 2, "1.0.0", TWO, sizeof TWO - 1, "lantern.bin");
    refuse(f, VT_E_REFUSED, "lantern 1.0.0 is installed already with other bytes");
    expect_current(f, ONE);
}

/* The trusted metadata is gone, and an older repository is offered: what is
 * installed still keeps it out. */
static void
test_no_way_back(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];
    release_one(f);
    release_two(f);
    expect(f, VT_INSTALL_NEW, "1.0.1");
    path_in(f, path, ".vitrine/metadata");
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    world_publish(f->w, 3, 1, 1);
    refuse(f, VT_E_ROLLBACK, "came with the newer 2: a rollback");
    expect_current(f, TWO);
}

/* A publisher may go back to an earlier version by a newer release. */
static void
test_publisher_goes_back(void **state)
{
    struct fixture *f = *state;
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    release_two(f);
    expect(f, VT_INSTALL_NEW, "1.0.1");
    release(f, 3, "1.0.0", ONE, sizeof ONE - 1, "lantern.bin");
    expect(f, VT_INSTALL_NEW, "1.0.0");
    expect_current(f, ONE);
}

static void
test_delegation_limits(void **state)
{
    struct fixture *f = *state;
    release_one(f);
    f->w->pattern = "other-*/*/*";
    WORLD_BY(f->w, ROOT);
    world_targets(f->w, 2);
    world_publish(f->w, 2, 2, 1);
    refuse(f, VT_E_REFUSED, "may not speak for this path");
    f->w->pattern = "lantern/*/*";
    f->w->terminating_before = true;
    WORLD_BY(f->w, ROOT);
    world_targets(f->w, 3);
    world_publish(f->w, 3, 3, 1);
    refuse(f, VT_E_REFUSED, "may not speak for this path");
    f->w->terminating_before = false;
    WORLD_BY(f->w, ROOT);
    world_targets(f->w, 4);
    world_publish(f->w, 4, 4, 1);
    expect(f, VT_INSTALL_NEW, "1.0.0");
}

/* Signs channel 2 with targets made by hand. */
static void
odd_channel(struct fixture *f, const char *path, const char *product, const char *version)
{
    static const char zeros[] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    json_t *doc = world_document(f->w, VT_TUF_TARGETS, 2);
    (void)json_object_set_new(doc, "targets",
        json_pack("{s:{s:i, s:{s:s}, s:{s:s, s:s}}}", path, "length", 1, "hashes", "sha256",
            zeros, "custom", "product", product, "version", version));
    world_sign(f->w, "tuf/metadata/2.products.json", doc);
    world_publish(f->w, 2, 1, 2);
}

static void
test_odd_targets(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path, *product, *version;
    } odd[] = {
        {"lantern/1.0.0", "lantern", "1.0.0"},
        {"lantern/1.0.0/a/b", "lantern", "1.0.0"},
        {"lantern/1.0.0/", "lantern", "1.0.0"},
        {"/lantern/1.0.0/a", "lantern", "1.0.0"},
        {"../1.0.0/a", "..", "1.0.0"},
        {"lantern/../a", "lantern", ".."},
        {"lantern/1.0.0/..", "lantern", "1.0.0"},
        {".vitrine/1.0.0/a", ".vitrine", "1.0.0"},
        {"lantern/current/a", "lantern", "current"},
        {"lantern/1.0.0/a b", "lantern", "1.0.0"},
        {"lantern/1.0.0/a", "lantern", "1.0.1"},
        {"lantern/1.0.0/a", "other", "1.0.0"},
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char path[VT_PATH_MAX];
        odd_channel(f, odd[i].path, odd[i].product, odd[i].version);
        refuse(f, VT_E_SYNTAX, "target");
        path_in(f, path, ".vitrine/metadata");
        assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    }
}

static void
test_two_targets_of_a_product(void **state)
{
    struct fixture *f = *state;
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    json_t *doc = world_document(f->w, VT_TUF_TARGETS, 2);
    (void)json_object_set_new(doc, "targets", json_object());
    world_add_target(doc, "lantern", "1.0.0", "a", ONE, sizeof ONE - 1);
    world_add_target(doc, "lantern", "1.0.1", "b", TWO, sizeof TWO - 1);
    world_sign(f->w, "tuf/metadata/2.products.json", doc);
    log_release(&f->log, f->w, ONE, sizeof ONE - 1, true);
    log_passport(&f->log, f->w, ONE, sizeof ONE - 1);
    world_publish(f->w, 2, 1, 2);
    refuse(f, VT_E_REFUSED, "names two targets for lantern");
    assert_false(is_there(f, "products/lantern/current"));
}

/* No product is installed before all are proven. */
static void
test_all_or_nothing(void **state)
{
    struct fixture *f = *state;
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    release_one(f);
    json_t *doc = world_document(f->w, VT_TUF_TARGETS, 2);
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    (void)json_object_set_new(doc, "targets", json_object());
    world_add_target(doc, "lantern", "1.0.0", "lantern.bin", ONE, sizeof ONE - 1);
    world_add_target(doc, "wick", "1.0.0", "wick.bin", TWO, sizeof TWO - 1);
    world_sign(f->w, "tuf/metadata/2.products.json", doc);
    world_publish(f->w, 2, 1, 2);
    refuse(f, VT_E_REFUSED, "wick 1.0.0");
    assert_false(is_there(f, "products/lantern/current"));
}

/*
 * Time.
 */

/* Threat 19: the clock is set back to before the metadata's expiry, but the
 * passport of an earlier update had been cosigned after it. */
static void
test_clock_set_back(void **state)
{
    struct fixture *f = *state;
    f->w->expires = NOW + 9000;
    WORLD_BY(f->w, ROOT);
    world_root(f->w, 1, ROOT, RELEASE);
    world_targets(f->w, 1);
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    f->log.time = (uint64_t)NOW + 5000;
    f->clock = vt_clock_fixed(NOW + 5001);
    release_two(f);
    expect(f, VT_INSTALL_NEW, "1.0.1");
    f->clock = vt_clock_fixed(NOW);
    f->w->expires = NOW + 4000;
    WORLD_BY(f->w, RELEASE);
    world_timestamp(f->w, 3, 2);
    refuse(f, VT_E_EXPIRED, "timestamp version 3 expired");
}

/* The checkpoint of today tells that the metadata is of long ago. */
static void
test_clock_behind_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    release_one(f);
    f->log.time = (uint64_t)NOW + 1000;
    log_checkpoint(&f->log, &b);
    world_store(f->w, "checkpoint", b.data, b.len);
    refuse(f, VT_E_EXPIRED, "expired at");
    assert_false(is_there(f, "products/lantern/current"));
    vt_buf_release(&b);
}

/* The passport itself is newer than the expiry: found before installing. */
static void
test_clock_behind_passport(void **state)
{
    struct fixture *f = *state;
    f->log.time = (uint64_t)NOW + 2000;
    release_one(f);
    refuse(f, VT_E_EXPIRED, "expired at");
    assert_false(is_there(f, "products/lantern/current"));
}

static void
test_bad_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    release_one(f);
    log_checkpoint(&f->log, &b);
    b.data[b.len - 5] ^= 1;
    world_store(f->w, "checkpoint", b.data, b.len);
    refuse(f, VT_E_SIG, "the log's checkpoint");
    vt_buf_release(&b);
}

static void
test_damaged_time_record(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    path_in(f, path, ".vitrine/time");
    assert_int_equal(vt_file_replace(path, 0644, "soon\n", 5, NULL), VT_OK);
    refuse(f, VT_E_SYNTAX, "not a number of seconds");
}

/*
 * Repairs.
 */

static void
test_repairs(void **state)
{
    struct fixture *f = *state;
    static const char *const victims[] = {"products/lantern/1.0.0/lantern.bin",
        "products/lantern/current", ".vitrine/artifacts", ".vitrine/trees",
        "products/lantern/1.0.0"};
    char path[VT_PATH_MAX];
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    for (size_t i = 0; i < sizeof victims / sizeof victims[0]; i++) {
        struct stat st;
        path_in(f, path, victims[i]);
        assert_int_equal(lstat(path, &st), 0);
        if (S_ISDIR(st.st_mode))
            assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
        else
            assert_int_equal(unlink(path), 0);
        expect(f, VT_INSTALL_REPAIRED, "1.0.0");
        expect_current(f, ONE);
        expect(f, VT_INSTALL_CURRENT, "1.0.0");
    }
    path_in(f, path, "products/lantern/1.0.0/lantern.bin");
    assert_int_equal(vt_file_replace(path, 0644, "changed", 7, NULL), VT_OK);
    expect(f, VT_INSTALL_REPAIRED, "1.0.0");
    expect_current(f, ONE);
    path_in(f, path, "products/lantern/1.0.0/added");
    assert_int_equal(vt_file_replace(path, 0644, "added", 5, NULL), VT_OK);
    expect(f, VT_INSTALL_REPAIRED, "1.0.0");
    assert_false(is_there(f, "products/lantern/1.0.0/added"));
}

/* A kept artifact that was changed is not what is repaired from. */
static void
test_changed_artifact_is_fetched_again(void **state)
{
    struct fixture *f = *state;
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE], rest[400], path[VT_PATH_MAX];
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    vt_digest_of(ONE, sizeof ONE - 1, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(rest, sizeof rest, ".vitrine/artifacts/%s.lantern.bin", hex);
    path_in(f, path, rest);
    assert_int_equal(vt_file_replace(path, 0644, TWO, sizeof TWO - 1, NULL), VT_OK);
    expect(f, VT_INSTALL_REPAIRED, "1.0.0");
    expect_current(f, ONE);
    (void)snprintf(rest, sizeof rest, ".vitrine/artifacts/%s.lantern.bin.passport", hex);
    path_in(f, path, rest);
    assert_int_equal(vt_file_replace(path, 0644, "x", 1, NULL), VT_OK);
    expect(f, VT_INSTALL_REPAIRED, "1.0.0");
}

static void
test_damaged_installed_record(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    path_in(f, path, ".vitrine/installed/products/lantern.json");
    assert_int_equal(vt_file_replace(path, 0644, "{}", 2, NULL), VT_OK);
    refuse(f, VT_E_SYNTAX, "lantern.json");
}

static void
test_sweeps(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];
    static const char *const left[] = {"products/lantern/.tmp-abcdef/bin",
        ".vitrine/artifacts/.tmp-1", ".vitrine/metadata/root_history/.tmp-2"};
    release_one(f);
    for (size_t i = 0; i < 3; i++) {
        path_in(f, path, left[i]);
        assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    }
    path_in(f, path, "products/lantern/.tmp-file");
    assert_int_equal(vt_file_replace(path, 0644, "x", 1, NULL), VT_OK);
    path_in(f, path, "products/keep");
    assert_int_equal(vt_file_replace(path, 0644, "x", 1, NULL), VT_OK);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    assert_false(is_there(f, "products/lantern/.tmp-abcdef"));
    assert_false(is_there(f, "products/lantern/.tmp-file"));
    assert_false(is_there(f, ".vitrine/artifacts/.tmp-1"));
    assert_false(is_there(f, ".vitrine/metadata/root_history/.tmp-2"));
    assert_true(is_there(f, "products/keep"));
}

static void
test_one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct vt_lock lock;
    char path[VT_PATH_MAX];
    pid_t pid;
    int status = 0;
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    path_in(f, path, ".vitrine/lock");
    assert_int_equal(vt_lock_take(&lock, path, "test", NULL), VT_OK);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vt_update_report r;
        _exit(update(f, &r, NULL) == VT_E_BUSY ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    vt_lock_release(&lock);
}

static void
test_no_space(void **state)
{
    struct fixture *f = *state;
    struct vt_update_report r;
    struct vt_why why = {{0}};
    release_one(f);
    /* A target that no disk has room for. */
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    json_t *doc = world_document(f->w, VT_TUF_TARGETS, 2);
    (void)json_object_set_new(doc, "targets", json_object());
    world_add_target(doc, "lantern", "1.0.0", "lantern.bin", ONE, sizeof ONE - 1);
    (void)json_object_set_new(
        json_object_get(json_object_get(doc, "targets"), "lantern/1.0.0/lantern.bin"), "length",
        json_integer(INT64_MAX));
    world_sign(f->w, "tuf/metadata/2.products.json", doc);
    world_publish(f->w, 2, 1, 2);
    assert_int_equal(update(f, &r, &why), VT_E_NOSPC);
    assert_non_null(strstr(why.text, "make room"));
    vt_update_report_release(&r);
}

/*
 * Dying.
 */

/* Runs one update in a child that dies before its n-th call; false when it got
 * to the end. */
static bool
died_at(struct fixture *f, int n)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vt_update_report r;
        die_at = n;
        _exit(update(f, &r, NULL) == VT_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77)
        assert_int_equal(WEXITSTATUS(status), 0);
    return WEXITSTATUS(status) == 77;
}

/* Threat 18: after each death there is the old version or the new one, whole,
 * and the same command completes. */
static void
test_dies_anywhere(void **state)
{
    struct fixture *f = *state;
    int n = 1;
    for (;; n++) {
        char path[VT_PATH_MAX];
        struct vt_buf b = VT_BUF(4096);
        assert_int_equal(vt_tree_remove(f->into, NULL), VT_OK);
        release_one(f);
        expect(f, VT_INSTALL_NEW, "1.0.0");
        release_two(f);
        bool died = died_at(f, n);
        path_in(f, path, "products/lantern/current/lantern.bin");
        assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
        if (strcmp(vt_buf_str(&b), ONE) != 0 && strcmp(vt_buf_str(&b), TWO) != 0)
            fail_msg("death %d left \"%s\"", n, vt_buf_str(&b));
        vt_buf_release(&b);
        struct vt_update_report r;
        struct vt_why why = {{0}};
        if (update(f, &r, &why) != VT_OK)
            fail_msg("death %d: the next update is refused: %s", n, why.text);
        vt_update_report_release(&r);
        expect_current(f, TWO);
        expect(f, VT_INSTALL_CURRENT, "1.0.1");
        if (!died)
            break;
    }
    assert_true(n > 20);
}

/* The same while a damaged folder is exchanged for a whole one. */
static void
test_dies_while_repairing(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];
    release_one(f);
    expect(f, VT_INSTALL_NEW, "1.0.0");
    for (int n = 1;; n++) {
        path_in(f, path, "products/lantern/1.0.0/lantern.bin");
        assert_int_equal(vt_file_replace(path, 0644, "damaged", 7, NULL), VT_OK);
        bool died = died_at(f, n);
        assert_true(is_there(f, "products/lantern/current/lantern.bin"));
        struct vt_update_report r;
        assert_int_equal(update(f, &r, NULL), VT_OK);
        vt_update_report_release(&r);
        expect_current(f, ONE);
        expect(f, VT_INSTALL_CURRENT, "1.0.0");
        if (!died)
            break;
    }
}

/*
 * Parts.
 */

static void
test_treesum(void **state)
{
    struct fixture *f = *state;
    struct vt_digest a, b;
    char dir[VT_PATH_MAX], path[VT_PATH_MAX];
    assert_int_equal(vt_path(dir, NULL, "%s/sum", f->w->dir), VT_OK);
    assert_int_equal(vt_treesum(dir, &a, NULL), VT_E_NOENT);
    assert_int_equal(vt_path(path, NULL, "%s/sum/x", f->w->dir), VT_OK);
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    assert_int_equal(vt_treesum(dir, &a, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/sum/x/f", f->w->dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, "1", 1, NULL), VT_OK);
    assert_int_equal(vt_treesum(dir, &b, NULL), VT_OK);
    assert_false(vt_digest_eq(&a, &b));
    a = b;
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(vt_treesum(dir, &b, NULL), VT_OK);
    assert_false(vt_digest_eq(&a, &b));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(vt_treesum(dir, &b, NULL), VT_OK);
    assert_true(vt_digest_eq(&a, &b));
    assert_int_equal(vt_path(path, NULL, "%s/sum/l", f->w->dir), VT_OK);
    assert_int_equal(symlink("x/f", path), 0);
    assert_int_equal(vt_treesum(dir, &b, NULL), VT_OK);
    assert_false(vt_digest_eq(&a, &b));
    assert_int_equal(vt_path(path, NULL, "%s/sum/p", f->w->dir), VT_OK);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_int_equal(vt_treesum(dir, &b, NULL), VT_E_REFUSED);
}

/* A folder with a site's public files serves as well as HTTP does. */
static void
test_folder_mirror(void **state)
{
    struct fixture *f = *state;
    struct vt_mirror m = {0};
    struct vt_buf b = VT_BUF(8);
    struct vt_digest d;
    uint64_t len = 0;
    char path[VT_PATH_MAX], dir[VT_PATH_MAX];
    assert_int_equal(vt_path(dir, NULL, "%s/public", f->w->dir), VT_OK);
    assert_int_equal(vt_mirror_open(dir, &m, NULL), VT_E_NOENT);
    assert_int_equal(vt_path(path, NULL, "%s/public/a", f->w->dir), VT_OK);
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/public/a/b", f->w->dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, "12345678", 8, NULL), VT_OK);
    assert_int_equal(vt_mirror_open(path, &m, NULL), VT_E_USAGE);
    assert_int_equal(vt_mirror_open(dir, &m, NULL), VT_OK);
    assert_int_equal(m.get(m.ctx, "a/b", &b, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&b), "12345678");
    assert_int_equal(m.get(m.ctx, "a/b", &b, NULL), VT_E_LIMIT);
    assert_int_equal(m.get(m.ctx, "a/c", &b, NULL), VT_E_NOENT);
    assert_int_equal(m.get(m.ctx, "../customer", &b, NULL), VT_E_USAGE);
    assert_int_equal(m.get(m.ctx, "/etc/passwd", &b, NULL), VT_E_USAGE);
    vt_buf_clear(&b);
    assert_int_equal(m.get(m.ctx, "a", &b, NULL), VT_E_IO);
    assert_int_equal(vt_path(path, NULL, "%s/out", f->w->dir), VT_OK);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(m.get_fd(m.ctx, "a/b", fd, 7, NULL, NULL, &d, &len, NULL), VT_E_LIMIT);
    assert_int_equal(m.get_fd(m.ctx, "a/b", fd, 8, NULL, NULL, &d, &len, NULL), VT_OK);
    assert_int_equal(len, 8);
    (void)close(fd);
    vt_mirror_close(&m);
    vt_mirror_close(&m);
    vt_buf_release(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_installs),
        T(test_keeps_the_proof),
        T(test_unpacks_archives),
        T(test_broken_archive),
        T(test_no_passport),
        T(test_passport_of_another),
        T(test_one_rebuilder_only),
        T(test_artifact_bytes),
        T(test_same_version_other_bytes),
        T(test_no_way_back),
        T(test_publisher_goes_back),
        T(test_delegation_limits),
        T(test_odd_targets),
        T(test_two_targets_of_a_product),
        T(test_all_or_nothing),
        T(test_clock_set_back),
        T(test_clock_behind_checkpoint),
        T(test_clock_behind_passport),
        T(test_bad_checkpoint),
        T(test_damaged_time_record),
        T(test_repairs),
        T(test_changed_artifact_is_fetched_again),
        T(test_damaged_installed_record),
        T(test_sweeps),
        T(test_one_at_a_time),
        T(test_no_space),
        T(test_dies_anywhere),
        T(test_dies_while_repairing),
        T(test_treesum),
        T(test_folder_mirror),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
