# SPDX-License-Identifier: Apache-2.0
"""The one fixture for a running site, for tests: a site, three witnesses, two rebuilders, a
developer and a customer, each with a home of its own below one folder, all on loopback with free
ports. Everything is done through the real `vitrine` program.

    with Parties(vitrine, folder, cache) as p:
        p.release("1.0.0")
        p.update("customer")
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

RECIPE = """\
vitrine: recipe/v1
name: hello
version: {version}
packages: []
steps:
  - mkdir -p "$OUT/bin"
  - sed "s/VERSION/{version}/" hello.sh > "$OUT/bin/hello"
  - chmod 0755 "$OUT/bin/hello"
outputs:
  - name: hello-{version}.tar.zst
    from: .
"""

HELLO = """\
#!/bin/sh
echo "hello VERSION"
"""


class Refused(Exception):
    """A command ended with another exit code than the one that was asked for."""


def free_port():
    """A port that is free now. (Services remember it, so that the policy's URLs stay true.)"""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def children(pid):
    """All processes below `pid`, nearest first."""
    below, todo = [], [pid]
    while todo:
        parent = todo.pop(0)
        try:  # it may end at any moment
            tasks = list(pathlib.Path(f"/proc/{parent}/task").glob("*/children"))
        except OSError:
            continue
        for task in tasks:
            try:
                kids = [int(k) for k in task.read_text().split()]
            except OSError:
                continue
            below += kids
            todo += kids
    return below


def comm(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


class GivenAgain:
    """Before a fixture whose processes are killed: what still starts again after a kill is waited for. A
    site that was killed too often within a minute ends, and is started again as the machine's own
    supervisor would."""

    def run(self, *args, **how):
        end = time.monotonic() + 60
        while True:
            try:
                return super().run(*args, **how)
            except Refused as e:
                if ": exit 3, " not in str(e) or time.monotonic() > end:
                    raise
            self.revive()
            time.sleep(0.3)


class Parties:
    witnesses = ("witness-1", "witness-2", "witness-3")

    def __init__(self, vitrine, folder, cache, quorum=2):
        self.vitrine = str(vitrine)
        self.dir = pathlib.Path(folder)
        self.cache = pathlib.Path(cache)
        self.quorum = quorum
        self.services = {}
        self.ports = {}
        if self.dir.exists():  # what a broken-off test left behind
            shutil.rmtree(self.dir)
        self.dir.mkdir(parents=True)
        self.site = self.dir / "zurich"
        self.policy = self.dir / "policy"
        self.root = self.site / "public/tuf/metadata/1.root.json"

    def __enter__(self):
        try:
            self.init()
            self.start()
            self.run("release", "init", "--site", self.site, "--channel", "products")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # -- commands ---------------------------------------------------------

    def command(self, *args):
        return [self.vitrine, *[str(a) for a in args]]

    def popen(self, *args, **kw):
        return subprocess.Popen(self.command(*args), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **kw)

    def run(self, *args, exit_code=0, timeout=600):
        """Runs a command with --json; returns (object, standard error)."""
        done = subprocess.run(self.command(*args, "--json"), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode != exit_code:
            raise Refused(f"vitrine {' '.join(map(str, args))}: exit {done.returncode}, "
                          f"not {exit_code}\n{done.stdout}{done.stderr}")
        result = json.loads(done.stdout) if done.stdout.strip() else None
        return result, done.stderr

    # -- parties ----------------------------------------------------------

    def vkey(self, path):
        out, _ = self.run("key", "show", path)
        return out["vkey"]

    def init(self):
        d = self.dir
        self.run("site", "init", self.site, "--name", "zurich.example", "--jurisdiction", "CH")
        for name in self.witnesses:
            self.run("witness", "init", d / name, "--name", f"{name}.example")
        for name in ("alpha", "beta"):
            self.run("rebuild", "init", d / name, "--name", f"{name}.example")
        self.run("key", "new", d / "developer.key", "--name", "developer.zurich.example")
        for name in ("zurich", *self.witnesses):
            self.ports[name] = free_port()
        self.write_policy()

    def url(self, name="zurich"):
        return f"http://127.0.0.1:{self.ports[name]}"

    def write_policy(self):
        d = self.dir
        lines = [f"log {self.vkey(self.site / 'keys/log.vkey')} {self.url()}"]
        for name in self.witnesses:
            key = self.vkey(d / name / "keys/witness.vkey")
            lines.append(f"witness {name} {key} {self.url(name)}")
        lines += [*self.quorum_lines(),
                  f"signer developer {self.vkey(d / 'developer.vkey')}",
                  f"signer assembler {self.vkey(self.site / 'keys/assembler.vkey')}",
                  f"signer release {self.vkey(self.site / 'keys/release.vkey')}"]
        for name in ("alpha", "beta"):
            lines.append(f"signer {name} {self.vkey(d / name / 'keys/rebuilder.vkey')}")
        lines += ["group rebuilders all alpha beta", "require source developer",
                  "require environment assembler", "require assembly assembler",
                  "require rebuild rebuilders", "require release release",
                  *self.more_policy()]
        self.policy.write_text("\n".join(lines) + "\n")
        self.run("policy", "seal", self.policy)
        for name in ("zurich", "alpha", "beta"):
            shutil.copy(self.policy, d / name / "policy")

    def quorum_lines(self):
        return [f"group witnesses {self.quorum} {' '.join(self.witnesses)}", "quorum witnesses"]

    def more_policy(self):
        """Lines that a fixture on top of this one adds to the policy."""
        return []

    # -- services ---------------------------------------------------------

    def start(self):
        log = self.vkey(self.site / "keys/log.vkey")
        for name in self.witnesses:
            self.start_one(name, "witness", "run", "--log", log)
        self.start_one("zurich", "site", "run")

    def revive(self):
        """Starts again what has ended, as the machine's own supervisor would."""
        log = self.vkey(self.site / "keys/log.vkey")
        for name, service in list(self.services.items()):
            if service.poll() is not None and name == "zurich":
                self.start_one(name, "site", "run")
            elif service.poll() is not None:
                self.start_one(name, "witness", "run", "--log", log)

    def start_one(self, name, noun, verb, *options):
        home = self.dir / name
        (home / "run/url").unlink(missing_ok=True)
        err = open(self.dir / f"{name}.log", "ab")
        self.services[name] = subprocess.Popen(
            self.command(noun, verb, home, "--listen", f"127.0.0.1:{self.ports[name]}", *options),
            stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        err.close()
        self.await_url(name, home)

    def await_url(self, name, home):
        end = time.monotonic() + 30
        while not (home / "run/url").exists():
            if self.services[name].poll() is not None or time.monotonic() > end:
                raise Refused(f"{name} does not answer:\n"
                              + (self.dir / f"{name}.log").read_text()[-2000:])
            time.sleep(0.02)

    def stop(self):
        for p in self.services.values():
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in self.services.values():
            try:
                p.wait(15)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.services = {}

    # -- a release --------------------------------------------------------

    def source(self):
        src = self.dir / "source"
        src.mkdir(exist_ok=True)
        (src / "hello.sh").write_text(HELLO)
        return src

    def recipe(self, version):
        path = self.dir / f"recipe-{version}.yaml"
        path.write_text(RECIPE.format(version=version))
        return path

    def add_source(self):
        out, _ = self.run("source", "add", self.source(), "--site", self.site, "--key",
                          self.dir / "developer.key")
        return out

    def assemble_args(self, version, source):
        return ("assemble", self.recipe(version), "--site", self.site, "--source", source,
                "--cache", self.cache / "zurich")

    def rebuild_args(self, name):
        return ("rebuild", "run", self.dir / name, "--from", self.url(), "--cache",
                self.cache / name)

    def assemble(self, version):
        source = self.add_source()["source"]
        out, _ = self.run(*self.assemble_args(version, source))
        return out

    def stage(self, artifact, channel="products"):
        return self.run("release", "stage", channel, "--site", self.site, "--artifact", artifact)

    def publish(self, channel="products", exit_code=0):
        return self.run("release", "publish", channel, "--site", self.site, exit_code=exit_code)

    def release(self, version, rebuilders=("alpha", "beta")):
        made = self.assemble(version)
        artifact = made["artifacts"][0]["sha256"]
        self.stage(f"sha256:{artifact}")
        for name in rebuilders:
            self.run(*self.rebuild_args(name))
        self.publish()
        return artifact

    # -- the customer -----------------------------------------------------

    def update_args(self, into, url=None, channel="products"):
        return ("update", channel, "--from", url or self.url(), "--root", self.root, "--policy",
                self.policy, "--into", self.dir / into)

    def update(self, into, exit_code=0):
        return self.run(*self.update_args(into), exit_code=exit_code)
