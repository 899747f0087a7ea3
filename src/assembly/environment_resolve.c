/* SPDX-License-Identifier: Apache-2.0 */
/* From package names to a manifest and its packages in the store. */
#include "assembly/apt.h"
#include "assembly/environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vt_err
deb_path(const char *deb_dir, const struct vt_apt_choice *c, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    return vt_path(ret, why, "%s/%s", deb_dir, c->file);
}

/* Takes away files in the cache that are not what the lists say: apt itself
 * would look at their length only. *ret_missing: bytes to download. */
static enum vt_err
drop_damaged(struct vt_store *store, const char *deb_dir, const struct vt_apt_choice *list,
    size_t n, uint64_t *ret_missing, struct vt_why *why)
{
    uint64_t missing = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        struct vt_digest is;
        char path[VT_PATH_MAX];
        enum vt_err err;

        if (vt_store_has(store, &list[i].package.digest))
            continue;
        if ((err = deb_path(deb_dir, &list[i], path, why)) != VT_OK)
            return err;
        if (vt_file_exists(path)) {
            if ((err = vt_digest_of_file(path, &is, NULL, why)) != VT_OK)
                return err;
            if (vt_digest_eq(&is, &list[i].package.digest))
                continue;
            if (unlink(path) != 0)
                return vt_fail_errno(why, "cannot remove the damaged file %s", path);
        }
        missing += list[i].package.size;
    }
    *ret_missing = missing;
    return VT_OK;
}

/* Whether every package is an object already: then nothing is downloaded. */
static bool
have_all(struct vt_store *store, const struct vt_apt_choice *list, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (!vt_store_has(store, &list[i].package.digest))
            return false;
    }
    return true;
}

static enum vt_err
store_packages(struct vt_store *store, const char *deb_dir, const struct vt_apt_choice *list,
    size_t n, struct vt_why *why)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct vt_package *p = &list[i].package;
        char path[VT_PATH_MAX];
        uint64_t len = 0;
        enum vt_err err;

        if (vt_store_has(store, &p->digest))
            continue;
        if ((err = deb_path(deb_dir, &list[i], path, why)) != VT_OK ||
            (err = vt_store_put_file(store, path, &p->digest, NULL, &len, why)) != VT_OK)
            return err;
        if (len != p->size)
            return vt_fail(why, VT_E_DIGEST, "%s has %llu bytes, not %llu", path,
                (unsigned long long)len, (unsigned long long)p->size);
    }
    return VT_OK;
}

/* Downloads what is missing and stores all of it. */
static enum vt_err
get_packages(struct vt_store *store, struct vt_apt *apt, const char *const *names, size_t count,
    const char *cache_dir, const struct vt_apt_choice *list, size_t n,
    struct vt_progress *progress, struct vt_why *why)
{
    char deb_dir[VT_PATH_MAX];
    char partial[VT_PATH_MAX];
    uint64_t missing = 0;
    enum vt_err err;

    if (have_all(store, list, n))
        return VT_OK;
    if ((err = vt_path(deb_dir, why, "%s/deb", cache_dir)) != VT_OK ||
        (err = vt_path(partial, why, "%s/partial", deb_dir)) != VT_OK ||
        (err = vt_dir_make(partial, 0755, why)) != VT_OK ||
        (err = drop_damaged(store, deb_dir, list, n, &missing, why)) != VT_OK)
        return err;
    if (missing > 0) {
        if (progress != NULL)
            vt_progress_begin(progress, "downloading packages", missing);
        err = vt_apt_download(apt, names, count, deb_dir, progress, why);
        if (progress != NULL)
            vt_progress_end(progress);
    }
    return err == VT_OK ? store_packages(store, deb_dir, list, n, why) : err;
}

static enum vt_err
store_manifest(struct vt_store *store, const struct vt_apt *apt,
    const struct vt_apt_choice *list, size_t n, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_package *packages = calloc(n > 0 ? n : 1, sizeof *packages);
    struct vt_environment e = {.count = n, .package = packages};
    struct vt_environment *check = NULL;
    struct vt_buf b = VT_BUF(VT_ENVIRONMENT_MAX);
    size_t i;
    enum vt_err err;

    if (packages == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for an environment's manifest");
    for (i = 0; i < n; i++)
        packages[i] = list[i].package;
    (void)strncpy(e.distribution, vt_apt_distribution(apt), sizeof e.distribution - 1);
    (void)strncpy(e.arch, vt_apt_arch(apt), sizeof e.arch - 1);
    vt_environment_put(&b, &e);
    if ((err = vt_buf_check(&b, "the environment's manifest", why)) == VT_OK &&
        (err = vt_environment_parse(b.data, b.len, &check, why)) == VT_OK)
        err = vt_store_put(store, b.data, b.len, ret, why);
    vt_environment_free(check);
    vt_buf_release(&b);
    free(packages);
    return err;
}

enum vt_err
vt_environment_resolve(struct vt_store *store, const char *const *names, size_t count,
    const char *cache_dir, struct vt_progress *progress, struct vt_digest *ret,
    struct vt_why *why)
{
    struct vt_apt *apt = NULL;
    struct vt_apt_choice *list = NULL;
    size_t n = 0;
    enum vt_err err;

    if (progress != NULL)
        vt_progress_begin(progress, "choosing packages", 0);
    err = vt_apt_open(cache_dir, &apt, why);
    if (err == VT_OK)
        err = vt_apt_choose(apt, names, count, &list, &n, why);
    if (progress != NULL)
        vt_progress_end(progress);
    if (err == VT_OK)
        err = get_packages(store, apt, names, count, cache_dir, list, n, progress, why);
    if (err == VT_OK)
        err = store_manifest(store, apt, list, n, ret, why);
    free(list);
    vt_apt_close(apt);
    return err;
}
