/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/site.h"

#include "base/crew.h"
#include "base/log.h"
#include "centre/web.h"
#include "crypto/signer.h"
#include "http/client.h"
#include "http/server.h"
#include "log/service.h"
#include "note/policy.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_MS = 300 };

static const char *const member_names[] = {"signer", "log", "http"};
#define MEMBERS (sizeof(member_names) / sizeof(member_names[0]))

struct site {
    const struct vt_home *home;
    struct vt_policy *policy;
    struct vt_lock lock;
    bool locked;
    int listen_fd;
    char url[128];
    char key_path[VT_PATH_MAX];
    char log_dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    char staged_dir[VT_PATH_MAX];
    /* While members are started: the ends that the next one gets. */
    int signer_fd;
    int log_fd;
};

static int
signer_main(int fd, void *ctx)
{
    struct site *s = ctx;

    vt_log_init("signer", VT_LOG_INFO);
    return vt_signer_serve(fd, s->key_path, VT_SIGN_BIT(VT_SIGN_CHECKPOINT));
}

static int
log_main(int fd, void *ctx)
{
    struct site *s = ctx;
    struct vt_service_opts opts = {.log_dir = s->log_dir,
        .public_dir = s->public_dir,
        .staged_dir = s->staged_dir,
        .policy = s->policy};
    struct vt_why why = {0};
    enum vt_err err;

    vt_log_init("log", VT_LOG_INFO);
    err = vt_signer_attach(s->signer_fd, &opts.signer, &why);
    if (err == VT_OK)
        err = vt_service_run(fd, &opts, &why);
    vt_signer_free(opts.signer);
    return vt_crew_end(err, &why);
}

static int
http_main(int fd, void *ctx)
{
    struct site *s = ctx;
    struct vt_web_opts opts = {.home = s->home,
        .public_dir = s->public_dir,
        .policy = s->policy,
        .listen_fd = s->listen_fd,
        .stop_fd = fd,
        .log_fd = s->log_fd,
        .desk_fd = -1,
        .reader_fd = {-1, -1},
        .indexer_fd = -1};
    struct vt_why why = {0};

    vt_log_init("http", VT_LOG_INFO);
    return vt_crew_end(vt_web_run(&opts, &why), &why);
}

static enum vt_err
start_all(void *ctx, struct vt_crew *c, struct vt_why *why)
{
    struct site *s = ctx;
    int http_fd;
    enum vt_err err = vt_crew_start(c, signer_main, s, NULL, &s->signer_fd, why);

    if (err == VT_OK) {
        int keep[] = {s->signer_fd, -1};

        err = vt_crew_start(c, log_main, s, keep, &s->log_fd, why);
    }
    if (err == VT_OK) {
        int keep[] = {s->listen_fd, s->log_fd, -1};

        err = vt_crew_start(c, http_main, s, keep, &http_fd, why);
    }
    return err;
}

/* Whether the http process answers. */
static bool
answers(void *ctx)
{
    struct site *s = ctx;
    struct vt_http_limits limits = {.connect_ms = PROBE_MS, .total_ms = PROBE_MS};
    struct vt_buf b = VT_BUF(4096);
    struct vt_http *h = NULL;
    bool ok = vt_http_new(&limits, &h, NULL) == VT_OK &&
              vt_http_get(h, s->url, "healthz", &b, NULL) == VT_OK;

    vt_http_free(h);
    vt_buf_release(&b);
    return ok;
}

static enum vt_err
ready(void *ctx, struct vt_why *why)
{
    struct site *s = ctx;
    enum vt_err err = vt_home_announce(s->home, "run", s->url, why);

    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "%s answers at %s", s->home->name, s->url);
    return err;
}

/* The message for whoever starts a site before writing its policy. */
static enum vt_err
no_policy(const struct site *s, const char *path, struct vt_why *why)
{
    struct vt_vkey key;
    char text[VT_VKEY_TEXT_MAX];
    enum vt_err err = vt_home_vkey(s->home, "log", &key, why);

    if (err != VT_OK)
        return err;
    vt_vkey_format(&key, text);
    return vt_fail(why, VT_E_CONFIG,
        "%s is missing: write the policy there, beginning with `log %s`, then its witnesses, "
        "signers, groups, `quorum` and `require` lines",
        path, text);
}

/* Reads the policy and makes it public. */
static enum vt_err
take_policy(struct site *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    const struct vt_policy_party *log;
    char path[VT_PATH_MAX];
    char copy[VT_PATH_MAX];
    struct vt_vkey key;
    enum vt_err err = vt_home_path(s->home, path, why, "policy");

    if (err == VT_OK)
        err = vt_home_path(s->home, copy, why, "public/policy");
    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path))
        return no_policy(s, path, why);
    err = vt_file_read(path, &b, why);
    if (err == VT_OK) {
        err = vt_policy_parse(b.data, b.len, &s->policy, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    if (err == VT_OK)
        err = vt_home_vkey(s->home, "log", &key, why);
    if (err == VT_OK) {
        log = vt_policy_log(s->policy, key.name);
        if (log == NULL || !vt_pubkey_eq(&log->key.pub, &key.pub))
            err = vt_fail(why, VT_E_CONFIG,
                "%s does not name this site's own log with its key: add the line `log` with "
                "what keys/log.vkey holds",
                path);
    }
    if (err == VT_OK)
        err = vt_file_replace(copy, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
prepare(struct site *s, const char *listen_address, struct vt_why *why)
{
    static const char *const folders[] = {"public/objects", "public/tile",
        "public/tuf/metadata", "public/tuf/targets", "public/passports", "public/staged"};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(s->home, path, why, "run");

    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = vt_home_path(s->home, path, why, "run/lock");
    if (err == VT_OK)
        err = vt_lock_take(&s->lock, path, s->home->dir, why);
    if (err != VT_OK)
        return err;
    s->locked = true;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && err == VT_OK; i++) {
        err = vt_home_path(s->home, path, why, "%s", folders[i]);
        if (err == VT_OK)
            err = vt_dir_make(path, 0755, why);
    }
    if (err == VT_OK)
        err = vt_home_key_path(s->home, "log", s->key_path, why);
    if (err == VT_OK)
        err = vt_home_path(s->home, s->log_dir, why, "log");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->public_dir, why, "public");
    if (err == VT_OK)
        err = vt_home_path(s->home, s->staged_dir, why, "staged");
    if (err == VT_OK)
        err = take_policy(s, why);
    if (err == VT_OK)
        err = vt_http_listen(listen_address, &s->listen_fd, s->url, why);
    return err;
}

enum vt_err
vt_site_run(const struct vt_home *home, const char *listen_address, struct vt_why *why)
{
    struct site s = {.home = home, .listen_fd = -1, .signer_fd = -1, .log_fd = -1};
    struct vt_crew_opts crew = {.what = "the site",
        .names = member_names,
        .count = MEMBERS,
        .start = start_all,
        .answers = answers,
        .ready = ready,
        .ctx = &s};
    enum vt_err err = prepare(&s, listen_address, why);

    if (err == VT_OK)
        err = vt_crew_run(&crew, why);
    if (s.locked)
        vt_home_withdraw(home, "run");
    if (s.listen_fd >= 0)
        close(s.listen_fd);
    vt_policy_free(s.policy);
    if (s.locked)
        vt_lock_release(&s.lock);
    return err;
}
