/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvitrine: what a product embeds to check and install its own updates, and to
 * report to its region's vault.
 *
 * Three things are in it. vitrine_verify checks an artifact against the passport
 * beside it, by a policy, offline: that the log's checkpoint is cosigned by a
 * quorum of witnesses, and that source, environment, assembly, rebuilds and
 * release of this very artifact are in that log, signed by those whom the
 * policy requires. vitrine_updater brings the products of a channel into a
 * folder: The Update Framework's client workflow first, then the passport of
 * each product, and only then an installation that a crash leaves whole.
 * vitrine_reporter seals records to the public key of a region, so that nobody on
 * the way or at the site can read them, and keeps them on disk until the region's
 * vault has acknowledged them.
 *
 * Rules for all functions:
 * - Strings are NUL-terminated UTF-8; paths are the system's. NULL is allowed
 *   only where it is said.
 * - A function that can fail gives enum vitrine_error, and one line for a person
 *   in a struct vitrine_message (or the handle). What it would have returned is
 *   untouched when it fails.
 * - Nothing is printed, no signal is caught, the process never exits. SIGPIPE is
 *   not raised.
 * - A handle belongs to one thread at a time. Different handles are independent,
 *   but two updaters on one folder exclude each other, across processes too.
 * - The library opens sockets only in vitrine_updater_run and for a reporter (in
 *   vitrine_reporter_new, and in the one thread that each reporter has), and only to where
 *   the caller said, or to where a region's vault says that its proven new site is.
 */
#ifndef VITRINE_VITRINE_H
#define VITRINE_VITRINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VITRINE_API __attribute__((visibility("default")))
#define VITRINE_MUST __attribute__((warn_unused_result))
#else
#define VITRINE_API
#define VITRINE_MUST
#endif

/*
 * What can go wrong. After every one of them the folder of an update holds
 * either what was installed before or what the run had finished installing,
 * and the same call may be made again.
 */
enum vitrine_error {
    VITRINE_OK = 0,

    /* The caller: nothing was done. */
    VITRINE_E_USAGE = -1,  /* an argument that cannot be */
    VITRINE_E_CONFIG = -2, /* the policy is wrong, or the root is not the one the folder
                              was begun with */
    VITRINE_E_STATE = -3,  /* the call is not for this moment */

    /* Bytes from outside: refused, nothing was installed of them. */
    VITRINE_E_SYNTAX = -10, /* they do not parse */
    VITRINE_E_LIMIT = -11,  /* more than they may be: endless data */

    /* The world: nothing was decided; trying again may help. */
    VITRINE_E_IO = -20,
    VITRINE_E_NOENT = -21, /* there is no such file, or no such channel */
    VITRINE_E_EXIST = -22,
    VITRINE_E_NOSPC = -23, /* no room: what was half unpacked is removed */
    VITRINE_E_NET = -24,   /* no connection, or no usable answer */
    VITRINE_E_TIMEOUT = -25,
    VITRINE_E_BUSY = -26, /* another update of this folder is running */
    VITRINE_E_CHILD = -27,
    VITRINE_E_NOMEM = -28,
    VITRINE_E_CRYPTO = -29,

    /* Refused: what was offered must not be trusted. */
    VITRINE_E_REFUSED = -40,  /* the policy says no; no passport; mixed states */
    VITRINE_E_SIG = -41,      /* a signature of a known key is wrong */
    VITRINE_E_PROOF = -42,    /* a Merkle proof does not lead to the log's root */
    VITRINE_E_QUORUM = -43,   /* too few of those who must sign did: the message names them */
    VITRINE_E_DIGEST = -44,   /* not the bytes that were named */
    VITRINE_E_ROLLBACK = -45, /* older than what is trusted already */
    VITRINE_E_EXPIRED = -46,  /* past its expiry: a freeze, or a repository not kept up */
    VITRINE_E_UNKNOWN = -47,  /* signed by nobody known */
};

/* A short fixed name such as "quorum". Never NULL, also for other values. */
VITRINE_API const char *vitrine_error_name(enum vitrine_error err);

/* The library's version, such as "0.1.0". */
VITRINE_API const char *vitrine_version(void);

/* One line for a person: what is wrong, where, and what to do. */
struct vitrine_message {
    char text[1024];
};

/*
 * Verifying.
 */

struct vitrine_proof; /* what a successful check found */

/* Checks that the passport file proves the artifact file by the policy file.
 * `ret` and `message` may be NULL; the caller frees *ret. VITRINE_E_NOENT,
 * VITRINE_E_IO (a file), VITRINE_E_CONFIG (the policy), VITRINE_E_SYNTAX,
 * VITRINE_E_LIMIT (the passport), or one of the refusals. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_verify(const char *artifact,
    const char *passport, const char *policy, struct vitrine_proof **ret,
    struct vitrine_message *message);

/* The artifact's SHA-256 as 64 hex digits. Lives as long as the proof. */
VITRINE_API const char *vitrine_proof_sha256(const struct vitrine_proof *p);
/* The log's origin and size in the checkpoint. */
VITRINE_API const char *vitrine_proof_log(const struct vitrine_proof *p);
VITRINE_API uint64_t vitrine_proof_log_size(const struct vitrine_proof *p);
/* Seconds since 1970 (UTC) at which the witnesses' quorum vouched for the log at
 * the latest; 0 when the policy asks for no witnesses. */
VITRINE_API int64_t vitrine_proof_time(const struct vitrine_proof *p);
/* The log entries that counted: how many, and for i below that number what kind
 * ("source", "assembly", "review", ...; also "objection", where the policy demands no reviews),
 * who signed (as the policy names it) and where. */
VITRINE_API size_t vitrine_proof_entries(const struct vitrine_proof *p);
VITRINE_API const char *vitrine_proof_entry_kind(const struct vitrine_proof *p, size_t i);
VITRINE_API const char *vitrine_proof_entry_signer(const struct vitrine_proof *p, size_t i);
VITRINE_API uint64_t vitrine_proof_entry_index(const struct vitrine_proof *p, size_t i);
/* Frees *p and sets it to NULL; p and *p may be NULL. */
VITRINE_API void vitrine_proof_free(struct vitrine_proof **p);

/*
 * Updating.
 */

struct vitrine_updater;

/* `from`: http:// or https:// address of a site or mirror, or a folder that is a
 * copy of its public files. `policy`: the policy file. `into`: the folder to
 * install into, made when missing. All are copied, and the policy is read at
 * once. VITRINE_E_CONFIG (policy), VITRINE_E_NOENT, VITRINE_E_IO,
 * VITRINE_E_NOMEM. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_updater_new(const char *from,
    const char *policy, const char *into, struct vitrine_updater **ret,
    struct vitrine_message *message);

/* The root of TUF metadata that is trusted from the start, as a product ships
 * it; needed for the first update into a folder, and checked against what the
 * folder was begun with afterwards. The bytes are copied. VITRINE_E_LIMIT. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_updater_set_root(
    struct vitrine_updater *u, const void *root, size_t len);

/* How to tell somebody who waits: `what` is being done, `done` of `total` bytes
 * (0: unknown). Called from vitrine_updater_run, at the beginning of each piece
 * of work (done 0) and while it goes on. fn NULL: nobody is told. */
VITRINE_API void vitrine_updater_set_progress(struct vitrine_updater *u,
    void (*fn)(void *ctx, const char *what, uint64_t done, uint64_t total), void *ctx);

/* Updates one channel. May be called again, for the same channel or another. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_updater_run(
    struct vitrine_updater *u, const char *channel);

/* The line that tells why the last call with this updater failed; "" if it did
 * not. Lives until the next call. */
VITRINE_API const char *vitrine_updater_message(const struct vitrine_updater *u);

enum vitrine_outcome {
    VITRINE_CURRENT = 1,   /* was installed already, and is proven and unchanged */
    VITRINE_INSTALLED = 2, /* is installed now */
    VITRINE_REPAIRED = 3,  /* was damaged or incomplete, and is put right */
};

/* What the last run dealt with: the number of products, and of product i below
 * that number its name, version, outcome, the folder that it is in, and the
 * version that was installed before ("" for none). Strings live until the next
 * run. */
VITRINE_API size_t vitrine_updater_products(const struct vitrine_updater *u);
VITRINE_API const char *vitrine_updater_product(const struct vitrine_updater *u, size_t i);
VITRINE_API const char *vitrine_updater_product_version(
    const struct vitrine_updater *u, size_t i);
VITRINE_API enum vitrine_outcome vitrine_updater_outcome(
    const struct vitrine_updater *u, size_t i);
VITRINE_API const char *vitrine_updater_folder(const struct vitrine_updater *u, size_t i);
VITRINE_API const char *vitrine_updater_was(const struct vitrine_updater *u, size_t i);

/* Frees *u and sets it to NULL; u and *u may be NULL. */
VITRINE_API void vitrine_updater_free(struct vitrine_updater **u);

/*
 * Reporting.
 */

struct vitrine_reporter;

/* Fill with zeros, then set size and what is needed. All strings are copied. */
struct vitrine_reporter_options {
    size_t size; /* sizeof(struct vitrine_reporter_options) */
    /* Folder that keeps sealed batches until they are acknowledged, made when missing. One
     * process at a time has it, and one region. */
    const char *spool;
    uint64_t spool_max; /* bytes that these may be; 0: 256 MiB */
    const char *policy; /* trust policy file: whom to believe about regions and their keys */
    const char *const *vaults; /* URLs, one for each site that there is; the last is NULL */
    const char *region;        /* such as "EU" */
    const char *data_class;    /* such as "detection" */
    const char *customer;
    const char
        *secret; /* the customer's secret: a file of mode 0600 (`vault send --new-secret`) */
    uint32_t linger_ms; /* a batch that is not full is sealed after so long; 0: 1,000 */
};

/* Opens the spool and learns who keeps the region and what its key is: from what the spool
 * remembers, or from a vault (which may take 20 seconds for each); then starts a thread that
 * sends. `message` may be NULL. VITRINE_E_USAGE, VITRINE_E_CONFIG (policy, secret),
 * VITRINE_E_BUSY (another process has the spool), VITRINE_E_NET and VITRINE_E_TIMEOUT (no
 * vault, and nothing remembered), one of the refusals (a vault's proof does not hold),
 * VITRINE_E_IO, VITRINE_E_NOMEM. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_reporter_new(
    const struct vitrine_reporter_options *options, struct vitrine_reporter **ret,
    struct vitrine_message *message);

/* Takes a record (1 byte to 1 MiB without newline) about a data subject, by any name that is
 * always the same; only a tag made with the secret leaves this machine. It is in memory until
 * its batch is sealed (at 1,000 records, 512 KiB, linger_ms, or by vitrine_reporter_flush) and
 * does not wait for the network. VITRINE_E_NOSPC: the spool is full, VITRINE_E_IO: it cannot be
 * written; this record was not taken, those before it are kept. VITRINE_E_SYNTAX,
 * VITRINE_E_USAGE: there can be no such record or subject. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_reporter_add(
    struct vitrine_reporter *r, const char *subject, const void *record, size_t len);

/* Seals what is in memory: all that was taken is on disk. Then waits up to timeout_ms (0: not
 * at all; below 0: for ever) until the vault has acknowledged all. VITRINE_E_NOSPC,
 * VITRINE_E_IO: not all is on disk. VITRINE_E_TIMEOUT: it is, and is sent when that can be,
 * also by a later process. VITRINE_E_REFUSED: batches were refused for good and lie in the
 * spool as *.refused. */
VITRINE_API VITRINE_MUST enum vitrine_error vitrine_reporter_flush(
    struct vitrine_reporter *r, int64_t timeout_ms);

/* Set size before the call; members beyond it are left alone. */
struct vitrine_reporter_status {
    size_t size;       /* sizeof(struct vitrine_reporter_status) */
    uint64_t records;  /* taken by this reporter */
    uint64_t unsealed; /* of these, in memory */
    uint64_t waiting;  /* batches in the spool, of earlier runs too */
    uint64_t waiting_bytes;
    uint64_t acknowledged;  /* batches, by this reporter */
    uint64_t refused;       /* batches that lie refused in the spool */
    uint64_t policy_serial; /* of the vault policy that is known */
};
VITRINE_API void vitrine_reporter_status(
    struct vitrine_reporter *r, struct vitrine_reporter_status *ret);
/* The site that keeps the region, as far as is known. Lives until the next call. */
VITRINE_API const char *vitrine_reporter_site(struct vitrine_reporter *r);
/* Why the last call failed; "" if it did not. Lives until the next call. */
VITRINE_API const char *vitrine_reporter_message(const struct vitrine_reporter *r);

/* Stops the thread (which may take 20 seconds when a vault does not answer), frees *r and sets
 * it to NULL; r and *r may be NULL. What was not sealed is lost: vitrine_reporter_flush(r, 0)
 * first. */
VITRINE_API void vitrine_reporter_free(struct vitrine_reporter **r);

#ifdef __cplusplus
}
#endif

#endif
