/* SPDX-License-Identifier: Apache-2.0 */
/* A job over sealed records, for real: cells in sandboxes over this machine's own root folder.
 */
#include "vault/job.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "crypto/age.h"
#include "ledger/customers.h"
#include "store/pack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "sealed.h"

#define SH "#!/bin/sh\n"
#define HEAD "printf '%s\\n' '{\"keys\":1,\"measures\":[\"sum\"]}'\n"
/* Counts the lines that hold each word. */
#define COUNT                                                                                  \
    SH HEAD "grep -o '\"w\":\"[a-z]*\"' | sort | uniq -c | "                                   \
            "sed -E 's/^ *([0-9]+) \"w\":\"(.*)\"$/[\"\\2\",\\1]/'\n"

static char base[VT_PATH_MAX];
static bool usable = true;
static struct vt_box *reader; /* whom results are sealed to */

/* Six subjects; `all` is with each of them, `two` with two, `one` with one. */
static void
home(void)
{
    struct vt_why why = {0};
    char dir[VT_PATH_MAX];
    char text[64];
    assert_int_equal(vt_dir_temp(base, "home", dir, &why), VT_OK);
    sealed_open(dir);
    for (unsigned round = 0; round < 2; round++) {
        sealed_begin("detection", round + 1);
        for (unsigned s = 0; s < 6; s++) {
            int len = snprintf(text, sizeof text, "{\"w\":\"all\",\"s\":%u}", s);
            sealed_add(s, text, (size_t)len);
            if (s < 2)
                sealed_add(s, "{\"w\":\"two\"}", 11);
            if (s == 5)
                sealed_add(s, "{\"w\":\"one\"}", 11);
        }
        sealed_segment(10 + round, NULL);
    }
}

static struct vt_job
job_of(const char *script)
{
    static char work[VT_PATH_MAX];
    struct vt_why why = {0};
    struct vt_job j = {.home = &sealed.home,
        .scope = sealed_scope(),
        .threshold = 3,
        .artifact = script,
        .artifact_len = strlen(script),
        .root = "/",
        .work_dir = work};
    assert_int_equal(vt_vault_path(&sealed.home, work, &why, "work"), VT_OK);
    memset(j.request.b, 0x11, sizeof j.request.b);
    vt_box_public(reader, &j.result_to);
    vt_job_limits_usual(&j.limits);
    j.limits.time_s = 300;
    j.limits.memory_mb = 1024;
    return j;
}

/* The plain text of a sealed result; the caller frees. */
static char *
open_result(const struct vt_buf *sealed_result, const struct vt_box *key, enum vt_err want)
{
    struct vt_why why = {0};
    struct vt_buf b = VT_BUF(VT_RESULT_MAX);
    size_t got = 0;
    int from = memfd_create("from", MFD_CLOEXEC);
    int to = memfd_create("to", MFD_CLOEXEC);
    assert_int_equal(vt_fd_write(from, sealed_result->data, sealed_result->len, &why), VT_OK);
    assert_int_equal(lseek(from, 0, SEEK_SET), 0);
    assert_int_equal(vt_age_open(from, key, to, &why), want);
    off_t len = lseek(to, 0, SEEK_END);
    assert_int_equal(lseek(to, 0, SEEK_SET), 0);
    uint8_t *p = vt_buf_reserve(&b, (size_t)len);
    assert_int_equal(vt_fd_read(to, p, (size_t)len, &got, &why), VT_OK);
    vt_buf_commit(&b, got);
    char *s = strdup(vt_buf_str(&b));
    vt_buf_release(&b);
    (void)close(from);
    (void)close(to);
    return s;
}

static void
work_is_empty(const struct vt_job *j)
{
    assert_int_equal(rmdir(j->work_dir), 0);
    assert_int_equal(mkdir(j->work_dir, 0700), 0);
}

/* Runs it and compares all rows. */
static void
gives(const struct vt_job *j, const char *rows, struct vt_job_result *ret)
{
    struct vt_why why = {0};
    enum vt_err err = vt_job_run(j, ret, &why);
    assert_string_equal(why.text, "");
    assert_int_equal(err, VT_OK);
    char *s = open_result(&ret->sealed, reader, VT_OK);
    const char *nl = strchr(s, '\n');
    assert_non_null(nl);
    assert_string_equal(nl + 1, rows);
    free(s);
    work_is_empty(j);
}

static enum vt_err
fails(const struct vt_job *j, struct vt_why *why)
{
    struct vt_job_result r = {.counts = {.records = 4711}};
    enum vt_err err = vt_job_run(j, &r, why);
    assert_int_not_equal(err, VT_OK);
    assert_int_equal(r.counts.records, 4711);
    assert_null(r.sealed.data);
    work_is_empty(j);
    return err;
}

static void
wants_sandbox(void)
{
    if (!usable)
        skip();
}

static void
test_threshold(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    wants_sandbox();
    home();
    struct vt_job j = job_of(COUNT);
    gives(&j, "[\"all\",12]\n", &r);
    assert_int_equal(r.sum.rows, 1);
    assert_int_equal(r.sum.held_back, 2);
    assert_int_equal(r.sum.cells, 6); /* each subject alone */
    assert_int_equal(r.counts.subjects, 6);
    assert_int_equal(r.counts.records, 18);
    assert_int_equal(r.counts.segments, 2);
    vt_job_result_release(&r);
    j.threshold = 2;
    gives(&j, "[\"all\",12]\n[\"two\",4]\n", &r);
    assert_int_equal(r.sum.held_back, 1);
    vt_job_result_release(&r);
    sealed_close();
}

/* Who was read is told exactly, and only to who has the tree. */
static void
test_customers(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    struct vt_customers *c = NULL;
    struct vt_why why = {0};
    struct vt_buf receipt = VT_BUF(VT_ACCESS_RECEIPT_MAX);
    struct vt_digest root;
    uint8_t tag[VT_SUBJECT_SIZE];
    uint64_t records = 0;
    wants_sandbox();
    home();
    struct vt_job j = job_of(COUNT);
    gives(&j, "[\"all\",12]\n", &r);
    assert_int_equal(vt_customers_parse(r.customers.data, r.customers.len, &c, &why), VT_OK);
    assert_int_equal(vt_customers_count(c), 2);
    vt_customers_root(c, &root);
    for (unsigned n = 1; n <= 3; n++) {
        sealed_tag("customer", n, tag);
        vt_buf_clear(&receipt);
        assert_int_equal(vt_customers_receipt(c, tag, &receipt, &why), VT_OK);
        assert_int_equal(
            vt_access_receipt_check(receipt.data, receipt.len, tag, 2, &root, &records, &why),
            VT_OK);
        assert_int_equal(records, n == 3 ? 0 : 9);
    }
    vt_buf_release(&receipt);
    vt_customers_free(c);
    vt_job_result_release(&r);
    sealed_close();
}

/* The result is for the requester alone, and names what it is an answer to. */
static void
test_sealed(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    struct vt_box *other = NULL;
    struct vt_why why = {0};
    wants_sandbox();
    home();
    struct vt_job j = job_of(COUNT);
    gives(&j, "[\"all\",12]\n", &r);
    assert_null(memmem(r.sealed.data, r.sealed.len, "\"all\",12", 8));
    assert_int_equal(vt_box_new(&other, &why), VT_OK);
    free(open_result(&r.sealed, other, VT_E_REFUSED));
    char *s = open_result(&r.sealed, reader, VT_OK);
    assert_non_null(strstr(s, "\"request\":\"sha256:1111"));
    assert_non_null(strstr(s, "\"threshold\":3"));
    free(s);
    vt_box_free(other);
    vt_job_result_release(&r);
    sealed_close();
}

/* What a hostile job tries: nothing that one cell alone knows comes out. */
static void
test_exfiltration(void **state)
{
    (void)state;
    static const char *const script[] = {
        /* every record as a row of its own */
        SH HEAD "tr -d '\"\\\\' | sed 's/.*/[\"&\",1]/'\n",
        /* the subject in the number of rows */
        SH HEAD "s=$(grep -o '\"s\":[0-9]' | head -n1 | cut -c5)\n"
                "for i in $(seq 1 1$s); do echo \"[\\\"$s $i\\\",1]\"; done\n",
        /* in the exit status, and on standard error */
        SH HEAD
        "s=$(grep -o '\"s\":[0-9]' | head -n1 | cut -c5)\necho \"subject $s\" >&2; exit "
        "$((100 + s))\n",
        /* in the head */
        SH "s=$(grep -o '\"s\":[0-9]' | head -n1 | cut -c5)\n"
           "printf '{\"keys\":1,\"measures\":[],\"names\":[\"subject %s\"]}\\n[\"x\"]\\n' $s\n",
        /* what another cell wrote */
        SH HEAD
        "cat > /tmp/mine; cat /tmp/* /dev/shm/* /work/* 2>/dev/null | grep -c '\"s\"' | "
        "sed 's/.*/[\"seen & \",1]/' | grep -v 'seen 2 '\n",
        /* the network */
        SH HEAD
        "cat >/dev/null; if (echo x > /dev/udp/192.0.2.1/9) 2>/dev/null || "
        "grep -q -v -e lo: -e Inter -e face /proc/net/dev; then echo '[\"out\",1]'; fi\n",
    };
    wants_sandbox();
    home();
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
        struct vt_job_result r = {0};
        struct vt_why why = {0};
        struct vt_job j = job_of(script[i]);
        enum vt_err err = vt_job_run(&j, &r, &why);
        if (err == VT_OK) {
            char *s = open_result(&r.sealed, reader, VT_OK);
            assert_null(strstr(strchr(s, '\n') + 1, "["));
            free(s);
            assert_true((r.sum.held_back & (r.sum.held_back - 1)) == 0);
        } else {
            /* all six cells failed, in ways that differ: no status is told */
            assert_int_equal(err, VT_E_CHILD);
            assert_null(strstr(why.text, "status 10"));
            assert_null(strstr(why.text, "subject"));
        }
        vt_job_result_release(&r);
    }
    sealed_close();
}

static void
test_failures_are_told(void **state)
{
    (void)state;
    struct vt_why why = {0};
    wants_sandbox();
    home();
    struct vt_job j = job_of(SH "exit 7\n");
    assert_int_equal(fails(&j, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "status 7 in 3 or more cells"));
    j = job_of(SH "echo no rows\n");
    assert_int_equal(fails(&j, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "form of rows"));
    j = job_of("\x7f"
               "ELF no program");
    assert_int_equal(fails(&j, &why), VT_E_CHILD);
    j = job_of(SH HEAD "cat /dev/zero\n");
    assert_int_equal(fails(&j, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "limit on output"));
    j = job_of(SH "sleep 1000\n");
    j.limits.time_s = 4;
    assert_int_equal(fails(&j, &why), VT_E_CHILD);
    assert_non_null(strstr(why.text, "limit on time"));
    sealed_close();
}

/* One cell that fails is not told, and the others' rows come out. */
static void
test_one_failure_is_silent(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    wants_sandbox();
    home();
    struct vt_job j =
        job_of(SH HEAD "if grep -q '\"one\"'; then exit 9; fi; echo '[\"x\",1]'\n");
    gives(&j, "[\"x\",5]\n", &r);
    vt_job_result_release(&r);
    sealed_close();
}

/* A job that reads nothing does not stop the feeder, whose blocks are larger than any pipe. */
static void
test_reads_nothing(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    struct vt_why why = {0};
    char dir[VT_PATH_MAX];
    char *big = malloc(900000);
    wants_sandbox();
    assert_non_null(big);
    memset(big, 'x', 900000);
    assert_int_equal(vt_dir_temp(base, "home", dir, &why), VT_OK);
    sealed_open(dir);
    sealed_begin("detection", 1);
    for (unsigned s = 0; s < 4; s++)
        for (unsigned i = 0; i < 3; i++)
            sealed_add(s, big, 900000);
    sealed_segment(10, NULL);
    struct vt_job j = job_of(SH HEAD "echo '[\"x\",1]'\n");
    gives(&j, "[\"x\",4]\n", &r);
    assert_int_equal(r.counts.records, 12);
    vt_job_result_release(&r);
    /* and all of it arrives at one that reads */
    j = job_of(SH HEAD "echo \"[\\\"bytes\\\",$(wc -c)]\"\n");
    gives(&j, "[\"bytes\",10800012]\n", &r);
    vt_job_result_release(&r);
    free(big);
    sealed_close();
}

static void
test_query(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    wants_sandbox();
    home();
    struct vt_job j =
        job_of(SH HEAD "cat > /dev/null; echo \"[\\\"$(cat /work/query)\\\",1]\"\n");
    j.query = "what?";
    j.query_len = 5;
    gives(&j, "[\"what?\",6]\n", &r);
    vt_job_result_release(&r);
    sealed_close();
}

/* An archive with the job in it, and one without. */
static void
test_archive(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    struct vt_why why = {0};
    struct vt_buf packed = VT_BUF(1U << 20U);
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    static const char script[] = SH HEAD "echo \"[\\\"$(cat /work/lib/word)\\\",1]\"\n";
    wants_sandbox();
    home();
    assert_int_equal(vt_dir_temp(base, "archive", dir, &why), VT_OK);
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(vt_path(path, &why, "%s/a/lib", dir), VT_OK);
        assert_int_equal(vt_dir_make(path, 0755, &why), VT_OK);
        assert_int_equal(vt_path(path, &why, "%s/a/lib/word", dir), VT_OK);
        assert_int_equal(vt_file_replace(path, 0644, "hello", 5, &why), VT_OK);
        assert_int_equal(vt_path(path, &why, "%s/a/bin", dir), VT_OK);
        assert_int_equal(vt_dir_make(path, 0755, &why), VT_OK);
        assert_int_equal(vt_path(path, &why, "%s/a/bin/%s", dir, whole ? "job" : "jab"), VT_OK);
        assert_int_equal(vt_file_replace(path, 0755, script, sizeof script - 1, &why), VT_OK);
        assert_int_equal(vt_path(path, &why, "%s/a", dir), VT_OK);
        char out[VT_PATH_MAX];
        struct vt_pack_limits limits = {.size_max = 1U << 20U};
        assert_int_equal(vt_path(out, &why, "%s/packed-%d", dir, whole), VT_OK);
        assert_int_equal(vt_pack_folder(path, out, 315619200, &limits, NULL, &why), VT_OK);
        vt_buf_clear(&packed);
        assert_int_equal(vt_file_read(out, &packed, &why), VT_OK);
        struct vt_job j = job_of("");
        j.artifact = packed.data;
        j.artifact_len = packed.len;
        if (whole) {
            gives(&j, "[\"hello\",6]\n", &r);
            vt_job_result_release(&r);
        } else {
            assert_int_equal(fails(&j, &why), VT_E_NOENT);
            assert_non_null(strstr(why.text, "no file bin/job"));
        }
    }
    vt_buf_release(&packed);
    sealed_close();
}

static void
test_noise(void **state)
{
    (void)state;
    struct vt_job_result r = {0};
    struct vt_why why = {0};
    wants_sandbox();
    home();
    struct vt_job j = job_of(COUNT);
    j.epsilon = 1000;
    assert_int_equal(fails(&j, &why), VT_E_NOENT);
    j.query = "-- noise: rows 5, bounds 2\n";
    j.query_len = strlen(j.query);
    assert_int_equal(vt_job_run(&j, &r, &why), VT_OK);
    char *s = open_result(&r.sealed, reader, VT_OK);
    assert_non_null(strstr(s, "\"epsilon\":1000"));
    assert_non_null(strstr(s, "[\"all\","));
    free(s);
    vt_job_result_release(&r);
    sealed_close();
}

/* A damaged segment at the end: what was read before it is thrown away. */
static void
test_damage(void **state)
{
    (void)state;
    struct vt_segment_row row;
    struct vt_buf file = VT_BUF(1U << 20U);
    struct vt_why why = {0};
    char path[VT_PATH_MAX];
    char id[2 * VT_SEGMENT_ID_SIZE + 1];
    wants_sandbox();
    home();
    sealed_begin("detection", 1);
    sealed_add(3, "{\"w\":\"all\"}", 11);
    sealed_segment(12, &row);
    vt_hex_encode(row.id, VT_SEGMENT_ID_SIZE, id);
    assert_int_equal(
        vt_vault_path(&sealed.home, path, &why, "segments/" SEALED_REGION "/%s", id), VT_OK);
    assert_int_equal(vt_file_read(path, &file, &why), VT_OK);
    file.data[file.len - 1] ^= 1U;
    assert_int_equal(vt_file_replace(path, 0600, file.data, file.len, &why), VT_OK);
    struct vt_job j = job_of(COUNT);
    assert_int_equal(fails(&j, &why), VT_E_DIGEST);
    assert_non_null(strstr(why.text, id));
    vt_buf_release(&file);
    sealed.refuses = true;
    assert_int_equal(fails(&j, &why), VT_E_REFUSED);
    sealed_close();
}

static void
test_cannot_be(void **state)
{
    (void)state;
    struct vt_why why = {0};
    home();
    struct vt_job j = job_of(COUNT);
    j.threshold = 0;
    assert_int_equal(fails(&j, &why), VT_E_CONFIG);
    j.threshold = VT_JOB_THRESHOLD_MAX + 1;
    assert_int_equal(fails(&j, &why), VT_E_CONFIG);
    j = job_of("");
    assert_int_equal(fails(&j, &why), VT_E_CONFIG);
    assert_int_equal(vt_job_cells(1), 4);
    assert_int_equal(vt_job_cells(5), 20);
    assert_int_equal(vt_job_cells(16), 64);
    assert_int_equal(vt_job_cells(30), 64);
    assert_int_equal(vt_job_cells(40), 80);
    assert_int_equal(vt_job_cells(VT_JOB_THRESHOLD_MAX), VT_CELLS_MAX);
    sealed_close();
}

static int
body(int fd, void *ctx)
{
    struct vt_job_result r = {0};
    (void)!write(fd, "b", 1);
    return vt_job_run(ctx, &r, NULL) == VT_OK ? 0 : 1;
}

static enum vt_err
count_sleepers(void *ctx, const char *name, struct vt_why *why)
{
    static const char line[] = "sleep\00098765";
    struct vt_buf b = VT_BUF(65536);
    char path[VT_PATH_MAX];
    (void)why;
    if (name[0] >= '1' && name[0] <= '9' &&
        vt_path(path, NULL, "/proc/%s/cmdline", name) == VT_OK &&
        vt_file_read(path, &b, NULL) == VT_OK && b.len == sizeof line &&
        memcmp(b.data, line, sizeof line) == 0)
        ++*(unsigned *)ctx;
    vt_buf_release(&b);
    return VT_OK;
}

/* How many processes are `sleep 98765`. */
static unsigned
sleepers(void)
{
    unsigned n = 0;
    assert_int_equal(vt_dir_each("/proc", count_sleepers, &n, NULL), VT_OK);
    return n;
}

/* The command dies: nothing goes on running, and nothing of the records is left on disk. */
static void
test_killed(void **state)
{
    (void)state;
    struct vt_why why = {0};
    pid_t pid = 0;
    int fd = -1;
    char b = 0;
    const char *const grep[] = {"grep", "-r", "-q", "\"w\"", sealed.home.dir, NULL};
    wants_sandbox();
    home();
    struct vt_job j = job_of(SH "cat > /tmp/plain; exec sleep 98765\n");
    assert_int_equal(vt_proc_fork("killed", body, &j, NULL, &pid, &fd, &why), VT_OK);
    assert_int_equal(read(fd, &b, 1), 1);
    for (int i = 0; i < 600 && sleepers() < 6; i++)
        (void)usleep(100000);
    assert_true(sleepers() >= 6);
    assert_int_equal(kill(pid, SIGKILL), 0);
    vt_proc_stop(pid, fd, 5000);
    for (int i = 0; i < 600 && sleepers() > 0; i++)
        (void)usleep(100000);
    assert_int_equal(sleepers(), 0);
    assert_int_equal(vt_proc_run(grep, NULL, &why), VT_E_CHILD); /* it finds nothing */
    sealed_close();
}

static int
set_up(void **state)
{
    struct vt_why why = {0};
    struct vt_job_result r = {0};
    (void)state;
    if (vt_dir_temp("/tmp", "vt-job", base, &why) != VT_OK ||
        vt_box_new(&reader, &why) != VT_OK)
        return -1;
    home();
    struct vt_job j = job_of(COUNT);
    usable = vt_job_run(&j, &r, &why) != VT_E_STATE;
    if (!usable)
        print_message("skipped: %s\n", why.text);
    vt_job_result_release(&r);
    sealed_close();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    vt_box_free(reader);
    return vt_tree_remove(base, NULL) == VT_OK ? 0 : -1;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_customers),
        cmocka_unit_test(test_sealed),
        cmocka_unit_test(test_exfiltration),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_one_failure_is_silent),
        cmocka_unit_test(test_reads_nothing),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_cannot_be),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
