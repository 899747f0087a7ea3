/* SPDX-License-Identifier: Apache-2.0 */
#include "review/doc.h"

#include "base/clock.h"
#include "note/field.h"
#include "review/doc_rules.h"
#include "review/path.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "vitrine/review/"
#define HEAD_END "/v1"

static const char *const verdicts[] = {
    [VT_VERDICT_OK] = "ok", [VT_VERDICT_CONCERN] = "concern"};

const char *
vt_verdict_name(enum vt_verdict v)
{
    return v == VT_VERDICT_OK || v == VT_VERDICT_CONCERN ? verdicts[v] : NULL;
}

bool
vt_review_kind(enum vt_entry_kind kind)
{
    return kind == VT_ENTRY_READING || kind == VT_ENTRY_REVIEW || kind == VT_ENTRY_OBJECTION ||
           kind == VT_ENTRY_VISITS;
}

void
vt_review_release(struct vt_review *r)
{
    for (size_t i = 0; i < r->file_count; i++)
        free(r->file[i].path);
    free(r->file);
    free(r->visited);
    *r = (struct vt_review){.file = NULL};
}

/* Room for one more of `count`: arrays grow to powers of two, so that the count alone says
 * how much room there is. */
static bool
grow(void **array, size_t count, size_t size)
{
    void *bigger;

    if (count > 0 && (count & (count - 1)) != 0)
        return true;
    bigger = reallocarray(*array, count == 0 ? 1 : 2 * count, size);
    if (bigger == NULL)
        return false;
    *array = bigger;
    return true;
}

enum vt_err
vt_review_add(struct vt_review *r, const struct vt_digest *blob, enum vt_verdict verdict,
    uint32_t from, uint32_t to, const char *path, struct vt_why *why)
{
    void *files = r->file;
    char *copy;

    if (r->file_count == VT_REVIEW_FILES_MAX)
        return vt_fail(why, VT_E_LIMIT, "a review document has more than %u file lines",
            VT_REVIEW_FILES_MAX);
    if (!grow(&files, r->file_count, sizeof r->file[0]))
        return vt_fail(why, VT_E_NOMEM, "no memory for a review document");
    r->file = files;
    copy = strdup(path);
    if (copy == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for a review document");
    r->file[r->file_count++] = (struct vt_review_file){
        .blob = *blob, .verdict = verdict, .from = from, .to = to, .path = copy};
    return VT_OK;
}

/* ---- writing ---- */

static void
put_digest(struct vt_buf *b, const char *name, const struct vt_digest *d)
{
    vt_buf_putf(b, "%s ", name);
    vt_field_put_digest(b, d);
}

static void
put_files(struct vt_buf *b, const struct vt_review *r)
{
    for (size_t i = 0; i < r->file_count; i++) {
        const struct vt_review_file *f = &r->file[i];

        put_digest(b, "file", &f->blob);
        vt_buf_putf(b, " %s ", verdicts[f->verdict]);
        if (f->from == 0)
            vt_buf_puts(b, "all ");
        else
            vt_buf_putf(b, "%" PRIu32 "-%" PRIu32 " ", f->from, f->to);
        vt_review_path_put(b, f->path);
        vt_buf_put_u8(b, '\n');
    }
}

static void
put_visits(struct vt_buf *b, const struct vt_review *r, const char *made)
{
    vt_buf_putf(b,
        "site %s\nday %s\nvisits %" PRIu64 "\nanonymous %" PRIu64 "\nreviewers %" PRIu64 "\n",
        r->site, r->day, r->visits, r->anonymous, r->reviewers);
    for (size_t i = 0; i < r->visited_count; i++) {
        put_digest(b, "source", &r->visited[i].source);
        vt_buf_putf(b, " visits %" PRIu64 "\n", r->visited[i].visits);
    }
    put_digest(b, "root", &r->root);
    vt_buf_putf(b, "\nmade %s\n", made);
}

static void
put_text(struct vt_buf *b, const struct vt_review *r)
{
    char made[VT_TIME_SIZE];

    vt_time_format(r->made, made);
    vt_buf_putf(b, HEAD "%s" HEAD_END "\n", vt_entry_kind_name(r->kind));
    if (r->kind == VT_ENTRY_VISITS) {
        put_visits(b, r, made);
        return;
    }
    put_digest(b, "source", &r->source);
    vt_buf_putf(b, "\nreviewer %s\nmade %s\n", r->reviewer, made);
    if (r->kind == VT_ENTRY_OBJECTION)
        vt_buf_putf(b, "code %s\n", r->code);
    if (r->kind == VT_ENTRY_REVIEW) {
        vt_buf_putf(b, "log-size %" PRIu64 "\nfiles %" PRIu64 "\ncovered %" PRIu64 "\n",
            r->log_size, r->files, r->covered);
        put_digest(b, "root", &r->root);
        vt_buf_put_u8(b, '\n');
    }
    put_files(b, r);
}

enum vt_err
vt_review_put(struct vt_buf *b, struct vt_review *r, struct vt_why *why)
{
    struct vt_buf whole = VT_BUF(VT_REVIEW_MAX);
    enum vt_err err;

    for (size_t i = 0; i < r->file_count; i++)
        if (r->file[i].path == NULL)
            return vt_fail(why, VT_E_USAGE, "file %zu has no path", i + 1);
    if (r->file_count > 1)
        qsort(r->file, r->file_count, sizeof r->file[0], vt_review_file_cmp);
    if (r->visited_count > 1)
        qsort(r->visited, r->visited_count, sizeof r->visited[0], vt_review_visits_cmp);
    err = vt_review_check(r, why);
    if (err != VT_OK)
        return err == VT_E_NOMEM ? err : VT_E_USAGE;
    put_text(&whole, r);
    err = vt_buf_check(&whole, "a review document", why);
    if (err == VT_OK) {
        vt_buf_put(b, whole.data, whole.len);
        err = vt_buf_check(b, "a review document", why);
    }
    vt_buf_release(&whole);
    return err;
}

/* ---- reading ---- */

/* The value of the next line, which must be of that field. */
static bool
take(struct vt_reader *r, const char *name, struct vt_reader *ret)
{
    struct vt_reader at = *r;

    if (!vt_reader_line(&at, ret) || !vt_reader_skip(ret, name) || !vt_reader_skip(ret, " "))
        return false;
    *r = at;
    return true;
}

static bool
take_digest(struct vt_reader *r, const char *name, struct vt_digest *ret)
{
    struct vt_reader value;

    return take(r, name, &value) && vt_field_digest(&value, ret);
}

static bool
take_text(struct vt_reader *r, const char *name, char *ret, size_t size)
{
    struct vt_reader value;

    return take(r, name, &value) && vt_reader_cstr(&value, ret, size);
}

static bool
take_count(struct vt_reader *r, const char *name, uint64_t *ret)
{
    struct vt_reader value;

    return take(r, name, &value) && vt_reader_decimal(&value, INT64_MAX, ret);
}

static bool
take_made(struct vt_reader *r, int64_t *ret)
{
    char text[VT_TIME_SIZE];

    return take_text(r, "made", text, sizeof text) && vt_time_parse(text, ret);
}

static bool
parse_lines(struct vt_reader word, uint32_t *ret_from, uint32_t *ret_to)
{
    struct vt_reader from;
    uint64_t a = 0, b = 0;

    if (!vt_reader_is(&word, "all")) {
        if (!vt_reader_word(&word, '-', &from) ||
            !vt_reader_decimal(&from, VT_REVIEW_LINE_MAX, &a) ||
            !vt_reader_decimal(&word, VT_REVIEW_LINE_MAX, &b) || a == 0)
            return false;
    }
    *ret_from = (uint32_t)a;
    *ret_to = (uint32_t)b;
    return true;
}

/* `DIGEST VERDICT LINES PATH` */
static enum vt_err
parse_file(struct vt_reader value, struct vt_review *r, struct vt_why *why)
{
    struct vt_reader digest, verdict, lines;
    enum vt_verdict v = VT_VERDICT_CONCERN;
    char path[VT_REVIEW_PATH_MAX + 1];
    struct vt_digest blob;
    uint32_t from = 0, to = 0;

    if (!vt_reader_word(&value, ' ', &digest) || !vt_field_digest(&digest, &blob) ||
        !vt_reader_word(&value, ' ', &verdict) || !vt_reader_word(&value, ' ', &lines) ||
        !parse_lines(lines, &from, &to) || !vt_review_path_take(&value, path))
        return vt_fail(why, VT_E_SYNTAX,
            "file line %zu is not `file sha256:HEX VERDICT LINES PATH`", r->file_count + 1);
    if (vt_reader_is(&verdict, verdicts[VT_VERDICT_OK]))
        v = VT_VERDICT_OK;
    else if (!vt_reader_is(&verdict, verdicts[VT_VERDICT_CONCERN]))
        return vt_fail(why, VT_E_SYNTAX, "the verdict of file line %zu is not ok or concern",
            r->file_count + 1);
    return vt_review_add(r, &blob, v, from, to, path, why);
}

static enum vt_err
parse_files(struct vt_reader *text, struct vt_review *r, struct vt_why *why)
{
    struct vt_reader value;
    enum vt_err err = VT_OK;

    while (err == VT_OK && take(text, "file", &value))
        err = parse_file(value, r, why);
    return err;
}

/* `DIGEST visits N` */
static enum vt_err
parse_visited(struct vt_reader value, struct vt_review *r, struct vt_why *why)
{
    struct vt_review_visits v = {.visits = 0};
    struct vt_reader digest;
    void *visited = r->visited;

    if (!vt_reader_word(&value, ' ', &digest) || !vt_field_digest(&digest, &v.source) ||
        !vt_reader_skip(&value, "visits ") || !vt_reader_decimal(&value, INT64_MAX, &v.visits))
        return vt_fail(why, VT_E_SYNTAX, "source line %zu is not `source sha256:HEX visits N`",
            r->visited_count + 1);
    if (r->visited_count == VT_REVIEW_SOURCES_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %u sources", VT_REVIEW_SOURCES_MAX);
    if (!grow(&visited, r->visited_count, sizeof r->visited[0]))
        return vt_fail(why, VT_E_NOMEM, "no memory for a review document");
    r->visited = visited;
    r->visited[r->visited_count++] = v;
    return VT_OK;
}

static enum vt_err
parse_visits(struct vt_reader *text, struct vt_review *r, struct vt_why *why)
{
    struct vt_reader value;
    enum vt_err err = VT_OK;

    if (!take_text(text, "site", r->site, sizeof r->site) ||
        !take_text(text, "day", r->day, sizeof r->day) ||
        !take_count(text, "visits", &r->visits) ||
        !take_count(text, "anonymous", &r->anonymous) ||
        !take_count(text, "reviewers", &r->reviewers))
        return vt_fail(why, VT_E_SYNTAX,
            "a visits document has first the lines site, day, visits, anonymous and reviewers");
    while (err == VT_OK && take(text, "source", &value))
        err = parse_visited(value, r, why);
    if (err == VT_OK && (!take_digest(text, "root", &r->root) || !take_made(text, &r->made)))
        err = vt_fail(why, VT_E_SYNTAX,
            "after its sources a visits document has the lines root and made");
    return err;
}

static enum vt_err
parse_reviewer(struct vt_reader *text, struct vt_review *r, struct vt_why *why)
{
    if (!take_digest(text, "source", &r->source) ||
        !take_text(text, "reviewer", r->reviewer, sizeof r->reviewer) ||
        !take_made(text, &r->made))
        return vt_fail(why, VT_E_SYNTAX,
            "a %s document has first the lines source, reviewer and made",
            vt_entry_kind_name(r->kind));
    if (r->kind == VT_ENTRY_OBJECTION && !take_text(text, "code", r->code, sizeof r->code))
        return vt_fail(why, VT_E_SYNTAX, "after `made` an objection has the line code");
    if (r->kind == VT_ENTRY_REVIEW &&
        (!take_count(text, "log-size", &r->log_size) || !take_count(text, "files", &r->files) ||
            !take_count(text, "covered", &r->covered) || !take_digest(text, "root", &r->root)))
        return vt_fail(why, VT_E_SYNTAX,
            "after `made` a review has the lines log-size, files, covered and root");
    return parse_files(text, r, why);
}

static bool
parse_head(struct vt_reader *text, enum vt_entry_kind *ret)
{
    struct vt_reader line, kind;

    return vt_reader_line(text, &line) && vt_reader_skip(&line, HEAD) &&
           vt_reader_word(&line, '/', &kind) && vt_reader_is(&line, &HEAD_END[1]) &&
           vt_entry_kind_parse((const char *)kind.p, kind.left, ret) && vt_review_kind(*ret);
}

enum vt_err
vt_review_parse(const void *data, size_t len, struct vt_review *ret, struct vt_why *why)
{
    struct vt_reader text = VT_READER(data, len);
    struct vt_review r = {.file = NULL};
    enum vt_err err;

    if (len > VT_REVIEW_MAX)
        return vt_fail(
            why, VT_E_LIMIT, "a review document has more than %u bytes", VT_REVIEW_MAX);
    if (!parse_head(&text, &r.kind))
        return vt_fail(why, VT_E_SYNTAX,
            "a review document begins with `" HEAD "`, a kind, and `" HEAD_END "`");
    err = r.kind == VT_ENTRY_VISITS ? parse_visits(&text, &r, why)
                                    : parse_reviewer(&text, &r, why);
    if (err == VT_OK && text.left > 0)
        err = vt_fail(why, VT_E_SYNTAX, "a %s document goes on with something else",
            vt_entry_kind_name(r.kind));
    if (err == VT_OK)
        err = vt_review_check(&r, why);
    if (err != VT_OK) {
        vt_review_release(&r);
        return err;
    }
    *ret = r;
    return VT_OK;
}
