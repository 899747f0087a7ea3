/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review check */
#include "review.h"

#include <inttypes.h>

struct check {
    struct vt_review_desk d;
    json_t *items;
    struct vt_buf text;
    size_t total;
    size_t wrong;
};

static void
say(struct check *k, const struct vt_reckon_said *s, const char *problem)
{
    const bool holds = problem == NULL;

    k->total++;
    k->wrong += !holds;
    vt_buf_putf(&k->text, "entry %" PRIu64 ", %s by %s (%s): %s%s\n", s->index,
        vt_entry_kind_name(s->kind), s->signer, s->organisation,
        holds ? "holds" : "does not hold: ", holds ? "" : problem);
    json_array_append_new(
        k->items, json_pack("{s:I, s:s, s:s, s:s, s:b, s:s?}", "index", (json_int_t)s->index,
                      "kind", vt_entry_kind_name(s->kind), "signer", s->signer, "organisation",
                      s->organisation, "holds", holds, "message", problem));
}

/* A review's numbers against those reckoned here. */
static enum vt_err
check_review(const struct check *k, const struct vt_reckon_said *s, struct vt_why *ret_problem,
    struct vt_why *why)
{
    struct vt_reckon_claim c = {.files = 0};
    enum vt_err err;

    if (s->doc.log_size > s->index) {
        (void)vt_fail(ret_problem, VT_E_REFUSED,
            "it speaks of %" PRIu64 " entries, of which there were %" PRIu64, s->doc.log_size,
            s->index);
        return VT_OK;
    }
    err = vt_reckon_claim(k->d.reckon, s->organisation, s->doc.log_size, &c, why);
    if (err != VT_OK)
        return err;
    if (c.files != s->doc.files || c.covered != s->doc.covered)
        (void)vt_fail(ret_problem, VT_E_REFUSED,
            "it says that %" PRIu64 " of %" PRIu64 " files were read; %" PRIu64 " of %" PRIu64
            " were",
            s->doc.covered, s->doc.files, c.covered, c.files);
    else if (!vt_digest_eq(&c.root, &s->doc.root))
        (void)vt_fail(
            ret_problem, VT_E_REFUSED, "its root is of other files than those that were read");
    return VT_OK;
}

/* The files that a reading or an objection names are in the snapshot, with those lines. */
static void
check_files(const struct check *k, const struct vt_reckon_said *s, struct vt_why *ret_problem)
{
    for (size_t i = 0; i < s->doc.file_count; i++) {
        const struct vt_review_file *f = &s->doc.file[i];
        const struct vt_reckon_file *is = vt_reckon_find(k->d.reckon, f->path);

        if (is == NULL || !vt_digest_eq(&is->blob, &f->blob))
            (void)vt_fail(
                ret_problem, VT_E_REFUSED, "the snapshot has no such file: %s", f->path);
        else if (f->to > is->lines)
            (void)vt_fail(ret_problem, VT_E_REFUSED, "%s has %" PRIu64 " lines, not %u",
                f->path, is->lines, f->to);
    }
}

static enum vt_err
check_one(struct check *k, const struct vt_reckon_said *s, struct vt_why *why)
{
    struct vt_why problem = {0};
    enum vt_err err = VT_OK;

    if (s->doc.kind == 0)
        problem = s->problem;
    else if (s->kind == VT_ENTRY_REVIEW)
        err = check_review(k, s, &problem, why);
    else
        check_files(k, s, &problem);
    if (err == VT_OK)
        say(k, s, problem.text[0] == '\0' ? NULL : problem.text);
    return err;
}

static enum vt_err
run(struct check *k, const char *source, struct vt_progress *progress, struct vt_why *why)
{
    const struct vt_reckon_said *s = NULL;
    enum vt_err err = vt_review_desk_open_source(&k->d, source, progress, why);
    size_t n = err == VT_OK ? vt_reckon_said(k->d.reckon, &s) : 0;

    for (size_t i = 0; i < n && err == VT_OK; i++)
        if (vt_digest_eq(&s[i].source, &k->d.source))
            err = check_one(k, &s[i], why);
    return err == VT_OK ? vt_buf_check(&k->text, "the list of reviews", why) : err;
}

static int
finish(const struct vt_cmd *c, struct check *k)
{
    int rc;

    if (k->wrong > 0)
        vt_buf_putf(&k->text, "%zu of %zu do not hold", k->wrong, k->total);
    else
        vt_buf_putf(&k->text, "all %zu hold", k->total);
    rc = vt_cmd_done(c,
        json_pack("{s:s, s:I, s:I, s:O}", "source", vt_digest_text(&k->d.source).s, "checked",
            (json_int_t)k->total, "wrong", (json_int_t)k->wrong, "items", k->items),
        "%s", vt_buf_str(&k->text));
    return rc != 0 ? rc : k->wrong > 0;
}

int
vt_cmd_review_check(int argc, char **argv)
{
    struct check k = {.items = json_array(), .text = VT_BUF(16U * 1024U * 1024U)};
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        VT_REVIEW_OPT_FROM(k.d),
        VT_REVIEW_OPT_POLICY(k.d),
        VT_REVIEW_OPT_ARCHIVE(k.d),
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "review check",
        .args = "SOURCE --from URL --policy FILE",
        .summary = "find out whether what reviewers signed of a snapshot is so",
        .details =
            "Reckons each review's claim again from the log and the archive, and looks up\n"
            "what readings and objections name. Exit code 1: something does not hold.\n"
            "Organisations are those of your policy.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc < 0) {
        enum vt_err err = run(&k, c.argv[0], &c.progress, &why);
        rc = err == VT_OK ? finish(&c, &k) : vt_cmd_fail(&c, err, &why);
    }
    json_decref(k.items);
    vt_buf_release(&k.text);
    vt_review_desk_release(&k.d);
    return rc;
}
