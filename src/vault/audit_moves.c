/* SPDX-License-Identifier: Apache-2.0 */
/* The audit of what sites say they store, and of regions that move. */
#include "vault/audit_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What that site said last of the region, or a new row with nothing. */
static enum vt_err
find_stock(struct vt_audit *a, const char *site, const char *region,
    struct vt_audit_stock **ret, struct vt_why *why)
{
    void *array = a->stock;
    enum vt_err err;

    for (size_t i = 0; i < a->stock_count; i++) {
        if (strcmp(a->stock[i].site, site) == 0 && strcmp(a->stock[i].region, region) == 0) {
            *ret = &a->stock[i];
            return VT_OK;
        }
    }
    err = vt_audit_room(&array, a->stock_count, &a->stock_cap, sizeof *a->stock, why);
    a->stock = array;
    if (err != VT_OK)
        return err;
    *ret = &a->stock[a->stock_count++];
    **ret = (struct vt_audit_stock){0};
    (void)snprintf((*ret)->site, sizeof(*ret)->site, "%s", site);
    (void)snprintf((*ret)->region, sizeof(*ret)->region, "%s", region);
    return VT_OK;
}

/* Takes over what a site says now. Segments are only ever added, so fewer, or others of the
 * same number, are a violation; *ret_ok: none. */
static enum vt_err
take_stock(struct vt_audit_item *i, const char *site, const char *region, uint64_t segments,
    const struct vt_digest *root, bool *ret_ok, struct vt_why *why)
{
    struct vt_audit_stock *s = NULL;
    enum vt_err err = find_stock(i->audit, site, region, &s, why);

    if (err != VT_OK)
        return err;
    *ret_ok = segments > s->segments || s->index == 0 ||
              (segments == s->segments && vt_digest_eq(root, &s->root));
    if (!*ret_ok)
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "%s has %" PRIu64 " segments of %s, other than the %" PRIu64 " that entry %" PRIu64
            " said",
            site, segments, region, s->segments, s->index);
    s->index = i->row->index;
    s->segments = segments;
    s->root = *root;
    return VT_OK;
}

enum vt_err
vt_audit_inventory(struct vt_audit_item *i, struct vt_why *why)
{
    struct vt_inventory_record r;
    struct vt_why wrong = {0};
    bool ok = true;
    enum vt_err err;

    if (vt_inventory_read(i->doc, &r, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, r.site) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", r.site);
    err = take_stock(i, r.site, r.region, r.segments, &r.root, &ok, why);
    if (err != VT_OK || !ok)
        return err;
    return vt_audit_say(i, VT_AUDIT_OK,
        "%s has %" PRIu64 " segments of %s with %" PRIu64 " records", r.site, r.segments,
        r.region, r.records);
}

static enum vt_err
keep_move(struct vt_audit_item *i, const struct vt_relocation *r, struct vt_why *why)
{
    struct vt_audit *a = i->audit;
    void *array = a->move;
    enum vt_err err = vt_audit_room(&array, a->move_count, &a->move_cap, sizeof *a->move, why);

    a->move = array;
    if (err == VT_OK)
        a->move[a->move_count++] =
            (struct vt_audit_move){.doc = i->row->statement, .relocation = *r};
    return err;
}

/* Whether a move of the region is under way. */
static const struct vt_audit_move *
under_way(const struct vt_audit *a, const char *region)
{
    for (size_t n = 0; n < a->move_count; n++) {
        if (!a->move[n].shredded && strcmp(a->move[n].relocation.region, region) == 0)
            return &a->move[n];
    }
    return NULL;
}

enum vt_err
vt_audit_relocation(struct vt_audit_item *i, struct vt_why *why)
{
    const struct vt_rule_region *region;
    struct vt_relocation r;
    struct vt_why wrong = {0};
    bool ok = true;
    enum vt_err err;

    if (vt_relocation_read(i->doc, &r, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, r.from) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", r.from);
    region = vt_vault_policy_region(i->step->policy, r.region);
    if (region == NULL || strcmp(region->site, r.to) != 0 ||
        !vt_digest_eq(&r.policy, vt_vault_policy_digest(i->step->policy)))
        return vt_audit_say(i, VT_AUDIT_VIOLATION,
            "hands %s to %s, which the policy in force does not say", r.region, r.to);
    if (under_way(i->audit, r.region) != NULL)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "%s is being handed over already", r.region);
    err = take_stock(i, r.from, r.region, r.segments, &r.root, &ok, why);
    if (err == VT_OK && ok)
        err = keep_move(i, &r, why);
    if (err != VT_OK || !ok)
        return err;
    return vt_audit_say(i, VT_AUDIT_OK, "%s hands %" PRIu64 " segments of %s to %s", r.from,
        r.segments, r.region, r.to);
}

static struct vt_audit_move *
find_move(const struct vt_audit *a, const struct vt_digest *doc)
{
    for (size_t n = 0; n < a->move_count; n++) {
        if (vt_digest_eq(&a->move[n].doc, doc))
            return &a->move[n];
    }
    return NULL;
}

/* Whether a receipt says the same as the relocation. */
static const char *
receipt_differs(const struct vt_receipt *r, const struct vt_relocation *m)
{
    if (strcmp(r->region, m->region) != 0 || strcmp(r->from, m->from) != 0 ||
        strcmp(r->to, m->to) != 0)
        return "another region or other sites than those of the relocation";
    if (!vt_digest_eq(&r->root, &m->root))
        return "another inventory root than that of the relocation: records were lost, changed "
               "or added";
    if (r->segments != m->segments || r->records != m->records || r->bytes != m->bytes)
        return "other numbers than those of the relocation";
    return NULL;
}

enum vt_err
vt_audit_receipt(struct vt_audit_item *i, struct vt_why *why)
{
    struct vt_audit_move *m;
    struct vt_receipt r;
    struct vt_why wrong = {0};
    const char *difference;
    bool ok = true;
    enum vt_err err;

    if (vt_receipt_read(i->doc, &r, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, r.to) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", r.to);
    m = find_move(i->audit, &r.relocation);
    if (m == NULL)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "there is no such relocation before it");
    difference = receipt_differs(&r, &m->relocation);
    if (difference != NULL)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "%s", difference);
    if (m->received)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "a second receipt of one relocation");
    err = take_stock(i, r.to, r.region, r.segments, &r.root, &ok, why);
    if (err != VT_OK || !ok)
        return err;
    m->received = true;
    m->receipt = i->row->statement;
    return vt_audit_say(i, VT_AUDIT_OK, "%s has all of %s, with the same root", r.to, r.region);
}

/* Whether the shredding is the end of a move that the other site has acknowledged. */
static const char *
shred_differs(const struct vt_shred *s, const struct vt_audit_move *m)
{
    if (!m->received || !vt_digest_eq(&s->receipt, &m->receipt))
        return "destroyed before the other site gave that receipt";
    if (strcmp(s->region, m->relocation.region) != 0 ||
        strcmp(s->site, m->relocation.from) != 0)
        return "another region or site than that of the relocation";
    if (!vt_digest_eq(&s->root, &m->relocation.root) || s->segments != m->relocation.segments)
        return "other segments than those that were handed over";
    return NULL;
}

enum vt_err
vt_audit_shred(struct vt_audit_item *i, struct vt_why *why)
{
    struct vt_audit_stock *stock = NULL;
    struct vt_audit_move *m;
    struct vt_shred s;
    struct vt_why wrong = {0};
    const char *difference;
    bool ok = true;
    enum vt_err err;

    if (vt_shred_read(i->doc, &s, &wrong) != VT_OK)
        return vt_audit_say(i, VT_AUDIT_VOID, "%s", wrong.text);
    if (vt_audit_keeper(i, i->step, s.site) == NULL)
        return vt_audit_say(i, VT_AUDIT_VOID, "by nobody who keeps data at %s", s.site);
    m = find_move(i->audit, &s.relocation);
    difference = m == NULL ? "there is no such relocation before it" : shred_differs(&s, m);
    if (difference == NULL && m != NULL && m->shredded)
        difference = "a second shredding of one relocation";
    if (difference != NULL || m == NULL)
        return vt_audit_say(i, VT_AUDIT_VIOLATION, "%s", difference);
    err = vt_audit_change(i, s.site, &s.ring, &ok, why);
    if (err == VT_OK && ok)
        err = find_stock(i->audit, s.site, s.region, &stock, why);
    if (err != VT_OK || !ok)
        return err;
    stock->index = 0; /* it begins anew, should the region ever come back */
    stock->segments = 0;
    m->shredded = true;
    return vt_audit_say(i, VT_AUDIT_OK,
        "%s has destroyed %" PRIu64 " segments and %" PRIu64 " keys of %s, which is at %s now",
        s.site, s.segments, s.keys, s.region, m->relocation.to);
}
