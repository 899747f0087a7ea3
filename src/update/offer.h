/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a channel offers: its targets read as products. A target's path is
 * PRODUCT/VERSION/FILE and its custom member {"product": P, "version": V} says
 * the same; a channel has one target a product. No I/O. docs/formats/tuf.md.
 */
#ifndef VT_UPDATE_OFFER_H
#define VT_UPDATE_OFFER_H

#include "update/metadata.h"

#define VT_OFFER_NAME_SIZE 256 /* a product, version or file name with its NUL */

struct vt_offer {
    char product[VT_OFFER_NAME_SIZE];
    char version[VT_OFFER_NAME_SIZE];
    char file[VT_OFFER_NAME_SIZE];
    uint64_t length;
    struct vt_digest digest;
};

/* Reads target `i` of the channel's metadata, for which `targets` delegated
 * the role `channel`. VT_E_SYNTAX (not such a path, custom says another thing),
 * VT_E_REFUSED (the delegation does not take in the path, or an earlier target
 * is of the same product). */
VT_MUST enum vt_err vt_offer_read(const struct vt_tuf *targets, const char *channel,
    const struct vt_tuf *metadata, size_t i, struct vt_offer *ret, struct vt_why *why);

/* Takes a path apart by form only. */
VT_MUST enum vt_err vt_offer_parse_path(
    const char *path, struct vt_offer *ret, struct vt_why *why);

#endif
