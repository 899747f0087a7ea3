/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of `vitrine vault`. argv[0] is the verb's name.
 */
#ifndef VT_CMD_VAULT_H
#define VT_CMD_VAULT_H

#include "cmd.h"

int vt_cmd_vault(int argc, char **argv);

int vt_cmd_vault_init(int argc, char **argv);
int vt_cmd_vault_region(int argc, char **argv);
int vt_cmd_vault_status(int argc, char **argv);
int vt_cmd_vault_key(int argc, char **argv);
int vt_cmd_vault_policy(int argc, char **argv);
int vt_cmd_vault_request(int argc, char **argv);
int vt_cmd_vault_approve(int argc, char **argv);
int vt_cmd_vault_refuse(int argc, char **argv);
int vt_cmd_vault_requests(int argc, char **argv);
int vt_cmd_vault_answer(int argc, char **argv);
int vt_cmd_vault_result(int argc, char **argv);
int vt_cmd_vault_audit(int argc, char **argv);
int vt_cmd_vault_accesses(int argc, char **argv);
int vt_cmd_vault_erase(int argc, char **argv);
int vt_cmd_vault_export(int argc, char **argv);
int vt_cmd_vault_retain(int argc, char **argv);
int vt_cmd_vault_relocate(int argc, char **argv);
int vt_cmd_vault_backup(int argc, char **argv);
int vt_cmd_vault_restore(int argc, char **argv);
int vt_cmd_vault_send(int argc, char **argv);
int vt_cmd_vault_agent(int argc, char **argv);
int vt_cmd_vault_run(int argc, char **argv);
int vt_cmd_vault_check(int argc, char **argv);

/* The public half of a box key, from its own file or from its .pub file. */
struct vt_box_public;
VT_MUST enum vt_err vt_vault_box_read(
    const char *path, struct vt_box_public *ret, struct vt_why *why);

#endif
