/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site says in the ledger. Each kind is a table of rows (which member is
 * which field), a check of what rows cannot say, and a pair of functions.
 */
#include "ledger/record.h"

#include "ledger/record_rows.h"

#include <stdlib.h>
#include <string.h>

struct kind {
    enum vt_doc_kind doc;
    size_t size; /* bytes of the struct */
    const struct vt_row *row;
    size_t row_count;
    /* NULL: there is nothing more to check. VT_E_SYNTAX. */
    enum vt_err (*check)(const void *record, struct vt_why *why);
};

#define ROW(struct_, field_, kind_, member_)                                                   \
    {                                                                                          \
        .field = (field_), .member = VT_MEMBER_##kind_, .at = offsetof(struct_, member_),      \
        .size = sizeof(((struct_ *)0)->member_)                                                \
    }
#define ROW_IF(struct_, field_, has_, member_)                                                 \
    {                                                                                          \
        .field = (field_), .member = VT_MEMBER_DIGEST, .at = offsetof(struct_, member_),       \
        .other = offsetof(struct_, has_), .has = true                                          \
    }
#define ROW_ARRAY(struct_, field_, kind_, member_, count_, most_)                              \
    {                                                                                          \
        .field = (field_), .member = VT_MEMBER_##kind_, .at = offsetof(struct_, member_),      \
        .size = (most_), .other = offsetof(struct_, count_)                                    \
    }
#define RING_ROWS(struct_)                                                                     \
    ROW(struct_, "generation-before", COUNT, ring.generation_before),                          \
        ROW(struct_, "generation-after", COUNT, ring.generation_after),                        \
        ROW(struct_, "ring-before", DIGEST, ring.before),                                      \
        ROW(struct_, "ring-after", DIGEST, ring.after)
#define ROWS(rows_) rows_, sizeof(rows_) / sizeof((rows_)[0])

static enum vt_err
make_doc(const struct kind *k, const void *record, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_doc *d = NULL;

    if (k->check != NULL && k->check(record, why) != VT_OK)
        return VT_E_USAGE;
    enum vt_err err = vt_doc_new(k->doc, &d, why);
    if (err == VT_OK)
        err = vt_rows_put(k->row, k->row_count, record, d, why);
    if (err != VT_OK)
        goto out;
    *ret = d;
    d = NULL; /* moved */
out:
    vt_doc_free(d);
    return err;
}

static enum vt_err
read_doc(const struct kind *k, const struct vt_doc *d, void *ret, struct vt_why *why)
{
    void *record = NULL;

    if (vt_doc_kind(d) != k->doc)
        return vt_fail(why, VT_E_USAGE, "this is a %s document, not a %s document",
            vt_doc_kind_name(vt_doc_kind(d)), vt_doc_kind_name(k->doc));
    record = calloc(1, k->size);
    if (record == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a ledger document");
    enum vt_err err = vt_rows_get(k->row, k->row_count, d, record, why);
    if (err == VT_OK && k->check != NULL)
        err = k->check(record, why);
    if (err == VT_OK)
        memcpy(ret, record, k->size);
    else
        vt_rows_release(k->row, k->row_count, record);
    free(record);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s document", vt_doc_kind_name(k->doc));
}

static enum vt_err
check_distinct(const struct vt_digest *v, size_t n, const char *what, struct vt_why *why)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (vt_digest_eq(&v[i], &v[j]))
                return vt_fail(why, VT_E_SYNTAX, "the same %s is there twice", what);
        }
    }
    return VT_OK;
}

static enum vt_err
check_ring(const struct vt_ring_change *r, struct vt_why *why)
{
    if (r->generation_after < r->generation_before)
        return vt_fail(why, VT_E_SYNTAX, "a ring's generation never goes back");
    return VT_OK;
}

static enum vt_err
check_sites(const char *from, const char *to, struct vt_why *why)
{
    if (strcmp(from, to) == 0)
        return vt_fail(why, VT_E_SYNTAX, "a region cannot move from `%s` to the same", from);
    return VT_OK;
}

/* ---- key ---- */

static enum vt_err
check_region_key(const void *record, struct vt_why *why)
{
    const struct vt_region_key *k = record;

    for (size_t i = 0; i < k->share_count && i < VT_KEY_SHARES_MAX; i++) {
        const struct vt_key_share *s = &k->share[i];
        if (s->mode == VT_MODE_ERASURE || s->need < 1 || s->need > s->of ||
            s->of > VT_MEMBERS_MAX)
            return vt_fail(why, VT_E_SYNTAX,
                "%u of %u members of `%s` cannot hold shares for %s", s->need, s->of, s->group,
                vt_mode_name(s->mode));
        for (size_t j = 0; j < i; j++) {
            if (s->mode == k->share[j].mode && strcmp(s->group, k->share[j].group) == 0)
                return vt_fail(why, VT_E_SYNTAX, "`%s` is there twice for %s", s->group,
                    vt_mode_name(s->mode));
        }
    }
    return VT_OK;
}

static const struct vt_row key_rows[] = {
    ROW(struct vt_region_key, "region", TEXT, region),
    ROW(struct vt_region_key, "site", TEXT, site),
    ROW(struct vt_region_key, "policy", DIGEST, policy),
    ROW(struct vt_region_key, "public", BOX, public),
    ROW(struct vt_region_key, "created", TIME, created),
    ROW_ARRAY(struct vt_region_key, "share", SHARES, share, share_count, VT_KEY_SHARES_MAX),
    ROW(struct vt_region_key, "ceremony", ID, ceremony),
};
static const struct kind region_key_kind = {
    VT_DOC_KEY, sizeof(struct vt_region_key), ROWS(key_rows), check_region_key};

/* ---- grant and refusal ---- */

static enum vt_err
check_grant(const void *record, struct vt_why *why)
{
    const struct vt_grant *g = record;

    if (g->approval_count > VT_APPROVALS_MAX)
        return vt_fail(
            why, VT_E_SYNTAX, "a grant names at most %u approvals", VT_APPROVALS_MAX);
    return check_distinct(g->approval, g->approval_count, "approval", why);
}

static const struct vt_row grant_rows[] = {
    ROW(struct vt_grant, "request", DIGEST, request),
    ROW(struct vt_grant, "policy", DIGEST, policy),
    ROW(struct vt_grant, "site", TEXT, site),
    ROW(struct vt_grant, "mode", MODE, mode),
    ROW_ARRAY(struct vt_grant, "approval", DIGESTS, approval, approval_count, VT_APPROVALS_MAX),
    ROW(struct vt_grant, "made", TIME, made),
};
static const struct kind grant_kind = {
    VT_DOC_GRANT, sizeof(struct vt_grant), ROWS(grant_rows), check_grant};

static enum vt_err
check_refusal(const void *record, struct vt_why *why)
{
    const struct vt_refusal_record *r = record;

    if ((unsigned)r->code == 0 || (unsigned)r->code >= VT_REFUSAL_COUNT)
        return vt_fail(why, VT_E_SYNTAX, "a refusal has a code");
    return VT_OK;
}

static const struct vt_row refusal_rows[] = {
    ROW(struct vt_refusal_record, "request", DIGEST, request),
    ROW(struct vt_refusal_record, "site", TEXT, site),
    ROW(struct vt_refusal_record, "code", CODE, code),
    ROW_IF(struct vt_refusal_record, "grant", has_grant, grant),
    ROW(struct vt_refusal_record, "made", TIME, made),
};
static const struct kind refusal_kind = {
    VT_DOC_REFUSAL, sizeof(struct vt_refusal_record), ROWS(refusal_rows), check_refusal};

/* ---- run ---- */

static enum vt_err
check_run(const void *record, struct vt_why *why)
{
    const struct vt_run *r = record;

    if (r->finished < r->started)
        return vt_fail(why, VT_E_SYNTAX, "a run cannot finish before it started");
    if (r->has_customers_root != (r->customers > 0))
        return vt_fail(why, VT_E_SYNTAX,
            "a run that touched customers' data has their root, and no other run has");
    if ((unsigned)r->outcome == 0 || (unsigned)r->outcome >= VT_OUTCOME_COUNT)
        return vt_fail(why, VT_E_SYNTAX, "a run has an outcome");
    if (r->outcome != VT_OUTCOME_DONE && r->rows_out > 0)
        return vt_fail(why, VT_E_SYNTAX, "a run that was not done gives no rows");
    return VT_OK;
}

static const struct vt_row run_rows[] = {
    ROW(struct vt_run, "request", DIGEST, request),
    ROW(struct vt_run, "grant", DIGEST, grant),
    ROW(struct vt_run, "site", TEXT, site),
    ROW(struct vt_run, "policy", DIGEST, policy),
    ROW_IF(struct vt_run, "job", has_job, job),
    ROW_IF(struct vt_run, "query", has_query, query),
    ROW(struct vt_run, "started", TIME, started),
    ROW(struct vt_run, "finished", TIME, finished),
    ROW(struct vt_run, "segments", COUNT, segments),
    ROW(struct vt_run, "segments-digest", DIGEST, segments_digest),
    ROW(struct vt_run, "blocks", COUNT, blocks),
    ROW(struct vt_run, "records", COUNT, records),
    ROW(struct vt_run, "plain-bytes", COUNT, plain_bytes),
    ROW(struct vt_run, "subjects", COUNT, subjects),
    ROW(struct vt_run, "erased-blocks", COUNT, erased_blocks),
    ROW(struct vt_run, "cells", COUNT, cells),
    ROW(struct vt_run, "rows-out", COUNT, rows_out),
    ROW(struct vt_run, "rows-held-back", COUNT, rows_held_back),
    ROW(struct vt_run, "result", DIGEST, result),
    ROW(struct vt_run, "result-bytes", COUNT, result_bytes),
    ROW(struct vt_run, "epsilon", SOME, epsilon),
    ROW(struct vt_run, "customers", COUNT, customers),
    ROW_IF(struct vt_run, "customers-root", has_customers_root, customers_root),
    ROW(struct vt_run, "outcome", OUTCOME, outcome),
};
static const struct kind run_kind = {
    VT_DOC_RUN, sizeof(struct vt_run), ROWS(run_rows), check_run};

/* ---- inventory, erasure, retention ---- */

static const struct vt_row inventory_rows[] = {
    ROW(struct vt_inventory_record, "region", TEXT, region),
    ROW(struct vt_inventory_record, "site", TEXT, site),
    ROW(struct vt_inventory_record, "policy", DIGEST, policy),
    ROW(struct vt_inventory_record, "segments", COUNT, segments),
    ROW(struct vt_inventory_record, "records", COUNT, records),
    ROW(struct vt_inventory_record, "bytes", COUNT, bytes),
    ROW(struct vt_inventory_record, "root", DIGEST, root),
    ROW(struct vt_inventory_record, "made", TIME, made),
};
static const struct kind inventory_kind = {
    VT_DOC_INVENTORY, sizeof(struct vt_inventory_record), ROWS(inventory_rows), NULL};

static enum vt_err
check_erasure(const void *record, struct vt_why *why)
{
    const struct vt_erasure *e = record;

    if (e->key_count < 1 || e->key_count > VT_ERASED_KEYS_MAX)
        return vt_fail(why, VT_E_SYNTAX, "an erasure names 1 to %u keys", VT_ERASED_KEYS_MAX);
    enum vt_err err = check_distinct(e->key, e->key_count, "key", why);
    return err == VT_OK ? check_ring(&e->ring, why) : err;
}

static const struct vt_row erasure_rows[] = {
    ROW(struct vt_erasure, "request", DIGEST, request),
    ROW(struct vt_erasure, "grant", DIGEST, grant),
    ROW(struct vt_erasure, "site", TEXT, site),
    ROW(struct vt_erasure, "region", TEXT, region),
    RING_ROWS(struct vt_erasure),
    ROW_ARRAY(struct vt_erasure, "key", DIGESTS, key, key_count, VT_ERASED_KEYS_MAX),
    ROW(struct vt_erasure, "made", TIME, made),
};
static const struct kind erasure_kind = {
    VT_DOC_ERASURE, sizeof(struct vt_erasure), ROWS(erasure_rows), check_erasure};

static enum vt_err
check_retention(const void *record, struct vt_why *why)
{
    const struct vt_retention *r = record;

    return check_ring(&r->ring, why);
}

static const struct vt_row retention_rows[] = {
    ROW(struct vt_retention, "site", TEXT, site),
    ROW(struct vt_retention, "policy", DIGEST, policy),
    RING_ROWS(struct vt_retention),
    ROW_ARRAY(struct vt_retention, "epoch", EPOCHS, epoch, epoch_count, VT_RETIRED_MAX),
    ROW(struct vt_retention, "made", TIME, made),
};
static const struct kind retention_kind = {
    VT_DOC_RETENTION, sizeof(struct vt_retention), ROWS(retention_rows), check_retention};

void
vt_retention_release(struct vt_retention *r)
{
    vt_rows_release(ROWS(retention_rows), r);
    r->epoch_count = 0;
}

/* ---- moves ---- */

static enum vt_err
check_relocation(const void *record, struct vt_why *why)
{
    const struct vt_relocation *r = record;

    return check_sites(r->from, r->to, why);
}

static const struct vt_row relocation_rows[] = {
    ROW(struct vt_relocation, "region", TEXT, region),
    ROW(struct vt_relocation, "from", TEXT, from),
    ROW(struct vt_relocation, "to", TEXT, to),
    ROW(struct vt_relocation, "policy", DIGEST, policy),
    ROW(struct vt_relocation, "segments", COUNT, segments),
    ROW(struct vt_relocation, "records", COUNT, records),
    ROW(struct vt_relocation, "bytes", COUNT, bytes),
    ROW(struct vt_relocation, "root", DIGEST, root),
    ROW_IF(struct vt_relocation, "ring-root", has_ring_root, ring_root),
    ROW(struct vt_relocation, "made", TIME, made),
};
static const struct kind relocation_kind = {
    VT_DOC_RELOCATION, sizeof(struct vt_relocation), ROWS(relocation_rows), check_relocation};

static enum vt_err
check_receipt(const void *record, struct vt_why *why)
{
    const struct vt_receipt *r = record;

    return check_sites(r->from, r->to, why);
}

static const struct vt_row receipt_rows[] = {
    ROW(struct vt_receipt, "relocation", DIGEST, relocation),
    ROW(struct vt_receipt, "region", TEXT, region),
    ROW(struct vt_receipt, "from", TEXT, from),
    ROW(struct vt_receipt, "to", TEXT, to),
    ROW(struct vt_receipt, "segments", COUNT, segments),
    ROW(struct vt_receipt, "records", COUNT, records),
    ROW(struct vt_receipt, "bytes", COUNT, bytes),
    ROW(struct vt_receipt, "root", DIGEST, root),
    ROW(struct vt_receipt, "keys", COUNT, keys),
    ROW(struct vt_receipt, "made", TIME, made),
};
static const struct kind receipt_kind = {
    VT_DOC_RECEIPT, sizeof(struct vt_receipt), ROWS(receipt_rows), check_receipt};

static enum vt_err
check_shred(const void *record, struct vt_why *why)
{
    const struct vt_shred *s = record;

    return check_ring(&s->ring, why);
}

static const struct vt_row shred_rows[] = {
    ROW(struct vt_shred, "receipt", DIGEST, receipt),
    ROW(struct vt_shred, "relocation", DIGEST, relocation),
    ROW(struct vt_shred, "region", TEXT, region),
    ROW(struct vt_shred, "site", TEXT, site),
    ROW(struct vt_shred, "segments", COUNT, segments),
    ROW(struct vt_shred, "root", DIGEST, root),
    RING_ROWS(struct vt_shred),
    ROW(struct vt_shred, "keys", COUNT, keys),
    ROW(struct vt_shred, "made", TIME, made),
};
static const struct kind shred_kind = {
    VT_DOC_SHRED, sizeof(struct vt_shred), ROWS(shred_rows), check_shred};

/* ---- the pairs ---- */

#define PAIR(name_, struct_)                                                                   \
    enum vt_err vt_##name_##_doc(                                                              \
        const struct struct_ *record, struct vt_doc **ret, struct vt_why *why)                 \
    {                                                                                          \
        return make_doc(&name_##_kind, record, ret, why);                                      \
    }                                                                                          \
    enum vt_err vt_##name_##_read(                                                             \
        const struct vt_doc *d, struct struct_ *ret, struct vt_why *why)                       \
    {                                                                                          \
        return read_doc(&name_##_kind, d, ret, why);                                           \
    }

PAIR(region_key, vt_region_key)
PAIR(grant, vt_grant)
PAIR(refusal, vt_refusal_record)
PAIR(run, vt_run)
PAIR(inventory, vt_inventory_record)
PAIR(erasure, vt_erasure)
PAIR(retention, vt_retention)
PAIR(relocation, vt_relocation)
PAIR(receipt, vt_receipt)
PAIR(shred, vt_shred)
