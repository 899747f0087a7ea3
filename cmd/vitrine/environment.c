/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine environment add
 */
#include "cmd.h"

#include "assembly/commission.h"
#include "assembly/environment.h"
#include "assembly/recipe.h"
#include "log/reader.h"
#include "party.h"

#include <inttypes.h>
#include <string.h>

#define PUBLISHED_MS 60000

struct args {
    const char *recipe;
    const char *site;
    const char *cache;
};

struct result {
    struct vt_digest manifest;
    struct vt_digest root;
    char path[VT_PATH_MAX];
    char distribution[VT_STATEMENT_WORD_SIZE];
    uint64_t packages;
    uint64_t index;
};

static enum vt_err
resolve(const struct args *a, struct vt_store *store, const char *cache,
    struct vt_progress *progress, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(VT_RECIPE_MAX);
    struct vt_recipe *recipe = NULL;
    const char *const *names;
    size_t count;
    enum vt_err err = vt_file_read(a->recipe, &text, why);

    if (err == VT_OK) {
        err = vt_recipe_parse(text.data, text.len, &recipe, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", a->recipe);
    }
    if (err == VT_OK) {
        names = vt_recipe_packages(recipe, &count);
        err = vt_environment_resolve(store, names, count, cache, progress, ret, why);
    }
    vt_recipe_free(recipe);
    vt_buf_release(&text);
    return err;
}

/* Logs it and tells what it is; the root folder is made on the way. */
static enum vt_err
log_and_tell(const struct vt_party *p, struct vt_store *store, const char *cache,
    struct vt_progress *progress, struct result *ret, struct vt_why *why)
{
    const struct vt_record record = {
        .home = &p->home, .http = p->http, .url = p->url, .signer = p->signer};
    struct vt_environment *e = NULL;
    enum vt_err err;

    if ((err = vt_commission_environment(&record, store, &ret->manifest, cache, progress,
             ret->path, &ret->index, why)) != VT_OK ||
        (err = vt_environment_root(
             store, &ret->manifest, cache, progress, ret->path, &ret->root, why)) != VT_OK ||
        (err = vt_environment_load(store, &ret->manifest, &e, why)) != VT_OK)
        return err;
    ret->packages = e->count;
    memcpy(ret->distribution, e->distribution, sizeof ret->distribution);
    vt_environment_free(e);
    return vt_log_wait_published(p->http, p->url, p->policy, ret->index, PUBLISHED_MS, why);
}

static enum vt_err
run(const struct args *a, struct vt_party *p, struct vt_progress *progress, struct result *ret,
    struct vt_why *why)
{
    struct vt_store *store = NULL;
    char objects[VT_PATH_MAX];
    char cache[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_party_open(p, a->site, VT_HOME_SITE, "assembler",
             VT_SIGN_BIT(VT_SIGN_DSSE) | VT_SIGN_BIT(VT_SIGN_ENTRY), NULL, why)) != VT_OK ||
        (err = vt_home_path(&p->home, objects, why, "public/objects")) != VT_OK ||
        (err = a->cache != NULL ? vt_path(cache, why, "%s", a->cache)
                                : vt_home_path(&p->home, cache, why, "cache")) != VT_OK ||
        (err = vt_store_open_dir(objects, &store, why)) != VT_OK)
        return err;
    err = resolve(a, store, cache, progress, &ret->manifest, why);
    if (err == VT_OK)
        err = log_and_tell(p, store, cache, progress, ret, why);
    vt_store_free(store);
    return err;
}

static int
report(const struct vt_cmd *c, const struct result *r)
{
    char manifest[VT_DIGEST_HEX_SIZE];
    char root[VT_DIGEST_HEX_SIZE];
    json_t *v;

    vt_digest_hex(&r->manifest, manifest);
    vt_digest_hex(&r->root, root);
    v = json_pack("{s:o, s:o, s:s, s:s, s:I, s:I}", "environment",
        json_sprintf("sha256:%s", manifest), "root", json_sprintf("sha256:%s", root), "path",
        r->path, "distribution", r->distribution, "packages", (json_int_t)r->packages, "entry",
        (json_int_t)r->index);
    return vt_cmd_done(c, v,
        "environment logged as entry %" PRIu64 ": %" PRIu64 " packages of %s\n  sha256:%s",
        r->index, r->packages, r->distribution, manifest);
}

static int
add(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &a.site, true},
        {"cache", 0, VT_OPT_STR, "DIR", "where root folders are kept (SITE/cache)", &a.cache,
            false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "environment add",
        .args = "RECIPE --site DIR",
        .summary = "make a recipe's environment of Debian packages, and log it",
        .details =
            "Resolves the recipe's packages with this machine's apt, stores every package, "
            "makes the root folder of them alone, and logs the environment. The site must "
            "run. Needs no root, but mmdebstrap.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_party p = {0};
    struct result r = {0};
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc < 0) {
        enum vt_err err;

        a.recipe = c.argv[0];
        err = run(&a, &p, &c.progress, &r, &why);
        rc = err != VT_OK ? vt_cmd_fail(&c, err, &why) : report(&c, &r);
    }
    vt_party_release(&p);
    return rc;
}

int
vt_cmd_environment(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"add", "make a recipe's environment, and log it", add},
        {NULL, NULL, NULL},
    };

    return vt_cmd_verbs("environment", "assembly environments", verbs, argc, argv);
}
