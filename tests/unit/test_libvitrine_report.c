/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reporting by the public API, used as a product would use it.
 */
#include "vitrine/vitrine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report_world.h"

struct fixture {
    struct report_world w;
    char secret[VT_PATH_MAX];
    const char *vaults[2];
    struct vitrine_reporter_options o;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vt_why why = {{0}};

    if (f == NULL)
        return -1;
    rw_init(&f->w);
    fv_start(&f->w.zurich);
    lw_must(vt_path(f->secret, &why, "%s/secret", f->w.dir), &why);
    lw_must(vt_customer_secret_new(f->secret, &why), &why);
    f->vaults[0] = f->w.zurich.url;
    f->o = (struct vitrine_reporter_options){.size = sizeof f->o,
        .spool = f->w.spool,
        .policy = f->w.trust,
        .vaults = f->vaults,
        .region = "EU",
        .data_class = "detection",
        .customer = "acme",
        .secret = f->secret,
        .linger_ms = 60000};
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    rw_release(&f->w);
    free(f);
    return 0;
}

static struct vitrine_reporter *
open_reporter(struct fixture *f)
{
    struct vitrine_reporter *r = NULL;
    struct vitrine_message m = {{0}};
    enum vitrine_error err = vitrine_reporter_new(&f->o, &r, &m);

    if (err != VITRINE_OK)
        fail_msg("%s: %s", vitrine_error_name(err), m.text);
    assert_string_equal(m.text, "");
    return r;
}

static void
test_report(void **state)
{
    struct fixture *f = *state;
    struct vitrine_reporter *r = open_reporter(f);
    struct vitrine_reporter_status s = {.size = sizeof s};
    struct {
        size_t size;
        uint64_t records;
        uint64_t unsealed;
    } little = {.size = 2 * sizeof(uint64_t), .unsealed = 77};

    assert_string_equal(vitrine_reporter_site(r), "zurich.example");
    assert_int_equal(vitrine_reporter_add(r, "dora", "{\"n\":1}", 7), VITRINE_OK);
    assert_int_equal(vitrine_reporter_add(r, "dora", "{\"n\":2}", 7), VITRINE_OK);
    vitrine_reporter_status(r, &s);
    assert_int_equal(s.records, 2);
    assert_int_equal(s.unsealed, 2);
    assert_int_equal(s.policy_serial, 1);
    assert_int_equal(vitrine_reporter_flush(r, 120000), VITRINE_OK);
    vitrine_reporter_status(r, &s);
    assert_int_equal(s.acknowledged, 1);
    assert_int_equal(s.waiting, 0);
    /* A caller that was built when there was less to tell. */
    vitrine_reporter_status(r, (struct vitrine_reporter_status *)(void *)&little);
    assert_int_equal(little.records, 2);
    assert_int_equal(little.unsealed, 77);
    vitrine_reporter_free(&r);
    assert_null(r);
    vitrine_reporter_free(&r);
    vitrine_reporter_free(NULL);
    fv_stop(&f->w.zurich);
    assert_string_equal(vt_buf_str(&f->w.zurich.plain), "{\"n\":1}\n{\"n\":2}\n");
}

/* What is flushed without waiting is sent by a later one. */
static void
test_flush_to_disk(void **state)
{
    struct fixture *f = *state;
    struct vitrine_reporter *r;
    struct vitrine_reporter_status s = {.size = sizeof s};

    fv_answer(&f->w.zurich, 503, 0, "not now");
    r = open_reporter(f);
    assert_int_equal(vitrine_reporter_add(r, "dora", "x", 1), VITRINE_OK);
    assert_int_equal(vitrine_reporter_flush(r, 0), VITRINE_OK);
    assert_int_equal(vitrine_reporter_flush(r, 1), VITRINE_E_TIMEOUT);
    assert_non_null(strstr(vitrine_reporter_message(r), "1 batches wait"));
    vitrine_reporter_status(r, &s);
    assert_int_equal(s.unsealed, 0);
    assert_int_equal(s.waiting, 1);
    vitrine_reporter_free(&r);
    fv_answer(&f->w.zurich, 200, 0, "");
    r = open_reporter(f);
    assert_int_equal(vitrine_reporter_flush(r, 120000), VITRINE_OK);
    assert_string_equal(vitrine_reporter_message(r), "");
    vitrine_reporter_free(&r);
}

static void
test_refusals(void **state)
{
    struct fixture *f = *state;
    struct vitrine_reporter *r = NULL;
    struct vitrine_reporter *second = NULL;
    struct vitrine_message m = {{0}};
    const char **needed[] = {&f->o.spool, &f->o.policy, &f->o.region, &f->o.data_class,
        &f->o.customer, &f->o.secret};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        const char *was = *needed[i];

        *needed[i] = NULL;
        assert_int_equal(vitrine_reporter_new(&f->o, &r, &m), VITRINE_E_USAGE);
        *needed[i] = was;
    }
    f->o.size--;
    assert_int_equal(vitrine_reporter_new(&f->o, &r, NULL), VITRINE_E_USAGE);
    f->o.size++;
    f->vaults[0] = NULL;
    assert_int_equal(vitrine_reporter_new(&f->o, &r, &m), VITRINE_E_USAGE);
    f->vaults[0] = f->w.zurich.url;
    f->o.region = "eu";
    assert_int_equal(vitrine_reporter_new(&f->o, &r, &m), VITRINE_E_USAGE);
    f->o.region = "XX";
    assert_int_not_equal(vitrine_reporter_new(&f->o, &r, &m), VITRINE_OK);
    f->o.region = "EU";
    f->o.secret = f->w.trust;
    assert_int_equal(vitrine_reporter_new(&f->o, &r, &m), VITRINE_E_CONFIG);
    f->o.secret = f->secret;
    assert_null(r);
    r = open_reporter(f);
    assert_int_equal(vitrine_reporter_new(&f->o, &second, &m), VITRINE_E_BUSY);
    assert_int_equal(vitrine_reporter_add(r, "", "x", 1), VITRINE_E_USAGE);
    assert_int_equal(vitrine_reporter_add(r, "dora", "a\nb", 3), VITRINE_E_SYNTAX);
    assert_true(vitrine_reporter_message(r)[0] != '\0');
    vitrine_reporter_free(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_report),
        TEST(test_flush_to_disk),
        TEST(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
