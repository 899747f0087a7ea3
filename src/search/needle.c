/* SPDX-License-Identifier: Apache-2.0 */
#include "search/needle.h"

#include <string.h>

/* ASCII from the most frequent in source code to the least; what is not here is rarer. */
static const char common[] =
    " etnairosdl\ncu_pfmhg,-.b()01;yv/*E>\"=w2S:ATxkRICNLODP3'4<8MU6&5FB7[]"
    "9z{}G+jqHVW#\\!%|X$K@Y?JQ~Z^`\t";

static size_t
rank(uint8_t c)
{
    const char *at = c == 0 ? NULL : strchr(common, c);

    return at == NULL ? sizeof(common) : (size_t)(at - common);
}

void
vt_needle_init(struct vt_needle *n, const uint8_t *b, size_t len)
{
    n->b = b;
    n->len = len;
    n->rare = 0;
    for (size_t i = 1; i < len; i++)
        if (rank(b[i]) > rank(b[n->rare]))
            n->rare = i;
}

const uint8_t *
vt_needle_find(const struct vt_needle *n, const uint8_t *data, size_t len)
{
    const uint8_t *at = data + n->rare;
    const uint8_t *end;

    if (len < n->len)
        return NULL;
    end = data + len - (n->len - n->rare) + 1; /* one past where the rare byte may be */
    while (at < end && (at = memchr(at, n->b[n->rare], (size_t)(end - at))) != NULL) {
        if (memcmp(at - n->rare, n->b, n->len) == 0)
            return at - n->rare;
        at++;
    }
    return NULL;
}
