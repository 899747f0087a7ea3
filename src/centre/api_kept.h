/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are kept while what they are made of does not change, for pages that many ask
 * for. Each is named by its tag, the digest of all that it depends on (api_routes.c), so none
 * is ever out of date. Private to the reading room.
 */
#ifndef VT_CENTRE_API_KEPT_H
#define VT_CENTRE_API_KEPT_H

#include "crypto/digest.h"

#define VT_API_KEPT_MAX 64U                  /* answers */
#define VT_API_KEPT_BYTES_MAX (256U * 1024U) /* of one */

struct vt_api_kept;
VT_MUST enum vt_err vt_api_kept_new(struct vt_api_kept **ret, struct vt_why *why);
void vt_api_kept_free(struct vt_api_kept *k);

/* Appends the answer of that tag to body; false when it is not kept. */
VT_MUST bool vt_api_kept_find(struct vt_api_kept *k, const struct vt_digest *tag,
    const char **ret_content_type, struct vt_buf *body);
/* Keeps one in the place of that which was not asked for the longest; does nothing when it is
 * too long or there is no memory. content_type: a static string. */
void vt_api_kept_add(struct vt_api_kept *k, const struct vt_digest *tag,
    const char *content_type, const struct vt_buf *body);

#endif
