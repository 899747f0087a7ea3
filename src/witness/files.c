/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the older form: a file for each log, named by the SHA-256 of its
 * origin, with its newest cosigned checkpoint.
 */
#include "witness/records_held.h"

#include <string.h>
#include <unistd.h>

static bool
is_record(const char *name, struct vt_digest *ret_id)
{
    return vt_digest_from_hex(name, strlen(name), ret_id);
}

struct files {
    const char *dir;
    struct vt_witness_table *table;
};

static enum vt_err
load_file(void *ctx, const char *name, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_WITNESS_NOTE_MAX);
    const struct files *f = ctx;
    char path[VT_PATH_MAX];
    struct vt_digest id;
    enum vt_err err;

    if (!is_record(name, &id))
        return VT_OK;
    err = vt_path(path, why, "%s/%s", f->dir, name);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_witness_table_load(f->table, 0, b.data, b.len, why);
    if (err == VT_OK && vt_witness_table_find_id(f->table, &id) == NULL)
        err = vt_fail(why, VT_E_DIGEST, "the checkpoint in it is another log's");
    vt_buf_release(&b);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s/%s", f->dir, name);
}

enum vt_err
vt_witness_files_load(const char *dir, struct vt_witness_table *t, struct vt_why *why)
{
    struct files f = {dir, t};

    return vt_dir_each(dir, load_file, &f, why);
}

static enum vt_err
remove_file(void *ctx, const char *name, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_digest id;
    enum vt_err err;

    if (!is_record(name, &id))
        return VT_OK;
    err = vt_path(path, why, "%s/%s", (const char *)ctx, name);
    if (err == VT_OK && unlink(path) != 0)
        err = vt_fail_errno(why, "%s: cannot remove it, whose content the journal has", path);
    return err;
}

enum vt_err
vt_witness_files_remove(const char *dir, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s", dir);

    return err == VT_OK ? vt_dir_each(path, remove_file, path, why) : err;
}
