// SPDX-License-Identifier: Apache-2.0
// The difference of two versions of a file: two columns where there is room, one below the other where there
// is not. Which lines came and went is said in words, too.
import { count } from '../lib/format';
import type { FileDiff, Hunk, HunkLine } from '../lib/types-source';
import { sourceHref } from './address';
import { Name } from './Name';

export interface Cell {
  number: number;
  line: HunkLine;
}

/** A row of the two columns: what was there, what is there now. */
export interface Pair {
  old: Cell | null;
  new: Cell | null;
}

/** Lines that went stand beside the lines that came in their place. */
export function pairsOf(h: Hunk): Pair[] {
  const pairs: Pair[] = [];
  let a = h.old_start;
  let b = h.new_start;
  let gone: Cell[] = [];
  let come: Cell[] = [];
  const flush = (): void => {
    for (let i = 0; i < Math.max(gone.length, come.length); i++) pairs.push({ old: gone[i] ?? null, new: come[i] ?? null });
    gone = [];
    come = [];
  };
  for (const line of h.lines) {
    if (line.kind === '-') gone.push({ number: a++, line });
    else if (line.kind === '+') come.push({ number: b++, line });
    else {
      flush();
      pairs.push({ old: { number: a++, line }, new: { number: b++, line } });
    }
  }
  flush();
  return pairs;
}

function linesWords(start: number, lines: number): string {
  return lines === 1 ? `line ${count(start)}` : `lines ${count(start)} to ${count(start + lines - 1)}`;
}

/** "lines 22 to 28 became lines 22 to 30". */
export function hunkWords(h: Hunk): string {
  if (h.new_lines === 0) return `${linesWords(h.old_start, h.old_lines)} removed`;
  if (h.old_lines === 0) return `${linesWords(h.new_start, h.new_lines)} added`;
  return `${linesWords(h.old_start, h.old_lines)} became ${linesWords(h.new_start, h.new_lines)}`;
}

const WORDS = { '-': 'removed: ', '+': 'added: ', ' ': '' } as const;

function Line({ cell, side, href }: { cell: Cell | null; side: 'old' | 'new'; href: (n: number) => string }) {
  if (cell === null) return <td class={`diff-none ${side}`} colSpan={2} />;
  const kind = cell.line.kind;
  const look = kind === '-' ? 'gone' : kind === '+' ? 'come' : '';
  return (
    <>
      <td class={`diff-number ${look} ${side}`}>
        <a href={href(cell.number)} aria-label={`${side} line ${cell.number}`}>
          {cell.number}
        </a>
      </td>
      <td class={`diff-line ${look} ${side}`}>
        <span class="diff-sign" aria-hidden="true">
          {kind}
        </span>
        {WORDS[kind] !== '' && <span class="offscreen">{WORDS[kind]}</span>}
        <code>
          <Name code of={cell.line.text} />
        </code>
      </td>
    </>
  );
}

function Rows({ h, oldHref, newHref }: { h: Hunk; oldHref: (n: number) => string; newHref: (n: number) => string }) {
  return (
    <>
      {pairsOf(h).map((p, i) => {
        const same = p.old !== null && p.new !== null && p.old.line.kind === ' ';
        return (
          <tr key={i} class={same ? 'same' : 'differs'}>
            <Line cell={p.old} side="old" href={oldHref} />
            <Line cell={p.new} side="new" href={newHref} />
          </tr>
        );
      })}
    </>
  );
}

/** Both may be null: a file that is there on one side only has no address on the other. */
export function Difference({ diff, from, to }: { diff: FileDiff; from: string; to: string }) {
  if (diff.binary) return <p class="empty">This file is binary: its two versions differ, but not in lines.</p>;
  if (diff.hunks.length === 0) return <p class="empty">Both versions are the same.</p>;
  const oldHref = (n: number): string => sourceHref(from, diff.path, { from: n, to: n });
  const newHref = (n: number): string => sourceHref(to, diff.path, { from: n, to: n });
  return (
    <div class="scroll diff" role="region" aria-label="Difference" tabIndex={0}>
      <table>
        <caption class="offscreen">What changed, older version first</caption>
        <colgroup>
          <col class="col-number" />
          <col />
          <col class="col-number" />
          <col />
        </colgroup>
        <thead>
          <tr>
            <th scope="col" colSpan={2}>
              Before
            </th>
            <th scope="col" colSpan={2}>
              After
            </th>
          </tr>
        </thead>
        {diff.hunks.map((h, i) => (
          <tbody key={i}>
            <tr class="hunk">
              <th colSpan={4} scope="rowgroup">
                {hunkWords(h)}
              </th>
            </tr>
            <Rows h={h} oldHref={oldHref} newHref={newHref} />
          </tbody>
        ))}
      </table>
    </div>
  );
}
