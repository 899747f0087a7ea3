/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sites with keepers, and the ledger of ledger_world.h at the present time. Include after
 * cmocka.h.
 */
#ifndef VT_TEST_KEEPER_WORLD_H
#define VT_TEST_KEEPER_WORLD_H

#include "ledger_world.h"

#include "note/passport.h"
#include "report/batch.h"
#include "vault/keeper.h"
#include "vault/shares.h"

#include <time.h>
#include <unistd.h>

enum { KW_ZURICH, KW_FRANKFURT, KW_SITES };
#define KW_CLASS "detection"

static const enum lw_party kw_party[KW_SITES] = {LW_ZURICH, LW_FRANKFURT};

struct keeper_world {
    char dir[VT_PATH_MAX];
    struct ledger_world ledger;
    int64_t now;
    uint32_t day;
    struct vt_home home[KW_SITES];
    struct vt_box_public box[KW_SITES];
    struct vt_keeper *keeper[KW_SITES];
    struct vt_box_public eu; /* the region's key and its dealt shares */
    struct vt_buf dealt;
    size_t policy_entry;
};

static const uint8_t kw_salt[16] = {7};
static const uint8_t kw_tag[VT_SUBJECT_SIZE] = {8};

/* The trust policy of ledger_world.h, with what a job needs. */
static inline void
kw_put_trust(struct keeper_world *k, int site)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    lw_put_trust(&b);
    vt_buf_puts(&b, "require source none\nrequire environment none\nrequire assembly "
                    "stranger.example\nrequire rebuild none\nrequire release none\n");
    lw_must(vt_home_path(&k->home[site], path, &why, "policy"), &why);
    lw_must(vt_file_replace(path, 0644, b.data, b.len, &why), &why);
    vt_buf_release(&b);
}

static inline void
kw_keeper_field(const struct keeper_world *k, int site, struct vt_doc *d)
{
    char text[VT_BOX_TEXT_MAX];
    struct vt_buf b = VT_BUF(512);
    vt_box_public_format(&k->box[site], text);
    vt_buf_putf(&b, "%s ", lw_names[kw_party[site]]);
    lw_put_vkey(&b, kw_party[site]);
    vt_buf_putf(&b, " %s", text);
    lw_add(d, "keeper", vt_buf_str(&b));
    vt_buf_release(&b);
}

/* A vault policy that places EU at a site, with `noise` for it; retention of `days`. */
static inline struct vt_doc *
kw_policy_doc(const struct keeper_world *k, uint64_t serial, const struct vt_digest *previous,
    int eu_site, unsigned days)
{
    static const char *const rules[][2] = {
        {"ask", "carol.example incident-response"},
        {"ask", "carol.example subject-request"},
        {"group", "legal 1 dora.example erin.example"},
        {"group", "security 2 sam.example sue.example"},
        {"group", "dpo 1 dan.example"},
        {"approve", "access legal security"},
        {"approve", "break-glass legal"},
        {"approve", "export dpo"},
        {"approve", "erasure dpo"},
        {"noise", "EU 1000 30"},
    };
    struct vt_doc *d = NULL;
    struct vt_why why = {{0}};
    char value[512];
    lw_must(vt_doc_new(VT_DOC_POLICY, &d, &why), &why);
    lw_must(vt_doc_addf(d, &why, "serial", "%llu", (unsigned long long)serial), &why);
    if (previous != NULL)
        lw_must(vt_doc_add_digest(d, "previous", previous, &why), &why);
    lw_add(d, "supervisor", lw_names[LW_SUPERVISOR]);
    for (int site = 0; site < KW_SITES; site++)
        kw_keeper_field(k, site, d);
    lw_must(vt_doc_addf(d, &why, "region", "EU %s CH", lw_names[kw_party[eu_site]]), &why);
    lw_add(d, "region", "US frankfurt.example DE");
    lw_must(
        vt_doc_addf(d, &why, "class", KW_CLASS " retention-days %u threshold 5", days), &why);
    for (enum lw_party who = LW_CAROL; who <= LW_DAN; who++) {
        lw_party_value(who, value);
        lw_add(d, "party", value);
    }
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        lw_add(d, rules[i][0], rules[i][1]);
    return d;
}

static inline struct vt_keeper_status
kw_status(struct keeper_world *k, int site)
{
    struct vt_keeper_status s;
    struct vt_why why = {{0}};
    lw_must(vt_keeper_status(k->keeper[site], &s, &why), &why);
    return s;
}

/* Evidence of entries, from the tree that the site's keeper has seen. Release it. */
static inline struct vt_buf
kw_evidence(struct keeper_world *k, int site, const size_t *index, size_t n)
{
    return lw_evidence(&k->ledger, index, n, (size_t)kw_status(k, site).ledger_size);
}

/* Says a policy; it is the world's from now on. */
static inline void
kw_say_policy(struct keeper_world *k, struct vt_doc *d)
{
    struct vt_why why = {{0}};
    const struct lw_item *item;
    k->policy_entry = lw_say(&k->ledger, d, LW_AUTHORITY);
    item = &k->ledger.item[k->policy_entry];
    vt_vault_policy_free(k->ledger.policy);
    lw_must(
        vt_vault_policy_parse(item->doc.data, item->doc.len, &k->ledger.policy, &why), &why);
}

static inline enum vt_err
kw_take_policy(struct keeper_world *k, int site, struct vt_why *why)
{
    struct vt_buf b = kw_evidence(k, site, &k->policy_entry, 1);
    enum vt_err err = vt_keeper_set_policy(k->keeper[site], b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static inline void
kw_open(struct keeper_world *k, int site)
{
    struct vt_why why = {{0}};
    lw_must(vt_keeper_open(&k->home[site], &k->keeper[site], &why), &why);
}

static inline void
kw_reopen(struct keeper_world *k, int site)
{
    vt_keeper_close(k->keeper[site]);
    k->keeper[site] = NULL;
    kw_open(k, site);
}

static inline void
kw_init(struct keeper_world *k)
{
    const char *tmp = getenv("TMPDIR");
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    memset(k, 0, sizeof *k);
    k->now = (int64_t)time(NULL);
    k->day = (uint32_t)(k->now / 86400);
    lw_init(&k->ledger);
    k->ledger.time = (uint64_t)k->now;
    lw_must(vt_dir_temp(tmp != NULL ? tmp : "/tmp", "vt-keeper", k->dir, &why), &why);
    for (int i = 0; i < KW_SITES; i++) {
        lw_must(vt_path(path, &why, "%s/%d", k->dir, i), &why);
        lw_must(
            vt_home_create(path, VT_HOME_SITE, lw_names[kw_party[i]], "CH", &k->home[i], &why),
            &why);
        lw_must(vt_keeper_init(&k->home[i], VT_ROOT_FILE, NULL, NULL, &k->box[i], &why), &why);
        kw_put_trust(k, i);
        kw_open(k, i);
    }
    kw_say_policy(k, kw_policy_doc(k, 1, NULL, KW_ZURICH, 30));
    for (int i = 0; i < KW_SITES; i++)
        lw_must(kw_take_policy(k, i, &why), &why);
    k->dealt = VT_BUF(VT_SHARES_FILE_MAX);
    lw_must(vt_keeper_region_new(k->keeper[KW_ZURICH], "EU", &k->eu, &k->dealt, &why), &why);
}

static inline void
kw_release(struct keeper_world *k)
{
    for (int i = 0; i < KW_SITES; i++)
        vt_keeper_close(k->keeper[i]);
    vt_buf_release(&k->dealt);
    lw_release(&k->ledger);
    assert_int_equal(vt_tree_remove(k->dir, NULL), VT_OK);
}

/* What carol asks, now. */
static inline struct vt_request
kw_request(struct keeper_world *k, enum vt_mode mode)
{
    struct vt_request r = lw_request(&k->ledger);
    r.mode = mode;
    r.made = k->now;
    r.expires = k->now + 3600;
    r.scope.day_from = k->day - 10;
    r.scope.day_to = k->day + 1;
    r.id[0] = (uint8_t)k->ledger.count;
    if (mode == VT_MODE_EXPORT || mode == VT_MODE_ERASURE) {
        (void)snprintf(r.purpose, sizeof r.purpose, "subject-request");
        r.has_job = false;
        memset(&r.job, 0, sizeof r.job);
        memset(&r.query, 0, sizeof r.query);
        if (mode == VT_MODE_ERASURE)
            memset(&r.result_to, 0, sizeof r.result_to);
        r.scope.one_subject = true;
        vt_subject_commit(kw_salt, kw_tag, &r.scope.subject_commitment);
    }
    return r;
}

/* A question, its approvals and its grant, with all that a keeper is shown. */
struct kw_case {
    size_t index[8];
    size_t count;
    struct vt_buf evidence;
    struct vt_buf shares;
    struct vt_buf passport;
    struct vt_keeper_open open;
};

/* The passport of "the job", by an assembly entry of its own. */
static inline void
kw_put_passport(struct keeper_world *k, struct vt_buf *b)
{
    static const enum vt_subject_role roles[] = {
        VT_SUBJECT_ARTIFACT, VT_SUBJECT_ENVIRONMENT, VT_SUBJECT_RECIPE, VT_SUBJECT_SOURCE};
    struct vt_entry e = {.kind = VT_ENTRY_ASSEMBLY};
    struct vt_buf statement = VT_BUF(64), note = VT_BUF(VT_NOTE_MAX);
    struct vt_hash_source src = {lw_hash, &k->ledger};
    struct vt_passport *p = NULL;
    struct vt_proof path;
    struct vt_why why = {{0}};
    struct vt_digest d;
    size_t at;
    for (size_t i = 0; i < 4; i++) {
        vt_digest_of(i == 0 ? "the job" : "an input", i == 0 ? 7 : 8, &d);
        lw_must(vt_entry_add(&e, roles[i], &d, &why), &why);
    }
    vt_buf_puts(&statement, "a statement");
    vt_digest_of(statement.data, statement.len, &e.statement);
    at = lw_log(&k->ledger, &e, LW_STRANGER, &statement);
    vt_digest_of("the job", 7, &d);
    lw_must(vt_passport_new(&d, &p, &why), &why);
    lw_must(vt_merkle_prove_inclusion(&src, at, k->ledger.count, &path, &why), &why);
    lw_must(vt_passport_add(p, at, k->ledger.item[at].entry.data, k->ledger.item[at].entry.len,
                &path, &why),
        &why);
    lw_put_checkpoint(&k->ledger, k->ledger.count, &note);
    lw_must(vt_passport_set_checkpoint(p, note.data, note.len, &why), &why);
    lw_must(vt_passport_put(p, b, &why), &why);
    vt_passport_free(p);
    vt_buf_release(&note);
    vt_buf_release(&statement);
}

static inline void
kw_add_share(
    struct keeper_world *k, struct kw_case *c, enum vt_mode mode, enum lw_party who, int site)
{
    struct vt_buf one = VT_BUF(VT_SHARES_FILE_MAX);
    struct vt_box *box = lw_box(who);
    struct vt_why why = {{0}};
    lw_must(vt_shares_send(k->dealt.data, k->dealt.len, "EU", mode, lw_names[who], box,
                &k->ledger.item[c->index[0]].digest, &k->box[site], &one, &why),
        &why);
    vt_buf_put_u32(&c->shares, (uint32_t)one.len);
    vt_buf_put(&c->shares, one.data, one.len);
    vt_box_free(box);
    vt_buf_release(&one);
}

/* The evidence as it stands, from what the keeper has seen by now. */
static inline void
kw_show(struct keeper_world *k, struct kw_case *c, int site)
{
    vt_buf_release(&c->evidence);
    c->evidence = kw_evidence(k, site, c->index, c->count);
    c->open.evidence = c->evidence.data;
    c->open.evidence_len = c->evidence.len;
    c->open.shares = c->shares.data;
    c->open.shares_len = c->shares.len;
    if (c->passport.len > 0) {
        c->open.passport = c->passport.data;
        c->open.passport_len = c->passport.len;
    }
}

static inline void
kw_case_init(struct kw_case *c)
{
    memset(c, 0, sizeof *c);
    c->shares = VT_BUF(VT_SHARES_JOIN_MAX);
    c->passport = VT_BUF(VT_PASSPORT_MAX);
}

static inline void
kw_case_release(struct kw_case *c)
{
    vt_buf_release(&c->evidence);
    vt_buf_release(&c->shares);
    vt_buf_release(&c->passport);
}

/* Asks, has `who` approve (and send shares), grants at `site`, and shows it all. */
static inline void
kw_ask(struct keeper_world *k, struct kw_case *c, const struct vt_request *r,
    const enum lw_party *who, size_t n, int site)
{
    static const uint8_t opening[32] = {7, [16] = 8};
    struct vt_grant g;
    kw_case_init(c);
    if (r->has_job)
        kw_put_passport(k, &c->passport);
    c->index[c->count++] = lw_say_request(&k->ledger, r, LW_CAROL);
    for (size_t i = 0; i < n; i++) {
        c->index[c->count++] = lw_approve(&k->ledger, c->index[0], who[i]);
        if (r->mode != VT_MODE_ERASURE)
            kw_add_share(k, c, r->mode, who[i], site);
    }
    g = lw_grant(&k->ledger, c->index[0], r->mode, c->index + 1, n, kw_party[site]);
    c->index[c->count++] = lw_say_grant(&k->ledger, &g, kw_party[site]);
    if (r->scope.one_subject)
        c->open.subject = opening;
    kw_show(k, c, site);
}

#endif
