/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A proof needs the hashes of subtrees. Those of 256 lines and more are kept in the table
 * `node` when a record is made; below that the lines are hashed again, a block of 256 at a
 * time.
 */
#include "centre/visit_record.h"

#include "centre/visit_book.h"
#include "note/entry.h"
#include "review/doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_LEVEL = 8, BLOCK = 256 };

enum vt_err
vt_visit_record_of(struct vt_sql *db, int64_t day, bool logged, struct vt_visit_record *ret,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_visit_record v = {.day = day};
    const void *document;
    size_t len;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT no, leaves, reviewers, anonymous, root, made, document, coalesce(idx, -1)"
        " FROM record WHERE day=? AND (idx IS NOT NULL OR NOT ?)"
        " ORDER BY leaves DESC, no DESC LIMIT 1",
        "ii", day, (int64_t)logged);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && !row)
        err = vt_fail(why, VT_E_NOENT, "that day has no record yet");
    if (err == VT_OK && !vt_sql_digest(r, 4, &v.root))
        err = vt_fail(why, VT_E_STATE, "a day's record is damaged in desk.db");
    if (err == VT_OK) {
        v.no = vt_sql_int(r, 0);
        v.leaves = (uint64_t)vt_sql_int(r, 1);
        v.reviewers = (uint64_t)vt_sql_int(r, 2);
        v.anonymous = (uint64_t)vt_sql_int(r, 3);
        v.made = vt_sql_int(r, 5);
        document = vt_sql_bytes(r, 6, &len);
        vt_digest_of(document, len, &v.document);
        v.index = vt_sql_int(r, 7);
        *ret = v;
    }
    vt_sql_end(r);
    return err;
}

static enum vt_err
hash_row(struct vt_sql_rows *r, struct vt_buf *line, uint64_t *ret_leaf, struct vt_digest *ret,
    struct vt_why *why)
{
    struct vt_visit v;
    enum vt_err err = vt_visit_row(r, &v, ret_leaf, why);

    vt_buf_clear(line);
    if (err == VT_OK)
        err = vt_visit_put(line, &v, why);
    if (err == VT_OK)
        vt_merkle_leaf(line->data, line->len, ret);
    return err;
}

/* The tree as it grows, with the subtrees that are kept. */
struct node {
    unsigned level;
    uint64_t number;
    struct vt_digest hash;
};
struct growing {
    uint64_t size;
    struct vt_digest left[64];
    struct vt_frontier frontier;
    size_t count;
    size_t cap;
    struct node *node;
};

static enum vt_err
keep_node(struct growing *g, unsigned level, uint64_t number, const struct vt_digest *hash,
    struct vt_why *why)
{
    if (g->count == g->cap) {
        size_t cap = g->cap == 0 ? 64 : g->cap * 2;
        struct node *p = reallocarray(g->node, cap, sizeof(*p));

        if (p == NULL)
            return vt_fail(why, VT_E_NOMEM, "out of memory for a day's record");
        g->node = p;
        g->cap = cap;
    }
    g->node[g->count++] = (struct node){level, number, *hash};
    return VT_OK;
}

static enum vt_err
grow(struct growing *g, const struct vt_digest *leaf, struct vt_why *why)
{
    struct vt_digest hash = *leaf;
    uint64_t number = g->size++;
    unsigned level = 0;
    enum vt_err err = VT_OK;

    vt_frontier_append(&g->frontier, leaf);
    while (err == VT_OK && (number & 1) != 0) {
        vt_merkle_node(&g->left[level], &hash, &hash);
        level++;
        number >>= 1;
        if (level >= BLOCK_LEVEL)
            err = keep_node(g, level, number, &hash, why);
    }
    g->left[level] = hash;
    return err;
}

static enum vt_err
grow_all(struct growing *g, struct vt_sql *db, int64_t day, struct vt_why *why)
{
    struct vt_buf line = VT_BUF(VT_VISIT_LINE_MAX);
    struct vt_sql_rows *r = NULL;
    struct vt_digest hash;
    uint64_t leaf = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT " VT_VISIT_COLUMNS " FROM visit WHERE day=? ORDER BY leaf", "i", day);

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = hash_row(r, &line, &leaf, &hash, why);
        if (err == VT_OK && leaf != g->size)
            err = vt_fail(why, VT_E_STATE, "line %llu of a day is missing in desk.db",
                (unsigned long long)g->size);
        if (err == VT_OK)
            err = grow(g, &hash, why);
    }
    vt_sql_end(r);
    vt_buf_release(&line);
    return err;
}

static enum vt_err
count_sources(
    struct vt_sql *db, int64_t day, uint64_t leaves, struct vt_review *doc, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT source, count(*) FROM visit WHERE day=? AND leaf<? GROUP BY source"
        " ORDER BY source LIMIT ?",
        "iii", day, (int64_t)leaves, (int64_t)VT_REVIEW_SOURCES_MAX + 1);

    doc->visited = calloc(VT_REVIEW_SOURCES_MAX, sizeof(*doc->visited));
    if (err == VT_OK && doc->visited == NULL)
        err = vt_fail(why, VT_E_NOMEM, "out of memory for a day's record");
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        struct vt_review_visits *v;

        if (doc->visited_count == VT_REVIEW_SOURCES_MAX) {
            err = vt_fail(why, VT_E_LIMIT, "more than %u sources were opened on one day",
                VT_REVIEW_SOURCES_MAX);
            break;
        }
        v = &doc->visited[doc->visited_count++];
        v->visits = (uint64_t)vt_sql_int(r, 1);
        if (!vt_sql_digest(r, 0, &v->source))
            err = vt_fail(why, VT_E_STATE, "a line of the book of openings is damaged");
    }
    vt_sql_end(r);
    return err;
}

static enum vt_err
count_readers(
    struct vt_sql *db, int64_t day, uint64_t leaves, struct vt_review *doc, struct vt_why *why)
{
    int64_t anonymous = 0;
    int64_t reviewers = 0;
    enum vt_err err = vt_sql_count(db, 0, &anonymous, why,
        "SELECT count(*) FROM visit WHERE day=? AND leaf<? AND reviewer='-'", "ii", day,
        (int64_t)leaves);

    if (err == VT_OK)
        err = vt_sql_count(db, 0, &reviewers, why,
            "SELECT count(DISTINCT reviewer) FROM visit"
            " WHERE day=? AND leaf<? AND reviewer<>'-'",
            "ii", day, (int64_t)leaves);
    doc->anonymous = (uint64_t)anonymous;
    doc->reviewers = (uint64_t)reviewers;
    return err;
}

static enum vt_err
write_document(struct vt_sql *db, const char *site, int64_t day, int64_t now,
    const struct growing *g, struct vt_review *doc, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err;

    doc->kind = VT_ENTRY_VISITS;
    (void)snprintf(doc->site, sizeof(doc->site), "%s", site);
    vt_visit_day_format(day, doc->day);
    doc->visits = g->size;
    doc->made = now;
    vt_frontier_root(&g->frontier, &doc->root);
    err = count_sources(db, day, g->size, doc, why);
    if (err == VT_OK)
        err = count_readers(db, day, g->size, doc, why);
    return err == VT_OK ? vt_review_put(b, doc, why) : err;
}

static enum vt_err
sign_entry(const struct vt_review *doc, const struct vt_buf *document, struct vt_signer *signer,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_entry e;
    struct vt_digest d;
    enum vt_err err;

    vt_digest_of(document->data, document->len, &d);
    err = vt_review_entry(doc, &d, &e, why);
    return err == VT_OK ? vt_entry_sign(b, &e, signer, why) : err;
}

static enum vt_err
keep_nodes(struct vt_sql *db, int64_t day, const struct growing *g, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < g->count; i++)
        err = vt_sql_do(db, why,
            "INSERT OR IGNORE INTO node(day, level, number, hash) VALUES(?, ?, ?, ?)", "iiid",
            day, (int64_t)g->node[i].level, (int64_t)g->node[i].number, &g->node[i].hash);
    return err;
}

/* Unless another process kept one of as many lines meanwhile. */
static enum vt_err
keep_record(struct vt_sql *db, int64_t day, const struct growing *g,
    const struct vt_review *doc, const struct vt_buf *document, const struct vt_buf *entry,
    struct vt_why *why)
{
    struct vt_visit_record newest;
    enum vt_err err = vt_sql_begin(db, why);

    if (err != VT_OK)
        return err;
    err = vt_visit_record_of(db, day, false, &newest, why);
    if (err == VT_OK && newest.leaves >= g->size)
        err = vt_fail(why, VT_E_EXIST, "that day's record is made already");
    if (err == VT_OK || err == VT_E_NOENT)
        err = keep_nodes(db, day, g, why);
    if (err == VT_OK)
        err = vt_sql_do(db, why,
            "INSERT INTO record(day, leaves, reviewers, anonymous, root, made, document, entry)"
            " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
            "iiiidibb", day, (int64_t)g->size, (int64_t)doc->reviewers, (int64_t)doc->anonymous,
            &doc->root, doc->made, (const void *)document->data, document->len,
            (const void *)entry->data, entry->len);
    if (err == VT_OK)
        err = vt_sql_commit(db, why);
    if (err != VT_OK)
        vt_sql_rollback(db);
    return err;
}

enum vt_err
vt_visit_record_make(struct vt_sql *db, const char *site, struct vt_signer *signer, int64_t day,
    int64_t now, struct vt_why *why)
{
    struct growing *g = calloc(1, sizeof(*g));
    struct vt_buf document = VT_BUF(VT_REVIEW_MAX);
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX);
    struct vt_visit_record newest;
    struct vt_review doc = {.kind = VT_ENTRY_VISITS};
    enum vt_err err;

    if (g == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory for a day's record");
    vt_frontier_init(&g->frontier);
    err = grow_all(g, db, day, why);
    if (err == VT_OK) {
        err = vt_visit_record_of(db, day, false, &newest, why);
        if (err == VT_OK && newest.leaves >= g->size)
            err = vt_fail(why, VT_E_EXIST, "that day's record is made already");
        else if (err == VT_E_NOENT)
            err = VT_OK;
    }
    if (err == VT_OK)
        err = write_document(db, site, day, now, g, &doc, &document, why);
    if (err == VT_OK)
        err = sign_entry(&doc, &document, signer, &entry, why);
    if (err == VT_OK)
        err = keep_record(db, day, g, &doc, &document, &entry, why);
    vt_review_release(&doc);
    vt_buf_release(&entry);
    vt_buf_release(&document);
    free(g->node);
    free(g);
    return err;
}

static enum vt_err
load_block(struct vt_visit_prover *p, uint64_t block, struct vt_why *why)
{
    struct vt_buf line = VT_BUF(VT_VISIT_LINE_MAX);
    struct vt_sql_rows *r = NULL;
    uint64_t first = block * BLOCK;
    uint64_t end = first + BLOCK < p->leaves ? first + BLOCK : p->leaves;
    uint64_t next = first;
    uint64_t leaf = 0;
    bool row = false;
    enum vt_err err = vt_sql_query(p->db, &r, why,
        "SELECT " VT_VISIT_COLUMNS " FROM visit WHERE day=? AND leaf>=? AND leaf<?"
        " ORDER BY leaf",
        "iii", p->day, (int64_t)first, (int64_t)end);

    p->block = 0;
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = hash_row(r, &line, &leaf, &p->hash[next - first], why);
        if (err == VT_OK && leaf != next++)
            err = vt_fail(why, VT_E_STATE, "a line of a day is missing in desk.db");
    }
    if (err == VT_OK && next != end)
        err = vt_fail(why, VT_E_STATE, "a line of a day is missing in desk.db");
    if (err == VT_OK)
        p->block = block + 1;
    vt_sql_end(r);
    vt_buf_release(&line);
    return err;
}

/* A complete subtree of fewer than 256 leaves. */
static enum vt_err
small_subtree(struct vt_visit_prover *p, unsigned level, uint64_t number, struct vt_digest *ret,
    struct vt_why *why)
{
    struct vt_frontier f;
    uint64_t first = number << level;
    enum vt_err err = VT_OK;

    if (p->block != first / BLOCK + 1)
        err = load_block(p, first / BLOCK, why);
    if (err != VT_OK)
        return err;
    vt_frontier_init(&f);
    for (uint64_t i = 0; i < UINT64_C(1) << level; i++)
        vt_frontier_append(&f, &p->hash[(first + i) % BLOCK]);
    vt_frontier_root(&f, ret);
    return VT_OK;
}

static enum vt_err
get_subtree(
    void *ctx, unsigned level, uint64_t number, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_visit_prover *p = ctx;
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err;

    if (level < BLOCK_LEVEL)
        return small_subtree(p, level, number, ret, why);
    err = vt_sql_query(p->db, &r, why,
        "SELECT hash FROM node WHERE day=? AND level=? AND number=?", "iii", p->day,
        (int64_t)level, (int64_t)number);
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && (!row || !vt_sql_digest(r, 0, ret)))
        err = vt_fail(why, VT_E_STATE, "a part of a day's tree is missing in desk.db");
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_visit_prove(
    struct vt_visit_prover *p, uint64_t leaf, struct vt_proof *ret, struct vt_why *why)
{
    struct vt_hash_source src = {get_subtree, p};

    return vt_merkle_prove_inclusion(&src, leaf, p->leaves, ret, why);
}
