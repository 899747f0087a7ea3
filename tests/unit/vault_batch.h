/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches for tests of the vault, made by the endpoint's own code.
 */
#ifndef VT_TEST_VAULT_BATCH_H
#define VT_TEST_VAULT_BATCH_H

#include "report/batch.h"

#include <stdio.h>
#include <string.h>

static const uint8_t batch_customer[VT_SUBJECT_SIZE] = {0xcc};

/* Opts for a region whose private key is `box`. */
static inline struct vt_batch_opts
batch_opts(const struct vt_box *box, const char *region, const char *class_name)
{
    struct vt_batch_opts o = {.region = region,
        .site = "zurich.example",
        .class_name = class_name,
        .created = 1795000000};

    memset(o.policy.b, 0x55, sizeof o.policy.b);
    memcpy(o.customer, batch_customer, sizeof o.customer);
    vt_box_public(box, &o.key);
    return o;
}

/* Appends one batch of `records` records of `subjects` subjects; record i is of subject i %
 * subjects, whose tag begins with that number. */
static inline void
batch_put(struct vt_buf *b, const struct vt_batch_opts *o, unsigned records, unsigned subjects)
{
    struct vt_batch_writer *w = NULL;
    char text[128];

    if (vt_batch_new(o, &w, NULL) != VT_OK)
        fail_msg("no batch writer");
    for (unsigned i = 0; i < records; i++) {
        uint8_t tag[VT_SUBJECT_SIZE] = {
            (uint8_t)((i % subjects) >> 8), (uint8_t)(i % subjects)};

        (void)snprintf(text, sizeof text, "{\"n\":%u,\"class\":\"%s\"}", i, o->class_name);
        if (vt_batch_add(w, tag, text, strlen(text), NULL) != VT_OK)
            fail_msg("record %u", i);
    }
    if (vt_batch_end(w, b, NULL) != VT_OK)
        fail_msg("batch");
    vt_batch_free(w);
}

#endif
