/* SPDX-License-Identifier: Apache-2.0 */
/* The library's packed forms: folders, where what is taken is written as it was read, and
 * symbols. */
#include "search/folder.h"
#include "search/symbols.h"

#include "must.h"

static enum vt_err
take(void *ctx, const struct vt_symbol *s, struct vt_why *why)
{
    (void)why;
    must(s->end == 0 || s->line > s->end || s->end - s->line < UINT64_MAX);
    *(size_t *)ctx += strlen(s->name) + strlen(s->kind) + strlen(s->scope);
    return VT_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_reader r = VT_READER(data, size);
    struct vt_buf folder = VT_BUF(size);
    struct vt_why why = {0};
    size_t length = 0;

    must_say(vt_symbols_each(data, size, take, &length, &why), &why);
    vt_why_clear(&why);
    vt_buf_put(&folder, data, size);
    while (r.left > 0) {
        struct vt_buf b = VT_BUF(size);
        const uint8_t *from = r.p;
        struct vt_folder_entry e;
        struct vt_folder_entry found;
        enum vt_err err = vt_folder_next(&r, &e, &why);

        must_say(err, &why);
        if (err != VT_OK)
            break;
        vt_folder_put(&b, &e);
        must_be(&b, from, (size_t)(r.p - from));
        must(vt_folder_find(&folder, e.name, strlen(e.name), &found, &why) == VT_OK);
        must(strcmp(found.name, e.name) == 0);
    }
    vt_buf_release(&folder);
    return 0;
}
