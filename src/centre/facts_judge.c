/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the site's policy says of a release, from the facts: the same question that a passport
 * answers (note/passport.h), asked of the whole log. An assembly of the artifact is a claim
 * "these inputs give these outputs"; other entries vote for it or not; the release is verified
 * when one claim has every vote that the policy requires.
 *
 * Only entries whose statements were read vote. Against a release every entry counts that a
 * signer of the policy has signed, read or not.
 */
#include "centre/facts_held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kinds that a chain has, in the order in which passports require them. */
static const enum vt_entry_kind chain[] = {VT_ENTRY_ASSEMBLY, VT_ENTRY_SOURCE,
    VT_ENTRY_ENVIRONMENT, VT_ENTRY_REBUILD, VT_ENTRY_REVIEW, VT_ENTRY_RELEASE};
#define CHAIN_LEN (sizeof chain / sizeof chain[0])

/* What came of judging one claim. */
struct verdict {
    size_t stage; /* kinds of the chain that were met */
    bool objected;
    unsigned rebuilds; /* signers of those whom the policy asks, who got the same bytes */
    struct vt_why missing;
};

struct votes {
    struct vt_signer_set of[VT_ENTRY_KIND_COUNT];
};

/* --- Which releases an entry bears on. --- */

static enum vt_err
add(struct vt_facts_list *l, const struct vt_digest *d, struct vt_why *why)
{
    size_t cap = l->cap == 0 ? 64 : l->cap * 2;
    struct vt_digest *p;

    if (l->count == l->cap) {
        p = reallocarray(l->d, cap, sizeof *p);
        if (p == NULL)
            return vt_fail(why, VT_E_NOMEM, "the facts: out of memory");
        l->d = p;
        l->cap = cap;
    }
    l->d[l->count++] = *d;
    return VT_OK;
}

static int
by_digest(const void *a, const void *b)
{
    return vt_digest_cmp(a, b);
}

/* Puts them in order, each once. */
static void
tidy(struct vt_facts_list *l)
{
    size_t n = 0;

    if (l->count > 1)
        qsort(l->d, l->count, sizeof l->d[0], by_digest);
    for (size_t i = 0; i < l->count; i++)
        if (n == 0 || !vt_digest_eq(&l->d[i], &l->d[n - 1]))
            l->d[n++] = l->d[i];
    l->count = n;
}

void
vt_facts_untouch(struct vt_facts *f)
{
    f->artifacts.count = f->sources.count = f->environments.count = 0;
}

static enum vt_err
touch_subject(
    struct vt_facts *f, enum vt_entry_kind kind, const struct vt_subject *s, struct vt_why *why)
{
    if (s->role == VT_SUBJECT_ARTIFACT && kind != VT_ENTRY_RUN)
        return add(&f->artifacts, &s->digest, why);
    if (s->role == VT_SUBJECT_SOURCE &&
        (kind == VT_ENTRY_SOURCE || kind == VT_ENTRY_REVIEW || kind == VT_ENTRY_OBJECTION))
        return add(&f->sources, &s->digest, why);
    if (s->role == VT_SUBJECT_ENVIRONMENT && kind == VT_ENTRY_ENVIRONMENT)
        return add(&f->environments, &s->digest, why);
    return VT_OK;
}

enum vt_err
vt_facts_touch(struct vt_facts *f, const struct vt_entry *e, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < e->subject_count && err == VT_OK; i++)
        err = touch_subject(f, e->kind, &e->subject[i], why);
    return err;
}

/* Adds each artifact that a query gives. */
static enum vt_err
add_rows(struct vt_facts *f, const char *sql, const struct vt_digest *of, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_digest d;
    bool row = false;
    enum vt_err err = vt_sql_query(f->db, &r, why, sql, "d", of);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row) {
        if (vt_sql_digest(r, 0, &d))
            err = add(&f->artifacts, &d, why);
        if (err == VT_OK)
            err = vt_sql_step(r, &row, why);
    }
    vt_sql_end(r);
    return err;
}

#define RELEASED_FROM(input)                                                                   \
    "SELECT DISTINCT o.artifact FROM run r JOIN output o ON o.idx=r.idx WHERE r." input "=?"   \
    " AND r.kind='assembly' AND EXISTS(SELECT 1 FROM release l WHERE l.artifact=o.artifact)"

/* The artifacts of all that was touched, each once. */
static enum vt_err
collect(struct vt_facts *f, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    tidy(&f->sources);
    tidy(&f->environments);
    for (size_t i = 0; i < f->sources.count && err == VT_OK; i++)
        err = add_rows(f, RELEASED_FROM("source"), &f->sources.d[i], why);
    for (size_t i = 0; i < f->environments.count && err == VT_OK; i++)
        err = add_rows(f, RELEASED_FROM("environment"), &f->environments.d[i], why);
    tidy(&f->artifacts);
    return err;
}

/* --- Votes. --- */

static void
vote(const struct vt_facts *f, struct votes *v, enum vt_entry_kind kind, const char *signer)
{
    for (size_t i = 0; i < f->signer_count; i++)
        if (strcmp(f->signer[i].name, signer) == 0)
            v->of[kind].has[i] = true;
}

/* Of reviews and objections of a source a signer's last word counts. */
#define NO_LATER(kind_, more)                                                                  \
    " AND NOT EXISTS(SELECT 1 FROM subject t JOIN entry l ON l.idx=t.idx"                      \
    " WHERE t.digest=s.digest AND t.role='source' AND t.idx>s.idx AND l.kind='" kind_ "'"      \
    " AND l.signer=e.signer" more ")"

/* The role that a kind of entry votes about; 0: its votes are counted in another way. */
static enum vt_subject_role
voted_role(enum vt_entry_kind kind)
{
    switch (kind) {
    case VT_ENTRY_SOURCE:
        return VT_SUBJECT_SOURCE;
    case VT_ENTRY_ENVIRONMENT:
        return VT_SUBJECT_ENVIRONMENT;
    case VT_ENTRY_RELEASE:
        return VT_SUBJECT_ARTIFACT;
    default:
        return (enum vt_subject_role)0;
    }
}

enum vt_err
vt_facts_vote(struct vt_facts *f, const struct vt_facts_entry *e, struct vt_why *why)
{
    enum vt_subject_role role = voted_role(e->entry.kind);
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < e->entry.subject_count && err == VT_OK; i++)
        if (e->entry.subject[i].role == role)
            err = vt_sql_do(f->db, why,
                "INSERT OR IGNORE INTO vote(digest, kind, signer) VALUES(?, ?, ?)", "dss",
                &e->entry.subject[i].digest, vt_entry_kind_name(e->entry.kind),
                e->signer->name);
    return err;
}

/* Takes the votes that a query gives. */
static enum vt_err
take_votes(struct vt_facts *f, struct vt_sql_rows *r, enum vt_entry_kind kind, struct votes *v,
    struct vt_why *why)
{
    bool row = false;
    enum vt_err err = vt_sql_step(r, &row, why);

    while (err == VT_OK && row) {
        vote(f, v, kind, vt_sql_text(r, 0));
        err = vt_sql_step(r, &row, why);
    }
    return err;
}

static enum vt_err
votes_about(struct vt_facts *f, enum vt_entry_kind kind, const struct vt_digest *d,
    struct votes *v, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT signer FROM vote WHERE digest=? AND kind=?", "ds", d, vt_entry_kind_name(kind));

    if (err == VT_OK)
        err = take_votes(f, r, kind, v, why);
    vt_sql_end(r);
    return err;
}

static enum vt_err
votes_of_reviewers(
    struct vt_facts *f, const struct vt_digest *source, struct votes *v, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT DISTINCT e.signer FROM review w JOIN entry e ON e.idx=w.idx"
        " JOIN subject s ON s.digest=w.source AND s.role='source' AND s.idx=w.idx"
        " WHERE w.source=? AND w.kind='review'" NO_LATER("objection", ""),
        "d", source);

    if (err == VT_OK)
        err = take_votes(f, r, VT_ENTRY_REVIEW, v, why);
    vt_sql_end(r);
    return err;
}

static bool
same_subjects(const struct vt_entry *a, const struct vt_entry *b)
{
    if (a->subject_count != b->subject_count)
        return false;
    for (size_t i = 0; i < a->subject_count; i++)
        if (a->subject[i].role != b->subject[i].role ||
            !vt_digest_eq(&a->subject[i].digest, &b->subject[i].digest))
            return false;
    return true;
}

/* An entry from its row: text, then signer. False: it cannot be read any more. */
static bool
entry_of(struct vt_sql_rows *r, struct vt_entry *ret)
{
    struct vt_note note;
    size_t len;
    const void *text = vt_sql_bytes(r, 0, &len);

    return vt_entry_parse(text, len, &note, ret, NULL) == VT_OK;
}

/* Assemblies and rebuilds of the artifact that name the very same inputs and outputs: their
 * subjects are of the same roles, so all of them are compared. */
static enum vt_err
votes_like(struct vt_facts *f, const struct vt_entry *claim, const struct vt_digest *artifact,
    struct votes *v, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_entry e;
    bool row = false;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT e.text, e.signer FROM subject s JOIN entry e ON e.idx=s.idx WHERE s.digest=?"
        " AND s.role='artifact' AND e.kind IN ('assembly', 'rebuild')"
        " AND e.signer IS NOT NULL AND e.problem IS NULL",
        "d", artifact);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row) {
        if (entry_of(r, &e) && same_subjects(&e, claim))
            vote(f, v, e.kind, vt_sql_text(r, 1));
        err = vt_sql_step(r, &row, why);
    }
    vt_sql_end(r);
    return err;
}

/* Who objects, of the policy's signers; it counts when the policy demands reviews. */
static enum vt_err
count_objections(
    struct vt_facts *f, const struct vt_digest *source, int64_t *ret, struct vt_why *why)
{
    *ret = 0;
    if (vt_policy_demand_of(f->policy, VT_ENTRY_REVIEW) != VT_POLICY_QUORUM)
        return VT_OK;
    return vt_sql_count(f->db, 0, ret, why,
        "SELECT count(DISTINCT e.signer) FROM subject s JOIN entry e ON e.idx=s.idx"
        " WHERE s.digest=? AND s.role='source' AND e.kind='objection'"
        " AND e.signer IS NOT NULL" NO_LATER("review", " AND l.problem IS NULL"),
        "d", source);
}

static enum vt_err
gather(struct vt_facts *f, const struct vt_entry *claim, const struct vt_digest *artifact,
    struct votes *v, struct vt_why *why)
{
    const struct vt_digest *source = vt_entry_one(claim, VT_SUBJECT_SOURCE);
    const struct vt_digest *environment = vt_entry_one(claim, VT_SUBJECT_ENVIRONMENT);
    enum vt_err err = votes_like(f, claim, artifact, v, why);

    if (err == VT_OK)
        err = votes_about(f, VT_ENTRY_SOURCE, source, v, why);
    if (err == VT_OK)
        err = votes_about(f, VT_ENTRY_ENVIRONMENT, environment, v, why);
    if (err == VT_OK)
        err = votes_of_reviewers(f, source, v, why);
    if (err == VT_OK)
        err = votes_about(f, VT_ENTRY_RELEASE, artifact, v, why);
    return err;
}

/* How many of those whom the policy asks for rebuilds have voted; of all, when it asks none. */
static unsigned
count_rebuilds(const struct vt_facts *f, const struct votes *v)
{
    const struct vt_signer_set *has = &v->of[VT_ENTRY_REBUILD];
    struct vt_signer_set members;
    unsigned least, n = 0;

    vt_policy_members(f->policy, VT_ENTRY_REBUILD, &members, &least);
    for (size_t i = 0; i < f->signer_count; i++)
        n += has->has[i] && (least == 0 || members.has[i]) ? 1 : 0;
    return n;
}

static enum vt_err
judge_claim(struct vt_facts *f, const struct vt_entry *claim, const struct vt_digest *artifact,
    struct verdict *ret, struct vt_why *why)
{
    struct votes v = {0};
    int64_t objections = 0;
    enum vt_err err = gather(f, claim, artifact, &v, why);

    *ret = (struct verdict){.stage = 0};
    if (err == VT_OK)
        err = count_objections(f, vt_entry_one(claim, VT_SUBJECT_SOURCE), &objections, why);
    if (err != VT_OK)
        return err;
    ret->objected = objections > 0;
    ret->rebuilds = count_rebuilds(f, &v);
    for (; ret->stage < CHAIN_LEN; ret->stage++) {
        enum vt_entry_kind kind = chain[ret->stage];

        /* A policy that says nothing of reviews demands none; of all else it must speak. */
        if (kind == VT_ENTRY_REVIEW && vt_policy_demand_of(f->policy, kind) == VT_POLICY_SILENT)
            continue;
        if (vt_policy_check_signers(f->policy, kind, &v.of[kind], &ret->missing) != VT_OK)
            break;
    }
    return VT_OK;
}

static bool
is_better(const struct verdict *a, const struct verdict *b)
{
    if (a->objected != b->objected)
        return b->objected;
    return a->stage > b->stage;
}

/* The best of the claims, the newest first. */
static enum vt_err
judge_claims(struct vt_facts *f, const struct vt_digest *artifact, struct verdict *ret,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct verdict v;
    struct vt_entry claim;
    bool row = false, any = false;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT e.text FROM subject s JOIN entry e ON e.idx=s.idx WHERE s.digest=?"
        " AND s.role='artifact' AND e.kind='assembly' AND e.signer IS NOT NULL"
        " AND e.problem IS NULL ORDER BY s.idx DESC",
        "d", artifact);

    *ret = (struct verdict){.stage = 0};
    (void)vt_fail(&ret->missing, VT_E_QUORUM,
        "assembly: no signer of the policy has logged an assembly of this artifact");
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row && !(any && ret->stage == CHAIN_LEN && !ret->objected)) {
        if (entry_of(r, &claim)) {
            err = judge_claim(f, &claim, artifact, &v, why);
            if (err == VT_OK && (!any || is_better(&v, ret)))
                *ret = v;
            any = true;
        }
        if (err == VT_OK)
            err = vt_sql_step(r, &row, why);
    }
    vt_sql_end(r);
    return err;
}

/* --- The release's row. --- */

static enum vt_err
put_verdict(struct vt_facts *f, const struct vt_digest *artifact, const struct verdict *v,
    int64_t mismatches, struct vt_why *why)
{
    struct vt_signer_set members;
    unsigned needed;
    bool contradicted = mismatches > 0 || v->objected;
    bool met = v->stage == CHAIN_LEN;
    const char *state = contradicted ? "contradicted" : met ? "verified" : "incomplete";

    vt_policy_members(f->policy, VT_ENTRY_REBUILD, &members, &needed);
    return vt_sql_do(f->db, why,
        "UPDATE release SET state=?2, rebuilds=?3, needed=?4, contradictions=?5, missing=?6,"
        " (run, product, version)=(SELECT a.idx,"
        "  CASE WHEN release.path IS NULL THEN a.product ELSE release.product END,"
        "  CASE WHEN release.path IS NULL THEN a.version ELSE release.version END"
        "  FROM (SELECT NULL) LEFT JOIN (SELECT r.idx, r.product, r.version FROM output o"
        "  JOIN run r ON r.idx=o.idx WHERE o.artifact=?1 AND r.kind='assembly'"
        "  ORDER BY +r.idx DESC LIMIT 1) AS a)" /* by the artifact's index */
        " WHERE artifact=?1",
        "dsiiis", artifact, state, (int64_t)v->rebuilds, (int64_t)needed,
        mismatches + (v->objected ? 1 : 0), met ? NULL : v->missing.text);
}

static enum vt_err
judge_artifact(struct vt_facts *f, const struct vt_digest *artifact, struct vt_why *why)
{
    struct verdict v;
    int64_t released = 0, mismatches = 0;
    enum vt_err err = vt_sql_count(f->db, 0, &released, why,
        "SELECT EXISTS(SELECT 1 FROM release WHERE artifact=?)", "d", artifact);

    if (err != VT_OK || released == 0)
        return err;
    err = vt_sql_count(f->db, 0, &mismatches, why,
        "SELECT count(*) FROM subject s JOIN entry e ON e.idx=s.idx WHERE s.digest=?"
        " AND s.role='artifact' AND e.kind='mismatch' AND e.signer IS NOT NULL",
        "d", artifact);
    if (err == VT_OK)
        err = judge_claims(f, artifact, &v, why);
    return err == VT_OK ? put_verdict(f, artifact, &v, mismatches, why) : err;
}

enum vt_err
vt_facts_judge(struct vt_facts *f, struct vt_why *why)
{
    enum vt_err err = collect(f, why);

    for (size_t i = 0; i < f->artifacts.count && err == VT_OK; i++)
        err = judge_artifact(f, &f->artifacts.d[i], why);
    vt_facts_untouch(f);
    return err;
}
