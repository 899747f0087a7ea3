/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, approvals, and the check of a grant: one test for each way in which a key
 * must not be released, over a ledger made in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

#include <inttypes.h>

/* A world with carol's request; what the tests add to it. */
struct story {
    struct ledger_world w;
    struct vt_request request;
    size_t at[VT_EVIDENCE_COUNT_MAX]; /* the evidence: request, approvals, grant */
    size_t count;
    int64_t now;
    struct vt_ledger_view view;
    size_t known; /* consistency proof from there */
    struct vt_granted granted;
    enum vt_refusal refusal;
    struct vt_why why;
};

static void
story_init(struct story *s)
{
    memset(s, 0, sizeof *s);
    lw_init(&s->w);
    s->request = lw_request(&s->w);
    s->now = LW_NOW;
}

static void
say_request(struct story *s, enum lw_party who)
{
    s->at[s->count++] = lw_say_request(&s->w, &s->request, who);
}

static void
approve(struct story *s, enum lw_party who)
{
    s->at[s->count++] = lw_approve(&s->w, s->at[0], who);
}

static struct vt_grant
grant_of(const struct story *s, enum lw_party site)
{
    return lw_grant(&s->w, s->at[0], s->request.mode, &s->at[1], s->count - 1, site);
}

static void
say_grant(struct story *s)
{
    struct vt_grant g = grant_of(s, LW_ZURICH);
    s->at[s->count++] = lw_say_grant(&s->w, &g, LW_ZURICH);
}

/* Carol's request with the approvals given (ended by 0), and the grant. */
static void
tell(struct story *s, const enum lw_party *approver)
{
    say_request(s, LW_CAROL);
    for (; *approver != 0; approver++)
        approve(s, *approver);
    say_grant(s);
}

#define TELL(s_, ...) tell(s_, (const enum lw_party[]){__VA_ARGS__, (enum lw_party)0})

/* Checks the evidence bytes as a keeper would. */
static enum vt_err
check_bytes(struct story *s, const struct vt_buf *b)
{
    struct vt_evidence_file f;
    s->why = (struct vt_why){{0}};
    s->refusal = VT_REFUSAL_COUNT;
    lw_must(vt_evidence_parse(b->data, b->len, &f, &s->why), &s->why);
    return vt_grant_check(
        s->w.trust, s->w.policy, &f, s->now, &s->view, &s->granted, &s->refusal, &s->why);
}

static enum vt_err
check(struct story *s)
{
    struct vt_buf b = lw_evidence(&s->w, s->at, s->count, s->known);
    enum vt_err err = check_bytes(s, &b);
    vt_buf_release(&b);
    return err;
}

static void
expect_got(
    struct story *s, enum vt_err got, enum vt_err want, enum vt_refusal code, const char *says)
{
    if (got != want || s->refusal != code)
        fail_msg("%s, %s: %s", vt_err_name(got), vt_refusal_name(s->refusal), s->why.text);
    if (says != NULL && strstr(s->why.text, says) == NULL)
        fail_msg("\"%s\" is not in: %s", says, s->why.text);
}

/* The evidence is refused so, and nothing of it is taken over. */
static void
expect(struct story *s, enum vt_err want, enum vt_refusal code, const char *says)
{
    const struct vt_ledger_view before = s->view;
    static const struct vt_granted nothing;
    memset(&s->granted, 0, sizeof s->granted);
    expect_got(s, check(s), want, code, says);
    assert_memory_equal(&s->view, &before, sizeof before);
    assert_memory_equal(&s->granted, &nothing, sizeof nothing);
}

static void
expect_granted(struct story *s)
{
    enum vt_err err = check(s);
    if (err != VT_OK || s->refusal != VT_REFUSAL_NONE)
        fail_msg("%s, %s: %s", vt_err_name(err), vt_refusal_name(s->refusal), s->why.text);
}

static void
expect_end(struct story *s, enum vt_err want, enum vt_refusal code, const char *says)
{
    expect(s, want, code, says);
    lw_release(&s->w);
}

/* ---- a grant that holds ---- */

static void
test_granted(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_granted(&s);
    assert_int_equal(s.granted.approver_count, 3);
    assert_string_equal(s.granted.approver[0], "erin.example");
    assert_string_equal(s.granted.approver[2], "sue.example");
    assert_true(vt_digest_eq(&s.granted.request_doc, &s.w.item[s.at[0]].digest));
    assert_true(vt_digest_eq(&s.granted.grant_doc, &s.w.item[s.at[4]].digest));
    assert_int_equal(s.granted.index, s.at[4]);
    assert_int_equal(s.granted.cosigned_time, LW_SEEN);
    assert_int_equal(s.granted.checkpoint.size, s.w.count);
    assert_string_equal(s.granted.request.requester, "carol.example");
    assert_string_equal(s.granted.request.scope.region, "EU");
    assert_true(vt_digest_eq(&s.granted.request.job, &s.request.job));
    assert_int_equal(s.view.size, s.w.count);
    assert_true(vt_digest_eq(&s.view.root, &s.granted.checkpoint.root));
    lw_release(&s.w);
}

/* Who is in two groups counts in each, once. */
static void
test_member_of_two_groups(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_DORA, LW_SAM);
    expect_granted(&s);
    assert_int_equal(s.granted.approver_count, 2);
    lw_release(&s.w);
}

static void
test_shares_are_named(void **state)
{
    struct story s;
    struct vt_approval a = {.approve = true, .has_share = true, .made = LW_ASKED + 5};
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    a.request = s.w.item[s.at[0]].digest;
    vt_digest_of("a share", 7, &a.share);
    (void)snprintf(a.approver, sizeof a.approver, "dora.example");
    lw_must(vt_approval_doc(&a, &d, &s.why), &s.why);
    s.at[s.count++] = lw_say(&s.w, d, LW_DORA);
    approve(&s, LW_SAM);
    say_grant(&s);
    expect_granted(&s);
    assert_true(vt_digest_eq(&s.granted.share[0], &a.share));
    assert_false(vt_digest_eq(&s.granted.share[1], &a.share));
    lw_release(&s.w);
}

static void
test_other_modes(void **state)
{
    const enum vt_mode mode[] = {VT_MODE_EXPORT, VT_MODE_ERASURE};
    struct story s;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        story_init(&s);
        s.request = lw_subject_request(&s.w, mode[i]);
        TELL(&s, LW_DAN);
        expect_granted(&s);
        assert_true(s.granted.request.scope.one_subject);
        lw_release(&s.w);
    }
    story_init(&s);
    s.request.mode = VT_MODE_BREAK_GLASS;
    s.request.expires = LW_ASKED + 3600;
    TELL(&s, LW_BOB, LW_BEN);
    expect_granted(&s);
    lw_release(&s.w);
}

/* ---- approvals ---- */

static void
test_no_approvals(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    tell(&s, (const enum lw_party[]){(enum lw_party)0});
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_APPROVALS, "1 of `legal`");
}

static void
test_one_too_few(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM);
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_APPROVALS,
        "2 of `security` must approve access; "
        "there are 1");
}

static void
test_a_group_is_missing(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_SAM, LW_SUE);
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_APPROVALS, "1 of `legal`");
}

/* Two approvals of one approver, differing in when they were made. */
static void
test_one_approver_twice(void **state)
{
    struct story s;
    struct vt_approval a = {.approve = true, .made = LW_ASKED + 99};
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    a.request = s.w.item[s.at[0]].digest;
    (void)snprintf(a.approver, sizeof a.approver, "sam.example");
    lw_must(vt_approval_doc(&a, &d, &s.why), &s.why);
    s.at[s.count++] = lw_say(&s.w, d, LW_SAM);
    say_grant(&s);
    expect(&s, VT_E_QUORUM, VT_REFUSAL_APPROVALS, "2 of `security`");
    lw_release(&s.w);
}

/* The very same approval shown twice; the grant cannot even be written so. */
static void
test_one_approval_shown_twice(void **state)
{
    struct story s;
    struct vt_grant g;
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    g = grant_of(&s, LW_ZURICH);
    g.approval[g.approval_count++] = g.approval[1];
    assert_int_equal(vt_grant_doc(&g, &d, &s.why), VT_E_USAGE);
    g.approval_count--;
    s.at[s.count] = s.at[s.count - 1];
    s.count++;
    s.at[s.count++] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_APPROVALS, "2 of `security`");
}

/* Who is in both groups, alone: once in each is not two in one. */
static void
test_one_approver_under_two_groups(void **state)
{
    struct story s;
    (void)state;
    struct vt_approval a = {.approve = true, .made = LW_ASKED + 99};
    struct vt_doc *d = NULL;
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_DORA);
    a.request = s.w.item[s.at[0]].digest;
    (void)snprintf(a.approver, sizeof a.approver, "dora.example");
    lw_must(vt_approval_doc(&a, &d, &s.why), &s.why);
    s.at[s.count++] = lw_say(&s.w, d, LW_DORA);
    say_grant(&s);
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_APPROVALS, "2 of `security`");
}

static void
test_own_approval(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    (void)snprintf(s.request.requester, sizeof s.request.requester, "dora.example");
    say_request(&s, LW_DORA);
    approve(&s, LW_DORA);
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    say_grant(&s);
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_OWN, "own request");
}

static void
test_replayed_approval(void **state)
{
    struct story s;
    size_t old;
    (void)state;
    story_init(&s);
    s.request.id[0] = 9;
    old = lw_say_request(&s.w, &s.request, LW_CAROL);
    size_t erin = lw_approve(&s.w, old, LW_ERIN);
    s.request.id[0] = 10;
    say_request(&s, LW_CAROL);
    s.at[s.count++] = lw_approve(&s.w, s.at[0], LW_SAM);
    s.at[s.count++] = lw_approve(&s.w, s.at[0], LW_SUE);
    /* the old approval cannot even stand before the request that it is shown for */
    struct vt_grant g = grant_of(&s, LW_ZURICH);
    g.approval[g.approval_count++] = s.w.item[erin].digest;
    s.at[s.count++] = erin;
    s.at[s.count++] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect(&s, VT_E_PROOF, VT_REFUSAL_LEDGER, "request first");
    lw_release(&s.w);

    story_init(&s);
    s.request.id[0] = 9;
    old = lw_say_request(&s.w, &s.request, LW_CAROL);
    s.request.id[0] = 10;
    say_request(&s, LW_CAROL);
    s.at[s.count++] = lw_approve(&s.w, old, LW_ERIN);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    say_grant(&s);
    expect_end(&s, VT_E_DIGEST, VT_REFUSAL_ALTERED, "`erin.example` answered another request");
}

/* Changes a byte of the document in item i of the evidence. */
static enum vt_err
check_with_changed_document(struct story *s, size_t i, const char *from, const char *to)
{
    struct vt_buf *doc = &s->w.item[s->at[i]].doc;
    uint8_t *at = memmem(doc->data, doc->len, from, strlen(from));
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    return check(s);
}

static void
test_altered_approval(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_got(&s, check_with_changed_document(&s, 1, "10:00:10", "10:00:11"), VT_E_DIGEST,
        VT_REFUSAL_ALTERED, "item 2");
    lw_release(&s.w);
}

/* One who may not write for another: a document in erin's name that dora signs. */
static void
test_approval_in_anothers_name(void **state)
{
    struct story s;
    struct vt_approval a = {.approve = true, .made = LW_ASKED + 5};
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    a.request = s.w.item[s.at[0]].digest;
    (void)snprintf(a.approver, sizeof a.approver, "erin.example");
    lw_must(vt_approval_doc(&a, &d, &s.why), &s.why);
    s.at[s.count++] = lw_say(&s.w, d, LW_SAM);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    say_grant(&s);
    expect_end(&s, VT_E_SIG, VT_REFUSAL_ALTERED, "`sam.example` signed it");
}

/* An approval that erin signed, put into the log by somebody else. */
static void
test_approval_logged_by_another(void **state)
{
    struct story s;
    struct vt_approval a = {.approve = true, .made = LW_ASKED + 5};
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    a.request = s.w.item[s.at[0]].digest;
    (void)snprintf(a.approver, sizeof a.approver, "erin.example");
    lw_must(vt_approval_doc(&a, &d, &s.why), &s.why);
    s.at[s.count++] = lw_say_as(&s.w, d, LW_ERIN, LW_SAM);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    say_grant(&s);
    expect_end(&s, VT_E_UNKNOWN, VT_REFUSAL_APPROVALS, "not signed by");
}

static void
test_approvers_without_standing(void **state)
{
    const enum lw_party who[] = {LW_BOB, LW_STRANGER, LW_UNKNOWN, LW_ZURICH, LW_CAROL};
    const struct {
        enum vt_err err;
        enum vt_refusal code;
        const char *says;
    } want[] = {
        {VT_E_REFUSED, VT_REFUSAL_APPROVALS, "in no group"},
        {VT_E_REFUSED, VT_REFUSAL_APPROVALS, "no party"},
        {VT_E_UNKNOWN, VT_REFUSAL_APPROVALS, "no signer of the trust policy"},
        {VT_E_REFUSED, VT_REFUSAL_APPROVALS, "no party"},
        {VT_E_REFUSED, VT_REFUSAL_OWN, "own"},
    };
    struct story s;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        story_init(&s);
        TELL(&s, LW_ERIN, LW_SAM, LW_SUE, who[i]);
        expect(&s, want[i].err, want[i].code, want[i].says);
        lw_release(&s.w);
    }
}

static void
test_veto(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    struct vt_grant g = grant_of(&s, LW_ZURICH);
    s.at[s.count++] = lw_say_answer(&s.w, s.at[0], LW_DORA, false);
    s.at[s.count++] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect(&s, VT_E_REFUSED, VT_REFUSAL_VETO, "`dora.example` has refused");
    lw_release(&s.w);
}

/* Nor does an approval by the same after it change that. */
static void
test_veto_then_approval(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    s.at[s.count++] = lw_say_answer(&s.w, s.at[0], LW_DORA, false);
    approve(&s, LW_DORA);
    approve(&s, LW_SAM);
    say_grant(&s);
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_VETO, "has refused");
}

/* ---- the request ---- */

static void
test_widened_scope(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_got(&s, check_with_changed_document(&s, 0, "region EU", "region CA"), VT_E_DIGEST,
        VT_REFUSAL_ALTERED, "item 1");
    lw_release(&s.w);
    /* or said anew, over the old approvals */
    story_init(&s);
    say_request(&s, LW_CAROL);
    size_t old = s.at[0];
    (void)snprintf(s.request.scope.class_name[1], 4, "url");
    s.request.scope.class_count = 2;
    s.at[0] = lw_say_request(&s.w, &s.request, LW_CAROL);
    s.at[s.count++] = lw_approve(&s.w, old, LW_ERIN);
    s.at[s.count++] = lw_approve(&s.w, old, LW_SAM);
    s.at[s.count++] = lw_approve(&s.w, old, LW_SUE);
    say_grant(&s);
    expect_end(&s, VT_E_DIGEST, VT_REFUSAL_ALTERED, "another request");
}

static void
test_another_policy(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    s.request.policy.b[0] ^= 1;
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_POLICY, "another vault policy");
}

static void
test_requesters(void **state)
{
    const struct {
        const char *name;
        const char *purpose;
        enum lw_party signer;
        enum vt_err err;
        const char *says;
    } v[] = {
        {"carol.example", "curiosity", LW_CAROL, VT_E_REFUSED, "ask for `curiosity`"},
        {"erin.example", "incident-response", LW_ERIN, VT_E_REFUSED, "`erin.example` ask"},
        {"zurich.example", "incident-response", LW_ZURICH, VT_E_REFUSED, "ask"},
        {"nobody.example", "incident-response", LW_CAROL, VT_E_REFUSED, "ask"},
        {"carol.example", "incident-response", LW_DORA, VT_E_SIG, "`dora.example` signed it"},
        {"carol.example", "incident-response", LW_UNKNOWN, VT_E_UNKNOWN, "no signer"},
    };
    struct story s;
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        story_init(&s);
        (void)snprintf(s.request.requester, sizeof s.request.requester, "%s", v[i].name);
        (void)snprintf(s.request.purpose, sizeof s.request.purpose, "%s", v[i].purpose);
        say_request(&s, v[i].signer);
        approve(&s, LW_ERIN);
        approve(&s, LW_SAM);
        approve(&s, LW_SUE);
        say_grant(&s);
        expect(&s, v[i].err, VT_REFUSAL_REQUESTER, v[i].says);
        lw_release(&s.w);
    }
}

static void
test_unknown_class_and_region(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    (void)snprintf(s.request.scope.class_name[0], VT_WORD_MAX, "salaries");
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect(&s, VT_E_REFUSED, VT_REFUSAL_SCOPE, "no class `salaries`");
    lw_release(&s.w);
    story_init(&s);
    (void)snprintf(s.request.scope.region, VT_REGION_MAX, "AU");
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_SCOPE, "no region AU");
}

/* A document that vt_request_doc would not write, made from another one. */
static size_t
say_edited(struct story *s, const char *name, const char *value)
{
    struct vt_doc *d = NULL, *edited = NULL;
    lw_must(vt_request_doc(&s->request, &d, &s->why), &s->why);
    lw_must(vt_doc_new(VT_DOC_REQUEST, &edited, &s->why), &s->why);
    for (size_t i = 0; i < vt_doc_count(d); i++) {
        const struct vt_doc_field *f = vt_doc_field(d, i);
        lw_add(edited, f->name, strcmp(f->name, name) == 0 ? value : f->value);
    }
    vt_doc_free(d);
    return lw_say(&s->w, edited, LW_CAROL);
}

static void
test_days_the_wrong_way(void **state)
{
    struct story s;
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    s.at[s.count++] = say_edited(&s, "until", "2026-10-31");
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    say_grant(&s);
    expect(&s, VT_E_SYNTAX, VT_REFUSAL_SCOPE, "ends (`until`) before");
    s.request.scope.day_to = s.request.scope.day_from - 1;
    assert_int_equal(vt_request_doc(&s.request, &d, &s.why), VT_E_USAGE);
    lw_release(&s.w);
}

static void
test_expired(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    s.request.expires = LW_NOW;
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect(&s, VT_E_EXPIRED, VT_REFUSAL_EXPIRED, NULL);
    s.now = LW_NOW - 1;
    expect_granted(&s);
    /* a clock that runs late, against what witnesses vouch for */
    s.view = (struct vt_ledger_view){.size = 0};
    s.w.time = (uint64_t)LW_NOW;
    s.now = LW_ASKED;
    expect_end(&s, VT_E_EXPIRED, VT_REFUSAL_EXPIRED, NULL);
}

static void
test_life_too_long(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    s.request.expires = LW_ASKED + 86401;
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect(&s, VT_E_REFUSED, VT_REFUSAL_LIFE, "86401 seconds");
    lw_release(&s.w);
    /* dated into the future, to live longer */
    story_init(&s);
    s.request.made = LW_ASKED + 86400;
    s.request.expires = LW_ASKED + 2 * 86400;
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect(&s, VT_E_REFUSED, VT_REFUSAL_LIFE, NULL);
    lw_release(&s.w);
    /* break-glass has the default of an hour */
    story_init(&s);
    s.request.mode = VT_MODE_BREAK_GLASS;
    s.request.expires = LW_ASKED + 3601;
    TELL(&s, LW_BOB, LW_BEN);
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_LIFE, "permits 3600 for break-glass");
}

/* ---- the ledger ---- */

static void
test_supervisor_is_missing(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    s.w.cosigns[LW_SUPERVISOR] = false;
    expect(&s, VT_E_QUORUM, VT_REFUSAL_SUPERVISOR, "lacks the cosignature of `supervisor");
    /* with it, the others may be as few as the quorum permits */
    s.w.cosigns[LW_SUPERVISOR] = true;
    s.w.cosigns[LW_WITNESS_1] = false;
    expect_granted(&s);
    /* and with it alone the quorum is not met */
    s.view = (struct vt_ledger_view){.size = 0};
    s.w.cosigns[LW_WITNESS_2] = false;
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_LEDGER, NULL);
}

static void
test_forked_ledger(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    s.view.size = s.w.count;
    vt_digest_of("another tree", 12, &s.view.root);
    expect(&s, VT_E_PROOF, VT_REFUSAL_LEDGER, "forked");
    s.view.size = s.w.count - 1;
    s.known = s.view.size;
    expect(&s, VT_E_PROOF, VT_REFUSAL_LEDGER, "does not continue");
    s.known = 0;
    expect_end(&s, VT_E_PROOF, VT_REFUSAL_LEDGER, "does not continue");
}

static void
seen(struct story *s, size_t size)
{
    struct vt_hash_source src = {lw_hash, &s->w};
    s->view.size = size;
    assert_int_equal(vt_merkle_root(&src, size, &s->view.root, NULL), VT_OK);
}

static void
test_ledger_goes_on(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    seen(&s, 2);
    s.known = 2;
    expect_granted(&s);
    assert_int_equal(s.view.size, s.w.count);
    /* the same tree again needs no proof */
    s.known = 0;
    expect_granted(&s);
    lw_release(&s.w);
}

static void
test_rollback(void **state)
{
    struct story s;
    struct vt_buf b;
    struct vt_evidence_file f;
    struct vt_buf proof = VT_BUF(65536);
    size_t size;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    size = s.w.count;
    (void)lw_say_request(&s.w, &s.request, LW_CAROL);
    seen(&s, s.w.count);
    b = lw_evidence_at(&s.w, s.at, s.count, size, 0);
    expect_got(&s, check_bytes(&s, &b), VT_E_ROLLBACK, VT_REFUSAL_LEDGER, "was seen with 7");
    /* an older tree is fine when it is shown that the newer one continues it */
    lw_put_consistency(&s.w, size, s.w.count, &proof);
    lw_must(vt_evidence_parse(b.data, b.len, &f, &s.why), &s.why);
    f.consistency = (struct vt_slice_of){proof.data, proof.len};
    lw_must(vt_grant_check(
                s.w.trust, s.w.policy, &f, s.now, &s.view, &s.granted, &s.refusal, &s.why),
        &s.why);
    assert_int_equal(s.view.size, s.w.count);
    vt_buf_release(&proof);
    vt_buf_release(&b);
    lw_release(&s.w);
}

/* Items proven in different trees say nothing together. */
static void
test_two_trees(void **state)
{
    struct story s;
    struct vt_buf b, old;
    struct vt_evidence_file f, g;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    b = lw_evidence(&s.w, s.at, s.count, 0);
    old = lw_evidence_at(&s.w, s.at, 1, s.w.count - 1, 0);
    lw_must(vt_evidence_parse(b.data, b.len, &f, &s.why), &s.why);
    lw_must(vt_evidence_parse(old.data, old.len, &g, &s.why), &s.why);
    f.item[0] = g.item[0];
    enum vt_err err = vt_grant_check(
        s.w.trust, s.w.policy, &f, s.now, &s.view, &s.granted, &s.refusal, &s.why);
    expect_got(&s, err, VT_E_PROOF, VT_REFUSAL_LEDGER, "another tree");
    vt_buf_release(&b);
    vt_buf_release(&old);
    lw_release(&s.w);
}

static void
test_not_in_the_ledger(void **state)
{
    struct story s;
    struct vt_buf b;
    struct vt_evidence_file f;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    b = lw_evidence(&s.w, s.at, s.count, 0);
    lw_must(vt_evidence_parse(b.data, b.len, &f, &s.why), &s.why);
    f.item[1].proof = f.item[2].proof;
    enum vt_err err = vt_grant_check(
        s.w.trust, s.w.policy, &f, s.now, &s.view, &s.granted, &s.refusal, &s.why);
    expect_got(&s, err, VT_E_PROOF, VT_REFUSAL_LEDGER, "item 2");
    /* nor are there too few items */
    f.count = 1;
    err = vt_grant_check(
        s.w.trust, s.w.policy, &f, s.now, &s.view, &s.granted, &s.refusal, &s.why);
    expect_got(&s, err, VT_E_SYNTAX, VT_REFUSAL_LEDGER, "lacks");
    vt_buf_release(&b);
    lw_release(&s.w);
}

/* A run or another entry in the place of an approval. */
static void
test_items_of_another_kind(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    size_t swap = s.at[0];
    s.at[0] = s.at[1];
    s.at[1] = swap;
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_LEDGER, "of kind approval, not request");
}

/* ---- the grant ---- */

static void
test_grant_of_another_site(void **state)
{
    struct story s;
    struct vt_grant g;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    g = grant_of(&s, LW_FRANKFURT);
    s.at[s.count++] = lw_say_grant(&s.w, &g, LW_FRANKFURT);
    expect(
        &s, VT_E_REFUSED, VT_REFUSAL_SCOPE, "`frankfurt.example` does not keep the region EU");
    /* in the right site's name, by the wrong keeper or somebody else */
    g = grant_of(&s, LW_ZURICH);
    g.approval_count = 3;
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_FRANKFURT);
    expect(&s, VT_E_SIG, VT_REFUSAL_ALTERED, "`frankfurt.example` signed it");
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_CAROL);
    expect(&s, VT_E_SIG, VT_REFUSAL_ALTERED, "`carol.example` signed it");
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_UNKNOWN);
    expect(&s, VT_E_UNKNOWN, VT_REFUSAL_LEDGER, "no signer");
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect_granted(&s);
    lw_release(&s.w);
}

static void
test_region_of_another_site(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    (void)snprintf(s.request.scope.region, VT_REGION_MAX, "US");
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_end(&s, VT_E_REFUSED, VT_REFUSAL_SCOPE, "does not keep the region US");
}

static void
test_grants_of_something_else(void **state)
{
    struct story s;
    struct vt_grant good, g;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_ERIN);
    approve(&s, LW_SAM);
    approve(&s, LW_SUE);
    good = g = grant_of(&s, LW_ZURICH);
    g.request.b[0] ^= 1;
    s.at[s.count++] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect(&s, VT_E_DIGEST, VT_REFUSAL_ALTERED, "another request");
    g = good;
    g.mode = VT_MODE_BREAK_GLASS;
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect(&s, VT_E_DIGEST, VT_REFUSAL_ALTERED, "another request");
    g = good;
    g.policy.b[0] ^= 1;
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect(&s, VT_E_REFUSED, VT_REFUSAL_POLICY, "another vault policy");
    g = good;
    g.approval_count--;
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect(&s, VT_E_DIGEST, VT_REFUSAL_APPROVALS, "other approvals");
    g = good;
    vt_digest_of("more", 4, &g.approval[g.approval_count++]);
    s.at[s.count - 1] = lw_say_grant(&s.w, &g, LW_ZURICH);
    expect_end(&s, VT_E_DIGEST, VT_REFUSAL_APPROVALS, "other approvals");
}

/* Documents whose fields have the right form, and mean nothing. */
static void
test_answers_and_grants_that_mean_nothing(void **state)
{
    struct story s;
    struct vt_doc *d = NULL;
    (void)state;
    story_init(&s);
    say_request(&s, LW_CAROL);
    lw_must(vt_doc_new(VT_DOC_APPROVAL, &d, &s.why), &s.why);
    lw_must(vt_doc_add_digest(d, "request", &s.w.item[s.at[0]].digest, &s.why), &s.why);
    lw_add(d, "approver", "erin.example");
    lw_add(d, "verdict", "perhaps");
    lw_must(vt_doc_add_time(d, "made", LW_ASKED, &s.why), &s.why);
    s.at[s.count++] = lw_say(&s.w, d, LW_ERIN);
    approve(&s, LW_DORA);
    approve(&s, LW_SAM);
    say_grant(&s);
    expect(&s, VT_E_SYNTAX, VT_REFUSAL_ALTERED, "verdict");
    lw_release(&s.w);
    story_init(&s);
    say_request(&s, LW_CAROL);
    approve(&s, LW_DORA);
    approve(&s, LW_SAM);
    lw_must(vt_doc_new(VT_DOC_GRANT, &d, &s.why), &s.why);
    lw_must(vt_doc_add_digest(d, "request", &s.w.item[s.at[0]].digest, &s.why), &s.why);
    lw_must(vt_doc_add_digest(d, "policy", &s.w.item[0].digest, &s.why), &s.why);
    lw_add(d, "site", "zurich.example");
    lw_add(d, "mode", "reading");
    lw_must(vt_doc_add_time(d, "made", LW_ASKED, &s.why), &s.why);
    s.at[s.count++] = lw_say(&s.w, d, LW_ZURICH);
    expect_end(&s, VT_E_SYNTAX, VT_REFUSAL_ALTERED, "`mode`");
}

/* A trust policy that asks for no witnesses vouches for no time. */
static void
test_quorum_none(void **state)
{
    struct story s;
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    lw_put_trust(&b);
    memcpy(memmem(b.data, b.len, "quorum witnesses\n", 17), "quorum none     \n", 17);
    vt_policy_free(s.w.trust);
    lw_must(vt_policy_parse(b.data, b.len, &s.w.trust, &s.why), &s.why);
    vt_buf_release(&b);
    expect_end(&s, VT_E_QUORUM, VT_REFUSAL_LEDGER, "no witnesses");
}

/* ---- when all is over ---- */

/* What an auditor knows of each item: facts of the log, in the tree that is newest now. */
static enum vt_err
judge(struct story *s)
{
    static struct vt_fact fact[VT_EVIDENCE_COUNT_MAX];
    struct vt_buf b = lw_evidence(&s->w, s->at, s->count, 0);
    struct vt_evidence_file f;
    s->why = (struct vt_why){{0}};
    lw_must(vt_evidence_parse(b.data, b.len, &f, &s->why), &s->why);
    for (size_t i = 0; i < f.count; i++) {
        enum vt_entry_kind kind = i == 0            ? VT_ENTRY_REQUEST
                                  : i + 1 < f.count ? VT_ENTRY_APPROVAL
                                                    : VT_ENTRY_GRANT;
        lw_must(vt_fact_check(s->w.trust, kind, &f.item[i], &fact[i], &s->why), &s->why);
    }
    enum vt_err err =
        vt_grant_judge(s->w.policy, fact, f.count, &s->granted, &s->refusal, &s->why);
    for (size_t i = 0; i < f.count; i++)
        vt_fact_release(&fact[i]);
    vt_buf_release(&b);
    return err;
}

static void
test_judged_later(void **state)
{
    struct story s;
    (void)state;
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    s.w.time = LW_SEEN + 1000000;
    s.w.cosigns[LW_SUPERVISOR] = false;
    assert_int_equal(judge(&s), VT_OK);
    assert_int_equal(s.refusal, VT_REFUSAL_NONE);
    assert_int_equal(s.granted.approver_count, 3);
    lw_release(&s.w);
    /* what was wrong then is wrong now */
    story_init(&s);
    TELL(&s, LW_ERIN, LW_SAM);
    expect_got(&s, judge(&s), VT_E_QUORUM, VT_REFUSAL_APPROVALS, "`security`");
    lw_release(&s.w);
    story_init(&s);
    s.request.expires = LW_ASKED + 86401;
    TELL(&s, LW_ERIN, LW_SAM, LW_SUE);
    expect_got(&s, judge(&s), VT_E_REFUSED, VT_REFUSAL_LIFE, NULL);
    s.count = 1;
    expect_got(&s, judge(&s), VT_E_SYNTAX, VT_REFUSAL_LEDGER, NULL);
    lw_release(&s.w);
}

/* ---- requests and approvals as documents ---- */

static void
test_request_round_trip(void **state)
{
    struct ledger_world w;
    struct vt_request r, again;
    struct vt_why why = {{0}};
    (void)state;
    lw_init(&w);
    for (int mode = VT_MODE_ACCESS; mode < VT_MODE_COUNT; mode++) {
        struct vt_doc *d = NULL, *parsed = NULL;
        r = mode < VT_MODE_EXPORT ? lw_request(&w) : lw_subject_request(&w, (enum vt_mode)mode);
        r.mode = (enum vt_mode)mode;
        r.epsilon = mode == VT_MODE_ACCESS ? 500 : 0;
        size_t at = lw_say_request(&w, &r, LW_CAROL);
        lw_must(vt_request_doc(&r, &d, &why), &why);
        lw_must(vt_doc_parse(
                    w.item[at].doc.data, w.item[at].doc.len, VT_DOC_REQUEST, &parsed, &why),
            &why);
        assert_int_equal(vt_doc_count(d), vt_doc_count(parsed));
        memset(&again, 0, sizeof again);
        lw_must(vt_request_read(parsed, &again, &why), &why);
        assert_memory_equal(
            &again.scope.class_name, &r.scope.class_name, sizeof r.scope.class_name);
        assert_memory_equal(&again.job, &r.job, sizeof r.job);
        assert_memory_equal(&again.query, &r.query, sizeof r.query);
        assert_memory_equal(&again.result_to, &r.result_to, sizeof r.result_to);
        assert_int_equal(again.epsilon, r.epsilon);
        assert_int_equal(again.expires, r.expires);
        assert_int_equal(again.made, r.made);
        assert_int_equal(again.scope.one_subject, r.scope.one_subject);
        assert_int_equal(
            vt_request_read(vt_vault_policy_doc(w.policy), &again, &why), VT_E_SYNTAX);
        vt_doc_free(d);
        vt_doc_free(parsed);
    }
    lw_release(&w);
}

static void
test_requests_that_cannot_be(void **state)
{
    struct ledger_world w;
    struct vt_why why = {{0}};
    (void)state;
    lw_init(&w);
    for (int i = 0; i < 20; i++) {
        struct vt_request r = lw_request(&w);
        struct vt_doc *d = NULL;
        switch (i) {
        case 0:
            r.mode = (enum vt_mode)0;
            break;
        case 1:
            r.mode = VT_MODE_COUNT;
            break;
        case 2:
            r.has_job = false;
            break;
        case 3:
            r.scope.class_count = 0;
            break;
        case 4:
            r.scope.class_count = VT_SCOPE_CLASSES_MAX + 1;
            break;
        case 5:
            r.scope.class_count = 2;
            memcpy(r.scope.class_name[1], r.scope.class_name[0], 12);
            break;
        case 6:
            r.runs = 0;
            break;
        case 7:
            r.runs = 1001;
            break;
        case 8:
            memset(&r.result_to, 0, sizeof r.result_to);
            break;
        case 9:
            r.made = 0;
            break;
        case 10:
            r.expires = r.made;
            break;
        case 11:
            r.mode = VT_MODE_EXPORT;
            break;
        case 12:
            r = lw_subject_request(&w, VT_MODE_ERASURE);
            r.scope.one_subject = false;
            break;
        case 13:
            r = lw_subject_request(&w, VT_MODE_ERASURE);
            r.result_to = lw_box_public(LW_CAROL);
            break;
        case 15:
            r = lw_subject_request(&w, VT_MODE_ERASURE);
            r.has_job = true;
            break;
        case 16:
            r = lw_subject_request(&w, VT_MODE_EXPORT);
            r.epsilon = 1;
            break;
        case 17:
            r = lw_subject_request(&w, VT_MODE_EXPORT);
            r.query.b[0] = 1;
            break;
        case 18:
            r.epsilon = 1000000001;
            break;
        case 14:
            (void)snprintf(r.purpose, sizeof r.purpose, "two words");
            break;
        default:
            (void)snprintf(r.scope.region, sizeof r.scope.region, "eu");
            break;
        }
        enum vt_err err = vt_request_doc(&r, &d, &why);
        if (err != VT_E_USAGE || d != NULL)
            fail_msg("case %d: %s", i, vt_err_name(err));
    }
    lw_release(&w);
}

static void
test_requests_that_mean_nothing(void **state)
{
    static const char *const v[][2] = {
        {"mode", "reading"},
        {"runs", "0"},
        {"runs", "1001"},
        {"epsilon", "0"},
        {"expires", "2026-11-22T10:00:00Z"},
        {"query", "sha256:0000000000000000000000000000000000000000000000000000000000000000"},
        {"mode", "erasure"},
        {"made", "1970-01-01T00:00:00Z"},
    };
    struct story s;
    (void)state;
    story_init(&s);
    s.request.epsilon = 7;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct vt_doc *d = NULL;
        struct vt_request r;
        size_t at = say_edited(&s, v[i][0], v[i][1]);
        struct vt_buf *doc = &s.w.item[at].doc;
        lw_must(vt_doc_parse(doc->data, doc->len, VT_DOC_REQUEST, &d, &s.why), &s.why);
        enum vt_err err = vt_request_read(d, &r, &s.why);
        if (err != VT_E_SYNTAX)
            fail_msg("%s %s: %s", v[i][0], v[i][1], vt_err_name(err));
        vt_doc_free(d);
    }
    lw_release(&s.w);
}

/* A document may have more classes than a scope has room for. */
static void
test_too_many_classes(void **state)
{
    struct story s;
    struct vt_request r = {.runs = 99};
    struct vt_doc *d = NULL, *many = NULL;
    (void)state;
    story_init(&s);
    lw_must(vt_request_doc(&s.request, &d, &s.why), &s.why);
    lw_must(vt_doc_new(VT_DOC_REQUEST, &many, &s.why), &s.why);
    for (size_t i = 0; i < vt_doc_count(d); i++) {
        const struct vt_doc_field *f = vt_doc_field(d, i);
        for (size_t j = 0; strcmp(f->name, "class") == 0 && j < VT_SCOPE_CLASSES_MAX; j++)
            lw_must(vt_doc_addf(many, &s.why, "class", "c%zu", j), &s.why);
        lw_add(many, f->name, f->value);
    }
    assert_int_equal(vt_request_read(many, &r, &s.why), VT_E_SYNTAX);
    assert_int_equal(r.runs, 99);
    assert_int_equal(r.scope.class_count, 0);
    vt_doc_free(d);
    vt_doc_free(many);
    lw_release(&s.w);
}

static void
test_approval_documents(void **state)
{
    struct vt_approval a = {.approve = true, .made = LW_ASKED}, again;
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    (void)state;
    (void)snprintf(a.approver, sizeof a.approver, "dora.example");
    lw_must(vt_approval_doc(&a, &d, &why), &why);
    lw_must(vt_approval_read(d, &again, &why), &why);
    assert_true(again.approve);
    assert_false(again.has_share);
    assert_string_equal(again.approver, "dora.example");
    vt_doc_free(d);
    d = NULL;
    a.made = 0;
    assert_int_equal(vt_approval_doc(&a, &d, &why), VT_E_USAGE);
    a.made = LW_ASKED;
    a.approve = false;
    a.has_share = true;
    assert_int_equal(vt_approval_doc(&a, &d, &why), VT_E_USAGE);
    /* a verdict that is neither, and a share of one who refuses */
    for (int i = 0; i < 2; i++) {
        lw_must(vt_doc_new(VT_DOC_APPROVAL, &d, &why), &why);
        lw_must(vt_doc_add_digest(d, "request", &a.request, &why), &why);
        lw_add(d, "approver", "dora.example");
        lw_add(d, "verdict", i == 0 ? "perhaps" : "refuse");
        if (i == 1)
            lw_must(vt_doc_add_digest(d, "share", &a.request, &why), &why);
        lw_must(vt_doc_add_time(d, "made", LW_ASKED, &why), &why);
        assert_int_equal(vt_approval_read(d, &again, &why), VT_E_SYNTAX);
        vt_doc_free(d);
        d = NULL;
    }
}

static void
test_codes(void **state)
{
    (void)state;
    for (unsigned i = 1; i < VT_REFUSAL_COUNT; i++) {
        enum vt_refusal r = VT_REFUSAL_NONE;
        assert_true(vt_refusal_parse(vt_refusal_name((enum vt_refusal)i), &r));
        assert_int_equal(r, i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_granted),
        cmocka_unit_test(test_member_of_two_groups),
        cmocka_unit_test(test_shares_are_named),
        cmocka_unit_test(test_other_modes),
        cmocka_unit_test(test_no_approvals),
        cmocka_unit_test(test_one_too_few),
        cmocka_unit_test(test_a_group_is_missing),
        cmocka_unit_test(test_one_approver_twice),
        cmocka_unit_test(test_one_approval_shown_twice),
        cmocka_unit_test(test_one_approver_under_two_groups),
        cmocka_unit_test(test_own_approval),
        cmocka_unit_test(test_replayed_approval),
        cmocka_unit_test(test_altered_approval),
        cmocka_unit_test(test_approval_in_anothers_name),
        cmocka_unit_test(test_approval_logged_by_another),
        cmocka_unit_test(test_approvers_without_standing),
        cmocka_unit_test(test_veto),
        cmocka_unit_test(test_veto_then_approval),
        cmocka_unit_test(test_widened_scope),
        cmocka_unit_test(test_another_policy),
        cmocka_unit_test(test_requesters),
        cmocka_unit_test(test_unknown_class_and_region),
        cmocka_unit_test(test_days_the_wrong_way),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_life_too_long),
        cmocka_unit_test(test_supervisor_is_missing),
        cmocka_unit_test(test_forked_ledger),
        cmocka_unit_test(test_ledger_goes_on),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_two_trees),
        cmocka_unit_test(test_not_in_the_ledger),
        cmocka_unit_test(test_items_of_another_kind),
        cmocka_unit_test(test_grant_of_another_site),
        cmocka_unit_test(test_region_of_another_site),
        cmocka_unit_test(test_grants_of_something_else),
        cmocka_unit_test(test_answers_and_grants_that_mean_nothing),
        cmocka_unit_test(test_quorum_none),
        cmocka_unit_test(test_judged_later),
        cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_requests_that_cannot_be),
        cmocka_unit_test(test_requests_that_mean_nothing),
        cmocka_unit_test(test_too_many_classes),
        cmocka_unit_test(test_approval_documents),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
