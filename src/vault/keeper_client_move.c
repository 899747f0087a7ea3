/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is too large for one message goes piece by piece: keys that move to another site, and
 * copies of the ring.
 *
 *     u8[4] "VTG1", u8[32] enc, then pieces: u8 last, u32 n ‖ HPKE message
 */
#include "vault/keeper_ask.h"
#include "vault/ring.h"

#include <string.h>

#define MAGIC "VTG1"

static void
put_piece(struct vt_buf *b, const uint8_t *p, size_t len)
{
    vt_buf_put_u8(b, p[0]);
    vt_buf_put_u32(b, (uint32_t)(len - 1));
    vt_buf_put(b, p + 1, len - 1);
}

enum vt_err
vt_keeper_give(struct vt_keeper *k, const void *evidence, size_t len, struct vt_buf *ret,
    struct vt_why *why)
{
    struct vt_buf b = {0};
    size_t had = ret->len;
    bool last = false;
    enum vt_err err = vt_keeper_ask(k, VT_KEEPER_GIVE, evidence, len, &b, NULL, why);

    if (err == VT_OK && b.len != VT_HPKE_ENC_SIZE)
        err = vt_keeper_bad_answer(why);
    vt_buf_puts(ret, MAGIC);
    if (err == VT_OK)
        vt_buf_put(ret, b.data, b.len);
    while (err == VT_OK && !last) {
        vt_buf_release(&b);
        err = vt_keeper_ask(k, VT_KEEPER_GIVE_MORE, NULL, 0, &b, NULL, why);
        if (err == VT_OK && (b.len < 2 || b.data[0] > 1))
            err = vt_keeper_bad_answer(why);
        if (err == VT_OK) {
            last = b.data[0] == 1;
            put_piece(ret, b.data, b.len);
            err = vt_buf_check(ret, "the region's sealed keys", why);
        }
    }
    vt_buf_release(&b);
    if (err != VT_OK && ret->err == VT_OK)
        ret->len = had;
    return err;
}

/* Sends one piece; the last one's answer is the root and the number of keys. */
static enum vt_err
take_piece(struct vt_keeper *k, struct vt_reader *r, bool *ret_last, struct vt_digest *ret_root,
    uint64_t *ret_keys, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(1 + VT_KEEPER_PIECE_MAX + VT_KEEPER_PIECE_SLACK);
    struct vt_buf b = {0};
    struct vt_reader answer;
    const uint8_t *p;
    uint8_t last;
    uint32_t n;
    enum vt_err err;

    if (!vt_reader_u8(r, &last) || last > 1 || !vt_reader_u32(r, &n) ||
        !vt_reader_take(r, n, &p) || (last == 1 && r->left > 0))
        return vt_fail(why, VT_E_SYNTAX, "the region's sealed keys are cut short or misformed");
    vt_buf_put_u8(&ask, last);
    vt_buf_put(&ask, p, n);
    err = vt_buf_check(&ask, "a piece of a region's keys", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, VT_KEEPER_TAKE_MORE, ask.data, ask.len, &b, NULL, why);
    answer = VT_READER(b.data, b.len);
    if (err == VT_OK && last == 1 &&
        (!vt_keeper_take_digest(&answer, ret_root) || !vt_reader_u64(&answer, ret_keys)))
        err = vt_keeper_bad_answer(why);
    *ret_last = last == 1;
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}

enum vt_err
vt_keeper_take(struct vt_keeper *k, const void *evidence, size_t len, const void *sealed,
    size_t sealed_len, struct vt_digest *ret_root, uint64_t *ret_keys, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(VT_EVIDENCE_MAX + VT_HPKE_ENC_SIZE);
    struct vt_buf b = {0};
    struct vt_reader r = VT_READER(sealed, sealed_len);
    const uint8_t *enc;
    struct vt_digest root;
    uint64_t keys = 0;
    bool last = false;
    enum vt_err err;

    if (!vt_reader_skip(&r, MAGIC) || !vt_reader_take(&r, VT_HPKE_ENC_SIZE, &enc))
        return vt_fail(why, VT_E_SYNTAX, "not the sealed keys of a region");
    vt_buf_put(&ask, enc, VT_HPKE_ENC_SIZE);
    vt_buf_put(&ask, evidence, len);
    err = vt_buf_check(&ask, "evidence", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, VT_KEEPER_TAKE, ask.data, ask.len, &b, NULL, why);
    while (err == VT_OK && !last)
        err = take_piece(k, &r, &last, &root, &keys, why);
    if (err == VT_OK) {
        *ret_root = root;
        *ret_keys = keys;
    }
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}

/* A piece of a copy: u64 generation, u64 bytes of the snapshot, u64 of the append file, bytes.
 */
static enum vt_err
copy_piece(struct vt_keeper *k, uint64_t generation, uint64_t at, struct vt_ring_copy *c,
    struct vt_buf *ret, size_t *ret_len, struct vt_why *why)
{
    struct vt_buf ask = VT_BUF(16);
    struct vt_buf b = {0};
    struct vt_reader r;
    enum vt_err err;

    vt_buf_put_u64(&ask, generation);
    vt_buf_put_u64(&ask, at);
    err = vt_buf_check(&ask, "request", why);
    if (err == VT_OK)
        err = vt_keeper_ask(k, VT_KEEPER_COPY, ask.data, ask.len, &b, NULL, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_OK &&
        (!vt_reader_u64(&r, &c->generation) || !vt_reader_u64(&r, &c->snapshot_len) ||
            !vt_reader_u64(&r, &c->append_len)))
        err = vt_keeper_bad_answer(why);
    if (err == VT_OK && ret != NULL) {
        vt_buf_put(ret, r.p, r.left);
        *ret_len = r.left;
        err = vt_buf_check(ret, "the copy of the ring", why);
    }
    vt_buf_release(&b);
    vt_buf_release(&ask);
    return err;
}

/* The sizes are those at the beginning: what is appended meanwhile is left out. */
enum vt_err
vt_keeper_copy(struct vt_keeper *k, struct vt_buf *ret, struct vt_why *why)
{
    struct vt_ring_copy c = {0};
    struct vt_ring_copy now = {0};
    size_t had = ret->len;
    uint64_t at = 0;
    size_t len = 0;
    uint64_t total;
    enum vt_err err = copy_piece(k, 0, 0, &c, NULL, &len, why);

    if (err != VT_OK)
        return err;
    vt_ring_copy_head(&c, ret);
    total = c.snapshot_len + c.append_len;
    while (err == VT_OK && at < total) {
        err = copy_piece(k, c.generation, at, &now, ret, &len, why);
        at += len;
        if (err == VT_OK && len == 0)
            err = vt_keeper_bad_answer(why);
    }
    if (err == VT_OK && at > total)
        ret->len -= (size_t)(at - total);
    if (err != VT_OK && ret->err == VT_OK)
        ret->len = had;
    return err;
}
