/* SPDX-License-Identifier: Apache-2.0 */
#include "note/proof_check.h"

#include <inttypes.h>

enum vt_err
vt_tlog_proof_put_sealed(struct vt_buf *b, const struct vt_tlog_proof *p, struct vt_why *why)
{
    struct vt_buf plain = VT_BUF(VT_NOTE_MAX), extra = VT_BUF(64);
    struct vt_tlog_proof sealed = *p;
    struct vt_reader r, line;
    struct vt_digest d;

    sealed.extra = NULL;
    sealed.extra_len = 0;
    vt_tlog_proof_put(&plain, &sealed);
    enum vt_err err = vt_buf_check(&plain, "a tlog-proof", why);
    if (err == VT_OK) {
        r = VT_READER(plain.data, plain.len);
        if (!vt_reader_line(&r, &line))
            r.left = 0;
        vt_digest_of(r.p, r.left, &d);
        vt_buf_put_b64(&extra, d.b, sizeof d.b);
        sealed.extra = extra.data;
        sealed.extra_len = extra.len;
        vt_tlog_proof_put(b, &sealed);
        err = vt_buf_check(b, "a tlog-proof", why);
    }
    vt_buf_release(&extra);
    vt_buf_release(&plain);
    return err;
}

/* The seal, when the proof has an `extra`: what follows its line begins one
 * byte after it. */
static enum vt_err
check_seal(const struct vt_tlog_proof *p, const uint8_t *end, struct vt_why *why)
{
    struct vt_digest said, is;
    size_t len = 0;

    if (p->extra == NULL)
        return VT_OK;
    const uint8_t *rest = p->extra + p->extra_len + 1;
    if (!vt_b64_decode((const char *)p->extra, p->extra_len, said.b, sizeof said.b, &len) ||
        len != sizeof said.b)
        return vt_fail(why, VT_E_SYNTAX,
            "the proof's `extra` is not a SHA-256: it is another application's, or damaged");
    vt_digest_of(rest, (size_t)(end - rest), &is);
    if (!vt_digest_eq(&said, &is))
        return vt_fail(why, VT_E_DIGEST,
            "the proof is damaged: its bytes are not those that its `extra` line was made "
            "over");
    return VT_OK;
}

enum vt_err
vt_tlog_proof_check(const struct vt_policy *policy, const void *proof, size_t proof_len,
    const void *entry, size_t entry_len, uint64_t *ret_index, struct vt_checkpoint *ret,
    uint64_t *ret_time, struct vt_why *why)
{
    struct vt_tlog_proof p;
    struct vt_checkpoint c;
    struct vt_digest leaf;
    uint64_t time;

    enum vt_err err = vt_tlog_proof_parse(proof, proof_len, &p, why);
    if (err == VT_OK)
        err = check_seal(&p, (const uint8_t *)proof + proof_len, why);
    if (err == VT_OK)
        err =
            vt_policy_check_checkpoint(policy, p.checkpoint, p.checkpoint_len, &c, &time, why);
    if (err != VT_OK)
        return err;
    vt_merkle_leaf(entry, entry_len, &leaf);
    err = vt_merkle_check_inclusion(p.index, c.size, &leaf, &p.path, &c.root, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "entry %" PRIu64 " of %s", p.index, c.origin);
    *ret_index = p.index;
    *ret = c;
    *ret_time = time;
    return VT_OK;
}
