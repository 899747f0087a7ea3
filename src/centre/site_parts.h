/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a site's parent process share. Private to src/centre/site*.c.
 */
#ifndef VT_CENTRE_SITE_PARTS_H
#define VT_CENTRE_SITE_PARTS_H

#include "centre/site.h"
#include "centre/web.h"

struct vt_crew;

#define VT_SITE_ORIGIN_MAX 256U

struct vt_site {
    const struct vt_home *home;
    struct vt_listen_opts how;
    char pass[VT_HTTP_PASS_SIZE]; /* for its own processes */
    struct vt_policy *policy;
    struct vt_lock lock;
    bool locked;
    int listen_fd;
    char url[VT_HTTP_URL_SIZE];
    char origin[VT_SITE_ORIGIN_MAX];
    char key_path[VT_PATH_MAX];
    char centre_key_path[VT_PATH_MAX];
    bool has_centre_key;
    char log_dir[VT_PATH_MAX];
    char public_dir[VT_PATH_MAX];
    char staged_dir[VT_PATH_MAX];
    char web_dir[VT_PATH_MAX]; /* "": there is no built page */
    bool compress;
    unsigned reloads;
    bool reloading;
    /* While members are started: the ends that the next ones get. */
    int signer_fd;
    int tls_fd;
    int centre_signer_fd;
    int log_fd;
    int desk_fd;
    int indexer_fd;
    int herald_fd;
    int reader_fd[VT_WEB_READERS];
};

/* --- site_crew.c: the members. --- */
#define VT_SITE_MEMBERS_MAX 10U
/* Their names, in the order of their start; gives how many. */
unsigned vt_site_members(const struct vt_site *s, const char *ret[VT_SITE_MEMBERS_MAX]);
/* For struct vt_crew_opts. */
VT_MUST enum vt_err vt_site_start_all(void *ctx, struct vt_crew *c, struct vt_why *why);

/* --- site_reload.c --- */
/* Writes run/pid, for `vitrine site reload`, and takes an old answer away. */
VT_MUST enum vt_err vt_site_reload_prepare(const struct vt_site *s, struct vt_why *why);
/* Says what became of a reload; refused is NULL when it was done. */
VT_MUST enum vt_err vt_site_reload_answer(
    struct vt_site *s, const struct vt_why *refused, struct vt_why *why);
void vt_site_reload_withdraw(const struct vt_site *s);

/* --- site_web.c --- */
/* The folder of the built page: `asked`, or where one may be. VT_E_USAGE: there is none where
 * it was asked for. */
VT_MUST enum vt_err vt_site_find_web(
    const char *asked, char ret[VT_PATH_MAX], struct vt_why *why);
/* `asked`, or localhost with the scheme and port of url. VT_E_USAGE: it is no origin. */
VT_MUST enum vt_err vt_site_find_origin(
    const char *asked, const char *url, char ret[VT_SITE_ORIGIN_MAX], struct vt_why *why);

#endif
