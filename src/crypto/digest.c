/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 by libcrypto's own functions (SHA256_Init and the rest) and not through EVP: EVP's
 * look-ups, indirect calls and contexts cost as much as the hash of a short message, and a log
 * hashes millions of those. It is the same code beneath, which uses the processor's SHA
 * instructions. 3.0 deprecates these functions in favour of EVP and keeps them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/digest.h"

#include "base/file.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_CHUNK (256U * 1024U)
#define BLOCK_SIZE 64U /* of SHA-256 */
#define PAD_MIN 9U     /* bytes that follow a message at the least: 80, and its length in 8 */
#define SHORT_MAX (2U * BLOCK_SIZE - PAD_MIN)

/* A node's input: a byte and two digests fill one block and a byte of another. */
#define PAIR_SIZE (1U + 2U * VT_DIGEST_SIZE)
#define PAIR_BLOCKS (2U * BLOCK_SIZE)

static void
take_state(const SHA256_CTX *ctx, struct vt_digest *ret)
{
    for (size_t i = 0; i < VT_DIGEST_SIZE / 4; i++) {
        uint32_t be = htobe32(ctx->h[i]);
        memcpy(ret->b + 4 * i, &be, sizeof be);
    }
}

/* Hashes whole blocks, the padding among them. */
static void
hash_blocks(SHA256_CTX *ctx, const uint8_t *block, size_t len, struct vt_digest *ret)
{
    int ok = SHA256_Init(ctx) & SHA256_Update(ctx, block, len);

    assert(ok == 1);
    (void)ok;
    take_state(ctx, ret);
}

/* After len bytes of a message: 80, zeros, and their number in bits at a block's end. Returns
 * the length of the whole. */
static size_t
pad(uint8_t *block, size_t len)
{
    size_t whole = (len + PAD_MIN + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;

    memset(block + len, 0, whole - len);
    block[len] = 0x80;
    block[whole - 2] = (uint8_t)(len * 8 >> 8);
    block[whole - 1] = (uint8_t)(len * 8);
    return whole;
}

/* A message of one or two blocks is put together here, so that all is one call of the block
 * function.
 */
static void
hash_short(const struct vt_slice *v, size_t n, struct vt_digest *ret)
{
    uint8_t block[SHORT_MAX + PAD_MIN];
    SHA256_CTX ctx;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (v[i].len > 0)
            memcpy(block + len, v[i].data, v[i].len);
        len += v[i].len;
    }
    len = pad(block, len);
    hash_blocks(&ctx, block, len, ret);
    vt_wipe(block, len);
    vt_wipe(ctx.h, sizeof ctx.h);
}

static void
hash_long(const struct vt_slice *v, size_t n, struct vt_digest *ret)
{
    SHA256_CTX ctx;
    int ok = SHA256_Init(&ctx);

    for (size_t i = 0; i < n; i++)
        ok &= SHA256_Update(&ctx, v[i].data, v[i].len);
    ok &= SHA256_Final(ret->b, &ctx); /* wipes its block of input */
    vt_wipe(ctx.h, sizeof ctx.h);
    assert(ok == 1);
    (void)ok;
}

void
vt_digest_of_slices(const struct vt_slice *v, size_t n, struct vt_digest *ret)
{
    size_t left = SHORT_MAX;

    for (size_t i = 0; i < n; i++) {
        if (v[i].len > left) {
            hash_long(v, n, ret);
            return;
        }
        left -= v[i].len;
    }
    hash_short(v, n, ret);
}

void
vt_digest_of(const void *data, size_t len, struct vt_digest *ret)
{
    const struct vt_slice slice = {.data = data, .len = len};

    vt_digest_of_slices(&slice, 1, ret);
}

static void
hash_pair(SHA256_CTX *ctx, uint8_t block[PAIR_BLOCKS], const struct vt_digest *left,
    const struct vt_digest *right, struct vt_digest *ret)
{
    memcpy(block + 1, left->b, VT_DIGEST_SIZE);
    memcpy(block + 1 + VT_DIGEST_SIZE, right->b, VT_DIGEST_SIZE);
    hash_blocks(ctx, block, PAIR_BLOCKS, ret);
}

void
vt_digest_pair(uint8_t prefix, const struct vt_digest *left, const struct vt_digest *right,
    struct vt_digest *ret)
{
    uint8_t block[PAIR_BLOCKS] = {prefix};
    SHA256_CTX ctx;

    (void)pad(block, PAIR_SIZE);
    hash_pair(&ctx, block, left, right, ret);
}

void
vt_digest_pairs(uint8_t prefix, const struct vt_digest *v, size_t n, struct vt_digest *ret)
{
    uint8_t block[PAIR_BLOCKS] = {prefix};
    SHA256_CTX ctx;

    (void)pad(block, PAIR_SIZE);
    for (size_t i = 0; i < n; i++)
        hash_pair(&ctx, block, &v[2 * i], &v[2 * i + 1], &ret[i]);
}

struct vt_hasher {
    SHA256_CTX ctx;
};

static void
hasher_start(struct vt_hasher *h)
{
    int ok = SHA256_Init(&h->ctx);

    assert(ok == 1);
    (void)ok;
}

enum vt_err
vt_hasher_new(struct vt_hasher **ret, struct vt_why *why)
{
    struct vt_hasher *h = calloc(1, sizeof *h);

    if (h == NULL)
        return vt_fail(why, VT_E_NOMEM, "SHA-256: out of memory");
    hasher_start(h);
    *ret = h;
    return VT_OK;
}

void
vt_hasher_free(struct vt_hasher *h)
{
    if (h == NULL)
        return;
    vt_wipe(h, sizeof *h);
    free(h);
}

void
vt_hasher_put(struct vt_hasher *h, const void *data, size_t len)
{
    int ok = SHA256_Update(&h->ctx, data, len);

    assert(ok == 1);
    (void)ok;
}

void
vt_hasher_end(struct vt_hasher *h, struct vt_digest *ret)
{
    int ok = SHA256_Final(ret->b, &h->ctx);

    assert(ok == 1);
    (void)ok;
    hasher_start(h);
}

static enum vt_err
hash_fd(int fd, struct vt_hasher *h, uint64_t *ret_len, struct vt_why *why)
{
    uint8_t *chunk = malloc(FILE_CHUNK);
    uint64_t total = 0;
    size_t got = 0;
    enum vt_err err = VT_OK;

    if (chunk == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    do {
        err = vt_fd_read(fd, chunk, FILE_CHUNK, &got, why);
        if (err != VT_OK)
            break;
        vt_hasher_put(h, chunk, got);
        total += got;
    } while (got == FILE_CHUNK);
    free(chunk);
    if (err == VT_OK)
        *ret_len = total;
    return err;
}

enum vt_err
vt_digest_of_file(
    const char *path, struct vt_digest *ret, uint64_t *ret_len, struct vt_why *why)
{
    struct vt_hasher *h = NULL;
    uint64_t len = 0;
    enum vt_err err;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = vt_hasher_new(&h, why);
    if (err == VT_OK)
        err = hash_fd(fd, h, &len, why);
    if (err == VT_OK) {
        vt_hasher_end(h, ret);
        if (ret_len != NULL)
            *ret_len = len;
    } else {
        err = vt_fail_in(why, err, "%s", path);
    }
    vt_hasher_free(h);
    (void)close(fd);
    return err;
}

bool
vt_digest_eq(const struct vt_digest *a, const struct vt_digest *b)
{
    return CRYPTO_memcmp(a->b, b->b, VT_DIGEST_SIZE) == 0;
}

int
vt_digest_cmp(const struct vt_digest *a, const struct vt_digest *b)
{
    return memcmp(a->b, b->b, VT_DIGEST_SIZE);
}

void
vt_digest_hex(const struct vt_digest *d, char ret[VT_DIGEST_HEX_SIZE])
{
    vt_hex_encode(d->b, VT_DIGEST_SIZE, ret);
}

bool
vt_digest_from_hex(const char *s, size_t len, struct vt_digest *ret)
{
    size_t n;

    return len == 2 * VT_DIGEST_SIZE && vt_hex_decode(s, len, ret->b, sizeof ret->b, &n);
}

enum vt_err
vt_random(void *ret, size_t len, struct vt_why *why)
{
    if (len > INT_MAX || RAND_bytes(ret, (int)len) != 1)
        return vt_fail(why, VT_E_CRYPTO, "libcrypto has no random bytes to give");
    return VT_OK;
}

void
vt_wipe(void *p, size_t len)
{
    OPENSSL_cleanse(p, len);
}
