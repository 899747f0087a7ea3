#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 7, against those who ask: a log whose operator hides an entry. What is served and was changed is refused
by who asks; a false root of the index that the log signs is found by who recomputes it, and is evidence. The index
is made here a second time, from its page alone.

usage: find.py VITRINE FOLDER CACHE
"""

import base64
import hashlib
import http.client
import json
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from log_party import Logs, Refused, tree  # noqa: E402

BLOCK, PAGE, RECORD = 256, 64, 40
LINE = re.compile(rb"(?:subject [^ ]+|statement) sha256:([0-9a-f]{64})")

passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    print(f"{'ok    ' if ok else 'FAILED'} {what}{'' if ok else ': ' + str(detail)[:1500]}", flush=True)


def sha(data):
    return hashlib.sha256(data).digest()


# --- the index by its page ---------------------------------------------------------------------


def keys(entry):
    """The digests that the index has an entry under."""
    found = {sha(entry)}
    if entry.startswith(b"vitrine/entry/v1\n"):
        lines = entry.split(b"\n")[:-1]
        lines = lines[:lines.index(b"")] if b"" in lines else lines
        named = [bytes.fromhex(m[1].decode()) for m in map(LINE.fullmatch, lines) if m]
        found |= set(named) if len(named) <= 65 else set()
    return found


def records(entries, first):
    """The sorted records of a run whose entries these are."""
    return sorted(k + (first + i).to_bytes(8, "big") for i, e in enumerate(entries) for k in keys(e))


def pages(of):
    return [b"".join(of[i:i + PAGE]) for i in range(0, len(of), PAGE)]


def run_file(of):
    """What the file of a run of fewer than 256 pages holds, and the run's root."""
    hashes = [sha(b"\0" + p) for p in pages(of)]
    assert len(hashes) < 256
    return b"".join(of) + b"".join(hashes), tree(hashes)


def runs_of(size):
    """(k, j, first entry, entries) of the runs of an index of that size."""
    at, k = 0, 27
    while k >= 0:
        length = BLOCK * 4**k
        if size - at >= length:
            yield k, at // length, at, length
            at += length
        else:
            k -= 1


def index_text(origin, entries, size, change=lambda of: of):
    """The text of an index root, and its runs' files. `change` is what a liar does to a run's records."""
    root = tree([sha(b"\0" + e) for e in entries[:size]])
    text = f"vitrine/log-index/v1\n{origin}\nsize {size}\n{base64.b64encode(root).decode()}\n"
    files = {}
    for k, j, first, length in runs_of(size):
        of = change(records(entries[first:first + length], first))
        files[f"{k}/{j}"], root = run_file(of)
        text += f"run {k} {j} {len(of)} {base64.b64encode(root).decode()}\n"
    return text, files


# --- the log -----------------------------------------------------------------------------------


def entry(i):
    """Entries of two parties about some artifacts; of three one is no entry of ours."""
    artifact = sha(b"artifact %d" % (i % 50)).hex()
    if i % 3 == 2:
        return b"anything %d" % i
    return (f"vitrine/entry/v1\nkind release\nsubject artifact sha256:{artifact}\n"
            f"statement sha256:{sha(b'statement %d' % i).hex()}\n\n").encode()


def read_entries(s):
    """All entries of the folder that is served."""
    got, n = [], 0
    while True:
        full = s.home / f"public/tile/entries/{n:03}"
        partial = full.with_name(full.name + ".p")
        files = [full] if full.exists() else sorted(partial.glob("*"), key=lambda p: int(p.name))[-1:] if (
            partial.exists()) else []
        if not files:
            return got
        data, at = files[0].read_bytes(), 0
        while at < len(data):
            length = int.from_bytes(data[at:at + 2], "big")
            got.append(data[at + 2:at + 2 + length])
            at += 2 + length
        n += 1


def find(s, digest, *more, where=None, code=0):
    """What `log find` answers; None when it refuses as it should."""
    got, said = s.code("log", "find", digest, "--from", where or s.url("log"), "--policy", s.policy, "--json", *more)
    if got != code:
        raise Refused(f"log find {digest}: exit {got}, not {code}: {said}")
    return json.loads(said.splitlines()[0]) if code == 0 else said


def indexes(answer):
    return [e["index"] for e in answer["entries"]]


def fill(s, count):
    to = http.client.HTTPConnection("127.0.0.1", s.ports["log"], timeout=60)
    for i in range(count):
        to.request("POST", "/add", entry(i))
        got = to.getresponse()
        assert got.status == 200, got.read()
        got.read()


def honest(s):
    fill(s, 700)
    s.until("an index root is published", lambda: (s.home / "public/index/latest").exists(), 120)
    at = int((s.home / "public/index/latest").read_text().splitlines()[0])
    s.until("and it is covered", lambda: s.size() > at)
    entries = read_entries(s)
    size = int(entries[at].split(b"\n")[2].split()[1])
    text, files = index_text(s.origin, entries, size)
    check("the root is what the page says", entries[at].decode().startswith(text + "\n\N{EM DASH} "),
          (text, entries[at]))
    check("and so are the runs", all(
        (s.home / "public/index" / name).read_bytes() == data for name, data in files.items()))
    for digest in [sha(b"artifact %d" % i) for i in (0, 7, 49)] + [sha(entry(5)), sha(b"nothing"), sha(entries[at])]:
        want = [i for i, e in enumerate(entries) if digest in keys(e)]
        got = find(s, digest.hex())
        everything = find(s, digest.hex(), "--all")
        check("found is what there is", indexes(got) == want == indexes(everything) and got["index"] is not None and
              got["complete_to"] >= len(entries) and everything["index"] is None, (got, want))
    check("log check --index", s.code("log", "check", "--index", "--from", s.url("log"), "--policy", s.policy)[0] == 0)
    return entries, at, size


def saved(s, digest):
    """An answer as a file, changed in one byte anywhere."""
    file = s.dir / "answer"
    first = find(s, digest.hex(), "--save", file)
    ask = ["log", "find", digest.hex(), "--check", file, "--policy", s.policy]
    again = s.run(*ask)[0]
    check("checked offline it is the same", indexes(again) == indexes(first) and
          again["complete_to"] == first["complete_to"], again)
    data = file.read_bytes()
    for at in (3, 30, 90, 200, len(data) // 2, len(data) - 40, len(data) - 1):
        file.write_bytes(data[:at] + bytes([data[at] ^ 8]) + data[at + 1:])
        check(f"byte {at} changed is refused", s.code(*ask)[0] == 1)
    file.write_bytes(data)
    check("so is another digest's answer", s.code("log", "find", sha(b"other").hex(), *ask[3:])[0] == 1)


def served_false(s, digest):
    """The runs that are served say nothing of the digest."""
    copy = s.dir / "mirror"
    shutil.copytree(s.home / "public", copy)
    for file in copy.glob("index/[0-9]*/*"):
        data = file.read_bytes()
        file.write_bytes(data.replace(digest, digest[:-1] + bytes([digest[-1] ^ 1])))
    said = find(s, digest.hex(), where=copy, code=1)
    check("a run that was changed is refused", "do not lead to the root that the log signed" in said, said)
    for file in copy.glob("index/[0-9]*/*"):
        file.unlink()
    check("so are runs that are not there", s.code(
        "log", "find", digest.hex(), "--from", copy, "--policy", s.policy)[0] != 0)
    (copy / "index/latest").write_text("5\n")
    find(s, digest.hex(), where=copy, code=1)
    (copy / "index/latest").unlink()
    check("without an index everything is read", indexes(find(s, digest.hex(), where=copy)) ==
          indexes(find(s, digest.hex(), "--all")))


def signed_false(s, entries, size, digest):
    """The operator signs an index root without the digest, logs it, and serves it."""
    hide = digest[:-1] + bytes([digest[-1] ^ 1])

    def change(of):
        return sorted(r.replace(digest, hide) for r in of)

    text, files = index_text(s.origin, entries, size, change)
    at = s.add((text + "\n" + s.key("log").sign(text)).encode(), wait=60)
    copy = s.dir / "lie"
    s.until("the false root is published", lambda: s.size() > at)
    shutil.copytree(s.home / "public", copy)
    (copy / "index/latest").write_text(f"{at}\n")
    for name, data in files.items():
        (copy / "index" / name).parent.mkdir(exist_ok=True)
        (copy / "index" / name).write_bytes(data)
    lied = find(s, digest.hex(), where=copy)
    below = [i for i in indexes(find(s, digest.hex(), "--all", where=copy)) if i < size]
    check("who asks is told on which root the answer rests", lied["index"]["entry"] == at and below and
          not [i for i in indexes(lied) if i < size], lied)
    said = find(s, hide.hex(), where=copy, code=1)
    check("who asks for what was put there instead sees the lie", f"the index root of entry {at} is false" in said, said)
    code, said = s.code("log", "check", "--index", "--from", s.url("log"), "--policy", s.policy)
    check("who recomputes the index finds it", code == 1 and f"entry {at}, an index root signed by {s.origin}" in said,
          (code, said))
    check("without --index the log is sound: the lie is in it for ever",
          s.code("log", "check", "--from", s.url("log"), "--policy", s.policy)[0] == 0)


def main():
    vitrine, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    digest = sha(b"artifact 7")
    try:
        with Logs(vitrine, folder) as s:
            entries, _, size = honest(s)
            saved(s, digest)
            served_false(s, digest)
            signed_false(s, entries, size, digest)
    except Refused as e:
        check("to the end", False, e)
    if not failed:
        shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
