/* SPDX-License-Identifier: Apache-2.0 */
#include "note/proof.h"

#include "note/field.h"

#include <inttypes.h>

#define PROOF_HEAD "c2sp.org/tlog-proof@v1"

/* The `extra` line, when there is one. */
static enum vt_err
parse_extra(struct vt_reader *r, struct vt_tlog_proof *p, struct vt_why *why)
{
    struct vt_reader line;
    if (!vt_reader_skip(r, "extra "))
        return VT_OK;
    if (!vt_reader_line(r, &line) || vt_field_b64_size(&line) == 0)
        return vt_fail(why, VT_E_SYNTAX, "the `extra` line of a tlog-proof is not base64");
    p->extra = line.p;
    p->extra_len = line.left;
    return VT_OK;
}

enum vt_err
vt_tlog_proof_parse(const void *data, size_t len, struct vt_tlog_proof *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len), line;
    struct vt_tlog_proof p = {0};

    if (len > VT_NOTE_MAX)
        return vt_fail(why, VT_E_LIMIT, "a tlog-proof has more than %u bytes", VT_NOTE_MAX);
    if (!vt_reader_line(&r, &line) || !vt_reader_is(&line, PROOF_HEAD))
        return vt_fail(why, VT_E_SYNTAX, "a tlog-proof begins with the line `" PROOF_HEAD "`");
    enum vt_err err = parse_extra(&r, &p, why);
    if (err != VT_OK)
        return err;
    if (!vt_reader_line(&r, &line) || !vt_reader_skip(&line, "index ") ||
        !vt_reader_decimal(&line, INT64_MAX, &p.index))
        return vt_fail(why, VT_E_SYNTAX, "a tlog-proof has no line `index N` where it belongs");
    err = vt_field_path(&r, &p.path, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "tlog-proof");
    if (r.left == 0)
        return vt_fail(why, VT_E_SYNTAX, "a tlog-proof ends before its checkpoint");
    p.checkpoint = r.p;
    p.checkpoint_len = r.left;
    *ret = p;
    return VT_OK;
}

void
vt_tlog_proof_put(struct vt_buf *b, const struct vt_tlog_proof *p)
{
    vt_buf_puts(b, PROOF_HEAD "\n");
    if (p->extra_len > 0) {
        vt_buf_puts(b, "extra ");
        vt_buf_put(b, p->extra, p->extra_len);
        vt_buf_put_u8(b, '\n');
    }
    vt_buf_putf(b, "index %" PRIu64 "\n", p->index);
    vt_field_put_path(b, &p->path);
    vt_buf_put_u8(b, '\n');
    vt_buf_put(b, p->checkpoint, p->checkpoint_len);
}
