/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching a log with completeness: what is found is what reading everything finds, whatever
 * the log serves; and an answer that leaves something out is refused, online and as a file.
 */
#include "log/find.h"

#include "http/server.h"
#include "log/find_run.h"
#include "log/log_index.h"
#include "note/field.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "index_log.h"

/* --- The log. -------------------------------------------------------------------------- */

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

/* Each names an artifact with two others that are far apart, and one of two environments; every
 * tenth is none of ours, and the same bytes as the one ten before. */
static void
add_entries(struct index_log *l, size_t n)
{
    struct vt_buf b = VT_BUF(4096);

    for (; n > 0; n--) {
        const unsigned i = (unsigned)l->count;
        const struct vt_digest artifact = digest_of("artifact", i % 1000);
        const struct vt_digest environment = digest_of("environment", i % 2);

        vt_buf_clear(&b);
        if (i % 10 == 9) {
            vt_buf_putf(&b, "bytes %u\n", i / 20);
        } else {
            vt_buf_puts(&b, "vitrine/entry/v1\nkind rebuild\n");
            put_line(&b, "subject artifact ", &artifact);
            put_line(&b, "subject environment ", &environment);
            vt_buf_putf(&b, "number %u\n\n", i);
        }
        index_log_add(l, b.data, b.len);
    }
    vt_buf_release(&b);
}

static const struct vt_log_index_opts at_once = {.root_entries = 256, .pause_ms = -1};

/* Indexes what there is, logs the root and publishes all. */
static void
index_all(struct index_log *l)
{
    struct vt_log_index *ix = NULL;
    struct vt_buf b = VT_BUF(65535);
    struct vt_why why = {0};
    struct vt_digest root;
    bool more;

    index_log_put_bundles(l);
    assert_int_equal(
        vt_log_index_open(l->pub, l->state, INDEX_ORIGIN, &at_once, &ix, &why), VT_OK);
    assert_int_equal(vt_log_index_advance(ix, l->count, 0, 0, &more, &why), VT_OK);
    root = index_log_root(l, (size_t)vt_log_index_size(ix));
    assert_int_equal(vt_log_index_note(ix, &root, l->signer, &b, &why), VT_OK);
    index_log_add(l, b.data, b.len);
    vt_buf_release(&b);
    assert_int_equal(vt_log_index_logged(ix, l->count - 1, 0, NULL), VT_OK);
    assert_int_equal(vt_log_index_published(ix, l->count, 1, NULL), VT_OK);
    vt_log_index_free(ix);
    index_log_publish(l);
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

/* --- Asking, and what is to be answered. ----------------------------------------------- */

struct answer {
    const struct index_log *log;
    size_t count;
    uint64_t index[30000];
};

static enum vt_err
take(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct answer *a = ctx;

    (void)why;
    assert_true(index < a->log->count && a->count < 30000);
    assert_int_equal(len, a->log->entry[index].len);
    assert_memory_equal(entry, a->log->entry[index].data, len);
    a->index[a->count++] = index;
    return VT_OK;
}

static enum vt_err
ask(const struct index_log *l, const char *where, const struct vt_digest *d,
    const struct vt_log_find_opts *opts, struct answer *a, struct vt_log_find_result *ret,
    struct vt_why *why)
{
    struct vt_log_reader *r = NULL;

    a->log = l;
    a->count = 0;
    assert_int_equal(vt_log_reader_open(where, l->policy, &r, NULL), VT_OK);
    enum vt_err err = vt_log_find(r, where, d, opts, take, a, ret, why);
    vt_log_reader_free(r);
    return err;
}

static void
assert_complete(const struct index_log *l, const struct vt_digest *d, const struct answer *a)
{
    size_t n = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (!vt_index_has_key(l->entry[i].data, l->entry[i].len, d))
            continue;
        assert_true(n < a->count);
        assert_int_equal(a->index[n], i);
        n++;
    }
    assert_int_equal(a->count, n);
}

/* Asks, checks that it is all, saves it, and checks the same file. */
static void
ask_and_check(const struct index_log *l, const char *where, const struct vt_digest *d,
    uint64_t index_size)
{
    struct vt_buf save = VT_BUF(VT_LOG_FOUND_MAX);
    const struct vt_log_find_opts opts = {.save = &save};
    struct vt_log_find_result res, again;
    struct answer *a = malloc(sizeof *a);
    struct vt_why why = {0};

    assert_non_null(a);
    if (ask(l, where, d, &opts, a, &res, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_complete(l, d, a);
    assert_int_equal(res.found, a->count);
    assert_int_equal(res.checkpoint.size, l->count);
    assert_int_equal(res.index_size, index_size);
    a->count = 0;
    if (vt_log_find_check(l->policy, save.data, save.len, d, take, a, &again, &why) != VT_OK)
        fail_msg("%s", why.text);
    assert_complete(l, d, a);
    assert_memory_equal(&res.checkpoint.root, &again.checkpoint.root, VT_DIGEST_SIZE);
    assert_int_equal(again.found, res.found);
    assert_int_equal(again.index_entry, res.index_entry);
    free(a);
    vt_buf_release(&save);
}

static void
ask_many(const struct index_log *l, const char *where, uint64_t index_size)
{
    struct vt_digest d;

    for (unsigned i = 0; i < 6; i++) {
        d = digest_of("artifact", i * 199);
        ask_and_check(l, where, &d, index_size);
        d = digest_of("nothing", i); /* in no run */
        ask_and_check(l, where, &d, index_size);
    }
    d = digest_of("environment", 1); /* in half of all entries */
    ask_and_check(l, where, &d, index_size);
    memset(&d, 0, sizeof d); /* before and after everything */
    ask_and_check(l, where, &d, index_size);
    memset(&d, 0xff, sizeof d);
    ask_and_check(l, where, &d, index_size);
    vt_digest_of(l->entry[9].data, l->entry[9].len, &d); /* the same bytes twice */
    ask_and_check(l, where, &d, index_size);
    vt_digest_of(l->entry[l->count - 1].data, l->entry[l->count - 1].len, &d); /* the root */
    ask_and_check(l, where, &d, index_size);
}

static void
test_all_is_found(void **state)
{
    struct index_log *l = *state;

    add_entries(l, 256 * 30 + 17);
    index_all(l);
    add_entries(l, 700); /* some of which the index does not have */
    index_log_publish(l);
    ask_many(l, l->pub, 256 * 30);
}

/* Keys that are first, last, and next to another in a run. */
static void
test_ends_of_runs(void **state)
{
    struct index_log *l = *state;
    struct vt_digest first, last, keys[VT_INDEX_KEYS_MAX];
    size_t n;

    add_entries(l, 1024);
    index_all(l);
    memset(&first, 0xff, sizeof first);
    memset(&last, 0, sizeof last);
    for (unsigned i = 0; i < 1024; i++) {
        vt_index_keys(l->entry[i].data, l->entry[i].len, keys, &n);
        for (size_t k = 0; k < n; k++) {
            if (vt_digest_cmp(&keys[k], &first) < 0)
                first = keys[k];
            if (vt_digest_cmp(&keys[k], &last) > 0)
                last = keys[k];
        }
    }
    ask_and_check(l, l->pub, &first, 1024);
    ask_and_check(l, l->pub, &last, 1024);
    first.b[VT_DIGEST_SIZE - 1]--;
    last.b[VT_DIGEST_SIZE - 1]++;
    ask_and_check(l, l->pub, &first, 1024);
    ask_and_check(l, l->pub, &last, 1024);
}

static void
test_without_index(void **state)
{
    struct index_log *l = *state;
    const struct vt_digest d = digest_of("artifact", 3);
    const struct vt_log_find_opts all = {.all = true};
    struct answer *a = malloc(sizeof *a);
    struct vt_log_find_result res;

    assert_non_null(a);
    index_log_publish(l); /* of no entries at all */
    ask_and_check(l, l->pub, &d, 0);
    add_entries(l, 200);
    index_log_publish(l);
    ask_and_check(l, l->pub, &d, 0);
    add_entries(l, 900);
    index_all(l);
    assert_int_equal(ask(l, l->pub, &d, &all, a, &res, NULL), VT_OK);
    assert_int_equal(res.index_size, 0);
    assert_complete(l, &d, a);
    free(a);
}

/* What index/latest says is a hint. */
static void
test_latest(void **state)
{
    struct index_log *l = *state;
    const struct vt_digest d = digest_of("artifact", 3);
    struct answer *a = malloc(sizeof *a);
    struct vt_log_find_result res;
    struct vt_why why = {0};

    assert_non_null(a);
    add_entries(l, 600);
    index_all(l); /* 600 */
    add_entries(l, 700);
    index_all(l); /* 1301 */
    ask_and_check(l, l->pub, &d, 1280);
    index_log_put(l, "index/latest", "600\n", 4); /* an old one */
    ask_and_check(l, l->pub, &d, 512);
    index_log_put(l, "index/latest", "99999\n600\n", 10); /* one that is yet to be published */
    ask_and_check(l, l->pub, &d, 512);
    index_log_put(l, "index/latest", "99999\n", 6);
    ask_and_check(l, l->pub, &d, 0);
    index_log_put(l, "index/latest", "", 0);
    ask_and_check(l, l->pub, &d, 0);
    index_log_put(l, "index/latest", "601\n", 4); /* no root */
    assert_int_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_E_UNKNOWN);
    index_log_put(l, "index/latest", "-1\n", 3);
    assert_int_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_E_SYNTAX);
    free(a);
}

/* --- Over HTTP. ------------------------------------------------------------------------ */

struct server {
    struct vt_http_folder folder[2];
    int listen_fd;
    int stop[2];
    char url[128];
    pthread_t thread;
};

static void *
serve(void *arg)
{
    struct server *s = arg;
    const struct vt_http_server_opts opts = {.folders = s->folder};

    return vt_http_serve(s->listen_fd, s->stop[0], &opts, NULL) == VT_OK ? s : NULL;
}

static void
test_over_http(void **state)
{
    struct index_log *l = *state;
    struct server s = {.folder = {{.prefix = "/",
                                      .dir = l->pub,
                                      .content_type = "application/octet-stream",
                                      .cache = "no-store"},
                           {0}}};
    void *ended = NULL;

    add_entries(l, 256 * 9);
    index_all(l);
    add_entries(l, 10);
    index_log_publish(l);
    assert_int_equal(vt_http_listen("127.0.0.1:0", &s.listen_fd, s.url, NULL), VT_OK);
    assert_int_equal(pipe(s.stop), 0);
    assert_int_equal(pthread_create(&s.thread, NULL, serve, &s), 0);
    ask_many(l, s.url, 256 * 9);
    (void)close(s.stop[1]);
    assert_int_equal(pthread_join(s.thread, &ended), 0);
    assert_non_null(ended);
    (void)close(s.stop[0]);
    (void)close(s.listen_fd);
}

/* --- Pages and range proofs. ----------------------------------------------------------- */

enum { RECORDS = 64 * 9 + 5, PAGES = 10 };

struct run {
    struct vt_index_run run;
    struct vt_index_record record[RECORDS];
    struct vt_digest page[PAGES];
};

static size_t
page_len(size_t page)
{
    return (page < PAGES - 1 ? VT_INDEX_PAGE : RECORDS % VT_INDEX_PAGE) * VT_INDEX_RECORD;
}

static enum vt_err
page_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_digest right;
    const struct run *r = ctx;

    if (level == 0) {
        *ret = r->page[index];
        return VT_OK;
    }
    enum vt_err err = page_hash(ctx, level - 1, 2 * index, ret, why);
    if (err == VT_OK)
        err = page_hash(ctx, level - 1, 2 * index + 1, &right, why);
    vt_merkle_node(ret, &right, ret);
    return err;
}

static void
hash_run(struct run *r)
{
    const struct vt_hash_source src = {.get = page_hash, .ctx = r};

    for (size_t p = 0; p < PAGES; p++)
        vt_merkle_leaf(&r->record[p * VT_INDEX_PAGE], page_len(p), &r->page[p]);
    assert_int_equal(vt_merkle_root(&src, PAGES, &r->run.root, NULL), VT_OK);
}

/* Records of keys 2, 4, 6, ...; from record 100 on forty of one key, over a page's end. */
static void
make_run(struct run *r)
{
    struct vt_digest key = {{0}};
    unsigned k = 0;

    r->run = (struct vt_index_run){.k = 1, .j = 2, .count = RECORDS};
    for (unsigned i = 0; i < RECORDS; i++) {
        k += i > 100 && i <= 140 ? 0 : 2;
        key.b[30] = (uint8_t)(k >> 8);
        key.b[31] = (uint8_t)k;
        vt_index_record_put(&r->record[i], &key, 2048 + i);
    }
    hash_run(r);
}

/* Whether pages [a, b) of the run prove what they hold of the key. */
static enum vt_err
check_pages(
    struct run *r, const struct vt_digest *key, size_t a, size_t b, struct vt_find_hits *hits)
{
    const struct vt_hash_source src = {.get = page_hash, .ctx = r};
    struct vt_range_proof proof;
    struct vt_find_pages p;
    enum vt_err err = VT_OK;

    hits->count = 0;
    assert_int_equal(vt_range_prove(&src, a, b, PAGES, &proof, NULL), VT_OK);
    vt_find_pages_begin(&p, &r->run, key, a, proof.hash);
    for (size_t i = a; i < b && err == VT_OK; i++)
        err = vt_find_pages_add(&p, r->record[i * VT_INDEX_PAGE].b, hits, NULL);
    return err == VT_OK ? vt_find_pages_end(&p, proof.hash + vt_range_left(a), NULL) : err;
}

/* Whatever pages are shown: they are taken only when all of the key is in them. */
static void
test_pages(void **state)
{
    struct run *r = malloc(sizeof *r);
    struct vt_find_hits hits = {0};

    (void)state;
    assert_non_null(r);
    make_run(r);
    for (unsigned k = 0; k < 2 * RECORDS + 6; k++) {
        struct vt_digest key = {{0}};
        size_t want = 0, accepted = 0;

        key.b[30] = (uint8_t)(k >> 8);
        key.b[31] = (uint8_t)k;
        for (size_t i = 0; i < RECORDS; i++)
            want += memcmp(r->record[i].b, key.b, VT_DIGEST_SIZE) == 0;
        for (size_t a = 0; a < PAGES; a++) {
            for (size_t b = a; b <= PAGES; b++) {
                if (check_pages(r, &key, a, b, &hits) != VT_OK)
                    continue;
                assert_int_equal(hits.count, want);
                accepted++;
            }
        }
        assert_true(accepted > 0); /* all pages, at least */
    }
    vt_find_hits_release(&hits);
    free(r);
}

/* What is not a run as the log signed it. */
static void
test_pages_changed(void **state)
{
    struct run *good = malloc(sizeof *good), *r = malloc(sizeof *r);
    struct vt_find_hits hits = {0};
    struct vt_digest key = {{0}};
    struct vt_index_record swap;

    (void)state;
    assert_true(good != NULL && r != NULL);
    make_run(good);
    memcpy(key.b, good->record[70].b, sizeof key.b);
    assert_int_equal(check_pages(good, &key, 1, 2, &hits), VT_OK);
    assert_int_equal(hits.count, 1);
    /* the record is left out, another one put in its place, under the same root */
    *r = *good;
    r->record[70] = r->record[69];
    r->record[70].b[39]++;
    vt_merkle_leaf(&r->record[64], page_len(1), &r->page[1]);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    /* two swapped, two the same, an entry of another run: refused even under a root of theirs
     */
    *r = *good;
    swap = r->record[80];
    r->record[80] = r->record[81];
    r->record[81] = swap;
    hash_run(r);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    r->record[81] = r->record[80];
    hash_run(r);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    *r = *good;
    vt_index_record_put(&r->record[90], (const void *)r->record[90].b, 2047);
    hash_run(r);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    vt_index_record_put(&r->record[90], (const void *)r->record[90].b, 3072);
    hash_run(r);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    vt_index_record_put(&r->record[90], (const void *)r->record[90].b, 3071);
    hash_run(r);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_OK);
    /* another log's root */
    *r = *good;
    r->run.root.b[0] ^= 1;
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    /* the wrong page under the right proof, and another number of records */
    *r = *good;
    memcpy(&r->record[64], &good->record[128], page_len(1));
    memcpy(key.b, good->record[130].b, sizeof key.b);
    assert_int_equal(check_pages(r, &key, 1, 2, &hits), VT_E_PROOF);
    *r = *good;
    memcpy(key.b, good->record[RECORDS - 1].b, sizeof key.b);
    assert_int_equal(check_pages(r, &key, 9, 10, &hits), VT_OK);
    r->run.count--;
    assert_int_equal(check_pages(r, &key, 9, 10, &hits), VT_E_PROOF);
    vt_find_hits_release(&hits);
    free(good);
    free(r);
}

/* --- A log that hides an entry. -------------------------------------------------------- */

static void
read_file(const struct index_log *l, const char *name, struct vt_buf *b)
{
    char path[VT_PATH_MAX];

    vt_buf_clear(b);
    assert_int_equal(vt_path(path, NULL, "%s/%s", l->pub, name), VT_OK);
    assert_int_equal(vt_file_read(path, b, NULL), VT_OK);
}

/* Changing what is served is noticed by whoever asks. */
static void
test_served_run_changed(void **state)
{
    struct index_log *l = *state;
    struct vt_buf b = VT_BUF(1U << 24);
    struct answer *a = malloc(sizeof *a);
    struct vt_log_find_result res;
    struct vt_why why = {0};
    struct vt_digest d;
    bool noticed = false;

    assert_non_null(a);
    add_entries(l, 1024);
    index_all(l);
    d = digest_of("artifact", 700);
    read_file(l, "index/1/0", &b);
    for (size_t at = 0; at + VT_INDEX_RECORD <= b.len && !noticed; at += VT_INDEX_RECORD) {
        if (memcmp(b.data + at, d.b, VT_DIGEST_SIZE) != 0)
            continue;
        b.data[at + VT_DIGEST_SIZE - 1] ^= 1; /* the record is of another digest now */
        index_log_put(l, "index/1/0", b.data, b.len);
        assert_int_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_E_PROOF);
        noticed = true;
    }
    assert_true(noticed);
    index_log_put(l, "index/1/0", b.data, b.len / 2); /* cut */
    assert_int_not_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_OK);
    index_log_put(l, "index/1/0", b.data, 0);
    assert_int_not_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_OK);
    vt_buf_release(&b);
    free(a);
}

/* The operator signs the root of a run with one record changed: `from` becomes `to`. */
static void
log_false_root(struct index_log *l, const struct vt_digest *from, const struct vt_digest *to)
{
    struct vt_index_note n = {.size = 256, .root = index_log_root(l, 256)};
    struct vt_index_record *all = malloc(256 * 4 * sizeof *all);
    struct vt_digest keys[VT_INDEX_KEYS_MAX];
    struct vt_frontier f;
    struct vt_buf b = VT_BUF(1U << 20), tree = VT_BUF(65536);
    char text[32];
    size_t count = 0, k;

    assert_non_null(all);
    for (size_t i = 0; i < 256; i++) {
        vt_index_keys(l->entry[i].data, l->entry[i].len, keys, &k);
        for (size_t x = 0; x < k; x++)
            vt_index_record_put(
                &all[count++], vt_digest_cmp(&keys[x], from) == 0 ? to : &keys[x], i);
    }
    for (size_t i = 1; i < count; i++) { /* sorted */
        const struct vt_index_record r = all[i];
        size_t at = i;

        for (; at > 0 && memcmp(&all[at - 1], &r, sizeof r) > 0; at--)
            all[at] = all[at - 1];
        all[at] = r;
    }
    vt_frontier_init(&f);
    for (size_t i = 0; i < count; i += VT_INDEX_PAGE) {
        const size_t left = count - i < VT_INDEX_PAGE ? count - i : VT_INDEX_PAGE;
        struct vt_digest h;

        vt_merkle_leaf(&all[i], left * VT_INDEX_RECORD, &h);
        vt_frontier_append(&f, &h);
        vt_buf_put(&tree, h.b, sizeof h);
    }
    n.run_count = vt_index_runs(256, n.run);
    n.run[0].count = count;
    vt_frontier_root(&f, &n.run[0].root);
    vt_buf_put(&b, all, count * sizeof *all);
    vt_buf_put(&b, tree.data, tree.len);
    index_log_put(l, "index/0/0", b.data, b.len);
    vt_buf_clear(&b);
    vt_index_note_put(&b, &n, INDEX_ORIGIN);
    index_log_sign(&b, l->signer, VT_SIGN_LOG_INDEX);
    index_log_add(l, b.data, b.len);
    (void)snprintf(text, sizeof text, "%zu\n", l->count - 1);
    index_log_put(l, "index/latest", text, strlen(text));
    index_log_publish(l);
    vt_buf_release(&tree);
    vt_buf_release(&b);
    free(all);
}

static enum vt_err
audit(const struct index_log *l, struct vt_why *why)
{
    struct vt_log_index_audit *a = NULL;
    enum vt_err err = VT_OK;

    assert_int_equal(vt_log_index_audit_new(l->root, l->policy, INDEX_ORIGIN, &a, why), VT_OK);
    for (size_t i = 0; i < l->count && err == VT_OK; i++)
        err = vt_log_index_audit_take(a, l->entry[i].data, l->entry[i].len, why);
    vt_log_index_audit_free(a);
    return err;
}

/* Threat 7: an operator hides an entry from those who ask. It is caught by the first who
 * audits, with what it signed; who asks about the digest that it put there instead sees it at
 * once. */
static void
test_hidden_entry(void **state)
{
    struct index_log *l = *state;
    const struct vt_digest d = digest_of("artifact", 123), other = digest_of("other", 1);
    const struct vt_log_find_opts all = {.all = true};
    struct answer *a = malloc(sizeof *a);
    struct vt_log_find_result res;
    struct vt_why why = {0};

    assert_non_null(a);
    add_entries(l, 300);
    log_false_root(l, &d, &other);
    assert_int_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_OK);
    assert_int_equal(a->count, 0);
    assert_int_equal(res.index_entry, 300); /* which root it relied on is said */
    assert_int_equal(ask(l, l->pub, &d, &all, a, &res, &why), VT_OK);
    assert_int_equal(a->count, 1);
    assert_int_equal(audit(l, &why), VT_E_PROOF);
    assert_non_null(strstr(why.text, "entry 300, an index root signed by " INDEX_ORIGIN));
    vt_why_clear(&why);
    assert_int_equal(ask(l, l->pub, &other, NULL, a, &res, &why), VT_E_PROOF);
    assert_non_null(strstr(why.text, "entry 123"));
    free(a);
}

/* A root of this log's key about another log's entries is none of this log. */
static void
test_root_of_other_entries(void **state)
{
    struct index_log *l = *state, other;
    const struct vt_digest d = digest_of("artifact", 3);
    struct answer *a = malloc(sizeof *a);
    struct vt_log_find_result res;
    struct vt_why why = {0};
    char text[32];

    assert_non_null(a);
    index_log_set_up(&other);
    index_log_add(&other, "x", 1);
    add_entries(&other, 300);
    index_all(&other);
    add_entries(l, 400);
    index_log_add(l, other.entry[301].data, other.entry[301].len);
    (void)snprintf(text, sizeof text, "%zu\n", l->count - 1);
    index_log_put(l, "index/latest", text, strlen(text));
    index_log_publish(l);
    assert_int_equal(ask(l, l->pub, &d, NULL, a, &res, &why), VT_E_PROOF);
    index_log_tear_down(&other);
    free(a);
}

/* --- The file. ------------------------------------------------------------------------- */

static void
reseal(struct vt_buf *b)
{
    struct vt_digest seal;

    vt_digest_of(b->data, b->len - VT_DIGEST_SIZE, &seal);
    memcpy(b->data + b->len - VT_DIGEST_SIZE, seal.b, VT_DIGEST_SIZE);
}

static enum vt_err
nothing(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    (void)ctx;
    (void)index;
    (void)entry;
    (void)len;
    (void)why;
    fail_msg("told of an entry before all was checked");
    return VT_OK;
}

/* Every byte counts, whatever else an attacker makes anew. */
static void
test_file_changed(void **state)
{
    struct index_log *l = *state;
    const struct vt_digest d = digest_of("artifact", 3), other = digest_of("artifact", 4);
    struct vt_buf b = VT_BUF(VT_LOG_FOUND_MAX);
    const struct vt_log_find_opts opts = {.save = &b};
    struct answer *a = malloc(sizeof *a);
    struct vt_log_find_result res;

    assert_non_null(a);
    add_entries(l, 300);
    index_all(l);
    assert_int_equal(ask(l, l->pub, &d, &opts, a, &res, NULL), VT_OK);
    assert_int_equal(a->count, 1);
    assert_int_equal(
        vt_log_find_check(l->policy, b.data, b.len, &other, nothing, NULL, &res, NULL),
        VT_E_DIGEST);
    for (size_t at = 0; at < b.len; at += at < 600 ? 1 : 5) {
        b.data[at] ^= 1;
        assert_int_equal(
            vt_log_find_check(l->policy, b.data, b.len, &d, nothing, NULL, &res, NULL),
            at < sizeof VT_LOG_FOUND_HEAD - 1 ? VT_E_SYNTAX : VT_E_DIGEST);
        reseal(&b);
        if (at < b.len - VT_DIGEST_SIZE)
            assert_int_not_equal(
                vt_log_find_check(l->policy, b.data, b.len, &d, nothing, NULL, &res, NULL),
                VT_OK);
        b.data[at] ^= 1;
        reseal(&b);
    }
    for (size_t len = 0; len < b.len; len += len < 100 ? 1 : 37) {
        struct vt_buf cut = VT_BUF(VT_LOG_FOUND_MAX);

        vt_buf_put(&cut, b.data, len);
        if (len >= VT_DIGEST_SIZE)
            reseal(&cut);
        assert_int_not_equal(
            vt_log_find_check(l->policy, cut.data, len, &d, nothing, NULL, &res, NULL), VT_OK);
        vt_buf_release(&cut);
    }
    vt_buf_put(&b, "x", 1);
    reseal(&b);
    assert_int_equal(vt_log_find_check(l->policy, b.data, b.len, &d, nothing, NULL, &res, NULL),
        VT_E_SYNTAX);
    free(a);
    vt_buf_release(&b);
}

/* A policy that does not know the log, and an error of who is told. */
static enum vt_err
refuse(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    (void)ctx;
    (void)index;
    (void)entry;
    (void)len;
    return vt_fail(why, VT_E_REFUSED, "no more");
}

static void
test_file_of_another(void **state)
{
    struct index_log *l = *state;
    const struct vt_digest d = digest_of("artifact", 3);
    struct vt_buf b = VT_BUF(VT_LOG_FOUND_MAX);
    const struct vt_log_find_opts opts = {.save = &b};
    struct vt_log_find_result res;
    struct vt_log_reader *r = NULL;
    struct vt_policy *p = NULL;
    struct vt_why why = {0};
    struct vt_signer *s = index_signer("other.example/log", 9);
    char vkey[VT_VKEY_TEXT_MAX], policy[VT_VKEY_TEXT_MAX + 64];
    struct vt_vkey v;

    add_entries(l, 300);
    index_all(l);
    assert_int_equal(
        vt_vkey_make("other.example/log", VT_NOTE_ED25519, vt_signer_public(s), &v, NULL),
        VT_OK);
    vt_vkey_format(&v, vkey);
    (void)snprintf(policy, sizeof policy, "log %s\nquorum none\n", vkey);
    assert_int_equal(vt_policy_parse(policy, strlen(policy), &p, NULL), VT_OK);
    assert_int_equal(vt_log_reader_open(l->pub, l->policy, &r, NULL), VT_OK);
    assert_int_equal(vt_log_find(r, l->pub, &d, NULL, refuse, NULL, &res, &why), VT_E_REFUSED);
    struct answer *a = malloc(sizeof *a);
    assert_non_null(a);
    a->log = l;
    a->count = 0;
    assert_int_equal(vt_log_find(r, l->pub, &d, &opts, take, a, &res, &why), VT_OK);
    assert_int_equal(
        vt_log_find_check(p, b.data, b.len, &d, nothing, NULL, &res, &why), VT_E_UNKNOWN);
    assert_int_equal(vt_log_find_check(l->policy, b.data, b.len, &d, refuse, NULL, &res, &why),
        VT_E_REFUSED);
    free(a);
    vt_log_reader_free(r);
    vt_policy_free(p);
    vt_signer_free(s);
    vt_buf_release(&b);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_all_is_found),
        TEST(test_ends_of_runs),
        TEST(test_without_index),
        TEST(test_latest),
        TEST(test_over_http),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_pages_changed),
        TEST(test_served_run_changed),
        TEST(test_hidden_entry),
        TEST(test_root_of_other_entries),
        TEST(test_file_changed),
        TEST(test_file_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
