/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One update of one channel, as a customer or a product on an endpoint runs it:
 * lock the folder, clear what an interrupted run left, take the witnesses' time
 * as the least that the clock may say, bring the TUF metadata up to date, and
 * install every product of the channel whose passport the policy accepts.
 */
#ifndef VT_UPDATE_UPDATE_H
#define VT_UPDATE_UPDATE_H

#include "base/clock.h"
#include "update/install.h"

#define VT_UPDATE_PRODUCTS_MAX 1024U /* of one channel */

struct vt_update_opts {
    const struct vt_mirror *mirror;
    const char *channel;
    const char *into; /* made when missing */
    const void *root; /* a root that the user trusts; NULL when into has one */
    size_t root_len;
    const struct vt_policy *policy;
    const struct vt_clock *clock;
    const struct vt_update_events *events; /* or NULL */
};

struct vt_update_item {
    struct vt_offer offer;
    struct vt_install_result result;
};

struct vt_update_report {
    uint64_t channel_version;
    size_t count;
    struct vt_update_item *item;
};

/* Fills *ret, which vt_update_report_release empties; when it fails, *ret has
 * the products that were dealt with before. VT_E_BUSY: another update of the
 * folder is running. Errors of vt_tuf_client_update and vt_install_run. */
VT_MUST enum vt_err vt_update_run(
    const struct vt_update_opts *opts, struct vt_update_report *ret, struct vt_why *why);
void vt_update_report_release(struct vt_update_report *r);

#endif
