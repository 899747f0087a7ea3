/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews that come to a site: docs/formats/review.md. */
#include "log/gate.h"
#include "review/doc.h"

/* A record of visits is by whom the policy names for it, where it names anybody. */
static enum vt_err
check_visits_signer(
    const struct vt_policy *p, const struct vt_policy_party *signer, struct vt_why *why)
{
    const struct vt_policy_party *signers;
    struct vt_signer_set members;
    unsigned least;

    if (vt_policy_demand_of(p, VT_ENTRY_VISITS) != VT_POLICY_QUORUM)
        return VT_OK;
    (void)vt_policy_signers(p, &signers);
    vt_policy_members(p, VT_ENTRY_VISITS, &members, &least);
    if (members.has[signer - signers])
        return VT_OK;
    return vt_fail(why, VT_E_UNKNOWN,
        "the record of visits is signed by `%s`, whom the policy's line `require visits` does "
        "not name",
        signer->name);
}

enum vt_err
vt_gate_review_document(const struct vt_policy *p, const struct vt_entry *entry,
    const struct vt_policy_party *signer, const void *document, size_t len, struct vt_why *why)
{
    struct vt_review r = {.file = NULL};
    struct vt_digest digest;
    enum vt_err err = vt_review_parse(document, len, &r, why);

    vt_digest_of(document, len, &digest);
    if (err == VT_OK)
        err = vt_review_matches(&r, &digest, entry, signer->key.name, why);
    if (err == VT_OK && r.kind == VT_ENTRY_VISITS)
        err = check_visits_signer(p, signer, why);
    vt_review_release(&r);
    return err;
}

/* The body's two parts. */
static enum vt_err
split(const void *body, size_t len, struct vt_gate_review *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(body, len);
    const uint8_t *document;
    uint32_t document_len;

    if (len > VT_GATE_REVIEW_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a review has at most %u bytes in all", VT_GATE_REVIEW_MAX);
    if (!vt_reader_u32(&r, &document_len) || !vt_reader_take(&r, document_len, &document))
        return vt_fail(why, VT_E_SYNTAX,
            "what was sent is not a document's length, the document, and its entry");
    if (document_len > VT_REVIEW_MAX || r.left > VT_ENTRY_MAX)
        return vt_fail(why, VT_E_LIMIT, "a review document has at most %u bytes, an entry %u",
            VT_REVIEW_MAX, VT_ENTRY_MAX);
    ret->document = (struct vt_slice){document, document_len};
    ret->entry = (struct vt_slice){r.p, r.left};
    return VT_OK;
}

enum vt_err
vt_gate_review(const struct vt_policy *p, const void *body, size_t len,
    struct vt_gate_review *ret, struct vt_why *why)
{
    const struct vt_policy_party *signer;
    struct vt_gate_review g = {.entry = {NULL, 0}};
    struct vt_note note;
    struct vt_entry entry;
    enum vt_err err = split(body, len, &g, why);

    if (err == VT_OK)
        err = vt_entry_parse(g.entry.data, g.entry.len, &note, &entry, why);
    if (err != VT_OK)
        return err;
    signer = vt_policy_signer_of(p, &note);
    if (signer == NULL)
        return vt_fail(why, VT_E_UNKNOWN,
            "the review is signed by %.*s, who is no signer of the policy",
            (int)note.sig[0].name_len, note.sig[0].name);
    err = vt_gate_review_document(p, &entry, signer, g.document.data, g.document.len, why);
    if (err == VT_OK)
        err = vt_entry_verify(&entry, &note, &signer->key, why);
    if (err != VT_OK)
        return err;
    vt_gate_entry_name(&signer->key, &note, &g.name);
    *ret = g;
    return VT_OK;
}
