// SPDX-License-Identifier: Apache-2.0
// A folder as a table: what is in it, and what of it was read.
import { count, plural } from '../lib/format';
import type { Tree, TreeEntry } from '../lib/types-source';
import { Size } from '../parts/Size';
import { Table } from '../parts/Table';
import { sourceHref } from './address';
import { Name } from './Name';
import { CoverBar } from './parts';

function Coverage({ e }: { e: TreeEntry }) {
  if (e.kind === 'dir') return e.files === null || e.covered === null ? null : <CoverBar part={e.covered} whole={e.files} />;
  if (e.kind === 'link' || e.covered === null || e.size === 0) return <span class="quiet">–</span>;
  return e.covered === 0 ? <span class="quiet">unread</span> : <span class="read-by">{plural(e.covered, 'organisation')}</span>;
}

function Kind({ kind }: { kind: TreeEntry['kind'] }) {
  const path = kind === 'dir' ? 'M2 4.5h4l1.5 1.5H14v6.5H2z' : kind === 'link' ? 'M9 3h4v4M13 3L7 9M7 4H3v9h9V9' : 'M4 2h5.5L12 4.5V14H4zM9.5 2v2.5H12';
  return (
    <svg viewBox="0 0 16 16" width="15" height="15" class={`kind kind-${kind}`} role="img" aria-label={kind === 'dir' ? 'folder' : kind === 'link' ? 'symbolic link' : 'file'} fill="none" stroke="currentColor" stroke-width="1.2" stroke-linejoin="round">
      <path d={path} />
    </svg>
  );
}

export function Folder({ source, tree, path }: { source: string; tree: Tree; path: string }) {
  if (tree.entries.length === 0) return <p class="empty">This folder is empty.</p>;
  return (
    <Table caption={path === '' ? 'Files of the snapshot' : `Files of ${path}`} head={['Name', 'Lines', 'Size', 'Read']} numeric={[1, 2]}>
      {tree.entries.map((e) => (
        <tr key={e.name}>
          <th scope="row" class="file-name">
            <Kind kind={e.kind} /> <a href={sourceHref(source, path === '' ? e.name : `${path}/${e.name}`)}><Name of={e.name} /></a>
          </th>
          <td class="number">{e.lines === null ? '' : count(e.lines)}</td>
          <td class="number">{e.kind === 'dir' ? <span class="quiet nowrap">{e.files === null ? '' : plural(e.files, 'file')}</span> : <Size bytes={e.size} />}</td>
          <td>
            <Coverage e={e} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
