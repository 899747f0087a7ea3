/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_site.h"

#include "crypto/signer.h"
#include "store/policy_file.h"
#include "vault/place.h"

static enum vt_err
open_trust(struct vt_vault_site *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(&s->home, path, why, "policy");

    if (err == VT_OK)
        err = vt_policy_load(path, &s->trust, why);
    if (err == VT_E_NOENT)
        err =
            vt_fail(why, VT_E_CONFIG, "%s: there is no policy yet: write whom you trust", path);
    return err;
}

static enum vt_err
open_ledger(struct vt_vault_site *s, struct vt_why *why)
{
    struct vt_vault_conf conf;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_conf_load(&s->home, &conf, why);

    if (err == VT_OK)
        err = vt_home_key_path(&s->home, "vault", path, why);
    if (err == VT_OK)
        err = vt_signer_spawn(
            path, VT_SIGN_BIT(VT_SIGN_ENTRY) | VT_SIGN_BIT(VT_SIGN_VAULT), &s->signer, why);
    if (err == VT_OK)
        err = vt_desk_new(conf.ledger, s->trust, s->signer, &s->desk, why);
    return err == VT_OK ? vt_desk_refresh(s->desk, why) : err;
}

enum vt_err
vt_vault_site_open(struct vt_vault_site *s, const char *dir, unsigned parts, struct vt_why *why)
{
    struct vt_vault_conf conf;
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, &s->home, why);

    if (err == VT_OK)
        err = open_trust(s, why);
    if (err == VT_OK && parts != 0)
        err = vt_vault_conf_load(&s->home, &conf, why);
    if (err == VT_OK && (parts & VT_VAULT_KEEPER) != 0)
        err = vt_keeper_open(&s->home, &s->keeper, why);
    if (err == VT_OK && (parts & VT_VAULT_LEDGER) != 0)
        err = open_ledger(s, why);
    return err;
}

void
vt_vault_site_release(struct vt_vault_site *s)
{
    vt_desk_free(s->desk);
    vt_signer_free(s->signer);
    if (s->keeper != NULL)
        vt_keeper_close(s->keeper);
    vt_policy_free(s->trust);
    *s = (struct vt_vault_site){0};
}
