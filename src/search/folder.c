/* SPDX-License-Identifier: Apache-2.0 */
#include "search/folder.h"

#include "search/packed.h"

#include <string.h>

void
vt_folder_put(struct vt_buf *b, const struct vt_folder_entry *e)
{
    vt_buf_put_u8(b, (uint8_t)e->kind);
    vt_packed_put_word(b, e->name);
    if (e->kind == VT_LIBRARY_LINK) {
        vt_packed_put_word(b, e->target);
        return;
    }
    vt_packed_put_number(b, (uint64_t)e->id);
    if (e->kind == VT_LIBRARY_FOLDER) {
        vt_packed_put_number(b, e->files);
        return;
    }
    vt_packed_put_number(b, e->size);
    vt_packed_put_number(b, e->lines);
    vt_buf_put_u8(b, e->text);
    vt_packed_put_word(b, e->language);
    vt_buf_put(b, e->blob.b, sizeof e->blob.b);
}

static bool
take_id(struct vt_reader *r, int64_t *ret)
{
    uint64_t id;

    if (!vt_packed_number(r, &id) || id == 0 || id > INT64_MAX)
        return false;
    *ret = (int64_t)id;
    return true;
}

static bool
take_file(struct vt_reader *r, struct vt_folder_entry *e)
{
    const uint8_t *digest;
    uint8_t text;

    if (!take_id(r, &e->id) || !vt_packed_number(r, &e->size) ||
        !vt_packed_number(r, &e->lines) || !vt_reader_u8(r, &text) || text > 1 ||
        !vt_packed_word(r, &e->language) || !vt_reader_take(r, sizeof e->blob.b, &digest))
        return false;
    e->text = text == 1;
    memcpy(e->blob.b, digest, sizeof e->blob.b);
    return true;
}

static bool
take(struct vt_reader *r, struct vt_folder_entry *e)
{
    uint8_t kind;

    if (!vt_reader_u8(r, &kind) || !vt_packed_word(r, &e->name))
        return false;
    e->kind = (enum vt_library_kind)kind;
    switch (kind) {
    case VT_LIBRARY_FILE:
        return take_file(r, e);
    case VT_LIBRARY_FOLDER:
        return take_id(r, &e->id) && vt_packed_number(r, &e->files);
    case VT_LIBRARY_LINK:
        return vt_packed_word(r, &e->target);
    default:
        return false;
    }
}

enum vt_err
vt_folder_next(struct vt_reader *r, struct vt_folder_entry *ret, struct vt_why *why)
{
    struct vt_folder_entry e = {.language = "", .target = ""};

    if (!take(r, &e))
        return vt_fail(why, VT_E_SYNTAX, "a folder of the library is damaged");
    *ret = e;
    return VT_OK;
}

enum vt_err
vt_folder_find(const struct vt_buf *folder, const char *name, size_t len,
    struct vt_folder_entry *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(folder->data, folder->len);

    while (r.left > 0) {
        struct vt_folder_entry e;
        enum vt_err err = vt_folder_next(&r, &e, why);

        if (err != VT_OK)
            return err;
        if (strlen(e.name) == len && memcmp(e.name, name, len) == 0) {
            *ret = e;
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_NOENT, "there is no %.*s in it", (int)len, name);
}

struct vt_library_file
vt_folder_file(const struct vt_folder_entry *e, const char *name)
{
    return (struct vt_library_file){
        .kind = e->kind,
        .name = name,
        .size = e->size,
        .lines = e->lines,
        .files = e->files,
        .text = e->text,
        .language = e->language,
        .target = e->target,
        .blob = e->blob,
    };
}
