/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre: what a site shows of itself. The verbs stand in files of their own,
 * centre_*.c.
 */
#include "centre.h"

int
vt_cmd_centre(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"index", "make the Centre's facts and library from the log", vt_cmd_centre_index},
        {"hook", "tell others what happens in the log", vt_cmd_centre_hook},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("centre", "The Transparency Centre of a site.", verbs, argc, argv);
}
