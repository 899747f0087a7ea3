/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine site reload
 */
#include "cmd.h"

#include "centre/site.h"

enum { WAIT_MS = 60000 };

int
vt_cmd_site_reload(int argc, char **argv)
{
    const struct vt_opt opts[] = {{0}};
    struct vt_cmd c = {.name = "site reload",
        .args = "HOME",
        .summary = "Has the site that runs on HOME take HOME/policy again.",
        .details = "Its processes are started again with the new policy while its socket stays "
                   "open, and the command waits until it answers. A policy that is wrong is "
                   "refused, and the site goes on with the one it has.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = vt_home_open(c.argv[0], VT_HOME_SITE, &home, &why);
    if (err == VT_OK)
        err = vt_site_reload(&home, WAIT_MS, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c, json_pack("{s:s, s:s}", "result", "reloaded", "name", home.name),
        "%s answers with its new policy", home.name);
}
