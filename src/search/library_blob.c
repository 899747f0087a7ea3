/* SPDX-License-Identifier: Apache-2.0 */
/* Shards and the bytes of blobs. */
#include "search/library_held.h"

#include <stdlib.h>

enum vt_err
vt_library_shard_path(const struct vt_library *l, const char *folder, uint32_t id,
    uint32_t generation, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/%s/%u-%u.shard", l->dir, folder, id, generation);
}

/* A small shard's file is replaced by a larger one (its blobs keep their numbers), and the old
 * one is removed: then the tables tell the new one's name. */
static enum vt_err
open_newer(struct vt_library *l, size_t at, struct vt_why *why)
{
    struct vt_library_shard *s = &l->shard[at];
    char path[VT_PATH_MAX];
    int64_t generation = 0;
    enum vt_err err = vt_sql_count(l->db, 0, &generation, why,
        "SELECT generation FROM shard WHERE id=?", "i", (int64_t)s->id);

    if (err == VT_OK)
        err =
            vt_library_shard_path(l, VT_LIBRARY_SHARDS, s->id, (uint32_t)generation, path, why);
    if (err == VT_OK)
        err = vt_shard_open(path, &s->open, why);
    if (err == VT_OK)
        s->generation = (uint32_t)generation;
    return err;
}

enum vt_err
vt_library_shard_open(
    struct vt_library *l, size_t at, struct vt_shard **ret, struct vt_why *why)
{
    struct vt_library_shard *s = &l->shard[at];
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    if (s->open == NULL) {
        err = vt_library_shard_path(l, VT_LIBRARY_SHARDS, s->id, s->generation, path, why);
        if (err == VT_OK)
            err = vt_shard_open(path, &s->open, why);
        if (err == VT_E_NOENT)
            err = open_newer(l, at, why);
    }
    if (err == VT_OK)
        *ret = s->open;
    return err;
}

static int
by_id(const void *key, const void *item)
{
    uint32_t id = *(const uint32_t *)key;
    const struct vt_library_shard *s = item;

    return id < s->id ? -1 : id > s->id;
}

enum vt_err
vt_library_bytes(struct vt_library *l, int64_t blob, struct vt_digest *ret,
    const uint8_t **ret_data, size_t *ret_len, struct vt_why *why)
{
    uint32_t id = (uint32_t)(blob >> VT_LIBRARY_SHARD_BITS);
    uint32_t number = (uint32_t)blob & (VT_SHARD_BLOBS_MAX - 1);
    const struct vt_library_shard *s = NULL;
    struct vt_shard *shard;
    enum vt_err err;

    if (blob >= VT_LIBRARY_LARGE)
        return vt_fail(why, VT_E_LIMIT, "the file is too large to be kept in the library");
    if (l->shard_count > 0)
        s = bsearch(&id, l->shard, l->shard_count, sizeof(*s), by_id);
    if (s == NULL)
        return vt_fail(why, VT_E_NOENT, "%s: there is no shard %u yet", l->dir, id);
    err = vt_library_shard_open(l, (size_t)(s - l->shard), &shard, why);
    if (err == VT_OK && !vt_shard_blob(shard, number, ret, ret_data, ret_len))
        err = vt_fail(why, VT_E_NOENT, "%s: shard %u has no blob %u yet", l->dir, id, number);
    return err;
}

enum vt_err
vt_library_number(
    struct vt_library *l, const struct vt_digest *blob, int64_t *ret, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    int64_t id = 0;
    enum vt_err err =
        vt_sql_count(l->db, 0, &id, why, "SELECT id FROM blob WHERE digest=?", "d", blob);

    if (err == VT_OK && id == 0) {
        vt_digest_hex(blob, hex);
        err = vt_fail(why, VT_E_NOENT, "the library has no file with the digest %s", hex);
    }
    if (err == VT_OK)
        *ret = id;
    return err;
}

/* Finds a blob's bytes, which are those that were named. */
static enum vt_err
bytes_of(struct vt_library *l, const struct vt_digest *blob, int64_t *ret_number,
    const uint8_t **ret_data, size_t *ret_len, struct vt_why *why)
{
    struct vt_digest have;
    enum vt_err err = vt_library_number(l, blob, ret_number, why);

    if (err == VT_OK)
        err = vt_library_bytes(l, *ret_number, &have, ret_data, ret_len, why);
    if (err != VT_OK)
        return err;
    vt_digest_of(*ret_data, *ret_len, &have);
    if (!vt_digest_eq(&have, blob))
        return vt_fail(why, VT_E_DIGEST,
            "%s: a blob's bytes are damaged; remove the library, and it is made again", l->dir);
    return VT_OK;
}

enum vt_err
vt_library_blob(
    struct vt_library *l, const struct vt_digest *blob, struct vt_buf *b, struct vt_why *why)
{
    const uint8_t *data;
    size_t len;
    int64_t number;
    enum vt_err err = bytes_of(l, blob, &number, &data, &len, why);

    if (err != VT_OK)
        return err;
    vt_buf_put(b, data, len);
    return vt_buf_check(b, "a file of the library", why);
}

enum vt_err
vt_library_text(struct vt_library *l, const struct vt_digest *blob, const uint8_t **ret_data,
    size_t *ret_len, struct vt_why *why)
{
    int64_t number = 0;
    int64_t text = 0;
    enum vt_err err = bytes_of(l, blob, &number, ret_data, ret_len, why);

    if (err == VT_E_LIMIT)
        return vt_fail(why, VT_E_STATE, "the file is too long to be shown");
    if (err == VT_OK)
        err =
            vt_sql_count(l->db, 0, &text, why, "SELECT text FROM blob WHERE id=?", "i", number);
    if (err == VT_OK && text == 0)
        err = vt_fail(why, VT_E_STATE, "the file is not text, or too long to be shown");
    return err;
}
