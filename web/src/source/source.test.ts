// SPDX-License-Identifier: Apache-2.0
// Differences, finds and readings as the pages lay them out.
import { describe, expect, it } from 'vitest';
import type { Hunk, Reading } from '../lib/types-source';
import { pairsOf } from './Difference';
import { readLines } from './editor-marks';
import { ordered, windowOf } from './Highlighted';

describe('a difference', () => {
  it('puts what came beside what went', () => {
    const hunk: Hunk = {
      old_start: 10,
      old_lines: 4,
      new_start: 20,
      new_lines: 3,
      lines: [
        { kind: ' ', text: 'a' },
        { kind: '-', text: 'b' },
        { kind: '-', text: 'c' },
        { kind: '+', text: 'B' },
        { kind: ' ', text: 'd' },
      ],
    };
    expect(pairsOf(hunk).map((p) => [p.old?.number ?? null, p.new?.number ?? null, p.old?.line.text, p.new?.line.text])).toEqual([
      [10, 20, 'a', 'a'],
      [11, 21, 'b', 'B'],
      [12, null, 'c', undefined],
      [13, 22, 'd', 'd'],
    ]);
  });
});

describe('finds', () => {
  it('are put in order, within the text, none over another', () => {
    expect(
      ordered(
        [
          [5, 9],
          [0, 2],
          [1, 6],
          [8, 99],
          [4, 4],
        ],
        10,
      ),
    ).toEqual([
      [0, 2],
      [2, 6],
      [6, 9],
      [9, 10],
    ]);
    expect(ordered([[-5, 3]], 2)).toEqual([[0, 2]]);
  });

  it('are seen in long lines', () => {
    expect(windowOf(200, 150)).toEqual([0, 200]);
    expect(windowOf(10_000, 5000)).toEqual([4940, 5240]);
    expect(windowOf(10_000, 9990)).toEqual([9700, 10_000]);
  });
});

describe('readings', () => {
  const by = (reviewer: string, index: number, from: number | null, to: number | null, verdict: 'ok' | 'concern' = 'ok'): Reading => ({ reviewer, organisation: reviewer, from, to, verdict, index, source: '' });

  it('cut the file into stretches', () => {
    const stretches = readLines([by('a', 1, null, null), by('b', 2, 3, 4)], 6);
    expect(stretches.map((s) => [s.from, s.to, [...s.by.keys()].join()])).toEqual([
      [1, 2, 'a'],
      [3, 4, 'a,b'],
      [5, 6, 'a'],
    ]);
  });

  it('give way to later ones of the same reviewer, whatever the order of the list', () => {
    const stretches = readLines([by('a', 9, 1, 2, 'ok'), by('a', 3, 0, 0, 'concern')], 3);
    expect(stretches.map((s) => [s.from, s.to, s.by.get('a')])).toEqual([
      [1, 2, 'ok'],
      [3, 3, 'concern'],
    ]);
  });

  it('beyond the end do no harm', () => {
    expect(readLines([by('a', 1, 5, 90)], 3)).toEqual([]);
    expect(readLines([], 3)).toEqual([]);
  });
});
