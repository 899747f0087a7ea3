/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <string.h>
#include <time.h>

#define TIME_LEAST INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define TIME_MOST INT64_C(253402300799)  /* 9999-12-31T23:59:59Z */

static int64_t
system_now(const struct vt_clock *clock)
{
    struct timespec ts;

    (void)clock;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec;
}

static int64_t
fixed_now(const struct vt_clock *clock)
{
    return clock->fixed;
}

const struct vt_clock vt_clock_system = {.now = system_now};

struct vt_clock
vt_clock_fixed(int64_t now)
{
    return (struct vt_clock){.now = fixed_now, .fixed = now};
}

int64_t
vt_clock_monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t
vt_clock_monotonic_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void
put_digits(char *p, size_t width, int v)
{
    while (width > 0) {
        p[--width] = (char)('0' + v % 10);
        v /= 10;
    }
}

void
vt_time_format(int64_t t, char ret[VT_TIME_SIZE])
{
    time_t clamped = t < TIME_LEAST ? TIME_LEAST : t > TIME_MOST ? TIME_MOST : t;
    struct tm tm = {0};

    (void)gmtime_r(&clamped, &tm);
    memcpy(ret, "0000-00-00T00:00:00Z", VT_TIME_SIZE);
    put_digits(ret, 4, tm.tm_year + 1900);
    put_digits(ret + 5, 2, tm.tm_mon + 1);
    put_digits(ret + 8, 2, tm.tm_mday);
    put_digits(ret + 11, 2, tm.tm_hour);
    put_digits(ret + 14, 2, tm.tm_min);
    put_digits(ret + 17, 2, tm.tm_sec);
}

static int
digits_at(const char *p, size_t width)
{
    int v = 0;

    for (size_t i = 0; i < width; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

/* Reads the fields without care, and takes the result only if it formats to
 * the very text: that refuses month 13, 30 February and hour 24 at once. */
bool
vt_time_parse(const char *s, int64_t *ret)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    struct tm tm = {0};
    char again[VT_TIME_SIZE];
    int64_t t;

    if (strnlen(s, VT_TIME_SIZE) != VT_TIME_SIZE - 1)
        return false;
    for (size_t i = 0; i < VT_TIME_SIZE - 1; i++) {
        if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
            return false;
    }
    tm.tm_year = digits_at(s, 4) - 1900;
    tm.tm_mon = digits_at(s + 5, 2) - 1;
    tm.tm_mday = digits_at(s + 8, 2);
    tm.tm_hour = digits_at(s + 11, 2);
    tm.tm_min = digits_at(s + 14, 2);
    tm.tm_sec = digits_at(s + 17, 2);
    t = timegm(&tm);
    vt_time_format(t, again);
    if (strcmp(s, again) != 0)
        return false;
    *ret = t;
    return true;
}
