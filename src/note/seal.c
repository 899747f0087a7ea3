/* SPDX-License-Identifier: Apache-2.0 */
#include "note/seal.h"

#include "crypto/digest.h"

#include <string.h>

#define SEALED "sealed"
#define SEAL "seal "
#define SEAL_PREFIX SEAL "sha256:"

/* What the lines of a policy say of a seal. */
struct seal_lines {
    bool sealed;             /* there is a line `sealed` */
    bool seal;               /* the last line begins with `seal ` */
    struct vt_reader text;   /* what the seal covers: all, or all before its line */
    struct vt_reader digest; /* the seal line without its newline */
};

/* Whether a line is the word `sealed`, as the policy's grammar sees words. */
static bool
says_sealed(struct vt_reader line)
{
    while (line.left > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
        line = VT_READER(line.p + 1, line.left - 1);
    while (line.left > 0 && (line.p[line.left - 1] == ' ' || line.p[line.left - 1] == '\t'))
        line.left--;
    return vt_reader_is(&line, SEALED);
}

static void
find_lines(const void *data, size_t len, struct seal_lines *ret)
{
    struct vt_reader r = VT_READER(data, len), line;
    struct seal_lines s = {.text = VT_READER(data, len)};

    while (vt_reader_line(&r, &line)) {
        s.sealed = s.sealed || says_sealed(line);
        if (r.left == 0 && line.left >= strlen(SEAL) &&
            memcmp(line.p, SEAL, strlen(SEAL)) == 0) {
            s.seal = true;
            s.text.left = (size_t)(line.p - s.text.p);
            s.digest = line;
        }
    }
    *ret = s;
}

enum vt_err
vt_seal_check(const void *data, size_t len, size_t *ret_len, struct vt_why *why)
{
    static const char again[] = "if the change was meant, run `vitrine policy seal FILE`";
    struct seal_lines s;
    struct vt_digest said, is;

    find_lines(data, len, &s);
    if (!s.sealed && !s.seal) {
        *ret_len = len;
        return VT_OK;
    }
    if (!s.sealed || !s.seal)
        return vt_fail(why, VT_E_CONFIG,
            "the policy was changed after it was sealed: the line `%s` is gone; %s",
            s.sealed ? "seal sha256:..." : SEALED, again);
    if (!vt_reader_skip(&s.digest, SEAL_PREFIX) ||
        !vt_digest_from_hex((const char *)s.digest.p, s.digest.left, &said))
        return vt_fail(why, VT_E_CONFIG,
            "the seal in the policy's last line is not `seal sha256:` and 64 hex digits; %s",
            again);
    vt_digest_of(s.text.p, s.text.left, &is);
    if (!vt_digest_eq(&said, &is))
        return vt_fail(why, VT_E_CONFIG,
            "the policy was changed after it was sealed: its digest is not the seal's; %s",
            again);
    *ret_len = s.text.left;
    return VT_OK;
}

enum vt_err
vt_seal_put(struct vt_buf *b, const void *data, size_t len, struct vt_why *why)
{
    char hex[VT_DIGEST_HEX_SIZE];
    struct seal_lines s;
    struct vt_digest d;
    struct vt_buf text = VT_BUF(b->max);

    find_lines(data, len, &s);
    if (!s.sealed)
        vt_buf_puts(&text, SEALED "\n");
    vt_buf_put(&text, s.text.p, s.text.left);
    if (s.text.left > 0 && s.text.p[s.text.left - 1] != '\n')
        vt_buf_puts(&text, "\n");
    enum vt_err err = vt_buf_check(&text, "the sealed policy", why);
    if (err == VT_OK) {
        vt_digest_of(text.data, text.len, &d);
        vt_digest_hex(&d, hex);
        vt_buf_put(b, text.data, text.len);
        vt_buf_putf(b, SEAL_PREFIX "%s\n", hex);
        err = vt_buf_check(b, "the sealed policy", why);
    }
    vt_buf_release(&text);
    return err;
}
