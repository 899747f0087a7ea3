// SPDX-License-Identifier: Apache-2.0
// The check of an artifact by its passport: verdict, policy, steps.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useCheck, type Check } from '../lib/check';
import { plural, shellWord, time } from '../lib/format';
import { ownPolicy, policyInUse, type PolicyInUse } from '../lib/policy';
import { site } from '../lib/store';
import type { PassportResult } from '../lib/verify/passport_check';
import { ask } from '../lib/verifier';
import { Problem } from './Async';
import { PolicyChoice } from './PolicyChoice';
import { StepList, Verdict } from './Verification';
import '../styles/verify.css';

const EXPECTED = [
  { id: 'policy', title: 'The policy says whom to trust' },
  { id: 'passport', title: 'The passport is whole' },
  { id: 'artifact', title: 'The passport is about this file' },
  { id: 'log', title: 'The log signed its state' },
  { id: 'witnesses', title: 'Independent witnesses saw the same log' },
  { id: 'paths', title: 'Every entry is in the log' },
  { id: 'signatures', title: 'Every entry is signed by whom it names' },
  { id: 'mismatch', title: 'Nobody built it again and got other bytes' },
  { id: 'assembly', title: 'It was assembled from known inputs' },
  { id: 'source', title: 'Its source is the one meant for release' },
  { id: 'environment', title: 'Its tools are known' },
  { id: 'rebuild', title: 'Others built it again and got the same bytes' },
  { id: 'review', title: 'Its source was read and signed off' },
  { id: 'release', title: 'It was released' },
];

/** The policy in use, and again when the visitor changes it. */
export function usePolicy(): { policy: PolicyInUse | null; error: Error | null } {
  const [state, setState] = useState<{ policy: PolicyInUse | null; error: Error | null }>({ policy: null, error: null });
  const own = ownPolicy.value;
  useEffect(() => {
    let gone = false;
    policyInUse().then(
      (policy) => !gone && setState({ policy, error: null }),
      (e: unknown) => !gone && setState({ policy: null, error: e instanceof Error ? e : new Error(String(e)) }),
    );
    return () => void (gone = true);
  }, [own]);
  return state;
}

function commandsFor(file: string, artifact: string): Record<string, string> {
  const url = shellWord(site.value?.url ?? location.origin);
  const name = shellWord(file);
  const verify = `vitrine verify ${name} --passport ${shellWord(`${file}.passport`)} --policy my.policy`;
  const all = Object.fromEntries(EXPECTED.map(({ id }) => [id, verify]));
  return {
    ...all,
    policy: 'vitrine policy check my.policy',
    artifact: `sha256sum ${name}`,
    log: `vitrine log checkpoint --from ${url} --policy my.policy`,
    witnesses: `vitrine log checkpoint --from ${url} --policy my.policy`,
    paths: `vitrine log check --from ${url} --policy my.policy`,
    mismatch: `vitrine log check --from ${url} --policy my.policy`,
    rebuild: `vitrine rebuild run my-home --from ${url} --artifact ${shellWord(artifact)}`,
  };
}

export interface PassportCheckProps {
  /** The passport's bytes; null while they are fetched. */
  passport: Uint8Array | null;
  /** Hex SHA-256 of the file at hand; null: nothing was hashed, the passport is taken at its word. */
  artifact: string | null;
  file: string;
  /** Told when the check has ended, and when it begins anew (null). */
  onResult?: ((result: PassportResult | null) => void) | undefined;
  /** Shown between the verdict and the steps. */
  children?: ComponentChildren;
}

export function PassportCheck({ passport, artifact, file, onResult, children }: PassportCheckProps) {
  const { policy, error } = usePolicy();
  const ready = passport !== null && policy !== null;
  const [count, setCount] = useState(0);
  useEffect(() => setCount((n) => n + 1), [passport, artifact, policy]);
  const check = useCheck<PassportResult>(
    ready ? String(count) : null,
    ready ? (onStep) => ask('passport', { passport, policy: policy.data, artifact }, { onStep }) : null,
  );
  useEffect(() => onResult?.(check.result), [check.result]);
  if (error !== null) return <Problem error={error} what="the policy" />;
  const review = policy !== null && /^[ \t]*require[ \t]+review[ \t]/m.test(policy.text);
  return (
    <>
      <section class="stack" aria-labelledby="verification">
        <h2 id="verification" class="offscreen">
          Verification
        </h2>
        <PassportVerdict check={check} own={policy?.own ?? false} />
        <PolicyChoice policy={policy} />
      </section>
      {children}
      <section aria-labelledby="steps">
        <h2 id="steps">Step by step</h2>
        <p class="prose quiet below">What your browser has checked, in this order. Open a step to see with which bytes, and the command that repeats it.</p>
        <StepList
          check={check}
          expected={EXPECTED.filter((s) => s.id !== 'review' || review)}
          commands={commandsFor(file, check.result?.artifact ?? (artifact === null ? '' : `sha256:${artifact}`))}
          label="Steps of the verification"
        />
      </section>
    </>
  );
}

function PassportVerdict({ check, own }: { check: Check & { result: PassportResult | null }; own: boolean }) {
  const r = check.result;
  return (
    <Verdict
      check={check}
      running="Checking in this browser…"
      ok={
        <>
          <p class="verdict-word">Verified in this browser</p>
          <p>
            All that {own ? 'your' : 'the site’s'} policy demands is proven by {plural(r?.counted.length ?? 0, 'entry', 'entries')} of the log.
            {r?.vouched != null && <> The witnesses vouch for it at {time(r.vouched)}.</>}
          </p>
        </>
      }
      bad={<p class="verdict-word">Not verified</p>}
    />
  );
}
