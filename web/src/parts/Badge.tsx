// SPDX-License-Identifier: Apache-2.0
// A state in a word and a sign; the colour only repeats it.
import type { ComponentChildren } from 'preact';

export type Tone = 'ok' | 'bad' | 'warn' | 'neutral';

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <Sign tone={tone} />
      {children}
    </span>
  );
}

const PATHS: Record<Tone, string> = {
  ok: 'M3.5 8.5l3 3 6-7',
  bad: 'M4 4l8 8M12 4l-8 8',
  warn: 'M8 3.5v6M8 11.8v.9',
  neutral: 'M4 8h8',
};

export function Sign({ tone, size = 14 }: { tone: Tone; size?: number }) {
  return (
    <svg class={`sign ${tone}`} viewBox="0 0 16 16" width={`${size / 16}rem`} height={`${size / 16}rem`} aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round">
      <path d={PATHS[tone]} />
    </svg>
  );
}

/** The state of a release in the API's word. */
export function ReleaseBadge({ state }: { state: string }) {
  if (state === 'verified') return <Badge tone="ok">Complete</Badge>;
  if (state === 'contradicted') return <Badge tone="bad">Contradicted</Badge>;
  return <Badge tone="warn">Incomplete</Badge>;
}
