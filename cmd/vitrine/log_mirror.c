/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log mirror: a verified copy of a log.
 */
#include "cmd.h"

#include "base/log.h"
#include "log/gzip.h"
#include "log/mirror.h"
#include "store/policy_file.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { COMPRESS_AT_ONCE = 64, FOLLOW_MAX_S = 86400 };

struct mirror {
    const char *policy_path;
    uint64_t follow_s;
    bool compress;
    struct vt_policy *policy;
    struct vt_log_mirror *m;
    struct vt_log_gzip *gzip; /* with `compress` */
    const char *dir;
    struct vt_log_mirror_seen seen;
};

/* A mirror may be killed anywhere, so there is nothing to be ended in good order. */
static void
stop(int signal)
{
    (void)signal;
    _exit(0);
}

static enum vt_err
compress_all(struct mirror *o, struct vt_why *why)
{
    bool more = o->gzip != NULL;
    enum vt_err err = VT_OK;

    while (more && err == VT_OK)
        err = vt_log_gzip_step(
            o->gzip, o->seen.checkpoint.size, COMPRESS_AT_ONCE, -1, &more, why);
    return err;
}

static enum vt_err
look(struct mirror *o, struct vt_why *why)
{
    enum vt_err err = vt_log_mirror_look(o->m, &o->seen, why);

    return err == VT_OK ? compress_all(o, why) : err;
}

/* What will pass by itself. */
static bool
may_pass(enum vt_err err)
{
    return err == VT_E_NET || err == VT_E_TIMEOUT || err == VT_E_NOENT || err == VT_E_ROLLBACK;
}

static enum vt_err
follow(struct mirror *o, struct vt_why *why)
{
    const struct timespec pause = {.tv_sec = (time_t)o->follow_s};

    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    for (;;) {
        enum vt_err err = look(o, why);

        if (err == VT_OK)
            vt_log(VT_LOG_INFO, "%s: %llu entries, %llu of them new", o->seen.checkpoint.origin,
                (unsigned long long)o->seen.checkpoint.size,
                (unsigned long long)o->seen.new_entries);
        else if (may_pass(err))
            vt_log(VT_LOG_WARN, "%s", why->text);
        else
            return err;
        (void)nanosleep(&pause, NULL);
    }
}

static enum vt_err
run(struct mirror *o, struct vt_cmd *c, struct vt_why *why)
{
    enum vt_err err;

    if (o->follow_s > FOLLOW_MAX_S)
        return vt_fail(why, VT_E_USAGE, "--follow: at most %d seconds", FOLLOW_MAX_S);
    o->dir = c->argv[1];
    err = vt_policy_load(o->policy_path, &o->policy, why);
    if (err == VT_OK)
        err = vt_log_mirror_open(
            c->argv[0], o->dir, o->policy, o->follow_s > 0 ? NULL : &c->progress, &o->m, why);
    if (err == VT_OK && o->compress)
        err = vt_log_gzip_new(o->dir, &o->gzip, why);
    if (err != VT_OK)
        return err;
    return o->follow_s > 0 ? follow(o, why) : look(o, why);
}

int
vt_cmd_log_mirror(int argc, char **argv)
{
    struct mirror o = {0};
    const struct vt_opt opts[] = {
        {"policy", 'p', VT_OPT_STR, "FILE", "the policy to check by", &o.policy_path, true},
        {"follow", 'F', VT_OPT_U64, "SECONDS", "look again after so long, until stopped",
            &o.follow_s, false},
        {"compress", 'z', VT_OPT_FLAG, NULL, "make compressed forms of the bundles too",
            &o.compress, false},
        {0}};
    struct vt_cmd c = {.name = "log mirror",
        .args = "URL DIR --policy FILE [--follow SECONDS]",
        .summary = "Keeps a verified copy of a log as files that anybody can serve.",
        .details = "Fetches only what DIR lacks. Every file is proven to be the log's before "
                   "it is kept, and the log to continue what DIR has; if it does not, both "
                   "checkpoints are kept in DIR/evidence and the exit code is 1. May be "
                   "stopped at any time.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    vt_log_init("mirror", c.quiet ? VT_LOG_WARN : VT_LOG_INFO);
    err = run(&o, &c, &why);
    if (err == VT_OK)
        code = vt_cmd_done(&c,
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:b}", "result", "mirrored", "origin",
                o.seen.checkpoint.origin, "entries", (json_int_t)o.seen.checkpoint.size, "new",
                (json_int_t)o.seen.new_entries, "bytes", (json_int_t)o.seen.bytes, "frozen",
                o.seen.is_frozen),
            "%s: %llu entries of %s, %llu of them new%s", o.dir,
            (unsigned long long)o.seen.checkpoint.size, o.seen.checkpoint.origin,
            (unsigned long long)o.seen.new_entries, o.seen.is_frozen ? "; it is frozen" : "");
    else
        code = vt_cmd_fail(&c, err, &why);
    vt_log_gzip_free(o.gzip);
    vt_log_mirror_free(o.m);
    vt_policy_free(o.policy);
    return code;
}
