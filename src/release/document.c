/* SPDX-License-Identifier: Apache-2.0 */
#include "release/document.h"

#include "base/clock.h"

static enum vt_err
no_memory(struct vt_why *why)
{
    return vt_fail(why, VT_E_NOMEM, "no memory for metadata");
}

enum vt_err
vt_document_new(
    enum vt_tuf_type type, uint64_t version, int64_t expires, json_t **ret, struct vt_why *why)
{
    char when[VT_TIME_SIZE];
    if (version < 1 || version > INT64_MAX)
        return vt_fail(why, VT_E_USAGE, "%s: no such version", vt_tuf_type_name(type));
    vt_time_format(expires, when);
    json_t *doc = json_pack("{s:s, s:s, s:I, s:s}", "_type", vt_tuf_type_name(type),
        "spec_version", VT_TUF_SPEC_VERSION, "version", (json_int_t)version, "expires", when);
    if (doc == NULL)
        return no_memory(why);
    *ret = doc;
    return VT_OK;
}

/* Adds the role's keys to `keys` and gives their ids as an array. */
static enum vt_err
add_keys(json_t *keys, const struct vt_document_role *role, json_t **ret, struct vt_why *why)
{
    char id[VT_DIGEST_HEX_SIZE];
    enum vt_err err = VT_OK;
    json_t *ids = json_array();
    if (ids == NULL)
        return no_memory(why);
    for (size_t i = 0; i < role->key_count && err == VT_OK; i++) {
        err = vt_tuf_key_id(&role->key[i], id, why);
        if (err == VT_OK &&
            (json_array_append_new(ids, json_string(id)) != 0 ||
                json_object_set_new(keys, id, vt_tuf_key_object(&role->key[i])) != 0))
            err = no_memory(why);
    }
    if (err == VT_OK && (role->threshold < 1 || role->threshold > role->key_count))
        err = vt_fail(why, VT_E_CONFIG, "role %s: %llu signatures of %zu keys cannot be",
            role->name, (unsigned long long)role->threshold, role->key_count);
    if (err != VT_OK) {
        json_decref(ids);
        return err;
    }
    *ret = ids;
    return VT_OK;
}

static enum vt_err
make_role(json_t *keys, const struct vt_document_role *role, json_t **ret, struct vt_why *why)
{
    json_t *ids = NULL;
    enum vt_err err = add_keys(keys, role, &ids, why);
    if (err != VT_OK)
        return err;
    json_t *obj =
        json_pack("{s:o, s:I}", "keyids", ids, "threshold", (json_int_t)role->threshold);
    if (obj == NULL)
        return no_memory(why);
    *ret = obj;
    return VT_OK;
}

enum vt_err
vt_document_root(
    json_t *doc, const struct vt_document_role *roles, size_t n, struct vt_why *why)
{
    json_t *keys = json_object();
    json_t *all = json_object();
    enum vt_err err = keys == NULL || all == NULL ? no_memory(why) : VT_OK;
    for (size_t i = 0; i < n && err == VT_OK; i++) {
        json_t *role = NULL;
        err = make_role(keys, &roles[i], &role, why);
        if (err == VT_OK && json_object_set_new(all, roles[i].name, role) != 0)
            err = no_memory(why);
    }
    if (err == VT_OK &&
        (json_object_set(doc, "keys", keys) != 0 || json_object_set(doc, "roles", all) != 0 ||
            json_object_set_new(doc, "consistent_snapshot", json_true()) != 0))
        err = no_memory(why);
    json_decref(keys);
    json_decref(all);
    return err;
}

enum vt_err
vt_document_delegations(json_t *doc, const struct vt_document_role *roles, size_t n,
    const char *pattern, struct vt_why *why)
{
    json_t *keys = json_object();
    json_t *all = json_array();
    enum vt_err err = keys == NULL || all == NULL ? no_memory(why) : VT_OK;
    for (size_t i = 0; i < n && err == VT_OK; i++) {
        json_t *role = NULL;
        err = make_role(keys, &roles[i], &role, why);
        if (err == VT_OK &&
            (json_object_set_new(role, "name", json_string(roles[i].name)) != 0 ||
                json_object_set_new(role, "terminating", json_false()) != 0 ||
                json_object_set_new(role, "paths", json_pack("[s]", pattern)) != 0 ||
                json_array_append(all, role) != 0))
            err = no_memory(why);
        json_decref(role);
    }
    if (err == VT_OK && json_object_set_new(doc, "delegations",
                            json_pack("{s:O, s:O}", "keys", keys, "roles", all)) != 0)
        err = no_memory(why);
    json_decref(keys);
    json_decref(all);
    return err;
}

enum vt_err
vt_document_meta(json_t *doc, const char *name, uint64_t version, const void *data, size_t len,
    struct vt_why *why)
{
    struct vt_digest d;
    char hex[VT_DIGEST_HEX_SIZE];
    json_t *meta = json_object_get(doc, "meta");
    if (meta == NULL) {
        meta = json_object();
        if (json_object_set_new(doc, "meta", meta) != 0)
            return no_memory(why);
    }
    vt_digest_of(data, len, &d);
    vt_digest_hex(&d, hex);
    json_t *file = json_pack("{s:I, s:I, s:{s:s}}", "version", (json_int_t)version, "length",
        (json_int_t)len, "hashes", "sha256", hex);
    return json_object_set_new(meta, name, file) != 0 ? no_memory(why) : VT_OK;
}

static enum vt_err
add_signature(
    json_t *sigs, struct vt_signer *s, const struct vt_buf *canonical, struct vt_why *why)
{
    struct vt_sig sig;
    char id[VT_DIGEST_HEX_SIZE];
    char hex[2 * VT_SIG_SIZE + 1];
    enum vt_err err = vt_tuf_key_id(vt_signer_public(s), id, why);
    if (err == VT_OK)
        err = vt_signer_sign(s, VT_SIGN_TUF, canonical->data, canonical->len, &sig, why);
    if (err != VT_OK)
        return err;
    vt_hex_encode(sig.b, sizeof sig.b, hex);
    return json_array_append_new(sigs, json_pack("{s:s, s:s}", "keyid", id, "sig", hex)) != 0
               ? no_memory(why)
               : VT_OK;
}

enum vt_err
vt_document_text(const json_t *file, struct vt_buf *b, struct vt_why *why)
{
    enum vt_err err = vt_json_text(file, false, b, why);
    if (err == VT_OK)
        err = vt_buf_check(b, "metadata", why);
    if (err == VT_OK && b->len > 0 && b->data[b->len - 1] == '\n')
        b->data[--b->len] = '\0';
    return err;
}

enum vt_err
vt_document_sign(const json_t *doc, struct vt_signer *const *signers, size_t n,
    struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf canonical = VT_BUF(VT_TUF_METADATA_MAX);
    json_t *sigs = json_array();
    json_t *copy = json_deep_copy(doc);
    json_t *file = NULL;
    enum vt_err err = sigs == NULL || copy == NULL ? no_memory(why) : VT_OK;
    if (err == VT_OK)
        err = vt_json_canonical(doc, &canonical, why);
    if (err == VT_OK)
        err = vt_buf_check(&canonical, "metadata", why);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = add_signature(sigs, signers[i], &canonical, why);
    if (err == VT_OK) {
        file = json_pack("{s:O, s:O}", "signatures", sigs, "signed", copy);
        err = file == NULL ? no_memory(why) : vt_document_text(file, b, why);
    }
    json_decref(file);
    json_decref(copy);
    json_decref(sigs);
    vt_buf_release(&canonical);
    return err;
}
