/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes: the parts of one, written again, are the same bytes; and no
 * note of chance verifies. Inputs that are no note are tried as a vkey.
 */
#include "note/note.h"

#include "must.h"

/* A vkey that everyone may have; nobody signs with it here. */
static const char known[] =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

static void
check(const struct vt_note *n, const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    must(n->sig_count >= 1 && n->sig_count <= VT_NOTE_SIGS_MAX);
    must(n->text_len >= 1 && n->text[n->text_len - 1] == '\n');
    vt_buf_put(&b, n->text, n->text_len);
    vt_buf_puts(&b, "\n");
    for (size_t i = 0; i < n->sig_count; i++) {
        const struct vt_note_sig *s = &n->sig[i];
        uint8_t raw[8192];
        char name[8192];
        size_t len;
        struct vt_why why = {0};
        enum vt_err err = vt_note_sig_bytes(s, raw, sizeof raw, &len, &why);
        must_say(err, &why);
        if (err != VT_OK || s->name_len >= sizeof name) {
            vt_buf_release(&b);
            return; /* larger than this target looks at */
        }
        memcpy(name, s->name, s->name_len);
        name[s->name_len] = '\0';
        must(len >= 1);
        vt_note_put_sig(&b, name, s->id, raw, len);
    }
    must_be(&b, data, size);
}

static void
check_vkey(const uint8_t *data, size_t size)
{
    struct vt_vkey k;
    struct vt_why why = {0};
    char text[VT_VKEY_TEXT_MAX];
    enum vt_err err = vt_vkey_parse((const char *)data, size, &k, &why);
    must_say(err, &why);
    if (err != VT_OK)
        return;
    vt_vkey_format(&k, text);
    must(strlen(text) == size && memcmp(text, data, size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_note n;
    struct vt_vkey k;
    struct vt_why why = {0};
    enum vt_err err = vt_note_parse(data, size, &n, &why);
    must_say(err, &why);
    if (err != VT_OK) {
        check_vkey(data, size);
        return 0;
    }
    check(&n, data, size);
    must(vt_vkey_parse(known, strlen(known), &k, NULL) == VT_OK);
    (void)!vt_note_verify(&n, &k, &why);
    return 0;
}
