/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/HTTP logs in JSON (OpenTelemetry protocol 1.x, ExportLogsServiceRequest), taken apart
 * into records of one line each. docs/formats/otlp-ingest.md says what a line looks like.
 * No I/O.
 */
#ifndef VT_REPORT_OTLP_H
#define VT_REPORT_OTLP_H

#include "report/field.h"

#define VT_OTLP_BODY_MAX (4U * 1024U * 1024U)   /* bytes of a request, as they come */
#define VT_OTLP_PLAIN_MAX (16U * 1024U * 1024U) /* and decompressed */
#define VT_OTLP_RECORDS_MAX 65536U              /* in one request */
#define VT_OTLP_DEPTH_MAX 16U                   /* of nested values */

struct vt_otlp_opts {
    const char *subject; /* of records without the field; may be NULL */
    const char *field;   /* attribute, or path in attributes, body or resource; may be NULL */
    /* Takes one record. VT_E_SYNTAX, VT_E_USAGE: this one is refused; any other error ends the
     * parse and is returned. */
    enum vt_err (*take)(
        void *ctx, const char *subject, const void *record, size_t len, struct vt_why *why);
    void *ctx;
};

struct vt_otlp_report {
    uint64_t records; /* taken */
    uint64_t refused;
    struct vt_why first_why; /* why the first was refused */
};

/* VT_E_SYNTAX: it is no such request; nothing was taken when the form as a whole is wrong, but
 * records before a wrong one may have been. VT_E_LIMIT, VT_E_NOMEM, and errors of take. */
VT_MUST enum vt_err vt_otlp_parse(const void *body, size_t len, const struct vt_otlp_opts *opts,
    struct vt_otlp_report *ret, struct vt_why *why);

/* Appends what gzip bytes (RFC 1952) hold to b, which bounds them: VT_E_LIMIT.
 * VT_E_SYNTAX: they are none. */
VT_MUST enum vt_err vt_otlp_gunzip(
    const void *data, size_t len, struct vt_buf *b, struct vt_why *why);

#endif
