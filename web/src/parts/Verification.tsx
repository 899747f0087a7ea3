// SPDX-License-Identifier: Apache-2.0
// A check shown as it goes: the verdict, and each step with what was checked, with which bytes, and the
// command that repeats it.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Check } from '../lib/check';
import { sentence } from '../lib/format';
import { announce } from '../lib/store';
import type { CheckStep } from '../lib/verify/steps';
import { Sign } from './Badge';
import { Command } from './Command';
import { Said } from './Said';
import { Step } from './Step';

export interface VerdictProps {
  check: Check;
  ok: ComponentChildren;
  bad: ComponentChildren;
  running?: ComponentChildren | undefined;
}

/** The result in large letters; told to screen readers when it is there. */
export function Verdict({ check, ok, bad, running = 'Checking…' }: VerdictProps) {
  const tone = check.ok === null ? 'neutral' : check.ok ? 'ok' : 'bad';
  useEffect(() => {
    if (check.ok !== null) announce(check.ok ? 'Verified.' : `Not verified: ${check.failure}`);
  }, [check.ok, check.failure]);
  return (
    <div class={`verdict ${tone}`}>
      <span class="verdict-sign">{check.ok === null ? <span class="spin" aria-hidden="true" /> : <Sign tone={tone} size={28} />}</span>
      <div>
        {check.ok === null ? <p class="verdict-word">{running}</p> : check.ok ? ok : bad}
        {check.ok === false && <p class="verdict-failure">
            <Said text={sentence(check.failure)} />
          </p>}
      </div>
    </div>
  );
}

export interface StepListProps {
  check: Check;
  /** Titles of the steps to come, so that the list does not grow while it runs. */
  expected: { id: string; title: string }[];
  commands?: Record<string, string> | undefined;
  label: string;
}

export function StepList({ check, expected, commands = {}, label }: StepListProps) {
  const done = new Map(check.steps.map((s) => [s.id, s]));
  const order = [...expected];
  for (const s of check.steps) if (!order.some((e) => e.id === s.id)) order.push({ id: s.id, title: s.title });
  const rows = check.ok === null ? order : order.filter((o) => done.has(o.id) || check.steps.length === 0);
  const next = rows.find((o) => !done.has(o.id));
  return (
    <ol class="steps" aria-label={label}>
      {rows.map((o) => {
        const step = done.get(o.id);
        if (step === undefined) return <Step key={o.id} title={o.title} state={check.ok === null && o === next ? 'running' : 'waiting'} />;
        return (
          <Step
            key={o.id}
            title={step.title}
            state={step.state}
            failure={step.state === 'bad' ? <Said text={sentence(step.failure)} /> : null}
            more={step.state === 'waiting' ? undefined : <StepDetail step={step} command={commands[step.id]} />}
          />
        );
      })}
    </ol>
  );
}

function StepDetail({ step, command }: { step: CheckStep; command: string | undefined }) {
  return (
    <div class="stack tight">
      <p>{step.how}</p>
      {step.facts.length > 0 && (
        <dl class="facts small">
          {step.facts.map((f, i) => (
            <div class="pair" key={i}>
              <dt>{f.name}</dt>
              <dd class="wrap">
                <code>{f.value}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {command !== undefined && <Command does="The same on your own machine:" command={command} />}
    </div>
  );
}
