/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store process of a vault, in a process of its own, spoken to over its channel and over
 * HTTP: what it acknowledges is never lost or doubled, whenever it is killed; what it refuses
 * it counts. The keeper is a stand-in that derives keys; it can be told to give none.
 */
#include "base/json.h"
#include "base/proc.h"
#include "http/client.h"
#include "http/server.h"
#include "ledger/customers.h"
#include "vault/bwal.h"
#include "vault/check.h"
#include "vault/inventory.h"
#include "vault/keeper.h"
#include "vault/packer.h"
#include "vault/service.h"
#include "vault/shares.h"
#include "vault/web.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vault_home.h"

enum { WAIT_MS = 60000 };

struct fixture {
    struct vault_home v;
    struct vt_vault_service opts;
    pid_t pid; /* of the store process; 0: not running */
    int fd;
    uint64_t number;
    pid_t web_pid;
    int web_fd;
    int listen_fd;
    char url[128];
    struct vt_http *http;
};

/* Shared with the store process: whether the keeper gives no keys: 1 to nobody, 2 not for CA.
 */
static volatile int *keeper_denies;

enum vt_err __wrap_vt_keeper_seal_keys(struct vt_keeper *k,
    const uint8_t segment[VT_SEGMENT_ID_SIZE], const char *region, const char *class_name,
    uint32_t day, uint32_t first, const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n,
    uint8_t (*ret)[32], struct vt_why *why);

enum vt_err
__wrap_vt_keeper_seal_keys(struct vt_keeper *k, const uint8_t segment[VT_SEGMENT_ID_SIZE],
    const char *region, const char *class_name, uint32_t day, uint32_t first,
    const uint8_t (*subject)[VT_SUBJECT_SIZE], size_t n, uint8_t (*ret)[32], struct vt_why *why)
{
    uint8_t epoch[32] = {0};

    (void)k;
    if (*keeper_denies == 1 || (*keeper_denies == 2 && strcmp(region, "CA") == 0))
        return vt_fail(why, VT_E_REFUSED, "no keys now");
    (void)snprintf((char *)epoch, sizeof epoch, "%s %s %u", region, class_name, day);
    for (size_t i = 0; i < n; i++) {
        uint8_t key[32] = {0};

        memcpy(key, subject[i], VT_SUBJECT_SIZE);
        vt_segment_block_key(epoch, key, segment, first + (uint32_t)i, ret[i]);
    }
    return VT_OK;
}

/* --- The processes. --- */

static int
store_main(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_why why = {{0}};
    enum vt_err err = vt_vault_service_run(fd, &f->opts, &why);

    if (err != VT_OK)
        (void)fprintf(stderr, "store: %s\n", why.text);
    return err == VT_OK ? 0 : 10 - (int)err;
}

static int
web_main(int fd, void *ctx)
{
    struct fixture *f = ctx;
    struct vt_vault_web opts = {
        .home = &f->v.home, .listen_fd = f->listen_fd, .stop_fd = fd, .store_fd = f->fd};
    struct vt_why why = {{0}};

    return vt_vault_web_run(&opts, &why) == VT_OK ? 0 : 1;
}

static void
store_start(struct fixture *f)
{
    struct vt_why why = {{0}};

    lw_must(vt_proc_fork("store", store_main, f, NULL, &f->pid, &f->fd, &why), &why);
}

static int
store_end(struct fixture *f)
{
    int status;

    while (waitpid(f->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    f->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Closes its channel: it packs all and ends well. */
static void
store_stop(struct fixture *f)
{
    close(f->fd);
    f->fd = -1;
    assert_int_equal(store_end(f), 0);
}

static void
store_kill(struct fixture *f)
{
    assert_int_equal(kill(f->pid, SIGKILL), 0);
    assert_int_equal(store_end(f), -1);
    close(f->fd);
    f->fd = -1;
}

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->fd = f->web_fd = f->listen_fd = -1;
    vh_init(&f->v);
    f->opts = (struct vt_vault_service){
        .home = &f->v.home, .trust = f->v.world.trust, .pack_after_s = 3600};
    *keeper_denies = 0;
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    if (f->web_pid > 0)
        vt_proc_stop(f->web_pid, f->web_fd, 5000);
    if (f->pid > 0)
        vt_proc_stop(f->pid, f->fd, 5000);
    if (f->listen_fd >= 0)
        close(f->listen_fd);
    vt_http_free(f->http);
    vh_release(&f->v);
    free(f);
    return 0;
}

/* --- Speaking to it. --- */

static void
send_message(
    struct fixture *f, enum vt_vault_msg type, const char *path, const void *body, size_t len)
{
    struct vt_buf b = VT_BUF(VT_BATCH_MAX + 1024);
    struct vt_why why = {{0}};

    vt_buf_put_u64(&b, ++f->number);
    vt_buf_put_u16(&b, (uint16_t)strlen(path));
    vt_buf_puts(&b, path);
    vt_buf_put(&b, body, len);
    lw_must(vt_buf_check(&b, "message", &why), &why);
    lw_must(vt_msg_send(f->fd, (uint16_t)type, b.data, b.len, &why), &why);
    vt_buf_release(&b);
}

/* The next answer: its status; its text in ret (room for 512), its number in *ret_number. */
static int
receive(struct fixture *f, uint64_t *ret_number, char ret[512])
{
    static const struct vt_msg_rule rules[] = {{VT_VAULT_DONE, 1 << 20}, {0, 0}};
    struct vt_buf b = VT_BUF(1 << 20);
    struct vt_why why = {{0}};
    struct vt_reader r;
    uint16_t type, status = 0, retry = 0;
    uint8_t kind;

    lw_must(vt_msg_recv(f->fd, rules, WAIT_MS, &type, &b, &why), &why);
    r = VT_READER(b.data, b.len);
    assert_true(vt_reader_u64(&r, ret_number) && vt_reader_u16(&r, &status) &&
                vt_reader_u16(&r, &retry) && vt_reader_u8(&r, &kind));
    assert_int_equal(retry > 0, status == 503);
    (void)snprintf(ret, 512, "%.*s", (int)r.left, (const char *)r.p);
    vt_buf_release(&b);
    return status;
}

static int
ask(struct fixture *f, enum vt_vault_msg type, const char *path, const void *body, size_t len,
    char ret[512])
{
    uint64_t number;
    int status;

    send_message(f, type, path, body, len);
    status = receive(f, &number, ret);
    assert_int_equal(number, f->number);
    return status;
}

static struct vt_buf
make_batch(const struct fixture *f, const char *region, unsigned records)
{
    struct vt_batch_opts o = vh_opts(&f->v, region, "detection");
    struct vt_buf b = VT_BUF(VT_BATCH_MAX);

    batch_put(&b, &o, records, 3);
    return b;
}

static void
must_answer(struct fixture *f, const struct vt_buf *batch, int status, const char *word)
{
    char text[512];
    int got = ask(f, VT_VAULT_BATCH, "", batch->data, batch->len, text);

    if (got != status || strncmp(text, word, strlen(word)) != 0)
        fail_msg("%d %s, not %d %s", got, text, status, word);
}

/* Records that a region's inventory lists, all of it read and found whole. */
static uint64_t
records_of(struct fixture *f, const char *region)
{
    struct vt_inventory *v = NULL;
    struct vt_segment_row sum;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    lw_must(vt_vault_path(&f->v.home, path, &why, "inventory/%s", region), &why);
    lw_must(vt_inventory_open(path, &v, &why), &why);
    vt_inventory_sum(v, &sum);
    for (size_t i = 0; i < vt_inventory_count(v); i++) {
        const struct vt_segment_row *row = vt_inventory_row(v, i);
        char hex[2 * VT_SEGMENT_ID_SIZE + 1];

        vt_hex_encode(row->id, sizeof row->id, hex);
        lw_must(vt_vault_path(&f->v.home, path, &why, "segments/%s/%s", region, hex), &why);
        lw_must(vt_segment_check(path, row, NULL, &why), &why);
    }
    vt_inventory_free(v);
    return sum.records;
}

static enum vt_err
count_name(void *ctx, const char *name, struct vt_why *why)
{
    (void)name;
    (void)why;
    ++*(size_t *)ctx;
    return VT_OK;
}

static size_t
files_in(struct fixture *f, const char *folder)
{
    char path[VT_PATH_MAX];
    size_t n = 0;

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "%s", folder), VT_OK);
    assert_int_equal(vt_dir_each(path, count_name, &n, NULL), VT_OK);
    return n;
}

static void
no_line(void *ctx, const char *line)
{
    (void)ctx;
    fail_msg("%s", line);
}

static void
count_line(void *ctx, const char *line)
{
    (void)line;
    ++*(unsigned *)ctx;
}

/* --- Tests. --- */

static void
test_take_and_pack(void **state)
{
    struct fixture *f = *state;
    struct vt_buf eu = make_batch(f, "EU", 20);
    struct vt_buf ca = make_batch(f, "CA", 7);
    struct vt_check_counts counts;
    struct vt_keeper_status ring;
    struct vt_batch_header h;
    const uint8_t *blocks;
    char hex[33], line[64];
    struct vt_why why = {{0}};
    uint64_t waiting = 0;

    store_start(f);
    assert_int_equal(vt_batch_parse(eu.data, eu.len, &h, &blocks, NULL), VT_OK);
    vt_hex_encode(h.id, sizeof h.id, hex);
    (void)snprintf(line, sizeof line, "accepted %s\n", hex);
    must_answer(f, &eu, 200, line);
    (void)snprintf(line, sizeof line, "duplicate %s\n", hex);
    must_answer(f, &eu, 200, line);
    must_answer(f, &ca, 200, "accepted");
    lw_must(vt_packer_waiting(&f->v.home, "EU", &waiting, &why), &why);
    assert_int_equal(waiting, 1);
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 20);
    assert_int_equal(records_of(f, "CA"), 7);
    assert_int_equal(files_in(f, "wal"), 0);
    lw_must(vt_vault_check(&f->v.home, NULL, no_line, NULL, NULL, &counts, &ring, &why), &why);
    assert_int_equal(counts.segments, 2);
    assert_int_equal(counts.regions, 2);
    assert_int_equal(counts.records, 27);
    store_start(f);
    must_answer(f, &eu, 200, "duplicate");
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 20);
    vt_buf_release(&eu);
    vt_buf_release(&ca);
}

/* What several send at once becomes durable together; the same batch twice among them counts
 * once. */
static void
test_group(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b[10];
    unsigned accepted = 0;
    unsigned duplicate = 0;
    char text[512];
    uint64_t number;

    store_start(f);
    for (unsigned i = 0; i < 10; i++)
        b[i] = make_batch(f, "EU", 5);
    for (unsigned i = 0; i < 30; i++)
        send_message(f, VT_VAULT_BATCH, "", b[i % 10].data, b[i % 10].len);
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(receive(f, &number, text), 200);
        accepted += strncmp(text, "accepted", 8) == 0;
        duplicate += strncmp(text, "duplicate", 9) == 0;
    }
    assert_int_equal(accepted, 10);
    assert_int_equal(duplicate, 20);
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 50);
    for (unsigned i = 0; i < 10; i++)
        vt_buf_release(&b[i]);
}

static void
test_refusals(void **state)
{
    struct fixture *f = *state;
    struct vt_buf us = make_batch(f, "US", 3);
    struct vt_buf eu = make_batch(f, "EU", 3);
    struct vt_buf nothing = VT_BUF(16);
    char text[512];

    vt_buf_puts(&nothing, "VTB1 no");
    store_start(f);
    must_answer(f, &us, 421, "region: US is kept at frankfurt.example");
    must_answer(f, &nothing, 400, "batch");
    eu.len--;
    must_answer(f, &eu, 400, "batch");
    eu.len++;
    must_answer(f, &eu, 200, "accepted");
    assert_int_equal(ask(f, VT_VAULT_METRICS, "", "", 0, text), 200);
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 3);
    assert_int_equal(records_of(f, "US"), 0);
    vt_buf_release(&us);
    vt_buf_release(&eu);
    vt_buf_release(&nothing);
}

/* Killed after the answer, at once: it is there. */
static void
test_killed(void **state)
{
    struct fixture *f = *state;
    struct vt_buf b[6];

    for (unsigned i = 0; i < 6; i++) {
        b[i] = make_batch(f, i % 2 == 0 ? "EU" : "CA", 10 + i);
        store_start(f);
        must_answer(f, &b[i], 200, "accepted");
        store_kill(f);
        assert_int_not_equal(files_in(f, "wal"), 0);
    }
    store_start(f);
    for (unsigned i = 0; i < 6; i++)
        must_answer(f, &b[i], 200, "duplicate");
    store_stop(f);
    assert_int_equal(files_in(f, "wal"), 0);
    assert_int_equal(records_of(f, "EU"), 10 + 12 + 14);
    assert_int_equal(records_of(f, "CA"), 11 + 13 + 15);
    for (unsigned i = 0; i < 6; i++)
        vt_buf_release(&b[i]);
}

/* The write-ahead file is still there although all was packed: as when it stops between the
 * two, with or without the file of ids. */
static void
test_packed_twice(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    struct vt_buf wal = VT_BUF(1 << 20);
    char path[VT_PATH_MAX], ids[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "wal/%016x", 1), VT_OK);
    assert_int_equal(vt_vault_path(&f->v.home, ids, NULL, "ids"), VT_OK);
    store_start(f);
    must_answer(f, &a, 200, "accepted");
    assert_int_equal(vt_file_read(path, &wal, NULL), VT_OK);
    store_stop(f);
    for (unsigned lost = 0; lost < 2; lost++) {
        assert_int_equal(vt_file_replace(path, 0600, wal.data, wal.len, NULL), VT_OK);
        if (lost == 1)
            assert_int_equal(unlink(ids), 0);
        store_start(f);
        must_answer(f, &a, 200, "duplicate");
        store_stop(f);
        assert_int_equal(files_in(f, "wal"), 0);
        assert_int_equal(files_in(f, "segments/EU"), 1);
        assert_int_equal(records_of(f, "EU"), 10);
    }
    vt_buf_release(&a);
    vt_buf_release(&wal);
}

/* A segment that was made and is in no inventory yet is made again, and no other. */
static void
test_row_missing(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    struct vt_buf wal = VT_BUF(1 << 20);
    char path[VT_PATH_MAX], inventory[VT_PATH_MAX], ids[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "wal/%016x", 1), VT_OK);
    assert_int_equal(vt_vault_path(&f->v.home, inventory, NULL, "inventory/EU"), VT_OK);
    assert_int_equal(vt_vault_path(&f->v.home, ids, NULL, "ids"), VT_OK);
    store_start(f);
    must_answer(f, &a, 200, "accepted");
    assert_int_equal(vt_file_read(path, &wal, NULL), VT_OK);
    store_stop(f);
    assert_int_equal(unlink(inventory), 0);
    assert_int_equal(unlink(ids), 0);
    assert_int_equal(vt_file_replace(path, 0600, wal.data, wal.len, NULL), VT_OK);
    store_start(f);
    must_answer(f, &a, 200, "duplicate");
    store_stop(f);
    assert_int_equal(files_in(f, "segments/EU"), 1);
    assert_int_equal(records_of(f, "EU"), 10);
    vt_buf_release(&a);
    vt_buf_release(&wal);
}

static void
test_damaged_wal(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    char path[VT_PATH_MAX];

    store_start(f);
    must_answer(f, &a, 200, "accepted");
    vt_buf_clear(&a);
    {
        struct vt_batch_opts o = vh_opts(&f->v, "EU", "detection");

        batch_put(&a, &o, 3, 3);
    }
    must_answer(f, &a, 200, "accepted");
    store_kill(f);
    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "wal/%016x", 1), VT_OK);
    {
        struct vt_buf wal = VT_BUF(1 << 20);

        assert_int_equal(vt_file_read(path, &wal, NULL), VT_OK);
        wal.data[200] ^= 1;
        assert_int_equal(vt_file_replace(path, 0600, wal.data, wal.len, NULL), VT_OK);
        vt_buf_release(&wal);
    }
    store_start(f);
    assert_int_equal(store_end(f), 10 - (int)VT_E_DIGEST);
    close(f->fd);
    f->fd = -1;
    assert_int_equal(files_in(f, "wal"), 1);
    vt_buf_release(&a);
}

/* Without keys nothing is packed and nothing is lost; too much of it is turned away. */
static void
test_no_keys(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    struct vt_buf b = make_batch(f, "EU", 11);
    struct vt_buf c = make_batch(f, "EU", 12);

    *keeper_denies = 1;
    f->opts.pack_size = 1; /* each group becomes a file */
    f->opts.wal_max = a.len + b.len;
    store_start(f);
    must_answer(f, &a, 200, "accepted");
    must_answer(f, &b, 200, "accepted");
    must_answer(f, &c, 503, "too much waits");
    must_answer(f, &a, 200, "duplicate"); /* is no burden */
    store_stop(f);
    assert_int_equal(files_in(f, "wal"), 2);
    assert_int_equal(records_of(f, "EU"), 0);
    *keeper_denies = 0;
    store_start(f);
    must_answer(f, &b, 200, "duplicate");
    store_stop(f);
    assert_int_equal(files_in(f, "wal"), 0);
    assert_int_equal(records_of(f, "EU"), 21);
    vt_buf_release(&a);
    vt_buf_release(&b);
    vt_buf_release(&c);
}

/* Who is given no keys waits; the others do not. */
static void
test_some_keys(void **state)
{
    struct fixture *f = *state;
    struct vt_buf eu = make_batch(f, "EU", 10);
    struct vt_buf ca = make_batch(f, "CA", 11);

    *keeper_denies = 2;
    store_start(f);
    must_answer(f, &ca, 200, "accepted");
    must_answer(f, &eu, 200, "accepted");
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 10);
    assert_int_equal(records_of(f, "CA"), 0);
    assert_int_equal(files_in(f, "wal"), 1);
    *keeper_denies = 0;
    store_start(f);
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 10);
    assert_int_equal(records_of(f, "CA"), 11);
    vt_buf_release(&eu);
    vt_buf_release(&ca);
}

/* What was not packed until its days were over is dropped, not kept for ever. */
static void
test_days_over(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    const struct vt_bwal_record r = {
        .arrived = UINT64_C(1577836800), .batch = a.data, .len = a.len}; /* 2020 */
    struct vt_bwal *w = NULL;
    struct vt_why why = {{0}};
    char path[VT_PATH_MAX];

    *keeper_denies = 1;
    lw_must(vt_vault_path(&f->v.home, path, &why, "wal/%016x", 5), &why);
    lw_must(vt_bwal_create(path, vt_vault_policy_digest(f->v.world.policy), &w, &why), &why);
    lw_must(vt_bwal_append(w, &r, &why), &why);
    lw_must(vt_bwal_commit(w, &why), &why);
    vt_bwal_free(w);
    store_start(f);
    store_stop(f);
    assert_int_equal(files_in(f, "wal"), 0);
    assert_int_equal(records_of(f, "EU"), 0);
    vt_buf_release(&a);
}

/* A region that is being moved here is taken but not packed; others are. */
static void
test_move_waits(void **state)
{
    struct fixture *f = *state;
    struct vt_buf eu = make_batch(f, "EU", 10);
    struct vt_buf ca = make_batch(f, "CA", 11);
    static const char side[] = "in frankfurt.example\n";
    char path[VT_PATH_MAX];

    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "moves/EU"), VT_OK);
    assert_int_equal(vt_dir_make(path, 0700, NULL), VT_OK);
    vh_write(&f->v, "moves/EU/side", side, sizeof side - 1);
    store_start(f);
    must_answer(f, &eu, 200, "accepted");
    must_answer(f, &ca, 200, "accepted");
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 0);
    assert_int_equal(records_of(f, "CA"), 11);
    assert_int_equal(files_in(f, "wal"), 1);
    assert_int_equal(vt_tree_remove(path, NULL), VT_OK);
    store_start(f);
    must_answer(f, &eu, 200, "duplicate");
    must_answer(f, &ca, 200, "duplicate");
    store_stop(f);
    assert_int_equal(records_of(f, "EU"), 10);
    assert_int_equal(records_of(f, "CA"), 11);
    assert_int_equal(files_in(f, "wal"), 0);
    vt_buf_release(&eu);
    vt_buf_release(&ca);
}

/* Killed again and again, whatever it does, with a sender who insists. */
static void
test_kill_loop(void **state)
{
    enum { BATCHES = 60 };
    struct fixture *f = *state;
    struct vt_buf b[BATCHES];
    bool acknowledged[BATCHES] = {false};
    uint64_t want = 0;
    unsigned kills = 0;
    unsigned seed = 7;

    f->opts.pack_size = 4096;
    for (unsigned i = 0; i < BATCHES; i++) {
        b[i] = make_batch(f, "EU", 20 + i);
        want += 20 + i;
    }
    store_start(f);
    for (unsigned next = 0; next < BATCHES;) {
        const struct timespec nap = {.tv_nsec = (long)(rand_r(&seed) % 8) * 1000000};
        unsigned n = 0;
        uint64_t number;
        char text[512];

        for (; n < 5 && next + n < BATCHES; n++)
            send_message(f, VT_VAULT_BATCH, "", b[next + n].data, b[next + n].len);
        if (rand_r(&seed) % 3 == 0) {
            (void)nanosleep(&nap, NULL);
            store_kill(f);
            store_start(f);
            kills++;
            continue; /* no answer was seen: all of them again */
        }
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(receive(f, &number, text), 200);
        for (unsigned i = 0; i < n; i++)
            acknowledged[next + i] = true;
        next += n;
    }
    store_kill(f);
    store_start(f);
    for (unsigned i = 0; i < BATCHES; i++) {
        assert_true(acknowledged[i]);
        must_answer(f, &b[i], 200, "duplicate");
        vt_buf_release(&b[i]);
    }
    store_stop(f);
    assert_true(kills > 0);
    assert_int_equal(files_in(f, "wal"), 0);
    assert_int_equal(records_of(f, "EU"), want);
}

/* Segments that arrived by another way make their batches known when it starts. */
static void
test_ids_from_heads(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    char ids[VT_PATH_MAX];

    store_start(f);
    must_answer(f, &a, 200, "accepted");
    store_stop(f);
    assert_int_equal(vt_vault_path(&f->v.home, ids, NULL, "ids"), VT_OK);
    assert_int_equal(unlink(ids), 0);
    store_start(f);
    must_answer(f, &a, 200, "duplicate");
    store_stop(f);
    vt_buf_release(&a);
}

static void
test_status(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    struct vt_why why = {{0}};
    char text[512];
    json_t *v = NULL;

    store_start(f);
    must_answer(f, &a, 200, "accepted");
    assert_int_equal(ask(f, VT_VAULT_STATUS, "", "", 0, text), 200);
    lw_must(vt_json_parse(text, strlen(text), "status", &v, &why), &why);
    assert_string_equal(json_string_value(json_object_get(v, "site")), "zurich.example");
    assert_true(json_is_true(json_object_get(v, "ready")));
    assert_int_equal(json_array_size(json_object_get(v, "regions")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(v, "waiting"), "batches")), 1);
    json_decref(v);
    store_stop(f);
    vt_buf_release(&a);
}

/* A share for a request, of the key that `box` is the private half of. */
static void
make_shares(struct fixture *f, const struct vt_box *box, struct vt_buf *b)
{
    struct vt_box_public pub;
    struct vt_digest key;

    (void)f;
    vt_box_public(box, &pub);
    vt_batch_key_id(&pub, &key);
    vt_buf_puts(b, "VTH2");
    for (unsigned i = 0; i < VT_DIGEST_SIZE; i++)
        vt_buf_put_u8(b, 0xab);
    vt_buf_put_u32(b, 1);
    vt_buf_puts(b, "\2EU");
    vt_buf_put(b, key.b, sizeof key.b);
    vt_buf_put_u8(b, VT_MODE_ACCESS);
    vt_buf_puts(b, "\5legal\14dora.example");
    vt_buf_put_u8(b, 1);
    vt_buf_put_u16(b, 80);
    for (unsigned i = 0; i < 80; i++)
        vt_buf_put_u8(b, (uint8_t)i);
}

static void
test_shares(void **state)
{
    struct fixture *f = *state;
    struct vt_buf ours = VT_BUF(4096);
    struct vt_buf other = VT_BUF(4096);
    char folder[128] = "shares-in/";
    char text[512];

    for (unsigned i = 0; i < VT_DIGEST_SIZE; i++)
        memcpy(folder + strlen(folder), "ab", 3);
    make_shares(f, f->v.eu, &ours);
    make_shares(f, f->v.ca, &other);
    store_start(f);
    if (ask(f, VT_VAULT_SHARES, "", ours.data, ours.len, text) != 200)
        fail_msg("%s", text);
    assert_int_equal(ask(f, VT_VAULT_SHARES, "", ours.data, ours.len, text), 200);
    assert_int_equal(files_in(f, folder), 1);
    assert_int_equal(ask(f, VT_VAULT_SHARES, "", other.data, other.len, text), 421);
    assert_int_equal(ask(f, VT_VAULT_SHARES, "", "VTH9", 4, text), 400);
    for (unsigned i = 0; i < 63; i++) {
        ours.data[ours.len - 1]++;
        assert_int_equal(ask(f, VT_VAULT_SHARES, "", ours.data, ours.len, text), 200);
    }
    ours.data[ours.len - 1]++;
    assert_int_equal(ask(f, VT_VAULT_SHARES, "", ours.data, ours.len, text), 503);
    assert_int_equal(files_in(f, folder), 64);
    store_stop(f);
    vt_buf_release(&ours);
    vt_buf_release(&other);
}

static void
test_accesses(void **state)
{
    static const uint8_t salt[16] = {1};
    static const uint8_t tag[VT_CUSTOMER_TAG_SIZE] = {0xcc};
    struct fixture *f = *state;
    struct vt_customers *c = NULL;
    struct vt_buf b = VT_BUF(4096);
    struct vt_digest root;
    uint64_t count;
    char path[256], name[128], hex[VT_DIGEST_HEX_SIZE], text[512];

    memset(hex, '7', sizeof hex - 1);
    hex[sizeof hex - 1] = '\0';
    assert_int_equal(vt_customers_new(salt, &c, NULL), VT_OK);
    assert_int_equal(vt_customers_add(c, tag, 5, NULL), VT_OK);
    assert_int_equal(vt_customers_end(c, &count, &root, NULL), VT_OK);
    assert_int_equal(vt_customers_put(c, &b, NULL), VT_OK);
    (void)snprintf(name, sizeof name, "accesses/%s", hex);
    vh_write(&f->v, name, b.data, b.len);
    store_start(f);
    (void)snprintf(path, sizeof path, "%s/cc000000000000000000000000000000", hex);
    assert_int_equal(ask(f, VT_VAULT_ACCESS, path, "", 0, text), 200);
    assert_memory_equal(text, "VTA1", 4);
    path[0] = '8';
    assert_int_equal(ask(f, VT_VAULT_ACCESS, path, "", 0, text), 404);
    assert_int_equal(ask(f, VT_VAULT_ACCESS, "../../keys/vault.key", "", 0, text), 404);
    assert_int_equal(ask(f, VT_VAULT_ACCESS, "", "", 0, text), 404);
    store_stop(f);
    vt_customers_free(c);
    vt_buf_release(&b);
}

/* --- Over HTTP. --- */

static void
web_start(struct fixture *f)
{
    struct vt_http_limits limits = {.connect_ms = 5000, .total_ms = WAIT_MS, .retries = 6};
    struct vt_why why = {{0}};
    int keep[3];

    lw_must(vt_http_listen("127.0.0.1:0", &f->listen_fd, f->url, &why), &why);
    store_start(f);
    keep[0] = f->listen_fd;
    keep[1] = f->fd;
    keep[2] = -1;
    lw_must(vt_proc_fork("http", web_main, f, keep, &f->web_pid, &f->web_fd, &why), &why);
    close(f->fd); /* the http process has it */
    f->fd = -1;
    lw_must(vt_http_new(&limits, &f->http, &why), &why);
}

static void
web_stop(struct fixture *f)
{
    int status;

    close(f->web_fd);
    f->web_fd = -1;
    assert_int_equal(waitpid(f->web_pid, &status, 0), f->web_pid);
    f->web_pid = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(store_end(f), 0);
}

static int
post(struct fixture *f, const char *path, const void *body, size_t len, const char *word)
{
    struct vt_buf b = VT_BUF(65536);
    struct vt_why why = {{0}};
    int status = 0;

    lw_must(vt_http_post(f->http, f->url, path, NULL, body, len, &status, &b, &why), &why);
    if (word != NULL && strstr(vt_buf_str(&b), word) == NULL)
        fail_msg("%d %s", status, vt_buf_str(&b));
    vt_buf_release(&b);
    return status;
}

static void
must_serve(struct fixture *f, const char *path, const char *file)
{
    struct vt_buf got = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_buf want = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_why why = {{0}};
    char name[VT_PATH_MAX];

    lw_must(vt_vault_path(&f->v.home, name, &why, "%s", file), &why);
    lw_must(vt_file_read(name, &want, &why), &why);
    lw_must(vt_http_get(f->http, f->url, path, &got, &why), &why);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.data, want.data, got.len);
    vt_buf_release(&got);
    vt_buf_release(&want);
}

static void
test_http(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    struct vt_buf us = make_batch(f, "US", 10);
    struct vt_buf text = VT_BUF(1 << 20);
    struct vt_why why = {{0}};
    uint8_t *large = calloc(1, VT_BATCH_MAX + 1);

    assert_non_null(large);
    web_start(f);
    assert_int_equal(post(f, "vault/v1/batches", a.data, a.len, "accepted"), 200);
    assert_int_equal(post(f, "vault/v1/batches", a.data, a.len, "duplicate"), 200);
    assert_int_equal(post(f, "vault/v1/batches", us.data, us.len, "frankfurt.example"), 421);
    assert_int_equal(post(f, "vault/v1/batches", "", 0, NULL), 400);
    assert_int_equal(post(f, "vault/v1/batches", large, VT_BATCH_MAX, NULL), 400);
    assert_int_equal(post(f, "vault/v1/batches", large, VT_BATCH_MAX + 1, NULL), 413);
    assert_int_equal(post(f, "vault/v1/shares", "VTH9", 4, NULL), 400);
    assert_int_equal(post(f, "vault/v1/policy", "x", 1, NULL), 404);
    must_serve(f, "vault/v1/policy", "policy.evidence");
    must_serve(f, "vault/v1/keys/EU", "keys/EU.evidence");
    assert_int_equal(vt_http_get(f->http, f->url, "vault/v1/keys/US", &text, NULL), VT_E_NOENT);
    assert_int_equal(
        vt_http_get(f->http, f->url, "vault/v1/accesses/x/y", &text, NULL), VT_E_NOENT);
    lw_must(vt_http_get(f->http, f->url, "metrics", &text, &why), &why);
    assert_non_null(strstr(vt_buf_str(&text), "vitrine_vault_batches_accepted_total 1\n"));
    assert_non_null(strstr(vt_buf_str(&text), "vitrine_vault_records_accepted_total 10\n"));
    assert_non_null(strstr(vt_buf_str(&text), "vitrine_vault_batches_duplicate_total 1\n"));
    assert_non_null(strstr(
        vt_buf_str(&text), "vitrine_vault_batches_refused_total{reason=\"region\"} 1\n"));
    assert_non_null(
        strstr(vt_buf_str(&text), "vitrine_vault_batches_refused_total{reason=\"form\"} 2\n"));
    vt_buf_clear(&text);
    lw_must(vt_http_get(f->http, f->url, "vault/v1/status", &text, &why), &why);
    assert_non_null(strstr(vt_buf_str(&text), "zurich.example"));
    web_stop(f);
    assert_int_equal(records_of(f, "EU"), 10);
    vt_buf_release(&a);
    vt_buf_release(&us);
    vt_buf_release(&text);
    free(large);
}

/* Many large bodies and answers at once, in both directions: nobody waits for whom he waits
 * for. */
static void
test_http_many(void **state)
{
    enum { CALLS = 24 };
    struct fixture *f = *state;
    struct vt_http_call call[CALLS];
    struct vt_buf b[CALLS];
    struct vt_why why = {{0}};
    unsigned stored = 0;

    web_start(f);
    memset(call, 0, sizeof call);
    for (unsigned i = 0; i < CALLS; i++) {
        b[i] = make_batch(f, "EU", 6000);
        call[i] = (struct vt_http_call){.base = f->url,
            .path = "vault/v1/batches",
            .body = b[i].data,
            .body_len = b[i].len,
            .answer = VT_BUF(4096)};
    }
    lw_must(vt_http_post_all(f->http, call, CALLS, &why), &why);
    for (unsigned i = 0; i < CALLS; i++) {
        lw_must(call[i].err, &call[i].why);
        if (call[i].status == 200)
            stored++;
        else
            assert_int_equal(call[i].status, 503);
        vt_buf_release(&call[i].answer);
        vt_buf_release(&b[i]);
    }
    assert_true(stored > 0);
    web_stop(f);
    assert_int_equal(records_of(f, "EU"), stored * 6000ULL);
}

/* `vault check` sees what is wrong. */
static void
test_check(void **state)
{
    struct fixture *f = *state;
    struct vt_buf a = make_batch(f, "EU", 10);
    struct vt_buf c = make_batch(f, "CA", 10);
    struct vt_check_counts counts;
    struct vt_keeper_status ring;
    struct vt_why why = {{0}};
    struct vt_inventory *v = NULL;
    char path[VT_PATH_MAX], segment[VT_PATH_MAX], hex[33];
    unsigned lines = 0;

    store_start(f);
    must_answer(f, &a, 200, "accepted");
    must_answer(f, &c, 200, "accepted");
    store_stop(f);
    assert_int_equal(vt_vault_path(&f->v.home, path, NULL, "inventory/EU"), VT_OK);
    assert_int_equal(vt_inventory_open(path, &v, NULL), VT_OK);
    vt_hex_encode(vt_inventory_row(v, 0)->id, VT_SEGMENT_ID_SIZE, hex);
    vt_inventory_free(v);
    assert_int_equal(vt_vault_path(&f->v.home, segment, NULL, "segments/EU/%s", hex), VT_OK);
    vh_write(&f->v, "segments/CA/00112233445566778899aabbccddeeff", "x", 1);
    assert_int_equal(truncate(segment, 50), 0);
    lw_must(
        vt_vault_check(&f->v.home, NULL, count_line, &lines, NULL, &counts, &ring, &why), &why);
    assert_int_equal(counts.damaged, 1);
    assert_int_equal(counts.surplus, 1);
    assert_int_equal(lines, 2);
    assert_int_equal(unlink(segment), 0);
    lw_must(
        vt_vault_check(&f->v.home, NULL, count_line, &lines, NULL, &counts, &ring, &why), &why);
    assert_int_equal(counts.damaged, 0);
    assert_int_equal(counts.missing, 1);
    vt_buf_release(&a);
    vt_buf_release(&c);
}

#define T(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_take_and_pack),
        T(test_group),
        T(test_refusals),
        T(test_killed),
        T(test_packed_twice),
        T(test_row_missing),
        T(test_damaged_wal),
        T(test_no_keys),
        T(test_some_keys),
        T(test_days_over),
        T(test_move_waits),
        T(test_kill_loop),
        T(test_ids_from_heads),
        T(test_status),
        T(test_shares),
        T(test_accesses),
        T(test_http),
        T(test_http_many),
        T(test_check),
    };

    keeper_denies = mmap(
        NULL, sizeof *keeper_denies, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (keeper_denies == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
