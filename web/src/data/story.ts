// SPDX-License-Identifier: Apache-2.0
// Ledger documents in plain words. Pure. All that is said comes from the documents' fields.
import { count, day, plural, size, time } from '../lib/format';
import type { DataRequest, Fields, RequestStep } from '../lib/types-data';

export function valueOf(fields: Fields, name: string): string | null {
  return fields.find(([n]) => n === name)?.[1] ?? null;
}

export function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([n]) => n === name).map(([, v]) => v);
}

/** A count of a document for people; what is none is given back. */
export function counted(fields: Fields, name: string): string {
  const v = valueOf(fields, name);
  return v === null ? '0' : /^\d{1,15}$/.test(v) ? count(Number(v)) : v;
}

function number(fields: Fields, name: string): number {
  const v = valueOf(fields, name);
  return v !== null && /^\d{1,15}$/.test(v) ? Number(v) : 0;
}

const MODES: Record<string, string> = {
  access: 'read records',
  'break-glass': 'read records at once, in an emergency',
  export: 'get all records of one person, to hand them to that person',
  erasure: 'erase all records of one person',
};

export function words(word: string): string {
  return word.replaceAll('-', ' ');
}

export function modeWords(mode: string): string {
  return MODES[mode] ?? words(mode);
}

/** The keeper's codes: docs/formats/grant.md. */
const CODES: Record<string, string> = {
  ledger: 'something of it is not proven to be in the log',
  altered: 'a document is not the one that was approved',
  requester: 'the requester may not ask for this purpose',
  approvals: 'there are not enough approvals by those who may approve',
  supervisor: 'the supervisor has not cosigned it',
  scope: 'it asks for what cannot be asked for',
  policy: 'it was made under a policy that is not in force',
  expired: 'it had expired',
  life: 'it would have lived longer than the policy allows',
  veto: 'an approver has refused',
  'own-approval': 'somebody approved an own request',
  job: 'the program that was to run has no valid passport',
  shares: 'the approvers’ shares do not give the key',
  spent: 'it was run as often as it may be',
  budget: 'the region’s budget of noise is used up',
  erased: 'there is nothing left to open',
};

export function codeWords(code: string): string {
  return CODES[code] ?? words(code);
}

function listed(names: string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** "carol.example asked to read the detection and url records of region EU, from … until …". */
export function asked(r: DataRequest): string {
  const classes = listed(r.class.split(' ').filter((c) => c !== ''));
  const records = `${classes === '' ? '' : `${classes} `}records of region ${r.region} from ${day(`${r.from}T00:00:00Z`)} to ${day(`${r.until}T00:00:00Z`)}`;
  const what: Record<string, string> = {
    access: `read the ${records}`,
    'break-glass': `read, at once and in an emergency, the ${records}`,
    export: `get one person’s ${records}, to hand them to that person`,
    erasure: `erase one person’s ${records}`,
  };
  return `${r.requester} asked to ${what[r.mode] ?? `${words(r.mode)} the ${records}`}, for ${words(r.purpose)}. This may be done ${r.runs === 1 ? 'once' : `${count(r.runs)} times`}, until ${time(r.expires)}.`;
}

function ran(s: RequestStep): string {
  const f = s.fields;
  if (valueOf(f, 'outcome') !== 'done') return `A run at ${s.by} came to nothing (${words(valueOf(f, 'outcome') ?? 'unknown')}). No rows left the site.`;
  const held = number(f, 'rows-held-back');
  const erased = number(f, 'erased-blocks');
  return [
    `The program ran at ${s.by}: it read ${plural(number(f, 'records'), 'record')} of ${plural(number(f, 'subjects'), 'person', 'people')} and ${plural(number(f, 'customers'), 'customer')}.`,
    `${plural(number(f, 'rows-out'), 'row')} of result came out, ${size(number(f, 'result-bytes'))}.`,
    held > 0 ? `${plural(held, 'row')} ${held === 1 ? 'was' : 'were'} held back, since too few people stood behind ${held === 1 ? 'it' : 'them'}.` : '',
    erased > 0 ? `${plural(erased, 'block')} could not be opened: their people’s keys are destroyed.` : '',
  ]
    .filter((s) => s !== '')
    .join(' ');
}

/** What happened at a step, in one or two sentences. */
export function told(s: RequestStep): string {
  switch (s.kind) {
    case 'approval':
      return valueOf(s.fields, 'verdict') === 'approve' ? `${s.by} approved.` : `${s.by} refused. One refusal is enough to stop it.`;
    case 'grant':
      return `The keeper at ${s.by} checked ${plural(valuesOf(s.fields, 'approval').length, 'approval')}, found them sufficient under the policy, and granted it.`;
    case 'refusal':
      return `The keeper at ${s.by} released nothing, because ${codeWords(s.code ?? valueOf(s.fields, 'code') ?? 'of a reason that is not given')}.`;
    case 'run':
      return ran(s);
    case 'erasure':
      return `The keeper at ${s.by} destroyed ${plural(valuesOf(s.fields, 'key').length, 'key')}. What they had closed can be opened by nobody now, in no copy.`;
    default:
      return `${s.by}: ${words(s.kind)}.`;
  }
}

const TITLES: Record<string, string> = { request: 'Asked', approval: 'Approval', grant: 'Granted', refusal: 'Refused by the keeper', run: 'Run', erasure: 'Erased' };

export function stepTitle(s: RequestStep): string {
  if (s.kind === 'approval') return valueOf(s.fields, 'verdict') === 'approve' ? 'Approved' : 'Refused by an approver';
  return TITLES[s.kind] ?? words(s.kind);
}

export type Mood = 'ok' | 'bad' | 'neutral';

export function mood(s: RequestStep): Mood {
  if (s.kind === 'refusal') return 'bad';
  if (s.kind === 'approval') return valueOf(s.fields, 'verdict') === 'approve' ? 'ok' : 'bad';
  if (s.kind === 'run') return valueOf(s.fields, 'outcome') === 'done' ? 'ok' : 'bad';
  return s.kind === 'grant' || s.kind === 'erasure' ? 'ok' : 'neutral';
}
