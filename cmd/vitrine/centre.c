/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre: what a site shows of itself, who may review there, and what they opened. The
 * verbs stand in files of their own, centre_*.c; here is what several of them share. Those
 * about reviewers write the desk's tables, while the site runs or not, and take effect at once.
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/account.h"
#include "centre/desk_db.h"

#include <stdio.h>

enum vt_err
vt_centre_open(const char *dir, struct vt_home *ret, struct vt_sql **ret_db, struct vt_why *why)
{
    enum vt_err err = vt_home_open(dir, VT_HOME_SITE, ret, why);

    return err == VT_OK ? vt_desk_db_open(ret, ret_db, why) : err;
}

json_t *
vt_centre_roles_json(unsigned roles)
{
    json_t *list = json_array();

    for (unsigned role = 1; role <= VT_ROLES_ALL; role <<= 1)
        if ((roles & role) != 0)
            (void)json_array_append_new(list, json_string(vt_role_name(role)));
    return list;
}

void
vt_centre_roles_text(unsigned roles, char *ret, size_t size)
{
    size_t len = 0;

    ret[0] = '\0';
    for (unsigned role = 1; role <= VT_ROLES_ALL; role <<= 1) {
        if ((roles & role) == 0 || len >= size)
            continue;
        int n = snprintf(ret + len, size - len, "%s%s", len > 0 ? "," : "", vt_role_name(role));
        len += n > 0 ? (size_t)n : 0;
    }
}

json_t *
vt_centre_digest_json(const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    return json_sprintf("sha256:%s", hex);
}

json_t *
vt_centre_time_json(int64_t t)
{
    char text[VT_TIME_SIZE];

    if (t == 0)
        return json_null();
    vt_time_format(t, text);
    return json_string(text);
}

int
vt_cmd_centre(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"invite", "make a link with which a reviewer registers", vt_cmd_centre_invite},
        {"accounts", "list the reviewers, with their lines for the policy",
            vt_cmd_centre_accounts},
        {"revoke", "end a reviewer's account", vt_cmd_centre_revoke},
        {"clear", "let a passkey in again that seemed to be copied", vt_cmd_centre_clear},
        {"assign", "ask a reviewer to read something", vt_cmd_centre_assign},
        {"open", "open sealed source to a reviewer", vt_cmd_centre_open},
        {"close", "close sealed source to a reviewer", vt_cmd_centre_close},
        {"rates", "say how much sealed source a reviewer may open", vt_cmd_centre_rates},
        {"visits", "show who opened what, and publish its record", vt_cmd_centre_visits},
        {"index", "make the Centre's facts and library from the log", vt_cmd_centre_index},
        {"hook", "tell others what happens in the log", vt_cmd_centre_hook},
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs("centre", "The Transparency Centre of a site.", verbs, argc, argv);
}
