/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: the next version of a channel's metadata, offered to those who have
 * to sign it at HOME/public/staged/CHANNEL.json. docs/formats/tuf.md.
 *
 * It begins with the assembler's signature. Others come over HTTP to
 * HOME/staged/CHANNEL/VERSION/KEYID.sig. A version is never staged twice with
 * different content, for somebody may have signed the first.
 */
#ifndef VT_RELEASE_STAGE_H
#define VT_RELEASE_STAGE_H

#include "release/repository.h"
#include "update/offer.h"

#define VT_STAGE_ARTIFACTS_MAX 32U /* of one release */

/* One artifact to release, and the local file that has its bytes. */
struct vt_stage_item {
    struct vt_offer offer;
    char path[VT_PATH_MAX];
};

struct vt_stage_opts {
    const char *channel;
    const struct vt_stage_item *item; /* replace the former targets of their products */
    size_t count;                     /* 0: the same targets again, with a new expiry */
    struct vt_signer *assembler;      /* signs TUF */
    struct vt_lifetimes lifetimes;
    int64_t now;
};

/* Copies the artifacts to public/tuf/targets and stages the metadata.
 * *ret_version: the version that is staged. *ret_new: false when just this was
 * staged or published already. VT_E_NOENT (no such channel; nothing released and no
 * artifacts), VT_E_REFUSED (the product is in another channel; the version was
 * released with other bytes), VT_E_STATE (a release of this channel is half
 * published), VT_E_UNKNOWN (the assembler is none of the channel's signers),
 * VT_E_DIGEST, VT_E_LIMIT, VT_E_IO. */
VT_MUST enum vt_err vt_stage_run(struct vt_repository *r, const struct vt_stage_opts *opts,
    uint64_t *ret_version, bool *ret_new, struct vt_why *why);

#endif
