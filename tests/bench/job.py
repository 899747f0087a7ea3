# SPDX-License-Identifier: Apache-2.0
"""How fast sealed records are read for a job, and how long a SQL job over them takes
(tests/bench/vault_job.c): 10 million events of 512 bytes, or JOB_EVENTS. Beside it, in the same call
and process: zstd alone over the same bytes, and the same SQL job outside of a vault.
"""

import json
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUERY = """\
-- columns: action=event.action, process=process.name, size=file.size
-- measures: sum max
SELECT action, process, count(*), max(size) FROM events GROUP BY 1, 2
"""


def row(name, value, unit, peer, peer_value):
    ratio = round(value / peer_value, 2) if peer_value else None
    print(f"{name:24} {value:9.3f} {unit:7} {peer:44} {peer_value:9.3f} {unit}", flush=True)
    return {"name": name, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value,
            "ratio": ratio}


def sqljob(folder):
    """The sample job, built here; None where its library is not installed."""
    source = folder / "sqljob"
    shutil.copytree(ROOT / "examples/sqljob", source)
    made = subprocess.run(["make", "-s", "-C", source], check=False, capture_output=True)
    return source / "sqljob" if made.returncode == 0 else None


def rows(vitrine, folder, _cache):
    folder = pathlib.Path(folder)
    bench = pathlib.Path(vitrine).resolve().parents[2] / "tests/bench/vault_job"
    events = os.environ.get("JOB_EVENTS", "10000000")
    program, query = sqljob(folder), folder / "question.sql"
    query.write_text(QUERY)
    home = folder / "home"
    home.mkdir()
    args = [bench, events, home] + ([program, query] if program else [])
    f = json.loads(subprocess.run(args, check=True, capture_output=True, text=True).stdout)
    out = [
        row("vault_job_gb_per_s_core", f["scan_gb_per_s_core"], "GB/s",
            f"zstd alone (SHA-256 {f['sha256_gb_per_s']}, AES {f['aes_gb_per_s']})",
            f["zstd_gb_per_s"]),
        row("vault_job_rss_mb", f["rss_mb"], "MB", "the limit that was set", 128.0),
    ]
    if program:
        out.append(row("vault_sqljob_s", f["run_s"], "s",
                       f"the same job outside, {events} events by a pipe", f["sqljob_s"]))
    return out
