/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The customers whose data a run touched: a Merkle tree (RFC 6962) whose root and
 * size stand in the run's document, so that each customer can check offline that the
 * run read its data, and how many records of it, or that it did not. The document
 * itself says nothing of who they are. docs/formats/access-receipt.md.
 *
 *     leaf: SHA-256("vitrine/access/v1" || 0 || salt || tag) || u64 records
 *
 * salt: 16 random bytes of the run, tag: the customer's 16 bytes. Leaves are sorted by
 * their first 32 bytes, none twice. The root that the document has is
 * SHA-256("vitrine/access-root/v1" || 0 || salt || u64 size || root of the tree), so that a
 * receipt cannot have another salt. A receipt is what one customer is given:
 *
 *     u8[4] "VTA1", u8[16] salt, u64 size, u8[32] root of the tree, u8 leaves, then for
 *     each leaf: u64 index, u8[32] name, u64 records, u8 n, n hashes of its path
 *
 * One leaf of the customer's own name: touched. Otherwise not touched, shown by the
 * two neighbours between which its name would stand (one at either end of the tree, none in
 * an empty tree). That proof of absence rests on the order of the leaves, which
 * whoever is given all of them can check (an auditor); a receipt alone cannot. Big endian.
 * No I/O.
 */
#ifndef VT_LEDGER_CUSTOMERS_H
#define VT_LEDGER_CUSTOMERS_H

#include "crypto/digest.h"

#define VT_CUSTOMER_TAG_SIZE 16
#define VT_CUSTOMERS_MAX 1000000U
#define VT_ACCESS_RECEIPT_MAX 8192U

struct vt_customers;

/* A new tree without leaves. */
VT_MUST enum vt_err vt_customers_new(
    const uint8_t salt[16], struct vt_customers **ret, struct vt_why *why);
void vt_customers_free(struct vt_customers *c);
/* Counts records of a customer; the same customer again: they are added up. VT_E_LIMIT
 * beyond VT_CUSTOMERS_MAX or 2^63 records, VT_E_STATE after vt_customers_end. */
VT_MUST enum vt_err vt_customers_add(struct vt_customers *c,
    const uint8_t tag[VT_CUSTOMER_TAG_SIZE], uint64_t records, struct vt_why *why);
/* Sorts and hashes; nothing can be added after it. */
VT_MUST enum vt_err vt_customers_end(struct vt_customers *c, uint64_t *ret_count,
    struct vt_digest *ret_root, struct vt_why *why);
/* Appends the receipt of that customer, of either kind. VT_E_STATE before vt_customers_end. */
VT_MUST enum vt_err vt_customers_receipt(const struct vt_customers *c,
    const uint8_t tag[VT_CUSTOMER_TAG_SIZE], struct vt_buf *b, struct vt_why *why);
/* Appends the salt and all leaves in order (u8[4] "VTA2", salt, u64 size, leaves of 40
 * bytes): what the site keeps to make receipts of later. */
VT_MUST enum vt_err vt_customers_put(
    const struct vt_customers *c, struct vt_buf *b, struct vt_why *why);
/* Reads that again, ended. VT_E_SYNTAX, also when leaves are out of order; VT_E_LIMIT. */
VT_MUST enum vt_err vt_customers_parse(
    const void *data, size_t len, struct vt_customers **ret, struct vt_why *why);
/* Of an ended tree. */
uint64_t vt_customers_count(const struct vt_customers *c);
void vt_customers_root(const struct vt_customers *c, struct vt_digest *ret);

/* What a customer learns: whether the run whose document has `count` and `root` read
 * records of `tag`, and how many (0: none). count 0: root is disregarded. VT_E_SYNTAX;
 * VT_E_PROOF: the receipt is of another run or customer, or proves nothing. */
VT_MUST enum vt_err vt_access_receipt_check(const void *data, size_t len,
    const uint8_t tag[VT_CUSTOMER_TAG_SIZE], uint64_t count, const struct vt_digest *root,
    uint64_t *ret_records, struct vt_why *why);

#endif
