/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/api_cover.h"

#include "centre/api_parts.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT = 16, READINGS_MAX = 100000 };
#define PATHS_MAX (256U * 1024U * 1024U)
#define KEPT_FILES_MAX (2 * VT_API_COVER_FILES_MAX) /* of all that are kept */

struct vt_api_covers {
    struct vt_api_cover *kept[KEPT];
    uint64_t clock;
};

/* Readings of one blob, while they are gathered. */
struct gather {
    struct vt_api_cover *cover;
    size_t *by_blob; /* numbers of files, by blob */
    struct vt_coverage_reading *reading;
    char (*name)[2][VT_KEY_NAME_MAX + 1]; /* signer and organisation of each */
    size_t count;
    size_t cap;
    struct vt_digest blob;
};

static enum vt_err
no_memory(struct vt_why *why)
{
    return vt_fail(why, VT_E_NOMEM, "coverage: out of memory");
}

static void
cover_free(struct vt_api_cover *cover)
{
    if (cover == NULL)
        return;
    vt_buf_release(&cover->paths);
    free(cover->file);
    free(cover->covered_before);
    free(cover);
}

enum vt_err
vt_api_covers_new(struct vt_api_covers **ret, struct vt_why *why)
{
    struct vt_api_covers *covers = calloc(1, sizeof(*covers));

    if (covers == NULL)
        return no_memory(why);
    *ret = covers;
    return VT_OK;
}

void
vt_api_covers_clear(struct vt_api_covers *covers)
{
    for (size_t i = 0; i < KEPT; i++) {
        cover_free(covers->kept[i]);
        covers->kept[i] = NULL;
    }
}

void
vt_api_covers_free(struct vt_api_covers *covers)
{
    if (covers == NULL)
        return;
    vt_api_covers_clear(covers);
    free(covers);
}

const char *
vt_api_cover_path(const struct vt_api_cover *cover, const struct vt_api_cover_file *f)
{
    return (const char *)cover->paths.data + f->path;
}

static enum vt_err
take_file(void *ctx, const struct vt_library_file *f, struct vt_why *why)
{
    struct vt_api_cover *cover = ctx;
    struct vt_api_cover_file *grown;

    if (f->kind != VT_LIBRARY_FILE || f->size == 0)
        return VT_OK;
    if (cover->file_count == cover->file_cap) {
        size_t cap = cover->file_cap == 0 ? 1024 : cover->file_cap * 2;

        if (cover->file_count >= VT_API_COVER_FILES_MAX)
            return vt_fail(why, VT_E_LIMIT, "coverage of more than %u files is not reckoned",
                VT_API_COVER_FILES_MAX);
        grown = realloc(cover->file, cap * sizeof(*grown));
        if (grown == NULL)
            return no_memory(why);
        cover->file = grown;
        cover->file_cap = cap;
    }
    cover->file[cover->file_count++] = (struct vt_api_cover_file){
        .path = cover->paths.len, .blob = f->blob, .lines = f->lines};
    vt_buf_put(&cover->paths, f->name, strlen(f->name) + 1);
    return vt_buf_check(&cover->paths, "paths", why);
}

static int
path_cmp(const void *a, const void *b, void *ctx)
{
    return strcmp(vt_api_cover_path(ctx, a), vt_api_cover_path(ctx, b));
}

static int
blob_cmp(const void *a, const void *b, void *ctx)
{
    const struct vt_api_cover *cover = ctx;

    return vt_digest_cmp(
        &cover->file[*(const size_t *)a].blob, &cover->file[*(const size_t *)b].blob);
}

/* The first of by_blob whose blob is not below d. */
static size_t
first_of(const struct gather *g, const struct vt_digest *d)
{
    size_t low = 0;
    size_t high = g->cover->file_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (vt_digest_cmp(&g->cover->file[g->by_blob[mid]].blob, d) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The number of an organisation, which is added when it is new. False: there are too many. */
static bool
organisation_of(struct vt_api_cover *cover, const char *name, size_t *ret)
{
    size_t i = 0;

    while (i < cover->organisation_count && strcmp(cover->organisation[i].name, name) != 0)
        i++;
    if (i == VT_COVERAGE_ORGANISATIONS_MAX || strlen(name) > VT_KEY_NAME_MAX)
        return false;
    if (i == cover->organisation_count) {
        memcpy(cover->organisation[i].name, name, strlen(name) + 1);
        cover->organisation_count++;
    }
    *ret = i;
    return true;
}

static void
mark_file(
    struct vt_api_cover *cover, struct vt_api_cover_file *f, const struct vt_coverage_blob *of)
{
    for (size_t i = 0; i < of->count; i++) {
        size_t org;

        if (!organisation_of(cover, of->of[i].organisation, &org))
            continue;
        f->read |= UINT64_C(1) << org;
        cover->organisation[org].lines += of->of[i].lines;
        if (of->of[i].whole) {
            f->whole |= UINT64_C(1) << org;
            cover->organisation[org].files++;
        }
    }
    cover->covered_lines += of->lines;
}

/* All readings of one blob are there: what do they cover in the files that are it? */
static enum vt_err
end_blob(struct gather *g, struct vt_why *why)
{
    struct vt_api_cover *cover = g->cover;
    struct vt_coverage_blob of;
    size_t i = g->count == 0 ? cover->file_count : first_of(g, &g->blob);
    enum vt_err err;

    if (i < cover->file_count && vt_digest_eq(&cover->file[g->by_blob[i]].blob, &g->blob)) {
        for (size_t k = 0; k < g->count; k++) {
            g->reading[k].signer = g->name[k][0];
            g->reading[k].organisation = g->name[k][1];
        }
        err = vt_coverage_of(g->reading, g->count, cover->file[g->by_blob[i]].lines, &of, why);
        if (err != VT_OK)
            return err;
        for (; i < cover->file_count; i++) {
            if (!vt_digest_eq(&cover->file[g->by_blob[i]].blob, &g->blob))
                break;
            mark_file(cover, &cover->file[g->by_blob[i]], &of);
        }
    }
    g->count = 0;
    return VT_OK;
}

static enum vt_err
make_room(struct gather *g, struct vt_why *why)
{
    size_t cap = g->cap == 0 ? 64 : g->cap * 2;
    void *p;

    if (g->count < g->cap)
        return VT_OK;
    if (g->count >= READINGS_MAX)
        return vt_fail(why, VT_E_LIMIT, "more than %d readings of one file", READINGS_MAX);
    p = realloc(g->reading, cap * sizeof(*g->reading));
    if (p == NULL)
        return no_memory(why);
    g->reading = p;
    p = realloc(g->name, cap * sizeof(*g->name));
    if (p == NULL)
        return no_memory(why);
    g->name = p;
    g->cap = cap;
    return VT_OK;
}

static void
copy_name(char ret[VT_KEY_NAME_MAX + 1], const char *s)
{
    size_t len = strlen(s);

    len = len > VT_KEY_NAME_MAX ? VT_KEY_NAME_MAX : len;
    memcpy(ret, s, len);
    ret[len] = '\0';
}

static enum vt_err
take_reading(struct gather *g, struct vt_sql_rows *r, struct vt_why *why)
{
    struct vt_digest blob;
    enum vt_err err = VT_OK;

    if (!vt_sql_digest(r, 0, &blob))
        return VT_OK;
    if (g->count > 0 && !vt_digest_eq(&blob, &g->blob))
        err = end_blob(g, why);
    if (err == VT_OK)
        err = make_room(g, why);
    if (err != VT_OK)
        return err;
    g->blob = blob;
    copy_name(g->name[g->count][0], vt_sql_text(r, 5));
    copy_name(g->name[g->count][1], vt_sql_text(r, 6));
    g->reading[g->count++] = (struct vt_coverage_reading){.index = (uint64_t)vt_sql_int(r, 1),
        .verdict = strcmp(vt_sql_text(r, 4), "ok") == 0 ? VT_VERDICT_OK : VT_VERDICT_CONCERN,
        .from = (uint32_t)vt_sql_int(r, 2),
        .to = (uint32_t)vt_sql_int(r, 3)};
    return VT_OK;
}

/* All readings stand by blob, then entry; so do the files. */
static enum vt_err
take_readings(struct vt_api_call *c, struct gather *g, struct vt_why *why)
{
    struct vt_sql_rows *rows = NULL;
    bool more = true;
    enum vt_err err = vt_sql_query(c->api->facts, &rows, why,
        "SELECT g.blob,g.idx,g.from_line,g.to_line,g.verdict,v.reviewer,v.organisation"
        " FROM reading g CROSS JOIN review v ON v.idx=g.idx WHERE v.kind='reading'"
        " ORDER BY g.blob,g.idx",
        "");

    while (err == VT_OK) {
        err = vt_sql_step(rows, &more, why);
        if (err != VT_OK || !more)
            break;
        err = take_reading(g, rows, why);
    }
    vt_sql_end(rows);
    return err == VT_OK ? end_blob(g, why) : err;
}

static enum vt_err
add_up(struct vt_api_cover *cover, struct vt_why *why)
{
    cover->covered_before = calloc(cover->file_count + 1, sizeof(*cover->covered_before));
    if (cover->covered_before == NULL)
        return no_memory(why);
    for (size_t i = 0; i < cover->file_count; i++) {
        bool covered = cover->file[i].whole != 0;

        cover->covered_before[i + 1] = cover->covered_before[i] + (covered ? 1 : 0);
        cover->lines += cover->file[i].lines;
    }
    cover->covered = cover->covered_before[cover->file_count];
    return VT_OK;
}

static enum vt_err
reckon(struct vt_api_call *c, struct vt_api_cover *cover, struct vt_why *why)
{
    struct gather g = {.cover = cover};
    size_t n = cover->file_count;
    enum vt_err err = VT_OK;

    if (n > 0)
        qsort_r(cover->file, n, sizeof(*cover->file), path_cmp, cover);
    g.by_blob = calloc(n + 1, sizeof(*g.by_blob));
    if (g.by_blob == NULL)
        return no_memory(why);
    for (size_t i = 0; i < n; i++)
        g.by_blob[i] = i;
    if (n > 0)
        qsort_r(g.by_blob, n, sizeof(*g.by_blob), blob_cmp, cover);
    err = take_readings(c, &g, why);
    if (err == VT_OK)
        err = add_up(cover, why);
    free(g.by_blob);
    free(g.reading);
    free(g.name);
    return err;
}

static enum vt_err
make(struct vt_api_call *c, const struct vt_digest *source, int64_t review,
    struct vt_api_cover **ret, struct vt_why *why)
{
    struct vt_api_cover *cover = calloc(1, sizeof(*cover));
    struct vt_library *l = NULL;
    enum vt_err err;

    if (cover == NULL)
        return no_memory(why);
    cover->source = *source;
    cover->review = review;
    vt_buf_init(&cover->paths, PATHS_MAX);
    err = vt_api_library_try(c->api, &l, why);
    if (err == VT_OK)
        err = vt_library_files(l, source, take_file, cover, why);
    if (err == VT_OK)
        err = reckon(c, cover, why);
    if (err == VT_OK)
        *ret = cover;
    else
        cover_free(cover);
    return err;
}

/* Where a new one goes. Those not used for longest give way while there are too many. */
static size_t
make_place(struct vt_api_covers *covers, size_t files)
{
    for (;;) {
        size_t empty = KEPT;
        size_t oldest = KEPT;
        size_t all = files;

        for (size_t i = 0; i < KEPT; i++) {
            if (covers->kept[i] == NULL) {
                empty = i;
                continue;
            }
            all += covers->kept[i]->file_count;
            if (oldest == KEPT || covers->kept[i]->used < covers->kept[oldest]->used)
                oldest = i;
        }
        if (empty != KEPT && (all <= KEPT_FILES_MAX || oldest == KEPT))
            return empty;
        cover_free(covers->kept[oldest]);
        covers->kept[oldest] = NULL;
    }
}

enum vt_err
vt_api_cover(struct vt_api_call *c, const struct vt_digest *source,
    const struct vt_api_cover **ret, struct vt_why *why)
{
    struct vt_api_covers *covers = c->api->covers;
    struct vt_api_cover *cover = NULL;
    int64_t review;
    size_t i;
    enum vt_err err = vt_sql_count(
        c->api->facts, -1, &review, why, "SELECT coalesce(max(idx),-1) FROM review", "");

    for (i = 0; i < KEPT && err == VT_OK; i++) {
        cover = covers->kept[i];
        if (cover == NULL || !vt_digest_eq(&cover->source, source))
            continue;
        if (cover->review == review) {
            cover->used = ++covers->clock;
            *ret = cover;
            return VT_OK;
        }
        cover_free(cover);
        covers->kept[i] = NULL;
    }
    if (err == VT_OK)
        err = make(c, source, review, &cover, why);
    if (err != VT_OK)
        return err;
    i = make_place(covers, cover->file_count);
    cover->used = ++covers->clock;
    covers->kept[i] = cover;
    *ret = cover;
    return VT_OK;
}

/* The first file whose path is not below `path`. */
static size_t
first_path(const struct vt_api_cover *cover, const char *path)
{
    size_t low = 0;
    size_t high = cover->file_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(vt_api_cover_path(cover, &cover->file[mid]), path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct vt_api_cover_file *
vt_api_cover_find(const struct vt_api_cover *cover, const char *path)
{
    size_t i = first_path(cover, path);

    if (i == cover->file_count || strcmp(vt_api_cover_path(cover, &cover->file[i]), path) != 0)
        return NULL;
    return &cover->file[i];
}

uint64_t
vt_api_cover_below(const struct vt_api_cover *cover, const char *folder)
{
    char path[VT_LIBRARY_PATH_MAX + 2];
    size_t len = strlen(folder);
    size_t from;

    if (len == 0)
        return cover->covered;
    if (len > VT_LIBRARY_PATH_MAX)
        return 0;
    memcpy(path, folder, len);
    path[len] = '/';
    path[len + 1] = '\0';
    from = first_path(cover, path);
    path[len] = '/' + 1;
    return cover->covered_before[first_path(cover, path)] - cover->covered_before[from];
}
