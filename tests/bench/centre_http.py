# SPDX-License-Identifier: Apache-2.0
"""How fast a site's http process gives tiles away, beside nginx with the same files on the same core
(wrk asks both, in turn, from the other core): centre_tile_ratio, which is to be 0.60 at least;
per_cpu_s is what a second of each one's own computing time gives, which what else the machine does
weighs on less. And how long the page's JSON takes at 500 requests a second, counted from when each was
due (centre_load.c): centre_api_p99_ms, which is to be below 20; beside it what nginx needs for one
small file, asked in the same way. Where wrk or nginx is not installed their part is left out, and it
says so.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import time

from party import Parties, children, comm, free_port

ENTRIES = int(os.environ.get("BENCH_ENTRIES", "300"))
ROUNDS, SECONDS = int(os.environ.get("BENCH_ROUNDS", "5")), 3
TILES = 64
RATE = 500

NGINX = """\
worker_processes 1;
daemon off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.err;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 10000000;
    open_file_cache max=1000 inactive=60s;
    open_file_cache_valid 60s;
    default_type application/octet-stream;
    client_body_temp_path {dir}/nginx-body;
    proxy_temp_path {dir}/nginx-proxy;
    fastcgi_temp_path {dir}/nginx-fastcgi;
    uwsgi_temp_path {dir}/nginx-uwsgi;
    scgi_temp_path {dir}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location / {{ add_header Cache-Control "public, max-age=31536000, immutable"; }}
    }}
}}
"""

WRK = """\
local i = 0
request = function()
    i = (i + 1) % {tiles}
    return wrk.format("GET", string.format("/tile/0/x999/%03d", i))
end
"""


def row(name, value, unit, **more):
    print(f"{name:34} {value:12,.2f} {unit:9}" +
          "".join(f"  {k} {v:,.2f}" for k, v in more.items() if v is not None), flush=True)
    return {"name": name, "value": round(value, 3), "unit": unit,
            **{k: round(v, 3) for k, v in more.items() if v is not None}}


def program(name):
    found = shutil.which(name) or f"/usr/sbin/{name}"
    return found if os.access(found, os.X_OK) else None


def cores():
    """The core of the servers, and that of who asks."""
    own = sorted(os.sched_getaffinity(0))
    return {own[0]}, {own[-1]}


class Nginx:
    """The peer, with the folder public/ of the site as it is."""

    def __init__(self, folder, root):
        self.port = free_port()
        conf = folder / "nginx.conf"
        conf.write_text(NGINX.format(dir=folder, port=self.port, root=root))
        folder.chmod(0o755)  # its worker is another user
        self.process = subprocess.Popen(
            [program("nginx"), "-c", conf], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, cores()[0]))
        time.sleep(1)

    def worker(self):
        return children(self.process.pid)[0]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def computed(pid):
    """Seconds that a process has computed."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk_rate(port, script, pid):
    """Requests a second, and requests a second that the server computed."""
    before = computed(pid)
    out = subprocess.run([program("wrk"), "-t1", "-c16", f"-d{SECONDS}s", "-s", script,
                          f"http://127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True, check=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, cores()[1])).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"not all tiles were there:\n{out}")
    count = int(next(li.split()[0] for li in out.splitlines() if " requests in " in li))
    rate = float(next(li.split()[1] for li in out.splitlines() if li.startswith("Requests/sec")))
    return rate, count / max(computed(pid) - before, 0.01)


def tiles(p, pid):
    """Whole tiles of hashes, as a log of 16 million entries has them."""
    missing = [name for name in ("nginx", "wrk") if program(name) is None]
    if missing:
        print(f"centre_tile_ratio is left out: {' and '.join(missing)} not installed")
        return []
    folder = p.site / "public/tile/0/x999"
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(TILES):
        (folder / f"{i:03}").write_bytes(os.urandom(8192))
    script = p.dir / "tiles.lua"
    script.write_text(WRK.format(tiles=TILES))
    os.sched_setaffinity(pid, cores()[0])
    peer = Nginx(p.dir, p.site / "public")
    try:
        pairs = [(wrk_rate(p.ports["zurich"], script, pid), wrk_rate(peer.port, script, peer.worker()))
                 for _ in range(ROUNDS)]
    finally:
        peer.stop()
        os.sched_setaffinity(pid, os.sched_getaffinity(0))
        shutil.rmtree(folder)
    rates, costs = ([(a[i], b[i]) for a, b in pairs] for i in (0, 1))
    return [row("centre_tile_ratio", statistics.median(a / b for a, b in rates), "of nginx",
                **{name: statistics.median(side) for of, names in
                   ((rates, ("tiles_per_s", "nginx")), (costs, ("per_cpu_s", "nginx_per_cpu_s")))
                   for name, side in zip(names, zip(*of))})]


def fill(p):
    """Some hundred entries: small snapshots."""
    folder = p.dir / "many"
    folder.mkdir()
    for n in range(ENTRIES):
        (folder / "n").write_text(f"{n}\n" * 20)
        p.run("source", "add", folder, "--site", p.site, "--key", p.dir / "developer.key")


def await_index(p, count):
    """Until the Centre has all entries in its facts."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        got = subprocess.run(["curl", "-sS", p.url() + "/api/v1/entries?limit=1"],
                             stdout=subprocess.PIPE, check=True).stdout
        items = json.loads(got).get("items")
        if items and items[0]["index"] + 1 >= count:
            return items[0]["index"]
        time.sleep(0.2)
    raise SystemExit("the Centre does not come up to its log")


def api(p, load, artifact):
    newest = await_index(p, ENTRIES)
    source = json.loads(subprocess.run(["curl", "-sS", p.url() + "/api/v1/sources?limit=1"],
                                       stdout=subprocess.PIPE, check=True).stdout)["items"][0]["source"]
    paths = ["site", "checkpoint", "releases", f"releases/sha256:{artifact}", "entries",
             f"entries/{newest}", "entries?kind=source&limit=50", "sources", f"sources/{source}",
             f"sources/{source}/tree", f"sources/{source}/file?path=n", "health", "terms", "session"]
    args = [load, str(p.ports["zurich"]), str(RATE), "10", *["/api/v1/" + path for path in paths]]
    subprocess.run(args[:3] + ["2"] + args[4:], stdout=subprocess.DEVNULL, check=True)  # warm
    got = json.loads(subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout)
    if got["errors"] > 0:
        raise SystemExit(f"not all that was asked was there: {got}")
    return [row("centre_api_p99_ms", got["p99_ms"], "ms", p50=got["p50_ms"], max=got["max_ms"],
                per_s=got["per_s"], nginx=static_p99(p, load))]


def static_p99(p, load):
    """The same of nginx and the checkpoint's file; None without nginx."""
    if program("nginx") is None:
        return None
    peer = Nginx(p.dir, p.site / "public")
    try:
        return json.loads(subprocess.run([load, str(peer.port), str(RATE), "10", "/checkpoint"],
                                         stdout=subprocess.PIPE, check=True).stdout)["p99_ms"]
    finally:
        peer.stop()


def rows(vitrine, folder, cache):
    """Runs it all; the rows for bench.json."""
    load = pathlib.Path(vitrine).resolve().parents[2] / "tests/bench/centre_load"
    with Parties(vitrine, folder, cache) as p:
        artifact = p.release("1.0.0")
        fill(p)
        http = next(pid for pid in children(p.services["zurich"].pid) if comm(pid) == "http")
        return tiles(p, http) + api(p, load, artifact)
