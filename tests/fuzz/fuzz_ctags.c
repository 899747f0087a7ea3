/* SPDX-License-Identifier: Apache-2.0 */
/* What ctags says: a line either is a symbol within the limits, which packs and unpacks as
 * itself, or is none. */
#include "search/ctags.h"

#include "must.h"

static enum vt_err
take(void *ctx, const struct vt_symbol *s, struct vt_why *why)
{
    (void)why;
    must(s->line > 0 && (s->end == 0 || s->end >= s->line));
    must(s->name[0] != '\0' && strlen(s->name) <= VT_SYMBOLS_NAME_MAX);
    must(strlen(s->kind) <= VT_SYMBOLS_WORD_MAX && strlen(s->scope) <= VT_SYMBOLS_WORD_MAX);
    for (const char *p = s->name; *p != '\0'; p++)
        must((unsigned char)*p >= ' ');
    ++*(size_t *)ctx;
    return VT_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vt_symbols *s;
    struct vt_reader r = VT_READER(data, size);
    struct vt_buf b = VT_BUF(1U << 26);
    struct vt_reader line;
    size_t count = 0;

    must(s != NULL || vt_symbols_new(&s, NULL) == VT_OK);
    vt_symbols_clear(s);
    while (vt_reader_line(&r, &line)) {
        size_t before = vt_symbols_count(s);
        enum vt_ctags_says says = vt_ctags_line(line.p, line.left, s);

        must(says >= VT_CTAGS_TAG && says <= VT_CTAGS_NONSENSE);
        must(vt_symbols_count(s) == before ||
             (says == VT_CTAGS_TAG && vt_symbols_count(s) == before + 1));
    }
    must(vt_symbols_pack(s, &b, NULL) == VT_OK);
    must(vt_symbols_each(b.data, b.len, take, &count, NULL) == VT_OK);
    must(count == vt_symbols_count(s));
    vt_buf_release(&b);
    return 0;
}
