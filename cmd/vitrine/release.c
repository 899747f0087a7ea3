/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

int
vt_cmd_release(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 2;
}
