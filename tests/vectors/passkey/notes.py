# SPDX-License-Identifier: Apache-2.0
"""Signed notes, entries, logs and passports of test keys, written from the format pages."""

import base64
import hashlib

import curves

PASSKEY_TYPE = b"\xffvitrine/webauthn-es256/v1\x00"
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def b64(data):
    return base64.b64encode(data).decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sha(data):
    return hashlib.sha256(data).digest()


def named(data):
    return "sha256:" + sha(data).hex()


def key_id(name, key):
    return sha(name.encode() + b"\n" + key)[:4]


def vkey(name, key, id_of=None):
    return f"{name}+{(id_of or key_id(name, key)).hex()}+{b64(key)}"


class Ed:
    """An Ed25519 key whose seed is one byte, 32 times over."""

    def __init__(self, name, byte, kind=1):
        self.name, self.seed = name, bytes([byte]) * 32
        self.key = bytes([kind]) + curves.ed25519_public(self.seed)
        self.vkey = vkey(name, self.key)

    def line(self, data):
        return f"\u2014 {self.name} {b64(key_id(self.name, self.key) + data)}\n"

    def sign(self, text):
        return self.line(curves.ed25519_sign(self.seed, text))

    def cosign(self, text, time):
        message = f"cosignature/v1\ntime {time}\n".encode() + text
        return self.line(time.to_bytes(8, "big") + curves.ed25519_sign(self.seed, message))


class Passkey:
    """A passkey for the RP ID; what an assertion says can be bent in every part."""

    def __init__(self, name, seed, rp="centre.example"):
        self.name, self.rp = name, rp
        self.secret = curves.p256_secret(seed)
        self.key = PASSKEY_TYPE + sha(rp.encode()) + curves.p256_public(self.secret)
        self.vkey = vkey(name, self.key)

    def auth(self, flags=UP | UV, counter=7, rp=None, more=b""):
        return sha((rp or self.rp).encode()) + bytes([flags]) + counter.to_bytes(4, "big") + more

    def client(self, text, more=',"crossOrigin":false', challenge=None):
        challenge = challenge or b64url(sha(text))
        return (
            f'{{"type":"webauthn.get","challenge":"{challenge}",'
            f'"origin":"https://{self.rp}"{more}}}'
        ).encode()

    def bytes(self, text, auth=None, client=None, der=None, high=None, message=None):
        auth = self.auth() if auth is None else auth
        client = self.client(text) if client is None else client
        if der is None:
            message = auth + sha(client) if message is None else message
            der = curves.der(*curves.p256_sign(self.secret, message, high))
        return (
            len(auth).to_bytes(2, "big") + auth + len(client).to_bytes(2, "big") + client + der
        )

    def line(self, data):
        return f"\u2014 {self.name} {b64(key_id(self.name, self.key) + data)}\n"

    def sign(self, text):
        return self.line(self.bytes(text))


def entry_text(kind, subjects, statement):
    lines = sorted((role, digest) for role, digest in subjects)
    text = f"vitrine/entry/v1\nkind {kind}\n"
    text += "".join(f"subject {role} {digest}\n" for role, digest in lines)
    return text + f"statement {statement}\n"


def entry(key, kind, subjects, statement=b"a statement"):
    text = entry_text(kind, subjects, named(statement))
    return (text + "\n" + key.sign(text.encode())).encode()


# --- The tree of RFC 6962. ---


def leaf_hash(data):
    return sha(b"\0" + data)


def root(hashes):
    if len(hashes) <= 1:
        return hashes[0] if hashes else sha(b"")
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return sha(b"\1" + root(hashes[:k]) + root(hashes[k:]))


def path(i, hashes):
    if len(hashes) <= 1:
        return []
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    if i < k:
        return path(i, hashes[:k]) + [root(hashes[k:])]
    return path(i - k, hashes[k:]) + [root(hashes[:k])]


class Log:
    """Entries, and passports to the checkpoint over all of them."""

    def __init__(self, key, witnesses, time=1767225600):
        self.key, self.witnesses, self.time, self.entries = key, witnesses, time, []

    def add(self, data):
        self.entries.append(data)
        return len(self.entries) - 1

    def hashes(self):
        return [leaf_hash(e) for e in self.entries]

    def checkpoint(self):
        text = f"{self.key.name}\n{len(self.entries)}\n{b64(root(self.hashes()))}\n"
        lines = self.key.sign(text.encode())
        for n, witness in enumerate(self.witnesses):
            lines += witness.cosign(text.encode(), self.time + 5 * n)
        return text + "\n" + lines

    def passport(self, artifact, indexes=None):
        note = self.checkpoint()
        out = f"vitrine/passport/v1\nartifact {artifact}\ncheckpoint {named(note.encode())}\n\n"
        for i in range(len(self.entries)) if indexes is None else indexes:
            out += f"entry {i} {b64(self.entries[i])}\n"
            out += "".join(b64(h) + "\n" for h in path(i, self.hashes())) + "\n"
        return out + note
