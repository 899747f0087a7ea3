/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the log process share. Private to src/log/service*.c.
 */
#ifndef VT_LOG_SERVICE_PARTS_H
#define VT_LOG_SERVICE_PARTS_H

#include "base/msg_line.h"
#include "log/gate.h"
#include "log/metrics.h"
#include "log/service.h"

#include <pthread.h>

struct vt_log_gzip;
struct vt_log_index;
struct vt_store;

/* --- service_publish.c: the publisher's thread. --- */

/* What the two threads tell each other. */
struct vt_mailbox {
    pthread_mutex_t mutex;
    int to_main; /* eventfds */
    int to_publisher;
    /* Under the mutex. */
    bool stop;
    bool wants_news; /* the publisher waits for entries */
    bool woken;      /* it was told, and has not looked yet */
    enum vt_err err; /* other than VT_OK: it has ended with this */
    struct vt_why why;
    struct vt_publisher_numbers numbers;
    /* An entry of the log's own, from the publisher: first it fills `own`, then the other sets
     * own_index. */
    enum { VT_OWN_NONE, VT_OWN_ASKED, VT_OWN_QUEUED, VT_OWN_DURABLE, VT_OWN_REFUSED } own_state;
    struct vt_buf own;
    uint64_t own_index;
};

/* Belongs to the thread, once that runs. */
struct vt_publishing {
    const struct vt_service_opts *opts;
    struct vt_log_writer *writer;
    struct vt_publisher *publisher;
    struct vt_log_index *index;
    struct vt_log_gzip *gzip; /* NULL: bundles are not compressed */
    struct vt_mailbox mail;
    pthread_t thread;
    bool mail_open;
    bool running;
    unsigned failures; /* in a row */
    int64_t said_ms;   /* when a checkpoint was last logged */
    int64_t index_not_before_ms;
    int64_t gzip_not_before_ms;
};

/* Makes publisher and index; starts the thread. On failure vt_publishing_stop is to be called
 * nevertheless. */
VT_MUST enum vt_err vt_publishing_start(struct vt_publishing *p, struct vt_why *why);
/* Ends the thread, waits for it, and frees what it had. */
void vt_publishing_stop(struct vt_publishing *p);
/* Entries became durable: the log has `size` now. */
void vt_publishing_tell(struct vt_publishing *p, uint64_t size);

/* --- service_wait.c: who waits for what. --- */

struct vt_waiting {
    uint64_t number;
    uint64_t index;
    uint32_t wait_ms; /* for a checkpoint; 0: answered when durable */
    bool duplicate;
    int64_t until_ms; /* once it is durable */
};

/* When the log had how many entries. */
enum { VT_MARKS = 1024 };
struct vt_mark {
    uint64_t size;
    uint64_t us;
};

struct vt_waits {
    struct vt_waiting *queued; /* VT_SERVICE_OPEN_MAX; their entries are queued in the writer */
    size_t queued_count;
    struct vt_waiting *awaiting; /* VT_SERVICE_AWAIT_MAX; durable */
    size_t awaiting_count;
    size_t asked;                   /* of queued, those that will be awaiting */
    struct vt_mark marks[VT_MARKS]; /* a ring: batches that are not published */
    size_t mark_first;
    size_t mark_count;
};
VT_MUST enum vt_err vt_waits_init(struct vt_waits *w, struct vt_why *why);
void vt_waits_release(struct vt_waits *w);
/* A batch is durable. */
void vt_waits_mark(struct vt_waits *w, uint64_t size, uint64_t us);
/* A checkpoint of that size is published. */
void vt_waits_published(
    struct vt_waits *w, uint64_t size, uint64_t us, struct vt_metric_histogram *h);
/* Milliseconds until the next of the awaiting is late, at most `most`. */
int vt_waits_next(const struct vt_waits *w, int64_t now_ms, int most);

/* --- service.c --- */

struct vt_service {
    const struct vt_service_opts *opts;
    struct vt_msg_line *line;
    int fd;
    bool gone; /* nobody hears answers any more */
    struct vt_store *store;
    struct vt_log_writer *writer;
    struct vt_gate_sources *sources;
    struct vt_publishing publishing;
    struct vt_waits waits;
    struct vt_log_numbers numbers;
    struct vt_publisher_numbers published;
    char label[VT_KEY_NAME_MAX * 2 + 16]; /* origin="..." */
    struct vt_buf message;
};

/* Answers; sent with the next flush. */
VT_MUST enum vt_err vt_service_answer(
    struct vt_service *s, uint64_t number, int status, const char *text, struct vt_why *why);
/* One fdatasync for all that are queued, then who waits for that is answered. */
VT_MUST enum vt_err vt_service_commit(struct vt_service *s, struct vt_why *why);

/* --- service_take.c: messages. --- */
extern const struct vt_msg_rule vt_service_rules[];
VT_MUST enum vt_err vt_service_take(
    struct vt_service *s, uint16_t type, const struct vt_buf *b, struct vt_why *why);

#endif
