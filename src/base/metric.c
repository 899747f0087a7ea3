/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metric.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Upper bounds of the buckets but the last, in microseconds and as they are written. */
static const struct {
    uint64_t us;
    const char *le;
} bounds[VT_METRIC_BUCKETS - 1] = {{500, "0.0005"}, {1000, "0.001"}, {2500, "0.0025"},
    {5000, "0.005"}, {10000, "0.01"}, {25000, "0.025"}, {50000, "0.05"}, {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"}, {1000000, "1"}, {2500000, "2.5"}, {5000000, "5"},
    {10000000, "10"}};

static const char *
some(const char *labels)
{
    return labels == NULL ? "" : labels;
}

void
vt_metric_family(struct vt_buf *b, const char *name, const char *type, const char *help)
{
    vt_buf_putf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_name(struct vt_buf *b, const char *name, const char *labels)
{
    if (some(labels)[0] == '\0')
        vt_buf_putf(b, "%s ", name);
    else
        vt_buf_putf(b, "%s{%s} ", name, labels);
}

void
vt_metric_value(struct vt_buf *b, const char *name, const char *labels, uint64_t value)
{
    put_name(b, name, labels);
    vt_buf_putf(b, "%llu\n", (unsigned long long)value);
}

static void
put_us(struct vt_buf *b, uint64_t us)
{
    vt_buf_putf(b, "%llu.%06llu\n", (unsigned long long)(us / 1000000),
        (unsigned long long)(us % 1000000));
}

void
vt_metric_seconds(struct vt_buf *b, const char *name, const char *labels, uint64_t us)
{
    put_name(b, name, labels);
    put_us(b, us);
}

void
vt_metric_one(struct vt_buf *b, const char *name, const char *type, const char *help,
    const char *labels, uint64_t value)
{
    vt_metric_family(b, name, type, help);
    vt_metric_value(b, name, labels, value);
}

void
vt_metric_label(struct vt_buf *labels, const char *name, const char *value)
{
    vt_buf_putf(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"')
            vt_buf_putf(labels, "\\%c", *value);
        else if (*value == '\n')
            vt_buf_puts(labels, "\\n");
        else
            vt_buf_put(labels, value, 1);
    }
    vt_buf_puts(labels, "\"");
}

void
vt_metric_observe(struct vt_metric_histogram *h, uint64_t us)
{
    size_t i = 0;

    while (i < VT_METRIC_BUCKETS - 1 && us > bounds[i].us)
        i++;
    h->bucket[i]++;
    h->sum_us += us;
    h->count++;
}

void
vt_metric_histogram_put(
    struct vt_buf *b, const char *name, const char *labels, const struct vt_metric_histogram *h)
{
    const char *comma = some(labels)[0] == '\0' ? "" : ",";
    uint64_t below = 0;

    for (size_t i = 0; i < VT_METRIC_BUCKETS; i++) {
        const char *le = i < VT_METRIC_BUCKETS - 1 ? bounds[i].le : "+Inf";

        below += h->bucket[i];
        vt_buf_putf(b, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, some(labels), comma, le,
            (unsigned long long)below);
    }
    vt_buf_putf(b, "%s_sum%s%s%s ", name, comma[0] == '\0' ? "" : "{", some(labels),
        comma[0] == '\0' ? "" : "}");
    put_us(b, h->sum_us);
    vt_buf_putf(b, "%s_count", name);
    put_name(b, "", labels);
    vt_buf_putf(b, "%llu\n", (unsigned long long)h->count);
}

/* What this process keeps open, by its own number: a child has none. */
static int statm_fd = -1;
static pid_t statm_pid;

void
vt_metric_resident_prepare(void)
{
    statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    statm_pid = getpid();
}

static bool
read_statm(char *ret, size_t size)
{
    bool kept = statm_fd >= 0 && statm_pid == getpid();
    int fd = kept ? statm_fd : open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, ret, size - 1, 0);

    if (!kept && fd >= 0)
        close(fd);
    ret[n > 0 ? n : 0] = '\0';
    return n > 0;
}

uint64_t
vt_metric_resident(void)
{
    struct vt_reader r, word;
    char text[128];
    uint64_t pages = 0;
    long page = sysconf(_SC_PAGESIZE);

    if (!read_statm(text, sizeof text))
        return 0;
    r = VT_READER(text, strlen(text));
    if (!vt_reader_word(&r, ' ', &word) || !vt_reader_word(&r, ' ', &word) ||
        !vt_reader_decimal(&word, UINT32_MAX, &pages))
        pages = 0;
    return page > 0 ? pages * (uint64_t)page : 0;
}
