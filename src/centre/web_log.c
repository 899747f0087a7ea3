/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is POSTed to the site is handed to the log process, which alone decides; and what is
 * read of the log beside its files.
 */
#include "centre/web_parts.h"

#include <string.h>

bool
vt_web_post_entry(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;

    return vt_add_entry(w->add, rq, x, rs);
}

bool
vt_web_post_object(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;

    return vt_add_post(w->add, VT_SERVICE_OBJECT, NULL, rq, x, rs);
}

bool
vt_web_post_review(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;

    return vt_add_post(w->add, VT_SERVICE_REVIEW, NULL, rq, x, rs);
}

static bool
answer_now(struct vt_http_response *rs, int status, const char *text)
{
    rs->status = status;
    vt_buf_putf(&rs->body, "%s\n", text);
    return false;
}

/* /staged/ROLE/signatures */
bool
vt_web_post_signature(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;
    const char *from = rq->path + strlen("/staged/");
    const char *slash = strchr(from, '/');
    char role[65];

    if (slash == NULL || strcmp(slash, "/signatures") != 0)
        return answer_now(rs, 404, "nothing takes a POST here");
    if (slash == from || (size_t)(slash - from) >= sizeof(role))
        return answer_now(rs, 400, "that is no role's name");
    memcpy(role, from, (size_t)(slash - from));
    role[slash - from] = '\0';
    return vt_add_post(w->add, VT_SERVICE_STAGED, role, rq, x, rs);
}

bool
vt_web_get_metrics(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;

    (void)rq;
    return vt_add_metrics(w->add, x, rs);
}

void
vt_web_get_proof(void *ctx, const struct vt_http_request *rq, struct vt_http_response *rs)
{
    struct vt_web *w = ctx;

    vt_proof_file_get(w->proofs, rq, rs);
}
