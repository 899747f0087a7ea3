/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/api_parts.h"
#include "centre/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* An artifact that several releases name stands in the list once, with its newest. */
#define NEWEST                                                                                 \
    " FROM release r JOIN entry e ON e.idx=r.idx LEFT JOIN run a ON a.idx=r.run"               \
    " WHERE NOT EXISTS(SELECT 1 FROM release n WHERE n.artifact=r.artifact"                    \
    " AND n.channel=r.channel AND n.idx>r.idx)"

enum vt_err
vt_api_releases(struct vt_api_call *c, struct vt_why *why)
{
    char channel[256] = "";
    char product[256] = "";
    struct vt_api_page page;
    struct vt_sql_rows *rows = NULL;
    json_t *items;
    enum vt_err err = vt_api_page_param(c, &page);

    if (err == VT_OK)
        (void)vt_api_text_param(c, "channel", channel, sizeof(channel), &err);
    if (err == VT_OK)
        (void)vt_api_text_param(c, "product", product, sizeof(product), &err);
    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT " VT_API_RELEASE NEWEST " AND (?1='' OR r.channel=?1)"
            " AND (?2='' OR r.product=?2) AND r.idx<=?3 AND (r.idx<?3 OR r.artifact>?4)"
            " ORDER BY r.idx DESC,r.artifact LIMIT ?5",
            "ssidi", channel, product, page.before, &page.digest, page.limit + 1);
    if (err != VT_OK)
        return err;
    items = json_array();
    err = vt_api_rows(c, rows, vt_api_release, items, why);
    if (err == VT_OK)
        return vt_api_list(c, items, &page, "artifact", why);
    json_decref(items);
    return err;
}

/* --- One release. --- */

static enum vt_err add_command(json_t *array, struct vt_why *why, const char *does,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static enum vt_err
add_command(json_t *array, struct vt_why *why, const char *does, const char *fmt, ...)
{
    struct vt_buf b = VT_BUF(16384);
    char text[8192];
    enum vt_err err;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    vt_buf_puts(&b, text);
    err = vt_api_add(array,
        json_pack("{s:s,s:o}", "does", does, "command", vt_api_text(vt_buf_str(&b))), why);
    vt_buf_release(&b);
    return err;
}

/* Names of files in releases are letters, digits and "._+~-" (attest/statement.h). What was
 * made otherwise is not put into a line for a shell. */
static bool
is_plain(const char *s)
{
    return s[0] != '\0' && s[0] != '-' && s[0] != '.' &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-") ==
               strlen(s);
}

static enum vt_err
put_commands(struct vt_api_call *c, const struct vt_api_release_facts *f, const char *download,
    const char *passport, json_t *commands, struct vt_why *why)
{
    const char *url = c->api->opts->url;
    const char *file = is_plain(f->file) ? f->file : "artifact";
    enum vt_err err =
        add_command(commands, why, "download the file", "curl -f -o %s '%s'", file, download);

    if (err == VT_OK)
        err = add_command(commands, why, "download its passport: all that proves it",
            "curl -f -o %s.passport '%s'", file, passport);
    if (err == VT_OK)
        err = add_command(commands, why,
            "download this site's policy: whom it asks you to trust (better: write your own)",
            "curl -f -o policy '%s/policy'", url);
    if (err == VT_OK)
        err = add_command(commands, why, "check everything on this page, without any network",
            "vitrine verify %s --passport %s.passport --policy policy", file, file);
    if (err == VT_OK)
        err = add_command(commands, why, "show the file's digest, which this page is named by",
            "sha256sum %s", file);
    if (err == VT_OK)
        err = add_command(commands, why, "prove that the release is in the public log",
            "vitrine log prove %lld --from '%s' --policy policy", (long long)f->idx, url);
    if (err == VT_OK)
        err = add_command(commands, why, "read the whole log and recompute its root",
            "vitrine log check --from '%s' --policy policy", url);
    return err;
}

/* PRODUCT/VERSION/FILE as a TUF client asks for it: HASH before the file's name. */
static void
put_download(struct vt_buf *b, const char *url, const struct vt_api_release_facts *f)
{
    struct vt_buf path = VT_BUF(VT_PATH_MAX);
    const char *slash = strrchr(f->path, '/');
    size_t folder = slash == NULL ? 0 : (size_t)(slash - f->path) + 1;
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(&f->artifact, hex);
    vt_buf_put(&path, f->path, folder);
    vt_buf_putf(&path, "%s.%s", hex, f->path + folder);
    vt_buf_putf(b, "%s/tuf/targets/", url);
    vt_html_path(b, vt_buf_str(&path));
    vt_buf_release(&path);
}

static void
put_passport(struct vt_buf *b, const char *url, const struct vt_api_release_facts *f)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(&f->artifact, hex);
    vt_buf_putf(b, "%s/passports/%s.passport", url, hex);
}

static enum vt_err
put_neighbour(struct vt_api_call *c, const struct vt_api_release_facts *f, bool after,
    json_t *o, struct vt_why *why)
{
    struct vt_digest d;
    bool found = false;
    enum vt_err err = vt_api_neighbour(c, f, after, &d, &found, why);

    if (err != VT_OK)
        return err;
    return vt_api_set(
        o, after ? "next" : "previous", found ? vt_api_digest(&d) : json_null(), why);
}

static enum vt_err
put_ways(
    struct vt_api_call *c, const struct vt_api_release_facts *f, json_t *o, struct vt_why *why)
{
    struct vt_buf download = VT_BUF(8192);
    struct vt_buf passport = VT_BUF(8192);
    json_t *commands = json_array();
    enum vt_err err;

    put_download(&download, c->api->opts->url, f);
    put_passport(&passport, c->api->opts->url, f);
    err = put_commands(c, f, vt_buf_str(&download), vt_buf_str(&passport), commands, why);
    if (err == VT_OK)
        err = vt_api_join(o,
            json_pack("{s:o,s:o,s:O}", "download", vt_api_text(vt_buf_str(&download)),
                "passport", vt_api_text(vt_buf_str(&passport)), "commands", commands),
            why);
    json_decref(commands);
    vt_buf_release(&passport);
    vt_buf_release(&download);
    return err;
}

enum vt_err
vt_api_one_release(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_api_release_facts f;
    json_t *chain = NULL;
    enum vt_err err = vt_api_find_release(c, &c->digest, &f, &c->out, why);

    if (err == VT_OK)
        err = vt_api_chain(c, &f, &chain, why);
    if (err == VT_OK)
        err = vt_api_set(c->out, "chain", chain, why);
    if (err == VT_OK)
        err = put_neighbour(c, &f, false, c->out, why);
    if (err == VT_OK)
        err = put_neighbour(c, &f, true, c->out, why);
    return err == VT_OK ? put_ways(c, &f, c->out, why) : err;
}

/* --- Its packages. --- */

static enum vt_err
put_package(struct vt_api_call *c, struct vt_sql_rows *r, json_t **ret, struct vt_why *why)
{
    (void)c;
    *ret = json_pack("{s:o,s:o,s:o,s:o,s:o}", "name", vt_api_text(vt_sql_text(r, 0)), "version",
        vt_api_text(vt_sql_text(r, 1)), "arch", vt_api_text(vt_sql_text(r, 2)), "size",
        json_integer(vt_sql_int(r, 3)), "digest", vt_api_column_digest(r, 4));
    return *ret == NULL ? vt_fail(why, VT_E_NOMEM, "out of memory for an answer") : VT_OK;
}

enum vt_err
vt_api_packages(struct vt_api_call *c, struct vt_why *why)
{
    struct vt_api_release_facts f;
    struct vt_sql_rows *rows = NULL;
    json_t *items;
    enum vt_err err = vt_api_find_release(c, &c->digest, &f, NULL, why);

    if (err == VT_OK)
        err = vt_sql_query(c->api->facts, &rows, why,
            "SELECT name,version,arch,size,digest FROM package WHERE environment=?"
            " ORDER BY name,arch",
            "d", &f.environment);
    if (err != VT_OK)
        return err;
    items = json_array();
    err = vt_api_rows(c, rows, put_package, items, why);
    c->out = json_pack("{s:o,s:o}", "environment",
        f.has_run ? vt_api_digest(&f.environment) : json_null(), "items", items);
    if (err == VT_OK && c->out == NULL)
        err = vt_fail(why, VT_E_NOMEM, "out of memory for an answer");
    return err;
}

/* --- A file that somebody has. --- */

static enum vt_err
links_of(struct vt_api_call *c, const char *kind, json_t *array, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_LINK " FROM subject s JOIN entry e ON e.idx=s.idx WHERE s.digest=?"
        " AND (s.role='artifact' OR s.role='rebuilt') AND e.kind=? AND e.signer IS NOT NULL"
        " GROUP BY e.idx ORDER BY e.idx DESC LIMIT 500",
        "ds", &c->digest, kind);

    return err == VT_OK ? vt_api_rows(c, rows, vt_api_link, array, why) : err;
}

static enum vt_err
releases_of(struct vt_api_call *c, json_t *array, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT " VT_API_RELEASE " FROM release r JOIN entry e ON e.idx=r.idx"
        " LEFT JOIN run a ON a.idx=r.run WHERE r.artifact=? ORDER BY r.idx DESC LIMIT 500",
        "d", &c->digest);

    return err == VT_OK ? vt_api_rows(c, rows, vt_api_release, array, why) : err;
}

enum vt_err
vt_api_artifact(struct vt_api_call *c, struct vt_why *why)
{
    json_t *releases = json_array();
    json_t *assemblies = json_array();
    json_t *mismatches = json_array();
    enum vt_err err = releases_of(c, releases, why);
    size_t n;

    if (err == VT_OK)
        err = links_of(c, "assembly", assemblies, why);
    if (err == VT_OK)
        err = links_of(c, "mismatch", mismatches, why);
    n = json_array_size(releases) + json_array_size(assemblies) + json_array_size(mismatches);
    c->out = json_pack("{s:o,s:o,s:o,s:o}", "artifact", vt_api_digest(&c->digest), "releases",
        releases, "assemblies", assemblies, "mismatches", mismatches);
    if (err != VT_OK)
        return err;
    if (n == 0)
        return vt_api_fail(c, 404, "the log has never heard of a file with that digest");
    return c->out == NULL ? vt_fail(why, VT_E_NOMEM, "out of memory for an answer") : VT_OK;
}
