/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths, and the files they lead to. A file is opened part by part from its
 * folder's descriptor, never through a symbolic link, so no path and no race
 * leads out of the folder; only regular files are opened.
 */
#include "http/serving.h"

#include "base/file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool
has_hidden_part(const char *path)
{
    return strstr(path, "/.") != NULL;
}

bool
vt_http_path_decode(const char *raw, char ret[VT_HTTP_PATH_MAX])
{
    size_t n = 0;

    if (raw[0] != '/')
        return false;
    for (const char *p = raw; *p != '\0'; p++) {
        int c = (unsigned char)*p;

        if (c == '%') {
            int hi = hex_value(p[1]);
            int lo = hi < 0 ? -1 : hex_value(p[2]);

            c = lo < 0 ? 0 : hi * 16 + lo;
            if (c == 0 || c == '/')
                return false;
            p += 2;
        }
        if (n + 1 >= VT_HTTP_PATH_MAX)
            return false;
        ret[n++] = (char)c;
    }
    ret[n] = '\0';
    return n == 1 || (vt_path_is_safe(ret + 1) && !has_hidden_part(ret));
}

int
vt_http_open_below(const char *dir, const char *rel)
{
    char part[256];
    struct stat st;
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    while (fd >= 0 && *rel != '\0') {
        size_t len = strcspn(rel, "/");
        bool last = rel[len] == '\0';
        int next = -1;

        if (len > 0 && len < sizeof(part)) {
            memcpy(part, rel, len);
            part[len] = '\0';
            next = openat(fd, part,
                O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY));
        }
        close(fd);
        fd = next;
        rel += last ? len : len + 1;
        if (last && fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
            close(fd);
            fd = -1;
        }
    }
    return fd;
}
