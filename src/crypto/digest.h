/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) by libcrypto. What was hashed is left in no memory of ours: a message
 * may be a secret (vt_digest_pair's may not).
 */
#ifndef VT_CRYPTO_DIGEST_H
#define VT_CRYPTO_DIGEST_H

#include "base/buf.h"

#define VT_DIGEST_SIZE 32
#define VT_DIGEST_HEX_SIZE 65 /* 64 lower-case hex digits and NUL */

struct vt_digest {
    uint8_t b[VT_DIGEST_SIZE];
};

/* A piece of input, for hashing without joining. */
struct vt_slice {
    const void *data;
    size_t len;
};

/* Hashes the pieces one after the other. Cannot fail, and takes no memory. */
void vt_digest_of(const void *data, size_t len, struct vt_digest *ret);
void vt_digest_of_slices(const struct vt_slice *v, size_t n, struct vt_digest *ret);

/* SHA-256(prefix || left || right), what a node of a tree is: one call of the block function.
 * ret may be left or right. Not for secrets: its input stays on the stack. */
void vt_digest_pair(uint8_t prefix, const struct vt_digest *left, const struct vt_digest *right,
    struct vt_digest *ret);
/* The same of n pairs that stand one after the other, 2n digests, a row of a tree: ret[i] of
 * v[2i] and v[2i+1]. ret may be v. */
void vt_digest_pairs(
    uint8_t prefix, const struct vt_digest *v, size_t n, struct vt_digest *ret);

/* Streaming. */
struct vt_hasher;
VT_MUST enum vt_err vt_hasher_new(struct vt_hasher **ret, struct vt_why *why);
void vt_hasher_free(struct vt_hasher *h);
void vt_hasher_put(struct vt_hasher *h, const void *data, size_t len);
/* The digest of all put since new or the last end; starts anew. */
void vt_hasher_end(struct vt_hasher *h, struct vt_digest *ret);

/* The digest and length of a file, streamed. *ret_len may be NULL. */
VT_MUST enum vt_err vt_digest_of_file(
    const char *path, struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why);

/* Constant-time equality. */
bool vt_digest_eq(const struct vt_digest *a, const struct vt_digest *b);
/* Byte order, for sorting. */
int vt_digest_cmp(const struct vt_digest *a, const struct vt_digest *b);

void vt_digest_hex(const struct vt_digest *d, char ret[VT_DIGEST_HEX_SIZE]);
/* 64 lower-case hex digits, exactly. */
VT_MUST bool vt_digest_from_hex(const char *s, size_t len, struct vt_digest *ret);

/* libcrypto's CSPRNG. */
VT_MUST enum vt_err vt_random(void *ret, size_t len, struct vt_why *why);
/* Wipes memory so that the compiler cannot leave it out. */
void vt_wipe(void *p, size_t len);

#endif
