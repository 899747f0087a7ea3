/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a customer is told of accesses: only what a receipt proves against the ledger; and the
 * files that name data subjects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

#include "ledger_folder.h"

#include "http/server.h"
#include "report/subject_file.h"
#include "vault/accesses.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t tag[VT_CUSTOMER_TAG_SIZE] = {1, 2, 3};

/* A vault that has receipts as files, and nothing else. */
struct fixture {
    struct ledger_world w;
    struct ledger_folder f;
    struct vt_desk *desk;
    char receipts[VT_PATH_MAX];
    struct vt_http_folder folders[2];
    int listen_fd;
    int stop[2];
    char url[128];
    pthread_t thread;
    size_t count;
    struct vt_access seen[LW_ENTRIES];
};

static void *
serve(void *arg)
{
    static const struct vt_http_route routes[] = {{.method = NULL}};
    struct fixture *f = arg;
    const struct vt_http_server_opts opts = {.routes = routes, .folders = f->folders};

    return vt_http_serve(f->listen_fd, f->stop[0], &opts, NULL) == VT_OK ? f : NULL;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vt_why why = {{0}};

    assert_non_null(f);
    lw_init(&f->w);
    lf_init(&f->f);
    lw_must(vt_desk_new(f->f.pub, f->w.trust, NULL, &f->desk, &why), &why);
    lw_must(vt_path(f->receipts, &why, "%s/receipts", f->f.dir), &why);
    lw_must(vt_dir_make(f->receipts, 0700, &why), &why);
    f->folders[0] = (struct vt_http_folder){.prefix = "/vault/v1/accesses/",
        .dir = f->receipts,
        .content_type = "application/octet-stream",
        .cache = "no-store"};
    lw_must(vt_http_listen("127.0.0.1:0", &f->listen_fd, f->url, &why), &why);
    assert_int_equal(pipe2(f->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    close(f->stop[1]);
    pthread_join(f->thread, NULL);
    close(f->stop[0]);
    close(f->listen_fd);
    vt_desk_free(f->desk);
    lf_release(&f->f);
    lw_release(&f->w);
    free(f);
    return 0;
}

/* The tree of a run that read 5 records of another customer and `mine` of ours. */
static struct vt_customers *
customers(uint64_t mine)
{
    static const uint8_t other[VT_CUSTOMER_TAG_SIZE] = {9};
    uint8_t salt[16] = {(uint8_t)mine};
    struct vt_customers *c = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_customers_new(salt, &c, &why), &why);
    lw_must(vt_customers_add(c, other, 5, &why), &why);
    if (mine > 0)
        lw_must(vt_customers_add(c, tag, mine, &why), &why);
    return c;
}

/* Says a run over those customers; returns its entry. NULL: it read nothing. */
static size_t
say_run(struct ledger_world *w, struct vt_customers *c, size_t number, enum lw_party who)
{
    struct vt_request r = lw_request(w);
    struct vt_run run = {.policy = *vt_vault_policy_digest(w->policy),
        .grant = {{7}},
        .has_job = true,
        .job = r.job,
        .started = LW_ASKED + 40 + (int64_t)number,
        .finished = LW_ASKED + 90,
        .outcome = VT_OUTCOME_DONE};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    run.request = w->item[1].digest;
    (void)snprintf(run.site, sizeof run.site, "%s", lw_names[LW_ZURICH]);
    if (c != NULL) {
        run.has_customers_root = true;
        lw_must(vt_customers_end(c, &run.customers, &run.customers_root, &why), &why);
    }
    lw_must(vt_run_doc(&run, &d, &why), &why);
    return lw_say(w, d, who);
}

/* Gives the receipt of that tree for a run. */
static void
give(struct fixture *f, size_t run, const struct vt_customers *c)
{
    struct vt_buf b = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    struct vt_why why = {{0}};
    char hex[VT_DIGEST_HEX_SIZE], tag_hex[2 * VT_CUSTOMER_TAG_SIZE + 1], path[VT_PATH_MAX];

    vt_digest_hex(&f->w.item[run].digest, hex);
    vt_hex_encode(tag, sizeof tag, tag_hex);
    lw_must(vt_path(path, &why, "%s/%s", f->receipts, hex), &why);
    lw_must(vt_dir_make(path, 0755, &why), &why);
    lw_must(vt_path(path, &why, "%s/%s/%s", f->receipts, hex, tag_hex), &why);
    lw_must(vt_customers_receipt(c, tag, &b, &why), &why);
    lw_must(vt_file_replace(path, 0644, b.data, b.len, &why), &why);
    vt_buf_release(&b);
}

static enum vt_err
keep(void *ctx, const struct vt_access *a, struct vt_why *why)
{
    struct fixture *f = ctx;

    (void)why;
    f->seen[f->count++] = *a;
    return VT_OK;
}

static void
test_only_receipts_prove(void **state)
{
    struct fixture *f = *state;
    struct vt_customers *touched = customers(3), *untouched = customers(0),
                        *kept = customers(4);
    struct vt_customers *false_one = customers(6);
    struct vt_request r = lw_request(&f->w);
    const char *vaults[2] = {"http://127.0.0.1:1", f->url};
    struct vt_why why = {{0}};
    size_t run[4];

    (void)lw_say_request(&f->w, &r, LW_CAROL);
    run[0] = say_run(&f->w, touched, 0, LW_ZURICH);
    run[1] = say_run(&f->w, untouched, 1, LW_ZURICH);
    run[2] = say_run(&f->w, kept, 2, LW_ZURICH); /* no receipt is given */
    run[3] = say_run(&f->w, false_one, 3, LW_ZURICH);
    (void)say_run(&f->w, NULL, 4, LW_STRANGER); /* by nobody who keeps data */
    (void)say_run(&f->w, NULL, 5, LW_ZURICH);   /* read nothing */
    give(f, run[0], touched);
    give(f, run[1], untouched);
    give(f, run[3], untouched); /* of another run */
    lf_publish(&f->f, &f->w);
    lw_must(vt_desk_refresh(f->desk, &why), &why);
    lw_must(vt_desk_accesses(f->desk, vaults, 2, tag, keep, f, &why), &why);
    assert_int_equal(f->count, 5);
    assert_int_equal(f->seen[4].verdict, VT_ACCESS_UNTOUCHED);
    assert_int_equal(f->seen[0].verdict, VT_ACCESS_TOUCHED);
    assert_int_equal(f->seen[0].records, 3);
    assert_int_equal(f->seen[0].index, run[0]);
    assert_true(f->seen[0].has_request);
    assert_string_equal(f->seen[0].request.requester, "carol.example");
    assert_int_equal(f->seen[1].verdict, VT_ACCESS_UNTOUCHED);
    assert_int_equal(f->seen[2].verdict, VT_ACCESS_NO_RECEIPT);
    assert_int_equal(f->seen[3].verdict, VT_ACCESS_FALSE);
    assert_true(f->seen[3].why.text[0] != '\0');
    vt_customers_free(touched);
    vt_customers_free(untouched);
    vt_customers_free(kept);
    vt_customers_free(false_one);
}

static enum vt_err
stop(void *ctx, const struct vt_access *a, struct vt_why *why)
{
    (void)a;
    (void)why;
    ++*(int *)ctx;
    return VT_E_EXIST;
}

static void
test_without_vaults_nothing_is_proven(void **state)
{
    struct fixture *f = *state;
    struct vt_customers *c = customers(1);
    struct vt_request r = lw_request(&f->w);
    struct vt_why why = {{0}};
    int count = 0;

    assert_int_equal(vt_desk_accesses(f->desk, NULL, 0, tag, keep, f, &why), VT_E_STATE);
    (void)lw_say_request(&f->w, &r, LW_CAROL);
    (void)say_run(&f->w, c, 0, LW_ZURICH);
    (void)say_run(&f->w, c, 1, LW_ZURICH);
    lf_publish(&f->f, &f->w);
    lw_must(vt_desk_refresh(f->desk, &why), &why);
    lw_must(vt_desk_accesses(f->desk, NULL, 0, tag, keep, f, &why), &why);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->seen[1].verdict, VT_ACCESS_NO_RECEIPT);
    assert_int_equal(vt_desk_accesses(f->desk, NULL, 0, tag, stop, &count, &why), VT_OK);
    assert_int_equal(count, 1);
    assert_string_equal(vt_access_verdict_name(VT_ACCESS_FALSE), "false-receipt");
    vt_customers_free(c);
}

static void
test_subject_files(void **state)
{
    struct fixture *f = *state;
    static const uint8_t ada[VT_SUBJECT_SIZE] = {4}, bea[VT_SUBJECT_SIZE] = {5};
    uint8_t a[32], b[32];
    struct vt_digest said, again, opened;
    struct vt_why why = {{0}};
    struct stat st;
    char path[VT_PATH_MAX], salt[VT_PATH_MAX];

    lw_must(vt_path(path, &why, "%s/secret", f->f.dir), &why);
    lw_must(vt_path(salt, &why, "%s/salt", f->f.dir), &why);
    assert_int_equal(vt_customer_secret_load(path, a, &why), VT_E_NOENT);
    lw_must(vt_customer_secret_new(path, &why), &why);
    assert_int_equal(vt_customer_secret_new(path, &why), VT_E_EXIST);
    lw_must(vt_customer_secret_load(path, a, &why), &why);
    lw_must(vt_customer_secret_load(path, b, &why), &why);
    assert_memory_equal(a, b, 32);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(vt_customer_secret_load(path, b, &why), VT_E_CONFIG);

    lw_must(vt_subject_opening_new(salt, ada, &said, &why), &why);
    lw_must(vt_subject_opening_new(salt, ada, &again, &why), &why);
    assert_true(vt_digest_eq(&said, &again));
    assert_int_equal(vt_subject_opening_new(salt, bea, &again, &why), VT_E_EXIST);
    lw_must(vt_subject_opening_load(salt, a, &why), &why);
    assert_memory_equal(a + 16, ada, sizeof ada);
    vt_subject_commit(a, a + 16, &opened);
    assert_true(vt_digest_eq(&said, &opened));
    assert_int_equal(vt_file_replace(salt, 0600, "00ff\n", 5, &why), VT_OK);
    assert_int_equal(vt_subject_opening_load(salt, a, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "64 lower-case hex digits"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_receipts_prove, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_without_vaults_nothing_is_proven, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_subject_files, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
