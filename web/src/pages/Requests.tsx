// SPDX-License-Identifier: Apache-2.0
// Who asked for users' data, and what came of it; what was erased, and what ended by itself.
import { useLocation } from 'preact-iso';
import { useState } from 'preact/hooks';
import { DataPages, FieldsTable, StateBadge } from '../data/parts';
import { modeWords, valuesOf, words } from '../data/story';
import { count, plural } from '../lib/format';
import type { DataRequest, LedgerItem } from '../lib/types-data';
import { usePages } from '../lib/use';
import { Async } from '../parts/Async';
import { Pager } from '../parts/Pager';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import '../styles/data.css';

const STATES = ['open', 'granted', 'ran', 'refused', 'expired'] as const;

function Row({ r }: { r: DataRequest }) {
  return (
    <tr>
      <th scope="row">
        <a href={`/request/${r.request.slice(7)}`}>
          {r.requester}: {words(r.purpose)}
        </a>
        <br />
        <span class="quiet small">{modeWords(r.mode)}</span>
      </th>
      <td>
        {r.region}, {r.class.split(' ').join(', ')}
        <br />
        <span class="quiet small nowrap">
          {r.from} to {r.until}
        </span>
      </td>
      <td>
        <StateBadge state={r.state} />
      </td>
      <td class="nowrap">
        {plural(r.approvals, 'approval')}
        {r.refusals > 0 && (
          <>
            <br />
            {plural(r.refusals, 'refusal')}
          </>
        )}
      </td>
      <td>
        <Time at={r.time} rough />
        <br />
        <a class="small" href={`/log/${r.index}`}>
          entry {count(r.index)}
        </a>
      </td>
    </tr>
  );
}

/** Erasures and retentions: loaded when they are opened. */
function Ledger({ path, title, what, says }: { path: string; title: string; what: string; says: (i: LedgerItem) => string }) {
  const [open, setOpen] = useState(false);
  const list = usePages<LedgerItem>(open ? path : null, {}, { live: true });
  return (
    <details class="ledger card" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>{title}</summary>
      {open && (
        <Async of={list} what={what} lines={4}>
          {(items) =>
            items.length === 0 ? (
              <p class="quiet">None yet.</p>
            ) : (
              <ul class="ledger-list">
                {items.map((i) => (
                  <li key={i.index}>
                    <p>
                      {says(i)}{' '}
                      <span class="quiet">
                        <Time at={i.time} />, <a href={`/log/${i.index}`}>entry {count(i.index)}</a>
                      </span>
                    </p>
                    <FieldsTable fields={i.fields} />
                  </li>
                ))}
              </ul>
            )
          }
        </Async>
      )}
      {open && <Pager of={list} one="entry" many="entries" />}
    </details>
  );
}

export default function Requests() {
  const { query, route } = useLocation();
  const state = STATES.find((s) => s === query['state']) ?? '';
  const region = query['region'] ?? '';
  const requests = usePages<DataRequest>('/requests', { state: state === '' ? undefined : state, region: region === '' ? undefined : region }, { live: true });
  const go = (name: 'state' | 'region', value: string): void => {
    const q = new URLSearchParams({ ...(state === '' ? {} : { state }), ...(region === '' ? {} : { region }) });
    if (value === '') q.delete(name);
    else q.set(name, value);
    route(`/requests${q.size === 0 ? '' : `?${q}`}`);
  };
  return (
    <>
      <Title
        name="Requests for users’ data"
        lead={
          <>
            Every question about users’ data is an entry of the <Term word="log">log</Term> before it is answered, and so is every answer: approvals, refusals, what was read.
          </>
        }
      />
      <DataPages />
      <div class="row end">
        <div class="field">
          <label for="state">State</label>
          <select id="state" value={state} onChange={(e) => go('state', e.currentTarget.value)}>
            <option value="">all</option>
            {STATES.map((s) => (
              <option key={s} value={s} selected={s === state}>
                {s === 'ran' ? 'carried out' : s}
              </option>
            ))}
          </select>
        </div>
        <form
          class="field"
          onSubmit={(e) => {
            e.preventDefault();
            go('region', String(new FormData(e.currentTarget).get('region') ?? '').trim().toUpperCase());
          }}
        >
          <label for="region">Region</label>
          <span class="row">
            <input id="region" name="region" class="short" defaultValue={region} maxLength={16} autocomplete="off" spellcheck={false} placeholder="all" key={region} />
            <button type="submit">Filter</button>
          </span>
        </form>
      </div>
      <Async of={requests} what="the requests" lines={12}>
        {(items) =>
          items.length === 0 ? (
            <p class="empty">No such requests are in the log.</p>
          ) : (
            <Table caption="Requests, newest first" head={['Who and why', 'What', 'State', 'Said', 'When']}>
              {items.map((r) => (
                <Row key={r.request} r={r} />
              ))}
            </Table>
          )
        }
      </Async>
      <Pager of={requests} one="request" />
      <div class="stack">
        <Ledger path="/erasures" title="Erasures: one person’s keys were destroyed" what="the erasures" says={(i) => `${i.site} destroyed ${plural(valuesOf(i.fields, 'key').length, 'key')} of region ${i.region ?? '?'}.`} />
        <Ledger path="/retentions" title="Retention: keys of days that are over were destroyed" what="the retentions" says={(i) => `${i.site} destroyed the keys of ${plural(valuesOf(i.fields, 'epoch').length, 'day')}.`} />
        <Ledger path="/runs" title="Runs: what was read" what="the runs" says={(i) => `${i.site} read ${plural(Number(i.fields.find(([n]) => n === 'records')?.[1] ?? 0), 'record')} of region ${i.region ?? '?'}.`} />
      </div>
    </>
  );
}
