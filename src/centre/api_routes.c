/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/api_routes.h"

#include "base/log.h"
#include "centre/api_kept.h"
#include "centre/api_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BASE "/api/v1/"
#define PARAMETERS_MAX 8

/* How an answer may be kept. */
enum keep {
    KEEP_ASK = 1, /* asked for again: the tag follows the facts and the library */
    KEEP_BODY,    /* the same, but the tag is of its bytes: the time of day is in it */
    KEEP_EVER,    /* named by digests: it never changes */
};

struct route {
    const char *pattern; /* D: a digest, N: a number, all else as it stands */
    vt_api_fn *handle;
    enum keep keep;
    bool without_facts; /* answers also before there are any */
    const char *names[PARAMETERS_MAX];
};

static const struct route routes[] = {
    {"site", vt_api_site, KEEP_ASK, true, {NULL}},
    {"openapi.json", vt_api_openapi, KEEP_BODY, true, {NULL}},
    {"terms", vt_api_terms, KEEP_BODY, true, {NULL}},
    {"checkpoint", vt_api_checkpoint, KEEP_ASK, false, {NULL}},
    {"entries", vt_api_entries, KEEP_ASK, false,
        {"kind", "signer", "subject", "after", "limit"}},
    {"entries/N", vt_api_entry, KEEP_ASK, false, {NULL}},
    {"entries/N/proof", vt_api_proof, KEEP_BODY, false, {NULL}},
    {"feed.atom", vt_api_atom, KEEP_ASK, false, {NULL}},
    {"releases", vt_api_releases, KEEP_ASK, false, {"channel", "product", "after", "limit"}},
    {"releases/D", vt_api_one_release, KEEP_ASK, false, {NULL}},
    {"releases/D/packages", vt_api_packages, KEEP_ASK, false, {NULL}},
    {"releases/D/sbom", vt_api_sbom, KEEP_ASK, false, {NULL}},
    {"releases/D/changes", vt_api_changes, KEEP_ASK, false, {"since"}},
    {"artifacts/D", vt_api_artifact, KEEP_ASK, false, {NULL}},
    {"sources", vt_api_sources, KEEP_ASK, false, {"after", "limit"}},
    {"sources/D", vt_api_one_source, KEEP_ASK, false, {NULL}},
    {"sources/D/tree", vt_api_tree, KEEP_ASK, false, {"path"}},
    {"sources/D/file", vt_api_file, KEEP_ASK, false, {"path"}},
    {"sources/D/raw", vt_api_raw, KEEP_EVER, false, {"path"}},
    {"sources/D/symbols", vt_api_symbols, KEEP_ASK, false, {"name", "prefix", "limit"}},
    {"sources/D/history", vt_api_history, KEEP_ASK, false, {"path"}},
    {"sources/D/diff", vt_api_diff, KEEP_ASK, false, {"since", "path"}},
    {"sources/D/coverage", vt_api_coverage, KEEP_ASK, false, {"after", "limit", "only"}},
    {"search", vt_api_search, KEEP_ASK, false, {"q", "mode", "in", "source", "path", "limit"}},
    {"regions", vt_api_regions, KEEP_ASK, false, {NULL}},
    {"requests", vt_api_requests, KEEP_BODY, false, {"state", "region", "after", "limit"}},
    {"requests/D", vt_api_one_request, KEEP_BODY, false, {NULL}},
    {"erasures", vt_api_erasures, KEEP_ASK, false, {"after", "limit"}},
    {"retentions", vt_api_retentions, KEEP_ASK, false, {"after", "limit"}},
    {"runs", vt_api_runs, KEEP_ASK, false, {"after", "limit"}},
    {"relocations", vt_api_relocations, KEEP_ASK, false, {"after", "limit"}},
    {"health", vt_api_health, KEEP_BODY, false, {NULL}},
};

enum vt_err
vt_api_fail(struct vt_api_call *c, int status, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    vt_answer_error(c->answer, c->body, status, "%s", text);
    c->refused = true;
    return VT_E_REFUSED;
}

/* One part of a path against one of a pattern. *ret_bad: in that place a digest or a number
 * stands, and this is none. */
static bool
match_part(
    struct vt_reader pattern, struct vt_reader part, struct vt_api_call *c, bool *ret_bad)
{
    if (vt_reader_is(&pattern, "D")) {
        if (!vt_reader_skip(&part, "sha256:") ||
            !vt_digest_from_hex((const char *)part.p, part.left, &c->digest))
            *ret_bad = true;
        return true;
    }
    if (vt_reader_is(&pattern, "N")) {
        if (!vt_reader_decimal(&part, INT64_MAX, &c->number))
            *ret_bad = true;
        return true;
    }
    return pattern.left == part.left && memcmp(pattern.p, part.p, part.left) == 0;
}

static bool
matches(const char *pattern, const char *path, struct vt_api_call *c, bool *ret_bad)
{
    struct vt_reader p = VT_READER(pattern, strlen(pattern));
    struct vt_reader r = VT_READER(path, strlen(path));
    struct vt_reader pattern_part;
    struct vt_reader part;

    *ret_bad = false;
    if (r.left == 0 || path[r.left - 1] == '/')
        return false;
    while (vt_reader_word(&p, '/', &pattern_part))
        if (!vt_reader_word(&r, '/', &part) || !match_part(pattern_part, part, c, ret_bad))
            return false;
    return r.left == 0;
}

static const struct route *
find_route(struct vt_api_call *c, bool *ret_bad)
{
    const char *path = c->ask->path;

    if (strncmp(path, BASE, strlen(BASE)) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (matches(routes[i].pattern, path + strlen(BASE), c, ret_bad))
            return &routes[i];
    return NULL;
}

static void
put_tag(struct vt_api_call *c, const struct vt_digest *d)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    (void)snprintf(c->api->etag, sizeof(c->api->etag), "\"%.32s\"", hex);
    c->answer->etag = c->api->etag;
}

/* What the answers are made of: it changes whenever one of them may. */
static enum vt_err
put_state(struct vt_api *a, struct vt_buf *b, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    const void *made;
    size_t made_len;
    bool there = false;
    enum vt_err err;

    vt_buf_puts(b, VT_VERSION "\n");
    vt_buf_put(b, vt_policy_digest(a->policy)->b, VT_DIGEST_SIZE);
    if (a->facts == NULL)
        return VT_OK;
    err = vt_sql_query(a->facts, &rows, why,
        "SELECT generation,size,problem,made,(SELECT count(*) FROM shelf),taken FROM state",
        "");
    if (err == VT_OK)
        err = vt_sql_step(rows, &there, why);
    if (err == VT_OK && there) {
        a->generation = vt_sql_int(rows, 0);
        made = vt_sql_bytes(rows, 3, &made_len);
        vt_buf_put(b, made, made_len);
        vt_buf_putf(b, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s\n",
            vt_sql_int(rows, 0), vt_sql_int(rows, 1), vt_sql_int(rows, 4), vt_sql_int(rows, 5),
            vt_sql_text(rows, 2));
    }
    vt_sql_end(rows);
    return err;
}

static enum vt_err
state_tag(struct vt_api_call *c, enum keep keep, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(65536);
    enum vt_err err = VT_OK;

    if (keep != KEEP_EVER)
        err = put_state(c->api, &b, why);
    vt_buf_putf(
        &b, "%s\n%s\n%s\n%s\n", c->ask->path, c->ask->query, c->ask->who, c->ask->sealed);
    if (err == VT_OK)
        err = vt_buf_check(&b, "tag", why);
    if (err == VT_OK)
        vt_digest_of(b.data, b.len, ret);
    vt_buf_release(&b);
    return err;
}

/* The answer's bytes, and how they may be kept. */
static enum vt_err
finish(struct vt_api_call *c, enum keep keep, const struct vt_digest *tag, struct vt_why *why)
{
    struct vt_digest d = *tag;
    enum vt_err err = VT_OK;

    if (c->out != NULL)
        err = vt_json_text(c->out, false, c->body, why);
    if (err == VT_E_LIMIT)
        return vt_api_fail(c, 413, "the answer is too long: ask for less at a time");
    if (err != VT_OK || c->answer->status != 200)
        return err;
    if (keep == KEEP_EVER && strcmp(c->answer->cache, "no-cache") == 0)
        c->answer->cache = "public, max-age=31536000, immutable";
    if (keep == KEEP_BODY)
        vt_digest_of(c->body->data, c->body->len, &d);
    put_tag(c, &d);
    return VT_OK;
}

/* Whether an answer is the same for all who ask, until the tag changes. */
static bool
may_keep(const struct vt_api_call *c, const struct route *r)
{
    return r->keep == KEEP_ASK && c->ask->sealed[0] == '\0' && !c->passing;
}

static enum vt_err
make(struct vt_api_call *c, const struct route *r, const struct vt_digest *tag,
    struct vt_why *why)
{
    enum vt_err err;

    if (may_keep(c, r) &&
        vt_api_kept_find(c->api->kept, tag, &c->answer->content_type, c->body)) {
        put_tag(c, tag);
        return VT_OK;
    }
    err = r->handle(c, why);
    if (err == VT_OK)
        err = finish(c, r->keep, tag, why);
    if (err == VT_OK && may_keep(c, r))
        vt_api_kept_add(c->api->kept, tag, c->answer->content_type, c->body);
    return err;
}

static enum vt_err
handle(struct vt_api_call *c, const struct route *r, struct vt_why *why)
{
    struct vt_digest tag = {{0}};
    enum vt_err err;

    if (!vt_query_only(c->ask->query, r->names))
        return vt_api_fail(c, 400, "a parameter that is not known here, or one given twice");
    if (c->api->facts == NULL && !r->without_facts)
        return vt_api_fail(c, 503, "the site reads its log for the first time: try again");
    err = state_tag(c, r->keep, &tag, why);
    if (err != VT_OK)
        return err;
    if (r->keep == KEEP_ASK && c->ask->if_none_match[0] != '\0') {
        put_tag(c, &tag);
        if (strcmp(c->ask->if_none_match, c->answer->etag) == 0) {
            c->answer->status = 304;
            return VT_OK;
        }
        c->answer->etag = "";
    }
    return make(c, r, &tag, why);
}

/* What went wrong that was not the asker's doing. */
static void
answer_failure(struct vt_api_call *c, enum vt_err err, const struct vt_why *why)
{
    if (err == VT_E_NOENT) {
        vt_answer_error(c->answer, c->body, 404, "%s", why->text);
        return;
    }
    vt_log(VT_LOG_WARN, "%s: %s", c->ask->path, why->text);
    vt_answer_error(c->answer, c->body, 503, "this cannot be read now: try again");
}

void
vt_api_answer(
    struct vt_api *a, const struct vt_ask *ask, struct vt_answer *ret, struct vt_buf *body)
{
    struct vt_api_call c = {.api = a, .ask = ask, .answer = ret, .body = body};
    struct vt_why why = {0};
    bool bad = false;
    const struct route *r = find_route(&c, &bad);
    enum vt_err err;

    if (r == NULL) {
        vt_answer_error(ret, body, 404, "there is nothing of that name");
        return;
    }
    if (bad) {
        vt_answer_error(ret, body, 400,
            "a digest is `sha256:` and 64 hex digits in lower case, "
            "an entry's number is decimal");
        return;
    }
    err = handle(&c, r, &why);
    if (err != VT_OK && !c.refused)
        answer_failure(&c, err, &why);
    json_decref(c.out);
}
