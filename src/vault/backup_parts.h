/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup's manifest: text, one line a file, sorted by path. Private to src/vault/backup.c,
 * restore.c and their tests.
 *
 *     vitrine/vault/backup/v1
 *     site zurich.example
 *     made 2026-11-22T10:00:00Z
 *     generation 3
 *     file sha256:HEX 1234 inventory/EU
 *     ...
 */
#ifndef VT_VAULT_BACKUP_PARTS_H
#define VT_VAULT_BACKUP_PARTS_H

#include "vault/backup.h"

#define VT_BACKUP_FILES_MAX 1000000U
#define VT_BACKUP_MANIFEST_MAX (256U * 1024U * 1024U)
#define VT_BACKUP_FILE_MAX                                                                     \
    (512U * 1024U * 1024U) /* bytes of one small file, or of the ring                          \
                            */

struct vt_backup_file {
    struct vt_digest digest;
    uint64_t size;
    char *path; /* below HOME/vault */
};

struct vt_manifest {
    char site[VT_KEY_NAME_MAX + 1];
    int64_t made;
    uint64_t generation;
    size_t count;
    size_t room;
    struct vt_backup_file *file;
};
void vt_manifest_release(struct vt_manifest *m);
/* vt_manifest_sort follows the last. VT_E_LIMIT, VT_E_NOMEM, VT_E_SYNTAX (no such path). */
VT_MUST enum vt_err vt_manifest_add(struct vt_manifest *m, const char *path,
    const struct vt_digest *digest, uint64_t size, struct vt_why *why);
void vt_manifest_sort(struct vt_manifest *m);
const struct vt_backup_file *vt_manifest_find(const struct vt_manifest *m, const char *path);
VT_MUST enum vt_err vt_manifest_put(
    struct vt_buf *b, const struct vt_manifest *m, struct vt_why *why);
/* Strict. VT_E_SYNTAX with the line, VT_E_LIMIT, VT_E_NOMEM; release *ret in every case. */
VT_MUST enum vt_err vt_manifest_parse(
    const void *data, size_t len, struct vt_manifest *ret, struct vt_why *why);

/* Calls fn for each region that the manifest has an inventory of, with its rows and those of
 * removed segments, read from DIR/files. */
VT_MUST enum vt_err vt_manifest_regions(const struct vt_manifest *m, const char *dir,
    enum vt_err (*fn)(void *ctx, const char *region, const struct vt_inventory *rows,
        const struct vt_inventory *removed, struct vt_why *why),
    void *ctx, struct vt_why *why);

/* Copies a file durably; *ret its digest and *ret_len its size (may be NULL). */
VT_MUST enum vt_err vt_backup_copy(const char *from, const char *to, mode_t mode,
    struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why);
/* A segment that is in place already counts; one that is copied is checked against its row.
 * *ret_copied says which. `dir` is made when missing. */
VT_MUST enum vt_err vt_backup_segment(const char *from_dir, const char *dir,
    const struct vt_segment_row *row, bool *ret_copied, struct vt_why *why);

/* backup_known.c: adds it to HOME/vault/backups; fine when it is there. */
VT_MUST enum vt_err vt_backup_remember(
    const struct vt_home *h, const char *dir, struct vt_why *why);

#endif
