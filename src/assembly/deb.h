/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control file of a Debian package (deb(5)), read without any program of
 * Debian's: an ar archive that holds a tar archive that holds it.
 */
#ifndef VT_ASSEMBLY_DEB_H
#define VT_ASSEMBLY_DEB_H

#include "base/buf.h"

#define VT_DEB_CONTROL_MAX (1024U * 1024U) /* bytes of a control file */

/* Appends the one paragraph of the control file of package file `path`, ending
 * in one newline. VT_E_SYNTAX, VT_E_LIMIT, VT_E_IO. */
VT_MUST enum vt_err vt_deb_control(const char *path, struct vt_buf *b, struct vt_why *why);

/* The value of a field that stands on one line of a control paragraph, as a C
 * string; false when it is missing, twice there, or does not fit. */
VT_MUST bool vt_deb_field(
    const void *control, size_t len, const char *name, char *ret, size_t size);
/* Whether there is a field of that name at all. */
bool vt_deb_has_field(const void *control, size_t len, const char *name);

#endif
