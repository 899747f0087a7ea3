/* SPDX-License-Identifier: Apache-2.0 */
#include "log/mirror.h"

#include "log/mirror_parts.h"
#include "log/reader.h"

#include <stdlib.h>
#include <string.h>

static enum vt_err
check_state(struct vt_log_mirror_state *s, const struct vt_policy *policy, struct vt_why *why)
{
    return vt_policy_check_checkpoint(
        policy, s->note.data, s->note.len, &s->checkpoint, &s->time, why);
}

/* Reads DIR's own checkpoint and statement. */
static enum vt_err
load_own(struct vt_log_mirror *m, struct vt_why *why)
{
    enum vt_err err = vt_fetch_get(m->own, "checkpoint", &m->had.note, why);

    if (err == VT_E_NOENT)
        return VT_OK;
    if (err == VT_OK)
        err = check_state(&m->had, m->policy, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s/checkpoint", m->dir);
    m->has = true;
    err = vt_fetch_get(m->own, "frozen", &m->frozen, why);
    return err == VT_E_NOENT ? VT_OK : err;
}

/* One sync is to make durable what is copied. */
static enum vt_err
open_disk(struct vt_log_mirror *m, struct vt_why *why)
{
    static const char *const below[] = {"tile", "tile/entries", "index"};
    enum vt_err err = vt_disk_open(&m->disk, m->dir, why);

    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]) && err == VT_OK; i++)
        err = vt_disk_check(&m->disk, below[i], why);
    return err;
}

static enum vt_err
open_dir(struct vt_log_mirror *m, const char *where, const char *dir, struct vt_why *why)
{
    char lock[VT_PATH_MAX];
    enum vt_err err = vt_path(m->where, why, "%s", where);

    if (err == VT_OK)
        err = vt_path(m->dir, why, "%s", dir);
    if (err == VT_OK)
        err = vt_path(lock, why, "%s/.lock", dir);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0755, why);
    if (err == VT_OK)
        err = vt_lock_take(&m->lock, lock, dir, why);
    if (err == VT_OK)
        err = open_disk(m, why);
    if (err == VT_OK)
        err = vt_fetch_new(dir, &m->own, why);
    if (err == VT_OK && vt_fetch_is_remote(m->own))
        err = vt_fail(why, VT_E_USAGE, "%s: a mirror is a folder", dir);
    return err == VT_OK ? vt_fetch_new(where, &m->fetch, why) : err;
}

enum vt_err
vt_log_mirror_open(const char *where, const char *dir, const struct vt_policy *policy,
    struct vt_progress *progress, struct vt_log_mirror **ret, struct vt_why *why)
{
    struct vt_log_mirror *m = calloc(1, sizeof(*m));
    enum vt_err err;

    if (m == NULL)
        return vt_fail(why, VT_E_NOMEM, "mirror: out of memory");
    m->policy = policy;
    m->progress = progress;
    m->disk.fd = -1;
    vt_buf_init(&m->had.note, VT_NOTE_MAX);
    vt_buf_init(&m->frozen, VT_NOTE_MAX);
    err = open_dir(m, where, dir, why);
    if (err == VT_OK)
        err = load_own(m, why);
    if (err != VT_OK) {
        vt_log_mirror_free(m);
        return err;
    }
    *ret = m;
    return VT_OK;
}

void
vt_log_mirror_free(struct vt_log_mirror *m)
{
    if (m == NULL)
        return;
    vt_fetch_free(m->fetch);
    vt_fetch_free(m->own);
    vt_lock_release(&m->lock);
    vt_disk_close(&m->disk);
    vt_buf_release(&m->had.note);
    vt_buf_release(&m->frozen);
    free(m);
}

const char *
vt_log_mirror_evidence(const struct vt_log_mirror *m)
{
    return m->evidence[0] != '\0' ? m->evidence : NULL;
}

/* Keeps the two checkpoints, and says so. */
static enum vt_err
keep_fork(struct vt_log_mirror *m, const struct vt_log_mirror_state *got,
    const struct vt_buf *proof, struct vt_why *why)
{
    uint64_t size = got->checkpoint.size;
    enum vt_err err =
        vt_log_mirror_keep_evidence(m, size, "had", &m->had.note, &got->note, proof, why);

    if (err == VT_OK)
        err = vt_fail(why, VT_E_LIMIT, "both are in %s", m->evidence);
    if (err != VT_E_LIMIT)
        return err;
    return vt_fail_in(why, VT_E_PROOF,
        "FORK: %s signed trees of %llu and of %llu entries that are not of one history",
        got->checkpoint.origin, (unsigned long long)m->had.checkpoint.size,
        (unsigned long long)size);
}

/* The log's history is not one: keeps what shows it. `larger` gives the hashes of the larger of
 * the two trees; NULL when they are of one size. */
static enum vt_err
fork_found(struct vt_log_mirror *m, const struct vt_log_mirror_state *got,
    struct vt_tiles *larger, struct vt_why *why)
{
    uint64_t had = m->had.checkpoint.size;
    uint64_t now = got->checkpoint.size;
    struct vt_buf proof = VT_BUF(16384);
    enum vt_err err = VT_OK;

    if (larger != NULL) {
        struct vt_hash_source src = vt_tiles_source(larger);

        err = vt_log_mirror_put_proof(
            &proof, &src, had < now ? had : now, had < now ? now : had, why);
    }
    if (err == VT_OK)
        err = keep_fork(m, got, larger != NULL ? &proof : NULL, why);
    vt_buf_release(&proof);
    return err;
}

/* Whether the larger tree, which tiles are of, has that root at the smaller one's size. */
static enum vt_err
is_prefix(
    struct vt_tiles *tiles, const struct vt_checkpoint *smaller, bool *ret, struct vt_why *why)
{
    struct vt_hash_source src = vt_tiles_source(tiles);
    struct vt_digest root;
    enum vt_err err = vt_merkle_root(&src, smaller->size, &root, why);

    if (err == VT_OK)
        *ret = vt_digest_eq(&root, &smaller->root);
    return err;
}

/* The server's checkpoint is older than the mirror's. */
static enum vt_err
check_older(struct vt_log_mirror *m, const struct vt_log_mirror_state *got, struct vt_why *why)
{
    struct vt_tiles *own = NULL;
    bool prefix = false;
    enum vt_err err =
        vt_tiles_new(m->own, m->had.checkpoint.size, &m->had.checkpoint.root, &own, why);

    if (err == VT_OK)
        err = is_prefix(own, &got->checkpoint, &prefix, why);
    if (err == VT_OK && !prefix)
        err = fork_found(m, got, own, why);
    else if (err == VT_OK)
        err = vt_fail(why, VT_E_ROLLBACK,
            "%s has a checkpoint of %llu entries, the mirror has %llu already: is it behind?",
            m->where, (unsigned long long)got->checkpoint.size,
            (unsigned long long)m->had.checkpoint.size);
    vt_tiles_free(own);
    return err;
}

/* Holds a checkpoint against the mirror's own. tiles are of the new one. */
static enum vt_err
check_history(struct vt_log_mirror *m, const struct vt_log_mirror_state *got,
    struct vt_tiles *tiles, struct vt_why *why)
{
    const struct vt_checkpoint *had = &m->had.checkpoint;
    bool prefix = false;
    enum vt_err err;

    if (!m->has)
        return VT_OK;
    if (strcmp(had->origin, got->checkpoint.origin) != 0)
        return vt_fail(why, VT_E_CONFIG, "%s is a mirror of %s, and at %s is %s", m->dir,
            had->origin, m->where, got->checkpoint.origin);
    if (got->checkpoint.size < had->size)
        return check_older(m, got, why);
    if (got->checkpoint.size == had->size)
        return vt_digest_eq(&had->root, &got->checkpoint.root) ? VT_OK
                                                               : fork_found(m, got, NULL, why);
    err = is_prefix(tiles, had, &prefix, why);
    if (err != VT_OK || prefix)
        return err;
    return fork_found(m, got, tiles, why);
}

/* Two final statements, or one and a checkpoint, that contradict each other. */
static enum vt_err
thaw_found(struct vt_log_mirror *m, const struct vt_buf *frozen, const struct vt_buf *got,
    uint64_t size, struct vt_why *why)
{
    struct vt_why kept = {0};
    enum vt_err err = vt_log_mirror_keep_evidence(m, size, "frozen", frozen, got, NULL, &kept);

    if (err == VT_E_LIMIT)
        return vt_fail_in(why, VT_E_PROOF, "%s", kept.text);
    if (err != VT_OK)
        return vt_fail(why, err, "%s", kept.text);
    return vt_fail_in(why, VT_E_PROOF, "both are in %s", m->evidence);
}

static enum vt_err
open_frozen(struct vt_log_mirror *m, const struct vt_checkpoint *c, const struct vt_buf *b,
    struct vt_frozen *ret, struct vt_why *why)
{
    enum vt_err err = vt_policy_check_frozen(m->policy, c->origin, b->data, b->len, ret, why);

    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "the final statement of %s", c->origin);
}

/* Fetches the final statement, if there is one, and holds it against the checkpoint and against
 * the one that the mirror has. A log that takes its statement away has still made it. */
static enum vt_err
check_frozen(struct vt_log_mirror *m, const struct vt_log_mirror_state *got, struct vt_buf *now,
    struct vt_why *why)
{
    const struct vt_checkpoint *c = &got->checkpoint;
    struct vt_frozen own = {.size = 0};
    struct vt_frozen its;
    enum vt_err err = vt_fetch_get(m->fetch, "frozen", now, why);

    if (err == VT_E_NOENT)
        err = VT_OK;
    if (err == VT_OK && m->frozen.len > 0) {
        err = open_frozen(m, c, &m->frozen, &own, why);
        if (err == VT_OK && vt_log_frozen_check(&own, c, why) != VT_OK)
            err = thaw_found(m, &m->frozen, &got->note, c->size, why);
    }
    if (err != VT_OK || now->len == 0)
        return err;
    err = open_frozen(m, c, now, &its, why);
    if (err == VT_OK && vt_log_frozen_check(&its, c, why) != VT_OK)
        return thaw_found(m, now, &got->note, c->size, why);
    if (err == VT_OK && m->frozen.len > 0 &&
        (its.size != own.size || !vt_digest_eq(&its.root, &own.root))) {
        (void)vt_fail(
            why, VT_E_PROOF, "MISBEHAVIOUR: %s signed two final statements", c->origin);
        err = thaw_found(m, &m->frozen, now, its.size, why);
    }
    return err;
}

/* Makes the new checkpoint the mirror's. */
static enum vt_err
publish(struct vt_log_mirror *m, struct vt_log_mirror_state *got, struct vt_why *why)
{
    struct vt_buf old = m->had.note;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/checkpoint", m->dir);

    if (m->has && got->checkpoint.size == m->had.checkpoint.size && got->time <= m->had.time)
        return err;
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, got->note.data, got->note.len, why);
    if (err != VT_OK)
        return err;
    m->had = *got;
    got->note = old; /* released by the caller */
    m->has = true;
    return VT_OK;
}

static enum vt_err
publish_frozen(struct vt_log_mirror *m, struct vt_buf *now, struct vt_why *why)
{
    struct vt_buf old = m->frozen;
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (now->len == 0 || m->frozen.len > 0)
        return VT_OK;
    err = vt_path(path, why, "%s/frozen", m->dir);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, now->data, now->len, why);
    if (err != VT_OK)
        return err;
    m->frozen = *now;
    *now = old;
    return VT_OK;
}

static enum vt_err
look(struct vt_log_mirror *m, struct vt_log_mirror_state *got, struct vt_buf *frozen,
    struct vt_log_mirror_seen *seen, struct vt_why *why)
{
    uint64_t old_size = m->has ? m->had.checkpoint.size : 0;
    uint64_t size;
    struct vt_tiles *tiles = NULL;
    enum vt_err err = vt_fetch_get(m->fetch, "checkpoint", &got->note, why);

    if (err == VT_OK) {
        err = check_state(got, m->policy, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "the checkpoint of %s", m->where);
    }
    size = got->checkpoint.size;
    if (err == VT_OK)
        err = vt_tiles_new(m->fetch, size, &got->checkpoint.root, &tiles, why);
    if (err == VT_OK)
        err = check_history(m, got, tiles, why);
    if (err == VT_OK)
        err = check_frozen(m, got, frozen, why);
    if (err == VT_OK && (size > old_size || !m->has))
        err = vt_log_mirror_copy(m, &got->checkpoint, tiles, &seen->bytes, why);
    if (err == VT_OK)
        err = publish(m, got, why);
    if (err == VT_OK)
        err = publish_frozen(m, frozen, why);
    if (err == VT_OK)
        err = vt_log_mirror_drop_partials(m, old_size, size, why);
    if (err == VT_OK)
        err = vt_log_mirror_index(m, tiles, why);
    seen->new_entries = size - old_size;
    vt_tiles_free(tiles);
    return err;
}

enum vt_err
vt_log_mirror_look(struct vt_log_mirror *m, struct vt_log_mirror_seen *ret, struct vt_why *why)
{
    struct vt_log_mirror_state got = {.note = VT_BUF(VT_NOTE_MAX)};
    struct vt_buf frozen = VT_BUF(VT_NOTE_MAX);
    struct vt_log_mirror_seen seen = {0};
    enum vt_err err;

    m->evidence[0] = '\0';
    err = look(m, &got, &frozen, &seen, why);
    vt_buf_release(&got.note);
    vt_buf_release(&frozen);
    if (err != VT_OK)
        return err;
    seen.checkpoint = m->had.checkpoint;
    seen.time = m->had.time;
    seen.is_frozen = m->frozen.len > 0;
    *ret = seen;
    return VT_OK;
}
