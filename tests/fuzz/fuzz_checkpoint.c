/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: the text of one, written again, is the beginning of what was
 * read; signed ones go through the whole check of a known log and witness.
 */
#include "note/checkpoint.h"

#include "must.h"

#define KEY "BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
static const char log_key[] =
    "zurich.example/log+482d0507+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
static const char witness_key[] = "witness-1.example+978b58f4+" KEY;

static void
check_text(const uint8_t *data, size_t size)
{
    struct vt_checkpoint c;
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_CHECKPOINT_TEXT_MAX);
    enum vt_err err = vt_checkpoint_parse(data, size, &c, &why);
    must_say(err, &why);
    if (err != VT_OK)
        return;
    must(c.origin[0] != '\0' && c.size <= INT64_MAX);
    vt_checkpoint_put(&b, &c);
    must(b.err == VT_OK && b.len <= size && memcmp(b.data, data, b.len) == 0);
    vt_buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_vkey log, witness;
    struct vt_checkpoint c;
    struct vt_note n;
    struct vt_why why = {0};
    uint64_t time;
    check_text(data, size);
    must(vt_vkey_parse(log_key, strlen(log_key), &log, NULL) == VT_OK);
    must(vt_vkey_parse(witness_key, strlen(witness_key), &witness, NULL) == VT_OK);
    if (vt_note_parse(data, size, &n, NULL) == VT_OK) {
        check_text(n.text, n.text_len);
        (void)!vt_cosig_verify(&n, &witness, &time, NULL);
    }
    enum vt_err err = vt_checkpoint_open(data, size, &log, &n, &c, &why);
    must_say(err, &why);
    must(err != VT_OK || strcmp(c.origin, log.name) == 0);
    return 0;
}
