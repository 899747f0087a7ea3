/* SPDX-License-Identifier: Apache-2.0 */
/* vitrine review object */
#include "party.h"
#include "review.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct args {
    struct vt_review_desk d;
    const char *code;
    struct vt_opt_list paths;
};

/* Without paths the archive is not needed. */
static enum vt_err
open_desk(struct args *a, const char *source, struct vt_progress *progress, struct vt_why *why)
{
    if (a->paths.count > 0)
        return vt_review_desk_open_source(&a->d, source, progress, why);
    enum vt_err err = vt_party_digest("the source", source, &a->d.source, why);
    return err == VT_OK ? vt_review_desk_open(&a->d, why) : err;
}

static enum vt_err
run(struct args *a, const char *source, struct vt_progress *progress, struct vt_review *r,
    uint64_t *ret_index, struct vt_why *why)
{
    enum vt_err err = open_desk(a, source, progress, why);

    if (err == VT_OK)
        err = vt_review_desk_open_key(&a->d, why);
    for (size_t i = 0; i < a->paths.count && err == VT_OK; i++)
        err = vt_review_desk_add(&a->d, r, a->paths.item[i], VT_VERDICT_CONCERN, why);
    if (err != VT_OK)
        return err;
    if (strlen(a->code) >= sizeof r->code)
        return vt_fail(why, VT_E_USAGE, "--code %s: no such code", a->code);
    (void)snprintf(r->code, sizeof r->code, "%s", a->code);
    return vt_review_desk_submit(&a->d, r, ret_index, why);
}

int
vt_cmd_review_object(int argc, char **argv)
{
    struct args a = {.code = NULL};
    struct vt_review r = {.kind = VT_ENTRY_OBJECTION};
    uint64_t index = 0;
    struct vt_why why = {0};
    const struct vt_opt opts[] = {
        VT_REVIEW_OPT_FROM(a.d),
        VT_REVIEW_OPT_POLICY(a.d),
        VT_REVIEW_OPT_KEY(a.d),
        VT_REVIEW_OPT_TO(a.d),
        VT_REVIEW_OPT_ARCHIVE(a.d),
        {"code", 'c', VT_OPT_STR, "WORD",
            "backdoor, vulnerability, provenance, licence or other", &a.code, true},
        {"path", 0, VT_OPT_LIST, "PATH[:A-B]", "where; a file or its lines; may be repeated",
            &a.paths, false},
        {.name = NULL},
    };
    struct vt_cmd c = {.name = "review object",
        .args = "SOURCE --from URL --key FILE --code WORD",
        .summary = "object to releases from a snapshot",
        .details = "Where a policy demands reviews, no endpoint then takes a release from it,\n"
                   "until the same signer signs the snapshot off.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    int rc = vt_cmd_parse(&c, argc, argv);

    if (rc >= 0)
        return rc;
    enum vt_err err = run(&a, c.argv[0], &c.progress, &r, &index, &why);
    rc = err != VT_OK ? vt_cmd_fail(&c, err, &why)
                      : vt_cmd_done(&c,
                            json_pack("{s:I, s:s}", "entry", (json_int_t)index, "code", r.code),
                            "the objection is log entry %" PRIu64, index);
    vt_review_release(&r);
    vt_review_desk_release(&a.d);
    return rc;
}
