/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store process of a vault: takes what was sent to the http process over a socket pair,
 * lets in what vault/intake.h permits, makes it durable (vault/bwal.h), packs it into segments
 * (vault/packer.h), and takes part in relocations. It opens no listening socket and has no
 * private key; for the keys that segments are sealed with it asks the keeper.
 *
 * Messages to it carry u64 number, u16 n ‖ rest of the path, then the body. It answers each
 * with VT_VAULT_DONE: the number, u16 HTTP status, u16 seconds for Retry-After, u8 content type
 * (enum vt_vault_type), then the body. All batches that wait are made durable by one
 * fdatasync, and then answered. The http process reads answers while it writes, so this one can
 * always answer.
 */
#ifndef VT_VAULT_SERVICE_H
#define VT_VAULT_SERVICE_H

#include "base/msg.h"
#include "store/home.h"

enum vt_vault_msg {
    VT_VAULT_BATCH = 1, /* a batch; no path */
    VT_VAULT_SHARES,    /* a VTH2 file; no path */
    VT_VAULT_MOVE,      /* path: what follows VT_MOVE_PATH */
    VT_VAULT_ACCESS,    /* path: RUN/TAG */
    VT_VAULT_METRICS,
    VT_VAULT_STATUS,
    VT_VAULT_DONE = 16,
};
enum vt_vault_type { VT_VAULT_TEXT = 1, VT_VAULT_JSON, VT_VAULT_BYTES, VT_VAULT_PROMETHEUS };

#define VT_VAULT_OPEN_MAX 64U             /* messages unanswered at once */
#define VT_VAULT_PATH_MAX 512U            /* bytes of a path's rest */
#define VT_VAULT_SHARES_MAX (64U * 1024U) /* bytes of a POST of shares */
#define VT_VAULT_ANSWER_MAX (16U * 1024U * 1024U)

struct vt_keeper;
struct vt_policy;

struct vt_vault_service {
    const struct vt_home *home;
    const struct vt_policy *trust; /* HOME/policy */
    struct vt_keeper *keeper;
    uint64_t pack_after_s; /* a write-ahead file is packed when it is so old; 0: 60 */
    uint64_t pack_size; /* ... or so large, in bytes of segments; 0: 12 MiB; at most 16 MiB */
    uint64_t wal_max;   /* bytes that may wait to be packed; 0: 1 GiB */
};

/* Serves fd until it closes: then packs what it can and gives VT_OK. An error is one after
 * which the process must be started anew. */
VT_MUST enum vt_err vt_vault_service_run(
    int fd, const struct vt_vault_service *opts, struct vt_why *why);

/* The folders of a vault that this process and the http process need. */
VT_MUST enum vt_err vt_vault_service_folders(const struct vt_home *home, struct vt_why *why);

#endif
