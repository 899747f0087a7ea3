/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Installing one proven artifact into a folder, so that a crash at any point
 * leaves what was installed before or what is installed now. The layout and
 * the order of steps are in docs/formats/install.md:
 *
 *     INTO/CHANNEL/PRODUCT/VERSION/     the artifact unpacked (.tar.zst) or copied
 *     INTO/CHANNEL/PRODUCT/current      a link to the newest
 *     INTO/.vitrine/artifacts/{HASH.FILE,HASH.FILE.passport}
 *     INTO/.vitrine/trees/CHANNEL/PRODUCT/VERSION.json
 *     INTO/.vitrine/installed/CHANNEL/PRODUCT.json
 *
 * Every step first looks whether its result is there already and right, so the
 * same call completes what was interrupted, repairs what was damaged, and does
 * nothing when there is nothing to do. The caller holds the folder's lock.
 */
#ifndef VT_UPDATE_INSTALL_H
#define VT_UPDATE_INSTALL_H

#include "base/file.h"
#include "note/passport.h"
#include "update/mirror.h"
#include "update/offer.h"

/* How to tell somebody who waits. Each may be NULL. */
struct vt_update_events {
    void (*begin)(void *ctx, const char *what, uint64_t total);
    void (*tick)(void *ctx, uint64_t done);
    void (*end)(void *ctx);
    void *ctx;
};

enum vt_install_outcome {
    VT_INSTALL_CURRENT = 1, /* all was there and is as the metadata says */
    VT_INSTALL_NEW,         /* another version (or the first) is installed now */
    VT_INSTALL_REPAIRED,    /* the version was installed, but a part of it had to be put back */
};

struct vt_install_opts {
    const struct vt_mirror *mirror;
    const struct vt_policy *policy;
    const struct vt_update_events *events; /* or NULL */
    const char *into;
    const char *channel;
    uint64_t channel_version; /* of the channel's metadata */
    const struct vt_offer *offer;
};

/* That vt_install_prove was content. */
struct vt_install_proof {
    uint64_t cosigned_time; /* as vt_passport_report's */
    bool fetched;           /* the passport was not there, or no longer good enough */
    unsigned reviews;       /* signers who have signed the source off */
};

struct vt_install_result {
    enum vt_install_outcome outcome;
    char folder[VT_PATH_MAX];     /* INTO/CHANNEL/PRODUCT/VERSION */
    char artifact[VT_PATH_MAX];   /* the file kept; its passport is beside it */
    char was[VT_OFFER_NAME_SIZE]; /* the version before, or "" */
    unsigned reviews;             /* signers who have signed the source off */
};

/* Checks that nothing newer is installed, that no other bytes are under the
 * same version, and that the passport (the kept one, else the site's, which is
 * then kept) proves the artifact by the policy. VT_E_ROLLBACK, VT_E_REFUSED (no
 * passport, other bytes), all of vt_passport_check. */
VT_MUST enum vt_err vt_install_prove(
    const struct vt_install_opts *opts, struct vt_install_proof *ret, struct vt_why *why);

/* Installs what was proven: checks that there is space, and that the artifact
 * has the length and digest that the metadata says, before anything is
 * unpacked. VT_E_DIGEST, VT_E_LIMIT, VT_E_NOSPC, VT_E_IO, VT_E_NET and those of
 * unpacking; an error leaves what was installed. */
VT_MUST enum vt_err vt_install_run(const struct vt_install_opts *opts,
    const struct vt_install_proof *proof, struct vt_install_result *ret, struct vt_why *why);

#endif
