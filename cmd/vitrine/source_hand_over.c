/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine source hand-over
 */
#include "cmd.h"
#include "party.h"
#include "store/store.h"

struct result {
    struct vt_digest source;
    uint64_t size;
};

static enum vt_err
run(const char *dir, const char *source, const char *to, struct result *r, struct vt_why *why)
{
    struct vt_home home;
    struct vt_store *sealed = NULL;
    struct vt_store *out = NULL;
    char path[VT_DIGEST_HEX_SIZE + 4096];
    enum vt_err err;

    if ((err = vt_party_digest("SOURCE", source, &r->source, why)) != VT_OK ||
        (err = vt_home_open(dir, VT_HOME_SITE, &home, why)) != VT_OK ||
        (err = vt_home_path(&home, path, why, VT_STORE_SEALED)) != VT_OK ||
        (err = vt_store_open_dir(path, &sealed, why)) != VT_OK)
        return err;
    err = vt_store_path(sealed, &r->source, path, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, err, "there is no sealed source of that name here");
    if (err == VT_OK)
        err = vt_dir_make(to, 0700, why);
    if (err == VT_OK)
        err = vt_store_open_dir(to, &out, why);
    if (err == VT_OK)
        err = vt_store_put_file(out, path, &r->source, NULL, &r->size, why);
    vt_store_free(sealed);
    vt_store_free(out);
    return err;
}

int
vt_cmd_source_hand_over(int argc, char **argv)
{
    const char *to = NULL;
    const struct vt_opt opts[] = {
        {"to", 't', VT_OPT_STR, "DIR", "the folder that is handed over, made when missing", &to,
            true},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "source hand-over",
        .args = "HOME SOURCE --to DIR",
        .summary = "copy a sealed source out, for a party that is to rebuild from it",
        .details =
            "SOURCE is sha256:HEX, as `source add` named it. The party gives the folder\n"
            "to `vitrine rebuild run --source-dir DIR`.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct result r = {.size = 0};
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (rc >= 0)
        return rc;
    err = run(c.argv[0], c.argv[1], to, &r, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_digest_hex(&r.source, hex);
    return vt_cmd_done(&c,
        json_pack("{s:o, s:I, s:s}", "source", json_sprintf("sha256:%s", hex), "size",
            (json_int_t)r.size, "to", to),
        "sha256:%s is in %s", hex, to);
}
