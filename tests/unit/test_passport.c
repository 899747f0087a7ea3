/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passports, over small logs made from keys with known seeds. The first log is
 * the worked example of docs/formats/passport.md, which is compared with it.
 */
#include "base/file.h"
#include "merkle/tile.h"
#include "note/passport.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keys.h"

#define ORIGIN "zurich.example/log"
#define TIME_1 1767225600 /* 2026-01-01T00:00:00Z */
#define TIME_2 1767225605

/* The parties; a key's seed is its number, 32 times over. */
enum who {
    LOG = 1,
    WITNESS_1,
    WITNESS_2,
    DEVELOPER,
    ASSEMBLER,
    RELEASE,
    ALPHA,
    BETA,
    STRANGER,
};

static const char *const key_names[] = {
    [LOG] = ORIGIN,
    [WITNESS_1] = "witness-1.example",
    [WITNESS_2] = "witness-2.example",
    [DEVELOPER] = "developer.zurich.example",
    [ASSEMBLER] = "zurich.example/assembler",
    [RELEASE] = "zurich.example/release",
    [ALPHA] = "alpha.example/rebuilder",
    [BETA] = "beta.example/rebuilder",
    [STRANGER] = "stranger.example",
};

static void
put_key(struct vt_buf *b, const char *before, enum who who)
{
    bool witness = who == WITNESS_1 || who == WITNESS_2;
    vt_buf_puts(b, before);
    test_put_vkey(
        b, key_names[who], witness ? VT_NOTE_COSIG_ED25519 : VT_NOTE_ED25519, (uint8_t)who);
    vt_buf_puts(b, "\n");
}

static void
put_parties(struct vt_buf *b)
{
    put_key(b, "log ", LOG);
    put_key(b, "witness witness-1 ", WITNESS_1);
    put_key(b, "witness witness-2 ", WITNESS_2);
    vt_buf_puts(b, "group witnesses all witness-1 witness-2\nquorum witnesses\n");
    put_key(b, "signer developer ", DEVELOPER);
    put_key(b, "signer assembler ", ASSEMBLER);
    put_key(b, "signer release ", RELEASE);
    put_key(b, "signer alpha ", ALPHA);
    put_key(b, "signer beta ", BETA);
    vt_buf_puts(b, "group rebuilders all alpha beta\n");
}

static void
put_policy(struct vt_buf *b)
{
    put_parties(b);
    vt_buf_puts(b,
        "require source developer\nrequire environment assembler\nrequire assembly assembler\n"
        "require rebuild rebuilders\nrequire release release\n");
}

static struct vt_policy *
parse_policy(struct vt_buf *b)
{
    struct vt_policy *p = NULL;
    struct vt_why why = {{0}};
    if (vt_policy_parse(b->data, b->len, &p, &why) != VT_OK)
        fail_msg("%s", why.text);
    vt_buf_release(b);
    return p;
}

static struct vt_policy *
the_policy(void)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    put_policy(&b);
    return parse_policy(&b);
}

/* ---- logs ---- */

#define LOG_MAX 80

struct log {
    size_t size;
    struct vt_buf entry[LOG_MAX];
    struct vt_digest leaf[LOG_MAX];
};

static struct vt_digest
digest(const char *text)
{
    struct vt_digest d;
    vt_digest_of(text, strlen(text), &d);
    return d;
}

static void
subject(struct vt_entry *e, enum vt_subject_role role, const char *text)
{
    struct vt_digest d = digest(text);
    assert_int_equal(vt_entry_add(e, role, &d, NULL), VT_OK);
}

static void
log_bytes(struct log *l, const struct vt_buf *bytes)
{
    assert_true(l->size < LOG_MAX);
    l->entry[l->size] = VT_BUF(VT_ENTRY_MAX);
    vt_buf_put(&l->entry[l->size], bytes->data, bytes->len);
    vt_merkle_leaf(bytes->data, bytes->len, &l->leaf[l->size]);
    l->size++;
}

/* Signs the entry and appends it; its statement is the text `statement N`. */
static void
log_entry(struct log *l, struct vt_entry e, enum who who)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_signer *s = NULL;
    char statement[32];
    snprintf(statement, sizeof statement, "statement %zu\n", l->size);
    e.statement = digest(statement);
    assert_int_equal(
        vt_signer_from_key(test_key(key_names[who], (uint8_t)who), &s, NULL), VT_OK);
    assert_int_equal(vt_entry_sign(&b, &e, s, NULL), VT_OK);
    log_bytes(l, &b);
    vt_buf_release(&b);
    vt_signer_free(s);
}

static struct vt_entry
entry_one(enum vt_entry_kind kind, enum vt_subject_role role, const char *text)
{
    struct vt_entry e = {.kind = kind};
    subject(&e, role, text);
    return e;
}

/* What an assembly speaks of. */
struct made {
    const char *source, *environment, *recipe, *artifact;
};
static const struct made the_made = {
    "the source\n", "the environment\n", "the recipe\n", "the artifact\n"};

static struct vt_entry
entry_made(enum vt_entry_kind kind, const struct made *m)
{
    struct vt_entry e = entry_one(kind, VT_SUBJECT_SOURCE, m->source);
    subject(&e, VT_SUBJECT_ENVIRONMENT, m->environment);
    subject(&e, VT_SUBJECT_RECIPE, m->recipe);
    subject(&e, VT_SUBJECT_ARTIFACT, m->artifact);
    return e;
}

static struct vt_entry
entry_release(const char *artifact)
{
    struct vt_entry e = entry_one(VT_ENTRY_RELEASE, VT_SUBJECT_ARTIFACT, artifact);
    subject(&e, VT_SUBJECT_METADATA, "the metadata\n");
    return e;
}

/* The log of the worked example, without the entry of the kind and signer
 * given (0: nothing left out). Entry 3 is about something else. */
static void
log_example(struct log *l, enum vt_entry_kind without, enum who by)
{
    const struct {
        struct vt_entry e;
        enum who who;
    } v[] = {
        {entry_one(VT_ENTRY_SOURCE, VT_SUBJECT_SOURCE, the_made.source), DEVELOPER},
        {entry_one(VT_ENTRY_ENVIRONMENT, VT_SUBJECT_ENVIRONMENT, the_made.environment),
            ASSEMBLER},
        {entry_made(VT_ENTRY_ASSEMBLY, &the_made), ASSEMBLER},
        {entry_one(VT_ENTRY_SOURCE, VT_SUBJECT_SOURCE, "another source\n"), DEVELOPER},
        {entry_made(VT_ENTRY_REBUILD, &the_made), ALPHA},
        {entry_made(VT_ENTRY_REBUILD, &the_made), BETA},
        {entry_release(the_made.artifact), RELEASE},
    };
    *l = (struct log){0};
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        if (v[i].e.kind == without && (v[i].who == by || by == 0))
            continue;
        log_entry(l, v[i].e, v[i].who);
    }
}

static void
log_release(struct log *l)
{
    for (size_t i = 0; i < l->size; i++)
        vt_buf_release(&l->entry[i]);
    l->size = 0;
}

static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const struct log *l = ctx;
    (void)why;
    vt_tile_fold(&l->leaf[index << level], 1U << level, ret);
    return VT_OK;
}

/* The checkpoint, cosigned by the witnesses given. */
static void
put_checkpoint(struct log *l, struct vt_buf *b, bool cosign_1, bool cosign_2)
{
    struct vt_hash_source src = {get_hash, l};
    struct vt_checkpoint c = {.origin = ORIGIN, .size = l->size};
    char text[512];
    assert_int_equal(vt_merkle_root(&src, l->size, &c.root, NULL), VT_OK);
    vt_checkpoint_put(b, &c);
    size_t len = b->len;
    assert_true(len < sizeof text);
    memcpy(text, b->data, len);
    vt_buf_puts(b, "\n");
    test_put_sig(b, ORIGIN, LOG, text, len);
    if (cosign_1)
        test_put_cosig(b, key_names[WITNESS_1], WITNESS_1, TIME_1, text, len);
    if (cosign_2)
        test_put_cosig(b, key_names[WITNESS_2], WITNESS_2, TIME_2, text, len);
    assert_int_equal(b->err, VT_OK);
}

static void
add(struct vt_passport *p, struct log *l, size_t i)
{
    struct vt_hash_source src = {get_hash, l};
    struct vt_proof path;
    assert_int_equal(vt_merkle_prove_inclusion(&src, i, l->size, &path, NULL), VT_OK);
    assert_int_equal(
        vt_passport_add(p, i, l->entry[i].data, l->entry[i].len, &path, NULL), VT_OK);
}

static struct vt_passport *
new_passport(const char *artifact)
{
    struct vt_passport *p = NULL;
    struct vt_digest d = digest(artifact);
    assert_int_equal(vt_passport_new(&d, &p, NULL), VT_OK);
    return p;
}

static void
set_checkpoint(struct vt_passport *p, struct log *l, bool cosign_1, bool cosign_2)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    put_checkpoint(l, &b, cosign_1, cosign_2);
    assert_int_equal(vt_passport_set_checkpoint(p, b.data, b.len, NULL), VT_OK);
    vt_buf_release(&b);
}

/* A passport of the artifact with all of the log's entries. */
static struct vt_passport *
passport_of(struct log *l)
{
    struct vt_passport *p = new_passport(the_made.artifact);
    for (size_t i = 0; i < l->size; i++)
        add(p, l, i);
    set_checkpoint(p, l, true, true);
    return p;
}

static enum vt_err
check(const struct vt_passport *p, const struct vt_policy *policy, struct vt_why *why)
{
    struct vt_passport_report report;
    struct vt_digest d = digest(the_made.artifact);
    return vt_passport_check(p, &d, policy, &report, why);
}

/* Checks the whole log's passport by the policy; frees both but the log. */
static void
expect(struct log *l, struct vt_policy *policy, enum vt_err want, const char *says)
{
    struct vt_passport *p = passport_of(l);
    struct vt_why why = {{0}};
    enum vt_err got = check(p, policy, &why);
    if (got != want || (says != NULL && strstr(why.text, says) == NULL))
        fail_msg("%s: %s", vt_err_name(got), why.text);
    vt_passport_free(p);
    vt_policy_free(policy);
}

/* ---- the worked example ---- */

/* The passport of the example: all but the entry about something else. */
static void
example_file(struct log *l, struct vt_buf *b)
{
    struct vt_passport *p = new_passport(the_made.artifact);
    log_example(l, (enum vt_entry_kind)0, (enum who)0);
    /* the order in which they are added does not matter */
    add(p, l, 6);
    add(p, l, 0);
    add(p, l, 4);
    add(p, l, 1);
    add(p, l, 2);
    add(p, l, 5);
    set_checkpoint(p, l, true, true);
    assert_int_equal(vt_passport_put(p, b, NULL), VT_OK);
    vt_passport_free(p);
}

static void
assert_page_has(const char *page, const char *what, const char *text)
{
    if (strstr(page, text) == NULL)
        fail_msg("docs/formats/passport.md does not have this %s:\n%s", what, text);
}

static void
test_worked_example(void **state)
{
    const char *root = getenv("VT_SOURCE_ROOT");
    struct vt_buf page = VT_BUF(1 << 20), file = VT_BUF(VT_PASSPORT_MAX);
    struct vt_buf policy = VT_BUF(VT_POLICY_MAX);
    struct log l;
    char path[VT_PATH_MAX], hex[VT_DIGEST_HEX_SIZE];
    (void)state;
    if (root == NULL) {
        print_message("skipped: VT_SOURCE_ROOT is not set\n");
        skip();
    }
    assert_int_equal(vt_path(path, NULL, "%s/docs/formats/passport.md", root), VT_OK);
    assert_int_equal(vt_file_read(path, &page, NULL), VT_OK);
    example_file(&l, &file);
    put_policy(&policy);
    assert_page_has(vt_buf_str(&page), "policy", vt_buf_str(&policy));
    assert_page_has(vt_buf_str(&page), "passport", vt_buf_str(&file));
    assert_page_has(vt_buf_str(&page), "entry", vt_buf_str(&l.entry[0]));
    for (size_t i = 0; i < l.size; i++) {
        vt_digest_hex(&l.leaf[i], hex);
        assert_page_has(vt_buf_str(&page), "leaf hash", hex);
    }
    vt_buf_release(&page);
    vt_buf_release(&file);
    vt_buf_release(&policy);
    log_release(&l);
}

static void
test_example_is_proven(void **state)
{
    struct vt_buf file = VT_BUF(VT_PASSPORT_MAX), again = VT_BUF(VT_PASSPORT_MAX);
    struct vt_policy *policy = the_policy();
    struct vt_passport_report r;
    struct vt_passport *p = NULL;
    struct vt_digest artifact = digest(the_made.artifact);
    const struct vt_entry *e;
    uint64_t index;
    size_t len;
    struct log l;
    (void)state;
    example_file(&l, &file);
    assert_int_equal(vt_passport_parse(file.data, file.len, &p, NULL), VT_OK);
    assert_int_equal(vt_passport_put(p, &again, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&file), vt_buf_str(&again));
    assert_int_equal(vt_passport_count(p), 6);
    assert_true(vt_digest_eq(vt_passport_artifact(p), &artifact));
    vt_passport_entry(p, 3, &index, &e, NULL);
    assert_int_equal(index, 4);
    assert_int_equal(e->kind, VT_ENTRY_REBUILD);
    assert_memory_equal(vt_passport_checkpoint(p, &len), ORIGIN "\n7\n", 21);
    assert_int_equal(vt_passport_check(p, &artifact, policy, &r, NULL), VT_OK);
    assert_int_equal(r.count, 6);
    assert_int_equal(r.checkpoint.size, 7);
    assert_int_equal(r.cosigned_time, TIME_1);
    assert_string_equal(r.entry[0].signer, "developer");
    assert_int_equal(r.entry[5].kind, VT_ENTRY_RELEASE);
    assert_int_equal(r.entry[5].index, 6);
    vt_passport_free(p);
    vt_policy_free(policy);
    vt_buf_release(&file);
    vt_buf_release(&again);
    log_release(&l);
}

/* Whether bytes are a passport that proves the artifact. */
static enum vt_err
judge(const void *data, size_t len, const struct vt_policy *policy)
{
    struct vt_passport *p = NULL;
    enum vt_err err = vt_passport_parse(data, len, &p, NULL);
    if (err == VT_OK)
        err = check(p, policy, NULL);
    vt_passport_free(p);
    return err;
}

static void
test_every_byte_counts(void **state)
{
    struct vt_buf file = VT_BUF(VT_PASSPORT_MAX);
    struct vt_policy *policy = the_policy();
    struct log l;
    (void)state;
    example_file(&l, &file);
    assert_int_equal(judge(file.data, file.len, policy), VT_OK);
    for (size_t i = 0; i < file.len; i++) {
        const uint8_t flips[] = {0x20, (uint8_t)(1U << i % 8)};
        for (size_t f = 0; f < sizeof flips; f++) {
            file.data[i] ^= flips[f];
            if (vt_err_exit_code(judge(file.data, file.len, policy)) != 1)
                fail_msg("byte %zu changed by %02x is not refused", i, flips[f]);
            file.data[i] ^= flips[f];
        }
        /* cut short there */
        assert_int_equal(vt_err_exit_code(judge(file.data, i, policy)), 1);
    }
    vt_buf_puts(&file, "\n");
    assert_int_equal(vt_err_exit_code(judge(file.data, file.len, policy)), 1);
    vt_policy_free(policy);
    vt_buf_release(&file);
    log_release(&l);
}

/* ---- what a policy asks for ---- */

static void
test_missing_links(void **state)
{
    static const struct {
        enum vt_entry_kind kind;
        enum who by;
        const char *says;
    } v[] = {
        {VT_ENTRY_SOURCE, (enum who)0, "source: the signature of `developer` is missing"},
        {VT_ENTRY_ENVIRONMENT, (enum who)0,
            "environment: the signature of `assembler` is missing"},
        {VT_ENTRY_ASSEMBLY, (enum who)0, "no signer of the policy has logged an assembly"},
        {VT_ENTRY_REBUILD, BETA,
            "rebuild: 1 of the 2 signatures that `rebuilders` asks for: beta is missing"},
        {VT_ENTRY_REBUILD, (enum who)0, "alpha and beta are missing"},
        {VT_ENTRY_RELEASE, (enum who)0, "release: the signature of `release` is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct log l;
        log_example(&l, v[i].kind, v[i].by);
        expect(&l, the_policy(), VT_E_QUORUM, v[i].says);
        log_release(&l);
    }
}

/* A link by the wrong hand does not count: a stranger's, or another signer's. */
static void
test_links_by_others(void **state)
{
    struct log l;
    (void)state;
    log_example(&l, VT_ENTRY_REBUILD, BETA);
    log_entry(&l, entry_made(VT_ENTRY_REBUILD, &the_made), STRANGER);
    log_entry(&l, entry_made(VT_ENTRY_REBUILD, &the_made), ALPHA);
    log_entry(&l, entry_made(VT_ENTRY_REBUILD, &the_made), ASSEMBLER);
    expect(&l, the_policy(), VT_E_QUORUM, "beta is missing");
    log_release(&l);
    log_example(&l, VT_ENTRY_ASSEMBLY, (enum who)0);
    log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &the_made), STRANGER);
    expect(&l, the_policy(), VT_E_QUORUM, "no signer of the policy");
    log_release(&l);
    log_example(&l, VT_ENTRY_ASSEMBLY, (enum who)0);
    log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &the_made), ALPHA);
    expect(&l, the_policy(), VT_E_QUORUM, "assembly: the signature of `assembler` is missing");
    log_release(&l);
}

/* A link about something else does not count. */
static void
test_links_of_others(void **state)
{
    static const struct made other[] = {
        {"other\n", "the environment\n", "the recipe\n", "the artifact\n"},
        {"the source\n", "other\n", "the recipe\n", "the artifact\n"},
        {"the source\n", "the environment\n", "other\n", "the artifact\n"},
        {"the source\n", "the environment\n", "the recipe\n", "other\n"},
    };
    struct log l;
    (void)state;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        log_example(&l, VT_ENTRY_REBUILD, BETA);
        log_entry(&l, entry_made(VT_ENTRY_REBUILD, &other[i]), BETA);
        expect(&l, the_policy(), VT_E_QUORUM, "beta is missing");
        log_release(&l);
    }
    /* more artifacts than were assembled is another set */
    struct vt_entry more = entry_made(VT_ENTRY_REBUILD, &the_made);
    subject(&more, VT_SUBJECT_ARTIFACT, "one more\n");
    log_example(&l, VT_ENTRY_REBUILD, BETA);
    log_entry(&l, more, BETA);
    expect(&l, the_policy(), VT_E_QUORUM, "beta is missing");
    log_release(&l);
    log_example(&l, VT_ENTRY_SOURCE, (enum who)0);
    log_entry(&l, entry_one(VT_ENTRY_SOURCE, VT_SUBJECT_SOURCE, "other\n"), DEVELOPER);
    expect(&l, the_policy(), VT_E_QUORUM, "source: ");
    log_release(&l);
    log_example(&l, VT_ENTRY_ENVIRONMENT, (enum who)0);
    log_entry(
        &l, entry_one(VT_ENTRY_ENVIRONMENT, VT_SUBJECT_ENVIRONMENT, "other\n"), ASSEMBLER);
    expect(&l, the_policy(), VT_E_QUORUM, "environment: ");
    log_release(&l);
    log_example(&l, VT_ENTRY_RELEASE, (enum who)0);
    log_entry(&l, entry_release("other\n"), RELEASE);
    expect(&l, the_policy(), VT_E_QUORUM, "release: ");
    log_release(&l);
    log_example(&l, VT_ENTRY_ASSEMBLY, (enum who)0);
    log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &other[3]), ASSEMBLER);
    expect(&l, the_policy(), VT_E_QUORUM, "no signer of the policy");
    log_release(&l);
}

/* A job that ran is named in the ledger by its artifact: that releases nothing. */
static void
test_ledger_is_no_link(void **state)
{
    struct log l;
    (void)state;
    log_example(&l, VT_ENTRY_RELEASE, (enum who)0);
    struct vt_entry run = entry_one(VT_ENTRY_RUN, VT_SUBJECT_ARTIFACT, the_made.artifact);
    subject(&run, VT_SUBJECT_REQUEST, "the request\n");
    subject(&run, VT_SUBJECT_GRANT, "the grant\n");
    log_entry(&l, run, RELEASE);
    expect(&l, the_policy(), VT_E_QUORUM, "release: ");
    log_release(&l);
}

/* The same bytes from two sources: one whole chain is enough, and links of
 * two chains do not make one. */
static void
test_two_assemblies(void **state)
{
    static const struct made newer = {
        "newer\n", "the environment\n", "the recipe\n", "the artifact\n"};
    struct log l;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &newer), ASSEMBLER);
    expect(&l, the_policy(), VT_OK, NULL);
    log_release(&l);
    /* alpha rebuilt the one, beta the other; the message is of the one that
     * came furthest, for the newer one's source is not even signed */
    log_example(&l, VT_ENTRY_REBUILD, BETA);
    log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &newer), ASSEMBLER);
    log_entry(&l, entry_made(VT_ENTRY_REBUILD, &newer), BETA);
    expect(&l, the_policy(), VT_E_QUORUM, "rebuild: 1 of the 2");
    log_entry(&l, entry_one(VT_ENTRY_SOURCE, VT_SUBJECT_SOURCE, "newer\n"), DEVELOPER);
    expect(&l, the_policy(), VT_E_QUORUM, "alpha is missing");
    log_entry(&l, entry_made(VT_ENTRY_REBUILD, &newer), ALPHA);
    expect(&l, the_policy(), VT_OK, NULL);
    log_release(&l);
}

static void
test_mismatch(void **state)
{
    struct vt_entry e = entry_made(VT_ENTRY_MISMATCH, &the_made);
    static const struct made other = {
        "the source\n", "the environment\n", "the recipe\n", "other\n"};
    struct vt_entry elsewhere = entry_made(VT_ENTRY_MISMATCH, &other);
    struct log l;
    (void)state;
    subject(&e, VT_SUBJECT_REBUILT, "what beta got\n");
    subject(&elsewhere, VT_SUBJECT_REBUILT, "what beta got\n");
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    log_entry(&l, elsewhere, BETA); /* of another artifact */
    log_entry(&l, e, STRANGER);     /* of nobody we know */
    expect(&l, the_policy(), VT_OK, NULL);
    log_entry(&l, e, BETA);
    expect(&l, the_policy(), VT_E_REFUSED,
        "`beta` rebuilt this artifact and got other bytes (mismatch at entry 9)");
    log_release(&l);
}

static void
test_policy_none_and_silent(void **state)
{
    static const char *const kinds[] = {
        "source", "environment", "assembly", "rebuild", "release"};
    struct log l;
    (void)state;
    /* `none` for all but the assembly entry that says what is what */
    l = (struct log){0};
    log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &the_made), ALPHA);
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    put_parties(&b);
    for (size_t i = 0; i < 5; i++)
        vt_buf_putf(&b, "require %s none\n", kinds[i]);
    expect(&l, parse_policy(&b), VT_OK, NULL);
    log_release(&l);
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    for (size_t without = 0; without < 5; without++) {
        char says[64];
        b = VT_BUF(VT_POLICY_MAX);
        put_parties(&b);
        for (size_t i = 0; i < 5; i++) {
            if (i != without)
                vt_buf_putf(&b, "require %s none\n", kinds[i]);
        }
        snprintf(says, sizeof says, "require %s", kinds[without]);
        expect(&l, parse_policy(&b), VT_E_CONFIG, says);
    }
    log_release(&l);
}

/* ---- log, witnesses, paths, signatures ---- */

static void
test_wrong_artifact(void **state)
{
    struct vt_policy *policy = the_policy();
    struct vt_passport_report r;
    struct vt_why why = {{0}};
    struct vt_digest other = digest("other\n");
    struct log l;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    struct vt_passport *p = passport_of(&l);
    assert_int_equal(vt_passport_check(p, &other, policy, &r, &why), VT_E_DIGEST);
    vt_passport_free(p);
    /* a passport that claims the other artifact with these entries */
    p = new_passport("other\n");
    for (size_t i = 0; i < l.size; i++)
        add(p, &l, i);
    set_checkpoint(p, &l, true, true);
    assert_int_equal(vt_passport_check(p, &other, policy, &r, &why), VT_E_QUORUM);
    vt_passport_free(p);
    vt_policy_free(policy);
    log_release(&l);
}

static void
test_checkpoint_refused(void **state)
{
    struct vt_policy *policy = the_policy();
    struct vt_why why = {{0}};
    struct log l, longer;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    struct vt_passport *p = passport_of(&l);
    set_checkpoint(p, &l, true, false);
    assert_int_equal(check(p, policy, &why), VT_E_QUORUM);
    assert_non_null(strstr(why.text, "witness-2 is missing"));
    /* the paths lead to another tree */
    log_example(&longer, (enum vt_entry_kind)0, (enum who)0);
    log_entry(&longer, entry_release("other\n"), RELEASE);
    set_checkpoint(p, &longer, true, true);
    assert_int_equal(check(p, policy, &why), VT_E_PROOF);
    set_checkpoint(p, &l, true, true);
    assert_int_equal(check(p, policy, &why), VT_OK);
    vt_passport_free(p);
    vt_policy_free(policy);
    log_release(&l);
    log_release(&longer);
}

/* An entry in the log that claims to be a known signer's and is not. */
static void
test_false_signature(void **state)
{
    struct vt_entry e = entry_made(VT_ENTRY_REBUILD, &the_made);
    struct vt_vkey beta = test_vkey(key_names[BETA], VT_NOTE_ED25519, BETA);
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    uint8_t sig[VT_SIG_SIZE] = {1};
    struct log l;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    vt_entry_put_text(&b, &e);
    vt_buf_puts(&b, "\n");
    vt_note_put_sig(&b, key_names[BETA], beta.id, sig, sizeof sig);
    log_bytes(&l, &b);
    vt_buf_release(&b);
    expect(&l, the_policy(), VT_E_SIG, "entry 7: the signature of `beta.example/rebuilder`");
    log_release(&l);
}

/* ---- making and parsing ---- */

static void
test_making(void **state)
{
    struct vt_passport *p = new_passport("x");
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX), spaced = VT_BUF(1000), small = VT_BUF(100);
    struct vt_proof path = {0};
    struct log l;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    assert_int_equal(vt_passport_put(p, &b, NULL), VT_E_STATE);
    struct vt_policy *policy = the_policy();
    assert_int_equal(check(p, policy, NULL), VT_E_STATE);
    vt_policy_free(policy);
    add(p, &l, 3);
    assert_int_equal(
        vt_passport_add(p, 3, l.entry[4].data, l.entry[4].len, &path, NULL), VT_E_EXIST);
    assert_int_equal(vt_passport_add(p, 4, "x\n", 2, &path, NULL), VT_E_SYNTAX);
    assert_int_equal(
        vt_passport_add(p, UINT64_C(1) << 63, l.entry[4].data, l.entry[4].len, &path, NULL),
        VT_E_LIMIT);
    path.len = VT_PROOF_MAX + 1;
    assert_int_equal(
        vt_passport_add(p, 4, l.entry[4].data, l.entry[4].len, &path, NULL), VT_E_LIMIT);
    assert_int_equal(vt_passport_count(p), 1);
    assert_int_equal(vt_passport_set_checkpoint(p, "x\n", 2, NULL), VT_E_SYNTAX);
    /* an origin with a space could look like an entry's line */
    vt_buf_puts(&spaced, "entry 5\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n");
    test_put_sig(&spaced, "k", 1, "x", 1);
    assert_int_equal(vt_passport_set_checkpoint(p, spaced.data, spaced.len, NULL), VT_E_SYNTAX);
    set_checkpoint(p, &l, true, true);
    assert_int_equal(vt_passport_put(p, &small, NULL), VT_E_LIMIT);
    assert_int_equal(vt_passport_put(p, &b, NULL), VT_OK);
    vt_passport_free(p);
    vt_passport_free(NULL);
    vt_buf_release(&b);
    vt_buf_release(&small);
    vt_buf_release(&spaced);
    log_release(&l);
}

static void
test_limits(void **state)
{
    struct vt_passport *p = new_passport(the_made.artifact);
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX + 1);
    struct vt_policy *policy = the_policy();
    struct vt_passport *q = NULL;
    struct vt_proof path = {0};
    struct log l;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    while (l.size <= VT_PASSPORT_ENTRIES_MAX)
        log_entry(&l, entry_made(VT_ENTRY_ASSEMBLY, &the_made), STRANGER);
    for (size_t i = 0; i < VT_PASSPORT_ENTRIES_MAX; i++)
        add(p, &l, i);
    assert_int_equal(
        vt_passport_add(p, l.size, l.entry[0].data, l.entry[0].len, &path, NULL), VT_E_LIMIT);
    set_checkpoint(p, &l, true, true);
    assert_int_equal(check(p, policy, NULL), VT_OK);
    assert_int_equal(vt_passport_put(p, &b, NULL), VT_OK);
    assert_int_equal(vt_passport_parse(b.data, b.len, &q, NULL), VT_OK);
    assert_int_equal(check(q, policy, NULL), VT_OK);
    vt_passport_free(q);
    q = NULL;
    while (b.len <= VT_PASSPORT_MAX)
        vt_buf_puts(&b, "\n");
    assert_int_equal(vt_passport_parse(b.data, b.len, &q, NULL), VT_E_LIMIT);
    assert_null(q);
    vt_passport_free(p);
    vt_policy_free(policy);
    vt_buf_release(&b);
    log_release(&l);
}

/* A passport that is well formed but for the piece given; its checkpoint line
 * is right, so that it is the piece that refuses it. */
static enum vt_err
parse_with(const struct log *l, const char *head, const char *blocks, size_t *ret_count)
{
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX), note = VT_BUF(VT_NOTE_MAX);
    struct vt_passport *p = NULL;
    struct vt_digest d;
    struct log copy = *l;
    char hex[VT_DIGEST_HEX_SIZE];
    put_checkpoint(&copy, &note, true, true);
    vt_digest_of(note.data, note.len, &d);
    vt_digest_hex(&d, hex);
    vt_buf_puts(&b, head);
    vt_buf_putf(&b, "checkpoint sha256:%s\n\n", hex);
    for (const char *s = blocks; *s != '\0'; s++) {
        if (*s >= '0' && *s <= '9' && s[1] == '@') { /* the base64 of that entry */
            vt_buf_put_b64(&b, l->entry[*s - '0'].data, l->entry[*s - '0'].len);
            s++;
        } else {
            vt_buf_put_u8(&b, (uint8_t)*s);
        }
    }
    vt_buf_put(&b, note.data, note.len);
    enum vt_err err = vt_passport_parse(b.data, b.len, &p, NULL);
    *ret_count = err == VT_OK ? vt_passport_count(p) : 0;
    vt_passport_free(p);
    vt_buf_release(&b);
    vt_buf_release(&note);
    return err;
}

#define HEAD                                                                                   \
    "vitrine/passport/v1\n"                                                                    \
    "artifact sha256:1111111111111111111111111111111111111111111111111111111111111111\n"
#define HASH "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"

static void
test_strict_form(void **state)
{
    static const struct {
        const char *head, *blocks;
        enum vt_err want;
        size_t count;
    } v[] = {
        {HEAD, "", VT_OK, 0},
        {HEAD, "entry 5 0@\n\n", VT_OK, 1},
        {HEAD, "entry 5 0@\n" HASH HASH "\nentry 6 1@\n\n", VT_OK, 2},
        {HEAD, "entry 6 0@\n\nentry 5 1@\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5 0@\n\nentry 5 1@\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 05 0@\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry  5 0@\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5  0@\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5 0@ \n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 9223372036854775808 0@\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5 \n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5 AAAA\n\n", VT_E_SYNTAX, 0},
        {HEAD, "entry 5 0@\nAAAA\n\n", VT_E_SYNTAX, 0},
        {HEAD, "\n", VT_E_DIGEST, 0},
        {HEAD, "entry 5 0@\n\n\n", VT_E_DIGEST, 0},
        {HEAD, "Entry 5 0@\n\n", VT_E_DIGEST, 0},
        {"vitrine/passport/v2\n" HEAD, "", VT_E_SYNTAX, 0},
        {"vitrine/passport/v1\n", "", VT_E_SYNTAX, 0},
        {HEAD "\n", "", VT_E_SYNTAX, 0},
        {HEAD "artifact sha256:11\n", "", VT_E_SYNTAX, 0},
        {"", "", VT_E_SYNTAX, 0},
    };
    struct log l;
    (void)state;
    log_example(&l, (enum vt_entry_kind)0, (enum who)0);
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        size_t count;
        enum vt_err got = parse_with(&l, v[i].head, v[i].blocks, &count);
        if (got != v[i].want || count != v[i].count)
            fail_msg("%s: %s%s", vt_err_name(got), v[i].head, v[i].blocks);
    }
    log_release(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_example_is_proven),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_missing_links),
        cmocka_unit_test(test_links_by_others),
        cmocka_unit_test(test_links_of_others),
        cmocka_unit_test(test_ledger_is_no_link),
        cmocka_unit_test(test_two_assemblies),
        cmocka_unit_test(test_mismatch),
        cmocka_unit_test(test_policy_none_and_silent),
        cmocka_unit_test(test_wrong_artifact),
        cmocka_unit_test(test_checkpoint_refused),
        cmocka_unit_test(test_false_signature),
        cmocka_unit_test(test_making),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_strict_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
