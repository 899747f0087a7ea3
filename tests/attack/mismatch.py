#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Threat 3: a subverted assembler ships bytes that the source does not give. Rebuilders find other
bytes, publish that, and do not sign; a site that hands out other objects than it logged is noticed.

usage: mismatch.py VITRINE FOLDER CACHE
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from party import Parties  # noqa: E402

LEAK = """\
vitrine: recipe/v1
name: leak
version: {version}
packages: []
steps:
  - cat hello.sh > "$OUT/leak"; pwd >> "$OUT/leak"
outputs:
  - name: leak.txt
    from: leak
"""


def must(what, ok):
    print(f"{'ok    ' if ok else 'FAILED'} {what}")
    if not ok:
        sys.exit(1)


def leak(p, version):
    recipe = p.dir / f"leak-{version}.yaml"
    recipe.write_text(LEAK.format(version=version))
    out, _ = p.run("assemble", recipe, "--site", p.site, "--source", p.add_source()["source"],
                   "--cache", p.cache / "zurich")
    return out


def object_path(p, digest):
    hexes = digest.removeprefix("sha256:")
    return p.site / "public/objects/sha256" / hexes[:2] / hexes


def other_bytes(p):
    good = p.assemble("1.0.0")["artifacts"][0]["sha256"]
    bad = leak(p, "1.0.0")["artifacts"][0]["sha256"]
    p.run("release", "stage", "products", "--site", p.site, "--artifact", f"sha256:{good}",
          "--artifact", f"sha256:{bad}")
    out, err = p.run(*p.rebuild_args("alpha"), exit_code=1)
    results = {r["product"]: r for r in out["rebuilds"]}
    must("the good artifact is confirmed", results["hello"]["result"] == "equal")
    must("the other one is a mismatch", results["leak"]["result"] == "mismatch")
    where = results["leak"]["differences"][0]
    must("it says where bytes differ", where["first_offset"] > 0 and "differs from byte" in err)
    must("the metadata is not signed", out["staged"] == [
        {"channel": "products", "signed": False, "message": out["staged"][0]["message"]}]
         and "not confirmed by this rebuilder" in out["staged"][0]["message"])
    _, err = p.publish(exit_code=1)
    must("the release does not get its quorum", "alpha" in err)
    again, _ = p.run(*p.rebuild_args("alpha"))
    must("what was answered is not rebuilt again", again["rebuilds"] == [])
    p.run("log", "prove", results["leak"]["entry"], "--from", p.url(), "--policy",
          p.policy, "--output", p.dir / "proof", "--entry", p.dir / "entry")
    must("the mismatch is in the log", b"kind mismatch" in (p.dir / "entry").read_bytes())


def other_object(p):
    made = p.assemble("2.0.0")
    path = object_path(p, made["recipe"])
    held = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(held.replace(b"chmod 0755", b"chmod 0777"))
    out, err = p.run(*p.rebuild_args("beta"), "--artifact",
                     "sha256:" + made["artifacts"][0]["sha256"], exit_code=1)
    must("a changed object is refused", out["rebuilds"][0]["result"] == "failed"
         and "are not those of its name" in err)
    path.unlink()
    out, err = p.run(*p.rebuild_args("beta"), "--artifact",
                     "sha256:" + made["artifacts"][0]["sha256"], exit_code=3)
    must("a missing object is named", out["rebuilds"][0]["result"] == "failed" and "404" in err)
    path.write_bytes(held)
    out, _ = p.run(*p.rebuild_args("beta"), "--artifact",
                   "sha256:" + made["artifacts"][0]["sha256"])
    must("with the object back it is rebuilt", out["rebuilds"][0]["result"] == "equal")


def main():
    vitrine, folder, cache = sys.argv[1:4]
    with Parties(vitrine, folder, cache) as p:
        other_bytes(p)
        other_object(p)


main()
