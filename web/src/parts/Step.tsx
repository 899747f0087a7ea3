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
  failure?: string | null | undefined;
  children?: ComponentChildren | undefined;
}

export function Step({ title, state, says, failure, children }: StepProps) {
  const tone = state === 'ok' ? 'ok' : state === 'bad' ? 'bad' : 'neutral';
  return (
    <li class={`step ${state}`}>
      <div class="step-head">
        <span class={`step-sign ${state}`}>{state === 'running' ? <span class="spin" aria-hidden="true" /> : <Sign tone={tone} size={16} />}</span>
        <span class="step-title">{title}</span>
        <span class={`step-says ${state}`}>{says ?? WORDS[state]}</span>
      </div>
      {failure !== undefined && failure !== null && <p class="step-failure">{failure}</p>}
      {children !== undefined && <div class="step-body">{children}</div>}
    </li>
  );
}
