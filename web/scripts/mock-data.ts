// SPDX-License-Identifier: Apache-2.0
// Users' data of the made-up site (mock-source.ts): a vault policy, requests with their stories, a relocation
// that is over and one under way, and receipts for a customer, written to the folder RECEIPTS when it is set.
import { writeFileSync } from 'node:fs';
import { be64, compare, concat, digest, digestText, hex, utf8 } from '../src/lib/verify/bytes';
import { leafHash, nodeHash, proveInclusion, rootOf } from '../src/lib/verify/merkle';
import { customerName, customersRoot } from '../src/lib/verify/receipt';

type Field = [string, string | number];
interface World {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  P: any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  say: (kind: string, by: any, subjects: [string, string][], document: string) => number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  doc: (kind: string, by: any, fields: Field[]) => string;
  of: (s: string) => string;
  iso: (n: number) => string;
  link: (i: number) => object;
  entry: (i: number) => { at: number };
  now: () => number;
}

const D = (s: string): string => digestText(digest(utf8(s)));
const ID = (s: string): string => hex(digest(utf8(s))).slice(0, 32);
export const TAG = new Uint8Array(16).fill(7);

async function receipts(tags: Uint8Array[], salt: Uint8Array): Promise<{ root: string; files: Map<string, Uint8Array> }> {
  const leaves = tags.map((tag, i) => ({ tag, bytes: concat(customerName(salt, tag), be64(BigInt(3 + 9 * i))) })).sort((a, b) => compare(a.bytes, b.bytes));
  const tree = rootOf(leaves.map((l) => leafHash(l.bytes)));
  const hashAt = async (level: number, index: bigint): Promise<Uint8Array> =>
    level === 0 ? leafHash((leaves[Number(index)] as { bytes: Uint8Array }).bytes) : nodeHash(await hashAt(level - 1, 2n * index), await hashAt(level - 1, 2n * index + 1n));
  const files = new Map<string, Uint8Array>();
  for (const [i, l] of leaves.entries()) {
    const path = await proveInclusion(hashAt, BigInt(i), BigInt(leaves.length));
    files.set(hex(l.tag), concat(utf8('VTA1'), salt, be64(BigInt(leaves.length)), tree, Uint8Array.of(1), be64(BigInt(i)), l.bytes, Uint8Array.of(path.length), ...path));
  }
  return { root: digestText(customersRoot(salt, BigInt(leaves.length), tree)), files };
}

const salt = new Uint8Array(16).fill(3);
const made = await receipts([1, 2, 7, 9, 12].map((n) => new Uint8Array(16).fill(n)), salt);
if (process.env['RECEIPTS'] !== undefined) writeFileSync(`${process.env['RECEIPTS']}/run-1.receipt`, made.files.get(hex(TAG)) ?? new Uint8Array());

export function data(w: World): (path: string, q: URLSearchParams) => unknown {
  const { P, say, doc, iso } = w;
  const fieldsOf = (d: string): [string, string][] => {
    const body = d.slice(0, d.lastIndexOf('\n\n') + 1);
    return body.trimEnd().split('\n').slice(1).map((l): [string, string] => [l.slice(0, l.indexOf(' ')), l.slice(l.indexOf(' ') + 1)]);
  };
  const all = new Map<number, { kind: string; fields: [string, string][]; document: string }>();
  const put = (kind: string, entry: string, by: unknown, subjects: [string, string][], fields: Field[]): { index: number; digest: string } => {
    const document = doc(kind, by, fields);
    const index = say(entry, by, subjects, document);
    all.set(index, { kind, fields: fieldsOf(document), document });
    return { index, digest: D(document) };
  };
  const policyFields: Field[] = [['serial', 1], ['supervisor', 'supervisor.example'], ['keeper', 'zurich.example zurich.example/vault+d6ccc174+AYqH age1x'], ['keeper', 'frankfurt.example frankfurt.example/vault+90e621de+AepK age1y'], ['region', 'EU zurich.example CH'], ['region', 'CA zurich.example CH'], ['region', 'US frankfurt.example DE'], ['region', 'BR saopaulo.example BR'], ['region', 'JP osaka.example JP'], ['class', 'detection retention-days 365 threshold 5'], ['party', 'carol.example carol.example+f5d362d7+AROY age1z'], ['group', 'legal 1 dora.example'], ['group', 'security 2 sam.example sue.example'], ['approve', 'access legal security'], ['approve', 'break-glass legal'], ['approve', 'export legal'], ['approve', 'erasure legal']];
  const policyText = doc('policy', P.authority, policyFields);
  const policy = { digest: D(policyText), index: say('vault-policy', P.authority, [['policy', D(policyText)]], policyText), text: policyText };

  const inventory = (region: string, site: string, by: unknown, records: number): { index: number; root: string } => {
    const root = D(`inventory ${region} ${site}`);
    return { ...put('inventory', 'inventory', by, [['inventory', root]], [['region', region], ['site', site], ['policy', policy.digest], ['segments', Math.ceil(records / 90000)], ['records', records], ['bytes', records * 311], ['root', root], ['made', iso(w.now())]]), root };
  };
  const inventories = { EU: inventory('EU', 'zurich.example', P.zurich, 18_204_113), CA: inventory('CA', 'zurich.example', P.zurich, 1_201_882), US: inventory('US', 'frankfurt.example', P.frankfurt, 9_733_001) };

  const ask = (mode: string, purpose: string, from: string, extra: Field[] = []): { index: number; digest: string } =>
    put('request', 'request', P.carol, [['policy', policy.digest]], [['id', ID(purpose + mode)], ['mode', mode], ['purpose', purpose], ['requester', 'carol.example'], ['policy', policy.digest], ['region', 'EU'], ['class', 'detection'], ['class', 'url'], ['from', from], ['until', '2026-11-22'], ...extra, ['runs', 1], ['expires', iso(w.now() + 86400)], ['made', iso(w.now())]]);
  const approve = (r: { digest: string }, by: { key: string }, verdict: string): { index: number; digest: string } => put('approval', 'approval', by, [['request', r.digest]], [['request', r.digest], ['approver', by.key], ['verdict', verdict], ['made', iso(w.now())]]);
  const grant = (r: { digest: string }, mode: string, approvals: { digest: string }[]): { index: number; digest: string } => put('grant', 'grant', P.zurich, [['policy', policy.digest], ['request', r.digest]], [['request', r.digest], ['policy', policy.digest], ['site', 'zurich.example'], ['mode', mode], ...approvals.map((a): Field => ['approval', a.digest]), ['made', iso(w.now())]]);

  const r1 = ask('access', 'incident-response', '2026-11-01', [['job', D('job')]]);
  const g1 = grant(r1, 'access', [approve(r1, P.dora, 'approve'), approve(r1, P.sam, 'approve'), approve(r1, P.sue, 'approve')]);
  const run1 = put('run', 'run', P.zurich, [['request', r1.digest], ['grant', g1.digest], ['artifact', D('job')]], [['request', r1.digest], ['grant', g1.digest], ['site', 'zurich.example'], ['policy', policy.digest], ['job', D('job')], ['started', iso(w.now())], ['finished', iso(w.now() + 40)], ['segments', 212], ['segments-digest', D('s')], ['blocks', 90211], ['records', 18_204_113], ['plain-bytes', 5_661_000_000], ['subjects', 61_224], ['erased-blocks', 4], ['cells', 16], ['rows-out', 37], ['rows-held-back', 2], ['result', D('result')], ['result-bytes', 20481], ['customers', 5], ['customers-root', made.root], ['outcome', 'done']]);
  const r2 = ask('access', 'product-statistics', '2026-06-01', [['job', D('job2')]]);
  const a2 = [approve(r2, P.dora, 'approve'), approve(r2, P.sam, 'refuse')];
  put('refusal', 'refusal', P.zurich, [['request', r2.digest]], [['request', r2.digest], ['site', 'zurich.example'], ['code', 'veto'], ['made', iso(w.now())]]);
  void a2;
  const r3 = ask('erasure', 'subject-request', '2025-11-01', [['subject', D('somebody')]]);
  const g3 = grant(r3, 'erasure', [approve(r3, P.dora, 'approve')]);
  put('erasure', 'erasure', P.zurich, [['request', r3.digest], ['grant', g3.digest], ['key', D('k1')]], [['request', r3.digest], ['grant', g3.digest], ['site', 'zurich.example'], ['region', 'EU'], ['generation-before', 4], ['generation-after', 5], ['ring-before', D('rb')], ['ring-after', D('ra')], ['key', D('k1')], ['made', iso(w.now())]]);
  const r4 = ask('access', 'incident-response-2', '2026-11-20', [['job', D('job')]]);
  approve(r4, P.dora, 'approve');

  const move = (region: string, from: string, to: string, by: unknown): { index: number; digest: string; root: string } => {
    const root = D(`moved ${region}`);
    return { ...put('relocation', 'relocation', by, [['policy', policy.digest], ['inventory', root]], [['region', region], ['from', from], ['to', to], ['policy', policy.digest], ['segments', 131], ['records', 9_733_001], ['bytes', 3_026_963_311], ['root', root], ['made', iso(w.now())]]), root };
  };
  const m1 = move('US', 'zurich.example', 'frankfurt.example', P.zurich);
  const c1 = put('receipt', 'receipt', P.frankfurt, [['relocation', m1.digest], ['inventory', m1.root]], [['relocation', m1.digest], ['region', 'US'], ['from', 'zurich.example'], ['to', 'frankfurt.example'], ['segments', 131], ['records', 9_733_001], ['bytes', 3_026_963_311], ['root', m1.root], ['keys', 812], ['made', iso(w.now())]]);
  const s1 = put('shred', 'shred', P.zurich, [['receipt', c1.digest], ['inventory', m1.root]], [['receipt', c1.digest], ['relocation', m1.digest], ['region', 'US'], ['site', 'zurich.example'], ['segments', 131], ['root', m1.root], ['generation-before', 5], ['generation-after', 6], ['ring-before', D('a')], ['ring-after', D('b')], ['keys', 812], ['made', iso(w.now())]]);
  const m2 = move('CA', 'zurich.example', 'osaka.example', P.zurich);

  const time = (i: number): string => iso(w.entry(i).at + 3);
  const totals = { segments: 131, records: 9_733_001, bytes: 3_026_963_311 };
  const relocations = [
    { relocation: m2.digest, index: m2.index, region: 'CA', from: 'zurich.example', to: 'osaka.example', started: time(m2.index), state: 'handing-over', inventory: { ...totals, root: m2.root }, received: null, shredded: null, equal: null },
    { relocation: m1.digest, index: m1.index, region: 'US', from: 'zurich.example', to: 'frankfurt.example', started: time(m1.index), state: 'shredded', inventory: { ...totals, root: m1.root }, received: { ...totals, root: m1.root, index: c1.index, time: time(c1.index) }, shredded: { index: s1.index, segments: 131, keys: 812, time: time(s1.index) }, equal: true },
  ];
  const approvers = 'access: 1 of dora.example (legal), and 2 of sam.example, sue.example (security); break-glass: 1 of dora.example (legal); export: 1 of dora.example (legal); erasure: 1 of dora.example (legal)';
  const region = (name: string, site: string, jurisdiction: string, records: number, moving: string | null = null): object => ({
    region: name, site, jurisdiction, processed_at: [{ site, jurisdiction }], approvers,
    inventory: records === 0 ? null : { root: inventories[name as 'EU'].root, segments: Math.ceil(records / 90000), records, bytes: records * 311, time: time(inventories[name as 'EU'].index), index: inventories[name as 'EU'].index }, moving,
  });
  const regions = {
    policy,
    items: [region('BR', 'saopaulo.example', 'BR', 0), region('CA', 'zurich.example', 'CH', 1_201_882, m2.digest), region('EU', 'zurich.example', 'CH', 18_204_113), region('JP', 'osaka.example', 'JP', 0), region('US', 'frankfurt.example', 'DE', 9_733_001)],
    sites: [{ name: 'zurich.example', jurisdiction: 'CH', regions: ['CA', 'EU'] }, { name: 'frankfurt.example', jurisdiction: 'DE', regions: ['US'] }, { name: 'osaka.example', jurisdiction: 'JP', regions: ['JP'] }, { name: 'saopaulo.example', jurisdiction: 'BR', regions: ['BR'] }],
  };
  const states: Record<string, string> = { [r1.digest]: 'ran', [r2.digest]: 'refused', [r3.digest]: 'ran', [r4.digest]: 'open' };
  const requests = [r4, r3, r2, r1].map((r) => {
    const f = all.get(r.index)?.fields ?? [];
    const one = (n: string): string | null => f.find(([k]) => k === n)?.[1] ?? null;
    const steps = [...all].filter(([i, d]) => i !== r.index && d.fields.some(([k, v]) => k === 'request' && v === r.digest));
    const said = (verdict: string): number => steps.filter(([, d]) => d.fields.some(([k, v]) => k === 'verdict' && v === verdict)).length;
    return {
      request: r.digest, id: one('id'), index: r.index, time: time(r.index), mode: one('mode'), purpose: one('purpose'), requester: 'carol.example', region: 'EU', class: 'detection url', from: one('from'), until: one('until'), job: one('job'), runs: 1, expires: one('expires'), state: states[r.digest], approvals: said('approve'), refusals: said('refuse'),
      fields: f,
      steps: steps.map(([i, d]) => ({ kind: d.kind, link: w.link(i), by: d.fields.find(([k]) => k === 'approver' || k === 'site')?.[1], code: d.fields.find(([k]) => k === 'code')?.[1] ?? null, fields: d.fields })),
    };
  });
  const documents = (kind: string): object => ({
    items: [...all].filter(([, d]) => d.kind === kind).reverse().map(([i, d]) => ({ ...w.link(i), region: d.fields.find(([k]) => k === 'region')?.[1] ?? 'EU', site: 'zurich.example', fields: d.fields })),
    next: null,
  });
  void run1;
  return (path, q) => {
    if (path === '/regions') return regions;
    if (path === '/relocations') return { items: relocations, next: null };
    if (path === '/requests') return { items: requests.filter((r) => (q.get('state') ?? r.state) === r.state && (q.get('region') ?? 'EU') === 'EU').map(({ fields: _, steps: __, ...r }) => r), next: null };
    if (path.startsWith('/requests/')) return requests.find((r) => path.endsWith(r.request)) ?? null;
    if (path === '/runs') return documents('run');
    if (path === '/erasures') return documents('erasure');
    if (path === '/retentions') return documents('retention');
    return null;
  };
}
