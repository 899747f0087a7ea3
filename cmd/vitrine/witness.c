/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine witness init|run
 */
#include "cmd.h"

#include "base/log.h"
#include "http/server.h"
#include "note/policy.h"
#include "store/home.h"
#include "store/policy_file.h"
#include "witness/service.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int
witness_init(int argc, char **argv)
{
    const char *name = NULL;
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "NAME", "the witness's name, such as witness-1.example",
            &name, true},
        {0},
    };
    struct vt_cmd c = {.name = "witness init",
        .args = "HOME --name NAME",
        .summary = "Makes a witness's home and its key.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    char text[VT_VKEY_TEXT_MAX];
    struct vt_home home;
    struct vt_vkey key;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = vt_home_create(c.argv[0], VT_HOME_WITNESS, name, "", &home, &why);
    if (err == VT_OK)
        err = vt_home_key_new(
            &home, "witness", home.name, VT_NOTE_COSIG_ED25519, NULL, &key, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_vkey_format(&key, text);
    return vt_cmd_done(&c,
        json_pack("{s:s, s:s, s:{s:s}}", "home", home.dir, "name", home.name, "keys", "witness",
            text),
        "made the witness %s in %s; its key:\n  %s", home.name, home.dir, text);
}

/* The logs named on the command line, and those of HOME/policy. */
struct logs {
    size_t count;
    struct vt_vkey key[VT_WITNESS_LOGS_MAX];
};

static enum vt_err
add_log(struct logs *l, const struct vt_vkey *key, struct vt_why *why)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->key[i].name, key->name) == 0 && vt_pubkey_eq(&l->key[i].pub, &key->pub))
            return VT_OK;
    if (l->count == VT_WITNESS_LOGS_MAX)
        return vt_fail(
            why, VT_E_USAGE, "a witness follows at most %u logs", VT_WITNESS_LOGS_MAX);
    l->key[l->count++] = *key;
    return VT_OK;
}

static enum vt_err
add_policy_logs(struct logs *l, const struct vt_home *home, struct vt_why *why)
{
    const struct vt_policy_party *p = NULL;
    struct vt_policy *policy = NULL;
    char path[VT_PATH_MAX];
    size_t n = 0;
    enum vt_err err = vt_home_path(home, path, why, "policy");

    if (err != VT_OK || !vt_file_exists(path))
        return err;
    err = vt_policy_load(path, &policy, why);
    if (err == VT_OK)
        n = vt_policy_logs(policy, &p);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = add_log(l, &p[i].key, why);
    vt_policy_free(policy);
    return err;
}

static enum vt_err
gather_logs(struct logs *l, const struct vt_home *home, const struct vt_opt_list *named,
    struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < named->count && err == VT_OK; i++) {
        struct vt_vkey key;

        err = vt_vkey_parse(named->item[i], strlen(named->item[i]), &key, why);
        if (err != VT_OK)
            return vt_fail(why, VT_E_USAGE, "--log %s: not a vkey", named->item[i]);
        err = add_log(l, &key, why);
    }
    if (err == VT_OK)
        err = add_policy_logs(l, home, why);
    if (err == VT_OK && l->count == 0)
        err = vt_fail(why, VT_E_USAGE,
            "which log? Give --log VKEY, or write `log` lines to %s/policy", home->dir);
    return err;
}

/* A descriptor that is readable once SIGTERM or SIGINT came. */
static enum vt_err
stop_signals(int *ret_fd, struct vt_why *why)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return *ret_fd < 0 ? vt_fail_errno(why, "cannot wait for signals") : VT_OK;
}

static enum vt_err
run(const struct vt_home *home, const struct logs *l, const char *address, struct vt_why *why)
{
    struct vt_witness *w = NULL;
    char records[VT_PATH_MAX];
    char key[VT_PATH_MAX];
    char url[128];
    int listen_fd = -1;
    int stop_fd = -1;
    enum vt_err err = vt_home_path(home, records, why, "records");

    if (err == VT_OK)
        err = vt_home_key_path(home, "witness", key, why);
    if (err == VT_OK)
        err = vt_witness_new(records, key, l->key, l->count, &vt_clock_system, &w, why);
    if (err == VT_OK)
        err = vt_http_listen(address, &listen_fd, url, why);
    if (err == VT_OK)
        err = stop_signals(&stop_fd, why);
    /* It listens already: who connects from now on is answered. */
    if (err == VT_OK)
        err = vt_home_announce(home, "run", url, why);
    if (err == VT_OK) {
        vt_log(VT_LOG_INFO, "%s answers at %s", home->name, url);
        err = vt_witness_serve(w, listen_fd, stop_fd, why);
    }
    vt_witness_free(w);
    if (listen_fd >= 0)
        close(listen_fd);
    if (stop_fd >= 0)
        close(stop_fd);
    return err;
}

static int
witness_run(int argc, char **argv)
{
    const char *address = NULL;
    struct vt_opt_list named = {0};
    const struct vt_opt opts[] = {
        {"listen", 'l', VT_OPT_STR, "HOST:PORT", "where to listen; port 0 takes any free one",
            &address, true},
        {"log", 0, VT_OPT_LIST, "VKEY", "a log to witness; may be given several times", &named,
            false},
        {0},
    };
    struct vt_cmd c = {.name = "witness run",
        .args = "HOME --listen HOST:PORT [--log VKEY]...",
        .summary = "Runs a witness: cosigns checkpoints of logs that only grow.",
        .details = "Follows the logs that --log and HOME/policy name. Speaks C2SP tlog-witness "
                   "at URL/add-checkpoint; writes the URL to HOME/run/url. What a log signed "
                   "against its own history is kept in HOME/records/evidence.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct logs logs = {0};
    struct vt_home home;
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("witness", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = vt_home_open(c.argv[0], VT_HOME_WITNESS, &home, &why);
    if (err == VT_OK)
        err = gather_logs(&logs, &home, &named, &why);
    if (err == VT_OK)
        err = run(&home, &logs, address, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    c.quiet = true;
    return vt_cmd_done(&c, json_pack("{s:s}", "result", "stopped"), "%s", "");
}

int
vt_cmd_witness(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make a witness's home and key", witness_init},
        {"run", "cosign checkpoints of logs", witness_run},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("witness", "make and run a witness", verbs, argc, argv);
}
