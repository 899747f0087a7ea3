/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk: it reads a ledger from what is proven and takes nothing back, knows which
 * vault policy is in force, gathers evidence that an offline check takes, and says only what
 * others will believe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

#include "ledger_folder.h"
#include "live_ledger.h"

#include "vault/chain.h"
#include "vault/requests.h"

struct fixture {
    struct ledger_world w;
    struct ledger_folder f;
    struct vt_desk *desk;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    lw_init(&f->w);
    lf_init(&f->f);
    lf_publish(&f->f, &f->w);
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

static void
refresh(struct fixture *f)
{
    struct vt_why why = {{0}};

    lf_publish(&f->f, &f->w);
    lw_must(vt_desk_refresh(f->desk, &why), &why);
}

/* An entry that is none of the ledger's, and one that nobody can read. */
static void
log_others(struct ledger_world *w)
{
    struct vt_buf junk = VT_BUF(64);
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};
    struct vt_digest d = {{1}};

    vt_buf_puts(&junk, "{}");
    vt_digest_of(junk.data, junk.len, &e.statement);
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &d, NULL), VT_OK);
    (void)lw_log(w, &e, LW_ZURICH, &junk);
    (void)lw_log(w, &e, LW_ZURICH, &junk);
    w->item[w->count - 1].entry.data[3] ^= 1;
    vt_merkle_leaf(w->item[w->count - 1].entry.data, w->item[w->count - 1].entry.len,
        &w->item[w->count - 1].leaf);
    vt_buf_release(&junk);
}

struct seen {
    size_t count;
    uint64_t index[LW_ENTRIES];
    size_t stop_after;
};

static enum vt_err
see(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct seen *s = ctx;

    (void)why;
    assert_true(s->count < LW_ENTRIES);
    s->index[s->count++] = e->index;
    return s->count == s->stop_after ? VT_E_EXIST : VT_OK;
}

static void
test_reads_what_is_proven(void **state)
{
    struct fixture *f = *state;
    struct seen s = {0};
    struct vt_desk_entry e;
    struct vt_doc *doc = NULL;
    struct vt_why why = {{0}};
    struct vt_request r = lw_request(&f->w);
    size_t request;

    assert_int_equal(vt_desk_each(f->desk, see, &s, &why), VT_E_STATE);
    log_others(&f->w);
    request = lw_say_request(&f->w, &r, LW_CAROL);
    r.id[0] = 9;
    (void)lw_say_request(&f->w, &r, LW_UNKNOWN); /* no signer of the trust policy */
    refresh(f);
    lw_must(vt_desk_each(f->desk, see, &s, &why), &why);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.index[0], 0);
    assert_int_equal(s.index[1], request);
    lw_must(
        vt_desk_find(f->desk, VT_ENTRY_REQUEST, &f->w.item[request].digest, &e, &why), &why);
    assert_int_equal(e.index, request);
    assert_string_equal(e.signer->name, "carol.example");
    lw_must(vt_desk_doc(f->desk, &e, &doc, &why), &why);
    assert_string_equal(vt_doc_get(doc, "purpose"), "incident-response");
    vt_doc_free(doc);
    assert_int_equal(
        vt_desk_find(f->desk, VT_ENTRY_GRANT, &f->w.item[request].digest, &e, &why),
        VT_E_NOENT);
    /* fn can end the walk, and what is new is seen after a refresh. */
    s = (struct seen){.stop_after = 1};
    assert_int_equal(vt_desk_each(f->desk, see, &s, &why), VT_OK);
    assert_int_equal(s.count, 1);
    (void)lw_approve(&f->w, request, LW_DORA);
    s = (struct seen){0};
    assert_int_equal(vt_desk_each(f->desk, see, &s, &why), VT_OK);
    assert_int_equal(s.count, 2);
    refresh(f);
    s = (struct seen){0};
    assert_int_equal(vt_desk_each(f->desk, see, &s, &why), VT_OK);
    assert_int_equal(s.count, 3);
}

static void
object_path(struct fixture *f, size_t item, char ret[VT_PATH_MAX])
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(&f->w.item[item].digest, hex);
    assert_int_equal(
        vt_path(ret, NULL, "%s/objects/sha256/%.2s/%s", f->f.pub, hex, hex), VT_OK);
}

static void
test_documents_must_be_there(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    size_t request = lw_say_request(&f->w, &r, LW_CAROL);
    struct vt_vault_policy *p = NULL;
    uint64_t index[4];
    size_t count = 4;
    struct vt_desk_entry e;
    struct vt_doc *doc = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    refresh(f);
    lw_must(
        vt_desk_find(f->desk, VT_ENTRY_REQUEST, &f->w.item[request].digest, &e, &why), &why);
    object_path(f, request, path);
    (void)unlink(path);
    assert_int_equal(vt_desk_doc(f->desk, &e, &doc, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "entry 1 (request)"));
    assert_int_equal(vt_file_replace(path, 0644, "other", 5, NULL), VT_OK);
    assert_int_equal(vt_desk_doc(f->desk, &e, &doc, &why), VT_E_DIGEST);
    assert_null(doc);
    /* A policy that is kept from us may be the one in force: no answer is better. */
    object_path(f, 0, path);
    (void)unlink(path);
    assert_int_equal(vt_desk_vault_policy(f->desk, &p, index, &count, &why), VT_E_NOENT);
    assert_null(p);
}

/* A log that is cut back, or another with the same key, is not taken. */
static void
test_never_goes_back(void **state)
{
    struct fixture *f = *state;
    struct ledger_world other;
    struct ledger_folder aside = {.writer = NULL};
    struct vt_request r = lw_request(&f->w);
    struct vt_desk *d = NULL;
    struct vt_buf note = VT_BUF(VT_NOTE_MAX);
    struct seen s = {0};
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX], moved[VT_PATH_MAX];

    (void)lw_say_request(&f->w, &r, LW_CAROL);
    (void)lw_approve(&f->w, 1, LW_DORA);
    refresh(f);
    /* The old checkpoint again. */
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->f.pub), VT_OK);
    lw_put_checkpoint(&f->w, 1, &note);
    assert_int_equal(vt_file_replace(path, 0644, note.data, note.len, NULL), VT_OK);
    assert_int_equal(vt_desk_refresh(f->desk, &why), VT_E_ROLLBACK);
    vt_buf_release(&note);
    /* What was seen before still stands. */
    lw_must(vt_desk_each(f->desk, see, &s, &why), &why);
    assert_int_equal(s.count, 3);
    /* A fork, longer. */
    lw_init(&other);
    lf_init(&aside);
    for (uint8_t i = 0; i < 4; i++) {
        r.id[0] = (uint8_t)(50 + i);
        (void)lw_say_request(&other, &r, LW_CAROL);
    }
    lf_publish(&aside, &other);
    assert_int_equal(vt_path(moved, NULL, "%s/public-before", f->f.dir), VT_OK);
    assert_int_equal(rename(f->f.pub, moved), 0);
    assert_int_equal(symlink(aside.pub, f->f.pub), 0);
    assert_int_equal(vt_desk_refresh(f->desk, &why), VT_E_PROOF);
    assert_non_null(strstr(why.text, "another log"));
    /* To one who never saw the other it is a log like any. */
    assert_int_equal(vt_desk_new(f->f.pub, f->w.trust, NULL, &d, NULL), VT_OK);
    assert_int_equal(vt_desk_refresh(d, &why), VT_OK);
    vt_desk_free(d);
    lf_release(&aside);
    lw_release(&other);
}

/* A checkpoint without enough cosignatures is no checkpoint. */
static void
test_wants_witnesses(void **state)
{
    struct fixture *f = *state;
    struct vt_why why = {{0}};

    f->w.cosigns[LW_WITNESS_1] = f->w.cosigns[LW_WITNESS_2] = false;
    lf_publish(&f->f, &f->w);
    assert_int_equal(vt_desk_refresh(f->desk, &why), VT_E_QUORUM);
    f->w.cosigns[LW_WITNESS_1] = true;
    lf_publish(&f->f, &f->w);
    assert_int_equal(vt_desk_refresh(f->desk, &why), VT_OK);
}

static uint64_t
serial_in_force(struct fixture *f, size_t *ret_count)
{
    struct vt_vault_policy *p = NULL;
    uint64_t index[4] = {0};
    uint64_t serial;
    struct vt_why why = {{0}};

    *ret_count = 4;
    lw_must(vt_desk_vault_policy(f->desk, &p, index, ret_count, &why), &why);
    serial = vt_vault_policy_serial(p);
    vt_vault_policy_free(p);
    return serial;
}

static void
test_finds_the_policy_in_force(void **state)
{
    struct fixture *f = *state;
    struct vt_policy_chain *chain = NULL;
    struct vt_why why = {{0}};
    struct vt_digest other = {{7}};
    size_t second, count;

    refresh(f);
    assert_int_equal(serial_in_force(f, &count), 1);
    assert_int_equal(count, 1);
    /* By somebody who may not, of a serial too high, and after another one. */
    (void)lw_say(&f->w, lw_policy_doc(2, &f->w.item[0].digest), LW_ZURICH);
    (void)lw_say(&f->w, lw_policy_doc(3, &f->w.item[0].digest), LW_AUTHORITY);
    (void)lw_say(&f->w, lw_policy_doc(2, &other), LW_AUTHORITY);
    /* The authority's entry of a document that it did not sign. */
    (void)lw_say_as(&f->w, lw_policy_doc(2, &f->w.item[0].digest), LW_STRANGER, LW_AUTHORITY);
    refresh(f);
    assert_int_equal(serial_in_force(f, &count), 1);
    second = lw_say(&f->w, lw_policy_doc(2, &f->w.item[0].digest), LW_AUTHORITY);
    (void)lw_say(&f->w, lw_policy_doc(3, &f->w.item[second].digest), LW_AUTHORITY);
    refresh(f);
    assert_int_equal(serial_in_force(f, &count), 3);
    lw_must(vt_desk_policy_chain(f->desk, &chain, &why), &why);
    assert_int_equal(vt_policy_chain_count(chain), 3);
    assert_null(vt_policy_chain_at(chain, 0));
    assert_int_equal(vt_vault_policy_serial(vt_policy_chain_at(chain, 1)->policy), 1);
    assert_int_equal(vt_vault_policy_serial(vt_policy_chain_at(chain, second)->policy), 1);
    assert_int_equal(vt_vault_policy_serial(vt_policy_chain_at(chain, second + 1)->policy), 2);
    assert_non_null(vt_policy_chain_find(chain, &f->w.item[second].digest));
    assert_null(vt_policy_chain_find(chain, &other));
    vt_policy_chain_free(chain);
}

/* Appends a signed policy document; two signers when `second` is not 0. */
static void
put_policy(struct vt_buf *b, uint64_t serial, const struct vt_digest *previous,
    enum lw_party first, enum lw_party second)
{
    struct vt_doc *doc = lw_policy_doc(serial, previous);
    struct vt_signer *s = lw_signer(first);
    struct vt_why why = {{0}};

    vt_buf_clear(b);
    lw_must(vt_doc_sign(doc, s, b, &why), &why);
    vt_signer_free(s);
    vt_doc_free(doc);
    if ((unsigned)second == 0)
        return;
    s = lw_signer(second);
    lw_must(vt_doc_countersign(b, s, &why), &why);
    vt_signer_free(s);
}

/* Two authorities: neither alone brings anything into force, in whatever order they speak. */
static void
test_chain_wants_all_who_must(void **state)
{
    struct vt_buf text = VT_BUF(VT_POLICY_MAX), one = VT_BUF(VT_DOC_MAX);
    struct vt_buf two = VT_BUF(VT_DOC_MAX), rival = VT_BUF(VT_DOC_MAX);
    const struct vt_policy_party *signer = NULL;
    struct vt_policy_chain *c = NULL;
    struct vt_policy *trust = NULL;
    struct vt_digest first;
    struct vt_why why = {{0}};

    (void)state;
    vt_buf_puts(&text, "log ");
    lw_put_vkey(&text, LW_LOG);
    vt_buf_puts(&text, "\nquorum none\nsigner a ");
    lw_put_vkey(&text, LW_AUTHORITY);
    vt_buf_puts(&text, "\nsigner b ");
    lw_put_vkey(&text, LW_DAN);
    vt_buf_puts(&text, "\nsigner c ");
    lw_put_vkey(&text, LW_BOB);
    vt_buf_puts(&text, "\n");
    lw_must(vt_policy_parse(text.data, text.len, &trust, &why), &why);
    assert_int_equal(vt_policy_chain_new(trust, &c, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "require vault-policy"));
    vt_policy_free(trust);
    vt_buf_puts(&text, "group both all a b\nrequire vault-policy both\n");
    lw_must(vt_policy_parse(text.data, text.len, &trust, &why), &why);
    assert_int_equal(vt_policy_signers(trust, &signer), 3);
    lw_must(vt_policy_chain_new(trust, &c, &why), &why);
    assert_true(vt_policy_chain_hears(c, &signer[0]));
    assert_false(vt_policy_chain_hears(c, &signer[2]));

    put_policy(&one, 1, NULL, LW_AUTHORITY, LW_DAN);
    vt_digest_of(one.data, one.len, &first);
    put_policy(&two, 2, &first, LW_AUTHORITY, LW_DAN);
    put_policy(&rival, 2, &first, LW_DAN, LW_AUTHORITY);
    /* The second is complete before the first: it waits. */
    lw_must(vt_policy_chain_take(c, 1, &signer[0], two.data, two.len, &why), &why);
    lw_must(vt_policy_chain_take(c, 2, &signer[1], two.data, two.len, &why), &why);
    lw_must(vt_policy_chain_take(c, 3, &signer[0], one.data, one.len, &why), &why);
    lw_must(vt_policy_chain_take(c, 4, &signer[0], one.data, one.len, &why), &why);
    lw_must(vt_policy_chain_take(c, 5, &signer[2], one.data, one.len, &why), &why);
    assert_int_equal(vt_policy_chain_count(c), 0);
    assert_int_equal(vt_policy_chain_take(c, 6, &signer[0], "no policy", 9, &why), VT_E_SYNTAX);
    lw_must(vt_policy_chain_take(c, 7, &signer[1], one.data, one.len, &why), &why);
    assert_int_equal(vt_policy_chain_count(c), 2);
    assert_int_equal(vt_policy_chain_step(c, 0)->since, 7);
    assert_int_equal(vt_policy_chain_step(c, 1)->since, 7);
    assert_int_equal(vt_policy_chain_step(c, 0)->entry_count, 2);
    assert_int_equal(vt_policy_chain_step(c, 1)->entry[1], 2);
    /* Another second policy by both comes too late. */
    lw_must(vt_policy_chain_take(c, 8, &signer[0], rival.data, rival.len, &why), &why);
    lw_must(vt_policy_chain_take(c, 9, &signer[1], rival.data, rival.len, &why), &why);
    assert_int_equal(vt_policy_chain_count(c), 2);
    vt_policy_chain_free(c);
    vt_policy_free(trust);
    vt_buf_release(&text);
    vt_buf_release(&one);
    vt_buf_release(&two);
    vt_buf_release(&rival);
}

/* A granted request: its entries and the grant's. */
struct granted {
    size_t request;
    size_t approval[3];
    size_t grant;
};

static struct granted
say_granted(struct ledger_world *w, const struct vt_request *r)
{
    struct granted g = {.request = lw_say_request(w, r, LW_CAROL)};
    struct vt_grant doc;

    g.approval[0] = lw_approve(w, g.request, LW_ERIN);
    g.approval[1] = lw_approve(w, g.request, LW_SAM);
    g.approval[2] = lw_approve(w, g.request, LW_SUE);
    doc = lw_grant(w, g.request, r->mode, g.approval, 3, LW_ZURICH);
    g.grant = lw_say_grant(w, &doc, LW_ZURICH);
    return g;
}

static enum vt_err
check_evidence(
    struct fixture *f, const struct vt_buf *b, struct vt_ledger_view *view, struct vt_why *why)
{
    static struct vt_evidence_file file;
    struct vt_granted granted;
    enum vt_refusal refusal;

    lw_must(vt_evidence_parse(b->data, b->len, &file, why), why);
    return vt_grant_check(
        f->w.trust, f->w.policy, &file, LW_NOW, view, &granted, &refusal, why);
}

static void
test_evidence_is_taken_offline(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_ledger_view view = {0};
    struct vt_why why = {{0}};
    struct granted g;
    uint64_t many[VT_EVIDENCE_COUNT_MAX + 1] = {0};
    uint64_t none = 0;

    assert_int_equal(vt_desk_evidence(f->desk, many, 1, 0, &b, &why), VT_E_STATE);
    g = say_granted(&f->w, &r);
    refresh(f);
    lw_must(vt_desk_grant_evidence(f->desk, &f->w.item[g.request].digest, 0, &b, &why), &why);
    lw_must(check_evidence(f, &b, &view, &why), &why);
    assert_int_equal(view.size, f->w.count);
    /* Later, with the log grown: only with the proof that it grew from what was seen. */
    (void)lw_approve(&f->w, g.request, LW_DORA);
    refresh(f);
    vt_buf_clear(&b);
    lw_must(vt_desk_grant_evidence(f->desk, &f->w.item[g.request].digest, view.size, &b, &why),
        &why);
    lw_must(check_evidence(f, &b, &view, &why), &why);
    assert_int_equal(view.size, f->w.count);
    view.size = 3;
    assert_int_not_equal(check_evidence(f, &b, &view, &why), VT_OK);
    /* A log that has less than was seen. */
    vt_buf_clear(&b);
    assert_int_equal(vt_desk_evidence(f->desk, &none, 1, 99, &b, &why), VT_E_ROLLBACK);
    assert_int_equal(
        vt_desk_evidence(f->desk, many, VT_EVIDENCE_COUNT_MAX + 1, 0, &b, &why), VT_E_LIMIT);
    none = 99;
    assert_int_equal(vt_desk_evidence(f->desk, &none, 1, 0, &b, &why), VT_E_NOENT);
    assert_int_equal(
        vt_desk_grant_evidence(f->desk, &f->w.item[0].digest, 0, &b, &why), VT_E_NOENT);
    assert_int_equal(b.len, 0);
    vt_buf_release(&b);
}

/* Grants and approvals that others log do not get in the way of the true ones. */
static void
test_strangers_do_not_disturb(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_ledger_view view = {0};
    struct granted g = say_granted(&f->w, &r);
    struct vt_grant doc = lw_grant(&f->w, g.request, r.mode, g.approval, 1, LW_ZURICH);
    struct vt_entry e;
    struct vt_note note;
    struct vt_why why = {{0}};

    (void)lw_say_grant(&f->w, &doc, LW_STRANGER);
    /* The same approval, logged again by somebody who did not sign it. */
    lw_must(vt_entry_parse(f->w.item[g.approval[0]].entry.data,
                f->w.item[g.approval[0]].entry.len, &note, &e, &why),
        &why);
    (void)lw_log(&f->w, &e, LW_STRANGER, &f->w.item[g.approval[0]].doc);
    refresh(f);
    lw_must(vt_desk_grant_evidence(f->desk, &f->w.item[g.request].digest, 0, &b, &why), &why);
    lw_must(check_evidence(f, &b, &view, &why), &why);
    vt_buf_release(&b);
}

static enum vt_err
keep_last(void *ctx, const struct vt_request_info *i, struct vt_why *why)
{
    (void)why;
    *(struct vt_request_info *)ctx = *i;
    return VT_OK;
}

static struct vt_request_info
last_request(struct fixture *f, int64_t now)
{
    static struct vt_request_info i;
    struct vt_why why = {{0}};

    memset(&i, 0, sizeof i);
    refresh(f);
    lw_must(vt_desk_requests(f->desk, now, keep_last, &i, &why), &why);
    return i;
}

static void
say_refusal(struct ledger_world *w, size_t request, enum vt_refusal code)
{
    struct vt_refusal_record r = {
        .request = w->item[request].digest, .code = code, .made = LW_ASKED + 30};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    (void)snprintf(r.site, sizeof r.site, "%s", lw_names[LW_ZURICH]);
    lw_must(vt_refusal_doc(&r, &d, &why), &why);
    (void)lw_say(w, d, LW_ZURICH);
}

static void
test_requests_and_their_states(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct vt_request_info i = last_request(f, LW_NOW);
    size_t q, approval[3];
    struct vt_grant g;

    assert_int_equal(i.state, 0);
    q = lw_say_request(&f->w, &r, LW_CAROL);
    i = last_request(f, LW_NOW);
    assert_int_equal(i.state, VT_REQUEST_OPEN);
    assert_int_equal(i.index, q);
    assert_int_equal(i.standing.group_count, 2);
    assert_int_equal(last_request(f, r.expires).state, VT_REQUEST_EXPIRED);
    /* Answers that do not count: an own one, of no approver, one that another signed. */
    (void)lw_approve(&f->w, q, LW_CAROL);
    (void)lw_approve(&f->w, q, LW_BOB);
    i = last_request(f, LW_NOW);
    assert_int_equal(i.standing.approval_count, 0);
    approval[0] = lw_approve(&f->w, q, LW_DORA); /* of both groups */
    approval[1] = lw_approve(&f->w, q, LW_SAM);
    i = last_request(f, LW_NOW);
    assert_int_equal(i.state, VT_REQUEST_APPROVED);
    assert_int_equal(i.standing.approval_count, 2);
    assert_int_equal(i.standing.have[0], 1);
    assert_int_equal(i.standing.have[1], 2);
    g = lw_grant(&f->w, q, r.mode, approval, 2, LW_ZURICH);
    (void)lw_say_grant(&f->w, &g, LW_STRANGER);
    assert_int_equal(last_request(f, LW_NOW).state, VT_REQUEST_APPROVED);
    (void)lw_say_grant(&f->w, &g, LW_ZURICH);
    assert_int_equal(last_request(f, LW_NOW).state, VT_REQUEST_GRANTED);
    say_refusal(&f->w, q, VT_REFUSAL_SHARES);
    i = last_request(f, LW_NOW);
    assert_int_equal(i.state, VT_REQUEST_REFUSED);
    assert_string_equal(i.refused_by, "zurich.example");
    assert_string_equal(i.refused_for, "shares");
    /* Another request, refused by an approver, for good. */
    r.id[0] = 77;
    q = lw_say_request(&f->w, &r, LW_CAROL);
    (void)lw_approve(&f->w, q, LW_DORA);
    (void)lw_say_answer(&f->w, q, LW_SAM, false);
    (void)lw_approve(&f->w, q, LW_SUE);
    i = last_request(f, LW_NOW);
    assert_int_equal(i.state, VT_REQUEST_REFUSED);
    assert_string_equal(i.refused_by, "sam.example");
    assert_string_equal(i.refused_for, "veto");
    /* One that another signed in her name is no request. */
    r.id[0] = 78;
    (void)lw_say_request(&f->w, &r, LW_DORA);
    assert_int_equal(last_request(f, LW_NOW).index, q);
}

static void
test_a_request_goes_stale(void **state)
{
    struct fixture *f = *state;
    struct vt_request r = lw_request(&f->w);
    struct vt_buf b = VT_BUF(512);
    struct vt_request_info i;

    (void)lw_say_request(&f->w, &r, LW_CAROL);
    (void)lw_say(&f->w, lw_policy_doc(2, &f->w.item[0].digest), LW_AUTHORITY);
    i = last_request(f, LW_NOW);
    assert_int_equal(i.state, VT_REQUEST_STALE);
    assert_string_equal(vt_request_state_name(i.state), "stale");
    /* What is missing, in words: the requester is not offered. */
    {
        struct vt_standing s = i.standing;
        struct vt_policy_chain *chain = NULL;
        const struct vt_vault_policy *p;

        assert_int_equal(vt_desk_policy_chain(f->desk, &chain, NULL), VT_OK);
        p = vt_policy_chain_step(chain, 0)->policy;
        assert_int_equal(vt_desk_standing(f->desk, p, &i.doc, &i.request, &s, NULL), VT_OK);
        vt_standing_put_missing(&s, p, "dora.example", &b);
        assert_string_equal(vt_buf_str(&b),
            "legal has 0 of 1, may be given by erin.example; security has 0 of 2, may be given "
            "by sam.example, sue.example");
        vt_policy_chain_free(chain);
    }
    vt_buf_release(&b);
}

/* A desk that only reads, or reads files, says nothing. */
static void
test_says_only_with_a_key_and_a_log(void **state)
{
    struct fixture *f = *state;
    struct vt_signer *carol = lw_signer(LW_CAROL);
    struct vt_desk *d = NULL;
    struct vt_why why = {{0}};
    uint64_t index = 0;

    assert_int_equal(
        vt_desk_say(f->desk, VT_ENTRY_REQUEST, NULL, 0, "x", 1, &index, &why), VT_E_USAGE);
    assert_int_equal(vt_desk_new("", f->w.trust, carol, &d, &why), VT_E_USAGE);
    assert_int_equal(vt_desk_new(f->f.pub, f->w.trust, carol, &d, NULL), VT_OK);
    assert_int_equal(
        vt_desk_say(d, VT_ENTRY_REQUEST, NULL, 0, "x", 1, &index, &why), VT_E_USAGE);
    assert_int_equal(vt_desk_wait(d, 0, 10, &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "http"));
    assert_int_equal(vt_desk_grant(d, &f->w.item[0].digest, &index, &why), VT_E_STATE);
    vt_desk_free(d);
    vt_signer_free(carol);
}

/* Says a document with its own entry's subjects, as `who`; frees it. */
static enum vt_err
live_say(struct live *l, struct vt_doc *doc, enum lw_party who, uint64_t *ret_index,
    struct vt_digest *ret_digest, struct vt_why *why)
{
    struct vt_signer *s = lw_signer(who);
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_desk *d = NULL;
    struct vt_entry e;
    enum vt_err err;

    lw_must(vt_doc_sign(doc, s, &b, why), why);
    lw_must(vt_ledger_entry_of(doc, &e, why), why);
    *ret_digest = *vt_doc_digest(doc);
    lw_must(vt_desk_new(l->url, l->trust, s, &d, why), why);
    err = vt_desk_say(d, e.kind, e.subject, e.subject_count, b.data, b.len, ret_index, why);
    if (err == VT_OK)
        err = vt_desk_wait(d, *ret_index, 60000, why);
    vt_desk_free(d);
    vt_signer_free(s);
    vt_buf_release(&b);
    vt_doc_free(doc);
    return err;
}

static struct vt_doc *
live_request(struct ledger_world *w, const struct vt_digest *policy, uint8_t id)
{
    struct vt_request r = lw_request(w);
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    r.id[0] = id;
    r.policy = *policy;
    r.made = vt_clock_now(&vt_clock_system);
    r.expires = r.made + 3600;
    lw_must(vt_request_doc(&r, &d, &why), &why);
    return d;
}

static struct vt_doc *
live_answer(const struct vt_digest *request, enum lw_party who, bool approve)
{
    struct vt_approval a = {
        .request = *request, .approve = approve, .made = vt_clock_now(&vt_clock_system)};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};

    (void)snprintf(a.approver, sizeof a.approver, "%s", lw_names[who]);
    lw_must(vt_approval_doc(&a, &d, &why), &why);
    return d;
}

/* Grants a request at the site, after a look at the log. */
static enum vt_err
live_grant(struct live *l, enum lw_party who, const struct vt_digest *request,
    uint64_t *ret_index, struct vt_why *why)
{
    struct vt_signer *s = lw_signer(who);
    struct vt_desk *d = NULL;
    enum vt_err err;

    lw_must(vt_desk_new(l->url, l->trust, s, &d, why), why);
    err = vt_desk_refresh(d, why);
    if (err == VT_OK)
        err = vt_desk_grant(d, request, ret_index, why);
    if (err == VT_OK)
        err = vt_desk_wait(d, *ret_index, 60000, why);
    vt_desk_free(d);
    vt_signer_free(s);
    return err;
}

static void
check_live_evidence(
    struct live *l, const struct vt_digest *request, struct vt_ledger_view *view)
{
    static struct vt_evidence_file file;
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_vault_policy *policy = NULL;
    uint64_t index[2];
    size_t count = 2;
    struct vt_granted granted;
    enum vt_refusal refusal;
    struct vt_desk *d = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_desk_new(l->url, l->trust, NULL, &d, &why), &why);
    lw_must(vt_desk_refresh(d, &why), &why);
    lw_must(vt_desk_vault_policy(d, &policy, index, &count, &why), &why);
    lw_must(vt_desk_grant_evidence(d, request, view->size, &b, &why), &why);
    lw_must(vt_evidence_parse(b.data, b.len, &file, &why), &why);
    lw_must(vt_grant_check(l->trust, policy, &file, vt_clock_now(&vt_clock_system), view,
                &granted, &refusal, &why),
        &why);
    assert_int_equal(granted.approver_count, 3);
    vt_vault_policy_free(policy);
    vt_desk_free(d);
    vt_buf_release(&b);
}

static void
test_asks_approves_and_grants(void **state)
{
    struct live *l = *state;
    struct ledger_world w;
    struct vt_ledger_view view = {0};
    struct vt_digest policy, request, other, x;
    struct vt_desk *d = NULL;
    struct vt_signer *s;
    struct vt_why why = {{0}};
    uint64_t first = 0, index = 0, again = 0;

    lw_init(&w); /* for its requests only */
    lw_must(live_say(l, lw_policy_doc(1, NULL), LW_AUTHORITY, &first, &policy, &why), &why);
    /* The same again is the same entry; a stranger to the log is told what to do. */
    lw_must(live_say(l, lw_policy_doc(1, NULL), LW_AUTHORITY, &again, &x, &why), &why);
    assert_int_equal(again, first);
    assert_int_equal(
        live_say(l, live_request(&w, &policy, 1), LW_UNKNOWN, &index, &x, &why), VT_E_UNKNOWN);
    assert_non_null(strstr(why.text, "signer NAME VKEY"));
    lw_must(live_say(l, live_request(&w, &policy, 1), LW_CAROL, &index, &request, &why), &why);
    lw_must(live_say(l, live_request(&w, &policy, 2), LW_CAROL, &index, &other, &why), &why);

    assert_int_equal(live_grant(l, LW_ZURICH, &request, &index, &why), VT_E_QUORUM);
    assert_non_null(strstr(why.text, "legal has 0 of 1"));
    lw_must(live_say(l, live_answer(&request, LW_ERIN, true), LW_ERIN, &index, &x, &why), &why);
    lw_must(live_say(l, live_answer(&request, LW_SAM, true), LW_SAM, &index, &x, &why), &why);
    assert_int_equal(live_grant(l, LW_ZURICH, &request, &index, &why), VT_E_QUORUM);
    assert_null(strstr(why.text, "legal"));
    assert_non_null(strstr(why.text, "sue.example"));
    lw_must(live_say(l, live_answer(&request, LW_SUE, true), LW_SUE, &index, &x, &why), &why);
    /* Only the region's keeper may, and once is enough. */
    assert_int_equal(live_grant(l, LW_FRANKFURT, &request, &index, &why), VT_E_REFUSED);
    lw_must(live_grant(l, LW_ZURICH, &request, &index, &why), &why);
    lw_must(live_grant(l, LW_ZURICH, &request, &again, &why), &why);
    assert_int_equal(index, again);
    check_live_evidence(l, &request, &view);
    /* A refusal is for good. */
    lw_must(live_say(l, live_answer(&other, LW_DORA, false), LW_DORA, &index, &x, &why), &why);
    assert_int_equal(live_grant(l, LW_ZURICH, &other, &index, &why), VT_E_REFUSED);
    assert_non_null(strstr(why.text, "dora.example"));

    s = lw_signer(LW_ZURICH);
    lw_must(vt_desk_new(l->url, l->trust, s, &d, &why), &why);
    lw_must(vt_desk_refresh(d, &why), &why);
    lw_must(vt_desk_refuse(d, &other, VT_REFUSAL_VETO, &index, &why), &why);
    lw_must(vt_desk_wait(d, index, 60000, &why), &why);
    assert_int_equal(vt_desk_refuse(d, &policy, VT_REFUSAL_VETO, &index, &why), VT_E_NOENT);
    assert_int_equal(
        vt_desk_grant_evidence(d, &other, 0, &(struct vt_buf){0}, &why), VT_E_NOENT);
    vt_desk_free(d);
    vt_signer_free(s);
    lw_release(&w);
}

/* A document that does not belong to its entry is not even sent. */
static void
test_says_nothing_false(void **state)
{
    struct live *l = *state;
    struct ledger_world w;
    struct vt_signer *carol = lw_signer(LW_CAROL);
    struct vt_digest policy;
    struct vt_subject wrong = {.role = VT_SUBJECT_POLICY};
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_desk *d = NULL;
    struct vt_doc *doc;
    struct vt_why why = {{0}};
    uint64_t index = 0;

    lw_init(&w);
    lw_must(live_say(l, lw_policy_doc(1, NULL), LW_AUTHORITY, &index, &policy, &why), &why);
    doc = live_request(&w, &policy, 1);
    lw_must(vt_doc_sign(doc, carol, &b, &why), &why);
    lw_must(vt_desk_new(l->url, l->trust, carol, &d, &why), &why);
    assert_int_equal(
        vt_desk_say(d, VT_ENTRY_REQUEST, &wrong, 1, b.data, b.len, &index, &why), VT_E_DIGEST);
    wrong.digest = policy;
    assert_int_equal(
        vt_desk_say(d, VT_ENTRY_SOURCE, &wrong, 1, b.data, b.len, &index, &why), VT_E_REFUSED);
    assert_int_not_equal(
        vt_desk_say(d, VT_ENTRY_GRANT, &wrong, 1, b.data, b.len, &index, &why), VT_OK);
    lw_must(vt_desk_say(d, VT_ENTRY_REQUEST, &wrong, 1, b.data, b.len, &index, &why), &why);
    vt_desk_free(d);
    vt_doc_free(doc);
    vt_signer_free(carol);
    vt_buf_release(&b);
    lw_release(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_what_is_proven, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_documents_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_never_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wants_witnesses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_finds_the_policy_in_force, set_up, tear_down),
        cmocka_unit_test(test_chain_wants_all_who_must),
        cmocka_unit_test_setup_teardown(test_evidence_is_taken_offline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strangers_do_not_disturb, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_requests_and_their_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_request_goes_stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_says_only_with_a_key_and_a_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_asks_approves_and_grants, set_up_live, tear_down_live),
        cmocka_unit_test_setup_teardown(test_says_nothing_false, set_up_live, tear_down_live),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
