/* SPDX-License-Identifier: Apache-2.0 */
#include "assembly/sandbox.h"

#include <stdlib.h>

struct vt_sandbox {
    const struct vt_sandbox_ops *ops;
    void *impl;
};

void
vt_surroundings_normal(struct vt_surroundings *ret)
{
    *ret = (struct vt_surroundings){
        .work = "/build/source",
        .out = "/build/out",
        .home = "/build/home",
        .host = "vitrine",
        .user = "builder",
        .uid = 1000,
        .gid = 1000,
        .umask = 022,
        .tz = "UTC",
        .locale = "C.UTF-8",
        .path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        .hash_seed = "0",
    };
}

const char *
vt_sandbox_limit_name(enum vt_sandbox_limit l)
{
    switch (l) {
    case VT_LIMIT_TIME:
        return "time_s";
    case VT_LIMIT_MEMORY:
        return "memory_mb";
    case VT_LIMIT_PROCESSES:
        return "processes";
    case VT_LIMIT_DISK:
        return "disk_mb";
    case VT_LIMIT_LOG:
        return "log";
    case VT_LIMIT_OUTPUT:
        return "output";
    case VT_LIMIT_NONE:
        break;
    }
    return "none";
}

enum vt_err
vt_sandbox_make(
    const struct vt_sandbox_ops *ops, void *impl, struct vt_sandbox **ret, struct vt_why *why)
{
    struct vt_sandbox *s = calloc(1, sizeof *s);
    if (s == NULL) {
        ops->free(impl);
        return vt_fail(why, VT_E_NOMEM, "sandbox: out of memory");
    }
    s->ops = ops;
    s->impl = impl;
    *ret = s;
    return VT_OK;
}

void
vt_sandbox_free(struct vt_sandbox *s)
{
    if (s == NULL)
        return;
    s->ops->free(s->impl);
    free(s);
}

enum vt_err
vt_sandbox_prepare(
    struct vt_sandbox *s, const char *source, const char *root, struct vt_why *why)
{
    return s->ops->prepare != NULL ? s->ops->prepare(s->impl, source, root, why) : VT_OK;
}

enum vt_err
vt_sandbox_run(struct vt_sandbox *s, const struct vt_sandbox_job *job,
    struct vt_sandbox_result *ret, struct vt_why *why)
{
    return s->ops->run(s->impl, job, ret, why);
}
