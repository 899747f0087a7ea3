# SPDX-License-Identifier: Apache-2.0
"""The fixture for the Transparency Centre: the parties of party.py, reviewers with passkeys of our own
making (passkey.py) that the policy names, and HTTP requests as hostile as one likes.

    with Centre(vitrine, folder, cache) as c:
        source = c.add({"main.c": b"int main(void) { return 0; }\\n"})
        alice = c.join("alice")
        alice.get(f"/sources/{source}/file?path=main.c")
"""

import base64
import hashlib
import http.client
import itertools
import json
import pathlib
import struct
import time

from party import Parties, Refused  # noqa: F401
from passkey import Passkey, b64url  # noqa: F401

REVIEWERS = {"alice": "north", "bob": "south", "mallory": "south"}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Client:
    """Somebody who asks the site, perhaps with a session, from an address of their own: there are
    limits for each."""

    addresses = itertools.count(1)

    def __init__(self, centre, name=None, passkey=None):
        n = next(Client.addresses)
        self.address = f"127.0.{1 + n // 250}.{1 + n % 250}"
        self.centre, self.name, self.passkey, self.cookie = centre, name, passkey, None

    def ask(self, method, path, body=None, headers=None, raw=False):
        with_cookie = {"Cookie": f"vt-session={self.cookie}"} if self.cookie else {}
        to = http.client.HTTPConnection("127.0.0.1", self.centre.ports["zurich"], timeout=60,
                                        source_address=(self.address, 0))
        try:
            try:
                to.request(method, path if raw else f"/api/v1{path}", body,
                           {**with_cookie, **(headers or {})})
            except BrokenPipeError:
                pass  # a body that is too large is answered before it was sent
            got = to.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            to.close()

    def get(self, path, **how):
        return self.ask("GET", path, **how)

    def post(self, path, body, headers=None):
        answer = self.ask("POST", path, json.dumps(body).encode(),
                          {"Content-Type": "application/json", "Origin": self.centre.origin,
                           **(headers or {})})
        cookie = answer.headers.get("Set-Cookie", "")
        if cookie.startswith("vt-session="):
            self.cookie = cookie.split(";")[0].split("=", 1)[1] or None
        return answer

    def register(self, invitation, **spoilt):
        begun = self.post("/register/begin", {"invitation": invitation})
        if begun.status != 200:
            return begun
        o = begun.json
        return self.post("/register/finish", {
            "ticket": o["ticket"], "credential": self.passkey.register(o["publicKey"], **spoilt)})

    def begin_login(self):
        return self.post("/login/begin", {}).json

    def login(self, key=None, **spoilt):
        o = self.begin_login()
        return self.post("/login/finish", {
            "ticket": o["ticket"],
            "credential": (key or self.passkey).assert_(o["publicKey"], **spoilt)})


class Centre(Parties):
    reviewers = REVIEWERS

    def init(self):
        super_init = super().init
        self.keys = {}
        super_init()

    @property
    def origin(self):
        return f"http://localhost:{self.ports['zurich']}"

    def more_policy(self):
        self.keys = {name: Passkey(self.origin) for name in self.reviewers}
        signers = [f"signer {name} {key.vkey(name + '.example')}"
                   for name, key in self.keys.items()]
        groups = {}
        for name, group in self.reviewers.items():
            groups.setdefault(group, []).append(name)
        return [f"signer centre {self.vkey(self.site / 'keys/centre.vkey')}", *signers,
                *(f"group {g} any {' '.join(of)}" for g, of in groups.items())]

    # -- source -----------------------------------------------------------

    def add(self, files, *options):
        """A source snapshot of these files; its digest, once the Centre shows it."""
        folder = self.dir / f"source-{hashlib.sha256(repr(sorted(files)).encode()).hexdigest()[:8]}"
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        out, _ = self.run("source", "add", folder, "--site", self.site, "--key",
                          self.dir / "developer.key", *options)
        source = out["source"]
        self.until(f"{source} is indexed", lambda: self.indexed(source))
        return source

    def indexed(self, source):
        got = Client(self).get(f"/sources/{source}")
        return got.status == 200 and got.json["indexed"]

    @staticmethod
    def until(what, holds, seconds=60):
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.1)

    # -- reviewers --------------------------------------------------------

    def invite(self, name, *options):
        out, _ = self.run("centre", "invite", self.site, "--name", f"{name}.example",
                          "--organisation", self.reviewers.get(name, "north"), *options)
        return out["link"].split("#", 1)[1]

    def join(self, name, *options):
        """A reviewer with an account and a session."""
        who = Client(self, name, self.keys[name])
        done = who.register(self.invite(name, *options))
        if done.status != 201:
            raise AssertionError(f"{name} could not register: {done}")
        return who

    # -- what is signed (docs/formats/review.md) --------------------------

    def reading(self, source, name, files, made="2026-11-22T10:00:00Z"):
        lines = [f"file {blob} ok all {path}" for path, blob in sorted(files.items())]
        return "\n".join(["vitrine/review/reading/v1", f"source {source}",
                          f"reviewer {name}.example", f"made {made}", *lines]) + "\n"

    @staticmethod
    def entry_text(kind, source, document):
        digest = hashlib.sha256(document.encode()).hexdigest()
        return (f"vitrine/entry/v1\nkind {kind}\nsubject source {source}\n"
                f"statement sha256:{digest}\n")

    def submit(self, document, entry):
        body = struct.pack(">I", len(document.encode())) + document.encode() + entry.encode()
        return Client(self).ask("POST", "/review", body,
                                {"Content-Type": "application/octet-stream"}, raw=True)

    def sign(self, name, entry, source, document, key=None, text=None, **spoilt):
        text = text or self.entry_text(entry, source, document)
        line = (key or self.keys[name]).note_line(f"{name}.example", text, **spoilt)
        return self.submit(document, f"{text}\n{line}")


def leaf_hash(line):
    return hashlib.sha256(b"\0" + line.encode()).digest()


def root_of(leaf, index, size, proof):
    """The root that an inclusion proof of RFC 6962 leads to."""
    at, last = index, size - 1
    for sibling in (bytes.fromhex(p.removeprefix("sha256:")) for p in proof):
        if at & 1 or at == last:
            leaf = hashlib.sha256(b"\1" + sibling + leaf).digest()
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            leaf = hashlib.sha256(b"\1" + leaf + sibling).digest()
        at >>= 1
        last >>= 1
    return leaf


def blob(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


__all__ = ["Centre", "Client", "Answer", "Passkey", "blob", "leaf_hash", "root_of", "pathlib"]
