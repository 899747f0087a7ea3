/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rebuilder's signature over staged metadata: given only when each target in it
 * is what this rebuilder has confirmed itself. docs/formats/site-http.md.
 */
#ifndef VT_RELEASE_COUNTERSIGN_H
#define VT_RELEASE_COUNTERSIGN_H

#include "crypto/signer.h"
#include "http/client.h"
#include "update/offer.h"

/* All borrowed. */
struct vt_countersign {
    struct vt_http *http;
    const char *url; /* of the site */
    const char *channel;
    struct vt_signer *signer; /* signs TUF */
    /* Whether these bytes are that file of that version of the product, by the
     * signer's own knowledge; VT_E_REFUSED with what is wrong otherwise. */
    enum vt_err (*confirmed)(void *ctx, const struct vt_offer *offer, struct vt_why *why);
    void *ctx;
};

enum vt_countersigned {
    VT_COUNTERSIGN_NOTHING, /* nothing is staged */
    VT_COUNTERSIGN_SIGNED,  /* signed, and stored durably by the site */
};

/* Fetches /staged/CHANNEL.json, checks it and posts the signature; one that the
 * site has already does no harm. *ret_version: of what is staged; 0 for nothing.
 * VT_E_REFUSED and other errors of `confirmed`; VT_E_SYNTAX, VT_E_LIMIT; VT_E_UNKNOWN
 * (the channel does not have this key), VT_E_STATE (another version was staged
 * meanwhile: try again), VT_E_NET. */
VT_MUST enum vt_err vt_countersign_run(const struct vt_countersign *c,
    enum vt_countersigned *ret, uint64_t *ret_version, struct vt_why *why);

#endif
