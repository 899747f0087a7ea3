/* SPDX-License-Identifier: Apache-2.0 */
/* Entries: there is one way to write one. */
#include "note/entry.h"

#include "must.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_entry e;
    struct vt_note n;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    enum vt_err err = vt_entry_parse(data, size, &n, &e, &why);
    must_say(err, &why);
    if (err != VT_OK)
        return 0;
    must(n.sig_count == 1);
    must(vt_entry_check(&e, NULL) == VT_OK);
    vt_entry_put_text(&b, &e);
    must_be(&b, n.text, n.text_len);
    for (size_t i = 0; i < e.subject_count; i++)
        must(vt_entry_has(&e, e.subject[i].role, &e.subject[i].digest));
    return 0;
}
