/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring's snapshot: its head in the clear, with the generation's key wrapped by the root key,
 * and everything else in sealed chunks. The key is new for each snapshot, so a counter is nonce
 * enough.
 */
#include "vault/ring_held.h"

#include "base/clock.h"
#include "crypto/aead.h"
#include "crypto/locked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "VTR1"
#define PREFIX_SIZE 8U /* magic, length of the head */
#define NONCE_STREAM 1U

enum vt_err
vt_ring_head_parse(const void *data, size_t len, struct vt_ring_head *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_ring_head h = {0};
    struct vt_reader uri = {0};
    uint64_t created;
    uint32_t n;
    uint16_t uri_len, wrapped_len;
    uint8_t kind;

    if (!vt_reader_skip(&r, MAGIC) || !vt_reader_u32(&r, &n) || n > VT_RING_HEAD_MAX - 8 ||
        r.left < n)
        return vt_fail(why, VT_E_SYNTAX, "not a ring, or cut short");
    h.len = PREFIX_SIZE + n;
    r.left = n;
    if (!vt_reader_u64(&r, &h.generation) || h.generation == 0 || h.generation > INT64_MAX ||
        !vt_reader_u64(&r, &created) || created > INT64_MAX || !vt_reader_u8(&r, &kind) ||
        (kind != VT_ROOT_FILE && kind != VT_ROOT_TOKEN) || !vt_reader_u16(&r, &uri_len) ||
        !vt_reader_take(&r, uri_len, &uri.p))
        return vt_fail(why, VT_E_SYNTAX, "a ring's head is misformed");
    uri.left = uri_len;
    h.created = (int64_t)created;
    h.kind = (enum vt_root_kind)kind;
    h.bound = (const uint8_t *)data + PREFIX_SIZE;
    h.bound_len = h.len - PREFIX_SIZE - r.left;
    if (!vt_reader_cstr(&uri, h.uri, sizeof h.uri) || !vt_reader_u16(&r, &wrapped_len) ||
        wrapped_len > VT_ROOT_WRAPPED_MAX || !vt_reader_take(&r, wrapped_len, &h.wrapped) ||
        r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "a ring's head is misformed");
    h.wrapped_len = wrapped_len;
    vt_digest_of(data, h.len, &h.digest);
    *ret = h;
    return VT_OK;
}

/* Reads from an open file so much as its head may be. */
static enum vt_err
read_head(int fd, struct vt_buf *b, struct vt_ring_head *ret, struct vt_why *why)
{
    uint8_t *p = vt_buf_reserve(b, VT_RING_HEAD_MAX);
    size_t got = 0;
    enum vt_err err;

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "ring: out of memory");
    err = vt_fd_read(fd, p, VT_RING_HEAD_MAX, &got, why);
    if (err != VT_OK)
        return err;
    vt_buf_commit(b, got);
    return vt_ring_head_parse(b->data, b->len, ret, why);
}

enum vt_err
vt_ring_head_read(
    const char *path, struct vt_buf *b, struct vt_ring_head *ret, struct vt_why *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum vt_err err;

    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = read_head(fd, b, ret, why);
    (void)close(fd);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s", path);
}

enum vt_err
vt_ring_root_open(const char *dir, const char *name, const struct vt_ring_head *h,
    struct vt_root **ret, struct vt_why *why)
{
    if (h->kind == VT_ROOT_TOKEN)
        return vt_root_token_open(h->uri, name, ret, why);
    return vt_root_file_open(dir, h->generation, ret, why);
}

static void
nonce_of(uint64_t i, uint8_t ret[VT_AEAD_NONCE_SIZE])
{
    memset(ret, 0, VT_AEAD_NONCE_SIZE);
    ret[3] = NONCE_STREAM;
    for (unsigned byte = 0; byte < 8; byte++)
        ret[4 + byte] = (uint8_t)(i >> (56 - 8 * byte));
}

/* A chunk: u32 length, u8 whether it is the last, sealed items. */
#define CHUNK_HEAD 5U

static void
chunk_aad(const struct vt_digest *head, bool last, uint8_t ret[VT_DIGEST_SIZE + 1])
{
    memcpy(ret, head->b, VT_DIGEST_SIZE);
    ret[VT_DIGEST_SIZE] = last ? 1 : 0;
}

static enum vt_err
read_chunk(struct vt_ring *r, int fd, uint64_t i, bool *ret_last, struct vt_why *why)
{
    uint8_t head[CHUNK_HEAD];
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    uint8_t aad[VT_DIGEST_SIZE + 1];
    struct vt_reader in = VT_READER(head, sizeof head);
    struct vt_buf b = {.max = VT_RING_ITEMS_MAX + VT_AEAD_TAG_SIZE, .secret = true};
    uint32_t len = 0;
    uint8_t last = 0;
    size_t got = 0;
    uint8_t *p = NULL;
    enum vt_err err = vt_fd_read(fd, head, sizeof head, &got, why);

    if (err != VT_OK)
        return err;
    if (got != sizeof head || !vt_reader_u32(&in, &len) || !vt_reader_u8(&in, &last) ||
        last > 1 || len < VT_AEAD_TAG_SIZE || (p = vt_buf_reserve(&b, len)) == NULL)
        err = vt_fail(
            why, VT_E_SYNTAX, "chunk %llu is cut short or misformed", (unsigned long long)i);
    if (err == VT_OK)
        err = vt_fd_read(fd, p, len, &got, why);
    if (err == VT_OK && got != len)
        err = vt_fail(why, VT_E_SYNTAX, "chunk %llu is cut short", (unsigned long long)i);
    nonce_of(i, nonce);
    chunk_aad(&r->head, last == 1, aad);
    if (err == VT_OK)
        err = vt_aead_open(r->key, nonce, aad, sizeof aad, p, len, p, why);
    if (err == VT_OK)
        vt_buf_commit(&b, len - VT_AEAD_TAG_SIZE);
    if (err == VT_OK)
        err = vt_ring_items_each(b.data, b.len, vt_ring_item_apply, r, why);
    *ret_last = last == 1;
    vt_buf_release(&b);
    return err;
}

static enum vt_err
read_chunks(struct vt_ring *r, int fd, struct vt_why *why)
{
    uint8_t past;
    size_t more = 0;
    bool last = false;
    off_t end;
    enum vt_err err = VT_OK;

    for (uint64_t i = 0; !last && err == VT_OK; i++)
        err = read_chunk(r, fd, i, &last, why);
    if (err == VT_OK)
        err = vt_fd_read(fd, &past, 1, &more, why);
    if (err == VT_OK && more > 0)
        err = vt_fail(why, VT_E_SYNTAX, "bytes after the last chunk");
    end = lseek(fd, 0, SEEK_CUR);
    if (err == VT_OK && end < 0)
        err = vt_fail_errno(why, "cannot tell its length");
    if (err == VT_OK)
        r->snapshot_len = (uint64_t)end;
    return err;
}

/* Takes over what the head says, and the generation's key. */
static enum vt_err
take_head(struct vt_ring *r, const struct vt_ring_head *h, struct vt_why *why)
{
    char when[VT_TIME_SIZE];
    enum vt_err err;

    r->generation = h->generation;
    r->created = h->created;
    r->kind = h->kind;
    memcpy(r->uri, h->uri, sizeof r->uri);
    r->head = h->digest;
    err = vt_ring_root_open(r->dir, r->name, h, &r->root, why);
    if (err == VT_OK)
        err = vt_root_unwrap(r->root, h->generation, h->bound, h->bound_len, h->wrapped,
            h->wrapped_len, r->key, why);
    vt_time_format(h->created, when);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_REFUSED,
            "the ring is of generation %llu, written %s, and the root key of that generation "
            "is "
            "gone: nothing can open it any more",
            (unsigned long long)h->generation, when);
    return err;
}

enum vt_err
vt_ring_snapshot_read(struct vt_ring *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_RING_HEAD_MAX);
    struct vt_ring_head h;
    char path[VT_PATH_MAX];
    int fd = -1;
    enum vt_err err = vt_path(path, why, "%s/snapshot", r->dir);

    if (err != VT_OK)
        return err;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return vt_fail_errno(why, "%s: cannot open", path);
    err = read_head(fd, &b, &h, why);
    if (err != VT_OK) {
        err = vt_fail_in(why, err, "%s", path);
        goto out;
    }
    err = take_head(r, &h, why);
    if (err == VT_OK && lseek(fd, (off_t)h.len, SEEK_SET) < 0)
        err = vt_fail_errno(why, "%s", path);
    if (err != VT_OK)
        goto out;
    err = read_chunks(r, fd, why);
    if (err == VT_OK && r->box == NULL)
        err = vt_fail(why, VT_E_SYNTAX, "no box key");
    if (err != VT_OK)
        err = vt_fail_in(why, err, "%s: damaged; restore it from a backup", path);
out:
    vt_buf_release(&b);
    (void)close(fd);
    return err;
}

struct writer {
    int fd;
    const uint8_t *key;
    struct vt_digest head;
    uint64_t count;
    uint64_t len;
};

static enum vt_err
write_chunk(void *ctx, const struct vt_buf *items, bool last, struct vt_why *why)
{
    struct writer *w = ctx;
    size_t len = items->len + VT_AEAD_TAG_SIZE;
    struct vt_buf b = VT_BUF(CHUNK_HEAD + VT_RING_ITEMS_MAX + VT_AEAD_TAG_SIZE);
    uint8_t nonce[VT_AEAD_NONCE_SIZE];
    uint8_t aad[VT_DIGEST_SIZE + 1];
    uint8_t *p;
    enum vt_err err;

    vt_buf_put_u32(&b, (uint32_t)len);
    vt_buf_put_u8(&b, last ? 1 : 0);
    p = vt_buf_reserve(&b, len);
    nonce_of(w->count++, nonce);
    chunk_aad(&w->head, last, aad);
    err = vt_buf_check(&b, "ring", why);
    if (err == VT_OK)
        err = vt_aead_seal(w->key, nonce, aad, sizeof aad, items->data, items->len, p, why);
    if (err == VT_OK) {
        vt_buf_commit(&b, len);
        w->len += b.len;
        err = vt_fd_write(w->fd, b.data, b.len, why);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
put_head(const struct vt_ring *r, uint64_t generation, int64_t now, const uint8_t *key,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf bound = VT_BUF(VT_RING_HEAD_MAX);
    struct vt_buf wrapped = VT_BUF(VT_ROOT_WRAPPED_MAX);
    size_t len;
    enum vt_err err;

    vt_buf_put_u64(&bound, generation);
    vt_buf_put_u64(&bound, now < 0 ? 0 : (uint64_t)now);
    vt_buf_put_u8(&bound, (uint8_t)r->kind);
    vt_buf_put_u16(&bound, (uint16_t)strlen(r->uri));
    vt_buf_puts(&bound, r->uri);
    err = vt_root_wrap(r->root, generation, bound.data, bound.len, key, &wrapped, why);
    len = bound.len + 2 + wrapped.len;
    vt_buf_puts(b, MAGIC);
    vt_buf_put_u32(b, (uint32_t)len);
    vt_buf_put(b, bound.data, bound.len);
    vt_buf_put_u16(b, (uint16_t)wrapped.len);
    vt_buf_put(b, wrapped.data, wrapped.len);
    if (err == VT_OK)
        err = vt_buf_check(b, "ring", why);
    vt_buf_release(&wrapped);
    vt_buf_release(&bound);
    return err;
}

/* After the commit: what memory says of the disk. */
static void
take_over(struct vt_ring *r, uint64_t generation, int64_t now, const struct writer *w,
    const uint8_t *key)
{
    r->generation = generation;
    r->created = now;
    r->head = w->head;
    r->snapshot_len = w->len;
    memcpy(r->key, key, VT_ROOT_KEY_SIZE);
}

enum vt_err
vt_ring_snapshot_write(struct vt_ring *r, uint64_t generation, const struct vt_ring_choice *c,
    const struct vt_buf *items, struct vt_why *why)
{
    struct vt_buf head = VT_BUF(VT_RING_HEAD_MAX);
    struct vt_file_new f = {.fd = -1};
    struct writer w = {0};
    int64_t now = vt_clock_now(&vt_clock_system);
    void *key = NULL;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/snapshot", r->dir);

    if (err == VT_OK)
        err = vt_locked_new(VT_ROOT_KEY_SIZE, &key, why);
    if (err == VT_OK)
        err = vt_random(key, VT_ROOT_KEY_SIZE, why);
    if (err == VT_OK)
        err = put_head(r, generation, now, key, &head, why);
    if (err == VT_OK)
        err = vt_file_new_begin(&f, path, 0600, why);
    if (err != VT_OK)
        goto out;
    w = (struct writer){.fd = f.fd, .key = key, .len = head.len};
    vt_digest_of(head.data, head.len, &w.head);
    err = vt_fd_write(f.fd, head.data, head.len, why);
    if (err == VT_OK)
        err = vt_ring_dump(r, c, items, write_chunk, &w, why);
    if (err != VT_OK) {
        vt_file_new_abort(&f);
        goto out;
    }
    /* When this fails nobody knows which of the two will be there after a crash. */
    err = vt_file_new_commit(&f, why);
    if (err == VT_OK)
        take_over(r, generation, now, &w, key);
    else
        r->broken = true;
out:
    vt_locked_free(key);
    vt_buf_release(&head);
    return err;
}
