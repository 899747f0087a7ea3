/* SPDX-License-Identifier: Apache-2.0 */
#include "log/served.h"

enum vt_err
vt_served_folders(const char *dir, const struct vt_served *row, size_t n,
    char (*path)[VT_PATH_MAX], struct vt_http_folder *ret, struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++) {
        err = vt_path(path[i], why, "%s/%s", dir, row[i].below);
        ret[i] = (struct vt_http_folder){.prefix = row[i].prefix,
            .dir = path[i],
            .content_type = row[i].type,
            .cache = row[i].changes ? "no-cache" : VT_SERVED_ONE_YEAR,
            .etag = row[i].changes,
            .precompressed = row[i].keep,
            .for_all = true,
            .keep = row[i].keep};
    }
    return err;
}
