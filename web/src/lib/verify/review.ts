// SPDX-License-Identifier: Apache-2.0
// Review documents and lines of the record of openings: docs/formats/review.md, as src/review/doc.c,
// doc_rules.c and visit.c read them.
import { compare, concat, decimal, digestOf, equal, fail, Lines, text, timeOf, unhex, utf8 } from './bytes';
import { nameValid, NAME_MAX } from './vkey';

export const REVIEW_MAX = 1024 * 1024;
const FILES_MAX = 4096;
const SOURCES_MAX = 10_000;
const PATH_MAX = 1024;
const LINE_MAX = 0x7fffffffn;
const CODES = ['backdoor', 'vulnerability', 'provenance', 'licence', 'other'];

export interface ReviewFile {
  blob: Uint8Array;
  verdict: 'ok' | 'concern';
  /** From 1; null: the whole file. */
  lines: { from: number; to: number } | null;
  path: string;
}

interface ByReviewer {
  source: Uint8Array;
  reviewer: string;
  made: number;
  files: ReviewFile[];
}

export type ReviewDocument =
  | ({ kind: 'reading' } & ByReviewer)
  | ({ kind: 'review'; logSize: bigint; count: bigint; covered: bigint; root: Uint8Array } & ByReviewer)
  | ({ kind: 'objection'; code: string } & ByReviewer)
  | {
      kind: 'visits';
      site: string;
      day: string;
      visits: bigint;
      anonymous: bigint;
      reviewers: bigint;
      sources: { source: Uint8Array; visits: bigint }[];
      root: Uint8Array;
      made: number;
    };

/** A path that a snapshot can have. */
function pathSafe(path: string): boolean {
  return path !== '' && !/[\u0000-\u001f\u007f-\u009f\\]/.test(path) && path.split('/').every((p) => p !== '' && p !== '.' && p !== '..');
}

/** A percent-encoded path in the one way in which it can be written; null for any other. */
export function decodePath(s: string): string | null {
  if (!/^([A-Za-z0-9\-._~/]|%[0-9A-F]{2})+$/.test(s)) return null;
  const parts = s.match(/%..|[^%]/g) ?? [];
  const bytes = concat(...parts.map((p) => (p.length === 1 ? utf8(p) : (unhex(p.slice(1).toLowerCase(), 1) as Uint8Array))));
  if (parts.some((p) => p.length === 3 && /^[A-Za-z0-9\-._~/]$/.test(String.fromCharCode(Number.parseInt(p.slice(1), 16))))) return null;
  const path = bytes.length > PATH_MAX ? null : text(bytes);
  return path !== null && pathSafe(path) ? path : null;
}

function nameOk(name: string): boolean {
  return nameValid(name) && name !== '-' && utf8(name).length <= NAME_MAX;
}

/** The fields of a document, one after the other. */
class Fields {
  private held: string | null;
  constructor(private readonly lines: Lines) {
    this.held = lines.next();
  }

  /** The value of the next line, when it is of that field. */
  try(name: string): string | null {
    if (this.held === null || !this.held.startsWith(`${name} `)) return null;
    const value = this.held.slice(name.length + 1);
    this.held = this.lines.next();
    return value;
  }

  take<T>(name: string, read: (value: string) => T | null): T {
    const value = this.try(name);
    const got = value === null ? null : read(value);
    if (got === null) fail('syntax', `a review document has no line \`${name}\` where it belongs, or it has not its form`);
    return got;
  }

  end(): void {
    if (this.held !== null || !this.lines.done) fail('syntax', 'a review document goes on with something else');
  }
}

function linesOf(word: string): ReviewFile['lines'] | 'bad' {
  if (word === 'all') return null;
  const [from = '', to = '', ...more] = word.split('-');
  const a = decimal(from, LINE_MAX);
  const b = decimal(to, LINE_MAX);
  return a === null || b === null || a === 0n || a > b || more.length > 0 ? 'bad' : { from: Number(a), to: Number(b) };
}

function parseFile(value: string): ReviewFile | null {
  const [digest = '', verdict = '', word = '', encoded = '', ...more] = value.split(' ');
  const blob = digestOf(digest);
  const lines = linesOf(word);
  const path = decodePath(encoded);
  if (blob === null || lines === 'bad' || path === null || more.length > 0 || (verdict !== 'ok' && verdict !== 'concern')) return null;
  return { blob, verdict, lines, path };
}

function checkOrder(files: ReviewFile[]): void {
  files.forEach((f, i) => {
    const before = files[i - 1];
    if (before === undefined) return;
    const order = compare(utf8(before.path), utf8(f.path));
    if (order > 0 || (order === 0 && (before.lines?.from ?? 0) >= (f.lines?.from ?? 0))) fail('syntax', `file ${i + 1} is out of order or there twice: ${f.path}`);
    if (order === 0 && !equal(before.blob, f.blob)) fail('syntax', `${f.path} has two digests`);
  });
}

/** No line of a blob is spoken of twice, whichever paths it has. */
function checkOverlap(files: ReviewFile[]): void {
  const sorted = files.toSorted((a, b) => compare(a.blob, b.blob) || (a.lines?.from ?? 0) - (b.lines?.from ?? 0));
  sorted.forEach((b, i) => {
    const a = sorted[i - 1];
    if (a !== undefined && equal(a.blob, b.blob) && (a.lines === null || (b.lines?.from ?? 0) <= a.lines.to)) fail('syntax', `lines of ${a.path} are spoken of twice`);
  });
}

function takeFiles(fields: Fields): ReviewFile[] {
  const files: ReviewFile[] = [];
  for (let value = fields.try('file'); value !== null; value = fields.try('file')) {
    const file = parseFile(value);
    if (file === null) fail('syntax', `file line ${files.length + 1} is not \`file sha256:HEX VERDICT LINES PATH\``);
    if (files.length === FILES_MAX) fail('limit', `a review document has more than ${FILES_MAX} file lines`);
    files.push(file);
  }
  checkOrder(files);
  checkOverlap(files);
  return files;
}

function parseVisits(fields: Fields): ReviewDocument {
  const site = fields.take('site', (v) => (nameOk(v) ? v : null));
  const day = fields.take('day', (v) => (timeOf(`${v}T00:00:00Z`) === null ? null : v));
  const visits = fields.take('visits', decimalOf);
  const anonymous = fields.take('anonymous', decimalOf);
  const reviewers = fields.take('reviewers', decimalOf);
  const sources: { source: Uint8Array; visits: bigint }[] = [];
  for (let value = fields.try('source'); value !== null; value = fields.try('source')) {
    const [digest = '', word, count = '', ...more] = value.split(' ');
    const source = digestOf(digest);
    const n = decimal(count);
    const before = sources.at(-1);
    if (source === null || word !== 'visits' || n === null || n === 0n || more.length > 0) fail('syntax', `source line ${sources.length + 1} is not \`source sha256:HEX visits N\``);
    if (before !== undefined && compare(before.source, source) >= 0) fail('syntax', `source ${sources.length + 1} is out of order or there twice`);
    if (sources.length === SOURCES_MAX) fail('limit', `more than ${SOURCES_MAX} sources`);
    sources.push({ source, visits: n });
  }
  if (anonymous > visits || reviewers > visits - anonymous) fail('syntax', 'more visitors than visits');
  if (sources.reduce((n, s) => n + s.visits, 0n) !== visits) fail('syntax', "the sources' visits do not add up to all visits");
  const root = fields.take('root', digestOf);
  return { kind: 'visits', site, day, visits, anonymous, reviewers, sources, root, made: fields.take('made', timeOf) };
}

function decimalOf(v: string): bigint | null {
  return decimal(v);
}

function parseByReviewer(kind: 'reading' | 'review' | 'objection', fields: Fields): ReviewDocument {
  const source = fields.take('source', digestOf);
  const reviewer = fields.take('reviewer', (v) => (nameOk(v) ? v : null));
  const made = fields.take('made', timeOf);
  if (kind === 'review') {
    const logSize = fields.take('log-size', decimalOf);
    const count = fields.take('files', decimalOf);
    const covered = fields.take('covered', decimalOf);
    if (covered > count) fail('syntax', 'a review covers at most all files of its snapshot');
    return { kind, source, reviewer, made, logSize, count, covered, root: fields.take('root', digestOf), files: [] };
  }
  const code = kind === 'objection' ? fields.take('code', (v) => (CODES.includes(v) ? v : null)) : '';
  const files = takeFiles(fields);
  if (kind === 'reading') {
    if (files.length === 0) fail('syntax', `a reading names 1 to ${FILES_MAX} files`);
    return { kind, source, reviewer, made, files };
  }
  if (files.some((f) => f.verdict !== 'concern')) fail('syntax', 'a file of an objection has another verdict than concern');
  return { kind, source, reviewer, made, code, files };
}

export function parseReview(data: Uint8Array): ReviewDocument {
  if (data.length > REVIEW_MAX) fail('limit', `a review document has more than ${REVIEW_MAX} bytes`);
  const all = text(data);
  if (all === null) fail('syntax', 'a review document must be UTF-8');
  const lines = new Lines(all);
  const kind = /^vitrine\/review\/(reading|review|objection|visits)\/v1$/.exec(lines.next() ?? '')?.[1];
  if (kind === undefined) fail('syntax', 'a review document begins with `vitrine/review/`, a kind, and `/v1`');
  const fields = new Fields(lines);
  const doc = kind === 'visits' ? parseVisits(fields) : parseByReviewer(kind as 'reading' | 'review' | 'objection', fields);
  fields.end();
  return doc;
}

export interface Visit {
  time: number;
  source: Uint8Array;
  blob: Uint8Array;
  /** Null for somebody without a session. */
  reviewer: string | null;
  path: string;
}

/** A leaf of a day's record: `TIME SOURCE BLOB REVIEWER SALT PATH`; its hash is merkle.leafHash of the line. */
export function parseVisit(line: string): Visit {
  const [at = '', s = '', b = '', who = '', salt = '', encoded = '', ...more] = line.split(' ');
  const time = timeOf(at);
  const source = digestOf(s);
  const blob = digestOf(b);
  const path = decodePath(encoded);
  if (time === null || source === null || blob === null || path === null || unhex(salt, 16) === null || (who !== '-' && !nameOk(who)) || more.length > 0) {
    fail('syntax', 'a line of the record of openings is not `TIME SOURCE BLOB REVIEWER SALT PATH`');
  }
  return { time, source, blob, reviewer: who === '-' ? null : who, path };
}
