// SPDX-License-Identifier: Apache-2.0
// Regions that moved from one site to another: how far, and whether everything arrived.
import { useState } from 'preact/hooks';
import { checkMove, type MoveCheck } from '../data/moves';
import { DataPages } from '../data/parts';
import { count, plural, size } from '../lib/format';
import type { Relocation, Totals } from '../lib/types-data';
import { usePages } from '../lib/use';
import { Async } from '../parts/Async';
import { Badge, Sign } from '../parts/Badge';
import { Digest } from '../parts/Digest';
import { Pager } from '../parts/Pager';
import { Step, type StepState } from '../parts/Step';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import '../styles/data.css';

function Stage({ done, now, title, children }: { done: boolean; now: boolean; title: string; children: preact.ComponentChildren }) {
  return (
    <li class={done ? 'done' : now ? 'now' : 'later'}>
      <span class="stage-sign">{done ? <Sign tone="ok" size={16} /> : <span class="stage-dot" />}</span>
      <span>
        <strong>{title}</strong>
        <span class="offscreen">{done ? ', done' : now ? ', under way' : ', not yet'}</span>
        <br />
        <span class="quiet small">{children}</span>
      </span>
    </li>
  );
}

function Progress({ r }: { r: Relocation }) {
  return (
    <ol class="stages">
      <Stage done title="Handed over" now={false}>
        <Time at={r.started} />, <a href={`/log/${r.index}`}>entry {count(r.index)}</a>
      </Stage>
      <Stage done={r.received !== null} now={r.received === null} title="Received and counted">
        {r.received === null ? (
          `${r.to} is taking it in`
        ) : (
          <>
            <Time at={r.received.time} />, <a href={`/log/${r.received.index}`}>entry {count(r.received.index)}</a>
          </>
        )}
      </Stage>
      <Stage done={r.shredded !== null} now={r.received !== null && r.shredded === null} title="Destroyed where it was">
        {r.shredded === null ? (
          `${r.from} still has its keys`
        ) : (
          <>
            <Time at={r.shredded.time} />, {plural(r.shredded.keys, 'key')}, <a href={`/log/${r.shredded.index}`}>entry {count(r.shredded.index)}</a>
          </>
        )}
      </Stage>
    </ol>
  );
}

function Same({ a, b }: { a: unknown; b: unknown }) {
  return a === b ? <Badge tone="ok">the same</Badge> : <Badge tone="bad">different</Badge>;
}

function Inventories({ r }: { r: Relocation }) {
  const [a, b] = [r.inventory, r.received];
  const rows: [string, keyof Totals, (t: Totals) => preact.ComponentChildren][] = [
    ['Segments', 'segments', (t) => count(t.segments)],
    ['Records', 'records', (t) => count(t.records)],
    ['Bytes', 'bytes', (t) => <span title={size(t.bytes)}>{count(t.bytes)}</span>],
    ['Root', 'root', (t) => <Digest of={t.root} what="root" />],
  ];
  return (
    <Table caption={`Inventories of region ${r.region}`} head={['Measure', `Handed over by ${r.from}`, `Received by ${r.to}`, 'Compared']}>
      {rows.map(([name, key, show]) => (
        <tr key={name}>
          <th scope="row">{name === 'Root' ? <Term word="Merkle tree">Root</Term> : name}</th>
          <td>{show(a)}</td>
          <td>{b === null ? <span class="quiet">not yet</span> : show(b)}</td>
          <td>{b !== null && <Same a={a[key]} b={b[key]} />}</td>
        </tr>
      ))}
    </Table>
  );
}

interface Run {
  relocation: StepState;
  receipt: StepState;
  equal: StepState;
  shred: StepState;
  by: Record<string, string>;
  failure: string | null;
  result: MoveCheck | null;
}

function Check({ r }: { r: Relocation }) {
  const [run, setRun] = useState<Run | null>(null);
  const begin = (): void => {
    let now: Run = { relocation: 'running', receipt: r.received === null ? 'skipped' : 'waiting', equal: r.received === null ? 'skipped' : 'waiting', shred: r.shredded === null ? 'skipped' : 'waiting', by: {}, failure: null, result: null };
    const put = (more: Partial<Run>): void => setRun((now = { ...now, ...more }));
    put({});
    checkMove(r, (done, signer) => {
      const next = done === 'relocation' ? 'receipt' : done === 'receipt' ? 'shred' : null;
      put({ [done]: 'ok', by: { ...now.by, [done]: signer }, ...(next !== null && now[next] === 'waiting' ? { [next]: 'running' } : {}) } as Partial<Run>);
    }).then(
      (result) => put({ result, equal: result.equal === null ? 'skipped' : result.equal ? 'ok' : 'bad', failure: result.equal === false ? 'The two inventories differ: not everything arrived, or more than was handed over.' : null }),
      (e: Error) => {
        const at = (['relocation', 'receipt', 'shred'] as const).find((k) => now[k] === 'running') ?? 'relocation';
        put({ [at]: 'bad', failure: e.message } as Partial<Run>);
      },
    );
  };
  if (run === null) {
    return (
      <p class="no-print">
        <button type="button" onClick={begin}>
          Check it in this browser
        </button>
      </p>
    );
  }
  const says = (k: string): { says?: string } => (run.by[k] === undefined ? {} : { says: `signed by ${run.by[k]}` });
  const failure = (k: StepState): string | null => (k === 'bad' ? run.failure : null);
  const notYet = (s: StepState): { says?: string } => (s === 'skipped' ? { says: 'not yet' } : {});
  return (
    <ol class="steps" aria-live="polite">
      <Step title="What was handed over is in the log" state={run.relocation} failure={failure(run.relocation)} {...says('relocation')} />
      <Step title="What was received is in the log, said by the other site" state={run.receipt} failure={failure(run.receipt)} {...notYet(run.receipt)} {...says('receipt')} />
      <Step title="Segments, records, bytes and root are the same in both documents" state={run.equal} failure={failure(run.equal)} {...notYet(run.equal)} />
      <Step title="The old site says in the log that it destroyed its keys" state={run.shred} failure={failure(run.shred)} {...notYet(run.shred)} {...says('shred')} />
    </ol>
  );
}

function StateOf({ r }: { r: Relocation }) {
  if (r.equal === false) return <Badge tone="bad">Inventories differ</Badge>;
  if (r.state === 'shredded') return <Badge tone="ok">Over</Badge>;
  return <Badge tone="warn">Under way</Badge>;
}

export default function Relocations() {
  const list = usePages<Relocation>('/relocations', {}, { live: true });
  return (
    <>
      <Title name="Relocations" lead="When a region moves to another country, both sites say in public what left and what arrived; only then does the old one destroy its keys." />
      <DataPages />
      <Async of={list} what="the relocations" lines={14}>
        {(items) =>
          items.length === 0 ? (
            <p class="empty">No region has moved yet.</p>
          ) : (
            <div class="stack wide">
              {items.map((r) => (
                <section class="card relocation" key={r.relocation}>
                  <h2>
                    Region {r.region}: {r.from} to {r.to} <StateOf r={r} />
                  </h2>
                  <Progress r={r} />
                  <Inventories r={r} />
                  <Check r={r} />
                </section>
              ))}
            </div>
          )
        }
      </Async>
      <Pager of={list} one="relocation" />
    </>
  );
}
