/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a log. The parts of the file that --save writes are gathered on the way: what is
 * written is what was checked.
 */
#include "log/find.h"

#include "base/progress.h"
#include "log/find_run.h"

#include <string.h>

#define LATEST_MAX 4096U

struct find {
    struct vt_log_reader *reader;
    const struct vt_digest *digest;
    struct vt_progress *progress;
    vt_log_find_fn *fn;
    void *ctx;
    struct vt_fetch *fetch; /* for what is below index/ */
    struct vt_log_find_result result;
    struct vt_index_note note; /* of the root that is used; size 0: none */
    /* what is to be saved */
    bool save;
    struct vt_buf head, tail, runs, entries;
};

static void
release(struct find *f)
{
    vt_fetch_free(f->fetch);
    vt_buf_release(&f->head);
    vt_buf_release(&f->tail);
    vt_buf_release(&f->runs);
    vt_buf_release(&f->entries);
}

/* --- Which root. ----------------------------------------------------------------------- */

/* The newest root's entry that the log names and the checkpoint covers. */
static enum vt_err
read_latest(struct find *f, bool *ret_there, uint64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(LATEST_MAX);
    enum vt_err err = vt_fetch_get(f->fetch, "index/latest", &b, why);
    struct vt_reader r = VT_READER(b.data, b.len), line;

    *ret_there = false;
    while (err == VT_OK && !*ret_there && vt_reader_line(&r, &line)) {
        if (!vt_reader_decimal(&line, INT64_MAX, ret))
            err = vt_fail(why, VT_E_SYNTAX, "index/latest: a line of it is no number");
        else
            *ret_there = *ret < f->result.checkpoint.size;
    }
    vt_buf_release(&b);
    if (err == VT_E_NOENT) {
        vt_why_clear(why);
        return VT_OK;
    }
    return err;
}

/* Whether the note's root is that of the log's first entries. */
static enum vt_err
check_log_root(struct find *f, struct vt_why *why)
{
    const struct vt_checkpoint *cp = &f->result.checkpoint;
    struct vt_proof proof;
    enum vt_err err = vt_log_reader_consistency(f->reader, f->note.size, &proof, why);

    if (err != VT_OK)
        return err;
    err = vt_merkle_check_consistency(
        f->note.size, cp->size, &f->note.root, &cp->root, &proof, why);
    return err == VT_OK ? VT_OK
                        : vt_fail_in(why, err, "the log's index, entry %llu",
                              (unsigned long long)f->result.index_entry);
}

static enum vt_err
choose_root(struct find *f, const char *where, struct vt_why *why)
{
    const struct vt_policy *policy = vt_log_reader_policy(f->reader);
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX);
    struct vt_index_note note;
    uint64_t index = 0;
    bool there = false;
    enum vt_err err = vt_fetch_new(where, &f->fetch, why);

    if (err == VT_OK)
        err = read_latest(f, &there, &index, why);
    if (err == VT_OK && there)
        err = vt_log_reader_entry(f->reader, index, &entry, why);
    if (err == VT_OK && there)
        err = vt_index_note_open(
            policy, f->result.checkpoint.origin, index, entry.data, entry.len, &note, why);
    vt_buf_release(&entry);
    if (err != VT_OK || !there)
        return err;
    f->note = note;
    f->result.index_size = note.size;
    f->result.index_entry = index;
    return check_log_root(f, why);
}

/* --- What is saved. -------------------------------------------------------------------- */

static enum vt_err
begin_save(struct find *f, struct vt_why *why)
{
    const uint64_t size = f->note.size;
    struct vt_digest left[VT_PROOF_MAX];
    struct vt_proof path;
    size_t len;
    const void *note = vt_log_reader_note(f->reader, &len);
    enum vt_err err = VT_OK;

    vt_buf_puts(&f->head, VT_LOG_FOUND_HEAD);
    vt_buf_put(&f->head, f->digest->b, VT_DIGEST_SIZE);
    vt_buf_put_u32(&f->head, (uint32_t)len);
    vt_buf_put(&f->head, note, len);
    vt_buf_put_u64(&f->head, size);
    vt_buf_put_u64(&f->head, f->result.index_entry);
    if (size > 0)
        err = vt_log_reader_inclusion(f->reader, size, &path, why);
    if (err != VT_OK || size == 0)
        return err;
    const size_t n = vt_range_left_of(size, f->result.checkpoint.size, &path, left);
    for (size_t i = 0; i < n; i++)
        vt_buf_put(&f->head, left[i].b, VT_DIGEST_SIZE);
    return vt_buf_check(&f->head, "the answer", why);
}

static enum vt_err
save_entry(struct find *f, uint64_t index, const struct vt_buf *entry, struct vt_why *why)
{
    struct vt_proof path;
    enum vt_err err = vt_log_reader_inclusion(f->reader, index, &path, why);

    if (err != VT_OK)
        return err;
    vt_buf_put_u16(&f->entries, (uint16_t)entry->len);
    vt_buf_put(&f->entries, entry->data, entry->len);
    vt_buf_put_u8(&f->entries, (uint8_t)path.len);
    for (size_t i = 0; i < path.len; i++)
        vt_buf_put(&f->entries, path.hash[i].b, VT_DIGEST_SIZE);
    return vt_buf_check(&f->entries, "the answer's entries", why);
}

static enum vt_err
end_save(struct find *f, struct vt_buf *ret, struct vt_why *why)
{
    const size_t len = f->head.len + f->tail.len + f->runs.len + f->entries.len;
    struct vt_digest seal;

    if (len + VT_DIGEST_SIZE > VT_LOG_FOUND_MAX)
        return vt_fail(why, VT_E_LIMIT, "the answer is larger than %u bytes: too much to save",
            VT_LOG_FOUND_MAX);
    const struct vt_slice parts[] = {{f->head.data, f->head.len}, {f->tail.data, f->tail.len},
        {f->runs.data, f->runs.len}, {f->entries.data, f->entries.len}};
    for (size_t i = 0; i < 4; i++)
        vt_buf_put(ret, parts[i].data, parts[i].len);
    vt_digest_of_slices(parts, 4, &seal);
    vt_buf_put(ret, seal.b, VT_DIGEST_SIZE);
    return vt_buf_check(ret, "the answer", why);
}

/* --- Below the root's size, and from there on. ----------------------------------------- */

static enum vt_err
tell(struct find *f, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    f->result.found++;
    return f->fn(f->ctx, index, entry, len, why);
}

static enum vt_err
take_hit(struct find *f, uint64_t index, struct vt_buf *entry, struct vt_why *why)
{
    enum vt_err err = vt_log_reader_entry(f->reader, index, entry, why);

    if (err == VT_OK && !vt_index_has_key(entry->data, entry->len, f->digest))
        err = vt_fail(why, VT_E_PROOF,
            "the log's index says that entry %llu speaks of the digest, which it does not: the "
            "index root of entry %llu is false",
            (unsigned long long)index, (unsigned long long)f->result.index_entry);
    if (err == VT_OK && f->save)
        err = save_entry(f, index, entry, why);
    return err == VT_OK ? tell(f, index, entry->data, entry->len, why) : err;
}

static enum vt_err
ask_index(struct find *f, struct vt_why *why)
{
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX);
    struct vt_find_hits hits = {0};
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < f->note.run_count && err == VT_OK; i++) {
        hits.count = 0;
        err = vt_find_in_run(
            f->fetch, &f->note.run[i], f->digest, &hits, f->save ? &f->runs : NULL, why);
        if (err == VT_OK)
            err = vt_buf_check(&f->runs, "the answer's pages", why);
        for (size_t h = 0; h < hits.count && err == VT_OK; h++)
            err = take_hit(f, hits.index[h], &entry, why);
    }
    vt_find_hits_release(&hits);
    vt_buf_release(&entry);
    return err;
}

static enum vt_err
take_tail(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct find *f = ctx;
    enum vt_err err = VT_OK;

    if (f->save) {
        vt_buf_put_u16(&f->tail, (uint16_t)len);
        vt_buf_put(&f->tail, entry, len);
        err = vt_buf_check(&f->tail, "the answer's entries after the index", why);
    }
    if (f->progress != NULL)
        vt_progress_set(f->progress, index + 1 - f->note.size);
    if (err == VT_OK && vt_index_has_key(entry, len, f->digest))
        err = tell(f, index, entry, len, why);
    return err;
}

static enum vt_err
read_tail(struct find *f, struct vt_why *why)
{
    if (f->progress != NULL)
        vt_progress_begin(f->progress, "reading what the index does not have",
            f->result.checkpoint.size - f->note.size);
    enum vt_err err = vt_log_reader_each(f->reader, f->note.size, take_tail, f, why);
    if (f->progress != NULL)
        vt_progress_end(f->progress);
    return err;
}

enum vt_err
vt_log_find(struct vt_log_reader *r, const char *where, const struct vt_digest *digest,
    const struct vt_log_find_opts *opts, vt_log_find_fn *fn, void *ctx,
    struct vt_log_find_result *ret, struct vt_why *why)
{
    const struct vt_log_find_opts none = {0};
    const struct vt_log_find_opts *o = opts != NULL ? opts : &none;
    struct find f = {.reader = r,
        .digest = digest,
        .progress = o->progress,
        .fn = fn,
        .ctx = ctx,
        .save = o->save != NULL,
        .head = VT_BUF(2 * VT_NOTE_MAX),
        .tail = VT_BUF(VT_LOG_FOUND_MAX),
        .runs = VT_BUF(VT_LOG_FOUND_PAGES_MAX),
        .entries = VT_BUF(VT_LOG_FOUND_MAX)};
    enum vt_err err = VT_OK;

    f.result.checkpoint = *vt_log_reader_checkpoint(r);
    f.result.time = vt_log_reader_cosigned_time(r);
    if (!o->all)
        err = choose_root(&f, where, why);
    if (err == VT_OK && f.save)
        err = begin_save(&f, why);
    if (err == VT_OK)
        err = ask_index(&f, why);
    if (err == VT_OK)
        err = read_tail(&f, why);
    if (err == VT_OK && f.save)
        err = end_save(&f, o->save, why);
    if (err == VT_OK)
        *ret = f.result;
    release(&f);
    return err;
}
