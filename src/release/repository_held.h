/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading a repository (repository.c) and writing to it
 * (repository_write.c) share. Private to the two.
 */
#ifndef VT_RELEASE_REPOSITORY_HELD_H
#define VT_RELEASE_REPOSITORY_HELD_H

#include "release/repository.h"

struct vt_repository {
    struct vt_home home;
    struct vt_lock lock;
    struct vt_tuf *root;
    struct vt_tuf *targets;
    struct vt_tuf *snapshot;
    struct vt_tuf *timestamp;
};

/* Appends public/tuf/metadata/NAME to b. */
VT_MUST enum vt_err vt_repository_read(
    const struct vt_home *h, const char *name, struct vt_buf *b, struct vt_why *why);
/* Writes it durably. */
VT_MUST enum vt_err vt_repository_write(
    const struct vt_home *h, const char *name, const struct vt_buf *b, struct vt_why *why);
/* The same for VERSION.ROLE.json. */
VT_MUST enum vt_err vt_repository_write_numbered(const struct vt_home *h, uint64_t version,
    const char *role, const struct vt_buf *b, struct vt_why *why);

/* Reads what is published anew. */
VT_MUST enum vt_err vt_repository_reload(struct vt_repository *r, struct vt_why *why);
/* Keeps other processes from writing to the home's repository. VT_E_BUSY. */
VT_MUST enum vt_err vt_repository_lock(
    const struct vt_home *h, struct vt_lock *ret, struct vt_why *why);
/* Whether there is a repository: it has a timestamp. */
bool vt_repository_exists(const struct vt_home *h);

#endif
