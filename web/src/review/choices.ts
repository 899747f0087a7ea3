// SPDX-License-Identifier: Apache-2.0
// What the reviewer has marked as read and not signed yet: kept in this browser, for each snapshot.
import { signal } from '@preact/signals';
import { keep, kept } from '../lib/store';
import type { Digest } from '../lib/types';
import type { FileLine } from './write';
import { FILES_MAX } from './write';

export type Choices = Record<Digest, FileLine[]>;

const KEY = 'sign-off';

function isFileLine(v: unknown): v is FileLine {
  if (typeof v !== 'object' || v === null) return false;
  const f = v as Record<string, unknown>;
  const range = (f['from'] === null && f['to'] === null) || (Number.isInteger(f['from']) && Number.isInteger(f['to']));
  return typeof f['path'] === 'string' && typeof f['blob'] === 'string' && (f['verdict'] === 'ok' || f['verdict'] === 'concern') && range;
}

function stored(): Choices {
  const result: Choices = {};
  try {
    const all: unknown = JSON.parse(kept(KEY) ?? '{}');
    for (const [source, files] of Object.entries(all as Record<string, unknown>)) {
      if (/^sha256:[0-9a-f]{64}$/.test(source) && Array.isArray(files)) result[source] = files.filter(isFileLine).slice(0, FILES_MAX);
    }
  } catch {
    // not ours: begin anew
  }
  return result;
}

export const choices = signal<Choices>(stored());

export function chosenOf(source: Digest): FileLine[] {
  return choices.value[source] ?? [];
}

function put(source: Digest, files: FileLine[]): void {
  const all = { ...choices.value };
  if (files.length === 0) delete all[source];
  else all[source] = files;
  choices.value = all;
  keep(KEY, Object.keys(all).length === 0 ? null : JSON.stringify(all));
}

function overlaps(a: FileLine, b: FileLine): boolean {
  if (a.path !== b.path) return false;
  if (a.from === null || a.to === null || b.from === null || b.to === null) return true;
  return a.from <= b.to && b.from <= a.to;
}

/** Adds; what it overlaps of the same file is replaced. */
export function choose(source: Digest, ...more: FileLine[]): void {
  let files = chosenOf(source);
  for (const f of more) files = [...files.filter((g) => !overlaps(f, g)), f];
  put(source, files.slice(0, FILES_MAX));
}

export function unchoose(source: Digest, file: FileLine): void {
  put(
    source,
    chosenOf(source).filter((f) => !(f.path === file.path && f.from === file.from && f.to === file.to)),
  );
}

export function clearChoices(source: Digest): void {
  put(source, []);
}
