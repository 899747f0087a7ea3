/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence: files, what an item proves, and the newest tree that was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger_world.h"

/* A world with a request and an approval, and evidence of both. */
struct story {
    struct ledger_world w;
    size_t at[2];
    struct vt_buf b;
    struct vt_evidence_file f;
    struct vt_why why;
};

static void
story_init(struct story *s)
{
    memset(s, 0, sizeof *s);
    lw_init(&s->w);
    struct vt_request r = lw_request(&s->w);
    s->at[0] = lw_say_request(&s->w, &r, LW_CAROL);
    s->at[1] = lw_approve(&s->w, s->at[0], LW_DORA);
    s->b = lw_evidence(&s->w, s->at, 2, 1);
    lw_must(vt_evidence_parse(s->b.data, s->b.len, &s->f, &s->why), &s->why);
}

static void
story_release(struct story *s)
{
    vt_buf_release(&s->b);
    lw_release(&s->w);
}

static void
test_file(void **state)
{
    struct story s;
    struct vt_buf again = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_evidence_file f = {.count = 77};
    (void)state;
    story_init(&s);
    assert_int_equal(s.f.count, 2);
    assert_int_equal(s.f.item[0].document.len, s.w.item[s.at[0]].doc.len);
    assert_memory_equal(
        s.f.item[1].entry.p, s.w.item[s.at[1]].entry.data, s.f.item[1].entry.len);
    assert_true(s.f.consistency.len > 0);
    lw_must(vt_evidence_put(&again, &s.f, &s.why), &s.why);
    assert_int_equal(again.len, s.b.len);
    assert_memory_equal(again.data, s.b.data, again.len);
    for (size_t len = 0; len < s.b.len; len++)
        assert_int_equal(vt_evidence_parse(s.b.data, len, &f, &s.why), VT_E_SYNTAX);
    vt_buf_put_u8(&again, 0);
    assert_int_equal(vt_evidence_parse(again.data, again.len, &f, &s.why), VT_E_SYNTAX);
    again.data[7] = VT_EVIDENCE_COUNT_MAX + 1;
    assert_int_equal(vt_evidence_parse(again.data, again.len, &f, &s.why), VT_E_LIMIT);
    assert_int_equal(
        vt_evidence_parse(again.data, VT_EVIDENCE_MAX + 1, &f, &s.why), VT_E_LIMIT);
    assert_int_equal(f.count, 77);
    f.count = VT_EVIDENCE_COUNT_MAX + 1;
    assert_int_equal(vt_evidence_put(&again, &f, &s.why), VT_E_LIMIT);
    f.count = 0;
    f.consistency = (struct vt_slice_of){again.data, (size_t)VT_EVIDENCE_MAX + 1};
    assert_int_equal(vt_evidence_put(&again, &f, &s.why), VT_E_LIMIT);
    vt_buf_release(&again);
    story_release(&s);
}

static void
test_fact(void **state)
{
    struct story s;
    struct vt_fact fact;
    (void)state;
    story_init(&s);
    lw_must(vt_fact_check(s.w.trust, VT_ENTRY_APPROVAL, &s.f.item[1], &fact, &s.why), &s.why);
    assert_int_equal(fact.index, s.at[1]);
    assert_int_equal(fact.checkpoint.size, 3);
    assert_int_equal(fact.cosigned_time, LW_SEEN);
    assert_string_equal(fact.signer->name, "dora.example");
    assert_int_equal(vt_doc_kind(fact.doc), VT_DOC_APPROVAL);
    assert_true(vt_digest_eq(&fact.entry.statement, vt_doc_digest(fact.doc)));
    vt_fact_release(&fact);
    vt_fact_release(&fact);
    story_release(&s);
}

static void
expect(struct story *s, enum vt_entry_kind kind, const struct vt_evidence *e, enum vt_err want,
    const char *says)
{
    struct vt_fact fact = {.index = 99};
    enum vt_err err = vt_fact_check(s->w.trust, kind, e, &fact, &s->why);
    if (err != want || strstr(s->why.text, says) == NULL)
        fail_msg("%s: %s", vt_err_name(err), s->why.text);
    assert_int_equal(fact.index, 99);
}

static void
test_facts_refused(void **state)
{
    struct story s;
    struct vt_evidence e;
    (void)state;
    story_init(&s);
    expect(&s, VT_ENTRY_GRANT, &s.f.item[1], VT_E_REFUSED, "of kind approval, not grant");
    e = s.f.item[1];
    e.document = s.f.item[0].document;
    expect(&s, VT_ENTRY_APPROVAL, &e, VT_E_DIGEST, "not the one that the approval entry");
    e = s.f.item[1];
    e.entry = s.f.item[0].entry;
    expect(&s, VT_ENTRY_APPROVAL, &e, VT_E_PROOF, "entry 2");
    e = s.f.item[1];
    e.proof = s.f.item[0].proof;
    expect(&s, VT_ENTRY_APPROVAL, &e, VT_E_PROOF, "entry 1");
    e.proof.len = 0;
    expect(&s, VT_ENTRY_APPROVAL, &e, VT_E_SYNTAX, "");
    story_release(&s);
}

/* A checkpoint with too few cosignatures. */
static void
test_quorum(void **state)
{
    struct story s;
    struct vt_buf b;
    (void)state;
    story_init(&s);
    s.w.cosigns[LW_WITNESS_1] = s.w.cosigns[LW_SUPERVISOR] = false;
    b = lw_evidence(&s.w, s.at, 2, 0);
    lw_must(vt_evidence_parse(b.data, b.len, &s.f, &s.why), &s.why);
    expect(&s, VT_ENTRY_REQUEST, &s.f.item[0], VT_E_QUORUM, "cosignature");
    vt_buf_release(&b);
    story_release(&s);
}

static void
test_cosigned_by(void **state)
{
    struct story s;
    struct vt_buf b;
    (void)state;
    story_init(&s);
    lw_must(vt_fact_cosigned_by(s.w.trust, &s.f.item[0], "supervisor.example", &s.why), &s.why);
    assert_int_equal(
        vt_fact_cosigned_by(s.w.trust, &s.f.item[0], "nobody", &s.why), VT_E_QUORUM);
    assert_int_equal(
        vt_fact_cosigned_by(s.w.trust, &s.f.item[0], "carol.example", &s.why), VT_E_QUORUM);
    s.w.cosigns[LW_SUPERVISOR] = false;
    b = lw_evidence(&s.w, s.at, 2, 0);
    lw_must(vt_evidence_parse(b.data, b.len, &s.f, &s.why), &s.why);
    assert_int_equal(vt_fact_cosigned_by(s.w.trust, &s.f.item[0], "supervisor.example", &s.why),
        VT_E_QUORUM);
    assert_non_null(strstr(s.why.text, "lacks"));
    vt_buf_release(&b);
    story_release(&s);
}

/* While the supervisor changes its key, the trust policy names both. */
static void
test_cosigned_by_a_new_key(void **state)
{
    struct story s;
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    (void)state;
    story_init(&s);
    vt_buf_puts(&b, "witness new-supervisor ");
    test_put_vkey(&b, "supervisor.example", VT_NOTE_COSIG_ED25519, 77);
    vt_buf_puts(&b, "\n");
    lw_put_trust(&b);
    lw_must(vt_policy_parse(b.data, b.len, &p, &s.why), &s.why);
    lw_must(vt_fact_cosigned_by(p, &s.f.item[0], "supervisor.example", &s.why), &s.why);
    vt_policy_free(p);
    vt_buf_release(&b);
    story_release(&s);
}

/* Logs the document with an entry that the test has changed. */
static struct vt_evidence
say_changed(struct story *s, struct vt_doc *d, enum lw_party who, enum vt_entry_kind kind,
    enum vt_subject_role role, const struct vt_digest *subject)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_signer *signer = lw_signer(who);
    struct vt_entry e = {.kind = kind};
    lw_must(vt_doc_sign(d, signer, &b, &s->why), &s->why);
    e.statement = *vt_doc_digest(d);
    lw_must(vt_entry_add(&e, role, subject, &s->why), &s->why);
    size_t at = lw_log(&s->w, &e, who, &b);
    vt_buf_release(&b);
    vt_buf_release(&s->b);
    vt_signer_free(signer);
    vt_doc_free(d);
    s->b = lw_evidence(&s->w, &at, 1, 0);
    lw_must(vt_evidence_parse(s->b.data, s->b.len, &s->f, &s->why), &s->why);
    return s->f.item[0];
}

static struct vt_doc *
approval_doc(struct story *s, enum lw_party who)
{
    struct vt_approval a = {.request = s->w.item[s->at[0]].digest, .made = LW_ASKED};
    struct vt_doc *d = NULL;
    (void)snprintf(a.approver, sizeof a.approver, "%s", lw_names[who]);
    lw_must(vt_approval_doc(&a, &d, &s->why), &s->why);
    return d;
}

/* Entries whose subjects are not what their documents say would hide them from who looks
 * for them. */
static void
test_entries_that_say_something_else(void **state)
{
    struct vt_digest other = {{1}};
    struct story s;
    struct vt_evidence e;
    (void)state;
    story_init(&s);
    e = say_changed(
        &s, approval_doc(&s, LW_DORA), LW_DORA, VT_ENTRY_APPROVAL, VT_SUBJECT_REQUEST, &other);
    expect(&s, VT_ENTRY_APPROVAL, &e, VT_E_DIGEST, "subject `request`");
    /* a policy's entry names the policy itself */
    e = say_changed(&s, lw_policy_doc(1, NULL), LW_AUTHORITY, VT_ENTRY_VAULT_POLICY,
        VT_SUBJECT_POLICY, &other);
    expect(&s, VT_ENTRY_VAULT_POLICY, &e, VT_E_DIGEST, "subject `policy`");
    /* an approval said to be a refusal */
    e = say_changed(&s, approval_doc(&s, LW_DORA), LW_DORA, VT_ENTRY_REFUSAL,
        VT_SUBJECT_REQUEST, &s.w.item[s.at[0]].digest);
    expect(&s, VT_ENTRY_REFUSAL, &e, VT_E_SYNTAX, "approval document, not a refusal");
    /* and what is no entry of the ledger at all */
    e = say_changed(
        &s, approval_doc(&s, LW_DORA), LW_DORA, VT_ENTRY_SOURCE, VT_SUBJECT_SOURCE, &other);
    expect(&s, VT_ENTRY_SOURCE, &e, VT_E_REFUSED, "a source entry is none of the ledger");
    story_release(&s);
}

static void
test_strangers(void **state)
{
    struct story s;
    struct vt_buf b;
    size_t at;
    (void)state;
    story_init(&s);
    at = lw_say(&s.w, approval_doc(&s, LW_DORA), LW_UNKNOWN);
    b = lw_evidence(&s.w, &at, 1, 0);
    lw_must(vt_evidence_parse(b.data, b.len, &s.f, &s.why), &s.why);
    expect(&s, VT_ENTRY_APPROVAL, &s.f.item[0], VT_E_UNKNOWN, "no signer of the trust policy");
    vt_buf_release(&b);
    at = lw_say_as(&s.w, approval_doc(&s, LW_DORA), LW_ERIN, LW_DORA);
    b = lw_evidence(&s.w, &at, 1, 0);
    lw_must(vt_evidence_parse(b.data, b.len, &s.f, &s.why), &s.why);
    expect(&s, VT_ENTRY_APPROVAL, &s.f.item[0], VT_E_UNKNOWN, "not signed by `dora.example`");
    vt_buf_release(&b);
    story_release(&s);
}

/* Every byte of an item matters. */
static void
test_every_byte(void **state)
{
    struct story s;
    struct vt_fact fact;
    (void)state;
    story_init(&s);
    struct vt_buf *b = &s.b;
    size_t proof_at = (size_t)(s.f.item[0].proof.p - b->data);
    for (size_t i = 12; i < proof_at + s.f.item[0].proof.len; i++) {
        b->data[i] ^= 1;
        if (vt_evidence_parse(b->data, b->len, &s.f, &s.why) == VT_OK &&
            vt_fact_check(s.w.trust, VT_ENTRY_REQUEST, &s.f.item[0], &fact, &s.why) == VT_OK)
            fail_msg("byte %zu does not matter", i);
        b->data[i] ^= 1;
    }
    story_release(&s);
}

/* ---- the newest tree seen ---- */

static enum vt_err
look(struct story *s, struct vt_ledger_view *v, size_t size, size_t from, size_t to)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_hash_source src = {lw_hash, &s->w};
    struct vt_fact fact = {.checkpoint = {.origin = LW_ORIGIN, .size = size}};
    struct vt_evidence_file f = {.count = 0};
    assert_int_equal(vt_merkle_root(&src, size, &fact.checkpoint.root, NULL), VT_OK);
    if (from > 0)
        lw_put_consistency(&s->w, from, to, &b);
    f.consistency = (struct vt_slice_of){b.data, b.len};
    enum vt_err err = vt_ledger_view_check(v, &fact, &f, &s->why);
    vt_buf_release(&b);
    return err;
}

static void
test_view(void **state)
{
    struct story s;
    struct vt_ledger_view v = {.size = 0};
    (void)state;
    story_init(&s);
    for (int i = 0; i < 20; i++)
        (void)lw_approve(&s.w, s.at[0], LW_DORA);
    assert_int_equal(look(&s, &v, 2, 0, 0), VT_OK);
    assert_int_equal(v.size, 2);
    assert_int_equal(look(&s, &v, 2, 0, 0), VT_OK);
    assert_int_equal(look(&s, &v, 7, 0, 0), VT_E_PROOF);
    assert_int_equal(look(&s, &v, 7, 3, 7), VT_E_PROOF);
    assert_int_equal(v.size, 2);
    for (size_t size = 3; size <= s.w.count; size++) {
        assert_int_equal(look(&s, &v, size, size - 1, size), VT_OK);
        assert_int_equal(v.size, size);
    }
    assert_int_equal(look(&s, &v, 5, 0, 0), VT_E_ROLLBACK);
    assert_int_equal(look(&s, &v, 5, 5, s.w.count), VT_OK);
    assert_int_equal(v.size, s.w.count);
    v.root.b[0] ^= 1;
    assert_int_equal(look(&s, &v, s.w.count, 0, 0), VT_E_PROOF);
    assert_non_null(strstr(s.why.text, "forked"));
    story_release(&s);
}

static void
test_view_of_bad_proofs(void **state)
{
    static const char *const v[] = {"x\n", "AAAA", "AAAA\n", "\n", "\n\n"};
    struct story s;
    struct vt_ledger_view view = {.size = 2};
    struct vt_fact fact = {.checkpoint = {.size = 3}};
    (void)state;
    story_init(&s);
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        s.f.consistency = (struct vt_slice_of){(const uint8_t *)v[i], strlen(v[i])};
        enum vt_err err = vt_ledger_view_check(&view, &fact, &s.f, &s.why);
        if (err != VT_E_SYNTAX)
            fail_msg("case %zu: %s: %s", i, vt_err_name(err), s.why.text);
    }
    assert_int_equal(view.size, 2);
    story_release(&s);
}

static void
test_kinds(void **state)
{
    enum vt_doc_kind kind;
    (void)state;
    for (unsigned i = 1; i < VT_ENTRY_KIND_COUNT; i++)
        assert_int_equal(vt_ledger_kind((enum vt_entry_kind)i, &kind),
            i >= VT_ENTRY_VAULT_POLICY && i <= VT_ENTRY_SHRED);
    assert_true(vt_ledger_kind(VT_ENTRY_SHRED, &kind));
    assert_int_equal(kind, VT_DOC_SHRED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_fact),
        cmocka_unit_test(test_facts_refused),
        cmocka_unit_test(test_quorum),
        cmocka_unit_test(test_cosigned_by),
        cmocka_unit_test(test_cosigned_by_a_new_key),
        cmocka_unit_test(test_entries_that_say_something_else),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_view_of_bad_proofs),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
