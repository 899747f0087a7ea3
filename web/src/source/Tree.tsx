// SPDX-License-Identifier: Apache-2.0
// The tree of a snapshot beside the code: folders are asked for when they are opened. Keys as the ARIA
// pattern "tree view" has them: arrows, Home, End, Enter, and letters.
import { useLocation } from 'preact-iso';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get } from '../lib/api';
import type { Tree as TreeAnswer, TreeEntry } from '../lib/types-source';
import { parentOf, sourceApi, sourceHref } from './address';
import { Name } from './Name';

interface Row {
  path: string;
  entry: TreeEntry;
  level: number;
  open: boolean;
  at: number;
  of: number;
}

type Folders = ReadonlyMap<string, TreeEntry[] | 'loading' | 'failed'>;

function rowsOf(folders: Folders, open: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  const add = (folder: string, level: number): void => {
    const entries = folders.get(folder);
    if (!Array.isArray(entries)) return;
    entries.forEach((entry, i) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const isOpen = entry.kind === 'dir' && open.has(path);
      rows.push({ path, entry, level, open: isOpen, at: i + 1, of: entries.length });
      if (isOpen) add(path, level + 1);
    });
  };
  add('', 1);
  return rows;
}

function ancestors(path: string): string[] {
  const all: string[] = [''];
  for (let p = parentOf(path); p !== ''; p = parentOf(p)) all.push(p);
  return all;
}

/** Folders that were asked for, kept as long as the snapshot is shown. */
function useFolders(source: string): [Folders, (folder: string) => void] {
  const [state, setState] = useState<{ source: string; folders: Folders }>({ source, folders: new Map() });
  const folders = state.source === source ? state.folders : new Map<string, TreeEntry[]>();
  const asked = useRef(new Set<string>());
  const put = (folder: string, value: TreeEntry[] | 'loading' | 'failed'): void =>
    setState((s) => ({ source, folders: new Map(s.source === source ? s.folders : []).set(folder, value) }));
  const load = (folder: string): void => {
    const key = `${source} ${folder}`;
    if (asked.current.has(key)) return;
    asked.current.add(key);
    put(folder, 'loading');
    get<TreeAnswer>(sourceApi(source, '/tree'), { path: folder === '' ? undefined : folder }).then(
      (t) => put(folder, t.entries),
      () => {
        asked.current.delete(key);
        put(folder, 'failed');
      },
    );
  };
  return [folders, load];
}

export function Tree({ source, path }: { source: string; path: string }) {
  const { route } = useLocation();
  const [folders, load] = useFolders(source);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<string | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: '', when: 0 });

  useEffect(() => {
    const up = ancestors(path);
    up.forEach(load);
    setOpen((o) => new Set([...o, ...up.filter((p) => p !== '')]));
    setAt(path === '' ? null : path);
  }, [source, path]);

  // Nothing is shown until all folders above are there, so that rows do not jump.
  const [shown, setShown] = useState<string | null>(null);
  const ready = shown === source || ancestors(path).every((p) => Array.isArray(folders.get(p)) || folders.get(p) === 'failed');
  useEffect(() => {
    if (ready) setShown(source);
  }, [ready, source]);
  const rows = useMemo(() => (ready ? rowsOf(folders, open) : []), [folders, open, ready]);
  const current = rows.find((r) => r.path === at)?.path ?? rows[0]?.path;

  useEffect(() => {
    const row = list.current?.querySelector('[aria-current="page"]');
    if (row === null || row === undefined || list.current === null) return;
    const box = list.current.getBoundingClientRect();
    const r = row.getBoundingClientRect();
    if (r.top < box.top || r.bottom > box.bottom) list.current.scrollTop += r.top - box.top - box.height / 3;
  }, [path, rows.length > 0]);

  const toggle = (row: Row, on: boolean): void => {
    if (on) load(row.path);
    setOpen((o) => {
      const n = new Set(o);
      if (on) n.add(row.path);
      else n.delete(row.path);
      return n;
    });
  };
  const focus = (to: string | undefined): void => {
    if (to === undefined) return;
    setAt(to);
    const i = rows.findIndex((r) => r.path === to);
    (list.current?.children[i] as HTMLElement | undefined)?.focus();
  };
  const find = (key: string, from: number): void => {
    const now = Date.now();
    typed.current = { text: now - typed.current.when < 700 ? typed.current.text + key : key, when: now };
    const want = typed.current.text.toLowerCase();
    const start = want.length === 1 ? from + 1 : from;
    const order = [...rows.slice(start), ...rows.slice(0, start)];
    focus(order.find((r) => r.entry.name.toLowerCase().startsWith(want))?.path);
  };
  const onKey = (e: KeyboardEvent, row: Row, i: number): void => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const folder = row.entry.kind === 'dir';
    const moves: Record<string, () => void> = {
      ArrowDown: () => focus(rows[i + 1]?.path),
      ArrowUp: () => focus(rows[i - 1]?.path),
      Home: () => focus(rows[0]?.path),
      End: () => focus(rows.at(-1)?.path),
      ArrowRight: () => (folder && !row.open ? toggle(row, true) : folder ? focus(rows[i + 1]?.path) : undefined),
      ArrowLeft: () => (row.open ? toggle(row, false) : focus(parentOf(row.path) === '' ? undefined : parentOf(row.path))),
      ' ': () => (folder ? toggle(row, !row.open) : route(sourceHref(source, row.path))),
    };
    const move = moves[e.key];
    if (move !== undefined) move();
    else if (e.key.length === 1) find(e.key, i);
    else return;
    e.preventDefault();
  };

  const first = folders.get('');
  return (
    <nav class="tree" aria-label="Files">
      {first === 'failed' && (
        <button type="button" onClick={() => load('')}>
          Load the tree again
        </button>
      )}
      <div role="tree" aria-label="Files of the snapshot" ref={list} class="tree-list" aria-busy={first === 'loading'}>
        {rows.map((row, i) => (
          <a
            key={row.path}
            role="treeitem"
            href={sourceHref(source, row.path)}
            class={`tree-row tree-${row.entry.kind} level-${Math.min(row.level, 12)}`}
            aria-level={row.level}
            aria-posinset={row.at}
            aria-setsize={row.of}
            {...(row.entry.kind === 'dir' ? { 'aria-expanded': row.open } : {})}
            {...(row.path === path ? { 'aria-current': 'page' as const } : {})}
            tabIndex={row.path === current ? 0 : -1}
            onFocus={() => setAt(row.path)}
            onKeyDown={(e) => onKey(e, row, i)}
            onClick={(e) => {
              if (row.entry.kind !== 'dir' || e.ctrlKey || e.metaKey || e.shiftKey) return;
              toggle(row, row.path !== path || !row.open);
            }}
          >
            <Twig kind={row.entry.kind} open={row.open} />
            <Name of={row.entry.name} class="tree-name" />
            <Read entry={row.entry} />
            <span class="offscreen">{stateWords(row.entry)}</span>
          </a>
        ))}
      </div>
    </nav>
  );
}

function stateWords(e: TreeEntry): string {
  if (e.kind === 'link') return ', a symbolic link';
  if (e.kind === 'dir') return e.files === null || e.covered === null ? '' : `, ${e.covered} of ${e.files} files read`;
  return e.covered === null || e.covered === 0 ? '' : `, read by ${e.covered}`;
}

function Twig({ kind, open }: { kind: TreeEntry['kind']; open: boolean }) {
  return (
    <svg class="twig" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">
      {kind === 'dir' ? <path d={open ? 'M4 6l4 4 4-4' : 'M6 4l4 4-4 4'} /> : kind === 'link' ? <path d="M6.5 9.5l3-3M7 5l1-1a2.6 2.6 0 0 1 4 4l-1 1M9 11l-1 1a2.6 2.6 0 0 1-4-4l1-1" stroke-width="1.2" /> : null}
    </svg>
  );
}

/** A small sign of what was read: full, some, none. */
function Read({ entry }: { entry: TreeEntry }) {
  if (entry.covered === null || entry.kind === 'link') return null;
  const whole = entry.kind === 'dir' ? (entry.files ?? 0) > 0 && entry.covered === entry.files : entry.covered > 0;
  const some = entry.covered > 0;
  return <span class={`tree-read ${whole ? 'whole' : some ? 'some' : ''}`} aria-hidden="true" title={stateWords(entry).slice(2)} />;
}
