/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault requests
 */
#include "vault.h"
#include "vault_desk.h"

#include "base/clock.h"
#include "vault/requests.h"

#include <inttypes.h>

#define TEXT_MAX (64U << 20)

struct list {
    struct vt_buf text;
    json_t *requests;
    bool open_only;
    size_t count;
};

/* "legal 1 of 1, security 0 of 2" */
static void
put_groups(struct vt_buf *b, const struct vt_standing *s)
{
    for (size_t g = 0; g < s->group_count; g++)
        vt_buf_putf(b, "%s%s %u of %u", g > 0 ? ", " : "", s->group[g]->name, s->have[g],
            s->group[g]->need);
}

static void
put_state(struct vt_buf *b, const struct vt_request_info *i)
{
    vt_buf_puts(b, i->state == VT_REQUEST_RUN && !i->request.has_job
                       ? "done"
                       : vt_request_state_name(i->state));
    if (i->state == VT_REQUEST_OPEN || i->state == VT_REQUEST_APPROVED) {
        vt_buf_puts(b, ": ");
        put_groups(b, &i->standing);
    } else if (i->state == VT_REQUEST_RUN && i->request.has_job) {
        vt_buf_putf(b, " %" PRIu64 " of %" PRIu64, i->runs, i->request.runs);
    } else if (i->state == VT_REQUEST_REFUSED) {
        vt_buf_putf(b, " by %s (%s)", i->refused_by, i->refused_for);
    }
}

static json_t *
groups_json(const struct vt_standing *s)
{
    json_t *groups = json_array();

    for (size_t g = 0; g < s->group_count; g++)
        json_array_append_new(
            groups, json_pack("{s:s, s:i, s:i}", "group", s->group[g]->name, "have",
                        (int)s->have[g], "need", (int)s->group[g]->need));
    return groups;
}

static json_t *
approvals_json(const struct vt_standing *s)
{
    json_t *approvals = json_array();
    char text[VT_VAULT_DIGEST_TEXT];

    for (size_t i = 0; i < s->approval_count; i++) {
        vt_vault_digest_text(&s->approval[i].doc, text);
        json_array_append_new(approvals,
            json_pack("{s:s, s:s, s:I, s:b}", "approval", text, "approver",
                s->approval[i].party->name, "index", (json_int_t)s->approval[i].index, "share",
                (int)s->approval[i].has_share));
    }
    return approvals;
}

static enum vt_err
add(void *ctx, const struct vt_request_info *i, struct vt_why *why)
{
    struct list *l = ctx;
    json_t *o;

    if (l->open_only && i->state != VT_REQUEST_OPEN)
        return VT_OK;
    if (l->count++ > 0)
        vt_buf_puts(&l->text, "\n");
    vt_vault_put_request(&l->text, &i->doc, &i->request);
    vt_buf_putf(&l->text, "  %-9s ", "state");
    put_state(&l->text, i);
    vt_buf_puts(&l->text, "\n");
    o = vt_vault_request_json(&i->doc, &i->request);
    json_object_set_new(o, "index", json_integer((json_int_t)i->index));
    json_object_set_new(o, "state", json_string(vt_request_state_name(i->state)));
    json_object_set_new(o, "groups", groups_json(&i->standing));
    json_object_set_new(o, "approvals", approvals_json(&i->standing));
    json_object_set_new(o, "done", json_integer((json_int_t)i->runs));
    if (i->state == VT_REQUEST_REFUSED)
        json_object_set_new(
            o, "refused", json_pack("{s:s, s:s}", "by", i->refused_by, "code", i->refused_for));
    json_array_append_new(l->requests, o);
    return vt_buf_check(&l->text, "the list of requests", why);
}

int
vt_cmd_vault_requests(int argc, char **argv)
{
    struct list l = {.text = VT_BUF(TEXT_MAX)};
    const char *url = NULL;
    const char *policy = NULL;
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "URL|DIR", "the log, a mirror, or a folder of its files",
            &url, true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the trust policy", &policy, true},
        {"open", 'o', VT_OPT_FLAG, NULL, "only those that wait for approvals", &l.open_only,
            false},
        {0},
    };
    struct vt_cmd c = {.name = "vault requests",
        .args = "--from URL --policy FILE [--open]",
        .summary = "Lists what was asked about users' data, and what came of it.",
        .details =
            "States: open and approved (with how many of each group have approved), "
            "granted, run, refused (by whom, for what), expired, and stale: made under a "
            "vault policy that is not in force any more.",
        .opts = opts};
    struct vt_vault_desk d = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    l.requests = json_array();
    err = vt_vault_desk_open(&d, url, policy, NULL, &why);
    if (err == VT_OK)
        err = vt_desk_requests(d.desk, vt_clock_now(&vt_clock_system), add, &l, &why);
    if (err != VT_OK)
        code = vt_cmd_fail(&c, err, &why);
    else if (l.count == 0)
        code = vt_cmd_done(&c, json_pack("{s:O}", "requests", l.requests),
            l.open_only ? "no request waits for approvals" : "nothing was asked");
    else
        code = vt_cmd_done(&c, json_pack("{s:O}", "requests", l.requests), "%.*s",
            (int)l.text.len - 1, vt_buf_str(&l.text));
    json_decref(l.requests);
    vt_buf_release(&l.text);
    vt_vault_desk_release(&d);
    return code;
}
