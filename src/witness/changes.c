/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a witness's records: staged, made durable together, or undone.
 */
#include "witness/records_held.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000, LATER_MS = 10000 };

static void
next_record(void *ctx, struct vt_witness_record *ret)
{
    struct vt_witness_walk *w = ctx;
    const struct vt_witness_log *log = vt_witness_table_at(w->table, w->at++);

    while (log->note == NULL)
        log = vt_witness_table_at(w->table, w->at++);
    *ret = (struct vt_witness_record){
        .time = log->time, .note = log->note, .note_len = log->note_len};
}

struct vt_witness_base
vt_witness_walk_base(struct vt_witness_walk *w)
{
    struct vt_witness_base base = {.next = next_record, .ctx = w};

    for (size_t i = 0; i < vt_witness_table_count(w->table); i++) {
        const struct vt_witness_log *log = vt_witness_table_at(w->table, i);

        if (log->note == NULL)
            continue;
        base.count++;
        base.bytes += VT_WITNESS_RECORD_HEAD + log->note_len;
    }
    return base;
}

/* The log's record becomes that note, which is taken; what it was goes to the undos. */
static enum vt_err
stage(struct vt_witness_records *r, struct vt_witness_log *log,
    const struct vt_witness_undo *to, struct vt_why *why)
{
    const struct vt_witness_record rec = {
        .time = to->time, .note = to->note, .note_len = to->note_len};

    if (r->undos == r->undo_room) {
        size_t room = r->undo_room == 0 ? 64 : 2 * r->undo_room;
        struct vt_witness_undo *undo = reallocarray(r->undo, room, sizeof(*undo));

        if (undo == NULL)
            return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
        r->undo = undo;
        r->undo_room = room;
    }
    if (r->batch.len + VT_WITNESS_RECORD_HEAD + rec.note_len > VT_WITNESS_BATCH_MAX)
        return vt_fail(why, VT_E_BUSY, "too much is to be recorded at once");
    vt_witness_record_put(&r->batch, &rec);
    if (r->batch.err != VT_OK)
        return vt_buf_check(&r->batch, "records", why);
    r->undo[r->undos++] = (struct vt_witness_undo){
        log, log->size, log->root, log->time, log->note, log->note_len}; /* note moved */
    log->size = to->size;
    log->root = to->root;
    log->time = to->time;
    log->note = to->note;
    log->note_len = to->note_len;
    free(log->lines);
    log->lines = NULL;
    return VT_OK;
}

void
vt_witness_note_put(struct vt_buf *b, const struct vt_note *note)
{
    vt_buf_put(b, note->text, note->text_len);
    vt_buf_puts(b, "\n");
    for (size_t i = 0; i < note->sig_count; i++) {
        const struct vt_note_sig *s = &note->sig[i];

        vt_buf_puts(b, "\xe2\x80\x94 ");
        vt_buf_put(b, s->name, s->name_len);
        vt_buf_puts(b, " ");
        vt_buf_put(b, s->b64, s->b64_len);
        vt_buf_puts(b, "\n");
    }
}

static uint64_t
later(uint64_t now, const struct vt_witness_log *log)
{
    return now > log->time ? now : log->time;
}

enum vt_err
vt_witness_records_stage(struct vt_witness_records *r, const struct vt_witness_verdict *v,
    uint64_t now, uint64_t *ret_time, struct vt_why *why)
{
    struct vt_witness_undo to = {
        .size = v->checkpoint.size, .root = v->checkpoint.root, .time = later(now, v->log)};
    struct vt_buf b = VT_BUF(VT_WITNESS_NOTE_MAX);
    enum vt_err err;

    vt_witness_note_put(&b, &v->note);
    err = vt_buf_check(&b, "checkpoint", why);
    if (err == VT_OK) {
        to.note = b.data;
        to.note_len = (uint32_t)b.len;
        err = stage(r, v->log, &to, why);
    }
    if (err != VT_OK) {
        vt_buf_release(&b);
        return err;
    }
    *ret_time = to.time; /* and b.data is the log's */
    return VT_OK;
}

enum vt_err
vt_witness_records_stage_again(struct vt_witness_records *r, struct vt_witness_log *log,
    uint64_t now, uint64_t *ret_time, struct vt_why *why)
{
    struct vt_witness_undo to = {.size = log->size,
        .root = log->root,
        .time = later(now, log),
        .note_len = log->note_len};
    enum vt_err err;

    to.note = malloc(log->note_len);
    if (to.note == NULL)
        return vt_fail(why, VT_E_NOMEM, "witness: out of memory");
    memcpy(to.note, log->note, log->note_len);
    err = stage(r, log, &to, why);
    if (err != VT_OK) {
        free(to.note);
        return err;
    }
    *ret_time = to.time;
    return VT_OK;
}

size_t
vt_witness_records_staged(const struct vt_witness_records *r)
{
    return r->undos;
}

/* The newest change first: a log may have been changed several times. */
static void
undo_all(struct vt_witness_records *r)
{
    while (r->undos > 0) {
        const struct vt_witness_undo *u = &r->undo[--r->undos];

        free(u->log->note);
        u->log->size = u->size;
        u->log->root = u->root;
        u->log->time = u->time;
        u->log->note = u->note;
        u->log->note_len = u->note_len;
    }
}

static void
forget_undos(struct vt_witness_records *r)
{
    while (r->undos > 0)
        free(r->undo[--r->undos].note);
}

/* A new file from the table, what is staged included. */
static enum vt_err
renew(struct vt_witness_records *r, struct vt_why *why)
{
    struct vt_witness_walk w = {.table = r->table};
    struct vt_witness_base base = vt_witness_walk_base(&w);

    return vt_witness_journal_renew(&r->journal, &base, why);
}

/* After a failure: what the table has now becomes a new file, once a second. */
static enum vt_err
recover(struct vt_witness_records *r, struct vt_why *why)
{
    int64_t now = vt_clock_monotonic_ms();
    enum vt_err err;

    if (now < r->try_ms)
        return vt_fail(why, VT_E_STATE, "it is not known what the disk holds");
    err = renew(r, why);
    if (err == VT_OK)
        vt_log(VT_LOG_WARN, "the disk takes the witness's records again");
    else
        r->try_ms = now + AGAIN_MS;
    return err;
}

/* The changes are durable already; that this fails costs nothing yet. */
static void
shorten(struct vt_witness_records *r)
{
    int64_t now = vt_clock_monotonic_ms();
    struct vt_why why = {0};

    if (!vt_witness_journal_is_long(r->journal) || now < r->try_ms)
        return;
    if (renew(r, &why) == VT_OK)
        return;
    r->try_ms = now + LATER_MS;
    vt_log(VT_LOG_ERROR, "the journal grows, for no new one can be written: %s", why.text);
}

enum vt_err
vt_witness_records_commit(struct vt_witness_records *r, struct vt_why *why)
{
    enum vt_err err;

    if (r->undos == 0)
        return VT_OK;
    err = vt_buf_check(&r->batch, "records", why);
    if (err == VT_OK)
        err = vt_witness_journal_unsure(r->journal)
                  ? recover(r, why)
                  : vt_witness_journal_append(r->journal, &r->batch, (uint32_t)r->undos, why);
    vt_buf_clear(&r->batch);
    if (err != VT_OK) {
        undo_all(r);
        return err;
    }
    forget_undos(r);
    shorten(r);
    return VT_OK;
}

bool
vt_witness_records_are_sound(const struct vt_witness_records *r)
{
    return !vt_witness_journal_unsure(r->journal);
}

void
vt_witness_records_tick(struct vt_witness_records *r)
{
    struct vt_why why = {0};

    if (r->undos == 0 && vt_witness_journal_unsure(r->journal) && recover(r, &why) != VT_OK)
        vt_log(VT_LOG_ERROR, "nothing is cosigned: %s", why.text);
}
