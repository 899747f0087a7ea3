# SPDX-License-Identifier: Apache-2.0
"""Logs and a witness for tests: an operator who has the log's key and does with it what he likes, in
plain Python that shares nothing with the program.

    log = Log("log.example", seed=1)
    body = log.request(old=0, size=5)
    with Witness(vitrine, folder) as w:
        w.follow(log)
        answer = w.ask(body)
"""

import base64
import functools
import hashlib
import http.client
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "vectors/passkey"))
import curves  # noqa: E402

EMPTY = hashlib.sha256(b"").digest()


def b64(data):
    return base64.b64encode(data).decode()


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def vkey(name, kind, public):
    return f"{name}+{key_id(name, kind, public).hex()}+{b64(bytes([kind]) + public)}"


def sig_line(name, kid, signature):
    return f"\N{EM DASH} {name} {b64(kid + signature)}\n"


def decompress(point):
    """A compressed point as extended coordinates, or None (RFC 8032, section 5.1.3)."""
    p = 2**255 - 19
    y = int.from_bytes(point, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    d = -121665 * pow(121666, p - 2, p) % p
    x2 = (y * y - 1) * pow(d * y * y + 1, p - 2, p) % p
    x = pow(x2, (p + 3) // 8, p)
    if (x * x - x2) % p:
        x = x * pow(2, (p - 1) // 4, p) % p
    if (x * x - x2) % p:
        return None
    if x & 1 != sign:
        x = p - x
    return (x, y, 1, x * y % p)


def ed25519_verify(public, message, signature):
    a = decompress(public)
    if a is None or len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little")
    p = 2**255 - 19
    minus_a = (p - a[0], a[1], 1, p - a[3])
    order = 2**252 + 27742317777372353535851937790883648493
    r = curves.ed_add(curves.ed_mul(s, curves.ed_base()), curves.ed_mul(k % order, minus_a))
    return curves.ed_compress(r) == signature[:32]


class Tree:
    """Leaves by their number; from `twist` on they are other ones."""

    def __init__(self, name="tree", twist=1 << 62):
        self.name, self.twist = name, twist
        self.node = functools.lru_cache(maxsize=None)(self._node)

    def leaf(self, i):
        return f"{self.name} {i}{chr(39) if i >= self.twist else ''}".encode()

    def _node(self, start, end):
        if end - start == 0:
            return EMPTY
        if end - start == 1:
            return hashlib.sha256(b"\0" + self.leaf(start)).digest()
        k = 1 << (end - start - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + self.node(start, start + k) + self.node(start + k, end)).digest()

    def root(self, size):
        return self.node(0, size)

    def consistency(self, old, size):
        """RFC 6962, section 2.1.2."""
        def subproof(m, start, end, whole):
            if m == end - start:
                return [] if whole else [self.node(start, end)]
            k = 1 << (end - start - 1).bit_length() - 1
            if m <= k:
                return subproof(m, start, start + k, whole) + [self.node(start + k, end)]
            return subproof(m - k, start + k, end, False) + [self.node(start, start + k)]
        return subproof(old, 0, size, True) if 0 < old < size else []


class Log:
    """A log's operator."""

    def __init__(self, origin, seed=1, tree=None):
        self.origin, self.tree = origin, tree or Tree(origin)
        self.seed = hashlib.sha256(f"{origin} {seed}".encode()).digest()
        self.public = curves.ed25519_public(self.seed)
        self.vkey = vkey(origin, 1, self.public)

    def sign(self, text):
        return sig_line(self.origin, key_id(self.origin, 1, self.public),
                        curves.ed25519_sign(self.seed, text.encode()))

    def text(self, size, tree=None, origin=None, root=None):
        return f"{origin or self.origin}\n{size}\n{b64(root or (tree or self.tree).root(size))}\n"

    def checkpoint(self, size, tree=None):
        text = self.text(size, tree)
        return text + "\n" + self.sign(text)

    def request(self, old, size, tree=None, proof=None):
        """What the operator sends; the tree may be another than the honest one."""
        if proof is None:
            proof = (tree or self.tree).consistency(old, size)
        lines = "".join(b64(h) + "\n" for h in proof)
        return (f"old {old}\n{lines}\n" + self.checkpoint(size, tree)).encode()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def type(self):
        return self.headers.get("Content-Type", "")

    def __repr__(self):
        return f"{self.status} {self.type} {self.body[:200]!r}"


def cosigned(note, lines, key):
    """The times of the cosignatures by a vkey (type 04) among signature lines on a checkpoint: None
    when there is none, or one is false."""
    name, kid, rest = key.split("+", 2)
    public = base64.b64decode(rest)[1:]
    text = note.partition("\n\n")[0] + "\n"
    times = []
    for who, blob in re.findall("^\N{EM DASH} (\\S+) (\\S+)$", lines, re.M):
        raw = base64.b64decode(blob)
        if who != name or raw[:4].hex() != kid:
            continue
        at = struct.unpack(">Q", raw[4:12])[0]
        if not ed25519_verify(public, f"cosignature/v1\ntime {at}\n{text}".encode(), raw[12:]):
            return None
        times.append(at)
    return times or None


class Witness:
    """The real program with a home below a folder."""

    def __init__(self, vitrine, folder, name="witness.example", **how):
        self.vitrine, self.home, self.name = vitrine, pathlib.Path(folder) / name, name
        self.how, self.process, self.starts = how, None, 0
        self.err = self.home.with_suffix(".err")
        done = subprocess.run([vitrine, "witness", "init", str(self.home), "--name", name],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        self.vkey = (self.home / "keys/witness.vkey").read_text().strip()

    def follow(self, *logs):
        """HOME/logs; a running witness is told."""
        new = self.home / "logs.new"
        new.write_text("# what this witness follows\n" + "".join(log.vkey + "\n" for log in logs))
        new.rename(self.home / "logs")
        if self.process:
            before = self.metric("vitrine_witness_reloads_total")
            self.process.send_signal(signal.SIGHUP)
            for _ in range(300):
                if self.metric("vitrine_witness_reloads_total") > before:
                    return
                time.sleep(0.02)
            raise RuntimeError("the list was not read again")

    def start(self, *extra):
        url = self.home / "run/url"
        url.unlink(missing_ok=True)
        args = [a for k, v in self.how.items() for a in (f"--{k}", str(v))]
        with self.err.open("ab") as err:
            self.process = subprocess.Popen(
                [self.vitrine, "witness", "run", str(self.home), "--listen", "127.0.0.1:0", *args,
                 *extra], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
                env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1"})
        for _ in range(1500):
            if url.exists() and url.read_text().endswith("\n"):
                self.port = int(url.read_text().strip().rpartition(":")[2])
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the witness does not start: {self.err.read_text()[-2000:]}")

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(60)
        self.process = None
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def connect(self, timeout=60, source="127.0.0.1"):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout,
                                          source_address=(source, 0))

    def ask(self, body, method="POST", path="/add-checkpoint", to=None, source="127.0.0.1"):
        own = to or self.connect(source=source)
        try:
            try:
                own.request(method, path, body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # a body that is too large is answered before it was sent
            got = own.getresponse()
            return Answer(got.status, got.headers, got.read())
        finally:
            if to is None:
                own.close()

    def get(self, path, **how):
        return self.ask(None, "GET", path, **how)

    def metric(self, line):
        text = self.get("/metrics").body.decode()
        found = re.search("^" + re.escape(line) + " ([0-9.]+)$", text, re.M)
        return float(found.group(1)) if found else None

    def raw(self, timeout=60):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def run(self, *args):
        return subprocess.run([self.vitrine, *map(str, args)], capture_output=True, text=True,
                              timeout=60, check=False)
