/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/move_parts.h"

#include "vault/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_MAX (64U * 1024U)

bool
vt_move_region_valid(const char *region)
{
    size_t n = strlen(region);

    return n >= 2 && n <= VT_REGION_MAX &&
           strspn(region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == n;
}

enum vt_err
vt_move_path(
    const struct vt_move *m, char ret[VT_PATH_MAX], struct vt_why *why, const char *fmt, ...)
{
    char rest[256];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof rest)
        return vt_fail(
            why, VT_E_LIMIT, "a path of the relocation of %s is too long", m->region);
    return vt_vault_path(m->home, ret, why, "moves/%s/%s", m->region, rest);
}

bool
vt_move_has(const struct vt_move *m, const char *name)
{
    char path[VT_PATH_MAX];

    return vt_move_path(m, path, NULL, "%s", name) == VT_OK && vt_file_exists(path);
}

enum vt_err
vt_move_put(
    const struct vt_move *m, const char *name, const void *data, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_path(m, path, why, "%s", name);

    return err == VT_OK ? vt_file_replace(path, 0600, data, len, why) : err;
}

enum vt_err
vt_move_get(const struct vt_move *m, const char *name, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_move_path(m, path, why, "%s", name);

    return err == VT_OK ? vt_file_read(path, b, why) : err;
}

enum vt_err
vt_move_drop(const struct vt_move *m, const char *name, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_move_path(m, path, why, "%s", name);

    if (err == VT_OK)
        err = vt_vault_path(m->home, dir, why, "moves/%s", m->region);
    if (err == VT_OK && unlink(path) != 0)
        return errno == ENOENT ? VT_OK : vt_fail_errno(why, "%s", path);
    return err == VT_OK ? vt_dir_sync(dir, why) : err;
}

/* "out SITE\n" or "in SITE\n". */
static enum vt_err
read_side(struct vt_move *m, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(SMALL_MAX);
    struct vt_reader r, line;
    enum vt_err err = vt_move_get(m, "side", &b, why);

    m->state = (struct vt_move_state){0};
    if (err != VT_OK)
        goto out;
    r = VT_READER(b.data, b.len);
    if (vt_reader_skip(&r, "out "))
        m->state.side = VT_MOVE_OUT;
    else if (vt_reader_skip(&r, "in "))
        m->state.side = VT_MOVE_IN;
    if (m->state.side == VT_MOVE_NONE || !vt_reader_line(&r, &line) || r.left > 0 ||
        !vt_reader_cstr(&line, m->state.other, sizeof m->state.other) ||
        !vt_key_name_valid(m->state.other))
        err =
            vt_fail(why, VT_E_CONFIG, "%s: moves/%s/side is damaged", m->home->dir, m->region);
out:
    vt_buf_release(&b);
    return err == VT_E_NOENT ? VT_OK : err;
}

enum vt_err
vt_move_open(
    const struct vt_home *h, const char *region, struct vt_move *ret, struct vt_why *why)
{
    struct vt_move m = {.home = h};
    enum vt_err err;

    if (!vt_move_region_valid(region))
        return vt_fail(why, VT_E_USAGE, "%.40s: not a region's name", region);
    (void)snprintf(m.region, sizeof m.region, "%s", region);
    err = read_side(&m, why);
    if (err == VT_OK)
        *ret = m;
    return err;
}

enum vt_err
vt_move_begin(const struct vt_home *h, const char *region, enum vt_move_side side,
    const char *other, struct vt_move *ret, struct vt_why *why)
{
    struct vt_move m;
    char dir[VT_PATH_MAX];
    char text[VT_KEY_NAME_MAX + 8];
    int n = snprintf(text, sizeof text, "%s %s\n", side == VT_MOVE_OUT ? "out" : "in", other);
    enum vt_err err = vt_move_open(h, region, &m, why);

    if (err == VT_OK && m.state.side == side && strcmp(m.state.other, other) == 0) {
        *ret = m;
        return VT_OK;
    }
    if (err == VT_OK && m.state.side != VT_MOVE_NONE)
        return vt_fail(why, VT_E_STATE,
            "%s: a relocation of %s %s %s is under way: end that one first", h->dir, region,
            m.state.side == VT_MOVE_OUT ? "to" : "from", m.state.other);
    if (err == VT_OK)
        err = vt_vault_path(h, dir, why, "moves/%s", region);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    if (err == VT_OK)
        err = vt_move_put(&m, "side", text, (size_t)n, why);
    if (err == VT_OK)
        err = vt_move_open(h, region, ret, why);
    return err;
}

enum vt_err
vt_move_done_path(const struct vt_move *m, const struct vt_digest *relocation,
    char ret[VT_PATH_MAX], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(relocation, hex);
    return vt_vault_path(m->home, ret, why, "moves/done/%s-%.16s/said", m->region, hex);
}

enum vt_err
vt_move_close(const struct vt_move *m, const struct vt_digest *relocation, struct vt_why *why)
{
    char moves[VT_PATH_MAX];
    char from[VT_PATH_MAX];
    char done[VT_PATH_MAX];
    char to[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    vt_digest_hex(relocation, hex);
    if ((err = vt_vault_path(m->home, moves, why, "moves")) != VT_OK ||
        (err = vt_path(from, why, "%s/%s", moves, m->region)) != VT_OK ||
        (err = vt_path(done, why, "%s/done", moves)) != VT_OK ||
        (err = vt_path(to, why, "%s/%s-%.16s", done, m->region, hex)) != VT_OK ||
        (err = vt_dir_make(done, 0700, why)) != VT_OK)
        return err;
    if (rename(from, to) != 0)
        return vt_fail_errno(why, "%s", to);
    err = vt_dir_sync(done, why);
    return err == VT_OK ? vt_dir_sync(moves, why) : err;
}

enum vt_err
vt_move_state(
    const struct vt_home *h, const char *region, struct vt_move_state *ret, struct vt_why *why)
{
    struct vt_move m;
    enum vt_err err = vt_move_open(h, region, &m, why);

    if (err == VT_OK)
        *ret = m.state;
    return err;
}

bool
vt_move_pending(const struct vt_home *h, const char *region)
{
    struct vt_move m;

    /* What cannot be read is no reason to go ahead. */
    if (vt_move_open(h, region, &m, NULL) != VT_OK)
        return true;
    return m.state.side == VT_MOVE_IN && !vt_move_has(&m, "merged");
}

enum vt_err
vt_move_terms(const struct vt_doc *d, struct vt_move_terms *ret, struct vt_why *why)
{
    struct vt_move_terms t = {.digest = *vt_doc_digest(d)};
    enum vt_err err = vt_relocation_read(d, &t.is, why);

    if (err == VT_OK && t.is.segments > VT_INVENTORY_MAX)
        err =
            vt_fail(why, VT_E_LIMIT, "a relocation of more than %u segments", VT_INVENTORY_MAX);
    if (err == VT_OK)
        *ret = t;
    return err;
}

enum vt_err
vt_move_terms_load(const struct vt_move *m, const char *evidence, struct vt_move_terms *ret,
    struct vt_why *why)
{
    struct vt_evidence_file *file = malloc(sizeof *file);
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_doc *d = NULL;
    enum vt_err err = vt_move_get(m, evidence, &b, why);

    if (file == NULL)
        err = vt_fail(why, VT_E_NOMEM, "relocation: out of memory");
    if (err == VT_OK)
        err = vt_evidence_parse(b.data, b.len, file, why);
    if (err == VT_OK && file->count == 0)
        err = vt_fail(why, VT_E_SYNTAX, "evidence of nothing");
    if (err == VT_OK)
        err = vt_doc_parse(
            file->item[0].document.p, file->item[0].document.len, VT_DOC_RELOCATION, &d, why);
    if (err == VT_OK)
        err = vt_move_terms(d, ret, why);
    vt_doc_free(d);
    vt_buf_release(&b);
    free(file);
    return err;
}

enum vt_err
vt_move_segment_path(const struct vt_home *h, const char *region,
    const uint8_t id[VT_SEGMENT_ID_SIZE], char ret[VT_PATH_MAX], struct vt_why *why)
{
    char hex[2 * VT_SEGMENT_ID_SIZE + 1];

    vt_hex_encode(id, VT_SEGMENT_ID_SIZE, hex);
    return vt_vault_path(h, ret, why, "segments/%s/%s", region, hex);
}

void
vt_move_rows_root(const uint8_t *rows, size_t n, struct vt_digest *ret)
{
    struct vt_frontier f;
    struct vt_digest leaf;

    vt_frontier_init(&f);
    for (size_t i = 0; i < n; i++) {
        vt_merkle_leaf(rows + i * VT_SEGMENT_ROW_SIZE, VT_SEGMENT_ROW_SIZE, &leaf);
        vt_frontier_append(&f, &leaf);
    }
    vt_frontier_root(&f, ret);
}

static int
compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, VT_SEGMENT_ID_SIZE);
}

bool
vt_move_ids_has(const struct vt_move_ids *v, const uint8_t id[VT_SEGMENT_ID_SIZE])
{
    return v->count > 0 &&
           bsearch(id, v->id, v->count, VT_SEGMENT_ID_SIZE, compare_ids) != NULL;
}

bool
vt_move_ids_sorted(const struct vt_move_ids *v)
{
    for (size_t i = 1; i < v->count; i++) {
        const uint8_t *id = v->id + i * VT_SEGMENT_ID_SIZE;

        if (compare_ids(id - VT_SEGMENT_ID_SIZE, id) >= 0)
            return false;
    }
    return true;
}
