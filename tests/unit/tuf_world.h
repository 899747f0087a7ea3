/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TUF repository in memory, for tests: made with the release code, changed at
 * will, and read through a mirror that hands out what stands in it. Include
 * after cmocka.h.
 */
#ifndef VT_TEST_TUF_WORLD_H
#define VT_TEST_TUF_WORLD_H

#include "keys.h"

#include "base/file.h"
#include "release/document.h"
#include "update/client.h"
#include "update/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW INT64_C(1893456000) /* 2030-01-01T00:00:00Z */
#define PARTIES 8
#define FILES 96

enum party { ROOT, ROOT2, RELEASE, RELEASE2, ASSEMBLER, ALPHA, BETA, MALLORY };

static const char *const party_names[PARTIES] = {"zurich.example/root", "zurich.example/root-2",
    "zurich.example/release", "zurich.example/release-2", "zurich.example/assembler",
    "alpha.example/rebuilder", "beta.example/rebuilder", "mallory.example"};

struct world_file {
    char path[300];
    uint8_t *data;
    size_t len;
};

struct world {
    char dir[VT_PATH_MAX]; /* a temporary folder */
    struct vt_signer *signer[PARTIES];
    struct vt_pubkey key[PARTIES];
    size_t count;
    struct world_file file[FILES];
    struct vt_mirror mirror;
    unsigned gets;
    /* What the next documents get. */
    int64_t expires;
    uint64_t threshold;      /* of the channel */
    const char *pattern;     /* of the delegation */
    bool terminating_before; /* a terminating delegation `other` stands first */
    enum party by[PARTIES];  /* who signs the next document */
    size_t by_count;
};

static inline void
world_store(struct world *w, const char *path, const void *data, size_t len)
{
    struct world_file *f = NULL;
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->file[i].path, path) == 0)
            f = &w->file[i];
    if (f == NULL) {
        assert_true(w->count < FILES);
        f = &w->file[w->count++];
        (void)snprintf(f->path, sizeof f->path, "%s", path);
    }
    uint8_t *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    free(f->data);
    f->data = copy;
    f->len = len;
}

static inline struct world_file *
world_find(struct world *w, const char *path)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->file[i].path, path) == 0)
            return w->file[i].data == NULL ? NULL : &w->file[i];
    return NULL;
}

/* The same for a file that is there. */
static inline struct world_file *
world_file(struct world *w, const char *path)
{
    struct world_file *f = world_find(w, path);
    if (f == NULL) {
        fail_msg("%s is not in the repository", path);
        abort();
    }
    return f;
}

static inline void
world_remove(struct world *w, const char *path)
{
    struct world_file *f = world_file(w, path);
    free(f->data);
    f->data = NULL;
    f->path[0] = '\0';
}

static inline enum vt_err
world_get(void *ctx, const char *path, struct vt_buf *b, struct vt_why *why)
{
    struct world *w = ctx;
    const struct world_file *f = world_find(w, path);
    w->gets++;
    if (f == NULL)
        return vt_fail(why, VT_E_NOENT, "%s is not there", path);
    vt_buf_put(b, f->data, f->len);
    return vt_buf_check(b, path, why);
}

static inline enum vt_err
world_get_fd(void *ctx, const char *path, int fd, uint64_t len_max,
    void (*tick)(void *tick_ctx, uint64_t done), void *tick_ctx, struct vt_digest *ret,
    uint64_t *ret_len, struct vt_why *why)
{
    struct world *w = ctx;
    const struct world_file *f = world_find(w, path);
    w->gets++;
    if (f == NULL)
        return vt_fail(why, VT_E_NOENT, "%s is not there", path);
    if (f->len > len_max)
        return vt_fail(why, VT_E_LIMIT, "%s is too long", path);
    enum vt_err err = vt_fd_write(fd, f->data, f->len, why);
    if (err != VT_OK)
        return err;
    if (tick != NULL)
        tick(tick_ctx, f->len);
    vt_digest_of(f->data, f->len, ret);
    *ret_len = f->len;
    return VT_OK;
}

static inline struct world *
world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    const char *tmp = getenv("TMPDIR");
    assert_non_null(w);
    if (tmp == NULL) /* memory, where there is some: these tests sync very often */
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    assert_int_equal(vt_dir_temp(tmp, "vitrine-test", w->dir, NULL), VT_OK);
    for (int i = 0; i < PARTIES; i++) {
        struct vt_key *k = test_key(party_names[i], (uint8_t)(100 + i));
        assert_int_equal(vt_signer_from_key(k, &w->signer[i], NULL), VT_OK);
        w->key[i] = *vt_signer_public(w->signer[i]);
    }
    w->mirror = (struct vt_mirror){world_get, world_get_fd, NULL, w};
    w->expires = NOW + 1000;
    w->threshold = 3;
    w->pattern = "*/*/*";
    return w;
}

static inline void
world_free(struct world *w)
{
    for (int i = 0; i < PARTIES; i++)
        vt_signer_free(w->signer[i]);
    for (size_t i = 0; i < w->count; i++)
        free(w->file[i].data);
    assert_int_equal(vt_tree_remove(w->dir, NULL), VT_OK);
    free(w);
}

/* Who signs the documents from now on. */
#define WORLD_BY(w, ...)                                                                       \
    do {                                                                                       \
        const enum party by_[] = {__VA_ARGS__};                                                \
        (w)->by_count = sizeof by_ / sizeof by_[0];                                            \
        memcpy((w)->by, by_, sizeof by_);                                                      \
    } while (0)

/* Signs the document by w->by and stores it; steals doc. */
static inline void
world_sign(struct world *w, const char *path, json_t *doc)
{
    struct vt_signer *by[PARTIES];
    struct vt_buf b = VT_BUF(VT_TUF_METADATA_MAX);
    struct vt_why why = {{0}};
    for (size_t i = 0; i < w->by_count; i++)
        by[i] = w->signer[w->by[i]];
    if (vt_document_sign(doc, by, w->by_count, &b, &why) != VT_OK)
        fail_msg("%s", why.text);
    world_store(w, path, b.data, b.len);
    vt_buf_release(&b);
    json_decref(doc);
}

static inline json_t *
world_document(struct world *w, enum vt_tuf_type type, uint64_t version)
{
    json_t *doc = NULL;
    assert_int_equal(vt_document_new(type, version, w->expires, &doc, NULL), VT_OK);
    return doc;
}

static inline void
numbered(char ret[300], uint64_t version, const char *role)
{
    (void)snprintf(ret, 300, "tuf/metadata/%llu.%s.json", (unsigned long long)version, role);
}

/* A root whose root and targets key is `root` and the others' `release`. */
static inline json_t *
world_root_document(struct world *w, uint64_t version, enum party root, enum party release)
{
    json_t *doc = world_document(w, VT_TUF_ROOT, version);
    const struct vt_document_role roles[] = {
        {"root", &w->key[root], 1, 1},
        {"targets", &w->key[root], 1, 1},
        {"snapshot", &w->key[release], 1, 1},
        {"timestamp", &w->key[release], 1, 1},
    };
    assert_int_equal(vt_document_root(doc, roles, 4, NULL), VT_OK);
    return doc;
}

static inline void
world_root(struct world *w, uint64_t version, enum party root, enum party release)
{
    char path[300];
    numbered(path, version, "root");
    world_sign(w, path, world_root_document(w, version, root, release));
}

/* targets with the channel `products`, signed by assembler, alpha and beta. */
static inline void
world_targets(struct world *w, uint64_t version)
{
    char path[300];
    json_t *doc = world_document(w, VT_TUF_TARGETS, version);
    const struct vt_pubkey key[] = {w->key[ASSEMBLER], w->key[ALPHA], w->key[BETA]};
    struct vt_document_role role = {"products", key, 3, w->threshold};
    struct vt_document_role other = {"other", key, 3, w->threshold};
    const struct vt_document_role both[] = {other, role};
    assert_int_equal(json_object_set_new(doc, "targets", json_object()), 0);
    if (w->terminating_before)
        assert_int_equal(vt_document_delegations(doc, both, 2, w->pattern, NULL), VT_OK);
    else
        assert_int_equal(vt_document_delegations(doc, &role, 1, w->pattern, NULL), VT_OK);
    if (w->terminating_before) {
        json_t *roles = json_object_get(json_object_get(doc, "delegations"), "roles");
        (void)json_object_set_new(json_array_get(roles, 0), "terminating", json_true());
    }
    numbered(path, version, "targets");
    world_sign(w, path, doc);
}

static inline void
world_add_target(json_t *doc, const char *product, const char *version, const char *file,
    const void *data, size_t len)
{
    char path[300];
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    vt_digest_of(data, len, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(path, sizeof path, "%s/%s/%s", product, version, file);
    assert_int_equal(
        json_object_set_new(json_object_get(doc, "targets"), path,
            json_pack("{s:I, s:{s:s}, s:{s:s, s:s}}", "length", (json_int_t)len, "hashes",
                "sha256", hex, "custom", "product", product, "version", version)),
        0);
}

/* The channel with one product, whose content is stored too. */
static inline void
world_channel(struct world *w, uint64_t version, const char *product_version, const void *data,
    size_t len, const char *file)
{
    char path[300];
    char hex[VT_DIGEST_HEX_SIZE];
    struct vt_digest d;
    json_t *doc = world_document(w, VT_TUF_TARGETS, version);
    assert_int_equal(json_object_set_new(doc, "targets", json_object()), 0);
    world_add_target(doc, "lantern", product_version, file, data, len);
    numbered(path, version, "products");
    world_sign(w, path, doc);
    vt_digest_of(data, len, &d);
    vt_digest_hex(&d, hex);
    (void)snprintf(
        path, sizeof path, "tuf/targets/lantern/%s/%s.%s", product_version, hex, file);
    world_store(w, path, data, len);
}

/* Lists the stored targets and channel of these versions (0: no channel). */
static inline json_t *
world_snapshot_document(struct world *w, uint64_t version, uint64_t targets, uint64_t channel)
{
    char path[300];
    json_t *doc = world_document(w, VT_TUF_SNAPSHOT, version);
    numbered(path, targets, "targets");
    const struct world_file *f = world_file(w, path);
    assert_int_equal(
        vt_document_meta(doc, "targets.json", targets, f->data, f->len, NULL), VT_OK);
    if (channel > 0) {
        numbered(path, channel, "products");
        f = world_file(w, path);
        assert_int_equal(
            vt_document_meta(doc, "products.json", channel, f->data, f->len, NULL), VT_OK);
    }
    return doc;
}

static inline void
world_snapshot(struct world *w, uint64_t version, uint64_t targets, uint64_t channel)
{
    char path[300];
    numbered(path, version, "snapshot");
    world_sign(w, path, world_snapshot_document(w, version, targets, channel));
}

static inline void
world_timestamp(struct world *w, uint64_t version, uint64_t snapshot)
{
    char path[300];
    json_t *doc = world_document(w, VT_TUF_TIMESTAMP, version);
    numbered(path, snapshot, "snapshot");
    const struct world_file *f = world_file(w, path);
    assert_int_equal(
        vt_document_meta(doc, "snapshot.json", snapshot, f->data, f->len, NULL), VT_OK);
    world_sign(w, "tuf/metadata/timestamp.json", doc);
}

/* Snapshot and timestamp of one version, signed by release. */
static inline void
world_publish(struct world *w, uint64_t version, uint64_t targets, uint64_t channel)
{
    WORLD_BY(w, RELEASE);
    world_snapshot(w, version, targets, channel);
    world_timestamp(w, version, version);
}

#define BYTES "these are the bytes of lantern"

/* Version 1 of everything, with lantern 1.0.0 in it. */
static inline void
world_begin(struct world *w)
{
    WORLD_BY(w, ROOT);
    world_root(w, 1, ROOT, RELEASE);
    world_targets(w, 1);
    WORLD_BY(w, ASSEMBLER, ALPHA, BETA);
    world_channel(w, 1, "1.0.0", BYTES, sizeof BYTES - 1, "lantern.bin");
    world_publish(w, 1, 1, 1);
}

static inline const char *
world_name(const void *ctx, const struct vt_pubkey *pub)
{
    const struct world *w = ctx;
    for (int i = 0; i < MALLORY; i++)
        if (vt_pubkey_eq(&w->key[i], pub))
            return party_names[i];
    return NULL;
}

#endif
