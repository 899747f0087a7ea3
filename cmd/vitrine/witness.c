/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine witness init|run|logs
 */
#include "witness.h"

#include "crypto/mldsa.h"
#include "note/policy.h"
#include "store/policy_file.h"
#include "witness/records.h"

#include <string.h>

struct init {
    const char *name;
    const char *token;
    bool mldsa;
    struct vt_home home;
    struct vt_vkey key;
    struct vt_vkey mldsa_key;
};

/* Before its keys: where they are, there is a record of what they have cosigned. */
static enum vt_err
make_records(const struct vt_home *home, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "records");

    return err == VT_OK ? vt_witness_records_make(path, why) : err;
}

static enum vt_err
make_home(struct init *init, const char *dir, struct vt_why *why)
{
    struct vt_token *token = NULL;
    enum vt_err err = VT_OK;

    /* Before anything is made. */
    if (init->mldsa)
        err = vt_mldsa_available(why);
    if (err == VT_OK)
        err = vt_home_token_open(init->token, init->name, &token, why);
    if (err == VT_OK)
        err = vt_home_create(dir, VT_HOME_WITNESS, init->name, "", &init->home, why);
    if (err == VT_OK)
        err = make_records(&init->home, why);
    if (err == VT_OK)
        err = vt_home_key_new(&init->home, "witness", init->home.name, VT_NOTE_COSIG_ED25519,
            token, &init->key, why);
    if (err == VT_OK && init->mldsa)
        err = vt_home_key_new(&init->home, "witness-mldsa", init->home.name,
            VT_NOTE_COSIG_MLDSA44, NULL, &init->mldsa_key, why);
    vt_token_free(token);
    return err;
}

static int
witness_init(int argc, char **argv)
{
    struct init init = {0};
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "NAME", "the witness's name, such as witness-1.example",
            &init.name, true},
        {"ml-dsa", 0, VT_OPT_FLAG, NULL,
            "make an ML-DSA-44 key too, for a second line in each cosignature", &init.mldsa,
            false},
        {"token", 0, VT_OPT_STR, "URI",
            "make the Ed25519 key in this PKCS#11 token, not in a file", &init.token, false},
        {0},
    };
    struct vt_cmd c = {.name = "witness init",
        .args = "HOME --name NAME [--ml-dsa]",
        .summary = "Makes a witness's home, its keys and its empty journal.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    char text[VT_VKEY_TEXT_MAX];
    char second[VT_VKEY_TEXT_MAX] = "";
    struct vt_why why = {0};
    json_t *keys;
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = make_home(&init, c.argv[0], &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_vkey_format(&init.key, text);
    keys = json_pack("{s:s}", "witness", text);
    if (init.mldsa) {
        vt_vkey_format(&init.mldsa_key, second);
        json_object_set_new(keys, "witness-mldsa", json_string(second));
    }
    return vt_cmd_done(&c,
        json_pack(
            "{s:s, s:s, s:o}", "home", init.home.dir, "name", init.home.name, "keys", keys),
        "made the witness %s in %s; its key:\n  %s%s%s", init.home.name, init.home.dir, text,
        init.mldsa ? "\n  " : "", second);
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
