/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading logs over HTTP: several bundles at once, compressed or not, from servers that fail,
 * that send too much, and that lie; and a mirror that follows such a server.
 */
#include "http/server.h"
#include "log/audit.h"
#include "log/fetch.h"
#include "log/gzip.h"
#include "log/mirror.h"
#include "log_folder.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <zlib.h>

#define ORIGIN "read.example/log"

/* What the server does with requests below /tile/ and others. */
enum manner {
    HONEST,
    FAILS_AT_FIRST, /* 503 for each third request */
    TILES_TOO_LONG, /* more than 8 KiB */
    BUNDLES_TOO_LONG,
    BUNDLES_EXPLODE, /* small, and 20 MiB when unpacked */
    CHECKPOINT_ENDLESS,
    GONE, /* 404 for all bundles */
};

struct fixture {
    char root[VT_PATH_MAX];
    struct folder log;
    struct vt_policy *policy;
    struct vt_why why;
    /* The server, in a thread of its own. */
    _Atomic enum manner manner;
    atomic_uint requests;
    atomic_uint compressed; /* answers */
    int listen_fd;
    int stop[2];
    char url[VT_HTTP_URL_SIZE];
    pthread_t thread;
};

static void
put_bomb(struct vt_buf *b)
{
    static uint8_t zeros[65536];
    uint8_t out[65536];
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    for (int i = 0; i <= 320; i++) {
        z.next_in = zeros;
        z.avail_in = i < 320 ? sizeof(zeros) : 0;
        do {
            z.next_out = out;
            z.avail_out = sizeof(out);
            (void)deflate(&z, i < 320 ? Z_NO_FLUSH : Z_FINISH);
            vt_buf_put(b, out, sizeof(out) - z.avail_out);
        } while (z.avail_out == 0);
    }
    (void)deflateEnd(&z);
}

/* Too much of something, as the manner has it. */
static bool
serve_too_much(struct fixture *f, const char *path, struct vt_http_response *rs)
{
    bool bundle = strncmp(path, "/tile/entries/", 14) == 0;
    size_t len = 0;

    if (f->manner == TILES_TOO_LONG && strncmp(path, "/tile/", 6) == 0 && !bundle)
        len = 8192 + 32;
    else if (f->manner == BUNDLES_TOO_LONG && bundle)
        len = VT_BUNDLE_MAX + 1;
    else if (f->manner == CHECKPOINT_ENDLESS && strcmp(path, "/checkpoint") == 0)
        len = VT_NOTE_MAX + 1;
    if (f->manner == BUNDLES_EXPLODE && bundle) {
        put_bomb(&rs->body);
        rs->encoding = "gzip";
        return true;
    }
    if (len == 0)
        return false;
    rs->body.max = len;
    memset(vt_buf_reserve(&rs->body, len), 'x', len);
    vt_buf_commit(&rs->body, len);
    return true;
}

static void
handle(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct fixture *f = ctx;
    char path[VT_PATH_MAX];
    bool packed;

    f->requests++;
    if (serve_too_much(f, rq->path, rs))
        return;
    if (f->manner == FAILS_AT_FIRST && f->requests % 3 == 0) {
        rs->status = 503;
        return;
    }
    if (f->manner == GONE && strncmp(rq->path, "/tile/entries/", 14) == 0) {
        rs->status = 404;
        return;
    }
    assert_int_equal(vt_path(path, NULL, "%s%s.gz", f->log.dir, rq->path), VT_OK);
    packed = vt_file_exists(path);
    if (!packed)
        path[strlen(path) - 3] = '\0';
    else
        f->compressed++;
    rs->encoding = packed ? "gzip" : NULL;
    if (vt_file_read(path, &rs->body, NULL) != VT_OK)
        rs->status = 404;
}

static void *
serve(void *arg)
{
    static const struct vt_http_route routes[] = {{"GET", "/checkpoint", 0, handle, NULL},
        {"GET", "/frozen", 0, handle, NULL}, {"GET", "/tile/", 0, handle, NULL},
        {NULL, NULL, 0, NULL, NULL}};
    struct fixture *f = arg;
    struct vt_http_server_opts opts = {.routes = routes, .ctx = f};
    struct vt_why why = {0};

    return vt_http_serve(f->listen_fd, f->stop[0], &opts, &why) == VT_OK ? f : NULL;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(vt_dir_temp(folder_parent(), "vt-reader", f->root, NULL), VT_OK);
    assert_int_equal(vt_path(f->log.dir, NULL, "%s/public", f->root), VT_OK);
    f->log.signer = folder_signer(ORIGIN, 1);
    f->policy = folder_policy(f->log.signer, "");
    assert_int_equal(vt_http_listen("127.0.0.1:0", &f->listen_fd, f->url, NULL), VT_OK);
    assert_int_equal(pipe2(f->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    close(f->stop[1]);
    pthread_join(f->thread, NULL);
    close(f->stop[0]);
    close(f->listen_fd);
    assert_int_equal(vt_tree_remove(f->root, NULL), VT_OK);
    vt_signer_free(f->log.signer);
    vt_policy_free(f->policy);
    free(f);
    return 0;
}

struct seen {
    uint64_t next;
    uint64_t stop_at;
};

static enum vt_err
see(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct seen *s = ctx;
    char text[64];
    int n = snprintf(text, sizeof(text), "entry %llu \n", (unsigned long long)index);

    (void)why;
    assert_int_equal(index, s->next);
    assert_int_equal(len, n);
    assert_memory_equal(entry, text, len);
    s->next++;
    return s->next == s->stop_at ? VT_E_EXIST : VT_OK;
}

static enum vt_err
read_from(struct fixture *f, uint64_t from, uint64_t stop_at, uint64_t *ret_next)
{
    struct seen s = {.next = from, .stop_at = stop_at};
    struct vt_log_reader *r = NULL;
    enum vt_err err;

    vt_why_clear(&f->why);
    err = vt_log_reader_open(f->url, f->policy, &r, &f->why);
    if (err == VT_OK)
        err = vt_log_reader_each(r, from, see, &s, &f->why);
    vt_log_reader_free(r);
    *ret_next = s.next;
    return err;
}

static enum vt_err
audit(struct fixture *f)
{
    struct vt_log_audit_opts opts = {.threads = 2};
    struct vt_log_audit sum;

    vt_why_clear(&f->why);
    return vt_log_audit(f->url, f->policy, &opts, &sum, &f->why);
}

static void
test_all_entries_come_in_order(void **state)
{
    struct fixture *f = *state;
    uint64_t next;

    folder_write(&f->log, 10000, NULL);
    if (read_from(f, 0, 0, &next) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(next, 10000);
    /* The checkpoint, the edge, level 1, and each bundle once: no tile of level 0. */
    assert_int_equal(f->requests, 1 + 2 + 40);
    assert_int_equal(read_from(f, 5001, 0, &next), VT_OK);
    assert_int_equal(next, 10000);
    assert_int_equal(read_from(f, 10000, 0, &next), VT_OK);
    assert_int_equal(read_from(f, 300, 700, &next), VT_OK);
    assert_int_equal(next, 700);
    assert_int_equal(audit(f), VT_OK);
}

static void
test_compressed_bundles_are_taken(void **state)
{
    struct fixture *f = *state;
    struct vt_log_gzip *g = NULL;
    bool more = true;
    uint64_t next;

    folder_write(&f->log, 3000, NULL);
    assert_int_equal(vt_log_gzip_new(f->log.dir, &g, NULL), VT_OK);
    while (more)
        assert_int_equal(vt_log_gzip_step(g, 3000, 5, -1, &more, NULL), VT_OK);
    vt_log_gzip_free(g);
    if (read_from(f, 0, 0, &next) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(next, 3000);
    assert_int_equal(f->compressed, 11);
    /* Changed ones do not get through. */
    for (off_t at = 15; at < 100; at += 13) {
        folder_flip(&f->log, "tile/entries/003.gz", at);
        assert_int_not_equal(read_from(f, 0, 0, &next), VT_OK);
        assert_int_equal(next, 3 * 256);
        folder_flip(&f->log, "tile/entries/003.gz", at);
    }
}

static void
test_a_server_that_fails_now_and_then(void **state)
{
    struct fixture *f = *state;
    uint64_t next;

    folder_write(&f->log, 2000, NULL);
    f->manner = FAILS_AT_FIRST;
    if (read_from(f, 0, 0, &next) != VT_OK)
        fail_msg("%s", f->why.text);
    assert_int_equal(next, 2000);
    f->manner = GONE;
    assert_int_equal(read_from(f, 0, 0, &next), VT_E_NOENT);
    assert_int_equal(next, 0);
}

static size_t
long_entry(const struct folder *f, uint64_t index, uint8_t *ret)
{
    (void)f;
    memset(ret, 'a' + (int)(index % 26), 40000);
    return 40000;
}

/* Bundles of 10 MB: fewer at once, and all of them right. */
static void
test_large_bundles(void **state)
{
    struct fixture *f = *state;

    f->log.entry = long_entry;
    folder_write(&f->log, 1600, NULL);
    if (audit(f) != VT_OK)
        fail_msg("%s", f->why.text);
}

static enum vt_err
mirror(struct fixture *f, uint64_t *ret_size)
{
    struct vt_log_mirror *m = NULL;
    struct vt_log_mirror_seen seen = {0};
    char dir[VT_PATH_MAX];
    enum vt_err err;

    vt_why_clear(&f->why);
    assert_int_equal(vt_path(dir, NULL, "%s/mirror", f->root), VT_OK);
    err = vt_log_mirror_open(f->url, dir, f->policy, NULL, &m, &f->why);
    if (err == VT_OK)
        err = vt_log_mirror_look(m, &seen, &f->why);
    vt_log_mirror_free(m);
    *ret_size = seen.checkpoint.size;
    return err;
}

/* Who sends too much is cut off, reading and mirroring; the mirror stays what it was. */
static void
test_who_sends_too_much(void **state)
{
    static const struct {
        enum manner manner;
        enum vt_err err;
    } rows[] = {{TILES_TOO_LONG, VT_E_LIMIT}, {BUNDLES_TOO_LONG, VT_E_LIMIT},
        {BUNDLES_EXPLODE, VT_E_LIMIT}, {CHECKPOINT_ENDLESS, VT_E_LIMIT}, {GONE, VT_E_NOENT}};
    struct fixture *f = *state;
    uint64_t next;
    uint64_t size;

    folder_write(&f->log, 300, NULL);
    assert_int_equal(mirror(f, &size), VT_OK);
    assert_int_equal(size, 300);
    folder_write(&f->log, 1000, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f->manner = rows[i].manner;
        assert_int_equal(read_from(f, 0, 0, &next), rows[i].err);
        assert_int_equal(next, 0);
        assert_int_equal(audit(f), rows[i].err);
        assert_int_equal(mirror(f, &size), rows[i].err);
    }
    f->manner = HONEST;
    {
        struct vt_log_audit sum;
        char dir[VT_PATH_MAX];

        assert_int_equal(vt_path(dir, NULL, "%s/mirror", f->root), VT_OK);
        assert_int_equal(vt_log_audit(dir, f->policy, NULL, &sum, NULL), VT_OK);
        assert_int_equal(sum.checkpoint.size, 300);
    }
    assert_int_equal(mirror(f, &size), VT_OK);
    assert_int_equal(size, 1000);
}

static bool
next_of_three(void *ctx, char ret[VT_FETCH_PATH_MAX])
{
    unsigned *n = ctx;

    if (*n == 3)
        return false;
    (void)snprintf(ret, VT_FETCH_PATH_MAX, "tile/entries/%03u", (*n)++);
    return true;
}

/* Files that are taken in another order than they were named in are fetched all the same. */
static void
test_fetching_ahead(void **state)
{
    static const char *const order[] = {"checkpoint", "tile/entries/000", "tile/0/000",
        "tile/entries/002", "tile/entries/001", "tile/entries/002", "tile/entries/001"};
    struct fixture *f = *state;
    struct vt_fetch_ahead *a = NULL;
    struct vt_fetch *fetch = NULL;
    struct vt_buf got = VT_BUF(VT_BUNDLE_MAX);
    struct vt_buf want = VT_BUF(VT_BUNDLE_MAX);
    unsigned named = 0;

    folder_write(&f->log, 800, NULL);
    assert_int_equal(vt_fetch_new(f->url, &fetch, NULL), VT_OK);
    assert_int_equal(vt_fetch_ahead_new(fetch, next_of_three, &named, &a, NULL), VT_OK);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        char path[VT_PATH_MAX];

        vt_buf_clear(&got);
        vt_buf_clear(&want);
        assert_int_equal(vt_path(path, NULL, "%s/%s", f->log.dir, order[i]), VT_OK);
        assert_int_equal(vt_file_read(path, &want, NULL), VT_OK);
        assert_int_equal(vt_fetch_ahead_take(a, order[i], &got, NULL), VT_OK);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.data, want.data, got.len);
    }
    /* What does not fit leaves the buffer as it was. */
    {
        struct vt_buf little = VT_BUF(100);

        vt_buf_puts(&little, "was");
        assert_int_equal(vt_fetch_ahead_take(a, "tile/entries/000", &little, NULL), VT_E_LIMIT);
        assert_string_equal(vt_buf_str(&little), "was");
        vt_buf_release(&little);
    }
    vt_fetch_ahead_free(a);
    vt_fetch_free(fetch);
    vt_buf_release(&got);
    vt_buf_release(&want);
}

static void
test_the_final_statement(void **state)
{
    struct fixture *f = *state;
    struct vt_log_reader *r = NULL;
    struct vt_frozen z;
    struct vt_digest root;

    folder_write(&f->log, 10, &root);
    assert_int_equal(vt_log_reader_open(f->url, f->policy, &r, NULL), VT_OK);
    assert_int_equal(vt_log_reader_frozen(r, &z, &f->why), VT_E_NOENT);
    folder_freeze(&f->log, 10, &root);
    assert_int_equal(vt_log_reader_frozen(r, &z, &f->why), VT_OK);
    assert_int_equal(z.size, 10);
    folder_freeze(&f->log, 9, &root);
    assert_int_equal(vt_log_reader_frozen(r, &z, &f->why), VT_E_PROOF);
    assert_non_null(strstr(f->why.text, "MISBEHAVIOUR"));
    assert_non_null(strstr(f->why.text, "frozen at 9 entries"));
    vt_log_reader_free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_entries_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compressed_bundles_are_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_server_that_fails_now_and_then, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_bundles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_sends_too_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fetching_ahead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_final_statement, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
