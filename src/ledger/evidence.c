/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence files: taking them apart and writing them. */
#include "ledger/evidence.h"

#include <string.h>

#define MAGIC "VTE1"

static bool
take_slice(struct vt_reader *r, struct vt_slice_of *ret)
{
    uint32_t len;
    const uint8_t *p;

    if (!vt_reader_u32(r, &len) || !vt_reader_take(r, len, &p))
        return false;
    *ret = (struct vt_slice_of){p, len};
    return true;
}

enum vt_err
vt_evidence_parse(
    const void *data, size_t len, struct vt_evidence_file *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_evidence_file f = {0};
    uint32_t count;

    if (len > VT_EVIDENCE_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "an evidence file has more than %u bytes", VT_EVIDENCE_MAX);
    if (!vt_reader_skip(&r, MAGIC) || !vt_reader_u32(&r, &count))
        return vt_fail(why, VT_E_SYNTAX, "this is no evidence file: it does not begin " MAGIC);
    if (count > VT_EVIDENCE_COUNT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "an evidence file has more than %u items", VT_EVIDENCE_COUNT_MAX);
    for (; f.count < count; f.count++) {
        struct vt_evidence *e = &f.item[f.count];
        if (!take_slice(&r, &e->document) || !take_slice(&r, &e->entry) ||
            !take_slice(&r, &e->proof))
            return vt_fail(
                why, VT_E_SYNTAX, "item %zu of the evidence is cut short", f.count + 1);
    }
    if (!take_slice(&r, &f.consistency))
        return vt_fail(why, VT_E_SYNTAX, "the evidence is cut short");
    if (r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "%zu bytes follow the evidence", r.left);
    *ret = f;
    return VT_OK;
}

static void
put_slice(struct vt_buf *b, const struct vt_slice_of *s)
{
    if (s->len > VT_EVIDENCE_MAX && b->err == VT_OK)
        b->err = VT_E_LIMIT;
    vt_buf_put_u32(b, (uint32_t)s->len);
    vt_buf_put(b, s->p, s->len);
}

enum vt_err
vt_evidence_put(struct vt_buf *b, const struct vt_evidence_file *f, struct vt_why *why)
{
    struct vt_buf whole = VT_BUF(VT_EVIDENCE_MAX);

    if (f->count > VT_EVIDENCE_COUNT_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "an evidence file has more than %u items", VT_EVIDENCE_COUNT_MAX);
    vt_buf_puts(&whole, MAGIC);
    vt_buf_put_u32(&whole, (uint32_t)f->count);
    for (size_t i = 0; i < f->count; i++) {
        put_slice(&whole, &f->item[i].document);
        put_slice(&whole, &f->item[i].entry);
        put_slice(&whole, &f->item[i].proof);
    }
    put_slice(&whole, &f->consistency);
    enum vt_err err = vt_buf_check(&whole, "an evidence file", why);
    if (err == VT_OK) {
        vt_buf_put(b, whole.data, whole.len);
        err = vt_buf_check(b, "an evidence file", why);
    }
    vt_buf_release(&whole);
    return err;
}
