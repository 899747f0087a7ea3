/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one logger, for services: a line an event on standard error, as
 * `2026-01-02T03:04:05Z LEVEL PROCESS message`, or as one JSON object with the members time,
 * level, process and message.
 */
#ifndef VT_BASE_LOG_H
#define VT_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vt_log_level { VT_LOG_ERROR, VT_LOG_WARN, VT_LOG_INFO, VT_LOG_DEBUG };

/* Names this process and the least level shown. `process` is kept by pointer. */
void vt_log_init(const char *process, enum vt_log_level least);
/* Whether lines are JSON, in this process and those that it starts from now on. */
void vt_log_json(bool json);
/* Control characters in the text are made harmless; a line is cut at 2 KiB. */
void vt_log(enum vt_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* An event with values of its own: NAME=VALUE after the message, or members of the object.
 * What does not fit the line is left out from its first field on. */
struct vt_log_field {
    const char *name; /* a word */
    const char *text; /* in JSON's quotes where it is not a plain word; NULL: number */
    uint64_t number;
};
void vt_log_fields(
    enum vt_log_level level, const char *message, const struct vt_log_field *v, size_t n);

#endif
