/* SPDX-License-Identifier: Apache-2.0 */
#include "note/entry.h"

#include "crypto/signer.h"
#include "note/field.h"

#include <assert.h>
#include <string.h>

#define ENTRY_HEAD "vitrine/entry/v1"

/* How often a kind has a subject of a role. */
enum need {
    NEED_NONE, /* never */
    NEED_ONE,  /* exactly once */
    NEED_SOME, /* at least once */
    NEED_ANY,  /* any number */
};

/* A new kind of entry is one line here and one in enum vt_entry_kind. */
static const struct {
    const char *name;
    enum need need[VT_SUBJECT_ROLE_COUNT];
} kinds[VT_ENTRY_KIND_COUNT] = {
    [VT_ENTRY_SOURCE] = {"source", {[VT_SUBJECT_SOURCE] = NEED_ONE}},
    [VT_ENTRY_ENVIRONMENT] = {"environment", {[VT_SUBJECT_ENVIRONMENT] = NEED_ONE}},
    [VT_ENTRY_ASSEMBLY] = {"assembly", {[VT_SUBJECT_SOURCE] = NEED_ONE,
                                           [VT_SUBJECT_ENVIRONMENT] = NEED_ONE,
                                           [VT_SUBJECT_RECIPE] = NEED_ONE,
                                           [VT_SUBJECT_ARTIFACT] = NEED_SOME}},
    [VT_ENTRY_REBUILD] = {"rebuild", {[VT_SUBJECT_SOURCE] = NEED_ONE,
                                         [VT_SUBJECT_ENVIRONMENT] = NEED_ONE,
                                         [VT_SUBJECT_RECIPE] = NEED_ONE,
                                         [VT_SUBJECT_ARTIFACT] = NEED_SOME}},
    [VT_ENTRY_MISMATCH] = {"mismatch", {[VT_SUBJECT_SOURCE] = NEED_ONE,
                                           [VT_SUBJECT_ENVIRONMENT] = NEED_ONE,
                                           [VT_SUBJECT_RECIPE] = NEED_ONE,
                                           [VT_SUBJECT_ARTIFACT] = NEED_SOME,
                                           [VT_SUBJECT_REBUILT] = NEED_SOME}},
    [VT_ENTRY_RELEASE] = {"release",
        {[VT_SUBJECT_ARTIFACT] = NEED_SOME, [VT_SUBJECT_METADATA] = NEED_ONE}},
    [VT_ENTRY_VAULT_POLICY] = {"vault-policy", {[VT_SUBJECT_POLICY] = NEED_ONE}},
    [VT_ENTRY_VAULT_KEY] = {"vault-key",
        {[VT_SUBJECT_POLICY] = NEED_ONE, [VT_SUBJECT_KEY] = NEED_ONE}},
    [VT_ENTRY_REQUEST] = {"request", {[VT_SUBJECT_POLICY] = NEED_ONE}},
    [VT_ENTRY_APPROVAL] = {"approval", {[VT_SUBJECT_REQUEST] = NEED_ONE}},
    [VT_ENTRY_GRANT] = {"grant",
        {[VT_SUBJECT_POLICY] = NEED_ONE, [VT_SUBJECT_REQUEST] = NEED_ONE}},
    [VT_ENTRY_REFUSAL] = {"refusal", {[VT_SUBJECT_REQUEST] = NEED_ONE}},
    [VT_ENTRY_RUN] = {"run", {[VT_SUBJECT_REQUEST] = NEED_ONE,
                                 [VT_SUBJECT_GRANT] = NEED_ONE,
                                 [VT_SUBJECT_ARTIFACT] = NEED_ANY}},
    [VT_ENTRY_INVENTORY] = {"inventory", {[VT_SUBJECT_INVENTORY] = NEED_ONE}},
    [VT_ENTRY_ERASURE] = {"erasure", {[VT_SUBJECT_REQUEST] = NEED_ONE,
                                         [VT_SUBJECT_GRANT] = NEED_ONE,
                                         [VT_SUBJECT_KEY] = NEED_SOME}},
    [VT_ENTRY_RETENTION] = {"retention",
        {[VT_SUBJECT_POLICY] = NEED_ONE, [VT_SUBJECT_KEY] = NEED_ANY}},
    [VT_ENTRY_RELOCATION] = {"relocation",
        {[VT_SUBJECT_POLICY] = NEED_ONE, [VT_SUBJECT_INVENTORY] = NEED_ONE}},
    [VT_ENTRY_RECEIPT] = {"receipt",
        {[VT_SUBJECT_RELOCATION] = NEED_ONE, [VT_SUBJECT_INVENTORY] = NEED_ONE}},
    [VT_ENTRY_SHRED] = {"shred",
        {[VT_SUBJECT_RECEIPT] = NEED_ONE, [VT_SUBJECT_INVENTORY] = NEED_ONE}},
    [VT_ENTRY_READING] = {"reading", {[VT_SUBJECT_SOURCE] = NEED_ONE}},
    [VT_ENTRY_REVIEW] = {"review", {[VT_SUBJECT_SOURCE] = NEED_ONE}},
    [VT_ENTRY_OBJECTION] = {"objection", {[VT_SUBJECT_SOURCE] = NEED_ONE}},
    [VT_ENTRY_VISITS] = {"visits", {[VT_SUBJECT_VISITS] = NEED_ONE}},
};

static const char *const roles[VT_SUBJECT_ROLE_COUNT] = {
    [VT_SUBJECT_ARTIFACT] = "artifact",
    [VT_SUBJECT_ENVIRONMENT] = "environment",
    [VT_SUBJECT_METADATA] = "metadata",
    [VT_SUBJECT_RECIPE] = "recipe",
    [VT_SUBJECT_SOURCE] = "source",
    [VT_SUBJECT_REBUILT] = "rebuilt",
    [VT_SUBJECT_POLICY] = "policy",
    [VT_SUBJECT_KEY] = "key",
    [VT_SUBJECT_REQUEST] = "request",
    [VT_SUBJECT_GRANT] = "grant",
    [VT_SUBJECT_RELOCATION] = "relocation",
    [VT_SUBJECT_RECEIPT] = "receipt",
    [VT_SUBJECT_INVENTORY] = "inventory",
    [VT_SUBJECT_VISITS] = "visits",
};

const char *
vt_entry_kind_name(enum vt_entry_kind kind)
{
    return (unsigned)kind < VT_ENTRY_KIND_COUNT ? kinds[kind].name : NULL;
}

bool
vt_entry_kind_parse(const char *s, size_t len, enum vt_entry_kind *ret)
{
    const struct vt_reader r = VT_READER(s, len);
    for (unsigned i = 1; i < VT_ENTRY_KIND_COUNT; i++) {
        if (vt_reader_is(&r, kinds[i].name)) {
            *ret = (enum vt_entry_kind)i;
            return true;
        }
    }
    return false;
}

const char *
vt_subject_role_name(enum vt_subject_role role)
{
    return (unsigned)role < VT_SUBJECT_ROLE_COUNT ? roles[role] : NULL;
}

static bool
role_parse(const struct vt_reader *r, enum vt_subject_role *ret)
{
    for (unsigned i = 1; i < VT_SUBJECT_ROLE_COUNT; i++) {
        if (vt_reader_is(r, roles[i])) {
            *ret = (enum vt_subject_role)i;
            return true;
        }
    }
    return false;
}

static int
subject_cmp(const struct vt_subject *a, const struct vt_subject *b)
{
    int c = strcmp(roles[a->role], roles[b->role]);
    return c != 0 ? c : vt_digest_cmp(&a->digest, &b->digest);
}

enum vt_err
vt_entry_add(struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *digest,
    struct vt_why *why)
{
    const struct vt_subject s = {role, *digest};
    size_t at = 0;

    assert(vt_subject_role_name(role) != NULL);
    while (at < e->subject_count && subject_cmp(&e->subject[at], &s) < 0)
        at++;
    if (at < e->subject_count && subject_cmp(&e->subject[at], &s) == 0)
        return VT_OK;
    if (e->subject_count == VT_ENTRY_SUBJECTS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "an entry has more than %u subjects", VT_ENTRY_SUBJECTS_MAX);
    memmove(
        &e->subject[at + 1], &e->subject[at], (e->subject_count - at) * sizeof e->subject[0]);
    e->subject[at] = s;
    e->subject_count++;
    return VT_OK;
}

bool
vt_entry_has(
    const struct vt_entry *e, enum vt_subject_role role, const struct vt_digest *digest)
{
    for (size_t i = 0; i < e->subject_count; i++) {
        if (e->subject[i].role == role && vt_digest_eq(&e->subject[i].digest, digest))
            return true;
    }
    return false;
}

const struct vt_digest *
vt_entry_one(const struct vt_entry *e, enum vt_subject_role role)
{
    const struct vt_digest *one = NULL;
    for (size_t i = 0; i < e->subject_count; i++) {
        if (e->subject[i].role != role)
            continue;
        if (one != NULL)
            return NULL;
        one = &e->subject[i].digest;
    }
    return one;
}

static size_t
count_role(const struct vt_entry *e, enum vt_subject_role role)
{
    size_t n = 0;
    for (size_t i = 0; i < e->subject_count; i++)
        n += e->subject[i].role == role;
    return n;
}

/* Roles in range, and each subject after the one before it. */
static enum vt_err
check_order(const struct vt_entry *e, struct vt_why *why)
{
    if (e->subject_count > VT_ENTRY_SUBJECTS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "an entry has more than %u subjects", VT_ENTRY_SUBJECTS_MAX);
    for (size_t i = 0; i < e->subject_count; i++) {
        if (vt_subject_role_name(e->subject[i].role) == NULL)
            return vt_fail(why, VT_E_SYNTAX, "subject %zu of an entry has no role", i + 1);
        if (i > 0 && subject_cmp(&e->subject[i - 1], &e->subject[i]) >= 0)
            return vt_fail(why, VT_E_SYNTAX,
                "subject %zu of an entry is out of order or there twice", i + 1);
    }
    return VT_OK;
}

enum vt_err
vt_entry_check(const struct vt_entry *e, struct vt_why *why)
{
    const char *kind = vt_entry_kind_name(e->kind);
    if (kind == NULL)
        return vt_fail(why, VT_E_SYNTAX, "an entry has no kind");
    enum vt_err err = check_order(e, why);
    if (err != VT_OK)
        return err;
    for (unsigned role = 1; role < VT_SUBJECT_ROLE_COUNT; role++) {
        size_t n = count_role(e, (enum vt_subject_role)role);
        enum need need = kinds[e->kind].need[role];
        if (n > 0 && need == NEED_NONE)
            return vt_fail(
                why, VT_E_SYNTAX, "a %s entry has no subject `%s`", kind, roles[role]);
        if (n > 1 && need == NEED_ONE)
            return vt_fail(
                why, VT_E_SYNTAX, "a %s entry has only one subject `%s`", kind, roles[role]);
        if (n == 0 && (need == NEED_ONE || need == NEED_SOME))
            return vt_fail(
                why, VT_E_SYNTAX, "a %s entry must have a subject `%s`", kind, roles[role]);
    }
    return VT_OK;
}

void
vt_entry_put_text(struct vt_buf *b, const struct vt_entry *e)
{
    vt_buf_putf(b, ENTRY_HEAD "\nkind %s\n", kinds[e->kind].name);
    for (size_t i = 0; i < e->subject_count; i++) {
        vt_buf_putf(b, "subject %s ", roles[e->subject[i].role]);
        vt_field_put_digest(b, &e->subject[i].digest);
        vt_buf_put_u8(b, '\n');
    }
    vt_buf_puts(b, "statement ");
    vt_field_put_digest(b, &e->statement);
    vt_buf_put_u8(b, '\n');
}

/* `subject ROLE DIGEST`, the first word taken already. */
static enum vt_err
parse_subject(struct vt_reader line, struct vt_entry *e, struct vt_why *why)
{
    struct vt_subject *s = &e->subject[e->subject_count];
    struct vt_reader role;

    if (e->subject_count == VT_ENTRY_SUBJECTS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "an entry has more than %u subjects", VT_ENTRY_SUBJECTS_MAX);
    if (!vt_reader_word(&line, ' ', &role) || !role_parse(&role, &s->role) ||
        !vt_field_digest(&line, &s->digest))
        return vt_fail(why, VT_E_SYNTAX,
            "subject %zu of an entry is not `subject ROLE sha256:HEX`", e->subject_count + 1);
    e->subject_count++;
    return VT_OK;
}

static enum vt_err
parse_text(struct vt_reader r, struct vt_entry *e, struct vt_why *why)
{
    struct vt_reader line;

    if (!vt_reader_line(&r, &line) || !vt_reader_is(&line, ENTRY_HEAD))
        return vt_fail(why, VT_E_SYNTAX, "an entry begins with the line `" ENTRY_HEAD "`");
    if (!vt_reader_line(&r, &line) || !vt_reader_skip(&line, "kind ") ||
        !vt_entry_kind_parse((const char *)line.p, line.left, &e->kind))
        return vt_fail(why, VT_E_SYNTAX, "line 2 of an entry is not `kind` and a known kind");
    for (;;) {
        if (!vt_reader_line(&r, &line))
            return vt_fail(why, VT_E_SYNTAX, "an entry has no statement line");
        if (!vt_reader_skip(&line, "subject "))
            break;
        enum vt_err err = parse_subject(line, e, why);
        if (err != VT_OK)
            return err;
    }
    if (!vt_reader_skip(&line, "statement ") || !vt_field_digest(&line, &e->statement) ||
        r.left != 0)
        return vt_fail(
            why, VT_E_SYNTAX, "an entry's text does not end in `statement sha256:HEX`");
    return vt_entry_check(e, why);
}

enum vt_err
vt_entry_parse(const void *data, size_t len, struct vt_note *ret_note, struct vt_entry *ret,
    struct vt_why *why)
{
    struct vt_entry e = {0};
    struct vt_note n;

    if (len > VT_ENTRY_MAX)
        return vt_fail(why, VT_E_LIMIT, "an entry has more than %u bytes", VT_ENTRY_MAX);
    enum vt_err err = vt_note_parse(data, len, &n, why);
    if (err == VT_OK)
        err = parse_text(VT_READER(n.text, n.text_len), &e, why);
    if (err != VT_OK)
        return err;
    if (n.sig_count != 1)
        return vt_fail(
            why, VT_E_SYNTAX, "an entry has one signature line, not %zu", n.sig_count);
    *ret_note = n;
    *ret = e;
    return VT_OK;
}

bool
vt_entry_kind_signable(enum vt_entry_kind kind, enum vt_note_alg alg)
{
    if (alg == VT_NOTE_ED25519)
        return true;
    return alg == VT_NOTE_PASSKEY &&
           (kind == VT_ENTRY_READING || kind == VT_ENTRY_REVIEW || kind == VT_ENTRY_OBJECTION);
}

enum vt_err
vt_entry_verify(const struct vt_entry *e, const struct vt_note *n, const struct vt_vkey *k,
    struct vt_why *why)
{
    if (!vt_entry_kind_signable(e->kind, k->alg))
        return vt_fail(why, VT_E_SIG,
            "the key of `%s` is a passkey, which signs readings, reviews and objections, and "
            "no %s",
            k->name, vt_entry_kind_name(e->kind));
    return vt_note_verify(n, k, why);
}

enum vt_err
vt_entry_sign(
    struct vt_buf *b, const struct vt_entry *e, struct vt_signer *s, struct vt_why *why)
{
    struct vt_buf whole = VT_BUF(VT_ENTRY_MAX);
    const char *name = vt_signer_name(s);
    struct vt_sig sig;

    enum vt_err err = vt_entry_check(e, why);
    if (err != VT_OK)
        return err;
    vt_entry_put_text(&whole, e);
    err = vt_buf_check(&whole, "an entry", why);
    if (err == VT_OK)
        err = vt_signer_sign(s, VT_SIGN_ENTRY, whole.data, whole.len, &sig, why);
    if (err != VT_OK)
        goto out;
    vt_buf_put_u8(&whole, '\n');
    vt_note_put_sig(&whole, name, vt_vkey_id(name, VT_NOTE_ED25519, vt_signer_public(s)), sig.b,
        sizeof sig.b);
    err = vt_buf_check(&whole, "an entry", why);
    if (err != VT_OK)
        goto out;
    vt_buf_put(b, whole.data, whole.len);
    err = vt_buf_check(b, "an entry", why);
out:
    vt_buf_release(&whole);
    return err;
}
