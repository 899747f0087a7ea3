/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking archives: whatever the bytes, nothing is written or can be reached
 * by a link outside the folder. The first byte says whether the rest is
 * compressed already, since a fuzzer hardly finds its way through zstd.
 */
#include "base/file.h"
#include "store/unpack.h"

#include "must.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define TOP "out"

static char top[VT_PATH_MAX]; /* holds the folder `out` and nothing else */
static char out[VT_PATH_MAX];

static void
clean(void)
{
    must(vt_tree_remove(top, NULL) == VT_OK);
}

static void
begin(void)
{
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL)
        tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    must(vt_dir_temp(tmp, "vitrine-fuzz", top, NULL) == VT_OK);
    must(vt_path(out, NULL, "%s/%s", top, TOP) == VT_OK);
    must(atexit(clean) == 0);
}

static void
check_link(const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL)
        return; /* leads nowhere */
    must(strncmp(real, out, strlen(out)) == 0);
    must(real[strlen(out)] == '/' || real[strlen(out)] == '\0');
}

static enum vt_err
check_one(void *ctx, const char *name, struct vt_why *why)
{
    const char *dir = ctx;
    char path[VT_PATH_MAX];
    struct stat st;
    if (vt_path(path, why, "%s/%s", dir, name) != VT_OK || lstat(path, &st) != 0)
        return VT_OK;
    if (S_ISLNK(st.st_mode)) {
        check_link(path);
        return VT_OK;
    }
    must(S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
    must((st.st_mode & (S_ISUID | S_ISGID | S_ISVTX | S_IWGRP | S_IWOTH)) == 0);
    return S_ISDIR(st.st_mode) ? vt_dir_each(path, check_one, path, why) : VT_OK;
}

static void
check_only_out(void)
{
    const struct dirent *e;
    DIR *d = opendir(top);
    must(d != NULL);
    while ((e = readdir(d)) != NULL)
        must(e->d_name[0] == '.' || strcmp(e->d_name, TOP) == 0);
    (void)closedir(d);
}

static enum vt_err
unpack(const uint8_t *data, size_t size, struct vt_why *why)
{
    static const struct vt_unpack_opts opts = {
        .size_max = 1U << 20, .file_max = 1U << 19, .count_max = 200};
    return vt_unpack_tar_zst_mem(data, size, out, &opts, NULL, why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_why why = {0};
    enum vt_err err;
    if (top[0] == '\0')
        begin();
    if (size == 0)
        return 0;
    must(mkdir(out, 0755) == 0);
    if (data[0] % 4U == 0) {
        err = unpack(data + 1, size - 1, &why);
    } else {
        size_t max = ZSTD_compressBound(size - 1);
        uint8_t *packed = malloc(max);
        must(packed != NULL);
        size_t len = ZSTD_compress(packed, max, data + 1, size - 1, 1);
        must(!ZSTD_isError(len));
        err = unpack(packed, len, &why);
        free(packed);
    }
    must_say(err, &why);
    check_only_out();
    must(vt_dir_each(out, check_one, out, NULL) == VT_OK);
    must(vt_tree_remove(out, NULL) == VT_OK);
    return 0;
}
