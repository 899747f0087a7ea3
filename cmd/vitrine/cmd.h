/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every subcommand shares: one option parser, one way to report a failure,
 * one way to print a result. Subcommands parse arguments and print; they hold
 * no logic that a library could hold.
 */
#ifndef VT_CMD_H
#define VT_CMD_H

#include "base/json.h"
#include "base/progress.h"

enum vt_opt_kind {
    VT_OPT_FLAG, /* bool * */
    VT_OPT_STR,  /* const char ** */
    VT_OPT_U64,  /* uint64_t *; plain decimal */
    VT_OPT_LIST, /* struct vt_opt_list *; may be given several times */
};

struct vt_opt_list {
    size_t count;
    const char *item[64];
};

struct vt_opt {
    const char *name; /* long name without dashes; NULL ends the table */
    char letter;      /* short name or 0 */
    enum vt_opt_kind kind;
    const char *arg; /* what the help calls its argument; NULL for a flag */
    const char *help;
    void *ret;
    bool required;
};

/* --help, --json and --quiet are added to every command's own options. */
struct vt_cmd {
    const char *name;    /* as typed: "log prove" */
    const char *args;    /* as in the usage line: "INDEX --from URL --policy FILE" */
    const char *summary; /* one line */
    const char *details; /* more for --help, or NULL */
    const struct vt_opt *opts;
    int args_min; /* positional arguments */
    int args_max; /* -1: any number */
    /* filled by vt_cmd_parse */
    bool json;
    bool quiet;
    int argc;
    char **argv; /* the positional arguments */
    struct vt_progress progress;
};

/* Parses; argv[0] is the (sub)command's own name. Returns -1 to go on, or the
 * exit code (0 after --help, 2 after a bad usage that it reported). */
int vt_cmd_parse(struct vt_cmd *c, int argc, char **argv);

/* Reports on standard error, one line `vitrine NAME: TEXT`, or with --json one
 * object {"error": NAME, "message": TEXT, "exit": N} on standard output as
 * well; returns the exit code. */
int vt_cmd_fail(const struct vt_cmd *c, enum vt_err err, const struct vt_why *why);

/* With --json prints the object (one line) on standard output; otherwise the
 * text, unless quiet. Steals `result`, which may be NULL when never --json. Returns 0,
 * or 3 when standard output fails. */
int vt_cmd_done(const struct vt_cmd *c, json_t *result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Dispatch for commands with verbs: "log add" and so on. */
struct vt_cmd_verb {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};
/* `name` as typed ("log"); the table ends with a NULL name. */
int vt_cmd_verbs(const char *name, const char *summary, const struct vt_cmd_verb *verbs,
    int argc, char **argv);

/* The program: --help, --version, help COMMAND, and the dispatch. */
int vt_cmd_main(const char *summary, const struct vt_cmd_verb *commands, int argc, char **argv);

/* The nearer of two guesses at what was meant: `best` (or NULL) with its
 * *score, and the candidate; *score is set when the candidate is taken. */
const char *vt_cmd_nearest(
    const char *typed, const char *best, const char *candidate, size_t *score);

/* The subcommands. argv[0] is the command's name. */
int vt_cmd_key(int argc, char **argv);
int vt_cmd_site(int argc, char **argv);
int vt_cmd_site_reload(int argc, char **argv);
int vt_cmd_source(int argc, char **argv);
int vt_cmd_source_hand_over(int argc, char **argv);
int vt_cmd_environment(int argc, char **argv);
int vt_cmd_assemble(int argc, char **argv);
int vt_cmd_rebuild(int argc, char **argv);
int vt_cmd_release(int argc, char **argv);
int vt_cmd_release_passports(int argc, char **argv);
int vt_cmd_witness(int argc, char **argv);
int vt_cmd_log(int argc, char **argv);
int vt_cmd_log_find(int argc, char **argv);
int vt_cmd_policy(int argc, char **argv);
int vt_cmd_log_check(int argc, char **argv);
int vt_cmd_log_gc(int argc, char **argv);
int vt_cmd_log_mirror(int argc, char **argv);
int vt_cmd_log_serve(int argc, char **argv);
int vt_cmd_log_freeze(int argc, char **argv);
int vt_cmd_log_init(int argc, char **argv);
int vt_cmd_log_run(int argc, char **argv);
int vt_cmd_log_verify(int argc, char **argv);
int vt_cmd_verify(int argc, char **argv);
int vt_cmd_update(int argc, char **argv);
int vt_cmd_review(int argc, char **argv);

#endif
