/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/sealed.h"

#include "base/file.h"
#include "centre/account.h"

#include <string.h>

static enum vt_err
object_there(const struct vt_home *home, const char *store, const struct vt_digest *d,
    bool *ret, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    char path[VT_PATH_MAX];
    enum vt_err err;

    vt_digest_hex(d, hex);
    err = vt_home_path(home, path, why, "%s/sha256/%.2s/%s", store, hex, hex);
    if (err == VT_OK)
        *ret = vt_file_exists(path);
    return err;
}

enum vt_err
vt_sealed_is(
    const struct vt_home *home, const struct vt_digest *source, bool *ret, struct vt_why *why)
{
    bool sealed = false;
    bool public = false;
    enum vt_err err = object_there(home, VT_STORE_SEALED, source, &sealed, why);

    if (err == VT_OK && sealed)
        err = object_there(home, "public/objects", source, &public, why);
    if (err == VT_OK)
        *ret = sealed && !public;
    return err;
}

/* The value of the column: no bytes for all of them. */
static size_t
source_len(const struct vt_digest *source)
{
    return source == NULL ? 0 : sizeof(source->b);
}

enum vt_err
vt_sealed_open(struct vt_sql *db, const struct vt_digest *source, const char *name, int64_t now,
    struct vt_why *why)
{
    struct vt_account a;
    enum vt_err err = vt_account_by_name(db, name, &a, why);

    if (err == VT_E_NOENT)
        return vt_fail(why, err, "there is no account %.128s", name);
    if (err != VT_OK)
        return err;
    return vt_sql_do(db, why, "INSERT OR IGNORE INTO may(source, name, at) VALUES(?, ?, ?)",
        "bsi", (const void *)source, source_len(source), name, now);
}

enum vt_err
vt_sealed_close(
    struct vt_sql *db, const struct vt_digest *source, const char *name, struct vt_why *why)
{
    struct vt_account a;
    enum vt_err err = vt_account_by_name(db, name, &a, why);

    if (err == VT_E_NOENT)
        return vt_fail(why, err, "there is no account %.128s", name);
    if (err != VT_OK)
        return err;
    return vt_sql_do(db, why, "DELETE FROM may WHERE name=? AND source=?", "sb", name,
        (const void *)source, source_len(source));
}

enum vt_err
vt_sealed_may(struct vt_sql *db, const struct vt_digest *source, const char *name, bool *ret,
    struct vt_why *why)
{
    int64_t n = 0;
    enum vt_err err = vt_sql_count(db, 0, &n, why,
        "SELECT count(*) FROM may WHERE name=? AND (source=? OR length(source)=0)", "sd", name,
        source);

    if (err == VT_OK)
        *ret = n > 0;
    return err;
}

struct list {
    const struct vt_home *home;
    struct vt_buf *b;
};

static void
put_source(struct vt_buf *b, const char *hex)
{
    if (b->max - b->len < VT_DIGEST_HEX_SIZE)
        return;
    if (b->len > 0)
        vt_buf_puts(b, " ");
    vt_buf_puts(b, hex);
}

static enum vt_err
put_object(void *ctx, const char *name, struct vt_why *why)
{
    struct list *l = ctx;
    struct vt_digest d;
    bool sealed = false;
    enum vt_err err = VT_OK;

    if (vt_digest_from_hex(name, strlen(name), &d))
        err = vt_sealed_is(l->home, &d, &sealed, why);
    if (sealed)
        put_source(l->b, name);
    return err;
}

static enum vt_err
put_folder(void *ctx, const char *name, struct vt_why *why)
{
    struct list *l = ctx;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(l->home, path, why, VT_STORE_SEALED "/sha256/%s", name);

    return err == VT_OK ? vt_dir_each(path, put_object, l, why) : err;
}

static enum vt_err
put_all(struct list *l, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(l->home, path, why, VT_STORE_SEALED "/sha256");

    if (err != VT_OK || !vt_file_exists(path))
        return err;
    return vt_dir_each(path, put_folder, l, why);
}

static enum vt_err
put_named(struct list *l, struct vt_sql_rows *r, struct vt_why *why)
{
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    bool sealed = false;
    enum vt_err err;

    if (!vt_sql_digest(r, 0, &d))
        return VT_OK;
    err = vt_sealed_is(l->home, &d, &sealed, why);
    if (err == VT_OK && sealed) {
        vt_digest_hex(&d, hex);
        put_source(l->b, hex);
    }
    return err;
}

enum vt_err
vt_sealed_list(const struct vt_home *home, struct vt_sql *db, const char *name,
    struct vt_buf *b, struct vt_why *why)
{
    struct list l = {home, b};
    struct vt_sql_rows *r = NULL;
    bool all = false;
    bool row = false;
    size_t len;
    enum vt_err err = vt_sql_query(
        db, &r, why, "SELECT source FROM may WHERE name=? ORDER BY source", "s", name);

    /* "All" sorts first. */
    while (err == VT_OK && !all && (err = vt_sql_step(r, &row, why)) == VT_OK && row) {
        (void)vt_sql_bytes(r, 0, &len);
        all = len == 0;
        if (!all)
            err = put_named(&l, r, why);
    }
    vt_sql_end(r);
    return err == VT_OK && all ? put_all(&l, why) : err;
}

enum vt_err
vt_sealed_each(struct vt_sql *db,
    enum vt_err (*fn)(void *ctx, const struct vt_digest *source, const char *name, int64_t at,
        struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    struct vt_sql_rows *r = NULL;
    struct vt_digest d;
    bool row = false;
    enum vt_err err =
        vt_sql_query(db, &r, why, "SELECT source, name, at FROM may ORDER BY name, source", "");

    while (err == VT_OK && (err = vt_sql_step(r, &row, why)) == VT_OK && row)
        err = fn(
            ctx, vt_sql_digest(r, 0, &d) ? &d : NULL, vt_sql_text(r, 1), vt_sql_int(r, 2), why);
    vt_sql_end(r);
    return err;
}
