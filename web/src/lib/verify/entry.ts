// SPDX-License-Identifier: Apache-2.0
// Entries of the log: docs/formats/entry.md, with the table of src/note/entry.c.
import { compare, digestOf, equal, fail, Lines } from './bytes';
import { parseNote, verifyNote, type Note } from './note';
import type { KeyType, Vkey } from './vkey';

export const ENTRY_MAX = 65535;
export const SUBJECTS_MAX = 64;
const HEAD = 'vitrine/entry/v1';

export const ROLES = ['artifact', 'environment', 'metadata', 'recipe', 'source', 'rebuilt', 'policy', 'key', 'request', 'grant', 'relocation', 'receipt', 'inventory', 'visits'] as const;
export type Role = (typeof ROLES)[number];

/** How often a kind has a subject of a role: exactly once, at least once, any number. */
type Need = 'one' | 'some' | 'any';

const ASSEMBLY = { source: 'one', environment: 'one', recipe: 'one', artifact: 'some' } as const;

export const KINDS = {
  source: { source: 'one' },
  environment: { environment: 'one' },
  assembly: ASSEMBLY,
  rebuild: ASSEMBLY,
  mismatch: { ...ASSEMBLY, rebuilt: 'some' },
  release: { artifact: 'some', metadata: 'one' },
  'vault-policy': { policy: 'one' },
  'vault-key': { policy: 'one', key: 'one' },
  request: { policy: 'one' },
  approval: { request: 'one' },
  grant: { policy: 'one', request: 'one' },
  refusal: { request: 'one' },
  run: { request: 'one', grant: 'one', artifact: 'any' },
  inventory: { inventory: 'one' },
  erasure: { request: 'one', grant: 'one', key: 'some' },
  retention: { policy: 'one', key: 'any' },
  relocation: { policy: 'one', inventory: 'one' },
  receipt: { relocation: 'one', inventory: 'one' },
  shred: { receipt: 'one', inventory: 'one' },
  reading: { source: 'one' },
  review: { source: 'one' },
  objection: { source: 'one' },
  visits: { visits: 'one' },
} as const satisfies Record<string, Partial<Record<Role, Need>>>;
export type Kind = keyof typeof KINDS;

export function isKind(word: string): word is Kind {
  return Object.hasOwn(KINDS, word);
}

function isRole(word: string): word is Role {
  return (ROLES as readonly string[]).includes(word);
}

export interface EntrySubject {
  role: Role;
  digest: Uint8Array;
}

export interface Entry {
  kind: Kind;
  subjects: EntrySubject[];
  statement: Uint8Array;
}

function order(a: EntrySubject, b: EntrySubject): number {
  return a.role === b.role ? compare(a.digest, b.digest) : a.role < b.role ? -1 : 1;
}

function check(e: Entry): void {
  e.subjects.forEach((s, i) => {
    const before = e.subjects[i - 1];
    if (before !== undefined && order(before, s) >= 0) fail('syntax', `subject ${i + 1} of an entry is out of order or there twice`);
  });
  const needs: Partial<Record<Role, Need>> = KINDS[e.kind];
  for (const role of ROLES) {
    const n = e.subjects.filter((s) => s.role === role).length;
    const need = needs[role];
    if (n > 0 && need === undefined) fail('syntax', `a ${e.kind} entry has no subject \`${role}\``);
    if (n > 1 && need === 'one') fail('syntax', `a ${e.kind} entry has only one subject \`${role}\``);
    if (n === 0 && (need === 'one' || need === 'some')) fail('syntax', `a ${e.kind} entry must have a subject \`${role}\``);
  }
}

function parseSubject(line: string, number: number): EntrySubject {
  const [role = '', digest = '', ...more] = line.split(' ');
  const d = digestOf(digest);
  if (!isRole(role) || d === null || more.length > 0) fail('syntax', `subject ${number} of an entry is not \`subject ROLE sha256:HEX\``);
  return { role, digest: d };
}

export function parseEntryText(all: string): Entry {
  const lines = new Lines(all);
  if (lines.next() !== HEAD) fail('syntax', `an entry begins with the line \`${HEAD}\``);
  const kind = lines.next() ?? '';
  const word = kind.startsWith('kind ') ? kind.slice(5) : '';
  if (!isKind(word)) fail('syntax', 'line 2 of an entry is not `kind` and a known kind');
  const subjects: EntrySubject[] = [];
  let line = lines.next();
  for (; line !== null && line.startsWith('subject '); line = lines.next()) {
    if (subjects.length === SUBJECTS_MAX) fail('limit', `an entry has more than ${SUBJECTS_MAX} subjects`);
    subjects.push(parseSubject(line.slice(8), subjects.length + 1));
  }
  if (line === null) fail('syntax', 'an entry has no statement line');
  const statement = line.startsWith('statement ') ? digestOf(line.slice(10)) : null;
  if (statement === null || !lines.done) fail('syntax', "an entry's text does not end in `statement sha256:HEX`");
  const entry = { kind: word, subjects, statement };
  check(entry);
  return entry;
}

export function parseEntry(data: Uint8Array): { note: Note; entry: Entry } {
  if (data.length > ENTRY_MAX) fail('limit', `an entry has more than ${ENTRY_MAX} bytes`);
  const note = parseNote(data);
  const entry = parseEntryText(note.text);
  if (note.sigs.length !== 1) fail('syntax', `an entry has one signature line, not ${note.sigs.length}`);
  return { note, entry };
}

export function has(e: Entry, role: Role, digest: Uint8Array): boolean {
  return e.subjects.some((s) => s.role === role && equal(s.digest, digest));
}

/** The only subject of a role; null when there is none or several. */
export function one(e: Entry, role: Role): Uint8Array | null {
  const of = e.subjects.filter((s) => s.role === role);
  return of.length === 1 ? (of[0] as EntrySubject).digest : null;
}

export function all(e: Entry, role: Role): Uint8Array[] {
  return e.subjects.filter((s) => s.role === role).map((s) => s.digest);
}

/** Whether keys of that type may sign entries of that kind: a passkey signs what reviewers say and nothing else. */
export function kindSignable(kind: Kind, type: KeyType): boolean {
  return type === 0x01 || (type === 0xff && (kind === 'reading' || kind === 'review' || kind === 'objection'));
}

/** Throws unless the entry is signed by that key, and the key may sign entries of its kind. */
export function verifyEntry(entry: Entry, note: Note, k: Vkey): void {
  if (!kindSignable(entry.kind, k.type)) fail('signature', `the key of \`${k.name}\` is a passkey, which signs readings, reviews and objections, and no ${entry.kind}`);
  verifyNote(note, k);
}
