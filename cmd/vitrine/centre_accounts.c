/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre accounts
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/account.h"
#include "centre/sealed.h"

#include <string.h>

struct shown {
    json_t *accounts;
    json_t *open;
    struct vt_buf text;
};

static enum vt_err
add_account(void *ctx, const struct vt_account *a, struct vt_why *why)
{
    struct shown *s = ctx;
    char roles[64];
    char since[VT_TIME_SIZE];
    const char *state = a->revoked != 0 ? "revoked" : a->cloned ? "cloned?" : "active";

    (void)why;
    vt_centre_roles_text(a->roles, roles, sizeof(roles));
    vt_time_format(a->since, since);
    (void)json_array_append_new(s->accounts,
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:I, s:o, s:o, s:o}", "name", a->name,
            "organisation", a->organisation, "roles", vt_centre_roles_json(a->roles), "state",
            state, "vkey", a->vkey, "counter", (json_int_t)a->counter, "since",
            vt_centre_time_json(a->since), "revoked", vt_centre_time_json(a->revoked),
            "policy_line",
            json_sprintf("signer %.*s %s", (int)strcspn(a->name, "."), a->name, a->vkey)));
    vt_buf_putf(&s->text, "%s of %s: %s, since %s%s%s\n  signer %.*s %s\n", a->name,
        a->organisation, roles, since, a->revoked != 0 || a->cloned ? ", " : "",
        a->revoked != 0 || a->cloned ? state : "", (int)strcspn(a->name, "."), a->name,
        a->vkey);
    return VT_OK;
}

static enum vt_err
add_open(
    void *ctx, const struct vt_digest *source, const char *name, int64_t at, struct vt_why *why)
{
    struct shown *s = ctx;
    char hex[VT_DIGEST_HEX_SIZE] = "";

    (void)why;
    if (source != NULL)
        vt_digest_hex(source, hex);
    (void)json_array_append_new(
        s->open, json_pack("{s:s, s:o, s:o}", "name", name, "source",
                     source != NULL ? vt_centre_digest_json(source) : json_null(), "since",
                     vt_centre_time_json(at)));
    vt_buf_putf(&s->text, "open to %s: %s%s\n", name,
        source != NULL ? "sha256:" : "all sealed source", hex);
    return VT_OK;
}

static enum vt_err
gather(const char *dir, bool all, struct shown *s, struct vt_why *why)
{
    struct vt_home home;
    struct vt_sql *db = NULL;
    enum vt_err err = vt_centre_open(dir, &home, &db, why);

    if (err == VT_OK)
        err = vt_account_each(db, all, add_account, s, why);
    if (err == VT_OK)
        err = vt_sealed_each(db, add_open, s, why);
    if (err == VT_OK && s->text.len == 0)
        vt_buf_puts(&s->text, "nobody has an account yet: `vitrine centre invite`\n");
    if (err == VT_OK)
        err = vt_buf_check(&s->text, "the list", why);
    vt_sql_close(db);
    return err;
}

int
vt_cmd_centre_accounts(int argc, char **argv)
{
    bool all = false;
    const struct vt_opt opts[] = {
        {"all", 'a', VT_OPT_FLAG, NULL, "those that were revoked too", &all, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "centre accounts",
        .args = "HOME",
        .summary = "list the reviewers, and the lines that name them in a policy",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct shown s = {.text = VT_BUF(64U << 20)};
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (rc >= 0)
        return rc;
    s.accounts = json_array();
    s.open = json_array();
    err = gather(c.argv[0], all, &s, &why);
    if (err != VT_OK)
        rc = vt_cmd_fail(&c, err, &why);
    else
        rc = vt_cmd_done(&c, json_pack("{s:O, s:O}", "accounts", s.accounts, "open", s.open),
            "%.*s", (int)s.text.len - 1, vt_buf_str(&s.text));
    json_decref(s.accounts);
    json_decref(s.open);
    vt_buf_release(&s.text);
    return rc;
}
