/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking sources into the library, one at a time, each by a process of its own: the archive is
 * somebody else's, and one that brings its reader down costs that source alone. Meanwhile the
 * indexer follows the log. Private to src/centre/indexer*.c.
 */
#ifndef VT_CENTRE_INDEXER_SHELF_H
#define VT_CENTRE_INDEXER_SHELF_H

#include "centre/facts_writer.h"

#include <stdbool.h>
#include <sys/types.h>

struct vt_shelf {
    struct vt_facts *facts;
    char dir[VT_PATH_MAX]; /* of the library */
    struct vt_digest source;
    char archive[VT_PATH_MAX];
    pid_t pid; /* of the process that takes it in; 0: none */
    int fd;    /* where it says what came of it; -1: none */
};

/* Takes off the shelf what the library has not. */
VT_MUST enum vt_err vt_shelf_init(
    struct vt_shelf *s, const struct vt_home *home, struct vt_facts *facts, struct vt_why *why);
/* Breaks off what is under way. */
void vt_shelf_release(struct vt_shelf *s);

/* Begins with the next source, when nothing is under way; *ret_any: something is now. */
VT_MUST enum vt_err vt_shelf_begin(struct vt_shelf *s, bool *ret_any, struct vt_why *why);
/* Waits for the process to say what came of it (s->fd is readable) and writes that down. */
VT_MUST enum vt_err vt_shelf_end(struct vt_shelf *s, struct vt_why *why);

#endif
