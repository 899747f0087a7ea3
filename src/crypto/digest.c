/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include "base/file.h"
#include "crypto/thread_ctx.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_CHUNK (256U * 1024U)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256; /* fetched once: the lookup costs more than a hash */

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    assert(sha256 != NULL);
}

void
vt_digest_of_slices(const struct vt_slice *v, size_t n, struct vt_digest *ret)
{
    const struct vt_thread_ctx *c = vt_thread_ctx_get();
    EVP_MD_CTX *ctx = c != NULL ? c->hash : NULL;
    int ok;

    assert(ctx != NULL);
    (void)pthread_once(&once, fetch);
    ok = EVP_DigestInit_ex2(ctx, sha256, NULL);
    for (size_t i = 0; i < n; i++)
        ok &= EVP_DigestUpdate(ctx, v[i].data, v[i].len);
    ok &= EVP_DigestFinal_ex(ctx, ret->b, NULL);
    assert(ok == 1);
    (void)ok;
}

void
vt_thread_hash_forget(void)
{
    const struct vt_thread_ctx *c = vt_thread_ctx_get();
    int ok;

    assert(c != NULL);
    (void)pthread_once(&once, fetch);
    ok = EVP_DigestInit_ex2(c->hash, sha256, NULL);
    assert(ok == 1);
    (void)ok;
}

void
vt_digest_of(const void *data, size_t len, struct vt_digest *ret)
{
    const struct vt_slice slice = {.data = data, .len = len};

    vt_digest_of_slices(&slice, 1, ret);
}

struct vt_hasher {
    EVP_MD_CTX *ctx;
};

static void
hasher_start(struct vt_hasher *h)
{
    int ok = EVP_DigestInit_ex2(h->ctx, sha256, NULL);

    assert(ok == 1);
    (void)ok;
}

enum vt_err
vt_hasher_new(struct vt_hasher **ret, struct vt_why *why)
{
    struct vt_hasher *h = calloc(1, sizeof *h);

    (void)pthread_once(&once, fetch);
    if (h != NULL)
        h->ctx = EVP_MD_CTX_new();
    if (h == NULL || h->ctx == NULL) {
        free(h);
        return vt_fail(why, VT_E_NOMEM, "SHA-256: out of memory");
    }
    hasher_start(h);
    *ret = h;
    return VT_OK;
}

void
vt_hasher_free(struct vt_hasher *h)
{
    if (h == NULL)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

void
vt_hasher_put(struct vt_hasher *h, const void *data, size_t len)
{
    int ok = EVP_DigestUpdate(h->ctx, data, len);

    assert(ok == 1);
    (void)ok;
}

void
vt_hasher_end(struct vt_hasher *h, struct vt_digest *ret)
{
    int ok = EVP_DigestFinal_ex(h->ctx, ret->b, NULL);

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
