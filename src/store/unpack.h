/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking archives from outside (pax tar, compressed by zstd) into a folder,
 * without trust in a single byte of them.
 *
 * Nothing is ever written outside the folder: names must pass vt_path_is_safe
 * (a "./" before and a "/" after a folder are taken off), each folder on the
 * way is opened without following links, and nothing that exists is replaced.
 * Only folders, files, symbolic links and hard links to files unpacked before (copied)
 * are taken; a device, pipe, sparse map or set-id bit refuses the archive.
 * Files get mode 0644 or 0755, folders 0755, and the caller's owner and the
 * present time.
 */
#ifndef VT_STORE_UNPACK_H
#define VT_STORE_UNPACK_H

#include "base/buf.h"

struct vt_unpack_opts {
    uint64_t size_max;  /* bytes of all files together; 0: 16 GiB */
    uint64_t file_max;  /* bytes of one file; 0: 2 GiB */
    uint64_t count_max; /* entries; 0: 1,000,000 */
    bool durable;       /* fsync every file and folder before returning */
    /* Take symbolic links that are absolute or lead out of the folder, as source
     * trees may have that are unpacked for a sandbox. Else they refuse the archive. */
    bool outward_links;
};

/* Unpacks the archive file `path` into the folder `dir`, which must exist and be
 * empty. opts may be NULL. VT_E_SYNTAX (no such archive, or cut short),
 * VT_E_LIMIT, VT_E_REFUSED naming the entry, VT_E_STATE (folder not empty),
 * VT_E_IO, VT_E_NOSPC. What was unpacked before a failure is left for the caller
 * to remove (vt_tree_remove). ret_count may be NULL: files and links. */
VT_MUST enum vt_err vt_unpack_tar_zst(const char *path, const char *dir,
    const struct vt_unpack_opts *opts, uint64_t *ret_count, struct vt_why *why);
/* The same from memory. */
VT_MUST enum vt_err vt_unpack_tar_zst_mem(const void *data, size_t len, const char *dir,
    const struct vt_unpack_opts *opts, uint64_t *ret_count, struct vt_why *why);

/* Unpacks a whole system's root folder from an uncompressed tar that this machine
 * made: as above, but names may hold any character, links may lead anywhere,
 * devices, pipes and sockets are left out, and set-id bits are dropped. */
VT_MUST enum vt_err vt_unpack_system(const char *path, const char *dir,
    const struct vt_unpack_opts *opts, uint64_t *ret_count, struct vt_why *why);

#endif
