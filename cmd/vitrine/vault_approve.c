/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault approve|refuse
 */
#include "party.h"
#include "vault.h"
#include "vault_desk.h"

#include "base/clock.h"
#include "base/file.h"
#include "vault/requests.h"
#include "vault/shares.h"
#include "vault/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RETRIES = 6 };

struct args {
    const char *request;
    const char *key;
    const char *url;
    const char *policy;
    const char *box;
    const char *shares;
    const char *vault;
    const char *share_out;
    bool yes;
    bool approve; /* or refuse */
};

struct verdict {
    struct vt_vault_desk d;
    struct vt_digest digest; /* of the request */
    struct vt_request request;
    const struct vt_rule_party *me;
    struct vt_buf share; /* sealed to the keeper, for this request; or empty */
    uint64_t index;
};

static bool
is_approver(const struct vt_vault_policy *p, const struct vt_rule_party *me, enum vt_mode mode)
{
    const struct vt_rule_group *group[VT_RULES_MAX];
    const struct vt_rule_party *all = NULL;
    size_t n = vt_vault_policy_approvers(p, mode, group, VT_RULES_MAX);

    (void)vt_vault_policy_parties(p, &all);
    for (size_t g = 0; g < n; g++) {
        for (size_t i = 0; i < group[g]->member_count; i++) {
            if (&all[group[g]->member[i]] == me)
                return true;
        }
    }
    return false;
}

/* Whether this party may say yes or no to that request now. */
static enum vt_err
may_judge(struct verdict *v, struct vt_why *why)
{
    const struct vt_request *r = &v->request;
    enum vt_err err = vt_vault_desk_me(&v->d, &v->me, why);

    if (err != VT_OK)
        return err;
    if (!vt_digest_eq(&r->policy, vt_vault_policy_digest(v->d.policy)))
        return vt_fail(why, VT_E_REFUSED,
            "the request was made under another vault policy than %" PRIu64
            ", which is in force: %s must ask again",
            vt_vault_policy_serial(v->d.policy), r->requester);
    if (strcmp(v->me->name, r->requester) == 0)
        return vt_fail(why, VT_E_REFUSED, "nobody judges a request of one's own");
    if (!is_approver(v->d.policy, v->me, r->mode))
        return vt_fail(why, VT_E_REFUSED, "%s is in no group that the vault policy asks for %s",
            v->me->name, vt_mode_name(r->mode));
    if (r->expires <= vt_clock_now(&vt_clock_system))
        return vt_fail(
            why, VT_E_EXPIRED, "the request has expired: %s must ask again", r->requester);
    return VT_OK;
}

static enum vt_err
open_request(const struct args *a, struct verdict *v, struct vt_why *why)
{
    enum vt_err err = vt_party_digest("REQUEST", a->request, &v->digest, why);

    if (err == VT_OK)
        err = vt_vault_desk_open(&v->d, a->url, a->policy, a->key, why);
    if (err == VT_OK)
        err = vt_vault_desk_policy(&v->d, why);
    if (err == VT_OK)
        err = vt_desk_request(v->d.desk, &v->digest, &v->request, why);
    return err == VT_OK ? may_judge(v, why) : err;
}

/* Shows what is asked and waits for the word. Saying no opens nothing and asks nothing. */
static enum vt_err
confirm(const struct args *a, const struct verdict *v, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(16384);
    char line[16];

    if (a->yes || !a->approve)
        return VT_OK;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return vt_fail(why, VT_E_USAGE,
            "there is no terminal to ask on: look at the request with `vault requests` and "
            "give "
            "--yes");
    vt_vault_put_request(&b, &v->digest, &v->request);
    fprintf(stderr, "%s\nApprove this? Type yes: ", vt_buf_str(&b));
    vt_buf_release(&b);
    if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "yes\n") != 0)
        return vt_fail(why, VT_E_REFUSED, "nothing was said");
    return VT_OK;
}

/* Only what decrypts needs shares of the region's key. */
static bool
needs_share(const struct args *a, const struct verdict *v)
{
    return a->approve && v->request.mode != VT_MODE_ERASURE;
}

/* Opens this approver's share and seals it to the keeper of the region's site, for this
 * request only. */
static enum vt_err
make_share(const struct args *a, struct verdict *v, struct vt_why *why)
{
    const struct vt_scope *s = &v->request.scope;
    const struct vt_rule_region *region = vt_vault_policy_region(v->d.policy, s->region);
    const struct vt_rule_party *keeper =
        region == NULL ? NULL : vt_vault_policy_keeper(v->d.policy, region->site);
    struct vt_buf file = VT_BUF(VT_SHARES_FILE_MAX);
    struct vt_box *box = NULL;
    enum vt_err err;

    if (a->box == NULL || a->shares == NULL || (a->vault == NULL && a->share_out == NULL))
        return vt_fail(why, VT_E_USAGE,
            "to approve %s takes a share of the region's key: give --box, --shares, and "
            "--vault "
            "or --share-out",
            vt_mode_name(v->request.mode));
    if (keeper == NULL)
        return vt_fail(why, VT_E_REFUSED, "no site keeps the region %s", s->region);
    err = vt_file_read(a->shares, &file, why);
    if (err == VT_OK)
        err = vt_box_load(a->box, &box, why);
    if (err == VT_OK)
        err = vt_shares_send(file.data, file.len, s->region, v->request.mode, v->me->name, box,
            &v->digest, &keeper->box, &v->share, why);
    if (err == VT_OK && a->share_out != NULL)
        err = vt_file_replace(a->share_out, 0600, v->share.data, v->share.len, why);
    vt_box_free(box);
    vt_buf_release(&file);
    return err;
}

static enum vt_err
say(const struct args *a, struct verdict *v, struct vt_why *why)
{
    const struct vt_subject subject = {VT_SUBJECT_REQUEST, v->digest};
    struct vt_approval approval = {.request = v->digest,
        .approve = a->approve,
        .has_share = v->share.len > 0,
        .made = vt_clock_now(&vt_clock_system)};
    struct vt_doc *doc = NULL;
    enum vt_err err;

    memcpy(approval.approver, v->me->name, sizeof approval.approver);
    if (approval.has_share)
        vt_digest_of(v->share.data, v->share.len, &approval.share);
    err = vt_approval_doc(&approval, &doc, why);
    if (err == VT_OK)
        err = vt_vault_desk_say(&v->d, VT_ENTRY_APPROVAL, &subject, 1, doc, &v->index, why);
    vt_doc_free(doc);
    return err;
}

/* Sends the share, once the approval can be seen by all. */
static enum vt_err
send_share(const struct args *a, const struct verdict *v, struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = RETRIES};
    struct vt_buf answer = VT_BUF(4096);
    struct vt_http *http = NULL;
    int status = 0;
    enum vt_err err;

    if (v->share.len == 0 || a->vault == NULL)
        return VT_OK;
    err = vt_http_new(&limits, &http, why);
    if (err == VT_OK)
        err = vt_http_post(http, a->vault, "vault/v1/shares", NULL, v->share.data, v->share.len,
            &status, &answer, why);
    if (err == VT_OK && status != 200)
        err = vt_fail(why, VT_E_NET, "HTTP status %d: %.*s", status,
            (int)strcspn(vt_buf_str(&answer), "\r\n"), vt_buf_str(&answer));
    if (err != VT_OK)
        err = vt_fail_in(why, err,
            "the approval is entry %" PRIu64
            ", but the vault at %s did not take the share: give the command again",
            v->index, a->vault);
    vt_http_free(http);
    vt_buf_release(&answer);
    return err;
}

static enum vt_err
judge(const struct args *a, struct verdict *v, struct vt_why *why)
{
    enum vt_err err = open_request(a, v, why);

    if (err == VT_OK)
        err = confirm(a, v, why);
    if (err == VT_OK && needs_share(a, v))
        err = make_share(a, v, why);
    if (err == VT_OK)
        err = say(a, v, why);
    return err == VT_OK ? send_share(a, v, why) : err;
}

static int
print(const struct vt_cmd *c, const struct args *a, const struct verdict *v)
{
    const char *verdict = a->approve ? "approved" : "refused";
    const char *share = v->share.len == 0 ? NULL : a->vault != NULL ? a->vault : a->share_out;
    json_t *o = vt_vault_request_json(&v->digest, &v->request);

    json_object_set_new(o, "verdict", json_string(verdict));
    json_object_set_new(o, "approver", json_string(v->me->name));
    json_object_set_new(o, "index", json_integer((json_int_t)v->index));
    json_object_set_new(o, "share", share != NULL ? json_string(share) : json_null());
    return vt_cmd_done(c, o, "%s %s the request of %s for %s (entry %" PRIu64 ")%s%s",
        v->me->name, verdict, v->request.requester, vt_mode_name(v->request.mode), v->index,
        share != NULL ? "; the share went to " : "", share != NULL ? share : "");
}

static int
run(struct vt_cmd *c, struct args *a)
{
    struct verdict v = {.share = VT_BUF(VT_SHARES_FILE_MAX)};
    struct vt_why why = {0};
    enum vt_err err;
    int code;

    a->request = c->argv[0];
    err = judge(a, &v, &why);
    code = err == VT_OK ? print(c, a, &v) : vt_cmd_fail(c, err, &why);
    vt_buf_release(&v.share);
    vt_vault_desk_release(&v.d);
    return code;
}

#define COMMON_OPTS(a_)                                                                        \
    {"key", 'k', VT_OPT_STR, "FILE", "the approver's signing key", &(a_).key, true},           \
        {"to", 't', VT_OPT_STR, "URL", "the log", &(a_).url, true},                            \
    {                                                                                          \
        "policy", 'p', VT_OPT_STR, "FILE", "the trust policy", &(a_).policy, true              \
    }

int
vt_cmd_vault_approve(int argc, char **argv)
{
    struct args a = {.approve = true};
    const struct vt_opt opts[] = {COMMON_OPTS(a),
        {"yes", 'y', VT_OPT_FLAG, NULL, "do not ask", &a.yes, false},
        {"box", 'b', VT_OPT_STR, "FILE", "the approver's box key", &a.box, false},
        {"shares", 's', VT_OPT_STR, "FILE", "the region's shares file", &a.shares, false},
        {"vault", 0, VT_OPT_STR, "URL", "the vault that the share is sent to", &a.vault, false},
        {"share-out", 0, VT_OPT_STR, "FILE", "write the sealed share there", &a.share_out,
            false},
        {0}};
    struct vt_cmd c = {.name = "vault approve",
        .args = "REQUEST --key FILE --to URL --policy FILE ...",
        .summary = "Approves a request: signs it, logs it, and sends a share of the key.",
        .details =
            "Shows the request and asks for `yes` on a terminal. The share is opened "
            "with the box key and sealed again to the keeper, for this request alone; an "
            "erasure takes none.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int code = vt_cmd_parse(&c, argc, argv);

    return code >= 0 ? code : run(&c, &a);
}

int
vt_cmd_vault_refuse(int argc, char **argv)
{
    struct args a = {.approve = false};
    const struct vt_opt opts[] = {COMMON_OPTS(a), {0}};
    struct vt_cmd c = {.name = "vault refuse",
        .args = "REQUEST --key FILE --to URL --policy FILE",
        .summary = "Refuses a request, for good: it is logged, and no grant is made.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int code = vt_cmd_parse(&c, argc, argv);

    return code >= 0 ? code : run(&c, &a);
}
