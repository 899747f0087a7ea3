/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness's records, to be broken off or to have their system calls fail (log_faults.py), and
 * the check of what is left. What would have been cosigned is noted in a file that is mapped
 * into memory, so that noting it is no system call and survives a kill.
 *
 *     witness_crash run DIR NOTES SEED
 *         requests of three logs, honest and not, in batches
 *
 *     witness_crash fill DIR NOTES BYTES
 *         the same with long checkpoints, until the journal has that many bytes, so that
 * another is begun soon after
 *
 *     witness_crash check DIR NOTES
 *         opens the records again: nothing that was cosigned is forgotten or contradicted, and
 *         it goes on
 *
 * Exit code 0: as it should be. 1: it is not, and the message says what. A failed call that the
 * records report is as it should be.
 */
#include "crash.h"

#include "base/file.h"
#include "merkle/tree.h"
#include "witness/records.h"

#include <string.h>
#include <sys/stat.h>

enum { LOGS = 3, ROUNDS = 12, JOBS_MAX = 4, PAD = 3800, BODY_MAX = 64 * 1024, LONG = 1 << 20 };

struct notes {
    uint64_t now; /* the clock */
    /* Of each log, what was cosigned last. */
    struct {
        uint64_t size;
        uint64_t time;
    } cosigned[LOGS];
};

/* What is to be noted once it is durable. */
struct job {
    struct vt_witness_log *log;
    size_t which;
    uint64_t size;
    uint64_t time;
};

struct world {
    struct notes *notes;
    char dir[VT_PATH_MAX];
    struct vt_key *key[LOGS];
    struct vt_witness_follow follow[LOGS];
    struct vt_witness_records *records;
    struct vt_buf body;
    struct job job[JOBS_MAX];
    size_t jobs;
    bool large;
    struct vt_why why;
};

static void
make_logs(struct world *w)
{
    for (size_t i = 0; i < LOGS; i++) {
        const uint8_t seed[32] = {(uint8_t)(i + 1)};
        struct vt_witness_follow *f = &w->follow[i];
        struct vt_pubkey pub;

        (void)snprintf(f->origin, sizeof f->origin, "crash-%zu.example/log", i);
        need(vt_key_from_seed(f->origin, seed, &w->key[i], &w->why), &w->why, "key");
        vt_key_public(w->key[i], &pub);
        need(vt_vkey_make(f->origin, VT_NOTE_ED25519, &pub, &f->key, &w->why), &w->why,
            "key of a log");
    }
}

/* --- The logs' trees: leaf i is i, or another where the tree is a false one. --- */

static enum vt_err
get_hash(void *ctx, unsigned level, uint64_t index, struct vt_digest *ret, struct vt_why *why)
{
    const bool *is_false = ctx;
    struct vt_frontier f;
    struct vt_digest leaf;

    (void)why;
    vt_frontier_init(&f);
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        uint64_t content = *is_false ? ~i : i;

        vt_merkle_leaf(&content, sizeof content, &leaf);
        vt_frontier_append(&f, &leaf);
    }
    vt_frontier_root(&f, ret);
    return VT_OK;
}

static void
put_note(struct world *w, size_t which, const struct vt_checkpoint *c)
{
    struct vt_buf text = VT_BUF(BODY_MAX);
    struct vt_pubkey pub;
    struct vt_sig sig;

    vt_checkpoint_put(&text, c);
    for (size_t i = 0; w->large && i < PAD; i++)
        vt_buf_puts(&text, i + 1 < PAD ? "x" : "\n");
    vt_key_public(w->key[which], &pub);
    need(vt_key_sign(w->key[which], text.data, text.len, &sig, &w->why), &w->why, "signing");
    vt_buf_put(&w->body, text.data, text.len);
    vt_buf_puts(&w->body, "\n");
    vt_note_put_sig(
        &w->body, c->origin, vt_vkey_id(c->origin, VT_NOTE_ED25519, &pub), sig.b, sizeof sig.b);
    vt_buf_release(&text);
}

/* An add-checkpoint request into w->body. */
static void
make_request(struct world *w, size_t which, uint64_t old_size, uint64_t size, bool is_false)
{
    struct vt_hash_source src = {.get = get_hash, .ctx = &is_false};
    struct vt_checkpoint c = {.size = size};
    struct vt_proof proof = {.len = 0};

    memcpy(c.origin, w->follow[which].origin, sizeof c.origin);
    need(vt_merkle_root(&src, size, &c.root, &w->why), &w->why, "root");
    if (old_size > 0 && old_size < size)
        need(vt_merkle_prove_consistency(&src, old_size, size, &proof, &w->why), &w->why,
            "proof");
    vt_buf_clear(&w->body);
    vt_buf_putf(&w->body, "old %llu\n", (unsigned long long)old_size);
    for (size_t i = 0; i < proof.len; i++) {
        vt_buf_put_b64(&w->body, proof.hash[i].b, VT_DIGEST_SIZE);
        vt_buf_puts(&w->body, "\n");
    }
    vt_buf_puts(&w->body, "\n");
    put_note(w, which, &c);
    need(vt_buf_check(&w->body, "request", &w->why), &w->why, "request");
}

/* --- The witness. --- */

/* As `witness init` does it. Where it was broken off nothing can have been cosigned, and it is
 * done again; a journal that is gone later is one that was lost. */
static enum vt_err
make_records(struct world *w)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, &w->why, "%s/journal", w->dir);

    if (err != VT_OK || vt_file_exists(path))
        return err;
    for (size_t i = 0; i < LOGS; i++)
        if (w->notes->cosigned[i].size > 0)
            wrong("the journal is gone");
    if (vt_file_exists(w->dir))
        err = vt_tree_remove(w->dir, &w->why);
    return err == VT_OK ? vt_witness_records_make(w->dir, &w->why) : err;
}

static enum vt_err
open_records(struct world *w)
{
    enum vt_err err = make_records(w);

    return err != VT_OK
               ? err
               : vt_witness_records_open(w->dir, w->follow, LOGS, &w->records, &w->why);
}

static struct vt_witness_log *
log_of(const struct world *w, size_t which)
{
    return vt_witness_table_find(vt_witness_records_table(w->records), w->follow[which].origin);
}

/* Decides as the service does; a good one is staged. The status. */
static int
ask(struct world *w, size_t which)
{
    struct vt_witness_verdict v;
    bool kept = false;
    uint64_t time = 0;

    vt_witness_decide(vt_witness_records_table(w->records), w->body.data, w->body.len, &v);
    if (v.doubt != VT_WITNESS_NO_DOUBT &&
        vt_witness_records_evidence(w->records, &v, &kept, &w->why) != VT_OK)
        return v.status; /* said so */
    if (v.status != 200)
        return v.status;
    if (vt_witness_records_stage(w->records, &v, ++w->notes->now, &time, &w->why) != VT_OK)
        return 503;
    w->job[w->jobs++] =
        (struct job){.log = v.log, .which = which, .size = v.checkpoint.size, .time = time};
    return 200;
}

static void
stage_again(struct world *w, size_t which)
{
    struct vt_witness_log *log = log_of(w, which);
    uint64_t time = 0;

    if (log->note == NULL || vt_witness_records_stage_again(
                                 w->records, log, ++w->notes->now, &time, &w->why) != VT_OK)
        return;
    w->job[w->jobs++] =
        (struct job){.log = log, .which = which, .size = log->size, .time = time};
}

/* After a failure nothing is as if it had been cosigned, and nothing is forgotten. */
static void
check_table(const struct world *w)
{
    for (size_t i = 0; i < LOGS; i++) {
        const struct vt_witness_log *log = log_of(w, i);

        if (log->size < w->notes->cosigned[i].size)
            wrong("%s was cosigned at %llu and is known at %llu", log->origin,
                (unsigned long long)w->notes->cosigned[i].size, (unsigned long long)log->size);
        if (log->size == w->notes->cosigned[i].size && log->time < w->notes->cosigned[i].time)
            wrong("%s: the time of its cosignature went back", log->origin);
    }
}

/* What is durable is cosigned: noted. */
static enum vt_err
commit(struct world *w)
{
    enum vt_err err = vt_witness_records_commit(w->records, &w->why);

    for (size_t i = 0; err == VT_OK && i < w->jobs; i++) {
        w->notes->cosigned[w->job[i].which].size = w->job[i].size;
        w->notes->cosigned[w->job[i].which].time = w->job[i].time;
    }
    w->jobs = 0;
    check_table(w);
    return err;
}

/* A batch: honest growth of several logs, one of them twice, and what must be refused. */
static void
batch(struct world *w, uint64_t x)
{
    size_t which = x % LOGS;

    for (size_t i = 0; i < 2 + x % 2; i++) {
        const struct vt_witness_log *log = log_of(w, which);

        make_request(w, which, log->size, log->size + 1 + (x >> i) % 3, false);
        (void)ask(w, which);
        which = (which + i) % LOGS;
    }
    if (x % 5 == 0 && log_of(w, which)->size > 0) {
        make_request(w, which, log_of(w, which)->size, log_of(w, which)->size, true);
        if (ask(w, which) == 200)
            wrong("another tree of one size was cosigned");
    }
    if (x % 3 == 0)
        stage_again(w, which);
    (void)commit(w);
}

/* A long journal goes on with long checkpoints, and is soon replaced. */
static bool
is_long(struct world *w)
{
    char path[VT_PATH_MAX];
    struct stat st;

    need(vt_path(path, &w->why, "%s/journal", w->dir), &w->why, "path");
    return stat(path, &st) == 0 && st.st_size > LONG;
}

static int
run(struct world *w, uint64_t seed)
{
    w->large = is_long(w);
    if (open_records(w) != VT_OK)
        return 0; /* said so */
    check_table(w);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        batch(w, seed + round * 7);
        vt_witness_records_tick(w->records);
    }
    vt_witness_records_free(w->records);
    return 0;
}

static int
fill(struct world *w, uint64_t bytes)
{
    char path[VT_PATH_MAX];
    struct stat st = {.st_size = 0};

    w->large = true;
    need(vt_path(path, &w->why, "%s/journal", w->dir), &w->why, "path");
    need(open_records(w), &w->why, "opening");
    while ((uint64_t)st.st_size < bytes) {
        const struct vt_witness_log *log = log_of(w, 0);

        for (size_t i = 0; i < JOBS_MAX; i++) {
            uint64_t size = log->size == 0 ? 1 : log->size;

            make_request(w, 0, log->size, size, false);
            if (ask(w, 0) != 200)
                wrong("filling: %s", w->why.text);
        }
        need(commit(w), &w->why, "filling");
        if (stat(path, &st) != 0)
            wrong("no journal");
    }
    vt_witness_records_free(w->records);
    return 0;
}

static int
check(struct world *w)
{
    need(open_records(w), &w->why, "opening again");
    check_table(w);
    for (size_t i = 0; i < LOGS; i++) {
        const struct vt_witness_log *log = log_of(w, i);
        uint64_t cosigned = w->notes->cosigned[i].size;

        if (cosigned > 0) {
            make_request(w, i, cosigned, cosigned, true);
            if (ask(w, i) == 200)
                wrong("another tree of %llu entries would be cosigned",
                    (unsigned long long)cosigned);
            make_request(w, i, 0, cosigned, true);
            if (ask(w, i) == 200)
                wrong("%s could begin anew", log->origin);
        }
        make_request(w, i, log->size, log->size + 2, false);
        if (ask(w, i) != 200)
            wrong("the honest tree of %s is refused: %s", log->origin, w->why.text);
    }
    need(commit(w), &w->why, "going on");
    vt_witness_records_free(w->records);
    need(open_records(w), &w->why, "opening once more");
    check_table(w);
    vt_witness_records_free(w->records);
    return 0;
}

int
main(int argc, char **argv)
{
    struct world w = {.body = VT_BUF(BODY_MAX)};
    int code = 2;

    if (argc < 4) {
        (void)fputs("usage: witness_crash run|fill|check DIR NOTES [NUMBER]\n", stderr);
        return 2;
    }
    w.notes = map_notes(argv[3], sizeof(struct notes));
    make_logs(&w);
    need(vt_path(w.dir, &w.why, "%s/records", argv[2]), &w.why, "folder");
    if (strcmp(argv[1], "run") == 0 && argc == 5)
        code = run(&w, strtoull(argv[4], NULL, 10));
    else if (strcmp(argv[1], "fill") == 0 && argc == 5)
        code = fill(&w, strtoull(argv[4], NULL, 10));
    else if (strcmp(argv[1], "check") == 0)
        code = check(&w);
    for (size_t i = 0; i < LOGS; i++)
        vt_key_free(w.key[i]);
    vt_buf_release(&w.body);
    (void)munmap(w.notes, sizeof *w.notes);
    return code;
}
