/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's apt sources as apt reads them: files of one line an entry
 * (sources.list) and of stanzas (.sources), so that lists of our own can be
 * written with only some of them, or with deb-src in the place of deb.
 *
 * Entries that are switched off, that ask apt to trust them unsigned, or whose
 * options are beyond the known ones in a way that could change what is trusted, are
 * left out. No I/O.
 */
#ifndef VT_ASSEMBLY_APT_SOURCES_H
#define VT_ASSEMBLY_APT_SOURCES_H

#include "base/buf.h"

#define VT_APT_SOURCES_MAX 1024U        /* entries */
#define VT_APT_SOURCES_FILE_MAX 262144U /* bytes of one file */

/* One archive and suite. All strings are owned and hold no newline, but
 * signed_by, whose further lines begin with a space as a stanza has them. */
struct vt_apt_source {
    bool binary; /* has deb */
    bool source; /* has deb-src */
    bool debian; /* for the caller: left false by the parsers */
    char *uri;
    char *suite;
    char *components;    /* separated by single spaces; "" for a flat archive */
    char *architectures; /* "" for all */
    char *signed_by;     /* "" when there is none */
};

struct vt_apt_sources {
    size_t count;
    struct vt_apt_source item[VT_APT_SOURCES_MAX];
};

/* Add the entries of one file to *s. Lines and stanzas that do not parse are left
 * out, as they would be errors of apt's own. VT_E_LIMIT, VT_E_NOMEM. */
VT_MUST enum vt_err vt_apt_sources_add_lines(
    struct vt_apt_sources *s, const void *data, size_t len, struct vt_why *why);
VT_MUST enum vt_err vt_apt_sources_add_stanzas(
    struct vt_apt_sources *s, const void *data, size_t len, struct vt_why *why);
void vt_apt_sources_release(struct vt_apt_sources *s);

/* Appends one entry as a stanza of that type ("deb" or "deb-src"). */
void vt_apt_source_put(struct vt_buf *b, const struct vt_apt_source *e, const char *type);

#endif
