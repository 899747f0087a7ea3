/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `vitrine site reload` and a site that runs speak: the one sends SIGHUP to the process in
 * run/pid, which holds run/lock; the other writes run/reload, a number that grows, a space, and
 * "ok" or the reason why nothing was changed.
 */
#include "centre/site_parts.h"

#include "base/clock.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 50, ANSWER_MAX = 2048 };

static enum vt_err
write_run_file(
    const struct vt_home *home, const char *name, const char *text, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "run/%s", name);

    return err == VT_OK ? vt_file_replace(path, 0644, text, strlen(text), why) : err;
}

static void
remove_run_file(const struct vt_home *home, const char *name)
{
    char path[VT_PATH_MAX];

    if (vt_home_path(home, path, NULL, "run/%s", name) == VT_OK)
        (void)unlink(path);
}

enum vt_err
vt_site_reload_prepare(const struct vt_site *s, struct vt_why *why)
{
    char text[32];

    remove_run_file(s->home, "reload");
    (void)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    return write_run_file(s->home, "pid", text, why);
}

enum vt_err
vt_site_reload_answer(struct vt_site *s, const struct vt_why *refused, struct vt_why *why)
{
    char text[ANSWER_MAX];

    (void)snprintf(
        text, sizeof(text), "%u %s\n", ++s->reloads, refused != NULL ? refused->text : "ok");
    return write_run_file(s->home, "reload", text, why);
}

void
vt_site_reload_withdraw(const struct vt_site *s)
{
    remove_run_file(s->home, "pid");
    remove_run_file(s->home, "reload");
}

/* Whether the process holds the lock open, which no other than a site's parent does. */
static bool
has_open(long pid, const struct stat *lock)
{
    char path[VT_PATH_MAX];
    bool found = false;
    struct dirent *de;
    struct stat st;
    DIR *d;

    if (vt_path(path, NULL, "/proc/%ld/fd", pid) != VT_OK)
        return false;
    d = opendir(path);
    while (d != NULL && !found && (de = readdir(d)) != NULL)
        found = fstatat(dirfd(d), de->d_name, &st, 0) == 0 && st.st_dev == lock->st_dev &&
                st.st_ino == lock->st_ino;
    if (d != NULL)
        closedir(d);
    return found;
}

static enum vt_err
read_pid(const struct vt_home *home, uint64_t *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(32);
    struct vt_reader r;
    struct vt_reader line;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "run/pid");

    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    r = VT_READER(b.data, b.len);
    if (err == VT_E_NOENT)
        err = vt_fail(why, VT_E_STATE, "no site runs on %s", home->dir);
    else if (err == VT_OK &&
             (!vt_reader_line(&r, &line) || !vt_reader_decimal(&line, INT32_MAX, ret)))
        err = vt_fail(why, VT_E_STATE, "%s holds no process id", path);
    vt_buf_release(&b);
    return err;
}

/* Sends SIGHUP to the site's parent: to that very process, or nobody. */
static enum vt_err
send_hup(const struct vt_home *home, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    uint64_t pid = 0;
    struct stat lock;
    enum vt_err err = read_pid(home, &pid, why);
    int fd;

    if (err == VT_OK)
        err = vt_home_path(home, path, why, "run/lock");
    if (err != VT_OK)
        return err;
    fd = pidfd_open((pid_t)pid, 0);
    if (fd < 0 || stat(path, &lock) != 0 || !has_open((long)pid, &lock))
        err = vt_fail(why, VT_E_STATE, "no site of yours runs on %s", home->dir);
    else if (pidfd_send_signal(fd, SIGHUP, NULL, 0) != 0)
        err = vt_fail_errno(why, "cannot tell process %d to take its policy again", (int)pid);
    if (fd >= 0)
        close(fd);
    return err;
}

/* What run/reload says; "" when there is none. */
static void
read_answer(const struct vt_home *home, char ret[ANSWER_MAX])
{
    struct vt_buf b = VT_BUF(ANSWER_MAX - 1);
    char path[VT_PATH_MAX];

    ret[0] = '\0';
    if (vt_home_path(home, path, NULL, "run/reload") == VT_OK &&
        vt_file_read(path, &b, NULL) == VT_OK)
        memcpy(ret, vt_buf_str(&b), b.len + 1);
    vt_buf_release(&b);
}

enum vt_err
vt_site_reload(const struct vt_home *home, int64_t timeout_ms, struct vt_why *why)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    int64_t until = vt_clock_monotonic_ms() + timeout_ms;
    char before[ANSWER_MAX];
    char after[ANSWER_MAX];
    char *space;
    enum vt_err err;

    read_answer(home, before);
    err = send_hup(home, why);
    if (err != VT_OK)
        return err;
    do {
        (void)nanosleep(&pause, NULL);
        read_answer(home, after);
        if (vt_clock_monotonic_ms() > until)
            return vt_fail(why, VT_E_TIMEOUT, "the site has not answered yet: see its log");
    } while (after[0] == '\0' || strcmp(before, after) == 0);
    after[strcspn(after, "\n")] = '\0';
    space = strchr(after, ' ');
    if (space == NULL || strcmp(space, " ok") != 0)
        return vt_fail(why, VT_E_CONFIG, "%s", space != NULL ? space + 1 : after);
    return VT_OK;
}
