/* SPDX-License-Identifier: Apache-2.0 */
#include "report/otlp.h"

#include <archive.h>
#include <archive_entry.h>

static enum vt_err
fail(struct archive *a, struct vt_why *why)
{
    const char *text = archive_error_string(a);

    return vt_fail(why, VT_E_SYNTAX, "gzip: %s", text == NULL ? "not such a stream" : text);
}

static enum vt_err
copy(struct archive *a, struct vt_buf *b, struct vt_why *why)
{
    const void *p;
    size_t len;
    la_int64_t offset;
    int rc;

    while ((rc = archive_read_data_block(a, &p, &len, &offset)) == ARCHIVE_OK) {
        vt_buf_put(b, p, len);
        if (b->err != VT_OK)
            return vt_buf_check(b, "what gzip gives", why);
    }
    return rc == ARCHIVE_EOF ? VT_OK : fail(a, why);
}

enum vt_err
vt_otlp_gunzip(const void *data, size_t len, struct vt_buf *b, struct vt_why *why)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    enum vt_err err;

    if (a == NULL)
        return vt_fail(why, VT_E_NOMEM, "gzip: out of memory");
    /* Exactly one filter and no archive format. */
    if (archive_read_append_filter(a, ARCHIVE_FILTER_GZIP) != ARCHIVE_OK ||
        archive_read_support_format_raw(a) != ARCHIVE_OK ||
        archive_read_open_memory(a, data, len) != ARCHIVE_OK ||
        archive_read_next_header(a, &entry) != ARCHIVE_OK)
        err = fail(a, why);
    else
        err = copy(a, b, why);
    (void)archive_read_free(a);
    return err;
}
