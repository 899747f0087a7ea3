// SPDX-License-Identifier: Apache-2.0
// The log as this browser saw it last, and whether it is still the same log: shared by the pages that
// say so.
import { useEffect, useState } from 'preact/hooks';
import { bytes } from './api';
import { keep, kept } from './store';
import type { PolicyInUse } from './policy';
import type { LogResult, Seen } from './verify/log_check';
import { ask } from './verifier';
import { useCheck } from './check';

const KEY = 'seen';

export interface Kept {
  seen: Seen;
  /** The checkpoint itself: evidence, should the log change its mind. */
  note: string;
  at: string;
}

export function lastSeen(): Kept | null {
  try {
    const k = JSON.parse(kept(KEY) ?? 'null') as Kept | null;
    return k !== null && typeof k.seen?.size === 'string' && typeof k.seen.root === 'string' && typeof k.note === 'string' ? k : null;
  } catch {
    return null;
  }
}

export function forgetSeen(): void {
  keep(KEY, null);
}

export type LogCheck = ReturnType<typeof useCheck<LogResult>> & {
  /** What was kept before this check; null on a first visit. */
  before: Kept | null;
  /** The newest checkpoint. */
  note: Uint8Array | null;
  /** The site could not be asked. */
  error: Error | null;
};

/** Fetches the newest checkpoint and checks it against the policy and the last one seen here. */
export function useLogCheck(policy: PolicyInUse | null): LogCheck {
  const [note, setNote] = useState<Uint8Array | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const [before] = useState(lastSeen);
  useEffect(() => {
    bytes('/checkpoint').then(setNote, (e: unknown) => setError(e instanceof Error ? e : new Error(String(e))));
  }, []);
  const ready = policy !== null && note !== null;
  const check = useCheck<LogResult>(
    ready ? policy.text : null,
    ready ? (onStep) => ask('log', { policy: policy.data, note, seen: before?.seen ?? null }, { onStep }) : null,
  );
  useEffect(() => {
    if (check.result?.ok !== true || check.result.now === null || note === null) return;
    const value: Kept = { seen: check.result.now, note: new TextDecoder().decode(note), at: new Date().toISOString() };
    keep(KEY, JSON.stringify(value));
  }, [check.result]);
  return { ...check, before, note, error };
}
