/* SPDX-License-Identifier: Apache-2.0 */
/* The site that will take: what the ledger says of who kept a region until now. */
#include "vault/move_parts.h"

#include <string.h>

/* What the ledger tells of one region. */
struct past {
    struct vt_desk *desk;
    const char *region;
    const char *here;
    char site[VT_KEY_NAME_MAX + 1]; /* that has it; "": nobody has anything yet */
};

/* Who made its key or said an inventory has it, until another says a receipt. */
static enum vt_err
follow(void *ctx, const struct vt_desk_entry *e, struct vt_why *why)
{
    struct past *p = ctx;
    struct vt_doc *doc = NULL;
    const char *region;
    const char *site = NULL;
    enum vt_err err;

    if (e->entry.kind != VT_ENTRY_VAULT_KEY && e->entry.kind != VT_ENTRY_INVENTORY &&
        e->entry.kind != VT_ENTRY_RECEIPT)
        return VT_OK;
    err = vt_desk_doc(p->desk, e, &doc, why);
    if (err != VT_OK)
        return err;
    region = vt_doc_get(doc, "region");
    if (region != NULL && strcmp(region, p->region) == 0)
        site = vt_doc_get(doc, e->entry.kind == VT_ENTRY_RECEIPT ? "to" : "site");
    if (site != NULL && strlen(site) < sizeof p->site)
        memcpy(p->site, site, strlen(site) + 1);
    vt_doc_free(doc);
    return VT_OK;
}

enum vt_err
vt_move_expect(const struct vt_home *h, struct vt_desk *desk,
    const struct vt_vault_policy *next, struct vt_why *why)
{
    const struct vt_rule_region *rule;
    size_t n = vt_vault_policy_regions(next, &rule);
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < n; i++) {
        struct past p = {.desk = desk, .region = rule[i].name, .here = h->name};
        struct vt_move m;

        if (strcmp(rule[i].site, h->name) != 0)
            continue;
        err = vt_desk_each(desk, follow, &p, why);
        if (err == VT_OK && p.site[0] != '\0' && strcmp(p.site, h->name) != 0)
            err = vt_move_begin(h, rule[i].name, VT_MOVE_IN, p.site, &m, why);
    }
    return err;
}
