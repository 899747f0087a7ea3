#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threats 6, 7, 8, 17 and 18 on the witness's side: an operator who shows two trees, one who rewrites, a
thief of one witness's key, and everybody on the network. The operator has his log's key, the thief the
witness's, and neither uses our commands.

usage: witness.py VITRINE FOLDER CACHE [SEED]
"""

import base64
import hashlib
import os
import pathlib
import random
import re
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import tlog  # noqa: E402
from tlog import Log, Tree, Witness, cosigned  # noqa: E402

passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    print(f"{'ok    ' if ok else 'FAILED'} {what}{'' if ok else ': ' + str(detail)[:1500]}", flush=True)


def at_once(*calls):
    """What the calls give, all begun at the same moment."""
    gate, got = threading.Barrier(len(calls)), [None] * len(calls)

    def one(i):
        gate.wait()
        got[i] = calls[i]()
    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def evidence(w):
    return sorted(p.name for p in (w.home / "records/evidence").iterdir())


def two_trees(w, log, fork):
    """Threat 6: at the same moment, the other way round, through every old size."""
    both = []
    w.ask(log.request(0, 4))
    for size in range(5, 17):
        calls = [log.request(size - 1, size), log.request(size - 1, size, tree=fork)]
        got = at_once(*[lambda b=b: w.ask(b) for b in calls * 4])
        roots = {i % 2 for i, a in enumerate(got) if a.status == 200}
        if len(roots) > 1:
            both.append(size)
        if roots == {1}:  # the fork came first: from here on it is what the witness knows
            log.tree, fork = fork, log.tree
    check("6: never two trees of one size, also at the same moment", not both, both)
    seen = {w.ask(log.request(old, 16, tree=fork)).status for old in range(0, 17)}
    check("6: whatever old size is said", seen <= {400, 409, 422}, seen)
    kept = [n for n in evidence(w) if "-16-" in n and not n.endswith(".record")]
    record = (w.home / "records/evidence" / (kept[0] + ".record")).read_text() if kept else ""
    other = (w.home / "records/evidence" / kept[0]).read_text() if kept else ""
    check("6: two signed trees of one size are kept, together the proof",
          record.startswith(log.text(16)) and log.sign(log.text(16)) in record and
          other.startswith(log.text(16, fork)) and log.sign(log.text(16, fork)) in other,
          evidence(w))
    check("6: and said loudly", "SPLIT VIEW" in w.err.read_text() and
          w.metric("vitrine_witness_splits_total") > 0)
    for _ in range(40):
        w.ask(log.request(16, 16, tree=Tree(log.origin, twist=random.randrange(1, 9))))
        w.ask(log.request(16, 17 + random.randrange(30), tree=fork))
    files = [n for n in evidence(w) if not n.endswith(".record")]
    check("6: a flood of them fills no disk", len(files) <= 16, len(files))


def rewrites(w, log):
    """Threat 7: entries changed or dropped, with every proof that the operator can think of."""
    w.ask(log.request(0, 20))
    rewritten = Tree(log.origin, twist=10)
    honest, forged = log.tree.consistency(20, 33), rewritten.consistency(20, 33)
    proofs = [forged, honest, [], honest[:-1], honest + honest[-1:], honest[::-1], [bytes(32)] * 63,
              log.tree.consistency(16, 33), [log.tree.root(20)] + honest]
    got = [w.ask(log.request(20, 33, tree=rewritten, proof=p)).status for p in proofs]
    check("7: no proof shows that a rewritten tree continues the old one", set(got) == {422}, got)
    dropped = [w.ask(log.request(old, size)).status for old, size in ((20, 12), (12, 12), (0, 12))]
    check("7: no smaller tree is cosigned again", dropped == [400, 409, 409], dropped)
    check("7: what was signed is kept", any("-33-" in n for n in evidence(w)), evidence(w))
    check("7: the honest tree goes on", w.ask(log.request(20, 33)).status == 200)


def replays(w, log):
    """What was good once, and what is another's."""
    first, second = log.request(33, 34), log.request(34, 36)
    check("a checkpoint is cosigned", w.ask(first).status == 200 and w.ask(second).status == 200)
    check("a replay is not", w.ask(first).status == 409 and w.ask(second).status == 409)
    other = Log("other-log.example")
    text = log.text(40)
    body = log.request(36, 40).decode().partition("\N{EM DASH}")[0]
    as_other = tlog.sig_line(log.origin, tlog.key_id(log.origin, 1, log.public),
                             tlog.curves.ed25519_sign(other.seed, text.encode()))
    own_name = other.sign(text)
    got = [w.ask((body + line).encode()).status for line in (as_other, own_name, as_other + own_name)]
    check("another log's key signs nothing here", set(got) == {403}, got)
    cosig = [line for line in w.ask(log.request(36, 36)).body.decode().splitlines()][0] + "\n"
    check("nor does a cosignature", w.ask((body + cosig).encode()).status == 403)
    before = w.metric("vitrine_witness_syncs_total")
    same = log.request(36, 36)
    connection = w.connect()
    count = 300
    good = sum(w.ask(same, to=connection).status == 200 for _ in range(count))
    check("the newest again and again costs no disk", good == count and
          w.metric("vitrine_witness_syncs_total") - before < count / 2,
          w.metric("vitrine_witness_syncs_total") - before)


def thief(vitrine, folder, witnesses, log):
    """Threat 8: one witness's key signs what no witness has seen."""
    fork = Tree(log.origin, twist=1)
    pem = (witnesses[0].home / "keys/witness.key").read_text()
    der = base64.b64decode("".join(re.findall(r"^[A-Za-z0-9+/=]+$", pem.partition("KEY-----")[2], re.M)))
    seed = der[-32:]
    public = tlog.curves.ed25519_public(seed)
    name = witnesses[0].name
    text = log.text(9, fork)
    now = int(time.time())
    line = tlog.sig_line(name, tlog.key_id(name, 4, public), now.to_bytes(8, "big") +
                         tlog.curves.ed25519_sign(seed, f"cosignature/v1\ntime {now}\n{text}".encode()))
    note = text + "\n" + log.sign(text) + line
    check("8: the thief's cosignature is good by itself",
          cosigned(note, line, witnesses[0].vkey) == [now])
    policy = pathlib.Path(folder) / "policy"
    policy.write_text(f"log {log.vkey}\n" + "".join(
        f"witness w{i} {w.vkey}\n" for i, w in enumerate(witnesses)) + "group g 2 w0 w1 w2\nquorum g\n")
    public_dir = pathlib.Path(folder) / "published"
    public_dir.mkdir()
    (public_dir / "checkpoint").write_text(note)
    ask = ("log", "checkpoint", "--from", public_dir, "--policy", policy)
    done = witnesses[0].run(*ask)
    check("8: one of three is no quorum", done.returncode == 1, (done.returncode, done.stderr))
    (public_dir / "checkpoint").write_text(note + line * 2)
    done = witnesses[0].run(*ask)
    check("8: nor is it when it signs three times", done.returncode == 1, (done.returncode, done.stderr))
    got = [w.ask(log.request(9, 9, tree=fork)) for w in witnesses[1:]]
    check("8: the others do not join", [a.status for a in got] == [422, 422], got)
    honest = log.checkpoint(9) + "".join(w.ask(log.request(9, 9)).body.decode() for w in witnesses[1:])
    (public_dir / "checkpoint").write_text(honest)
    done = witnesses[0].run(*ask)
    check("8: and two of them are enough without it", done.returncode == 0, (done.returncode, done.stderr))


def journal_deleted(vitrine, folder):
    """Threats 7 and 18: whoever has lost or removed what the witness remembers gets no other tree cosigned."""
    log = Log("deleted.example")
    fork = Tree(log.origin, twist=2)
    w = Witness(vitrine, folder, "robbed.example")
    w.follow(log)
    records = w.home / "records"

    def refused():
        done = w.run("witness", "run", w.home, "--listen", "127.0.0.1:0")
        return done.returncode == 1 and "journal is missing" in done.stderr and not (
            records / "journal").exists()
    with w:
        w.ask(log.request(0, 9))
        evident = w.ask(log.request(9, 9, tree=fork)).status
        # Under its feet: the open file is what it goes on with, and what is of another tree is refused.
        kept = (records / "journal").read_bytes()
        (records / "journal").unlink()
        got = [w.ask(log.request(old, 9, tree=fork)).status for old in (0, 9)]
        check("7: a journal deleted under its feet forgets nothing", evident == 422 and
              got == [409, 422], (evident, got))
        w.stop(9)
    check("7: without its journal it does not start", refused())
    for what in ("evidence", "lock"):
        path = records / what
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        check(f"7: nor without {what}", refused())
    shutil.rmtree(records, ignore_errors=True)
    check("7: nor without its folder, however often", refused() and refused())
    (records / "evidence").mkdir(parents=True)
    check("7: nor with a folder like that of an older release, without a record", refused())
    done = w.run("witness", "init", w.home, "--name", w.name)
    check("7: nor is it made anew over its key", done.returncode != 0 and refused(), done)
    for name, data in (("journal", b""), ("journal", kept[:30])):
        (records / name).write_bytes(data)
        done = w.run("witness", "run", w.home, "--listen", "127.0.0.1:0")
        check("7: nor with a journal cut to its beginning", done.returncode == 1, done)
    (records / "journal").write_bytes(kept)
    with w:
        got = [w.ask(log.request(0, 12, tree=fork)).status, w.ask(log.request(9, 12)).status]
        check("7: put back, it goes on from there", got == [409, 200], got)


def many_readers(vitrine, folder):
    """Threat 17: reading costs no disk, also just after a start, when no lines are at hand."""
    logs = [Log(f"read-{i}.example") for i in range(40)]
    w = Witness(vitrine, folder, "read.example", rate=1000000)
    w.follow(*logs)
    with w:
        for log in logs:
            w.ask(log.request(0, 3))
        w.stop()
        w.start()
        to = w.connect()
        paths = [f"/monitor/{hashlib.sha256(log.origin.encode()).hexdigest()}/checkpoint" for log in logs]
        got = {w.get(path, to=to).status for path in paths * 3}
        check("17: 120 readers have nothing written", got == {200} and
              w.metric("vitrine_witness_syncs_total") == 0, got)
        flood = [w.get(path, to=to).status for path in paths * 40]
        check("17: nor have 1,600", set(flood) <= {200, 503} and
              w.metric("vitrine_witness_syncs_total") == 0, set(flood))


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def malformed(w, log, random_):
    """Threat 17: bodies that are nearly right."""
    good = log.request(36, 50)
    before = w.ask(log.request(0, 50)).body
    seen = set()
    connection = w.connect()
    for i in range(1500):
        body = bytearray(good)
        for _ in range(random_.randrange(1, 4)):
            how, at = random_.randrange(4), random_.randrange(len(body) - 4)
            if how == 0:
                body[at] ^= 1 << random_.randrange(8)
            elif how == 1:
                del body[at:at + random_.randrange(1, 40)]
            elif how == 2:
                body[at:at] = bytes(random_.randrange(256) for _ in range(random_.randrange(1, 9)))
            else:
                body[at:at] = body[at:at + random_.randrange(1, 90)]
            if len(body) < 8:
                break
        if bytes(body) == good:
            continue
        got = w.ask(bytes(body), to=connection)
        seen.add(got.status)
        if got.status == 200 and b"\n50\n" not in body:
            check("17: a spoilt body is cosigned", False, bytes(body))
    known = w.ask(log.request(0, 50)).body
    check("17: 1,500 spoilt bodies get answers of the table", seen <= {200, 400, 403, 404, 409, 422}, seen)
    check("17: and the record is 36 still, or the true 50", known in (before, b"50\n"), known)


def huge(w, log):
    """The largest that is taken, and larger ones."""
    size = int(w.ask(log.request(0, 1)).body)
    lines = log.sign(log.text(size))
    many = log.request(size, size).decode() + lines * 63
    begun = time.monotonic()
    got = [w.ask(many.encode()) for _ in range(20)]
    check("17: the same signature 64 times costs one", {a.status for a in got} == {200} and
          time.monotonic() - begun < 20, time.monotonic() - begun)
    kid = tlog.key_id(log.origin, 1, log.public)
    false = "".join(tlog.sig_line(log.origin, kid, bytes([i]) * 64) for i in range(60))
    check("17: sixty false ones are 403", w.ask(
        (log.request(size, size).decode() + false).encode()).status == 403)
    for what, body, want in (
            ("100 signatures", (log.request(size, size).decode() + lines * 100).encode(), 400),
            ("a proof of 1,000 lines", log.request(size, size + 1, proof=[bytes(32)] * 1000), 400),
            ("a text of 60 KiB", log.request(size, size).replace(
                log.text(size).encode(), (log.text(size) + "x\n" * 28000).encode()), 400),
            ("a line of 60 KiB", b"old " + b"1" * 60000 + b"\n\n", 400),
            ("nothing but newlines", b"\n" * 65000, 400),
            ("64 KiB and a byte", b"x" * 65537, 413), ("10 MiB", b"x" * (10 << 20), 413)):
        got = w.ask(body)
        check(f"17: {what}: {want}", got.status == want, got)


def slow(w, log):
    """Connections that say nothing, or a byte now and then, while others are served."""
    size = int(w.ask(log.request(0, 1)).body)
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n"
    sockets = []
    for i in range(200):
        s = w.raw()
        s.sendall([b"", b"POST /add-check", head, head + b"old 5\n"][i % 4])
        sockets.append(s)
    begun = time.monotonic()
    got = [w.ask(log.request(size, size), source="127.0.0.77").status for _ in range(20)]
    check("17: 200 slow connections keep nobody waiting", set(got) == {200} and
          time.monotonic() - begun < 20, (got, time.monotonic() - begun))
    ended, until = 0, time.monotonic() + 60
    pending = list(sockets)
    while pending and time.monotonic() < until:
        for s in list(pending):
            try:
                s.send(b"x") if random.random() < 0.2 else None
                s.setblocking(False)
                if s.recv(4096) == b"":
                    raise ConnectionResetError
            except (BlockingIOError, socket.timeout):
                pass
            except OSError:
                pending.remove(s)
                ended += 1
            finally:
                s.setblocking(True)
        time.sleep(0.5)
    check("17: all of them are closed within a minute", not pending, (ended, len(pending)))
    for s in sockets:
        s.close()


def flood(w, log):
    """Many clients at once, and one that asks without end."""
    size = int(w.ask(log.request(0, 1)).body)
    before = resident(w.process.pid)
    bodies = [b"old 5\n\n", log.request(0, 9), log.request(size, size), b"x" * 60000]
    answers = []

    def client(i):
        try:
            to = w.connect(timeout=30, source=f"127.0.1.{i % 250 + 1}")
            for k in range(60):
                answers.append(w.ask(bodies[(i + k) % 4], to=to).status)
        except (OSError, tlog.http.client.HTTPException) as e:
            answers.append(type(e).__name__)
    threads = [threading.Thread(target=client, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("17: 2,400 requests of 40 clients are answered",
          set(answers) <= {200, 400, 409, 429, 503} and len(answers) == 2400, set(answers))
    grown = resident(w.process.pid) - before
    check("17: and take no memory for good", grown < 64 * 1024, grown)
    check("17: the witness is well", w.get("/healthz").status == 200 and w.process.poll() is None)
    got = [w.ask(log.request(0, 9), source="127.0.3.3").status for _ in range(250)]
    check("17: who asks without end is told to wait", got[0] == 409 and 429 in got, got[-3:])
    check("17: which others do not hear", w.ask(log.request(size, size), source="127.0.3.4").status == 200)


def main(vitrine, folder, _cache=None, seed="1"):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    random.seed(seed)
    log = Log("operator.example/log")
    witnesses = [Witness(vitrine, folder, f"witness-{i}.example", rate=100000) for i in range(3)]
    for w in witnesses:
        w.follow(log)
        w.start()
    try:
        for w in witnesses:
            w.ask(log.request(0, 9))
        thief(vitrine, folder, witnesses, log)
    finally:
        for w in witnesses:
            w.stop()
    journal_deleted(vitrine, folder)
    many_readers(vitrine, folder)
    log, second = Log("two-trees.example"), Log("rewrites.example")
    w = Witness(vitrine, folder, "attacked.example", rate=30000)
    w.follow(log, second)
    with w:
        two_trees(w, log, Tree(log.origin, twist=4))
        rewrites(w, second)
        replays(w, second)
        malformed(w, second, random.Random(seed))
        huge(w, second)
        slow(w, second)
        w.stop()
        w.how["rate"] = 300
        w.start()
        flood(w, second)
        check("stopped with 0", w.stop() == 0)
    print(f"attack/witness: {passed} passed, {failed} failed")
    if failed:
        print(w.err.read_text()[-3000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
