/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness: every row of the status table, and its records across restarts.
 */
#include "witness_world.h"

#include "http/client.h"
#include "http/server.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct vt_witness_table *table; /* of the log ORIGIN */

static int
decide(const struct vt_buf *b, struct vt_witness_verdict *v)
{
    assert_int_equal(b->err, VT_OK);
    vt_witness_decide(table, b->data, b->len, v);
    return v->status;
}

static void
log_at(struct tree *t, uint64_t size)
{
    struct vt_witness_log *log = vt_witness_table_find(table, ORIGIN);

    log->size = size;
    tree_root(t, size, &log->root);
}

static int
set_up_table(void **state)
{
    struct vt_witness_follow f = {.origin = ORIGIN, .key = log_vkey};

    (void)state;
    assert_int_equal(vt_witness_table_new(&table, NULL), VT_OK);
    assert_int_equal(vt_witness_table_follow(table, &f, 1, NULL), VT_OK);
    return 0;
}

static int
tear_down_table(void **state)
{
    (void)state;
    vt_witness_table_free(table);
    return 0;
}

static void
test_200(void **state)
{
    struct tree t = {LEAVES};
    struct vt_witness_verdict v;
    struct vt_buf b = VT_BUF(65536);

    (void)state;
    for (uint64_t old = 0; old < 20; old++) {
        log_at(&t, old);
        for (uint64_t size = old; size < 20; size++) {
            put_request(&b, &t, old, size);
            assert_int_equal(decide(&b, &v), 200);
            assert_int_equal(v.checkpoint.size, size);
            assert_int_equal(v.doubt, VT_WITNESS_NO_DOUBT);
            assert_int_equal(v.note.text_len, strlen(ORIGIN) + 1 + (size < 10 ? 2 : 3) + 45);
        }
    }
    vt_buf_release(&b);
}

static void
test_400(void **state)
{
    static const char *const bodies[] = {"", "old", "old 5", "old 5\n", "old 05\n\n",
        "old -1\n\n", "old 5 \n\n", "new 5\n\n", "old 5\nnot base64!\n\n", "old 5\nAAAA\n\n",
        "old 5\n\n", "old 5\n\n" ORIGIN "\n5\n", "old 18446744073709551616\n\n",
        "old 5\r\n\r\n"};
    struct tree t = {LEAVES};
    struct vt_witness_verdict v;
    struct vt_buf b = VT_BUF(65536);
    struct vt_proof long_proof = {.len = 64};
    struct vt_checkpoint c = {.origin = ORIGIN, .size = 7};

    (void)state;
    log_at(&t, 5);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        vt_witness_decide(table, bodies[i], strlen(bodies[i]), &v);
        assert_int_equal(v.status, 400);
        assert_true(strlen(v.why.text) > 0);
    }
    /* More than 63 proof lines. */
    tree_root(&t, 7, &c.root);
    put_head(&b, 5, &long_proof);
    put_signed(&b, &c, log_key);
    assert_int_equal(decide(&b, &v), 400);
    /* The old size is larger than the checkpoint's, whatever is recorded. */
    for (uint64_t recorded = 5; recorded < 12; recorded++) {
        log_at(&t, recorded);
        vt_buf_clear(&b);
        put_head(&b, 8, NULL);
        put_signed(&b, &c, log_key);
        assert_int_equal(decide(&b, &v), 400);
    }
    vt_buf_release(&b);
}

static void
test_404_and_403(void **state)
{
    struct tree t = {LEAVES};
    struct vt_witness_verdict v;
    struct vt_buf b = VT_BUF(65536);
    struct vt_key *other = NULL;
    struct vt_key *same_name = NULL;
    struct vt_checkpoint c = {.origin = "other.example/log", .size = 3};
    char *p;

    (void)state;
    log_at(&t, 0);
    assert_int_equal(vt_key_new("other.example/log", &other, NULL), VT_OK);
    assert_int_equal(vt_key_new(ORIGIN, &same_name, NULL), VT_OK);
    tree_root(&t, 3, &c.root);
    put_head(&b, 0, NULL);
    put_signed(&b, &c, other);
    assert_int_equal(decide(&b, &v), 404);
    /* Our origin, signed by nobody we know: another name, another key. */
    memcpy(c.origin, ORIGIN, sizeof(ORIGIN));
    vt_buf_clear(&b);
    put_head(&b, 0, NULL);
    put_signed(&b, &c, other);
    assert_int_equal(decide(&b, &v), 403);
    vt_buf_clear(&b);
    put_head(&b, 0, NULL);
    put_signed(&b, &c, same_name);
    assert_int_equal(decide(&b, &v), 403);
    /* The right key's signature over something else. */
    put_request(&b, &t, 0, 3);
    p = strstr((char *)b.data, "\n3\n");
    assert_non_null(p);
    p[1] = '4';
    assert_int_equal(decide(&b, &v), 403);
    assert_int_equal(v.doubt, VT_WITNESS_NO_DOUBT);
    vt_key_free(other);
    vt_key_free(same_name);
    vt_buf_release(&b);
}

static void
test_409(void **state)
{
    struct tree t = {LEAVES};
    struct tree split = {3};
    struct vt_witness_verdict v;
    struct vt_buf b = VT_BUF(65536);

    (void)state;
    log_at(&t, 7);
    put_request(&b, &t, 0, 9);
    assert_int_equal(decide(&b, &v), 409);
    assert_int_equal(v.known, 7);
    put_request(&b, &t, 6, 9);
    assert_int_equal(decide(&b, &v), 409);
    put_request(&b, &t, 8, 9);
    assert_int_equal(decide(&b, &v), 409);
    assert_int_equal(v.doubt, VT_WITNESS_NO_DOUBT);
    /* An older tree again, honestly asked. */
    put_request(&b, &t, 3, 5);
    assert_int_equal(decide(&b, &v), 409);
    /* A split view is seen even through a wrong old size. */
    put_request(&b, &split, 0, 7);
    assert_int_equal(decide(&b, &v), 409);
    assert_int_equal(v.doubt, VT_WITNESS_SPLIT);
    vt_buf_release(&b);
}

static void
test_422(void **state)
{
    struct tree t = {LEAVES};
    struct tree split = {3};
    struct vt_witness_verdict v;
    struct vt_buf b = VT_BUF(65536);
    struct vt_proof proof = {.len = 1};
    struct vt_checkpoint c = {.origin = ORIGIN, .size = 0};

    (void)state;
    /* History rewritten. */
    log_at(&t, 7);
    put_request(&b, &split, 7, 9);
    assert_int_equal(decide(&b, &v), 422);
    assert_int_equal(v.doubt, VT_WITNESS_UNPROVEN);
    /* The same size, another root: with and without a proof. */
    put_request(&b, &split, 7, 7);
    assert_int_equal(decide(&b, &v), 422);
    assert_int_equal(v.doubt, VT_WITNESS_SPLIT);
    /* The right tree with no proof, and with one for nothing. */
    c.size = 9;
    tree_root(&t, 9, &c.root);
    vt_buf_clear(&b);
    put_head(&b, 7, NULL);
    put_signed(&b, &c, log_key);
    assert_int_equal(decide(&b, &v), 422);
    c.size = 7;
    tree_root(&t, 7, &c.root);
    vt_buf_clear(&b);
    put_head(&b, 7, &proof);
    put_signed(&b, &c, log_key);
    assert_int_equal(decide(&b, &v), 422);
    /* A proof from size 0. */
    log_at(&t, 0);
    vt_buf_clear(&b);
    put_head(&b, 0, &proof);
    put_signed(&b, &c, log_key);
    assert_int_equal(decide(&b, &v), 422);
    /* Size 0 with a root. */
    c.size = 0;
    vt_buf_clear(&b);
    put_head(&b, 0, NULL);
    put_signed(&b, &c, log_key);
    assert_int_equal(decide(&b, &v), 422);
    vt_buf_release(&b);
}

/* A witness in a folder with a key. */
struct fixture {
    char dir[VT_PATH_MAX];
    char records[VT_PATH_MAX];
    char key_path[VT_PATH_MAX];
    struct vt_clock clock;
    struct vt_witness *w;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct vt_key *k = NULL;

    assert_non_null(f);
    assert_int_equal(vt_dir_temp("/tmp", "vt-witness", f->dir, NULL), VT_OK);
    assert_int_equal(vt_path(f->records, NULL, "%s/records", f->dir), VT_OK);
    assert_int_equal(vt_path(f->key_path, NULL, "%s/w.key", f->dir), VT_OK);
    assert_int_equal(vt_key_new("witness-1.example", &k, NULL), VT_OK);
    assert_int_equal(vt_key_save(k, f->key_path, NULL, NULL), VT_OK);
    vt_key_free(k);
    f->clock = vt_clock_fixed(1700000000);
    assert_int_equal(vt_witness_records_make(f->records, NULL), VT_OK);
    assert_int_equal(
        vt_witness_new(f->records, f->key_path, &log_vkey, 1, &f->clock, &f->w, NULL), VT_OK);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    vt_witness_free(f->w);
    assert_int_equal(vt_tree_remove(f->dir, NULL), VT_OK);
    free(f);
    return 0;
}

static int
ask(struct fixture *f, struct tree *t, uint64_t old_size, uint64_t size, struct vt_buf *answer)
{
    struct vt_buf b = VT_BUF(65536);
    const char *type = NULL;
    int status;

    put_request(&b, t, old_size, size);
    vt_buf_clear(answer);
    status = vt_witness_answer(f->w, b.data, b.len, &type, answer);
    if (status == 409)
        assert_string_equal(type, "text/x.tlog.size");
    if (status == 200) {
        /* What came is a cosignature over the checkpoint that was sent. */
        struct vt_buf note = VT_BUF(65536);
        const char *blank = strstr(vt_buf_str(&b), "\n\n");
        struct vt_note n;
        uint64_t time = 0;

        vt_buf_puts(&note, blank + 2);
        vt_buf_put(&note, answer->data, answer->len);
        assert_int_equal(vt_note_parse(note.data, note.len, &n, NULL), VT_OK);
        assert_int_equal(vt_cosig_verify(&n, vt_witness_key(f->w), &time, NULL), VT_OK);
        assert_int_equal(time, 1700000000);
        vt_buf_release(&note);
    }
    vt_buf_release(&b);
    return status;
}

static void
test_cosigns_and_remembers(void **state)
{
    struct fixture *f = *state;
    struct tree t = {LEAVES};
    struct tree split = {6};
    struct vt_buf answer = VT_BUF(65536);

    assert_int_equal(ask(f, &t, 0, 0, &answer), 200);
    assert_int_equal(ask(f, &t, 0, 5, &answer), 200);
    assert_int_equal(ask(f, &t, 5, 7, &answer), 200);
    assert_int_equal(ask(f, &t, 7, 7, &answer), 200);
    assert_int_equal(ask(f, &t, 0, 9, &answer), 409);
    assert_string_equal(vt_buf_str(&answer), "7\n");
    /* After a restart the record is what it was. */
    vt_witness_free(f->w);
    f->w = NULL;
    assert_int_equal(
        vt_witness_new(f->records, f->key_path, &log_vkey, 1, &f->clock, &f->w, NULL), VT_OK);
    assert_int_equal(ask(f, &split, 7, 7, &answer), 422);
    assert_int_equal(ask(f, &split, 7, 9, &answer), 422);
    assert_int_equal(ask(f, &t, 7, 9, &answer), 200);
    vt_buf_release(&answer);
}

static enum vt_err
count_one(void *ctx, const char *name, struct vt_why *why)
{
    (void)name;
    (void)why;
    ++*(int *)ctx;
    return VT_OK;
}

static void
test_evidence_is_kept(void **state)
{
    struct fixture *f = *state;
    struct tree t = {LEAVES};
    struct tree split = {3};
    struct vt_buf answer = VT_BUF(65536);
    char dir[VT_PATH_MAX];
    int count = 0;

    assert_int_equal(ask(f, &t, 0, 7, &answer), 200);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(f, &split, 7, 7, &answer), 422);
    assert_int_equal(ask(f, &split, 7, 9, &answer), 422);
    assert_int_equal(vt_path(dir, NULL, "%s/evidence", f->records), VT_OK);
    assert_int_equal(vt_dir_each(dir, count_one, &count, NULL), VT_OK);
    assert_int_equal(count, 4);
    vt_buf_release(&answer);
}

struct server {
    struct fixture *f;
    int listen_fd;
    int stop_fd;
};

static void *
serve(void *arg)
{
    struct server *s = arg;
    struct vt_why why = {0};

    return vt_witness_serve(s->f->w, s->listen_fd, s->stop_fd, &why) == VT_OK ? s : NULL;
}

static void
test_over_http(void **state)
{
    struct fixture *f = *state;
    struct server s = {.f = f};
    struct tree t = {LEAVES};
    struct vt_http *h = NULL;
    struct vt_buf b = VT_BUF(65536);
    struct vt_buf answer = VT_BUF(65536);
    char *big = calloc(1, 70000);
    char url[128];
    int status = 0;
    int stop[2];
    pthread_t thread;
    void *ok = NULL;

    assert_non_null(big);
    assert_int_equal(pipe(stop), 0);
    s.stop_fd = stop[0];
    assert_int_equal(vt_http_listen("127.0.0.1:0", &s.listen_fd, url, NULL), VT_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
    assert_int_equal(vt_http_new(NULL, &h, NULL), VT_OK);
    put_request(&b, &t, 0, 5);
    assert_int_equal(
        vt_http_post(h, url, "add-checkpoint", NULL, b.data, b.len, &status, &answer, NULL),
        VT_OK);
    assert_int_equal(status, 200);
    assert_int_equal(memcmp(answer.data, "\xe2\x80\x94 witness-1.example ", 22), 0);
    vt_buf_clear(&answer);
    assert_int_equal(
        vt_http_post(h, url, "add-checkpoint", NULL, b.data, b.len, &status, &answer, NULL),
        VT_OK);
    assert_int_equal(status, 409);
    assert_string_equal(vt_buf_str(&answer), "5\n");
    assert_int_equal(
        vt_http_post(h, url, "add-checkpoint", NULL, big, 70000, &status, &answer, NULL),
        VT_OK);
    assert_int_equal(status, 413);
    vt_buf_clear(&answer);
    assert_int_equal(vt_http_get(h, url, "healthz", &answer, NULL), VT_OK);
    assert_string_equal(vt_buf_str(&answer), "ok\n");
    close(stop[1]);
    pthread_join(thread, &ok);
    assert_non_null(ok);
    close(stop[0]);
    close(s.listen_fd);
    vt_http_free(h);
    vt_buf_release(&b);
    vt_buf_release(&answer);
    free(big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_200, set_up_table, tear_down_table),
        cmocka_unit_test_setup_teardown(test_400, set_up_table, tear_down_table),
        cmocka_unit_test_setup_teardown(test_404_and_403, set_up_table, tear_down_table),
        cmocka_unit_test_setup_teardown(test_409, set_up_table, tear_down_table),
        cmocka_unit_test_setup_teardown(test_422, set_up_table, tear_down_table),
        cmocka_unit_test_setup_teardown(test_cosigns_and_remembers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_evidence_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_over_http, set_up, tear_down),
    };
    int failed;

    if (make_log(ORIGIN, 7, &log_key, &log_vkey) != 0)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    vt_key_free(log_key);
    return failed;
}
