/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine policy check|seal
 */
#include "cmd.h"

#include "base/file.h"
#include "note/policy.h"
#include "note/seal.h"

/* Reads and compiles the policy named by the only argument. */
static enum vt_err
read_policy(const char *path, struct vt_buf *text, struct vt_policy **ret, struct vt_why *why)
{
    enum vt_err err = vt_file_read(path, text, why);
    if (err != VT_OK)
        return err;
    err = vt_policy_parse(text->data, text->len, ret, why);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s", path);
}

static json_t *
describe(const struct vt_policy *p, bool sealed)
{
    const struct vt_policy_party *party;
    json_t *demands = json_object();

    for (int kind = 1; kind < VT_ENTRY_KIND_COUNT; kind++) {
        static const char *const words[] = {"silent", "none", "quorum"};
        json_object_set_new(demands, vt_entry_kind_name((enum vt_entry_kind)kind),
            json_string(words[vt_policy_demand_of(p, (enum vt_entry_kind)kind)]));
    }
    return json_pack("{s:I, s:I, s:I, s:b, s:o}", "logs", (json_int_t)vt_policy_logs(p, &party),
        "witnesses", (json_int_t)vt_policy_witnesses(p, &party), "signers",
        (json_int_t)vt_policy_signers(p, &party), "sealed", sealed, "require", demands);
}

static int
run_check(int argc, char **argv)
{
    static const struct vt_opt opts[] = {{.name = NULL}};
    struct vt_cmd c = {.name = "policy check",
        .args = "FILE",
        .summary = "check that a policy file is well formed and, when sealed, unchanged",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_buf text = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;
    const struct vt_policy_party *party;
    struct vt_why why = {0};
    size_t body = 0;

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    enum vt_err err = read_policy(c.argv[0], &text, &p, &why);
    if (err == VT_OK)
        err = vt_seal_check(text.data, text.len, &body, &why);
    rc = err != VT_OK ? vt_cmd_fail(&c, err, &why)
                      : vt_cmd_done(&c, describe(p, body < text.len),
                            "%s: %zu logs, %zu witnesses, %zu signers; %s\n", c.argv[0],
                            vt_policy_logs(p, &party), vt_policy_witnesses(p, &party),
                            vt_policy_signers(p, &party),
                            body < text.len ? "sealed and unchanged" : "not sealed");
    vt_policy_free(p);
    vt_buf_release(&text);
    return rc;
}

static enum vt_err
seal(const char *path, struct vt_why *why)
{
    struct vt_buf text = VT_BUF(VT_POLICY_MAX), sealed = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *p = NULL;

    enum vt_err err = vt_file_read(path, &text, why);
    if (err == VT_OK)
        err = vt_seal_put(&sealed, text.data, text.len, why);
    if (err == VT_OK)
        err = vt_policy_parse(sealed.data, sealed.len, &p, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0644, sealed.data, sealed.len, why);
    else
        err = vt_fail_in(why, err, "%s", path);
    vt_policy_free(p);
    vt_buf_release(&sealed);
    vt_buf_release(&text);
    return err;
}

static int
run_seal(int argc, char **argv)
{
    static const struct vt_opt opts[] = {{.name = NULL}};
    struct vt_cmd c = {.name = "policy seal",
        .args = "FILE",
        .summary = "put a policy's digest into it, so that an unmeant change is noticed",
        .details =
            "The file is checked first and replaced in one step. Give this again after every\n"
            "change that was meant.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct vt_why why = {0};

    int rc = vt_cmd_parse(&c, argc, argv);
    if (rc >= 0)
        return rc;
    enum vt_err err = seal(c.argv[0], &why);
    if (err != VT_OK)
        return vt_cmd_fail(&c, err, &why);
    return vt_cmd_done(&c, json_pack("{s:b}", "sealed", 1), "%s is sealed\n", c.argv[0]);
}

int
vt_cmd_policy(int argc, char **argv)
{
    static const struct vt_cmd_verb verbs[] = {
        {"check", "check a policy file", run_check},
        {"seal", "put the policy's digest into it", run_seal},
        {NULL, NULL, NULL},
    };
    return vt_cmd_verbs("policy", "check and seal policy files", verbs, argc, argv);
}
