/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: every regular file below a path, in byte order of the names, by
 * descriptor and without following symbolic links. Nothing else is opened:
 * no device, socket or pipe.
 */
#ifndef LANTERN_WALK_H
#define LANTERN_WALK_H

#include <stdint.h>

struct walk_limits {
    uint64_t size_max;  /* bytes; longer files are not opened */
    unsigned depth_max; /* folders below the path that was given */
};

/* Why something was left out. */
enum walk_skip {
    WALK_TOO_LARGE,
    WALK_TOO_DEEP,
    WALK_UNREADABLE, /* errno says why */
};

struct walk_ops {
    /* fd is open for reading, and closed after the call. */
    void (*file)(void *ctx, const char *path, int fd, uint64_t size);
    void (*skipped)(void *ctx, const char *path, enum walk_skip why);
};

/* `path` itself may be a file or a folder; a symbolic link there is followed,
 * since a person named it. */
void walk(
    const char *path, const struct walk_limits *limits, const struct walk_ops *ops, void *ctx);

#endif
