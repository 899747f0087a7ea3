/* SPDX-License-Identifier: Apache-2.0 */
#include "vault/backup_parts.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "vitrine/vault/backup/v1\n"

void
vt_manifest_release(struct vt_manifest *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->file[i].path);
    free(m->file);
    *m = (struct vt_manifest){0};
}

enum vt_err
vt_manifest_add(struct vt_manifest *m, const char *path, const struct vt_digest *digest,
    uint64_t size, struct vt_why *why)
{
    struct vt_backup_file *f;

    if (!vt_path_is_safe(path) || strchr(path, ' ') != NULL)
        return vt_fail(why, VT_E_SYNTAX, "%.200s: not a path for a backup", path);
    if (m->count == VT_BACKUP_FILES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u files", VT_BACKUP_FILES_MAX);
    if (m->count == m->room) {
        size_t room = m->room == 0 ? 64 : 2 * m->room;

        f = reallocarray(m->file, room, sizeof *f);
        if (f == NULL)
            return vt_fail(why, VT_E_NOMEM, "backup: out of memory");
        m->file = f;
        m->room = room;
    }
    f = &m->file[m->count];
    *f = (struct vt_backup_file){.digest = *digest, .size = size, .path = strdup(path)};
    if (f->path == NULL)
        return vt_fail(why, VT_E_NOMEM, "backup: out of memory");
    m->count++;
    return VT_OK;
}

static int
compare_files(const void *a, const void *b)
{
    return strcmp(
        ((const struct vt_backup_file *)a)->path, ((const struct vt_backup_file *)b)->path);
}

void
vt_manifest_sort(struct vt_manifest *m)
{
    if (m->count > 0)
        qsort(m->file, m->count, sizeof *m->file, compare_files);
}

static int
compare_path(const void *key, const void *file)
{
    return strcmp(key, ((const struct vt_backup_file *)file)->path);
}

const struct vt_backup_file *
vt_manifest_find(const struct vt_manifest *m, const char *path)
{
    if (m->count == 0)
        return NULL;
    return bsearch(path, m->file, m->count, sizeof *m->file, compare_path);
}

enum vt_err
vt_manifest_put(struct vt_buf *b, const struct vt_manifest *m, struct vt_why *why)
{
    char made[VT_TIME_SIZE];
    char hex[VT_DIGEST_HEX_SIZE];

    vt_time_format(m->made, made);
    vt_buf_putf(b, HEAD "site %s\nmade %s\ngeneration %llu\n", m->site, made,
        (unsigned long long)m->generation);
    for (size_t i = 0; i < m->count; i++) {
        vt_digest_hex(&m->file[i].digest, hex);
        vt_buf_putf(b, "file sha256:%s %llu %s\n", hex, (unsigned long long)m->file[i].size,
            m->file[i].path);
    }
    return vt_buf_check(b, "the backup's manifest", why);
}

/* "NAME VALUE\n" at the reader; false when it is another line. */
static bool
take_field(struct vt_reader *r, const char *name, char *ret, size_t size)
{
    struct vt_reader line;

    return vt_reader_line(r, &line) && vt_reader_skip(&line, name) &&
           vt_reader_cstr(&line, ret, size);
}

static bool
parse_head(struct vt_reader *r, struct vt_manifest *m)
{
    char text[64];
    struct vt_reader number;

    if (!vt_reader_skip(r, HEAD) || !take_field(r, "site ", m->site, sizeof m->site) ||
        !vt_key_name_valid(m->site) || !take_field(r, "made ", text, sizeof text) ||
        !vt_time_parse(text, &m->made) || !take_field(r, "generation ", text, sizeof text))
        return false;
    number = VT_READER(text, strlen(text));
    return vt_reader_decimal(&number, INT64_MAX, &m->generation);
}

static enum vt_err
parse_file(struct vt_reader *line, struct vt_manifest *m, struct vt_why *why)
{
    struct vt_reader hex, size;
    struct vt_digest digest;
    char path[1025];
    uint64_t n;

    if (!vt_reader_skip(line, "file sha256:") || !vt_reader_word(line, ' ', &hex) ||
        !vt_digest_from_hex((const char *)hex.p, hex.left, &digest) ||
        !vt_reader_word(line, ' ', &size) || !vt_reader_decimal(&size, INT64_MAX, &n) ||
        !vt_reader_cstr(line, path, sizeof path))
        return vt_fail(why, VT_E_SYNTAX, "not a file's line");
    if (m->count > 0 && strcmp(m->file[m->count - 1].path, path) >= 0)
        return vt_fail(why, VT_E_SYNTAX, "%.200s: out of order", path);
    return vt_manifest_add(m, path, &digest, n, why);
}

enum vt_err
vt_manifest_parse(const void *data, size_t len, struct vt_manifest *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_reader line;
    unsigned number = 4;
    enum vt_err err = VT_OK;

    *ret = (struct vt_manifest){0};
    if (!parse_head(&r, ret))
        return vt_fail(why, VT_E_SYNTAX, "not a backup's manifest");
    while (err == VT_OK && r.left > 0) {
        number++;
        err = vt_reader_line(&r, &line) ? parse_file(&line, ret, why)
                                        : vt_fail(why, VT_E_SYNTAX, "cut short");
        if (err != VT_OK)
            err = vt_fail_in(why, err, "line %u", number);
    }
    return err;
}

static enum vt_err
open_rows(const char *dir, const struct vt_backup_file *f, struct vt_inventory **ret,
    struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE] = "none";
    enum vt_err err;

    if (f != NULL)
        vt_digest_hex(&f->digest, hex);
    err = vt_path(path, why, "%s/files/%s", dir, hex);
    return err == VT_OK ? vt_inventory_open(path, ret, why) : err;
}

enum vt_err
vt_manifest_regions(const struct vt_manifest *m, const char *dir,
    enum vt_err (*fn)(void *ctx, const char *region, const struct vt_inventory *rows,
        const struct vt_inventory *removed, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < m->count; i++) {
        struct vt_inventory *rows = NULL;
        struct vt_inventory *removed = NULL;
        const char *region = m->file[i].path + strlen("inventory/");
        char retired[64];

        if (strncmp(m->file[i].path, "inventory/", strlen("inventory/")) != 0 ||
            strlen(region) > VT_REGION_MAX || strchr(region, '.') != NULL)
            continue;
        (void)snprintf(retired, sizeof retired, "inventory/%s.retired", region);
        if ((err = open_rows(dir, &m->file[i], &rows, why)) == VT_OK &&
            (err = open_rows(dir, vt_manifest_find(m, retired), &removed, why)) == VT_OK)
            err = fn(ctx, region, rows, removed, why);
        vt_inventory_free(rows);
        vt_inventory_free(removed);
    }
    return err;
}
