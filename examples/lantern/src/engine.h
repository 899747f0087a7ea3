/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: compiled YARA rules, and scanning one open file with them.
 */
#ifndef LANTERN_ENGINE_H
#define LANTERN_ENGINE_H

#include <stddef.h>

struct engine;

/* One rule that matched, or that is listed. Valid during the call only. */
struct engine_rule {
    const char *name;
    const char *severity;    /* its meta of that name, or "unknown" */
    const char *description; /* its meta of that name, or "" */
};

typedef void engine_rule_fn(void *ctx, const struct engine_rule *rule);

/* What became of a file. */
enum engine_result {
    ENGINE_OK = 0,
    ENGINE_TIMEOUT = -1, /* the time for one file ran out */
    ENGINE_FAILED = -2,  /* libyara's number is in engine_error */
};

/* Loads compiled rules. `path` is a file, or a folder that holds exactly one
 * *.yarc. On failure returns NULL and writes why, one line, to err. The engine
 * is the caller's until engine_free. */
struct engine *engine_open(const char *path, char *err, size_t err_size);
/* Takes NULL. */
void engine_free(struct engine *e);

/* The file the rules came from. */
const char *engine_path(const struct engine *e);
/* Calls fn for each rule in the order they were compiled, and returns how many. */
size_t engine_list(const struct engine *e, engine_rule_fn *fn, void *ctx);

/* Scans the file behind fd for at most `seconds` (0: no limit); calls fn for each rule
 * that matches. */
enum engine_result engine_scan(
    struct engine *e, int fd, int seconds, engine_rule_fn *fn, void *ctx);
/* libyara's number of the last ENGINE_FAILED. */
int engine_error(const struct engine *e);

/* libyara's version, such as "4.2.3". */
const char *engine_version(void);

#endif
