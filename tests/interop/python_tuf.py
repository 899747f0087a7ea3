#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the reference client of The Update Framework read our repository, and does it hold the
rebuild quorum? python-tuf downloads a target; then the same repository is offered with the
signature of one rebuilder taken away, and it must refuse.

usage: python_tuf.py URL ROOT.json [--target PATH] [--without KEYID] [--release-key FILE]
                     [--venv DIR]

With --release-key (the site's keys/release.key, unencrypted) the snapshot and the timestamp are
signed anew over the stripped metadata, as a thief of that key would: then the threshold alone is
what refuses. Without it any refusal counts.

The last line is "N passed, N failed[, N skipped]". Exit code: 0 all is as it should be, 1 something
is not, 2 usage, 77 skipped: python-tuf cannot be had here.
"""

import argparse
import functools
import hashlib
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

SKIP = 77
LIMIT = 64 << 20


def need_tuf(venv):
    """Imports python-tuf, from a virtual environment made for it when it is not here already.
    Returns only when it is there."""
    try:
        import tuf.ngclient  # noqa: F401

        return
    except ImportError:
        pass
    if sys.prefix != sys.base_prefix and pathlib.Path(sys.prefix) == venv.resolve():
        skip("python-tuf does not import from its virtual environment")
    python = venv / "bin/python"
    if not (venv / "bin/tuf-is-here").exists():
        for args in ([sys.executable, "-m", "venv", venv],
                     [python, "-m", "pip", "install", "--quiet", "tuf>=5"]):
            try:
                subprocess.run(args, check=True, timeout=300, capture_output=True, text=True)
            except (OSError, subprocess.SubprocessError) as e:
                skip(f"python-tuf cannot be installed: {e}")
        (venv / "bin/tuf-is-here").touch()
    sys.exit(subprocess.run([python, *sys.argv], check=False).returncode)


def skip(why):
    print(f"skipped: {why}")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(SKIP)


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        data = answer.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise ValueError(f"{url}: too long")
    return data


class Copy:
    """A copy of a repository in a folder, which may be changed and is served over HTTP."""

    def __init__(self, url, folder):
        self.url, self.folder = url.rstrip("/"), folder
        self.take_roots()
        timestamp = self.take("tuf/metadata/timestamp.json")
        n = timestamp["signed"]["meta"]["snapshot.json"]["version"]
        self.snapshot_path = f"tuf/metadata/{n}.snapshot.json"
        snapshot = self.take(self.snapshot_path)
        self.roles = {}
        for name, listed in snapshot["signed"]["meta"].items():
            path = f"tuf/metadata/{listed['version']}.{name}"
            self.roles[name.removesuffix(".json")] = path
            self.take(path)

    def take(self, path):
        data = fetch(f"{self.url}/{path}")
        to = self.folder / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)
        return json.loads(data) if path.endswith(".json") else None

    def take_roots(self):
        n = 1
        while True:
            try:
                self.take(f"tuf/metadata/{n}.root.json")
            except urllib.error.HTTPError as e:
                if e.code == 404 and n > 1:
                    return
                raise
            n += 1

    def read(self, path):
        return json.loads((self.folder / path).read_bytes())

    def write(self, path, document):
        text = json.dumps(document, separators=(",", ":"), sort_keys=True)
        (self.folder / path).write_text(text)

    def take_target(self, path):
        for role in self.roles:
            found = self.read(self.roles[role])["signed"].get("targets", {}).get(path)
            if found:
                folder, _, name = path.rpartition("/")
                digest = found["hashes"]["sha256"]
                self.take(f"tuf/targets/{folder}/{digest}.{name}")
                return found
        raise KeyError(path)

    def first_target(self):
        for role, path in sorted(self.roles.items()):
            if role != "targets":
                for target in sorted(self.read(path)["signed"]["targets"]):
                    return role, target
        raise KeyError("the repository has no target")

    def role_of(self, target):
        for role, path in self.roles.items():
            if role != "targets" and target in self.read(path)["signed"]["targets"]:
                return role
        raise KeyError(target)

    def serve(self):
        handler = functools.partial(Quiet, directory=str(self.folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def download(url, root, target, length, digest):
    """One update by python-tuf from nothing but the root; the file's bytes."""
    from tuf.ngclient import Updater, UpdaterConfig

    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        (tmp / "metadata").mkdir()
        (tmp / "targets").mkdir()
        args = dict(metadata_dir=str(tmp / "metadata"), metadata_base_url=f"{url}/tuf/metadata/",
                    target_dir=str(tmp / "targets"), target_base_url=f"{url}/tuf/targets/",
                    config=UpdaterConfig(prefix_targets_with_hash=True))
        try:
            updater = Updater(**args, bootstrap=root)
        except TypeError:  # before version 6 the root is a file in the folder
            (tmp / "metadata/root.json").write_bytes(root)
            updater = Updater(**args)
        updater.refresh()
        info = updater.get_targetinfo(target)
        if info is None:
            raise KeyError(f"python-tuf does not find {target}")
        data = pathlib.Path(updater.download_target(info)).read_bytes()
    if len(data) != length or hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"{target}: other bytes than the metadata says")
    return data


def sign(key, document):
    """An Ed25519 signature by the openssl program over the canonical form."""
    from securesystemslib.formats import encode_canonical

    with tempfile.TemporaryDirectory() as tmp:
        pem, msg = pathlib.Path(tmp) / "key", pathlib.Path(tmp) / "message"
        text = pathlib.Path(key).read_text()
        pem.write_text(text[text.index("-----BEGIN"):])
        pem.chmod(0o600)
        msg.write_bytes(encode_canonical(document).encode())
        done = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", pem, "-in", msg],
                              capture_output=True, check=True)
    return done.stdout.hex()


def resign(copy, key, role):
    """Snapshot and timestamp once more, over the role's changed file."""
    changed = (copy.folder / copy.roles[role]).read_bytes()
    snapshot = copy.read(copy.snapshot_path)
    listed = snapshot["signed"]["meta"][f"{role}.json"]
    listed.update(length=len(changed), hashes={"sha256": hashlib.sha256(changed).hexdigest()})
    snapshot["signatures"][0]["sig"] = sign(key, snapshot["signed"])
    copy.write(copy.snapshot_path, snapshot)
    data = (copy.folder / copy.snapshot_path).read_bytes()
    timestamp = copy.read("tuf/metadata/timestamp.json")
    listed = timestamp["signed"]["meta"]["snapshot.json"]
    listed.update(length=len(data), hashes={"sha256": hashlib.sha256(data).hexdigest()})
    timestamp["signatures"][0]["sig"] = sign(key, timestamp["signed"])
    copy.write("tuf/metadata/timestamp.json", timestamp)


def strip(copy, role, keyid):
    """Takes one signature away; by default that of the last to sign."""
    document = copy.read(copy.roles[role])
    keyid = keyid or document["signatures"][-1]["keyid"]
    left = [s for s in document["signatures"] if s["keyid"] != keyid]
    if len(left) == len(document["signatures"]):
        raise KeyError(f"{keyid} did not sign {role}")
    document["signatures"] = left
    copy.write(copy.roles[role], document)
    return keyid


def refuses(url, root, target, found, want):
    """Whether python-tuf refuses, with one of these errors."""
    try:
        download(url, root, target, found["length"], found["hashes"]["sha256"])
    except want as e:
        print(f"refused, as it should be: {type(e).__name__}: {e}")
        return True
    except Exception as e:  # the wrong reason
        print(f"refused for another reason: {type(e).__name__}: {e}")
        return False
    print("NOT refused")
    return False


def gets(url, root, target, found):
    """Whether python-tuf downloads the target."""
    try:
        download(url, root, target, found["length"], found["hashes"]["sha256"])
    except Exception as e:  # whatever it is, it should not be
        print(f"NOT downloaded: {type(e).__name__}: {e}")
        return False
    print(f"downloaded {target}, {found['length']} bytes, from {url}")
    return True


def check(a, folder):
    """Yields whether each part is as it should be."""
    from tuf.api.exceptions import RepositoryError, UnsignedMetadataError

    root = a.root.read_bytes()
    copy = Copy(a.url, folder)
    role, target = copy.first_target()
    if a.target:
        role, target = copy.role_of(a.target), a.target
    found = copy.take_target(target)
    yield gets(copy.url, root, target, found)
    url = copy.serve()
    yield gets(url, root, target, found)
    keyid = strip(copy, role, a.without)
    print(f"took away the signature of {keyid} over {role}")
    yield refuses(url, root, target, found, RepositoryError)
    if a.release_key:
        resign(copy, a.release_key, role)
        print("signed snapshot and timestamp anew")
        yield refuses(url, root, target, found, UnsignedMetadataError)


def main():
    ap = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("url")
    ap.add_argument("root", type=pathlib.Path)
    ap.add_argument("--target", help="path of the target; default: the first there is")
    ap.add_argument("--without", metavar="KEYID", help="whose signature to take away")
    ap.add_argument("--release-key", type=pathlib.Path)
    ap.add_argument("--venv", type=pathlib.Path,
                    default=pathlib.Path(tempfile.gettempdir()) / "vitrine-python-tuf",
                    help="where to install python-tuf when it is not installed")
    a = ap.parse_args()
    need_tuf(a.venv)
    with tempfile.TemporaryDirectory() as tmp:
        results = list(check(a, pathlib.Path(tmp)))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
