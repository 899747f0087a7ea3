/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The indexer: from a log's public files to facts; what others wrote that is wrong, missing or
 * late; logs that are forked or go back; policies that change; being killed.
 */
#include "base/clock.h"
#include "base/msg.h"
#include "base/proc.h"
#include "centre/facts.h"
#include "centre/facts_writer.h"
#include "centre/indexer.h"
#include "centre/room.h"
#include "search/library.h"
#include "sql/sql.h"
#include "store/pack.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "index_world.h"

static int
set_up(void **state)
{
    struct index_world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    iw_init(w);
    *state = w;
    return 0;
}

static int
tear_down(void **state)
{
    iw_release(*state);
    free(*state);
    return 0;
}

/* ---- asking the facts ---- */

/* The first column of all rows of a query, with a newline after each. */
static void
ask_into(const struct index_world *w, const char *sql, struct vt_buf *b)
{
    struct vt_sql_rows *r = NULL;
    struct vt_sql *db = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    bool row = false;

    iw_path(w, path, VT_FACTS_FILE);
    lw_must(vt_sql_open(path, VT_SQL_READ, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &db, &why), &why);
    lw_must(vt_sql_query(db, &r, &why, sql, ""), &why);
    lw_must(vt_sql_step(r, &row, &why), &why);
    while (row) {
        vt_buf_puts(b, vt_sql_text(r, 0));
        vt_buf_puts(b, "\n");
        lw_must(vt_sql_step(r, &row, &why), &why);
    }
    vt_sql_end(r);
    vt_sql_close(db);
    assert_int_equal(b->err, VT_OK);
}

static void
assert_says(const struct index_world *w, const char *sql, const char *want)
{
    struct vt_buf b = VT_BUF(1U << 20);

    ask_into(w, sql, &b);
    assert_string_equal(vt_buf_str(&b), want);
    vt_buf_release(&b);
}

/* All facts but for the times at which checkpoints were seen. */
static void
dump(const struct index_world *w, struct vt_buf *b)
{
    static const char *const queries[] = {
        "SELECT 'state', size, hex(root), taken, problem FROM state",
        "SELECT 'entry', idx, kind, signer, key, organisation, hex(statement), hex(text),"
        " problem FROM entry ORDER BY idx",
        "SELECT 'subject', idx, role, hex(digest) FROM subject ORDER BY idx, role, digest",
        "SELECT 'vote', hex(digest), kind, signer FROM vote ORDER BY digest, kind, signer",
        "SELECT 'source', hex(source), idx, tree, git_commit, origin, archive_size, files,"
        " sealed, name, version FROM source ORDER BY source",
        "SELECT 'environment', hex(environment), idx, distribution, arch, packages"
        " FROM environment ORDER BY environment",
        "SELECT 'package', hex(environment), name, version, arch, size, hex(digest)"
        " FROM package ORDER BY environment, name, arch",
        "SELECT 'run', idx, kind, of, product, version, hex(source), hex(environment),"
        " hex(recipe), site, jurisdiction, started, finished, varied, first_offset,"
        " hex(report), hex(assembly) FROM run ORDER BY idx",
        "SELECT 'output', idx, name, hex(artifact), size, hex(rebuilt) FROM output"
        " ORDER BY idx, name",
        "SELECT 'release', idx, hex(artifact), channel, product, version, file, path, length,"
        " hex(metadata), number, run, state, rebuilds, needed, contradictions, missing"
        " FROM release ORDER BY artifact, idx",
        "SELECT 'document', idx, kind, hex(digest), region, site, made, fields FROM document"
        " ORDER BY idx",
        "SELECT 'about', hex(digest), idx FROM about ORDER BY digest, idx",
        "SELECT 'review', idx, kind, hex(source), reviewer, organisation, made, code, files,"
        " covered, log_size, hex(root) FROM review ORDER BY idx",
        "SELECT 'reading', hex(blob), idx, from_line, to_line, path, verdict FROM reading"
        " ORDER BY blob, idx, from_line",
        "SELECT 'visits', day, idx, visits, reviewers, anonymous, hex(root), hex(text)"
        " FROM visits ORDER BY day",
        "SELECT 'waiting', idx, what FROM waiting ORDER BY idx, what",
    };
    struct vt_sql *db = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    iw_path(w, path, VT_FACTS_FILE);
    lw_must(vt_sql_open(path, VT_SQL_READ, VT_FACTS_SCHEMA, VT_FACTS_VERSION, &db, &why), &why);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct vt_sql_rows *r = NULL;
        bool row = false;
        size_t columns = 1;

        for (const char *p = strstr(queries[i], "FROM"); p-- > queries[i];)
            columns += *p == ',' ? 1 : 0;
        lw_must(vt_sql_query(db, &r, &why, queries[i], ""), &why);
        lw_must(vt_sql_step(r, &row, &why), &why);
        while (row) {
            for (size_t c = 0; c < columns; c++)
                vt_buf_putf(
                    b, "%s|", vt_sql_is_null(r, (int)c) ? "(null)" : vt_sql_text(r, (int)c));
            vt_buf_puts(b, "\n");
            lw_must(vt_sql_step(r, &row, &why), &why);
        }
        vt_sql_end(r);
    }
    vt_sql_close(db);
    assert_int_equal(b->err, VT_OK);
}

/* ---- making the facts ---- */

static void
follow_as(struct index_world *w, const struct vt_policy *policy, struct vt_why *problem)
{
    struct vt_facts *f = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_facts_open(&w->home, policy, &f, &why), &why);
    lw_must(vt_facts_follow(f, problem, &why), &why);
    lw_must(vt_facts_retry(f, SIZE_MAX, &why), &why);
    vt_facts_close(f);
}

static void
follow(struct index_world *w)
{
    struct vt_why problem = {{0}};

    follow_as(w, w->policy, &problem);
    assert_string_equal(problem.text, "");
}

static void
remove_facts(const struct index_world *w)
{
    char path[VT_PATH_MAX];

    iw_path(w, path, "centre");
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
}

/* Facts made from nothing are those that were followed. */
static void
assert_same_anew(struct index_world *w)
{
    struct vt_buf a = VT_BUF(64U << 20), b = VT_BUF(64U << 20);

    dump(w, &a);
    remove_facts(w);
    follow(w);
    dump(w, &b);
    assert_string_equal(vt_buf_str(&a), vt_buf_str(&b));
    vt_buf_release(&a);
    vt_buf_release(&b);
}

/* Everything that the log can hold, in two checkpoints. */
static void
say_all(struct index_world *w)
{
    const size_t request = 1, approval = 2;
    struct vt_request rq = lw_subject_request(&w->ledger, VT_MODE_ERASURE);
    struct vt_review r = iw_review_of(VT_ENTRY_READING, "source one", IW_ALICE);
    struct vt_digest blob = iw_digest("blob"), other = iw_digest("other blob");
    struct vt_review_visits visited = {iw_digest("source one"), 3};
    struct vt_why why = {{0}};

    iw_whole(w, "source one", "artifact one", "1.0.0", 1, true);
    iw_publish(w);
    follow(w);
    assert_int_equal(lw_say_request(&w->ledger, &rq, LW_CAROL), request);
    assert_int_equal(lw_approve(&w->ledger, request, LW_DAN), approval);
    struct vt_grant g =
        lw_grant(&w->ledger, request, VT_MODE_ERASURE, (size_t[]){approval}, 1, LW_ZURICH);
    (void)lw_say_grant(&w->ledger, &g, LW_ZURICH);
    iw_add_ledger(w);
    lw_must(vt_review_add(&r, &blob, VT_VERDICT_OK, 0, 0, "src/main.c", &why), &why);
    lw_must(vt_review_add(&r, &other, VT_VERDICT_CONCERN, 3, 9, "src/copy.c", &why), &why);
    (void)iw_review(w, &r, IW_ALICE);
    vt_review_release(&r);
    r = iw_review_of(VT_ENTRY_REVIEW, "source one", IW_ALICE);
    r.log_size = w->count;
    r.files = 3;
    r.covered = 1;
    r.root = iw_digest("root");
    (void)iw_review(w, &r, IW_ALICE);
    r = iw_review_of(VT_ENTRY_OBJECTION, "source one", IW_BOB);
    (void)snprintf(r.code, sizeof r.code, "licence");
    (void)iw_review(w, &r, IW_BOB);
    r = (struct vt_review){.kind = VT_ENTRY_VISITS,
        .visits = 3,
        .anonymous = 2,
        .reviewers = 1,
        .root = iw_digest("visits"),
        .made = LW_ASKED};
    (void)snprintf(r.site, sizeof r.site, "zurich.example");
    (void)snprintf(r.day, sizeof r.day, "2026-11-21");
    r.visited = &visited;
    r.visited_count = 1;
    (void)iw_review(w, &r, IW_CENTRE);
    iw_publish(w);
    follow(w);
}

/* ---- the tests ---- */

static void
test_all_kinds(void **state)
{
    struct index_world *w = *state;

    say_all(w);
    assert_says(w, "SELECT count(*) FROM entry WHERE problem IS NOT NULL", "0\n");
    assert_says(w, "SELECT group_concat(problem) FROM entry", "\n");
    assert_says(w,
        "SELECT name||' '||version||' '||origin||' '||files||' '||sealed FROM source",
        "lantern 1.0.0 git 3 0\n");
    assert_says(w, "SELECT distribution||arch||packages FROM environment", "bookwormamd642\n");
    assert_says(w, "SELECT name||'='||version FROM package ORDER BY name",
        "bash=5.2.15-2\ngcc=4:12.2.0-3\n");
    assert_says(w,
        "SELECT kind||' '||product||' '||version||' '||coalesce(of,'-')||' '||site||' '||"
        "jurisdiction||' '||coalesce(varied,'-') FROM run ORDER BY idx",
        "assembly lantern 1.0.0 - zurich.example CH -\n"
        "rebuild lantern 1.0.0 2 alpha.example CH clock build-path\n"
        "rebuild lantern 1.0.0 2 alpha.example CH clock build-path\n");
    assert_says(w, "SELECT name||' '||size FROM output WHERE idx=2", "lantern.bin 12\n");
    assert_says(w,
        "SELECT channel||' '||product||' '||version||' '||file||' '||path||' '||length||' '||"
        "number||' '||run||' '||state||' '||rebuilds||'/'||needed||' '||contradictions FROM "
        "release",
        "products lantern 1.0.0 lantern.bin lantern/1.0.0/lantern.bin 12 1 2 verified 2/2 0\n");
    assert_says(w,
        "SELECT kind||' '||coalesce(region,'-')||' '||coalesce(site,'-') FROM "
        "document ORDER BY idx",
        "vault-policy - -\nrequest EU -\napproval EU -\ngrant EU zurich.example\n");
    assert_says(w,
        "SELECT group_concat(idx) FROM about WHERE digest=(SELECT digest FROM document WHERE "
        "kind='request')",
        "8,9\n");
    assert_says(
        w, "SELECT json_extract(fields, '$[0][0]') FROM document WHERE kind='request'", "id\n");
    assert_says(w,
        "SELECT kind||' '||reviewer||' '||organisation||' '||coalesce(code,'-')||' '||files||"
        "' '||coalesce(covered,'-') FROM review ORDER BY idx",
        "reading alice north - 2 -\nreview alice north - 3 1\nobjection bob bob licence 0 -\n");
    assert_says(w,
        "SELECT path||' '||from_line||'-'||to_line||' '||verdict FROM reading ORDER BY path",
        "src/copy.c 3-9 concern\nsrc/main.c 0-0 ok\n");
    assert_says(w, "SELECT day||' '||visits||' '||anonymous FROM visits", "2026-11-21 3 2\n");
    assert_says(w, "SELECT count(*) FROM waiting", "0\n");
}

/* Times, checkpoints and who cosigned them. */
static void
test_checkpoints(void **state)
{
    struct index_world *w = *state;

    say_all(w);
    assert_says(
        w, "SELECT size||' '||(time-1795341660) FROM checkpoint ORDER BY size", "6 0\n14 1\n");
    assert_says(w, "SELECT size||' '||witness||' '||(time-1795341660) FROM cosignature",
        "6 witness-1 0\n14 witness-1 1\n");
    assert_says(w, "SELECT DISTINCT time-1795341660 FROM entry WHERE idx<6", "0\n");
    assert_says(w, "SELECT DISTINCT time-1795341660 FROM entry WHERE idx>=6", "1\n");
    assert_says(
        w, "SELECT size||' '||taken||' '||log FROM state", "14 14 zurich.example/log\n");
    iw_publish(w); /* the same tree, cosigned later */
    follow(w);
    assert_says(w, "SELECT time-1795341660 FROM state", "2\n");
    assert_says(
        w, "SELECT size||' '||(time-1795341660) FROM cosignature ORDER BY size", "6 0\n14 2\n");
    assert_says(w, "SELECT max(time)-1795341660 FROM entry", "1\n");
}

static void
test_same_anew(void **state)
{
    say_all(*state);
    assert_same_anew(*state);
}

/* The state of a release goes with what the log says of it. */
static void
test_states(void **state)
{
    struct index_world *w = *state;
    static const char ask[] = "SELECT state||' '||rebuilds||'/'||needed||' '||contradictions||"
                              "' '||coalesce(missing,'-') FROM release";
    struct vt_digest assembly;
    struct vt_buf b = VT_BUF(4096);

    (void)iw_released(w, "artifact", "1.0.0", 1, &(struct iw_how){.who = IW_RELEASE});
    iw_publish(w);
    follow(w);
    assert_says(w, ask,
        "incomplete 0/2 0 assembly: no signer of the policy has logged an assembly of this "
        "artifact\n");
    assert_says(w, "SELECT product IS NULL AND path IS NULL FROM release", "1\n");
    (void)iw_assembly(w, "source", "artifact", "1.0.0",
        &(struct iw_how){.who = IW_ASSEMBLER, .statement = &assembly});
    (void)iw_environment(w, IW_MANIFEST, &(struct iw_how){.who = IW_ASSEMBLER});
    (void)iw_rebuild(w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_ALPHA});
    iw_publish(w);
    follow(w);
    ask_into(w, ask, &b);
    assert_non_null(strstr(vt_buf_str(&b), "incomplete 1/2 0 "));
    assert_non_null(strstr(vt_buf_str(&b), "developer"));
    assert_says(w, "SELECT product||version||(path IS NULL) FROM release", "lantern1.0.01\n");
    (void)iw_source(w, "source", &(struct iw_how){.who = IW_DEVELOPER});
    iw_publish(w);
    follow(w);
    vt_buf_clear(&b);
    ask_into(w, ask, &b);
    assert_non_null(strstr(vt_buf_str(&b), "incomplete 1/2 0 "));
    assert_non_null(strstr(vt_buf_str(&b), "beta"));
    (void)iw_rebuild(w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_BETA});
    iw_put_targets(w, "artifact", "1.0.0", 1);
    iw_publish(w);
    follow(w);
    assert_says(w, ask, "verified 2/2 0 -\n");
    assert_says(w, "SELECT path FROM release", "lantern/1.0.0/lantern.bin\n");
    (void)iw_mismatch(w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_BETA});
    iw_publish(w);
    follow(w);
    assert_says(w, ask, "contradicted 2/2 1 -\n");
    assert_says(w, "SELECT of||' '||first_offset FROM run WHERE kind='mismatch'", "1 17\n");
    vt_buf_release(&b);
    assert_same_anew(w);
}

/* A policy that demands reviews: one is missing, is there, and somebody objects. */
static void
test_reviews_are_demanded(void **state)
{
    struct index_world *w = *state;
    struct vt_policy *p =
        iw_policy("group reviewers all north bob\nrequire review reviewers\n");
    static const char ask[] = "SELECT state||' '||contradictions FROM release";
    struct vt_review r = iw_review_of(VT_ENTRY_REVIEW, "source", IW_ALICE);
    struct vt_why problem = {{0}};

    r.root = iw_digest("root");
    iw_whole(w, "source", "artifact", "1.0.0", 1, true);
    (void)iw_review(w, &r, IW_ALICE);
    iw_publish(w);
    follow_as(w, p, &problem);
    assert_says(w, ask, "incomplete 0\n");
    assert_says(w, "SELECT missing LIKE '%bob%' FROM release", "1\n");
    r = iw_review_of(VT_ENTRY_REVIEW, "source", IW_BOB);
    r.root = iw_digest("root");
    (void)iw_review(w, &r, IW_BOB);
    iw_publish(w);
    follow_as(w, p, &problem);
    assert_says(w, ask, "verified 0\n");
    r = iw_review_of(VT_ENTRY_OBJECTION, "source", IW_ALICE);
    (void)snprintf(r.code, sizeof r.code, "backdoor");
    (void)iw_review(w, &r, IW_ALICE);
    iw_publish(w);
    follow_as(w, p, &problem);
    assert_says(w, ask, "contradicted 1\n");
    r = iw_review_of(VT_ENTRY_REVIEW, "source", IW_ALICE); /* her last word */
    r.root = iw_digest("root");
    (void)iw_review(w, &r, IW_ALICE);
    iw_publish(w);
    follow_as(w, p, &problem);
    assert_says(w, ask, "verified 0\n");
    r = iw_review_of(VT_ENTRY_OBJECTION, "source", IW_BOB);
    (void)snprintf(r.code, sizeof r.code, "licence");
    (void)iw_review(w, &r, IW_BOB);
    iw_publish(w);
    follow_as(w, p, &problem);
    assert_says(w, ask, "contradicted 1\n");
    assert_says(w, "SELECT missing LIKE '%bob%' FROM release", "1\n");
    follow(w); /* another policy, which is silent */
    assert_says(w, ask, "verified 0\n");
    assert_string_equal(problem.text, "");
    vt_policy_free(p);
}

/* Statements that say other than their entries, strangers, and what is no entry at all. */
static void
test_lies(void **state)
{
    struct index_world *w = *state;
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};
    struct vt_digest other = iw_digest("other"), assembly;
    struct vt_statement_source s = {.origin = VT_ORIGIN_GIT, .archive = iw_digest("source")};
    struct vt_review r = iw_review_of(VT_ENTRY_REVIEW, "source", IW_BOB);
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);

    memset(s.git_tree, 'a', 40);
    assert_int_equal(vt_statement_put_source(&b, &s, NULL), VT_OK);
    iw_subject(&e, VT_SUBJECT_SOURCE, &other);
    (void)iw_say(w, &e, &b, &(struct iw_how){.who = IW_DEVELOPER}); /* 0: another source */
    e = (struct vt_entry){.kind = VT_ENTRY_ASSEMBLY};
    iw_inputs(&e, "source", IW_MANIFEST);
    iw_subject(&e, VT_SUBJECT_ARTIFACT, &other);
    (void)iw_say(w, &e, &b, &(struct iw_how){.who = IW_ASSEMBLER});   /* 1: another kind */
    (void)iw_source(w, "source", &(struct iw_how){.who = IW_NOBODY}); /* 2: a stranger */
    (void)iw_add(w, "no entry\n\x01\xff", 11);                        /* 3 */
    e = (struct vt_entry){.kind = VT_ENTRY_SOURCE, .statement = iw_store(w, "no JSON")};
    iw_subject(&e, VT_SUBJECT_SOURCE, &other);
    (void)iw_add_entry(w, &e, IW_DEVELOPER); /* 4: the statement is none */
    e.kind = VT_ENTRY_OBJECTION;
    (void)iw_add_entry(w, &e, IW_ALICE); /* 5: nor is the document */
    e = (struct vt_entry){.kind = VT_ENTRY_VAULT_POLICY, .statement = iw_store(w, "no policy")};
    iw_subject(&e, VT_SUBJECT_POLICY, &other);
    (void)iw_add_entry(w, &e, IW_ALICE); /* 6 */
    r.root = iw_digest("root");
    (void)iw_review(w, &r, IW_ALICE); /* 7: somebody else's review */
    assembly = iw_digest("no assembly");
    (void)iw_rebuild(w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_ALPHA});
    iw_publish(w);
    follow(w);
    assert_says(w, "SELECT count(*) FROM entry", "9\n");
    assert_says(w, "SELECT idx FROM entry WHERE problem IS NULL", "8\n");
    assert_says(w, "SELECT idx FROM entry WHERE signer IS NULL", "2\n3\n");
    assert_says(w, "SELECT key FROM entry WHERE idx=2", "nobody.example\n");
    assert_says(w, "SELECT kind IS NULL FROM entry WHERE idx=3", "1\n");
    assert_says(w, "SELECT count(*) FROM source", "0\n");
    assert_says(w, "SELECT count(*) FROM review", "0\n");
    assert_says(w, "SELECT count(*) FROM document", "0\n");
    assert_says(w, "SELECT idx||' '||(of IS NULL)||(product IS NULL) FROM run", "8 11\n");
    vt_buf_release(&b);
    assert_same_anew(w);
}

/* The log's own entries are no damage; those that only look alike are. */
static void
test_index_roots(void **state)
{
    static const char text[] = "vitrine/log-index/v1\n" LW_ORIGIN
                               "\nsize 256\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                               "run 0 0 256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    struct index_world *w = *state;
    struct vt_buf own = VT_BUF(4096), other = VT_BUF(4096);

    vt_buf_puts(&own, text);
    vt_buf_puts(&own, "\n");
    vt_buf_put(&other, own.data, own.len);
    test_put_sig(&own, LW_ORIGIN, LW_LOG, text, sizeof text - 1);
    test_put_sig(&other, LW_ORIGIN, LW_STRANGER, text, sizeof text - 1);
    while (w->count < 256)
        (void)iw_add(w, "no entry", 8);
    (void)iw_add(w, own.data, own.len);
    (void)iw_add(w, other.data, other.len);
    iw_publish(w);
    follow(w);
    assert_says(w, "SELECT idx FROM entry WHERE problem IS NULL", "256\n");
    assert_says(w, "SELECT idx||key FROM entry WHERE kind='log-index'", "256" LW_ORIGIN "\n");
    vt_buf_release(&other);
    vt_buf_release(&own);
    assert_same_anew(w);
}

/* What is published after its entry was seen. */
static void
test_late(void **state)
{
    struct index_world *w = *state;
    struct vt_buf kept = VT_BUF(VT_DSSE_MAX);
    struct vt_digest assembly;
    const struct iw_how hidden = {
        .who = IW_ASSEMBLER, .hidden = true, .kept = &kept, .statement = &assembly};

    (void)iw_source(w, "source", &(struct iw_how){.who = IW_DEVELOPER});
    (void)iw_environment(w, IW_MANIFEST, &(struct iw_how){.who = IW_ASSEMBLER});
    (void)iw_assembly(w, "source", "artifact", "1.0.0", &hidden);
    (void)iw_rebuild(w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_ALPHA});
    (void)iw_rebuild(w, &assembly, "source", "artifact", &(struct iw_how){.who = IW_BETA});
    (void)iw_released(w, "artifact", "1.0.0", 1, &(struct iw_how){.who = IW_RELEASE});
    iw_publish(w);
    follow(w);
    assert_says(w, "SELECT problem LIKE '%is not published' FROM entry WHERE idx=2", "1\n");
    assert_says(w, "SELECT state||(product IS NULL) FROM release", "incomplete1\n");
    assert_says(w, "SELECT idx||what FROM waiting ORDER BY idx",
        "1manifest\n2statement\n3output\n4output\n5metadata\n");
    assert_says(w, "SELECT coalesce(name,'-') FROM source", "-\n");
    (void)iw_store(w, vt_buf_str(&kept));
    follow(w);
    assert_says(w, "SELECT problem IS NULL FROM entry WHERE idx=2", "1\n");
    assert_says(w, "SELECT state||' '||product||' '||run FROM release", "verified lantern 2\n");
    assert_says(w, "SELECT group_concat(of) FROM run", "2,2\n");
    assert_says(w, "SELECT name FROM source", "lantern\n");
    (void)iw_store(w, IW_MANIFEST);
    (void)iw_store(w, "artifact");
    iw_put_targets(w, "artifact", "1.0.0", 1);
    follow(w);
    assert_says(w, "SELECT count(*) FROM package", "2\n");
    assert_says(w, "SELECT group_concat(size) FROM output", "8,8,8\n");
    assert_says(w, "SELECT path||length FROM release", "lantern/1.0.0/lantern.bin8\n");
    assert_says(w, "SELECT count(*) FROM waiting", "0\n");
    vt_buf_release(&kept);
    assert_same_anew(w);
}

/* An object under the name of another is as good as none, until it is mended. */
static void
test_damaged_object(void **state)
{
    struct index_world *w = *state;
    struct vt_digest d;
    struct vt_buf kept = VT_BUF(VT_DSSE_MAX);
    char hex[VT_DIGEST_HEX_SIZE], path[VT_PATH_MAX];

    (void)iw_source(w, "source",
        &(struct iw_how){.who = IW_DEVELOPER, .statement = &d, .hidden = true, .kept = &kept});
    (void)iw_store(w, vt_buf_str(&kept));
    vt_digest_hex(&d, hex);
    assert_int_equal(
        vt_home_path(&w->home, path, NULL, "public/objects/sha256/%.2s/%s", hex, hex), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, "other", 5, NULL), VT_OK);
    iw_publish(w);
    follow(w);
    assert_says(w, "SELECT count(*) FROM source", "0\n");
    assert_says(w, "SELECT problem IS NOT NULL FROM entry", "1\n");
    assert_int_equal(vt_file_replace(path, 0644, kept.data, kept.len, NULL), VT_OK);
    follow(w);
    assert_says(w, "SELECT count(*) FROM source", "1\n");
    assert_says(w, "SELECT problem IS NULL FROM entry", "1\n");
    vt_buf_release(&kept);
}

/* Moves a world's log aside, so that the same party may tell another story. */
static void
begin_again(struct index_world *w)
{
    char dir[VT_PATH_MAX], pub[VT_PATH_MAX];
    struct vt_why why = {{0}};

    vt_log_writer_free(w->writer);
    w->writer = NULL;
    iw_path(w, dir, "log");
    iw_path(w, pub, "public/tile");
    assert_int_equal(vt_tree_remove(dir, NULL), VT_OK);
    assert_int_equal(vt_tree_remove(pub, NULL), VT_OK);
    iw_path(w, pub, "public/checkpoint");
    assert_int_equal(unlink(pub), 0);
    iw_path(w, pub, "public");
    lw_must(vt_log_writer_open(dir, pub, LW_ORIGIN, &w->writer, &why), &why);
    w->count = 0;
}

/* A log that was forked, or that goes back: the facts stay, and say why nothing is newer. */
static void
test_forked(void **state)
{
    struct index_world *w = *state;
    const struct iw_how how = {.who = IW_DEVELOPER};
    struct vt_why problem = {{0}};
    struct vt_buf a = VT_BUF(1U << 20), b = VT_BUF(1U << 20);

    (void)iw_source(w, "one", &how);
    (void)iw_source(w, "two", &how);
    iw_publish(w);
    follow(w);
    ask_into(w, "SELECT hex(text) FROM entry", &a);
    begin_again(w);
    (void)iw_source(w, "one", &how);
    iw_publish(w);
    follow_as(w, w->policy, &problem);
    assert_non_null(strstr(problem.text, "fewer than the 2"));
    (void)iw_source(w, "another", &how);
    (void)iw_source(w, "three", &how);
    iw_publish(w);
    follow_as(w, w->policy, &problem);
    assert_non_null(strstr(problem.text, "forked"));
    ask_into(w, "SELECT hex(text) FROM entry", &b);
    assert_string_equal(vt_buf_str(&a), vt_buf_str(&b));
    assert_says(w, "SELECT size||' '||(problem LIKE '%forked%') FROM state", "2 1\n");
    begin_again(w);
    (void)iw_source(w, "one", &how);
    (void)iw_source(w, "two", &how);
    (void)iw_source(w, "three", &how);
    iw_publish(w);
    follow(w);
    assert_says(w, "SELECT size||' '||(problem IS NULL) FROM state", "3 1\n");
    vt_buf_release(&a);
    vt_buf_release(&b);
}

/* A checkpoint that no witness cosigned, and files that are damaged. */
static void
test_refused_checkpoint(void **state)
{
    struct index_world *w = *state;
    const struct iw_how how = {.who = IW_DEVELOPER};
    struct vt_why problem = {{0}};
    struct vt_buf b = VT_BUF(1U << 20);
    char path[VT_PATH_MAX];

    (void)iw_source(w, "one", &how);
    iw_publish(w);
    follow(w);
    (void)iw_source(w, "two", &how);
    w->time = 0;
    iw_publish(w);
    follow_as(w, w->policy, &problem);
    assert_string_not_equal(problem.text, "");
    assert_says(w, "SELECT size||' '||(problem IS NOT NULL) FROM state", "1 1\n");
    w->time = LW_SEEN + 5;
    iw_publish(w);
    iw_path(w, path, "public/tile/entries/000.p/2");
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    b.data[20] ^= 1;
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    follow_as(w, w->policy, &problem);
    assert_string_not_equal(problem.text, "");
    assert_says(w, "SELECT size||' '||taken FROM state", "1 1\n");
    b.data[20] ^= 1;
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    follow(w);
    assert_says(w, "SELECT size||' '||(problem IS NULL) FROM state", "2 1\n");
    vt_buf_release(&b);
}

/* Another policy: facts by its signers alone, with the times as they were seen. */
static void
test_policy_changes(void **state)
{
    struct index_world *w = *state;
    struct vt_policy *p = iw_policy("group south any bob\n");
    struct vt_why problem = {{0}};

    say_all(w);
    assert_says(w, "SELECT organisation FROM review WHERE reviewer='bob'", "bob\n");
    follow_as(w, p, &problem);
    assert_string_equal(problem.text, "");
    assert_says(w, "SELECT organisation FROM review WHERE reviewer='bob'", "south\n");
    assert_says(w, "SELECT DISTINCT time-1795341660 FROM entry WHERE idx<6", "0\n");
    assert_says(w, "SELECT DISTINCT time-1795341660 FROM entry WHERE idx>=6", "1\n");
    assert_says(w, "SELECT count(*) FROM event", "5\n");
    follow_as(w, p, &problem);
    assert_says(w, "SELECT count(*) FROM event", "5\n");
    vt_policy_free(p);
}

/* A file of tables of another version, or of none. */
static void
test_other_tables(void **state)
{
    struct index_world *w = *state;
    struct vt_sql *db = NULL;
    char path[VT_PATH_MAX];

    (void)iw_source(w, "one", &(struct iw_how){.who = IW_DEVELOPER});
    iw_publish(w);
    iw_path(w, path, "centre");
    assert_int_equal(vt_dir_make(path, 0700, NULL), VT_OK);
    iw_path(w, path, VT_FACTS_FILE);
    assert_int_equal(vt_sql_open(path, VT_SQL_WRITE, "CREATE TABLE other(x);",
                         VT_FACTS_VERSION + 1, &db, NULL),
        VT_OK);
    vt_sql_close(db);
    follow(w);
    assert_says(w, "SELECT count(*) FROM source", "1\n");
    assert_int_equal(
        vt_file_replace(path, 0600, "these are no tables at all......", 32, NULL), VT_OK);
    follow(w);
    assert_says(w, "SELECT count(*) FROM source", "1\n");
}

static void
test_one_at_a_time(void **state)
{
    struct index_world *w = *state;
    struct vt_facts *a = NULL, *b = NULL;
    struct vt_why why = {{0}};

    lw_must(vt_facts_open(&w->home, w->policy, &a, &why), &why);
    assert_int_equal(vt_facts_open(&w->home, w->policy, &b, &why), VT_E_BUSY);
    vt_facts_close(a);
}

/* ---- being killed ---- */

enum { MANY = 2600 };

static void
say_many(struct index_world *w)
{
    char name[32];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof name, "source %d", i);
        (void)iw_source(w, name, &(struct iw_how){.who = IW_DEVELOPER, .hidden = i % 50 != 0});
    }
    iw_publish(w);
}

static int
index_main(int fd, void *ctx)
{
    struct index_world *w = ctx;
    struct vt_facts *f = NULL;
    struct vt_why problem = {{0}};
    enum vt_err err = vt_facts_open(&w->home, w->policy, &f, NULL);

    if (err == VT_OK && write(fd, "b", 1) == 1)
        err = vt_facts_follow(f, &problem, NULL);
    vt_facts_close(f);
    return err == VT_OK ? 0 : 1;
}

/* However far it came, the next one goes on from there. */
static void
test_killed(void **state)
{
    struct index_world *w = *state;
    struct vt_buf a = VT_BUF(64U << 20);
    char byte;
    pid_t pid;
    int fd;

    say_many(w);
    for (useconds_t i = 0; i < 8; i++) {
        assert_int_equal(vt_proc_fork("index", index_main, w, NULL, &pid, &fd, NULL), VT_OK);
        (void)!read(fd, &byte, 1);
        usleep(i * i * 4000);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        close(fd);
    }
    follow(w);
    assert_says(w, "SELECT count(*) FROM entry", "2600\n");
    assert_says(w, "SELECT count(*) FROM source", "52\n");
    assert_same_anew(w);
    vt_buf_release(&a);
}

/* ---- the process ---- */

static int
run_main(int fd, void *ctx)
{
    struct index_world *w = ctx;
    const struct vt_indexer_opts opts = {.home = &w->home, .policy = w->policy};
    struct vt_why why = {{0}};
    enum vt_err err = vt_indexer_run(fd, &opts, &why);

    if (err != VT_OK)
        fprintf(stderr, "indexer: %s\n", why.text);
    return vt_err_exit_code(err);
}

/* The next event must begin like that. */
static void
expect_event(int fd, const char *begins, const char *holds)
{
    static const struct vt_msg_rule rules[] = {{VT_ROOM_EVENT, VT_ROOM_EVENT_MAX}, {0, 0}};
    struct vt_buf b = VT_BUF(VT_ROOM_EVENT_MAX);
    struct vt_why why = {{0}};
    uint16_t type;

    lw_must(vt_msg_recv(fd, rules, 60000, &type, &b, &why), &why);
    if (strncmp(vt_buf_str(&b), begins, strlen(begins)) != 0)
        fail_msg("%s", vt_buf_str(&b));
    assert_non_null(strstr(vt_buf_str(&b), holds));
    assert_string_equal(vt_buf_str(&b) + b.len - 2, "\n\n");
    vt_buf_release(&b);
}

static void
end_run(pid_t pid, int fd)
{
    int status = 0;

    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Events: each once, after its facts, and not again by the next process. */
static void
test_events(void **state)
{
    struct index_world *w = *state;
    struct vt_digest none = iw_digest("none");
    struct vt_why why = {{0}};
    pid_t pid;
    int fd;

    follow(w);
    lw_must(vt_proc_fork("indexer", run_main, w, NULL, &pid, &fd, &why), &why);
    (void)iw_source(w, "source", &(struct iw_how){.who = IW_DEVELOPER});
    (void)iw_mismatch(w, &none, "source", "artifact", &(struct iw_how){.who = IW_BETA});
    (void)iw_released(w, "artifact", "1.0.0", 1, &(struct iw_how){.who = IW_NOBODY});
    (void)iw_released(w, "artifact", "1.0.0", 1, &(struct iw_how){.who = IW_RELEASE});
    iw_publish(w);
    expect_event(fd, "event: entry\ndata: {", "\"kind\":\"mismatch\"");
    assert_says(w, "SELECT taken FROM state", "4\n");
    expect_event(fd, "event: entry\ndata: {", "\"index\":3");
    expect_event(fd, "event: checkpoint\ndata: {", "\"size\":4");
    iw_publish(w); /* the same tree */
    (void)iw_mismatch(w, &none, "source", "artifact", &(struct iw_how){.who = IW_ALPHA});
    iw_publish(w);
    expect_event(fd, "event: entry\ndata: {", "\"signer\":\"alpha\"");
    expect_event(fd, "event: checkpoint\ndata: {", "\"size\":5");
    end_run(pid, fd);
    lw_must(vt_proc_fork("indexer", run_main, w, NULL, &pid, &fd, &why), &why);
    (void)iw_released(w, "another", "1.0.1", 2, &(struct iw_how){.who = IW_RELEASE});
    iw_publish(w);
    expect_event(fd, "event: entry\ndata: {", "\"index\":5");
    expect_event(fd, "event: checkpoint\ndata: {", "\"size\":6");
    end_run(pid, fd);
}

/* An archive of three files, in `where`. */
static struct vt_digest
pack_source(struct index_world *w, const char *where, const char *text)
{
    struct vt_pack *p = NULL;
    struct vt_store *store = NULL;
    struct vt_digest d;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX], dir[VT_PATH_MAX];

    lw_must(vt_path(path, &why, "%s/archive", w->root), &why);
    lw_must(vt_pack_new(path, 0, NULL, &p, &why), &why);
    lw_must(vt_pack_file(p, "README", false, "read me\n", 8, &why), &why);
    lw_must(vt_pack_dir(p, "src", &why), &why);
    lw_must(vt_pack_file(p, "src/main.c", false, text, strlen(text), &why), &why);
    lw_must(vt_pack_end(p, NULL, &why), &why);
    vt_pack_free(p);
    iw_path(w, dir, where);
    lw_must(vt_dir_make(dir, 0700, &why), &why);
    lw_must(vt_store_open_dir(dir, &store, &why), &why);
    lw_must(vt_store_put_file(store, path, NULL, &d, NULL, &why), &why);
    vt_store_free(store);
    return d;
}

static void
index_once(struct index_world *w)
{
    const struct vt_indexer_opts opts = {.home = &w->home, .policy = w->policy};
    struct vt_why why = {{0}};

    lw_must(vt_indexer_once(&opts, &why), &why);
}

static void
assert_in_library(struct index_world *w, const struct vt_digest *source, enum vt_err want)
{
    struct vt_library *l = NULL;
    struct vt_library_source found;
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX];

    iw_path(w, dir, "centre/source");
    lw_must(vt_library_open(dir, false, &l, &why), &why);
    assert_int_equal(vt_library_source(l, source, &found, &why), want);
    vt_library_close(l);
}

/* Sources go to the library: public ones, sealed ones, and what is no archive is remembered. */
static void
test_library(void **state)
{
    struct index_world *w = *state;
    const struct iw_how how = {.who = IW_DEVELOPER};
    struct vt_digest open = pack_source(w, "public/objects", "int main(void);\n");
    struct vt_digest sealed = pack_source(w, "sealed/objects", "int secret(void);\n");
    struct vt_digest bad = iw_store(w, "no archive at all");
    struct vt_digest late = iw_digest("not there");
    char path[VT_PATH_MAX];

    (void)iw_source_of(w, &open, 100, &how);
    (void)iw_source_of(w, &bad, 17, &how);
    (void)iw_source_of(w, &late, 17, &how);
    (void)iw_source_of(w, &sealed, 100, &how);
    iw_publish(w);
    index_once(w);
    assert_in_library(w, &open, VT_OK);
    assert_in_library(w, &sealed, VT_OK);
    assert_in_library(w, &bad, VT_E_NOENT);
    assert_says(w, "SELECT group_concat(sealed, '') FROM (SELECT * FROM source ORDER BY idx)",
        "0001\n");
    assert_says(w, "SELECT problem IS NULL FROM shelf JOIN source USING(source) ORDER BY idx",
        "1\n0\n1\n");
    (void)pack_source(w, "public/objects", "int secret(void);\n"); /* it is public now */
    index_once(w);
    assert_says(w, "SELECT sum(sealed) FROM source", "0\n");
    iw_path(w, path, "centre/source");
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    index_once(w);
    assert_in_library(w, &open, VT_OK);
    assert_in_library(w, &sealed, VT_OK);
}

/* The same by the process, with no more rights than it needs. */
static void
test_library_by_process(void **state)
{
    struct index_world *w = *state;
    struct vt_digest open = pack_source(w, "public/objects", "int main(void);\n");
    struct vt_why why = {{0}};
    struct vt_buf b = VT_BUF(64);
    pid_t pid;
    int fd;

    (void)iw_source_of(w, &open, 100, &(struct iw_how){.who = IW_DEVELOPER});
    iw_publish(w);
    follow(w);
    lw_must(vt_proc_fork("indexer", run_main, w, NULL, &pid, &fd, &why), &why);
    for (int i = 0; i < 600 && b.len == 0; i++) {
        usleep(100000);
        ask_into(w, "SELECT coalesce(problem, 'shelved') FROM shelf", &b);
    }
    assert_string_equal(vt_buf_str(&b), "shelved\n");
    end_run(pid, fd);
    assert_in_library(w, &open, VT_OK);
    vt_buf_release(&b);
}

/* ---- how fast ---- */

/* A release from an environment that is in the log already. */
static void
say_release(struct index_world *w, const char *source, const char *artifact,
    const char *version, uint64_t number)
{
    struct vt_digest assembly;

    (void)iw_store(w, artifact);
    (void)iw_source(w, source, &(struct iw_how){.who = IW_DEVELOPER});
    (void)iw_assembly(w, source, artifact, version,
        &(struct iw_how){.who = IW_ASSEMBLER, .statement = &assembly});
    (void)iw_rebuild(w, &assembly, source, artifact, &(struct iw_how){.who = IW_ALPHA});
    (void)iw_rebuild(w, &assembly, source, artifact, &(struct iw_how){.who = IW_BETA});
    (void)iw_released(w, artifact, version, number, &(struct iw_how){.who = IW_RELEASE});
    iw_put_targets(w, artifact, version, number);
}

static double
cpu_s(void)
{
    struct rusage u;

    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Releases with all that belongs to them, as many entries as VT_INDEX_ENTRIES says. */
static void
test_speed(void **state)
{
    struct index_world *w = *state;
    const char *wanted = getenv("VT_INDEX_ENTRIES");
    size_t many = wanted != NULL ? strtoul(wanted, NULL, 10) : 0;
    char source[32], artifact[32], version[32];
    int64_t began;
    double cpu;

    if (many == 0)
        skip(); /* VT_INDEX_ENTRIES=100000 tests/unit/test_indexer */
    w->fast = true;
    for (uint64_t i = 1; w->count < many; i++) {
        (void)snprintf(source, sizeof source, "source %d", (int)i);
        (void)snprintf(artifact, sizeof artifact, "artifact %d", (int)i);
        (void)snprintf(version, sizeof version, "%d.0.0", (int)i);
        if (i == 1)
            iw_whole(w, source, artifact, version, i, true);

        else
            say_release(w, source, artifact, version, i);
    }
    iw_publish(w);
    began = vt_clock_monotonic_ms();
    cpu = cpu_s();
    follow(w);
    print_message("%zu entries in %lld ms, %.1f s of processor\n", w->count,
        (long long)(vt_clock_monotonic_ms() - began), cpu_s() - cpu);
    assert_says(w, "SELECT count(*) FROM entry WHERE problem IS NOT NULL", "0\n");
    assert_says(w, "SELECT count(*) FROM release WHERE state<>'verified'", "0\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checkpoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_states, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reviews_are_demanded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_index_roots, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_policy_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_library, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_library_by_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_speed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
