// SPDX-License-Identifier: Apache-2.0
// How the parts of the system are doing: log, witnesses, rebuilders, drills. Each plot has its table.
import { count, duration, plural, safeUrl } from '../lib/format';
import type { Health as HealthOf } from '../lib/types';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { Badge } from '../parts/Badge';
import { Digest } from '../parts/Digest';
import { Plot, SECONDS } from '../parts/Plot';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';

/** A witness that is further behind has something to explain. */
const LAG_MAX_S = 3600;

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function Lag({ seconds }: { seconds: number | null }) {
  if (seconds === null) return <Badge tone="bad">Never seen</Badge>;
  if (seconds > LAG_MAX_S) return <Badge tone="warn">{duration(seconds)} behind</Badge>;
  return <Badge tone="ok">{duration(seconds)}</Badge>;
}

function Parties({ h }: { h: HealthOf }) {
  return (
    <div class="grid two">
      <section aria-labelledby="witnesses">
        <h2 id="witnesses">
          <Term word="witness">Witnesses</Term>
        </h2>
        <Table caption="Witnesses" head={['Witness', 'Last seen', 'Lag', 'Cosigned']} numeric={[3]}>
          {h.witnesses.map((w) => (
            <tr key={w.name}>
              <th scope="row" class="wrap">
                {w.name}
              </th>
              <td>{w.last === null ? '–' : <Time at={w.last} rough />}</td>
              <td>
                <Lag seconds={w.lag_s} />
              </td>
              <td class="number">{count(w.cosigned)}</td>
            </tr>
          ))}
        </Table>
      </section>
      <section aria-labelledby="rebuilders">
        <h2 id="rebuilders">
          <Term word="rebuild">Rebuilders</Term>
        </h2>
        <Table caption="Rebuilders" head={['Rebuilder', 'Last seen', 'Rebuilds', 'Mismatches', 'Waiting']} numeric={[2, 3, 4]}>
          {h.rebuilders.map((r) => (
            <tr key={r.name}>
              <th scope="row" class="wrap">
                {r.name}
              </th>
              <td>{r.last === null ? '–' : <Time at={r.last} rough />}</td>
              <td class="number">{count(r.rebuilds)}</td>
              <td class="number">{r.mismatches === 0 ? '0' : <Badge tone="bad">{count(r.mismatches)}</Badge>}</td>
              <td class="number">{count(r.waiting)}</td>
            </tr>
          ))}
        </Table>
      </section>
    </div>
  );
}

function Plots({ h }: { h: HealthOf }) {
  const seconds = h.assembly_to_release.map((a) => a.seconds);
  return (
    <div class="grid two">
      <section aria-labelledby="growth">
        <h2 id="growth">Growth of the log</h2>
        <Plot says={`The log has ${plural(h.log.size, 'entry', 'entries')}.`} kind="line" format={count} head={['Time', 'Entries']} points={h.log.growth.map(([at, value]) => ({ at, value }))} />
      </section>
      <section aria-labelledby="delay">
        <h2 id="delay">From assembly to release</h2>
        <Plot
          says={seconds.length === 0 ? 'Nothing was released yet.' : `Half of ${plural(seconds.length, 'release')} took ${duration(median(seconds))} or less from assembly to release; the slowest ${duration(Math.max(...seconds))}.`}
          kind="points"
          format={duration}
          steps={SECONDS}
          head={['Release', 'Time it took']}
          points={h.assembly_to_release.map((a) => ({ at: a.released, value: a.seconds, label: `${a.product} ${a.version}` }))}
        />
      </section>
    </div>
  );
}

function Mismatches({ h }: { h: HealthOf }) {
  return (
    <section aria-labelledby="mismatches">
      <h2 id="mismatches">
        <Term word="mismatch">Mismatches</Term>
      </h2>
      {h.mismatches.length === 0 ? (
        <p class="note ok">No rebuilder has ever got other bytes.</p>
      ) : (
        <Table caption="Mismatches" head={['Entry', 'File', 'Found by', 'When']}>
          {h.mismatches.map((m) => (
            <tr key={m.index}>
              <th scope="row">
                <a class="target" href={`/log/${m.index}`}>
                  {m.index}
                </a>
              </th>
              <td>
                {m.product === null ? '' : `${m.product} ${m.version ?? ''} `}
                <Digest of={m.artifact} what="digest of the file" href={`/release/${encodeURIComponent(m.artifact)}`} />
              </td>
              <td class="wrap">{m.signer ?? m.key}</td>
              <td>
                <Time at={m.time} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Openings({ h }: { h: HealthOf }) {
  if (h.visits.length === 0) return null;
  return (
    <section aria-labelledby="visits">
      <h2 id="visits">Openings of source</h2>
      <p class="prose quiet below">Each day the Centre publishes how often source was opened, bound to the full record, so that it cannot be changed later.</p>
      <Table caption="Openings of source by day" head={['Day', 'Openings', 'Reviewers', 'Root of the record', 'Entry']} numeric={[1, 2]}>
        {h.visits.map((v) => (
          <tr key={v.index}>
            <th scope="row">{v.day}</th>
            <td class="number">{count(v.visits)}</td>
            <td class="number">{count(v.reviewers)}</td>
            <td>
              <Digest of={v.root} what="root of the record" />
            </td>
            <td>
              <a class="target" href={`/log/${v.index}`}>
                {v.index}
              </a>
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Rest({ h }: { h: HealthOf }) {
  return (
    <div class="grid two">
      <section aria-labelledby="drills">
        <h2 id="drills">Drills</h2>
        {h.drills.length === 0 ? (
          <p class="quiet">No drill has been logged.</p>
        ) : (
          <ul>
            {h.drills.map((d) => (
              <li key={d.index}>
                <a href={`/log/${d.index}`}>Entry {d.index}</a> by {d.signer ?? d.key}, <Time at={d.time} />
              </li>
            ))}
          </ul>
        )}
      </section>
      <section aria-labelledby="hooks">
        <h2 id="hooks">Web hooks</h2>
        {h.hooks.length === 0 ? (
          <p class="quiet">
            Nobody is told by web hook. Everybody can follow the <a href="/api/v1/feed.atom">feed</a>.
          </p>
        ) : (
          <ul>
            {h.hooks.map((k) => (
              <li key={k.url} class="wrap">
                {safeUrl(k.url) === null ? k.url : new URL(k.url).host}: {k.last === null ? 'never told' : <Time at={k.last} rough />}
                {k.failed > 0 && <Badge tone="warn">{plural(k.failed, 'failure')}</Badge>}
              </li>
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

export default function Health() {
  const health = useApi<HealthOf>('/health', {}, { live: true });
  return (
    <>
      <Title
        name="Health"
        lead={
          <>
            Whether everybody does their part: the <Term word="log">log</Term> grows, the <Term word="witness">witnesses</Term> watch it, the <Term word="rebuild">rebuilders</Term> repeat
            what was built.
          </>
        }
      />
      <Async of={health} what="the state of the system" lines={36}>
        {(h) => (
          <div class="stack wide">
            <Plots h={h} />
            <Parties h={h} />
            <Mismatches h={h} />
            <Openings h={h} />
            <Rest h={h} />
          </div>
        )}
      </Async>
    </>
  );
}
