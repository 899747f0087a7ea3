/* SPDX-License-Identifier: Apache-2.0 */
/* The one option parser, over getopt_long, and the help that it prints. */
#include "cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTS_MAX 32
#define HELP_WIDTH 80
#define LONG_BASE 256 /* what getopt returns for a long option: this and its index */

/* Options of every command; their targets are set in vt_cmd_parse. */
enum { COMMON_HELP, COMMON_JSON, COMMON_QUIET, COMMON_COUNT };

struct parse {
    struct vt_cmd *c;
    struct vt_opt all[OPTS_MAX + COMMON_COUNT]; /* the command's own, then the common ones */
    bool seen[OPTS_MAX + COMMON_COUNT];
    size_t count;
    bool help;
};

static void
gather(struct parse *p)
{
    const struct vt_opt common[COMMON_COUNT] = {
        {"help", 'h', VT_OPT_FLAG, NULL, "show this help", &p->help, false},
        {"json", 0, VT_OPT_FLAG, NULL, "print one JSON object as the result", &p->c->json,
            false},
        {"quiet", 'q', VT_OPT_FLAG, NULL, "print nothing but errors", &p->c->quiet, false},
    };
    const struct vt_opt *o = p->c->opts;

    for (; o != NULL && o->name != NULL && p->count < OPTS_MAX; o++)
        p->all[p->count++] = *o;
    for (size_t i = 0; i < COMMON_COUNT; i++)
        p->all[p->count++] = common[i];
}

/* Prints the words of one line in lines of HELP_WIDTH that begin at column
 * `indent`, the first of which has been written up to there. */
static void
print_words(const char *p, const char *end, size_t indent)
{
    size_t col = indent;

    while (p < end) {
        size_t len = 0;
        while (p + len < end && p[len] != ' ')
            len++;
        if (col > indent && col + 1 + len > HELP_WIDTH) {
            printf("\n%*s", (int)indent, "");
            col = indent;
        } else if (col > indent) {
            (void)putchar(' ');
            col++;
        }
        (void)fwrite(p, 1, len, stdout);
        col += len;
        p += len;
        while (p < end && *p == ' ')
            p++;
    }
    (void)putchar('\n');
}

/* Prints text, each of its lines wrapped, but those that begin with a space as
 * they are: examples and tables. */
static void
print_wrapped(const char *text, size_t indent)
{
    for (bool first = true; *text != '\0'; first = false) {
        size_t len = strcspn(text, "\n");
        if (!first)
            printf("%*s", (int)indent, "");
        if (*text == ' ')
            printf("%.*s\n", (int)len, text);
        else
            print_words(text, text + len, indent);
        text += len + (text[len] == '\n');
    }
}

/* "-q, --quiet", "    --from URL" */
static void
option_label(const struct vt_opt *o, char *ret, size_t size)
{
    char letter[8] = "    ";

    if (o->letter != 0)
        (void)snprintf(letter, sizeof letter, "-%c, ", o->letter);
    (void)snprintf(ret, size, "  %s--%s%s%s", letter, o->name, o->arg != NULL ? " " : "",
        o->arg != NULL ? o->arg : "");
}

static int
print_help(const struct parse *p)
{
    char label[96];
    size_t width = 0;

    printf("usage: vitrine %s", p->c->name);
    if (p->c->args != NULL && p->c->args[0] != '\0')
        printf(" %s", p->c->args);
    printf("\n\n");
    print_wrapped(p->c->summary, 0);
    (void)putchar('\n');
    if (p->c->details != NULL) {
        print_wrapped(p->c->details, 0);
        (void)putchar('\n');
    }
    for (size_t i = 0; i < p->count; i++) {
        option_label(&p->all[i], label, sizeof label);
        if (strlen(label) > width && strlen(label) < 32)
            width = strlen(label);
    }
    width += 2;
    for (size_t i = 0; i < p->count; i++) {
        option_label(&p->all[i], label, sizeof label);
        if (strlen(label) + 2 > width)
            printf("%s\n%*s", label, (int)width, "");
        else
            printf("%-*s", (int)width, label);
        print_wrapped(p->all[i].help, width);
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "vitrine %s: cannot write to standard output\n", p->c->name);
    return 3;
}

static int bad_usage(const struct vt_cmd *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
bad_usage(const struct vt_cmd *c, const char *fmt, ...)
{
    struct vt_why why = {0};
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return vt_cmd_fail(
        c, vt_fail(&why, VT_E_USAGE, "%s; try `vitrine %s --help`", text, c->name), &why);
}

static int
store(struct parse *p, size_t i, const char *arg)
{
    const struct vt_opt *o = &p->all[i];
    struct vt_opt_list *list;
    struct vt_reader r;

    if (p->seen[i] && (o->kind == VT_OPT_STR || o->kind == VT_OPT_U64))
        return bad_usage(p->c, "--%s is given twice", o->name);
    p->seen[i] = true;
    switch (o->kind) {
    case VT_OPT_FLAG:
        *(bool *)o->ret = true;
        return -1;
    case VT_OPT_STR:
        *(const char **)o->ret = arg;
        return -1;
    case VT_OPT_U64:
        r = VT_READER(arg, strlen(arg));
        if (!vt_reader_decimal(&r, UINT64_MAX, o->ret))
            return bad_usage(p->c, "--%s: \"%.40s\" is not a number", o->name, arg);
        return -1;
    case VT_OPT_LIST:
    default:
        list = o->ret;
        if (list->count == sizeof list->item / sizeof list->item[0])
            return bad_usage(p->c, "--%s is given more than %zu times", o->name, list->count);
        list->item[list->count++] = arg;
        return -1;
    }
}

/* getopt's own messages are off: it says which argument in optind and optopt. */
static int
unknown_option(const struct parse *p, int result, char *const *argv)
{
    const char *typed = argv[optind > 0 ? optind - 1 : 0];
    const char *best = NULL;
    size_t score = 3;
    size_t len;
    char name[64];

    if (result == ':')
        return bad_usage(p->c, "%.60s needs a value", typed);
    if (optopt >= LONG_BASE)
        return bad_usage(p->c, "--%s takes no value", p->all[optopt - LONG_BASE].name);
    if (strncmp(typed, "--", 2) != 0 || optopt > 0)
        return bad_usage(
            p->c, "unknown option -%c", optopt > ' ' && optopt < 127 ? optopt : '?');
    len = strcspn(typed + 2, "=");
    if (len < sizeof name) {
        memcpy(name, typed + 2, len);
        name[len] = '\0';
        for (size_t i = 0; i < p->count; i++)
            best = vt_cmd_nearest(name, best, p->all[i].name, &score);
    }
    if (best != NULL)
        return bad_usage(p->c, "unknown option %.60s, perhaps --%s", typed, best);
    return bad_usage(p->c, "unknown option %.60s", typed);
}

/* Fills getopt's tables; long options return LONG_BASE + their index. */
static void
tables(const struct parse *p, struct option *longs, char *shorts)
{
    size_t n = 0;

    shorts[n++] = ':';
    for (size_t i = 0; i < p->count; i++) {
        bool takes = p->all[i].kind != VT_OPT_FLAG;
        longs[i] = (struct option){
            p->all[i].name, takes ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
        if (p->all[i].letter == 0)
            continue;
        shorts[n++] = p->all[i].letter;
        if (takes)
            shorts[n++] = ':';
    }
    longs[p->count] = (struct option){0};
    shorts[n] = '\0';
}

static int
walk(struct parse *p, int argc, char **argv)
{
    struct option longs[OPTS_MAX + COMMON_COUNT + 1];
    char shorts[2 * (OPTS_MAX + COMMON_COUNT) + 2];
    int code = -1;

    tables(p, longs, shorts);
    optind = 0; /* GNU: start anew */
    opterr = 0;
    while (code < 0) {
        size_t i = 0;
        int c = getopt_long(argc, argv, shorts, longs, NULL);
        if (c < 0)
            break;
        if (c == '?' || c == ':')
            return unknown_option(p, c, argv);
        if (c >= LONG_BASE)
            i = (size_t)(c - LONG_BASE);
        else
            while (p->all[i].letter != c)
                i++;
        code = store(p, i, optarg);
    }
    return code;
}

static int
check(const struct parse *p)
{
    const struct vt_cmd *c = p->c;

    for (size_t i = 0; i < p->count; i++) {
        if (p->all[i].required && !p->seen[i])
            return bad_usage(c, "--%s %s is missing", p->all[i].name,
                p->all[i].arg != NULL ? p->all[i].arg : "");
    }
    if (c->argc < c->args_min)
        return bad_usage(
            c, "%s", c->argc == 0 ? "an argument is missing" : "too few arguments");
    if (c->args_max >= 0 && c->argc > c->args_max)
        return bad_usage(c, "unexpected argument \"%.60s\"", c->argv[c->args_max]);
    return -1;
}

int
vt_cmd_parse(struct vt_cmd *c, int argc, char **argv)
{
    struct parse p = {.c = c};
    int code;

    gather(&p);
    /* A usage error is reported in JSON too, wherever --json stands. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        c->json = c->json || strcmp(argv[i], "--json") == 0;
    code = walk(&p, argc, argv);
    if (code >= 0)
        return code;
    if (p.help)
        return print_help(&p);
    c->argc = argc - optind;
    c->argv = argv + optind;
    code = check(&p);
    if (code >= 0)
        return code;
    /* A script reads the object; a person at its terminal still sees that work goes on. */
    vt_progress_init(&c->progress, c->quiet || (c->json && isatty(STDERR_FILENO) != 1));
    return -1;
}
