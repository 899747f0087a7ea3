/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_args.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_AT VT_SANDBOX_BOX_AT "/root"
#define STAGE_AT VT_SANDBOX_BOX_AT "/stage"
#define ROOT_ENTRIES_MAX 128

static void add(struct vt_args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct vt_args *a, const char *fmt, ...)
{
    if (a->count + 1 >= sizeof a->item / sizeof a->item[0]) {
        a->failed = true;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    char *s = NULL;
    if (vasprintf(&s, fmt, ap) < 0)
        a->failed = true;
    else
        a->item[a->count++] = s;
    va_end(ap);
}

static void
add3(struct vt_args *a, const char *opt, const char *from, const char *to)
{
    add(a, "%s", opt);
    add(a, "%s", from);
    add(a, "%s", to);
}

static void
add_env(struct vt_args *a, const char *name, const char *value)
{
    add3(a, "--setenv", name, value);
}

void
vt_args_release(struct vt_args *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->item[i]);
    *a = (struct vt_args){0};
}

static void
add_isolation(
    struct vt_args *a, const struct vt_sandbox_job *job, const struct vt_sandbox_fds *fds)
{
    static const char *const fixed[] = {"--unshare-user", "--unshare-pid", "--unshare-net",
        "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent",
        "--new-session", "--clearenv"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add(a, "%s", fixed[i]);
    add(a, "--cap-drop");
    add(a, "ALL");
    add(a, "--uid");
    add(a, "%u", job->around.uid);
    add(a, "--gid");
    add(a, "%u", job->around.gid);
    add(a, "--hostname");
    add(a, "%s", job->around.host);
    add(a, "--seccomp");
    add(a, "%d", fds->filter);
    add(a, "--json-status-fd");
    add(a, "%d", fds->status);
    add(a, "--block-fd");
    add(a, "%d", fds->block);
}

/* Binds one name of the environment's top; links stay links. */
static enum vt_err
add_root_entry(struct vt_args *a, const char *root, const char *name, struct vt_why *why)
{
    static const char *const ours[] = {"proc", "dev", "sys", "tmp", "build"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(name, ours[i]) == 0)
            return VT_OK;
    char path[VT_PATH_MAX];
    char target[VT_PATH_MAX];
    struct stat st;
    enum vt_err err = vt_path(path, why, "%s/%s", root, name);
    if (err != VT_OK)
        return err;
    if (lstat(path, &st) != 0)
        return vt_fail_errno(why, "%s", path);
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(path, target, sizeof target - 1);
        if (n < 0)
            return vt_fail_errno(why, "%s", path);
        target[n] = '\0';
        add(a, "--symlink");
        add(a, "%s", target);
        add(a, "/%s", name);
    } else if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) {
        add(a, "--ro-bind");
        add(a, ROOT_AT "/%s", name);
        add(a, "/%s", name);
    }
    return VT_OK;
}

static enum vt_err
add_root(struct vt_args *a, const char *box, struct vt_why *why)
{
    char root[VT_PATH_MAX];
    enum vt_err err = vt_path(root, why, "%s/root", box);
    if (err != VT_OK)
        return err;
    DIR *d = opendir(root);
    if (d == NULL)
        return vt_fail_errno(why, "%s", root);
    unsigned n = 0;
    for (const struct dirent *e; err == VT_OK && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        err = ++n > ROOT_ENTRIES_MAX
                  ? vt_fail(why, VT_E_LIMIT, "%s: more than %d names", root, ROOT_ENTRIES_MAX)
                  : add_root_entry(a, root, e->d_name, why);
    }
    (void)closedir(d);
    return err;
}

bool
vt_sandbox_root_has_etc(const char *box, const char *name)
{
    char path[VT_PATH_MAX];
    struct stat st;
    return vt_path(path, NULL, "%s/root/etc", box) == VT_OK && lstat(path, &st) == 0 &&
           S_ISDIR(st.st_mode) && vt_path(path, NULL, "%s/root/etc/%s", box, name) == VT_OK &&
           lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void
add_etc(struct vt_args *a, int fd, const char *name)
{
    if (fd < 0)
        return;
    add(a, "--perms");
    add(a, "0644");
    add(a, "--ro-bind-data");
    add(a, "%d", fd);
    add(a, "/etc/%s", name);
}

/* Everything writable is on the stage, so that one limit holds it all; the
 * remaining file systems in memory (the root's own, /dev) become read-only. */
static void
add_mounts(
    struct vt_args *a, const struct vt_sandbox_job *job, const struct vt_sandbox_fds *fds)
{
    const struct vt_surroundings *s = &job->around;
    add(a, "--proc");
    add(a, "/proc");
    add(a, "--dev");
    add(a, "/dev");
    add3(a, "--bind", STAGE_AT "/shm", "/dev/shm");
    add(a, "--remount-ro");
    add(a, "/dev");
    add3(a, "--bind", STAGE_AT "/tmp", "/tmp");
    add3(a, "--bind", STAGE_AT "/source", s->work);
    add3(a, "--bind", STAGE_AT "/out", s->out);
    add3(a, "--bind", STAGE_AT "/home", s->home);
    add_etc(a, fds->passwd, "passwd");
    add_etc(a, fds->group, "group");
    add_etc(a, fds->hosts, "hosts");
    add(a, "--remount-ro");
    add(a, "/");
    add(a, "--chdir");
    add(a, "%s%s%s", s->work, job->subdir[0] != '\0' ? "/" : "", job->subdir);
}

/* The flags of compilers: those of the recipe, or Debian's usual ones, with the
 * place of the source mapped away. */
static void
add_flags(struct vt_args *a, const struct vt_sandbox_job *job, const char *name)
{
    const char *flags = "-g -O2";
    for (size_t i = 0; i < job->env_count; i++)
        if (strcmp(job->env[i].name, name) == 0)
            flags = job->env[i].value;
    add(a, "--setenv");
    add(a, "%s", name);
    add(a, "%s -ffile-prefix-map=%s=.", flags, job->around.work);
}

static void
add_environment(struct vt_args *a, const struct vt_sandbox_job *job, unsigned jobs)
{
    const struct vt_surroundings *s = &job->around;
    for (size_t i = 0; i < job->env_count; i++)
        add_env(a, job->env[i].name, job->env[i].value);
    add_env(a, "PATH", s->path);
    add_env(a, "HOME", s->home);
    add_env(a, "OUT", s->out);
    add_env(a, "USER", s->user);
    add_env(a, "LOGNAME", s->user);
    add_env(a, "SHELL", "/bin/sh");
    add_env(a, "TZ", s->tz);
    add_env(a, "LC_ALL", s->locale);
    add_env(a, "PYTHONHASHSEED", s->hash_seed);
    add_env(a, "PERL_HASH_SEED", s->hash_seed);
    add(a, "--setenv");
    add(a, "SOURCE_DATE_EPOCH");
    add(a, "%d", VT_SANDBOX_EPOCH);
    add(a, "--setenv");
    add(a, "MAKEFLAGS");
    add(a, "-j%u", jobs);
    add(a, "--setenv");
    add(a, "DEB_BUILD_OPTIONS");
    add(a, "parallel=%u", jobs);
    add_flags(a, job, "CFLAGS");
    add_flags(a, job, "CXXFLAGS");
    if (s->perturb[0] != '\0')
        add_env(a, "MALLOC_PERTURB_", s->perturb);
    if (s->extra[0] != '\0')
        add_env(a, "VITRINE_VARIED", s->extra);
    if (s->preload[0] != '\0')
        add_env(a, "LD_PRELOAD", s->preload);
    if (s->clock[0] != '\0')
        add_env(a, "FAKETIME", s->clock);
}

enum vt_err
vt_sandbox_args(const struct vt_sandbox_job *job, const struct vt_sandbox_fds *fds,
    unsigned jobs, struct vt_args *ret, struct vt_why *why)
{
    add(ret, "bwrap");
    add_isolation(ret, job, fds);
    enum vt_err err = add_root(ret, job->box, why);
    if (err != VT_OK)
        return err;
    add_mounts(ret, job, fds);
    add_environment(ret, job, jobs);
    add3(ret, "--", "/bin/sh", "-e");
    add(ret, "-c");
    add(ret, "%s", job->script);
    if (ret->failed)
        return vt_fail(why, VT_E_NOMEM, "sandbox: out of memory for its arguments");
    return VT_OK;
}
