// SPDX-License-Identifier: Apache-2.0
// What stands beside and in the lines of the code view: who read them, comments, the lines that the
// address names, characters that hide.
import { RangeSet, StateEffect, StateField, type EditorState, type Range } from '@codemirror/state';
import { Decoration, EditorView, gutter, GutterMarker, highlightSpecialChars, type DecorationSet } from '@codemirror/view';
import type { Comment, Reading } from '../lib/types-source';
import type { Lines } from './address';
import { codeLabel, hiddenName } from './hidden';

export interface Marks {
  readings: Reading[];
  comments: Comment[];
}

export const setChosen = StateEffect.define<Lines | null>();
export const setMarks = StateEffect.define<Marks>();

// Readings beside the lines

class ReadMarker extends GutterMarker {
  constructor(
    readonly look: string,
    readonly says: string,
  ) {
    super();
  }
  override eq(other: ReadMarker): boolean {
    return other.look === this.look && other.says === this.says;
  }
  override toDOM(): Node {
    const bar = document.createElement('span');
    bar.className = `cm-read ${this.look}`;
    bar.title = this.says;
    return bar;
  }
}

/** From each line where something changes on, by whom it was read. Readings are in the log's order: a
 * later one of the same reviewer replaces the earlier. */
export function readLines(readings: Reading[], lines: number): { from: number; to: number; by: Map<string, 'ok' | 'concern'> }[] {
  const edges = new Set<number>([1, lines + 1]);
  const spans = [...readings]
    .sort((a, b) => a.index - b.index)
    .map((r) => {
      const from = r.from === null || r.from < 1 ? 1 : Math.min(r.from, lines + 1);
      const to = r.from === null || r.from < 1 || r.to === null ? lines : Math.min(r.to, lines);
      edges.add(from);
      edges.add(to + 1);
      return { from, to, reading: r };
    });
  const cuts = [...edges].sort((a, b) => a - b);
  const result: { from: number; to: number; by: Map<string, 'ok' | 'concern'> }[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const from = cuts[i] as number;
    const to = (cuts[i + 1] as number) - 1;
    const by = new Map<string, 'ok' | 'concern'>();
    for (const s of spans) {
      if (s.from <= from && s.to >= to) by.set(s.reading.reviewer, s.reading.verdict);
    }
    if (by.size > 0 && to >= from) result.push({ from, to, by });
  }
  return result;
}

function readMarks(state: EditorState, readings: Reading[]): RangeSet<GutterMarker> {
  const marks: Range<GutterMarker>[] = [];
  const organisation = new Map(readings.map((r) => [r.reviewer, r.organisation]));
  for (const { from, to, by } of readLines(readings, state.doc.lines)) {
    const concern = [...by.values()].includes('concern');
    const groups = new Set([...by].filter(([, v]) => v === 'ok').map(([name]) => organisation.get(name)));
    const says = [...by].map(([name, v]) => `${name}: ${v === 'ok' ? 'read' : 'has a concern'}`).join('\n');
    const marker = new ReadMarker(concern ? 'concern' : groups.size > 1 ? 'many' : 'ok', says);
    for (let n = from; n <= to; n++) marks.push(marker.range(state.doc.line(n).from));
  }
  return RangeSet.of(marks);
}

// Comments beside the lines

class CommentMarker extends GutterMarker {
  constructor(
    readonly number: number,
    readonly open: boolean,
  ) {
    super();
  }
  override eq(other: CommentMarker): boolean {
    return other.number === this.number && other.open === this.open;
  }
  override toDOM(): Node {
    const dot = document.createElement('span');
    dot.className = this.open ? 'cm-comment' : 'cm-comment resolved';
    dot.textContent = String(this.number);
    dot.title = this.number === 1 ? 'A comment' : `${this.number} comments`;
    return dot;
  }
}

function commentMarks(state: EditorState, comments: Comment[]): RangeSet<GutterMarker> {
  const at = new Map<number, { number: number; open: boolean }>();
  for (const c of comments) {
    if (c.removed || c.line < 1 || c.line > state.doc.lines) continue;
    const had = at.get(c.line) ?? { number: 0, open: false };
    at.set(c.line, { number: had.number + 1, open: had.open || !c.resolved });
  }
  const marks = [...at].sort((a, b) => a[0] - b[0]).map(([line, c]) => new CommentMarker(c.number, c.open).range(state.doc.line(line).from));
  return RangeSet.of(marks);
}

interface Beside {
  read: RangeSet<GutterMarker>;
  comment: RangeSet<GutterMarker>;
}

const beside = StateField.define<Beside>({
  create: () => ({ read: RangeSet.empty, comment: RangeSet.empty }),
  update(value, tr) {
    for (const e of tr.effects) {
      if (e.is(setMarks)) return { read: readMarks(tr.state, e.value.readings), comment: commentMarks(tr.state, e.value.comments) };
    }
    return value;
  },
});

// The lines that the address names

const line = Decoration.line({ class: 'cm-chosen' });

const chosen = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, tr) {
    for (const e of tr.effects) {
      if (!e.is(setChosen)) continue;
      if (e.value === null) return Decoration.none;
      const list: Range<Decoration>[] = [];
      const last = Math.min(e.value.to, tr.state.doc.lines);
      for (let n = e.value.from; n <= last; n++) list.push(line.range(tr.state.doc.line(n).from));
      return Decoration.set(list);
    }
    return value;
  },
  provide: (f) => EditorView.decorations.from(f),
});

// Characters that hide

const MORE_HIDDEN = /[\u034f\u115f\u1160\u17b4\u17b5\u180e\u200c\u200d\u202c\u2061-\u206f\u3164\uffa0\ufffd]|[\u{e0000}-\u{e007f}]/gu;

const visible = highlightSpecialChars({
  addSpecialChars: MORE_HIDDEN,
  render(code) {
    const mark = document.createElement('span');
    mark.className = 'cm-hidden';
    mark.textContent = codeLabel(code);
    mark.title = `hidden: ${hiddenName(code)}`;
    mark.setAttribute('aria-label', `hidden character ${codeLabel(code)}, ${hiddenName(code)}`);
    mark.setAttribute('role', 'img');
    return mark;
  },
});

/** `onComment`: a line's place for comments was clicked; null: there are no comments. */
export function marks(onComment: ((line: number) => void) | null) {
  return [
    beside,
    chosen,
    visible,
    gutter({ class: 'cm-read-gutter', markers: (view) => view.state.field(beside).read }),
    onComment === null
      ? []
      : gutter({
          class: 'cm-comment-gutter',
          markers: (view) => view.state.field(beside).comment,
          domEventHandlers: {
            mousedown(view, block) {
              onComment(view.state.doc.lineAt(block.from).number);
              return true;
            },
          },
        }),
  ];
}
