#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 18: kill -9 of any one process while a release is assembled, rebuilt and published, then
the same command again: it completes, and the log holds every entry that was acknowledged.

For each of assemble, rebuild and publish, and for each kind of process that is seen while it runs
(the command itself, its parts, the sandbox, the site's http, log and signer), one process is killed
at a seeded moment.

usage: kills.py VITRINE FOLDER CACHE [--rounds 2] [--most KINDS] [--seed 1]
"""

import argparse
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from party import GivenAgain, Parties, Refused, children, comm  # noqa: E402


class Killed(GivenAgain, Parties):
    """Parties of which one process dies now and then."""


class Acknowledged:
    """Every entry that a command said is in the log, by index."""

    def __init__(self):
        self.entry = {}

    def note(self, p, out):
        for index in indices(out):
            text = published(p, index)
            before = self.entry.setdefault(index, text)
            if before != text:
                raise Refused(f"entry {index} is another one than was acknowledged")

    def check(self, p):
        p.run("log", "check", "--from", p.url(), "--policy", p.policy)
        for index in list(self.entry):
            self.note(p, {"entry": index})


def published(p, index):
    """The bytes of an entry. What was acknowledged is durable at once and public a moment later."""
    end = time.monotonic() + 30
    while True:
        try:
            p.run("log", "prove", index, "--from", p.url(), "--policy", p.policy, "--output",
                  p.dir / "ack.proof", "--entry", p.dir / "ack.entry")
            return (p.dir / "ack.entry").read_bytes()
        except Refused:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def indices(out):
    """All members called entry (an index) anywhere in a result."""
    if isinstance(out, dict):
        for key, value in out.items():
            if key == "entry" and isinstance(value, int):
                yield value
            else:
                yield from indices(value)
    elif isinstance(out, list):
        for value in out:
            yield from indices(value)


def seen_while(p, args):
    """Runs a command to its end; the kinds of processes seen below it and the site, and how long."""
    began = time.monotonic()
    proc = p.popen(*args, "--json")
    kinds = set()
    while proc.poll() is None:
        for pid in [proc.pid, *children(proc.pid)]:
            kinds.add(("command", comm(pid)))
        for name, service in p.services.items():
            for pid in children(service.pid):
                kinds.add((name, comm(pid)))
        time.sleep(0.01)
    out, err = proc.communicate()
    if proc.returncode != 0:
        raise Refused(f"{args}: exit {proc.returncode}: {err}")
    return {k for k in kinds if k[1]}, time.monotonic() - began, out


def victims(p, proc, kind):
    where, name = kind
    top = proc.pid if where == "command" else p.services[where].pid
    pids = [top, *children(top)] if where == "command" else children(top)
    return [pid for pid in pids if comm(pid) == name]


def kill_one(p, args, kind, after):
    """Starts the command, kills one process of that kind at or after the moment; True if it did."""
    proc = p.popen(*args, "--json")
    end = time.monotonic() + after
    killed = False
    while proc.poll() is None:
        if not killed and time.monotonic() >= end:
            for pid in victims(p, proc, kind)[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed = True
                except ProcessLookupError:
                    pass
        time.sleep(0.002)
    proc.communicate()
    return killed


def left_over(p, mark):
    """Processes of a sandbox that outlived their command."""
    out = []
    for d in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (d / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "bwrap" in line and str(mark) in line:
            out.append(line[:200])
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("vitrine")
    ap.add_argument("folder")
    ap.add_argument("cache")
    ap.add_argument("--rounds", type=int, default=2)
    ap.add_argument("--most", type=int, help="kinds of processes at the most, for each command")
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    passed = failed = 0
    acked = Acknowledged()
    with Killed(a.vitrine, a.folder, a.cache) as p:
        version = 0

        def next_version():
            nonlocal version
            version += 1
            return f"1.0.{version}"

        def prepare(stage):
            """All that comes before `stage` for a new version; the stage's commands."""
            v = next_version()
            source = p.add_source()["source"]
            args = p.assemble_args(v, source)
            if stage == "assemble":
                return v, args
            made, _ = p.run(*args)
            acked.note(p, made)
            p.stage("sha256:" + made["artifacts"][0]["sha256"])
            if stage == "rebuild":
                return v, p.rebuild_args("alpha")
            for name in ("alpha", "beta"):
                out, _ = p.run(*p.rebuild_args(name))
                acked.note(p, out)
            return v, ("release", "publish", "products", "--site", p.site)

        def complete(stage, v, args):
            """The same command again, and all that follows it."""
            p.revive()
            out, _ = p.run(*args)
            acked.note(p, out)
            if stage == "assemble":
                p.stage("sha256:" + out["artifacts"][0]["sha256"])
            if stage != "publish":
                for name in ("alpha", "beta"):
                    out, _ = p.run(*p.rebuild_args(name))
                    acked.note(p, out)
            out, _ = p.publish()
            acked.note(p, out)
            p.update("customer")
            link = os.readlink(p.dir / "customer/products/hello/current")
            if link != v:
                raise Refused(f"the customer has {link}, not {v}")
            acked.check(p)

        for stage in ("assemble", "rebuild", "publish"):
            v, args = prepare(stage)
            kinds, took, _ = seen_while(p, args)
            complete(stage, v, args)
            print(f"{stage}: {took:.1f} s, processes {sorted(kinds)}", flush=True)
            chosen = sorted(kinds)
            if a.most and a.most < len(chosen):
                chosen = rng.sample(chosen, a.most)
            for kind in chosen:
                for _ in range(a.rounds):
                    v, args = prepare(stage)
                    hit = kill_one(p, args, kind, rng.uniform(0, took))
                    try:
                        complete(stage, v, args)
                        left = left_over(p, p.site)
                        if left:
                            raise Refused(f"still running: {left}")
                        passed += 1
                    except Refused as e:
                        failed += 1
                        print(f"{stage}: killed {kind} (hit: {hit}): {e}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
