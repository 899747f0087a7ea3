/* SPDX-License-Identifier: Apache-2.0 */
#include "report/known.h"

#include "base/file.h"
#include "http/client.h"
#include "ledger/evidence.h"
#include "ledger/record.h"
#include "report/batch_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_FILE "policy.evidence"

/* Where a document stands in the log, to tell forward from back. */
struct place {
    struct vt_digest doc;
    uint64_t index;
    uint64_t size;
    struct vt_digest root;
};

struct vt_known {
    const struct vt_policy *trust;
    char dir[VT_PATH_MAX];
    char region[VT_REGION_MAX + 1];
    char class_name[VT_WORD_MAX + 1];
    struct vt_vault_policy *policy; /* NULL: none yet */
    struct place policy_place;
    bool has_key;
    struct vt_region_key key;
    struct place key_place;
};

/* One evidence file, checked. */
struct checked {
    struct vt_evidence_file file;
    struct vt_doc *doc;
    struct place place; /* of its first item */
    struct vt_signer_set signers;
    const struct vt_policy_party *signer; /* of the first item */
};

static struct place
place_of(const struct vt_fact *f)
{
    struct place p = {
        .index = f->index, .size = f->checkpoint.size, .root = f->checkpoint.root};

    p.doc = *vt_doc_digest(f->doc);
    return p;
}

/* Whether `now` may follow `before`: the same document, or one that stands further on in
 * a tree that continues, as far as sizes and roots tell. */
static enum vt_err
check_forward(
    const struct place *before, const struct place *now, const char *what, struct vt_why *why)
{
    if (before->size == now->size && !vt_digest_eq(&before->root, &now->root))
        return vt_fail(why, VT_E_PROOF, "%s: two trees of %llu entries: the log is forked",
            what, (unsigned long long)now->size);
    if (vt_digest_eq(&before->doc, &now->doc))
        return VT_OK;
    if (now->index <= before->index || now->size < before->size)
        return vt_fail(why, VT_E_ROLLBACK,
            "%s: entry %llu of a tree of %llu; entry %llu of %llu was known already", what,
            (unsigned long long)now->index, (unsigned long long)now->size,
            (unsigned long long)before->index, (unsigned long long)before->size);
    return VT_OK;
}

/* All items say the same document; who signed them is gathered. */
static enum vt_err
check_items(
    const struct vt_known *k, enum vt_entry_kind kind, struct checked *c, struct vt_why *why)
{
    const struct vt_policy_party *all;
    size_t count = vt_policy_signers(k->trust, &all);
    enum vt_err err = VT_OK;

    if (c->file.count == 0)
        return vt_fail(why, VT_E_SYNTAX, "evidence of nothing");
    for (size_t i = 0; i < c->file.count && err == VT_OK; i++) {
        struct vt_fact f = {0};

        err = vt_fact_check(k->trust, kind, &c->file.item[i], &f, why);
        if (err != VT_OK)
            break;
        for (size_t s = 0; s < count; s++)
            c->signers.has[s] |= &all[s] == f.signer;
        if (i == 0) {
            c->place = place_of(&f);
            c->signer = f.signer;
            c->doc = f.doc;
            f.doc = NULL; /* moved */
        } else if (!vt_digest_eq(vt_doc_digest(f.doc), &c->place.doc)) {
            err = vt_fail(why, VT_E_REFUSED, "evidence of several documents");
        }
        vt_fact_release(&f);
    }
    return err;
}

static enum vt_err
check_evidence(const struct vt_known *k, enum vt_entry_kind kind, const void *data, size_t len,
    struct checked *ret, struct vt_why *why)
{
    enum vt_err err = vt_evidence_parse(data, len, &ret->file, why);

    if (err == VT_OK)
        err = check_items(k, kind, ret, why);
    /* For the policy a demand must be there; for others it counts when there is one. */
    if (err == VT_OK && (kind == VT_ENTRY_VAULT_POLICY ||
                            vt_policy_demand_of(k->trust, kind) == VT_POLICY_QUORUM))
        err = vt_policy_check_signers(k->trust, kind, &ret->signers, why);
    return err;
}

/* A newer policy, or the very same. */
static enum vt_err
check_serial(const struct vt_known *k, const struct vt_vault_policy *p, struct vt_why *why)
{
    unsigned long long was = vt_vault_policy_serial(k->policy);
    unsigned long long is = vt_vault_policy_serial(p);
    const struct vt_digest *known = vt_vault_policy_digest(k->policy);
    struct vt_digest previous;

    if (is < was)
        return vt_fail(why, VT_E_ROLLBACK,
            "the vault policy has serial %llu; %llu was known already", is, was);
    if (is == was && !vt_digest_eq(vt_vault_policy_digest(p), known))
        return vt_fail(why, VT_E_PROOF, "there are two vault policies of serial %llu", is);
    if (is == was + 1 &&
        (!vt_vault_policy_previous(p, &previous) || !vt_digest_eq(&previous, known)))
        return vt_fail(
            why, VT_E_PROOF, "vault policy %llu does not follow the known %llu", is, was);
    return VT_OK;
}

static enum vt_err
read_policy(const struct vt_known *k, const void *data, size_t len,
    struct vt_vault_policy **ret, struct place *ret_place, struct vt_why *why)
{
    struct checked c = {0};
    struct vt_vault_policy *p = NULL;
    const void *bytes;
    size_t n;
    enum vt_err err = check_evidence(k, VT_ENTRY_VAULT_POLICY, data, len, &c, why);

    if (err == VT_OK) {
        bytes = vt_doc_bytes(c.doc, &n);
        err = vt_vault_policy_parse(bytes, n, &p, why);
    }
    if (err == VT_OK && k->policy != NULL)
        err = check_serial(k, p, why);
    if (err == VT_OK && k->policy != NULL)
        err = check_forward(&k->policy_place, &c.place, "the vault policy", why);
    vt_doc_free(c.doc);
    if (err != VT_OK) {
        vt_vault_policy_free(p);
        return vt_fail_in(why, err, "the vault policy's evidence");
    }
    *ret = p;
    *ret_place = c.place;
    return VT_OK;
}

/* Whose key it is: the region's own site may say any; the site where the ceremony was,
 * before the region moved, only the one that is known already, or the first. */
static enum vt_err
check_key_site(const struct vt_known *k, const struct vt_vault_policy *p,
    const struct vt_region_key *key, const struct checked *c, struct vt_why *why)
{
    const struct vt_rule_region *region = vt_vault_policy_region(p, k->region);
    const struct vt_rule_party *keeper = vt_vault_policy_keeper(p, key->site);
    bool same = k->has_key && vt_digest_eq(&k->key_place.doc, &c->place.doc);

    if (strcmp(key->region, k->region) != 0)
        return vt_fail(
            why, VT_E_REFUSED, "the key is region %s's, not %s's", key->region, k->region);
    if (keeper == NULL || strcmp(keeper->key.name, c->signer->key.name) != 0 ||
        !vt_pubkey_eq(&keeper->key.pub, &c->signer->key.pub))
        return vt_fail(why, VT_E_REFUSED,
            "the key is signed by %s, who is not the keeper of %s in the vault policy",
            c->signer->key.name, key->site);
    if (k->has_key && !same && strcmp(key->site, region->site) != 0)
        return vt_fail(why, VT_E_REFUSED,
            "another key for region %s, by %s: %s keeps that region", k->region, key->site,
            region->site);
    return VT_OK;
}

static enum vt_err
read_key(const struct vt_known *k, const struct vt_vault_policy *p, const void *data,
    size_t len, struct vt_region_key *ret, struct place *ret_place, struct vt_why *why)
{
    struct checked c = {0};
    struct vt_region_key key;
    enum vt_err err = check_evidence(k, VT_ENTRY_VAULT_KEY, data, len, &c, why);

    if (err == VT_OK)
        err = vt_region_key_read(c.doc, &key, why);
    if (err == VT_OK)
        err = check_key_site(k, p, &key, &c, why);
    if (err == VT_OK && k->has_key)
        err = check_forward(&k->key_place, &c.place, "the region's key", why);
    vt_doc_free(c.doc);
    if (err != VT_OK)
        return vt_fail_in(why, err, "the evidence of region %s's key", k->region);
    *ret = key;
    *ret_place = c.place;
    return VT_OK;
}

static enum vt_err
check_placed(const struct vt_known *k, const struct vt_vault_policy *p, struct vt_why *why)
{
    if (vt_vault_policy_region(p, k->region) == NULL)
        return vt_fail(why, VT_E_REFUSED, "the vault policy places no region %s", k->region);
    if (vt_vault_policy_class(p, k->class_name) == NULL)
        return vt_fail(why, VT_E_REFUSED, "the vault policy has no class %s", k->class_name);
    return VT_OK;
}

static enum vt_err
key_file(const struct vt_known *k, char ret[VT_PATH_MAX], struct vt_why *why)
{
    return vt_path(ret, why, "%s/%s.evidence", k->dir, k->region);
}

/* Whether evidence is worth keeping: not of the same document in no larger a tree. */
static bool
is_news(const struct place *before, const struct place *now)
{
    return !vt_digest_eq(&before->doc, &now->doc) || now->size > before->size;
}

/* Takes p over, or frees it when it tells nothing new. */
static enum vt_err
keep_policy(struct vt_known *k, struct vt_vault_policy *p, const struct place *place,
    const void *data, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = VT_OK;

    if (k->policy != NULL && !is_news(&k->policy_place, place)) {
        vt_vault_policy_free(p);
        return VT_OK;
    }
    err = vt_path(path, why, "%s/" POLICY_FILE, k->dir);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, data, len, why);
    if (err != VT_OK) {
        vt_vault_policy_free(p);
        return err;
    }
    vt_vault_policy_free(k->policy);
    k->policy = p;
    k->policy_place = *place;
    return VT_OK;
}

static enum vt_err
keep_key(struct vt_known *k, const struct vt_region_key *key, const struct place *place,
    const void *data, size_t len, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err;

    if (k->has_key && !is_news(&k->key_place, place))
        return VT_OK;
    err = key_file(k, path, why);
    if (err == VT_OK)
        err = vt_file_replace(path, 0600, data, len, why);
    if (err != VT_OK)
        return err;
    k->key = *key;
    k->key_place = *place;
    k->has_key = true;
    return VT_OK;
}

enum vt_err
vt_known_take(struct vt_known *k, const void *policy, size_t policy_len, const void *key,
    size_t key_len, struct vt_why *why)
{
    struct vt_vault_policy *p = NULL;
    struct vt_region_key region_key;
    struct place policy_place;
    struct place key_place;
    enum vt_err err;

    if (key == NULL && !k->has_key)
        return vt_fail(why, VT_E_STATE, "region %s has no key that is known", k->region);
    err = read_policy(k, policy, policy_len, &p, &policy_place, why);
    if (err == VT_OK)
        err = check_placed(k, p, why);
    if (err == VT_OK && key != NULL)
        err = read_key(k, p, key, key_len, &region_key, &key_place, why);
    if (err != VT_OK) {
        vt_vault_policy_free(p);
        return err;
    }
    /* The policy first: it is good without the key, and a key only with its policy. */
    err = keep_policy(k, p, &policy_place, policy, policy_len, why);
    if (err == VT_OK && key != NULL)
        err = keep_key(k, &region_key, &key_place, key, key_len, why);
    return err;
}

enum vt_err
vt_known_fetch(struct vt_known *k, struct vt_http *http, const char *url, struct vt_why *why)
{
    struct vt_buf policy = VT_BUF(VT_EVIDENCE_MAX);
    struct vt_buf key = VT_BUF(VT_EVIDENCE_MAX);
    char path[64];
    enum vt_err err = vt_http_get(http, url, "vault/v1/policy", &policy, why);

    (void)snprintf(path, sizeof path, "vault/v1/keys/%s", k->region);
    if (err == VT_OK)
        err = vt_http_get(http, url, path, &key, why);
    if (err != VT_OK && policy.len > 0 && k->has_key) {
        vt_why_clear(why);
        err = VT_OK;
    }
    if (err == VT_OK)
        err = vt_known_take(
            k, policy.data, policy.len, key.len > 0 ? key.data : NULL, key.len, why);
    vt_buf_release(&policy);
    vt_buf_release(&key);
    return err;
}

bool
vt_known_get(const struct vt_known *k, struct vt_known_facts *ret)
{
    const struct vt_rule_region *region;

    if (k->policy == NULL || !k->has_key || check_placed(k, k->policy, NULL) != VT_OK)
        return false;
    region = vt_vault_policy_region(k->policy, k->region);
    *ret = (struct vt_known_facts){.serial = vt_vault_policy_serial(k->policy),
        .policy = *vt_vault_policy_digest(k->policy),
        .key = k->key.public};
    memcpy(ret->site, region->site, sizeof ret->site);
    return true;
}

/* Reads what lies in the folder. Only a failing disk is an error: what does not hold is
 * fetched anew. */
static enum vt_err
load_policy(struct vt_known *k, struct vt_buf *b, struct vt_why *why)
{
    struct vt_vault_policy *p = NULL;
    struct place place;
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/" POLICY_FILE, k->dir);

    if (err == VT_OK)
        err = vt_file_read(path, b, why);
    if (err == VT_OK && read_policy(k, b->data, b->len, &p, &place, NULL) == VT_OK) {
        k->policy = p;
        k->policy_place = place;
    }
    return err;
}

static enum vt_err
load_key(struct vt_known *k, struct vt_buf *b, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = key_file(k, path, why);

    vt_buf_clear(b);
    if (err == VT_OK)
        err = vt_file_read(path, b, why);
    if (err == VT_OK &&
        read_key(k, k->policy, b->data, b->len, &k->key, &k->key_place, NULL) == VT_OK)
        k->has_key = true;
    return err;
}

static enum vt_err
load(struct vt_known *k, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_EVIDENCE_MAX);
    enum vt_err err = load_policy(k, &b, why);

    if (err == VT_OK && k->policy != NULL && check_placed(k, k->policy, NULL) == VT_OK)
        err = load_key(k, &b, why);
    vt_buf_release(&b);
    return err == VT_E_NOENT || err == VT_E_LIMIT ? VT_OK : err;
}

enum vt_err
vt_known_new(const struct vt_known_opts *opts, struct vt_known **ret, struct vt_why *why)
{
    struct vt_known *k;
    enum vt_err err;

    if (!vt_batch_region_valid(opts->region))
        return vt_fail(why, VT_E_USAGE, "`%s` cannot be a region", opts->region);
    if (!vt_batch_class_valid(opts->class_name))
        return vt_fail(why, VT_E_USAGE, "`%s` cannot be a class", opts->class_name);
    k = calloc(1, sizeof *k);
    if (k == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for what is known of a region");
    k->trust = opts->trust;
    memcpy(k->region, opts->region, strlen(opts->region) + 1);
    memcpy(k->class_name, opts->class_name, strlen(opts->class_name) + 1);
    err = vt_path(k->dir, why, "%s", opts->dir);
    if (err == VT_OK)
        err = load(k, why);
    if (err != VT_OK) {
        vt_known_free(k);
        return err;
    }
    *ret = k;
    return VT_OK;
}

void
vt_known_free(struct vt_known *k)
{
    if (k == NULL)
        return;
    vt_vault_policy_free(k->policy);
    free(k);
}
