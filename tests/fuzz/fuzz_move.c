/* SPDX-License-Identifier: Apache-2.0 */
/* What a relocation and a backup are told by others: steps in a path, and manifests. */
#include "must.h"

#include "vault/backup_parts.h"
#include "vault/move_take.h"

#include <stdlib.h>
#include <string.h>

static void
try_path(const uint8_t *data, size_t size)
{
    char *path = malloc(size + 1);
    struct vt_move_path p;

    if (path == NULL)
        return;
    memcpy(path, data, size);
    path[size] = '\0';
    if (vt_move_path_parse(path, &p)) {
        must(vt_move_region_valid(p.region));
        must(p.step >= VT_MOVE_STEP_BEGIN && p.step <= VT_MOVE_STEP_END);
    }
    free(path);
}

/* What parses is written just as it was read. */
static void
try_manifest(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_BACKUP_MANIFEST_MAX);
    struct vt_manifest m;
    struct vt_why why;

    if (vt_manifest_parse(data, size, &m, &why) == VT_OK) {
        must(vt_manifest_put(&b, &m, &why) == VT_OK);
        must(b.len == size && memcmp(b.data, data, size) == 0);
        for (size_t i = 0; i < m.count; i++)
            must(vt_manifest_find(&m, m.file[i].path) == &m.file[i]);
    }
    vt_manifest_release(&m);
    vt_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_path(data, size);
    try_manifest(data, size);
    return 0;
}
