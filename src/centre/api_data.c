/* SPDX-License-Identifier: Apache-2.0 */
/* Users' data: where it is kept, what was destroyed or run, and what moves. */
#include "centre/api_parts.h"
#include "centre/api_vault.h"
#include "ledger/policy.h"

#include <stdio.h>
#include <string.h>

#define NO_MEMORY "out of memory for an answer"

/* --- Lists of documents. --- */

static enum vt_err
put_document(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    json_t *o = NULL;
    enum vt_err err = vt_api_link(c, r, &o, why);

    if (err == VT_OK)
        err = vt_api_join(o,
            json_pack("{s:o,s:o,s:o}", "region", vt_api_column_text(r, VT_API_LINK_COLUMNS),
                "site", vt_api_column_text(r, VT_API_LINK_COLUMNS + 1), "fields",
                vt_api_fields(r, VT_API_LINK_COLUMNS + 2)),
            why);
    if (err == VT_OK)
        *ret = o;
    else
        json_decref(o);
    return err;
}

static enum vt_err
list_documents(struct vt_api_call *c, const char *kind, struct vt_why *why)
{
    struct vt_api_page page;
    struct vt_sql_rows *rows = NULL;
    json_t *items;
    enum vt_err err = vt_api_page_param(c, &page);

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT " VT_API_LINK ",d.region,d.site,d.fields FROM document d"
            " JOIN entry e ON e.idx=d.idx WHERE d.kind=? AND d.idx<?"
            " ORDER BY d.idx DESC LIMIT ?",
            "sii", kind, page.before, page.limit + 1);
    if (err != VT_OK)
        return err;
    items = json_array();
    err = vt_api_rows(c, rows, put_document, items, why);
    if (err == VT_OK)
        return vt_api_list(c, items, &page, NULL, why);
    json_decref(items);
    return err;
}

enum vt_err
vt_api_erasures(struct vt_api_call *c, struct vt_why *why)
{
    return list_documents(c, "erasure", why);
}

enum vt_err
vt_api_retentions(struct vt_api_call *c, struct vt_why *why)
{
    return list_documents(c, "retention", why);
}

enum vt_err
vt_api_runs(struct vt_api_call *c, struct vt_why *why)
{
    return list_documents(c, "run", why);
}

/* --- Relocations. --- */

/* What the newest document of a kind about a relocation says, when the keeper of `site` said
 * it; *ret_fields NULL: there is none. */
static enum vt_err
answer_to(struct vt_api_call *c, const struct vt_digest *relocation, const char *kind,
    const struct vt_rule_party *keeper, int64_t *ret_index, int64_t *ret_time,
    json_t **ret_fields, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT d.idx,e.time,e.signer,d.fields FROM about b JOIN document d ON d.idx=b.idx"
        " JOIN entry e ON e.idx=d.idx WHERE b.digest=? AND d.kind=? ORDER BY d.idx DESC LIMIT "
        "64",
        "ds", relocation, kind);

    *ret_fields = NULL;
    while (err == VT_OK && *ret_fields == NULL) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        if (!vt_api_vault_is(c, keeper, vt_sql_text(rows, 2)))
            continue;
        *ret_index = vt_sql_int(rows, 0);
        *ret_time = vt_sql_int(rows, 1);
        *ret_fields = vt_api_fields(rows, 3);
    }
    vt_sql_end(rows);
    return err;
}

static json_t *
totals(const json_t *fields)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "root", vt_api_field_text(fields, "root"), "segments",
        vt_api_field_count(fields, "segments"), "records",
        vt_api_field_count(fields, "records"), "bytes", vt_api_field_count(fields, "bytes"));
}

static json_t *
received_json(int64_t index, int64_t time, const json_t *fields)
{
    json_t *o = totals(fields);

    if (o != NULL &&
        vt_api_join(o,
            json_pack("{s:I,s:o}", "index", (json_int_t)index, "time", vt_api_time(time)),
            NULL) != VT_OK) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

/* Whether both inventories are the same: the root fixes the list, the numbers what it holds. */
static bool
is_equal(const json_t *a, const json_t *b)
{
    static const char *const names[] = {"root", "segments", "records", "bytes"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(vt_api_field(a, names[i]), vt_api_field(b, names[i])) != 0)
            return false;
    return true;
}

/* What came of a relocation so far. */
static enum vt_err
put_answers(struct vt_api_call *c, const struct vt_digest *relocation, const json_t *fields,
    json_t *o, struct vt_why *why)
{
    const struct vt_vault_policy *policy = NULL;
    const struct vt_rule_party *from = NULL;
    const struct vt_rule_party *to = NULL;
    struct vt_digest under;
    json_t *receipt = NULL;
    json_t *shred = NULL;
    int64_t receipt_index = 0, receipt_time = 0, shred_index = 0, shred_time = 0;
    enum vt_err err = VT_OK;

    if (vt_api_field_digest(fields, "policy", &under))
        err = vt_api_vault(c, &under, &policy, why);
    if (err == VT_OK && policy != NULL) {
        from = vt_vault_policy_keeper(policy, vt_api_field(fields, "from"));
        to = vt_vault_policy_keeper(policy, vt_api_field(fields, "to"));
    }
    if (err == VT_OK)
        err = answer_to(
            c, relocation, "receipt", to, &receipt_index, &receipt_time, &receipt, why);
    if (err == VT_OK)
        err = answer_to(c, relocation, "shred", from, &shred_index, &shred_time, &shred, why);
    if (err == VT_OK)
        err = vt_api_join(o,
            json_pack("{s:s,s:o,s:o,s:o}", "state",
                shred != NULL     ? "shredded"
                : receipt != NULL ? "received"
                                  : "handing-over",
                "received",
                receipt == NULL ? json_null()
                                : received_json(receipt_index, receipt_time, receipt),
                "shredded",
                shred == NULL
                    ? json_null()
                    : json_pack("{s:I,s:o,s:o,s:o}", "index", (json_int_t)shred_index,
                          "segments", vt_api_field_count(shred, "segments"), "keys",
                          vt_api_field_count(shred, "keys"), "time", vt_api_time(shred_time)),
                "equal",
                receipt == NULL ? json_null() : json_boolean(is_equal(fields, receipt))),
            why);
    json_decref(receipt);
    json_decref(shred);
    return err;
}

static enum vt_err
put_relocation(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    json_t *fields = vt_api_fields(r, 3);
    struct vt_digest d;
    json_t *o = json_pack("{s:o,s:I,s:o,s:o,s:o,s:o,s:o}", "relocation",
        vt_api_column_digest(r, 1), "index", (json_int_t)vt_sql_int(r, 0), "region",
        vt_api_text(vt_api_field(fields, "region")), "from",
        vt_api_text(vt_api_field(fields, "from")), "to",
        vt_api_text(vt_api_field(fields, "to")), "started", vt_api_column_time(r, 2),
        "inventory", totals(fields));
    enum vt_err err = VT_OK;

    if (o == NULL || !vt_sql_digest(r, 1, &d))
        err = vt_fail(why, VT_E_NOMEM, NO_MEMORY);
    else
        err = put_answers(c, &d, fields, o, why);
    json_decref(fields);
    if (err == VT_OK)
        *ret = o;
    else
        json_decref(o);
    return err;
}

enum vt_err
vt_api_relocations(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_api_page page;
    struct vt_sql_rows *rows = NULL;
    json_t *items;
    enum vt_err err = vt_api_page_param(c, &page);

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT idx,digest,made,fields FROM document WHERE kind='relocation' AND idx<?"
            " ORDER BY idx DESC LIMIT ?",
            "ii", page.before, page.limit + 1);
    if (err != VT_OK)
        return err;
    items = json_array();
    err = vt_api_rows(c, rows, put_relocation, items, why);
    if (err == VT_OK)
        return vt_api_list(c, items, &page, NULL, why);
    json_decref(items);
    return err;
}
