// SPDX-License-Identifier: Apache-2.0
// One entry of the log: what it says, and the proof that it is there.
import { useRoute } from 'preact-iso';
import { useEffect, useState } from 'preact/hooks';
import { bytes } from '../lib/api';
import { useCheck } from '../lib/check';
import { site } from '../lib/store';
import type { Entry as EntryOf } from '../lib/types';
import { useApi } from '../lib/use';
import { unb64, utf8 } from '../lib/verify/bytes';
import type { LogResult } from '../lib/verify/log_check';
import { ask } from '../lib/verifier';
import { kindName, kindSays, objectPath, roleName, subjectPage } from '../lib/words';
import { Async, Problem } from '../parts/Async';
import { Digest } from '../parts/Digest';
import { usePolicy } from '../parts/PassportCheck';
import { PolicyChoice } from '../parts/PolicyChoice';
import { Statement } from '../parts/Statement';
import { Term } from '../parts/Term';
import { Time } from '../parts/Time';
import { Title } from '../parts/Title';
import { StepList, Verdict } from '../parts/Verification';
import '../styles/verify.css';

const EXPECTED = [
  { id: 'policy', title: 'The policy says whom to trust' },
  { id: 'log', title: 'The log signed its state' },
  { id: 'witnesses', title: 'Independent witnesses saw the same log' },
  { id: 'inclusion', title: 'The entry is in the log' },
  { id: 'form', title: 'The entry has the one form that it may have' },
  { id: 'signature', title: 'It is signed by whom it names' },
  { id: 'statement', title: 'What it says in full is the file that it names' },
];

interface Material {
  note: Uint8Array;
  statement: Uint8Array | null;
}

/** The checkpoint and the statement, for the check. */
function useMaterial(e: EntryOf): { data: Material | null; error: Error | null } {
  const [state, setState] = useState<{ data: Material | null; error: Error | null }>({ data: null, error: null });
  useEffect(() => {
    const stop = new AbortController();
    const path = objectPath(e.statement);
    const own = e.raw === null ? null : utf8(e.raw);
    const statement = path === null ? Promise.resolve(own) : bytes(path, stop.signal).catch(() => own);
    Promise.all([bytes('/checkpoint', stop.signal), statement]).then(
      ([note, s]) => setState({ data: { note, statement: s }, error: null }),
      (error: unknown) => !stop.signal.aborted && setState({ data: null, error: error instanceof Error ? error : new Error(String(error)) }),
    );
    return () => stop.abort();
  }, [e.index, e.statement]);
  return state;
}

function Proof({ e }: { e: EntryOf }) {
  const { policy, error } = usePolicy();
  const material = useMaterial(e);
  const entry = unb64(e.text);
  const ready = policy !== null && material.data !== null && entry !== null;
  const check = useCheck<LogResult>(
    ready ? policy.text : null,
    ready
      ? (onStep) => ask('entry', { policy: policy.data, note: (material.data as Material).note, index: String(e.index), bytes: entry, statement: material.data?.statement ?? null }, { onStep })
      : null,
  );
  const problem = error ?? material.error;
  if (problem !== null) return <Problem error={problem} what="the proof of this entry" />;
  const url = site.value?.url ?? location.origin;
  const prove = `vitrine log prove ${e.index} --from ${url} --policy my.policy --output ${e.index}.proof`;
  return (
    <div class="stack">
      <Verdict
        check={check}
        ok={
          <>
            <p class="verdict-word">It is in the log, and its signature is right</p>
            <p>Your browser has computed the way from this entry to the root that the witnesses signed.</p>
          </>
        }
        bad={<p class="verdict-word">Not verified</p>}
      />
      <PolicyChoice policy={policy} />
      <StepList
        check={check}
        expected={EXPECTED}
        label="Steps of the verification of this entry"
        commands={{ log: `vitrine log checkpoint --from ${url} --policy my.policy`, witnesses: `vitrine log checkpoint --from ${url} --policy my.policy`, inclusion: prove, signature: prove }}
      />
    </div>
  );
}

function Facts({ e }: { e: EntryOf }) {
  return (
    <dl class="facts">
      <dt>Signed by</dt>
      <dd class="wrap">
        {e.kind === 'log-index' ? <>the log itself ({e.key})</> : e.signer === null ? <>{e.key}, whom the site’s policy does not name</> : e.signer === e.key ? e.key : `${e.signer} (${e.key})`}
        {e.organisation !== null && e.organisation !== e.signer && <span class="quiet">, of {e.organisation}</span>}
      </dd>
      <dt>In the log since</dt>
      <dd>
        <Time at={e.time} />
      </dd>
      {e.subjects.map((s) => (
        <>
          <dt key={`${s.digest} name`}>{roleName(s.role)}</dt>
          <dd key={`${s.digest} value`}>
            <Digest of={s.digest} what={`digest of the ${s.role}`} href={subjectPage(s.role, s.digest, e.kind)} />
          </dd>
        </>
      ))}
      {e.statement !== null && (
        <>
          <dt>Statement</dt>
          <dd>
            <Digest of={e.statement} what="digest of the statement" />
          </dd>
        </>
      )}
    </dl>
  );
}

function Body({ e }: { e: EntryOf }) {
  const text = unb64(e.text);
  return (
    <>
      <section aria-labelledby="says" class="stack">
        <h2 id="says">What it says</h2>
        <Facts e={e} />
        {e.statement !== null && <Statement e={e} />}
      </section>
      <section aria-labelledby="proof" class="stack">
        <h2 id="proof">Checked by this browser</h2>
        <Proof e={e} />
      </section>
      <section aria-labelledby="raw" class="stack">
        <h2 id="raw">The entry itself</h2>
        <p class="prose quiet">
          These bytes, and no others, are the leaf of the <Term word="Merkle tree">tree</Term>.
        </p>
        <pre tabIndex={0}>{text === null ? e.text : new TextDecoder().decode(text)}</pre>
      </section>
      <nav class="row apart no-print" aria-label="Other entries">
        {e.index > 0 ? <a href={`/log/${e.index - 1}`}>← Entry {e.index - 1}</a> : <span />}
        {e.index + 1 < (site.value?.checkpoint?.size ?? 0) && <a href={`/log/${e.index + 1}`}>Entry {e.index + 1} →</a>}
      </nav>
    </>
  );
}

export default function Entry() {
  const { params } = useRoute();
  const index = params['index'] ?? '';
  const entry = useApi<EntryOf>(/^\d{1,15}$/.test(index) ? `/entries/${index}` : '/entries/none');
  const e = entry.data;
  return (
    <>
      <Title name={e === null ? `Entry ${index}` : `Entry ${index}: ${kindName(e.kind)}`} lead={e === null ? '\u00a0' : kindSays(e.kind)} />
      <Async of={entry} what="this entry" lines={24}>
        {(data) => <Body key={data.index} e={data} />}
      </Async>
    </>
  );
}
