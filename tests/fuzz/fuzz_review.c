/* SPDX-License-Identifier: Apache-2.0 */
/* Review documents and lines of the record of openings: there is one way to write one. */
#include "review/doc.h"
#include "review/visit.h"

#include "must.h"

static void
read_visit(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_VISIT_LINE_MAX);
    struct vt_why why = {0};
    struct vt_visit v;
    enum vt_err err = vt_visit_parse(data, size, &v, &why);

    must_say(err, &why);
    if (err != VT_OK)
        return;
    must(vt_visit_put(&b, &v, NULL) == VT_OK);
    must_be(&b, data, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt_buf b = VT_BUF(VT_REVIEW_MAX);
    struct vt_why why = {0};
    struct vt_digest digest;
    struct vt_review r;
    struct vt_entry e;
    enum vt_err err = vt_review_parse(data, size, &r, &why);

    must_say(err, &why);
    read_visit(data, size);
    if (err != VT_OK)
        return 0;
    must(vt_review_put(&b, &r, NULL) == VT_OK);
    must_be(&b, data, size);
    vt_digest_of(data, size, &digest);
    must(vt_review_entry(&r, &digest, &e, NULL) == VT_OK);
    if (r.kind != VT_ENTRY_VISITS)
        must(vt_review_matches(&r, &digest, &e, r.reviewer, NULL) == VT_OK);
    vt_review_release(&r);
    return 0;
}
