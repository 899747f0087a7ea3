#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 18 for a log: each system call of its write path fails, or is the last one before kill -9. Every
write, fsync, fdatasync, syncfs, rename, open and truncation between opening a log and closing it is counted,
then one after the other is made to fail (EIO, ENOSPC) or to be where the process dies, by strace's fault
injection. Then the log is opened again: nothing that was acknowledged is lost, no size has two signed
roots, what is public is the whole log, and it goes on. And a full disk: it refuses, and resumes when there
is room. Another program with the same verbs is tried in the same way: witness_crash, a witness's records.

Each run is named by its seed, its call and its fault, so that it can be made again. With fewer --runs than
there are places, the seed says which.

usage: log_faults.py LOG_CRASH FOLDER [--runs 520] [--seed 1] [--jobs 2] [--full BYTES]
"""

import argparse
import collections
import concurrent.futures
import pathlib
import random
import re
import shutil
import subprocess
import sys

CALLS = ("openat", "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "syncfs", "sync_file_range",
         "rename", "renameat", "renameat2", "ftruncate", "fallocate", "mkdir", "mkdirat", "unlink", "unlinkat",
         "link", "linkat")
FAULTS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "kill": "signal=SIGKILL"}
# One that begins just before the write-ahead log goes on in another file.
NEARLY_FULL = 67_000_000


def run(*args, timeout=900):  # a machine may stand still for minutes
    return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False)


class Faults:
    def __init__(self, program, folder, full=NEARLY_FULL):
        self.program, self.dir = program, folder
        self.template = folder / "template"
        shutil.rmtree(folder, ignore_errors=True)
        self.template.mkdir(parents=True)
        done = run(program, "fill", self.template, self.template / "notes", full)
        if done.returncode != 0:
            raise SystemExit(f"log_faults: {done.stderr}")

    def begin(self, where, full):
        shutil.rmtree(where, ignore_errors=True)
        if full:
            shutil.copytree(self.template, where)
        else:
            where.mkdir(parents=True)
        return where / "notes"

    def places(self, seed, full):
        """How often each call is made once the log is being opened, and how often before."""
        where = self.dir / "count"
        notes = self.begin(where, full)
        trace = self.dir / "trace"
        done = run("strace", "-f", "-qq", "-o", trace, "-e", "trace=" + ",".join("?" + c for c in CALLS),
                   self.program, "run", where, notes, seed)
        if done.returncode != 0:
            raise SystemExit(f"log_faults: {done.stderr}")
        before, within = collections.Counter(), collections.Counter()
        begun = False
        for line in trace.read_text().splitlines():
            call = re.match(r"(?:\d+ +)?(\w+)\(", line)
            if not call:
                continue
            begun = begun or f'"{where}/' in line and "/notes" not in line
            (within if begun else before)[call[1]] += 1
        shutil.rmtree(where)
        return [(call, before[call] + n) for call in within for n in range(1, within[call] + 1)]

    def one(self, seed, full, call, n, fault):
        """'' when all is as it should be."""
        where = self.dir / f"{seed}-{'full-' if full else ''}{call}-{n}-{fault}"
        notes = self.begin(where, full)
        broken = run("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                     f"inject={call}:{FAULTS[fault]}:when={n}", self.program, "run", where, notes, seed)
        if fault != "kill" and broken.returncode != 0:
            return f"ended with {broken.returncode}: {broken.stderr[-300:]}"
        checked = run(self.program, "check", where, notes)
        if checked.returncode != 0:
            return f"{checked.stderr[-300:]} (left in {where})"
        shutil.rmtree(where)
        return ""


def full_disk(program, folder):
    """On a small file system of its own, in a mount namespace of its own."""
    where = folder / "small"
    where.mkdir(parents=True, exist_ok=True)
    script = (f"mount -t tmpfs -o size=24m none {where} && dd if=/dev/zero of={where}/ballast bs=1M count=8 "
              f"status=none && exec {program} space {where} {folder}/small-notes")
    for how in (["unshare", "-m"], ["unshare", "-rm"]):
        if run(*how, "true").returncode == 0:
            return run(*how, "sh", "-c", script)
    return None


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("program", type=pathlib.Path)
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("--runs", type=int, default=520)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--full", type=int, default=NEARLY_FULL)
    a = ap.parse_args()
    if not shutil.which("strace") or run("strace", "-qq", "-o", "/dev/null", "true").returncode != 0:
        print("log_faults: strace cannot trace here")
        print("0 passed, 0 failed, 1 skipped")
        return 77
    f = Faults(a.program.resolve(), a.folder.resolve(), a.full)
    todo = []
    for full, seeds in ((False, 3), (True, 1)):
        for seed in range(a.seed, a.seed + seeds):
            todo += [(seed, full, call, n, fault) for call, n in f.places(seed, full) for fault in FAULTS]
    print(f"log_faults: {len(todo)} places and faults", flush=True)
    random.Random(a.seed).shuffle(todo)
    # A log that begins anew first, so that a short run sees each kind of call.
    todo = todo[:a.runs] if a.runs > 0 else todo
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for what, said in zip(todo, pool.map(lambda t: f.one(*t), todo)):
            passed, failed = passed + (not said), failed + bool(said)
            if said:
                print("FAILED", *what, said, flush=True)
    by = collections.Counter((call, fault) for _, _, call, _, fault in todo)
    print("log_faults: " + ", ".join(f"{c} {k} {n}" for (c, k), n in sorted(by.items())), flush=True)
    is_log = a.program.stem == "log_crash"
    disk = full_disk(f.program, f.dir) if is_log else None
    skipped = is_log and disk is None
    if disk is not None:
        passed, failed = passed + (disk.returncode == 0), failed + (disk.returncode != 0)
        print(("ok     " if disk.returncode == 0 else "FAILED ") + "a full disk: " + disk.stderr.strip()[-300:])
    if not failed:
        shutil.rmtree(f.dir)
    print(f"{passed} passed, {failed} failed" + (", 1 skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
