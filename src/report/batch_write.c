/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records wait in the order in which they came, each with the number of its
 * subject. At the end they are sorted by subject (counting, so the order within
 * a subject stays), each subject's are compressed into `packed`, and when all
 * lengths are known the header is written and the blocks are sealed behind it.
 */
#include "report/batch_parts.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define LEVEL 3
#define SLOTS 2048U /* twice the subjects that can be: a power of two */
#define FIXED_HEAD (16U + 8U + 3U + 32U + 32U + VT_SUBJECT_SIZE + VT_HPKE_ENC_SIZE + 2U)

struct pending {
    uint32_t group;
    uint32_t offset; /* in plain */
    uint32_t len;    /* with its newline */
};

struct group {
    struct vt_block_row row;
    uint32_t at; /* where its next record goes in `sorted` */
};

struct vt_batch_writer {
    char region[VT_REGION_MAX + 1];
    char site[VT_KEY_NAME_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    struct vt_digest policy;
    struct vt_digest key_id;
    struct vt_box_public key;
    uint8_t customer[VT_SUBJECT_SIZE];
    uint64_t created;
    ZSTD_CCtx *zstd;
    struct vt_buf plain;
    struct vt_buf sorted;
    struct vt_buf packed;
    struct pending *pending;
    size_t pending_count;
    size_t pending_cap;
    struct group group[VT_BATCH_BLOCKS_MAX];
    size_t group_count;
    uint16_t slot[SLOTS]; /* 1 + group; 0: free */
};

static bool
copy_word(char *ret, size_t size, const char *s)
{
    size_t n = s == NULL ? size : strlen(s);

    if (n >= size)
        return false;
    memcpy(ret, s, n + 1);
    return true;
}

static enum vt_err
take_opts(struct vt_batch_writer *w, const struct vt_batch_opts *o, struct vt_why *why)
{
    if (!copy_word(w->region, sizeof w->region, o->region) || !vt_batch_region_valid(w->region))
        return vt_fail(why, VT_E_USAGE, "no region: A-Z, 0-9 and '-', 2 to %u characters",
            (unsigned)VT_REGION_MAX);
    if (!copy_word(w->class_name, sizeof w->class_name, o->class_name) ||
        !vt_batch_class_valid(w->class_name))
        return vt_fail(why, VT_E_USAGE, "no class: a-z, 0-9 and '-', 1 to %u characters",
            (unsigned)VT_WORD_MAX);
    if (!copy_word(w->site, sizeof w->site, o->site) || !vt_key_name_valid(w->site))
        return vt_fail(why, VT_E_USAGE, "a site's name that cannot be");
    w->policy = o->policy;
    w->key = o->key;
    w->created = o->created;
    memcpy(w->customer, o->customer, sizeof w->customer);
    vt_batch_key_id(&w->key, &w->key_id);
    return VT_OK;
}

enum vt_err
vt_batch_new(const struct vt_batch_opts *opts, struct vt_batch_writer **ret, struct vt_why *why)
{
    struct vt_batch_writer *w = calloc(1, sizeof *w);
    enum vt_err err;

    if (w == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a batch");
    w->plain = VT_BUF(VT_BATCH_PLAIN_MAX);
    w->sorted = VT_BUF(VT_BATCH_PLAIN_MAX);
    w->packed = VT_BUF(VT_BATCH_MAX);
    w->plain.secret = w->sorted.secret = true;
    err = take_opts(w, opts, why);
    if (err == VT_OK) {
        w->zstd = ZSTD_createCCtx();
        if (w->zstd == NULL)
            err = vt_fail(why, VT_E_NOMEM, "no memory for a batch's compression");
    }
    if (err == VT_OK && ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
                            opts->level == 0 ? LEVEL : opts->level)))
        err = vt_fail(why, VT_E_USAGE, "no such level of compression: %d", opts->level);
    if (err != VT_OK) {
        vt_batch_free(w);
        return err;
    }
    *ret = w;
    return VT_OK;
}

void
vt_batch_free(struct vt_batch_writer *w)
{
    if (w == NULL)
        return;
    (void)ZSTD_freeCCtx(w->zstd);
    vt_buf_release(&w->plain);
    vt_buf_release(&w->sorted);
    vt_buf_release(&w->packed);
    free(w->pending);
    free(w);
}

void
vt_batch_stamp(struct vt_batch_writer *w, uint64_t created)
{
    w->created = created;
}

uint64_t
vt_batch_records(const struct vt_batch_writer *w)
{
    return w->pending_count;
}

uint64_t
vt_batch_plain(const struct vt_batch_writer *w)
{
    return w->plain.len;
}

/* Tags are spread by HMAC already. The slot of that subject, or the free one where
 * it would stand: at most half of them are taken. */
static uint32_t
find_slot(const struct vt_batch_writer *w, const uint8_t *subject)
{
    uint32_t i = ((uint32_t)subject[0] << 8 | subject[1]) % SLOTS;

    while (w->slot[i] != 0 &&
           memcmp(w->group[w->slot[i] - 1].row.subject, subject, VT_SUBJECT_SIZE) != 0)
        i = (i + 1) % SLOTS;
    return i;
}

static bool
grow_pending(struct vt_batch_writer *w)
{
    size_t cap = w->pending_cap == 0 ? 1024 : w->pending_cap * 2;
    struct pending *p;

    if (w->pending_count < w->pending_cap)
        return true;
    p = reallocarray(w->pending, cap, sizeof *p);
    if (p == NULL)
        return false;
    w->pending = p;
    w->pending_cap = cap;
    return true;
}

static bool
is_full(const struct vt_batch_writer *w, bool new_subject, size_t len)
{
    return w->pending_count == VT_BATCH_RECORDS_MAX ||
           (new_subject && w->group_count == VT_BATCH_BLOCKS_MAX) ||
           len + 1 > VT_BATCH_PLAIN_MAX - w->plain.len;
}

enum vt_err
vt_batch_add(struct vt_batch_writer *w, const uint8_t subject[VT_SUBJECT_SIZE],
    const void *record, size_t len, struct vt_why *why)
{
    uint32_t slot = find_slot(w, subject);
    uint32_t offset = (uint32_t)w->plain.len;
    struct group *g;
    uint8_t *room;

    if (!vt_batch_record_valid(record, len))
        return vt_fail(why, VT_E_SYNTAX, "a record is 1 to %u bytes without a newline, not %zu",
            VT_RECORD_MAX, len);
    if (is_full(w, w->slot[slot] == 0, len))
        return vt_fail(why, VT_E_BUSY, "the batch is full");
    room = grow_pending(w) ? vt_buf_reserve(&w->plain, len + 1) : NULL;
    if (room == NULL) {
        w->plain.err = VT_OK;
        return vt_fail(why, VT_E_NOMEM, "no memory for a record of %zu bytes", len);
    }
    memcpy(room, record, len);
    room[len] = '\n';
    vt_buf_commit(&w->plain, len + 1);
    if (w->slot[slot] == 0) {
        g = &w->group[w->group_count++];
        *g = (struct group){0};
        memcpy(g->row.subject, subject, VT_SUBJECT_SIZE);
        w->slot[slot] = (uint16_t)w->group_count;
    }
    g = &w->group[w->slot[slot] - 1];
    g->row.records++;
    g->row.plain_len += (uint32_t)len + 1;
    w->pending[w->pending_count++] =
        (struct pending){w->slot[slot] - 1U, offset, (uint32_t)len + 1};
    return VT_OK;
}

/* Copies the records to `sorted`, subject by subject. */
static enum vt_err
sort_records(struct vt_batch_writer *w, struct vt_why *why)
{
    uint32_t at = 0;
    uint8_t *to;

    vt_buf_clear(&w->sorted);
    to = vt_buf_reserve(&w->sorted, w->plain.len);
    if (to == NULL)
        return vt_buf_check(&w->sorted, "a batch's records", why);
    for (size_t i = 0; i < w->group_count; i++) {
        w->group[i].at = at;
        at += w->group[i].row.plain_len;
    }
    for (size_t i = 0; i < w->pending_count; i++) {
        const struct pending *p = &w->pending[i];

        memcpy(to + w->group[p->group].at, w->plain.data + p->offset, p->len);
        w->group[p->group].at += p->len;
    }
    vt_buf_commit(&w->sorted, w->plain.len);
    return VT_OK;
}

/* Compresses each subject's records to a frame of its own behind one another. */
static enum vt_err
pack_groups(struct vt_batch_writer *w, struct vt_why *why)
{
    const uint8_t *from = w->sorted.data;

    vt_buf_clear(&w->packed);
    for (size_t i = 0; i < w->group_count; i++) {
        struct vt_block_row *row = &w->group[i].row;
        size_t bound = ZSTD_compressBound(row->plain_len);
        uint8_t *to = vt_buf_reserve(&w->packed, bound);
        size_t n;

        if (to == NULL)
            return vt_buf_check(&w->packed, "a batch's blocks", why);
        n = ZSTD_compress2(w->zstd, to, bound, from, row->plain_len);
        if (ZSTD_isError(n))
            return vt_fail(
                why, VT_E_NOMEM, "cannot compress a block: %s", ZSTD_getErrorName(n));
        vt_buf_commit(&w->packed, n);
        row->sealed_len = (uint32_t)n + VT_HPKE_TAG_SIZE;
        from += row->plain_len;
    }
    return VT_OK;
}

static void
put_text(struct vt_buf *b, const char *s)
{
    vt_buf_put_u8(b, (uint8_t)strlen(s));
    vt_buf_puts(b, s);
}

static void
put_header(struct vt_buf *b, const struct vt_batch_writer *w, const uint8_t id[16])
{
    static const uint8_t enc[VT_HPKE_ENC_SIZE]; /* filled in by begin_context */

    vt_buf_put(b, id, 16);
    vt_buf_put_u64(b, w->created);
    put_text(b, w->region);
    put_text(b, w->site);
    put_text(b, w->class_name);
    vt_buf_put(b, w->policy.b, sizeof w->policy.b);
    vt_buf_put(b, w->key_id.b, sizeof w->key_id.b);
    vt_buf_put(b, w->customer, sizeof w->customer);
    vt_buf_put(b, enc, VT_HPKE_ENC_SIZE);
    vt_buf_put_u16(b, (uint16_t)w->group_count);
    for (size_t i = 0; i < w->group_count; i++) {
        const struct vt_block_row *row = &w->group[i].row;

        vt_buf_put(b, row->subject, sizeof row->subject);
        vt_buf_put_u32(b, row->records);
        vt_buf_put_u32(b, row->plain_len);
        vt_buf_put_u32(b, row->sealed_len);
    }
}

static size_t
header_len(const struct vt_batch_writer *w)
{
    return FIXED_HEAD + strlen(w->region) + strlen(w->site) + strlen(w->class_name) +
           w->group_count * VT_BATCH_ROW_SIZE;
}

/* Seals the packed blocks one after the other behind the header. */
static enum vt_err
seal_blocks(const struct vt_batch_writer *w, const struct vt_hpke_secret *secret,
    const struct vt_digest *header, struct vt_buf *b, struct vt_why *why)
{
    const uint8_t *from = w->packed.data;
    uint8_t aad[VT_BATCH_AAD_SIZE];
    enum vt_err err = VT_OK;

    for (uint32_t i = 0; i < w->group_count && err == VT_OK; i++) {
        uint32_t sealed_len = w->group[i].row.sealed_len;
        uint8_t *to = vt_buf_reserve(b, sealed_len);

        if (to == NULL)
            return vt_buf_check(b, "a batch", why);
        vt_batch_aad(header, i, aad);
        err = vt_hpke_seal(
            secret, i, aad, sizeof aad, from, sealed_len - VT_HPKE_TAG_SIZE, to, why);
        if (err == VT_OK)
            vt_buf_commit(b, sealed_len);
        from += sealed_len - VT_HPKE_TAG_SIZE;
    }
    return err;
}

/* Fills in enc, which the header has zeros for until then. */
static enum vt_err
begin_context(const struct vt_batch_writer *w, uint8_t *header, size_t len,
    struct vt_hpke_secret *secret, struct vt_why *why)
{
    struct vt_batch_header h;
    uint8_t info[VT_BATCH_INFO_SIZE];
    enum vt_err err = vt_batch_header_parse(header, len, &h, why);

    if (err != VT_OK)
        return err;
    vt_batch_info(&h, info);
    return vt_hpke_send(&w->key, info, sizeof info,
        header + (h.rows - h.bytes) - 2 - VT_HPKE_ENC_SIZE, secret, why);
}

static enum vt_err
seal_batch(const struct vt_batch_writer *w, struct vt_buf *b, struct vt_why *why)
{
    struct vt_hpke_secret secret = {0};
    uint8_t id[16];
    size_t len = header_len(w);
    struct vt_digest header;
    enum vt_err err = vt_random(id, sizeof id, why);

    if (err != VT_OK)
        return err;
    vt_buf_puts(b, VT_BATCH_MAGIC);
    vt_buf_put_u32(b, (uint32_t)len);
    put_header(b, w, id);
    err = vt_buf_check(b, "a batch", why);
    if (err == VT_OK)
        err = begin_context(w, b->data + b->len - len, len, &secret, why);
    if (err == VT_OK) {
        vt_digest_of(b->data + b->len - len, len, &header);
        err = seal_blocks(w, &secret, &header, b, why);
    }
    vt_wipe(&secret, sizeof secret);
    return err;
}

static void
make_empty(struct vt_batch_writer *w)
{
    vt_buf_clear(&w->plain);
    w->pending_count = 0;
    w->group_count = 0;
    memset(w->slot, 0, sizeof w->slot);
}

enum vt_err
vt_batch_end(struct vt_batch_writer *w, struct vt_buf *b, struct vt_why *why)
{
    size_t before = b->len;
    enum vt_err err;

    if (w->pending_count == 0)
        return vt_fail(why, VT_E_USAGE, "an empty batch");
    err = sort_records(w, why);
    if (err == VT_OK)
        err = pack_groups(w, why);
    if (err == VT_OK)
        err = seal_batch(w, b, why);
    vt_buf_clear(&w->sorted);
    vt_buf_clear(&w->packed);
    if (err == VT_OK) {
        make_empty(w);
        return VT_OK;
    }
    b->err = VT_OK;
    b->len = before;
    if (b->data != NULL)
        b->data[before] = '\0';
    return err;
}
