/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TUF client trusts: the rules of the specification's section 5, in its
 * order, over bytes that somebody else fetched or kept. No I/O.
 *
 * Begin with a root that is trusted already, give the newer roots one version
 * at a time, seal; recall what was kept of an earlier update (it only tells
 * which versions may not be undercut); then timestamp, snapshot, targets and a
 * channel (a role that targets delegates to), each once, in this order. A step
 * that fails changes nothing, and its message names the attack that it may be.
 * Calling a step out of order is VT_E_STATE.
 *
 * All expiries are judged against one time that is given at the beginning.
 */
#ifndef VT_UPDATE_TRUST_H
#define VT_UPDATE_TRUST_H

#include "update/metadata.h"

struct vt_trust;

/* `now`: seconds since 1970 at which the update began. names may be NULL and
 * must outlive the trust. The root must be signed by its own threshold; its
 * expiry does not matter yet. (5.1, 5.2) */
VT_MUST enum vt_err vt_trust_new(const void *root, size_t len, int64_t now,
    const struct vt_tuf_names *names, struct vt_trust **ret, struct vt_why *why);
void vt_trust_free(struct vt_trust *t);

/* Takes root version N+1, signed by the thresholds of N and of N+1. *ret_rotated:
 * whether the keys of timestamp or snapshot are others now, so that what was
 * kept of them must be deleted. VT_E_QUORUM, VT_E_ROLLBACK, VT_E_REFUSED (a
 * version was skipped), those of parsing. (5.3.3 to 5.3.9) */
VT_MUST enum vt_err vt_trust_next_root(
    struct vt_trust *t, const void *data, size_t len, bool *ret_rotated, struct vt_why *why);
/* No newer root is to come: its expiry is checked. VT_E_EXPIRED. (5.3.10) */
VT_MUST enum vt_err vt_trust_seal_root(struct vt_trust *t, struct vt_why *why);

/* Recalls the timestamp and snapshot kept by an earlier update. What does not
 * parse or is not signed by today's keys is passed over: false. */
bool vt_trust_recall_timestamp(struct vt_trust *t, const void *data, size_t len);
bool vt_trust_recall_snapshot(struct vt_trust *t, const void *data, size_t len);

/* *ret_new: false when it has the version that was kept, which then stays the
 * trusted one, whatever else this one says. VT_E_QUORUM, VT_E_ROLLBACK,
 * VT_E_EXPIRED. (5.4) */
VT_MUST enum vt_err vt_trust_timestamp(
    struct vt_trust *t, const void *data, size_t len, bool *ret_new, struct vt_why *why);
/* VT_E_DIGEST (not the file that timestamp lists: mix and match), VT_E_QUORUM,
 * VT_E_REFUSED (another version), VT_E_ROLLBACK, VT_E_EXPIRED. (5.5) */
VT_MUST enum vt_err vt_trust_snapshot(
    struct vt_trust *t, const void *data, size_t len, struct vt_why *why);
/* The same errors but rollback, which the snapshot excludes. (5.6.1 to 5.6.6) */
VT_MUST enum vt_err vt_trust_targets(
    struct vt_trust *t, const void *data, size_t len, struct vt_why *why);
/* A role that targets delegates to. VT_E_NOENT when it does not. (5.6.7) */
VT_MUST enum vt_err vt_trust_channel(
    struct vt_trust *t, const char *name, const void *data, size_t len, struct vt_why *why);

/* Judges the expiry of all that is trusted against another, later time: when the
 * clock turns out to have been behind. VT_E_EXPIRED. */
VT_MUST enum vt_err vt_trust_check_time(struct vt_trust *t, int64_t now, struct vt_why *why);

/* The file that has to be fetched next: as timestamp lists snapshot, or as
 * snapshot lists targets ("targets.json") and channels. NULL when not listed
 * or not known yet. */
const struct vt_tuf_file *vt_trust_wants(const struct vt_trust *t, const char *name);

/* What is trusted so far, or NULL. Borrowed; a next root replaces the root. */
const struct vt_tuf *vt_trust_root(const struct vt_trust *t);
const struct vt_tuf *vt_trust_targets_role(const struct vt_trust *t);
const struct vt_tuf *vt_trust_channel_role(const struct vt_trust *t);

#endif
