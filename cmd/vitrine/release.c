/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine release init|stage|publish|refresh; release_passports.c has the fifth verb
 */
#include "cmd.h"

#include "release/lookup.h"
#include "release/publish.h"
#include "release/stage.h"
#include "store/policy_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX 1024U
#define DAY 86400U

/* What every verb opens. */
struct site {
    const char *dir;
    struct vt_home home;
    struct vt_policy *policy;
    struct vt_lifetimes lifetimes;
    struct vt_repository *repository;
    struct vt_signer *signer;
    struct vt_signer *root;
    struct vt_log_reader *log;
    struct vt_store *store;
    struct vt_http *http;
};

static void
release_site(struct site *s)
{
    vt_http_free(s->http);
    vt_log_reader_free(s->log);
    vt_store_free(s->store);
    vt_repository_free(s->repository);
    vt_signer_free(s->signer);
    vt_signer_free(s->root);
    vt_policy_free(s->policy);
}

static enum vt_err
open_policy(struct site *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(&s->home, path, why, "policy");
    return err != VT_OK ? err : vt_policy_load(path, &s->policy, why);
}

static enum vt_err
open_home(struct site *s, struct vt_why *why)
{
    enum vt_err err = vt_home_open(s->dir, VT_HOME_SITE, &s->home, why);
    return err != VT_OK ? err : open_policy(s, why);
}

static enum vt_err
open_signer(const struct site *s, const char *key, unsigned kinds, struct vt_signer **ret,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_key_path(&s->home, key, path, why);
    return err != VT_OK ? err : vt_signer_spawn(path, kinds, ret, why);
}

static enum vt_err
site_url(const struct site *s, char ret[URL_MAX], struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(URL_MAX - 1);
    enum vt_err err = vt_home_path(&s->home, path, why, "run/url");
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(
            why, VT_E_STATE, "the site does not run: `vitrine site run %s` starts it", s->dir);
    if (err == VT_OK)
        (void)snprintf(
            ret, URL_MAX, "%.*s", (int)strcspn(vt_buf_str(&b), "\r\n"), vt_buf_str(&b));
    vt_buf_release(&b);
    return err;
}

/*
 * init
 */

static enum vt_err
init(struct site *s, const struct vt_opt_list *channels, uint64_t threshold, bool *ret_new,
    struct vt_why *why)
{
    enum vt_err err = open_home(s, why);
    if (err == VT_OK)
        err = open_signer(s, "root", VT_SIGN_BIT(VT_SIGN_TUF), &s->root, why);
    if (err == VT_OK)
        err = open_signer(s, "release", VT_SIGN_BIT(VT_SIGN_TUF), &s->signer, why);
    if (err != VT_OK)
        return err;
    struct vt_repository_plan plan = {
        .channels = channels->item,
        .channel_count = channels->count,
        .threshold = threshold,
        .policy = s->policy,
        .root = s->root,
        .release = s->signer,
        .lifetimes = s->lifetimes,
        .now = vt_clock_now(&vt_clock_system),
    };
    err = vt_repository_init(&s->home, &plan, why);
    *ret_new = err != VT_E_EXIST;
    return err == VT_E_EXIST ? VT_OK : err;
}

static int
run_init(int argc, char **argv)
{
    struct site s = {0};
    struct vt_opt_list channels = {0};
    uint64_t threshold = 0;
    uint64_t root_days = 0;
    uint64_t timestamp_days = 0;
    bool fresh = false;
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &s.dir, true},
        {"channel", 'c', VT_OPT_LIST, "NAME",
            "a series of releases; may be given several times (products)", &channels, false},
        {"threshold", 't', VT_OPT_U64, "N",
            "signatures that a channel needs (as many as the policy's assembly and rebuild)",
            &threshold, false},
        {"root-days", 0, VT_OPT_U64, "N", "days until root and targets expire (365)",
            &root_days, false},
        {"timestamp-days", 0, VT_OPT_U64, "N", "days until the timestamp expires (2)",
            &timestamp_days, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "release init",
        .args = "--site DIR [--channel NAME]...",
        .summary = "make the site's TUF repository",
        .details = "Root version 1 is then at DIR/public/tuf/metadata/1.root.json: customers "
                   "get it by\n"
                   "hand, once. A repository that is there stays as it is.",
        .opts = opts};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    if (channels.count == 0)
        channels.item[channels.count++] = "products";
    s.lifetimes.root_s = (int64_t)(root_days % 100000 * DAY);
    s.lifetimes.timestamp_s = (int64_t)(timestamp_days % 100000 * DAY);
    enum vt_err err = init(&s, &channels, threshold, &fresh, &why);
    rc = err != VT_OK
             ? vt_cmd_fail(&c, err, &why)
             : vt_cmd_done(&c, json_pack("{s:b, s:s}", "new", fresh, "site", s.home.name),
                   fresh ? "%s has a repository with %zu channels"
                         : "%s has a repository already",
                   s.dir, channels.count);
    release_site(&s);
    return rc;
}

/*
 * stage
 */

static enum vt_err
lookup(struct site *s, const char *text, struct vt_stage_item *ret, struct vt_why *why)
{
    struct vt_digest d;
    const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
    if (!vt_digest_from_hex(hex, strlen(hex), &d))
        return vt_fail(
            why, VT_E_USAGE, "--artifact %.100s: not sha256: and 64 hex digits", text);
    return vt_lookup(s->log, s->store, s->policy, &d, ret, why);
}

static enum vt_err
open_log(struct site *s, const struct vt_opt_list *artifacts, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    if (artifacts->count == 0)
        return VT_OK;
    enum vt_err err = vt_home_path(&s->home, path, why, "public/objects");
    if (err == VT_OK)
        err = vt_store_open_dir(path, &s->store, why);
    if (err == VT_OK)
        err = vt_home_path(&s->home, path, why, "public");
    return err != VT_OK ? err : vt_log_reader_open(path, s->policy, &s->log, why);
}

static enum vt_err
stage(struct site *s, const char *channel, const struct vt_opt_list *artifacts,
    uint64_t *ret_version, bool *ret_new, struct vt_why *why)
{
    struct vt_stage_item *items = calloc(artifacts->count + 1, sizeof *items);
    enum vt_err err = items == NULL ? vt_fail(why, VT_E_NOMEM, "no memory") : VT_OK;
    if (err == VT_OK)
        err = open_home(s, why);
    if (err == VT_OK)
        err = vt_repository_open(&s->home, &s->repository, why);
    if (err == VT_OK)
        err = open_log(s, artifacts, why);
    for (size_t i = 0; i < artifacts->count && err == VT_OK; i++)
        err = lookup(s, artifacts->item[i], &items[i], why);
    if (err == VT_OK)
        err = open_signer(s, "assembler", VT_SIGN_BIT(VT_SIGN_TUF), &s->signer, why);
    struct vt_stage_opts opts = {
        .channel = channel,
        .item = items,
        .count = artifacts->count,
        .assembler = s->signer,
        .lifetimes = s->lifetimes,
        .now = vt_clock_now(&vt_clock_system),
    };
    if (err == VT_OK)
        err = vt_stage_run(s->repository, &opts, ret_version, ret_new, why);
    free(items);
    return err;
}

static int
run_stage(int argc, char **argv)
{
    struct site s = {0};
    struct vt_opt_list artifacts = {0};
    uint64_t days = 0;
    uint64_t version = 0;
    bool fresh = false;
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &s.dir, true},
        {"artifact", 'a', VT_OPT_LIST, "sha256:HEX",
            "an artifact that was assembled here; may be given several times; none: renew the "
            "metadata of those released",
            &artifacts, false},
        {"days", 0, VT_OPT_U64, "N", "days until this metadata expires (90)", &days, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "release stage",
        .args = "CHANNEL --site DIR --artifact sha256:HEX...",
        .summary = "offer artifacts for release: new metadata, signed by the assembler",
        .details = "Each artifact takes the place of its product's former one. The rebuilders\n"
                   "sign what is staged; `vitrine release publish` follows.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    s.lifetimes.channel_s = (int64_t)(days % 100000 * DAY);
    enum vt_err err = stage(&s, c.argv[0], &artifacts, &version, &fresh, &why);
    rc = err != VT_OK
             ? vt_cmd_fail(&c, err, &why)
             : vt_cmd_done(&c,
                   json_pack("{s:s, s:I, s:b}", "channel", c.argv[0], "version",
                       (json_int_t)version, "new", fresh),
                   "%s: version %" PRIu64 " %s", c.argv[0], version,
                   fresh ? "is staged and waits for signatures" : "says just this already");
    release_site(&s);
    return rc;
}

/*
 * publish
 */

static void
tell_step(void *ctx, const char *what)
{
    struct vt_progress *p = ctx;
    vt_progress_end(p);
    vt_progress_begin(p, what, 0);
}

static enum vt_err
publish(struct site *s, struct vt_publish_opts *opts, struct vt_publish_result *ret,
    struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = 3};
    char url[URL_MAX] = "";
    const unsigned kinds =
        VT_SIGN_BIT(VT_SIGN_TUF) | VT_SIGN_BIT(VT_SIGN_DSSE) | VT_SIGN_BIT(VT_SIGN_ENTRY);
    enum vt_err err = open_home(s, why);
    if (err == VT_OK)
        err = vt_repository_open(&s->home, &s->repository, why);
    if (err == VT_OK)
        err = site_url(s, url, why);
    if (err == VT_OK)
        err = vt_http_new(&limits, &s->http, why);
    if (err == VT_OK)
        err = open_signer(s, "release", kinds, &s->signer, why);
    if (err != VT_OK)
        return err;
    opts->policy = s->policy;
    opts->release = s->signer;
    opts->lifetimes = s->lifetimes;
    opts->now = vt_clock_now(&vt_clock_system);
    opts->http = s->http;
    opts->url = url;
    return vt_publish_run(s->repository, opts, ret, why);
}

static int
run_publish(int argc, char **argv)
{
    struct site s = {0};
    uint64_t wait_s = 60;
    struct vt_publish_result result = {0};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home, which runs", &s.dir, true},
        {"wait", 0, VT_OPT_U64, "SECONDS",
            "how long to wait for a checkpoint with the witnesses' quorum (60)", &wait_s,
            false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "release publish",
        .args = "CHANNEL --site DIR",
        .summary = "publish what is staged once enough have signed it",
        .details =
            "Logs the release, waits for the cosigned checkpoint, makes and checks the\n"
            "passports, and publishes the metadata, timestamp last. Given again, it goes on\n"
            "where it was stopped.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    struct vt_publish_opts po = {
        .channel = c.argv[0],
        .timeout_ms = (int64_t)(wait_s % 1000000 * 1000),
        .step = tell_step,
        .step_ctx = &c.progress,
    };
    vt_progress_begin(&c.progress, "collecting signatures", 0);
    enum vt_err err = publish(&s, &po, &result, &why);
    vt_progress_end(&c.progress);
    rc = err != VT_OK
             ? vt_cmd_fail(&c, err, &why)
             : vt_cmd_done(&c,
                   json_pack("{s:s, s:I, s:I, s:b}", "channel", c.argv[0], "version",
                       (json_int_t)result.version, "entry", (json_int_t)result.index, "new",
                       result.news),
                   result.news ? "%s: version %" PRIu64 " is published, log entry %" PRIu64
                               : "%s: version %" PRIu64
                                 " is published already (log entry %" PRIu64 ")",
                   c.argv[0], result.version, result.index);
    release_site(&s);
    return rc;
}

/*
 * refresh
 */

static enum vt_err
refresh(struct site *s, bool root, struct vt_why *why)
{
    int64_t now = vt_clock_now(&vt_clock_system);
    enum vt_err err = open_home(s, why);
    if (err == VT_OK)
        err = vt_repository_open(&s->home, &s->repository, why);
    if (err == VT_OK)
        err = open_signer(s, "release", VT_SIGN_BIT(VT_SIGN_TUF), &s->signer, why);
    if (err == VT_OK && root)
        err = open_signer(s, "root", VT_SIGN_BIT(VT_SIGN_TUF), &s->root, why);
    if (err != VT_OK)
        return err;
    if (root) {
        struct vt_repository_plan plan = {
            .policy = s->policy,
            .root = s->root,
            .release = s->signer,
            .lifetimes = s->lifetimes,
            .now = now,
        };
        return vt_repository_renew(s->repository, &plan, why);
    }
    struct vt_repository_news news = {
        .release = s->signer, .lifetimes = s->lifetimes, .now = now};
    return vt_repository_publish(s->repository, &news, why);
}

static int
run_refresh(int argc, char **argv)
{
    struct site s = {0};
    uint64_t days = 0;
    bool root = false;
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {"site", 's', VT_OPT_STR, "DIR", "the site's home", &s.dir, true},
        {"root", 'r', VT_OPT_FLAG, NULL,
            "renew root and targets too, with the channels' signers of today's policy", &root,
            false},
        {"timestamp-days", 0, VT_OPT_U64, "N", "days until the timestamp expires (2)", &days,
            false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "release refresh",
        .args = "--site DIR [--root]",
        .summary = "sign the timestamp anew, and what else nears its expiry",
        .details = "To be given every day, say by a timer: the timestamp is good for two days.",
        .opts = opts};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    s.lifetimes.timestamp_s = (int64_t)(days % 100000 * DAY);
    enum vt_err err = refresh(&s, root, &why);
    if (err != VT_OK) {
        rc = vt_cmd_fail(&c, err, &why);
    } else {
        uint64_t t = vt_repository_timestamp_version(s.repository);
        uint64_t n = vt_tuf_version(vt_repository_snapshot(s.repository));
        rc = vt_cmd_done(&c,
            json_pack("{s:I, s:I}", "timestamp", (json_int_t)t, "snapshot", (json_int_t)n),
            "timestamp version %" PRIu64 ", snapshot version %" PRIu64, t, n);
    }
    release_site(&s);
    return rc;
}

int
vt_cmd_release(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"init", "make the site's TUF repository", run_init},
        {"stage", "offer artifacts for release", run_stage},
        {"publish", "publish what is staged once enough have signed it", run_publish},
        {"passports", "make passports anew where the log has more to say",
            vt_cmd_release_passports},
        {"refresh", "renew timestamp and snapshot", run_refresh},
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs("release", "make, sign and publish releases", verbs, argc, argv);
}
