/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log freeze
 */
#include "cmd.h"

#include "base/log.h"
#include "log/serve.h"

#include <string.h>

enum { TIMEOUT_S = 60, TIMEOUT_MAX_S = 86400 };

/* A home with a log: one of its own, or a site's. */
static enum vt_err
open_home(const char *dir, struct vt_home *ret, struct vt_why *why)
{
    enum vt_err err = vt_home_open(dir, (enum vt_home_kind)0, ret, why);

    if (err == VT_OK && ret->kind != VT_HOME_LOG && ret->kind != VT_HOME_SITE)
        err = vt_fail(why, VT_E_CONFIG, "%s is no home of a log", dir);
    return err;
}

static int
print_frozen(const struct vt_cmd *c, const struct vt_checkpoint *cp)
{
    struct vt_buf root = VT_BUF(64);
    int code;

    vt_buf_put_b64(&root, cp->root.b, VT_DIGEST_SIZE);
    code = vt_cmd_done(c,
        json_pack("{s:s, s:s, s:I, s:s}", "result", "frozen", "origin", cp->origin, "size",
            (json_int_t)cp->size, "root", vt_buf_str(&root)),
        "%s is frozen with %llu entries and the root %s; what says so is public/frozen",
        cp->origin, (unsigned long long)cp->size, vt_buf_str(&root));
    vt_buf_release(&root);
    return code;
}

int
vt_cmd_log_freeze(int argc, char **argv)
{
    struct vt_serve_freeze_opts freeze = {.reason = NULL};
    const char *successor = NULL;
    uint64_t timeout_s = TIMEOUT_S;
    const struct vt_opt opts[] = {
        {"reason", 'r', VT_OPT_STR, "TEXT", "why, one line for everybody to read",
            &freeze.reason, true},
        {"successor", 0, VT_OPT_STR, "VKEY", "the key of the log that goes on", &successor,
            false},
        {"timeout", 't', VT_OPT_U64, "SECONDS",
            "how long to ask the witnesses for the last checkpoint (60)", &timeout_s, false},
        {0},
    };
    struct vt_cmd c = {.name = "log freeze",
        .args = "HOME --reason TEXT",
        .summary = "Ends a log for ever: signs its last checkpoint and a final statement.",
        .details =
            "The log may not run meanwhile. From when the statement is signed no entry is "
            "taken, and that cannot be undone. The witnesses are then asked to cosign the last "
            "checkpoint; when too few do, call it again. Works on a site's home too.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_checkpoint cp;
    struct vt_home home;
    struct vt_vkey key;
    struct vt_why why = {.text = ""};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("log", VT_LOG_WARN);
    freeze.progress = &c.progress;
    err = open_home(c.argv[0], &home, &why);
    if (err == VT_OK && timeout_s > TIMEOUT_MAX_S)
        err = vt_fail(&why, VT_E_USAGE, "--timeout: at most a day");
    freeze.timeout_ms = (int64_t)timeout_s * 1000;
    if (err == VT_OK && successor != NULL) {
        err = vt_vkey_parse(successor, strlen(successor), &key, &why);
        if (err != VT_OK)
            err = vt_fail(&why, VT_E_USAGE, "--successor %.100s: not a vkey", successor);
        freeze.successor = &key;
    }
    if (err == VT_OK) {
        vt_progress_begin(&c.progress, "freezing the log", 0);
        err = vt_serve_freeze(&home, &freeze, &cp, &why);
        vt_progress_end(&c.progress);
    }
    return err == VT_OK ? print_frozen(&c, &cp) : vt_cmd_fail(&c, err, &why);
}
