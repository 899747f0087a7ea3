/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small log in memory's file system, of which fuzz targets replace one file after the other.
 */
#ifndef VT_FUZZ_LOG_MADE_H
#define VT_FUZZ_LOG_MADE_H

#include "base/file.h"
#include "crypto/signer.h"
#include "log/tiles_edge.h"
#include "must.h"
#include "note/policy.h"

#include <stdio.h>
#include <unistd.h>

#define MADE_FILES 8U

struct made {
    char root[VT_PATH_MAX]; /* what is below it is the target's own */
    char dir[VT_PATH_MAX];  /* the log */
    struct vt_policy *policy;
    struct vt_digest root_hash;
    uint64_t size;
    struct vt_edge edge;
};

/* The files of a log of 600 entries, but those of level 0 that are full. */
static const char *const made_files[MADE_FILES] = {"checkpoint", "tile/entries/000",
    "tile/entries/001", "tile/entries/002.p/88", "tile/0/002.p/88", "tile/1/000.p/2",
    "tile/0/001", "frozen"};

static inline void
made_put(const struct made *m, const char *rel, const void *data, size_t len)
{
    char path[VT_PATH_MAX];
    FILE *out;

    must(vt_path(path, NULL, "%s/%s", m->dir, rel) == VT_OK);
    *strrchr(path, '/') = '\0';
    must(vt_file_exists(path) || vt_dir_make(path, 0755, NULL) == VT_OK);
    must(vt_path(path, NULL, "%s/%s", m->dir, rel) == VT_OK);
    out = fopen(path, "we");
    must(out != NULL && fwrite(data, 1, len, out) == len && fclose(out) == 0);
}

static inline enum vt_err
made_tile(
    void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why)
{
    char rel[VT_TILE_PATH_MAX];

    (void)why;
    vt_tile_path(t, rel);
    made_put(ctx, rel, hashes, t->width * sizeof(*hashes));
    return VT_OK;
}

static inline void
made_entries(struct made *m)
{
    for (uint64_t n = 0; n * VT_TILE_WIDTH < m->size; n++) {
        struct vt_tile t = {.level = VT_TILE_ENTRIES, .index = n};
        struct vt_buf b = VT_BUF(65536);
        char rel[VT_TILE_PATH_MAX];

        t.width = vt_tile_width(0, n, m->size);
        for (unsigned i = 0; i < t.width; i++) {
            struct vt_digest leaf;
            char text[32];
            int len = snprintf(text, sizeof(text), "entry %u\n", (unsigned)(n * 256 + i));

            vt_buf_put_u16(&b, (uint16_t)len);
            vt_buf_put(&b, text, (size_t)len);
            vt_merkle_leaf(text, (size_t)len, &leaf);
            must(vt_edge_put(&m->edge, 0, &leaf, made_tile, m, NULL) == VT_OK);
        }
        vt_tile_path(&t, rel);
        made_put(m, rel, b.data, b.len);
        vt_buf_release(&b);
    }
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX; l++) {
        struct vt_tile t = vt_edge_tile(&m->edge, l);

        if (t.width > 0)
            must(made_tile(m, &t, m->edge.hash[l], NULL) == VT_OK);
    }
}

/* Writes the log of `size` entries, with its checkpoint, and the policy that knows it. */
static inline void
made_log(struct made *m, uint64_t size)
{
    static const uint8_t seed[32] = {1};
    struct vt_checkpoint c = {.origin = "fuzz.example/log", .size = size};
    struct vt_buf b = VT_BUF(65536);
    struct vt_signer *s = NULL;
    struct vt_key *k = NULL;
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey v;
    struct vt_sig sig;

    memset(&m->edge, 0, sizeof(m->edge));
    m->size = size;
    made_entries(m);
    must(vt_edge_root(&m->edge, &m->root_hash, NULL) == VT_OK);
    must(vt_key_from_seed(c.origin, seed, &k, NULL) == VT_OK);
    must(vt_signer_from_key(k, &s, NULL) == VT_OK);
    c.root = m->root_hash;
    vt_checkpoint_put(&b, &c);
    must(vt_signer_sign(s, VT_SIGN_CHECKPOINT, b.data, b.len, &sig, NULL) == VT_OK);
    must(vt_vkey_make(c.origin, VT_NOTE_ED25519, vt_signer_public(s), &v, NULL) == VT_OK);
    vt_buf_puts(&b, "\n");
    vt_note_put_sig(&b, c.origin, v.id, sig.b, sizeof(sig.b));
    made_put(m, "checkpoint", b.data, b.len);
    vt_buf_clear(&b);
    vt_vkey_format(&v, text);
    vt_buf_putf(&b, "log %s\nquorum none\n", text);
    vt_policy_free(m->policy);
    m->policy = NULL;
    must(vt_policy_parse(b.data, b.len, &m->policy, NULL) == VT_OK);
    vt_buf_release(&b);
    vt_signer_free(s);
}

static char made_roots[2][VT_PATH_MAX];

static inline void
made_end(void)
{
    for (size_t i = 0; i < 2; i++)
        if (made_roots[i][0] != '\0')
            must(vt_tree_remove(made_roots[i], NULL) == VT_OK);
}

/* At most two logs; their files are removed in the end. */
static inline void
made_begin(struct made *m)
{
    size_t i = made_roots[0][0] == '\0' ? 0 : 1;

    must(vt_dir_temp("/dev/shm", "vt-fuzz", m->root, NULL) == VT_OK);
    must(vt_path(m->dir, NULL, "%s/log", m->root) == VT_OK);
    memcpy(made_roots[i], m->root, sizeof(m->root));
    must(i > 0 || atexit(made_end) == 0);
}

/* Reads a file of the log whole. */
static inline void
made_get(const struct made *m, const char *rel, struct vt_buf *b)
{
    char path[VT_PATH_MAX];

    vt_buf_clear(b);
    must(vt_path(path, NULL, "%s/%s", m->dir, rel) == VT_OK);
    must(vt_file_read(path, b, NULL) == VT_OK);
}

#endif
