/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <yara.h>

struct engine {
    YR_RULES *rules;
    YR_SCANNER *scanner;
    int error;
    char path[PATH_MAX];
};

/* What a scan in progress hands to libyara's callback. */
struct scan {
    engine_rule_fn *fn;
    void *ctx;
};

static int
is_rules_file(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yarc") == 0;
}

/* Replaces a folder's path by that of the one rules file in it. */
static int
pick_from_folder(char path[PATH_MAX], char *err, size_t err_size)
{
    struct dirent **names = NULL;
    char folder[PATH_MAX];
    int ok = 0;
    int n = scandir(path, &names, is_rules_file, alphasort);

    if (n == 1) {
        snprintf(folder, sizeof(folder), "%s", path);
        ok = snprintf(path, PATH_MAX, "%s/%s", folder, names[0]->d_name) < PATH_MAX;
    }
    if (!ok)
        snprintf(err, err_size, "%s: %s; name a file with --rules", path,
            n > 1 ? "several *.yarc files" : "no *.yarc file");
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return ok ? 0 : -1;
}

static int
find_rules(const char *path, char ret[PATH_MAX], char *err, size_t err_size)
{
    struct stat st;

    if (snprintf(ret, PATH_MAX, "%s", path) >= PATH_MAX || stat(path, &st) != 0) {
        snprintf(err, err_size, "%s: no such rules; name a file with --rules", path);
        return -1;
    }
    return S_ISDIR(st.st_mode) ? pick_from_folder(ret, err, err_size) : 0;
}

struct engine *
engine_open(const char *path, char *err, size_t err_size)
{
    struct engine *e = calloc(1, sizeof(*e));
    int rc;

    if (e == NULL || yr_initialize() != ERROR_SUCCESS) {
        snprintf(err, err_size, "out of memory");
        free(e);
        return NULL;
    }
    if (find_rules(path, e->path, err, err_size) != 0)
        goto fail;
    rc = yr_rules_load(e->path, &e->rules);
    if (rc == ERROR_SUCCESS)
        rc = yr_scanner_create(e->rules, &e->scanner);
    if (rc != ERROR_SUCCESS) {
        snprintf(err, err_size, "%s: not rules that libyara %s can load (error %d)", e->path,
            engine_version(), rc);
        goto fail;
    }
    return e;
fail:
    engine_free(e);
    return NULL;
}

void
engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    if (e->scanner != NULL)
        yr_scanner_destroy(e->scanner);
    if (e->rules != NULL)
        yr_rules_destroy(e->rules);
    yr_finalize();
    free(e);
}

const char *
engine_path(const struct engine *e)
{
    return e->path;
}

static void
describe(YR_RULE *rule, struct engine_rule *ret)
{
    YR_META *meta;

    *ret = (struct engine_rule){rule->identifier, "unknown", ""};
    yr_rule_metas_foreach(rule, meta)
    {
        if (meta->type != META_TYPE_STRING)
            continue;
        if (strcmp(meta->identifier, "severity") == 0)
            ret->severity = meta->string;
        else if (strcmp(meta->identifier, "description") == 0)
            ret->description = meta->string;
    }
}

size_t
engine_list(const struct engine *e, engine_rule_fn *fn, void *ctx)
{
    struct engine_rule found;
    YR_RULE *rule;
    size_t n = 0;

    yr_rules_foreach(e->rules, rule)
    {
        if (RULE_IS_PRIVATE(rule))
            continue;
        describe(rule, &found);
        fn(ctx, &found);
        n++;
    }
    return n;
}

static int
on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
    struct scan *s = user;
    struct engine_rule found;

    (void)context;
    if (message != CALLBACK_MSG_RULE_MATCHING)
        return CALLBACK_CONTINUE;
    describe(data, &found);
    s->fn(s->ctx, &found);
    return CALLBACK_CONTINUE;
}

enum engine_result
engine_scan(struct engine *e, int fd, int seconds, engine_rule_fn *fn, void *ctx)
{
    struct scan s = {fn, ctx};

    yr_scanner_set_flags(e->scanner, SCAN_FLAGS_REPORT_RULES_MATCHING);
    yr_scanner_set_timeout(e->scanner, seconds);
    yr_scanner_set_callback(e->scanner, on_message, &s);
    e->error = yr_scanner_scan_fd(e->scanner, fd);
    if (e->error == ERROR_SUCCESS)
        return ENGINE_OK;
    return e->error == ERROR_SCAN_TIMEOUT ? ENGINE_TIMEOUT : ENGINE_FAILED;
}

int
engine_error(const struct engine *e)
{
    return e->error;
}

const char *
engine_version(void)
{
    return YR_VERSION;
}
