/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read of customers' trees: stored leaves are written as they were read, and a
 * receipt of chance shows nothing but what the tree of this target holds.
 */
#include "ledger/customers.h"

#include "must.h"

static void
tag_of(uint8_t i, uint8_t ret[VT_CUSTOMER_TAG_SIZE])
{
    memset(ret, 0, VT_CUSTOMER_TAG_SIZE);
    ret[0] = i;
}

/* Customers 0 to 9 with one to ten records. */
static struct vt_customers *
the_tree(uint64_t *ret_count, struct vt_digest *ret_root)
{
    static const uint8_t salt[16] = {5};
    struct vt_customers *c = NULL;
    uint8_t tag[VT_CUSTOMER_TAG_SIZE];

    must(vt_customers_new(salt, &c, NULL) == VT_OK);
    for (uint8_t i = 0; i < 10; i++) {
        tag_of(i, tag);
        must(vt_customers_add(c, tag, i + 1U, NULL) == VT_OK);
    }
    must(vt_customers_end(c, ret_count, ret_root, NULL) == VT_OK);
    return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vt_customers *tree;
    static struct vt_digest root;
    static uint64_t count;
    struct vt_customers *c = NULL;
    struct vt_buf b = VT_BUF(64U << 20);
    uint8_t tag[VT_CUSTOMER_TAG_SIZE];

    if (tree == NULL)
        tree = the_tree(&count, &root);
    for (uint8_t i = 0; i < 12; i++) {
        struct vt_why why = {0};
        uint64_t records = 0;
        tag_of(i, tag);
        enum vt_err err =
            vt_access_receipt_check(data, size, tag, count, &root, &records, &why);
        must_say(err, &why);
        must(err != VT_OK || records == (i < 10 ? i + 1U : 0));
    }
    struct vt_why why = {0};
    enum vt_err err = vt_customers_parse(data, size, &c, &why);
    must_say(err, &why);
    if (err == VT_OK) {
        must(vt_customers_put(c, &b, NULL) == VT_OK);
        must_be(&b, data, size);
    }
    vt_customers_free(c);
    return 0;
}
