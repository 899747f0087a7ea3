/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TUF 1.0 metadata: one signed file, parsed within bounds, and the check that
 * enough keys of a role signed it. No I/O.
 *
 * A file is {"signed": {...}, "signatures": [{"keyid", "sig"}, ...]}. What is
 * signed is the canonical JSON of "signed", so members that we do not know are
 * kept and covered. Parsing checks form only; nothing in it may be believed
 * before vt_tuf_check_role. docs/formats/tuf.md.
 */
#ifndef VT_UPDATE_METADATA_H
#define VT_UPDATE_METADATA_H

#include "update/tufbody.h"

#define VT_TUF_ROOT_MAX (512U * 1024U)           /* bytes of a root file */
#define VT_TUF_TIMESTAMP_MAX (16U * 1024U)       /* bytes of a timestamp file */
#define VT_TUF_METADATA_MAX (5U * 1024U * 1024U) /* bytes of any other */
#define VT_TUF_SIGS_MAX 256U

enum vt_tuf_type {
    VT_TUF_ROOT = 1,
    VT_TUF_TARGETS, /* targets and delegated roles */
    VT_TUF_SNAPSHOT,
    VT_TUF_TIMESTAMP,
};
/* "root", ... */
const char *vt_tuf_type_name(enum vt_tuf_type type);

struct vt_tuf; /* one parsed file; owns copies of all it holds */

/* Parses a whole file of that type. `what` names it in messages. VT_E_SYNTAX,
 * VT_E_LIMIT, VT_E_DIGEST (a keyid that is not its key's), VT_E_NOMEM. */
VT_MUST enum vt_err vt_tuf_parse(const void *data, size_t len, enum vt_tuf_type type,
    const char *what, struct vt_tuf **ret, struct vt_why *why);
/* Takes NULL. */
void vt_tuf_free(struct vt_tuf *t);

uint64_t vt_tuf_version(const struct vt_tuf *t);
/* Seconds since 1970, UTC. From this very second on it is expired. */
int64_t vt_tuf_expires(const struct vt_tuf *t);
const struct vt_tuf_body *vt_tuf_body(const struct vt_tuf *t);
/* The parsed document, borrowed. */
const json_t *vt_tuf_document(const struct vt_tuf *t);

/* The role in a root ("timestamp", ...) or a delegation; NULL when not there. */
const struct vt_tuf_role *vt_tuf_role(const struct vt_tuf *t, const char *name);
/* The file as timestamp or snapshot lists it, or NULL. */
const struct vt_tuf_file *vt_tuf_file(const struct vt_tuf *t, const char *name);
const struct vt_tuf_target *vt_tuf_target(const struct vt_tuf *t, const char *path);

/* Gives people's names to keys in messages: NULL for a key it does not know. */
struct vt_tuf_names {
    const char *(*name)(const void *ctx, const struct vt_pubkey *pub);
    const void *ctx;
};

/* Which of the role's keys signed: ret_signed[i] for role->key[i], NULL when
 * not wanted. Returns how many distinct keys did. Nobody counts twice, neither
 * by two signatures nor under two keyids. */
size_t vt_tuf_signers(const struct vt_tuf *t, const struct vt_tuf_role *role, bool *ret_signed);

/* Whether the role's threshold signed. VT_E_QUORUM: how many did, how many are
 * needed, and who is missing by name (names may be NULL). */
VT_MUST enum vt_err vt_tuf_check_role(const struct vt_tuf *t, const struct vt_tuf_role *role,
    const struct vt_tuf_names *names, struct vt_why *why);

/* Whether the delegation `name` may speak for a path: its patterns take it in
 * and no terminating delegation before it does. */
bool vt_tuf_may_name(const struct vt_tuf *targets, const char *name, const char *path);

/* Whether a channel may have this name, which becomes a file's: lower-case
 * letters, digits and '-', 1 to 64, and not one of the four roles. */
bool vt_tuf_channel_valid(const char *name);

#endif
