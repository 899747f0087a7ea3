/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_desk.h"

#include "base/clock.h"
#include "store/policy_file.h"
#include "vault/standing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum vt_err
vt_vault_desk_open(struct vt_vault_desk *d, const char *url, const char *policy_path,
    const char *key_path, struct vt_why *why)
{
    const unsigned kinds = VT_SIGN_BIT(VT_SIGN_ENTRY) | VT_SIGN_BIT(VT_SIGN_VAULT);
    enum vt_err err = vt_policy_load(policy_path, &d->trust, why);

    if (err == VT_OK && key_path != NULL)
        err = vt_signer_spawn(key_path, kinds, &d->signer, why);
    if (err == VT_OK)
        err = vt_desk_new(url, d->trust, d->signer, &d->desk, why);
    if (err == VT_OK)
        err = vt_desk_refresh(d->desk, why);
    return err;
}

void
vt_vault_desk_release(struct vt_vault_desk *d)
{
    vt_vault_policy_free(d->policy);
    vt_desk_free(d->desk);
    vt_signer_free(d->signer);
    vt_policy_free(d->trust);
    *d = (struct vt_vault_desk){0};
}

enum vt_err
vt_vault_desk_policy(struct vt_vault_desk *d, struct vt_why *why)
{
    uint64_t index[VT_POLICY_PARTIES_MAX];
    size_t count = VT_POLICY_PARTIES_MAX;

    return vt_desk_vault_policy(d->desk, &d->policy, index, &count, why);
}

enum vt_err
vt_vault_desk_me(struct vt_vault_desk *d, const struct vt_rule_party **ret, struct vt_why *why)
{
    const char *name = vt_signer_name(d->signer);

    *ret = vt_vault_party_of_key(d->policy, name, vt_signer_public(d->signer));
    if (*ret != NULL)
        return VT_OK;
    return vt_fail(why, VT_E_REFUSED,
        "the key %s is of no party of vault policy %" PRIu64
        ": who makes that policy must add it",
        name, vt_vault_policy_serial(d->policy));
}

enum vt_err
vt_vault_desk_say(struct vt_vault_desk *d, enum vt_entry_kind kind,
    const struct vt_subject *subject, size_t count, struct vt_doc *doc, uint64_t *ret_index,
    struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    uint64_t index = 0;
    enum vt_err err = vt_doc_sign(doc, d->signer, &b, why);

    if (err == VT_OK)
        err = vt_desk_say(d->desk, kind, subject, count, b.data, b.len, &index, why);
    if (err == VT_OK)
        err = vt_desk_wait(d->desk, index, VT_VAULT_WAIT_MS, why);
    if (err == VT_OK)
        *ret_index = index;
    vt_buf_release(&b);
    return err;
}

/* In words */

void
vt_vault_digest_text(const struct vt_digest *d, char ret[VT_VAULT_DIGEST_TEXT])
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(d, hex);
    (void)snprintf(ret, VT_VAULT_DIGEST_TEXT, "sha256:%s", hex);
}

static bool
is_zero(const struct vt_digest *d)
{
    static const struct vt_digest zero;

    return vt_digest_eq(d, &zero);
}

static void
put_digest(struct vt_buf *b, const char *what, const struct vt_digest *d)
{
    char text[VT_VAULT_DIGEST_TEXT];

    vt_vault_digest_text(d, text);
    vt_buf_putf(b, "  %-9s %s\n", what, text);
}

static void
put_use(struct vt_buf *b, const struct vt_request *r)
{
    char box[VT_BOX_TEXT_MAX];

    if (r->has_job)
        put_digest(b, "job", &r->job);
    if (!is_zero(&r->query))
        put_digest(b, "query", &r->query);
    if (r->has_job)
        vt_buf_putf(b, "  %-9s %" PRIu64 "\n", "runs", r->runs);
    if (r->epsilon > 0)
        vt_buf_putf(b, "  %-9s epsilon %" PRIu64 ".%03u\n", "noise", r->epsilon / 1000,
            (unsigned)(r->epsilon % 1000));
    if (r->mode == VT_MODE_ERASURE)
        return;
    vt_box_public_format(&r->result_to, box);
    vt_buf_putf(b, "  %-9s %s\n", "result to", box);
}

void
vt_vault_put_request(
    struct vt_buf *b, const struct vt_digest *digest, const struct vt_request *r)
{
    const struct vt_scope *s = &r->scope;
    char from[11], until[11], when[VT_TIME_SIZE];

    vt_day_format(s->day_from, from);
    vt_day_format(s->day_to, until);
    vt_time_format(r->expires, when);
    vt_buf_putf(b, "%s asks for %s: %s\n", r->requester, vt_mode_name(r->mode), r->purpose);
    vt_buf_putf(b, "  %-9s %s, days %s to %s\n", "region", s->region, from, until);
    vt_buf_putf(b, "  %-9s", "classes");
    for (size_t i = 0; i < s->class_count; i++)
        vt_buf_putf(b, " %s", s->class_name[i]);
    vt_buf_puts(b, "\n");
    if (s->one_subject)
        put_digest(b, "only of", &s->subject_commitment);
    else
        vt_buf_putf(b, "  %-9s everybody in that scope\n", "of");
    put_use(b, r);
    vt_buf_putf(b, "  %-9s %s\n", "expires", when);
    put_digest(b, "request", digest);
}

json_t *
vt_vault_request_json(const struct vt_digest *digest, const struct vt_request *r)
{
    const struct vt_scope *s = &r->scope;
    char request[VT_VAULT_DIGEST_TEXT], job[VT_VAULT_DIGEST_TEXT];
    char query[VT_VAULT_DIGEST_TEXT];
    char from[11], until[11], when[VT_TIME_SIZE];
    json_t *classes = json_array();

    vt_vault_digest_text(digest, request);
    vt_vault_digest_text(&r->job, job);
    vt_vault_digest_text(&r->query, query);
    vt_day_format(s->day_from, from);
    vt_day_format(s->day_to, until);
    vt_time_format(r->expires, when);
    for (size_t i = 0; i < s->class_count; i++)
        json_array_append_new(classes, json_string(s->class_name[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:b, s:s?, s:s?, s:I, s:I, s:s}",
        "request", request, "requester", r->requester, "mode", vt_mode_name(r->mode), "purpose",
        r->purpose, "region", s->region, "classes", classes, "from", from, "until", until,
        "one_subject", (int)s->one_subject, "job", r->has_job ? job : NULL, "query",
        is_zero(&r->query) ? NULL : query, "runs", (json_int_t)r->runs, "epsilon",
        (json_int_t)r->epsilon, "expires", when);
}
