/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deterministic archives: pax tar compressed by zstd, so that the same tree
 * gives the same bytes wherever and whenever it is packed.
 *
 * Entries come folder first, then what is in it, the names of each folder in
 * byte order. Owner and group are 0 without names, every time is `epoch`, modes are 0644 or
 * 0755 (0777 for links), a file with several links is written in full each time.
 * Folders have entries of their own; the top folder has none. Compression has
 * one level and one thread. docs/formats/source.md has the details.
 */
#ifndef VT_STORE_PACK_H
#define VT_STORE_PACK_H

#include "base/buf.h"

#define VT_PACK_SIZE_MAX (16ULL << 30)
#define VT_PACK_FILE_MAX (2ULL << 30)
#define VT_PACK_COUNT_MAX 1000000ULL

/* Zeros stand for the values above. */
struct vt_pack_limits {
    uint64_t size_max;  /* bytes of all files together */
    uint64_t file_max;  /* bytes of one file */
    uint64_t count_max; /* entries */
};
/* Copies `from` (may be NULL) with its zeros replaced. */
void vt_pack_limits_fill(struct vt_pack_limits *to, const struct vt_pack_limits *from);

struct vt_pack_count {
    uint64_t files; /* files and links */
    uint64_t bytes; /* of content */
};

struct vt_pack;

/* Begins an archive at `path`, which is replaced when vt_pack_end succeeds and
 * untouched otherwise. limits may be NULL. */
VT_MUST enum vt_err vt_pack_new(const char *path, int64_t epoch,
    const struct vt_pack_limits *limits, struct vt_pack **ret, struct vt_why *why);
/* Abandons the archive when it was not ended. Takes NULL. */
void vt_pack_free(struct vt_pack *p);

/* Entries, in the order that is told above; VT_E_USAGE when one is out of
 * order, VT_E_REFUSED for a name that vt_path_is_safe refuses, VT_E_LIMIT. */
VT_MUST enum vt_err vt_pack_dir(struct vt_pack *p, const char *name, struct vt_why *why);
VT_MUST enum vt_err vt_pack_link(
    struct vt_pack *p, const char *name, const char *target, struct vt_why *why);
VT_MUST enum vt_err vt_pack_file(struct vt_pack *p, const char *name, bool executable,
    const void *data, size_t len, struct vt_why *why);
/* Reads exactly size bytes from fd; VT_E_STATE when there are fewer or more. */
VT_MUST enum vt_err vt_pack_file_fd(struct vt_pack *p, const char *name, bool executable,
    int fd, uint64_t size, struct vt_why *why);
/* Finishes: durable when it returns. ret may be NULL. */
VT_MUST enum vt_err vt_pack_end(
    struct vt_pack *p, struct vt_pack_count *ret, struct vt_why *why);

/* Packs all that is below folder `dir` into the archive `path`. A device, a
 * socket, a pipe or a file with setuid, setgid or sticky bit is VT_E_REFUSED,
 * naming it. The folder must not change meanwhile (VT_E_STATE when seen). */
VT_MUST enum vt_err vt_pack_folder(const char *dir, const char *path, int64_t epoch,
    const struct vt_pack_limits *limits, struct vt_pack_count *ret, struct vt_why *why);

#endif
