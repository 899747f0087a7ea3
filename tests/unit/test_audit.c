/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit: what the ledger proves is OK, what a site or a person has done wrong is a
 * violation, what strangers say is void. One false thing at a time, and its line is the one
 * that says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

#include "ledger_folder.h"

#include "vault/audit.h"

#include <unistd.h>

struct fixture {
    struct ledger_world w;
    struct ledger_folder f;
    struct vt_desk *desk;
    struct vt_audit_sum sum;
    size_t count;
    struct vt_audit_line line[LW_ENTRIES];
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    lw_init(&f->w);
    lf_init(&f->f);
    assert_int_equal(vt_desk_new(f->f.pub, f->w.trust, NULL, &f->desk, NULL), VT_OK);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    vt_desk_free(f->desk);
    lf_release(&f->f);
    lw_release(&f->w);
    free(f);
    return 0;
}

static enum vt_err
keep(void *ctx, const struct vt_audit_line *l, struct vt_why *why)
{
    struct fixture *f = ctx;

    (void)why;
    f->line[f->count++] = *l;
    return VT_OK;
}

static void
audit(struct fixture *f)
{
    struct vt_why why = {{0}};

    lf_publish(&f->f, &f->w);
    lw_must(vt_desk_refresh(f->desk, &why), &why);
    f->count = 0;
    lw_must(vt_audit_run(f->desk, keep, f, &f->sum, &why), &why);
}

/* What the audit says of that entry. */
static const struct vt_audit_line *
line_of(struct fixture *f, size_t index)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->line[i].index == index)
            return &f->line[i];
    }
    return NULL;
}

static void
expect(struct fixture *f, size_t index, enum vt_audit_verdict verdict, const char *part)
{
    const struct vt_audit_line *l = line_of(f, index);

    if (l == NULL || l->verdict != verdict || strstr(l->text.text, part) == NULL)
        fail_msg("entry %zu: verdict %d, not %d: %s (wanted: %s)", index,
            l == NULL ? 0 : (int)l->verdict, (int)verdict, l == NULL ? "" : l->text.text, part);
}

/* ---- what sites say ---- */

struct asked {
    size_t request;
    size_t approval[3];
    size_t approvals;
    size_t grant;
};

static struct asked
say_access(struct ledger_world *w, const struct vt_request *r)
{
    struct asked a = {.request = lw_say_request(w, r, LW_CAROL), .approvals = 3};
    struct vt_grant g;

    a.approval[0] = lw_approve(w, a.request, LW_ERIN);
    a.approval[1] = lw_approve(w, a.request, LW_SAM);
    a.approval[2] = lw_approve(w, a.request, LW_SUE);
    g = lw_grant(w, a.request, r->mode, a.approval, 3, LW_ZURICH);
    a.grant = lw_say_grant(w, &g, LW_ZURICH);
    return a;
}

static struct asked
say_erasure_grant(struct ledger_world *w)
{
    struct vt_request r = lw_subject_request(w, VT_MODE_ERASURE);
    struct asked a = {.approvals = 1};
    struct vt_grant g;

    a.request = lw_say_request(w, &r, LW_CAROL);
    a.approval[0] = lw_approve(w, a.request, LW_DAN);
    g = lw_grant(w, a.request, r.mode, a.approval, 1, LW_ZURICH);
    a.grant = lw_say_grant(w, &g, LW_ZURICH);
    return a;
}

static struct vt_run
a_run(const struct ledger_world *w, const struct asked *a, const struct vt_request *r)
{
    struct vt_run run = {.request = w->item[a->request].digest,
        .grant = w->item[a->grant].digest,
        .policy = *vt_vault_policy_digest(w->policy),
        .has_job = r->has_job,
        .job = r->job,
        .has_query = r->has_job,
        .query = r->query,
        .started = LW_ASKED + 40,
        .finished = LW_ASKED + 50,
        .epsilon = r->epsilon,
        .cells = 4,
        .outcome = VT_OUTCOME_DONE};

    (void)snprintf(run.site, sizeof run.site, "%s", lw_names[LW_ZURICH]);
    return run;
}

static size_t
say_run(struct ledger_world *w, const struct vt_run *r, enum lw_party who)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_run_doc(r, &d, &why), &why);
    return lw_say(w, d, who);
}

static size_t
say_erasure(struct ledger_world *w, const struct asked *a, uint64_t generation)
{
    struct vt_erasure e = {.request = w->item[a->request].digest,
        .grant = w->item[a->grant].digest,
        .region = "EU",
        .ring = {.generation_before = generation, .generation_after = generation + 1},
        .key_count = 1,
        .key = {{{5}}},
        .made = LW_ASKED + 60};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    e.ring.after.b[0] = 1;
    (void)snprintf(e.site, sizeof e.site, "%s", lw_names[LW_ZURICH]);
    lw_must(vt_erasure_doc(&e, &d, &why), &why);
    return lw_say(w, d, LW_ZURICH);
}

static size_t
say_retention(struct ledger_world *w, const char *day, uint64_t generation)
{
    struct vt_retired epoch = {.region = "EU", .class_name = "url", .commitment = {{6}}};
    struct vt_retention r = {.policy = *vt_vault_policy_digest(w->policy),
        .ring = {.generation_before = generation, .generation_after = generation + 1},
        .epoch_count = 1,
        .epoch = &epoch,
        .made = LW_ASKED + 60};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    r.ring.after.b[0] = 2;
    assert_true(vt_day_parse(day, &epoch.day));
    (void)snprintf(r.site, sizeof r.site, "%s", lw_names[LW_ZURICH]);
    lw_must(vt_retention_doc(&r, &d, &why), &why);
    return lw_say(w, d, LW_ZURICH);
}

static size_t
say_inventory(struct ledger_world *w, enum lw_party site, uint64_t segments, uint8_t root)
{
    struct vt_inventory_record r = {.region = "EU",
        .policy = *vt_vault_policy_digest(w->policy),
        .segments = segments,
        .records = segments * 10,
        .bytes = segments * 1000,
        .root = {{root}},
        .made = LW_ASKED + 60 + (int64_t)w->count};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    (void)snprintf(r.site, sizeof r.site, "%s", lw_names[site]);
    lw_must(vt_inventory_doc(&r, &d, &why), &why);
    return lw_say(w, d, site);
}

/* ---- tests ---- */

static void
test_a_clean_ledger(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct asked a = say_access(&f->w, &r);
    struct vt_run run = a_run(&f->w, &a, &r);
    struct asked e;
    size_t at = say_run(&f->w, &run, LW_ZURICH);

    e = say_erasure_grant(&f->w);
    (void)say_erasure(&f->w, &e, 1);
    (void)say_retention(&f->w, "2026-09-01", 2);
    (void)say_inventory(&f->w, LW_ZURICH, 3, 1);
    (void)say_inventory(&f->w, LW_ZURICH, 3, 1);
    (void)say_inventory(&f->w, LW_ZURICH, 4, 2);
    audit(f);
    for (size_t i = 0; i < f->count; i++) {
        if (f->line[i].verdict != VT_AUDIT_OK)
            fail_msg("entry %zu: %s", (size_t)f->line[i].index, f->line[i].text.text);
    }
    assert_int_equal(f->count, f->w.count);
    assert_int_equal(f->sum.violations, 0);
    assert_int_equal(f->sum.void_lines, 0);
    assert_int_equal(f->sum.count[VT_ENTRY_GRANT], 2);
    assert_int_equal(f->sum.count[VT_ENTRY_RUN], 1);
    assert_int_equal(f->sum.log_size, f->w.count);
    assert_int_equal(f->sum.cosigned_time, LW_SEEN);
    expect(f, at, VT_AUDIT_OK, "zurich.example read 0 records");
    expect(f, a.grant, VT_AUDIT_OK, "on 3 approvals");
    expect(f, 0, VT_AUDIT_OK, "is in force");
}

/* Each false grant that a site could say. */
static void
test_false_grants(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    size_t q = lw_say_request(&f->w, &r, LW_CAROL);
    size_t a[4] = {lw_approve(&f->w, q, LW_ERIN), lw_approve(&f->w, q, LW_SAM),
        lw_approve(&f->w, q, LW_SUE), lw_approve(&f->w, q, LW_CAROL)};
    size_t none, few, own, elsewhere, stranger, late, unsaid, good, again;
    struct vt_grant g = lw_grant(&f->w, q, r.mode, a, 0, LW_ZURICH);

    none = lw_say_grant(&f->w, &g, LW_ZURICH);
    g = lw_grant(&f->w, q, r.mode, a, 2, LW_ZURICH);
    few = lw_say_grant(&f->w, &g, LW_ZURICH);
    g = lw_grant(&f->w, q, r.mode, a, 4, LW_ZURICH);
    own = lw_say_grant(&f->w, &g, LW_ZURICH);
    g = lw_grant(&f->w, q, r.mode, a, 3, LW_FRANKFURT);
    elsewhere = lw_say_grant(&f->w, &g, LW_FRANKFURT);
    g = lw_grant(&f->w, q, r.mode, a, 3, LW_ZURICH);
    stranger = lw_say_grant(&f->w, &g, LW_STRANGER);
    g.made = r.expires;
    late = lw_say_grant(&f->w, &g, LW_ZURICH);
    g = lw_grant(&f->w, q, r.mode, a, 3, LW_ZURICH);
    g.approval[2].b[0] ^= 1;
    unsaid = lw_say_grant(&f->w, &g, LW_ZURICH);
    g = lw_grant(&f->w, q, r.mode, a, 3, LW_ZURICH);
    good = lw_say_grant(&f->w, &g, LW_ZURICH);
    g.request.b[0] ^= 1;
    again = lw_say_grant(&f->w, &g, LW_ZURICH);
    audit(f);
    expect(f, a[3], VT_AUDIT_VOID, "own request");
    expect(f, none, VT_AUDIT_VIOLATION, "does not hold");
    expect(f, few, VT_AUDIT_VIOLATION, "security");
    expect(f, own, VT_AUDIT_VIOLATION, "own request");
    expect(f, elsewhere, VT_AUDIT_VIOLATION, "does not keep");
    expect(f, stranger, VT_AUDIT_VOID, "nobody who keeps data");
    expect(f, late, VT_AUDIT_VIOLATION, "expired");
    expect(f, unsaid, VT_AUDIT_VIOLATION, "no approval");
    expect(f, good, VT_AUDIT_OK, "grants");
    expect(f, again, VT_AUDIT_VIOLATION, "nobody who may has asked");
    assert_int_equal(f->sum.violations, 7);
    assert_int_equal(f->sum.void_lines, 2);
}

/* A grant is judged by the policy in force at its place, not by the newest. */
static void
test_policies_in_their_time(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct asked early = say_access(&f->w, &r);
    struct vt_grant g;
    size_t q, second, late, foreign, rival, stale, a[3];

    r.id[0] = 33;
    q = lw_say_request(&f->w, &r, LW_CAROL);
    second = lw_say(&f->w, lw_policy_doc(2, &f->w.item[0].digest), LW_AUTHORITY);
    a[0] = lw_approve(&f->w, q, LW_ERIN);
    a[1] = lw_approve(&f->w, q, LW_SAM);
    a[2] = lw_approve(&f->w, q, LW_SUE);
    g = lw_grant(&f->w, q, r.mode, a, 3, LW_ZURICH);
    late = lw_say_grant(&f->w, &g, LW_ZURICH);
    foreign = lw_say(&f->w, lw_policy_doc(3, &f->w.item[second].digest), LW_ZURICH);
    rival = lw_say(&f->w, lw_policy_doc(2, &f->w.item[second].digest), LW_AUTHORITY);
    r.id[0] = 34;
    stale = lw_say_request(&f->w, &r, LW_CAROL);
    audit(f);
    expect(f, early.grant, VT_AUDIT_OK, "grants");
    expect(f, second, VT_AUDIT_OK, "policy 2 is in force");
    expect(f, late, VT_AUDIT_VIOLATION, "another vault policy");
    expect(f, foreign, VT_AUDIT_VOID, "does not let it say");
    expect(f, rival, VT_AUDIT_VIOLATION, "another policy 2");
    expect(f, stale, VT_AUDIT_OK, "not in force any more");
}

static void
test_false_runs(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct vt_request other = r;
    struct asked a = say_access(&f->w, &r), b;
    struct vt_run run = a_run(&f->w, &a, &r);
    size_t ungranted, stranger, job, query, late, future, good, twice;

    run.grant.b[0] ^= 1;
    ungranted = say_run(&f->w, &run, LW_ZURICH);
    run = a_run(&f->w, &a, &r);
    stranger = say_run(&f->w, &run, LW_STRANGER);
    good = say_run(&f->w, &run, LW_ZURICH);
    run.finished++;
    twice = say_run(&f->w, &run, LW_ZURICH);
    other.id[0] = 44;
    other.runs = 10;
    b = say_access(&f->w, &other);
    run = a_run(&f->w, &b, &other);
    run.job.b[0] ^= 1;
    job = say_run(&f->w, &run, LW_ZURICH);
    run = a_run(&f->w, &b, &other);
    run.query.b[0] ^= 1;
    query = say_run(&f->w, &run, LW_ZURICH);
    run = a_run(&f->w, &b, &other);
    run.started = run.finished = other.expires;
    late = say_run(&f->w, &run, LW_ZURICH);
    run = a_run(&f->w, &b, &other);
    run.finished = (int64_t)LW_SEEN + 3601;
    future = say_run(&f->w, &run, LW_ZURICH);
    audit(f);
    expect(f, ungranted, VT_AUDIT_VIOLATION, "no grant before it");
    expect(f, stranger, VT_AUDIT_VOID, "nobody to whom it was granted");
    expect(f, good, VT_AUDIT_OK, "read");
    expect(f, twice, VT_AUDIT_VIOLATION, "run 2 of 1");
    expect(f, job, VT_AUDIT_VIOLATION, "another job");
    expect(f, query, VT_AUDIT_VIOLATION, "another query");
    expect(f, late, VT_AUDIT_VIOLATION, "expired");
    expect(f, future, VT_AUDIT_VIOLATION, "has not come");
}

/* EU has 10 of epsilon in 30 days. */
static void
test_noise_budget(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct asked a;
    struct vt_run run;
    size_t at[4];

    r.epsilon = 4000;
    r.runs = 10;
    a = say_access(&f->w, &r);
    run = a_run(&f->w, &a, &r);
    for (int i = 0; i < 3; i++) {
        run.finished++;
        at[i] = say_run(&f->w, &run, LW_ZURICH);
    }
    run.epsilon = 0;
    at[3] = say_run(&f->w, &run, LW_ZURICH);
    audit(f);
    expect(f, at[0], VT_AUDIT_OK, "read");
    expect(f, at[1], VT_AUDIT_OK, "read");
    expect(f, at[2], VT_AUDIT_VIOLATION, "overspent");
    expect(f, at[3], VT_AUDIT_VIOLATION, "other noise");
}

static void
test_destroyed_keys(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct asked access = say_access(&f->w, &r), erasure = say_erasure_grant(&f->w);
    size_t wrong = say_erasure(&f->w, &access, 1);
    size_t good = say_erasure(&f->w, &erasure, 2);
    size_t twice = say_erasure(&f->w, &erasure, 3);
    size_t over = say_retention(&f->w, "2026-10-22", 4);
    size_t early = say_retention(&f->w, "2026-11-20", 5);
    size_t same = say_retention(&f->w, "2026-09-02", 2);

    audit(f);
    expect(f, wrong, VT_AUDIT_VIOLATION, "no erasure in EU was granted");
    expect(f, good, VT_AUDIT_OK, "destroyed the keys of a subject in EU (1)");
    expect(f, twice, VT_AUDIT_VIOLATION, "erasure 2 of 1");
    expect(f, over, VT_AUDIT_OK, "days that are over (1)");
    expect(f, early, VT_AUDIT_VIOLATION, "before its time");
    expect(f, same, VT_AUDIT_VIOLATION, "said by entry");
}

static void
test_inventories_do_not_shrink(void **state)
{
    struct fixture *f = *state;
    size_t three = say_inventory(&f->w, LW_ZURICH, 3, 1);
    size_t two = say_inventory(&f->w, LW_ZURICH, 2, 2);
    size_t changed = say_inventory(&f->w, LW_ZURICH, 3, 3);
    size_t stranger = say_inventory(&f->w, LW_STRANGER, 1, 1);

    audit(f);
    expect(f, three, VT_AUDIT_OK, "3 segments");
    expect(f, two, VT_AUDIT_VIOLATION, "other than the 3");
    expect(f, changed, VT_AUDIT_VIOLATION, "other than the 3");
    expect(f, stranger, VT_AUDIT_VOID, "nobody who keeps data");
}

/* ---- moves: policy 2 places EU at frankfurt ---- */

static struct vt_doc *
moving_policy(struct ledger_world *w)
{
    struct vt_doc *from = lw_policy_doc(2, &w->item[0].digest);
    struct vt_doc *to = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_doc_new(VT_DOC_POLICY, &to, &why), &why);
    for (size_t i = 0; i < vt_doc_count(from); i++) {
        const struct vt_doc_field *field = vt_doc_field(from, i);
        bool eu = strcmp(field->value, "EU zurich.example CH") == 0;

        lw_add(to, field->name, eu ? "EU frankfurt.example DE" : field->value);
    }
    vt_doc_free(from);
    return to;
}

struct move {
    struct vt_digest policy;
    struct vt_relocation relocation;
    struct vt_receipt receipt;
    struct vt_shred shred;
};

static size_t
say_relocation(struct ledger_world *w, struct move *m)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    size_t at;

    lw_must(vt_relocation_doc(&m->relocation, &d, &why), &why);
    at = lw_say(w, d, LW_ZURICH);
    m->receipt.relocation = m->shred.relocation = w->item[at].digest;
    return at;
}

static size_t
say_receipt(struct ledger_world *w, struct move *m)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    size_t at;

    lw_must(vt_receipt_doc(&m->receipt, &d, &why), &why);
    at = lw_say(w, d, LW_FRANKFURT);
    m->shred.receipt = w->item[at].digest;
    return at;
}

static size_t
say_shred(struct ledger_world *w, struct move *m)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_shred_doc(&m->shred, &d, &why), &why);
    return lw_say(w, d, LW_ZURICH);
}

/* A move of three segments, ready to be said; policy 2 is. */
static struct move
a_move(struct ledger_world *w)
{
    const struct vt_digest root = {{9}};
    struct move m = {
        .relocation = {.region = "EU",
            .segments = 3,
            .records = 30,
            .bytes = 3000,
            .root = root,
            .made = LW_ASKED + 60},
        .receipt = {.region = "EU",
            .segments = 3,
            .records = 30,
            .bytes = 3000,
            .root = root,
            .keys = 7,
            .made = LW_ASKED + 70},
        .shred = {.region = "EU",
            .segments = 3,
            .root = root,
            .ring = {.generation_before = 1, .generation_after = 2, .after = {{3}}},
            .keys = 7,
            .made = LW_ASKED + 80},
    };
    size_t policy = lw_say(w, moving_policy(w), LW_AUTHORITY);

    m.relocation.policy = w->item[policy].digest;
    for (int i = 0; i < 2; i++) {
        char *from = i == 0 ? m.relocation.from : m.receipt.from;
        char *to = i == 0 ? m.relocation.to : m.receipt.to;

        (void)snprintf(from, VT_KEY_NAME_MAX + 1, "%s", lw_names[LW_ZURICH]);
        (void)snprintf(to, VT_KEY_NAME_MAX + 1, "%s", lw_names[LW_FRANKFURT]);
    }
    (void)snprintf(m.shred.site, sizeof m.shred.site, "%s", lw_names[LW_ZURICH]);
    return m;
}

static void
test_a_whole_move(void **state)
{
    struct fixture *f = *state;
    struct move m = a_move(&f->w);
    size_t relocation = say_relocation(&f->w, &m);
    size_t receipt, shred;

    audit(f);
    assert_int_equal(f->sum.open_relocations, 1);
    receipt = say_receipt(&f->w, &m);
    shred = say_shred(&f->w, &m);
    audit(f);
    expect(f, relocation, VT_AUDIT_OK, "to frankfurt.example");
    expect(f, receipt, VT_AUDIT_OK, "same root");
    expect(f, shred, VT_AUDIT_OK, "at frankfurt.example now");
    assert_int_equal(f->sum.open_relocations, 0);
    assert_int_equal(f->sum.violations, 0);
}

static void
test_false_moves(void **state)
{
    struct fixture *f = *state;
    size_t stock = say_inventory(&f->w, LW_ZURICH, 4, 1);
    struct move m = a_move(&f->w);
    size_t dropped = say_relocation(&f->w, &m); /* 3 of 4 segments */
    size_t unheard, early, lost, fewer, unordered, again, elsewhere;
    struct move bad;

    m.relocation.segments = m.receipt.segments = m.shred.segments = 4;
    bad = m;
    unheard = say_receipt(&f->w, &bad); /* of the relocation that did not count */
    m.relocation.root.b[0] = m.receipt.root.b[0] = m.shred.root.b[0] = 1;
    (void)say_relocation(&f->w, &m);
    bad = m;
    early = say_shred(&f->w, &bad);
    bad.receipt.root.b[0] = 8;
    lost = say_receipt(&f->w, &bad);
    bad = m;
    bad.receipt.records--;
    fewer = say_receipt(&f->w, &bad);
    (void)say_receipt(&f->w, &m);
    bad = m;
    bad.shred.segments--;
    unordered = say_shred(&f->w, &bad);
    bad = m;
    bad.relocation.made++;
    again = say_relocation(&f->w, &bad); /* while one is under way */
    (void)say_shred(&f->w, &m);
    bad = m;
    (void)snprintf(bad.relocation.region, sizeof bad.relocation.region, "CA");
    elsewhere = say_relocation(&f->w, &bad);
    audit(f);
    expect(f, stock, VT_AUDIT_OK, "4 segments");
    expect(f, dropped, VT_AUDIT_VIOLATION, "3 segments of EU, other than the 4");
    expect(f, unheard, VT_AUDIT_VIOLATION, "no such relocation");
    expect(f, early, VT_AUDIT_VIOLATION, "before the other site");
    expect(f, lost, VT_AUDIT_VIOLATION, "another inventory root");
    expect(f, fewer, VT_AUDIT_VIOLATION, "other numbers");
    expect(f, unordered, VT_AUDIT_VIOLATION, "other segments");
    expect(f, again, VT_AUDIT_VIOLATION, "being handed over already");
    expect(f, elsewhere, VT_AUDIT_VIOLATION, "does not say");
    assert_int_equal(f->sum.open_relocations, 0);
    assert_int_equal(f->sum.violations, 8);
}

/* Documents that are kept back, and signed by others than the entry says. */
static void
test_documents(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char hex[VT_DIGEST_HEX_SIZE], path[VT_PATH_MAX];
    size_t hidden, foreign;

    hidden = lw_say_request(&f->w, &r, LW_CAROL);
    r.id[0] = 99;
    lw_must(vt_request_doc(&r, &d, &why), &why);
    foreign = lw_say_as(&f->w, d, LW_DORA, LW_CAROL);
    lf_publish(&f->f, &f->w);
    vt_digest_hex(&f->w.item[hidden].digest, hex);
    assert_int_equal(
        vt_path(path, NULL, "%s/objects/sha256/%.2s/%s", f->f.pub, hex, hex), VT_OK);
    assert_int_equal(unlink(path), 0);
    audit(f);
    expect(f, hidden, VT_AUDIT_VIOLATION, "cannot be had");
    expect(f, foreign, VT_AUDIT_VOID, "");
}

static enum vt_err
stop(void *ctx, const struct vt_audit_line *l, struct vt_why *why)
{
    (void)ctx;
    (void)l;
    return vt_fail(why, VT_E_IO, "full");
}

static void
test_a_reader_can_stop(void **state)
{
    struct fixture *f = *state;
    struct vt_audit_sum sum = {.lines = 77};
    struct vt_why why = {{0}};

    assert_int_equal(vt_audit_run(f->desk, stop, f, &sum, &why), VT_E_STATE);
    audit(f);
    assert_int_equal(vt_audit_run(f->desk, stop, f, &sum, &why), VT_E_IO);
    assert_int_equal(sum.lines, 77);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_clean_ledger, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_false_grants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_policies_in_their_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_false_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_noise_budget, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_destroyed_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inventories_do_not_shrink, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_whole_move, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_false_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_documents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reader_can_stop, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
