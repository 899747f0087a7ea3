/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of detection databases: whatever the file, each rule has a name and a place in it, in
 * order, and what stands before a rule does not change its text. */
#include "search/rules.h"

#include "must.h"

struct all {
    struct vt_rule last;
    size_t count;
    uint64_t lines;
};

static enum vt_err
take(void *ctx, const struct vt_rule *r, struct vt_why *why)
{
    struct all *a = ctx;
    size_t len = strlen(r->name);

    (void)why;
    must(len > 0 && len <= VT_RULES_NAME_MAX);
    must(r->line >= a->last.line && r->end >= r->line && r->end <= a->lines);
    a->last = *r;
    a->count++;
    return VT_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(size + 64);
    struct all plain = {.lines = 1};
    struct all shifted = {.lines = 2};

    for (size_t i = 0; i < size; i++)
        plain.lines += data[i] == '\n';
    shifted.lines = plain.lines + 1;
    must(vt_rules_each(data, size, take, &plain, NULL) == VT_OK);
    vt_buf_puts(&b, "/* rule x { */ \n");
    vt_buf_put(&b, data, size);
    must(vt_rules_each(b.data, b.len, take, &shifted, NULL) == VT_OK);
    must(plain.count == shifted.count);
    if (plain.count > 0) {
        must(shifted.last.line == plain.last.line + 1);
        must(vt_digest_eq(&plain.last.text, &shifted.last.text));
        must(strcmp(plain.last.name, shifted.last.name) == 0);
    }
    vt_buf_release(&b);
    return 0;
}
