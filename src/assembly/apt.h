/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine's own apt, used without touching the machine: its sources,
 * pins, keys and proxies, but state folders of our own. No right of a super-user
 * is needed.
 *
 * Only sources count whose signed Release file says that their origin is
 * Debian; others on the machine are left out.
 */
#ifndef VT_ASSEMBLY_APT_H
#define VT_ASSEMBLY_APT_H

#include "attest/statement.h"
#include "base/file.h"
#include "base/progress.h"

struct vt_apt;

/* Makes a state folder below `parent` (made when missing). VT_E_CONFIG when the
 * machine has no Debian sources, or never fetched their lists. */
VT_MUST enum vt_err vt_apt_open(const char *parent, struct vt_apt **ret, struct vt_why *why);
/* Removes the state folder; takes NULL. */
void vt_apt_close(struct vt_apt *a);

const char *vt_apt_arch(const struct vt_apt *a);
/* The distribution's code name, such as "bookworm". */
const char *vt_apt_distribution(const struct vt_apt *a);

/* A package that apt chose: its file will be archives_dir/file. */
struct vt_apt_choice {
    char file[VT_STATEMENT_NAME_SIZE * 2];
    struct vt_package package; /* digest and size as the signed lists say */
};

/* What installing `names` on a machine without any package would take, the
 * essential packages and usr-is-merged included, sorted by name. The caller
 * frees *ret with free(). VT_E_USAGE (no package's name), VT_E_CONFIG (no such package, or it
 * cannot be installed). */
VT_MUST enum vt_err vt_apt_choose(struct vt_apt *a, const char *const *names, size_t count,
    struct vt_apt_choice **ret, size_t *ret_count, struct vt_why *why);

/* Downloads what vt_apt_choose gave for the same names into archives_dir, which
 * must have a folder `partial`; files that are there are kept. */
VT_MUST enum vt_err vt_apt_download(struct vt_apt *a, const char *const *names, size_t count,
    const char *archives_dir, struct vt_progress *progress, struct vt_why *why);

/* Fetches the newest source package that the machine's sources offer by that
 * name, or that makes the binary package of that name, and unpacks it, patched
 * as its format says, into the new folder `dir`. ret_name and ret_version tell
 * which it is. VT_E_NOENT, VT_E_NET, VT_E_CHILD. */
VT_MUST enum vt_err vt_apt_source_unpack(struct vt_apt *a, const char *name, const char *dir,
    struct vt_progress *progress, char ret_name[128], char ret_version[128],
    struct vt_why *why);

#endif
