/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: what an item of evidence proves, and to which tree. */
#include "ledger/evidence.h"
#include "note/field.h"
#include "note/proof_check.h"

#include <inttypes.h>
#include <string.h>

void
vt_fact_release(struct vt_fact *f)
{
    vt_doc_free(f->doc);
    f->doc = NULL;
}

/* The entry alone: of that kind, signed by a signer of the policy. */
static enum vt_err
open_entry(const struct vt_policy *policy, enum vt_entry_kind kind, const struct vt_evidence *e,
    struct vt_fact *f, struct vt_why *why)
{
    struct vt_note note;
    enum vt_err err = vt_entry_parse(e->entry.p, e->entry.len, &note, &f->entry, why);

    if (err != VT_OK)
        return err;
    if (f->entry.kind != kind)
        return vt_fail(why, VT_E_REFUSED, "the entry is of kind %s, not %s",
            vt_entry_kind_name(f->entry.kind), vt_entry_kind_name(kind));
    f->signer = vt_policy_signer_of(policy, &note);
    if (f->signer == NULL)
        return vt_fail(why, VT_E_UNKNOWN,
            "the %s entry is signed by %.*s, who is no signer of the trust policy",
            vt_entry_kind_name(kind), (int)note.sig[0].name_len, note.sig[0].name);
    return vt_entry_verify(&f->entry, &note, &f->signer->key, why);
}

enum vt_err
vt_fact_check(const struct vt_policy *policy, enum vt_entry_kind kind,
    const struct vt_evidence *e, struct vt_fact *ret, struct vt_why *why)
{
    struct vt_fact f = {.doc = NULL};

    enum vt_err err = vt_tlog_proof_check(policy, e->proof.p, e->proof.len, e->entry.p,
        e->entry.len, &f.index, &f.checkpoint, &f.cosigned_time, why);
    if (err == VT_OK)
        err = open_entry(policy, kind, e, &f, why);
    if (err == VT_OK)
        err = vt_ledger_doc_open(
            &f.entry, &f.signer->key, e->document.p, e->document.len, &f.doc, why);
    if (err == VT_OK)
        *ret = f;
    return err;
}

/* The cosignature of a witness whose key is called that; during a change of keys the policy
 * may name two. VT_E_UNKNOWN: none of them cosigned. */
static enum vt_err
verify_witness(const struct vt_policy *policy, const struct vt_note *note, const char *name,
    bool *ret_known)
{
    const struct vt_policy_party *v = NULL;
    size_t n = vt_policy_witnesses(policy, &v);
    enum vt_err best = VT_E_UNKNOWN;
    uint64_t time;

    *ret_known = false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].key.name, name) != 0)
            continue;
        *ret_known = true;
        enum vt_err err = vt_cosig_verify(note, &v[i].key, &time, NULL);
        if (err != VT_OK && err != VT_E_UNKNOWN)
            return err;
        if (err == VT_OK)
            best = VT_OK;
    }
    return best;
}

enum vt_err
vt_fact_cosigned_by(const struct vt_policy *policy, const struct vt_evidence *e,
    const char *witness, struct vt_why *why)
{
    struct vt_tlog_proof proof;
    struct vt_note note;
    bool known = false;

    enum vt_err err = vt_tlog_proof_parse(e->proof.p, e->proof.len, &proof, why);
    if (err == VT_OK)
        err = vt_note_parse(proof.checkpoint, proof.checkpoint_len, &note, why);
    if (err != VT_OK)
        return err;
    err = verify_witness(policy, &note, witness, &known);
    if (!known)
        return vt_fail(why, VT_E_QUORUM,
            "the trust policy names no witness with the key of `%s`", witness);
    if (err == VT_E_UNKNOWN)
        return vt_fail(
            why, VT_E_QUORUM, "the checkpoint lacks the cosignature of `%s`", witness);
    if (err != VT_OK)
        return vt_fail(why, err, "the cosignature of `%s` does not verify", witness);
    return VT_OK;
}

/* ---- the newest tree seen ---- */

/* The file's consistency proof, whose lines end with the file and not with an empty one. */
static enum vt_err
get_consistency(const struct vt_evidence_file *file, struct vt_proof *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_PROOF_MAX * 64);
    struct vt_reader r;

    vt_buf_put(&b, file->consistency.p, file->consistency.len);
    vt_buf_put_u8(&b, '\n');
    enum vt_err err = vt_buf_check(&b, "a consistency proof", why);
    if (err == VT_OK) {
        r = VT_READER(b.data, b.len);
        err = vt_field_path(&r, ret, why);
        if (err == VT_OK && r.left > 0)
            err = vt_fail(why, VT_E_SYNTAX, "a consistency proof has an empty line");
    }
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_ledger_view_check(struct vt_ledger_view *v, const struct vt_fact *f,
    const struct vt_evidence_file *file, struct vt_why *why)
{
    const struct vt_checkpoint *c = &f->checkpoint;
    struct vt_proof proof = {0};
    enum vt_err err = VT_OK;

    if (v->size > 0 && c->size == v->size) {
        if (!vt_digest_eq(&c->root, &v->root))
            return vt_fail(why, VT_E_PROOF,
                "%s is forked: there is another tree of %" PRIu64 " entries", c->origin,
                v->size);
        return VT_OK;
    }
    if (v->size > 0)
        err = get_consistency(file, &proof, why);
    if (err != VT_OK)
        return err;
    if (c->size < v->size) {
        if (vt_merkle_check_consistency(c->size, v->size, &c->root, &v->root, &proof, why) !=
            VT_OK)
            return vt_fail(why, VT_E_ROLLBACK,
                "%s was seen with %" PRIu64 " entries; this evidence is of %" PRIu64, c->origin,
                v->size, c->size);
        return VT_OK;
    }
    if (v->size > 0)
        err = vt_merkle_check_consistency(v->size, c->size, &v->root, &c->root, &proof, why);
    if (err != VT_OK)
        return vt_fail_in(why, err, "%s does not continue the tree of %" PRIu64 " entries",
            c->origin, v->size);
    *v = (struct vt_ledger_view){c->size, c->root};
    return VT_OK;
}
