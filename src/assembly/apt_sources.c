/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/apt_sources.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What an entry says before it is spread over its URIs and suites. Each field is
 * text with words separated by spaces. */
struct entry {
    struct vt_buf types;
    struct vt_buf uris;
    struct vt_buf suites;
    struct vt_buf components;
    struct vt_buf architectures;
    struct vt_buf signed_by;
    bool refused;
};

static void
entry_init(struct entry *e)
{
    *e = (struct entry){.types = VT_BUF(4096),
        .uris = VT_BUF(16384),
        .suites = VT_BUF(16384),
        .components = VT_BUF(4096),
        .architectures = VT_BUF(4096),
        .signed_by = VT_BUF(65536)};
}

static void
entry_release(struct entry *e)
{
    vt_buf_release(&e->types);
    vt_buf_release(&e->uris);
    vt_buf_release(&e->suites);
    vt_buf_release(&e->components);
    vt_buf_release(&e->architectures);
    vt_buf_release(&e->signed_by);
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct vt_reader
trim(struct vt_reader r)
{
    while (r.left > 0 && is_blank(r.p[0])) {
        r.p++;
        r.left--;
    }
    while (r.left > 0 && is_blank(r.p[r.left - 1]))
        r.left--;
    return r;
}

/* The next line, the last one also when no newline ends it. */
static bool
next_line(struct vt_reader *r, struct vt_reader *ret)
{
    return vt_reader_word(r, '\n', ret);
}

/* The next run of characters that are not blank. */
static bool
next_word(struct vt_reader *r, struct vt_reader *ret)
{
    size_t n = 0;

    *r = trim(*r);
    if (r->left == 0)
        return false;
    while (n < r->left && !is_blank(r->p[n]))
        n++;
    *ret = VT_READER(r->p, n);
    r->p += n;
    r->left -= n;
    return true;
}

/* Puts the words of r at the end of b, single spaces between. */
static void
put_words(struct vt_buf *b, struct vt_reader r)
{
    struct vt_reader word;

    while (next_word(&r, &word)) {
        if (b->len > 0)
            vt_buf_puts(b, " ");
        vt_buf_put(b, word.p, word.left);
    }
}

static bool
has_word(const struct vt_buf *b, const char *want)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader word;

    while (next_word(&r, &word)) {
        if (vt_reader_is(&word, want))
            return true;
    }
    return false;
}

static bool
copy_text(const void *data, size_t len, char **ret)
{
    if (len > 0 && memchr(data, '\0', len) != NULL)
        return false;
    *ret = strndup(len > 0 ? data : "", len);
    return *ret != NULL;
}

static void
source_release(struct vt_apt_source *s)
{
    free(s->uri);
    free(s->suite);
    free(s->components);
    free(s->architectures);
    free(s->signed_by);
    *s = (struct vt_apt_source){0};
}

void
vt_apt_sources_release(struct vt_apt_sources *s)
{
    size_t i;

    for (i = 0; i < s->count; i++)
        source_release(&s->item[i]);
    s->count = 0;
}

static enum vt_err
add_one(struct vt_apt_sources *s, const struct entry *e, struct vt_reader uri,
    struct vt_reader suite, struct vt_why *why)
{
    struct vt_apt_source one = {
        .binary = has_word(&e->types, "deb"),
        .source = has_word(&e->types, "deb-src"),
    };

    if (s->count == VT_APT_SOURCES_MAX)
        return vt_fail(why, VT_E_LIMIT, "apt has more than %u sources", VT_APT_SOURCES_MAX);
    if (!copy_text(uri.p, uri.left, &one.uri) || !copy_text(suite.p, suite.left, &one.suite) ||
        !copy_text(e->components.data, e->components.len, &one.components) ||
        !copy_text(e->architectures.data, e->architectures.len, &one.architectures) ||
        !copy_text(e->signed_by.data, e->signed_by.len, &one.signed_by)) {
        source_release(&one);
        return vt_fail(why, VT_E_NOMEM, "cannot take apt's sources");
    }
    s->item[s->count++] = one;
    return VT_OK;
}

static bool
holds_nul(const struct vt_buf *b)
{
    return b->len > 0 && memchr(b->data, '\0', b->len) != NULL;
}

/* Whether the entry may be used: whole, within bounds, switched on, and signed. */
static bool
entry_usable(const struct entry *e)
{
    const struct vt_buf *all[] = {
        &e->types, &e->uris, &e->suites, &e->components, &e->architectures, &e->signed_by};
    size_t i;

    if (e->refused || e->uris.len == 0 || e->suites.len == 0)
        return false;
    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (vt_buf_check(all[i], "apt's source", NULL) != VT_OK || holds_nul(all[i]))
            return false;
    }
    return has_word(&e->types, "deb") || has_word(&e->types, "deb-src");
}

static enum vt_err
add_entry(struct vt_apt_sources *s, const struct entry *e, struct vt_why *why)
{
    struct vt_reader uris = VT_READER(e->uris.data, e->uris.len);
    struct vt_reader uri;
    enum vt_err err;

    if (!entry_usable(e))
        return VT_OK;
    while (next_word(&uris, &uri)) {
        struct vt_reader suites = VT_READER(e->suites.data, e->suites.len);
        struct vt_reader suite;

        while (next_word(&suites, &suite)) {
            if ((err = add_one(s, e, uri, suite, why)) != VT_OK)
                return err;
        }
    }
    return VT_OK;
}

static bool
word_is(struct vt_reader r, const char *s)
{
    return r.left == strlen(s) && strncasecmp((const char *)r.p, s, r.left) == 0;
}

static bool
says_no(struct vt_reader v)
{
    return word_is(v, "no") || word_is(v, "false") || word_is(v, "off") || word_is(v, "0") ||
           word_is(v, "without") || word_is(v, "disable");
}

/* One field of a stanza, or one option of a line under its stanza's name. What
 * else there is changes nothing that we use, but for `arch+=` and its like. */
static void
take_field(struct entry *e, struct vt_reader key, struct vt_reader value)
{
    if (word_is(key, "types"))
        put_words(&e->types, value);
    else if (word_is(key, "uris"))
        put_words(&e->uris, value);
    else if (word_is(key, "suites"))
        put_words(&e->suites, value);
    else if (word_is(key, "components"))
        put_words(&e->components, value);
    else if (word_is(key, "architectures") || word_is(key, "arch"))
        put_words(&e->architectures, value);
    else if (word_is(key, "signed-by"))
        vt_buf_put(&e->signed_by, value.p, value.left);
    else if (word_is(key, "enabled"))
        e->refused |= says_no(value);
    else if (key.left > 0 && (key.p[key.left - 1] == '+' || key.p[key.left - 1] == '-'))
        e->refused = true;
    else if (word_is(key, "trusted") || word_is(key, "allow-insecure") ||
             word_is(key, "allow-weak") || word_is(key, "allow-downgrade-to-insecure"))
        e->refused |= !says_no(value);
}

/* `[ KEY=VALUE[,VALUE] ... ]` */
static void
take_options(struct entry *e, struct vt_reader r)
{
    struct vt_reader word;

    while (next_word(&r, &word)) {
        struct vt_reader key;
        char list[4096];
        char *c;

        if (!vt_reader_word(&word, '=', &key) || !vt_reader_cstr(&word, list, sizeof list)) {
            e->refused = true;
            return;
        }
        for (c = list; *c != '\0'; c++) {
            if (*c == ',' && !word_is(key, "signed-by"))
                *c = ' ';
        }
        take_field(e, key, VT_READER(list, strlen(list)));
    }
}

/* `deb [ OPTIONS ] URI SUITE COMPONENT...` */
static enum vt_err
take_line(struct vt_apt_sources *s, struct vt_reader line, struct vt_why *why)
{
    struct entry e;
    struct vt_reader word;
    enum vt_err err;

    entry_init(&e);
    if (next_word(&line, &word))
        put_words(&e.types, word);
    line = trim(line);
    if (line.left > 0 && line.p[0] == '[') {
        line.p++;
        line.left--;
        if (memchr(line.p, ']', line.left) != NULL && vt_reader_word(&line, ']', &word))
            take_options(&e, word);
        else
            e.refused = true;
    }
    if (next_word(&line, &word))
        put_words(&e.uris, word);
    if (next_word(&line, &word))
        put_words(&e.suites, word);
    put_words(&e.components, line);
    err = add_entry(s, &e, why);
    entry_release(&e);
    return err;
}

enum vt_err
vt_apt_sources_add_lines(
    struct vt_apt_sources *s, const void *data, size_t len, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_reader line;
    enum vt_err err;

    while (next_line(&r, &line)) {
        const uint8_t *hash = line.left > 0 ? memchr(line.p, '#', line.left) : NULL;

        if (hash != NULL)
            line.left = (size_t)(hash - line.p);
        if ((err = take_line(s, line, why)) != VT_OK)
            return err;
    }
    return VT_OK;
}

/* A further line of a stanza's field. Keys may stand there in full, line by
 * line, so those are kept as they are. */
static void
take_further(struct entry *e, struct vt_reader key, struct vt_reader line)
{
    if (word_is(key, "signed-by")) {
        vt_buf_puts(&e->signed_by, "\n ");
        vt_buf_put(&e->signed_by, trim(line).p, trim(line).left);
    } else {
        take_field(e, key, trim(line));
    }
}

enum vt_err
vt_apt_sources_add_stanzas(
    struct vt_apt_sources *s, const void *data, size_t len, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_reader key = VT_READER("", 0);
    struct vt_reader line;
    struct entry e;
    enum vt_err err = VT_OK;

    entry_init(&e);
    while (err == VT_OK && next_line(&r, &line)) {
        if (trim(line).left == 0) { /* the end of a stanza */
            err = add_entry(s, &e, why);
            entry_release(&e);
            entry_init(&e);
            key = VT_READER("", 0);
        } else if (line.p[0] == '#') {
            continue;
        } else if (is_blank(line.p[0])) {
            take_further(&e, key, line);
        } else if (memchr(line.p, ':', line.left) != NULL && vt_reader_word(&line, ':', &key)) {
            key = trim(key);
            take_field(&e, key, trim(line));
        } else {
            e.refused = true;
        }
    }
    if (err == VT_OK)
        err = add_entry(s, &e, why);
    entry_release(&e);
    return err;
}

static void
put_field(struct vt_buf *b, const char *key, const char *value)
{
    if (value[0] != '\0')
        vt_buf_putf(b, "%s: %s\n", key, value);
}

void
vt_apt_source_put(struct vt_buf *b, const struct vt_apt_source *e, const char *type)
{
    put_field(b, "Types", type);
    put_field(b, "URIs", e->uri);
    put_field(b, "Suites", e->suite);
    put_field(b, "Components", e->components);
    put_field(b, "Architectures", e->architectures);
    put_field(b, "Signed-By", e->signed_by);
    vt_buf_puts(b, "\n");
}
