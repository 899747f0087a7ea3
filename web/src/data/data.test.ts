// SPDX-License-Identifier: Apache-2.0
// Users' data: receipts and runs, relocations, visits, stories, the map.
import { describe, expect, it } from 'vitest';
import { matchReceipts, parseTag, tagOf, type RunRow } from './accesses';
import { labelsOf, marksOf, viewOf, worldView } from './layout';
import { checkBelongs, compareTotals } from './moves';
import { asked, codeWords, mood, stepTitle, told } from './story';
import type { DataRequest, RequestStep } from '../lib/types-data';
import type { Visit } from '../lib/types-source';
import { be64, compare, concat, digest, digestText, hex, utf8 } from '../lib/verify/bytes';
import type { LedgerDocument } from '../lib/verify/ledger';
import { leafHash, nodeHash, rootOf } from '../lib/verify/merkle';
import { checkReceipt, customerName, customersRoot } from '../lib/verify/receipt';
import { checkLine, checkVisits } from '../review/visits';
import { encodeName } from '../review/write';

const D = (s: string): string => digestText(digest(utf8(s)));

describe('accesses', () => {
  const salt = new Uint8Array(16).fill(9);
  const tags = [1, 2].map((n) => new Uint8Array(16).fill(n));
  const leaves = tags.map((tag, i) => ({ tag, bytes: concat(customerName(salt, tag), be64(BigInt(i + 5))) })).sort((a, b) => compare(a.bytes, b.bytes));
  const tree = rootOf(leaves.map((l) => leafHash(l.bytes)));
  const receipt = (i: number): Uint8Array =>
    concat(utf8('VTA1'), salt, be64(2n), tree, Uint8Array.of(1), be64(BigInt(i)), leaves[i]?.bytes ?? new Uint8Array(), Uint8Array.of(1), leafHash(leaves[1 - i]?.bytes ?? new Uint8Array()));
  const run: RunRow = { index: 7, site: 's', region: 'EU', time: null, request: null, customers: 2n, root: digestText(customersRoot(salt, 2n, tree)) };

  it('find the run of a receipt, and say which files are none', () => {
    const { of, strangers } = matchReceipts([run], [{ name: 'r', data: receipt(0) }, { name: 'x', data: utf8('hello') }]);
    expect(of.get(7)?.name).toBe('r');
    expect(strangers.map((s) => s.name)).toEqual(['x']);
    expect(matchReceipts([{ ...run, root: D('other') }], [{ name: 'r', data: receipt(0) }]).strangers[0]?.why).toMatch(/no run/);
  });

  it('are as many as the leaf says', () => {
    const mine = leaves[0];
    expect(mine).toBeDefined();
    const expected = BigInt(tags.findIndex((t) => compare(t, mine?.tag ?? t) === 0) + 5);
    expect(checkReceipt(receipt(0), mine?.tag ?? salt, 2n, customersRoot(salt, 2n, tree))).toBe(expected);
  });

  it('need a tag, or a secret and a name', () => {
    expect(parseTag(` ${'0A'.repeat(16)}\n`)).toEqual(new Uint8Array(16).fill(10));
    expect(parseTag('0a')).toBeNull();
    expect(hex(tagOf(`${'00'.repeat(32)}\n`, 'acme'))).toHaveLength(32);
    expect(() => tagOf('xyz', 'acme')).toThrow(/64/);
    expect(() => tagOf('00'.repeat(32), '')).toThrow(/name/);
  });
});

describe('a relocation', () => {
  const doc = (kind: LedgerDocument['kind'], fields: [string, string][]): LedgerDocument => ({ kind, fields, note: { text: '', bytes: new Uint8Array(), sigs: [] }, digest: digest(utf8(kind)) });
  const handed = doc('relocation', [['region', 'EU'], ['from', 'a'], ['to', 'b'], ['segments', '1'], ['records', '2'], ['bytes', '3'], ['root', D('r')]]);
  const received = (more: Record<string, string> = {}): LedgerDocument =>
    doc('receipt', Object.entries({ relocation: digestText(handed.digest), region: 'EU', from: 'a', to: 'b', segments: '1', records: '2', bytes: '3', root: D('r'), ...more }));

  it('is compared measure by measure', () => {
    expect(compareTotals(handed, received()).every((c) => c.before === c.after)).toBe(true);
    expect(compareTotals(handed, received({ records: '1' })).filter((c) => c.before !== c.after).map((c) => c.name)).toEqual(['records']);
  });

  it.each([{ relocation: D('x') }, { region: 'US' }, { to: 'c' }])('is not that of %o', (more) => {
    expect(() => checkBelongs(handed, received(more))).toThrow();
  });

  it('belongs to its receipt', () => {
    expect(() => checkBelongs(handed, received())).not.toThrow();
  });
});

describe('visits', () => {
  const make = (path: string, n: number): Visit => {
    const [time, source, blob] = [`2026-11-22T10:0${n}:00Z`, D('s'), D(path)];
    return { time, source, path, blob, leaf: `${time} ${source} ${blob} alice.example ${'0f'.repeat(16)} ${encodeName(path)}`, index: n, proof: [] };
  };
  const all = [make('a b', 0), make('c', 1)];
  const hashes = all.map((v) => leafHash(utf8(v.leaf)));
  const items = all.map((v, i) => ({ ...v, proof: [digestText(hashes[1 - i] ?? new Uint8Array())] }));
  const root = nodeHash(hashes[0] ?? new Uint8Array(), hashes[1] ?? new Uint8Array());

  it('lead to the published root', () => {
    expect(checkVisits(items, 'alice.example', root, 2n)).toBe(2);
  });

  it('do not when a line was changed, added or doubled', () => {
    const [first, second] = items as [Visit, Visit];
    expect(() => checkVisits([{ ...first, path: 'other' }], 'alice.example', root, 2n)).toThrow(/something else/);
    expect(() => checkVisits([{ ...first, leaf: first.leaf.replace('0f0f', '0e0f') }], 'alice.example', root, 2n)).toThrow(/root/);
    expect(() => checkVisits([first, { ...first }], 'alice.example', root, 2n)).toThrow(/same place/);
    expect(() => checkVisits([{ ...second, index: null, proof: null }], 'alice.example', root, 2n)).toThrow(/not in the published/);
    expect(() => checkLine(first, 'bob.example')).toThrow();
  });
});

describe('a story', () => {
  const step = (kind: string, fields: [string, string][], code: string | null = null): RequestStep => ({ kind, by: 'site', code, fields, link: { index: 1, kind, signer: null, key: '', organisation: null, time: null, statement: '' } });

  it('says what was asked', () => {
    const r = { requester: 'carol', mode: 'access', class: 'detection url', region: 'EU', from: '2026-11-01', until: '2026-11-22', purpose: 'incident-response', runs: 1, expires: '2026-11-23T10:00:00Z' } as DataRequest;
    expect(asked(r)).toBe('carol asked to read the detection and url records of region EU from 1 Nov 2026 to 22 Nov 2026, for incident response. This may be done once, until 23 Nov 2026, 10:00:00 UTC.');
  });

  it('says what came of it', () => {
    expect(told(step('approval', [['verdict', 'refuse']]))).toMatch(/refused/);
    expect(stepTitle(step('approval', [['verdict', 'approve']]))).toBe('Approved');
    expect(mood(step('refusal', [], 'veto'))).toBe('bad');
    expect(told(step('refusal', [], 'veto'))).toMatch(/an approver has refused/);
    expect(told(step('run', [['outcome', 'failed']]))).toMatch(/came to nothing/);
    expect(told(step('run', [['outcome', 'done'], ['records', '12'], ['subjects', '1'], ['customers', '2'], ['rows-out', '3'], ['result-bytes', '9'], ['rows-held-back', '1'], ['erased-blocks', '0']]))).toBe(
      'The program ran at site: it read 12 records of 1 person and 2 customers. 3 rows of result came out, 9 bytes. 1 row was held back, since too few people stood behind it.',
    );
    expect(codeWords('never-heard-of')).toBe('never heard of');
  });
});

describe('the map', () => {
  it('shows all marks', () => {
    const marks = marksOf([{ name: 'z', jurisdiction: 'CH' }, { name: 'f', jurisdiction: 'DE' }, { name: 'x', jurisdiction: 'ZZ' }, { name: 'b', jurisdiction: 'CH' }]);
    expect(marks.map((m) => m.name)).toEqual(['z', 'f', 'b']);
    for (const ratio of [2, 1.3]) {
      const v = viewOf(marks, ratio);
      expect(v.width / v.height).toBeCloseTo(ratio);
      for (const m of marks) {
        expect(m.x).toBeGreaterThan(v.x);
        expect(m.x).toBeLessThan(v.x + v.width);
        expect(m.y).toBeGreaterThan(v.y);
        expect(m.y).toBeLessThan(v.y + v.height);
      }
    }
    expect(viewOf([], 2)).toEqual(worldView(2));
  });

  it('keeps names apart', () => {
    const marks = marksOf([{ name: 'z', jurisdiction: 'CH' }, { name: 'f', jurisdiction: 'DE' }, { name: 'a', jurisdiction: 'AT' }]);
    const ys = labelsOf(marks, worldView(2), 20, 5).map((l) => l.y).sort((a, b) => a - b);
    expect((ys[1] ?? 0) - (ys[0] ?? 0)).toBeGreaterThanOrEqual(20);
    expect((ys[2] ?? 0) - (ys[1] ?? 0)).toBeGreaterThanOrEqual(20);
  });
});
