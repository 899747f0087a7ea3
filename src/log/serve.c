/* SPDX-License-Identifier: Apache-2.0 */
#include "log/serve.h"

#include "base/crew.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "http/tls_signer.h"
#include "log/serve_parts.h"
#include "log/service.h"
#include "note/policy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_MS = 300 };

/* --- The members. --- */

static int
signer_main(int fd, void *ctx)
{
    struct vt_serve *s = ctx;

    return vt_serve_signer(fd, s->key_path);
}

static int
log_main(int fd, void *ctx)
{
    struct vt_serve *s = ctx;
    struct vt_service_opts opts = {.log_dir = s->log_dir,
        .public_dir = s->public_dir,
        .policy = s->policy,
        .open = true,
        .interval_ms = s->opts->interval_ms,
        .compress = s->opts->compress};
    struct vt_why why = {.text = ""};
    enum vt_err err;

    vt_log_init("log", VT_LOG_INFO);
    err = vt_signer_attach(s->signer_fd, &opts.signer, &why);
    if (err == VT_OK)
        err = vt_service_run(fd, &opts, &why);
    vt_signer_free(opts.signer);
    return vt_crew_end(err, &why);
}

static int
tls_signer_main(int fd, void *ctx)
{
    struct vt_serve *s = ctx;

    vt_log_init("tls-signer", VT_LOG_INFO);
    return vt_tls_signer_serve(fd, s->opts->how);
}

static int
http_main(int fd, void *ctx)
{
    struct vt_serve *s = ctx;
    struct vt_why why = {.text = ""};

    vt_log_init("http", VT_LOG_INFO);
    return vt_crew_end(vt_serve_http(s, fd, &why), &why);
}

static enum vt_err
start_all(void *ctx, struct vt_crew *c, struct vt_why *why)
{
    struct vt_serve *s = ctx;
    bool tls = vt_listen_has_tls(s->opts->how);
    int fd;
    enum vt_err err = vt_crew_start(c, signer_main, s, NULL, &s->signer_fd, why);

    if (err == VT_OK)
        err = vt_crew_start(c, log_main, s, (const int[]){s->signer_fd, -1}, &s->log_fd, why);
    s->tls_fd = -1;
    if (err == VT_OK && tls)
        err = vt_crew_start(c, tls_signer_main, s, NULL, &s->tls_fd, why);
    if (err == VT_OK)
        err = vt_crew_start(c, http_main, s,
            (const int[]){s->listen_fd, s->log_fd, tls ? s->tls_fd : -1, -1}, &fd, why);
    return err;
}

/* --- The parent. --- */

static bool
answers(void *ctx)
{
    struct vt_serve *s = ctx;

    return vt_listen_answers(s->url, "healthz", PROBE_MS);
}

static enum vt_err
ready(void *ctx, struct vt_why *why)
{
    struct vt_serve *s = ctx;
    enum vt_err err = VT_OK;

    if (!s->reloading)
        err = vt_home_announce(s->home, "run", s->url, why);
    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "%s answers at %s%s", s->home->name, s->url,
            s->reloading ? " with its new policy" : "");
    s->reloading = false;
    return err;
}

/* SIGHUP. */
static enum vt_err
reload(void *ctx, struct vt_why *why)
{
    struct vt_serve *s = ctx;
    enum vt_err err = vt_serve_policy(s->home, &s->policy, why);

    s->reloading = err == VT_OK;
    return err;
}

static enum vt_err
make_folders(struct vt_serve *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_key_path(s->home, "log", s->key_path, why);

    if (err == VT_OK)
        err = vt_home_path(s->home, s->log_dir, why, "log");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->public_dir, why, "public");
    if (err == VT_OK)
        err = vt_path(path, why, "%s/tile", s->public_dir);
    return err == VT_OK ? vt_dir_make(path, 0755, why) : err;
}

static enum vt_err
prepare(struct vt_serve *s, struct vt_why *why)
{
    enum vt_err err = vt_serve_lock(s->home, &s->lock, why);

    s->locked = err == VT_OK;
    if (err == VT_OK)
        err = make_folders(s, why);
    if (err == VT_OK)
        err = vt_serve_policy(s->home, &s->policy, why);
    if (err == VT_OK)
        err = vt_listen_open(s->opts->listen, s->opts->how, &s->listen_fd, s->url, why);
    return err;
}

enum vt_err
vt_serve_run(const struct vt_home *home, const struct vt_serve_opts *opts, struct vt_why *why)
{
    static const char *const names[] = {"signer", "log", "http"};
    static const char *const names_tls[] = {"signer", "log", "tls-signer", "http"};
    bool tls = vt_listen_has_tls(opts->how);
    struct vt_serve s = {.home = home, .opts = opts, .listen_fd = -1};
    struct vt_crew_opts crew = {.what = "the log",
        .names = tls ? names_tls : names,
        .count = tls ? 4 : 3,
        .start = start_all,
        .answers = answers,
        .ready = ready,
        .reload = reload,
        .ctx = &s};
    enum vt_err err = prepare(&s, why);

    if (err == VT_OK)
        err = vt_crew_run(&crew, why);
    if (s.listen_fd >= 0)
        close(s.listen_fd);
    vt_policy_free(s.policy);
    if (s.locked) {
        vt_home_withdraw(home, "run");
        vt_lock_release(&s.lock);
    }
    return err;
}
