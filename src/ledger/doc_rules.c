/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger documents: which fields each kind has, and what values look like. */
#include "ledger/doc_rules.h"

#include "base/clock.h"
#include "crypto/box.h"
#include "ledger/policy.h"
#include "note/field.h"

#include <string.h>

#define ONE 1, 1
#define MAYBE 0, 1
#define ANY 0, VT_DOC_FIELDS_MAX
#define SOME 1, VT_DOC_FIELDS_MAX

#define RULES_MAX 26

/* A new field is one line here; docs/formats/ledger-document.md has the same tables. */
static const struct {
    const char *name;
    struct vt_doc_rule rule[RULES_MAX]; /* ended by a rule without a name */
} kinds[VT_DOC_KIND_COUNT] = {
    [VT_DOC_POLICY] = {"policy",
        {{"serial", VT_VALUE_COUNT, ONE}, {"previous", VT_VALUE_DIGEST, MAYBE},
            {"supervisor", VT_VALUE_NAME, ONE}, {"keeper", VT_VALUE_LINE, SOME},
            {"region", VT_VALUE_LINE, SOME}, {"class", VT_VALUE_LINE, SOME},
            {"party", VT_VALUE_LINE, SOME}, {"ask", VT_VALUE_LINE, ANY},
            {"group", VT_VALUE_LINE, SOME}, {"approve", VT_VALUE_LINE, SOME},
            {"limit", VT_VALUE_LINE, ANY}, {"noise", VT_VALUE_LINE, ANY}}},
    [VT_DOC_KEY] = {"key", {{"region", VT_VALUE_REGION, ONE}, {"site", VT_VALUE_NAME, ONE},
                               {"policy", VT_VALUE_DIGEST, ONE}, {"public", VT_VALUE_BOX, ONE},
                               {"created", VT_VALUE_TIME, ONE}, {"share", VT_VALUE_LINE, SOME},
                               {"ceremony", VT_VALUE_ID, ONE}}},
    [VT_DOC_REQUEST] = {"request",
        {{"id", VT_VALUE_ID, ONE}, {"mode", VT_VALUE_WORD, ONE},
            {"purpose", VT_VALUE_WORD, ONE}, {"requester", VT_VALUE_NAME, ONE},
            {"policy", VT_VALUE_DIGEST, ONE}, {"region", VT_VALUE_REGION, ONE},
            {"class", VT_VALUE_WORD, SOME}, {"from", VT_VALUE_DAY, ONE},
            {"until", VT_VALUE_DAY, ONE}, {"subject", VT_VALUE_DIGEST, MAYBE},
            {"job", VT_VALUE_DIGEST, MAYBE}, {"query", VT_VALUE_DIGEST, MAYBE},
            {"epsilon", VT_VALUE_COUNT, MAYBE}, {"runs", VT_VALUE_COUNT, ONE},
            {"expires", VT_VALUE_TIME, ONE}, {"result-to", VT_VALUE_BOX, MAYBE},
            {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_APPROVAL] = {"approval",
        {{"request", VT_VALUE_DIGEST, ONE}, {"approver", VT_VALUE_NAME, ONE},
            {"verdict", VT_VALUE_WORD, ONE}, {"share", VT_VALUE_DIGEST, MAYBE},
            {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_GRANT] = {"grant",
        {{"request", VT_VALUE_DIGEST, ONE}, {"policy", VT_VALUE_DIGEST, ONE},
            {"site", VT_VALUE_NAME, ONE}, {"mode", VT_VALUE_WORD, ONE},
            {"approval", VT_VALUE_DIGEST, ANY}, {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_REFUSAL] = {"refusal",
        {{"request", VT_VALUE_DIGEST, ONE}, {"site", VT_VALUE_NAME, ONE},
            {"code", VT_VALUE_WORD, ONE}, {"grant", VT_VALUE_DIGEST, MAYBE},
            {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_RUN] = {"run",
        {{"request", VT_VALUE_DIGEST, ONE}, {"grant", VT_VALUE_DIGEST, ONE},
            {"site", VT_VALUE_NAME, ONE}, {"policy", VT_VALUE_DIGEST, ONE},
            {"job", VT_VALUE_DIGEST, MAYBE}, {"query", VT_VALUE_DIGEST, MAYBE},
            {"started", VT_VALUE_TIME, ONE}, {"finished", VT_VALUE_TIME, ONE},
            {"segments", VT_VALUE_COUNT, ONE}, {"segments-digest", VT_VALUE_DIGEST, ONE},
            {"blocks", VT_VALUE_COUNT, ONE}, {"records", VT_VALUE_COUNT, ONE},
            {"plain-bytes", VT_VALUE_COUNT, ONE}, {"subjects", VT_VALUE_COUNT, ONE},
            {"erased-blocks", VT_VALUE_COUNT, ONE}, {"cells", VT_VALUE_COUNT, ONE},
            {"rows-out", VT_VALUE_COUNT, ONE}, {"rows-held-back", VT_VALUE_COUNT, ONE},
            {"result", VT_VALUE_DIGEST, ONE}, {"result-bytes", VT_VALUE_COUNT, ONE},
            {"epsilon", VT_VALUE_COUNT, MAYBE}, {"customers", VT_VALUE_COUNT, ONE},
            {"customers-root", VT_VALUE_DIGEST, MAYBE}, {"outcome", VT_VALUE_WORD, ONE}}},
    [VT_DOC_INVENTORY] = {"inventory",
        {{"region", VT_VALUE_REGION, ONE}, {"site", VT_VALUE_NAME, ONE},
            {"policy", VT_VALUE_DIGEST, ONE}, {"segments", VT_VALUE_COUNT, ONE},
            {"records", VT_VALUE_COUNT, ONE}, {"bytes", VT_VALUE_COUNT, ONE},
            {"root", VT_VALUE_DIGEST, ONE}, {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_ERASURE] = {"erasure",
        {{"request", VT_VALUE_DIGEST, ONE}, {"grant", VT_VALUE_DIGEST, ONE},
            {"site", VT_VALUE_NAME, ONE}, {"region", VT_VALUE_REGION, ONE},
            {"generation-before", VT_VALUE_COUNT, ONE},
            {"generation-after", VT_VALUE_COUNT, ONE}, {"ring-before", VT_VALUE_DIGEST, ONE},
            {"ring-after", VT_VALUE_DIGEST, ONE}, {"key", VT_VALUE_DIGEST, SOME},
            {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_RETENTION] = {"retention",
        {{"site", VT_VALUE_NAME, ONE}, {"policy", VT_VALUE_DIGEST, ONE},
            {"generation-before", VT_VALUE_COUNT, ONE},
            {"generation-after", VT_VALUE_COUNT, ONE}, {"ring-before", VT_VALUE_DIGEST, ONE},
            {"ring-after", VT_VALUE_DIGEST, ONE}, {"epoch", VT_VALUE_LINE, ANY},
            {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_RELOCATION] = {"relocation",
        {{"region", VT_VALUE_REGION, ONE}, {"from", VT_VALUE_NAME, ONE},
            {"to", VT_VALUE_NAME, ONE}, {"policy", VT_VALUE_DIGEST, ONE},
            {"segments", VT_VALUE_COUNT, ONE}, {"records", VT_VALUE_COUNT, ONE},
            {"bytes", VT_VALUE_COUNT, ONE}, {"root", VT_VALUE_DIGEST, ONE},
            {"ring-root", VT_VALUE_DIGEST, MAYBE}, {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_RECEIPT] = {"receipt",
        {{"relocation", VT_VALUE_DIGEST, ONE}, {"region", VT_VALUE_REGION, ONE},
            {"from", VT_VALUE_NAME, ONE}, {"to", VT_VALUE_NAME, ONE},
            {"segments", VT_VALUE_COUNT, ONE}, {"records", VT_VALUE_COUNT, ONE},
            {"bytes", VT_VALUE_COUNT, ONE}, {"root", VT_VALUE_DIGEST, ONE},
            {"keys", VT_VALUE_COUNT, ONE}, {"made", VT_VALUE_TIME, ONE}}},
    [VT_DOC_SHRED] = {"shred",
        {{"receipt", VT_VALUE_DIGEST, ONE}, {"relocation", VT_VALUE_DIGEST, ONE},
            {"region", VT_VALUE_REGION, ONE}, {"site", VT_VALUE_NAME, ONE},
            {"segments", VT_VALUE_COUNT, ONE}, {"root", VT_VALUE_DIGEST, ONE},
            {"generation-before", VT_VALUE_COUNT, ONE},
            {"generation-after", VT_VALUE_COUNT, ONE}, {"ring-before", VT_VALUE_DIGEST, ONE},
            {"ring-after", VT_VALUE_DIGEST, ONE}, {"keys", VT_VALUE_COUNT, ONE},
            {"made", VT_VALUE_TIME, ONE}}},
};

const struct vt_doc_rule *
vt_doc_rules(enum vt_doc_kind kind, size_t *ret_count)
{
    const struct vt_doc_rule *rules = kinds[kind].rule;

    *ret_count = 0;
    while (rules[*ret_count].name != NULL)
        (*ret_count)++;
    return rules;
}

const char *
vt_doc_kind_name(enum vt_doc_kind kind)
{
    return (unsigned)kind < VT_DOC_KIND_COUNT ? kinds[kind].name : NULL;
}

enum vt_doc_kind
vt_doc_kind_find(const struct vt_reader *name)
{
    for (unsigned i = 1; i < VT_DOC_KIND_COUNT; i++) {
        if (vt_reader_is(name, kinds[i].name))
            return (enum vt_doc_kind)i;
    }
    return (enum vt_doc_kind)0;
}

bool
vt_value_of_set(const char *s, size_t max, const char *set)
{
    size_t len = strlen(s);

    return len >= 1 && len <= max && strspn(s, set) == len;
}

bool
vt_value_count(const char *s, uint64_t max, uint64_t *ret)
{
    struct vt_reader r = VT_READER(s, strlen(s));

    return vt_reader_decimal(&r, max, ret);
}

bool
vt_value_digest(const char *s, struct vt_digest *ret)
{
    const struct vt_reader r = VT_READER(s, strlen(s));

    return vt_field_digest(&r, ret);
}

/* Printable words with one space between two. */
static bool
is_line(const char *s)
{
    size_t len = strlen(s);

    if (len == 0 || s[0] == ' ' || s[len - 1] == ' ' || strstr(s, "  ") != NULL)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < 0x20 || s[i] > 0x7e)
            return false;
    }
    return true;
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool
vt_value_ok(enum vt_value form, const char *value)
{
    struct vt_box_public box;
    struct vt_digest digest;
    uint64_t count;
    int64_t time;
    uint32_t day;

    if (strnlen(value, VT_DOC_VALUE_MAX + 1) > VT_DOC_VALUE_MAX)
        return false;
    switch (form) {
    case VT_VALUE_NAME:
        return vt_key_name_valid(value);
    case VT_VALUE_WORD:
        return vt_value_of_set(value, VT_WORD_MAX, LOWER DIGITS "-");
    case VT_VALUE_REGION:
        return strlen(value) >= 2 && vt_value_of_set(value, VT_REGION_MAX, UPPER DIGITS "-");
    case VT_VALUE_COUNT:
        return vt_value_count(value, INT64_MAX, &count);
    case VT_VALUE_TIME:
        return vt_time_parse(value, &time) && time >= 0;
    case VT_VALUE_DAY:
        return vt_day_parse(value, &day);
    case VT_VALUE_DIGEST:
        return vt_value_digest(value, &digest);
    case VT_VALUE_ID:
        return strlen(value) == 32 && vt_value_of_set(value, 32, DIGITS "abcdef");
    case VT_VALUE_BOX:
        return vt_box_public_parse(value, strlen(value), &box, NULL) == VT_OK;
    case VT_VALUE_LINE:
        return is_line(value);
    }
    return false;
}

const char *
vt_value_form(enum vt_value form)
{
    static const char *const forms[] = {
        [VT_VALUE_NAME] = "a name: printable, without space, `+` and `\"`, at most 128 bytes",
        [VT_VALUE_WORD] = "a word of a-z, 0-9 and `-`, at most 64 bytes",
        [VT_VALUE_REGION] = "a region of A-Z, 0-9 and `-`, 2 to 16 bytes",
        [VT_VALUE_COUNT] = "a number below 2^63",
        [VT_VALUE_TIME] = "a time such as 2026-11-22T10:00:00Z",
        [VT_VALUE_DAY] = "a day such as 2026-11-22",
        [VT_VALUE_DIGEST] = "sha256: and 64 lower-case hex digits",
        [VT_VALUE_ID] = "32 lower-case hex digits",
        [VT_VALUE_BOX] = "an age1... key",
        [VT_VALUE_LINE] = "printable words with single spaces, at most 512 bytes",
    };

    return forms[form];
}
