// SPDX-License-Identifier: Apache-2.0
// What this is, how things stand, what happened lately, and three doors.
import { useCallback, useState } from 'preact/hooks';
import { live, useEvent } from '../lib/events';
import { count, plural, time } from '../lib/format';
import { useLogCheck } from '../lib/seen';
import type { CheckpointView, EntryLine, Link, Release } from '../lib/types';
import { useApi, usePages } from '../lib/use';
import { kindName } from '../lib/words';
import { Async, Problem } from '../parts/Async';
import { Badge, ReleaseBadge } from '../parts/Badge';
import { usePolicy } from '../parts/PassportCheck';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { Verdict } from '../parts/Verification';
import '../styles/home.css';
import '../styles/verify.css';

const NEWEST = 5;
const LATELY = 8;

function Doors() {
  return (
    <nav class="doors" aria-label="Begin here">
      <a class="card door" href="/verify">
        <strong>Check a file</strong>
        <span class="quiet">You have a file from this vendor. Find out whether it was built in the open. It is not uploaded.</span>
      </a>
      <a class="card door" href="/sources">
        <strong>Read the source</strong>
        <span class="quiet">See the text that the programs are made from, who has read it, and what changed.</span>
      </a>
      <a class="card door" href="/data">
        <strong>Where is my data?</strong>
        <span class="quiet">See where users’ data is kept, who asked for it, who agreed, and what was read.</span>
      </a>
    </nav>
  );
}

function LogState() {
  const { policy, error } = usePolicy();
  const check = useLogCheck(policy);
  const problem = error ?? check.error;
  if (problem !== null) return <Problem error={problem} what="the newest checkpoint of the log" />;
  return (
    <Verdict
      check={check}
      running="Checking the log in this browser…"
      ok={
        <>
          <p class="verdict-word">{check.before === null ? 'The log is signed and witnessed' : 'The log is the one you saw before'}</p>
          <p>
            {count(Number(check.result?.now?.size ?? 0))} <Term word="entry">entries</Term>
            {check.result?.vouched != null && <>, vouched for by its witnesses at {time(check.result.vouched)}</>}. Checked by your browser just now;{' '}
            <a href="/log">see how</a>.
          </p>
        </>
      }
      bad={
        <p class="verdict-word">
          The log could not be verified: <a href="/log">see why</a>
        </p>
      }
    />
  );
}

function Releases() {
  const releases = usePages<Release>('/releases', { limit: NEWEST }, { live: true });
  return (
    <section aria-labelledby="newest" class="stack">
      <div class="row apart">
        <h2 id="newest">Newest releases</h2>
        <a href="/releases">All releases</a>
      </div>
      <Async of={releases} what="the newest releases" lines={9}>
        {(items) =>
          items.length === 0 ? (
            <p class="empty">Nothing has been released yet.</p>
          ) : (
            <ul class="list">
              {items.slice(0, NEWEST).map((r) => (
                <li key={`${r.channel} ${r.index}`}>
                  <a href={`/release/${encodeURIComponent(r.artifact)}`}>
                    {r.product} {r.version}
                  </a>
                  <ReleaseBadge state={r.state} />
                  <span class="quiet small end">
                    <Time at={r.time} rough />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Async>
    </section>
  );
}

function Witnesses() {
  const checkpoint = useApi<CheckpointView>('/checkpoint', {}, { live: true });
  return (
    <section aria-labelledby="witnesses" class="stack">
      <h2 id="witnesses">
        <Term word="witness">Witnesses</Term>
      </h2>
      <Async of={checkpoint} what="the witnesses" lines={6}>
        {(c) => (
          <>
            <ul class="list">
              {c.witnesses.map((w) => (
                <li key={w.key}>
                  <span class="wrap">{w.name}</span>
                  {w.time === null ? <Badge tone="warn">Not yet</Badge> : <Badge tone="ok">Cosigned</Badge>}
                  <span class="quiet small end">{w.time !== null && <Time at={w.time} rough />}</span>
                </li>
              ))}
            </ul>
            <p class="quiet small">
              {c.needed === 0 ? 'The policy demands none.' : `The policy demands ${plural(c.needed, 'witness', 'witnesses')} at least.`} They are run by others, and see to it that everybody is
              shown the same log.
            </p>
          </>
        )}
      </Async>
    </section>
  );
}

function Lately() {
  const first = usePages<EntryLine>('/entries', { limit: LATELY }, { live: true });
  const [heard, setHeard] = useState<Link[]>([]);
  useEvent('entry', useCallback((e: Link) => setHeard((h) => [e, ...h.filter((x) => x.index !== e.index)].slice(0, LATELY)), []));
  const known = new Set(first.data?.map((e) => e.index));
  return (
    <section aria-labelledby="lately" class="stack">
      <div class="row apart">
        <h2 id="lately">What happened lately</h2>
        <span class="quiet small" role="status">
          {live.value ? 'Live' : 'Not live'}
        </span>
      </div>
      <Async of={first} what="what happened lately" lines={13}>
        {(items) => (
          <ul class="list">
            {[...heard.filter((h) => !known.has(h.index)), ...items].slice(0, LATELY).map((e) => (
              <li key={e.index}>
                <a href={`/log/${e.index}`}>{kindName(e.kind)}</a>
                <span class="quiet wrap">by {e.signer ?? e.key}</span>
                <span class="quiet small end">
                  <Time at={e.time} rough />
                </span>
              </li>
            ))}
          </ul>
        )}
      </Async>
    </section>
  );
}

export default function Home() {
  return (
    <>
      <Title name="Do not take our word for it" lead="This is where a software vendor shows what it ships, what it is made of, and what it does with users’ data. Your own browser checks the proofs. You need no account, and need to trust nobody here." />
      <Doors />
      <section aria-labelledby="log">
        <h2 id="log" class="offscreen">
          The log
        </h2>
        <LogState />
      </section>
      <div class="grid two">
        <div class="stack wide">
          <Releases />
          <Witnesses />
        </div>
        <Lately />
      </div>
      <p>
        New to this? <a href="/about">How it works, in plain words</a>.
      </p>
    </>
  );
}
