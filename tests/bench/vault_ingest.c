/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many events a second a vault takes in: sealed batches of 512-byte events, made before the
 * clock starts, are posted over several kept-alive connections to a vault that runs, until all
 * are acknowledged and packed into segments. Beside it, in the same call, this machine's own
 * rates of what the vault cannot do without: AES-256-GCM, SHA-256 and fdatasync.
 *
 *     vault_ingest URL REGION CLASS BATCHES SUBJECTS FOLDER [EVENTS-FILE]
 *
 * SUBJECTS: data subjects of one batch. FOLDER: on the file system that the vault is on.
 * EVENTS-FILE: the events as lines, for a peer. Prints one JSON object.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/aead.h"
#include "http/client.h"
#include "ledger/evidence.h"
#include "ledger/record.h"
#include "report/batch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENT_SIZE = 511, /* and a newline */
    EVENTS = 1000,    /* of a batch */
    CONNECTIONS = 8,
    BATCHES_MAX = 20000,
    SECRET_SUBJECTS = 400,
    PACKED_MS = 120000
};

struct bench {
    const char *url;
    struct vt_http *http;
    struct vt_batch_opts opts;
    struct vt_buf *batch;
    size_t count;
    unsigned subjects;
    uint64_t bytes;
    uint64_t random;
    FILE *events; /* or NULL */
};

static void
must(enum vt_err err, const struct vt_why *why)
{
    if (err == VT_OK)
        return;
    (void)fprintf(stderr, "vault_ingest: %s\n", why->text);
    exit(1);
}

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A generator of known seed (splitmix64). */
static uint64_t
draw(struct bench *b, uint64_t below)
{
    uint64_t z = b->random += 0x9e3779b97f4a7c15U;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (z ^ (z >> 31)) % below;
}

/* What a detection looks like: field names and a few words over and over, and numbers, hashes
 * and paths that differ. */
static void
make_event(struct bench *b, unsigned subject, unsigned n, char ret[EVENT_SIZE + 1])
{
    static const char *const verdicts[] = {"Trojan.Win32.Agent", "not-a-virus:AdWare.MSIL",
        "HEUR:Exploit.Script.Generic", "UDS:DangerousObject.Multi"};
    static const char *const images[] = {"svchost.exe", "explorer.exe", "powershell.exe",
        "chrome.exe", "winword.exe", "rundll32.exe"};
    struct vt_buf t = VT_BUF(2048);
    uint64_t hash[4];

    for (unsigned i = 0; i < 4; i++)
        hash[i] = draw(b, UINT64_MAX);
    vt_buf_putf(&t,
        "{\"@timestamp\":\"2026-11-22T%02u:%02u:%02u.%03uZ\",\"event\":{\"code\":%u,\"kind\":"
        "\"alert\",\"provider\":\"endpoint\"},\"user\":{\"name\":\"user%04u\"},\"host\":{"
        "\"name\":"
        "\"WKS-%05llu\"},\"process\":{\"pid\":%llu,\"name\":\"%s\",\"executable\":"
        "\"C:\\\\Windows\\\\System32\\\\%s\"},\"file\":{\"hash\":{\"sha256\":\"",
        n / 3600 % 24, n / 60 % 60, n % 60, (unsigned)draw(b, 1000),
        4600 + (unsigned)draw(b, 30), subject, (unsigned long long)draw(b, 50000),
        (unsigned long long)draw(b, 65536), images[draw(b, 6)], images[draw(b, 6)]);
    vt_buf_put_hex(&t, hash, sizeof hash);
    vt_buf_putf(&t,
        "\"},\"path\":\"C:\\\\Users\\\\user%04u\\\\AppData\\\\Local\\\\Temp\\\\%llx.tmp\"},"
        "\"threat\":{\"name\":\"%s\",\"score\":%llu},\"pad\":\"",
        subject, (unsigned long long)draw(b, 1U << 31), verdicts[draw(b, 4)],
        (unsigned long long)draw(b, 100));
    while (t.len < EVENT_SIZE - 2)
        vt_buf_putf(&t, "%s ", images[draw(b, 6)]);
    memcpy(ret, t.data, EVENT_SIZE - 2);
    memcpy(ret + EVENT_SIZE - 2, "\"}", 3);
    vt_buf_release(&t);
}

/* --- What the vault says of itself. --- */

static void
read_evidence(struct bench *b, const char *path, enum vt_doc_kind kind, struct vt_doc **ret)
{
    struct vt_buf e = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_evidence_file *file = calloc(1, sizeof *file);
    struct vt_why why = {{0}};

    if (file == NULL)
        exit(1);
    must(vt_http_get(b->http, b->url, path, &e, &why), &why);
    must(vt_evidence_parse(e.data, e.len, file, &why), &why);
    must(vt_doc_parse(file->item[0].document.p, file->item[0].document.len, kind, ret, &why),
        &why);
    vt_buf_release(&e);
    free(file);
}

static void
ask_vault(struct bench *b, const char *region)
{
    static struct vt_region_key key;
    static char site[VT_KEY_NAME_MAX + 1];
    struct vt_doc *doc = NULL;
    char path[128];
    struct vt_why why = {{0}};

    read_evidence(b, "vault/v1/policy", VT_DOC_POLICY, &doc);
    b->opts.policy = *vt_doc_digest(doc);
    vt_doc_free(doc);
    (void)snprintf(path, sizeof path, "vault/v1/keys/%s", region);
    read_evidence(b, path, VT_DOC_KEY, &doc);
    must(vt_region_key_read(doc, &key, &why), &why);
    vt_doc_free(doc);
    memcpy(site, key.site, sizeof site);
    b->opts.site = site;
    b->opts.key = key.public;
}

/* --- Batches. --- */

static void
make_batch(struct bench *b, struct vt_batch_writer *w, size_t i)
{
    uint8_t secret[32] = {7};
    uint8_t tag[SECRET_SUBJECTS][VT_SUBJECT_SIZE];
    char name[32], event[EVENT_SIZE + 1];
    struct vt_why why = {{0}};

    /* One endpoint's users, out of a few hundred in all. */
    for (unsigned s = 0; s < b->subjects; s++) {
        (void)snprintf(
            name, sizeof name, "user%04u", (unsigned)((i * 3 + s) % SECRET_SUBJECTS));
        vt_subject_tag(secret, name, tag[s]);
    }
    for (unsigned n = 0; n < EVENTS; n++) {
        unsigned s = (unsigned)draw(b, b->subjects);

        make_event(b, (unsigned)((i * 3 + s) % SECRET_SUBJECTS), n, event);
        must(vt_batch_add(w, tag[s], event, EVENT_SIZE, &why), &why);
        if (b->events != NULL)
            (void)fprintf(b->events, "%s\n", event);
    }
    b->batch[i] = VT_BUF(VT_BATCH_MAX);
    must(vt_batch_end(w, &b->batch[i], &why), &why);
    b->bytes += b->batch[i].len;
}

static void
make_batches(struct bench *b)
{
    struct vt_batch_writer *w = NULL;
    struct vt_why why = {{0}};

    b->batch = calloc(b->count, sizeof *b->batch);
    if (b->batch == NULL)
        exit(1);
    must(vt_batch_new(&b->opts, &w, &why), &why);
    for (size_t i = 0; i < b->count; i++)
        make_batch(b, w, i);
    vt_batch_free(w);
}

/* --- Sending. --- */

static void
give(struct bench *b, struct vt_http_call *c, size_t i)
{
    c->base = b->url;
    c->path = "vault/v1/batches";
    c->content_type = "application/octet-stream";
    c->body = b->batch[i].data;
    c->body_len = b->batch[i].len;
}

static uint64_t
send_all(struct bench *b)
{
    struct vt_http_call calls[CONNECTIONS] = {0};
    size_t carries[CONNECTIONS];
    struct vt_http_batch *batch = NULL;
    struct vt_why why = {{0}};
    size_t n = b->count < CONNECTIONS ? b->count : CONNECTIONS;
    size_t next = 0, acknowledged = 0, left;
    uint64_t again = 0;

    for (; next < n; next++) {
        calls[next].answer = VT_BUF(4096);
        carries[next] = next;
        give(b, &calls[next], next);
    }
    must(vt_http_batch_new(b->http, calls, n, &batch, &why), &why);
    while (acknowledged < b->count) {
        must(vt_http_batch_poll(batch, -1, 1000, &left, &why), &why);
        for (size_t i = 0; i < n; i++) {
            if (!calls[i].done || carries[i] == SIZE_MAX)
                continue;
            must(calls[i].err, &calls[i].why);
            if (calls[i].status == 200) {
                acknowledged++;
                carries[i] = next < b->count ? next++ : SIZE_MAX;
            } else if (calls[i].status == 503) {
                again++;
            } else {
                (void)fprintf(stderr, "vault_ingest: %d %s", calls[i].status,
                    vt_buf_str(&calls[i].answer));
                exit(1);
            }
            if (carries[i] == SIZE_MAX)
                continue;
            give(b, &calls[i], carries[i]);
            must(vt_http_batch_again(batch, i, &why), &why);
        }
    }
    vt_http_batch_free(batch);
    for (size_t i = 0; i < n; i++)
        vt_buf_release(&calls[i].answer);
    return again;
}

/* Waits until nothing waits to be packed. */
static void
await_packed(struct bench *b)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    int64_t end = vt_clock_monotonic_ms() + PACKED_MS;
    struct vt_why why = {{0}};

    while (vt_clock_monotonic_ms() < end) {
        struct vt_buf t = VT_BUF(1 << 20);
        bool all;

        must(vt_http_get(b->http, b->url, "metrics", &t, &why), &why);
        all = strstr(vt_buf_str(&t), "\nvitrine_vault_wal_batches 0\n") != NULL;
        vt_buf_release(&t);
        if (all)
            return;
        (void)nanosleep(&nap, NULL);
    }
    (void)fprintf(stderr, "vault_ingest: not packed in time\n");
    exit(1);
}

/* --- This machine. --- */

static double
gcm_rate(size_t block)
{
    static uint8_t data[1 << 20];
    uint8_t key[32] = {1};
    const uint8_t nonce[12] = {0};
    struct vt_why why = {{0}};
    double began = now();
    uint64_t done = 0;

    while (now() - began < 0.5) {
        key[0]++; /* a key a block, as a vault has */
        must(vt_aead_seal(key, nonce, key, 32, data, block, data, &why), &why);
        done += block;
    }
    return (double)done / (now() - began) / 1e6;
}

static double
sha_rate(size_t block)
{
    static uint8_t data[1 << 20];
    struct vt_digest d;
    double began = now();
    uint64_t done = 0;

    while (now() - began < 0.5) {
        vt_digest_of(data, block, &d);
        data[0] = d.b[0];
        done += block;
    }
    return (double)done / (now() - began) / 1e6;
}

static double
sync_rate(const char *folder, size_t size)
{
    char path[VT_PATH_MAX];
    uint8_t *data = calloc(1, size);
    struct vt_why why = {{0}};
    double began;
    unsigned n = 0;
    int fd;

    must(vt_path(path, &why, "%s/bench-sync", folder), &why);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || data == NULL)
        exit(1);
    began = now();
    while (now() - began < 1.0) {
        must(vt_fd_write(fd, data, size, &why), &why);
        if (fdatasync(fd) != 0)
            exit(1);
        n++;
    }
    close(fd);
    (void)unlink(path);
    free(data);
    return n / (now() - began);
}

int
main(int argc, char **argv)
{
    static const struct vt_http_limits limits = {.retries = 3};
    struct bench b = {.random = 42};
    double began, acknowledged, packed;
    struct vt_why why = {{0}};
    size_t mean, block;
    uint64_t again;

    if (argc < 7) {
        (void)fprintf(stderr,
            "usage: vault_ingest URL REGION CLASS BATCHES SUBJECTS FOLDER [EVENTS-FILE]\n");
        return 2;
    }
    b.url = argv[1];
    b.opts.region = argv[2];
    b.opts.class_name = argv[3];
    b.opts.created = (uint64_t)vt_clock_now(&vt_clock_system);
    b.count = (size_t)strtoul(argv[4], NULL, 10);
    b.subjects = (unsigned)strtoul(argv[5], NULL, 10);
    if (b.count == 0 || b.count > BATCHES_MAX || b.subjects == 0 ||
        b.subjects > SECRET_SUBJECTS)
        return 2;
    if (argc > 7)
        b.events = fopen(argv[7], "w");
    must(vt_http_new(&limits, &b.http, &why), &why);
    ask_vault(&b, argv[2]);
    make_batches(&b);
    if (b.events != NULL)
        (void)fclose(b.events);
    began = now();
    again = send_all(&b);
    acknowledged = now() - began;
    await_packed(&b);
    packed = now() - began;
    mean = (size_t)(b.bytes / b.count);
    block = mean / b.subjects;
    (void)printf(
        "{\"events\": %zu, \"acknowledged_s\": %.3f, \"packed_s\": %.3f, "
        "\"events_per_s\": %.0f, \"sealed_mb\": %.1f, \"sealed_mb_per_s\": %.1f, "
        "\"batch_bytes\": %zu, \"block_bytes\": %zu, \"busy_answers\": %llu, "
        "\"gcm_mb_per_s\": %.0f, \"sha256_mb_per_s\": %.0f, \"fdatasync_per_s\": %.0f}\n",
        b.count * EVENTS, acknowledged, packed, (double)(b.count * EVENTS) / packed,
        (double)b.bytes / 1e6, (double)b.bytes / 1e6 / packed, mean, block,
        (unsigned long long)again, gcm_rate(block), sha_rate(block),
        sync_rate(argv[6], CONNECTIONS / 2 * mean));
    for (size_t i = 0; i < b.count; i++)
        vt_buf_release(&b.batch[i]);
    free(b.batch);
    vt_http_free(b.http);
    return 0;
}
