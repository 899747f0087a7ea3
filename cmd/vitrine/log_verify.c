/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine log verify: a tlog-proof checked offline.
 */
#include "cmd.h"

#include "base/clock.h"
#include "base/file.h"
#include "note/proof_check.h"
#include "store/policy_file.h"

struct verified {
    uint64_t index;
    uint64_t time;
    struct vt_checkpoint checkpoint;
};

static enum vt_err
verify(const char *entry_path, const char *proof_path, const char *policy_path,
    struct verified *ret, struct vt_why *why)
{
    struct vt_buf entry = VT_BUF(VT_ENTRY_MAX), proof = VT_BUF(VT_NOTE_MAX);
    struct vt_policy *policy = NULL;

    enum vt_err err = vt_policy_load(policy_path, &policy, why);
    if (err == VT_OK)
        err = vt_file_read(entry_path, &entry, why);
    if (err == VT_OK)
        err = vt_file_read(proof_path, &proof, why);
    if (err == VT_OK &&
        (err = vt_tlog_proof_check(policy, proof.data, proof.len, entry.data, entry.len,
             &ret->index, &ret->checkpoint, &ret->time, why)) != VT_OK)
        err = vt_fail_in(why, err, "%s", proof_path);
    vt_policy_free(policy);
    vt_buf_release(&proof);
    vt_buf_release(&entry);
    return err;
}

int
vt_cmd_log_verify(int argc, char **argv)
{
    const char *proof = NULL, *policy = NULL;
    const struct vt_opt opts[] = {
        {"proof", 'P', VT_OPT_STR, "FILE", "the tlog-proof, as `log prove` writes it", &proof,
            true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the policy to check by", &policy, true},
        {0},
    };
    struct vt_cmd c = {.name = "log verify",
        .args = "ENTRY --proof FILE --policy FILE",
        .summary = "Checks offline that an entry is in a log that the policy trusts.",
        .details = "ENTRY is the file that `log prove --entry` writes. Opens no socket.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};
    struct verified v = {0};
    char when[VT_TIME_SIZE];

    int code = vt_cmd_parse(&c, argc, argv);
    if (code >= 0)
        return code;
    enum vt_err err = verify(c.argv[0], proof, policy, &v, &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    vt_time_format((int64_t)v.time, when);
    return vt_cmd_done(&c,
        json_pack("{s:I, s:s, s:I, s:s?}", "index", (json_int_t)v.index, "origin",
            v.checkpoint.origin, "size", (json_int_t)v.checkpoint.size, "vouched",
            v.time > 0 ? when : NULL),
        "%s is entry %llu of %s, which has %llu entries", c.argv[0],
        (unsigned long long)v.index, v.checkpoint.origin,
        (unsigned long long)v.checkpoint.size);
}
