#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threats 9 to 14: insiders, stolen disks, a site that drops records while it moves them, endpoints
of another region, and jobs that want to carry data out. Each is tried against running processes, by
somebody who has the keys that the threat names and does not use our commands where they would stop.

usage: vault.py VITRINE FOLDER CACHE INSIDER
"""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import telemetry  # noqa: E402
from vault import Vault  # noqa: E402

TOTAL = "-- columns: user\n-- measures: sum\nSELECT 'all', count(*) FROM events\n"


FALSE_GRANTS = 6  # that the insider says in the ledger and an auditor is to find


class Checks:
    passed = failed = 0

    def __call__(self, what, ok, detail=""):
        self.passed += bool(ok)
        self.failed += not ok
        print(f"{'ok    ' if ok else 'FAILED'} {what}{'' if ok else ': ' + str(detail)[:1500]}",
              flush=True)


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Insider:
    """Says and shows what our commands would not."""

    def __init__(self, v, program):
        self.v, self.program, self.count = v, program, 0

    def run(self, *args):
        return subprocess.run([self.program, *map(str, args)], capture_output=True, text=True,
                              timeout=120, check=False)

    def say(self, kind, key, fields, *subjects):
        """A signed document in the log, right or wrong; its digest."""
        self.count += 1
        path = self.v.dir / f"insider-{self.count}.txt"
        path.write_text("".join(f"{k} {x}\n" for k, x in fields))
        done = self.run("say", kind, key, self.v.policy, self.v.url(), path, *subjects)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def approval(self, request, who, key=None):
        return self.say("approval", self.v.dir / f"{key or who}.key", [
            ("request", request), ("approver", f"{who}.example"), ("verdict", "approve"),
            ("made", now())], f"request={request}")

    def grant(self, request, approvals, site="zurich"):
        v = self.v
        return self.say("grant", v.home[site] / "keys/vault.key", [
            ("request", request), ("policy", v.previous), ("site", f"{site}.example"),
            ("mode", "access"), *(("approval", a) for a in approvals), ("made", now())],
            f"policy={v.previous}", f"request={request}")

    def evidence(self, *documents):
        self.count += 1
        out = self.v.dir / f"insider-{self.count}.evidence"
        done = self.run("evidence", self.v.policy, self.v.url(), out, self.v.site, *documents)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return out

    def shares(self, *requests):
        """All shares that approvers have sent to the site for these requests."""
        out = self.v.dir / "insider.shares"
        with open(out, "wb") as f:
            for request in requests:
                folder = self.v.site / "vault/shares-in" / request.removeprefix("sha256:")
                for path in sorted(folder.glob("*")):
                    data = path.read_bytes()
                    f.write(struct.pack(">I", len(data)) + data)
        return out

    def open(self, evidence, shares, passport=None):
        """What the keeper says."""
        done = self.run("open", self.v.site, evidence, shares, passport or self.v.job_passport)
        return done.stdout.strip(), done.stderr


def approvals_of(v, request):
    """Digests of the approval documents of a request, as the ledger has them."""
    out, _ = v.run("vault", "requests", "--from", v.url(), "--policy", v.policy)
    for r in out["requests"]:
        if r["request"] == request:
            return [a["approval"] for a in r["approvals"]]
    raise KeyError(request)


# -- threats 9 and 10: without a grant, and with a false one ----------------------------


def false_grants(v, c, insider):
    """The site's own key says that there is a grant: the keeper does not believe it."""
    request = v.request("EU", TOTAL)
    none = insider.grant(request, [])
    said, why = insider.open(insider.evidence(request, none), insider.shares())
    c("no approvals: refused", said == "approvals", (said, why))

    v.approve(request, "dora", "frank")
    two = approvals_of(v, request)
    short = insider.grant(request, two)
    said, why = insider.open(insider.evidence(request, *two, short), insider.shares(request))
    c("one approval too few: refused", said == "approvals", (said, why))

    again = insider.approval(request, "frank")
    twice = insider.grant(request, [*two, again])
    said, why = insider.open(insider.evidence(request, *two, again, twice),
                             insider.shares(request))
    c("one approver twice: refused", said == "approvals", (said, why))

    # Somebody who is no approver of that mode.
    other = insider.approval(request, "ivan")
    third = insider.grant(request, [*two, other])
    said, why = insider.open(insider.evidence(request, *two, other, third),
                             insider.shares(request))
    c("an approver of another group: refused", said == "approvals", (said, why))

    # The approvals are enough by the ledger, but a share is missing: nothing can be joined.
    bare = insider.approval(request, "grace")
    full = insider.grant(request, [*two, bare])
    said, why = insider.open(insider.evidence(request, *two, bare, full),
                             insider.shares(request))
    c("enough approvals and too few shares: nothing opens", said == "shares", (said, why))


def own_approval(v, c, insider):
    request = v.request("EU", TOTAL, who="dora")
    out, err = v.approve(request, "dora", exit_code=1)
    c("an own request cannot be approved", "own" in err, err)
    own = insider.approval(request, "dora")
    v.approve(request, "frank", "grace")
    rest = [a for a in approvals_of(v, request) if a != own]
    grant = insider.grant(request, [own, *rest])
    said, why = insider.open(insider.evidence(request, own, *rest, grant),
                             insider.shares(request))
    c("an own approval makes no grant", said == "own-approval", (said, why))


def replayed_approval(v, c, insider):
    """Approvals of one request, shown for another; and a request that was changed afterwards."""
    first = v.request("EU", TOTAL)
    v.approve(first, "dora", "frank", "grace")
    three = approvals_of(v, first)
    wider = v.request("EU", TOTAL, classes=("detection", "url"))
    grant = insider.grant(wider, three)
    said, why = insider.open(insider.evidence(wider, *three, grant), insider.shares(first))
    c("approvals of another request: refused", said in ("altered", "ledger"), (said, why))

    good = insider.grant(first, three)
    path = insider.evidence(first, *three, good)
    data = path.read_bytes()
    for name, old, new in (("widened scope", b"class detection", b"class detectioo"),
                           ("altered approval", b"verdict approve", b"verdict approvf"),
                           ("another requester", b"requester carol", b"requester heidi")):
        changed = data.replace(old, new, 1)
        assert changed != data
        bad = v.dir / "altered.evidence"
        bad.write_bytes(changed)
        said, why = insider.open(bad, insider.shares(first))
        c(f"{name}: refused", said not in ("opened", "none", ""), (said, why))

    # Without the approvals' entries, or with the entry of something else.
    said, why = insider.open(insider.evidence(first, good), insider.shares(first))
    c("approvals left out of the evidence: refused", said in ("approvals", "altered"), (said, why))
    said, why = insider.open(path, insider.shares(first), passport="-")
    c("job without passport: refused", said == "job", (said, why))
    said, why = insider.open(path, insider.shares(first))
    c("the same evidence unchanged: opened", said == "opened", (said, why))


def another_policy(v, c, insider):
    """A request is judged by the policy that it was asked under, and only while that is in force."""
    request = v.request("JP", TOTAL, purpose="incident-response", more=(
        "--expires", "20s", "--from", "2020-01-01", "--until", "2100-01-01"))
    v.approve(request, "dora", "frank", "grace", region="JP")
    time.sleep(21)
    out, err = v.answer(request, exit_code=1)
    c("an expired request: refused", "expired" in err, err)
    refusals = v.run("vault", "requests", "--from", v.url(), "--policy", v.policy)[0]["requests"]
    c("the refusal is in the ledger",
      any(r["request"] == request and r["state"] in ("refused", "expired") for r in refusals),
      refusals)
    out, err = v.request("EU", TOTAL, who="ivan", exit_code=1)
    c("who may not ask cannot ask", "ask" in err or "may not" in err, err)


def silent_supervisor(v, c, insider):
    """Without the supervisor's cosignature there is no checkpoint that the keeper takes."""
    request = v.request("US", TOTAL)
    v.approve(request, "dora", "frank", "grace", region="US")
    three = approvals_of(v, request)
    service = v.services.pop("supervisor")
    service.terminate()
    service.wait(20)
    done = subprocess.run(v.command(*v.answer_args(request, v.dir / "never.age")),
                          capture_output=True, text=True, timeout=300, check=False,
                          env=dict(os.environ, VITRINE_WAIT_S="5"))
    c("without the supervisor nothing is released",
      done.returncode in (1, 3) and not (v.dir / "never.age").exists(), done.stderr)
    v.revive_witness("supervisor")
    c("with it again the same command answers", v.answer(request)["rows"] != [], three)


# -- threat 11: the disk ----------------------------------------------------------------


def stolen_disk(v, c, needles):
    """All that a site keeps, in one copy: no record stands in it, and no key opens it."""
    copy = v.dir / "stolen"
    shutil.copytree(v.site, copy, ignore=shutil.ignore_patterns("*.sock", "lock"))
    found = [p for p in copy.rglob("*") if p.is_file() and "public" not in p.parts
             and any(n in p.read_bytes() for n in needles)]
    c("no plain record on the disk", found == [], found)
    spools = [p for p in v.dir.glob("spool-*") for p in p.rglob("*")
              if p.is_file() and any(n in p.read_bytes() for n in needles)]
    c("nor in an endpoint's spool", spools == [], spools)


# -- threat 13: the wrong region --------------------------------------------------------


def metrics(v):
    with urllib.request.urlopen(v.vault_url() + "/metrics") as r:
        return r.read().decode()


def refused_count(text):
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("vitrine_vault_batches_refused_total"))


def wrong_region(v, c):
    """A batch of one region at a site that does not keep it, and one that was changed on the way."""
    spool = v.dir / "spool-wrong"
    lines = b"".join(telemetry.regions(30, ("EU",))["EU"])
    v.send("EU", lines, spool=spool)  # it knows the region from now on
    v.stop_vault("zurich")
    v.send("EU", lines, spool=spool, more=("--give-up", "2"), exit_code=3)
    v.start_vault("zurich")
    batches = [p for p in spool.rglob("*") if p.is_file() and p.read_bytes()[:4] == b"VTB1"]
    c("the spool holds a sealed batch", len(batches) == 1, list(spool.rglob("*")))
    data = batches[0].read_bytes()
    before = refused_count(metrics(v))
    for what, old, new, codes in (
            ("another region's name", b"\x02EU", b"\x02US", (421,)),
            ("a region that is nowhere", b"\x02EU", b"\x02XX", (421,)),
            ("another site", b"zurich.example", b"geneva.exampl", (400, 421)),
            ("nonsense", data[:64], b"x" * 64, (400,))):
        request = urllib.request.Request(v.vault_url() + "/vault/v1/batches",
                                         data=data.replace(old, new, 1))
        try:
            code = urllib.request.urlopen(request).status
        except urllib.error.HTTPError as e:
            code = e.code
        c(f"{what}: refused", code in codes, code)
    c("refusals are counted", refused_count(metrics(v)) >= before + 4, metrics(v))


# -- threat 14: the job -----------------------------------------------------------------

LEAK = """\
vitrine: recipe/v1
name: leakjob
version: {version}
packages: [{packages}]
steps:
  - cp job.sh "$OUT/job"
  - {more}
  - chmod 0755 "$OUT/job"
outputs:
  - name: leakjob
    from: job
"""

# Every record as a row of its own; then a row under one name that counts what it could reach.
JOB = """\
#!/bin/sh
echo '{"keys":1,"measures":["sum"]}'
reached=0
for host in 127.0.0.1 1.1.1.1; do
    (exec 3<>/dev/tcp/$host/80) 2>/dev/null && reached=1
done
ls /proc/net/tcp >/dev/null 2>&1 && [ "$(wc -l < /proc/net/tcp)" -gt 1 ] && reached=1
n=0
while read -r line; do
    n=$((n + 1))
    [ $n -le 20 ] && printf '["%s",1]\\n' "$(printf %s "$line" | tr -d '"\\\\' | cut -c1-60)"
done
echo "[\\"records\\",$n]"
echo "[\\"reached\\",$reached]"
"""


def make_leak(v, version, more="true", confirm=True):
    source = v.dir / "leak-source"
    source.mkdir(exist_ok=True)
    (source / "job.sh").write_text(JOB)
    recipe = v.dir / f"leak-{version}.yaml"
    recipe.write_text(LEAK.format(version=version, packages="", more=more))
    out, _ = v.run("source", "add", source, "--site", v.site, "--key", v.dir / "developer.key")
    made, _ = v.run("assemble", recipe, "--site", v.site, "--source", out["source"], "--cache",
                    v.cache / "zurich")
    digest = made["artifacts"][0]["sha256"]
    v.stage(f"sha256:{digest}")
    for name in ("alpha", "beta"):
        v.run(*v.rebuild_args(name), exit_code=0 if confirm else 1)
    v.publish(exit_code=0 if confirm else 1)
    return digest


def leaking_job(v, c):
    digest = make_leak(v, "1.0.0")
    v.job_digest = digest
    v.job_file = v.site / f"public/objects/sha256/{digest[:2]}/{digest}"
    v.job_passport = v.site / f"public/passports/{digest}.passport"
    request = v.request("US", "whatever\n")
    v.approve(request, "dora", "frank", "grace", region="US")
    result = v.answer(request)
    rows = {r[0]: r[-1] for r in result["rows"]}
    c("a job that gives out records: none of them comes through",
      set(rows) <= {"records", "reached"}, rows)
    c("what all cells say comes through", rows.get("records", 0) > 0, rows)
    c("it reached nothing", rows.get("reached") == 0, rows)


def unconfirmed_job(v, c):
    """A job whose rebuild gives other bytes has no release and no passport; one made up is refused."""
    digest = make_leak(v, "2.0.0", more='echo "# $(pwd)" >> "$OUT/job"', confirm=False)
    job = v.site / f"public/objects/sha256/{digest[:2]}/{digest}"
    v.job_digest = digest
    request = v.request("US", "whatever\n")
    v.approve(request, "dora", "frank", "grace", region="US")
    for what, passport in (("no passport", v.dir / "empty"), ("another's", v.job_passport)):
        (v.dir / "empty").write_text("")
        v.job_file, keep = job, v.job_passport
        v.job_passport = passport
        out, err = v.answer(request, exit_code=1)
        v.job_passport = keep
        c(f"a job with a failed rebuild, {what}: refused", "passport" in err or "job" in err, err)


# -- threat 12: the move ----------------------------------------------------------------


def false_moves(v, c, insider):
    """The site that hands over drops a segment, or changes one: there is no receipt."""
    v.run("vault", "policy", "take", v.home["geneva"])
    v.start_vault("geneva")
    v.say_policy({"EU": "zurich", "US": "geneva", "JP": "zurich"})
    v.take_policy("geneva")
    v.take_policy("zurich")
    folder = v.site / "vault/segments/US"
    move = ("vault", "relocate", "US", "--from", v.site, "--to", v.vault_url("geneva"))
    segments = sorted(folder.iterdir())
    kept = segments[0].read_bytes()
    segments[0].chmod(0o644)
    segments[0].write_bytes(kept[:-40] + bytes([kept[-40] ^ 1]) + kept[-39:])
    out, err = v.run(*move, exit_code=1)
    c("a changed segment is noticed", "root" in err or "segment" in err, err)
    segments[0].unlink()
    done = subprocess.run(v.command(*move), capture_output=True, text=True, timeout=120,
                          check=False)
    c("a dropped segment is noticed", done.returncode in (1, 3), done.stderr)
    audit, _ = v.run("vault", "audit", "--from", v.url(), "--policy", v.policy, exit_code=1)
    c("and the ledger shows a move without receipt",
      audit["relocations"] == 1 and audit["open_relocations"] == 1, audit)
    c("and each false grant", audit["violations"] == FALSE_GRANTS, audit)
    segments[0].write_bytes(kept)
    ring = v.dir / "ring-before-the-move"
    shutil.copytree(v.site / "vault/ring", ring)
    out, _ = v.run(*move)
    c("with all of it the move is complete", out["state"] == "shredded", out)
    request = v.request("US", TOTAL)
    out, err = v.answer(request, exit_code=1)
    c("the first site can open nothing of it", err != "", err)


def main():
    vitrine, folder, cache, program = sys.argv[1:5]
    c = Checks()
    events = telemetry.regions(3000, ("EU", "US", "JP"))
    with Vault(vitrine, folder, cache) as v:
        v.run("vault", "send", "--new-secret", v.dir / "other.secret")
        for region, lines in events.items():
            v.send(region, b"".join(lines))
        insider = Insider(v, program)
        false_grants(v, c, insider)
        own_approval(v, c, insider)
        replayed_approval(v, c, insider)
        another_policy(v, c, insider)
        silent_supervisor(v, c, insider)
        stolen_disk(v, c, [json.loads(events["EU"][0])["user"].encode()])
        wrong_region(v, c)
        job = v.job_digest, v.job_file, v.job_passport
        leaking_job(v, c)
        unconfirmed_job(v, c)
        v.job_digest, v.job_file, v.job_passport = job
        false_moves(v, c, insider)
    print(f"{c.passed} passed, {c.failed} failed")
    return 1 if c.failed else 0


sys.exit(main())
