/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox_watch.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MIB (1024U * 1024U)

void
vt_sandbox_watch_init(
    struct vt_sandbox_watch *w, const char *stage, const struct vt_recipe_limits *limits)
{
    *w = (struct vt_sandbox_watch){.stage = stage, .limits = *limits};
}

static uint64_t
pid_ns_of(const char *pid)
{
    char path[64];
    struct stat st;
    (void)snprintf(path, sizeof path, "/proc/%.20s/ns/pid", pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

pid_t
vt_sandbox_watch_name(struct vt_sandbox_watch *w, uint64_t pid_ns)
{
    pid_t found = 0;
    DIR *d = opendir("/proc");
    for (const struct dirent *e; d != NULL && found == 0 && (e = readdir(d)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && pid_ns_of(e->d_name) == pid_ns)
            found = (pid_t)strtol(e->d_name, NULL, 10);
    if (d != NULL)
        (void)closedir(d);
    if (found != 0)
        w->pid_ns = pid_ns;
    return found;
}

/* The sum of some "Name:   N kB" lines of a file of /proc, in bytes; plain
 * numbers ("Threads:") count as they are. */
static uint64_t
sum_of(const char *path, const char *const *names, uint64_t unit)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    uint64_t sum = 0;
    char line[256];
    while (fgets(line, sizeof line, f) != NULL)
        for (size_t i = 0; names[i] != NULL; i++) {
            size_t len = strlen(names[i]);
            if (strncmp(line, names[i], len) == 0)
                sum += strtoull(line + len, NULL, 10) * unit;
        }
    (void)fclose(f);
    return sum;
}

/* What one process adds: threads, and memory that is no file's. Pages that
 * several processes share count in each, unless `fair` splits them (slower). */
static void
add_process(const char *pid, bool fair, unsigned *processes, uint64_t *memory)
{
    static const char *const quick[] = {"RssAnon:", "RssShmem:", "VmSwap:", NULL};
    static const char *const split[] = {"Pss_Anon:", "Pss_Shmem:", "SwapPss:", NULL};
    static const char *const threads[] = {"Threads:", NULL};
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%.20s/status", pid);
    *processes += (unsigned)sum_of(path, threads, 1);
    if (!fair) {
        *memory += sum_of(path, quick, 1024);
        return;
    }
    (void)snprintf(path, sizeof path, "/proc/%.20s/smaps_rollup", pid);
    *memory += sum_of(path, split, 1024);
}

static void
scan(const struct vt_sandbox_watch *w, bool fair, unsigned *processes, uint64_t *memory)
{
    *processes = 0;
    *memory = 0;
    DIR *d = opendir("/proc");
    if (d == NULL)
        return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && pid_ns_of(e->d_name) == w->pid_ns)
            add_process(e->d_name, fair, processes, memory);
    (void)closedir(d);
}

static void
look_at_disk(struct vt_sandbox_watch *w)
{
    struct statvfs st;
    if (statvfs(w->stage, &st) != 0)
        return;
    /* Less than a hundredth left: programs give up, and tidy up, before the end. */
    if (st.f_bavail < st.f_blocks / 100 || st.f_favail < st.f_files / 100)
        w->disk_full = true;
}

enum vt_sandbox_limit
vt_sandbox_watch_look(struct vt_sandbox_watch *w)
{
    look_at_disk(w);
    if (w->pid_ns == 0)
        return VT_LIMIT_NONE;
    unsigned processes = 0;
    uint64_t memory = 0;
    uint64_t max = (uint64_t)w->limits.memory_mb * MIB;
    scan(w, false, &processes, &memory);
    if (memory > max)
        scan(w, true, &processes, &memory);
    if (memory > w->memory_peak)
        w->memory_peak = memory;
    if (processes > w->processes_peak)
        w->processes_peak = processes;
    return memory > max ? VT_LIMIT_MEMORY : VT_LIMIT_NONE;
}

static bool
says(const char *tail, const char *const *phrases)
{
    for (size_t i = 0; phrases[i] != NULL; i++)
        if (strcasestr(tail, phrases[i]) != NULL)
            return true;
    return false;
}

enum vt_sandbox_limit
vt_sandbox_watch_met(const struct vt_sandbox_watch *w, const char *tail)
{
    static const char *const disk[] = {
        "No space left on device", "File size limit exceeded", "File too large", NULL};
    static const char *const memory[] = {"Cannot allocate memory", "out of memory",
        "memory exhausted", "std::bad_alloc", "MemoryError", NULL};
    static const char *const processes[] = {
        "Cannot fork", "can't fork", "Resource temporarily unavailable", NULL};
    if (says(tail, disk) || w->disk_full)
        return VT_LIMIT_DISK;
    if (says(tail, memory))
        return VT_LIMIT_MEMORY;
    if (says(tail, processes) || w->processes_peak >= w->limits.processes)
        return VT_LIMIT_PROCESSES;
    return VT_LIMIT_NONE;
}
