/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre invite
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/account.h"
#include "centre/desk_db.h"

#include <stdio.h>
#include <string.h>

#define HOURS_USUAL 72U
#define HOURS_MOST (24U * 90U)
#define ORIGIN_MAX 512

struct args {
    const char *home;
    const char *name;
    const char *organisation;
    struct vt_opt_list roles;
    uint64_t hours;
};

static enum vt_err
fill(const struct args *a, struct vt_invitation *i, struct vt_why *why)
{
    if (strlen(a->name) >= sizeof(i->name) ||
        strlen(a->organisation) >= sizeof(i->organisation))
        return vt_fail(why, VT_E_USAGE, "the name or the organisation is too long");
    if (a->hours == 0 || a->hours > HOURS_MOST)
        return vt_fail(why, VT_E_USAGE, "--expires: 1 to %u hours", HOURS_MOST);
    (void)snprintf(i->name, sizeof(i->name), "%s", a->name);
    (void)snprintf(i->organisation, sizeof(i->organisation), "%s", a->organisation);
    i->expires = vt_clock_now(&vt_clock_system) + (int64_t)a->hours * 3600;
    i->roles = a->roles.count == 0 ? VT_ROLE_REVIEWER : 0;
    for (size_t k = 0; k < a->roles.count; k++) {
        unsigned role = vt_role_parse(a->roles.item[k]);

        if (role == 0)
            return vt_fail(
                why, VT_E_USAGE, "--role %.40s: reader, reviewer or lead", a->roles.item[k]);
        i->roles |= role;
    }
    return VT_OK;
}

static enum vt_err
run(const struct args *a, struct vt_invitation *i, char origin[ORIGIN_MAX],
    char token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why)
{
    struct vt_home home;
    struct vt_sql *db = NULL;
    enum vt_err err = fill(a, i, why);

    if (err == VT_OK)
        err = vt_centre_open(a->home, &home, &db, why);
    if (err == VT_OK)
        err = vt_desk_db_origin(db, origin, ORIGIN_MAX, why);
    if (err == VT_OK)
        err = vt_invitation_new(db, i, token, why);
    vt_sql_close(db);
    return err;
}

static int
report(const struct vt_cmd *c, const struct vt_invitation *i, const char *origin,
    const char *token)
{
    char expires[VT_TIME_SIZE];
    char roles[64];

    vt_time_format(i->expires, expires);
    vt_centre_roles_text(i->roles, roles, sizeof(roles));
    return vt_cmd_done(c,
        json_pack("{s:s, s:s, s:o, s:s, s:o}", "name", i->name, "organisation", i->organisation,
            "roles", vt_centre_roles_json(i->roles), "expires", expires, "link",
            json_sprintf("%s/join#%s", origin, token)),
        "%s of %s may register as %s until %s, once:\n  %s/join#%s", i->name, i->organisation,
        roles, expires, origin, token);
}

int
vt_cmd_centre_invite(int argc, char **argv)
{
    struct args a = {.hours = HOURS_USUAL};
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "NAME",
            "the reviewer's name, as signatures will show it: alice.example", &a.name, true},
        {"organisation", 'o', VT_OPT_STR, "NAME", "for whom the reviewer reads",
            &a.organisation, true},
        {"role", 'r', VT_OPT_LIST, "ROLE",
            "reader, reviewer or lead; may be given several times (reviewer)", &a.roles, false},
        {"expires", 0, VT_OPT_U64, "H", "hours that the link is good for (72)", &a.hours,
            false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "centre invite",
        .args = "HOME --name NAME --organisation NAME",
        .summary = "make a link with which a reviewer registers a passkey",
        .details = "The link is good once. Hand it over in a way that nobody else reads.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_invitation i = {.roles = 0};
    char token[VT_ACCOUNT_TOKEN_TEXT] = "";
    char origin[ORIGIN_MAX] = "";
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (rc >= 0)
        return rc;
    a.home = c.argv[0];
    err = run(&a, &i, origin, token, &why);
    rc = err != VT_OK ? vt_cmd_fail(&c, err, &why) : report(&c, &i, origin, token);
    vt_wipe(token, sizeof(token));
    return rc;
}
