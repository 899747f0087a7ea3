/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness as a service: many requests at once, what a failing disk does to them, signers
 * that die, the same asked again, evidence, metrics.
 */
#include "witness_world.h"

#include "base/log.h"
#include "witness/cosigner.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static bool disk_fails;
static int syncs;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int
__wrap_fdatasync(int fd)
{
    syncs++;
    if (!disk_fails)
        return __real_fdatasync(fd);
    errno = EIO;
    return -1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int
__wrap_fsync(int fd)
{
    if (!disk_fails)
        return __real_fsync(fd);
    errno = EIO;
    return -1;
}

enum { LOGS = 5 };

struct world {
    char dir[VT_PATH_MAX];
    char records[VT_PATH_MAX];
    char key_path[VT_PATH_MAX];
    struct vt_key *key[LOGS];
    struct vt_witness_follow follow[LOGS];
    struct tree tree;
    struct vt_clock clock;
    struct vt_witness *w;
};

static void
open_witness(struct world *w)
{
    struct vt_why why = {0};

    if (vt_witness_open(
            w->records, w->key_path, NULL, w->follow, LOGS, &w->clock, &w->w, &why) != VT_OK)
        fail_msg("%s", why.text);
}

static int
set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct vt_key *k = NULL;

    assert_non_null(w);
    disk_fails = false;
    w->tree.twist = UINT64_MAX;
    assert_int_equal(vt_dir_temp("/tmp", "vt-witness", w->dir, NULL), VT_OK);
    assert_int_equal(vt_path(w->records, NULL, "%s/records", w->dir), VT_OK);
    assert_int_equal(vt_path(w->key_path, NULL, "%s/w.key", w->dir), VT_OK);
    assert_int_equal(vt_key_new("witness-1.example", &k, NULL), VT_OK);
    assert_int_equal(vt_key_save(k, w->key_path, NULL, NULL), VT_OK);
    vt_key_free(k);
    for (size_t i = 0; i < LOGS; i++) {
        (void)snprintf(w->follow[i].origin, sizeof(w->follow[i].origin), "log-%zu.example", i);
        assert_int_equal(
            make_log(w->follow[i].origin, (uint8_t)(20 + i), &w->key[i], &w->follow[i].key), 0);
    }
    w->clock = vt_clock_fixed(1700000000);
    assert_int_equal(vt_witness_records_make(w->records, NULL), VT_OK);
    open_witness(w);
    *state = w;
    return 0;
}

static int
tear_down(void **state)
{
    struct world *w = *state;

    disk_fails = false;
    vt_witness_free(w->w);
    for (size_t i = 0; i < LOGS; i++)
        vt_key_free(w->key[i]);
    assert_int_equal(vt_tree_remove(w->dir, NULL), VT_OK);
    free(w);
    return 0;
}

/* Requests that come in one turn. */
struct turn {
    struct vt_buf body[8];
    struct vt_witness_job job[8];
    size_t n;
};

static void
add(struct turn *t, struct world *w, size_t log, uint64_t old_size, uint64_t size)
{
    t->body[t->n] = VT_BUF(65536);
    put_request_of(&t->body[t->n], &w->tree, old_size, size, w->key[log]);
    vt_witness_job_init(&t->job[t->n], t->body[t->n].data, t->body[t->n].len);
    t->n++;
}

static void
process(struct turn *t, struct world *w)
{
    vt_witness_process(w->w, t->job, t->n);
}

static void
release(struct turn *t)
{
    for (size_t i = 0; i < t->n; i++) {
        vt_witness_job_release(&t->job[i]);
        vt_buf_release(&t->body[i]);
    }
    *t = (struct turn){0};
}

static int
ask(struct world *w, size_t log, uint64_t old_size, uint64_t size, struct vt_buf *answer)
{
    struct turn t = {0};
    int status;

    add(&t, w, log, old_size, size);
    process(&t, w);
    status = t.job[0].status;
    if (answer != NULL) {
        vt_buf_clear(answer);
        vt_buf_put(answer, t.job[0].answer.data, t.job[0].answer.len);
    }
    release(&t);
    return status;
}

/* The time of the cosignature on what was sent, which must be good. */
static uint64_t
time_of(const struct world *w, const struct turn *t, size_t i)
{
    const char *blank = strstr(vt_buf_str(&t->body[i]), "\n\n");
    struct vt_buf note = VT_BUF(65536);
    struct vt_note n;
    uint64_t time = 0;

    vt_buf_puts(&note, blank + 2);
    vt_buf_put(&note, t->job[i].answer.data, t->job[i].answer.len);
    assert_int_equal(vt_note_parse(note.data, note.len, &n, NULL), VT_OK);
    assert_int_equal(vt_cosig_verify(&n, vt_witness_key(w->w), &time, NULL), VT_OK);
    vt_buf_release(&note);
    return time;
}

/* One after the other, upon what the one before left, with one sync. */
static void
test_many_at_once(void **state)
{
    static const int want[] = {200, 200, 200, 409, 200, 404, 200, 422};
    struct world *w = *state;
    struct vt_key *unknown = NULL;
    struct turn t = {0};
    int before = syncs;

    add(&t, w, 0, 0, 5);
    add(&t, w, 1, 0, 7);
    add(&t, w, 0, 5, 9);
    add(&t, w, 0, 5, 11); /* too late */
    add(&t, w, 2, 0, 1);
    assert_int_equal(vt_key_new("unknown.example", &unknown, NULL), VT_OK);
    add(&t, w, 3, 0, 3);
    put_request_of(&t.body[5], &w->tree, 0, 3, unknown);
    vt_witness_job_init(&t.job[5], t.body[5].data, t.body[5].len);
    add(&t, w, 0, 9, 12);
    w->tree.twist = 2;
    add(&t, w, 0, 12, 14); /* another history */
    w->tree.twist = UINT64_MAX;
    process(&t, w);
    for (size_t i = 0; i < t.n; i++) {
        assert_int_equal(t.job[i].status, want[i]);
        if (want[i] == 200)
            assert_int_equal(time_of(w, &t, i), 1700000000);
    }
    assert_string_equal(vt_buf_str(&t.job[3].answer), "9\n");
    assert_string_equal(t.job[3].content_type, "text/x.tlog.size");
    assert_int_equal(syncs, before + 1);
    assert_int_equal(vt_witness_metrics(w->w)->batch[2], 1); /* five checkpoints */
    release(&t);
    vt_key_free(unknown);
    vt_witness_free(w->w);
    open_witness(w);
    assert_int_equal(ask(w, 0, 12, 13, NULL), 200);
    assert_int_equal(ask(w, 1, 7, 8, NULL), 200);
}

/* Nothing is signed that is not durable, and nothing is answered upon it. */
static void
test_disk_fails(void **state)
{
    struct world *w = *state;
    struct vt_buf answer = VT_BUF(65536);
    struct turn t = {0};

    assert_int_equal(ask(w, 0, 0, 5, NULL), 200);
    assert_int_equal(ask(w, 1, 0, 5, NULL), 200);
    disk_fails = true;
    add(&t, w, 0, 5, 7);
    add(&t, w, 0, 0, 9); /* 409 with a size that is not recorded after all */
    add(&t, w, 1, 0, 9); /* 409 upon a record that is */
    add(&t, w, 2, 0, 4);
    process(&t, w);
    assert_int_equal(t.job[0].status, 503);
    assert_int_equal(t.job[0].retry_after_s, 1);
    assert_int_equal(t.job[1].status, 503);
    assert_int_equal(t.job[2].status, 409);
    assert_int_equal(t.job[3].status, 503);
    for (size_t i = 0; i < t.n; i++)
        assert_null(strstr(vt_buf_str(&t.job[i].answer), "\xe2\x80\x94"));
    release(&t);
    assert_false(vt_witness_is_sound(w->w));
    assert_int_equal(ask(w, 0, 5, 7, NULL), 503);
    assert_int_equal(ask(w, 0, 0, 7, &answer), 409);
    assert_string_equal(vt_buf_str(&answer), "5\n");
    disk_fails = false;
    for (int i = 0; i < 300 && !vt_witness_is_sound(w->w); i++) {
        usleep(20000);
        vt_witness_tick(w->w);
    }
    assert_true(vt_witness_is_sound(w->w));
    assert_int_equal(ask(w, 0, 5, 8, NULL), 200);
    vt_witness_free(w->w);
    open_witness(w);
    assert_int_equal(ask(w, 0, 0, 1, &answer), 409);
    assert_string_equal(vt_buf_str(&answer), "8\n");
    vt_buf_release(&answer);
}

static void
kill_children(void)
{
    char path[64];
    FILE *f;
    int pid;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    f = fopen(path, "re");
    if (f == NULL)
        skip();
    while (fscanf(f, "%d", &pid) == 1)
        assert_int_equal(kill(pid, SIGKILL), 0);
    (void)fclose(f);
}

static void
test_signer_dies(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, 0, 0, 5, NULL), 200);
    kill_children();
    usleep(20000);
    assert_int_equal(ask(w, 0, 5, 6, NULL), 200);
    assert_int_equal(vt_witness_restarts(w->w), 1);
    /* It dies at once again: until it is tried once more it is 503, and nothing is lost. */
    kill_children();
    usleep(20000);
    for (int i = 0; i < 200 && ask(w, 0, 6, 7, NULL) != 200; i++) {
        if (ask(w, 0, 7, 7, NULL) == 200)
            break;
        usleep(20000);
    }
    assert_int_equal(ask(w, 0, 7, 7, NULL), 200);
}

/* The same second's lines again cost nothing; the next second's are new. */
static void
test_the_same_again(void **state)
{
    struct world *w = *state;
    struct vt_buf first = VT_BUF(65536);
    struct vt_buf again = VT_BUF(65536);
    struct turn t = {0};
    int before;

    assert_int_equal(ask(w, 0, 0, 5, &first), 200);
    before = syncs;
    assert_int_equal(ask(w, 0, 5, 5, &again), 200);
    assert_string_equal(vt_buf_str(&first), vt_buf_str(&again));
    assert_int_equal(syncs, before);
    assert_int_equal(vt_witness_metrics(w->w)->repeats, 1);
    w->clock.fixed++;
    add(&t, w, 0, 5, 5);
    process(&t, w);
    assert_int_equal(t.job[0].status, 200);
    assert_int_equal(time_of(w, &t, 0), 1700000001);
    assert_int_equal(syncs, before + 1);
    release(&t);
    /* A clock that goes back: the time does not, over a restart too. */
    w->clock.fixed = 1600000000;
    vt_witness_free(w->w);
    open_witness(w);
    add(&t, w, 0, 5, 6);
    process(&t, w);
    assert_int_equal(time_of(w, &t, 0), 1700000001);
    release(&t);
    w->clock.fixed = 0;
    assert_int_equal(ask(w, 1, 0, 6, NULL), 503);
    vt_buf_release(&first);
    vt_buf_release(&again);
}

/* What a monitor is given: note and lines of the newest checkpoint; its status. */
static int
monitor(struct world *w, size_t log, uint64_t *ret_time)
{
    struct vt_witness_job job;
    struct vt_note n;
    int status;

    vt_witness_job_init(&job, NULL, 0);
    job.again = vt_witness_table_find(vt_witness_logs(w->w), w->follow[log].origin);
    vt_witness_process(w->w, &job, 1);
    status = job.status;
    if (status == 200) {
        assert_int_equal(vt_note_parse(job.answer.data, job.answer.len, &n, NULL), VT_OK);
        assert_int_equal(vt_cosig_verify(&n, vt_witness_key(w->w), ret_time, NULL), VT_OK);
        assert_int_equal(
            vt_witness_check_note(
                vt_witness_table_find(vt_witness_logs(w->w), w->follow[log].origin), &n, NULL),
            VT_OK);
    }
    vt_witness_job_release(&job);
    return status;
}

static void
forget_lines(struct world *w, size_t log)
{
    struct vt_witness_log *l =
        vt_witness_table_find(vt_witness_logs(w->w), w->follow[log].origin);

    free(l->lines);
    l->lines = NULL;
}

/* Whoever reads has nothing written: lines that are not at hand are those of the record. */
static void
test_reading_writes_nothing(void **state)
{
    struct world *w = *state;
    struct turn t = {0};
    uint64_t time = 0;
    int before;

    assert_int_equal(ask(w, 0, 0, 5, NULL), 200);
    vt_witness_free(w->w);
    open_witness(w);
    w->clock.fixed += 100;
    before = syncs;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(monitor(w, 0, &time), 200);
        assert_int_equal(time, 1700000000);
        forget_lines(w, 0);
    }
    /* Nor does the same checkpoint within one second. */
    assert_int_equal(ask(w, 0, 5, 5, NULL), 200);
    assert_int_equal(syncs, before + 1);
    forget_lines(w, 0);
    add(&t, w, 0, 5, 5);
    process(&t, w);
    assert_int_equal(time_of(w, &t, 0), 1700000100);
    assert_int_equal(syncs, before + 1);
    release(&t);
    /* In a turn with one that grows, nothing is given out that is not durable. */
    disk_fails = true;
    add(&t, w, 0, 5, 9);
    t.job[1] = (struct vt_witness_job){0};
    vt_witness_job_init(&t.job[1], NULL, 0);
    t.job[1].again = vt_witness_table_find(vt_witness_logs(w->w), w->follow[0].origin);
    t.n = 2;
    process(&t, w);
    assert_int_equal(t.job[0].status, 503);
    assert_int_equal(t.job[1].status, 503);
    release(&t);
    /* What was durable before still is. */
    assert_int_equal(monitor(w, 0, &time), 200);
    assert_int_equal(time, 1700000100);
    disk_fails = false;
}

static void
test_any_key_of_a_log(void **state)
{
    struct world *w = *state;
    struct vt_witness_follow two[2] = {w->follow[0], w->follow[0]};
    struct vt_key *second = NULL;

    assert_int_equal(make_log(w->follow[0].origin, 99, &second, &two[1].key), 0);
    assert_int_equal(ask(w, 0, 0, 5, NULL), 200);
    assert_int_equal(vt_witness_follow(w->w, two, 2, NULL), VT_OK);
    vt_key_free(w->key[1]);
    w->key[1] = second;
    assert_int_equal(ask(w, 1, 5, 6, NULL), 200);
    assert_int_equal(ask(w, 0, 6, 7, NULL), 200);
    assert_int_equal(vt_witness_follow(w->w, &two[1], 1, NULL), VT_OK);
    assert_int_equal(ask(w, 0, 7, 8, NULL), 403);
    assert_int_equal(ask(w, 1, 7, 8, NULL), 200);
    assert_int_equal(ask(w, 2, 0, 8, NULL), 404);
}

/* A text that the signer will not sign spoils nobody else's. */
static void
test_one_refused(void **state)
{
    static const char bad[] = "no checkpoint at all\n";
    struct world *w = *state;
    struct vt_witness_cosigner *c = NULL;
    struct vt_witness_cosign v[3];
    struct vt_checkpoint cp = {.origin = "x", .size = 3};
    struct vt_buf text = VT_BUF(4096);
    struct vt_buf lines[3] = {VT_BUF(4096), VT_BUF(4096), VT_BUF(4096)};

    tree_root(&w->tree, 3, &cp.root);
    vt_checkpoint_put(&text, &cp);
    for (size_t i = 0; i < 3; i++)
        v[i] = (struct vt_witness_cosign){
            &cp, text.data, text.len, 1700000000 + i, &lines[i], false};
    v[1].text = bad;
    v[1].text_len = sizeof(bad) - 1;
    assert_int_equal(
        vt_witness_cosigner_new(w->key_path, VT_NOTE_COSIG_ED25519, &c, NULL), VT_OK);
    vt_witness_cosigner_sign(c, v, 3);
    assert_false(v[0].failed);
    assert_true(v[1].failed);
    assert_false(v[2].failed);
    assert_true(lines[0].len > 0 && lines[1].len == 0 && lines[2].len > 0);
    vt_witness_cosigner_free(c);
    assert_int_equal(
        vt_witness_cosigner_new(w->key_path, VT_NOTE_COSIG_MLDSA44, &c, NULL), VT_E_CONFIG);
    vt_buf_release(&text);
    for (size_t i = 0; i < 3; i++)
        vt_buf_release(&lines[i]);
}

static enum vt_err
count_one(void *ctx, const char *name, struct vt_why *why)
{
    (void)why;
    *(int *)ctx += strstr(name, ".record") == NULL;
    return VT_OK;
}

static int
count_evidence(const struct world *w)
{
    char dir[VT_PATH_MAX];
    int n = 0;

    assert_int_equal(vt_path(dir, NULL, "%s/evidence", w->records), VT_OK);
    assert_int_equal(vt_dir_each(dir, count_one, &n, NULL), VT_OK);
    return n;
}

/* Floods of what is not proven leave room for what is; both are bounded, over restarts too. */
static void
test_evidence_is_bounded(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, 0, 0, 30, NULL), 200);
    for (uint64_t i = 0; i < 12; i++) {
        w->tree.twist = i;
        assert_int_equal(ask(w, 0, 30, 35, NULL), 422);
    }
    assert_int_equal(count_evidence(w), 8);
    vt_witness_free(w->w);
    open_witness(w);
    for (uint64_t i = 0; i < 20; i++) {
        w->tree.twist = i;
        assert_int_equal(ask(w, 0, 30, 30, NULL), 422);
    }
    assert_int_equal(count_evidence(w), 16);
    assert_int_equal(vt_witness_metrics(w->w)->splits, 20);
    assert_int_equal(vt_witness_metrics(w->w)->evidence, 8);
    w->tree.twist = UINT64_MAX;
    assert_int_equal(ask(w, 0, 30, 31, NULL), 200);
}

static void
test_metrics(void **state)
{
    struct world *w = *state;
    struct vt_buf b = VT_BUF(1U << 20);
    const struct vt_witness_state s = {.table = vt_witness_logs(w->w), .sound = true};
    static const char *const lines[] = {"vitrine_witness_requests_total{status=\"200\"} 2\n",
        "vitrine_witness_requests_total{status=\"409\"} 1\n",
        "vitrine_witness_batch_checkpoints_bucket{le=\"1\"} 2\n",
        "vitrine_witness_batch_checkpoints_sum 2\n", "vitrine_witness_sync_seconds_count 2\n",
        "vitrine_witness_log_size{origin=\"log-0.example\"} 7\n",
        "vitrine_witness_log_cosigned_timestamp_seconds{origin=\"log-0.example\"} 1700000000\n",
        "vitrine_witness_logs 5\n", "vitrine_witness_disk_sound 1\n"};

    assert_int_equal(ask(w, 0, 0, 5, NULL), 200);
    assert_int_equal(ask(w, 0, 5, 7, NULL), 200);
    assert_int_equal(ask(w, 0, 5, 7, NULL), 409);
    vt_witness_metrics_put(vt_witness_metrics(w->w), &s, &b);
    assert_int_equal(b.err, VT_OK);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (strstr(vt_buf_str(&b), lines[i]) == NULL)
            fail_msg("not there: %s", lines[i]);
    vt_buf_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signer_dies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_same_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reading_writes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_key_of_a_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_evidence_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
    };
    int failed;

    vt_log_init("test", VT_LOG_ERROR);
    if (make_log(ORIGIN, 7, &log_key, &log_vkey) != 0)
        return 1;
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    vt_key_free(log_key);
    return failed;
}
