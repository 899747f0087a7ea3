/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/grant.h"

#include <string.h>

static const char *const names[VT_REFUSAL_COUNT] = {
    [VT_REFUSAL_NONE] = "none",
    [VT_REFUSAL_POLICY] = "policy",
    [VT_REFUSAL_REQUESTER] = "requester",
    [VT_REFUSAL_SCOPE] = "scope",
    [VT_REFUSAL_EXPIRED] = "expired",
    [VT_REFUSAL_LIFE] = "life",
    [VT_REFUSAL_APPROVALS] = "approvals",
    [VT_REFUSAL_OWN] = "own-approval",
    [VT_REFUSAL_ALTERED] = "altered",
    [VT_REFUSAL_VETO] = "veto",
    [VT_REFUSAL_LEDGER] = "ledger",
    [VT_REFUSAL_SUPERVISOR] = "supervisor",
    [VT_REFUSAL_JOB] = "job",
    [VT_REFUSAL_SHARES] = "shares",
    [VT_REFUSAL_SPENT] = "spent",
    [VT_REFUSAL_BUDGET] = "budget",
    [VT_REFUSAL_ERASED] = "erased",
};

const char *
vt_refusal_name(enum vt_refusal r)
{
    return (unsigned)r < VT_REFUSAL_COUNT ? names[r] : "unknown";
}

bool
vt_refusal_parse(const char *s, enum vt_refusal *ret)
{
    for (unsigned i = 1; i < VT_REFUSAL_COUNT; i++) {
        if (strcmp(s, names[i]) == 0) {
            *ret = (enum vt_refusal)i;
            return true;
        }
    }
    return false;
}
