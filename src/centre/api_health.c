/* SPDX-License-Identifier: Apache-2.0 */
/* How the parts of the promise do: the log, its witnesses, the rebuilders, and how long it
 * takes from assembly to release. */
#include "base/clock.h"
#include "centre/api_parts.h"
#include "centre/herald.h"

#include <string.h>

#define NO_MEMORY "out of memory for an answer"
enum { GROWTH_MAX = 400 };

/* --- The log. --- */

static enum vt_err
put_point(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("[o,o]", vt_api_column_time(r, 0), json_integer(vt_sql_int(r, 1)));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

/* Of very many checkpoints each so many-th is shown, counted from the newest. */
static enum vt_err
put_log(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    int64_t count = 0;
    int64_t size = 0;
    json_t *growth;
    enum vt_err err =
        vt_sql_count(c->api->facts, 0, &count, why, "SELECT count(*) FROM checkpoint", "");

    if (err == VT_OK)
        err = vt_sql_count(c->api->facts, 0, &size, why, "SELECT size FROM state", "");
    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT t,size FROM (SELECT coalesce(nullif(time,0),seen) t,size,"
            "row_number() OVER (ORDER BY size DESC)-1 n FROM checkpoint)"
            " WHERE n%?=0 AND t>0 ORDER BY size",
            "i", count / GROWTH_MAX + 1);
    if (err != VT_OK)
        return err;
    growth = json_array();
    err = vt_api_rows(c, rows, put_point, growth, why);
    if (err == VT_OK)
        return vt_api_set(c->out, "log",
            json_pack("{s:I,s:o}", "size", (json_int_t)size, "growth", growth), why);
    json_decref(growth);
    return err;
}

/* --- Witnesses. --- */

static enum vt_err
put_witness(
    struct vt_api_call *c, const struct vt_policy_party *w, json_t *array, struct vt_why *why)
{
    int64_t now = vt_clock_now(&vt_clock_system);
    int64_t last = 0;
    int64_t cosigned = 0;
    enum vt_err err = vt_sql_count(c->api->facts, 0, &last, why,
        "SELECT coalesce(max(time),0) FROM cosignature WHERE witness=?", "s", w->name);

    if (err == VT_OK)
        err = vt_sql_count(c->api->facts, 0, &cosigned, why,
            "SELECT count(*) FROM cosignature WHERE witness=?", "s", w->name);
    if (err != VT_OK)
        return err;
    return vt_api_add(array,
        json_pack("{s:o,s:o,s:o,s:I}", "name", vt_api_text(w->name), "last", vt_api_time(last),
            "lag_s", last == 0 ? json_null() : json_integer(now > last ? now - last : 0),
            "cosigned", (json_int_t)cosigned),
        why);
}

static enum vt_err
put_witnesses(struct vt_api_call *c, struct vt_why *why)
{
    const struct vt_policy_party *w;
    size_t n = vt_policy_witnesses(c->api->policy, &w);
    json_t *array = json_array();
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = put_witness(c, &w[i], array, why);
    if (err == VT_OK)
        return vt_api_set(c->out, "witnesses", array, why);
    json_decref(array);
    return err;
}

/* --- Rebuilders. --- */

static enum vt_err
put_rebuilder(
    struct vt_api_call *c, const struct vt_policy_party *s, json_t *array, struct vt_why *why)
{
    struct vt_sql *db = c->api->facts;
    int64_t last = 0, rebuilds = 0, mismatches = 0, waiting = 0;
    enum vt_err err = vt_sql_count(db, 0, &last, why,
        "SELECT coalesce(max(time),0) FROM entry WHERE signer=?"
        " AND kind IN ('rebuild','mismatch')",
        "s", s->name);

    if (err == VT_OK)
        err = vt_sql_count(db, 0, &rebuilds, why,
            "SELECT count(*) FROM entry WHERE signer=? AND kind='rebuild'", "s", s->name);
    if (err == VT_OK)
        err = vt_sql_count(db, 0, &mismatches, why,
            "SELECT count(*) FROM entry WHERE signer=? AND kind='mismatch'", "s", s->name);
    if (err == VT_OK)
        err = vt_sql_count(db, 0, &waiting, why,
            "SELECT count(*) FROM run a WHERE a.kind='assembly' AND NOT EXISTS("
            "SELECT 1 FROM run b JOIN entry e ON e.idx=b.idx WHERE b.of=a.idx"
            " AND b.kind IN ('rebuild','mismatch') AND e.signer=?)",
            "s", s->name);
    if (err != VT_OK)
        return err;
    return vt_api_add(array,
        json_pack("{s:o,s:o,s:I,s:I,s:I}", "name", vt_api_text(s->name), "last",
            vt_api_time(last), "rebuilds", (json_int_t)rebuilds, "mismatches",
            (json_int_t)mismatches, "waiting", (json_int_t)waiting),
        why);
}

static enum vt_err
put_rebuilders(struct vt_api_call *c, struct vt_why *why)
{
    const struct vt_policy_party *s;
    size_t n = vt_policy_signers(c->api->policy, &s);
    struct vt_signer_set members;
    json_t *array = json_array();
    enum vt_err err = VT_OK;
    unsigned least;

    vt_policy_members(c->api->policy, VT_ENTRY_REBUILD, &members, &least);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        if (members.has[i])
            err = put_rebuilder(c, &s[i], array, why);
    if (err == VT_OK)
        return vt_api_set(c->out, "rebuilders", array, why);
    json_decref(array);
    return err;
}

/* --- Lists. --- */

static enum vt_err
put_way(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o,s:I}", "artifact", vt_api_column_digest(r, 0),
        "product", vt_api_text(vt_sql_text(r, 1)), "version", vt_api_text(vt_sql_text(r, 2)),
        "assembled", vt_api_column_time(r, 3), "released", vt_api_column_time(r, 4), "seconds",
        (json_int_t)(vt_sql_int(r, 4) - vt_sql_int(r, 3)));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

static enum vt_err
put_mismatch(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    json_t *o = NULL;
    enum vt_err err = vt_api_link(c, r, &o, why);

    if (err == VT_OK)
        err = vt_api_join(o,
            json_pack("{s:o,s:o,s:o}", "artifact", vt_api_column_digest(r, VT_API_LINK_COLUMNS),
                "product", vt_api_column_text(r, VT_API_LINK_COLUMNS + 1), "version",
                vt_api_column_text(r, VT_API_LINK_COLUMNS + 2)),
            why);
    if (err == VT_OK)
        *ret = o;
    else
        json_decref(o);
    return err;
}

static enum vt_err
put_day(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o}", "day", vt_api_text(vt_sql_text(r, 0)), "index",
        json_integer(vt_sql_int(r, 1)), "visits", json_integer(vt_sql_int(r, 2)), "reviewers",
        json_integer(vt_sql_int(r, 3)), "root", vt_api_column_digest(r, 4));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

static enum vt_err
put_list(struct vt_api_call *c, const char *key, const char *sql, vt_api_row_fn *fn,
    struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    json_t *array;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why, sql, "");

    if (err != VT_OK)
        return err;
    array = json_array();
    err = vt_api_rows(c, rows, fn, array, why);
    if (err == VT_OK)
        return vt_api_set(c->out, key, array, why);
    json_decref(array);
    return err;
}

static enum vt_err
put_lists(struct vt_api_call *c, struct vt_why *why)
{
    enum vt_err err = put_list(c, "assembly_to_release",
        "SELECT r.artifact,r.product,r.version,a.finished,e.time FROM release r"
        " JOIN run a ON a.idx=r.run JOIN entry e ON e.idx=r.idx"
        " WHERE e.time>=a.finished AND a.finished>0 ORDER BY r.idx DESC,r.artifact LIMIT 200",
        put_way, why);

    if (err == VT_OK)
        err = put_list(c, "mismatches",
            "SELECT " VT_API_LINK ",o.artifact,a.product,a.version FROM run a"
            " JOIN entry e ON e.idx=a.idx JOIN output o ON o.idx=a.idx"
            " WHERE a.kind='mismatch' ORDER BY a.idx DESC LIMIT 200",
            put_mismatch, why);
    if (err == VT_OK)
        err = put_list(c, "drills",
            "SELECT " VT_API_LINK " FROM entry e WHERE e.kind='drill' AND e.signer IS NOT NULL"
            " ORDER BY e.idx DESC LIMIT 200",
            vt_api_link, why);
    if (err == VT_OK)
        err = put_list(c, "visits",
            "SELECT day,idx,visits,reviewers,root FROM visits ORDER BY day DESC LIMIT 400",
            put_day, why);
    return err;
}

/* --- Web hooks: in tables of their own (centre/herald.h). --- */

static enum vt_err
put_hook(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o}", "url", vt_api_text(vt_sql_text(r, 0)), "last",
        vt_api_column_time(r, 1), "failed", json_integer(vt_sql_int(r, 2)));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, NO_MEMORY) : VT_OK;
}

/* A site that tells nobody has no such tables. */
static enum vt_err
put_hooks(struct vt_api_call *c, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_sql_rows *rows = NULL;
    struct vt_sql *db = NULL;
    json_t *array = json_array();
    enum vt_err err = vt_home_path(c->api->opts->home, path, why, "%s", VT_HERALD_FILE);

    if (err == VT_OK &&
        vt_sql_open(path, VT_SQL_READ, VT_HERALD_SCHEMA, VT_HERALD_VERSION, &db, NULL) == VT_OK)
        err = vt_sql_query(db, &rows, why, "SELECT url,last,failed FROM hook ORDER BY url", "");
    if (err == VT_OK && rows != NULL)
        err = vt_api_rows(c, rows, put_hook, array, why);
    vt_sql_close(db);
    if (err == VT_OK)
        return vt_api_set(c->out, "hooks", array, why);
    json_decref(array);
    return err;
}

enum vt_err
vt_api_health(struct vt_api_call *c, struct vt_why *why)
{
    enum vt_err err;

    c->out = json_object();
    if (c->out == NULL)
        return vt_fail(why, VT_E_NOMEM, NO_MEMORY);
    err = put_log(c, why);
    if (err == VT_OK)
        err = put_witnesses(c, why);
    if (err == VT_OK)
        err = put_rebuilders(c, why);
    if (err == VT_OK)
        err = put_lists(c, why);
    return err == VT_OK ? put_hooks(c, why) : err;
}
