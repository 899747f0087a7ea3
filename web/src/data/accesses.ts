// SPDX-License-Identifier: Apache-2.0
// Which runs read a customer's records: the receipts against the runs' documents and the log. Receipts, tag and
// secret stay in this browser. docs/formats/access-receipt.md.
import { hmac } from '@noble/hashes/hmac';
import { sha256 } from '@noble/hashes/sha2';
import { get } from '../lib/api';
import type { List } from '../lib/types';
import type { LedgerItem } from '../lib/types-data';
import { decimal, digestOf, digestText, fail, unhex, utf8, within } from '../lib/verify/bytes';
import { field } from '../lib/verify/ledger';
import { checkReceipt, customersRoot, parseReceipt } from '../lib/verify/receipt';
import { provenDocument } from './evidence';
import { valueOf } from './story';

const PAGES_MAX = 40;
const TAG_SIZE = 16;

/** A tag: 32 hex digits; null for anything else. */
export function parseTag(s: string): Uint8Array | null {
  return unhex(s.trim().toLowerCase(), TAG_SIZE);
}

/** The tag of a customer's name under its secret (64 hex digits): docs/formats/batch.md. */
export function tagOf(secretFile: string, name: string): Uint8Array {
  const secret = unhex(secretFile.trim(), 32);
  if (secret === null) fail('syntax', 'the secret’s file does not hold 64 hexadecimal digits');
  if (name === '') fail('syntax', 'the customer’s name is missing');
  return hmac(sha256, secret, utf8(`vitrine/customer/v1\0${name}`)).slice(0, TAG_SIZE);
}

export interface RunRow {
  index: number;
  site: string;
  region: string | null;
  time: string | null;
  request: string | null;
  customers: bigint;
  root: string | null;
}

export async function allRuns(): Promise<RunRow[]> {
  const rows: RunRow[] = [];
  let after: string | null = null;
  for (let i = 0; i < PAGES_MAX; i++) {
    const page: List<LedgerItem> = await get<List<LedgerItem>>('/runs', { limit: 500, after });
    for (const r of page.items) {
      rows.push({ index: r.index, site: r.site, region: r.region, time: r.time, request: valueOf(r.fields, 'request'), customers: decimal(valueOf(r.fields, 'customers') ?? '0') ?? 0n, root: valueOf(r.fields, 'customers-root') });
    }
    after = page.next;
    if (after === null) break;
  }
  return rows;
}

export interface Given {
  name: string;
  data: Uint8Array;
}

export interface Verdict {
  run: RunRow;
  state: 'read' | 'not-read' | 'no-receipt' | 'wrong';
  records: bigint;
  /** Of the receipt. */
  file: string | null;
  failure: string | null;
  signer: string | null;
}

/** Which receipt is of which run: salt, number and root of the tree give the run's root. Pure. */
export function matchReceipts(runs: readonly RunRow[], given: readonly Given[]): { of: Map<number, Given>; strangers: { name: string; why: string }[] } {
  const byRoot = new Map(runs.flatMap((r) => (r.root === null ? [] : [[r.root, r.index] as const])));
  const of = new Map<number, Given>();
  const strangers: { name: string; why: string }[] = [];
  for (const g of given) {
    try {
      const receipt = parseReceipt(g.data);
      const index = byRoot.get(digestText(customersRoot(receipt.salt, receipt.size, receipt.tree)));
      if (index !== undefined) of.set(index, g);
      else if (receipt.size > 0n) strangers.push({ name: g.name, why: 'it is of no run in this log' });
    } catch (e) {
      strangers.push({ name: g.name, why: e instanceof Error ? e.message : String(e) });
    }
  }
  return { of, strangers };
}

/** One run, from its proven document. */
export async function judge(run: RunRow, given: Given | undefined, tag: Uint8Array): Promise<Verdict> {
  const base = { run, records: 0n, file: given?.name ?? null, failure: null, signer: null };
  try {
    const { document, signer } = await provenDocument(run.index, 'run');
    const customers = decimal(field(document, 'customers') ?? '') ?? fail('syntax', 'the run’s document counts no customers');
    const root = field(document, 'customers-root');
    if (customers === 0n) return { ...base, state: 'not-read', signer };
    if (given === undefined) return { ...base, state: 'no-receipt', signer };
    const records = within(given.name, () => checkReceipt(given.data, tag, customers, root === null ? null : digestOf(root)));
    return { ...base, state: records > 0n ? 'read' : 'not-read', records, signer };
  } catch (e) {
    return { ...base, state: 'wrong', failure: e instanceof Error ? e.message : String(e) };
  }
}
