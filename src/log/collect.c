/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting what a log says of one artifact.
 */
#include "log/reader.h"

#include <stdlib.h>
#include <string.h>

enum vt_err
vt_log_entry_open(const struct vt_policy *policy, const void *entry, size_t len,
    struct vt_entry *ret, struct vt_note *ret_note, const struct vt_policy_party **ret_signer,
    struct vt_why *why)
{
    const struct vt_policy_party *signer;
    struct vt_note note;
    struct vt_entry e;
    enum vt_err err = vt_entry_parse(entry, len, &note, &e, why);

    if (err != VT_OK)
        return err;
    signer = vt_policy_signer_of(policy, &note);
    if (signer == NULL)
        return vt_fail(
            why, VT_E_UNKNOWN, "the entry is signed by nobody that the policy names");
    err = vt_entry_verify(&e, &note, &signer->key, why);
    if (err != VT_OK)
        return err;
    *ret = e;
    if (ret_note != NULL)
        *ret_note = note;
    if (ret_signer != NULL)
        *ret_signer = signer;
    return VT_OK;
}

struct find {
    const struct vt_policy *policy;
    const struct vt_digest *artifact;
    bool found;
    uint64_t index;
    struct vt_entry entry;
};

static enum vt_err
find_one(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct find *f = ctx;
    struct vt_entry e;

    (void)why;
    /* An entry that cannot be read, or is a stranger's, says nothing. */
    if (vt_log_entry_open(f->policy, entry, len, &e, NULL, NULL, NULL) != VT_OK ||
        e.kind != VT_ENTRY_ASSEMBLY || !vt_entry_has(&e, VT_SUBJECT_ARTIFACT, f->artifact))
        return VT_OK;
    f->found = true;
    f->index = index;
    f->entry = e;
    return VT_OK;
}

enum vt_err
vt_log_reader_find_assembly(struct vt_log_reader *r, const struct vt_digest *artifact,
    uint64_t *ret_index, struct vt_entry *ret, struct vt_why *why)
{
    struct find f = {.policy = vt_log_reader_policy(r), .artifact = artifact};
    char hex[VT_DIGEST_HEX_SIZE];
    enum vt_err err = vt_log_reader_each(r, 0, find_one, &f, why);

    if (err != VT_OK)
        return err;
    if (!f.found) {
        vt_digest_hex(artifact, hex);
        return vt_fail(
            why, VT_E_NOENT, "the log has no assembly of sha256:%s by a known signer", hex);
    }
    *ret_index = f.index;
    *ret = f.entry;
    return VT_OK;
}

/* The newest entry of each kind by each signer, reviews and objections being one kind, that
 * speaks of the assembly. */
struct collect {
    const struct vt_policy *policy;
    const struct vt_policy_party *signers;
    size_t signer_count;
    const struct vt_digest *artifact;
    const struct vt_entry *assembly;
    struct {
        bool found;
        uint64_t index;
    } newest[VT_POLICY_PARTIES_MAX][VT_ENTRY_KIND_COUNT]; /* objections with reviews */
};

/* Whether both have the same (only) subject of that role. */
static bool
same_subject(const struct vt_entry *a, const struct vt_entry *b, enum vt_subject_role role)
{
    const struct vt_digest *x = vt_entry_one(a, role);
    const struct vt_digest *y = vt_entry_one(b, role);

    return x != NULL && y != NULL && vt_digest_eq(x, y);
}

static bool
speaks_of(const struct collect *c, const struct vt_entry *e)
{
    switch (e->kind) {
    case VT_ENTRY_SOURCE:
    case VT_ENTRY_REVIEW:
    case VT_ENTRY_OBJECTION:
        return same_subject(e, c->assembly, VT_SUBJECT_SOURCE);
    case VT_ENTRY_ENVIRONMENT:
        return same_subject(e, c->assembly, VT_SUBJECT_ENVIRONMENT);
    case VT_ENTRY_ASSEMBLY:
    case VT_ENTRY_REBUILD:
    case VT_ENTRY_MISMATCH:
        return same_subject(e, c->assembly, VT_SUBJECT_SOURCE) &&
               same_subject(e, c->assembly, VT_SUBJECT_ENVIRONMENT) &&
               same_subject(e, c->assembly, VT_SUBJECT_RECIPE) &&
               vt_entry_has(e, VT_SUBJECT_ARTIFACT, c->artifact);
    case VT_ENTRY_RELEASE:
        return vt_entry_has(e, VT_SUBJECT_ARTIFACT, c->artifact);
    default:
        return false;
    }
}

static enum vt_err
collect_one(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct collect *c = ctx;
    const struct vt_policy_party *signer = NULL;
    enum vt_entry_kind kind;
    struct vt_entry e;
    size_t i;

    (void)why;
    if (vt_log_entry_open(c->policy, entry, len, &e, NULL, &signer, NULL) != VT_OK ||
        !speaks_of(c, &e))
        return VT_OK;
    i = (size_t)(signer - c->signers);
    /* of reviews and objections the last word */
    kind = e.kind == VT_ENTRY_OBJECTION ? VT_ENTRY_REVIEW : e.kind;
    c->newest[i][kind].found = true;
    c->newest[i][kind].index = index;
    return VT_OK;
}

static enum vt_err
add_entry(struct vt_log_reader *r, struct vt_passport *p, uint64_t index, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_ENTRY_MAX);
    struct vt_proof path;
    enum vt_err err = vt_log_reader_entry(r, index, &b, why);

    if (err == VT_OK)
        err = vt_log_reader_inclusion(r, index, &path, why);
    if (err == VT_OK)
        err = vt_passport_add(p, index, b.data, b.len, &path, why);
    vt_buf_release(&b);
    return err;
}

static enum vt_err
fill_passport(
    struct vt_log_reader *r, const struct collect *c, struct vt_passport *p, struct vt_why *why)
{
    size_t len;
    const void *note = vt_log_reader_note(r, &len);
    enum vt_err err = vt_passport_set_checkpoint(p, note, len, why);

    for (size_t i = 0; i < c->signer_count; i++)
        for (unsigned k = 1; k < VT_ENTRY_KIND_COUNT && err == VT_OK; k++)
            if (c->newest[i][k].found)
                err = add_entry(r, p, c->newest[i][k].index, why);
    return err;
}

enum vt_err
vt_log_reader_passport(struct vt_log_reader *r, const struct vt_digest *artifact,
    struct vt_passport **ret, struct vt_why *why)
{
    struct vt_passport *p = NULL;
    struct vt_entry assembly;
    uint64_t index;
    struct collect *c = calloc(1, sizeof(*c));
    enum vt_err err;

    if (c == NULL)
        return vt_fail(why, VT_E_NOMEM, "passport: out of memory");
    err = vt_log_reader_find_assembly(r, artifact, &index, &assembly, why);
    if (err == VT_OK) {
        c->policy = vt_log_reader_policy(r);
        c->signer_count = vt_policy_signers(c->policy, &c->signers);
        c->artifact = artifact;
        c->assembly = &assembly;
        err = vt_log_reader_each(r, 0, collect_one, c, why);
    }
    if (err == VT_OK)
        err = vt_passport_new(artifact, &p, why);
    if (err == VT_OK)
        err = fill_passport(r, c, p, why);
    if (err == VT_OK) {
        *ret = p;
        p = NULL; /* moved */
    }
    vt_passport_free(p);
    free(c);
    return err;
}
