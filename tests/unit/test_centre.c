/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole site as processes: entries over HTTP, each process killed in its
 * turn, the page that people see.
 */
#include "attest/dsse.h"
#include "base/confine.h"
#include "base/proc.h"
#include "centre/html.h"
#include "centre/page.h"
#include "centre/site.h"
#include "crypto/signer.h"
#include "http/client.h"
#include "log/reader.h"
#include "log/writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char root[VT_PATH_MAX];
    struct vt_home home;
    struct vt_signer *dev;
    struct vt_policy *policy;
    struct vt_http *http;
    pid_t pid; /* of the site's parent process; 0: not running */
    int fd;
    char url[128];
    const char *web; /* the folder of a built page; NULL: wherever there is one */
};

static const struct vt_site_opts any = {.listen = "127.0.0.1:0"};

static void
write_policy(struct fixture *f)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_vkey key;
    char text[VT_VKEY_TEXT_MAX];
    char path[VT_PATH_MAX];

    assert_int_equal(vt_home_vkey(&f->home, "log", &key, NULL), VT_OK);
    vt_vkey_format(&key, text);
    vt_buf_putf(&b, "log %s\nquorum none\n", text);
    assert_int_equal(vt_vkey_make(vt_signer_name(f->dev), VT_NOTE_ED25519,
                         vt_signer_public(f->dev), &key, NULL),
        VT_OK);
    vt_vkey_format(&key, text);
    vt_buf_putf(&b, "signer developer %s\nrequire source developer\n", text);
    assert_int_equal(vt_home_path(&f->home, path, NULL, "policy"), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    assert_int_equal(vt_policy_parse(b.data, b.len, &f->policy, NULL), VT_OK);
    vt_buf_release(&b);
}

static int
set_up(void **state)
{
    struct vt_http_limits limits = {.connect_ms = 5000, .total_ms = 10000, .retries = 6};
    struct fixture *f = calloc(1, sizeof(*f));
    uint8_t seed[32] = {42};
    struct vt_key *k = NULL;
    struct vt_vkey log;
    char dir[VT_PATH_MAX];

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-centre", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(dir, NULL, "%s/zurich", f->root), VT_OK);
    assert_int_equal(
        vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &f->home, NULL), VT_OK);
    assert_int_equal(
        vt_home_key_new(&f->home, "log", NULL, VT_NOTE_ED25519, NULL, &log, NULL), VT_OK);
    assert_int_equal(vt_key_from_seed("developer.example", seed, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &f->dev, NULL), VT_OK);
    assert_int_equal(vt_http_new(&limits, &f->http, NULL), VT_OK);
    *state = f;
    return 0;
}

static void
site_stop(struct fixture *f, int sig)
{
    int status = 0;

    if (f->pid <= 0)
        return;
    assert_int_equal(kill(f->pid, sig), 0);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    if (sig == SIGTERM) {
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    close(f->fd);
    f->pid = 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    site_stop(f, SIGTERM);
    vt_http_free(f->http);
    vt_policy_free(f->policy);
    vt_signer_free(f->dev);
    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    free(f);
    return 0;
}

static int
site_main(int fd, void *ctx)
{
    struct fixture *f = ctx;
    const struct vt_site_opts opts = {
        .listen = f->url[0] != '\0' ? f->url + 7 : "127.0.0.1:0", .web = f->web};
    struct vt_why why = {0};
    enum vt_err err;

    (void)fd;
    err = vt_site_run(&f->home, &opts, &why);
    if (err != VT_OK)
        fprintf(stderr, "site: %s\n", why.text);
    return vt_err_exit_code(err);
}

/* Starts the site and waits until run/url says where it is. */
static void
site_start(struct fixture *f)
{
    struct vt_buf b = VT_BUF(128);
    char path[VT_PATH_MAX];

    assert_int_equal(vt_home_path(&f->home, path, NULL, "run/url"), VT_OK);
    (void)unlink(path);
    assert_int_equal(vt_proc_fork("site", site_main, f, NULL, &f->pid, &f->fd, NULL), VT_OK);
    for (int i = 0; i < 500 && !vt_file_exists(path); i++)
        usleep(20000);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_true(b.len > 1 && b.len < sizeof(f->url));
    memcpy(f->url, b.data, b.len - 1);
    f->url[b.len - 1] = '\0';
    vt_buf_release(&b);
}

/* Statement and entry number `n`, as a developer sends them. */
static uint64_t
submit(struct fixture *f, int n)
{
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    struct vt_digest d;
    struct vt_why why = {0};
    uint64_t index = UINT64_MAX;
    char body[64];

    (void)snprintf(body, sizeof(body), "{\"number\": %d}", n);
    assert_int_equal(vt_dsse_sign(&b, body, strlen(body), f->dev, NULL), VT_OK);
    if (vt_log_submit_object(f->http, f->url, b.data, b.len, &e.statement, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_digest_of(body, strlen(body), &d);
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &d, NULL), VT_OK);
    vt_buf_clear(&b);
    assert_int_equal(vt_entry_sign(&b, &e, f->dev, NULL), VT_OK);
    if (vt_log_submit_entry(f->http, f->url, b.data, b.len, &index, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&b);
    return index;
}

static void
get(struct fixture *f, const char *path, struct vt_buf *b)
{
    struct vt_why why = {0};

    vt_buf_clear(b);
    if (vt_http_get(f->http, f->url, path, b, &why) != VT_OK)
        fail_msg("%s", why.text);
}

/* The child of the site's parent with that name; 0: none. */
static pid_t
child_named(pid_t parent, const char *name)
{
    DIR *d = opendir("/proc");
    struct dirent *de;
    pid_t found = 0;

    assert_non_null(d);
    while (found == 0 && (de = readdir(d)) != NULL) {
        struct vt_buf b = VT_BUF(4096);
        char path[VT_PATH_MAX];
        char comm[64] = "";
        int ppid = 0;

        if (atoi(de->d_name) > 0 && vt_path(path, NULL, "/proc/%s/stat", de->d_name) == VT_OK &&
            vt_file_read(path, &b, NULL) == VT_OK &&
            sscanf(vt_buf_str(&b), "%*d (%63[^)]) %*c %d", comm, &ppid) == 2 &&
            ppid == parent && strcmp(comm, name) == 0)
            found = atoi(de->d_name);
        vt_buf_release(&b);
    }
    closedir(d);
    return found;
}

/* The same, once there is one that is not `old`. */
static pid_t
await_child(pid_t parent, const char *name, pid_t old)
{
    pid_t child = 0;

    for (int i = 0; i < 500 && (child == 0 || child == old); i++) {
        child = child_named(parent, name);
        usleep(10000);
    }
    assert_true(child > 0 && child != old);
    return child;
}

static void
test_needs_a_policy(void **state)
{
    struct fixture *f = *state;
    struct vt_why why = {0};
    struct vt_vkey other;
    char path[VT_PATH_MAX];
    char text[VT_VKEY_TEXT_MAX];
    char policy[2048];

    assert_int_equal(vt_site_run(&f->home, &any, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "policy"));
    assert_non_null(strstr(why.text, "log zurich.example/log+"));
    /* A policy that names another key for the log. */
    assert_int_equal(vt_vkey_make("zurich.example/log", VT_NOTE_ED25519,
                         vt_signer_public(f->dev), &other, NULL),
        VT_OK);
    vt_vkey_format(&other, text);
    (void)snprintf(policy, sizeof(policy), "log %s\nquorum none\n", text);
    assert_int_equal(vt_home_path(&f->home, path, NULL, "policy"), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, policy, strlen(policy), NULL), VT_OK);
    assert_int_equal(vt_site_run(&f->home, &any, &why), VT_E_CONFIG);
    assert_int_equal(vt_file_replace(path, 0644, "nonsense\n", 9, NULL), VT_OK);
    assert_int_equal(vt_site_run(&f->home, &any, &why), VT_E_CONFIG);
}

static void
test_serves(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_log_reader *r = NULL;
    struct vt_home again;
    struct vt_why why = {0};
    int status = 0;

    write_policy(f);
    site_start(f);
    get(f, "healthz", &b);
    assert_string_equal(vt_buf_str(&b), "ok\n");
    for (int i = 0; i < 5; i++)
        assert_int_equal(submit(f, i), i);
    assert_int_equal(submit(f, 3), 3);
    assert_int_equal(vt_log_wait_published(f->http, f->url, f->policy, 4, 5000, &why), VT_OK);
    assert_int_equal(
        vt_log_wait_published(f->http, f->url, f->policy, 5, 100, &why), VT_E_TIMEOUT);
    assert_int_equal(vt_log_reader_open(f->url, f->policy, &r, &why), VT_OK);
    assert_int_equal(vt_log_reader_entry(r, 4, &b, &why), VT_OK);
    vt_log_reader_free(r);
    get(f, "policy", &b);
    assert_non_null(strstr(vt_buf_str(&b), "quorum none"));
    /* What may not be had or sent. */
    vt_buf_clear(&b);
    assert_int_equal(vt_http_get(f->http, f->url, "home.conf", &b, &why), VT_E_NOENT);
    assert_int_equal(vt_http_get(f->http, f->url, "keys/log.key", &b, &why), VT_E_NOENT);
    assert_int_equal(vt_http_get(f->http, f->url, "centre/desk.db", &b, &why), VT_E_NOENT);
    /* With a built page beside the program, what is below /log/ is an address of it. */
    vt_buf_clear(&b);
    if (vt_http_get(f->http, f->url, "log/wal", &b, &why) == VT_OK)
        assert_non_null(strstr(vt_buf_str(&b), "<!doctype html>"));
    vt_buf_clear(&b);
    assert_int_equal(
        vt_http_post(f->http, f->url, "add", NULL, "x", 1, &status, &b, &why), VT_OK);
    assert_int_equal(status, 400);
    assert_int_equal(
        vt_http_post(f->http, f->url, "staged/x", NULL, "x", 1, &status, &b, &why), VT_OK);
    assert_int_equal(status, 404);
    assert_int_equal(
        vt_http_post(f->http, f->url, "staged/x/signatures", NULL, "{}", 2, &status, &b, &why),
        VT_OK);
    assert_int_equal(status, 409);
    /* A second one on the same home. */
    assert_int_equal(vt_home_open(f->home.dir, VT_HOME_SITE, &again, NULL), VT_OK);
    assert_int_equal(vt_site_run(&again, &any, &why), VT_E_BUSY);
    vt_buf_release(&b);
}

/* kill -9 of any one process: what was acknowledged is there, and it goes on. */
static void
test_each_process_is_killed(void **state)
{
    static const char *const names[] = {"signer", "log", "desk", "reader-2", "http"};
    struct fixture *f = *state;
    struct vt_why why = {0};
    pid_t parent;
    int n = 0;

    write_policy(f);
    site_start(f);
    parent = f->pid;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pid_t child = await_child(parent, names[i], 0);

        assert_int_equal(submit(f, n), n);
        n++;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(submit(f, n), n);
        n++;
        for (int k = 0; k < n; k++)
            assert_int_equal(submit(f, k), k);
        /* All were started anew, the last of them http. */
        (void)await_child(parent, names[i], child);
        (void)await_child(parent, "http", 0);
    }
    assert_int_equal(
        vt_log_wait_published(f->http, f->url, f->policy, (uint64_t)n - 1, 8000, &why), VT_OK);
    /* The parent too: the children die with it, and the site starts again. */
    site_stop(f, SIGKILL);
    site_start(f);
    for (int k = 0; k <= n; k++)
        assert_int_equal(submit(f, k), k);
    assert_int_equal(
        vt_log_wait_published(f->http, f->url, f->policy, (uint64_t)n, 8000, &why), VT_OK);
}

/* Processes that keep dying end the site instead of spinning. */
static void
test_gives_up(void **state)
{
    struct fixture *f = *state;
    pid_t child = 0;
    int status = 0;

    write_policy(f);
    site_start(f);
    for (int i = 0; i < 6; i++) {
        child = await_child(f->pid, "http", child);
        assert_int_equal(kill(child, SIGKILL), 0);
    }
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 3);
    close(f->fd);
    f->pid = 0;
}

static void
test_front_page(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    const char *s;

    write_policy(f);
    site_start(f);
    get(f, "plain", &b);
    s = vt_buf_str(&b);
    assert_int_equal(strncmp(s, "<!doctype html>", 15), 0);
    assert_non_null(strstr(s, "zurich.example"));
    assert_non_null(strstr(s, "<b>CH</b>"));
    assert_null(strstr(s, "<script"));
    assert_null(strstr(s, "http://"));
    assert_null(strstr(s, "https://"));
    assert_int_equal(submit(f, 0), 0);
    assert_int_equal(vt_log_wait_published(f->http, f->url, f->policy, 0, 5000, &why), VT_OK);
    usleep(300000);
    get(f, "plain", &b);
    assert_non_null(strstr(vt_buf_str(&b), "/entry/0"));
    assert_non_null(strstr(vt_buf_str(&b), "developer"));
    get(f, "entry/0", &b);
    assert_non_null(strstr(vt_buf_str(&b), "signature verified"));
    assert_non_null(strstr(vt_buf_str(&b), "vitrine/entry/v1"));
    vt_buf_clear(&b);
    assert_int_equal(vt_http_get(f->http, f->url, "entry/1", &b, &why), VT_E_NOENT);
    assert_int_equal(vt_http_get(f->http, f->url, "entry/x", &b, &why), VT_E_NOENT);
    vt_buf_release(&b);
}

/* The policy is taken again while the site runs: with it other signers may write. */
static void
test_reload(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_buf policy = VT_BUF(65536);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    pid_t http;

    assert_int_equal(vt_site_reload(&f->home, 1000, &why), VT_E_STATE);
    write_policy(f);
    site_start(f);
    assert_int_equal(submit(f, 0), 0);
    http = await_child(f->pid, "http", 0);
    assert_int_equal(vt_home_path(&f->home, path, NULL, "policy"), VT_OK);
    assert_int_equal(vt_file_read(path, &policy, NULL), VT_OK);
    /* One that is wrong changes nothing. */
    assert_int_equal(vt_file_replace(path, 0644, "nonsense\n", 9, NULL), VT_OK);
    assert_int_equal(vt_site_reload(&f->home, 60000, &why), VT_E_CONFIG);
    assert_non_null(strstr(why.text, "nonsense"));
    assert_int_equal(child_named(f->pid, "http"), http);
    get(f, "policy", &b);
    assert_int_equal(b.len, policy.len);
    /* One that is right is in force when reload returns, any number of times. */
    vt_buf_puts(&policy, "group everybody any developer\n");
    for (int i = 0; i < 7; i++) {
        assert_int_equal(vt_file_replace(path, 0644, policy.data, policy.len, NULL), VT_OK);
        if (vt_site_reload(&f->home, 60000, &why) != VT_OK)
            fail_msg("%s", why.text);
        get(f, "policy", &b);
        assert_int_equal(b.len, policy.len);
    }
    assert_int_not_equal(child_named(f->pid, "http"), http);
    assert_int_equal(submit(f, 0), 0);
    assert_int_equal(submit(f, 1), 1);
    /* Another process's id in run/pid is not believed. */
    assert_int_equal(vt_home_path(&f->home, path, NULL, "run/pid"), VT_OK);
    vt_buf_clear(&b);
    vt_buf_putf(&b, "%d\n", (int)await_child(f->pid, "signer", 0));
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    assert_int_equal(vt_site_reload(&f->home, 1000, &why), VT_E_STATE);
    assert_int_equal(vt_file_replace(path, 0644, "-1\n", 3, NULL), VT_OK);
    assert_int_equal(vt_site_reload(&f->home, 1000, &why), VT_E_STATE);
    vt_buf_release(&policy);
    vt_buf_release(&b);
}

/* The API of a real site: each of the processes behind answers its part. */
static void
test_api(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};

    write_policy(f);
    site_start(f);
    assert_int_equal(submit(f, 0), 0);
    assert_int_equal(vt_log_wait_published(f->http, f->url, f->policy, 0, 30000, &why), VT_OK);
    get(f, "api/v1/session", &b);
    assert_non_null(strstr(vt_buf_str(&b), "\"rp\":\"localhost\""));
    get(f, "api/v1/visits/days", &b);
    assert_non_null(strstr(vt_buf_str(&b), "\"items\":[]"));
    for (int i = 0; i < 1500; i++) {
        get(f, "api/v1/entries", &b);
        if (strstr(vt_buf_str(&b), "\"index\":0") != NULL)
            break;
        usleep(20000);
    }
    assert_non_null(strstr(vt_buf_str(&b), "\"index\":0"));
    vt_buf_clear(&b);
    assert_int_equal(vt_http_get(f->http, f->url, "api/v1/nothing", &b, &why), VT_E_NOENT);
    assert_non_null(strstr(why.text, "not-found"));
    vt_buf_release(&b);
}

static void
test_page_is_served(void **state)
{
    struct fixture *f = *state;
    struct vt_site_opts opts = {.listen = "127.0.0.1:0"};
    struct vt_buf b = VT_BUF(1U << 20);
    struct vt_why why = {0};
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];

    write_policy(f);
    assert_int_equal(vt_path(dir, NULL, "%s/web", f->root), VT_OK);
    assert_int_equal(vt_dir_make(dir, 0755, NULL), VT_OK);
    opts.web = dir;
    assert_int_equal(vt_site_run(&f->home, &opts, &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "index.html"));
    opts = (struct vt_site_opts){.listen = "127.0.0.1:0", .origin = "https://x/path"};
    assert_int_equal(vt_site_run(&f->home, &opts, &why), VT_E_USAGE);
    assert_non_null(strstr(why.text, "origin"));
    assert_int_equal(vt_path(path, NULL, "%s/index.html", dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, "<p>built\n", 9, NULL), VT_OK);
    f->web = dir;
    site_start(f);
    get(f, "", &b);
    assert_string_equal(vt_buf_str(&b), "<p>built\n");
    get(f, "releases", &b);
    assert_string_equal(vt_buf_str(&b), "<p>built\n");
    get(f, "plain", &b);
    assert_non_null(strstr(vt_buf_str(&b), "zurich.example"));
    vt_buf_release(&b);
}

/* What a process that writes one folder and reads another may do. */
static int
confined_twice(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_buf b = VT_BUF(65536);
    char paths[3][VT_PATH_MAX];
    char verdict = 'y';
    struct vt_confine_folder folders[3];
    const char *const names[] = {"write", "read", "file"};
    enum vt_err err;

    for (size_t i = 0; i < 3; i++) {
        if (vt_path(paths[i], NULL, "%s/%s", f->root, names[i]) != VT_OK ||
            (i < 2 && vt_dir_make(paths[i], 0755, NULL) != VT_OK))
            return 1;
        folders[i] = (struct vt_confine_folder){
            .path = paths[i], .may = i == 0 ? VT_CONFINE_WRITE : VT_CONFINE_READ};
    }
    if (vt_file_replace(paths[2], 0644, "x", 1, NULL) != VT_OK)
        return 1;
    err = vt_confine(folders, 3, NULL);
    if (err == VT_E_STATE)
        verdict = 's';
    for (size_t i = 0; i < 2 && err == VT_OK; i++) {
        char file[VT_PATH_MAX];
        bool wrote = vt_path(file, NULL, "%s/x", paths[i]) == VT_OK &&
                     vt_file_replace(file, 0644, "x", 1, NULL) == VT_OK;

        if (wrote != (i == 0))
            verdict = 'n';
    }
    if (err == VT_OK && (vt_file_read(paths[2], &b, NULL) != VT_OK ||
                            vt_file_read("/etc/passwd", &b, NULL) == VT_OK))
        verdict = 'n';
    vt_buf_release(&b);
    return write(fd, &verdict, 1) == 1 ? 0 : 1;
}

/* A log with one release, and the metadata that names it, without a site. */
struct shown {
    struct vt_log_writer *w;
    struct vt_signer *signer[6]; /* log, developer, assembler, alpha, beta, release */
    struct vt_policy *policy;
    struct vt_digest artifact;
    struct vt_digest metadata;
    char pub[VT_PATH_MAX];
};

#define EVIL "lantern<script>"

static void
shown_policy(struct shown *s)
{
    static const char *const names[] = {"zurich.example/log", "developer.example",
        "zurich.example/assembler", "alpha.example/rebuilder", "beta.example/rebuilder",
        "zurich.example/release"};
    struct vt_buf b = VT_BUF(65536);

    for (uint8_t i = 0; i < 6; i++) {
        uint8_t seed[32] = {(uint8_t)(i + 50)};
        char text[VT_VKEY_TEXT_MAX];
        struct vt_key *k = NULL;
        struct vt_vkey v;

        assert_int_equal(vt_key_from_seed(names[i], seed, &k, NULL), VT_OK);
        assert_int_equal(vt_signer_from_key(k, &s->signer[i], NULL), VT_OK);
        assert_int_equal(
            vt_vkey_make(names[i], VT_NOTE_ED25519, vt_signer_public(s->signer[i]), &v, NULL),
            VT_OK);
        vt_vkey_format(&v, text);
        if (i == 0)
            vt_buf_putf(&b, "log %s\nquorum none\n", text);
        else
            vt_buf_putf(&b, "signer party-%d %s\n", i, text);
    }
    assert_int_equal(vt_policy_parse(b.data, b.len, &s->policy, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
shown_add(struct shown *s, enum vt_entry_kind kind, int signer)
{
    struct vt_entry e = {.kind = kind};
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_digest d;
    uint64_t index;

    vt_digest_of("input", 5, &d);
    if (kind != VT_ENTRY_ENVIRONMENT && kind != VT_ENTRY_RELEASE)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &d, NULL), VT_OK);
    if (kind != VT_ENTRY_SOURCE && kind != VT_ENTRY_RELEASE)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_ENVIRONMENT, &d, NULL), VT_OK);
    if (kind == VT_ENTRY_ASSEMBLY || kind == VT_ENTRY_REBUILD || kind == VT_ENTRY_MISMATCH)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_RECIPE, &d, NULL), VT_OK);
    if (kind != VT_ENTRY_SOURCE && kind != VT_ENTRY_ENVIRONMENT)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_ARTIFACT, &s->artifact, NULL), VT_OK);
    if (kind == VT_ENTRY_MISMATCH)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_REBUILT, &d, NULL), VT_OK);
    if (kind == VT_ENTRY_RELEASE)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_METADATA, &s->metadata, NULL), VT_OK);
    assert_int_equal(vt_entry_sign(&b, &e, s->signer[signer], NULL), VT_OK);
    vt_digest_of(b.data, b.len, &d);
    assert_int_equal(vt_log_writer_add(s->w, b.data, b.len, &d, &index, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
shown_publish(struct shown *s)
{
    const void *note;
    size_t len;

    assert_int_equal(vt_log_writer_commit(s->w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_sign(s->w, s->signer[0], NULL), VT_OK);
    note = vt_log_writer_signed_note(s->w, &len);
    assert_int_equal(vt_log_writer_publish(s->w, note, len, NULL), VT_OK);
}

static void
shown_init(struct shown *s, struct fixture *f)
{
    struct vt_buf b = VT_BUF(65536);
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];

    shown_policy(s);
    assert_int_equal(vt_path(s->pub, NULL, "%s/pub", f->root), VT_OK);
    assert_int_equal(vt_path(dir, NULL, "%s/l", f->root), VT_OK);
    assert_int_equal(vt_log_writer_open(dir, s->pub, "zurich.example/log", &s->w, NULL), VT_OK);
    vt_digest_of("artifact", 8, &s->artifact);
    vt_digest_hex(&s->artifact, hex);
    vt_buf_putf(&b,
        "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"targets\":{"
        "\"lantern/1.0.0/lantern-1.0.0.tar.zst\":{\"custom\":{\"product\":\"" EVIL
        "\",\"version\":\"1.0.0\"},\"hashes\":{\"sha256\":\"%s\"},\"length\":52000}},"
        "\"version\":1}}",
        hex);
    vt_digest_of(b.data, b.len, &s->metadata);
    assert_int_equal(vt_path(dir, NULL, "%s/tuf/metadata", s->pub), VT_OK);
    assert_int_equal(vt_dir_make(dir, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/1.products.json", dir), VT_OK);
    assert_int_equal(vt_file_replace(path, 0644, b.data, b.len, NULL), VT_OK);
    vt_buf_release(&b);
}

static void
shown_release(struct shown *s)
{
    for (int i = 0; i < 6; i++)
        vt_signer_free(s->signer[i]);
    vt_log_writer_free(s->w);
    vt_policy_free(s->policy);
}

static size_t
count(const char *s, const char *what)
{
    size_t n = 0;

    for (s = strstr(s, what); s != NULL; s = strstr(s + 1, what))
        n++;
    return n;
}

static void
front(struct vt_page *p, struct vt_buf *b)
{
    struct vt_http_response rs = {.status = 200, .body = VT_BUF(1U << 22)};

    usleep(300000); /* it looks four times a second at most */
    vt_page_front(p, &rs);
    assert_int_equal(rs.status, 200);
    assert_int_equal(rs.body.err, VT_OK);
    vt_buf_clear(b);
    vt_buf_put(b, rs.body.data, rs.body.len);
    vt_buf_release(&rs.body);
}

/* A release with its whole chain; what is missing shows; names are escaped. */
static void
test_releases_are_shown(void **state)
{
    struct fixture *f = *state;
    struct shown s = {0};
    struct vt_page *p = NULL;
    struct vt_buf b = VT_BUF(1U << 22);
    const char *keep = getenv("VT_KEEP_PAGE"); /* a file to look at */

    shown_init(&s, f);
    assert_int_equal(vt_page_new(&f->home, s.pub, s.policy, &p, NULL), VT_OK);
    front(p, &b);
    assert_non_null(strstr(vt_buf_str(&b), "no checkpoint is published yet"));
    shown_add(&s, VT_ENTRY_SOURCE, 1);
    shown_add(&s, VT_ENTRY_ASSEMBLY, 2);
    shown_add(&s, VT_ENTRY_RELEASE, 5);
    shown_publish(&s);
    front(p, &b);
    assert_int_equal(count(vt_buf_str(&b), "class=\"missing\""), 2);
    shown_add(&s, VT_ENTRY_ENVIRONMENT, 2);
    shown_add(&s, VT_ENTRY_REBUILD, 3);
    shown_add(&s, VT_ENTRY_REBUILD, 4);
    shown_publish(&s);
    front(p, &b);
    assert_int_equal(count(vt_buf_str(&b), "class=\"missing\""), 0);
    assert_int_equal(count(vt_buf_str(&b), "Rebuild, same bytes"), 2);
    assert_null(strstr(vt_buf_str(&b), "<script"));
    assert_non_null(strstr(vt_buf_str(&b), "lantern&lt;script&gt; 1.0.0"));
    assert_non_null(strstr(vt_buf_str(&b), "50.8 KiB"));
    if (keep != NULL)
        assert_int_equal(vt_file_replace(keep, 0644, b.data, b.len, NULL), VT_OK);
    shown_add(&s, VT_ENTRY_MISMATCH, 4);
    shown_publish(&s);
    front(p, &b);
    assert_non_null(strstr(vt_buf_str(&b), "<b>Mismatch</b>"));
    vt_page_free(p);
    shown_release(&s);
    vt_buf_release(&b);
}

static void
test_html_is_escaped(void **state)
{
    struct vt_buf b = VT_BUF(4096);
    char csp[512];

    (void)state;
    vt_html_text(&b, "<script>\"a\" & 'b'</script>\x01");
    assert_string_equal(vt_buf_str(&b), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;"
                                        "&lt;/script&gt;\xef\xbf\xbd");
    vt_buf_clear(&b);
    vt_html_path(&b, "a b/c\"?#");
    assert_string_equal(vt_buf_str(&b), "a%20b/c%22%3F%23");
    vt_buf_clear(&b);
    vt_html_size(&b, 1536);
    assert_string_equal(vt_buf_str(&b), "1.5 KiB");
    vt_html_csp(csp, sizeof(csp));
    assert_non_null(strstr(csp, "style-src 'sha256-"));
    assert_null(strstr(csp, "unsafe"));
    vt_buf_release(&b);
}

static int
confined(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(65536);
    char inside[VT_PATH_MAX];
    char outside[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char verdict = 'n';
    enum vt_err err;

    if (vt_path(dir, NULL, "%s/in", f->root) != VT_OK ||
        vt_path(inside, NULL, "%s/in/file", f->root) != VT_OK ||
        vt_path(outside, NULL, "%s/outside", f->root) != VT_OK ||
        vt_dir_make(dir, 0755, NULL) != VT_OK ||
        vt_file_replace(inside, 0644, "x", 1, NULL) != VT_OK ||
        vt_file_replace(outside, 0644, "x", 1, NULL) != VT_OK)
        return 1;
    err = vt_confine_to_reading(dir, &why);
    if (err == VT_E_STATE)
        verdict = 's';
    else if (err == VT_OK && vt_file_read(inside, &b, NULL) == VT_OK &&
             vt_file_read(outside, &b, NULL) != VT_OK &&
             vt_file_replace(inside, 0644, "y", 1, NULL) != VT_OK)
        verdict = 'y';
    vt_buf_release(&b);
    return write(fd, &verdict, 1) == 1 ? 0 : 1;
}

static void
test_confinement(void **state)
{
    int (*const bodies[])(int fd, void *ctx) = {confined, confined_twice};
    struct fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        char verdict = 0;
        pid_t pid;
        int fd;

        assert_int_equal(vt_proc_fork("confined", bodies[i], f, NULL, &pid, &fd, NULL), VT_OK);
        assert_int_equal(read(fd, &verdict, 1), 1);
        vt_proc_stop(pid, fd, 5000);
        if (verdict == 's')
            skip(); /* a kernel without Landlock */
        assert_int_equal(verdict, 'y');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_needs_a_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_serves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_process_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gives_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_front_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_api, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_page_is_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_releases_are_shown, set_up, tear_down),
        cmocka_unit_test(test_html_is_escaped),
        cmocka_unit_test_setup_teardown(test_confinement, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
