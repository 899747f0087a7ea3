/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of one public folder a server gives out, under which paths: a table of rows, each a
 * folder or a file below it. What never changes may be kept for a year, the rest is asked for
 * again; pages of any origin may read it (C2SP tlog-tiles, docs/formats/site-http.md).
 */
#ifndef VT_LOG_SERVED_H
#define VT_LOG_SERVED_H

#include "base/file.h"
#include "http/server.h"

#define VT_SERVED_ONE_YEAR "public, max-age=31536000, immutable"
#define VT_SERVED_BINARY "application/octet-stream"
#define VT_SERVED_TEXT "text/plain; charset=utf-8"

struct vt_served {
    const char *prefix; /* URL prefix, or a file's whole path */
    const char *below;  /* of the public folder */
    const char *type;   /* content type */
    bool changes;       /* files are replaced: asked for again, by an ETag */
    bool keep;          /* small ones stay in memory; compressed forms are used */
};

/* The rows that every log has. Of two that match the first counts. */
#define VT_SERVED_LOG                                                                          \
    {"/tile/", "tile", VT_SERVED_BINARY, false, true},                                         \
        {"/checkpoint", "checkpoint", VT_SERVED_TEXT, true, false},                            \
        {"/frozen", "frozen", VT_SERVED_TEXT, true, false},                                    \
        {"/index/latest", "index/latest", VT_SERVED_TEXT, true, false},                        \
    {                                                                                          \
        "/index/", "index", VT_SERVED_BINARY, false, false                                     \
    }

/* The n rows (static) as folders of a server, whose files lie below `dir`. `path` gets where
 * they are and must outlive the server. VT_E_LIMIT: a path is too long. */
VT_MUST enum vt_err vt_served_folders(const char *dir, const struct vt_served *row, size_t n,
    char (*path)[VT_PATH_MAX], struct vt_http_folder *ret, struct vt_why *why);

#endif
