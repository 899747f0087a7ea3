// SPDX-License-Identifier: Apache-2.0
// Writing what a reviewer signs: documents, their entries, the signature line of a passkey, and the body of
// POST /review. docs/formats/review.md. Pure, so that it can be tried without a browser.
import type { Digest } from '../lib/types';
import { b64, compare, concat, digest, digestOf, digestText, timeOf, utf8 } from '../lib/verify/bytes';
import { leafHash, rootOf } from '../lib/verify/merkle';
import { nameValid, parseVkey } from '../lib/verify/vkey';
import type { Verdict } from '../lib/types-source';

export const FILES_MAX = 4096;
export const PATH_MAX = 1024;
export const DOCUMENT_MAX = 1024 * 1024;
const LINE_MAX = 0x7fffffff;

/** A file or some of its lines, with what is said of it. */
export interface FileLine {
  path: string;
  blob: Digest;
  verdict: Verdict;
  /** Both null: all of it. */
  from: number | null;
  to: number | null;
}

export const CODES = ['backdoor', 'vulnerability', 'provenance', 'licence', 'other'] as const;
export type ObjectionCode = (typeof CODES)[number];

/** What cannot be written; the message is for the person who signs. */
export class WriteError extends Error {
  override name = 'WriteError';
}

export function sha256Digest(data: Uint8Array): Digest {
  return digestText(digest(data));
}

/** Letters, digits and `-._~/` stand for themselves, every other byte of UTF-8 as `%XX`. */
export function encodeName(path: string): string {
  let text = '';
  for (const b of utf8(path)) {
    const c = String.fromCharCode(b);
    text += /[A-Za-z0-9\-._~/]/.test(c) ? c : `%${b.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** By path (its bytes), then by first line: the one order that a document has. */
export function inOrder(files: readonly FileLine[]): FileLine[] {
  const keyed = files.map((f) => ({ f, key: utf8(f.path) }));
  keyed.sort((a, b) => compare(a.key, b.key) || (a.f.from ?? 0) - (b.f.from ?? 0));
  return keyed.map((k) => k.f);
}

function checkDigest(d: string): void {
  if (digestOf(d) === null) throw new WriteError(`This is no digest: ${d}`);
}

/** As src/base/file.h has it: what a path in a snapshot can be. */
function pathOk(path: string): boolean {
  const length = utf8(path).length;
  // eslint-disable-next-line no-control-regex
  if (length === 0 || length > PATH_MAX || !path.isWellFormed() || /[\u0000-\u001f\u007f\\]/.test(path)) return false;
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function checkFile(f: FileLine): void {
  if (!pathOk(f.path)) throw new WriteError(`A document cannot name the path ${f.path}.`);
  checkDigest(f.blob);
  if ((f.from === null) !== (f.to === null)) throw new WriteError(`The lines of ${f.path} have no end.`);
  if (f.from === null || f.to === null) return;
  const good = Number.isInteger(f.from) && Number.isInteger(f.to) && f.from >= 1 && f.from <= f.to && f.to <= LINE_MAX;
  if (!good) throw new WriteError(`Lines ${f.from} to ${f.to} of ${f.path} are no range.`);
}

/** No line of a blob is spoken of twice, whichever paths it has. */
function checkOverlap(files: readonly FileLine[]): void {
  const sorted = [...files].sort((a, b) => (a.blob < b.blob ? -1 : a.blob > b.blob ? 1 : (a.from ?? 0) - (b.from ?? 0)));
  sorted.forEach((b, i) => {
    const a = sorted[i - 1];
    if (a === undefined || a.blob !== b.blob || (a.to !== null && b.from !== null && b.from > a.to)) return;
    const where = a.path === b.path ? a.path : `${a.path} (which ${b.path} has too)`;
    throw new WriteError(`Lines of ${where} are there twice. Take one of the two out.`);
  });
  const blobs = new Map<string, string>();
  for (const f of files) {
    if ((blobs.get(f.path) ?? f.blob) !== f.blob) throw new WriteError(`${f.path} is there twice with different contents.`);
    blobs.set(f.path, f.blob);
  }
}

/**
 * Leaves out what another file with the same contents says already: a reading speaks of contents, so one
 * line is enough.
 */
export function withoutTwins(files: readonly FileLine[]): FileLine[] {
  const seen = new Set<string>();
  return inOrder(files).filter((f) => {
    const what = `${f.blob} ${f.verdict} ${f.from} ${f.to}`;
    return !seen.has(what) && seen.add(what) !== undefined;
  });
}

function fileLines(files: readonly FileLine[], least: number): string {
  if (files.length < least) throw new WriteError('Choose at least one file.');
  if (files.length > FILES_MAX) throw new WriteError(`One document has room for ${FILES_MAX} files. Sign in several.`);
  files.forEach(checkFile);
  checkOverlap(files);
  return inOrder(files)
    .map((f) => `file ${f.blob} ${f.verdict} ${f.from === null ? 'all' : `${f.from}-${f.to}`} ${encodeName(f.path)}\n`)
    .join('');
}

/** What all documents of reviewers say. `made`: `2026-11-22T10:00:00Z`. */
export interface Head {
  source: Digest;
  reviewer: string;
  made: string;
}

function head(kind: string, h: Head): string {
  checkDigest(h.source);
  if (timeOf(h.made) === null) throw new WriteError(`This is no time: ${h.made}`);
  if (!nameValid(h.reviewer)) throw new WriteError(`This is no name of a key: ${h.reviewer}`);
  return `vitrine/review/${kind}/v1\nsource ${h.source}\nreviewer ${h.reviewer}\nmade ${h.made}\n`;
}

function bounded(text: string): string {
  if (utf8(text).length > DOCUMENT_MAX) throw new WriteError('This is more than one document can hold. Sign in several.');
  return text;
}

export function readingDocument(h: Head, files: readonly FileLine[]): string {
  return bounded(head('reading', h) + fileLines(files, 1));
}

export interface Covered {
  logSize: number;
  files: number;
  covered: number;
  root: Digest;
}

export function reviewDocument(h: Head, c: Covered): string {
  checkDigest(c.root);
  return `${head('review', h)}log-size ${c.logSize}\nfiles ${c.files}\ncovered ${c.covered}\nroot ${c.root}\n`;
}

export function objectionDocument(h: Head, code: ObjectionCode, files: readonly FileLine[]): string {
  if (files.some((f) => f.verdict !== 'concern')) throw new WriteError('An objection names files with concerns only.');
  return bounded(`${head('objection', h)}code ${code}\n${fileLines(files, 0)}`);
}

export type ReviewKind = 'reading' | 'review' | 'objection';

/** The entry's text: what the passkey signs. */
export function entryText(kind: ReviewKind, source: Digest, document: string): string {
  return `vitrine/entry/v1\nkind ${kind}\nsubject source ${source}\nstatement ${sha256Digest(utf8(document))}\n`;
}

/** SHA-256 of the entry's text: the challenge that the authenticator is given. */
export function challengeOf(text: string): Uint8Array {
  return digest(utf8(text));
}

/** The root that a `review` names: RFC 6962 over the covered blobs' digests, sorted, each once. */
export function coveredRoot(blobs: readonly Digest[]): { root: Digest; count: number } {
  const sorted = [...new Set(blobs)].sort();
  const leaves = sorted.map((d) => {
    const leaf = digestOf(d);
    if (leaf === null) throw new WriteError(`This is no digest: ${d}`);
    return leafHash(leaf);
  });
  return { root: digestText(rootOf(leaves)), count: sorted.length };
}

// The signature

/** What an authenticator gives back. */
export interface Assertion {
  authenticatorData: Uint8Array;
  clientDataJSON: Uint8Array;
  signature: Uint8Array;
}

function u16(n: number): Uint8Array {
  return Uint8Array.of(n >> 8, n & 255);
}

/** The note: text, an empty line, and the one signature line of a passkey. */
export function signedEntry(text: string, vkey: string, a: Assertion): string {
  if (a.authenticatorData.length < 37 || a.authenticatorData.length > 512) throw new WriteError('The passkey’s data have a length that cannot be logged.');
  if (a.clientDataJSON.length > 1024) throw new WriteError('The browser’s data are longer than can be logged.');
  const { name, id, type } = parseVkey(vkey);
  if (type !== 0xff) throw new WriteError('The account’s key is not a passkey.');
  const signature = concat(id, u16(a.authenticatorData.length), a.authenticatorData, u16(a.clientDataJSON.length), a.clientDataJSON, a.signature);
  return `${text}\n— ${name} ${b64(signature)}\n`;
}

/** The body of POST /review: the document's length in four bytes, the document, the entry. */
export function reviewBody(document: string, entry: string): Uint8Array<ArrayBuffer> {
  const d = utf8(document);
  const e = utf8(entry);
  const body = new Uint8Array(4 + d.length + e.length);
  new DataView(body.buffer).setUint32(0, d.length);
  body.set(d, 4);
  body.set(e, 4 + d.length);
  return body;
}

/** Now, to the second. */
export function madeNow(now = new Date()): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}
