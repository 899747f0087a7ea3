/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reviewers say in words, and who is to read what. A comment is bound to a line of a file
 * of a snapshot, and to the blob that the file was; who said it can take it back, and then its
 * text is gone. Unlike what is signed, none of it is in the log.
 */
#ifndef VT_CENTRE_COMMENT_H
#define VT_CENTRE_COMMENT_H

#include "centre/account.h"
#include "review/doc.h"

#define VT_COMMENT_CHARS_MAX 4000U /* characters of a text */
#define VT_COMMENTS_DAY_MAX 500    /* of one account */
#define VT_COMMENTS_LIST_MAX 1000U /* in one answer */
#define VT_ASSIGNMENTS_MAX 10000   /* that are not done */

struct vt_comment {
    int64_t id;
    struct vt_digest source;
    struct vt_digest blob;
    char path[VT_REVIEW_PATH_MAX + 1];
    uint32_t line; /* from 1 */
    int64_t account;
    char by[VT_KEY_NAME_MAX + 1];
    int64_t at;
    bool resolved;
    bool removed;
    const char *text; /* adding: the text; from the tables: valid during the call */
};

/* Whether it may be a comment's text: 1 to 4,000 characters of UTF-8, of control characters
 * newline alone, and no characters that turn the direction of writing. */
bool vt_comment_text_ok(const char *text);

/* Adds one; fills id. VT_E_LIMIT: the account has said enough within a day. */
VT_MUST enum vt_err vt_comment_add(struct vt_sql *db, struct vt_comment *c, struct vt_why *why);
typedef enum vt_err vt_comment_fn(void *ctx, const struct vt_comment *c, struct vt_why *why);
/* Calls fn for one. VT_E_NOENT. */
VT_MUST enum vt_err vt_comment_get(
    struct vt_sql *db, int64_t id, vt_comment_fn *fn, void *ctx, struct vt_why *why);
/* For those of a source (and path, unless NULL) in the order of lines; or (source NULL) of an
 * account, newest first. */
VT_MUST enum vt_err vt_comment_each(struct vt_sql *db, const struct vt_digest *source,
    const char *path, int64_t account, vt_comment_fn *fn, void *ctx, struct vt_why *why);
VT_MUST enum vt_err vt_comment_resolve(
    struct vt_sql *db, int64_t id, bool resolved, struct vt_why *why);
/* Takes it back: the text is overwritten. */
VT_MUST enum vt_err vt_comment_remove(struct vt_sql *db, int64_t id, struct vt_why *why);

struct vt_assignment {
    int64_t id;
    struct vt_digest source;
    char path[VT_REVIEW_PATH_MAX + 1]; /* of a file or folder; "": all of it */
    char to[VT_KEY_NAME_MAX + 1];
    char by[VT_KEY_NAME_MAX + 1];
    int64_t at;
    bool done;
};
/* Adds one; fills id. VT_E_NOENT: there is no account `to` that reviews; VT_E_LIMIT. */
VT_MUST enum vt_err vt_assignment_add(
    struct vt_sql *db, struct vt_assignment *a, struct vt_why *why);
VT_MUST enum vt_err vt_assignment_get(
    struct vt_sql *db, int64_t id, struct vt_assignment *ret, struct vt_why *why);
/* Newest first, those that are not done before the others; at most 1,000. */
VT_MUST enum vt_err vt_assignment_each(struct vt_sql *db,
    enum vt_err (*fn)(void *ctx, const struct vt_assignment *a, struct vt_why *why), void *ctx,
    struct vt_why *why);
VT_MUST enum vt_err vt_assignment_done(
    struct vt_sql *db, int64_t id, bool done, struct vt_why *why);

#endif
