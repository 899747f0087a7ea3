// SPDX-License-Identifier: Apache-2.0
// Folders of a snapshot as bars: how big each is, and how much of it was read. A folder opens in place.
import { useState } from 'preact/hooks';
import { count } from '../lib/format';
import type { Tree, TreeEntry } from '../lib/types-source';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { sourceApi, sourceHref } from './address';
import { Name } from './Name';
import { CoverBar } from './parts';

function filesOf(e: TreeEntry): number {
  return e.kind === 'dir' ? (e.files ?? 0) : e.kind === 'file' && e.size > 0 ? 1 : 0;
}

function readOf(e: TreeEntry): number {
  return e.kind === 'dir' ? (e.covered ?? 0) : (e.covered ?? 0) > 0 ? 1 : 0;
}

function Bar({ source, path, e, most }: { source: string; path: string; e: TreeEntry; most: number }) {
  const [open, setOpen] = useState(false);
  const files = filesOf(e);
  const read = readOf(e);
  return (
    <li>
      <div class="folder-bar">
        {e.kind === 'dir' ? (
          <button type="button" class="icon" aria-expanded={open} aria-label={`${open ? 'Close' : 'Open'} ${e.name}`} onClick={() => setOpen(!open)}>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">
              <path d={open ? 'M4 6l4 4 4-4' : 'M6 4l4 4-4 4'} />
            </svg>
          </button>
        ) : (
          <span class="folder-gap" />
        )}
        <a class="folder-name" href={sourceHref(source, path)}>
          <Name of={e.name} />
        </a>
        <span class="folder-size" aria-hidden="true">
          <span style={{ width: `${Math.max(1.5, (100 * files) / most)}%` }}>
            <span style={{ width: `${files === 0 ? 0 : (100 * read) / files}%` }} />
          </span>
        </span>
        <span class="number quiet small nowrap">
          {count(read)} of {count(files)}
        </span>
      </div>
      {open && <Bars source={source} path={path} />}
    </li>
  );
}

function Bars({ source, path }: { source: string; path: string }) {
  const tree = useApi<Tree>(sourceApi(source, '/tree'), { path: path === '' ? undefined : path });
  return (
    <Async of={tree} what="the folder" lines={path === '' ? 10 : 3}>
      {(t) => {
        const folders = t.entries.filter((e) => e.kind === 'dir' || (path !== '' && filesOf(e) > 0));
        const loose = path === '' ? t.entries.filter((e) => e.kind === 'file') : [];
        const most = Math.max(1, ...folders.map(filesOf));
        return (
          <ul class="folder-bars">
            {folders.map((e) => (
              <Bar key={e.name} source={source} path={path === '' ? e.name : `${path}/${e.name}`} e={e} most={most} />
            ))}
            {loose.length > 0 && (
              <li class="folder-loose">
                <span>files beside the folders</span> <CoverBar part={loose.reduce((n, e) => n + readOf(e), 0)} whole={loose.reduce((n, e) => n + filesOf(e), 0)} />
              </li>
            )}
          </ul>
        );
      }}
    </Async>
  );
}

export function FolderBars({ source }: { source: string }) {
  return <Bars source={source} path="" />;
}
