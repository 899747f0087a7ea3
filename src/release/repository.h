/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's TUF repository, below HOME/public/tuf: what is published in it, and
 * publishing more. The timestamp is always written last, so whoever reads sees
 * the state before or the state after.
 *
 * root.key signs root and targets, release.key snapshot and timestamp. Each
 * channel is a role that targets delegates to, with the keys of those whom the
 * policy requires for assembly and rebuild.
 */
#ifndef VT_RELEASE_REPOSITORY_H
#define VT_RELEASE_REPOSITORY_H

#include "base/clock.h"
#include "base/file.h"
#include "crypto/signer.h"
#include "note/policy.h"
#include "store/home.h"
#include "update/metadata.h"

#define VT_CHANNELS_MAX 16U
#define VT_CHANNEL_PATHS "*/*/*" /* PRODUCT/VERSION/FILE */

/* How long metadata is good, in seconds; 0: the value said. */
struct vt_lifetimes {
    int64_t root_s;      /* root and targets: 365 days */
    int64_t channel_s;   /* 90 days */
    int64_t snapshot_s;  /* 14 days */
    int64_t timestamp_s; /* 2 days */
};
/* Fills the zeros. */
struct vt_lifetimes vt_lifetimes_or_default(const struct vt_lifetimes *l);

struct vt_repository;

/* What making a repository takes, and renewing its root and targets. */
struct vt_repository_plan {
    const char *const *channels;
    size_t channel_count;
    uint64_t threshold; /* signatures a channel needs; 0: as the policy says */
    const struct vt_policy *policy;
    struct vt_signer *root;    /* signs TUF */
    struct vt_signer *release; /* signs TUF */
    struct vt_lifetimes lifetimes;
    int64_t now;
};

/* Makes version 1 of all. VT_E_EXIST: there is a repository (which stays as it
 * is). What an interrupted call left is made anew. VT_E_CONFIG (policy without
 * assemblers or rebuilders, threshold over the number of keys), VT_E_USAGE (a
 * channel's name), VT_E_BUSY, VT_E_IO. */
VT_MUST enum vt_err vt_repository_init(
    const struct vt_home *home, const struct vt_repository_plan *plan, struct vt_why *why);

/* Opens and locks the repository, and reads and verifies what is published.
 * VT_E_NOENT (no repository yet), VT_E_BUSY. Free it to unlock. */
VT_MUST enum vt_err vt_repository_open(
    const struct vt_home *home, struct vt_repository **ret, struct vt_why *why);
void vt_repository_free(struct vt_repository *r);

const struct vt_home *vt_repository_home(const struct vt_repository *r);
/* Borrowed. */
const struct vt_tuf *vt_repository_root(const struct vt_repository *r);
const struct vt_tuf *vt_repository_targets(const struct vt_repository *r);
const struct vt_tuf *vt_repository_snapshot(const struct vt_repository *r);
uint64_t vt_repository_timestamp_version(const struct vt_repository *r);
/* The channel's role. VT_E_NOENT: there is no such channel. */
VT_MUST enum vt_err vt_repository_channel(const struct vt_repository *r, const char *channel,
    const struct vt_tuf_role **ret, struct vt_why *why);
/* The version of the channel's metadata that is published; 0: none. */
uint64_t vt_repository_version(const struct vt_repository *r, const char *channel);
/* Reads the channel's published metadata; *ret is NULL when there is none. The
 * caller frees it. */
VT_MUST enum vt_err vt_repository_published(const struct vt_repository *r, const char *channel,
    struct vt_tuf **ret, struct vt_why *why);

/* Publishes a channel's metadata (already signed and checked by the caller):
 * the file, a snapshot that lists it, the timestamp. Does only what is not done
 * yet. `channel` NULL: a new timestamp, and a new snapshot when the one there
 * has passed half of its life. */
struct vt_repository_news {
    const char *channel;
    uint64_t version;
    const void *data;
    size_t len;
    struct vt_signer *release;
    struct vt_lifetimes lifetimes;
    int64_t now;
};
VT_MUST enum vt_err vt_repository_publish(
    struct vt_repository *r, const struct vt_repository_news *news, struct vt_why *why);

/* Next versions of root and targets, with the keys of the plan's policy of
 * today; then snapshot and timestamp. channels NULL: those that there are. */
VT_MUST enum vt_err vt_repository_renew(
    struct vt_repository *r, const struct vt_repository_plan *plan, struct vt_why *why);

#endif
