/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast records in sealed segments are read, and a job over them. Started by
 * tests/bench/job.py; prints one JSON object.
 *
 *     vault_job EVENTS FOLDER [SQLJOB QUERY]
 *
 * EVENTS of 512 bytes are sealed as an endpoint and a vault seal them (not measured). Then,
 * each in a process of its own: all of them are opened and counted by vt_scan_run; the parts of
 * that alone (zstd, SHA-256, AES-256-GCM) over as many bytes; and, with SQLJOB, that program
 * over the same plain text without a vault, and in the cells of a run.
 */
#include "vault/job.h"

#include "../unit/sealed.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "crypto/aead.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <zstd.h>

#define EVENT 512U
#define SUBJECTS 20000U
#define BLOCK_EVENTS 100U
#define BATCH_SUBJECTS 80U
#define BATCHES_A_SEGMENT 24U

static char *program;
static char *query;

static uint64_t
next(uint64_t *state)
{
    *state ^= *state << 13U;
    *state ^= *state >> 7U;
    *state ^= *state << 17U;
    return *state;
}

/* One event of an endpoint, with its newline: of 512 bytes some 60 are news. */
static void
make_event(uint64_t *seed, uint64_t n, unsigned subject, char ret[EVENT + 1])
{
    static const char *const action[] = {
        "process-start", "file-open", "network-connect", "registry-set", "detection"};
    static const char *const process[] = {"svchost.exe", "chrome.exe", "explorer.exe",
        "powershell.exe", "outlook.exe", "winword.exe", "lsass.exe"};
    uint64_t r = next(seed);
    uint64_t file = next(seed) % 2000;
    int len = snprintf(ret, EVENT,
        "{\"@timestamp\":\"2026-11-%02uT%02u:%02u:%02u.%03uZ\",\"host\":{\"name\":\"WS-%05u."
        "corp.example\",\"os\":\"Windows 11\"},\"user\":{\"name\":\"user%05u\",\"domain\":"
        "\"CORP\"},\"event\":{\"action\":\"%s\",\"category\":\"endpoint\",\"severity\":%u},"
        "\"process\":{\"name\":\"%s\",\"pid\":%u,\"hash\":{\"sha256\":\"%016llx%016llx%016llx"
        "%016llx\"}},\"file\":{\"path\":\"C:\\\\\\\\Users\\\\\\\\u%05u\\\\\\\\AppData\\\\\\\\"
        "f%05u.tmp\",\"size\":%u},\"message\":\"",
        (unsigned)(n % 28 + 1), (unsigned)(n / 3600 % 24), (unsigned)(n / 60 % 60),
        (unsigned)(n % 60), (unsigned)(r % 1000), subject, subject, action[r / 1000 % 5],
        (unsigned)(r / 5000 % 10), process[r / 50000 % 7], (unsigned)(r >> 40U) % 65536,
        (unsigned long long)(file * 0x9e3779b97f4a7c15ULL),
        (unsigned long long)(file * 0xc2b2ae3d27d4eb4fULL),
        (unsigned long long)(file * 0x165667b19e3779f9ULL),
        (unsigned long long)(file * 0x27d4eb2f165667c5ULL), subject, (unsigned)file,
        (unsigned)(r >> 20U) % 1048576);
    memset(ret + len, 'x', EVENT - 3 - (size_t)len);
    memcpy(ret + EVENT - 3, "\"}\n", 4);
}

static void
make_segments(uint64_t events)
{
    uint64_t seed = 88172645463325252ULL;
    char text[EVENT + 1];
    uint64_t n = 0;
    for (unsigned batch = 0; n < events; batch++) {
        if (batch % BATCHES_A_SEGMENT == 0)
            sealed_begin("detection", 1 + batch / BATCHES_A_SEGMENT % 7);
        for (unsigned s = 0; s < BATCH_SUBJECTS; s++) {
            unsigned subject = (batch * BATCH_SUBJECTS + s) % SUBJECTS;
            for (unsigned i = 0; i < BLOCK_EVENTS && n < events; i++, n++) {
                make_event(&seed, n, subject, text);
                sealed_add(subject, text, EVENT - 1);
            }
        }
        sealed_batch_end();
        if (batch % BATCHES_A_SEGMENT == BATCHES_A_SEGMENT - 1 || n == events)
            sealed_segment(10 + batch / BATCHES_A_SEGMENT % 10, NULL);
    }
}

/* What a child measured. */
struct figures {
    double wall; /* seconds */
    double cpu;  /* user and system */
    double rss;  /* MB */
    uint64_t bytes;
    uint64_t records;
};

static double
seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Runs fn in a child; its own use of the machine, that of its children left out. */
static struct figures
measure(void (*fn)(struct figures *f))
{
    int fd[2];
    struct figures f = {0};
    struct rusage use;
    if (pipe(fd) != 0)
        abort();
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int64_t began = vt_clock_monotonic_ms();
        fn(&f);
        f.wall = (double)(vt_clock_monotonic_ms() - began) / 1000;
        (void)getrusage(RUSAGE_SELF, &use);
        f.cpu = seconds(use.ru_utime) + seconds(use.ru_stime);
        f.rss = (double)use.ru_maxrss / 1024;
        _exit(write(fd[1], &f, sizeof f) == (ssize_t)sizeof f ? 0 : 1);
    }
    (void)close(fd[1]);
    if (pid < 0 || read(fd[0], &f, sizeof f) != (ssize_t)sizeof f)
        abort();
    (void)close(fd[0]);
    (void)waitpid(pid, NULL, 0);
    return f;
}

static enum vt_err
count(void *ctx, const struct vt_segment_head *head, const struct vt_block_row *row,
    const uint8_t *customer, const void *plain, size_t len, struct vt_why *why)
{
    struct figures *f = ctx;
    (void)head;
    (void)customer;
    (void)plain;
    (void)why;
    f->records += row->records;
    f->bytes += len;
    return VT_OK;
}

static void
scan(struct figures *f)
{
    const struct vt_scope scope = sealed_scope();
    struct vt_scan_counts counts;
    struct vt_why why = {0};
    sealed_must(vt_scan_run(&sealed.home, NULL, 1, &scope, count, f, &counts, &why), &why);
}

static uint64_t total; /* bytes that the parts are measured over */

/* One block as endpoints make them, again and again. */
static void
zstd_alone(struct figures *f)
{
    static char plain[BLOCK_EVENTS * EVENT + 1];
    static char out[BLOCK_EVENTS * EVENT];
    static char packed[sizeof plain * 2];
    uint64_t seed = 1;
    ZSTD_DCtx *d = ZSTD_createDCtx();
    for (unsigned i = 0; i < BLOCK_EVENTS; i++)
        make_event(&seed, i, 5, plain + (size_t)i * EVENT);
    size_t n = ZSTD_compress(packed, sizeof packed, plain, sizeof plain - 1, 3);
    for (; f->bytes < total; f->bytes += sizeof out)
        if (ZSTD_decompressDCtx(d, out, sizeof out, packed, n) != sizeof out)
            abort();
    ZSTD_freeDCtx(d);
}

static uint8_t buffer[65536 + VT_AEAD_TAG_SIZE];

static void
sha256_alone(struct figures *f)
{
    struct vt_digest d;
    for (; f->bytes < total / 8; f->bytes += 65536)
        vt_digest_of(buffer, 65536, &d);
}

static void
aes_alone(struct figures *f)
{
    static const uint8_t key[VT_AEAD_KEY_SIZE];
    static const uint8_t nonce[VT_AEAD_NONCE_SIZE];
    static uint8_t out[65536];
    struct vt_why why = {0};
    sealed_must(vt_aead_seal(key, nonce, "", 0, buffer, 65536, buffer, &why), &why);
    for (; f->bytes < total / 8; f->bytes += 65536)
        sealed_must(vt_aead_open(key, nonce, "", 0, buffer, sizeof buffer, out, &why), &why);
}

/* The job alone, fed with as many events from memory. */
static void
sqljob_alone(struct figures *f)
{
    static char plain[1000 * EVENT + 1];
    uint64_t seed = 1;
    int fd[2];
    for (unsigned i = 0; i < 1000; i++)
        make_event(&seed, i, i, plain + (size_t)i * EVENT);
    if (pipe(fd) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (dup2(fd[0], 0) == 0 && dup2(null, 1) == 1 && close(fd[1]) == 0)
            (void)execl(program, program, query, (char *)NULL);
        _exit(127);
    }
    (void)close(fd[0]);
    for (; f->bytes < total; f->bytes += sizeof plain - 1)
        if (vt_fd_write(fd[1], plain, sizeof plain - 1, NULL) != VT_OK)
            abort();
    (void)close(fd[1]);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
}

static void
whole_run(struct figures *f)
{
    struct vt_buf job_bytes = VT_BUF(VT_JOB_ARTIFACT_MAX);
    struct vt_buf query_bytes = VT_BUF(VT_JOB_QUERY_MAX);
    struct vt_job_result r = {0};
    struct vt_why why = {0};
    struct vt_box *box = NULL;
    char work[VT_PATH_MAX];
    sealed_must(vt_file_read(program, &job_bytes, &why), &why);
    sealed_must(vt_file_read(query, &query_bytes, &why), &why);
    sealed_must(vt_vault_path(&sealed.home, work, &why, "work"), &why);
    sealed_must(vt_box_new(&box, &why), &why);
    struct vt_job job = {.home = &sealed.home,
        .scope = sealed_scope(),
        .threshold = 5,
        .artifact = job_bytes.data,
        .artifact_len = job_bytes.len,
        .query = query_bytes.data,
        .query_len = query_bytes.len,
        .root = "/",
        .work_dir = work};
    vt_job_limits_usual(&job.limits);
    vt_box_public(box, &job.result_to);
    sealed_must(vt_job_run(&job, &r, &why), &why);
    f->bytes = r.counts.plain_bytes;
    f->records = r.sum.rows;
    vt_job_result_release(&r);
    vt_box_free(box);
}

static double
gb_per_s(const struct figures *f, double s)
{
    return s > 0 ? (double)f->bytes / s / 1e9 : 0;
}

int
main(int argc, char **argv)
{
    uint64_t events = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
    if (events == 0 || (argc != 3 && argc != 5)) {
        (void)fprintf(stderr, "usage: vault_job EVENTS FOLDER [SQLJOB QUERY]\n");
        return 2;
    }
    sealed_open(argv[2]);
    int64_t began = vt_clock_monotonic_ms();
    make_segments(events);
    double made = (double)(vt_clock_monotonic_ms() - began) / 1000;
    total = events * EVENT;
    struct figures s = measure(scan);
    struct figures z = measure(zstd_alone);
    struct figures h = measure(sha256_alone);
    struct figures a = measure(aes_alone);
    printf(
        "{\"events\":%llu,\"records\":%llu,\"made_s\":%.1f,\"scan_gb_per_s_core\":%.3f,"
        "\"scan_wall_s\":%.2f,\"rss_mb\":%.1f,\"zstd_gb_per_s\":%.3f,\"sha256_gb_per_s\":%.3f,"
        "\"aes_gb_per_s\":%.3f",
        (unsigned long long)events, (unsigned long long)s.records, made, gb_per_s(&s, s.cpu),
        s.wall, s.rss, gb_per_s(&z, z.cpu), gb_per_s(&h, h.cpu), gb_per_s(&a, a.cpu));
    if (argc == 5) {
        program = argv[3];
        query = argv[4];
        struct figures q = measure(sqljob_alone);
        struct figures w = measure(whole_run);
        printf(",\"sqljob_s\":%.2f,\"run_s\":%.2f,\"rows\":%llu", q.wall, w.wall,
            (unsigned long long)w.records);
    }
    printf("}\n");
    sealed_close();
    return 0;
}
