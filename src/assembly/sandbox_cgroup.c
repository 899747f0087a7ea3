/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "vitrine-"
#define OUR_PROCESSES 8U /* the init, bwrap and its helpers are in the group too */

static bool
read_control(const char *dir, const char *name, char *ret, size_t size)
{
    char path[VT_PATH_MAX];
    if (vt_path(path, NULL, "%s/%s", dir, name) != VT_OK)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, ret, size - 1);
    (void)close(fd);
    if (n < 0)
        return false;
    ret[n] = '\0';
    return true;
}

static bool
write_control(const char *dir, const char *name, uint64_t value)
{
    char path[VT_PATH_MAX];
    char text[32];
    if (vt_path(path, NULL, "%s/%s", dir, name) != VT_OK)
        return false;
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    int len = snprintf(text, sizeof text, "%" PRIu64 "\n", value);
    bool ok = write(fd, text, (size_t)len) == len;
    (void)close(fd);
    return ok;
}

/* Whether one of the words, which white space separates, is `word`. */
static bool
has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = words; (p = strstr(p, word)) != NULL; p += len)
        if ((p == words || p[-1] == ' ') && (p[len] == '\0' || strchr(" \n", p[len]) != NULL))
            return true;
    return false;
}

/* The number after `key ` in a file of such lines; 0 when there is none. */
static uint64_t
event_count(const char *dir, const char *file, const char *key)
{
    char text[1024];
    if (!read_control(dir, file, text, sizeof text))
        return 0;
    size_t len = strlen(key);
    for (const char *p = text; p != NULL && *p != '\0';) {
        if (strncmp(p, key, len) == 0 && p[len] == ' ')
            return strtoull(p + len, NULL, 10);
        p = strchr(p, '\n');
        if (p != NULL)
            p++;
    }
    return 0;
}

/* Removes groups that killed runs left behind. */
static void
sweep(const char *top)
{
    DIR *d = opendir(top);
    if (d == NULL)
        return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        long pid = strtol(e->d_name + strlen(PREFIX), NULL, 10);
        if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            (void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    (void)closedir(d);
}

static bool
make_in(struct vt_sandbox_cgroup *c, const char *top, const struct vt_recipe_limits *limits)
{
    char words[1024];
    if (!read_control(top, "cgroup.subtree_control", words, sizeof words) ||
        !has_word(words, "memory") || !has_word(words, "pids"))
        return false;
    sweep(top);
    if (vt_path(c->path, NULL, "%s/" PREFIX "%d", top, getpid()) != VT_OK ||
        mkdir(c->path, 0755) != 0)
        return false;
    uint64_t memory = ((uint64_t)limits->memory_mb + limits->disk_mb) << 20;
    if (write_control(c->path, "memory.max", memory) &&
        write_control(c->path, "pids.max", limits->processes + OUR_PROCESSES)) {
        (void)write_control(c->path, "memory.swap.max", 0); /* where there is swap at all */
        (void)write_control(c->path, "memory.oom.group", 1);
        return true;
    }
    (void)rmdir(c->path);
    return false;
}

bool
vt_sandbox_cgroup_make(
    struct vt_sandbox_cgroup *c, const char *top, const struct vt_recipe_limits *limits)
{
    static const char *const usual[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    if (top != NULL && make_in(c, top, limits))
        return true;
    for (size_t i = 0; top == NULL && i < sizeof usual / sizeof usual[0]; i++)
        if (make_in(c, usual[i], limits))
            return true;
    c->path[0] = '\0';
    return false;
}

bool
vt_sandbox_cgroup_put(struct vt_sandbox_cgroup *c, pid_t pid)
{
    if (c->path[0] != '\0' && write_control(c->path, "cgroup.procs", (uint64_t)pid))
        return true;
    vt_sandbox_cgroup_remove(c);
    return false;
}

enum vt_sandbox_limit
vt_sandbox_cgroup_met(const struct vt_sandbox_cgroup *c)
{
    if (c->path[0] == '\0')
        return VT_LIMIT_NONE;
    if (event_count(c->path, "memory.events", "oom_kill") > 0)
        return VT_LIMIT_MEMORY;
    if (event_count(c->path, "pids.events", "max") > 0)
        return VT_LIMIT_PROCESSES;
    return VT_LIMIT_NONE;
}

void
vt_sandbox_cgroup_remove(struct vt_sandbox_cgroup *c)
{
    if (c->path[0] == '\0')
        return;
    (void)write_control(c->path, "cgroup.kill", 1);
    /* Processes leave it a moment after they were killed. */
    for (int i = 0; i < 100 && rmdir(c->path) != 0; i++)
        (void)usleep(10000);
    c->path[0] = '\0';
}
