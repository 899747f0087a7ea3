/* SPDX-License-Identifier: Apache-2.0 */
#include "party.h"
#include "store/policy_file.h"

#include <stdio.h>
#include <string.h>

static enum vt_err
open_policy(struct vt_party *p, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(&p->home, path, why, "policy");
    if (err == VT_OK)
        err = vt_policy_load(path, &p->policy, why);
    if (err == VT_E_NOENT)
        err =
            vt_fail(why, VT_E_CONFIG, "%s: there is no policy yet: write whom you trust", path);
    return err;
}

static enum vt_err
find_url(struct vt_party *p, const char *url, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct vt_buf b = VT_BUF(VT_PARTY_URL_MAX - 1);
    enum vt_err err = VT_OK;
    if (url != NULL) {
        vt_buf_puts(&b, url);
        err = vt_buf_check(&b, "the site's URL", why);
    } else {
        err = vt_home_path(&p->home, path, why, "run/url");
        if (err == VT_OK)
            err = vt_file_read(path, &b, why);
        if (err == VT_E_NOENT)
            err = vt_fail(why, VT_E_STATE,
                "the site does not run: `vitrine site run %s` starts it", p->home.dir);
    }
    if (err == VT_OK) {
        const char *text = vt_buf_str(&b);
        size_t len = strcspn(text, "\r\n");
        while (len > 0 && text[len - 1] == '/')
            len--;
        (void)snprintf(p->url, sizeof p->url, "%.*s", (int)len, text);
    }
    vt_buf_release(&b);
    return err;
}

/* All but the signer, which may need the home's path. */
static enum vt_err
open_home(struct vt_party *p, const char *dir, enum vt_home_kind kind, const char *url,
    struct vt_why *why)
{
    static const struct vt_http_limits limits = {.retries = 4};
    enum vt_err err = vt_home_open(dir, kind, &p->home, why);
    if (err == VT_OK)
        err = open_policy(p, why);
    if (err == VT_OK)
        err = find_url(p, url, why);
    if (err == VT_OK)
        err = vt_http_new(&limits, &p->http, why);
    return err;
}

enum vt_err
vt_party_open(struct vt_party *p, const char *dir, enum vt_home_kind kind, const char *key,
    unsigned kinds, const char *url, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = open_home(p, dir, kind, url, why);
    if (err == VT_OK)
        err = vt_home_key_path(&p->home, key, path, why);
    if (err == VT_OK)
        err = vt_signer_spawn(path, kinds, &p->signer, why);
    return err;
}

enum vt_err
vt_party_open_key(struct vt_party *p, const char *dir, enum vt_home_kind kind,
    const char *key_path, unsigned kinds, const char *url, struct vt_why *why)
{
    enum vt_err err = open_home(p, dir, kind, url, why);
    return err == VT_OK ? vt_signer_spawn(key_path, kinds, &p->signer, why) : err;
}

void
vt_party_release(struct vt_party *p)
{
    vt_http_free(p->http);
    vt_signer_free(p->signer);
    vt_policy_free(p->policy);
    *p = (struct vt_party){0};
}

enum vt_err
vt_party_digest(const char *name, const char *text, struct vt_digest *ret, struct vt_why *why)
{
    const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : text;
    if (!vt_digest_from_hex(hex, strlen(hex), ret))
        return vt_fail(
            why, VT_E_USAGE, "%s %.100s: not sha256: and 64 lower-case hex digits", name, text);
    return VT_OK;
}
