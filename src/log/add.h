/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The http process's end of the channel to the log process (log/service.h): hands over what is
 * POSTed, and gives the answers to those who wait. For the site and for a log of its own;
 * docs/formats/log-http.md.
 *
 * What comes in one turn of the server's loop goes over together, with one system call.
 */
#ifndef VT_LOG_ADD_H
#define VT_LOG_ADD_H

#include "http/server.h"
#include "log/service.h"

struct vt_add;

/* fd is kept open by the caller until vt_add_free. Fills *watch, which is to stand in the
 * server's table as long as the server runs. An error of the watch means that the log process
 * is gone. VT_E_NOMEM. */
VT_MUST enum vt_err vt_add_new(
    int fd, struct vt_http_watch *watch, struct vt_add **ret, struct vt_why *why);
void vt_add_free(struct vt_add *a);
/* Sends what has gathered: for struct vt_http_server_opts' `turned`. */
void vt_add_turned(struct vt_add *a);

/* For routes' `begin`. POST /add: an entry, with what the request says of waiting. */
bool vt_add_entry(struct vt_add *a, const struct vt_http_request *rq,
    struct vt_http_exchange *x, struct vt_http_response *rs);
/* Another message with the request's body; role NULL but for VT_SERVICE_STAGED, whose role has
 * at most 64 bytes. */
bool vt_add_post(struct vt_add *a, enum vt_service_msg type, const char *role,
    const struct vt_http_request *rq, struct vt_http_exchange *x, struct vt_http_response *rs);
/* GET /metrics. */
bool vt_add_metrics(struct vt_add *a, struct vt_http_exchange *x, struct vt_http_response *rs);

/* What a request says of waiting. */
struct vt_add_wait {
    uint32_t ms;    /* 0: it does not wait */
    bool preferred; /* by `Prefer`: 202 when it took longer, not 504 */
};
#define VT_ADD_WAIT_MS 20000U /* of `?wait=witnessed` */
/* By the query and the Prefer header. false: the query asks for what there is not. */
VT_MUST bool vt_add_wait_parse(const char *query, const char *prefer, struct vt_add_wait *ret);

#endif
