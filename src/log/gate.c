/* SPDX-License-Identifier: Apache-2.0 */
#include "log/gate.h"

#include "attest/dsse.h"
#include "base/json.h"
#include "ledger/evidence.h"
#include "review/doc.h"
#include "store/store.h"

#include <string.h>

/* The most that staged metadata and a posted signature have. */
#define SIGNATURE_BODY_MAX 4096U

void
vt_gate_entry_name(
    const struct vt_vkey *signer, const struct vt_note *note, struct vt_digest *ret)
{
    char vkey[VT_VKEY_TEXT_MAX];
    struct vt_slice v[3];

    vt_vkey_format(signer, vkey);
    v[0] = (struct vt_slice){vkey, strlen(vkey)};
    v[1] = (struct vt_slice){"\n", 1};
    v[2] = (struct vt_slice){note->text, note->text_len};
    vt_digest_of_slices(v, 3, ret);
}

/* A ledger entry and its document say the same, by the same signer; a review's entry and its
 * document do. Other kinds have statements that their readers judge. */
static enum vt_err
check_statement(const struct vt_policy *p, struct vt_store *store, const struct vt_entry *entry,
    const struct vt_policy_party *signer, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_doc *doc = NULL;
    enum vt_doc_kind kind;
    const bool ledger = vt_ledger_kind(entry->kind, &kind);

    if (!ledger && !vt_review_kind(entry->kind))
        return VT_OK;
    enum vt_err err = vt_store_get(store, &entry->statement, &b, why);
    if (err == VT_OK && ledger)
        err = vt_ledger_doc_open(entry, &signer->key, b.data, b.len, &doc, why);
    else if (err == VT_OK)
        err = vt_gate_review_document(p, entry, signer, b.data, b.len, why);
    vt_doc_free(doc);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_gate_entry(const struct vt_policy *p, struct vt_store *store, const void *data, size_t len,
    struct vt_digest *ret_name, struct vt_why *why)
{
    const struct vt_policy_party *signer;
    struct vt_note note;
    struct vt_entry entry;
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err;

    if (len > VT_ENTRY_MAX)
        return vt_fail(why, VT_E_LIMIT, "an entry has at most %u bytes", VT_ENTRY_MAX);
    err = vt_entry_parse(data, len, &note, &entry, why);
    if (err != VT_OK)
        return err;
    signer = vt_policy_signer_of(p, &note);
    if (signer == NULL)
        return vt_fail(why, VT_E_UNKNOWN,
            "the entry is signed by %.*s, who is no signer of the "
            "policy",
            (int)note.sig[0].name_len, note.sig[0].name);
    err = vt_entry_verify(&entry, &note, &signer->key, why);
    if (err != VT_OK)
        return err;
    if (!vt_store_has(store, &entry.statement)) {
        vt_digest_hex(&entry.statement, hex);
        return vt_fail(why, VT_E_NOENT,
            "the statement sha256:%s is not in the store: POST it to "
            "/objects first",
            hex);
    }
    err = check_statement(p, store, &entry, signer, why);
    if (err != VT_OK)
        return err;
    vt_gate_entry_name(&signer->key, &note, ret_name);
    return VT_OK;
}

/* The hint that DSSE envelopes carry for a key. */
static void
dsse_keyid(const struct vt_pubkey *pub, char ret[VT_DIGEST_HEX_SIZE])
{
    struct vt_digest d;

    vt_digest_of(pub->b, VT_PUBKEY_SIZE, &d);
    vt_digest_hex(&d, ret);
}

enum vt_err
vt_gate_envelope(const struct vt_policy *p, const void *data, size_t len, struct vt_why *why)
{
    const struct vt_policy_party *s = NULL;
    size_t n = vt_policy_signers(p, &s);
    char keyid[VT_DIGEST_HEX_SIZE];
    enum vt_err err = VT_E_UNKNOWN;

    if (len > VT_DSSE_MAX)
        return vt_fail(why, VT_E_LIMIT, "an envelope has at most %u bytes", VT_DSSE_MAX);
    (void)vt_fail(why, VT_E_UNKNOWN, "the envelope names no signer of the policy by keyid");
    for (size_t i = 0; i < n; i++) {
        struct vt_buf payload = VT_BUF(VT_DSSE_MAX);

        if (s[i].key.alg != VT_NOTE_ED25519)
            continue; /* a passkey signs no statements */
        dsse_keyid(&s[i].key.pub, keyid);
        if (memmem(data, len, keyid, VT_DIGEST_HEX_SIZE - 1) == NULL)
            continue;
        err = vt_dsse_open(data, len, &s[i].key.pub, &payload, why);
        vt_buf_release(&payload);
        if (err == VT_OK)
            return VT_OK;
    }
    return err;
}

enum vt_err
vt_gate_document(const struct vt_policy *p, const void *data, size_t len, struct vt_why *why)
{
    const struct vt_policy_party *s = NULL;
    size_t n = vt_policy_signers(p, &s);
    struct vt_doc *doc = NULL;
    size_t known = 0;

    enum vt_err err = vt_doc_parse(data, len, (enum vt_doc_kind)0, &doc, why);
    for (size_t i = 0; i < n && err == VT_OK; i++) {
        if (s[i].key.alg != VT_NOTE_ED25519)
            continue; /* nor ledger documents */
        err = vt_doc_verify(doc, &s[i].key, why);
        if (err == VT_OK)
            known++;
        else if (err == VT_E_UNKNOWN)
            err = VT_OK;
    }
    if (err == VT_OK && known == 0)
        err = vt_fail(
            why, VT_E_UNKNOWN, "no signer of the policy has signed the ledger document");
    vt_doc_free(doc);
    return err;
}

enum vt_err
vt_gate_object(const struct vt_policy *p, const void *data, size_t len, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);

    return vt_reader_skip(&r, "vitrine/vault/") ? vt_gate_document(p, data, len, why)
                                                : vt_gate_envelope(p, data, len, why);
}

bool
vt_gate_role_valid(const char *role)
{
    size_t len = strlen(role);

    return len >= 1 && len <= 64 &&
           strspn(role, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

enum vt_err
vt_gate_tuf_keyid(const struct vt_pubkey *pub, char ret[VT_DIGEST_HEX_SIZE], struct vt_why *why)
{
    struct vt_buf b = VT_BUF(512);
    struct vt_digest d;
    enum vt_err err;

    /* Canonical JSON of the key object; its members stand sorted. */
    vt_buf_puts(&b, "{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"");
    vt_buf_put_hex(&b, pub->b, VT_PUBKEY_SIZE);
    vt_buf_puts(&b, "\"},\"scheme\":\"ed25519\"}");
    err = vt_buf_check(&b, "key id", why);
    if (err == VT_OK) {
        vt_digest_of(b.data, b.len, &d);
        vt_digest_hex(&d, ret);
    }
    vt_buf_release(&b);
    return err;
}

/* The assembler or rebuilder whose key has that TUF key id. */
static enum vt_err
find_role_key(const struct vt_policy *p, const char *keyid, const struct vt_policy_party **ret,
    struct vt_why *why)
{
    const struct vt_policy_party *s = NULL;
    size_t n = vt_policy_signers(p, &s);
    struct vt_signer_set assemblers;
    struct vt_signer_set rebuilders;
    unsigned least;
    char id[VT_DIGEST_HEX_SIZE];

    vt_policy_members(p, VT_ENTRY_ASSEMBLY, &assemblers, &least);
    vt_policy_members(p, VT_ENTRY_REBUILD, &rebuilders, &least);
    for (size_t i = 0; i < n; i++) {
        enum vt_err err;

        if ((!assemblers.has[i] && !rebuilders.has[i]) || s[i].key.alg != VT_NOTE_ED25519)
            continue;
        err = vt_gate_tuf_keyid(&s[i].key.pub, id, why);
        if (err != VT_OK)
            return err;
        if (strcmp(id, keyid) == 0) {
            *ret = &s[i];
            return VT_OK;
        }
    }
    return vt_fail(
        why, VT_E_UNKNOWN, "no assembler or rebuilder of the policy has the key %.64s", keyid);
}

static enum vt_err
parse_signature(const void *body, size_t len, struct vt_staged_sig *ret, struct vt_why *why)
{
    json_t *o = NULL;
    const char *keyid = NULL;
    const char *sig = NULL;
    struct vt_digest d;
    uint8_t raw[VT_SIG_SIZE];
    size_t n;
    enum vt_err err;

    if (len > SIGNATURE_BODY_MAX)
        return vt_fail(why, VT_E_LIMIT, "a signature has at most %u bytes", SIGNATURE_BODY_MAX);
    err = vt_json_parse(body, len, "signature", &o, why);
    if (err == VT_OK)
        err = vt_json_int(o, "version", 1, INT64_MAX, &ret->version, why);
    if (err == VT_OK)
        err = vt_json_str(o, "keyid", &keyid, why);
    if (err == VT_OK)
        err = vt_json_str(o, "sig", &sig, why);
    if (err == VT_OK &&
        (!vt_digest_from_hex(keyid, strlen(keyid), &d) ||
            !vt_hex_decode(sig, strlen(sig), raw, sizeof(raw), &n) || n != VT_SIG_SIZE))
        err = vt_fail(why, VT_E_SYNTAX, "keyid and sig are 64 and 128 lower-case hex digits");
    if (err == VT_OK) {
        memcpy(ret->keyid, keyid, sizeof(ret->keyid));
        memcpy(ret->sig, sig, sizeof(ret->sig));
    }
    json_decref(o);
    return err;
}

/* Whether the signature is the key's over the canonical form of `signed`. */
static enum vt_err
verify_signature(const json_t *signed_part, const struct vt_policy_party *signer,
    const struct vt_staged_sig *s, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_DSSE_MAX);
    struct vt_sig sig;
    size_t n;
    enum vt_err err = vt_json_canonical(signed_part, &b, why);

    if (err == VT_OK)
        err = vt_buf_check(&b, "metadata", why);
    if (err == VT_OK && (!vt_hex_decode(s->sig, strlen(s->sig), sig.b, sizeof(sig.b), &n) ||
                            !vt_pubkey_verify(&signer->key.pub, b.data, b.len, &sig)))
        err = vt_fail(why, VT_E_SIG,
            "the signature of %s does not verify over the staged "
            "metadata",
            signer->name);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_gate_staged(const struct vt_policy *p, const void *staged, size_t staged_len,
    const void *body, size_t body_len, struct vt_staged_sig *ret, struct vt_why *why)
{
    const struct vt_policy_party *signer = NULL;
    struct vt_staged_sig s = {0};
    json_t *doc = NULL;
    json_t *signed_part = NULL;
    int64_t version = 0;
    enum vt_err err = parse_signature(body, body_len, &s, why);

    if (err == VT_OK)
        err = find_role_key(p, s.keyid, &signer, why);
    if (err == VT_OK)
        err = vt_json_parse(staged, staged_len, "staged metadata", &doc, why);
    if (err == VT_OK)
        err = vt_json_obj(doc, "signed", &signed_part, why);
    if (err == VT_OK)
        err = vt_json_int(signed_part, "version", 1, INT64_MAX, &version, why);
    if (err == VT_OK && version != s.version)
        err = vt_fail(why, VT_E_STATE, "version %lld is staged, not %lld", (long long)version,
            (long long)s.version);
    if (err == VT_OK)
        err = verify_signature(signed_part, signer, &s, why);
    if (err == VT_OK)
        *ret = s;
    json_decref(doc);
    return err;
}
