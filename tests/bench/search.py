# SPDX-License-Identifier: Apache-2.0
"""How long the source of some Debian packages takes to be indexed, how large the index is, and how
fast it answers, beside `grep -r` over the same files and Debian's codesearch (cindex, csearch) where
it is installed. The packages are kept in .cache/bench-centre from call to call; SEARCH_PACKAGES names
others. The corpus is 500 MB of text or somewhat more.
"""

import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = "glibc gdb git cmake"
QUERIES = 100  # of each mode
PEER_QUERIES = 15  # grep takes its time


def row(name, value, unit, peer, peer_value):
    ratio = round(value / peer_value, 4) if peer_value else None
    print(f"{name:28} {value:9.2f} {unit:5} {peer:52} {peer_value or 0:9.2f} {unit}", flush=True)
    return {"name": name, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value,
            "ratio": ratio}


def ours(bench, *args):
    return json.loads(subprocess.run([str(a) for a in (bench, *args)], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout)


def size_of(folder):
    return sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file())


def unpack(folder, archives):
    """The same files for the peers, once."""
    tree = folder / "tree"
    for name in archives:
        if not (tree / name).exists():
            part = tree / f"{name}.part"
            part.mkdir(parents=True)
            subprocess.run(["tar", "--zstd", "-xf", folder / f"store/sha256/{name[:2]}/{name}", "-C",
                            part], check=True)
            part.rename(tree / name)
    for old in tree.iterdir():
        if old.name not in archives:
            shutil.rmtree(old)
    return tree


def draw_lines(tree, number):
    """Lines of random text files: the same ones in every call."""
    chance = random.Random(20261122)
    files = sorted(p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()
                   and 200 < p.stat().st_size < 500_000)
    while number:
        data = chance.choice(files).read_bytes()
        lines = [s for s in data.decode("utf-8", "replace").split("\n")
                 if 20 < len(s.strip()) < 120 and "�" not in s and "\t" not in s.strip()]
        if lines and b"\0" not in data:
            number -= 1
            yield chance, chance.choice(lines).strip()


def queries(tree):
    """Substrings (4 to 24 characters) and expressions, all of which stand somewhere."""
    out = []
    for n, (chance, line) in enumerate(draw_lines(tree, 3 * QUERIES)):
        mode = ("exact", "icase", "regex")[n % 3]
        start = chance.randrange(0, len(line) - 16)
        part = line[start:start + chance.randrange(4, 25)]
        if mode == "icase":
            part = part.swapcase()
        if mode == "regex":
            words = re.findall(r"[A-Za-z_]{3,}", line)
            form = chance.randrange(4)
            if len(words) < 2:
                part = re.sub(r"([^A-Za-z0-9_ ])", r"\\\1", part)
            elif form == 0:
                part = rf"{words[0]}.*{words[-1]}"
            elif form == 1:
                part = rf"\b{words[0]}\s*\W+{words[1]}\b"
            elif form == 2:
                part = rf"({words[0]}|{words[-1]})[_a-z]*\("
            else:
                part = rf"^\s*{words[0]}\w*"
        out.append((mode, part))
    return out


def p95(values):
    return statistics.quantiles(values, n=100)[94]


def peer_time(command):
    began = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return None if done.returncode > 1 else (time.monotonic() - began) * 1000


def grep_of(mode, text, tree):
    how = {"exact": ["-F"], "icase": ["-F", "-i"], "regex": ["-P"]}[mode]
    return ["grep", "-rlIs", *how, "-e", text, "."], tree


def peers(folder, tree, asked):
    """p95 of grep -r and of codesearch over some of the same queries, in the same order."""
    few = asked[:: max(1, len(asked) // PEER_QUERIES)]
    grep = []
    for mode, text in few:
        command, where = grep_of(mode, text, tree)
        grep.append(peer_time(["env", "-C", str(where), "LC_ALL=C.UTF-8", *command]))
    out = {"grep": p95([t for t in grep if t])}
    if shutil.which("cindex") and shutil.which("csearch"):
        index = folder / "csearchindex"
        index.unlink(missing_ok=True)
        began = time.monotonic()
        subprocess.run(["env", f"CSEARCHINDEX={index}", "cindex", str(tree)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        out["cindex_s"] = time.monotonic() - began
        out["cindex_size"] = index.stat().st_size
        took = []
        for mode, text in few:
            if mode != "regex":
                text = re.sub(r"([^A-Za-z0-9_ ])", r"\\\1", text)
            took.append(peer_time(["env", f"CSEARCHINDEX={index}", "csearch", "-l",
                                   *(["-i"] if mode == "icase" else []), text]))
        out["csearch"] = p95([t for t in took if t])
    return out


def rows(vitrine, _folder, _cache):
    bench = pathlib.Path(vitrine).resolve().parents[2] / "tests/bench/centre_search"
    folder = ROOT / ".cache/bench-centre"
    folder.mkdir(parents=True, exist_ok=True)
    names = os.environ.get("SEARCH_PACKAGES", PACKAGES).split()
    print(f"search: the source of {', '.join(names)}, kept in {folder}", flush=True)
    known = folder / "corpus.json"
    corpus = json.loads(known.read_text()) if known.exists() else []
    if [c["package"] for c in corpus] != names:
        corpus = ours(bench, "fetch", folder, *names)
        known.write_text(json.dumps(corpus))
    archives = [c["archive"] for c in corpus]
    tree = unpack(folder, archives)
    shutil.rmtree(folder / "library", ignore_errors=True)
    made = ours(bench, "index", folder, *archives)
    size = size_of(folder / "library")
    asked = queries(tree)
    (folder / "queries").write_text("".join(f"{m}\t{q}\n" for m, q in asked))
    ours(bench, "query", folder, folder / "queries")  # what is in memory then, as in a running site
    answers = ours(bench, "query", folder, folder / "queries")
    missed = [q for q, a in zip(asked, answers) if a["files"] == 0]
    if missed:  # all of them stand in the corpus
        print(f"search: {len(missed)} queries found nothing, such as {missed[:3]}", file=sys.stderr)
    them = peers(folder, tree, asked)
    mb = made["bytes"] / 1e6
    of = {m: p95([a["ms"] for q, a in zip(asked, answers) if q[0] == m])
          for m in ("exact", "icase", "regex")}
    print(f"search: {mb:.0f} MB, {made['files']} files, {made['lines']} lines, symbols: "
          f"{made['symbols']}; p95 by mode: " + ", ".join(f"{m} {v:.1f} ms" for m, v in of.items()),
          flush=True)
    return [
        row("centre_index_s", made["seconds"], "s", "cindex of Debian's codesearch (no symbols)",
            them.get("cindex_s")),
        row("centre_index_ratio", size / made["bytes"], "x", "the limit that was set, sizes of the text",
            3.0),
        row("centre_index_rss_mb", made["rss_mb"], "MB", "ctags beside it", made["ctags_rss_mb"]),
        row("centre_search_p95_ms", p95([a["ms"] for a in answers]), "ms",
            f"grep -r, p95 of {PEER_QUERIES}", them["grep"]),
        row("centre_search_csearch_p95_ms", p95([a["ms"] for a in answers]), "ms",
            "csearch (every file, process started)", them.get("csearch")),
    ]
