/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/place.h"

#include <stdio.h>
#include <string.h>

#define CONF_HEAD "vitrine/vault/v1\nledger "
#define CONF_MAX 2048U

enum vt_err
vt_vault_path(
    const struct vt_home *h, char ret[VT_PATH_MAX], struct vt_why *why, const char *fmt, ...)
{
    char rest[VT_PATH_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof rest)
        return vt_fail(why, VT_E_LIMIT, "a path below %s/vault is too long", h->dir);
    return vt_home_path(h, ret, why, "vault/%s", rest);
}

enum vt_err
vt_vault_conf_load(const struct vt_home *h, struct vt_vault_conf *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(CONF_MAX);
    char path[VT_PATH_MAX];
    struct vt_reader r, line;
    enum vt_err err;

    err = vt_vault_path(h, path, why, "vault.conf");
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_STATE,
            "%s has no vault: make one with `vitrine vault init %s --ledger URL`", h->dir,
            h->dir);
    if (err != VT_OK)
        goto out;
    r = VT_READER(b.data, b.len);
    if (!vt_reader_skip(&r, CONF_HEAD) || !vt_reader_line(&r, &line) || r.left > 0 ||
        line.left == 0 || !vt_reader_cstr(&line, ret->ledger, sizeof ret->ledger))
        err = vt_fail(why, VT_E_CONFIG, "%s: not a vault's configuration", path);
out:
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_vault_conf_save(const struct vt_home *h, const struct vt_vault_conf *c, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(CONF_MAX);
    char path[VT_PATH_MAX];
    enum vt_err err;

    vt_buf_putf(&b, CONF_HEAD "%s\n", c->ledger);
    err = vt_buf_check(&b, "the vault's configuration", why);
    if (err == VT_OK)
        err = vt_vault_path(h, path, why, "vault.conf");
    if (err == VT_OK)
        err = vt_file_create(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}
