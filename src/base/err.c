/* SPDX-License-Identifier: Apache-2.0 */
#define VT_BASE_ERR_C /* where they are defined: see the end of err.h */
#include "base/err.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text before it is made harmless may be longer than what it becomes. */
#define RAW_SIZE (2 * sizeof(((struct vt_why *)0)->text))

void
vt_why_clear(struct vt_why *why)
{
    if (why != NULL)
        why->text[0] = '\0';
}

static void set_text(struct vt_why *why, const char *suffix, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* Arguments may point into why->text: it is written last. */
static void
set_text(struct vt_why *why, const char *suffix, const char *fmt, va_list ap)
{
    char raw[RAW_SIZE];
    int n;
    size_t len;

    if (why == NULL)
        return;
    n = vsnprintf(raw, sizeof raw, fmt, ap);
    len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof raw)
        len = sizeof raw - 1;
    if (suffix != NULL) {
        int m = snprintf(raw + len, sizeof raw - len, "%s", suffix);
        len += m < 0 ? 0 : (size_t)m;
        if (len >= sizeof raw)
            len = sizeof raw - 1;
    }
    vt_text_clean(why->text, sizeof why->text, raw, len);
}

enum vt_err
vt_fail(struct vt_why *why, enum vt_err err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_text(why, NULL, fmt, ap);
    va_end(ap);
    return err;
}

static enum vt_err
err_of_errno(int e)
{
    switch (e) {
    case ENOENT:
        return VT_E_NOENT;
    case EEXIST:
        return VT_E_EXIST;
    case ENOSPC:
    case EDQUOT:
        return VT_E_NOSPC;
    case ENOMEM:
        return VT_E_NOMEM;
    case ETIMEDOUT:
        return VT_E_TIMEOUT;
    case EWOULDBLOCK:
        return VT_E_BUSY;
    default:
        return VT_E_IO;
    }
}

enum vt_err
vt_fail_errno(struct vt_why *why, const char *fmt, ...)
{
    int saved = errno;
    char suffix[160] = ": ";
    char text[128];
    const char *s;
    va_list ap;

    s = strerror_r(saved, text, sizeof text);
    strncat(suffix, s, sizeof suffix - 3);
    va_start(ap, fmt);
    set_text(why, suffix, fmt, ap);
    va_end(ap);
    errno = saved;
    return err_of_errno(saved);
}

enum vt_err
vt_fail_in(struct vt_why *why, enum vt_err err, const char *fmt, ...)
{
    char suffix[sizeof why->text + 3];
    va_list ap;

    if (why == NULL)
        return err;
    (void)snprintf(suffix, sizeof suffix, "%s%s", why->text[0] != '\0' ? ": " : "", why->text);
    va_start(ap, fmt);
    set_text(why, suffix, fmt, ap);
    va_end(ap);
    return err;
}

static const struct {
    enum vt_err err;
    const char *name;
    int exit_code;
} errors[] = {
    {VT_OK, "ok", 0},
    {VT_E_USAGE, "usage", 2},
    {VT_E_CONFIG, "config", 2},
    {VT_E_STATE, "state", 2},
    {VT_E_SYNTAX, "syntax", 1},
    {VT_E_LIMIT, "limit", 1},
    {VT_E_IO, "io", 3},
    {VT_E_NOENT, "noent", 3},
    {VT_E_EXIST, "exist", 3},
    {VT_E_NOSPC, "nospace", 3},
    {VT_E_NET, "net", 3},
    {VT_E_TIMEOUT, "timeout", 3},
    {VT_E_BUSY, "busy", 3},
    {VT_E_CHILD, "child", 3},
    {VT_E_NOMEM, "nomem", 3},
    {VT_E_CRYPTO, "crypto", 3},
    {VT_E_REFUSED, "refused", 1},
    {VT_E_SIG, "signature", 1},
    {VT_E_PROOF, "proof", 1},
    {VT_E_QUORUM, "quorum", 1},
    {VT_E_DIGEST, "digest", 1},
    {VT_E_ROLLBACK, "rollback", 1},
    {VT_E_EXPIRED, "expired", 1},
    {VT_E_UNKNOWN, "unknown", 1},
};

const char *
vt_err_name(enum vt_err err)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].err == err)
            return errors[i].name;
    }
    return "error";
}

int
vt_err_exit_code(enum vt_err err)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (errors[i].err == err)
            return errors[i].exit_code;
    }
    return 3;
}
