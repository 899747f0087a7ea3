/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what others are told of, written with the facts and so exactly once.
 */
#include "centre/facts_held.h"

#include "base/clock.h"
#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>

/* Kept for whoever delivers them late (centre/herald.h). */
#define EVENTS_KEPT INT64_C(20000)
#define DATA_MAX 8192U

static bool
is_told(enum vt_entry_kind kind)
{
    switch (kind) {
    case VT_ENTRY_RELEASE:
    case VT_ENTRY_MISMATCH:
    case VT_ENTRY_REVIEW:
    case VT_ENTRY_OBJECTION:
    case VT_ENTRY_REQUEST:
    case VT_ENTRY_GRANT:
    case VT_ENTRY_RUN:
    case VT_ENTRY_ERASURE:
    case VT_ENTRY_RELOCATION:
    case VT_ENTRY_RECEIPT:
    case VT_ENTRY_SHRED:
        return true;
    default:
        return false;
    }
}

/* A time for JSON; null when there is none. */
static json_t *
time_or_null(int64_t t)
{
    char text[VT_TIME_SIZE];

    if (t <= 0)
        return json_null();
    vt_time_format(t, text);
    return json_string(text);
}

/* Steals data. */
static enum vt_err
put_event(struct vt_facts *f, const char *name, const char *kind, uint64_t index, json_t *data,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(DATA_MAX);
    enum vt_err err = data == NULL ? vt_fail(why, VT_E_NOMEM, "the facts: out of memory")
                                   : vt_json_text(data, false, &b, why);

    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "INSERT OR IGNORE INTO event(name, kind, idx, data, at)"
            " VALUES(?, ?, ?, rtrim(?, char(10)), ?)",
            "ssisi", name, kind, (int64_t)index, vt_buf_str(&b),
            vt_clock_now(&vt_clock_system));
    if (err == VT_OK)
        err = vt_sql_do(f->db, why,
            "DELETE FROM event WHERE seq<=(SELECT max(seq) FROM event)-?", "i", EVENTS_KEPT);
    json_decref(data);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
time_of_entry(struct vt_facts *f, uint64_t index, int64_t *ret, struct vt_why *why)
{
    return vt_sql_count(
        f->db, 0, ret, why, "SELECT time FROM entry WHERE idx=?", "i", (int64_t)index);
}

enum vt_err
vt_facts_tell(struct vt_facts *f, const struct vt_facts_entry *e, struct vt_why *why)
{
    char statement[VT_DIGEST_HEX_SIZE + 8] = "sha256:";
    const char *kind = vt_entry_kind_name(e->entry.kind);
    int64_t time = 0;
    enum vt_err err;

    /* One below `told` that is taken in now was waited for, or is taken in again. */
    if (!is_told(e->entry.kind) || ((int64_t)e->index < f->told && e->index >= f->taken))
        return VT_OK;
    err = time_of_entry(f, e->index, &time, why);
    if (err != VT_OK)
        return err;
    vt_digest_hex(&e->entry.statement, statement + 7);
    return put_event(f, "entry", kind, e->index,
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:s}", "index", (json_int_t)e->index, "kind",
            kind, "signer", e->signer->name, "key", e->signer->key.name, "organisation",
            e->organisation, "time", time_or_null(time), "statement", statement),
        why);
}

enum vt_err
vt_facts_tell_checkpoint(
    struct vt_facts *f, const struct vt_checkpoint *c, uint64_t time, struct vt_why *why)
{
    return put_event(f, "checkpoint", NULL, c->size,
        json_pack(
            "{s:I, s:o}", "size", (json_int_t)c->size, "time", time_or_null((int64_t)time)),
        why);
}

enum vt_err
vt_facts_events(struct vt_facts *f, int64_t *seq,
    enum vt_err (*fn)(void *ctx, const struct vt_facts_event *e, struct vt_why *why), void *ctx,
    struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(f->db, &r, why,
        "SELECT seq, name, data FROM event WHERE seq>? ORDER BY seq", "i", *seq);

    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row) {
        const struct vt_facts_event e = {
            .seq = vt_sql_int(r, 0), .name = vt_sql_text(r, 1), .data = vt_sql_text(r, 2)};

        err = fn(ctx, &e, why);
        if (err == VT_OK)
            *seq = e.seq;
        if (err == VT_OK)
            err = vt_sql_step(r, &row, why);
    }
    vt_sql_end(r);
    return err;
}

enum vt_err
vt_facts_last_event(struct vt_facts *f, int64_t *ret, struct vt_why *why)
{
    return vt_sql_count(f->db, 0, ret, why, "SELECT max(seq) FROM event", "");
}
