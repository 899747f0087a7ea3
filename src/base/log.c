/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static const char *log_process = "vitrine";
static enum vt_log_level log_least = VT_LOG_INFO;

void
vt_log_init(const char *process, enum vt_log_level least)
{
    log_process = process;
    log_least = least;
}

static const char *
level_name(enum vt_log_level level)
{
    switch (level) {
    case VT_LOG_ERROR:
        return "ERROR";
    case VT_LOG_WARN:
        return "WARN";
    case VT_LOG_INFO:
        return "INFO";
    case VT_LOG_DEBUG:
    default:
        return "DEBUG";
    }
}

/* One write a line, so that lines of several threads and processes that share
 * standard error do not mix. */
void
vt_log(enum vt_log_level level, const char *fmt, ...)
{
    char raw[LINE_MAX_BYTES];
    char text[LINE_MAX_BYTES - 128];
    char line[LINE_MAX_BYTES];
    char time[VT_TIME_SIZE];
    int saved = errno;
    va_list ap;
    int n;

    if (level > log_least)
        return;
    va_start(ap, fmt);
    n = vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    vt_text_clean(text, sizeof text, raw, strlen(raw));
    vt_time_format(vt_clock_now(&vt_clock_system), time);
    n = snprintf(
        line, sizeof line - 1, "%s %s %.64s %s", time, level_name(level), log_process, text);
    if (n > 0) {
        size_t len = strlen(line);
        line[len++] = '\n';
        ssize_t written = write(STDERR_FILENO, line, len);
        (void)written;
    }
    errno = saved;
}
