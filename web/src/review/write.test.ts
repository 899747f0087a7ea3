// SPDX-License-Identifier: Apache-2.0
// What a reviewer signs, with an authenticator made of software, through the verifier that everybody uses.
import { p256 } from '@noble/curves/nist';
import { describe, expect, it } from 'vitest';
import { b64, b64url, concat, digest, hex, utf8 } from '../lib/verify/bytes';
import { parseEntry } from '../lib/verify/entry';
import { parseNote, verifyNote } from '../lib/verify/note';
import { keyBytes, keyId, parseVkey } from '../lib/verify/vkey';
import {
  challengeOf,
  coveredRoot,
  encodeName,
  entryText,
  madeNow,
  objectionDocument,
  readingDocument,
  reviewBody,
  reviewDocument,
  sha256Digest,
  signedEntry,
  withoutTwins,
  type Assertion,
  type FileLine,
} from './write';

const SOURCE = `sha256:${'ab'.repeat(32)}`;
const A = `sha256:${'01'.repeat(32)}`;
const B = `sha256:${'02'.repeat(32)}`;
const HEAD = { source: SOURCE, reviewer: 'alice.example', made: '2026-11-22T10:00:00Z' };
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

function whole(path: string, blob = A): FileLine {
  return { path, blob, verdict: 'ok', from: null, to: null };
}

function lines(path: string, from: number, to: number, blob = A): FileLine {
  return { path, blob, verdict: 'concern', from, to };
}

function vkeyOf(name: string, rp = 'localhost'): string {
  const key = { type: 0xff as const, rp: digest(utf8(rp)), key: p256.getPublicKey(SECRET, true) };
  const bytes = keyBytes(key);
  return `${name}+${hex(keyId(name, bytes))}+${b64(bytes)}`;
}

/** What a passkey does: user present and verified, counter 1. */
function authenticate(challenge: Uint8Array, flags = 0x05, rp = 'localhost'): Assertion {
  const clientDataJSON = utf8(`{"type":"webauthn.get","challenge":"${b64url(challenge)}","origin":"http://localhost:8700","crossOrigin":false}`);
  const authenticatorData = concat(digest(utf8(rp)), Uint8Array.of(flags, 0, 0, 0, 1));
  const signature = p256.sign(digest(authenticatorData, digest(clientDataJSON)), SECRET, { prehash: false, lowS: false }).toBytes('der');
  return { authenticatorData, clientDataJSON, signature };
}

describe('documents', () => {
  it('has one way to write a reading', () => {
    const text = readingDocument(HEAD, [whole('src/main.c'), lines('src/read me.c', 10, 42, B)]);
    expect(text).toBe(
      `vitrine/review/reading/v1\nsource ${SOURCE}\nreviewer alice.example\nmade 2026-11-22T10:00:00Z\nfile ${A} ok all src/main.c\nfile ${B} concern 10-42 src/read%20me.c\n`,
    );
  });

  it('puts paths in the order of their bytes, then lines', () => {
    const text = readingDocument(HEAD, [lines('b', 20, 30), lines('b', 1, 9), whole('Z', B), whole('a~', `sha256:${'03'.repeat(32)}`), whole('é', `sha256:${'04'.repeat(32)}`)]);
    expect([...text.matchAll(/(\S+) (\S+)\n/g)].slice(-5).map((m) => `${m[1]} ${m[2]}`)).toEqual(['all Z', 'all a~', '1-9 b', '20-30 b', 'all %C3%A9']);
  });

  it('encodes what a line cannot hold', () => {
    expect(encodeName('a b/<img onerror>%\u202e')).toBe('a%20b/%3Cimg%20onerror%3E%25%E2%80%AE');
  });

  it.each([
    ['nothing', []],
    ['a line twice', [lines('a', 1, 10), lines('a', 10, 12)]],
    ['a file beside its own lines', [whole('a'), lines('a', 1, 2)]],
    ['the same contents under two paths', [lines('a', 1, 2), lines('b', 2, 3)]],
    ['two contents of one path', [lines('a', 1, 2, A), lines('a', 3, 4, B)]],
    ['a path that climbs', [whole('a/../b')]],
    ['an absolute path', [whole('/a')]],
    ['half a character', [whole('\ud800')]],
    ['a control character', [whole('a\nb')]],
    ['line 0', [lines('a', 0, 2)]],
    ['lines that end before they begin', [lines('a', 3, 2)]],
    ['a digest that is none', [whole('a', 'sha256:AB')]],
  ])('refuses %s', (_, files) => {
    expect(() => readingDocument(HEAD, files)).toThrow();
  });

  it('leaves twins out, since a reading speaks of contents', () => {
    expect(withoutTwins([whole('b'), whole('a'), whole('c', B)]).map((f) => f.path)).toEqual(['a', 'c']);
  });

  it('refuses a time and a name that are none', () => {
    expect(() => readingDocument({ ...HEAD, made: '2026-02-30T00:00:00Z' }, [whole('a')])).toThrow();
    expect(() => readingDocument({ ...HEAD, reviewer: 'al ice' }, [whole('a')])).toThrow();
    expect(madeNow(new Date('2026-11-22T10:00:00.999Z'))).toBe('2026-11-22T10:00:00Z');
  });

  it('writes reviews and objections', () => {
    expect(reviewDocument(HEAD, { logSize: 12, files: 30, covered: 30, root: A })).toMatch(/\nmade \S+\nlog-size 12\nfiles 30\ncovered 30\nroot sha256:(01){32}\n$/);
    expect(objectionDocument(HEAD, 'backdoor', [])).toMatch(/\ncode backdoor\n$/);
    expect(objectionDocument(HEAD, 'other', [lines('a', 1, 2)])).toMatch(/\nfile sha256:\S+ concern 1-2 a\n$/);
    expect(() => objectionDocument(HEAD, 'other', [whole('a')])).toThrow();
  });

  it('hashes covered blobs sorted, each once', () => {
    const leaf = (n: number): Uint8Array => digest(Uint8Array.of(0), new Uint8Array(32).fill(n));
    const root = hex(digest(Uint8Array.of(1), leaf(1), leaf(2)));
    expect(coveredRoot([B, A, B])).toEqual({ root: `sha256:${root}`, count: 2 });
    expect(coveredRoot([]).root).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('signatures', () => {
  const document = readingDocument(HEAD, [whole('src/main.c')]);
  const text = entryText('reading', SOURCE, document);
  const vkey = vkeyOf('alice.example');

  it('are accepted by the verifier', () => {
    const entry = utf8(signedEntry(text, vkey, authenticate(challengeOf(text))));
    const parsed = parseEntry(entry);
    expect(() => verifyNote(parsed.note, parseVkey(vkey))).not.toThrow();
    expect(parsed.entry.kind).toBe('reading');
    expect(`sha256:${hex(parsed.entry.statement)}`).toBe(sha256Digest(utf8(document)));
  });

  it.each([
    ['another text', authenticate(challengeOf(`${text}x`))],
    ['a user that was not verified', authenticate(challengeOf(text), 0x01)],
    ['another site', authenticate(challengeOf(text), 0x05, 'evil.example')],
  ])('of %s are not', (_, assertion) => {
    const note = parseNote(utf8(signedEntry(text, vkey, assertion)));
    expect(() => verifyNote(note, parseVkey(vkey))).toThrow(/does not verify/);
  });

  it('are not made with another sort of key', () => {
    const ed = `alice.example+${hex(keyId('alice.example', concat(Uint8Array.of(1), new Uint8Array(32))))}+${b64(concat(Uint8Array.of(1), new Uint8Array(32)))}`;
    expect(() => signedEntry(text, ed, authenticate(challengeOf(text)))).toThrow(/passkey/);
  });

  it('are sent behind the length of the document', () => {
    const body = reviewBody('é', 'abc');
    expect([...body]).toEqual([0, 0, 0, 2, 0xc3, 0xa9, 97, 98, 99]);
  });
});
