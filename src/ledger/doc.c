/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/doc.h"

#include "base/clock.h"
#include "crypto/signer.h"
#include "ledger/doc_rules.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "vitrine/vault/"
#define HEAD_END "/v1"

/* The bytes of a whole document. Apart from the document, which signing does not
 * change as far as its fields go. */
struct held {
    struct vt_buf bytes;
    struct vt_digest digest;
};

struct vt_doc {
    enum vt_doc_kind kind;
    size_t rule;      /* of the last field, by number in the kind's table */
    unsigned of_rule; /* how many of the last fields are of that rule */
    size_t count;
    size_t room;
    struct vt_doc_field *field;
    struct held *held;
};

enum vt_err
vt_doc_new(enum vt_doc_kind kind, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_doc *d = NULL;

    if ((unsigned)kind == 0 || (unsigned)kind >= VT_DOC_KIND_COUNT)
        return vt_fail(why, VT_E_USAGE, "there is no kind %u of ledger document", kind);
    d = calloc(1, sizeof *d);
    if (d == NULL || (d->held = calloc(1, sizeof *d->held)) == NULL) {
        free(d);
        return vt_fail(why, VT_E_NOMEM, "no memory for a ledger document");
    }
    vt_buf_init(&d->held->bytes, VT_DOC_MAX);
    d->kind = kind;
    *ret = d;
    return VT_OK;
}

void
vt_doc_free(struct vt_doc *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->count; i++)
        free((void *)(uintptr_t)d->field[i].value);
    free(d->field);
    vt_buf_release(&d->held->bytes);
    free(d->held);
    free(d);
}

/* ---- fields ---- */

/* The rule that the field falls under, which must be the last one's or a later one; those
 * between may be left out. */
static enum vt_err
find_rule(const struct vt_doc *d, const char *name, size_t *ret, struct vt_why *why)
{
    size_t n;
    const struct vt_doc_rule *rule = vt_doc_rules(d->kind, &n);
    size_t at = 0;

    while (at < n && strcmp(rule[at].name, name) != 0)
        at++;
    if (at == n)
        return vt_fail(why, VT_E_USAGE, "a %s document has no field `%.64s`",
            vt_doc_kind_name(d->kind), name);
    if (at < d->rule)
        return vt_fail(why, VT_E_USAGE, "the field `%s` of a %s document stands before `%s`",
            name, vt_doc_kind_name(d->kind), rule[d->rule].name);
    *ret = at;
    return VT_OK;
}

/* Whether all rules from the last one up to (not with) `end` have what they must. */
static enum vt_err
check_missing(const struct vt_doc *d, size_t end, struct vt_why *why)
{
    size_t n;
    const struct vt_doc_rule *rule = vt_doc_rules(d->kind, &n);

    for (size_t i = d->rule; i < end; i++) {
        if ((i == d->rule ? d->of_rule : 0) < rule[i].least)
            return vt_fail(why, VT_E_USAGE, "a %s document must have a field `%s`",
                vt_doc_kind_name(d->kind), rule[i].name);
    }
    return VT_OK;
}

static enum vt_err
push(struct vt_doc *d, const char *name, const char *value, struct vt_why *why)
{
    struct vt_doc_field *field = d->field;
    char *copy = NULL;

    if (d->count == VT_DOC_FIELDS_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a ledger document has more than %u fields", VT_DOC_FIELDS_MAX);
    if (d->count == d->room) {
        size_t room = d->room == 0 ? 16 : 2 * d->room;
        field = reallocarray(field, room, sizeof *field);
        if (field == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory for a ledger document");
        d->field = field;
        d->room = room;
    }
    copy = strdup(value);
    if (copy == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a ledger document");
    field[d->count].name = name;
    field[d->count].value = copy;
    d->count++;
    return VT_OK;
}

enum vt_err
vt_doc_add(struct vt_doc *d, const char *name, const char *value, struct vt_why *why)
{
    const struct vt_doc_rule *rule;
    size_t at = 0, n;

    enum vt_err err = find_rule(d, name, &at, why);
    if (err == VT_OK)
        err = check_missing(d, at, why);
    if (err != VT_OK)
        return err;
    rule = &vt_doc_rules(d->kind, &n)[at];
    unsigned of_rule = at == d->rule ? d->of_rule : 0;
    if (of_rule >= rule->most)
        return vt_fail(why, VT_E_USAGE, "a %s document has only %u field `%s`",
            vt_doc_kind_name(d->kind), rule->most, name);
    if (!vt_value_ok(rule->value, value))
        return vt_fail(why, VT_E_USAGE, "the value of `%s` is not %s: %.200s", name,
            vt_value_form(rule->value), value);
    err = push(d, rule->name, value, why);
    if (err != VT_OK)
        return err;
    d->rule = at;
    d->of_rule = of_rule + 1;
    return VT_OK;
}

enum vt_err
vt_doc_addf(struct vt_doc *d, struct vt_why *why, const char *name, const char *fmt, ...)
{
    char value[VT_DOC_VALUE_MAX + 2];
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof value)
        return vt_fail(why, VT_E_USAGE, "the value of `%s` has more than %u bytes", name,
            VT_DOC_VALUE_MAX);
    return vt_doc_add(d, name, value, why);
}

enum vt_err
vt_doc_add_digest(
    struct vt_doc *d, const char *name, const struct vt_digest *v, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];

    vt_digest_hex(v, hex);
    return vt_doc_addf(d, why, name, "sha256:%s", hex);
}

enum vt_err
vt_doc_add_time(struct vt_doc *d, const char *name, int64_t unix_s, struct vt_why *why)
{
    char text[VT_TIME_SIZE];

    vt_time_format(unix_s, text);
    return vt_doc_add(d, name, text, why);
}

/* ---- signing ---- */

static void
put_text(const struct vt_doc *d, struct vt_buf *b)
{
    vt_buf_putf(b, HEAD "%s" HEAD_END "\n", vt_doc_kind_name(d->kind));
    for (size_t i = 0; i < d->count; i++)
        vt_buf_putf(b, "%s %s\n", d->field[i].name, d->field[i].value);
}

/* Appends the signature line of s over the first len bytes of b. */
static enum vt_err
put_signature(struct vt_buf *b, size_t len, struct vt_signer *s, struct vt_why *why)
{
    const char *name = vt_signer_name(s);
    struct vt_sig sig;
    enum vt_err err = vt_signer_sign(s, VT_SIGN_VAULT, b->data, len, &sig, why);

    if (err != VT_OK)
        return err;
    vt_note_put_sig(
        b, name, vt_vkey_id(name, VT_NOTE_ED25519, vt_signer_public(s)), sig.b, sizeof sig.b);
    return vt_buf_check(b, "a ledger document", why);
}

/* Takes over the bytes of a whole document, which must be in b. */
static void
hold(const struct vt_doc *d, struct vt_buf *b)
{
    vt_buf_release(&d->held->bytes);
    d->held->bytes = *b;
    vt_buf_init(b, VT_DOC_MAX); /* moved */
    vt_digest_of(d->held->bytes.data, d->held->bytes.len, &d->held->digest);
}

enum vt_err
vt_doc_sign(const struct vt_doc *d, struct vt_signer *s, struct vt_buf *b, struct vt_why *why)
{
    struct vt_buf whole = VT_BUF(VT_DOC_MAX);
    size_t rules;

    (void)vt_doc_rules(d->kind, &rules);
    enum vt_err err = check_missing(d, rules, why);
    if (err != VT_OK)
        return err;
    put_text(d, &whole);
    size_t len = whole.len;
    vt_buf_put_u8(&whole, '\n');
    err = vt_buf_check(&whole, "a ledger document", why);
    if (err == VT_OK)
        err = put_signature(&whole, len, s, why);
    if (err != VT_OK)
        goto out;
    vt_buf_put(b, whole.data, whole.len);
    err = vt_buf_check(b, "a ledger document", why);
    if (err == VT_OK)
        hold(d, &whole);
out:
    vt_buf_release(&whole);
    return err;
}

enum vt_err
vt_doc_countersign(struct vt_buf *b, struct vt_signer *s, struct vt_why *why)
{
    struct vt_buf whole = VT_BUF(VT_DOC_MAX);
    struct vt_vkey key;
    struct vt_note note = {.sig_count = 0};
    struct vt_doc *d = NULL;

    enum vt_err err = vt_doc_parse(b->data, b->len, (enum vt_doc_kind)0, &d, why);
    if (err == VT_OK)
        err = vt_note_parse(b->data, b->len, &note, why);
    if (err == VT_OK)
        err = vt_vkey_make(vt_signer_name(s), VT_NOTE_ED25519, vt_signer_public(s), &key, why);
    for (size_t i = 0; err == VT_OK && i < note.sig_count; i++) {
        if (vt_note_sig_is(&note.sig[i], &key))
            err = vt_fail(why, VT_E_STATE, "`%s` has signed it already", key.name);
    }
    if (err == VT_OK && note.sig_count == VT_NOTE_SIGS_MAX)
        err = vt_fail(
            why, VT_E_LIMIT, "a signed note has more than %u signatures", VT_NOTE_SIGS_MAX);
    if (err != VT_OK)
        goto out;
    vt_buf_put(&whole, b->data, b->len);
    err = vt_buf_check(&whole, "a ledger document", why);
    if (err == VT_OK)
        err = put_signature(&whole, note.text_len, s, why);
    if (err != VT_OK)
        goto out;
    vt_buf_put(b, whole.data + b->len, whole.len - b->len);
    err = vt_buf_check(b, "a ledger document", why);
out:
    vt_doc_free(d);
    vt_buf_release(&whole);
    return err;
}

/* ---- reading ---- */

static enum vt_err
parse_head(struct vt_reader *r, enum vt_doc_kind want, struct vt_doc **ret, struct vt_why *why)
{
    enum vt_doc_kind kind = (enum vt_doc_kind)0;
    struct vt_reader line;

    if (vt_reader_line(r, &line) && vt_reader_skip(&line, HEAD) &&
        line.left > strlen(HEAD_END) &&
        memcmp(line.p + line.left - strlen(HEAD_END), HEAD_END, strlen(HEAD_END)) == 0) {
        line.left -= strlen(HEAD_END);
        kind = vt_doc_kind_find(&line);
    }
    if ((unsigned)kind == 0)
        return vt_fail(why, VT_E_SYNTAX,
            "a ledger document begins with `" HEAD "`, a known kind, and `" HEAD_END "`");
    if ((unsigned)want != 0 && kind != want)
        return vt_fail(why, VT_E_SYNTAX, "this is a %s document, not a %s document",
            vt_doc_kind_name(kind), vt_doc_kind_name(want));
    return vt_doc_new(kind, ret, why);
}

static enum vt_err
parse_field(struct vt_doc *d, struct vt_reader line, struct vt_why *why)
{
    char name[64], value[VT_DOC_VALUE_MAX + 1];
    struct vt_reader word;

    if (!vt_reader_word(&line, ' ', &word) || !vt_reader_cstr(&word, name, sizeof name) ||
        line.left == 0)
        return vt_fail(why, VT_E_SYNTAX, "not a field's name, a space and a value");
    if (!vt_reader_cstr(&line, value, sizeof value))
        return vt_fail(why, VT_E_LIMIT, "the value of `%s` has more than %u bytes", name,
            VT_DOC_VALUE_MAX);
    enum vt_err err = vt_doc_add(d, name, value, why);
    return err == VT_E_USAGE ? VT_E_SYNTAX : err;
}

static enum vt_err
parse_text(struct vt_reader r, enum vt_doc_kind want, struct vt_doc **ret, struct vt_why *why)
{
    struct vt_doc *d = NULL;
    struct vt_reader line;
    unsigned number = 2;
    size_t rules;

    enum vt_err err = parse_head(&r, want, &d, why);
    for (; err == VT_OK && vt_reader_line(&r, &line); number++) {
        err = parse_field(d, line, why);
        if (err != VT_OK)
            err = vt_fail_in(
                why, err, "line %u of a %s document", number, vt_doc_kind_name(d->kind));
    }
    if (err == VT_OK) {
        (void)vt_doc_rules(d->kind, &rules);
        err = check_missing(d, rules, why);
        err = err == VT_E_USAGE ? VT_E_SYNTAX : err;
    }
    if (err != VT_OK)
        goto out;
    *ret = d;
    d = NULL; /* moved */
out:
    vt_doc_free(d);
    return err;
}

enum vt_err
vt_doc_parse(const void *data, size_t len, enum vt_doc_kind kind, struct vt_doc **ret,
    struct vt_why *why)
{
    struct vt_buf bytes = VT_BUF(VT_DOC_MAX);
    struct vt_doc *d = NULL;
    struct vt_note note;

    if (len > VT_DOC_MAX)
        return vt_fail(why, VT_E_LIMIT, "a ledger document has more than %u bytes", VT_DOC_MAX);
    enum vt_err err = vt_note_parse(data, len, &note, why);
    if (err == VT_OK)
        err = parse_text(VT_READER(note.text, note.text_len), kind, &d, why);
    if (err != VT_OK)
        return err;
    vt_buf_put(&bytes, data, len);
    err = vt_buf_check(&bytes, "a ledger document", why);
    if (err != VT_OK) {
        vt_doc_free(d);
        return err;
    }
    hold(d, &bytes);
    *ret = d;
    return VT_OK;
}

const void *
vt_doc_bytes(const struct vt_doc *d, size_t *ret_len)
{
    *ret_len = d->held->bytes.len;
    return d->held->bytes.data;
}

const struct vt_digest *
vt_doc_digest(const struct vt_doc *d)
{
    return &d->held->digest;
}

enum vt_doc_kind
vt_doc_kind(const struct vt_doc *d)
{
    return d->kind;
}

enum vt_err
vt_doc_verify(const struct vt_doc *d, const struct vt_vkey *k, struct vt_why *why)
{
    struct vt_note note;

    if (d->held->bytes.len == 0)
        return vt_fail(why, VT_E_UNKNOWN, "the document is not signed yet");
    enum vt_err err = vt_note_parse(d->held->bytes.data, d->held->bytes.len, &note, why);
    if (err == VT_OK)
        err = vt_note_verify(&note, k, why);
    return err == VT_OK ? err : vt_fail_in(why, err, "%s document", vt_doc_kind_name(d->kind));
}

size_t
vt_doc_count(const struct vt_doc *d)
{
    return d->count;
}

const struct vt_doc_field *
vt_doc_field(const struct vt_doc *d, size_t i)
{
    assert(i < d->count);
    return &d->field[i];
}

const char *
vt_doc_get(const struct vt_doc *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->field[i].name, name) == 0)
            return d->field[i].value;
    }
    return NULL;
}

bool
vt_doc_get_digest(const struct vt_doc *d, const char *name, struct vt_digest *ret)
{
    const char *s = vt_doc_get(d, name);

    return s != NULL && vt_value_digest(s, ret);
}

bool
vt_doc_get_count(const struct vt_doc *d, const char *name, uint64_t *ret)
{
    const char *s = vt_doc_get(d, name);

    return s != NULL && vt_value_count(s, INT64_MAX, ret);
}

bool
vt_doc_get_time(const struct vt_doc *d, const char *name, int64_t *ret)
{
    const char *s = vt_doc_get(d, name);

    return s != NULL && vt_time_parse(s, ret);
}

bool
vt_doc_get_id(const struct vt_doc *d, const char *name, uint8_t ret[16])
{
    const char *s = vt_doc_get(d, name);
    size_t len;

    return s != NULL && vt_hex_decode(s, strlen(s), ret, 16, &len) && len == 16;
}
