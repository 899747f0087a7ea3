/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/site.h"

#include "base/crew.h"
#include "base/log.h"
#include "centre/site_parts.h"
#include "http/server.h"
#include "log/serve.h"
#include "note/policy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_MS = 300 };

/* Whether the http process answers. */
static bool
answers(void *ctx)
{
    struct vt_site *s = ctx;

    return vt_listen_answers(s->url, "healthz", PROBE_MS);
}

static enum vt_err
ready(void *ctx, struct vt_why *why)
{
    struct vt_site *s = ctx;
    enum vt_err err;

    if (s->reloading) {
        s->reloading = false;
        vt_log(VT_LOG_INFO, "%s answers with its new policy", s->home->name);
        return vt_site_reload_answer(s, NULL, why);
    }
    err = vt_home_announce(s->home, "run", s->url, why);
    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "%s answers at %s", s->home->name, s->url);
    return err;
}

/* SIGHUP. */
static enum vt_err
reload(void *ctx, struct vt_why *why)
{
    struct vt_site *s = ctx;
    struct vt_why unsaid = {0};
    enum vt_err err = vt_serve_policy(s->home, &s->policy, why);

    if (err == VT_OK) {
        s->reloading = true;
        return VT_OK;
    }
    if (vt_site_reload_answer(s, why, &unsaid) != VT_OK)
        vt_log(VT_LOG_WARN, "%s", unsaid.text);
    return err;
}

static enum vt_err
make_folders(const struct vt_site *s, struct vt_why *why)
{
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {{"public/objects", 0755}, {"public/tile", 0755},
        {"public/tuf/metadata", 0755}, {"public/tuf/targets", 0755}, {"public/passports", 0755},
        {"public/staged", 0755}, {"centre", 0700}};
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && err == VT_OK; i++) {
        err = vt_home_path(s->home, path, why, "%s", folders[i].name);
        if (err == VT_OK)
            err = vt_dir_make(path, folders[i].mode, why);
    }
    return err;
}

static enum vt_err
find_paths(struct vt_site *s, struct vt_why *why)
{
    enum vt_err err = vt_home_key_path(s->home, "log", s->key_path, why);

    if (err == VT_OK)
        err = vt_home_key_path(s->home, "centre", s->centre_key_path, why);
    if (err == VT_OK)
        err = vt_home_path(s->home, s->log_dir, why, "log");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->public_dir, why, "public");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->staged_dir, why, "staged");
    if (err == VT_OK)
        s->has_centre_key = vt_file_exists(s->centre_key_path);
    return err;
}

static enum vt_err
prepare(struct vt_site *s, const struct vt_site_opts *opts, struct vt_why *why)
{
    enum vt_err err = vt_serve_lock(s->home, &s->lock, why);

    s->locked = err == VT_OK;
    if (opts->how != NULL)
        s->how = *opts->how;
    s->how.pass = s->pass;
    s->compress = opts->compress;
    if (err == VT_OK)
        err = vt_listen_pass(s->pass, why);
    if (err == VT_OK)
        err = make_folders(s, why);
    if (err == VT_OK)
        err = find_paths(s, why);
    if (err == VT_OK)
        err = vt_site_find_web(opts->web, s->web_dir, why);
    if (err == VT_OK)
        err = vt_serve_policy(s->home, &s->policy, why);
    if (err == VT_OK)
        err = vt_listen_open(opts->listen, &s->how, &s->listen_fd, s->url, why);
    if (err == VT_OK)
        err = vt_site_find_origin(opts->origin, s->url, s->origin, why);
    if (err == VT_OK)
        err = vt_site_reload_prepare(s, why);
    return err;
}

/* Nobody answers here any more. */
static void
withdraw(struct vt_site *s)
{
    if (!s->locked)
        return;
    vt_home_withdraw(s->home, "run");
    vt_site_reload_withdraw(s);
    vt_lock_release(&s->lock);
}

enum vt_err
vt_site_run(const struct vt_home *home, const struct vt_site_opts *opts, struct vt_why *why)
{
    struct vt_site s = {.home = home, .listen_fd = -1};
    const char *names[VT_SITE_MEMBERS_MAX];
    struct vt_crew_opts crew = {.what = "the site",
        .names = names,
        .start = vt_site_start_all,
        .answers = answers,
        .ready = ready,
        .reload = reload,
        .ctx = &s};
    enum vt_err err = prepare(&s, opts, why);

    if (err == VT_OK) {
        crew.count = vt_site_members(&s, names);
        err = vt_crew_run(&crew, why);
    }
    if (s.listen_fd >= 0)
        close(s.listen_fd);
    vt_policy_free(s.policy);
    withdraw(&s);
    return err;
}
