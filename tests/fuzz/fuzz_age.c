/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Age files. By the first byte the rest is a whole file, or lines put before a
 * true recipient in a head whose MAC is right, or a payload under the true key.
 * Nothing that was not sealed with the key is ever written.
 */
#include "crypto/age.h"
#include "crypto/age_priv.h"

#include "must.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint8_t file_key[VT_AGE_FILE_KEY] = "a key of a file";

static void
put_unpadded(struct vt_buf *b, const uint8_t *data, size_t len)
{
    vt_buf_put_b64(b, data, len);
    while (b->data[b->len - 1] == '=')
        b->len--;
}

static void
put_recipient(struct vt_buf *b, const struct vt_box *key)
{
    uint8_t nonce[12] = {0}, wrap[32], wrapped[VT_AGE_WRAPPED];
    struct vt_box_public pub;

    vt_box_public(key, &pub); /* with itself, so that the corpus stays what it is */
    must(vt_age_wrap_key(key, &pub, &pub, &pub, wrap, NULL) == VT_OK);
    must(vt_chacha_seal(wrap, nonce, file_key, sizeof file_key, wrapped, NULL) == VT_OK);
    vt_buf_puts(b, "-> X25519 ");
    put_unpadded(b, pub.b, sizeof pub.b);
    vt_buf_puts(b, "\n");
    put_unpadded(b, wrapped, sizeof wrapped);
    vt_buf_puts(b, "\n");
}

static void
put_head(struct vt_buf *b, const struct vt_box *key, const uint8_t *lines, size_t len)
{
    struct vt_digest mac;

    vt_buf_puts(b, VT_AGE_VERSION "\n");
    vt_buf_put(b, lines, len);
    put_recipient(b, key);
    vt_buf_puts(b, VT_AGE_MAC_MARK);
    vt_age_mac(file_key, b->data, b->len, &mac);
    vt_buf_puts(b, " ");
    put_unpadded(b, mac.b, sizeof mac.b);
    vt_buf_puts(b, "\n");
}

static void
make(struct vt_buf *b, const struct vt_box *key, const uint8_t *data, size_t size)
{
    uint8_t nonce[VT_AGE_NONCE] = {1}, k[32], n[12], empty[VT_AEAD_TAG_SIZE];

    switch (data[0] % 3) {
    case 0:
        vt_buf_put(b, data + 1, size - 1);
        break;
    case 1:
        put_head(b, key, data + 1, size - 1);
        vt_age_payload_key(file_key, nonce, k);
        vt_age_chunk_nonce(0, true, n);
        must(vt_chacha_seal(k, n, NULL, 0, empty, NULL) == VT_OK);
        vt_buf_put(b, nonce, sizeof nonce);
        vt_buf_put(b, empty, sizeof empty);
        break;
    default:
        put_head(b, key, NULL, 0);
        vt_buf_put(b, data + 1, size - 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vt_box *key;
    static const uint8_t priv[VT_BOX_SIZE] = {7};
    struct vt_buf b = VT_BUF(4U << 20);
    struct vt_why why = {0};
    int from = memfd_create("sealed", MFD_CLOEXEC);
    int to = memfd_create("plain", MFD_CLOEXEC);
    enum vt_err err;

    must(from >= 0 && to >= 0);
    if (key == NULL)
        must(vt_box_from_private(priv, &key, NULL) == VT_OK);
    if (size > 0 && size < 1U << 20) {
        make(&b, key, data, size);
        must(b.err == VT_OK);
        must(write(from, b.data, b.len) == (ssize_t)b.len && lseek(from, 0, SEEK_SET) == 0);
        err = vt_age_open(from, key, to, &why);
        must_say(err, &why);
        must(lseek(to, 0, SEEK_END) == 0);
    }
    (void)close(from);
    (void)close(to);
    vt_buf_release(&b);
    return 0;
}
