/* SPDX-License-Identifier: Apache-2.0 */
#include "report/subject_file.h"

#include "base/file.h"
#include "crypto/secret.h"

#include <string.h>

#define BYTES 32U
_Static_assert(VT_CUSTOMER_SECRET_SIZE == BYTES && VT_SUBJECT_OPENING_SIZE == BYTES,
    "both files have one form");

static enum vt_err
write_bytes(const char *path, const uint8_t bytes[BYTES], struct vt_why *why)
{
    char line[2 * BYTES + 1];
    enum vt_err err;

    vt_hex_encode(bytes, BYTES, line);
    line[2 * BYTES] = '\n';
    err = vt_file_create(path, 0600, line, sizeof line, why);
    vt_wipe(line, sizeof line);
    return err;
}

static enum vt_err
read_bytes(const char *path, const char *what, uint8_t ret[BYTES], struct vt_why *why)
{
    struct vt_buf b = {.max = 256, .secret = true};
    struct vt_reader line;
    uint8_t bytes[BYTES];
    struct vt_reader r;
    size_t len = 0;
    enum vt_err err = vt_secret_read(path, &b, why);

    if (err != VT_OK)
        goto out;
    r = VT_READER(b.data, b.len);
    if (vt_reader_line(&r, &line) && r.left == 0 &&
        vt_hex_decode((const char *)line.p, line.left, bytes, BYTES, &len) && len == BYTES)
        memcpy(ret, bytes, BYTES);
    else
        err = vt_fail(why, VT_E_CONFIG, "%s: is no %s (64 lower-case hex digits and a newline)",
            path, what);
out:
    vt_wipe(bytes, sizeof bytes);
    vt_buf_release(&b);
    return err;
}

enum vt_err
vt_customer_secret_new(const char *path, struct vt_why *why)
{
    uint8_t secret[BYTES];
    enum vt_err err = vt_random(secret, sizeof secret, why);

    if (err == VT_OK)
        err = write_bytes(path, secret, why);
    vt_wipe(secret, sizeof secret);
    return err;
}

enum vt_err
vt_customer_secret_load(
    const char *path, uint8_t ret[VT_CUSTOMER_SECRET_SIZE], struct vt_why *why)
{
    return read_bytes(path, "customer's secret", ret, why);
}

/* What a command that is given again left the first time. */
static enum vt_err
opening_again(const char *path, const uint8_t tag[VT_SUBJECT_SIZE], uint8_t ret[BYTES],
    struct vt_why *why)
{
    enum vt_err err = vt_subject_opening_load(path, ret, why);

    if (err == VT_OK && memcmp(ret + 16, tag, VT_SUBJECT_SIZE) != 0)
        err =
            vt_fail(why, VT_E_EXIST, "%s: is of another data subject; name another file", path);
    return err;
}

enum vt_err
vt_subject_opening_new(const char *path, const uint8_t tag[VT_SUBJECT_SIZE],
    struct vt_digest *ret_commitment, struct vt_why *why)
{
    uint8_t opening[BYTES];
    enum vt_err err = vt_random(opening, 16, why);

    memcpy(opening + 16, tag, VT_SUBJECT_SIZE);
    if (err == VT_OK)
        err = write_bytes(path, opening, why);
    if (err == VT_E_EXIST)
        err = opening_again(path, tag, opening, why);
    if (err == VT_OK)
        vt_subject_commit(opening, tag, ret_commitment);
    vt_wipe(opening, sizeof opening);
    return err;
}

enum vt_err
vt_subject_opening_load(
    const char *path, uint8_t ret[VT_SUBJECT_OPENING_SIZE], struct vt_why *why)
{
    return read_bytes(path, "subject's salt and tag", ret, why);
}
