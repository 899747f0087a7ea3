/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/fetch.h"

#include "assembly/environment.h"

#include <stdio.h>

static void
tick(void *ctx, uint64_t done)
{
    const struct vt_fetch *f = ctx;
    if (f->progress != NULL)
        vt_progress_set(f->progress, f->done + done);
}

enum vt_err
vt_fetch_object(
    struct vt_fetch *f, const struct vt_digest *d, uint64_t len_max, struct vt_why *why)
{
    struct vt_file_new file = {.fd = -1};
    struct vt_digest got;
    uint64_t len = 0;
    char hex[VT_DIGEST_HEX_SIZE];
    char path[128];
    char into[VT_PATH_MAX];
    if (vt_store_has(f->store, d))
        return VT_OK;
    vt_digest_hex(d, hex);
    (void)snprintf(path, sizeof path, "objects/sha256/%.2s/%s", hex, hex);
    enum vt_err err = vt_path(into, why, "%s/%s", f->work_dir, hex);
    if (err == VT_OK)
        err = vt_file_new_begin(&file, into, 0644, why);
    if (err != VT_OK)
        return err;
    err = vt_http_get_fd(f->http, f->url, path, file.fd, len_max, tick, f, &got, &len, why);
    if (err == VT_OK && !vt_digest_eq(&got, d))
        err = vt_fail(
            why, VT_E_DIGEST, "%s/%s: its bytes are not those of its name", f->url, path);
    if (err == VT_OK)
        err = vt_store_put_file(f->store, file.tmp, d, NULL, NULL, why);
    if (err == VT_OK)
        f->done += len;
    vt_file_new_abort(&file);
    return err;
}

enum vt_err
vt_fetch_bytes(
    struct vt_fetch *f, const struct vt_digest *d, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_fetch_object(f, d, b->max - b->len, why);
    return err == VT_OK ? vt_store_get(f->store, d, b, why) : err;
}

static enum vt_err
fetch_packages(struct vt_fetch *f, const struct vt_environment *e, struct vt_why *why)
{
    uint64_t total = 0;
    for (size_t i = 0; i < e->count; i++)
        if (!vt_store_has(f->store, &e->package[i].digest))
            total += e->package[i].size;
    if (total == 0)
        return VT_OK;
    if (f->progress != NULL)
        vt_progress_begin(f->progress, "fetching packages", total);
    enum vt_err err = VT_OK;
    f->done = 0;
    for (size_t i = 0; err == VT_OK && i < e->count; i++) {
        const struct vt_package *p = &e->package[i];
        err = vt_fetch_object(f, &p->digest, p->size, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "package %s %s", p->name, p->version);
    }
    if (f->progress != NULL)
        vt_progress_end(f->progress);
    return err;
}

enum vt_err
vt_fetch_environment(struct vt_fetch *f, const struct vt_digest *d, struct vt_why *why)
{
    struct vt_environment *e = NULL;
    struct vt_buf b = VT_BUF(VT_ENVIRONMENT_MAX);
    enum vt_err err = vt_fetch_bytes(f, d, &b, why);
    if (err == VT_OK)
        err = vt_environment_parse(b.data, b.len, &e, why);
    if (err != VT_OK)
        err = vt_fail_in(why, err, "environment");
    else
        err = fetch_packages(f, e, why);
    vt_environment_free(e);
    vt_buf_release(&b);
    return err;
}
