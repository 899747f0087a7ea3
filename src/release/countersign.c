/* SPDX-License-Identifier: Apache-2.0 */
#include "release/countersign.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX 4096U

static enum vt_err
check_custom(const struct vt_tuf_target *t, const struct vt_offer *o, struct vt_why *why)
{
    const char *product = NULL;
    const char *version = NULL;
    if (t->custom == NULL)
        return vt_fail(why, VT_E_REFUSED, "target %.200s: has no product and version", t->path);
    enum vt_err err = vt_json_str(t->custom, "product", &product, why);
    if (err == VT_OK)
        err = vt_json_str(t->custom, "version", &version, why);
    if (err == VT_OK && (strcmp(product, o->product) != 0 || strcmp(version, o->version) != 0))
        err = vt_fail(why, VT_E_REFUSED,
            "target %.200s: its path and its product and version say different things",
            t->path);
    return err;
}

/* Metadata that hands its say to other keys is nothing that a rebuilder could
 * vouch for; neither is a target that it has not made itself. */
static enum vt_err
check_targets(const struct vt_countersign *c, const struct vt_tuf *t, struct vt_why *why)
{
    const struct vt_tuf_body *b = vt_tuf_body(t);
    enum vt_err err = VT_OK;
    if (b->role_count > 0)
        return vt_fail(why, VT_E_REFUSED, "it delegates to other keys");
    if (b->target_count == 0)
        return vt_fail(why, VT_E_REFUSED, "it has no target");
    for (size_t i = 0; err == VT_OK && i < b->target_count; i++) {
        const struct vt_tuf_target *target = &b->target[i];
        struct vt_offer offer;
        err = vt_offer_parse_path(target->path, &offer, why);
        if (err == VT_OK)
            err = check_custom(target, &offer, why);
        if (err != VT_OK)
            break;
        offer.length = target->length;
        offer.digest = target->hash;
        err = c->confirmed(c->ctx, &offer, why);
    }
    return err;
}

static enum vt_err
put_body(const struct vt_countersign *c, const struct vt_tuf *t, struct vt_buf *b,
    struct vt_why *why)
{
    struct vt_buf canonical = VT_BUF(VT_TUF_METADATA_MAX);
    char id[VT_DIGEST_HEX_SIZE];
    char hex[2 * VT_SIG_SIZE + 1];
    struct vt_sig sig;
    enum vt_err err =
        vt_json_canonical(json_object_get(vt_tuf_document(t), "signed"), &canonical, why);
    if (err == VT_OK)
        err = vt_signer_sign(c->signer, VT_SIGN_TUF, canonical.data, canonical.len, &sig, why);
    vt_buf_release(&canonical);
    if (err == VT_OK)
        err = vt_tuf_key_id(vt_signer_public(c->signer), id, why);
    if (err != VT_OK)
        return err;
    vt_hex_encode(sig.b, sizeof sig.b, hex);
    json_t *body = json_pack(
        "{s:I, s:s, s:s}", "version", (json_int_t)vt_tuf_version(t), "keyid", id, "sig", hex);
    err = body != NULL ? vt_json_text(body, false, b, why)
                       : vt_fail(why, VT_E_NOMEM, "no memory for a signature");
    json_decref(body);
    return err;
}

static enum vt_err
post(const struct vt_countersign *c, const struct vt_buf *body, struct vt_why *why)
{
    struct vt_buf answer = VT_BUF(ANSWER_MAX);
    char path[128];
    int status = 0;
    (void)snprintf(path, sizeof path, "staged/%.64s/signatures", c->channel);
    enum vt_err err = vt_http_post(c->http, c->url, path, "application/json", body->data,
        body->len, &status, &answer, why);
    if (err == VT_OK && status != 200)
        err = vt_fail(why,
            status == 403   ? VT_E_UNKNOWN
            : status == 409 ? VT_E_STATE
            : status == 422 ? VT_E_SIG
                            : VT_E_NET,
            "POST %s/%s: HTTP status %d: %.*s", c->url, path, status,
            (int)strcspn(vt_buf_str(&answer), "\r\n"), vt_buf_str(&answer));
    vt_buf_release(&answer);
    return err;
}

enum vt_err
vt_countersign_run(const struct vt_countersign *c, enum vt_countersigned *ret,
    uint64_t *ret_version, struct vt_why *why)
{
    struct vt_buf file = VT_BUF(VT_TUF_METADATA_MAX);
    struct vt_buf body = VT_BUF(ANSWER_MAX);
    struct vt_tuf *t = NULL;
    char path[96];
    if (!vt_tuf_channel_valid(c->channel))
        return vt_fail(why, VT_E_USAGE, "%.64s: not the name of a channel", c->channel);
    (void)snprintf(path, sizeof path, "staged/%.64s.json", c->channel);
    enum vt_err err = vt_http_get(c->http, c->url, path, &file, why);
    if (err == VT_E_NOENT) {
        *ret = VT_COUNTERSIGN_NOTHING;
        *ret_version = 0;
        err = VT_OK;
        goto out;
    }
    if (err == VT_OK)
        err = vt_tuf_parse(file.data, file.len, VT_TUF_TARGETS, path, &t, why);
    if (err != VT_OK)
        goto out;
    err = check_targets(c, t, why);
    if (err != VT_OK) {
        err = vt_fail_in(why, err, "staged version %llu of %s is not signed",
            (unsigned long long)vt_tuf_version(t), c->channel);
        goto out;
    }
    err = put_body(c, t, &body, why);
    if (err == VT_OK)
        err = post(c, &body, why);
    if (err == VT_OK) {
        *ret = VT_COUNTERSIGN_SIGNED;
        *ret_version = vt_tuf_version(t);
    }
out:
    vt_tuf_free(t);
    vt_buf_release(&file);
    vt_buf_release(&body);
    return err;
}
