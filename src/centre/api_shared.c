/* SPDX-License-Identifier: Apache-2.0 */
/* What several questions need. */
#include "base/log.h"
#include "centre/api_cover.h"
#include "centre/api_parts.h"

#include <stdio.h>
#include <string.h>

enum vt_err
vt_api_note(struct vt_api_call *c, struct vt_buf *b, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    const void *note;
    size_t len = 0;
    bool there = false;
    enum vt_err err =
        vt_sql_query(c->api->facts, &rows, why, "SELECT note FROM state WHERE size>0", "");

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there) {
        note = vt_sql_bytes(rows, 0, &len);
        vt_buf_put(b, note, len);
        err = vt_buf_check(b, "checkpoint", why);
    }
    vt_sql_end(rows);
    if (err == VT_OK && len == 0)
        return vt_api_fail(c, 503, "no checkpoint is published yet: try again");
    return err;
}

/* Whether the log's reader stands at that note. */
static bool
is_newest(const struct vt_log_reader *r, const struct vt_buf *note)
{
    size_t len;
    const void *have = r == NULL ? NULL : vt_log_reader_note(r, &len);

    return have != NULL && len == note->len && memcmp(have, note->data, len) == 0;
}

enum vt_err
vt_api_log(struct vt_api_call *c, struct vt_log_reader **ret, struct vt_why *why)
{
    struct vt_buf note = VT_BUF(VT_NOTE_MAX);
    struct vt_log_reader *r = NULL;
    enum vt_err err = vt_api_note(c, &note, why);

    if (err == VT_OK && !is_newest(c->api->log, &note)) {
        err = vt_log_reader_open(c->api->public_dir, c->api->policy, &r, why);
        if (err == VT_OK) {
            vt_log_reader_free(c->api->log);
            c->api->log = r;
        } else {
            vt_log(VT_LOG_WARN, "the log cannot be read: %s", why->text);
            err = vt_api_fail(c, 503, "the log cannot be read now: try again");
        }
    }
    vt_buf_release(&note);
    if (err == VT_OK)
        *ret = c->api->log;
    return err;
}

enum vt_err
vt_api_library_try(struct vt_api *a, struct vt_library **ret, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    if (a->library == NULL)
        err = vt_library_open(a->library_dir, false, &a->library, why);
    if (err == VT_OK)
        err = vt_library_refresh(a->library, why);
    if (err == VT_OK) {
        *ret = a->library;
        return VT_OK;
    }
    vt_library_close(a->library); /* it was made anew, or is damaged: open it again */
    a->library = NULL;
    return err;
}

enum vt_err
vt_api_library(struct vt_api_call *c, struct vt_library **ret, struct vt_why *why)
{
    enum vt_err err = vt_api_library_try(c->api, ret, why);

    if (err == VT_OK)
        return VT_OK;
    if (err != VT_E_NOENT)
        vt_log(VT_LOG_WARN, "the library cannot be read: %s", why->text);
    return vt_api_fail(c, 503, "the sources are not indexed yet: try again");
}

/* Whether the asker's list of sealed sources has it. */
static bool
is_open_to_asker(const struct vt_api_call *c, const struct vt_digest *source)
{
    struct vt_reader r = VT_READER(c->ask->sealed, strlen(c->ask->sealed));
    struct vt_reader word;
    struct vt_digest d;

    while (vt_reader_word(&r, ' ', &word))
        if (vt_digest_from_hex((const char *)word.p, word.left, &d) && vt_digest_eq(&d, source))
            return true;
    return false;
}

enum vt_err
vt_api_hidden(
    struct vt_api_call *c, const struct vt_digest *source, bool *ret, struct vt_why *why)
{
    int64_t sealed;
    enum vt_err err = vt_sql_count(c->api->facts, 1, &sealed, why,
        "SELECT sealed FROM source WHERE source=?", "d", source);

    if (err == VT_OK)
        *ret = sealed != 0 && !is_open_to_asker(c, source);
    return err;
}

/* For what is no snapshot of the library: is it none of the log's either? */
static enum vt_err
no_snapshot(struct vt_api_call *c, int64_t known)
{
    if (known < 0)
        return vt_api_fail(c, 404, "the log has no such source");
    return vt_api_fail(c, 503, "this source is not indexed yet: try again");
}

enum vt_err
vt_api_open_source(
    struct vt_api_call *c, struct vt_library **ret, bool *ret_sealed, struct vt_why *why)
{
    struct vt_library_source s;
    struct vt_library *l = NULL;
    int64_t sealed;
    enum vt_err err = vt_sql_count(c->api->facts, -1, &sealed, why,
        "SELECT sealed FROM source WHERE source=?", "d", &c->digest);

    if (err != VT_OK)
        return err;
    if (sealed < 0)
        return no_snapshot(c, sealed);
    if (sealed > 0 && !is_open_to_asker(c, &c->digest))
        return vt_api_fail(
            c, 403, "this source is sealed: it is open to the reviewers that it was opened to");
    err = vt_api_library(c, &l, why);
    if (err == VT_OK)
        err = vt_library_source(l, &c->digest, &s, why);
    if (err == VT_E_NOENT)
        return no_snapshot(c, sealed);
    if (err != VT_OK)
        return err;
    if (sealed > 0)
        c->answer->cache = "private, no-store";
    *ret = l;
    *ret_sealed = sealed > 0;
    return VT_OK;
}

json_t *
vt_api_label(struct vt_api_call *c, const struct vt_digest *source)
{
    struct vt_sql_rows *rows = NULL;
    char text[600];
    char hex[VT_DIGEST_HEX_SIZE];
    bool there = false;

    vt_digest_hex(source, hex);
    (void)snprintf(text, sizeof(text), "source %.8s", hex);
    if (vt_sql_query(c->api->facts, &rows, NULL,
            "SELECT name,version FROM source WHERE source=? AND name IS NOT NULL", "d",
            source) == VT_OK &&
        vt_sql_step(rows, &there, NULL) == VT_OK && there)
        (void)snprintf(text, sizeof(text), "%s %s", vt_sql_text(rows, 0), vt_sql_text(rows, 1));
    vt_sql_end(rows);
    return vt_api_text(text);
}

enum vt_err
vt_api_release(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    struct vt_digest source;
    json_t *cover = NULL;
    enum vt_err err = vt_api_cover_of(c, &source, vt_sql_digest(r, 9, &source), &cover, why);

    if (err != VT_OK)
        return err;
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
        "artifact", vt_api_column_digest(r, 0), "file", vt_api_text(vt_sql_text(r, 1)),
        "channel", vt_api_text(vt_sql_text(r, 2)), "product", vt_api_text(vt_sql_text(r, 3)),
        "version", vt_api_text(vt_sql_text(r, 4)), "length", json_integer(vt_sql_int(r, 5)),
        "index", json_integer(vt_sql_int(r, 6)), "metadata", vt_api_column_digest(r, 7), "time",
        vt_api_column_time(r, 8), "source", vt_api_column_digest(r, 9), "environment",
        vt_api_column_digest(r, 10), "recipe", vt_api_column_digest(r, 11), "state",
        vt_api_text(vt_sql_text(r, 12)), "rebuilds", json_integer(vt_sql_int(r, 13)), "needed",
        json_integer(vt_sql_int(r, 14)), "contradictions", json_integer(vt_sql_int(r, 15)),
        "coverage", cover);
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, "out of memory for an answer") : VT_OK;
}

static void
take_text(struct vt_sql_rows *r, int column, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s", vt_sql_text(r, column));
}

static void
take_release(struct vt_sql_rows *r, struct vt_api_release_facts *ret)
{
    *ret = (struct vt_api_release_facts){.idx = vt_sql_int(r, 6), .run = vt_sql_int(r, 16)};
    ret->has_run = vt_sql_digest(r, 9, &ret->source) &&
                   vt_sql_digest(r, 10, &ret->environment) &&
                   vt_sql_digest(r, 11, &ret->recipe);
    take_text(r, 1, ret->file, sizeof(ret->file));
    take_text(r, 2, ret->channel, sizeof(ret->channel));
    take_text(r, 3, ret->product, sizeof(ret->product));
    take_text(r, 4, ret->version, sizeof(ret->version));
    take_text(r, 17, ret->path, sizeof(ret->path));
}

enum vt_err
vt_api_find_release(struct vt_api_call *c, const struct vt_digest *artifact,
    struct vt_api_release_facts *ret, json_t **ret_release, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_RELEASE " FROM release r JOIN entry e ON e.idx=r.idx"
        " LEFT JOIN run a ON a.idx=r.run WHERE r.artifact=? ORDER BY r.idx DESC LIMIT 1",
        "d", artifact);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there) {
        take_release(rows, ret);
        ret->artifact = *artifact;
        if (ret_release != NULL)
            err = vt_api_release(c, rows, ret_release, why);
    }
    vt_sql_end(rows);
    if (err == VT_OK && !there)
        return vt_api_fail(c, 404, "no release in the log has that artifact");
    return err;
}

enum vt_err
vt_api_neighbour(struct vt_api_call *c, const struct vt_api_release_facts *of, bool after,
    struct vt_digest *ret, bool *ret_found, struct vt_why *why)
{
    static const char before_sql[] =
        "SELECT artifact FROM release WHERE channel=? AND product=? AND idx<? AND artifact<>?"
        " ORDER BY idx DESC LIMIT 1";
    static const char after_sql[] =
        "SELECT artifact FROM release WHERE channel=? AND product=? AND idx>? AND artifact<>?"
        " ORDER BY idx LIMIT 1";
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why, after ? after_sql : before_sql,
        "ssid", of->channel, of->product, of->idx, &of->artifact);

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    *ret_found = err == VT_OK && there && vt_sql_digest(rows, 0, ret);
    vt_sql_end(rows);
    return err;
}
