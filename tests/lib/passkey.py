# SPDX-License-Identifier: Apache-2.0
"""An authenticator for tests, as a browser and a security key together would be: passkeys of ES256,
user present and verified, without attestation. What it gives are the JSON forms of WebAuthn that
the Centre takes; every part can be spoilt on the way, which is what attacks need.

    key = Passkey("http://localhost:8700")
    credential = key.register(options["publicKey"])
    assertion = key.assert_(options["publicKey"])
    line = key.note_line("alice.example", text)      # signs a log entry (docs/formats/review.md)
"""

import base64
import hashlib
import json
import pathlib
import secrets
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vectors/passkey"))
import curves  # noqa: E402

TYPE = b"\xffvitrine/webauthn-es256/v1\0"
FLAGS = 0x01 | 0x04  # user present, user verified
ATTESTED = 0x40


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cbor(value):
    """As much of CBOR (RFC 8949) as an attestation object needs."""
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 256:
            return bytes([major << 5 | 24, n])
        return bytes([major << 5 | 25]) + n.to_bytes(2, "big")
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


class Passkey:
    def __init__(self, origin):
        self.origin = origin
        self.rp = urllib.parse.urlsplit(origin).hostname
        self.id = secrets.token_bytes(16)
        self.secret = curves.p256_secret(secrets.token_bytes(32))
        self.point = curves.p256_mul(self.secret, curves.G)
        self.counter = 0
        self.user = b""

    def sign(self, message):
        return curves.der(*curves.p256_sign(self.secret, message))

    def client_data(self, kind, challenge, origin=None, more=None):
        # In the order that WebAuthn's limited verification relies on.
        data = {"type": kind, "challenge": challenge, "origin": origin or self.origin,
                "crossOrigin": False, **(more or {})}
        return json.dumps(data, separators=(",", ":")).encode()

    def authenticator_data(self, flags=FLAGS, rp=None, counter=None, attested=b""):
        if counter is None:
            self.counter += 1
            counter = self.counter
        return (hashlib.sha256((rp or self.rp).encode()).digest() + bytes([flags])
                + counter.to_bytes(4, "big") + attested)

    def cose(self):
        x, y = (v.to_bytes(32, "big") for v in self.point)
        return cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def register(self, options, **spoilt):
        """navigator.credentials.create: a RegistrationResponseJSON."""
        self.user = unb64url(options["user"]["id"])
        attested = (bytes(16) + len(self.id).to_bytes(2, "big") + self.id + self.cose())
        data = self.authenticator_data(spoilt.get("flags", FLAGS | ATTESTED), spoilt.get("rp"),
                                       spoilt.get("counter"), attested)
        client = self.client_data(spoilt.get("kind", "webauthn.create"),
                                  spoilt.get("challenge", options["challenge"]),
                                  spoilt.get("origin"))
        return {"id": b64url(self.id), "rawId": b64url(self.id), "type": "public-key",
                "authenticatorAttachment": "platform", "clientExtensionResults": {},
                "response": {"clientDataJSON": b64url(client), "transports": ["internal"],
                             "attestationObject": b64url(cbor(
                                 {"fmt": "none", "attStmt": {}, "authData": data}))}}

    def parts(self, challenge, **spoilt):
        """Authenticator data, client data and the signature over both."""
        data = self.authenticator_data(spoilt.get("flags", FLAGS), spoilt.get("rp"),
                                       spoilt.get("counter"))
        client = self.client_data(spoilt.get("kind", "webauthn.get"), challenge,
                                  spoilt.get("origin"))
        return data, client, self.sign(data + hashlib.sha256(client).digest())

    def assert_(self, options, **spoilt):
        """navigator.credentials.get: an AuthenticationResponseJSON."""
        data, client, sig = self.parts(spoilt.pop("challenge", options["challenge"]), **spoilt)
        return {"id": b64url(self.id), "rawId": b64url(self.id), "type": "public-key",
                "authenticatorAttachment": "platform", "clientExtensionResults": {},
                "response": {"clientDataJSON": b64url(client), "authenticatorData": b64url(data),
                             "signature": b64url(sig), "userHandle": b64url(self.user)}}

    def key_bytes(self):
        return (TYPE + hashlib.sha256(self.rp.encode()).digest()
                + curves.p256_public(self.secret))

    def key_id(self, name):
        return hashlib.sha256(name.encode() + b"\n" + self.key_bytes()).digest()[:4]

    def vkey(self, name):
        key = base64.b64encode(self.key_bytes()).decode()
        return f"{name}+{self.key_id(name).hex()}+{key}"

    def note_line(self, name, text, **spoilt):
        """The signature line under an entry's text."""
        challenge = b64url(hashlib.sha256(text.encode()).digest())
        data, client, sig = self.parts(challenge, **spoilt)
        raw = (self.key_id(name) + len(data).to_bytes(2, "big") + data
               + len(client).to_bytes(2, "big") + client + sig)
        return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"
