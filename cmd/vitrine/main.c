/* SPDX-License-Identifier: Apache-2.0 */
#include "centre.h"
#include "cmd.h"
#include "vault.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct vt_cmd_verb commands[] = {
    {"key", "make keys and show their public halves", vt_cmd_key},
    {"site", "set up and run a site: log, signer, web server", vt_cmd_site},
    {"source", "take a source snapshot and log it", vt_cmd_source},
    {"environment", "make and log the package set of an assembly", vt_cmd_environment},
    {"assemble", "run a recipe in the sandbox and log what it made", vt_cmd_assemble},
    {"rebuild", "assemble again elsewhere and log whether the bytes agree", vt_cmd_rebuild},
    {"release", "stage and publish a channel's releases", vt_cmd_release},
    {"witness", "set up and run a witness", vt_cmd_witness},
    {"log", "add to the log, read it, prove and check it", vt_cmd_log},
    {"policy", "check and seal policy files", vt_cmd_policy},
    {"verify", "check an artifact against its passport, offline", vt_cmd_verify},
    {"review", "read source, sign it off, and check who did", vt_cmd_review},
    {"update", "fetch, check and install a channel's releases", vt_cmd_update},
    {"centre", "the Transparency Centre: index, reviewers, web hooks", vt_cmd_centre},
    {"vault", "keep and use users' data as the policy says, provably", vt_cmd_vault},
    {NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
    static char name[] = "vitrine";

    /* A reader that goes away is an error of write(2), not the end of us. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 1) {
        fprintf(stderr, "vitrine: started without a name\n");
        return 2;
    }
    argv[0] = name;
    return vt_cmd_main(
        "what you install is what was audited, shown by proof", commands, argc, argv);
}
