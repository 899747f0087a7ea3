/* SPDX-License-Identifier: Apache-2.0 */
#include "search/library_look.h"

#include "search/ctags.h"
#include "search/language.h"
#include "search/rules.h"

#include <stdlib.h>
#include <string.h>

#define PACKED_MAX (64U << 20)
/* Files for which ctags failed, by one thread; then it is not asked about this source any more:
 * each may have cost ten seconds. */
#define FAILURES_MAX 20U

struct vt_look {
    struct vt_ctags *ctags; /* NULL: there is none */
    struct vt_symbols *symbols;
};

enum vt_err
vt_look_new(struct vt_look **ret, struct vt_why *why)
{
    struct vt_look *k = calloc(1, sizeof(*k));
    enum vt_err err;

    if (k == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for symbols");
    err = vt_symbols_new(&k->symbols, why);
    if (err == VT_OK)
        err = vt_ctags_new(&k->ctags, why);
    if (err == VT_E_NOENT) {
        vt_why_clear(why);
        err = VT_OK;
    }
    if (err != VT_OK) {
        vt_look_free(k);
        return err;
    }
    *ret = k;
    return VT_OK;
}

void
vt_look_free(struct vt_look *k)
{
    if (k == NULL)
        return;
    vt_ctags_free(k->ctags);
    vt_symbols_free(k->symbols);
    free(k);
}

bool
vt_look_has_ctags(const struct vt_look *k)
{
    return k->ctags != NULL;
}

static uint64_t
count_lines(const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    uint64_t lines = 0;

    while (p < end) {
        const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));

        lines++;
        p = newline != NULL ? newline + 1 : end;
    }
    return lines;
}

void
vt_look_text(struct vt_job *j)
{
    j->text = j->len <= VT_LIBRARY_SHOWN_MAX && memchr(j->data, 0, j->len) == NULL &&
              vt_utf8_valid(j->data, j->len);
    j->lines = j->text ? count_lines(j->data, j->len) : 0;
}

struct rules {
    struct vt_job *j;
    struct vt_symbols *symbols;
};

static enum vt_err
take_rule(void *ctx, const struct vt_rule *rule, struct vt_why *why)
{
    struct rules *r = ctx;
    const struct vt_symbol s = {
        .name = rule->name, .kind = "rule", .scope = "", .line = rule->line, .end = rule->end};

    vt_buf_put(&r->j->rules, rule->name, strlen(rule->name) + 1);
    vt_buf_put(&r->j->rules, rule->text.b, sizeof rule->text.b);
    return vt_symbols_put(r->symbols, &s, why);
}

enum vt_err
vt_look_symbols(struct vt_look *k, struct vt_job *j, struct vt_why *why)
{
    struct rules r = {.j = j, .symbols = k->symbols};
    enum vt_err err = VT_OK;

    vt_symbols_clear(k->symbols);
    j->packed = VT_BUF(PACKED_MAX);
    j->rules = VT_BUF(PACKED_MAX);
    if (vt_language_symbols(j->language) == VT_LANGUAGE_RULES)
        err = vt_rules_each(j->data, j->len, take_rule, &r, why);
    else if (k->ctags != NULL && vt_ctags_failures(k->ctags) < FAILURES_MAX)
        err = vt_ctags_symbols(k->ctags, j->name, j->data, j->len, k->symbols, why);
    if (err == VT_OK)
        err = vt_buf_check(&j->rules, "rules", why);
    if (err == VT_OK && vt_symbols_count(k->symbols) > 0)
        err = vt_symbols_pack(k->symbols, &j->packed, why);
    return err;
}
