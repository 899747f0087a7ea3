# SPDX-License-Identifier: Apache-2.0
"""The fixture for a log of its own: a log, three witnesses, and clients, each with a home of its own below
one folder, on loopback. What its parties sign can be made by hand too, by keys that were stolen: notes,
checkpoints and cosignatures, with an Ed25519 of the tests' own.

    with Logs(vitrine, folder) as s:
        index = s.add(b"an entry")
        s.until("it is published", lambda: s.size() == index + 1)
        forged = checkpoint(s.origin, 9, root, [s.key("log")])
"""

import base64
import hashlib
import http.client
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vectors/passkey"))
import curves  # noqa: E402
from party import Parties, Refused, children, comm, free_port  # noqa: E402,F401


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


def ask(port, method, path, body=None, headers=None, address="127.0.0.1", timeout=60):
    to = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout, source_address=(address, 0))
    try:
        try:
            to.request(method, path, body, headers or {})
        except BrokenPipeError:
            pass  # a body that is too large is answered before it was sent
        got = to.getresponse()
        return Answer(got.status, got.headers, got.read())
    finally:
        to.close()


# --- Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature). ---

class Key:
    """A private key file, as a thief has it."""

    def __init__(self, path):
        name, *pem = path.read_text().splitlines()
        self.name = name.removeprefix("name: ")
        der = base64.b64decode("".join(line for line in pem if "-----" not in line))
        self.seed = der[-32:]
        self.public = curves.ed25519_public(self.seed)

    def line(self, kind, signature):
        """A signature line of a key of that type: 1, Ed25519; 4, a cosignature."""
        key_id = hashlib.sha256(self.name.encode() + b"\n" + bytes([kind]) + self.public).digest()[:4]
        return f"\u2014 {self.name} {base64.b64encode(key_id + signature).decode()}\n"

    def sign(self, text):
        return self.line(1, curves.ed25519_sign(self.seed, text.encode()))

    def cosign(self, text, when):
        signed = curves.ed25519_sign(self.seed, f"cosignature/v1\ntime {when}\n{text}".encode())
        return self.line(4, when.to_bytes(8, "big") + signed)


def checkpoint_text(origin, size, root):
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def split_note(note):
    """(text, signature lines)"""
    text, lines = note.rsplit("\n\n", 1)
    return text + "\n", [line + "\n" for line in lines.splitlines()]


def read_checkpoint(note):
    """(origin, size, root)"""
    origin, size, root = split_note(note)[0].splitlines()[:3]
    return origin, int(size), base64.b64decode(root)


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def tree(leaves):
    """RFC 6962's root of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


class Logs(Parties):
    origin = "log.example/attacked"

    def __init__(self, vitrine, folder, quorum=2):
        super().__init__(vitrine, folder, folder, quorum)
        self.home = self.dir / "log"
        self.more = {}  # options of services, by name

    def __enter__(self):
        try:
            self.init()
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def init(self):
        self.run("log", "init", self.home, "--name", self.origin)
        for name in self.witnesses:
            self.run("witness", "init", self.dir / name, "--name", f"{name}.example")
        self.ports = {name: free_port() for name in ("log", *self.witnesses)}
        self.write_policy()

    def key(self, name):
        kind = "log" if name == "log" else "witness"
        return Key(self.dir / name / f"keys/{kind}.key")

    def policy_text(self, quorum="quorum witnesses", **urls):
        """What clients go by, and with the URLs of others what another log goes by."""
        where = {n: self.url(n) for n in ("log", *self.witnesses)} | urls
        lines = [f"log {self.vkey(self.home / 'keys/log.vkey')} {where['log']}"]
        for name in self.witnesses:
            key = self.vkey(self.dir / name / "keys/witness.vkey")
            lines.append(f"witness {name} {key} {where[name]}")
        lines += [f"group witnesses {self.quorum} {' '.join(self.witnesses)}", quorum]
        return "\n".join(lines) + "\n"

    def write_policy(self):
        self.policy.write_text(self.policy_text())
        shutil.copy(self.policy, self.home / "policy")

    def start(self):
        for name in self.witnesses:
            self.start_witness(name)
        self.start_log()

    def start_log(self, name="log"):
        self.start_one(name, "log", "run", *self.more.get(name, ()))

    def start_witness(self, name):
        log = self.vkey(self.home / "keys/log.vkey")
        self.start_one(name, "witness", "run", "--log", log, *self.more.get(name, ()))

    def stop_one(self, name):
        service = self.services.pop(name)
        service.terminate()
        service.wait(30)

    def said(self, name):
        return (self.dir / f"{name}.log").read_text()

    def twin(self, name):
        """A second home with the log's key and all that the log has now. The log must not run."""
        shutil.copytree(self.home, self.dir / name)
        shutil.rmtree(self.dir / name / "run", ignore_errors=True)
        (self.dir / name / "run").mkdir(mode=0o700)
        self.ports.setdefault(name, free_port())

    def fails_to_start(self, name="log"):
        """Runs a log that is to refuse; (exit code, what it said)."""
        done = subprocess.run(
            self.command("log", "run", self.dir / name, "--listen", f"127.0.0.1:{self.ports[name]}"),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stderr

    # -- a client ---------------------------------------------------------

    def get(self, path, name="log", **how):
        return ask(self.ports[name], "GET", path, **how)

    def post(self, path, body, name="log", **how):
        return ask(self.ports[name], "POST", path, body, **how)

    def add(self, entry, name="log", wait=0, **how):
        headers = {"Prefer": f"wait={wait}"} if wait else {}
        got = self.post("/add", entry, name, headers=headers, **how)
        if got.status not in (200, 202):
            raise Refused(f"POST /add: {got}")
        return int(got.body)

    def published(self, name="log"):
        return (self.dir / name / "public/checkpoint").read_text()

    def size(self, name="log"):
        return read_checkpoint(self.published(name))[1] if (
            self.dir / name / "public/checkpoint").exists() else 0

    def submit(self, witness, old, note, proof=(), **how):
        """POST add-checkpoint by hand."""
        lines = "".join(base64.b64encode(h).decode() + "\n" for h in proof)
        return self.post("/add-checkpoint", f"old {old}\n{lines}\n{note}".encode(), witness, **how)

    def evidence(self, witness):
        """The notes that a witness has kept, by name."""
        folder = self.dir / witness / "records/evidence"
        return {p.name: p.read_text() for p in sorted(folder.iterdir())}

    def metric(self, name, which, *labels):
        """The sum of a metric's lines that have these labels."""
        total = 0.0
        for line in self.get("/metrics", name).body.decode().splitlines():
            if line.startswith((which + "{", which + " ")) and all(x in line for x in labels):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def until(self, what, done, seconds=60):
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise Refused(f"{what}: not within {seconds} s")
            time.sleep(0.05)

    def code(self, *args):
        """A command's exit code, and what it said."""
        done = subprocess.run(self.command(*args), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr
