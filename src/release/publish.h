/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing what is staged: with enough signatures the release is logged, its
 * passports are made from the cosigned checkpoint and checked, and then the
 * metadata goes out, timestamp last. docs/formats/tuf.md.
 *
 * Each step first looks whether it was done, so a publication that was killed
 * anywhere goes on when it is begun again: the same bytes are published, and
 * the log gets one release entry.
 */
#ifndef VT_RELEASE_PUBLISH_H
#define VT_RELEASE_PUBLISH_H

#include "http/client.h"
#include "log/reader.h"
#include "release/repository.h"

struct vt_publish_opts {
    const char *channel;
    const struct vt_policy *policy;
    struct vt_signer *release; /* signs TUF, DSSE and entries */
    struct vt_lifetimes lifetimes;
    int64_t now;
    /* The running site. */
    struct vt_http *http;
    const char *url;
    int64_t timeout_ms; /* for the checkpoint that covers the release */
    /* Told what is being done, for people; or NULL. */
    void (*step)(void *ctx, const char *what);
    void *step_ctx;
};

struct vt_publish_result {
    uint64_t version;
    uint64_t index; /* of the release's entry; valid when news */
    bool news;      /* false: this version was published before */
};

/* VT_E_NOENT (nothing is staged), VT_E_QUORUM naming who has not signed yet, or whose reviews
 * are missing where the policy demands any (nothing was fixed or logged then), VT_E_EXPIRED
 * (stage it again), VT_E_REFUSED and all of vt_passport_check (the proof is not good enough, so
 * nothing was published), VT_E_TIMEOUT, VT_E_NET, VT_E_IO. */
VT_MUST enum vt_err vt_publish_run(struct vt_repository *r, const struct vt_publish_opts *opts,
    struct vt_publish_result *ret, struct vt_why *why);

/* The part before the log: collects the signatures over what is staged, and
 * with a threshold of them, and the reviews that the policy demands in the site's log,
 * fixes the bytes of that version for good. Appends them to b. VT_E_NOENT,
 * VT_E_QUORUM, VT_E_EXPIRED; where reviews are demanded all of vt_passport_check. */
VT_MUST enum vt_err vt_publish_collect(struct vt_repository *r,
    const struct vt_publish_opts *opts, struct vt_buf *b, uint64_t *ret_version,
    struct vt_why *why);

#endif
