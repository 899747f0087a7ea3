/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serving a mirror: its files, and two answers about it. Everything is read from DIR anew,
 * since another process keeps it.
 */
#include "base/clock.h"
#include "base/confine.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/proc.h"
#include "http/server.h"
#include "http/tls_signer.h"
#include "log/mirror_parts.h"
#include "log/served.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECTIONS = 1024, CONNECTIONS_PER_CLIENT = 256, STOP_MS = 2000 };

static const struct vt_served served[] = {
    VT_SERVED_LOG,
    {"/evidence/", "evidence", VT_SERVED_TEXT, true, false},
};
#define SERVED (sizeof(served) / sizeof(served[0]))

struct serving {
    char dir[VT_PATH_MAX];
    char path[SERVED][VT_PATH_MAX];
    struct vt_http_folder folders[SERVED + 1];
};

/* The checkpoint in DIR, and how old the file is. It was checked when it was put there. */
static enum vt_err
read_checkpoint(const struct serving *s, struct vt_checkpoint *ret, int64_t *ret_age_s)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_note note;
    struct stat st;
    enum vt_err err = vt_file_read(s->path[0], &b, NULL);

    if (err == VT_OK)
        err = vt_note_parse(b.data, b.len, &note, NULL);
    if (err == VT_OK)
        err = vt_checkpoint_parse(note.text, note.text_len, ret, NULL);
    vt_buf_release(&b);
    *ret_age_s =
        stat(s->path[0], &st) == 0 ? vt_clock_now(&vt_clock_system) - st.st_mtim.tv_sec : 0;
    if (*ret_age_s < 0)
        *ret_age_s = 0;
    return err;
}

static void
get_health(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct vt_checkpoint c;
    int64_t age;

    (void)rq;
    if (read_checkpoint(ctx, &c, &age) == VT_OK) {
        vt_buf_puts(&rs->body, "ok\n");
        return;
    }
    rs->status = 503;
    rs->retry_after_s = 10;
    vt_buf_puts(&rs->body, "the mirror has no checkpoint yet\n");
}

static enum vt_err
count_name(void *ctx, const char *name, struct vt_why *why)
{
    (void)name;
    (void)why;
    ++*(uint64_t *)ctx;
    return VT_OK;
}

static void
get_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    const struct serving *s = ctx;
    struct vt_buf label = VT_BUF(1024);
    struct vt_checkpoint c = {0};
    uint64_t evidence = 0;
    int64_t age = 0;

    (void)rq;
    if (read_checkpoint(s, &c, &age) != VT_OK)
        c = (struct vt_checkpoint){0};
    if (vt_dir_each(s->path[SERVED - 1], count_name, &evidence, NULL) != VT_OK)
        evidence = 0;
    vt_metric_label(&label, "origin", c.origin);
    rs->content_type = VT_METRIC_TYPE;
    vt_metric_one(&rs->body, "vitrine_mirror_size", "gauge",
        "Entries that the mirror's checkpoint covers.", vt_buf_str(&label), c.size);
    vt_metric_one(&rs->body, "vitrine_mirror_checkpoint_age_seconds", "gauge",
        "Time since the mirror's checkpoint was replaced.", vt_buf_str(&label), (uint64_t)age);
    vt_metric_one(&rs->body, "vitrine_mirror_evidence", "gauge",
        "Contradictions of the log that the mirror keeps.", vt_buf_str(&label), evidence);
    vt_metric_one(&rs->body, "vitrine_mirror_resident_bytes", "gauge", "Memory of the process.",
        vt_buf_str(&label), vt_metric_resident());
    vt_buf_release(&label);
}

static int
tls_signer_main(int fd, void *ctx)
{
    return vt_tls_signer_serve(fd, ctx);
}

/* The process with the TLS key, started while files may still be read. *ret_fd stays 0 without
 * TLS. */
static enum vt_err
start_tls_signer(
    const struct vt_listen_opts *how, pid_t *ret_pid, int *ret_fd, struct vt_why *why)
{
    struct vt_listen_opts own;

    if (!vt_listen_has_tls(how))
        return VT_OK;
    own = *how;
    return vt_proc_fork("tls-signer", tls_signer_main, &own, NULL, ret_pid, ret_fd, why);
}

enum vt_err
vt_log_mirror_serve(const char *dir, const struct vt_listen_opts *how, int listen_fd,
    int stop_fd, struct vt_why *why)
{
    static const struct vt_http_route routes[] = {
        {"GET", "/healthz", 0, get_health, NULL},
        {"GET", "/metrics", 0, get_metrics, NULL},
        {NULL, NULL, 0, NULL, NULL},
    };
    struct serving *s = calloc(1, sizeof(*s));
    struct vt_http_server_opts opts = {.routes = routes,
        .ctx = s,
        .how = how,
        .connections_max = CONNECTIONS,
        .connections_per_client = CONNECTIONS_PER_CLIENT};
    struct vt_why unconfined = {{0}};
    pid_t signer = 0;
    enum vt_err err;

    if (s == NULL)
        return vt_fail(why, VT_E_NOMEM, "mirror: out of memory");
    err = vt_path(s->dir, why, "%s", dir);
    if (err == VT_OK)
        err = vt_served_folders(dir, served, SERVED, s->path, s->folders, why);
    opts.folders = s->folders;
    if (err == VT_OK)
        err = start_tls_signer(how, &signer, &opts.tls_fd, why);
    vt_metric_resident_prepare();
    if (err == VT_OK && vt_confine_to_reading(dir, &unconfined) != VT_OK)
        vt_log(VT_LOG_WARN, "this process may read more than %s: %s", dir, unconfined.text);
    if (err == VT_OK)
        err = vt_http_serve(listen_fd, stop_fd, &opts, why);
    if (signer > 0)
        vt_proc_stop(signer, -1, STOP_MS);
    free(s);
    return err;
}
