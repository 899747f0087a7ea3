#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks on the Transparency Centre, from the network and by its own reviewers (threats 16 and 17):
paths that leave their folder, hostile names and contents, forged and replayed logins, cloned
authenticators, sessions of others, requests from other pages, forged sign-offs, sealed sources
taken out or denied, slow, oversized and countless requests. Each must fail, and the site must go on.

usage: centre.py VITRINE FOLDER CACHE
"""

import http.client
import pathlib
import socket
import sys
import threading
import time
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from centre import Centre, Client, Passkey, b64url, blob, leaf_hash, root_of  # noqa: E402

SCRIPT = "<script>alert(1)</script>"
HOSTILE = {
    "<img src=x onerror=alert(1)>.c": b"int a;\n",
    "\"><script>alert(1)<.js": b"alert(1)\n",
    "javascript:alert(1).txt": b"javascript:alert(1)\n",
    "\u202egnp.exe": b"bidi \xe2\x80\xae here\n",
    "%2e%2e%2fetc": b"percent\n",
    "a&b=c?d#e;f": b"signs\n",
    "page.html": b"<html><script>alert(document.domain)</script></html>\n",
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>\n",
    "rules.yar": b"rule x { meta: a = \"</script><script>alert(1)</script>\" condition: true }\n",
    "binary": b"\0\1\2</script>",
}


class Checks:
    passed = failed = 0

    def __call__(self, what, ok, detail=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {what}: {str(detail)[:1500]}", flush=True)


def refused(c, what, answer, *statuses):
    c(what, answer.status in statuses, answer)


def raw(centre, data, wait=10):
    """Bytes as they are; what came back before the other side closed, or time was over."""
    with socket.create_connection(("127.0.0.1", centre.ports["zurich"]), timeout=wait) as s:
        got = b""
        try:
            s.sendall(data)
            while chunk := s.recv(65536):
                got += chunk
        except OSError:
            pass
        return got


def paths_that_leave(s, c, source):
    secret = (s.site / "keys/log.key").read_bytes().splitlines()[2]
    ways = ["/../keys/log.key", "/%2e%2e/keys/log.key", "/..%2fkeys/log.key", "/assets/../../keys/log.key",
            "/assets/%2e%2e/%2e%2e/keys/log.key", "/objects/../../keys/log.key", "/objects/sha256/..",
            "/tile/../../../etc/passwd", "//etc/passwd", "/passports/..%5c..%5ckeys", "/assets/.%00/x",
            "/api/v1/../../keys/log.key", "/api/v1/sources/../../keys/log.key", "/.git/config",
            "/centre/desk.db", "/sealed/objects", "/assets//../index.html%00"]
    for way in ways:
        got = raw(s, f"GET {way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        status = int(got.split()[1]) if got.startswith(b"HTTP/") else 0
        c(f"GET {way} gives nothing", status in (0, 400, 404) and secret not in got
          and b"root:" not in got, got[:300])
    for path in ("../../../etc/passwd", "/etc/passwd", "..", "a/../../b", "\0", "%2e%2e/x", "a//b"):
        for what in ("file", "raw", "history", "tree"):
            got = Client(s).get(f"/sources/{source}/{what}?path={quoted(path)}")
            if what == "history" and got.status == 200:  # a file that never was
                c(f"{what} of {path!r} is nowhere",
                  all(i["blob"] is None for i in got.json["items"]), got)
            else:
                refused(c, f"{what} of {path!r}", got, 400, 404)
    for digest in ("sha256:" + "0" * 64, "sha256:../x", "x" * 300, source[:-1], source.upper()):
        refused(c, f"snapshot {digest[:20]}", Client(s).get(f"/sources/{quoted(digest)}/tree"), 400, 404)


def quoted(text):
    import urllib.parse
    return urllib.parse.quote(text, safe="")


def hostile_source(s, c, source):
    anyone = Client(s)
    names = {e["name"] for e in anyone.get(f"/sources/{source}/tree").json["entries"]}
    c("hostile names come as they are, in JSON", names == set(HOSTILE), names)
    for name, content in HOSTILE.items():
        got = anyone.get(f"/sources/{source}/file?path={quoted(name)}")
        c(f"{name!r} is JSON", got.status == 200
          and got.headers["Content-Type"].startswith("application/json")
          and got.headers["X-Content-Type-Options"] == "nosniff"
          and "default-src 'none'" in got.headers["Content-Security-Policy"], got)
        got = anyone.get(f"/sources/{source}/raw?path={quoted(name)}")
        c(f"{name!r} raw is never a page", got.status == 200 and got.body == content
          and got.headers["Content-Type"] == "application/octet-stream"
          and got.headers["Content-Disposition"].startswith("attachment")
          and "\n" not in got.headers["Content-Disposition"]
          and "sandbox" in got.headers["Content-Security-Policy"], got.headers)
    feed = anyone.get("/feed.atom")
    c("the feed is well-formed", xml.dom.minidom.parseString(feed.body) is not None, feed)
    found = anyone.get(f"/search?q={quoted('<script>alert')}&mode=exact")
    c("a search for script finds it as text", found.status == 200 and found.json["items"], found)
    for q in ("(a+)+$", "(" * 200, "[", "\\", "a{200}{200}", "(?=x)", "x" * 513, ""):
        refused(c, f"search for {q[:20]!r}",
                anyone.get(f"/search?q={quoted(q)}&mode=regex"), 200 if q == "(a+)+$" else 400)


def logins(s, c, alice):
    key = alice.passkey

    def attempt(what, **spoilt):
        refused(c, what, Client(s, "alice", key).login(**spoilt), 401, 403, 422)

    c("a good login", Client(s, "alice", key).login().status == 200)
    forger = Passkey(s.origin)
    forger.id, forger.user = key.id, key.user
    refused(c, "an assertion by another key", Client(s).login(forger), 401, 403, 422)
    attempt("the challenge of another", challenge=b64url(b"x" * 32))
    attempt("another origin", origin="http://evil.example")
    attempt("another site's key", rp="evil.example")
    attempt("not verified by the authenticator", flags=0x01)
    attempt("nobody was present", flags=0x04)
    attempt("a registration in place of a login", kind="webauthn.create")
    who = Client(s, "alice", key)
    o = who.begin_login()
    assertion = key.assert_(o["publicKey"])
    first = who.post("/login/finish", {"ticket": o["ticket"], "credential": assertion})
    c("an assertion is good once", first.status == 200, first)
    again = Client(s).post("/login/finish", {"ticket": o["ticket"], "credential": assertion})
    refused(c, "the same assertion again", again, 401, 403, 409, 422)
    other = Client(s).begin_login()
    refused(c, "the same assertion with another ticket",
            Client(s).post("/login/finish", {"ticket": other["ticket"], "credential": assertion}),
            401, 403, 422)
    for what, body in {"nothing": {}, "a list": [], "a number": {"ticket": 1, "credential": 2},
                       "far too much": {"ticket": "x" * 60000}}.items():
        refused(c, f"login with {what}", Client(s).post("/login/finish", body), 400, 401, 413, 422)


def clones(s, c):
    """A second authenticator with the same key: its counter is behind."""
    bob = s.join("bob")
    c("bob logs in", bob.login().status == 200)
    behind = bob.passkey.counter - 1
    refused(c, "a counter that goes back", Client(s, "bob", bob.passkey).login(counter=behind),
            401, 403, 422)
    refused(c, "and the account waits for its operator", Client(s, "bob", bob.passkey).login(),
            401, 403, 422)
    s.run("centre", "clear", s.site, "bob.example")
    c("until that one clears it", bob.login().status == 200)
    return bob


def sessions(s, c, alice, source):
    stranger = Client(s)
    stranger.cookie = "A" * len(alice.cookie)
    c("a guessed session is nobody", stranger.get("/session").json["reviewer"] is None)
    refused(c, "and writes no comment", stranger.post("/comments", {
        "source": source, "path": "page.html", "blob": blob(HOSTILE["page.html"]), "line": 1,
        "text": "x"}), 401, 403)
    cookie = alice.login().headers["Set-Cookie"]
    c("the session's cookie is out of scripts' reach, and same-site", all(
        word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/api/v1")), cookie)
    old = alice.cookie
    alice.post("/logout", {})
    alice.cookie = old
    c("a session that ended is over", alice.get("/session").json["reviewer"] is None)
    alice.login()


def other_pages(s, c, alice, source):
    comment = {"source": source, "path": "page.html", "blob": blob(HOSTILE["page.html"]), "line": 1,
               "text": "hello"}
    for what, headers in {
            "another origin": {"Origin": "http://evil.example"}, "no origin": {"Origin": ""},
            "a null origin": {"Origin": "null"}, "a form": {"Content-Type": "text/plain"},
            "a form of files": {"Content-Type": "multipart/form-data; boundary=x"},
            "an origin that begins alike": {"Origin": s.origin + ".evil.example"}}.items():
        refused(c, f"a comment from {what}", alice.post("/comments", comment, headers), 400, 403, 415)
    c("none of them was written", alice.get(f"/comments?source={source}&path=page.html").json["items"]
      == [])
    mine = alice.post("/comments", {**comment, "text": SCRIPT})
    c("a comment with script is text", mine.status == 201 and mine.json["text"] == SCRIPT, mine)
    for what, change in {"no text": {"text": ""}, "too long a text": {"text": "x" * 4001},
                         "control characters": {"text": "a\u001b[2J"}, "line 0": {"line": 0},
                         "another blob": {"blob": blob(b"none")},
                         "another path": {"path": "../x"}}.items():
        refused(c, f"a comment with {what}", alice.post("/comments", {**comment, **change}),
                400, 404, 409, 422)
    return mine.json


def others_comments(c, bob, comment):
    refused(c, "bob takes alice's comment away",
            bob.post(f"/comments/{comment['id']}", {"removed": True}), 403)
    refused(c, "bob assigns work without being a lead",
            bob.post("/assignments", {"source": comment["source"], "path": "", "to": "alice.example"}),
            403)


def invitations(s, c):
    used = s.invite("mallory")
    mallory = Client(s, "mallory", s.keys["mallory"])
    refused(c, "an invitation that was never given", mallory.register("A" * 43), 401, 403, 404, 422)
    refused(c, "a registration with another origin",
            mallory.register(used, origin="http://evil.example"), 401, 403, 422)
    done = mallory.register(used)
    c("mallory registers", done.status == 201, done)
    again = Client(s, "mallory", Passkey(s.origin))
    refused(c, "an invitation used twice", again.register(used), 401, 403, 404, 409, 422)
    return mallory


def sign_offs(s, c, source):
    document = s.reading(source, "alice", {"page.html": blob(HOSTILE["page.html"])})
    text = s.entry_text("reading", source, document)
    before = Client(s).get("/site").json["checkpoint"]["size"]

    def attempt(what, *statuses, **how):
        refused(c, what, s.sign("alice", "reading", source, document, **how), *statuses)

    attempt("signed by mallory in alice's name", 403, 422, key=s.keys["mallory"])
    line = s.keys["alice"].note_line("alice.example", text.replace("page", "x") + "x")
    refused(c, "alice's signature under another entry", s.submit(document, f"{text}\n{line}"), 403, 422)
    attempt("not verified by the authenticator", 403, 422, flags=0x01)
    attempt("nobody was present", 403, 422, flags=0x04)
    attempt("made for another site", 403, 422, rp="evil.example")
    attempt("a registration's client data", 403, 422, kind="webauthn.create")
    other = document.replace(" ok ", " concern ")
    refused(c, "another document under the same entry",
            s.submit(other, f"{text}\n{s.keys['alice'].note_line('alice.example', text)}"), 400, 409, 422)
    theirs = s.reading(source, "bob", {"page.html": blob(HOSTILE["page.html"])})
    refused(c, "a document in bob's name, signed by alice",
            s.sign("alice", "reading", source, theirs), 400, 403, 422)
    nowhere = "sha256:" + "7" * 64
    refused(c, "a reading of a snapshot that the log does not have",
            s.sign("alice", "reading", nowhere, document.replace(source, nowhere)), 404, 409, 422)
    for kind in ("source", "release", "assembly", "visits"):
        refused(c, f"a passkey that says {kind}",
                s.sign("alice", kind, source, document), 400, 403, 422)
    for what, spoilt in {"cut short": document[:-5], "with a line more": document + "x y\n",
                         "empty": "", "huge": document + "x" * 2_000_000}.items():
        refused(c, f"a document {what}", s.sign("alice", "reading", source, spoilt), 400, 413, 422)
    after = Client(s).get("/site").json["checkpoint"]["size"]
    c("the log took none of it", after == before, (before, after))
    good = s.sign("alice", "reading", source, document)
    c("the real one is taken", good.status == 200, good)
    again = s.submit(document, f"{text}\n{s.keys['alice'].note_line('alice.example', text)}")
    c("said again it is the same entry", again.status == 200 and again.body == good.body, again)


def sealed(s, c, alice, bob):
    """Threat 16: who takes sealed source out is slowed down, marked and on record."""
    content = {f"secret-{i}.c": f"int secret_{i};\n".encode() for i in range(30)}
    source = s.add(content, "--sealed")
    anyone = Client(s)
    path = f"/sources/{source}/file?path=secret-1.c"
    hexed = source[7:]
    for who, what in ((anyone, "anybody"), (bob, "a reviewer to whom it is not open")):
        for way in (path, path.replace("file", "raw"), f"/sources/{source}/tree",
                    f"/sources/{source}/symbols?name=secret_1",
                    f"/sources/{source}/diff?since={source}&path=secret-1.c",
                    f"/search?q=secret_1&mode=exact&source={source}"):
            refused(c, f"{what}: {way.split('?')[0][-12:]}", who.get(way), 401, 403)
        got = who.get("/search?q=secret_1&mode=exact")
        c(f"{what}: no search shows it", got.status == 200 and got.json["items"] == [], got)
    got = anyone.get(f"/objects/sha256/{hexed[:2]}/{hexed}", raw=True)
    refused(c, "its archive is no public object", got, 404)
    s.run("centre", "open", s.site, "--source", source, "--to", "alice.example")
    got = alice.get(path)
    c("alice reads it, and it is marked with her name", got.status == 200
      and "alice.example" in (got.json["mark"] or ""), got)
    s.run("centre", "rates", s.site, "--per-minute", "10")
    answers = [alice.get(path.replace("secret-1", f"secret-{i}")) for i in range(30)]
    late = [a for a in answers if a.status == 429]
    c("she cannot take all of it at once", len(late) >= 19
      and all(int(a.headers["Retry-After"]) > 0 for a in late), [a.status for a in answers])
    s.run("centre", "close", s.site, "--source", source, "--to", "alice.example")
    refused(c, "and not any more when it is closed to her", alice.get(path), 401, 403)
    return source


def record(s, c, alice, source):
    """Threat 16: nobody can deny what was opened; the site cannot change the record."""
    s.run("centre", "visits", s.site, "--publish", "--so-far")
    anyone = Client(s)
    s.until("the day's record is in the log",
            lambda: anyone.get("/visits/days").json["items"] != [])
    day = anyone.get("/visits/days").json["items"][0]["day"]
    own = alice.get(f"/visits?day={day}").json
    mine = [i for i in own["items"] if i["source"] == source]
    c("her visits of the sealed source are hers to see", len(mine) >= 10, own)
    c("and nobody else's", all(" alice.example " in i["leaf"] for i in own["items"]), own["items"][:3])
    bad = [i for i in own["items"] if i["index"] is None or not proven(own, i)]
    c("each of them is in the published root", own["published"] is not None and not bad, bad[:2])
    where = f"/entries/{own['published']['index']}"
    s.until("the Centre shows that entry", lambda: anyone.get(where).status == 200)
    entry = anyone.get(where).json
    c("the log has that root", entry["kind"] == "visits"
      and any(x["digest"] == own["published"]["root"] for x in entry["subjects"]), entry)
    changed = dict(mine[0], leaf=mine[0]["leaf"].replace("alice", "bobby"))
    c("a changed line would be found out", not proven(own, changed))
    refused(c, "nobody sees them without a session", anyone.get(f"/visits?day={day}"), 401)


def proven(own, item):
    root = root_of(leaf_hash(item["leaf"]), item["index"], own["published"]["leaves"],
                   item["proof"])
    return "sha256:" + root.hex() == own["published"]["root"]


def floods(s, c):
    """Threat 17: slow, oversized and countless requests; others are served meanwhile."""
    got = raw(s, b"GET /api/v1/site HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n")
    c("200 kB of headers", got == b"" or got.split()[1] in (b"400", b"413", b"431"), got[:100])
    got = raw(s, b"GET /api/v1/search?q=" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n"
              b"Connection: close\r\n\r\n")
    c("20 kB of query", got == b"" or got.split()[1] in (b"400", b"413", b"414", b"431"), got[:100])
    refused(c, "a body of 1 MB to the desk",
            Client(s).post("/login/begin", {"x": "y" * 1_000_000}), 413)
    got = raw(s, b"POST /api/v1/login/begin HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    c("a body of 100 GB is announced", got == b"" or got.split()[1] in (b"400", b"413"), got[:100])
    got = raw(s, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)))
    c("no HTTP at all", got == b"" or got.split()[1] == b"400", got[:100])
    slow = []
    for _ in range(100):
        one = socket.create_connection(("127.0.0.1", s.ports["zurich"]), timeout=60)
        one.sendall(b"GET /api/v1/site HTTP/1.1\r\nX: ")
        slow.append(one)
    began = time.monotonic()
    c("others are served beside a hundred slow ones", Client(s).get("/site").status == 200)
    c("at once", time.monotonic() - began < 5, time.monotonic() - began)
    statuses = []

    def many():
        for _ in range(40):
            try:
                statuses.append(Client(s).get("/search?q=e.*e.*e.*e&mode=regex").status)
            except (OSError, http.client.HTTPException):
                statuses.append(0)
    threads = [threading.Thread(target=many) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    c("320 searches at once are answered or put off", set(statuses) <= {200, 429, 503},
      {x: statuses.count(x) for x in set(statuses)})
    for one in slow:
        one.close()
    streams = []
    for _ in range(300):
        try:
            one = socket.create_connection(("127.0.0.1", s.ports["zurich"]), timeout=5)
            one.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            streams.append(one)
        except OSError:
            break
    time.sleep(0.5)
    for one in streams:
        one.close()
    s.until("the site answers after it all", lambda: Client(s).get("/site").status == 200)
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"):
        got = Client(s).ask(method, "/site")
        refused(c, f"{method} /site", got, 400, 405, 501)


def main():
    vitrine, folder, cache = sys.argv[1:4]
    c = Checks()
    with Centre(vitrine, folder, cache) as s:
        source = s.add(HOSTILE)
        paths_that_leave(s, c, source)
        hostile_source(s, c, source)
        alice = s.join("alice")
        logins(s, c, alice)
        bob = clones(s, c)
        sessions(s, c, alice, source)
        comment = other_pages(s, c, alice, source)
        others_comments(c, bob, comment)
        invitations(s, c)
        sign_offs(s, c, source)
        hidden = sealed(s, c, alice, bob)
        record(s, c, alice, hidden)
        floods(s, c)
        c("the site never had to start again", "starts again" not in
          (s.dir / "zurich.log").read_text() and s.services["zurich"].poll() is None)
    print(f"{c.passed} passed, {c.failed} failed", flush=True)
    return 0 if c.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
