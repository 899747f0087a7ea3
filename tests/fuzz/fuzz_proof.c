/* SPDX-License-Identifier: Apache-2.0 */
/* tlog-proofs: written again, the same bytes; and its path into any tree. */
#include "note/proof.h"

#include "note/checkpoint.h"

#include "must.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_tlog_proof p;
    struct vt_checkpoint c = {.size = size};
    struct vt_note n;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    enum vt_err err = vt_tlog_proof_parse(data, size, &p, &why);
    must_say(err, &why);
    if (err != VT_OK)
        return 0;
    must(p.path.len <= VT_PROOF_MAX && p.checkpoint_len > 0);
    vt_tlog_proof_put(&b, &p);
    must_be(&b, data, size);
    if (vt_note_parse(p.checkpoint, p.checkpoint_len, &n, NULL) == VT_OK &&
        vt_checkpoint_parse(n.text, n.text_len, &c, NULL) != VT_OK)
        return 0;
    why = (struct vt_why){0};
    err = vt_merkle_check_inclusion(p.index, c.size, &c.root, &p.path, &c.root, &why);
    must_say(err, &why);
    (void)!vt_merkle_check_consistency(p.index, c.size, &c.root, &c.root, &p.path, NULL);
    return 0;
}
