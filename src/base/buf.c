/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
vt_buf_init(struct vt_buf *b, size_t max)
{
    *b = VT_BUF(max);
}

static void
drop_memory(struct vt_buf *b)
{
    if (b->secret && b->data != NULL)
        explicit_bzero(b->data, b->cap);
    free(b->data);
}

void
vt_buf_release(struct vt_buf *b)
{
    drop_memory(b);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    b->err = VT_OK;
}

void
vt_buf_clear(struct vt_buf *b)
{
    if (b->secret && b->data != NULL)
        explicit_bzero(b->data, b->cap);
    if (b->data != NULL)
        b->data[0] = '\0';
    b->len = 0;
    b->err = VT_OK;
}

const char *
vt_buf_str(const struct vt_buf *b)
{
    return b->data != NULL && b->err == VT_OK ? (const char *)b->data : "";
}

/* Memory for want bytes in all, the NUL among them. Secrets are never left
 * behind in memory that realloc gave back. */
static bool
grow(struct vt_buf *b, size_t want)
{
    size_t cap = b->cap < 64 ? 64 : b->cap;
    uint8_t *data;

    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    if (b->max < SIZE_MAX && cap > b->max + 1)
        cap = b->max + 1;
    data = malloc(cap);
    if (data == NULL)
        return false;
    if (b->len > 0)
        memcpy(data, b->data, b->len);
    data[b->len] = '\0';
    drop_memory(b);
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *
vt_buf_reserve(struct vt_buf *b, size_t len)
{
    if (b->err != VT_OK)
        return NULL;
    if (b->len > b->max || len > b->max - b->len || len > SIZE_MAX - 1 - b->len) {
        b->err = VT_E_LIMIT;
        return NULL;
    }
    if (b->len + len + 1 > b->cap && !grow(b, b->len + len + 1)) {
        b->err = VT_E_NOMEM;
        return NULL;
    }
    return b->data + b->len;
}

void
vt_buf_commit(struct vt_buf *b, size_t len)
{
    if (b->err != VT_OK)
        return;
    assert(len < b->cap - b->len);
    b->len += len;
    b->data[b->len] = '\0';
}

void
vt_buf_put(struct vt_buf *b, const void *data, size_t len)
{
    uint8_t *p = vt_buf_reserve(b, len);

    if (p == NULL)
        return;
    if (len > 0)
        memcpy(p, data, len);
    vt_buf_commit(b, len);
}

void
vt_buf_puts(struct vt_buf *b, const char *s)
{
    vt_buf_put(b, s, strlen(s));
}

void
vt_buf_putf(struct vt_buf *b, const char *fmt, ...)
{
    va_list ap;
    uint8_t *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        if (b->err == VT_OK)
            b->err = VT_E_LIMIT;
        return;
    }
    p = vt_buf_reserve(b, (size_t)n);
    if (p == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf((char *)p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    vt_buf_commit(b, (size_t)n);
}

static void
put_be(struct vt_buf *b, uint64_t v, size_t len)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
    vt_buf_put(b, bytes, len);
}

void
vt_buf_put_u8(struct vt_buf *b, uint8_t v)
{
    put_be(b, v, 1);
}

void
vt_buf_put_u16(struct vt_buf *b, uint16_t v)
{
    put_be(b, v, 2);
}

void
vt_buf_put_u32(struct vt_buf *b, uint32_t v)
{
    put_be(b, v, 4);
}

void
vt_buf_put_u64(struct vt_buf *b, uint64_t v)
{
    put_be(b, v, 8);
}

enum vt_err
vt_buf_check(const struct vt_buf *b, const char *what, struct vt_why *why)
{
    if (b->err == VT_E_LIMIT)
        return vt_fail(why, b->err, "%s: longer than the limit of %zu bytes", what, b->max);
    if (b->err != VT_OK)
        return vt_fail(why, b->err, "%s: out of memory", what);
    return VT_OK;
}
