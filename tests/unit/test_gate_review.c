/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews at the log's gate: which are let in, and which sources they may be of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys.h"

#include "base/file.h"
#include "crypto/signer.h"
#include "log/gate.h"
#include "log/writer.h"
#include "review/doc.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALICE 11
#define BOB 12
#define CENTRE 13
#define OTHER 14
#define STRANGER 15

struct world {
    char dir[VT_PATH_MAX];
    struct vt_policy *policy;
    struct vt_policy *demands; /* also `require visits centre` */
    struct vt_digest source;
    struct vt_buf document;
    struct vt_buf entry;
    struct vt_buf body;
};

static const char *
name_of(uint8_t who)
{
    switch (who) {
    case ALICE:
        return "alice.example";
    case BOB:
        return "bob.example";
    case CENTRE:
        return "zurich.example/centre";
    case OTHER:
        return "zurich.example/other";
    default:
        return "stranger.example";
    }
}

static void
put_signer(struct vt_buf *b, const char *name, uint8_t who)
{
    vt_buf_putf(b, "signer %s ", name);
    test_put_vkey(b, name_of(who), VT_NOTE_ED25519, who);
    vt_buf_puts(b, "\n");
}

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct vt_buf b = VT_BUF(65536);

    assert_non_null(w);
    assert_int_equal(vt_dir_temp("/tmp", "vt-gate", w->dir, NULL), VT_OK);
    vt_buf_puts(&b, "quorum none\n");
    put_signer(&b, "alice", ALICE);
    put_signer(&b, "bob", BOB);
    put_signer(&b, "centre", CENTRE);
    put_signer(&b, "other", OTHER);
    assert_int_equal(vt_policy_parse(b.data, b.len, &w->policy, NULL), VT_OK);
    vt_buf_puts(&b, "require visits centre\n");
    assert_int_equal(vt_policy_parse(b.data, b.len, &w->demands, NULL), VT_OK);
    vt_buf_release(&b);
    vt_digest_of("source", 6, &w->source);
    w->document = VT_BUF(2 * VT_REVIEW_MAX);
    w->entry = VT_BUF(2 * VT_ENTRY_MAX);
    w->body = VT_BUF(2 * VT_GATE_REVIEW_MAX);
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    assert_int_equal(vt_tree_remove(w->dir, NULL), VT_OK);
    vt_policy_free(w->policy);
    vt_policy_free(w->demands);
    vt_buf_release(&w->document);
    vt_buf_release(&w->entry);
    vt_buf_release(&w->body);
    free(w);
    return 0;
}

static void
sign_entry(struct world *w, const struct vt_entry *e, uint8_t who)
{
    struct vt_signer *s = NULL;

    assert_int_equal(vt_signer_from_key(test_key(name_of(who), who), &s, NULL), VT_OK);
    vt_buf_clear(&w->entry);
    assert_int_equal(vt_entry_sign(&w->entry, e, s, NULL), VT_OK);
    vt_signer_free(s);
}

static void
join(struct world *w)
{
    vt_buf_clear(&w->body);
    vt_buf_put_u32(&w->body, (uint32_t)w->document.len);
    vt_buf_put(&w->body, w->document.data, w->document.len);
    vt_buf_put(&w->body, w->entry.data, w->entry.len);
    assert_int_equal(w->body.err, VT_OK);
}

/* Document and entry of that kind, in the name of `whose`, signed by `who`. */
static void
make(struct world *w, enum vt_entry_kind kind, uint8_t whose, uint8_t who)
{
    struct vt_review r = {.kind = kind, .source = w->source, .made = 1795341600};
    struct vt_digest blob = {{7}}, digest;
    struct vt_entry e;

    (void)snprintf(r.reviewer, sizeof r.reviewer, "%s", name_of(whose));
    (void)snprintf(r.site, sizeof r.site, "zurich.example");
    (void)snprintf(r.day, sizeof r.day, "2026-11-22");
    (void)snprintf(r.code, sizeof r.code, "other");
    if (kind == VT_ENTRY_READING)
        assert_int_equal(vt_review_add(&r, &blob, VT_VERDICT_OK, 0, 0, "a", NULL), VT_OK);
    vt_buf_clear(&w->document);
    assert_int_equal(vt_review_put(&w->document, &r, NULL), VT_OK);
    vt_digest_of(w->document.data, w->document.len, &digest);
    assert_int_equal(vt_review_entry(&r, &digest, &e, NULL), VT_OK);
    vt_review_release(&r);
    sign_entry(w, &e, who);
    join(w);
}

static enum vt_err
gate(const struct world *w, const struct vt_policy *p, struct vt_gate_review *ret)
{
    struct vt_why why = {{0}};
    enum vt_err err = vt_gate_review(p, w->body.data, w->body.len, ret, &why);

    assert_int_equal(err == VT_OK, why.text[0] == '\0');
    return err;
}

static void
test_kinds(void **state)
{
    static const enum vt_entry_kind kinds[] = {
        VT_ENTRY_READING, VT_ENTRY_REVIEW, VT_ENTRY_OBJECTION};
    struct world *w = *state;
    struct vt_gate_review g, again;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        make(w, kinds[i], ALICE, ALICE);
        assert_int_equal(gate(w, w->policy, &g), VT_OK);
        assert_int_equal(g.document.len, w->document.len);
        assert_memory_equal(g.document.data, w->document.data, w->document.len);
        assert_int_equal(g.entry.len, w->entry.len);
        assert_memory_equal(g.entry.data, w->entry.data, w->entry.len);
        assert_int_equal(gate(w, w->policy, &again), VT_OK);
        assert_true(vt_digest_eq(&g.name, &again.name));
    }
}

static void
test_refused(void **state)
{
    struct world *w = *state;
    struct vt_gate_review g = {.entry = {NULL, 77}};
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};

    make(w, VT_ENTRY_REVIEW, STRANGER, STRANGER);
    assert_int_equal(gate(w, w->policy, &g), VT_E_UNKNOWN);
    make(w, VT_ENTRY_REVIEW, ALICE, BOB);
    assert_int_equal(gate(w, w->policy, &g), VT_E_DIGEST);
    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    w->body.data[4 + w->document.len - 2] ^= 1; /* a digit of the root */
    assert_int_equal(gate(w, w->policy, &g), VT_E_DIGEST);
    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    w->body.data[4] = 'V';
    assert_int_equal(gate(w, w->policy, &g), VT_E_SYNTAX);
    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    w->body.data[3]--; /* of the document's length */
    assert_int_equal(gate(w, w->policy, &g), VT_E_SYNTAX);
    /* an entry of another kind, and of another document */
    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    vt_digest_of(w->document.data, w->document.len, &e.statement);
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &w->source, NULL), VT_OK);
    sign_entry(w, &e, ALICE);
    join(w);
    assert_int_equal(gate(w, w->policy, &g), VT_E_DIGEST);
    e.kind = VT_ENTRY_REVIEW;
    e.statement.b[0] ^= 1;
    sign_entry(w, &e, ALICE);
    join(w);
    assert_int_equal(gate(w, w->policy, &g), VT_E_DIGEST);
    assert_int_equal(g.entry.len, 77);
}

/* A signature by the right name and key id that does not verify. */
static void
test_forged(void **state)
{
    struct world *w = *state;
    struct vt_gate_review g;

    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    uint8_t *c = &w->body.data[w->body.len - 4]; /* a character of the signature */
    *c = *c == 'A' ? 'B' : 'A';
    assert_int_equal(gate(w, w->policy, &g), VT_E_SIG);
}

static void
test_lengths(void **state)
{
    struct world *w = *state;
    struct vt_gate_review g;

    for (size_t len = 0; len < 4; len++)
        assert_int_equal(vt_gate_review(w->policy, "\0\0\0\0", len, &g, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_gate_review(w->policy, "\xff\xff\xff\xff", 4, &g, NULL), VT_E_SYNTAX);
    assert_int_equal(vt_gate_review(w->policy, "\0\0\0\0", 4, &g, NULL), VT_E_SYNTAX);
    vt_buf_clear(&w->body);
    vt_buf_put_u32(&w->body, VT_REVIEW_MAX + 1);
    while (w->body.len < VT_REVIEW_MAX + 5)
        vt_buf_puts(&w->body, "12345678901234567890123456789012");
    assert_int_equal(gate(w, w->policy, &g), VT_E_LIMIT);
    vt_buf_clear(&w->body);
    vt_buf_put_u32(&w->body, 0);
    while (w->body.len < VT_ENTRY_MAX + 5)
        vt_buf_puts(&w->body, "12345678901234567890123456789012");
    assert_int_equal(gate(w, w->policy, &g), VT_E_LIMIT);
    while (w->body.len <= VT_GATE_REVIEW_MAX)
        vt_buf_puts(&w->body, "12345678901234567890123456789012");
    assert_int_equal(gate(w, w->policy, &g), VT_E_LIMIT);
}

static void
test_visits(void **state)
{
    struct world *w = *state;
    struct vt_gate_review g;

    make(w, VT_ENTRY_VISITS, CENTRE, CENTRE);
    assert_int_equal(gate(w, w->policy, &g), VT_OK);
    assert_int_equal(gate(w, w->demands, &g), VT_OK);
    make(w, VT_ENTRY_VISITS, OTHER, OTHER);
    assert_int_equal(gate(w, w->policy, &g), VT_OK);
    assert_int_equal(gate(w, w->demands, &g), VT_E_UNKNOWN);
    make(w, VT_ENTRY_VISITS, ALICE, ALICE); /* no key of that site */
    assert_int_equal(gate(w, w->policy, &g), VT_E_DIGEST);
}

static void
test_added_alone(void **state)
{
    struct world *w = *state;
    struct vt_store *store = NULL;
    struct vt_digest d, name;
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/objects", w->dir), VT_OK);
    assert_int_equal(vt_store_open_dir(path, &store, NULL), VT_OK);
    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    assert_int_equal(
        vt_gate_entry(w->policy, store, w->entry.data, w->entry.len, &name, NULL), VT_E_NOENT);
    assert_int_equal(vt_store_put(store, w->document.data, w->document.len, &d, NULL), VT_OK);
    assert_int_equal(
        vt_gate_entry(w->policy, store, w->entry.data, w->entry.len, &name, NULL), VT_OK);
    /* the document there is another reviewer's */
    make(w, VT_ENTRY_REVIEW, ALICE, BOB);
    assert_int_equal(
        vt_gate_entry(w->policy, store, w->entry.data, w->entry.len, &name, NULL), VT_E_DIGEST);
    vt_store_free(store);
}

static void
test_sources(void **state)
{
    struct world *w = *state;
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};
    struct vt_gate_sources *s = NULL;
    struct vt_log_writer *log = NULL;
    char dir[VT_PATH_MAX], public_dir[VT_PATH_MAX];
    struct vt_buf review = VT_BUF(VT_ENTRY_MAX);
    struct vt_why why = {{0}};
    uint64_t index;

    assert_int_equal(vt_path(dir, NULL, "%s/log", w->dir), VT_OK);
    assert_int_equal(vt_path(public_dir, NULL, "%s/public", w->dir), VT_OK);
    assert_int_equal(
        vt_log_writer_open(dir, public_dir, "zurich.example/log", &log, NULL), VT_OK);
    assert_int_equal(vt_gate_sources_new(log, &s, NULL), VT_OK);
    make(w, VT_ENTRY_REVIEW, ALICE, ALICE);
    vt_buf_put(&review, w->entry.data, w->entry.len);
    assert_int_equal(vt_gate_sources_check(s, review.data, review.len, &why), VT_E_STATE);
    assert_non_null(strstr(why.text, "the log has no source sha256:"));
    make(w, VT_ENTRY_VISITS, CENTRE, CENTRE); /* of no source */
    assert_int_equal(vt_gate_sources_check(s, w->entry.data, w->entry.len, NULL), VT_OK);
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &w->source, NULL), VT_OK);
    sign_entry(w, &e, BOB);
    assert_int_equal(vt_gate_sources_check(s, w->entry.data, w->entry.len, NULL), VT_OK);
    assert_int_equal(
        vt_log_writer_add(log, w->entry.data, w->entry.len, &w->source, &index, NULL), VT_OK);
    /* what is queued only may be lost yet */
    assert_int_equal(vt_gate_sources_check(s, review.data, review.len, NULL), VT_E_STATE);
    assert_int_equal(vt_log_writer_commit(log, NULL), VT_OK);
    assert_int_equal(vt_gate_sources_check(s, review.data, review.len, NULL), VT_OK);
    assert_int_equal(vt_gate_sources_check(s, "junk", 4, NULL), VT_E_SYNTAX);
    vt_gate_sources_free(s);
    vt_gate_sources_free(NULL);
    vt_log_writer_free(log);
    vt_buf_release(&review);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_kinds), T(test_refused), T(test_forged),
        T(test_lengths), T(test_visits), T(test_added_alone), T(test_sources)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
