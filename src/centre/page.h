/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site's status page, for people: who runs it, the newest checkpoint and
 * who cosigned it, each release with its chain of proof, the newest entries.
 *
 * Made from the folder public/ and the policy alone, through the same checks as
 * any reader's, and made anew when the checkpoint changes. One page of HTML
 * without scripts and without anything fetched from elsewhere.
 */
#ifndef VT_CENTRE_PAGE_H
#define VT_CENTRE_PAGE_H

#include "http/server.h"
#include "store/home.h"

struct vt_page;
struct vt_policy;

/* home and policy must outlive it; the policy is used as it is. */
VT_MUST enum vt_err vt_page_new(const struct vt_home *home, const char *public_dir,
    const struct vt_policy *policy, struct vt_page **ret, struct vt_why *why);
void vt_page_free(struct vt_page *p);

/* Fills the answer with the front page, or with one entry's page. */
void vt_page_front(struct vt_page *p, struct vt_http_response *rs);
void vt_page_entry(struct vt_page *p, uint64_t index, struct vt_http_response *rs);

#endif
