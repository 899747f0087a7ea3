/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault init
 */
#include "vault.h"

#include "crypto/secret.h"
#include "vault/keeper.h"
#include "vault/place.h"

#include <stdlib.h>
#include <string.h>

struct init {
    const char *ledger;
    const char *token;
    const char *key_token;
    bool no_passphrase;
    struct vt_home home;
    struct vt_vkey key;
    struct vt_box_public box;
};

/* The passphrase of the root key: from the file that VITRINE_PASSPHRASE_FILE names, or typed
 * twice. */
static enum vt_err
new_passphrase(struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf again = {.max = VT_PASSPHRASE_MAX, .secret = true};
    const char *file = getenv("VITRINE_PASSPHRASE_FILE");
    enum vt_err err;

    if (file != NULL && file[0] != '\0')
        return vt_passphrase_from_file(file, b, why);
    err = vt_passphrase_ask("new passphrase for the vault's root key", b, why);
    if (err == VT_OK)
        err = vt_passphrase_ask("the same again", &again, why);
    if (err == VT_OK && strcmp(vt_buf_str(b), vt_buf_str(&again)) != 0)
        err = vt_fail(why, VT_E_USAGE, "the two passphrases differ; nothing was made");
    vt_buf_release(&again);
    return err;
}

/* A ring that a killed run made is taken as it is. */
static enum vt_err
known_ring(struct init *n, struct vt_why *why)
{
    struct vt_keeper_status status;
    struct vt_keeper *k = NULL;
    enum vt_err err = vt_keeper_open(&n->home, &k, why);

    if (err == VT_OK)
        err = vt_keeper_status(k, &status, why);
    if (err == VT_OK)
        n->box = status.box;
    vt_keeper_close(k);
    return err;
}

static enum vt_err
make_ring(struct init *n, struct vt_why *why)
{
    struct vt_buf pass = {.max = VT_PASSPHRASE_MAX, .secret = true};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(&n->home, path, why, "ring/snapshot");

    if (err == VT_OK && vt_file_exists(path))
        return known_ring(n, why);
    if (err == VT_OK && n->token == NULL && !n->no_passphrase)
        err = new_passphrase(&pass, why);
    if (err == VT_OK)
        err = vt_keeper_init(&n->home, n->token != NULL ? VT_ROOT_TOKEN : VT_ROOT_FILE,
            n->token, pass.len > 0 ? vt_buf_str(&pass) : NULL, &n->box, why);
    vt_buf_release(&pass);
    return err;
}

static enum vt_err
make_key(struct init *n, struct vt_why *why)
{
    struct vt_token *token = NULL;
    enum vt_err err = vt_home_token_open(n->key_token, n->home.name, &token, why);

    if (err == VT_OK)
        err = vt_home_key_new(&n->home, "vault", NULL, VT_NOTE_ED25519, token, &n->key, why);
    vt_token_free(token);
    return err == VT_E_EXIST ? vt_home_vkey(&n->home, "vault", &n->key, why) : err;
}

/* vault.conf is the last file that is written: without it there is no vault. */
static enum vt_err
make_vault(struct init *n, const char *dir, struct vt_why *why)
{
    struct vt_vault_conf conf = {0};
    char path[VT_PATH_MAX];
    size_t len = strlen(n->ledger);
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, &n->home, why);

    if (err == VT_OK && (len == 0 || len >= sizeof conf.ledger))
        err = vt_fail(why, VT_E_USAGE, "--ledger: no URL");
    if (err == VT_OK && n->token != NULL && n->no_passphrase)
        err = vt_fail(why, VT_E_USAGE, "--token and --no-passphrase: a token has its PIN");
    if (err == VT_OK)
        err = vt_vault_path(&n->home, path, why, "vault.conf");
    if (err == VT_OK && vt_file_exists(path))
        err = vt_fail(why, VT_E_EXIST, "%s has a vault already", n->home.dir);
    if (err == VT_OK)
        err = make_ring(n, why);
    if (err == VT_OK)
        err = make_key(n, why);
    memcpy(conf.ledger, n->ledger, len < sizeof conf.ledger ? len : 0);
    return err == VT_OK ? vt_vault_conf_save(&n->home, &conf, why) : err;
}

static int
print_vault(const struct vt_cmd *c, const struct init *n)
{
    char vkey[VT_VKEY_TEXT_MAX], box[VT_BOX_TEXT_MAX];

    vt_vkey_format(&n->key, vkey);
    vt_box_public_format(&n->box, box);
    return vt_cmd_done(c,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "home", n->home.dir, "name", n->home.name,
            "vkey", vkey, "box", box, "root", n->token != NULL ? "token" : "file", "keeper",
            json_sprintf("keeper %s %s %s", n->home.name, vkey, box)),
        "made the vault of %s; its line for the vault policy:\nkeeper %s %s %s", n->home.name,
        n->home.name, vkey, box);
}

int
vt_cmd_vault_init(int argc, char **argv)
{
    struct init n = {0};
    const struct vt_opt opts[] = {
        {"ledger", 0, VT_OPT_STR, "URL", "the log that the vault writes to", &n.ledger, true},
        {"token", 0, VT_OPT_STR, "URI", "keep the root key in the PKCS#11 token of this URI",
            &n.token, false},
        {"key-token", 0, VT_OPT_STR, "URI", "make the signing key in this PKCS#11 token",
            &n.key_token, false},
        {"no-passphrase", 0, VT_OPT_FLAG, NULL, "do not encrypt the root key's file",
            &n.no_passphrase, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault init",
        .args = "SITE-HOME --ledger URL",
        .summary = "Makes a site's vault: its signing key, its key ring and its box key.",
        .details = "Without --token the root key is a file, encrypted under a passphrase: the "
                   "first line of the file that VITRINE_PASSPHRASE_FILE names, or one that is "
                   "asked for. Prints the `keeper` line for the vault policy.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = make_vault(&n, c.argv[0], &why);
    return err == VT_OK ? print_vault(&c, &n) : vt_cmd_fail(&c, err, &why);
}
