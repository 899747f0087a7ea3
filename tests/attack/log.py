#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on a log and its witnesses: an operator who shows two trees (threat 6), who rewrites, drops or rolls
back (7), or thaws a frozen log; thieves of a witness's key and of the log's (8); and from the network whatever can
be sent to the log's and the witnesses' listeners (17). Who must refuse does, what must remain as evidence
remains, and others are served meanwhile.

usage: log.py VITRINE FOLDER CACHE
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from log_party import (Logs, checkpoint_text, children, comm, free_port, leaf,  # noqa: E402
                       read_checkpoint, split_note, tree)

SOON = 3  # seconds that are waited for what must not happen


class Checks:
    passed = failed = 0

    def __call__(self, what, ok, detail=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}: {str(detail)[-1500:]}", flush=True)


def client_takes(s, note, policy=None):
    """Whether a client's policy accepts a checkpoint; what was said, and the result."""
    folder = s.dir / "shown"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(s.home / "public", folder)
    (folder / "checkpoint").write_text(note)
    code, said = s.code("log", "checkpoint", "--from", folder, "--policy", policy or s.policy, "--json")
    return code == 0, said


def contradict(a, b, key):
    """Two notes that the log's key signed and that cannot both be of one history."""
    texts = [split_note(n)[0] for n in (a, b)]
    signed = all(key.sign(t) in split_note(n)[1] for t, n in zip(texts, (a, b)))
    (_, size_a, root_a), (_, size_b, root_b) = read_checkpoint(a), read_checkpoint(b)
    return signed and size_a == size_b and root_a != root_b


# --- Threat 6 ------------------------------------------------------------------------------------

def two_trees(s, c):
    """The operator runs the log twice, with one key; witness 1 sees the other tree first."""
    entries = [b"entry %d\n" % i for i in range(5)]
    for e in entries:
        s.add(e, wait=30)
    s.run("log", "mirror", s.url("log"), s.dir / "mirror", "--policy", s.policy)
    s.stop_one("log")
    s.twin("other")
    (s.dir / "other/policy").write_text(s.policy_text(log=s.url("other")))
    s.stop_one("witness-1")
    s.start_log()
    got = s.add(b"for everybody\n", wait=30)
    c("two of three witnesses make the quorum", got == 5 and s.size() == 6, (got, s.size()))
    s.start_witness("witness-1")
    s.start_log("other")
    got = s.post("/add", b"for one customer\n", "other", headers={"Prefer": f"wait={SOON}"})
    c("the other tree finds no quorum", got.status == 202 and got.body == b"5\n", got)
    got = s.get("/proof/5", "other")
    c("so nobody gets a proof from it", got.status == 404, got)
    c("and it publishes nothing", s.size("other") == 5, s.published("other"))
    key = s.key("log")
    for name in ("witness-2", "witness-3"):
        s.until(f"{name} keeps evidence", lambda n=name: len(s.evidence(n)) == 2)
        kept = list(s.evidence(name).values())
        c(f"what {name} kept is proof of two trees", contradict(*kept, key), kept)
        c(f"{name} says so", "SPLIT VIEW: the log log.example/attacked" in s.said(name), s.said(name))
        c(f"{name} counts it", s.metric(name, "vitrine_witness_splits_total") >= 1)
    ours, theirs = s.published(), (s.dir / "other/log/signed").read_text()
    c("the log's two checkpoints are of one size", contradict(ours, theirs, key), (ours, theirs))
    s.until("witness 1 has cosigned the other tree", lambda: s.get(
        f"/monitor/{monitor(s)}/checkpoint", "witness-1").body.decode().startswith(split_note(theirs)[0]))
    one = s.get(f"/monitor/{monitor(s)}/checkpoint", "witness-1").body.decode()
    ok, said = client_takes(s, one)
    c("one witness makes no client believe the other tree", not ok and "quorum" in said, said)
    lines = [x for x in split_note(ours)[1] if "witness-" in x]
    ok, said = client_takes(s, one + "".join(lines))
    c("nor do cosignatures of the first tree on the second", not ok, said)
    # The log goes on with those who follow it; the one that was had keeps what it sees.
    s.add(b"later\n", wait=30)
    s.until("witness 1 keeps evidence too", lambda: len(s.evidence("witness-1")) >= 2)
    c("the first tree goes on with its quorum", s.size() == 7, s.size())
    return theirs


def monitor(s):
    return hashlib.sha256(s.origin.encode()).hexdigest()


def mirrors_see(s, c):
    """Who asks for no witnesses sees only what is shown: a copy that is kept notices it."""
    lone = s.dir / "lone.policy"
    lone.write_text(s.policy_text("quorum none"))
    folder = s.dir / "lone-mirror"
    s.run("log", "mirror", s.url("log"), folder, "--policy", lone)
    had = (folder / "checkpoint").read_text()
    # The operator serves the other tree, grown to the same size, at the same place.
    s.stop_one("other")
    other = s.dir / "other"
    (other / "policy").write_text(lone.read_text())
    s.start_log("other")
    s.add(b"another\n", "other", wait=30)
    code, said = s.code("log", "mirror", s.url("other"), folder, "--policy", lone)
    kept = list((folder / "evidence").glob("*/*"))
    c("a mirror refuses another tree", code == 1 and len(kept) >= 2, (code, said, kept))
    texts = {p.name: p.read_text() for p in kept}
    c("and keeps both checkpoints", "had" in texts and contradict(texts["had"], texts["got"], s.key("log")),
      texts)
    c("its copy stays what it was", (folder / "checkpoint").read_text() == had)
    code, said = s.code("log", "check", "--from", folder, "--policy", lone)
    c("and sound", code == 0, said)
    s.stop_one("other")


# --- Threat 7 ------------------------------------------------------------------------------------

def spoil(path, at, new=None):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data) if new is None else new)


def changed_files(s, c):
    """Rewritten, cut and missing public files, before readers; a rewritten entry, before the log itself."""
    public = s.home / "public"
    size = s.size()
    for rel in (f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
        path = public / rel
        good = path.read_bytes()
        for what, bad in (("rewritten", bytes([good[0] ^ 1]) + good[1:] if "0/000.p" in rel and
                           "entries" not in rel else good[:5] + bytes([good[5] ^ 1]) + good[6:]),
                          ("cut", good[:-3]), ("longer", good + b"x"), ("empty", b"")):
            path.write_bytes(bad)
            code, said = s.code("log", "check", "--from", public, "--policy", s.policy)
            c(f"{rel} {what}: log check says so", code == 1 and ("000" in said or "entr" in said), said)
            code, said = s.code("log", "prove", "2", "--from", public, "--policy", s.policy, "--entry",
                                s.dir / "e", "--output", s.dir / "p")
            c(f"{rel} {what}: a reader refuses it", code == 1, said)
        path.write_bytes(good)
    s.stop_one("log")
    wal = sorted((s.home / "log/wal").iterdir())[-1]
    good = wal.read_bytes()
    for what, change in (("a changed entry", lambda d: d.replace(b"entry 3\n", b"entry X\n")),
                         ("a dropped entry", lambda d: d[:d.index(b"entry 3\n") - 60]),
                         ("a cut end", lambda d: d[:-7])):
        wal.write_bytes(change(good))
        code, said = s.fails_to_start()
        c(f"{what} in the write-ahead log: the log refuses to start", code not in (0, None) and
          "put back" in said, (code, said))
        c("and leaves it as it is", wal.read_bytes() == change(good))
    wal.write_bytes(good)
    s.start_log()
    c("put back, it goes on", s.add(b"entry 0\n") == 0 and s.size() == size, s.size())


def rolled_back(s, c):
    """Old copies of the log's folders, put back one by one and together."""
    s.stop_one("log")
    old = s.dir / "old"
    shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(s.home, old)
    s.start_log()
    for i in range(3):
        s.add(b"after the copy %d\n" % i, wait=30)
    size, newest = s.size(), s.published()
    s.stop_one("log")
    new = s.dir / "new"
    shutil.rmtree(new, ignore_errors=True)
    shutil.move(s.home, new)

    shutil.copytree(new, s.home)
    shutil.rmtree(s.home / "log")
    shutil.copytree(old / "log", s.home / "log")
    code, said = s.fails_to_start()
    c("an old log beside what is published: refused", code not in (0, None) and "newest" in said, (code, said))
    c("and what is published stays", s.published() == newest)

    shutil.rmtree(s.home)
    shutil.copytree(new, s.home)
    shutil.copy(old / "log/signed", s.home / "log/signed")
    shutil.copy(old / "public/checkpoint", s.home / "public/checkpoint")
    s.start_log()
    got = s.add(b"with an old mark\n", wait=30)
    c("an old mark costs nothing: the log is all there", got == size and s.size() == size + 1, (got, s.size()))
    newest, size = s.published(), s.size()
    s.stop_one("log")
    shutil.rmtree(new)
    shutil.move(s.home, new)

    shutil.copytree(old, s.home)
    s.start_log()
    had = s.metric("log", "vitrine_log_witness_answers_total", 'answer="409"')
    got = s.post("/add", b"another history\n", headers={"Prefer": f"wait={SOON}"})
    c("an old copy of all: what it takes is never published", got.status == 202
      and s.size() < size, (got, s.size()))
    s.until("witnesses name the larger size", lambda: s.metric(
        "log", "vitrine_log_witness_answers_total", 'answer="409"') > had)
    c("the log says why", "was an old copy put back?" in s.said("log"), s.said("log")[-600:])
    for i in range(size + 1):
        s.add(b"another history %d\n" % i)
    s.until("a longer history is refused too", lambda: s.metric(
        "log", "vitrine_log_witness_answers_total", 'answer="422"') >= 2, 90)
    c("it is not published", s.size() < size, s.size())
    for name in ("witness-2", "witness-3"):
        got = s.get(f"/monitor/{monitor(s)}/checkpoint", name).body.decode()
        c(f"{name} shows the kept checkpoint", got.startswith(split_note(newest)[0]), got)
        s.until(f"{name} keeps evidence of it", lambda n=name: any(
            read_checkpoint(note)[1] > size for note in s.evidence(n).values()))
        c(f"{name} counts it", s.metric(name, "vitrine_witness_unproven_total") >= 1)
    code, said = s.code("log", "mirror", s.url("log"), s.dir / "mirror", "--policy", s.policy)
    c("a mirror is at least as new as what it had", code in (0, 1), said)
    s.stop_one("log")
    shutil.rmtree(s.home)
    shutil.move(new, s.home)
    s.start_log()
    s.add(b"the newest copy\n", wait=60)
    c("the newest copy put back goes on", s.size() == size + 1, s.size())


# --- Threat 8 ------------------------------------------------------------------------------------

def thief_of_a_witness(s, c):
    log, witness = s.key("log"), s.key("witness-2")
    text = checkpoint_text(s.origin, 1000, b"\x07" * 32)
    now = int(time.time())
    alone = f"{text}\n{log.sign(text)}"
    ok, said = client_takes(s, alone + witness.cosign(text, now))
    c("the log and one stolen witness are no quorum", not ok and "quorum" in said, said)
    ok, said = client_takes(s, alone + witness.cosign(text, now) + witness.cosign(text, now - 1))
    c("nor is one witness twice", not ok, said)
    ok, said = client_takes(s, alone + witness.cosign(text, now) * 2)
    c("nor the same line twice", not ok, said)
    ok, said = client_takes(s, f"{text}\n" + "".join(s.key(n).cosign(text, now) for n in s.witnesses))
    c("all witnesses without the log are not the log", not ok, said)
    real = s.published()
    body, lines = split_note(real)
    others = "".join(x for x in lines if "witness-2.example" not in x)
    for what, when in (("in the far future", 2**62), ("in a year", now + 365 * 86400)):
        ok, said = client_takes(s, f"{body}\n{others}{witness.cosign(body, when)}")
        told = json.loads(said)["vouched"] if ok else ""
        c(f"a stolen witness's time {what} is not what the quorum vouches for",
          ok and told <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 60)), said)
    log_and_one = "".join(x for x in lines if "witness-" not in x) + witness.cosign(body, 1)
    ok, said = client_takes(s, f"{body}\n{log_and_one}")
    c("a time in 1970 makes no quorum either", not ok, said)
    one_key = s.policy_text().replace(s.vkey(s.dir / "witness-3/keys/witness.vkey"),
                                      s.vkey(s.dir / "witness-2/keys/witness.vkey"))
    (s.dir / "one-key.policy").write_text(one_key)
    ok, said = client_takes(s, real, s.dir / "one-key.policy")
    c("a policy that counts one key twice is no policy", not ok and "line" in said, said)


def stolen_witness_serves(s, c):
    """The thief runs a witness of its own with the key, which follows whatever it is shown."""
    shutil.copytree(s.dir / "witness-3", s.dir / "stolen")
    shutil.rmtree(s.dir / "stolen/records")
    s.run("witness", "init", s.dir / "blank", "--name", "witness-3.example")
    shutil.copytree(s.dir / "blank/records", s.dir / "stolen/records")
    shutil.rmtree(s.dir / "stolen/run", ignore_errors=True)
    (s.dir / "stolen/run").mkdir(mode=0o700)
    s.ports["stolen"] = free_port()
    s.start_witness("stolen")
    # And a log with the log's key, begun anew.
    s.twin_home = s.dir / "forked"
    shutil.copytree(s.home, s.twin_home)
    for name in ("log", "public", "run"):
        shutil.rmtree(s.twin_home / name, ignore_errors=True)
    (s.twin_home / "run").mkdir(mode=0o700)
    s.ports["forked"] = free_port()
    (s.twin_home / "policy").write_text(s.policy_text(
        **{"log": s.url("forked"), "witness-3": s.url("stolen")}))
    s.start_log("forked")
    got = s.post("/add", b"a forked log\n", "forked", headers={"Prefer": f"wait={SOON}"})
    c("log and witness of a thief publish nothing", got.status == 202 and s.size("forked") == 0, got)
    s.until("the stolen witness cosigned", lambda: s.metric(
        "stolen", "vitrine_witness_cosigned_total") >= 1)
    s.stop_one("forked")
    s.stop_one("stolen")


def thief_of_the_log(s, c):
    """The log's key alone: the witnesses hold each checkpoint against what they have."""
    key = s.key("log")
    _, size, root = read_checkpoint(s.published())
    s.until("all witnesses have the newest", lambda: all(
        read_checkpoint(s.get(f"/monitor/{monitor(s)}/checkpoint", n).body.decode())[1] == size
        for n in ("witness-2", "witness-3")))

    def signed(n, r=b"\x09" * 32, by=key, origin=s.origin):
        text = checkpoint_text(origin, n, r)
        return f"{text}\n{by.sign(text)}"

    empty = tree([])
    for what, status, old, note, proof in (
            ("the same size with another root", 422, size, signed(size), ()),
            ("a larger one without proof", 422, size, signed(size + 5), ()),
            ("a larger one with a proof of nothing", 422, size, signed(size + 5), (b"\0" * 32,) * 4),
            ("a smaller one", 409, size - 1, signed(size - 1), ()),
            ("the first again", 409, 0, signed(1, leaf(b"entry 0\n")), ()),
            ("an empty one", 409, 0, signed(0, empty), ()),
            ("an old size that is larger", 400, size + 1, signed(size), ()),
            ("one of another's key", 403, size, signed(size + 1, by=s.key("witness-1")), ()),
            ("one that nobody signed", 403, size, signed(size + 1).rsplit("\n\u2014", 1)[0] + "\n"
             + s.key("witness-1").sign("x\n"), ()),
            ("one of another log", 404, size, signed(size, origin="other.example"), ()),
            ("a size beyond 63 bits", 400, size, signed(2**63), ()),
            ("a root of 31 bytes", 400, size, signed(size, b"\1" * 31), ())):
        got = s.submit("witness-2", old, note, proof)
        c(f"witness and {what}: {status}", got.status == status, got)
        if status == 409:
            c(f"{what}: the answer is the size that is known", got.body == f"{size}\n".encode()
              and got.headers["Content-Type"] == "text/x.tlog.size", got)
    got = s.submit("witness-2", size, s.published())
    c("the true one is cosigned again", got.status == 200 and b"witness-2.example" in got.body, got)
    for i in range(40):
        s.submit("witness-2", size, signed(size + 100 + i))
    folder = list((s.dir / "witness-2/records/evidence").iterdir())
    c("a flood of those fills no disk", len([p for p in folder if p.suffix != ".record"]) <= 16, len(folder))
    out, _ = s.run("witness", "logs", s.dir / "witness-2")
    c("the operator is told of the evidence", "evidence" in json.dumps(out) and str(size) in json.dumps(out),
      out)


def frozen(s, c):
    """A log that said it ends, and goes on."""
    s.stop_one("log")
    s.twin("thawed")
    (s.dir / "thawed/policy").write_text(s.policy_text(log=s.url("thawed")))
    s.run("log", "freeze", s.home, "--reason", "the trial is over")
    size = s.size()
    s.run("log", "mirror", s.home / "public", s.dir / "frozen-mirror", "--policy", s.policy)
    s.start_log()
    got = s.post("/add", b"one more\n")
    c("a frozen log takes nothing", got.status == 410, got)
    c("an entry that is there neither", s.post("/add", b"entry 0\n").status == 410)
    c("it counts that", s.metric("log", "vitrine_log_adds_total", 'result="frozen"') >= 2)
    c("its proofs are there", s.get("/proof/0").status == 200)
    s.stop_one("log")
    statement = s.home / "log/frozen"
    good = statement.read_bytes()
    for what, bad in (("another size", good.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1))),
                      ("another root", good[:60] + bytes([good[60] ^ 1]) + good[61:]),
                      ("nothing", b""), ("a cut one", good[:40])):
        statement.write_bytes(bad)
        code, said = s.fails_to_start()
        c(f"DIR/frozen with {what}: refused", code not in (0, None), (code, said))
    statement.unlink()
    code, said = s.fails_to_start()
    c("DIR/frozen taken away: what is published still says it", code == 1 and "put back" in said, (code, said))
    statement.write_bytes(good)
    public = s.home / "public/frozen"
    public.write_bytes(good.replace(b"the trial", b"the trail"))
    code, said = s.code("log", "check", "--from", s.home / "public", "--policy", s.policy)
    c("another reason is nothing that the log signed", code == 1, (code, said))
    public.write_bytes(good)
    # Who takes the statement away has a log that goes on; who has seen it knows better.
    s.start_log("thawed")
    s.add(b"after the end\n", "thawed", wait=30)
    c("a thawed log may find its witnesses", s.size("thawed") == size + 1, s.size("thawed"))
    folder = s.dir / "frozen-mirror"
    code, said = s.code("log", "mirror", s.url("thawed"), folder, "--policy", s.policy)
    kept = {p.name: p.read_text() for p in (folder / "evidence").glob("*/*")}
    c("a mirror that has the statement refuses a larger tree", code == 1, (code, said))
    c("and keeps both", "frozen" in kept and "got" in kept
      and read_checkpoint(kept["got"])[1] == size + 1, kept)
    thawed = s.dir / "thawed/public"
    shutil.copy(public, thawed / "frozen")
    code, said = s.code("log", "check", "--from", thawed, "--policy", s.policy)
    c("so does log check", code == 1 and "frozen" in said, (code, said))
    s.stop_one("thawed")
    s.start_log()


# --- Threat 17 -----------------------------------------------------------------------------------

def raw(port, data, wait=10, address="127.0.0.1"):
    """Bytes as they are; what came back before the other side closed, or time was over."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait, source_address=(address, 0)) as to:
        got = b""
        try:
            to.sendall(data)
            while chunk := to.recv(65536):
                got += chunk
        except OSError:
            pass
        return got


def status_of(got):
    words = got.split(b" ", 2)
    return int(words[1]) if got.startswith(b"HTTP/1.") and len(words) > 1 and words[1].isdigit() else 0


HOST = b"Host: x\r\nConnection: close\r\n"
MALFORMED = {
    "nothing but a newline": b"\r\n\r\n\r\n",
    "no method": b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /\r\n\r\n",
    "a version of 9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "a line of 100 kB": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of 64 kB": b"A" * 65536 + b" / HTTP/1.1\r\n\r\n",
    "200 kB of headers": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "10,000 headers": b"GET /nothing HTTP/1.1\r\n" + HOST
    + b"".join(b"X%d: y\r\n" % i for i in range(10_000)) + b"\r\n",
    "a NUL in the path": b"GET /a\0b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL in a header": b"GET /nothing HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "a header without colon": b"GET /nothing HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "a folded header": b"GET /nothing HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "binary": bytes(i * 7919 % 256 for i in range(60_000)),
    "a negative length": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\nx",
    "a length that is a word": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\nx",
    "a length of 2^64": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551616\r\n\r\nx",
    "a length of 2^63": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 9223372036854775808\r\n\r\nx",
    "100 GB announced": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 100000000000\r\n\r\n",
    "a byte too many announced": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 65537\r\n\r\n" + b"x" * 65537,
    "200 kB in chunks": b"POST {post} HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"10000\r\n" + b"x" * 65536 + b"\r\n10000\r\n" + b"x" * 65536 + b"\r\n0\r\n\r\n",
    "a chunk that is no number": b"POST {post} HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
    "a chunk of 2^64": b"POST {post} HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx\r\n0\r\n\r\n",
    "a chunk of -1": b"POST {post} HTTP/1.1\r\n" + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "both length and chunks, too long": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n" + b"20000\r\n" + b"x" * 0x20000 + b"\r\n0\r\n\r\n",
    "both length and chunks": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "two lengths": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "an unknown coding": b"POST {post} HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\nxyz",
    "an empty body": b"POST {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    "no body at all": b"POST {post} HTTP/1.1\r\n" + HOST + b"\r\n",
    "a wrong query": b"POST {post}?wait=for+ever&wait=witnessed HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nx",
    "PUT": b"PUT {post} HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\n\r\nx",
    "DELETE": b"DELETE /checkpoint HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "GET of what is posted": b"GET {post} HTTP/1.1\r\n" + HOST + b"\r\n",
}
PATHS = ("/../keys/log.key", "/%2e%2e/keys/log.key", "/..%2fkeys%2flog.key", "/tile/../../keys/log.key",
         "/tile/%2e%2e/%2e%2e/keys/log.key", "/tile/0/../../../log/signed", "/tile//etc/passwd", "//etc/passwd",
         "/index/../../log/signed", "/tile/.%00/x", "/tile/0/000%00", "/.lock", "/tile/entries/.compressed",
         "/proof/-1", "/proof/+1", "/proof/00", "/proof/1e3", "/proof/18446744073709551616",
         "/proof/9223372036854775807", "/proof/0/../0", "/proof/", "/proof/%30%00", "/log/signed",
         "/tile/0/000.p/0", "/tile/0/000.p/257", "/tile/63/000", "/tile/-1/000",
         "/tile/0/" + "x999/" * 300 + "000", "/monitor/../journal", "/monitor/" + "0" * 64 + "/checkpoint",
         "/monitor/" + "z" * 64 + "/checkpoint", "/records/journal", "/keys/witness.key", "/home.conf")


def malformed(s, c):
    secret = (s.home / "keys/log.key").read_bytes().splitlines()[2]
    own = (s.dir / "witness-1/keys/witness.key").read_bytes().splitlines()[2]
    for name, post in (("log", b"/add"), ("witness-1", b"/add-checkpoint")):
        size = s.metric("log", "vitrine_log_entries")
        for what, data in MALFORMED.items():
            if name != "log" and what == "a wrong query":
                continue
            got = raw(s.ports[name], data.replace(b"{post}", post))
            c(f"{name}: {what} is a 4xx or the end", status_of(got) == 0 and len(got) < 500
              or 400 <= status_of(got) < 500 or status_of(got) in (501, 505), got[:200])
        for path in PATHS:
            got = raw(s.ports[name], f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
            c(f"{name}: GET {path[:60]} gives nothing", status_of(got) in (0, 400, 404, 414)
              and secret not in got and own not in got and b"root:" not in got, got[:300])
        c(f"{name} took none of it", s.metric("log", "vitrine_log_entries") == size)
    many = b"GET /checkpoint HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + b"GET /checkpoint HTTP/1.1\r\n" + HOST + b"\r\n"
    got = raw(s.ports["log"], many)
    c("201 requests in one go are answered in their order", got.count(b"HTTP/1.1 200 ") == 201, got.count(b"HTTP/1.1"))
    bodies = b"".join(b"POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\npiped%03d" % i for i in range(100))
    got = raw(s.ports["log"], bodies + b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    c("a hundred entries in one go, likewise", got.count(b"HTTP/1.1 200 ") == 101, got[:300])


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    return 0


class Watch:
    """Somebody else, who is to be served whatever happens: the longest that it took."""

    def __init__(self, s, name, path, allowed=(200,)):
        self.s, self.name, self.path, self.allowed = s, name, path, allowed
        self.longest, self.served, self.bad, self.stop = 0.0, 0, [], False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop:
            began = time.monotonic()
            try:
                got = self.once()
                if got.status not in self.allowed:
                    self.bad.append(got)
                else:
                    self.served += 1
            except OSError as e:
                self.bad.append(e)
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(0.05)

    def once(self):
        if self.path == "/add":
            return self.s.post("/add", os.urandom(40), self.name, address="127.0.0.77", timeout=20)
        return self.s.get(self.path, self.name, address="127.0.0.77", timeout=20)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        time.sleep(0.5)
        self.stop = True
        self.thread.join()


def slow_connections(port, how_many, data, address):
    out = []
    for _ in range(how_many):
        try:
            one = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
            one.sendall(data)
            out.append(one)
        except OSError:
            break
    return out


def slow(s, c):
    """Hundreds of connections that send a byte now and then: heads, and bodies of the largest size."""
    for name, post in (("log", b"/add"), ("witness-1", b"/add-checkpoint")):
        shapes = {
            "heads": b"GET /checkpoint HTTP/1.1\r\nX: ",
            "bodies": b"POST " + post + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 65535\r\n\r\nold",
            "chunks": b"POST " + post + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n",
            "both": b"POST " + post + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nold\r\n",
        }
        for what, data in shapes.items():
            conns = slow_connections(s.ports[name], 600, data, "127.0.0.66")
            path = "/add" if name == "log" else "/healthz"
            with Watch(s, name, path) as w:
                for one in conns[::20]:
                    try:
                        one.sendall(b"x")
                    except OSError:
                        pass
                if name != "log":
                    got = s.submit(name, read_checkpoint(s.get(
                        f"/monitor/{monitor(s)}/checkpoint", name, address="127.0.0.78").body.decode())[1],
                        s.get(f"/monitor/{monitor(s)}/checkpoint", name).body.decode(),
                        address="127.0.0.78")
                    c(f"{name}: a checkpoint is cosigned beside slow {what}", got.status == 200, got)
            c(f"{name}: others are served beside {len(conns)} slow {what}", not w.bad and w.served > 0,
              (w.bad[:2], len(w.bad), w.served))
            c(f"{name}: at once", w.longest < 5, w.longest)
            for one in conns:
                one.close()


def floods(s, c):
    """Thousands of connections, from one address and from many."""
    for name, path in (("log", "/add"), ("witness-1", "/healthz")):
        made = 0
        with Watch(s, name, path) as w:
            for i in range(3000):
                try:
                    one = socket.create_connection(("127.0.0.1", s.ports[name]), timeout=10,
                                                   source_address=(f"127.0.2.{i % 5}", 0))
                    one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    one.close()
                    made += 1
                except OSError:
                    pass
        c(f"{name}: others are served during {made} connections", made > 2000 and not w.bad and w.served > 0,
          (made, w.bad[:2], w.served))
        c(f"{name}: within seconds", w.longest < 10, w.longest)


def resets(s, c):
    """Clients that are gone before they are answered, with nothing to tell that they go."""
    gone = b"\1\0\0\0\0\0\0\0"  # struct linger: on, 0 seconds
    for name, request in (("log", b"POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n%020d"),
                          ("log", b"POST /add?wait=witnessed HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n%020d"),
                          ("log", b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: %020d\r\n\r\n"),
                          ("witness-1", b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n%020d")):
        with Watch(s, name, "/healthz") as w:
            for i in range(400):
                try:
                    one = socket.create_connection(("127.0.0.1", s.ports[name]), timeout=10,
                                                   source_address=(f"127.0.3.{i % 50}", 0))
                    one.sendall(request % i)
                    if i % 3:
                        time.sleep(0.0005 * (i % 7))
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, gone)
                    one.close()
                except OSError:
                    pass
        c(f"{name}: others are served while clients vanish", not w.bad and w.longest < 5, (w.bad[:2], w.longest))


def metrics_flood(s, c):
    """A thousand ask for numbers while the log's disk is slow."""
    log = [p for p in children(s.services["log"].pid) if comm(p).endswith("log")]
    log = log or children(s.services["log"].pid)
    conns = []
    for pid in log:
        os.kill(pid, signal.SIGSTOP)
    try:
        for i in range(900):
            try:
                one = socket.create_connection(("127.0.0.1", s.ports["log"]), timeout=5,
                                               source_address=(f"127.0.4.{i // 25}", 0))
                one.sendall(b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n")
                conns.append(one)
            except OSError:
                break
        time.sleep(1)
    finally:
        for pid in log:
            os.kill(pid, signal.SIGCONT)
    statuses = []
    for one in conns:
        got = b""
        try:
            one.settimeout(30)
            while chunk := one.recv(65536):
                got += chunk
        except OSError:
            pass
        statuses.append(status_of(got))
        one.close()
    c(f"{len(conns)} requests for numbers at once are answered or put off", set(statuses) <= {200, 429, 503},
      {x: statuses.count(x) for x in set(statuses)})
    s.until("the log answers after it", lambda: s.get("/healthz", address="127.0.0.79").status == 200)


def listeners(s, c):
    pids = {n: s.services[n].pid for n in ("log", "witness-1")}
    below = {n: sorted(children(p)) for n, p in pids.items()}
    before = {n: max(map(resident, [p, *children(p)])) for n, p in pids.items()}
    adds = s.metric("log", "vitrine_log_adds_total")
    asked = s.metric("witness-1", "vitrine_witness_requests_total")
    for attack in (malformed, resets, slow, floods, metrics_flood):
        attack(s, c)
        for n, p in pids.items():
            c(f"{n} is what it was after {attack.__name__}", sorted(children(p)) == below[n]
              and s.services[n].poll() is None, (below[n], children(p), s.said(n)[-800:]))
            below[n] = sorted(children(p))
    c("the log counted", s.metric("log", "vitrine_log_adds_total") > adds)
    c("the witness counted", s.metric("witness-1", "vitrine_witness_requests_total") > asked + 20)
    for n, p in pids.items():
        now = max(map(resident, [p, *children(p)]))
        c(f"{n} has not grown beyond bounds ({before[n]} to {now} MB)", now < 192, (before[n], now))
    s.add(b"after all of that\n", wait=30)
    code, said = s.code("log", "check", "--from", s.url("log"), "--policy", s.policy)
    c("and the log is sound", code == 0, said)


def main():
    vitrine, folder = sys.argv[1:3]
    c = Checks()
    # `listeners` looks at memory: what a sanitizer holds back of freed memory is not the program's.
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16"
    with Logs(vitrine, folder) as s:
        parts = [two_trees, mirrors_see, changed_files, thief_of_a_witness, stolen_witness_serves, thief_of_the_log,
                 rolled_back, listeners, frozen]
        for part in parts:
            began = time.monotonic()
            failed = c.failed
            part(s, c)
            print(f"log: {part.__name__}: {'ok' if c.failed == failed else 'FAILED'} "
                  f"({time.monotonic() - began:.1f} s)", flush=True)
        c("nothing ever had to start again", all("starts again" not in s.said(n)
          and "starting it again" not in s.said(n) for n in ("log", *s.witnesses)))
    if not c.failed:
        shutil.rmtree(folder)
    print(f"{c.passed} passed, {c.failed} failed", flush=True)
    return 0 if c.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
