#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the test vectors of passkeys in signed notes, and of passports with reviews.

    make.py [--check]     writes the files, or only compares them with what it would write

`assertions.json` has signed notes and what verifying them must give: `ok`, `unknown` (no line of
that key), or `refused`. `vkeys.json` has verifier keys that parse or not. `entries.json` has
entries and whether a key of that type may sign their kind. `../passport/reviews.json` has
policies and passports with the result of the whole check and a part of the message.
"""

import json
import os
import sys

import curves
import notes
from notes import BE, BS, ED, UP, UV, Ed, Log, Passkey, b64url, entry, named, sha, vkey

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = named(b"a source")
OTHER = named(b"another source")

ALICE = Passkey("alice.example", b"alice")
TEXT = notes.entry_text("review", [("source", SOURCE)], named(b"a document")).encode()


# --- Assertions. ---


def note(lines, text=TEXT):
    return text.decode() + "\n" + "".join(lines)


def good_assertions():
    wide = ',"topOrigin":"https://other.example","x":"' + "y" * 400 + '"'
    room = 1024 - len(ALICE.client(TEXT, more=',"x":""'))
    yield "as a browser makes it", ALICE.bytes(TEXT)
    yield "s below half the order", ALICE.bytes(TEXT, high=False)
    yield "s above half the order", ALICE.bytes(TEXT, high=True)
    yield "counter zero", ALICE.bytes(TEXT, auth=ALICE.auth(counter=0))
    yield "a synced passkey", ALICE.bytes(TEXT, auth=ALICE.auth(UP | UV | BE | BS))
    yield "extension data", ALICE.bytes(TEXT, auth=ALICE.auth(UP | UV | ED, more=b"\xa0"))
    yield "the longest authenticator data", ALICE.bytes(
        TEXT, auth=ALICE.auth(UP | UV | ED, more=b"\xa1" + bytes(474))
    )
    yield "no crossOrigin", ALICE.bytes(TEXT, client=ALICE.client(TEXT, more=""))
    yield "further members", ALICE.bytes(TEXT, client=ALICE.client(TEXT, more=wide))
    yield "the longest client data", ALICE.bytes(
        TEXT, client=ALICE.client(TEXT, more=',"x":"' + "z" * room + '"')
    )


def bad_client_data():
    challenge = b64url(sha(TEXT))
    plain = ALICE.client(TEXT)
    stray = challenge[:-1] + chr(ord(challenge[-1]) + 1)
    room = 1025 - len(ALICE.client(TEXT, more=',"x":""'))
    yield "a registration", plain.replace(b"webauthn.get", b"webauthn.create")
    yield "a payment", plain.replace(b"webauthn.get", b"payment.get")
    yield "of another text", ALICE.client(TEXT + b"x")
    yield "padded challenge", ALICE.client(TEXT, challenge=challenge + "=")
    yield "challenge with stray bits", ALICE.client(TEXT, challenge=stray)
    yield "challenge in hex", ALICE.client(TEXT, challenge=sha(TEXT).hex())
    yield "challenge too short", ALICE.client(TEXT, challenge=challenge[:-1])
    yield "empty challenge", ALICE.client(TEXT).replace(challenge.encode(), b"")
    yield "white space before the type", plain.replace(b"{", b"{ ", 1)
    yield "members in another order", (
        f'{{"challenge":"{challenge}","type":"webauthn.get","origin":"https://centre.example"}}'
    ).encode()
    yield "a member before the type", plain.replace(b"{", b'{"x":1,', 1)
    yield "no origin", f'{{"type":"webauthn.get","challenge":"{challenge}"}}'.encode()
    yield "another member than origin", plain.replace(b'"origin"', b'"Origin"')
    yield "nothing", b""
    yield "one byte too many", ALICE.client(TEXT, more=',"x":"' + "z" * room + '"')


def bad_auth_data():
    yield "of another site", ALICE.auth(rp="evil.example")
    yield "user not present", ALICE.auth(UV)
    yield "user not verified", ALICE.auth(UP)
    yield "no flags", ALICE.auth(0)
    yield "one byte too few", ALICE.auth()[:-1]
    yield "nothing", b""
    yield "one byte too many", ALICE.auth(UP | UV | ED, more=bytes(476))


def bad_der():
    auth, client = ALICE.auth(), ALICE.client(TEXT)
    r, s = curves.p256_sign(ALICE.secret, auth + sha(client), high=False)
    good = curves.der(r, s)
    i, j = curves.der_integer(r), curves.der_integer(s)

    def sequence(body):
        return bytes([0x30, len(body)]) + body

    def padded(v):
        return bytes([2, v[1] + 1, 0]) + v[2:]

    def raw(v):
        body = v.to_bytes(32, "big")
        return bytes([2, len(body)]) + body

    high = curves.N - s
    yield "nothing", b""
    yield "r and s as 64 bytes", r.to_bytes(32, "big") + s.to_bytes(32, "big")
    yield "a byte after it", good + b"\0"
    yield "a byte after it, inside", sequence(i + j + b"\0")
    yield "cut short", good[:-1]
    yield "the length in two bytes", bytes([0x30, 0x81, len(i + j)]) + i + j
    yield "no definite length", b"\x30\x80" + i + j + b"\0\0"
    yield "r padded", sequence(padded(i) + j)
    yield "s padded", sequence(i + padded(j))
    yield "a negative s", sequence(i + raw(high))
    yield "r is zero", sequence(b"\2\1\0" + j)
    yield "s is zero", sequence(i + b"\2\1\0")
    yield "an empty integer", sequence(i + b"\2\0")
    yield "s and the order", sequence(i + curves.der_integer(s + curves.N))
    yield "r and the order", sequence(curves.der_integer(r + curves.N) + j)
    yield "s is the order", sequence(i + curves.der_integer(curves.N))
    yield "a third integer", sequence(i + j + b"\2\1\1")
    yield "a set", b"\x31" + good[1:]
    yield "r and s exchanged", sequence(j + i)
    yield "all ones", sequence(b"\2\1\1\2\1\1")


def bad_bytes():
    good = ALICE.bytes(TEXT)
    other = Passkey("alice.example", b"somebody else")
    yield "cut short in authenticator data", good[:20]
    yield "cut short in client data", good[:60]
    yield "no signature at all", good[:2]
    yield "another passkey", other.bytes(TEXT)
    yield "signed without the client data's hash", ALICE.bytes(TEXT, message=ALICE.auth())
    yield "signed with the client data itself", ALICE.bytes(
        TEXT, message=ALICE.auth() + ALICE.client(TEXT)
    )
    counted = bytearray(good)
    counted[2 + 36] ^= 1
    yield "a counter changed afterwards", bytes(counted)
    at = good.index(b"centre.example")
    yield "an origin changed afterwards", good[:at] + b"cantre" + good[at + 6 :]
    yield "an Ed25519 signature", curves.ed25519_sign(bytes([9]) * 32, TEXT)


def assertions():
    cases = [(n, "ok", note([ALICE.line(b)])) for n, b in good_assertions()]
    for n, client in bad_client_data():
        data = ALICE.bytes(TEXT, client=client)
        cases.append((f"client data: {n}", "refused", note([ALICE.line(data)])))
    for n, auth in bad_auth_data():
        data = ALICE.bytes(TEXT, auth=auth)
        cases.append((f"authenticator data: {n}", "refused", note([ALICE.line(data)])))
    for n, der in bad_der():
        data = ALICE.bytes(TEXT, der=der)
        cases.append((f"DER: {n}", "refused", note([ALICE.line(data)])))
    cases += [(n, "refused", note([ALICE.line(b)])) for n, b in bad_bytes()]
    good, bob = ALICE.sign(TEXT), Passkey("bob.example", b"bob").sign(TEXT)
    cases += [
        ("another line of another key", "ok", note([good, bob])),
        ("a line of another key alone", "unknown", note([bob])),
        ("two good lines", "ok", note([good, ALICE.line(ALICE.bytes(TEXT, high=True))])),
        ("a good line and a bad one", "refused", note([good, ALICE.line(b"\0")])),
        ("the text changed", "refused", note([good], TEXT.replace(b"review", b"objection"))),
    ]
    return {
        "vkey": ALICE.vkey,
        "cases": [{"name": n, "result": r, "note": t} for n, r, t in cases],
    }


# --- Keys and kinds. ---


def is_square(v):
    return pow(v, (curves.P - 1) // 2, curves.P) == 1


def vkeys():
    key, name = ALICE.key, ALICE.name
    head = notes.PASSKEY_TYPE
    x = next(x for x in range(1, 99) if not is_square(x**3 + curves.A * x + curves.B))
    off = head + key[len(head) : -33] + b"\2" + x.to_bytes(32, "big")
    both = Passkey("carol.example", b"carol")
    cases = [
        ("a passkey", True, ALICE.vkey),
        ("another, of an odd y or an even one", True, both.vkey),
        ("of another site", True, Passkey("alice.example", b"alice", "other.example").vkey),
        ("the key id of another", False, vkey(name, key, bytes(4))),
        ("a name changed", False, ALICE.vkey.replace("alice", "alixe")),
        ("a point that is not on the curve", False, vkey(name, off)),
        ("x beyond the field", False, vkey(name, key[:-32] + b"\xff" * 32)),
        ("an uncompressed point's first byte", False, vkey(name, key[:-33] + b"\4" + key[-32:])),
        ("a hybrid point's first byte", False, vkey(name, key[:-33] + b"\6" + key[-32:])),
        ("the point at infinity", False, vkey(name, key[:-33] + bytes(33))),
        ("one byte too few", False, vkey(name, key[:-1])),
        ("one byte too many", False, vkey(name, key + b"\0")),
        ("another identifier", False, vkey(name, key.replace(b"/v1", b"/v2"))),
        ("no zero byte", False, vkey(name, key.replace(b"/v1\0", b"/v1\1"))),
        ("the type byte alone", False, vkey(name, b"\xff\0\0")),
        ("an Ed25519 key of that type", False, vkey(name, b"\xff" + bytes(32))),
    ]
    return {"cases": [{"name": n, "good": g, "vkey": v} for n, g, v in cases]}


KINDS = {
    "source": ["source"],
    "environment": ["environment"],
    "assembly": ["artifact", "environment", "recipe", "source"],
    "rebuild": ["artifact", "environment", "recipe", "source"],
    "mismatch": ["artifact", "environment", "rebuilt", "recipe", "source"],
    "release": ["artifact", "metadata"],
    "request": ["policy"],
    "approval": ["request"],
    "reading": ["source"],
    "review": ["source"],
    "objection": ["source"],
    "visits": ["visits"],
}


def entries():
    may = ("reading", "review", "objection")
    ed = Ed("carol.example", 9)
    cases = []
    for key in (ALICE, ed):
        for kind, roles in KINDS.items():
            data = entry(key, kind, [(role, named(role.encode())) for role in roles])
            ok = key is ed or kind in may
            cases.append(
                {
                    "name": f"{kind} by {'a passkey' if key is ALICE else 'an Ed25519 key'}",
                    "result": "ok" if ok else "refused",
                    "vkey": key.vkey,
                    "entry": data.decode(),
                }
            )
    return {"cases": cases}


# --- Passports. ---

ARTIFACT = named(b"the artifact\n")
ENVIRONMENT, RECIPE = named(b"an environment"), named(b"a recipe")
LOG = Ed("zurich.example/log", 1)
WITNESSES = [Ed("witness-1.example", 2, 4), Ed("witness-2.example", 3, 4)]
DEVELOPER = Ed("developer.zurich.example", 4)
ASSEMBLER = Ed("zurich.example/assembler", 5)
RELEASE = Ed("zurich.example/release", 6)
ALPHA = Ed("alpha.example/rebuilder", 7)
BOB = Passkey("bob.example", b"bob")
CAROL = Ed("carol.example", 9)
MALLORY = Passkey("mallory.example", b"mallory")

PARTIES = f"""log {LOG.vkey}
witness witness-1 {WITNESSES[0].vkey}
witness witness-2 {WITNESSES[1].vkey}
group witnesses all witness-1 witness-2
quorum witnesses
signer developer {DEVELOPER.vkey}
signer assembler {ASSEMBLER.vkey}
signer release {RELEASE.vkey}
signer alpha {ALPHA.vkey}
signer alice {ALICE.vkey}
signer bob {BOB.vkey}
signer carol {CAROL.vkey}
"""
GROUPS = """group north any alice
group south any bob carol
group reviewers all north south
"""
REQUIRED = """require source developer
require environment assembler
require assembly assembler
require rebuild alpha
require release release
"""
DEMANDS = PARTIES + GROUPS + REQUIRED + "require review reviewers\n"
INPUTS = [("artifact", ARTIFACT), ("environment", ENVIRONMENT), ("recipe", RECIPE), ("source", SOURCE)]


def chain(*reviews):
    """A log in which everything but reviews is in order, with these entries before the last."""
    log = Log(LOG, WITNESSES)
    log.add(entry(DEVELOPER, "source", [("source", SOURCE)]))
    log.add(entry(ASSEMBLER, "environment", [("environment", ENVIRONMENT)]))
    log.add(entry(ASSEMBLER, "assembly", INPUTS))
    log.add(entry(ALPHA, "rebuild", INPUTS))
    for e in reviews:
        log.add(e)
    log.add(entry(RELEASE, "release", [("artifact", ARTIFACT), ("metadata", named(b"metadata"))]))
    return log


def says(key, kind, source=SOURCE, statement=b"a document"):
    return entry(key, kind, [("source", source)], statement)


def bent(key, kind, **parts):
    """An entry with an assertion that is bent."""
    text = notes.entry_text(kind, [("source", SOURCE)], named(b"a document")).encode()
    return (text.decode() + "\n" + key.line(key.bytes(text, **parts))).encode()


def passports():
    alice, bob = says(ALICE, "review"), says(BOB, "review")
    no = says(ALICE, "objection")
    again = says(ALICE, "review", statement=b"a later document")
    none = PARTIES + GROUPS + REQUIRED + "require review none\n"
    silent = PARTIES + GROUPS + REQUIRED
    bad = (PARTIES + GROUPS + REQUIRED).replace("require source developer", "require source {}")
    cases = [
        ("two organisations with passkeys", "ok", "", DEMANDS, chain(alice, bob)),
        ("one of them with an Ed25519 key", "ok", "", DEMANDS, chain(alice, says(CAROL, "review"))),
        ("a silent policy, no reviews", "ok", "", silent, chain()),
        ("a silent policy, an objection", "ok", "", silent, chain(no)),
        ("a policy that demands none, an objection", "ok", "", none, chain(no)),
        ("an objection, then a review", "ok", "", DEMANDS, chain(no, bob, alice)),
        ("an objection by a stranger", "ok", "", DEMANDS, chain(alice, bob, says(MALLORY, "objection"))),
        ("an objection to another source", "ok", "", DEMANDS,
            chain(alice, bob, says(CAROL, "objection", OTHER))),
        ("readings beside", "ok", "", DEMANDS, chain(says(ALICE, "reading"), alice, bob)),
        ("review, objection, review", "ok", "", DEMANDS, chain(alice, no, bob, again)),
        ("no reviews", "quorum", "review", DEMANDS, chain()),
        ("one organisation is missing", "quorum", "bob", DEMANDS, chain(alice)),
        ("two of one organisation", "quorum", "alice", DEMANDS, chain(bob, says(CAROL, "review"))),
        ("a review of another source", "quorum", "review", DEMANDS, chain(alice, says(BOB, "review", OTHER))),
        ("a reading is no review", "quorum", "review", DEMANDS, chain(alice, says(BOB, "reading"))),
        ("an objection after all reviews", "refused", "alice", DEMANDS, chain(alice, bob, no)),
        ("an objection by a third", "refused", "carol", DEMANDS, chain(alice, bob, says(CAROL, "objection"))),
        ("an objection by a signer who is no reviewer", "refused", "developer", DEMANDS,
            chain(alice, bob, says(DEVELOPER, "objection"))),
        ("a review without user verification", "signature", "verify", DEMANDS,
            chain(alice, bent(BOB, "review", auth=BOB.auth(UP)))),
        ("a review for another site", "signature", "verify", DEMANDS,
            chain(alice, bent(BOB, "review", auth=BOB.auth(rp="evil.example")))),
        ("a review signed with another's passkey", "signature", "verify", DEMANDS,
            chain(alice, bent(BOB, "review", der=curves.der(*curves.p256_sign(MALLORY.secret, b"x"))))),
        ("a rebuild by a passkey", "signature", "passkey", DEMANDS,
            chain(alice, bob, entry(ALICE, "rebuild", INPUTS))),
        ("sources demanded of a passkey", "config", "passkey", bad.format("alice"), chain()),
        ("sources demanded of a group with a passkey", "config", "alice", bad.format("reviewers"), chain()),
        ("two signers with one passkey", "config", "same public key", PARTIES
            + f"signer dora {vkey('dora.example', ALICE.key)}\n" + GROUPS + REQUIRED, chain()),
        ("a passkey as a log", "config", "passkey",
            PARTIES + f"log {MALLORY.vkey}\n" + GROUPS + REQUIRED, chain()),
        ("a passkey as a witness", "config", "passkey",
            f"witness w {MALLORY.vkey}\n" + PARTIES + GROUPS + REQUIRED, chain()),
    ]
    return {
        "artifact": ARTIFACT,
        "cases": [
            {"name": n, "result": r, "says": s, "policy": p, "passport": log.passport(ARTIFACT)}
            for n, r, s, p, log in cases
        ],
    }


FILES = {
    "assertions.json": assertions,
    "vkeys.json": vkeys,
    "entries.json": entries,
    "../passport/reviews.json": passports,
}


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for name, make in FILES.items():
        path = os.path.join(HERE, name)
        text = json.dumps(make(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if check:
            with open(path, encoding="utf-8") as f:
                if f.read() != text:
                    stale.append(name)
        else:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    if stale:
        sys.exit(f"not as make.py writes them: {', '.join(stale)}")


if __name__ == "__main__":
    main()
