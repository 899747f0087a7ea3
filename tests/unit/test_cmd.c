/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser, dispatch, and the reporting of results and failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a call wrote on standard output and on standard error. */
struct said {
    int code;
    struct vt_buf out;
    struct vt_buf err;
};

static int
redirect(int to, int *ret_kept)
{
    char path[] = "/tmp/vt-cmd-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    (void)unlink(path);
    *ret_kept = dup(to);
    assert_true(*ret_kept >= 0 && dup2(fd, to) == to);
    return fd;
}

static void
restore(int to, int kept, int fd, struct vt_buf *b)
{
    uint8_t *p;
    size_t n = 0;

    assert_true(dup2(kept, to) == to);
    (void)close(kept);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    p = vt_buf_reserve(b, 60000);
    assert_non_null(p);
    assert_int_equal(vt_fd_read(fd, p, 60000, &n, NULL), VT_OK);
    vt_buf_commit(b, n);
    (void)close(fd);
}

/* Runs fn with the words as argv. */
static struct said
say(int (*fn)(int argc, char **argv), const char *const *words)
{
    struct said s = {.out = VT_BUF(65536), .err = VT_BUF(65536)};
    char *argv[96] = {NULL};
    char *own[96]; /* getopt and `help` move the words about */
    int argc = 0;
    int kept[2];
    int fds[2];

    while (words[argc] != NULL) {
        argv[argc] = strdup(words[argc]);
        assert_non_null(argv[argc]);
        own[argc] = argv[argc];
        argc++;
    }
    (void)fflush(stdout);
    fds[0] = redirect(STDOUT_FILENO, &kept[0]);
    fds[1] = redirect(STDERR_FILENO, &kept[1]);
    s.code = fn(argc, argv);
    (void)fflush(stdout);
    (void)fflush(stderr);
    restore(STDERR_FILENO, kept[1], fds[1], &s.err);
    restore(STDOUT_FILENO, kept[0], fds[0], &s.out);
    for (int i = 0; i < argc; i++)
        free(own[i]);
    return s;
}

static void
said_release(struct said *s)
{
    vt_buf_release(&s->out);
    vt_buf_release(&s->err);
}

#define SAY(fn, ...) say(fn, (const char *const[]){__VA_ARGS__, NULL})

/* A command with an option of each kind that prints what it got. */
static int
sample(int argc, char **argv)
{
    bool flag = false;
    const char *str = "default";
    uint64_t number = 7;
    struct vt_opt_list list = {0};
    const struct vt_opt opts[] = {
        {"flag", 'f', VT_OPT_FLAG, NULL, "a flag", &flag, false},
        {"from", 0, VT_OPT_STR, "URL", "where from", &str, true},
        {"size", 's', VT_OPT_U64, "N", "a number", &number, false},
        {"channel", 0, VT_OPT_LIST, "NAME", "a channel; may be given several times", &list,
            false},
        {0},
    };
    struct vt_cmd c = {.name = "sample",
        .args = "A [B]",
        .summary = "Does something.",
        .opts = opts,
        .args_min = 1,
        .args_max = 2};
    int code = vt_cmd_parse(&c, argc, argv);

    if (code >= 0)
        return code;
    return vt_cmd_done(&c,
        json_pack("{s:b, s:s, s:I}", "flag", flag, "from", str, "size", (json_int_t)number),
        "%d %s %llu %zu%s%s %d %s", flag, str, (unsigned long long)number, list.count,
        list.count > 0 ? " " : "", list.count > 0 ? list.item[list.count - 1] : "", c.argc,
        c.argv[0]);
}

static void
assert_said(struct said s, int code, const char *out, const char *err)
{
    assert_int_equal(s.code, code);
    assert_string_equal(vt_buf_str(&s.out), out);
    assert_string_equal(vt_buf_str(&s.err), err);
    said_release(&s);
}

static void
test_options_anywhere(void **state)
{
    (void)state;
    assert_said(SAY(sample, "sample", "x", "--from", "u"), 0, "0 u 7 0 1 x\n", "");
    assert_said(
        SAY(sample, "sample", "--from=u", "x", "-f", "y", "-s", "9"), 0, "1 u 9 0 2 x\n", "");
    assert_said(SAY(sample, "sample", "--from=u", "--channel", "a", "x", "--channel=b", "-fs9"),
        0, "1 u 9 2 b 1 x\n", "");
    assert_said(SAY(sample, "sample", "--from=u", "--", "--flag"), 0, "0 u 7 0 1 --flag\n", "");
    assert_said(SAY(sample, "sample", "--from=", "x"), 0, "0  7 0 1 x\n", "");
    assert_said(SAY(sample, "sample", "--from=u", "x", "--quiet"), 0, "", "");
    assert_said(SAY(sample, "sample", "--from=u", "x", "--json"), 0,
        "{\"flag\":false,\"from\":\"u\",\"size\":7}\n", "");
    assert_said(SAY(sample, "sample", "--from=u", "x", "--json", "-q"), 0,
        "{\"flag\":false,\"from\":\"u\",\"size\":7}\n", "");
}

#define TRY "; try `vitrine sample --help`\n"

static void
test_bad_usage(void **state)
{
    (void)state;
    assert_said(SAY(sample, "sample", "x"), 2, "", "vitrine sample: --from URL is missing" TRY);
    assert_said(
        SAY(sample, "sample", "--from=u"), 2, "", "vitrine sample: an argument is missing" TRY);
    assert_said(SAY(sample, "sample", "--from=u", "a", "b", "c"), 2, "",
        "vitrine sample: unexpected argument \"c\"" TRY);
    assert_said(SAY(sample, "sample", "--form=u", "a"), 2, "",
        "vitrine sample: unknown option --form=u, perhaps --from" TRY);
    assert_said(SAY(sample, "sample", "--bogus-thing", "a"), 2, "",
        "vitrine sample: unknown option --bogus-thing" TRY);
    assert_said(
        SAY(sample, "sample", "-z", "a"), 2, "", "vitrine sample: unknown option -z" TRY);
    assert_said(
        SAY(sample, "sample", "a", "-fz"), 2, "", "vitrine sample: unknown option -z" TRY);
    assert_said(SAY(sample, "sample", "a", "--from"), 2, "",
        "vitrine sample: --from needs a value" TRY);
    assert_said(SAY(sample, "sample", "a", "--flag=yes"), 2, "",
        "vitrine sample: --flag takes no value" TRY);
    assert_said(SAY(sample, "sample", "a", "--from=u", "--from=v"), 2, "",
        "vitrine sample: --from is given twice" TRY);
    assert_said(SAY(sample, "sample", "a", "--from=u", "--size=1k"), 2, "",
        "vitrine sample: --size: \"1k\" is not a number" TRY);
    assert_said(SAY(sample, "sample", "a", "--from=u", "--size=-1"), 2, "",
        "vitrine sample: --size: \"-1\" is not a number" TRY);
    assert_said(SAY(sample, "sample", "\033[2J", "b", "c\n", "--from=u"), 2, "",
        "vitrine sample: unexpected argument \"c?\"" TRY);
}

static void
test_bad_usage_in_json(void **state)
{
    struct said s = SAY(sample, "sample", "--bogus-thing", "--json");
    struct vt_why why;
    json_t *v = NULL;
    int64_t code = 0;
    const char *text = NULL;
    (void)state;

    assert_int_equal(s.code, 2);
    assert_true(s.err.len > 0);
    assert_int_equal(vt_json_parse(s.out.data, s.out.len, "out", &v, &why), VT_OK);
    assert_int_equal(vt_json_int(v, "exit", 0, 9, &code, &why), VT_OK);
    assert_int_equal(code, 2);
    assert_int_equal(vt_json_str(v, "error", &text, &why), VT_OK);
    assert_string_equal(text, "usage");
    json_decref(v);
    said_release(&s);
}

static void
test_list_has_an_end(void **state)
{
    const char *words[80] = {"sample", "x", "--from=u"};
    (void)state;

    for (size_t i = 3; i < 67; i++)
        words[i] = "--channel=c";
    assert_said(say(sample, words), 0, "0 u 7 64 c 1 x\n", "");
    words[67] = "--channel=c";
    assert_said(
        say(sample, words), 2, "", "vitrine sample: --channel is given more than 64 times" TRY);
}

static void
test_help_fits(void **state)
{
    struct said s = SAY(sample, "sample", "--help", "--no-matter=what");
    (void)state;

    said_release(&s);
    s = SAY(sample, "sample", "--help");
    assert_int_equal(s.code, 0);
    assert_string_equal(vt_buf_str(&s.err), "");
    assert_string_equal(vt_buf_str(&s.out),
        "usage: vitrine sample A [B]\n\nDoes something.\n\n"
        "  -f, --flag          a flag\n"
        "      --from URL      where from\n"
        "  -s, --size N        a number\n"
        "      --channel NAME  a channel; may be given several times\n"
        "  -h, --help          show this help\n"
        "      --json          print one JSON object as the result\n"
        "  -q, --quiet         print nothing but errors\n");
    said_release(&s);
}

static int
sample_details(int argc, char **argv)
{
    struct vt_cmd c = {.name = "long",
        .summary = "Does something that takes more words to tell than one line of a terminal "
                   "has room for.",
        .details = "  first as it stands,   spaces and all\nThen words.\n\n  again\nEnd."};

    return vt_cmd_parse(&c, argc, argv);
}

static void
test_help_wraps_and_keeps(void **state)
{
    struct said s = SAY(sample_details, "long", "-h");
    (void)state;

    assert_int_equal(s.code, 0);
    assert_string_equal(vt_buf_str(&s.out),
        "usage: vitrine long\n\n"
        "Does something that takes more words to tell than one line of a terminal has\n"
        "room for.\n\n"
        "  first as it stands,   spaces and all\nThen words.\n\n  again\nEnd.\n\n"
        "  -h, --help   show this help\n"
        "      --json   print one JSON object as the result\n"
        "  -q, --quiet  print nothing but errors\n");
    said_release(&s);
}

static int
verb_ok(int argc, char **argv)
{
    printf("%d %s\n", argc, argv[0]);
    return argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : 5;
}

static const struct vt_cmd_verb verbs[] = {
    {"add", "add one", verb_ok},
    {"checkpoint", "show it", verb_ok},
    {NULL, NULL, NULL},
};

static int
run_verbs(int argc, char **argv)
{
    return vt_cmd_verbs("log", "Speaks with a log.", verbs, argc, argv);
}

static int
run_main(int argc, char **argv)
{
    return vt_cmd_main("a summary", verbs, argc, argv);
}

static void
test_verbs(void **state)
{
    (void)state;
    assert_said(SAY(run_verbs, "log", "add", "x"), 5, "2 add\n", "");
    assert_said(SAY(run_verbs, "log"), 2, "",
        "vitrine log: a command is missing; try `vitrine log --help`\n");
    assert_said(SAY(run_verbs, "log", "chekcpoint"), 2, "",
        "vitrine log: unknown command \"chekcpoint\", perhaps \"checkpoint\"; try `vitrine log "
        "--help`\n");
    assert_said(SAY(run_verbs, "log", "xyzzy\n"), 2, "",
        "vitrine log: unknown command \"xyzzy?\"; try `vitrine log --help`\n");
    assert_said(SAY(run_verbs, "log", "--help"), 0,
        "usage: vitrine log COMMAND [OPTION...]\n\nSpeaks with a log.\n\n"
        "  add          add one\n  checkpoint   show it\n\n"
        "`vitrine log COMMAND --help` tells more of each.\n",
        "");
}

static void
test_main_dispatch(void **state)
{
    struct said s;
    (void)state;

    assert_said(SAY(run_main, "vitrine", "add"), 5, "1 add\n", "");
    assert_said(SAY(run_main, "vitrine"), 2, "",
        "vitrine: a command is missing; try `vitrine --help`\n");
    assert_said(SAY(run_main, "vitrine", "ad"), 2, "",
        "vitrine: unknown command \"ad\", perhaps \"add\"; try `vitrine --help`\n");
    assert_said(SAY(run_main, "vitrine", "help", "add"), 0, "2 add\n", "");
    s = SAY(run_main, "vitrine", "--version");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(vt_buf_str(&s.out), "vitrine "));
    said_release(&s);
    s = SAY(run_main, "vitrine", "help");
    assert_int_equal(s.code, 0);
    assert_non_null(strstr(vt_buf_str(&s.out), "  checkpoint   show it\n"));
    said_release(&s);
}

static int
fail_json(int argc, char **argv)
{
    struct vt_cmd c = {.name = "x", .json = argc > 1};
    struct vt_why why;

    (void)argv;
    return vt_cmd_fail(&c, vt_fail(&why, VT_E_QUORUM, "1 of 2 \"witnesses\""), &why);
}

static int
done_full(int argc, char **argv)
{
    struct vt_cmd c = {.name = "x", .json = argc > 1};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int code;

    (void)argv;
    if (full < 0)
        return 3;
    (void)dup2(full, STDOUT_FILENO);
    (void)close(full);
    code = vt_cmd_done(&c, json_object(), "text");
    clearerr(stdout);
    return code;
}

static void
test_results_and_failures(void **state)
{
    struct said s;
    (void)state;

    assert_said(SAY(fail_json, "x"), 1, "", "vitrine x: 1 of 2 \"witnesses\"\n");
    assert_said(SAY(fail_json, "x", "json"), 1,
        "{\"error\":\"quorum\",\"exit\":1,\"message\":\"1 of 2 \\\"witnesses\\\"\"}\n",
        "vitrine x: 1 of 2 \"witnesses\"\n");
    s = SAY(done_full, "x");
    assert_int_equal(s.code, 3);
    said_release(&s);
    s = SAY(done_full, "x", "json");
    assert_int_equal(s.code, 3);
    said_release(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_anywhere),
        cmocka_unit_test(test_bad_usage),
        cmocka_unit_test(test_bad_usage_in_json),
        cmocka_unit_test(test_list_has_an_end),
        cmocka_unit_test(test_help_fits),
        cmocka_unit_test(test_help_wraps_and_keeps),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_main_dispatch),
        cmocka_unit_test(test_results_and_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
