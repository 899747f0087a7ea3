/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the witness share: logs of small leaves, honest and twisted
 * trees of them, and the requests that their operators send.
 */
#ifndef VT_TEST_WITNESS_WORLD_H
#define VT_TEST_WITNESS_WORLD_H

#include "base/file.h"
#include "merkle/tree.h"
#include "witness/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"
enum { LEAVES = 40 };

static struct vt_key *log_key; /* of ORIGIN */
static struct vt_vkey log_vkey;

static inline int
make_log(const char *origin, uint8_t seed_byte, struct vt_key **ret, struct vt_vkey *ret_vkey)
{
    uint8_t seed[32] = {seed_byte};
    struct vt_pubkey pub;

    if (vt_key_from_seed(origin, seed, ret, NULL) != VT_OK)
        return 1;
    vt_key_public(*ret, &pub);
    return vt_vkey_make(origin, VT_NOTE_ED25519, &pub, ret_vkey, NULL) == VT_OK ? 0 : 1;
}

/* A tree of small leaves; `twist` changes the leaves from that index on. */
struct tree {
    uint64_t twist;
};

static inline void
leaf_hash(const struct tree *t, uint64_t i, struct vt_digest *ret)
{
    char leaf[32];
    int n = snprintf(leaf, sizeof(leaf), "leaf %d%s", (int)i, i >= t->twist ? "'" : "");

    vt_merkle_leaf(leaf, (size_t)n, ret);
}

static inline enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_digest a;
    struct vt_digest b;

    if (level == 0) {
        leaf_hash(ctx, index, ret);
        return VT_OK;
    }
    assert_int_equal(get_hash(ctx, level - 1, index * 2, &a, why), VT_OK);
    assert_int_equal(get_hash(ctx, level - 1, index * 2 + 1, &b, why), VT_OK);
    vt_merkle_node(&a, &b, ret);
    return VT_OK;
}

static inline void
tree_root(struct tree *t, uint64_t size, struct vt_digest *ret)
{
    struct vt_hash_source src = {get_hash, t};

    assert_int_equal(vt_merkle_root(&src, size, ret, NULL), VT_OK);
}

static inline void
put_signed(struct vt_buf *b, const struct vt_checkpoint *c, struct vt_key *key)
{
    struct vt_buf text = VT_BUF(4096);
    struct vt_pubkey pub;
    struct vt_sig sig;

    vt_checkpoint_put(&text, c);
    vt_key_public(key, &pub);
    assert_int_equal(vt_key_sign(key, text.data, text.len, &sig, NULL), VT_OK);
    vt_buf_put(b, text.data, text.len);
    vt_buf_puts(b, "\n");
    vt_note_put_sig(b, vt_key_name(key), vt_vkey_id(vt_key_name(key), VT_NOTE_ED25519, &pub),
        sig.b, sizeof(sig.b));
    vt_buf_release(&text);
}

static inline void
put_head(struct vt_buf *b, uint64_t old_size, const struct vt_proof *proof)
{
    vt_buf_putf(b, "old %llu\n", (unsigned long long)old_size);
    for (size_t i = 0; proof != NULL && i < proof->len; i++) {
        vt_buf_put_b64(b, proof->hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(b, "\n");
    }
    vt_buf_puts(b, "\n");
}

/* A request that is right for an honest tree, of the log whose key that is. */
static inline void
put_request_of(
    struct vt_buf *b, struct tree *t, uint64_t old_size, uint64_t size, struct vt_key *key)
{
    struct vt_checkpoint c = {.size = size};
    struct vt_hash_source src = {get_hash, t};
    struct vt_proof proof = {0};

    (void)snprintf(c.origin, sizeof(c.origin), "%s", vt_key_name(key));
    vt_buf_clear(b);
    tree_root(t, size, &c.root);
    if (old_size > 0 && old_size < size)
        assert_int_equal(
            vt_merkle_prove_consistency(&src, old_size, size, &proof, NULL), VT_OK);
    put_head(b, old_size, &proof);
    put_signed(b, &c, key);
}

static inline void
put_request(struct vt_buf *b, struct tree *t, uint64_t old_size, uint64_t size)
{
    put_request_of(b, t, old_size, size, log_key);
}

#endif
