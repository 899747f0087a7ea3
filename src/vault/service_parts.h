/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the store process share. Private to src/vault/service*.c.
 */
#ifndef VT_VAULT_SERVICE_PARTS_H
#define VT_VAULT_SERVICE_PARTS_H

#include "vault/bwal.h"
#include "vault/intake.h"
#include "vault/inventory.h"
#include "vault/pack_queue.h"
#include "vault/service.h"

struct vt_customers;

/* A batch that is in the open group, or one that came again: answered after the commit. */
struct vt_service_waiting {
    uint64_t number;
    uint8_t id[VT_TAKEN_ID];
    bool duplicate;
    uint32_t records;
    uint64_t bytes;
};

struct vt_store_process {
    int fd;
    bool ended; /* the channel's clean end has come */
    const struct vt_vault_service *opts;
    struct vt_intake *intake;
    struct vt_taken *taken;
    struct vt_pack_queue *queue;
    struct vt_metrics metrics;
    pthread_mutex_t keeper_lock;
    /* The write-ahead file that is being filled; NULL: none yet. */
    struct vt_bwal *wal;
    uint64_t wal_weight; /* of its batches in a segment */
    uint64_t wal_blocks;
    int64_t wal_since_ms;
    struct vt_service_waiting waiting[VT_VAULT_OPEN_MAX];
    size_t waiting_count;
    /* Inventories that requests asked for. */
    struct {
        char region[VT_REGION_MAX + 1];
        struct vt_inventory *inventory;
    } inventory[VT_RULES_MAX];
    size_t inventory_count;
    /* The run whose customers were asked for last. */
    struct vt_customers *customers;
    char customers_run[VT_DIGEST_HEX_SIZE];
};

/* The answer to one message. */
struct vt_store_answer {
    int status;
    unsigned retry_s;
    enum vt_vault_type type;
    struct vt_buf body;
};

/* Answers what is no batch. Fills *a; an error is one after which the process cannot go on. */
VT_MUST enum vt_err vt_store_ask(struct vt_store_process *s, enum vt_vault_msg type,
    const char *path, const void *body, size_t len, struct vt_store_answer *a,
    struct vt_why *why);
/* A line of text with that status. */
void vt_store_line(struct vt_store_answer *a, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes in what the vault's folder says now, such as another policy in force. VT_E_NOMEM; what
 * cannot be used is logged, and what was known stays. */
VT_MUST enum vt_err vt_store_refresh(struct vt_store_process *s, struct vt_why *why);

/* The inventory of a region, read up to its end. */
VT_MUST enum vt_err vt_store_inventory(struct vt_store_process *s, const char *region,
    struct vt_inventory **ret, struct vt_why *why);
/* Makes the batches of all segments of a region known that are not yet. */
VT_MUST enum vt_err vt_store_learn(
    struct vt_store_process *s, const char *region, struct vt_why *why);
/* The same for all regions, when the process starts. */
VT_MUST enum vt_err vt_store_learn_all(struct vt_store_process *s, struct vt_why *why);

/* Puts what endpoints are given where the http process can read it. */
VT_MUST enum vt_err vt_store_show(const struct vt_home *home, struct vt_why *why);

/* Numbers of this moment into s->metrics. */
void vt_store_gauge(struct vt_store_process *s);

#endif
