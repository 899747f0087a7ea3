/* SPDX-License-Identifier: Apache-2.0 */
#include "release/claim.h"

#include <stdio.h>
#include <string.h>

#define CLAIM_MAX 512U

enum vt_err
vt_claim_file(const struct vt_home *h, const char *channel, uint64_t version, const char *kind,
    char ret[VT_PATH_MAX], struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(h, dir, why, "releases/%s", channel);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    return err != VT_OK
               ? err
               : vt_path(ret, why, "%s/%llu.%s", dir, (unsigned long long)version, kind);
}

static enum vt_err
claim_path(const struct vt_home *h, const struct vt_offer *o, char ret[VT_PATH_MAX],
    struct vt_why *why)
{
    char dir[VT_PATH_MAX];
    enum vt_err err = vt_home_path(h, dir, why, "releases/claims/%s", o->product);
    if (err == VT_OK)
        err = vt_dir_make(dir, 0700, why);
    return err != VT_OK ? err : vt_path(ret, why, "%s/%s", dir, o->version);
}

/* `sha256:HEX CHANNEL N\n` */
static bool
parse_claim(const struct vt_buf *b, struct vt_digest *ret_digest, char ret_channel[65],
    uint64_t *ret_version)
{
    struct vt_reader r = VT_READER(b->data, b->len);
    struct vt_reader line, hex, channel;
    return vt_reader_line(&r, &line) && r.left == 0 && vt_reader_skip(&line, "sha256:") &&
           vt_reader_word(&line, ' ', &hex) &&
           vt_digest_from_hex((const char *)hex.p, hex.left, ret_digest) &&
           vt_reader_word(&line, ' ', &channel) && vt_reader_cstr(&channel, ret_channel, 65) &&
           vt_reader_decimal(&line, INT64_MAX, ret_version);
}

/* A claim as it was read. */
struct claim {
    struct vt_digest digest;
    char channel[65];
    uint64_t version;
    bool begun; /* its release is: the claim counts for good */
};

/* VT_E_NOENT when nobody has claimed that version of the product. */
static enum vt_err
read_claim(
    const struct vt_home *h, const struct vt_offer *o, struct claim *ret, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    struct claim c = {0};
    struct vt_buf b = VT_BUF(CLAIM_MAX);
    enum vt_err err = claim_path(h, o, path, why);
    if (err == VT_OK)
        err = vt_file_read(path, &b, why);
    if (err == VT_OK && !parse_claim(&b, &c.digest, c.channel, &c.version))
        err = vt_fail(why, VT_E_SYNTAX, "%s: not a claim", path);
    if (err == VT_OK)
        err = vt_claim_file(h, c.channel, c.version, "json", path, why);
    if (err == VT_OK) {
        c.begun = vt_file_exists(path);
        *ret = c;
    }
    vt_buf_release(&b);
    return err;
}

static enum vt_err
check(const struct vt_offer *o, const struct claim *c, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    if (!c->begun || vt_digest_eq(&c->digest, &o->digest))
        return VT_OK;
    vt_digest_hex(&c->digest, hex);
    return vt_fail(why, VT_E_REFUSED,
        "%s %s was released before with other bytes (sha256:%s, channel %s version %llu): give "
        "the new ones a new version",
        o->product, o->version, hex, c->channel, (unsigned long long)c->version);
}

enum vt_err
vt_claim_check(const struct vt_home *h, const struct vt_offer *o, struct vt_why *why)
{
    struct claim c = {0};
    enum vt_err err = read_claim(h, o, &c, why);
    if (err == VT_E_NOENT)
        return VT_OK;
    return err != VT_OK ? err : check(o, &c, why);
}

enum vt_err
vt_claim_take(const struct vt_home *h, const struct vt_offer *o, const char *channel,
    uint64_t version, struct vt_why *why)
{
    char path[VT_PATH_MAX];
    char text[CLAIM_MAX];
    char hex[VT_DIGEST_HEX_SIZE];
    struct claim c = {0};
    enum vt_err err = read_claim(h, o, &c, why);
    if (err == VT_OK)
        err = check(o, &c, why);
    if (err == VT_OK && c.begun)
        return VT_OK; /* the first release of these bytes keeps the claim */
    if (err == VT_OK || err == VT_E_NOENT)
        err = claim_path(h, o, path, why);
    if (err != VT_OK)
        return err;
    vt_digest_hex(&o->digest, hex);
    int n = snprintf(
        text, sizeof text, "sha256:%s %s %llu\n", hex, channel, (unsigned long long)version);
    return vt_file_replace(path, 0600, text, (size_t)n, why);
}
