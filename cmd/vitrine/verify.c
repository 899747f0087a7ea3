/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine verify: the whole proof of one artifact, offline. Reads three files
 * and opens no socket.
 */
#include "cmd.h"

#include "base/clock.h"
#include "base/file.h"
#include "note/passport.h"
#include "store/policy_file.h"

#include <inttypes.h>
#include <string.h>

struct verify {
    const char *artifact_path;
    const char *passport_path;
    const char *policy_path;
    struct vt_policy *policy;
    struct vt_passport *passport;
    struct vt_digest artifact;
    uint64_t artifact_len;
    struct vt_passport_report report;
};

static void
release(struct verify *v)
{
    vt_passport_free(v->passport);
    vt_policy_free(v->policy);
}

static enum vt_err
read_passport(struct verify *v, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_PASSPORT_MAX);
    enum vt_err err = vt_file_read(v->passport_path, &b, why);
    if (err == VT_OK && (err = vt_passport_parse(b.data, b.len, &v->passport, why)) != VT_OK)
        err = vt_fail_in(why, err, "%s", v->passport_path);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
verify(struct verify *v, struct vt_why *why)
{
    enum vt_err err = vt_policy_load(v->policy_path, &v->policy, why);
    if (err == VT_OK)
        err = read_passport(v, why);
    if (err == VT_OK)
        err = vt_digest_of_file(v->artifact_path, &v->artifact, &v->artifact_len, why);
    if (err != VT_OK)
        return err;
    err = vt_passport_check(v->passport, &v->artifact, v->policy, &v->report, why);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s", v->artifact_path);
}

/* Names in a policy are bytes; JSON has room for UTF-8 only. */
static json_t *
name_json(const char *name)
{
    return json_string(vt_utf8_valid(name, strlen(name)) ? name : "(a name that is not UTF-8)");
}

static json_t *
result_json(const struct verify *v)
{
    const struct vt_passport_report *r = &v->report;
    char hex[VT_DIGEST_HEX_SIZE], digest[8 + VT_DIGEST_HEX_SIZE], time[VT_TIME_SIZE];
    json_t *chain = json_array();

    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(chain,
            json_pack("{s:I, s:s, s:o}", "index", (json_int_t)r->entry[i].index, "kind",
                vt_entry_kind_name(r->entry[i].kind), "signer", name_json(r->entry[i].signer)));
    vt_digest_hex(&v->artifact, hex);
    (void)snprintf(digest, sizeof digest, "sha256:%s", hex);
    vt_time_format((int64_t)r->cosigned_time, time);
    return json_pack("{s:s, s:s, s:I, s:o, s:{s:s, s:I, s:s?}}", "result", "verified",
        "artifact", digest, "size", (json_int_t)v->artifact_len, "chain", chain, "checkpoint",
        "origin", r->checkpoint.origin, "size", (json_int_t)r->checkpoint.size, "vouched",
        r->cosigned_time > 0 ? time : NULL);
}

static void
put_result(struct vt_buf *b, const struct verify *v)
{
    const struct vt_passport_report *r = &v->report;
    char hex[VT_DIGEST_HEX_SIZE], time[VT_TIME_SIZE];

    vt_digest_hex(&v->artifact, hex);
    vt_buf_putf(b, "%s: verified\n", v->artifact_path);
    vt_buf_putf(b, "  artifact     sha256:%s, %" PRIu64 " bytes\n", hex, v->artifact_len);
    for (size_t i = 0; i < r->count; i++)
        vt_buf_putf(b, "  %-12s entry %" PRIu64 " by %s: %s\n",
            vt_entry_kind_name(r->entry[i].kind), r->entry[i].index, r->entry[i].signer,
            r->entry[i].kind == VT_ENTRY_OBJECTION ? "the policy demands no reviews" : "ok");
    vt_time_format((int64_t)r->cosigned_time, time);
    vt_buf_putf(
        b, "  checkpoint   %s, size %" PRIu64 ", ", r->checkpoint.origin, r->checkpoint.size);
    if (r->cosigned_time > 0)
        vt_buf_putf(b, "vouched for by the witnesses at %s", time);
    else
        vt_buf_puts(b, "no witnesses asked for by the policy");
}

static int
finish(const struct vt_cmd *c, const struct verify *v)
{
    struct vt_buf text = VT_BUF(65536);
    put_result(&text, v);
    int rc = vt_cmd_done(c, c->json ? result_json(v) : NULL, "%s", vt_buf_str(&text));
    vt_buf_release(&text);
    return rc;
}

int
vt_cmd_verify(int argc, char **argv)
{
    struct verify v = {0};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        {.name = "passport",
            .kind = VT_OPT_STR,
            .arg = "FILE",
            .help = "the artifact's passport",
            .ret = &v.passport_path,
            .required = true},
        {.name = "policy",
            .kind = VT_OPT_STR,
            .arg = "FILE",
            .help = "whom you trust, and how many of them",
            .ret = &v.policy_path,
            .required = true},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "verify",
        .args = "ARTIFACT --passport FILE --policy FILE",
        .summary = "check an artifact against its passport, offline",
        .details = "Opens no socket. Exit code 0: proven; 1: refused; 2: the policy is wrong;\n"
                   "3: a file cannot be read.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    v.artifact_path = c.argv[0];
    enum vt_err err = verify(&v, &why);
    rc = err == VT_OK ? finish(&c, &v) : vt_cmd_fail(&c, err, &why);
    release(&v);
    return rc;
}
