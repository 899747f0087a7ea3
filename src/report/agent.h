/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: a receiver on an endpoint (or beside it) that takes logs as OTLP/HTTP JSON, the
 * form that OpenTelemetry collectors send, and reports them.
 *
 *     POST /v1/logs    application/json, plain or gzip
 *     200  all records that are not counted as rejected are on disk
 *     400  no such request; 413 too large; 415 another form
 *     503  the spool is full: come again after Retry-After
 *     GET /health      200 while it serves
 *
 * One thread; requests are taken one after the other.
 */
#ifndef VT_REPORT_AGENT_H
#define VT_REPORT_AGENT_H

#include "report/reporter.h"

struct vt_agent_opts {
    struct vt_reporter *reporter;
    const char *subject; /* as vt_otlp_opts */
    const char *field;
    int listen_fd; /* vt_http_listen */
    int stop_fd;
};
/* Serves until stop_fd is readable. What was answered with 200 is on disk. */
VT_MUST enum vt_err vt_agent_serve(const struct vt_agent_opts *opts, struct vt_why *why);

#endif
