// SPDX-License-Identifier: Apache-2.0
// Signing: what was chosen, the exact text that the passkey will sign, and what came of it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { count, plural } from '../lib/format';
import { session } from '../lib/store';
import type { Digest } from '../lib/types';
import type { ReviewerAccount } from '../lib/types-source';
import { useApi } from '../lib/use';
import { b64url, hex } from '../lib/verify/bytes';
import { Badge } from '../parts/Badge';
import { Digest as DigestPart } from '../parts/Digest';
import { Step, type StepState } from '../parts/Step';
import { Term } from '../parts/Term';
import { entryHref } from '../source/address';
import { Name } from '../source/Name';
import { chosenOf, clearChoices, unchoose } from './choices';
import { accountOf, awaitProof, sendReview, signEntry } from './send';
import { challengeOf, CODES, entryText, madeNow, objectionDocument, readingDocument, reviewDocument, sha256Digest, withoutTwins, type Covered, type FileLine, type ObjectionCode, type ReviewKind } from './write';
import { utf8 } from '../lib/verify/bytes';

const KIND_WORDS: Record<ReviewKind, string> = {
  reading: 'I have read these contents.',
  review: 'I sign off the whole snapshot.',
  objection: 'I object to a release from this snapshot.',
};

export interface SignProps {
  kind: ReviewKind;
  source: Digest;
  /** For a `review`. */
  covered?: Covered;
  onClose: () => void;
  /** After the entry is in the log. */
  onDone?: (index: number) => void;
}

type Stage = 'choose' | 'signing' | 'sent';
interface Progress {
  signed: StepState;
  sent: StepState;
  proven: StepState;
  failure: string | null;
  index: number | null;
  size: bigint | null;
}

const BEGIN: Progress = { signed: 'running', sent: 'waiting', proven: 'waiting', failure: null, index: null, size: null };

function Chosen({ source, files }: { source: Digest; files: readonly FileLine[] }) {
  if (files.length === 0) return <p class="empty">Nothing is chosen. Open a file and say what you read.</p>;
  return (
    <ul class="chosen">
      {files.map((f) => (
        <li key={`${f.path} ${f.from}`}>
          <Badge tone={f.verdict === 'ok' ? 'ok' : 'bad'}>{f.verdict}</Badge>
          <span class="chosen-name">
            <Name of={f.path} /> <span class="quiet nowrap">{f.from === null ? 'all' : `lines ${f.from} to ${f.to}`}</span>
          </span>
          <button type="button" class="icon" aria-label={`Take out ${f.path}${f.from === null ? '' : `, lines ${f.from} to ${f.to}`}`} title="Take out" onClick={() => unchoose(source, f)}>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" stroke="currentColor" stroke-width="1.8" stroke-linecap="round">
              <path d="M4 4l8 8M12 4l-8 8" />
            </svg>
          </button>
        </li>
      ))}
    </ul>
  );
}

function ExactText({ document, text, done }: { document: string; text: string; done: boolean }) {
  const challenge = challengeOf(text);
  return (
    <section class="stack tight">
      <h3>Exactly this {done ? 'was' : 'will be'} signed</h3>
      <p class="quiet small">
        The document, of {plural(utf8(document).length, 'byte')}. Its digest is <DigestPart of={sha256Digest(utf8(document))} what="document’s digest" />
      </p>
      <pre class="exact" tabIndex={0} aria-label="The document">
        {document}
      </pre>
      <p class="quiet small">The entry of the log, which names the document by that digest. Your passkey signs its SHA-256:</p>
      <pre class="exact" tabIndex={0} aria-label="The entry">
        {text}
      </pre>
      <p class="quiet small wrap">
        SHA-256 {hex(challenge)}, as the challenge <code>{b64url(challenge)}</code>
      </p>
    </section>
  );
}

function Result({ p, index }: { p: Progress; index: number | null }) {
  const failed = (s: StepState): string | null => (s === 'bad' ? p.failure : null);
  return (
    <ol class="steps" aria-live="polite">
      <Step title="Your passkey signed it, and this browser verified the signature" state={p.signed} failure={failed(p.signed)} />
      <Step title="The site took it into the log" state={p.sent} {...(index === null ? {} : { says: `entry ${count(index)}` })} failure={failed(p.sent)} />
      <Step title="A checkpoint covers it, and its path was verified here" state={p.proven} {...(p.size === null ? {} : { says: `in a tree of ${p.size}` })} failure={failed(p.proven)}>
        {p.proven === 'running' && <p>The log takes new entries in every second or so, then witnesses cosign.</p>}
      </Step>
    </ol>
  );
}

function documentOf(props: SignProps, reviewer: string, made: string, files: readonly FileLine[], code: ObjectionCode): string {
  const head = { source: props.source, reviewer, made };
  if (props.kind === 'reading') return readingDocument(head, withoutTwins(files));
  if (props.kind === 'objection') return objectionDocument(head, code, withoutTwins(files.filter((f) => f.verdict === 'concern')));
  if (props.covered === undefined) throw new Error('What is covered is not known.');
  return reviewDocument(head, props.covered);
}

/** The steps after the button; each says how it went. */
async function run(props: SignProps, document: string, text: string, reviewer: string, rp: string, stop: AbortSignal, show: (p: Progress) => void): Promise<void> {
  let p = BEGIN;
  const put = (more: Partial<Progress>): void => show((p = { ...p, ...more }));
  const failed = (e: unknown): string => (e instanceof Error ? e.message : String(e));
  put({});
  let entry: string;
  try {
    entry = await signEntry(text, (await accountOf(reviewer)).vkey, rp);
  } catch (e) {
    return put({ signed: 'bad', failure: failed(e) });
  }
  put({ signed: 'ok', sent: 'running' });
  let index: number;
  try {
    index = await sendReview(document, entry);
  } catch (e) {
    return put({ sent: 'bad', failure: failed(e) });
  }
  put({ sent: 'ok', proven: 'running', index });
  if (props.kind === 'reading') clearChoices(props.source);
  props.onDone?.(index);
  try {
    put({ proven: 'ok', size: await awaitProof(index, entry, stop) });
  } catch (e) {
    if (!stop.aborted) put({ proven: 'bad', failure: failed(e) });
  }
}

export function SignDialog(props: SignProps) {
  const { kind, source, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const stop = useRef(new AbortController());
  const [stage, setStage] = useState<Stage>('choose');
  const [progress, setProgress] = useState<Progress>(BEGIN);
  const [made] = useState(() => madeNow());
  const [code, setCode] = useState<ObjectionCode>('vulnerability');
  const [signed, setSigned] = useState<{ document: string; text: string } | null>(null);
  const now = session.value;
  const reviewer = now?.reviewer ?? null;
  const files = chosenOf(source);
  const accounts = useApi<{ items: ReviewerAccount[] }>('/reviewers');
  const unnamed = accounts.data?.items.find((r) => r.name === reviewer?.name)?.in_policy === false;

  useEffect(() => {
    dialog.current?.showModal();
    return () => stop.current.abort();
  }, []);

  let document = '';
  let problem: string | null = null;
  if (signed !== null) document = signed.document;
  else if (reviewer !== null) {
    try {
      document = documentOf(props, reviewer.name, made, files, code);
    } catch (e) {
      problem = e instanceof Error ? e.message : String(e);
    }
  }
  const text = signed?.text ?? (document === '' ? '' : entryText(kind, source, document));

  const begin = (): void => {
    if (reviewer === null || now === null || document === '') return;
    setSigned({ document, text });
    setStage('signing');
    void run(props, document, text, reviewer.name, now.rp, stop.current.signal, (p) => {
      setProgress(p);
      if (p.proven !== 'waiting') setStage('sent');
    });
  };
  const again = (): void => {
    setSigned(null);
    setStage('choose');
  };

  return (
    <dialog ref={dialog} class="sheet wide" aria-labelledby="sign-title" onClose={onClose}>
      <div class="sheet-body stack">
        <h2 id="sign-title">{KIND_WORDS[kind]}</h2>
        <p class="quiet">
          What you sign goes into the public <Term word="log">log</Term>, for ever, in the name <strong>{reviewer?.name}</strong>.{' '}
          {kind === 'objection' && 'It holds no words of yours: say those in comments.'}
        </p>
        {unnamed && <p class="note warn">The site’s policy does not name your key yet, so the site will refuse this. Its operator has to put the line of your key there first.</p>}
        {stage === 'choose' && kind === 'objection' && (
          <div class="field">
            <label for="code">Why</label>
            <select id="code" value={code} onChange={(e) => setCode(e.currentTarget.value as ObjectionCode)}>
              {CODES.map((c) => (
                <option key={c}>{c}</option>
              ))}
            </select>
          </div>
        )}
        {stage === 'choose' && kind !== 'review' && <Chosen source={source} files={kind === 'objection' ? files.filter((f) => f.verdict === 'concern') : files} />}
        {problem !== null && files.length > 0 && (
          <p class="note bad" role="alert">
            {problem}
          </p>
        )}
        {stage !== 'choose' && <Result p={progress} index={progress.index} />}
        {document !== '' && <ExactText document={document} text={text} done={progress.signed === 'ok'} />}
        <p class="row sheet-end">
          {stage === 'choose' && (
            <button type="button" class="primary" disabled={document === ''} onClick={begin}>
              Sign with my passkey
            </button>
          )}
          {stage === 'signing' && (progress.signed === 'bad' || progress.sent === 'bad') && (
            <button type="button" class="primary" onClick={again}>
              Try again
            </button>
          )}
          {progress.index !== null && (
            <a class="button" href={entryHref(progress.index)} onClick={() => dialog.current?.close()}>
              See entry {count(progress.index)}
            </a>
          )}
          <button type="button" onClick={() => dialog.current?.close()}>
            {stage === 'sent' ? 'Done' : 'Cancel'}
          </button>
        </p>
      </div>
    </dialog>
  );
}

/** What is chosen and not signed yet, with the way to sign it. Nothing for those who are not logged in. */
export function SignOffBar({ source, onDone }: { source: Digest; onDone?: (index: number) => void }) {
  const [open, setOpen] = useState(false);
  const files = chosenOf(source);
  if (session.value?.reviewer == null || (files.length === 0 && !open)) return null;
  const concerns = files.filter((f) => f.verdict === 'concern').length;
  return (
    <section class="sign-bar no-print" aria-label="Your sign-off">
      <p>
        <strong>{plural(files.length, 'piece')}</strong> marked as read{concerns > 0 ? `, ${concerns} with a concern` : ''}, <span class="nowrap">not signed yet.</span>
      </p>
      <p class="row">
        <button type="button" class="primary" onClick={() => setOpen(true)}>
          Look at it and sign
        </button>
        <button type="button" onClick={() => clearChoices(source)}>
          Forget it
        </button>
      </p>
      {open && <SignDialog kind="reading" source={source} onClose={() => setOpen(false)} {...(onDone === undefined ? {} : { onDone })} />}
    </section>
  );
}
