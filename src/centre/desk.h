/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk process of a site's Centre: reviewers' accounts and sessions, comments, assignments,
 * and the record of who opened what. It answers the part "Reviewers" of
 * docs/formats/centre-api.md, and says for each opening of source whether it may be and writes
 * it down first. Keeps HOME/centre/desk.db; parses WebAuthn messages, verified by libfido2;
 * publishes each day's visits as an entry, signed by the centre's key in a signer process. No
 * listening socket.
 */
#ifndef VT_CENTRE_DESK_H
#define VT_CENTRE_DESK_H

#include "store/home.h"

struct vt_clock;
struct vt_policy;
struct vt_signer;

#define VT_DESK_FILE "centre/desk.db" /* below the home */

struct vt_desk_opts {
    const struct vt_home *home;
    const struct vt_policy *policy;
    const char
        *origin;      /* of the page, such as "https://centre.example": what passkeys are for */
    const char *url;  /* where the site takes entries */
    const char *pass; /* by which it takes them from this process (http/listen.h); or NULL */
    struct vt_signer *signer; /* the centre's key; NULL: visits are recorded, not published */
    const struct vt_clock *clock; /* NULL: the system's */
};

/* Answers until fd closes: VT_OK. VT_E_STATE: desk.db is of another version. Where the kernel
 * has Landlock this thread, and what it starts, may from then on write below HOME/centre alone
 * and read nothing else of the home but what is public or sealed. */
VT_MUST enum vt_err vt_desk_run(int fd, const struct vt_desk_opts *opts, struct vt_why *why);

#endif
