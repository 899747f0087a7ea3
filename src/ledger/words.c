/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/words.h"

#include <inttypes.h>
#include <string.h>

enum vt_err
vt_words_split(const char *value, struct vt_words *w, struct vt_why *why)
{
    size_t len = strnlen(value, sizeof w->text);

    if (len >= sizeof w->text)
        return vt_fail(why, VT_E_LIMIT, "more than %u bytes", VT_DOC_VALUE_MAX);
    memcpy(w->text, value, len + 1);
    w->count = 0;
    for (char *at = w->text; at != NULL;) {
        if (w->count == VT_WORDS_MAX)
            return vt_fail(why, VT_E_LIMIT, "more than %u words", VT_WORDS_MAX);
        w->word[w->count++] = at;
        at = strchr(at, ' ');
        if (at != NULL)
            *at++ = '\0';
    }
    return VT_OK;
}

enum vt_err
vt_words_get(const struct vt_words *w, size_t i, enum vt_value form, const char *what,
    char *ret, size_t size, struct vt_why *why)
{
    if (i >= w->count)
        return vt_fail(why, VT_E_CONFIG, "the %s is missing", what);
    if (!vt_value_ok(form, w->word[i]) || strlen(w->word[i]) >= size)
        return vt_fail(why, VT_E_CONFIG, "the %s `%.140s` is not %s", what, w->word[i],
            vt_value_form(form));
    memcpy(ret, w->word[i], strlen(w->word[i]) + 1);
    return VT_OK;
}

enum vt_err
vt_words_number(const struct vt_words *w, size_t i, uint64_t least, uint64_t most,
    const char *what, uint64_t *ret, struct vt_why *why)
{
    uint64_t v;

    if (i >= w->count)
        return vt_fail(why, VT_E_CONFIG, "the %s is missing", what);
    if (!vt_value_count(w->word[i], most, &v) || v < least)
        return vt_fail(why, VT_E_CONFIG,
            "the %s is a number from %" PRIu64 " to %" PRIu64 ", not `%.40s`", what, least,
            most, w->word[i]);
    *ret = v;
    return VT_OK;
}

enum vt_err
vt_words_exactly(const struct vt_words *w, size_t n, struct vt_why *why)
{
    if (w->count < n)
        return vt_fail(why, VT_E_CONFIG, "%zu words are needed, not %zu", n, w->count);
    if (w->count > n)
        return vt_fail(why, VT_E_CONFIG, "there is something after `%.140s`", w->word[n - 1]);
    return VT_OK;
}
