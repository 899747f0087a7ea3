/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public files of a log as its writer sees them: tiles and bundles below a folder. Private
 * to the writer's tree side.
 *
 * Two ways of writing. A tile that no signed checkpoint covers is written plainly: nobody may
 * read it yet, a crash may leave it in any state, and it is then written again. One that a
 * signed checkpoint covers, and that got lost, is put in its place whole and durable.
 */
#ifndef VT_LOG_TILE_FILE_H
#define VT_LOG_TILE_FILE_H

#include "base/file.h"
#include "merkle/tile.h"

VT_MUST enum vt_err vt_tile_file_path(
    char ret[VT_PATH_MAX], const char *dir, const struct vt_tile *t, struct vt_why *why);
/* Writes it with its folders, none of them durable. */
VT_MUST enum vt_err vt_tile_file_write(
    const char *dir, const struct vt_tile *t, const void *data, size_t len, struct vt_why *why);
/* Puts it in its place, durable. */
VT_MUST enum vt_err vt_tile_file_mend(
    const char *dir, const struct vt_tile *t, const void *data, size_t len, struct vt_why *why);
/* Whether it is there, with a length that it may have. */
bool vt_tile_file_there(const char *dir, const struct vt_tile *t);
/* Reads a tile's t->width hashes. VT_E_NOENT. VT_E_DIGEST: another length. */
VT_MUST enum vt_err vt_tile_file_hashes(
    const char *dir, const struct vt_tile *t, struct vt_digest *ret, struct vt_why *why);
/* Removes the partial forms of the full tile (level, index), if there are any. */
VT_MUST enum vt_err vt_tile_file_drop_partials(
    const char *dir, unsigned level, uint64_t index, struct vt_why *why);

#endif
