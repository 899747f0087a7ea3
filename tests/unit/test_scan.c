/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a scope's segments: what comes out, what is left out, and what stops it. */
#include "vault/scan.h"

#include "base/file.h"
#include "vault/scan_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "sealed.h"

static char base[VT_PATH_MAX];

/* What the callback saw. */
struct seen {
    uint64_t records;
    uint64_t bytes;
    uint64_t blocks;
    uint64_t usage;            /* blocks of class "usage" */
    uint64_t customer_records; /* of customer 2 */
    unsigned stop_after;       /* blocks; 0: never */
    struct vt_buf text;
};

static enum vt_err
see(void *ctx, const struct vt_segment_head *head, const struct vt_block_row *row,
    const uint8_t *customer, const void *plain, size_t len, struct vt_why *why)
{
    struct seen *s = ctx;
    uint8_t two[VT_SUBJECT_SIZE];
    sealed_tag("customer", 2, two);
    s->records += row->records;
    s->bytes += len;
    s->blocks++;
    s->usage += strcmp(head->class_name, "usage") == 0;
    if (memcmp(customer, two, sizeof two) == 0)
        s->customer_records += row->records;
    vt_buf_put(&s->text, plain, len);
    if (s->blocks == s->stop_after)
        return vt_fail(why, VT_E_IO, "enough");
    return VT_OK;
}

static void
home(void)
{
    struct vt_why why = {0};
    char dir[VT_PATH_MAX];
    assert_int_equal(vt_dir_temp(base, "home", dir, &why), VT_OK);
    sealed_open(dir);
}

/* n events of subjects [first, first + subjects). */
static void
add(unsigned n, unsigned first, unsigned subjects)
{
    char text[64];
    for (unsigned i = 0; i < n; i++) {
        int len =
            snprintf(text, sizeof text, "{\"subject\":%u,\"n\":%u}", first + i % subjects, i);
        sealed_add(first + i % subjects, text, (size_t)len);
    }
}

static enum vt_err
scan(struct seen *s, struct vt_scan_counts *c, struct vt_why *why)
{
    const struct vt_scope scope = sealed_scope();
    *s = (struct seen){.text = VT_BUF(1U << 24U), .stop_after = s->stop_after};
    return vt_scan_run(&sealed.home, NULL, 1, &scope, see, s, c, why);
}

static void
test_scope(void **state)
{
    (void)state;
    struct seen s = {0};
    struct vt_scan_counts c = {0};
    struct vt_why why = {0};
    struct vt_segment_row row[5];
    uint8_t leaf[2][VT_SEGMENT_ROW_SIZE];
    struct vt_digest want;
    home();
    sealed_begin("detection", 1);
    add(100, 0, 10);
    sealed_begin("detection", 2);
    add(50, 5, 10);
    sealed_segment(10, &row[0]);
    sealed_begin("usage", 2);
    add(7, 5, 7);
    sealed_segment(20, &row[1]);
    sealed_begin("usage", 1);
    add(7, 100, 7);
    sealed_segment(21, &row[2]); /* a day too late */
    sealed_begin("detection", 1);
    add(7, 200, 7);
    sealed_segment(9, &row[3]); /* a day too early */
    sealed_begin("source", 1);
    add(7, 300, 7);
    sealed_segment(15, &row[4]); /* another class */
    assert_int_equal(scan(&s, &c, &why), VT_OK);
    assert_int_equal(c.segments, 2);
    assert_int_equal(c.records, 157);
    assert_int_equal(c.blocks, 10 + 10 + 7);
    assert_int_equal(c.subjects, 15);
    assert_int_equal(c.erased_blocks, 0);
    assert_int_equal(c.plain_bytes, s.bytes);
    assert_int_equal(s.records, 157);
    assert_int_equal(s.usage, 7);
    assert_int_equal(s.customer_records, 57);
    assert_int_equal(sealed.asked, 2); /* no key was asked for outside of the scope */
    assert_non_null(strstr(vt_buf_str(&s.text), "{\"subject\":11,\"n\":6}\n"));
    assert_null(strstr(vt_buf_str(&s.text), "\"subject\":20"));
    vt_segment_row_put(&row[0], leaf[0]);
    vt_segment_row_put(&row[1], leaf[1]);
    vt_digest_of(leaf, sizeof leaf, &want);
    assert_true(vt_digest_eq(&c.segments_digest, &want));
    vt_buf_release(&s.text);
    sealed_close();
}

static void
test_erased(void **state)
{
    (void)state;
    struct seen s = {0};
    struct vt_scan_counts c = {0};
    struct vt_why why = {0};
    home();
    sealed_begin("detection", 1);
    add(100, 0, 10);
    sealed_segment(10, NULL);
    sealed_tag("subject", 3, sealed.erased);
    assert_int_equal(scan(&s, &c, &why), VT_OK);
    assert_int_equal(c.erased_blocks, 1);
    assert_int_equal(c.records, 90);
    assert_int_equal(c.subjects, 9);
    assert_null(strstr(vt_buf_str(&s.text), "\"subject\":3,"));
    vt_buf_release(&s.text);
    sealed_close();
}

static void
test_empty(void **state)
{
    (void)state;
    struct seen s = {0};
    struct vt_scan_counts c = {.records = 9};
    struct vt_why why = {0};
    home();
    assert_int_equal(scan(&s, &c, &why), VT_OK);
    assert_int_equal(c.segments, 0);
    assert_int_equal(c.records, 0);
    vt_buf_release(&s.text);
    sealed_close();
}

static void
segment_path(const struct vt_segment_row *row, char ret[VT_PATH_MAX])
{
    char id[2 * VT_SEGMENT_ID_SIZE + 1];
    struct vt_why why = {0};
    vt_hex_encode(row->id, VT_SEGMENT_ID_SIZE, id);
    assert_int_equal(
        vt_vault_path(&sealed.home, ret, &why, "segments/" SEALED_REGION "/%s", id), VT_OK);
}

/* Any byte of a segment that changed stops the reading, and nothing is told as counts. */
static void
test_damage(void **state)
{
    (void)state;
    struct vt_segment_row row;
    struct vt_why why = {0};
    struct vt_buf file = VT_BUF(1U << 20U);
    char path[VT_PATH_MAX];
    home();
    sealed_begin("detection", 1);
    add(30, 0, 3);
    sealed_segment(10, &row);
    segment_path(&row, path);
    assert_int_equal(vt_file_read(path, &file, &why), VT_OK);
    for (size_t at = 0; at < file.len; at += 1 + file.len / 97) {
        struct seen s = {0};
        struct vt_scan_counts c = {.records = 4711};
        file.data[at] ^= 1U;
        assert_int_equal(vt_file_replace(path, 0600, file.data, file.len, &why), VT_OK);
        file.data[at] ^= 1U;
        why.text[0] = '\0';
        enum vt_err err = scan(&s, &c, &why);
        /* The day may leave the scope; then its root is not read, and nothing of it either. */
        assert_true(err != VT_OK || c.records == 0);
        assert_true(err == VT_OK || c.records == 4711);
        assert_true((err == VT_OK) == (why.text[0] == '\0'));
        vt_buf_release(&s.text);
    }
    vt_buf_release(&file);
    sealed_close();
}

/* A segment that is whole and sound, but not the one that the inventory names. */
static void
test_exchanged(void **state)
{
    (void)state;
    struct vt_segment_row row[2];
    struct seen s = {0};
    struct vt_scan_counts c = {0};
    struct vt_why why = {0};
    struct vt_buf file = VT_BUF(1U << 20U);
    char path[VT_PATH_MAX];
    home();
    sealed_begin("detection", 1);
    add(30, 0, 3);
    sealed_segment(10, &row[0]);
    sealed_begin("detection", 1);
    add(30, 0, 3);
    sealed_segment(10, &row[1]);
    segment_path(&row[1], path);
    assert_int_equal(vt_file_read(path, &file, &why), VT_OK);
    segment_path(&row[0], path);
    assert_int_equal(vt_file_replace(path, 0600, file.data, file.len, &why), VT_OK);
    assert_int_equal(scan(&s, &c, &why), VT_E_DIGEST);
    vt_buf_release(&s.text);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(scan(&s, &c, &why), VT_E_NOENT);
    vt_buf_release(&s.text);
    vt_buf_release(&file);
    sealed_close();
}

static void
test_stops(void **state)
{
    (void)state;
    struct seen s = {.stop_after = 3};
    struct vt_scan_counts c = {.records = 4711};
    struct vt_why why = {0};
    home();
    sealed_begin("detection", 1);
    add(30, 0, 10);
    sealed_segment(10, NULL);
    assert_int_equal(scan(&s, &c, &why), VT_E_IO);
    assert_non_null(strstr(why.text, "enough"));
    assert_int_equal(s.blocks, 3);
    assert_int_equal(c.records, 4711);
    vt_buf_release(&s.text);
    s.stop_after = 0;
    sealed.refuses = true;
    assert_int_equal(scan(&s, &c, &why), VT_E_REFUSED);
    assert_int_equal(s.blocks, 0);
    vt_buf_release(&s.text);
    sealed_close();
}

static void
test_tally(void **state)
{
    (void)state;
    struct vt_tally *t = NULL;
    struct vt_why why = {0};
    uint8_t tag[VT_SUBJECT_SIZE];
    assert_int_equal(vt_tally_new(&t, &why), VT_OK);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 20000; i++) {
            sealed_tag("x", i, tag);
            assert_int_equal(vt_tally_add(t, tag, &why), VT_OK);
            assert_int_equal(vt_tally_add(t, tag, &why), VT_OK);
        }
    assert_int_equal(vt_tally_count(t), 20000);
    /* made to look alike: they differ in one half each */
    memset(tag, 0, sizeof tag);
    for (unsigned i = 0; i < 256; i++) {
        tag[15] = (uint8_t)i;
        assert_int_equal(vt_tally_add(t, tag, &why), VT_OK);
    }
    memset(tag, 0, sizeof tag);
    for (unsigned i = 1; i < 256; i++) {
        tag[0] = (uint8_t)i;
        assert_int_equal(vt_tally_add(t, tag, &why), VT_OK);
    }
    assert_int_equal(vt_tally_count(t), 20000 + 256 + 255);
    vt_tally_free(t);
}

static int
set_up(void **state)
{
    struct vt_why why = {0};
    (void)state;
    return vt_dir_temp("/tmp", "vt-scan", base, &why) == VT_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    return vt_tree_remove(base, NULL) == VT_OK ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_erased),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_exchanged),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_tally),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
