/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of `vitrine vault`. argv[0] is the verb's name.
 */
#ifndef VT_CMD_VAULT_H
#define VT_CMD_VAULT_H

#include "cmd.h"

int vt_cmd_vault(int argc, char **argv);

#endif
