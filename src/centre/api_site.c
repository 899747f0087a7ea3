/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/api_parts.h"
#include "centre/terms.h"

#include <string.h>

/* --- The site. --- */

/* The policy that it serves: a copy in the public folder. */
static json_t *
policy_text(const struct vt_api *a)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    char path[VT_PATH_MAX];
    json_t *v = NULL;

    if (vt_path(path, NULL, "%s/policy", a->public_dir) == VT_OK &&
        vt_file_read(path, &b, NULL) == VT_OK)
        v = vt_api_text_n(b.data, b.len);
    else
        v = json_string("");
    vt_buf_release(&b);
    return v;
}

static const char *
origin_of(const struct vt_policy *policy)
{
    const struct vt_policy_party *log;

    return vt_policy_logs(policy, &log) > 0 ? log[0].name : "";
}

/* What the facts say of how far they are. */
static enum vt_err
put_state(struct vt_api_call *c, json_t *o, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool there = false;
    json_t *checkpoint;
    enum vt_err err = vt_sql_query(
        c->api->facts, &rows, why, "SELECT size,root,time,generation,problem FROM state", "");

    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there) {
        checkpoint =
            vt_sql_int(rows, 0) == 0
                ? json_null()
                : json_pack("{s:o,s:o,s:o}", "size", vt_api_column_int(rows, 0), "root",
                      vt_api_column_digest(rows, 1), "time", vt_api_column_time(rows, 2));
        err = vt_api_join(o,
            json_pack("{s:o,s:o,s:o}", "checkpoint", checkpoint, "generation",
                json_integer(vt_sql_int(rows, 3)), "problem",
                vt_api_text_or_null(vt_sql_text(rows, 4))),
            why);
    }
    vt_sql_end(rows);
    return err;
}

enum vt_err
vt_api_site(struct vt_api_call *c, struct vt_why *why)
{
    const struct vt_api *a = c->api;
    const struct vt_home *home = a->opts->home;

    c->out = json_pack("{s:o,s:o,s:o,s:s,s:o,s:n,s:o,s:i,s:s}", "name", vt_api_text(home->name),
        "jurisdiction", vt_api_text_or_null(home->jurisdiction), "origin",
        vt_api_text(origin_of(a->policy)), "version", VT_VERSION, "policy", policy_text(a),
        "checkpoint", "url", vt_api_text_or_null(a->opts->url), "generation", 0, "problem",
        "the site reads its log for the first time");
    if (c->out == NULL)
        return vt_fail(why, VT_E_NOMEM, "out of memory for an answer");
    return a->facts == NULL ? VT_OK : put_state(c, c->out, why);
}

/* --- The newest checkpoint. --- */

static json_t *
witnesses_of(const struct vt_policy *policy, const struct vt_note *note)
{
    const struct vt_policy_party *w;
    size_t n = vt_policy_witnesses(policy, &w);
    json_t *array = json_array();

    for (size_t i = 0; i < n && array != NULL; i++) {
        uint64_t time = 0;

        if (vt_cosig_verify(note, &w[i].key, &time, NULL) != VT_OK)
            time = 0;
        if (vt_api_add(array,
                json_pack("{s:o,s:o,s:o,s:o}", "name", vt_api_text(w[i].name), "key",
                    vt_api_text(w[i].key.name), "time", vt_api_time((int64_t)time), "url",
                    w[i].url == NULL ? json_null() : vt_api_text(w[i].url)),
                NULL) != VT_OK)
            break;
    }
    return array;
}

enum vt_err
vt_api_checkpoint(struct vt_api_call *c, struct vt_why *why)
{
    const struct vt_policy *policy = c->api->policy;
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_checkpoint cp;
    struct vt_note note;
    const char *quorum = vt_policy_demand_name(policy, 0);
    uint64_t time = 0;
    enum vt_err err = vt_api_note(c, &b, why);

    if (err == VT_OK)
        err = vt_policy_check_log(policy, b.data, b.len, &note, &cp, why);
    if (err == VT_OK && vt_policy_check_quorum(policy, &note, &time, NULL) != VT_OK)
        time = 0;
    if (err == VT_OK) {
        c->out = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "origin",
            vt_api_text(cp.origin), "size", json_integer((json_int_t)cp.size), "root",
            vt_api_digest(&cp.root), "note", vt_api_text_n(b.data, b.len), "time",
            vt_api_time((int64_t)time), "witnesses", witnesses_of(policy, &note), "quorum",
            vt_api_text(quorum == NULL ? "none" : quorum), "needed",
            json_integer(vt_policy_demand_least(policy, 0)));
        if (c->out == NULL)
            err = vt_fail(why, VT_E_NOMEM, "out of memory for an answer");
    }
    vt_buf_release(&b);
    return err;
}

/* --- What is said of the API and of its words. --- */

enum vt_err
vt_api_terms(struct vt_api_call *c, struct vt_why *why)
{
    json_t *items = json_array();
    enum vt_err err = VT_OK;

    for (size_t i = 0; vt_terms[i].term != NULL && err == VT_OK; i++)
        err = vt_api_add(
            items, json_pack("{s:s,s:s}", "term", vt_terms[i].term, "is", vt_terms[i].is), why);
    c->out = json_pack("{s:o}", "items", items);
    return err;
}

/* Made from docs/openapi.json when the program is built. */
extern const unsigned char vt_openapi[];
extern const size_t vt_openapi_len;

enum vt_err
vt_api_openapi(struct vt_api_call *c, struct vt_why *why)
{
    vt_buf_put(c->body, vt_openapi, vt_openapi_len);
    return vt_buf_check(c->body, "openapi.json", why);
}
