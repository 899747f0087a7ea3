/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs have in common whose system calls log_faults.py makes fail: the end when
 * something is wrong, and notes in a file that is mapped into memory, so that taking a note is
 * no system call and survives a kill.
 */
#ifndef VT_TESTS_CRASH_H
#define VT_TESTS_CRASH_H

#include "base/err.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((format(printf, 1, 2), noreturn)) static void
wrong(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)fputs("wrong: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static inline void
need(enum vt_err err, const struct vt_why *why, const char *what)
{
    if (err != VT_OK)
        wrong("%s: %s: %s", what, vt_err_name(err), why->text);
}

/* The notes of `size` bytes in that file, zeros when it is new. */
static inline void *
map_notes(const char *path, size_t size)
{
    void *n;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
        wrong("%s cannot be made", path);
    n = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (n == MAP_FAILED)
        wrong("%s cannot be mapped", path);
    (void)close(fd);
    return n;
}

#endif
