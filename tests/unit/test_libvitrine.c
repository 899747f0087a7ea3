/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public API, used as a product would use it, over files that the fixtures
 * make in a folder.
 */
#include "vitrine/vitrine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proof_world.h"

struct fixture {
    struct world *w;
    struct test_log log;
    char policy[VT_PATH_MAX];
    char into[VT_PATH_MAX];
    char public[VT_PATH_MAX];
};

#define ONE "one: the bytes of lantern 1.0.0"

/* Everything that the repository in memory has, as files below public/. */
static void
put_files(struct fixture *f)
{
    for (size_t i = 0; i < f->w->count; i++) {
        char path[VT_PATH_MAX], dir[VT_PATH_MAX];
        assert_int_equal(vt_path(path, NULL, "%s/%s", f->public, f->w->file[i].path), VT_OK);
        memcpy(dir, path, sizeof dir);
        *strrchr(dir, '/') = '\0';
        assert_int_equal(vt_dir_make(dir, 0755, NULL), VT_OK);
        assert_int_equal(
            vt_file_replace(path, 0644, f->w->file[i].data, f->w->file[i].len, NULL), VT_OK);
    }
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vt_buf policy = VT_BUF(VT_POLICY_MAX);
    if (f == NULL)
        return -1;
    f->w = world_new();
    f->w->expires = INT64_C(4000000000); /* this API has the system's clock */
    f->log.time = 1000000000;
    assert_int_equal(vt_path(f->policy, NULL, "%s/policy", f->w->dir), VT_OK);
    assert_int_equal(vt_path(f->into, NULL, "%s/into", f->w->dir), VT_OK);
    assert_int_equal(vt_path(f->public, NULL, "%s/public", f->w->dir), VT_OK);
    put_policy(&policy);
    assert_int_equal(vt_file_replace(f->policy, 0644, policy.data, policy.len, NULL), VT_OK);
    vt_buf_release(&policy);
    WORLD_BY(f->w, ROOT);
    world_root(f->w, 1, ROOT, RELEASE);
    world_targets(f->w, 1);
    WORLD_BY(f->w, ASSEMBLER, ALPHA, BETA);
    world_channel(f->w, 1, "1.0.0", ONE, sizeof ONE - 1, "lantern.bin");
    log_release(&f->log, f->w, ONE, sizeof ONE - 1, true);
    log_passport(&f->log, f->w, ONE, sizeof ONE - 1);
    world_publish(f->w, 1, 1, 1);
    put_files(f);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    log_free(&f->log);
    world_free(f->w);
    free(f);
    return 0;
}

static void
on_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    unsigned *calls = ctx;
    assert_non_null(strstr(what, "lantern.bin"));
    assert_true(total == 0 || done <= total);
    (*calls)++;
}

static struct vitrine_updater *
updater(struct fixture *f)
{
    struct vitrine_updater *u = NULL;
    struct vitrine_message m;
    const struct world_file *root = world_file(f->w, "tuf/metadata/1.root.json");
    if (vitrine_updater_new(f->public, f->policy, f->into, &u, &m) != VITRINE_OK)
        fail_msg("%s", m.text);
    assert_string_equal(m.text, "");
    assert_int_equal(vitrine_updater_set_root(u, root->data, root->len), VITRINE_OK);
    return u;
}

static void
test_update(void **state)
{
    struct fixture *f = *state;
    struct vitrine_updater *u = updater(f);
    unsigned calls = 0;
    vitrine_updater_set_progress(u, on_progress, &calls);
    assert_int_equal(vitrine_updater_products(u), 0);
    if (vitrine_updater_run(u, "products") != VITRINE_OK)
        fail_msg("%s", vitrine_updater_message(u));
    assert_string_equal(vitrine_updater_message(u), "");
    assert_int_equal(vitrine_updater_products(u), 1);
    assert_string_equal(vitrine_updater_product(u, 0), "lantern");
    assert_string_equal(vitrine_updater_product_version(u, 0), "1.0.0");
    assert_string_equal(vitrine_updater_was(u, 0), "");
    assert_int_equal(vitrine_updater_outcome(u, 0), VITRINE_INSTALLED);
    assert_non_null(strstr(vitrine_updater_folder(u, 0), "/products/lantern/1.0.0"));
    assert_true(calls >= 2);
    assert_int_equal(vitrine_updater_run(u, "products"), VITRINE_OK);
    assert_int_equal(vitrine_updater_outcome(u, 0), VITRINE_CURRENT);
    assert_int_equal(vitrine_updater_run(u, "databases"), VITRINE_E_NOENT);
    assert_non_null(strstr(vitrine_updater_message(u), "no channel databases"));
    assert_int_equal(vitrine_updater_products(u), 0);
    vitrine_updater_free(&u);
    assert_null(u);
    vitrine_updater_free(&u);
    vitrine_updater_free(NULL);
}

static void
test_update_refuses(void **state)
{
    struct fixture *f = *state;
    struct vitrine_updater *u = updater(f);
    WORLD_BY(f->w, ASSEMBLER, ALPHA);
    world_channel(f->w, 2, "1.0.1", "x", 1, "lantern.bin");
    world_publish(f->w, 2, 1, 2);
    put_files(f);
    assert_int_equal(vitrine_updater_run(u, "products"), VITRINE_E_QUORUM);
    assert_non_null(strstr(vitrine_updater_message(u), "beta.example/rebuilder"));
    vitrine_updater_free(&u);
}

static void
test_updater_new_refuses(void **state)
{
    struct fixture *f = *state;
    struct vitrine_updater *u = NULL;
    struct vitrine_message m;
    assert_int_equal(vitrine_updater_new(f->public, "/nonexistent/policy", f->into, &u, &m),
        VITRINE_E_NOENT);
    assert_non_null(strstr(m.text, "/nonexistent/policy"));
    assert_int_equal(vt_file_replace(f->policy, 0644, "nonsense\n", 9, NULL), VT_OK);
    assert_int_equal(
        vitrine_updater_new(f->public, f->policy, f->into, &u, NULL), VITRINE_E_CONFIG);
    assert_null(u);
}

static void
test_root_too_long(void **state)
{
    struct fixture *f = *state;
    struct vitrine_updater *u = updater(f);
    char *much = calloc(1, VT_TUF_ROOT_MAX + 1);
    assert_non_null(much);
    assert_int_equal(vitrine_updater_set_root(u, much, VT_TUF_ROOT_MAX + 1), VITRINE_E_LIMIT);
    assert_string_not_equal(vitrine_updater_message(u), "");
    assert_int_equal(vitrine_updater_run(u, "products"), VITRINE_E_CONFIG);
    free(much);
    vitrine_updater_free(&u);
}

/* The three files as a product would find them. */
static void
test_verify(void **state)
{
    struct fixture *f = *state;
    struct vitrine_proof *p = NULL;
    struct vitrine_message m;
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE], artifact[VT_PATH_MAX], passport[VT_PATH_MAX];
    vt_digest_of(ONE, sizeof ONE - 1, &d);
    vt_digest_hex(&d, hex);
    assert_int_equal(vt_path(artifact, NULL, "%s/artifact", f->w->dir), VT_OK);
    assert_int_equal(vt_file_replace(artifact, 0644, ONE, sizeof ONE - 1, NULL), VT_OK);
    assert_int_equal(
        vt_path(passport, NULL, "%s/passports/%s.passport", f->public, hex), VT_OK);
    if (vitrine_verify(artifact, passport, f->policy, &p, &m) != VITRINE_OK)
        fail_msg("%s", m.text);
    assert_string_equal(vitrine_proof_sha256(p), hex);
    assert_string_equal(vitrine_proof_log(p), LOG_NAME);
    assert_int_equal(vitrine_proof_log_size(p), 6);
    assert_int_equal(vitrine_proof_time(p), 1000000000);
    assert_int_equal(vitrine_proof_entries(p), 6);
    assert_string_equal(vitrine_proof_entry_kind(p, 0), "source");
    assert_string_equal(vitrine_proof_entry_signer(p, 3), "alpha");
    assert_int_equal(vitrine_proof_entry_index(p, 5), 5);
    vitrine_proof_free(&p);
    assert_null(p);
    vitrine_proof_free(&p);
    vitrine_proof_free(NULL);
    assert_int_equal(vitrine_verify(artifact, passport, f->policy, NULL, NULL), VITRINE_OK);

    assert_int_equal(vt_file_replace(artifact, 0644, "changed", 7, NULL), VT_OK);
    assert_int_equal(vitrine_verify(artifact, passport, f->policy, &p, &m), VITRINE_E_DIGEST);
    assert_non_null(strstr(m.text, artifact));
    assert_null(p);
    assert_int_equal(
        vitrine_verify("/nonexistent", passport, f->policy, &p, &m), VITRINE_E_NOENT);
    assert_int_equal(vitrine_verify(artifact, artifact, f->policy, &p, &m), VITRINE_E_SYNTAX);
}

static void
test_names(void **state)
{
    (void)state;
    assert_string_equal(vitrine_error_name(VITRINE_E_QUORUM), vt_err_name(VT_E_QUORUM));
    assert_non_null(vitrine_error_name((enum vitrine_error) - 9999));
    assert_string_not_equal(vitrine_version(), "");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_update),
        T(test_update_refuses),
        T(test_updater_new_refuses),
        T(test_root_too_long),
        T(test_verify),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
