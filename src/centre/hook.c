/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/hook.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES (64U * 1024U)

/* The first is of checkpoints, the second of all entries; the others are kinds of entries. */
static const char *const events[] = {"checkpoint", "entry", "release", "mismatch", "review",
    "objection", "request", "grant", "run", "erasure", "relocation", "receipt", "shred"};
enum { EVENT_COUNT = sizeof events / sizeof events[0], CHECKPOINT = 0, ENTRY = 1 };

static enum vt_err
parse_event(const struct vt_reader *word, unsigned *set, struct vt_why *why)
{
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        if (vt_reader_is(word, events[i])) {
            *set |= 1U << i;
            return VT_OK;
        }
    }
    return vt_fail(why, VT_E_USAGE,
        "`%.*s` is no event: there are checkpoint, entry (all of them), release, mismatch, "
        "review, objection, request, grant, run, erasure, relocation, receipt, shred",
        (int)(word->left > 64 ? 64 : word->left), (const char *)word->p);
}

enum vt_err
vt_hook_parse_events(const char *s, unsigned *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(s, strlen(s)), word;
    unsigned set = 0;
    enum vt_err err = VT_OK;

    while (err == VT_OK && vt_reader_word(&r, ',', &word))
        err = parse_event(&word, &set, why);
    if (err == VT_OK && (set == 0 || s[strlen(s) - 1] == ','))
        err = vt_fail(why, VT_E_USAGE, "an event is missing");
    if (err == VT_OK)
        *ret = set;
    return err;
}

void
vt_hook_put_events(struct vt_buf *b, unsigned set)
{
    bool first = true;

    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        if ((set & (1U << i)) == 0)
            continue;
        vt_buf_putf(b, "%s%s", first ? "" : ",", events[i]);
        first = false;
    }
}

bool
vt_hook_wants(const struct vt_hook *h, const char *name, const char *kind)
{
    if (strcmp(name, events[CHECKPOINT]) == 0)
        return (h->events & (1U << CHECKPOINT)) != 0;
    for (unsigned i = ENTRY + 1; i < EVENT_COUNT; i++)
        if (strcmp(kind, events[i]) == 0)
            return (h->events & (1U << i | 1U << ENTRY)) != 0;
    return false;
}

/* Where the host begins; NULL: neither http nor https. */
static const char *
host_of(const char *url)
{
    static const char *const schemes[] = {"https://", "http://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return url + strlen(schemes[i]);
    return NULL;
}

enum vt_err
vt_hook_check_url(const char *url, struct vt_why *why)
{
    const char *host = host_of(url);
    size_t len;

    if (host == NULL)
        return vt_fail(why, VT_E_USAGE, "a hook's URL begins with https:// or http://");
    if (strlen(url) > VT_HOOK_URL_MAX)
        return vt_fail(
            why, VT_E_USAGE, "a hook's URL has at most %u characters", VT_HOOK_URL_MAX);
    for (const char *p = url; *p != '\0'; p++)
        if (*p <= 0x20 || *p > 0x7e || strchr("\"<>\\^`{|}#", *p) != NULL)
            return vt_fail(why, VT_E_USAGE,
                "a hook's URL has printable ASCII characters, percent-encoded where a URL must "
                "be, and no fragment");
    len = strcspn(host, "/?");
    if (len == 0 || memchr(host, '@', len) != NULL)
        return vt_fail(why, VT_E_USAGE, "a hook's URL names a host, and no user");
    return VT_OK;
}

void
vt_hook_shown(const char *url, char ret[VT_HOOK_SHOWN_SIZE])
{
    const char *host = host_of(url);
    size_t len = host == NULL ? 0 : (size_t)(host - url) + strcspn(host, "/?");

    (void)snprintf(
        ret, VT_HOOK_SHOWN_SIZE, "%.*s", (int)(len > 256 ? 256 : len), len > 0 ? url : "");
}

enum vt_err
vt_hooks_add(struct vt_hooks *hooks, const char *url, unsigned set, struct vt_why *why)
{
    enum vt_err err = vt_hook_check_url(url, why);

    if (err != VT_OK)
        return err;
    for (size_t i = 0; i < hooks->count; i++) {
        if (strcmp(hooks->hook[i].url, url) == 0) {
            hooks->hook[i].events |= set;
            return VT_OK;
        }
    }
    if (hooks->count == VT_HOOKS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "there are %u hooks already, and no more may be", VT_HOOKS_MAX);
    memcpy(hooks->hook[hooks->count].url, url, strlen(url) + 1);
    hooks->hook[hooks->count++].events = set;
    return VT_OK;
}

bool
vt_hooks_remove(struct vt_hooks *hooks, const char *url)
{
    for (size_t i = 0; i < hooks->count; i++) {
        if (strcmp(hooks->hook[i].url, url) != 0)
            continue;
        hooks->count--;
        memmove(
            &hooks->hook[i], &hooks->hook[i + 1], (hooks->count - i) * sizeof hooks->hook[0]);
        return true;
    }
    return false;
}

static enum vt_err
parse_line(struct vt_hooks *hooks, struct vt_reader line, struct vt_why *why)
{
    char url[VT_HOOK_URL_MAX + 1], names[256];
    struct vt_reader word;
    unsigned set = 0;
    enum vt_err err;

    if (line.left == 0 || line.p[0] == '#')
        return VT_OK;
    if (!vt_reader_word(&line, ' ', &word) || !vt_reader_cstr(&word, url, sizeof url) ||
        !vt_reader_cstr(&line, names, sizeof names))
        return vt_fail(why, VT_E_USAGE,
            "a hook is a URL, a space, and events with commas "
            "between them");
    err = vt_hook_parse_events(names, &set, why);
    return err == VT_OK ? vt_hooks_add(hooks, url, set, why) : err;
}

enum vt_err
vt_hooks_parse(const void *data, size_t len, struct vt_hooks *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len), line;
    struct vt_hooks hooks = {.count = 0};
    enum vt_err err = VT_OK;
    unsigned number = 0;

    while (err == VT_OK && vt_reader_line(&r, &line)) {
        number++;
        if (parse_line(&hooks, line, why) != VT_OK)
            err = vt_fail_in(why, VT_E_CONFIG, "%s line %u", VT_HOOK_FILE, number);
    }
    if (err == VT_OK && r.left > 0)
        err = vt_fail(why, VT_E_CONFIG, "%s: its last line does not end", VT_HOOK_FILE);
    if (err == VT_OK)
        *ret = hooks;
    return err;
}

enum vt_err
vt_hooks_load(const struct vt_home *home, struct vt_hooks *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(FILE_MAX_BYTES);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "%s", VT_HOOK_FILE);

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_hooks_parse(b.data, b.len, ret, why);
    else if (err == VT_E_NOENT) {
        err = VT_OK;
        ret->count = 0;
        vt_why_clear(why);
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_hooks_save(const struct vt_home *home, const struct vt_hooks *hooks, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(FILE_MAX_BYTES);
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "centre");

    if (err == VT_OK)
        err = vt_dir_make(path, 0700, why);
    if (err == VT_OK)
        err = vt_home_path(home, path, why, "%s", VT_HOOK_FILE);
    for (size_t i = 0; i < hooks->count; i++) {
        vt_buf_putf(&b, "%s ", hooks->hook[i].url);
        vt_hook_put_events(&b, hooks->hook[i].events);
        vt_buf_puts(&b, "\n");
    }
    if (err == VT_OK)
        err = vt_buf_check(&b, "the hooks", why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, vt_buf_str(&b), b.len, why);
    vt_buf_release(&b);
    return err;
}
