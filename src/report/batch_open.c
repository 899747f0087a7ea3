/* SPDX-License-Identifier: Apache-2.0 */
#include "report/batch_parts.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct vt_batch_scratch {
    ZSTD_DCtx *zstd;
};

void
vt_batch_scratch_free(struct vt_batch_scratch *s)
{
    if (s == NULL)
        return;
    (void)ZSTD_freeDCtx(s->zstd);
    free(s);
}

static enum vt_err
need_scratch(struct vt_batch_scratch **scratch, struct vt_why *why)
{
    struct vt_batch_scratch *s;

    if (*scratch != NULL)
        return VT_OK;
    s = calloc(1, sizeof *s);
    if (s != NULL)
        s->zstd = ZSTD_createDCtx();
    if (s == NULL || s->zstd == NULL) {
        free(s);
        return vt_fail(why, VT_E_NOMEM, "no memory to open a block");
    }
    *scratch = s;
    return VT_OK;
}

/* Exactly one frame of today's format, of exactly that length. The room bounds
 * what it can become, so a frame that lies costs no more than one that does not. */
static bool
decompress(ZSTD_DCtx *zstd, const uint8_t *p, size_t len, uint8_t *ret, size_t plain_len)
{
    static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
    size_t n;

    if (len < sizeof magic || memcmp(p, magic, sizeof magic) != 0)
        return false;
    n = ZSTD_findFrameCompressedSize(p, len);
    if (ZSTD_isError(n) || n != len)
        return false;
    n = ZSTD_decompressDCtx(zstd, ret, plain_len, p, len);
    return !ZSTD_isError(n) && n == plain_len;
}

static bool
records_valid(const uint8_t *p, size_t len, uint32_t want)
{
    struct vt_reader r = VT_READER(p, len);
    struct vt_reader line;
    uint32_t n = 0;

    while (n <= want && vt_reader_line(&r, &line)) {
        if (line.left == 0 || line.left > VT_RECORD_MAX)
            return false;
        n++;
    }
    return r.left == 0 && n == want;
}

enum vt_err
vt_batch_open_block(const struct vt_hpke_secret *s, const struct vt_digest *header_digest,
    uint32_t i, const struct vt_block_row *row, uint8_t *sealed, size_t len, uint8_t *ret,
    struct vt_batch_scratch **scratch, struct vt_why *why)
{
    uint8_t aad[VT_BATCH_AAD_SIZE];
    enum vt_err err;

    if (len != row->sealed_len || len <= VT_HPKE_TAG_SIZE ||
        row->plain_len > VT_BLOCK_PLAIN_MAX)
        return vt_fail(why, VT_E_SYNTAX, "block %u: not of the length that its row says", i);
    err = need_scratch(scratch, why);
    if (err != VT_OK)
        return err;
    vt_batch_aad(header_digest, i, aad);
    err = vt_hpke_open(s, i, aad, sizeof aad, sealed, len, sealed, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "block %u", i);
    if (!decompress((*scratch)->zstd, sealed, len - VT_HPKE_TAG_SIZE, ret, row->plain_len)) {
        err = vt_fail(
            why, VT_E_SYNTAX, "block %u: does not decompress to %u bytes", i, row->plain_len);
        goto out;
    }
    if (!records_valid(ret, row->plain_len, row->records))
        err = vt_fail(why, VT_E_SYNTAX, "block %u: does not hold %u records", i, row->records);
out:
    vt_wipe(sealed, len);
    if (err != VT_OK)
        vt_wipe(ret, row->plain_len);
    return err;
}
