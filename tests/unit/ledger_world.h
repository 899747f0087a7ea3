/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small ledger in memory for tests: parties with keys of known seeds, a trust policy
 * with three witnesses (two are a quorum, so that the supervisor's cosignature can be
 * missing), a vault policy, a log tree, and evidence files from it. Include after
 * cmocka.h.
 *
 *     struct ledger_world w;
 *     lw_init(&w);
 *     size_t r = lw_say_request(&w, &request, LW_CAROL);
 *     ...
 *     struct vt_buf b = lw_evidence(&w, (size_t[]){r, a, g}, 3, 0);
 */
#ifndef VT_TEST_LEDGER_WORLD_H
#define VT_TEST_LEDGER_WORLD_H

#include "keys.h"

#include "crypto/box.h"
#include "ledger/grant.h"
#include "ledger/record.h"
#include "note/proof_check.h"

#include <stdio.h>
#include <stdlib.h>

#define LW_ORIGIN "zurich.example/log"
#define LW_NOW INT64_C(1795343400)   /* 2026-11-22T10:30:00Z: what the tests' clock says */
#define LW_ASKED INT64_C(1795341600) /* 2026-11-22T10:00:00Z: when requests are made */
#define LW_SEEN UINT64_C(1795341660) /* what witnesses vouch for, a minute later */
#define LW_ENTRIES 64

/* The parties; a key's seed is its number, 32 times over, a box key's its number + 100. */
enum lw_party {
    LW_LOG = 1,
    LW_WITNESS_1,
    LW_WITNESS_2,
    LW_SUPERVISOR,
    LW_AUTHORITY,
    LW_ZURICH,    /* keeper of EU and CA */
    LW_FRANKFURT, /* keeper of US */
    LW_CAROL,     /* may ask */
    LW_DORA,      /* may ask, legal and security */
    LW_ERIN,      /* legal */
    LW_SAM,       /* security */
    LW_SUE,       /* security */
    LW_BOB,       /* board */
    LW_BEN,       /* board */
    LW_DAN,       /* data-protection officer */
    LW_STRANGER,  /* a signer of the trust policy, but nobody to the vault */
    LW_UNKNOWN,   /* nobody to either */
    LW_PARTIES
};

/* Names in the vault policy, and of keys except for keepers'. */
static const char *const lw_names[LW_PARTIES] = {
    [LW_LOG] = LW_ORIGIN,
    [LW_WITNESS_1] = "witness-1.example",
    [LW_WITNESS_2] = "witness-2.example",
    [LW_SUPERVISOR] = "supervisor.example",
    [LW_AUTHORITY] = "authority.example",
    [LW_ZURICH] = "zurich.example",
    [LW_FRANKFURT] = "frankfurt.example",
    [LW_CAROL] = "carol.example",
    [LW_DORA] = "dora.example",
    [LW_ERIN] = "erin.example",
    [LW_SAM] = "sam.example",
    [LW_SUE] = "sue.example",
    [LW_BOB] = "bob.example",
    [LW_BEN] = "ben.example",
    [LW_DAN] = "dan.example",
    [LW_STRANGER] = "stranger.example",
    [LW_UNKNOWN] = "unknown.example",
};

struct lw_item {
    struct vt_buf doc;
    struct vt_buf entry;
    struct vt_digest digest; /* of the document */
    struct vt_digest leaf;
};

struct ledger_world {
    struct vt_policy *trust;
    struct vt_vault_policy *policy; /* in force; entry 0 says it */
    size_t count;
    struct lw_item item[LW_ENTRIES];
    bool cosigns[LW_PARTIES]; /* which witnesses do; at first all */
    uint64_t time;            /* of cosignatures */
};

static inline void
lw_must(enum vt_err err, const struct vt_why *why)
{
    if (err != VT_OK)
        fail_msg("%s: %s", vt_err_name(err), why->text);
}

static inline const char *
lw_key_name(enum lw_party who)
{
    if (who == LW_ZURICH)
        return "zurich.example/vault";
    return who == LW_FRANKFURT ? "frankfurt.example/vault" : lw_names[who];
}

/* The caller frees it. */
static inline struct vt_signer *
lw_signer(enum lw_party who)
{
    struct vt_signer *s = NULL;
    assert_int_equal(
        vt_signer_from_key(test_key(lw_key_name(who), (uint8_t)who), &s, NULL), VT_OK);
    return s;
}

/* The caller frees it. */
static inline struct vt_box *
lw_box(enum lw_party who)
{
    struct vt_box *k = NULL;
    struct vt_why why = {{0}};
    uint8_t priv[VT_BOX_SIZE];
    memset(priv, 100 + (int)who, sizeof priv);
    lw_must(vt_box_from_private(priv, &k, &why), &why);
    return k;
}

static inline struct vt_box_public
lw_box_public(enum lw_party who)
{
    struct vt_box *k = lw_box(who);
    struct vt_box_public pub;
    vt_box_public(k, &pub);
    vt_box_free(k);
    return pub;
}

static inline void
lw_put_vkey(struct vt_buf *b, enum lw_party who)
{
    bool is_witness = who >= LW_WITNESS_1 && who <= LW_SUPERVISOR;
    test_put_vkey(b, lw_key_name(who), is_witness ? VT_NOTE_COSIG_ED25519 : VT_NOTE_ED25519,
        (uint8_t)who);
}

static inline void
lw_put_trust(struct vt_buf *b)
{
    vt_buf_puts(b, "log ");
    lw_put_vkey(b, LW_LOG);
    for (enum lw_party who = LW_WITNESS_1; who <= LW_SUPERVISOR; who++) {
        vt_buf_putf(b, "\nwitness %s ", lw_names[who]);
        lw_put_vkey(b, who);
    }
    vt_buf_puts(b, "\ngroup witnesses 2 witness-1.example witness-2.example "
                   "supervisor.example\nquorum witnesses");
    for (enum lw_party who = LW_AUTHORITY; who <= LW_STRANGER; who++) {
        vt_buf_putf(b, "\nsigner %s ", lw_names[who]);
        lw_put_vkey(b, who);
    }
    vt_buf_puts(b, "\nrequire vault-policy authority.example\n");
}

/* The value of a keeper or party field. */
static inline void
lw_party_value(enum lw_party who, char ret[512])
{
    struct vt_box_public pub = lw_box_public(who);
    struct vt_buf b = VT_BUF(512);
    char box[VT_BOX_TEXT_MAX];
    vt_box_public_format(&pub, box);
    vt_buf_putf(&b, "%s ", lw_names[who]);
    lw_put_vkey(&b, who);
    vt_buf_putf(&b, " %s", box);
    (void)snprintf(ret, 512, "%s", vt_buf_str(&b));
    vt_buf_release(&b);
}

static inline void
lw_add(struct vt_doc *d, const char *name, const char *value)
{
    struct vt_why why = {{0}};
    lw_must(vt_doc_add(d, name, value, &why), &why);
}

/* The fields of the vault policy; previous NULL: the first. */
static inline struct vt_doc *
lw_policy_doc(uint64_t serial, const struct vt_digest *previous)
{
    static const char *const rules[][2] = {
        {"ask", "carol.example incident-response"},
        {"ask", "dora.example incident-response"},
        {"ask", "carol.example subject-request"},
        {"group", "legal 1 dora.example erin.example"},
        {"group", "security 2 sam.example sue.example dora.example"},
        {"group", "board 2 bob.example ben.example"},
        {"group", "dpo 1 dan.example"},
        {"approve", "access legal security"},
        {"approve", "break-glass board"},
        {"approve", "export dpo"},
        {"approve", "erasure dpo"},
        {"limit", "access 86400"},
        {"noise", "EU 10000 30"},
    };
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char value[512];
    lw_must(vt_doc_new(VT_DOC_POLICY, &d, &why), &why);
    lw_must(vt_doc_addf(d, &why, "serial", "%llu", (unsigned long long)serial), &why);
    if (previous != NULL)
        lw_must(vt_doc_add_digest(d, "previous", previous, &why), &why);
    lw_add(d, "supervisor", lw_names[LW_SUPERVISOR]);
    for (enum lw_party who = LW_ZURICH; who <= LW_FRANKFURT; who++) {
        lw_party_value(who, value);
        lw_add(d, "keeper", value);
    }
    lw_add(d, "region", "EU zurich.example CH");
    lw_add(d, "region", "CA zurich.example CH");
    lw_add(d, "region", "US frankfurt.example DE");
    lw_add(d, "class", "detection retention-days 365 threshold 5");
    lw_add(d, "class", "url retention-days 30 threshold 2");
    for (enum lw_party who = LW_CAROL; who <= LW_DAN; who++) {
        lw_party_value(who, value);
        lw_add(d, "party", value);
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        lw_add(d, rules[i][0], rules[i][1]);
    return d;
}

/* ---- the log ---- */

/* Appends an entry by that signer with those statement bytes; returns its index. */
static inline size_t
lw_log(struct ledger_world *w, const struct vt_entry *e, enum lw_party who,
    const struct vt_buf *doc)
{
    struct lw_item *item = &w->item[w->count];
    struct vt_signer *s = lw_signer(who);
    struct vt_why why = {{0}};
    assert_true(w->count < LW_ENTRIES);
    item->doc = VT_BUF(VT_DOC_MAX);
    item->entry = VT_BUF(VT_ENTRY_MAX);
    vt_buf_put(&item->doc, doc->data, doc->len);
    lw_must(vt_entry_sign(&item->entry, e, s, &why), &why);
    vt_digest_of(doc->data, doc->len, &item->digest);
    vt_merkle_leaf(item->entry.data, item->entry.len, &item->leaf);
    vt_signer_free(s);
    return w->count++;
}

/* Signs the document, frees it, and says it in an entry; the entry's signer may be another. */
static inline size_t
lw_say_as(struct ledger_world *w, struct vt_doc *d, enum lw_party doc_signer,
    enum lw_party entry_signer)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_signer *s = lw_signer(doc_signer);
    struct vt_why why = {{0}};
    struct vt_entry e;
    lw_must(vt_doc_sign(d, s, &b, &why), &why);
    lw_must(vt_ledger_entry_of(d, &e, &why), &why);
    size_t at = lw_log(w, &e, entry_signer, &b);
    vt_doc_free(d);
    vt_signer_free(s);
    vt_buf_release(&b);
    return at;
}

static inline size_t
lw_say(struct ledger_world *w, struct vt_doc *d, enum lw_party who)
{
    return lw_say_as(w, d, who, who);
}

static inline void
lw_init(struct ledger_world *w)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {{0}};
    memset(w, 0, sizeof *w);
    lw_put_trust(&b);
    lw_must(vt_policy_parse(b.data, b.len, &w->trust, &why), &why);
    vt_buf_release(&b);
    w->cosigns[LW_WITNESS_1] = w->cosigns[LW_WITNESS_2] = w->cosigns[LW_SUPERVISOR] = true;
    w->time = LW_SEEN;
    (void)lw_say(w, lw_policy_doc(1, NULL), LW_AUTHORITY);
    lw_must(
        vt_vault_policy_parse(w->item[0].doc.data, w->item[0].doc.len, &w->policy, &why), &why);
}

static inline void
lw_release(struct ledger_world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        vt_buf_release(&w->item[i].doc);
        vt_buf_release(&w->item[i].entry);
    }
    vt_vault_policy_free(w->policy);
    vt_policy_free(w->trust);
}

static inline enum vt_err
lw_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const struct ledger_world *w = ctx;
    struct vt_digest left, right;
    if (level == 0) {
        *ret = w->item[index].leaf;
        return VT_OK;
    }
    enum vt_err err = lw_hash(ctx, level - 1, 2 * index, &left, why);
    if (err == VT_OK)
        err = lw_hash(ctx, level - 1, 2 * index + 1, &right, why);
    vt_merkle_node(&left, &right, ret);
    return err;
}

/* Appends the checkpoint over the first `size` entries, cosigned by who cosigns. */
static inline void
lw_put_checkpoint(struct ledger_world *w, size_t size, struct vt_buf *b)
{
    struct vt_hash_source src = {lw_hash, w};
    struct vt_checkpoint c = {.origin = LW_ORIGIN, .size = size};
    char text[512];
    assert_int_equal(vt_merkle_root(&src, size, &c.root, NULL), VT_OK);
    size_t from = b->len;
    vt_checkpoint_put(b, &c);
    size_t len = b->len - from;
    assert_true(len < sizeof text);
    memcpy(text, b->data + from, len);
    vt_buf_puts(b, "\n");
    test_put_sig(b, LW_ORIGIN, LW_LOG, text, len);
    for (enum lw_party who = LW_WITNESS_1; who <= LW_SUPERVISOR; who++) {
        if (w->cosigns[who])
            test_put_cosig(b, lw_names[who], (uint8_t)who, w->time, text, len);
    }
}

/* Appends the tlog-proof of entry i in the tree of `size`. */
static inline void
lw_put_proof(struct ledger_world *w, size_t i, size_t size, struct vt_buf *b)
{
    struct vt_hash_source src = {lw_hash, w};
    struct vt_tlog_proof p = {.index = i};
    struct vt_buf note = VT_BUF(VT_NOTE_MAX);
    assert_int_equal(vt_merkle_prove_inclusion(&src, i, size, &p.path, NULL), VT_OK);
    lw_put_checkpoint(w, size, &note);
    p.checkpoint = note.data;
    p.checkpoint_len = note.len;
    assert_int_equal(vt_tlog_proof_put_sealed(b, &p, NULL), VT_OK);
    vt_buf_release(&note);
}

/* Appends the lines of a consistency proof. */
static inline void
lw_put_consistency(struct ledger_world *w, size_t from, size_t to, struct vt_buf *b)
{
    struct vt_hash_source src = {lw_hash, w};
    struct vt_proof p;
    assert_int_equal(vt_merkle_prove_consistency(&src, from, to, &p, NULL), VT_OK);
    for (size_t i = 0; i < p.len; i++) {
        vt_buf_put_b64(b, p.hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(b, "\n");
    }
}

/* An evidence file of those entries in the tree of `size`, with a consistency proof from
 * `known` entries (0: none). The caller releases it. */
static inline struct vt_buf
lw_evidence_at(struct ledger_world *w, const size_t *index, size_t n, size_t size, size_t known)
{
    struct vt_buf proof[VT_EVIDENCE_COUNT_MAX], out = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_buf consistency = VT_BUF(65536);
    static struct vt_evidence_file f;
    struct vt_why why = {{0}};
    memset(&f, 0, sizeof f);
    assert_true(n <= VT_EVIDENCE_COUNT_MAX);
    for (size_t i = 0; i < n; i++) {
        struct lw_item *item = &w->item[index[i]];
        proof[i] = VT_BUF(VT_NOTE_MAX);
        lw_put_proof(w, index[i], size, &proof[i]);
        f.item[i].document = (struct vt_slice_of){item->doc.data, item->doc.len};
        f.item[i].entry = (struct vt_slice_of){item->entry.data, item->entry.len};
        f.item[i].proof = (struct vt_slice_of){proof[i].data, proof[i].len};
    }
    f.count = n;
    if (known > 0 && known < size)
        lw_put_consistency(w, known, size, &consistency);
    f.consistency = (struct vt_slice_of){consistency.data, consistency.len};
    lw_must(vt_evidence_put(&out, &f, &why), &why);
    for (size_t i = 0; i < n; i++)
        vt_buf_release(&proof[i]);
    vt_buf_release(&consistency);
    return out;
}

static inline struct vt_buf
lw_evidence(struct ledger_world *w, const size_t *index, size_t n, size_t known)
{
    return lw_evidence_at(w, index, n, w->count, known);
}

/* ---- what is said ---- */

/* What carol asks unless a test changes it: detections in the EU, in November. */
static inline struct vt_request
lw_request(const struct ledger_world *w)
{
    struct vt_request r = {
        .id = {1, 2, 3},
        .mode = VT_MODE_ACCESS,
        .purpose = "incident-response",
        .requester = "carol.example",
        .policy = *vt_vault_policy_digest(w->policy),
        .scope = {.region = "EU", .class_count = 1, .class_name = {"detection"}},
        .has_job = true,
        .runs = 1,
        .expires = LW_ASKED + 86400,
        .made = LW_ASKED,
    };
    assert_true(vt_day_parse("2026-11-01", &r.scope.day_from));
    assert_true(vt_day_parse("2026-11-22", &r.scope.day_to));
    vt_digest_of("the job", 7, &r.job);
    vt_digest_of("the query", 9, &r.query);
    r.result_to = lw_box_public(LW_CAROL);
    return r;
}

/* The same about one subject: an export or an erasure. */
static inline struct vt_request
lw_subject_request(const struct ledger_world *w, enum vt_mode mode)
{
    static const uint8_t salt[16] = {7}, tag[VT_SUBJECT_SIZE] = {8};
    struct vt_request r = lw_request(w);
    r.mode = mode;
    (void)snprintf(r.purpose, sizeof r.purpose, "subject-request");
    r.has_job = false;
    memset(&r.job, 0, sizeof r.job);
    memset(&r.query, 0, sizeof r.query);
    if (mode == VT_MODE_ERASURE)
        memset(&r.result_to, 0, sizeof r.result_to);
    r.scope.one_subject = true;
    vt_subject_commit(salt, tag, &r.scope.subject_commitment);
    return r;
}

static inline size_t
lw_say_request(struct ledger_world *w, const struct vt_request *r, enum lw_party who)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    lw_must(vt_request_doc(r, &d, &why), &why);
    return lw_say(w, d, who);
}

static inline size_t
lw_say_answer(struct ledger_world *w, size_t request, enum lw_party who, bool approve)
{
    struct vt_approval a = {.request = w->item[request].digest, .approve = approve};
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    (void)snprintf(a.approver, sizeof a.approver, "%s", lw_names[who]);
    a.made = LW_ASKED + 10;
    lw_must(vt_approval_doc(&a, &d, &why), &why);
    return lw_say(w, d, who);
}

static inline size_t
lw_approve(struct ledger_world *w, size_t request, enum lw_party who)
{
    return lw_say_answer(w, request, who, true);
}

/* The grant by a site over those approvals (entries). */
static inline struct vt_grant
lw_grant(const struct ledger_world *w, size_t request, enum vt_mode mode,
    const size_t *approval, size_t n, enum lw_party site)
{
    struct vt_grant g = {
        .request = w->item[request].digest,
        .policy = *vt_vault_policy_digest(w->policy),
        .mode = mode,
        .approval_count = n,
        .made = LW_ASKED + 20,
    };
    (void)snprintf(g.site, sizeof g.site, "%s", lw_names[site]);
    for (size_t i = 0; i < n; i++)
        g.approval[i] = w->item[approval[i]].digest;
    return g;
}

static inline size_t
lw_say_grant(struct ledger_world *w, const struct vt_grant *g, enum lw_party who)
{
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    lw_must(vt_grant_doc(g, &d, &why), &why);
    return lw_say(w, d, who);
}

#endif
