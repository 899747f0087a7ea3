/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder whose files are made durable by one syncfs. Private to src/log.
 *
 * Linux tells of a failed write once through each descriptor that was open when it failed, and
 * through one that is opened later only when nobody has heard of it yet. So the descriptor is
 * opened before the first file is written, and kept. And syncfs reaches one file system: what
 * is to be durable must be on that of the folder.
 */
#ifndef VT_LOG_DISK_H
#define VT_LOG_DISK_H

#include "base/file.h"

struct vt_disk {
    int fd; /* -1: not open */
    char dir[VT_PATH_MAX];
};

/* Opens the folder, which is there; it may be a link itself. */
VT_MUST enum vt_err vt_disk_open(struct vt_disk *d, const char *dir, struct vt_why *why);
void vt_disk_close(struct vt_disk *d);

/* VT_E_CONFIG: DIR/below is a link, or on another file system. One that is missing is fine. */
VT_MUST enum vt_err vt_disk_check(
    const struct vt_disk *d, const char *below, struct vt_why *why);

/* Makes durable all that was written to the file system. After an error it is not known what
 * of it the disk holds, and the next call does not say so again. */
VT_MUST enum vt_err vt_disk_sync(const struct vt_disk *d, struct vt_why *why);

/* Before a file is read that an earlier process left, or that was written before a failed sync:
 * has it read from the disk. What is in memory may look sound and be lost. */
void vt_disk_forget(int file_fd);

#endif
