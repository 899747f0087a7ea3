/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process answers what below /api/v1: docs/formats/centre-api.md. The desk: all that has
 * to do with reviewers. A reader: all else; when it is source, after the desk has said that it
 * may be opened, and has written down that it was.
 */
#include "centre/web_parts.h"

#include <string.h>

/* What the desk answers. */
static const struct {
    const char *path; /* after /api/v1/; a prefix when it ends in '/' */
    bool get;
    bool post;
} desk_paths[] = {
    {"session", true, false},
    {"reviewers", true, false},
    {"register/begin", false, true},
    {"register/finish", false, true},
    {"login/begin", false, true},
    {"login/finish", false, true},
    {"logout", false, true},
    {"comments", true, true},
    {"comments/", false, true},
    {"assignments", true, true},
    {"assignments/", false, true},
    {"visits", true, false},
    {"visits/days", true, false},
};
#define DESK_PATHS (sizeof(desk_paths) / sizeof(desk_paths[0]))

void
vt_web_api_fill(struct vt_http_response *rs, const struct vt_answer *a)
{
    rs->status = a->status;
    rs->content_type = a->status == 204 ? NULL : a->content_type;
    rs->cache = a->cache;
    if (a->csp[0] != '\0')
        rs->csp = a->csp;
    rs->etag = a->etag;
    rs->set_cookie = a->set_cookie;
    rs->disposition = a->disposition;
    rs->retry_after_s = a->retry_after_s;
    vt_buf_put(&rs->body, a->body, a->body_len);
}

void
vt_web_api_error(struct vt_http_response *rs, int status, const char *text)
{
    struct vt_answer a;

    vt_answer_preset(&a);
    a.retry_after_s = (uint16_t)(rs->retry_after_s > 3600 ? 3600 : rs->retry_after_s);
    vt_answer_error(&a, &rs->body, status, "%s", text);
    rs->status = a.status;
    rs->content_type = "application/json";
    rs->cache = "no-store";
    rs->retry_after_s = a.retry_after_s;
}

void
vt_web_api_on_error(void *ctx, const char *path, struct vt_http_response *rs)
{
    char text[256];
    size_t len = rs->body.len < sizeof(text) ? rs->body.len : sizeof(text) - 1;

    (void)ctx;
    if (strncmp(path, VT_API_PATH, strlen(VT_API_PATH)) != 0)
        return;
    memcpy(text, vt_buf_str(&rs->body), len);
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    /* The API has one word for all that is wrong with a request's form. */
    vt_web_api_error(rs, rs->status == 414 || rs->status == 416 ? 400 : rs->status, text);
}

static bool
refuse(struct vt_http_response *rs, int status, const char *allow, const char *text)
{
    rs->allow = allow;
    vt_web_api_error(rs, status, text);
    return false;
}

static bool
refuse_busy(struct vt_http_response *rs)
{
    return refuse(rs, 503, NULL, "too much is asked at the moment: try again");
}

/* The row of desk_paths for a path after /api/v1/, DESK_PATHS when there is none. */
static size_t
desk_row(const char *rest)
{
    size_t i = 0;

    while (i < DESK_PATHS && !vt_http_path_matches(desk_paths[i].path, rest))
        i++;
    return i;
}

/* Whether it opens source: below /sources/ID/, or a search of it. */
static bool
opens_source(const char *rest)
{
    if (strcmp(rest, "search") == 0)
        return true;
    return strncmp(rest, "sources/", strlen("sources/")) == 0 &&
           strchr(rest + strlen("sources/"), '/') != NULL;
}

bool
vt_web_api_get(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;
    const char *rest = rq->path + strlen(VT_API_PATH);
    size_t row = desk_row(rest);

    if (strcmp(rest, "events") == 0)
        return vt_web_events_begin(w, x, rs);
    if (row < DESK_PATHS && !desk_paths[row].get)
        return refuse(rs, 405, "POST", "this takes a POST");
    if (row < DESK_PATHS || opens_source(rest))
        return vt_web_room_ask(
                   &w->desk, row < DESK_PATHS ? VT_ROOM_ASK : VT_ROOM_ADMIT, rq, x, "", "") ||
               refuse_busy(rs);
    return vt_web_ask_reader(w, rq, x, "", "") || refuse_busy(rs);
}

bool
vt_web_api_post(void *ctx, const struct vt_http_request *rq, struct vt_http_exchange *x,
    struct vt_http_response *rs)
{
    struct vt_web *w = ctx;
    size_t row = desk_row(rq->path + strlen(VT_API_PATH));

    if (row == DESK_PATHS || !desk_paths[row].post)
        return refuse(rs, 405, "GET, HEAD", "nothing takes a POST here");
    return vt_web_room_ask(&w->desk, VT_ROOM_ASK, rq, x, "", "") || refuse_busy(rs);
}
