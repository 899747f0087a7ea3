/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reporting from an endpoint to vaults that answer well, late, wrongly or not at all: what is
 * known of a region never goes back, and no record is lost or sent to who should not have it.
 */
#include "base/clock.h"
#include "http/client.h"
#include "report/agent.h"
#include "report/feed.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "report_world.h"

static int
setup(void **state)
{
    struct report_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    rw_init(w);
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    rw_release(*state);
    free(*state);
    return 0;
}

/* ---- What is known of a region. ---- */

static struct vt_known *
open_known(const struct report_world *w, const char *class_name)
{
    struct vt_known_opts o = {
        .trust = w->ledger.trust, .dir = w->dir, .region = "EU", .class_name = class_name};
    struct vt_known *k = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_known_new(&o, &k, &why), &why);
    return k;
}

/* Takes evidence and releases it; the key may be empty: none. */
static enum vt_err
take(struct vt_known *k, struct vt_buf policy, struct vt_buf key, struct vt_why *why)
{
    enum vt_err err =
        vt_known_take(k, policy.data, policy.len, key.len > 0 ? key.data : NULL, key.len, why);

    vt_buf_release(&policy);
    vt_buf_release(&key);
    return err;
}

static void
take_first(struct report_world *w, struct vt_known *k)
{
    struct vt_why why = {{0}};

    lw_must(take(k, rw_evidence(w, 0), rw_evidence(w, 1), &why), &why);
}

static struct vt_buf
nothing(void)
{
    return VT_BUF(1);
}

static void
test_known(void **state)
{
    struct report_world *w = *state;
    struct vt_known *k = open_known(w, "detection");
    struct vt_known_facts f;
    struct vt_box_public pub;

    assert_false(vt_known_get(k, &f));
    assert_int_equal(take(k, rw_evidence(w, 0), nothing(), NULL), VT_E_STATE);
    take_first(w, k);
    vt_known_free(k);
    /* It is known the next time, without anybody being asked. */
    k = open_known(w, "detection");
    assert_true(vt_known_get(k, &f));
    assert_int_equal(f.serial, 1);
    assert_string_equal(f.site, "zurich.example");
    assert_true(vt_digest_eq(&f.policy, &w->ledger.item[0].digest));
    vt_box_public(w->box, &pub);
    assert_memory_equal(&f.key, &pub, sizeof pub);
    take_first(w, k); /* the same again */
    vt_known_free(k);
    /* A class or region that the policy does not have. */
    k = open_known(w, "nosuch");
    assert_false(vt_known_get(k, &f));
    assert_int_equal(take(k, rw_evidence(w, 0), rw_evidence(w, 1), NULL), VT_E_REFUSED);
    vt_known_free(k);
}

/* What lies in the folder is checked again: changed, it is not believed. */
static void
test_known_is_checked(void **state)
{
    struct report_world *w = *state;
    struct vt_known *k = open_known(w, "detection");
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_known_facts f;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    take_first(w, k);
    vt_known_free(k);
    lw_must(vt_path(path, &why, "%s/EU.evidence", w->dir), &why);
    lw_must(vt_file_read(path, &b, &why), &why);
    b.data[b.len / 2] ^= 1;
    lw_must(vt_file_replace(path, 0600, b.data, b.len, &why), &why);
    k = open_known(w, "detection");
    assert_false(vt_known_get(k, &f));
    take_first(w, k); /* and fetched again */
    assert_true(vt_known_get(k, &f));
    vt_known_free(k);
    vt_buf_release(&b);
}

static void
test_policy_goes_forward_only(void **state)
{
    struct report_world *w = *state;
    struct vt_known *k = open_known(w, "detection");
    struct vt_known_facts f;
    struct vt_why why = {{0}};
    struct vt_digest other = {{1}};
    size_t second, wrong, same, third;

    take_first(w, k);
    wrong = lw_say(&w->ledger, rw_policy(2, &other, "", NULL), LW_AUTHORITY);
    same = lw_say(&w->ledger,
        rw_policy(1, NULL, "EU zurich.example CH", "EU frankfurt.example DE"), LW_AUTHORITY);
    second = rw_move(w);
    third = lw_say(
        &w->ledger, rw_policy(3, &w->ledger.item[second].digest, "", NULL), LW_AUTHORITY);
    assert_int_equal(take(k, rw_evidence(w, wrong), nothing(), &why), VT_E_PROOF);
    assert_int_equal(take(k, rw_evidence(w, same), nothing(), &why), VT_E_PROOF);
    lw_must(take(k, rw_evidence(w, second), nothing(), &why), &why);
    assert_true(vt_known_get(k, &f));
    assert_string_equal(f.site, "frankfurt.example");
    assert_int_equal(take(k, rw_evidence(w, 0), nothing(), &why), VT_E_ROLLBACK);
    /* An older proof of what is known is nothing new, and does no harm. */
    lw_must(take(k, rw_evidence_at(w, second, second + 1), nothing(), &why), &why);
    /* Also not after a restart. */
    vt_known_free(k);
    k = open_known(w, "detection");
    assert_int_equal(take(k, rw_evidence(w, 0), nothing(), &why), VT_E_ROLLBACK);
    lw_must(take(k, rw_evidence(w, third), nothing(), &why), &why);
    assert_true(vt_known_get(k, &f));
    assert_int_equal(f.serial, 3);
    vt_known_free(k);
}

/* Another log of the same names: a newer policy in it that stands no further on. */
static void
test_forked_log(void **state)
{
    struct report_world *w = *state;
    struct report_world other;
    struct vt_known *k = open_known(w, "detection");
    struct vt_why why = {{0}};
    size_t i;

    rw_init(&other);
    take_first(w, k); /* in a tree of 2 */
    other.ledger.count = 1;
    vt_buf_release(&other.ledger.item[1].doc);
    vt_buf_release(&other.ledger.item[1].entry);
    i = rw_move(&other);
    assert_int_equal(take(k, rw_evidence(&other, i), nothing(), &why), VT_E_PROOF);
    assert_non_null(strstr(why.text, "fork"));
    vt_known_free(k);
    rw_release(&other);
}

static void
test_policy_of_nobody(void **state)
{
    struct report_world *w = *state;
    struct vt_known *k = open_known(w, "detection");
    struct vt_why why = {{0}};
    size_t by_stranger = lw_say(&w->ledger, rw_policy(2, NULL, "", NULL), LW_STRANGER);
    size_t by_unknown = lw_say(&w->ledger, rw_policy(2, NULL, "", NULL), LW_UNKNOWN);

    assert_int_equal(
        take(k, rw_evidence(w, by_stranger), rw_evidence(w, 1), &why), VT_E_QUORUM);
    assert_int_equal(
        take(k, rw_evidence(w, by_unknown), rw_evidence(w, 1), &why), VT_E_UNKNOWN);
    /* A key in the policy's place, and nothing at all. */
    assert_int_equal(take(k, rw_evidence(w, 1), rw_evidence(w, 1), &why), VT_E_REFUSED);
    assert_int_equal(take(k, nothing(), rw_evidence(w, 1), &why), VT_E_SYNTAX);
    /* Too few witnesses. */
    w->ledger.cosigns[LW_WITNESS_1] = w->ledger.cosigns[LW_WITNESS_2] = false;
    assert_int_equal(take(k, rw_evidence(w, 0), rw_evidence(w, 1), &why), VT_E_QUORUM);
    vt_known_free(k);
}

static void
test_keys(void **state)
{
    struct report_world *w = *state;
    struct vt_known *k = open_known(w, "detection");
    struct vt_known_facts f;
    struct vt_why why = {{0}};
    size_t us = rw_say_key(w, "US", "frankfurt.example", LW_FRANKFURT, 2);
    size_t forged = rw_say_key(w, "EU", "zurich.example", LW_STRANGER, 3);
    size_t elsewhere = rw_say_key(w, "EU", "frankfurt.example", LW_FRANKFURT, 4);
    size_t renewed, moved;

    assert_int_equal(take(k, rw_evidence(w, 0), rw_evidence(w, us), &why), VT_E_REFUSED);
    assert_int_equal(take(k, rw_evidence(w, 0), rw_evidence(w, forged), &why), VT_E_REFUSED);
    take_first(w, k);
    assert_int_equal(take(k, rw_evidence(w, 0), rw_evidence(w, elsewhere), &why), VT_E_REFUSED);
    /* The region's own site may make a new one; the old one is then over. */
    renewed = rw_say_key(w, "EU", "zurich.example", LW_ZURICH, 5);
    lw_must(take(k, rw_evidence(w, 0), rw_evidence(w, renewed), &why), &why);
    assert_int_equal(take(k, rw_evidence(w, 0), rw_evidence(w, 1), &why), VT_E_ROLLBACK);
    /* When the region has moved, its key stays; only the new site may make another. */
    moved = rw_move(w);
    lw_must(take(k, rw_evidence(w, moved), rw_evidence(w, renewed), &why), &why);
    forged = rw_say_key(w, "EU", "zurich.example", LW_ZURICH, 6);
    assert_int_equal(
        take(k, rw_evidence(w, moved), rw_evidence(w, forged), &why), VT_E_REFUSED);
    elsewhere = rw_say_key(w, "EU", "frankfurt.example", LW_FRANKFURT, 7);
    lw_must(take(k, rw_evidence(w, moved), rw_evidence(w, elsewhere), &why), &why);
    assert_true(vt_known_get(k, &f));
    assert_string_equal(f.site, "frankfurt.example");
    vt_known_free(k);
}

/* ---- Reporting. ---- */

static void
test_all_arrives(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter_status st;
    struct vt_reporter *r;
    char subject[16], record[64];

    fv_start(&w->zurich);
    r = rw_reporter(w);
    for (int i = 0; i < 2500; i++) {
        (void)snprintf(subject, sizeof subject, "s%d", i % 7);
        (void)snprintf(record, sizeof record, "{\"n\":%d}", i);
        rw_add(r, subject, record);
    }
    vt_reporter_status(r, &st);
    assert_int_equal(st.records, 2500);
    assert_int_equal(st.unsealed, 500);
    rw_flush(r);
    vt_reporter_status(r, &st);
    assert_int_equal(st.spool.batches, 0);
    assert_int_equal(st.sender.batches, 3);
    assert_int_equal(st.sender.records, 2500);
    assert_string_equal(st.sender.url, w->zurich.url);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_false(w->zurich.spoilt);
    assert_int_equal(w->zurich.records, 2500);
    assert_non_null(strstr(vt_buf_str(&w->zurich.plain), "{\"n\":0}\n{\"n\":7}\n"));
    assert_non_null(strstr(vt_buf_str(&w->zurich.plain), "{\"n\":2499}\n"));
}

static void
test_records_refused(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r;
    struct vt_why why = {{0}};
    char *name = calloc(1, 1026);

    assert_non_null(name);
    memset(name, 'x', 1025);
    fv_start(&w->zurich);
    r = rw_reporter(w);
    assert_int_equal(vt_reporter_add(r, "", "x", 1, &why), VT_E_USAGE);
    assert_int_equal(vt_reporter_add(r, name, "x", 1, &why), VT_E_USAGE);
    assert_int_equal(vt_reporter_add(r, "s", "x\ny", 3, &why), VT_E_SYNTAX);
    assert_int_equal(vt_reporter_add(r, "s", "", 0, &why), VT_E_SYNTAX);
    rw_flush(r);
    vt_reporter_free(r);
    free(name);
    fv_stop(&w->zurich);
    assert_int_equal(w->zurich.posts, 0);
}

/* The first time a vault must answer; later none need to. */
static void
test_offline(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r = NULL;
    struct vt_reporter_status st;
    struct vt_why why = {{0}};

    fv_start(&w->zurich);
    fv_stop(&w->zurich);
    assert_int_equal(rw_try(w, 0, 0, &r, &why), VT_E_NET);
    fv_start(&w->zurich);
    vt_reporter_free(rw_reporter(w));
    fv_stop(&w->zurich);

    r = rw_reporter(w);
    rw_add(r, "s", "while it is away");
    assert_int_equal(vt_reporter_flush(r, 0, -1, NULL, NULL, &why), VT_E_TIMEOUT);
    vt_reporter_status(r, &st);
    assert_int_equal(st.spool.batches, 1);
    vt_reporter_free(r);
    fv_start(&w->zurich);
    r = rw_reporter(w);
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_string_equal(vt_buf_str(&w->zurich.plain), "while it is away\n");
}

/* The vault comes back while the reporter runs. */
static void
test_comes_back(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter_status st = {0};
    struct vt_reporter *r;

    fv_start(&w->zurich);
    r = rw_reporter(w);
    fv_stop(&w->zurich);
    rw_add(r, "s", "patience");
    assert_int_equal(vt_reporter_seal(r, NULL), VT_OK);
    while (st.sender.failures == 0) {
        (void)usleep(10000);
        vt_reporter_status(r, &st);
    }
    assert_true(st.sender.last.text[0] != '\0');
    fv_start(&w->zurich);
    rw_flush(r);
    vt_reporter_status(r, &st);
    assert_int_equal(st.sender.failures, 0);
    vt_reporter_free(r);
}

static void
test_asked_to_wait(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r;
    int64_t began = vt_clock_monotonic_ms();

    fv_start(&w->zurich);
    w->zurich.retry_after_s = 2;
    fv_answer(&w->zurich, 503, 1, "not-ready: the region is on its way here");
    r = rw_reporter(w);
    rw_add(r, "s", "later");
    rw_flush(r);
    assert_true(vt_clock_monotonic_ms() - began >= 2000);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_int_equal(w->zurich.posts, 2);
    assert_int_equal(w->zurich.batches, 1);
}

static void
test_refused_for_good(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter_status st;
    struct vt_reporter *r;
    struct vt_why why = {{0}};

    fv_start(&w->zurich);
    fv_answer(&w->zurich, 400, 1, "form: no batch");
    r = rw_reporter(w);
    rw_add(r, "s", "one");
    assert_int_equal(vt_reporter_seal(r, &why), VT_OK);
    rw_add(r, "s", "two");
    assert_int_equal(vt_reporter_flush(r, 120000, -1, NULL, NULL, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "no batch"));
    rw_flush(r); /* told once */
    vt_reporter_status(r, &st);
    assert_int_equal(st.spool.refused, 1);
    assert_int_equal(st.sender.refused, 1);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_string_equal(vt_buf_str(&w->zurich.plain), "two\n");
}

/* A file that the disk spoilt does not stop those behind it, and nobody is sent it. */
static void
test_spoilt_file(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter_status st;
    struct vt_reporter *r;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    fv_start(&w->zurich);
    vt_reporter_free(rw_reporter(w));
    lw_must(vt_path(path, &why, "%s/0000000000000001.batch", w->spool), &why);
    lw_must(vt_file_create(path, 0600, "VTB1 and no more", 16, &why), &why);
    r = rw_reporter(w);
    rw_add(r, "s", "good");
    assert_int_equal(vt_reporter_flush(r, 120000, -1, NULL, NULL, &why), VT_E_REFUSED);
    vt_reporter_status(r, &st);
    assert_int_equal(st.spool.refused, 1);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_int_equal(w->zurich.posts, 1);
}

/* The region moves while a batch for the first site waits: it goes to the second, as it is. */
static void
moves(struct report_world *w, const char *text)
{
    struct vt_reporter_status st;
    struct vt_reporter *r;

    r = rw_reporter(w);
    (void)rw_move(w);
    fv_answer(&w->zurich, 421, 0, text);
    rw_add(r, "s", "sealed for zurich");
    rw_flush(r);
    vt_reporter_status(r, &st);
    assert_string_equal(st.known.site, "frankfurt.example");
    assert_int_equal(st.known.serial, 2);
    assert_string_equal(st.sender.url, w->frankfurt.url);
    rw_add(r, "s", "sealed for frankfurt");
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->frankfurt);
    assert_int_equal(w->frankfurt.batches, 2);
    assert_false(w->frankfurt.spoilt);
    assert_int_equal(w->zurich.batches, 0);
}

static void
test_move_to_a_named_url(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r;
    char text[256], url[128];

    fv_start(&w->zurich);
    fv_start(&w->frankfurt);
    (void)snprintf(url, sizeof url, "%s", w->frankfurt.url);
    (void)snprintf(text, sizeof text, "region: EU is kept at frankfurt.example at %s", url);
    w->frankfurt.url[0] = '\0'; /* the endpoint was not told of it */
    {
        struct vt_reporter_status st;

        r = rw_reporter(w);
        (void)rw_move(w);
        fv_answer(&w->zurich, 421, 0, text);
        rw_add(r, "s", "one");
        rw_flush(r);
        vt_reporter_status(r, &st);
        assert_string_equal(st.sender.url, url);
        vt_reporter_free(r);
    }
    /* It is remembered: the first site may be gone. */
    fv_stop(&w->zurich);
    r = rw_reporter(w);
    rw_add(r, "s", "two");
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->frankfurt);
    assert_int_equal(w->frankfurt.batches, 2);
}

static void
test_move_to_a_given_url(void **state)
{
    struct report_world *w = *state;

    fv_start(&w->zurich);
    fv_start(&w->frankfurt);
    moves(w, "region: EU is kept at frankfurt.example");
}

/* The first address given is of the wrong site from the start. */
static void
test_wrong_url_first(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r;

    fv_start(&w->zurich);
    fv_start(&w->frankfurt);
    (void)rw_move(w);
    fv_answer(&w->zurich, 421, 0, "region: not here");
    r = rw_reporter(w);
    rw_add(r, "s", "found");
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->frankfurt);
    assert_int_equal(w->frankfurt.batches, 1);
}

/* A vault may not send the endpoint anywhere while the ledger does not say that it moved. */
static void
test_no_move_no_url(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter_status st = {0};
    struct vt_reporter *r;
    char text[256];

    fv_start(&w->zurich);
    fv_start(&w->frankfurt);
    (void)snprintf(text, sizeof text, "region: go away, it is at %s", w->frankfurt.url);
    w->frankfurt.url[0] = '\0';
    fv_answer(&w->zurich, 421, 0, text);
    r = rw_reporter(w);
    rw_add(r, "s", "stays");
    assert_int_equal(vt_reporter_seal(r, NULL), VT_OK);
    while (st.sender.failures < 2) {
        (void)usleep(10000);
        vt_reporter_status(r, &st);
    }
    assert_string_equal(st.sender.url, w->zurich.url);
    assert_int_equal(st.spool.batches, 1);
    vt_reporter_free(r);
    fv_stop(&w->frankfurt);
    assert_int_equal(w->frankfurt.posts, 0);
}

/* A batch made under a policy that nobody takes any more is laid aside, not tried for ever. */
static void
test_policy_is_over(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r;
    struct vt_why why = {{0}};
    size_t second;

    fv_start(&w->zurich);
    r = rw_reporter(w);
    second =
        lw_say(&w->ledger, rw_policy(2, &w->ledger.item[0].digest, "", NULL), LW_AUTHORITY);
    fv_give(&w->zurich, &w->zurich.policy, rw_evidence(w, second));
    fv_answer(&w->zurich, 421, 1,
        "policy: made under one that is neither in force nor the one before");
    rw_add(r, "s", "too late");
    assert_int_equal(vt_reporter_flush(r, 120000, -1, NULL, NULL, &why), VT_E_REFUSED);
    rw_add(r, "s", "in time");
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_string_equal(vt_buf_str(&w->zurich.plain), "in time\n");
}

static void
test_full_spool(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r = NULL;
    struct vt_reporter_status st;
    struct vt_why why = {{0}};
    uint8_t noise[1500];
    char record[sizeof noise * 2 + 1];
    uint64_t taken = 0;
    enum vt_err err = VT_OK;

    fv_start(&w->zurich);
    fv_answer(&w->zurich, 503, 0, "full: not now");
    lw_must(rw_try(w, 1024 * 1024, 0, &r, &why), &why);
    while (err == VT_OK && taken < 100000) {
        lw_must(vt_random(noise, sizeof noise, &why), &why);
        vt_hex_encode(noise, sizeof noise, record);
        err = vt_reporter_add(r, "s", record, sizeof noise * 2, &why);
        taken += err == VT_OK;
    }
    assert_int_equal(err, VT_E_NOSPC);
    assert_non_null(strstr(why.text, "full"));
    assert_false(vt_reporter_has_room(r, 1024 * 1024));
    assert_int_equal(vt_reporter_seal(r, &why), VT_E_NOSPC);
    vt_reporter_status(r, &st);
    assert_int_equal(st.records, taken);
    assert_true(st.spool.bytes <= 1024 * 1024);
    fv_answer(&w->zurich, 200, 0, "");
    rw_flush(r);
    rw_add(r, "s", "room again");
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_int_equal(w->zurich.records, taken + 1);
}

/* A batch is sealed without being full once its first record has waited. */
static void
test_linger(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r = NULL;
    struct vt_reporter_status st = {0};
    struct vt_why why = {{0}};

    fv_start(&w->zurich);
    lw_must(rw_try(w, 0, 20, &r, &why), &why);
    rw_add(r, "s", "soon");
    while (st.sender.records < 1) {
        (void)usleep(5000);
        vt_reporter_status(r, &st);
    }
    assert_int_equal(st.unsealed, 0);
    vt_reporter_free(r);
}

static void
test_stopped_flush(void **state)
{
    struct report_world *w = *state;
    struct vt_reporter *r;
    struct vt_why why = {{0}};
    int fd[2];

    fv_start(&w->zurich);
    fv_answer(&w->zurich, 503, 0, "not now");
    r = rw_reporter(w);
    rw_add(r, "s", "x");
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(write(fd[1], "x", 1), 1);
    assert_int_equal(vt_reporter_flush(r, -1, fd[0], NULL, NULL, &why), VT_E_BUSY);
    vt_reporter_free(r);
    close(fd[0]);
    close(fd[1]);
}

/* ---- Lines. ---- */

struct input {
    pthread_t thread;
    int fd[2];
    const char *text;
    size_t len;
};

static void *
write_input(void *arg)
{
    struct input *in = arg;

    for (size_t at = 0; at < in->len;) {
        ssize_t n = write(in->fd[1], in->text + at, in->len - at);

        if (n < 0)
            break;
        at += (size_t)n;
    }
    close(in->fd[1]);
    return NULL;
}

static enum vt_err
feed(struct vt_reporter *r, const char *text, size_t len, const char *field,
    const char *subject, struct vt_feed_report *ret)
{
    struct input in = {.text = text, .len = len};
    struct vt_feed_opts o = {.stop_fd = -1, .field = field, .subject = subject};
    struct vt_why why = {{0}};
    enum vt_err err;

    assert_int_equal(pipe(in.fd), 0);
    assert_int_equal(pthread_create(&in.thread, NULL, write_input, &in), 0);
    o.fd = in.fd[0];
    err = vt_feed_run(r, &o, ret, &why);
    pthread_join(in.thread, NULL);
    close(in.fd[0]);
    return err;
}

static void
test_feed(void **state)
{
    static const char text[] = "{\"user\":\"a\",\"n\":1}\n\nno json\n{\"user\":\"b\"}\r\n"
                               "{\"user\":{}}\n{\"user\":\"a\",\"n\":2}";
    struct report_world *w = *state;
    struct vt_feed_report f;
    struct vt_reporter *r;

    fv_start(&w->zurich);
    r = rw_reporter(w);
    assert_int_equal(feed(r, text, sizeof text - 1, "user", NULL, &f), VT_OK);
    assert_int_equal(f.lines, 5);
    assert_int_equal(f.records, 3);
    assert_int_equal(f.refused, 2);
    assert_int_equal(f.first_refused, 3);
    assert_non_null(strstr(f.first_why.text, "user"));
    assert_int_equal(feed(r, "plain\n", 6, "user", "x", &f), VT_OK);
    assert_int_equal(f.records, 1);
    assert_int_equal(feed(r, "", 0, NULL, "x", &f), VT_OK);
    assert_int_equal(f.lines, 0);
    assert_int_equal(feed(r, "x\n", 2, NULL, NULL, &f), VT_E_USAGE);
    rw_flush(r);
    vt_reporter_free(r);
    fv_stop(&w->zurich);
    assert_int_equal(w->zurich.records, 4);
    assert_non_null(strstr(vt_buf_str(&w->zurich.plain), "n\":1}\n{\"user\":\"a\",\"n\":2}\n"));
}

/* Lines around the limit, wherever reads happen to cut them. */
static void
test_feed_long_lines(void **state)
{
    static const size_t lens[] = {VT_RECORD_MAX, VT_RECORD_MAX + 1, 3, 3 * VT_RECORD_MAX, 5,
        VT_RECORD_MAX, VT_RECORD_MAX + 1};
    struct report_world *w = *state;
    struct vt_buf b = VT_BUF(16U * 1024 * 1024);
    struct vt_feed_report f;
    struct vt_reporter *r;

    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        uint8_t *p = vt_buf_reserve(&b, lens[i] + 1);

        assert_non_null(p);
        memset(p, 'x', lens[i]);
        p[lens[i]] = '\n';
        vt_buf_commit(&b, lens[i] + 1);
    }
    fv_start(&w->zurich);
    r = rw_reporter(w);
    assert_int_equal(
        feed(r, (const char *)b.data, b.len - 1, NULL, "s", &f), VT_OK); /* no last newline */
    assert_int_equal(f.lines, 7);
    assert_int_equal(f.refused, 3);
    assert_int_equal(f.first_refused, 2);
    assert_int_equal(f.records, 4);
    rw_flush(r);
    vt_reporter_free(r);
    vt_buf_release(&b);
    fv_stop(&w->zurich);
    assert_int_equal(w->zurich.records, 4);
    assert_false(w->zurich.spoilt);
}

/* ---- The agent. ---- */

struct agent {
    pthread_t thread;
    struct vt_agent_opts o;
    int stop[2];
    char url[128];
    enum vt_err err;
};

static void *
serve_agent(void *arg)
{
    struct agent *a = arg;

    a->err = vt_agent_serve(&a->o, NULL);
    return NULL;
}

static void
start_agent(struct agent *a, struct vt_reporter *r)
{
    *a = (struct agent){.o = {.reporter = r, .field = "user"}};
    assert_int_equal(vt_http_listen("127.0.0.1:0", &a->o.listen_fd, a->url, NULL), VT_OK);
    assert_int_equal(pipe(a->stop), 0);
    a->o.stop_fd = a->stop[0];
    assert_int_equal(pthread_create(&a->thread, NULL, serve_agent, a), 0);
}

static void
stop_agent(struct agent *a)
{
    close(a->stop[1]);
    pthread_join(a->thread, NULL);
    assert_int_equal(a->err, VT_OK);
    close(a->stop[0]);
    close(a->o.listen_fd);
}

static int
post(struct agent *a, const char *type, const char *body, size_t len, struct vt_buf *answer)
{
    struct vt_http *h = NULL;
    struct vt_why why = {{0}};
    int status = 0;

    vt_buf_clear(answer);
    lw_must(vt_http_new(NULL, &h, &why), &why);
    lw_must(vt_http_post(h, a->url, "v1/logs", type, body, len, &status, answer, &why), &why);
    vt_http_free(h);
    return status;
}

#define LOGS(attributes)                                                                       \
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":"          \
    "\"hello\"},\"attributes\":[" attributes "]}]}]}]}"
#define USER "{\"key\":\"user\",\"value\":{\"stringValue\":\"dora\"}}"

static void
test_agent(void **state)
{
    static const char json[] = "application/json";
    struct report_world *w = *state;
    struct vt_buf answer = VT_BUF(10000);
    struct vt_reporter_status st;
    struct vt_reporter *r;
    struct agent a;

    fv_start(&w->zurich);
    fv_answer(&w->zurich, 503, 0, "not now");
    r = rw_reporter(w);
    start_agent(&a, r);
    assert_int_equal(post(&a, json, LOGS(USER), strlen(LOGS(USER)), &answer), 200);
    assert_string_equal(vt_buf_str(&answer), "{}\n");
    /* What was answered is on disk. */
    vt_reporter_status(r, &st);
    assert_int_equal(st.spool.batches, 1);
    assert_int_equal(st.unsealed, 0);
    assert_int_equal(
        post(&a, "application/json; charset=utf-8", LOGS(""), strlen(LOGS("")), &answer), 200);
    assert_non_null(strstr(vt_buf_str(&answer), "\"rejectedLogRecords\":\"1\""));
    assert_int_equal(post(&a, json, "{", 1, &answer), 400);
    assert_non_null(strstr(vt_buf_str(&answer), "\"message\""));
    assert_int_equal(post(&a, "application/x-protobuf", "x", 1, &answer), 415);
    assert_int_equal(post(&a, "application/jsonp", "{}", 2, &answer), 415);
    fv_answer(&w->zurich, 200, 0, "");
    rw_flush(r);
    stop_agent(&a);
    vt_reporter_free(r);
    vt_buf_release(&answer);
    fv_stop(&w->zurich);
    assert_string_equal(vt_buf_str(&w->zurich.plain),
        "{\"body\":\"hello\",\"attributes\":{\"user\":\"dora\"}}\n");
}

static void
test_agent_full(void **state)
{
    struct report_world *w = *state;
    struct vt_buf answer = VT_BUF(10000);
    struct vt_reporter *r = NULL;
    struct vt_why why = {{0}};
    struct agent a;
    int status = 200;

    fv_start(&w->zurich);
    fv_answer(&w->zurich, 503, 0, "not now");
    lw_must(rw_try(w, 8192, 0, &r, &why), &why);
    start_agent(&a, r);
    for (int i = 0; i < 100 && status == 200; i++)
        status = post(&a, "application/json", LOGS(USER), strlen(LOGS(USER)), &answer);
    assert_int_equal(status, 503);
    assert_non_null(strstr(vt_buf_str(&answer), "full"));
    fv_answer(&w->zurich, 200, 0, "");
    rw_flush(r);
    assert_int_equal(
        post(&a, "application/json", LOGS(USER), strlen(LOGS(USER)), &answer), 200);
    stop_agent(&a);
    vt_reporter_free(r);
    vt_buf_release(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_known),
        TEST(test_known_is_checked),
        TEST(test_policy_goes_forward_only),
        TEST(test_forked_log),
        TEST(test_policy_of_nobody),
        TEST(test_keys),
        TEST(test_all_arrives),
        TEST(test_records_refused),
        TEST(test_offline),
        TEST(test_comes_back),
        TEST(test_asked_to_wait),
        TEST(test_refused_for_good),
        TEST(test_spoilt_file),
        TEST(test_move_to_a_named_url),
        TEST(test_move_to_a_given_url),
        TEST(test_wrong_url_first),
        TEST(test_no_move_no_url),
        TEST(test_policy_is_over),
        TEST(test_full_spool),
        TEST(test_linger),
        TEST(test_stopped_flush),
        TEST(test_feed),
        TEST(test_feed_long_lines),
        TEST(test_agent),
        TEST(test_agent_full),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
