/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index's roots: signing one, remembering those that were logged, and naming them to
 * readers.
 */
#include "log/log_index_held.h"

#include "crypto/signer.h"
#include "note/note.h"

#include <string.h>

uint64_t
vt_log_index_size(const struct vt_log_index *ix)
{
    return vt_index_is_made(ix) ? ix->state.size : vt_index_last_size(ix);
}

bool
vt_log_index_due(const struct vt_log_index *ix)
{
    return !ix->lost && vt_index_is_made(ix) && ix->state.size > vt_index_last_size(ix);
}

static enum vt_err
put_note(const struct vt_log_index *ix, const struct vt_digest *root, struct vt_signer *s,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_index_note n = {.size = ix->state.size, .root = *root};
    struct vt_buf note = VT_BUF(VT_INDEX_NOTE_MAX);
    const char *name = vt_signer_name(s);
    struct vt_sig sig;

    n.run_count = ix->state.run_count;
    memcpy(n.run, ix->state.run, n.run_count * sizeof n.run[0]);
    vt_index_note_put(&note, &n, ix->origin);
    enum vt_err err = vt_buf_check(&note, "an index root", why);
    if (err == VT_OK)
        err = vt_signer_sign(s, VT_SIGN_LOG_INDEX, note.data, note.len, &sig, why);
    if (err == VT_OK) {
        vt_buf_put_u8(&note, '\n');
        vt_note_put_sig(&note, name, vt_vkey_id(name, VT_NOTE_ED25519, vt_signer_public(s)),
            sig.b, sizeof sig.b);
        err = vt_buf_check(&note, "an index root", why);
    }
    if (err == VT_OK) {
        vt_buf_put(b, note.data, note.len);
        err = vt_buf_check(b, "an index root", why);
    }
    vt_buf_release(&note);
    return err;
}

enum vt_err
vt_log_index_note(struct vt_log_index *ix, const struct vt_digest *root, struct vt_signer *s,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_digest is;

    if (!vt_log_index_due(ix))
        return vt_fail(why, VT_E_STATE, "the log's index has no root to log");
    vt_frontier_root(&ix->state.tree, &is);
    if (!vt_digest_eq(&is, root)) {
        (void)!vt_index_begin_anew(ix, NULL);
        return vt_fail(why, VT_E_DIGEST,
            "the log's index: the entries below %s are not those of the log: a file is damaged",
            ix->public_dir);
    }
    enum vt_err err = vt_index_settle(ix, why);
    if (err == VT_OK)
        err = put_note(ix, root, s, b, why);
    if (err == VT_OK)
        ix->noted = ix->state.size;
    return err;
}

bool
vt_log_index_is_root(const struct vt_policy *policy, const char *origin, uint64_t index,
    const void *entry, size_t len)
{
    struct vt_index_note n;

    return vt_index_note_open(policy, origin, index, entry, len, &n, NULL) == VT_OK;
}

/* Forgets the oldest roots. */
static void
drop_roots(struct vt_index_state *s, size_t n)
{
    s->root_count -= n;
    memmove(s->root, s->root + n, s->root_count * sizeof s->root[0]);
}

enum vt_err
vt_log_index_logged(struct vt_log_index *ix, uint64_t index, int64_t now_ms, struct vt_why *why)
{
    struct vt_index_state *s = &ix->state;

    if (ix->noted == 0 || index < ix->noted)
        return vt_fail(why, VT_E_STATE, "the log's index has no root that was logged");
    if (s->root_count == VT_INDEX_ROOTS_MAX)
        drop_roots(s, 1);
    s->root[s->root_count++] = (struct vt_index_root){.index = index, .size = ix->noted};
    ix->noted = 0;
    ix->timed = true;
    ix->root_at = now_ms;
    return vt_index_save(ix, why);
}

static enum vt_err
write_latest(
    const struct vt_log_index *ix, const uint64_t *latest, size_t n, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_INDEX_ROOTS_MAX * 24);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/latest", ix->dir);

    for (size_t i = 0; i < n; i++)
        vt_buf_putf(&b, "%llu\n", (unsigned long long)latest[i]);
    if (err == VT_OK)
        err = vt_buf_check(&b, "the newest roots", why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}

/* Writes the indexes of the first n roots, newest first. */
static enum vt_err
put_latest(struct vt_log_index *ix, size_t n, struct vt_why *why)
{
    uint64_t latest[VT_INDEX_ROOTS_MAX];
    enum vt_err err;

    for (size_t i = 0; i < n; i++)
        latest[i] = ix->state.root[n - 1 - i].index;
    if (n == 0 ||
        (n == ix->latest_count && memcmp(latest, ix->latest, n * sizeof latest[0]) == 0))
        return VT_OK;
    err = write_latest(ix, latest, n, why);
    if (err == VT_OK) {
        memcpy(ix->latest, latest, n * sizeof latest[0]);
        ix->latest_count = n;
    }
    return err;
}

enum vt_err
vt_log_index_published(
    struct vt_log_index *ix, uint64_t size, int64_t now_ms, struct vt_why *why)
{
    struct vt_index_state *s = &ix->state;
    size_t covered = 0, old = 0;
    enum vt_err err = vt_index_go_back(ix, why);

    if (err != VT_OK)
        return vt_fail_in(why, err, "the log's index");
    while (covered < s->root_count && s->root[covered].index < size)
        covered++;
    for (size_t i = 0; i + 1 < covered; i++) {
        if (s->root[i].replaced_ms == 0)
            s->root[i].replaced_ms = now_ms;
        old += i == old && now_ms - s->root[i].replaced_ms > ix->opts.keep_ms;
    }
    drop_roots(s, old);
    err = put_latest(ix, covered - old, why);
    if (err == VT_OK && old > 0)
        err = vt_index_settle(ix, why);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "the log's index");
}
