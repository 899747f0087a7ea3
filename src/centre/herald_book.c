/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far each hook is: the table of hooks.db, and the next event in the facts.
 */
#include "centre/herald_held.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#include <string.h>

enum { FIRST_S = 5, MOST_S = 3600, GIVE_UP_S = 86400 };

struct row {
    bool any;
    bool same_facts; /* the seq is of these facts */
    int64_t seq;
    int64_t failed;
    int64_t next;
};

enum vt_err
vt_herald_open_book(struct vt_herald *h, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(h->opts->home, path, why, "centre");

    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_home_path(h->opts->home, path, why, "%s", VT_HERALD_FILE);
    return err == VT_OK ? vt_sql_open(path, VT_SQL_WRITE, VT_HERALD_SCHEMA, VT_HERALD_VERSION,
                              &h->db, why)
                        : err;
}

static enum vt_err
read_row(struct vt_herald *h, const char *id, struct row *ret, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    enum vt_err err =
        vt_sql_query(h->db, &r, why, "SELECT seq, failed, next, made IS ? FROM hook WHERE id=?",
            "bs", h->made, sizeof h->made, id);

    if (err == VT_OK)
        err = vt_sql_step(r, &ret->any, why);
    if (err == VT_OK && ret->any) {
        ret->seq = vt_sql_int(r, 0);
        ret->failed = vt_sql_int(r, 1);
        ret->next = vt_sql_int(r, 2);
        ret->same_facts = vt_sql_int(r, 3) != 0;
    }
    vt_sql_end(r);
    return err;
}

/* A hook that is new, or whose place was in facts that were thrown away: from now on. */
static enum vt_err
begin_row(struct vt_herald *h, const struct vt_hook *hook, const char *id, struct vt_why *why)
{
    char shown[VT_HOOK_SHOWN_SIZE];
    int64_t newest = 0;
    enum vt_err err = vt_sql_count(h->facts, 0, &newest, why, "SELECT max(seq) FROM event", "");

    vt_hook_shown(hook->url, shown);
    if (err == VT_OK)
        err = vt_sql_do(h->db, why,
            "INSERT INTO hook(id, url, made, seq, failed, dropped, next)"
            " VALUES(?, ?, ?, ?, 0, 0, 0) ON CONFLICT DO UPDATE SET made=excluded.made,"
            " seq=excluded.seq, failed=0, next=0",
            "ssbi", id, shown, h->made, sizeof h->made, newest);
    return err;
}

/* The first event after seq that the hook asks for; *ret_seen: the newest one looked at. */
static enum vt_err
find_event(struct vt_herald *h, const struct vt_hook *hook, int64_t seq,
    struct vt_herald_event *ret, bool *ret_any, int64_t *ret_seen, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    bool row = false;
    enum vt_err err = vt_sql_query(h->facts, &r, why,
        "SELECT e.seq, e.name, e.kind, e.data, e.at, c.root FROM event e"
        " LEFT JOIN checkpoint c ON e.name='checkpoint' AND c.size=e.idx"
        " WHERE e.seq>? ORDER BY e.seq LIMIT 1000",
        "i", seq);

    *ret_any = false;
    if (err == VT_OK)
        err = vt_sql_step(r, &row, why);
    while (err == VT_OK && row && !*ret_any) {
        const char *name = vt_sql_text(r, 1), *kind = vt_sql_text(r, 2);

        *ret_any = vt_hook_wants(hook, name, kind);
        if (*ret_any) {
            ret->seq = vt_sql_int(r, 0);
            (void)vt_text_clean(ret->name, sizeof ret->name, name, strlen(name));
            kind = vt_sql_text(r, 2);
            (void)vt_text_clean(ret->kind, sizeof ret->kind, kind, strlen(kind));
            vt_buf_puts(&ret->data, vt_sql_text(r, 3));
            ret->at = vt_sql_int(r, 4);
            if (!vt_sql_digest(r, 5, &ret->subject))
                memset(&ret->subject, 0, sizeof ret->subject);
            err = vt_buf_check(&ret->data, "an event", why);
        } else {
            *ret_seen = vt_sql_int(r, 0);
            err = vt_sql_step(r, &row, why);
        }
    }
    vt_sql_end(r);
    return err;
}

/* An entry's event is about its statement, which the event itself names. */
static enum vt_err
take_statement(struct vt_herald_event *e, struct vt_why *why)
{
    const char *text = NULL;
    json_t *data = NULL;
    enum vt_err err;

    if (strcmp(e->name, "entry") != 0)
        return VT_OK;
    err = vt_json_parse(e->data.data, e->data.len, "an event", &data, why);
    if (err == VT_OK)
        err = vt_json_str(data, "statement", &text, why);
    if (err == VT_OK && (strncmp(text, "sha256:", 7) != 0 ||
                            !vt_digest_from_hex(text + 7, strlen(text + 7), &e->subject)))
        err = vt_fail(why, VT_E_SYNTAX, "an event names no statement");
    json_decref(data);
    return err;
}

static enum vt_err
put_seq(struct vt_herald *h, const char *id, int64_t seq, struct vt_why *why)
{
    return vt_sql_do(h->db, why, "UPDATE hook SET seq=? WHERE id=?", "is", seq, id);
}

enum vt_err
vt_herald_due(struct vt_herald *h, const struct vt_hook *hook, struct vt_herald_letter *l,
    bool *ret_any, struct vt_why *why)
{
    struct row row = {.any = false};
    int64_t seen = 0;
    enum vt_err err;

    *ret_any = false;
    l->hook = hook;
    vt_herald_id(hook->url, l->id);
    err = read_row(h, l->id, &row, why);
    if (err != VT_OK)
        return err;
    if (!row.any || !row.same_facts)
        return begin_row(h, hook, l->id, why);
    if (row.next > vt_clock_now(&vt_clock_system))
        return VT_OK;
    l->failed = row.failed;
    vt_buf_release(&l->event.data);
    l->event = (struct vt_herald_event){.data = VT_BUF(VT_HERALD_DATA_MAX)};
    err = find_event(h, hook, row.seq, &l->event, ret_any, &seen, why);
    if (err == VT_OK && *ret_any)
        err = take_statement(&l->event, why);
    if (err == VT_OK && !*ret_any && seen > row.seq)
        err = put_seq(h, l->id, seen, why);
    return err;
}

enum vt_err
vt_herald_delivered(struct vt_herald *h, const struct vt_herald_letter *l, struct vt_why *why)
{
    return vt_sql_do(h->db, why,
        "UPDATE hook SET seq=?, last=?, failed=0, next=0, problem=NULL WHERE id=?", "iis",
        l->event.seq, vt_clock_now(&vt_clock_system), l->id);
}

/* The pause after one more failure. */
static int64_t
pause_s(const struct vt_herald *h, int64_t failed)
{
    int64_t s = h->opts->first_s > 0 ? h->opts->first_s : FIRST_S;
    int64_t most = h->opts->most_s > 0 ? h->opts->most_s : MOST_S;

    for (int64_t i = 0; i < failed && s < most; i++)
        s *= 2;
    return s < most ? s : most;
}

/* Passes over what is too old; that is what the hook asked for and does not get. */
static enum vt_err
give_up(struct vt_herald *h, const struct vt_herald_letter *l, struct vt_why *why)
{
    int64_t keep_s = h->opts->give_up_s > 0 ? h->opts->give_up_s : GIVE_UP_S;
    int64_t oldest = vt_clock_now(&vt_clock_system) - keep_s;
    int64_t upto = l->event.seq;
    enum vt_err err;

    if (l->event.at >= oldest)
        return VT_OK;
    err = vt_sql_count(h->facts, l->event.seq, &upto, why,
        "SELECT max(seq) FROM event WHERE at<?", "i", oldest);
    if (err == VT_OK)
        err = vt_sql_do(h->db, why,
            "UPDATE hook SET seq=max(seq, ?), dropped=dropped+1 WHERE id=?", "is", upto, l->id);
    return err;
}

enum vt_err
vt_herald_failed(struct vt_herald *h, const struct vt_herald_letter *l, const char *problem,
    int64_t after_s, struct vt_why *why)
{
    int64_t pause = pause_s(h, l->failed);
    enum vt_err err;

    if (after_s > pause)
        pause = after_s;
    err = vt_sql_do(h->db, why, "UPDATE hook SET failed=failed+1, next=?, problem=? WHERE id=?",
        "iss", vt_clock_now(&vt_clock_system) + pause, problem, l->id);
    return err == VT_OK ? give_up(h, l, why) : err;
}

/* Whether a row is of a hook that is still in the file. */
static bool
is_kept(const struct vt_herald *h, const char *id)
{
    char own[VT_DIGEST_HEX_SIZE];

    for (size_t i = 0; i < h->hooks.count; i++) {
        vt_herald_id(h->hooks.hook[i].url, own);
        if (strcmp(own, id) == 0)
            return true;
    }
    return false;
}

enum vt_err
vt_herald_prune(struct vt_herald *h, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    char gone[VT_DIGEST_HEX_SIZE];
    bool row = true, found = true;
    enum vt_err err = VT_OK;

    while (err == VT_OK && found) {
        found = false;
        err = vt_sql_query(h->db, &r, why, "SELECT id FROM hook", "");
        while (err == VT_OK && row && !found) {
            err = vt_sql_step(r, &row, why);
            found = err == VT_OK && row && !is_kept(h, vt_sql_text(r, 0));
        }
        if (found) {
            const char *id = vt_sql_text(r, 0);

            (void)vt_text_clean(gone, sizeof gone, id, strlen(id));
        }
        vt_sql_end(r);
        r = NULL;
        row = true;
        if (err == VT_OK && found)
            err = vt_sql_do(h->db, why, "DELETE FROM hook WHERE id=?", "s", gone);
    }
    return err;
}
