/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's public folder made by hand: for tests of those who read logs, so that they depend on
 * no writer, and may be given logs that no writer makes.
 */
#ifndef VT_TEST_LOG_FOLDER_H
#define VT_TEST_LOG_FOLDER_H

#include "base/file.h"
#include "crypto/signer.h"
#include "log/tiles_bundle.h"
#include "log/tiles_edge.h"
#include "note/frozen.h"
#include "note/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct folder {
    char dir[VT_PATH_MAX];
    struct vt_signer *signer;
    const char *tag; /* in each entry's text */
    /* Writes the entry's bytes, at most 65,535; NULL: "entry INDEX TAG\n". */
    size_t (*entry)(const struct folder *f, uint64_t index, uint8_t *ret);
    struct vt_edge edge;
    struct vt_buf bundle;
    struct vt_digest leaf[VT_TILE_WIDTH];
};

/* Where tests make files by the thousand: in memory, where that is possible. */
static inline const char *
folder_parent(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static inline struct vt_signer *
folder_signer(const char *name, uint8_t seed_byte)
{
    uint8_t seed[32] = {seed_byte};
    struct vt_key *k = NULL;
    struct vt_signer *s = NULL;

    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    return s;
}

/* A policy with that log and `more` lines. */
static inline struct vt_policy *
folder_policy(struct vt_signer *s, const char *more)
{
    struct vt_policy *p = NULL;
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {0};
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey v;

    assert_int_equal(
        vt_vkey_make(vt_signer_name(s), VT_NOTE_ED25519, vt_signer_public(s), &v, NULL), VT_OK);
    vt_vkey_format(&v, text);
    vt_buf_putf(&b, "log %s\n%squorum none\n", text, more);
    if (vt_policy_parse(b.data, b.len, &p, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&b);
    return p;
}

static inline void
folder_put(const struct folder *f, const char *rel, const void *data, size_t len)
{
    char path[VT_PATH_MAX];
    FILE *out;

    assert_int_equal(vt_path(path, NULL, "%s/%s", f->dir, rel), VT_OK);
    *strrchr(path, '/') = '\0';
    assert_int_equal(vt_dir_make(path, 0755, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/%s", f->dir, rel), VT_OK);
    out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static inline enum vt_err
folder_tile(
    void *ctx, const struct vt_tile *t, const struct vt_digest *hashes, struct vt_why *why)
{
    char rel[VT_TILE_PATH_MAX];

    (void)why;
    vt_tile_path(t, rel);
    folder_put(ctx, rel, hashes, t->width * sizeof(*hashes));
    return VT_OK;
}

static inline size_t
folder_entry(const struct folder *f, uint64_t index, uint8_t *ret)
{
    if (f->entry != NULL)
        return f->entry(f, index, ret);
    return (size_t)snprintf((char *)ret, 256, "entry %llu %s\n", (unsigned long long)index,
        f->tag != NULL ? f->tag : "");
}

static inline void
folder_add_bundle(struct folder *f, uint64_t n, uint64_t size)
{
    struct vt_tile t = {.level = VT_TILE_ENTRIES, .index = n};
    static uint8_t entry[65536];
    char rel[VT_TILE_PATH_MAX];

    t.width = vt_tile_width(0, n, size);
    vt_buf_clear(&f->bundle);
    for (unsigned i = 0; i < t.width; i++) {
        size_t len = folder_entry(f, n * VT_TILE_WIDTH + i, entry);

        vt_buf_put_u16(&f->bundle, (uint16_t)len);
        vt_buf_put(&f->bundle, entry, len);
        vt_merkle_leaf(entry, len, &f->leaf[i]);
        assert_int_equal(vt_edge_put(&f->edge, 0, &f->leaf[i], folder_tile, f, NULL), VT_OK);
    }
    vt_tile_path(&t, rel);
    folder_put(f, rel, f->bundle.data, f->bundle.len);
}

/* Signs text of that kind and writes it to DIR/rel. */
static inline void
folder_sign(struct folder *f, enum vt_sign_kind kind, struct vt_buf *b, const char *rel)
{
    struct vt_sig sig;
    struct vt_why why = {0};

    assert_int_equal(vt_buf_check(b, "note", NULL), VT_OK);
    if (vt_signer_sign(f->signer, kind, b->data, b->len, &sig, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_puts(b, "\n");
    vt_note_put_sig(b, vt_signer_name(f->signer),
        vt_vkey_id(vt_signer_name(f->signer), VT_NOTE_ED25519, vt_signer_public(f->signer)),
        sig.b, sizeof(sig.b));
    folder_put(f, rel, b->data, b->len);
}

static inline void
folder_checkpoint(struct folder *f, uint64_t size, const struct vt_digest *root)
{
    struct vt_checkpoint c = {.size = size, .root = *root};
    struct vt_buf b = VT_BUF(65536);

    (void)snprintf(c.origin, sizeof(c.origin), "%s", vt_signer_name(f->signer));
    vt_checkpoint_put(&b, &c);
    folder_sign(f, VT_SIGN_CHECKPOINT, &b, "checkpoint");
    vt_buf_release(&b);
}

static inline void
folder_freeze(struct folder *f, uint64_t size, const struct vt_digest *root)
{
    struct vt_frozen z = {.size = size, .root = *root, .time = 1767225600};
    struct vt_buf b = VT_BUF(65536);

    (void)snprintf(z.origin, sizeof(z.origin), "%s", vt_signer_name(f->signer));
    (void)snprintf(z.reason, sizeof(z.reason), "its year is over");
    vt_frozen_put(&b, &z);
    folder_sign(f, VT_SIGN_LOG_FROZEN, &b, "frozen");
    vt_buf_release(&b);
}

/* Writes all files of a log of `size` entries from the first on. ret_root may be NULL. */
static inline void
folder_write(struct folder *f, uint64_t size, struct vt_digest *ret_root)
{
    struct vt_digest root;

    memset(&f->edge, 0, sizeof(f->edge));
    vt_buf_init(&f->bundle, VT_BUNDLE_MAX);
    for (uint64_t n = 0; n * VT_TILE_WIDTH < size; n++)
        folder_add_bundle(f, n, size);
    for (unsigned l = 0; l <= VT_TILE_LEVEL_MAX; l++) {
        struct vt_tile t = vt_edge_tile(&f->edge, l);

        if (t.width > 0)
            assert_int_equal(folder_tile(f, &t, f->edge.hash[l], NULL), VT_OK);
    }
    assert_int_equal(vt_edge_root(&f->edge, &root, NULL), VT_OK);
    folder_checkpoint(f, size, &root);
    vt_buf_release(&f->bundle);
    if (ret_root != NULL)
        *ret_root = root;
}

/* Changes one byte of a file. */
static inline void
folder_flip(const struct folder *f, const char *rel, off_t at)
{
    char path[VT_PATH_MAX];
    FILE *io;
    int c;

    assert_int_equal(vt_path(path, NULL, "%s/%s", f->dir, rel), VT_OK);
    io = fopen(path, "r+e");
    assert_non_null(io);
    assert_int_equal(fseeko(io, at, SEEK_SET), 0);
    c = fgetc(io);
    assert_true(c >= 0);
    assert_int_equal(fseeko(io, at, SEEK_SET), 0);
    assert_true(fputc(c ^ 0x40, io) >= 0);
    assert_int_equal(fclose(io), 0);
}

static inline off_t
folder_size(const struct folder *f, const char *rel)
{
    char path[VT_PATH_MAX];
    struct stat st;

    assert_int_equal(vt_path(path, NULL, "%s/%s", f->dir, rel), VT_OK);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

#endif
