/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/shares_in.h"

#include "vault/place.h"

#include <stdlib.h>
#include <string.h>

struct load {
    const struct vt_digest *request;
    char dir[VT_PATH_MAX];
    struct vt_shares *shares; /* room to parse into */
    struct vt_buf *all;
    size_t count;
    struct vt_digest seen[256];
};

static enum vt_err
dir_of(const struct vt_home *h, const struct vt_digest *request, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(request, hex);
    return vt_vault_path(h, ret, why, "shares-in/%s", hex);
}

static bool
is_new(struct load *l, const struct vt_buf *b)
{
    struct vt_digest d;
    vt_digest_of(b->data, b->len, &d);
    for (size_t i = 0; i < l->count; i++)
        if (vt_digest_eq(&l->seen[i], &d))
            return false;
    if (l->count == sizeof l->seen / sizeof l->seen[0])
        return false;
    l->seen[l->count++] = d;
    return true;
}

static enum vt_err
take(struct load *l, const char *path, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_SHARES_FILE_MAX);
    b.secret = true;
    enum vt_err err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_shares_parse(b.data, b.len, l->shares, why);
    if (err == VT_E_LIMIT) /* of one file: such a one is none */
        err = VT_E_SYNTAX;
    if (err == VT_OK &&
        (!l->shares->for_request || !vt_digest_eq(&l->shares->request, l->request)))
        err = vt_fail(why, VT_E_SYNTAX, "no shares for this request");
    if (err == VT_OK && is_new(l, &b)) {
        vt_buf_put_u32(l->all, (uint32_t)b.len);
        vt_buf_put(l->all, b.data, b.len);
        err = vt_buf_check(l->all, "the approvers' shares", why);
    }
    vt_buf_release(&b);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s", path);
}

/* What strangers sent may be anything: it is not there. */
static enum vt_err
take_sent(void *ctx, const char *name, struct vt_why *why)
{
    struct load *l = ctx;
    struct vt_why ignored = {0};
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/%s", l->dir, name);
    if (err != VT_OK)
        return err;
    err = take(l, path, &ignored);
    return err == VT_E_SYNTAX || err == VT_OK ? VT_OK : vt_fail(why, err, "%s", ignored.text);
}

enum vt_err
vt_shares_in_load(const struct vt_home *h, const struct vt_digest *request,
    const char *const *file, size_t file_count, struct vt_buf *b, struct vt_why *why)
{
    struct load *l = calloc(1, sizeof *l);
    struct vt_shares *shares = calloc(1, sizeof *shares);
    enum vt_err err =
        l != NULL && shares != NULL ? VT_OK : vt_fail(why, VT_E_NOMEM, "no memory for shares");
    b->secret = true;
    if (err == VT_OK) {
        l->request = request;
        l->shares = shares;
        l->all = b;
        err = dir_of(h, request, l->dir, why);
    }
    if (err == VT_OK && vt_file_exists(l->dir))
        err = vt_dir_each(l->dir, take_sent, l, why);
    for (size_t i = 0; err == VT_OK && i < file_count; i++)
        err = take(l, file[i], why);
    free(shares);
    free(l);
    return err;
}
