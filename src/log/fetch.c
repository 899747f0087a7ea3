/* SPDX-License-Identifier: Apache-2.0 */
#include "log/fetch.h"

#include "base/file.h"
#include "http/client.h"

#include <stdlib.h>
#include <string.h>

/* A site that restarts answers again within seconds. */
enum { RETRIES = 6, TOTAL_MS = 120000 };

struct vt_fetch {
    struct vt_http *http; /* NULL: a folder */
    char where[VT_PATH_MAX];
};

enum vt_err
vt_fetch_new(const char *where, struct vt_fetch **ret, struct vt_why *why)
{
    struct vt_http_limits limits = {.total_ms = TOTAL_MS, .retries = RETRIES};
    struct vt_fetch *f = calloc(1, sizeof(*f));
    enum vt_err err;

    if (f == NULL)
        return vt_fail(why, VT_E_NOMEM, "%s: out of memory", where);
    err = vt_path(f->where, why, "%s", where);
    if (err == VT_OK &&
        (strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0))
        err = vt_http_new(&limits, &f->http, why);
    if (err != VT_OK) {
        vt_fetch_free(f);
        return err;
    }
    *ret = f;
    return VT_OK;
}

void
vt_fetch_free(struct vt_fetch *f)
{
    if (f == NULL)
        return;
    vt_http_free(f->http);
    free(f);
}

enum vt_err
vt_fetch_get(struct vt_fetch *f, const char *path, struct vt_buf *b, struct vt_why *why)
{
    char file[VT_PATH_MAX];
    enum vt_err err;

    if (f->http != NULL)
        return vt_http_get(f->http, f->where, path, b, why);
    err = vt_path(file, why, "%s/%s", f->where, path);
    if (err == VT_OK)
        err = vt_file_read(file, b, why);
    return err;
}
