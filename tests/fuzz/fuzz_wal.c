/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write-ahead log of arbitrary bytes: it is refused, or its records are given
 * out and it can be appended to and opened again.
 */
#include "log/wal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vt_err
count_record(void *ctx, const struct vt_wal_record *r, uint64_t offset, struct vt_why *why)
{
    uint64_t *n = ctx;

    (void)offset;
    (void)why;
    if (r->len > 0 && r->data == NULL)
        abort();
    ++*n;
    return VT_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "vitrine/wal/v1\nfuzz.example/log\n";
    struct vt_wal_record rec = {.data = "new", .len = 3};
    /* In memory where that can be: each input costs two fdatasync. */
    char path[] = "/dev/shm/vt-fuzz-wal-XXXXXX";
    struct vt_wal *w = NULL;
    uint64_t before = 0;
    uint64_t after = 0;
    uint64_t offset;
    uint64_t cut;
    int fd = mkstemp(path);

    if (fd < 0)
        return 0;
    if (write(fd, head, sizeof(head) - 1) == (ssize_t)sizeof(head) - 1 &&
        write(fd, data, size) == (ssize_t)size &&
        vt_wal_open(path, "fuzz.example/log", count_record, &before, &w, &cut, NULL) == VT_OK) {
        if (vt_wal_append(w, &rec, 1, &offset, NULL) != VT_OK)
            abort();
        vt_wal_free(w);
        if (vt_wal_open(path, "fuzz.example/log", count_record, &after, &w, &cut, NULL) !=
            VT_OK)
            abort();
        vt_wal_free(w);
        if (after != before + 1 || cut != 0)
            abort();
    }
    close(fd);
    unlink(path);
    return 0;
}
