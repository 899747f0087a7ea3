# SPDX-License-Identifier: Apache-2.0
"""The fixture for users' data: the parties of party.py, a supervisor among the witnesses, two sites
with a vault each (zurich.example, which also runs the log, and geneva.example), and the people who
ask, approve and say what the policy is. Everything is done through the real `vitrine` program.

    with Vault(vitrine, folder, cache) as v:
        v.send("EU", lines)
        request = v.request("EU", query="SELECT ...")
        v.approve(request, "dora", "frank", "grace")
        rows = v.answer(request)
"""

import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from party import Parties, Refused, free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Who there is, and what they may do.
PEOPLE = ("carol", "dora", "erin", "frank", "grace", "heidi", "ivan", "judy", "karl")
GROUPS = {"legal": (1, ("dora", "erin")), "security": (2, ("frank", "grace", "heidi")),
          "board": (2, ("ivan", "judy", "karl")), "officer": (1, ("dora",))}
MODES = {"access": "legal security", "break-glass": "board", "export": "legal officer",
         "erasure": "officer"}
REGIONS = {"EU": "CH", "US": "CH", "JP": "CH"}


class Vault(Parties):
    witnesses = ("witness-1", "witness-2", "witness-3", "supervisor")
    regions = tuple(REGIONS)
    threshold = 3
    job = True  # whether the SQL job is assembled, rebuilt and released first

    def __init__(self, vitrine, folder, cache, quorum=2):
        super().__init__(vitrine, folder, cache, quorum)
        self.serial = 0
        self.previous = None
        self.keepers = {}
        self.home = {"zurich": self.site, "geneva": self.dir / "geneva"}

    def __enter__(self):
        super().__enter__()
        try:
            self.begin()
        except BaseException:
            self.stop()
            raise
        return self

    # -- parties ----------------------------------------------------------

    def init(self):
        d = self.dir
        self.run("site", "init", d / "geneva", "--name", "geneva.example", "--jurisdiction", "CH")
        self.ports |= {"vault-zurich": free_port(), "vault-geneva": free_port()}
        for name in ("authority", *PEOPLE):
            self.run("key", "new", d / f"{name}.key", "--name", f"{name}.example")
        for name in PEOPLE:
            self.run("vault", "key", "new", d / f"{name}.box")
        super().init()
        shutil.copy(self.policy, d / "geneva/policy")

    def quorum_lines(self):
        others = [w for w in self.witnesses if w != "supervisor"]
        return [f"group witnesses {self.quorum} {' '.join(others)}",
                "group everybody all supervisor witnesses", "quorum everybody"]

    def more_policy(self):
        """Makes the vaults, whose keys the policy names."""
        for name in ("zurich", "geneva"):
            home = self.dir / name
            out, _ = self.run("vault", "init", home, "--ledger", self.url(), "--no-passphrase")
            self.keepers[name] = out["keeper"]
        return [f"signer authority {self.vkey(self.dir / 'authority.vkey')}",
                *(f"signer {n} {self.vkey(self.dir / f'{n}.vkey')}" for n in PEOPLE),
                *(f"signer {n}-vault {self.vkey(self.dir / n / 'keys/vault.vkey')}"
                  for n in ("zurich", "geneva")),
                "require vault-policy authority"]

    def box_public(self, name):
        return (self.dir / f"{name}.box.pub").read_text().strip()

    # -- the vault policy -------------------------------------------------

    def policy_text(self, places):
        """`places`: region -> site's short name."""
        lines = [f"serial {self.serial + 1}"]
        if self.previous:
            lines.append(f"previous {self.previous}")
        lines.append("supervisor supervisor.example")
        lines += [self.keepers[name] for name in ("zurich", "geneva")]
        lines += [f"region {r} {places[r]}.example {REGIONS[r]}" for r in self.regions]
        lines += [f"class detection retention-days 365 threshold {self.threshold}",
                  f"class url retention-days 30 threshold {self.threshold}"]
        lines += [f"party {n}.example {self.vkey(self.dir / f'{n}.vkey')} {self.box_public(n)}"
                  for n in PEOPLE]
        lines += ["ask carol.example incident-response", "ask carol.example data-subject",
                  "ask dora.example incident-response"]
        for name, (need, members) in GROUPS.items():
            lines.append(f"group {name} {need} " + " ".join(f"{m}.example" for m in members))
        lines += [f"approve {mode} {groups}" for mode, groups in MODES.items()]
        lines += ["limit access 604800", "limit break-glass 3600"]
        lines += [f"noise {r} 10000 30" for r in self.regions]
        return "\n".join(lines) + "\n"

    def say_policy(self, places):
        path = self.dir / f"vault-policy-{self.serial + 1}.txt"
        path.write_text(self.policy_text(places))
        out, _ = self.run("vault", "policy", "add", path, "--key", self.dir / "authority.key",
                          "--to", self.url(), "--policy", self.policy)
        self.serial += 1
        self.previous = out["policy"] if out["policy"].startswith("sha256:") \
            else "sha256:" + out["policy"]

    def take_policy(self, name):
        return self.run("vault", "policy", "take", self.home[name])

    # -- beginning --------------------------------------------------------

    def begin(self):
        self.say_policy({r: "zurich" for r in self.regions})
        self.take_policy("zurich")
        for region in self.regions:
            self.run("vault", "region", "new", region, self.site, "--shares", self.shares(region))
        self.start_vault("zurich")
        self.run("vault", "send", "--new-secret", self.secret())
        if self.job:
            self.make_job()

    def shares(self, region):
        return self.dir / f"{region}.shares"

    def secret(self, customer="acme"):
        return self.dir / f"{customer}.secret"

    def vault_url(self, name="zurich"):
        return self.url(f"vault-{name}")

    def start_vault(self, name, *options):
        key = f"vault-{name}"
        home = self.home[name] / "vault"
        (home / "run/url").unlink(missing_ok=True)
        err = open(self.dir / f"{key}.log", "ab")
        self.services[key] = subprocess.Popen(
            self.command("vault", "run", self.home[name], "--listen",
                         f"127.0.0.1:{self.ports[key]}", *options),
            stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        err.close()
        self.await_url(key, home)

    def stop_vault(self, name):
        service = self.services.pop(f"vault-{name}")
        service.terminate()
        service.wait(60)
        return service.returncode

    def revive_witness(self, name):
        self.start_one(name, "witness", "run", "--log", self.vkey(self.site / "keys/log.vkey"))

    def make_job(self):
        """The SQL job, assembled from our own source, rebuilt twice and released."""
        recipe = ROOT / "examples/sqljob/recipe.yaml"
        # A copy without git: what is assembled is the folder's files.
        source = self.dir / "sqljob-source"
        shutil.copytree(ROOT / "examples/sqljob", source / "examples/sqljob")
        out, _ = self.run("source", "add", source, "--site", self.site, "--key",
                          self.dir / "developer.key")
        made, _ = self.run("assemble", recipe, "--site", self.site, "--source", out["source"],
                           "--cache", self.cache / "zurich")
        digest = made["artifacts"][0]["sha256"]
        self.stage(f"sha256:{digest}")
        for name in ("alpha", "beta"):
            self.run(*self.rebuild_args(name))
        self.publish()
        self.job_digest = digest
        self.job_file = self.site / f"public/objects/sha256/{digest[:2]}/{digest}"
        self.job_passport = self.site / f"public/passports/{digest}.passport"

    # -- endpoints --------------------------------------------------------

    def send_args(self, region, spool=None, site="zurich", cls="detection", customer="acme"):
        return ("vault", "send", "--spool", spool or self.dir / f"spool-{region}", "--from",
                self.vault_url(site), "--policy", self.policy, "--region", region, "--class", cls,
                "--customer", customer, "--secret", self.secret(customer), "--subject-field",
                "user")

    def send(self, region, lines, **how):
        """Sends events (bytes, one a line); returns what the command said."""
        exit_code = how.pop("exit_code", 0)
        more = how.pop("more", ())
        done = subprocess.run(self.command(*self.send_args(region, **how), *more, "--json"),
                              input=lines, capture_output=True, timeout=600, check=False)
        if done.returncode != exit_code:
            raise Refused(f"vault send: exit {done.returncode}, not {exit_code}\n"
                          f"{done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout, done.stderr

    # -- a question -------------------------------------------------------

    def request(self, region, query=None, who="carol", mode="access", purpose="incident-response",
                more=(), exit_code=0, classes=("detection",)):
        args = ["vault", "request", "--key", self.dir / f"{who}.key", "--name", f"{who}.example",
                "--result-to", self.dir / f"{who}.box.pub", "--to", self.url(), "--policy",
                self.policy, "--purpose", purpose, "--region", region, "--mode", mode]
        for c in classes:
            args += ["--class", c]
        if "--from" not in more:
            args += ["--from", "2020-01-01", "--until", "2100-01-01"]
        if query is not None:
            path = self.dir / "question.sql"
            path.write_text(query)
            args += ["--query", path, "--job", f"sha256:{self.job_digest}"]
        out, err = self.run(*args, *more, exit_code=exit_code)
        return out["request"] if exit_code == 0 else (out, err)

    def approve_args(self, request, who, region, site="zurich"):
        return ("vault", "approve", request, "--key", self.dir / f"{who}.key", "--box",
                self.dir / f"{who}.box", "--shares", self.shares(region), "--to", self.url(),
                "--vault", self.vault_url(site), "--policy", self.policy, "--yes")

    def approve(self, request, *people, region="EU", site="zurich", exit_code=0):
        answers = [self.run(*self.approve_args(request, who, region, site), exit_code=exit_code)
                   for who in people]
        return answers[-1]

    def answer_args(self, request, out, site="zurich"):
        return ("vault", "answer", request, self.home[site], "--query", self.dir / "question.sql",
                "--artifact", self.job_file, "--passport", self.job_passport, "--cache",
                self.cache / "zurich", "--out", out)

    def answer(self, request, who="carol", site="zurich", exit_code=0):
        """Runs the job; returns the opened result, or (object, standard error) when refused."""
        sealed = self.dir / "result.age"
        sealed.unlink(missing_ok=True)
        out, err = self.run(*self.answer_args(request, sealed, site), exit_code=exit_code)
        if exit_code:
            return out, err
        result, _ = self.run("vault", "result", sealed, "--box", self.dir / f"{who}.box")
        return result

    def ask(self, region, query, approvers=("dora", "frank", "grace"), **how):
        site = how.pop("site", "zurich")
        request = self.request(region, query, **how)
        self.approve(request, *approvers, region=region, site=site)
        return self.answer(request, site=site)
