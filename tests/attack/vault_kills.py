#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 18 for users' data: kill -9 of any one process, at any moment, while events are reported, a
question is answered, a data subject is given a copy or erased, or a region moves to another site.
Then the same command again: it ends, nothing that was acknowledged is lost or there twice, nothing that was
erased can be read, and the ledger holds up.

Each run takes one of the steps, one process of those that are seen (the command and its parts, both
vaults, the log's site) and one moment, all by the seed. A region goes to and fro between the sites.
Every twentieth run, and at the end, all is looked through: every segment's root, the ledger, the
number of records of every region, and what a data subject is given, record by record.

usage: vault_kills.py VITRINE FOLDER CACHE [--runs 12] [--seed 1] [--without-job]
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from party import GivenAgain, Refused, children, comm  # noqa: E402
from vault import Vault  # noqa: E402

SITES = ("zurich", "geneva")
LONGEST = 300  # seconds that a command may take
MOVING = "JP"  # goes to and fro; the others stay
TOTAL = "-- columns: user\n-- measures: sum\nSELECT 'all', count(*) FROM events\n"


class Kills(GivenAgain, Vault):
    """The fixture, with two vaults that run and are started again when they end."""

    def begin(self):
        super().begin()
        self.take_policy("geneva")
        self.start_vault("geneva")
        self.place = {r: "zurich" for r in self.regions}

    def start_vault(self, name, *options):
        super().start_vault(name, "--pack-after", "1", *options)

    def revive(self):
        for name, service in list(self.services.items()):
            if service.poll() is None:
                continue
            if name.startswith("vault-"):
                self.start_vault(name[len("vault-"):])
            elif name == "zurich":
                self.start_one(name, "site", "run")
            else:
                self.revive_witness(name)

    def said(self):
        """The last lines of every service's log, and what is under way at the vaults."""
        logs = [f"{p.name}: {line}" for p in sorted(self.dir.glob("*.log"))
                for line in p.read_text(errors="replace").splitlines()[-12:]]
        moves = [str(p) for site in SITES
                 for p in sorted((self.home[site] / "vault/moves").rglob("*")) if p.is_file()]
        return "\n".join(logs + moves)

    def status(self, site):
        """What the vault says of itself, once it answers; None where it holds nothing of it."""
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(self.vault_url(site) + "/vault/v1/status",
                                            timeout=5) as answer:
                    return json.load(answer)
            except OSError:
                self.revive()
                if time.monotonic() > end:
                    raise Refused(f"the vault of {site} does not answer") from None
                time.sleep(0.2)

    def stored(self, region):
        """Records of the region in segments, once none of its site's batches waits."""
        end = time.monotonic() + 60
        while True:
            now = self.status(self.place[region])
            if now["waiting"]["batches"] == 0:
                for r in now["regions"]:
                    if r["region"] == region:
                        return r["records"]
                return 0
            if time.monotonic() > end:
                raise Refused(f"batches wait for too long: {now}")
            time.sleep(0.1)


class Killer:
    """Runs a command and kills one process once."""

    def __init__(self, v, rng):
        self.v, self.rng = v, rng
        self.took = {}  # how long each step takes, roughly
        self.hits = {}

    def alive(self, proc):
        found = {}
        for pid in [proc.pid, *children(proc.pid)]:
            found.setdefault(("command", comm(pid)), []).append(pid)
        for name in ("zurich", "vault-zurich", "vault-geneva"):
            top = self.v.services[name].pid
            for pid in [top, *children(top)]:
                found.setdefault((name, comm(pid)), []).append(pid)
        return {kind: pids for kind, pids in found.items() if kind[1]}

    def run(self, step, args, stdin=None):
        """Starts it; kills one process at some moment. What was killed, exit code, output."""
        began = time.monotonic()
        at = began + self.rng.uniform(0, 0.9 * self.took.get(step, 2.0))
        source = open(stdin, "rb") if stdin else subprocess.DEVNULL
        proc = subprocess.Popen(self.v.command(*args, "--json"), stdin=source,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        killed = None
        while proc.poll() is None:
            if killed is None and time.monotonic() >= at:
                killed = self.kill(proc, step)
            if killed and time.monotonic() >= at + 1:
                self.v.revive()  # as the machine's own supervisor would
            if time.monotonic() >= began + LONGEST:
                proc.kill()
                proc.communicate()
                raise Refused(f"{step} hangs, {killed} was killed\n{self.v.said()}")
            time.sleep(0.005)
        out, err = proc.communicate()
        if stdin:
            source.close()
        if proc.returncode == 0:
            took = time.monotonic() - began
            self.took[step] = took if step not in self.took else (self.took[step] + took) / 2
        if killed:
            self.hits[(step, *killed)] = self.hits.get((step, *killed), 0) + 1
        return killed, proc.returncode, out, err.decode(errors="replace")

    def kill(self, proc, step):
        found = self.alive(proc)
        if step == "ingest":  # which the log has no part in
            found = {k: pids for k, pids in found.items() if k[0] != "zurich"}
        if not found:
            return None
        kind = self.rng.choice(sorted(found))
        try:
            os.kill(self.rng.choice(found[kind]), signal.SIGKILL)
        except ProcessLookupError:
            return None
        return kind

    def end(self, args, stdin=None, done=lambda code, out, err: code == 0):
        """The same again until it is done: what it says, or its refusal."""
        end = time.monotonic() + 120
        while True:
            self.v.revive()
            source = open(stdin, "rb") if stdin else subprocess.DEVNULL
            p = subprocess.run(self.v.command(*args, "--json"), stdin=source, capture_output=True,
                               timeout=300, check=False)
            if stdin:
                source.close()
            out = json.loads(p.stdout) if p.stdout.strip() else None
            err = p.stderr.decode(errors="replace")
            if done(p.returncode, out, err):
                return out
            if time.monotonic() > end:
                raise Refused(f"{' '.join(map(str, args))}: exit {p.returncode} to the end: {err}")
            time.sleep(0.3)


class Model:
    """What must be there, and each step with its checks."""

    def __init__(self, v, rng):
        self.v, self.rng, self.k = v, rng, Killer(v, rng)
        self.total = {r: 0 for r in v.regions}     # records in the region
        self.subject = {r: {} for r in v.regions}  # subject -> (least, most) of its records
        self.erased = {r: set() for r in v.regions}
        self.erasures = self.moves = self.count = 0
        self.most = {}  # records whose number is not exact: a reporter was killed

    def events(self, subject, n):
        path = self.v.dir / "events.jsonl"
        with open(path, "w", encoding="ascii") as f:
            for i in range(n):
                f.write(json.dumps({"event_id": i % 7, "id": f"{subject}-{i}", "user": subject,
                                    "host": f"host-{i % 3}"}) + "\n")
        return path

    def new_subject(self):
        self.count += 1
        return f"subject-{self.count:04d}"

    def send_args(self, region, spool):
        return (*self.v.send_args(region, spool=spool, site=self.v.place[region]), "--give-up",
                "60")

    def send(self, region, n):
        """Reports, undisturbed."""
        subject = self.new_subject()
        path = self.events(subject, n)
        spool = self.v.dir / "spool"
        self.k.end(self.send_args(region, spool), stdin=path)
        self.total[region] += n
        self.subject[region][subject] = n
        return subject

    def check_total(self, region):
        got = self.v.stored(region)
        if got != self.total[region]:
            raise Refused(f"{region} has {got} records, not {self.total[region]}")

    # -- the steps ---------------------------------------------------------

    def ingest(self):
        region = self.rng.choice(self.v.regions)
        n = self.rng.randrange(50, 30000)
        subject = self.new_subject()
        path = self.events(subject, n)
        spool = self.v.dir / f"spool-{subject}"
        args = self.send_args(region, spool)
        killed, code, _, _ = self.k.run("ingest", args, stdin=path)
        if code != 0:  # what is in the spool goes out; lines that were not read are nobody's
            self.k.end(args)
        shutil.rmtree(spool)
        got = self.v.stored(region) - self.total[region]
        least = n if code == 0 else 0  # all of it was acknowledged, or nobody said so
        if not least <= got <= n:
            raise Refused(f"{region}: {got} of {n} reported records are there")
        self.total[region] += got
        self.subject[region][subject] = got
        return killed

    def ask_about(self, region, subject, mode):
        salt = self.v.dir / f"{mode}.salt"
        salt.unlink(missing_ok=True)
        site = self.v.place[region]
        request = self.v.request(region, mode=mode, purpose="data-subject", more=(
            "--subject", subject, "--secret", self.v.secret(), "--salt-out", salt))
        self.v.approve(request, "dora", region=region, site=site)
        return request, salt

    def copy_of(self, region, subject):
        """All ids of a subject's records, by an export."""
        request, salt = self.ask_about(region, subject, "export")
        out = self.v.dir / "copy.age"
        out.unlink(missing_ok=True)
        said = self.k.end(("vault", "export", request, self.v.home[self.v.place[region]],
                           "--salt", salt, "--out", out),
                          done=lambda code, out, err: code == 0 or code == 1)
        if said.get("error"):
            return said, []
        return said, self.opened(out) if shutil.which("age") else None

    def opened(self, out):
        plain = subprocess.run(["age", "-d", "-i", self.v.dir / "carol.box", out],
                               capture_output=True, check=True).stdout.splitlines()
        return [json.loads(line)["id"] for line in plain]

    def erasure(self):
        region = self.rng.choice(self.v.regions)
        subject = self.send(region, self.rng.randrange(5, 60))
        request, salt = self.ask_about(region, subject, "erasure")
        home = self.v.home[self.v.place[region]]
        args = ("vault", "erase", request, home, "--salt", salt)
        killed, _, _, _ = self.k.run("erasure", args)
        first = self.k.end(args)
        again = self.k.end(args)
        if first["entry"] != again["entry"] or first["keys"] != again["keys"]:
            raise Refused(f"two erasures for one request: {first} {again}")
        self.erasures += 1
        self.erased[region].add(subject)
        self.subject[region].pop(subject)
        roots = [p.name for p in (home / "vault/ring").glob("root-*")]
        if roots != [f"root-{first['generation_after']}"]:
            raise Refused(f"root keys that should be gone: {roots}, {first}")
        said, ids = self.copy_of(region, subject)
        if ids or said.get("records", 0) != 0:
            raise Refused(f"an erased subject can be read: {said}")
        self.check_total(region)
        return killed

    def export(self):
        region = self.rng.choice(self.v.regions)
        subject = self.send(region, self.rng.randrange(5, 400))
        request, salt = self.ask_about(region, subject, "export")
        out = self.v.dir / "copy.age"
        out.unlink(missing_ok=True)
        args = ("vault", "export", request, self.v.home[self.v.place[region]], "--salt", salt,
                "--out", out)
        killed, code, _, _ = self.k.run("export", args)
        if code != 0:
            self.k.end(args, done=lambda code, out, err: code == 0 or
                       (code == 1 and ("spent" in err or "were begun" in err)))
        if out.exists() and shutil.which("age"):
            ids = self.opened(out)
            want = [f"{subject}-{i}" for i in range(self.subject[region][subject])]
            if sorted(ids) != sorted(want):
                raise Refused(f"{subject} in {region} was given {len(ids)} records")
        return killed

    def lay_part(self, was, to):
        """A segment that arrived whole at a site which died before it was looked at."""
        there = self.v.home[to] / "vault/moves" / MOVING
        segments = sorted((self.v.home[was] / "vault/segments" / MOVING).glob("*"))
        if segments and not there.exists():
            (there / "parts").mkdir(parents=True, mode=0o700)
            shutil.copy(segments[0], there / "parts" / f"{segments[0].name}.part")

    def relocation(self):
        region = MOVING
        was = self.v.place[region]
        to = SITES[1 - SITES.index(was)]
        self.send(region, self.rng.randrange(20, 400))
        self.v.stored(region)  # in segments, no longer waiting
        self.lay_part(was, to)
        self.v.place[region] = to
        self.v.say_policy(self.v.place)
        for site in SITES:
            self.v.take_policy(site)
        args = ("vault", "relocate", region, "--from", self.v.home[was], "--to",
                self.v.vault_url(to))
        killed, code, _, _ = self.k.run("relocation", args)
        if code != 0:
            self.k.end(args)
        self.moves += 1
        left = list((self.v.home[was] / f"vault/segments/{region}").glob("*"))
        if left:
            raise Refused(f"{was} kept segments: {left}")
        self.check_total(region)
        return killed

    def grant(self):
        region = "EU"
        self.send(region, self.rng.randrange(5, 50))
        while len(self.subject[region]) < self.v.threshold:
            self.send(region, 10)
        self.check_total(region)
        request = self.v.request(region, TOTAL)
        self.v.approve(request, "dora", "frank", "grace", region=region)
        sealed = self.v.dir / "result.age"
        sealed.unlink(missing_ok=True)
        args = self.v.answer_args(request, sealed)
        killed, code, _, _ = self.k.run("grant", args)
        if code != 0:
            # A session that came to nothing counts as a run, and there was to be one.
            self.k.end(args, done=lambda code, out, err: code == 0 or
                       (code == 1 and ("spent" in err or "were begun" in err)))
        if sealed.exists():
            # A job that ends ill in fewer cells than the threshold is not told of, and its
            # records are not counted: who killed it must not learn whose they were.
            self.check_rows(region, sealed, whole=not killed or killed[0] != "command")
        plain = next(iter(self.subject[region])).encode()
        for site in SITES:
            for p in (self.v.home[site] / "vault").rglob("*"):
                if p.is_file() and plain in p.read_bytes():
                    raise Refused(f"plain records on disk: {p}")
        return killed

    def check_rows(self, region, sealed, whole):
        got, _ = self.v.run("vault", "result", sealed, "--box", self.v.dir / "carol.box")
        rows = got["rows"]
        want = sum(self.subject[region].values())
        counted = rows[0][-1] if rows else 0
        if counted > want or (whole and counted != want):
            raise Refused(f"the answer counts {rows}, not {want}")

    # -- all of it ---------------------------------------------------------

    def check_all(self):
        """By the ledger, by every segment, and by what a subject is given."""
        self.v.revive()
        for region in self.v.regions:
            self.check_total(region)
            if self.subject[region]:
                subject = self.rng.choice(sorted(self.subject[region]))
                want = self.subject[region][subject]
                said, ids = self.copy_of(region, subject)
                if said["records"] != want if "records" in said else want != 0:
                    raise Refused(f"{subject} in {region}: {said}, not {want}")
                if ids is not None and (len(set(ids)) != len(ids) or len(ids) != want):
                    raise Refused(f"{subject} in {region}: {len(set(ids))} of {len(ids)} records")
        for site in SITES:
            check, _ = self.v.run("vault", "check", self.v.home[site])
            if check["result"] != "whole":
                raise Refused(f"{site}: {check}")
        audit, _ = self.v.run("vault", "audit", "--from", self.v.url(), "--policy", self.v.policy)
        if audit["violations"] or audit["erasures"] != self.erasures or \
                audit["relocations"] != self.moves or audit["open_relocations"]:
            raise Refused(f"the ledger: {self.erasures} erasures, {self.moves} moves; {audit}")


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("vitrine")
    ap.add_argument("folder")
    ap.add_argument("cache")
    ap.add_argument("--runs", type=int, default=12)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--without-job", action="store_true",
                    help="leave out questions, for which a job is assembled first")
    a = ap.parse_args()
    rng = random.Random(a.seed)
    passed = failed = 0
    Kills.job = not a.without_job
    steps = ["ingest", "erasure", "relocation", "export"] + ([] if a.without_job else ["grant"])
    with Kills(a.vitrine, a.folder, a.cache) as v:
        model = Model(v, rng)
        for run in range(a.runs):
            step = steps[run % len(steps)]
            began = time.monotonic()
            try:
                killed = getattr(model, step)()
                if run % 20 == 19 or run == a.runs - 1:
                    model.check_all()
                passed += 1
                print(f"{run}: {step}: killed {killed}, {time.monotonic() - began:.1f} s",
                      flush=True)
            except (Refused, subprocess.SubprocessError, KeyError, ValueError) as e:
                failed += 1
                print(f"{run}: {step}: FAILED {type(e).__name__} {e}", flush=True)
                break
        print(f"processes hit: {sorted(model.k.hits.items())}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
