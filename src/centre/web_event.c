/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events: what the indexer sends goes to all who listen, as it is.
 */
#include "centre/web_parts.h"

#include "base/log.h"

#include <string.h>

static const struct vt_msg_rule rules[] = {{VT_ROOM_EVENT, VT_ROOM_EVENT_MAX}, {0, 0}};

static void
tell_all(struct vt_web *w, const struct vt_buf *event)
{
    for (size_t i = 0; i < w->stream_count; i++)
        vt_http_stream_put(w->streams[i], event->data, event->len);
}

static enum vt_err
on_indexer(void *ctx, struct vt_why *why)
{
    struct vt_web *w = ctx;
    enum vt_err err = VT_OK;
    uint16_t type;
    bool got = true;

    while (err == VT_OK && got) {
        err = vt_msg_line_take(w->events, &got, &type, &w->message, why);
        if (err == VT_OK && got)
            tell_all(w, &w->message);
    }
    if (err == VT_OK)
        return VT_OK;
    vt_log(VT_LOG_ERROR, "the indexer process is gone: %s", why->text);
    for (size_t i = 0; i < sizeof(w->watches) / sizeof(w->watches[0]); i++)
        if (w->watches[i].ready == on_indexer)
            w->watches[i].fd = -1;
    return VT_OK;
}

enum vt_err
vt_web_events_open(struct vt_web *w, struct vt_http_watch *watch, struct vt_why *why)
{
    *watch = (struct vt_http_watch){.fd = w->opts->indexer_fd, .ready = on_indexer, .ctx = w};
    if (watch->fd < 0)
        return VT_OK;
    return vt_msg_line_new(watch->fd, rules, VT_ROOM_EVENT_MAX, &w->events, why);
}

bool
vt_web_events_begin(struct vt_web *w, struct vt_http_exchange *x, struct vt_http_response *rs)
{
    /* After a break a browser comes again by itself, after that long. */
    if (w->stream_count < VT_WEB_STREAMS_MAX && vt_http_stream(x, "retry: 5000\n\n")) {
        w->streams[w->stream_count++] = x;
        return true;
    }
    rs->retry_after_s = 30;
    vt_web_api_error(rs, 503, "too many listen at the moment: try again");
    return false;
}

void
vt_web_events_on_end(void *ctx, struct vt_http_exchange *x)
{
    struct vt_web *w = ctx;

    for (size_t i = 0; i < w->stream_count; i++) {
        if (w->streams[i] != x)
            continue;
        w->streams[i] = w->streams[--w->stream_count];
        return;
    }
}
