/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of a snapshot as the library keeps it: its entries, packed one after the other, in
 * the order of their names, a folder's with a slash after it. So a walk over folders gives
 * whole paths in byte order. docs/formats/library.md has the form.
 */
#ifndef VT_SEARCH_FOLDER_H
#define VT_SEARCH_FOLDER_H

#include "search/library.h"

struct vt_folder_entry {
    enum vt_library_kind kind;
    const char *name;
    int64_t id;     /* of a folder or blob; 0 of a link */
    uint64_t files; /* of a folder: files and links below it */
    uint64_t size;  /* of a file, like what follows */
    uint64_t lines;
    bool text;
    const char *language;
    struct vt_digest blob;
    const char *target; /* of a link */
};

void vt_folder_put(struct vt_buf *b, const struct vt_folder_entry *e);
/* Takes the next entry; its strings point into what is read. VT_E_SYNTAX: damaged. */
VT_MUST enum vt_err vt_folder_next(
    struct vt_reader *r, struct vt_folder_entry *ret, struct vt_why *why);
/* The entry of a name, folder or not; VT_E_NOENT. Linear in the folder. */
VT_MUST enum vt_err vt_folder_find(const struct vt_buf *folder, const char *name, size_t len,
    struct vt_folder_entry *ret, struct vt_why *why);

/* As library.h gives it, under the name. */
struct vt_library_file vt_folder_file(const struct vt_folder_entry *e, const char *name);

#endif
