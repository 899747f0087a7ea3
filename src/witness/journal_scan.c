/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness's journal says. No I/O.
 */
#include "crypto/digest.h"
#include "witness/journal_form.h"

#include <inttypes.h>
#include <string.h>

struct scan {
    const uint8_t *data;
    uint64_t size;
    uint64_t pos;
    uint64_t count; /* records after the base */
    vt_witness_record_fn *fn;
    void *ctx;
};

/* Gives out n records, which are all that is in r. */
static enum vt_err
each_record(struct scan *s, struct vt_reader *r, uint64_t n, struct vt_why *why)
{
    for (uint64_t i = 0; i < n; i++) {
        struct vt_witness_record rec;
        enum vt_err err;

        if (!vt_reader_u64(r, &rec.time) || !vt_reader_u32(r, &rec.note_len) ||
            rec.note_len > VT_WITNESS_NOTE_MAX || !vt_reader_take(r, rec.note_len, &rec.note))
            return vt_fail(why, VT_E_DIGEST, "fewer records than are said");
        err = s->fn(s->ctx, &rec, why);
        if (err != VT_OK)
            return err;
    }
    return r->left == 0 ? VT_OK : vt_fail(why, VT_E_DIGEST, "more than the records said");
}

/* `base COUNT BYTES` */
static bool
base_line(struct vt_reader *r, uint64_t *ret_count, uint64_t *ret_bytes)
{
    struct vt_reader line;
    struct vt_reader word;

    return vt_reader_line(r, &line) && vt_reader_skip(&line, "base ") &&
           vt_reader_word(&line, ' ', &word) &&
           vt_reader_decimal(&word, UINT32_MAX, ret_count) &&
           vt_reader_decimal(&line, VT_WITNESS_JOURNAL_MAX, ret_bytes);
}

static enum vt_err
scan_base(struct scan *s, struct vt_why *why)
{
    struct vt_reader r = VT_READER(s->data, s->size);
    struct vt_reader records;
    const uint8_t *body;
    const uint8_t *sum;
    struct vt_digest d;
    uint64_t count = 0;
    uint64_t bytes = 0;

    if (!vt_reader_skip(&r, VT_WITNESS_JOURNAL_HEAD))
        return vt_fail(why, VT_E_DIGEST, "not a witness's journal of this version");
    if (!base_line(&r, &count, &bytes) || !vt_reader_take(&r, bytes, &body) ||
        !vt_reader_take(&r, VT_DIGEST_SIZE, &sum))
        return vt_fail(why, VT_E_DIGEST, "cut off in its base: put back a sound copy of it");
    vt_digest_of(s->data, (size_t)(sum - s->data), &d);
    if (memcmp(d.b, sum, VT_DIGEST_SIZE) != 0)
        return vt_fail(why, VT_E_DIGEST, "damaged in its base: put back a sound copy of it");
    records = VT_READER(body, bytes);
    s->pos = s->size - r.left;
    return each_record(s, &records, count, why);
}

/* A batch that is whole: its head makes sense and its digest is right. */
static bool
batch_at(const struct scan *s, uint64_t pos, uint64_t *ret_first, uint32_t *ret_count,
    struct vt_reader *ret_body)
{
    struct vt_reader r = VT_READER(s->data + pos, s->size - pos);
    const uint8_t *start = r.p;
    const uint8_t *body;
    const uint8_t *sum;
    struct vt_digest d;
    uint32_t magic;
    uint32_t len;

    if (!vt_reader_u32(&r, &magic) || magic != VT_WITNESS_BATCH_MAGIC ||
        !vt_reader_u32(&r, &len) || len > VT_WITNESS_BATCH_MAX ||
        !vt_reader_u64(&r, ret_first) || !vt_reader_u32(&r, ret_count) ||
        !vt_reader_take(&r, len, &body) || !vt_reader_take(&r, VT_DIGEST_SIZE, &sum))
        return false;
    vt_digest_of(start, VT_WITNESS_BATCH_HEAD + len, &d);
    *ret_body = VT_READER(body, len);
    return memcmp(d.b, sum, VT_DIGEST_SIZE) == 0;
}

/* Whether a whole batch that is later than those read so far stands anywhere after pos. */
static bool
batch_follows(const struct scan *s, uint64_t pos)
{
    static const uint8_t magic[4] = {0x56, 0x57, 0x4a, 0x31};

    while (pos < s->size) {
        const uint8_t *hit = memmem(s->data + pos, s->size - pos, magic, sizeof(magic));
        struct vt_reader body;
        uint64_t first;
        uint32_t count;

        if (hit == NULL)
            return false;
        pos = (uint64_t)(hit - s->data);
        if (batch_at(s, pos, &first, &count, &body) && first >= s->count)
            return true;
        pos++;
    }
    return false;
}

static enum vt_err
scan_batches(struct scan *s, struct vt_why *why)
{
    while (s->pos < s->size) {
        struct vt_reader body;
        uint64_t first;
        uint32_t count;
        enum vt_err err;

        if (!batch_at(s, s->pos, &first, &count, &body)) {
            if (batch_follows(s, s->pos + 1))
                return vt_fail(why, VT_E_DIGEST,
                    "damaged at byte %" PRIu64 ", and good records follow: put back a sound "
                    "copy of it",
                    s->pos);
            return VT_OK; /* a torn tail: s->pos is where it is cut */
        }
        if (first != s->count)
            return vt_fail(why, VT_E_DIGEST,
                "record %" PRIu64 " stands where %" PRIu64
                " should: put back a sound copy of it",
                first, s->count);
        s->pos = (uint64_t)(body.p - s->data) + body.left + VT_DIGEST_SIZE;
        err = each_record(s, &body, count, why);
        if (err != VT_OK)
            return err;
        s->count += count;
    }
    return VT_OK;
}

enum vt_err
vt_witness_journal_scan(const void *data, size_t len, vt_witness_record_fn *fn, void *ctx,
    uint64_t *ret_base, uint64_t *ret_end, uint64_t *ret_count, struct vt_why *why)
{
    struct scan s = {.data = data, .size = len, .fn = fn, .ctx = ctx};
    uint64_t base;
    enum vt_err err = scan_base(&s, why);

    base = s.pos;
    if (err == VT_OK)
        err = scan_batches(&s, why);
    if (err != VT_OK)
        return err;
    *ret_base = base;
    *ret_end = s.pos;
    *ret_count = s.count;
    return VT_OK;
}
