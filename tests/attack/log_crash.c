/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's write path, to be broken off or to have its system calls fail (log_faults.py), and
 * the check of what is left. What was acknowledged and what was signed is noted in a file that
 * is mapped into memory, so that noting it is no system call and survives a kill.
 *
 *     log_crash run DIR NOTES SEED
 *         adds entries in batches, derives, signs and publishes
 *
 *     log_crash fill DIR NOTES BYTES
 *         the same with large entries, until so many bytes were added
 *
 *     log_crash check DIR NOTES
 *         opens the log again: all that was acknowledged is there, each signed root is the root
 *         of that size, and it goes on
 *
 *     log_crash space DIR NOTES
 *         adds until the disk is full, and again once DIR/ballast is away
 *
 * Exit code 0: as it should be. 1: it is not, and the message says what. A failed call that the
 * log reports is as it should be.
 */
#include "crash.h"

#include "base/file.h"
#include "crypto/signer.h"
#include "log/reader.h"
#include "log/writer.h"

#include <string.h>
#include <sys/stat.h>

#define ORIGIN "crash.example/log"
enum { ACKS_MAX = 60000, SIGNED_MAX = 4000, ROUNDS = 14, LARGE = 60000 };

struct notes {
    uint64_t seed;
    uint64_t next; /* number of the next entry */
    uint64_t ack_count;
    struct {
        uint64_t number, index;
    } ack[ACKS_MAX];
    uint64_t signed_count;
    struct {
        uint64_t size;
        struct vt_digest root;
    } made[SIGNED_MAX];
};

struct world {
    struct notes *notes;
    char log[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    struct vt_signer *inner;
    struct vt_signer *signer;
    struct vt_log_writer *writer;
    struct vt_why why;
};

/* The signer: notes what it signs before it gives the signature away. */
static enum vt_err
sign(void *impl, enum vt_sign_kind kind, const void *msg, size_t len, struct vt_sig *ret,
    struct vt_why *why)
{
    struct world *w = impl;
    struct notes *n = w->notes;
    struct vt_checkpoint c;
    enum vt_err err = vt_signer_sign(w->inner, kind, msg, len, ret, why);

    if (err == VT_OK && kind == VT_SIGN_CHECKPOINT)
        err = vt_checkpoint_parse(msg, len, &c, why);
    if (err == VT_OK && kind == VT_SIGN_CHECKPOINT && n->signed_count < SIGNED_MAX) {
        n->made[n->signed_count].size = c.size;
        n->made[n->signed_count].root = c.root;
        n->signed_count++;
    }
    return err;
}

static void
sign_free(void *impl)
{
    (void)impl;
}

static void
make_signer(struct world *w)
{
    static const struct vt_signer_ops ops = {.sign = sign, .free = sign_free};
    const uint8_t seed[32] = {7};
    struct vt_key *key = NULL;

    need(vt_key_from_seed(ORIGIN, seed, &key, &w->why), &w->why, "key");
    need(vt_signer_from_key(key, &w->inner, &w->why), &w->why, "signer");
    need(vt_signer_make(&ops, w, ORIGIN, vt_signer_public(w->inner), &w->signer, &w->why),
        &w->why, "signer");
}

/* Entry `number`: its bytes follow from that and the seed. */
static size_t
entry_of(const struct notes *n, uint64_t number, bool large, uint8_t ret[65535])
{
    uint64_t x = (n->seed + 1) * 0x9e3779b97f4a7c15ULL + number;
    size_t len;

    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9ULL;
    len = large ? LARGE : 24 + x % (number % 37 == 0 ? 4000 : 300);
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        ret[i] = (uint8_t)x;
    }
    memcpy(ret, &number, sizeof number);
    return len;
}

/* The numbers of the large ones begin there, so that the check knows them. */
#define LARGE_FROM 1000000000ULL

static enum vt_err
add_batch(struct world *w, uint64_t count, bool large)
{
    struct notes *n = w->notes;
    uint64_t number[64];
    uint64_t index[64];
    uint8_t entry[65535];
    uint64_t added = 0;
    enum vt_err err = VT_OK;

    for (; added < count && err == VT_OK; added++) {
        struct vt_digest name;
        size_t len;

        number[added] = n->next++ + (large ? LARGE_FROM : 0);
        len = entry_of(n, number[added], large, entry);
        vt_digest_of(entry, len, &name);
        err = vt_log_writer_add(w->writer, entry, len, &name, &index[added], &w->why);
    }
    if (err == VT_OK)
        err = vt_log_writer_commit(w->writer, &w->why);
    for (uint64_t i = 0; i < added && err == VT_OK; i++) {
        if (n->ack_count == ACKS_MAX)
            wrong("more entries than were thought of");
        n->ack[n->ack_count].number = number[i];
        n->ack[n->ack_count].index = index[i];
        n->ack_count++;
    }
    return err;
}

static enum vt_err
derive_and_sign(struct world *w)
{
    size_t len;
    const void *note;
    enum vt_err err = vt_log_writer_derive(w->writer, &w->why);

    if (err == VT_OK)
        err = vt_log_writer_sign(w->writer, w->signer, &w->why);
    if (err != VT_OK)
        return err;
    note = vt_log_writer_signed_note(w->writer, &len);
    return vt_log_writer_publish(w->writer, note, len, &w->why);
}

static enum vt_err
open_log(struct world *w)
{
    return vt_log_writer_open(w->log, w->public_dir, ORIGIN, &w->writer, &w->why);
}

/* After a failed fdatasync the log must be opened again, as the process would be started again.
 */
static bool
goes_on(struct world *w, enum vt_err err)
{
    if (err != VT_E_STATE)
        return true;
    vt_log_writer_free(w->writer);
    w->writer = NULL;
    return open_log(w) == VT_OK;
}

static int
run(struct world *w, uint64_t seed)
{
    w->notes->seed = seed;
    if (open_log(w) != VT_OK)
        return 0; /* said so */
    for (uint64_t round = 0; round < ROUNDS; round++) {
        if (!goes_on(w, add_batch(w, 1 + (seed + round * 17) % 60, false)))
            return 0;
        if ((seed + round) % 3 != 0 && !goes_on(w, derive_and_sign(w)))
            return 0;
    }
    vt_log_writer_free(w->writer);
    return 0;
}

static int
fill(struct world *w, uint64_t bytes)
{
    w->notes->seed = 1;
    need(open_log(w), &w->why, "opening");
    for (uint64_t done = 0; done < bytes; done += 16ULL * LARGE)
        need(add_batch(w, 16, true), &w->why, "adding");
    need(derive_and_sign(w), &w->why, "signing");
    vt_log_writer_free(w->writer);
    return 0;
}

static void
check_acks(struct world *w)
{
    const struct notes *n = w->notes;
    struct vt_buf b = VT_BUF(65535);
    uint8_t entry[65535];

    for (uint64_t i = 0; i < n->ack_count; i++) {
        size_t len = entry_of(n, n->ack[i].number, n->ack[i].number >= LARGE_FROM, entry);
        struct vt_digest name;
        uint64_t index = UINT64_MAX;

        vt_buf_clear(&b);
        if (vt_log_writer_entry(w->writer, n->ack[i].index, &b, &w->why) != VT_OK)
            wrong("entry %llu was acknowledged and is lost: %s",
                (unsigned long long)n->ack[i].index, w->why.text);
        if (b.len != len || memcmp(b.data, entry, len) != 0)
            wrong("entry %llu is another than was acknowledged",
                (unsigned long long)n->ack[i].index);
        vt_digest_of(entry, len, &name);
        if (!vt_log_writer_find(w->writer, &name, &index) || index != n->ack[i].index)
            wrong("entry %llu is not known again", (unsigned long long)n->ack[i].index);
    }
    vt_buf_release(&b);
}

static void
check_roots(struct world *w)
{
    const struct notes *n = w->notes;

    for (uint64_t i = 0; i < n->signed_count; i++) {
        struct vt_digest root;

        if (n->made[i].size > vt_log_writer_size(w->writer))
            wrong("a root of %llu entries was signed but the log has fewer",
                (unsigned long long)n->made[i].size);
        need(vt_log_writer_root(w->writer, n->made[i].size, &root, &w->why), &w->why, "root");
        if (!vt_digest_eq(&root, &n->made[i].root))
            wrong("another root was signed for %llu entries",
                (unsigned long long)n->made[i].size);
    }
}

static enum vt_err
take_entry(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct vt_frontier *f = ctx;
    struct vt_digest leaf;

    (void)index;
    (void)why;
    vt_merkle_leaf(entry, len, &leaf);
    vt_frontier_append(f, &leaf);
    return VT_OK;
}

/* As a stranger reads it, from its public files alone. */
static void
check_public(struct world *w)
{
    struct vt_buf text = VT_BUF(4096);
    struct vt_policy *policy = NULL;
    struct vt_log_reader *reader = NULL;
    struct vt_frontier f;
    struct vt_vkey vkey;
    struct vt_digest root;
    char key[VT_VKEY_TEXT_MAX];

    need(vt_vkey_make(ORIGIN, VT_NOTE_ED25519, vt_signer_public(w->inner), &vkey, &w->why),
        &w->why, "vkey");
    vt_vkey_format(&vkey, key);
    vt_buf_putf(&text, "log %s\nquorum none\n", key);
    need(vt_policy_parse(text.data, text.len, &policy, &w->why), &w->why, "policy");
    need(vt_log_reader_open(w->public_dir, policy, &reader, &w->why), &w->why, "reading");
    vt_frontier_init(&f);
    need(vt_log_reader_each(reader, 0, take_entry, &f, &w->why), &w->why, "reading");
    vt_frontier_root(&f, &root);
    if (f.size != vt_log_reader_checkpoint(reader)->size ||
        f.size != vt_log_writer_size(w->writer) ||
        !vt_digest_eq(&root, &vt_log_reader_checkpoint(reader)->root))
        wrong("what is public is not the log");
    vt_log_reader_free(reader);
    vt_policy_free(policy);
    vt_buf_release(&text);
}

static int
check(struct world *w)
{
    need(open_log(w), &w->why, "opening again");
    check_acks(w);
    check_roots(w);
    need(add_batch(w, 3, false), &w->why, "adding after all");
    need(derive_and_sign(w), &w->why, "signing after all");
    check_acks(w);
    check_roots(w);
    check_public(w);
    vt_log_writer_free(w->writer);
    return 0;
}

static int
space(struct world *w, const char *dir)
{
    char ballast[VT_PATH_MAX];
    enum vt_err err = VT_OK;
    uint64_t before;

    w->notes->seed = 3;
    need(open_log(w), &w->why, "opening");
    for (int i = 0; i < 100000 && err == VT_OK; i++) {
        err = add_batch(w, 8, i % 4 == 0);
        if (err == VT_OK && i % 4 == 0)
            err = derive_and_sign(w);
    }
    if (err == VT_OK)
        wrong("the disk was never full");
    (void)fprintf(stderr, "full after %llu entries: %s\n",
        (unsigned long long)vt_log_writer_size(w->writer), w->why.text);
    /* Whatever failed: more does not help, and hurts nothing. */
    for (int i = 0; i < 20; i++) {
        if (!goes_on(w, add_batch(w, 8, true)) || !goes_on(w, derive_and_sign(w)))
            wrong("it cannot be opened on a full disk: %s", w->why.text);
    }
    before = vt_log_writer_size(w->writer);
    check_acks(w);
    need(vt_path(ballast, &w->why, "%s/ballast", dir), &w->why, "ballast");
    if (unlink(ballast) != 0)
        wrong("no ballast");
    need(add_batch(w, 8, false), &w->why, "adding once there is room");
    need(derive_and_sign(w), &w->why, "signing once there is room");
    if (vt_log_writer_size(w->writer) != before + 8)
        wrong("the log did not grow by what was added");
    vt_log_writer_free(w->writer);
    w->writer = NULL;
    return check(w);
}

int
main(int argc, char **argv)
{
    struct world w = {.notes = NULL};
    const char *verb = argc >= 4 ? argv[1] : "";

    if (argc < 4)
        wrong("usage: log_crash run|fill|check|space DIR NOTES [SEED|BYTES]");
    need(vt_path(w.log, &w.why, "%s/log", argv[2]), &w.why, "path");
    need(vt_path(w.public_dir, &w.why, "%s/public", argv[2]), &w.why, "path");
    w.notes = map_notes(argv[3], sizeof(struct notes));
    make_signer(&w);
    if (strcmp(verb, "run") == 0 && argc == 5)
        return run(&w, strtoull(argv[4], NULL, 10));
    if (strcmp(verb, "fill") == 0 && argc == 5)
        return fill(&w, strtoull(argv[4], NULL, 10));
    if (strcmp(verb, "check") == 0)
        return check(&w);
    if (strcmp(verb, "space") == 0)
        return space(&w, argv[2]);
    wrong("%s: no such verb", verb);
}
