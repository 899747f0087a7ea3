/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns: what people type into the search box, over text that is hostile too. The first byte
 * chooses the mode and how the rest is parted.
 */
#include "must.h"
#include "search/pattern.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char text[VT_PATTERN_MAX + 2];
    struct vt_pattern *p = NULL;
    const struct vt_trigram_term *term;
    struct vt_why why = {0};
    size_t n, depth = 0, from = 0;
    struct vt_match m;
    bool gave_up = false;

    if (len < 2)
        return 0;
    n = data[1] < len - 2 ? data[1] : len - 2;
    memcpy(text, data + 2, n);
    text[n] = '\0';
    if (vt_pattern_new(text, (enum vt_pattern_form)(1 + data[0] % 3), &p, &why) != VT_OK) {
        must(why.text[0] != '\0');
        return 0;
    }
    /* The terms are a formula in postfix order. */
    for (size_t i = 0, count = vt_pattern_terms(p, &term); i < count; i++) {
        must(term[i].trigram < 1U << 24);
        must(term[i].op == VT_TRIGRAM_HAS || depth >= 2);
        depth = term[i].op == VT_TRIGRAM_HAS ? depth + 1 : depth - 1;
        must(i + 1 < count || depth == 1);
    }
    data += 2 + n;
    len -= 2 + n;
    for (int i = 0; i < 20 && vt_pattern_find(p, data, len, from, &m, &gave_up); i++) {
        must(m.from >= from && m.to > m.from && m.to <= len);
        from = m.to;
    }
    vt_pattern_free(p);
    return 0;
}
