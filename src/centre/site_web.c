/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the built page is, and what its address is for browsers.
 */
#include "centre/site_parts.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool
has_page(const char *dir)
{
    char path[VT_PATH_MAX];

    return vt_path(path, NULL, "%s/index.html", dir) == VT_OK && vt_file_exists(path);
}

/* The source tree's web/dist, for a program that stands in a build folder's cmd/vitrine and
 * whose build folder stands in the tree. */
static bool
beside_program(char ret[VT_PATH_MAX])
{
    char path[VT_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (n <= 0)
        return false;
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    return vt_path(ret, NULL, "%s/../../../web/dist", path) == VT_OK;
}

enum vt_err
vt_site_find_web(const char *asked, char ret[VT_PATH_MAX], struct vt_why *why)
{
    const char *environment = getenv("VITRINE_WEB");
    char path[VT_PATH_MAX];

    if (asked == NULL && environment != NULL && environment[0] != '\0')
        asked = environment;
    if (asked != NULL && !has_page(asked))
        return vt_fail(why, VT_E_USAGE,
            "%s has no index.html: build the page with `make web`, or name its folder", asked);
    if (asked != NULL)
        return vt_path(ret, why, "%s", asked);
    if (has_page(VT_WEB_DIR))
        return vt_path(ret, why, "%s", VT_WEB_DIR);
    if (beside_program(path) && has_page(path))
        return vt_path(ret, why, "%s", path);
    ret[0] = '\0';
    return VT_OK;
}

/* scheme://host[:port], in lower case, without a path: as browsers write it. */
static bool
is_origin(const char *s)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-.:[]";
    const char *host = NULL;

    if (strncmp(s, "http://", strlen("http://")) == 0)
        host = s + strlen("http://");
    else if (strncmp(s, "https://", strlen("https://")) == 0)
        host = s + strlen("https://");
    return host != NULL && host[0] != '\0' && host[0] != ':' &&
           host[strspn(host, good)] == '\0' && strlen(s) < VT_SITE_ORIGIN_MAX;
}

enum vt_err
vt_site_find_origin(
    const char *asked, const char *url, char ret[VT_SITE_ORIGIN_MAX], struct vt_why *why)
{
    const char *port = strrchr(url, ':');

    if (asked != NULL && !is_origin(asked))
        return vt_fail(why, VT_E_USAGE,
            "%s: an origin is http://HOST or https://HOST, with :PORT where it is not the "
            "usual one, in lower case and with nothing after it",
            asked);
    if (asked != NULL)
        (void)snprintf(ret, VT_SITE_ORIGIN_MAX, "%s", asked);
    else
        (void)snprintf(ret, VT_SITE_ORIGIN_MAX, "%s://localhost%s",
            strncmp(url, "https://", strlen("https://")) == 0 ? "https" : "http",
            port != NULL ? port : "");
    return VT_OK;
}
