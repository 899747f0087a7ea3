// SPDX-License-Identifier: Apache-2.0
// The code view as a component; the editor itself is loaded when it is first needed, and the place is kept.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Comment, Reading } from '../lib/types-source';
import type { Lines } from './address';
import type { Editor, Selected } from './editor';

export interface CodeProps {
  text: string;
  path: string;
  language: string | null;
  label: string;
  lines: number;
  wrap: boolean;
  chosen: Lines | null;
  readings: Reading[];
  comments: Comment[];
  onSelect: (s: Selected) => void;
  onLines: (lines: Lines) => void;
  onJump: (word: string) => void;
  onComment: ((line: number) => void) | null;
  /** Gets the editor when it is there, null when it goes. */
  onEditor: (e: Editor | null) => void;
}

/** Above this the plain text is not shown while the editor loads. */
const PLAIN_MAX = 40_000;

export function Code(props: CodeProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const newest = useRef(props);
  const own = useRef<Lines | null>(null); // chosen by a click here: no need to scroll
  newest.current = props;
  const [state, setState] = useState<'loading' | 'ready' | 'failed'>('loading');

  useEffect(() => {
    let gone = false;
    import('./editor').then(
      ({ Editor }) => {
        if (gone || host.current === null) return;
        const p = newest.current;
        const e = new Editor(host.current, {
          text: p.text,
          path: p.path,
          language: p.language,
          label: p.label,
          wrap: p.wrap,
          onSelect: (s) => newest.current.onSelect(s),
          onLines: (l) => {
            own.current = l;
            newest.current.onLines(l);
          },
          onJump: (w) => newest.current.onJump(w),
          onComment: p.onComment === null ? null : (n) => newest.current.onComment?.(n),
        });
        editor.current = e;
        e.mark({ readings: p.readings, comments: p.comments });
        e.choose(p.chosen, p.chosen !== null);
        setState('ready');
        p.onEditor(e);
      },
      () => !gone && setState('failed'),
    );
    return () => {
      gone = true;
      editor.current?.destroy();
      editor.current = null;
      newest.current.onEditor(null);
    };
  }, [props.text, props.path, props.onComment === null]);

  useEffect(() => editor.current?.wrap(props.wrap), [props.wrap]);
  useEffect(() => editor.current?.mark({ readings: props.readings, comments: props.comments }), [props.readings, props.comments]);
  useEffect(() => {
    const c = props.chosen;
    const here = c !== null && own.current !== null && c.from === own.current.from && c.to === own.current.to;
    own.current = null;
    if (!here) editor.current?.choose(c, c !== null);
  }, [props.chosen?.from, props.chosen?.to]);

  return (
    <div class="code-frame" style={{ minHeight: `min(var(--code-height), calc(${Math.max(4, props.lines)} * 1.55 * var(--code-size) + 0.8rem))` }}>
      <div class="code-host" ref={host} />
      {state !== 'ready' && (
        <pre class="code-plain" tabIndex={0} aria-label={props.label}>
          {props.text.length <= PLAIN_MAX || state === 'failed' ? props.text : 'Loading…'}
        </pre>
      )}
    </div>
  );
}
