/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine rebuild init|run
 */
#include "cmd.h"

#include "assembly/rebuild.h"
#include "party.h"
#include "release/countersign.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A run that goes on already is waited for: what it answers is not done again. */
#define LOCK_TIMEOUT_MS (1800 * 1000)

/*
 * init
 */

static int
run_init(int argc, char **argv)
{
    const char *name = NULL;
    const char *jurisdiction = "";
    const char *token_uri = NULL;
    const struct vt_opt opts[] = {
        {"name", 'n', VT_OPT_STR, "NAME", "the rebuilder's name, such as alpha.example", &name,
            true},
        {"jurisdiction", 'j', VT_OPT_STR, "CC",
            "whose law holds there: two letters, such as CH", &jurisdiction, false},
        {"token", 0, VT_OPT_STR, "URI", "make the key in this PKCS#11 token, not in a file",
            &token_uri, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "rebuild init",
        .args = "HOME --name NAME",
        .summary = "make the home of a rebuilder, with its key",
        .details = "Write the policy of whom the rebuilder trusts to HOME/policy.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_token *token = NULL;
    struct vt_home home;
    struct vt_vkey key;
    struct vt_why why = {0};
    char text[VT_VKEY_TEXT_MAX];

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    enum vt_err err = vt_home_token_open(token_uri, name, &token, &why);
    if (err == VT_OK)
        err = vt_home_create(c.argv[0], VT_HOME_REBUILDER, name, jurisdiction, &home, &why);
    if (err == VT_OK)
        err = vt_home_key_new(&home, "rebuilder", NULL, VT_NOTE_ED25519, token, &key, &why);
    vt_token_free(token);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_vkey_format(&key, text);
    return vt_cmd_done(&c,
        json_pack("{s:s, s:s, s:s}", "home", home.dir, "name", home.name, "key", text),
        "made the rebuilder %s in %s; its key:\n  %s", home.name, home.dir, text);
}

/*
 * run
 */

struct args {
    const char *home;
    const char *from;
    struct vt_opt_list artifacts;
    const char *cache;
    const char *source_dir;
    const char *vary;
    struct vt_opt_list channels;
};

/* What is told at the end: a list for --json, lines for people. */
struct told {
    json_t *rebuilds;
    json_t *staged;
    struct vt_buf text;
};

static json_t *
digest_json(const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(d, hex);
    return json_sprintf("sha256:%s", hex);
}

static json_t *
artifacts_json(const struct vt_statement_assembly *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->output_count; i++)
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "name", s->output[i].name,
                                              "digest", digest_json(&s->output[i].digest)));
    return list;
}

static json_t *
varied_json(const struct vt_statement_varied *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->count; i++)
        (void)json_array_append_new(list, json_string(v->word[i]));
    return list;
}

static json_t *
differences_json(const struct vt_rebuild_outcome *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->difference_count; i++) {
        const struct vt_rebuild_difference *d = &o->difference[i];
        json_t *v = json_pack("{s:s, s:o, s:o}", "name", d->name, "assembled",
            digest_json(&d->assembled), "rebuilt", digest_json(&d->rebuilt));
        if (d->compared)
            (void)json_object_update_new(
                v, json_pack("{s:I, s:I, s:I, s:I, s:I}", "first_offset",
                       (json_int_t)d->compare.first_offset, "differing_bytes",
                       (json_int_t)d->compare.differing, "differing_ranges",
                       (json_int_t)d->compare.ranges, "assembled_size",
                       (json_int_t)d->compare.size_a, "rebuilt_size",
                       (json_int_t)d->compare.size_b));
        (void)json_array_append_new(list, v);
    }
    return list;
}

static void
outcome(void *ctx, const struct vt_rebuild_outcome *o)
{
    struct told *t = ctx;
    const struct vt_statement_assembly *s = o->statement;
    const char *result = o->err != VT_OK           ? "failed"
                         : o->difference_count > 0 ? "mismatch"
                                                   : "equal";
    json_t *v = json_pack("{s:s, s:I, s:s, s:s, s:o, s:o, s:o}", "result", result, "assembly",
        (json_int_t)o->assembly, "product", s->product, "version", s->version, "artifacts",
        artifacts_json(s), "varied", varied_json(&o->varied), "differences",
        differences_json(o));
    if (o->err == VT_OK) {
        (void)json_object_set_new(v, "entry", json_integer((json_int_t)o->index));
        vt_buf_putf(&t->text, "%s %s: %s, logged as entry %" PRIu64 "\n", s->product,
            s->version, o->difference_count > 0 ? "OTHER BYTES" : "the same bytes", o->index);
    } else {
        (void)json_object_set_new(v, "message", json_string(o->text));
        vt_buf_putf(&t->text, "entry %" PRIu64 ": not rebuilt: %s\n", o->assembly, o->text);
    }
    (void)json_array_append_new(t->rebuilds, v);
}

static enum vt_err
confirmed(void *ctx, const struct vt_offer *o, struct vt_why *why)
{
    const struct vt_rebuild_state *s = ctx;
    return vt_rebuild_confirmed(s, &o->digest, o->product, o->version, o->file, o->length, why);
}

/* Signs what is staged in one channel. That it may not be signed is no failure of
 * this command: it is told, and the release does not get its quorum. */
static enum vt_err
countersign(const struct vt_party *p, struct vt_rebuild_state *state, const char *channel,
    struct told *t, struct vt_why *why)
{
    struct vt_countersign c = {.http = p->http,
        .url = p->url,
        .channel = channel,
        .signer = p->signer,
        .confirmed = confirmed,
        .ctx = state};
    enum vt_countersigned what = VT_COUNTERSIGN_NOTHING;
    uint64_t version = 0;
    enum vt_err err = vt_countersign_run(&c, &what, &version, why);
    if (err == VT_OK && what == VT_COUNTERSIGN_SIGNED) {
        vt_buf_putf(&t->text, "%s: signed staged version %" PRIu64 "\n", channel, version);
        (void)json_array_append_new(
            t->staged, json_pack("{s:s, s:b, s:I}", "channel", channel, "signed", 1, "version",
                           (json_int_t)version));
    } else if (err == VT_E_REFUSED) {
        vt_buf_putf(&t->text, "%s\n", why->text);
        (void)json_array_append_new(t->staged, json_pack("{s:s, s:b, s:s}", "channel", channel,
                                                   "signed", 0, "message", why->text));
        err = VT_OK;
    }
    return err;
}

static enum vt_err
countersign_all(const struct args *a, const struct vt_party *p, struct vt_rebuild_state *state,
    struct told *t, struct vt_why *why)
{
    static const struct vt_opt_list usual = {.count = 2, .item = {"products", "databases"}};
    const struct vt_opt_list *channels = a->channels.count > 0 ? &a->channels : &usual;
    enum vt_err err = VT_OK;
    for (size_t i = 0; err == VT_OK && i < channels->count; i++)
        err = countersign(p, state, channels->item[i], t, why);
    return err;
}

static enum vt_err
read_args(const struct args *a, struct vt_party *p, struct vt_rebuild *r,
    struct vt_digest *artifacts, char cache[VT_PATH_MAX], struct vt_why *why)
{
    const unsigned kinds =
        VT_SIGN_BIT(VT_SIGN_DSSE) | VT_SIGN_BIT(VT_SIGN_ENTRY) | VT_SIGN_BIT(VT_SIGN_TUF);
    enum vt_err err = VT_OK;
    if (a->vary != NULL && !vt_variation_parse(a->vary, &r->vary))
        err = vt_fail(why, VT_E_USAGE, "--vary %.40s: must be a, b or none", a->vary);
    for (size_t i = 0; err == VT_OK && i < a->artifacts.count; i++)
        err = vt_party_digest("--artifact", a->artifacts.item[i], &artifacts[i], why);
    if (err == VT_OK)
        err = vt_party_open(p, a->home, VT_HOME_REBUILDER, "rebuilder", kinds, a->from, why);
    if (err == VT_OK)
        err = a->cache != NULL ? vt_path(cache, why, "%s", a->cache)
                               : vt_home_path(&p->home, cache, why, "cache");
    if (err == VT_OK && a->vary == NULL)
        r->vary = vt_variation_of(p->home.name);
    return err;
}

static enum vt_err
run(const struct args *a, struct vt_party *p, struct vt_progress *progress, struct told *t,
    struct vt_why *why)
{
    struct vt_digest artifacts[64];
    char cache[VT_PATH_MAX];
    struct vt_rebuild r = {.progress = progress,
        .cache_dir = cache,
        .source_dir = a->source_dir,
        .artifact = artifacts,
        .artifact_count = a->artifacts.count,
        .outcome = outcome,
        .outcome_ctx = t};
    struct vt_rebuild_state *state = NULL;
    struct vt_lock lock = {.fd = -1};
    char lock_path[VT_PATH_MAX];
    enum vt_err err = read_args(a, p, &r, artifacts, cache, why);
    if (err == VT_OK)
        err = vt_home_path(&p->home, lock_path, why, "lock");
    if (err == VT_OK)
        err = vt_lock_wait(
            &lock, lock_path, "this rebuilder's home", LOCK_TIMEOUT_MS, progress, why);
    if (err != VT_OK)
        return err;
    r.policy = p->policy;
    r.record = (struct vt_record){
        .home = &p->home, .http = p->http, .url = p->url, .signer = p->signer};
    err = vt_rebuild_run(&r, &state, why);
    if (state != NULL && err != VT_E_NET) {
        struct vt_why later = {0};
        enum vt_err then = countersign_all(a, p, state, t, &later);
        if (err == VT_OK && then != VT_OK)
            err = vt_fail(why, then, "%s", later.text);
    }
    vt_rebuild_state_free(state);
    vt_lock_release(&lock);
    return err;
}

/* Prints what was done, and on failure also what went wrong. */
static int
report(const struct vt_cmd *c, struct told *t, enum vt_err err, const struct vt_why *why)
{
    if (t->text.len == 0 && err == VT_OK)
        vt_buf_puts(&t->text, "nothing is left to rebuild\n");
    if (t->text.len == 0)
        return vt_cmd_fail(c, err, why);
    json_t *v = json_pack("{s:O, s:O, s:s, s:s}", "rebuilds", t->rebuilds, "staged", t->staged,
        "error", err == VT_OK ? "" : vt_err_name(err), "message", why->text);
    int rc = vt_cmd_done(c, v, "%.*s", (int)t->text.len - 1, vt_buf_str(&t->text));
    if (err == VT_OK || rc != 0)
        return rc;
    struct vt_cmd plain = *c;
    plain.json = false; /* the object above has said it */
    return vt_cmd_fail(&plain, err, why);
}

static int
run_run(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "URL", "the site", &a.from, true},
        {"artifact", 'a', VT_OPT_LIST, "sha256:HEX",
            "only the assembly of this artifact; may be given several times", &a.artifacts,
            false},
        {"cache", 0, VT_OPT_STR, "DIR", "where root folders are kept (HOME/cache)", &a.cache,
            false},
        {"source-dir", 0, VT_OPT_STR, "DIR",
            "sealed sources that the site handed over, looked for first", &a.source_dir, false},
        {"vary", 0, VT_OPT_STR, "SET",
            "which surroundings to vary: a, b or none (a or b, by the rebuilder's name)",
            &a.vary, false},
        {"channel", 'c', VT_OPT_LIST, "NAME",
            "sign what is staged in this channel; may be given several times (products, "
            "databases)",
            &a.channels, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "rebuild run",
        .args = "HOME --from URL",
        .summary = "rebuild what a site has assembled, log the outcome, sign what is staged",
        .details =
            "Does only what is missing, so it may be given again at any time. Other bytes "
            "than\nthe assembler's are logged as a mismatch; then the exit code is 1.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_party p = {0};
    struct vt_why why = {0};
    struct told t = {.text = VT_BUF(1U << 20)};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    a.home = c.argv[0];
    t.rebuilds = json_array();
    t.staged = json_array();
    enum vt_err err = run(&a, &p, &c.progress, &t, &why);
    rc = report(&c, &t, err, &why);
    json_decref(t.rebuilds);
    json_decref(t.staged);
    vt_buf_release(&t.text);
    vt_party_release(&p);
    return rc;
}

int
vt_cmd_rebuild(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make the home of a rebuilder, with its key", run_init},
        {"run", "rebuild what a site has assembled, and say what came out", run_run},
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs(
        "rebuild", "independent rebuilds of what a site has assembled", verbs, argc, argv);
}
