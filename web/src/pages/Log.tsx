// SPDX-License-Identifier: Apache-2.0
// The log: its newest state checked by this browser, how it grew, and its entries.
import { useLocation } from 'preact-iso';
import { count, plural, time } from '../lib/format';
import { announce, site } from '../lib/store';
import { forgetSeen, useLogCheck, type LogCheck } from '../lib/seen';
import type { CheckpointView, EntryLine, Health } from '../lib/types';
import { useApi, usePages } from '../lib/use';
import { KIND_NAMES, kindName } from '../lib/words';
import { Async, Problem } from '../parts/Async';
import { Command } from '../parts/Command';
import { Digest } from '../parts/Digest';
import { EntryTable } from '../parts/EntryTable';
import { Pager } from '../parts/Pager';
import { usePolicy } from '../parts/PassportCheck';
import { Plot } from '../parts/Plot';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { StepList, Verdict } from '../parts/Verification';
import '../styles/verify.css';

const SHOWN = 25;
const STATE_STEPS = [
  { id: 'policy', title: 'The policy says whom to trust' },
  { id: 'log', title: 'The log signed its state' },
  { id: 'witnesses', title: 'Independent witnesses saw the same log' },
];
const CONSISTENCY = { id: 'consistency', title: 'Nothing was taken out or changed since your last visit' };

/** Whether the log is another than the one that was seen, rather than not to be had just now. */
function changed(check: LogCheck): boolean {
  const step = check.steps.find((s) => s.id === CONSISTENCY.id);
  return step?.state === 'bad' && step.failure?.startsWith('the site could not be asked') !== true;
}

function Evidence({ check }: { check: LogCheck }) {
  if (!changed(check) || check.before === null) return null;
  const both = `${check.before.note}\n${check.note === null ? '' : new TextDecoder().decode(check.note)}`;
  return (
    <div class="note bad stack">
      <p>
        <strong>Keep this evidence.</strong> These are the log as this browser saw it at {time(check.before.at)} and as the site shows it now, both signed. Give them to the witnesses or to whom
        you trust.
      </p>
      <pre tabIndex={0}>{both}</pre>
      <div>
        <button
          type="button"
          onClick={() => {
            forgetSeen();
            announce('Forgotten. The next visit begins anew.');
            check.again();
          }}
        >
          Forget what was seen before
        </button>
      </div>
    </div>
  );
}

function State() {
  const { policy, error } = usePolicy();
  const check = useLogCheck(policy);
  const problem = error ?? check.error;
  if (problem !== null) return <Problem error={problem} what="the newest checkpoint" />;
  const grown = check.before === null || check.result?.now == null ? null : Number(check.result.now.size) - Number(check.before.seen.size);
  const url = site.value?.url ?? location.origin;
  return (
    <div class="stack">
      <Verdict
        check={check}
        ok={
          <>
            <p class="verdict-word">{check.before === null ? 'The log is signed and witnessed' : 'It is still the same log'}</p>
            <p>
              {check.before === null
                ? 'This browser sees this log for the first time and remembers its state. At your next visit it checks that nothing was taken out or changed.'
                : `Nothing was taken out or changed since your last visit, ${time(check.before.at)}; ${grown === 0 ? 'nothing was added either' : `${plural(grown ?? 0, 'entry was', 'entries were')} added`}.`}
            </p>
          </>
        }
        bad={<p class="verdict-word">{changed(check) ? 'This log is not to be trusted' : 'Not verified'}</p>}
      />
      <Evidence check={check} />
      <StepList
        check={check}
        expected={check.before === null ? STATE_STEPS : [...STATE_STEPS, CONSISTENCY]}
        label="Steps of the verification of the log"
        commands={{
          policy: 'vitrine policy check my.policy',
          log: `vitrine log checkpoint --from ${url} --policy my.policy`,
          witnesses: `vitrine log checkpoint --from ${url} --policy my.policy`,
          consistency: `vitrine log check --from ${url} --policy my.policy`,
        }}
      />
    </div>
  );
}

function Newest() {
  const checkpoint = useApi<CheckpointView>('/checkpoint', {}, { live: true });
  return (
    <Async of={checkpoint} what="the newest checkpoint" lines={12}>
      {(c) => (
        <div class="stack">
          <dl class="facts">
            <dt>Entries</dt>
            <dd>{count(c.size)}</dd>
            <dt>Root</dt>
            <dd>
              <Digest of={c.root} what="root" whole />
            </dd>
            <dt>Witnessed</dt>
            <dd>
              <Time at={c.time} />; {c.needed} needed
            </dd>
          </dl>
          <Table caption="Witnesses of the newest checkpoint" head={['Witness', 'Key', 'Cosigned']}>
            {c.witnesses.map((w) => (
              <tr key={w.key}>
                <th scope="row">{w.name}</th>
                <td class="wrap">{w.key}</td>
                <td>{w.time === null ? <strong>not yet</strong> : <Time at={w.time} />}</td>
              </tr>
            ))}
          </Table>
          <details>
            <summary>The checkpoint itself</summary>
            <pre tabIndex={0}>{c.note}</pre>
          </details>
        </div>
      )}
    </Async>
  );
}

function Growth() {
  const health = useApi<Health>('/health', {}, { live: true });
  return (
    <Async of={health} what="the log’s growth" lines={10}>
      {({ log }) => (
        <Plot
          says={`The log has ${plural(log.size, 'entry', 'entries')}.`}
          kind="line"
          format={count}
          head={['Time', 'Entries']}
          points={log.growth.map(([at, value]) => ({ at, value }))}
        />
      )}
    </Async>
  );
}

function Filter({ kind, signer, subject }: { kind: string; signer: string; subject: string }) {
  const { route } = useLocation();
  return (
    <form
      class="row end"
      onSubmit={(e) => {
        e.preventDefault();
        const given = [...new FormData(e.currentTarget)].map(([k, v]): [string, string] => [k, String(v).trim()]).filter(([, v]) => v !== '');
        route(`/log${given.length === 0 ? '' : `?${new URLSearchParams(given)}`}`);
      }}
    >
      <div class="field">
        <label for="kind">Kind</label>
        <select id="kind" name="kind" defaultValue={kind} value={kind}>
          <option value="">all kinds</option>
          {KIND_NAMES.map((k) => (
            <option key={k} value={k}>
              {kindName(k)}
            </option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="signer">Signed by</label>
        <input id="signer" name="signer" defaultValue={signer} spellcheck={false} autocomplete="off" />
      </div>
      <div class="field">
        <label for="subject">About (digest)</label>
        <input id="subject" name="subject" defaultValue={subject} placeholder="sha256:…" spellcheck={false} autocomplete="off" />
      </div>
      <button type="submit">Show</button>
      {kind + signer + subject !== '' && (
        <a class="button" href="/log">
          Show all
        </a>
      )}
    </form>
  );
}

function Entries() {
  const { query } = useLocation();
  const [kind, signer, subject] = [query['kind'] ?? '', query['signer'] ?? '', query['subject'] ?? ''];
  const entries = usePages<EntryLine>('/entries', { kind: kind || null, signer: signer || null, subject: subject || null, limit: SHOWN }, { live: true });
  return (
    <section aria-labelledby="entries" class="stack">
      <h2 id="entries">Entries</h2>
      <Filter key={`${kind} ${signer} ${subject}`} kind={kind} signer={signer} subject={subject} />
      <Async of={entries} what="the entries" lines={20}>
        {(items) => (items.length === 0 ? <p class="empty">No entry matches.</p> : <EntryTable items={items} caption="Entries of the log, newest first" />)}
      </Async>
      <Pager of={entries} one="entry" many="entries" />
    </section>
  );
}

export default function Log() {
  return (
    <>
      <Title
        name="The log"
        lead={
          <>
            Everything that counts is written into this public <Term word="log">log</Term>. Entries can be added, but none can be changed or taken out without everybody noticing: your
            browser checks that now.
          </>
        }
      />
      <section aria-labelledby="state">
        <h2 id="state" class="offscreen">
          Checked by this browser
        </h2>
        <State />
      </section>
      <div class="grid two">
        <section aria-labelledby="newest" class="stack">
          <h2 id="newest">
            Newest <Term word="checkpoint">checkpoint</Term>
          </h2>
          <Newest />
        </section>
        <section aria-labelledby="growth" class="stack">
          <h2 id="growth">Growth</h2>
          <Growth />
          <Command does="Recompute the whole log yourself:" command={`vitrine log check --from ${site.value?.url ?? location.origin} --policy my.policy`} />
        </section>
      </div>
      <Entries />
    </>
  );
}
