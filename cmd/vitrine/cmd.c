/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
vt_cmd_fail(const struct vt_cmd *c, enum vt_err err, const struct vt_why *why)
{
    const char *text = why != NULL && why->text[0] != '\0' ? why->text : vt_err_name(err);
    int code = vt_err_exit_code(err);
    struct vt_buf b = VT_BUF(65536);
    json_t *o;

    fprintf(stderr, "vitrine %s: %s\n", c->name, text);
    if (!c->json)
        return code;
    o = json_pack("{s:s, s:s, s:i}", "error", vt_err_name(err), "message", text, "exit", code);
    if (o != NULL && vt_json_text(o, false, &b, NULL) == VT_OK) {
        (void)fputs(vt_buf_str(&b), stdout);
        (void)fflush(stdout);
    }
    vt_buf_release(&b);
    json_decref(o);
    return code;
}

/* Flushes standard output; what did not arrive there is a failure. */
static int
finish_stdout(const char *name)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "vitrine %s: cannot write to standard output: %s\n", name, strerror(errno));
    return 3;
}

int
vt_cmd_done(const struct vt_cmd *c, json_t *result, const char *fmt, ...)
{
    struct vt_buf b = VT_BUF(64U << 20);
    struct vt_why why = {0};
    va_list ap;

    if (c->json) {
        enum vt_err err = vt_json_text(result, false, &b, &why);
        json_decref(result);
        if (err != VT_OK) {
            vt_buf_release(&b);
            return vt_cmd_fail(c, err, &why);
        }
        (void)fwrite(b.data, 1, b.len, stdout);
        vt_buf_release(&b);
        return finish_stdout(c->name);
    }
    json_decref(result);
    if (c->quiet)
        return 0;
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
    return finish_stdout(c->name);
}

/* How many letters must be changed, put in, left out or swapped with the next
 * to make b of a (optimal string alignment); both under NEAR_MAX letters. */
#define NEAR_MAX 32
static size_t
distance(const char *a, const char *b)
{
    size_t la = strlen(a);
    size_t lb = strlen(b);
    size_t d[NEAR_MAX + 1][NEAR_MAX + 1];

    if (la > NEAR_MAX || lb > NEAR_MAX)
        return NEAR_MAX;
    for (size_t i = 0; i <= la; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= lb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        for (size_t j = 1; j <= lb; j++) {
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[la][lb];
}

const char *
vt_cmd_nearest(const char *typed, const char *best, const char *candidate, size_t *score)
{
    size_t n = distance(typed, candidate);

    if (n * 3 > strlen(candidate) + 1 || n >= *score)
        return best;
    *score = n;
    return candidate;
}

static const char *
nearest_verb(const char *typed, const struct vt_cmd_verb *verbs)
{
    const char *best = NULL;
    size_t score = NEAR_MAX;

    for (; verbs->name != NULL; verbs++)
        best = vt_cmd_nearest(typed, best, verbs->name, &score);
    return best;
}

static const struct vt_cmd_verb *
find_verb(const char *name, const struct vt_cmd_verb *verbs)
{
    for (; verbs->name != NULL; verbs++) {
        if (strcmp(name, verbs->name) == 0)
            return verbs;
    }
    return NULL;
}

/* `prefix` is "vitrine" or "vitrine log". */
static int
unknown_verb(const char *prefix, const char *typed, const struct vt_cmd_verb *verbs)
{
    struct vt_why shown;
    const char *near = nearest_verb(typed, verbs);

    (void)vt_fail(&shown, VT_E_USAGE, "%.60s", typed);
    if (near != NULL)
        fprintf(stderr, "%s: unknown command \"%s\", perhaps \"%s\"; try `%s --help`\n", prefix,
            shown.text, near, prefix);
    else
        fprintf(stderr, "%s: unknown command \"%s\"; try `%s --help`\n", prefix, shown.text,
            prefix);
    return 2;
}

static void
print_verbs(const struct vt_cmd_verb *verbs)
{
    for (; verbs->name != NULL; verbs++)
        printf("  %-12s %s\n", verbs->name, verbs->summary);
}

int
vt_cmd_verbs(const char *name, const char *summary, const struct vt_cmd_verb *verbs, int argc,
    char **argv)
{
    const struct vt_cmd_verb *v;
    char prefix[64];

    (void)snprintf(prefix, sizeof prefix, "vitrine %s", name);
    if (argc < 2) {
        fprintf(stderr, "%s: a command is missing; try `%s --help`\n", prefix, prefix);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        printf("usage: %s COMMAND [OPTION...]\n\n%s\n\n", prefix, summary);
        print_verbs(verbs);
        printf("\n`%s COMMAND --help` tells more of each.\n", prefix);
        return finish_stdout(name);
    }
    v = find_verb(argv[1], verbs);
    if (v == NULL)
        return unknown_verb(prefix, argv[1], verbs);
    return v->run(argc - 1, argv + 1);
}

static int
main_help(const char *summary, const struct vt_cmd_verb *commands)
{
    printf("usage: vitrine COMMAND [OPTION...]\n\nVitrine: %s.\n\n", summary);
    print_verbs(commands);
    printf("\n`vitrine help COMMAND` tells more of each. Every command takes --json, --quiet\n"
           "and --help. Exit codes: 0 done, 1 refused by verification or policy, 2 bad usage\n"
           "or configuration, 3 the world failed (file, network, no space).\n");
    return finish_stdout("help");
}

int
vt_cmd_main(const char *summary, const struct vt_cmd_verb *commands, int argc, char **argv)
{
    static char help[] = "--help";
    const struct vt_cmd_verb *v;

    if (argc < 2) {
        fprintf(stderr, "vitrine: a command is missing; try `vitrine --help`\n");
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("vitrine %s\n", VT_VERSION);
        return finish_stdout("--version");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2))
        return main_help(summary, commands);
    if (strcmp(argv[1], "help") == 0) {
        /* `help log prove` is `log prove --help`. */
        for (int i = 1; i + 1 < argc; i++)
            argv[i] = argv[i + 1];
        argv[argc - 1] = help;
    }
    v = find_verb(argv[1], commands);
    if (v == NULL)
        return unknown_verb("vitrine", argv[1], commands);
    return v->run(argc - 1, argv + 1);
}
