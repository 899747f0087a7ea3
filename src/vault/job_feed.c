/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/msg.h"
#include "crypto/kdf.h"
#include "crypto/locked.h"
#include "ledger/customers.h"
#include "vault/job_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The feeder. Which cell a subject belongs to: the first subjects that are seen get a cell
 * each, while there are any without (so that few subjects fill many cells); all later ones go
 * where a hash under a key of this run says. Either way a subject has one cell for the run.
 */
struct feeder {
    const struct vt_job_feed *given;
    int fd;
    uint8_t key[32];
    uint8_t first[VT_CELLS_MAX][VT_SUBJECT_SIZE]; /* the subject that cell i began with */
    unsigned first_count;
    bool closed[VT_CELLS_MAX]; /* its job reads no more */
    bool any;                  /* the next two are valid */
    uint8_t subject[VT_SUBJECT_SIZE];
    unsigned cell;
    struct vt_customers *customers;
    uint8_t customer[VT_SUBJECT_SIZE];
    uint64_t customer_records; /* of that one, not added yet */
    uint64_t segments;         /* as told last */
    uint8_t segment[VT_SEGMENT_ID_SIZE];
};

static unsigned
cell_of(struct feeder *f, const uint8_t subject[VT_SUBJECT_SIZE])
{
    struct vt_digest d;
    assert(f->given->cells > 0);
    for (unsigned i = 0; i < f->first_count; i++)
        if (memcmp(f->first[i], subject, VT_SUBJECT_SIZE) == 0)
            return i;
    if (f->first_count < f->given->cells) {
        memcpy(f->first[f->first_count], subject, VT_SUBJECT_SIZE);
        return f->first_count++;
    }
    const struct vt_slice v = {subject, VT_SUBJECT_SIZE};
    uint64_t n = 0;
    vt_hmac(f->key, sizeof f->key, &v, 1, &d);
    memcpy(&n, d.b, sizeof n);
    return (unsigned)(n % f->given->cells);
}

/* A job may stop reading before the end; that is its affair. */
static enum vt_err
give(struct feeder *f, unsigned cell, const uint8_t *p, size_t len, struct vt_why *why)
{
    while (len > 0 && !f->closed[cell]) {
        ssize_t n = write(f->given->in[cell], p, len);
        if (n < 0 && errno == EPIPE) {
            f->closed[cell] = true;
        } else if (n < 0 && errno != EINTR) {
            return vt_fail_errno(why, "cannot hand records to a cell");
        } else if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return VT_OK;
}

static enum vt_err
flush_customer(struct feeder *f, struct vt_why *why)
{
    uint64_t n = f->customer_records;
    f->customer_records = 0;
    return n > 0 ? vt_customers_add(f->customers, f->customer, n, why) : VT_OK;
}

static enum vt_err
count_customer(
    struct feeder *f, const uint8_t customer[VT_SUBJECT_SIZE], uint64_t n, struct vt_why *why)
{
    if (memcmp(f->customer, customer, VT_SUBJECT_SIZE) != 0) {
        enum vt_err err = flush_customer(f, why);
        if (err != VT_OK)
            return err;
        memcpy(f->customer, customer, VT_SUBJECT_SIZE);
    }
    f->customer_records += n;
    return VT_OK;
}

static enum vt_err
tick(struct feeder *f, const struct vt_segment_head *head, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    if (memcmp(f->segment, head->id, VT_SEGMENT_ID_SIZE) == 0)
        return VT_OK;
    memcpy(f->segment, head->id, VT_SEGMENT_ID_SIZE);
    vt_buf_put_u64(&b, ++f->segments);
    return vt_job_send(f->fd, VT_JOB_TICK, &b, why);
}

static enum vt_err
take_block(void *ctx, const struct vt_segment_head *head, const struct vt_block_row *row,
    const uint8_t *batch_customer, const void *plain, size_t len, struct vt_why *why)
{
    struct feeder *f = ctx;
    enum vt_err err = tick(f, head, why);
    if (err == VT_OK)
        err = count_customer(f, batch_customer, row->records, why);
    if (err != VT_OK)
        return err;
    if (!f->any || memcmp(f->subject, row->subject, VT_SUBJECT_SIZE) != 0) {
        f->cell = cell_of(f, row->subject);
        memcpy(f->subject, row->subject, VT_SUBJECT_SIZE);
        f->any = true;
    }
    return give(f, f->cell, plain, len, why);
}

/* The tree of customers goes to the file in memory that this process was given. */
static enum vt_err
put_customers(struct feeder *f, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(64U << 20U);
    struct vt_digest root;
    uint64_t n = 0;
    enum vt_err err = flush_customer(f, why);
    if (err == VT_OK)
        err = vt_customers_end(f->customers, &n, &root, why);
    if (err == VT_OK)
        err = vt_customers_put(f->customers, &b, why);
    if (err == VT_OK)
        err = vt_fd_write(f->given->customers, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
tell(const struct feeder *f, const struct vt_scan_counts *c, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_JOB_MESSAGE_MAX);
    vt_buf_put_u64(&b, c->segments);
    vt_buf_put_u64(&b, c->blocks);
    vt_buf_put_u64(&b, c->records);
    vt_buf_put_u64(&b, c->plain_bytes);
    vt_buf_put_u64(&b, c->erased_blocks);
    vt_buf_put_u64(&b, c->subjects);
    vt_buf_put(&b, c->segments_digest.b, VT_DIGEST_SIZE);
    vt_buf_put_u16(&b, (uint16_t)f->first_count);
    return vt_job_send(f->fd, VT_JOB_FED, &b, why);
}

static enum vt_err
begin(struct feeder *f, struct vt_why *why)
{
    uint8_t salt[16];
    enum vt_err err = vt_job_confine(why);
    if (err == VT_OK)
        err = vt_random(f->key, sizeof f->key, why);
    if (err == VT_OK)
        err = vt_random(salt, sizeof salt, why);
    return err == VT_OK ? vt_customers_new(salt, &f->customers, why) : err;
}

int
vt_job_feed_main(int fd, void *ctx)
{
    const struct vt_job_feed *given = ctx;
    const struct vt_job *job = given->job;
    struct vt_scan_counts counts = {0};
    struct vt_why why = {0};
    (void)vt_locked_process();
    struct feeder *f = calloc(1, sizeof *f);
    if (f == NULL)
        return 1;
    f->given = given;
    f->fd = fd;
    enum vt_err err = begin(f, &why);
    if (err == VT_OK)
        err = vt_scan_run(
            job->home, job->keeper, job->session, &job->scope, take_block, f, &counts, &why);
    for (unsigned i = 0; i < given->cells; i++)
        (void)close(given->in[i]);
    if (err == VT_OK)
        err = put_customers(f, &why);
    if (err == VT_OK)
        err = tell(f, &counts, &why);
    if (err != VT_OK)
        vt_job_send_failed(fd, err, &why);
    vt_customers_free(f->customers);
    vt_wipe(f, sizeof *f);
    free(f);
    return err == VT_OK ? 0 : 1;
}
