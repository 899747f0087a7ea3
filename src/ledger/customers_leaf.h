/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves of the tree of a run's customers, as both the site that makes receipts and
 * the customer who checks one need them. For this module only. No I/O.
 */
#ifndef VT_LEDGER_CUSTOMERS_LEAF_H
#define VT_LEDGER_CUSTOMERS_LEAF_H

#include "ledger/customers.h"
#include "merkle/tree.h"

#define VT_ACCESS_RECEIPT_MAGIC "VTA1"
#define VT_CUSTOMERS_SALT_SIZE 16
#define VT_CUSTOMER_LEAF_SIZE 40

struct vt_customer_leaf {
    struct vt_digest name;
    uint64_t records;
};

void vt_customer_name(const uint8_t salt[VT_CUSTOMERS_SALT_SIZE],
    const uint8_t tag[VT_CUSTOMER_TAG_SIZE], struct vt_digest *ret);
/* By name. */
int vt_customer_leaf_cmp(const void *a, const void *b);
/* Its hash in the tree. */
void vt_customer_leaf_hash(const struct vt_customer_leaf *leaf, struct vt_digest *ret);
/* As it is hashed and stored. */
void vt_customer_leaf_put(struct vt_buf *b, const struct vt_customer_leaf *leaf);
/* false: cut short, or a number of records that cannot be. */
VT_MUST bool vt_customer_leaf_take(struct vt_reader *r, struct vt_customer_leaf *ret);

/* What the run's document has: the tree's root bound to salt and size, so that neither
 * can be another in a receipt. */
void vt_customers_bind(const uint8_t salt[VT_CUSTOMERS_SALT_SIZE], uint64_t size,
    const struct vt_digest *tree, struct vt_digest *ret);

#endif
