/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of `vitrine centre`. argv[0] is the verb's name.
 */
#ifndef VT_CMD_CENTRE_H
#define VT_CMD_CENTRE_H

#include "cmd.h"

int vt_cmd_centre(int argc, char **argv);

int vt_cmd_centre_index(int argc, char **argv);
int vt_cmd_centre_hook(int argc, char **argv);

#endif
