/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write-ahead log of arbitrary bytes: it is refused and left as it is, or its records are
 * given out and it can be appended to and opened again. The input's first byte says what it is:
 * the single file of older versions (0), a file's batches (1), or a whole file with its head.
 */
#include "base/file.h"
#include "log/wal.h"

#include <stdlib.h>
#include <string.h>

#define ORIGIN "fuzz.example/log"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vt_wal_opts opts = {.origin = ORIGIN, .file_max = 4096};

/* Reads all records. */
static uint64_t
count_records(const struct vt_wal *w)
{
    struct vt_wal_follow *f = NULL;
    struct vt_wal_record rec;
    uint64_t n = 0;

    if (vt_wal_follow_new(w, 0, &f, NULL) != VT_OK)
        abort();
    while (vt_wal_follow_get(f, &rec, NULL) == VT_OK) {
        if (rec.len > 0 && rec.data == NULL)
            abort();
        vt_wal_follow_step(f);
        n++;
    }
    vt_wal_follow_free(f);
    return n;
}

static void
append(const char *dir)
{
    struct vt_wal *w = NULL;
    struct vt_digest name = {{1}};
    uint64_t before;
    uint64_t cut;

    if (vt_wal_open(dir, &opts, &w, &cut, NULL) != VT_OK)
        return;
    before = vt_wal_count(w);
    if (count_records(w) != before || vt_wal_put(w, "new", 3, &name, NULL) != VT_OK ||
        vt_wal_commit(w, NULL) != VT_OK || vt_wal_count(w) != before + 1)
        abort();
    vt_wal_free(w);
    if (vt_wal_open(dir, &opts, &w, &cut, NULL) != VT_OK || cut != 0 ||
        vt_wal_count(w) != before + 1 || count_records(w) != before + 1)
        abort();
    vt_wal_free(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char old_head[] = "vitrine/wal/v1\n" ORIGIN "\n";
    static const char new_head[] =
        "vitrine/wal/v2\n" ORIGIN "\nmark 56544231\nfirst 0\nafter none\nsum ea7ae38a\n";
    struct vt_buf b = VT_BUF(1U << 20);
    char root[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char path[VT_PATH_MAX];

    /* In memory where that can be: each input costs several fdatasync. */
    if (size == 0 || vt_dir_temp("/dev/shm", "vt-fuzz-wal", root, NULL) != VT_OK)
        return 0;
    if (data[0] == 0)
        vt_buf_puts(&b, old_head);
    else if (data[0] == 1)
        vt_buf_puts(&b, new_head);
    vt_buf_put(&b, data + 1, size - 1);
    if (vt_path(dir, NULL, "%s/wal", root) == VT_OK &&
        vt_path(path, NULL, data[0] == 0 ? "%s" : "%s/00000000000000000000", dir) == VT_OK &&
        (data[0] == 0 || vt_dir_make(dir, 0700, NULL) == VT_OK) && b.err == VT_OK &&
        vt_file_create(path, 0600, b.data, b.len, NULL) == VT_OK)
        append(dir);
    vt_buf_release(&b);
    if (vt_tree_remove(root, NULL) != VT_OK)
        abort();
    return 0;
}
