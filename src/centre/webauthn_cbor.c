/* SPDX-License-Identifier: Apache-2.0 */
#include "centre/webauthn_cbor.h"

#include <string.h>

enum { DEPTH_MAX = 4, ITEMS_MAX = 64, COSE_ES256 = -7 };

/* The number after a head's first byte, in its shortest form. */
static bool
take_number(struct vt_reader *r, uint8_t info, uint64_t *ret)
{
    uint8_t a;
    uint16_t b;
    uint32_t c;
    bool ok = false;

    if (info < 24) {
        *ret = info;
        return true;
    }
    if (info == 24 && (ok = vt_reader_u8(r, &a) && a >= 24))
        *ret = a;
    else if (info == 25 && (ok = vt_reader_u16(r, &b) && b > UINT8_MAX))
        *ret = b;
    else if (info == 26 && (ok = vt_reader_u32(r, &c) && c > UINT16_MAX))
        *ret = c;
    else if (info == 27)
        ok = vt_reader_u64(r, ret) && *ret > UINT32_MAX;
    return ok;
}

static bool
take(struct vt_reader *r, struct vt_cbor *ret)
{
    struct vt_cbor c = {0};
    uint8_t first;

    if (!vt_reader_u8(r, &first) || !take_number(r, first & 0x1f, &c.value))
        return false;
    c.major = (enum vt_cbor_major)(first >> 5);
    switch (c.major) {
    case VT_CBOR_BYTES:
    case VT_CBOR_TEXT:
        if (c.value > r->left || !vt_reader_take(r, (size_t)c.value, &c.data))
            return false;
        break;
    case VT_CBOR_ARRAY:
    case VT_CBOR_MAP:
        if (c.value > ITEMS_MAX)
            return false;
        break;
    case VT_CBOR_SIMPLE:
        if (first != 0xf4 && first != 0xf5 && first != 0xf6)
            return false;
        break;
    case VT_CBOR_UINT:
    case VT_CBOR_NEGATIVE:
        break;
    default:
        return false;
    }
    *ret = c;
    return true;
}

bool
vt_cbor_take(struct vt_reader *r, struct vt_cbor *ret)
{
    struct vt_reader at = *r;

    if (!take(&at, ret))
        return false;
    *r = at;
    return true;
}

/* Without recursion: how many items are left on each level. */
bool
vt_cbor_skip(struct vt_reader *r)
{
    struct vt_reader at = *r;
    uint64_t left[DEPTH_MAX + 1] = {1};
    size_t depth = 0;
    struct vt_cbor c;

    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0) {
                *r = at;
                return true;
            }
            depth--;
        }
        left[depth]--;
        if (!take(&at, &c))
            return false;
        if (c.major != VT_CBOR_ARRAY && c.major != VT_CBOR_MAP)
            continue;
        if (depth == DEPTH_MAX)
            return false;
        left[++depth] = c.major == VT_CBOR_MAP ? c.value * 2 : c.value;
    }
}

static bool
is_text(const struct vt_cbor *c, const char *s)
{
    return c->major == VT_CBOR_TEXT && c->value == strlen(s) &&
           memcmp(c->data, s, strlen(s)) == 0;
}

static bool
take_int(struct vt_reader *r, int64_t *ret)
{
    struct vt_cbor c;

    if (!vt_cbor_take(r, &c) || c.value > INT32_MAX ||
        (c.major != VT_CBOR_UINT && c.major != VT_CBOR_NEGATIVE))
        return false;
    *ret = c.major == VT_CBOR_UINT ? (int64_t)c.value : -1 - (int64_t)c.value;
    return true;
}

static bool
take_coordinate(struct vt_reader *r, int64_t label, const uint8_t **ret)
{
    struct vt_cbor c;
    int64_t n;

    if (!take_int(r, &n) || n != label || !vt_cbor_take(r, &c) || c.major != VT_CBOR_BYTES ||
        c.value != 32)
        return false;
    *ret = c.data;
    return true;
}

/* A COSE key (RFC 9052) of ES256 in the one form that CTAP2 permits: {1: 2, 3: -7, -1: 1, -2:
 * x, -3: y}. */
static enum vt_err
take_key(struct vt_reader *r, struct vt_authdata *ret, struct vt_why *why)
{
    static const int64_t head[] = {1, 2, 3, COSE_ES256, -1, 1};
    struct vt_cbor map;
    int64_t n = 0;
    bool same = true;

    if (!vt_cbor_take(r, &map) || map.major != VT_CBOR_MAP)
        return vt_fail(why, VT_E_SYNTAX, "the passkey's public key is no COSE key");
    for (size_t i = 0; same && i < sizeof(head) / sizeof(head[0]); i++)
        same = take_int(r, &n) && n == head[i];
    if (!same || map.value != 5 || !take_coordinate(r, -2, &ret->x) ||
        !take_coordinate(r, -3, &ret->y))
        return vt_fail(why, VT_E_REFUSED, "the passkey's public key is not ES256 on P-256");
    return VT_OK;
}

static enum vt_err
take_credential(struct vt_reader *r, struct vt_authdata *ret, struct vt_why *why)
{
    const uint8_t *aaguid;
    uint16_t len;

    if (!vt_reader_take(r, 16, &aaguid) || !vt_reader_u16(r, &len) || len == 0 || len > 1023 ||
        !vt_reader_take(r, len, &ret->credential))
        return vt_fail(why, VT_E_SYNTAX, "the credential in the authenticator data is cut off");
    ret->credential_len = len;
    return take_key(r, ret, why);
}

enum vt_err
vt_authdata_read(const void *data, size_t len, struct vt_authdata *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_authdata a = {0};
    struct vt_cbor map;
    enum vt_err err = VT_OK;

    if (!vt_reader_take(&r, 32, &a.rp_hash) || !vt_reader_u8(&r, &a.flags) ||
        !vt_reader_u32(&r, &a.counter))
        return vt_fail(why, VT_E_SYNTAX, "the authenticator data is cut off");
    if ((a.flags & VT_AUTHDATA_AT) != 0)
        err = take_credential(&r, &a, why);
    if (err == VT_OK && (a.flags & VT_AUTHDATA_ED) != 0) {
        struct vt_reader extensions = r;

        if (!vt_cbor_take(&extensions, &map) || map.major != VT_CBOR_MAP || !vt_cbor_skip(&r))
            err = vt_fail(why, VT_E_SYNTAX, "the authenticator's extensions do not parse");
    }
    if (err == VT_OK && r.left > 0)
        err = vt_fail(why, VT_E_SYNTAX, "%zu bytes follow the authenticator data", r.left);
    if (err == VT_OK)
        *ret = a;
    return err;
}

/* The statement of "packed": {"alg": -7, "sig": bytes}, and no certificates. */
static bool
take_self(struct vt_reader *r, uint64_t pairs, struct vt_attestation *ret)
{
    struct vt_cbor key;
    struct vt_cbor sig;
    int64_t alg;

    if (pairs != 2 || !vt_cbor_take(r, &key) || !is_text(&key, "alg") || !take_int(r, &alg) ||
        alg != COSE_ES256 || !vt_cbor_take(r, &key) || !is_text(&key, "sig") ||
        !vt_cbor_take(r, &sig) || sig.major != VT_CBOR_BYTES || sig.value > 128)
        return false;
    ret->sig = sig.data;
    ret->sig_len = (size_t)sig.value;
    return true;
}

static enum vt_err
read_statement(struct vt_reader r, const struct vt_cbor *fmt, struct vt_attestation *ret,
    struct vt_why *why)
{
    struct vt_cbor map;

    if (!vt_cbor_take(&r, &map) || map.major != VT_CBOR_MAP)
        return vt_fail(why, VT_E_SYNTAX, "the attestation's statement is no map");
    ret->self = is_text(fmt, "packed");
    if (ret->self ? take_self(&r, map.value, ret) : is_text(fmt, "none") && map.value == 0)
        return VT_OK;
    return vt_fail(why, VT_E_REFUSED,
        "an attestation of this format is not taken: the site asks for none");
}

/* The object's three parts, in whichever order; each once. */
struct parts {
    struct vt_cbor fmt;
    struct vt_cbor authdata;
    struct vt_reader statement;
};

static bool
take_part(struct vt_reader *r, struct parts *p)
{
    struct vt_cbor key;
    bool ok = vt_cbor_take(r, &key);

    if (ok && is_text(&key, "fmt") && p->fmt.data == NULL)
        ok = vt_cbor_take(r, &p->fmt) && p->fmt.major == VT_CBOR_TEXT;
    else if (ok && is_text(&key, "authData") && p->authdata.data == NULL)
        ok = vt_cbor_take(r, &p->authdata) && p->authdata.major == VT_CBOR_BYTES;
    else if (ok && is_text(&key, "attStmt") && p->statement.p == NULL) {
        p->statement = *r;
        ok = vt_cbor_skip(r);
    } else {
        ok = false;
    }
    return ok;
}

enum vt_err
vt_attestation_read(
    const void *data, size_t len, struct vt_attestation *ret, struct vt_why *why)
{
    struct vt_reader r = VT_READER(data, len);
    struct vt_attestation a = {0};
    struct parts p = {0};
    struct vt_cbor map;
    bool ok = vt_cbor_take(&r, &map) && map.major == VT_CBOR_MAP && map.value == 3;
    enum vt_err err;

    for (int i = 0; ok && i < 3; i++)
        ok = take_part(&r, &p);
    if (!ok || r.left > 0)
        return vt_fail(why, VT_E_SYNTAX, "the attestation object does not parse");
    err = read_statement(p.statement, &p.fmt, &a, why);
    if (err != VT_OK)
        return err;
    a.authdata = p.authdata.data;
    a.authdata_len = (size_t)p.authdata.value;
    *ret = a;
    return VT_OK;
}
