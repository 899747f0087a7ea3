/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vault policies: from lines to rules. Each field has one function, which is given the words
 * of its line; what a line names must stand above it.
 */
#include "ledger/policy_held.h"
#include "ledger/words.h"

#include <assert.h>
#include <string.h>

#define RETENTION_DAYS_MAX 36500U
#define THRESHOLD_MAX 10000U
#define LIMIT_MAX 31622400U /* seconds: 366 days */
#define NOISE_MAX 1000000000U
#define NONE "none"

static enum vt_err
check_room(size_t count, size_t most, const char *what, struct vt_why *why)
{
    if (count >= most)
        return vt_fail(why, VT_E_CONFIG, "there are more than %zu %s", most, what);
    return VT_OK;
}

static enum vt_err
get_key(const struct vt_words *w, size_t i, struct vt_vkey *ret, struct vt_why *why)
{
    if (i >= w->count)
        return vt_fail(why, VT_E_CONFIG, "the signing key is missing");
    if (vt_vkey_parse(w->word[i], strlen(w->word[i]), ret, why) != VT_OK)
        return VT_E_CONFIG;
    if (ret->alg != VT_NOTE_ED25519)
        return vt_fail(why, VT_E_CONFIG,
            "only keys of type 01 sign documents, no cosigner's key and no passkey");
    return VT_OK;
}

static enum vt_err
get_box(const struct vt_words *w, size_t i, struct vt_box_public *ret, struct vt_why *why)
{
    if (i >= w->count)
        return vt_fail(why, VT_E_CONFIG, "the age1... key is missing");
    if (vt_box_public_parse(w->word[i], strlen(w->word[i]), ret, why) != VT_OK)
        return VT_E_CONFIG;
    return VT_OK;
}

/* Nobody is in the policy twice, neither by name nor by a key: one person must not count as
 * two. */
static enum vt_err
check_alone(const struct vt_rule_party *v, size_t n, const struct vt_rule_party *party,
    struct vt_why *why)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, party->name) == 0)
            return vt_fail(why, VT_E_CONFIG, "`%s` is defined already", party->name);
        if (vt_pubkey_eq(&v[i].key.pub, &party->key.pub))
            return vt_fail(
                why, VT_E_CONFIG, "`%s` has the signing key of `%s`", party->name, v[i].name);
        if (memcmp(v[i].box.b, party->box.b, VT_BOX_SIZE) == 0)
            return vt_fail(
                why, VT_E_CONFIG, "`%s` has the age1... key of `%s`", party->name, v[i].name);
    }
    return VT_OK;
}

/* `NAME VKEY AGE1`, added to v. */
static enum vt_err
add_party(struct vt_vault_policy *p, const struct vt_words *w, struct vt_rule_party *v,
    size_t *count, const char *what, struct vt_why *why)
{
    struct vt_rule_party party = {.key = {.id = 0}};

    enum vt_err err = check_room(*count, VT_RULES_MAX, what, why);
    if (err == VT_OK)
        err = vt_words_get(w, 0, VT_VALUE_NAME, "name", party.name, sizeof party.name, why);
    if (err == VT_OK)
        err = get_key(w, 1, &party.key, why);
    if (err == VT_OK)
        err = get_box(w, 2, &party.box, why);
    if (err == VT_OK)
        err = vt_words_exactly(w, 3, why);
    if (err == VT_OK)
        err = check_alone(p->keeper, p->keeper_count, &party, why);
    if (err == VT_OK)
        err = check_alone(p->party, p->party_count, &party, why);
    if (err == VT_OK)
        v[(*count)++] = party;
    return err;
}

static enum vt_err
add_keeper(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    return add_party(p, w, p->keeper, &p->keeper_count, "keepers", why);
}

static enum vt_err
add_other_party(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    return add_party(p, w, p->party, &p->party_count, "parties", why);
}

static enum vt_err
get_region(const struct vt_words *w, struct vt_rule_region *ret, struct vt_why *why)
{
    enum vt_err err =
        vt_words_get(w, 0, VT_VALUE_REGION, "region", ret->name, sizeof ret->name, why);

    if (err == VT_OK)
        err = vt_words_get(w, 1, VT_VALUE_NAME, "site", ret->site, sizeof ret->site, why);
    if (err == VT_OK)
        err = vt_words_exactly(w, 3, why);
    if (err == VT_OK && (strlen(w->word[2]) != 2 ||
                            !vt_value_of_set(w->word[2], 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")))
        err = vt_fail(why, VT_E_CONFIG,
            "the jurisdiction is two capital letters such as CH, not `%.40s`", w->word[2]);
    if (err == VT_OK)
        memcpy(ret->jurisdiction, w->word[2], sizeof ret->jurisdiction);
    return err;
}

static enum vt_err
add_region(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    struct vt_rule_region region = {.noise_budget = 0};

    enum vt_err err = check_room(p->region_count, VT_RULES_MAX, "regions", why);
    if (err == VT_OK)
        err = get_region(w, &region, why);
    if (err != VT_OK)
        return err;
    if (vt_vault_policy_region(p, region.name) != NULL)
        return vt_fail(why, VT_E_CONFIG, "the region %s is placed already", region.name);
    if (vt_vault_policy_keeper(p, region.site) == NULL)
        return vt_fail(why, VT_E_CONFIG, "no line above names a keeper of `%s`", region.site);
    p->region[p->region_count++] = region;
    return VT_OK;
}

/* `NAME retention-days N threshold N` */
static enum vt_err
add_class(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    struct vt_rule_class class = {.threshold = 0};
    uint64_t days = 0, threshold = 0;

    enum vt_err err = check_room(p->class_count, VT_RULES_MAX, "classes", why);
    if (err == VT_OK)
        err = vt_words_get(w, 0, VT_VALUE_WORD, "class", class.name, sizeof class.name, why);
    if (err == VT_OK)
        err = vt_words_exactly(w, 5, why);
    if (err == VT_OK &&
        (strcmp(w->word[1], "retention-days") != 0 || strcmp(w->word[3], "threshold") != 0))
        err = vt_fail(
            why, VT_E_CONFIG, "a class is `NAME retention-days DAYS threshold SUBJECTS`");
    if (err == VT_OK)
        err = vt_words_number(w, 2, 1, RETENTION_DAYS_MAX, "retention", &days, why);
    if (err == VT_OK)
        err = vt_words_number(w, 4, 1, THRESHOLD_MAX, "threshold", &threshold, why);
    if (err != VT_OK)
        return err;
    if (vt_vault_policy_class(p, class.name) != NULL)
        return vt_fail(why, VT_E_CONFIG, "the class `%s` is defined already", class.name);
    class.retention_days = (uint32_t)days;
    class.threshold = (uint32_t)threshold;
    p->class[p->class_count++] = class;
    return VT_OK;
}

/* The number of a party that stands above; keepers neither ask nor approve. */
static enum vt_err
find_party(const struct vt_vault_policy *p, const char *name, uint16_t *ret, struct vt_why *why)
{
    for (size_t i = 0; i < p->party_count; i++) {
        if (strcmp(p->party[i].name, name) == 0) {
            *ret = (uint16_t)i;
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_CONFIG, "no line above names a party `%.140s`", name);
}

static enum vt_err
add_ask(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    struct vt_rule_ask ask = {.party = 0};

    enum vt_err err = check_room(p->ask_count, VT_ASKS_MAX, "ask lines", why);
    if (err == VT_OK)
        err = vt_words_exactly(w, 2, why);
    if (err == VT_OK)
        err = find_party(p, w->word[0], &ask.party, why);
    if (err == VT_OK)
        err =
            vt_words_get(w, 1, VT_VALUE_WORD, "purpose", ask.purpose, sizeof ask.purpose, why);
    if (err != VT_OK)
        return err;
    if (vt_vault_policy_may_ask(p, w->word[0], ask.purpose))
        return vt_fail(why, VT_E_CONFIG, "that is said already");
    p->ask[p->ask_count++] = ask;
    return VT_OK;
}

static enum vt_err
find_group(const struct vt_vault_policy *p, const char *name, uint16_t *ret, struct vt_why *why)
{
    for (size_t i = 0; i < p->group_count; i++) {
        if (strcmp(p->group[i].name, name) == 0) {
            *ret = (uint16_t)i;
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_CONFIG, "no line above names a group `%.70s`", name);
}

static enum vt_err
add_members(const struct vt_vault_policy *p, const struct vt_words *w,
    struct vt_rule_group *group, struct vt_why *why)
{
    for (size_t i = 2; i < w->count; i++) {
        uint16_t member = 0;
        enum vt_err err =
            check_room(group->member_count, VT_MEMBERS_MAX, "members of the group", why);
        if (err == VT_OK)
            err = find_party(p, w->word[i], &member, why);
        for (size_t j = 0; err == VT_OK && j < group->member_count; j++) {
            if (group->member[j] == member)
                err = vt_fail(why, VT_E_CONFIG, "`%s` is a member twice", w->word[i]);
        }
        if (err != VT_OK)
            return err;
        group->member[group->member_count++] = member;
    }
    return VT_OK;
}

/* `NAME M MEMBER...` */
static enum vt_err
add_group(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    struct vt_rule_group group = {.need = 0};
    uint64_t need = 0;
    uint16_t other;

    enum vt_err err = check_room(p->group_count, VT_RULES_MAX, "groups", why);
    if (err == VT_OK)
        err = vt_words_get(w, 0, VT_VALUE_WORD, "group", group.name, sizeof group.name, why);
    if (err == VT_OK)
        err = vt_words_number(w, 1, 1, VT_MEMBERS_MAX, "least number of members", &need, why);
    if (err == VT_OK)
        err = add_members(p, w, &group, why);
    if (err != VT_OK)
        return err;
    if (strcmp(group.name, NONE) == 0)
        return vt_fail(why, VT_E_CONFIG, "the name `none` is reserved: give another");
    if (find_group(p, group.name, &other, NULL) == VT_OK)
        return vt_fail(why, VT_E_CONFIG, "the group `%s` is defined already", group.name);
    if (group.member_count < need)
        return vt_fail(why, VT_E_CONFIG, "%u of %zu members can never approve", (unsigned)need,
            group.member_count);
    group.need = (unsigned)need;
    p->group[p->group_count++] = group;
    return VT_OK;
}

static enum vt_err
get_mode(const struct vt_words *w, enum vt_mode *ret, struct vt_why *why)
{
    if (!vt_mode_parse(w->word[0], ret))
        return vt_fail(why, VT_E_CONFIG,
            "`%.70s` is none of access, break-glass, export and erasure", w->word[0]);
    return VT_OK;
}

/* `MODE GROUP...` */
static enum vt_err
add_approve(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    struct vt_rule_mode *mode = NULL;
    enum vt_mode which = VT_MODE_ACCESS;
    enum vt_err err = get_mode(w, &which, why);

    if (err != VT_OK)
        return err;
    mode = &p->mode[which];
    if (mode->group_count > 0)
        return vt_fail(why, VT_E_CONFIG, "there is a line for %s above; keep one", w->word[0]);
    if (w->count == 1 || strcmp(w->word[1], NONE) == 0)
        return vt_fail(why, VT_E_CONFIG, "%s needs a group that approves", w->word[0]);
    for (size_t i = 1; i < w->count; i++) {
        uint16_t group = 0;
        err = find_group(p, w->word[i], &group, why);
        for (size_t j = 0; err == VT_OK && j < mode->group_count; j++) {
            if (mode->group[j] == group)
                err = vt_fail(why, VT_E_CONFIG, "the group `%s` is there twice", w->word[i]);
        }
        if (err != VT_OK)
            return err;
        mode->group[mode->group_count++] = group;
    }
    return VT_OK;
}

static enum vt_err
add_limit(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    enum vt_mode mode = VT_MODE_ACCESS;
    uint64_t limit = 0;
    enum vt_err err = get_mode(w, &mode, why);

    if (err == VT_OK)
        err = vt_words_number(w, 1, 1, LIMIT_MAX, "limit", &limit, why);
    if (err == VT_OK)
        err = vt_words_exactly(w, 2, why);
    if (err == VT_OK && p->mode[mode].limit > 0)
        err = vt_fail(why, VT_E_CONFIG, "there is a line for %s above; keep one", w->word[0]);
    if (err == VT_OK)
        p->mode[mode].limit = limit;
    return err;
}

static enum vt_err
find_region(const struct vt_vault_policy *p, const char *name, size_t *ret, struct vt_why *why)
{
    const struct vt_rule_region *region = vt_vault_policy_region(p, name);

    if (region == NULL)
        return vt_fail(why, VT_E_CONFIG, "no line above names a region `%.40s`", name);
    *ret = (size_t)(region - p->region);
    return VT_OK;
}

static enum vt_err
add_noise(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why)
{
    uint64_t budget = 0, days = 0;
    size_t at = 0;
    enum vt_err err = find_region(p, w->word[0], &at, why);

    if (err == VT_OK)
        err = vt_words_number(w, 1, 1, NOISE_MAX, "budget", &budget, why);
    if (err == VT_OK)
        err = vt_words_number(w, 2, 1, RETENTION_DAYS_MAX, "number of days", &days, why);
    if (err == VT_OK)
        err = vt_words_exactly(w, 3, why);
    if (err == VT_OK && p->region[at].noise_budget > 0)
        err = vt_fail(why, VT_E_CONFIG, "there is a line for %s above; keep one", w->word[0]);
    if (err != VT_OK)
        return err;
    p->region[at].noise_budget = budget;
    p->region[at].noise_days = (uint32_t)days;
    return VT_OK;
}

static const struct {
    const char *field;
    enum vt_err (*add)(struct vt_vault_policy *p, const struct vt_words *w, struct vt_why *why);
} adders[] = {
    {"keeper", add_keeper},
    {"region", add_region},
    {"class", add_class},
    {"party", add_other_party},
    {"ask", add_ask},
    {"group", add_group},
    {"approve", add_approve},
    {"limit", add_limit},
    {"noise", add_noise},
};

static enum vt_err
add_field(struct vt_vault_policy *p, const struct vt_doc_field *f, struct vt_why *why)
{
    struct vt_words w;

    for (size_t i = 0; i < sizeof adders / sizeof adders[0]; i++) {
        if (strcmp(adders[i].field, f->name) != 0)
            continue;
        enum vt_err err = vt_words_split(f->value, &w, why);
        if (err == VT_OK)
            err = adders[i].add(p, &w, why);
        if (err != VT_OK)
            return vt_fail_in(why, VT_E_CONFIG, "vault policy, `%s %.60s`", f->name, f->value);
        return VT_OK;
    }
    return VT_OK;
}

/* Serial 1 is the first and has nothing before it; any other has. */
static enum vt_err
check_serial(struct vt_vault_policy *p, struct vt_why *why)
{
    bool has_serial = vt_doc_get_count(p->doc, "serial", &p->serial);

    assert(has_serial);
    (void)has_serial;
    p->has_previous = vt_doc_get_digest(p->doc, "previous", &p->previous);
    if (p->serial == 0)
        return vt_fail(why, VT_E_CONFIG, "vault policy: serials begin with 1");
    if (p->has_previous != (p->serial > 1))
        return vt_fail(why, VT_E_CONFIG,
            p->has_previous ? "vault policy: the first has no `previous`"
                            : "vault policy: a `previous` must name the one before this");
    return VT_OK;
}

enum vt_err
vt_vault_policy_compile(struct vt_vault_policy *p, struct vt_why *why)
{
    enum vt_err err = check_serial(p, why);

    p->supervisor = vt_doc_get(p->doc, "supervisor");
    for (size_t i = 0; err == VT_OK && i < vt_doc_count(p->doc); i++)
        err = add_field(p, vt_doc_field(p->doc, i), why);
    for (unsigned m = 1; err == VT_OK && m < VT_MODE_COUNT; m++) {
        if (p->mode[m].group_count == 0)
            err = vt_fail(why, VT_E_CONFIG,
                "vault policy: no line `approve %s` says who must approve that",
                vt_mode_name((enum vt_mode)m));
    }
    return err;
}
