/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of `vitrine witness` share.
 */
#ifndef VT_CMD_WITNESS_H
#define VT_CMD_WITNESS_H

#include "cmd.h"

#include "store/home.h"
#include "witness/list.h"

/* Adds the logs that the options name, those of HOME/policy and those of HOME/logs. */
VT_MUST enum vt_err vt_witness_gather(struct vt_witness_list *l, const struct vt_home *home,
    const struct vt_opt_list *named, struct vt_why *why);

int vt_cmd_witness_run(int argc, char **argv);
int vt_cmd_witness_logs(int argc, char **argv);

#endif
