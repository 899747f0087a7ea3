/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/page.h"

#include "base/file.h"
#include "centre/html.h"
#include "centre/view.h"
#include "log/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX (8U * 1024U * 1024U)
enum { RELEASES_SHOWN = 50, ENTRIES_SHOWN = 50 };

struct vt_page {
    const struct vt_home *home;
    struct vt_view view;
    char csp[512];
    struct vt_buf front; /* made for generation `made` */
    uint64_t made;
    bool any;
};

enum vt_err
vt_page_new(const struct vt_home *home, const char *public_dir, const struct vt_policy *policy,
    struct vt_page **ret, struct vt_why *why)
{
    struct vt_page *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return vt_fail(why, VT_E_NOMEM, "status page: out of memory");
    p->home = home;
    vt_view_init(&p->view, public_dir, policy);
    vt_buf_init(&p->front, PAGE_MAX);
    vt_html_csp(p->csp, sizeof(p->csp));
    *ret = p;
    return VT_OK;
}

void
vt_page_free(struct vt_page *p)
{
    if (p == NULL)
        return;
    vt_view_release(&p->view);
    vt_buf_release(&p->front);
    free(p);
}

static void
put_entry_link(struct vt_buf *b, size_t index)
{
    vt_buf_putf(b, "<a href=\"/entry/%zu\">entry %zu</a>", index, index);
}

/* The checkpoint and who cosigned it. */
static void
put_checkpoint(struct vt_buf *b, const struct vt_view *v)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_buf_puts(b, "<section aria-labelledby=\"cp\"><h2 id=\"cp\">Checkpoint</h2>\n"
                   "<p class=\"dim\">The log’s signed tree head: it fixes every entry so far, "
                   "and independent witnesses cosign it only if nothing was changed or "
                   "removed.</p>\n");
    if (v->note.len == 0) {
        vt_buf_puts(b, "<p class=\"card\">No checkpoint is published yet.</p></section>\n");
        return;
    }
    vt_digest_hex(&v->checkpoint.root, hex);
    vt_buf_putf(b,
        "<div class=\"card\"><dl class=\"facts\"><div><dt>Entries</dt><dd>%llu</dd>"
        "</div><div><dt>Root (SHA-256)</dt><dd class=\"mono\">%s</dd></div><div>"
        "<dt>As a file</dt><dd><a href=\"/checkpoint\">/checkpoint</a></dd></div></dl>",
        (unsigned long long)v->checkpoint.size, hex);
    if (v->witness_count == 0) {
        vt_buf_puts(
            b, "<p class=\"dim\">The policy asks for no witnesses.</p></div></section>\n");
        return;
    }
    vt_buf_puts(b, "<div class=\"scroll\"><table><thead><tr><th>Witness</th><th>Cosigned</th>"
                   "</tr></thead><tbody>");
    for (size_t i = 0; i < v->witness_count; i++) {
        vt_buf_puts(b, "<tr><td>");
        vt_html_text(b, v->witness[i].witness->key.name);
        vt_buf_puts(b, "</td><td>");
        if (v->witness[i].time != 0)
            vt_html_time(b, v->witness[i].time);
        else
            vt_buf_puts(b, "<span class=\"tag bad\">not this one</span>");
        vt_buf_puts(b, "</td></tr>");
    }
    vt_buf_puts(b, "</tbody></table></div></div></section>\n");
}

/* One link of the chain: what, by whom, which entry. */
static void
put_link(struct vt_buf *b, const struct vt_view *v, const char *what, bool found, size_t index)
{
    vt_buf_putf(b, "<li%s><b>%s</b>", found ? "" : " class=\"missing\"", what);
    if (found) {
        vt_html_text(b, v->entry[index].signer->name);
        vt_buf_puts(b, "<br>");
        put_entry_link(b, index);
    } else {
        vt_buf_puts(b, "no entry");
    }
    vt_buf_puts(b, "</li>");
}

/* Source or environment: the newest entry about what the assembly names. */
static void
put_input(struct vt_buf *b, const struct vt_view *v, const char *what, enum vt_entry_kind kind,
    enum vt_subject_role role, size_t assembly)
{
    const struct vt_digest *d = vt_view_subject(&v->entry[assembly], role);
    size_t index = 0;
    bool found = d != NULL && vt_view_find(v, kind, role, d, v->entry_count - 1, &index);

    put_link(b, v, what, found, index);
}

/* Each rebuild and each mismatch of that assembly's artifact. */
static void
put_rebuilds(struct vt_buf *b, const struct vt_view *v, const struct vt_digest *artifact,
    size_t assembly)
{
    bool any = false;

    for (size_t i = 0; i < v->entry_count; i++) {
        const struct vt_view_entry *e = &v->entry[i];

        if (e->signer == NULL ||
            (e->kind != VT_ENTRY_REBUILD && e->kind != VT_ENTRY_MISMATCH) ||
            !vt_view_has(e, VT_SUBJECT_ARTIFACT, artifact) ||
            !vt_view_same_inputs(e, &v->entry[assembly]))
            continue;
        if (e->kind == VT_ENTRY_REBUILD) {
            put_link(b, v, "Rebuild, same bytes", true, i);
        } else {
            vt_buf_puts(b, "<li class=\"missing\"><b>Mismatch</b>");
            vt_html_text(b, e->signer->name);
            vt_buf_puts(b, "<br>");
            put_entry_link(b, i);
            vt_buf_puts(b, "</li>");
        }
        any = true;
    }
    if (!any)
        put_link(b, v, "Rebuilds", false, 0);
}

static void
put_chain(
    struct vt_buf *b, const struct vt_view *v, const struct vt_digest *artifact, size_t release)
{
    size_t assembly = 0;

    vt_buf_puts(b, "<ol class=\"chain\">");
    if (vt_view_find(v, VT_ENTRY_ASSEMBLY, VT_SUBJECT_ARTIFACT, artifact, release, &assembly)) {
        put_input(b, v, "Source", VT_ENTRY_SOURCE, VT_SUBJECT_SOURCE, assembly);
        put_input(b, v, "Environment", VT_ENTRY_ENVIRONMENT, VT_SUBJECT_ENVIRONMENT, assembly);
        put_link(b, v, "Assembly", true, assembly);
        put_rebuilds(b, v, artifact, assembly);
    } else {
        put_link(b, v, "Assembly", false, 0);
    }
    put_link(b, v, "Release", true, release);
    vt_buf_puts(b, "</ol>");
}

/* Links to the artifact and its passport, where they are published. */
static void
put_downloads(struct vt_buf *b, const struct vt_view *v, const struct vt_view_target *t)
{
    const char *file = strrchr(t->path, '/');
    int dir_len = file == NULL ? 0 : (int)(file - t->path + 1);
    char dir[513];
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_PATH_MAX];

    file = file == NULL ? t->path : file + 1;
    memcpy(dir, t->path, (size_t)dir_len);
    dir[dir_len] = '\0';
    vt_digest_hex(&t->hash, hex);
    vt_buf_puts(b, "<p class=\"small\"><a href=\"/tuf/targets/");
    vt_html_path(b, dir);
    vt_buf_putf(b, "%s.", hex);
    vt_html_path(b, file);
    vt_buf_puts(b, "\" download=\"");
    vt_html_text(b, file);
    vt_buf_puts(b, "\">");
    vt_html_text(b, file);
    vt_buf_puts(b, "</a> (");
    vt_html_size(b, t->length);
    vt_buf_puts(b, ")");
    if (vt_path(path, NULL, "%s/passports/%s.passport", v->public_dir, hex) == VT_OK &&
        vt_file_exists(path)) {
        vt_buf_putf(b, " · <a href=\"/passports/%s.passport\" download=\"", hex);
        vt_html_text(b, file);
        vt_buf_puts(b, ".passport\">passport</a>");
    }
    vt_buf_puts(b, "</p>");
}

static void
put_artifact(
    struct vt_buf *b, const struct vt_view *v, size_t release, const struct vt_digest *artifact)
{
    const struct vt_digest *metadata = vt_view_subject(&v->entry[release], VT_SUBJECT_METADATA);
    const struct vt_view_target *t =
        metadata == NULL ? NULL : vt_view_target(v, metadata, artifact);

    vt_buf_puts(b, "<article class=\"card\"><h3>");
    if (t != NULL && t->product[0] != '\0') {
        vt_html_text(b, t->product);
        vt_buf_puts(b, " ");
        vt_html_text(b, t->version);
    } else if (t != NULL) {
        vt_html_text(b, t->path);
    } else {
        vt_buf_puts(b, "Artifact ");
        vt_html_digest(b, artifact);
    }
    if (t != NULL) {
        vt_buf_puts(b, " <span class=\"tag\">");
        vt_html_text(b, t->channel);
        vt_buf_puts(b, "</span></h3>");
        put_downloads(b, v, t);
    } else {
        vt_buf_puts(b,
            "</h3><p class=\"small dim\">Logged; its metadata is not published (yet, "
            "or any more).</p>");
    }
    put_chain(b, v, artifact, release);
    vt_buf_puts(b, "</article>\n");
}

/* Newest first; an artifact that several releases name stands at its newest. */
static void
put_releases(struct vt_buf *b, const struct vt_view *v)
{
    size_t shown = 0;

    vt_buf_puts(b,
        "<section aria-labelledby=\"rel\"><h2 id=\"rel\">Releases</h2>\n"
        "<p class=\"dim\">What was published, each with the chain of log entries that "
        "proves where it came from.</p>\n");
    for (size_t i = v->entry_count; i > 0 && shown < RELEASES_SHOWN; i--) {
        const struct vt_view_entry *e = &v->entry[i - 1];

        if (e->signer == NULL || e->kind != VT_ENTRY_RELEASE)
            continue;
        for (size_t k = 0; k < e->subject_count; k++) {
            size_t newest = 0;

            if (e->subject[k].role != VT_SUBJECT_ARTIFACT ||
                !vt_view_find(v, VT_ENTRY_RELEASE, VT_SUBJECT_ARTIFACT, &e->subject[k].digest,
                    v->entry_count - 1, &newest) ||
                newest != i - 1)
                continue;
            put_artifact(b, v, i - 1, &e->subject[k].digest);
            shown++;
        }
    }
    if (shown == 0)
        vt_buf_puts(b, "<p class=\"card\">Nothing is released yet.</p>\n");
    vt_buf_puts(b, "</section>\n");
}

static void
put_entries(struct vt_buf *b, const struct vt_view *v)
{
    vt_buf_puts(b, "<section aria-labelledby=\"ent\"><h2 id=\"ent\">Newest log entries</h2>\n");
    if (v->entry_count == 0) {
        vt_buf_puts(b, "<p class=\"card\">The log is empty.</p></section>\n");
        return;
    }
    vt_buf_puts(b, "<div class=\"card scroll\"><table><thead><tr><th>Entry</th><th>Kind</th>"
                   "<th>Signer</th><th>Speaks of</th></tr></thead><tbody>");
    for (size_t i = v->entry_count; i > 0 && v->entry_count - i < ENTRIES_SHOWN; i--) {
        const struct vt_view_entry *e = &v->entry[i - 1];

        vt_buf_putf(b,
            "<tr><td class=\"n\"><a href=\"/entry/%zu\">%zu</a></td><td class=\"n\">", i - 1,
            i - 1);
        vt_buf_puts(b, e->signer == NULL ? "unknown" : vt_entry_kind_name(e->kind));
        vt_buf_puts(b, "</td><td>");
        vt_html_text(b, e->signer == NULL ? "nobody in the policy" : e->signer->name);
        vt_buf_puts(b, "</td><td>");
        for (size_t k = 0; k < e->subject_count; k++) {
            vt_buf_putf(
                b, "%s%s ", k == 0 ? "" : ", ", vt_subject_role_name(e->subject[k].role));
            vt_html_digest(b, &e->subject[k].digest);
        }
        vt_buf_puts(b, "</td></tr>");
    }
    vt_buf_puts(b, "</tbody></table></div></section>\n");
}

static void
put_how_to_verify(struct vt_buf *b)
{
    vt_buf_puts(b,
        "<section aria-labelledby=\"ver\"><h2 id=\"ver\">Check it yourself</h2>\n"
        "<p>Take an artifact, its passport and a <a href=\"/policy\">policy</a> that you trust "
        "(write your own, or compare this one with what you were given by hand). The check "
        "needs "
        "no network:</p>\n<pre>vitrine verify FILE --passport FILE.passport --policy "
        "POLICY</pre>\n"
        "<p>To install and stay up to date, with the same checks:</p>\n"
        "<pre>vitrine update CHANNEL --from URL --root ROOT.json --policy POLICY --into "
        "DIR</pre>\n"
        "<p>To recompute the log’s root from every entry:</p>\n"
        "<pre>vitrine log check --from URL --policy POLICY</pre></section>\n");
}

static void
put_glossary(struct vt_buf *b)
{
    static const char *const words[][2] = {
        {"Source", "A snapshot of the source tree, signed by the developer who submits it."},
        {"Environment", "Every package, by digest, of the system that an assembly runs in."},
        {"Assembly",
            "One run of a recipe on that source in that environment, without a network; "
            "it gives the artifact."},
        {"Rebuild", "The same assembly by an independent organisation elsewhere, with the same "
                    "bytes as its result."},
        {"Mismatch", "A rebuild that gave other bytes. It is published, and the release is "
                     "refused."},
        {"Release", "Artifacts that were published in a channel, after all of the above."},
        {"Witness",
            "An independent organisation that cosigns the log only when it grew and was "
            "not rewritten."},
        {"Passport", "The one file beside an artifact that carries this whole proof, to be "
                     "checked offline."},
    };

    vt_buf_puts(b, "<section aria-labelledby=\"gl\"><h2 id=\"gl\">What the words mean</h2>"
                   "<dl class=\"gloss\">");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        vt_buf_putf(b, "<dt>%s</dt><dd>%s</dd>", words[i][0], words[i][1]);
    vt_buf_puts(b, "</dl></section>\n");
}

static void
put_front(struct vt_buf *b, const struct vt_page *p)
{
    const struct vt_view *v = &p->view;

    vt_html_head(b, p->home->name);
    vt_buf_puts(b, "<body><main>\n<header><p class=\"dim small\">Transparency site</p><h1>");
    vt_html_text(b, p->home->name);
    vt_buf_puts(b, "</h1>");
    if (p->home->jurisdiction[0] != '\0') {
        vt_buf_puts(b, "<p>Jurisdiction <b>");
        vt_html_text(b, p->home->jurisdiction);
        vt_buf_puts(b, "</b></p>");
    }
    vt_buf_puts(b,
        "<p>What you install was assembled here from the source that was named. This "
        "page shows the proof, not a promise.</p></header>\n");
    if (v->problem.text[0] != '\0') {
        vt_buf_puts(b, "<p class=\"alert\" role=\"status\">");
        vt_html_text(b, v->problem.text);
        vt_buf_puts(b, "</p>\n");
    }
    put_checkpoint(b, v);
    put_releases(b, v);
    put_entries(b, v);
    put_how_to_verify(b);
    put_glossary(b);
    vt_buf_puts(b, "<footer>Made from this site’s public files; any mirror may show the same."
                   "</footer></main></body></html>\n");
}

static void
as_html(const struct vt_page *p, struct vt_http_response *rs)
{
    rs->content_type = "text/html; charset=utf-8";
    rs->cache = "no-cache";
    rs->csp = p->csp;
}

void
vt_page_front(struct vt_page *p, struct vt_http_response *rs)
{
    vt_view_refresh(&p->view);
    if (!p->any || p->made != p->view.generation) {
        vt_buf_clear(&p->front);
        put_front(&p->front, p);
        p->made = p->view.generation;
        p->any = true;
    }
    as_html(p, rs);
    vt_buf_put(&rs->body, p->front.data, p->front.len);
}

/* What an entry says, with links to what can be read here. */
static void
put_entry_facts(struct vt_buf *b, const struct vt_view_entry *e)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_buf_puts(b, "<div class=\"card\"><dl><dt>Kind</dt><dd>");
    vt_buf_puts(b, e->signer == NULL ? "unknown" : vt_entry_kind_name(e->kind));
    vt_buf_puts(b, "</dd><dt>Signer</dt><dd>");
    if (e->signer != NULL) {
        vt_html_text(b, e->signer->name);
        vt_buf_puts(b, " (");
        vt_html_text(b, e->signer->key.name);
        vt_buf_puts(b, "), signature verified</dd><dt>Statement</dt><dd class=\"mono\">");
        vt_digest_hex(&e->statement, hex);
        vt_buf_putf(b, "<a href=\"/objects/sha256/%.2s/%s\">sha256:%s</a>", hex, hex, hex);
    } else {
        vt_buf_puts(b, "nobody that the policy names: this entry counts for nothing");
    }
    vt_buf_puts(b, "</dd>");
    for (size_t i = 0; i < e->subject_count; i++) {
        vt_digest_hex(&e->subject[i].digest, hex);
        vt_buf_putf(b, "<dt>Subject: %s</dt><dd class=\"mono\">sha256:%s</dd>",
            vt_subject_role_name(e->subject[i].role), hex);
    }
    vt_buf_puts(b, "</dl></div>\n");
}

static enum vt_err
put_entry_bytes(struct vt_buf *b, const struct vt_view *v, uint64_t index, struct vt_why *why)
{
    struct vt_log_reader *r = NULL;
    struct vt_buf bytes = VT_BUF(VT_ENTRY_MAX);
    enum vt_err err = vt_log_reader_open(v->public_dir, v->policy, &r, why);

    if (err == VT_OK)
        err = vt_log_reader_entry(r, index, &bytes, why);
    if (err == VT_OK) {
        vt_buf_puts(b, "<h2>As it stands in the log</h2><pre>");
        vt_html_text_n(b, bytes.data, bytes.len);
        vt_buf_putf(b,
            "</pre><p>A proof that it is there, for any tlog client:</p>"
            "<pre>vitrine log prove %llu --from URL --policy POLICY</pre>",
            (unsigned long long)index);
    }
    vt_log_reader_free(r);
    vt_buf_release(&bytes);
    return err;
}

void
vt_page_entry(struct vt_page *p, uint64_t index, struct vt_http_response *rs)
{
    struct vt_why why = {0};
    char title[64];

    vt_view_refresh(&p->view);
    as_html(p, rs);
    (void)snprintf(title, sizeof(title), "Entry %llu", (unsigned long long)index);
    vt_html_head(&rs->body, title);
    vt_buf_putf(&rs->body, "<body><main><p class=\"small\"><a href=\"/\">");
    vt_html_text(&rs->body, p->home->name);
    vt_buf_putf(&rs->body, "</a></p><h1>%s</h1>\n", title);
    if (index < p->view.entry_count) {
        put_entry_facts(&rs->body, &p->view.entry[index]);
        if (put_entry_bytes(&rs->body, &p->view, index, &why) != VT_OK) {
            vt_buf_puts(&rs->body, "<p class=\"alert\">");
            vt_html_text(&rs->body, why.text);
            vt_buf_puts(&rs->body, "</p>");
        }
    } else {
        rs->status = 404;
        vt_buf_puts(&rs->body, "<p class=\"alert\">The log has no such entry (yet).</p>");
    }
    vt_buf_puts(&rs->body, "</main></body></html>\n");
}
