/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/age.h"

#include "base/file.h"
#include "crypto/age_priv.h"
#include "crypto/kdf.h"

#include <stdlib.h>
#include <string.h>

#define RECIPIENTS_MAX 16U
#define HEAD_MAX 8192U

struct vt_age {
    int fd;
    bool ended; /* or failed: nothing more may be written */
    uint64_t number;
    uint8_t key[VT_AEAD_KEY_SIZE];
    size_t have; /* bytes in chunk that wait to be written */
    uint8_t chunk[VT_AGE_SEALED];
};

/* Shared with the reader. */

enum vt_err
vt_age_wrap_key(const struct vt_box *mine, const struct vt_box_public *other,
    const struct vt_box_public *share, const struct vt_box_public *recipient,
    uint8_t ret[VT_AEAD_KEY_SIZE], struct vt_why *why)
{
    static const char info[] = "age-encryption.org/v1/X25519";
    uint8_t salt[2 * VT_BOX_SIZE], shared[VT_BOX_SIZE];
    enum vt_err err = vt_box_agree(mine, other, shared, why);

    if (err != VT_OK)
        return err;
    memcpy(salt, share->b, VT_BOX_SIZE);
    memcpy(salt + VT_BOX_SIZE, recipient->b, VT_BOX_SIZE);
    vt_hkdf(
        salt, sizeof salt, shared, sizeof shared, info, sizeof info - 1, ret, VT_AEAD_KEY_SIZE);
    vt_wipe(shared, sizeof shared);
    return VT_OK;
}

void
vt_age_mac(const uint8_t file_key[VT_AGE_FILE_KEY], const void *head, size_t len,
    struct vt_digest *ret)
{
    const struct vt_slice all = {head, len};
    uint8_t key[VT_DIGEST_SIZE];

    vt_hkdf(NULL, 0, file_key, VT_AGE_FILE_KEY, "header", 6, key, sizeof key);
    vt_hmac(key, sizeof key, &all, 1, ret);
    vt_wipe(key, sizeof key);
}

void
vt_age_payload_key(const uint8_t file_key[VT_AGE_FILE_KEY], const uint8_t nonce[VT_AGE_NONCE],
    uint8_t ret[VT_AEAD_KEY_SIZE])
{
    vt_hkdf(
        nonce, VT_AGE_NONCE, file_key, VT_AGE_FILE_KEY, "payload", 7, ret, VT_AEAD_KEY_SIZE);
}

void
vt_age_chunk_nonce(uint64_t number, bool last, uint8_t ret[VT_AEAD_NONCE_SIZE])
{
    memset(ret, 0, VT_AEAD_NONCE_SIZE);
    for (unsigned i = 0; i < 8; i++)
        ret[VT_AEAD_NONCE_SIZE - 2 - i] = (uint8_t)(number >> 8 * i);
    ret[VT_AEAD_NONCE_SIZE - 1] = last;
}

/* The head. */

/* Base64 without padding, as age has it everywhere. */
static void
put_base64(struct vt_buf *b, const uint8_t *data, size_t len)
{
    vt_buf_put_b64(b, data, len);
    while (b->err == VT_OK && b->len > 0 && b->data[b->len - 1] == '=')
        b->len--;
}

/* The lines for one recipient: a share of our side, and the file key, wrapped. */
static enum vt_err
put_recipient(struct vt_buf *b, const struct vt_box_public *to,
    const uint8_t file_key[VT_AGE_FILE_KEY], struct vt_why *why)
{
    const uint8_t nonce[VT_AEAD_NONCE_SIZE] = {0}; /* the key is used once */
    uint8_t key[VT_AEAD_KEY_SIZE], wrapped[VT_AGE_WRAPPED];
    struct vt_box *ephemeral = NULL;
    struct vt_box_public share;
    enum vt_err err = vt_box_new(&ephemeral, why);

    if (err != VT_OK)
        return err;
    vt_box_public(ephemeral, &share);
    err = vt_age_wrap_key(ephemeral, to, &share, to, key, why);
    if (err == VT_OK)
        err = vt_chacha_seal(key, nonce, file_key, VT_AGE_FILE_KEY, wrapped, why);
    if (err == VT_OK) {
        vt_buf_puts(b, "-> X25519 ");
        put_base64(b, share.b, sizeof share.b);
        vt_buf_put_u8(b, '\n');
        put_base64(b, wrapped, sizeof wrapped);
        vt_buf_put_u8(b, '\n');
    }
    vt_wipe(key, sizeof key);
    vt_box_free(ephemeral);
    return err;
}

static enum vt_err
put_head(struct vt_buf *b, const struct vt_box_public *to, size_t n,
    const uint8_t file_key[VT_AGE_FILE_KEY], struct vt_why *why)
{
    struct vt_digest mac;
    enum vt_err err = VT_OK;

    vt_buf_puts(b, VT_AGE_VERSION "\n");
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = put_recipient(b, &to[i], file_key, why);
    if (err != VT_OK)
        return err;
    vt_buf_puts(b, VT_AGE_MAC_MARK);
    err = vt_buf_check(b, "an age file's head", why);
    if (err != VT_OK)
        return err;
    vt_age_mac(file_key, b->data, b->len, &mac);
    vt_buf_put_u8(b, ' ');
    put_base64(b, mac.b, sizeof mac.b);
    vt_buf_put_u8(b, '\n');
    return vt_buf_check(b, "an age file's head", why);
}

static enum vt_err
write_head(struct vt_age *a, const struct vt_box_public *to, size_t n, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(HEAD_MAX);
    uint8_t file_key[VT_AGE_FILE_KEY], nonce[VT_AGE_NONCE];
    enum vt_err err = vt_random(file_key, sizeof file_key, why);

    if (err == VT_OK)
        err = vt_random(nonce, sizeof nonce, why);
    if (err == VT_OK)
        err = put_head(&head, to, n, file_key, why);
    if (err == VT_OK) {
        vt_age_payload_key(file_key, nonce, a->key);
        vt_buf_put(&head, nonce, sizeof nonce);
        err = vt_buf_check(&head, "an age file's head", why);
    }
    if (err == VT_OK)
        err = vt_fd_write(a->fd, head.data, head.len, why);
    vt_wipe(file_key, sizeof file_key);
    vt_buf_release(&head);
    return err;
}

enum vt_err
vt_age_new(
    int fd, const struct vt_box_public *to, size_t n, struct vt_age **ret, struct vt_why *why)
{
    struct vt_age *a;
    enum vt_err err;

    if (n < 1 || n > RECIPIENTS_MAX)
        return vt_fail(why, VT_E_USAGE, "a file is encrypted to 1 to %u recipients, not %zu",
            RECIPIENTS_MAX, n);
    a = calloc(1, sizeof *a);
    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory");
    a->fd = fd;
    err = write_head(a, to, n, why);
    if (err != VT_OK) {
        vt_age_free(a);
        return err;
    }
    *ret = a;
    return VT_OK;
}

/* The chunks. */

static enum vt_err
write_chunk(struct vt_age *a, bool last, struct vt_why *why)
{
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    enum vt_err err;

    vt_age_chunk_nonce(a->number++, last, nonce);
    err = vt_chacha_seal(a->key, nonce, a->chunk, a->have, a->chunk, why);
    if (err == VT_OK)
        err = vt_fd_write(a->fd, a->chunk, a->have + VT_AEAD_TAG_SIZE, why);
    a->have = 0;
    a->ended = last || err != VT_OK;
    return err;
}

static enum vt_err
check_open(const struct vt_age *a, struct vt_why *why)
{
    if (a->ended)
        return vt_fail(why, VT_E_STATE, "this encrypted file has ended");
    return VT_OK;
}

/* A full chunk waits until more follows, for the last must say that it is. */
enum vt_err
vt_age_put(struct vt_age *a, const void *data, size_t len, struct vt_why *why)
{
    const uint8_t *p = data;
    enum vt_err err = check_open(a, why);

    while (len > 0 && err == VT_OK) {
        size_t n = VT_AGE_CHUNK - a->have < len ? VT_AGE_CHUNK - a->have : len;
        if (n == 0) {
            err = write_chunk(a, false, why);
            continue;
        }
        memcpy(a->chunk + a->have, p, n);
        a->have += n;
        p += n;
        len -= n;
    }
    return err;
}

enum vt_err
vt_age_end(struct vt_age *a, struct vt_why *why)
{
    enum vt_err err = check_open(a, why);

    return err == VT_OK ? write_chunk(a, true, why) : err;
}

void
vt_age_free(struct vt_age *a)
{
    if (a == NULL)
        return;
    vt_wipe(a, sizeof *a);
    free(a);
}
