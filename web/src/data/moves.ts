// SPDX-License-Identifier: Apache-2.0
// Whether a region arrived whole: from the documents of relocation, receipt and shred themselves, each
// hashed, its signature checked and its entry proven in this browser. docs/formats/relocation.md.
import type { Relocation } from '../lib/types-data';
import { digestText, fail } from '../lib/verify/bytes';
import { field, type LedgerDocument } from '../lib/verify/ledger';
import { provenDocument } from './evidence';

export const TOTALS = ['segments', 'records', 'bytes', 'root'] as const;

/** What both inventories say of one measure. */
export interface Compared {
  name: (typeof TOTALS)[number];
  before: string;
  after: string;
}

export function compareTotals(relocation: LedgerDocument, receipt: LedgerDocument): Compared[] {
  return TOTALS.map((name) => ({ name, before: field(relocation, name) ?? '', after: field(receipt, name) ?? '' }));
}

/** Throws unless the second document speaks of the first, of the same region and sites. Pure. */
export function checkBelongs(relocation: LedgerDocument, other: LedgerDocument): void {
  if (field(other, 'relocation') !== digestText(relocation.digest)) fail('digest', `the ${other.kind} is of another relocation`);
  if (field(other, 'region') !== field(relocation, 'region')) fail('digest', `the ${other.kind} is of another region`);
  if (other.kind === 'shred' && field(other, 'site') !== field(relocation, 'from')) fail('digest', 'the shred is by another site than the one that handed over');
  if (other.kind === 'receipt' && (field(other, 'from') !== field(relocation, 'from') || field(other, 'to') !== field(relocation, 'to'))) fail('digest', 'the receipt is of other sites');
}

export interface Checked {
  signer: string;
  document: LedgerDocument;
}

export interface MoveCheck {
  handedOver: Checked;
  received: Checked | null;
  shredded: Checked | null;
  compared: Compared[];
  equal: boolean | null;
}

export async function checkMove(r: Relocation, onStep: (done: 'relocation' | 'receipt' | 'shred', signer: string) => void): Promise<MoveCheck> {
  const handedOver = await provenDocument(r.index, 'relocation');
  if (digestText(handedOver.document.digest) !== r.relocation) fail('digest', 'the entry names another relocation');
  onStep('relocation', handedOver.signer);
  if (r.received === null) return { handedOver, received: null, shredded: null, compared: [], equal: null };
  const received = await provenDocument(r.received.index, 'receipt');
  checkBelongs(handedOver.document, received.document);
  if (received.signer === handedOver.signer) fail('policy', 'the same party says that it handed over and that it received');
  onStep('receipt', received.signer);
  const compared = compareTotals(handedOver.document, received.document);
  const equal = compared.every((c) => c.before === c.after);
  if (r.shredded === null) return { handedOver, received, shredded: null, compared, equal };
  const shredded = await provenDocument(r.shredded.index, 'shred');
  checkBelongs(handedOver.document, shredded.document);
  if (field(shredded.document, 'receipt') !== digestText(received.document.digest)) fail('digest', 'the shred is of another receipt');
  if (shredded.signer !== handedOver.signer) fail('policy', 'another party than the one that handed over says that it destroyed its keys');
  onStep('shred', shredded.signer);
  return { handedOver, received, shredded, compared, equal };
}
