/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault answer
 */
#include "party.h"
#include "vault.h"
#include "vault_desk.h"
#include "vault_site.h"

#include "vault/job_answer.h"

#include <inttypes.h>

struct args {
    const char *artifact;
    const char *passport;
    const char *query;
    const char *out;
    const char *cache;
    struct vt_opt_list shares;
    uint64_t time_s;
    uint64_t memory_mb;
    uint64_t disk_mb;
};

static enum vt_err
limit(const char *name, uint64_t given, uint64_t from, uint64_t to, uint32_t *ret,
    struct vt_why *why)
{
    if (given == 0)
        return VT_OK;
    if (given < from || given > to)
        return vt_fail(why, VT_E_USAGE, "%s: must be %" PRIu64 " to %" PRIu64, name, from, to);
    *ret = (uint32_t)given;
    return VT_OK;
}

static enum vt_err
read_limits(const struct args *a, struct vt_job_limits *ret, struct vt_why *why)
{
    vt_job_limits_usual(ret);
    enum vt_err err = limit("--time", a->time_s, 1, 86400, &ret->time_s, why);
    if (err == VT_OK)
        err = limit("--memory", a->memory_mb, 16, 65536, &ret->memory_mb, why);
    return err == VT_OK ? limit("--disk", a->disk_mb, 16, 65536, &ret->disk_mb, why) : err;
}

static enum vt_err
run(struct vt_cmd *c, const struct args *a, struct vt_answered *ret, struct vt_why *why)
{
    struct vt_vault_site site = {0};
    struct vt_digest request;
    char cache[VT_PATH_MAX];
    struct vt_answer answer = {.request = &request,
        .artifact = a->artifact,
        .passport = a->passport,
        .query = a->query,
        .share = a->shares.item,
        .share_count = a->shares.count,
        .cache_dir = cache,
        .out = a->out,
        .progress = &c->progress};
    enum vt_err err = vt_party_digest("REQUEST", c->argv[0], &request, why);
    if (err == VT_OK)
        err = read_limits(a, &answer.limits, why);
    if (err == VT_OK)
        err = vt_vault_site_open(&site, c->argv[1], VT_VAULT_KEEPER | VT_VAULT_LEDGER, why);
    if (err == VT_OK)
        err = a->cache != NULL ? vt_path(cache, why, "%s", a->cache)
                               : vt_home_path(&site.home, cache, why, "cache");
    if (err == VT_OK) {
        answer.home = &site.home;
        answer.trust = site.trust;
        answer.keeper = site.keeper;
        answer.desk = site.desk;
        answer.signer = site.signer;
        err = vt_answer_run(&answer, ret, why);
    }
    vt_vault_site_release(&site);
    return err;
}

static json_t *
to_json(const struct vt_answered *r, const char *out)
{
    char request[VT_VAULT_DIGEST_TEXT];
    char result[VT_VAULT_DIGEST_TEXT];
    vt_vault_digest_text(&r->said.request, request);
    vt_vault_digest_text(&r->said.result, result);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "state",
        "answered", "request", request, "out", out, "result", result, "entry",
        (json_int_t)r->index, "again", (int)r->again, "segments", (json_int_t)r->said.segments,
        "records", (json_int_t)r->said.records, "subjects", (json_int_t)r->said.subjects,
        "erased_blocks", (json_int_t)r->said.erased_blocks, "customers",
        (json_int_t)r->said.customers, "cells", (json_int_t)r->said.cells, "rows",
        (json_int_t)r->said.rows_out, "held_back", (json_int_t)r->said.rows_held_back, "swap",
        (int)r->swap);
}

static int
report(const struct vt_cmd *c, const struct vt_answered *r, const char *out)
{
    return vt_cmd_done(c, to_json(r, out),
        "%s: %" PRIu64 " rows, from %" PRIu64 " records of %" PRIu64
        " data subjects in %" PRIu64 " cells%s%s\n  said as entry %" PRIu64
        " of the ledger%s%s",
        out, r->said.rows_out, r->said.records, r->said.subjects, r->said.cells,
        r->said.rows_held_back > 0 ? "; rows with too few were held back" : "",
        r->said.epsilon > 0 ? "; with noise" : "", r->index,
        r->again ? "; this is what a run that was cut off had made" : "",
        r->swap ? "\n  this machine has swap: memory of the job may have been written to it "
                  "(swapoff -a, or encrypt it)"
                : "");
}

int
vt_cmd_vault_answer(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"artifact", 'a', VT_OPT_STR, "FILE",
            "the job: an executable, or a .tar.zst with bin/job", &a.artifact, true},
        {"passport", 0, VT_OPT_STR, "FILE", "the job's passport", &a.passport, true},
        {"query", 'q', VT_OPT_STR, "FILE", "the query whose digest the request names", &a.query,
            false},
        {"out", 'o', VT_OPT_STR, "FILE", "where to put the result, sealed to the requester",
            &a.out, true},
        {"share", 's', VT_OPT_LIST, "FILE",
            "an approver's share, beside those that were sent; may be given several times",
            &a.shares, false},
        {"cache", 0, VT_OPT_STR, "DIR", "where root folders are kept (SITE-HOME/cache)",
            &a.cache, false},
        {"time", 0, VT_OPT_U64, "SECONDS", "limit on the whole run (3600)", &a.time_s, false},
        {"memory", 0, VT_OPT_U64, "MIB", "limit on the memory of each cell (512)", &a.memory_mb,
            false},
        {"disk", 0, VT_OPT_U64, "MIB", "limit on the files of each cell, in memory (128)",
            &a.disk_mb, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "vault answer",
        .args = "sha256:REQUEST SITE-HOME --artifact FILE ...",
        .summary = "Runs an approved job over users' data, and says so in the ledger.",
        .details =
            "Says the grant when enough have approved, shows it to the keeper, runs the job in "
            "sandboxes without network, publishes rows that enough data subjects stand behind, "
            "and seals the result to the requester. A refusal is said in the ledger, too; then "
            "the exit code is 1. Given again after it was cut off, it hands out what was made, "
            "or says that the run failed and begins another, if the request permits one.",
        .opts = opts,
        .args_min = 2,
        .args_max = 2};
    struct vt_answered r = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    if (code >= 0)
        return code;
    enum vt_err err = run(&c, &a, &r, &why);
    return err == VT_OK ? report(&c, &r, a.out) : vt_cmd_fail(&c, err, &why);
}
