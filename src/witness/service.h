/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness as a service: add-checkpoint requests decided upon in their
 * order, recorded together, then signed by keys in processes of their own.
 */
#ifndef VT_WITNESS_SERVICE_H
#define VT_WITNESS_SERVICE_H

#include "base/clock.h"
#include "http/listen.h"
#include "witness/metrics.h"
#include "witness/records.h"

struct vt_witness;

/* Opens the records in `dir`, follows the logs of these keys (the origin of each is its name),
 * and starts the signer process for key_path. */
VT_MUST enum vt_err vt_witness_new(const char *dir, const char *key_path,
    const struct vt_vkey *logs, size_t log_count, const struct vt_clock *clock,
    struct vt_witness **ret, struct vt_why *why);
/* The same with logs that have origins, and (mldsa_path not NULL) a second key, whose lines
 * come after the first one's. */
VT_MUST enum vt_err vt_witness_open(const char *dir, const char *key_path,
    const char *mldsa_path, const struct vt_witness_follow *logs, size_t log_count,
    const struct vt_clock *clock, struct vt_witness **ret, struct vt_why *why);
void vt_witness_free(struct vt_witness *w);

/* Follows these logs from now on: vt_witness_table_follow. */
VT_MUST enum vt_err vt_witness_follow(
    struct vt_witness *w, const struct vt_witness_follow *v, size_t n, struct vt_why *why);

/* The witness's own key, of type 04. */
const struct vt_vkey *vt_witness_key(const struct vt_witness *w);
/* Its other key, or NULL. */
const struct vt_vkey *vt_witness_mldsa_key(const struct vt_witness *w);

const struct vt_witness_table *vt_witness_logs(const struct vt_witness *w);
bool vt_witness_is_sound(const struct vt_witness *w);
void vt_witness_tick(struct vt_witness *w);
struct vt_witness_metrics *vt_witness_metrics(struct vt_witness *w);
/* Restarts of its signers. */
uint64_t vt_witness_restarts(const struct vt_witness *w);

/* A request: an add-checkpoint body, or (again not NULL) that the newest checkpoint of a log be
 * signed once more, with the time of its record. */
struct vt_witness_job {
    const void *body; /* valid until it is answered */
    size_t len;
    struct vt_witness_log *again;

    int status; /* the answer */
    const char *content_type;
    unsigned retry_after_s;
    struct vt_buf answer; /* of 200: the cosignature lines, after the note where again is set */

    bool staged; /* to be signed; from here on the service's own */
    struct vt_witness_log *log;
    struct vt_checkpoint checkpoint;
    const uint8_t *text;
    size_t text_len;
    uint64_t time;
    struct vt_buf own; /* the note, where again is set */
    size_t lines_at;
};
void vt_witness_job_init(struct vt_witness_job *job, const void *body, size_t len);
void vt_witness_job_release(struct vt_witness_job *job);

/* Answers n requests, at most VT_WITNESS_JOBS_MAX: each decided upon what the one before it
 * left, all made durable at once. 503 when disk or signer fail. */
#define VT_WITNESS_JOBS_MAX 1024U
void vt_witness_process(struct vt_witness *w, struct vt_witness_job *job, size_t n);

/* Answers one add-checkpoint request: the HTTP status, its content type (static), and the
 * answer appended to b. */
int vt_witness_answer(struct vt_witness *w, const void *body, size_t len,
    const char **ret_content_type, struct vt_buf *b);

struct vt_witness_serving {
    int listen_fd;
    int stop_fd;
    int reload_fd; /* when it is readable, reload is called, which reads it empty; -1: none */
    void (*reload)(void *ctx);
    void *ctx;
    const struct vt_listen_opts *how; /* or NULL */
    unsigned rate_per_minute;         /* add-checkpoint requests of one client; 0: no bound */
    unsigned connections;             /* 0: 1,024 */
    unsigned connections_per_client;  /* 0: no such bound */
};

/* Serves on the socket until stop_fd is readable or closed; what had arrived is answered. */
VT_MUST enum vt_err vt_witness_serve(
    struct vt_witness *w, int listen_fd, int stop_fd, struct vt_why *why);
VT_MUST enum vt_err vt_witness_serve_with(
    struct vt_witness *w, const struct vt_witness_serving *s, struct vt_why *why);

#endif
