/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reviewers' sessions: what the cookie `vt-session` stands for. A session is a random token,
 * kept as its hash; it ends 30 minutes after it was last used, 12 hours after it began, when
 * its account is revoked or marked, and when its holder logs out.
 */
#ifndef VT_CENTRE_SESSION_H
#define VT_CENTRE_SESSION_H

#include "centre/account.h"

#define VT_SESSION_IDLE_S (30 * 60)
#define VT_SESSION_WHOLE_S (12 * 3600)
#define VT_SESSION_ACCOUNT_MAX                                                                 \
    10 /* of one account at a time; the one used longest ago gives way */

/* Begins one for an account. */
VT_MUST enum vt_err vt_session_new(struct vt_sql *db, int64_t account, int64_t now,
    char ret_token[VT_ACCOUNT_TOKEN_TEXT], struct vt_why *why);
/* Whose session this is, and notes its use (to the half minute). VT_E_NOENT: nobody's. Cost: a
 * look-up by hash; a write at most every 30 seconds. */
VT_MUST enum vt_err vt_session_find(struct vt_sql *db, const char *token, int64_t now,
    struct vt_account *ret, struct vt_why *why);
/* Ends it; fine when it is none. */
VT_MUST enum vt_err vt_session_end(struct vt_sql *db, const char *token, struct vt_why *why);
/* Forgets those that have ended, and invitations that expired more than 90 days ago. */
VT_MUST enum vt_err vt_session_sweep(struct vt_sql *db, int64_t now, struct vt_why *why);

#endif
