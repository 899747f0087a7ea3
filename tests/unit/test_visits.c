/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book of openings and the record of each day: proofs of every line at sizes around the
 * tree's edges, records that continue one another, clocks that are set back, and the way into
 * the log, with a stand-in for the site's POST /review.
 */
#include "base/log.h"
#include "centre/visit_publish.h"
#include "centre/visit_record.h"
#include "http/client.h"
#include "http/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "desk_world.h"

#define DAY (DW_NOW / 86400)
#define CENTRE "zurich.example/centre"

struct fixture {
    char dir[VT_PATH_MAX];
    struct vt_home home;
    struct vt_sql *db;
    struct vt_visit_book *book;
    struct vt_signer *signer;
    struct vt_why why;
};

static void
must(enum vt_err err, const struct vt_why *why)
{
    dw_must(err, why);
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char dir[VT_PATH_MAX];

    assert_non_null(f);
    must(vt_dir_temp("/tmp", "vt-visits", f->dir, &f->why), &f->why);
    must(vt_path(dir, &f->why, "%s/zurich", f->dir), &f->why);
    must(vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &f->home, &f->why), &f->why);
    must(vt_desk_db_open(&f->home, &f->db, &f->why), &f->why);
    must(vt_visit_book_open(f->db, DW_NOW, &f->book, &f->why), &f->why);
    must(vt_signer_from_key(test_key(CENTRE, 7), &f->signer, &f->why), &f->why);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    vt_visit_book_free(f->book);
    vt_signer_free(f->signer);
    vt_sql_close(f->db);
    must(vt_tree_remove(f->dir, &f->why), &f->why);
    free(f);
    return 0;
}

static enum vt_err
visit(struct fixture *f, const char *who, const char *path, uint8_t source, int64_t now)
{
    struct vt_visit_line l = {.cost = 0};

    memset(l.visit.source.b, source, sizeof(l.visit.source.b));
    vt_digest_of(path, strlen(path), &l.visit.blob);
    (void)snprintf(l.visit.reviewer, sizeof(l.visit.reviewer), "%s", who);
    (void)snprintf(l.visit.path, sizeof(l.visit.path), "%s", path);
    return vt_visit_book_add(f->book, &l, 1, now, &f->why);
}

static int64_t
count(struct fixture *f, const char *sql)
{
    int64_t n = -1;

    must(vt_sql_count(f->db, -1, &n, &f->why, sql, ""), &f->why);
    return n;
}

/* n lines of that day by alice, quickly. */
static void
fill(struct fixture *f, int64_t day, int64_t n)
{
    must(vt_sql_begin(f->db, &f->why), &f->why);
    for (int64_t i = 0; i < n; i++)
        must(vt_sql_do(f->db, &f->why,
                 "INSERT INTO visit(day, leaf, time, source, blob, reviewer, salt, path, cost)"
                 " VALUES(?1, ?2, ?1*86400+?2%86400, zeroblob(32), randomblob(32),"
                 " 'alice.example', randomblob(16), 'src/a b.c', 0)",
                 "ii", day, i),
            &f->why);
    must(vt_sql_commit(f->db, &f->why), &f->why);
}

/* The leaf's hash, from the table. */
static void
leaf_hash(struct fixture *f, int64_t day, uint64_t leaf, struct vt_digest *ret)
{
    struct vt_buf b = VT_BUF(VT_VISIT_LINE_MAX);
    struct vt_sql_rows *r = NULL;
    struct vt_visit v;
    struct vt_visit again;
    uint64_t got = 0;
    bool row = false;

    must(vt_sql_query(f->db, &r, &f->why,
             "SELECT " VT_VISIT_COLUMNS " FROM visit WHERE day=? AND leaf=?", "ii", day,
             (int64_t)leaf),
        &f->why);
    must(vt_sql_step(r, &row, &f->why), &f->why);
    assert_true(row);
    must(vt_visit_row(r, &v, &got, &f->why), &f->why);
    vt_sql_end(r);
    must(vt_visit_put(&b, &v, &f->why), &f->why);
    must(vt_visit_parse(b.data, b.len, &again, &f->why), &f->why);
    assert_string_equal(again.path, v.path);
    vt_merkle_leaf(b.data, b.len, ret);
    vt_buf_release(&b);
}

static void
check_proofs(struct fixture *f, int64_t day, uint64_t step)
{
    struct vt_visit_record record;
    struct vt_visit_prover p = {.db = f->db, .day = day};
    struct vt_proof proof;
    struct vt_digest hash;

    must(vt_visit_record_of(f->db, day, false, &record, &f->why), &f->why);
    p.leaves = record.leaves;
    for (uint64_t leaf = 0; leaf < record.leaves; leaf += step) {
        must(vt_visit_prove(&p, leaf, &proof, &f->why), &f->why);
        leaf_hash(f, day, leaf, &hash);
        must(vt_merkle_check_inclusion(
                 leaf, record.leaves, &hash, &proof, &record.root, &f->why),
            &f->why);
    }
}

static void
test_lines_and_order(void **state)
{
    struct fixture *f = *state;

    must(visit(f, "", "a.c", 1, DW_NOW), &f->why);
    must(visit(f, "", "b.c", 1, DW_NOW + 1), &f->why);
    assert_int_equal(count(f, "SELECT count(*) FROM visit"), 0);
    must(visit(f, "alice.example", "c.c", 2, DW_NOW + 2), &f->why);
    assert_int_equal(count(f, "SELECT count(*) FROM visit"), 3);
    assert_int_equal(count(f, "SELECT leaf FROM visit WHERE path='c.c'"), 2);
    /* Nobody's wait for a flush, and for no restart. */
    must(visit(f, "", "d.c", 1, DW_NOW + 3), &f->why);
    must(vt_visit_book_flush(f->book, &f->why), &f->why);
    vt_visit_book_free(f->book);
    f->book = NULL;
    must(vt_visit_book_open(f->db, DW_NOW, &f->book, &f->why), &f->why);
    /* The clock was set back: time stands still in the book. */
    must(visit(f, "alice.example", "e.c", 1, DW_NOW - 86400), &f->why);
    assert_int_equal(count(f, "SELECT leaf FROM visit WHERE path='e.c'"), 4);
    assert_int_equal(count(f, "SELECT time FROM visit WHERE path='e.c'"), DW_NOW + 3);
    /* A new day counts from 0. */
    must(visit(f, "alice.example", "f.c", 1, DW_NOW + 86400), &f->why);
    assert_int_equal(count(f, "SELECT leaf FROM visit WHERE path='f.c'"), 0);
    assert_int_equal(count(f, "SELECT count(DISTINCT salt) FROM visit"), 6);
}

static void
test_lines_that_cannot_be(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(visit(f, "alice.example", "../x", 1, DW_NOW), VT_E_USAGE);
    assert_int_equal(visit(f, "a b", "x", 1, DW_NOW), VT_E_USAGE);
    assert_int_equal(visit(f, "", "/x", 1, DW_NOW), VT_E_USAGE);
    assert_int_equal(count(f, "SELECT count(*) FROM visit"), 0);
    must(visit(f, "alice.example", "?search", 1, DW_NOW), &f->why);
}

/* More than fit into memory, and more than one day may have. */
static void
test_many_of_nobody(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < VT_VISIT_WAITING_MAX + 10; i++)
        must(visit(f, "", "a.c", 1, DW_NOW), &f->why);
    assert_int_equal(count(f, "SELECT count(*) FROM visit"), VT_VISIT_WAITING_MAX);
    must(vt_visit_book_flush(f->book, &f->why), &f->why);
    must(vt_sql_do(f->db, &f->why,
             "WITH RECURSIVE n(i) AS (SELECT 2000 UNION ALL SELECT i+1 FROM n WHERE i<1000966)"
             " INSERT INTO visit SELECT ?, i, 0, x'', x'', '-', x'', '', 0 FROM n",
             "i", DAY),
        &f->why);
    vt_visit_book_free(f->book);
    f->book = NULL;
    must(vt_visit_book_open(f->db, DW_NOW, &f->book, &f->why), &f->why);
    assert_int_equal(visit(f, "", "a.c", 1, DW_NOW), VT_E_LIMIT);
    must(visit(f, "alice.example", "a.c", 1, DW_NOW), &f->why);
    must(visit(f, "", "a.c", 1, DW_NOW + 86400), &f->why);
}

static void
test_records_and_proofs(void **state)
{
    struct fixture *f = *state;
    static const int64_t sizes[] = {
        0, 1, 2, 3, 7, 255, 256, 257, 511, 512, 513, 768, 1023, 1024, 1030, 4097};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t day = DAY + (int64_t)i;

        fill(f, day, sizes[i]);
        must(vt_visit_record_make(f->db, "zurich.example", f->signer, day, DW_NOW, &f->why),
            &f->why);
        check_proofs(f, day, sizes[i] > 600 ? 37 : 1);
        assert_int_equal(
            vt_visit_record_make(f->db, "zurich.example", f->signer, day, DW_NOW, &f->why),
            VT_E_EXIST);
    }
}

/* The document says what the lines are, and the entry what the document is. */
static void
test_document(void **state)
{
    struct fixture *f = *state;
    struct vt_vkey key = test_vkey(CENTRE, VT_NOTE_ED25519, 7);
    struct vt_sql_rows *r = NULL;
    struct vt_review doc;
    struct vt_digest digest;
    struct vt_entry e;
    struct vt_note note;
    const void *p;
    size_t len;
    bool row = false;

    must(visit(f, "", "a.c", 1, DW_NOW), &f->why);
    must(visit(f, "alice.example", "a.c", 2, DW_NOW), &f->why);
    must(visit(f, "bob.example", "b.c", 2, DW_NOW), &f->why);
    must(visit(f, "bob.example", "c.c", 1, DW_NOW), &f->why);
    must(vt_visit_record_make(f->db, "zurich.example", f->signer, DAY, DW_NOW + 86400, &f->why),
        &f->why);
    must(vt_sql_query(f->db, &r, &f->why, "SELECT document, entry FROM record", ""), &f->why);
    must(vt_sql_step(r, &row, &f->why), &f->why);
    p = vt_sql_bytes(r, 0, &len);
    vt_digest_of(p, len, &digest);
    must(vt_review_parse(p, len, &doc, &f->why), &f->why);
    assert_string_equal(doc.site, "zurich.example");
    assert_string_equal(doc.day, "2026-11-22");
    assert_int_equal(doc.visits, 4);
    assert_int_equal(doc.anonymous, 1);
    assert_int_equal(doc.reviewers, 2);
    assert_int_equal(doc.visited_count, 2);
    assert_int_equal(doc.visited[0].visits, 2);
    p = vt_sql_bytes(r, 1, &len);
    must(vt_entry_parse(p, len, &note, &e, &f->why), &f->why);
    must(vt_review_matches(&doc, &digest, &e, CENTRE, &f->why), &f->why);
    must(vt_note_verify(&note, &key, &f->why), &f->why);
    vt_review_release(&doc);
    vt_sql_end(r);
}

/* A later record of a day begins with all that an earlier one has. */
static void
test_records_continue(void **state)
{
    struct fixture *f = *state;
    struct vt_visit_record first, second;
    struct vt_frontier tree;
    struct vt_digest hash;

    fill(f, DAY, 300);
    must(vt_visit_record_make(f->db, "zurich.example", f->signer, DAY, DW_NOW, &f->why),
        &f->why);
    must(vt_visit_record_of(f->db, DAY, false, &first, &f->why), &f->why);
    vt_visit_book_free(f->book);
    f->book = NULL;
    must(vt_visit_book_open(f->db, DW_NOW, &f->book, &f->why), &f->why);
    for (int i = 0; i < 300; i++)
        must(visit(f, "", "x.c", 3, DW_NOW), &f->why);
    must(vt_visit_book_flush(f->book, &f->why), &f->why);
    must(vt_visit_record_make(f->db, "zurich.example", f->signer, DAY, DW_NOW + 9, &f->why),
        &f->why);
    must(vt_visit_record_of(f->db, DAY, false, &second, &f->why), &f->why);
    assert_int_equal(second.leaves, 600);
    assert_int_equal(vt_visit_record_of(f->db, DAY, true, &second, &f->why), VT_E_NOENT);
    vt_frontier_init(&tree);
    for (uint64_t i = 0; i < 300; i++) {
        leaf_hash(f, DAY, i, &hash);
        vt_frontier_append(&tree, &hash);
    }
    vt_frontier_root(&tree, &hash);
    assert_memory_equal(hash.b, first.root.b, sizeof(hash.b));
    check_proofs(f, DAY, 1);
}

/* A line that was changed or taken out afterwards no longer leads to the root. */
static void
test_tampered(void **state)
{
    struct fixture *f = *state;
    struct vt_visit_record record;
    struct vt_visit_prover p = {.db = f->db, .day = DAY};
    struct vt_proof proof;
    struct vt_digest hash;

    fill(f, DAY, 10);
    must(vt_visit_record_make(f->db, "zurich.example", f->signer, DAY, DW_NOW, &f->why),
        &f->why);
    must(vt_visit_record_of(f->db, DAY, false, &record, &f->why), &f->why);
    must(
        vt_sql_do(f->db, &f->why, "UPDATE visit SET path='other.c' WHERE leaf=4", ""), &f->why);
    p.leaves = record.leaves;
    must(vt_visit_prove(&p, 4, &proof, &f->why), &f->why);
    leaf_hash(f, DAY, 4, &hash);
    assert_int_equal(
        vt_merkle_check_inclusion(4, 10, &hash, &proof, &record.root, &f->why), VT_E_PROOF);
    must(vt_sql_do(f->db, &f->why, "DELETE FROM visit WHERE leaf=4", ""), &f->why);
    p.block = 0;
    assert_int_equal(vt_visit_prove(&p, 5, &proof, &f->why), VT_E_STATE);
    assert_int_equal(
        vt_visit_record_make(f->db, "zurich.example", f->signer, DAY, DW_NOW, &f->why),
        VT_E_STATE);
}

/* --- The way into the log. --- */

struct site {
    int listen_fd;
    int stop[2];
    char url[128];
    pthread_t thread;
    int status;         /* what it answers */
    int received;       /* requests */
    struct vt_buf body; /* of the last */
};

static void
on_review(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct site *s = ctx;

    vt_buf_clear(&s->body);
    vt_buf_put(&s->body, rq->body, rq->body_len);
    s->received++;
    rs->status = s->status;
    if (s->status == 200)
        vt_buf_putf(&rs->body, "%d\n", 40 + s->received);
    else
        vt_buf_puts(&rs->body, "not now\n");
}

static void *
serve(void *ctx)
{
    static const struct vt_http_route routes[] = {
        {"POST", "/review", 2U << 20, on_review, NULL},
        {NULL, NULL, 0, NULL, NULL},
    };
    struct site *s = ctx;
    struct vt_http_server_opts opts = {.routes = routes, .ctx = s};
    struct vt_why why = {0};

    if (vt_http_serve(s->listen_fd, s->stop[0], &opts, &why) != VT_OK)
        s->status = -1;
    return NULL;
}

static void
site_start(struct site *s)
{
    struct vt_why why = {0};

    memset(s, 0, sizeof(*s));
    s->status = 200;
    s->body = VT_BUF(2U << 20);
    must(vt_http_listen("127.0.0.1:0", &s->listen_fd, s->url, &why), &why);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
site_stop(struct site *s)
{
    close(s->stop[1]);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_true(s->status != -1);
    close(s->stop[0]);
    close(s->listen_fd);
    vt_buf_release(&s->body);
}

static enum vt_err
publish(struct fixture *f, const char *url, int64_t now, bool so_far, size_t *ret_count)
{
    struct vt_visit_publisher p = {.site = "zurich.example", .signer = f->signer, .url = url};
    enum vt_err err;

    must(vt_http_new(NULL, &p.http, &f->why), &f->why);
    err = vt_visit_publish(f->db, &p, now, so_far, ret_count, &f->why);
    vt_http_free(p.http);
    return err;
}

static void
test_publishes_each_day(void **state)
{
    struct fixture *f = *state;
    struct site s;
    size_t n = 9;

    site_start(&s);
    must(vt_visit_since(f->db, DW_NOW, &f->why), &f->why);
    must(vt_visit_since(f->db, DW_NOW + 86400, &f->why), &f->why); /* noted once */
    must(visit(f, "alice.example", "a.c", 1, DW_NOW), &f->why);
    /* Today is not over; five seconds after midnight it is. */
    must(publish(f, s.url, DW_NOW, false, &n), &f->why);
    assert_int_equal(n, 0);
    must(publish(f, s.url, (DAY + 1) * 86400 + 4, false, &n), &f->why);
    assert_int_equal(n, 0);
    must(publish(f, s.url, (DAY + 1) * 86400 + 5, false, &n), &f->why);
    assert_int_equal(n, 1);
    assert_int_equal(count(f, "SELECT idx FROM record"), 41);
    must(publish(f, s.url, (DAY + 1) * 86400 + 50, false, &n), &f->why);
    assert_int_equal(n, 0);
    /* Days on which nothing was opened, while the site was off, have a record each. */
    must(publish(f, s.url, (DAY + 4) * 86400 + 50, false, &n), &f->why);
    assert_int_equal(n, 3);
    assert_int_equal(count(f, "SELECT count(*) FROM record WHERE leaves=0"), 3);
    site_stop(&s);
}

static void
test_publishes_again_with_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct vt_buf first = VT_BUF(2U << 20);
    struct site s;
    size_t n = 9;

    site_start(&s);
    s.status = 503;
    must(vt_visit_since(f->db, DW_NOW, &f->why), &f->why);
    must(visit(f, "alice.example", "a.c", 1, DW_NOW), &f->why);
    assert_int_not_equal(publish(f, s.url, DW_NOW + 86400, false, &n), VT_OK);
    assert_int_equal(n, 0);
    assert_int_equal(count(f, "SELECT count(*) FROM record WHERE idx IS NULL"), 1);
    vt_buf_put(&first, s.body.data, s.body.len);
    s.status = 200;
    must(publish(f, s.url, DW_NOW + 86500, false, &n), &f->why);
    assert_int_equal(n, 1);
    assert_int_equal(first.len, s.body.len);
    assert_memory_equal(first.data, s.body.data, first.len);
    vt_buf_release(&first);
    site_stop(&s);
}

static void
test_publishes_so_far(void **state)
{
    struct fixture *f = *state;
    struct site s;
    size_t n = 9;

    site_start(&s);
    must(vt_visit_since(f->db, DW_NOW, &f->why), &f->why);
    must(publish(f, s.url, DW_NOW, true, &n), &f->why); /* nothing was opened */
    assert_int_equal(n, 0);
    must(visit(f, "alice.example", "a.c", 1, DW_NOW), &f->why);
    must(publish(f, s.url, DW_NOW, true, &n), &f->why);
    assert_int_equal(n, 1);
    must(publish(f, s.url, DW_NOW, true, &n), &f->why);
    assert_int_equal(n, 0);
    must(visit(f, "alice.example", "b.c", 1, DW_NOW + 60), &f->why);
    must(publish(f, s.url, DW_NOW + 86400, false, &n), &f->why);
    assert_int_equal(n, 1);
    assert_int_equal(count(f, "SELECT max(leaves) FROM record WHERE idx=42"), 2);
    /* The clock was set back two days after an empty day's record. */
    must(publish(f, s.url, DW_NOW + 5 * 86400, false, &n), &f->why);
    assert_int_equal(n, 4);
    must(visit(f, "alice.example", "c.c", 1, DW_NOW + 3 * 86400), &f->why);
    must(publish(f, s.url, DW_NOW + 5 * 86400, false, &n), &f->why);
    assert_int_equal(n, 1);
    site_stop(&s);
}

/* What the reviewer is told, and can check, over the API. */
static void
test_own_visits(void **state)
{
    struct desk_world *w = malloc(sizeof(*w));
    struct authenticator a, b;
    struct vt_signer *signer = NULL;
    const json_t *item;
    const char *leaf;
    struct vt_proof proof = {0};
    struct vt_digest hash;
    struct vt_digest root;
    char *alice;
    char *bob;

    (void)state;
    assert_non_null(w);
    dw_init(w);
    alice = dw_join(w, "alice.example", VT_ROLE_REVIEWER, &a);
    bob = dw_join(w, "bob.example", VT_ROLE_REVIEWER, &b);
    assert_int_equal(dw_get(w, "visits", ""), 401);
    for (int i = 0; i < 5; i++) {
        w->session = i % 2 == 0 ? alice : bob;
        assert_int_equal(dw_admit(w, w->open_text, "file", "path=docs/read%20me.txt"), 200);
    }
    w->session = bob;
    assert_int_equal(dw_get(w, "visits", ""), 200);
    assert_true(json_is_null(json_object_get(w->out, "published")));
    item = json_array_get(json_object_get(w->out, "items"), 0);
    assert_true(json_is_null(json_object_get(item, "index")));
    assert_int_equal(dw_get(w, "visits/days", ""), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 0);
    must(vt_signer_from_key(test_key(CENTRE, 7), &signer, &w->why), &w->why);
    must(vt_visit_record_make(w->db, "zurich.example", signer, DAY, DW_NOW, &w->why), &w->why);
    vt_signer_free(signer);
    must(vt_sql_do(w->db, &w->why, "UPDATE record SET idx=9", ""), &w->why);
    assert_int_equal(dw_get(w, "visits", "day=2026-11-22"), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 2);
    item = json_array_get(json_object_get(w->out, "items"), 1);
    assert_int_equal(json_integer_value(json_object_get(item, "index")), 3);
    leaf = json_string_value(json_object_get(item, "leaf"));
    assert_non_null(strstr(leaf, " bob.example "));
    assert_non_null(strstr(leaf, " docs/read%20me.txt"));
    vt_merkle_leaf(leaf, strlen(leaf), &hash);
    proof.len = json_array_size(json_object_get(item, "proof"));
    for (size_t i = 0; i < proof.len; i++)
        assert_true(vt_digest_from_hex(
            json_string_value(json_array_get(json_object_get(item, "proof"), i)) + 7, 64,
            &proof.hash[i]));
    assert_true(vt_digest_from_hex(
        json_string_value(json_object_get(json_object_get(w->out, "published"), "root")) + 7,
        64, &root));
    must(vt_merkle_check_inclusion(3, 5, &hash, &proof, &root, &w->why), &w->why);
    /* In pages, and none of another's. */
    w->session = alice;
    assert_int_equal(dw_get(w, "visits", "limit=2"), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 2);
    assert_string_equal(dw_text(w, "next"), "3");
    assert_int_equal(dw_get(w, "visits", "limit=2&after=3"), 200);
    assert_int_equal(json_array_size(json_object_get(w->out, "items")), 1);
    assert_true(json_is_null(json_object_get(w->out, "next")));
    assert_int_equal(dw_get(w, "visits", "limit=0"), 400);
    assert_int_equal(dw_get(w, "visits", "after=x"), 400);
    assert_int_equal(dw_get(w, "visits", "day=2026-13-01"), 400);
    assert_int_equal(dw_get(w, "visits", "day=2026-11-23"), 200);
    w->session = NULL;
    assert_int_equal(dw_get(w, "visits/days", ""), 200);
    item = json_array_get(json_object_get(w->out, "items"), 0);
    assert_int_equal(json_integer_value(json_object_get(item, "visits")), 5);
    assert_int_equal(json_integer_value(json_object_get(item, "reviewers")), 2);
    free(alice);
    free(bob);
    authenticator_release(&a);
    authenticator_release(&b);
    dw_release(w);
    free(w);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_lines_and_order),
        T(test_lines_that_cannot_be),
        T(test_many_of_nobody),
        T(test_records_and_proofs),
        T(test_document),
        T(test_records_continue),
        T(test_tampered),
        T(test_publishes_each_day),
        T(test_publishes_again_with_the_same_bytes),
        T(test_publishes_so_far),
        cmocka_unit_test(test_own_visits),
    };
    vt_log_init("test", VT_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
