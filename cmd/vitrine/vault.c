/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault: users' data. The verbs stand in files of their own, vault_*.c.
 */
#include "vault.h"

int
vt_cmd_vault(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make a site's vault", vt_cmd_vault_init},
        {"region", "make a region's key, and show who holds its shares", vt_cmd_vault_region},
        {"status", "show what a vault holds", vt_cmd_vault_status},
        {"key", "make box keys and show their public halves", vt_cmd_vault_key},
        {"policy", "say and take the vault policy", vt_cmd_vault_policy},
        {"request", "ask about users' data", vt_cmd_vault_request},
        {"approve", "approve a request", vt_cmd_vault_approve},
        {"refuse", "refuse a request", vt_cmd_vault_refuse},
        {"requests", "list what was asked, and what came of it", vt_cmd_vault_requests},
        {"answer", "run an approved job, and say so", vt_cmd_vault_answer},
        {"result", "open the sealed result of a job", vt_cmd_vault_result},
        {"audit", "check the whole ledger again", vt_cmd_vault_audit},
        {"accesses", "show a customer which runs read its records", vt_cmd_vault_accesses},
        {"send", "report events to a region's vault", vt_cmd_vault_send},
        {"agent", "receive logs and report them", vt_cmd_vault_agent},
        {"run", "take batches of sealed records, and keep them", vt_cmd_vault_run},
        {"erase", "destroy a data subject's key, and prove it", vt_cmd_vault_erase},
        {"export", "hand out what is kept of one data subject", vt_cmd_vault_export},
        {"retain", "destroy the keys of days that are over", vt_cmd_vault_retain},
        {"relocate", "hand a region over to another site", vt_cmd_vault_relocate},
        {"backup", "copy a vault, without what opens it", vt_cmd_vault_backup},
        {"restore", "make a vault anew of a backup", vt_cmd_vault_restore},
        {"check", "look whether all that is kept is whole", vt_cmd_vault_check},
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs("vault", "Users' data, kept and used where and how the policy says.",
        verbs, argc, argv);
}
