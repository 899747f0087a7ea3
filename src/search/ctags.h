/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Universal Ctags in a process of its own, asked for one file after the other.
 *
 * The program reads hostile files, so it is taken for hostile itself. It runs with an empty
 * environment, with no right to write files, with limits on memory and time, and where it can
 * (Debian's does) under its own system call filter, which leaves it its standard input and
 * output and nothing else. What it says is bounded JSON, a line at a time; a file for which it
 * dies, says nonsense or takes over ten seconds has no symbols, and another process is started
 * for the next one.
 *
 * One struct vt_ctags is for one thread: the one that made it.
 */
#ifndef VT_SEARCH_CTAGS_H
#define VT_SEARCH_CTAGS_H

#include "search/symbols.h"

#define VT_CTAGS_LINE_MAX 65536U /* bytes of one answer */

struct vt_ctags;
/* VT_E_NOENT: there is no Universal Ctags with JSON and interaction. */
VT_MUST enum vt_err vt_ctags_new(struct vt_ctags **ret, struct vt_why *why);
/* Ends the process. Takes NULL. */
void vt_ctags_free(struct vt_ctags *c);
/* Adds the file's symbols to s; `name` (UTF-8, the last part of its path) tells the language.
 * When the program fails s is left without any. VT_E_NOMEM is the only error. */
VT_MUST enum vt_err vt_ctags_symbols(struct vt_ctags *c, const char *name, const void *data,
    size_t len, struct vt_symbols *s, struct vt_why *why);
/* How often a process was ended because of what it did. */
unsigned vt_ctags_failures(const struct vt_ctags *c);

/* One line of the program's answers, without its newline. */
enum vt_ctags_says {
    VT_CTAGS_TAG = 1,  /* a symbol, which was added to s */
    VT_CTAGS_DONE,     /* that was all of the file */
    VT_CTAGS_REMARK,   /* nothing that matters */
    VT_CTAGS_NONSENSE, /* or a fatal error: end it */
};
VT_MUST enum vt_ctags_says vt_ctags_line(const void *line, size_t len, struct vt_symbols *s);

#endif
