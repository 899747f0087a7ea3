# SPDX-License-Identifier: Apache-2.0
"""How many events a second a vault takes in, durable and packed (tests/bench/vault_ingest.c), how much
memory its processes take, and what this machine can do of its parts. As peer rsyslog, which takes the
same events over TCP and writes them to a file, neither sealed nor synced. Fluent Bit and Vector are in
no package registry that is used here. Where rsyslogd is not installed there is no peer.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

from party import free_port
from vault import Vault

REGION, CLASS = "EU", "detection"
RSYSLOG = """\
global(workDirectory="{dir}")
module(load="{modules}imtcp")
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="bench") {{ action(type="omfile" file="{out}" template="raw") }}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="bench")
"""


class IngestVault(Vault):
    job = False


def children(pid):
    """Name and most memory in MB of each process that is a child of that one."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            of = dict(line.split(":", 1) for line in stat.read_text().splitlines())
        except OSError:
            continue
        if int(of["PPid"]) == pid and "VmHWM" in of:
            yield of["Name"].strip(), int(of["VmHWM"].split()[0]) / 1024


def rsyslogd():
    found = os.environ.get("RSYSLOGD") or shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
    return found if os.access(found, os.X_OK) else None


def peer_rate(folder, events, count):
    """Events a second from the first byte until rsyslog has written the last."""
    program = rsyslogd()
    if program is None:
        return None
    port, out = free_port(), folder / "rsyslog.out"
    conf = folder / "rsyslog.conf"
    conf.write_text(RSYSLOG.format(dir=folder, out=out, port=port,
                                   modules=os.environ.get("RSYSLOG_MODULES", "")))
    service = subprocess.Popen([program, "-n", "-f", conf, "-i", folder / "rsyslog.pid"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                s = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.1)
        size = events.stat().st_size
        began = time.monotonic()
        with open(events, "rb") as f:
            s.sendfile(f)
        s.close()
        while (not out.exists() or out.stat().st_size < size) and time.monotonic() - began < 300:
            time.sleep(0.01)
        return count / (time.monotonic() - began)
    finally:
        service.terminate()
        service.wait()


def row(name, value, unit, **more):
    print(f"{name:34} {value:12,.1f} {unit:9}" +
          "".join(f"  {k} {v:,.0f}" for k, v in more.items() if v is not None), flush=True)
    return {"name": name, "value": round(value, 1), "unit": unit,
            **{k: v for k, v in more.items() if v is not None}}


def measure(v, program, subjects, batches, events=None):
    args = [program, v.vault_url(), REGION, CLASS, str(batches), str(subjects), v.dir]
    done = subprocess.run(args + ([events] if events else []), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def rows(vitrine, folder, cache):
    """Runs it all; the rows for bench.json."""
    program = pathlib.Path(vitrine).resolve().parents[2] / "tests/bench/vault_ingest"
    batches = int(os.environ.get("BENCH_BATCHES", "2000"))
    got = []
    with IngestVault(vitrine, folder, cache) as v:
        v.stop_vault("zurich")
        v.start_vault("zurich", "--pack-after", "1")
        pid = v.services["vault-zurich"].pid
        events = v.dir / "events"
        one = measure(v, program, 8, batches, events)
        peer = peer_rate(v.dir, events, one["events"])
        events.unlink()
        many = measure(v, program, 300, batches // 4)
        memory = dict(children(pid))
        checked, _ = v.run("vault", "check", v.site)
        if checked["result"] != "whole" or checked["records"] != one["events"] + many["events"]:
            raise SystemExit(f"the vault is not whole afterwards: {checked}")
    got.append(row("vault_ingest_events_per_s", one["events_per_s"], "events/s",
                   acknowledged=one["events"] / one["acknowledged_s"], rsyslog=peer))
    got.append(row("vault_ingest_300_subjects", many["events_per_s"], "events/s",
                   acknowledged=many["events"] / many["acknowledged_s"]))
    got.append(row("vault_ingest_sealed", one["sealed_mb_per_s"], "MB/s",
                   aes_256_gcm=one["gcm_mb_per_s"], sha_256=one["sha256_mb_per_s"]))
    got.append(row("fdatasync", one["fdatasync_per_s"], "1/s",
                   bytes_each=one["batch_bytes"] * 4))
    got.append(row("vault_rss_mb", max(memory.values()), "MB", **memory))
    if peer is None:
        print("no peer: rsyslogd is not installed")
    return got
