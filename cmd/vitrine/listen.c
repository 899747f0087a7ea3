/* SPDX-License-Identifier: Apache-2.0 */
#include "listen.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum vt_err
vt_listen_cli_take(struct vt_listen_cli *l, struct vt_why *why)
{
    const char *lines = getenv("VITRINE_ACCESS_LOG");

    if (l->format != NULL && strcmp(l->format, "text") != 0 && strcmp(l->format, "json") != 0)
        return vt_fail(why, VT_E_USAGE, "--log-format %.40s: it is text or json", l->format);
    vt_log_json(l->format != NULL && strcmp(l->format, "json") == 0);
    if (lines != NULL && strcmp(lines, "1") == 0)
        l->how.access_log = true;
    return VT_OK;
}
