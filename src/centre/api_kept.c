/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/api_kept.h"

#include <stdlib.h>

struct kept {
    struct vt_digest tag;
    uint64_t used; /* 0: the place is free */
    const char *content_type;
    struct vt_buf body;
};

struct vt_api_kept {
    uint64_t clock;
    struct kept at[VT_API_KEPT_MAX];
};

enum vt_err
vt_api_kept_new(struct vt_api_kept **ret, struct vt_why *why)
{
    struct vt_api_kept *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return vt_fail(why, VT_E_NOMEM, "kept answers: out of memory");
    for (size_t i = 0; i < VT_API_KEPT_MAX; i++)
        vt_buf_init(&k->at[i].body, VT_API_KEPT_BYTES_MAX);
    *ret = k;
    return VT_OK;
}

void
vt_api_kept_free(struct vt_api_kept *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < VT_API_KEPT_MAX; i++)
        vt_buf_release(&k->at[i].body);
    free(k);
}

bool
vt_api_kept_find(struct vt_api_kept *k, const struct vt_digest *tag,
    const char **ret_content_type, struct vt_buf *body)
{
    for (size_t i = 0; i < VT_API_KEPT_MAX; i++) {
        struct kept *a = &k->at[i];

        if (a->used == 0 || !vt_digest_eq(&a->tag, tag))
            continue;
        a->used = ++k->clock;
        *ret_content_type = a->content_type;
        vt_buf_put(body, a->body.data, a->body.len);
        return true;
    }
    return false;
}

void
vt_api_kept_add(struct vt_api_kept *k, const struct vt_digest *tag, const char *content_type,
    const struct vt_buf *body)
{
    struct kept *oldest = &k->at[0];

    for (size_t i = 1; i < VT_API_KEPT_MAX; i++)
        if (k->at[i].used < oldest->used)
            oldest = &k->at[i];
    oldest->used = 0;
    vt_buf_clear(&oldest->body);
    vt_buf_put(&oldest->body, body->data, body->len);
    if (oldest->body.err != VT_OK)
        return;
    oldest->tag = *tag;
    oldest->content_type = content_type;
    oldest->used = ++k->clock;
}
