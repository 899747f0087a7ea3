/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of `vitrine review` share: the log and the policy that they read by, the
 * snapshot's archive, and how a document is signed and handed in.
 */
#ifndef VT_CMD_REVIEW_H
#define VT_CMD_REVIEW_H

#include "cmd.h"

#include "base/file.h"
#include "centre/reckon.h"
#include "http/client.h"

struct vt_signer;

#define VT_REVIEW_URL_MAX 1024U

/* Zero it, set what comes from the command line, open, and release whatever happened. */
struct vt_review_desk {
    const char *from;        /* URL, public folder, or a site's home */
    const char *policy_path; /* NULL: the home's own */
    const char *archive;     /* a copy of the archive; NULL: the site's */
    const char *key_path;    /* of who signs */
    const char *to; /* URL to hand in at; NULL: `from`, or where the home's site runs */
    /* What open finds. */
    char where[VT_PATH_MAX]; /* for readers: `from`, or the home's public folder */
    struct vt_policy *policy;
    struct vt_log_reader *log;
    struct vt_reckon *reckon;
    struct vt_http *http;
    struct vt_digest source;
    char url[VT_REVIEW_URL_MAX];
    char temp[VT_PATH_MAX]; /* a folder to be removed, or "" */
    struct vt_signer *signer;
    const struct vt_policy_party *party; /* who signs, in the policy */
    const char *organisation;
};

#define VT_REVIEW_OPT_FROM(desk)                                                               \
    {                                                                                          \
        "from", 'f', VT_OPT_STR, "URL|DIR", "the site, a mirror, or a site's home",            \
            &(desk).from, true                                                                 \
    }
#define VT_REVIEW_OPT_POLICY(desk)                                                             \
    {                                                                                          \
        "policy", 'p', VT_OPT_STR, "FILE", "whom you trust (of a home: its own policy)",       \
            &(desk).policy_path, false                                                         \
    }
#define VT_REVIEW_OPT_ARCHIVE(desk)                                                            \
    {                                                                                          \
        "archive", 0, VT_OPT_STR, "FILE", "the snapshot's archive, when you have it already",  \
            &(desk).archive, false                                                             \
    }
#define VT_REVIEW_OPT_KEY(desk)                                                                \
    {                                                                                          \
        "key", 'k', VT_OPT_STR, "FILE", "the key of a signer of the policy", &(desk).key_path, \
            true                                                                               \
    }
#define VT_REVIEW_OPT_TO(desk)                                                                 \
    {                                                                                          \
        "to", 't', VT_OPT_STR, "URL", "the site, when it is another than --from", &(desk).to,  \
            false                                                                              \
    }

/* The log, by the policy. */
VT_MUST enum vt_err vt_review_desk_open(struct vt_review_desk *d, struct vt_why *why);
/* The log, what was said in it, and the snapshot. */
VT_MUST enum vt_err vt_review_desk_open_source(struct vt_review_desk *d, const char *source,
    struct vt_progress *progress, struct vt_why *why);
/* The key and whom the policy takes it for. */
VT_MUST enum vt_err vt_review_desk_open_key(struct vt_review_desk *d, struct vt_why *why);
void vt_review_desk_release(struct vt_review_desk *d);

/* Fills reviewer and made, signs and hands in the document, and waits until it is published. */
VT_MUST enum vt_err vt_review_desk_submit(
    struct vt_review_desk *d, struct vt_review *r, uint64_t *ret_index, struct vt_why *why);

/* Adds `PATH` or `PATH:FROM-TO` of the snapshot. VT_E_USAGE: it has no such file or lines. */
VT_MUST enum vt_err vt_review_desk_add(const struct vt_review_desk *d, struct vt_review *r,
    const char *arg, enum vt_verdict verdict, struct vt_why *why);

/* `sha256:HEX` of a digest. */
struct vt_digest_text {
    char s[8 + VT_DIGEST_HEX_SIZE];
};
struct vt_digest_text vt_digest_text(const struct vt_digest *d);

int vt_cmd_review_sources(int argc, char **argv);
int vt_cmd_review_coverage(int argc, char **argv);
int vt_cmd_review_read(int argc, char **argv);
int vt_cmd_review_sign(int argc, char **argv);
int vt_cmd_review_object(int argc, char **argv);
int vt_cmd_review_check(int argc, char **argv);
int vt_cmd_review_visits(int argc, char **argv);

#endif
