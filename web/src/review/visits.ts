// SPDX-License-Identifier: Apache-2.0
// One's own visits against the day's published record: each line is hashed, its path leads to the root, the root
// stands in the document, the document in an entry, the entry in the log. docs/formats/review.md.
import { provenText } from '../data/evidence';
import type { Visit, VisitsAnswer } from '../lib/types-source';
import { decimal, digestOf, digestText, fail, unb64Of, unhex, utf8 } from '../lib/verify/bytes';
import { checkInclusion, leafHash } from '../lib/verify/merkle';
import { encodeName } from './write';

export interface Checked {
  /** Visits whose line leads to the root. */
  good: number;
  entry: number;
  size: bigint;
  total: string;
}

/** A hash of a proof: base64, `sha256:HEX`, or hex. */
function hashOf(s: string): Uint8Array {
  return digestOf(s) ?? unhex(s, 32) ?? unb64Of(s, 32) ?? fail('syntax', 'a hash of a proof has not the form of one');
}

function field(document: string, name: string): string {
  const line = document.split('\n').find((l) => l.startsWith(`${name} `));
  return line === undefined ? fail('syntax', `the day’s document has no line ${name}`) : line.slice(name.length + 1);
}

/** The line says what the list says: nothing else may stand behind the hash. Pure. */
export function checkLine(v: Visit, reviewer: string): void {
  const [time, source, blob, who, salt, path, ...more] = v.leaf.split(' ');
  const good = time === v.time && source === v.source && blob === v.blob && who === reviewer && /^[0-9a-f]{32}$/.test(salt ?? '') && path === encodeName(v.path) && more.length === 0;
  if (!good) fail('digest', `the record of ${v.time} says something else than the list: ${v.leaf.slice(0, 120)}`);
}

/** Throws unless every line leads to that root of a tree of so many leaves. Pure. */
export function checkVisits(items: readonly Visit[], reviewer: string, root: Uint8Array, leaves: bigint): number {
  const seen = new Set<number>();
  for (const v of items) {
    checkLine(v, reviewer);
    if (v.index === null || v.proof === null) fail('proof', `the visit of ${v.time} is not in the published record`);
    if (seen.has(v.index)) fail('proof', `two visits have the same place ${v.index} in the record`);
    seen.add(v.index);
    checkInclusion(BigInt(v.index), leaves, leafHash(utf8(v.leaf)), v.proof.map(hashOf), root);
  }
  return items.length;
}

export async function checkDay(answer: VisitsAnswer, reviewer: string): Promise<Checked> {
  if (answer.published === null) fail('proof', 'the record of this day is not published yet');
  const { index } = answer.published;
  const { entry, text, size } = await provenText(index, 'visits');
  const root = digestOf(field(text, 'root'));
  const total = field(text, 'visits');
  const leaves = decimal(total);
  if (root === null || leaves === null) fail('syntax', 'the day’s document has no root or no number');
  if (!text.startsWith('vitrine/review/visits/v1\n') || field(text, 'day') !== answer.day) fail('digest', 'the document is of another day');
  if (!entry.subjects.some((s) => s.role === 'visits' && digestText(s.digest) === digestText(root))) fail('digest', 'the entry names another root than its document');
  return { good: checkVisits(answer.items, reviewer, root, leaves), entry: index, size, total };
}
