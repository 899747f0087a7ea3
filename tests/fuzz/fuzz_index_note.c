/* SPDX-License-Identifier: Apache-2.0 */
/* Entries as the log's index reads them: index roots, written again the same; and keys. */
#include "log/log_index_note.h"

#include "must.h"

#define ORIGIN "index.example/log"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_digest keys[VT_INDEX_KEYS_MAX];
    struct vt_index_note n;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_INDEX_NOTE_MAX);
    size_t count;
    enum vt_err err = vt_index_note_parse(data, size, ORIGIN, &n, &why);

    must_say(err, &why);
    if (err == VT_OK) {
        must(vt_index_note_is(data, size, ORIGIN));
        must(n.run_count > 0 && n.run_count <= VT_INDEX_RUNS_MAX);
        vt_index_note_put(&b, &n, ORIGIN);
        must_be(&b, data, size);
    }
    vt_index_keys(data, size, keys, &count);
    must(count >= 1 && count <= VT_INDEX_KEYS_MAX);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            must(memcmp(&keys[i], &keys[k], sizeof keys[i]) != 0);
        must(vt_index_has_key(data, size, &keys[i]));
    }
    return 0;
}
