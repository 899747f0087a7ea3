/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in memory and passports from it, for tests of what a customer checks.
 * Include after cmocka.h and tuf_world.h.
 */
#ifndef VT_TEST_PROOF_WORLD_H
#define VT_TEST_PROOF_WORLD_H

#include "tuf_world.h"

#include "note/passport.h"
#include "note/policy.h"

#define LOG_NAME "zurich.example/log"
#define LOG_SEED 1
#define WITNESS_NAME "witness-1.example"
#define WITNESS_SEED 2
#define LOG_ENTRIES 64

struct test_log {
    size_t count;
    uint8_t *entry[LOG_ENTRIES];
    size_t len[LOG_ENTRIES];
    struct vt_digest leaf[LOG_ENTRIES];
    uint64_t time; /* of the witness's next cosignature */
};

static inline void
log_free(struct test_log *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->entry[i]);
    l->count = 0;
}

static inline void
log_add(struct test_log *l, const struct vt_entry *e, struct vt_signer *s)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_why why = {{0}};
    if (vt_entry_sign(&b, e, s, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_true(l->count < LOG_ENTRIES);
    l->entry[l->count] = malloc(b.len);
    if (l->entry[l->count] == NULL)
        abort();
    memcpy(l->entry[l->count], b.data, b.len);
    l->len[l->count] = b.len;
    vt_merkle_leaf(b.data, b.len, &l->leaf[l->count]);
    l->count++;
    vt_buf_release(&b);
}

static inline struct vt_digest
log_digest(const char *what, const void *data, size_t len)
{
    struct vt_digest d;
    const struct vt_slice v[] = {{what, strlen(what)}, {data, len}};
    vt_digest_of_slices(v, 2, &d);
    return d;
}

/* An entry about an artifact with made-up inputs. */
static inline struct vt_entry
log_entry(enum vt_entry_kind kind, const void *data, size_t len)
{
    struct vt_entry e = {.kind = kind, .statement = log_digest("statement", data, len)};
    struct vt_digest artifact, source = log_digest("source", data, len);
    struct vt_digest environment = log_digest("environment", data, len);
    struct vt_digest recipe = log_digest("recipe", data, len);
    struct vt_digest metadata = log_digest("metadata", data, len);
    vt_digest_of(data, len, &artifact);
    bool made = kind == VT_ENTRY_ASSEMBLY || kind == VT_ENTRY_REBUILD;
    if (made || kind == VT_ENTRY_RELEASE)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_ARTIFACT, &artifact, NULL), VT_OK);
    if (made || kind == VT_ENTRY_SOURCE)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &source, NULL), VT_OK);
    if (made || kind == VT_ENTRY_ENVIRONMENT)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_ENVIRONMENT, &environment, NULL), VT_OK);
    if (made)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_RECIPE, &recipe, NULL), VT_OK);
    if (kind == VT_ENTRY_RELEASE)
        assert_int_equal(vt_entry_add(&e, VT_SUBJECT_METADATA, &metadata, NULL), VT_OK);
    return e;
}

/* All entries that prove an artifact, beta's rebuild only when wanted. */
static inline void
log_release(struct test_log *l, struct world *w, const void *data, size_t len, bool with_beta)
{
    struct vt_entry e = log_entry(VT_ENTRY_SOURCE, data, len);
    log_add(l, &e, w->signer[MALLORY]); /* the developer of these tests */
    e = log_entry(VT_ENTRY_ENVIRONMENT, data, len);
    log_add(l, &e, w->signer[ASSEMBLER]);
    e = log_entry(VT_ENTRY_ASSEMBLY, data, len);
    log_add(l, &e, w->signer[ASSEMBLER]);
    e = log_entry(VT_ENTRY_REBUILD, data, len);
    log_add(l, &e, w->signer[ALPHA]);
    if (with_beta)
        log_add(l, &e, w->signer[BETA]);
    e = log_entry(VT_ENTRY_RELEASE, data, len);
    log_add(l, &e, w->signer[RELEASE]);
}

static inline enum vt_err
log_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const struct test_log *l = ctx;
    struct vt_digest left, right;
    if (level == 0) {
        *ret = l->leaf[index];
        return VT_OK;
    }
    enum vt_err err = log_hash(ctx, level - 1, 2 * index, &left, why);
    if (err == VT_OK)
        err = log_hash(ctx, level - 1, 2 * index + 1, &right, why);
    vt_merkle_node(&left, &right, ret);
    return err;
}

/* The cosigned checkpoint over all entries so far. */
static inline void
log_checkpoint(struct test_log *l, struct vt_buf *b)
{
    struct vt_hash_source src = {log_hash, l};
    struct vt_checkpoint c = {.size = l->count};
    char text[512];
    (void)snprintf(c.origin, sizeof c.origin, LOG_NAME);
    assert_int_equal(vt_merkle_root(&src, l->count, &c.root, NULL), VT_OK);
    vt_checkpoint_put(b, &c);
    size_t len = b->len;
    assert_true(len < sizeof text);
    memcpy(text, b->data, len);
    vt_buf_puts(b, "\n");
    test_put_sig(b, LOG_NAME, LOG_SEED, text, len);
    test_put_cosig(b, WITNESS_NAME, WITNESS_SEED, l->time, text, len);
}

/* Stores the passport of an artifact, made of all entries. */
static inline void
log_passport(struct test_log *l, struct world *w, const void *data, size_t len)
{
    struct vt_hash_source src = {log_hash, l};
    struct vt_buf note = VT_BUF(VT_NOTE_MAX), file = VT_BUF(VT_PASSPORT_MAX);
    struct vt_digest artifact;
    struct vt_passport *p = NULL;
    char hex[VT_DIGEST_HEX_SIZE], path[300];
    vt_digest_of(data, len, &artifact);
    assert_int_equal(vt_passport_new(&artifact, &p, NULL), VT_OK);
    for (size_t i = 0; i < l->count; i++) {
        struct vt_proof proof;
        assert_int_equal(vt_merkle_prove_inclusion(&src, i, l->count, &proof, NULL), VT_OK);
        assert_int_equal(vt_passport_add(p, i, l->entry[i], l->len[i], &proof, NULL), VT_OK);
    }
    log_checkpoint(l, &note);
    assert_int_equal(vt_passport_set_checkpoint(p, note.data, note.len, NULL), VT_OK);
    assert_int_equal(vt_passport_put(p, &file, NULL), VT_OK);
    vt_digest_hex(&artifact, hex);
    (void)snprintf(path, sizeof path, "passports/%s.passport", hex);
    world_store(w, path, file.data, file.len);
    vt_passport_free(p);
    vt_buf_release(&note);
    vt_buf_release(&file);
}

static inline void
put_signer(struct vt_buf *b, const char *name, enum party party)
{
    vt_buf_putf(b, "signer %s ", name);
    test_put_vkey(b, party_names[party], VT_NOTE_ED25519, (uint8_t)(100 + (int)party));
    vt_buf_puts(b, "\n");
}

/* Appends the policy of all these tests. */
static inline void
put_policy(struct vt_buf *b)
{
    vt_buf_puts(b, "log ");
    test_put_vkey(b, LOG_NAME, VT_NOTE_ED25519, LOG_SEED);
    vt_buf_puts(b, "\nwitness witness-1 ");
    test_put_vkey(b, WITNESS_NAME, VT_NOTE_COSIG_ED25519, WITNESS_SEED);
    vt_buf_puts(b, "\nquorum witness-1\n");
    put_signer(b, "developer", MALLORY);
    put_signer(b, "assembler", ASSEMBLER);
    put_signer(b, "release", RELEASE);
    put_signer(b, "alpha", ALPHA);
    put_signer(b, "beta", BETA);
    vt_buf_puts(b, "group rebuilders all alpha beta\n"
                   "require source developer\n"
                   "require environment assembler\n"
                   "require assembly assembler\n"
                   "require rebuild rebuilders\n"
                   "require release release\n");
}

static inline struct vt_policy *
world_policy(void)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    struct vt_why why = {{0}};
    put_policy(&b);
    if (vt_policy_parse(b.data, b.len, &p, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(&b);
    return p;
}

#endif
