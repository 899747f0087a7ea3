/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine centre visits
 */
#include "centre.h"

#include "base/clock.h"
#include "centre/visit_book.h"
#include "centre/visit_publish.h"
#include "centre/visit_record.h"
#include "log/reader.h"
#include "party.h"

#include <inttypes.h>

#define PUBLISHED_MS 60000

struct args {
    const char *home;
    const char *day;
    bool publish;
    bool so_far;
};

struct shown {
    json_t *list;
    struct vt_buf text;
    size_t published;
};

/* So that whatever comes next finds it in the log. */
static enum vt_err
await(const struct vt_party *p, struct vt_sql *db, struct vt_why *why)
{
    int64_t last = 0;
    enum vt_err err = vt_sql_count(db, 0, &last, why, "SELECT max(idx) FROM record", "");

    return err == VT_OK ? vt_log_wait_published(
                              p->http, p->url, p->policy, (uint64_t)last, PUBLISHED_MS, why)
                        : err;
}

static enum vt_err
publish(const struct args *a, struct vt_sql *db, struct shown *s, struct vt_why *why)
{
    struct vt_party p = {.signer = NULL};
    struct vt_visit_publisher publisher;
    enum vt_err err = vt_party_open(
        &p, a->home, VT_HOME_SITE, "centre", VT_SIGN_BIT(VT_SIGN_ENTRY), NULL, why);

    if (err == VT_OK) {
        publisher = (struct vt_visit_publisher){
            .site = p.home.name, .signer = p.signer, .http = p.http, .url = p.url};
        err = vt_visit_publish(
            db, &publisher, vt_clock_now(&vt_clock_system), a->so_far, &s->published, why);
    }
    if (err == VT_OK && s->published > 0)
        err = await(&p, db, why);
    vt_party_release(&p);
    return err;
}

static enum vt_err
show_lines(struct vt_sql *db, const char *text, struct shown *s, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_visit v;
    uint64_t leaf = 0;
    int64_t day = 0;
    bool row = false;
    enum vt_err err;

    if (!vt_visit_day_parse(text, &day))
        return vt_fail(why, VT_E_USAGE, "--day %.40s: not a day such as 2026-11-22", text);
    err = vt_sql_query(db, &r, why,
        "SELECT " VT_VISIT_COLUMNS " FROM visit WHERE day=? ORDER BY leaf", "i", day);
    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        err = vt_visit_row(r, &v, &leaf, why);
        if (err != VT_OK)
            break;
        (void)json_array_append_new(s->list,
            json_pack("{s:I, s:o, s:o, s:o, s:o, s:s}", "leaf", (json_int_t)leaf, "time",
                vt_centre_time_json(v.time), "source", vt_centre_digest_json(&v.source), "blob",
                vt_centre_digest_json(&v.blob), "reviewer",
                v.reviewer[0] != '\0' ? json_string(v.reviewer) : json_null(), "path", v.path));
        err = vt_visit_put(&s->text, &v, why);
        vt_buf_puts(&s->text, "\n");
    }
    vt_sql_end(r);
    return err;
}

static void
put_day(struct shown *s, int64_t day, int64_t lines, const struct vt_visit_record *record)
{
    char text[11];

    vt_visit_day_format(day, text);
    if (record == NULL) {
        (void)json_array_append_new(s->list, json_pack("{s:s, s:I, s:n, s:n}", "day", text,
                                                 "visits", (json_int_t)lines, "entry", "root"));
        vt_buf_putf(&s->text, "%s: %" PRId64 " openings, not published\n", text, lines);
        return;
    }
    (void)json_array_append_new(s->list,
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "day", text, "visits",
            (json_int_t)lines, "recorded", (json_int_t)record->leaves, "reviewers",
            (json_int_t)record->reviewers, "anonymous", (json_int_t)record->anonymous, "entry",
            record->index >= 0 ? json_integer((json_int_t)record->index) : json_null(), "root",
            vt_centre_digest_json(&record->root), "made", vt_centre_time_json(record->made)));
    vt_buf_putf(&s->text, "%s: %" PRId64 " openings", text, lines);
    if (record->index < 0)
        vt_buf_puts(&s->text, ", record made, not in the log yet\n");
    else
        vt_buf_putf(&s->text, ", %" PRIu64 " of them published as entry %" PRId64 "\n",
            record->leaves, record->index);
}

static enum vt_err
show_days(struct vt_sql *db, struct shown *s, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_visit_record record;
    bool row = false;
    enum vt_err err = vt_sql_query(db, &r, why,
        "SELECT d.day, (SELECT coalesce(max(leaf) + 1, 0) FROM visit v WHERE v.day=d.day) FROM"
        " (SELECT day FROM record UNION SELECT max(day) FROM visit) d"
        " WHERE d.day IS NOT NULL ORDER BY d.day DESC LIMIT 400",
        "");

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        enum vt_err has = vt_visit_record_of(db, vt_sql_int(r, 0), false, &record, why);

        if (has != VT_OK && has != VT_E_NOENT)
            err = has;
        else
            put_day(s, vt_sql_int(r, 0), vt_sql_int(r, 1), has == VT_OK ? &record : NULL);
    }
    vt_sql_end(r);
    if (err == VT_OK && s->text.len == 0)
        vt_buf_puts(&s->text, "nothing was opened yet\n");
    return err;
}

static enum vt_err
run(const struct args *a, struct shown *s, struct vt_why *why)
{
    struct vt_home home;
    struct vt_sql *db = NULL;
    enum vt_err err = VT_OK;

    if (a->so_far && !a->publish)
        return vt_fail(why, VT_E_USAGE, "--so-far says what to --publish");
    err = vt_centre_open(a->home, &home, &db, why);
    if (err == VT_OK && a->publish)
        err = publish(a, db, s, why);
    if (err == VT_OK)
        err = a->day != NULL ? show_lines(db, a->day, s, why) : show_days(db, s, why);
    if (err == VT_OK)
        err = vt_buf_check(&s->text, "the list", why);
    vt_sql_close(db);
    return err;
}

int
vt_cmd_centre_visits(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"day", 'd', VT_OPT_STR, "DAY", "the lines of one day, such as 2026-11-22", &a.day,
            false},
        {"publish", 0, VT_OPT_FLAG, NULL, "publish the record of days that are over",
            &a.publish, false},
        {"so-far", 0, VT_OPT_FLAG, NULL, "and of today until now", &a.so_far, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "centre visits",
        .args = "HOME",
        .summary = "show who opened what source, and publish its record",
        .details = "A site that runs publishes each day by itself, soon after it is over.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct shown s = {.text = VT_BUF(512U << 20)};
    struct vt_why why = {0};
    int rc = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (rc >= 0)
        return rc;
    a.home = c.argv[0];
    s.list = json_array();
    err = run(&a, &s, &why);
    if (err != VT_OK)
        rc = vt_cmd_fail(&c, err, &why);
    else
        rc = vt_cmd_done(&c,
            json_pack("{s:O, s:I}", a.day != NULL ? "visits" : "days", s.list, "published",
                (json_int_t)s.published),
            "%.*s", s.text.len > 0 ? (int)s.text.len - 1 : 0, vt_buf_str(&s.text));
    json_decref(s.list);
    vt_buf_release(&s.text);
    return rc;
}
