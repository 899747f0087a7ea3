/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/reckon.h"

#include "base/file.h"
#include "search/library.h"
#include "search/unpacked.h"

#include <stdlib.h>
#include <string.h>

#define SAID_MAX 1000000U /* entries of reviews in one log */

/* A line of a reading by a blob; `said` and `at` say where in the log it stands. */
struct read {
    const struct vt_digest *blob;
    size_t said;
    size_t at;
};

struct vt_reckon {
    struct vt_log_reader *log;
    const struct vt_policy *policy;
    size_t said_count, said_room;
    struct vt_reckon_said *said;
    size_t read_count;
    struct read *read; /* by blob, then in the log's order */
    size_t most_read;  /* lines of readings of one blob at the most */
    size_t file_count, file_room;
    struct vt_reckon_file *file;
};

/* Room for one more. */
static enum vt_err
grow(void **array, size_t count, size_t *room, size_t size, struct vt_why *why)
{
    size_t more = *room == 0 ? 64 : 2 * *room;
    void *bigger;

    if (count < *room)
        return VT_OK;
    bigger = reallocarray(*array, more, size);
    if (bigger == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for reviews");
    *array = bigger;
    *room = more;
    return VT_OK;
}

void
vt_reckon_free(struct vt_reckon *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->said_count; i++)
        vt_review_release(&r->said[i].doc);
    for (size_t i = 0; i < r->file_count; i++)
        free(r->file[i].path);
    free(r->said);
    free(r->read);
    free(r->file);
    free(r);
}

/* ---- the log ---- */

static enum vt_err
read_document(struct vt_reckon *r, const struct vt_entry *e, const char *key_name,
    struct vt_review *ret, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_review doc = {.file = NULL};
    enum vt_err err = vt_log_reader_object(r->log, &e->statement, &b, why);

    if (err == VT_OK)
        err = vt_review_parse(b.data, b.len, &doc, why);
    if (err == VT_OK)
        err = vt_review_matches(&doc, &e->statement, e, key_name, why);
    vt_buf_release(&b);
    if (err != VT_OK)
        vt_review_release(&doc);
    else
        *ret = doc;
    return err;
}

static enum vt_err
take_entry(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct vt_reckon *r = ctx;
    const struct vt_policy_party *signer = NULL;
    struct vt_reckon_said *s;
    struct vt_entry e;
    void *said = r->said;

    if (vt_log_entry_open(r->policy, entry, len, &e, NULL, &signer, NULL) != VT_OK ||
        !vt_review_kind(e.kind) || e.kind == VT_ENTRY_VISITS)
        return VT_OK;
    if (r->said_count == SAID_MAX)
        return vt_fail(why, VT_E_LIMIT, "the log has more than %u reviews", SAID_MAX);
    enum vt_err err = grow(&said, r->said_count, &r->said_room, sizeof *s, why);
    if (err != VT_OK)
        return err;
    r->said = said;
    s = &r->said[r->said_count++];
    *s = (struct vt_reckon_said){.index = index,
        .kind = e.kind,
        .source = *vt_entry_one(&e, VT_SUBJECT_SOURCE),
        .signer = signer->name,
        .organisation = vt_policy_group_of(r->policy, signer)};
    if (s->organisation == NULL)
        s->organisation = signer->name;
    /* one whose document is gone counts for nothing; whoever lists them sees why */
    if (read_document(r, &e, signer->key.name, &s->doc, &s->problem) == VT_E_NOMEM)
        return vt_fail(why, VT_E_NOMEM, "no memory for reviews");
    return VT_OK;
}

static int
read_cmp(const void *a, const void *b)
{
    const struct read *x = a, *y = b;
    int c = vt_digest_cmp(x->blob, y->blob);

    if (c == 0)
        c = (x->said > y->said) - (x->said < y->said);
    return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

/* All lines of all readings, by blob. */
static enum vt_err
index_readings(struct vt_reckon *r, struct vt_why *why)
{
    size_t n = 0, run = 0;

    for (size_t i = 0; i < r->said_count; i++)
        n += r->said[i].doc.kind == VT_ENTRY_READING ? r->said[i].doc.file_count : 0;
    r->read = calloc(n + 1, sizeof *r->read);
    if (r->read == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu readings", n);
    for (size_t i = 0; i < r->said_count; i++) {
        const struct vt_review *doc = &r->said[i].doc;
        for (size_t j = 0; doc->kind == VT_ENTRY_READING && j < doc->file_count; j++)
            r->read[r->read_count++] = (struct read){&doc->file[j].blob, i, j};
    }
    if (r->read_count > 1)
        qsort(r->read, r->read_count, sizeof *r->read, read_cmp);
    for (size_t i = 0; i < r->read_count; i++) {
        run = i > 0 && vt_digest_eq(r->read[i - 1].blob, r->read[i].blob) ? run + 1 : 1;
        r->most_read = run > r->most_read ? run : r->most_read;
    }
    return VT_OK;
}

enum vt_err
vt_reckon_new(struct vt_log_reader *log, struct vt_reckon **ret, struct vt_why *why)
{
    struct vt_reckon *r = calloc(1, sizeof *r);
    enum vt_err err;

    if (r == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for reviews");
    r->log = log;
    r->policy = vt_log_reader_policy(log);
    err = vt_log_reader_each(log, 0, take_entry, r, why);
    if (err == VT_OK)
        err = index_readings(r, why);
    if (err != VT_OK) {
        vt_reckon_free(r);
        return err;
    }
    *ret = r;
    return VT_OK;
}

size_t
vt_reckon_said(const struct vt_reckon *r, const struct vt_reckon_said **ret)
{
    *ret = r->said;
    return r->said_count;
}

bool
vt_reckon_is_last(const struct vt_reckon *r, size_t i)
{
    const struct vt_reckon_said *s = &r->said[i];

    if (s->kind == VT_ENTRY_READING)
        return false;
    for (size_t j = i + 1; j < r->said_count; j++) {
        const struct vt_reckon_said *later = &r->said[j];
        if (later->kind != VT_ENTRY_READING && strcmp(later->signer, s->signer) == 0 &&
            vt_digest_eq(&later->source, &s->source))
            return false;
    }
    return true;
}

/* ---- the snapshot ---- */

/* As the library has them: newlines, and one more when bytes follow the last. */
static uint64_t
count_lines(const uint8_t *p, size_t len)
{
    struct vt_reader r = VT_READER(p, len), line;
    uint64_t lines = 0;

    if (p == NULL || len > VT_LIBRARY_SHOWN_MAX || memchr(p, 0, len) != NULL ||
        !vt_utf8_valid(p, len))
        return 0;
    while (vt_reader_line(&r, &line))
        lines++;
    return lines + (r.left > 0);
}

static enum vt_err
take_file(void *ctx, struct vt_unpacked *u, struct vt_why *why)
{
    struct vt_reckon *r = ctx;
    void *file = r->file;
    char *path;

    if (u->target != NULL || u->size == 0)
        return VT_OK;
    enum vt_err err = grow(&file, r->file_count, &r->file_room, sizeof *r->file, why);
    if (err != VT_OK)
        return err;
    r->file = file;
    path = strdup(u->path);
    if (path == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for the snapshot's files");
    r->file[r->file_count++] = (struct vt_reckon_file){.path = path,
        .size = u->size,
        .lines = count_lines(u->data, (size_t)u->size),
        .blob = u->digest};
    return VT_OK;
}

static int
file_cmp(const void *a, const void *b)
{
    const struct vt_reckon_file *x = a, *y = b;

    return strcmp(x->path, y->path);
}

enum vt_err
vt_reckon_take(struct vt_reckon *r, const struct vt_digest *source, const char *archive,
    struct vt_why *why)
{
    if (r->file != NULL)
        return vt_fail(why, VT_E_STATE, "one snapshot has been taken in already");
    enum vt_err err = vt_unpacked_each(archive, source, take_file, r, why);
    if (err == VT_OK && r->file_count > 1)
        qsort(r->file, r->file_count, sizeof *r->file, file_cmp);
    return err;
}

size_t
vt_reckon_files(const struct vt_reckon *r, const struct vt_reckon_file **ret)
{
    *ret = r->file;
    return r->file_count;
}

const struct vt_reckon_file *
vt_reckon_find(const struct vt_reckon *r, const char *path)
{
    size_t low = 0, high = r->file_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(path, r->file[mid].path);

        if (c == 0)
            return &r->file[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

/* ---- coverage ---- */

/* Where the blob's readings begin. */
static size_t
first_read(const struct vt_reckon *r, const struct vt_digest *blob)
{
    size_t low = 0, high = r->read_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (vt_digest_cmp(r->read[mid].blob, blob) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The readings of a blob in the first log_size entries; `to` has room for most_read. */
static size_t
gather(const struct vt_reckon *r, const struct vt_digest *blob, uint64_t log_size,
    struct vt_coverage_reading *to)
{
    size_t n = 0;

    for (size_t i = first_read(r, blob);
         i < r->read_count && vt_digest_eq(r->read[i].blob, blob); i++) {
        const struct vt_reckon_said *s = &r->said[r->read[i].said];
        const struct vt_review_file *f = &s->doc.file[r->read[i].at];

        if (s->index >= log_size)
            break;
        to[n++] = (struct vt_coverage_reading){.index = s->index,
            .signer = s->signer,
            .organisation = s->organisation,
            .verdict = f->verdict,
            .from = f->from,
            .to = f->to};
    }
    return n;
}

static struct vt_coverage_reading *
room_for_readings(const struct vt_reckon *r)
{
    return calloc(r->most_read + 1, sizeof(struct vt_coverage_reading));
}

enum vt_err
vt_reckon_coverage(const struct vt_reckon *r, const struct vt_reckon_file *f, uint64_t log_size,
    struct vt_coverage_blob *ret, struct vt_why *why)
{
    struct vt_coverage_reading *v = room_for_readings(r);
    enum vt_err err;

    if (v == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for readings");
    err = vt_coverage_of(v, gather(r, &f->blob, log_size, v), f->lines, ret, why);
    free(v);
    return err;
}

static bool
covers(const struct vt_coverage_blob *c, const char *organisation)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->of[i].organisation, organisation) == 0)
            return c->of[i].whole;
    }
    return false;
}

enum vt_err
vt_reckon_claim(const struct vt_reckon *r, const char *organisation, uint64_t log_size,
    struct vt_reckon_claim *ret, struct vt_why *why)
{
    struct vt_coverage_reading *v = room_for_readings(r);
    struct vt_digest *covered = calloc(r->file_count + 1, sizeof *covered);
    struct vt_reckon_claim claim = {.files = r->file_count};
    struct vt_coverage_blob c;
    size_t count;
    enum vt_err err = VT_OK;

    if (v == NULL || covered == NULL)
        err = vt_fail(why, VT_E_NOMEM, "no memory for %zu files", r->file_count);
    for (size_t i = 0; err == VT_OK && i < r->file_count; i++) {
        const struct vt_reckon_file *f = &r->file[i];

        err = vt_coverage_of(v, gather(r, &f->blob, log_size, v), f->lines, &c, why);
        if (err == VT_OK && covers(&c, organisation))
            covered[claim.covered++] = f->blob;
    }
    if (err == VT_OK) {
        vt_coverage_root(covered, (size_t)claim.covered, &claim.root, &count);
        *ret = claim;
    }
    free(covered);
    free(v);
    return err;
}
