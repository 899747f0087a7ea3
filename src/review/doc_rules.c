/* SPDX-License-Identifier: Apache-2.0 */
#include "review/doc_rules.h"

#include "base/clock.h"
#include "note/field.h"
#include "review/path.h"

#include <stdlib.h>
#include <string.h>

#define VISITS_SUM "the sources' visits, at least 1 of each, do not add up to all visits"

static const char *const codes[] = {
    "backdoor", "vulnerability", "provenance", "licence", "other"};

bool
vt_review_name_ok(const char *name)
{
    size_t len = strnlen(name, VT_KEY_NAME_MAX + 1);

    return len <= VT_KEY_NAME_MAX && vt_note_name_valid(name, len) && strcmp(name, "-") != 0;
}

int
vt_review_file_cmp(const void *a, const void *b)
{
    const struct vt_review_file *x = a, *y = b;
    int c = strcmp(x->path, y->path);

    return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

int
vt_review_visits_cmp(const void *a, const void *b)
{
    const struct vt_review_visits *x = a, *y = b;

    return vt_digest_cmp(&x->source, &y->source);
}

static bool
time_ok(int64_t t)
{
    char text[VT_TIME_SIZE];
    int64_t again;

    vt_time_format(t, text);
    return vt_time_parse(text, &again) && again == t;
}

/* ---- file lines ---- */

static enum vt_err
check_file(const struct vt_review *r, size_t i, struct vt_why *why)
{
    const struct vt_review_file *f = &r->file[i];

    if (f->path == NULL || !vt_review_path_ok(f->path))
        return vt_fail(why, VT_E_SYNTAX, "file %zu: a snapshot cannot have that path", i + 1);
    if (vt_verdict_name(f->verdict) == NULL)
        return vt_fail(why, VT_E_SYNTAX, "file %zu has no verdict", i + 1);
    if (r->kind == VT_ENTRY_OBJECTION && f->verdict != VT_VERDICT_CONCERN)
        return vt_fail(why, VT_E_SYNTAX,
            "file %zu of an objection has another verdict than concern", i + 1);
    if (f->from == 0 ? f->to != 0 : f->from > f->to || f->to > VT_REVIEW_LINE_MAX)
        return vt_fail(why, VT_E_SYNTAX,
            "the lines of file %zu are not `all` and not FROM-TO, from 1 to %u", i + 1,
            VT_REVIEW_LINE_MAX);
    if (i == 0)
        return VT_OK;
    int order = strcmp(f[-1].path, f->path);
    if (order > 0 || (order == 0 && f[-1].from >= f->from))
        return vt_fail(
            why, VT_E_SYNTAX, "file %zu is out of order or there twice: %s", i + 1, f->path);
    if (order == 0 && !vt_digest_eq(&f[-1].blob, &f->blob))
        return vt_fail(why, VT_E_SYNTAX, "%s has two digests", f->path);
    return VT_OK;
}

/* By blob, then by the first line. */
static int
blob_cmp(const void *a, const void *b)
{
    const struct vt_review_file *x = *(const struct vt_review_file *const *)a;
    const struct vt_review_file *y = *(const struct vt_review_file *const *)b;
    int c = vt_digest_cmp(&x->blob, &y->blob);

    return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

/* No line of a blob is spoken of twice, whichever paths it has. */
static enum vt_err
check_overlap(const struct vt_review *r, struct vt_why *why)
{
    const struct vt_review_file **by_blob;
    enum vt_err err = VT_OK;

    if (r->file_count < 2)
        return VT_OK;
    by_blob = calloc(r->file_count, sizeof(struct vt_review_file *));
    if (by_blob == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a review document");
    for (size_t i = 0; i < r->file_count; i++)
        by_blob[i] = &r->file[i];
    qsort(by_blob, r->file_count, sizeof(struct vt_review_file *), blob_cmp);
    for (size_t i = 1; i < r->file_count && err == VT_OK; i++) {
        const struct vt_review_file *a = by_blob[i - 1], *b = by_blob[i];

        if (vt_digest_eq(&a->blob, &b->blob) && (a->from == 0 || b->from <= a->to))
            err = vt_fail(why, VT_E_SYNTAX, "lines of %s are spoken of twice%s%s", a->path,
                strcmp(a->path, b->path) == 0 ? "" : ", as those of ",
                strcmp(a->path, b->path) == 0 ? "" : b->path);
    }
    free(by_blob);
    return err;
}

static enum vt_err
check_files(const struct vt_review *r, struct vt_why *why)
{
    if (r->file_count > VT_REVIEW_FILES_MAX)
        return vt_fail(why, VT_E_LIMIT, "a review document has more than %u file lines",
            VT_REVIEW_FILES_MAX);
    for (size_t i = 0; i < r->file_count; i++) {
        enum vt_err err = check_file(r, i, why);
        if (err != VT_OK)
            return err;
    }
    return check_overlap(r, why);
}

/* ---- kinds ---- */

static enum vt_err
check_review(const struct vt_review *r, struct vt_why *why)
{
    if (r->log_size > INT64_MAX || r->files > INT64_MAX || r->covered > r->files)
        return vt_fail(why, VT_E_SYNTAX, "a review covers at most all files of its snapshot");
    return VT_OK;
}

static enum vt_err
check_objection(const struct vt_review *r, struct vt_why *why)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strncmp(r->code, codes[i], sizeof r->code) == 0)
            return check_files(r, why);
    }
    return vt_fail(why, VT_E_SYNTAX,
        "the code of an objection is backdoor, vulnerability, provenance, licence or other");
}

static enum vt_err
check_reading(const struct vt_review *r, struct vt_why *why)
{
    if (r->file_count == 0)
        return vt_fail(why, VT_E_SYNTAX, "a reading names 1 to %u files", VT_REVIEW_FILES_MAX);
    return check_files(r, why);
}

static bool
day_ok(const char day[11])
{
    char text[VT_TIME_SIZE];
    int64_t t;

    if (strnlen(day, 11) != 10)
        return false;
    memcpy(text, day, 10);
    memcpy(text + 10, "T00:00:00Z", 11);
    return vt_time_parse(text, &t);
}

static enum vt_err
check_visited(const struct vt_review *r, struct vt_why *why)
{
    uint64_t sum = 0;

    if (r->visited_count > VT_REVIEW_SOURCES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u sources", VT_REVIEW_SOURCES_MAX);
    for (size_t i = 0; i < r->visited_count; i++) {
        if (i > 0 && vt_review_visits_cmp(&r->visited[i - 1], &r->visited[i]) >= 0)
            return vt_fail(
                why, VT_E_SYNTAX, "source %zu is out of order or there twice", i + 1);
        if (r->visited[i].visits == 0 || r->visited[i].visits > r->visits - sum)
            return vt_fail(why, VT_E_SYNTAX, VISITS_SUM);
        sum += r->visited[i].visits;
    }
    return sum == r->visits ? VT_OK : vt_fail(why, VT_E_SYNTAX, VISITS_SUM);
}

static enum vt_err
check_visits(const struct vt_review *r, struct vt_why *why)
{
    if (!vt_review_name_ok(r->site) || !day_ok(r->day))
        return vt_fail(why, VT_E_SYNTAX, "not a site's name and a day such as 2026-11-22");
    if (r->visits > INT64_MAX || r->anonymous > r->visits ||
        r->reviewers > r->visits - r->anonymous)
        return vt_fail(why, VT_E_SYNTAX, "more visitors than visits");
    return check_visited(r, why);
}

enum vt_err
vt_review_check(const struct vt_review *r, struct vt_why *why)
{
    if (!time_ok(r->made))
        return vt_fail(why, VT_E_SYNTAX, "a time is one of the years 0000 to 9999");
    if (r->kind != VT_ENTRY_VISITS && !vt_review_name_ok(r->reviewer))
        return vt_fail(why, VT_E_SYNTAX, "`%.*s` cannot be a reviewer's name", VT_KEY_NAME_MAX,
            r->reviewer);
    if ((r->kind == VT_ENTRY_REVIEW || r->kind == VT_ENTRY_VISITS) && r->file_count > 0)
        return vt_fail(why, VT_E_SYNTAX, "only readings and objections have file lines");
    switch ((unsigned)r->kind) {
    case VT_ENTRY_READING:
        return check_reading(r, why);
    case VT_ENTRY_REVIEW:
        return check_review(r, why);
    case VT_ENTRY_OBJECTION:
        return check_objection(r, why);
    case VT_ENTRY_VISITS:
        return check_visits(r, why);
    default:
        return vt_fail(why, VT_E_SYNTAX, "not a kind of review document");
    }
}
