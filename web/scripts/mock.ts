// SPDX-License-Identifier: Apache-2.0
// A site made up to design the page with: npx vite-node scripts/mock.ts, then npx vite (which sends
// /api and the rest to it). The log, its signatures and passports are real; the rest is plausible.
// It is no part of what is built.
import { ed25519 } from '@noble/curves/ed25519';
import { createServer, type ServerResponse } from 'node:http';
import { b64, concat, digest, digestText, hex, utf8 } from '../src/lib/verify/bytes';
import { leafHash, nodeHash, proveInclusion, rootOf } from '../src/lib/verify/merkle';
import { keyId } from '../src/lib/verify/vkey';
import type { ChainStep, EntryLine, Link, Release, StepLink } from '../src/lib/types';

const START = Date.UTC(2026, 9, 1, 8, 0, 0) / 1000;
const ORIGIN = 'zurich.example/log';

interface Party {
  name: string;
  key: string;
  organisation: string;
  seed: Uint8Array;
  type: number;
  jurisdiction: string;
}

function party(name: string, key: string, seed: number, organisation = name, jurisdiction = 'CH', type = 1): Party {
  return { name, key, organisation, seed: new Uint8Array(32).fill(seed), type, jurisdiction };
}

const log = party('log', ORIGIN, 1);
const witnesses = [party('helsinki', 'helsinki.example/witness', 2, 'helsinki', 'FI', 4), party('ottawa', 'ottawa.example/witness', 3, 'ottawa', 'CA', 4), party('montevideo', 'montevideo.example/witness', 9, 'montevideo', 'UY', 4)];
const developer = party('developer', 'developer.zurich.example', 4);
const assembler = party('assembler', 'zurich.example/assembler', 5);
const release = party('release', 'zurich.example/release', 6);
const alpha = party('bsi-rebuilder', 'bsi.example/rebuilder', 7, 'rebuilders', 'DE');
const beta = party('anssi-rebuilder', 'anssi.example/rebuilder', 8, 'rebuilders', 'FR');
const alice = party('alice', 'alice.north.example', 10, 'north', 'NO');
const bob = party('bob', 'bob.south.example', 11, 'south', 'PT');
const vault = party('vault', 'zurich.example/vault', 12);

function publicOf(p: Party): Uint8Array {
  return concat(Uint8Array.of(p.type), ed25519.getPublicKey(p.seed));
}

function vkey(p: Party): string {
  return `${p.key}+${hex(keyId(p.key, publicOf(p)))}+${b64(publicOf(p))}`;
}

function sign(p: Party, message: Uint8Array, before = new Uint8Array()): string {
  return `\u2014 ${p.key} ${b64(concat(keyId(p.key, publicOf(p)), before, ed25519.sign(message, p.seed)))}\n`;
}

const policy = `# Whom zurich.example itself trusts.
log ${vkey(log)} https://zurich.example
${witnesses.map((w) => `witness ${w.name} ${vkey(w)}`).join('\n')}
group witnesses 2 ${witnesses.map((w) => w.name).join(' ')}
quorum witnesses
${[developer, assembler, release, alpha, beta, alice, bob, vault].map((s) => `signer ${s.name} ${vkey(s)}`).join('\n')}
group rebuilders all bsi-rebuilder anssi-rebuilder
group north any alice
group south any bob
group reviewers 2 north south
require source developer
require environment assembler
require assembly assembler
require rebuild rebuilders
require release release
require review reviewers
`;

// The log

const entries: { bytes: Uint8Array; line: EntryLine; says: unknown; raw: string | null; statement: Uint8Array; form: string; at: number; by: Party }[] = [];
const objects = new Map<string, Uint8Array>();
const of = (what: string): string => digestText(digest(utf8(what)));

function add(kind: string, by: Party, subjects: [string, string][], says: unknown, at: number, document: string | null = null): number {
  const statement = utf8(document ?? `${JSON.stringify({ payloadType: 'application/vnd.in-toto+json', says })}\n`);
  const sorted = [...subjects].sort((a, b) => (a[0] === b[0] ? (a[1] < b[1] ? -1 : 1) : a[0] < b[0] ? -1 : 1));
  const text = `vitrine/entry/v1\nkind ${kind}\n${sorted.map(([r, d]) => `subject ${r} ${d}\n`).join('')}statement ${digestText(digest(statement))}\n`;
  const bytes = utf8(`${text}\n${sign(by, utf8(text))}`);
  objects.set(hex(digest(statement)), statement);
  const index = entries.length;
  const line: EntryLine = {
    index,
    kind,
    signer: by.name,
    key: by.key,
    organisation: by.organisation,
    time: iso(at),
    statement: digestText(digest(statement)),
    subjects: sorted.map(([role, d]) => ({ role, digest: d })),
  };
  entries.push({ bytes, line, says, raw: document, statement, form: document === null ? 'statement' : 'document', at, by });
  return index;
}

function iso(unix: number): string {
  return `${new Date(unix * 1000).toISOString().slice(0, 19)}Z`;
}

function checkpoint(size: number, at: number): string {
  const text = `${ORIGIN}\n${size}\n${b64(rootOf(entries.slice(0, size).map((e) => leafHash(e.bytes))))}\n`;
  const cosigned = witnesses.map((w, i) => {
    const t = BigInt(at + 2 + i);
    const time = new Uint8Array(8);
    new DataView(time.buffer).setBigUint64(0, t);
    return sign(w, utf8(`cosignature/v1\ntime ${t}\n${text}`), time);
  });
  return `${text}\n${sign(log, utf8(text))}${cosigned.join('')}`;
}

async function hashAt(level: number, index: bigint): Promise<Uint8Array> {
  if (level === 0) return leafHash((entries[Number(index)] as (typeof entries)[number]).bytes);
  return nodeHash(await hashAt(level - 1, 2n * index), await hashAt(level - 1, 2n * index + 1n));
}

async function passport(artifact: string, indexes: number[], at: number): Promise<string> {
  const note = checkpoint(entries.length, at);
  let out = `vitrine/passport/v1\nartifact ${artifact}\ncheckpoint ${digestText(digest(utf8(note)))}\n\n`;
  for (const i of indexes) {
    const path = await proveInclusion(hashAt, BigInt(i), BigInt(entries.length));
    out += `entry ${i} ${b64((entries[i] as (typeof entries)[number]).bytes)}\n${path.map((h) => `${b64(h)}\n`).join('')}\n`;
  }
  return out + note;
}

// Releases

interface Made {
  release: Release;
  used: number[];
  chain: ChainStep[];
}

const made: Made[] = [];

function link(index: number, more: Partial<StepLink> = {}): StepLink {
  const { by, line } = entries[index] as (typeof entries)[number];
  const { subjects: _, ...rest } = line;
  return { ...rest, site: by.key.split('/')[0] ?? null, jurisdiction: by.jurisdiction, started: null, finished: null, varied: null, verdict: null, ...more };
}

function addRelease(product: string, version: string, n: number, at: number, whole: boolean): void {
  const name = `${product}-${version}`;
  const file = `${product}-${version}.tar.zst`;
  const artifact = digestText(digest(fileBytes(file)));
  const [source, environment, recipe] = [of(`${name} source`), of(`environment ${Math.floor(n / 3)}`), of(`${product} recipe`)];
  const inputs: [string, string][] = [['source', source], ['environment', environment], ['recipe', recipe], ['artifact', artifact]];
  const builder = { builder: { id: 'urn:vitrine:site:zurich.example?=jurisdiction=CH' }, metadata: { startedOn: iso(at + 120), finishedOn: iso(at + 340) } };
  const s = add('source', developer, [['source', source]], { predicateType: 'urn:vitrine:source:v1', origin: 'git', gitTree: hex(digest(utf8(name))).slice(0, 40), archiveSize: 1834211, fileCount: 214 }, at);
  const e = add('environment', assembler, [['environment', environment]], { predicateType: 'urn:vitrine:environment:v1', distribution: 'bookworm', architecture: 'amd64', packageCount: 143 }, at + 60);
  const a = add('assembly', assembler, inputs, { predicateType: 'https://slsa.dev/provenance/v1', product, version, runDetails: builder }, at + 340);
  const r1 = add('rebuild', alpha, inputs, { predicateType: 'urn:vitrine:rebuild:v1', result: 'identical', varied: ['clock', 'build-path', 'locale'] }, at + 900);
  const rebuilds = [r1];
  if (whole) rebuilds.push(add('rebuild', beta, inputs, { predicateType: 'urn:vitrine:rebuild:v1', result: 'identical', varied: ['clock', 'user', 'parallelism'] }, at + 1500));
  const reviews = [add('review', alice, [['source', source]], null, at + 2000, reviewDocument(source, alice, at + 2000))];
  if (whole) reviews.push(add('review', bob, [['source', source]], null, at + 2600, reviewDocument(source, bob, at + 2600)));
  const rel = add('release', release, [['artifact', artifact], ['metadata', of(`${name} metadata`)]], { predicateType: 'urn:vitrine:release:v1', channel: 'products', version: n + 1 }, at + 3000);
  const state = whole ? 'ok' : 'missing';
  const chain: ChainStep[] = [
    { step: 'source', title: 'Source', state: 'ok', demanded: 'developer', got: [link(s)], missing: null },
    { step: 'environment', title: 'Environment', state: 'ok', demanded: 'assembler', got: [link(e)], missing: null },
    { step: 'assembly', title: 'Assembly', state: 'ok', demanded: 'assembler', got: [link(a, { started: iso(at + 120), finished: iso(at + 340) })], missing: null },
    { step: 'rebuild', title: 'Rebuilds', state, demanded: 'both bsi-rebuilder and anssi-rebuilder', got: rebuilds.map((r) => link(r, { varied: ['clock', 'build-path'] })), missing: whole ? null : 'a rebuild by anssi-rebuilder is missing' },
    { step: 'review', title: 'Source review', state, demanded: 'both alice and bob', got: reviews.map((r) => link(r, { verdict: 'ok' })), missing: whole ? null : 'a review by bob is missing' },
    { step: 'release', title: 'Release', state: 'ok', demanded: 'release', got: [link(rel)], missing: null },
    { step: 'log', title: 'Log', state: 'ok', demanded: ORIGIN, got: [], missing: null },
    { step: 'witnesses', title: 'Witnesses', state: 'ok', demanded: '2 of helsinki, ottawa and montevideo', got: witnesses.map((w, i) => ({ name: w.name, key: w.key, time: iso(at + 3002 + i) })), missing: null },
  ];
  made.push({
    release: {
      artifact, file, channel: 'products', product, version, length: fileBytes(file).length, index: rel, metadata: of(`${name} metadata`), time: iso(at + 3004), source, environment, recipe,
      state: whole ? 'verified' : 'incomplete', rebuilds: rebuilds.length, needed: 2, contradictions: 0,
      coverage: { files: 214, covered: whole ? 214 : 180, lines: 48210, covered_lines: whole ? 48210 : 40120, organisations: whole ? 2 : 1, signed: whole ? ['north', 'south'] : ['north'], objections: 0, demanded: true, met: whole },
    },
    used: [s, e, a, ...rebuilds, ...reviews, rel],
    chain,
  });
}

function reviewDocument(source: string, by: Party, at: number): string {
  return `vitrine/review/review/v1\nsource ${source}\nreviewer ${by.key}\nmade ${iso(at)}\nlog-size ${entries.length}\nfiles 214\ncovered 214\nroot ${of('root')}\n`;
}

function fileBytes(file: string): Uint8Array {
  return utf8(`${`the bytes of ${file}\n`.repeat(900)}`);
}

const PRODUCTS = [
  ['scanner', ['2.3.0', '2.3.1', '2.4.0', '2.4.1']],
  ['detections', ['20261028', '20261104', '20261111', '20261118']],
  ['updater', ['1.0.9', '1.1.0']],
] as const;
const plan = PRODUCTS.flatMap(([product, versions], i) => versions.map((v, j) => ({ product, version: v, at: START + (j * 13 + i * 4) * 86400 }))).sort((a, b) => a.at - b.at);
plan.forEach((p, n) => {
  addRelease(p.product, p.version, n, p.at, n !== plan.length - 1);
  if (n % 2 === 0) add('request', vault, [['policy', of('vault policy')]], null, p.at + 4000, `vitrine/vault/request/v1\nid ${hex(digest(utf8(p.version))).slice(0, 32)}\nmode access\npurpose incident-response\n`);
});
const END = (entries.at(-1)?.at ?? START) + 600;
const passports = new Map<string, string>();
for (const m of made) passports.set(m.release.artifact.slice(7), await passport(m.release.artifact, m.used, END));

// Answers

const TERMS: [string, string][] = [
  ['artifact', 'A file that is released: what is installed on your computers.'],
  ['assembly', 'Making an artifact from its source, in an environment that is known to the last byte and has no network.'],
  ['checkpoint', 'A short summary of the whole log at one moment, signed by the log and by its witnesses.'],
  ['cosignature', 'The signature of a witness on a checkpoint, with the time at which it was made.'],
  ['digest', 'A number computed from all bytes of a file; another file has another number.'],
  ['entry', 'One line of the log: what kind of thing happened to which files, signed by whoever says so.'],
  ['environment', 'The exact set of tools and packages that an assembly runs in.'],
  ['log', 'A public list to which entries can be added, and from which nothing can be taken out unnoticed.'],
  ['Merkle tree', 'A way to summarise a list in one number so that anybody can check that an entry is in it.'],
  ['mismatch', 'What a rebuilder publishes who got other bytes than the vendor.'],
  ['passport', 'One small file that carries the whole proof of an artifact, to be checked without a network.'],
  ['policy', 'A text file in which you write down whom you trust, and how many of them must agree.'],
  ['quorum', 'As many parties as the policy finds sufficient.'],
  ['rebuild', 'Making an artifact again, elsewhere and by others, to see whether the same bytes come out.'],
  ['rebuilder', 'Somebody independent who assembles each release again and publishes the result.'],
  ['recipe', 'The short list of steps by which an artifact is made from its source.'],
  ['release', 'The moment at which an artifact is published for installation.'],
  ['review', 'A signed statement that somebody has read a source snapshot.'],
  ['SBOM', 'A software bill of materials: the list of all parts that a program was made with.'],
  ['source', 'The text that programmers write, from which a program is made.'],
  ['witness', 'Somebody independent who checks that the log only grows, and signs each of its states.'],
];

const note = checkpoint(entries.length, END);
const root = digestText(rootOf(entries.map((e) => leafHash(e.bytes))));

function releaseFull(m: Made) {
  const same = made.filter((o) => o.release.product === m.release.product);
  const i = same.indexOf(m);
  return {
    ...m.release,
    chain: m.chain,
    previous: same[i - 1]?.release.artifact ?? null,
    next: same[i + 1]?.release.artifact ?? null,
    passport: `/passports/${m.release.artifact.slice(7)}.passport`,
    download: `/tuf/targets/products/${m.release.artifact.slice(7)}.${m.release.file}`,
    commands: [
      { does: 'Check the file you have', command: `vitrine verify ${m.release.file} --passport ${m.release.file}.passport --policy my.policy` },
      { does: 'Build it again yourself', command: `vitrine rebuild ${m.release.artifact} --site https://zurich.example` },
      { does: 'Read what the log says of it', command: `vitrine log find ${m.release.artifact} --site https://zurich.example` },
    ],
  };
}

function changes() {
  return {
    since: null,
    files: {
      added: 2,
      changed: 3,
      removed: 1,
      items: [
        { path: 'src/engine/match.c', change: 'changed', lines_added: 48, lines_removed: 12 },
        { path: 'src/engine/unpack_cab.c', change: 'added', lines_added: 311, lines_removed: 0 },
        { path: 'src/engine/unpack_cab.h', change: 'added', lines_added: 24, lines_removed: 0 },
        { path: 'src/net/<img src=x onerror=alert(1)>.c', change: 'removed', lines_added: 0, lines_removed: 90 },
        { path: 'tests/test_match.c', change: 'changed', lines_added: 20, lines_removed: 0 },
        { path: 'meson.build', change: 'changed', lines_added: 3, lines_removed: 1 },
      ],
    },
    rules: { added: ['Win32.Emotet.C', 'Linux.Mirai.K'], changed: ['JS.Skimmer.Magecart'], removed: ['Test.EICAR.Old'], files: 12 },
    packages: { added: [{ name: 'libcabextract1', version: '1.9-3' }], removed: [], changed: [{ name: 'gcc-12', from: '12.2.0-14', to: '12.2.0-14+deb12u1' }, { name: 'zlib1g', from: '1:1.2.13.dfsg-1', to: '1:1.2.13.dfsg-1+b1' }] },
  };
}

function page<T>(items: T[], q: URLSearchParams): { items: T[]; next: string | null } {
  const at = Number(q.get('after') ?? 0);
  const n = Number(q.get('limit') ?? 50);
  return { items: items.slice(at, at + n), next: at + n < items.length ? String(at + n) : null };
}

function health() {
  const days = Array.from({ length: 40 }, (_, i) => START + i * 86400).filter((d) => d <= END);
  return {
    log: { size: entries.length, growth: days.map((d) => [iso(d), entries.filter((e) => e.at <= d).length]) },
    witnesses: witnesses.map((w, i) => ({ name: w.name, last: iso(END + 2 + i), lag_s: [2, 3, 5400][i], cosigned: entries.length })),
    rebuilders: [alpha, beta].map((r, i) => ({ name: r.name, last: iso(END - 4000 * (i + 1)), rebuilds: made.length - i, mismatches: 0, waiting: i })),
    assembly_to_release: made.map((m, i) => ({ artifact: m.release.artifact, product: m.release.product, version: m.release.version, assembled: iso(START + i * 86400), released: m.release.time, seconds: 2400 + ((i * 7919) % 2500) })),
    mismatches: [],
    drills: [],
    visits: Array.from({ length: 12 }, (_, i) => ({ day: iso(END - i * 86400).slice(0, 10), index: i, visits: 90 + ((i * 37) % 80), reviewers: 2 + (i % 3), root: of(`day ${i}`) })),
    hooks: [{ url: 'https://monitor.example/vitrine', last: iso(END), failed: 0 }],
  };
}

function site() {
  return { name: 'zurich.example', jurisdiction: 'CH', origin: ORIGIN, version: '0.9.0', policy, checkpoint: { size: entries.length, root, time: iso(END + 3) }, url: 'https://zurich.example', generation: 1, problem: null };
}

function api(path: string, q: URLSearchParams): unknown {
  const [, a, d, more] = path.split('/');
  if (path === '/site') return site();
  if (path === '/checkpoint') return { origin: ORIGIN, size: entries.length, root, note, time: iso(END + 3), witnesses: witnesses.map((w, i) => ({ name: w.name, key: w.key, time: iso(END + 2 + i), url: null })), quorum: 'witnesses', needed: 2 };
  if (path === '/terms') return { items: TERMS.map(([term, is]) => ({ term, is })) };
  if (path === '/session') return { reviewer: null, origin: 'http://localhost:5173', rp: 'localhost' };
  if (path === '/health') return health();
  if (path === '/sources') return { items: [], next: null };
  if (path === '/entries') {
    const all = entries.map((e) => e.line).reverse();
    return page(all.filter((l) => (q.get('kind') === null || l.kind === q.get('kind')) && (q.get('signer') === null || l.signer === q.get('signer')) && (q.get('subject') === null || l.subjects.some((s) => s.digest === q.get('subject')))), q);
  }
  if (a === 'entries') {
    const e = entries[Number(d)];
    return e === undefined ? null : { ...e.line, text: b64(e.bytes), form: e.form, says: e.raw === null ? e.says : e.raw.trimEnd().split('\n').slice(1).map((l) => l.split(/ (.*)/s).slice(0, 2)), raw: e.raw };
  }
  if (path === '/releases') return page(made.map((m) => m.release).reverse().filter((r) => q.get('product') === null || r.product === q.get('product')), q);
  const m = made.find((x) => x.release.artifact === d);
  if (a === 'artifacts') return m === undefined ? null : { artifact: d, releases: [m.release], assemblies: [link(m.used[2] as number) as Link], mismatches: [] };
  if (a !== 'releases' || m === undefined) return null;
  if (more === undefined) return releaseFull(m);
  if (more === 'packages') return { environment: m.release.environment, items: ['base-files', 'bash', 'binutils', 'coreutils', 'dpkg', 'gcc-12', 'libc6', 'meson', 'ninja-build', 'zlib1g'].map((n, i) => ({ name: n, version: `1.${i}-2`, arch: 'amd64', size: 70000 + i * 41234, digest: of(n) })) };
  if (more === 'changes') return changes();
  return null;
}

function send(res: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  res.writeHead(status, { 'Content-Type': type });
  res.end(body);
}

function tile(kind: string): Uint8Array {
  if (kind.startsWith('entries')) return concat(...entries.map((e) => concat(Uint8Array.of(e.bytes.length >> 8, e.bytes.length & 255), e.bytes)));
  return concat(...entries.map((e) => leafHash(e.bytes)));
}

createServer((req, res) => {
  const url = new URL(req.url ?? '/', 'http://mock');
  const path = decodeURIComponent(url.pathname);
  const hexOf = /([0-9a-f]{64})/.exec(path)?.[1] ?? '';
  if (path === '/policy') return send(res, 200, 'text/plain; charset=utf-8', policy);
  if (path === '/checkpoint') return send(res, 200, 'text/plain; charset=utf-8', note);
  if (path.startsWith('/tile/0/000') || path.startsWith('/tile/entries/000')) return send(res, 200, 'application/octet-stream', tile(path.slice(6)));
  if (path.startsWith('/passports/')) {
    const text = passports.get(hexOf);
    const spoiled = text !== undefined && process.env['SPOIL'] !== undefined ? text.replace(/^(entry \d+ dml0.{600})(.)/m, (_, x: string, y: string) => x + (y === 'A' ? 'B' : 'A')) : text;
    return spoiled === undefined ? send(res, 404, 'text/plain', '') : send(res, 200, 'text/plain; charset=utf-8', spoiled);
  }
  if (path.startsWith('/objects/')) {
    const o = objects.get(hexOf);
    return o === undefined ? send(res, 404, 'text/plain', '') : send(res, 200, 'application/octet-stream', o);
  }
  if (path.startsWith('/tuf/targets/')) {
    const m = made.find((x) => x.release.artifact.endsWith(hexOf));
    return m === undefined ? send(res, 404, 'text/plain', '') : send(res, 200, 'application/octet-stream', fileBytes(m.release.file));
  }
  if (path === '/api/v1/events') {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('event: ping\ndata: {}\n\n');
    return;
  }
  const answer = path.startsWith('/api/v1/') ? api(path.slice(7), url.searchParams) : null;
  if (answer === null) return send(res, 404, 'application/json', JSON.stringify({ error: { code: 'not-found', message: 'there is no such thing' } }));
  return send(res, 200, 'application/json', JSON.stringify(answer));
}).listen(8790, '127.0.0.1', () => console.log(`mock at http://127.0.0.1:8790, ${entries.length} entries`));
