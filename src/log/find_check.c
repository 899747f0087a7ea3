/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that was saved, checked without network. Its form follows from what it says: the
 * checkpoint's size and the index's size give the number of entries, the note among them the
 * runs, the runs' records the entries found below. So there is nothing in it that could
 * disagree with something else, and nothing may be left.
 */
#include "log/find.h"

#include "log/find_run.h"

#include <stdlib.h>
#include <string.h>

#define FOUND_MIN (VT_DIGEST_SIZE + sizeof VT_LOG_FOUND_HEAD - 1)

/* An entry that the answer gives. */
struct given {
    uint64_t index;
    struct vt_slice bytes;
};

struct check {
    const struct vt_policy *policy;
    const struct vt_digest *digest;
    struct vt_reader in;
    struct vt_log_find_result result;
    struct vt_index_note note;
    struct vt_slice root_entry; /* the entry of the index root */
    struct vt_find_hits hits;   /* below the index's size */
    struct given *given;
    size_t given_count, given_cap;
};

static enum vt_err
cut_short(struct vt_why *why)
{
    return vt_fail(why, VT_E_SYNTAX, "the answer ends too early");
}

static enum vt_err
give(struct check *c, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    if (c->given_count == c->given_cap) {
        const size_t cap = c->given_cap > 0 ? 2 * c->given_cap : 64;
        struct given *p = reallocarray(c->given, cap, sizeof *p);

        if (p == NULL)
            return vt_fail(why, VT_E_NOMEM, "checking an answer: out of memory");
        c->given = p;
        c->given_cap = cap;
    }
    c->given[c->given_count++] = (struct given){index, {entry, len}};
    return VT_OK;
}

/* So many hashes; they stay in place. */
static bool
take_hashes(struct vt_reader *r, size_t n, struct vt_digest *ret)
{
    const uint8_t *p;

    if (!vt_reader_take(r, n * VT_DIGEST_SIZE, &p))
        return false;
    if (n > 0)
        memcpy(ret, p, n * VT_DIGEST_SIZE);
    return true;
}

/* --- The head. ------------------------------------------------------------------------- */

static enum vt_err
check_seal(struct check *c, const void *data, size_t len, struct vt_why *why)
{
    struct vt_digest seal;

    if (len > VT_LOG_FOUND_MAX)
        return vt_fail(why, VT_E_LIMIT, "an answer has at most %u bytes", VT_LOG_FOUND_MAX);
    c->in = VT_READER(data, len);
    if (len < FOUND_MIN || !vt_reader_skip(&c->in, VT_LOG_FOUND_HEAD))
        return vt_fail(why, VT_E_SYNTAX, "it is not a file that `log find --save` writes");
    c->in.left -= VT_DIGEST_SIZE;
    vt_digest_of(data, len - VT_DIGEST_SIZE, &seal);
    if (memcmp(seal.b, c->in.p + c->in.left, VT_DIGEST_SIZE) != 0)
        return vt_fail(why, VT_E_DIGEST, "the answer is damaged");
    return VT_OK;
}

static enum vt_err
take_head(struct check *c, struct vt_why *why)
{
    struct vt_log_find_result *res = &c->result;
    const uint8_t *digest, *note;
    uint32_t len;
    char hex[VT_DIGEST_HEX_SIZE];

    if (!vt_reader_take(&c->in, VT_DIGEST_SIZE, &digest) || !vt_reader_u32(&c->in, &len) ||
        !vt_reader_take(&c->in, len, &note) || !vt_reader_u64(&c->in, &res->index_size) ||
        !vt_reader_u64(&c->in, &res->index_entry))
        return cut_short(why);
    if (memcmp(digest, c->digest->b, VT_DIGEST_SIZE) != 0) {
        vt_hex_encode(digest, VT_DIGEST_SIZE, hex);
        return vt_fail(why, VT_E_DIGEST, "it answers another question: sha256:%s", hex);
    }
    enum vt_err err =
        vt_policy_check_checkpoint(c->policy, note, len, &res->checkpoint, &res->time, why);
    if (err != VT_OK)
        return err;
    const bool has_root = res->index_size > 0;
    if (res->index_size % VT_INDEX_BLOCK != 0 || res->index_size > res->checkpoint.size ||
        (has_root &&
            (res->index_entry < res->index_size || res->index_entry >= res->checkpoint.size)) ||
        (!has_root && res->index_entry != 0))
        return vt_fail(
            why, VT_E_SYNTAX, "the index root that the answer names cannot be in the log");
    return VT_OK;
}

/* --- The log's entries from the index's size on. --------------------------------------- */

static enum vt_err
take_tail(struct check *c, struct vt_frontier *f, struct vt_why *why)
{
    const struct vt_log_find_result *res = &c->result;
    enum vt_err err = VT_OK;

    for (uint64_t i = res->index_size; i < res->checkpoint.size && err == VT_OK; i++) {
        struct vt_digest leaf;
        const uint8_t *entry;
        uint16_t len;

        if (!vt_reader_u16(&c->in, &len) || !vt_reader_take(&c->in, len, &entry))
            return cut_short(why);
        vt_merkle_leaf(entry, len, &leaf);
        vt_frontier_append(f, &leaf);
        if (res->index_size > 0 && i == res->index_entry)
            c->root_entry = (struct vt_slice){entry, len};
        if (vt_index_has_key(entry, len, c->digest))
            err = give(c, i, entry, len, why);
    }
    return err;
}

/* Reads the entries, and finds the index's root among them. */
static enum vt_err
check_tail(struct check *c, struct vt_why *why)
{
    const struct vt_checkpoint *cp = &c->result.checkpoint;
    const uint64_t size = c->result.index_size;
    struct vt_digest left[64], at_size, root;
    struct vt_frontier f;

    if (!take_hashes(&c->in, vt_range_left(size), left))
        return cut_short(why);
    vt_range_begin(&f, size, left);
    vt_frontier_root(&f, &at_size);
    enum vt_err err = take_tail(c, &f, why);
    if (err != VT_OK)
        return err;
    vt_frontier_root(&f, &root);
    if (!vt_digest_eq(&root, &cp->root))
        return vt_fail(why, VT_E_PROOF, "the answer's entries are not those of its checkpoint");
    if (size == 0)
        return VT_OK;
    err = vt_index_note_open(c->policy, cp->origin, c->result.index_entry, c->root_entry.data,
        c->root_entry.len, &c->note, why);
    if (err == VT_OK && (c->note.size != size || !vt_digest_eq(&c->note.root, &at_size)))
        err = vt_fail(why, VT_E_PROOF,
            "entry %llu is not an index root of the log's first %llu entries",
            (unsigned long long)c->result.index_entry, (unsigned long long)size);
    return err;
}

/* --- Below. ---------------------------------------------------------------------------- */

static enum vt_err
check_run(struct check *c, const struct vt_index_run *run, struct vt_why *why)
{
    const uint64_t pages = vt_index_pages(run->count);
    struct vt_digest hash[VT_RANGE_MAX];
    struct vt_find_pages p;
    struct vt_reader at;
    const uint8_t *page;
    uint32_t first, n;
    enum vt_err err = VT_OK;

    if (!vt_reader_u32(&c->in, &first) || !vt_reader_u32(&c->in, &n))
        return cut_short(why);
    if (n == 0 || first >= pages || n > pages - first)
        return vt_fail(why, VT_E_SYNTAX, "the answer has pages that run %u %llu has not",
            run->k, (unsigned long long)run->j);
    /* the hashes stand after the pages */
    at = c->in;
    for (uint64_t i = first; i < (uint64_t)first + n; i++) {
        if (!vt_reader_take(&c->in, vt_find_page_records(run, i) * VT_INDEX_RECORD, &page))
            return cut_short(why);
    }
    const size_t left = vt_range_left(first);
    if (!take_hashes(&c->in, left + vt_range_right((uint64_t)first + n, pages), hash))
        return cut_short(why);
    vt_find_pages_begin(&p, run, c->digest, first, hash);
    for (uint64_t i = first; i < (uint64_t)first + n && err == VT_OK; i++) {
        if (!vt_reader_take(&at, vt_find_page_records(run, i) * VT_INDEX_RECORD, &page))
            return cut_short(why);
        err = vt_find_pages_add(&p, page, &c->hits, why);
    }
    return err == VT_OK ? vt_find_pages_end(&p, hash + left, why) : err;
}

/* The entry of one hit: in the tree, and about the digest. */
static enum vt_err
check_hit(struct check *c, uint64_t index, struct vt_why *why)
{
    const struct vt_checkpoint *cp = &c->result.checkpoint;
    struct vt_proof path = {0};
    struct vt_digest leaf;
    const uint8_t *entry;
    uint16_t len;
    uint8_t n;

    if (!vt_reader_u16(&c->in, &len) || !vt_reader_take(&c->in, len, &entry) ||
        !vt_reader_u8(&c->in, &n))
        return cut_short(why);
    if (n > VT_PROOF_MAX || !take_hashes(&c->in, n, path.hash))
        return cut_short(why);
    path.len = n;
    vt_merkle_leaf(entry, len, &leaf);
    enum vt_err err = vt_merkle_check_inclusion(index, cp->size, &leaf, &path, &cp->root, why);
    if (err == VT_OK && !vt_index_has_key(entry, len, c->digest))
        err = vt_fail(why, VT_E_PROOF,
            "the log's index says that entry %llu speaks of the digest, which it does not: the "
            "index root of entry %llu is false",
            (unsigned long long)index, (unsigned long long)c->result.index_entry);
    return err == VT_OK ? give(c, index, entry, len, why) : err;
}

static enum vt_err
check_below(struct check *c, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < c->note.run_count && err == VT_OK; i++)
        err = check_run(c, &c->note.run[i], why);
    for (size_t i = 0; i < c->hits.count && err == VT_OK; i++)
        err = check_hit(c, c->hits.index[i], why);
    if (err == VT_OK && c->in.left != 0)
        err = vt_fail(why, VT_E_SYNTAX, "the answer goes on after its end");
    return err;
}

/* Those below the index's size were given after the others. */
static enum vt_err
tell(const struct check *c, size_t after, vt_log_find_fn *fn, void *ctx, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < c->given_count && err == VT_OK; i++) {
        const struct given *g = &c->given[(i + after) % c->given_count];

        err = fn(ctx, g->index, g->bytes.data, g->bytes.len, why);
    }
    return err;
}

enum vt_err
vt_log_find_check(const struct vt_policy *policy, const void *data, size_t len,
    const struct vt_digest *digest, vt_log_find_fn *fn, void *ctx,
    struct vt_log_find_result *ret, struct vt_why *why)
{
    struct check c = {.policy = policy, .digest = digest};
    size_t after = 0;
    enum vt_err err = check_seal(&c, data, len, why);

    if (err == VT_OK)
        err = take_head(&c, why);
    if (err == VT_OK)
        err = check_tail(&c, why);
    after = c.given_count;
    if (err == VT_OK)
        err = check_below(&c, why);
    c.result.found = c.given_count;
    if (err == VT_OK)
        err = tell(&c, after, fn, ctx, why);
    if (err == VT_OK)
        *ret = c.result;
    vt_find_hits_release(&c.hits);
    free(c.given);
    return err;
}
