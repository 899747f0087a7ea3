/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log gc: clearing up a log.
 */
#include "cmd.h"

#include "log/gc.h"
#include "store/home.h"
#include "store/policy_file.h"

struct gc {
    bool wal;
    struct vt_gc_freed partials;
    struct vt_gc_freed files;
};

static enum vt_err
clear(const char *dir, struct gc *g, struct vt_progress *progress, struct vt_why *why)
{
    struct vt_policy *policy = NULL;
    struct vt_home home;
    char public_dir[VT_PATH_MAX];
    char log_dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_open(dir, 0, &home, why);

    if (err == VT_OK && home.kind != VT_HOME_SITE && home.kind != VT_HOME_LOG)
        err = vt_fail(why, VT_E_USAGE, "%s is the home of no log", dir);
    if (err == VT_OK)
        err = vt_home_path(&home, path, why, "policy");
    if (err == VT_OK)
        err = vt_policy_load(path, &policy, why);
    if (err == VT_OK)
        err = vt_home_path(&home, public_dir, why, "public");
    if (err == VT_OK)
        err = vt_home_path(&home, log_dir, why, "log");
    if (err == VT_OK)
        err = vt_gc_partials(log_dir, public_dir, policy, progress, &g->partials, why);
    if (err == VT_OK && g->wal)
        err = vt_gc_wal(log_dir, public_dir, policy, progress, &g->files, why);
    vt_policy_free(policy);
    return err;
}

static json_t *
freed_json(const struct vt_gc_freed *f)
{
    return json_pack(
        "{s:I, s:I}", "files", (json_int_t)f->files, "bytes", (json_int_t)f->bytes);
}

static int
print_freed(const struct vt_cmd *c, const struct gc *g)
{
    struct vt_buf text = VT_BUF(1024);
    json_t *o = json_pack("{s:I, s:o, s:I}", "entries", (json_int_t)g->partials.size,
        "partial_tiles", freed_json(&g->partials), "kept", (json_int_t)g->partials.kept);
    int code;

    vt_buf_putf(&text, "%llu partial tiles of %llu bytes removed",
        (unsigned long long)g->partials.files, (unsigned long long)g->partials.bytes);
    if (g->partials.kept > 0)
        vt_buf_putf(&text, "; of %llu tiles the full form is missing: run `vitrine log check`",
            (unsigned long long)g->partials.kept);
    if (g->wal) {
        json_object_set_new(o, "wal", freed_json(&g->files));
        json_object_set_new(o, "wal_first", json_integer((json_int_t)g->files.upto));
        vt_buf_putf(&text,
            "; %llu files of the write-ahead log of %llu bytes removed, it begins with entry "
            "%llu",
            (unsigned long long)g->files.files, (unsigned long long)g->files.bytes,
            (unsigned long long)g->files.upto);
    }
    code = vt_cmd_done(c, o, "%s", vt_buf_str(&text));
    vt_buf_release(&text);
    return code;
}

int
vt_cmd_log_gc(int argc, char **argv)
{
    struct gc g = {0};
    const struct vt_opt opts[] = {{"wal", 'w', VT_OPT_FLAG, NULL,
                                      "also files of the write-ahead log whose entries are "
                                      "published; the log must not run",
                                      &g.wal, false},
        {0}};
    struct vt_cmd c = {.name = "log gc",
        .args = "HOME [--wal]",
        .summary = "Removes what the published checkpoint has made superfluous.",
        .details = "Partial tiles that full ones have replaced: also while the log runs. With "
                   "--wal the write-ahead log's older files, after every bundle that holds "
                   "their entries was read and proven. May be stopped at any time.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = clear(c.argv[0], &g, &c.progress, &why);
    return err == VT_OK ? print_freed(&c, &g) : vt_cmd_fail(&c, err, &why);
}
