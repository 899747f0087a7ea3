/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/record_rows.h"

#include "ledger/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const outcomes[VT_OUTCOME_COUNT] = {
    [VT_OUTCOME_DONE] = "done",
    [VT_OUTCOME_FAILED] = "failed",
    [VT_OUTCOME_LIMIT] = "limit",
};

const char *
vt_outcome_name(enum vt_outcome o)
{
    return (unsigned)o >= 1 && (unsigned)o < VT_OUTCOME_COUNT ? outcomes[o] : "unknown";
}

static bool
outcome_parse(const char *s, enum vt_outcome *ret)
{
    for (unsigned i = 1; i < VT_OUTCOME_COUNT; i++) {
        if (strcmp(s, outcomes[i]) == 0) {
            *ret = (enum vt_outcome)i;
            return true;
        }
    }
    return false;
}

/* A member of a record. */
static const void *
member(const void *record, size_t at)
{
    return (const uint8_t *)record + at;
}

static void *
member_to_set(void *record, size_t at)
{
    return (uint8_t *)record + at;
}

/* ---- writing ---- */

static enum vt_err
put_id(struct vt_doc *d, const char *field, const uint8_t id[16], struct vt_why *why)
{
    char hex[33];

    vt_hex_encode(id, 16, hex);
    return vt_doc_add(d, field, hex, why);
}

static enum vt_err
put_box(
    struct vt_doc *d, const char *field, const struct vt_box_public *box, struct vt_why *why)
{
    char text[VT_BOX_TEXT_MAX];

    vt_box_public_format(box, text);
    return vt_doc_add(d, field, text, why);
}

static bool
mode_ok(enum vt_mode mode)
{
    return (unsigned)mode >= 1 && (unsigned)mode < VT_MODE_COUNT;
}

static enum vt_err
put_mode(struct vt_doc *d, const char *field, enum vt_mode mode, struct vt_why *why)
{
    if (!mode_ok(mode))
        return vt_fail(why, VT_E_USAGE, "there is no mode %u", (unsigned)mode);
    return vt_doc_add(d, field, vt_mode_name(mode), why);
}

/* The document's own rules see a line only, so its words are checked here. */
static enum vt_err
put_share(struct vt_doc *d, const char *field, const struct vt_key_share *s, struct vt_why *why)
{
    if (!mode_ok(s->mode) || !vt_value_ok(VT_VALUE_WORD, s->group))
        return vt_fail(why, VT_E_USAGE, "a share is of a mode and a group");
    return vt_doc_addf(
        d, why, field, "%s %s %u %u", vt_mode_name(s->mode), s->group, s->need, s->of);
}

static enum vt_err
put_epoch(struct vt_doc *d, const char *field, const struct vt_retired *e, struct vt_why *why)
{
    char day[11], hex[VT_DIGEST_HEX_SIZE];

    if (!vt_value_ok(VT_VALUE_REGION, e->region) || !vt_value_ok(VT_VALUE_WORD, e->class_name))
        return vt_fail(why, VT_E_USAGE, "an epoch is of a region and a class");
    vt_day_format(e->day, day);
    vt_digest_hex(&e->commitment, hex);
    return vt_doc_addf(d, why, field, "%s %s %s sha256:%s", e->region, e->class_name, day, hex);
}

static enum vt_err
put_array(const struct vt_row *row, const void *record, struct vt_doc *d, struct vt_why *why)
{
    size_t count = *(const size_t *)member(record, row->other);
    const void *at = member(record, row->at);
    enum vt_err err = VT_OK;

    if (count > row->size)
        return vt_fail(why, VT_E_USAGE, "there is room for %zu fields `%s`, not %zu", row->size,
            row->field, count);
    for (size_t i = 0; err == VT_OK && i < count; i++) {
        if (row->member == VT_MEMBER_DIGESTS)
            err = vt_doc_add_digest(d, row->field, (const struct vt_digest *)at + i, why);
        else if (row->member == VT_MEMBER_SHARES)
            err = put_share(d, row->field, (const struct vt_key_share *)at + i, why);
        else
            err = put_epoch(d, row->field, *(struct vt_retired *const *)at + i, why);
    }
    return err;
}

static enum vt_err
put_row(const struct vt_row *row, const void *record, struct vt_doc *d, struct vt_why *why)
{
    const void *at = member(record, row->at);

    switch (row->member) {
    case VT_MEMBER_DIGEST:
        if (row->has && !*(const bool *)member(record, row->other))
            return VT_OK;
        return vt_doc_add_digest(d, row->field, at, why);
    case VT_MEMBER_SOME:
        if (*(const uint64_t *)at == 0)
            return VT_OK;
        return vt_doc_addf(d, why, row->field, "%" PRIu64, *(const uint64_t *)at);
    case VT_MEMBER_COUNT:
        return vt_doc_addf(d, why, row->field, "%" PRIu64, *(const uint64_t *)at);
    case VT_MEMBER_TIME:
        if (*(const int64_t *)at <= 0)
            return vt_fail(why, VT_E_USAGE, "the time `%s` is missing", row->field);
        return vt_doc_add_time(d, row->field, *(const int64_t *)at, why);
    case VT_MEMBER_TEXT:
        return vt_doc_add(d, row->field, at, why);
    case VT_MEMBER_ID:
        return put_id(d, row->field, at, why);
    case VT_MEMBER_BOX:
        return put_box(d, row->field, at, why);
    case VT_MEMBER_MODE:
        return put_mode(d, row->field, *(const enum vt_mode *)at, why);
    case VT_MEMBER_CODE:
        return vt_doc_add(d, row->field, vt_refusal_name(*(const enum vt_refusal *)at), why);
    case VT_MEMBER_OUTCOME:
        return vt_doc_add(d, row->field, vt_outcome_name(*(const enum vt_outcome *)at), why);
    default:
        return put_array(row, record, d, why);
    }
}

enum vt_err
vt_rows_put(const struct vt_row *row, size_t n, const void *record, struct vt_doc *d,
    struct vt_why *why)
{
    enum vt_err err = VT_OK;

    for (size_t i = 0; err == VT_OK && i < n; i++)
        err = put_row(&row[i], record, d, why);
    return err;
}

/* ---- reading ---- */

static bool
get_share(const char *value, struct vt_key_share *ret)
{
    struct vt_key_share s = {.need = 0};
    struct vt_words w;
    uint64_t need = 0, of = 0;

    if (vt_words_split(value, &w, NULL) != VT_OK || vt_words_exactly(&w, 4, NULL) != VT_OK ||
        !vt_mode_parse(w.word[0], &s.mode) ||
        vt_words_get(&w, 1, VT_VALUE_WORD, "group", s.group, sizeof s.group, NULL) != VT_OK ||
        vt_words_number(&w, 2, 1, VT_MEMBERS_MAX, "M", &need, NULL) != VT_OK ||
        vt_words_number(&w, 3, 1, VT_MEMBERS_MAX, "N", &of, NULL) != VT_OK)
        return false;
    s.need = (unsigned)need;
    s.of = (unsigned)of;
    *ret = s;
    return true;
}

static bool
get_epoch(const char *value, struct vt_retired *ret)
{
    struct vt_retired e = {.day = 0};
    struct vt_words w;

    if (vt_words_split(value, &w, NULL) != VT_OK || vt_words_exactly(&w, 4, NULL) != VT_OK ||
        vt_words_get(&w, 0, VT_VALUE_REGION, "region", e.region, sizeof e.region, NULL) !=
            VT_OK ||
        vt_words_get(&w, 1, VT_VALUE_WORD, "class", e.class_name, sizeof e.class_name, NULL) !=
            VT_OK ||
        !vt_day_parse(w.word[2], &e.day) || !vt_value_digest(w.word[3], &e.commitment))
        return false;
    *ret = e;
    return true;
}

static size_t
count_fields(const struct vt_doc *d, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < vt_doc_count(d); i++)
        n += strcmp(vt_doc_field(d, i)->name, name) == 0;
    return n;
}

static bool
get_element(enum vt_member kind, const char *value, void *array, size_t i)
{
    if (kind == VT_MEMBER_DIGESTS)
        return vt_value_digest(value, (struct vt_digest *)array + i);
    if (kind == VT_MEMBER_SHARES)
        return get_share(value, (struct vt_key_share *)array + i);
    return get_epoch(value, (struct vt_retired *)array + i);
}

static enum vt_err
get_array(const struct vt_row *row, const struct vt_doc *d, void *record, struct vt_why *why)
{
    size_t count = count_fields(d, row->field), used = 0;
    void *array = member_to_set(record, row->at);

    if (count > row->size)
        return vt_fail(
            why, VT_E_SYNTAX, "there are more than %zu fields `%s`", row->size, row->field);
    if (row->member == VT_MEMBER_EPOCHS) {
        void *made = calloc(count + 1, sizeof(struct vt_retired));
        if (made == NULL)
            return vt_fail(why, VT_E_NOMEM, "no memory for a ledger document");
        *(struct vt_retired **)array = made;
        array = made;
    }
    for (size_t i = 0; i < vt_doc_count(d) && used < count; i++) {
        const struct vt_doc_field *f = vt_doc_field(d, i);
        if (strcmp(f->name, row->field) != 0)
            continue;
        if (!get_element(row->member, f->value, array, used))
            return vt_fail(why, VT_E_SYNTAX, "`%s %.200s` has another form", f->name, f->value);
        used++;
    }
    *(size_t *)member_to_set(record, row->other) = used;
    return VT_OK;
}

/* A field that is missing or of another form; most forms were checked by the document's
 * own rules. */
static bool
get_row(const struct vt_row *row, const struct vt_doc *d, const char *value, void *at)
{
    switch (row->member) {
    case VT_MEMBER_DIGEST:
        return vt_value_digest(value, at);
    case VT_MEMBER_COUNT:
        return vt_value_count(value, INT64_MAX, at);
    case VT_MEMBER_SOME:
        return vt_value_count(value, INT64_MAX, at) && *(const uint64_t *)at > 0;
    case VT_MEMBER_TIME:
        return vt_doc_get_time(d, row->field, at) && *(const int64_t *)at > 0;
    case VT_MEMBER_TEXT:
        return snprintf(at, row->size, "%s", value) < (int)row->size;
    case VT_MEMBER_ID:
        return vt_doc_get_id(d, row->field, at);
    case VT_MEMBER_BOX:
        return vt_box_public_parse(value, strlen(value), at, NULL) == VT_OK;
    case VT_MEMBER_MODE:
        return vt_mode_parse(value, at);
    case VT_MEMBER_CODE:
        return vt_refusal_parse(value, at);
    case VT_MEMBER_OUTCOME:
        return outcome_parse(value, at);
    default:
        return false;
    }
}

enum vt_err
vt_rows_get(const struct vt_row *row, size_t n, const struct vt_doc *d, void *record,
    struct vt_why *why)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = vt_doc_get(d, row[i].field);
        if (row[i].member >= VT_MEMBER_DIGESTS) {
            enum vt_err err = get_array(&row[i], d, record, why);
            if (err != VT_OK)
                return err;
            continue;
        }
        if (row[i].has)
            *(bool *)member_to_set(record, row[i].other) = value != NULL;
        if (value == NULL && (row[i].has || row[i].member == VT_MEMBER_SOME))
            continue;
        if (value == NULL || !get_row(&row[i], d, value, member_to_set(record, row[i].at)))
            return vt_fail(why, VT_E_SYNTAX, "the field `%s` cannot be `%.200s`", row[i].field,
                value != NULL ? value : "left out");
    }
    return VT_OK;
}

void
vt_rows_release(const struct vt_row *row, size_t n, void *record)
{
    for (size_t i = 0; i < n; i++) {
        if (row[i].member != VT_MEMBER_EPOCHS)
            continue;
        struct vt_retired **array = member_to_set(record, row[i].at);
        free(*array);
        *array = NULL;
    }
}
