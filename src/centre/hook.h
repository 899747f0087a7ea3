/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Web hooks: who is to be told of what happens in the log. HOME/centre/hooks has one a line,
 *
 *     URL EVENT[,EVENT...]
 *
 * and docs/formats/web-hook.md says what is sent. A URL may hold its receiver's secret: it is
 * shown to nobody else, and in messages only as vt_hook_shown has it.
 */
#ifndef VT_CENTRE_HOOK_H
#define VT_CENTRE_HOOK_H

#include "store/home.h"

#define VT_HOOK_FILE "centre/hooks" /* below the home */
#define VT_HOOKS_MAX 32U
#define VT_HOOK_URL_MAX 1024U
#define VT_HOOK_SHOWN_SIZE 300

/* What can be asked for: `checkpoint`, each kind of entry that is told of, and `entry` for all
 * of these kinds. */
struct vt_hook {
    char url[VT_HOOK_URL_MAX + 1];
    unsigned events; /* a set of them */
};

struct vt_hooks {
    size_t count;
    struct vt_hook hook[VT_HOOKS_MAX];
};

/* "release,mismatch". VT_E_USAGE naming what is no event. */
VT_MUST enum vt_err vt_hook_parse_events(const char *s, unsigned *ret, struct vt_why *why);
void vt_hook_put_events(struct vt_buf *b, unsigned events);
/* Whether a hook asks for an event of that name ("checkpoint" or "entry") and kind. */
bool vt_hook_wants(const struct vt_hook *h, const char *name, const char *kind);

/* http:// or https://, a host, no user and no fragment. VT_E_USAGE. */
VT_MUST enum vt_err vt_hook_check_url(const char *url, struct vt_why *why);
/* The URL without what comes after its host. */
void vt_hook_shown(const char *url, char ret[VT_HOOK_SHOWN_SIZE]);

/* Reads the file; no hooks when there is none. VT_E_CONFIG with the line. */
VT_MUST enum vt_err vt_hooks_load(
    const struct vt_home *home, struct vt_hooks *ret, struct vt_why *why);
VT_MUST enum vt_err vt_hooks_parse(
    const void *data, size_t len, struct vt_hooks *ret, struct vt_why *why);
/* Replaces the file (mode 0600). */
VT_MUST enum vt_err vt_hooks_save(
    const struct vt_home *home, const struct vt_hooks *hooks, struct vt_why *why);
/* Adds a hook, or the events to the one of that URL. VT_E_LIMIT. */
VT_MUST enum vt_err vt_hooks_add(
    struct vt_hooks *hooks, const char *url, unsigned events, struct vt_why *why);
/* False: there is none of that URL. */
VT_MUST bool vt_hooks_remove(struct vt_hooks *hooks, const char *url);

#endif
