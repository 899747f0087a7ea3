// SPDX-License-Identifier: Apache-2.0
// One step of a verification, in a list: <ol class="steps"><Step …/></ol>.
import type { ComponentChildren } from 'preact';
import { Sign } from './Badge';

export type StepState = 'ok' | 'bad' | 'running' | 'waiting' | 'skipped';

const WORDS: Record<StepState, string> = {
  ok: 'verified',
  bad: 'failed',
  running: 'checking…',
  waiting: 'not checked',
  skipped: 'not demanded',
};

export interface StepProps {
  title: ComponentChildren;
  state: StepState;
  /** The word beside the sign, when it is not the usual one. */
  says?: string | undefined;
  /** One sentence: what is wrong. */
  failure?: ComponentChildren;
  children?: ComponentChildren | undefined;
  /** What is shown when the step is opened. */
  more?: ComponentChildren | undefined;
}

export function Step({ title, state, says, failure, children, more }: StepProps) {
  const tone = state === 'ok' ? 'ok' : state === 'bad' ? 'bad' : 'neutral';
  const head = (
    <>
      <span class={`step-sign ${state}`}>{state === 'running' ? <span class="spin" aria-hidden="true" /> : <Sign tone={tone} size={16} />}</span>
      <span class="step-title">{title}</span>
      <span class={`step-says ${state}`}>{says ?? WORDS[state]}</span>
    </>
  );
  return (
    <li class={`step ${state}`}>
      {more === undefined ? (
        <div class="step-head">{head}</div>
      ) : (
        <details class="step-more">
          <summary class="step-head">{head}</summary>
          <div class="step-body">{more}</div>
        </details>
      )}
      {failure !== undefined && failure !== null && <p class="step-failure">{failure}</p>}
      {children !== undefined && <div class="step-body">{children}</div>}
    </li>
  );
}
