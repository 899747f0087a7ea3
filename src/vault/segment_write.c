/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/segment_write.h"

#include "base/file.h"
#include "crypto/aead.h"
#include "crypto/locked.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE 10U             /* of a block's row in the head */
#define WRITE_SIZE (1024U * 1024U) /* bytes written at once */
#define AAD_SIZE (VT_DIGEST_SIZE + 4U)

static const char id_label[] = "vitrine/segment-id/v1"; /* its NUL is hashed too */

/* A block on its way into the segment. */
struct piece {
    struct vt_block_row row;
    uint32_t batch;
    uint16_t block;
    const uint8_t *sealed;
};

struct making {
    const struct vt_segment_make *m;
    uint8_t id[VT_SEGMENT_ID_SIZE];
    struct vt_batch_header *header; /* of each batch */
    struct piece *piece;
    uint32_t piece_count;
    uint64_t records;
    uint64_t plain;
    struct vt_buf head;
    struct vt_digest head_digest;
    struct vt_frontier tree;
    struct vt_file_new file;
    struct vt_buf out;
    uint64_t size;
    uint8_t (*subject)[VT_SUBJECT_SIZE];
    uint8_t (*key)[32]; /* locked memory */
};

uint64_t
vt_segment_weight(const struct vt_batch_header *h)
{
    uint64_t n = 4 + (uint64_t)h->bytes_len;

    for (size_t i = 0; i < h->block_count; i++) {
        struct vt_block_row row;

        vt_batch_row(h, i, &row);
        n += BLOCK_SIZE + (uint64_t)row.sealed_len + VT_AEAD_TAG_SIZE;
    }
    return n;
}

/* Takes the batches apart; counts their blocks. */
static enum vt_err
parse_batches(struct making *w, const uint8_t **blocks, struct vt_why *why)
{
    const struct vt_segment_make *m = w->m;
    uint64_t count = 0;

    for (size_t i = 0; i < m->count; i++) {
        struct vt_batch_header *h = &w->header[i];
        enum vt_err err = vt_batch_parse(m->batch[i].data, m->batch[i].len, h, &blocks[i], why);

        if (err != VT_OK)
            return err;
        if (strcmp(h->region, m->region) != 0 || strcmp(h->class_name, m->class_name) != 0)
            return vt_fail(why, VT_E_USAGE, "a batch of %s %s in a segment of %s %s", h->region,
                h->class_name, m->region, m->class_name);
        count += h->block_count;
    }
    if (count > VT_SEGMENT_BLOCKS_MAX)
        return vt_fail(why, VT_E_LIMIT, "a segment of %llu blocks", (unsigned long long)count);
    w->piece = calloc((size_t)count + 1, sizeof *w->piece);
    if (w->piece == NULL)
        return vt_fail(why, VT_E_NOMEM, "a segment: out of memory");
    return VT_OK;
}

static int
by_subject(const void *a, const void *b)
{
    const struct piece *x = a;
    const struct piece *y = b;
    int c = memcmp(x->row.subject, y->row.subject, VT_SUBJECT_SIZE);

    if (c != 0)
        return c;
    if (x->batch != y->batch)
        return x->batch < y->batch ? -1 : 1;
    return x->block < y->block ? -1 : 1;
}

/* Lists all blocks, by subject and arrival. */
static enum vt_err
collect(struct making *w, struct vt_why *why)
{
    const uint8_t **blocks = calloc(w->m->count, sizeof *blocks);
    enum vt_err err;

    w->header = calloc(w->m->count, sizeof *w->header);
    if (blocks == NULL || w->header == NULL)
        err = vt_fail(why, VT_E_NOMEM, "a segment: out of memory");
    else
        err = parse_batches(w, blocks, why);
    for (size_t i = 0; i < w->m->count && err == VT_OK; i++) {
        const uint8_t *at = blocks[i];

        for (uint16_t j = 0; j < w->header[i].block_count; j++) {
            struct piece *p = &w->piece[w->piece_count++];

            vt_batch_row(&w->header[i], j, &p->row);
            p->batch = (uint32_t)i;
            p->block = j;
            p->sealed = at;
            at += p->row.sealed_len;
            w->records += p->row.records;
            w->plain += p->row.plain_len;
        }
    }
    if (err == VT_OK)
        qsort(w->piece, w->piece_count, sizeof *w->piece, by_subject);
    free(blocks);
    return err;
}

static void
put_word(struct vt_buf *b, const char *s)
{
    vt_buf_put_u8(b, (uint8_t)strlen(s));
    vt_buf_puts(b, s);
}

static int
by_id(const void *a, const void *b)
{
    return memcmp(a, b, VT_SEGMENT_ID_SIZE);
}

/* What stands before the ids of batches. */
static void
put_id_head(struct vt_buf *b, const struct vt_segment_make *m)
{
    vt_buf_put(b, id_label, sizeof id_label);
    put_word(b, m->region);
    put_word(b, m->class_name);
    vt_buf_put_u32(b, m->day);
}

enum vt_err
vt_segment_make_id(
    const struct vt_segment_make *m, uint8_t ret[VT_SEGMENT_ID_SIZE], struct vt_why *why)
{
    struct vt_buf b = VT_BUF(512 + m->count * VT_SEGMENT_ID_SIZE);
    struct vt_digest d;
    size_t ids;
    enum vt_err err = VT_OK;

    put_id_head(&b, m);
    ids = b.len;
    for (size_t i = 0; i < m->count && err == VT_OK; i++) {
        struct vt_batch_header h;
        const uint8_t *blocks;

        err = vt_batch_parse(m->batch[i].data, m->batch[i].len, &h, &blocks, why);
        if (err == VT_OK)
            vt_buf_put(&b, h.id, sizeof h.id);
    }
    if (err == VT_OK)
        err = vt_buf_check(&b, "the ids of a segment's batches", why);
    if (err == VT_OK) {
        qsort(b.data + ids, m->count, VT_SEGMENT_ID_SIZE, by_id);
        vt_digest_of(b.data, b.len, &d);
        memcpy(ret, d.b, VT_SEGMENT_ID_SIZE);
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
build_head(struct making *w, struct vt_why *why)
{
    const struct vt_segment_make *m = w->m;
    struct vt_buf *b = &w->head;
    enum vt_err err;

    vt_buf_put(b, w->id, sizeof w->id);
    vt_buf_put_u64(b, m->created);
    put_word(b, m->region);
    put_word(b, m->site);
    put_word(b, m->class_name);
    vt_buf_put_u32(b, m->day);
    vt_buf_put(b, m->policy.b, VT_DIGEST_SIZE);
    vt_buf_put_u32(b, (uint32_t)m->count);
    vt_buf_put_u32(b, w->piece_count);
    vt_buf_put_u64(b, w->records);
    vt_buf_put_u64(b, w->plain);
    for (size_t i = 0; i < m->count; i++) {
        vt_buf_put_u32(b, (uint32_t)w->header[i].bytes_len);
        vt_buf_put(b, w->header[i].bytes, w->header[i].bytes_len);
    }
    for (uint32_t i = 0; i < w->piece_count; i++) {
        vt_buf_put_u32(b, w->piece[i].batch);
        vt_buf_put_u16(b, w->piece[i].block);
        vt_buf_put_u32(b, w->piece[i].row.sealed_len + VT_AEAD_TAG_SIZE);
    }
    err = vt_buf_check(b, "a segment's head", why);
    if (err == VT_OK)
        vt_digest_of(b->data, b->len, &w->head_digest);
    return err;
}

static enum vt_err
flush(struct making *w, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(&w->out, w->file.path, why);

    if (err == VT_OK)
        err = vt_fd_write(w->file.fd, w->out.data, w->out.len, why);
    w->size += w->out.len;
    vt_buf_clear(&w->out);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", w->file.path);
}

static enum vt_err
write_head(struct making *w, struct vt_why *why)
{
    struct vt_digest leaf;
    enum vt_err err;

    vt_buf_puts(&w->out, VT_SEGMENT_MAGIC);
    vt_buf_put_u32(&w->out, (uint32_t)w->head.len);
    err = flush(w, why);
    if (err == VT_OK)
        err = vt_fd_write(w->file.fd, w->head.data, w->head.len, why);
    if (err != VT_OK)
        return err;
    w->size += w->head.len;
    vt_merkle_leaf(w->head.data, w->head.len, &leaf);
    vt_frontier_append(&w->tree, &leaf);
    return VT_OK;
}

static enum vt_err
seal_piece(struct making *w, uint32_t i, const uint8_t key[32], struct vt_why *why)
{
    static const uint8_t nonce[VT_AEAD_NONCE_SIZE];
    const struct piece *p = &w->piece[i];
    size_t len = (size_t)p->row.sealed_len + VT_AEAD_TAG_SIZE;
    uint8_t aad[AAD_SIZE];
    struct vt_digest leaf;
    uint8_t *out = vt_buf_reserve(&w->out, len);
    enum vt_err err;

    if (out == NULL)
        return vt_buf_check(&w->out, w->file.path, why);
    memcpy(aad, w->head_digest.b, VT_DIGEST_SIZE);
    for (unsigned k = 0; k < 4; k++)
        aad[VT_DIGEST_SIZE + k] = (uint8_t)(i >> (24 - 8 * k));
    err = vt_aead_seal(key, nonce, aad, sizeof aad, p->sealed, p->row.sealed_len, out, why);
    if (err != VT_OK)
        return err;
    vt_merkle_leaf(out, len, &leaf);
    vt_frontier_append(&w->tree, &leaf);
    vt_buf_commit(&w->out, len);
    return w->out.len >= WRITE_SIZE ? flush(w, why) : VT_OK;
}

static enum vt_err
seal_all(struct making *w, struct vt_why *why)
{
    const struct vt_segment_make *m = w->m;
    enum vt_err err = VT_OK;

    for (uint32_t first = 0; first < w->piece_count && err == VT_OK;) {
        uint32_t left = w->piece_count - first;
        uint32_t n = left < m->keys_max ? left : (uint32_t)m->keys_max;

        for (uint32_t i = 0; i < n; i++)
            memcpy(w->subject[i], w->piece[first + i].row.subject, VT_SUBJECT_SIZE);
        err = m->keys(m->keys_ctx, w->id, m, first,
            (const uint8_t(*)[VT_SUBJECT_SIZE])w->subject, n, w->key, why);
        for (uint32_t i = 0; i < n && err == VT_OK; i++)
            err = seal_piece(w, first + i, w->key[i], why);
        vt_wipe(w->key, n * sizeof *w->key);
        first += n;
    }
    return err;
}

static enum vt_err
finish(struct making *w, struct vt_segment_row *ret, struct vt_why *why)
{
    struct vt_segment_row row = {.records = w->records, .plain_bytes = w->plain};
    enum vt_err err;

    memcpy(row.id, w->id, sizeof row.id);
    vt_frontier_root(&w->tree, &row.root);
    vt_buf_put(&w->out, row.root.b, VT_DIGEST_SIZE);
    err = flush(w, why);
    if (err == VT_OK)
        err = vt_file_new_commit(&w->file, why);
    row.size = w->size;
    if (err == VT_OK)
        *ret = row;
    return err;
}

static enum vt_err
prepare(struct making *w, const char *folder, struct vt_why *why)
{
    const struct vt_segment_make *m = w->m;
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];
    char path[VT_PATH_MAX];
    void *keys = NULL;
    enum vt_err err;

    if (m->count == 0 || m->count > VT_SEGMENT_BATCHES_MAX || m->keys_max == 0)
        return vt_fail(why, VT_E_USAGE, "a segment of %zu batches", m->count);
    w->subject = calloc(m->keys_max, sizeof *w->subject);
    if (w->subject == NULL)
        return vt_fail(why, VT_E_NOMEM, "a segment: out of memory");
    err = vt_locked_new(m->keys_max * sizeof *w->key, &keys, why);
    w->key = keys;
    if (err == VT_OK)
        err = vt_segment_make_id(m, w->id, why);
    if (err == VT_OK)
        err = collect(w, why);
    if (err == VT_OK)
        err = build_head(w, why);
    vt_hex_encode(w->id, sizeof w->id, hex);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/%s", folder, hex);
    if (err == VT_OK)
        err = vt_file_new_begin(&w->file, path, 0600, why);
    return err;
}

enum vt_err
vt_segment_make(const struct vt_segment_make *m, const char *folder, struct vt_segment_row *ret,
    struct vt_why *why)
{
    struct making w = {.m = m,
        .head = VT_BUF(VT_SEGMENT_HEAD_MAX),
        .out = VT_BUF(WRITE_SIZE + VT_BATCH_MAX + 4096),
        .file = {.fd = -1}};
    enum vt_err err;

    vt_frontier_init(&w.tree);
    err = prepare(&w, folder, why);
    if (err == VT_OK)
        err = write_head(&w, why);
    if (err == VT_OK)
        err = seal_all(&w, why);
    if (err == VT_OK)
        err = finish(&w, ret, why);
    vt_file_new_abort(&w.file);
    vt_buf_release(&w.head);
    vt_buf_release(&w.out);
    vt_locked_free(w.key);
    free(w.subject);
    free(w.header);
    free(w.piece);
    return err;
}
