// SPDX-License-Identifier: Apache-2.0
// A file: its code, and beside it what is known of it.
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { apiUrl } from '../lib/api';
import { copy } from '../lib/copy';
import { count, plural } from '../lib/format';
import { keep, kept, session } from '../lib/store';
import type { Comment, SourceFile } from '../lib/types-source';
import { useApi } from '../lib/use';
import { choose } from '../review/choices';
import { Comments } from '../review/Comments';
import { Size } from '../parts/Size';
import { hashOf, linesOf, searchHref, sourceApi, type Lines } from './address';
import { Code } from './Code';
import { Definitions, useDefinitions } from './Definitions';
import type { Editor, Selected } from './editor';
import { findHidden, plainName } from './hidden';
import { History, Outline, Readings } from './Outline';
import { Name } from './Name';
import { SealedMark } from './parts';

const HIDDEN_SCAN_MAX = 2_000_000;

/** The lines that the address names; changed in place, without a new step of the history. */
function useLines(): [Lines | null, (lines: Lines | null) => void] {
  const { url } = useLocation();
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    setHash(location.hash);
    const changed = (): void => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, [url]);
  const put = (lines: Lines | null): void => {
    const to = hashOf(lines);
    history.replaceState(history.state, '', `${location.pathname}${location.search}${to}`);
    setHash(to);
  };
  const lines = useMemo(() => linesOf(hash), [hash]);
  return [lines, put];
}

function HiddenWarning({ text }: { text: string }) {
  const found = useMemo(() => (text.length <= HIDDEN_SCAN_MAX ? findHidden(text, 100) : []), [text]);
  if (found.length === 0) return null;
  const bidi = found.some((h) => h.bidi);
  const names = [...new Set(found.map((h) => h.name))].slice(0, 5).join(', ');
  return (
    <p class={bidi ? 'note bad' : 'note warn'}>
      <strong>{bidi ? 'This file has characters that turn the direction of writing round.' : 'This file has hidden characters.'}</strong> {found.length >= 100 ? 'More than 100' : count(found.length)}: {names}. They are marked in the code below
      {bidi ? '. What you see in another viewer may differ from what a compiler reads.' : '.'}
    </p>
  );
}

function linesWords(l: Lines): string {
  return l.from === l.to ? `line ${l.from}` : `lines ${l.from} to ${l.to}`;
}

interface BarProps {
  source: string;
  file: SourceFile;
  selected: Selected | null;
  reviewer: boolean;
  onJump: (word: string) => void;
  onComment: (line: number) => void;
}

/** What can be done with what is selected. */
function SelectionBar({ source, file, selected, reviewer, onJump, onComment }: BarProps) {
  const lines = selected?.some === true ? selected.lines : null;
  const word = selected?.word ?? null;
  const mark = (verdict: 'ok' | 'concern'): void => {
    const all = lines === null || (lines.from === 1 && lines.to >= file.lines);
    choose(source, { path: file.path, blob: file.blob, verdict, from: all ? null : lines.from, to: all ? null : Math.min(lines.to, Math.max(1, file.lines)) });
  };
  return (
    <div class="code-bar below" role="toolbar" aria-label="Selection">
      <span class="code-bar-what">{lines !== null ? linesWords(lines) : selected !== null ? `line ${selected.lines.from}` : <span class="quiet">Click a line number to select lines, a name to look it up</span>}</span>
      {lines !== null && (
        <button type="button" onClick={() => void copy(`${location.origin}${location.pathname}${hashOf(lines)}`, 'the address of these lines')}>
          Copy address
        </button>
      )}
      {word !== null && (
        <>
          <button type="button" onClick={() => onJump(word)} title="F12, or Ctrl and click">
            Definition of <code><Name of={word.length > 24 ? `${word.slice(0, 23)}…` : word} /></code>
          </button>
          <a class="button" href={searchHref({ q: word, source })}>
            Uses
          </a>
        </>
      )}
      {reviewer && (
        <span class="code-bar-end">
          <button type="button" onClick={() => mark('ok')}>
            {lines === null ? 'I read this file: ok' : 'I read these: ok'}
          </button>
          <button type="button" onClick={() => mark('concern')}>
            Concern
          </button>
          {selected !== null && (
            <button type="button" onClick={() => onComment(selected.lines.from)}>
              Comment
            </button>
          )}
        </span>
      )}
    </div>
  );
}

function narrow(): boolean {
  return matchMedia('(max-width: 46rem)').matches;
}

function NoText({ file, raw }: { file: SourceFile; raw: string }) {
  return (
    <div class="empty">
      <p>
        {file.encoding === 'binary' ? 'This file is binary: it is not text, and cannot be shown as lines.' : 'This file is too large to be shown here.'} It has <Size bytes={file.size} />.
      </p>
      <p>
        <a class="button" href={raw} download>
          Download it
        </a>
      </p>
    </div>
  );
}

const NO_COMMENTS: Comment[] = [];

function CodePart({ source, file, comments, onComment }: { source: string; file: SourceFile; comments: Comment[]; onComment: (line: number) => void }) {
  const [lines, setLines] = useLines();
  const [selected, setSelected] = useState<Selected | null>(null);
  const [wrap, setWrap] = useState(() => (kept('wrap') === null ? narrow() : kept('wrap') === 'yes'));
  const editor = useRef<Editor | null>(null);
  const { jump, asked, close } = useDefinitions(source, file.path);
  const raw = apiUrl(sourceApi(source, '/raw'), { path: file.path });
  const reviewer = session.value?.reviewer != null;
  useEffect(() => setSelected(lines === null ? null : { lines, some: true, word: null }), [file.path, lines]);

  const bar = (
    <div class="code-bar" role="toolbar" aria-label="File">
      <span class="code-bar-what">
        {plural(file.lines, 'line')}, <Size bytes={file.size} />
        {file.language !== null && file.language !== '' ? `, ${file.language}` : ''}
      </span>
      <span class="code-bar-end">
        {file.text !== null && (
          <>
            <button type="button" onClick={() => editor.current?.find()}>
              Find in file
            </button>
            <button
              type="button"
              aria-pressed={wrap}
              onClick={() => {
                setWrap(!wrap);
                keep('wrap', wrap ? 'no' : 'yes');
              }}
            >
              Wrap lines
            </button>
          </>
        )}
        <a class="button" href={raw} download>
          Raw
        </a>
      </span>
    </div>
  );
  if (file.text === null) {
    return (
      <div class="code">
        {bar}
        <NoText file={file} raw={raw} />
      </div>
    );
  }
  return (
    <>
      <HiddenWarning text={file.text} />
      <div class="code">
        {bar}
        <Code
          text={file.text}
          path={file.path}
          language={file.language}
          label={`Contents of ${plainName(file.path)}, read only`}
          lines={file.lines}
          wrap={wrap}
          chosen={lines}
          readings={file.readings}
          comments={comments}
          onSelect={setSelected}
          onLines={setLines}
          onJump={jump}
          onComment={reviewer ? onComment : null}
          onEditor={(e) => (editor.current = e)}
        />
        <SelectionBar source={source} file={file} selected={selected} reviewer={reviewer} onJump={jump} onComment={onComment} />
      </div>
      {asked !== null && <Definitions asked={asked} source={source} onClose={close} />}
    </>
  );
}

export function File({ source, file }: { source: string; file: SourceFile }) {
  const reviewer = session.value?.reviewer ?? null;
  const [line, setLine] = useState<number | null>(null);
  const comments = useApi<{ items: Comment[] }>(reviewer === null ? null : '/comments', { source, path: file.path });
  useEffect(() => setLine(null), [file.path]);
  const items = comments.data?.items ?? NO_COMMENTS;
  const go = (lines: Lines): void => {
    location.hash = hashOf(lines);
  };
  const body = <CodePart source={source} file={file} comments={items} onComment={setLine} />;
  return (
    <div class="file">
      <div class="file-main">{file.mark === null ? body : <SealedMark mark={file.mark}>{body}</SealedMark>}</div>
      <aside class="file-side" aria-label="About this file">
        {reviewer !== null && <Comments source={source} file={file} reviewer={reviewer} items={items} line={line} onLine={setLine} onGo={go} reload={comments.reload} />}
        <Readings readings={file.readings} onGo={go} />
        <Outline symbols={file.symbols} onGo={go} />
        <History source={source} path={file.path} />
      </aside>
    </div>
  );
}
