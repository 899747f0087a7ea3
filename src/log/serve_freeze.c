/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Freezing the log of a home. Each step is durable before the next: the last checkpoint is
 * signed, the statement is, the witnesses cosign, both are published. Who is called again finds
 * where it was.
 */
#include "base/clock.h"
#include "base/progress.h"
#include "crypto/signer.h"
#include "log/publisher.h"
#include "log/serve.h"

struct freezing {
    const struct vt_home *home;
    const struct vt_serve_freeze_opts *opts;
    struct vt_lock lock;
    bool locked;
    struct vt_policy *policy;
    struct vt_signer *signer;
    struct vt_log_writer *writer;
    struct vt_publisher *publisher;
};

enum { STEP_MS = 200 };

static enum vt_err
open_writer(struct freezing *f, struct vt_why *why)
{
    char key[VT_PATH_MAX];
    char dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    enum vt_err err = vt_home_key_path(f->home, "log", key, why);

    if (err == VT_OK)
        err = vt_home_path(f->home, dir, why, "log");
    if (err == VT_OK)
        err = vt_home_path(f->home, public_dir, why, "public");
    if (err == VT_OK)
        err = vt_signer_spawn(key,
            VT_SIGN_BIT(VT_SIGN_CHECKPOINT) | VT_SIGN_BIT(VT_SIGN_LOG_FROZEN), &f->signer, why);
    if (err == VT_OK)
        err = vt_log_writer_open(dir, public_dir, vt_signer_name(f->signer), &f->writer, why);
    return err;
}

static enum vt_err
open_all(struct freezing *f, struct vt_why *why)
{
    char public_dir[VT_PATH_MAX];
    enum vt_err err = vt_serve_lock(f->home, &f->lock, why);

    f->locked = err == VT_OK;
    if (err == VT_OK)
        err = vt_home_path(f->home, public_dir, why, "public");
    if (err == VT_OK)
        err = vt_dir_make(public_dir, 0755, why);
    if (err == VT_OK)
        err = vt_serve_policy(f->home, &f->policy, why);
    if (err == VT_OK)
        err = open_writer(f, why);
    if (err == VT_OK)
        err = vt_publisher_new(f->writer, f->policy, f->signer, NULL, &f->publisher, why);
    return err;
}

/* Until the last checkpoint is published, or the time is over. */
static enum vt_err
publish(struct freezing *f, struct vt_why *why)
{
    int64_t end = vt_clock_monotonic_ms() + f->opts->timeout_ms;
    enum vt_err err = VT_OK;

    while (err == VT_OK && !vt_publisher_is_idle(f->publisher)) {
        err = vt_publisher_step(f->publisher, -1, STEP_MS, why);
        if (f->opts->progress != NULL)
            vt_progress_set(f->opts->progress, 0);
        if (err == VT_OK && vt_clock_monotonic_ms() > end &&
            !vt_publisher_is_idle(f->publisher))
            err = vt_fail(why, VT_E_TIMEOUT,
                "the log is frozen, but too few witnesses have cosigned its last checkpoint: "
                "call this again when they answer");
    }
    return err;
}

enum vt_err
vt_serve_freeze(const struct vt_home *home, const struct vt_serve_freeze_opts *opts,
    struct vt_checkpoint *ret, struct vt_why *why)
{
    struct freezing f = {.home = home, .opts = opts};
    enum vt_err err = open_all(&f, why);

    if (err == VT_OK && !vt_log_writer_frozen(f.writer))
        err = vt_log_writer_freeze(f.writer, f.signer, vt_clock_now(&vt_clock_system),
            opts->reason, opts->successor, why);
    if (err == VT_OK)
        err = publish(&f, why);
    if (err == VT_OK)
        *ret = *vt_log_writer_signed(f.writer);
    vt_publisher_free(f.publisher);
    vt_log_writer_free(f.writer);
    vt_signer_free(f.signer);
    vt_policy_free(f.policy);
    if (f.locked)
        vt_lock_release(&f.lock);
    return err;
}
