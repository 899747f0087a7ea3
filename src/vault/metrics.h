/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vault's store process counts, and its text for Prometheus:
 * docs/formats/vault-metrics.md. Counters begin at 0 when the process starts. One thread.
 */
#ifndef VT_VAULT_METRICS_H
#define VT_VAULT_METRICS_H

#include "base/buf.h"

/* Why a batch was not taken; the names are values of the label `reason`, and stand in a table
 * with the HTTP status that says it. */
enum vt_refused {
    VT_REFUSED_NONE = 0,
    VT_REFUSED_FORM,   /* "form": no batch */
    VT_REFUSED_SIZE,   /* "size": larger than a batch can be */
    VT_REFUSED_REGION, /* "region": not kept at this site */
    VT_REFUSED_SITE,   /* "site": sealed for another one */
    VT_REFUSED_KEY,    /* "key": not the region's */
    VT_REFUSED_CLASS,  /* "class": none of the policy */
    VT_REFUSED_POLICY, /* "policy": neither the one in force nor the one before */
    VT_REFUSED_READY,  /* "not-ready": no policy is in force here yet */
    VT_REFUSED_FULL,   /* "full": too much waits to be packed */
    VT_REFUSED_DISK,   /* "disk": it could not be made durable */
    VT_REFUSED_COUNT
};
const char *vt_refused_name(enum vt_refused r);
/* 400, 413, 421 or 503. */
int vt_refused_status(enum vt_refused r);

struct vt_metrics {
    uint64_t batches; /* accepted */
    uint64_t records;
    uint64_t bytes;
    uint64_t duplicates;
    uint64_t refused[VT_REFUSED_COUNT];
    uint64_t syncs; /* of write-ahead files */
    uint64_t sync_us;
    uint64_t segments; /* made */
    uint64_t segment_bytes;
    uint64_t pack_failures;
    uint64_t shares;
    uint64_t moves; /* POSTs of relocations */
    /* As they are now. */
    uint64_t wal_bytes;
    uint64_t wal_files;
    uint64_t wal_batches;
    uint64_t known_batches;
    uint64_t queue; /* requests taken and not answered */
    bool ready;     /* a policy is in force */
};

/* Appends the text. */
void vt_metrics_put(const struct vt_metrics *m, struct vt_buf *b);

#endif
