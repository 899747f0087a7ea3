/* SPDX-License-Identifier: Apache-2.0 */
/* Vault policies: what a compiled one says. */
#include "ledger/policy_held.h"

#include <stdlib.h>
#include <string.h>

static const char *const modes[VT_MODE_COUNT] = {
    [VT_MODE_ACCESS] = "access",
    [VT_MODE_BREAK_GLASS] = "break-glass",
    [VT_MODE_EXPORT] = "export",
    [VT_MODE_ERASURE] = "erasure",
};

/* Seconds that a request may live when the policy does not say. */
#define LIMIT_WEEK 604800U
#define LIMIT_HOUR 3600U

const char *
vt_mode_name(enum vt_mode m)
{
    return (unsigned)m >= 1 && (unsigned)m < VT_MODE_COUNT ? modes[m] : "unknown";
}

bool
vt_mode_parse(const char *s, enum vt_mode *ret)
{
    for (unsigned i = 1; i < VT_MODE_COUNT; i++) {
        if (strcmp(s, modes[i]) == 0) {
            *ret = (enum vt_mode)i;
            return true;
        }
    }
    return false;
}

enum vt_err
vt_vault_policy_parse(
    const void *data, size_t len, struct vt_vault_policy **ret, struct vt_why *why)
{
    struct vt_vault_policy *p = calloc(1, sizeof *p);

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a vault policy");
    enum vt_err err = vt_doc_parse(data, len, VT_DOC_POLICY, &p->doc, why);
    if (err == VT_OK)
        err = vt_vault_policy_compile(p, why);
    if (err != VT_OK)
        goto out;
    *ret = p;
    p = NULL; /* moved */
out:
    vt_vault_policy_free(p);
    return err;
}

void
vt_vault_policy_free(struct vt_vault_policy *p)
{
    if (p == NULL)
        return;
    vt_doc_free(p->doc);
    free(p);
}

const struct vt_doc *
vt_vault_policy_doc(const struct vt_vault_policy *p)
{
    return p->doc;
}

const struct vt_digest *
vt_vault_policy_digest(const struct vt_vault_policy *p)
{
    return vt_doc_digest(p->doc);
}

uint64_t
vt_vault_policy_serial(const struct vt_vault_policy *p)
{
    return p->serial;
}

bool
vt_vault_policy_previous(const struct vt_vault_policy *p, struct vt_digest *ret)
{
    if (p->has_previous)
        *ret = p->previous;
    return p->has_previous;
}

const char *
vt_vault_policy_supervisor(const struct vt_vault_policy *p)
{
    return p->supervisor;
}

size_t
vt_vault_policy_regions(const struct vt_vault_policy *p, const struct vt_rule_region **ret)
{
    *ret = p->region;
    return p->region_count;
}

size_t
vt_vault_policy_classes(const struct vt_vault_policy *p, const struct vt_rule_class **ret)
{
    *ret = p->class;
    return p->class_count;
}

size_t
vt_vault_policy_parties(const struct vt_vault_policy *p, const struct vt_rule_party **ret)
{
    *ret = p->party;
    return p->party_count;
}

const struct vt_rule_region *
vt_vault_policy_region(const struct vt_vault_policy *p, const char *name)
{
    for (size_t i = 0; i < p->region_count; i++) {
        if (strcmp(p->region[i].name, name) == 0)
            return &p->region[i];
    }
    return NULL;
}

const struct vt_rule_class *
vt_vault_policy_class(const struct vt_vault_policy *p, const char *name)
{
    for (size_t i = 0; i < p->class_count; i++) {
        if (strcmp(p->class[i].name, name) == 0)
            return &p->class[i];
    }
    return NULL;
}

static const struct vt_rule_party *
find_party(const struct vt_rule_party *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    }
    return NULL;
}

const struct vt_rule_party *
vt_vault_policy_party(const struct vt_vault_policy *p, const char *name)
{
    const struct vt_rule_party *party = find_party(p->party, p->party_count, name);

    return party != NULL ? party : vt_vault_policy_keeper(p, name);
}

const struct vt_rule_party *
vt_vault_policy_keeper(const struct vt_vault_policy *p, const char *site)
{
    return find_party(p->keeper, p->keeper_count, site);
}

bool
vt_vault_policy_may_ask(const struct vt_vault_policy *p, const char *party, const char *purpose)
{
    for (size_t i = 0; i < p->ask_count; i++) {
        if (strcmp(p->party[p->ask[i].party].name, party) == 0 &&
            strcmp(p->ask[i].purpose, purpose) == 0)
            return true;
    }
    return false;
}

size_t
vt_vault_policy_approvers(const struct vt_vault_policy *p, enum vt_mode mode,
    const struct vt_rule_group **ret, size_t ret_max)
{
    size_t n = 0;

    if ((unsigned)mode >= VT_MODE_COUNT)
        return 0;
    while (n < p->mode[mode].group_count && n < ret_max) {
        ret[n] = &p->group[p->mode[mode].group[n]];
        n++;
    }
    return n;
}

uint64_t
vt_vault_policy_limit(const struct vt_vault_policy *p, enum vt_mode mode)
{
    if ((unsigned)mode >= VT_MODE_COUNT)
        return 0;
    if (p->mode[mode].limit > 0)
        return p->mode[mode].limit;
    return mode == VT_MODE_BREAK_GLASS ? LIMIT_HOUR : LIMIT_WEEK;
}
