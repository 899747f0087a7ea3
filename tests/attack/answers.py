#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 18 for users' data: kill -9 of any one process while a job is run over them, then the same
command again: it hands out what was made, or says that the run failed and makes another. The
ledger has every run that was begun, nothing in it is a violation, a result that is handed out is
right, and no file holds a record in plain text at any time.

usage: answers.py VITRINE FOLDER CACHE [--rounds N] [--seed N]
"""

import argparse
import json
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import telemetry  # noqa: E402
from party import children, comm  # noqa: E402
from vault import Vault  # noqa: E402

QUERY = "-- columns: user\n-- measures: sum\nSELECT 'all', count(*) FROM events\n"


class Checks:
    passed = failed = 0

    def __call__(self, what, ok, detail=""):
        self.passed += bool(ok)
        self.failed += not ok
        print(f"{'ok    ' if ok else 'FAILED'} {what}{'' if ok else ': ' + str(detail)[:1500]}",
              flush=True)


def plain_files(v, needle):
    """Files of the site's vault and of the sandboxes' places that hold a record."""
    found = []
    for path in (v.site / "vault").rglob("*"):
        try:
            if path.is_file() and needle in path.read_bytes():
                found.append(path)
        except OSError:
            pass
    return found


def kill_one(v, request, rng, after):
    """Starts the answer and kills one of its processes at that moment; the name, or None."""
    proc = v.popen(*v.answer_args(request, v.dir / "killed.age"), "--json")
    end, name = time.monotonic() + after, None
    while proc.poll() is None:
        if name is None and time.monotonic() >= end:
            below = [proc.pid] + children(proc.pid)
            victim = rng.choice(below)
            name = comm(victim) or None
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                name = None
        time.sleep(0.002)
    proc.communicate()
    return name, proc.returncode


def runs_of(v, request):
    seen, _ = v.run("vault", "requests", "--from", v.url(), "--policy", v.policy)
    return next(r for r in seen["requests"] if r["request"] == request)


def await_packed(v, count):
    """Until all that was acknowledged is in segments."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        checked, _ = v.run("vault", "check", v.site)
        if checked["records"] == count:
            return
        time.sleep(0.5)
    raise SystemExit("the vault does not pack what it took")


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("vitrine")
    ap.add_argument("folder")
    ap.add_argument("cache")
    ap.add_argument("--rounds", type=int, default=8)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    rng, c = random.Random(a.seed), Checks()
    with Vault(a.vitrine, a.folder, a.cache) as v:
        v.stop_vault("zurich")
        v.start_vault("zurich", "--pack-after", "1")
        lines = telemetry.regions(2000)["EU"]
        v.send("EU", b"".join(lines))
        await_packed(v, len(lines))
        needle = json.loads(lines[0])["user"].encode()
        request = v.request("EU", QUERY, more=("--runs", "500", "--from", "2020-01-01", "--until",
                                               "2100-01-01"))
        v.approve(request, "dora", "frank", "grace")
        began = time.monotonic()
        c("it answers", v.answer(request)["rows"] == [["all", len(lines)]])
        took = time.monotonic() - began
        for n in range(a.rounds):
            after = rng.uniform(0, took * 0.8)
            name, code = kill_one(v, request, rng, after)
            what = f"round {n}, {name} killed after {after:.2f} s (exit {code})"
            c(f"{what}: no plain text is left", plain_files(v, needle) == [],
              plain_files(v, needle))
            rows = v.answer(request)["rows"]
            c(f"{what}: the same command answers", rows == [["all", len(lines)]], rows)
            left = [p for p in (v.site / "vault/said").iterdir() if p.suffix in (".age", ".begun")]
            c(f"{what}: nothing is left to do", left == [], left)
        audit, _ = v.run("vault", "audit", "--from", v.url(), "--policy", v.policy)
        c("the ledger holds up", audit["violations"] == 0, audit)
        c("every run is in it", runs_of(v, request)["runs"] >= a.rounds + 1, runs_of(v, request))
    print(f"{c.passed} passed, {c.failed} failed")
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
