/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one logger, for services: a line an event on standard error, as
 * `2026-01-02T03:04:05Z LEVEL PROCESS message`.
 */
#ifndef VT_BASE_LOG_H
#define VT_BASE_LOG_H

enum vt_log_level { VT_LOG_ERROR, VT_LOG_WARN, VT_LOG_INFO, VT_LOG_DEBUG };

/* Names this process and the least level shown. `process` is kept by pointer. */
void vt_log_init(const char *process, enum vt_log_level least);
/* Control characters in the text are made harmless; a line is cut at 2 KiB. */
void vt_log(enum vt_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
