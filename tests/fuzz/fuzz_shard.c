/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard of arbitrary bytes: it is refused, or it is read and searched within its bounds.
 */
#include "base/file.h"
#include "must.h"
#include "search/shard.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool
take(void *ctx, uint32_t number)
{
    struct vt_shard *s = ctx;
    struct vt_digest d;
    const uint8_t *data;
    size_t len;
    unsigned sum = 0;

    must(number < vt_shard_count(s));
    if (vt_shard_blob(s, number, &d, &data, &len))
        for (size_t i = 0; i < len && i < 4096; i++)
            sum += data[i];
    return sum != 1;
}

static void
search(struct vt_shard *s, const char *text)
{
    struct vt_pattern *p = NULL;

    must(vt_pattern_new(text, VT_PATTERN_REGEX, &p, NULL) == VT_OK);
    (void)!vt_shard_candidates(s, p, take, s, NULL);
    vt_pattern_free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char path[64];
    struct vt_shard *s = NULL;
    struct vt_digest d = {{0}};
    uint32_t number;
    int fd;

    (void)snprintf(path, sizeof(path), "/tmp/fuzz-shard-%ld", (long)getpid());
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && vt_fd_write(fd, data, len, NULL) == VT_OK && close(fd) == 0);
    if (vt_shard_open(path, &s, NULL) == VT_OK) {
        search(s, "abc");
        search(s, "abcd|aab+.*bcd");
        search(s, ".");
        if (vt_shard_find(s, &d, &number))
            must(number < vt_shard_count(s));
        vt_shard_close(s);
    }
    (void)unlink(path);
    return 0;
}
