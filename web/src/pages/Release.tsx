// SPDX-License-Identifier: Apache-2.0
// One release: verified by this browser as soon as it is opened, and all that is known of it.
import { useRoute } from 'preact-iso';
import { useEffect, useState } from 'preact/hooks';
import { apiUrl, bytes } from '../lib/api';
import { hexOf, ownPath } from '../lib/format';
import type { ReleaseFull } from '../lib/types';
import { useApi } from '../lib/use';
import type { PassportResult } from '../lib/verify/passport_check';
import { Async, Problem } from '../parts/Async';
import { ReleaseBadge } from '../parts/Badge';
import { Chain } from '../parts/Chain';
import { Command } from '../parts/Command';
import { Digest } from '../parts/Digest';
import { PassportCheck } from '../parts/PassportCheck';
import { ReleaseChanges } from '../parts/ReleaseChanges';
import { ReleasePackages } from '../parts/ReleasePackages';
import { Size } from '../parts/Size';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';

/** The passport's bytes; asked again when `known`, what is known of the release, changes. */
function usePassport(url: string, known: string): { data: Uint8Array | null; error: Error | null } {
  const [state, setState] = useState<{ data: Uint8Array | null; error: Error | null }>({ data: null, error: null });
  useEffect(() => {
    setState({ data: null, error: null });
    const stop = new AbortController();
    bytes(url, stop.signal).then(
      (data) => setState({ data, error: null }),
      (e: unknown) => !stop.signal.aborted && setState({ data: null, error: e instanceof Error ? e : new Error(String(e)) }),
    );
    return () => stop.abort();
  }, [url, known]);
  return state;
}

function Facts({ r }: { r: ReleaseFull }) {
  return (
    <dl class="facts">
      <dt>File</dt>
      <dd class="wrap">
        {r.file}, <Size bytes={r.length} />
      </dd>
      <dt>SHA-256</dt>
      <dd>
        <Digest of={r.artifact} what="digest of the file" whole />
      </dd>
      <dt>Released</dt>
      <dd>
        <Time at={r.time} /> in the channel {r.channel}, <a href={`/log/${r.index}`}>entry {r.index} of the log</a>
      </dd>
      {r.source !== null && (
        <>
          <dt>
            <Term word="source">Source</Term>
          </dt>
          <dd class="row">
            <Digest of={r.source} what="digest of the source" href={`/source/${encodeURIComponent(r.source)}`} />
            <a href={`/coverage/${encodeURIComponent(r.source)}`}>who has read it</a>
          </dd>
        </>
      )}
      {r.environment !== null && (
        <>
          <dt>
            <Term word="environment">Environment</Term>
          </dt>
          <dd>
            <Digest of={r.environment} what="digest of the environment" />
          </dd>
        </>
      )}
      {r.recipe !== null && (
        <>
          <dt>
            <Term word="recipe">Recipe</Term>
          </dt>
          <dd>
            <Digest of={r.recipe} what="digest of the recipe" />
          </dd>
        </>
      )}
    </dl>
  );
}

function Downloads({ r }: { r: ReleaseFull }) {
  const passport = ownPath(r.passport);
  const download = ownPath(r.download);
  return (
    <div class="row no-print">
      {download !== null && (
        <a class="button" href={download} download={r.file}>
          Download the file
        </a>
      )}
      {passport !== null && (
        <a class="button" href={passport} download={`${r.file}.passport`}>
          Download its passport
        </a>
      )}
      <a class="button" href={apiUrl(`/releases/${encodeURIComponent(r.artifact)}/sbom`)} download={`${r.file}.cdx.json`}>
        Download its parts list (SBOM)
      </a>
    </div>
  );
}

function Neighbours({ r }: { r: ReleaseFull }) {
  if (r.previous === null && r.next === null) return null;
  return (
    <nav class="row apart no-print" aria-label="Other releases of this product">
      {r.previous === null ? <span /> : <a href={`/release/${encodeURIComponent(r.previous)}`}>← The release before</a>}
      {r.next === null ? <span /> : <a href={`/release/${encodeURIComponent(r.next)}`}>The release after →</a>}
    </nav>
  );
}

function Body({ r }: { r: ReleaseFull }) {
  const passport = usePassport(`/passports/${hexOf(r.artifact)}.passport`, [r.state, r.rebuilds, r.contradictions, r.coverage?.signed, r.coverage?.objections].join(' '));
  const [result, setResult] = useState<PassportResult | null>(null);
  const chain = (
    <section aria-labelledby="chain">
      <h2 id="chain">From source to release</h2>
      <p class="prose quiet below">
        Who did what, where and when, as the site tells it. “Checked here” stands where your browser has found the proof in the{' '}
        <Term word="passport">passport</Term> itself.
      </p>
      <Chain steps={r.chain} checked={result?.steps ?? []} />
    </section>
  );
  return (
    <>
      {passport.error === null ? (
        <PassportCheck passport={passport.data} artifact={hexOf(r.artifact)} file={r.file} onResult={setResult}>
          {chain}
        </PassportCheck>
      ) : (
        <>
          <Problem error={passport.error} what="the passport of this release" />
          {chain}
        </>
      )}
      <section aria-labelledby="facts" class="stack">
        <h2 id="facts">The file</h2>
        <Facts r={r} />
        <Downloads r={r} />
      </section>
      <ReleaseChanges r={r} />
      <ReleasePackages artifact={r.artifact} />
      {r.commands.length > 0 && (
        <section aria-labelledby="commands" class="stack">
          <h2 id="commands">On your own machine</h2>
          <p class="prose quiet">You need not believe this page either. These commands check the same things with a program that you can build yourself.</p>
          {r.commands.map((c) => (
            <Command key={c.command} does={c.does} command={c.command} />
          ))}
        </section>
      )}
      <Neighbours r={r} />
    </>
  );
}

export default function Release() {
  const { params } = useRoute();
  const artifact = params['artifact'] ?? '';
  const release = useApi<ReleaseFull>(`/releases/${encodeURIComponent(artifact)}`, {}, { live: true });
  const r = release.data;
  return (
    <>
      <Title name={r === null ? 'Release' : `${r.product} ${r.version}`}>
        {r === null ? (
          'Release'
        ) : (
          <span class="row">
            <span class="wrap">
              {r.product} {r.version}
            </span>
            <ReleaseBadge state={r.state} />
          </span>
        )}
      </Title>
      <Async of={release} what="this release" lines={30}>
        {(data) => <Body key={data.artifact} r={data} />}
      </Async>
    </>
  );
}
