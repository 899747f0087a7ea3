/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_index_note.h"

#include "note/field.h"
#include "note/note.h"
#include "note/policy.h"

#include <assert.h>
#include <string.h>

#define HEAD "vitrine/log-index/v1\n"
#define ENTRY_HEAD "vitrine/entry/v1\n"

/* --- Keys. --------------------------------------------------------------------------- */

/* Whether a line names a digest, and which. */
static bool
line_digest(struct vt_reader line, struct vt_digest *ret)
{
    struct vt_reader word;

    if (vt_reader_skip(&line, "statement "))
        return vt_field_digest(&line, ret);
    return vt_reader_skip(&line, "subject ") && vt_reader_word(&line, ' ', &word) &&
           word.left > 0 && vt_field_digest(&line, ret);
}

/* Adds a key that is not there yet. */
static void
key_add(struct vt_digest *key, size_t *count, const struct vt_digest *d)
{
    for (size_t i = 0; i < *count; i++) {
        if (vt_digest_cmp(&key[i], d) == 0)
            return;
    }
    key[(*count)++] = *d;
}

void
vt_index_keys(
    const void *entry, size_t len, struct vt_digest ret[VT_INDEX_KEYS_MAX], size_t *ret_count)
{
    struct vt_reader r = VT_READER(entry, len), line;
    size_t count = 1, lines = 0;
    struct vt_digest d;

    vt_digest_of(entry, len, &ret[0]);
    *ret_count = 1;
    if (!vt_reader_skip(&r, ENTRY_HEAD))
        return;
    while (vt_reader_line(&r, &line) && line.left > 0) {
        if (!line_digest(line, &d))
            continue;
        if (++lines == VT_INDEX_KEYS_MAX)
            return; /* no entry of ours: it has its own digest alone */
        key_add(ret, &count, &d);
    }
    *ret_count = count;
}

bool
vt_index_has_key(const void *entry, size_t len, const struct vt_digest *key)
{
    struct vt_digest keys[VT_INDEX_KEYS_MAX];
    size_t n;

    vt_index_keys(entry, len, keys, &n);
    for (size_t i = 0; i < n; i++) {
        if (vt_digest_cmp(&keys[i], key) == 0)
            return true;
    }
    return false;
}

/* --- Records and runs. --------------------------------------------------------------- */

void
vt_index_record_put(struct vt_index_record *r, const struct vt_digest *key, uint64_t index)
{
    memcpy(r->b, key->b, VT_DIGEST_SIZE);
    for (unsigned i = 0; i < 8; i++)
        r->b[VT_DIGEST_SIZE + i] = (uint8_t)(index >> (56 - 8 * i));
}

uint64_t
vt_index_record_index(const struct vt_index_record *r)
{
    struct vt_reader in = VT_READER(r->b + VT_DIGEST_SIZE, 8);
    uint64_t index = 0;

    (void)!vt_reader_u64(&in, &index);
    return index;
}

uint64_t
vt_index_run_length(unsigned k)
{
    assert(k <= VT_INDEX_LEVEL_MAX);
    return (uint64_t)VT_INDEX_BLOCK << (2 * k);
}

uint64_t
vt_index_run_first(const struct vt_index_run *r)
{
    return r->j * vt_index_run_length(r->k);
}

uint64_t
vt_index_pages(uint64_t count)
{
    return count / VT_INDEX_PAGE + (count % VT_INDEX_PAGE != 0);
}

uint64_t
vt_index_run_hashes(uint64_t count, unsigned level)
{
    uint64_t hashes = vt_index_pages(count);
    uint64_t at = count * VT_INDEX_RECORD;

    for (unsigned l = 0; l < level; l++) {
        at += hashes * VT_DIGEST_SIZE;
        hashes /= VT_TILE_WIDTH;
    }
    return at;
}

size_t
vt_index_runs(uint64_t size, struct vt_index_run ret[VT_INDEX_RUNS_MAX])
{
    uint64_t at = 0;
    size_t n = 0;

    assert(size % VT_INDEX_BLOCK == 0 && size <= INT64_MAX);
    for (unsigned k = VT_INDEX_LEVEL_MAX + 1; k-- > 0;) {
        for (; size - at >= vt_index_run_length(k); at += vt_index_run_length(k))
            ret[n++] = (struct vt_index_run){.k = k, .j = at / vt_index_run_length(k)};
    }
    return n;
}

/* --- The note. ----------------------------------------------------------------------- */

/* The first line, and the origin as the second. */
static bool
skip_head(struct vt_reader *r, const char *origin)
{
    struct vt_reader line;

    return vt_reader_skip(r, HEAD) && vt_reader_line(r, &line) && vt_reader_is(&line, origin);
}

bool
vt_index_note_is(const void *entry, size_t len, const char *origin)
{
    struct vt_reader r = VT_READER(entry, len);

    return skip_head(&r, origin);
}

void
vt_index_note_put(struct vt_buf *b, const struct vt_index_note *n, const char *origin)
{
    vt_buf_putf(b, HEAD "%s\nsize %llu\n", origin, (unsigned long long)n->size);
    vt_buf_put_b64(b, n->root.b, VT_DIGEST_SIZE);
    for (size_t i = 0; i < n->run_count; i++) {
        const struct vt_index_run *r = &n->run[i];

        vt_buf_putf(b, "\nrun %u %llu %llu ", r->k, (unsigned long long)r->j,
            (unsigned long long)r->count);
        vt_buf_put_b64(b, r->root.b, VT_DIGEST_SIZE);
    }
    vt_buf_put_u8(b, '\n');
}

/* A word and the space after it, as a number. */
static bool
take_number(struct vt_reader *line, uint64_t max, uint64_t *ret)
{
    struct vt_reader word;

    return vt_reader_word(line, ' ', &word) && vt_reader_decimal(&word, max, ret);
}

/* `run K J COUNT ROOT`, where K and J are known. A run has a record an entry at least, and all
 * keys of all entries at most. */
static bool
parse_run(struct vt_reader *r, struct vt_index_run *run)
{
    const uint64_t least = vt_index_run_length(run->k);
    struct vt_reader line;
    uint64_t k, j;

    return vt_reader_line(r, &line) && vt_reader_skip(&line, "run ") &&
           take_number(&line, VT_INDEX_LEVEL_MAX, &k) && k == run->k &&
           take_number(&line, INT64_MAX, &j) && j == run->j &&
           take_number(&line, INT64_MAX, &run->count) && run->count >= least &&
           run->count / VT_INDEX_KEYS_MAX <= least &&
           vt_field_b64(&line, run->root.b, VT_DIGEST_SIZE);
}

enum vt_err
vt_index_note_parse(const void *text, size_t len, const char *origin, struct vt_index_note *ret,
    struct vt_why *why)
{
    struct vt_reader r = VT_READER(text, len), line;
    struct vt_index_note n = {0};

    if (!skip_head(&r, origin))
        return vt_fail(why, VT_E_SYNTAX, "it is no index root of %s", origin);
    if (!vt_reader_line(&r, &line) || !vt_reader_skip(&line, "size ") ||
        !vt_reader_decimal(&line, INT64_MAX, &n.size) || n.size == 0 ||
        n.size % VT_INDEX_BLOCK != 0)
        return vt_fail(why, VT_E_SYNTAX, "line 3 of an index root is not `size` and a size");
    if (!vt_reader_line(&r, &line) || !vt_field_b64(&line, n.root.b, VT_DIGEST_SIZE))
        return vt_fail(why, VT_E_SYNTAX, "line 4 of an index root is not the log's root");
    n.run_count = vt_index_runs(n.size, n.run);
    for (size_t i = 0; i < n.run_count; i++) {
        if (!parse_run(&r, &n.run[i]))
            return vt_fail(why, VT_E_SYNTAX,
                "line %zu of an index root of size %llu is not `run %u %llu COUNT ROOT`", i + 5,
                (unsigned long long)n.size, n.run[i].k, (unsigned long long)n.run[i].j);
    }
    if (r.left != 0)
        return vt_fail(why, VT_E_SYNTAX, "an index root names runs too many");
    *ret = n;
    return VT_OK;
}

/* Whether some log key of that origin signed it. */
static enum vt_err
verify(const struct vt_policy *policy, const char *origin, const struct vt_note *note,
    struct vt_why *why)
{
    const struct vt_policy_party *log = NULL;
    size_t n = vt_policy_logs(policy, &log);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(log[i].name, origin) == 0 && vt_note_sig_is(&note->sig[0], &log[i].key))
            return vt_note_verify(note, &log[i].key, why);
    }
    return vt_fail(why, VT_E_UNKNOWN, "it is not signed by the log %s", origin);
}

enum vt_err
vt_index_note_open(const struct vt_policy *policy, const char *origin, uint64_t index,
    const void *entry, size_t len, struct vt_index_note *ret, struct vt_why *why)
{
    struct vt_index_note n;
    struct vt_note note;
    enum vt_err err;

    if (!vt_index_note_is(entry, len, origin) ||
        vt_note_parse(entry, len, &note, NULL) != VT_OK || note.sig_count != 1)
        return vt_fail(why, VT_E_UNKNOWN, "entry %llu is no index root of %s",
            (unsigned long long)index, origin);
    err = verify(policy, origin, &note, why);
    if (err == VT_OK)
        err = vt_index_note_parse(note.text, note.text_len, origin, &n, why);
    if (err == VT_OK && n.size > index)
        err = vt_fail(why, VT_E_SYNTAX, "an index root of size %llu stands too early",
            (unsigned long long)n.size);
    if (err != VT_OK)
        return vt_fail_in(why, err, "entry %llu", (unsigned long long)index);
    *ret = n;
    return VT_OK;
}
