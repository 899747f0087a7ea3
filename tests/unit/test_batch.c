/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: what is sealed comes out again, grouped by subject; nothing of a
 * header or a block can be changed; hostile lengths and frames are refused.
 */
#include "report/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include <cmocka.h>

struct bench {
    struct vt_box *box;
    struct vt_batch_opts opts;
    struct vt_batch_writer *w;
};

static const uint8_t tag_a[VT_SUBJECT_SIZE] = {0xa};
static const uint8_t tag_b[VT_SUBJECT_SIZE] = {0xb};

static void
must(enum vt_err err, const struct vt_why *why)
{
    if (err != VT_OK)
        fail_msg("%s", why->text);
}

static int
setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct vt_why why = {{0}};

    assert_non_null(b);
    must(vt_box_new(&b->box, &why), &why);
    b->opts = (struct vt_batch_opts){.region = "EU",
        .site = "zurich.example",
        .class_name = "detection",
        .customer = {0xcc},
        .created = 1795000000};
    memset(b->opts.policy.b, 0x55, sizeof b->opts.policy.b);
    vt_box_public(b->box, &b->opts.key);
    must(vt_batch_new(&b->opts, &b->w, &why), &why);
    *state = b;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;

    vt_batch_free(b->w);
    vt_box_free(b->box);
    free(b);
    return 0;
}

static void
add(struct bench *b, const uint8_t *subject, const char *record)
{
    struct vt_why why = {{0}};

    must(vt_batch_add(b->w, subject, record, strlen(record), &why), &why);
}

static void
secret_of(const struct bench *b, const struct vt_batch_header *h, struct vt_hpke_secret *ret)
{
    uint8_t info[VT_BATCH_INFO_SIZE];
    struct vt_why why = {{0}};

    vt_batch_info(h, info);
    must(vt_hpke_receive(b->box, h->enc, info, sizeof info, ret, &why), &why);
}

/* The info of a batch with one byte of its header changed; false when it then is none. */
static bool
info_changed(const struct vt_batch_header *h, size_t at, uint8_t ret[VT_BATCH_INFO_SIZE])
{
    uint8_t *copy = malloc(h->bytes_len);
    struct vt_batch_header other;
    bool ok;

    assert_non_null(copy);
    memcpy(copy, h->bytes, h->bytes_len);
    copy[at] ^= 1;
    ok = vt_batch_header_parse(copy, h->bytes_len, &other, NULL) == VT_OK;
    if (ok)
        vt_batch_info(&other, ret);
    free(copy);
    return ok;
}

/* A secret is derived for one exact header: no byte of it can be another, but those of enc,
 * which the derivation takes in by itself. */
static void
test_secret_is_of_the_header(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_why why = {{0}};
    struct vt_batch_header h;
    const uint8_t *block;
    uint8_t info[VT_BATCH_INFO_SIZE];
    uint8_t other[VT_BATCH_INFO_SIZE];
    size_t tried = 0, same = 0;

    add(b, tag_a, "one");
    must(vt_batch_end(b->w, &out, &why), &why);
    must(vt_batch_parse(out.data, out.len, &h, &block, &why), &why);
    vt_batch_info(&h, info);
    for (size_t at = 0; at < h.bytes_len; at++) {
        if (!info_changed(&h, at, other))
            continue;
        tried++;
        same += memcmp(info, other, sizeof info) == 0;
    }
    assert_true(tried > 150);
    assert_int_equal(same, VT_HPKE_ENC_SIZE);
    vt_buf_release(&out);
}

/* Opens block i of a batch (a copy of it) by the given secret. */
static enum vt_err
open_block(const struct vt_hpke_secret *secret, const void *batch, size_t len, uint32_t i,
    struct vt_buf *ret, struct vt_why *why)
{
    struct vt_batch_scratch *scratch = NULL;
    struct vt_batch_header h;
    struct vt_block_row row;
    struct vt_digest header;
    const uint8_t *block;
    uint8_t *copy;
    uint8_t *room;
    enum vt_err err;

    must(vt_batch_parse(batch, len, &h, &block, why), why);
    vt_digest_of(h.bytes, h.bytes_len, &header);
    for (uint32_t k = 0; k < i; k++) {
        vt_batch_row(&h, k, &row);
        block += row.sealed_len;
    }
    vt_batch_row(&h, i, &row);
    copy = malloc(row.sealed_len);
    assert_non_null(copy);
    memcpy(copy, block, row.sealed_len);
    *ret = VT_BUF(VT_BLOCK_PLAIN_MAX);
    room = vt_buf_reserve(ret, row.plain_len);
    assert_non_null(room);
    err = vt_batch_open_block(
        secret, &header, i, &row, copy, row.sealed_len, room, &scratch, why);
    if (err == VT_OK)
        vt_buf_commit(ret, row.plain_len);
    free(copy);
    vt_batch_scratch_free(scratch);
    return err;
}

static void
test_round_trip(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_buf plain;
    struct vt_batch_header h;
    struct vt_block_row row;
    struct vt_hpke_secret secret;
    struct vt_digest key_id;
    struct vt_why why = {{0}};
    const uint8_t *blocks;

    add(b, tag_a, "one");
    add(b, tag_b, "two");
    add(b, tag_a, "three");
    assert_int_equal(vt_batch_records(b->w), 3);
    assert_int_equal(vt_batch_plain(b->w), 14);
    must(vt_batch_end(b->w, &out, &why), &why);
    assert_int_equal(vt_batch_records(b->w), 0);
    must(vt_batch_parse(out.data, out.len, &h, &blocks, &why), &why);
    assert_string_equal(h.region, "EU");
    assert_string_equal(h.site, "zurich.example");
    assert_string_equal(h.class_name, "detection");
    assert_int_equal(h.created, 1795000000);
    assert_memory_equal(h.policy.b, b->opts.policy.b, sizeof h.policy.b);
    assert_memory_equal(h.customer, b->opts.customer, sizeof h.customer);
    vt_batch_key_id(&b->opts.key, &key_id);
    assert_true(vt_digest_eq(&h.key_id, &key_id));
    assert_int_equal(h.block_count, 2);
    vt_batch_row(&h, 0, &row);
    assert_memory_equal(row.subject, tag_a, sizeof tag_a);
    assert_int_equal(row.records, 2);
    assert_int_equal(row.plain_len, 10);
    vt_batch_row(&h, 1, &row);
    assert_memory_equal(row.subject, tag_b, sizeof tag_b);

    secret_of(b, &h, &secret);
    must(open_block(&secret, out.data, out.len, 0, &plain, &why), &why);
    assert_string_equal(vt_buf_str(&plain), "one\nthree\n");
    vt_buf_release(&plain);
    must(open_block(&secret, out.data, out.len, 1, &plain, &why), &why);
    assert_string_equal(vt_buf_str(&plain), "two\n");
    vt_buf_release(&plain);
    vt_buf_release(&out);
}

/* The bytes that docs/formats/batch.md names, at their places. */
static void
test_layout(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_why why = {{0}};
    /* header: 16 + 8 + (1+2) + (1+14) + (1+9) + 32 + 32 + 16 + 32 + 2 + 28 */
    const uint32_t header = 194;

    add(b, tag_a, "x");
    must(vt_batch_end(b->w, &out, &why), &why);
    assert_memory_equal(out.data, "VTB1", 4);
    assert_int_equal(out.data[7], header);
    assert_memory_equal(out.data + 8 + 24,
        "\x02"
        "EU\x0ezurich.example\x09"
        "detection",
        28);
    assert_memory_equal(out.data + 8 + 52, b->opts.policy.b, 32);
    assert_memory_equal(out.data + 8 + 116, b->opts.customer, 16);
    assert_memory_equal(out.data + 8 + 166, tag_a, 16);
    vt_buf_release(&out);
}

/* Two batches of one writer share neither id nor encapsulated key. */
static void
test_batches_differ(void **state)
{
    struct bench *b = *state;
    struct vt_buf out[2] = {VT_BUF(VT_BATCH_MAX), VT_BUF(VT_BATCH_MAX)};
    struct vt_batch_header h[2];
    struct vt_why why = {{0}};
    const uint8_t *blocks;

    for (int i = 0; i < 2; i++) {
        vt_batch_stamp(b->w, 100U + (unsigned)i);
        add(b, tag_a, "same");
        must(vt_batch_end(b->w, &out[i], &why), &why);
        must(vt_batch_parse(out[i].data, out[i].len, &h[i], &blocks, &why), &why);
        assert_int_equal(h[i].created, 100 + i);
    }
    assert_memory_not_equal(h[0].id, h[1].id, 16);
    assert_memory_not_equal(h[0].enc, h[1].enc, 32);
    vt_buf_release(&out[0]);
    vt_buf_release(&out[1]);
}

static void
test_records_refused(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    char *big = calloc(1, VT_RECORD_MAX + 1);
    struct vt_why why = {{0}};

    assert_non_null(big);
    assert_int_equal(vt_batch_end(b->w, &out, &why), VT_E_USAGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(vt_batch_add(b->w, tag_a, "", 0, &why), VT_E_SYNTAX);
    assert_int_equal(vt_batch_add(b->w, tag_a, "a\nb", 3, &why), VT_E_SYNTAX);
    assert_int_equal(vt_batch_add(b->w, tag_a, "a\n", 2, &why), VT_E_SYNTAX);
    assert_int_equal(vt_batch_add(b->w, tag_a, big, VT_RECORD_MAX + 1, &why), VT_E_SYNTAX);
    assert_int_equal(vt_batch_records(b->w), 0);
    must(vt_batch_add(b->w, tag_a, big, VT_RECORD_MAX, &why), &why); /* zeros are bytes too */
    free(big);
    vt_buf_release(&out);
}

/* A writer says that it is full; what it holds makes a batch even when nothing
 * can be compressed. */
static void
test_full(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    uint8_t *noise = malloc(VT_RECORD_MAX);
    struct vt_batch_header h;
    struct vt_why why = {{0}};
    const uint8_t *blocks;
    int n = 0;

    assert_non_null(noise);
    must(vt_random(noise, VT_RECORD_MAX, &why), &why);
    for (size_t i = 0; i < VT_RECORD_MAX; i++)
        if (noise[i] == '\n')
            noise[i] = 0;
    while (vt_batch_add(b->w, tag_a, noise, VT_RECORD_MAX, &why) == VT_OK)
        n++;
    assert_int_equal(n, 3);
    assert_int_equal(vt_batch_add(b->w, tag_a, noise, VT_RECORD_MAX, &why), VT_E_BUSY);
    assert_int_equal(vt_batch_records(b->w), 3);
    must(vt_batch_end(b->w, &out, &why), &why);
    must(vt_batch_parse(out.data, out.len, &h, &blocks, &why), &why);
    free(noise);
    vt_buf_release(&out);
}

static void
test_many_subjects(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_buf plain;
    struct vt_batch_header h;
    struct vt_hpke_secret secret;
    struct vt_why why = {{0}};
    const uint8_t *blocks;

    /* All fall into one slot: the table must still tell them apart. */
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < VT_BATCH_BLOCKS_MAX; i++) {
            uint8_t tag[VT_SUBJECT_SIZE] = {1, 2, (uint8_t)(i >> 8), (uint8_t)i};
            char text[32];

            (void)snprintf(text, sizeof text, "%u of %u", k, i);
            add(b, tag, text);
        }
    assert_int_equal(vt_batch_add(b->w, tag_a, "x", 1, &why), VT_E_BUSY);
    must(vt_batch_end(b->w, &out, &why), &why);
    must(vt_batch_parse(out.data, out.len, &h, &blocks, &why), &why);
    assert_int_equal(h.block_count, VT_BATCH_BLOCKS_MAX);
    secret_of(b, &h, &secret);
    must(open_block(&secret, out.data, out.len, 1023, &plain, &why), &why);
    assert_string_equal(vt_buf_str(&plain), "0 of 1023\n1 of 1023\n");
    vt_buf_release(&plain);
    must(vt_batch_add(b->w, tag_a, "x", 1, &why), &why);
    vt_buf_release(&out);
}

/* Whatever byte of the header is changed, no block opens any more. */
static void
test_header_is_bound(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_batch_header h;
    struct vt_hpke_secret secret;
    struct vt_why why = {{0}};
    const uint8_t *blocks;
    size_t opened = 0;

    add(b, tag_a, "secret");
    must(vt_batch_end(b->w, &out, &why), &why);
    must(vt_batch_parse(out.data, out.len, &h, &blocks, &why), &why);
    secret_of(b, &h, &secret);
    for (size_t i = 8; i < (size_t)(blocks - out.data) - 12; i++) {
        struct vt_batch_header changed;
        struct vt_buf plain;
        const uint8_t *p;

        out.data[i] ^= 1;
        if (vt_batch_parse(out.data, out.len, &changed, &p, NULL) == VT_OK) {
            assert_int_equal(open_block(&secret, out.data, out.len, 0, &plain, &why), VT_E_SIG);
            vt_buf_release(&plain);
            opened++;
        }
        out.data[i] ^= 1;
    }
    assert_true(opened > 100); /* most changes still parse */
    vt_buf_release(&out);
}

static void
test_blocks_are_bound(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_buf plain;
    struct vt_batch_header h;
    struct vt_hpke_secret secret;
    struct vt_why why = {{0}};
    const uint8_t *blocks;
    uint8_t swap[64];
    size_t len;

    add(b, tag_a, "same length 1");
    add(b, tag_b, "same length 2");
    must(vt_batch_end(b->w, &out, &why), &why);
    must(vt_batch_parse(out.data, out.len, &h, &blocks, &why), &why);
    secret_of(b, &h, &secret);
    len = (out.len - (size_t)(blocks - out.data)) / 2;
    assert_true(len < sizeof swap);
    out.data[out.len - 1] ^= 1;
    assert_int_equal(open_block(&secret, out.data, out.len, 1, &plain, &why), VT_E_SIG);
    vt_buf_release(&plain);
    out.data[out.len - 1] ^= 1;
    memcpy(swap, blocks, len);
    memmove(out.data + (blocks - out.data), blocks + len, len);
    memcpy(out.data + out.len - len, swap, len);
    assert_int_equal(open_block(&secret, out.data, out.len, 0, &plain, &why), VT_E_SIG);
    vt_buf_release(&plain);
    vt_buf_release(&out);
}

/* Every cut, and a byte too many. */
static void
test_cut(void **state)
{
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_batch_header h;
    struct vt_why why = {{0}};
    const uint8_t *blocks;

    add(b, tag_a, "one");
    add(b, tag_b, "two");
    must(vt_batch_end(b->w, &out, &why), &why);
    for (size_t n = 0; n < out.len; n++) {
        uint8_t *copy = malloc(n + 1);

        assert_non_null(copy);
        memcpy(copy, out.data, n);
        assert_int_equal(vt_batch_parse(copy, n, &h, &blocks, &why), VT_E_SYNTAX);
        free(copy);
    }
    vt_buf_put_u8(&out, 0);
    assert_int_equal(vt_batch_parse(out.data, out.len, &h, &blocks, &why), VT_E_SYNTAX);
    vt_buf_release(&out);
}

static void
put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void
test_impossible_rows(void **state)
{
    static const struct {
        size_t at; /* in the row */
        uint32_t value;
        enum vt_err err;
    } rows[] = {
        {16, 0, VT_E_SYNTAX},                      /* no records */
        {16, 3, VT_E_SYNTAX},                      /* more than fit */
        {20, 0, VT_E_SYNTAX},                      /* empty */
        {20, VT_BLOCK_PLAIN_MAX + 1, VT_E_SYNTAX}, /* too long */
        {24, VT_HPKE_TAG_SIZE, VT_E_SYNTAX},       /* nothing sealed */
        {24, VT_BATCH_MAX + 1, VT_E_SYNTAX},       /* more than a batch */
        {24, UINT32_MAX, VT_E_SYNTAX},
    };
    struct bench *b = *state;
    struct vt_buf out = VT_BUF(VT_BATCH_MAX);
    struct vt_batch_header h;
    struct vt_why why = {{0}};
    const uint8_t *blocks;
    uint8_t *row;

    add(b, tag_a, "one");
    add(b, tag_b, "two");
    must(vt_batch_end(b->w, &out, &why), &why);
    must(vt_batch_parse(out.data, out.len, &h, &blocks, &why), &why);
    row = out.data + (h.rows - out.data);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t was[4];

        memcpy(was, row + rows[i].at, 4);
        put32(row + rows[i].at, rows[i].value);
        assert_int_equal(vt_batch_parse(out.data, out.len, &h, &blocks, &why), rows[i].err);
        memcpy(row + rows[i].at, was, 4);
    }
    /* Each fits by itself, both together do not. */
    put32(row + 24, VT_BATCH_MAX);
    put32(row + 52, VT_BATCH_MAX);
    assert_int_equal(vt_batch_parse(out.data, out.len, &h, &blocks, &why), VT_E_LIMIT);
    vt_buf_release(&out);
}

static void
test_bad_words(void **state)
{
    static const char *const regions[] = {"", "E", "eu", "E U", "ABCDEFGHIJKLMNOPQ", NULL};
    static const char *const classes[] = {"", "Detection", "a b", NULL};
    struct bench *b = *state;
    struct vt_batch_writer *w = NULL;
    struct vt_batch_opts o;
    struct vt_why why = {{0}};

    for (size_t i = 0; i < 6; i++) {
        o = b->opts;
        o.region = regions[i];
        assert_int_equal(vt_batch_new(&o, &w, &why), VT_E_USAGE);
    }
    for (size_t i = 0; i < 4; i++) {
        o = b->opts;
        o.class_name = classes[i];
        assert_int_equal(vt_batch_new(&o, &w, &why), VT_E_USAGE);
    }
    o = b->opts;
    o.site = "two words";
    assert_int_equal(vt_batch_new(&o, &w, &why), VT_E_USAGE);
    o = b->opts;
    memset(o.key.b, 0, sizeof o.key.b); /* of low order */
    must(vt_batch_new(&o, &w, &why), &why);
    must(vt_batch_add(w, tag_a, "x", 1, &why), &why);
    {
        struct vt_buf out = VT_BUF(VT_BATCH_MAX);

        vt_buf_puts(&out, "before");
        assert_int_equal(vt_batch_end(w, &out, &why), VT_E_SYNTAX);
        assert_string_equal(vt_buf_str(&out), "before");
        assert_int_equal(vt_batch_records(w), 1);
        vt_buf_release(&out);
    }
    vt_batch_free(w);
}

/* Seals `packed` as the only block, said to be n records of plain_len bytes, and opens it. */
static enum vt_err
open_forged(
    const struct bench *b, const void *packed, size_t len, uint32_t n, uint32_t plain_len)
{
    struct vt_block_row row = {
        .records = n, .plain_len = plain_len, .sealed_len = (uint32_t)len + VT_HPKE_TAG_SIZE};
    struct vt_batch_scratch *scratch = NULL;
    struct vt_digest header = {{1}};
    uint8_t aad[VT_DIGEST_SIZE + 4] = {1};
    uint8_t enc[VT_HPKE_ENC_SIZE];
    struct vt_hpke_secret s;
    struct vt_why why = {{0}};
    uint8_t *sealed = malloc(row.sealed_len);
    uint8_t *plain = malloc(plain_len + 1U);
    enum vt_err err;

    assert_true(sealed != NULL && plain != NULL);
    must(vt_hpke_send(&b->opts.key, "", 0, enc, &s, &why), &why);
    must(vt_hpke_seal(&s, 0, aad, sizeof aad, packed, len, sealed, &why), &why);
    err = vt_batch_open_block(
        &s, &header, 0, &row, sealed, row.sealed_len, plain, &scratch, &why);
    vt_batch_scratch_free(scratch);
    free(sealed);
    free(plain);
    return err;
}

/* A hostile endpoint seals frames that are not what its rows say. */
static void
test_forged_blocks(void **state)
{
    struct bench *b = *state;
    static const char text[] = "one\ntwo\n";
    uint8_t packed[256];
    uint8_t twice[512];
    size_t n = ZSTD_compress(packed, sizeof packed, text, 8, 3);

    assert_false(ZSTD_isError(n));
    assert_int_equal(open_forged(b, packed, n, 2, 8), VT_OK);
    assert_int_equal(open_forged(b, packed, n, 1, 8), VT_E_SYNTAX);
    assert_int_equal(open_forged(b, packed, n, 3, 8), VT_E_SYNTAX);
    assert_int_equal(open_forged(b, packed, n, 2, 7), VT_E_SYNTAX);
    assert_int_equal(open_forged(b, packed, n, 2, 9), VT_E_SYNTAX);
    assert_int_equal(open_forged(b, packed, n - 1, 2, 8), VT_E_SYNTAX);
    assert_int_equal(open_forged(b, "plain text here", 15, 1, 15), VT_E_SYNTAX);
    memcpy(twice, packed, n);
    memcpy(twice + n, packed, n);
    assert_int_equal(open_forged(b, twice, 2 * n, 4, 16), VT_E_SYNTAX);
    /* A skippable frame behind: bytes that nobody would see. */
    memcpy(twice + n, "\x50\x2a\x4d\x18\x00\x00\x00\x00", 8);
    assert_int_equal(open_forged(b, twice, n + 8, 2, 8), VT_E_SYNTAX);
    n = ZSTD_compress(packed, sizeof packed, "one\n\ntwo\n", 9, 3);
    assert_int_equal(open_forged(b, packed, n, 3, 9), VT_E_SYNTAX);
    n = ZSTD_compress(packed, sizeof packed, "one\ntwo", 7, 3);
    assert_int_equal(open_forged(b, packed, n, 2, 7), VT_E_SYNTAX);
    assert_int_equal(open_forged(b, packed, n, 1, 7), VT_E_SYNTAX);
}

static void
test_tags(void **state)
{
    uint8_t secret[32] = {7};
    uint8_t a[VT_SUBJECT_SIZE];
    uint8_t c[VT_SUBJECT_SIZE];
    uint8_t again[VT_SUBJECT_SIZE];

    (void)state;
    vt_subject_tag(secret, "dora", a);
    vt_customer_tag(secret, "dora", c);
    assert_memory_not_equal(a, c, sizeof a);
    vt_subject_tag(secret, "dora", again);
    assert_memory_equal(a, again, sizeof a);
    secret[31] = 1;
    vt_subject_tag(secret, "dora", again);
    assert_memory_not_equal(a, again, sizeof a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_secret_is_of_the_header),
        TEST(test_round_trip),
        TEST(test_layout),
        TEST(test_batches_differ),
        TEST(test_records_refused),
        TEST(test_full),
        TEST(test_many_subjects),
        TEST(test_header_is_bound),
        TEST(test_blocks_are_bound),
        TEST(test_cut),
        TEST(test_impossible_rows),
        TEST(test_bad_words),
        TEST(test_forged_blocks),
        TEST(test_tags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
