/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of `vitrine centre`. argv[0] is the verb's name.
 */
#ifndef VT_CMD_CENTRE_H
#define VT_CMD_CENTRE_H

#include "cmd.h"
#include "store/home.h"

int vt_cmd_centre(int argc, char **argv);

int vt_cmd_centre_invite(int argc, char **argv);
int vt_cmd_centre_accounts(int argc, char **argv);
int vt_cmd_centre_revoke(int argc, char **argv);
int vt_cmd_centre_clear(int argc, char **argv);
int vt_cmd_centre_assign(int argc, char **argv);
int vt_cmd_centre_open(int argc, char **argv);
int vt_cmd_centre_close(int argc, char **argv);
int vt_cmd_centre_rates(int argc, char **argv);
int vt_cmd_centre_visits(int argc, char **argv);
int vt_cmd_centre_index(int argc, char **argv);
int vt_cmd_centre_hook(int argc, char **argv);

/* What most verbs open: a site's home and its desk's tables. Close *ret_db with vt_sql_close.
 */
struct vt_sql;
VT_MUST enum vt_err vt_centre_open(
    const char *dir, struct vt_home *ret, struct vt_sql **ret_db, struct vt_why *why);
/* Role names as a JSON list, and joined by commas into text (32 bytes will do). */
json_t *vt_centre_roles_json(unsigned roles);
void vt_centre_roles_text(unsigned roles, char *ret, size_t size);
/* "sha256:HEX" */
struct vt_digest;
json_t *vt_centre_digest_json(const struct vt_digest *d);
/* A time; null for 0. */
json_t *vt_centre_time_json(int64_t t);

#endif
