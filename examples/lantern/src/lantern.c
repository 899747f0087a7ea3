/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lantern: scans files and folders with compiled YARA rules.
 *
 * It finds its rules beside itself, in the folder that the updater fills, so
 * that a rule update needs no restart and no configuration.
 */
#include "engine.h"
#include "walk.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef LANTERN_VERSION
#error "LANTERN_VERSION is set by the Makefile"
#endif

enum { EXIT_CLEAN = 0, EXIT_FOUND = 1, EXIT_USAGE = 2, EXIT_TROUBLE = 3 };

/* Below .../products/lantern/VERSION/bin stands .../databases. */
#define RULES_FROM_BIN "../../../../databases/lantern-rules/current"

struct options {
    const char *rules; /* NULL: beside the program */
    bool json;
    bool list;
    bool version;
    int seconds;
    struct walk_limits limits;
};

/* One run, and the file that it is at. */
struct run {
    const struct options *o;
    struct engine *engine;
    const char *path;
    uint64_t files, bytes, findings, troubles;
};

static void
usage(FILE *f)
{
    fputs("usage: lantern [OPTION]... PATH...\n"
          "Scans files, and folders with all below them, for what its rules describe.\n\n"
          "  --rules FILE       compiled rules, or the folder that holds them\n"
          "                     (default: those that were installed beside this program)\n"
          "  --json             one JSON object a line on standard output\n"
          "  --size-max BYTES   leave out longer files (default 134217728)\n"
          "  --depth-max N      go down at most N folders (default 64)\n"
          "  --time-max SECONDS give up on a file after that long (default 30)\n"
          "  --list-rules       show the rules and exit\n"
          "  --version          show the versions of program and rules and exit\n"
          "  --help             show this and exit\n\n"
          "Exit code: 0 nothing found, 1 something found, 2 wrong usage, 3 not all was read.\n",
        f);
}

/* Prints a name from outside with control characters made harmless. */
static void
put_safe(FILE *f, const char *s)
{
    for (; *s != '\0'; s++)
        fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, f);
}

/* JSON wants UTF-8; a file name need not be. Such bytes become '?'. */
static json_t *
json_name(const char *s)
{
    json_t *j = json_string(s);
    char *copy;

    if (j != NULL || (copy = strdup(s)) == NULL)
        return j;
    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

/* Steals the object. */
static void
put_json(json_t *object)
{
    if (object != NULL && json_dumpf(object, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    json_decref(object);
}

static void
on_finding(void *ctx, const struct engine_rule *rule)
{
    struct run *r = ctx;

    r->findings++;
    if (r->o->json) {
        put_json(json_pack("{s:o, s:s, s:s, s:s}", "path", json_name(r->path), "rule",
            rule->name, "severity", rule->severity, "description", rule->description));
        return;
    }
    put_safe(stdout, r->path);
    printf(": %s (%s): %s\n", rule->name, rule->severity, rule->description);
}

static void
trouble(struct run *r, const char *path, const char *what)
{
    r->troubles++;
    fputs("lantern: ", stderr);
    put_safe(stderr, path);
    fprintf(stderr, ": %s\n", what);
}

static void
on_file(void *ctx, const char *path, int fd, uint64_t size)
{
    struct run *r = ctx;
    char what[64];
    enum engine_result result;

    r->files++;
    r->bytes += size;
    r->path = path;
    if (size == 0)
        return;
    result = engine_scan(r->engine, fd, r->o->seconds, on_finding, r);
    if (result == ENGINE_TIMEOUT) {
        trouble(r, path, "not scanned to the end: it took longer than --time-max");
    } else if (result == ENGINE_FAILED) {
        snprintf(what, sizeof(what), "not scanned: libyara error %d", engine_error(r->engine));
        trouble(r, path, what);
    }
}

static void
on_skipped(void *ctx, const char *path, enum walk_skip why)
{
    switch (why) {
    case WALK_TOO_LARGE:
        trouble(ctx, path, "not scanned: longer than --size-max");
        break;
    case WALK_TOO_DEEP:
        trouble(ctx, path, "not scanned: deeper than --depth-max");
        break;
    case WALK_UNREADABLE:
        trouble(ctx, path, strerror(errno));
        break;
    }
}

/* Where the updater puts the rules, from where this program stands. */
static int
default_rules(char ret[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (n < 0)
        return -1;
    self[n] = '\0';
    slash = strrchr(self, '/');
    if (slash == NULL)
        return -1;
    *slash = '\0';
    return snprintf(ret, PATH_MAX, "%s/" RULES_FROM_BIN, self) < PATH_MAX ? 0 : -1;
}

static int
parse_number(const char *s, uint64_t max, uint64_t *ret)
{
    char *end = NULL;
    unsigned long long v;

    errno = 0;
    v = strtoull(s, &end, 10);
    if (errno != 0 || end == s || *end != '\0' || *s == '-' || v > max) {
        fprintf(
            stderr, "lantern: %s: not a number from 0 to %llu\n", s, (unsigned long long)max);
        return -1;
    }
    *ret = v;
    return 0;
}

/* Returns -1 to go on, or an exit code. */
static int
parse_options(int argc, char **argv, struct options *o)
{
    static const struct option table[] = {{"rules", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'}, {"size-max", required_argument, NULL, 's'},
        {"depth-max", required_argument, NULL, 'd'}, {"time-max", required_argument, NULL, 't'},
        {"list-rules", no_argument, NULL, 'l'}, {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    uint64_t n = 0;
    int c;

    while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
        if (c == 'h') {
            usage(stdout);
            return EXIT_CLEAN;
        }
        if (c == '?' || (c == 's' && parse_number(optarg, UINT64_MAX, &n) != 0) ||
            (c == 'd' && parse_number(optarg, 512, &n) != 0) ||
            (c == 't' && parse_number(optarg, 86400, &n) != 0))
            return EXIT_USAGE;
        o->rules = c == 'r' ? optarg : o->rules;
        o->json |= c == 'j';
        o->list |= c == 'l';
        o->version |= c == 'v';
        o->limits.size_max = c == 's' ? n : o->limits.size_max;
        o->limits.depth_max = c == 'd' ? (unsigned)n : o->limits.depth_max;
        o->seconds = c == 't' ? (int)n : o->seconds;
    }
    if (optind == argc && !o->list && !o->version) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static void
print_rule(void *ctx, const struct engine_rule *rule)
{
    const struct options *o = ctx;

    if (o->json)
        put_json(json_pack("{s:s, s:s, s:s}", "rule", rule->name, "severity", rule->severity,
            "description", rule->description));
    else
        printf("%-8s %-32s %s\n", rule->severity, rule->name, rule->description);
}

static void
count_rule(void *ctx, const struct engine_rule *rule)
{
    (void)ctx;
    (void)rule;
}

/* Rules may be missing: then the program's version stands alone. */
static void
print_version(const struct options *o, const struct engine *e)
{
    size_t rules = e != NULL ? engine_list(e, count_rule, NULL) : 0;

    if (o->json) {
        put_json(json_pack("{s:s, s:s, s:o, s:I}", "lantern", LANTERN_VERSION, "libyara",
            engine_version(), "rules_file", e != NULL ? json_name(engine_path(e)) : json_null(),
            "rules", (json_int_t)rules));
        return;
    }
    printf("lantern %s, libyara %s\n", LANTERN_VERSION, engine_version());
    if (e != NULL)
        printf("%zu rules from %s\n", rules, engine_path(e));
}

static int
scan_all(const struct options *o, struct engine *e, int count, char **paths)
{
    static const struct walk_ops ops = {on_file, on_skipped};
    struct run r = {.o = o, .engine = e};

    for (int i = 0; i < count; i++)
        walk(paths[i], &o->limits, &ops, &r);
    if (o->json)
        put_json(json_pack("{s:I, s:I, s:I, s:I}", "files", (json_int_t)r.files, "bytes",
            (json_int_t)r.bytes, "findings", (json_int_t)r.findings, "troubles",
            (json_int_t)r.troubles));
    else
        printf("%llu files, %llu bytes: %llu findings\n", (unsigned long long)r.files,
            (unsigned long long)r.bytes, (unsigned long long)r.findings);
    if (r.findings > 0)
        return EXIT_FOUND;
    return r.troubles > 0 ? EXIT_TROUBLE : EXIT_CLEAN;
}

int
main(int argc, char **argv)
{
    struct options o = {.seconds = 30, .limits = {.size_max = 128U << 20, .depth_max = 64}};
    char rules[PATH_MAX] = "", err[PATH_MAX + 128] = "cannot tell where this program stands";
    struct engine *e = NULL;
    int rc = parse_options(argc, argv, &o);

    if (rc != -1)
        return rc;
    if (o.rules != NULL || default_rules(rules) == 0)
        e = engine_open(o.rules != NULL ? o.rules : rules, err, sizeof(err));
    if (e == NULL && !(o.version && o.rules == NULL)) {
        fputs("lantern: ", stderr);
        put_safe(stderr, err);
        fputc('\n', stderr);
        return EXIT_TROUBLE;
    }
    rc = EXIT_CLEAN;
    if (o.version)
        print_version(&o, e);
    else if (o.list)
        engine_list(e, print_rule, &o);
    else
        rc = scan_all(&o, e, argc - optind, argv + optind);
    engine_free(e);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("lantern: standard output: cannot write\n", stderr);
        return EXIT_TROUBLE;
    }
    return rc;
}
