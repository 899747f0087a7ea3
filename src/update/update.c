/* SPDX-License-Identifier: Apache-2.0 */
#include "update/update.h"

#include "note/policy.h"
#include "update/client.h"
#include "update/names.h"
#include "update/record.h"
#include "update/sweep.h"

#include <stdlib.h>

/* Another update of the same folder is often about to end. */
#define LOCK_TIMEOUT_MS 5000

struct run {
    const struct vt_update_opts *o;
    struct vt_tuf_names names;
    int64_t least; /* the latest time that witnesses vouched for */
    struct vt_trust *trust;
    struct vt_update_report *report;
};

/* Remembers the time when it is a later one. */
static enum vt_err
note_time(struct run *r, uint64_t t, struct vt_why *why)
{
    if (t > INT64_MAX || (int64_t)t <= r->least)
        return VT_OK;
    r->least = (int64_t)t;
    return vt_time_record_save(r->o->into, r->least, why);
}

/* The log's checkpoint bounds the clock from below. A place that has none is
 * no worse than one that keeps it back; one that the policy refuses is told. */
static enum vt_err
bound_clock(struct run *r, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_NOTE_MAX);
    struct vt_checkpoint c;
    uint64_t t = 0;
    enum vt_err err = r->o->mirror->get(r->o->mirror->ctx, "checkpoint", &b, why);
    if (err == VT_E_NOENT) {
        err = VT_OK;
        goto out;
    }
    if (err == VT_OK)
        err = vt_policy_check_checkpoint(r->o->policy, b.data, b.len, &c, &t, why);
    if (err != VT_OK)
        err = vt_fail_in(why, err, "the log's checkpoint");
    else
        err = note_time(r, t, why);
out:
    vt_buf_release(&b);
    return err;
}

static enum vt_err
update_metadata(struct run *r, struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    int64_t now = vt_clock_now(r->o->clock);
    struct vt_tuf_client_opts c = {
        .mirror = r->o->mirror,
        .dir = dir,
        .root = r->o->root,
        .root_len = r->o->root_len,
        .now = now > r->least ? now : r->least,
        .names = &r->names,
    };
    enum vt_err err = vt_path(dir, why, "%s/.vitrine/metadata", r->o->into);
    return err != VT_OK ? err : vt_tuf_client_update(&c, r->o->channel, &r->trust, why);
}

static struct vt_install_opts
install_opts(const struct run *r, const struct vt_offer *offer)
{
    return (struct vt_install_opts){
        .mirror = r->o->mirror,
        .policy = r->o->policy,
        .events = r->o->events,
        .into = r->o->into,
        .channel = r->o->channel,
        .channel_version = r->report->channel_version,
        .offer = offer,
    };
}

/* Reads target i of the channel and has its proof checked. */
static enum vt_err
prove_one(struct run *r, size_t i, struct vt_install_proof *ret, struct vt_why *why)
{
    struct vt_offer *offer = &r->report->item[i].offer;
    struct vt_install_opts o = install_opts(r, offer);
    enum vt_err err = vt_offer_read(vt_trust_targets_role(r->trust), r->o->channel,
        vt_trust_channel_role(r->trust), i, offer, why);
    if (err == VT_OK)
        err = vt_install_prove(&o, ret, why);
    return err != VT_OK ? err : note_time(r, ret->cosigned_time, why);
}

static enum vt_err
install_one(struct run *r, size_t i, const struct vt_install_proof *proof, struct vt_why *why)
{
    struct vt_install_opts o = install_opts(r, &r->report->item[i].offer);
    enum vt_err err = vt_install_run(&o, proof, &r->report->item[i].result, why);
    if (err == VT_OK)
        r->report->count++;
    return err;
}

/* Every product is proven before the first is installed, and the expiry of the
 * metadata judged once more against what the proofs tell of the time. */
static enum vt_err
install_all(struct run *r, struct vt_why *why)
{
    const struct vt_tuf *channel = vt_trust_channel_role(r->trust);
    size_t n = vt_tuf_body(channel)->target_count;
    enum vt_err err = VT_OK;
    if (n > VT_UPDATE_PRODUCTS_MAX)
        return vt_fail(why, VT_E_LIMIT, "channel %s has %zu products; at most %u are taken",
            r->o->channel, n, VT_UPDATE_PRODUCTS_MAX);
    struct vt_install_proof *proof = calloc(n + 1, sizeof *proof);
    r->report->channel_version = vt_tuf_version(channel);
    r->report->item = calloc(n + 1, sizeof *r->report->item);
    if (r->report->item == NULL || proof == NULL)
        err = vt_fail(why, VT_E_NOMEM, "no memory for %zu products", n);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = prove_one(r, i, &proof[i], why);
    if (err == VT_OK)
        err = vt_trust_check_time(r->trust, r->least, why);
    for (size_t i = 0; i < n && err == VT_OK; i++)
        err = install_one(r, i, &proof[i], why);
    free(proof);
    return err;
}

static enum vt_err
clear_away(const struct run *r, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_path(path, why, "%s/.vitrine", r->o->into);
    if (err == VT_OK)
        err = vt_sweep(path, 5, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/%s", r->o->into, r->o->channel);
    return err != VT_OK ? err : vt_sweep(path, 1, why);
}

static enum vt_err
run_locked(struct run *r, struct vt_why *why)
{
    enum vt_err err = clear_away(r, why);
    if (err == VT_OK)
        err = vt_time_record_load(r->o->into, &r->least, why);
    if (err == VT_OK)
        err = bound_clock(r, why);
    if (err == VT_OK)
        err = update_metadata(r, why);
    if (err == VT_OK)
        err = install_all(r, why);
    return err;
}

enum vt_err
vt_update_run(
    const struct vt_update_opts *opts, struct vt_update_report *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_lock lock = {.fd = -1};
    struct run r = {.o = opts, .names = vt_tuf_names_of(opts->policy), .report = ret};
    *ret = (struct vt_update_report){0};
    if (!vt_tuf_channel_valid(opts->channel))
        return vt_fail(why, VT_E_USAGE, "\"%.64s\" cannot be a channel's name", opts->channel);
    enum vt_err err = vt_path(path, why, "%s/.vitrine", opts->into);
    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = vt_path(path, why, "%s/.vitrine/lock", opts->into);
    if (err == VT_OK)
        err = vt_lock_wait(&lock, path, "an update of this folder", LOCK_TIMEOUT_MS, NULL, why);
    if (err != VT_OK)
        return err;
    err = run_locked(&r, why);
    vt_trust_free(r.trust);
    vt_lock_release(&lock);
    return err;
}

void
vt_update_report_release(struct vt_update_report *r)
{
    free(r->item);
    *r = (struct vt_update_report){0};
}
