# SPDX-License-Identifier: Apache-2.0
"""The log and its witnesses: how many entries a second are durable through the C API and over HTTP, how
long that takes at a steady rate, how fast the whole is checked, how many checkpoints a witness cosigns, and
whether the log process's memory stays flat. Each beside what this disk or processor gives at the most, or
the limit that was set, in the same call. BENCH_LOG_ENTRIES (default 10,000,000) is the size of the large log.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from party import Refused, children, comm, free_port  # noqa: E402

SIZE, BATCH = 256, 8192
ENTRIES = int(os.environ.get("BENCH_LOG_ENTRIES", "10000000"))
API_ENTRIES = int(os.environ.get("BENCH_LOG_API_ENTRIES", "3000000"))
PEER_ENTRIES = int(os.environ.get("BENCH_LOG_PEER_ENTRIES", "100000"))
SECONDS = float(os.environ.get("BENCH_LOG_SECONDS", "10"))
CONNECTIONS, RATE, LOGS = 64, 1000, 1000
ORIGIN = "bench.example/log"


def row(name, value, unit, peer, peer_value):
    ratio = round(value / peer_value, 4) if peer_value else None
    print(f"{name:28} {value:13,.2f} {unit:4} {peer:62} {peer_value or 0:13,.2f}", flush=True)
    return {"name": name, "value": round(value, 3), "unit": unit, "peer": peer,
            "peer_value": round(peer_value, 3) if peer_value else None, "ratio": ratio}


def ours(*args):
    done = subprocess.run([str(a) for a in args], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Refused(f"{' '.join(map(str, args))}: exit {done.returncode}")
    return json.loads(done.stdout)


def wait_for(process, url, log):
    end = time.monotonic() + 30
    while not url.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise Refused(log.read_text()[-2000:])
        time.sleep(0.02)


class Services:
    """A log of its own and its witnesses, on loopback."""

    def __init__(self, vitrine, folder, witnesses, interval=None):
        self.vitrine, self.dir, self.running = str(vitrine), pathlib.Path(folder), []
        self.home, self.port = self.dir / "log", free_port()
        vkey = self.run("log", "init", self.home, "--name", ORIGIN)["keys"]["log"]
        lines, names = [f"log {vkey}"], []
        for n in range(witnesses):
            home, port = self.dir / f"witness-{n}", free_port()
            key = self.run("witness", "init", home, "--name", f"w{n}.example")["keys"]["witness"]
            lines.append(f"witness w{n} {key} http://127.0.0.1:{port}")
            names.append(f"w{n}")
            self.start(home, "witness", "run", home, "--listen", f"127.0.0.1:{port}", "--log", vkey)
        lines += [f"group all {len(names)} {' '.join(names)}", "quorum all"] if names else ["quorum none"]
        self.policy = self.home / "policy"
        self.policy.write_text("\n".join(lines) + "\n")
        more = ["--interval", interval] if interval else []
        self.start(self.home, "log", "run", self.home, "--listen", f"127.0.0.1:{self.port}", *more)

    def run(self, *args):
        return ours(self.vitrine, *args, "--json")

    def start(self, home, *args):
        with open(self.dir / f"{home.name}.log", "ab") as err:
            p = subprocess.Popen([self.vitrine, *map(str, args), "--quiet"], stdin=subprocess.DEVNULL,
                                 stdout=err, stderr=err)
        self.running.append(p)
        wait_for(p, home / "run/url", self.dir / f"{home.name}.log")

    def process(self, name):
        """The pid of one of the log's processes."""
        for pid in children(self.running[-1].pid):
            if comm(pid) == name:
                return pid
        raise Refused(f"no process {name} below {self.running[-1].pid}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in reversed(self.running):
            p.terminate()
        for p in self.running:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()


def memory_mb(pid):
    """The most that a process held."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def tessera(folder):
    """Tessera, the peer: built here when the Go that it needs is there. None otherwise, and it says so."""
    source, program = HERE / "tessera", pathlib.Path(folder) / "tessera"
    if not shutil.which("go"):
        print("log: no go here; Tessera is left out", flush=True)
        return None
    made = subprocess.run(["go", "build", "-o", program, "."], cwd=source, stderr=subprocess.PIPE,
                          text=True, check=False)
    if made.returncode != 0:
        print(f"log: Tessera cannot be built here and is left out: {made.stderr[-200:]}", flush=True)
        return None
    return program


def api(bench, folder):
    """Through the C API: adding and committing in one thread, deriving and signing in another."""
    limits = ours(bench / "log_append", "limits", folder, SIZE * BATCH)
    got = ours(bench / "log_append", pathlib.Path(folder) / "api", API_ENTRIES, SIZE, BATCH)
    shutil.rmtree(pathlib.Path(folder) / "api")
    return [row("log_append_api_per_s", got["per_s"], "/s",
                f"this disk's fdatasync of {SIZE * BATCH >> 20} MiB appends, times {BATCH} entries",
                limits["syncs_per_s"] * BATCH),
            row("log_append_api_sha_per_s", got["per_s"], "/s", "256-byte leaves hashed by one core",
                limits["leaves_per_s"]),
            row("log_append_public_per_s", API_ENTRIES / got["all_s"], "/s",
                "the same; until all tiles are durable and a checkpoint is signed", limits["leaves_per_s"])]


def http(vitrine, bench, peer, folder):
    """Over HTTP, all on the same cores; and at a steady rate with three witnesses."""
    theirs = peer and ours(peer, "append", pathlib.Path(folder) / "theirs", PEER_ENTRIES, SIZE, 2048)["per_s"]
    single = ours(bench / "log_append", "limits", folder, SIZE)
    with Services(vitrine, pathlib.Path(folder) / "http", 0) as s:
        got = ours(bench / "log_load", s.port, CONNECTIONS, SIZE, SECONDS)
        assert got["errors"] == 0, got
    rows = [row("log_append_http_per_s", got["per_s"], "/s",
                "this disk's fdatasync of one entry each", single["syncs_per_s"]),
            row("log_append_tessera_per_s", got["per_s"], "/s",
                "Tessera, POSIX, in its own process without HTTP, 2,048 waiting", theirs),
            row("log_append_http_p99_ms", got["p99_ms"], "ms", f"as fast as it goes, {CONNECTIONS} connections",
                None)]
    with Services(vitrine, pathlib.Path(folder) / "rate", 3) as s:
        ours(bench / "log_load", s.port, CONNECTIONS, SIZE, 2, RATE)
        got = ours(bench / "log_load", s.port, CONNECTIONS, SIZE, SECONDS, RATE)
        assert got["errors"] == 0 and got["uncovered"] == 0, got
    return rows + [row("log_p99_durable_ms", got["p99_ms"], "ms", "the limit that was set, at 1,000/s", 20.0),
                   row("log_p99_witnessed_ms", got["covered_p99_ms"], "ms",
                       "the limit that was set, cosigned by 3 witnesses", 1500.0)]


def fill(s, bench):
    """Adds ENTRIES over HTTP; the most memory that the log's process held before and after, how many it has."""
    pid, count, before = s.process("log"), 0, None
    while count < ENTRIES:
        # Some tens of thousands a second: the last round may be longer than it need be.
        got = ours(bench / "log_load", s.port, 4 * CONNECTIONS, SIZE, min(20, 1 + (ENTRIES - count) // 20000))
        assert got["errors"] == 0, got
        count += got["requests"]
        before = before or memory_mb(pid)
        print(f"log: {count:,} of {ENTRIES:,} entries, the log's process holds {memory_mb(pid):.1f} MB", flush=True)
    end = time.monotonic() + 120
    while int((s.home / "public/checkpoint").read_text().split("\n")[1]) < count:
        if time.monotonic() > end:
            raise Refused(f"no checkpoint covers {count} entries")
        time.sleep(0.1)
    return before, memory_mb(pid), count


def large(vitrine, bench, peer, folder):
    """A large log, made over HTTP: the memory of the log's process, and the whole of it checked."""
    folder = pathlib.Path(folder) / "large"
    folder.mkdir()
    with Services(vitrine, folder, 0) as s:
        before, after, count = fill(s, bench)
    limits = ours(bench / "log_append", "limits", folder, SIZE)
    began = time.monotonic()
    p = subprocess.Popen([str(vitrine), "log", "check", "--from", s.home / "public", "--policy", s.policy, "--json"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    out = p.stdout.read()
    _, status, used = os.wait4(p.pid, 0)
    took = time.monotonic() - began
    assert status == 0, out
    checked = json.loads(out)["entries"]
    assert checked >= count, (checked, count)
    theirs = peer and ours(peer, "fsck", s.home / "public", s.policy.read_text().split()[1], 2)["per_s"]
    shutil.rmtree(folder)
    return [row("log_rss_mb", after, "MB", f"the limit that was set, after {count:,} entries", 64.0),
            row("log_rss_growth_mb", after - before, "MB", "what it held after the first 20 seconds", before),
            row("log_check_leaves_per_s", checked / took, "/s",
                "256-byte leaves hashed by one core, nothing read", limits["leaves_per_s"]),
            row("log_check_tessera_per_s", checked / took, "/s", "Tessera's fsck of the same folder", theirs),
            row("log_check_rss_mb", used.ru_maxrss / 1024, "MB", "the limit that was set", 200.0)]


def witness(vitrine, bench, folder):
    """A thousand logs ask one witness; it and its signer have one core, the logs the other."""
    home, port = pathlib.Path(folder) / "witness", free_port()
    ours(vitrine, "witness", "init", home, "--name", "witness.example", "--json")
    vkeys = subprocess.run([bench / "witness_load", "vkeys", str(LOGS)], stdout=subprocess.PIPE, check=True)
    (home / "logs").write_bytes(vkeys.stdout)
    limits = ours("taskset", "-c", "0", bench / "log_append", "limits", folder, SIZE)
    with open(pathlib.Path(folder) / "witness.log", "ab") as err:
        p = subprocess.Popen(["taskset", "-c", "0", str(vitrine), "witness", "run", str(home), "--listen",
                              f"127.0.0.1:{port}", "--rate", "0", "--quiet"], stderr=err, stdout=err)
    try:
        wait_for(p, home / "run/url", pathlib.Path(folder) / "witness.log")
        got = ours("taskset", "-c", "1", bench / "witness_load", "run", f"127.0.0.1:{port}", LOGS, 10, 64)
    finally:
        p.terminate()
        p.wait()
    return [row("witness_add_checkpoint_per_s", got["per_second"], "/s",
                "an Ed25519 verification and a signature each, by one core", limits["pairs_per_s"])]


def rows(vitrine, _folder, _cache):
    bench = pathlib.Path(vitrine).resolve().parents[2] / "tests/bench"
    out = []
    # Not in memory: a disk is what is measured.
    with tempfile.TemporaryDirectory(dir=pathlib.Path(vitrine).resolve().parents[2]) as folder:
        (pathlib.Path(folder) / "http").mkdir()
        (pathlib.Path(folder) / "rate").mkdir()
        peer = tessera(folder)
        out += api(bench, folder)
        out += http(vitrine, bench, peer, folder)
        out += witness(vitrine, bench, folder)
        out += large(vitrine, bench, peer, folder)
    return out
