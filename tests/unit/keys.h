/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys for tests: each from a seed of one byte, 32 times over. Include after
 * cmocka.h.
 */
#ifndef VT_TEST_KEYS_H
#define VT_TEST_KEYS_H

#include "crypto/signer.h"
#include "note/checkpoint.h"

#include <string.h>

/* The caller frees it. */
static inline struct vt_key *
test_key(const char *name, uint8_t byte)
{
    struct vt_key *k = NULL;
    uint8_t seed[32];
    memset(seed, byte, sizeof seed);
    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    return k;
}

static inline struct vt_vkey
test_vkey(const char *name, enum vt_note_alg alg, uint8_t byte)
{
    struct vt_key *k = test_key(name, byte);
    struct vt_pubkey pub;
    struct vt_vkey v;
    vt_key_public(k, &pub);
    vt_key_free(k);
    assert_int_equal(vt_vkey_make(name, alg, &pub, &v, NULL), VT_OK);
    return v;
}

static inline void
test_put_vkey(struct vt_buf *b, const char *name, enum vt_note_alg alg, uint8_t byte)
{
    struct vt_vkey v = test_vkey(name, alg, byte);
    char text[VT_VKEY_TEXT_MAX];
    vt_vkey_format(&v, text);
    vt_buf_puts(b, text);
}

/* Appends a signature line over `text` (which may be b's own beginning). */
static inline void
test_put_sig(struct vt_buf *b, const char *name, uint8_t byte, const char *text, size_t len)
{
    struct vt_key *k = test_key(name, byte);
    struct vt_vkey v = test_vkey(name, VT_NOTE_ED25519, byte);
    struct vt_sig sig;
    assert_int_equal(vt_key_sign(k, text, len, &sig, NULL), VT_OK);
    vt_note_put_sig(b, name, v.id, sig.b, sizeof sig.b);
    vt_key_free(k);
}

/* Appends a cosignature line over `text`. */
static inline void
test_put_cosig(struct vt_buf *b, const char *name, uint8_t byte, uint64_t time,
    const char *text, size_t len)
{
    struct vt_key *k = test_key(name, byte);
    struct vt_vkey v = test_vkey(name, VT_NOTE_COSIG_ED25519, byte);
    struct vt_buf msg = VT_BUF(VT_NOTE_MAX);
    struct vt_sig sig;
    vt_cosig_message(&msg, time, text, len);
    assert_int_equal(msg.err, VT_OK);
    assert_int_equal(vt_key_sign(k, msg.data, msg.len, &sig, NULL), VT_OK);
    vt_cosig_put(b, &v, time, &sig);
    vt_buf_release(&msg);
    vt_key_free(k);
}

#endif
