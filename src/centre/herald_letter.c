/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hook is sent: an in-toto statement about one event, in a DSSE envelope.
 */
#include "centre/herald_held.h"

#include "attest/dsse.h"
#include "base/clock.h"
#include "base/json.h"
#include "crypto/signer.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX 65536U
#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "urn:vitrine:event:v1"
#define DELIVERY_HEX 32 /* characters of a delivery's id */

void
vt_herald_id(const char *url, char ret[VT_DIGEST_HEX_SIZE])
{
    struct vt_digest d;

    vt_digest_of(url, strlen(url), &d);
    vt_digest_hex(&d, ret);
}

void
vt_herald_letter_release(struct vt_herald_letter *l)
{
    vt_buf_release(&l->event.data);
    vt_buf_release(&l->body);
}

/* The same for each attempt at an event, so that its receiver knows it again. */
static void
delivery_id(
    const struct vt_herald *h, const struct vt_herald_letter *l, char ret[VT_DIGEST_HEX_SIZE])
{
    char seq[32];
    int n = snprintf(seq, sizeof seq, " %lld ", (long long)l->event.seq);
    const struct vt_slice v[] = {
        {h->made, sizeof h->made}, {seq, (size_t)n}, {l->id, strlen(l->id)}};
    struct vt_digest d;

    vt_digest_of_slices(v, 3, &d);
    vt_digest_hex(&d, ret);
    ret[DELIVERY_HEX] = '\0';
}

static const char *
subject_name(const struct vt_herald_event *e)
{
    if (strcmp(e->name, "entry") == 0)
        return "statement";
    return strcmp(e->name, "checkpoint") == 0 ? "tree" : "hook";
}

/* The word of the header and of `event`: the kind, for entries. */
static const char *
event_word(const struct vt_herald_event *e)
{
    return e->kind[0] != '\0' ? e->kind : e->name;
}

static json_t *
statement_of(const struct vt_herald *h, const struct vt_herald_letter *l, const char *delivery,
    json_t *data)
{
    char hex[VT_DIGEST_HEX_SIZE], at[VT_TIME_SIZE];

    vt_digest_hex(&l->event.subject, hex);
    vt_time_format(l->event.at, at);
    return json_pack("{s:s, s:[{s:s, s:{s:s}}], s:s, s:{s:s, s:s, s:s, s:s, s:O}}", "_type",
        STATEMENT_TYPE, "subject", "name", subject_name(&l->event), "digest", "sha256", hex,
        "predicateType", PREDICATE_TYPE, "predicate", "delivery", delivery, "event",
        event_word(&l->event), "site", h->opts->home->name, "at", at, "data", data);
}

static enum vt_err
put_body(const struct vt_herald *h, struct vt_herald_letter *l, const char *delivery,
    struct vt_why *why)
{
    struct vt_buf text = VT_BUF(BODY_MAX);
    json_t *data = NULL, *statement = NULL;
    enum vt_err err =
        vt_json_parse(l->event.data.data, l->event.data.len, "an event", &data, why);

    if (err == VT_OK) {
        statement = statement_of(h, l, delivery, data);
        err = statement == NULL ? vt_fail(why, VT_E_NOMEM, "a web hook: out of memory")
                                : vt_json_text(statement, false, &text, why);
    }
    vt_buf_release(&l->body);
    l->body = VT_BUF(2 * BODY_MAX);
    if (err == VT_OK)
        err = vt_dsse_sign(&l->body, text.data, text.len, h->signer, why);
    json_decref(statement);
    json_decref(data);
    vt_buf_release(&text);
    return err;
}

enum vt_err
vt_herald_seal(const struct vt_herald *h, struct vt_herald_letter *l, struct vt_why *why)
{
    char delivery[VT_DIGEST_HEX_SIZE];

    delivery_id(h, l, delivery);
    (void)snprintf(l->line[0], sizeof l->line[0], "Vitrine-Event: %s", event_word(&l->event));
    (void)snprintf(l->line[1], sizeof l->line[1], "Vitrine-Delivery: %s", delivery);
    l->lines[0] = l->line[0];
    l->lines[1] = l->line[1];
    l->lines[2] = NULL;
    return put_body(h, l, delivery, why);
}
