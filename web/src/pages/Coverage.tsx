// SPDX-License-Identifier: Apache-2.0
// What of a snapshot was read, by whom, and whether that is what the policy demands.
import { useRoute } from 'preact-iso';
import { useState } from 'preact/hooks';
import { get } from '../lib/api';
import { count, percent, plural } from '../lib/format';
import { session, site } from '../lib/store';
import type { Digest, Link } from '../lib/types';
import type { CoverItem, CoveragePage, SourceFull } from '../lib/types-source';
import { useApi, usePages } from '../lib/use';
import { Async } from '../parts/Async';
import { Badge } from '../parts/Badge';
import { Pager } from '../parts/Pager';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { choose } from '../review/choices';
import { SignDialog, SignOffBar } from '../review/SignOff';
import { coveredRoot, type Covered, type ReviewKind } from '../review/write';
import { digestOf, entryHref, sourceApi, sourceHref } from '../source/address';
import { FolderBars } from '../source/FolderBars';
import { Name } from '../source/Name';
import { CoverBadge, CoverBar, labelOf, SealedBadge } from '../source/parts';
import '../styles/source.css';

function Totals({ c }: { c: CoveragePage }) {
  const of = c.coverage;
  return (
    <section class="totals card" aria-label="Totals">
      <div class="total">
        <span class="total-number">{percent(of.covered, of.files)}</span>
        <span class="total-words">
          of the files are <Term word="coverage">covered</Term>
        </span>
        <CoverBar part={of.covered} whole={of.files} words={false} />
        <span class="quiet small">
          {count(of.covered)} of {plural(of.files, 'file')}
        </span>
      </div>
      <div class="total">
        <span class="total-number">{percent(of.covered_lines, of.lines)}</span>
        <span class="total-words">of the lines are read</span>
        <CoverBar part={of.covered_lines} whole={of.lines} what="lines" words={false} />
        <span class="quiet small">
          {count(of.covered_lines)} of {plural(of.lines, 'line')}
        </span>
      </div>
      <div class="total">
        <span class="total-number">{count(of.organisations)}</span>
        <span class="total-words">{of.organisations === 1 ? 'organisation reads' : 'organisations read'} it</span>
        <span class="quiet small">
          {of.signed.length === 0 ? 'none has signed it off' : `signed off by ${of.signed.join(', ')}`}, {plural(c.readings, 'reading')} of this very snapshot
        </span>
      </div>
      <div class="total">
        <span class="total-badge">
          <CoverBadge of={of} />
        </span>
        <span class="quiet small">{c.demanded === null ? 'The site’s policy demands no review.' : `The site’s policy demands ${c.demanded}.`}</span>
      </div>
    </section>
  );
}

function Said({ title, none, links }: { title: string; none: string; links: (Link & { verdict?: string | null })[] }) {
  return (
    <section>
      <h2>{title}</h2>
      {links.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <ul class="said">
          {links.map((l) => (
            <li key={l.index}>
              <strong>
                <Name of={l.signer ?? l.key} />
              </strong>
              {l.organisation !== null && (
                <>
                  {' of '}
                  <Name of={l.organisation} />
                </>
              )}
              , <Time at={l.time} />, <a href={entryHref(l.index)}>entry {count(l.index)}</a>
              {l.verdict === 'concern' && (
                <>
                  {' '}
                  <Badge tone="bad">concern</Badge>
                </>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Organisations({ c }: { c: CoveragePage }) {
  if (c.organisations.length === 0) return null;
  return (
    <section>
      <h2>By organisation</h2>
      <Table caption="Coverage by organisation" head={['Organisation', 'Files', 'Lines', 'Snapshot']} numeric={[2]}>
        {c.organisations.map((o) => (
          <tr key={o.name}>
            <th scope="row">
              <Name of={o.name} />
            </th>
            <td>
              <CoverBar part={o.files} whole={c.coverage.files} />
            </td>
            <td class="number">{count(o.lines)}</td>
            <td>{o.signed ? <Badge tone="ok">Signed off</Badge> : <span class="quiet">not signed off</span>}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Unread({ source, reviewer }: { source: Digest; reviewer: boolean }) {
  const [all, setAll] = useState(false);
  const files = usePages<CoverItem>(sourceApi(source, '/coverage'), { only: all ? undefined : 'unread', limit: 100 }, { live: true });
  return (
    <section class="stack tight">
      <h2>{all ? 'All files' : 'Not covered yet'}</h2>
      <p class="row">
        <label>
          <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /> Show covered files, too
        </label>
      </p>
      <Async of={files} what="the files" lines={10}>
        {(items) =>
          items.length === 0 ? (
            <p class="note ok">Every file of this snapshot is covered.</p>
          ) : (
            <Table caption={all ? 'All files' : 'Files that are not covered'} head={reviewer ? ['File', 'Lines', 'Read by', 'You'] : ['File', 'Lines', 'Read by']} numeric={[1]}>
              {items.map((i) => (
                <tr key={i.path}>
                  <th scope="row" class="file-name">
                    <a href={sourceHref(source, i.path)}>
                      <Name of={i.path} />
                    </a>
                  </th>
                  <td class="number">{count(i.lines)}</td>
                  <td>
                    {i.organisations.length === 0 ? <span class="quiet">nobody</span> : i.organisations.join(', ')}
                    {!i.whole && i.organisations.length > 0 && <span class="quiet"> in part</span>}
                  </td>
                  {reviewer && (
                    <td class="nowrap">
                      <button type="button" class="plain" onClick={() => choose(source, { path: i.path, blob: i.blob, verdict: 'ok', from: null, to: null })}>
                        I read it<span class="offscreen">: {i.path}</span>
                      </button>
                    </td>
                  )}
                </tr>
              ))}
            </Table>
          )
        }
      </Async>
      {files.data !== null && files.data.length > 0 && <Pager of={files} one="file" />}
    </section>
  );
}

/** All files of the snapshot, for the root that a `review` names. */
async function coveredBy(source: Digest, organisation: string, logSize: number): Promise<Covered> {
  const blobs: Digest[] = [];
  let after: string | null = null;
  let files = 0;
  do {
    const page: CoveragePage = await get<CoveragePage>(sourceApi(source, '/coverage'), { limit: 500, after });
    files = page.coverage.files;
    const own = page.organisations.find((o) => o.name === organisation);
    if (own === undefined || own.files < files) throw new Error(`${organisation} has not covered every file yet.`);
    blobs.push(...page.items.map((i) => i.blob));
    after = page.next;
  } while (after !== null);
  if (blobs.length !== files) throw new Error(`The site lists ${blobs.length} files where it counts ${files}. Load the page again.`);
  return { logSize, files, covered: files, root: coveredRoot(blobs).root };
}

function ForReviewers({ source, c, reload }: { source: Digest; c: CoveragePage; reload: () => void }) {
  const [open, setOpen] = useState<{ kind: ReviewKind; covered?: Covered } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const organisation = session.value?.reviewer?.organisation ?? null;
  if (organisation === null) return null;
  const own = c.organisations.find((o) => o.name === organisation);
  const ready = own !== undefined && c.coverage.files > 0 && own.files === c.coverage.files;
  const review = (): void => {
    setError(null);
    coveredBy(source, organisation, site.value?.checkpoint?.size ?? 0).then(
      (covered) => setOpen({ kind: 'review', covered }),
      (e: Error) => setError(e.message),
    );
  };
  return (
    <section class="card stack tight no-print">
      <h2>For {organisation}</h2>
      {own?.signed === true && <p>Your organisation has signed this snapshot off.</p>}
      {own?.signed !== true && (
        <p>{ready ? 'Your organisation has covered every file. You can sign off the whole snapshot.' : `Your organisation has covered ${count(own?.files ?? 0)} of ${plural(c.coverage.files, 'file')}. When it is all of them, the whole snapshot can be signed off here.`}</p>
      )}
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
      <p class="row">
        {own?.signed !== true && (
          <button type="button" class="primary" disabled={!ready} onClick={review}>
            Sign off the snapshot
          </button>
        )}
        <button type="button" class="danger" onClick={() => setOpen({ kind: 'objection' })}>
          Object to a release
        </button>
      </p>
      {open !== null && <SignDialog kind={open.kind} source={source} {...(open.covered === undefined ? {} : { covered: open.covered })} onClose={() => setOpen(null)} onDone={reload} />}
    </section>
  );
}

export default function Coverage() {
  const { params } = useRoute();
  const source = digestOf(params['source']);
  const snapshot = useApi<SourceFull>(source === null ? null : sourceApi(source));
  const coverage = useApi<CoveragePage>(source === null ? null : sourceApi(source, '/coverage'), { limit: 1 }, { live: true });
  if (source === null) return <Title name="No snapshot" lead="A snapshot is named by the 64 hexadecimal digits of its digest." />;
  const label = labelOf(snapshot.data);
  return (
    <>
      <Title name={`Coverage of ${label}`} lead="Which files independent organisations have read, and signed that they read.">
        Coverage
      </Title>
      <p class="one-line">
        Snapshot <a href={sourceHref(source)}>{label}</a> {snapshot.data?.sealed === true && <SealedBadge />}
      </p>
      <SignOffBar source={source} onDone={coverage.reload} />
      <Async of={coverage} what="the coverage" lines={16}>
        {(c) => (
          <div class="stack wide">
            <Totals c={c} />
            <ForReviewers source={source} c={c} reload={coverage.reload} />
            {c.objections.length > 0 && (
              <div class="note bad">
                <Said title="Objections" none="" links={c.objections} />
              </div>
            )}
            <Organisations c={c} />
            <section>
              <h2>By folder</h2>
              <p class="quiet small">The longer a bar, the more files; the filled part is covered.</p>
              <FolderBars source={source} />
            </section>
            <Said title="Who signed off the snapshot" none="Nobody has signed off the whole snapshot yet." links={c.reviews} />
            <Unread source={source} reviewer={session.value?.reviewer != null} />
          </div>
        )}
      </Async>
    </>
  );
}
