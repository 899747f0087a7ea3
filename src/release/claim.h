/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site remembers of its releases, below HOME/releases:
 *
 *     CHANNEL/N.json        metadata version N as it is to be published; from
 *                           the moment it exists, version N is this and no other
 *     CHANNEL/N.statement   the release's signed statement
 *     CHANNEL/N.entry       the release's log entry
 *     CHANNEL/N.index       its index in the log
 *     claims/PRODUCT/VERSION  `sha256:HEX CHANNEL N`: which bytes that version
 *                           has, and which release says so
 *
 * Each file is written once, so that a release that was interrupted goes on
 * with the same bytes, the same statement and the same entry.
 */
#ifndef VT_RELEASE_CLAIM_H
#define VT_RELEASE_CLAIM_H

#include "release/repository.h"
#include "update/offer.h"

/* HOME/releases/CHANNEL/N.KIND; its folder is made. */
VT_MUST enum vt_err vt_claim_file(const struct vt_home *h, const char *channel,
    uint64_t version, const char *kind, char ret[VT_PATH_MAX], struct vt_why *why);

/* Whether the product's version may be these bytes: VT_E_REFUSED when a release
 * that was begun or published says others. */
VT_MUST enum vt_err vt_claim_check(
    const struct vt_home *h, const struct vt_offer *o, struct vt_why *why);
/* Claims it for the channel's release N, which must not be begun yet. A claim of
 * the same bytes by a release that was begun stays as it is. */
VT_MUST enum vt_err vt_claim_take(const struct vt_home *h, const struct vt_offer *o,
    const char *channel, uint64_t version, struct vt_why *why);

#endif
