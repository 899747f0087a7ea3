/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre hook add|list|remove|test
 */
#include "centre.h"

#include "centre/herald.h"
#include "centre/hook.h"

#include <string.h>

static enum vt_err
open_hooks(const char *dir, struct vt_home *home, struct vt_hooks *hooks, struct vt_why *why)
{
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, home, why);

    return err == VT_OK ? vt_hooks_load(home, hooks, why) : err;
}

static int
hook_add(int argc, char **argv)
{
    const char *events = "release,mismatch";
    const struct vt_opt opts[] = {
        {"events", 'e', VT_OPT_STR, "LIST",
            "what to tell of, with commas between (release,mismatch)", &events, false},
        {0},
    };
    struct vt_cmd c = {.name = "centre hook add",
        .args = "HOME URL",
        .summary = "Has the site tell a URL of what happens in its log.",
        .details = "Events: checkpoint, release, mismatch, review, objection, request, grant, "
                   "run, erasure, relocation, receipt, shred; entry is all but the first. "
                   "What is sent is signed by the site's key `centre`; see "
                   "docs/formats/web-hook.md.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct vt_hooks hooks = {.count = 0};
    struct vt_home home;
    struct vt_why why = {0};
    char shown[VT_HOOK_SHOWN_SIZE];
    unsigned set = 0;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = open_hooks(c.argv[0], &home, &hooks, &why);
    if (err == VT_OK)
        err = vt_hook_parse_events(events, &set, &why);
    if (err == VT_OK)
        err = vt_hooks_add(&hooks, c.argv[1], set, &why);
    if (err == VT_OK)
        err = vt_hooks_save(&home, &hooks, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_hook_shown(c.argv[1], shown);
    return vt_cmd_done(&c,
        json_pack("{s:s, s:i}", "result", "added", "hooks", (int)hooks.count),
        "%s is told of %s", shown, events);
}

static int
hook_list(int argc, char **argv)
{
    struct vt_cmd c = {.name = "centre hook list",
        .args = "HOME",
        .summary = "Shows whom a site tells of what.",
        .args_min = 1,
        .args_max = 1};
    struct vt_hooks hooks = {.count = 0};
    struct vt_buf text = VT_BUF(65536), events = VT_BUF(1024);
    struct vt_home home;
    struct vt_why why = {0};
    json_t *items;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = open_hooks(c.argv[0], &home, &hooks, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    items = json_array();
    for (size_t i = 0; i < hooks.count; i++) {
        vt_buf_clear(&events);
        vt_hook_put_events(&events, hooks.hook[i].events);
        vt_buf_putf(
            &text, "%s%s %s", i > 0 ? "\n" : "", hooks.hook[i].url, vt_buf_str(&events));
        json_array_append_new(items,
            json_pack("{s:s, s:s}", "url", hooks.hook[i].url, "events", vt_buf_str(&events)));
    }
    code = vt_cmd_done(&c, json_pack("{s:o}", "items", items), "%s",
        hooks.count > 0 ? vt_buf_str(&text) : "no hooks");
    vt_buf_release(&text);
    vt_buf_release(&events);
    return code;
}

static int
hook_remove(int argc, char **argv)
{
    struct vt_cmd c = {.name = "centre hook remove",
        .args = "HOME URL",
        .summary = "Tells a URL no more.",
        .args_min = 2,
        .args_max = 2};
    struct vt_hooks hooks = {.count = 0};
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = open_hooks(c.argv[0], &home, &hooks, &why);
    if (err == VT_OK && !vt_hooks_remove(&hooks, c.argv[1]))
        err = vt_fail(&why, VT_E_USAGE, "there is no hook of that URL: see centre hook list");
    if (err == VT_OK)
        err = vt_hooks_save(&home, &hooks, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(
        &c, json_pack("{s:s, s:i}", "result", "removed", "hooks", (int)hooks.count), "removed");
}

static int
hook_test(int argc, char **argv)
{
    struct vt_cmd c = {.name = "centre hook test",
        .args = "HOME URL",
        .summary = "Sends a URL a ping, signed as all that a site sends.",
        .details = "The URL need not be among the hooks.",
        .args_min = 2,
        .args_max = 2};
    struct vt_home home;
    struct vt_herald_opts opts = {.home = &home};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = vt_home_open(c.argv[0], VT_HOME_SITE, &home, &why);
    if (err == VT_OK)
        err = vt_herald_ping(&opts, c.argv[1], &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "taken"), "the ping was taken");
}

int
vt_cmd_centre_hook(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"add", "tell a URL of what happens in the log", hook_add},
        {"list", "show whom the site tells", hook_list},
        {"remove", "tell a URL no more", hook_remove},
        {"test", "send a URL a ping", hook_test},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs(
        "centre hook", "Tell others what happens in a site's log.", verbs, argc, argv);
}
