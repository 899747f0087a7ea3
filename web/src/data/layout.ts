// SPDX-License-Identifier: Apache-2.0
// Where marks and names stand on the map. Pure.
import { HEIGHT, PLACES, TOP, WIDTH } from './world';

export interface Mark {
  name: string;
  jurisdiction: string;
  x: number;
  y: number;
}

export interface View {
  x: number;
  y: number;
  width: number;
  height: number;
}

const VIEW_MIN = 230;
const SPREAD = 7;

/** Sites of countries that the map knows; several of one country stand beside each other. */
export function marksOf(sites: readonly { name: string; jurisdiction: string }[]): Mark[] {
  const used = new Map<string, number>();
  return sites.flatMap((s) => {
    const at = PLACES[s.jurisdiction];
    if (at === undefined) return [];
    const n = used.get(s.jurisdiction) ?? 0;
    used.set(s.jurisdiction, n + 1);
    const turn = (n * 2 * Math.PI) / 5;
    const off = n === 0 ? 0 : SPREAD;
    return [{ ...s, x: at[0] + off * Math.cos(turn), y: at[1] + off * Math.sin(turn) }];
  });
}

/** The same middle, widened or heightened until width to height is `ratio`. */
function shaped(v: View, ratio: number): View {
  const width = Math.max(v.width, v.height * ratio);
  const height = width / ratio;
  return { x: v.x + (v.width - width) / 2, y: v.y + (v.height - height) / 2, width, height };
}

export function worldView(ratio: number): View {
  return shaped({ x: 0, y: TOP, width: WIDTH, height: HEIGHT }, ratio);
}

/** The part of the map that shows all marks, never less than a subcontinent. */
export function viewOf(marks: readonly Mark[], ratio: number): View {
  if (marks.length === 0) return worldView(ratio);
  const xs = marks.map((m) => m.x);
  const ys = marks.map((m) => m.y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const width = Math.max(VIEW_MIN, 1.7 * (right - left), ratio * 1.7 * (bottom - top));
  const height = width / ratio;
  if (width >= WIDTH) return worldView(ratio);
  const x = Math.max(0, Math.min(WIDTH - width, (left + right) / 2 - width / 2));
  const y = height >= HEIGHT ? TOP + (HEIGHT - height) / 2 : Math.max(TOP, Math.min(TOP + HEIGHT - height, (top + bottom) / 2 - height / 2));
  return { x, y, width, height };
}

export interface Label {
  mark: Mark;
  x: number;
  y: number;
  end: boolean;
}

/** Names beside their marks, pushed down where they would stand over one another. `line`: their height;
 * `gap`: from mark to name. */
export function labelsOf(marks: readonly Mark[], view: View, line: number, gap: number): Label[] {
  const placed: Label[] = [];
  for (const mark of [...marks].sort((a, b) => a.y - b.y)) {
    const end = mark.x > view.x + view.width * 0.62;
    let y = mark.y;
    for (const other of placed) {
      if (other.end === end && Math.abs(other.mark.x - mark.x) < view.width / 2 && y - other.y < line) y = other.y + line;
    }
    placed.push({ mark, x: mark.x + (end ? -1 : 1) * gap, y, end });
  }
  return placed;
}
