/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/scan.h"

#include "crypto/aead.h"
#include "crypto/locked.h"
#include "vault/place.h"
#include "vault/retain.h"
#include "vault/scan_tally.h"

#include <stdlib.h>
#include <string.h>

/* Keys of one segment, in locked memory that the next one uses again. */
struct keys {
    size_t room; /* bytes */
    struct vt_block_key *block;
    struct vt_batch_key *batch;
};

struct scan {
    const struct vt_home *home;
    struct vt_keeper *keeper;
    uint64_t session;
    const struct vt_scope *scope;
    vt_scan_fn fn;
    void *ctx;
    struct vt_inventory *rows;
    struct vt_inventory *removed;
    struct vt_hasher *segments;
    struct vt_tally *subjects;
    struct vt_batch_scratch *scratch;
    uint8_t *plain;
    size_t plain_room;
    void *locked;
    struct keys keys;
    struct vt_scan_counts counts;
};

/* Batch keys come first: their size keeps the others aligned. */
static enum vt_err
need_keys(struct scan *s, const struct vt_segment_head *h, struct vt_why *why)
{
    size_t need = (size_t)h->batch_count * sizeof(struct vt_batch_key) +
                  (size_t)h->block_count * sizeof(struct vt_block_key);
    if (need > s->keys.room) {
        void *p = NULL;
        enum vt_err err = vt_locked_new(need, &p, why);
        if (err != VT_OK)
            return err;
        vt_locked_free(s->locked);
        s->locked = p;
        s->keys.room = need;
    }
    s->keys.batch = s->locked;
    s->keys.block = (struct vt_block_key *)(void *)(s->keys.batch + h->batch_count);
    return VT_OK;
}

static enum vt_err
need_plain(struct scan *s, const struct vt_segment_head *h, struct vt_why *why)
{
    size_t need = 1;
    for (uint32_t i = 0; i < h->block_count; i++)
        if (h->block[i].row.plain_len > need)
            need = h->block[i].row.plain_len;
    if (need <= s->plain_room)
        return VT_OK;
    uint8_t *p = malloc(need);
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a block of %zu bytes", need);
    if (s->plain != NULL)
        vt_wipe(s->plain, s->plain_room);
    free(s->plain);
    s->plain = p;
    s->plain_room = need;
    return VT_OK;
}

static bool
in_scope(const struct vt_scope *scope, const struct vt_segment_head *h)
{
    bool found = false;
    for (size_t i = 0; !found && i < scope->class_count; i++)
        found = strcmp(scope->class_name[i], h->class_name) == 0;
    return found && h->day >= scope->day_from && h->day <= scope->day_to;
}

/* Takes the site's seal off: AES-256-GCM under the block's own key, so the nonce may be zero.
 */
static enum vt_err
open_outer(const struct vt_segment_head *h, uint32_t i, const uint8_t key[32], uint8_t *stored,
    size_t len, struct vt_why *why)
{
    static const uint8_t nonce[VT_AEAD_NONCE_SIZE];
    uint8_t aad[VT_DIGEST_SIZE + 4];
    memcpy(aad, h->digest.b, VT_DIGEST_SIZE);
    for (unsigned k = 0; k < 4; k++)
        aad[VT_DIGEST_SIZE + k] = (uint8_t)(i >> (24 - 8 * k));
    enum vt_err err = vt_aead_open(key, nonce, aad, sizeof aad, stored, len, stored, why);
    return err == VT_OK ? err : vt_fail_in(why, err, "block %u, the site's seal", i);
}

static enum vt_err
open_block(struct scan *s, const struct vt_segment_head *h, uint32_t i, uint8_t *stored,
    size_t len, struct vt_why *why)
{
    const struct vt_segment_block *b = &h->block[i];
    const struct vt_batch_key *batch = &s->keys.batch[b->batch];
    if (!batch->open)
        return vt_fail(why, VT_E_STATE, "block %u: the keeper gave no key of its batch", i);
    enum vt_err err = open_outer(h, i, s->keys.block[i].key, stored, len, why);
    if (err == VT_OK)
        err = vt_batch_open_block(&batch->secret, &h->batch_digest[b->batch], b->block, &b->row,
            stored, len - VT_AEAD_TAG_SIZE, s->plain, &s->scratch, why);
    if (err == VT_OK)
        err = vt_tally_add(s->subjects, b->row.subject, why);
    if (err != VT_OK)
        return err;
    s->counts.blocks++;
    s->counts.records += b->row.records;
    s->counts.plain_bytes += b->row.plain_len;
    return s->fn(
        s->ctx, h, &b->row, h->batch[b->batch].customer, s->plain, b->row.plain_len, why);
}

static enum vt_err
read_blocks(struct scan *s, struct vt_segment_reader *r, const struct vt_segment_row *row,
    struct vt_why *why)
{
    const struct vt_segment_head *h = vt_segment_head(r);
    enum vt_err err = VT_OK;
    for (uint32_t i = 0; err == VT_OK && i < h->block_count; i++) {
        uint8_t *stored = NULL;
        size_t len = 0;
        err = vt_segment_next(r, &stored, &len, why);
        if (err == VT_OK && stored == NULL)
            err = vt_fail(why, VT_E_SYNTAX, "it has fewer blocks than its head says");
        if (err == VT_OK && s->keys.block[i].erased)
            s->counts.erased_blocks++;
        else if (err == VT_OK && s->keys.block[i].open)
            err = open_block(s, h, i, stored, len, why);
    }
    return err == VT_OK ? vt_segment_read_end(r, &row->root, why) : err;
}

static enum vt_err
read_segment(struct scan *s, struct vt_segment_reader *r, const struct vt_segment_row *row,
    struct vt_why *why)
{
    const struct vt_segment_head *h = vt_segment_head(r);
    uint8_t leaf[VT_SEGMENT_ROW_SIZE];
    size_t head_len = 0;
    const void *head = vt_segment_head_bytes(r, &head_len);
    if (memcmp(h->id, row->id, VT_SEGMENT_ID_SIZE) != 0 ||
        strcmp(h->region, s->scope->region) != 0)
        return vt_fail(why, VT_E_DIGEST, "it is another segment than its name says");
    if (!in_scope(s->scope, h))
        return VT_OK;
    enum vt_err err = need_keys(s, h, why);
    if (err == VT_OK)
        err = need_plain(s, h, why);
    if (err == VT_OK)
        err = vt_keeper_open_keys(s->keeper, s->session, head, head_len, s->keys.block,
            h->block_count, s->keys.batch, h->batch_count, why);
    if (err == VT_OK)
        err = read_blocks(s, r, row, why);
    if (err != VT_OK)
        return err;
    vt_segment_row_put(row, leaf);
    vt_hasher_put(s->segments, leaf, sizeof leaf);
    s->counts.segments++;
    return VT_OK;
}

static enum vt_err
scan_row(struct scan *s, const struct vt_segment_row *row, struct vt_why *why)
{
    struct vt_segment_reader *r = NULL;
    char path[VT_PATH_MAX];
    char id[2 * VT_SEGMENT_ID_SIZE + 1];
    if (vt_inventory_find(s->removed, row->id) != NULL)
        return VT_OK;
    vt_hex_encode(row->id, VT_SEGMENT_ID_SIZE, id);
    enum vt_err err = vt_vault_path(s->home, path, why, "segments/%s/%s", s->scope->region, id);
    if (err == VT_OK)
        err = vt_segment_open(path, &r, why);
    if (err == VT_OK)
        err = read_segment(s, r, row, why);
    vt_segment_close(r);
    return err == VT_OK ? err : vt_fail_in(why, err, "segment %s", id);
}

static enum vt_err
begin(struct scan *s, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_vault_path(s->home, path, why, "inventory/%s", s->scope->region);
    if (err == VT_OK)
        err = vt_inventory_open(path, &s->rows, why);
    if (err == VT_OK)
        err = vt_retain_removed(s->home, s->scope->region, &s->removed, why);
    if (err == VT_OK)
        err = vt_hasher_new(&s->segments, why);
    if (err == VT_OK)
        err = vt_tally_new(&s->subjects, why);
    return err;
}

static void
release(struct scan *s)
{
    if (s->plain != NULL)
        vt_wipe(s->plain, s->plain_room);
    free(s->plain);
    vt_locked_free(s->locked);
    vt_batch_scratch_free(s->scratch);
    vt_tally_free(s->subjects);
    vt_hasher_free(s->segments);
    vt_inventory_free(s->removed);
    vt_inventory_free(s->rows);
}

enum vt_err
vt_scan_run(const struct vt_home *home, struct vt_keeper *keeper, uint64_t session,
    const struct vt_scope *scope, vt_scan_fn fn, void *ctx, struct vt_scan_counts *ret,
    struct vt_why *why)
{
    struct scan s = {.home = home,
        .keeper = keeper,
        .session = session,
        .scope = scope,
        .fn = fn,
        .ctx = ctx};
    enum vt_err err = begin(&s, why);
    for (size_t i = 0; err == VT_OK && i < vt_inventory_count(s.rows); i++)
        err = scan_row(&s, vt_inventory_row(s.rows, i), why);
    if (err == VT_OK) {
        vt_hasher_end(s.segments, &s.counts.segments_digest);
        s.counts.subjects = vt_tally_count(s.subjects);
        *ret = s.counts;
    }
    release(&s);
    return err;
}
