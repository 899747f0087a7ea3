/* SPDX-License-Identifier: Apache-2.0 */
/* What one thread of search/library_work.h looks for in a blob. */
#ifndef VT_SEARCH_LIBRARY_LOOK_H
#define VT_SEARCH_LIBRARY_LOOK_H

#include "search/library_work.h"

struct vt_look;
/* Fine without a ctags: then there are no symbols of it. */
VT_MUST enum vt_err vt_look_new(struct vt_look **ret, struct vt_why *why);
void vt_look_free(struct vt_look *k);
bool vt_look_has_ctags(const struct vt_look *k);

/* Whether the blob is text, and its lines. */
void vt_look_text(struct vt_job *j);
/* The symbols of a text, and of rules what they are. */
VT_MUST enum vt_err vt_look_symbols(struct vt_look *k, struct vt_job *j, struct vt_why *why);

#endif
