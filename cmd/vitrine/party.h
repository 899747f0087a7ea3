/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands of a party open before they can say anything in a log: its
 * home, its policy, its key in a signer process, and the way to the site.
 */
#ifndef VT_CMD_PARTY_H
#define VT_CMD_PARTY_H

#include "crypto/digest.h"
#include "crypto/signer.h"
#include "http/client.h"
#include "note/policy.h"
#include "store/home.h"

#define VT_PARTY_URL_MAX 1024U

struct vt_party {
    struct vt_home home;
    struct vt_policy *policy;
    struct vt_signer *signer;
    struct vt_http *http;
    char url[VT_PARTY_URL_MAX]; /* of the site */
};

/* Opens the home of that kind with its file `policy`, starts the signer process
 * of keys/KEY.key for `kinds` and makes an HTTP client. The site is at `url`;
 * NULL: the home is the site's, which runs and says where in run/url. On failure
 * too, release *p, which must be zeroed before. */
VT_MUST enum vt_err vt_party_open(struct vt_party *p, const char *dir, enum vt_home_kind kind,
    const char *key, unsigned kinds, const char *url, struct vt_why *why);
/* The same with a key file that need not be in the home. */
VT_MUST enum vt_err vt_party_open_key(struct vt_party *p, const char *dir,
    enum vt_home_kind kind, const char *key_path, unsigned kinds, const char *url,
    struct vt_why *why);
void vt_party_release(struct vt_party *p);

/* `sha256:HEX`, or the digits alone, as the value of option `name`. VT_E_USAGE. */
VT_MUST enum vt_err vt_party_digest(
    const char *name, const char *text, struct vt_digest *ret, struct vt_why *why);

#endif
