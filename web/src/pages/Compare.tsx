// SPDX-License-Identifier: Apache-2.0
// Two snapshots, or one file in two snapshots: what changed.
import { useLocation, useRoute } from 'preact-iso';
import { useMemo, useState } from 'preact/hooks';
import { count, plural } from '../lib/format';
import type { List, Source } from '../lib/types';
import type { DiffItem, DiffList, FileDiff } from '../lib/types-source';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { Table } from '../parts/Table';
import { Title } from '../parts/Title';
import { compareHref, decodePath, digestOf, sourceApi, sourceHref } from '../source/address';
import { Difference } from '../source/Difference';
import { plainName } from '../source/hidden';
import { Name } from '../source/Name';
import { labelOf } from '../source/parts';
import '../styles/source.css';

const SHOWN = 300;
const CHANGES = ['added', 'changed', 'removed'] as const;

function Picker({ name, value, sources, onPick }: { name: string; value: string; sources: Source[]; onPick: (s: string) => void }) {
  return (
    <div class="field">
      <label for={`pick-${name}`}>{name}</label>
      <select id={`pick-${name}`} value={value} onChange={(e) => onPick(e.currentTarget.value)}>
        {!sources.some((s) => s.source === value) && <option value={value}>{value.slice(7, 19)}</option>}
        {sources.map((s) => (
          <option key={s.source} value={s.source} selected={s.source === value}>
            {labelOf(s)}
          </option>
        ))}
      </select>
    </div>
  );
}

function Lines({ item }: { item: DiffItem }) {
  return (
    <span class="nowrap">
      <span class="come-count">
        +{count(item.lines_added)}
        <span class="offscreen"> lines added</span>
      </span>{' '}
      <span class="gone-count">
        −{count(item.lines_removed)}
        <span class="offscreen"> lines removed</span>
      </span>
    </span>
  );
}

function Changes({ list, from, to }: { list: DiffList; from: string; to: string }) {
  const [filter, setFilter] = useState('');
  const [kind, setKind] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const found = useMemo(() => {
    const want = filter.toLowerCase();
    return list.items.filter((i) => (kind === '' || i.change === kind) && i.path.toLowerCase().includes(want));
  }, [list, filter, kind]);
  const number = (k: string): number => list.items.filter((i) => i.change === k).length;
  if (list.items.length === 0) return <p class="empty">Both snapshots have the same files.</p>;
  return (
    <section class="stack" aria-label="Changed files">
      <div class="row end">
        <div class="field grow">
          <label for="filter">Path has</label>
          <input id="filter" type="search" value={filter} onInput={(e) => setFilter(e.currentTarget.value)} spellcheck={false} autocomplete="off" />
        </div>
        <div class="field">
          <label for="change">Change</label>
          <select id="change" value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
            <option value="">all {count(list.items.length)}</option>
            {CHANGES.map((k) => (
              <option key={k} value={k}>
                {k} {count(number(k))}
              </option>
            ))}
          </select>
        </div>
      </div>
      <p class="quiet" role="status">
        {plural(found.length, 'file')}, {count(found.reduce((n, i) => n + i.lines_added, 0))} lines added, {count(found.reduce((n, i) => n + i.lines_removed, 0))} removed.
      </p>
      <Table caption="Changed files" head={['File', 'Change', 'Lines']}>
        {found.slice(0, shown).map((i) => (
          <tr key={i.path}>
            <th scope="row" class="file-name">
              <a href={compareHref(from, to, i.path)}>
                <Name of={i.path} />
              </a>
            </th>
            <td>
              <span class={`change ${i.change}`}>{i.change}</span>
            </td>
            <td>
              <Lines item={i} />
            </td>
          </tr>
        ))}
      </Table>
      {found.length > shown && (
        <button type="button" onClick={() => setShown(shown + SHOWN)}>
          Show more of {count(found.length)}
        </button>
      )}
    </section>
  );
}

function OneFile({ from, to, path }: { from: string; to: string; path: string }) {
  const diff = useApi<FileDiff>(sourceApi(to, '/diff'), { since: from, path });
  return (
    <section class="stack">
      <p class="row">
        <a class="button" href={compareHref(from, to)}>
          All changed files
        </a>
        <a class="button" href={sourceHref(from, path)}>
          The file before
        </a>
        <a class="button" href={sourceHref(to, path)}>
          The file after
        </a>
      </p>
      <Async of={diff} what="the difference" lines={20}>
        {(d) => <Difference diff={d} from={from} to={to} />}
      </Async>
    </section>
  );
}

function AllFiles({ from, to }: { from: string; to: string }) {
  const list = useApi<DiffList>(sourceApi(to, '/diff'), { since: from });
  return (
    <Async of={list} what="the changes" lines={14}>
      {(l) => <Changes list={l} from={from} to={to} />}
    </Async>
  );
}

export default function Compare() {
  const { params } = useRoute();
  const { route } = useLocation();
  const from = digestOf(params['from']);
  const to = digestOf(params['to']);
  const path = decodePath(params['path']);
  const sources = useApi<List<Source>>('/sources', { limit: 100 });
  if (from === null || to === null) return <Title name="Nothing to compare" lead="The address names two snapshots by the 64 digits of their digests." />;
  const known = sources.data?.items ?? [];
  const label = (d: string): string => labelOf(known.find((s) => s.source === d) ?? { label: '', source: d });
  return (
    <div class="wide-page">
      <Title name={`${path === '' ? '' : `${plainName(path)}: `}${label(from)} and ${label(to)}`}>{path === '' ? 'What changed' : <Name of={path} />}</Title>
      <div class="row end pickers">
        <Picker name="Before" value={from} sources={known} onPick={(s) => route(compareHref(s, to, path))} />
        <Picker name="After" value={to} sources={known} onPick={(s) => route(compareHref(from, s, path))} />
        <button type="button" onClick={() => route(compareHref(to, from, path))}>
          Swap
        </button>
      </div>
      {path === '' ? <AllFiles from={from} to={to} /> : <OneFile from={from} to={to} path={path} />}
    </div>
  );
}
