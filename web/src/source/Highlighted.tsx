// SPDX-License-Identifier: Apache-2.0
// A line with the places that were found. Ranges are in UTF-16 code units, as a script's strings are.
import type { ComponentChildren } from 'preact';
import { Name } from './Name';

const SHOWN_MAX = 300;

/** Ranges in order, within the text, none over another. */
export function ordered(ranges: readonly (readonly [number, number])[], length: number): [number, number][] {
  const result: [number, number][] = [];
  let end = 0;
  for (const [a, b] of [...ranges].sort((x, y) => x[0] - y[0])) {
    const from = Math.max(a, end);
    const to = Math.min(b, length);
    if (from >= to) continue;
    result.push([from, to]);
    end = to;
  }
  return result;
}

/** Long lines are cut so that the first find is seen. */
export function windowOf(length: number, first: number | undefined): [number, number] {
  if (length <= SHOWN_MAX) return [0, length];
  const from = Math.max(0, Math.min((first ?? 0) - 60, length - SHOWN_MAX));
  return [from, from + SHOWN_MAX];
}

export function Highlighted({ text, ranges }: { text: string; ranges: readonly (readonly [number, number])[] }) {
  const found = ordered(ranges, text.length);
  const [from, to] = windowOf(text.length, found[0]?.[0]);
  const pieces: ComponentChildren[] = [];
  let at = from;
  found.forEach(([a, b], i) => {
    if (b <= from || a >= to) return;
    const start = Math.max(a, from);
    const end = Math.min(b, to);
    if (start > at) pieces.push(<Name key={`t${i}`} code of={text.slice(at, start)} />);
    pieces.push(
      <mark key={`m${i}`}>
        <Name code of={text.slice(start, end)} />
      </mark>,
    );
    at = end;
  });
  if (at < to) pieces.push(<Name key="end" code of={text.slice(at, to)} />);
  return (
    <code class="found-text">
      {from > 0 && '…'}
      {pieces}
      {to < text.length && '…'}
    </code>
  );
}
