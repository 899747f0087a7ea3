/* SPDX-License-Identifier: Apache-2.0 */
#include "search/ctags.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

static const char *
word(const json_t *obj, const char *key)
{
    const char *s = NULL;

    return vt_json_str(obj, key, &s, NULL) == VT_OK ? s : "";
}

static uint64_t
number(const json_t *obj, const char *key)
{
    int64_t n = 0;

    return vt_json_int(obj, key, 0, UINT32_MAX, &n, NULL) == VT_OK ? (uint64_t)n : 0;
}

static enum vt_ctags_says
take_tag(const json_t *obj, struct vt_symbols *s)
{
    char scope[VT_SYMBOLS_WORD_MAX + 1] = "";
    const struct vt_symbol one = {
        .name = word(obj, "name"),
        .kind = word(obj, "kind"),
        .scope = scope,
        .line = number(obj, "line"),
        .end = number(obj, "end"),
    };

    if (word(obj, "scope")[0] != '\0')
        (void)snprintf(
            scope, sizeof scope, "%s:%s", word(obj, "scopeKind"), word(obj, "scope"));
    return vt_symbols_put(s, &one, NULL) == VT_OK ? VT_CTAGS_TAG : VT_CTAGS_NONSENSE;
}

enum vt_ctags_says
vt_ctags_line(const void *line, size_t len, struct vt_symbols *s)
{
    enum vt_ctags_says says = VT_CTAGS_REMARK;
    json_t *obj = NULL;
    const char *type;

    if (len > VT_CTAGS_LINE_MAX || vt_json_parse(line, len, "ctags", &obj, NULL) != VT_OK)
        return VT_CTAGS_NONSENSE;
    type = word(obj, "_type");
    if (strcmp(type, "tag") == 0)
        says = take_tag(obj, s);
    else if (strcmp(type, "completed") == 0)
        says = VT_CTAGS_DONE;
    else if (strcmp(type, "error") == 0 && json_is_true(json_object_get(obj, "fatal")))
        says = VT_CTAGS_NONSENSE;
    json_decref(obj);
    return says;
}
