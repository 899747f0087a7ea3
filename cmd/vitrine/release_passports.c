/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine release passports: what the log has come to say of published releases.
 */
#include "cmd.h"
#include "party.h"

#include "release/passports.h"
#include "store/policy_file.h"

#include <stdlib.h>

struct args {
    const char *site;
    struct vt_opt_list artifacts;
};

/* What is told of all of them. */
struct told {
    json_t *items;
    struct vt_buf text;
    size_t total;
    size_t news;
    enum vt_err worst; /* of the judgements */
};

static enum vt_err
tell(void *ctx, const struct vt_passport_news *n, struct vt_why *why)
{
    struct told *t = ctx;
    char hex[VT_DIGEST_HEX_SIZE];
    const bool good = n->judgement == VT_OK;

    vt_digest_hex(&n->artifact, hex);
    vt_buf_putf(&t->text, "sha256:%s: %s%s%s\n", hex, n->news ? "made anew" : "as it was",
        good ? "" : "; refused: ", good ? "" : n->why.text);
    if (json_array_append_new(
            t->items, json_pack("{s:s+, s:b, s:s, s:s?}", "artifact", "sha256:", hex, "new",
                          n->news, "result", good ? "verified" : vt_err_name(n->judgement),
                          "message", good ? NULL : n->why.text)) != 0)
        return vt_fail(why, VT_E_NOMEM, "no memory for the result");
    t->total++;
    t->news += n->news;
    if (!good)
        t->worst = n->judgement;
    return VT_OK;
}

static enum vt_err
parse_artifacts(const struct args *a, struct vt_digest **ret, struct vt_why *why)
{
    struct vt_digest *d = calloc(a->artifacts.count + 1, sizeof *d);
    enum vt_err err = d == NULL ? vt_fail(why, VT_E_NOMEM, "no memory") : VT_OK;

    for (size_t i = 0; i < a->artifacts.count && err == VT_OK; i++)
        err = vt_party_digest("artifact", a->artifacts.item[i], &d[i], why);
    *ret = d;
    return err;
}

static enum vt_err
renew(const struct args *a, struct told *t, struct vt_why *why)
{
    struct vt_home home;
    struct vt_policy *policy = NULL;
    struct vt_log_reader *log = NULL;
    struct vt_digest *artifact = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = parse_artifacts(a, &artifact, why);

    if (err == VT_OK)
        err = vt_home_open(a->site, VT_HOME_SITE, &home, why);
    if (err == VT_OK)
        err = vt_home_path(&home, path, why, "policy");
    if (err == VT_OK)
        err = vt_policy_load(path, &policy, why);
    if (err == VT_OK)
        err = vt_home_path(&home, path, why, "public");
    if (err == VT_OK)
        err = vt_log_reader_open(path, policy, &log, why);
    if (err == VT_OK)
        err = vt_passports_renew(&home, log, artifact, a->artifacts.count, tell, t, why);
    vt_log_reader_free(log);
    vt_policy_free(policy);
    free(artifact);
    return err;
}

static int
finish(const struct vt_cmd *c, struct told *t)
{
    int rc;

    vt_buf_putf(&t->text, "%zu of %zu passports were made anew", t->news, t->total);
    rc = vt_cmd_done(c, json_pack("{s:I, s:O}", "new", (json_int_t)t->news, "items", t->items),
        "%s", vt_buf_str(&t->text));
    return rc != 0 ? rc : vt_err_exit_code(t->worst);
}

int
vt_cmd_release_passports(int argc, char **argv)
{
    struct args a = {.site = NULL};
    struct told t = {.items = json_array(), .text = VT_BUF(16U * 1024U * 1024U)};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &a.site, true},
        {"artifact", 'a', VT_OPT_LIST, "sha256:HEX",
            "only this release; may be given several times", &a.artifacts, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "release passports",
        .args = "--site DIR [--artifact sha256:HEX]...",
        .summary = "make passports anew where the log has more to say",
        .details =
            "After a review, an objection or a mismatch that came later than the release.\n"
            "Bad news is published too: exit code 1 says that the site's own policy\n"
            "refuses a release.",
        .opts = opts};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc >= 0) {
        json_decref(t.items);
        return rc;
    }
    enum vt_err err = renew(&a, &t, &why);
    rc = err == VT_OK ? finish(&c, &t) : vt_cmd_fail(&c, err, &why);
    json_decref(t.items);
    vt_buf_release(&t.text);
    return rc;
}
