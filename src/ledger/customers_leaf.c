/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/customers_leaf.h"

#include <string.h>

void
vt_customer_name(const uint8_t salt[VT_CUSTOMERS_SALT_SIZE],
    const uint8_t tag[VT_CUSTOMER_TAG_SIZE], struct vt_digest *ret)
{
    static const char label[] = "vitrine/access/v1"; /* with its NUL */
    const struct vt_slice v[] = {
        {label, sizeof label}, {salt, VT_CUSTOMERS_SALT_SIZE}, {tag, VT_CUSTOMER_TAG_SIZE}};

    vt_digest_of_slices(v, 3, ret);
}

int
vt_customer_leaf_cmp(const void *a, const void *b)
{
    const struct vt_customer_leaf *x = a, *y = b;

    return vt_digest_cmp(&x->name, &y->name);
}

static void
put_u64(uint8_t ret[8], uint64_t v)
{
    for (size_t i = 0; i < 8; i++)
        ret[i] = (uint8_t)(v >> (56 - 8 * i));
}

void
vt_customer_leaf_hash(const struct vt_customer_leaf *leaf, struct vt_digest *ret)
{
    uint8_t bytes[VT_CUSTOMER_LEAF_SIZE];

    memcpy(bytes, leaf->name.b, VT_DIGEST_SIZE);
    put_u64(bytes + VT_DIGEST_SIZE, leaf->records);
    vt_merkle_leaf(bytes, sizeof bytes, ret);
}

void
vt_customer_leaf_put(struct vt_buf *b, const struct vt_customer_leaf *leaf)
{
    vt_buf_put(b, leaf->name.b, VT_DIGEST_SIZE);
    vt_buf_put_u64(b, leaf->records);
}

bool
vt_customer_leaf_take(struct vt_reader *r, struct vt_customer_leaf *ret)
{
    const uint8_t *name;

    if (!vt_reader_take(r, VT_DIGEST_SIZE, &name) || !vt_reader_u64(r, &ret->records))
        return false;
    memcpy(ret->name.b, name, VT_DIGEST_SIZE);
    return ret->records >= 1 && ret->records <= INT64_MAX;
}

void
vt_customers_bind(const uint8_t salt[VT_CUSTOMERS_SALT_SIZE], uint64_t size,
    const struct vt_digest *tree, struct vt_digest *ret)
{
    static const char label[] = "vitrine/access-root/v1"; /* with its NUL */
    uint8_t be[8];
    const struct vt_slice v[] = {{label, sizeof label}, {salt, VT_CUSTOMERS_SALT_SIZE},
        {be, sizeof be}, {tree->b, VT_DIGEST_SIZE}};

    put_u64(be, size);
    vt_digest_of_slices(v, 4, ret);
}
