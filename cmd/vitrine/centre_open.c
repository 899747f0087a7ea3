/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre open, vitrine centre close
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/sealed.h"
#include "party.h"

struct args {
    const char *home;
    const char *source;
    const char *name;
    bool all;
    bool close;
};

static enum vt_err
check_sealed(const struct vt_home *home, const struct args *a, const struct vt_digest *source,
    struct vt_why *why)
{
    bool sealed = false;
    enum vt_err err = vt_sealed_is(home, source, &sealed, why);

    if (err == VT_OK && !sealed && !a->close)
        err = vt_fail(why, VT_E_NOENT,
            "%s: there is no sealed source of that name here; others are open to all",
            a->source);
    return err;
}

static enum vt_err
run(const struct args *a, struct vt_digest *source, struct vt_why *why)
{
    const struct vt_digest *which = a->all ? NULL : source;
    struct vt_home home;
    struct vt_sql *db = NULL;
    enum vt_err err = VT_OK;

    if (a->all == (a->source != NULL))
        return vt_fail(why, VT_E_USAGE, "give --source or --all, one of the two");
    if (which != NULL)
        err = vt_party_digest("--source", a->source, source, why);
    if (err == VT_OK)
        err = vt_centre_open(a->home, &home, &db, why);
    if (err == VT_OK && which != NULL)
        err = check_sealed(&home, a, source, why);
    if (err == VT_OK)
        err = a->close
                  ? vt_sealed_close(db, which, a->name, why)
                  : vt_sealed_open(db, which, a->name, vt_clock_now(&vt_clock_system), why);
    vt_sql_close(db);
    return err;
}

static int
both(struct vt_cmd *c, int argc, char **argv, struct args *a)
{
    const struct vt_opt opts[] = {
        {"source", 0, VT_OPT_STR, "sha256:HEX", "the sealed snapshot", &a->source, false},
        {"all", 'a', VT_OPT_FLAG, NULL, "all sealed snapshots, also those to come", &a->all,
            false},
        {"to", 't', VT_OPT_STR, "NAME", "the reviewer", &a->name, true},
        {.name = NULL},
    };
    struct vt_digest source;
    struct vt_why why = {0};
    enum vt_err err;
    int rc;

    c->args = "HOME --source sha256:HEX --to NAME";
    c->opts = opts;
    c->args_min = c->args_max = 1;
    rc = vt_cmd_parse(c, argc, argv);
    if (rc >= 0)
        return rc;
    a->home = c->argv[0];
    err = run(a, &source, &why);
    if (err != VT_OK)
        return vt_cmd_fail(c, err, &why);
    return vt_cmd_done(c,
        json_pack("{s:s, s:o, s:b}", "name", a->name, "source",
            a->all ? json_null() : vt_centre_digest_json(&source), "open", a->close ? 0 : 1),
        "%s is %s to %s", a->all ? "all sealed source" : a->source,
        a->close ? "closed" : "open", a->name);
}

int
vt_cmd_centre_open(int argc, char **argv)
{
    struct args a = {.close = false};
    struct vt_cmd c = {.name = "centre open",
        .summary = "open sealed source to a reviewer",
        .details = "What the reviewer opens then is recorded, marked and limited in its rate."};

    return both(&c, argc, argv, &a);
}

int
vt_cmd_centre_close(int argc, char **argv)
{
    struct args a = {.close = true};
    struct vt_cmd c = {.name = "centre close",
        .summary = "close sealed source to a reviewer",
        .details =
            "Takes back one `centre open`: who was given --all keeps that until --all is\n"
            "closed."};

    return both(&c, argc, argv, &a);
}
