/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault policy as it is held after parsing. For policy_rules.c, which makes it,
 * and policy.c, which reads it.
 */
#ifndef VT_LEDGER_POLICY_HELD_H
#define VT_LEDGER_POLICY_HELD_H

#include "ledger/policy.h"

#define VT_ASKS_MAX 1024U

struct vt_rule_ask {
    uint16_t party;
    char purpose[VT_WORD_MAX + 1];
};

struct vt_rule_mode {
    size_t group_count; /* 0: no line yet */
    uint16_t group[VT_RULES_MAX];
    uint64_t limit; /* seconds; 0: no line */
};

struct vt_vault_policy {
    struct vt_doc *doc;
    uint64_t serial;
    bool has_previous;
    struct vt_digest previous;
    const char *supervisor; /* in doc */
    size_t keeper_count;
    struct vt_rule_party keeper[VT_RULES_MAX];
    size_t region_count;
    struct vt_rule_region region[VT_RULES_MAX];
    size_t class_count;
    struct vt_rule_class class[VT_RULES_MAX];
    size_t party_count;
    struct vt_rule_party party[VT_RULES_MAX];
    size_t ask_count;
    struct vt_rule_ask ask[VT_ASKS_MAX];
    size_t group_count;
    struct vt_rule_group group[VT_RULES_MAX];
    struct vt_rule_mode mode[VT_MODE_COUNT];
};

/* Compiles p->doc. VT_E_CONFIG. */
VT_MUST enum vt_err vt_vault_policy_compile(struct vt_vault_policy *p, struct vt_why *why);

#endif
