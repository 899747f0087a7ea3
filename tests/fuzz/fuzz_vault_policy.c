/* SPDX-License-Identifier: Apache-2.0 */
/* Vault policies: whatever is compiled, every mode can be approved, by parties that are
 * there, and nobody is two. */
#include "ledger/policy.h"

#include "must.h"

static void
check_group(const struct vt_rule_group *group, size_t parties)
{
    must(group->need >= 1 && group->need <= group->member_count);
    for (size_t i = 0; i < group->member_count; i++) {
        must(group->member[i] < parties);
        for (size_t j = 0; j < i; j++)
            must(group->member[i] != group->member[j]);
    }
}

static void
check_parties(const struct vt_rule_party *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            must(strcmp(v[i].name, v[j].name) != 0);
            must(!vt_pubkey_eq(&v[i].key.pub, &v[j].key.pub));
            must(memcmp(&v[i].box, &v[j].box, sizeof v[i].box) != 0);
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    const struct vt_rule_region *region = NULL;
    const struct vt_rule_class *class = NULL;
    const struct vt_rule_party *party = NULL;
    struct vt_vault_policy *p = NULL;
    struct vt_digest previous;
    struct vt_why why = {0};
    enum vt_err err = vt_vault_policy_parse(data, size, &p, &why);

    must_say(err, &why);
    must((err == VT_OK) == (p != NULL));
    if (err != VT_OK)
        return 0;
    must(vt_vault_policy_previous(p, &previous) == (vt_vault_policy_serial(p) > 1));
    size_t parties = vt_vault_policy_parties(p, &party);
    check_parties(party, parties);
    size_t regions = vt_vault_policy_regions(p, &region);
    for (size_t i = 0; i < regions; i++) {
        must(vt_vault_policy_keeper(p, region[i].site) != NULL);
        must(vt_vault_policy_region(p, region[i].name) == &region[i]);
    }
    size_t classes = vt_vault_policy_classes(p, &class);
    for (size_t i = 0; i < classes; i++)
        must(class[i].threshold >= 1 && class[i].retention_days >= 1);
    for (unsigned m = 1; m < VT_MODE_COUNT; m++) {
        size_t n = vt_vault_policy_approvers(p, (enum vt_mode)m, group, VT_RULES_MAX);
        must(n >= 1);
        must(vt_vault_policy_limit(p, (enum vt_mode)m) >= 1);
        for (size_t i = 0; i < n; i++)
            check_group(group[i], parties);
    }
    vt_vault_policy_free(p);
    return 0;
}
