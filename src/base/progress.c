/* SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_MS 100
#define BAR_WIDTH 24
#define LABEL_WIDTH 34
#define PACE_SIZE 96

void
vt_progress_init(struct vt_progress *p, bool quiet)
{
    *p = (struct vt_progress){.tty = isatty(STDERR_FILENO) == 1, .quiet = quiet};
}

/* "0.8 s", "42 s", "3 min 07 s" */
static void
format_duration(int64_t ms, char *ret, size_t size)
{
    long long s = ms / 1000;

    if (ms < 10000)
        (void)snprintf(ret, size, "%lld.%lld s", s, (ms % 1000) / 100LL);
    else if (s < 60)
        (void)snprintf(ret, size, "%lld s", s);
    else
        (void)snprintf(ret, size, "%lld min %02lld s", s / 60, s % 60);
}

/* How long it took so far, and how many a second. */
static void
format_pace(const struct vt_progress *p, int64_t now, char *ret, size_t size)
{
    int64_t ms = now - p->began_ms;
    char took[32];

    format_duration(ms, took, sizeof took);
    if (p->unit == NULL || ms <= 0)
        (void)snprintf(ret, size, "%s", took);
    else
        (void)snprintf(
            ret, size, "%s  %.0f %s/s", took, 1000.0 * (double)p->done / (double)ms, p->unit);
}

static void
draw(const struct vt_progress *p, int64_t now)
{
    static const char spinner[] = "|/-\\";
    char bar[BAR_WIDTH + 1];
    char took[PACE_SIZE];
    unsigned percent;
    int filled;

    format_pace(p, now, took, sizeof took);
    if (p->total == 0) {
        fprintf(stderr, "\r\033[K%-*s %c %s", LABEL_WIDTH, p->label,
            spinner[(now / REDRAW_MS) % 4], took);
        return;
    }
    percent =
        p->done >= p->total ? 100U : (unsigned)(100.0 * (double)p->done / (double)p->total);
    filled = (int)(percent * BAR_WIDTH / 100);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K%-*s [%s] %3u%% %s", LABEL_WIDTH, p->label, bar, percent, took);
}

void
vt_progress_begin(struct vt_progress *p, const char *label, uint64_t total)
{
    vt_text_clean(p->label, sizeof p->label, label, strlen(label));
    p->began_ms = vt_clock_monotonic_ms();
    p->drawn_ms = p->began_ms;
    p->done = 0;
    p->total = total;
    p->unit = NULL;
    if (p->quiet)
        return;
    if (p->tty)
        draw(p, p->began_ms);
    else
        fprintf(stderr, "%s ...\n", p->label);
}

void
vt_progress_rate(struct vt_progress *p, const char *unit)
{
    p->unit = unit;
}

void
vt_progress_set(struct vt_progress *p, uint64_t done)
{
    int64_t now;

    p->done = done;
    if (p->quiet || !p->tty || p->label[0] == '\0')
        return;
    now = vt_clock_monotonic_ms();
    if (now - p->drawn_ms < REDRAW_MS)
        return;
    p->drawn_ms = now;
    draw(p, now);
}

void
vt_progress_end(struct vt_progress *p)
{
    char took[PACE_SIZE];

    if (p->quiet || p->label[0] == '\0')
        return;
    format_pace(p, vt_clock_monotonic_ms(), took, sizeof took);
    fprintf(stderr, "%s%-*s %s\n", p->tty ? "\r\033[K" : "", LABEL_WIDTH, p->label, took);
    p->label[0] = '\0';
}
