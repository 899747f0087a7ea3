/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following the log: from the newest checkpoint that was seen to the one that is published now.
 *
 * The first batch of a checkpoint writes down that it was seen, so whatever is taken in later,
 * also by another process after this one was killed, must extend it.
 */
#include "centre/facts_held.h"

#include "base/clock.h"

#include <inttypes.h>

enum { BATCH = 1000 };

/* The newest checkpoint that was seen; size 0: none yet. */
struct seen {
    uint64_t size;
    struct vt_digest root;
    bool same_log;
    bool same_note; /* nothing at all is new */
};

static enum vt_err
read_seen(struct vt_facts *f, struct seen *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    size_t len;
    const void *note = vt_log_reader_note(f->reader, &len);
    bool row = false;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT c.size, c.root, s.log IS NULL OR s.log=?, s.note IS ? AND s.size=s.taken"
        " FROM state s LEFT JOIN checkpoint c ON c.size=(SELECT max(size) FROM checkpoint)",
        "sb", vt_log_reader_checkpoint(f->reader)->origin, note, len);

    *ret = (struct seen){.same_log = true};
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    if (err == VT_OK && row) {
        ret->same_log = vt_sql_int(r, 2) != 0;
        ret->same_note = vt_sql_int(r, 3) != 0;
        if (vt_sql_digest(r, 1, &ret->root))
            ret->size = (uint64_t)vt_sql_int(r, 0);
    }
    vt_sql_end(r);
    return err;
}

/* Whether the published checkpoint extends the one that was seen. */
static enum vt_err
check_extends(struct vt_facts *f, const struct seen *seen, struct vt_why *why)
{
    const struct vt_checkpoint *c = vt_log_reader_checkpoint(f->reader);
    struct vt_proof proof = {0};
    enum vt_err err;

    if (!seen->same_log)
        return vt_fail(why, VT_E_REFUSED,
            "the published checkpoint is of %s, and the facts are of another log", c->origin);
    if (c->size < seen->size)
        return vt_fail(why, VT_E_ROLLBACK,
            "the published checkpoint has %" PRIu64 " entries, fewer than the %" PRIu64
            " of one that was seen before",
            c->size, seen->size);
    if (seen->size == 0)
        return VT_OK;
    err = vt_log_reader_consistency(f->reader, seen->size, &proof, why);
    if (err == VT_OK)
        err = vt_merkle_check_consistency(
            seen->size, c->size, &seen->root, &c->root, &proof, why);
    return err == VT_E_PROOF ? vt_fail_in(why, err,
                                   "the published checkpoint is not of the log that was seen "
                                   "before: it was forked")
                             : err;
}

/* Who of the policy's witnesses cosigned it, and when. */
static enum vt_err
put_cosignatures(struct vt_facts *f, uint64_t size, struct vt_why *why)
{
    const struct vt_policy_party *w = NULL;
    size_t count = vt_policy_witnesses(f->policy, &w);
    size_t len;
    const void *data = vt_log_reader_note(f->reader, &len);
    struct vt_note note;
    enum vt_err err = vt_note_parse(data, len, &note, why);

    for (size_t i = 0; i < count && err == VT_OK; i++) {
        uint64_t time = 0;

        if (vt_cosig_verify(&note, &w[i].key, &time, NULL) != VT_OK || time > INT64_MAX)
            continue;
        err = vt_sql_do(f->db, why,
            "INSERT INTO cosignature(size, witness, time) VALUES(?, ?, ?)"
            " ON CONFLICT DO UPDATE SET time=max(time, excluded.time)",
            "isi", (int64_t)size, w[i].name, (int64_t)time);
    }
    return err;
}

static int64_t
cosigned_time(const struct vt_facts *f)
{
    uint64_t time = vt_log_reader_cosigned_time(f->reader);

    return time > INT64_MAX ? INT64_MAX : (int64_t)time;
}

static enum vt_err
put_checkpoint(struct vt_facts *f, struct vt_why *why)
{
    const struct vt_checkpoint *c = vt_log_reader_checkpoint(f->reader);
    enum vt_err err = vt_sql_do(f->db, why,
        "INSERT OR IGNORE INTO checkpoint(size, root, time, seen)"
        " VALUES(?, ?, nullif(?, 0), ?)",
        "idii", (int64_t)c->size, &c->root, cosigned_time(f), vt_clock_now(&vt_clock_system));

    f->cover_size = 0;
    return err == VT_OK ? put_cosignatures(f, c->size, why) : err;
}

/* State after a batch; the checkpoint counts when all of it was taken in. */
static enum vt_err
put_state(struct vt_facts *f, uint64_t taken, struct vt_why *why)
{
    const struct vt_checkpoint *c = vt_log_reader_checkpoint(f->reader);
    size_t len;
    const void *note = vt_log_reader_note(f->reader, &len);
    int64_t told = (int64_t)taken > f->told ? (int64_t)taken : f->told;
    enum vt_err err = vt_sql_do(f->db, why,
        "UPDATE state SET generation=generation+1, taken=?, told=?, log=?", "iis",
        (int64_t)taken, told, c->origin);

    if (err != VT_OK || taken < c->size)
        return err;
    if ((int64_t)c->size > f->told)
        err = vt_facts_tell_checkpoint(f, c, (uint64_t)cosigned_time(f), why);
    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "UPDATE state SET size=?, root=?, note=?, time=nullif(?, 0), problem=NULL", "idbi",
            (int64_t)c->size, &c->root, note, len, cosigned_time(f));
    return err;
}

struct batch {
    struct vt_facts *f;
    uint64_t end;
    enum vt_err ours; /* what failed on this side of the reader */
};

static enum vt_err
take_one(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct batch *b = ctx;

    if (index >= b->end)
        return VT_E_EXIST;
    b->ours = vt_facts_take(b->f, index, entry, len, why);
    return b->ours;
}

/* One transaction. *ret_theirs: the log's files could not be read. */
static enum vt_err
take_batch(struct vt_facts *f, bool *ret_theirs, struct vt_why *why)
{
    uint64_t size = vt_log_reader_checkpoint(f->reader)->size;
    struct batch b = {.f = f, .end = size - f->taken > BATCH ? f->taken + BATCH : size};
    enum vt_err err = vt_sql_begin(f->db, why);

    if (err == VT_OK)
        err = put_checkpoint(f, why);
    if (err == VT_OK) {
        err = vt_log_reader_each(f->reader, f->taken, take_one, &b, why);
        *ret_theirs = err != VT_OK && b.ours == VT_OK;
    }
    if (err == VT_OK)
        err = vt_facts_judge(f, why);
    if (err == VT_OK)
        err = put_state(f, b.end, why);
    if (err == VT_OK)
        err = vt_sql_commit(f->db, why);
    vt_facts_untouch(f);
    if (err != VT_OK) {
        vt_sql_rollback(f->db);
        return err;
    }
    f->taken = b.end;
    f->told = (int64_t)b.end > f->told ? (int64_t)b.end : f->told;
    return VT_OK;
}

/* Entries of a log that was there before its facts were are no news. */
static enum vt_err
set_told(struct vt_facts *f, uint64_t size, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (f->told < 0)
        err = vt_sql_do(f->db, why, "UPDATE state SET told=?", "i", (int64_t)size);
    if (err == VT_OK && f->told < 0)
        f->told = (int64_t)size;
    return err;
}

/* *ret_problem and VT_OK for what is wrong with the log. */
static enum vt_err
take_checkpoint(struct vt_facts *f, struct vt_why *ret_problem, struct vt_why *why)
{
    const struct vt_checkpoint *c = vt_log_reader_checkpoint(f->reader);
    struct seen seen;
    bool theirs = false;
    enum vt_err err = read_seen(f, &seen, why);

    if (err != VT_OK || seen.same_note)
        return err;
    if (c->size > INT64_MAX) {
        (void)vt_fail(ret_problem, VT_E_LIMIT, "the log is larger than can be read");
        return VT_OK;
    }
    err = check_extends(f, &seen, ret_problem);
    if (err != VT_OK)
        return vt_facts_theirs(err, ret_problem, why);
    err = set_told(f, c->size, why);
    do {
        if (err == VT_OK)
            err = take_batch(f, &theirs, why);
    } while (err == VT_OK && f->taken < c->size);
    if (!theirs)
        return err;
    (void)vt_fail(ret_problem, err, "%s", why != NULL ? why->text : "the log cannot be read");
    return vt_facts_theirs(err, ret_problem, why);
}

static enum vt_err
put_problem(struct vt_facts *f, const struct vt_why *problem, struct vt_why *why)
{
    const char *text = problem->text[0] != '\0' ? problem->text : NULL;

    return vt_sql_do(f->db, why,
        "UPDATE state SET problem=?1, generation=generation+1 WHERE problem IS NOT ?1", "s",
        text);
}

enum vt_err
vt_facts_follow(struct vt_facts *f, struct vt_why *ret_problem, struct vt_why *why)
{
    enum vt_err err;

    vt_why_clear(ret_problem);
    err = vt_log_reader_open(f->public_dir, f->policy, &f->reader, ret_problem);
    if (err == VT_OK) {
        err = take_checkpoint(f, ret_problem, why);
    } else if (err == VT_E_NOENT && f->taken == 0) { /* none is published yet */
        vt_why_clear(ret_problem);
        err = set_told(f, 0, why);
    } else {
        err = vt_facts_theirs(err, ret_problem, why);
    }
    vt_log_reader_free(f->reader);
    f->reader = NULL;
    return err == VT_OK ? put_problem(f, ret_problem, why) : err;
}
