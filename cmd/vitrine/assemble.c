/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine assemble
 */
#include "cmd.h"

#include "assembly/commission.h"
#include "log/reader.h"
#include "party.h"

#include <inttypes.h>
#include <stdlib.h>

#define PUBLISHED_MS 60000

struct args {
    const char *recipe;
    const char *site;
    const char *source;
    const char *environment;
    const char *cache;
};

static enum vt_err
run(const struct args *a, struct vt_party *p, struct vt_progress *progress,
    struct vt_commission_result *ret, struct vt_why *why)
{
    struct vt_buf recipe = VT_BUF(VT_RECIPE_MAX);
    struct vt_digest environment;
    char cache[VT_PATH_MAX];
    struct vt_commission c = {.cache_dir = cache, .progress = progress};
    enum vt_err err = vt_party_digest("--source", a->source, &c.source, why);
    if (err == VT_OK && a->environment != NULL) {
        c.environment = &environment;
        err = vt_party_digest("--environment", a->environment, &environment, why);
    }
    if (err == VT_OK)
        err = vt_file_read(a->recipe, &recipe, why);
    if (err == VT_OK)
        err = vt_party_open(p, a->site, VT_HOME_SITE, "assembler",
            VT_SIGN_BIT(VT_SIGN_DSSE) | VT_SIGN_BIT(VT_SIGN_ENTRY), NULL, why);
    if (err == VT_OK)
        err = a->cache != NULL ? vt_path(cache, why, "%s", a->cache)
                               : vt_home_path(&p->home, cache, why, "cache");
    if (err != VT_OK)
        goto out;
    c.record = (struct vt_record){
        .home = &p->home, .http = p->http, .url = p->url, .signer = p->signer};
    c.policy = p->policy;
    c.recipe = recipe.data;
    c.recipe_len = recipe.len;
    err = vt_commission_run(&c, ret, why);
    if (err == VT_E_CONFIG)
        err = vt_fail_in(why, err, "%s", a->recipe);
    /* So that whatever comes next finds it in the log. */
    if (err == VT_OK)
        err = vt_log_wait_published(p->http, p->url, p->policy, ret->index, PUBLISHED_MS, why);
out:
    vt_buf_release(&recipe);
    return err;
}

static json_t *
digest_json(const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(d, hex);
    return json_sprintf("sha256:%s", hex);
}

static json_t *
result_json(const struct vt_commission_result *r)
{
    const struct vt_statement_assembly *s = &r->assembly;
    json_t *artifacts = json_array();
    for (size_t i = 0; i < s->output_count; i++) {
        char hex[VT_DIGEST_HEX_SIZE];
        vt_digest_hex(&s->output[i].digest, hex);
        (void)json_array_append_new(
            artifacts, json_pack("{s:s, s:s, s:I}", "name", s->output[i].name, "sha256", hex,
                           "size", (json_int_t)r->size[i]));
    }
    return json_pack("{s:o, s:s, s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:o, s:s}", "artifacts",
        artifacts, "product", s->product, "version", s->version, "entry", (json_int_t)r->index,
        "new", (int)r->fresh, "statement", digest_json(&r->statement), "source",
        digest_json(&s->source), "environment", digest_json(&s->environment), "recipe",
        digest_json(&s->recipe), "log", digest_json(&s->run.log), "isolation", r->isolation);
}

static void
put_text(const struct vt_commission_result *r, struct vt_buf *b)
{
    const struct vt_statement_assembly *s = &r->assembly;
    vt_buf_putf(b, "%s %s: %s as entry %" PRIu64, s->product, s->version,
        r->fresh ? "assembled and logged" : "was assembled before, logged", r->index);
    for (size_t i = 0; i < s->output_count; i++) {
        vt_buf_puts(b, "\n  sha256:");
        vt_buf_put_hex(b, s->output[i].digest.b, VT_DIGEST_SIZE);
        vt_buf_putf(b, "  %s, %" PRIu64 " bytes", s->output[i].name, r->size[i]);
    }
}

static int
report(const struct vt_cmd *c, const struct vt_commission_result *r)
{
    struct vt_buf b = VT_BUF(65536);
    put_text(r, &b);
    int rc = vt_cmd_done(c, result_json(r), "%s", vt_buf_str(&b));
    vt_buf_release(&b);
    return rc;
}

int
vt_cmd_assemble(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &a.site, true},
        {"source", 0, VT_OPT_STR, "sha256:HEX", "the source snapshot, as `source add` named it",
            &a.source, true},
        {"environment", 'e', VT_OPT_STR, "sha256:HEX",
            "the environment; without it one is made of the recipe's packages", &a.environment,
            false},
        {"cache", 0, VT_OPT_STR, "DIR", "where root folders are kept (SITE/cache)", &a.cache,
            false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "assemble",
        .args = "RECIPE --site DIR --source sha256:HEX",
        .summary = "run a recipe over a source without network, and log what came out",
        .details =
            "The site must run. Inputs that were assembled before are not assembled again.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_party p = {0};
    struct vt_why why = {0};
    struct vt_commission_result *r = calloc(1, sizeof *r);

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc < 0) {
        a.recipe = c.argv[0];
        enum vt_err err = r == NULL ? vt_fail(&why, VT_E_NOMEM, "no memory")
                                    : run(&a, &p, &c.progress, r, &why);
        rc = err != VT_OK ? vt_cmd_fail(&c, err, &why) : report(&c, r);
    }
    vt_party_release(&p);
    free(r);
    return rc;
}
