/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log_index_state.h"

#include "base/file.h"
#include "log/log_index_range.h"
#include "note/field.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "vitrine/log-index-state/v1\n"
#define STATE_MAX (8U * 1024U * 1024U) /* some 80,000 runs; there are a few hundred */

void
vt_index_state_release(struct vt_index_state *s)
{
    free(s->run);
    *s = (struct vt_index_state){0};
}

void
vt_index_state_clear(struct vt_index_state *s)
{
    *s = (struct vt_index_state){.run = s->run, .run_cap = s->run_cap};
}

enum vt_err
vt_index_state_room(struct vt_index_state *s, struct vt_why *why)
{
    const size_t cap = s->run_cap > 0 ? 2 * s->run_cap : 64;
    struct vt_index_run *p;

    if (s->run_count < s->run_cap)
        return VT_OK;
    p = realloc(s->run, cap * sizeof *p);
    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "the log's index: out of memory");
    s->run = p;
    s->run_cap = cap;
    return VT_OK;
}

/* --- Writing. ------------------------------------------------------------------------ */

static void
put_state(struct vt_buf *b, const char *origin, const struct vt_index_state *s)
{
    vt_buf_putf(b, HEAD "%s\nsize %llu\n", origin, (unsigned long long)s->size);
    for (unsigned l = 63; l-- > 0;) {
        if ((s->size >> l & 1) == 0)
            continue;
        vt_buf_put_b64(b, s->tree.node[l].b, VT_DIGEST_SIZE);
        vt_buf_put_u8(b, '\n');
    }
    for (size_t i = 0; i < s->run_count; i++) {
        const struct vt_index_run *r = &s->run[i];

        vt_buf_putf(b, "run %u %llu %llu ", r->k, (unsigned long long)r->j,
            (unsigned long long)r->count);
        vt_buf_put_b64(b, r->root.b, VT_DIGEST_SIZE);
        vt_buf_put_u8(b, '\n');
    }
    for (size_t i = 0; i < s->root_count; i++)
        vt_buf_putf(b, "root %llu %llu\n", (unsigned long long)s->root[i].index,
            (unsigned long long)s->root[i].size);
}

enum vt_err
vt_index_state_save(
    const char *path, const char *origin, const struct vt_index_state *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(STATE_MAX);
    struct vt_digest seal;

    put_state(&b, origin, s);
    vt_digest_of(vt_buf_str(&b), b.len, &seal);
    vt_field_put_digest(&b, &seal);
    vt_buf_put_u8(&b, '\n');
    enum vt_err err = vt_buf_check(&b, "the log index's state", why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* --- Reading. ------------------------------------------------------------------------ */

/* The last line says the digest of all before it; r is cut to that. */
static bool
take_seal(struct vt_reader *r)
{
    enum { LINE = 7 + 2 * VT_DIGEST_SIZE + 1 };
    struct vt_reader line = *r, seal;
    struct vt_digest said, is;
    const uint8_t *p;

    if (r->left < LINE || !vt_reader_take(&line, r->left - LINE, &p))
        return false;
    r->left -= LINE;
    vt_digest_of(r->p, r->left, &is);
    return vt_reader_line(&line, &seal) && vt_field_digest(&seal, &said) &&
           vt_digest_eq(&said, &is);
}

/* A word and the space after it, or the line's last word, as a number. */
static bool
take_number(struct vt_reader *line, uint64_t max, uint64_t *ret)
{
    struct vt_reader word;

    return vt_reader_word(line, ' ', &word) && vt_reader_decimal(&word, max, ret);
}

static bool
take_tree(struct vt_reader *r, struct vt_index_state *s)
{
    struct vt_digest left[64];
    struct vt_reader line;

    if (!vt_reader_line(r, &line) || !vt_reader_skip(&line, "size ") ||
        !vt_reader_decimal(&line, INT64_MAX, &s->size) || s->size % VT_INDEX_BLOCK != 0)
        return false;
    for (size_t i = 0; i < vt_range_left(s->size); i++) {
        if (!vt_reader_line(r, &line) || !vt_field_b64(&line, left[i].b, VT_DIGEST_SIZE))
            return false;
    }
    vt_range_begin(&s->tree, s->size, left);
    return true;
}

static bool
take_run(struct vt_reader line, struct vt_index_run *run)
{
    uint64_t k;

    if (!take_number(&line, VT_INDEX_LEVEL_MAX, &k) ||
        !take_number(&line, INT64_MAX, &run->j) ||
        !take_number(&line, INT64_MAX, &run->count) ||
        !vt_field_b64(&line, run->root.b, VT_DIGEST_SIZE))
        return false;
    run->k = (unsigned)k;
    return true;
}

static bool
take_root(struct vt_reader line, struct vt_index_root *root)
{
    return take_number(&line, INT64_MAX, &root->index) &&
           take_number(&line, INT64_MAX, &root->size) && root->size % VT_INDEX_BLOCK == 0 &&
           root->size <= root->index && line.left == 0;
}

static enum vt_err
take_lines(struct vt_reader *r, struct vt_index_state *s, struct vt_why *why)
{
    struct vt_reader line;
    uint64_t covered = 0;

    while (vt_reader_line(r, &line)) {
        enum vt_err err = vt_index_state_room(s, why);
        struct vt_index_run *run = &s->run[s->run_count];
        if (err != VT_OK)
            return err;
        if (vt_reader_skip(&line, "run ") && take_run(line, run) &&
            vt_index_run_first(run) == covered && covered < s->size) {
            covered += vt_index_run_length(run->k);
            s->run_count++;
        } else if (vt_reader_skip(&line, "root ") && s->root_count < VT_INDEX_ROOTS_MAX &&
                   take_root(line, &s->root[s->root_count])) {
            s->root_count++;
        } else {
            break;
        }
    }
    return r->left == 0 && covered == s->size
               ? VT_OK
               : vt_fail(why, VT_E_SYNTAX, "a line of it is wrong");
}

static enum vt_err
take_state(struct vt_reader r, const char *origin, struct vt_index_state *s, struct vt_why *why)
{
    struct vt_reader line;

    if (!take_seal(&r))
        return vt_fail(why, VT_E_SYNTAX, "it is damaged");
    if (!vt_reader_skip(&r, HEAD) || !vt_reader_line(&r, &line) ||
        !vt_reader_is(&line, origin) || !take_tree(&r, s))
        return vt_fail(why, VT_E_SYNTAX, "it is not the state of the index of %s", origin);
    return take_lines(&r, s, why);
}

enum vt_err
vt_index_state_load(
    const char *path, const char *origin, struct vt_index_state *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(STATE_MAX);
    enum vt_err err = vt_file_read(path, &b, why);

    if (err == VT_OK) {
        err = take_state(VT_READER(b.data, b.len), origin, s, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    if (err != VT_OK)
        vt_index_state_clear(s);
    vt_buf_release(&b);
    return err;
}
