/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments: what goes in as batches comes out block by block, under both seals;
 * the same batches give the same id; nothing of a file can be changed, cut or
 * replaced; hostile heads are refused.
 */
#include "base/file.h"
#include "crypto/aead.h"
#include "vault/segment_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vault_batch.h"

#define BATCHES 5U

struct fixture {
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    struct vt_box *box;
    struct vt_buf batch[BATCHES];
    struct vt_slice slice[BATCHES];
    struct vt_segment_make make;
    struct vt_segment_row row;
    unsigned calls; /* for keys */
};

static const uint8_t epoch_key[32] = {1, 2, 3};

static void
subject_key(const uint8_t subject[VT_SUBJECT_SIZE], uint8_t ret[32])
{
    memset(ret, 0x77, 32);
    memcpy(ret, subject, VT_SUBJECT_SIZE);
}

static enum vt_err
give_keys(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    struct fixture *f = ctx;

    (void)why;
    assert_ptr_equal(m, &f->make);
    assert_in_range(n, 1, m->keys_max);
    f->calls++;
    for (size_t i = 0; i < n; i++) {
        uint8_t key[32];

        subject_key(subject[i], key);
        vt_segment_block_key(epoch_key, key, id, first + (uint32_t)i, ret[i]);
    }
    return VT_OK;
}

static enum vt_err
no_keys(void *ctx, const uint8_t id[VT_SEGMENT_ID_SIZE], const struct vt_segment_make *m,
    uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32],
    struct vt_why *why)
{
    (void)ctx, (void)id, (void)m, (void)subject, (void)n, (void)ret;
    return first == 0 ? VT_OK : vt_fail(why, VT_E_REFUSED, "no more");
}

static void
path_of(struct fixture *f)
{
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];

    vt_hex_encode(f->row.id, sizeof f->row.id, hex);
    assert_int_equal(vt_path(f->path, NULL, "%s/%s", f->dir, hex), VT_OK);
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct vt_why why = {{0}};
    struct vt_batch_opts o;

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-segment", f->dir, NULL), VT_OK);
    assert_int_equal(vt_box_new(&f->box, NULL), VT_OK);
    o = batch_opts(f->box, "EU", "detection");
    for (unsigned i = 0; i < BATCHES; i++) {
        f->batch[i] = VT_BUF(VT_BATCH_MAX);
        batch_put(&f->batch[i], &o, 40 + i, 7);
        f->slice[i] = (struct vt_slice){f->batch[i].data, f->batch[i].len};
    }
    f->make = (struct vt_segment_make){.region = "EU",
        .site = "zurich.example",
        .class_name = "detection",
        .day = 20779,
        .created = 1795000001,
        .batch = f->slice,
        .count = BATCHES,
        .keys = give_keys,
        .keys_ctx = f,
        .keys_max = 4};
    if (vt_segment_make(&f->make, f->dir, &f->row, &why) != VT_OK)
        fail_msg("%s", why.text);
    path_of(f);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < BATCHES; i++)
        vt_buf_release(&f->batch[i]);
    vt_box_free(f->box);
    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    free(f);
    return 0;
}

/* Opens the outer seal of block i in place. */
static enum vt_err
open_outer(const struct vt_segment_head *h, uint32_t i, uint8_t *stored)
{
    static const uint8_t nonce[VT_AEAD_NONCE_SIZE];
    uint8_t aad[VT_DIGEST_SIZE + 4] = {0};
    uint8_t subject[32];
    uint8_t key[32];

    subject_key(h->block[i].row.subject, subject);
    vt_segment_block_key(epoch_key, subject, h->id, i, key);
    memcpy(aad, h->digest.b, VT_DIGEST_SIZE);
    aad[VT_DIGEST_SIZE + 2] = (uint8_t)(i >> 8);
    aad[VT_DIGEST_SIZE + 3] = (uint8_t)i;
    return vt_aead_open(
        key, nonce, aad, sizeof aad, stored, h->block[i].stored_len, stored, NULL);
}

/* Opens the inner seal too and counts the block's records. */
static void
open_inner(const struct fixture *f, const struct vt_segment_head *h, uint32_t i,
    uint8_t *sealed, uint64_t *records)
{
    const struct vt_segment_block *b = &h->block[i];
    const struct vt_batch_header *batch = &h->batch[b->batch];
    struct vt_batch_scratch *scratch = NULL;
    struct vt_hpke_secret secret;
    uint8_t info[VT_BATCH_INFO_SIZE];
    uint8_t plain[8192];

    assert_in_range(b->row.plain_len, 1, sizeof plain);
    vt_batch_info(batch, info);
    assert_int_equal(
        vt_hpke_receive(f->box, batch->enc, info, sizeof info, &secret, NULL), VT_OK);
    assert_int_equal(vt_batch_open_block(&secret, &h->batch_digest[b->batch], b->block, &b->row,
                         sealed, b->row.sealed_len, plain, &scratch, NULL),
        VT_OK);
    *records += b->row.records;
    vt_batch_scratch_free(scratch);
}

static void
test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_reader *r = NULL;
    const struct vt_segment_head *h;
    uint64_t records = 0;
    uint8_t *block;
    size_t len;
    uint32_t i = 0;

    assert_int_equal(vt_segment_open(f->path, &r, NULL), VT_OK);
    h = vt_segment_head(r);
    assert_string_equal(h->region, "EU");
    assert_string_equal(h->site, "zurich.example");
    assert_string_equal(h->class_name, "detection");
    assert_int_equal(h->day, 20779);
    assert_int_equal(h->batch_count, BATCHES);
    assert_int_equal(h->block_count, 7 * BATCHES);
    assert_int_equal(vt_segment_read_end(r, &f->row.root, NULL), VT_E_STATE);
    for (;; i++) {
        assert_int_equal(vt_segment_next(r, &block, &len, NULL), VT_OK);
        if (block == NULL)
            break;
        assert_int_equal(len, h->block[i].stored_len);
        if (i > 0)
            assert_true(memcmp(h->block[i - 1].row.subject, h->block[i].row.subject,
                            VT_SUBJECT_SIZE) <= 0);
        assert_int_equal(open_outer(h, i, block), VT_OK);
        open_inner(f, h, i, block, &records);
    }
    assert_int_equal(i, h->block_count);
    assert_int_equal(records, h->records);
    assert_int_equal(records, 40 + 41 + 42 + 43 + 44);
    assert_int_equal(vt_segment_read_end(r, &f->row.root, NULL), VT_OK);
    assert_int_equal(vt_segment_read_end(r, NULL, NULL), VT_OK);
    assert_int_equal(f->calls, (7 * BATCHES + 3) / 4);
    vt_segment_close(r);
}

static void
test_same_id(void **state)
{
    struct fixture *f = *state;
    uint8_t id[VT_SEGMENT_ID_SIZE];
    struct vt_slice turned[BATCHES];
    struct vt_segment_make m = f->make;
    struct vt_segment_row row;

    for (unsigned i = 0; i < BATCHES; i++)
        turned[i] = f->slice[BATCHES - 1 - i];
    m.batch = turned;
    assert_int_equal(vt_segment_make_id(&m, id, NULL), VT_OK);
    assert_memory_equal(id, f->row.id, sizeof id);
    m.day++;
    assert_int_equal(vt_segment_make_id(&m, id, NULL), VT_OK);
    assert_memory_not_equal(id, f->row.id, sizeof id);
    m = f->make;
    m.count--;
    assert_int_equal(vt_segment_make_id(&m, id, NULL), VT_OK);
    assert_memory_not_equal(id, f->row.id, sizeof id);
    /* The whole of it again gives the same file. */
    assert_int_equal(vt_segment_make(&f->make, f->dir, &row, NULL), VT_OK);
    assert_memory_equal(row.root.b, f->row.root.b, VT_DIGEST_SIZE);
}

static void
test_keys_fail(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_make m = f->make;
    struct vt_segment_row row;

    assert_int_equal(remove(f->path), 0);
    m.keys = no_keys;
    assert_int_equal(vt_segment_make(&m, f->dir, &row, NULL), VT_E_REFUSED);
    assert_false(vt_file_exists(f->path));
    m.count = 0;
    assert_int_equal(vt_segment_make(&m, f->dir, &row, NULL), VT_E_USAGE);
    m = f->make;
    m.class_name = "url";
    assert_int_equal(vt_segment_make(&m, f->dir, &row, NULL), VT_E_USAGE);
}

static void
test_check(void **state)
{
    struct fixture *f = *state;
    struct vt_segment_row got = {0};
    struct vt_segment_row want = f->row;
    struct vt_why why = {{0}};

    assert_int_equal(vt_segment_check(f->path, NULL, &got, NULL), VT_OK);
    assert_memory_equal(got.root.b, f->row.root.b, VT_DIGEST_SIZE);
    assert_int_equal(got.records, f->row.records);
    assert_int_equal(got.plain_bytes, f->row.plain_bytes);
    assert_int_equal(got.size, f->row.size);
    assert_int_equal(vt_segment_check(f->path, &want, NULL, NULL), VT_OK);
    want.records++;
    assert_int_equal(vt_segment_check(f->path, &want, NULL, NULL), VT_E_DIGEST);
    want = f->row;
    want.root.b[0] ^= 1;
    assert_int_equal(vt_segment_check(f->path, &want, NULL, &why), VT_E_DIGEST);
    assert_non_null(strstr(why.text, "inventory"));
    assert_int_equal(vt_segment_check("/tmp/no/such", NULL, NULL, NULL), VT_E_NOENT);
}

/* Whatever byte is changed, it is seen. */
static void
test_changed(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b = VT_BUF(VT_SEGMENT_MAX);

    assert_int_equal(vt_file_read(f->path, &b, NULL), VT_OK);
    for (size_t i = 0; i < b.len; i += 1 + b.len / 400) {
        b.data[i] ^= 0x20;
        assert_int_equal(vt_file_replace(f->path, 0600, b.data, b.len, NULL), VT_OK);
        assert_int_not_equal(vt_segment_check(f->path, &f->row, NULL, NULL), VT_OK);
        b.data[i] ^= 0x20;
    }
    for (size_t len = 0; len < b.len; len += 1 + b.len / 97) {
        assert_int_equal(vt_file_replace(f->path, 0600, b.data, len, NULL), VT_OK);
        assert_int_equal(vt_segment_check(f->path, &f->row, NULL, NULL), VT_E_SYNTAX);
    }
    vt_buf_put_u8(&b, 0);
    assert_int_equal(vt_file_replace(f->path, 0600, b.data, b.len, NULL), VT_OK);
    assert_int_equal(vt_segment_check(f->path, &f->row, NULL, NULL), VT_E_SYNTAX);
    vt_buf_release(&b);
}

/* A head in which one number was changed at a place. */
static enum vt_err
parse_changed(const struct fixture *f, size_t at, const void *bytes, size_t n)
{
    struct vt_segment_reader *r = NULL;
    struct vt_segment_head h = {0};
    uint8_t *copy;
    const void *head;
    size_t len;
    enum vt_err err;

    assert_int_equal(vt_segment_open(f->path, &r, NULL), VT_OK);
    head = vt_segment_head_bytes(r, &len);
    copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, head, len);
    if (at > len)
        at = len - (SIZE_MAX - at) - 1; /* counted from the end */
    assert_true(at + n <= len);
    memcpy(copy + at, bytes, n);
    err = vt_segment_head_parse(copy, len, &h, NULL);
    vt_segment_head_release(&h);
    vt_segment_close(r);
    free(copy);
    return err;
}

static void
test_hostile_heads(void **state)
{
    struct fixture *f = *state;
    const size_t counts = 16 + 8 + 3 + 15 + 10 + 4 + 32;
    static const uint8_t huge[4] = {0xff, 0xff, 0xff, 0xff};
    static const uint8_t zero[8] = {0};

    assert_int_equal(parse_changed(f, 0, zero, 1), VT_OK); /* the id: any */
    assert_int_equal(parse_changed(f, 24, "\3", 1), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, 25, "US", 2), VT_E_SYNTAX); /* not its batches' */
    assert_int_equal(parse_changed(f, 28, " ", 1), VT_E_SYNTAX);  /* site */
    assert_int_equal(parse_changed(f, counts, huge, 4), VT_E_LIMIT);
    assert_int_equal(parse_changed(f, counts + 4, huge, 4), VT_E_LIMIT);
    assert_int_equal(parse_changed(f, counts, zero, 4), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, counts + 4, zero, 4), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, counts + 8, zero, 8), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, counts + 16, zero, 8), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, counts + 24, huge, 4), VT_E_SYNTAX);
    /* The last block: its batch, its number, its length. */
    assert_int_equal(parse_changed(f, SIZE_MAX - 9, huge, 4), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, SIZE_MAX - 9, zero, 4), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, SIZE_MAX - 5, huge, 2), VT_E_SYNTAX);
    assert_int_equal(parse_changed(f, SIZE_MAX - 3, zero, 4), VT_E_SYNTAX);
}

static void
test_rows(void **state)
{
    const struct vt_segment_row row = {
        .id = {1, 2}, .root = {{3}}, .records = 4, .plain_bytes = 1ULL << 40, .size = 99};
    uint8_t bytes[VT_SEGMENT_ROW_SIZE];
    struct vt_segment_row got;

    (void)state;
    vt_segment_row_put(&row, bytes);
    assert_true(vt_segment_row_parse(bytes, sizeof bytes, &got));
    assert_memory_equal(&got, &row, sizeof got);
    assert_false(vt_segment_row_parse(bytes, sizeof bytes - 1, &got));
}

/* No key opens a block at another place, in another segment, of another subject or epoch. */
static void
test_block_keys(void **state)
{
    const uint8_t a[32] = {1};
    const uint8_t b[32] = {2};
    const uint8_t id[VT_SEGMENT_ID_SIZE] = {3};
    const uint8_t other[VT_SEGMENT_ID_SIZE] = {4};
    uint8_t key[6][32];

    (void)state;
    vt_segment_block_key(a, b, id, 0, key[0]);
    vt_segment_block_key(a, b, id, 1, key[1]);
    vt_segment_block_key(b, a, id, 0, key[2]);
    vt_segment_block_key(a, a, id, 0, key[3]);
    vt_segment_block_key(b, b, id, 0, key[4]);
    vt_segment_block_key(a, b, other, 0, key[5]);
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = i + 1; j < 6; j++)
            assert_memory_not_equal(key[i], key[j], 32);
}

static void
test_weight(void **state)
{
    struct fixture *f = *state;
    uint64_t sum = 0;

    for (unsigned i = 0; i < BATCHES; i++) {
        struct vt_batch_header h;
        const uint8_t *blocks;

        assert_int_equal(
            vt_batch_parse(f->slice[i].data, f->slice[i].len, &h, &blocks, NULL), VT_OK);
        sum += vt_segment_weight(&h);
    }
    assert_in_range(f->row.size, sum, sum + 256);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_id, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_weight, setup, teardown),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_block_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
