#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 5 and the parsers: 200 seeded single-byte changes over passport, policy, proof, TUF
metadata and artifact files. Each must be refused (exit 1 or 2), never accepted, never a crash.

usage: flips.py VITRINE FOLDER CACHE [--count 200] [--seed 1]
"""

import argparse
import pathlib
import random
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from party import Parties  # noqa: E402


def flip(path, rng):
    """Changes one byte of the file to another value; returns (offset, old, new)."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    old = data[at]
    data[at] = rng.choice([v for v in range(256) if v != old])
    path.write_bytes(data)
    return at, old, data[at]


class Case:
    """A file to change and the command that must then refuse."""

    def __init__(self, name, path, command):
        self.name, self.path, self.command = name, path, command


def cases(p, digest):
    work = p.dir / "flips"
    work.mkdir()
    artifact = work / "artifact"
    passport = work / "passport"
    policy = work / "policy"
    obj = p.site / f"public/objects/sha256/{digest[:2]}/{digest}"
    shutil.copy(obj, artifact)
    shutil.copy(p.site / f"public/passports/{digest}.passport", passport)
    shutil.copy(p.policy, policy)
    proof, entry = work / "entry.tlog-proof", work / "entry"
    p.run("log", "prove", 0, "--from", p.url(), "--policy", p.policy, "--output", proof,
          "--entry", entry)

    verify = ("verify", artifact, "--passport", passport, "--policy", policy)
    check = ("log", "verify", entry, "--proof", proof, "--policy", p.policy)
    yield Case("passport", passport, lambda: verify)
    yield Case("policy", policy, lambda: verify)
    yield Case("artifact", artifact, lambda: verify)
    yield Case("proof", proof, lambda: check)
    yield Case("entry", entry, lambda: check)

    def update():
        shutil.rmtree(p.dir / "victim", ignore_errors=True)
        return p.update_args("victim")

    meta = p.site / "public/tuf/metadata"
    for role in ("timestamp", "snapshot", "targets", "products"):
        name = max(meta.glob(f"*{role}.json"), key=lambda f: int(f.name.split(".")[0])
                   if f.name[0].isdigit() else 0)
        yield Case(f"metadata {role}", name, update)
    yield Case("served artifact", next((p.site / "public/tuf/targets").rglob(f"{digest}.*")), update)
    yield Case("served passport", p.site / f"public/passports/{digest}.passport", update)

    root = work / "root.json"
    shutil.copy(p.root, root)

    def update_root():
        args = list(update())
        args[args.index("--root") + 1] = root
        return args

    yield Case("metadata root", root, update_root)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("vitrine")
    ap.add_argument("folder")
    ap.add_argument("cache")
    ap.add_argument("--count", type=int, default=200)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    passed = failed = 0
    with Parties(a.vitrine, a.folder, a.cache) as p:
        digest = p.release("1.0.0")
        p.update("victim")
        every = list(cases(p, digest))
        for case in every:  # each command says yes before anything is changed
            p.run(*case.command())
        for n in range(a.count):
            case = every[n % len(every)]
            whole = case.path.read_bytes()
            at, old, new = flip(case.path, rng)
            args = case.command()
            proc = p.popen(*args)
            _, err = proc.communicate(timeout=120)
            case.path.write_bytes(whole)
            line = err.strip().splitlines()[-1] if err.strip() else ""
            if proc.returncode in (1, 2) and line:
                passed += 1
            else:
                failed += 1
                print(f"flip {n}: {case.name} byte {at}: {old:#04x} -> {new:#04x}: exit "
                      f"{proc.returncode}: {err.strip()[-600:]}")
        for case in every:  # and again once all is put back
            p.run(*case.command())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
