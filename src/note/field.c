/* SPDX-License-Identifier: Apache-2.0 */
#include "note/field.h"

#include <string.h>

bool
vt_field_digest(const struct vt_reader *r, struct vt_digest *ret)
{
    struct vt_reader hex = *r;
    if (!vt_reader_skip(&hex, "sha256:"))
        return false;
    return vt_digest_from_hex((const char *)hex.p, hex.left, ret);
}

void
vt_field_put_digest(struct vt_buf *b, const struct vt_digest *d)
{
    vt_buf_puts(b, "sha256:");
    vt_buf_put_hex(b, d->b, VT_DIGEST_SIZE);
}

bool
vt_field_b64(const struct vt_reader *r, uint8_t *ret, size_t ret_len)
{
    size_t got;
    return r->left > 0 && vt_b64_decode((const char *)r->p, r->left, ret, ret_len, &got) &&
           got == ret_len;
}

size_t
vt_field_b64_size(const struct vt_reader *r)
{
    uint8_t three[3];
    size_t size = 0, got = 3;
    if (r->left % 4 != 0)
        return 0;
    for (size_t at = 0; at < r->left; at += 4) {
        /* Padding stands at the end only. */
        if (got != 3 || !vt_b64_decode((const char *)r->p + at, 4, three, sizeof three, &got))
            return 0;
        size += got;
    }
    return size;
}

enum vt_err
vt_field_path(struct vt_reader *r, struct vt_proof *ret, struct vt_why *why)
{
    struct vt_proof p = {0};
    struct vt_reader line;

    for (;;) {
        if (!vt_reader_line(r, &line))
            return vt_fail(why, VT_E_SYNTAX, "the path's hashes do not end in an empty line");
        if (line.left == 0)
            break;
        if (p.len == VT_PROOF_MAX)
            return vt_fail(why, VT_E_LIMIT, "a path has more than %d hashes", VT_PROOF_MAX);
        if (!vt_field_b64(&line, p.hash[p.len].b, VT_DIGEST_SIZE))
            return vt_fail(
                why, VT_E_SYNTAX, "hash %zu of a path is not base64 of 32 bytes", p.len);
        p.len++;
    }
    *ret = p;
    return VT_OK;
}

void
vt_field_put_path(struct vt_buf *b, const struct vt_proof *p)
{
    for (size_t i = 0; i < p->len; i++) {
        vt_buf_put_b64(b, p->hash[i].b, VT_DIGEST_SIZE);
        vt_buf_put_u8(b, '\n');
    }
}
