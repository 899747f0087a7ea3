/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox seam: something that runs one shell script over a staged tree
 * without network, with a read-only root and within limits.
 *
 * Two implementations: bubblewrap (sandbox_bwrap.h), and the variation wrapper
 * (variation.h), which changes the surroundings of each run and hands it on.
 * docs/formats/sandbox.md says what a script finds around it.
 *
 * Sandboxes are run by an assembler process (assembly.h), which has entered a
 * mount namespace of its own (stage.h) and neither listens nor signs.
 */
#ifndef VT_ASSEMBLY_SANDBOX_H
#define VT_ASSEMBLY_SANDBOX_H

#include "assembly/recipe.h"
#include "base/file.h"

/* SOURCE_DATE_EPOCH of every run, and the time of every file in source and
 * artifacts: 1980-01-02T00:00:00Z, the first whole day that zip files can say in
 * every time zone. A constant, because inputs prove no time. */
#define VT_SANDBOX_EPOCH 315619200

/* Bytes of a run's log, beyond which the run is ended. */
#define VT_SANDBOX_LOG_MAX (64U * 1024U * 1024U)

/* What a script sees of the machine: normalised in an assembly, varied in a
 * rebuild. Paths are absolute, inside the sandbox. */
struct vt_surroundings {
    char work[128];  /* the source, writable */
    char out[128];   /* the folder that OUT names */
    char home[128];  /* HOME, writable, empty at the start */
    char host[64];   /* host name */
    char domain[64]; /* in /etc/hosts; "" for none */
    char user[32];   /* user and group name */
    uint32_t uid;
    uint32_t gid;
    uint32_t umask;
    unsigned cpus; /* processors it may use; 0: all */
    unsigned jobs; /* for make -j and DEB_BUILD_OPTIONS; 0: as many as processors */
    char tz[32];
    char locale[32];      /* LC_ALL */
    char path[256];       /* PATH */
    char hash_seed[16];   /* PYTHONHASHSEED and PERL_HASH_SEED */
    char perturb[8];      /* MALLOC_PERTURB_; "" for none */
    char extra[64];       /* value of VITRINE_VARIED; "" for none */
    char preload[256];    /* LD_PRELOAD, a file of the root; "" for none */
    char clock[32];       /* FAKETIME; "" for none */
    bool fixed_addresses; /* no address space randomisation */
    bool old_kernel;      /* uname says 2.6.x */
};

/* The surroundings of every assembly. */
void vt_surroundings_normal(struct vt_surroundings *ret);

enum vt_sandbox_limit {
    VT_LIMIT_NONE = 0,
    VT_LIMIT_TIME,
    VT_LIMIT_MEMORY,
    VT_LIMIT_PROCESSES,
    VT_LIMIT_DISK,
    VT_LIMIT_LOG,
    VT_LIMIT_OUTPUT,
};
/* As the recipe names it: "time_s", "memory_mb", ...; "log" and "output" are our own. */
const char *vt_sandbox_limit_name(enum vt_sandbox_limit l);

struct vt_sandbox_job {
    const char *box;    /* made by vt_stage_enter: root/ and stage/ are below it */
    const char *script; /* for /bin/sh -e -c */
    const char *subdir; /* of the source, where the script begins; "" for its top */
    const struct vt_recipe_env *env;
    size_t env_count;
    struct vt_recipe_limits limits;
    int64_t deadline_ms; /* of vt_clock_monotonic_ms; ends the run as VT_LIMIT_TIME */
    int log_fd;          /* standard output and error are appended here */
    uint64_t log_max;    /* bytes that this run may add */
    /* Standard input, read by the script alone: closed here as soon as the sandbox has it, and
     * also on failure, so that who writes to it sees when nobody reads any more. 0: /dev/null.
     */
    int in_fd;
    /* Standard output, apart from the log; stays the caller's. More than out_max bytes end the
     * run as VT_LIMIT_OUTPUT. 0: to the log. */
    int out_fd;
    uint64_t out_max;
    unsigned look_ms; /* how often memory and disk are looked at; 0: five times a second */
    struct vt_surroundings around;
    /* Called about five times a second, or NULL; an error ends the run and is returned. */
    enum vt_err (*tick)(void *ctx, struct vt_why *why);
    void *tick_ctx;
};

struct vt_sandbox_result {
    int status; /* exit status; 128 and the signal's number when it was killed */
    enum vt_sandbox_limit limit; /* the limit that a failed run met */
    uint64_t log_len;            /* bytes added to the log */
    uint64_t out_len;            /* bytes written to out_fd */
    char tail[512];              /* the end of what it wrote, NUL-terminated */
    char isolation[192];         /* what was in force: words with spaces between */
};

struct vt_sandbox;

struct vt_sandbox_ops {
    enum vt_err (*prepare)(
        void *impl, const char *source, const char *root, struct vt_why *why); /* may be NULL */
    enum vt_err (*run)(void *impl, const struct vt_sandbox_job *job,
        struct vt_sandbox_result *ret, struct vt_why *why);
    void (*free)(void *impl);
};

/* For implementations of the seam. Takes ownership of impl, also on failure. */
VT_MUST enum vt_err vt_sandbox_make(
    const struct vt_sandbox_ops *ops, void *impl, struct vt_sandbox **ret, struct vt_why *why);
/* Takes NULL. */
void vt_sandbox_free(struct vt_sandbox *s);

/* Called once, after the source was unpacked to the folder `source` (a path of
 * this process) and before the first run over it; `root` is the environment's. */
VT_MUST enum vt_err vt_sandbox_prepare(
    struct vt_sandbox *s, const char *source, const char *root, struct vt_why *why);

/* Runs the script and waits for its end; nothing of it is left running when this
 * returns. VT_OK however the script ended: see *ret. VT_E_CHILD or VT_E_IO when
 * the sandbox could not be made; the tick's error. */
VT_MUST enum vt_err vt_sandbox_run(struct vt_sandbox *s, const struct vt_sandbox_job *job,
    struct vt_sandbox_result *ret, struct vt_why *why);

#endif
