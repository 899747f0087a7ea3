/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log check: the full audit of a log.
 */
#include "cmd.h"

#include "base/clock.h"
#include "log/audit.h"
#include "store/policy_file.h"

#include <stdio.h>
#include <stdlib.h>

struct check {
    const char *from;
    const char *policy_path;
    uint64_t threads;
    bool index;
    struct vt_log_audit sum;
    int64_t ms;
};

static enum vt_err
check(struct check *k, struct vt_progress *progress, struct vt_why *why)
{
    struct vt_log_audit_opts opts = {.progress = progress};
    struct vt_policy *policy = NULL;
    int64_t began = vt_clock_monotonic_ms();
    enum vt_err err;

    if (k->threads > VT_LOG_AUDIT_THREADS_MAX)
        return vt_fail(why, VT_E_USAGE, "--threads: at most %u", VT_LOG_AUDIT_THREADS_MAX);
    opts.threads = (unsigned)k->threads;
    if (k->index)
        opts.index_tmp = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    err = vt_policy_load(k->policy_path, &policy, why);
    if (err == VT_OK)
        err = vt_log_audit(k->from, policy, &opts, &k->sum, why);
    k->ms = vt_clock_monotonic_ms() - began;
    vt_policy_free(policy);
    return err;
}

static json_t *
kinds_json(const struct vt_log_audit *sum)
{
    json_t *kinds = json_object();

    for (unsigned i = 1; i < VT_ENTRY_KIND_COUNT; i++)
        json_object_set_new(kinds, vt_entry_kind_name((enum vt_entry_kind)i),
            json_integer((json_int_t)sum->known[i]));
    return kinds;
}

static json_t *
frozen_json(const struct vt_log_audit *sum)
{
    char when[VT_TIME_SIZE];

    if (!sum->is_frozen)
        return json_null();
    vt_time_format(sum->frozen.time, when);
    return json_pack("{s:I, s:s, s:s}", "size", (json_int_t)sum->frozen.size, "time", when,
        "reason", sum->frozen.reason);
}

static int
print_check(const struct vt_cmd *c, const struct check *k)
{
    const struct vt_log_audit *sum = &k->sum;
    const struct vt_checkpoint *cp = &sum->checkpoint;
    double rate = (double)cp->size * 1000 / (double)(k->ms > 0 ? k->ms : 1);
    struct vt_buf root = VT_BUF(64);
    char index[64] = "";
    json_t *o;
    int code;

    if (k->index)
        (void)snprintf(index, sizeof(index), "; its %llu index roots are right",
            (unsigned long long)sum->index_roots);
    vt_buf_put_b64(&root, cp->root.b, VT_DIGEST_SIZE);
    o = json_pack("{s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "result",
        "consistent", "origin", cp->origin, "entries", (json_int_t)cp->size, "root",
        vt_buf_str(&root), "kinds", kinds_json(sum), "strangers", (json_int_t)sum->strangers,
        "unread", (json_int_t)sum->unread, "tiles", (json_int_t)sum->tiles, "compressed",
        (json_int_t)sum->compressed, "milliseconds", (json_int_t)k->ms, "entries_per_second",
        (json_int_t)rate, "frozen", frozen_json(sum), "index_roots",
        (json_int_t)sum->index_roots);
    code = vt_cmd_done(c, o,
        "%s: %llu entries and %llu tiles give the root %s that its checkpoint says (%.0f "
        "entries/s; %llu by signers outside the policy, %llu unreadable or falsely "
        "signed)%s%s%s",
        cp->origin, (unsigned long long)cp->size, (unsigned long long)sum->tiles,
        vt_buf_str(&root), rate, (unsigned long long)sum->strangers,
        (unsigned long long)sum->unread, index, sum->is_frozen ? "; frozen: " : "",
        sum->is_frozen ? sum->frozen.reason : "");
    vt_buf_release(&root);
    return code;
}

int
vt_cmd_log_check(int argc, char **argv)
{
    struct check k = {0};
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "URL|DIR", "the site, a mirror, or a folder of its files",
            &k.from, true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the policy to check by", &k.policy_path, true},
        {"threads", 't', VT_OPT_U64, "N", "how many at once; preset: one a processor",
            &k.threads, false},
        {"index", 'i', VT_OPT_FLAG, NULL,
            "make the log's search index anew, and compare with the roots that it signed",
            &k.index, false},
        {0}};
    struct vt_cmd c = {.name = "log check",
        .args = "--from URL|DIR --policy FILE [--threads N] [--index]",
        .summary = "Reads the whole log, recomputes its root and checks every signature.",
        .details = "Every tile on every level is compared with what the entries give. The "
                   "first error is named with its file.",
        .opts = opts};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    err = check(&k, &c.progress, &why);
    return err == VT_OK ? print_check(&c, &k) : vt_cmd_fail(&c, err, &why);
}
