// SPDX-License-Identifier: Apache-2.0
// A customer's own check: which runs read its records. All of it happens in this browser.
import { useState } from 'preact/hooks';
import { allRuns, judge, matchReceipts, parseTag, tagOf, type Given, type Verdict } from '../data/accesses';
import { DataPages } from '../data/parts';
import { count, plural } from '../lib/format';
import { announce } from '../lib/store';
import { hex } from '../lib/verify/bytes';
import { Badge } from '../parts/Badge';
import { Command } from '../parts/Command';
import { Drop } from '../parts/Drop';
import { Table } from '../parts/Table';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { Name } from '../source/Name';
import '../styles/data.css';

const RECEIPT_MAX = 16384;
const FILES_MAX = 2000;

async function given(files: Iterable<globalThis.File>): Promise<Given[]> {
  const list: Given[] = [];
  for (const f of [...files].slice(0, FILES_MAX)) {
    const data = f.size <= RECEIPT_MAX ? new Uint8Array(await f.arrayBuffer()) : new Uint8Array();
    list.push({ name: f.name, data });
  }
  return list;
}

function Says({ v }: { v: Verdict }) {
  switch (v.state) {
    case 'read':
      return <Badge tone="warn">Read {v.records} of your records</Badge>;
    case 'not-read':
      return <Badge tone="ok">Read none of yours</Badge>;
    case 'no-receipt':
      return <Badge tone="neutral">No receipt given</Badge>;
    case 'wrong':
      return <Badge tone="bad">Not proven</Badge>;
  }
}

function Row({ v }: { v: Verdict }) {
  return (
    <tr>
      <th scope="row">
        <a href={`/log/${v.run.index}`}>entry {count(v.run.index)}</a>
        <br />
        <span class="quiet small">
          <Time at={v.run.time} />
        </span>
      </th>
      <td>
        {v.run.site}
        {v.run.region !== null && <span class="quiet">, region {v.run.region}</span>}
        {v.run.request !== null && (
          <>
            <br />
            <a class="small" href={`/request/${v.run.request.slice(7)}`}>
              why
            </a>
          </>
        )}
      </td>
      <td>
        <Says v={v} />
        {v.failure !== null && <p class="small failure">{v.failure}</p>}
        {v.state === 'no-receipt' && <p class="small quiet">Whether it read records of yours is not shown.</p>}
      </td>
    </tr>
  );
}

function Results({ verdicts, strangers }: { verdicts: Verdict[]; strangers: { name: string; why: string }[] }) {
  const number = (s: Verdict['state']): number => verdicts.filter((v) => v.state === s).length;
  const [read, wrong, open] = [number('read'), number('wrong'), number('no-receipt')];
  return (
    <section class="stack" aria-label="Result">
      <p class={wrong > 0 ? 'note bad' : open > 0 ? 'note warn' : read > 0 ? 'note' : 'note ok'} role="status">
        <strong>
          Of {plural(verdicts.length, 'run')}, {read === 0 ? 'none is shown to have read records of yours' : `${count(read)} read records of yours`}.
        </strong>{' '}
        {open > 0 && `For ${plural(open, 'run')} no receipt was given. `}
        {wrong > 0 && `For ${plural(wrong, 'run')} the proof fails.`}
      </p>
      {verdicts.length > 0 && (
        <Table caption="Runs" head={['Run', 'Where', 'Your records']}>
          {verdicts.map((v) => (
            <Row key={v.run.index} v={v} />
          ))}
        </Table>
      )}
      {strangers.length > 0 && (
        <div class="note warn">
          <p>
            <strong>Files that are no receipt of a run in this log:</strong>
          </p>
          <ul>
            {strangers.map((s) => (
              <li key={s.name}>
                <Name of={s.name} />: {s.why}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

/** The tag, typed or made from the customer's secret. */
function Tag({ value, onValue }: { value: string; onValue: (v: string) => void }) {
  const [name, setName] = useState('');
  const [error, setError] = useState<string | null>(null);
  const make = (file: globalThis.File | undefined): void => {
    if (file === undefined) return;
    file.text().then((text) => {
      try {
        onValue(hex(tagOf(text, name.trim())));
        setError(null);
      } catch (e) {
        setError(e instanceof Error ? e.message : String(e));
      }
    }, (e: Error) => setError(e.message));
  };
  return (
    <div class="stack tight">
      <div class="field">
        <label for="tag">Your customer’s tag</label>
        <input id="tag" class="tag-input" value={value} onInput={(e) => onValue(e.currentTarget.value)} autocomplete="off" spellcheck={false} aria-describedby="tag-hint" aria-invalid={value !== '' && parseTag(value) === null} />
        <span class="hint" id="tag-hint">
          32 hexadecimal digits. It names you to nobody who does not know it, and is not sent anywhere.
        </span>
      </div>
      <details>
        <summary>Make it from your secret</summary>
        <div class="row end">
          <div class="field">
            <label for="customer">Customer’s name</label>
            <input id="customer" value={name} onInput={(e) => setName(e.currentTarget.value)} autocomplete="off" spellcheck={false} />
          </div>
          <div class="field">
            <label for="secret">Secret’s file</label>
            <input id="secret" type="file" onChange={(e) => make(e.currentTarget.files?.[0])} />
          </div>
        </div>
      </details>
      {error !== null && (
        <p class="note bad" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

export default function Accesses() {
  const [tag, setTag] = useState('');
  const [files, setFiles] = useState<Given[]>([]);
  const [state, setState] = useState<{ busy: boolean; error: string | null; verdicts: Verdict[]; strangers: { name: string; why: string }[] } | null>(null);
  const parsed = parseTag(tag);

  const take = (list: Iterable<globalThis.File>): void => {
    void given(list).then((more) => {
      setFiles((had) => [...had.filter((h) => !more.some((m) => m.name === h.name)), ...more].slice(0, FILES_MAX));
      announce(`${plural(more.length, 'file')} taken`);
    });
  };
  const check = async (): Promise<void> => {
    if (parsed === null) return;
    setState({ busy: true, error: null, verdicts: [], strangers: [] });
    try {
      const runs = await allRuns();
      const { of, strangers } = matchReceipts(runs, files);
      const verdicts: Verdict[] = [];
      for (const run of runs) {
        verdicts.push(await judge(run, of.get(run.index), parsed));
        setState({ busy: true, error: null, verdicts: [...verdicts], strangers });
      }
      setState({ busy: false, error: null, verdicts, strangers });
    } catch (e) {
      setState({ busy: false, error: e instanceof Error ? e.message : String(e), verdicts: [], strangers: [] });
    }
  };

  return (
    <>
      <Title
        name="Accesses to my data"
        lead={
          <>
            After each <Term word="run">run</Term> over users’ data, every customer can get a receipt that proves whether its records were read. Here your browser checks yours.
          </>
        }
      />
      <DataPages />
      <div class="stack prose">
        <Tag value={tag} onValue={setTag} />
        <Drop onFiles={take} many button="Choose receipts">
          <p>
            <strong>Drop your receipts here</strong>
          </p>
          <p class="quiet">They are read in this browser and not uploaded.</p>
          {files.length > 0 && (
            <p>
              {plural(files.length, 'file')}{' '}
              <button type="button" class="plain" onClick={() => setFiles([])}>
                Forget them
              </button>
            </p>
          )}
        </Drop>
        <p>
          <button type="button" class="primary" disabled={parsed === null || state?.busy === true} onClick={() => void check()}>
            {state?.busy === true ? 'Checking…' : 'Check all runs'}
          </button>
        </p>
      </div>
      {state?.error != null && (
        <p class="note bad" role="alert">
          {state.error}
        </p>
      )}
      {state !== null && state.error === null && <Results verdicts={state.verdicts} strangers={state.strangers} />}
      <section class="prose">
        <h2>The same on the command line</h2>
        <Command does="Fetches a receipt for each run from the vault, and checks all of them" command="vitrine vault accesses --customer NAME --secret FILE --from https://SITE --vault https://VAULT --policy my.policy" />
        <p class="quiet small">
          That a run read <em>something</em> of yours is proven to you alone. That it read <em>nothing</em> rests besides on the order of all customers’ leaves, which an auditor checks.
        </p>
      </section>
    </>
  );
}
