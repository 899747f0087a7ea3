/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre assign
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/comment.h"
#include "party.h"
#include "review/path.h"
#include "search/library.h"

#include <stdio.h>
#include <string.h>

struct args {
    const char *home;
    const char *source;
    const char *path;
    const char *to;
};

static enum vt_err
found(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    (void)ctx;
    (void)f;
    (void)why;
    return VT_OK;
}

/* That the snapshot has the path, as far as sources are indexed. */
static enum vt_err
check_path(const struct vt_home *home, const struct vt_assignment *a, struct vt_why *why)
{
    struct vt_library *l = NULL;
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, dir, why, "centre/source");

    if (err == VT_OK && a->path[0] != '\0')
        err = vt_library_open(dir, false, &l, why);
    if (err == VT_OK && a->path[0] != '\0')
        err = vt_library_find(l, &a->source, a->path, found, NULL, why);
    vt_library_close(l);
    if (err == VT_E_NOENT)
        return vt_fail(
            why, err, "%.200s: the snapshot has no such path, or is not indexed yet", a->path);
    return err;
}

static enum vt_err
run(const struct args *g, struct vt_assignment *a, struct vt_why *why)
{
    struct vt_home home;
    struct vt_sql *db = NULL;
    enum vt_err err = vt_party_digest("--source", g->source, &a->source, why);

    if (err == VT_OK && g->path != NULL && !vt_review_path_ok(g->path))
        err = vt_fail(why, VT_E_USAGE, "--path %.200s: no path in a snapshot", g->path);
    if (err == VT_OK && strlen(g->to) > VT_KEY_NAME_MAX)
        err = vt_fail(why, VT_E_USAGE, "--to: no reviewer's name");
    if (err == VT_OK)
        err = vt_centre_open(g->home, &home, &db, why);
    if (err == VT_OK) {
        (void)snprintf(a->path, sizeof(a->path), "%s", g->path != NULL ? g->path : "");
        (void)snprintf(a->to, sizeof(a->to), "%s", g->to);
        (void)snprintf(a->by, sizeof(a->by), "%s", home.name);
        a->at = vt_clock_now(&vt_clock_system);
        err = check_path(&home, a, why);
    }
    if (err == VT_OK)
        err = vt_assignment_add(db, a, why);
    vt_sql_close(db);
    return err;
}

int
vt_cmd_centre_assign(int argc, char **argv)
{
    struct args g = {0};
    const struct vt_opt opts[] = {
        {"source", 0, VT_OPT_STR, "sha256:HEX", "the snapshot", &g.source, true},
        {"path", 'p', VT_OPT_STR, "PATH", "a file or folder of it (all of it)", &g.path, false},
        {"to", 't', VT_OPT_STR, "NAME", "the reviewer", &g.to, true},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "centre assign",
        .args = "HOME --source sha256:HEX --to NAME",
        .summary = "ask a reviewer to read a snapshot, or a part of it",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_assignment a = {.id = 0};
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (rc >= 0)
        return rc;
    g.home = c.argv[0];
    err = run(&g, &a, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c,
        json_pack("{s:I, s:o, s:s, s:s}", "id", (json_int_t)a.id, "source",
            vt_centre_digest_json(&a.source), "path", a.path, "to", a.to),
        "%s is to read %s", a.to, a.path[0] != '\0' ? a.path : "all of it");
}
