/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review sign */
#include "review.h"

#include <inttypes.h>

struct args {
    struct vt_review_desk d;
    bool partial;
};

/* What the document says is reckoned here, from the log as it is published. */
static enum vt_err
run(struct args *a, const char *source, struct vt_progress *progress, struct vt_review *r,
    uint64_t *ret_index, struct vt_why *why)
{
    struct vt_reckon_claim claim = {.files = 0};
    enum vt_err err = vt_review_desk_open_source(&a->d, source, progress, why);

    if (err == VT_OK)
        err = vt_review_desk_open_key(&a->d, why);
    if (err != VT_OK)
        return err;
    r->log_size = vt_log_reader_checkpoint(a->d.log)->size;
    err = vt_reckon_claim(a->d.reckon, a->d.organisation, r->log_size, &claim, why);
    if (err != VT_OK)
        return err;
    if (claim.covered < claim.files && !a->partial)
        return vt_fail(why, VT_E_REFUSED,
            "%s has read %" PRIu64 " of %" PRIu64 " files: `vitrine review coverage --unread` "
            "names the others; --partial signs off all the same, and says so",
            a->d.organisation, claim.covered, claim.files);
    r->files = claim.files;
    r->covered = claim.covered;
    r->root = claim.root;
    return vt_review_desk_submit(&a->d, r, ret_index, why);
}

int
vt_cmd_review_sign(int argc, char **argv)
{
    struct args a = {.partial = false};
    struct vt_review r = {.kind = VT_ENTRY_REVIEW};
    uint64_t index = 0;
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        VT_REVIEW_OPT_FROM(a.d),
        VT_REVIEW_OPT_POLICY(a.d),
        VT_REVIEW_OPT_KEY(a.d),
        VT_REVIEW_OPT_TO(a.d),
        VT_REVIEW_OPT_ARCHIVE(a.d),
        {"partial", 0, VT_OPT_FLAG, NULL,
            "even when not all is read; the document says how much", &a.partial, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "review sign",
        .args = "SOURCE --from URL --key FILE [--partial]",
        .summary = "sign a whole snapshot off",
        .details =
            "Says how many of its files the signer's organisation has read, by the log\n"
            "as it is now; `vitrine review check` finds out whether that is so. Takes an\n"
            "objection of the same signer back.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc >= 0)
        return rc;
    enum vt_err err = run(&a, c.argv[0], &c.progress, &r, &index, &why);
    rc =
        err != VT_OK
            ? vt_cmd_fail(&c, err, &why)
            : vt_cmd_done(&c,
                  json_pack("{s:I, s:I, s:I, s:I, s:s}", "entry", (json_int_t)index, "log_size",
                      (json_int_t)r.log_size, "files", (json_int_t)r.files, "covered",
                      (json_int_t)r.covered, "root", vt_digest_text(&r.root).s),
                  "%s is signed off, %" PRIu64 " of %" PRIu64 " files read: log entry %" PRIu64,
                  c.argv[0], r.covered, r.files, index);
    vt_review_release(&r);
    vt_review_desk_release(&a.d);
    return rc;
}
