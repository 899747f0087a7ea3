// SPDX-License-Identifier: Apache-2.0
// Comments on lines, among reviewers. They are not in the log, and can be taken back.
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../lib/api';
import { announce } from '../lib/store';
import type { Reviewer } from '../lib/types';
import type { Comment, SourceFile } from '../lib/types-source';
import { Badge } from '../parts/Badge';
import { Time } from '../parts/Time';
import type { Lines } from '../source/address';
import { Name } from '../source/Name';

export const TEXT_MAX = 4000;

export interface CommentsProps {
  source: string;
  file: SourceFile;
  reviewer: Reviewer;
  items: Comment[];
  /** The line that a new comment is for. */
  line: number | null;
  onLine: (line: number | null) => void;
  onGo: (lines: Lines) => void;
  reload: () => void;
}

/** Its place, its text, and what may be done with it. */
export function CommentItem({ c, mine, where, onChange }: { c: Comment; mine: boolean; where: preact.ComponentChildren; onChange: () => void }) {
  const [error, setError] = useState<string | null>(null);
  const say = (body: { resolved: boolean } | { removed: true }, done: string): void => {
    post<Comment>(`/comments/${encodeURIComponent(c.id)}`, body).then(
      () => {
        setError(null);
        announce(done);
        onChange();
      },
      (e: Error) => setError(e.message),
    );
  };
  if (c.removed) return null;
  return (
    <li class={c.resolved ? 'comment resolved' : 'comment'}>
      <p class="comment-head">
        <strong>
          <Name of={c.by} />
        </strong>{' '}
        <span class="quiet small">
          <Time at={c.at} rough />, {where}
        </span>{' '}
        {c.resolved && <Badge tone="ok">Resolved</Badge>}
      </p>
      <p class="comment-text">{c.text}</p>
      <p class="row tight-row">
        <button type="button" class="plain" onClick={() => say({ resolved: !c.resolved }, c.resolved ? 'Opened again' : 'Resolved')}>
          {c.resolved ? 'Open again' : 'Resolve'}
        </button>
        {mine && (
          <button type="button" class="plain" onClick={() => say({ removed: true }, 'Removed')}>
            Remove
          </button>
        )}
      </p>
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
    </li>
  );
}

function Write({ source, file, line, onDone, onCancel }: { source: string; file: SourceFile; line: number; onDone: () => void; onCancel: () => void }) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), [line]);
  const send = (e: Event): void => {
    e.preventDefault();
    setBusy(true);
    post<Comment>('/comments', { source, path: file.path, blob: file.blob, line, text: text.trim() }).then(
      () => {
        announce(`Comment on line ${line} written`);
        onDone();
      },
      (problem: Error) => {
        setBusy(false);
        setError(problem.message);
      },
    );
  };
  return (
    <form class="form" onSubmit={send}>
      <div class="field">
        <label for="comment">Comment on line {line}</label>
        <textarea id="comment" ref={area} rows={4} required maxLength={TEXT_MAX} value={text} onInput={(e) => setText(e.currentTarget.value)} aria-describedby="comment-hint" />
        <span class="hint" id="comment-hint">
          Other reviewers see it. It is not in the log.
        </span>
      </div>
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
      <p class="row">
        <button type="submit" class="primary" disabled={busy || text.trim() === ''}>
          Write
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </p>
    </form>
  );
}

export function Comments({ source, file, reviewer, items, line, onLine, onGo, reload }: CommentsProps) {
  const shown = items.filter((c) => !c.removed).sort((a, b) => a.line - b.line);
  const open = shown.filter((c) => !c.resolved).length;
  return (
    <details class="side-part" open>
      <summary>
        Comments <span class="quiet">{open === shown.length ? open : `${open} open of ${shown.length}`}</span>
      </summary>
      {line !== null && (
        <Write
          source={source}
          file={file}
          line={line}
          onCancel={() => onLine(null)}
          onDone={() => {
            onLine(null);
            reload();
          }}
        />
      )}
      {shown.length === 0 && line === null && <p class="quiet small">None on these contents. Select a line to write one.</p>}
      <ul class="comments">
        {shown.map((c) => (
          <CommentItem
            key={c.id}
            c={c}
            mine={c.by === reviewer.name}
            onChange={reload}
            where={
              <button type="button" class="plain" onClick={() => onGo({ from: c.line, to: c.line })}>
                line {c.line}
              </button>
            }
          />
        ))}
      </ul>
    </details>
  );
}
