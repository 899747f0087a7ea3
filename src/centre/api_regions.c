/* SPDX-License-Identifier: Apache-2.0 */
/* The world map's answer: regions, where they are kept and processed, and the policy that says
 * so. */
#include "centre/api_parts.h"
#include "centre/api_vault.h"
#include "ledger/policy.h"

#include <stdio.h>
#include <string.h>

#define NO_MEMORY "out of memory for an answer"

/* Where a site stands, as the policy says of the regions that it keeps. */
static const char *
jurisdiction_of(const struct vt_vault_policy *p, const char *site)
{
    const struct vt_rule_region *region;
    size_t n = vt_vault_policy_regions(p, &region);

    for (size_t i = 0; i < n; i++)
        if (strcmp(region[i].site, site) == 0)
            return region[i].jurisdiction;
    return "";
}

static json_t *
place(const struct vt_vault_policy *p, const char *site)
{
    return json_pack("{s:o,s:o}", "site", vt_api_text(site), "jurisdiction",
        vt_api_text(jurisdiction_of(p, site)));
}

/* The site that keeps it, and any other where a run over its data was logged. */
static enum vt_err
put_processed(struct vt_api_call *c, const struct vt_vault_policy *p,
    const struct vt_rule_region *region, json_t *array, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool more = true;
    enum vt_err err = vt_api_add(array, place(p, region->site), why);

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT DISTINCT site FROM document WHERE kind='run' AND region=? AND site<>?"
            " ORDER BY site LIMIT 64",
            "ss", region->name, region->site);
    while (err == VT_OK) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        err = vt_api_add(array, place(p, vt_sql_text(rows, 0)), why);
    }
    vt_sql_end(rows);
    return err;
}

/* "access: 1 of dora.example, erin.example (legal), and ...; erasure: ..." */
static json_t *
approvers_text(const struct vt_vault_policy *p)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    const struct vt_rule_party *party;
    struct vt_buf b = VT_BUF(65536);
    json_t *v;

    (void)vt_vault_policy_parties(p, &party);
    for (int mode = VT_MODE_ACCESS; mode < VT_MODE_COUNT; mode++) {
        size_t n = vt_vault_policy_approvers(p, (enum vt_mode)mode, group, VT_RULES_MAX);

        vt_buf_putf(
            &b, "%s%s: ", mode == VT_MODE_ACCESS ? "" : "; ", vt_mode_name((enum vt_mode)mode));
        for (size_t i = 0; i < n; i++) {
            vt_buf_putf(&b, "%s%u of ", i == 0 ? "" : ", and ", group[i]->need);
            for (size_t k = 0; k < group[i]->member_count; k++)
                vt_buf_putf(&b, "%s%s", k == 0 ? "" : ", ", party[group[i]->member[k]].name);
            vt_buf_putf(&b, " (%s)", group[i]->name);
        }
        if (n == 0)
            vt_buf_puts(&b, "nobody");
    }
    v = b.err == VT_OK ? vt_api_text(vt_buf_str(&b)) : NULL;
    vt_buf_release(&b);
    return v;
}

/* The newest inventory that the region's keeper has said. */
static enum vt_err
inventory_of(struct vt_api_call *c, const struct vt_vault_policy *p,
    const struct vt_rule_region *region, json_t **ret, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    json_t *fields = NULL;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT e.signer,e.time,d.idx,d.fields FROM document d JOIN entry e ON e.idx=d.idx"
        " WHERE d.kind='inventory' AND d.region=? AND d.site=? ORDER BY d.idx DESC LIMIT 64",
        "ss", region->name, region->site);

    *ret = json_null();
    while (err == VT_OK && fields == NULL) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        if (!vt_api_vault_is(c, vt_vault_policy_keeper(p, region->site), vt_sql_text(rows, 0)))
            continue;
        fields = vt_api_fields(rows, 3);
        *ret = json_pack("{s:o,s:o,s:o,s:o,s:o,s:I}", "root", vt_api_field_text(fields, "root"),
            "segments", vt_api_field_count(fields, "segments"), "records",
            vt_api_field_count(fields, "records"), "bytes", vt_api_field_count(fields, "bytes"),
            "time", vt_api_column_time(rows, 1), "index", (json_int_t)vt_sql_int(rows, 2));
    }
    vt_sql_end(rows);
    json_decref(fields);
    return err;
}

/* The newest relocation of a region that is not ended by a shred. */
static enum vt_err
moving_of(struct vt_api_call *c, const char *region, json_t **ret, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT d.digest FROM document d WHERE d.kind='relocation' AND d.region=?"
        " AND NOT EXISTS(SELECT 1 FROM about b JOIN document s ON s.idx=b.idx"
        "  WHERE b.digest=d.digest AND s.kind='shred') ORDER BY d.idx DESC LIMIT 1",
        "s", region);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK)
        *ret = there ? vt_api_column_digest(rows, 0) : json_null();
    vt_sql_end(rows);
    return err;
}

static enum vt_err
put_region(struct vt_api_call *c, const struct vt_vault_policy *p,
    const struct vt_rule_region *region, json_t *items, struct vt_why *why)
{
    json_t *processed = json_array();
    json_t *inventory = json_null();
    json_t *moving = json_null();
    json_t *o;
    enum vt_err err = put_processed(c, p, region, processed, why);

    if (err == VT_OK)
        err = inventory_of(c, p, region, &inventory, why);
    if (err == VT_OK)
        err = moving_of(c, region->name, &moving, why);
    o = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "region", vt_api_text(region->name), "site",
        vt_api_text(region->site), "jurisdiction", vt_api_text(region->jurisdiction),
        "processed_at", processed, "approvers", approvers_text(p), "inventory", inventory,
        "moving", moving);
    if (err == VT_OK)
        return vt_api_add(items, o, why);
    json_decref(o);
    return err;
}

/* Each site once, with the regions that it keeps. */
static enum vt_err
put_sites(const struct vt_vault_policy *p, json_t *sites, struct vt_why *why)
{
    const struct vt_rule_region *region;
    size_t n = vt_vault_policy_regions(p, &region);
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++) {
        json_t *regions = json_array();
        bool first = true;

        for (size_t k = 0; k < n && err == VT_OK; k++) {
            if (strcmp(region[k].site, region[i].site) != 0)
                continue;
            first = first && k >= i;
            err = vt_api_add(regions, vt_api_text(region[k].name), why);
        }
        if (err != VT_OK || !first)
            json_decref(regions);
        else
            err = vt_api_add(sites,
                json_pack("{s:o,s:o,s:o}", "name", vt_api_text(region[i].site), "jurisdiction",
                    vt_api_text(region[i].jurisdiction), "regions", regions),
                why);
    }
    return err;
}

static json_t *
policy_json(const struct vt_vault_policy *p, int64_t index)
{
    size_t len;
    const void *text = vt_doc_bytes(vt_vault_policy_doc(p), &len);

    return json_pack("{s:o,s:I,s:o}", "digest", vt_api_digest(vt_vault_policy_digest(p)),
        "index", (json_int_t)index, "text", vt_api_text_n(text, len));
}

enum vt_err
vt_api_regions(struct vt_api_call *c, struct vt_why *why)
{
    const struct vt_vault_policy *p = NULL;
    const struct vt_rule_region *region;
    json_t *items = json_array();
    json_t *sites = json_array();
    int64_t index = 0;
    enum vt_err err = vt_api_vault_now(c, &p, &index, why);
    size_t n = err == VT_OK && p != NULL ? vt_vault_policy_regions(p, &region) : 0;

    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = put_region(c, p, &region[i], items, why);
    if (n > 0 && err == VT_OK)
        err = put_sites(p, sites, why);
    c->out = json_pack("{s:o,s:o,s:o}", "policy",
        err == VT_OK && p != NULL ? policy_json(p, index) : json_null(), "items", items,
        "sites", sites);
    return err == VT_OK && c->out == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : err;
}
