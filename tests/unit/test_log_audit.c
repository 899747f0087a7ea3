/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The full audit: any changed byte of any file of a log is found, and named; so is a log that
 * is consistent in itself and not the checkpoint's. Compressed bundles, and clearing up.
 */
#include "log/audit.h"
#include "log/gc.h"
#include "log/gzip.h"
#include "log/wal.h"
#include "log/writer.h"
#include "log_folder.h"
#include "note/entry.h"

#define ORIGIN "audited.example/log"

struct fixture {
    char root[VT_PATH_MAX];
    struct folder log;
    struct vt_policy *policy;
    struct vt_log_audit sum;
    struct vt_why why;
    unsigned threads;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp(folder_parent(), "vt-audit", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->log.dir, NULL, "%s/public", f->root), VT_OK);
    f->log.signer = folder_signer(ORIGIN, 1);
    f->policy = folder_policy(f->log.signer, "");
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    vt_signer_free(f->log.signer);
    vt_policy_free(f->policy);
    free(f);
    return 0;
}

static enum vt_err
audit(struct fixture *f)
{
    struct vt_log_audit_opts opts = {.threads = f->threads};

    vt_why_clear(&f->why);
    return vt_log_audit(f->log.dir, f->policy, &opts, &f->sum, &f->why);
}

static void
audit_ok(struct fixture *f, uint64_t size, uint64_t tiles)
{
    if (audit(f) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(f->sum.checkpoint.size, size);
    assert_int_equal(f->sum.unread, size);
    assert_int_equal(f->sum.tiles, tiles);
    assert_false(f->sum.is_frozen);
}

/* The error, and what its line must say. */
static void
audit_fails(struct fixture *f, enum vt_err err, const char *says)
{
    static const unsigned threads[] = {1, 2, 7};

    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        f->threads = threads[i];
        assert_int_equal(audit(f), err);
        if (strstr(f->why.text, says) == NULL)
            fail_msg("\"%s\" does not say %s", f->why.text, says);
    }
}

static void
test_sound_logs(void **state)
{
    static const struct {
        uint64_t size;
        uint64_t tiles;
    } logs[] = {
        {0, 0}, {1, 1}, {255, 1}, {256, 2}, {257, 3}, {600, 4}, {65536, 258}, {66000, 261}};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
        assert_int_equal(vt_tree_remove(f->log.dir, NULL), VT_OK);
        folder_write(&f->log, logs[i].size, NULL);
        for (f->threads = 1; f->threads < 4; f->threads++)
            audit_ok(f, logs[i].size, logs[i].tiles);
    }
}

/* A partial file that is gone because its tile filled up. */
static void
test_partial_files_may_be_gone(void **state)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct fixture *f = *state;
    char path[VT_PATH_MAX];

    folder_write(&f->log, 700, NULL);
    assert_int_equal(vt_path(path, NULL, "%s/checkpoint", f->log.dir), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_int_equal(vt_tree_remove(f->log.dir, NULL), VT_OK);
    folder_write(&f->log, 1025, NULL);
    folder_put(&f->log, "checkpoint", b.data, b.len);
    folder_put(&f->log, "tile/1/000.p/2", "", 0);
    audit_fails(f, VT_E_PROOF, "tile/1/000.p/2 has 0 bytes");
    vt_buf_release(&b);
}

/* Where bytes of a file are changed, and what is said then: both kinds are fine where the line
 * cannot know whether the entries or the tile are wrong. */
static void
test_changed_files_are_named(void **state)
{
    static const struct {
        const char *file;
        off_t at; /* below 0: from the end */
        const char *says;
    } changes[] = {
        {"tile/entries/000", 2, "entry 0 is not the one"},
        {"tile/entries/007", -1, "entry 2047 is not the one"},
        {"tile/entries/007", 0, "tile/entries/007: cut short"},
        {"tile/entries/259.p/16", -1, "entry 66319 is not the one"},
        {"tile/0/007", 33, "tile/0/007 does not have the hash of entry 1793"},
        {"tile/0/259.p/16", 0, "tile/0/259.p/16: the log's tiles do not give the root"},
        {"tile/1/000", 8191, "tile/1/000 is not the tile of the checkpoint's tree"},
        {"tile/1/001.p/3", 40, "tile/1/001.p/3: the log's tiles do not give the root"},
        {"tile/2/000.p/1", 31, "tile/2/000.p/1: the log's tiles do not give the root"},
    };
    struct fixture *f = *state;

    folder_write(&f->log, 66320, NULL);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        off_t at = changes[i].at < 0 ? folder_size(&f->log, changes[i].file) + changes[i].at
                                     : changes[i].at;

        folder_flip(&f->log, changes[i].file, at);
        audit_fails(f, VT_E_PROOF, changes[i].says);
        folder_flip(&f->log, changes[i].file, at);
    }
    f->threads = 2;
    assert_int_equal(audit(f), VT_OK);
}

static void
test_missing_and_cut_files(void **state)
{
    static const char *const files[] = {"tile/entries/002", "tile/entries/259.p/16",
        "tile/0/002", "tile/0/259.p/16", "tile/1/000", "tile/1/001.p/3", "tile/2/000.p/1"};
    struct vt_buf b = VT_BUF(VT_BUNDLE_MAX);
    struct fixture *f = *state;
    char path[VT_PATH_MAX];

    folder_write(&f->log, 66320, NULL);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        vt_buf_clear(&b);
        assert_int_equal(vt_path(path, NULL, "%s/%s", f->log.dir, files[i]), VT_OK);
        assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
        folder_put(&f->log, files[i], b.data, b.len - 1);
        audit_fails(f, VT_E_PROOF, files[i]);
        vt_buf_put_u8(&b, 0);
        folder_put(&f->log, files[i], b.data, b.len);
        f->threads = 2;
        assert_true(audit(f) == VT_E_PROOF || audit(f) == VT_E_LIMIT);
        assert_non_null(strstr(f->why.text, files[i]));
        assert_int_equal(unlink(path), 0);
        f->threads = 1;
        assert_int_equal(audit(f), VT_E_NOENT);
        folder_put(&f->log, files[i], b.data, b.len - 1);
    }
    assert_int_equal(audit(f), VT_OK);
    vt_buf_release(&b);
}

/* Of several errors the first is told, however many threads look. */
static void
test_the_first_error_is_told(void **state)
{
    struct fixture *f = *state;

    folder_write(&f->log, 20000, NULL);
    for (int n = 77; n >= 40; n -= 7) {
        char file[64];
        char says[64];

        (void)snprintf(file, sizeof(file), "tile/entries/%03d", n);
        (void)snprintf(says, sizeof(says), "entry %d is not the one", n * 256);
        folder_flip(&f->log, file, 2);
        audit_fails(f, VT_E_PROOF, says);
    }
}

/* A log that is sound in itself, of another tree than its checkpoint. */
static void
test_another_tree(void **state)
{
    struct fixture *f = *state;
    struct vt_digest root;

    folder_write(&f->log, 1000, &root);
    root.b[5] ^= 1;
    folder_checkpoint(&f->log, 1000, &root);
    audit_fails(f, VT_E_PROOF, "root");
    /* Entries and their tile of level 0 changed alike. */
    f->log.tag = "other";
    folder_write(&f->log, 1000, NULL);
    f->log.tag = NULL;
    {
        struct folder one = f->log;

        assert_int_equal(vt_path(one.dir, NULL, "%s/one", f->root), VT_OK);
        folder_write(&one, 1000, NULL);
    }
    {
        char from[VT_PATH_MAX];
        char to[VT_PATH_MAX];
        static const char *const files[] = {"tile/0/001", "tile/entries/001"};

        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(vt_path(from, NULL, "%s/one/%s", f->root, files[i]), VT_OK);
            assert_int_equal(vt_path(to, NULL, "%s/%s", f->log.dir, files[i]), VT_OK);
            assert_int_equal(rename(from, to), 0);
        }
    }
    audit_fails(
        f, VT_E_PROOF, "the entries 256 to 511 do not give the hash that tile/1/000.p/3 has");
}

static void
test_frozen_logs(void **state)
{
    struct fixture *f = *state;
    struct vt_digest root;
    struct vt_signer *own = f->log.signer;

    folder_write(&f->log, 300, &root);
    folder_freeze(&f->log, 300, &root);
    assert_int_equal(audit(f), VT_OK);
    assert_true(f->sum.is_frozen);
    assert_string_equal(f->sum.frozen.reason, "its year is over");
    /* Of a size that is not published yet. */
    folder_freeze(&f->log, 301, &root);
    assert_int_equal(audit(f), VT_OK);
    folder_freeze(&f->log, 299, &root);
    audit_fails(f, VT_E_PROOF, "MISBEHAVIOUR");
    root.b[0] ^= 1;
    folder_freeze(&f->log, 300, &root);
    audit_fails(f, VT_E_PROOF, "MISBEHAVIOUR");
    /* By another key of the same name. */
    f->log.signer = folder_signer(ORIGIN, 9);
    folder_freeze(&f->log, 300, &root);
    vt_signer_free(f->log.signer);
    f->log.signer = own;
    audit_fails(f, VT_E_UNKNOWN, "final statement");
}

/* Entries of Vitrine's kinds are read, and their signatures checked. */
static size_t
signed_entry(const struct folder *f, uint64_t index, uint8_t *ret)
{
    const char *name = index % 4 == 1 ? "stranger.example/dev" : "dev.example/dev";
    struct vt_entry e = {.kind = VT_ENTRY_SOURCE};
    struct vt_buf b = VT_BUF(65535);
    struct vt_signer *s = folder_signer(name, 3);
    struct vt_digest d;
    struct vt_sig sig;
    size_t len;

    (void)f;
    vt_digest_of(&index, sizeof(index), &d);
    vt_digest_of("statement", 9, &e.statement);
    assert_int_equal(vt_entry_add(&e, VT_SUBJECT_SOURCE, &d, NULL), VT_OK);
    vt_entry_put_text(&b, &e);
    assert_int_equal(vt_buf_check(&b, "entry", NULL), VT_OK);
    assert_int_equal(vt_signer_sign(s, VT_SIGN_ENTRY, b.data, b.len, &sig, NULL), VT_OK);
    if (index % 4 == 2)
        sig.b[3] ^= 1;
    vt_buf_puts(&b, "\n");
    vt_note_put_sig(
        &b, name, vt_vkey_id(name, VT_NOTE_ED25519, vt_signer_public(s)), sig.b, sizeof(sig.b));
    len = index % 4 == 3 ? 40 : b.len; /* cut short: it begins like an entry */
    memcpy(ret, b.data, len);
    vt_buf_release(&b);
    vt_signer_free(s);
    return len;
}

static void
test_signers_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct vt_signer *s = folder_signer("dev.example/dev", 3);
    char line[VT_VKEY_TEXT_MAX + 32];
    char text[VT_VKEY_TEXT_MAX];
    struct vt_vkey v;

    assert_int_equal(
        vt_vkey_make("dev.example/dev", VT_NOTE_ED25519, vt_signer_public(s), &v, NULL), VT_OK);
    vt_vkey_format(&v, text);
    (void)snprintf(line, sizeof(line), "signer dev %s\n", text);
    vt_policy_free(f->policy);
    f->policy = folder_policy(f->log.signer, line);
    f->log.entry = signed_entry;
    folder_write(&f->log, 400, NULL);
    for (f->threads = 1; f->threads < 4; f->threads++) {
        if (audit(f) != VT_OK)
            fail_msg("%s", f->why.text);
        assert_int_equal(f->sum.known[VT_ENTRY_SOURCE], 100);
        assert_int_equal(f->sum.strangers, 100);
        assert_int_equal(f->sum.unread, 200);
    }
    vt_signer_free(s);
}

/* Entries of any length, none at all to the longest. */
static size_t
uneven_entry(const struct folder *f, uint64_t index, uint8_t *ret)
{
    size_t len = index % 64 == 63 ? 65535 : (size_t)(index * 7 % 300);

    (void)f;
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)((index * 31 + i * i) >> 3);
    return len;
}

static void
test_entries_of_all_lengths(void **state)
{
    struct fixture *f = *state;

    f->log.entry = uneven_entry;
    folder_write(&f->log, 1100, NULL);
    f->threads = 2;
    assert_int_equal(audit(f), VT_OK);
    assert_true(f->sum.bytes > 17 * 65535);
}

static uint64_t
compress_log(struct fixture *f, uint64_t size, unsigned budget)
{
    struct vt_log_gzip *g = NULL;
    uint64_t before;
    uint64_t after;
    bool more = true;

    if (vt_log_gzip_new(f->log.dir, &g, &f->why) != VT_OK)
        fail_msg("%s", f->why.text);
    before = after = vt_log_gzip_done(g);
    while (more) {
        uint64_t last = after;

        if (vt_log_gzip_step(g, size, budget, -1, &more, &f->why) != VT_OK)
            fail_msg("%s", f->why.text);
        after = vt_log_gzip_done(g);
        assert_true(after - last <= budget);
    }
    vt_log_gzip_free(g);
    return after - before;
}

static void
test_compressed_bundles(void **state)
{
    struct vt_buf b = VT_BUF(VT_BUNDLE_MAX);
    struct vt_buf again = VT_BUF(VT_BUNDLE_MAX);
    struct fixture *f = *state;
    char path[VT_PATH_MAX];

    folder_write(&f->log, 1300, NULL);
    assert_int_equal(compress_log(f, 1300, 2), 5);
    assert_int_equal(compress_log(f, 1300, 2), 0);
    assert_int_equal(audit(f), VT_OK);
    assert_int_equal(f->sum.compressed, 5);
    /* No name, no time: the same bytes come again. */
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries/002.gz", f->log.dir), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_memory_equal(b.data, "\x1f\x8b\x08\x00\0\0\0\0", 8);
    folder_put(&f->log, "tile/entries/.compressed", "no number", 9);
    assert_int_equal(compress_log(f, 1300, 100), 5);
    assert_int_equal(vt_file_read(path, &again, NULL), VT_OK);
    assert_int_equal(b.len, again.len);
    assert_memory_equal(b.data, again.data, b.len);
    /* Every byte of it counts. */
    for (off_t at = 10; at < (off_t)b.len; at += 97) {
        folder_flip(&f->log, "tile/entries/002.gz", at);
        audit_fails(f, VT_E_PROOF, "tile/entries/002.gz");
        folder_flip(&f->log, "tile/entries/002.gz", at);
    }
    vt_buf_puts(&b, "more");
    folder_put(&f->log, "tile/entries/002.gz", b.data, b.len);
    audit_fails(f, VT_E_PROOF, "tile/entries/002.gz");
    folder_put(&f->log, "tile/entries/002.gz", "", 0);
    audit_fails(f, VT_E_PROOF, "tile/entries/002.gz");
    vt_buf_release(&b);
    vt_buf_release(&again);
}

/* What becomes readable ends a batch before the next bundle, and nothing of it has its name
 * until it goes on. */
static void
test_compressing_gives_way(void **state)
{
    struct fixture *f = *state;
    struct vt_log_gzip *g = NULL;
    int news[2];
    bool more = false;
    char path[VT_PATH_MAX];
    char c;

    folder_write(&f->log, 1300, NULL);
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries/000.gz", f->log.dir), VT_OK);
    assert_int_equal(pipe(news), 0);
    assert_int_equal(write(news[1], "x", 1), 1);
    assert_int_equal(vt_log_gzip_new(f->log.dir, &g, NULL), VT_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(vt_log_gzip_step(g, 1300, 5, news[0], &more, NULL), VT_OK);
        assert_true(more);
        assert_int_equal(vt_log_gzip_done(g), 0);
        assert_false(vt_file_exists(path));
    }
    assert_int_equal(read(news[0], &c, 1), 1);
    assert_int_equal(vt_log_gzip_step(g, 1300, 5, news[0], &more, NULL), VT_OK);
    assert_false(more);
    assert_int_equal(vt_log_gzip_done(g), 5);
    assert_true(vt_file_exists(path));
    /* Nothing is left, until the log is larger. */
    assert_int_equal(vt_log_gzip_step(g, 1535, 5, -1, &more, NULL), VT_OK);
    assert_false(more);
    folder_write(&f->log, 2000, NULL);
    assert_int_equal(vt_log_gzip_step(g, 2000, 1, -1, &more, NULL), VT_OK);
    assert_true(more);
    assert_int_equal(vt_log_gzip_done(g), 6);
    vt_log_gzip_free(g);
    (void)close(news[0]);
    (void)close(news[1]);
    assert_int_equal(audit(f), VT_OK);
    assert_int_equal(f->sum.compressed, 6);
}

/* Bundles that cannot be made durable with the folder, or are not there. */
static void
test_compressing_needs_its_bundles(void **state)
{
    struct fixture *f = *state;
    struct vt_log_gzip *g = NULL;
    bool more = true;
    char path[VT_PATH_MAX];
    char away[VT_PATH_MAX];

    folder_write(&f->log, 600, NULL);
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries", f->log.dir), VT_OK);
    assert_int_equal(vt_path(away, NULL, "%s/away", f->log.dir), VT_OK);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(symlink(away, path), 0);
    assert_int_equal(vt_log_gzip_new(f->log.dir, &g, &f->why), VT_E_CONFIG);
    assert_non_null(strstr(f->why.text, "tile/entries is a link"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(away, path), 0);
    assert_int_equal(vt_log_gzip_new(f->log.dir, &g, NULL), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries/001", f->log.dir), VT_OK);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(vt_log_gzip_step(g, 600, 8, -1, &more, NULL), VT_E_NOENT);
    assert_int_equal(vt_log_gzip_done(g), 0);
    assert_int_equal(rename(away, path), 0);
    assert_int_equal(vt_log_gzip_step(g, 600, 8, -1, &more, NULL), VT_OK);
    assert_int_equal(vt_log_gzip_done(g), 2);
    vt_log_gzip_free(g);
    assert_int_equal(audit(f), VT_OK);
    assert_int_equal(f->sum.compressed, 2);
}

static size_t
random_entry(const struct folder *f, uint64_t index, uint8_t *ret)
{
    (void)f;
    for (uint64_t i = 0; i < 8; i++) {
        const uint64_t v[2] = {index, i};
        struct vt_digest d;

        vt_digest_of(v, sizeof(v), &d);
        memcpy(ret + 32 * i, d.b, 32);
    }
    return 256;
}

static void
test_what_does_not_shrink_is_left(void **state)
{
    struct fixture *f = *state;
    char path[VT_PATH_MAX];

    f->log.entry = random_entry;
    folder_write(&f->log, 600, NULL);
    assert_int_equal(compress_log(f, 600, 64), 2);
    assert_int_equal(vt_path(path, NULL, "%s/tile/entries/000.gz", f->log.dir), VT_OK);
    assert_false(vt_file_exists(path));
    assert_int_equal(audit(f), VT_OK);
    assert_int_equal(f->sum.compressed, 0);
}

static bool
is_there(const struct fixture *f, const char *rel)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/%s", f->log.dir, rel), VT_OK);
    return vt_file_exists(path);
}

static void
clear_up(struct fixture *f, uint64_t files, uint64_t kept)
{
    struct vt_gc_freed freed;
    char dir[VT_PATH_MAX];

    assert_int_equal(vt_path(dir, NULL, "%s/log", f->root), VT_OK);
    assert_int_equal(vt_dir_make(dir, 0700, NULL), VT_OK);
    if (vt_gc_partials(dir, f->log.dir, f->policy, NULL, &freed, &f->why) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(freed.files, files);
    assert_int_equal(freed.kept, kept);
}

static void
test_partial_tiles_are_removed(void **state)
{
    static const char *const partial[] = {"tile/0/000.p/3", "tile/0/002.p/255",
        "tile/0/002.p/9", "tile/entries/001.p/7", "tile/0/255.p/1", "tile/1/000.p/200"};
    struct fixture *f = *state;
    char path[VT_PATH_MAX];

    folder_write(&f->log, 66000, NULL);
    for (size_t i = 0; i < sizeof(partial) / sizeof(partial[0]); i++)
        folder_put(&f->log, partial[i], "12345678", 8);
    /* Of a tile that is not full in the published checkpoint, and of one that is gone. */
    folder_put(&f->log, "tile/0/257.p/5", "12345678", 8);
    folder_put(&f->log, "tile/0/007.p/5", "12345678", 8);
    assert_int_equal(vt_path(path, NULL, "%s/tile/0/007", f->log.dir), VT_OK);
    assert_int_equal(unlink(path), 0);
    clear_up(f, 6, 1);
    for (size_t i = 0; i < sizeof(partial) / sizeof(partial[0]); i++)
        assert_false(is_there(f, partial[i]));
    assert_true(is_there(f, "tile/0/257.p/5"));
    assert_true(is_there(f, "tile/0/007.p/5"));
    assert_true(is_there(f, "tile/1/001.p/1"));
    folder_write(&f->log, 66000, NULL);
    assert_int_equal(audit(f), VT_OK);
    clear_up(f, 1, 0);
    /* From then on only what is new is looked at. */
    folder_put(&f->log, "tile/0/000.p/3", "12345678", 8);
    clear_up(f, 0, 0);
    folder_write(&f->log, 66100, NULL);
    clear_up(f, 2 + 1, 0);
    assert_false(is_there(f, "tile/0/257.p"));
    assert_int_equal(audit(f), VT_OK);
}

/* The same entries in write-ahead files of a MiB. */
static void
write_wal(const struct fixture *f, const char *dir, uint64_t size)
{
    struct vt_wal_opts opts = {.origin = ORIGIN, .file_max = 1U << 20};
    struct vt_wal *w = NULL;
    uint64_t cut;

    assert_int_equal(vt_wal_open(dir, &opts, &w, &cut, NULL), VT_OK);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t entry[256];
        size_t len = folder_entry(&f->log, i, entry);
        struct vt_digest name;

        vt_digest_of(entry, len, &name);
        assert_int_equal(vt_wal_put(w, entry, (uint16_t)len, &name, NULL), VT_OK);
        if (i % 8192 == 8191 || i + 1 == size)
            assert_int_equal(vt_wal_commit(w, NULL), VT_OK);
    }
    vt_wal_free(w);
}

static uint64_t
wal_first(const char *dir, uint64_t size)
{
    struct vt_wal_opts opts = {.origin = ORIGIN, .least = size, .file_max = 1U << 20};
    struct vt_wal *w = NULL;
    struct vt_why why = {0};
    uint64_t first;
    uint64_t cut;

    if (vt_wal_open(dir, &opts, &w, &cut, &why) != VT_OK)
        fail_msg("%s", why.text);
    first = vt_wal_first(w);
    assert_int_equal(vt_wal_count(w), size);
    vt_wal_free(w);
    return first;
}

static void
test_wal_files_are_dropped(void **state)
{
    enum { ENTRIES = 330000 };
    struct fixture *f = *state;
    struct vt_gc_freed freed;
    struct vt_lock lock = {0};
    char dir[VT_PATH_MAX];
    char wal[VT_PATH_MAX];
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(dir, NULL, "%s/log", f->root), VT_OK);
    assert_int_equal(vt_path(wal, NULL, "%s/log/wal", f->root), VT_OK);
    assert_int_equal(vt_path(path, NULL, "%s/log/lock", f->root), VT_OK);
    assert_int_equal(vt_dir_make(dir, 0700, NULL), VT_OK);
    folder_write(&f->log, ENTRIES, NULL);
    write_wal(f, wal, ENTRIES);
    /* Not while the log runs. */
    assert_int_equal(vt_lock_take(&lock, path, "test", NULL), VT_OK);
    assert_int_equal(vt_gc_wal(dir, f->log.dir, f->policy, NULL, &freed, &f->why), VT_E_BUSY);
    vt_lock_release(&lock);
    /* Not when an entry of it cannot be read back. */
    folder_flip(&f->log, "tile/entries/000", 5);
    assert_int_equal(vt_gc_wal(dir, f->log.dir, f->policy, NULL, &freed, &f->why), VT_E_PROOF);
    assert_int_equal(wal_first(wal, ENTRIES), 0);
    folder_flip(&f->log, "tile/entries/000", 5);
    if (vt_gc_wal(dir, f->log.dir, f->policy, NULL, &freed, &f->why) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_true(freed.files > 0 && freed.bytes >= freed.files << 20);
    assert_true(freed.upto > 0 && freed.upto <= ENTRIES - VT_LOG_WINDOW);
    assert_int_equal(wal_first(wal, ENTRIES), freed.upto);
    /* There is no more to do. */
    assert_int_equal(vt_gc_wal(dir, f->log.dir, f->policy, NULL, &freed, NULL), VT_OK);
    assert_int_equal(freed.files, 0);
}

/* Without a checkpoint that the policy accepts nothing is removed. */
static void
test_nothing_is_removed_on_a_bad_word(void **state)
{
    struct vt_gc_freed freed;
    struct fixture *f = *state;
    char dir[VT_PATH_MAX];

    folder_write(&f->log, 600, NULL);
    folder_put(&f->log, "tile/0/000.p/3", "12345678", 8);
    folder_flip(&f->log, "checkpoint", 25);
    assert_int_equal(vt_path(dir, NULL, "%s/log", f->root), VT_OK);
    assert_int_equal(vt_dir_make(dir, 0700, NULL), VT_OK);
    assert_int_not_equal(vt_gc_partials(dir, f->log.dir, f->policy, NULL, &freed, NULL), VT_OK);
    assert_int_not_equal(vt_gc_wal(dir, f->log.dir, f->policy, NULL, &freed, NULL), VT_OK);
    assert_true(is_there(f, "tile/0/000.p/3"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound_logs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partial_files_may_be_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_files_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_and_cut_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_first_error_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_tree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_frozen_logs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signers_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_entries_of_all_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compressed_bundles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compressing_gives_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compressing_needs_its_bundles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_does_not_shrink_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partial_tiles_are_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wal_files_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_nothing_is_removed_on_a_bad_word, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
