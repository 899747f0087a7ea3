/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/group.h"

#include "base/crew.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "http/tls_signer.h"
#include "note/policy.h"
#include "vault/clerk.h"
#include "vault/keeper.h"
#include "vault/place.h"
#include "vault/service.h"
#include "vault/web.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROBE_MS = 300, GRACE_MS = 12000, BACKLOG = 16 };

/* Without TLS the first is left out. */
static const char *const member_names[] = {
    "tls-signer", "signer", "keeper", "clerk", "store", "http"};
#define MEMBERS (sizeof member_names / sizeof member_names[0])

struct group {
    const struct vt_home *home;
    const struct vt_vault_run *opts;
    struct vt_vault_conf conf;
    struct vt_policy *trust;
    struct vt_lock lock;
    bool locked;
    int listen_fd;
    int keeper_listen_fd;
    char keeper_path[VT_PATH_MAX];
    char key_path[VT_PATH_MAX];
    char url[VT_HTTP_URL_SIZE];
    /* While members are started: the ends that later ones get. */
    int tls_fd;
    int signer_fd;
    int keeper_fd;
    int clerk_fd;
    int store_fd;
};

static int
signer_main(int fd, void *ctx)
{
    struct group *g = ctx;

    vt_log_init("signer", VT_LOG_INFO);
    return vt_signer_serve(
        fd, g->key_path, VT_SIGN_BIT(VT_SIGN_VAULT) | VT_SIGN_BIT(VT_SIGN_ENTRY));
}

static int
tls_signer_main(int fd, void *ctx)
{
    struct group *g = ctx;

    vt_log_init("tls-signer", VT_LOG_INFO);
    return vt_tls_signer_serve(fd, g->opts->how);
}

static int
keeper_main(int fd, void *ctx)
{
    struct group *g = ctx;

    vt_log_init("keeper", VT_LOG_INFO);
    return vt_keeper_serve(fd, g->keeper_listen_fd, g->home);
}

static int
clerk_main(int fd, void *ctx)
{
    struct group *g = ctx;
    struct vt_vault_clerk opts = {.home = g->home, .trust = g->trust, .ledger = g->conf.ledger};
    struct vt_why why = {{0}};
    enum vt_err err;

    vt_log_init("clerk", VT_LOG_INFO);
    err = vt_signer_attach(g->signer_fd, &opts.signer, &why);
    if (err == VT_OK)
        err = vt_vault_clerk_run(fd, &opts, &why);
    vt_signer_free(opts.signer);
    return vt_crew_end(err, &why);
}

static int
store_main(int fd, void *ctx)
{
    struct group *g = ctx;
    struct vt_vault_service opts = {.home = g->home,
        .trust = g->trust,
        .pack_after_s = g->opts->pack_after_s,
        .pack_size = g->opts->pack_size,
        .wal_max = g->opts->wal_max};
    struct vt_why why = {{0}};
    enum vt_err err;

    vt_log_init("store", VT_LOG_INFO);
    err = vt_keeper_attach(g->keeper_fd, &opts.keeper, &why);
    if (err == VT_OK)
        err = vt_vault_service_run(fd, &opts, &why);
    vt_keeper_close(opts.keeper);
    return vt_crew_end(err, &why);
}

static int
http_main(int fd, void *ctx)
{
    struct group *g = ctx;
    struct vt_vault_web opts = {.home = g->home,
        .how = g->opts->how,
        .tls_fd = g->tls_fd,
        .listen_fd = g->listen_fd,
        .stop_fd = fd,
        .store_fd = g->store_fd};
    struct vt_why why = {{0}};

    vt_log_init("http", VT_LOG_INFO);
    return vt_crew_end(vt_vault_web_run(&opts, &why), &why);
}

/* The store process holds the clerk's channel, so that the clerk says its last word when all is
 * packed; the signer and the keeper end after those that ask them. */
static enum vt_err
start_all(void *ctx, struct vt_crew *c, struct vt_why *why)
{
    struct group *g = ctx;
    int http_fd;
    enum vt_err err = VT_OK;

    g->tls_fd = -1;
    if (vt_listen_has_tls(g->opts->how))
        err = vt_crew_start(c, tls_signer_main, g, NULL, &g->tls_fd, why);
    if (err == VT_OK)
        err = vt_crew_start(c, signer_main, g, NULL, &g->signer_fd, why);
    if (err == VT_OK) {
        int keep[] = {g->keeper_listen_fd, -1};

        err = vt_crew_start(c, keeper_main, g, keep, &g->keeper_fd, why);
    }
    if (err == VT_OK) {
        int keep[] = {g->signer_fd, -1};

        err = vt_crew_start(c, clerk_main, g, keep, &g->clerk_fd, why);
    }
    if (err == VT_OK) {
        int keep[] = {g->keeper_fd, g->clerk_fd, -1};

        err = vt_crew_start(c, store_main, g, keep, &g->store_fd, why);
    }
    if (err == VT_OK) {
        int keep[] = {g->listen_fd, g->store_fd, g->tls_fd, -1};

        err = vt_crew_start(c, http_main, g, keep, &http_fd, why);
    }
    return err;
}

/* Whether the http process answers, and the store process behind it. */
static bool
answers(void *ctx)
{
    struct group *g = ctx;

    return vt_listen_answers(g->url, "vault/v1/status", PROBE_MS);
}

static enum vt_err
ready(void *ctx, struct vt_why *why)
{
    struct group *g = ctx;
    enum vt_err err = vt_home_announce(g->home, "vault/run", g->url, why);

    if (err == VT_OK)
        vt_log(VT_LOG_INFO, "the vault of %s answers at %s", g->home->name, g->url);
    return err;
}

/* The keeper's socket, for this user alone. */
static enum vt_err
listen_for_keeper(struct group *g, struct vt_why *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    enum vt_err err = vt_vault_path(g->home, g->keeper_path, why, "run/keeper.sock");
    mode_t before;
    bool bound;

    if (err != VT_OK)
        return err;
    if (strlen(g->keeper_path) >= sizeof a.sun_path)
        return vt_fail(why, VT_E_CONFIG,
            "%s: the path is longer than the %zu bytes that a socket may have: put the home "
            "elsewhere",
            g->keeper_path, sizeof a.sun_path - 1);
    memcpy(a.sun_path, g->keeper_path, strlen(g->keeper_path) + 1);
    (void)unlink(g->keeper_path); /* of a vault that was killed: we hold the lock */
    g->keeper_listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (g->keeper_listen_fd < 0)
        return vt_fail_errno(why, "%s", g->keeper_path);
    before = umask(0177);
    bound = bind(g->keeper_listen_fd, (const struct sockaddr *)&a, sizeof a) == 0;
    (void)umask(before);
    if (!bound || listen(g->keeper_listen_fd, BACKLOG) != 0)
        return vt_fail_errno(why, "%s: cannot listen", g->keeper_path);
    return VT_OK;
}

static enum vt_err
read_trust(struct group *g, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(g->home, path, why, "policy");

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_CONFIG, "%s: write the trust policy there", path);
    if (err == VT_OK) {
        err = vt_policy_parse(b.data, b.len, &g->trust, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
prepare(struct group *g, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_conf_load(g->home, &g->conf, why);

    if (err == VT_OK)
        err = vt_vault_service_folders(g->home, why);
    if (err == VT_OK)
        err = vt_vault_path(g->home, path, why, "run/lock");
    if (err == VT_OK)
        err = vt_lock_take(&g->lock, path, g->home->dir, why);
    if (err != VT_OK)
        return err;
    g->locked = true;
    err = vt_home_key_path(g->home, "vault", g->key_path, why);
    if (err == VT_OK)
        err = read_trust(g, why);
    if (err == VT_OK)
        err = listen_for_keeper(g, why);
    if (err == VT_OK)
        err = vt_listen_open(g->opts->listen, g->opts->how, &g->listen_fd, g->url, why);
    return err;
}

static void
close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum vt_err
vt_vault_run(const struct vt_home *home, const struct vt_vault_run *opts, struct vt_why *why)
{
    struct group g = {.home = home, .opts = opts, .listen_fd = -1, .keeper_listen_fd = -1};
    struct vt_crew_opts crew = {.what = "the vault",
        .names = vt_listen_has_tls(opts->how) ? member_names : member_names + 1,
        .count = vt_listen_has_tls(opts->how) ? MEMBERS : MEMBERS - 1,
        .start = start_all,
        .answers = answers,
        .ready = ready,
        .ctx = &g,
        .grace_ms = GRACE_MS};
    enum vt_err err = prepare(&g, why);

    if (err == VT_OK)
        err = vt_crew_run(&crew, why);
    if (g.locked) {
        vt_home_withdraw(home, "vault/run");
        if (g.keeper_listen_fd >= 0)
            (void)unlink(g.keeper_path);
    }
    close_fd(g.keeper_listen_fd);
    close_fd(g.listen_fd);
    vt_policy_free(g.trust);
    if (g.locked)
        vt_lock_release(&g.lock);
    return err;
}
