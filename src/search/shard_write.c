/* SPDX-License-Identifier: Apache-2.0 */
#include "search/shard.h"

#include "base/file.h"
#include "search/postings.h"
#include "search/shard_form.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 4 * 1024 * 1024 };

struct blob {
    struct vt_digest digest;
    uint64_t offset;
    uint64_t len;
    uint32_t flags;
};

struct vt_shard_writer {
    struct vt_file_new file;
    struct vt_buf out; /* what is not written yet */
    uint64_t at;       /* offset of what comes next */
    uint64_t bytes;    /* of blobs */
    struct vt_postings *postings;
    struct blob *blob;
    size_t blob_count;
    size_t blob_cap;
};

static enum vt_err
flush(struct vt_shard_writer *w, struct vt_why *why)
{
    enum vt_err err = vt_buf_check(&w->out, "shard", why);

    if (err == VT_OK)
        err = vt_fd_write(w->file.fd, w->out.data, w->out.len, why);
    vt_buf_clear(&w->out);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", w->file.path);
}

static enum vt_err
put(struct vt_shard_writer *w, const void *data, size_t len, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (w->out.len + len > OUT_MAX)
        err = flush(w, why);
    if (err == VT_OK && len > OUT_MAX)
        err = vt_fd_write(w->file.fd, data, len, why);
    else if (err == VT_OK)
        vt_buf_put(&w->out, data, len);
    w->at += len;
    return err;
}

/* What the tables put straight into w->out. */
static enum vt_err
took(struct vt_shard_writer *w, size_t len, struct vt_why *why)
{
    w->at += len;
    return w->out.len + VT_SHARD_BLOB > OUT_MAX ? flush(w, why) : VT_OK;
}

enum vt_err
vt_shard_writer_new(const char *path, struct vt_shard_writer **ret, struct vt_why *why)
{
    struct vt_shard_writer *w = calloc(1, sizeof(*w));
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", path);
    w->file.fd = -1;
    w->out = VT_BUF(OUT_MAX);
    err = vt_postings_new(&w->postings, why);
    if (err == VT_OK)
        err = vt_file_new_begin(&w->file, path, 0644, why);
    if (err != VT_OK) {
        vt_shard_writer_free(w);
        return err;
    }
    vt_buf_put_u32(&w->out, VT_SHARD_MAGIC);
    vt_buf_put_u32(&w->out, 0);
    w->at = VT_SHARD_HEAD;
    *ret = w;
    return VT_OK;
}

void
vt_shard_writer_free(struct vt_shard_writer *w)
{
    if (w == NULL)
        return;
    vt_file_new_abort(&w->file);
    vt_postings_free(w->postings);
    vt_buf_release(&w->out);
    free(w->blob);
    free(w);
}

static enum vt_err
make_room(struct vt_shard_writer *w, size_t len, struct vt_why *why)
{
    size_t cap = w->blob_cap == 0 ? 1024 : 2 * w->blob_cap;
    struct blob *grown;

    if (w->blob_count == VT_SHARD_BLOBS_MAX ||
        (w->blob_count > 0 && w->bytes + len > VT_SHARD_BYTES_MAX))
        return vt_fail(why, VT_E_LIMIT, "%s: the shard is full", w->file.path);
    if (w->blob_count < w->blob_cap)
        return VT_OK;
    grown = realloc(w->blob, cap * sizeof(*grown));
    if (grown == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", w->file.path);
    w->blob = grown;
    w->blob_cap = cap;
    return VT_OK;
}

enum vt_err
vt_shard_add(struct vt_shard_writer *w, const struct vt_digest *blob, const void *data,
    size_t len, bool indexed, uint32_t *ret_number, struct vt_why *why)
{
    uint64_t offset = w->at;
    enum vt_err err = make_room(w, len, why);

    if (err == VT_OK)
        err = put(w, data, len, why);
    if (err == VT_OK && indexed)
        err = vt_postings_add(w->postings, (uint32_t)w->blob_count, data, len, why);
    if (err != VT_OK)
        return err;
    w->blob[w->blob_count] = (struct blob){
        .digest = *blob, .offset = offset, .len = len, .flags = indexed ? VT_SHARD_INDEXED : 0};
    w->bytes += len;
    *ret_number = (uint32_t)w->blob_count++;
    return VT_OK;
}

/* The lists are written in one pass over the trigrams, their table in a second. */
struct listing {
    struct vt_shard_writer *w;
    uint64_t end;
    uint32_t count;
    uint8_t *space;
    size_t space_size;
};

static enum vt_err
write_list(
    void *ctx, uint32_t trigram, uint32_t count, uint32_t list, size_t len, struct vt_why *why)
{
    struct listing *l = ctx;

    (void)trigram;
    (void)count;
    if (len > l->space_size) {
        uint8_t *grown = realloc(l->space, len);

        if (grown == NULL)
            return vt_fail(why, VT_E_NOMEM, "%s: out of memory", l->w->file.path);
        l->space = grown;
        l->space_size = len;
    }
    vt_postings_copy(l->w->postings, list, l->space);
    l->count++;
    return put(l->w, l->space, len, why);
}

static enum vt_err
write_trigram(
    void *ctx, uint32_t trigram, uint32_t count, uint32_t list, size_t len, struct vt_why *why)
{
    struct listing *l = ctx;

    (void)list;
    l->end += len;
    vt_buf_put_u32(&l->w->out, trigram);
    vt_buf_put_u32(&l->w->out, count);
    vt_buf_put_u64(&l->w->out, l->end);
    return took(l->w, VT_SHARD_TRIGRAM, why);
}

static enum vt_err
write_blobs(struct vt_shard_writer *w, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < w->blob_count && err == VT_OK; i++) {
        vt_buf_put(&w->out, w->blob[i].digest.b, VT_DIGEST_SIZE);
        vt_buf_put_u64(&w->out, w->blob[i].offset);
        vt_buf_put_u64(&w->out, w->blob[i].len);
        vt_buf_put_u32(&w->out, w->blob[i].flags);
        vt_buf_put_u32(&w->out, 0);
        err = took(w, VT_SHARD_BLOB, why);
    }
    return err;
}

static int
by_digest(const void *a, const void *b, void *ctx)
{
    const struct blob *blob = ctx;

    return vt_digest_cmp(
        &blob[*(const uint32_t *)a].digest, &blob[*(const uint32_t *)b].digest);
}

static enum vt_err
write_names(struct vt_shard_writer *w, struct vt_why *why)
{
    uint32_t *number = calloc(w->blob_count + 1, sizeof(*number));
    enum vt_err err = VT_OK;

    if (number == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", w->file.path);
    for (size_t i = 0; i < w->blob_count; i++)
        number[i] = (uint32_t)i;
    qsort_r(number, w->blob_count, sizeof(*number), by_digest, w->blob);
    for (size_t i = 0; i < w->blob_count && err == VT_OK; i++) {
        vt_buf_put_u32(&w->out, number[i]);
        err = took(w, VT_SHARD_NAME, why);
    }
    free(number);
    return err;
}

static enum vt_err
write_tables(struct vt_shard_writer *w, struct vt_why *why)
{
    struct listing l = {.w = w};
    uint64_t lists = w->at;
    uint64_t trigrams, blobs, names;
    enum vt_err err = vt_postings_each(w->postings, write_list, &l, why);

    trigrams = w->at;
    l.end = lists;
    if (err == VT_OK)
        err = vt_postings_each(w->postings, write_trigram, &l, why);
    blobs = w->at;
    if (err == VT_OK)
        err = write_blobs(w, why);
    names = w->at;
    if (err == VT_OK)
        err = write_names(w, why);
    if (err == VT_OK) {
        vt_buf_put_u64(&w->out, lists);
        vt_buf_put_u64(&w->out, trigrams);
        vt_buf_put_u64(&w->out, blobs);
        vt_buf_put_u64(&w->out, names);
        vt_buf_put_u32(&w->out, l.count);
        vt_buf_put_u32(&w->out, (uint32_t)w->blob_count);
        vt_buf_put_u32(&w->out, VT_SHARD_MAGIC);
        vt_buf_put_u32(&w->out, 0);
        err = flush(w, why);
    }
    free(l.space);
    return err;
}

enum vt_err
vt_shard_finish(struct vt_shard_writer *w, struct vt_why *why)
{
    enum vt_err err = write_tables(w, why);

    if (err == VT_OK)
        err = vt_file_new_commit(&w->file, why);
    vt_shard_writer_free(w);
    return err;
}
