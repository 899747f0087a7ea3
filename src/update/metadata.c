/* SPDX-License-Identifier: Apache-2.0 */
#include "update/metadata.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct signature {
    const char *keyid;
    const char *sig; /* hex */
};

struct vt_tuf {
    enum vt_tuf_type type;
    json_t *doc;
    struct vt_buf canonical; /* what the signatures cover */
    uint64_t version;
    int64_t expires;
    size_t sig_count;
    struct signature *sig;
    struct vt_tuf_body body;
};

static const char *const type_names[] = {
    [VT_TUF_ROOT] = "root",
    [VT_TUF_TARGETS] = "targets",
    [VT_TUF_SNAPSHOT] = "snapshot",
    [VT_TUF_TIMESTAMP] = "timestamp",
};

const char *
vt_tuf_type_name(enum vt_tuf_type type)
{
    return type_names[type];
}

static size_t
size_max_of(enum vt_tuf_type type)
{
    if (type == VT_TUF_ROOT)
        return VT_TUF_ROOT_MAX;
    return type == VT_TUF_TIMESTAMP ? VT_TUF_TIMESTAMP_MAX : VT_TUF_METADATA_MAX;
}

static enum vt_err
add_signature(struct vt_tuf *t, const json_t *obj, struct vt_why *why)
{
    struct signature s = {"", ""};
    enum vt_err err = vt_json_str(obj, "keyid", &s.keyid, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "sig", &s.sig, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "signatures");
    for (size_t i = 0; i < t->sig_count; i++)
        if (t->sig[i].keyid != NULL && strcmp(t->sig[i].keyid, s.keyid) == 0)
            return vt_fail(why, VT_E_SYNTAX, "two signatures have the keyid %.64s", s.keyid);
    t->sig[t->sig_count++] = s;
    return VT_OK;
}

static enum vt_err
read_signatures(struct vt_tuf *t, struct vt_why *why)
{
    json_t *sigs = NULL;
    enum vt_err err = vt_json_arr(t->doc, "signatures", VT_TUF_SIGS_MAX, &sigs, why);
    if (err != VT_OK)
        return err;
    t->sig = calloc(json_array_size(sigs) + 1, sizeof *t->sig);
    if (t->sig == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for signatures");
    for (size_t i = 0; i < json_array_size(sigs) && err == VT_OK; i++)
        err = add_signature(t, json_array_get(sigs, i), why);
    return err;
}

/* "1.N" or "1.N.N", as the specification's first major version has it. */
static bool
is_version_1(const char *s)
{
    uint64_t n = 0;
    int parts = 0;
    struct vt_reader r = VT_READER(s, strlen(s));
    struct vt_reader word;
    while (vt_reader_word(&r, '.', &word)) {
        if (!vt_reader_decimal(&word, UINT32_MAX, &n) || (parts == 0 && n != 1))
            return false;
        parts++;
    }
    return parts == 2 || parts == 3;
}

static enum vt_err
read_common(struct vt_tuf *t, const json_t *obj, struct vt_why *why)
{
    const char *type = NULL;
    const char *spec = NULL;
    const char *expires = NULL;
    int64_t version = 0;
    enum vt_err err = vt_json_str(obj, "_type", &type, why);
    if (err == VT_OK && strcmp(type, type_names[t->type]) != 0)
        err = vt_fail(why, VT_E_SYNTAX, "its type is %.40s, not %s", type, type_names[t->type]);
    if (err == VT_OK)
        err = vt_json_str(obj, "spec_version", &spec, why);
    if (err == VT_OK && !is_version_1(spec))
        err = vt_fail(why, VT_E_SYNTAX, "spec_version is %.40s; only 1.x is understood", spec);
    if (err == VT_OK)
        err = vt_json_int(obj, "version", 1, INT64_MAX, &version, why);
    if (err == VT_OK)
        err = vt_json_str(obj, "expires", &expires, why);
    if (err == VT_OK && !vt_time_parse(expires, &t->expires))
        err = vt_fail(why, VT_E_SYNTAX, "expires is no time such as 2030-01-02T03:04:05Z");
    t->version = (uint64_t)version;
    return err;
}

static enum vt_err
read_body(struct vt_tuf *t, const json_t *obj, struct vt_why *why)
{
    switch (t->type) {
    case VT_TUF_ROOT:
        return vt_tuf_body_root(&t->body, obj, why);
    case VT_TUF_TARGETS:
        return vt_tuf_body_targets(&t->body, obj, why);
    case VT_TUF_SNAPSHOT:
        return vt_tuf_body_meta(&t->body, obj, "targets.json", why);
    case VT_TUF_TIMESTAMP:
        return vt_tuf_body_meta(&t->body, obj, "snapshot.json", why);
    }
    return vt_fail(why, VT_E_USAGE, "no such type of metadata: %d", (int)t->type);
}

static enum vt_err
read_all(struct vt_tuf *t, const void *data, size_t len, const char *what, struct vt_why *why)
{
    json_t *obj = NULL;
    enum vt_err err = vt_json_parse(data, len, what, &t->doc, why);
    if (err != VT_OK)
        return err; /* it names the document already */
    err = vt_json_obj(t->doc, "signed", &obj, why);
    if (err == VT_OK)
        err = read_signatures(t, why);
    if (err == VT_OK)
        err = vt_json_canonical(obj, &t->canonical, why);
    if (err == VT_OK)
        err = vt_buf_check(&t->canonical, "its canonical form", why);
    if (err == VT_OK)
        err = read_common(t, obj, why);
    if (err == VT_OK)
        err = read_body(t, obj, why);
    return err == VT_OK ? VT_OK : vt_fail_in(why, err, "%s", what);
}

enum vt_err
vt_tuf_parse(const void *data, size_t len, enum vt_tuf_type type, const char *what,
    struct vt_tuf **ret, struct vt_why *why)
{
    if (len > size_max_of(type))
        return vt_fail(why, VT_E_LIMIT, "%s: %zu bytes; at most %zu are read", what, len,
            size_max_of(type));
    struct vt_tuf *t = calloc(1, sizeof *t);
    if (t == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %s", what);
    t->type = type;
    /* The canonical form is never longer than the text it came from. */
    vt_buf_init(&t->canonical, 2 * size_max_of(type));
    enum vt_err err = read_all(t, data, len, what, why);
    if (err != VT_OK) {
        vt_tuf_free(t);
        return err;
    }
    *ret = t;
    return VT_OK;
}

void
vt_tuf_free(struct vt_tuf *t)
{
    if (t == NULL)
        return;
    vt_tuf_body_release(&t->body);
    vt_buf_release(&t->canonical);
    free(t->sig);
    json_decref(t->doc);
    free(t);
}

uint64_t
vt_tuf_version(const struct vt_tuf *t)
{
    return t->version;
}

int64_t
vt_tuf_expires(const struct vt_tuf *t)
{
    return t->expires;
}

const struct vt_tuf_body *
vt_tuf_body(const struct vt_tuf *t)
{
    return &t->body;
}

const json_t *
vt_tuf_document(const struct vt_tuf *t)
{
    return t->doc;
}

const struct vt_tuf_role *
vt_tuf_role(const struct vt_tuf *t, const char *name)
{
    for (size_t i = 0; i < t->body.role_count; i++)
        if (strcmp(t->body.role[i].name, name) == 0)
            return &t->body.role[i];
    return NULL;
}

const struct vt_tuf_file *
vt_tuf_file(const struct vt_tuf *t, const char *name)
{
    for (size_t i = 0; i < t->body.file_count; i++)
        if (strcmp(t->body.file[i].name, name) == 0)
            return &t->body.file[i];
    return NULL;
}

const struct vt_tuf_target *
vt_tuf_target(const struct vt_tuf *t, const char *path)
{
    for (size_t i = 0; i < t->body.target_count; i++)
        if (strcmp(t->body.target[i].path, path) == 0)
            return &t->body.target[i];
    return NULL;
}

static const struct signature *
signature_of(const struct vt_tuf *t, const struct vt_tuf_key *k)
{
    for (size_t i = 0; i < t->sig_count; i++)
        if (strcmp(t->sig[i].keyid, k->id) == 0)
            return &t->sig[i];
    return NULL;
}

static bool
has_signed(const struct vt_tuf *t, const struct vt_tuf_key *k)
{
    uint8_t sig[VT_TUF_SIG_MAX];
    size_t len = 0;
    const struct signature *s = signature_of(t, k);
    return s != NULL && vt_hex_decode(s->sig, strlen(s->sig), sig, sizeof sig, &len) &&
           vt_tuf_key_verify(k, t->canonical.data, t->canonical.len, sig, len);
}

/* Whether a key before number i of the role is the same key under another id
 * and has signed. */
static bool
counted_before(const struct vt_tuf_role *role, size_t i, const bool *signed_by)
{
    for (size_t j = 0; j < i; j++)
        if (signed_by[j] && vt_digest_eq(&role->key[j]->value, &role->key[i]->value))
            return true;
    return false;
}

size_t
vt_tuf_signers(const struct vt_tuf *t, const struct vt_tuf_role *role, bool *ret_signed)
{
    bool by[VT_TUF_ROLE_KEYS_MAX] = {false};
    size_t count = 0;
    for (size_t i = 0; i < role->key_count; i++) {
        by[i] = !counted_before(role, i, by) && has_signed(t, role->key[i]);
        count += by[i];
    }
    if (ret_signed != NULL)
        memcpy(ret_signed, by, role->key_count * sizeof *by);
    return count;
}

static void
put_missing(struct vt_buf *b, const struct vt_tuf *t, const struct vt_tuf_key *k,
    const struct vt_tuf_names *names)
{
    const char *name = NULL;
    if (names != NULL && k->scheme == VT_TUF_ED25519)
        name = names->name(names->ctx, &k->ed25519);
    vt_buf_puts(b, b->len == 0 ? "" : ", ");
    if (name != NULL)
        vt_buf_puts(b, name);
    else
        vt_buf_putf(b, "key %.16s", k->id);
    if (signature_of(t, k) != NULL)
        vt_buf_puts(b, " (its signature is there, but wrong)");
}

enum vt_err
vt_tuf_check_role(const struct vt_tuf *t, const struct vt_tuf_role *role,
    const struct vt_tuf_names *names, struct vt_why *why)
{
    bool by[VT_TUF_ROLE_KEYS_MAX] = {false};
    size_t count = vt_tuf_signers(t, role, by);
    if (count >= role->threshold)
        return VT_OK;
    struct vt_buf missing = VT_BUF(VT_TUF_ROLE_KEYS_MAX * (VT_KEY_NAME_MAX + 40));
    for (size_t i = 0; i < role->key_count; i++)
        if (!by[i])
            put_missing(&missing, t, role->key[i], names);
    enum vt_err err = vt_fail(why, VT_E_QUORUM,
        "%s version %llu: %zu of the %llu signatures needed: missing %s", role->name,
        (unsigned long long)t->version, count, (unsigned long long)role->threshold,
        missing.len == 0 ? "keys that nobody has named" : vt_buf_str(&missing));
    vt_buf_release(&missing);
    return err;
}

bool
vt_tuf_may_name(const struct vt_tuf *targets, const char *name, const char *path)
{
    for (size_t i = 0; i < targets->body.role_count; i++) {
        const struct vt_tuf_role *r = &targets->body.role[i];
        bool matches = vt_tuf_role_matches(r, path);
        if (strcmp(r->name, name) == 0)
            return matches;
        if (matches && r->terminating)
            return false;
    }
    return false;
}

bool
vt_tuf_channel_valid(const char *name)
{
    size_t len = strlen(name);
    if (len < 1 || len > 64 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len ||
        name[0] == '-')
        return false;
    for (size_t i = VT_TUF_ROOT; i <= VT_TUF_TIMESTAMP; i++)
        if (strcmp(name, type_names[i]) == 0)
            return false;
    return true;
}
