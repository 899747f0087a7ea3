#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Telemetry for tests and measurements: events of endpoints, one JSON object a line.

    telemetry.py generate [--seed N] [--events N] [--region R]... [--subjects N] [--out FILE]
    telemetry.py read [--region R]...        the recorded events of ../shared, if they are there

An event is {"time", "n", "region", "host", "user", "event_id", ...}. A host's region is a matter of its
name alone (region_of), a user has one host; the data subject is the user. What happens on a host
comes in sessions: a user has some tens of events, then it is another's turn. `n` counts from 0.

What events say comes from the recorded ones of ../shared/data/telemetry when they are there, trimmed
to 512 bytes on average, and else from a list below; --own takes the list in any case. The same seed
and numbers give the same bytes.
"""

import argparse
import datetime
import hashlib
import itertools
import json
import pathlib
import random
import sys
import zipfile

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared/data/telemetry"
REGIONS = ("EU", "US", "JP")
MEAN = 512  # bytes of an event with its newline
TEMPLATES_MAX = 2000
SESSION = 30
START = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)

FIRST = ("ada alan alma boris carla chen dora emil erin farid fumiko grace hana hugo ines ivan jana "
         "joao kenji lars lea mara mei milan nadia noor olga omar pia quentin rosa sami tara uma "
         "viktor wanda xenia yuki zoe").split()
LAST = ("abe adler baker berg conti costa demir diaz egger endo farkas fuchs garcia gross haas "
        "hart ito jensen kato keller lang lopez mori moser nagy novak ono ortiz park peters quist "
        "rossi sato silva tanaka thomas urban vogel weber young zimmer").split()

# (event id, channel, what happened): what the events of our own are made of.
OWN = (
    (1, "process", "Process started: {image} with command line {image} {switch} by parent {parent}"),
    (3, "network", "Connection from {image} to {address} port 443, protocol tcp, initiated locally"),
    (5, "process", "Process ended: {image} after running under session of the interactive user"),
    (7, "module", "Image loaded: {library} into {image}, signed and valid, description of vendor"),
    (10, "process", "Process {image} opened {parent} with access mask 0x1410 and call trace {library}"),
    (11, "file", "File created: {path} by {image}, size and hash recorded for later comparison"),
    (12, "registry", "Registry object added: {key} by {image}, event type CreateKey"),
    (13, "registry", "Registry value set: {key} by {image}, details DWORD (0x00000001)"),
    (22, "dns", "Name resolved by {image}: update.example type 5 answer {address}"),
    (23, "file", "File removed: {path} by {image}, archived before it was removed"),
    (4624, "security", "An account was logged on, logon type 3, process {image}, package Kerberos"),
    (4625, "security", "An account failed to log on, reason bad password, workstation unknown"),
    (4656, "security", "A handle to an object was requested: {path}, accesses ReadData, by {image}"),
    (4658, "security", "The handle to an object was closed: {path}, by {image}"),
    (4663, "security", "An attempt was made to access an object: {path}, accesses WriteData"),
    (4688, "security", "A new process has been created: {image}, creator {parent}, token type 1"),
    (4690, "security", "An attempt was made to duplicate a handle to an object, source {image}"),
    (4703, "security", "A user right was adjusted by {parent}: SeDebugPrivilege enabled"),
    (4104, "shell", "Script block text: Get-ChildItem {path} | ForEach-Object {{ $_.Name }}"),
    (800, "shell", "Pipeline execution details for command line: Start-Sleep -Seconds 5; {image}"),
    (9001, "detection", "Rule Sample.Dropper matched {path}: quarantined, verdict malicious"),
    (9002, "detection", "Rule Sample.Miner matched {image}: blocked, verdict malicious"),
    (9003, "detection", "Rule Sample.Macro matched {path}: cleaned, verdict suspicious"),
)
WORDS = {
    "image": ("C:\\Windows\\System32\\svchost.exe", "C:\\Windows\\explorer.exe",
              "C:\\Program Files\\Office\\writer.exe", "C:\\Windows\\System32\\rundll32.exe"),
    "parent": ("C:\\Windows\\System32\\services.exe", "C:\\Windows\\System32\\lsass.exe"),
    "library": ("C:\\Windows\\System32\\ntdll.dll", "C:\\Windows\\System32\\combase.dll"),
    "path": ("C:\\Users\\Public\\Documents\\report.docx", "C:\\Windows\\Temp\\setup-4711.tmp",
             "C:\\ProgramData\\cache\\index.dat"),
    "key": ("HKLM\\System\\CurrentControlSet\\Services\\Tcpip\\Parameters",
            "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\Updater"),
    "address": ("192.0.2.17", "198.51.100.4", "203.0.113.250"),
    "switch": ("-k netsvcs -p", "/c start /b", "-noProfile -windowStyle hidden"),
}
PADDING = ("Context: the event was recorded by the sensor of the endpoint and carries the fields that "
           "the rule needs, the version of the rule set, the state of the protected process, and the "
           "identity of the module that reported it. ")


def region_of(host, regions=REGIONS):
    """Which region a host is in: by its name alone."""
    digest = hashlib.sha256(host.encode()).digest()
    return regions[int.from_bytes(digest[:8], "big") % len(regions)]


def compact(event):
    return json.dumps(event, separators=(",", ":"), ensure_ascii=True)


# -- what was recorded ------------------------------------------------------------------

def recorded():
    """Each recorded event as a dict; none when ../shared is not there."""
    if not SHARED.is_dir():
        return
    for path in sorted(SHARED.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                with archive.open(name) as lines:
                    for line in lines:
                        try:
                            event = json.loads(line)
                        except ValueError:
                            continue
                        if isinstance(event, dict):
                            yield event


def user_of(event):
    """Whose event it is: the account that acted, without its domain."""
    for key in ("SubjectUserName", "User", "AccountName", "TargetUserName"):
        value = event.get(key)
        if isinstance(value, str) and value not in ("", "-"):
            return value.rpartition("\\")[2]
    return str(event.get("Hostname", "nobody"))


def read(regions=REGIONS):
    """(region, line) of each recorded event, whole."""
    for event in recorded():
        host = str(event.get("Hostname", "unknown"))
        region = region_of(host, regions)
        head = {"time": event.get("EventTime", ""), "region": region, "host": host,
                "user": user_of(event), "event_id": event.get("EventID", 0)}
        rest = {k: v for k, v in event.items()
                if k not in head and k not in ("EventTime", "Hostname", "EventID")}
        yield region, compact({**head, **rest}).encode() + b"\n"


def recorded_bodies():
    """What recorded events say: [(event id, dict)], spread over all of them."""
    keep = ("Channel", "SourceName", "Severity", "Category", "Image", "Application",
            "CommandLine", "TargetObject", "TargetFilename", "SourceImage", "TargetImage",
            "CallTrace", "Message")
    all_of = [e for e in recorded() if isinstance(e.get("EventID"), int)]
    step = max(1, len(all_of) // TEMPLATES_MAX)
    return [(e["EventID"], {k.lower(): e[k] for k in keep if isinstance(e.get(k), str)})
            for e in all_of[::step][:TEMPLATES_MAX]]


def own_bodies():
    """The same from the list above, in every mixture of words."""
    bodies = []
    for (number, channel, text), i in itertools.product(OWN, range(24)):
        words = {k: v[(i + j) % len(v)] for j, (k, v) in enumerate(WORDS.items())}
        bodies.append((number, {"channel": channel, "severity": "INFO", **words,
                                "message": text.format(**words)}))
    return bodies


def fitted(body, size, more):
    """JSON text of a body of about that many bytes: long values are cut, the message is filled up."""
    body = dict(body)
    text = compact(body)
    for limit in (400, 200, 100, 40):
        if len(text) <= size:
            break
        body = {k: v[:limit] for k, v in body.items()}
        text = compact(body)
    if len(text) < size and more:
        body["message"] = (body.get("message", "") + " " + PADDING * 8)
        body["message"] = body["message"][:len(body["message"]) - max(0, len(compact(body)) - size)]
        text = compact(body)
    return text


def suffixes(own=False):
    """The ends of events, ready to be joined, so that events are MEAN bytes on average."""
    bodies = [] if own else recorded_bodies()
    recorded_ones = bool(bodies)
    bodies = bodies or own_bodies()
    pick = random.Random(7)
    made = []
    for number, body in bodies:
        size = int(pick.triangular(180, 640, 380))
        text = fitted(body, size, True)
        made.append(f'"event_id":{number},{text[1:]}\n'.encode())
    return made, recorded_ones


# -- events in any number ------------------------------------------------------------------

def people(seed, count, regions):
    """count users with their hosts: {region: [(user, the middle of their events)]}."""
    pick = random.Random(f"people {seed}")
    found = {r: [] for r in regions}
    for i in range(count):
        user = f"{pick.choice(FIRST)}.{pick.choice(LAST)}.{i:04d}"
        host = f"ws-{pick.randrange(1 << 24):06x}.corp.example"
        region = region_of(host, regions)
        found[region].append((user, f',"region":"{region}","host":"{host}","user":"{user}",'.encode()))
    for i, r in enumerate(regions):  # few users: none without anybody
        if not found[r]:
            user = f"nobody.else.{i:04d}"
            found[r].append((user, f',"region":"{r}","host":"ws-{r.lower()}.corp.example","user":'
                             f'"{user}",'.encode()))
    return found


def generate(seed=1, events=1000, regions=REGIONS, subjects=5000, session=SESSION, own=False,
             only=None):
    """Yields (region, [lines]) session by session until `events` were made, of those regions in
    `only` (all by default)."""
    ends, _ = suffixes(own)
    # The mean is that of the ends; make up for it with blanks that compress like nothing would.
    mean = sum(map(len, ends)) / len(ends) + 124
    if mean < MEAN - 8:
        fill = b'"context":"' + (PADDING * 4)[:int(MEAN - mean) - 13].encode() + b'",'
        ends = [fill + e for e in ends]
    elif mean > MEAN + 8:
        ends.sort(key=len)
        while len(ends) > 16 and sum(map(len, ends)) / len(ends) + 124 > MEAN + 8:
            ends.pop()
    pick = random.Random(f"events {seed}")
    pick.shuffle(ends)
    weights = list(itertools.accumulate(1 / (1 + i / 50) for i in range(len(ends))))
    wanted = tuple(only or regions)
    everybody = people(seed, subjects, regions)
    turns = [(r, mid) for r in wanted for _, mid in everybody[r]]
    millis = [b".%03dZ\"," % i for i in range(1000)]
    start = int(START.timestamp())
    n, clock = 0, 0
    while n < events:
        region, mid = turns[pick.randrange(len(turns))]
        count = min(pick.randint(1, 2 * session - 1), events - n)
        clock += pick.randrange(2000)
        second = datetime.datetime.fromtimestamp(start + clock // 1000 % (20 * 86400),
                                                 datetime.timezone.utc)
        head = second.strftime('{"time":"%Y-%m-%dT%H:%M:%S').encode()
        first = clock % 1000
        chosen = pick.choices(ends, cum_weights=weights, k=count)
        yield region, [b'%b%b"n":%d%b%b' % (head, millis[(first + i) % 1000], n + i, mid, end)
                       for i, end in enumerate(chosen)]
        n += count
        clock += count * 3


def regions(events, names=REGIONS, seed=1, subjects=None, own=False):
    """{region: [lines]} with `events` in all, each region with a fair part of the subjects."""
    lines = {r: [] for r in names}
    session = max(1, min(SESSION, events // (60 * len(names))))
    for region, some in generate(seed, events, names, subjects or max(60, min(5000, events // 10)),
                                 session, own):
        lines[region] += some
    return lines


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = a.add_subparsers(dest="command", required=True)
    g = commands.add_parser("generate")
    g.add_argument("--seed", type=int, default=1)
    g.add_argument("--events", type=int, default=1000)
    g.add_argument("--subjects", type=int, default=5000)
    g.add_argument("--session", type=int, default=SESSION)
    g.add_argument("--own", action="store_true")
    r = commands.add_parser("read")
    for c in (g, r):
        c.add_argument("--region", action="append", choices=REGIONS)
        c.add_argument("--out")
    a = a.parse_args()
    with open(a.out, "wb") if a.out else sys.stdout.buffer as out:
        if a.command == "generate":
            for _, lines in generate(a.seed, a.events, REGIONS, a.subjects, a.session, a.own,
                                     a.region):
                out.write(b"".join(lines))
            return 0
        if not SHARED.is_dir():
            print(f"skipped: {SHARED} is not there", file=sys.stderr)
            return 77
        for region, line in read():
            if a.region is None or region in a.region:
                out.write(line)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(1)
