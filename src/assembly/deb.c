/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/deb.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <strings.h>

#define READ_BLOCK 65536U
#define CONTROL_TAR_MAX (16U * 1024U * 1024U) /* bytes of control.tar.* */
#define MEMBERS_MAX 4096U

static enum vt_err
fail_read(struct archive *a, const char *path, struct vt_why *why)
{
    const char *text = archive_error_string(a);

    return vt_fail(why, VT_E_SYNTAX, "%s is no Debian package: %s", path,
        text == NULL ? "unknown error" : text);
}

/* Appends the content of the entry the archive stands at. */
static enum vt_err
take_entry(struct archive *a, const char *path, struct vt_buf *b, struct vt_why *why)
{
    for (;;) {
        uint8_t *p = vt_buf_reserve(b, READ_BLOCK);
        la_ssize_t n;

        if (p == NULL)
            return vt_buf_check(b, path, why);
        n = archive_read_data(a, p, READ_BLOCK);
        if (n < 0)
            return fail_read(a, path, why);
        if (n == 0)
            return VT_OK;
        vt_buf_commit(b, (size_t)n);
    }
}

/* Goes on to the first entry whose name, without "./", begins with `prefix`. */
static enum vt_err
find_entry(
    struct archive *a, const char *path, const char *prefix, bool whole, struct vt_why *why)
{
    struct archive_entry *e;
    size_t n;

    for (n = 0; n < MEMBERS_MAX && archive_read_next_header(a, &e) == ARCHIVE_OK; n++) {
        const char *name = archive_entry_pathname(e);

        if (name == NULL)
            continue;
        if (strncmp(name, "./", 2) == 0)
            name += 2;
        if (whole ? strcmp(name, prefix) == 0 : strncmp(name, prefix, strlen(prefix)) == 0)
            return VT_OK;
    }
    return vt_fail(why, VT_E_SYNTAX, "%s is no Debian package: it has no %s", path, prefix);
}

static enum vt_err
read_control_tar(const char *path, struct vt_buf *ret, struct vt_why *why)
{
    struct archive *a = archive_read_new();
    enum vt_err err;

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to read %s", path);
    if (archive_read_support_format_ar(a) != ARCHIVE_OK ||
        archive_read_open_filename(a, path, READ_BLOCK) != ARCHIVE_OK)
        err = fail_read(a, path, why);
    else if ((err = find_entry(a, path, "control.tar", false, why)) == VT_OK)
        err = take_entry(a, path, ret, why);
    (void)archive_read_free(a);
    return err;
}

static enum vt_err
read_control(const char *path, const struct vt_buf *tar, struct vt_buf *ret, struct vt_why *why)
{
    struct archive *a = archive_read_new();
    enum vt_err err;

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory to read %s", path);
    if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
        archive_read_support_filter_xz(a) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
        archive_read_open_memory(a, tar->data, tar->len) != ARCHIVE_OK)
        err = fail_read(a, path, why);
    else if ((err = find_entry(a, path, "control", true, why)) == VT_OK)
        err = take_entry(a, path, ret, why);
    (void)archive_read_free(a);
    return err;
}

/* A second paragraph would speak of another package than the file holds. */
static enum vt_err
put_paragraph(const char *path, const struct vt_buf *text, struct vt_buf *b, struct vt_why *why)
{
    size_t len = text->len;

    while (len > 0 && text->data[len - 1] == '\n')
        len--;
    if (len == 0 || memchr(text->data, '\0', len) != NULL ||
        memchr(text->data, '\r', len) != NULL || text->data[0] == '\n' ||
        memmem(text->data, len, "\n\n", 2) != NULL)
        return vt_fail(why, VT_E_SYNTAX, "%s has a control file of not one paragraph", path);
    vt_buf_put(b, text->data, len);
    vt_buf_puts(b, "\n");
    return vt_buf_check(b, path, why);
}

enum vt_err
vt_deb_control(const char *path, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf tar = VT_BUF(CONTROL_TAR_MAX);
    struct vt_buf text = VT_BUF(VT_DEB_CONTROL_MAX + READ_BLOCK);
    enum vt_err err;

    if ((err = read_control_tar(path, &tar, why)) == VT_OK &&
        (err = read_control(path, &tar, &text, why)) == VT_OK)
        err = put_paragraph(path, &text, b, why);
    vt_buf_release(&tar);
    vt_buf_release(&text);
    return err;
}

/* Whether the line is of that field; then *line is moved to its value. */
static bool
is_field(struct vt_reader *line, const char *name)
{
    size_t len = strlen(name);
    const uint8_t *key;

    if (line->left <= len || line->p[len] != ':' ||
        strncasecmp((const char *)line->p, name, len) != 0 ||
        !vt_reader_take(line, len + 1, &key))
        return false;
    while (line->left > 0 && (line->p[0] == ' ' || line->p[0] == '\t')) {
        line->p++;
        line->left--;
    }
    return true;
}

bool
vt_deb_field(const void *control, size_t len, const char *name, char *ret, size_t size)
{
    struct vt_reader r = VT_READER(control, len);
    struct vt_reader found = {0};
    struct vt_reader line;

    while (vt_reader_line(&r, &line)) {
        if (!is_field(&line, name))
            continue;
        if (found.p != NULL)
            return false;
        found = line;
    }
    return found.p != NULL && vt_reader_cstr(&found, ret, size);
}

bool
vt_deb_has_field(const void *control, size_t len, const char *name)
{
    struct vt_reader r = VT_READER(control, len);
    struct vt_reader line;

    while (vt_reader_line(&r, &line)) {
        if (is_field(&line, name))
            return true;
    }
    return false;
}
