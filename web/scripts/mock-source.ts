// SPDX-License-Identifier: Apache-2.0
// A site made up to design the pages of source review and users' data with: npx vite build, then
// npx vite-node scripts/mock-source.ts. It serves dist/ under the content security policy of the real one, has
// the sources of this project, a log with real signatures and proofs, passkeys, comments; what it has not it
// asks scripts/mock.ts for. It is no part of what is built.
import { ed25519 } from '@noble/curves/ed25519';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { b64, b64url, concat, digest, digestText, hex, unb64, utf8 } from '../src/lib/verify/bytes';
import { parseEntry } from '../src/lib/verify/entry';
import { leafHash, nodeHash, proveInclusion, rootOf } from '../src/lib/verify/merkle';
import { verifyNote } from '../src/lib/verify/note';
import { keyBytes, keyId, parseVkey } from '../src/lib/verify/vkey';
import { encodeName } from '../src/review/write';
import { readLines } from '../src/source/editor-marks';
import type { Comment, Reading } from '../src/lib/types-source';

const PORT = Number(process.env['PORT'] ?? 8791);
const OTHER = process.env['OTHER'] ?? 'http://127.0.0.1:8790';
const ROOT = new URL('../../', import.meta.url).pathname;
const DIST = process.env['DIST'] ?? new URL('../dist/', import.meta.url).pathname;
const ORIGIN = 'zurich.example/log';
const START = Date.UTC(2026, 10, 2, 8, 0, 0) / 1000;

// Parties and the log

interface Party {
  name: string;
  key: string;
  seed: Uint8Array;
  type: number;
}
const party = (name: string, key: string, n: number, type = 1): Party => ({ name, key, seed: new Uint8Array(32).fill(n), type });
const log = party('log', ORIGIN, 101);
const witnesses = [party('helsinki', 'helsinki.example/witness', 102, 4), party('ottawa', 'ottawa.example/witness', 103, 4)];
const P = {
  developer: party('developer', 'developer.zurich.example', 104),
  zurich: party('zurich', 'zurich.example/vault', 105),
  frankfurt: party('frankfurt', 'frankfurt.example/vault', 106),
  authority: party('authority', 'authority.example', 107),
  carol: party('carol', 'carol.example', 108),
  dora: party('dora', 'dora.example', 109),
  sam: party('sam', 'sam.example', 110),
  sue: party('sue', 'sue.example', 111),
  bob: party('bob', 'bob.south.example', 112),
  ann: party('ann', 'ann.north.example', 113),
  centre: party('centre', 'zurich.example/centre', 114),
};
const publicOf = (p: Party): Uint8Array => concat(Uint8Array.of(p.type), ed25519.getPublicKey(p.seed));
const vkeyOf = (p: Party): string => `${p.key}+${hex(keyId(p.key, publicOf(p)))}+${b64(publicOf(p))}`;
const line = (p: Party, message: Uint8Array, before = new Uint8Array()): string => `\u2014 ${p.key} ${b64(concat(keyId(p.key, publicOf(p)), before, ed25519.sign(message, p.seed)))}\n`;
const iso = (unix: number): string => `${new Date(unix * 1000).toISOString().slice(0, 19)}Z`;
const of = (s: string): string => digestText(digest(utf8(s)));

interface Reviewer {
  name: string;
  organisation: string;
  roles: string[];
  vkey: string;
  since: string;
  in_policy: boolean;
}
const reviewers: Reviewer[] = [];
function policy(): string {
  const all = Object.values(P);
  return `log ${vkeyOf(log)}\n${witnesses.map((w) => `witness ${w.name} ${vkeyOf(w)}\n`).join('')}group witnesses all helsinki ottawa\nquorum witnesses\n${all.map((s) => `signer ${s.name} ${vkeyOf(s)}\n`).join('')}${reviewers.filter((r) => r.vkey.includes('+/')).map((r) => `signer ${r.name.split('.')[0]}2 ${r.vkey}\n`).join('')}require source developer\nrequire vault-policy authority\n`;
}

interface Entry {
  bytes: Uint8Array;
  kind: string;
  key: string;
  statement: string;
  subjects: { role: string; digest: string }[];
  document: string | null;
  at: number;
}
const entries: Entry[] = [];
const objects = new Map<string, Uint8Array>();
let clock = START;

function append(bytes: Uint8Array, document: string | null): number {
  const { entry, note } = parseEntry(bytes);
  clock += 240;
  entries.push({ bytes, kind: entry.kind, key: note.sigs[0]?.name ?? '', statement: digestText(entry.statement), subjects: entry.subjects.map((s) => ({ role: s.role, digest: digestText(s.digest) })), document, at: clock });
  return entries.length - 1;
}
function say(kind: string, by: Party, subjects: [string, string][], document: string): number {
  objects.set(hex(digest(utf8(document))), utf8(document));
  const sorted = [...subjects].sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1));
  const text = `vitrine/entry/v1\nkind ${kind}\n${sorted.map(([r, d]) => `subject ${r} ${d}\n`).join('')}statement ${of(document)}\n`;
  return append(utf8(`${text}\n${line(by, utf8(text))}`), document);
}
/** A ledger document, signed. */
function doc(kind: string, by: Party, fields: [string, string | number][]): string {
  const text = `vitrine/vault/${kind}/v1\n${fields.map(([n, v]) => `${n} ${v}\n`).join('')}`;
  return `${text}\n${line(by, utf8(text))}`;
}
function checkpoint(): string {
  const text = `${ORIGIN}\n${entries.length}\n${b64(rootOf(entries.map((e) => leafHash(e.bytes))))}\n`;
  const cosigned = witnesses.map((w) => {
    const time = new Uint8Array(8);
    new DataView(time.buffer).setBigUint64(0, BigInt(clock + 2));
    return line(w, utf8(`cosignature/v1\ntime ${clock + 2}\n${text}`), time);
  });
  return `${text}\n${line(log, utf8(text))}${cosigned.join('')}`;
}
async function hashAt(level: number, index: bigint): Promise<Uint8Array> {
  if (level === 0) return leafHash((entries[Number(index)] as Entry).bytes);
  return nodeHash(await hashAt(level - 1, 2n * index), await hashAt(level - 1, 2n * index + 1n));
}
async function proofOf(index: number): Promise<string> {
  const path = await proveInclusion(hashAt, BigInt(index), BigInt(entries.length));
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${path.map((h) => `${b64(h)}\n`).join('')}\n${checkpoint()}`;
}
function groupOf(key: string): string | null {
  return key.includes('north') ? 'north' : key.includes('south') ? 'south' : null;
}
function link(i: number) {
  const e = entries[i] as Entry;
  const p = Object.values(P).find((x) => x.key === e.key);
  return { index: i, kind: e.kind, signer: p?.name ?? reviewers.find((r) => r.name === e.key)?.name ?? null, key: e.key, organisation: groupOf(e.key) ?? p?.name ?? null, time: iso(e.at + 3), statement: e.statement };
}

// Sources

interface File {
  blob: string;
  bytes: Uint8Array;
  link: boolean;
}
interface Snapshot {
  source: string;
  label: string;
  files: Map<string, File>;
  sealed: boolean;
  index: number;
  commit: string;
}
const snapshots: Snapshot[] = [];

function fileOf(bytes: Uint8Array, isLink = false): File {
  return { blob: digestText(digest(bytes)), bytes, link: isLink };
}
function collect(folders: string[], change: (path: string, text: string) => string | null): Map<string, File> {
  const files = new Map<string, File>();
  const walk = (at: string): void => {
    for (const name of readdirSync(ROOT + at).sort()) {
      const path = `${at}/${name}`;
      const s = lstatSync(ROOT + path);
      if (s.isDirectory()) walk(path);
      else if (s.isFile() && s.size < 400_000) {
        const bytes = new Uint8Array(readFileSync(ROOT + path));
        const text = new TextDecoder().decode(bytes);
        const changed = change(path, text);
        if (changed !== null) files.set(path, fileOf(changed === text ? bytes : utf8(changed)));
      }
    }
  };
  folders.forEach(walk);
  for (const name of ['LICENSE', 'README.md', 'meson.build']) if (existsSync(ROOT + name)) files.set(name, fileOf(new Uint8Array(readFileSync(ROOT + name))));
  return files;
}
const HOSTILE: [string, string][] = [
  ['hostile/<img src=x onerror=alert(1)>.c', 'int main(void) { return 0; } /* <script>alert(1)</script> */\n'],
  ['hostile/user\u202etxt.exe', 'echo "what you see is not what runs"\n'],
  ['hostile/two words & "quotes"', 'a\n'],
  ['hostile/trojan.py', 'def f(is_admin):\n    access = "user"\n    if access != "none\u202e\u2066": # only admins\u2069\u2066":\n        print("You are an admin.")\n    zero\u200bwidth = 1\n'],
];
function add(label: string, folders: string[], sealed: boolean, change: (path: string, text: string) => string | null): void {
  const files = collect(folders, change);
  for (const [path, text] of HOSTILE) files.set(path, fileOf(utf8(text)));
  files.set('data/table.bin', fileOf(Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) & 255)));
  files.set('data/big.log', fileOf(utf8(Array.from({ length: 60000 }, (_, i) => `2026-11-22T10:00:00Z line ${i} of a long file, which must not freeze the page\n`).join(''))));
  files.set('data/current', fileOf(utf8('table.bin'), true));
  files.set('empty', fileOf(new Uint8Array()));
  const source = of(`${label} archive`);
  const index = say('source', P.developer, [['source', source]], `${label}\n`);
  snapshots.push({ source, label, files, sealed, index, commit: hex(digest(utf8(label))).slice(0, 40) });
}
add('scanner 2.4.0', ['src/base', 'src/note'], false, (path, text) => (path.endsWith('seal.c') ? null : text.replaceAll('at most', 'no more than')));
add('scanner 2.4.1', ['src/base', 'src/note', 'src/merkle'], false, (_, text) => text);
add('engine 7 (sealed)', ['src/crypto'], true, (_, text) => text);

const isText = (b: Uint8Array): boolean => !b.subarray(0, 4000).includes(0) && !/\ufffd/.test(new TextDecoder().decode(b.subarray(0, 4000)));
const linesOf = (f: File): number => (isText(f.bytes) ? new TextDecoder().decode(f.bytes).split('\n').length - 1 || (f.bytes.length > 0 ? 1 : 0) : 0);
const language = (path: string): string => ({ c: 'C', h: 'C', py: 'Python', md: 'Markdown' })[path.split('.').at(-1) ?? ''] ?? (path.endsWith('meson.build') ? 'Meson' : '');
const textOf = (f: File): string => new TextDecoder().decode(f.bytes);

const symbolsCache = new Map<string, { name: string; kind: string; line: number; end: number | null; scope: string | null }[]>();
function symbolsOf(path: string, f: File) {
  const had = symbolsCache.get(f.blob);
  if (had !== undefined) return had;
  const list: { name: string; kind: string; line: number; end: number | null; scope: string | null }[] = [];
  if (/\.(c|h|py)$/.test(path)) {
    textOf(f)
      .split('\n')
      .forEach((l, i) => {
        const m = /^(?:def )?([a-z_][a-z0-9_]*)\(/.exec(l) ?? /^(?:struct|enum) ([a-z_0-9]+) \{/.exec(l) ?? /^#define (\w+)/.exec(l);
        if (m?.[1] !== undefined) list.push({ name: m[1], kind: l.startsWith('#') ? 'macro' : /^(struct|enum)/.test(l) ? l.split(' ')[0] ?? '' : 'function', line: i + 1, end: null, scope: null });
      });
  }
  symbolsCache.set(f.blob, list);
  return list;
}

// Readings and coverage

const readings: (Reading & { blob: string })[] = [];
function read(by: Party, s: Snapshot, choose: (path: string) => boolean, verdict: 'ok' | 'concern' = 'ok', range: [number, number] | null = null): void {
  const files = [...s.files].filter(([path, f]) => !f.link && f.bytes.length > 0 && choose(path));
  const document = `vitrine/review/reading/v1\nsource ${s.source}\nreviewer ${by.key}\nmade ${iso(clock)}\n${files.map(([path, f]) => `file ${f.blob} ${verdict} ${range === null ? 'all' : range.join('-')} ${encodeName(path)}\n`).join('')}`;
  const index = say('reading', by, [['source', s.source]], document);
  for (const [, f] of files) readings.push({ blob: f.blob, reviewer: by.key, organisation: groupOf(by.key) ?? by.name, from: range?.[0] ?? null, to: range?.[1] ?? null, verdict, index, source: s.source });
}
const now = snapshots[1] as Snapshot;
read(P.ann, now, (p) => p.startsWith('src/base') || p === 'LICENSE');
read(P.bob, now, (p) => /src\/base\/[a-h]/.test(p));
read(P.bob, now, (p) => p === 'src/note/entry.c', 'concern', [30, 44]);
read(P.ann, now, (p) => p === 'src/note/entry.c', 'ok', [1, 90]);

function whole(f: File): string[] {
  const mine = readings.filter((r) => r.blob === f.blob);
  const n = Math.max(1, linesOf(f));
  const groups = new Set(mine.map((r) => r.organisation));
  return [...groups].filter((g) => {
    const of = readLines(mine.filter((r) => r.organisation === g), n).filter((x) => ![...x.by.values()].includes('concern'));
    return of.reduce((sum, x) => sum + x.to - x.from + 1, 0) >= n;
  });
}
const counts = (s: Snapshot): [string, File][] => [...s.files].filter(([, f]) => !f.link && f.bytes.length > 0);
function cover(s: Snapshot) {
  const all = counts(s);
  const covered = all.filter(([, f]) => whole(f).length > 0);
  const lines = all.reduce((n, [, f]) => n + linesOf(f), 0);
  const organisations = new Set(all.flatMap(([, f]) => readings.filter((r) => r.blob === f.blob).map((r) => r.organisation)));
  const signed = entries.filter((e) => e.kind === 'review' && e.subjects[0]?.digest === s.source).map((e) => groupOf(e.key) ?? e.key);
  const objections = entries.filter((e) => e.kind === 'objection' && e.subjects[0]?.digest === s.source).length;
  return { files: all.length, covered: covered.length, lines, covered_lines: covered.reduce((n, [, f]) => n + linesOf(f), 0) + (s === now ? 90 : 0), organisations: organisations.size, signed: [...new Set(signed)], objections, demanded: true, met: false };
}
function sourceOf(s: Snapshot) {
  const all = [...s.files.values()].filter((f) => !f.link);
  const n = snapshots.indexOf(s);
  return { source: s.source, tree: s.commit, commit: s.commit, origin: 'git', archive_size: 812345, files: all.length, lines: all.reduce((t, f) => t + linesOf(f), 0), bytes: all.reduce((t, f) => t + f.bytes.length, 0), index: s.index, time: iso((entries[s.index] as Entry).at), signer: 'developer', sealed: s.sealed, indexed: true, releases: s.sealed ? [] : [{ artifact: of(`artifact ${n}`), product: 'scanner', version: s.label.split(' ')[1] ?? '' }], label: s.label };
}
function tree(s: Snapshot, path: string) {
  const prefix = path === '' ? '' : `${path}/`;
  const dirs = new Map<string, { covered: number; files: number }>();
  const files: unknown[] = [];
  for (const [p, f] of [...s.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!p.startsWith(prefix)) continue;
    const [first = '', ...rest] = p.slice(prefix.length).split('/');
    if (rest.length > 0) {
      const d = dirs.get(first) ?? { covered: 0, files: 0 };
      if (!f.link && f.bytes.length > 0) {
        d.files++;
        if (whole(f).length > 0) d.covered++;
      }
      dirs.set(first, d);
    } else files.push({ name: first, kind: f.link ? 'link' : 'file', size: f.bytes.length, blob: f.blob, lines: isText(f.bytes) && !f.link ? linesOf(f) : null, covered: f.link ? null : whole(f).length, files: null });
  }
  if (dirs.size + files.length === 0) return null;
  return { path, entries: [...[...dirs].map(([name, d]) => ({ name, kind: 'dir', size: 0, blob: null, lines: null, covered: d.covered, files: d.files })), ...files] };
}
function diffLines(a: File | undefined, b: File | undefined) {
  const dir = execFileSync('mktemp', ['-d']).toString().trim();
  execFileSync('sh', ['-c', `cat > ${dir}/a`], { input: a === undefined ? new Uint8Array() : a.bytes });
  execFileSync('sh', ['-c', `cat > ${dir}/b`], { input: b === undefined ? new Uint8Array() : b.bytes });
  let out = '';
  try {
    execFileSync('diff', ['-U3', `${dir}/a`, `${dir}/b`]);
  } catch (e) {
    out = String((e as { stdout: Buffer }).stdout);
  }
  execFileSync('rm', ['-r', dir]);
  const hunks: { old_start: number; old_lines: number; new_start: number; new_lines: number; lines: { kind: string; text: string }[] }[] = [];
  for (const l of out.split('\n').slice(2)) {
    const m = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(l);
    if (m !== null) hunks.push({ old_start: Number(m[1]), old_lines: Number(m[2] ?? 1), new_start: Number(m[3]), new_lines: Number(m[4] ?? 1), lines: [] });
    else if (/^[ +-]/.test(l)) hunks.at(-1)?.lines.push({ kind: l.charAt(0), text: l.slice(1) });
  }
  return hunks;
}
function diffItems(a: Snapshot, b: Snapshot) {
  const paths = [...new Set([...a.files.keys(), ...b.files.keys()])].sort();
  return paths
    .map((path) => ({ path, old: a.files.get(path), new: b.files.get(path) }))
    .filter((x) => x.old?.blob !== x.new?.blob)
    .map((x) => {
      const lines = diffLines(x.old, x.new).flatMap((h) => h.lines);
      return { path: x.path, change: x.old === undefined ? 'added' : x.new === undefined ? 'removed' : 'changed', old_blob: x.old?.blob ?? null, new_blob: x.new?.blob ?? null, lines_added: lines.filter((l) => l.kind === '+').length, lines_removed: lines.filter((l) => l.kind === '-').length };
    });
}
function search(q: URLSearchParams) {
  const want = q.get('q') ?? '';
  const mode = q.get('mode') ?? 'exact';
  const place = q.get('in') ?? 'content';
  let e: RegExp;
  try {
    e = new RegExp(mode === 'regex' ? want : want.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), mode === 'icase' ? 'gi' : 'g');
  } catch {
    return { error: { code: 'bad-request', message: 'the expression cannot be read' } };
  }
  const items = new Map<string, { path: string; blob: string; sources: string[]; language: string; matches: unknown[]; more: number }>();
  for (const s of [...snapshots].reverse()) {
    if (s.sealed || (q.get('source') !== null && q.get('source') !== s.source)) continue;
    for (const [path, f] of s.files) {
      if (!path.includes(q.get('path') ?? '') || f.link || !isText(f.bytes)) continue;
      const had = items.get(`${path} ${f.blob}`);
      if (had !== undefined) {
        had.sources.push(s.source);
        continue;
      }
      const lines = place === 'name' ? [[0, path] as const] : place === 'symbol' ? symbolsOf(path, f).map((x) => [x.line, x.name] as const) : textOf(f).split('\n').map((t, i) => [i + 1, t] as const);
      const matches = lines.flatMap(([n, text]) => {
        const ranges = [...text.matchAll(e)].filter((m) => m[0] !== '').map((m) => [m.index, m.index + m[0].length]);
        return ranges.length > 0 ? [{ line: n, text, ranges }] : [];
      });
      if (matches.length > 0) items.set(`${path} ${f.blob}`, { path, blob: f.blob, sources: [s.source], language: language(path), matches: matches.slice(0, 5), more: Math.max(0, matches.length - 5) });
    }
  }
  const all = [...items.values()];
  return { items: all.slice(0, 40), files: all.length, truncated: all.length > 40, took_ms: 3.7 };
}

// Reviewers

let session: Reviewer | null = null;
const comments: Comment[] = [{ id: 1, source: now.source, path: 'src/note/entry.c', blob: (now.files.get('src/note/entry.c') as File).blob, line: 31, text: 'What if the digest is of another length?\n<b>Not bold.</b>', by: P.bob.key, at: iso(clock), resolved: false, removed: false }];
const assignments = [{ id: 1, source: now.source, path: 'src/merkle', to: 'alice.north.example', by: P.ann.key, at: iso(clock), done: false }, { id: 2, source: now.source, path: '', to: P.bob.key, by: P.ann.key, at: iso(clock), done: true }];
const visitsDay = iso(clock - 86400).slice(0, 10);
const visitLeaves = ['src/base/buf.c', 'src/note/entry.c', 'hostile/two words & "quotes"', 'LICENSE', 'src/note/note.c'].map((path, i) => {
  const f = now.files.get(path) as File;
  return { path, blob: f.blob, time: `${visitsDay}T10:0${i}:00Z`, leaf: `${visitsDay}T10:0${i}:00Z ${now.source} ${f.blob} ${i === 3 ? '-' : 'alice.north.example'} ${'0f'.repeat(16)} ${encodeName(path)}` };
});
const visitRoot = digestText(rootOf(visitLeaves.map((v) => leafHash(utf8(v.leaf)))));
const visitsIndex = say('visits', P.centre, [['visits', visitRoot]], `vitrine/review/visits/v1\nsite zurich.example\nday ${visitsDay}\nvisits 5\nanonymous 1\nreviewers 1\nsource ${now.source} visits 5\nroot ${visitRoot}\nmade ${iso(clock)}\n`);
async function visits(day: string) {
  if (day !== visitsDay) return { day, published: null, items: [] };
  const source = async (level: number, index: bigint): Promise<Uint8Array> => {
    if (level === 0) return leafHash(utf8((visitLeaves[Number(index)] as { leaf: string }).leaf));
    return nodeHash(await source(level - 1, 2n * index), await source(level - 1, 2n * index + 1n));
  };
  const items = [];
  for (const [i, v] of visitLeaves.entries()) {
    if (i === 3) continue;
    items.push({ time: v.time, source: now.source, path: v.path, blob: v.blob, leaf: v.leaf, index: i, proof: (await proveInclusion(source, BigInt(i), 5n)).map(b64) });
  }
  return { day, published: { index: visitsIndex, root: visitRoot, leaves: 5, document: entries[visitsIndex]?.statement }, items };
}
function register(credential: { response: { attestationObject: string } }) {
  const bytes = unb64(credential.response.attestationObject.replaceAll('-', '+').replaceAll('_', '/').padEnd(Math.ceil(credential.response.attestationObject.length / 4) * 4, '='));
  const text = hex(bytes ?? new Uint8Array());
  const x = /215820([0-9a-f]{64})/.exec(text)?.[1] ?? '';
  const y = /225820([0-9a-f]{64})/.exec(text)?.[1] ?? '';
  const point = Uint8Array.from((`0${2 + (Number.parseInt(y.slice(-1), 16) & 1)}${x}`.match(/../g) ?? []).map((d) => Number.parseInt(d, 16)));
  const key = { type: 0xff as const, rp: digest(utf8('localhost')), key: point };
  const name = 'alice.north.example';
  const vkey = `${name}+${hex(keyId(name, keyBytes(key)))}+${b64(keyBytes(key))}`;
  session = { name, organisation: 'north', roles: ['reader', 'reviewer', 'lead'], vkey, since: iso(clock), in_policy: true };
  reviewers.splice(0, reviewers.length, session);
  return { name, vkey, policy_line: `signer alice ${vkey}` };
}
function review(body: Uint8Array): [number, string] {
  const n = new DataView(body.buffer, body.byteOffset).getUint32(0);
  const document = new TextDecoder().decode(body.subarray(4, 4 + n));
  const entry = body.slice(4 + n);
  if (session === null) return [403, 'nobody'];
  try {
    verifyNote(parseEntry(entry).note, parseVkey(session.vkey));
  } catch (e) {
    return [422, String(e)];
  }
  objects.set(hex(digest(utf8(document))), utf8(document));
  const index = append(entry, document);
  if (document.startsWith('vitrine/review/reading')) {
    const source = /source (\S+)/.exec(document)?.[1] ?? '';
    for (const m of document.matchAll(/^file (\S+) (ok|concern) (\S+) /gm)) {
      const [from, to] = m[3] === 'all' ? [null, null] : (m[3] ?? '').split('-').map(Number);
      readings.push({ blob: m[1] ?? '', reviewer: session.name, organisation: 'north', from: from ?? null, to: to ?? null, verdict: m[2] as 'ok', index, source });
    }
  }
  return [200, `${index}\n`];
}

// Users' data: see mock-data.ts

const { data } = await import('./mock-data');
const vault = data({ P, say, doc, of, iso, link, entry: (i: number) => entries[i] as Entry, now: () => clock });

// Answers

function list<T>(items: T[], q: URLSearchParams): { items: T[]; next: string | null } {
  const at = Number(q.get('after') ?? 0);
  const n = Number(q.get('limit') ?? 50);
  return { items: items.slice(at, at + n), next: at + n < items.length ? String(at + n) : null };
}
function below(s: Snapshot, what: string, q: URLSearchParams): unknown {
  const path = q.get('path') ?? '';
  const f = s.files.get(path);
  if (what === '') return { ...sourceOf(s), coverage: cover(s), languages: [{ language: 'C', files: 40, lines: 9000 }, { language: 'Meson', files: 3, lines: 60 }] };
  if (s.sealed && session === null) return { error: { code: 'login', message: 'this source is sealed' } };
  if (what === 'tree') return tree(s, path);
  if (what === 'symbols') return { items: [...s.files].flatMap(([p, x]) => symbolsOf(p, x).filter((y) => y.name === q.get('name')).map((y) => ({ ...y, path: p, language: language(p) }))) };
  if (what === 'history') return { items: [...snapshots].reverse().filter((x) => !x.sealed).map((x, i, all) => ({ source: x.source, label: x.label, time: iso((entries[x.index] as Entry).at), blob: x.files.get(path)?.blob ?? null, change: x.files.get(path) === undefined ? 'removed' : all[i + 1]?.files.get(path) === undefined ? 'added' : all[i + 1]?.files.get(path)?.blob === x.files.get(path)?.blob ? 'same' : 'changed' })) };
  if (what === 'coverage') {
    const items = counts(s).map(([p, x]) => ({ path: p, blob: x.blob, lines: linesOf(x), organisations: [...new Set(readings.filter((r) => r.blob === x.blob).map((r) => r.organisation))], whole: whole(x).length > 0 }));
    const groups = ['north', 'south'].map((name) => ({ name, files: counts(s).filter(([, x]) => whole(x).includes(name)).length, lines: 0, signed: cover(s).signed.includes(name) }));
    const said = (kind: string) => entries.flatMap((e, i) => (e.kind === kind && e.subjects[0]?.digest === s.source ? [{ ...link(i), verdict: 'ok' }] : []));
    return { coverage: cover(s), demanded: 'both north and south', readings: readings.length, reviews: said('review'), objections: said('objection'), organisations: groups, ...list(q.get('only') === 'unread' ? items.filter((i) => !i.whole) : items, q) };
  }
  if (what === 'diff') {
    const since = snapshots.find((x) => x.source === q.get('since'));
    if (since === undefined) return null;
    if (path === '') return { since: since.source, items: diffItems(since, s) };
    return { path, binary: f !== undefined && !isText(f.bytes), hunks: diffLines(since.files.get(path), f) };
  }
  if (what !== 'file' || f === undefined) return null;
  const encoding = isText(f.bytes) ? 'utf-8' : 'binary';
  return { path, blob: f.blob, size: f.bytes.length, lines: linesOf(f), language: language(path), encoding, text: encoding === 'utf-8' ? textOf(f) : null, symbols: symbolsOf(path, f), readings: readings.filter((r) => r.blob === f.blob).map(({ blob: _, ...r }) => r), mark: s.sealed ? `Sealed source, opened by ${session?.name ?? ''} on ${iso(clock)}` : null };
}
async function api(path: string, q: URLSearchParams): Promise<unknown> {
  const [, a, d, more = ''] = path.split('/');
  if (path === '/session') return { reviewer: session === null ? null : { name: session.name, organisation: session.organisation, roles: session.roles }, origin: `http://localhost:${PORT}`, rp: 'localhost' };
  if (path === '/site') return { name: 'zurich.example', jurisdiction: 'CH', origin: ORIGIN, version: '0.9.0', policy: policy(), checkpoint: { size: entries.length, root: digestText(rootOf(entries.map((e) => leafHash(e.bytes)))), time: iso(clock) }, url: null, generation: 1, problem: null };
  if (path === '/sources') return list([...snapshots].reverse().map(sourceOf), q);
  if (path === '/search') return search(q);
  if (path === '/reviewers') return { items: reviewers };
  if (path === '/assignments') return { items: session === null ? [] : assignments };
  if (path === '/comments') return { items: comments.filter((c) => q.get('source') === null || (c.source === q.get('source') && c.path === q.get('path'))) };
  if (path === '/visits') return visits(q.get('day') ?? '');
  if (path === '/visits/days') return { items: [{ day: visitsDay, index: visitsIndex, visits: 5, reviewers: 1, anonymous: 1, root: visitRoot }] };
  if (a === 'sources') {
    const s = snapshots.find((x) => x.source === d);
    return s === undefined ? null : below(s, more, q);
  }
  if (a === 'entries' && d !== undefined) {
    const e = entries[Number(d)];
    if (e === undefined) return null;
    return { ...link(Number(d)), subjects: e.subjects, text: b64(e.bytes), form: 'document', says: (e.document ?? '').split('\n').slice(1).filter((l) => l !== '').map((l) => l.split(/ (.*)/s).slice(0, 2)), raw: e.document };
  }
  return vault(path, q);
}
function posted(path: string, body: Record<string, unknown>): [number, unknown] {
  const [, a, id] = path.split('/');
  if (path === '/register/begin') return [200, { ticket: 't', publicKey: { rp: { id: 'localhost', name: 'zurich.example' }, user: { id: b64url(utf8('alice')), name: 'alice.north.example', displayName: 'Alice' }, challenge: b64url(new Uint8Array(32)), pubKeyCredParams: [{ type: 'public-key', alg: -7 }], authenticatorSelection: { residentKey: 'required', userVerification: 'required' } } }];
  if (path === '/register/finish') return [201, register(body['credential'] as { response: { attestationObject: string } })];
  if (path === '/login/begin') return [200, { ticket: 't', publicKey: { challenge: b64url(new Uint8Array(32)), rpId: 'localhost', userVerification: 'required' } }];
  if (path === '/login/finish') return [200, { reviewer: (session = reviewers[0] ?? null) }];
  if (path === '/logout') return [204, (session = null)];
  if (path === '/comments') {
    const c = { ...(body as unknown as Comment), id: comments.length + 1, by: session?.name ?? '', at: iso(clock), resolved: false, removed: false };
    comments.push(c);
    return [201, c];
  }
  const found = a === 'comments' ? comments.find((c) => String(c.id) === id) : assignments.find((x) => String(x.id) === id);
  if (found !== undefined) return [200, Object.assign(found, body)];
  if (path === '/assignments') return [201, { id: 9, ...body }];
  return [404, { error: { code: 'not-found', message: 'no such thing' } }];
}

const TYPES: Record<string, string> = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', json: 'application/json' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
function send(res: ServerResponse, status: number, type: string, body: string | Uint8Array, more: Record<string, string> = {}): void {
  res.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff', ...more });
  res.end(body);
}
const json = (res: ServerResponse, status: number, body: unknown): void => send(res, status, 'application/json', status === 204 ? '' : JSON.stringify(body));
async function bodyOf(req: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const p of req) parts.push(p as Uint8Array);
  return concat(...parts);
}
const STATUS: Record<string, number> = { login: 401, forbidden: 403, 'bad-request': 400 };

createServer((req, res) => {
  void (async () => {
    const url = new URL(req.url ?? '/', 'http://mock');
    const path = decodeURIComponent(url.pathname);
    const digits = /([0-9a-f]{64})/.exec(path)?.[1] ?? '';
    if (req.method === 'POST') {
      const body = await bodyOf(req);
      if (path === '/review') return send(res, ...((r) => [r[0], 'text/plain', r[1]] as const)(review(body)));
      const [status, answer] = posted(path.slice(7), JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>);
      return json(res, status, answer);
    }
    if (path === '/policy') return send(res, 200, 'text/plain; charset=utf-8', policy());
    if (path === '/checkpoint') return send(res, 200, 'text/plain; charset=utf-8', checkpoint());
    if (/^\/api\/v1\/entries\/\d+\/proof$/.test(path)) return send(res, 200, 'text/plain; charset=utf-8', await proofOf(Number(path.split('/')[4])));
    if (path === '/api/v1/events') {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      return void res.write('event: ping\ndata: {}\n\n');
    }
    if (path.endsWith('/raw')) {
      const s = snapshots.find((x) => path.includes(x.source));
      const f = s?.files.get(url.searchParams.get('path') ?? '');
      return f === undefined ? json(res, 404, {}) : send(res, 200, 'application/octet-stream', f.bytes, { 'Content-Disposition': 'attachment' });
    }
    if (path.startsWith('/objects/') && objects.has(digits)) return send(res, 200, 'application/octet-stream', objects.get(digits) ?? '');
    if (path.startsWith('/api/v1/')) {
      const answer = (await api(path.slice(7), url.searchParams)) as { error?: { code: string } } | null | undefined;
      if (answer?.error !== undefined) return json(res, STATUS[answer.error.code] ?? 404, answer);
      if (answer !== null && answer !== undefined) return json(res, 200, answer);
      const other = await fetch(OTHER + (req.url ?? '')).catch(() => null);
      if (other === null || !other.ok) return json(res, 404, { error: { code: 'not-found', message: 'there is no such thing' } });
      return send(res, 200, other.headers.get('content-type') ?? '', new Uint8Array(await other.arrayBuffer()));
    }
    const file = path === '/' || !existsSync(DIST + path) || !lstatSync(DIST + path).isFile() ? 'index.html' : path.slice(1);
    return send(res, 200, TYPES[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream', readFileSync(DIST + file), { 'Content-Security-Policy': CSP });
  })().catch((e: unknown) => json(res, 500, { error: { code: 'unavailable', message: String(e) } }));
}).listen(PORT, '127.0.0.1', () => console.log(`http://localhost:${PORT}, ${entries.length} entries, source ${now.source}`));
