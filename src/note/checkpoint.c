/* SPDX-License-Identifier: Apache-2.0 */
#include "note/checkpoint.h"

#include "note/field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COSIG_TIME_MAX INT64_MAX
#define COSIG_SIZE (8 + VT_SIG_SIZE) /* u64 time, Ed25519 signature */
#define COSIG_HEAD "cosignature/v1\ntime %" PRIu64 "\n"
#define COSIG_HEAD_MAX 48

static bool
origin_valid(const struct vt_reader *line)
{
    for (size_t i = 0; i < line->left; i++) {
        if (line->p[i] < 0x20)
            return false;
    }
    return line->left > 0 && vt_utf8_valid(line->p, line->left);
}

enum vt_err
vt_checkpoint_parse(const void *text, size_t len, struct vt_checkpoint *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(text, len), line;
    struct vt_checkpoint c = {0};

    if (len > VT_CHECKPOINT_TEXT_MAX)
        return vt_fail(why, VT_E_LIMIT, "a checkpoint's text has more than %u bytes",
            VT_CHECKPOINT_TEXT_MAX);
    if (!vt_reader_line(&r, &line) || !origin_valid(&line) ||
        !vt_reader_cstr(&line, c.origin, sizeof c.origin))
        return vt_fail(why, VT_E_SYNTAX,
            "line 1 of a checkpoint is not an origin of 1 to %d bytes", VT_KEY_NAME_MAX);
    if (!vt_reader_line(&r, &line) || !vt_reader_decimal(&line, INT64_MAX, &c.size))
        return vt_fail(why, VT_E_SYNTAX, "line 2 of a checkpoint is not the tree's size");
    if (!vt_reader_line(&r, &line) || !vt_field_b64(&line, c.root.b, VT_DIGEST_SIZE))
        return vt_fail(why, VT_E_SYNTAX, "line 3 of a checkpoint is not the tree's root");
    while (r.left > 0) {
        if (!vt_reader_line(&r, &line) || line.left == 0)
            return vt_fail(why, VT_E_SYNTAX, "an extension line of a checkpoint is empty");
    }
    *ret = c;
    return VT_OK;
}

void
vt_checkpoint_put(struct vt_buf *b, const struct vt_checkpoint *c)
{
    vt_buf_putf(b, "%s\n%" PRIu64 "\n", c->origin, c->size);
    vt_buf_put_b64(b, c->root.b, VT_DIGEST_SIZE);
    vt_buf_put_u8(b, '\n');
}

enum vt_err
vt_checkpoint_open(const void *data, size_t len, const struct vt_vkey *log,
    struct vt_note *ret_note, struct vt_checkpoint *ret, struct vt_why *why)
{
    struct vt_checkpoint c;
    struct vt_note n;

    enum vt_err err = vt_note_parse(data, len, &n, why);
    if (err == VT_OK)
        err = vt_checkpoint_parse(n.text, n.text_len, &c, why);
    if (err != VT_OK)
        return err;
    if (strcmp(c.origin, log->name) != 0)
        return vt_fail(why, VT_E_UNKNOWN, "the checkpoint is of the log `%s`, not of `%s`",
            c.origin, log->name);
    err = vt_note_verify(&n, log, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "checkpoint of `%s`", c.origin);
    *ret_note = n;
    *ret = c;
    return VT_OK;
}

void
vt_cosig_message(struct vt_buf *b, uint64_t time, const void *text, size_t text_len)
{
    vt_buf_putf(b, COSIG_HEAD, time);
    vt_buf_put(b, text, text_len);
}

void
vt_cosig_put(struct vt_buf *b, const struct vt_vkey *k, uint64_t time, const struct vt_sig *sig)
{
    uint8_t raw[COSIG_SIZE];
    for (int i = 0; i < 8; i++)
        raw[i] = (uint8_t)(time >> (56 - 8 * i));
    memcpy(raw + 8, sig->b, VT_SIG_SIZE);
    vt_note_put_sig(b, k->name, k->id, raw, sizeof raw);
}

/* Verifies one line without the heap, which bounds the text. */
static bool
cosig_line_ok(const struct vt_note *n, const struct vt_note_sig *line, const struct vt_vkey *k,
    uint64_t *ret_time)
{
    char msg[COSIG_HEAD_MAX + VT_CHECKPOINT_TEXT_MAX];
    uint8_t raw[COSIG_SIZE];
    struct vt_reader r = VT_READER(raw, sizeof raw);
    const uint8_t *bytes;
    struct vt_sig sig;
    uint64_t time;
    size_t len;

    if (vt_note_sig_bytes(line, raw, sizeof raw, &len, NULL) != VT_OK || len != sizeof raw)
        return false;
    if (!vt_reader_u64(&r, &time) || !vt_reader_take(&r, VT_SIG_SIZE, &bytes))
        return false;
    if (time > COSIG_TIME_MAX || n->text_len > VT_CHECKPOINT_TEXT_MAX)
        return false;
    memcpy(sig.b, bytes, VT_SIG_SIZE);
    size_t head = (size_t)snprintf(msg, COSIG_HEAD_MAX, COSIG_HEAD, time);
    memcpy(msg + head, n->text, n->text_len);
    if (!vt_pubkey_verify(&k->pub, msg, head + n->text_len, &sig))
        return false;
    *ret_time = time;
    return true;
}

enum vt_err
vt_cosig_verify(
    const struct vt_note *n, const struct vt_vkey *k, uint64_t *ret_time, struct vt_why *why)
{
    bool found = false;
    uint64_t time, last = 0;

    if (k->alg != VT_NOTE_COSIG_ED25519)
        return vt_fail(why, VT_E_USAGE, "the key `%s` is not a cosigner's", k->name);
    for (size_t i = 0; i < n->sig_count; i++) {
        if (!vt_note_sig_is(&n->sig[i], k))
            continue;
        if (!cosig_line_ok(n, &n->sig[i], k, &time))
            return vt_fail(why, VT_E_SIG, "the cosignature of `%s` does not verify", k->name);
        if (!found || time > last)
            last = time;
        found = true;
    }
    if (!found)
        return vt_fail(
            why, VT_E_UNKNOWN, "not cosigned by `%s` (key id %08" PRIx32 ")", k->name, k->id);
    *ret_time = last;
    return VT_OK;
}
