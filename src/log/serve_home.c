/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a home must have before a log runs on it, its own or a site's.
 */
#include "base/log.h"
#include "crypto/signer.h"
#include "log/serve.h"
#include "note/policy.h"

#include <string.h>

enum vt_err
vt_serve_lock(const struct vt_home *home, struct vt_lock *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "run");

    if (err == VT_OK)
        err = vt_dir_make(path, 0755, why);
    if (err == VT_OK)
        err = vt_home_path(home, path, why, "run/lock");
    return err == VT_OK ? vt_lock_take(ret, path, home->dir, why) : err;
}

/* The message for whoever starts a log before writing its policy. */
static enum vt_err
no_policy(const struct vt_home *home, const char *path, struct vt_why *why)
{
    struct vt_vkey key;
    char text[VT_VKEY_TEXT_MAX];
    enum vt_err err = vt_home_vkey(home, "log", &key, why);

    if (err != VT_OK)
        return err;
    vt_vkey_format(&key, text);
    return vt_fail(why, VT_E_CONFIG,
        "%s is missing: write the policy there, beginning with `log %s`, then its witnesses, "
        "signers, groups, `quorum` and `require` lines",
        path, text);
}

/* Parses a policy, and sees to it that it is one for this home's own log. */
static enum vt_err
parse_policy(const struct vt_home *home, const char *path, const struct vt_buf *b,
    struct vt_policy **ret, struct vt_why *why)
{
    const struct vt_policy_party *log;
    struct vt_policy *policy = NULL;
    struct vt_vkey key;
    enum vt_err err = vt_policy_parse(b->data, b->len, &policy, why);

    if (err != VT_OK)
        return vt_fail_in(why, err, "%s", path);
    err = vt_home_vkey(home, "log", &key, why);
    if (err == VT_OK) {
        log = vt_policy_log(policy, key.name);
        if (log == NULL || !vt_pubkey_eq(&log->key.pub, &key.pub))
            err = vt_fail(why, VT_E_CONFIG,
                "%s does not name the log %s of this home with its key: add the line `log` "
                "with "
                "what keys/log.vkey holds",
                path, key.name);
    }
    if (err != VT_OK) {
        vt_policy_free(policy);
        return err;
    }
    *ret = policy;
    return VT_OK;
}

enum vt_err
vt_serve_policy(const struct vt_home *home, struct vt_policy **policy, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    struct vt_policy *taken = NULL;
    char path[VT_PATH_MAX];
    char copy[VT_PATH_MAX];
    enum vt_err err = vt_home_path(home, path, why, "policy");

    if (err == VT_OK)
        err = vt_home_path(home, copy, why, "public/policy");
    if (err != VT_OK)
        return err;
    if (!vt_file_exists(path))
        return no_policy(home, path, why);
    err = vt_file_read(path, &b, why);
    if (err == VT_OK)
        err = parse_policy(home, path, &b, &taken, why);
    if (err == VT_OK)
        err = vt_file_replace(copy, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    if (err != VT_OK) {
        vt_policy_free(taken);
        return err;
    }
    vt_policy_free(*policy);
    *policy = taken;
    return VT_OK;
}

int
vt_serve_signer(int fd, const char *key_path)
{
    vt_log_init("signer", VT_LOG_INFO);
    return vt_signer_serve(
        fd, key_path, VT_SIGN_BIT(VT_SIGN_CHECKPOINT) | VT_SIGN_BIT(VT_SIGN_LOG_INDEX));
}

enum vt_err
vt_serve_init(const char *dir, const char *origin, const char *token, struct vt_home *ret,
    struct vt_vkey *ret_key, struct vt_why *why)
{
    struct vt_buf b = VT_BUF(VT_POLICY_MAX);
    char text[VT_VKEY_TEXT_MAX];
    char path[VT_PATH_MAX];
    struct vt_token *open = NULL;
    enum vt_err err = vt_home_token_open(token, origin, &open, why);

    if (err == VT_OK)
        err = vt_home_create(dir, VT_HOME_LOG, origin, "", ret, why);
    if (err == VT_OK)
        err = vt_home_key_new(ret, "log", origin, VT_NOTE_ED25519, open, ret_key, why);
    vt_token_free(open);
    if (err == VT_OK)
        err = vt_home_path(ret, path, why, "policy");
    if (err != VT_OK)
        return err;
    vt_vkey_format(ret_key, text);
    vt_buf_putf(&b,
        "log %s\n"
        "# For each witness a line `witness NAME VKEY URL`, and then, so that any two of "
        "three\n"
        "# are enough:  group g 2 NAME NAME NAME  and  quorum g\n"
        "quorum none\n",
        text);
    err = vt_buf_check(&b, "policy", why);
    if (err == VT_OK)
        err = vt_file_create(path, 0644, b.data, b.len, why);
    vt_buf_release(&b);
    return err;
}
