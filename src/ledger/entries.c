/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ledger entries and their documents: an entry names its document by digest,
 * and repeats in its subjects what others are to find it by. The table says which field
 * of the document each subject is.
 */
#include "ledger/evidence.h"
#include "ledger/words.h"

#include "crypto/box.h"

#include <string.h>

/* Where a subject's digest is in a document. */
enum place {
    PLACE_FIELD = 1, /* the field of that name, if there is one */
    PLACE_FIELDS,    /* each field of that name */
    PLACE_LAST_WORD, /* the last word of each field of that name */
    PLACE_BOX,       /* SHA-256 of the key in that field */
    PLACE_ITSELF,    /* the document's own digest */
};

struct source {
    enum vt_subject_role role;
    enum place place;
    const char *field;
};

#define POLICY_FIELD                                                                           \
    {                                                                                          \
        VT_SUBJECT_POLICY, PLACE_FIELD, "policy"                                               \
    }
#define REQUEST_FIELD                                                                          \
    {                                                                                          \
        VT_SUBJECT_REQUEST, PLACE_FIELD, "request"                                             \
    }
#define GRANT_FIELD                                                                            \
    {                                                                                          \
        VT_SUBJECT_GRANT, PLACE_FIELD, "grant"                                                 \
    }
#define ROOT_FIELD                                                                             \
    {                                                                                          \
        VT_SUBJECT_INVENTORY, PLACE_FIELD, "root"                                              \
    }

static const struct {
    enum vt_entry_kind entry;
    enum vt_doc_kind doc;
    struct source source[4]; /* ended by one without a field */
} kinds[] = {
    {VT_ENTRY_VAULT_POLICY, VT_DOC_POLICY, {{VT_SUBJECT_POLICY, PLACE_ITSELF, "the whole"}}},
    {VT_ENTRY_VAULT_KEY, VT_DOC_KEY, {POLICY_FIELD, {VT_SUBJECT_KEY, PLACE_BOX, "public"}}},
    {VT_ENTRY_REQUEST, VT_DOC_REQUEST, {POLICY_FIELD}},
    {VT_ENTRY_APPROVAL, VT_DOC_APPROVAL, {REQUEST_FIELD}},
    {VT_ENTRY_GRANT, VT_DOC_GRANT, {POLICY_FIELD, REQUEST_FIELD}},
    {VT_ENTRY_REFUSAL, VT_DOC_REFUSAL, {REQUEST_FIELD}},
    {VT_ENTRY_RUN, VT_DOC_RUN,
        {REQUEST_FIELD, GRANT_FIELD, {VT_SUBJECT_ARTIFACT, PLACE_FIELD, "job"}}},
    {VT_ENTRY_INVENTORY, VT_DOC_INVENTORY, {ROOT_FIELD}},
    {VT_ENTRY_ERASURE, VT_DOC_ERASURE,
        {REQUEST_FIELD, GRANT_FIELD, {VT_SUBJECT_KEY, PLACE_FIELDS, "key"}}},
    {VT_ENTRY_RETENTION, VT_DOC_RETENTION,
        {POLICY_FIELD, {VT_SUBJECT_KEY, PLACE_LAST_WORD, "epoch"}}},
    {VT_ENTRY_RELOCATION, VT_DOC_RELOCATION, {POLICY_FIELD, ROOT_FIELD}},
    {VT_ENTRY_RECEIPT, VT_DOC_RECEIPT,
        {{VT_SUBJECT_RELOCATION, PLACE_FIELD, "relocation"}, ROOT_FIELD}},
    {VT_ENTRY_SHRED, VT_DOC_SHRED, {{VT_SUBJECT_RECEIPT, PLACE_FIELD, "receipt"}, ROOT_FIELD}},
};

bool
vt_ledger_kind(enum vt_entry_kind kind, enum vt_doc_kind *ret)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].entry == kind) {
            *ret = kinds[i].doc;
            return true;
        }
    }
    return false;
}

/* Adds a digest; what an entry has no room for is left out. */
static enum vt_err
add(struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *d,
    struct vt_why *why)
{
    return e->subject_count < VT_ENTRY_SUBJECTS_MAX ? vt_entry_add(e, role, d, why) : VT_OK;
}

/* The digest in a field, when the field is the source's and has one. */
static bool
digest_in(const struct source *s, const struct vt_doc_field *f, struct vt_digest *ret)
{
    const char *value = f->value;
    struct vt_box_public box;

    if (strcmp(f->name, s->field) != 0)
        return false;
    if (s->place == PLACE_BOX) {
        if (vt_box_public_parse(value, strlen(value), &box, NULL) != VT_OK)
            return false;
        vt_digest_of(box.b, sizeof box.b, ret);
        return true;
    }
    if (s->place == PLACE_LAST_WORD && strrchr(value, ' ') != NULL)
        value = strrchr(value, ' ') + 1;
    return vt_value_digest(value, ret);
}

/* Adds the subjects of one source. */
static enum vt_err
add_source(
    const struct vt_doc *d, const struct source *s, struct vt_entry *e, struct vt_why *why)
{
    enum vt_err err = VT_OK;
    struct vt_digest digest;

    if (s->place == PLACE_ITSELF)
        return add(e, s->role, vt_doc_digest(d), why);
    for (size_t i = 0; err == VT_OK && i < vt_doc_count(d); i++) {
        if (digest_in(s, vt_doc_field(d, i), &digest))
            err = add(e, s->role, &digest, why);
    }
    return err;
}

enum vt_err
vt_ledger_entry_of(const struct vt_doc *d, struct vt_entry *ret, struct vt_why *why)
{
    struct vt_entry e = {.statement = *vt_doc_digest(d)};
    const struct source *s = NULL;
    enum vt_err err = VT_OK;
    size_t len;

    (void)vt_doc_bytes(d, &len);
    if (len == 0)
        return vt_fail(why, VT_E_STATE, "the document is not signed yet");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].doc == vt_doc_kind(d)) {
            e.kind = kinds[i].entry;
            s = kinds[i].source;
        }
    }
    for (size_t i = 0; err == VT_OK && s != NULL && i < 4 && s[i].field != NULL; i++)
        err = add_source(d, &s[i], &e, why);
    if (err == VT_OK)
        err = vt_entry_check(&e, why);
    if (err == VT_OK)
        *ret = e;
    return err;
}

static bool
has_digest(const struct vt_doc *d, const struct source *s, const struct vt_digest *want)
{
    struct vt_digest digest;

    if (s->place == PLACE_ITSELF)
        return vt_digest_eq(vt_doc_digest(d), want);
    for (size_t i = 0; i < vt_doc_count(d); i++) {
        if (digest_in(s, vt_doc_field(d, i), &digest) && vt_digest_eq(&digest, want))
            return true;
    }
    return false;
}

/* Every subject is one of the document's; that none is missing, where there is
 * exactly one, vt_entry_check has seen to. */
static enum vt_err
check_subjects(const struct vt_entry *e, const struct vt_doc *d, struct vt_why *why)
{
    const struct source *s = NULL;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].entry == e->kind)
            s = kinds[i].source;
    }
    for (size_t i = 0; i < e->subject_count; i++) {
        const struct vt_subject *subject = &e->subject[i];
        bool is_there = false;
        for (size_t j = 0; s != NULL && j < 4 && s[j].field != NULL; j++)
            is_there = is_there ||
                       (s[j].role == subject->role && has_digest(d, &s[j], &subject->digest));
        if (!is_there)
            return vt_fail(why, VT_E_DIGEST,
                "the entry's subject `%s` is not what its %s document says",
                vt_subject_role_name(subject->role), vt_doc_kind_name(vt_doc_kind(d)));
    }
    return VT_OK;
}

enum vt_err
vt_ledger_doc_open(const struct vt_entry *e, const struct vt_vkey *signer, const void *data,
    size_t len, struct vt_doc **ret, struct vt_why *why)
{
    const char *name = vt_entry_kind_name(e->kind);
    struct vt_digest digest;
    struct vt_doc *d = NULL;
    enum vt_doc_kind kind;

    if (!vt_ledger_kind(e->kind, &kind))
        return vt_fail(why, VT_E_REFUSED, "a%s %s entry is none of the ledger",
            name != NULL && strchr("aeiou", name[0]) != NULL ? "n" : "",
            name != NULL ? name : "nameless");
    vt_digest_of(data, len, &digest);
    if (!vt_digest_eq(&digest, &e->statement))
        return vt_fail(
            why, VT_E_DIGEST, "the document is not the one that the %s entry names", name);
    enum vt_err err = vt_doc_parse(data, len, kind, &d, why);
    if (err == VT_OK)
        err = vt_doc_verify(d, signer, why);
    if (err == VT_OK)
        err = check_subjects(e, d, why);
    if (err != VT_OK)
        goto out;
    *ret = d;
    d = NULL; /* moved */
out:
    vt_doc_free(d);
    return err;
}
