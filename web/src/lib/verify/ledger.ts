// SPDX-License-Identifier: Apache-2.0
// The form of ledger documents: docs/formats/ledger-document.md, with the tables of
// src/ledger/doc_rules.c.
import { decimal, digest, digestOf, fail, timeOf } from './bytes';
import { parseNote, type Note } from './note';

export const DOCUMENT_MAX = 262144;
const FIELDS_MAX = 2048;
const VALUE_MAX = 512;

type Form = 'name' | 'word' | 'region' | 'count' | 'time' | 'day' | 'digest' | 'id' | 'box' | 'line';

// "name:form" exactly once; ? at most once, * any number, + at least once.
const RING = 'generation-before:count generation-after:count ring-before:digest ring-after:digest';
const RULES = {
  policy:
    'serial:count previous:digest? supervisor:name keeper:line+ region:line+ class:line+ party:line+ ask:line* group:line+ approve:line+ limit:line* noise:line*',
  key: 'region:region site:name policy:digest public:box created:time share:line+ ceremony:id',
  request:
    'id:id mode:word purpose:word requester:name policy:digest region:region class:word+ from:day until:day subject:digest? job:digest? query:digest? epsilon:count? runs:count expires:time result-to:box? made:time',
  approval: 'request:digest approver:name verdict:word share:digest? made:time',
  grant: 'request:digest policy:digest site:name mode:word approval:digest* made:time',
  refusal: 'request:digest site:name code:word grant:digest? made:time',
  run: 'request:digest grant:digest site:name policy:digest job:digest? query:digest? started:time finished:time segments:count segments-digest:digest blocks:count records:count plain-bytes:count subjects:count erased-blocks:count cells:count rows-out:count rows-held-back:count result:digest result-bytes:count epsilon:count? customers:count customers-root:digest? outcome:word',
  inventory: 'region:region site:name policy:digest segments:count records:count bytes:count root:digest made:time',
  erasure: `request:digest grant:digest site:name region:region ${RING} key:digest+ made:time`,
  retention: `site:name policy:digest ${RING} epoch:line* made:time`,
  relocation: 'region:region from:name to:name policy:digest segments:count records:count bytes:count root:digest ring-root:digest? made:time',
  receipt: 'relocation:digest region:region from:name to:name segments:count records:count bytes:count root:digest keys:count made:time',
  shred: `receipt:digest relocation:digest region:region site:name segments:count root:digest ${RING} keys:count made:time`,
} as const;
export type DocumentKind = keyof typeof RULES;

interface Rule {
  name: string;
  form: Form;
  least: number;
  most: number;
}

function rulesOf(kind: DocumentKind): Rule[] {
  return RULES[kind].split(' ').map((word) => {
    const [, name = '', form = '', often = ''] = /^([a-z-]+):([a-z]+)([?*+]?)$/.exec(word) ?? [];
    return { name, form: form as Form, least: often === '?' || often === '*' ? 0 : 1, most: often === '*' || often === '+' ? FIELDS_MAX : 1 };
  });
}

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** Bech32 (BIP 173) of 32 bytes with the prefix `age`. */
function isBox(s: string): boolean {
  if (!/^age1[02-9ac-hj-np-z]{58}$/.test(s)) return false;
  const values = [...s.slice(4)].map((c) => BECH32.indexOf(c));
  let check = 1;
  const step = (v: number) => {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ v;
    [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].forEach((g, i) => {
      if (((top >>> i) & 1) !== 0) check ^= g;
    });
  };
  for (const c of 'age') step(c.charCodeAt(0) >>> 5);
  step(0);
  for (const c of 'age') step(c.charCodeAt(0) & 31);
  values.forEach(step);
  return check === 1 && ((values[51] as number) & 0x0f) === 0;
}

const FORMS: Record<Form, (s: string) => boolean> = {
  name: (s) => /^[!#-*,-~]{1,128}$/.test(s),
  word: (s) => /^[a-z0-9-]{1,64}$/.test(s),
  region: (s) => /^[A-Z0-9-]{2,16}$/.test(s),
  count: (s) => decimal(s) !== null,
  time: (s) => (timeOf(s) ?? -1) >= 0,
  day: (s) => (timeOf(`${s}T00:00:00Z`) ?? -1) >= 0,
  digest: (s) => digestOf(s) !== null,
  id: (s) => /^[0-9a-f]{32}$/.test(s),
  box: isBox,
  line: (s) => /^[!-~]+( [!-~]+)*$/.test(s),
};

export interface LedgerDocument {
  kind: DocumentKind;
  fields: [name: string, value: string][];
  note: Note;
  /** SHA-256 over all of its bytes: what entries and other documents name it by. */
  digest: Uint8Array;
}

function kindOf(line: string): DocumentKind {
  const kind = /^vitrine\/vault\/([a-z]+)\/v1$/.exec(line)?.[1] ?? '';
  if (!Object.hasOwn(RULES, kind)) fail('syntax', 'a ledger document begins with the line `vitrine/vault/KIND/v1` of a known kind');
  return kind as DocumentKind;
}

function checkFields(kind: DocumentKind, fields: [string, string][]): void {
  let at = 0;
  for (const rule of rulesOf(kind)) {
    const from = at;
    for (; fields[at]?.[0] === rule.name; at++) {
      const value = (fields[at] as [string, string])[1];
      if (value.length > VALUE_MAX || !FORMS[rule.form](value)) fail('syntax', `the value of \`${rule.name}\` of a ${kind} document has not the form of a ${rule.form}`);
    }
    if (at - from < rule.least) fail('syntax', `a ${kind} document must have a field \`${rule.name}\``);
    if (at - from > rule.most) fail('syntax', `a ${kind} document has only ${rule.most} field \`${rule.name}\``);
  }
  const rest = fields[at];
  if (rest !== undefined) fail('syntax', `the field \`${rest[0]}\` does not belong there in a ${kind} document`);
}

/** Reads a document; its signatures are for the caller to check, with verifyNote. */
export function parseDocument(data: Uint8Array): LedgerDocument {
  if (data.length > DOCUMENT_MAX) fail('limit', `a ledger document has more than ${DOCUMENT_MAX} bytes`);
  const note = parseNote(data);
  const [head = '', ...lines] = note.text.slice(0, -1).split('\n');
  const kind = kindOf(head);
  if (lines.length > FIELDS_MAX) fail('limit', `a ledger document has more than ${FIELDS_MAX} fields`);
  const fields = lines.map((line): [string, string] => {
    const space = line.indexOf(' ');
    if (space < 1) fail('syntax', `a line of a ${kind} document is not a name, a space and a value`);
    return [line.slice(0, space), line.slice(space + 1)];
  });
  checkFields(kind, fields);
  return { kind, fields, note, digest: digest(data) };
}

/** The value of a field that stands once; null without it. */
export function field(doc: LedgerDocument, name: string): string | null {
  return doc.fields.find(([n]) => n === name)?.[1] ?? null;
}
