/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adds entries to a log through the C API: one thread queues and commits them, another derives
 * and signs meanwhile, as the log process does.
 *
 *     log_append DIR ENTRIES SIZE BATCH       a log in DIR/log and DIR/public, with its vkey in
 * DIR/log.vkey log_append limits DIR BYTES             what this disk and this processor give
 * at the most
 *
 * Prints one JSON object. Of the first: entries, seconds (until the last was acknowledged after
 * its fdatasync), per_s, all_s (until the tiles of all stand and a checkpoint is signed),
 * rss_mb (the most that this process held). Of the second: syncs_per_s (appends of so many
 * bytes, each with an fdatasync), leaves_per_s (256-byte leaves hashed by one core).
 */
#include "base/clock.h"
#include "base/file.h"
#include "crypto/signer.h"
#include "log/writer.h"
#include "merkle/tree.h"
#include "note/note.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ORIGIN "bench.example/log"
enum { INTERVAL_MS = 200, LEAF = 256 };

struct run {
    struct vt_log_writer *writer;
    struct vt_signer *signer;
    atomic_bool done;
    enum vt_err err;
    struct vt_why why;
};

static int
failed(const struct vt_why *why)
{
    (void)fprintf(stderr, "log_append: %s\n", why->text);
    return 1;
}

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The tree's side: derives what is there, and signs as often as a publisher would. */
static void *
tree_side(void *arg)
{
    struct run *r = arg;
    int64_t signed_ms = 0;

    while (r->err == VT_OK) {
        bool last = atomic_load(&r->done);

        r->err = vt_log_writer_derive(r->writer, &r->why);
        if (r->err == VT_OK && (last || vt_clock_monotonic_ms() - signed_ms > INTERVAL_MS)) {
            r->err = vt_log_writer_sign(r->writer, r->signer, &r->why);
            signed_ms = vt_clock_monotonic_ms();
        }
        if (last)
            break;
        if (vt_log_writer_derived(r->writer) == vt_log_writer_size(r->writer))
            (void)usleep(1000);
    }
    return NULL;
}

/* Entry n: bytes that no other entry has and that do not compress. */
static void
fill(uint8_t *entry, size_t size, uint64_t n)
{
    uint64_t x = n * 0x9e3779b97f4a7c15ULL + 1;

    for (size_t i = 0; i < size; i += sizeof x) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(entry + i, &x, size - i < sizeof x ? size - i : sizeof x);
    }
}

static enum vt_err
add_all(struct run *r, uint64_t entries, size_t size, uint64_t batch, struct vt_why *why)
{
    uint8_t entry[65535];
    enum vt_err err = VT_OK;

    for (uint64_t n = 0; n < entries && err == VT_OK;) {
        struct vt_digest name;
        uint64_t index;

        fill(entry, size, n);
        vt_digest_of(entry, size, &name);
        err = vt_log_writer_add(r->writer, entry, size, &name, &index, why);
        if (err == VT_E_BUSY) { /* the other side is behind: as a client would, later again */
            err = vt_log_writer_commit(r->writer, why);
            (void)usleep(1000);
            continue;
        }
        n++;
        if (err == VT_OK && (n % batch == 0 || n == entries))
            err = vt_log_writer_commit(r->writer, why);
    }
    return err;
}

static double
most_memory_mb(void)
{
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    double mb = 0;

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            mb = atof(line + 6) / 1024;
    if (f != NULL)
        (void)fclose(f);
    return mb;
}

static enum vt_err
open_log(struct run *r, const char *dir, struct vt_why *why)
{
    char log[VT_PATH_MAX], public_dir[VT_PATH_MAX], path[VT_PATH_MAX], text[VT_VKEY_TEXT_MAX];
    const uint8_t seed[32] = {1};
    struct vt_key *key = NULL;
    struct vt_vkey vkey;
    enum vt_err err = vt_key_from_seed(ORIGIN, seed, &key, why);

    if (err == VT_OK)
        err = vt_signer_from_key(key, &r->signer, why);
    if (err == VT_OK)
        err = vt_path(log, why, "%s/log", dir);
    if (err == VT_OK)
        err = vt_path(public_dir, why, "%s/public", dir);
    if (err == VT_OK)
        err = vt_log_writer_open(log, public_dir, ORIGIN, &r->writer, why);
    if (err == VT_OK)
        err = vt_vkey_make(ORIGIN, VT_NOTE_ED25519, vt_signer_public(r->signer), &vkey, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/log.vkey", dir);
    if (err == VT_OK) {
        vt_vkey_format(&vkey, text);
        err = vt_file_replace(path, 0644, text, strlen(text), why);
    }
    return err;
}

static int
append(const char *dir, uint64_t entries, size_t size, uint64_t batch)
{
    struct run r = {.err = VT_OK};
    struct vt_why why = {0};
    const void *note;
    size_t len;
    pthread_t tree;
    double start, acknowledged, all;
    enum vt_err err = open_log(&r, dir, &why);

    if (err != VT_OK)
        return failed(&why);
    start = now();
    if (pthread_create(&tree, NULL, tree_side, &r) != 0)
        return 1;
    err = add_all(&r, entries, size, batch, &why);
    acknowledged = now();
    atomic_store(&r.done, true);
    (void)pthread_join(tree, NULL);
    if (r.err != VT_OK)
        return failed(&r.why);
    if (err != VT_OK)
        return failed(&why);
    note = vt_log_writer_signed_note(r.writer, &len);
    if (vt_log_writer_publish(r.writer, note, len, &why) != VT_OK)
        return failed(&why);
    all = now();
    printf("{\"entries\": %llu, \"seconds\": %.3f, \"per_s\": %.0f, \"all_s\": %.3f, "
           "\"rss_mb\": %.1f}\n",
        (unsigned long long)entries, acknowledged - start,
        (double)entries / (acknowledged - start), all - start, most_memory_mb());
    vt_log_writer_free(r.writer);
    vt_signer_free(r.signer);
    return 0;
}

/* How often in a second one core verifies a signature and makes one. */
static double
pairs_per_second(void)
{
    const uint8_t seed[32] = {2};
    uint8_t msg[LEAF] = {0};
    struct vt_key *key = NULL;
    struct vt_pubkey pub;
    struct vt_sig sig;
    struct vt_why why = {0};
    uint64_t pairs = 0;
    bool good = true;
    double start = now(), took = 0;

    if (vt_key_from_seed(ORIGIN, seed, &key, &why) != VT_OK)
        exit(failed(&why));
    vt_key_public(key, &pub);
    for (; good && took < 1; took = now() - start) {
        msg[0]++;
        good = vt_key_sign(key, msg, sizeof msg, &sig, &why) == VT_OK &&
               vt_pubkey_verify(&pub, msg, sizeof msg, &sig);
        pairs++;
    }
    vt_key_free(key);
    return good ? (double)pairs / took : 0;
}

static int
limits(const char *dir, size_t bytes)
{
    char path[VT_PATH_MAX];
    uint8_t leaf[LEAF] = {0};
    uint8_t *data = calloc(1, bytes);
    struct vt_digest d;
    struct vt_why why = {0};
    uint64_t syncs = 0, leaves = 0;
    double start, took, sync_rate;
    int fd;

    if (data == NULL || vt_path(path, &why, "%s/limit", dir) != VT_OK)
        return 1;
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)fprintf(stderr, "log_append: %s: %s\n", path, strerror(errno));
        return 1;
    }
    start = now();
    do {
        if (write(fd, data, bytes) != (ssize_t)bytes || fdatasync(fd) != 0)
            return 1;
        syncs++;
        took = now() - start;
    } while (took < 3);
    sync_rate = (double)syncs / took;
    (void)close(fd);
    (void)unlink(path);
    free(data);
    start = now();
    do {
        for (int i = 0; i < 1000; i++) {
            vt_merkle_leaf(leaf, sizeof leaf, &d);
            memcpy(leaf, d.b, sizeof d.b);
        }
        leaves += 1000;
        took = now() - start;
    } while (took < 1);
    printf("{\"syncs_per_s\": %.1f, \"leaves_per_s\": %.0f, \"pairs_per_s\": %.0f}\n",
        sync_rate, (double)leaves / took, pairs_per_second());
    return 0;
}

int
main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "limits") == 0)
        return limits(argv[2], (size_t)atol(argv[3]));
    if (argc == 5 && atol(argv[3]) >= 8 && atol(argv[3]) <= 65535 && atol(argv[4]) > 0)
        return append(argv[1], strtoull(argv[2], NULL, 10), (size_t)atol(argv[3]),
            strtoull(argv[4], NULL, 10));
    fputs("usage: log_append DIR ENTRIES SIZE BATCH | limits DIR BYTES\n", stderr);
    return 2;
}
