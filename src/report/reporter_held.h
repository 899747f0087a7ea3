/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reporter as its files share it. Private to src/report.
 *
 * Two threads meet here: the one that adds, and the one that sends. Under the
 * mutex are the batch that grows, the sealed one that waits for room in the
 * spool, and copies of what the sending thread knows. Sender and `known` are that
 * thread's alone once it runs.
 */
#ifndef VT_REPORT_REPORTER_HELD_H
#define VT_REPORT_REPORTER_HELD_H

#include "report/batch.h"
#include "report/reporter.h"

#include <pthread.h>

struct vt_reporter {
    struct vt_policy *trust;
    struct vt_spool *spool;
    struct vt_known *known;
    struct vt_sender *sender;
    uint8_t *secret; /* locked memory */
    uint8_t customer[VT_SUBJECT_SIZE];
    char region[VT_REGION_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    int64_t linger_ms;
    int wake_fd;
    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t moved;
    bool stop;
    struct vt_known_facts facts;
    bool facts_new; /* the writer was made with others */
    struct vt_batch_writer *writer;
    struct vt_buf sealed; /* a batch for which there is no room yet */
    int64_t first_ms;     /* when the oldest record in the writer came */
    uint64_t records;
    uint64_t bytes;
    struct vt_sender_status sent;
    uint64_t turns;        /* of the sending thread */
    uint64_t refused_told; /* refused batches in the spool that the caller knows of */
};

/* Makes the sending thread look around. */
void vt_reporter_wake(const struct vt_reporter *r);
/* The sending thread. */
void *vt_reporter_run(void *ctx);

/* With the mutex held. A writer by the facts as they are now; the one before must be
 * empty. */
VT_MUST enum vt_err vt_reporter_writer(struct vt_reporter *r, struct vt_why *why);
/* With the mutex held: ends the batch and puts it into the spool. */
VT_MUST enum vt_err vt_reporter_put(struct vt_reporter *r, struct vt_why *why);

#endif
