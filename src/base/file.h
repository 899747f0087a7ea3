/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: read whole within a bound, written so that a crash leaves the old
 * content or the new one and never a mixture.
 *
 * Durable writing is one recipe, and this is its only place: write a temporary
 * file in the same folder, fsync it, rename it over the name, fsync the folder.
 * Temporary names begin with ".tmp-" and are ignored by all readers.
 */
#ifndef VT_BASE_FILE_H
#define VT_BASE_FILE_H

#include "base/buf.h"

#include <limits.h>
#include <sys/types.h>

#define VT_PATH_MAX 4096

/* Formats a path; VT_E_LIMIT when it does not fit. */
VT_MUST enum vt_err vt_path(char ret[VT_PATH_MAX], struct vt_why *why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a relative path from outside may be used below a folder: not empty,
 * not absolute, no empty, "." or ".." part, no control character, no
 * backslash, at most 1,024 bytes, UTF-8. */
bool vt_path_is_safe(const char *path);

/* Appends the file's bytes to b, which bounds them. VT_E_NOENT, VT_E_IO,
 * VT_E_LIMIT (file longer than the buffer's maximum). */
VT_MUST enum vt_err vt_file_read(const char *path, struct vt_buf *b, struct vt_why *why);

/* Replaces the file durably. `mode` is what the file gets, umask disregarded. */
VT_MUST enum vt_err vt_file_replace(
    const char *path, mode_t mode, const void *data, size_t len, struct vt_why *why);

/* The same for a name that must not exist: VT_E_EXIST, the old one untouched. */
VT_MUST enum vt_err vt_file_create(
    const char *path, mode_t mode, const void *data, size_t len, struct vt_why *why);

/* Durable writing of a file that is streamed: begin, write to fd, then commit
 * (durable when it returns) or abort. After either the struct is spent. */
struct vt_file_new {
    int fd;
    char path[VT_PATH_MAX];
    char tmp[VT_PATH_MAX];
};
VT_MUST enum vt_err vt_file_new_begin(
    struct vt_file_new *f, const char *path, mode_t mode, struct vt_why *why);
VT_MUST enum vt_err vt_file_new_commit(struct vt_file_new *f, struct vt_why *why);
/* Harmless on a struct that is zeroed, committed or aborted. */
void vt_file_new_abort(struct vt_file_new *f);

/* Writes all bytes to a descriptor, across short writes and EINTR. */
VT_MUST enum vt_err vt_fd_write(int fd, const void *data, size_t len, struct vt_why *why);
/* Reads up to len bytes across short reads; *ret_len < len only at the end. */
VT_MUST enum vt_err vt_fd_read(
    int fd, void *ret, size_t len, size_t *ret_len, struct vt_why *why);

/* Makes the folder and its parents; durable; fine when it is there. */
VT_MUST enum vt_err vt_dir_make(const char *path, mode_t mode, struct vt_why *why);
VT_MUST enum vt_err vt_dir_sync(const char *path, struct vt_why *why);
/* Removes a folder with all below it, never following links; fine when it is
 * not there. Restores write permission on folders where it must. */
VT_MUST enum vt_err vt_tree_remove(const char *path, struct vt_why *why);
/* Calls fn for each name in the folder but "." and ".." and temporary ones, in
 * byte order. fn's error ends the walk and is returned. At most 1,000,000. */
VT_MUST enum vt_err vt_dir_each(const char *path,
    enum vt_err (*fn)(void *ctx, const char *name, struct vt_why *why), void *ctx,
    struct vt_why *why);
/* How many names vt_dir_each would give; 0 for a folder that is not there. */
VT_MUST enum vt_err vt_dir_count(const char *path, size_t *ret, struct vt_why *why);
/* A new folder path/PREFIX-XXXXXX with mode 0700. */
VT_MUST enum vt_err vt_dir_temp(
    const char *parent, const char *prefix, char ret[VT_PATH_MAX], struct vt_why *why);

/* Replaces the symbolic link `path` by one to `target`, atomically, durable. */
VT_MUST enum vt_err vt_link_switch(const char *path, const char *target, struct vt_why *why);

bool vt_file_exists(const char *path);

/* An exclusive lock on a file (made when missing), held until released or
 * the process ends. VT_E_BUSY when another process has it: `what` names what
 * is locked in the message. */
struct vt_lock {
    int fd;
};
VT_MUST enum vt_err vt_lock_take(
    struct vt_lock *l, const char *path, const char *what, struct vt_why *why);
/* The same, but waits up to timeout_ms for the other process to be done: what
 * it does is what this one would do, or ends soon. Ticks progress (may be NULL)
 * meanwhile. VT_E_BUSY after that. */
struct vt_progress;
VT_MUST enum vt_err vt_lock_wait(struct vt_lock *l, const char *path, const char *what,
    int64_t timeout_ms, struct vt_progress *progress, struct vt_why *why);
void vt_lock_release(struct vt_lock *l);

#endif
