/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault: users' data. The verbs stand in files of their own, vault_*.c.
 */
#include "vault.h"

int
vt_cmd_vault(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs("vault", "Users' data, kept and used where and how the policy says.",
        verbs, argc, argv);
}
