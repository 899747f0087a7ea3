/* SPDX-License-Identifier: Apache-2.0 */
/* Search in what the library has and the asker may see. */
#include "base/clock.h"
#include "base/text.h"
#include "centre/api_parts.h"

#include <string.h>

enum { MOST_MS = 1500, LINE_CHARS = 500, SYMBOL_SOURCES_MAX = 32 };

enum mode { MODE_EXACT, MODE_ICASE, MODE_REGEX };
enum where { IN_CONTENT, IN_NAME, IN_SYMBOL };

struct search {
    struct vt_api_call *c;
    struct vt_library *library;
    char q[VT_PATTERN_MAX + 1];
    char path[VT_LIBRARY_PATH_MAX + 1];
    struct vt_digest source;
    bool has_source;
    size_t mode;
    size_t where;
    int64_t limit;
    struct vt_pattern *pattern;
    json_t *items;
    bool truncated;
    struct vt_digest symbols_in; /* the snapshot whose symbols are walked over */
};

/* --- A line with its matches. --- */

struct line {
    const uint8_t *data; /* of the line, without its ending */
    size_t len;
    size_t from; /* where in the file it begins */
    uint64_t number;
};

/* UTF-16 code units of UTF-8 bytes; a byte that is none of a character counts as one. */
static uint64_t
utf16_len(const uint8_t *p, size_t len)
{
    uint64_t n = 0;

    while (len > 0) {
        unsigned code;
        size_t step = vt_text_char(p, len, &code);

        n += step != 0 && code > 0xffff ? 2 : 1;
        step = step == 0 ? 1 : step;
        p += step;
        len -= step;
    }
    return n;
}

/* Whether a character begins at p. */
static bool
is_begin(const uint8_t *p)
{
    return (*p & 0xc0) != 0x80;
}

/* Cuts a long line to about LINE_CHARS bytes around its first match, between characters. */
static void
cut_line(struct line *l, size_t match_from, size_t match_to)
{
    size_t at = match_from - l->from;
    size_t len = match_to - match_from;
    size_t room;
    size_t from;
    size_t to;

    if (l->len <= LINE_CHARS)
        return;
    room = len >= LINE_CHARS ? 0 : (LINE_CHARS - len) / 2;
    from = at > room ? at - room : 0;
    to = from + LINE_CHARS < l->len ? from + LINE_CHARS : l->len;
    while (from > 0 && !is_begin(l->data + from))
        from--;
    while (to < l->len && !is_begin(l->data + to))
        to--;
    l->data += from;
    l->from += from;
    l->len = to - from;
}

/* The range of a match in its line; NULL when it is beyond what is shown. */
static json_t *
range_of(const struct line *l, const struct vt_match *m)
{
    size_t from = m->from < l->from ? l->from : m->from;
    size_t to = m->to > l->from + l->len ? l->from + l->len : m->to;

    if (to <= from)
        return NULL;
    return json_pack("[I,I]", (json_int_t)utf16_len(l->data, from - l->from),
        (json_int_t)utf16_len(l->data, to - l->from));
}

/* The line that a match begins in, counting on from *number at *at. */
static void
find_line(const uint8_t *data, size_t len, const struct vt_match *m, size_t *at,
    uint64_t *number, struct line *ret)
{
    const uint8_t *end;

    while ((end = memchr(data + *at, '\n', m->from - *at)) != NULL) {
        *at = (size_t)(end - data) + 1;
        (*number)++;
    }
    end = memchr(data + m->from, '\n', len - m->from);
    *ret = (struct line){.data = data + *at, .from = *at, .number = *number};
    ret->len = (end == NULL ? len : (size_t)(end - data)) - *at;
    if (ret->len > 0 && ret->data[ret->len - 1] == '\r')
        ret->len--;
}

static json_t *
line_json(const struct line *l, json_t *ranges)
{
    return json_pack("{s:I,s:o,s:o}", "line", (json_int_t)l->number, "text",
        vt_api_text_n(l->data, l->len), "ranges", ranges);
}

/* Matches of a file, those of one line together. */
static enum vt_err
put_matches(const uint8_t *data, size_t len, const struct vt_match *m, size_t count,
    json_t *array, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    uint64_t number = 1;
    size_t at = 0;
    size_t i = 0;

    while (i < count && err == VT_OK) {
        json_t *ranges = json_array();
        json_t *range;
        struct line l;
        size_t end;

        find_line(data, len, &m[i], &at, &number, &l);
        end = l.from + l.len;
        cut_line(&l, m[i].from, m[i].to);
        do {
            range = range_of(&l, &m[i]);
            if (range != NULL)
                err = vt_api_add(ranges, range, why);
            i++;
        } while (i < count && m[i].from < end && err == VT_OK);
        if (err == VT_OK)
            err = vt_api_add(array, line_json(&l, ranges), why);
        else
            json_decref(ranges);
    }
    return err;
}

/* --- Contents and names. --- */

static json_t *
digests_of(const struct vt_digest *d, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count && array != NULL; i++)
        if (vt_api_add(array, vt_api_digest(&d[i]), NULL) != VT_OK)
            break;
    return array;
}

static enum vt_err
take_hit(void *ctx, const struct vt_library_hit *h, struct vt_why *why)
{
    struct search *s = ctx;
    json_t *matches = json_array();
    enum vt_err err = VT_OK;

    if (h->data != NULL)
        err = put_matches(h->data, h->len, h->match, h->match_count, matches, why);
    if (err != VT_OK) {
        json_decref(matches);
        return err;
    }
    return vt_api_add(s->items,
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:I}", "path", vt_api_text(h->path), "blob",
            vt_api_digest(h->blob), "sources", digests_of(h->sources, h->source_count),
            "language", vt_api_text_or_null(h->language == NULL ? "" : h->language), "matches",
            matches, "more", (json_int_t)h->more),
        why);
}

static bool
is_hidden(void *ctx, const struct vt_digest *source)
{
    struct search *s = ctx;
    struct vt_why why = {0};
    bool hidden = true;

    if (vt_api_hidden(s->c, source, &hidden, &why) != VT_OK)
        hidden = true;
    return hidden;
}

static enum vt_err
search_files(struct search *s, struct vt_why *why)
{
    const struct vt_library_search q = {.pattern = s->pattern,
        .source = s->has_source ? &s->source : NULL,
        .path = s->path[0] != '\0' ? s->path : NULL,
        .limit = (size_t)s->limit,
        .most_ms = MOST_MS,
        .hidden = is_hidden,
        .hidden_ctx = s};

    if (s->where == IN_NAME)
        return vt_library_search_names(s->library, &q, take_hit, s, &s->truncated, why);
    return vt_library_search(s->library, &q, take_hit, s, &s->truncated, why);
}

/* --- Symbols. --- */

struct found {
    struct vt_digest blob;
    bool text;
};

static enum vt_err
take_found(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct found *found = ctx;

    (void)why;
    found->blob = f->blob;
    found->text = f->text;
    return VT_OK;
}

/* The line with that number; false: the file is shorter. */
static bool
line_at(const struct vt_buf *b, uint64_t number, struct line *ret)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader part;
    size_t from = 0;

    for (uint64_t n = 1; vt_reader_word(&r, '\n', &part); n++) {
        if (n == number) {
            *ret =
                (struct line){.data = part.p, .len = part.left, .from = from, .number = number};
            return true;
        }
        from += part.left + 1;
    }
    return false;
}

static json_t *
symbol_matches(const struct vt_buf *b, const struct vt_library_symbol *sym)
{
    json_t *ranges = json_array();
    struct line l = {
        .number = sym->line, .data = (const uint8_t *)sym->name, .len = strlen(sym->name)};
    const uint8_t *at;
    struct vt_match m = {0, l.len};

    if (line_at(b, sym->line, &l)) {
        at = memmem(l.data, l.len, sym->name, strlen(sym->name));
        m.from = l.from + (at == NULL ? 0 : (size_t)(at - l.data));
        m.to = m.from + (at == NULL ? 0 : strlen(sym->name));
        cut_line(&l, m.from, m.to);
    }
    if (m.to > m.from && vt_api_add(ranges, range_of(&l, &m), NULL) != VT_OK) {
        json_decref(ranges);
        return NULL;
    }
    return json_pack("[o]", line_json(&l, ranges));
}

static enum vt_err
take_symbol(void *ctx, const struct vt_library_symbol *sym, struct vt_why *why)
{
    struct search *s = ctx;
    struct vt_buf b = VT_BUF(VT_LIBRARY_SHOWN_MAX);
    struct found found = {.text = false};
    enum vt_err err = VT_OK;

    if (s->path[0] != '\0' && strstr(sym->path, s->path) == NULL)
        return VT_OK;
    if ((int64_t)json_array_size(s->items) >= s->limit) {
        s->truncated = true;
        return VT_OK;
    }
    err = vt_library_find(s->library, &s->symbols_in, sym->path, take_found, &found, why);
    if (err == VT_OK && found.text)
        err = vt_library_blob(s->library, &found.blob, &b, why);
    if (err == VT_OK)
        err = vt_api_add(s->items,
            json_pack("{s:o,s:o,s:o,s:o,s:o,s:i}", "path", vt_api_text(sym->path), "blob",
                vt_api_digest(&found.blob), "sources", digests_of(&s->symbols_in, 1),
                "language", vt_api_text_or_null(sym->language), "matches",
                symbol_matches(&b, sym), "more", 0),
            why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
symbols_of(struct search *s, const struct vt_digest *source, struct vt_why *why)
{
    enum vt_err err;

    if (is_hidden(s, source))
        return VT_OK;
    s->symbols_in = *source;
    err = vt_library_symbols(s->library, source, s->q, s->mode == MODE_ICASE,
        (size_t)s->limit + 1, take_symbol, s, why);
    return err == VT_E_NOENT ? VT_OK : err;
}

/* In one snapshot, or in the newest ones until there are enough. */
static enum vt_err
search_symbols(struct search *s, struct vt_why *why)
{
    struct vt_digest newest[SYMBOL_SOURCES_MAX];
    struct vt_sql_rows *rows = NULL;
    size_t count = 0;
    bool more = true;
    enum vt_err err;

    if (s->has_source)
        return symbols_of(s, &s->source, why);
    err = vt_sql_query(s->c->api->facts, &rows, why,
        "SELECT s.source FROM source s JOIN shelf h ON h.source=s.source"
        " WHERE h.problem IS NULL ORDER BY s.idx DESC LIMIT ?",
        "i", (int64_t)SYMBOL_SOURCES_MAX);
    while (err == VT_OK) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        count += vt_sql_digest(rows, 0, &newest[count]) ? 1 : 0;
    }
    vt_sql_end(rows);
    for (size_t i = 0; i < count && err == VT_OK && !s->truncated; i++)
        err = symbols_of(s, &newest[i], why);
    return err;
}

/* --- The question. --- */

static enum vt_err
take_parameters(struct search *s)
{
    static const char *const modes[] = {"exact", "icase", "regex", NULL};
    static const char *const wheres[] = {"content", "name", "symbol", NULL};
    enum vt_err err = VT_OK;

    (void)vt_api_text_param(s->c, "q", s->q, sizeof(s->q), &err);
    if (err == VT_OK && s->q[0] == '\0')
        err = vt_api_fail(s->c, 400, "`q` is missing: say what to look for");
    if (err == VT_OK)
        err = vt_api_word_param(s->c, "mode", modes, &s->mode);
    if (err == VT_OK)
        err = vt_api_word_param(s->c, "in", wheres, &s->where);
    if (err == VT_OK)
        err = vt_api_limit_param(s->c, &s->limit);
    if (err == VT_OK)
        s->has_source = vt_api_digest_param(s->c, "source", &s->source, &err);
    if (err == VT_OK)
        (void)vt_api_text_param(s->c, "path", s->path, sizeof(s->path), &err);
    if (err == VT_OK && s->where == IN_SYMBOL && s->mode == MODE_REGEX)
        err = vt_api_fail(s->c, 400,
            "symbols are found by their name (mode=exact) or by how it begins (mode=icase)");
    return err;
}

static enum vt_err
make_pattern(struct search *s, struct vt_why *why)
{
    static const enum vt_pattern_form forms[] = {[MODE_EXACT] = VT_PATTERN_EXACT,
        [MODE_ICASE] = VT_PATTERN_ICASE,
        [MODE_REGEX] = VT_PATTERN_REGEX};
    enum vt_err err = vt_pattern_new(s->q, forms[s->mode], &s->pattern, why);

    return err == VT_E_USAGE ? vt_api_fail(s->c, 400, "%s", why->text) : err;
}

/* A snapshot that is named must be there and open. */
static enum vt_err
check_source(struct search *s, struct vt_why *why)
{
    bool sealed;

    if (!s->has_source)
        return vt_api_library(s->c, &s->library, why);
    s->c->digest = s->source;
    return vt_api_open_source(s->c, &s->library, &sealed, why);
}

enum vt_err
vt_api_search(struct vt_api_call *c, struct vt_why *why)
{
    int64_t began = vt_clock_monotonic_ms();
    struct search s = {.c = c};
    enum vt_err err = take_parameters(&s);

    c->passing = true; /* it says how long it took */
    if (err == VT_OK)
        err = make_pattern(&s, why);
    if (err == VT_OK)
        err = check_source(&s, why);
    if (err == VT_OK) {
        s.items = json_array();
        err = s.where == IN_SYMBOL ? search_symbols(&s, why) : search_files(&s, why);
        c->out = json_pack("{s:o,s:I,s:b,s:I}", "items", s.items, "files",
            (json_int_t)json_array_size(s.items), "truncated", s.truncated, "took_ms",
            (json_int_t)(vt_clock_monotonic_ms() - began));
    }
    vt_pattern_free(s.pattern);
    if (c->ask->sealed[0] != '\0' && err == VT_OK)
        c->answer->cache = "private, no-store";
    return err;
}
