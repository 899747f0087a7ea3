// SPDX-License-Identifier: Apache-2.0
// The code view: CodeMirror 6, read only, in a shadow tree, because there it puts its styles into
// constructed style sheets, which `style-src 'self'` allows; in the document it would add a <style>. Loaded by
// Code.tsx when a file is shown.
import { bracketMatching, foldGutter, foldKeymap, forceParsing } from '@codemirror/language';
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorSelection, EditorState, type Extension } from '@codemirror/state';
import { EditorView, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view';
import { standardKeymap } from '@codemirror/commands';
import type { Lines } from './address';
import { editorLook } from './editor-look';
import { marks, setChosen, setMarks, type Marks } from './editor-marks';
import { grammar } from './languages';

/** What the reader has selected. */
export interface Selected {
  lines: Lines;
  /** More than a place: characters or lines. */
  some: boolean;
  /** The identifier at the cursor. */
  word: string | null;
}

export interface EditorOptions {
  text: string;
  path: string;
  language: string | null;
  /** For screen readers. */
  label: string;
  wrap: boolean;
  onSelect: (s: Selected) => void;
  onLines: (lines: Lines) => void;
  onJump: (word: string) => void;
  onComment: ((line: number) => void) | null;
}

// Above this no grammar is tried.
const COLOURED_MAX = 1_500_000;
const WORD = /[\p{L}\p{N}_$]/u;
const WORD_MAX = 200;

function wordAt(state: EditorState, pos: number): string | null {
  const line = state.doc.lineAt(pos);
  const at = pos - line.from;
  const text = line.text;
  let from = at;
  let to = at;
  while (from > 0 && at - from < WORD_MAX && WORD.test(text.charAt(from - 1))) from--;
  while (to < text.length && to - at < WORD_MAX && WORD.test(text.charAt(to))) to++;
  const word = text.slice(from, to);
  return word !== '' && !/^\p{N}/u.test(word) && word.length <= WORD_MAX ? word : null;
}

/** Lines end in newlines alone, as everywhere else here: a return within a line is a hidden character. What
 * stands before a newline is the end of a line, and nothing follows the last. */
function shown(text: string): string {
  const lines = text.replaceAll('\r\n', '\n');
  return lines.endsWith('\n') ? lines.slice(0, -1) : lines;
}

export class Editor {
  readonly #view: EditorView;
  readonly #wrapping = new Compartment();
  readonly #language = new Compartment();
  #anchor: number | null = null;
  #gone = false;

  constructor(host: HTMLElement, options: EditorOptions) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    root.replaceChildren();
    this.#view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({ doc: shown(options.text), extensions: this.#extensions(options) }),
    });
    if (options.text.length <= COLOURED_MAX) void this.#colour(options);
  }

  #extensions(options: EditorOptions): Extension[] {
    return [
      EditorState.lineSeparator.of('\n'),
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({
        'aria-label': options.label,
        tabindex: '0',
        'aria-readonly': 'true',
        inputmode: 'none',
        autocorrect: 'off',
        spellcheck: 'false',
        translate: 'no',
      }),
      marks(options.onComment),
      this.#numbers(options),
      foldGutter(),
      highlightActiveLineGutter(),
      bracketMatching(),
      highlightSelectionMatches({ highlightWordAroundCursor: true, minSelectionLength: 2 }),
      search({ top: true }),
      this.#wrapping.of(options.wrap ? EditorView.lineWrapping : []),
      this.#language.of([]),
      this.#jumps(options),
      EditorView.updateListener.of((u) => {
        const byAddress = u.transactions.some((t) => t.effects.some((e) => e.is(setChosen)));
        if (u.selectionSet && !byAddress) options.onSelect(selectedOf(u.state));
      }),
      editorLook,
    ];
  }

  /** A click on a number chooses its line, with shift up to it; a drag would select text. */
  #numbers(options: EditorOptions): Extension {
    return lineNumbers({
      domEventHandlers: {
        mousedown: (view, block, event) => {
          const e = event as MouseEvent;
          const n = view.state.doc.lineAt(block.from).number;
          if (!e.shiftKey || this.#anchor === null) this.#anchor = n;
          const lines = { from: Math.min(this.#anchor, n), to: Math.max(this.#anchor, n) };
          this.choose(lines, false);
          options.onLines(lines);
          options.onSelect({ lines, some: true, word: null });
          return true;
        },
      },
    });
  }

  #jumps(options: EditorOptions): Extension {
    const jump = (view: EditorView): boolean => {
      const word = wordAt(view.state, view.state.selection.main.head);
      if (word === null) return false;
      options.onJump(word);
      return true;
    };
    return [
      keymap.of([{ key: 'F12', run: jump }, { key: 'Enter', run: jump }, ...searchKeymap, ...foldKeymap, ...standardKeymap.filter((k) => k.key !== 'Enter')]),
      EditorView.domEventHandlers({
        mousedown: (event, view) => {
          if (!(event.ctrlKey || event.metaKey) || event.button !== 0) return false;
          const pos = view.posAtCoords({ x: event.clientX, y: event.clientY });
          const word = pos === null ? null : wordAt(view.state, pos);
          if (word === null) return false;
          options.onJump(word);
          return true;
        },
      }),
    ];
  }

  async #colour(options: EditorOptions): Promise<void> {
    const found = await grammar(options.language, options.path);
    if (found === null || this.#gone) return;
    this.#view.dispatch({ effects: this.#language.reconfigure(found) });
    forceParsing(this.#view, this.#view.viewport.to, 50);
  }

  /** Marks lines, and brings them into view. */
  choose(lines: Lines | null, scroll: boolean): void {
    const doc = this.#view.state.doc;
    if (lines === null || lines.from > doc.lines) {
      this.#view.dispatch({ effects: setChosen.of(null) });
      return;
    }
    const pos = doc.line(lines.from).from;
    const effects = scroll ? [setChosen.of(lines), EditorView.scrollIntoView(pos, { y: 'start', yMargin: 80 })] : [setChosen.of(lines)];
    this.#view.dispatch({ effects, selection: EditorSelection.cursor(pos) });
  }

  mark(m: Marks): void {
    this.#view.dispatch({ effects: setMarks.of(m) });
  }

  wrap(on: boolean): void {
    this.#view.dispatch({ effects: this.#wrapping.reconfigure(on ? EditorView.lineWrapping : []) });
  }

  find(): void {
    this.#view.focus();
    openSearchPanel(this.#view);
  }

  focus(): void {
    this.#view.focus();
  }

  destroy(): void {
    this.#gone = true;
    this.#view.destroy();
  }
}

function selectedOf(state: EditorState): Selected {
  const { from, to, head, empty } = state.selection.main;
  const first = state.doc.lineAt(from);
  let last = state.doc.lineAt(to);
  if (!empty && to === last.from && last.number > first.number) last = state.doc.line(last.number - 1);
  return { lines: { from: first.number, to: last.number }, some: !empty, word: wordAt(state, head) };
}
