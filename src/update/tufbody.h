/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of TUF metadata: keys and roles (root, delegations), files (meta
 * of timestamp and snapshot) and targets. Private to metadata.c and to those
 * who read what it parsed; strings belong to the JSON that was parsed, which
 * must outlive the body. No I/O. (TUF specification 1.0, section 4)
 */
#ifndef VT_UPDATE_TUFBODY_H
#define VT_UPDATE_TUFBODY_H

#include "update/tufkey.h"

#define VT_TUF_KEYS_MAX 1024U     /* keys of one metadata file */
#define VT_TUF_ROLE_KEYS_MAX 64U  /* keys of one role */
#define VT_TUF_ROLES_MAX 1024U    /* delegations */
#define VT_TUF_PATHS_MAX 256U     /* patterns of one delegation */
#define VT_TUF_FILES_MAX 16384U   /* metadata files of a snapshot */
#define VT_TUF_TARGETS_MAX 65536U /* targets of one role */

/* Who must sign the metadata of a role. */
struct vt_tuf_role {
    const char *name;
    uint64_t threshold;
    size_t key_count;
    const struct vt_tuf_key **key; /* borrowed from the body */
    /* Delegations only: for which target paths it may speak. */
    size_t path_count;
    const char **path; /* patterns, or hex prefixes of the path's SHA-256 */
    bool by_hash;
    bool terminating;
};

/* A metadata file as timestamp or snapshot lists it. */
struct vt_tuf_file {
    const char *name; /* "products.json" */
    uint64_t version;
    bool has_length;
    bool has_hash;
    uint64_t length;
    struct vt_digest hash;
};

struct vt_tuf_target {
    const char *path;
    uint64_t length;
    struct vt_digest hash;
    const json_t *custom; /* an object, or NULL */
};

struct vt_tuf_body {
    size_t key_count;
    struct vt_tuf_key *key;
    size_t role_count;
    struct vt_tuf_role *role;
    size_t file_count;
    struct vt_tuf_file *file;
    size_t target_count;
    struct vt_tuf_target *target;
    bool consistent_snapshot;
};

/* Each fills a zeroed body from "signed"; release it whatever the result is.
 * VT_E_SYNTAX, VT_E_LIMIT, VT_E_DIGEST (a keyid that is not its key's). */
VT_MUST enum vt_err vt_tuf_body_root(
    struct vt_tuf_body *b, const json_t *obj, struct vt_why *why);
VT_MUST enum vt_err vt_tuf_body_targets(
    struct vt_tuf_body *b, const json_t *obj, struct vt_why *why);
/* timestamp and snapshot: `must` is the file that it has to list. */
VT_MUST enum vt_err vt_tuf_body_meta(
    struct vt_tuf_body *b, const json_t *obj, const char *must, struct vt_why *why);
void vt_tuf_body_release(struct vt_tuf_body *b);

/* Whether a delegation's patterns take in the path. `*` and `?` never match
 * '/'; every other character stands for itself. */
bool vt_tuf_role_matches(const struct vt_tuf_role *r, const char *path);

#endif
