/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine site init|run|reload
 */
#include "cmd.h"
#include "listen.h"

#include "base/log.h"
#include "centre/site.h"

#include <string.h>

/* The keys of a new site, as docs/guides/walkthrough.md names them. */
static const char *const key_names[] = {"log", "assembler", "release", "root", "centre"};
enum { KEYS = sizeof(key_names) / sizeof(key_names[0]) };

static enum vt_err
make_site(const char *dir, const char *name, const char *jurisdiction, const char *token_uri,
    struct vt_home *home, struct vt_vkey keys[KEYS], struct vt_why *why)
{
    struct vt_token *token = NULL;
    enum vt_err err = vt_home_token_open(token_uri, name, &token, why);

    if (err == VT_OK)
        err = vt_home_create(dir, VT_HOME_SITE, name, jurisdiction, home, why);
    for (size_t i = 0; i < KEYS && err == VT_OK; i++)
        err = vt_home_key_new(home, key_names[i], NULL, VT_NOTE_ED25519, token, &keys[i], why);
    vt_token_free(token);
    return err;
}

static int
print_site(const struct vt_cmd *c, const struct vt_home *home, const struct vt_vkey keys[KEYS])
{
    struct vt_buf b = VT_BUF(4096);
    json_t *all = json_object();
    char text[VT_VKEY_TEXT_MAX];
    int code;

    for (size_t i = 0; i < KEYS; i++) {
        vt_vkey_format(&keys[i], text);
        vt_buf_putf(&b, "\n  %-9s  %s", key_names[i], text);
        json_object_set_new(all, key_names[i], json_string(text));
    }
    code = vt_cmd_done(c,
        json_pack("{s:s, s:s, s:s, s:o}", "home", home->dir, "name", home->name, "jurisdiction",
            home->jurisdiction, "keys", all),
        "made the site %s in %s; write its policy to %s/policy. Its keys:%s", home->name,
        home->dir, home->dir, vt_buf_str(&b));
    vt_buf_release(&b);
    return code;
}

static int
site_init(int argc, char **argv)
{
    const char *name = NULL;
    const char *jurisdiction = "";
    const char *token = NULL;
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "NAME", "the site's name, such as zurich.example", &name,
            true},
        {"jurisdiction", 'j', VT_OPT_STR, "CC",
            "whose law holds there: two letters, such as CH", &jurisdiction, false},
        {"token", 0, VT_OPT_STR, "URI", "make the keys in this PKCS#11 token, not in files",
            &token, false},
        {0},
    };
    struct vt_cmd c = {.name = "site init",
        .args = "HOME --name NAME",
        .summary =
            "Makes a site's home with its keys: log, assembler, release, root and centre.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_vkey keys[KEYS];
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = make_site(c.argv[0], name, jurisdiction, token, &home, keys, &why);
    return err == VT_OK ? print_site(&c, &home, keys) : vt_cmd_fail(&c, err, &why);
}

static int
site_run(int argc, char **argv)
{
    struct vt_listen_cli l = {0};
    struct vt_site_opts run = {.how = &l.how};
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen; port 0 takes any free one",
            &run.listen, true},
        {"origin", 'o', VT_OPT_STR, "URL",
            "the page's address for browsers and passkeys; http://localhost:PORT when not said",
            &run.origin, false},
        {"web", 'w', VT_OPT_STR, "FOLDER",
            "the built page; the installed one, or the build tree's, when not said", &run.web,
            false},
        {"compress", 'z', VT_OPT_FLAG, NULL,
            "make compressed forms of the log's bundles too, when it is idle", &run.compress,
            false},
        VT_LISTEN_OPTS(&l),
        {0},
    };
    struct vt_cmd c = {.name = "site run",
        .args = "HOME --listen HOST:PORT",
        .summary = "Runs a site: its log, its signer and its Centre, until it is told to stop.",
        .details =
            "Needs HOME/policy. Writes the URL to HOME/run/url once it answers, and says "
            "what happens on standard error. When one of its processes dies all of them "
            "are started again. SIGTERM or SIGINT ends it in good order; SIGHUP has it take "
            "its policy again, as `vitrine site reload` does.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("site", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = vt_listen_cli_take(&l, &why);
    if (err == VT_OK)
        err = vt_home_open(c.argv[0], VT_HOME_SITE, &home, &why);
    if (err == VT_OK)
        err = vt_site_run(&home, &run, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    c.quiet = true; /* it has said on standard error what there was to say */
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "stopped"), "%s", "");
}

int
vt_cmd_site(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make a site's home and keys", site_init},
        {"run", "run a site: log, signers and Transparency Centre", site_run},
        {"reload", "have a site that runs take its policy again", vt_cmd_site_reload},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("site", "make and run a site", verbs, argc, argv);
}
