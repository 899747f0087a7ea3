/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit's second pass: the roots of the log's index, made anew from all entries.
 */
#include "base/progress.h"
#include "log/audit_work.h"
#include "log/log_index.h"

struct index_pass {
    struct vt_log_index_audit *audit;
    struct vt_progress *progress;
};

static enum vt_err
take_for_index(void *ctx, uint64_t index, const void *entry, size_t len, struct vt_why *why)
{
    struct index_pass *p = ctx;

    if (p->progress != NULL)
        vt_progress_set(p->progress, index);
    return vt_log_index_audit_take(p->audit, entry, len, why);
}

enum vt_err
vt_audit_index(struct vt_log_reader *r, const struct vt_log_audit_opts *opts,
    uint64_t *ret_roots, struct vt_why *why)
{
    const struct vt_checkpoint *cp = vt_log_reader_checkpoint(r);
    struct index_pass p = {.progress = opts->progress};
    enum vt_err err = vt_log_index_audit_new(
        opts->index_tmp, vt_log_reader_policy(r), cp->origin, &p.audit, why);

    if (err != VT_OK)
        return err;
    if (p.progress != NULL)
        vt_progress_begin(p.progress, "checking the index", cp->size);
    err = vt_log_reader_each(r, 0, take_for_index, &p, why);
    if (p.progress != NULL)
        vt_progress_end(p.progress);
    if (err == VT_OK)
        *ret_roots = vt_log_index_audit_roots(p.audit);
    vt_log_index_audit_free(p.audit);
    return err;
}
