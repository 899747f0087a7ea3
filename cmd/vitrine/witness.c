/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine witness init|run|logs
 */
#include "witness.h"

#include "note/policy.h"
#include "store/policy_file.h"

#include <string.h>

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

static enum vt_err
add_policy_logs(struct vt_witness_list *l, const struct vt_home *home, struct vt_why *why)
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
        err = vt_witness_list_add(l, NULL, &p[i].key, why);
    vt_policy_free(policy);
    return err;
}

enum vt_err
vt_witness_gather(struct vt_witness_list *l, const struct vt_home *home,
    const struct vt_opt_list *named, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < named->count && err == VT_OK; i++) {
        struct vt_vkey key;

        err = vt_vkey_parse(named->item[i], strlen(named->item[i]), &key, why);
        if (err != VT_OK)
            return vt_fail(why, VT_E_USAGE, "--log %s: not a vkey", named->item[i]);
        err = vt_witness_list_add(l, NULL, &key, why);
    }
    if (err == VT_OK)
        err = add_policy_logs(l, home, why);
    if (err == VT_OK)
        err = vt_home_path(home, path, why, "logs");
    if (err == VT_OK)
        err = vt_witness_list_load(l, path, why);
    return err;
}

int
vt_cmd_witness(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make a witness's home and key", witness_init},
        {"run", "cosign checkpoints of logs", vt_cmd_witness_run},
        {"logs", "list the logs and what was cosigned of them", vt_cmd_witness_logs},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("witness", "make and run a witness", verbs, argc, argv);
}
