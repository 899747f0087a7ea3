/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/api_vault.h"

#include "centre/api_parts.h"
#include "ledger/policy.h"

#include <string.h>

/* Reads a policy's document; NULL when it is not there or is none. */
static struct vt_vault_policy *
read_policy(struct vt_log_reader *log, const struct vt_digest *digest)
{
    struct vt_buf b = VT_BUF(VT_DOC_MAX);
    struct vt_vault_policy *p = NULL;

    if (vt_log_reader_object(log, digest, &b, NULL) != VT_OK ||
        vt_vault_policy_parse(b.data, b.len, &p, NULL) != VT_OK)
        p = NULL;
    vt_buf_release(&b);
    return p;
}

enum vt_err
vt_api_vault(struct vt_api_call *c, const struct vt_digest *digest,
    const struct vt_vault_policy **ret, struct vt_why *why)
{
    struct vt_api *a = c->api;
    struct vt_log_reader *log = NULL;
    enum vt_err err;

    if (a->vault == NULL || !vt_digest_eq(&a->vault_digest, digest)) {
        err = vt_api_log(c, &log, why);
        if (err != VT_OK)
            return err;
        vt_vault_policy_free(a->vault);
        a->vault = read_policy(log, digest);
        a->vault_digest = *digest;
    }
    *ret = a->vault;
    return VT_OK;
}

/* Who of the trust policy's signers has said that vault policy. */
static enum vt_err
who_said(struct vt_api_call *c, const struct vt_digest *digest, struct vt_signer_set *ret,
    struct vt_why *why)
{
    const struct vt_policy_party *signer;
    size_t n = vt_policy_signers(c->api->policy, &signer);
    struct vt_sql_rows *rows = NULL;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT e.signer FROM document d JOIN entry e ON e.idx=d.idx"
        " WHERE d.digest=? AND d.kind='vault-policy'",
        "d", digest);

    memset(ret, 0, sizeof(*ret));
    while (err == VT_OK) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        for (size_t i = 0; i < n; i++)
            if (strcmp(signer[i].name, vt_sql_text(rows, 0)) == 0)
                ret->has[i] = true;
    }
    vt_sql_end(rows);
    return err;
}

/* The newest digest that enough have said. */
static enum vt_err
find_now(struct vt_api_call *c, struct vt_digest *ret, int64_t *ret_index, bool *ret_found,
    struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    struct vt_signer_set set;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT digest,max(idx) FROM document WHERE kind='vault-policy' GROUP BY digest"
        " ORDER BY 2 DESC LIMIT 1000",
        "");

    *ret_found = false;
    while (err == VT_OK && !*ret_found) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        *ret_index = vt_sql_int(rows, 1);
        if (!vt_sql_digest(rows, 0, ret))
            continue;
        err = who_said(c, ret, &set, why);
        *ret_found = err == VT_OK && vt_policy_check_signers(c->api->policy,
                                         VT_ENTRY_VAULT_POLICY, &set, NULL) == VT_OK;
    }
    vt_sql_end(rows);
    return err;
}

enum vt_err
vt_api_vault_now(struct vt_api_call *c, const struct vt_vault_policy **ret, int64_t *ret_index,
    struct vt_why *why)
{
    struct vt_digest d;
    bool found = false;
    enum vt_err err = find_now(c, &d, ret_index, &found, why);

    if (err == VT_OK && found)
        return vt_api_vault(c, &d, ret, why);
    if (err == VT_OK)
        *ret = NULL;
    return err;
}

bool
vt_api_vault_is(
    const struct vt_api_call *c, const struct vt_rule_party *party, const char *signer)
{
    const struct vt_policy_party *s;
    size_t n = vt_policy_signers(c->api->policy, &s);

    for (size_t i = 0; i < n && party != NULL; i++)
        if (strcmp(s[i].name, signer) == 0)
            return strcmp(s[i].key.name, party->key.name) == 0 &&
                   memcmp(&s[i].key.pub, &party->key.pub, sizeof(party->key.pub)) == 0;
    return false;
}

json_t *
vt_api_fields(struct vt_sql_rows *r, int column)
{
    const char *text = vt_sql_text(r, column);
    json_t *v = NULL;

    if (vt_json_parse(text, strlen(text), "fields", &v, NULL) != VT_OK || !json_is_array(v)) {
        json_decref(v);
        return NULL;
    }
    return v;
}

const char *
vt_api_field(const json_t *fields, const char *name)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(fields, i, pair)
    {
        const char *is = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));

        if (is != NULL && value != NULL && strcmp(is, name) == 0)
            return value;
    }
    return "";
}

json_t *
vt_api_field_text(const json_t *fields, const char *name)
{
    return vt_api_text_or_null(vt_api_field(fields, name));
}

json_t *
vt_api_field_count(const json_t *fields, const char *name)
{
    const char *text = vt_api_field(fields, name);
    struct vt_reader r = VT_READER(text, strlen(text));
    uint64_t n;

    return json_integer(vt_reader_decimal(&r, INT64_MAX, &n) ? (json_int_t)n : 0);
}

bool
vt_api_field_digest(const json_t *fields, const char *name, struct vt_digest *ret)
{
    const char *text = vt_api_field(fields, name);
    struct vt_reader r = VT_READER(text, strlen(text));

    return vt_reader_skip(&r, "sha256:") && vt_digest_from_hex((const char *)r.p, r.left, ret);
}
