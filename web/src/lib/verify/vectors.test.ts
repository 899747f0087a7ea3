// SPDX-License-Identifier: Apache-2.0
// The vectors that the C code is held to: passkeys, passports with reviews, and the documents on the
// pages of docs/formats.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { digestOf, fromLatin1, utf8, VerifyError } from './bytes';
import { parseEntry, verifyEntry } from './entry';
import { parseDocument } from './ledger';
import { parseNote, verifyNote } from './note';
import { checkPassport } from './passport_check';
import { decodePath, parseReview, parseVisit } from './review';
import { parseVkey } from './vkey';

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../../../${path}`, import.meta.url)), 'utf8');
}

function vectors<T>(path: string): T {
  return JSON.parse(read(`tests/vectors/${path}`)) as T;
}

/** What an error is called in the vectors. */
function outcome(run: () => void): string {
  try {
    run();
    return 'ok';
  } catch (e) {
    if (!(e instanceof VerifyError)) throw e;
    return e.code === 'unknown' ? 'unknown' : 'refused';
  }
}

describe('passkeys', () => {
  const { vkey, cases } = vectors<{ vkey: string; cases: { name: string; note: string; result: string }[] }>('passkey/assertions.json');
  test.each(cases)('assertion: $name', ({ note, result }) => {
    expect(outcome(() => verifyNote(parseNote(utf8(note)), parseVkey(vkey)))).toBe(result);
  });

  test.each(vectors<{ cases: { name: string; vkey: string; good: boolean }[] }>('passkey/vkeys.json').cases)('vkey: $name', ({ vkey: word, good }) => {
    expect(outcome(() => void parseVkey(word))).toBe(good ? 'ok' : 'refused');
  });

  test.each(vectors<{ cases: { name: string; entry: string; vkey: string; result: string }[] }>('passkey/entries.json').cases)('entry: $name', ({ entry, vkey: word, result }) => {
    const { entry: e, note } = parseEntry(utf8(entry));
    expect(outcome(() => verifyEntry(e, note, parseVkey(word)))).toBe(result);
  });

  test('every byte of an assertion changed is noticed', { timeout: 300_000 }, async () => {
    const note = utf8((cases[0] as (typeof cases)[number]).note);
    for (let i = 0; i < note.length; i++) {
      if (i % 32 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      const changed = note.slice();
      changed[i] = (changed[i] as number) ^ 1;
      expect(outcome(() => verifyNote(parseNote(changed), parseVkey(vkey))), `byte ${i}`).not.toBe('ok');
    }
  });
});

describe('passports with reviews', () => {
  const { artifact, cases } = vectors<{ artifact: string; cases: { name: string; policy: string; passport: string; result: string; says: string }[] }>('passport/reviews.json');
  test.each(cases)('$name', ({ policy, passport, result, says }) => {
    const r = checkPassport(utf8(passport), utf8(policy), digestOf(artifact));
    expect(r.ok).toBe(result === 'ok');
    expect(r.failure ?? '').toContain(says);
    const states = r.steps.map((s) => s.state);
    expect(states.filter((s) => s === 'bad').length).toBe(result === 'ok' ? 0 : 1);
    if (result !== 'ok') expect(states.slice(states.indexOf('bad') + 1).every((s) => s === 'waiting')).toBe(true);
  });
});

/** The indented blocks of a page that begin with a line. */
function indented(page: string, start: string): string[] {
  return [...read(`docs/formats/${page}`).matchAll(/((?:^ {4}.*\n|^\n(?= {4}))+)/gm)].map((m) => (m[1] as string).replaceAll(/^ {4}/gm, '').replace(/^\n+/, '')).filter((b) => b.startsWith(start));
}

describe('ledger documents', () => {
  const [request = ''] = indented('ledger-document.md', 'vitrine/vault/request/v1');
  const [policy = ''] = indented('vault-policy.md', 'vitrine/vault/policy/v1');

  test('of the pages are read', () => {
    const doc = parseDocument(utf8(request));
    expect(doc.kind).toBe('request');
    expect(doc.fields[0]).toEqual(['id', '01020300000000000000000000000000']);
    expect(doc.note.sigs[0]?.name).toBe('carol.example');
    expect(parseDocument(utf8(policy)).kind).toBe('policy');
  });

  test('of another form are refused', () => {
    const refused = (change: (t: string) => string) => {
      expect(change(request)).not.toBe(request);
      expect(() => parseDocument(utf8(change(request)))).toThrow(VerifyError);
    };
    refused((t) => t.replace('vault/request', 'vault/wish'));
    refused((t) => t.replace('vault/request', 'vault/toString'));
    refused((t) => t.replace('mode access\n', ''));
    refused((t) => t.replace('mode access\n', 'mode access\nmode access\n'));
    refused((t) => t.replace(/^(id .*)\n(mode .*)$/m, '$2\n$1'));
    refused((t) => t.replace('runs 1', 'runs 01'));
    refused((t) => t.replace('runs 1', `runs ${1n << 63n}`));
    refused((t) => t.replace('region EU', 'region eu'));
    refused((t) => t.replace('from 2026-11-01', 'from 2026-11-31'));
    refused((t) => t.replace('T10:00:00Z', 'T25:00:00Z'));
    refused((t) => t.replace('age1evd', 'age1evq'));
    refused((t) => t.replace('purpose incident-response', 'purpose incident response'));
    refused((t) => t.replace('requester carol', 'requester  carol'));
    refused((t) => t.replace('made ', 'note hello\nmade '));
  });
});

const HEX = 'a'.repeat(64);

describe('review documents', () => {
  const documents = indented('review.md', 'vitrine/review/').map((b) => b.replaceAll('sha256:HEX', `sha256:${HEX}`));
  const [reading = '', review = '', objection = '', visits = ''] = documents;
  const file = (path: string, lines = 'all', verdict = 'ok', blob = HEX) => `file sha256:${blob} ${verdict} ${lines} ${path}\n`;
  const head = reading.slice(0, reading.indexOf('file '));
  const of = (...files: string[]) => () => parseReview(utf8(head + files.join('')));

  test('of the page are read', () => {
    expect(documents.length).toBe(4);
    expect(parseReview(utf8(review))).toMatchObject({ kind: 'review', logSize: 12n, count: 30n, covered: 30n });
    expect(parseReview(utf8(objection))).toMatchObject({ kind: 'objection', code: 'backdoor' });
    // The page's digests are all the same here, so the other two need differing ones.
    const two = reading.replace(/sha256:a+ concern/, `sha256:${'b'.repeat(64)} concern`);
    expect(parseReview(utf8(two))).toMatchObject({ kind: 'reading', reviewer: 'alice.example', files: [{ path: 'src/main.c' }, { path: 'src/read me.c', lines: { from: 10, to: 42 } }] });
    const sources = visits.replace(/sha256:a+ visits 30/, `sha256:${'b'.repeat(64)} visits 30`);
    expect(parseReview(utf8(sources))).toMatchObject({ kind: 'visits', visits: 120n, anonymous: 100n });
  });

  test('of another form are refused', () => {
    expect(of(file('a'), file('b', 'all', 'ok', 'b'.repeat(64)))).not.toThrow();
    expect(of(file('a', '1-5'), file('a', '6-9', 'concern'))).not.toThrow();
    for (const bad of [
      of(),
      of(file('b'), file('a', 'all', 'ok', 'b'.repeat(64))),
      of(file('a'), file('a')),
      of(file('a'), file('b')),
      of(file('a', '1-5'), file('a', '5-9')),
      of(file('a', '0-5')),
      of(file('a', '6-5')),
      of(file('a', '1-2147483648')),
      of(file('a', '1')),
      of(file('a', 'all', 'fine')),
      of(file('../a')),
      of(file('a//b')),
      of(file('/a')),
      of(file('a%2fb')),
      of(file('%61')),
      of(file('a%00')),
      of(file('%ff')),
      of(`${file('a').trimEnd()} b\n`),
      of(file('a').trimEnd()),
      of(file('a'), '\n'),
    ]) {
      expect(bad).toThrow(VerifyError);
    }
    expect(() => parseReview(utf8(review.replace('covered 30', 'covered 31')))).toThrow(VerifyError);
    expect(() => parseReview(utf8(objection.replace('backdoor', 'ugly')))).toThrow(VerifyError);
    expect(() => parseReview(utf8(objection.replace('concern', 'ok')))).toThrow(VerifyError);
    expect(() => parseReview(utf8(visits))).toThrow('out of order');
  });

  test('paths and visits', () => {
    expect(decodePath('src/read%20me.c')).toBe('src/read me.c');
    expect(decodePath('%C3%A9')).toBe('\u00e9');
    expect(decodePath('%c3%a9')).toBeNull();
    const line = `2026-11-22T10:00:00Z sha256:${HEX} sha256:${HEX} - ${'0'.repeat(32)} src/main.c`;
    expect(parseVisit(line)).toMatchObject({ reviewer: null, path: 'src/main.c' });
    expect(() => parseVisit(`${line} more`)).toThrow(VerifyError);
    expect(() => parseVisit(line.replace('0'.repeat(32), '0'.repeat(31)))).toThrow(VerifyError);
  });
});

test('bytes that are no UTF-8 are no key name', () => {
  const word = 'developer.zurich.example+abcd2bc7+AcqTrBcFGHBx1nuDx/8O/oEI6OxFMFdddyaHkzPb2r58';
  expect(parseVkey(word).name).toBe('developer.zurich.example');
  const bytes = fromLatin1(word);
  bytes[0] = 0xff;
  expect(() => parseVkey(String.fromCharCode(...bytes))).toThrow(VerifyError);
});
