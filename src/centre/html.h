/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing HTML: text is escaped here, and nowhere is it put in unescaped.
 */
#ifndef VT_CENTRE_HTML_H
#define VT_CENTRE_HTML_H

#include "crypto/digest.h"

/* Text, for element content and for attribute values in double quotes. */
void vt_html_text(struct vt_buf *b, const char *s);
void vt_html_text_n(struct vt_buf *b, const void *s, size_t len);
/* A path for a URL: percent-encoded but for its slashes. */
void vt_html_path(struct vt_buf *b, const char *path);
/* A digest: its first eight hex digits shown, all of them on hover and to copy. */
void vt_html_digest(struct vt_buf *b, const struct vt_digest *d);
/* <time> in UTC; "never" for 0. */
void vt_html_time(struct vt_buf *b, uint64_t t);
/* "1,234 bytes" or "5.6 MiB". */
void vt_html_size(struct vt_buf *b, uint64_t bytes);

/* The page from <!doctype> to the end of its style, and the style's hash as a
 * whole Content-Security-Policy. */
void vt_html_head(struct vt_buf *b, const char *title);
void vt_html_csp(char *ret, size_t size);

#endif
