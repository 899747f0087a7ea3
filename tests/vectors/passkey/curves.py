# SPDX-License-Identifier: Apache-2.0
"""Ed25519 (RFC 8032) and ECDSA over P-256 (FIPS 186-5, nonces as in RFC 6979), slow and plain.

For test vectors alone: nothing here is fit for keys that are secret. Independent of the C code
and of libcrypto on purpose; the same input always gives the same bytes.
"""

import hashlib
import hmac

# --- Points on a short Weierstrass curve, affine, None for the point at infinity. ---

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = P - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def p256_add(a, b):
    if a is None:
        return b
    if b is None:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] + A) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def p256_mul(k, point):
    out = None
    while k:
        if k & 1:
            out = p256_add(out, point)
        point = p256_add(point, point)
        k >>= 1
    return out


def p256_secret(seed):
    return int.from_bytes(hashlib.sha256(b"p256 " + seed).digest(), "big") % (N - 1) + 1


def p256_public(secret):
    """The point, compressed."""
    x, y = p256_mul(secret, G)
    return bytes([2 + (y & 1)]) + x.to_bytes(32, "big")


def p256_nonce(secret, digest):
    """RFC 6979 section 3.2 with SHA-256; both are of 256 bits, so nothing is shifted."""
    h = int.from_bytes(digest, "big") % N
    material = secret.to_bytes(32, "big") + h.to_bytes(32, "big")
    k, v = bytes(32), bytes([1]) * 32
    for tag in (0, 1):
        k = hmac.digest(k, v + bytes([tag]) + material, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < N:
            return nonce
        k = hmac.digest(k, v + b"\0", "sha256")
        v = hmac.digest(k, v, "sha256")


def p256_sign(secret, message, high=None):
    """(r, s); with high=True or False the s above, or not above, half the order."""
    digest = hashlib.sha256(message).digest()
    nonce = p256_nonce(secret, digest)
    r = p256_mul(nonce, G)[0] % N
    s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * secret) % N
    if high is not None and (s > N // 2) != high:
        s = N - s
    return r, s


def der_integer(v):
    body = v.to_bytes(max(1, (v.bit_length() + 8) // 8), "big")
    return bytes([2, len(body)]) + body


def der(r, s):
    body = der_integer(r) + der_integer(s)
    return bytes([0x30, len(body)]) + body


# --- Ed25519, in extended coordinates as RFC 8032 section 6 has them. ---

Q = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, Q) % Q
SQRT_M1 = pow(2, (Q - 1) // 4, Q)


def ed_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % Q
    b = (p[1] + p[0]) * (q[1] + q[0]) % Q
    c = 2 * p[3] * q[3] * D % Q
    d = 2 * p[2] * q[2] % Q
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % Q, g * h % Q, f * g % Q, e * h % Q


def ed_mul(k, p):
    out = (0, 1, 1, 0)
    while k:
        if k & 1:
            out = ed_add(out, p)
        p = ed_add(p, p)
        k >>= 1
    return out


def ed_base():
    y = 4 * pow(5, -1, Q) % Q
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, Q) % Q
    x = pow(x2, (Q + 3) // 8, Q)
    if (x * x - x2) % Q:
        x = x * SQRT_M1 % Q
    if x & 1:
        x = Q - x
    return x, y, 1, x * y % Q


def ed_compress(p):
    inverse = pow(p[2], -1, Q)
    x, y = p[0] * inverse % Q, p[1] * inverse % Q
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed_expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return a, h[32:]


def ed25519_public(seed):
    return ed_compress(ed_mul(ed_expand(seed)[0], ed_base()))


def ed25519_sign(seed, message):
    a, prefix = ed_expand(seed)
    public = ed_compress(ed_mul(a, ed_base()))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = ed_compress(ed_mul(r, ed_base()))
    h = int.from_bytes(hashlib.sha512(big_r + public + message).digest(), "little") % L
    return big_r + ((r + h * a) % L).to_bytes(32, "little")
