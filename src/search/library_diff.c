/* SPDX-License-Identifier: Apache-2.0 */
/* Differences of texts, by libgit2's own difference engine. */
#include "search/library_held.h"

#include <git2.h>
#include <string.h>

#define CONTEXT 3U

struct diff {
    enum vt_err (*fn)(void *ctx, const struct vt_library_line *line, struct vt_why *why);
    void *ctx;
    struct vt_why *why;
    enum vt_err err; /* what fn returned */
};

static enum vt_err
fail_git(struct vt_why *why)
{
    const git_error *e = git_error_last();

    return vt_fail(why, VT_E_NOMEM, "cannot compare two files: %s",
        e != NULL && e->message != NULL ? e->message : "unknown error");
}

static int
take_hunk(const git_diff_delta *delta, const git_diff_hunk *hunk, void *ctx)
{
    struct diff *d = ctx;
    const struct vt_library_line line = {
        .kind = '@',
        .text = "",
        .old_start = (uint64_t)hunk->old_start,
        .old_lines = (uint64_t)hunk->old_lines,
        .new_start = (uint64_t)hunk->new_start,
        .new_lines = (uint64_t)hunk->new_lines,
    };

    (void)delta;
    d->err = d->fn(d->ctx, &line, d->why);
    return d->err == VT_OK ? 0 : -1;
}

/* Lines that only tell of a missing newline at the end are left out. A carriage return stays:
 * it may be all that differs. */
static int
take_line(
    const git_diff_delta *delta, const git_diff_hunk *hunk, const git_diff_line *l, void *ctx)
{
    struct diff *d = ctx;
    struct vt_library_line line = {.kind = l->origin, .text = l->content};

    (void)delta;
    (void)hunk;
    if (l->origin != GIT_DIFF_LINE_CONTEXT && l->origin != GIT_DIFF_LINE_ADDITION &&
        l->origin != GIT_DIFF_LINE_DELETION)
        return 0;
    line.len = l->content_len;
    if (line.len > 0 && line.text[line.len - 1] == '\n')
        line.len--;
    d->err = d->fn(d->ctx, &line, d->why);
    return d->err == VT_OK ? 0 : -1;
}

static enum vt_err
begin(struct vt_library *l, struct vt_why *why)
{
    if (!l->git && git_libgit2_init() < 0)
        return fail_git(why);
    l->git = true;
    return VT_OK;
}

void
vt_library_diff_end(struct vt_library *l)
{
    if (l->git)
        (void)git_libgit2_shutdown();
    l->git = false;
}

/* libgit2 takes NULL for "there was no file"; an empty one is a place. */
static const void *
some(const void *data)
{
    return data != NULL ? data : "";
}

static enum vt_err
options(uint32_t context, git_diff_options *ret, struct vt_why *why)
{
    if (git_diff_options_init(ret, GIT_DIFF_OPTIONS_VERSION) != 0)
        return fail_git(why);
    ret->flags = GIT_DIFF_FORCE_TEXT;
    ret->context_lines = context;
    return VT_OK;
}

enum vt_err
vt_library_count_lines(struct vt_library *l, const uint8_t *old_data, size_t old_len,
    const uint8_t *new_data, size_t new_len, uint64_t *ret_added, uint64_t *ret_removed,
    struct vt_why *why)
{
    git_diff_options o;
    git_patch *patch = NULL;
    size_t added = 0;
    size_t removed = 0;
    enum vt_err err = begin(l, why);

    if (err == VT_OK)
        err = options(0, &o, why);
    if (err != VT_OK)
        return err;
    if (git_patch_from_buffers(
            &patch, some(old_data), old_len, NULL, some(new_data), new_len, NULL, &o) != 0 ||
        (patch != NULL && git_patch_line_stats(NULL, &added, &removed, patch) != 0))
        err = fail_git(why);
    git_patch_free(patch);
    if (err == VT_OK) {
        *ret_added = added;
        *ret_removed = removed;
    }
    return err;
}

enum vt_err
vt_library_diff(struct vt_library *l, const struct vt_digest *old_blob,
    const struct vt_digest *new_blob,
    enum vt_err (*fn)(void *ctx, const struct vt_library_line *line, struct vt_why *why),
    void *ctx, struct vt_why *why)
{
    git_diff_options o;
    struct diff d = {.fn = fn, .ctx = ctx, .why = why};
    const uint8_t *old_data = NULL;
    const uint8_t *new_data = NULL;
    size_t old_len = 0;
    size_t new_len = 0;
    enum vt_err err = VT_OK;

    if (old_blob != NULL)
        err = vt_library_text(l, old_blob, &old_data, &old_len, why);
    if (err == VT_OK && new_blob != NULL)
        err = vt_library_text(l, new_blob, &new_data, &new_len, why);
    if (err == VT_OK)
        err = begin(l, why);
    if (err == VT_OK)
        err = options(CONTEXT, &o, why);
    if (err == VT_OK && git_diff_buffers(some(old_data), old_len, NULL, some(new_data), new_len,
                            NULL, &o, NULL, NULL, take_hunk, take_line, &d) != 0)
        err = d.err != VT_OK ? d.err : fail_git(why);
    return err;
}
