/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log that runs, with the supervisor as its witness and the parties of ledger_world.h as
 * signers: `setup` and `teardown` of a test's own. Include after ledger_world.h; link with the
 * centre and the witness.
 */
#ifndef VT_TEST_LIVE_LEDGER_H
#define VT_TEST_LIVE_LEDGER_H

#include "base/clock.h"
#include "base/proc.h"
#include "centre/site.h"
#include "http/server.h"
#include "store/key_pair.h"
#include "witness/service.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct live {
    char root[VT_PATH_MAX];
    struct vt_home home;
    struct vt_policy *trust;
    char url[128];
    pid_t site;
    int site_fd;
    struct vt_witness *witness;
    int listen_fd;
    int stop[2];
    pthread_t thread;
    bool up;
};

static inline void
put_live_policy(struct live *l, const char *witness_url)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    vt_buf_puts(&b, "log ");
    lw_put_vkey(&b, LW_LOG);
    vt_buf_puts(&b, "\nwitness supervisor ");
    lw_put_vkey(&b, LW_SUPERVISOR);
    vt_buf_putf(&b, " %s\nquorum supervisor", witness_url);
    for (enum lw_party who = LW_AUTHORITY; who <= LW_STRANGER; who++) {
        vt_buf_putf(&b, "\nsigner %s ", lw_names[who]);
        lw_put_vkey(&b, who);
    }
    vt_buf_puts(&b, "\nrequire vault-policy authority.example\n");
    lw_must(vt_home_path(&l->home, path, &why, "policy"), &why);
    lw_must(vt_file_replace(path, 0644, b.data, b.len, &why), &why);
    lw_must(vt_policy_parse(b.data, b.len, &l->trust, &why), &why);
    vt_buf_release(&b);
}

static inline int
site_main(int fd, void *ctx)
{
    const struct vt_site_opts opts = {.listen = "127.0.0.1:0"};
    struct live *l = ctx;
    struct vt_why why = {{0}};

    (void)fd;
    return vt_err_exit_code(vt_site_run(&l->home, &opts, &why));
}

static inline void *
witness_main(void *arg)
{
    struct live *l = arg;

    return vt_witness_serve(l->witness, l->listen_fd, l->stop[0], NULL) == VT_OK ? l : NULL;
}

static inline void
start_witness(struct live *l)
{
    struct vt_vkey log = test_vkey(LW_ORIGIN, VT_NOTE_ED25519, LW_LOG);
    struct vt_key *k = test_key(lw_names[LW_SUPERVISOR], LW_SUPERVISOR);
    struct vt_why why = {{0}};
    char records[VT_PATH_MAX], key[VT_PATH_MAX];

    lw_must(vt_path(records, &why, "%s/records", l->root), &why);
    lw_must(vt_witness_records_make(records, &why), &why);
    lw_must(vt_path(key, &why, "%s/supervisor.key", l->root), &why);
    lw_must(vt_key_save(k, key, NULL, &why), &why);
    vt_key_free(k);
    lw_must(vt_witness_new(records, key, &log, 1, &vt_clock_system, &l->witness, &why), &why);
    assert_int_equal(pipe2(l->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&l->thread, NULL, witness_main, l), 0);
    l->up = true;
}

static inline void
await_site(struct live *l)
{
    struct vt_buf b = VT_BUF(128);
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    lw_must(vt_home_path(&l->home, path, &why, "run/url"), &why);
    for (int i = 0; i < 1500 && !vt_file_exists(path); i++)
        usleep(20000);
    lw_must(vt_file_read(path, &b, &why), &why);
    (void)snprintf(l->url, sizeof l->url, "%.*s", (int)b.len - 1, vt_buf_str(&b));
    vt_buf_release(&b);
}

static inline int
set_up_live(void **state)
{
    struct live *l = calloc(1, sizeof *l);
    struct vt_key *k = test_key(LW_ORIGIN, LW_LOG);
    struct vt_vkey vkey;
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX], key[VT_PATH_MAX], url[128];

    assert_non_null(l);
    lw_must(vt_dir_temp("/tmp", "vt-desk", l->root, &why), &why);
    lw_must(vt_path(dir, &why, "%s/zurich", l->root), &why);
    lw_must(vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &l->home, &why), &why);
    lw_must(vt_home_key_path(&l->home, "log", key, &why), &why);
    lw_must(vt_key_pair_save(key, k, VT_NOTE_ED25519, NULL, &vkey, &why), &why);
    vt_key_free(k);
    lw_must(vt_http_listen("127.0.0.1:0", &l->listen_fd, url, &why), &why);
    put_live_policy(l, url);
    lw_must(vt_proc_fork("site", site_main, l, NULL, &l->site, &l->site_fd, &why), &why);
    start_witness(l);
    await_site(l);
    *state = l;
    return 0;
}

static inline int
tear_down_live(void **state)
{
    struct live *l = *state;

    if (l->site > 0) {
        (void)kill(l->site, SIGTERM);
        (void)waitpid(l->site, NULL, 0);
        close(l->site_fd);
    }
    if (l->up) {
        close(l->stop[1]);
        pthread_join(l->thread, NULL);
        close(l->stop[0]);
        vt_witness_free(l->witness);
    }
    close(l->listen_fd);
    vt_policy_free(l->trust);
    assert_int_equal(vt_tree_remove(l->root, NULL), VT_OK);
    free(l);
    return 0;
}

#endif
