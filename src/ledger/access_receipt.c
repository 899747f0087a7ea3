/* SPDX-License-Identifier: Apache-2.0 */
/* What a customer checks: that a run read its records, and how many, or none. */
#include "ledger/customers_leaf.h"

#include <string.h>

#define LEAVES_MAX 2

struct proven {
    uint64_t index;
    struct vt_customer_leaf leaf;
    struct vt_proof path;
};

struct receipt {
    uint8_t salt[VT_CUSTOMERS_SALT_SIZE];
    uint64_t size;
    struct vt_digest tree;
    uint8_t count;
    struct proven proven[LEAVES_MAX];
};

static bool
take_path(struct vt_reader *r, struct vt_proof *ret)
{
    const uint8_t *hash;
    uint8_t len;

    if (!vt_reader_u8(r, &len) || len > VT_PROOF_MAX)
        return false;
    for (ret->len = 0; ret->len < len; ret->len++) {
        if (!vt_reader_take(r, VT_DIGEST_SIZE, &hash))
            return false;
        memcpy(ret->hash[ret->len].b, hash, VT_DIGEST_SIZE);
    }
    return true;
}

static enum vt_err
parse(const void *data, size_t len, struct receipt *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    const uint8_t *salt, *tree;

    if (!vt_reader_skip(&r, VT_ACCESS_RECEIPT_MAGIC) ||
        !vt_reader_take(&r, VT_CUSTOMERS_SALT_SIZE, &salt) || !vt_reader_u64(&r, &ret->size) ||
        !vt_reader_take(&r, VT_DIGEST_SIZE, &tree) || !vt_reader_u8(&r, &ret->count) ||
        ret->count > LEAVES_MAX)
        return vt_fail(why, VT_E_SYNTAX, "this is no receipt of a run");
    memcpy(ret->salt, salt, VT_CUSTOMERS_SALT_SIZE);
    memcpy(ret->tree.b, tree, VT_DIGEST_SIZE);
    for (uint8_t i = 0; i < ret->count; i++) {
        struct proven *p = &ret->proven[i];
        if (!vt_reader_u64(&r, &p->index) || !vt_customer_leaf_take(&r, &p->leaf) ||
            !take_path(&r, &p->path))
            return vt_fail(why, VT_E_SYNTAX, "the receipt is cut short");
    }
    if (r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "%zu bytes follow the receipt", r.left);
    return VT_OK;
}

/* The leaves are in the tree whose root the run's document has. */
static enum vt_err
check_proofs(
    const struct receipt *c, uint64_t count, const struct vt_digest *root, struct vt_why *why)
{
    struct vt_digest bound, hash;
    enum vt_err err = VT_OK;

    vt_customers_bind(c->salt, c->size, &c->tree, &bound);
    if (c->size != count || !vt_digest_eq(&bound, root))
        return vt_fail(
            why, VT_E_PROOF, "the receipt is of another run than the document that is named");
    for (uint8_t i = 0; err == VT_OK && i < c->count; i++) {
        const struct proven *p = &c->proven[i];
        vt_customer_leaf_hash(&p->leaf, &hash);
        err = vt_merkle_check_inclusion(p->index, c->size, &hash, &p->path, &c->tree, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "the receipt");
    }
    return err;
}

/* Whether the name would have to stand between the leaves, or before or after all of them. */
static bool
shows_absence(const struct receipt *c, const struct vt_digest *name)
{
    const struct proven *first = &c->proven[0];
    const struct proven *last = c->count == 2 ? &c->proven[1] : first;

    if (c->count == 2)
        return last->index == first->index + 1 && vt_digest_cmp(&first->leaf.name, name) < 0 &&
               vt_digest_cmp(name, &last->leaf.name) < 0;
    if (first->index == 0 && vt_digest_cmp(name, &first->leaf.name) < 0)
        return true;
    return first->index == c->size - 1 && vt_digest_cmp(&first->leaf.name, name) < 0;
}

enum vt_err
vt_access_receipt_check(const void *data, size_t len, const uint8_t tag[VT_CUSTOMER_TAG_SIZE],
    uint64_t count, const struct vt_digest *root, uint64_t *ret_records, struct vt_why *why)
{
    struct receipt c = {.count = 0};
    struct vt_digest name;

    enum vt_err err = parse(data, len, &c, why);
    if (err != VT_OK)
        return err;
    if (count == 0) {
        if (c.size != 0 || c.count != 0)
            return vt_fail(why, VT_E_PROOF,
                "the run touched no customers; the receipt is of "
                "another run");
        *ret_records = 0;
        return VT_OK;
    }
    err = check_proofs(&c, count, root, why);
    if (err != VT_OK)
        return err;
    vt_customer_name(c.salt, tag, &name);
    if (c.count == 1 && vt_digest_eq(&c.proven[0].leaf.name, &name)) {
        *ret_records = c.proven[0].leaf.records;
        return VT_OK;
    }
    if (c.count == 0 || !shows_absence(&c, &name))
        return vt_fail(why, VT_E_PROOF,
            "the receipt says nothing of this customer: is it another customer's?");
    *ret_records = 0;
    return VT_OK;
}
