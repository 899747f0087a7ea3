/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that were saved. The last bytes, a digest of all others, are made here, and so is the
 * log's policy: it has the key of the seed that the corpus was made with.
 */
#include "log/find.h"

#include "crypto/signer.h"

#include "must.h"

#define ORIGIN "index.example/log"

static const struct vt_policy *
policy(void)
{
    static struct vt_policy *p;
    const uint8_t seed[32] = {7};
    struct vt_buf b = VT_BUF(8192);
    struct vt_key *k = NULL;
    char text[VT_VKEY_TEXT_MAX];
    struct vt_pubkey pub;
    struct vt_vkey v;

    if (p != NULL)
        return p;
    must(vt_key_from_seed(ORIGIN, seed, &k, NULL) == VT_OK);
    vt_key_public(k, &pub);
    must(vt_vkey_make(ORIGIN, VT_NOTE_ED25519, &pub, &v, NULL) == VT_OK);
    vt_vkey_format(&v, text);
    vt_buf_putf(&b, "log %s\nquorum none\n", text);
    must(vt_policy_parse(b.data, b.len, &p, NULL) == VT_OK);
    vt_buf_release(&b);
    vt_key_free(k);
    return p;
}

static enum vt_err
take(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    uint64_t *next = ctx;

    (void)why;
    must(index >= *next && len <= VT_ENTRY_MAX && (len == 0 || entry != NULL));
    *next = index + 1;
    return VT_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t head = sizeof VT_LOG_FOUND_HEAD - 1;
    struct vt_buf b = VT_BUF(VT_LOG_FOUND_MAX);
    struct vt_log_find_result res;
    struct vt_digest digest = {{0}}, seal;
    struct vt_why why = {0};
    uint64_t next = 0;

    if (size >= VT_DIGEST_SIZE)
        size -= VT_DIGEST_SIZE;
    vt_buf_put(&b, data, size);
    vt_digest_of(vt_buf_str(&b), b.len, &seal);
    vt_buf_put(&b, seal.b, sizeof seal);
    if (size >= head + sizeof digest)
        memcpy(digest.b, data + head, sizeof digest);
    enum vt_err err =
        vt_log_find_check(policy(), b.data, b.len, &digest, take, &next, &res, &why);
    must_say(err, &why);
    must(err != VT_OK || next <= res.checkpoint.size);
    vt_buf_release(&b);
    return 0;
}
