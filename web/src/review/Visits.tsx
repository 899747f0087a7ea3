// SPDX-License-Identifier: Apache-2.0
// What the site has recorded of one's own openings, and whether it published just that.
import { useEffect, useState } from 'preact/hooks';
import { count, day as dayWords, plural } from '../lib/format';
import type { Reviewer } from '../lib/types';
import type { VisitDay, VisitsAnswer } from '../lib/types-source';
import { useApi } from '../lib/use';
import { Async } from '../parts/Async';
import { Step, type StepState } from '../parts/Step';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { entryHref, sourceHref } from '../source/address';
import { Name } from '../source/Name';
import { checkDay, type Checked } from './visits';

function download(answer: VisitsAnswer): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(answer, null, 2)], { type: 'application/json' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = `visits-${answer.day}.json`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function Check({ answer, reviewer }: { answer: VisitsAnswer; reviewer: string }) {
  const [state, setState] = useState<{ state: StepState; failure: string | null; checked: Checked | null }>({ state: 'running', failure: null, checked: null });
  useEffect(() => {
    let gone = false;
    setState({ state: 'running', failure: null, checked: null });
    checkDay(answer, reviewer).then(
      (checked) => !gone && setState({ state: 'ok', failure: null, checked }),
      (e: Error) => !gone && setState({ state: 'bad', failure: e.message, checked: null }),
    );
    return () => {
      gone = true;
    };
  }, [answer]);
  const c = state.checked;
  return (
    <ol class="steps">
      <Step title={`Each of your ${plural(answer.items.length, 'visit')} is in the published record, and says just what is below`} state={state.state} failure={state.failure}>
        {c !== null && (
          <p>
            {plural(c.good, 'line')} hashed here; their paths lead to the root that <a href={entryHref(c.entry)}>entry {count(c.entry)}</a> publishes for all {c.total} visits of the day, and that entry is in the log of {String(c.size)} entries.
          </p>
        )}
      </Step>
    </ol>
  );
}

function Day({ answer, reviewer }: { answer: VisitsAnswer; reviewer: string }) {
  return (
    <div class="stack">
      {answer.published === null ? (
        answer.items.length > 0 && <p class="note">The record of this day is not published yet. That happens once the day is over (UTC); come back then to check it.</p>
      ) : (
        <Check answer={answer} reviewer={reviewer} />
      )}
      {answer.items.length === 0 ? (
        <p class="empty">You opened no file on this day.</p>
      ) : (
        <Table caption={`Visits of ${answer.day}`} head={['When', 'File', 'Snapshot']}>
          {answer.items.map((v, i) => (
            <tr key={i}>
              <td>
                <Time at={v.time} />
              </td>
              <th scope="row" class="file-name">
                <a href={sourceHref(v.source, v.path)}>
                  <Name of={v.path} />
                </a>
              </th>
              <td>
                <code>{v.source.slice(7, 19)}</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {answer.items.length > 0 && (
        <p>
          <button type="button" onClick={() => download(answer)}>
            Download as JSON
          </button>
        </p>
      )}
    </div>
  );
}

export function Visits({ reviewer }: { reviewer: Reviewer }) {
  const today = new Date().toISOString().slice(0, 10);
  const [day, setDay] = useState(today);
  const days = useApi<{ items: VisitDay[] }>('/visits/days');
  const visits = useApi<VisitsAnswer>('/visits', { day });
  const published = (days.data?.items ?? []).map((d) => d.day).filter((d) => d !== today);
  return (
    <section class="stack tight">
      <h2>My visits</h2>
      <p class="quiet prose">
        Each file of source that is opened here is recorded. After each day the site publishes a <Term word="Merkle tree">root</Term> over the record, so that nobody can later add, drop or change a visit. Check yours.
      </p>
      <div class="field inline-field">
        <label for="visit-day">Day</label>
        <select id="visit-day" value={day} onChange={(e) => setDay(e.currentTarget.value)}>
          <option value={today}>today</option>
          {published.map((d) => (
            <option key={d} value={d}>
              {dayWords(d)}
            </option>
          ))}
        </select>
      </div>
      <Async of={visits} what="your visits" lines={8}>
        {(a) => <Day answer={a} reviewer={reviewer.name} />}
      </Async>
    </section>
  );
}
