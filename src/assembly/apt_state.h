/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct vt_apt, shared by apt.c and apt_fetch.c only. */
#ifndef VT_ASSEMBLY_APT_STATE_H
#define VT_ASSEMBLY_APT_STATE_H

#include "assembly/apt.h"
#include "assembly/apt_sources.h"

struct vt_apt {
    char dir[VT_PATH_MAX];  /* our state folder */
    char conf[VT_PATH_MAX]; /* dir/apt.conf, given to apt by -c */
    char arch[32];
    char distribution[VT_STATEMENT_WORD_SIZE];
    char sources_list[VT_PATH_MAX]; /* the machine's */
    char sources_parts[VT_PATH_MAX];
    struct vt_apt_sources sources;
};

/* Runs apt-get or another of apt's programs with our configuration: argv ends
 * with NULL and its first three members are left free for us. Output is appended
 * to `out` when not NULL. */
VT_MUST enum vt_err vt_apt_run(struct vt_apt *a, const char **argv, struct vt_buf *out,
    enum vt_err (*tick)(void *ctx, struct vt_why *why), void *ctx, struct vt_why *why);
/* dir/REST. */
VT_MUST enum vt_err vt_apt_path(
    const struct vt_apt *a, char ret[VT_PATH_MAX], const char *rest, struct vt_why *why);
/* Writes the Debian sources as a file of stanzas of that type. */
VT_MUST enum vt_err vt_apt_write_sources(
    struct vt_apt *a, const char *rest, const char *type, struct vt_why *why);

#endif
