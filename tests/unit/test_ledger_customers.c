/* SPDX-License-Identifier: Apache-2.0 */
/* The customers of a run: their tree, and the receipts that they check. */
#include "ledger/customers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t salt[16] = {1, 2, 3};

static void
tag_of(unsigned i, uint8_t ret[VT_CUSTOMER_TAG_SIZE])
{
    memset(ret, 0, VT_CUSTOMER_TAG_SIZE);
    ret[0] = (uint8_t)(i >> 8);
    ret[1] = (uint8_t)i;
}

static struct vt_customers *
tree_of(unsigned n)
{
    struct vt_customers *c = NULL;
    uint8_t tag[VT_CUSTOMER_TAG_SIZE];
    assert_int_equal(vt_customers_new(salt, &c, NULL), VT_OK);
    /* each twice, so that they are added up: customer i has 3i + 1 records */
    for (unsigned i = 0; i < 2 * n; i++) {
        tag_of(i % n, tag);
        assert_int_equal(
            vt_customers_add(c, tag, i < n ? i % n + 1 : 2 * (uint64_t)(i % n), NULL), VT_OK);
    }
    return c;
}

static enum vt_err
check(const struct vt_buf *b, unsigned customer, uint64_t count, const struct vt_digest *root,
    uint64_t *ret)
{
    uint8_t tag[VT_CUSTOMER_TAG_SIZE];
    struct vt_why why = {{0}};
    tag_of(customer, tag);
    enum vt_err err = vt_access_receipt_check(b->data, b->len, tag, count, root, ret, &why);
    assert_true((err == VT_OK) == (why.text[0] == '\0'));
    return err;
}

static void
receipt(const struct vt_customers *c, unsigned customer, struct vt_buf *b)
{
    uint8_t tag[VT_CUSTOMER_TAG_SIZE];
    tag_of(customer, tag);
    vt_buf_clear(b);
    assert_int_equal(vt_customers_receipt(c, tag, b, NULL), VT_OK);
}

static void
test_all_sizes(void **state)
{
    struct vt_buf b = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    (void)state;
    for (unsigned n = 0; n < 70; n++) {
        struct vt_customers *c = tree_of(n);
        struct vt_digest root;
        uint64_t count, records;
        assert_int_equal(vt_customers_end(c, &count, &root, NULL), VT_OK);
        assert_int_equal(count, n);
        for (unsigned i = 0; i < n + 5; i++) {
            receipt(c, i, &b);
            records = 999;
            assert_int_equal(check(&b, i, count, &root, &records), VT_OK);
            assert_int_equal(records, i < n ? 3 * i + 1 : 0);
        }
        vt_customers_free(c);
    }
    vt_buf_release(&b);
}

/* A receipt says nothing to another customer, of another run, or when it is changed. */
static void
test_receipts_refused(void **state)
{
    struct vt_buf b = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    struct vt_customers *c = tree_of(20), *other = tree_of(21);
    struct vt_digest root, other_root;
    uint64_t count, other_count, records = 77;
    (void)state;
    assert_int_equal(vt_customers_end(c, &count, &root, NULL), VT_OK);
    assert_int_equal(vt_customers_end(other, &other_count, &other_root, NULL), VT_OK);
    receipt(c, 3, &b);
    assert_int_equal(check(&b, 4, count, &root, &records), VT_E_PROOF);
    assert_int_equal(check(&b, 1000, count, &root, &records), VT_E_PROOF);
    assert_int_equal(check(&b, 3, count, &other_root, &records), VT_E_PROOF);
    assert_int_equal(check(&b, 3, count + 1, &root, &records), VT_E_PROOF);
    assert_int_equal(check(&b, 3, 0, &root, &records), VT_E_PROOF);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 1;
        enum vt_err err = check(&b, 3, count, &root, &records);
        assert_true(err == VT_E_PROOF || err == VT_E_SYNTAX);
        b.data[i] ^= 1;
    }
    for (size_t len = 0; len < b.len; len++) {
        struct vt_buf cut = {.data = b.data, .len = len};
        assert_int_equal(check(&cut, 3, count, &root, &records), VT_E_SYNTAX);
    }
    vt_buf_put_u8(&b, 0);
    assert_int_equal(check(&b, 3, count, &root, &records), VT_E_SYNTAX);
    /* absence is no absence of somebody who is there */
    receipt(c, 100, &b);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(check(&b, i, count, &root, &records), VT_E_PROOF);
    assert_int_equal(records, 77);
    vt_customers_free(c);
    vt_customers_free(other);
    vt_buf_release(&b);
}

/* Another salt would give another name, for which absence could be shown. */
static void
test_salt_is_bound(void **state)
{
    static const uint8_t other_salt[16] = {9};
    struct vt_buf b = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    struct vt_customers *c = tree_of(20);
    struct vt_digest root;
    uint64_t count, records;
    (void)state;
    assert_int_equal(vt_customers_end(c, &count, &root, NULL), VT_OK);
    for (unsigned i = 100; i < 140; i++) {
        receipt(c, i, &b);
        memcpy(b.data + 4, other_salt, sizeof other_salt);
        assert_int_equal(check(&b, 3, count, &root, &records), VT_E_PROOF);
    }
    vt_customers_free(c);
    vt_buf_release(&b);
}

static void
test_stored_leaves(void **state)
{
    struct vt_buf b = VT_BUF(1 << 20), r1 = VT_BUF(VT_ACCESS_RECEIPT_MAX),
                  r2 = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    struct vt_customers *c = tree_of(300), *again = NULL;
    struct vt_digest root, root_again;
    struct vt_why why = {{0}};
    uint64_t count;
    (void)state;
    assert_int_equal(vt_customers_put(c, &b, &why), VT_E_STATE);
    assert_int_equal(vt_customers_end(c, &count, &root, NULL), VT_OK);
    assert_int_equal(vt_customers_put(c, &b, NULL), VT_OK);
    assert_int_equal(b.len, 4 + 16 + 8 + 300 * 40);
    assert_int_equal(vt_customers_parse(b.data, b.len, &again, NULL), VT_OK);
    assert_int_equal(vt_customers_count(again), 300);
    vt_customers_root(again, &root_again);
    assert_memory_equal(&root, &root_again, sizeof root);
    receipt(c, 17, &r1);
    receipt(again, 17, &r2);
    assert_int_equal(r1.len, r2.len);
    assert_memory_equal(r1.data, r2.data, r1.len);
    vt_customers_free(again);
    /* cut short, more, and out of order */
    again = NULL;
    assert_int_equal(vt_customers_parse(b.data, b.len - 1, &again, &why), VT_E_SYNTAX);
    assert_int_equal(vt_customers_parse(b.data, b.len - 40, &again, &why), VT_E_SYNTAX);
    assert_int_equal(vt_customers_parse(b.data, 20, &again, &why), VT_E_SYNTAX);
    b.data[20] = 1;
    assert_int_equal(vt_customers_parse(b.data, b.len, &again, &why), VT_E_LIMIT);
    b.data[20] = 0;
    for (size_t i = 0; i < 40; i++) {
        uint8_t first = b.data[28 + i];
        b.data[28 + i] = b.data[68 + i];
        b.data[68 + i] = first;
    }
    assert_int_equal(vt_customers_parse(b.data, b.len, &again, &why), VT_E_SYNTAX);
    assert_null(again);
    vt_customers_free(c);
    vt_buf_release(&b);
    vt_buf_release(&r1);
    vt_buf_release(&r2);
}

static void
test_states_and_limits(void **state)
{
    struct vt_customers *c = NULL;
    struct vt_buf b = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    uint8_t tag[VT_CUSTOMER_TAG_SIZE] = {0};
    struct vt_digest root;
    struct vt_why why = {{0}};
    uint64_t count;
    (void)state;
    assert_int_equal(vt_customers_new(salt, &c, NULL), VT_OK);
    assert_int_equal(vt_customers_receipt(c, tag, &b, &why), VT_E_STATE);
    assert_int_equal(vt_customers_add(c, tag, UINT64_MAX, &why), VT_E_LIMIT);
    assert_int_equal(vt_customers_add(c, tag, 0, &why), VT_OK);
    assert_int_equal(vt_customers_add(c, tag, INT64_MAX, &why), VT_OK);
    assert_int_equal(vt_customers_add(c, tag, 1, &why), VT_OK);
    assert_int_equal(vt_customers_end(c, &count, &root, &why), VT_E_LIMIT);
    vt_customers_free(c);
    c = tree_of(3);
    assert_int_equal(vt_customers_end(c, &count, &root, &why), VT_OK);
    assert_int_equal(vt_customers_add(c, tag, 1, &why), VT_E_STATE);
    assert_int_equal(vt_customers_end(c, &count, &root, &why), VT_OK);
    assert_int_equal(count, 3);
    vt_customers_free(c);
    vt_customers_free(NULL);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sizes),
        cmocka_unit_test(test_receipts_refused),
        cmocka_unit_test(test_salt_is_bound),
        cmocka_unit_test(test_stored_leaves),
        cmocka_unit_test(test_states_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
