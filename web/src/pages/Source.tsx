// SPDX-License-Identifier: Apache-2.0
// One snapshot: its tree, its files.
import { useRoute } from 'preact-iso';
import { useEffect } from 'preact/hooks';
import { ApiError } from '../lib/api';
import { count, plural } from '../lib/format';
import { announce, session } from '../lib/store';
import type { SourceFile, SourceFull, Tree as TreeAnswer, TreeEntry } from '../lib/types-source';
import { useApi, type Loaded } from '../lib/use';
import { Async } from '../parts/Async';
import { Digest } from '../parts/Digest';
import { Size } from '../parts/Size';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { Assign } from '../review/Assign';
import { SignOffBar } from '../review/SignOff';
import { baseOf, coverageHref, decodePath, digestOf, entryHref, parentOf, searchHref, sourceApi } from '../source/address';
import { File } from '../source/File';
import { Folder } from '../source/Folder';
import { Name } from '../source/Name';
import { plainName } from '../source/hidden';
import { CoverBadge, CoverBar, CoverageWords, Crumbs, labelOf } from '../source/parts';
import { Tree } from '../source/Tree';
import '../styles/source.css';

/** What a path is; null until it is known, 'none' when there is no such thing. */
function useKind(source: string | null, path: string): { kind: TreeEntry['kind'] | 'none' | null; above: Loaded<TreeAnswer> } {
  const folder = parentOf(path);
  const above = useApi<TreeAnswer>(source === null || path === '' ? null : sourceApi(source, '/tree'), { path: folder === '' ? undefined : folder });
  if (path === '') return { kind: 'dir', above };
  if (above.error instanceof ApiError && above.error.code === 'not-found') return { kind: 'none', above };
  if (above.data === null) return { kind: null, above };
  return { kind: above.data.entries.find((e) => e.name === baseOf(path))?.kind ?? 'none', above };
}

function About({ s }: { s: SourceFull }) {
  return (
    <section class="snapshot-about card">
      <dl class="facts">
        <dt>Snapshot</dt>
        <dd>
          <Digest of={s.source} what="snapshot’s digest" />, <a href={entryHref(s.index)}>entry {count(s.index)}</a>, <Time at={s.time} />
        </dd>
        {s.commit !== null && (
          <>
            <dt>Git commit</dt>
            <dd>
              <code class="wrap">{s.commit}</code>
            </dd>
          </>
        )}
        <dt>Holds</dt>
        <dd>
          {plural(s.files, 'file')}, {plural(s.lines, 'line')}, <Size bytes={s.bytes} />
          {s.languages.length > 0 && <span class="quiet">: {s.languages.slice(0, 5).map((l) => `${l.language} ${count(l.lines)}`).join(', ')}</span>}
        </dd>
        {s.coverage !== null && (
          <>
            <dt>Read</dt>
            <dd>
              <CoverBar part={s.coverage.covered} whole={s.coverage.files} /> <CoverBadge of={s.coverage} />
              <br />
              <CoverageWords of={s.coverage} /> <a href={coverageHref(s.source)}>Who read what</a>
            </dd>
          </>
        )}
        {s.releases.length > 0 && (
          <>
            <dt>Released as</dt>
            <dd>
              {s.releases.map((r, i) => (
                <>
                  {i > 0 && ', '}
                  <a href={`/release/${r.artifact.slice(7)}`}>
                    {r.product} {r.version}
                  </a>
                </>
              ))}
            </dd>
          </>
        )}
      </dl>
      <p class="row">
        <a class="button" href={searchHref({ source: s.source, q: ' ' }).replace('q=+', '')}>
          Search in it
        </a>
        <a class="button" href={coverageHref(s.source)}>
          Coverage
        </a>
      </p>
    </section>
  );
}

function FileOrFolder({ source, path, kind }: { source: string; path: string; kind: TreeEntry['kind'] }) {
  const tree = useApi<TreeAnswer>(kind === 'dir' ? sourceApi(source, '/tree') : null, { path: path === '' ? undefined : path });
  const file = useApi<SourceFile>(kind === 'file' ? sourceApi(source, '/file') : null, { path });
  if (kind === 'link') {
    return <p class="note">This is a symbolic link. It is part of the snapshot, and is followed nowhere.</p>;
  }
  return kind === 'dir' ? (
    <Async of={tree} what="the folder" lines={14}>
      {(t) => <Folder source={source} tree={t} path={path} />}
    </Async>
  ) : (
    <Async of={file} what="the file" lines={24}>
      {(f) => <File source={source} file={f} />}
    </Async>
  );
}

function NotThere({ path }: { path: string }) {
  return (
    <p class="empty">
      This snapshot has nothing at <Name of={path} />.
    </p>
  );
}

function Snapshot({ s, path, kind, above }: { s: SourceFull; path: string; kind: TreeEntry['kind'] | 'none' | null; above: Loaded<TreeAnswer> }) {
  const source = s.source;
  if (!s.indexed) return <p class="note">The site has not read this snapshot in yet. Its files will be here in a moment.</p>;
  const lead = session.value?.reviewer?.roles.includes('lead') === true;
  if (s.sealed && session.value !== null && session.value.reviewer === null) {
    return (
      <>
        <Crumbs source={source} label={labelOf(s)} path={path} sealed />
        <div class="note warn prose">
          <p>
            <strong>This source is sealed.</strong> It is open to named reviewers only, and each opening is recorded. Anybody can see that it exists, who read it, and what was released from it.
          </p>
          <p class="row">
            <a class="button primary" href="/me">
              Log in
            </a>
            <a class="button" href={coverageHref(source)}>
              Who read it
            </a>
          </p>
        </div>
      </>
    );
  }
  return (
    <>
      <Crumbs source={source} label={labelOf(s)} path={path} sealed={s.sealed} />
      <div class="source-grid">
        <Tree source={source} path={path} />
        <div class="source-main stack">
          <SignOffBar source={source} />
          {path === '' && <About s={s} />}
          {kind === null ? (
            <Async of={{ ...above, data: null }} what="the file" lines={24}>
              {() => null}
            </Async>
          ) : kind === 'none' ? (
            <NotThere path={path} />
          ) : (
            <FileOrFolder source={source} path={path} kind={kind} />
          )}
          {lead && kind !== null && kind !== 'none' && kind !== 'link' && <Assign source={source} path={path} />}
        </div>
      </div>
    </>
  );
}

export default function Source() {
  const { params } = useRoute();
  const source = digestOf(params['source']);
  const path = decodePath(params['path']);
  const snapshot = useApi<SourceFull>(source === null ? null : sourceApi(source));
  const { kind, above } = useKind(source, path);
  const label = labelOf(snapshot.data);
  const name = path === '' ? label : baseOf(path);
  useEffect(() => announce(path === '' ? label : `${plainName(path)} of ${label}`), [path]);

  if (source === null) {
    return (
      <>
        <Title name="No snapshot" lead="A snapshot is named by the 64 hexadecimal digits of its digest." />
        <p>
          <a href="/sources">All snapshots</a>
        </p>
      </>
    );
  }
  return (
    <div class="wide-page source-page">
      <Title name={`${plainName(name)}${path === '' ? '' : `, ${label}`}`}>
        <Name of={name} />
      </Title>
      <Async of={snapshot} what="the snapshot" lines={32}>
        {(s) => <Snapshot s={s} path={path} kind={kind} above={above} />}
      </Async>
    </div>
  );
}
