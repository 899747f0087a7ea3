/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's public folder, made here from entries that a test thinks of: bundles, tiles and a
 * signed checkpoint, without a writer. Include after cmocka.h.
 */
#ifndef VT_TEST_INDEX_LOG_H
#define VT_TEST_INDEX_LOG_H

#include "base/file.h"
#include "crypto/signer.h"
#include "merkle/tile.h"
#include "note/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_ORIGIN "index.example/log"

struct index_log {
    char root[VT_PATH_MAX];
    char pub[VT_PATH_MAX];
    char state[VT_PATH_MAX];
    struct vt_signer *signer;
    struct vt_policy *policy;
    struct vt_buf *entry; /* all entries */
    struct vt_digest *leaf;
    size_t count, cap;
};

static inline struct vt_signer *
index_signer(const char *name, uint8_t byte)
{
    const uint8_t seed[32] = {byte};
    struct vt_key *k = NULL;
    struct vt_signer *s = NULL;

    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    return s;
}

static inline void
index_log_set_up(struct index_log *l)
{
    struct vt_buf b = VT_BUF(4096);
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey v;

    *l = (struct index_log){0};
    assert_int_equal(vt_dir_temp("/tmp", "vt-index", l->root, NULL), VT_OK);
    assert_int_equal(vt_path(l->pub, NULL, "%s/public", l->root), VT_OK);
    assert_int_equal(vt_path(l->state, NULL, "%s/state", l->root), VT_OK);
    assert_int_equal(vt_dir_make(l->pub, 0755, NULL), VT_OK);
    l->signer = index_signer(INDEX_ORIGIN, 7);
    assert_int_equal(
        vt_vkey_make(INDEX_ORIGIN, VT_NOTE_ED25519, vt_signer_public(l->signer), &v, NULL),
        VT_OK);
    vt_vkey_format(&v, text);
    vt_buf_putf(&b, "log %s\nquorum none\n", text);
    assert_int_equal(vt_policy_parse(b.data, b.len, &l->policy, NULL), VT_OK);
    vt_buf_release(&b);
}

static inline void
index_log_tear_down(struct index_log *l)
{
    for (size_t i = 0; i < l->count; i++)
        vt_buf_release(&l->entry[i]);
    free(l->entry);
    free(l->leaf);
    vt_policy_free(l->policy);
    vt_signer_free(l->signer);
    assert_int_equal(vt_tree_remove(l->root, NULL), VT_OK);
}

static inline void
index_log_add(struct index_log *l, const void *data, size_t len)
{
    if (l->count == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 256;
        l->entry = realloc(l->entry, l->cap * sizeof l->entry[0]);
        l->leaf = realloc(l->leaf, l->cap * sizeof l->leaf[0]);
        assert_true(l->entry != NULL && l->leaf != NULL);
    }
    l->entry[l->count] = VT_BUF(65535);
    vt_buf_put(&l->entry[l->count], data, len);
    vt_merkle_leaf(data, len, &l->leaf[l->count++]);
}

static inline void
index_log_put(const struct index_log *l, const char *name, const void *data, size_t len)
{
    char path[VT_PATH_MAX], folder[VT_PATH_MAX];
    FILE *f;

    assert_int_equal(vt_path(path, NULL, "%s/%s", l->pub, name), VT_OK);
    memcpy(folder, path, sizeof folder);
    *strrchr(folder, '/') = '\0';
    if (!vt_file_exists(folder))
        assert_int_equal(vt_dir_make(folder, 0755, NULL), VT_OK);
    f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Writes the tiles of one level, from its hashes. */
static inline void
index_log_put_level(
    const struct index_log *l, unsigned level, const struct vt_digest *hash, size_t count)
{
    for (size_t n = 0; n * VT_TILE_WIDTH < count; n++) {
        struct vt_tile t = {.level = level, .index = n};
        char name[VT_TILE_PATH_MAX];

        t.width = vt_tile_width(0, n, count);
        vt_tile_path(&t, name);
        index_log_put(l, name, hash[n * VT_TILE_WIDTH].b, t.width * sizeof hash[0]);
    }
}

static inline void
index_log_put_bundles(const struct index_log *l)
{
    for (size_t n = 0; n * VT_TILE_WIDTH < l->count; n++) {
        struct vt_tile t = {.level = VT_TILE_ENTRIES, .index = n};
        struct vt_buf b = VT_BUF(32U << 20);
        char name[VT_TILE_PATH_MAX];

        t.width = vt_tile_width(VT_TILE_ENTRIES, n, l->count);
        vt_tile_path(&t, name);
        for (size_t i = n * VT_TILE_WIDTH; i < n * VT_TILE_WIDTH + t.width; i++) {
            vt_buf_put_u16(&b, (uint16_t)l->entry[i].len);
            vt_buf_put(&b, l->entry[i].data, l->entry[i].len);
        }
        assert_int_equal(b.err, VT_OK);
        index_log_put(l, name, b.data, b.len);
        vt_buf_release(&b);
    }
}

/* The root of the first n entries. */
static inline struct vt_digest
index_log_root(const struct index_log *l, size_t n)
{
    struct vt_frontier f;
    struct vt_digest root;

    vt_frontier_init(&f);
    for (size_t i = 0; i < n; i++)
        vt_frontier_append(&f, &l->leaf[i]);
    vt_frontier_root(&f, &root);
    return root;
}

/* Signs text as a note. */
static inline void
index_log_sign(struct vt_buf *b, struct vt_signer *s, enum vt_sign_kind kind)
{
    struct vt_sig sig;
    const char *name = vt_signer_name(s);

    assert_int_equal(vt_signer_sign(s, kind, b->data, b->len, &sig, NULL), VT_OK);
    vt_buf_put_u8(b, '\n');
    vt_note_put_sig(
        b, name, vt_vkey_id(name, VT_NOTE_ED25519, vt_signer_public(s)), sig.b, sizeof sig.b);
}

/* Everything of what there is, and a checkpoint of it. */
static inline void
index_log_publish(const struct index_log *l)
{
    struct vt_checkpoint c = {.origin = INDEX_ORIGIN, .size = l->count};
    struct vt_buf b = VT_BUF(4096);
    struct vt_digest *hash = malloc((l->count + 1) * sizeof hash[0]);
    size_t count = l->count;

    assert_non_null(hash);
    if (count > 0)
        memcpy(hash, l->leaf, count * sizeof hash[0]);
    index_log_put_bundles(l);
    for (unsigned level = 0; count > 0; level++, count /= VT_TILE_WIDTH) {
        index_log_put_level(l, level, hash, count);
        for (size_t i = 0; i < count / VT_TILE_WIDTH; i++)
            vt_tile_fold(&hash[i * VT_TILE_WIDTH], VT_TILE_WIDTH, &hash[i]);
    }
    free(hash);
    c.root = index_log_root(l, l->count);
    vt_checkpoint_put(&b, &c);
    index_log_sign(&b, l->signer, VT_SIGN_CHECKPOINT);
    index_log_put(l, "checkpoint", b.data, b.len);
    vt_buf_release(&b);
}

#endif
