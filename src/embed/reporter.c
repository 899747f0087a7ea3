/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reporting, as the public API has it. include/vitrine/vitrine.h is its
 * documentation.
 */
#include "vitrine/vitrine.h"

#include "report/reporter.h"

#include <stdlib.h>
#include <string.h>

enum { LINGER_MS = 1000 };

struct vitrine_reporter {
    struct vt_reporter *r;
    char site[VT_KEY_NAME_MAX + 1];
    struct vt_why why;
};

static enum vitrine_error
finish(struct vitrine_reporter *r, enum vt_err err)
{
    if (err == VT_OK)
        vt_why_clear(&r->why);
    return (enum vitrine_error)err;
}

static enum vt_err
check(const struct vitrine_reporter_options *o, struct vt_why *why)
{
    if (o->size != sizeof *o)
        return vt_fail(why, VT_E_USAGE, "reporter options of another size: set `size`");
    if (o->spool == NULL || o->policy == NULL || o->vaults == NULL || o->region == NULL ||
        o->data_class == NULL || o->customer == NULL || o->secret == NULL)
        return vt_fail(why, VT_E_USAGE,
            "a reporter needs spool, policy, vaults, region, data_class, customer and secret");
    return VT_OK;
}

static enum vt_err
open_reporter(
    const struct vitrine_reporter_options *o, struct vt_reporter **ret, struct vt_why *why)
{
    uint8_t secret[VT_CUSTOMER_SECRET_SIZE];
    struct vt_reporter_opts opts = {.spool = o->spool,
        .spool_max = o->spool_max,
        .policy = o->policy,
        .url = o->vaults,
        .region = o->region,
        .class_name = o->data_class,
        .customer = o->customer,
        .secret = secret,
        .linger_ms = o->linger_ms == 0 ? LINGER_MS : (int64_t)o->linger_ms};
    enum vt_err err;

    while (o->vaults[opts.url_count] != NULL)
        opts.url_count++;
    err = vt_customer_secret_load(o->secret, secret, why);
    if (err == VT_OK)
        err = vt_reporter_new(&opts, ret, why);
    vt_wipe(secret, sizeof secret);
    return err;
}

enum vitrine_error
vitrine_reporter_new(const struct vitrine_reporter_options *options,
    struct vitrine_reporter **ret, struct vitrine_message *message)
{
    struct vitrine_reporter *r = calloc(1, sizeof *r);
    struct vt_why why = {{0}};
    enum vt_err err = r == NULL ? vt_fail(&why, VT_E_NOMEM, "no memory for a reporter") : VT_OK;

    if (err == VT_OK)
        err = check(options, &why);
    if (err == VT_OK)
        err = open_reporter(options, &r->r, &why);
    if (message != NULL)
        memcpy(message->text, err == VT_OK ? "" : why.text,
            err == VT_OK ? 1 : sizeof message->text);
    if (err == VT_OK)
        *ret = r;
    else
        free(r);
    return (enum vitrine_error)err;
}

enum vitrine_error
vitrine_reporter_add(
    struct vitrine_reporter *r, const char *subject, const void *record, size_t len)
{
    return finish(r, vt_reporter_add(r->r, subject, record, len, &r->why));
}

enum vitrine_error
vitrine_reporter_flush(struct vitrine_reporter *r, int64_t timeout_ms)
{
    if (timeout_ms == 0)
        return finish(r, vt_reporter_seal(r->r, &r->why));
    return finish(r, vt_reporter_flush(r->r, timeout_ms, -1, NULL, NULL, &r->why));
}

void
vitrine_reporter_status(struct vitrine_reporter *r, struct vitrine_reporter_status *ret)
{
    struct vitrine_reporter_status out = {.size = ret->size};
    struct vt_reporter_status s;

    vt_reporter_status(r->r, &s);
    out.records = s.records;
    out.unsealed = s.unsealed;
    out.waiting = s.spool.batches;
    out.waiting_bytes = s.spool.bytes;
    out.acknowledged = s.sender.batches;
    out.refused = s.spool.refused;
    out.policy_serial = s.known.serial;
    memcpy(ret, &out, out.size < sizeof out ? out.size : sizeof out);
}

const char *
vitrine_reporter_site(struct vitrine_reporter *r)
{
    struct vt_reporter_status s;

    vt_reporter_status(r->r, &s);
    memcpy(r->site, s.known.site, sizeof r->site);
    return r->site;
}

const char *
vitrine_reporter_message(const struct vitrine_reporter *r)
{
    return r->why.text;
}

void
vitrine_reporter_free(struct vitrine_reporter **r)
{
    if (r == NULL || *r == NULL)
        return;
    vt_reporter_free((*r)->r);
    free(*r);
    *r = NULL;
}
