/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review read */
#include "review.h"

#include <inttypes.h>
#include <stdlib.h>

struct args {
    struct vt_review_desk d;
    struct vt_opt_list paths;
    bool all;
    bool concern;
};

struct result {
    size_t files;
    uint64_t index; /* of the last entry */
    json_t *indexes;
};

static enum vt_err
submit(struct args *a, struct vt_review *r, struct result *ret, struct vt_why *why)
{
    enum vt_err err = vt_review_desk_submit(&a->d, r, &ret->index, why);

    if (err == VT_OK) {
        ret->files += r->file_count;
        json_array_append_new(ret->indexes, json_integer((json_int_t)ret->index));
    }
    vt_review_release(r);
    return err;
}

static enum vt_err
read_named(struct args *a, struct result *ret, struct vt_why *why)
{
    struct vt_review r = {.kind = VT_ENTRY_READING};
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < a->paths.count && err == VT_OK; i++)
        err = vt_review_desk_add(
            &a->d, &r, a->paths.item[i], a->concern ? VT_VERDICT_CONCERN : VT_VERDICT_OK, why);
    if (err == VT_OK)
        return submit(a, &r, ret, why);
    vt_review_release(&r);
    return err;
}

static int
blob_cmp(const void *a, const void *b)
{
    const struct vt_reckon_file *x = *(const struct vt_reckon_file *const *)a;
    const struct vt_reckon_file *y = *(const struct vt_reckon_file *const *)b;

    return vt_digest_cmp(&x->blob, &y->blob);
}

/* Each blob once, in as many documents as it takes. */
static enum vt_err
submit_all(struct args *a, const struct vt_reckon_file **f, size_t n, struct result *ret,
    struct vt_why *why)
{
    struct vt_review r = {.kind = VT_ENTRY_READING};
    enum vt_err err = VT_OK;

    for (size_t i = 0; i < n && err == VT_OK; i++) {
        if (i > 0 && vt_digest_eq(&f[i - 1]->blob, &f[i]->blob))
            continue;
        err = vt_review_add(&r, &f[i]->blob, a->concern ? VT_VERDICT_CONCERN : VT_VERDICT_OK, 0,
            0, f[i]->path, why);
        if (err == VT_OK && r.file_count == VT_REVIEW_FILES_MAX / 2) {
            err = submit(a, &r, ret, why);
            r = (struct vt_review){.kind = VT_ENTRY_READING};
        }
    }
    if (err == VT_OK && r.file_count > 0)
        return submit(a, &r, ret, why);
    vt_review_release(&r);
    return err;
}

static enum vt_err
read_all(struct args *a, struct result *ret, struct vt_why *why)
{
    const struct vt_reckon_file *file;
    size_t n = vt_reckon_files(a->d.reckon, &file);
    const struct vt_reckon_file **by_blob = calloc(n + 1, sizeof(struct vt_reckon_file *));
    enum vt_err err;

    if (by_blob == NULL)
        return vt_fail(why, VT_E_NOMEM, "no memory for %zu files", n);
    for (size_t i = 0; i < n; i++)
        by_blob[i] = &file[i];
    if (n > 1)
        qsort(by_blob, n, sizeof(struct vt_reckon_file *), blob_cmp);
    err = n == 0 ? vt_fail(why, VT_E_USAGE, "the snapshot has no file that is not empty")
                 : submit_all(a, by_blob, n, ret, why);
    free(by_blob);
    return err;
}

static enum vt_err
run(struct args *a, const char *source, struct vt_progress *progress, struct result *ret,
    struct vt_why *why)
{
    enum vt_err err;

    if (a->all == (a->paths.count > 0))
        return vt_fail(why, VT_E_USAGE, "say what was read: --path PATH..., or --all");
    err = vt_review_desk_open_source(&a->d, source, progress, why);
    if (err == VT_OK)
        err = vt_review_desk_open_key(&a->d, why);
    if (err != VT_OK)
        return err;
    return a->all ? read_all(a, ret, why) : read_named(a, ret, why);
}

int
vt_cmd_review_read(int argc, char **argv)
{
    struct args a = {.all = false};
    struct result result = {.indexes = json_array()};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        VT_REVIEW_OPT_FROM(a.d),
        VT_REVIEW_OPT_POLICY(a.d),
        VT_REVIEW_OPT_KEY(a.d),
        VT_REVIEW_OPT_TO(a.d),
        VT_REVIEW_OPT_ARCHIVE(a.d),
        {"path", 0, VT_OPT_LIST, "PATH[:A-B]", "a file, or its lines A to B; may be repeated",
            &a.paths, false},
        {"all", 'a', VT_OPT_FLAG, NULL, "every file of the snapshot", &a.all, false},
        {"concern", 'c', VT_OPT_FLAG, NULL, "with the verdict `concern`, not `ok`", &a.concern,
            false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "review read",
        .args = "SOURCE --from URL --key FILE --path PATH... | --all",
        .summary = "sign that files or lines of a snapshot were read",
        .details =
            "The statement is of the files' bytes: it holds for later snapshots that have\n"
            "them unchanged. A later one of the same lines takes the earlier's place.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc < 0) {
        enum vt_err err = run(&a, c.argv[0], &c.progress, &result, &why);
        rc = err != VT_OK ? vt_cmd_fail(&c, err, &why)
                          : vt_cmd_done(&c,
                                json_pack("{s:I, s:O}", "files", (json_int_t)result.files,
                                    "entries", result.indexes),
                                "%zu file lines are in the log, at entry %" PRIu64,
                                result.files, result.index);
    }
    json_decref(result.indexes);
    vt_review_desk_release(&a.d);
    return rc;
}
