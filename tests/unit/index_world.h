/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's home with a log of all kinds of entries, made without processes: parties with keys
 * of known seeds, statements in public/objects, checkpoints that a witness cosigns. Include
 * after cmocka.h; link with the centre.
 *
 *     struct index_world w;
 *     iw_init(&w);
 *     size_t s = iw_source(&w, "lantern", IW_DEVELOPER);
 *     iw_publish(&w);
 */
#ifndef VT_TEST_INDEX_WORLD_H
#define VT_TEST_INDEX_WORLD_H

#include "ledger_world.h"

#include "assembly/environment.h"
#include "attest/dsse.h"
#include "attest/statement.h"
#include "log/writer.h"
#include "review/doc.h"
#include "store/home.h"
#include "store/store.h"

#include <sys/stat.h>

enum iw_party {
    IW_DEVELOPER,
    IW_ASSEMBLER,
    IW_ALPHA,
    IW_BETA,
    IW_RELEASE,
    IW_ALICE, /* of the group north */
    IW_BOB,   /* of no group */
    IW_CENTRE,
    IW_NOBODY, /* not in the policy */
    IW_PARTIES
};

static const char *const iw_names[IW_PARTIES] = {"developer.example",
    "zurich.example/assembler", "alpha.example/rebuilder", "beta.example/rebuilder",
    "zurich.example/release", "alice.example", "bob.example", "zurich.example/centre",
    "nobody.example"};
/* Their names in the policy. */
static const char *const iw_short[IW_PARTIES] = {
    "developer", "assembler", "alpha", "beta", "release", "alice", "bob", "centre", "nobody"};

struct index_world {
    char root[VT_PATH_MAX];
    struct vt_home home;
    struct vt_policy *policy;
    struct vt_log_writer *writer;
    struct vt_store *store;
    struct vt_signer *signer[IW_PARTIES];
    struct vt_signer *log;
    uint64_t time; /* of the next cosignature; 0: the witness does not cosign */
    size_t count;  /* entries */
    bool fast;     /* objects need not outlive a crash: for many of them */
    struct ledger_world ledger;
    size_t ledger_count; /* of its items that are in the log */
};

static inline void
iw_path(const struct index_world *w, char ret[VT_PATH_MAX], const char *rest)
{
    assert_int_equal(vt_home_path(&w->home, ret, NULL, "%s", rest), VT_OK);
}

/* Appends the policy; `more` are further lines. */
static inline void
iw_put_policy(struct vt_buf *b, const char *more)
{
    vt_buf_puts(b, "log ");
    lw_put_vkey(b, LW_LOG);
    vt_buf_puts(b, "\nwitness witness-1 ");
    lw_put_vkey(b, LW_WITNESS_1);
    vt_buf_puts(b, "\nquorum witness-1\n");
    for (int i = 0; i < IW_NOBODY; i++) {
        vt_buf_putf(b, "signer %s ", iw_short[i]);
        test_put_vkey(b, iw_names[i], VT_NOTE_ED25519, (uint8_t)(200 + i));
        vt_buf_puts(b, "\n");
    }
    for (enum lw_party who = LW_AUTHORITY; who <= LW_STRANGER; who++) {
        if (who == LW_BOB)
            continue; /* his name is taken */
        vt_buf_putf(b, "signer %s ", lw_names[who]);
        lw_put_vkey(b, who);
        vt_buf_puts(b, "\n");
    }
    vt_buf_puts(b, "group rebuilders all alpha beta\ngroup north any alice\n"
                   "require source developer\nrequire environment assembler\n"
                   "require assembly assembler\nrequire rebuild rebuilders\n"
                   "require release release\nrequire vault-policy authority.example\n");
    vt_buf_puts(b, more);
}

static inline struct vt_policy *
iw_policy(const char *more)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    struct vt_why why = {{0}};
    iw_put_policy(&b, more);
    lw_must(vt_policy_parse(b.data, b.len, &p, &why), &why);
    vt_buf_release(&b);
    return p;
}

static inline void
iw_init(struct index_world *w)
{
    struct vt_why why = {{0}};
    char dir[VT_PATH_MAX], pub[VT_PATH_MAX];
    memset(w, 0, sizeof *w);
    lw_init(&w->ledger);
    lw_must(vt_dir_temp("/tmp", "vt-index", w->root, &why), &why);
    lw_must(vt_path(dir, &why, "%s/zurich", w->root), &why);
    lw_must(vt_home_create(dir, VT_HOME_SITE, "zurich.example", "CH", &w->home, &why), &why);
    iw_path(w, dir, "public/tuf/metadata");
    lw_must(vt_dir_make(dir, 0755, &why), &why);
    iw_path(w, dir, "public/objects");
    lw_must(vt_store_open_dir(dir, &w->store, &why), &why);
    iw_path(w, dir, "log");
    iw_path(w, pub, "public");
    lw_must(vt_log_writer_open(dir, pub, LW_ORIGIN, &w->writer, &why), &why);
    w->log = lw_signer(LW_LOG);
    for (int i = 0; i < IW_PARTIES; i++) {
        struct vt_key *k = test_key(iw_names[i], (uint8_t)(200 + i));
        lw_must(vt_signer_from_key(k, &w->signer[i], &why), &why);
    }
    w->policy = iw_policy("");
    w->time = LW_SEEN;
}

static inline void
iw_release(struct index_world *w)
{
    for (int i = 0; i < IW_PARTIES; i++)
        vt_signer_free(w->signer[i]);
    vt_signer_free(w->log);
    vt_log_writer_free(w->writer);
    vt_store_free(w->store);
    vt_policy_free(w->policy);
    lw_release(&w->ledger);
    assert_int_equal(vt_tree_remove(w->root, NULL), VT_OK);
}

/* ---- the log ---- */

static inline size_t
iw_add(struct index_world *w, const void *data, size_t len)
{
    struct vt_why why = {{0}};
    struct vt_digest name;
    char salt[32];
    uint64_t index = 0;
    int n = snprintf(salt, sizeof salt, "%zu", w->count);
    const struct vt_slice v[] = {{salt, (size_t)n}, {data, len}};
    vt_digest_of_slices(v, 2, &name);
    lw_must(vt_log_writer_add(w->writer, data, len, &name, &index, &why), &why);
    assert_int_equal(index, w->count);
    if (w->count % 500 == 499)
        lw_must(vt_log_writer_commit(w->writer, &why), &why);
    return w->count++;
}

static inline size_t
iw_add_entry(struct index_world *w, const struct vt_entry *e, enum iw_party who)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_why why = {{0}};
    lw_must(vt_entry_sign(&b, e, w->signer[who], &why), &why);
    size_t at = iw_add(w, b.data, b.len);
    vt_buf_release(&b);
    return at;
}

static inline struct vt_digest
iw_digest(const char *what)
{
    struct vt_digest d;
    vt_digest_of(what, strlen(what), &d);
    return d;
}

/* A file that is not synced. */
static inline void
iw_write(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline struct vt_digest
iw_put(struct index_world *w, const void *data, size_t len)
{
    struct vt_why why = {{0}};
    struct vt_digest d;
    char path[VT_PATH_MAX], hex[VT_DIGEST_HEX_SIZE];
    if (!w->fast) {
        lw_must(vt_store_put(w->store, data, len, &d, &why), &why);
        return d;
    }
    vt_digest_of(data, len, &d);
    vt_digest_hex(&d, hex);
    assert_int_equal(
        vt_home_path(&w->home, path, NULL, "public/objects/sha256/%.2s", hex), VT_OK);
    (void)mkdir(path, 0755);
    assert_int_equal(
        vt_home_path(&w->home, path, NULL, "public/objects/sha256/%.2s/%s", hex, hex), VT_OK);
    iw_write(path, data, len);
    return d;
}

static inline struct vt_digest
iw_store(struct index_world *w, const char *what)
{
    return iw_put(w, what, strlen(what));
}

/* How something is said. */
struct iw_how {
    enum iw_party who;
    bool hidden; /* the statement is not published: it is in `kept` */
    struct vt_buf *kept;
    struct vt_digest *statement; /* gets its digest, or NULL */
    bool unlogged;               /* a dry run: only the digest */
};

/* Signs the payload, names it in the entry and adds that. */
static inline size_t
iw_say(struct index_world *w, struct vt_entry *e, const struct vt_buf *payload,
    const struct iw_how *how)
{
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    struct vt_why why = {{0}};
    lw_must(vt_dsse_sign(&b, payload->data, payload->len, w->signer[how->who], &why), &why);
    vt_digest_of(b.data, b.len, &e->statement);
    if (how->statement != NULL)
        *how->statement = e->statement;
    if (how->hidden) {
        if (how->kept != NULL)
            vt_buf_put(how->kept, b.data, b.len);
    } else {
        e->statement = iw_put(w, b.data, b.len);
    }
    vt_buf_release(&b);
    return how->unlogged ? 0 : iw_add_entry(w, e, how->who);
}

/* Publishes a checkpoint over all that is in the log. */
static inline void
iw_publish(struct index_world *w)
{
    struct vt_buf note = VT_BUF(VT_NOTE_MAX);
    struct vt_why why = {{0}};
    struct vt_note parsed;
    size_t len;
    lw_must(vt_log_writer_commit(w->writer, &why), &why);
    lw_must(vt_log_writer_sign(w->writer, w->log, &why), &why);
    const void *signed_note = vt_log_writer_signed_note(w->writer, &len);
    vt_buf_put(&note, signed_note, len);
    lw_must(vt_note_parse(signed_note, len, &parsed, &why), &why);
    if (w->time != 0)
        test_put_cosig(&note, lw_names[LW_WITNESS_1], LW_WITNESS_1, w->time++,
            (const char *)parsed.text, parsed.text_len);
    lw_must(vt_log_writer_publish(w->writer, note.data, note.len, &why), &why);
    vt_buf_release(&note);
}

/* Adds what the ledger in memory has more than the log. */
static inline void
iw_add_ledger(struct index_world *w)
{
    struct vt_why why = {{0}};
    struct vt_digest d;
    for (; w->ledger_count < w->ledger.count; w->ledger_count++) {
        struct lw_item *item = &w->ledger.item[w->ledger_count];
        lw_must(vt_store_put(w->store, item->doc.data, item->doc.len, &d, &why), &why);
        (void)iw_add(w, item->entry.data, item->entry.len);
    }
}

/* ---- what is said ---- */

static inline void
iw_subject(struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *d)
{
    assert_int_equal(vt_entry_add(e, role, d, NULL), VT_OK);
}

/* A source with that archive. */
static inline size_t
iw_source_of(struct index_world *w, const struct vt_digest *archive, uint64_t size,
    const struct iw_how *how)
{
    struct vt_statement_source s = {
        .origin = VT_ORIGIN_GIT, .archive = *archive, .archive_size = size, .file_count = 3};
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    struct vt_why why = {{0}};
    memset(s.git_tree, 'a', 40);
    memset(s.git_commit, 'b', 40);
    lw_must(vt_statement_put_source(&b, &s, &why), &why);
    iw_subject(&e, VT_SUBJECT_SOURCE, &s.archive);
    size_t at = iw_say(w, &e, &b, how);
    vt_buf_release(&b);
    return at;
}

/* A source whose archive's bytes are `name` (not stored here). */
static inline size_t
iw_source(struct index_world *w, const char *name, const struct iw_how *how)
{
    struct vt_digest archive = iw_digest(name);
    return iw_source_of(w, &archive, strlen(name), how);
}

#define IW_MANIFEST                                                                            \
    "vitrine/environment/v1\ndistribution bookworm\narchitecture amd64\npackage bash "         \
    "5.2.15-2 amd64 "                                                                          \
    "1490000 "                                                                                 \
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\npackage gcc "    \
    "4:12.2.0-3 amd64 5200 "                                                                   \
    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"

static inline size_t
iw_environment(struct index_world *w, const char *manifest, const struct iw_how *how)
{
    struct vt_statement_environment s = {.manifest = iw_digest(manifest),
        .distribution = "bookworm",
        .arch = "amd64",
        .package_count = 2,
        .root = iw_digest("root")};
    struct vt_entry e = {.kind = VT_ENTRY_ENVIRONMENT};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    struct vt_why why = {{0}};
    lw_must(vt_statement_put_environment(&b, &s, &why), &why);
    iw_subject(&e, VT_SUBJECT_ENVIRONMENT, &s.manifest);
    size_t at = iw_say(w, &e, &b, how);
    vt_buf_release(&b);
    return at;
}

static inline struct vt_statement_run
iw_run(const char *site)
{
    struct vt_statement_run r = {.jurisdiction = "CH",
        .started = 1795341000,
        .finished = 1795341100,
        .log = iw_digest("log")};
    (void)snprintf(r.site, sizeof r.site, "%s", site);
    return r;
}

static inline void
iw_inputs(struct vt_entry *e, const char *source, const char *manifest)
{
    struct vt_digest s = iw_digest(source), m = iw_digest(manifest), r = iw_digest("recipe");
    iw_subject(e, VT_SUBJECT_SOURCE, &s);
    iw_subject(e, VT_SUBJECT_ENVIRONMENT, &m);
    iw_subject(e, VT_SUBJECT_RECIPE, &r);
}

/* An assembly of one artifact, whose bytes are `artifact`. */
static inline size_t
iw_assembly(struct index_world *w, const char *source, const char *artifact,
    const char *version, const struct iw_how *how)
{
    struct vt_statement_assembly s = {.product = "lantern",
        .recipe = iw_digest("recipe"),
        .source = iw_digest(source),
        .environment = iw_digest(IW_MANIFEST),
        .run = iw_run("zurich.example"),
        .output_count = 1};
    struct vt_entry e = {.kind = VT_ENTRY_ASSEMBLY};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    struct vt_why why = {{0}};
    (void)snprintf(s.version, sizeof s.version, "%s", version);
    (void)snprintf(s.output[0].name, sizeof s.output[0].name, "lantern.bin");
    s.output[0].digest = iw_digest(artifact);
    lw_must(vt_statement_put_assembly(&b, &s, &why), &why);
    iw_inputs(&e, source, IW_MANIFEST);
    iw_subject(&e, VT_SUBJECT_ARTIFACT, &s.output[0].digest);
    size_t at = iw_say(w, &e, &b, how);
    vt_buf_release(&b);
    return at;
}

/* A rebuild of an assembly whose statement has that digest. */
static inline size_t
iw_rebuild(struct index_world *w, const struct vt_digest *assembly, const char *source,
    const char *artifact, const struct iw_how *how)
{
    struct vt_statement_rebuild s = {.assembly = *assembly,
        .run = iw_run("alpha.example"),
        .varied = {2, {"clock", "build-path"}},
        .output_count = 1};
    struct vt_entry e = {.kind = VT_ENTRY_REBUILD};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    struct vt_why why = {{0}};
    (void)snprintf(s.output[0].name, sizeof s.output[0].name, "lantern.bin");
    s.output[0].digest = iw_digest(artifact);
    lw_must(vt_statement_put_rebuild(&b, &s, &why), &why);
    iw_inputs(&e, source, IW_MANIFEST);
    iw_subject(&e, VT_SUBJECT_ARTIFACT, &s.output[0].digest);
    size_t at = iw_say(w, &e, &b, how);
    vt_buf_release(&b);
    return at;
}

static inline size_t
iw_mismatch(struct index_world *w, const struct vt_digest *assembly, const char *source,
    const char *artifact, const struct iw_how *how)
{
    struct vt_statement_mismatch s = {.assembly = *assembly,
        .run = iw_run("beta.example"),
        .varied = {1, {"clock"}},
        .rebuilt = iw_digest("other bytes"),
        .first_offset = 17,
        .report = iw_digest("report")};
    struct vt_entry e = {.kind = VT_ENTRY_MISMATCH};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX);
    struct vt_why why = {{0}};
    (void)snprintf(s.output.name, sizeof s.output.name, "lantern.bin");
    s.output.digest = iw_digest(artifact);
    lw_must(vt_statement_put_mismatch(&b, &s, &why), &why);
    iw_inputs(&e, source, IW_MANIFEST);
    iw_subject(&e, VT_SUBJECT_ARTIFACT, &s.output.digest);
    iw_subject(&e, VT_SUBJECT_REBUILT, &s.rebuilt);
    size_t at = iw_say(w, &e, &b, how);
    vt_buf_release(&b);
    return at;
}

/* The TUF metadata of a release; written to where a site publishes it by iw_put_targets. */
static inline void
iw_targets(struct vt_buf *b, const char *artifact, const char *version, uint64_t number)
{
    struct vt_digest d = iw_digest(artifact);
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(&d, hex);
    vt_buf_putf(b,
        "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"targets\":{"
        "\"lantern/%s/lantern.bin\":{\"custom\":{\"product\":\"lantern\",\"version\":\"%s\"},"
        "\"hashes\":{\"sha256\":\"%s\"},\"length\":%zu}},\"version\":%llu}}",
        version, version, hex, strlen(artifact), (unsigned long long)number);
}

static inline void
iw_put_targets(
    struct index_world *w, const char *artifact, const char *version, uint64_t number)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];
    iw_targets(&b, artifact, version, number);
    lw_must(vt_home_path(&w->home, path, &why, "public/tuf/metadata/%llu.products.json",
                (unsigned long long)number),
        &why);
    if (w->fast)
        iw_write(path, b.data, b.len);
    else
        lw_must(vt_file_replace(path, 0644, b.data, b.len, &why), &why);
    vt_buf_release(&b);
}

static inline size_t
iw_released(struct index_world *w, const char *artifact, const char *version, uint64_t number,
    const struct iw_how *how)
{
    struct vt_statement_release s = {
        .channel = "products", .version = number, .output_count = 1};
    struct vt_entry e = {.kind = VT_ENTRY_RELEASE};
    struct vt_buf b = VT_BUF(VT_STATEMENT_MAX), targets = VT_BUF(65536);
    struct vt_why why = {{0}};
    iw_targets(&targets, artifact, version, number);
    vt_digest_of(targets.data, targets.len, &s.metadata);
    (void)snprintf(s.output[0].name, sizeof s.output[0].name, "lantern.bin");
    s.output[0].digest = iw_digest(artifact);
    lw_must(vt_statement_put_release(&b, &s, &why), &why);
    iw_subject(&e, VT_SUBJECT_METADATA, &s.metadata);
    iw_subject(&e, VT_SUBJECT_ARTIFACT, &s.output[0].digest);
    size_t at = iw_say(w, &e, &b, how);
    vt_buf_release(&targets);
    vt_buf_release(&b);
    return at;
}

/* Writes a review document, stores it and says it. */
static inline size_t
iw_review(struct index_world *w, struct vt_review *r, enum iw_party who)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_why why = {{0}};
    struct vt_digest d;
    struct vt_entry e;
    lw_must(vt_review_put(&b, r, &why), &why);
    lw_must(vt_store_put(w->store, b.data, b.len, &d, &why), &why);
    lw_must(vt_review_entry(r, &d, &e, &why), &why);
    size_t at = iw_add_entry(w, &e, who);
    vt_buf_release(&b);
    return at;
}

static inline struct vt_review
iw_review_of(enum vt_entry_kind kind, const char *source, enum iw_party who)
{
    struct vt_review r = {.kind = kind, .source = iw_digest(source), .made = LW_ASKED};
    (void)snprintf(r.reviewer, sizeof r.reviewer, "%s", iw_names[who]);
    return r;
}

/* A whole release: source to release, both rebuilders when wanted. */
static inline void
iw_whole(struct index_world *w, const char *source, const char *artifact, const char *version,
    uint64_t number, bool with_beta)
{
    struct vt_digest assembly;
    (void)iw_store(w, artifact);
    (void)iw_store(w, IW_MANIFEST);
    (void)iw_source(w, source, &(struct iw_how){.who = IW_DEVELOPER});
    (void)iw_environment(w, IW_MANIFEST, &(struct iw_how){.who = IW_ASSEMBLER});
    (void)iw_assembly(w, source, artifact, version,
        &(struct iw_how){.who = IW_ASSEMBLER, .statement = &assembly});
    (void)iw_rebuild(w, &assembly, source, artifact, &(struct iw_how){.who = IW_ALPHA});
    if (with_beta)
        (void)iw_rebuild(w, &assembly, source, artifact, &(struct iw_how){.who = IW_BETA});
    (void)iw_released(w, artifact, version, number, &(struct iw_how){.who = IW_RELEASE});
    iw_put_targets(w, artifact, version, number);
}

#endif
