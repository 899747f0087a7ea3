/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The passports of a site's releases, at HOME/public/passports/HEX.passport: made when a
 * release is published, and made anew when the log has more to say of its artifact, such as a
 * review, an objection or a mismatch that came later.
 */
#ifndef VT_RELEASE_PASSPORTS_H
#define VT_RELEASE_PASSPORTS_H

#include "log/reader.h"
#include "store/home.h"

/* Makes the folder when it is missing. */
VT_MUST enum vt_err vt_passports_prepare(const struct vt_home *h, struct vt_why *why);

/* Collects the artifact's passport from the log, checks it and writes it. Errors of
 * vt_log_reader_passport and vt_passport_check; then nothing was written. */
VT_MUST enum vt_err vt_passports_make(const struct vt_home *h, struct vt_log_reader *log,
    const struct vt_digest *artifact, struct vt_why *why);
/* Whether there is one that is good by the policy. */
bool vt_passports_good(
    const struct vt_home *h, const struct vt_policy *policy, const struct vt_digest *artifact);
/* Whether the log has all that the policy demands of the artifact but its release. Errors as of
 * vt_passports_make. */
VT_MUST enum vt_err vt_passports_check_unreleased(
    struct vt_log_reader *log, const struct vt_digest *artifact, struct vt_why *why);

/* What became of one passport. */
struct vt_passport_news {
    struct vt_digest artifact;
    bool news;             /* written anew: the log has entries that the former had not */
    enum vt_err judgement; /* of vt_passport_check by the site's policy */
    struct vt_why why;
};
/* Makes anew the passports in the folder, or only those of `count` artifacts (count 0: all),
 * of which the log has another set of entries. Bad news is written too: whoever asks for a
 * passport is to see the objection. Calls fn for each; its error ends it. VT_E_NOENT: an
 * artifact that no release entry names. */
VT_MUST enum vt_err vt_passports_renew(const struct vt_home *h, struct vt_log_reader *log,
    const struct vt_digest *artifact, size_t count,
    enum vt_err (*fn)(void *ctx, const struct vt_passport_news *n, struct vt_why *why),
    void *ctx, struct vt_why *why);

#endif
