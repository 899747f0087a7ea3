/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault audit
 */
#include "vault.h"
#include "vault_desk.h"

#include "base/clock.h"
#include "vault/audit.h"

#include <inttypes.h>
#include <stdio.h>

struct report {
    struct vt_buf text;
    json_t *lines;
    bool json;
};

static const char *
verdict_text(enum vt_audit_verdict v)
{
    return v == VT_AUDIT_OK ? "OK" : v == VT_AUDIT_VOID ? "VOID" : "NOT OK";
}

static enum vt_err
add(void *ctx, const struct vt_audit_line *l, struct vt_why *why)
{
    struct report *r = ctx;
    const char *kind = vt_entry_kind_name(l->kind);

    if (r->json)
        json_array_append_new(
            r->lines, json_pack("{s:I, s:s, s:s, s:s, s:s}", "index", (json_int_t)l->index,
                          "kind", kind, "signer", l->signer, "verdict",
                          verdict_text(l->verdict), "text", l->text.text));
    else
        vt_buf_putf(&r->text, "%8" PRIu64 "  %-6s  %-12s  %s%s%s%s\n", l->index,
            verdict_text(l->verdict), kind, l->text.text,
            l->verdict == VT_AUDIT_OK ? "" : " (signed by ",
            l->verdict == VT_AUDIT_OK ? "" : l->signer, l->verdict == VT_AUDIT_OK ? "" : ")");
    return vt_buf_check(&r->text, "the report", why);
}

static json_t *
sum_json(const struct report *r, const struct vt_audit_sum *s)
{
    char when[VT_TIME_SIZE];

    vt_time_format((int64_t)s->cosigned_time, when);
    return json_pack(
        "{s:I, s:s?, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}",
        "entries", (json_int_t)s->log_size, "vouched", s->cosigned_time > 0 ? when : NULL,
        "checked", (json_int_t)s->lines, "violations", (json_int_t)s->violations, "void",
        (json_int_t)s->void_lines, "policies", (json_int_t)s->count[VT_ENTRY_VAULT_POLICY],
        "requests", (json_int_t)s->count[VT_ENTRY_REQUEST], "approvals",
        (json_int_t)s->count[VT_ENTRY_APPROVAL], "grants", (json_int_t)s->count[VT_ENTRY_GRANT],
        "refusals", (json_int_t)s->count[VT_ENTRY_REFUSAL], "runs",
        (json_int_t)s->count[VT_ENTRY_RUN], "erasures", (json_int_t)s->count[VT_ENTRY_ERASURE],
        "relocations", (json_int_t)s->count[VT_ENTRY_RELOCATION], "open_relocations",
        (json_int_t)s->open_relocations, "lines", r->lines);
}

/* A report with violations is printed whole, and exits 1. */
static int
print(const struct vt_cmd *c, struct report *r, const struct vt_audit_sum *s)
{
    struct vt_why why;
    struct vt_cmd plain = *c;
    int code = vt_cmd_done(c, sum_json(r, s),
        "%s%" PRIu64 " of the log's %" PRIu64 " entries are the ledger's: %" PRIu64
        " violations, %" PRIu64 " void%s",
        vt_buf_str(&r->text), s->lines, s->log_size, s->violations, s->void_lines,
        s->open_relocations > 0 ? "; a relocation is not complete" : "");

    if (code != 0 || s->violations == 0)
        return code;
    plain.json = false; /* the object above has said it */
    return vt_cmd_fail(&plain,
        vt_fail(&why, VT_E_REFUSED, "the ledger has %" PRIu64 " violations", s->violations),
        &why);
}

int
vt_cmd_vault_audit(int argc, char **argv)
{
    const char *url = NULL;
    const char *policy = NULL;
    const struct vt_opt opts[] = {
        {"from", 'f', VT_OPT_STR, "URL|DIR", "the log, a mirror, or a folder of its files",
            &url, true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the trust policy", &policy, true},
        {0},
    };
    struct vt_cmd c = {.name = "vault audit",
        .args = "--from URL|DIR --policy FILE",
        .summary = "Checks the whole ledger again: every grant, run, erasure and move.",
        .details =
            "One line for each of the ledger's entries: OK, NOT OK (a violation, with what is "
            "wrong), or VOID: said by somebody who may not say it, and so without effect. Exit "
            "code 1 when there is any violation.",
        .opts = opts};
    struct report r = {.text = VT_BUF(256U << 20)};
    struct vt_audit_sum sum;
    struct vt_vault_desk d = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    r.json = c.json;
    r.lines = json_array();
    err = vt_vault_desk_open(&d, url, policy, NULL, &why);
    if (err == VT_OK)
        err = vt_audit_run(d.desk, add, &r, &sum, &why);
    code = err == VT_OK ? print(&c, &r, &sum) : vt_cmd_fail(&c, err, &why);
    json_decref(r.lines);
    vt_buf_release(&r.text);
    vt_vault_desk_release(&d);
    return code;
}
