/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The customers whose data a run touched. Leaves are gathered unsorted, and added up when
 * they are sorted; the tree's nodes are hashed again for each receipt, since
 * receipts are few and leaves may be many.
 */
#include "ledger/customers_leaf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_LEAVES "VTA2"

struct vt_customers {
    uint8_t salt[VT_CUSTOMERS_SALT_SIZE];
    bool ended;
    size_t count;
    size_t room;
    struct vt_customer_leaf *leaf;
    struct vt_digest tree; /* its root as such, and as the run's document has it */
    struct vt_digest root;
};

enum vt_err
vt_customers_new(const uint8_t salt[16], struct vt_customers **ret, struct vt_why *why)
{
    struct vt_customers *c = calloc(1, sizeof *c);

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the customers of a run");
    memcpy(c->salt, salt, VT_CUSTOMERS_SALT_SIZE);
    *ret = c;
    return VT_OK;
}

void
vt_customers_free(struct vt_customers *c)
{
    if (c == NULL)
        return;
    free(c->leaf);
    free(c);
}

/* Sorts, and makes one leaf of those of one customer. VT_E_LIMIT. */
static enum vt_err
fold(struct vt_customers *c, struct vt_why *why)
{
    size_t n = 0;

    if (c->count > 1)
        qsort(c->leaf, c->count, sizeof c->leaf[0], vt_customer_leaf_cmp);
    for (size_t i = 0; i < c->count; i++) {
        if (n == 0 || vt_customer_leaf_cmp(&c->leaf[n - 1], &c->leaf[i]) != 0) {
            c->leaf[n++] = c->leaf[i];
            continue;
        }
        if (c->leaf[i].records > INT64_MAX - c->leaf[n - 1].records)
            return vt_fail(why, VT_E_LIMIT, "a customer has too many records");
        c->leaf[n - 1].records += c->leaf[i].records;
    }
    c->count = n;
    return VT_OK;
}

/* Adds up before it grows: most of what is added is of customers that are there. */
static enum vt_err
make_room(struct vt_customers *c, struct vt_why *why)
{
    struct vt_customer_leaf *leaf = NULL;
    size_t room = c->room == 0 ? 64 : 2 * c->room;
    enum vt_err err;

    if (c->count < c->room)
        return VT_OK;
    err = fold(c, why);
    if (err != VT_OK || c->count < c->room / 2)
        return err;
    if (c->count > VT_CUSTOMERS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a run touches more than %u customers", VT_CUSTOMERS_MAX);
    leaf = reallocarray(c->leaf, room, sizeof *leaf);
    if (leaf == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the customers of a run");
    c->leaf = leaf;
    c->room = room;
    return VT_OK;
}

static enum vt_err
push(struct vt_customers *c, const struct vt_customer_leaf *leaf, struct vt_why *why)
{
    enum vt_err err = make_room(c, why);

    if (err == VT_OK)
        c->leaf[c->count++] = *leaf;
    return err;
}

enum vt_err
vt_customers_add(struct vt_customers *c, const uint8_t tag[VT_CUSTOMER_TAG_SIZE],
    uint64_t records, struct vt_why *why)
{
    struct vt_customer_leaf leaf = {.records = records};

    if (c->ended)
        return vt_fail(why, VT_E_STATE, "the run's customers are counted already");
    if (records > INT64_MAX)
        return vt_fail(why, VT_E_LIMIT, "a customer has too many records");
    if (records == 0)
        return VT_OK;
    vt_customer_name(c->salt, tag, &leaf.name);
    return push(c, &leaf, why);
}

/* ---- the tree ---- */

/* The root of `n` leaves from the first on. */
static void
subtree(const struct vt_customer_leaf *leaf, size_t n, struct vt_digest *ret)
{
    struct vt_frontier f;
    struct vt_digest hash;

    vt_frontier_init(&f);
    for (size_t i = 0; i < n; i++) {
        vt_customer_leaf_hash(&leaf[i], &hash);
        vt_frontier_append(&f, &hash);
    }
    vt_frontier_root(&f, ret);
}

static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const struct vt_customers *c = ctx;

    (void)why;
    subtree(&c->leaf[index << level], (size_t)1 << level, ret);
    return VT_OK;
}

static void
end(struct vt_customers *c)
{
    subtree(c->leaf, c->count, &c->tree);
    vt_customers_bind(c->salt, c->count, &c->tree, &c->root);
    c->ended = true;
}

enum vt_err
vt_customers_end(
    struct vt_customers *c, uint64_t *ret_count, struct vt_digest *ret_root, struct vt_why *why)
{
    if (!c->ended) {
        enum vt_err err = fold(c, why);
        if (err != VT_OK)
            return err;
        if (c->count > VT_CUSTOMERS_MAX)
            return vt_fail(
                why, VT_E_LIMIT, "a run touches more than %u customers", VT_CUSTOMERS_MAX);
        end(c);
    }
    *ret_count = c->count;
    *ret_root = c->root;
    return VT_OK;
}

uint64_t
vt_customers_count(const struct vt_customers *c)
{
    return c->count;
}

void
vt_customers_root(const struct vt_customers *c, struct vt_digest *ret)
{
    *ret = c->root;
}

/* ---- all leaves ---- */

enum vt_err
vt_customers_put(const struct vt_customers *c, struct vt_buf *b, struct vt_why *why)
{
    if (!c->ended)
        return vt_fail(why, VT_E_STATE, "the run's customers are not counted yet");
    vt_buf_puts(b, MAGIC_LEAVES);
    vt_buf_put(b, c->salt, VT_CUSTOMERS_SALT_SIZE);
    vt_buf_put_u64(b, c->count);
    for (size_t i = 0; i < c->count; i++)
        vt_customer_leaf_put(b, &c->leaf[i]);
    return vt_buf_check(b, "the customers of a run", why);
}

static enum vt_err
parse_leaves(struct vt_reader *r, struct vt_customers *c, struct vt_why *why)
{
    while (r->left > 0) {
        struct vt_customer_leaf leaf;
        if (!vt_customer_leaf_take(r, &leaf))
            return vt_fail(why, VT_E_SYNTAX, "customer %zu is cut short", c->count + 1);
        if (c->count > 0 && vt_customer_leaf_cmp(&c->leaf[c->count - 1], &leaf) >= 0)
            return vt_fail(why, VT_E_SYNTAX, "customer %zu is out of order", c->count + 1);
        enum vt_err err = push(c, &leaf, why);
        if (err != VT_OK)
            return err;
    }
    return VT_OK;
}

enum vt_err
vt_customers_parse(const void *data, size_t len, struct vt_customers **ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_customers *c = NULL;
    const uint8_t *salt;
    uint64_t count;

    if (!vt_reader_skip(&r, MAGIC_LEAVES) ||
        !vt_reader_take(&r, VT_CUSTOMERS_SALT_SIZE, &salt) || !vt_reader_u64(&r, &count))
        return vt_fail(why, VT_E_SYNTAX, "these are not the customers of a run");
    if (count > VT_CUSTOMERS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a run touches more than %u customers", VT_CUSTOMERS_MAX);
    if (r.left != count * VT_CUSTOMER_LEAF_SIZE)
        return vt_fail(
            why, VT_E_SYNTAX, "the customers of a run are cut short, or more follows");
    enum vt_err err = vt_customers_new(salt, &c, why);
    if (err == VT_OK)
        err = parse_leaves(&r, c, why);
    if (err != VT_OK)
        goto out;
    end(c);
    *ret = c;
    c = NULL; /* moved */
out:
    vt_customers_free(c);
    return err;
}

/* ---- receipts ---- */

/* The number of leaves before that name; *ret_there: whether the next one is it. */
static size_t
find(const struct vt_customers *c, const struct vt_digest *name, bool *ret_there)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (vt_digest_cmp(&c->leaf[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_there = low < c->count && vt_digest_eq(&c->leaf[low].name, name);
    return low;
}

static enum vt_err
put_proven(const struct vt_customers *c, size_t i, struct vt_buf *b, struct vt_why *why)
{
    /* The source only reads; its context has no const. */
    struct vt_customers view = *c;
    const struct vt_hash_source src = {get_hash, &view};
    struct vt_proof path;
    enum vt_err err = vt_merkle_prove_inclusion(&src, i, c->count, &path, why);

    if (err != VT_OK)
        return err;
    vt_buf_put_u64(b, i);
    vt_customer_leaf_put(b, &c->leaf[i]);
    vt_buf_put_u8(b, (uint8_t)path.len);
    for (size_t j = 0; j < path.len; j++)
        vt_buf_put(b, path.hash[j].b, VT_DIGEST_SIZE);
    return VT_OK;
}

enum vt_err
vt_customers_receipt(const struct vt_customers *c, const uint8_t tag[VT_CUSTOMER_TAG_SIZE],
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf whole = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    enum vt_err err = VT_OK;
    struct vt_digest name;
    size_t from, until;
    bool is_there;

    if (!c->ended)
        return vt_fail(why, VT_E_STATE, "the run's customers are not counted yet");
    vt_customer_name(c->salt, tag, &name);
    from = find(c, &name, &is_there);
    until = from < c->count ? from + 1 : from;
    if (!is_there && from > 0)
        from--;
    vt_buf_puts(&whole, VT_ACCESS_RECEIPT_MAGIC);
    vt_buf_put(&whole, c->salt, VT_CUSTOMERS_SALT_SIZE);
    vt_buf_put_u64(&whole, c->count);
    vt_buf_put(&whole, c->tree.b, VT_DIGEST_SIZE);
    vt_buf_put_u8(&whole, (uint8_t)(until - from));
    for (size_t i = from; err == VT_OK && i < until; i++)
        err = put_proven(c, i, &whole, why);
    if (err == VT_OK)
        err = vt_buf_check(&whole, "a receipt", why);
    if (err == VT_OK) {
        vt_buf_put(b, whole.data, whole.len);
        err = vt_buf_check(b, "a receipt", why);
    }
    vt_buf_release(&whole);
    return err;
}
