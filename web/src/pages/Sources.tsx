// SPDX-License-Identifier: Apache-2.0
// All snapshots of source that the log knows.
import { count, plural } from '../lib/format';
import type { Source } from '../lib/types';
import type { SourceFull } from '../lib/types-source';
import { useApi, usePages } from '../lib/use';
import { Async } from '../parts/Async';
import { Pager } from '../parts/Pager';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { compareHref, coverageHref, entryHref, sourceApi, sourceHref } from '../source/address';
import { CoverBadge, CoverBar, labelOf, SealedBadge } from '../source/parts';
import '../styles/source.css';

const PAGE = 25;

/** A list does not say what was read of each; it is asked for row by row. */
function RowCover({ source }: { source: string }) {
  const { data } = useApi<SourceFull>(sourceApi(source), undefined, { live: true });
  if (data === null || data.coverage === null) return <span class="cover-place" />;
  return (
    <a class="row-cover" href={coverageHref(source)}>
      <CoverBar part={data.coverage.covered} whole={data.coverage.files} />
      <CoverBadge of={data.coverage} />
    </a>
  );
}

function Row({ s, older }: { s: Source; older: Source | undefined }) {
  return (
    <tr>
      <th scope="row">
        <a href={sourceHref(s.source)}>{labelOf(s)}</a> {s.sealed && <SealedBadge />}
        <br />
        <span class="quiet small">
          <Time at={s.time} rough />, <a href={entryHref(s.index)}>entry {count(s.index)}</a>
          {s.signer !== null && `, by ${s.signer}`}
        </span>
      </th>
      <td>
        {s.releases.length === 0 && <span class="quiet">not released</span>}
        {s.releases.slice(0, 3).map((r) => (
          <a key={r.artifact} class="line" href={`/release/${r.artifact.slice(7)}`}>
            {r.product} {r.version}
          </a>
        ))}
        {s.releases.length > 3 && <span class="quiet">and {count(s.releases.length - 3)} more</span>}
      </td>
      <td class="number nowrap">
        {plural(s.files, 'file')}
        <br />
        <span class="quiet small">{plural(s.lines, 'line')}</span>
      </td>
      <td>{s.indexed ? <RowCover source={s.source} /> : <span class="quiet">being read in</span>}</td>
      <td class="nowrap">{older !== undefined && <a href={compareHref(older.source, s.source)}>What changed</a>}</td>
    </tr>
  );
}

/** The newest one before it from which the same product was released. */
function before(items: Source[], i: number): Source | undefined {
  const products = new Set(items[i]?.releases.map((r) => r.product));
  return items.slice(i + 1).find((s) => s.releases.some((r) => products.has(r.product)));
}

export default function Sources() {
  const sources = usePages<Source>('/sources', { limit: PAGE }, { live: true });
  return (
    <>
      <Title
        name="Source"
        lead={
          <>
            Every <Term word="snapshot">snapshot</Term> of source that releases were made from. Read it, search it, see who has read it.
          </>
        }
      />
      <p class="row">
        <a class="button" href="/search">
          Search in all snapshots
        </a>
        <a class="button" href="/me">
          For reviewers
        </a>
      </p>
      <Async of={sources} what="the snapshots" lines={12}>
        {(items) =>
          items.length === 0 ? (
            <p class="empty">No source is in the log yet.</p>
          ) : (
            <Table caption="Snapshots, newest first" head={['Snapshot', 'Released as', 'Holds', 'Read', 'Compared with the one before']} numeric={[2]}>
              {items.map((s, i) => (
                <Row key={s.source} s={s} older={before(items, i)} />
              ))}
            </Table>
          )
        }
      </Async>
      <Pager of={sources} one="snapshot" />
    </>
  );
}
