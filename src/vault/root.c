/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/root.h"

#include <stdlib.h>

struct vt_root {
    const struct vt_root_ops *ops;
    void *impl;
};

enum vt_err
vt_root_make_seam(
    const struct vt_root_ops *ops, void *impl, struct vt_root **ret, struct vt_why *why)
{
    struct vt_root *r = calloc(1, sizeof *r);

    if (r == NULL) {
        ops->free(impl);
        return vt_fail(why, VT_E_NOMEM, "root key: out of memory");
    }
    r->ops = ops;
    r->impl = impl;
    *ret = r;
    return VT_OK;
}

void
vt_root_free(struct vt_root *r)
{
    if (r == NULL)
        return;
    r->ops->free(r->impl);
    free(r);
}

enum vt_err
vt_root_make(struct vt_root *r, uint64_t generation, struct vt_why *why)
{
    return r->ops->make(r->impl, generation, why);
}

enum vt_err
vt_root_wrap(struct vt_root *r, uint64_t generation, const void *aad, size_t aad_len,
    const uint8_t key[VT_ROOT_KEY_SIZE], struct vt_buf *b, struct vt_why *why)
{
    return r->ops->wrap(r->impl, generation, aad, aad_len, key, b, why);
}

enum vt_err
vt_root_unwrap(struct vt_root *r, uint64_t generation, const void *aad, size_t aad_len,
    const void *wrapped, size_t len, uint8_t ret[VT_ROOT_KEY_SIZE], struct vt_why *why)
{
    return r->ops->unwrap(r->impl, generation, aad, aad_len, wrapped, len, ret, why);
}

enum vt_err
vt_root_sweep(struct vt_root *r, uint64_t keep, struct vt_why *why)
{
    return r->ops->sweep(r->impl, keep, why);
}
