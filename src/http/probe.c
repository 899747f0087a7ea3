/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"
#include "http/listen.h"

#define ANSWER_MAX (1024U * 1024U)

bool
vt_listen_answers(const char *url, const char *path, int ms)
{
    const struct vt_http_limits limits = {.connect_ms = ms, .total_ms = ms, .pass = ""};
    struct vt_buf b = VT_BUF(ANSWER_MAX);
    struct vt_http *h = NULL;
    bool ok =
        vt_http_new(&limits, &h, NULL) == VT_OK && vt_http_get(h, url, path, &b, NULL) == VT_OK;

    vt_http_free(h);
    vt_buf_release(&b);
    return ok;
}
