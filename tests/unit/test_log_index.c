/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's index: keys and records, runs that are functions of the log however they came to
 * be, roots that an audit finds true or false, and files that survive a crash anywhere.
 */
#include "log/log_index.h"

#include "log/log_index_range.h"
#include "log/log_index_run.h"
#include "note/field.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "index_log.h"

/* --- The log that is indexed. ---------------------------------------------------------- */

static struct vt_digest
digest_of(const char *what, unsigned n)
{
    struct vt_digest d;
    char text[64];

    (void)snprintf(text, sizeof text, "%s %u", what, n);
    vt_digest_of(text, strlen(text), &d);
    return d;
}

static void
put_line(struct vt_buf *b, const char *words, const struct vt_digest *d)
{
    vt_buf_puts(b, words);
    vt_field_put_digest(b, d);
    vt_buf_puts(b, "\n");
}

/* Entry i: of five one that is none of ours; the others name an artifact with two others, one
 * of three environments, and a statement of their own. */
static void
add_entries(struct index_log *l, size_t n)
{
    struct vt_buf b = VT_BUF(4096);

    for (; n > 0; n--) {
        const unsigned i = (unsigned)l->count;
        const struct vt_digest artifact = digest_of("artifact", i / 3);
        const struct vt_digest environment = digest_of("environment", i % 3);
        const struct vt_digest statement = digest_of("statement", i);

        vt_buf_clear(&b);
        if (i % 5 == 4) {
            vt_buf_putf(&b, "entry %u\n", i);
        } else {
            vt_buf_puts(&b, "vitrine/entry/v1\nkind rebuild\n");
            put_line(&b, "subject artifact ", &artifact);
            put_line(&b, "subject environment ", &environment);
            put_line(&b, "statement ", &statement);
            vt_buf_puts(&b, "\n\xe2\x80\x94 some.example AAAA\n");
        }
        index_log_add(l, b.data, b.len);
    }
    vt_buf_release(&b);
}

static int
set_up(void **state)
{
    struct index_log *l = malloc(sizeof *l);

    assert_non_null(l);
    index_log_set_up(l);
    *state = l;
    return 0;
}

static int
tear_down(void **state)
{
    index_log_tear_down(*state);
    free(*state);
    return 0;
}

/* Roots whenever there are 256 entries more, whatever the time. */
static const struct vt_log_index_opts at_once = {.root_entries = 256, .pause_ms = -1};

static struct vt_log_index *
open_index(const struct index_log *l)
{
    struct vt_log_index *ix = NULL;
    struct vt_why why = {0};

    if (vt_log_index_open(l->pub, l->state, INDEX_ORIGIN, &at_once, &ix, &why) != VT_OK)
        fail_msg("%s", why.text);
    return ix;
}

static void
advance(struct vt_log_index *ix, uint64_t upto, uint64_t budget)
{
    struct vt_why why = {0};
    bool more = true;

    for (unsigned calls = 0; more; calls++) {
        if (vt_log_index_advance(ix, upto, 0, budget, &more, &why) != VT_OK)
            fail_msg("%s", why.text);
        assert_true(calls < 1000000);
    }
}

/* Logs the root that is due, as a publisher does; returns its index. */
static uint64_t
log_root(struct index_log *l, struct vt_log_index *ix)
{
    const struct vt_digest root = index_log_root(l, (size_t)vt_log_index_size(ix));
    struct vt_buf b = VT_BUF(65535);
    struct vt_why why = {0};

    assert_true(vt_log_index_due(ix));
    if (vt_log_index_note(ix, &root, l->signer, &b, &why) != VT_OK)
        fail_msg("%s", why.text);
    index_log_add(l, b.data, b.len);
    vt_buf_release(&b);
    assert_int_equal(vt_log_index_logged(ix, l->count - 1, 0, NULL), VT_OK);
    assert_false(vt_log_index_due(ix));
    return l->count - 1;
}

static void
open_note(const struct index_log *l, uint64_t index, struct vt_index_note *ret)
{
    struct vt_why why = {0};

    if (vt_index_note_open(l->policy, INDEX_ORIGIN, index, l->entry[index].data,
            l->entry[index].len, ret, &why) != VT_OK)
        fail_msg("%s", why.text);
}

/* --- Keys. ----------------------------------------------------------------------------- */

static void
test_keys(void **state)
{
    const struct vt_digest a = digest_of("a", 0), b = digest_of("b", 0);
    struct vt_digest keys[VT_INDEX_KEYS_MAX], self;
    struct vt_buf e = VT_BUF(65535);
    size_t n;

    (void)state;
    vt_buf_puts(&e, "vitrine/entry/v1\nkind not-known-yet\n");
    put_line(&e, "subject artifact ", &a);
    put_line(&e, "subject thing ", &a); /* once an entry */
    put_line(&e, "statement ", &b);
    put_line(&e, "subject  ", &self);
    vt_digest_of("x", 1, &self);
    put_line(&e, "subject two words ", &self);
    put_line(&e, " statement ", &self);
    vt_buf_puts(&e, "\n");
    put_line(&e, "statement ", &self); /* after the empty line */
    vt_digest_of(e.data, e.len, &self);
    vt_index_keys(e.data, e.len, keys, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(&keys[0], &self, sizeof self);
    assert_memory_equal(&keys[1], &a, sizeof a);
    assert_memory_equal(&keys[2], &b, sizeof b);
    assert_true(vt_index_has_key(e.data, e.len, &b));
    /* the same without the first line */
    vt_index_keys(e.data + 1, e.len - 1, keys, &n);
    assert_int_equal(n, 1);
    vt_index_keys("", 0, keys, &n);
    assert_int_equal(n, 1);
    vt_buf_release(&e);
}

static void
test_keys_at_most(void **state)
{
    struct vt_digest keys[VT_INDEX_KEYS_MAX];
    struct vt_buf e = VT_BUF(65535);
    size_t n;

    (void)state;
    vt_buf_puts(&e, "vitrine/entry/v1\n");
    for (unsigned i = 0; i < 65; i++) {
        const struct vt_digest d = digest_of("many", i);
        put_line(&e, "subject artifact ", &d);
    }
    vt_index_keys(e.data, e.len, keys, &n);
    assert_int_equal(n, 66);
    put_line(&e, "subject artifact ", &keys[1]);
    vt_index_keys(e.data, e.len, keys, &n);
    assert_int_equal(n, 1);
    vt_buf_release(&e);
}

/* --- Range proofs. --------------------------------------------------------------------- */

static enum vt_err
naive_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const struct vt_digest *leaf = ctx;
    struct vt_digest right;

    if (level == 0) {
        *ret = leaf[index];
        return VT_OK;
    }
    enum vt_err err = naive_hash(ctx, level - 1, 2 * index, ret, why);
    if (err == VT_OK)
        err = naive_hash(ctx, level - 1, 2 * index + 1, &right, why);
    vt_merkle_node(ret, &right, ret);
    return err;
}

static struct vt_digest
range_root(const struct vt_digest *leaf, uint64_t a, uint64_t b, uint64_t n,
    const struct vt_range_proof *p)
{
    struct vt_frontier f;
    struct vt_digest root;

    assert_int_equal(p->len, vt_range_left(a) + vt_range_right(b, n));
    vt_range_begin(&f, a, p->hash);
    for (uint64_t i = a; i < b; i++)
        vt_frontier_append(&f, &leaf[i]);
    vt_range_end(&f, n, p->hash + vt_range_left(a), &root);
    return root;
}

static void
test_ranges(void **state)
{
    enum { N = 41 };
    struct vt_digest leaf[N], root, got;
    struct vt_range_proof p;

    (void)state;
    for (unsigned i = 0; i < N; i++)
        leaf[i] = digest_of("leaf", i);
    const struct vt_hash_source src = {.get = naive_hash, .ctx = leaf};
    for (uint64_t n = 1; n <= N; n++) {
        assert_int_equal(vt_merkle_root(&src, n, &root, NULL), VT_OK);
        for (uint64_t a = 0; a <= n; a++) {
            for (uint64_t b = a; b <= n; b++) {
                assert_int_equal(vt_range_prove(&src, a, b, n, &p, NULL), VT_OK);
                got = range_root(leaf, a, b, n, &p);
                assert_memory_equal(&got, &root, sizeof root);
                if (a == b)
                    continue;
                leaf[b - 1].b[0] ^= 1;
                got = range_root(leaf, a, b, n, &p);
                assert_memory_not_equal(&got, &root, sizeof root);
                leaf[b - 1].b[0] ^= 1;
            }
        }
    }
}

/* The left part is what an inclusion proof of the next leaf has on its left. */
static void
test_range_of_inclusion(void **state)
{
    enum { N = 70 };
    struct vt_digest leaf[N], left[64];
    struct vt_range_proof p;
    struct vt_proof path;

    (void)state;
    for (unsigned i = 0; i < N; i++)
        leaf[i] = digest_of("leaf", i);
    const struct vt_hash_source src = {.get = naive_hash, .ctx = leaf};
    for (uint64_t n = 1; n <= N; n++) {
        for (uint64_t a = 0; a < n; a++) {
            assert_int_equal(vt_merkle_prove_inclusion(&src, a, n, &path, NULL), VT_OK);
            assert_int_equal(vt_range_prove(&src, a, n, n, &p, NULL), VT_OK);
            assert_int_equal(vt_range_left_of(a, n, &path, left), p.len);
            assert_memory_equal(left, p.hash, p.len * sizeof left[0]);
        }
    }
}

/* --- Which runs. ----------------------------------------------------------------------- */

static void
test_which_runs(void **state)
{
    struct vt_index_run run[VT_INDEX_RUNS_MAX];

    (void)state;
    assert_int_equal(vt_index_runs(0, run), 0);
    assert_int_equal(vt_index_runs(8960, run), 5);
    assert_true(run[0].k == 2 && run[0].j == 0 && run[1].k == 2 && run[1].j == 1);
    for (unsigned i = 2; i < 5; i++)
        assert_true(run[i].k == 0 && run[i].j == 30 + i);
    for (uint64_t size = 0; size < 256 * 300; size += 256) {
        const size_t n = vt_index_runs(size, run);
        uint64_t at = 0;

        for (size_t i = 0; i < n; i++) {
            assert_int_equal(vt_index_run_first(&run[i]), at);
            at += vt_index_run_length(run[i].k);
            assert_true(i == 0 || run[i].k <= run[i - 1].k);
            assert_true(i < 3 || run[i].k < run[i - 3].k);
        }
        assert_int_equal(at, size);
    }
    assert_true(vt_index_runs(INT64_MAX - 255, run) <= VT_INDEX_RUNS_MAX);
}

/* --- Notes. ---------------------------------------------------------------------------- */

static void
test_note(void **state)
{
    struct vt_index_note n = {.size = 8960, .root = digest_of("root", 0)}, again;
    struct vt_buf b = VT_BUF(65536), bad = VT_BUF(65536);

    (void)state;
    n.run_count = vt_index_runs(n.size, n.run);
    for (size_t i = 0; i < n.run_count; i++) {
        n.run[i].count = vt_index_run_length(n.run[i].k) * (1 + i);
        n.run[i].root = digest_of("run", (unsigned)i);
    }
    vt_index_note_put(&b, &n, INDEX_ORIGIN);
    assert_int_equal(vt_index_note_parse(b.data, b.len, INDEX_ORIGIN, &again, NULL), VT_OK);
    assert_int_equal(again.run_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_memory_equal(&again.run[i].root, &n.run[i].root, sizeof n.root);
    assert_int_equal(
        vt_index_note_parse(b.data, b.len, "other.example", &again, NULL), VT_E_SYNTAX);
    /* cut anywhere, or with any byte more, it is none */
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(
            vt_index_note_parse(b.data, len, INDEX_ORIGIN, &again, NULL), VT_E_SYNTAX);
    vt_buf_puts(&b, "\n");
    assert_int_equal(
        vt_index_note_parse(b.data, b.len, INDEX_ORIGIN, &again, NULL), VT_E_SYNTAX);
    n.run[4].count = 255; /* an entry without a record */
    vt_index_note_put(&bad, &n, INDEX_ORIGIN);
    assert_int_equal(
        vt_index_note_parse(bad.data, bad.len, INDEX_ORIGIN, &again, NULL), VT_E_SYNTAX);
    vt_buf_clear(&bad);
    n.run[4].count = 256 * 67;
    vt_index_note_put(&bad, &n, INDEX_ORIGIN);
    assert_int_equal(
        vt_index_note_parse(bad.data, bad.len, INDEX_ORIGIN, &again, NULL), VT_E_SYNTAX);
    vt_buf_release(&bad);
    vt_buf_release(&b);
}

/* --- Making it. ------------------------------------------------------------------------ */

static int
record_cmp(const void *a, const void *b)
{
    return memcmp(a, b, VT_INDEX_RECORD);
}

/* The run as its definition says, from the entries, each of which has at most 66 keys. */
static struct vt_index_record *
naive_run(const struct index_log *l, struct vt_index_run *run)
{
    const uint64_t first = vt_index_run_first(run), n = vt_index_run_length(run->k);
    struct vt_digest keys[VT_INDEX_KEYS_MAX];
    struct vt_index_record *all = NULL;
    struct vt_frontier f;
    size_t count = 0;

    for (uint64_t i = first; i < first + n; i++) {
        size_t k;

        vt_index_keys(l->entry[i].data, l->entry[i].len, keys, &k);
        all = realloc(all, (count + k) * sizeof *all);
        assert_non_null(all);
        for (size_t x = 0; x < k; x++)
            vt_index_record_put(&all[count++], &keys[x], i);
    }
    qsort(all, count, sizeof *all, record_cmp);
    run->count = count;
    vt_frontier_init(&f);
    for (size_t i = 0; i < count; i += VT_INDEX_PAGE) {
        const size_t left = count - i;
        struct vt_digest h;

        vt_merkle_leaf(
            &all[i], (left < VT_INDEX_PAGE ? left : VT_INDEX_PAGE) * VT_INDEX_RECORD, &h);
        vt_frontier_append(&f, &h);
    }
    vt_frontier_root(&f, &run->root);
    return all;
}

static void
read_run(const struct index_log *l, const struct vt_index_run *run, struct vt_buf *b)
{
    char path[VT_PATH_MAX], dir[VT_PATH_MAX];

    assert_int_equal(vt_path(dir, NULL, "%s/index", l->pub), VT_OK);
    assert_int_equal(vt_index_run_path(dir, run->k, run->j, path, NULL), VT_OK);
    vt_buf_clear(b);
    assert_int_equal(vt_file_read(path, b, NULL), VT_OK);
}

/* The note's runs, and their files, are as defined. */
static void
check_note(const struct index_log *l, const struct vt_index_note *n)
{
    struct vt_digest root = index_log_root(l, (size_t)n->size);
    struct vt_buf file = VT_BUF(256U << 20);

    assert_memory_equal(&n->root, &root, sizeof root);
    for (size_t i = 0; i < n->run_count; i++) {
        struct vt_index_run want = n->run[i];
        struct vt_index_record *all = naive_run(l, &want);
        const size_t records = (size_t)want.count * VT_INDEX_RECORD;

        assert_int_equal(n->run[i].count, want.count);
        assert_memory_equal(&n->run[i].root, &want.root, sizeof root);
        read_run(l, &want, &file);
        assert_int_equal(file.len, vt_index_run_hashes(want.count, VT_TILE_LEVEL_MAX + 1));
        assert_memory_equal(file.data, all, records);
        vt_merkle_leaf(all, VT_INDEX_PAGE * VT_INDEX_RECORD, &root);
        assert_memory_equal(file.data + records, &root, sizeof root);
        if (vt_index_pages(want.count) >= VT_TILE_WIDTH) {
            const uint8_t *above = file.data + vt_index_run_hashes(want.count, 1);

            vt_tile_fold((const void *)(file.data + records), VT_TILE_WIDTH, &root);
            assert_memory_equal(above, &root, sizeof root);
        }
        free(all);
    }
    vt_buf_release(&file);
}

static void
test_runs_as_defined(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_index_note n;
    bool more = true;

    /* too few for any */
    add_entries(l, 255);
    index_log_put_bundles(l);
    assert_int_equal(vt_log_index_advance(ix, 255, 0, 0, &more, NULL), VT_OK);
    assert_false(more || vt_log_index_due(ix));
    add_entries(l, 8960 + 100 - 255);
    index_log_put_bundles(l);
    advance(ix, l->count, 1);
    assert_int_equal(vt_log_index_size(ix), 8960);
    open_note(l, log_root(l, ix), &n);
    assert_int_equal(n.size, 8960);
    assert_int_equal(n.run_count, 5);
    check_note(l, &n);
    vt_log_index_free(ix);
}

/* The page's worked example. */
static void
test_example(void **state)
{
    static const char want[] = "vitrine/log-index/v1\n" INDEX_ORIGIN
                               "\nsize 256\nTos73taU3PGTY0bFzH/EcSwTM87b2mAnidbjuDw6wgU=\n"
                               "run 0 0 256 tcweHON66a2aMIRqPZYHxCMVFfOC5p2ifJIqSMMF7k8=\n\n";
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_buf file = VT_BUF(65536);
    const struct vt_index_run run = {0};
    char text[32];

    for (unsigned i = 0; i < 256; i++) {
        (void)snprintf(text, sizeof text, "entry %u\n", i);
        index_log_add(l, text, strlen(text));
    }
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    (void)log_root(l, ix);
    assert_memory_equal(l->entry[256].data, want, sizeof want - 1);
    read_run(l, &run, &file);
    assert_int_equal(file.len, 10368);
    vt_buf_release(&file);
    vt_log_index_free(ix);
}

/* In pieces of any size, with restarts, or at once: the same runs. */
static void
test_pieces_are_the_whole(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_index_note pieces, whole;
    unsigned seed = 1;

    while (l->count < 30000) {
        seed = seed * 1103515245U + 12345U;
        add_entries(l, 200 + (seed >> 16) % 1500);
        index_log_put_bundles(l);
        advance(ix, l->count, 1 + (seed >> 8) % 7000);
        if (vt_log_index_due(ix) && (seed >> 20) % 4 != 0)
            open_note(l, log_root(l, ix), &pieces);
        if ((seed >> 24) % 3 == 0) {
            vt_log_index_free(ix);
            ix = open_index(l);
        }
    }
    add_entries(l, 600);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    open_note(l, log_root(l, ix), &pieces);
    check_note(l, &pieces);
    vt_log_index_free(ix);
    assert_int_equal(vt_tree_remove(l->state, NULL), VT_OK);
    ix = open_index(l);
    advance(ix, pieces.size, 0);
    open_note(l, log_root(l, ix), &whole);
    assert_memory_equal(&pieces, &whole, sizeof whole);
    vt_log_index_free(ix);
}

static void
add_many_keys(struct index_log *l, size_t n)
{
    struct vt_buf b = VT_BUF(65535);

    for (; n > 0; n--) {
        vt_buf_clear(&b);
        vt_buf_puts(&b, "vitrine/entry/v1\n");
        for (unsigned k = 0; k < 65; k++) {
            const struct vt_digest d = digest_of("key", (unsigned)l->count * 40 + k);
            put_line(&b, "subject artifact ", &d);
        }
        index_log_add(l, b.data, b.len);
    }
    vt_buf_release(&b);
}

static enum vt_err audit(const struct index_log *l, uint64_t *ret_roots, struct vt_why *why);

/* Entries with all the keys they can have do not fit in larger pieces, nor all of an audit's in
 * memory. */
static void
test_many_keys(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_index_note n;
    uint64_t roots = 0, logged = 0;

    add_many_keys(l, 256 * 9);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    open_note(l, log_root(l, ix), &n);
    check_note(l, &n);
    for (logged = 1; l->count < 256 * 20; logged++) {
        add_many_keys(l, 300 + 100 * (size_t)logged);
        index_log_put_bundles(l);
        advance(ix, l->count, 0);
        (void)log_root(l, ix);
    }
    vt_log_index_free(ix);
    assert_int_equal(audit(l, &roots, NULL), VT_OK);
    assert_int_equal(roots, logged);
}

/* --- When. ----------------------------------------------------------------------------- */

static void
test_when_due(void **state)
{
    const struct vt_log_index_opts opts = {
        .root_entries = 1024, .root_ms = 60000, .pause_ms = 1000};
    struct index_log *l = *state;
    struct vt_log_index *ix = NULL;
    struct vt_digest root;
    struct vt_buf b = VT_BUF(65535);
    bool more = true;

    add_entries(l, 5000);
    index_log_put_bundles(l);
    assert_int_equal(
        vt_log_index_open(l->pub, l->state, INDEX_ORIGIN, &opts, &ix, NULL), VT_OK);
    assert_int_equal(vt_log_index_note(ix, &root, l->signer, &b, NULL), VT_E_STATE);
    assert_int_equal(vt_log_index_logged(ix, 5000, 0, NULL), VT_E_STATE);
    /* the first at once */
    assert_int_equal(vt_log_index_advance(ix, 300, 5000, 0, &more, NULL), VT_OK);
    assert_true(!more && vt_log_index_due(ix));
    root = index_log_root(l, 256);
    assert_int_equal(vt_log_index_note(ix, &root, l->signer, &b, NULL), VT_OK);
    assert_int_equal(vt_log_index_logged(ix, 255, 5000, NULL), VT_E_STATE); /* too early */
    assert_int_equal(vt_log_index_logged(ix, 300, 5000, NULL), VT_OK);
    assert_int_equal(vt_log_index_logged(ix, 301, 5000, NULL), VT_E_STATE);
    const struct {
        uint64_t upto;
        int64_t now;
        bool due;
    } step[] = {
        {511, 70000, false}, /* a block is not full */
        {600, 64999, false}, /* few, and too soon */
        {1300, 5999, false}, /* many, but sooner than a second */
        {1279, 6000, false}, /* not many yet */
        {1280, 6000, true},
    };
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        assert_int_equal(
            vt_log_index_advance(ix, step[i].upto, step[i].now, 0, &more, NULL), VT_OK);
        assert_int_equal(vt_log_index_due(ix), step[i].due);
    }
    assert_int_equal(vt_log_index_size(ix), 1280);
    vt_log_index_free(ix);
    vt_buf_release(&b);
}

static void
assert_latest(const struct index_log *l, const char *want)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(4096);
    enum vt_err err;

    assert_int_equal(vt_path(path, NULL, "%s/index/latest", l->pub), VT_OK);
    err = vt_file_read(path, &b, NULL);
    assert_int_equal(err, want == NULL ? VT_E_NOENT : VT_OK);
    if (want != NULL)
        assert_string_equal(vt_buf_str(&b), want);
    vt_buf_release(&b);
}

static bool
has_run(const struct index_log *l, unsigned k, unsigned j)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/index/%u/%u", l->pub, k, j), VT_OK);
    return vt_file_exists(path);
}

/* A root is named when it is published; its runs stay while it is. */
static void
test_latest(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);

    add_entries(l, 768);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    assert_int_equal(log_root(l, ix), 768);
    assert_int_equal(vt_log_index_published(ix, 768, 10, NULL), VT_OK);
    assert_latest(l, NULL);
    assert_int_equal(vt_log_index_published(ix, 769, 20, NULL), VT_OK);
    assert_latest(l, "768\n");
    add_entries(l, 300);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    assert_int_equal(log_root(l, ix), 1069);
    assert_true(has_run(l, 0, 0) && has_run(l, 0, 1) && has_run(l, 0, 2) && has_run(l, 1, 0));
    assert_false(has_run(l, 0, 3)); /* made into (1, 0) at once, and named by nobody */
    assert_int_equal(vt_log_index_published(ix, 1070, 30, NULL), VT_OK);
    assert_latest(l, "1069\n768\n");
    assert_int_equal(vt_log_index_published(ix, 1070, 600030, NULL), VT_OK);
    assert_true(has_run(l, 0, 0));
    /* over a restart nobody knows how long ago that was */
    vt_log_index_free(ix);
    ix = open_index(l);
    assert_int_equal(vt_log_index_published(ix, 1070, 700000, NULL), VT_OK);
    assert_latest(l, "1069\n768\n");
    assert_int_equal(vt_log_index_published(ix, 1070, 1300001, NULL), VT_OK);
    assert_latest(l, "1069\n");
    assert_true(has_run(l, 1, 0));
    assert_false(has_run(l, 0, 0) || has_run(l, 0, 1) || has_run(l, 0, 2));
    vt_log_index_free(ix);
}

/* --- Damage. --------------------------------------------------------------------------- */

static void
flip(const struct index_log *l, const char *name, size_t at)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(64U << 20);

    assert_int_equal(vt_path(path, NULL, "%s/%s", l->pub, name), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    assert_true(at < b.len);
    b.data[at] ^= 4;
    index_log_put(l, name, b.data, b.len);
    vt_buf_release(&b);
}

/* A disk that forgets a bit does not make the log sign a falsehood. */
static void
test_damaged_run(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_why why = {0};
    struct vt_index_note n;
    bool more;

    add_entries(l, 768);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    (void)log_root(l, ix);
    assert_int_equal(vt_log_index_published(ix, l->count, 0, NULL), VT_OK);
    flip(l, "index/0/1", 5000);
    add_entries(l, 256);
    index_log_put_bundles(l);
    assert_int_equal(vt_log_index_advance(ix, l->count, 0, 0, &more, &why), VT_E_DIGEST);
    assert_non_null(strstr(why.text, "index/0/1"));
    assert_latest(l, NULL); /* what it named is gone */
    advance(ix, l->count, 0);
    open_note(l, log_root(l, ix), &n);
    check_note(l, &n);
    vt_log_index_free(ix);
}

static void
test_missing_run(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_index_note n;
    char path[VT_PATH_MAX];

    add_entries(l, 800);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    (void)log_root(l, ix);
    vt_log_index_free(ix);
    assert_int_equal(vt_path(path, NULL, "%s/index/0/2", l->pub), VT_OK);
    assert_int_equal(truncate(path, 100), 0);
    ix = open_index(l);
    assert_int_equal(vt_log_index_size(ix), 0);
    advance(ix, l->count, 0);
    open_note(l, log_root(l, ix), &n);
    check_note(l, &n);
    vt_log_index_free(ix);
}

static void
test_damaged_state(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_buf b = VT_BUF(1U << 20);
    char path[VT_PATH_MAX];

    add_entries(l, 800);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    (void)log_root(l, ix);
    vt_log_index_free(ix);
    assert_int_equal(vt_path(path, NULL, "%s/index", l->state), VT_OK);
    assert_int_equal(vt_file_read(path, &b, NULL), VT_OK);
    for (size_t at = 0; at < b.len; at += 13) {
        b.data[at] ^= 1;
        assert_int_equal(vt_file_replace(path, 0600, b.data, b.len, NULL), VT_OK);
        b.data[at] ^= 1;
        ix = open_index(l);
        assert_int_equal(vt_log_index_size(ix), 0);
        vt_log_index_free(ix);
    }
    vt_buf_release(&b);
}

static void
test_damaged_bundle(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    const struct vt_digest root = (add_entries(l, 600), index_log_root(l, 512));
    struct vt_buf b = VT_BUF(65535);
    struct vt_why why = {0};
    bool more;

    index_log_put_bundles(l);
    flip(l, "tile/entries/001", 1000);
    advance(ix, l->count, 0);
    assert_int_equal(vt_log_index_note(ix, &root, l->signer, &b, &why), VT_E_DIGEST);
    assert_int_equal(b.len, 0);
    assert_int_equal(vt_log_index_size(ix), 0);
    /* cut, too long, or not there */
    index_log_put(l, "tile/entries/001", "\0\1x", 3);
    assert_int_equal(vt_log_index_advance(ix, l->count, 0, 0, &more, &why), VT_E_DIGEST);
    index_log_put_bundles(l);
    flip(l, "tile/entries/001", 1); /* a length: what follows is out of step */
    assert_int_equal(vt_log_index_advance(ix, l->count, 0, 0, &more, &why), VT_E_DIGEST);
    assert_int_equal(vt_log_index_advance(ix, 2048, 0, 0, &more, &why), VT_E_DIGEST);
    index_log_put_bundles(l);
    assert_int_equal(vt_log_index_advance(ix, 2048, 0, 0, &more, &why), VT_E_NOENT);
    vt_buf_release(&b);
    vt_log_index_free(ix);
}

/* --- Crashes. -------------------------------------------------------------------------- */

/* Calls that change the disk, counted; one of them fails, or ends the process, and with it what
 * was renamed since the last syncfs is cut: as if power had failed. A syncfs that fails has
 * lost as much. */
static struct {
    unsigned count, at; /* at 0: none */
    bool die;
    unsigned renamed;
    char path[64][VT_PATH_MAX];
} fault;

static void
lose(void)
{
    for (unsigned i = 0; i < fault.renamed; i++)
        (void)!truncate(fault.path[i], 77);
    fault.renamed = 0;
}

static bool
fails(void)
{
    if (++fault.count != fault.at)
        return false;
    if (fault.die)
        lose();
    if (fault.die)
        _exit(9);
    errno = EIO;
    return true;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
    return fails() ? -1 : __real_pwrite(fd, p, n, at);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int
__wrap_rename(const char *from, const char *to)
{
    if (fails())
        return -1;
    if (strstr(to, "/index/") != NULL && strstr(to, "latest") == NULL && fault.renamed < 64)
        (void)snprintf(fault.path[fault.renamed++], VT_PATH_MAX, "%s", to);
    return __real_rename(from, to);
}

/* Nothing here has to outlive the machine. */
int __wrap_syncfs(int fd);
int
__wrap_syncfs(int fd)
{
    (void)fd;
    if (fails()) {
        lose();
        return -1;
    }
    fault.renamed = 0;
    return 0;
}

int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
    (void)fd;
    return fails() ? -1 : 0;
}

int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int
__wrap_unlink(const char *path)
{
    return fails() ? -1 : __real_unlink(path);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int
__wrap_mkdir(const char *path, mode_t mode)
{
    return fails() ? -1 : __real_mkdir(path, mode);
}

static const uint64_t crash_sizes[] = {600, 1300, 2400};

/* Roots at several sizes, as far as they were not logged before: an error is one, a call later
 * there is none. The entries of roots are not in this log. */
static enum vt_err
work_through(const struct index_log *l, struct vt_log_index *ix, struct vt_buf *note)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < 3 && err == VT_OK; i++) {
        const uint64_t size = crash_sizes[i];
        bool more = true;

        while (more && err == VT_OK)
            err = vt_log_index_advance(ix, size, 0, 500, &more, NULL);
        if (err == VT_OK && vt_log_index_due(ix)) {
            const struct vt_digest root = index_log_root(l, (size_t)vt_log_index_size(ix));

            vt_buf_clear(note);
            err = vt_log_index_note(ix, &root, l->signer, note, NULL);
            if (err == VT_OK)
                err = vt_log_index_logged(ix, vt_log_index_size(ix) + 90, 0, NULL);
        }
        if (err == VT_OK)
            err = vt_log_index_published(ix, 2500, (int64_t)i, NULL);
    }
    return err;
}

static void
check_end(const struct index_log *l, struct vt_log_index *ix, const struct vt_buf *entry)
{
    struct vt_index_note n;

    if (entry->len > 0) {
        assert_int_equal(vt_index_note_open(
                             l->policy, INDEX_ORIGIN, 9999, entry->data, entry->len, &n, NULL),
            VT_OK);
        assert_int_equal(n.size, 2304);
        check_note(l, &n);
    }
    assert_int_equal(vt_log_index_size(ix), 2304);
    assert_true(has_run(l, 1, 0) && has_run(l, 1, 1) && has_run(l, 0, 8));
}

static void
forget_index(const struct index_log *l)
{
    char path[VT_PATH_MAX];

    assert_int_equal(vt_path(path, NULL, "%s/index", l->pub), VT_OK);
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    assert_int_equal(vt_tree_remove(l->state, NULL), VT_OK);
}

/* Each call that fails in its turn: it is said, and what failed is done again. */
static void
test_errors(void **state)
{
    struct index_log *l = *state;
    struct vt_buf note = VT_BUF(65535);
    unsigned calls = 1;

    add_entries(l, 2500);
    index_log_put_bundles(l);
    for (unsigned at = 0; at <= calls; at++) {
        struct vt_log_index *ix = NULL;
        enum vt_err err;

        fault.count = 0;
        fault.at = at;
        fault.die = false;
        fault.renamed = 0;
        err = vt_log_index_open(l->pub, l->state, INDEX_ORIGIN, &at_once, &ix, NULL);
        if (err == VT_OK)
            err = work_through(l, ix, &note);
        if (at == 0)
            calls = fault.count;
        fault.at = 0;
        assert_true(at > 0 || err == VT_OK);
        if (ix == NULL)
            ix = open_index(l);
        assert_int_equal(work_through(l, ix, &note), VT_OK);
        check_end(l, ix, &note);
        vt_log_index_free(ix);
        ix = open_index(l); /* and all of that is durable */
        check_end(l, ix, &note);
        vt_log_index_free(ix);
        forget_index(l);
    }
    assert_true(calls > 50);
    vt_buf_release(&note);
}

/* Runs that a sync would not reach. */
static void
test_runs_elsewhere(void **state)
{
    static const char *const below[] = {"index", "index/3"};
    struct index_log *l = *state;
    struct vt_log_index *ix = NULL;
    struct vt_why why = {0};
    char path[VT_PATH_MAX];

    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        assert_int_equal(vt_path(path, NULL, "%s/index", l->pub), VT_OK);
        assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
        assert_int_equal(vt_dir_make(i == 0 ? l->pub : path, 0755, NULL), VT_OK);
        assert_int_equal(vt_path(path, NULL, "%s/%s", l->pub, below[i]), VT_OK);
        assert_int_equal(symlink(l->root, path), 0);
        assert_int_equal(
            vt_log_index_open(l->pub, l->state, INDEX_ORIGIN, NULL, &ix, &why), VT_E_CONFIG);
        assert_null(ix);
        assert_non_null(strstr(why.text, "is a link"));
        assert_int_equal(unlink(path), 0);
    }
    vt_log_index_free(open_index(l));
}

/* The same with the process, and what was not synced, gone. */
static void
test_kills(void **state)
{
    struct index_log *l = *state;
    struct vt_buf note = VT_BUF(65535);
    bool ended = false;

    add_entries(l, 2500);
    index_log_put_bundles(l);
    for (unsigned at = 1; !ended; at++) {
        struct vt_log_index *ix = NULL;
        int status = 0;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            fault.count = 0;
            fault.at = at;
            fault.die = true;
            fault.renamed = 0;
            if (vt_log_index_open(l->pub, l->state, INDEX_ORIGIN, &at_once, &ix, NULL) !=
                    VT_OK ||
                work_through(l, ix, &note) != VT_OK)
                _exit(8);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 8);
        ended = WEXITSTATUS(status) == 0;
        fault.at = 0;
        vt_buf_clear(&note);
        ix = open_index(l);
        assert_int_equal(work_through(l, ix, &note), VT_OK);
        check_end(l, ix, &note);
        vt_log_index_free(ix);
        forget_index(l);
    }
    vt_buf_release(&note);
}

/* --- The audit. ------------------------------------------------------------------------ */

static enum vt_err
audit(const struct index_log *l, uint64_t *ret_roots, struct vt_why *why)
{
    struct vt_log_index_audit *a = NULL;
    enum vt_err err = VT_OK;

    assert_int_equal(vt_log_index_audit_new(l->root, l->policy, INDEX_ORIGIN, &a, why), VT_OK);
    for (size_t i = 0; i < l->count && err == VT_OK; i++)
        err = vt_log_index_audit_take(a, l->entry[i].data, l->entry[i].len, why);
    *ret_roots = vt_log_index_audit_roots(a);
    if (err != VT_OK)
        assert_int_not_equal(vt_log_index_audit_take(a, "x", 1, NULL), VT_OK);
    vt_log_index_audit_free(a);
    return err;
}

static void
test_audit_true(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    uint64_t roots = 0;
    struct vt_why why = {0};

    while (l->count < 9000) {
        add_entries(l, 700);
        index_log_put_bundles(l);
        advance(ix, l->count, 0);
        (void)log_root(l, ix);
    }
    vt_log_index_free(ix);
    /* an old one logged again, by somebody, is as true as it was */
    index_log_add(l, l->entry[700].data, l->entry[700].len);
    assert_int_equal(audit(l, &roots, &why), VT_OK);
    assert_int_equal(roots, 14);
}

/* Logs a note that says something else. */
static void
add_note(struct index_log *l, const struct vt_index_note *n, struct vt_signer *s)
{
    struct vt_buf b = VT_BUF(65535);

    vt_index_note_put(&b, n, INDEX_ORIGIN);
    index_log_sign(&b, s, VT_SIGN_LOG_INDEX);
    index_log_add(l, b.data, b.len);
    vt_buf_release(&b);
}

static void
test_audit_false(void **state)
{
    struct index_log *l = *state;
    struct vt_log_index *ix = open_index(l);
    struct vt_index_note n;
    uint64_t roots = 0;

    add_entries(l, 256 * 7 + 3);
    index_log_put_bundles(l);
    advance(ix, l->count, 0);
    open_note(l, log_root(l, ix), &n);
    vt_log_index_free(ix);
    assert_int_equal(n.run_count, 4);
    for (unsigned what = 0; what < 5; what++) {
        struct vt_index_note bad = n;
        struct vt_why why = {0};

        if (what == 0)
            bad.root.b[3] ^= 1;
        else if (what == 1)
            bad.run[0].root.b[31] ^= 1;
        else if (what == 2)
            bad.run[3].root = bad.run[2].root;
        else if (what == 3)
            bad.run[1].count--; /* a record that was left out */
        else
            bad.size += 256 * 4; /* of entries that are not there yet */
        if (what == 4) {
            bad.run_count = vt_index_runs(bad.size, bad.run);
            for (size_t i = 0; i < bad.run_count; i++)
                bad.run[i].count = vt_index_run_length(bad.run[i].k);
        }
        add_note(l, &bad, l->signer);
        assert_int_equal(audit(l, &roots, &why), VT_E_PROOF);
        assert_int_equal(roots, 1);
        assert_non_null(strstr(why.text, "signed by " INDEX_ORIGIN));
        vt_buf_release(&l->entry[--l->count]);
    }
}

/* Neither a stranger's note nor a false signature is a word of the log. */
static void
test_audit_strangers(void **state)
{
    struct index_log *l = *state;
    struct vt_signer *stranger = index_signer(INDEX_ORIGIN, 8);
    struct vt_index_note n = {.size = 256};
    struct vt_buf b = VT_BUF(65535);
    uint64_t roots = 0;

    add_entries(l, 300);
    n.run_count = vt_index_runs(n.size, n.run);
    n.run[0].count = 256;
    add_note(l, &n, stranger);
    add_note(l, &n, l->signer);
    vt_buf_put(&b, l->entry[301].data, l->entry[301].len);
    vt_buf_release(&l->entry[--l->count]);
    b.data[b.len - 20] = b.data[b.len - 20] == 'A' ? 'B' : 'A'; /* in the signature */
    index_log_add(l, b.data, b.len);
    assert_int_equal(audit(l, &roots, NULL), VT_OK);
    assert_int_equal(roots, 0);
    vt_buf_release(&b);
    vt_signer_free(stranger);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_keys_at_most),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_range_of_inclusion),
        cmocka_unit_test(test_which_runs),
        cmocka_unit_test(test_note),
        TEST(test_runs_as_defined),
        TEST(test_example),
        TEST(test_pieces_are_the_whole),
        TEST(test_many_keys),
        TEST(test_when_due),
        TEST(test_latest),
        TEST(test_damaged_run),
        TEST(test_missing_run),
        TEST(test_damaged_state),
        TEST(test_damaged_bundle),
        TEST(test_errors),
        TEST(test_runs_elsewhere),
        TEST(test_kills),
        TEST(test_audit_true),
        TEST(test_audit_false),
        TEST(test_audit_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
