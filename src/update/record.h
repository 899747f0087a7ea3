/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small files in which an update remembers: what is installed, what an
 * unpacked folder has to look like, and the latest time that witnesses vouched
 * for. docs/formats/install.md.
 */
#ifndef VT_UPDATE_RECORD_H
#define VT_UPDATE_RECORD_H

#include "update/offer.h"

/* INTO/.vitrine/installed/CHANNEL/PRODUCT.json */
struct vt_installed {
    uint64_t
        channel_version; /* of the channel's metadata that it came with; 0: not installed */
    char version[VT_OFFER_NAME_SIZE];
    struct vt_digest artifact;
};
/* Zeroes *ret when there is none. VT_E_SYNTAX for a damaged file, which is not
 * passed over: it keeps older versions out. */
VT_MUST enum vt_err vt_installed_load(const char *into, const char *channel,
    const char *product, struct vt_installed *ret, struct vt_why *why);
VT_MUST enum vt_err vt_installed_save(const char *into, const char *channel,
    const char *product, const struct vt_installed *r, struct vt_why *why);

/* INTO/.vitrine/trees/CHANNEL/PRODUCT/VERSION.json: what the version's folder
 * has to look like. */
struct vt_tree_record {
    struct vt_digest artifact;
    struct vt_digest tree; /* vt_treesum of the folder */
};
VT_MUST enum vt_err vt_tree_record_load(
    const char *path, struct vt_tree_record *ret, struct vt_why *why);
VT_MUST enum vt_err vt_tree_record_save(
    const char *path, const struct vt_tree_record *r, struct vt_why *why);

/* INTO/.vitrine/time: seconds since 1970; 0 when there is none. */
VT_MUST enum vt_err vt_time_record_load(const char *into, int64_t *ret, struct vt_why *why);
VT_MUST enum vt_err vt_time_record_save(const char *into, int64_t t, struct vt_why *why);

#endif
