/* SPDX-License-Identifier: Apache-2.0 */
#include "log/reader.h"

#include "log/fetch.h"
#include "log/tiles.h"

#include <stdio.h>
#include <stdlib.h>

struct vt_log_reader {
    struct vt_fetch *fetch;
    struct vt_tiles *tiles;
    const struct vt_policy *policy;
    struct vt_buf note;
    struct vt_checkpoint checkpoint;
    uint64_t cosigned_time;
};

static enum vt_err
open_reader(struct vt_log_reader *r, const char *where, struct vt_why *why)
{
    enum vt_err err = vt_fetch_new(where, &r->fetch, why);

    if (err == VT_OK)
        err = vt_fetch_get(r->fetch, "checkpoint", &r->note, why);
    if (err == VT_OK) {
        err = vt_policy_check_checkpoint(
            r->policy, r->note.data, r->note.len, &r->checkpoint, &r->cosigned_time, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "the checkpoint of %s", where);
    }
    if (err == VT_OK)
        err = vt_tiles_new(r->fetch, r->checkpoint.size, &r->checkpoint.root, &r->tiles, why);
    return err;
}

enum vt_err
vt_log_reader_open(const char *where, const struct vt_policy *policy,
    struct vt_log_reader **ret, struct vt_why *why)
{
    struct vt_log_reader *r = calloc(1, sizeof(*r));
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "log reader: out of memory");
    r->policy = policy;
    vt_buf_init(&r->note, VT_NOTE_MAX);
    err = open_reader(r, where, why);
    if (err != VT_OK) {
        vt_log_reader_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

void
vt_log_reader_free(struct vt_log_reader *r)
{
    if (r == NULL)
        return;
    vt_tiles_free(r->tiles);
    vt_fetch_free(r->fetch);
    vt_buf_release(&r->note);
    free(r);
}

const struct vt_checkpoint *
vt_log_reader_checkpoint(const struct vt_log_reader *r)
{
    return &r->checkpoint;
}

const struct vt_policy *
vt_log_reader_policy(const struct vt_log_reader *r)
{
    return r->policy;
}

uint64_t
vt_log_reader_cosigned_time(const struct vt_log_reader *r)
{
    return r->cosigned_time;
}

const void *
vt_log_reader_note(const struct vt_log_reader *r, size_t *ret_len)
{
    *ret_len = r->note.len;
    return r->note.data;
}

enum vt_err
vt_log_reader_entry(
    struct vt_log_reader *r, uint64_t index, struct vt_buf *b, struct vt_why *why)
{
    const uint8_t *p = NULL;
    size_t len = 0;
    enum vt_err err = vt_tiles_entry(r->tiles, index, &p, &len, why);

    if (err != VT_OK)
        return err;
    vt_buf_clear(b);
    vt_buf_put(b, p, len);
    return vt_buf_check(b, "entry", why);
}

enum vt_err
vt_log_reader_inclusion(
    struct vt_log_reader *r, uint64_t index, struct vt_proof *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_tiles_source(r->tiles);

    if (index >= r->checkpoint.size)
        return vt_fail(why, VT_E_NOENT, "the log has %llu entries, not %llu",
            (unsigned long long)r->checkpoint.size, (unsigned long long)index);
    return vt_merkle_prove_inclusion(&src, index, r->checkpoint.size, ret, why);
}

enum vt_err
vt_log_reader_consistency(
    struct vt_log_reader *r, uint64_t old_size, struct vt_proof *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_tiles_source(r->tiles);

    if (old_size > r->checkpoint.size)
        return vt_fail(why, VT_E_NOENT, "the log has %llu entries, not %llu",
            (unsigned long long)r->checkpoint.size, (unsigned long long)old_size);
    return vt_merkle_prove_consistency(&src, old_size, r->checkpoint.size, ret, why);
}

enum vt_err
vt_log_frozen_check(
    const struct vt_frozen *f, const struct vt_checkpoint *c, struct vt_why *why)
{
    if (c->size < f->size || (c->size == f->size && vt_digest_eq(&c->root, &f->root)))
        return VT_OK;
    if (c->size == f->size)
        return vt_fail(why, VT_E_PROOF,
            "MISBEHAVIOUR: %s signed that it is frozen at %llu entries, and a checkpoint of as "
            "many with another root",
            f->origin, (unsigned long long)f->size);
    return vt_fail(why, VT_E_PROOF,
        "MISBEHAVIOUR: %s signed that it is frozen at %llu entries, and a checkpoint of %llu",
        f->origin, (unsigned long long)f->size, (unsigned long long)c->size);
}

enum vt_err
vt_log_reader_frozen(struct vt_log_reader *r, struct vt_frozen *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_frozen f;
    enum vt_err err = vt_fetch_get(r->fetch, "frozen", &b, why);

    if (err == VT_OK) {
        err = vt_policy_check_frozen(r->policy, r->checkpoint.origin, b.data, b.len, &f, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "the final statement of %s", r->checkpoint.origin);
    }
    vt_buf_release(&b);
    if (err == VT_OK)
        err = vt_log_frozen_check(&f, &r->checkpoint, why);
    if (err == VT_OK)
        *ret = f;
    return err;
}

/* The bundles that are still to be read. */
struct coming {
    uint64_t next;
    uint64_t size;
};

static bool
next_bundle(void *ctx, char ret[VT_FETCH_PATH_MAX])
{
    struct coming *c = ctx;
    struct vt_tile t = {.level = VT_TILE_ENTRIES, .index = c->next};

    t.width = vt_tile_width(0, t.index, c->size);
    if (t.width == 0)
        return false;
    vt_tile_path(&t, ret);
    c->next++;
    return true;
}

static enum vt_err
each_of_bundle(struct vt_log_reader *r, struct vt_fetch_ahead *ahead, uint64_t from,
    enum vt_err (*fn)(
        void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why),
    void *ctx, bool *ret_end, struct vt_why *why)
{
    const struct vt_bundle *b = NULL;
    const uint8_t *data = NULL;
    uint64_t n = from / VT_TILE_WIDTH;
    enum vt_err err = vt_tiles_bundle(r->tiles, n, ahead, &b, &data, why);

    if (err != VT_OK)
        return err;
    for (unsigned i = (unsigned)(from % VT_TILE_WIDTH); i < b->width && err == VT_OK; i++)
        err = fn(ctx, n * VT_TILE_WIDTH + i, data + b->at[i], b->len[i], why);
    *ret_end = err == VT_E_EXIST; /* which is fn's alone */
    return *ret_end ? VT_OK : err;
}

enum vt_err
vt_log_reader_each(struct vt_log_reader *r, uint64_t from,
    enum vt_err (*fn)(
        void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct coming coming = {.next = from / VT_TILE_WIDTH, .size = r->checkpoint.size};
    struct vt_fetch_ahead *ahead = NULL;
    bool end = false;
    enum vt_err err = vt_fetch_ahead_new(r->fetch, next_bundle, &coming, &ahead, why);

    while (err == VT_OK && !end && from < r->checkpoint.size) {
        err = each_of_bundle(r, ahead, from, fn, ctx, &end, why);
        from = (from / VT_TILE_WIDTH + 1) * VT_TILE_WIDTH;
    }
    vt_fetch_ahead_free(ahead);
    return err;
}

enum vt_err
vt_log_reader_object(
    struct vt_log_reader *r, const struct vt_digest *d, struct vt_buf *b, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    char path[128];
    struct vt_digest got;
    size_t before = b->len;
    enum vt_err err;

    vt_digest_hex(d, hex);
    (void)snprintf(path, sizeof path, "objects/sha256/%.2s/%s", hex, hex);
    err = vt_fetch_get(r->fetch, path, b, why);
    if (err != VT_OK)
        return err;
    vt_digest_of(vt_buf_str(b) + before, b->len - before, &got);
    if (vt_digest_eq(&got, d))
        return VT_OK;
    b->len = before;
    if (b->data != NULL)
        b->data[before] = '\0';
    return vt_fail(why, VT_E_DIGEST, "%s: its bytes are not those of its name", path);
}
