/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of a log's writer share: a log of entries "entry 0\n", "entry 1\n" and so on,
 * whose roots follow from their number.
 */
#ifndef VT_TESTS_WRITER_WORLD_H
#define VT_TESTS_WRITER_WORLD_H

#include "base/file.h"
#include "crypto/signer.h"
#include "log/reader.h"
#include "log/writer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "zurich.example/log"

struct fixture {
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char pub[VT_PATH_MAX];
    struct vt_signer *signer;
    char log_vkey[VT_VKEY_TEXT_MAX];
    struct vt_policy *policy;
};

static inline void
vkey_text(const char *name, enum vt_note_alg alg, const struct vt_pubkey *pub,
    char ret[VT_VKEY_TEXT_MAX])
{
    struct vt_vkey v;

    assert_int_equal(vt_vkey_make(name, alg, pub, &v, NULL), VT_OK);
    vt_vkey_format(&v, ret);
}

/* A signer in this process from a fixed seed. */
static inline struct vt_signer *
signer_of(const char *name, uint8_t seed_byte)
{
    uint8_t seed[32] = {seed_byte};
    struct vt_key *k = NULL;
    struct vt_signer *s = NULL;

    assert_int_equal(vt_key_from_seed(name, seed, &k, NULL), VT_OK);
    assert_int_equal(vt_signer_from_key(k, &s, NULL), VT_OK);
    return s;
}

static inline int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-writer", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->dir, NULL, "%s/log", f->root), VT_OK);
    assert_int_equal(vt_path(f->pub, NULL, "%s/public", f->root), VT_OK);
    f->signer = signer_of(ORIGIN, 1);
    vkey_text(ORIGIN, VT_NOTE_ED25519, vt_signer_public(f->signer), f->log_vkey);
    *state = f;
    return 0;
}

static inline int
tear_down(void **state)
{
    struct fixture *f = *state;

    vt_policy_free(f->policy);
    vt_signer_free(f->signer);
    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    free(f);
    return 0;
}

static inline struct vt_log_writer *
open_log(struct fixture *f)
{
    struct vt_log_writer *w = NULL;
    struct vt_why why = {0};
    enum vt_err err = vt_log_writer_open(f->dir, f->pub, ORIGIN, &w, &why);

    if (err != VT_OK)
        fail_msg("%s", why.text);
    return w;
}

/* Adds "entry FROM" to "entry TO-1" in batches of 100. */
static inline void
add_entries(struct vt_log_writer *w, uint64_t from, uint64_t to, const char *tag)
{
    for (uint64_t i = from; i < to; i++) {
        struct vt_digest name;
        uint64_t index = 0;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu%s\n", (unsigned long long)i, tag);

        vt_digest_of(text, (size_t)n, &name);
        assert_int_equal(vt_log_writer_add(w, text, (size_t)n, &name, &index, NULL), VT_OK);
        assert_int_equal(index, i);
        if (i % 100 == 99)
            assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    }
    assert_int_equal(vt_log_writer_commit(w, NULL), VT_OK);
    assert_int_equal(vt_log_writer_size(w), to);
}

static inline void
expected_root(uint64_t size, struct vt_digest *ret)
{
    struct vt_frontier fr;

    vt_frontier_init(&fr);
    for (uint64_t i = 0; i < size; i++) {
        struct vt_digest leaf;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        vt_merkle_leaf(text, (size_t)n, &leaf);
        vt_frontier_append(&fr, &leaf);
    }
    vt_frontier_root(&fr, ret);
}

static inline void
assert_root(struct vt_log_writer *w, uint64_t size)
{
    struct vt_digest want;
    struct vt_digest got;

    expected_root(size, &want);
    assert_int_equal(vt_log_writer_root(w, size, &got, NULL), VT_OK);
    assert_true(vt_digest_eq(&want, &got));
}

/* Signs and publishes with no witnesses asked. */
static inline void
publish_plain(struct fixture *f, struct vt_log_writer *w)
{
    size_t len;
    const void *note;

    assert_int_equal(vt_log_writer_sign(w, f->signer, NULL), VT_OK);
    note = vt_log_writer_signed_note(w, &len);
    assert_int_equal(vt_log_writer_publish(w, note, len, NULL), VT_OK);
}

static inline void
wal_path(const struct fixture *f, char ret[VT_PATH_MAX])
{
    assert_int_equal(vt_path(ret, NULL, "%s/wal/00000000000000000000", f->dir), VT_OK);
}

static inline off_t
size_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Flips one bit of a file. */
static inline void
flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 1);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

/* A policy that trusts the log without witnesses. */
static inline void
policy_without_witnesses(struct fixture *f)
{
    char text[2048];

    (void)snprintf(text, sizeof(text), "log %s\nquorum none\n", f->log_vkey);
    assert_int_equal(vt_policy_parse(text, strlen(text), &f->policy, NULL), VT_OK);
}

static inline void
assert_readable(struct fixture *f, const char *where, uint64_t size)
{
    struct vt_log_reader *r = NULL;
    struct vt_buf b = VT_BUF(65535);
    struct vt_proof proof;
    struct vt_why why = {0};
    const struct vt_checkpoint *cp;

    if (vt_log_reader_open(where, f->policy, &r, &why) != VT_OK)
        fail_msg("%s", why.text);
    cp = vt_log_reader_checkpoint(r);
    assert_int_equal(cp->size, size);
    for (uint64_t i = 0; i < size; i += size < 600 ? 1 : 17) {
        struct vt_digest leaf;
        char text[64];
        int n = snprintf(text, sizeof(text), "entry %llu\n", (unsigned long long)i);

        if (vt_log_reader_entry(r, i, &b, &why) != VT_OK)
            fail_msg("entry %d: %s", (int)i, why.text);
        assert_int_equal(b.len, n);
        assert_memory_equal(b.data, text, b.len);
        assert_int_equal(vt_log_reader_inclusion(r, i, &proof, NULL), VT_OK);
        vt_merkle_leaf(text, (size_t)n, &leaf);
        assert_int_equal(
            vt_merkle_check_inclusion(i, size, &leaf, &proof, &cp->root, NULL), VT_OK);
    }
    for (uint64_t old = 0; old <= size; old += size / 13 + 1) {
        struct vt_digest root;

        expected_root(old, &root);
        assert_int_equal(vt_log_reader_consistency(r, old, &proof, NULL), VT_OK);
        assert_int_equal(
            vt_merkle_check_consistency(old, size, &root, &cp->root, &proof, NULL), VT_OK);
    }
    assert_int_equal(vt_log_reader_entry(r, size, &b, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_inclusion(r, size, &proof, &why), VT_E_NOENT);
    assert_int_equal(vt_log_reader_consistency(r, size + 1, &proof, &why), VT_E_NOENT);
    vt_log_reader_free(r);
    vt_buf_release(&b);
}

#endif
