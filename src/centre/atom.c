/* SPDX-License-Identifier: Apache-2.0 */
/* /feed.atom: what happens in the log, for feed readers (Atom 1.0, RFC 4287). */
#include "base/clock.h"
#include "centre/api_parts.h"
#include "centre/html.h"

#include <inttypes.h>
#include <string.h>

/* What an entry of that kind is for people. The kinds are those that /events tells of. */
static const struct {
    const char *kind;
    const char *title;
} titles[] = {
    {"release", "A release was published"},
    {"mismatch", "A rebuild gave other bytes"},
    {"review", "A source was signed off"},
    {"objection", "A reviewer objects to releases from a source"},
    {"request", "Users' data was asked for"},
    {"grant", "A request for users' data was granted"},
    {"run", "Users' data was read under a grant"},
    {"erasure", "A person's keys were destroyed"},
    {"relocation", "A region begins to move"},
    {"receipt", "A region has arrived"},
    {"shred", "What a region left behind was destroyed"},
};

static const char *
title_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (strcmp(titles[i].kind, kind) == 0)
            return titles[i].title;
    return kind;
}

static void
put_time(struct vt_buf *b, int64_t t)
{
    char text[VT_TIME_SIZE];

    vt_time_format(t, text);
    vt_buf_putf(b, "<updated>%s</updated>", text);
}

/* Ids are tag URIs (RFC 4151) made of the log's name, so that they outlive its address. */
static void
put_id(struct vt_buf *b, const char *site, const char *rest)
{
    vt_buf_puts(b, "<id>tag:");
    vt_html_text(b, site);
    vt_buf_putf(b, ",2026:%s</id>", rest);
}

/* A row of idx, kind, signer, time, product, version. */
static void
put_entry(struct vt_api_call *c, struct vt_sql_rows *r)
{
    struct vt_buf *b = c->body;
    const char *kind = vt_sql_text(r, 1);
    char id[64];
    int64_t index = vt_sql_int(r, 0);

    (void)snprintf(id, sizeof(id), "entry/%" PRId64, index);
    vt_buf_puts(b, "<entry>");
    put_id(b, c->api->opts->home->name, id);
    vt_buf_puts(b, "<title>");
    vt_html_text(b, title_of(kind));
    if (!vt_sql_is_null(r, 4)) {
        vt_buf_puts(b, ": ");
        vt_html_text(b, vt_sql_text(r, 4));
        vt_buf_puts(b, " ");
        vt_html_text(b, vt_sql_text(r, 5));
    }
    vt_buf_puts(b, "</title>");
    put_time(b, vt_sql_int(r, 3));
    vt_buf_puts(b, "<author><name>");
    vt_html_text(b, vt_sql_text(r, 2));
    vt_buf_puts(b, "</name></author><category term=\"");
    vt_html_text(b, kind);
    vt_buf_puts(b, "\"/><link href=\"");
    vt_html_text(b, c->api->opts->url);
    vt_buf_putf(b, "/entry/%" PRId64 "\"/></entry>\n", index);
}

static void
put_head(struct vt_api_call *c, int64_t updated)
{
    struct vt_buf *b = c->body;

    vt_buf_puts(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                   "<feed xmlns=\"http://www.w3.org/2005/Atom\">");
    put_id(b, c->api->opts->home->name, "log");
    vt_buf_puts(b, "<title>");
    vt_html_text(b, c->api->opts->home->name);
    vt_buf_puts(b, "</title>");
    put_time(b, updated);
    vt_buf_puts(b, "<link rel=\"self\" type=\"application/atom+xml\" href=\"");
    vt_html_text(b, c->api->opts->url);
    vt_buf_puts(b, "/api/v1/feed.atom\"/><link href=\"");
    vt_html_text(b, c->api->opts->url);
    vt_buf_puts(b, "/\"/>\n");
}

enum vt_err
vt_api_atom(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    int64_t updated = 0;
    bool more = true;
    enum vt_err err =
        vt_sql_count(c->api->facts, 0, &updated, why, "SELECT coalesce(time,0) FROM state", "");

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT e.idx,e.kind,e.signer,coalesce(e.time,0),max(r.product),max(r.version)"
            " FROM entry e LEFT JOIN release r ON r.idx=e.idx"
            " WHERE e.kind IN ('release','mismatch','review','objection','request','grant',"
            "'run','erasure','relocation','receipt','shred') AND e.signer IS NOT NULL"
            " GROUP BY e.idx ORDER BY e.idx DESC LIMIT 100",
            "");
    if (err == VT_OK)
        put_head(c, updated);
    while (err == VT_OK) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        put_entry(c, rows);
    }
    vt_sql_end(rows);
    if (err != VT_OK)
        return err;
    vt_buf_puts(c->body, "</feed>\n");
    c->answer->content_type = "application/atom+xml; charset=utf-8";
    return vt_buf_check(c->body, "feed", why);
}
