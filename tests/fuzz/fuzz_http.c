/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read of a request's line and headers: a path that is taken is a safe one and is taken
 * again as it is; a cookie's value is in the header; a tag matches itself. And the one form
 * that a TLS signer signs.
 */
#include "http/serving.h"

#include "base/file.h"

#include "must.h"

#include <stdlib.h>

static void
check_path(const char *text)
{
    char path[VT_HTTP_PATH_MAX];

    if (!vt_http_path_decode(text, path))
        return;
    must(path[0] == '/');
    must(path[1] == '\0' || vt_path_is_safe(path + 1));
    must(strstr(path, "/.") == NULL);
    must(vt_http_path_matches(path, path) || path[strlen(path) - 1] == '/');
}

static void
check_headers(const char *text)
{
    char value[64];

    if (vt_http_cookie(text, "vt-session", value, sizeof(value)))
        must(strlen(value) < sizeof(value) && strstr(text, value) != NULL);
    (void)vt_http_etag_matches(text, "\"abc\"");
    if (text[0] != '\0' && strpbrk(text, ", \t") == NULL)
        must(vt_http_etag_matches(text, text));
}

/* What is signed says whose signature it is, wherever the hash begins. */
static void
check_content(const uint8_t *data, size_t size)
{
    if (!vt_tls_content_ok(data, size))
        return;
    must(size == 130 || size == 146);
    must(memcmp(data + 64, "TLS 1.3, server CertificateVerify", 34) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_path(text);
    check_headers(text);
    check_content(data, size);
    free(text);
    return 0;
}
