/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitrine vault accesses
 */
#include "vault.h"
#include "vault_desk.h"

#include "base/clock.h"
#include "base/file.h"
#include "report/batch.h"
#include "report/subject_file.h"
#include "vault/accesses.h"

#include <inttypes.h>
#include <stdio.h>

struct args {
    const char *url;
    const char *policy;
    const char *customer;
    const char *secret;
    const char *save;
    struct vt_opt_list vaults;
};

struct report {
    const char *save; /* a folder for receipts, or NULL */
    struct vt_buf text;
    json_t *runs;
    uint64_t count;
    uint64_t touched;
    uint64_t unproven;
};

static void
put_line(struct vt_buf *b, const struct vt_access *a)
{
    char when[VT_TIME_SIZE];

    vt_time_format(a->run.started, when);
    vt_buf_putf(b, "%8" PRIu64 "  %s  %s", a->index, when, a->run.site);
    if (a->has_request)
        vt_buf_putf(b, ", for %s (%s, %s)", a->request.requester, a->request.purpose,
            a->request.scope.region);
    switch (a->verdict) {
    case VT_ACCESS_TOUCHED:
        vt_buf_putf(b, ": touched %" PRIu64 " of your records\n", a->records);
        break;
    case VT_ACCESS_UNTOUCHED:
        vt_buf_puts(b, ": did not touch your records\n");
        break;
    case VT_ACCESS_NO_RECEIPT:
        vt_buf_putf(b, ": THE VAULT GIVES NO RECEIPT: %s\n", a->why.text);
        break;
    case VT_ACCESS_FALSE:
    default:
        vt_buf_putf(b, ": THE RECEIPT PROVES NOTHING: %s\n", a->why.text);
        break;
    }
}

static json_t *
access_json(const struct vt_access *a)
{
    bool proven = a->verdict == VT_ACCESS_TOUCHED || a->verdict == VT_ACCESS_UNTOUCHED;
    char run[VT_VAULT_DIGEST_TEXT], request[VT_VAULT_DIGEST_TEXT];
    char when[VT_TIME_SIZE];
    json_t *o;

    vt_vault_digest_text(&a->doc, run);
    vt_vault_digest_text(&a->run.request, request);
    vt_time_format(a->run.started, when);
    o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "index", (json_int_t)a->index, "run", run,
        "request", request, "site", a->run.site, "started", when, "verdict",
        vt_access_verdict_name(a->verdict));
    if (proven)
        json_object_set_new(o, "records", json_integer((json_int_t)a->records));
    else
        json_object_set_new(o, "message", json_string(a->why.text));
    if (a->has_request) {
        json_object_set_new(o, "requester", json_string(a->request.requester));
        json_object_set_new(o, "purpose", json_string(a->request.purpose));
        json_object_set_new(o, "region", json_string(a->request.scope.region));
    }
    return o;
}

/* Keeps a receipt as RUN.receipt, which the Centre's page takes. */
static enum vt_err
save(const struct report *r, const struct vt_access *a, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    if (r->save == NULL || a->receipt == NULL)
        return VT_OK;
    vt_digest_hex(&a->doc, hex);
    err = vt_path(path, why, "%s/%s.receipt", r->save, hex);
    return err == VT_OK ? vt_file_replace(path, 0644, a->receipt, a->receipt_len, why) : err;
}

static enum vt_err
add(void *ctx, const struct vt_access *a, struct vt_why *why)
{
    struct report *r = ctx;
    enum vt_err err = save(r, a, why);

    if (err != VT_OK)
        return err;
    r->count++;
    r->touched += a->verdict == VT_ACCESS_TOUCHED;
    r->unproven += a->verdict == VT_ACCESS_NO_RECEIPT || a->verdict == VT_ACCESS_FALSE;
    put_line(&r->text, a);
    json_array_append_new(r->runs, access_json(a));
    return vt_buf_check(&r->text, "the list of accesses", why);
}

static enum vt_err
list(const struct args *a, struct vt_vault_desk *d, struct report *r, struct vt_why *why)
{
    uint8_t secret[VT_CUSTOMER_SECRET_SIZE];
    uint8_t tag[VT_SUBJECT_SIZE];
    enum vt_err err = vt_customer_secret_load(a->secret, secret, why);

    if (err == VT_OK) {
        vt_customer_tag(secret, a->customer, tag);
        err = vt_vault_desk_open(d, a->url, a->policy, NULL, why);
    }
    vt_wipe(secret, sizeof secret);
    if (err == VT_OK && a->save != NULL)
        err = vt_dir_make(a->save, 0755, why);
    if (err == VT_OK)
        err = vt_desk_accesses(d->desk, a->vaults.item, a->vaults.count, tag, add, r, why);
    return err;
}

/* What is not proven is told, and exits 1. */
static int
print(const struct vt_cmd *c, struct report *r)
{
    struct vt_why why;
    struct vt_cmd plain = *c;
    int code = vt_cmd_done(c,
        json_pack("{s:O, s:I, s:I, s:I}", "runs", r->runs, "count", (json_int_t)r->count,
            "touched", (json_int_t)r->touched, "unproven", (json_int_t)r->unproven),
        "%s%" PRIu64 " runs: %" PRIu64 " touched your records, %" PRIu64 " are not proven",
        vt_buf_str(&r->text), r->count, r->touched, r->unproven);

    if (code != 0 || r->unproven == 0)
        return code;
    plain.json = false; /* the object above has said it */
    return vt_cmd_fail(&plain,
        vt_fail(&why, VT_E_REFUSED,
            "of %" PRIu64 " runs the vault gives no receipt that proves whether they touched "
            "your records",
            r->unproven),
        &why);
}

int
vt_cmd_vault_accesses(int argc, char **argv)
{
    struct args a = {0};
    const struct vt_opt opts[] = {
        {"customer", 'c', VT_OPT_STR, "NAME", "the customer, as its endpoints name it",
            &a.customer, true},
        {"secret", 's', VT_OPT_STR, "FILE", "the customer's secret", &a.secret, true},
        {"from", 'f', VT_OPT_STR, "URL|DIR", "the log, a mirror, or a folder of its files",
            &a.url, true},
        {"vault", 0, VT_OPT_LIST, "URL",
            "the vault to ask for receipts; may be given several times", &a.vaults, true},
        {"policy", 'p', VT_OPT_STR, "FILE", "the trust policy", &a.policy, true},
        {"save", 0, VT_OPT_STR, "DIR", "keep the receipts there, for the Centre's page",
            &a.save, false},
        {0},
    };
    struct vt_cmd c = {.name = "vault accesses",
        .args = "--customer NAME --secret FILE --from URL ...",
        .summary = "Shows a customer every run of a job, and whether it read its records.",
        .details =
            "The runs are the ledger's. For each the vault gives a receipt, which is checked "
            "against what the run said in the ledger: it touched so many of the customer's "
            "records, or none. Where there is no receipt, or it proves nothing, the exit code "
            "is 1.",
        .opts = opts};
    struct report r = {.text = VT_BUF(64U << 20)};
    struct vt_vault_desk d = {0};
    struct vt_why why = {0};
    int code = vt_cmd_parse(&c, argc, argv);
    enum vt_err err;

    if (code >= 0)
        return code;
    r.runs = json_array();
    r.save = a.save;
    err = list(&a, &d, &r, &why);
    code = err == VT_OK ? print(&c, &r) : vt_cmd_fail(&c, err, &why);
    json_decref(r.runs);
    vt_buf_release(&r.text);
    vt_vault_desk_release(&d);
    return code;
}
