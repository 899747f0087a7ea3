/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a manifest and its packages to a root folder, without a network.
 *
 * The packages are copied out of the store (and verified while they are) into an
 * archive of our own, and mmdebstrap installs them from there with the fixed
 * time 0, so that the tar it gives depends on the packages alone. What it takes
 * from this machine, names and resolver and apt's sources, is taken out again.
 *
 *     CACHE/env/HEX.lock         held by who makes it
 *     CACHE/env/HEX.log          mmdebstrap's words; stays only when it failed
 *     CACHE/env/HEX.new/         the making; removed by the next maker
 *     CACHE/env/HEX/root/        the result
 *     CACHE/env/HEX/root.sha256  digest of its tar: present when all is
 */
#include "assembly/environment.h"

#include "assembly/deb.h"
#include "assembly/environment_repo.h"
#include "assembly/scratch.h"
#include "base/proc.h"
#include "store/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKE_TIMEOUT_MS (1800 * 1000)
#define LOCK_TIMEOUT_MS (1800 * 1000)
#define STATUS_MAX (64U * 1024U * 1024U)
#define INCLUDE_MAX (1024U * 1024U)
/* How much room the making takes, in bytes of package files. */
#define ROOM_FACTOR 10U
#define ROOM_LEAST (256ULL << 20)

/* One making of one root. */
struct making {
    struct vt_store *store;
    const struct vt_environment *env;
    struct vt_progress *progress;
    char final[VT_PATH_MAX]; /* CACHE/env/HEX */
    char fresh[VT_PATH_MAX]; /* CACHE/env/HEX.new */
    char log[VT_PATH_MAX];
    struct vt_scratch scratch;
    struct vt_lock lock;
};

static enum vt_err
read_root_digest(const char *final, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DIGEST_HEX_SIZE);
    char path[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_path(path, why, "%s/root.sha256", final)) == VT_OK &&
        (err = vt_file_read(path, &b, why)) == VT_OK &&
        (b.len != VT_DIGEST_HEX_SIZE || !vt_digest_from_hex(vt_buf_str(&b), b.len - 1, ret)))
        err = vt_fail(
            why, VT_E_STATE, "%s is damaged: remove %s to have it made again", path, final);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
write_root_digest(const struct making *m, const struct vt_digest *d, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    char line[VT_DIGEST_HEX_SIZE + 1];
    enum vt_err err = vt_path(path, why, "%s/root.sha256", m->fresh);

    vt_digest_hex(d, hex);
    (void)snprintf(line, sizeof line, "%s\n", hex);
    return err == VT_OK ? vt_file_create(path, 0644, line, strlen(line), why) : err;
}

static bool
has_package(const struct vt_environment *e, const char *name)
{
    size_t i;

    for (i = 0; i < e->count; i++) {
        if (strcmp(e->package[i].name, name) == 0)
            return true;
    }
    return false;
}

/* A root without /bin and its like apart from /usr wants its links first. */
static const char *
links_hook(const struct vt_environment *e)
{
    if (!has_package(e, "usr-is-merged"))
        return "--setup-hook=true";
    if (strcmp(e->arch, "amd64") == 0)
        return "--setup-hook=for d in bin sbin lib lib32 lib64 libx32; do "
               "mkdir -p \"$1/usr/$d\"; ln -s usr/$d \"$1/$d\"; done";
    return "--setup-hook=for d in bin sbin lib; do "
           "mkdir -p \"$1/usr/$d\"; ln -s usr/$d \"$1/$d\"; done";
}

static void
put_include(struct vt_buf *b, const struct vt_environment *e)
{
    size_t i;

    vt_buf_puts(b, "--include=");
    for (i = 0; i < e->count; i++)
        vt_buf_putf(b, "%s%s=%s", i == 0 ? "" : ",", e->package[i].name, e->package[i].version);
}

static enum vt_err
tick(void *ctx, struct vt_why *why)
{
    struct vt_progress *progress = ctx;

    (void)why;
    if (progress != NULL)
        vt_progress_set(progress, 0);
    return VT_OK;
}

/* In the child. When this process is killed, those that mmdebstrap started run on
 * for a while: they hold the lock too, so that the next maker waits for them. */
static bool
prepare_maker(void *ctx)
{
    const int *lock_fd = ctx;

    return fcntl(*lock_fd, F_SETFD, 0) == 0 && vt_scratch_no_sync(NULL);
}

static enum vt_err
run_mmdebstrap(const struct making *m, const char *include, const char *source, const char *tmp,
    const char *tar, int log_fd, struct vt_why *why)
{
    static const char customize[] =
        "--customize-hook=rm -rf \"$1/etc/apt/sources.list\" \"$1/etc/apt/sources.list.d\" "
        "\"$1/var/lib/apt\" \"$1/var/cache/apt\" \"$1/var/log/apt\" \"$1/etc/resolv.conf\" "
        "\"$1/etc/hostname\"";
    char arch[64];
    const char *argv[] = {"mmdebstrap", geteuid() == 0 ? "--mode=root" : "--mode=unshare",
        "--variant=essential", arch, include, links_hook(m->env), customize,
        "--dpkgopt=force-unsafe-io", "--skip=cleanup/apt,check/empty", "--format=tar", "", tar,
        source, NULL};
    const char *env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL=C.UTF-8", "TZ=UTC", "SOURCE_DATE_EPOCH=0", "DEBIAN_FRONTEND=noninteractive",
        tmp, NULL};
    int lock_fd = m->lock.fd;
    struct vt_proc_opts opts = {.env = env,
        .cwd = "/",
        .log_fd = log_fd,
        .timeout_ms = MAKE_TIMEOUT_MS,
        .tick = tick,
        .tick_ctx = m->progress,
        .prepare = prepare_maker,
        .prepare_ctx = &lock_fd};
    enum vt_err err;

    (void)snprintf(arch, sizeof arch, "--architectures=%s", m->env->arch);
    err = vt_proc_run(argv, &opts, why);
    if (err == VT_E_CHILD)
        err =
            vt_fail_in(why, err, "cannot make the environment's root folder (see %s)", m->log);
    return err;
}

static enum vt_err
make_tar(struct making *m, const char *tar, struct vt_why *why)
{
    struct vt_buf include = VT_BUF(INCLUDE_MAX);
    char repo[VT_PATH_MAX];
    char source[VT_PATH_MAX];
    char tmp[VT_PATH_MAX];
    int log_fd = -1;
    enum vt_err err;

    put_include(&include, m->env);
    if ((err = vt_buf_check(&include, "the names of packages", why)) != VT_OK ||
        (err = vt_path(repo, why, "%s/repo", m->scratch.dir)) != VT_OK ||
        (err = vt_path(source, why, "deb [trusted=yes] copy:%s ./", repo)) != VT_OK ||
        (err = vt_path(tmp, why, "TMPDIR=%s", m->scratch.dir)) != VT_OK ||
        (err = vt_environment_repo(m->store, m->env, repo, why)) != VT_OK)
        goto out;
    log_fd = open(m->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (log_fd < 0)
        err = vt_fail_errno(why, "cannot write %s", m->log);
    else
        err = run_mmdebstrap(m, vt_buf_str(&include), source, tmp, tar, log_fd, why);
out:
    if (log_fd >= 0)
        close(log_fd);
    vt_buf_release(&include);
    return err;
}

static int
package_cmp(const void *key, const void *item)
{
    return strcmp(key, ((const struct vt_package *)item)->name);
}

/* Whether a paragraph of dpkg's status is of a package of the manifest, whole
 * and in that version. */
static bool
status_is_right(const struct vt_environment *e, const void *text, size_t len)
{
    const struct vt_package *p;
    char name[128];
    char version[128];
    char status[64];

    if (!vt_deb_field(text, len, "Package", name, sizeof name) ||
        !vt_deb_field(text, len, "Version", version, sizeof version) ||
        !vt_deb_field(text, len, "Status", status, sizeof status))
        return false;
    p = bsearch(name, e->package, e->count, sizeof *p, package_cmp);
    return p != NULL && strcmp(p->version, version) == 0 &&
           strcmp(status, "install ok installed") == 0;
}

/* The root must hold exactly the manifest's packages. */
static enum vt_err
check_status(const struct making *m, const char *root, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(STATUS_MAX);
    char path[VT_PATH_MAX];
    size_t found = 0;
    size_t at = 0;
    enum vt_err err;

    if ((err = vt_path(path, why, "%s/var/lib/dpkg/status", root)) != VT_OK ||
        (err = vt_file_read(path, &b, why)) != VT_OK)
        goto out;
    while (at < b.len) {
        const uint8_t *end = memmem(b.data + at, b.len - at, "\n\n", 2);
        size_t len = end == NULL ? b.len - at : (size_t)(end - (b.data + at)) + 1;

        if (!status_is_right(m->env, b.data + at, len)) {
            err = vt_fail(why, VT_E_REFUSED,
                "the environment's root folder holds a package that its manifest does not "
                "name");
            goto out;
        }
        found++;
        at += len + 1;
    }
    if (found != m->env->count)
        err = vt_fail(why, VT_E_REFUSED,
            "the environment's root folder holds %zu packages, its manifest names %zu", found,
            m->env->count);
out:
    vt_buf_release(&b);
    return err;
}

/* Makes fresh/root and fresh/root.sha256. */
static enum vt_err
make_root(struct making *m, struct vt_digest *ret, struct vt_why *why)
{
    struct vt_unpack_opts opts = {.durable = true};
    char tar[VT_PATH_MAX];
    char root[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_path(tar, why, "%s/root.tar", m->fresh)) != VT_OK ||
        (err = vt_path(root, why, "%s/root", m->fresh)) != VT_OK ||
        (err = vt_dir_make(root, 0755, why)) != VT_OK ||
        (err = make_tar(m, tar, why)) != VT_OK ||
        (err = vt_digest_of_file(tar, ret, NULL, why)) != VT_OK ||
        (err = vt_unpack_system(tar, root, &opts, NULL, why)) != VT_OK ||
        (err = check_status(m, root, why)) != VT_OK)
        return err;
    if (unlink(tar) != 0)
        return vt_fail_errno(why, "cannot remove %s", tar);
    return write_root_digest(m, ret, why);
}

static uint64_t
room_needed(const struct vt_environment *e)
{
    uint64_t bytes = 0;
    size_t i;

    for (i = 0; i < e->count; i++)
        bytes += e->package[i].size;
    return bytes * ROOM_FACTOR + ROOM_LEAST;
}

static enum vt_err
make_in_place(struct making *m, struct vt_digest *ret, struct vt_why *why)
{
    char env_dir[VT_PATH_MAX];
    enum vt_err err;

    if ((err = vt_tree_remove(m->fresh, why)) != VT_OK ||
        (err = vt_tree_remove(m->final, why)) != VT_OK ||
        (err = vt_scratch_make(&m->scratch, m->fresh, room_needed(m->env), why)) != VT_OK)
        return err;
    if ((err = make_root(m, ret, why)) == VT_OK && rename(m->fresh, m->final) != 0)
        err = vt_fail_errno(why, "cannot put %s in its place", m->final);
    vt_scratch_remove(&m->scratch);
    if (err != VT_OK)
        return err;
    (void)unlink(m->log);
    memcpy(env_dir, m->final, sizeof env_dir);
    *strrchr(env_dir, '/') = '\0';
    return vt_dir_sync(env_dir, why);
}

static enum vt_err
make_paths(struct making *m, const struct vt_digest *digest, const char *cache_dir,
    char lock[VT_PATH_MAX], struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    char env_dir[VT_PATH_MAX];
    char real[PATH_MAX];
    enum vt_err err;

    vt_digest_hex(digest, hex);
    if ((err = vt_path(env_dir, why, "%s/env", cache_dir)) != VT_OK ||
        (err = vt_dir_make(env_dir, 0755, why)) != VT_OK)
        return err;
    if (realpath(env_dir, real) == NULL)
        return vt_fail_errno(why, "cannot find %s", env_dir);
    if ((err = vt_path(m->final, why, "%s/%s", real, hex)) != VT_OK ||
        (err = vt_path(m->fresh, why, "%s/%s.new", real, hex)) != VT_OK ||
        (err = vt_path(m->log, why, "%s/%s.log", real, hex)) != VT_OK)
        return err;
    return vt_path(lock, why, "%s/%s.lock", real, hex);
}

static enum vt_err
make_locked(struct making *m, const struct vt_digest *digest, const char *lock_path,
    struct vt_digest *ret, struct vt_why *why)
{
    struct vt_environment *env = NULL;
    enum vt_err err = vt_lock_wait(&m->lock, lock_path, "the environment's root folder",
        LOCK_TIMEOUT_MS, m->progress, why);

    if (err != VT_OK)
        return err;
    if (read_root_digest(m->final, ret, NULL) != VT_OK &&
        (err = vt_environment_load(m->store, digest, &env, why)) == VT_OK) {
        m->env = env;
        err = make_in_place(m, ret, why);
    }
    vt_environment_free(env);
    vt_lock_release(&m->lock);
    return err;
}

enum vt_err
vt_environment_root(struct vt_store *store, const struct vt_digest *digest,
    const char *cache_dir, struct vt_progress *progress, char ret_path[VT_PATH_MAX],
    struct vt_digest *ret_root, struct vt_why *why)
{
    struct making m = {.store = store, .progress = progress, .lock = {.fd = -1}};
    char lock[VT_PATH_MAX];
    char path[VT_PATH_MAX];
    struct vt_digest root;
    enum vt_err err;

    if ((err = make_paths(&m, digest, cache_dir, lock, why)) != VT_OK)
        return err;
    if (read_root_digest(m.final, &root, NULL) != VT_OK) {
        if (progress != NULL)
            vt_progress_begin(progress, "making the root folder", 0);
        err = make_locked(&m, digest, lock, &root, why);
        if (progress != NULL)
            vt_progress_end(progress);
    }
    if (err != VT_OK || (err = vt_path(path, why, "%s/root", m.final)) != VT_OK)
        return err;
    memcpy(ret_path, path, sizeof path);
    if (ret_root != NULL)
        *ret_root = root;
    return VT_OK;
}
