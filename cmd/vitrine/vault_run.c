/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault run
 */
#include "listen.h"
#include "vault.h"

#include "base/log.h"
#include "vault/group.h"

#define MB (1024U * 1024U)

int
vt_cmd_vault_run(int argc, char **argv)
{
    struct vt_listen_cli l = {0};
    struct vt_vault_run run = {.how = &l.how};
    uint64_t pack_mb = 0;
    uint64_t wal_mb = 0;
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen; port 0 takes any free one",
            &run.listen, true},
        {"pack-after", 0, VT_OPT_U64, "SECONDS",
            "how old a batch becomes before it is packed into a segment (60)",
            &run.pack_after_s, false},
        {"pack-size", 0, VT_OPT_U64, "MB", "how large segments become, 1 to 16 (12)", &pack_mb,
            false},
        {"wal-max", 0, VT_OPT_U64, "MB",
            "how much may wait to be packed before batches are turned away (1024)", &wal_mb,
            false},
        VT_LISTEN_OPTS(&l),
        {0},
    };
    struct vt_cmd c = {.name = "vault run",
        .args = "SITE-HOME --listen HOST:PORT",
        .summary = "Runs a site's vault: takes batches of sealed records, until it is told to "
                   "stop.",
        .details = "Needs `vault init`, and SITE-HOME/policy. Writes the URL to "
                   "SITE-HOME/vault/run/url once it answers, and says what happens on standard "
                   "error. When one of its processes dies all of them are started again. "
                   "SIGTERM or SIGINT ends it in good order: what was acknowledged is packed, "
                   "and the ledger is told the inventory.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_home home;
    struct vt_why why = {{0}};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("vault", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    if (pack_mb > 16 || wal_mb > 1024U * 1024U || run.pack_after_s > 86400)
        return vt_cmd_fail(&c,
            vt_fail(&why, VT_E_USAGE,
                "--pack-size is at most 16, --wal-max 1048576, --pack-after 86400"),
            &why);
    run.pack_size = pack_mb * MB;
    run.wal_max = wal_mb * MB;
    err = vt_listen_cli_take(&l, &why);
    if (err == VT_OK)
        err = vt_home_open(c.argv[0], VT_HOME_SITE, &home, &why);
    if (err == VT_OK)
        err = vt_vault_run(&home, &run, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    c.quiet = true; /* it has said on standard error what there was to say */
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "stopped"), "%s", "");
}
