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
static bool log_is_json;

void
vt_log_init(const char *process, enum vt_log_level least)
{
    log_process = process;
    log_least = least;
}

void
vt_log_json(bool json)
{
    log_is_json = json;
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

/* A line that is being made: what does not fit is left out, and all after it. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    bool full;
};

#define ENDING 4U /* room for a quote, a brace and the newline, and one to spare */

static void
put(struct line *l, const char *s, size_t len)
{
    if (l->full || len + ENDING > sizeof l->text - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->len, s, len);
    l->len += len;
}

static void
puts_to(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

/* As much of clean text as fits, in JSON's quotes. */
static void
put_quoted(struct line *l, const char *s)
{
    char pair[2] = "\\";

    puts_to(l, "\"");
    for (; *s != '\0' && !l->full; s++) {
        bool escape = *s == '"' || *s == '\\';

        pair[1] = *s;
        put(l, escape ? pair : s, escape ? 2 : 1);
    }
    l->text[l->len++] = '"'; /* part of ENDING */
}

static void
put_number(struct line *l, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    put(l, digits + at, sizeof digits - at);
}

/* Up to and with the message, whose quotes stay open in JSON. */
static void
begin(struct line *l, enum vt_log_level level)
{
    char time[VT_TIME_SIZE];

    vt_time_format(vt_clock_now(&vt_clock_system), time);
    l->len = 0;
    l->full = false;
    puts_to(l, log_is_json ? "{\"time\":\"" : "");
    puts_to(l, time);
    puts_to(l, log_is_json ? "\",\"level\":\"" : " ");
    puts_to(l, level_name(level));
    puts_to(l, log_is_json ? "\",\"process\":\"" : " ");
    put(l, log_process, strnlen(log_process, 64));
    puts_to(l, log_is_json ? "\",\"message\":" : " ");
}

/* One write a line, so that lines of several threads and processes that share
 * standard error do not mix. */
static void
end(struct line *l)
{
    ssize_t written;

    if (log_is_json)
        l->text[l->len++] = '}';
    l->text[l->len++] = '\n';
    written = write(STDERR_FILENO, l->text, l->len);
    (void)written;
}

void
vt_log(enum vt_log_level level, const char *fmt, ...)
{
    char raw[LINE_MAX_BYTES];
    char text[LINE_MAX_BYTES - 256];
    struct line l;
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
    begin(&l, level);
    vt_text_clean(text, sizeof text, raw, strlen(raw));
    if (log_is_json)
        put_quoted(&l, text);
    else
        puts_to(&l, text);
    end(&l);
    errno = saved;
}

/* Whether a text needs no quotes to be one word. */
static bool
is_plain(const char *s)
{
    for (size_t i = 0; s[i] != '\0'; i++)
        if (s[i] == ' ' || s[i] == '"' || s[i] == '\\' || s[i] == '=')
            return false;
    return s[0] != '\0';
}

static void
put_field(struct line *l, const struct vt_log_field *f)
{
    char text[LINE_MAX_BYTES / 2];
    size_t before = l->len;

    puts_to(l, log_is_json ? ",\"" : " ");
    puts_to(l, f->name);
    puts_to(l, log_is_json ? "\":" : "=");
    if (f->text == NULL) {
        put_number(l, f->number);
    } else {
        vt_text_clean(text, sizeof text, f->text, strlen(f->text));
        if (log_is_json || !is_plain(text))
            put_quoted(l, text);
        else
            puts_to(l, text);
    }
    if (l->full)
        l->len = before;
}

void
vt_log_fields(
    enum vt_log_level level, const char *message, const struct vt_log_field *v, size_t n)
{
    struct line l;
    int saved = errno;

    if (level > log_least)
        return;
    begin(&l, level);
    if (log_is_json)
        put_quoted(&l, message);
    else
        puts_to(&l, message);
    for (size_t i = 0; i < n; i++)
        put_field(&l, &v[i]);
    end(&l);
    errno = saved;
}
