/* SPDX-License-Identifier: Apache-2.0 */
#include "update/record.h"

#include "attest/statement.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

#define RECORD_MAX 4096U

static enum vt_err
load(const char *path, json_t **ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(RECORD_MAX);
    enum vt_err err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = vt_json_parse(b.data, b.len, path, ret, why);
    vt_buf_release(&b);
    return err;
}

/* Steals obj. */
static enum vt_err
save(const char *path, json_t *obj, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(RECORD_MAX);
    enum vt_err err = obj == NULL ? vt_fail(why, VT_E_NOMEM, "no memory for %s", path) : VT_OK;
    if (err == VT_OK)
        err = vt_json_text(obj, true, &b, why);
    if (err == VT_OK)
        err = vt_buf_check(&b, path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    json_decref(obj);
    return err;
}

static enum vt_err
get_digest(const json_t *obj, const char *key, struct vt_digest *ret, struct vt_why *why)
{
    const char *s = NULL;
    enum vt_err err = vt_json_str(obj, key, &s, why);
    if (err == VT_OK &&
        (strncmp(s, "sha256:", 7) != 0 || !vt_digest_from_hex(s + 7, strlen(s + 7), ret)))
        err = vt_fail(why, VT_E_SYNTAX, "%s is no digest", key);
    return err;
}

static void
put_digest(const struct vt_digest *d, char ret[VT_DIGEST_HEX_SIZE + 7])
{
    char hex[VT_DIGEST_HEX_SIZE];
    vt_digest_hex(d, hex);
    (void)snprintf(ret, VT_DIGEST_HEX_SIZE + 7, "sha256:%s", hex);
}

static enum vt_err
installed_path(const char *into, const char *channel, const char *product,
    char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/.vitrine/installed/%s/%s.json", into, channel, product);
}

static enum vt_err
read_installed(const json_t *obj, struct vt_installed *ret, struct vt_why *why)
{
    struct vt_installed r = {0};
    const char *version = NULL;
    int64_t n = 0;
    enum vt_err err = vt_json_int(obj, "channel_version", 1, INT64_MAX, &n, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "version", &version, why);
    if (err == VT_OK && !vt_statement_name_valid(version))
        err = vt_fail(why, VT_E_SYNTAX, "version is not one");
    if (err == VT_OK)
        err = get_digest(obj, "artifact", &r.artifact, why);
    if (err != VT_OK)
        return err;
    r.channel_version = (uint64_t)n;
    (void)snprintf(r.version, sizeof r.version, "%s", version);
    *ret = r;
    return VT_OK;
}

enum vt_err
vt_installed_load(const char *into, const char *channel, const char *product,
    struct vt_installed *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    json_t *obj = NULL;
    enum vt_err err = installed_path(into, channel, product, path, why);
    if (err == VT_OK)
        err = load(path, &obj, why);
    if (err == VT_E_NOENT) {
        *ret = (struct vt_installed){0};
        return VT_OK;
    }
    if (err == VT_OK) {
        err = read_installed(obj, ret, why);
        if (err != VT_OK)
            err = vt_fail_in(why, err, "%s", path);
    }
    json_decref(obj);
    return err;
}

enum vt_err
vt_installed_save(const char *into, const char *channel, const char *product,
    const struct vt_installed *r, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char artifact[VT_DIGEST_HEX_SIZE + 7];
    enum vt_err err = vt_path(path, why, "%s/.vitrine/installed/%s", into, channel);
    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = installed_path(into, channel, product, path, why);
    if (err != VT_OK)
        return err;
    put_digest(&r->artifact, artifact);
    return save(path,
        json_pack("{s:s, s:I, s:s}", "artifact", artifact, "channel_version",
            (json_int_t)r->channel_version, "version", r->version),
        why);
}

enum vt_err
vt_tree_record_load(const char *path, struct vt_tree_record *ret, struct vt_why *why)
{
    json_t *obj = NULL;
    struct vt_tree_record r;
    enum vt_err err = load(path, &obj, why);
    if (err == VT_OK)
        err = get_digest(obj, "artifact", &r.artifact, why);
    if (err == VT_OK)
        err = get_digest(obj, "tree", &r.tree, why);
    if (err == VT_OK)
        *ret = r;
    json_decref(obj);
    return err;
}

enum vt_err
vt_tree_record_save(const char *path, const struct vt_tree_record *r, struct vt_why *why)
{
    char artifact[VT_DIGEST_HEX_SIZE + 7];
    char tree[VT_DIGEST_HEX_SIZE + 7];
    put_digest(&r->artifact, artifact);
    put_digest(&r->tree, tree);
    return save(path, json_pack("{s:s, s:s}", "artifact", artifact, "tree", tree), why);
}

enum vt_err
vt_time_record_load(const char *into, int64_t *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    uint64_t n = 0;
    struct vt_reader line = {0};
    struct vt_buf b = VT_BUF(64);
    enum vt_err err = vt_path(path, why, "%s/.vitrine/time", into);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    struct vt_reader r = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT)
        err = VT_OK;
    else if (err == VT_OK && (!vt_reader_line(&r, &line) || r.left > 0 ||
                                 !vt_reader_decimal(&line, INT64_MAX, &n)))
        err = vt_fail(why, VT_E_SYNTAX, "%s: not a number of seconds; remove the file", path);
    if (err == VT_OK)
        *ret = (int64_t)n;
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_time_record_save(const char *into, int64_t t, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char text[32];
    enum vt_err err = vt_path(path, why, "%s/.vitrine/time", into);
    if (err != VT_OK)
        return err;
    int n = snprintf(text, sizeof text, "%lld\n", (long long)t);
    return vt_file_replace(path, 0644, text, (size_t)n, why);
}
