// SPDX-License-Identifier: Apache-2.0
// A check as a list of steps that people can follow. All of it is text, so that a worker can send it.
import { VerifyError } from './bytes';

export type StepState = 'ok' | 'bad' | 'waiting' | 'skipped';

export interface Fact {
  name: string;
  value: string;
}

export interface CheckStep {
  id: string;
  /** What is shown, in plain words: "Every entry is in the log". */
  title: string;
  /** How it was checked, in one or two sentences. */
  how: string;
  /** With which bytes. */
  facts: Fact[];
  state: StepState;
  /** One sentence that names who or what is wrong. */
  failure: string | null;
}

export type OnStep = (step: CheckStep) => void;

/** Runs steps one after the other; after the first failure the others wait. */
export class Steps {
  readonly list: CheckStep[] = [];
  failure: string | null = null;

  constructor(private readonly onStep?: OnStep) {}

  /** Runs a step. What `check` puts into `facts` is kept when it throws, too. Null after a failure. */
  run<T>(step: Pick<CheckStep, 'id' | 'title' | 'how'>, check: (facts: Fact[]) => T): T | null {
    if (this.failure !== null) {
      this.add({ ...step, facts: [], state: 'waiting', failure: null });
      return null;
    }
    const facts: Fact[] = [];
    try {
      const result = check(facts);
      this.add({ ...step, facts, state: result === SKIPPED ? 'skipped' : 'ok', failure: null });
      return result;
    } catch (e) {
      this.failure = e instanceof VerifyError ? e.message : `the checker itself failed: ${String(e)}`;
      this.add({ ...step, facts, state: 'bad', failure: this.failure });
      return null;
    }
  }

  private add(step: CheckStep): void {
    this.list.push(step);
    this.onStep?.(step);
  }
}

/** Returned by a step that nobody demands. */
export const SKIPPED = Symbol('skipped');
