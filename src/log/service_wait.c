/* SPDX-License-Identifier: Apache-2.0 */
#include "log/service_parts.h"

#include <stdlib.h>

enum vt_err
vt_waits_init(struct vt_waits *w, struct vt_why *why)
{
    *w = (struct vt_waits){.queued = calloc(VT_SERVICE_OPEN_MAX, sizeof *w->queued),
        .awaiting = calloc(VT_SERVICE_AWAIT_MAX, sizeof *w->awaiting)};
    if (w->queued != NULL && w->awaiting != NULL)
        return VT_OK;
    vt_waits_release(w);
    return vt_fail(why, VT_E_NOMEM, "log: out of memory");
}

void
vt_waits_release(struct vt_waits *w)
{
    free(w->queued);
    free(w->awaiting);
    *w = (struct vt_waits){.queued = NULL};
}

/* When there is no room the last mark stands for this batch too, which makes it look older. */
void
vt_waits_mark(struct vt_waits *w, uint64_t size, uint64_t us)
{
    if (w->mark_count == VT_MARKS) {
        w->marks[(w->mark_first + VT_MARKS - 1) % VT_MARKS].size = size;
        return;
    }
    w->marks[(w->mark_first + w->mark_count) % VT_MARKS] =
        (struct vt_mark){.size = size, .us = us};
    w->mark_count++;
}

void
vt_waits_published(
    struct vt_waits *w, uint64_t size, uint64_t us, struct vt_metric_histogram *h)
{
    while (w->mark_count > 0 && w->marks[w->mark_first].size <= size) {
        vt_metric_observe(h, us - w->marks[w->mark_first].us);
        w->mark_first = (w->mark_first + 1) % VT_MARKS;
        w->mark_count--;
    }
}

int
vt_waits_next(const struct vt_waits *w, int64_t now_ms, int most)
{
    for (size_t i = 0; i < w->awaiting_count; i++) {
        int64_t left = w->awaiting[i].until_ms - now_ms;

        if (left < most)
            most = left > 0 ? (int)left : 0;
    }
    return most;
}
