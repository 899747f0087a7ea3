// SPDX-License-Identifier: Apache-2.0
// A check that a component shows while it goes on.
import { useEffect, useState } from 'preact/hooks';
import type { CheckStep } from './verify/steps';

export interface Check {
  /** In the order in which they came. */
  steps: CheckStep[];
  /** Null while it goes on. */
  ok: boolean | null;
  failure: string | null;
}

export const NOT_BEGUN: Check = { steps: [], ok: null, failure: null };

/** Runs a check when `key` changes. `run` null: there is nothing to check yet. */
export function useCheck<R extends { ok: boolean; failure: string | null }>(
  key: string | null,
  run: ((onStep: (step: CheckStep) => void) => Promise<R>) | null,
): Check & { result: R | null; again: () => void } {
  const [check, setCheck] = useState<Check & { result: R | null }>({ ...NOT_BEGUN, result: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    setCheck({ ...NOT_BEGUN, result: null });
    if (key === null || run === null) return;
    let gone = false;
    run((step) => {
      if (!gone) setCheck((c) => ({ ...c, steps: [...c.steps, step] }));
    }).then(
      (result) => {
        if (!gone) setCheck((c) => ({ ...c, ok: result.ok, failure: result.failure, result }));
      },
      (e: unknown) => {
        if (!gone) setCheck((c) => ({ ...c, ok: false, failure: e instanceof Error ? e.message : String(e) }));
      },
    );
    return () => void (gone = true);
  }, [key, turn]);
  return { ...check, again: () => setTurn((t) => t + 1) };
}
