/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for: parameters, checked. */
#include "centre/api_parts.h"

#include <stdio.h>
#include <string.h>

bool
vt_api_text_param(
    struct vt_api_call *c, const char *name, char *ret, size_t size, enum vt_err *err)
{
    bool bad = false;
    bool there = vt_query_get(c->ask->query, name, ret, size, &bad);

    *err = VT_OK;
    if (bad)
        *err = vt_api_fail(
            c, 400, "`%s` is no percent-encoded UTF-8 of at most %zu bytes", name, size - 1);
    return there && !bad;
}

bool
vt_api_digest_param(
    struct vt_api_call *c, const char *name, struct vt_digest *ret, enum vt_err *err)
{
    char text[80] = "";
    struct vt_reader r;

    if (!vt_api_text_param(c, name, text, sizeof(text), err))
        return false;
    r = VT_READER(text, strlen(text));
    if (vt_reader_skip(&r, "sha256:") && vt_digest_from_hex((const char *)r.p, r.left, ret))
        return true;
    *err = vt_api_fail(c, 400, "`%s` is not `sha256:` and 64 hex digits in lower case", name);
    return false;
}

enum vt_err
vt_api_path_param(struct vt_api_call *c, bool top, char ret[VT_LIBRARY_PATH_MAX + 1])
{
    char path[VT_LIBRARY_PATH_MAX + 1] = "";
    enum vt_err err = VT_OK;
    bool there = vt_api_text_param(c, "path", path, sizeof(path), &err);

    if (err != VT_OK)
        return err;
    if (!top && (!there || path[0] == '\0'))
        return vt_api_fail(c, 400, "`path` is missing: say which file");
    if (path[0] != '\0' &&
        (path[0] == '/' || strstr(path, "//") != NULL || path[strlen(path) - 1] == '/'))
        return vt_api_fail(c, 400, "`path` is a path in the snapshot, such as src/main.c");
    memcpy(ret, path, strlen(path) + 1);
    return VT_OK;
}

enum vt_err
vt_api_limit_param(struct vt_api_call *c, int64_t *ret)
{
    char text[8] = "";
    struct vt_reader r;
    uint64_t n = VT_API_LIMIT_USUAL;
    enum vt_err err;

    if (vt_api_text_param(c, "limit", text, sizeof(text), &err)) {
        r = VT_READER(text, strlen(text));
        if (!vt_reader_decimal(&r, VT_API_LIMIT_MOST, &n) || n == 0)
            err = vt_api_fail(c, 400, "`limit` is a number from 1 to %d", VT_API_LIMIT_MOST);
    }
    if (err == VT_OK)
        *ret = (int64_t)n;
    return err;
}

enum vt_err
vt_api_word_param(
    struct vt_api_call *c, const char *name, const char *const *words, size_t *ret)
{
    char text[32] = "";
    enum vt_err err;

    if (!vt_api_text_param(c, name, text, sizeof(text), &err)) {
        if (err == VT_OK)
            *ret = 0;
        return err;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return VT_OK;
        }
    }
    return vt_api_fail(c, 400, "`%s` has no such value", name);
}

/* INDEX or INDEX.HEX */
static bool
take_cursor(const char *text, struct vt_api_page *page)
{
    struct vt_reader r = VT_READER(text, strlen(text));
    struct vt_reader index;
    uint64_t n;

    if (!vt_reader_word(&r, '.', &index) || !vt_reader_decimal(&index, INT64_MAX, &n))
        return false;
    page->before = (int64_t)n;
    memset(page->digest.b, 0xff, VT_DIGEST_SIZE);
    if (strchr(text, '.') == NULL)
        return true;
    return vt_digest_from_hex((const char *)r.p, r.left, &page->digest);
}

enum vt_err
vt_api_page_param(struct vt_api_call *c, struct vt_api_page *ret)
{
    struct vt_api_page page = {.before = INT64_MAX};
    char text[VT_API_CURSOR_SIZE] = "";
    enum vt_err err = vt_api_limit_param(c, &page.limit);

    memset(page.digest.b, 0xff, VT_DIGEST_SIZE);
    if (err == VT_OK && vt_api_text_param(c, "after", text, sizeof(text), &err) &&
        !take_cursor(text, &page))
        err = vt_api_fail(c, 400, "`after` is not the `next` of an answer");
    if (err == VT_OK)
        *ret = page;
    return err;
}
