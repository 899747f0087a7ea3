/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log init
 */
#include "cmd.h"

#include "log/serve.h"

int
vt_cmd_log_init(int argc, char **argv)
{
    const char *name = NULL;
    const char *token = NULL;
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "ORIGIN",
            "the log's origin, which is its key's name, such as log.example/2026", &name, true},
        {"token", 0, VT_OPT_STR, "URI", "make the key in this PKCS#11 token, not in a file",
            &token, false},
        {0},
    };
    struct vt_cmd c = {.name = "log init",
        .args = "HOME --name ORIGIN",
        .summary = "Makes a log's home, its key and a policy to be edited.",
        .details =
            "The policy in HOME/policy names the log and asks for no witnesses: add their "
            "lines there before the log is used.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    char text[VT_VKEY_TEXT_MAX];
    struct vt_home home;
    struct vt_vkey key;
    struct vt_why why = {.text = ""};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = vt_serve_init(c.argv[0], name, token, &home, &key, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_vkey_format(&key, text);
    return vt_cmd_done(&c,
        json_pack(
            "{s:s, s:s, s:{s:s}}", "home", home.dir, "origin", home.name, "keys", "log", text),
        "made the log %s in %s; add its witnesses to %s/policy. Its key:\n  %s", home.name,
        home.dir, home.dir, text);
}
